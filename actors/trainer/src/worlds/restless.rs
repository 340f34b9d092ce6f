//! A restless person, for the promises that must never break (aim G9): they cross zones, change what they want between an ask and
//! its answer, say things twice; their clock is set forward and back; everything may come twice, and the profile
//! is put away and read again. The policy would always speak. What was promised is held by the simulation's own [`Watch`],
//! which reads the entries alone.

use crate::simulation::watch::{Breach, Watch};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, civil};
use oo_contracts::entry::{Body, Entry};
use oo_contracts::signal::{
    Answer, Budget, Due, Event, Fact, GapMinutes, MoodLevel, Preferences, Priority, Purpose, QuietHours, Signal, Task,
};
use oo_contracts::{AccountId, DecisionId, ENTRY_VERSION, Provider, Ref, SignalId, TipId, UserId};
use oo_domain::planner::chance::Chance;
use oo_domain::policy::{self, Policy, random_todo};
use oo_domain::profile::Profile;
use oo_domain::{decide, moments};
use std::collections::BTreeMap;
use std::str::FromStr;

/// Clock changes on both halves of the earth, of half an hour, at midnight; far from UTC on both sides; none.
const ZONES: [&str; 8] = [
    "Europe/Zurich",
    "America/New_York",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "Asia/Kathmandu",
];
/// A few weeks before Europe's clocks change, so that a life of some months meets all of them.
const BEGINS: &str = "2026-09-01T00:00:00Z";
/// Things to do and busy times that are known at once.
const TASKS: u64 = 6;
const EVENTS: u64 = 3;
/// The longest wait between two happenings.
const WAIT_SECONDS: u64 = 40 * 60;
/// The furthest that a clock is set. An event is known for a day after its end ([`kept::EVENTS_KEPT`]): by a clock that is
/// further ahead it is forgotten, and after that clock is set right nobody knows of it.
///
/// [`kept::EVENTS_KEPT`]: oo_domain::profile::kept::EVENTS_KEPT
const JUMP_SECONDS: u64 = 23 * 3600;
/// Between an ask and its answer.
const ANSWER_SECONDS: u64 = 3;

/// What came of a life.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Each time at which it was decided whether to speak.
    pub decisions: u64,
    /// Those at which a policy was asked.
    pub asked: u64,
    pub tips: u64,
    /// Times at which the clock was set.
    pub jumps: u64,
    pub breaches: BTreeMap<Breach, u64>,
}

/// Lives until so many decisions were made.
pub fn live(seed: u64, decisions: u64) -> Outcome {
    let mut life = Life::new(seed);
    while life.outcome.decisions < decisions {
        life.step();
    }
    life.outcome
}

struct Life {
    chance: Chance,
    now: Timestamp,
    account: AccountId,
    profile: Profile,
    watch: Watch,
    policy: Box<dyn Policy>,
    /// The newest tip.
    tip: Option<TipId>,
    said: u64,
    tasks: u64,
    outcome: Outcome,
}

impl Life {
    fn new(seed: u64) -> Self {
        let mut life = Self {
            chance: Chance::new(seed),
            now: named(BEGINS),
            account: named("acc"),
            profile: Profile::new(),
            watch: Watch::new(TimeZone::UTC),
            policy: policy::named(random_todo::NAME).unwrap_or_else(|| unreachable!("it is built in")),
            tip: None,
            said: 0,
            tasks: 0,
            outcome: Outcome::default(),
        };
        life.say(Fact::AccountLinked { account: life.account.clone(), provider: Provider::Todoist });
        life
    }

    fn below(&mut self, end: u64) -> u64 {
        self.chance.bits() % end
    }

    fn step(&mut self) {
        if self.below(500) == 0 {
            self.outcome.jumps += 1;
            let forward = self.below(2) == 0;
            self.pass(JUMP_SECONDS, forward);
        } else {
            self.pass(WAIT_SECONDS, true);
        }
        if self.below(2) == 0 {
            let fact = self.fact();
            self.say(fact);
        }
        if self.below(5_000) == 0 {
            self.put_away();
        }
        self.look();
    }

    fn pass(&mut self, seconds: u64, forward: bool) {
        let by = SignedDuration::from_secs(self.below(seconds) as i64);
        self.now = self.now.checked_add(if forward { by } else { -by }).unwrap_or(self.now);
    }

    /// As `behavior::look` and `behavior::on_recommendation`.
    fn look(&mut self) {
        self.outcome.decisions += 1;
        if moments::may_speak(&self.profile, self.now).is_err() {
            return;
        }
        self.outcome.asked += 1;
        let id: DecisionId = named(&format!("decision-{:010}", self.outcome.asked));
        let ask = decide::ask(&self.profile, id, self.chance.bits(), self.now);
        let answer = self.policy.recommend(&ask);
        self.pass(ANSWER_SECONDS, true);
        if self.below(5) == 0 {
            let fact = self.fact();
            self.say(fact);
        }
        let Some(tip) = decide::tip(&self.profile, &ask, &answer, self.now) else { return };
        self.outcome.tips += 1;
        for breach in self.watch.given(&tip, self.now) {
            *self.outcome.breaches.entry(breach).or_default() += 1;
        }
        self.tip = Some(tip.id.clone());
        self.append(Body::Tip { tip });
    }

