//! A judgement is right where it can be known, and refused where it cannot.

use super::*;
use crate::fit::tests::of_people;
use oo_domain::features::Feature;
use oo_domain::policy::random_todo;
use oo_domain::policy::rules::{self, Rules as ByRules};
use std::sync::LazyLock;

static LOGGED: LazyLock<Vec<Example>> = LazyLock::new(|| of_people(rules::NAME, 0..20, 28));

/// Judged on its own decisions, a policy earned what it earned: all weights are one.
#[test]
fn a_policy_is_worth_what_it_earned() {
    let judged = judge(&ByRules, &LOGGED, &Rules::default()).unwrap();
    assert_eq!(judged.people, 20);
    assert!((judged.weights.largest - 1.0).abs() < 1e-9);
    for (by, value) in &judged.values {
        match by {
            Estimator::Ips | Estimator::Snips => assert!((value.value - judged.logged.value).abs() < 1e-9, "{by:?}"),
            // A model of the reward knows the dice of the choice, not how they fell.
            Estimator::Dm | Estimator::Dr => {
                assert!((value.value - judged.logged.value).abs() < 4.0 * value.error, "{by:?}: {value:?}");
            }
        }
    }
}

/// Dice that know tasks alone, and never keep silent, tell nothing of habits and of silence.
#[test]
fn what_was_never_tried_cannot_be_judged() {
    let dice = of_people(random_todo::NAME, 0..6, 28);
    let refused = judge(&ByRules, &dice, &Rules::default()).unwrap_err();
    assert!(matches!(refused, NoJudgement::Refused(Refusal::Weights { .. } | Refusal::EffectiveSize { .. })));
}

#[test]
fn what_is_fitted_is_judged_by_others_and_too_little_is_refused() {
    let judged = judge_fitted(&LOGGED, &Rules::default()).unwrap();
    assert!(judged.weights.effective > 100.0 && judged.gain.error > 0.0, "{judged:?}");
    let refused = judge_fitted(&LOGGED[..20], &Rules::default()).unwrap_err();
    assert!(matches!(refused, NoJudgement::Refused(Refusal::TooFewRounds { .. })), "{refused}");
}

#[test]
fn the_report_says_what_was_found() {
    let judged = judge(&ByRules, &LOGGED, &Rules::default()).unwrap();
    let better = Estimate { value: 0.2, error: 0.05, low: 0.1, high: 0.3 };
    let left_out = crate::examples::LeftOut { young: 3, ..Default::default() };
    let page = report::html("rules", &Judgement { gain: better, ..judged.clone() }, &left_out);
    assert!(page.contains("earns more than what was done") && page.contains("3 younger than a week"));
    for (by, _) in &judged.values {
        assert!(page.contains(by.name()));
    }
}

#[test]
fn kinds_of_people_are_told_by_their_days_and_judged_apart() {
    let example = LOGGED.iter().find(|example| !example.ask.candidates.is_empty()).unwrap();
    let day = |person: u64| {
        let mut example = Example { person, ..example.clone() };
        // Larks are asked about in the morning, owls in the evening.
        example.ask.context.minute_of_day = if person < 25 { 480 } else { 1200 } + (person % 25) as u16;
        let model = Some(Predictions { taken: 0.0, expected: 0.0 });
        // The policy does more of what pleases larks, and less of what pleases owls.
        let target = if person < 25 { 0.9 } else { 0.1 };
        (example, Round { group: person, reward: 1.0, propensity: Some(0.5), target, model })
    };
    let days = |people: std::ops::Range<u64>| -> (Vec<Example>, Vec<Round>) {
        people.flat_map(|person| std::iter::repeat_n(day(person), 40)).unzip()
    };
    let rules = Rules { deviations: f64::INFINITY, ..Rules::default() };
    let (examples, rounds) = days(0..40);
    let found = cohorts::cohorts(&examples, &rounds, &rules);
    assert_eq!(found.iter().map(|cohort| cohort.people).sum::<usize>(), 40);
    assert_eq!(found.iter().map(|cohort| cohort.decisions).sum::<usize>(), rounds.len());
    for cohort in &found {
        let gain = cohort.gain.unwrap().value;
        assert!((gain - 0.8).abs() < 1e-9 || (gain + 0.8).abs() < 1e-9, "larks and owls in one: {cohort}");
        let early = cohort.traits.iter().any(|(feature, above)| {
            matches!(feature, Feature::Morning | Feature::Evening) && (*above > 0.0) == (*feature == Feature::Morning)
        });
        assert_eq!(early, gain > 0.0, "{cohort}");
    }
    assert!(found.iter().map(|cohort| cohort.people).is_sorted_by(|one, next| one >= next));
    assert_eq!(found, cohorts::cohorts(&examples, &rounds, &rules), "asked twice, it says the same");
    // Of a few decisions each it is told why they do not say, not a figure.
    let (few, rounds): (Vec<_>, Vec<_>) = (0..40).map(day).unzip();
    let silent = cohorts::cohorts(&few, &rounds, &rules);
    assert_eq!(silent.iter().map(|cohort| cohort.people).sum::<usize>(), 40);
    assert!(silent.iter().all(|cohort| matches!(cohort.gain, Err(Refusal::TooFewRounds { .. }))), "{silent:?}");
    // A few people have no kinds.
    let (few, rounds) = days(0..29);
    assert!(cohorts::cohorts(&few, &rounds, &rules).is_empty());
}

/// A small community's people have numbers of the whole instance, here all of the same remainder.
#[test]
fn each_part_has_its_share_of_however_few() {
    let numbered = |step: u64| -> Vec<Example> {
        LOGGED.iter().map(|example| Example { person: example.person * step, ..example.clone() }).collect()
    };
    let rules = Rules::default();
    assert_eq!(judge_fitted(&numbered(5), &rules).unwrap(), judge_fitted(&numbered(1), &rules).unwrap());
}
