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
use std::collections::VecDeque;

/// The grid before any answer. Geometric, because what matters of a rate is its order of magnitude; no cell is meant to
/// be the truth.
const STARTS: [f64; 4] = [0.0, 0.06, 0.2, 0.45];
const GROWTHS: [f64; 10] = [0.005, 0.008, 0.013, 0.022, 0.036, 0.061, 0.1, 0.17, 0.28, 0.46];
const RECOVERIES: [f64; 10] = [0.005, 0.009, 0.015, 0.026, 0.045, 0.077, 0.13, 0.22, 0.38, 0.65];

/// Where one cell holds more than this share, the truth lies between cells: a grid of half the width is laid around it.
const SETTLED: f64 = 0.5;
/// Cells on either side of the middle one, of a start and of a rate, their widths before the first halving, and the
/// width, as a share of it, that is fine enough.
const SIDE_STARTS: i32 = 2;
const SIDE_RATES: i32 = 3;
const START_WIDTH: f64 = 0.1;
const RATE_WIDTH: f64 = 0.5;
const FINE: f64 = 1.0 / 32.0;
/// What is remembered for a finer grid: sends and silences. Twenty lives of fifty slots fit twice.
const REMEMBERED: usize = 2048;

/// Before any answer, in units of the largest reward there can be: an effect is a third of it, give or take another
/// third, and the noise a tenth.
const EFFECT: f64 = 0.3;
const EFFECT_SPREAD: f64 = 0.3;
const NOISE: f64 = 0.1;
/// The conjugate prior scales with the noise: where that is next to nothing, it would pull every effect to its mean. So
/// it is so much wider, and only the draws keep to the spread.
const WIDER: f64 = 10.0;
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
    /// The width of the grid's cells, one at first.
    width: f64,
    /// What happened, for cells that are laid later.
    log: VecDeque<Event>,
}

/// What moves a cell.
#[derive(Debug, Clone, Copy)]
enum Event {
    Begun,
    Silent,
    Sent,
    Answered { send: usize, prior: [f64; CONTEXTS], gain: f64, shape: f64 },
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
        let cells = lattice(&STARTS, &GROWTHS, &RECOVERIES);
        Self {
            grid: Grid::flat(cells.len()),
            cells,
            shape: NOISE_SHAPE,
            silences: (0.0, 0.0),
            width: 1.0,
            log: VecDeque::new(),
        }
    }
}

impl Habituation {
    /// A new life: everybody starts again.
    pub(super) fn begin(&mut self) {
        self.settle();
        self.happened(Event::Begun);
    }

    /// A silence, and what it was worth where that is known.
    pub(super) fn silent(&mut self, worth: Option<f64>) {
        if let Some(worth) = worth {
            self.silences.0 += worth;
            self.silences.1 += 1.0;
        }
        self.happened(Event::Silent);
    }

    /// A send that is not answered yet.
    pub(super) fn sent(&mut self) {
        self.happened(Event::Sent);
    }

    /// What the last send was worth. Answers how probable each circumstance is, now that this is known.
    pub(super) fn answered(&mut self, send: usize, prior: [f64; CONTEXTS], worth: f64) -> [f64; CONTEXTS] {
        let event = Event::Answered { send, prior, gain: worth - self.base(), shape: self.shape };
        let posterior = self.happened(event);
        self.shape += 0.5;
        posterior.unwrap_or(prior)
    }

    /// Lets every cell see it, and answers what an answer tells of the circumstances.
    fn happened(&mut self, event: Event) -> Option<[f64; CONTEXTS]> {
        if self.log.len() == REMEMBERED {
            self.log.pop_front();
        }
        self.log.push_back(event);
        let told: Vec<_> = self.cells.iter_mut().map(|cell| cell.see(event)).collect();
        if !matches!(event, Event::Answered { .. }) {
            return None;
        }
        let posterior = std::array::from_fn(|context| {
            self.grid.mean(told.iter().map(|told| told.map_or(0.0, |(posterior, _)| posterior[context])))
        });
        self.grid.update(told.iter().map(|told| told.map_or(0.0, |(_, log)| log)));
        Some(posterior)
    }

