//! Simulated people against policies, through the domain code that runs: what a policy does to a life, before it does so to
//! anybody.
//!
//! A world ([`person`], [`mind`], [`days`], [`surroundings`]) knows what nobody sees; the engine ([`life`]) sees only the
//! entries of a log. Everything follows from a seed.

pub mod again;
pub mod chooser;
pub mod days;
pub mod dice;
pub mod figures;
pub mod learnt;
pub mod life;
pub mod mind;
pub mod person;
pub mod population;
pub mod post;
pub mod report;
pub mod school;
pub mod surroundings;
pub mod svg;
pub mod timeline;
pub mod watch;

#[cfg(test)]
mod tests;
