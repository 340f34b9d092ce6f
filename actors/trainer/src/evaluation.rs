//! Off-policy evaluation: what would a policy have earned on rounds that another one chose and logged?
//!
//! An estimator sees of a round only what [`Round`] has: the reward, the probability with which the logged action was
//! taken, the one with which the judged policy would take it, and, where there is one, what a reward model predicts. So
//! it serves any policy and any context. Where the log cannot answer, it is refused instead of answered wrongly.
//!
//! With `w = π(a|x) / μ(a|x)`, over all rounds:
//!
//! | estimator | value | source |
//! |---|---|---|
//! | [`Estimator::Ips`] | `Σ w r / n` | Horvitz and Thompson, JASA 1952 |
//! | [`Estimator::Snips`] | `Σ w r / Σ w` | Swaminathan and Joachims, NeurIPS 2015 |
//! | [`Estimator::Dm`] | `Σ q̂(x, π) / n` | Beygelzimer and Langford, KDD 2009 |
//! | [`Estimator::Dr`] | `Σ (q̂(x, π) + w (r − q̂(x, a))) / n` | Dudík, Langford and Li, ICML 2011 |

mod interval;
pub mod wcls;

pub use interval::{Estimate, SplitMix};

use interval::Ratio;

/// One logged round, as an estimator sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Round {
    /// Whose it is. Rounds of one person depend on each other, so that intervals are made over groups; give each round a
    /// group of its own where they are independent.
    pub group: u64,
    pub reward: f64,
    /// The probability with which the logged action was taken; `None` where the log does not tell.
    pub propensity: Option<f64>,
    /// The probability with which the judged policy takes that same action.
    pub target: f64,
    /// What a reward model says, which must not have been trained on this round.
    pub model: Option<Predictions>,
}

/// What a reward model expects in one round.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Predictions {
    /// Of the action that was taken.
    pub taken: f64,
    /// Of the judged policy: over all actions, by its probabilities.
    pub expected: f64,
}

/// How a value is estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Estimator {
    /// Inverse propensity score: unbiased, and as wide as the weights are uneven.
    Ips,
    /// Self-normalised IPS: a little bias for much less variance.
    Snips,
    /// Direct method: the model alone. Its interval knows nothing of the model's bias.
    Dm,
    /// Doubly robust: unbiased where either propensities or model are right.
    Dr,
}

impl Estimator {
    /// All of them, in the order in which a table shows them.
    pub const ALL: [Self; 4] = [Self::Ips, Self::Snips, Self::Dm, Self::Dr];

    /// As it is called in the field.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ips => "IPS",
            Self::Snips => "SNIPS",
            Self::Dm => "DM",
            Self::Dr => "DR",
        }
    }
}

/// When a log is too thin to conclude from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// The fewest rounds.
    pub rounds: usize,
    /// The smallest effective sample size: so many rounds of the judged policy's own would tell as much.
    pub effective: f64,
    /// The weights must average one, give or take so many of their standard errors.
    pub deviations: f64,
}

impl Default for Rules {
    /// A hundred rounds, and as many effective ones: below that, a normal interval of a rate of a few in a hundred does
    /// not hold what it says. Four deviations are passed by chance once in 16,000 sound logs.
    fn default() -> Self {
        Self { rounds: 100, effective: 100.0, deviations: 4.0 }
    }
}

/// Why a log does not answer.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum Refusal {
    #[error("only {found} rounds, and it takes {needed}: choose a longer range of the log")]
    TooFewRounds { found: usize, needed: usize },
    #[error("all rounds are of one group: an interval needs the rounds of several people")]
    OneGroup,
    #[error("round {round} was logged without its propensity: leave out the policies that do not tell theirs")]
    NoPropensity { round: usize },
    #[error(
        "round {round} has the propensity {propensity}, which is not above 0 and at most 1: it cannot have been taken"
    )]
    Propensity { round: usize, propensity: f64 },
    #[error("round {round} has {value}, which is no probability, for the judged policy")]
    Target { round: usize, value: f64 },
    #[error("round {round} has a reward or a prediction that is no number")]
    NotANumber { round: usize },
    #[error(
        "{rounds} rounds tell as much as {effective:.1} of the judged policy's own, and it takes {needed}: the policies \
         differ too much, choose a longer range or let the new one run as a shadow with more exploration"
    )]
    EffectiveSize { rounds: usize, effective: f64, needed: f64 },
    #[error(
        "the weights average {mean:.3} and not 1 (standard error {error:.3}): the propensities are wrong, or the judged \
         policy does what the logged one never tried"
    )]
    Weights { mean: f64, error: f64 },
    #[error("round {round} has no prediction: DM and DR need a reward model")]
    NoModel { round: usize },
}

/// A log that is sound enough to answer.
#[derive(Debug, Clone)]
pub struct Evaluation {
    sums: Vec<Sums>,
    rounds: usize,
    weights: Weights,
    /// The first round without a prediction.
    unmodelled: Option<usize>,
}

/// What the weights of a log are like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    /// One where the propensities are right.
    pub mean: f64,
    pub largest: f64,
    /// `(Σ w)² / Σ w²` (Kish, Survey Sampling, 1965).
    pub effective: f64,
}

/// Of one group.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    rounds: f64,
    weight: f64,
    reward: f64,
    weighted_reward: f64,
    /// `q̂(x, π)`.
    expected: f64,
    /// `q̂(x, π) + w (r − q̂(x, a))`.
    corrected: f64,
}