    fn say(&mut self, fact: Fact) {
        self.watch.hear(&fact);
        self.said += 1;
        let id: SignalId = named(&format!("signal-{}", self.said));
        let signal = Signal { id, user: named::<UserId>("ada"), at: self.now, fact };
        // Another device says the same in its own entry, as a retry that was answered and not heard does.
        let twice = self.below(8) == 0;
        self.append(Body::Signal { signal: signal.clone() });
        if twice {
            self.append(Body::Signal { signal });
        }
    }

    fn append(&mut self, body: Body) {
        let entry = Entry { v: ENTRY_VERSION, at: self.now, body };
        let seq = self.profile.seq() + 1;
        self.profile.fold(seq, &entry);
        // Delivered again.
        if self.below(8) == 0 {
            assert!(!self.profile.fold(seq, &entry), "an entry was folded twice");
        }
    }

    /// As a snapshot, which another node reads.
    fn put_away(&mut self) {
        let at_rest = serde_json::to_vec(&self.profile).unwrap_or_else(|_| unreachable!("a profile is written"));
        let read: Profile = serde_json::from_slice(&at_rest).unwrap_or_else(|_| unreachable!("and read"));
        assert_eq!(read, self.profile, "a snapshot is another person");
        self.profile = read;
    }

    /// Something that a person, a provider or a device may say.
    fn fact(&mut self) -> Fact {
        match self.below(20) {
            0..=3 => Fact::TaskAdded { task: self.task() },
            4 => Fact::TaskChanged { task: self.task() },
            5 => Fact::TaskCompleted { task: self.known_task() },
            6 => Fact::TaskRemoved { task: self.known_task() },
            7 => Fact::EventUpserted { event: self.event() },
            8 => Fact::EventRemoved { event: self.known_event() },
            9 => Fact::Zone { zone: named(ZONES[self.below(ZONES.len() as u64) as usize]) },
            10..=11 => Fact::Preferences { preferences: self.preferences() },
            12 => Fact::Presence { present: self.below(2) == 0 },
            13 => Fact::Mood { level: MoodLevel::saturating(1 + self.below(5) as i64) },
            14 => {
                // A person without tips has no promises to break: mostly they want them.
                let granted = self.below(8) > 0;
                Fact::Consent { purpose: Purpose::Tips, granted, source: None }
            }
            15 => Fact::QuietToday { quiet: self.below(4) == 0 },
            _ => match self.tip.clone() {
                Some(tip) => Fact::Feedback { tip, answer: self.answer() },
                None => Fact::Presence { present: true },
            },
        }
    }

    fn answer(&mut self) -> Answer {
        match self.below(5) {
            0 | 1 => Answer::Done,
            2 => Answer::NotNow { until: None },
            3 => Answer::NotForMe,
            _ => Answer::Undo,
        }
    }

    fn item(&self, name: String) -> Ref {
        Ref { account: self.account.clone(), item: named(&name) }
    }

    /// One of the newest.
    fn known_task(&mut self) -> Ref {
        let number = self.tasks.saturating_sub(self.below(TASKS));
        self.item(format!("task-{number}"))
    }

    fn known_event(&mut self) -> Ref {
        let number = self.below(EVENTS);
        self.item(format!("event-{number}"))
    }

    /// Another one; the oldest goes.
    fn task(&mut self) -> Task {
        if self.tasks >= TASKS {
            let oldest = self.item(format!("task-{}", self.tasks - TASKS));
            self.say(Fact::TaskRemoved { task: oldest });
        }
        self.tasks += 1;
        let due = (self.below(2) == 0).then_some(Due::At { at: self.now });
        let recurring = self.below(2) == 0;
        let priority = Priority::saturating(1 + self.below(4) as i64);
        let reference = self.item(format!("task-{}", self.tasks));
        Task { reference, due, priority, minutes: None, recurring, added_at: None }
    }

    fn event(&mut self) -> Event {
        let start = plus(self.now, self.below(6 * 3600));
        let end = plus(start, 60 * (1 + self.below(180)));
        Event { reference: self.known_event(), start, end, busy: self.below(4) > 0, all_day: false }
    }

    fn preferences(&mut self) -> Preferences {
        let quiet = (self.below(3) > 0).then(|| QuietHours { from: self.wall(), to: self.wall() });
        Preferences {
            budget: Budget::saturating(self.below(6) as i64),
            quiet,
            gap: GapMinutes::saturating(self.below(200) as i64),
            ..Preferences::default()
        }
    }

    fn wall(&mut self) -> civil::Time {
        civil::time(self.below(24) as i8, self.below(60) as i8, 0, 0)
    }
}

fn plus(at: Timestamp, seconds: u64) -> Timestamp {
    at.checked_add(SignedDuration::from_secs(seconds as i64)).unwrap_or(at)
}

/// A name that is one.
fn named<T: FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| unreachable!("{text} is a name"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_broken_by_a_restless_person() {
        for seed in 0..4 {
            let outcome = live(seed, 10_000);
            assert_eq!(outcome.breaches, BTreeMap::new(), "seed {seed}");
            assert!(outcome.tips > 100 && outcome.jumps > 5, "{outcome:?}");
        }
    }
}
