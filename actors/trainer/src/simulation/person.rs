//! Who a simulated person is: what nobody sees, and what their answers come from.
//!
//! A world is kept apart from the engine. Nothing here is a feature, a weight or a rule of the domain: hours are bumps, not
//! circles; tastes are log odds, not scores; tiredness has a half-life of its own in each person.

use super::dice::{Dice, Of};

/// A time of day at which somebody likes to hear something, as a bump.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peak {
    pub hour: f64,
    /// Hours from its top to where it has lost two fifths.
    pub width: f64,
    /// Log odds at its top.
    pub height: f64,
}

/// What kind of thing a tip is about, as a person sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    Task,
    Prepare,
    Habit,
    Advice,
}

impl Sort {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Task, Self::Prepare, Self::Habit, Self::Advice];

    /// As reports call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Prepare => "prepare",
            Self::Habit => "habit",
            Self::Advice => "advice",
        }
    }
}

/// What somebody likes to hear, and when: what a change of taste changes.
#[derive(Debug, Clone, PartialEq)]
pub struct Taste {
    pub peaks: [Peak; 2],
    /// Log odds on a day off.
    pub weekend: f64,
    /// Log odds just after something ended, gone after half an hour.
    pub after_event: f64,
    /// Log odds when something begins within half an hour.
    pub rushed: f64,
    /// Log odds by [`Sort`].
    pub likes: [f64; 4],
    /// Log odds of what is due, of the most urgent, of what takes no time.
    pub due: f64,
    pub urgent: f64,
    pub short: f64,
}

/// How somebody's days are.
#[derive(Debug, Clone, PartialEq)]
pub struct Rhythm {
    pub zone: &'static str,
    /// Hours of the wall clock.
    pub wakes: f64,
    pub sleeps: f64,
    pub works: (f64, f64),
    /// On average on a working day.
    pub meetings: f64,
    /// On average a day.
    pub tasks: f64,
    pub habits: usize,
    /// How often a day they come to the screen.
    pub visits: f64,
    /// The probability of saying how they feel on a day.
    pub says_mood: f64,
}

/// A simulated person.
#[derive(Debug, Clone, PartialEq)]
pub struct Person {
    pub temper: &'static str,
    pub rhythm: Rhythm,
    pub taste: Taste,
    /// Log odds of doing what a tip says, all else being even.
    pub willing: f64,
    /// The probability of seeing a tip at all.
    pub notices: f64,
    /// Log odds lost for each tip that still weighs, and the days in which half of it is gone.
    pub tires: f64,
    pub recovers: f64,
    /// Log odds lost for hearing the same again at once.
    pub repeats: f64,
    /// The part of the trust that an unwelcome tip costs.
    pub touchy: f64,
    /// Days until half of what is left would be done without any tip.
    pub diligence: f64,
}

/// Kinds of people: each draws somebody of its kind.
pub const TEMPERS: [&str; 5] = ["lark", "owl", "busy", "touchy", "leisurely"];

impl Person {
    /// Somebody of one of the [`TEMPERS`], by turns.
    pub fn draw(seed: u64, number: u64) -> Self {
        let temper = TEMPERS[(number % TEMPERS.len() as u64) as usize];
        Self::of(temper, &mut Dice::new(seed, number, Of::Traits))
    }

    /// Somebody of that temper.
    pub fn of(temper: &'static str, dice: &mut Dice) -> Self {
        let mut person = Self::ordinary(temper, dice);
        match temper {
            "lark" => person.shift(-1.5),
            "owl" => person.shift(2.0),
            "busy" => {
                person.rhythm.meetings += 2.5;
                person.rhythm.tasks += 1.5;
                person.taste.after_event += 0.6;
                person.taste.rushed -= 0.8;
            }
            "touchy" => {
                person.willing -= 0.4;
                person.tires += 0.25;
                person.touchy *= 2.0;
            }
            _ => {
                person.rhythm.meetings *= 0.3;
                person.rhythm.works = (10.0, 14.0);
                person.taste.weekend += 0.3;
                person.diligence *= 1.5;
            }
        }
        person
    }

