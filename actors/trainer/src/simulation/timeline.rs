//! A week of one simulated person as a picture: calendar, tips, silences with their reasons, answers, and what was learnt.

use super::days::FIRST_DAY;
use super::learnt;
use super::life::{Story, Told};
use super::mind::Reaction;
use super::person::Person;
use super::svg::Svg;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use oo_contracts::decision::{Hush, Silence};
use oo_contracts::entry::Body;
use oo_contracts::signal::{Event, Fact};
use oo_domain::local::{minus, minutes};
use oo_domain::policy::linear;
use std::collections::BTreeMap;

const WIDTH: f64 = 1240.0;
const LEFT: f64 = 96.0;
const RIGHT: f64 = 40.0;
const TOP: f64 = 148.0;
const ROW: f64 = 86.0;
/// Below a row's top: words of a tip, the lane of the calendar, the strip of silences.
const WORDS: f64 = 16.0;
const LANE: f64 = 24.0;
const LANE_HIGH: f64 = 30.0;
const STRIP: f64 = 58.0;
const STRIP_HIGH: f64 = 5.0;
const LEARNT_HIGH: f64 = 130.0;

/// The hours of the day that are shown.
const HOURS: (f64, f64) = (6.0, 24.0);
const DAYS: u32 = 7;

const STYLE: &str = "\
.event{fill:#211f1c}.free{fill:none;stroke:#2c2926;stroke-dasharray:3 3}.night{fill:#0b0a09}\
.lives{stroke:#f2b880;stroke-width:2;opacity:.45}\
.ring{fill:#000;stroke:#f2b880;stroke-width:2}.gone{fill:#000;stroke:#5e5b56;stroke-width:1.5}\
.halo{fill:#f2b880;opacity:.18}.slash{stroke:#f2b880;stroke-width:2}.itself{fill:#5e5b56}\
.s-quiet{fill:#191816}.s-busy{fill:#3d4a57}.s-gap{fill:#5b4632}.s-spent{fill:#4a3747}.s-snooze{fill:#3c4a3d}\
.s-policy{fill:#8d7a61}.s-none{fill:#35322e}.s-live{fill:#f2b880}.s-off{fill:#111}";

/// Reasons for silence as the picture tells them apart.
const REASONS: [(&str, &str); 8] = [
    ("s-live", "a tip is on the screen"),
    ("s-policy", "asked, and preferred silence"),
    ("s-busy", "busy, or about to be"),
    ("s-gap", "too soon after the last"),
    ("s-snooze", "said \u{201c}not now\u{201d}"),
    ("s-spent", "the day's tips are given"),
    ("s-none", "nothing fits"),
    ("s-quiet", "quiet hours"),
];

/// Whose week it is.
#[derive(Debug, Clone, Copy)]
pub struct Whose<'a> {
    pub person: &'a Person,
    pub policy: &'a str,
    pub seed: u64,
    pub number: u64,
    /// Which week of the story, the first is 0.
    pub week: u32,
}

/// Draws a week of a story whose log was kept.
pub fn draw(whose: &Whose<'_>, story: &Story) -> String {
    let zone = TimeZone::get(whose.person.rhythm.zone).unwrap_or(TimeZone::UTC);
    let first = FIRST_DAY.checked_add(jiff::Span::new().days(whose.week * DAYS)).unwrap_or(FIRST_DAY);
    let height = TOP + f64::from(DAYS) * ROW + LEARNT_HIGH + 190.0;
    let week = Week { zone, first, svg: Svg::new(WIDTH, height), whose, story };
    week.draw()
}

struct Week<'a> {
    zone: TimeZone,
    first: Date,
    svg: Svg,
    whose: &'a Whose<'a>,
    story: &'a Story,
}

