//! A posterior over the cells of a grid: logarithms while answers come in, shares to read.

use super::chance::Chance;

#[derive(Debug, Clone)]
pub(super) struct Grid {
    logs: Vec<f64>,
    shares: Vec<f64>,
}

impl Grid {
    /// Every cell as probable as the next.
    pub(super) fn flat(cells: usize) -> Self {
        Self { logs: vec![0.0; cells], shares: vec![1.0 / cells as f64; cells] }
    }

    /// Weighs each cell by how probable it made what was seen.
    pub(super) fn update(&mut self, log_likelihoods: impl Iterator<Item = f64>) {
        for (log, seen) in self.logs.iter_mut().zip(log_likelihoods) {
            *log += seen;
        }
        let most = self.logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        for (log, share) in self.logs.iter_mut().zip(&mut self.shares) {
            *log -= most;
            *share = log.exp();
        }
        let total: f64 = self.shares.iter().sum();
        for share in &mut self.shares {
            *share /= total;
        }
    }

    pub(super) fn shares(&self) -> &[f64] {
        &self.shares
    }

    pub(super) fn draw(&self, chance: &mut Chance) -> usize {
        chance.place(&self.shares)
    }

    /// The mean of what each cell says.
    pub(super) fn mean(&self, said: impl Iterator<Item = f64>) -> f64 {
        self.shares.iter().zip(said).map(|(share, said)| share * said).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_follow_bayes() {
        let mut grid = Grid::flat(2);
        grid.update([0.9_f64.ln(), 0.3_f64.ln()].into_iter());
        grid.update([0.5_f64.ln(), 0.5_f64.ln()].into_iter());
        assert!((grid.shares()[0] - 0.75).abs() < 1e-12);
        assert!((grid.mean([0.0, 4.0].into_iter()) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn what_is_improbable_everywhere_still_weighs() {
        let mut grid = Grid::flat(2);
        grid.update([-2000.0, -2001.0].into_iter());
        assert!((grid.shares().iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(grid.shares()[0] > grid.shares()[1]);
    }
}
