//! Noticing that a person's taste has changed, and forgetting then, instead of a little all the time.
//!
//! Steady forgetting is a bad trade: a memory short enough to follow a change within twenty answers is too short to be
//! any good while nothing changes (docs/evaluation.md, G11). So each answer is held against two beliefs: what this
//! person's answers so far say of it, and what is believed of anybody. The logarithm of the ratio adds up while it speaks
//! for anybody (the cumulative sum test: Page, Biometrika, 1954). Beyond doubt, the person is taken to be another one.

use super::Normal;
use std::f64::consts::TAU;

/// Where a change is beyond doubt: the answers since it were e⁵ times, 150 times, as probable of anybody as of who the
/// person was. With normal rewards of a known noise, an alarm that nothing caused comes less than once in two thousand answers; with
/// rewards that are wider than the noise it comes more often.
const BEYOND_DOUBT: f64 = 5.0;

/// One answer alone, however odd, is not beyond doubt where nothing was suspected before.
const LOUDEST: f64 = 4.99;

/// What earlier answers count for after a change.
pub const KEPT: f64 = 0.02;

/// By how much the latest answers speak for a change: a log likelihood ratio, never negative.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Suspicion(f64);

impl Suspicion {
    /// As it was left; what cannot have been is none.
    pub fn of(ratio: f64) -> Self {
        Self(if ratio.is_finite() { ratio.max(0.0) } else { 0.0 })
    }

    /// The ratio so far.
    pub fn ratio(self) -> f64 {
        self.0
    }

    /// Hears an answer that is not learnt yet, and tells whether the person has changed: then what is known of them is to
    /// fade to [`KEPT`] before it is. What was expected of the person and of anybody is without the noise of a single reward.
    pub fn hear(&mut self, person: Normal, anybody: Normal, noise: f64, reward: f64) -> bool {
        let ratio = log_density(anybody, noise, reward) - log_density(person, noise, reward);
        self.0 = (self.0 + ratio.min(LOUDEST)).max(0.0);
        let changed = self.0 >= BEYOND_DOUBT;
        if changed {
            self.0 = 0.0;
        }
        changed
    }
}

/// The logarithm of the predictive density of a reward.
fn log_density(expected: Normal, noise: f64, reward: f64) -> f64 {
    let variance = expected.sd * expected.sd + noise;
    -0.5 * ((reward - expected.mean).powi(2) / variance + (TAU * variance).ln())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bayes::{Evidence, Prior, expected};

    fn prior() -> Prior {
        Prior::independent(vec![0.0, 0.0], &[1.0, 1.0], 0.09).unwrap()
    }

    /// A person who likes the first of two things.
    fn known() -> Evidence {
        let mut evidence = Evidence::new(2);
        for step in 0..40 {
            let first = f64::from(step % 2);
            evidence.observe(&[first, 1.0 - first], 0.8 * first, 1.0);
        }
        evidence
    }

    /// What is expected of the first thing: of that person, and of anybody.
    fn first() -> (Normal, Normal) {
        let of = |evidence: &Evidence| expected(&prior(), evidence, &[1.0, 0.0]);
        (of(&known()), of(&Evidence::new(2)))
    }

    #[test]
    fn who_stays_the_same_is_never_suspected() {
        let (person, anybody) = first();
        let mut suspicion = Suspicion::default();
        for step in 0..200 {
            // Noise of one standard deviation either way.
            let noise = if step % 2 == 0 { 0.3 } else { -0.3 };
            assert!(!suspicion.hear(person, anybody, 0.09, 0.8 + noise));
        }
        assert_eq!(suspicion, Suspicion::default());
    }

    #[test]
    fn another_taste_is_noticed_at_the_second_answer_but_not_at_one() {
        let (person, anybody) = first();
        let mut suspicion = Suspicion::default();
        assert!(!suspicion.hear(person, anybody, 0.09, -0.8));
        assert!(suspicion.hear(person, anybody, 0.09, -0.8));
        // What follows is a new person's.
        assert_eq!(suspicion, Suspicion::default());
    }

    #[test]
    fn one_bad_day_is_forgiven() {
        let (person, anybody) = first();
        let mut suspicion = Suspicion::default();
        assert!(!suspicion.hear(person, anybody, 0.09, -0.8));
        for _ in 0..20 {
            assert!(!suspicion.hear(person, anybody, 0.09, 0.8));
        }
        assert_eq!(suspicion, Suspicion::default());
    }
}
