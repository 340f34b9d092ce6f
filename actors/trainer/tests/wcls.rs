//! The causal excursion effects are those that R's package MRTAnalysis prints for its own data set.

#![allow(clippy::unwrap_used, reason = "tests")]

use oo_trainer::evaluation::Estimate;
use oo_trainer::evaluation::wcls::{Point, Refusal, effects};

/// 37 people with 210 decision points each, from MRTAnalysis; see tests/data/README.md.
const HEART_STEPS: &str = include_str!("data/data_mimicHeartSteps.csv");

fn points(controls: &[&str], moderators: &[&str]) -> Vec<Point> {
    let mut lines = HEART_STEPS.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let place = |name: &str| header.iter().position(|column| *column == name).unwrap();
    lines
        .map(|line| {
            let cells: Vec<f64> = line.split(',').map(|cell| cell.parse().unwrap()).collect();
            let cell = |name: &str| cells[place(name)];
            Point {
                person: cell("userid") as u64,
                available: cell("avail") == 1.0,
                treated: cell("intervention") == 1.0,
                probability: cell("rand_prob"),
                outcome: cell("logstep_30min"),
                controls: controls.iter().map(|name| cell(name)).collect(),
                moderators: moderators.iter().map(|name| cell(name)).collect(),
            }
        })
        .collect()
}

/// To the digits that the package prints.
fn is(found: f64, printed: f64) {
    let digits = if printed.abs() < 0.1 { 1e4 } else { 1e3 };
    assert_eq!((found * digits).round() / digits, printed, "{found}");
}

#[test]
fn the_marginal_effect_is_the_printed_one() {
    let found = effects(&points(&["logstep_pre30min"], &[]), 0.5).unwrap();
    let [Estimate { value, error, low, high }] = found[..] else { panic!("{found:?}") };
    is(value, 0.157);
    is(error, 0.0622);
    is(low, 0.031);
    is(high, 0.284);
}

#[test]
fn with_three_controls_it_is_the_printed_one_too() {
    let controls = ["logstep_30min_lag1", "logstep_pre30min", "is_at_home_or_work"];
    let found = effects(&points(&controls, &[]), 0.5).unwrap();
    is(found[0].value, 0.159);
    is(found[0].error, 0.0607);
}

#[test]
fn the_coefficient_is_that_of_the_packages_own_test() {
    // Its test asks for a relative difference below 1e-7, with p̃ = 0.6.
    let found = effects(&points(&["logstep_pre30min"], &[]), 0.6).unwrap();
    assert!((found[0].value / 0.1574444 - 1.0).abs() < 1e-6, "{}", found[0].value);
}

#[test]
fn the_corrected_errors_are_those_of_the_long_formula() {
    // (I − H)⁻¹ r person by person, with the matrices written out as the paper has them.
    let points: Vec<Point> = points(&["logstep_pre30min"], &["is_at_home_or_work"]);
    let found = effects(&points, 0.5).unwrap();
    let people: std::collections::BTreeSet<u64> = points.iter().map(|point| point.person).collect();
    let matrices: Vec<_> = people.iter().map(|person| matrices(&points, *person)).collect();
    let bread = matrices.iter().map(|(x, v, _)| x.transpose() * v * x).sum::<nalgebra::DMatrix<f64>>();
    let inverse = bread.try_inverse().unwrap();
    let moment = matrices.iter().map(|(x, v, y)| x.transpose() * v * y).sum::<nalgebra::DVector<f64>>();
    let coefficients = &inverse * moment;
    let mut meat = nalgebra::DMatrix::zeros(4, 4);
    for (x, v, y) in &matrices {
        let hat = x * &inverse * x.transpose() * v;
        let left = nalgebra::DMatrix::identity(y.len(), y.len()) - hat;
        let score = x.transpose() * v * left.lu().solve(&(y - x * &coefficients)).unwrap();
        meat += &score * score.transpose();
    }
    let covariance = &inverse * meat * &inverse;
    for (found, place) in found.iter().zip(2..) {
        assert!((found.value - coefficients[place]).abs() < 1e-10);
        assert!((found.error / covariance[(place, place)].sqrt() - 1.0).abs() < 1e-9, "{found:?}");
    }
}

/// The rows, weights and outcomes of one person.
fn matrices(points: &[Point], person: u64) -> (nalgebra::DMatrix<f64>, nalgebra::DMatrix<f64>, nalgebra::DVector<f64>) {
    let own: Vec<&Point> = points.iter().filter(|point| point.person == person && point.available).collect();
    let centred = |point: &Point| f64::from(point.treated) - 0.5;
    let rows =
        own.iter().flat_map(|point| [1.0, point.controls[0], centred(point), centred(point) * point.moderators[0]]);
    let weight = |point: &&Point| {
        if point.treated { 0.5 / point.probability } else { 0.5 / (1.0 - point.probability) }
    };
    (
        nalgebra::DMatrix::from_row_iterator(own.len(), 4, rows),
        nalgebra::DMatrix::from_diagonal(&nalgebra::DVector::from_iterator(own.len(), own.iter().map(weight))),
        nalgebra::DVector::from_iterator(own.len(), own.iter().map(|point| point.outcome)),
    )
}

#[test]
fn what_does_not_tell_is_refused() {
    let all = points(&["logstep_pre30min"], &[]);
    let refused = |change: &dyn Fn(&mut Vec<Point>)| {
        let mut points = all.clone();
        change(&mut points);
        effects(&points, 0.5).unwrap_err()
    };
    assert_eq!(refused(&|points| points.clear()), Refusal::TooFewPeople { people: 0, coefficients: 0 });
    assert_eq!(
        refused(&|points| points.retain(|point| point.person <= 3)),
        Refusal::TooFewPeople { people: 3, coefficients: 3 }
    );
    let first = all.iter().position(|point| point.available).unwrap();
    assert_eq!(refused(&|points| points[first].probability = 1.0), Refusal::Probability { point: first });
    assert_eq!(refused(&|points| points[first].controls.push(0.0)), Refusal::Shape { point: first });
    assert_eq!(refused(&|points| points[first].outcome = f64::NAN), Refusal::Shape { point: first });
    let twice = |points: &mut Vec<Point>| points.iter_mut().for_each(|point| point.controls = vec![1.0]);
    assert_eq!(refused(&twice), Refusal::Singular);
}
