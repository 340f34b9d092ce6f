//! Worlds that others made to try deciders in, and one of a change of taste. What they hide, no decider is told.

pub mod step_count;
pub mod taste;
