//! What a person does about a tip: from who they are, where they stand, and what they were told before.

use super::person::{Person, Sort, Thing};
use jiff::Timestamp;
use oo_contracts::tip::Subject;

/// What an answer is worth to the person (recommender §1: done is the aim; a dismissed tip and every interruption cost).
/// These are the world's own numbers, the currency that all policies are compared in.
pub const DONE: f64 = 1.0;
pub const NOT_NOW: f64 = -0.2;
pub const NOT_FOR_ME: f64 = -0.8;
pub const IGNORED: f64 = -0.2;
pub const INTERRUPTED: f64 = 0.05;

/// Whoever trusts less than this turns tips off for good.
const LEAVES_BELOW: f64 = 0.25;
/// What a tip that was acted on gives back of the trust that is lost.
const TRUST_BACK: f64 = 0.06;
/// "Not for me" says that a tip was more than unwelcome.
const WRONG_COUNTS: f64 = 4.0;
/// The probability of noticing a tip while asleep, and while away from the screen against being at it.
const ASLEEP: f64 = 0.03;
const AWAY: f64 = 0.85;
/// Log odds of calling a thing wrong, for one that is neither liked nor disliked.
const WRONG: f64 = -3.2;
/// How much of a dislike turns into calling it wrong.
const DISLIKE: f64 = 1.2;
/// Of what was seen and not done, so much is put off; the rest is left alone.
const PUTS_OFF: f64 = 0.5;
/// How long hearing the same again bothers, as the days in which half of it is forgotten.
const SAME_AGAIN_DAYS: f64 = 1.0;

/// Where somebody stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scene {
    pub at: Timestamp,
    /// Hours since midnight on the wall clock.
    pub hour: f64,
    pub day_off: bool,
    pub asleep: bool,
    pub present: bool,
    /// Minutes since something ended and until something begins, where either is near.
    pub since_event: Option<f64>,
    pub until_event: Option<f64>,
}

/// What may come of a tip, as probabilities that sum to one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chances {
    pub done: f64,
    pub not_now: f64,
    pub not_for_me: f64,
    pub ignored: f64,
}

impl Chances {
    /// What a tip is worth on average.
    pub fn worth(&self) -> f64 {
        self.done * DONE + self.not_now * NOT_NOW + self.not_for_me * NOT_FOR_ME + self.ignored * IGNORED - INTERRUPTED
    }

    /// What a ticket from 0 to 1 draws.
    pub fn draw(&self, ticket: f64) -> Reaction {
        let mut below = 0.0;
        for (chance, reaction) in
            [(self.done, Reaction::Done), (self.not_now, Reaction::NotNow), (self.not_for_me, Reaction::NotForMe)]
        {
            below += chance;
            if ticket < below {
                return reaction;
            }
        }
        Reaction::Ignored
    }
}

/// What a person made of a tip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    Done,
    NotNow,
    NotForMe,
    Ignored,
}

impl Reaction {
    /// What it is worth.
    pub fn worth(self) -> f64 {
        let worth = match self {
            Self::Done => DONE,
            Self::NotNow => NOT_NOW,
            Self::NotForMe => NOT_FOR_ME,
            Self::Ignored => IGNORED,
        };
        worth - INTERRUPTED
    }
}

/// How a person has come to feel about tips.
#[derive(Debug, Clone)]
pub struct Mind {
    /// From 0 to 1.
    pub trust: f64,
    /// What was said and still weighs, at the time beside it.
    burden: (f64, Option<Timestamp>),
    told: Vec<(Subject, Timestamp)>,
}

impl Default for Mind {
    fn default() -> Self {
        Self { trust: 1.0, burden: (0.0, None), told: Vec::new() }
    }
}

impl Mind {
    /// Tips that still weigh at `now`.
    pub fn burden(&self, person: &Person, now: Timestamp) -> f64 {
        self.burden.0 * self.burden.1.map_or(0.0, |at| half_lives(at, now, person.recovers))
    }

