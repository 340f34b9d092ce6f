//! Kinds of people, each judged apart: a policy that is better on average may be so at somebody's expense.
//!
//! A kind is told by what days are like, not by rewards, though what is done is no longer due or waiting: who answered well by chance would be found together, and
//! judged by the same chance again.

use crate::evaluation::{Estimate, Estimator, Evaluation, Round, Rules};
use crate::examples::Example;
use oo_domain::features::{D, FEATURES, Feature, Row};
use smartcore::cluster::kmeans::{KMeans, KMeansParameters};
use smartcore::linalg::basic::matrix::DenseMatrix;
use std::collections::BTreeMap;

/// So many kinds are told apart.
const KINDS: usize = 3;
/// Fewer people have no kinds worth their name.
const FEWEST_PEOPLE: usize = 30;
/// What tells a kind in a line.
const TRAITS: usize = 2;

/// People whose days are alike.
#[derive(Debug, Clone, PartialEq)]
pub struct Cohort {
    pub people: usize,
    pub decisions: usize,
    /// What sets their days apart the most: how far above those of all people, in standard deviations between people.
    pub traits: Vec<(Feature, f64)>,
    /// How much more the policy earns than was logged, doubly robust; nothing where their decisions are too few to say.
    pub gain: Option<Estimate>,
}

/// The kinds among these people, the largest first; none where they are too few.
pub(super) fn cohorts(examples: &[Example], rounds: &[Round], rules: &Rules) -> Vec<Cohort> {
    let days = days(examples);
    let (people, rows): (Vec<u64>, Vec<Vec<f64>>) = days.into_iter().unzip();
    let kinds = if people.len() < FEWEST_PEOPLE { None } else { kinds(&rows) };
    let Some(kinds) = kinds else { return Vec::new() };
    let kind_of: BTreeMap<u64, usize> = people.into_iter().zip(kinds.iter().copied()).collect();
    let mut cohorts: Vec<_> = (0..KINDS)
        .filter_map(|kind| {
            let own: Vec<_> = rows.iter().zip(&kinds).filter(|(_, of)| **of == kind).map(|(row, _)| row).collect();
            let rounds: Vec<_> =
                rounds.iter().filter(|round| kind_of.get(&round.group) == Some(&kind)).cloned().collect();
            let gain = Evaluation::of(&rounds, rules).and_then(|evaluation| evaluation.gain(Estimator::Dr)).ok();
            (!own.is_empty()).then(|| Cohort { people: own.len(), decisions: rounds.len(), traits: traits(&own), gain })
        })
        .collect();
    cohorts.sort_by_key(|cohort| std::cmp::Reverse(cohort.people));
    cohorts
}

/// What each person's days are like on average, against everybody's. What a policy does to them, how often it spoke for one,
/// is left out.
fn days(examples: &[Example]) -> BTreeMap<u64, Vec<f64>> {
    let mut sums = BTreeMap::<u64, (Vec<f64>, f64)>::new();
    for example in examples {
        let (sum, count) = sums.entry(example.person).or_insert_with(|| (vec![0.0; D], 0.0));
        for row in Row::all(&example.ask.context, &example.ask.candidates) {
            sum.iter_mut().zip(row.values()).for_each(|(sum, value)| *sum += value);
            *count += 1.0;
        }
    }
    let mut days: BTreeMap<u64, Vec<f64>> = sums
        .into_iter()
        .map(|(person, (sum, count))| (person, sum.into_iter().map(|sum| sum / f64::max(count, 1.0)).collect()))
        .collect();
    let people = days.len() as f64;
    for (place, feature) in FEATURES.into_iter().enumerate() {
        let mean = days.values().map(|row| row[place]).sum::<f64>() / people;
        let variance = days.values().map(|row| (row[place] - mean).powi(2)).sum::<f64>() / people;
        let counts = !matches!(feature, Feature::Always | Feature::Shown | Feature::Burden) && variance > 1e-9;
        for row in days.values_mut() {
            row[place] = if counts { (row[place] - mean) / variance.sqrt() } else { 0.0 };
        }
    }
    days
}

/// Which kind each row is of, by k-means (Lloyd, 1982) from a start that is always the same.
fn kinds(rows: &Vec<Vec<f64>>) -> Option<Vec<usize>> {
    let matrix = DenseMatrix::from_2d_vec(rows).ok()?;
    let parameters = KMeansParameters { seed: Some(0), ..KMeansParameters::default().with_k(KINDS) };
    let fitted = KMeans::<f64, u32, _, Vec<u32>>::fit(&matrix, parameters).ok()?;
    Some(fitted.predict(&matrix).ok()?.into_iter().map(|kind| kind as usize).collect())
}

fn traits(rows: &[&Vec<f64>]) -> Vec<(Feature, f64)> {
    let mean = |place: usize| rows.iter().map(|row| row[place]).sum::<f64>() / rows.len() as f64;
    let mut all: Vec<_> = FEATURES.into_iter().enumerate().map(|(place, feature)| (feature, mean(place))).collect();
    all.sort_by(|(_, one), (_, other)| other.abs().total_cmp(&one.abs()));
    all.truncate(TRAITS);
    all
}

impl std::fmt::Display for Cohort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} people", self.people)?;
        for (feature, above) in &self.traits {
            write!(f, ", {} {}", if *above > 0.0 { "more" } else { "less" }, feature.name())?;
        }
        match self.gain {
            Some(Estimate { value, low, high, .. }) => write!(f, ": {value:+.4} [{low:+.4}, {high:+.4}]"),
            None => f.write_str(": too few decisions to say"),
        }
    }
}
