//! What a policy would have earned on decisions that others made: off-policy evaluation of whole policies.

pub mod cohorts;
pub mod report;

use self::cohorts::Cohort;
use crate::evaluation::{Estimate, Estimator, Evaluation, Predictions, Refusal, Round, Rules, Weights};
use crate::examples::Example;
use crate::fit::{self, RewardModel};
use jiff::Timestamp;
use oo_domain::model::Model;
use oo_domain::policy::Policy;
use oo_domain::policy::linear::Linear;
use std::collections::{BTreeMap, BTreeSet};

/// Everybody is in one of so many parts; what is fitted is judged on people that it has not seen.
const PARTS: usize = 5;

/// What is known of a policy's worth. Rewards per decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    pub people: usize,
    pub decisions: usize,
    pub from: Timestamp,
    pub to: Timestamp,
    /// What the decisions themselves earned.
    pub logged: Estimate,
    /// By each of [`Estimator::ALL`].
    pub values: Vec<(Estimator, Estimate)>,
    /// How much more than was logged, doubly robust.
    pub gain: Estimate,
    pub weights: Weights,
    /// The gain for each kind of people, where they are enough to have kinds.
    pub cohorts: Vec<Cohort>,
}

impl Judgement {
    /// The doubly robust estimate: the one that decides.
    pub fn value(&self) -> Estimate {
        self.values.iter().find(|(by, _)| *by == Estimator::Dr).map_or(self.logged, |(_, value)| *value)
    }
}

/// Why there is no judgement.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NoJudgement {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the policy {0} does not tell the probability of each action, so it cannot be judged off-policy")]
    TellsNothing(String),
}

/// Judges a policy that these decisions did not make.
///
/// # Errors
/// A [`NoJudgement`] where they do not answer.
pub fn judge(policy: &dyn Policy, examples: &[Example], rules: &Rules) -> Result<Judgement, NoJudgement> {
    let parts = Parts::of(examples);
    let rewards = parts.reward_models(examples);
    conclude(examples, rules, |example| round(policy, &rewards[parts.part(example)], example))
}

/// Judges the policy `linear` as it would be with a prior that is fitted to these decisions: everybody by a prior, and a
/// model of the reward, that are fitted to others (cross-fitting: Chernozhukov et al., The Econometrics Journal, 2018).
///
/// # Errors
/// A [`NoJudgement`] where they do not answer.
pub fn judge_fitted(examples: &[Example], rules: &Rules) -> Result<Judgement, NoJudgement> {
    let parts = Parts::of(examples);
    let rewards = parts.reward_models(examples);
    let fitted: Vec<Option<Linear>> = (0..PARTS)
        .map(|part| {
            let prior = fit::prior(parts.others(examples, part));
            // As many coefficients as there are features: it is fitted here.
            Model::new(0, prior).ok().map(Linear::new)
        })
        .collect();
    conclude(examples, rules, |example| {
        let part = parts.part(example);
        let policy = fitted[part].as_ref().ok_or_else(|| NoJudgement::TellsNothing("linear".into()))?;
        round(policy, &rewards[part], example)
    })
}

/// Who is in which part: by turns, in the order of their numbers, so that each part has its share of however few.
struct Parts(BTreeMap<u64, usize>);

impl Parts {
    fn of(examples: &[Example]) -> Self {
        let people: BTreeSet<u64> = examples.iter().map(|example| example.person).collect();
        Self(people.into_iter().enumerate().map(|(place, person)| (person, place % PARTS)).collect())
    }

    fn part(&self, example: &Example) -> usize {
        self.0[&example.person]
    }

    fn others<'a>(&self, examples: &'a [Example], of: usize) -> impl Iterator<Item = &'a Example> {
        examples.iter().filter(move |example| self.part(example) != of)
    }

    fn reward_models(&self, examples: &[Example]) -> Vec<RewardModel> {
        (0..PARTS).map(|part| RewardModel::fit(self.others(examples, part))).collect()
    }
}

fn conclude(
    examples: &[Example],
    rules: &Rules,
    round: impl Fn(&Example) -> Result<Round, NoJudgement>,
) -> Result<Judgement, NoJudgement> {
    let rounds = examples.iter().map(round).collect::<Result<Vec<_>, _>>()?;
    let evaluation = Evaluation::of(&rounds, rules)?;
    let values =
        Estimator::ALL.into_iter().map(|by| Ok((by, evaluation.estimate(by)?))).collect::<Result<Vec<_>, Refusal>>()?;
    let times = || examples.iter().map(|example| example.at);
    Ok(Judgement {
        people: evaluation.groups(),
        decisions: evaluation.rounds(),
        from: times().min().unwrap_or_default(),
        to: times().max().unwrap_or_default(),
        logged: evaluation.logged(),
        values,
        gain: evaluation.gain(Estimator::Dr)?,
        weights: evaluation.weights(),
        cohorts: cohorts::cohorts(examples, &rounds, rules),
    })
}

fn round(policy: &dyn Policy, rewards: &RewardModel, example: &Example) -> Result<Round, NoJudgement> {
    let Example { person, ask, answer, reward, .. } = example;
    let silent = || NoJudgement::TellsNothing(policy.name().to_string());
    let target = policy.propensities(ask).ok_or_else(silent)?;
    let worths = rewards.predict(ask);
    let (probability, taken) = match &answer.tip {
        None => (target.silence, 0.0),
        Some(choice) => {
            let at = |all: &[f64]| all.get(usize::from(choice.candidate)).copied().unwrap_or(0.0);
            (at(&target.candidates), at(&worths))
        }
    };
    let expected = worths.iter().zip(&target.candidates).map(|(worth, probability)| worth * probability).sum();
    Ok(Round {
        group: *person,
        reward: *reward,
        propensity: Some(answer.propensity),
        target: probability,
        model: Some(Predictions { taken, expected }),
    })
}

#[cfg(test)]
mod tests;
