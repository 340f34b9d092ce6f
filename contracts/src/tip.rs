//! A tip: what it is about, why, and until when. Words of a provider are not in it.

use crate::bounded::bounded;
use crate::signal::{Channel, HabitLabel, Language, ZoneName};
use crate::{AdviceId, DecisionId, HabitId, Ref, Timestamp, TipId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A tip as the log keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tip {
    pub id: TipId,
    pub decision: DecisionId,
    pub subject: Subject,
    /// At most three, the strongest first.
    pub reasons: Vec<Reason>,
    pub decided_at: Timestamp,
    /// The sequence up to which the person's log was known when this was decided.
    pub decided_seq: u64,
    /// Nothing shows this tip after this.
    pub not_after: Timestamp,
    /// The person's zone and language when it was decided, so that the words need nothing else.
    pub zone: ZoneName,
    pub language: Language,
    /// How the person wants to be reached while no page is open; in every way that there is, if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<Vec<Channel>>,
    /// Nothing of its words is said outside the page.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub discreet: bool,
}

/// What a tip is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[rustfmt::skip]
pub enum Subject {
    /// Do this task.
    Todo { task: Ref },
    /// Get ready for this event.
    Prepare { event: Ref, starts: Timestamp },
    Habit { habit: HabitId, label: HabitLabel },
    /// From the catalogue.
    Advice { advice: AdviceId },
}

impl Subject {
    /// The object whose words a provider holds, if any.
    pub fn reference(&self) -> Option<&Ref> {
        match self {
            Self::Todo { task } => Some(task),
            Self::Prepare { event, .. } => Some(event),
            Self::Habit { .. } | Self::Advice { .. } => None,
        }
    }
}

/// A fact that spoke for a tip, and how much of its score it made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reason {
    pub because: Because,
    /// Additive; the weights of a choice sum to its score.
    pub weight: f64,
}

/// A fact that can speak for a tip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[rustfmt::skip]
pub enum Because {
    /// Nothing in the calendar for so long, then something, where `until` is known.
    FreeMinutes { minutes: u16, until: Option<Timestamp> },
    DueToday,
    DueIn { days: u16 },
    /// Its day has passed.
    DueBefore { days: u16 },
    Important,
    /// It is short enough for now.
    Fits { minutes: u16 },
    Waiting { days: u16 },
    StartsIn { minutes: u16 },
    HabitWindow,
    /// The person said how they feel.
    Mood,
    LongStretch { minutes: u16 },
    /// An event ended so long ago: a break between two things.
    JustEnded { minutes: u16 },
    /// The person's day begins, by their own rhythm.
    DayBegins,
    /// The person's day ends, by their own rhythm.
    DayEnds,
    /// A habit that was done on so many days in a row.
    InARow { days: u16 },
    /// Later it could not be said in time.
    EndsSoon,
    /// Drawn by lot.
    Chance,
}

impl Because {
    /// What kind of fact it is; `None` where there is nothing to correct.
    pub fn ground(&self) -> Option<Ground> {
        match self {
            Self::FreeMinutes { .. } => Some(Ground::FreeTime),
            Self::DueToday | Self::DueIn { .. } | Self::DueBefore { .. } => Some(Ground::Due),
            Self::Important => Some(Ground::Importance),
            Self::Fits { .. } => Some(Ground::Duration),
            Self::Waiting { .. } => Some(Ground::Waiting),
            Self::StartsIn { .. } => Some(Ground::Start),
            Self::HabitWindow => Some(Ground::HabitTime),
            Self::Mood => Some(Ground::Mood),
            Self::LongStretch { .. } => Some(Ground::BusyDay),
            Self::JustEnded { .. } => Some(Ground::JustEnded),
            Self::DayBegins => Some(Ground::DayBegins),
            Self::DayEnds => Some(Ground::DayEnds),
            Self::InARow { .. } => Some(Ground::Row),
            Self::EndsSoon => Some(Ground::EndsSoon),
            Self::Chance => None,
        }
    }
}

/// What kind of fact a reason is, as far as a person can correct it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ground {
    /// The time until the next event.
    FreeTime,
    Due,
    Importance,
    Duration,
    /// For how long it has been on the list.
    Waiting,
    /// When the event starts.
    Start,
    /// The part of the day that a habit belongs to.
    HabitTime,
    Mood,
    /// How much of the day is taken.
    BusyDay,
    JustEnded,
    DayBegins,
    DayEnds,
    /// On how many days in a row a habit was done.
    Row,
    EndsSoon,
}

impl Ground {
    /// Whether it is told of the thing that a tip is about, rather than of the circumstances.
    pub fn is_of_the_thing(self) -> bool {
        match self {
            Self::Due
            | Self::Importance
            | Self::Duration
            | Self::Waiting
            | Self::Start
            | Self::HabitTime
            | Self::Row
            | Self::EndsSoon => true,
            Self::FreeTime | Self::Mood | Self::BusyDay | Self::JustEnded | Self::DayBegins | Self::DayEnds => false,
        }
    }

    /// Whether it is read from calendars.
    pub fn is_of_the_calendar(self) -> bool {
        matches!(self, Self::FreeTime | Self::Start | Self::BusyDay | Self::JustEnded)
    }
}

/// A fact of a card that the person can correct.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Correctable {
    pub ground: Ground,
    /// Whether it can be wrong of this thing alone; otherwise it can only be left unused.
    pub of_the_thing: bool,
}

/// A tip in words, for the page and the push. Lives in memory and in transit only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Card {
    pub id: TipId,
    /// The quiet line above: what makes this the moment.
    pub moment: String,
    pub text: TipText,
    /// Two or three facts.
    pub why: Vec<String>,
    /// How each of `why` can be corrected, in the same order; `null` where there is nothing to correct.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub corrections: Vec<Option<Correctable>>,
    pub not_after: Timestamp,
    pub language: Language,
    /// Where it comes from, for example "Todoist (sandbox)".
    pub source: Option<String>,
}

bounded!(
    /// What a tip says.
    text TipText(1..=90));
