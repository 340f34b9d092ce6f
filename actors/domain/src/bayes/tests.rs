//! The two ways to a belief agree with each other, and with the textbook.

use super::*;
use proptest::prelude::*;

const DIM: usize = 5;

type Row = (Vec<f64>, f64, f64);

fn row() -> impl Strategy<Value = Row> {
    (prop::collection::vec(-1.0f64..1.0, DIM), -1.0f64..1.0, 0.1f64..1.0)
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec(row(), 0..40)
}

fn prior() -> Prior {
    Prior::independent(vec![0.1, -0.2, 0.3, 0.0, 0.5], &[0.5, 0.4, 0.3, 1.0, 0.2], 0.25).unwrap()
}

fn evidence(rows: &[Row]) -> Evidence {
    let mut evidence = Evidence::new(DIM);
    for (x, reward, weight) in rows {
        evidence.observe(x, *reward, *weight);
    }
    evidence
}

fn close(one: &[f64], other: &[f64]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(a, b)| (a - b).abs() < 1e-9)
}

#[test]
fn one_coefficient_is_the_precision_weighted_mean() {
    let prior = Prior::independent(vec![1.0], &[0.5], 0.5).unwrap();
    let mut evidence = Evidence::new(1);
    evidence.observe(&[1.0], 2.0, 1.0);
    evidence.observe(&[1.0], 4.0, 1.0);
    let belief = Belief::of(&prior, &evidence).predict(&[1.0]);
    // Precision 4 at 1, and twice precision 2 at 2 and 4.
    assert!((belief.mean - (4.0 + 4.0 + 8.0) / 8.0).abs() < 1e-12);
    assert!((belief.sd - 0.125f64.sqrt()).abs() < 1e-12);
}

#[test]
fn somebody_who_has_not_answered_is_the_prior() {
    let (prior, nothing) = (prior(), Evidence::new(DIM));
    assert_eq!(Belief::of(&prior, &nothing), Belief::new(&prior));
    assert!(close(Belief::new(&prior).mean(), prior.mean()));
    let alone = [0.0, 0.0, 0.0, 1.0, 0.0];
    assert!((Belief::new(&prior).predict(&alone).sd - 1.0).abs() < 1e-12);
}

#[test]
fn evidence_of_another_dimension_says_nothing() {
    let mut other = Evidence::new(2);
    other.observe(&[1.0, 1.0], 1.0, 1.0);
    assert_eq!(Belief::of(&prior(), &other), Belief::new(&prior()));
}

#[test]
fn what_is_no_prior_is_refused() {
    assert_eq!(Prior::new(vec![0.0, 0.0], vec![1.0, 2.0, 1.0], 1.0), Err(NoPrior), "not positive definite");
    assert_eq!(Prior::new(vec![0.0], vec![1.0, 0.0, 1.0], 1.0), Err(NoPrior), "of another dimension");
    assert_eq!(Prior::new(vec![0.0], vec![1.0], 0.0), Err(NoPrior), "without noise");
    assert_eq!(Prior::new(vec![f64::NAN], vec![1.0], 1.0), Err(NoPrior));
    assert!(serde_json::from_str::<Prior>(r#"{"mean":[0],"precision":[-1],"noise":1}"#).is_err());
}

#[test]
fn a_prior_reads_back() {
    let written = serde_json::to_string(&prior()).unwrap();
    assert_eq!(serde_json::from_str::<Prior>(&written).unwrap(), prior());
}

#[test]
fn the_inverse_is_the_inverse() {
    // A Hilbert matrix of four with one added to its diagonal.
    let mut matrix = vec![];
    for i in 0..4u32 {
        for j in 0..=i {
            matrix.push(1.0 / f64::from(i + j + 1) + if i == j { 1.0 } else { 0.0 });
        }
    }
    let inverse = triangle::inverse(matrix.clone(), 4).unwrap();
    for i in 0..4 {
        let column: Vec<_> = (0..4).map(|j| triangle::entry(&inverse, i, j)).collect();
        let mut unit = vec![0.0; 4];
        triangle::times(&matrix, &column, &mut unit);
        let expected: Vec<_> = (0..4).map(|j| if i == j { 1.0 } else { 0.0 }).collect();
        assert!(close(&unit, &expected), "{unit:?}");
    }
}

proptest! {
    #[test]
    fn learning_row_by_row_and_all_at_once_agree(rows in rows(), x in prop::collection::vec(-1.0f64..1.0, DIM)) {
        let mut online = Belief::new(&prior());
        for (x, reward, weight) in &rows {
            online.learn(x, *reward, *weight);
        }
        let at_once = Belief::of(&prior(), &evidence(&rows));
        let (one, other) = (online.predict(&x), at_once.predict(&x));
        prop_assert!((one.mean - other.mean).abs() < 1e-9 && (one.sd - other.sd).abs() < 1e-9);
    }

    #[test]
    fn evidence_adds_up_and_reads_back(rows in rows(), cut in 0usize..40) {
        let (first, second) = rows.split_at(cut.min(rows.len()));
        let mut sum = evidence(first);
        sum.add(&evidence(second));
        let whole = evidence(&rows);
        prop_assert!(close(&sum.parts().collect::<Vec<_>>(), &whole.parts().collect::<Vec<_>>()));
        let parts: Vec<_> = whole.parts().collect();
        prop_assert_eq!(Evidence::from_parts(DIM, &parts), Some(whole));
        prop_assert_eq!(Evidence::from_parts(DIM + 1, &parts), None);
    }

    #[test]
    fn more_answers_never_make_less_sure(rows in rows(), next in row(), x in prop::collection::vec(-1.0f64..1.0, DIM)) {
        let mut belief = Belief::of(&prior(), &evidence(&rows));
        let before = belief.predict(&x).sd;
        belief.learn(&next.0, next.1, next.2);
        prop_assert!(belief.predict(&x).sd <= before + 1e-12);
    }

    #[test]
    fn forgetting_makes_less_sure_but_not_less_than_at_the_start(rows in rows(), factor in 0.5f64..1.0) {
        let mut belief = Belief::of(&prior(), &evidence(&rows));
        let mean = belief.mean().to_vec();
        for i in 0..DIM {
            let mut alone = [0.0; DIM];
            alone[i] = 1.0;
            let before = belief.predict(&alone).sd;
            let mut faded = belief.clone();
            faded.forget(factor);
            let after = faded.predict(&alone).sd;
            prop_assert!(after >= before - 1e-12);
            prop_assert!(after <= Belief::new(&prior()).predict(&alone).sd + 1e-12);
        }
        for _ in 0..1000 {
            belief.forget(0.5);
        }
        prop_assert_eq!(belief.mean(), &mean[..]);
        let x = [0.3, -0.4, 0.5, 0.6, -0.7];
        prop_assert!(belief.predict(&x).sd.is_finite());
    }
}

#[test]
fn the_mean_above_nought_is_that_of_the_truncated_normal() {
    // Half of a standard normal: √(2/π).
    let half = Normal { mean: 0.0, sd: 1.0 }.where_positive();
    assert!((half - (2.0 / std::f64::consts::PI).sqrt()).abs() < 1e-9, "{half}");
    assert_eq!(Normal { mean: -1.0, sd: 0.1 }.where_positive(), 0.0);
    assert_eq!(Normal { mean: 0.3, sd: 0.0 }.where_positive(), 0.3);
}
