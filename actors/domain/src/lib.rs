//! The heart of oO: a person's profile as a fold over their log, and every decision as a function of it.
//!
//! Nothing here knows a clock, chance, a network or an environment: time (`now`) and random bits are arguments, so any
//! decision can be made again from the log, bit for bit. Read in this order: [`profile`], [`tip_life`], [`moments`],
//! [`pacer`], [`candidates`], [`policy`], [`decide`], [`words`]; and what is learnt: [`rhythm`], [`receptivity`],
//! [`reward`], [`learning`], [`bayes`], [`model`].

pub mod advice;
pub mod bayes;
pub mod candidates;
pub mod centring;
pub mod decide;
pub mod dosage;
pub mod experiment;
pub mod features;
pub mod habits;
pub mod learning;
pub mod local;
pub mod model;
pub mod moments;
pub mod pacer;
pub mod planner;
pub mod policy;
pub mod profile;
pub mod quiet;
pub mod receptivity;
pub mod reward;
pub mod rhythm;
pub mod tip_life;
pub mod words;

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod testing;
