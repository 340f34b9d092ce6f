//! Ratios of sums over groups, and how sure they are.
//!
//! All estimators of the parent are of the form `Σ N / Σ D` over groups, so one formula gives all their errors: with
//! `e = N − value · D` of each group, the variance is `G / (G − 1) · Σ e² / (Σ D)²` (the linearised ratio estimator, Cochran,
//! Sampling Techniques, 1977, §6.5; for groups of one round it is the usual standard error of a mean).

use statrs::distribution::{ContinuousCDF as _, StudentsT};

/// Both tails of an interval of 95 %.
const OUTSIDE: f64 = 0.05;

/// A value and how sure it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    pub value: f64,
    /// Its standard error.
    pub error: f64,
    /// Where the interval of 95 % begins.
    pub low: f64,
    pub high: f64,
}

impl Estimate {
    /// By Student's distribution with so many degrees of freedom: a normal one where they are many.
    pub(super) fn student(value: f64, error: f64, freedom: f64) -> Self {
        let reach = error * quantile(freedom);
        Self { value, error, low: value - reach, high: value + reach }
    }

    /// Whether the interval has this value.
    pub fn covers(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

/// The quantile that leaves out both tails.
fn quantile(freedom: f64) -> f64 {
    StudentsT::new(0.0, 1.0, freedom).map_or(f64::INFINITY, |student| student.inverse_cdf(1.0 - OUTSIDE / 2.0))
}

/// Numerators and denominators of all groups.
pub(super) struct Ratio {
    terms: Vec<(f64, f64)>,
    value: f64,
    denominator: f64,
}

impl Ratio {
    pub(super) fn of(terms: impl Iterator<Item = (f64, f64)>) -> Self {
        let terms: Vec<(f64, f64)> = terms.collect();
        let (numerator, denominator) =
            terms.iter().fold((0.0, 0.0), |sums, terms| (sums.0 + terms.0, sums.1 + terms.1));
        Self { terms, value: numerator / denominator, denominator }
    }

    pub(super) fn estimate(&self) -> Estimate {
        self.with_residuals(self.value, self.residuals())
    }

    /// This less another ratio over the same groups.
    pub(super) fn less(&self, other: &Self, value: f64) -> Estimate {
        let residuals = self
            .residuals()
            .zip(other.residuals())
            .map(|(one, another)| one - another * self.denominator / other.denominator);
        self.with_residuals(self.value - value, residuals)
    }

    /// Percentiles of the ratios of so many resamples.
    pub(super) fn bootstrap(&self, resamples: usize, mut below: impl FnMut(usize) -> usize) -> Estimate {
        let mut values: Vec<f64> = (0..resamples.max(2))
            .map(|_| {
                let drawn = (0..self.terms.len()).map(|_| self.terms[below(self.terms.len())]);
                let sums = drawn.fold((0.0, 0.0), |sums, terms| (sums.0 + terms.0, sums.1 + terms.1));
                sums.0 / sums.1
            })
            .collect();
        values.sort_by(f64::total_cmp);
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Estimate {
            value: self.value,
            error: (squares / (values.len() - 1) as f64).sqrt(),
            low: percentile(&values, OUTSIDE / 2.0),
            high: percentile(&values, 1.0 - OUTSIDE / 2.0),
        }
    }

    fn residuals(&self) -> impl Iterator<Item = f64> + '_ {
        self.terms.iter().map(|(numerator, denominator)| numerator - self.value * denominator)
    }

    fn with_residuals(&self, value: f64, residuals: impl Iterator<Item = f64>) -> Estimate {
        let groups = self.terms.len() as f64;
        let squares: f64 = residuals.map(|residual| residual * residual).sum();
        let variance = groups / (groups - 1.0) * squares / (self.denominator * self.denominator);
        Estimate::student(value, variance.sqrt(), groups - 1.0)
    }
}

/// Between the two nearest of the sorted values, as far as the place lies between them (Hyndman and Fan's type 7, which numpy
/// and R use).
fn percentile(sorted: &[f64], part: f64) -> f64 {
    let place = part * (sorted.len() - 1) as f64;
    let below = sorted[place.floor() as usize];
    below + (sorted[place.ceil() as usize] - below) * place.fract()
}

/// Random bits that a seed makes again (Steele, Lea and Flood, Fast splittable pseudorandom number generators, 2014): a
/// report that is asked for twice must say the same twice.
#[derive(Debug, Clone)]
pub struct SplitMix(u64);

impl SplitMix {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to, but never, 1.
    pub fn unit(&mut self) -> f64 {
        // The 53 bits that a double has.
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// From 0 up to, but never, `end`; evenly but for a part in 2^64 / `end`.
    pub fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.bits()) * end as u128) >> 64) as usize
    }

    /// Standard normal (Box and Muller, 1958).
    pub fn normal(&mut self) -> f64 {
        // One less the unit is never zero.
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Shuffles (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (2..=items.len()).rev() {
            items.swap(end - 1, self.below(end));
        }
    }
}
