//! Fitting: the prior that all people of a community start from, and a model of the reward for doubly robust estimates.

use crate::examples::Example;
use oo_contracts::decision::Ask;
use oo_domain::bayes::{Evidence, Prior, pool};
use oo_domain::features::{D, Row};
use oo_domain::model::Model;
use smartcore::linalg::basic::arrays::Array as _;
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::linear::ridge_regression::{
    RidgeRegression, RidgeRegressionParameters, RidgeRegressionSolverName as Solver,
};
use std::collections::BTreeMap;

/// The prior under which these people's answers are most likely: means, spread between people and noise by empirical Bayes
/// ([`pool`]), held near what is built in while they are few. Silence tells nothing of what a tip would have been worth, so
/// it is no row.
pub fn prior<'a>(examples: impl IntoIterator<Item = &'a Example>) -> Prior {
    let mut people = BTreeMap::<u64, Evidence>::new();
    for example in examples {
        if let Some(row) = taken(example) {
            people.entry(example.person).or_insert_with(|| Evidence::new(D)).observe(
                &row.values(),
                example.reward,
                1.0,
            );
        }
    }
    pool(Model::default().prior(), &people.into_values().collect::<Vec<_>>())
}

/// The row of what was said; none for silence.
fn taken(example: &Example) -> Option<Row> {
    let choice = example.answer.tip.as_ref()?;
    Row::all(&example.ask.context, &example.ask.candidates).get(usize::from(choice.candidate)).copied()
}

/// The penalty on the squared coefficients, as so many answers: rows lie within ±1, so this is mild from some hundred on.
const PENALTY: f64 = 5.0;

/// What a tip is expected to be worth: ridge regression (Hoerl and Kennard, 1970) on all answers alike. Silence is worth 0.
#[derive(Debug, Clone, PartialEq)]
pub struct RewardModel {
    weights: [f64; D],
    base: f64,
}

impl RewardModel {
    /// Fitted to these. Where they are too few to solve, it expects nothing of anything.
    pub fn fit<'a>(examples: impl IntoIterator<Item = &'a Example>) -> Self {
        let (rows, rewards): (Vec<Vec<f64>>, Vec<f64>) = examples
            .into_iter()
            .filter_map(|example| Some((taken(example)?.values().to_vec(), example.reward)))
            .unzip();
        Self::solve(&rows, &rewards).unwrap_or(Self { weights: [0.0; D], base: 0.0 })
    }

    fn solve(rows: &Vec<Vec<f64>>, rewards: &Vec<f64>) -> Option<Self> {
        if rows.len() <= D {
            return None;
        }
        let matrix = DenseMatrix::from_2d_vec(rows).ok()?;
        let parameters = RidgeRegressionParameters { solver: Solver::Cholesky, alpha: PENALTY, normalize: false };
        let solved = RidgeRegression::fit(&matrix, rewards, parameters).ok()?;
        let mut weights = [0.0; D];
        for (place, weight) in weights.iter_mut().enumerate() {
            *weight = *solved.coefficients().get((place, 0));
        }
        let base = *solved.intercept();
        (base.is_finite() && weights.iter().all(|weight| weight.is_finite())).then_some(Self { weights, base })
    }

    /// What each candidate of an ask is expected to be worth.
    pub fn predict(&self, ask: &Ask) -> Vec<f64> {
        let worth = |row: &Row| self.base + row.values().iter().zip(&self.weights).map(|(a, b)| a * b).sum::<f64>();
        Row::all(&ask.context, &ask.candidates).iter().map(worth).collect()
    }
}

#[cfg(test)]
pub(crate) mod tests;
