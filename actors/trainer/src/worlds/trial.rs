//! People fitted to a micro-randomised trial, against the algorithm that such trials deploy (aim G4).
//!
//! The trial is the one that mimics HeartSteps (`tests/data`). For everybody in it a linear model of the steps after a
//! decision is fitted, action-centred, with a baseline and an effect of sending that depends on the day, the place and the
//! dosage; people of one trial share a prior ([`pool`]). A simulated person is one of them: coefficients from their posterior,
//! their own contexts in their order, their own residuals in another one. What a send does to those after it is in the
//! dosage, as far as the trial shows it.

use crate::simulation::figures::Interval;
use oo_domain::bayes::{Belief, Evidence, Prior, pool};
use oo_domain::centring;
use oo_domain::planner::chance::Chance;

/// Of the baseline: one, the steps before, those after the last decision, the place, the day.
const BASE: usize = 5;
/// Of the effect: one, the place, the day, the dosage.
const EFFECT: usize = 4;
/// A centred row: baseline, effect at its probability, effect.
const ROW: usize = BASE + 2 * EFFECT;
/// The trial's days, by which a day counts as a part of one.
const DAYS: f64 = 42.0;
/// What is left of the dosage at the next decision, as in HeartSteps V2 (Liao et al. 2020, §4.1), and what it counts as.
const DOSAGE_LEFT: f64 = 0.95;
const DOSAGE_OF: f64 = 10.0;
/// The probability that the trial sent with.
const RANDOMISED: f64 = 0.6;
/// What is taken of people before the trial tells: how much they differ in each part of the effect, twice the effect that is
/// found on average, and the variance of the noise.
const SPREAD: f64 = 0.3;
const NOISE: f64 = 6.0;
/// People of other folds teach our prior.
const FOLDS: usize = 5;

/// A decision of the trial.
#[derive(Debug, Clone, Copy)]
pub struct Decision {
    pub person: u32,
    pub day: f64,
    pub available: bool,
    pub sent: bool,
    pub at_home_or_work: f64,
    pub steps_before: f64,
    /// Logarithms of steps, as those before.
    pub steps_after: f64,
}

/// Who decides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Decider {
    /// Sends with the trial's own probability.
    Randomised,
    /// As deployed (Liao et al. 2020; Trella et al. 2024): a Bayesian linear model of each person alone, action-centred, a
    /// send with the probability that its effect is positive, kept within 0.2 and 0.8, learnt from each night.
    Deployed { spread: f64, noise: f64 },
    /// Ours: the prior that the others taught, learning at each answer, and a send with the probability that its effect is
    /// worth more than its price, kept within 0.05 and 0.95.
    Priced { price: f64 },
}

/// What a decider came to, over simulated people.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Added to the logarithm of the steps, at an available decision, beyond never sending.
    pub gained: Interval,
    /// Of the available decisions.
    pub sends: f64,
}

/// The people of the trial, fitted.
#[derive(Debug)]
pub struct Trial {
    people: Vec<Fitted>,
}

#[derive(Debug)]
struct Fitted {
    log: Vec<Decision>,
    evidence: Evidence,
    truth: Belief,
    residuals: Vec<f64>,
}

impl Trial {
    /// Fits everybody in the log.
    pub fn fit(log: &[Decision]) -> Self {
        let logs: Vec<Vec<Decision>> =
            log.chunk_by(|one, next| one.person == next.person).map(<[Decision]>::to_vec).collect();
        let evidences: Vec<_> = logs.iter().map(|log| evidence(log)).collect();
        let prior = pool(&start(SPREAD, NOISE), &evidences);
        let people = logs
            .into_iter()
            .zip(evidences)
            .map(|(log, evidence)| {
                let truth = Belief::of(&prior, &evidence);
                let residuals = rows(&log).map(|(row, came)| came - dot(&row, truth.mean())).collect();
                Fitted { log, evidence, truth, residuals }
            })
            .collect();
        Self { people }
    }

    /// Everybody once for each seed. Intervals are over the seeds.
    pub fn run(&self, decider: Decider, seeds: std::ops::Range<u64>) -> Outcome {
        let priors: Vec<Prior> = (0..FOLDS).map(|fold| self.taught_by_others(fold)).collect();
        let (mut gained, mut sent, mut available) = (Vec::new(), 0.0, 0.0);
        for seed in seeds {
            let lives: Vec<_> = (0..self.people.len())
                .map(|place| self.people[place].live(decider, &priors[place % FOLDS], seed << 8 | place as u64))
                .collect();
            let points: f64 = lives.iter().map(|life| life.available).sum();
            gained.push(lives.iter().map(|life| life.gained).sum::<f64>() / points);
            sent += lives.iter().map(|life| life.sent).sum::<f64>();
            available += points;
        }
        Outcome { gained: Interval::of(&gained), sends: sent / available }
    }

