//! The estimators against their formulas, their intervals against simulated logs, and what is refused.

use super::*;
use proptest::prelude::*;

/// A log of independent rounds with two actions, of which the second pays more; the judged policy takes the second with the
/// probability `second`.
fn log(rounds: usize, second: f64, seed: u64) -> Vec<Round> {
    // Neighbouring seeds of a splitmix are the same stream, shifted: mix them first.
    let mut chance = SplitMix::new(SplitMix::new(seed).bits());
    (0..rounds).map(|group| round(group as u64, second, &mut chance)).collect()
}

const PAYS: [f64; 2] = [0.2, 0.5];

fn round(group: u64, second: f64, chance: &mut SplitMix) -> Round {
    // The context says how likely the second action is to be logged.
    let context = 0.2 + 0.6 * chance.unit();
    let action = usize::from(chance.unit() < context);
    Round {
        group,
        reward: f64::from(chance.unit() < PAYS[action]),
        propensity: Some(if action == 1 { context } else { 1.0 - context }),
        target: if action == 1 { second } else { 1.0 - second },
        // A model that is wrong, each action in its own way.
        model: Some(Predictions { taken: [0.3, 0.4][action], expected: 0.3 + 0.1 * second }),
    }
}

fn value(second: f64) -> f64 {
    PAYS[0] + (PAYS[1] - PAYS[0]) * second
}

fn refusal(change: impl Fn(&mut Vec<Round>)) -> Refusal {
    let mut rounds = log(400, 0.9, 1);
    change(&mut rounds);
    Evaluation::of(&rounds, &Rules::default()).unwrap_err()
}

#[test]
fn each_estimator_is_its_formula() {
    let rounds = log(500, 0.9, 3);
    let evaluation = Evaluation::of(&rounds, &Rules::default()).unwrap();
    let n = rounds.len() as f64;
    let weight = |round: &Round| round.target / round.propensity.unwrap();
    let sum = |term: &dyn Fn(&Round) -> f64| rounds.iter().map(term).sum::<f64>();
    let model = |round: &Round| round.model.unwrap();
    let ips = sum(&|round| weight(round) * round.reward) / n;
    let by_hand = [
        ips,
        ips * n / sum(&weight),
        sum(&|round| model(round).expected) / n,
        sum(&|round| model(round).expected + weight(round) * (round.reward - model(round).taken)) / n,
    ];
    for (estimator, value) in Estimator::ALL.into_iter().zip(by_hand) {
        let found = evaluation.estimate(estimator).unwrap().value;
        assert!((found - value).abs() < 1e-12, "{}: {found} is not {value}", estimator.name());
    }
    // The error of IPS is that of a mean.
    let squares = sum(&|round| (weight(round) * round.reward - ips).powi(2));
    let error = evaluation.estimate(Estimator::Ips).unwrap().error;
    assert!((error - (squares / (n - 1.0) / n).sqrt()).abs() < 1e-12);
}

#[test]
fn the_direct_method_keeps_its_models_bias_and_the_doubly_robust_one_does_not() {
    let evaluation = Evaluation::of(&log(20_000, 0.9, 5), &Rules::default()).unwrap();
    assert!(!evaluation.estimate(Estimator::Dm).unwrap().covers(value(0.9)));
    for estimator in [Estimator::Ips, Estimator::Snips, Estimator::Dr] {
        assert!(evaluation.estimate(estimator).unwrap().covers(value(0.9)), "{}", estimator.name());
    }
}

#[test]
fn intervals_of_95_percent_cover_in_93_to_97_of_a_hundred_logs() {
    let mut covered = [[0; 2]; 3];
    let estimators = [Estimator::Ips, Estimator::Snips, Estimator::Dr];
    for seed in 0..1_000 {
        let evaluation = Evaluation::of(&log(400, 0.8, seed), &Rules::default()).unwrap();
        for (estimator, covered) in estimators.into_iter().zip(&mut covered) {
            let normal = evaluation.estimate(estimator).unwrap();
            covered[0] += u32::from(normal.covers(value(0.8)));
            let mut chance = SplitMix::new(seed);
            let bootstrap = evaluation.bootstrap(estimator, 200, |end| chance.below(end)).unwrap();
            covered[1] += u32::from(bootstrap.covers(value(0.8)));
        }
    }
    for (estimator, [normal, bootstrap]) in estimators.into_iter().zip(covered) {
        assert!((930..=970).contains(&normal), "{}: {normal} of 1000", estimator.name());
        // So few resamples blur the percentiles.
        assert!((920..=970).contains(&bootstrap), "{}: {bootstrap} of 1000", estimator.name());
    }
}

#[test]
fn rounds_of_one_person_count_as_what_they_are() {
    // Forty people, of whom each has an own luck that all their rounds share.
    let people = |seed: u64| {
        let mut chance = SplitMix::new(seed);
        let mut rounds = Vec::new();
        for group in 0..40 {
            let luck = chance.normal();
            rounds.extend((0..30).map(|_| {
                let round = round(group, 0.7, &mut chance);
                Round { reward: round.reward + luck, ..round }
            }));
        }
        rounds
    };
    let covers = |rounds: &[Round]| {
        let evaluation = Evaluation::of(rounds, &Rules::default()).unwrap();
        evaluation.estimate(Estimator::Snips).unwrap().covers(value(0.7))
    };
    let (mut grouped, mut pretended) = (0, 0);
    for seed in 0..400 {
        let mut rounds = people(seed);
        grouped += u32::from(covers(&rounds));
        rounds.iter_mut().zip(0..).for_each(|(round, group)| round.group = group);
        pretended += u32::from(covers(&rounds));
    }
    assert!((368..=392).contains(&grouped), "{grouped} of 400");
    assert!(pretended < 240, "{pretended} of 400: whoever takes them for independent is sure of too much");
}

