//! The sum of a few plain facts, and a weighted draw: good from the first day, and the baseline that a learner must beat.
//!
//! A candidate's score is the sum of its facts' weights, less what it loses for having been shown lately. The best
//! score against that of a plain moment weighs on the day's plan ([`pacer`]) and gives the probability of speaking at all,
//! of which some is left to chance ([`pacer::explored`]); without a plan, a threshold that grows with the burden does; a
//! softmax over the scores, mixed with a little of the uniform, shares it out. All weights are whole millionths, so that sums
//! are exact.

use super::facts::facts;
use super::lottery::Lottery;
use super::reasons::{self, MILLION};
use super::{Policy, Propensities, answer, policy_name};
use crate::pacer;
use oo_contracts::Share;
use oo_contracts::decision::{Ask, Candidate, Context, Hush, PolicyName, Recommendation};
use oo_contracts::tip::{Because, Reason};

/// As settings know it.
pub const NAME: &str = "rules";

const VERSION: u32 = 3;

/// The best score at which speaking and silence are even, for a person without any burden.
const THRESHOLD: f64 = 0.4;
/// What each recent tip adds to it.
const BURDEN: f64 = 0.15;
/// The best score of a plain moment: there the plan of the day decides alone whether to speak. A task that is due, or a habit
/// at its time, is above it; a task that just fits is below.
const PLAIN: f64 = 1.1;
/// How far it must be from that to weigh on the plan: at one such step, e times.
const PACED_SCALE: f64 = 0.5;
/// Away from a break and from the screen, something that can wait is better said later.
const WAITS_FOR_A_BREAK: f64 = 0.7;
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
        let speaking = speaking(&ask.context, &ask.candidates, &scored);
        let answer =
            answer(NAME, VERSION, ask, &lottery(&ask.context, &speaking, &scored), |index| scored[index].reasons());
        let sure = if answer.tip.is_some() { speaking.paced } else { 1.0 - speaking.paced };
        Recommendation {
            confidence: Some(Share::saturating(sure)),
            silence: answer.silence.map(|hush| speaking.hush(hush)),
            ..answer
        }
    }

    fn propensities(&self, ask: &Ask) -> Option<Propensities> {
        let scored: Vec<_> = ask.candidates.iter().map(|candidate| score(&ask.context, candidate)).collect();
        let speaking = speaking(&ask.context, &ask.candidates, &scored);
        Some(lottery(&ask.context, &speaking, &scored).propensities())
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

/// Whether to speak at all.
#[derive(Debug, Clone, Copy)]
struct Speaking {
    /// How likely, by the scores alone.
    alone: f64,
    /// And by the plan of the day.
    paced: f64,
}

impl Speaking {
    /// What a silence is called: enough for now, where the scores alone would rather have spoken.
    fn hush(self, hush: Hush) -> Hush {
        if hush == Hush::NotWorthIt && self.alone >= 0.5 && self.paced < 0.5 { Hush::EnoughForNow } else { hush }
    }
}

fn speaking(context: &Context, candidates: &[Candidate], scored: &[Score]) -> Speaking {
    let Some((best, candidate)) = scored.iter().zip(candidates).max_by_key(|(score, _)| score.total) else {
        return Speaking { alone: 0.0, paced: 0.0 };
    };
    if candidates.iter().any(|one| one.wanted) {
        return Speaking { alone: 1.0, paced: 1.0 };
    }
    let best = best.total as f64 / MILLION;
    let threshold = THRESHOLD + BURDEN * context.dosage;
    let alone = 1.0 / (1.0 + (-(best - threshold) / SPEAKING_SCALE).exp());
    // Of how much the plan allows the burden is a part already.
    let worth = ((best - PLAIN) / PACED_SCALE).exp();
    let odds = |share: Option<Share>| share.map_or(1.0, |share| share.get() / (1.0 - share.get()).max(f64::EPSILON));
    let receptive = odds(context.receptivity) / odds(context.usual_receptivity).max(f64::EPSILON);
    let ends_soon = pacer::ends_soon(candidate);
    let at_a_break = context.present || context.since_busy <= crate::receptivity::BREAK.as_mins() as u16;
    let waits = if at_a_break || ends_soon { 1.0 } else { WAITS_FOR_A_BREAK };
    Speaking { alone, paced: pacer::speaks(context, worth * receptive * waits, ends_soon).unwrap_or(alone) }
}

fn lottery(context: &Context, speaking: &Speaking, scored: &[Score]) -> Lottery {
    let Some(best) = scored.iter().map(|score| score.total).max() else {
        return Lottery::new(1.0, &[]);
    };
    let speaks = pacer::explored(context, speaking.paced);
    let exponents = scored.iter().map(|score| (score.total - best) as f64 / MILLION / CHOOSING_SCALE);
    Lottery::softmax(1.0 - speaks, exponents, UNIFORM)
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
    // How long it takes is weighed where it is a guess, too, though it is no reason to tell.
    let guessed =
        if candidate.estimated { weight(&Because::Fits { minutes: candidate.minutes }, candidate) } else { 0.0 };
    let gained = facts.iter().map(|(_, weight)| weight).sum::<i64>() + (guessed * MILLION).round() as i64;
    Score { total: gained - lost, facts }
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
        Because::Mood | Because::LongStretch { .. } | Because::DayBegins | Because::DayEnds => 0.7,
        Because::JustEnded { .. } => 0.2,
        Because::InARow { .. } => 0.1,
        Because::EndsSoon => 0.3,
        Because::Chance => 0.0,
    }
}
