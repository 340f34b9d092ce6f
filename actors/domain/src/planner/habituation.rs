//! What is believed of the effect of a send, and of how sends wear off, from one's own sends and their answers.
//!
//! A send of kind `a` in circumstances `c` is worth `base + (1 - h)·effect[a][c]` plus noise. The habituation `h` starts a
//! life at `start`, grows by `growth` with each send up to one, and loses the share `recovery` with each silence. The three
//! are unknown: a wide grid of them, whose cells each keep the conjugate posterior of the effects and of the noise
//! (normal–inverse-gamma), so that a cell's share follows from the probability of the answers so far. Where the
//! circumstances were only guessed, the answer itself tells more of them, and it counts for each in proportion (assumed
//! density filtering).

use super::chance::Chance;
use super::grid::Grid;
use super::{CONTEXTS, Effects, SENDS};

/// The grid. Geometric, because what matters of a rate is its order of magnitude; no cell is meant to be the truth.
const STARTS: [f64; 4] = [0.0, 0.06, 0.2, 0.45];
const GROWTHS: [f64; 16] = [0.005, 0.0068, 0.0092, 0.013, 0.017, 0.023, 0.032, 0.043, 0.058, 0.079, 0.11, 0.15, 0.2, 0.27, 0.37, 0.5];
const RECOVERIES: [f64; 16] = [0.005, 0.0068, 0.0092, 0.013, 0.017, 0.023, 0.032, 0.043, 0.058, 0.079, 0.11, 0.15, 0.2, 0.27, 0.37, 0.5];

/// Before any answer, in units of the largest reward there can be: an effect is a third of it, give or take another
/// third, and the noise a tenth.
const EFFECT: f64 = 0.3;
const EFFECT_SPREAD: f64 = 0.3;
const NOISE: f64 = 0.1;
/// The noise is known no better than from two answers.
const NOISE_SHAPE: f64 = 1.0;

/// One hypothesis: how habituation moves, where it stands, and what the answers then say of the effects.
#[derive(Debug, Clone)]
struct Cell {
    start: f64,
    growth: f64,
    recovery: f64,
    level: f64,
    precisions: Effects,
    effects: Effects,
    /// Of the noise's inverse gamma; its shape is common to all cells.
    rate: f64,
}

/// The posterior.
#[derive(Debug, Clone)]
pub(super) struct Habituation {
    cells: Vec<Cell>,
    grid: Grid,
    shape: f64,
    /// What silences were worth: sum and number.
    silences: (f64, f64),
}

/// One draw from the posterior: how sends work, and which cell says so.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wear {
    pub(super) growth: f64,
    pub(super) recovery: f64,
    pub(super) base: f64,
    pub(super) effects: Effects,
    cell: usize,
}

/// Means of the posterior.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HabituationMeans {
    pub start: f64,
    pub growth: f64,
    pub recovery: f64,
    /// In units of the largest reward.
    pub effects: Effects,
}

impl Default for Habituation {
    fn default() -> Self {
        let mut cells = Vec::with_capacity(STARTS.len() * GROWTHS.len() * RECOVERIES.len());
        for start in STARTS {
            for growth in GROWTHS {
                for recovery in RECOVERIES {
                    cells.push(Cell {
                        start,
                        growth,
                        recovery,
                        level: start,
                        precisions: [[(NOISE / EFFECT_SPREAD).powi(2); CONTEXTS]; SENDS],
                        effects: [[EFFECT; CONTEXTS]; SENDS],
                        rate: NOISE * NOISE * NOISE_SHAPE,
                    });
                }
            }
        }
        Self { grid: Grid::flat(cells.len()), cells, shape: NOISE_SHAPE, silences: (0.0, 0.0) }
    }
}

impl Habituation {
    /// A new life: everybody starts again.
    pub(super) fn begin(&mut self) {
        for cell in &mut self.cells {
            cell.level = cell.start;
        }
    }

    /// A silence, and what it was worth where that is known.
    pub(super) fn silent(&mut self, worth: Option<f64>) {
        if let Some(worth) = worth {
            self.silences.0 += worth;
            self.silences.1 += 1.0;
        }
        for cell in &mut self.cells {
            cell.level *= 1.0 - cell.recovery;
        }
    }

    /// A send that was not answered.
    pub(super) fn sent(&mut self) {
        for cell in &mut self.cells {
            cell.level = (cell.level + cell.growth).min(1.0);
        }
    }

    /// What the last send was worth. Answers how probable each circumstance is, now that this is known.
    pub(super) fn answered(&mut self, send: usize, prior: [f64; CONTEXTS], worth: f64) -> [f64; CONTEXTS] {
        let gain = worth - self.base();
        let shape = self.shape;
        let mut posterior = [0.0; CONTEXTS];
        let shares = self.grid.shares().to_vec();
        let logs = self.cells.iter_mut().zip(shares).map(|(cell, share)| {
            let (circumstances, likelihood) = cell.answered(send, prior, gain, shape);
            for (sum, probability) in posterior.iter_mut().zip(circumstances) {
                *sum += share * probability;
            }
            likelihood.max(f64::MIN_POSITIVE).ln()
        });
        self.grid.update(logs);
        self.shape += 0.5;
        let total: f64 = posterior.iter().sum();
        posterior.map(|sum| sum / total)
    }

