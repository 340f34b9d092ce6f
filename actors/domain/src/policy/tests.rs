//! What all policies must hold, and what each prefers.

use super::*;
use crate::testing::{at, candidate, context, reference, todo};
use oo_contracts::Share;
use oo_contracts::decision::{Candidate, DayMinutes, RandomBits};
use oo_contracts::tip::{Because, Subject};
use proptest::prelude::*;

fn ask(candidates: Vec<Candidate>, bits: u64) -> Ask {
    Ask {
        id: "decision-0001".parse().unwrap(),
        context: context(),
        candidates,
        posterior: None,
        bits: RandomBits::new(bits),
        unit: None,
        tenant: None,
    }
}

fn prepare() -> Candidate {
    candidate(Subject::Prepare { event: reference("a"), starts: at("2026-11-23T10:00:00Z") })
}

fn habit() -> Candidate {
    candidate(Subject::Habit { habit: "stretch".parse().unwrap(), label: "stretch".parse().unwrap() })
}

fn advice(name: &str) -> Candidate {
    candidate(Subject::Advice { advice: name.parse().unwrap() })
}

/// The action as a place: that of silence is after all candidates.
fn action(answer: &Recommendation, ask: &Ask) -> usize {
    answer.tip.as_ref().map_or(ask.candidates.len(), |choice| usize::from(choice.candidate))
}

fn probabilities(policy: &dyn Policy, ask: &Ask) -> Vec<f64> {
    let told = policy.propensities(ask).unwrap();
    told.candidates.into_iter().chain([told.silence]).collect()
}

#[test]
fn an_answer_is_told_from_one_that_differs_and_from_one_of_a_model_that_is_not_here() {
    let ask = ask(vec![candidate(todo("milk")), habit()], 7);
    for name in NAMES {
        let answer = named(name).unwrap().recommend(&ask);
        assert_eq!(replay(&ask, &answer), Replay::Same, "{name}");
        let differs = Recommendation { propensity: answer.propensity / 2.0, ..answer.clone() };
        assert_eq!(replay(&ask, &differs), Replay::Differs, "{name}");
        let trained = Recommendation { version: answer.version + 1000, ..answer.clone() };
        assert_eq!(replay(&ask, &trained), Replay::Foreign, "{name}");
        assert_eq!(replay(&ask, &Recommendation { policy: "remote".parse().unwrap(), ..answer }), Replay::Foreign);
    }
}

#[test]
fn policies_are_known_by_their_names() {
    for name in NAMES {
        assert_eq!(named(name).unwrap().name().as_str(), name);
    }
    assert!(named("best").is_none());
}

#[test]
fn nothing_to_choose_from_is_certain_silence() {
    for name in NAMES {
        let answer = named(name).unwrap().recommend(&ask(vec![], 1));
        assert_eq!((answer.tip, answer.silence, answer.propensity), (None, Some(Hush::NoCandidates), 1.0));
    }
}

#[test]
fn random_todo_draws_tasks_alone_and_all_alike() {
    let policy = named(random_todo::NAME).unwrap();
    let ask = ask(vec![prepare(), candidate(todo("a")), candidate(todo("b")), habit(), candidate(todo("c"))], 7);
    let told = probabilities(&*policy, &ask);
    for (place, probability) in told.into_iter().enumerate() {
        let expected = if [1, 2, 4].contains(&place) { 1.0 / 3.0 } else { 0.0 };
        assert!((probability - expected).abs() < 1e-14, "{place}: {probability}");
    }
}

#[test]
fn random_todo_without_tasks_takes_whatever_there_is() {
    let policy = named(random_todo::NAME).unwrap();
    let ask = ask(vec![prepare(), habit()], 7);
    assert_eq!(probabilities(&*policy, &ask), [0.5, 0.5, 0.0]);
    let reasons = policy.recommend(&ask).tip.unwrap().reasons;
    assert_eq!(reasons[0].because, Because::Chance);
    assert_eq!(reasons.iter().map(|reason| reason.weight).sum::<f64>(), 1.0);
}

#[test]
fn rules_prefer_what_is_due_important_or_at_its_time() {
    let plain = candidate(todo("plain"));
    let preferred = [
        Candidate { due_days: Some(0), ..candidate(todo("today")) },
        Candidate { due_days: Some(-2), ..candidate(todo("past")) },
        Candidate { due_days: Some(1), ..candidate(todo("tomorrow")) },
        Candidate { priority: 4, ..candidate(todo("important")) },
        Candidate { age_days: 20, ..candidate(todo("waiting")) },
        Candidate { minutes: 5, ..candidate(todo("short")) },
        prepare(),
        habit(),
        advice("walk-five"),
    ];
    for better in preferred {
        let name = better.subject.clone();
        assert!(rules::score(&context(), &better).total > rules::score(&context(), &plain).total, "{name:?}");
    }
}