    /// Lays a finer grid where one cell holds most of the belief, and lets its cells see all that is remembered. A grid
    /// whose outermost cell holds it is moved there first.
    fn settle(&mut self) {
        let shares = self.grid.shares();
        let best = (0..shares.len()).fold(0, |best, next| if shares[next] > shares[best] { next } else { best });
        if shares[best] < SETTLED {
            return;
        }
        let middle = &self.cells[best];
        let outermost = self.width < 1.0 && self.is_outermost(middle);
        if !outermost && self.width <= FINE {
            return;
        }
        if !outermost {
            self.width /= 2.0;
        }
        let around = |side: i32| (-side..=side).map(f64::from);
        let mut starts: Vec<f64> =
            around(SIDE_STARTS).map(|step| (middle.start + step * START_WIDTH * self.width).clamp(0.0, 1.0)).collect();
        starts.dedup();
        let rates = |rate: f64| -> Vec<f64> {
            around(SIDE_RATES).map(|step| (rate * (step * RATE_WIDTH * self.width).exp()).min(1.0)).collect()
        };
        self.cells = lattice(&starts, &rates(middle.growth), &rates(middle.recovery));
        let mut logs = vec![0.0; self.cells.len()];
        for event in &self.log {
            for (cell, sum) in self.cells.iter_mut().zip(&mut logs) {
                *sum += cell.see(*event).map_or(0.0, |(_, log)| log);
            }
        }
        self.grid = Grid::flat(self.cells.len());
        self.grid.update(logs.into_iter());
    }

    fn is_outermost(&self, cell: &Cell) -> bool {
        let beyond = |of: fn(&Cell) -> f64| {
            let (least, most) = self
                .cells
                .iter()
                .map(of)
                .fold((f64::INFINITY, 0.0_f64), |(least, most), next| (least.min(next), most.max(next)));
            of(cell) <= least && least > 0.0 || of(cell) >= most && most < 1.0
        };
        beyond(|cell| cell.start) || beyond(|cell| cell.growth) || beyond(|cell| cell.recovery)
    }

    /// A world as probable as the answers make it.
    pub(super) fn draw(&self, chance: &mut Chance) -> Wear {
        let place = self.grid.draw(chance);
        let cell = &self.cells[place];
        let noise = cell.rate / self.shape;
        let mut effects = cell.effects;
        for (effect, precision) in effects.as_flattened_mut().iter_mut().zip(cell.precisions.as_flattened()) {
            // A send that does harm is one that drives away: that is the other posterior's.
            let spread = (noise / precision).sqrt().min(EFFECT_SPREAD);
            *effect = (*effect + spread * chance.normal()).max(0.0);
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

/// A cell for each three of them.
fn lattice(starts: &[f64], growths: &[f64], recoveries: &[f64]) -> Vec<Cell> {
    let mut cells = Vec::with_capacity(starts.len() * growths.len() * recoveries.len());
    for &start in starts {
        for &growth in growths {
            for &recovery in recoveries {
                cells.push(Cell {
                    start,
                    growth,
                    recovery,
                    level: start,
                    precisions: [[(NOISE / (EFFECT_SPREAD * WIDER)).powi(2); CONTEXTS]; SENDS],
                    effects: [[EFFECT; CONTEXTS]; SENDS],
                    rate: NOISE * NOISE * NOISE_SHAPE,
                });
            }
        }
    }
    cells
}

impl Cell {
    /// Moves with what happened. Of an answer it tells how probable each circumstance is, and the logarithm of how
    /// probable the answer was.
    fn see(&mut self, event: Event) -> Option<([f64; CONTEXTS], f64)> {
        match event {
            Event::Begun => self.level = self.start,
            Event::Silent => self.level *= 1.0 - self.recovery,
            Event::Sent => self.level = (self.level + self.growth).min(1.0),
            Event::Answered { send, prior, gain, shape } => {
                let (posterior, likelihood) = self.answered(send, prior, gain, shape);
                return Some((posterior, likelihood.max(f64::MIN_POSITIVE).ln()));
            }
        }
        None
    }

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
        let noise = self.rate / shape;
        for (context, share) in posterior.into_iter().enumerate() {
            self.rate += share * off[context] * off[context] / (2.0 * spread[context]);
            let (effect, precision) = (&mut self.effects[send][context], &mut self.precisions[send][context]);
            let known = *precision + fresh * fresh;
            let shift = fresh * off[context] / known;
            // Either it was this circumstance, or nothing was learnt of it: one normal with the mean and variance of both.
            let doubt = share * (1.0 - share) * shift * shift / noise;
            *precision = 1.0 / (share / known + (1.0 - share) / *precision + doubt);
            *effect += share * shift;
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
        assert!((means.growth - growth).abs() < 0.01, "{means:?}");
        assert!((means.recovery - recovery).abs() < 0.01, "{means:?}");
        assert!((means.effects[0][0] - effect).abs() < 0.03, "{means:?}");
        // Of what was never tried nothing was learnt.
        assert!((means.effects[1][0] - EFFECT).abs() < 1e-9, "{means:?}");
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
