//! The learner: a Bayesian linear model of the reward, bent towards each person by their own answers.
//!
//! A tip about a candidate with the features `x` is worth `u = xᵀβ`; the belief over `β` is the model's prior and the
//! person's evidence ([`crate::bayes`]). The choice is Thompson sampling (Thompson, 1933) with its probabilities computed
//! instead of sampled, so that each is known to the last bit:
//!
//! - *Which.* The chance of each candidate being the best, by quadrature ([`chances`]). What all candidates share, the hour
//!   for one, cannot make one better than another, so each is taken by its difference from the average row `x̄`: mean
//!   `(xᵢ - x̄)ᵀm`, variance `n/(n-1) (xᵢ - x̄)ᵀΣ(xᵢ - x̄)`. For candidates whose worths are all equally correlated this is exact.
//!   A little of the uniform is mixed in, so that nothing is impossible.
//! - *Whether.* The chance that the one so chosen is worth more than what a tip takes away from those after it,
//!   `Σᵢ pᵢ P(uᵢ > c)`. Silence is worth 0. Its odds weigh on the plan of the day ([`pacer`]), which spreads the tips; and
//!   never is it likelier to speak than to be right in that, whatever the plan still wants. Without a plan, `c` holds the price
//!   of the budget as well: [`dosage::price`]. All is kept within what [`pacer::explored`] leaves to chance.
//!
//! What the person wanted to hear of by now is right to say.
//!
//! Both sample from a quarter of the belief's width, see [`EXPLORES`]. A person's own evidence holds tips alone, whose worth is
//! told by what followed them; where there are rows of silence as well, as in the decisions that a trainer reads, the effect
//! of speaking is told apart from what would have happened anyway by [`crate::centring`].
//!
//! The reasons are the additive parts `xⱼmⱼ` of the score `xᵀm`, gathered by the facts that they tell of.

use super::lottery::Lottery;
use super::reasons;
use super::{Policy, Propensities, answer, policy_name};
use crate::bayes::{Belief, Normal, chances};
use crate::dosage;
use crate::features::{D, Row};
use crate::learning;
use crate::model::Model;
use crate::pacer;
use oo_contracts::Share;
use oo_contracts::decision::{Ask, Hush, PolicyName, Recommendation};

/// As settings know it.
pub const NAME: &str = "linear";

/// So much of the belief's width is sampled from: answers are few and moments many, and a width that forgetting never lets
/// close would be paid for ever (Chapelle and Li, An Empirical Evaluation of Thompson Sampling, NeurIPS 2011, §4, likewise
/// find a quarter and a half better than the whole).
pub const EXPLORES: f64 = 0.25;

/// The part of the draw among candidates that is uniform.
const UNIFORM: f64 = 0.02;

/// Bayesian, linear, and sampled by its own uncertainty.
#[derive(Debug, Clone, Default)]
pub struct Linear {
    model: Model,
}

impl Linear {
    /// By that model; the default is the one that is built in.
    pub fn new(model: Model) -> Self {
        Self { model }
    }

    /// What is believed of the person who is asked about.
    fn belief(&self, ask: &Ask) -> Belief {
        match ask.posterior.as_ref().and_then(learning::from_posterior) {
            Some(evidence) => Belief::of(self.model.prior(), &evidence),
            None => Belief::new(self.model.prior()),
        }
    }
}

impl Policy for Linear {
    fn name(&self) -> PolicyName {
        policy_name(NAME)
    }

    fn recommend(&self, ask: &Ask) -> Recommendation {
        let belief = self.belief(ask);
        let rows = Row::all(&ask.context, &ask.candidates);
        let Chosen { lottery, right, speaks } = choose(ask, &belief, &rows);
        let answer = answer(NAME, self.model.version(), ask, &lottery, |index| {
            let parts = parts(&rows[index], belief.mean());
            reasons::of_parts(ask, index, &parts, parts.iter().sum())
        });
        let sure = if answer.tip.is_some() { right } else { 1.0 - right };
        // Enough for now, where it would have been right to speak and the plan did not want it.
        let enough =
            |hush| if hush == Hush::NotWorthIt && right >= 0.5 && speaks < 0.5 { Hush::EnoughForNow } else { hush };
        Recommendation { confidence: Some(Share::saturating(sure)), silence: answer.silence.map(enough), ..answer }
    }

