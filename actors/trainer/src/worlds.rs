//! Worlds that others made to try deciders in, and those of one question each. What they hide, no decider is told.

pub mod cold_start;
pub mod prototype;
pub mod step_count;
pub mod taste;
pub mod trial;
