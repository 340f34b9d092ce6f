//! For the tests of this crate: a log that is written by hand, and zones to try.

use crate::profile::Profile;
use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};
use oo_contracts::decision::{Candidate, Context};
use oo_contracts::entry::{Body, Entry, Moment, MomentPurpose};
use oo_contracts::signal::{
    Answer, Delivery, Due, Event, Fact, Habit, Language, Minutes, MoodLevel, Preferences, Priority, Signal, Task,
};
use oo_contracts::tip::{Because, Reason, Subject, Tip};
use oo_contracts::{AccountId, ENTRY_VERSION, Provider, Ref, TipId};
use proptest::prelude::*;

/// Zones with clock changes on both halves of the earth, of half an hour, at midnight, none, and far from UTC.
pub(crate) const ZONES: [&str; 13] = [
    "Europe/Zurich",
    "America/New_York",
    "America/St_Johns",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Asia/Kathmandu",
    "Asia/Tokyo",
    "Pacific/Apia",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "Antarctica/Troll",
];

pub(crate) fn zone() -> impl Strategy<Value = TimeZone> {
    proptest::sample::select(&ZONES[..]).prop_map(|name| TimeZone::get(name).unwrap())
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn reference(item: &str) -> Ref {
    Ref { account: "acc".parse().unwrap(), item: item.parse().unwrap() }
}

pub(crate) fn todo(item: &str) -> Subject {
    Subject::Todo { task: reference(item) }
}

pub(crate) fn task(item: &str) -> Task {
    Task {
        reference: reference(item),
        due: None,
        priority: Priority::saturating(1),
        minutes: None,
        recurring: false,
        added_at: None,
    }
}

pub(crate) fn signal(id: &str, at: Timestamp, fact: Fact) -> Entry {
    let signal = Signal { id: id.parse().unwrap(), user: "ada".parse().unwrap(), at, fact };
    Entry { v: ENTRY_VERSION, at, body: Body::Signal { signal } }
}

/// A person's log and what it folds to.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    pub(crate) profile: Profile,
    pub(crate) entries: Vec<(u64, Entry)>,
}

impl Log {
    /// Somebody who linked an account on the first day of November and lives in UTC.
    pub(crate) fn linked() -> Self {
        let mut log = Self { profile: Profile::new(), entries: Vec::new() };
        let account: AccountId = "acc".parse().unwrap();
        log.fact("2026-11-01T09:00:00Z", Fact::AccountLinked { account, provider: Provider::Todoist });
        log
    }

    pub(crate) fn append(&mut self, entry: Entry) -> &mut Self {
        // As in a stream that others write to as well.
        let seq = self.profile.seq() + 3;
        assert!(self.profile.fold(seq, &entry));
        self.entries.push((seq, entry));
        self
    }

    pub(crate) fn fact_at(&mut self, at: Timestamp, fact: Fact) -> &mut Self {
        let id = format!("signal-{}", self.entries.len());
        self.append(signal(&id, at, fact))
    }

    pub(crate) fn fact(&mut self, when: &str, fact: Fact) -> &mut Self {
        self.fact_at(at(when), fact)
    }

    pub(crate) fn moment(&mut self, when: Timestamp) -> &mut Self {
        let moment = Moment { due: when, purpose: MomentPurpose::Look };
        self.append(Entry { v: ENTRY_VERSION, at: when, body: Body::Moment { moment } })
    }

    pub(crate) fn zone(&mut self, name: &str) -> &mut Self {
        self.fact("2026-11-01T09:00:00Z", Fact::Zone { zone: name.to_owned().try_into().unwrap() })
    }

    pub(crate) fn preferences(&mut self, change: impl FnOnce(&mut Preferences)) -> &mut Self {
        let mut preferences = self.profile.preferences().clone();
        change(&mut preferences);
        self.fact("2026-11-01T09:00:00Z", Fact::Preferences { preferences })
    }

    pub(crate) fn mood(&mut self, when: &str, level: i64) -> &mut Self {
        self.fact(when, Fact::Mood { level: MoodLevel::saturating(level) })
    }

