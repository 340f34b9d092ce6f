//! What is learnt depends on what happened, not on when it was heard of.

use super::*;
use crate::local::{days, minutes, plus};
use crate::testing::{Log, at, candidate, context, reference, signal, tip, tip_id, todo};
use oo_contracts::ENTRY_VERSION;
use oo_contracts::entry::{Body, Entry};
use oo_contracts::signal::{Answer, Fact};
use proptest::prelude::*;

const START: &str = "2026-11-23T08:00:00Z";

fn bits(evidence: &Evidence) -> Vec<u64> {
    evidence.parts().map(f64::to_bits).collect()
}

/// Somebody with ten tasks and a tip about each, one every four hours.
fn tipped() -> Log {
    let mut log = Log::linked();
    for number in 0..10 {
        log.task_with(&format!("item-{number}"), |task| task.recurring = number % 3 == 0);
    }
    for number in 0..10 {
        let when = plus(at(START), minutes(240 * number));
        let tip = tip(&format!("tip-000{number}"), todo(&format!("item-{number}")), when);
        log.append(Entry { v: ENTRY_VERSION, at: when, body: Body::Tip { tip } });
        log.reach(&tip_id(&format!("tip-000{number}")), when);
    }
    log
}

/// What is said of the ten tips: each an entry that knows when it was said.
fn said() -> impl Strategy<Value = Vec<(Timestamp, Fact)>> {
    let one = (0usize..10, 1i64..29, 0u8..6);
    prop::collection::vec(one, 0..25).prop_map(|said| {
        let fact = |(number, after, what): (usize, i64, u8)| {
            let given = plus(at(START), minutes(240 * number as i64));
            let when = plus(given, minutes(after));
            let tip = tip_id(&format!("tip-000{number}"));
            let completed = Fact::TaskCompleted { task: reference(&format!("item-{number}")) };
            match what {
                0 => (when, Fact::Feedback { tip, answer: Answer::Done }),
                1 => (when, Fact::Feedback { tip, answer: Answer::NotForMe }),
                2 => (when, Fact::Feedback { tip, answer: Answer::NotNow { until: None } }),
                3 => (when, Fact::Feedback { tip, answer: Answer::Undo }),
                4 => (when, completed),
                _ => (plus(when, days(2)), completed),
            }
        };
        said.into_iter().map(fact).collect()
    })
}

/// The same, told in this order, all after the last tip.
fn told<'a>(said: impl Iterator<Item = &'a (Timestamp, Fact)>) -> Log {
    let mut log = tipped();
    for (number, (when, fact)) in said.enumerate() {
        let mut entry = signal(&format!("said-{number}"), *when, fact.clone());
        entry.at = plus(at(START), days(4));
        log.append(entry);
    }
    log
}

#[test]
fn a_person_who_never_had_a_tip_has_learnt_nothing() {
    let log = Log::linked();
    assert_eq!(evidence(&log.profile, at(START)), None);
    let ask = crate::decide::ask(&log.profile, "decision-0001".parse().unwrap(), 1, at(START));
    assert_eq!(ask.posterior, None);
}

#[test]
fn an_answer_teaches_at_once_and_is_unlearnt_when_it_is_taken_back() {
    let mut log = Log::linked();
    log.task("milk").tip("tip-0001", START);
    let soon = at("2026-11-23T08:06:00Z");
    assert_eq!(evidence(&log.profile, soon), None);
    log.answer("tip-0001", "2026-11-23T08:05:00Z", Answer::Done);
    let known = evidence(&log.profile, soon).unwrap();
    assert_eq!(known.count(), 1.0);
    assert!(crate::decide::ask(&log.profile, "decision-0001".parse().unwrap(), 1, soon).posterior.is_some());
    log.answer("tip-0001", "2026-11-23T08:05:30Z", Answer::Undo);
    assert_eq!(evidence(&log.profile, soon), None);
}

#[test]
fn what_is_learnt_for_good_is_what_was_learnt_before_up_to_its_roundings() {
    let mut log = tipped();
    let before = evidence(&log.profile, plus(at(START), days(3))).unwrap();
    assert_eq!(log.profile.learnt(), None);
    log.moment(plus(at(START), days(20)));
    assert!(log.profile.learnt().is_some());
    let after = evidence(&log.profile, plus(at(START), days(20))).unwrap();
    for (before, after) in before.parts().zip(after.parts()) {
        assert!((before - after).abs() <= 1e-3 * before.abs().max(0.1), "{before} became {after}");
    }
    assert!(after.count() > 5.0);
}

