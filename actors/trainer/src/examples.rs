//! What there is to learn from: decisions, each with what came of it, told from the person's log by the functions that serve.

use jiff::Timestamp;
use oo_contracts::TipId;
use oo_contracts::decision::{Ask, Decision, Outcome, Recommendation};
use oo_contracts::entry::Entry;
use oo_domain::local::plus;
use oo_domain::profile::Profile;
use oo_domain::{decide, learning, reward};
use std::collections::HashMap;

/// A decision of a policy, and what it was worth.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// Whose it is, by number.
    pub person: u64,
    pub at: Timestamp,
    pub ask: Ask,
    pub answer: Recommendation,
    /// Against silence, whose worth is 0.
    pub reward: f64,
}

/// Decisions that are not learnt from, by why.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// The person did not allow it when it was made.
    pub without_consent: u64,
    /// What is heard of it may still change.
    pub young: u64,
    /// It was made when something else was already said, or the moment had passed.
    pub not_given: u64,
    pub without_propensity: u64,
    /// Of a version of the features that this oO does not know.
    pub other_features: u64,
    /// Written by a newer oO, or damaged; whose community and time they are of is not known then.
    pub unreadable: u64,
}

impl LeftOut {
    /// What there is to say, in words.
    pub fn words(&self) -> Vec<String> {
        let Self { without_consent, young, not_given, without_propensity, other_features, unreadable } = *self;
        let all = [
            (without_consent, "without consent to learn from them"),
            (young, "younger than a week: what came of them may still change"),
            (not_given, "whose tip was not given"),
            (without_propensity, "without a propensity"),
            (other_features, "of a version of the features that is not known here"),
            (unreadable, "that cannot be read, whosever they are"),
        ];
        all.into_iter().filter(|(count, _)| *count > 0).map(|(count, why)| format!("{count} {why}")).collect()
    }

    pub fn add(&mut self, other: Self) {
        self.without_consent += other.without_consent;
        self.young += other.young;
        self.not_given += other.not_given;
        self.without_propensity += other.without_propensity;
        self.other_features += other.other_features;
        self.unreadable += other.unreadable;
    }
}

/// One person's examples, from their log, what it began with, and their decisions, as all stand at `now`.
pub fn examples(
    person: u64,
    begun: Profile,
    log: &[(u64, Entry)],
    decisions: &[Decision],
    now: Timestamp,
) -> (Vec<Example>, LeftOut) {
    let mut left_out = LeftOut::default();
    let mut found = Vec::new();
    // Nothing of who allowed nothing is even looked at.
    let worth =
        if decisions.iter().any(|decision| decision.training) { worth(begun, log, now) } else { HashMap::new() };
    for decision in decisions {
        let Outcome::Asked { ask, recommendation } = &decision.outcome else { continue };
        let count = match judge(decision, ask, recommendation, &worth, now) {
            Ok(reward) => {
                let (ask, answer) = (ask.clone(), recommendation.clone());
                found.push(Example { person, at: decision.at, ask, answer, reward });
                continue;
            }
            Err(why) => why(&mut left_out),
        };
        *count += 1;
    }
    (found, left_out)
}

type Why = fn(&mut LeftOut) -> &mut u64;

fn judge(
    decision: &Decision,
    ask: &Ask,
    answer: &Recommendation,
    worth: &HashMap<TipId, Option<f64>>,
    now: Timestamp,
) -> Result<f64, Why> {
    if !decision.training {
        return Err(|left| &mut left.without_consent);
    }
    if plus(decision.at, reward::WINDOW) > now {
        return Err(|left| &mut left.young);
    }
    if !has_propensity(answer) {
        return Err(|left| &mut left.without_propensity);
    }
    if ask.posterior.as_ref().is_some_and(|posterior| learning::from_posterior(posterior).is_none()) {
        return Err(|left| &mut left.other_features);
    }
    if answer.tip.is_none() {
        return Ok(0.0);
    }
    match decide::tip_id(&decision.id).and_then(|tip| worth.get(&tip)) {
        None => Err(|left| &mut left.not_given),
        // It interrupted, and was taken back or away before anything could come of it.
        Some(None) => Ok(-reward::BURDEN),
        Some(Some(reward)) => Ok(*reward),
    }
}

/// Whether an answer tells the probability that it was taken with.
pub(crate) fn has_propensity(answer: &Recommendation) -> bool {
    answer.propensity > 0.0 && answer.propensity <= 1.0
}

/// What each tip of a log was worth: the last that was known of it while the profile remembered it.
fn worth(mut profile: Profile, log: &[(u64, Entry)], now: Timestamp) -> HashMap<TipId, Option<f64>> {
    let mut worth = HashMap::new();
    let mut note = |profile: &Profile, at: Timestamp| {
        for life in profile.lives() {
            worth.insert(life.tip.clone(), reward::reward(life, at));
        }
    };
    for (seq, entry) in log {
        // Before it is folded: by then the profile may have let a tip go.
        note(&profile, entry.at);
        profile.fold(*seq, entry);
    }
    note(&profile, now);
    worth
}

#[cfg(test)]
mod tests;
