//! A contextual bandit with a non-linear view of the context: one Bayesian linear model for each arm on a lifted context, and
//! the arm with the highest upper bound is taken (Li et al., LinUCB, WWW 2010; with a kernel: Valko et al., UAI 2013).
//!
//! It learns from the reward of the arm that was taken, and from nothing else. Where it is told that exactly one arm is right
//! ([`Rewards::OneRight`]), it also draws what follows from that: if the taken one was right, the others were not, and of two
//! arms, if one was wrong, the other was right.

mod lift;

use lift::{Lift, MOST, squared_distance};
use oo_domain::bayes::{Belief, NoPrior, Prior};

/// The variance of a reward around what its context lets expect: rewards are about 0 or 1, and most contexts leave
/// little doubt. A coefficient's variance is 1 beside it.
const NOISE: f64 = 0.01;
/// The upper bound is so many standard deviations above the mean.
const OPTIMISM: f64 = 2.0;
/// What follows is learnt with this part of the weight of what was seen: it is as certain, but it makes the arms that are not
/// taken look better known than the ones that are.
const FOLLOWS: f64 = 0.2;
/// The kernel's width in medians of the distances between contexts (the median heuristic, with a part of it because the classes
/// lie closer than the contexts).
const WIDTH: f64 = 0.4;
/// The median is taken anew whenever the rounds have doubled, up to this many; what was seen is then learnt again.
const SETTLED: usize = 128;
/// While there is no distance yet: the features are between 0 and 1.
const UNKNOWN_MEDIAN: f64 = 1.0;

/// What is known of the rewards before anything is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rewards {
    /// An arm's reward says nothing of another's.
    Independent,
    /// Exactly one arm has the reward 1, and the others have 0.
    OneRight,
}

/// The bandit. Features are expected between 0 and 1.
#[derive(Debug, Clone)]
pub struct Bandit {
    rewards: Rewards,
    lift: Lift,
    beliefs: Vec<Belief>,
    /// What everybody starts with.
    blank: Belief,
    rounds: usize,
    /// The first rounds, until the width is settled.
    early: Vec<Seen>,
}

#[derive(Debug, Clone)]
struct Seen {
    x: Vec<f64>,
    arm: usize,
    reward: f64,
}

impl Bandit {
    /// One that knows nothing of its arms.
    ///
    /// # Errors
    /// Never with the constants of this file.
    pub fn new(arms: usize, rewards: Rewards) -> Result<Self, NoPrior> {
        let blank = Belief::new(&Prior::independent(vec![0.0; MOST], &[1.0; MOST], NOISE)?);
        let lift = Lift::new(WIDTH * UNKNOWN_MEDIAN);
        Ok(Self { rewards, lift, beliefs: vec![blank.clone(); arms], blank, rounds: 0, early: Vec::new() })
    }

    /// The arm to take: the first of those with the highest upper bound.
    pub fn choose(&mut self, x: &[f64]) -> usize {
        let lifted = self.lift.see(x);
        let bounds = self.beliefs.iter().map(|belief| {
            let expected = belief.predict(&lifted);
            expected.mean + OPTIMISM * expected.sd
        });
        bounds.enumerate().fold((0, f64::NEG_INFINITY), |best, next| if next.1 > best.1 { next } else { best }).0
    }

    /// What each arm is expected to give.
    pub fn expected(&mut self, x: &[f64]) -> Vec<f64> {
        let lifted = self.lift.see(x);
        self.beliefs.iter().map(|belief| belief.predict(&lifted).mean).collect()
    }

    /// Learns what the taken arm gave.
    pub fn learn(&mut self, x: &[f64], arm: usize, reward: f64) {
        self.rounds += 1;
        if self.rounds <= SETTLED {
            self.early.push(Seen { x: x.to_vec(), arm, reward });
            if self.rounds.is_power_of_two() && self.rounds > 1 {
                return self.settle();
            }
        }
        self.fold(x, arm, reward);
    }