#[test]
fn an_idle_person_keeps_less_than_a_kibibyte() {
    let mut log = tipped();
    log.moment(plus(at(START), days(20)));
    let learnt = log.profile.learnt().unwrap();
    assert_eq!(learnt.size(), 762);
    let at_rest = serde_json::to_vec(learnt).unwrap().len();
    assert!(at_rest <= 1024, "{at_rest} bytes in a snapshot");
    let lives: Vec<_> = log.profile.lives().iter().filter(|life| life.row.is_some()).collect();
    assert!(lives.is_empty(), "nothing more is kept of the tips for learning");
}

#[test]
fn a_posterior_of_other_features_or_another_making_says_nothing() {
    let posterior = to_posterior(&Evidence::new(D)).unwrap();
    assert_eq!(from_posterior(&posterior), Some(Evidence::new(D)));
    let mut bytes = STANDARD.decode(posterior.as_str()).unwrap();
    bytes[0] += 1;
    assert_eq!(from_posterior(&STANDARD.encode(&bytes).try_into().unwrap()), None);
    for text in ["", "no base64!", "AAAA"] {
        assert_eq!(from_posterior(&text.to_owned().try_into().unwrap()), None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn the_same_answers_in_any_order_teach_the_same_bit_for_bit(
        (said, shuffled) in said().prop_flat_map(|said| (Just(said.clone()), Just(said).prop_shuffle())),
        copies in 0usize..5,
    ) {
        let one = told(said.iter());
        // And some of them twice.
        let other = told(shuffled.iter().chain(shuffled.iter().take(copies)));
        for later in [4, 7, 8, 30] {
            let now = plus(at(START), days(later));
            let (mut one, mut other) = (one.clone(), other.clone());
            if later > 4 {
                one.moment(now);
                other.moment(now);
            }
            let known = |log: &Log| evidence(&log.profile, now).map(|known| bits(&known));
            prop_assert_eq!(known(&one), known(&other));
            prop_assert_eq!(one.profile.learnt(), other.profile.learnt());
        }
    }

    #[test]
    fn the_log_alone_and_a_snapshot_teach_the_same_bit_for_bit(said in said(), cut in 0usize..60) {
        let mut log = told(said.iter());
        log.moment(plus(at(START), days(8)));
        log.moment(plus(at(START), days(9)));
        let mut again = Profile::new();
        for (index, (seq, entry)) in log.entries.iter().enumerate() {
            again.fold(*seq, entry);
            if index == cut {
                again = serde_json::from_str(&serde_json::to_string(&again).unwrap()).unwrap();
            }
        }
        let now = plus(at(START), days(9));
        prop_assert_eq!(again.learnt(), log.profile.learnt());
        prop_assert_eq!(
            evidence(&again, now).map(|known| bits(&known)),
            evidence(&log.profile, now).map(|known| bits(&known))
        );
    }

    #[test]
    fn evidence_rests_with_some_digits_and_travels_with_more(
        rewards in prop::collection::vec((-1.0f64..1.0, 0u16..1440, 0u16..60), 1..40),
    ) {
        let (mut exact, mut learnt) = (Evidence::new(D), Learnt::default());
        for (reward, minute, minutes) in rewards {
            let mut context = context();
            context.minute_of_day = minute;
            let mut candidate = candidate(todo("milk"));
            candidate.minutes = minutes;
            let row = Row::all(&context, &[candidate])[0];
            learn(&mut exact, &row, reward);
            learnt.learn(&row, reward);
        }
        let scale = exact.count();
        for (one, other) in exact.parts().zip(learnt.evidence().parts()) {
            prop_assert!((one - other).abs() < 1e-3 * scale, "{one} rests as {other}");
        }
        let read: Learnt = serde_json::from_str(&serde_json::to_string(&learnt).unwrap()).unwrap();
        prop_assert_eq!(&read, &learnt);
        // Three bytes fit into a single float: from there on nothing is lost.
        let sent = from_posterior(&to_posterior(&learnt.evidence()).unwrap()).unwrap();
        prop_assert_eq!(bits(&sent), bits(&learnt.evidence()));
    }
}