impl Evaluation {
    /// Checks the rounds, and weighs them.
    ///
    /// # Errors
    /// A [`Refusal`] where they do not answer.
    pub fn of(rounds: &[Round], rules: &Rules) -> Result<Self, Refusal> {
        if rounds.len() < rules.rounds.max(1) {
            return Err(Refusal::TooFewRounds { found: rounds.len(), needed: rules.rounds.max(1) });
        }
        let mut groups = std::collections::BTreeMap::<u64, Sums>::new();
        let (mut total, mut squares, mut largest) = (0.0, 0.0, 0.0_f64);
        for (index, round) in rounds.iter().enumerate() {
            let weight = weight(index, round)?;
            total += weight;
            squares += weight * weight;
            largest = largest.max(weight);
            groups.entry(round.group).or_default().add(round, weight);
        }
        let sums: Vec<Sums> = groups.into_values().collect();
        if sums.len() < 2 {
            return Err(Refusal::OneGroup);
        }
        let effective = if squares > 0.0 { total * total / squares } else { 0.0 };
        if effective < rules.effective {
            return Err(Refusal::EffectiveSize { rounds: rounds.len(), effective, needed: rules.effective });
        }
        let mean = Ratio::of(sums.iter().map(|sums| (sums.weight, sums.rounds))).estimate();
        // Weights that are all the same have no error but that of arithmetic.
        let tolerance = rules.deviations * mean.error + 1e-9;
        if (mean.value - 1.0).abs() > tolerance {
            return Err(Refusal::Weights { mean: mean.value, error: mean.error });
        }
        Ok(Self {
            sums,
            rounds: rounds.len(),
            weights: Weights { mean: mean.value, largest, effective },
            unmodelled: rounds.iter().position(|round| round.model.is_none()),
        })
    }

    pub fn rounds(&self) -> usize {
        self.rounds
    }

    pub fn groups(&self) -> usize {
        self.sums.len()
    }

    pub fn weights(&self) -> Weights {
        self.weights
    }

    /// What the logged policy itself earned.
    pub fn logged(&self) -> Estimate {
        Ratio::of(self.sums.iter().map(|sums| (sums.reward, sums.rounds))).estimate()
    }

    /// The judged policy's value, with an interval of 95 % by the normal approximation.
    ///
    /// # Errors
    /// [`Refusal::NoModel`] where the estimator needs predictions and a round has none.
    pub fn estimate(&self, estimator: Estimator) -> Result<Estimate, Refusal> {
        Ok(self.ratio(estimator)?.estimate())
    }

    /// The same value, with an interval of 95 % from so many resamples of the groups (Efron, 1979; percentiles). It follows
    /// skew, which the normal one does not: rewards that are rare and weights that are uneven. `below` draws evenly from 0 up to,
    /// but never, its argument.
    ///
    /// # Errors
    /// As [`Evaluation::estimate`].
    pub fn bootstrap(
        &self,
        estimator: Estimator,
        resamples: usize,
        below: impl FnMut(usize) -> usize,
    ) -> Result<Estimate, Refusal> {
        Ok(self.ratio(estimator)?.bootstrap(resamples, below))
    }

    /// How much more the judged policy earns than the logged one did, on the same rounds: what a promotion asks. Much
    /// narrower than two intervals, since both are of one log.
    ///
    /// # Errors
    /// As [`Evaluation::estimate`].
    pub fn gain(&self, estimator: Estimator) -> Result<Estimate, Refusal> {
        let (ratio, logged) = (self.ratio(estimator)?, self.logged());
        let own = Ratio::of(self.sums.iter().map(|sums| (sums.reward, sums.rounds)));
        Ok(ratio.less(&own, logged.value))
    }

    fn ratio(&self, estimator: Estimator) -> Result<Ratio, Refusal> {
        let of = |terms: fn(&Sums) -> (f64, f64)| Ratio::of(self.sums.iter().map(terms));
        if let (Estimator::Dm | Estimator::Dr, Some(round)) = (estimator, self.unmodelled) {
            return Err(Refusal::NoModel { round });
        }
        Ok(match estimator {
            Estimator::Ips => of(|sums| (sums.weighted_reward, sums.rounds)),
            Estimator::Snips => of(|sums| (sums.weighted_reward, sums.weight)),
            Estimator::Dm => of(|sums| (sums.expected, sums.rounds)),
            Estimator::Dr => of(|sums| (sums.corrected, sums.rounds)),
        })
    }
}

impl Sums {
    fn add(&mut self, round: &Round, weight: f64) {
        self.rounds += 1.0;
        self.weight += weight;
        self.reward += round.reward;
        self.weighted_reward += weight * round.reward;
        if let Some(model) = round.model {
            self.expected += model.expected;
            self.corrected += model.expected + weight * (round.reward - model.taken);
        }
    }
}

/// A round's weight, where the round is one.
fn weight(index: usize, round: &Round) -> Result<f64, Refusal> {
    let propensity = round.propensity.ok_or(Refusal::NoPropensity { round: index })?;
    if !(propensity > 0.0 && propensity <= 1.0) {
        return Err(Refusal::Propensity { round: index, propensity });
    }
    if !(0.0..=1.0).contains(&round.target) {
        return Err(Refusal::Target { round: index, value: round.target });
    }
    let predicted = round.model.is_none_or(|model| model.taken.is_finite() && model.expected.is_finite());
    if !round.reward.is_finite() || !predicted {
        return Err(Refusal::NotANumber { round: index });
    }
    Ok(round.target / propensity)
}

#[cfg(test)]
mod tests;
