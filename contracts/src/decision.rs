//! `POST /recommend`: what a policy is asked, what it answers, and what is kept of it.

use crate::bounded::bounded;
use crate::model::{ExperimentName, Tenant};
use crate::signal::Place;
use crate::tip::{Reason, Subject};
use crate::{DecisionId, Share, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Asks for one tip. Everything that the choice may depend on is in here: a policy reads no store, no clock and no dice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ask {
    pub id: DecisionId,
    pub context: Context,
    /// Eligible ones only. Their place in this list is what an answer names.
    pub candidates: Vec<Candidate>,
    /// What the person's own model has learnt, opaque to everything but the policy that wrote it.
    pub posterior: Option<Posterior>,
    /// The only chance there is: 64 bits in hexadecimal.
    pub bits: RandomBits,
    /// What experiments assign by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// Whose models answer; `None` for the usual community.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<Tenant>,
}

/// The circumstances of a decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Context {
    pub at: Timestamp,
    /// Minutes since local midnight.
    pub minute_of_day: u16,
    /// Monday is 1.
    pub weekday: u8,
    /// Minutes until the next busy event, at most a day.
    pub free_minutes: u16,
    /// Start of that event, where there is one within a day.
    pub next_busy: Option<Timestamp>,
    /// Minutes since the last busy event ended, at most a day.
    pub since_busy: u16,
    /// Minutes of busy events in this local day.
    pub busy_today: u16,
    pub present: bool,
    pub place: Option<Place>,
    /// 1 to 5, where said today.
    pub mood: Option<u8>,
    /// Minutes since the last tip, at most a week.
    pub since_tip: u16,
    pub sent_today: u8,
    pub budget: u8,
    /// Exponentially decayed count of sends: the person's burden.
    pub dosage: f64,
    /// Minutes of this local day, from now, in which something may be said: no quiet hours, no busy event.
    pub eligible_left: Option<DayMinutes>,
    /// Minutes of this local day, until now, in which something might have been said.
    pub eligible_passed: Option<DayMinutes>,
    /// The probability of speaking now that meets the day's soft target, spread evenly over the eligible day; 1 where the
    /// person waits for a tip.
    pub pace: Option<Share>,
    /// Minutes since oO last looked whether to speak, at most 45: after so long it looks by itself. `None` counts as 45.
    pub since_look: Option<DayMinutes>,
    /// How likely the person is to answer a tip at a time and in circumstances such as these, learnt from their answers.
    pub receptivity: Option<Share>,
    /// How likely they are to answer at any time.
    pub usual_receptivity: Option<Share>,
    /// Minutes since this person's day began, by the rhythm learnt of them; `None` before it, and while it is unknown.
    pub since_morning: Option<DayMinutes>,
    /// Minutes until this person's day ends, likewise; `None` after it.
    pub until_evening: Option<DayMinutes>,
}

impl Context {
    /// A moment at which nothing is planned, nothing was said, and nothing is known of the person.
    pub fn quiet(at: Timestamp, minute_of_day: u16, weekday: u8) -> Self {
        const DAY: u16 = 24 * 60;
        Self {
            at,
            minute_of_day,
            weekday,
            free_minutes: DAY,
            next_busy: None,
            since_busy: DAY,
            busy_today: 0,
            present: false,
            place: None,
            mood: None,
            since_tip: 7 * DAY,
            sent_today: 0,
            budget: 3,
            dosage: 0.0,
            eligible_left: None,
            eligible_passed: None,
            pace: None,
            since_look: None,
            receptivity: None,
            usual_receptivity: None,
            since_morning: None,
            until_evening: None,
        }
    }
}

/// One thing that could be said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Candidate {
    pub subject: Subject,
    /// Minutes it takes, known or estimated.
    pub minutes: u16,
    /// Nobody said how long it takes: `minutes` is what such things take.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub estimated: bool,
    /// The person put it off until a time that they named, and it has come. There is nothing else to choose from then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wanted: bool,
    /// 4 is the most urgent.
    pub priority: u8,
    /// Days until it is due: 0 today, negative past, `None` without a date.
    pub due_days: Option<i32>,
    /// Days since it was first seen.
    pub age_days: u16,
    /// How often it was given before.
    pub shown: u16,
    /// Minutes since it was last given, where it was.
    pub since_shown: Option<u32>,
    /// Minutes until it can no longer be said in time, where that is within a day.
    pub left: Option<DayMinutes>,
    /// A habit: on so many days in a row it was done, up to yesterday.
    pub in_a_row: Option<u8>,
}

/// What a policy answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Recommendation {
    /// The chosen one, or `null` for silence.
    pub tip: Option<Choice>,
    /// Why there is none.
    pub silence: Option<Hush>,
    /// The probability with which the policy took just this action, silence included.
    pub propensity: f64,
    /// How sure the policy is that this, speaking or silence, is right: the probability it would take it with if it had
    /// nothing to explore. `None` where a policy cannot tell.
    pub confidence: Option<Share>,
    pub policy: PolicyName,
    /// Version of the policy's model, and of the features it saw.
    pub version: u32,
    #[serde(default, skip_serializing_if = "Provenance::is_plain")]
    pub provenance: Provenance,
}

