//! The first prototype's protocol, with its two learners beside ours (aim G6).

use super::Row;
use oo_trainer::worlds::prototype::{Decider, play};
use std::path::Path;

const SEEDS: std::ops::Range<u64> = 1_000..1_100;
/// What the prototype came to with its own personas (recommender §2).
const LIN_UCB: f64 = -0.606;
const GREEDY: f64 = -0.548;

pub(super) fn check(_: &Path, tell: &mut dyn FnMut(Row)) -> anyhow::Result<()> {
    let deciders = [
        ("linear", Decider::Linear, None),
        ("LinUCB of five features", Decider::LinUcb { width: 1.0 }, Some(LIN_UCB)),
        ("ε-greedy of seven", Decider::Greedy { random: 0.1 }, Some(GREEDY)),
        ("any task", Decider::Random, None),
    ];
    for (name, decider, published) in deciders {
        let worth = play(decider, SEEDS);
        let row = Row::new(format!("{name}: worth of a round, 0 is silence"), worth.mean, 3)
            .note(format!("{:.3} to {:.3}", worth.low, worth.high));
        tell(match published {
            Some(published) => row.beside("prototype, its personas", published),
            None => row,
        });
    }
    Ok(())
}