    fn taught_by_others(&self, fold: usize) -> Prior {
        let others = self.people.iter().enumerate().filter(|(place, _)| place % FOLDS != fold);
        pool(&start(SPREAD, NOISE), &others.map(|(_, person)| person.evidence.clone()).collect::<Vec<_>>())
    }
}

#[derive(Default)]
struct Life {
    gained: f64,
    sent: f64,
    available: f64,
}

impl Fitted {
    fn live(&self, decider: Decider, taught: &Prior, seed: u64) -> Life {
        let (mut world, mut bits) = (Chance::new(Chance::new(seed).bits()), Chance::new(!seed));
        let truth = self.truth.sample(|| world.normal());
        let (base, effect) = truth.split_at(BASE + EFFECT);
        let prior = match decider {
            Decider::Deployed { spread, noise } => start(spread, noise),
            Decider::Randomised | Decider::Priced { .. } => taught.clone(),
        };
        let mut learner = Learner { belief: Belief::new(&prior), night: Vec::new() };
        let (mut life, mut dosage, mut last, mut day) = (Life::default(), 0.0, 0.0, 0.0);
        let mut row = Vec::with_capacity(ROW);
        for decision in self.log.iter() {
            if decision.day > day {
                day = decision.day;
                learner.sleep();
            }
            dosage *= DOSAGE_LEFT;
            if !decision.available {
                continue;
            }
            let seen = features(decision, dosage);
            let baseline = baseline(decision, last);
            let probability = learner.probability(decider, &seen);
            let sends = bits.uniform() < probability;
            let worth = dot(&seen, effect);
            centring::row(&baseline, &seen, false, RANDOMISED, &mut row);
            let anyway = dot(&row[..BASE + EFFECT], base) - RANDOMISED * worth;
            let noise = self.residuals[world.bits() as usize % self.residuals.len()];
            last = anyway + f64::from(u8::from(sends)) * worth + noise;
            centring::row(&baseline, &seen, sends, probability, &mut row);
            learner.night.push((row.clone(), last));
            if matches!(decider, Decider::Priced { .. }) {
                learner.sleep();
            }
            life.available += 1.0;
            if sends {
                (life.gained, life.sent, dosage) = (life.gained + worth, life.sent + 1.0, dosage + 1.0);
            }
        }
        life
    }
}

/// What a decider knows of a person.
struct Learner {
    belief: Belief,
    /// Learnt from when the day is over.
    night: Vec<(Vec<f64>, f64)>,
}

impl Learner {
    fn sleep(&mut self) {
        for (row, came) in self.night.drain(..) {
            self.belief.learn(&row, came, 1.0);
        }
    }

    fn probability(&self, decider: Decider, seen: &[f64; EFFECT]) -> f64 {
        let effect = || {
            let mut row = [0.0; ROW];
            row[BASE + EFFECT..].copy_from_slice(seen);
            self.belief.predict(&row)
        };
        match decider {
            Decider::Randomised => RANDOMISED,
            Decider::Deployed { .. } => effect().above(0.0).clamp(0.2, 0.8),
            Decider::Priced { price } => effect().above(price).clamp(0.05, 0.95),
        }
    }
}

fn evidence(log: &[Decision]) -> Evidence {
    let mut evidence = Evidence::new(ROW);
    rows(log).for_each(|(row, came)| evidence.observe(&row, came, 1.0));
    evidence
}

/// The available decisions of a log as centred rows, with what came.
fn rows(log: &[Decision]) -> impl Iterator<Item = (Vec<f64>, f64)> + '_ {
    let (mut dosage, mut last) = (0.0, 0.0);
    log.iter().filter_map(move |decision| {
        dosage *= DOSAGE_LEFT;
        let mut row = Vec::with_capacity(ROW);
        centring::row(&baseline(decision, last), &features(decision, dosage), decision.sent, RANDOMISED, &mut row);
        last = decision.steps_after;
        dosage += f64::from(u8::from(decision.available && decision.sent));
        decision.available.then_some((row, decision.steps_after))
    })
}

/// Logarithms of steps reach ten.
fn baseline(decision: &Decision, last: f64) -> [f64; BASE] {
    [1.0, decision.steps_before / 10.0, last / 10.0, decision.at_home_or_work, decision.day / DAYS]
}

fn features(decision: &Decision, dosage: f64) -> [f64; EFFECT] {
    [1.0, decision.at_home_or_work, decision.day / DAYS, dosage / DOSAGE_OF]
}

fn start(spread: f64, noise: f64) -> Prior {
    // The baseline's coefficients are of steps, those of the effect of what a send adds to them.
    let sds: Vec<f64> = (0..ROW).map(|place| if place < BASE + EFFECT { 5.0 } else { spread }).collect();
    let prior = Prior::independent(vec![0.0; ROW], &sds, noise);
    prior.unwrap_or_else(|_| unreachable!("deviations and noises are positive"))
}

fn dot(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}
