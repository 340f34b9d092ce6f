//! The sum of a few plain facts, and a weighted draw: good from the first day, and the baseline that a learner must beat.
//!
//! A candidate's score is the sum of its facts' weights, less what it loses for having been shown lately. The best
//! score against a threshold that grows with the burden gives the probability of speaking at all, kept within
//! [`SPEAKS`]; a softmax over the scores, mixed with a little of the uniform, shares it out. All weights are whole
//! millionths, so that sums are exact.

use super::facts::facts;
use super::lottery::Lottery;
use super::reasons::{self, MILLION};
use super::{Policy, Propensities, answer, policy_name};
use oo_contracts::decision::{Ask, Candidate, Context, PolicyName, Recommendation};
use oo_contracts::tip::{Because, Reason};
use std::ops::RangeInclusive;

/// As settings know it.
pub const NAME: &str = "rules";

const VERSION: u32 = 1;

/// The probability of speaking stays within this, so that the effect of speaking can be estimated afterwards
/// (recommender §1).
pub const SPEAKS: RangeInclusive<f64> = 0.05..=0.95;

/// The best score at which speaking and silence are even, for a person without any burden.
const THRESHOLD: f64 = 0.4;
/// What each recent tip adds to it.
const BURDEN: f64 = 0.15;
/// How far the score must be from the threshold to matter.
const SPEAKING_SCALE: f64 = 0.25;
/// How much better a candidate must be to be chosen more often: at one such step, e times.
const CHOOSING_SCALE: f64 = 0.2;
/// The part of the draw that is uniform, so that nothing is impossible.
const UNIFORM: f64 = 0.05;
/// What a candidate loses just after it was given; halves in a day.
const JUST_SHOWN: f64 = 1.0;
const RECOVERS_IN_MINUTES: f64 = 1440.0;
/// What it loses for each time it was given, up to five.
const SHOWN_BEFORE: f64 = 0.1;

/// Additive rules.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rules;

impl Policy for Rules {
    fn name(&self) -> PolicyName {
        policy_name(NAME)
    }

    fn recommend(&self, ask: &Ask) -> Recommendation {
        let scored: Vec<_> = ask.candidates.iter().map(|candidate| score(&ask.context, candidate)).collect();
        answer(NAME, VERSION, ask, &lottery(&ask.context, &scored), |index| scored[index].reasons())
    }

    fn propensities(&self, ask: &Ask) -> Option<Propensities> {
        let scored: Vec<_> = ask.candidates.iter().map(|candidate| score(&ask.context, candidate)).collect();
        Some(lottery(&ask.context, &scored).propensities())
    }
}

/// A candidate's score in millionths, and what it is made of.
#[derive(Debug, Clone)]
pub(crate) struct Score {
    pub(crate) total: i64,
    facts: Vec<(Because, i64)>,
}

impl Score {
    pub(crate) fn reasons(&self) -> Vec<Reason> {
        reasons::share_out(self.total, self.facts.clone())
    }
}

fn lottery(context: &Context, scored: &[Score]) -> Lottery {
    let Some(best) = scored.iter().map(|score| score.total).max() else {
        return Lottery::new(1.0, &[]);
    };
    let threshold = THRESHOLD + BURDEN * context.dosage;
    let margin = (best as f64 / MILLION - threshold) / SPEAKING_SCALE;
    let speaks = (1.0 / (1.0 + (-margin).exp())).clamp(*SPEAKS.start(), *SPEAKS.end());
    let soft: Vec<_> =
        scored.iter().map(|score| ((score.total - best) as f64 / MILLION / CHOOSING_SCALE).exp()).collect();
    let total: f64 = soft.iter().sum();
    let even = UNIFORM / scored.len() as f64;
    let weights: Vec<_> = soft.iter().map(|weight| (1.0 - UNIFORM) * weight / total + even).collect();
    Lottery::new(1.0 - speaks, &weights)
}

pub(crate) fn score(context: &Context, candidate: &Candidate) -> Score {
    let facts: Vec<_> = facts(context, candidate)
        .into_iter()
        .map(|because| (because, (weight(&because, candidate) * MILLION).round() as i64))
        .collect();
    let recency =
        candidate.since_shown.map_or(0.0, |minutes| JUST_SHOWN * (-f64::from(minutes) / RECOVERS_IN_MINUTES).exp2());
    let shown = SHOWN_BEFORE * f64::from(candidate.shown.min(5));
    let lost = ((recency + shown) * MILLION).round() as i64;
    Score { total: facts.iter().map(|(_, weight)| weight).sum::<i64>() - lost, facts }
}

/// What a fact is worth; never negative. By judgement, not fitted: the learner's prior will be.
fn weight(because: &Because, candidate: &Candidate) -> f64 {
    match *because {
        Because::DueToday => 1.0,
        Because::DueIn { days } => (0.5 - 0.06 * f64::from(days)).max(0.05),
        // What has lain for long is no more urgent for it: the pile must not drown what is new.
        Because::DueBefore { days } => (0.9 - 0.05 * f64::from(days.min(12))).max(0.3),
        Because::Important => {
            if candidate.priority >= 4 {
                0.6
            } else {
                0.3
            }
        }
        // A gap with an end is a moment; a free day is none.
        Because::FreeMinutes { minutes, until } => {
            if until.is_some() && minutes <= 60 {
                0.4
            } else {
                0.2
            }
        }
        Because::Fits { minutes } => 0.3 + 0.2 * (1.0 - f64::from(minutes) / 60.0).max(0.0),
        Because::Waiting { days } => 0.3 * f64::from(days.min(30)) / 30.0,
        Because::StartsIn { .. } => 0.9,
        Because::HabitWindow => 0.8,
        Because::Mood | Because::LongStretch { .. } => 0.7,
        Because::Chance => 0.0,
    }
}
