//! Worlds that others made to try deciders in. What they hide, no decider of ours is told.

pub mod step_count;
