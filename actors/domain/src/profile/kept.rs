//! What a profile keeps of each thing, and which it lets go when there are too many: a person costs a few KiB.

use crate::habits::DoneDays;
use jiff::{SignedDuration, Timestamp};
use oo_contracts::signal::{Answer, Due, Event, Habit, Task};
use oo_contracts::tip::Subject;
use oo_contracts::{AdviceId, Ref};
use serde::{Deserialize, Serialize};

/// The most open tasks that are kept; nobody chooses among more. Beyond it the least urgent goes.
pub const MAX_TASKS: usize = 500;
/// The most events that are kept: weeks of a full calendar. Beyond it the one furthest ahead goes.
pub const MAX_EVENTS: usize = 300;
/// The most habits that are kept. Beyond it the one done longest ago goes.
pub const MAX_HABITS: usize = 50;
/// The most linked accounts.
pub const MAX_ACCOUNTS: usize = 32;
/// Completed or removed tasks that are still remembered, so that an answer taken back or a task that comes back finds
/// its past. The oldest goes.
pub const MAX_TOMBSTONES: usize = 24;
/// Tasks that the person never wants to hear of again.
pub const MAX_NEVER: usize = 500;
/// Feedback signals whose ids are remembered, so that a copy beyond the stream's own window counts once.
pub const MAX_HEARD: usize = 16;
/// Tips that are remembered, whatever their age.
pub const MAX_LIVES: usize = 64;
/// Events are kept until so long after their end: what a day was like is a feature.
pub const EVENTS_KEPT: SignedDuration = crate::local::days(1);
/// The newest tips are never forgotten: as many as a day may have, so that a clock that was far ahead and is set right
/// again finds them.
pub const LIVES_ALWAYS_KEPT: usize = 5;
/// Tips are remembered until their reward is certain: longer than any local day lasts, a flight west or a date line
/// crossed included.
pub const LIVES_KEPT: SignedDuration = crate::reward::WINDOW;

/// What oO remembers about one thing it can speak of.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// How often it was given.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub shown: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_shown: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snoozed_until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_at: Option<Timestamp>,
    /// "Not for me": never again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub never: bool,
}

fn is_zero(count: &u16) -> bool {
    *count == 0
}

impl Memory {
    /// Whether the person said "not now" until after `now`.
    pub fn is_snoozed(&self, now: Timestamp) -> bool {
        self.snoozed_until.is_some_and(|until| now < until)
    }

    pub(crate) fn gave(&mut self, at: Timestamp) {
        self.shown = self.shown.saturating_add(1);
        self.last_shown = Some(at);
    }
}

/// What was heard about a tip, whichever came first: the last of each, by the time at which it happened.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// The answer said last, taken back or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) said: Option<(Answer, Timestamp)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) undone: Option<Timestamp>,
    /// What it is about was done while the tip was there, or after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) done_in_time: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) done_later: Option<Timestamp>,
    /// What it is about was open again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reopened: Option<Timestamp>,
}

impl Trace {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// An open task, or one done so lately that it can be taken back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptTask {
    pub task: Task,
    pub first_seen: Timestamp,
    pub memory: Memory,
}

/// A task that is no longer open.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tombstone {
    pub(crate) kept: KeptTask,
    pub(crate) completed: bool,
}

/// An event of the calendar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptEvent {
    pub event: Event,
    pub memory: Memory,
}

/// A habit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptHabit {
    pub habit: Habit,
    pub memory: Memory,
    /// The days on which it was done.
    #[serde(default, skip_serializing_if = "DoneDays::is_empty")]
    pub(crate) done: DoneDays,
}

/// An advice that was given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptAdvice {
    pub advice: AdviceId,
    pub memory: Memory,
}

/// Kinds that can be turned off one by one. Tasks cannot: each is its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Prepare,
    Habit,
    /// Any advice of this kind.
    Advice(crate::advice::Kind),
}

impl Kind {
    /// The kind of a subject, where it has one that can be turned off.
    pub fn of(subject: &Subject) -> Option<Self> {
        match subject {
            Subject::Todo { .. } => None,
            Subject::Prepare { .. } => Some(Self::Prepare),
            Subject::Habit { .. } => Some(Self::Habit),
            Subject::Advice { advice } => crate::advice::find(advice).map(|advice| Self::Advice(advice.kind)),
        }
    }
}

/// How urgent a task is against others when one must go: lower goes first.
pub(crate) fn urgency(kept: &KeptTask, never: &[Ref]) -> impl Ord + use<> {
    let open = kept.memory.done_at.is_none() && !never.contains(&kept.task.reference);
    // Earlier is more urgent; a task without a day is less so than any with one.
    let due = kept.task.due.map(|due| {
        let date = match due {
            Due::Day { date } => date,
            Due::Floating { at } => at.date(),
            Due::At { at } => jiff::tz::TimeZone::UTC.to_datetime(at).date(),
        };
        std::cmp::Reverse(date)
    });
    (open, kept.task.priority.get(), due, kept.first_seen)
}
