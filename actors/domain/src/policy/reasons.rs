//! From what made a score to the few facts that are told.

use super::MAX_REASONS;
use super::facts::facts;
use crate::features::{D, FEATURES, Topic};
use oo_contracts::decision::Ask;
use oo_contracts::tip::{Because, Reason, Subject};

/// Scores and weights are whole millionths, so that sums are exact.
pub(crate) const MILLION: f64 = 1e6;

/// From what each feature made of a candidate's score, gathered by the facts that they tell of.
pub(super) fn of_parts(ask: &Ask, index: usize, parts: &[f64; D], total: f64) -> Vec<Reason> {
    let millionths = |part: f64| (part * MILLION).round() as i64;
    let about = |topic: Topic| {
        let of_it = FEATURES.iter().zip(parts).filter(|(feature, _)| feature.topic() == topic);
        of_it.map(|(_, part)| part).sum::<f64>()
    };
    let candidate = &ask.candidates[index];
    // What something is, if it is no task, is told by the fact that stands first: an event that starts, an advice's
    // occasion.
    let mut kind = if matches!(candidate.subject, Subject::Todo { .. }) { 0.0 } else { about(Topic::Kind) };
    let weighed = facts(&ask.context, candidate)
        .into_iter()
        .map(|because| {
            let own = topic(&because).map_or(0.0, about);
            (because, millionths(own + std::mem::take(&mut kind)))
        })
        .collect();
    share_out(millionths(total), weighed)
}

/// What a fact tells of besides the kind of thing.
pub(super) fn topic(because: &Because) -> Option<Topic> {
    match because {
        Because::FreeMinutes { .. } => Some(Topic::FreeTime),
        Because::DueToday | Because::DueIn { .. } | Because::DueBefore { .. } => Some(Topic::Due),
        Because::Important => Some(Topic::Priority),
        Because::Fits { .. } => Some(Topic::Duration),
        Because::Waiting { .. } => Some(Topic::Waiting),
        Because::StartsIn { .. }
        | Because::HabitWindow
        | Because::Mood
        | Because::LongStretch { .. }
        | Because::JustEnded { .. }
        | Because::DayBegins
        | Because::DayEnds
        | Because::InARow { .. }
        | Because::EndsSoon
        | Because::Chance => None,
    }
}

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
