//! What a tip costs the next ones: a person who was told much listens less.

use crate::profile::DOSAGE_HALF_LIFE;
use oo_contracts::decision::Context;

/// The part of the day's budget that is spent on average: not every moment is worth a tip.
const SPENT: f64 = 0.5;

/// What one more tip takes away from the rewards of the tips after it, where each tip of burden takes `per_tip` away from
/// each of them.
///
/// A proxy for the value of the future (Liao et al., Personalized HeartSteps, 2020, §4.3, learn one from a model of the dosage;
/// this is its closed form for tips that come at an even rate): the burden of one tip, which decays by half in
/// [`DOSAGE_HALF_LIFE`], summed over the tips that will still feel it.
pub fn future_cost(context: &Context, per_tip: f64) -> f64 {
    let days = DOSAGE_HALF_LIFE.as_secs_f64() / 86_400.0 / std::f64::consts::LN_2;
    per_tip.max(0.0) * days * SPENT * f64::from(context.budget)
}
