use super::*;
use crate::fit::tests::of_people;
use oo_domain::policy::random_todo::RandomTodo;
use oo_domain::policy::rules::Rules as ByRules;
use std::sync::LazyLock;

static LOGGED: LazyLock<Vec<Example>> = LazyLock::new(|| of_people(0..25, 28));

/// Judged on its own decisions, a policy earned what it earned: all weights are one.
#[test]
fn a_policy_is_worth_what_it_earned() {
    let judged = judge(&RandomTodo, &LOGGED, &Rules::default()).unwrap();
    assert!((judged.weights.largest - 1.0).abs() < 1e-9);
    for (by, value) in &judged.values {
        match by {
            Estimator::Ips | Estimator::Snips => assert!((value.value - judged.logged.value).abs() < 1e-9, "{by:?}"),
            // A model of the reward knows the dice of the choice, not how they fell.
            Estimator::Dm | Estimator::Dr => assert!(value.covers(judged.logged.value), "{by:?}: {value:?}"),
        }
    }
    assert!(judged.gain.covers(0.0));
}

#[test]
fn one_that_chooses_is_worth_more_than_dice() {
    let rules = judge(&ByRules, &LOGGED, &Rules::default()).unwrap();
    assert!(rules.gain.low > 0.0, "{:?}", rules.gain);
    assert_eq!(rules.people, 25);
}

#[test]
fn what_is_fitted_is_judged_by_others_and_too_little_is_refused() {
    let judged = judge_fitted(&LOGGED, &Rules::default()).unwrap();
    assert!(judged.gain.low > 0.0, "{:?}", judged.gain);
    let few = &LOGGED[..20];
    let refused = judge_fitted(few, &Rules::default()).unwrap_err();
    assert!(matches!(refused, NoJudgement::Refused(Refusal::TooFewRounds { .. })), "{refused}");
}

#[test]
fn the_report_says_what_was_found() {
    let judged = judge(&ByRules, &LOGGED, &Rules::default()).unwrap();
    let page = report::html("rules", &judged, &crate::examples::LeftOut { young: 3, ..Default::default() });
    assert!(page.contains("earns more than what was done") && page.contains("3 younger than a week"));
    for (by, _) in &judged.values {
        assert!(page.contains(by.name()));
    }
}