    /// What comes of a tip about that thing there and then.
    pub fn chances(&self, person: &Person, scene: &Scene, subject: &Subject, thing: &Thing) -> Chances {
        let taste = &person.taste;
        let near = |minutes: Option<f64>| minutes.map_or(0.0, |minutes| (1.0 - minutes / 30.0).max(0.0));
        let liked = taste.likes[thing.sort as usize];
        let due = thing.due.map_or(0.0, |days| if days <= 0.0 { 1.0 } else { 0.6 * (1.0 - days / 5.0).max(0.0) });
        let rushed = if thing.sort == Sort::Prepare { 0.0 } else { near(scene.until_event) };
        let same: f64 = self
            .told
            .iter()
            .filter(|(told, _)| told == subject)
            .map(|(_, at)| half_lives(*at, scene.at, SAME_AGAIN_DAYS))
            .sum();
        let odds = person.willing
            + liked
            + taste.of_hour(scene.hour)
            + taste.weekend * f64::from(u8::from(scene.day_off))
            + taste.after_event * near(scene.since_event)
            + taste.rushed * rushed
            + taste.due * due
            + taste.urgent * thing.urgency
            + taste.short * (1.0 - thing.minutes / 60.0).max(0.0)
            - person.tires * self.burden(person, scene.at)
            - person.repeats * same;
        let notices = match (scene.asleep, scene.present) {
            (true, _) => ASLEEP,
            (false, true) => person.notices * self.trust,
            (false, false) => person.notices * self.trust * AWAY,
        };
        let done = sigmoid(odds);
        let not_for_me = (1.0 - done) * sigmoid(WRONG - DISLIKE * liked);
        let not_now = (1.0 - done - not_for_me) * PUTS_OFF;
        Chances {
            done: notices * done,
            not_now: notices * not_now,
            not_for_me: notices * not_for_me,
            ignored: 1.0 - notices * (done + not_now + not_for_me),
        }
    }

    /// A tip came.
    pub fn hears(&mut self, person: &Person, subject: &Subject, now: Timestamp) {
        self.burden = (self.burden(person, now) + 1.0, Some(now));
        // What is forgotten weighs nothing any more.
        self.told.retain(|(_, at)| half_lives(*at, now, SAME_AGAIN_DAYS) > 0.01);
        self.told.push((subject.clone(), now));
    }

    /// It was answered, or not.
    pub fn reacts(&mut self, person: &Person, reaction: Reaction) {
        match reaction {
            Reaction::Done => self.trust += TRUST_BACK * (1.0 - self.trust),
            Reaction::NotNow | Reaction::Ignored => self.trust *= 1.0 - person.touchy,
            Reaction::NotForMe => self.trust *= 1.0 - (WRONG_COUNTS * person.touchy).min(1.0),
        }
    }

    /// Whether the person has had enough.
    pub fn leaves(&self) -> bool {
        self.trust < LEAVES_BELOW
    }
}

/// How much of something is left after a while.
fn half_lives(from: Timestamp, to: Timestamp, days: f64) -> f64 {
    (-from.duration_until(to).as_secs_f64().max(0.0) / (days * 86_400.0)).exp2()
}

pub(super) fn sigmoid(odds: f64) -> f64 {
    1.0 / (1.0 + (-odds).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::dice::{Dice, Of};
    use oo_contracts::Ref;

    fn scene(hour: f64) -> Scene {
        Scene {
            at: "2026-11-23T09:00:00Z".parse().unwrap(),
            hour,
            day_off: false,
            asleep: false,
            present: true,
            since_event: None,
            until_event: None,
        }
    }

    fn subject() -> Subject {
        Subject::Todo { task: Ref { account: "acc".parse().unwrap(), item: "task".parse().unwrap() } }
    }

    #[test]
    fn chances_sum_to_one_and_are_better_at_the_persons_hour() {
        let mut dice = Dice::new(3, 0, Of::Traits);
        for _ in 0..200 {
            let person = Person::of("lark", &mut dice);
            let thing = Thing { sort: Sort::Task, due: Some(0.0), urgency: 0.3, minutes: 10.0 };
            let mind = Mind::default();
            let best = person.taste.peaks[0].hour;
            let chances = |hour| mind.chances(&person, &scene(hour), &subject(), &thing);
            let Chances { done, not_now, not_for_me, ignored } = chances(best);
            assert!((done + not_now + not_for_me + ignored - 1.0).abs() < 1e-12);
            assert!([done, not_now, not_for_me, ignored].iter().all(|chance| (0.0..=1.0).contains(chance)));
            assert!(chances(best).worth() > chances(3.0).worth());
        }
    }

    #[test]
    fn hearing_much_and_the_same_makes_tired_and_rest_helps() {
        let person = Person::draw(1, 3);
        let thing = Thing { sort: Sort::Task, due: None, urgency: 0.0, minutes: 10.0 };
        let mut mind = Mind::default();
        let fresh = mind.chances(&person, &scene(10.0), &subject(), &thing).done;
        mind.hears(&person, &subject(), scene(10.0).at);
        let again = mind.chances(&person, &scene(10.0), &subject(), &thing).done;
        let later = Scene { at: scene(10.0).at + jiff::SignedDuration::from_hours(24 * 30), ..scene(10.0) };
        assert!(again < fresh);
        assert!((mind.chances(&person, &later, &subject(), &thing).done - fresh).abs() < 1e-3);
    }

    #[test]
    fn who_is_bothered_often_enough_leaves() {
        let person = Person::draw(1, 3);
        let mut mind = Mind::default();
        assert!(!mind.leaves());
        for _ in 0..1000 {
            mind.reacts(&person, Reaction::NotForMe);
        }
        assert!(mind.leaves());
    }
}
