//! From ask to tip, and what may come between.

use super::*;
use crate::policy;
use crate::testing::{Log, at, reference, todo};
use oo_contracts::decision::{Choice, Hush, Provenance};
use oo_contracts::signal::Fact;
use oo_contracts::tip::{Because, Reason, Subject};

const NOW: &str = "2026-11-23T09:00:00Z";

fn asked(log: &Log, when: &str) -> (Ask, Recommendation) {
    let ask = ask(&log.profile, "decision-0001".parse().unwrap(), 42, at(when));
    let answer = policy::named("random-todo").unwrap().recommend(&ask);
    (ask, answer)
}

#[test]
fn a_choice_becomes_a_tip_that_says_what_it_knew() {
    let mut log = Log::linked();
    log.zone("Europe/Zurich").task("milk");
    let (ask, answer) = asked(&log, NOW);
    let tip = tip(&log.profile, &ask, &answer, at(NOW)).unwrap();
    assert_eq!(tip.id.as_str(), "decision-0001");
    assert_eq!(tip.subject, todo("milk"));
    assert_eq!(tip.decided_seq, log.profile.seq());
    assert_eq!(tip.not_after, at("2026-11-23T09:45:00Z"));
    assert_eq!(tip.zone.as_str(), "Europe/Zurich");
    assert_eq!(tip.reasons[0].because, Because::Chance);
}

#[test]
fn a_tip_carries_how_the_person_wants_to_be_told() {
    let mut log = Log::linked();
    log.task("milk").preferences(|preferences| {
        preferences.discreet = true;
        preferences.channels = Some(vec![]);
    });
    let (ask, answer) = asked(&log, NOW);
    let tip = tip(&log.profile, &ask, &answer, at(NOW)).unwrap();
    assert!(tip.discreet && tip.channels == Some(vec![]));
}

#[test]
fn an_ask_names_the_community_that_the_person_joined_last() {
    let mut log = Log::linked();
    log.task("milk");
    assert_eq!(asked(&log, NOW).0.tenant, None, "the usual one needs no name");
    let joined = |tenant: &str| Fact::Joined { tenant: tenant.parse().unwrap() };
    log.fact("2026-11-20T09:00:00Z", joined("club"));
    assert_eq!(asked(&log, NOW).0.tenant.unwrap().as_str(), "club");
    log.fact("2026-11-21T09:00:00Z", joined("home"));
    assert_eq!(asked(&log, NOW).0.tenant, None);
}

#[test]
fn a_tip_ends_five_minutes_before_the_next_event() {
    let mut log = Log::linked();
    log.task("milk").event("a", "2026-11-23T09:30:00Z", "2026-11-23T10:00:00Z");
    let (ask, _) = asked(&log, NOW);
    let place = |test: fn(&Subject) -> bool| ask.candidates.iter().position(|one| test(&one.subject)).unwrap();
    for index in [place(|one| matches!(one, Subject::Todo { .. })), place(|one| matches!(one, Subject::Prepare { .. }))]
    {
        let answer = choosing(&ask, index);
        assert_eq!(tip(&log.profile, &ask, &answer, at(NOW)).unwrap().not_after, at("2026-11-23T09:25:00Z"));
    }
}

#[test]
fn what_happened_since_the_ask_is_asked_again() {
    let mut log = Log::linked();
    log.task("milk");
    let (ask, answer) = asked(&log, NOW);
    let mut done = log.clone();
    done.fact(NOW, Fact::TaskCompleted { task: reference("milk") });
    assert_eq!(tip(&done.profile, &ask, &answer, at(NOW)), None);
    let mut busy = log.clone();
    busy.event("a", "2026-11-23T08:00:00Z", "2026-11-23T10:00:00Z");
    assert_eq!(tip(&busy.profile, &ask, &answer, at(NOW)), None);
    let mut given = log.clone();
    given.tip("tip-0001", NOW);
    assert_eq!(tip(&given.profile, &ask, &answer, at(NOW)), None);
    assert_eq!(tip(&log.profile, &ask, &answer, at("2026-11-23T23:00:00Z")), None, "the night has come");
}

#[test]
fn silence_and_answers_that_do_not_fit_the_ask_make_no_tip() {
    let mut log = Log::linked();
    log.task("milk").task("bread");
    let (ask, answer) = asked(&log, NOW);
    let silence = Recommendation { tip: None, silence: Some(Hush::NotWorthIt), ..answer.clone() };
    assert_eq!(tip(&log.profile, &ask, &silence, at(NOW)), None);
    let mut beyond = choosing(&ask, 0);
    beyond.tip.as_mut().unwrap().candidate = 2;
    assert_eq!(tip(&log.profile, &ask, &beyond, at(NOW)), None);
    let mut other = choosing(&ask, 0);
    other.tip.as_mut().unwrap().subject = ask.candidates[1].subject.clone();
    assert_eq!(tip(&log.profile, &ask, &other, at(NOW)), None);
}

#[test]
fn a_remote_policy_cannot_give_more_than_three_reasons_or_a_weight_that_is_no_number() {
    let mut log = Log::linked();
    log.task("milk");
    let (ask, _) = asked(&log, NOW);
    let mut answer = choosing(&ask, 0);
    let weights = [f64::NAN, 1.0, 1.0, f64::INFINITY, 1.0, 1.0];
    answer.tip.as_mut().unwrap().reasons =
        weights.map(|weight| Reason { because: Because::Important, weight }).to_vec();
    assert_eq!(tip(&log.profile, &ask, &answer, at(NOW)).unwrap().reasons.len(), 3);
}

fn choosing(ask: &Ask, index: usize) -> Recommendation {
    let choice = Choice {
        candidate: index as u16,
        subject: ask.candidates[index].subject.clone(),
        reasons: vec![Reason { because: Because::Important, weight: 1.0 }],
    };
    Recommendation {
        tip: Some(choice),
        silence: None,
        propensity: 0.5,
        confidence: None,
        policy: "remote".parse().unwrap(),
        version: 1,
        provenance: Provenance::default(),
    }
}
