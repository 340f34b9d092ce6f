//! Open Bandit data, small: what the Bernoulli Thompson sampler of ZOZOTOWN would have earned, told from the log of the uniformly
//! random policy (Saito et al., Open Bandit Dataset and Pipeline, NeurIPS 2021 datasets track).
//!
//! The sampler shows the three items with the highest draws of their Beta distributions, each in a position of its own. The
//! published figures take its probabilities from 100,000 draws with a seed; these are made again, and beside them stand
//! the exact probabilities, by quadrature.

use super::{Row, numpy::RandomState, progress};
use crate::setup;
use anyhow::{Context, ensure};
use oo_trainer::evaluation::{Estimator, Evaluation, Round, Rules};
use statrs::distribution::{Beta, Continuous as _, ContinuousCDF as _};
use std::path::Path;

const POSITIONS: usize = 3;
/// As published: draws, resamples, and the seed of each.
const DRAWS: u64 = 100_000;
const RESAMPLES: usize = 10_000;
const SEED: u32 = 12_345;
/// Nodes of the trapezoid rule, evenly spaced in the logarithm of the click rate: four times as many change nothing that shows.
const NODES: usize = 2_000;
/// No click rate is lower or higher.
const RATES: (f64, f64) = (1e-7, 0.5);

/// The probabilities of each item at each position.
type Policy = Vec<[f64; POSITIONS]>;

struct Logged {
    item: usize,
    position: usize,
    click: f64,
    propensity: f64,
}

pub(super) fn check(root: &Path, tell: &mut dyn FnMut(Row)) -> anyhow::Result<()> {
    let packages = setup::rivals_packages(root)?;
    let log = read(&packages.join("obp/dataset/obd/random/all/all.csv"))?;
    let prior = prior(&packages.join("obp/policy/conf/prior_bts.yaml"))?;
    let drawn = evaluation(&log, &drawn(&prior)?)?;
    let exact = evaluation(&log, &exact(&prior)?)?;
    let value = drawn.estimate(Estimator::Ips)?;
    let mut state = RandomState::new(SEED);
    let interval = drawn.bootstrap(Estimator::Ips, RESAMPLES, |end| state.below(end))?;
    let quadrature = exact.estimate(Estimator::Ips)?;
    let row = |figure: &str, ours: f64, theirs: f64| Row::new(figure, ours, 6).beside("OBP", theirs);
    let rows = [
        row("IPS, 100,000 draws", value.value, 0.004553).note(format!(
            "{:.0} of {} rounds effective",
            drawn.weights().effective,
            drawn.rounds()
        )),
        row("relative to the logged policy", value.value / drawn.logged().value, 1.198126),
        row("bootstrap: low end", interval.low, 0.001531),
        row("bootstrap: high end", interval.high, 0.009254),
        row("IPS, exact probabilities", quadrature.value, 0.004553).note("no draws: theirs is off by their chance"),
        Row::new("normal interval: low end", value.low, 6),
        Row::new("normal interval: high end", value.high, 6),
    ];
    rows.into_iter().for_each(tell);
    Ok(())
}

fn evaluation(log: &[Logged], policy: &Policy) -> anyhow::Result<Evaluation> {
    let rounds: Vec<Round> = log
        .iter()
        .zip(0..)
        .map(|(logged, group)| Round {
            group,
            reward: logged.click,
            propensity: Some(logged.propensity),
            target: policy[logged.item][logged.position],
            model: None,
        })
        .collect();
    Ok(Evaluation::of(&rounds, &Rules::default())?)
}

fn read(path: &Path) -> anyhow::Result<Vec<Logged>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("there is no {}", path.display()))?;
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().context("an empty log")?.split(',').collect();
    let column = |name: &str| header.iter().position(|column| *column == name).with_context(|| format!("no {name}"));
    let (item, position) = (column("item_id")?, column("position")?);
    let (click, propensity) = (column("click")?, column("propensity_score")?);
    lines
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            let number =
                |place: usize| -> anyhow::Result<f64> { Ok(cells.get(place).context("a short row")?.parse()?) };
            let position = number(position)? as usize;
            ensure!((1..=POSITIONS).contains(&position), "there is no position {position}");
            Ok(Logged {
                item: number(item)? as usize,
                position: position - 1,
                click: number(click)?,
                propensity: number(propensity)?,
            })
        })
        .collect()
}

/// The shapes of each item's Beta distribution: `all:`, then a list under `alpha:` and one under `beta:`.
fn prior(path: &Path) -> anyhow::Result<Vec<(f64, f64)>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("there is no {}", path.display()))?;
    let campaign = text.lines().skip_while(|line| *line != "all:").skip(1).take_while(|line| line.starts_with(' '));
    let mut lists: Vec<Vec<f64>> = Vec::new();
    for line in campaign {
        match line.trim().strip_prefix("- ") {
            Some(number) => lists.last_mut().context("a number outside of a list")?.push(number.parse()?),
            None => lists.push(Vec::new()),
        }
    }
    let [alpha, beta] = &lists[..] else { anyhow::bail!("{} has no alpha and beta", path.display()) };
    ensure!(alpha.len() == beta.len(), "alpha and beta are of different lengths");
    Ok(alpha.iter().copied().zip(beta.iter().copied()).collect())
}

