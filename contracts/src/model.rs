//! Models and who answers with them: what the trainer registers, what the recommender reads.

use crate::Timestamp;
use crate::bounded::bounded;
use crate::decision::PolicyName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

bounded!(
    /// A community whose data trains its own models and nobody else's.
    token Tenant(1..=32));
bounded!(
    /// The name of an experiment.
    token ExperimentName(1..=32));
bounded!(
    /// A model as its policy reads it; opaque to everything else.
    text ModelBody(1..=262144));
bounded!(
    /// How often an arm is drawn, against the weights of the others.
    number Weight(u16: 1..=10000));

impl Default for Tenant {
    /// The only one, where an instance holds one community.
    fn default() -> Self {
        Self("home".into())
    }
}

/// A model with its card. Immutable: another training is another version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Model {
    pub tenant: Tenant,
    /// The policy that reads the body.
    pub policy: PolicyName,
    /// Counts up for each policy of a tenant, after what is built in.
    pub version: u32,
    /// The version of the features that it was fitted to.
    pub features: u32,
    pub trained_at: Timestamp,
    /// The decisions that it was fitted to were made between these.
    pub from: Timestamp,
    pub to: Timestamp,
    /// People who allowed it, and how many decisions of theirs.
    pub people: u32,
    pub decisions: u64,
    /// The version of the code that fitted it.
    pub code: String,
    /// What was measured on decisions that it was not fitted to.
    pub measures: Measures,
    pub body: ModelBody,
}

/// What off-policy evaluation says of a model. Rewards per decision.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Measures {
    /// The estimate, and its 95 % interval.
    pub value: f64,
    pub lower: f64,
    pub upper: f64,
    /// What the decisions in the log were worth.
    pub logged: f64,
    /// Decisions that the estimate is worth, after weighting.
    pub effective: f64,
}

/// A policy, with the version of its model where it reads one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Seat {
    pub policy: PolicyName,
    /// `None` for what is built in.
    pub model: Option<u32>,
}

/// Who answers for one tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Lineup {
    pub live: Seat,
    /// Asked beside the live one, without effect.
    pub shadow: Option<Seat>,
    pub experiment: Option<Experiment>,
    /// Who was live before, the newest last.
    pub past: Vec<Retired>,
}

/// A seat that was live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Retired {
    pub seat: Seat,
    /// When another took its place.
    pub at: Timestamp,
    pub why: Replaced,
}

/// Why a seat changed hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Replaced {
    /// The lower bound of the new one beat the old one.
    Better,
    /// Somebody decided it.
    ByHand,
    /// The new one was taken back.
    RolledBack,
}

/// People are assigned to its arms for as long as it runs, each by a hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Experiment {
    pub name: ExperimentName,
    pub since: Timestamp,
    pub arms: Vec<Arm>,
}

/// One arm of an experiment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Arm {
    pub seat: Seat,
    pub weight: Weight,
}
