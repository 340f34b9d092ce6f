//! Bayesian linear regression, one person at a time: what was believed before, what was seen, and what is believed now.
//!
//! A reward is `r = xᵀβ + ε`, `ε ~ N(0, σ²)`, with `β ~ N(μ, Λ⁻¹)` over people. After rows `(xᵢ, rᵢ, wᵢ)` one person's `β`
//! is normal with the precision `Λ + Σ wᵢ xᵢ xᵢᵀ / σ²` and the mean that solves
//! `(Λ + Σ wᵢ xᵢ xᵢᵀ / σ²) m = Λ μ + Σ wᵢ rᵢ xᵢ / σ²` (Bishop, Pattern Recognition and Machine Learning, 2006, §3.3). The sums
//! are [`Evidence`]: they know no prior, so a new prior makes a new belief of old evidence. `Λ` is the spread between
//! people, so it is also the degree of pooling (Tomkins et al., IntelligentPooling, 2021).

pub mod change;
mod normal;
mod pool;
pub(crate) mod triangle;

pub use normal::{Normal, chances};
pub use pool::pool;

use serde::{Deserialize, Serialize};

/// Sums of a weighted linear regression: additive, and free of any prior.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    dim: usize,
    /// `Σ w`: how many answers, as far as they are remembered.
    count: f64,
    /// `Σ w r²`.
    squares: f64,
    /// `Σ w r x`.
    moments: Vec<f64>,
    /// `Σ w x xᵀ`, packed.
    products: Vec<f64>,
}

impl Evidence {
    /// Nothing seen.
    pub fn new(dim: usize) -> Self {
        Self { dim, count: 0.0, squares: 0.0, moments: vec![0.0; dim], products: vec![0.0; triangle::len(dim)] }
    }

    /// The numbers that [`Evidence::parts`] gives for a dimension.
    pub const fn parts_len(dim: usize) -> usize {
        2 + dim + triangle::len(dim)
    }

    /// All its numbers, always in the same order.
    pub fn parts(&self) -> impl Iterator<Item = f64> + '_ {
        [self.count, self.squares].into_iter().chain(self.moments.iter().copied()).chain(self.products.iter().copied())
    }

    /// From the numbers that [`Evidence::parts`] gave; nothing where they are of another dimension or are no sums.
    pub fn from_parts(dim: usize, parts: &[f64]) -> Option<Self> {
        let possible = parts.iter().all(|part| part.is_finite()) && parts.iter().take(2).all(|part| *part >= 0.0);
        if parts.len() != Self::parts_len(dim) || !possible {
            return None;
        }
        let (moments, products) = parts[2..].split_at(dim);
        Some(Self { dim, count: parts[0], squares: parts[1], moments: moments.to_vec(), products: products.to_vec() })
    }

    /// The number of coefficients.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The sum of the weights.
    pub fn count(&self) -> f64 {
        self.count
    }

    /// Adds one row.
    ///
    /// # Panics
    /// Where `x` is not of this dimension.
    pub fn observe(&mut self, x: &[f64], reward: f64, weight: f64) {
        assert_eq!(x.len(), self.dim, "a row has the dimension of its evidence");
        self.count += weight;
        self.squares += weight * reward * reward;
        for (moment, value) in self.moments.iter_mut().zip(x) {
            *moment += weight * reward * value;
        }
        triangle::add_outer(&mut self.products, x, weight);
    }

    /// Lets all that was seen so far count for less.
    pub fn fade(&mut self, factor: f64) {
        self.count *= factor;
        self.squares *= factor;
        self.moments.iter_mut().chain(&mut self.products).for_each(|part| *part *= factor);
    }

    /// Adds what was seen elsewhere, or by others.
    ///
    /// # Panics
    /// Where the dimensions differ.
    pub fn add(&mut self, other: &Self) {
        assert_eq!(other.dim, self.dim, "only evidence of one dimension adds up");
        self.count += other.count;
        self.squares += other.squares;
        let others = other.moments.iter().chain(&other.products);
        self.moments.iter_mut().chain(&mut self.products).zip(others).for_each(|(part, other)| *part += other);
    }
}

