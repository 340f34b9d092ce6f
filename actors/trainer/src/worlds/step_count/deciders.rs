//! Those who decide in the world: ours, and what it is compared with. They see the cue and the answer, nothing else.

use super::{ACTIONS, BOUND, Cue, SLOTS};
use oo_domain::planner::chance::Chance;
use oo_domain::planner::{Action, Answer, Planner, Setting};

/// Acts and learns.
pub(super) trait Decider {
    fn begin(&mut self) {}
    fn act(&mut self, cue: Cue, bits: u64) -> usize;
    fn learn(&mut self, _answer: Answer) {}
}

/// Rules that learn nothing.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fixed {
    Never,
    /// A send for the likelier context, in every slot.
    Always,
    /// The same in every second slot, the first included.
    EverySecond,
    /// One of the actions, each as likely.
    Random,
}

impl Decider for Fixed {
    fn act(&mut self, cue: Cue, bits: u64) -> usize {
        let tailored = 2 + usize::from(cue.belief[1] > cue.belief[0]);
        match self {
            Self::Never => 0,
            Self::Always => tailored,
            Self::EverySecond => tailored * usize::from(cue.slot.is_multiple_of(2)),
            Self::Random => Chance::new(bits).place(&[1.0; ACTIONS]),
        }
    }
}

/// Ours, through the domain's own code.
pub(super) struct Planning(pub(super) Planner);

impl Planning {
    pub(super) fn new(clip: f64) -> Self {
        Self(Planner::new(Setting { slots: SLOTS, bound: BOUND, clip: (clip, 1.0 - clip) }))
    }
}

impl Decider for Planning {
    fn begin(&mut self) {
        self.0.begin();
    }

    fn act(&mut self, cue: Cue, bits: u64) -> usize {
        match self.0.decide(cue.belief, bits).action {
            Action::Silence => 0,
            Action::Send(send) => 1 + send,
        }
    }

    fn learn(&mut self, answer: Answer) {
        self.0.learn(answer);
    }
}

/// A constant, the probability of the second context, and the burden of past sends.
const FEATURES: usize = 3;

/// Linear Thompson sampling (Agrawal and Goyal, ICML 2013), one model for each action: it values the next reward alone.
pub(super) struct LinearThompson {
    /// Scale of the posterior's spread, and the share of the burden that a slot leaves.
    spread: f64,
    fading: f64,
    burden: f64,
    models: [Model; ACTIONS],
    last: (usize, [f64; FEATURES]),
}

/// Ridge regression's sums.
#[derive(Clone, Copy)]
struct Model {
    products: [[f64; FEATURES]; FEATURES],
    moments: [f64; FEATURES],
}

/// What a rival is given to choose from: fifteen of each, and the best of them stands in the table.
pub(super) const SPREADS: [f64; 5] = [0.02, 0.05, 0.1, 0.2, 0.5];
pub(super) const FADINGS: [f64; 3] = [0.0, 0.8, 0.95];

impl LinearThompson {
    pub(super) fn new(spread: f64, fading: f64) -> Self {
        let products = std::array::from_fn(|row| std::array::from_fn(|column| f64::from(u8::from(row == column))));
        let models = [Model { products, moments: [0.0; FEATURES] }; ACTIONS];
        Self { spread, fading, burden: 0.0, models, last: (0, [0.0; FEATURES]) }
    }
}

impl Decider for LinearThompson {
    fn begin(&mut self) {
        self.burden = 0.0;
    }

    fn act(&mut self, cue: Cue, bits: u64) -> usize {
        let x = [1.0, cue.belief[1], self.burden * (1.0 - self.fading)];
        let mut chance = Chance::new(bits);
        let scores = self.models.map(|model| model.draw(x, self.spread, &mut chance));
        let action = (1..ACTIONS).fold(0, |best, next| if scores[next] > scores[best] { next } else { best });
        self.burden = self.burden * self.fading + f64::from(u8::from(action > 0));
        self.last = (action, x);
        action
    }

    fn learn(&mut self, answer: Answer) {
        let reward = match answer {
            Answer::Worth(worth) => worth / BOUND,
            Answer::Left => 0.0,
            Answer::Unknown => return,
        };
        let (action, x) = self.last;
        let model = &mut self.models[action];
        for row in 0..FEATURES {
            model.moments[row] += x[row] * reward;
            for column in 0..FEATURES {
                model.products[row][column] += x[row] * x[column];
            }
        }
    }
}

impl Model {
    /// A score from the posterior: normal around the ridge estimate, with the spread of what is not known at `x`.
    fn draw(&self, x: [f64; FEATURES], spread: f64, chance: &mut Chance) -> f64 {
        let leverage = self.solve(x);
        let dot = |a: [f64; FEATURES], b: [f64; FEATURES]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        dot(leverage, self.moments) + spread * dot(leverage, x).sqrt() * chance.normal()
    }

    /// `products⁻¹ x`, by elimination; the matrix is positive definite, so no pivot is nought.
    fn solve(&self, mut x: [f64; FEATURES]) -> [f64; FEATURES] {
        let mut rows = self.products;
        for pivot in 0..FEATURES {
            for below in pivot + 1..FEATURES {
                let (above, share) = (rows[pivot], rows[below][pivot] / rows[pivot][pivot]);
                rows[below].iter_mut().zip(above).skip(pivot).for_each(|(cell, above)| *cell -= share * above);
                x[below] -= share * x[pivot];
            }
        }
        for row in (0..FEATURES).rev() {
            for column in row + 1..FEATURES {
                x[row] -= rows[row][column] * x[column];
            }
            x[row] /= rows[row][row];
        }
        x
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_model_learns_a_line() {
        let mut rival = LinearThompson::new(0.0, 0.0);
        for step in 0..2000 {
            let second = f64::from(step % 11) / 10.0;
            rival.last = (1, [1.0, second, 0.0]);
            rival.learn(Answer::Worth(BOUND * (0.2 + 0.5 * second)));
        }
        let score = rival.models[1].draw([1.0, 0.4, 0.0], 0.0, &mut Chance::new(1));
        assert!((score - 0.4).abs() < 1e-2, "{score}");
    }
}