    /// A world as probable as the answers make it.
    pub(super) fn draw(&self, chance: &mut Chance) -> Wear {
        let place = self.grid.draw(chance);
        let cell = &self.cells[place];
        let noise = cell.rate / self.shape;
        let mut effects = cell.effects;
        for (effect, precision) in effects.as_flattened_mut().iter_mut().zip(cell.precisions.as_flattened()) {
            // A send that does harm is one that drives away: that is the other posterior's.
            *effect = (*effect + (noise / precision).sqrt() * chance.normal()).max(0.0);
        }
        Wear { growth: cell.growth, recovery: cell.recovery, base: self.base(), effects, cell: place }
    }

    /// Where habituation stands in that world.
    pub(super) fn level(&self, wear: &Wear) -> f64 {
        self.cells[wear.cell].level
    }

    pub(super) fn means(&self) -> HabituationMeans {
        let mean = |said: fn(&Cell) -> f64| self.grid.mean(self.cells.iter().map(said));
        HabituationMeans {
            start: mean(|cell| cell.start),
            growth: mean(|cell| cell.growth),
            recovery: mean(|cell| cell.recovery),
            effects: self.effects(),
        }
    }

    /// Means of the effects.
    pub(super) fn effects(&self) -> Effects {
        let effect =
            |send: usize, context: usize| self.grid.mean(self.cells.iter().map(|cell| cell.effects[send][context]));
        std::array::from_fn(|send| std::array::from_fn(|context| effect(send, context)))
    }

    /// What silence is worth.
    pub(super) fn base(&self) -> f64 {
        self.silences.0 / self.silences.1.max(1.0)
    }
}

impl Cell {
    /// Learns from what the last send gained, and answers how probable each circumstance is then, and, but for a factor
    /// that all cells share, how probable the gain was.
    fn answered(&mut self, send: usize, prior: [f64; CONTEXTS], gain: f64, shape: f64) -> ([f64; CONTEXTS], f64) {
        let fresh = 1.0 - self.level;
        let off = self.effects[send].map(|effect| gain - effect * fresh);
        let spread = self.precisions[send].map(|precision| 1.0 + fresh * fresh / precision);
        // The predictive density is Student's t with 2·shape degrees of freedom.
        let mut likely = [0.0; CONTEXTS];
        for (context, likely) in likely.iter_mut().enumerate() {
            let variance = self.rate * spread[context];
            let misfit = off[context] * off[context] / (2.0 * variance);
            *likely = prior[context] * (-0.5 * variance.ln() - (shape + 0.5) * misfit.ln_1p()).exp();
        }
        let total: f64 = likely.iter().sum();
        if total <= 0.0 {
            return (prior, 0.0);
        }
        let posterior = likely.map(|likely| likely / total);
        for (context, share) in posterior.into_iter().enumerate() {
            self.rate += share * off[context] * off[context] / (2.0 * spread[context]);
            self.precisions[send][context] += share * fresh * fresh;
            self.effects[send][context] += share * fresh * off[context] / self.precisions[send][context];
        }
        (posterior, total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_found_from_answers_alone() {
        let (growth, recovery, effect) = (0.13, 0.06, 0.5);
        let mut habituation = Habituation::default();
        for life in 0..6 {
            let mut level: f64 = 0.1;
            habituation.begin();
            for slot in 0..30 {
                if (slot + life) % 3 == 0 {
                    level = (level + growth).min(1.0);
                    habituation.sent();
                    habituation.answered(0, [1.0, 0.0], (1.0 - level) * effect);
                } else {
                    level *= 1.0 - recovery;
                    habituation.silent(Some(0.0));
                }
            }
        }
        let means = habituation.means();
        assert!((0.09..0.18).contains(&means.growth), "{means:?}");
        assert!((0.04..0.08).contains(&means.recovery), "{means:?}");
        assert!((means.effects[0][0] - effect).abs() < 0.06, "{means:?}");
        // Of what was never tried nothing was learnt.
        assert_eq!(means.effects[1][0], EFFECT);
    }

    #[test]
    fn an_answer_tells_of_the_circumstances() {
        let mut habituation = Habituation::default();
        for _ in 0..10 {
            habituation.begin();
            habituation.sent();
            habituation.answered(1, [1.0, 0.0], 0.6);
            habituation.begin();
            habituation.sent();
            habituation.answered(1, [0.0, 1.0], 0.0);
        }
        habituation.begin();
        habituation.sent();
        let circumstances = habituation.answered(1, [0.5, 0.5], 0.0);
        assert!(circumstances[1] > 0.9, "{circumstances:?}");
    }
}
