//! Kinds of people, each judged apart: a policy that is better on average may be so at somebody's expense.
//!
//! A kind is told by calendar and hours, not by tasks, moods or answers: who answered well by chance would be found together,
//! and judged by the same chance again. A little of that is left: by hours at which a policy was asked, and a tip that is not
//! answered, or a day's last one, ends the asking.

use crate::evaluation::{Estimate, Estimator, Evaluation, Refusal, Round, Rules};
use crate::examples::Example;
use oo_domain::features::Feature::{self, AfterEvent, Afternoon, Evening, Gap, Load, Midday, Morning, Weekend};
use oo_domain::features::Row;
use smartcore::cluster::kmeans::{KMeans, KMeansParameters};
use smartcore::linalg::basic::matrix::DenseMatrix;
use std::collections::BTreeMap;

/// So many kinds are told apart.
const KINDS: usize = 3;
/// Fewer people have no kinds worth their name.
const FEWEST_PEOPLE: usize = 30;
/// What a kind is told by.
const TOLD_BY: [Feature; 8] = [Gap, AfterEvent, Load, Morning, Midday, Afternoon, Evening, Weekend];
/// So many of them say in a line what sets a kind apart.
const TRAITS: usize = 2;

/// Each of [`TOLD_BY`], on average.
type Days = [f64; TOLD_BY.len()];

/// People whose days are alike.
#[derive(Debug, Clone, PartialEq)]
pub struct Cohort {
    pub people: usize,
    pub decisions: usize,
    /// What sets their days apart the most: how far above those of all people, in standard deviations between people.
    pub traits: Vec<(Feature, f64)>,
    /// How much more the policy earns than was logged, doubly robust; or why their decisions do not say.
    pub gain: Result<Estimate, Refusal>,
}

/// The kinds among these people, the largest first; none where they are too few.
pub(super) fn cohorts(examples: &[Example], rounds: &[Round], rules: &Rules) -> Vec<Cohort> {
    let days = days(examples);
    let (people, rows): (Vec<u64>, Vec<Days>) = days.into_iter().unzip();
    let kinds = if people.len() < FEWEST_PEOPLE { None } else { kinds(&rows) };
    let Some(kinds) = kinds else { return Vec::new() };
    let kind_of: BTreeMap<u64, usize> = people.into_iter().zip(kinds.iter().copied()).collect();
    let mut cohorts: Vec<_> = (0..KINDS)
        .filter_map(|kind| {
            let own: Vec<_> = rows.iter().zip(&kinds).filter(|(_, of)| **of == kind).map(|(row, _)| row).collect();
            let rounds: Vec<_> =
                rounds.iter().filter(|round| kind_of.get(&round.group) == Some(&kind)).cloned().collect();
            let gain = Evaluation::of(&rounds, rules).and_then(|evaluation| evaluation.gain(Estimator::Dr));
            (!own.is_empty()).then(|| Cohort { people: own.len(), decisions: rounds.len(), traits: traits(&own), gain })
        })
        .collect();
    cohorts.sort_by_key(|cohort| std::cmp::Reverse(cohort.people));
    cohorts
}

/// What each person's days are like, in standard deviations between people around everybody's.
fn days(examples: &[Example]) -> BTreeMap<u64, Days> {
    let mut sums = BTreeMap::<u64, (Days, f64)>::new();
    for Example { person, ask, .. } in examples {
        // What is told of the circumstances is the same in each candidate's row.
        let Some(row) = Row::all(&ask.context, &ask.candidates).first().map(Row::values) else { continue };
        let (sum, count) = sums.entry(*person).or_default();
        sum.iter_mut().zip(TOLD_BY).for_each(|(sum, feature)| *sum += row[feature.place()]);
        *count += 1.0;
    }
    let mut days: BTreeMap<_, _> =
        sums.into_iter().map(|(person, (sum, count))| (person, sum.map(|sum| sum / count))).collect();
    let people = days.len() as f64;
    for place in 0..TOLD_BY.len() {
        let mean = days.values().map(|row| row[place]).sum::<f64>() / people;
        let variance = days.values().map(|row| (row[place] - mean).powi(2)).sum::<f64>() / people;
        let scale = if variance > 1e-9 { variance.sqrt() } else { f64::INFINITY };
        days.values_mut().for_each(|row| row[place] = (row[place] - mean) / scale);
    }
    days
}

/// Which kind each row is of, by k-means (Lloyd, 1982) from a start that is always the same.
fn kinds(rows: &[Days]) -> Option<Vec<usize>> {
    let matrix = DenseMatrix::from_2d_vec(&rows.iter().map(|row| row.to_vec()).collect()).ok()?;
    let parameters = KMeansParameters { seed: Some(0), ..KMeansParameters::default().with_k(KINDS) };
    let fitted = KMeans::<f64, u32, _, Vec<u32>>::fit(&matrix, parameters).ok()?;
    Some(fitted.predict(&matrix).ok()?.into_iter().map(|kind| kind as usize).collect())
}

fn traits(rows: &[&Days]) -> Vec<(Feature, f64)> {
    let mean = |place: usize| rows.iter().map(|row| row[place]).sum::<f64>() / rows.len() as f64;
    let mut all: Vec<_> = TOLD_BY.into_iter().enumerate().map(|(place, feature)| (feature, mean(place))).collect();
    all.retain(|(_, above)| *above != 0.0);
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
        match &self.gain {
            Ok(Estimate { value, low, high, .. }) => write!(f, ": {value:+.4} [{low:+.4}, {high:+.4}]"),
            Err(refusal) => write!(f, ": {refusal}"),
        }
    }
}
