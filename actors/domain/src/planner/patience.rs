//! What is believed of how a person turns away, from one's own sends and from who left when.
//!
//! Disengagement starts a life at `start`, grows by `growth` with a send that was of no use, loses the share `relief`
//! with one that was, and ends the life at one: that is its unit. It is never seen; only the end is.

use super::chance::Chance;
use super::grid::Grid;

/// The grid, as habituation's.
const STARTS: [f64; 4] = [0.0, 0.06, 0.2, 0.45];
const GROWTHS: [f64; 8] = [0.03, 0.05, 0.08, 0.13, 0.21, 0.33, 0.53, 0.85];
const RELIEFS: [f64; 4] = [0.02, 0.06, 0.15, 0.4];

/// How sharply leaving sets in: the width of the logistic at one. Not nought, because the grid's steps are not exact.
const WIDTH: f64 = 0.04;

/// People leave, or stay, for reasons that no model knows: once in two hundred sends.
const OTHERWISE: f64 = 0.005;

#[derive(Debug, Clone)]
struct Cell {
    start: f64,
    growth: f64,
    relief: f64,
    level: f64,
}

/// The posterior.
#[derive(Debug, Clone)]
pub(super) struct Patience {
    cells: Vec<Cell>,
    grid: Grid,
}

/// One draw from it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Temper {
    growth: f64,
    relief: f64,
    cell: usize,
}

/// Means of the posterior.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PatienceMeans {
    pub start: f64,
    pub growth: f64,
    pub relief: f64,
}

impl Temper {
    /// Disengagement after a send that was of use.
    pub(super) fn pleased(&self, level: f64) -> f64 {
        level * (1.0 - self.relief)
    }

    /// Disengagement after one that was not.
    pub(super) fn annoyed(&self, level: f64) -> f64 {
        level + self.growth
    }
}

/// The probability of leaving at that disengagement.
pub(super) fn leaves(level: f64) -> f64 {
    1.0 / (1.0 + (-(level - 1.0) / WIDTH).exp())
}

impl Default for Patience {
    fn default() -> Self {
        let mut cells = Vec::with_capacity(STARTS.len() * GROWTHS.len() * RELIEFS.len());
        for start in STARTS {
            for growth in GROWTHS {
                for relief in RELIEFS {
                    cells.push(Cell { start, growth, relief, level: start });
                }
            }
        }
        Self { grid: Grid::flat(cells.len()), cells }
    }
}

impl Patience {
    /// A new life: everybody starts again.
    pub(super) fn begin(&mut self) {
        for cell in &mut self.cells {
            cell.level = cell.start;
        }
    }

    /// A send that was of no use with that probability, and whether the person left upon it.
    pub(super) fn sent(&mut self, useless: f64, left: bool) {
        let logs = self.cells.iter_mut().map(|cell| {
            let (annoyed, pleased) = (cell.level + cell.growth, cell.level * (1.0 - cell.relief));
            cell.level = useless * annoyed + (1.0 - useless) * pleased;
            let leaving = OTHERWISE + (1.0 - 2.0 * OTHERWISE) * leaves(cell.level);
            if left { leaving.ln() } else { (1.0 - leaving).ln() }
        });
        self.grid.update(logs);
    }

    /// A temper as probable as what happened makes it.
    pub(super) fn draw(&self, chance: &mut Chance) -> Temper {
        let place = self.grid.draw(chance);
        let cell = &self.cells[place];
        Temper { growth: cell.growth, relief: cell.relief, cell: place }
    }

    /// Where disengagement stands in that world.
    pub(super) fn level(&self, temper: &Temper) -> f64 {
        self.cells[temper.cell].level
    }

    pub(super) fn means(&self) -> PatienceMeans {
        let mean = |said: fn(&Cell) -> f64| self.grid.mean(self.cells.iter().map(said));
        PatienceMeans {
            start: mean(|cell| cell.start),
            growth: mean(|cell| cell.growth),
            relief: mean(|cell| cell.relief),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_leaves_after_two_useless_sends_has_little_patience() {
        let mut patience = Patience::default();
        for _ in 0..5 {
            patience.begin();
            patience.sent(1.0, false);
            patience.sent(1.0, true);
        }
        let short = patience.means();
        let mut patience = Patience::default();
        for _ in 0..5 {
            patience.begin();
            for _ in 0..8 {
                patience.sent(1.0, false);
            }
            patience.sent(1.0, true);
        }
        let long = patience.means();
        assert!(short.start + 2.0 * short.growth > 0.95 && short.start + short.growth < 0.97, "{short:?}");
        assert!(long.start + 9.0 * long.growth > 0.95 && long.start + 8.0 * long.growth < 1.05, "{long:?}");
    }
}
