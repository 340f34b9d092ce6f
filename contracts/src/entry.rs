//! One entry of a person's log. Stored sealed; this is what is inside.

use crate::Timestamp;
use crate::signal::Signal;
use crate::tip::Tip;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the log holds, in the order of its sequence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// [`crate::ENTRY_VERSION`] of the writer. A reader that knows only lower ones leaves the entry alone.
    pub v: u16,
    /// When it was appended, on the person's clock.
    pub at: Timestamp,
    pub body: Body,
}

/// What an entry says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Body {
    Signal { signal: Signal },
    Moment { moment: Moment },
    Tip { tip: Tip },
}

/// A wake-up that came due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Moment {
    /// When it was meant to come.
    pub due: Timestamp,
    pub purpose: MomentPurpose,
}

/// Why somebody asked to be woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MomentPurpose {
    /// Look whether now is the moment to speak.
    Look,
    /// A tip's time is over.
    Expire,
}

/// What a log's older entries came to, which are no more. Stored sealed, as the entries were.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Checkpoint")]
pub struct Checkpoint<P = serde_json::Value> {
    /// The version of the fold that made it. A reader that knows only lower ones cannot go on with it.
    pub fold: u32,
    /// The profile: what it holds is its fold's own affair.
    pub profile: P,
}
