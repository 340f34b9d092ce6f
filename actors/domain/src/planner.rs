//! Plans ahead where a send wears off and a useless one drives away: what one send takes from the next ones.
//!
//! A life is a number of slots. At each, a [`Planner`] sees how probable the circumstances are, keeps silent or sends one
//! of a few kinds, and is told what it was worth, or that the person left. Of habituation and disengagement it sees
//! nothing: it infers both from its own sends and their answers, and begins each life with what it learnt in those before.
//!
//! Built in is the form, not the figures: that a send's effect shrinks with a habituation which grows by each send and
//! fades in silence; that useless sends add up until the person leaves; that circumstances come independently of what
//! was done; that the cue is a true probability; and how many slots a life has. The figures are under a wide grid
//! (`planner/habituation.rs`, `planner/patience.rs`).
//!
//! Chance is the bits of the ask. Some worlds are drawn from the posterior; each is solved by backward induction
//! (`planner/table.rs`); the share of them in which an action is the best is its probability, which is Thompson sampling
//! with a propensity that is counted. Tables are made anew as the answers grow by an eighth: between that, a decision is
//! a look-up.

pub mod chance;
mod grid;
mod habituation;
mod patience;
pub mod proxy;
mod table;
#[cfg(test)]
mod tests;

use chance::Chance;
use habituation::Habituation;
pub use habituation::HabituationMeans;
use patience::Patience;
pub use patience::PatienceMeans;
use table::{Cue, Table, Values};

/// Kinds of sends, and circumstances that they may fit.
pub const SENDS: usize = 3;
pub const CONTEXTS: usize = 2;

/// A figure for each kind of send in each circumstance.
pub type Effects = [[f64; CONTEXTS]; SENDS];

/// Worlds that are drawn for a plan. More make the probabilities finer and the plan dearer, about a millisecond each.
const WORLDS: usize = 8;

/// A plan is good until the answers have grown by one in so many.
const STALE: usize = 8;

/// Bins of the cues that were seen; before the first, each is as probable, with the weight of one cue together.
const BINS: usize = 9;

/// What is fixed for a planner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Setting {
    /// Slots of a life.
    pub slots: usize,
    /// The largest worth there can be: the unit of everything inside.
    pub bound: f64,
    /// The least and the most probability of a send, so that its effect can be estimated afterwards.
    pub clip: (f64, f64),
}

/// Silence, or a kind of send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Silence,
    Send(usize),
}

/// An action with the probability that it was taken with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Acted {
    pub action: Action,
    pub propensity: f64,
}

/// What came of an action.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Answer {
    Worth(f64),
    Unknown,
    Left,
}

/// The learner.
#[derive(Debug, Clone)]
pub struct Planner {
    setting: Setting,
    habituation: Habituation,
    patience: Patience,
    /// Number of cues and sum of their first part, by bin.
    cues: [(f64, f64); BINS],
    /// Slots of this life that are over.
    slot: usize,
    plan: Vec<Table>,
    /// Answers so far, and when the plan was made.
    answers: usize,
    planned: usize,
    waiting: Option<(Action, [f64; CONTEXTS])>,
}

impl Planner {
    pub fn new(setting: Setting) -> Self {
        let even = 1.0 / BINS as f64;
        Self {
            setting,
            habituation: Habituation::default(),
            patience: Patience::default(),
            cues: std::array::from_fn(|bin| (even, even * even * (bin as f64 + 0.5))),
            slot: 0,
            plan: Vec::new(),
            answers: 0,
            planned: 0,
            waiting: None,
        }
    }

    /// A life begins; what was learnt stays.
    pub fn begin(&mut self) {
        self.slot = 0;
        self.habituation.begin();
        self.patience.begin();
        self.plan.clear();
        self.waiting = None;
    }

    /// Acts, where each circumstance is as probable as `belief` says.
    pub fn decide(&mut self, belief: [f64; CONTEXTS], bits: u64) -> Acted {
        let mut chance = Chance::new(bits);
        self.see(belief);
        if self.plan.is_empty() || self.answers > self.planned + self.planned / STALE {
            self.plan(&mut chance);
        }
        let shares = self.propensities(belief);
        let place = chance.place(&shares);
        let action = if place == 0 { Action::Silence } else { Action::Send(place - 1) };
        self.waiting = Some((action, belief));
        Acted { action, propensity: shares[place] }
    }

    /// Learns what came of the last action.
    pub fn learn(&mut self, answer: Answer) {
        let Some((action, belief)) = self.waiting.take() else { return };
        self.slot += 1;
        let worth = match answer {
            Answer::Worth(worth) => Some(worth / self.setting.bound),
            // Nobody leaves over a send that was of use: this one brought no more than silence would have.
            Answer::Left => Some(self.habituation.base()),
            Answer::Unknown => None,
        };
        let Action::Send(send) = action else { return self.habituation.silent(worth) };
        self.habituation.sent();
        self.answers += 1;
        let belief = worth.map_or(belief, |worth| self.habituation.answered(send, belief, worth));
        let left = answer == Answer::Left;
        let useless = table::useless(&self.habituation.effects())[send];
        let useless: f64 = belief.iter().zip(useless).filter(|(_, useless)| *useless).map(|(share, _)| share).sum();
        self.patience.sent(if left { 1.0 } else { useless }, left);
    }

    /// What is believed of habituation and of disengagement.
    pub fn means(&self) -> (HabituationMeans, PatienceMeans) {
        (self.habituation.means(), self.patience.means())
    }

    fn see(&mut self, belief: [f64; CONTEXTS]) {
        let bin = ((belief[0] * BINS as f64) as usize).min(BINS - 1);
        self.cues[bin].0 += 1.0;
        self.cues[bin].1 += belief[0];
    }

    fn plan(&mut self, chance: &mut Chance) {
        let total: f64 = self.cues.iter().map(|(seen, _)| seen).sum();
        let cues: [Cue; BINS] = self.cues.map(|(seen, sum)| (seen / total, [sum / seen, 1.0 - sum / seen]));
        let remaining = self.remaining();
        self.plan = (0..WORLDS)
            .map(|_| Table::new(self.habituation.draw(chance), self.patience.draw(chance), &cues, remaining))
            .collect();
        self.planned = self.answers;
    }

    /// Slots of this life that are left, this one included.
    fn remaining(&self) -> usize {
        self.setting.slots.saturating_sub(self.slot).max(1)
    }

    /// The probability of each action, silence first.
    fn propensities(&self, belief: [f64; CONTEXTS]) -> Values {
        let mut votes = [0.0; SENDS + 1];
        let mut sums = [0.0; SENDS + 1];
        for world in &self.plan {
            let (level, temper) = (self.habituation.level(&world.wear), self.patience.level(&world.temper));
            let values = world.values(level, temper, belief, self.remaining());
            votes[highest(&values)] += 1.0;
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += value;
            }
        }
        let sends = WORLDS as f64 - votes[0];
        let (least, most) = self.setting.clip;
        let sending = (sends / WORLDS as f64).clamp(least, most);
        let mut shares = votes.map(|vote| if sends > 0.0 { sending * vote / sends } else { 0.0 });
        if sends == 0.0 {
            // No world wants a send: where chance asks for one, it is the least bad.
            shares[1 + highest(&sums[1..])] = sending;
        }
        shares[0] = 1.0 - sending;
        shares
    }
}

/// The place of the highest, the first of equals.
fn highest(values: &[f64]) -> usize {
    (1..values.len()).fold(0, |best, next| if values[next] > values[best] { next } else { best })
}