    fn fold(&mut self, x: &[f64], arm: usize, reward: f64) {
        let lifted = self.lift.see(x);
        self.beliefs[arm].learn(&lifted, reward, 1.0);
        if self.rewards == Rewards::Independent {
            return;
        }
        // Of three and more, that one is wrong does not say which is right.
        let others = match reward {
            1.0 => 0.0,
            _ if self.beliefs.len() == 2 => 1.0,
            _ => return,
        };
        for (_, belief) in self.beliefs.iter_mut().enumerate().filter(|(place, _)| *place != arm) {
            belief.learn(&lifted, others, FOLLOWS);
        }
    }

    /// Takes the median of all distances so far, and learns everything again with it.
    fn settle(&mut self) {
        let early = std::mem::take(&mut self.early);
        self.lift = Lift::new(WIDTH * median_distance(&early).unwrap_or(UNKNOWN_MEDIAN));
        self.beliefs.fill(self.blank.clone());
        early.iter().for_each(|seen| self.fold(&seen.x, seen.arm, seen.reward));
        if self.rounds < SETTLED {
            self.early = early;
        }
    }
}

fn median_distance(seen: &[Seen]) -> Option<f64> {
    let pairs =
        seen.iter().enumerate().flat_map(|(place, one)| seen[..place].iter().map(move |another| (one, another)));
    let mut distances: Vec<f64> = pairs.map(|(one, another)| squared_distance(&one.x, &another.x)).collect();
    distances.sort_by(f64::total_cmp);
    distances.get(distances.len() / 2).map(|middle| middle.sqrt()).filter(|median| *median > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::SplitMix;

    /// Rings around the middle, told apart by no line.
    fn ring(chance: &mut SplitMix) -> (Vec<f64>, usize) {
        let x = vec![chance.unit(), chance.unit()];
        let radius = (x[0] - 0.5).hypot(x[1] - 0.5);
        (x, if radius < 0.2 { 0 } else { 1 + usize::from(radius > 0.4) })
    }

    fn wrong_of_the_second_half(rewards: Rewards, rounds: usize) -> f64 {
        let (mut bandit, mut chance) = (Bandit::new(3, rewards).unwrap(), SplitMix::new(3));
        let mut wrong = 0;
        for round in 0..rounds {
            let (x, right) = ring(&mut chance);
            let arm = bandit.choose(&x);
            bandit.learn(&x, arm, f64::from(arm == right));
            wrong += usize::from(arm != right && round >= rounds / 2);
        }
        wrong as f64 / (rounds - rounds / 2) as f64
    }

    #[test]
    fn rings_are_learnt_that_no_line_tells_apart() {
        assert!(wrong_of_the_second_half(Rewards::OneRight, 400) < 0.15);
        assert!(wrong_of_the_second_half(Rewards::Independent, 400) < 0.15);
    }

    #[test]
    fn of_two_arms_a_wrong_one_tells_the_right_one() {
        let mut bandit = Bandit::new(2, Rewards::OneRight).unwrap();
        bandit.learn(&[0.3, 0.3], 0, 0.0);
        let lifted = bandit.lift.see(&[0.3, 0.3]);
        assert!(bandit.beliefs[1].predict(&lifted).mean > 0.9);
        let mut careful = Bandit::new(2, Rewards::Independent).unwrap();
        careful.learn(&[0.3, 0.3], 0, 0.0);
        assert_eq!(careful.beliefs[1].predict(&careful.lift.see(&[0.3, 0.3])).mean, 0.0);
    }

    #[test]
    fn the_width_follows_the_contexts_and_what_was_learnt_is_kept() {
        let mut bandit = Bandit::new(2, Rewards::Independent).unwrap();
        let x = |i: usize| vec![0.001 * i as f64, 0.0];
        for round in 0..16 {
            bandit.learn(&x(round), usize::from(round >= 8), 1.0);
        }
        // Contexts a thousandth apart are still told apart.
        assert!(bandit.beliefs[0].predict(&bandit.lift.clone().see(&x(0))).mean > 0.9);
        assert!(bandit.beliefs[1].predict(&bandit.lift.clone().see(&x(15))).mean > 0.9);
        assert!(bandit.beliefs[1].predict(&bandit.lift.clone().see(&x(0))).mean < 0.5);
    }
}