    pub(crate) fn task(&mut self, item: &str) -> &mut Self {
        self.task_with(item, |_| {})
    }

    pub(crate) fn task_with(&mut self, item: &str, change: impl FnOnce(&mut Task)) -> &mut Self {
        let mut task = task(item);
        change(&mut task);
        self.fact("2026-11-02T09:00:00Z", Fact::TaskAdded { task })
    }

    pub(crate) fn event(&mut self, item: &str, start: &str, end: &str) -> &mut Self {
        let event = Event { reference: reference(item), start: at(start), end: at(end), busy: true, all_day: false };
        self.fact("2026-11-02T09:00:00Z", Fact::EventUpserted { event })
    }

    pub(crate) fn habit(&mut self, id: &str, from: civil::Time, to: civil::Time, minutes: i64) -> &mut Self {
        let habit = Habit {
            id: id.parse().unwrap(),
            label: "stretch".parse().unwrap(),
            from,
            to,
            minutes: Minutes::saturating(minutes),
            days: vec![],
        };
        self.fact("2026-11-02T09:00:00Z", Fact::HabitDefined { habit })
    }

    /// Gives a tip about the task "milk", for half an hour.
    pub(crate) fn tip(&mut self, id: &str, when: &str) -> &mut Self {
        self.tip_about(id, todo("milk"), when)
    }

    /// Gives it, and reaches a device.
    pub(crate) fn tip_about(&mut self, id: &str, subject: Subject, when: &str) -> &mut Self {
        self.tip_unseen(id, subject, when).reach(&tip_id(id), at(when))
    }

    pub(crate) fn reach(&mut self, tip: &TipId, when: Timestamp) -> &mut Self {
        let device = "phone".parse().unwrap();
        self.fact_at(when, Fact::Delivered { tip: tip.clone(), device, outcome: Delivery::Accepted })
    }

    /// Gives it, and reaches nobody.
    pub(crate) fn tip_unseen(&mut self, id: &str, subject: Subject, when: &str) -> &mut Self {
        let tip = Tip { decided_seq: self.profile.seq(), ..tip(id, subject, at(when)) };
        self.append(Entry { v: ENTRY_VERSION, at: at(when), body: Body::Tip { tip } })
    }

    pub(crate) fn answer(&mut self, tip: &str, when: &str, answer: Answer) -> &mut Self {
        self.fact(when, Fact::Feedback { tip: tip.parse().unwrap(), answer })
    }
}

pub(crate) fn tip(id: &str, subject: Subject, decided_at: Timestamp) -> Tip {
    Tip {
        id: id.parse().unwrap(),
        decision: id.parse().unwrap(),
        subject,
        reasons: vec![Reason { because: Because::Chance, weight: 1.0 }],
        decided_at,
        decided_seq: 0,
        not_after: crate::local::plus(decided_at, crate::local::minutes(30)),
        zone: "UTC".to_owned().try_into().unwrap(),
        language: Language::En,
        channels: None,
        discreet: false,
    }
}

pub(crate) fn tip_id(id: &str) -> TipId {
    id.parse().unwrap()
}

pub(crate) fn on(date: &str) -> Option<Due> {
    Some(Due::Day { date: date.parse().unwrap() })
}

/// A free hour on a Monday morning, for policies.
pub(crate) fn context() -> Context {
    Context {
        free_minutes: 60,
        next_busy: Some(at("2026-11-23T10:00:00Z")),
        since_busy: 45,
        busy_today: 120,
        present: true,
        since_tip: 600,
        ..Context::quiet(at("2026-11-23T09:00:00Z"), 540, 1)
    }
}

pub(crate) fn candidate(subject: Subject) -> Candidate {
    Candidate {
        subject,
        minutes: 15,
        priority: 1,
        due_days: None,
        age_days: 0,
        shown: 0,
        since_shown: None,
        left: None,
        in_a_row: None,
        estimated: false,
        wanted: false,
    }
}

/// Draws that are the same each time: SplitMix64.
pub(crate) struct Draws(pub(crate) u64);

impl Draws {
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to 1.
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Nearly standard normal: the sum of twelve.
    pub(crate) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}
