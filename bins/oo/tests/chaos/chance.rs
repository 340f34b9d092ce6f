//! Chance from a seed, with a stream for each matter, so that one more throw here changes nothing there.

use oo_domain::planner::chance;

pub(crate) struct Chance(chance::Chance);

impl Chance {
    pub(crate) fn new(seed: u64, matter: u64) -> Self {
        // A step of the generator apart, streams would be each other's; a draw apart, they are not.
        Self(chance::Chance::new(chance::Chance::new(seed ^ matter).bits()))
    }

    /// From `from` up to, not including, `to`.
    pub(crate) fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.0.bits() % (to - from)
    }

    pub(crate) fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.between(0, all.len() as u64) as usize]
    }
}
