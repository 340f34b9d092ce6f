//! From what made a score to the few facts that are told.

use super::MAX_REASONS;
use oo_contracts::tip::{Because, Reason};

/// Scores and weights are whole millionths, so that sums are exact.
pub(crate) const MILLION: f64 = 1e6;

/// The strongest of the facts that spoke for it, at most [`MAX_REASONS`]. What the others and the losses make of the
/// score is shared out among them in proportion, so that the weights still sum to it and keep their order. Where no fact
/// spoke for it, it was the lot.
pub(crate) fn share_out(total: i64, mut facts: Vec<(Because, i64)>) -> Vec<Reason> {
    facts.retain(|(_, weight)| *weight > 0);
    if facts.is_empty() {
        facts.push((Because::Chance, 1));
    }
    facts.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
    facts.truncate(MAX_REASONS);
    let kept: i64 = facts.iter().map(|(_, weight)| weight).sum();
    let mut shares: Vec<i64> = facts.iter().map(|(_, weight)| weight * total / kept).collect();
    let rounding = total - shares.iter().sum::<i64>();
    if let Some(first) = shares.first_mut() {
        *first += rounding;
    }
    let weights = shares.into_iter().map(|share| share as f64 / MILLION);
    facts.iter().zip(weights).map(|((because, _), weight)| Reason { because: *because, weight }).collect()
}
