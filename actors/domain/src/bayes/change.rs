//! Noticing that a person's taste has changed, and forgetting then, instead of a little all the time.
//!
//! Steady forgetting is a bad trade: a memory short enough to follow a change within twenty answers is too short to be
//! any good while nothing changes (docs/evaluation.md, G11). So each answer is held against two beliefs: what this
//! person's answers so far say of it, and what is believed of anybody. The logarithm of the ratio adds up while it speaks
//! for anybody (the cumulative sum test: Page, Biometrika, 1954). Beyond doubt, the person is taken to be another one.

use super::Belief;
use std::f64::consts::TAU;

/// Where a change is beyond doubt: the answers since it were e⁵ times, 150 times, as probable of anybody as of who the
/// person was. An alarm that nothing caused comes less than once in two thousand answers, where rewards are normal with
/// the noise that is believed; where they are wider it comes more often.
const BEYOND_DOUBT: f64 = 5.0;

/// One answer alone, however odd, is not beyond doubt where nothing was suspected before.
const LOUDEST: f64 = 4.99;

/// What earlier answers count for after a change.
pub const KEPT: f64 = 0.02;

/// By how much the latest answers speak for a change: a log likelihood ratio, never negative.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Suspicion(f64);

impl Suspicion {
    /// Hears an answer that is not learnt yet, and tells whether the person has changed: then what is known of them is to
    /// fade to [`KEPT`] before it is.
    pub fn hear(&mut self, person: &Belief, anybody: &Belief, x: &[f64], reward: f64) -> bool {
        let ratio = log_density(anybody, x, reward) - log_density(person, x, reward);
        self.0 = (self.0 + ratio.min(LOUDEST)).max(0.0);
        let changed = self.0 >= BEYOND_DOUBT;
        if changed {
            self.0 = 0.0;
        }
        changed
    }
}

/// The logarithm of the predictive density of a reward.
fn log_density(belief: &Belief, x: &[f64], reward: f64) -> f64 {
    let expected = belief.predict(x);
    let variance = expected.sd * expected.sd + belief.noise();
    -0.5 * ((reward - expected.mean).powi(2) / variance + (TAU * variance).ln())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bayes::{Evidence, Prior};

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

    #[test]
    fn who_stays_the_same_is_never_suspected() {
        let (person, anybody) = (Belief::of(&prior(), &known()), Belief::new(&prior()));
        let mut suspicion = Suspicion::default();
        for step in 0..200 {
            // Noise of one standard deviation either way.
            let noise = if step % 2 == 0 { 0.3 } else { -0.3 };
            assert!(!suspicion.hear(&person, &anybody, &[1.0, 0.0], 0.8 + noise));
        }
        assert_eq!(suspicion, Suspicion::default());
    }

    #[test]
    fn another_taste_is_noticed_at_the_second_answer_but_not_at_one() {
        let (person, anybody) = (Belief::of(&prior(), &known()), Belief::new(&prior()));
        let mut suspicion = Suspicion::default();
        assert!(!suspicion.hear(&person, &anybody, &[1.0, 0.0], -0.8));
        assert!(suspicion.hear(&person, &anybody, &[1.0, 0.0], -0.8));
        // What follows is a new person's.
        assert_eq!(suspicion, Suspicion::default());
    }

    #[test]
    fn one_bad_day_is_forgiven() {
        let (person, anybody) = (Belief::of(&prior(), &known()), Belief::new(&prior()));
        let mut suspicion = Suspicion::default();
        assert!(!suspicion.hear(&person, &anybody, &[1.0, 0.0], -0.8));
        for _ in 0..20 {
            assert!(!suspicion.hear(&person, &anybody, &[1.0, 0.0], 0.8));
        }
        assert_eq!(suspicion, Suspicion::default());
    }
}