    fn propensities(&self, ask: &Ask) -> Option<Propensities> {
        let rows = Row::all(&ask.context, &ask.candidates);
        Some(choose(ask, &self.belief(ask), &rows).lottery.propensities())
    }
}

/// Which, and whether.
struct Chosen {
    lottery: Lottery,
    /// The probability that speaking is right.
    right: f64,
    /// The probability of speaking, by the plan of the day as well.
    speaks: f64,
}

fn choose(ask: &Ask, belief: &Belief, rows: &[Row]) -> Chosen {
    if rows.is_empty() {
        return Chosen { lottery: Lottery::new(1.0, &[]), right: 0.0, speaks: 0.0 };
    }
    let values: Vec<_> = rows.iter().map(Row::values).collect();
    let mut weights = Vec::new();
    chances(&differences(belief, &values), &mut weights);
    let worths: Vec<_> = values.iter().map(|row| narrowed(belief.predict(row))).collect();
    let mix = |of: &dyn Fn(&Normal) -> f64| -> f64 {
        weights.iter().zip(&worths).map(|(chance, worth)| chance * of(worth)).sum()
    };
    let context = &ask.context;
    let worth = Normal { mean: mix(&|one| one.mean), sd: mix(&|one| one.sd) };
    let burden = dosage::burden(context, belief, worth);
    let wanted = ask.candidates.iter().any(|one| one.wanted);
    let right = if wanted { 1.0 } else { mix(&|one| one.above(burden)) };
    let ends_soon: f64 =
        weights.iter().zip(&ask.candidates).filter(|(_, one)| pacer::ends_soon(one)).map(|(chance, _)| chance).sum();
    let odds = right / (1.0 - right).max(f64::EPSILON);
    let speaks = match pacer::speaks(context, odds, ends_soon > 0.5) {
        Some(paced) => paced.min(right),
        None if wanted => 1.0,
        None => {
            let price = dosage::price(context, belief, worth);
            mix(&|one| one.above(price))
        }
    };
    let even = UNIFORM / rows.len() as f64;
    weights.iter_mut().for_each(|weight| *weight = (1.0 - UNIFORM) * *weight + even);
    let silence = 1.0 - pacer::explored(context, speaks);
    Chosen { lottery: Lottery::new(silence, &weights), right, speaks }
}

/// Each candidate against the average one.
fn differences(belief: &Belief, values: &[[f64; D]]) -> Vec<Normal> {
    let count = values.len() as f64;
    let mut average = [0.0; D];
    for row in values {
        average.iter_mut().zip(row).for_each(|(sum, value)| *sum += value / count);
    }
    let inflate = if values.len() > 1 { (count / (count - 1.0)).sqrt() } else { 1.0 };
    let against = |row: &[f64; D]| {
        let mut difference = *row;
        difference.iter_mut().zip(&average).for_each(|(value, average)| *value -= average);
        let Normal { mean, sd } = narrowed(belief.predict(&difference));
        Normal { mean, sd: sd * inflate }
    };
    values.iter().map(against).collect()
}

fn narrowed(Normal { mean, sd }: Normal) -> Normal {
    Normal { mean, sd: EXPLORES * sd }
}

/// What each feature makes of the score.
fn parts(row: &Row, mean: &[f64]) -> [f64; D] {
    let mut parts = row.values();
    parts.iter_mut().zip(mean).for_each(|(part, mean)| *part *= mean);
    parts
}

#[cfg(test)]
mod tests;