    fn ordinary(temper: &'static str, dice: &mut Dice) -> Self {
        let zones = ["Europe/Zurich", "Europe/Zurich", "America/New_York", "Australia/Sydney"];
        let wakes = dice.normal(6.8, 0.6).clamp(5.0, 9.0);
        Self {
            temper,
            rhythm: Rhythm {
                zone: dice.one_of(&zones).copied().unwrap_or("UTC"),
                wakes,
                sleeps: (wakes + dice.normal(15.8, 0.5)).clamp(20.5, 25.0),
                works: (9.0, 17.5),
                meetings: dice.between(1.0, 4.0),
                tasks: dice.between(1.5, 3.5),
                habits: 1 + dice.count(0.8).min(2) as usize,
                visits: dice.between(2.0, 6.0),
                says_mood: dice.between(0.0, 0.5),
            },
            taste: Taste::draw(dice),
            willing: dice.normal(-0.4, 0.5),
            notices: dice.between(0.65, 0.95),
            tires: dice.between(0.05, 0.35),
            recovers: dice.between(0.5, 2.5),
            repeats: dice.between(0.5, 1.5),
            touchy: dice.between(0.004, 0.015),
            diligence: dice.between(3.0, 9.0),
        }
    }

    fn shift(&mut self, hours: f64) {
        self.rhythm.wakes = (self.rhythm.wakes + hours).clamp(4.5, 11.0);
        self.rhythm.sleeps = (self.rhythm.sleeps + hours).clamp(20.0, 26.0);
        for peak in &mut self.taste.peaks {
            peak.hour = (peak.hour + hours).clamp(7.5, 21.5);
        }
    }

    /// The same person with another taste: their best hours moved and their likes in another order.
    pub fn with_taste_of(&self, seed: u64, number: u64) -> Self {
        let mut dice = Dice::new(seed, number, Of::Change);
        let mut taste = Taste::draw(&mut dice);
        taste.likes = self.taste.likes;
        taste.likes.rotate_right(1);
        let moved = dice.between(4.0, 8.0);
        for (peak, was) in taste.peaks.iter_mut().zip(&self.taste.peaks) {
            peak.hour = 8.0 + (was.hour - 8.0 + moved).rem_euclid(13.0);
        }
        Self { taste, ..self.clone() }
    }
}

impl Taste {
    fn draw(dice: &mut Dice) -> Self {
        let mut peak = |hour: f64, spread: f64| Peak {
            hour: dice.normal(hour, spread).clamp(8.0, 21.5),
            width: dice.between(1.0, 2.5),
            height: dice.between(0.6, 1.8),
        };
        Self {
            peaks: [peak(9.5, 1.5), peak(17.0, 2.5)],
            weekend: dice.normal(-0.2, 0.5),
            after_event: dice.normal(0.4, 0.4),
            rushed: dice.normal(-0.5, 0.3),
            likes: std::array::from_fn(|_| dice.normal(0.0, 0.8)),
            due: dice.normal(0.8, 0.5),
            urgent: dice.normal(0.5, 0.4),
            short: dice.normal(0.5, 0.4),
        }
    }

    /// Log odds of the hour: the two peaks, and a floor between them.
    pub fn of_hour(&self, hour: f64) -> f64 {
        const FLOOR: f64 = -0.7;
        let bump = |peak: &Peak| {
            // Around the clock: an hour before midnight is near one after it.
            let away = (hour - peak.hour + 12.0).rem_euclid(24.0) - 12.0;
            peak.height * (-0.5 * (away / peak.width).powi(2)).exp()
        };
        FLOOR + self.peaks.iter().map(bump).sum::<f64>()
    }
}

/// What a person knows of a thing that a tip is about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thing {
    pub sort: Sort,
    /// Days until it is due, negative past it.
    pub due: Option<f64>,
    /// From 0 to 1.
    pub urgency: f64,
    pub minutes: f64,
}
