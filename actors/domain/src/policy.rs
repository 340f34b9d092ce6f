//! Policies: from an ask to an action, with the probability it was taken with and the facts that spoke for it.

pub mod facts;
pub mod linear;
mod lottery;
pub mod random_todo;
mod reasons;
pub mod rules;
pub mod scored;

use lottery::Lottery;
use oo_contracts::decision::{Ask, Choice, Hush, PolicyName, Provenance, Recommendation};
use oo_contracts::tip::Reason;

/// Chooses one candidate of an ask, or silence.
///
/// A policy is a function of the ask alone: the only chance is `ask.bits`, so the same ask has the same answer, bit for
/// bit.
pub trait Policy {
    /// Its name, as settings and decisions know it.
    fn name(&self) -> PolicyName;

    /// The action, with the probability that it, and no other, was taken with.
    fn recommend(&self, ask: &Ask) -> Recommendation;

    /// The probability of each action, where the policy can tell: what another policy is evaluated with.
    fn propensities(&self, _ask: &Ask) -> Option<Propensities> {
        None
    }
}

/// The probabilities of all actions of an ask. They sum to one.
#[derive(Debug, Clone, PartialEq)]
pub struct Propensities {
    pub silence: f64,
    /// In the order of the ask.
    pub candidates: Vec<f64>,
}

/// The policies that are built in, by name.
pub const NAMES: [&str; 3] = [random_todo::NAME, rules::NAME, linear::NAME];

/// The policy that a model from a file makes.
pub const ONNX: &str = "onnx";

/// The policy of somebody else's server.
pub const REMOTE: &str = "remote";

/// The policies that are known by name and not built in: whoever has a file or an address runs them.
pub const ELSEWHERE: [&str; 2] = [ONNX, REMOTE];

/// The policy of that name, where it is built in.
pub fn named(name: &str) -> Option<Box<dyn Policy + Send + Sync>> {
    match name {
        random_todo::NAME => Some(Box::new(random_todo::RandomTodo)),
        rules::NAME => Some(Box::new(rules::Rules)),
        linear::NAME => Some(Box::new(linear::Linear::default())),
        _ => None,
    }
}

/// How a decision compares with the same ask, asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replay {
    /// The same answer, bit for bit.
    Same,
    Differs,
    /// It was answered by a policy, or a model of one, that is not built in.
    Foreign,
}

/// Asks again what was asked, of the policy that is built in.
pub fn replay(ask: &Ask, recommendation: &Recommendation) -> Replay {
    named(recommendation.policy.as_str()).map_or(Replay::Foreign, |policy| replay_by(&*policy, ask, recommendation))
}

/// Asks a policy again what was asked.
pub fn replay_by(policy: &dyn Policy, ask: &Ask, recommendation: &Recommendation) -> Replay {
    let again = policy.recommend(ask);
    if again == recommendation.own() {
        Replay::Same
    } else if again.policy == recommendation.policy && again.version == recommendation.version {
        Replay::Differs
    } else {
        Replay::Foreign
    }
}

/// The version of an answer names the model and the features that it was fitted to: this is the model's.
pub fn model_version(recommendation: &Recommendation) -> u32 {
    recommendation.version / FEATURES
}

/// Versions of features are below it.
const FEATURES: u32 = 1000;

/// Reasons are at most so many: what does not fit a glance is not read.
pub const MAX_REASONS: usize = 3;

/// Draws from the lottery and writes the answer.
fn answer(
    name: &str,
    version: u32,
    ask: &Ask,
    lottery: &Lottery,
    reasons: impl FnOnce(usize) -> Vec<Reason>,
) -> Recommendation {
    let (drawn, propensity) = lottery.draw(ask.bits.get());
    // A place beyond the sixteen bits of the contract cannot be named; an ask never holds so many.
    let tip = drawn.and_then(|index| {
        let subject = ask.candidates.get(index)?.subject.clone();
        Some(Choice { candidate: u16::try_from(index).ok()?, subject, reasons: reasons(index) })
    });
    let hush = if ask.candidates.is_empty() { Hush::NoCandidates } else { Hush::NotWorthIt };
    Recommendation {
        silence: tip.is_none().then_some(hush),
        tip,
        propensity,
        confidence: None,
        policy: policy_name(name),
        version: version * FEATURES + crate::features::VERSION,
        provenance: Provenance::default(),
    }
}

fn policy_name(name: &str) -> PolicyName {
    PolicyName::try_from(name.to_owned()).unwrap_or_else(|_| unreachable!("a test holds the names' limits"))
}

#[cfg(test)]
mod tests;
