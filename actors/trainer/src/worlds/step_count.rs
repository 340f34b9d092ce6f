//! StepCountJITAI: lives of fifty slots in which sends wear off and a wrong one drives away.
//!
//! Karine and Marlin, *StepCountJITAI: simulation environment for RL with application to physical activity adaptive
//! intervention*, NeurIPS 2024 workshop on Behavioral Machine Learning (arXiv 2411.00336); version 0.0.1 of their package
//! on PyPI, MIT. `tests/step_count/` holds this one against it, draw by draw.

pub mod compare;
mod deciders;
mod optimum;

pub use compare::{Comparison, compare};

use oo_domain::planner::chance::Chance;
use std::f64::consts::TAU;

/// Rewarded slots of a life.
pub const SLOTS: usize = 50;
/// The largest reward: the bound of the original's observation space.
pub const BOUND: f64 = 300.0;
/// Nothing, a send that fits any context, and one made for each context.
pub const ACTIONS: usize = 4;
/// Below this the context is told outright.
const TOLD: f64 = 0.1;

/// What a world is made of. The default is the published one; all of it is hidden from deciders, but `sigma` shows in
/// how sure the cues are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// Noise of what is seen of the context.
    pub sigma: f64,
    /// Share of habituation that a silence takes away, and what a send adds.
    pub recovery: f64,
    pub wear: f64,
    /// Share of disengagement that a fitting send takes away, and what a wrong one adds.
    pub relief: f64,
    pub annoyance: f64,
    /// Where a life ends.
    pub leaving: f64,
    /// Steps that come anyway, and that a general, a fitting and a wrong send bring.
    pub base: f64,
    pub general: f64,
    pub fitting: f64,
    pub wrong: f64,
    pub noise: Option<Noise>,
}

/// The stochastic version, with uniform distributions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Noise {
    /// Width of habituation's and disengagement's next value, as a share of it.
    pub width: f64,
    /// Standard deviation of the steps.
    pub steps: f64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            sigma: 0.0,
            recovery: 0.1,
            wear: 0.05,
            relief: 0.1,
            annoyance: 0.4,
            leaving: 0.99,
            base: 0.1,
            general: 50.0,
            fitting: 200.0,
            wrong: 0.0,
            noise: None,
        }
    }
}

/// What a world draws from; named as the original's generator names it.
pub trait Dice {
    /// One of two, each as likely.
    fn choice(&mut self) -> usize;
    fn normal(&mut self) -> f64;
    fn uniform(&mut self, low: f64, high: f64) -> f64;
    fn gamma(&mut self, shape: f64, scale: f64) -> f64;
}

/// What a decider sees before it acts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cue {
    /// Slots that are over.
    pub slot: usize,
    /// How probable each context is.
    pub belief: [f64; 2],
}

/// What came of an action.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    pub reward: f64,
    pub done: bool,
}

/// One life. Its fields are what deciders do not see.
#[derive(Debug, Clone)]
pub struct Life {
    pub rules: Rules,
    pub context: usize,
    pub habituation: f64,
    pub disengagement: f64,
    cue: Cue,
}

impl Life {
    /// As the original begins: in the first context, without telling.
    pub fn new(rules: Rules) -> Self {
        Self { rules, context: 0, habituation: 0.1, disengagement: 0.1, cue: Cue { slot: 0, belief: [0.5, 0.5] } }
    }

    pub fn cue(&self) -> Cue {
        self.cue
    }

    /// Habituation, disengagement and expected steps after that action in that context, without noise.
    pub fn expected(&self, action: usize, context: usize) -> (f64, f64, f64) {
        let rules = &self.rules;
        let (fits, sent) = (action == 1 || action == 2 + context, action != 0);
        let habituation =
            if sent { (self.habituation + rules.wear).min(1.0) } else { (1.0 - rules.recovery) * self.habituation };
        let disengagement = match (sent, fits) {
            (false, _) => self.disengagement,
            (true, true) => (1.0 - rules.relief) * self.disengagement,
            (true, false) => (self.disengagement + rules.annoyance).min(1.0),
        };
        let brings = match (action, fits) {
            (0, _) => 0.0,
            (1, _) => rules.general,
            (_, true) => rules.fitting,
            (_, false) => rules.wrong,
        };
        (habituation, disengagement, rules.base + (1.0 - habituation) * brings)
    }

