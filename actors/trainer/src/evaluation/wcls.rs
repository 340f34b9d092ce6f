//! Causal excursion effects of a micro-randomised trial: what saying something now, instead of nothing, changes in the next
//! while, among those who could be spoken to.
//!
//! Weighted and centred least squares (Boruvka, Almirall, Witkiewitz and Murphy, JASA 2018): the outcome is regressed on
//! controls and on `(A − p̃) · moderators`, with the weights `(p̃/p)^A ((1−p̃)/(1−p))^(1−A)` of the available points. The
//! effect is right even where the controls' model is wrong. Errors are sandwiched over people, with the correction of Mancl and
//! DeRouen (Biometrics 2001) in small samples and Student's quantiles, as R's package MRTAnalysis does.

use super::Estimate;
use nalgebra::{DMatrix, DVector};
use std::collections::BTreeMap;

/// Up to so many people the errors are corrected (Liao et al., Statistics in Medicine 2016; MRTAnalysis has the same).
const SMALL_SAMPLE: usize = 50;

/// One decision point of one person.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    pub person: u64,
    /// Whether anything could be said; only then there was a choice.
    pub available: bool,
    /// Whether something was.
    pub treated: bool,
    /// The probability with which something was said.
    pub probability: f64,
    /// What came of it.
    pub outcome: f64,
    /// What explains the outcome and was known before, without the intercept, which is always in.
    pub controls: Vec<f64>,
    /// What the effect may depend on, without the intercept: none for the marginal effect.
    pub moderators: Vec<f64>,
}

/// Why there is no effect to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("{people} people had a choice, and {coefficients} coefficients take more than that")]
    TooFewPeople { people: usize, coefficients: usize },
    #[error("point {point} has a probability that is not between 0 and 1: there was nothing random in it")]
    Probability { point: usize },
    #[error("point {point} has other controls or moderators than the first, or one that is no number")]
    Shape { point: usize },
    #[error("the controls and moderators repeat each other, or one person alone decides one: leave one out")]
    Singular,
}

/// The effects: the intercept's first, then one for each moderator. `numerator` is p̃, the probability that the weights lead to:
/// a constant, where the effect is to be averaged over all points alike.
///
/// # Errors
/// A [`Refusal`] where the points do not tell.
pub fn effects(points: &[Point], numerator: f64) -> Result<Vec<Estimate>, Refusal> {
    let (people, effects_from) = people(points, numerator)?;
    let size = people.values().next().map_or(0, |person| person.score.len());
    if people.len() <= size {
        return Err(Refusal::TooFewPeople { people: people.len(), coefficients: size });
    }
    let mut bread = DMatrix::zeros(size, size);
    let mut moment = DVector::zeros(size);
    for person in people.values() {
        bread += &person.bread;
        moment += &person.score;
    }
    let inverse = bread.clone().try_inverse().ok_or(Refusal::Singular)?;
    let coefficients = &inverse * moment;
    let mut covariance = DMatrix::zeros(size, size);
    for person in people.values() {
        // The person's score at the solution: Σ w x (y − xᵀb).
        let score = &person.score - &person.bread * &coefficients;
        // Mancl and DeRouen take (I − H) off the person's residuals. By Woodbury's identity bread⁻¹ times the score that this
        // makes is (bread − bread of the person)⁻¹ times the plain one: no matrix is larger than the coefficients.
        let pull = if people.len() <= SMALL_SAMPLE {
            (&bread - &person.bread).lu().solve(&score).ok_or(Refusal::Singular)?
        } else {
            &inverse * score
        };
        covariance += &pull * pull.transpose();
    }
    let freedom = (people.len() - size) as f64;
    let estimate = |i: usize| Estimate::student(coefficients[i], covariance[(i, i)].max(0.0).sqrt(), freedom);
    Ok((effects_from..size).map(estimate).collect())
}

/// The sums of one person.
struct Person {
    /// `Σ w x xᵀ`.
    bread: DMatrix<f64>,
    /// `Σ w y x`.
    score: DVector<f64>,
}

/// Everybody who had a choice, and the place of the first effect.
fn people(points: &[Point], numerator: f64) -> Result<(BTreeMap<u64, Person>, usize), Refusal> {
    let (controls, moderators) = points.first().map_or((0, 0), |first| (first.controls.len(), first.moderators.len()));
    let size = controls + moderators + 2;
    let mut people = BTreeMap::new();
    for (index, point) in points.iter().enumerate().filter(|(_, point)| point.available) {
        let numbers = || point.controls.iter().chain(&point.moderators).chain([&point.outcome]);
        let same = point.controls.len() == controls && point.moderators.len() == moderators;
        if !same || !numbers().all(|number| number.is_finite()) {
            return Err(Refusal::Shape { point: index });
        }
        if !(point.probability > 0.0 && point.probability < 1.0) {
            return Err(Refusal::Probability { point: index });
        }
        let centred = f64::from(point.treated) - numerator;
        let weight =
            if point.treated { numerator / point.probability } else { (1.0 - numerator) / (1.0 - point.probability) };
        let effect = [1.0].iter().chain(&point.moderators).map(|moderator| moderator * centred);
        let row = DVector::from_iterator(size, [1.0].iter().chain(&point.controls).copied().chain(effect));
        let person = people
            .entry(point.person)
            .or_insert_with(|| Person { bread: DMatrix::zeros(size, size), score: DVector::zeros(size) });
        person.bread.ger(weight, &row, &row, 1.0);
        person.score.axpy(weight * point.outcome, &row, 1.0);
    }
    Ok((people, controls + 1))
}
