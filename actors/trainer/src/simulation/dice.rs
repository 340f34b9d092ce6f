//! Chance, from a seed: the same seed tosses the same.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// What chance decides. Each is tossed by itself, so that a policy that speaks more does not change the weather.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// Who somebody is.
    Traits,
    /// What happens to them, whatever oO does.
    Days,
    /// What they answer.
    Answers,
    /// The bits that decisions are made with.
    Decisions,
    /// What becomes of an answer on its way.
    Post,
    /// Who they become when their taste changes.
    Change,
}

/// Dice of one person, for one matter.
#[derive(Debug, Clone)]
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// The dice of that seed for a person, by number.
    pub fn new(seed: u64, person: u64, of: Of) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(person << 8 | of as u64);
        Self(rng)
    }

    /// 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Between 0, which may be, and 1, which is not.
    pub fn unit(&mut self) -> f64 {
        // The upper 53 bits: all that a double holds.
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Between two numbers.
    pub fn between(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * self.unit()
    }

    /// Whether something of that probability happens.
    pub fn happens(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// From the normal distribution (Box and Muller, 1958).
    pub fn normal(&mut self, mean: f64, sd: f64) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        mean + sd * radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// A wait, whose mean is given.
    pub fn wait(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    /// How many of what comes at random and on average so often (Knuth's way, for small numbers).
    pub fn count(&mut self, mean: f64) -> u32 {
        let least = (-mean).exp();
        let (mut count, mut product) = (0, self.unit());
        while product > least {
            count += 1;
            product *= self.unit();
        }
        count
    }

    /// One of several; `None` of none.
    pub fn one_of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        all.get((self.unit() * all.len() as f64) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_tosses_the_same_and_each_matter_by_itself() {
        let toss = |seed, person, of| Dice::new(seed, person, of).bits();
        assert_eq!(toss(1, 2, Of::Days), toss(1, 2, Of::Days));
        assert_ne!(toss(1, 2, Of::Days), toss(1, 2, Of::Answers));
        assert_ne!(toss(1, 2, Of::Days), toss(1, 3, Of::Days));
        assert_ne!(toss(1, 2, Of::Days), toss(2, 2, Of::Days));
    }

    #[test]
    fn chance_has_the_mean_and_spread_that_it_says() {
        let mut dice = Dice::new(7, 0, Of::Days);
        let many = 20_000;
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let normal: Vec<_> = (0..many).map(|_| dice.normal(2.0, 3.0)).collect();
        assert!((mean(&normal) - 2.0).abs() < 0.1);
        let spread: Vec<_> = normal.iter().map(|value| (value - 2.0).powi(2)).collect();
        assert!((mean(&spread).sqrt() - 3.0).abs() < 0.1);
        let counts: Vec<_> = (0..many).map(|_| f64::from(dice.count(2.5))).collect();
        assert!((mean(&counts) - 2.5).abs() < 0.1);
        let waits: Vec<_> = (0..many).map(|_| dice.wait(4.0)).collect();
        assert!((mean(&waits) - 4.0).abs() < 0.15);
    }
}