impl Week<'_> {
    fn draw(mut self) -> String {
        let says = self.head();
        self.hours();
        for number in 0..DAYS {
            self.day(number);
        }
        let below = TOP + f64::from(DAYS) * ROW;
        self.receptivity(below + 44.0);
        self.legend(below + LEARNT_HIGH + 92.0);
        self.svg.finish(&says, STYLE)
    }

    fn head(&mut self) -> String {
        let told: Vec<_> = self.told().collect();
        let count = |reaction| told.iter().filter(|told| told.reaction.is_some_and(|(was, _)| was == reaction)).count();
        let place = self.whose.person.rhythm.zone.rsplit('/').next().unwrap_or_default().replace('_', " ");
        let temper = self.whose.person.temper;
        let title = format!("A week with oO: {} {temper} in {place}", if temper == "owl" { "an" } else { "a" });
        let counts = format!(
            "{} tips: {} done, {} not now, {} not for me, {} ignored",
            told.len(),
            count(Reaction::Done),
            count(Reaction::NotNow),
            count(Reaction::NotForMe),
            count(Reaction::Ignored)
        );
        let set = format!(
            "Policy {} \u{b7} week {} \u{b7} seed {}, person {} \u{b7} simulated",
            self.whose.policy,
            self.whose.week + 1,
            self.whose.seed,
            self.whose.number
        );
        self.svg.text("title", (LEFT, 56.0), &title).text("ink", (LEFT, 84.0), &counts).text("dim", (LEFT, 104.0), set);
        format!("{title}. {counts}.")
    }

    fn hours(&mut self) {
        let bottom = TOP + f64::from(DAYS) * ROW + 44.0 + LEARNT_HIGH;
        for hour in (HOURS.0 as i32..=HOURS.1 as i32).step_by(2) {
            let x = x(f64::from(hour));
            self.svg.line("rule", (x, TOP - 4.0), (x, bottom));
            self.svg.text("dim small middle", (x, TOP - 12.0), format_args!("{hour:02}"));
        }
    }

    fn day(&mut self, number: u32) {
        let top = TOP + f64::from(number) * ROW;
        let date = self.date(number);
        self.svg.text("head end", (LEFT - 18.0, top + LANE + 14.0), date.strftime("%a"));
        self.svg.text("dim small end", (LEFT - 18.0, top + LANE + 30.0), date.strftime("%-d %b"));
        for (from, to) in [(HOURS.0, 8.0), (22.0, HOURS.1)] {
            self.svg.rect("night", (x(from), top + LANE), (x(to) - x(from), LANE_HIGH), 0.0);
        }
        self.svg.line("axis", (x(HOURS.0), top + LANE + LANE_HIGH), (x(HOURS.1), top + LANE + LANE_HIGH));
        for event in self.events() {
            let (from, to) = (self.x_at(event.start, date), self.x_at(event.end, date));
            if let (Some(from), Some(to)) = (from, to) {
                let class = if event.busy { "event" } else { "free" };
                let told = format!("{} to {}", self.clock(event.start), self.clock(event.end));
                let high = LANE_HIGH - 2.0;
                self.svg.group(told, |svg| {
                    svg.rect(class, (from + 0.5, top + LANE), (to - from - 1.0, high), 4.0);
                });
            }
        }
        self.silences(date, top + STRIP);
        for at in self.done_by_themselves(date) {
            if let Some(x) = self.x_at(at, date) {
                self.svg.group(format_args!("done without a tip at {}", self.clock(at)), |svg| {
                    svg.circle("itself", (x, top + LANE + LANE_HIGH), 2.5);
                });
            }
        }
        let told: Vec<_> = self.told().cloned().collect();
        for told in told {
            self.tip(&told, date, top);
        }
    }

    fn tip(&mut self, told: &Told, date: Date, top: f64) {
        let Some(from) = self.x_at(told.at, date) else { return };
        let until = told.reaction.map_or(told.not_after, |(_, at)| at);
        let to = self.x_at(until, date).unwrap_or(from);
        let y = top + LANE + LANE_HIGH / 2.0;
        let (class, word) = match told.reaction {
            Some((Reaction::Done, _)) => ("ember", "done"),
            Some((Reaction::NotNow, _)) => ("ring", "not now"),
            Some((Reaction::NotForMe, _)) => ("ring", "not for me"),
            Some((Reaction::Ignored, _)) => ("gone", "ignored"),
            None => ("gone", "taken back"),
        };
        let reasons: Vec<_> = told.reasons.iter().map(|reason| format!("{:?}", reason.because)).collect();
        let says = format!(
            "{} at {}, {word}; because {}; in truth worth {:+.2}",
            told.sort.name(),
            self.clock(told.at),
            reasons.join(", "),
            told.chances.worth()
        );
        self.svg.group(says, |svg| {
            svg.line("lives", (from, y), (to.max(from), y));
            if class == "ember" {
                svg.circle("halo", (from, y), 12.0);
            }
            svg.circle(class, (from, y), 6.0);
            if word == "not for me" {
                svg.line("slash", (from - 4.0, y + 4.0), (from + 4.0, y - 4.0));
            }
            let ink = if class == "ember" { "ink small middle" } else { "small middle" };
            svg.text(ink, (from, top + WORDS), format_args!("{} \u{b7} {word}", told.sort.name()));
        });
    }

    /// Each silence holds until the next look.
    fn silences(&mut self, date: Date, y: f64) {
        let mut looks: Vec<_> = self.story.quiet.iter().map(|(at, silence)| (*at, reason(silence))).collect();
        looks.extend(self.story.told.iter().map(|told| (told.at, "s-live")));
        looks.sort_by_key(|(at, _)| *at);
        let mut spans: Vec<(&str, f64, f64)> = Vec::new();
        for (place, (at, class)) in looks.iter().enumerate() {
            let end = looks.get(place + 1).map_or(*at, |(next, _)| *next);
            let (from, to) = (self.x_within(*at, date), self.x_within(end, date));
            match spans.last_mut() {
                Some((before, _, until)) if before == class && (from - *until).abs() < 0.2 => *until = to,
                _ if to > from => spans.push((*class, from, to)),
                _ => {}
            }
        }
        for (class, from, to) in spans {
            let words = REASONS.iter().find(|(known, _)| *known == class).map_or("", |(_, words)| words);
            self.svg.group(words, |svg| {
                svg.rect(class, (from, y), (to - from, STRIP_HIGH), 1.5);
            });
        }
    }

    fn receptivity(&mut self, top: f64) {
        let now = self.story.log.last().map_or(Timestamp::MIN, |(_, entry)| entry.at);
        let hours: Vec<f64> = (0..=72).map(|step| HOURS.0 + f64::from(step) / 4.0).collect();
        let y = |worth: f64| top + LEARNT_HIGH - 10.0 - (worth.clamp(-0.4, 1.0) + 0.4) / 1.4 * (LEARNT_HIGH - 20.0);
        let learns = self.whose.policy == linear::NAME;
        self.svg.text("head end", (LEFT - 18.0, top + 22.0), "Learnt");
        self.svg.text("dim small end", (LEFT - 18.0, top + 38.0), "worth of a");
        self.svg.text("dim small end", (LEFT - 18.0, top + 52.0), "plain task");
        self.svg.line("axis", (x(HOURS.0), y(0.0)), (x(HOURS.1), y(0.0)));
        self.svg.text("dim small", (x(HOURS.1) + 6.0, y(0.0) + 4.0), "0");
        let true_line: Vec<_> =
            hours.iter().map(|hour| (x(*hour), y(learnt::truth(self.whose.person, now, *hour)))).collect();
        if learns {
            let at = |hour: f64, sds: f64| {
                let believed = learnt::believed(self.story, now, hour);
                (x(hour), y(believed.mean + sds * believed.sd))
            };
            let line = |sds: f64| hours.iter().map(|hour| at(*hour, sds)).collect::<Vec<_>>();
            self.svg.band("ember-band", &line(1.0), &line(-1.0)).path("ember-line", &line(0.0));
        }
        self.svg.path("truth", &true_line);
        let note = if learns {
            "ember: what oO believes, with its uncertainty; dotted: what is true, which oO never sees"
        } else {
            "dotted: what is true, which oO never sees; this policy does not learn"
        };
        self.svg.text("dim small end", (x(HOURS.1), top + 4.0), note);
    }

    fn legend(&mut self, top: f64) {
        let mut at = LEFT;
        for (class, words) in [
            ("ember", "done"),
            ("ring", "not now"),
            ("slash", "not for me"),
            ("gone", "ignored or taken back"),
            ("itself", "done without a tip"),
        ] {
            match class {
                "itself" => self.svg.circle(class, (at + 5.0, top), 2.5),
                "slash" => self.svg.circle("ring", (at + 5.0, top), 5.0).line(
                    "slash",
                    (at + 2.0, top + 3.0),
                    (at + 8.0, top - 3.0),
                ),
                _ => self.svg.circle(class, (at + 5.0, top), 5.0),
            };
            self.svg.text("small", (at + 18.0, top + 4.0), words);
            at += 44.0 + 6.2 * words.len() as f64;
        }
        self.svg.rect("event", (at, top - 7.0), (22.0, 14.0), 4.0).text("small", (at + 30.0, top + 4.0), "calendar");
        let mut at = LEFT;
        for (class, words) in REASONS {
            self.svg.rect(class, (at, top + 26.0), (12.0, STRIP_HIGH), 1.5);
            self.svg.text("small", (at + 18.0, top + 32.0), words);
            at += 34.0 + 5.6 * words.chars().count() as f64;
        }
    }

    fn told(&self) -> impl Iterator<Item = &Told> {
        let week = self.whose.week * DAYS..(self.whose.week + 1) * DAYS;
        self.story.told.iter().filter(move |told| week.contains(&told.day))
    }

    /// The events that took place, each as it stood last.
    fn events(&self) -> Vec<Event> {
        let mut events = BTreeMap::new();
        for (_, entry) in &self.story.log {
            match &entry.body {
                Body::Signal { signal } => match &signal.fact {
                    Fact::EventUpserted { event } => drop(events.insert(event.reference.clone(), event.clone())),
                    Fact::EventRemoved { event } => drop(events.remove(event)),
                    _ => {}
                },
                Body::Moment { .. } | Body::Tip { .. } => {}
            }
        }
        events.into_values().collect()
    }

    /// Tasks and habits that came to be done with no tip answered just before.
    fn done_by_themselves(&self, date: Date) -> Vec<Timestamp> {
        let answered: Vec<_> = self.story.told.iter().filter_map(|told| told.reaction).map(|(_, at)| at).collect();
        let done = self.story.log.iter().filter_map(|(_, entry)| match &entry.body {
            Body::Signal { signal } if matches!(signal.fact, Fact::TaskCompleted { .. } | Fact::HabitDone { .. }) => {
                Some(signal.at)
            }
            _ => None,
        });
        done.filter(|at| self.zone.to_datetime(*at).date() == date)
            .filter(|at| !answered.iter().any(|told| *told <= *at && minus(*at, minutes(2)) <= *told))
            .collect()
    }

    fn date(&self, number: u32) -> Date {
        self.first.checked_add(jiff::Span::new().days(number)).unwrap_or(self.first)
    }

    fn clock(&self, at: Timestamp) -> String {
        self.zone.to_datetime(at).strftime("%H:%M").to_string()
    }

    /// Where an instant of that date is; nothing for one of another, or too early to be shown.
    fn x_at(&self, at: Timestamp, date: Date) -> Option<f64> {
        let wall = self.zone.to_datetime(at);
        let hour = f64::from(wall.hour()) + f64::from(wall.minute()) / 60.0;
        (wall.date() == date && hour >= HOURS.0).then(|| x(hour))
    }

    /// The same, but what is before or after is at the edge.
    fn x_within(&self, at: Timestamp, date: Date) -> f64 {
        let day = self.zone.to_datetime(at).date();
        match self.x_at(at, date) {
            Some(x) => x,
            None if day > date => x(HOURS.1),
            None => x(HOURS.0),
        }
    }
}

fn x(hour: f64) -> f64 {
    LEFT + (hour - HOURS.0) / (HOURS.1 - HOURS.0) * (WIDTH - LEFT - RIGHT)
}

fn reason(silence: &Silence) -> &'static str {
    match silence {
        Silence::NoConsent | Silence::BudgetZero => "s-off",
        Silence::BudgetSpent { .. } => "s-spent",
        Silence::QuietHours { .. } => "s-quiet",
        Silence::TooSoon { .. } => "s-gap",
        Silence::Busy { .. } | Silence::AlmostBusy { .. } => "s-busy",
        Silence::TipLive { .. } => "s-live",
        Silence::Snoozed { .. } => "s-snooze",
        Silence::NothingFits { .. } | Silence::Policy { hush: Hush::NoCandidates, .. } => "s-none",
        Silence::Policy { .. } => "s-policy",
    }
}