    /// One slot.
    pub fn step(&mut self, action: usize, dice: &mut impl Dice) -> Step {
        let (mut habituation, mut disengagement, mut reward) = self.expected(action, self.context);
        self.context = dice.choice();
        let seen = self.context as f64 + self.rules.sigma * dice.normal();
        if let Some(noise) = self.rules.noise {
            let (low, high) = (1.0 - noise.width / 2.0, 1.0 + noise.width / 2.0);
            habituation = dice.uniform(low * habituation, high * habituation);
            disengagement = dice.uniform(low * disengagement, high * disengagement);
            let mean = reward.max(1e-5);
            reward = dice.gamma((mean / noise.steps).powi(2), noise.steps.powi(2) / mean);
        }
        self.habituation = habituation.clamp(0.0, 1.0);
        self.disengagement = disengagement.clamp(0.0, 1.0);
        let done = self.cue.slot >= SLOTS || self.disengagement >= self.rules.leaving;
        self.cue = Cue { slot: self.cue.slot + 1, belief: self.infer(seen) };
        // Who leaves takes the last steps along.
        Step { reward: if done { 0.0 } else { reward.max(0.0) }, done }
    }

    fn infer(&self, seen: f64) -> [f64; 2] {
        if self.rules.sigma <= TOLD {
            return if self.context == 0 { [1.0, 0.0] } else { [0.0, 1.0] };
        }
        belief(self.rules.sigma, seen)
    }
}

/// How probable each context is where this was seen.
fn belief(sigma: f64, seen: f64) -> [f64; 2] {
    let density = |mean: f64| (-((seen - mean) / sigma).powi(2) / 2.0).exp();
    let (first, second) = (density(0.0), density(1.0));
    [first / (first + second), second / (first + second)]
}

/// Dice from a seed.
#[derive(Debug, Clone)]
pub struct Seeded(Chance);

impl Seeded {
    pub fn new(seed: u64) -> Self {
        Self(Chance::new(seed))
    }

    pub fn bits(&mut self) -> u64 {
        self.0.bits()
    }
}

impl Dice for Seeded {
    fn choice(&mut self) -> usize {
        usize::from(self.0.uniform() >= 0.5)
    }

    fn normal(&mut self) -> f64 {
        self.0.normal()
    }

    fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.0.uniform()
    }

    /// Marsaglia and Tsang (2000); a shape below one is boosted as they say.
    fn gamma(&mut self, shape: f64, scale: f64) -> f64 {
        if shape < 1.0 {
            let boost = (1.0 - self.0.uniform()).powf(1.0 / shape);
            return boost * self.gamma(shape + 1.0, scale);
        }
        let d = shape - 1.0 / 3.0;
        loop {
            let x = self.0.normal();
            let v = (1.0 + x / (9.0 * d).sqrt()).powi(3);
            if v > 0.0 && (1.0 - self.0.uniform()).ln() < x * x / 2.0 + d - d * v + d * v.ln() {
                return d * v * scale;
            }
        }
    }
}

/// The probability density of what is seen, at `points` places over both contexts, for planning over cues.
fn cues(sigma: f64, points: usize) -> Vec<(f64, [f64; 2])> {
    if sigma <= TOLD {
        return vec![(0.5, [1.0, 0.0]), (0.5, [0.0, 1.0])];
    }
    // Four deviations on either side hold all but one part in ten thousand.
    let (low, width) = (-4.0 * sigma, 1.0 + 8.0 * sigma);
    let density = |x: f64| (-x * x / (2.0 * sigma * sigma)).exp() / (sigma * TAU.sqrt());
    let step = width / points as f64;
    let at = |point: usize| low + (point as f64 + 0.5) * step;
    let shares: Vec<f64> =
        (0..points).map(|point| (density(at(point)) + density(at(point) - 1.0)) * step / 2.0).collect();
    let total: f64 = shares.iter().sum();
    shares.iter().enumerate().map(|(point, share)| (share / total, belief(sigma, at(point)))).collect()
}
