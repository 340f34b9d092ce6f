//! What could be had by one who knows the world's rules and hidden state, though not the context: the upper reference.

use super::{ACTIONS, Life, Rules, SLOTS, cues};

/// Points of habituation and disengagement, and of the cue.
const LEVELS: usize = 201;
const TEMPERS: usize = 41;
const CUES: usize = 24;

/// The value of what can still come, by slots that remain.
#[derive(Debug, Clone)]
pub(super) struct Optimum {
    pages: Vec<Vec<f64>>,
}

impl Optimum {
    pub(super) fn new(rules: Rules) -> Self {
        let cues = cues(rules.sigma, CUES);
        let mut optimum = Self { pages: vec![vec![0.0; LEVELS * TEMPERS]] };
        let mut life = Life::new(rules);
        for remaining in 1..=SLOTS {
            let mut page = Vec::with_capacity(LEVELS * TEMPERS);
            for level in 0..LEVELS {
                for temper in 0..TEMPERS {
                    life.habituation = level as f64 / (LEVELS - 1) as f64;
                    life.disengagement = temper as f64 / (TEMPERS - 1) as f64;
                    let outcomes = optimum.outcomes(&life, remaining);
                    page.push(cues.iter().map(|(share, belief)| share * best(&outcomes, *belief).1).sum());
                }
            }
            optimum.pages.push(page);
        }
        optimum
    }

    /// The best action where the life stands.
    pub(super) fn act(&self, life: &Life, belief: [f64; 2]) -> usize {
        best(&self.outcomes(life, SLOTS.saturating_sub(life.cue().slot).max(1)), belief).0
    }

    /// The value of each action in each context.
    fn outcomes(&self, life: &Life, remaining: usize) -> [[f64; 2]; ACTIONS] {
        std::array::from_fn(|action| {
            std::array::from_fn(|context| {
                let (habituation, disengagement, reward) = life.expected(action, context);
                if disengagement >= life.rules.leaving {
                    return 0.0;
                }
                reward + self.at(remaining - 1, habituation, disengagement)
            })
        })
    }

    fn at(&self, remaining: usize, habituation: f64, disengagement: f64) -> f64 {
        let point = |level: f64, points: usize| {
            let place = level * (points - 1) as f64;
            let below = (place as usize).min(points - 2);
            (below, place - below as f64)
        };
        let (row, x) = point(habituation, LEVELS);
        let (column, y) = point(disengagement, TEMPERS);
        let page = &self.pages[remaining];
        let on = |row: usize| {
            let corner = row * TEMPERS + column;
            page[corner] + (page[corner + 1] - page[corner]) * y
        };
        on(row) + (on(row + 1) - on(row)) * x
    }
}

/// The best action and its value.
fn best(outcomes: &[[f64; 2]; ACTIONS], belief: [f64; 2]) -> (usize, f64) {
    let value = |action: usize| belief[0] * outcomes[action][0] + belief[1] * outcomes[action][1];
    (1..ACTIONS)
        .map(|action| (action, value(action)))
        .fold((0, value(0)), |best, next| if next.1 > best.1 { next } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worlds::step_count::Seeded;

    #[test]
    fn the_best_life_is_worth_what_is_known_of_it() {
        let optimum = Optimum::new(Rules::default());
        let mut life = Life::new(Rules::default());
        let mut dice = Seeded::new(1);
        // Who knows the world knows that a life begins in the first context.
        let mut total = life.step(optimum.act(&life, [1.0, 0.0]), &mut dice).reward;
        for _ in 1..SLOTS {
            let action = optimum.act(&life, life.cue().belief);
            total += life.step(action, &mut dice).reward;
        }
        assert!((total - 3397.8).abs() < 0.1, "{total}");
    }
}