#[test]
fn a_gain_is_told_more_surely_than_two_values() {
    let evaluation = Evaluation::of(&log(5_000, 0.6, 11), &Rules::default()).unwrap();
    let (gain, value, logged) =
        (evaluation.gain(Estimator::Ips).unwrap(), evaluation.estimate(Estimator::Ips).unwrap(), evaluation.logged());
    assert!((gain.value - (value.value - logged.value)).abs() < 1e-12);
    assert!(gain.error < (value.error.powi(2) + logged.error.powi(2)).sqrt());
    assert!(gain.covers(0.1 * (PAYS[1] - PAYS[0])));
}

#[test]
fn a_log_that_does_not_answer_is_refused_with_the_reason() {
    assert_eq!(refusal(|rounds| rounds.truncate(99)), Refusal::TooFewRounds { found: 99, needed: 100 });
    assert_eq!(refusal(|rounds| rounds[7].propensity = None), Refusal::NoPropensity { round: 7 });
    assert_eq!(refusal(|rounds| rounds[7].propensity = Some(0.0)), Refusal::Propensity { round: 7, propensity: 0.0 });
    assert!(matches!(refusal(|rounds| rounds[3].propensity = Some(f64::NAN)), Refusal::Propensity { .. }));
    assert_eq!(refusal(|rounds| rounds[2].target = 1.5), Refusal::Target { round: 2, value: 1.5 });
    assert_eq!(refusal(|rounds| rounds[2].reward = f64::NAN), Refusal::NotANumber { round: 2 });
    assert_eq!(refusal(|rounds| rounds.iter_mut().for_each(|round| round.group = 1)), Refusal::OneGroup);
    let error = refusal(|rounds| rounds.iter_mut().skip(20).for_each(|round| round.target = 0.0)).to_string();
    assert!(error.contains("effective") || error.contains("tell as much as"), "{error}");
    // Propensities that are half of what they were.
    let halved = |rounds: &mut Vec<Round>| {
        rounds.iter_mut().for_each(|round| round.propensity = round.propensity.map(|propensity| propensity / 2.0));
    };
    assert!(matches!(refusal(halved), Refusal::Weights { mean, .. } if mean > 1.8));
}

#[test]
fn what_the_logged_policy_never_tried_is_noticed() {
    // It always took the first action where the judged one would take the second half of the time.
    let rounds: Vec<Round> =
        log(400, 0.5, 1).into_iter().map(|round| Round { propensity: Some(1.0), target: 0.5, ..round }).collect();
    assert!(matches!(Evaluation::of(&rounds, &Rules::default()), Err(Refusal::Weights { mean, .. }) if mean == 0.5));
}

#[test]
fn without_a_model_only_what_needs_none_is_told() {
    let mut rounds = log(400, 0.9, 1);
    rounds[5].model = None;
    let evaluation = Evaluation::of(&rounds, &Rules::default()).unwrap();
    assert!(evaluation.estimate(Estimator::Snips).is_ok());
    assert_eq!(evaluation.estimate(Estimator::Dr), Err(Refusal::NoModel { round: 5 }));
    assert_eq!(evaluation.gain(Estimator::Dm), Err(Refusal::NoModel { round: 5 }));
}

proptest! {
    #[test]
    fn judging_the_logged_policy_gives_what_it_earned(seed: u64, rounds in 100_usize..300) {
        let own: Vec<Round> = log(rounds, 0.5, seed)
            .into_iter()
            .map(|round| Round { target: round.propensity.unwrap_or_default(), ..round })
            .collect();
        let evaluation = Evaluation::of(&own, &Rules::default()).unwrap();
        prop_assert!((evaluation.weights().effective - rounds as f64).abs() < 1e-6);
        for estimator in [Estimator::Ips, Estimator::Snips] {
            let found = evaluation.estimate(estimator).unwrap();
            prop_assert!((found.value - evaluation.logged().value).abs() < 1e-12);
            prop_assert!(evaluation.gain(estimator).unwrap().error < 1e-9);
        }
    }

    #[test]
    fn the_order_of_the_rounds_is_nothing(seed: u64) {
        let mut rounds = log(300, 0.8, seed);
        let rules = Rules { deviations: f64::INFINITY, ..Rules::default() };
        let before = Evaluation::of(&rounds, &rules).unwrap();
        SplitMix::new(seed).shuffle(&mut rounds);
        let after = Evaluation::of(&rounds, &rules).unwrap();
        for estimator in Estimator::ALL {
            let (before, after) = (before.estimate(estimator).unwrap(), after.estimate(estimator).unwrap());
            prop_assert!((before.value - after.value).abs() < 1e-9 && (before.error - after.error).abs() < 1e-9);
        }
    }
}
