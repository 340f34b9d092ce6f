//! Comparing the arms of an experiment while it runs, as often as one likes: intervals that hold at all times together.
//!
//! A person is one observation: what their decisions in this arm earned a day. With `t` of them, their mean lies within
//! `σ̂ √(2(tρ² + 1)/(t²ρ²) · ln(√(tρ² + 1)/α))` of the truth, at all `t` at once, with probability `1 - α` in the limit
//! (asymptotic confidence sequence: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, Annals of Statistics, 2024, theorem 2.2).

use crate::examples::Example;
use oo_contracts::model::Experiment;
use std::collections::BTreeMap;
use std::ops::Range;

/// Of the whole comparison being wrong somewhere, at some time.
const ALPHA: f64 = 0.05;
/// The intervals are narrowest around so many people.
const NARROWEST_AT: f64 = 100.0;
/// Below this a spread is no spread.
const FEWEST: usize = 10;

/// What is known of an arm.
#[derive(Debug, Clone, PartialEq)]
pub struct ArmSoFar {
    pub people: usize,
    pub decisions: usize,
    /// Reward a person and day.
    pub mean: f64,
    /// Where it lies, whenever one looks; `None` while there are too few people.
    pub within: Option<Range<f64>>,
}

/// The arms as they stand, in their order.
pub fn compare(experiment: &Experiment, examples: &[Example]) -> Vec<ArmSoFar> {
    let mut arms = vec![BTreeMap::<u64, Vec<&Example>>::new(); experiment.arms.len()];
    for example in examples {
        let Some(exposure) = &example.answer.provenance.exposure else { continue };
        if exposure.experiment == experiment.name
            && let Some(arm) = arms.get_mut(usize::from(exposure.arm))
        {
            arm.entry(example.person).or_default().push(example);
        }
    }
    // Each arm may be wrong as often as its share of the whole.
    let alpha = ALPHA / arms.len().max(1) as f64;
    arms.iter().map(|people| arm(people, alpha)).collect()
}

/// The arm that beats all others beyond chance, where there is one.
pub fn winner(arms: &[ArmSoFar]) -> Option<usize> {
    let low = |arm: &ArmSoFar| arm.within.as_ref().map(|within| within.start);
    let high = |arm: &ArmSoFar| arm.within.as_ref().map_or(f64::INFINITY, |within| within.end);
    (0..arms.len()).find(|&best| {
        let others = arms.iter().enumerate().filter(|(place, _)| *place != best);
        low(&arms[best]).is_some_and(|low| others.map(|(_, other)| high(other)).all(|high| low > high))
    })
}

fn arm(people: &BTreeMap<u64, Vec<&Example>>, alpha: f64) -> ArmSoFar {
    let values: Vec<f64> = people.values().map(|own| of_a_day(own)).collect();
    let count = values.len() as f64;
    let mean = if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / count };
    let within = (values.len() >= FEWEST).then(|| {
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
        let reach = variance.sqrt() * boundary(count, alpha);
        mean - reach..mean + reach
    });
    ArmSoFar { people: values.len(), decisions: people.values().map(Vec::len).sum(), mean, within }
}

/// What a person's decisions earned a day, between their first and their last.
fn of_a_day(own: &[&Example]) -> f64 {
    let (first, last) = (own.iter().map(|one| one.at).min(), own.iter().map(|one| one.at).max());
    let hours = first.zip(last).map_or(0.0, |(first, last)| first.duration_until(last).as_secs_f64() / 3600.0);
    own.iter().map(|one| one.reward).sum::<f64>() / (hours / 24.0).max(1.0)
}

/// In standard deviations.
fn boundary(count: f64, alpha: f64) -> f64 {
    // The ρ that makes the interval narrowest at that count, in closed form (their appendix B.2).
    let twice = -2.0 * alpha.ln();
    let rho_squared = (twice + (twice + 1.0).ln()) / NARROWEST_AT;
    let grown = count * rho_squared + 1.0;
    (2.0 * grown / (count * count * rho_squared) * (grown.sqrt() / alpha).ln()).sqrt()
}

#[cfg(test)]
mod tests;