#[test]
fn rules_do_not_repeat_themselves_and_recover_in_days() {
    let given = |minutes| Candidate { shown: 1, since_shown: Some(minutes), ..candidate(todo("milk")) };
    let score = |one| rules::score(&context(), &one).total;
    assert!(score(given(10)) < score(given(1440)));
    assert!(score(given(1440)) < score(given(10_000)));
    assert!(score(given(10_000)) < score(candidate(todo("milk"))));
}

#[test]
fn rules_speak_less_when_little_is_worth_it_or_much_was_said_and_never_surely() {
    let policy = named(rules::NAME).unwrap();
    let silence = |one: Candidate, dosage| {
        let mut ask = ask(vec![one], 1);
        ask.context.dosage = dosage;
        policy.propensities(&ask).unwrap().silence
    };
    let due = || Candidate { due_days: Some(0), priority: 4, ..candidate(todo("a")) };
    let worn = || Candidate { shown: 5, since_shown: Some(1), ..candidate(todo("a")) };
    assert!((silence(due(), 0.0) - 0.05).abs() < 1e-12);
    assert!((silence(worn(), 0.0) - 0.95).abs() < 1e-12);
    assert!(silence(habit(), 0.0) < silence(habit(), 6.0));
}

#[test]
fn free_time_is_no_reason_without_a_calendar() {
    let mut context = context();
    (context.next_busy, context.since_busy, context.busy_today, context.free_minutes) = (None, 1440, 0, 1440);
    let reasons = rules::score(&context, &candidate(todo("a"))).reasons();
    assert_eq!(reasons.iter().map(|reason| reason.because).collect::<Vec<_>>(), [Because::Fits { minutes: 15 }]);
}

#[test]
fn how_long_it_takes_is_no_reason_where_nobody_said_so() {
    let guessed = Candidate { estimated: true, due_days: Some(0), ..candidate(todo("a")) };
    let reasons = rules::score(&context(), &guessed).reasons();
    assert!(reasons.iter().any(|reason| reason.because == Because::DueToday));
    assert!(!reasons.iter().any(|reason| matches!(reason.because, Because::Fits { .. })), "{reasons:?}");
}

/// Of 200,000 draws each action comes as often as its probability says: chi-squared over five seeds.
#[test]
fn what_is_drawn_is_as_frequent_as_its_propensity() {
    const DRAWS: u64 = 40_000;
    let candidates = vec![
        candidate(todo("a")),
        Candidate { due_days: Some(0), ..candidate(todo("b")) },
        Candidate { due_days: Some(-3), priority: 3, ..candidate(todo("c")) },
        prepare(),
        habit(),
    ];
    for name in NAMES {
        let policy = named(name).unwrap();
        let mut ask = ask(candidates.clone(), 0);
        let told = probabilities(&*policy, &ask);
        let mut statistic = 0.0;
        let mut freedom = 0.0;
        for seed in 0..5u64 {
            let mut seen = vec![0u32; told.len()];
            for draw in 0..DRAWS {
                // Bits as they come: one more each time, which a poor generator would not survive.
                ask.bits = RandomBits::new((seed << 60) + draw);
                let answer = policy.recommend(&ask);
                let action = action(&answer, &ask);
                assert_eq!(answer.propensity, told[action]);
                seen[action] += 1;
            }
            for (seen, told) in seen.iter().zip(&told) {
                let expected = told * DRAWS as f64;
                if expected > 0.0 {
                    statistic += (f64::from(*seen) - expected).powi(2) / expected;
                    freedom += 1.0;
                } else {
                    assert_eq!(*seen, 0);
                }
            }
            freedom -= 1.0;
        }
        // Wilson and Hilferty: z is standard normal; beyond four is one chance in thirty thousand.
        let z = ((statistic / freedom).cbrt() - (1.0 - 2.0 / (9.0 * freedom))) / (2.0f64 / (9.0 * freedom)).sqrt();
        assert!(z.abs() < 4.0, "{name}: chi² {statistic} at {freedom}, z {z}");
    }
}

fn any_candidate() -> impl Strategy<Value = Candidate> {
    let subject = prop_oneof![
        4 => (0u8..50).prop_map(|number| todo(&format!("item-{number}"))),
        1 => Just(prepare().subject),
        1 => Just(habit().subject),
        1 => prop::sample::select(crate::advice::CATALOGUE)
            .prop_map(|advice| Subject::Advice { advice: advice.id() }),
    ];
    let due = prop::option::of(-400i32..400);
    let shown = prop::option::of((1u16..2000, 0u32..100_000));
    (subject, 1u16..1440, 1u8..=4, due, 0u16..4000, shown).prop_map(
        |(subject, minutes, priority, due_days, age_days, shown)| Candidate {
            subject,
            minutes,
            priority,
            due_days,
            age_days,
            shown: shown.map_or(0, |(shown, _)| shown),
            since_shown: shown.map(|(_, since)| since),
            left: None,
            in_a_row: None,
            estimated: false,
            wanted: false,
        },
    )
}

