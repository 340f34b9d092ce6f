//! Causal excursion effects of a micro-randomised trial, beside what R's package MRTAnalysis prints for the same data.

use super::Row;
use anyhow::Context;
use oo_trainer::evaluation::wcls::{Point, effects};
use std::path::Path;

/// From the package; see README.md beside it.
const DATA: &str = "actors/trainer/tests/data/data_mimicHeartSteps.csv";
/// The effect is averaged over all points alike.
const NUMERATOR: f64 = 0.5;

pub(super) fn check(root: &Path, tell: &mut dyn FnMut(Row)) -> anyhow::Result<()> {
    let one = effects(&points(root, &["logstep_pre30min"])?, NUMERATOR)?[0];
    let three = ["logstep_30min_lag1", "logstep_pre30min", "is_at_home_or_work"];
    let three = effects(&points(root, &three)?, NUMERATOR)?[0];
    let row = |figure: &str, ours: f64, decimals: usize, theirs: f64| {
        Row::new(figure, ours, decimals).beside("MRTAnalysis", theirs)
    };
    let rows = [
        row("marginal effect", one.value, 3, 0.157),
        row("its standard error", one.error, 4, 0.0622),
        row("its interval's low end", one.low, 3, 0.031),
        row("its interval's high end", one.high, 3, 0.284),
        row("with three controls: effect", three.value, 3, 0.159),
        row("with three controls: standard error", three.error, 4, 0.0607),
    ];
    rows.into_iter().for_each(tell);
    Ok(())
}

/// The decision points, with these columns as controls.
fn points(root: &Path, controls: &[&str]) -> anyhow::Result<Vec<Point>> {
    let columns = [&["userid", "avail", "intervention", "rand_prob", "logstep_30min"], controls].concat();
    let point = |cells: Vec<f64>| Point {
        person: cells[0] as u64,
        available: cells[1] == 1.0,
        treated: cells[2] == 1.0,
        probability: cells[3],
        outcome: cells[4],
        controls: cells[5..].to_vec(),
        moderators: Vec::new(),
    };
    Ok(table(root, &columns)?.into_iter().map(point).collect())
}

/// These columns of the trial's data, row after row.
pub(super) fn table(root: &Path, columns: &[&str]) -> anyhow::Result<Vec<Vec<f64>>> {
    let text = std::fs::read_to_string(root.join(DATA)).with_context(|| format!("there is no {DATA}"))?;
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().context("an empty file")?.split(',').collect();
    let place = |name: &&str| header.iter().position(|column| column == name).with_context(|| format!("no {name}"));
    let places: Vec<usize> = columns.iter().map(place).collect::<anyhow::Result<_>>()?;
    lines
        .map(|line| {
            let cells: Result<Vec<f64>, _> = line.split(',').map(str::parse).collect();
            let cells = cells.with_context(|| format!("{line:?} is no row"))?;
            Ok(places.iter().map(|place| cells[*place]).collect())
        })
        .collect()
}