/// What is believed of a person who has not answered anything yet: a normal distribution over people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "PriorParts", into = "PriorParts")]
pub struct Prior {
    mean: Vec<f64>,
    /// One over the spread between people, packed: a high one says that all are alike.
    precision: Vec<f64>,
    noise: f64,
    /// The inverse of the precision, packed.
    covariance: Vec<f64>,
}

/// A prior as a model file has it.
#[derive(Serialize, Deserialize)]
struct PriorParts {
    mean: Vec<f64>,
    /// The rows of the lower triangle, one after another.
    precision: Vec<f64>,
    /// The variance of a reward around its expectation.
    noise: f64,
}

/// Numbers that are no prior.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoPrior;

impl std::fmt::Display for NoPrior {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(
            "no prior: the precision must be positive definite, packed and of the mean's length, the noise positive",
        )
    }
}

impl std::error::Error for NoPrior {}

impl Prior {
    /// From a mean, a packed precision and the variance of the noise.
    ///
    /// # Errors
    /// [`NoPrior`] where the precision is of another dimension or not positive definite, or the noise not positive.
    pub fn new(mean: Vec<f64>, precision: Vec<f64>, noise: f64) -> Result<Self, NoPrior> {
        let finite = mean.iter().chain(&precision).chain([&noise]).all(|number| number.is_finite());
        if !finite || noise <= 0.0 || precision.len() != triangle::len(mean.len()) {
            return Err(NoPrior);
        }
        let covariance = triangle::inverse(precision.clone(), mean.len()).ok_or(NoPrior)?;
        Ok(Self { mean, precision, noise, covariance })
    }

    /// Coefficients that know nothing of each other, by their means and standard deviations.
    ///
    /// # Errors
    /// [`NoPrior`] where a deviation or the noise is not positive, or their numbers differ.
    pub fn independent(mean: Vec<f64>, sds: &[f64], noise: f64) -> Result<Self, NoPrior> {
        if mean.len() != sds.len() {
            return Err(NoPrior);
        }
        let mut precision = vec![0.0; triangle::len(mean.len())];
        for (i, sd) in sds.iter().enumerate() {
            precision[triangle::len(i) + i] = 1.0 / (sd * sd);
        }
        Self::new(mean, precision, noise)
    }

    /// The number of coefficients.
    pub fn dim(&self) -> usize {
        self.mean.len()
    }

    /// What the average person's coefficients are.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// One over the spread between people, packed.
    pub fn precision(&self) -> &[f64] {
        &self.precision
    }

    /// The spread between people, packed.
    pub fn covariance(&self) -> &[f64] {
        &self.covariance
    }

    /// The variance of a reward around its expectation.
    pub fn noise(&self) -> f64 {
        self.noise
    }
}

impl TryFrom<PriorParts> for Prior {
    type Error = NoPrior;
    fn try_from(parts: PriorParts) -> Result<Self, NoPrior> {
        Self::new(parts.mean, parts.precision, parts.noise)
    }
}

impl From<Prior> for PriorParts {
    fn from(prior: Prior) -> Self {
        Self { mean: prior.mean, precision: prior.precision, noise: prior.noise }
    }
}

/// A normal distribution over the coefficients of one person.
#[derive(Debug, Clone, PartialEq)]
pub struct Belief {
    mean: Vec<f64>,
    /// Packed.
    covariance: Vec<f64>,
    noise: f64,
    /// The variances that forgetting does not go beyond: those of the prior.
    widest: Vec<f64>,
    /// Working space of [`Belief::learn`], so that learning allocates nothing.
    gain: Vec<f64>,
}

impl Belief {
    /// Of somebody who has not answered anything.
    pub fn new(prior: &Prior) -> Self {
        let dim = prior.dim();
        let widest = (0..dim).map(|i| prior.covariance[triangle::len(i) + i]).collect();
        Self {
            mean: prior.mean.clone(),
            covariance: prior.covariance.clone(),
            noise: prior.noise,
            widest,
            gain: vec![0.0; dim],
        }
    }