/// How often each item was drawn into each position.
fn drawn(prior: &[(f64, f64)]) -> anyhow::Result<Policy> {
    let mut counts = vec![[0.0; POSITIONS]; prior.len()];
    let mut state = RandomState::new(SEED);
    let bar = progress("100,000 draws", DRAWS);
    for draw in 0..DRAWS {
        let draws = prior.iter().map(|&(alpha, beta)| state.beta(alpha, beta));
        let draws: Vec<f64> = draws.collect::<anyhow::Result<_>>()?;
        let mut order: Vec<usize> = (0..draws.len()).collect();
        order.select_nth_unstable_by(POSITIONS, |one, another| draws[*another].total_cmp(&draws[*one]));
        order[..POSITIONS].sort_by(|one, another| draws[*another].total_cmp(&draws[*one]));
        order.iter().take(POSITIONS).enumerate().for_each(|(position, item)| counts[*item][position] += 1.0);
        if draw % 1_000 == 0 {
            bar.inc(1_000);
        }
    }
    bar.finish_and_clear();
    counts.iter_mut().flatten().for_each(|count| *count /= DRAWS as f64);
    Ok(counts)
}

/// `P(item at position k) = ∫ f(x) P(exactly k of the others are above x) dx`.
fn exact(prior: &[(f64, f64)]) -> anyhow::Result<Policy> {
    let items = prior.iter().map(|&(alpha, beta)| Beta::new(alpha, beta));
    let items: Vec<Beta> = items.collect::<Result<_, _>>()?;
    let (low, high) = (RATES.0.ln(), RATES.1.ln());
    let step = (high - low) / NODES as f64;
    let mut policy = vec![[0.0; POSITIONS]; items.len()];
    for node in 0..=NODES {
        let rate = (low + step * node as f64).exp();
        let below: Vec<f64> = items.iter().map(|item| item.cdf(rate)).collect();
        for (place, item) in items.iter().enumerate() {
            // The measure of a step of the logarithm is the rate times the step.
            let mass = item.pdf(rate) * rate * step;
            if mass > 1e-12 {
                let others = below.iter().enumerate().filter(|(other, _)| *other != place).map(|(_, below)| *below);
                let above = how_many_above(others);
                policy[place].iter_mut().zip(above).for_each(|(chance, above)| *chance += mass * above);
            }
        }
    }
    Ok(policy)
}

/// The probabilities that 0, 1, 2 of independent variables are above, from those that each is below.
fn how_many_above(below: impl Iterator<Item = f64>) -> [f64; POSITIONS] {
    let mut chances = [0.0; POSITIONS];
    chances[0] = 1.0;
    for below in below {
        for count in (1..POSITIONS).rev() {
            chances[count] = chances[count] * below + chances[count - 1] * (1.0 - below);
        }
        chances[0] *= below;
    }
    chances
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exact_probabilities_are_those_that_symmetry_and_draws_say() {
        let alike = exact(&[(20.0, 2_000.0); 5]).unwrap();
        assert!(alike.iter().flatten().all(|chance| (chance - 0.2).abs() < 1e-6), "{alike:?}");
        let prior = [(5.0, 900.0), (20.0, 2_000.0), (9.0, 400.0), (3.0, 90.0)];
        let exact = exact(&prior).unwrap();
        for position in 0..POSITIONS {
            assert!((exact.iter().map(|item| item[position]).sum::<f64>() - 1.0).abs() < 1e-6);
        }
        let drawn = drawn(&prior).unwrap();
        // Three in a thousand are six standard errors of 100,000 draws.
        let pairs = drawn.iter().flatten().zip(exact.iter().flatten());
        pairs.for_each(|(drawn, exact)| assert!((drawn - exact).abs() < 0.01, "{drawn} is not {exact}"));
    }

    #[test]
    fn the_published_value_and_interval_come_back() {
        let mut told = 0;
        let mut tell = |row: Row| {
            let Some((_, theirs)) = row.theirs else { return };
            let off = (row.ours / theirs - 1.0).abs();
            // The last digit that is printed; the exact probabilities are off by the chance of 100,000 draws.
            let allowed = if row.figure.contains("exact") { 0.01 } else { 3.5e-4 };
            assert!(off < allowed, "{}: {} beside {theirs}", row.figure, row.ours);
            told += 1;
        };
        check(&crate::root(), &mut tell).unwrap();
        assert_eq!(told, 5);
    }
}