impl Recommendation {
    /// What the policy itself said: the same ask has the same answer, however it came to be asked.
    pub fn own(&self) -> Self {
        Self { provenance: Provenance::default(), ..self.clone() }
    }
}

/// How an answer came to be this policy's.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Provenance {
    /// Another should have answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Fallback>,
    /// What another would have done; nothing came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<Shadow>,
    /// The experiment that assigned it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposure: Option<Exposure>,
}

impl Provenance {
    /// Whether there is nothing to say: it was its turn.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

/// A policy that should have answered, and what it did instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fallback {
    pub policy: PolicyName,
    pub fault: Fault,
}

/// How a policy fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// It did not answer in time.
    Slow,
    /// It answered what it may not, or what nobody understands.
    Wrong,
    /// It cannot be reached, or its model is not there.
    Gone,
}

impl Fault {
    /// Its name, for metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Slow => "slow",
            Self::Wrong => "wrong",
            Self::Gone => "gone",
        }
    }
}

/// What a policy without effect would have done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Shadow {
    pub policy: PolicyName,
    pub version: u32,
    /// A place in the ask; `None` for silence.
    pub candidate: Option<u16>,
    pub propensity: f64,
}

/// A person's arm in an experiment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exposure {
    pub experiment: ExperimentName,
    /// Its place among the arms.
    pub arm: u16,
}

/// Which candidate, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Choice {
    /// Its place in the ask.
    pub candidate: u16,
    pub subject: Subject,
    pub reasons: Vec<Reason>,
}

/// Why a policy kept silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Hush {
    /// There was nothing to choose from.
    NoCandidates,
    /// Nothing scored well enough.
    NotWorthIt,
    /// Something was worth it, but enough was said for this part of the day.
    EnoughForNow,
    /// Too many asks at once; ask again later.
    Overloaded,
}

/// Why nothing was said, and until when that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[rustfmt::skip]
pub enum Silence {
    /// Nothing is linked, or the person said no.
    NoConsent,
    /// The person wants no tips at all.
    BudgetZero,
    BudgetSpent { until: Timestamp },
    QuietHours { until: Timestamp },
    TooSoon { until: Timestamp },
    Busy { until: Timestamp },
    /// A busy event begins within minutes.
    AlmostBusy { until: Timestamp },
    /// A tip is on the screen.
    TipLive { until: Timestamp },
    /// The person said "not now" until then.
    Snoozed { until: Timestamp },
    /// Nothing fits the time there is.
    NothingFits { until: Timestamp },
    /// The policy preferred silence.
    Policy { hush: Hush, until: Timestamp, confidence: Option<Share> },
}

impl Silence {
    /// When to look again, where time alone can end it.
    pub fn until(&self) -> Option<Timestamp> {
        match *self {
            Self::NoConsent | Self::BudgetZero => None,
            Self::BudgetSpent { until }
            | Self::QuietHours { until }
            | Self::TooSoon { until }
            | Self::Busy { until }
            | Self::AlmostBusy { until }
            | Self::TipLive { until }
            | Self::Snoozed { until }
            | Self::NothingFits { until }
            | Self::Policy { until, .. } => Some(until),
        }
    }

    /// Its name, for metrics.
    pub fn label(&self) -> &'static str {
        match self {
            Self::NoConsent => "no_consent",
            Self::BudgetZero => "budget_zero",
            Self::BudgetSpent { .. } => "budget_spent",
            Self::QuietHours { .. } => "quiet_hours",
            Self::TooSoon { .. } => "too_soon",
            Self::Busy { .. } => "busy",
            Self::AlmostBusy { .. } => "almost_busy",
            Self::TipLive { .. } => "tip_live",
            Self::Snoozed { .. } => "snoozed",
            Self::NothingFits { .. } => "nothing_fits",
            Self::Policy { .. } => "policy",
        }
    }
}

/// What is kept of every decision, silence included, in `OO_DECISIONS`. Sealed; no words of a provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Decision {
    pub v: u16,
    pub id: DecisionId,
    pub at: Timestamp,
    /// The sequence of the entry that led to it.
    pub seq: u64,
    /// Whether the model that all share may learn from it, as the person allowed when it was made.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub training: bool,
    pub outcome: Outcome,
}

/// How a decision ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[allow(clippy::large_enum_variant, reason = "one at a time, on its way to a stream")]
pub enum Outcome {
    /// A policy was asked; this is what it saw and said.
    Asked { ask: Ask, recommendation: Recommendation },
    /// It was not the moment, so none was asked: nothing to learn from.
    Unavailable { silence: Silence },
}

bounded!(
    /// Minutes, none up to a day.
    number DayMinutes(u16: 0..=1440));

/// A policy by name. Any name: others may run their own behind the same contract.
pub type PolicyName = crate::id::PolicyName;
pub use crate::id::{Posterior, RandomBits, Unit};
