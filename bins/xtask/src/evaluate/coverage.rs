//! How often an interval of 95 % has the true value, over simulated logs whose true value is known.

use super::{Row, progress};
use oo_trainer::evaluation::{Estimator, Evaluation, Predictions, Round, Rules, SplitMix};
use std::path::Path;

const LOGS: u64 = 1_000;
const ROUNDS: u64 = 500;
const RESAMPLES: usize = 400;
const ACTIONS: usize = 4;
/// The judged policy takes the action that its context names with this probability, and one of all with the rest.
const SURE: f64 = 0.6;
/// The logged one does so with this.
const LOGGED: f64 = 0.3;
const ESTIMATORS: [Estimator; 3] = [Estimator::Ips, Estimator::Snips, Estimator::Dr];

pub(super) fn check(_: &Path, tell: &mut dyn FnMut(Row)) -> anyhow::Result<()> {
    let mut covered = [[0_u32; 2]; 3];
    let bar = progress("1,000 logs", LOGS);
    for seed in 0..LOGS {
        let mut chance = SplitMix::new(SplitMix::new(seed).bits());
        let rounds: Vec<Round> = (0..ROUNDS).map(|group| round(group, &mut chance)).collect();
        let evaluation = Evaluation::of(&rounds, &Rules::default())?;
        for (estimator, covered) in ESTIMATORS.into_iter().zip(&mut covered) {
            let bootstrap = evaluation.bootstrap(estimator, RESAMPLES, |end| chance.below(end))?;
            covered[0] += u32::from(evaluation.estimate(estimator)?.covers(value()));
            covered[1] += u32::from(bootstrap.covers(value()));
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    for (estimator, covered) in ESTIMATORS.into_iter().zip(covered) {
        for (how, covered) in ["normal", "bootstrap"].into_iter().zip(covered) {
            let share = f64::from(covered) / LOGS as f64;
            let figure = format!("{}, {how}: intervals that have the value", estimator.name());
            tell(Row::new(figure, share, 3).beside("stated", 0.95));
        }
    }
    Ok(())
}

/// A context, the action of the logged policy, and its reward. The context's own action is paid best, and one context pays
/// better than the other.
fn round(group: u64, chance: &mut SplitMix) -> Round {
    let context = chance.below(ACTIONS);
    let best = chance.unit() < LOGGED;
    let action = if best { context } else { chance.below(ACTIONS) };
    let taken = |sure: f64| (1.0 - sure) / ACTIONS as f64 + if action == context { sure } else { 0.0 };
    Round {
        group,
        reward: f64::from(chance.unit() < pays(context, action)),
        propensity: Some(taken(LOGGED)),
        target: taken(SURE),
        // A model that is wrong: it knows that the context's own action is better, but not by how much.
        model: Some(Predictions {
            taken: if action == context { 0.3 } else { 0.2 },
            expected: 0.2 + 0.1 * (SURE + (1.0 - SURE) / ACTIONS as f64),
        }),
    }
}

fn pays(context: usize, action: usize) -> f64 {
    0.05 + 0.05 * context as f64 + if action == context { 0.3 } else { 0.0 }
}

/// Of the judged policy.
fn value() -> f64 {
    let all = 0..ACTIONS;
    let of = |context: usize| {
        let even = all.clone().map(|action| pays(context, action)).sum::<f64>() / ACTIONS as f64;
        SURE * pays(context, context) + (1.0 - SURE) * even
    };
    all.clone().map(of).sum::<f64>() / ACTIONS as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_of_95_percent_have_the_value_in_93_to_97_of_a_hundred_logs() {
        let mut told = 0;
        let mut tell = |row: Row| {
            assert!((0.93..=0.97).contains(&row.ours), "{}: {}", row.figure, row.ours);
            told += 1;
        };
        check(&crate::root(), &mut tell).unwrap();
        assert_eq!(told, 6);
    }
}
