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
    let text = std::fs::read_to_string(root.join(DATA)).with_context(|| format!("there is no {DATA}"))?;
    let one = effects(&points(&text, &["logstep_pre30min"])?, NUMERATOR)?[0];
    let three = ["logstep_30min_lag1", "logstep_pre30min", "is_at_home_or_work"];
    let three = effects(&points(&text, &three)?, NUMERATOR)?[0];
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
fn points(text: &str, controls: &[&str]) -> anyhow::Result<Vec<Point>> {
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().context("an empty file")?.split(',').collect();
    let column = |name: &str| header.iter().position(|column| *column == name).with_context(|| format!("no {name}"));
    let controls: Vec<usize> = controls.iter().map(|name| column(name)).collect::<anyhow::Result<_>>()?;
    let columns = ["userid", "avail", "intervention", "rand_prob", "logstep_30min"].map(column);
    let [person, available, treated, probability, outcome] = columns;
    let (person, available, treated, probability, outcome) = (person?, available?, treated?, probability?, outcome?);
    lines
        .map(|line| {
            let cells: Result<Vec<f64>, _> = line.split(',').map(str::parse).collect();
            let cells = cells.with_context(|| format!("{line:?} is no row"))?;
            Ok(Point {
                person: cells[person] as u64,
                available: cells[available] == 1.0,
                treated: cells[treated] == 1.0,
                probability: cells[probability],
                outcome: cells[outcome],
                controls: controls.iter().map(|place| cells[*place]).collect(),
                moderators: Vec::new(),
            })
        })
        .collect()
}
