//! Decisions looked at once more: whether they come out the same, as often as they said, and for the reasons they gave.

use super::figures::Interval;
use oo_contracts::decision::{Ask, RandomBits, Recommendation};
use oo_domain::bayes::Belief;
use oo_domain::features::Row;
use oo_domain::learning;
use oo_domain::model::Model;
use oo_domain::planner::chance::Chance;
use oo_domain::policy::Policy;
use statrs::distribution::{ChiSquared, ContinuousCDF as _};

/// How many of these decisions come out otherwise, in any bit, when they are asked again.
pub fn changed<'a>(policy: &dyn Policy, decisions: impl IntoIterator<Item = (&'a Ask, &'a Recommendation)>) -> usize {
    decisions.into_iter().filter(|(ask, answer)| policy.recommend(ask) != **answer).count()
}

/// Pearson's test of what is drawn against what is said, over so many draws of each ask.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Frequencies {
    pub draws: u64,
    pub chi_squared: f64,
    pub freedom: f64,
    /// The probability of a fit as bad as this.
    pub p: f64,
}

/// Actions that are expected less often are taken together (Cochran, 1954).
const SELDOM: f64 = 5.0;

/// Draws each ask again with other bits.
pub fn frequencies<'a>(policy: &dyn Policy, asks: impl IntoIterator<Item = &'a Ask>, draws: u64) -> Frequencies {
    let mut bits = Chance::new(draws);
    let mut all = Frequencies { draws: 0, chi_squared: 0.0, freedom: 0.0, p: 1.0 };
    for ask in asks {
        let Some(said) = policy.propensities(ask) else { continue };
        let mut came = vec![0_u64; 1 + ask.candidates.len()];
        for _ in 0..draws {
            let answer = policy.recommend(&Ask { bits: RandomBits::new(bits.bits()), ..ask.clone() });
            came[answer.tip.map_or(0, |choice| 1 + usize::from(choice.candidate))] += 1;
        }
        let expected = std::iter::once(said.silence).chain(said.candidates);
        let pairs: Vec<(f64, f64)> =
            expected.map(|share| share * draws as f64).zip(came.iter().map(|count| *count as f64)).collect();
        let (often, seldom): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|(expected, _)| *expected >= SELDOM);
        let rest = seldom.iter().fold((0.0, 0.0), |(a, b), (c, d)| (a + c, b + d));
        let cells: Vec<_> = often.into_iter().chain((rest.0 >= SELDOM).then_some(rest)).collect();
        all.chi_squared += cells.iter().map(|(expected, came)| (came - expected).powi(2) / expected).sum::<f64>();
        all.freedom += cells.len().saturating_sub(1) as f64;
        all.draws += draws;
    }
    all.p = ChiSquared::new(all.freedom).map_or(1.0, |known| known.sf(all.chi_squared));
    all
}

/// What reasons hold of the policy `linear`'s tips.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reasons {
    pub tips: usize,
    /// How far the reasons' sum is from the score, at most.
    pub off: f64,
    /// Of tips that were the best of their candidates by a score: how many would not have been without their first reason.
    pub decisive: Interval,
}

/// Looks at the reasons of these decisions, of that model.
pub fn reasons<'a>(model: &Model, decisions: impl IntoIterator<Item = (&'a Ask, &'a Recommendation)>) -> Reasons {
    let (mut tips, mut off, mut decisive) = (0, 0.0_f64, Vec::new());
    for (ask, answer) in decisions {
        let Some(choice) = &answer.tip else { continue };
        let belief = match ask.posterior.as_ref().and_then(learning::from_posterior) {
            Some(evidence) => Belief::of(model.prior(), &evidence),
            None => Belief::new(model.prior()),
        };
        let rows = Row::all(&ask.context, &ask.candidates);
        let scores: Vec<f64> = rows.iter().map(|row| belief.predict(&row.values()).mean).collect();
        let place = usize::from(choice.candidate);
        let weights: Vec<f64> = choice.reasons.iter().map(|reason| reason.weight).collect();
        tips += 1;
        off = off.max((weights.iter().sum::<f64>() - scores[place]).abs());
        let others = scores.iter().enumerate().filter(|(other, _)| *other != place).map(|(_, score)| *score);
        let best = others.fold(f64::NEG_INFINITY, f64::max);
        if let Some(first) = weights.first().filter(|_| scores[place] > best && best > f64::NEG_INFINITY) {
            decisive.push(f64::from(u8::from(scores[place] - first < best)));
        }
    }
    Reasons { tips, off, decisive: Interval::of(&decisive) }
}