    /// Of somebody who gave this evidence. Evidence of another dimension is of another model and says nothing.
    pub fn of(prior: &Prior, evidence: &Evidence) -> Self {
        let mut belief = Self::new(prior);
        let dim = prior.dim();
        if evidence.dim != dim || evidence.count <= 0.0 {
            return belief;
        }
        let mut precision = prior.precision.clone();
        for (entry, product) in precision.iter_mut().zip(&evidence.products) {
            *entry += product / prior.noise;
        }
        let Some(covariance) = triangle::inverse(precision, dim) else { return belief };
        triangle::times(&prior.precision, &prior.mean, &mut belief.gain);
        for (entry, moment) in belief.gain.iter_mut().zip(&evidence.moments) {
            *entry += moment / prior.noise;
        }
        triangle::times(&covariance, &belief.gain, &mut belief.mean);
        belief.covariance = covariance;
        belief
    }

    /// The number of coefficients.
    pub fn dim(&self) -> usize {
        self.mean.len()
    }

    /// The variance of a reward around its expectation.
    pub fn noise(&self) -> f64 {
        self.noise
    }

    /// What the coefficients are expected to be.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// What is expected at `x`, and how unsure that expectation is; the noise of a single reward is not in it.
    ///
    /// # Panics
    /// Where `x` is not of this dimension.
    pub fn predict(&self, x: &[f64]) -> Normal {
        assert_eq!(x.len(), self.dim(), "a row has the dimension of the belief");
        let variance = triangle::quadratic(&self.covariance, x);
        Normal { mean: triangle::dot(&self.mean, x), sd: variance.max(0.0).sqrt() }
    }

    /// Coefficients that this belief may stand for, from standard normal draws.
    pub fn sample(&self, mut normal: impl FnMut() -> f64) -> Vec<f64> {
        let mut factor = self.covariance.clone();
        let draws: Vec<f64> = self.mean.iter().map(|_| normal()).collect();
        // Where nothing is left unsure, the mean is all there is.
        let unsure = triangle::factorise(&mut factor, self.dim());
        let away = |i: usize| triangle::dot(&factor[triangle::len(i)..triangle::len(i + 1)], &draws);
        self.mean.iter().enumerate().map(|(i, mean)| mean + if unsure { away(i) } else { 0.0 }).collect()
    }

    /// Learns one row, with the weight of so many: the rank-one update of Sherman and Morrison (1950).
    ///
    /// # Panics
    /// Where `x` is not of this dimension.
    pub fn learn(&mut self, x: &[f64], reward: f64, weight: f64) {
        assert_eq!(x.len(), self.dim(), "a row has the dimension of the belief");
        if weight <= 0.0 {
            return;
        }
        triangle::times(&self.covariance, x, &mut self.gain);
        let spread = self.noise / weight + triangle::dot(&self.gain, x);
        let surprise = (reward - triangle::dot(&self.mean, x)) / spread;
        for (mean, gain) in self.mean.iter_mut().zip(&self.gain) {
            *mean += surprise * gain;
        }
        triangle::add_outer(&mut self.covariance, &self.gain, -1.0 / spread);
    }

    /// Lets what was learnt count for less: all variances grow by `1 / factor`, but none beyond that of the prior, so
    /// that what is never asked does not become endlessly unsure.
    pub fn forget(&mut self, factor: f64) {
        // Scaling rows and columns alike keeps the matrix positive definite.
        for (i, (scale, widest)) in self.gain.iter_mut().zip(&self.widest).enumerate() {
            let variance = self.covariance[triangle::len(i) + i];
            *scale = (1.0 / factor).min((widest / variance).max(1.0)).sqrt();
        }
        let mut rest = &mut self.covariance[..];
        for i in 0..self.gain.len() {
            let (row, after) = rest.split_at_mut(i + 1);
            for (entry, scale) in row.iter_mut().zip(&self.gain) {
                *entry *= scale * self.gain[i];
            }
            rest = after;
        }
    }
}

#[cfg(test)]
mod tests;