fn any_ask() -> impl Strategy<Value = Ask> {
    let candidates = prop::collection::vec(any_candidate(), 0..32);
    let context = (0u16..=1440, 0u16..=1440, 0u16..=1440, prop::option::of(1u8..=5), 0u32..8_000_000);
    let share = || (0.0f64..=1.0).prop_map(Share::saturating);
    let minutes = || prop::option::of((0i64..=1440).prop_map(DayMinutes::saturating));
    let plan = (prop::option::of(share()), prop::option::of(share()), minutes(), minutes(), 0u8..4);
    (candidates, any::<u64>(), context, plan).prop_map(|(candidates, bits, (free, since, busy, mood, dosage), plan)| {
        let mut ask = ask(candidates, bits);
        (ask.context.pace, ask.context.receptivity, ask.context.eligible_left, ask.context.until_evening, _) = plan;
        ask.context.sent_today = plan.4;
        if let Some(first) = ask.candidates.first_mut() {
            (first.left, first.in_a_row) = (plan.2, Some(plan.4));
        }
        ask.context.free_minutes = free;
        ask.context.since_busy = since;
        ask.context.busy_today = busy;
        ask.context.mood = mood;
        ask.context.dosage = f64::from(dosage) / 1e6;
        if free % 2 == 0 {
            ask.context.next_busy = None;
        }
        ask
    })
}

proptest! {
    #[test]
    fn propensities_sum_to_one_and_stay_within_their_limits(ask in any_ask()) {
        for name in NAMES {
            let told = named(name).unwrap().propensities(&ask).unwrap();
            let sum = told.silence + told.candidates.iter().sum::<f64>();
            prop_assert!((sum - 1.0).abs() < 1e-12, "{} sums to {}", name, sum);
            if name == rules::NAME && !ask.candidates.is_empty() {
                prop_assert!((0.05 - 1e-12..=0.95 + 1e-12).contains(&told.silence));
                prop_assert!(told.candidates.iter().all(|probability| *probability > 0.0));
            }
        }
    }

    #[test]
    fn the_answer_is_a_true_one(ask in any_ask()) {
        for name in NAMES {
            let policy = named(name).unwrap();
            let answer = policy.recommend(&ask);
            prop_assert!(answer.propensity > 0.0 && answer.propensity <= 1.0);
            prop_assert_eq!(answer.tip.is_some(), answer.silence.is_none());
            prop_assert_eq!(answer.propensity, probabilities(&*policy, &ask)[action(&answer, &ask)]);
            if let Some(choice) = &answer.tip {
                let chosen = &ask.candidates[usize::from(choice.candidate)];
                prop_assert_eq!(&choice.subject, &chosen.subject);
                let facts = facts::facts(&ask.context, chosen);
                prop_assert!((1..=MAX_REASONS).contains(&choice.reasons.len()));
                for reason in &choice.reasons {
                    prop_assert!(reason.because == Because::Chance || facts.contains(&reason.because));
                }
            }
        }
    }

    #[test]
    fn reasons_sum_to_the_score_with_the_strongest_first(ask in any_ask()) {
        for candidate in &ask.candidates {
            let score = rules::score(&ask.context, candidate);
            let reasons = score.reasons();
            let sum: f64 = reasons.iter().map(|reason| reason.weight).sum();
            prop_assert!((sum - score.total as f64 / 1e6).abs() < 1e-6);
            // Up to the millionths that rounding gives to the first.
            prop_assert!(reasons.windows(2).all(|two| two[0].weight.abs() + 5e-6 >= two[1].weight.abs()));
        }
    }

    #[test]
    fn the_same_ask_has_the_same_answer_bit_for_bit_through_the_log(ask in any_ask()) {
        let read: Ask = serde_json::from_str(&serde_json::to_string(&ask).unwrap()).unwrap();
        for name in NAMES {
            let answer = named(name).unwrap().recommend(&ask);
            let again = named(name).unwrap().recommend(&read);
            prop_assert_eq!(again.propensity.to_bits(), answer.propensity.to_bits());
            prop_assert_eq!(&again, &answer);
            let kept: Recommendation = serde_json::from_str(&serde_json::to_string(&answer).unwrap()).unwrap();
            prop_assert_eq!(kept, answer);
        }
    }
}
