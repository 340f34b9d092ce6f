//! What becomes of an answer on its way: late, lost, doubled, out of order.

use super::dice::Dice;
use jiff::{SignedDuration, Timestamp};
use oo_contracts::Ref;
use oo_contracts::signal::Fact;
use oo_domain::local::plus;

/// How well answers travel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Post {
    /// At most so late, each by its own chance, so that they come out of order.
    pub late: SignedDuration,
    /// The parts that are lost, and that come twice.
    pub lost: f64,
    pub doubled: f64,
    /// Whether a provider says of a done task only that it is gone. Then an answer is all that tells what a tip was worth.
    pub silent_provider: bool,
}

impl Post {
    /// Answers arrive at once, and providers say what was done: the usual.
    pub const TOLD: Self = Self { late: SignedDuration::ZERO, lost: 0.0, doubled: 0.0, silent_provider: false };

    /// Answers arrive at once, and nothing but them tells what a tip was worth.
    pub const SWIFT: Self = Self { silent_provider: true, ..Self::TOLD };

    /// As aim G12 has it: up to seven days late, 30 % lost, the others often doubled and out of order.
    pub const POOR: Self =
        Self { late: SignedDuration::from_hours(7 * 24), lost: 0.3, doubled: 0.3, silent_provider: true };

    /// When what is said `now` arrives: never, once, twice.
    pub fn deliver(&self, now: Timestamp, dice: &mut Dice) -> Vec<Timestamp> {
        let copies = if dice.happens(self.lost) { 0 } else { 1 + u32::from(dice.happens(self.doubled)) };
        (0..copies).map(|_| plus(now, SignedDuration::from_secs_f64(self.late.as_secs_f64() * dice.unit()))).collect()
    }

    /// What a provider says of a task that was done.
    pub fn tells_done(&self, task: Ref) -> Fact {
        if self.silent_provider { Fact::TaskRemoved { task } } else { Fact::TaskCompleted { task } }
    }
}
