//! What the learner must hold: a cold start is the prior, better is chosen more, and a person is learnt.

use super::*;
use crate::bayes::Evidence;
use crate::decide;
use crate::features::FEATURES;
use crate::local::{minutes, plus};
use crate::policy::{Policy, Propensities, rules};
use crate::profile::Profile;
use crate::reward;
use crate::testing::{Draws, Log, at, candidate, context, task, todo};
use jiff::Timestamp;
use jiff::civil::time;
use oo_contracts::ENTRY_VERSION;
use oo_contracts::decision::{Candidate, RandomBits};
use oo_contracts::entry::{Body, Entry};
use oo_contracts::signal::{Answer, Due, Fact, Minutes, Priority};
use oo_contracts::tip::{Reason, Subject};
use proptest::prelude::*;

fn ask(candidates: Vec<Candidate>) -> Ask {
    Ask {
        id: "decision-0001".parse().unwrap(),
        context: context(),
        candidates,
        posterior: None,
        bits: RandomBits::new(1),
        unit: None,
        tenant: None,
    }
}

fn told_why(ask: &Ask, index: usize, row: &Row, mean: &[f64]) -> Vec<Reason> {
    let parts = parts(row, mean);
    reasons::of_parts(ask, index, &parts, parts.iter().sum())
}

fn told(ask: &Ask) -> Propensities {
    Linear::default().propensities(ask).unwrap()
}

fn taught(ask: &mut Ask, rewards: &[(Candidate, f64)]) {
    let mut evidence = Evidence::new(D);
    for (candidate, reward) in rewards {
        evidence.observe(&Row::all(&ask.context, std::slice::from_ref(candidate))[0].values(), *reward, 1.0);
    }
    ask.posterior = learning::to_posterior(&evidence);
}

#[test]
fn a_cold_start_is_the_prior() {
    let mut ask = ask(vec![candidate(todo("a")), Candidate { priority: 4, ..candidate(todo("b")) }]);
    let cold = told(&ask);
    taught(&mut ask, &[]);
    assert_eq!(told(&ask), cold, "evidence of nothing is no evidence");
    ask.posterior = Some("another's".to_owned().try_into().unwrap());
    assert_eq!(told(&ask), cold, "what another policy wrote says nothing");
    assert_eq!(Linear::default().belief(&ask), Belief::new(Model::default().prior()));
}

#[test]
fn what_is_due_or_important_is_chosen_more_and_what_was_just_said_less() {
    let plain = candidate(todo("a"));
    for (other, more) in [
        (Candidate { due_days: Some(0), ..candidate(todo("b")) }, true),
        (Candidate { priority: 4, ..candidate(todo("b")) }, true),
        (Candidate { minutes: 5, ..candidate(todo("b")) }, true),
        (Candidate { shown: 3, since_shown: Some(90), ..candidate(todo("b")) }, false),
        (Candidate { due_days: Some(-40), ..candidate(todo("b")) }, true),
    ] {
        let told = told(&ask(vec![plain.clone(), other.clone()]));
        assert_eq!(told.candidates[1] > told.candidates[0], more, "{other:?}: {told:?}");
    }
}

#[test]
fn a_burdened_person_is_left_alone_more() {
    let mut ask = ask(vec![Candidate { due_days: Some(0), ..candidate(todo("a")) }]);
    // Late, so that the budget is no matter.
    (ask.context.minute_of_day, ask.context.budget) = (1260, 5);
    let silences = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0].map(|tips| {
        ask.context.dosage = tips;
        told(&ask).silence
    });
    assert!(silences.is_sorted() && silences[5] > silences[0] + 0.1, "{silences:?}");
}

#[test]
fn answers_bend_the_choice_towards_the_person() {
    let (urgent, short) = (
        Candidate { priority: 4, minutes: 60, ..candidate(todo("a")) },
        Candidate { minutes: 5, ..candidate(todo("b")) },
    );
    let mut ask = ask(vec![urgent.clone(), short.clone()]);
    let before = told(&ask);
    assert!(before.candidates[0] > before.candidates[1]);
    let rewards: Vec<_> =
        (0..12).flat_map(|_| [(urgent.clone(), reward::IGNORED), (short.clone(), reward::DONE)]).collect();
    taught(&mut ask, &rewards);
    let after = told(&ask);
    assert!(after.candidates[1] > 5.0 * after.candidates[0], "{after:?}");
    let nothing_helps: Vec<_> =
        (0..12).flat_map(|_| [(urgent.clone(), reward::IGNORED), (short.clone(), reward::IGNORED)]).collect();
    taught(&mut ask, &nothing_helps);
    assert!(told(&ask).silence > 0.9, "{:?}", told(&ask));
}

fn any_candidate() -> impl Strategy<Value = Candidate> {
    (0u8..40, 1u16..90, 1u8..=4, prop::option::of(-20i32..10), 0u16..60, prop::option::of((1u16..6, 0u32..10_000)))
        .prop_map(|(item, minutes, priority, due_days, age_days, shown)| Candidate {
            minutes,
            priority,
            due_days,
            age_days,
            shown: shown.map_or(0, |(times, _)| times),
            since_shown: shown.map(|(_, since)| since),
            ..candidate(todo(&format!("item-{item}")))
        })
}

proptest! {
    #[test]
    fn speaking_stays_within_its_limits_and_nothing_is_impossible(
        candidates in prop::collection::vec(any_candidate(), 1..32),
        rewards in prop::collection::vec((0usize..32, -1.0f64..1.0), 0..40),
    ) {
        let rewards: Vec<_> =
            rewards.into_iter().map(|(place, reward)| (candidates[place % candidates.len()].clone(), reward)).collect();
        let mut ask = ask(candidates);
        taught(&mut ask, &rewards);
        let told = told(&ask);
        prop_assert!((0.05 - 1e-12..=0.95 + 1e-12).contains(&told.silence));
        let least = 0.05 * UNIFORM / ask.candidates.len() as f64;
        prop_assert!(told.candidates.iter().all(|probability| *probability >= 0.99 * least));
    }

    #[test]
    fn the_reasons_sum_to_the_score(candidates in prop::collection::vec(any_candidate(), 1..10)) {
        let ask = ask(candidates);
        let belief = Belief::new(Model::default().prior());
        for (index, row) in Row::all(&ask.context, &ask.candidates).iter().enumerate() {
            let reasons = told_why(&ask, index, row, belief.mean());
            let sum: f64 = reasons.iter().map(|reason| reason.weight).sum();
            prop_assert!((sum - belief.predict(&row.values()).mean).abs() < 1e-6);
            prop_assert!((1..=3).contains(&reasons.len()));
        }
    }
}

/// Somebody who does things in their part of the day and hardly outside of it, who likes short ones, and for whom the
/// dates that others set are nothing.
struct Person {
    good_from: i8,
    good_to: i8,
}

impl Person {
    fn does(&self, hour: i8, candidate: &Candidate) -> f64 {
        let moment = if (self.good_from..self.good_to).contains(&hour) { 0.8 } else { 0.1 };
        let thing = match candidate.subject {
            Subject::Habit { .. } => 0.1,
            _ if candidate.minutes <= 15 => 1.0,
            _ => 0.4,
        };
        moment * thing
    }
}

/// The mean reward of a tip, and of a day, once `after` tips were answered or not.
fn live(person: &Person, policy: &dyn Policy, seed: u64, after: usize, days: i64) -> (f64, f64) {
    let mut draws = Draws(seed);
    let mut log = Log::linked();
    let mut tasks = 0;
    let new_task = |log: &mut Log, draws: &mut Draws, now: Timestamp, tasks: &mut usize| {
        *tasks += 1;
        let mut task = task(&format!("item-{tasks:04}"));
        task.minutes = Some(Minutes::saturating([5, 10, 30, 45][(draws.bits() % 4) as usize]));
        task.priority = Priority::saturating(1 + (draws.bits() % 4) as i64);
        let date = jiff::tz::TimeZone::UTC.to_datetime(plus(now, crate::local::days((draws.bits() % 5) as i64))).date();
        task.due = draws.bits().is_multiple_of(2).then_some(Due::Day { date });
        log.fact_at(now, Fact::TaskAdded { task });
    };
    let start = at("2026-11-23T08:00:00Z");
    for _ in 0..8 {
        new_task(&mut log, &mut draws, start, &mut tasks);
    }
    log.habit("stretch", time(8, 0, 0, 0), time(22, 0, 0, 0), 5);
    let (mut given, mut counted, mut sum, mut counted_from) = (0, 0.0, 0.0, None);
    let mut now = start;
    let end = plus(start, crate::local::days(days));
    while now < end {
        if crate::moments::may_speak(&log.profile, now).is_ok() {
            let id = format!("decision-{:06}", log.entries.len());
            let ask = decide::ask(&log.profile, id.parse().unwrap(), draws.bits(), now);
            let answer = policy.recommend(&ask);
            if let Some(tip) = decide::tip(&log.profile, &ask, &answer, now) {
                let chosen = &ask.candidates[usize::from(answer.tip.as_ref().unwrap().candidate)];
                let hour = jiff::tz::TimeZone::UTC.to_datetime(now).hour();
                let does = draws.uniform() < person.does(hour, chosen);
                log.append(Entry { v: ENTRY_VERSION, at: now, body: Body::Tip { tip: tip.clone() } });
                given += 1;
                if given > after {
                    counted_from.get_or_insert(now);
                    counted += 1.0;
                    sum += if does { reward::DONE } else { reward::IGNORED } - reward::BURDEN;
                }
                if does {
                    log.fact_at(plus(now, minutes(2)), Fact::Feedback { tip: tip.id, answer: Answer::Done });
                    new_task(&mut log, &mut draws, plus(now, minutes(3)), &mut tasks);
                }
            }
        }
        now = plus(now, minutes(45));
    }
    let days = counted_from.map_or(1.0, |from| from.duration_until(end).as_hours() as f64 / 24.0);
    (sum / f64::max(counted, 1.0), sum / days)
}

/// No figure is expected: both policies live the same lives, in the same run.
#[test]
fn after_thirty_tips_a_person_is_better_served_than_by_the_rules() {
    let learner = Linear::default();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for (seed, (good_from, good_to)) in
        [(8, 11), (17, 21), (12, 15), (9, 12), (18, 22), (13, 17)].into_iter().enumerate()
    {
        let person = Person { good_from, good_to };
        ours.push(live(&person, &learner, seed as u64, 30, 45));
        theirs.push(live(&person, &rules::Rules, seed as u64, 30, 45));
    }
    let mean =
        |lives: &[(f64, f64)], of: fn(&(f64, f64)) -> f64| lives.iter().map(of).sum::<f64>() / lives.len() as f64;
    for of in [|life: &(f64, f64)| life.0, |life: &(f64, f64)| life.1] {
        assert!(mean(&ours, of) > mean(&theirs, of), "{ours:?} against {theirs:?}");
    }
}

/// G10: from the log and from a snapshot of the profile, the decision has the same propensity, bit for bit.
#[test]
fn a_decision_replays_bit_for_bit_from_the_log() {
    let mut log = Log::linked();
    for item in ["milk", "bread", "letter"] {
        log.task(item);
    }
    for number in 0..9 {
        let when = plus(at("2026-11-20T08:00:00Z"), minutes(300 * number));
        let item = ["milk", "bread", "letter"][number as usize % 3];
        log.tip_about(&format!("tip-000{number}"), todo(item), &when.to_string());
        let answer = if number % 2 == 0 { Answer::NotNow { until: None } } else { Answer::Done };
        let when = plus(when, minutes(5)).to_string();
        log.answer(&format!("tip-000{number}"), &when, answer);
    }
    let now = at("2026-11-30T09:00:00Z");
    for item in ["coat", "shoes"] {
        log.fact_at(now, Fact::TaskAdded { task: task(item) });
    }
    let asked = |profile: &Profile| decide::ask(profile, "decision-0001".parse().unwrap(), 0x0dd5_1e55, now);
    let first = Linear::default().recommend(&asked(&log.profile));
    let mut again = Profile::new();
    for (seq, entry) in &log.entries {
        again.fold(*seq, entry);
        again = serde_json::from_str(&serde_json::to_string(&again).unwrap()).unwrap();
    }
    assert!(asked(&again).posterior.is_some());
    let second = Linear::default().recommend(&asked(&again));
    assert_eq!(second.propensity.to_bits(), first.propensity.to_bits());
    assert_eq!(second, first);
}

/// G16: how often the best choice is another one, silence included, once its first reason is taken away.
fn changed_by_the_first_reason(candidates: usize) -> f64 {
    let mut draws = Draws(16);
    let belief = Belief::new(Model::default().prior());
    let (mut changed, mut all) = (0.0, 0.0);
    for _ in 0..500 {
        let mut ask = ask((0..candidates)
            .map(|item| Candidate {
                minutes: [5, 10, 15, 30, 60][(draws.bits() % 5) as usize],
                priority: 1 + (draws.bits() % 4) as u8,
                due_days: draws.bits().is_multiple_of(2).then_some((draws.bits() % 12) as i32 - 4),
                age_days: (draws.bits() % 30) as u16,
                ..candidate(todo(&format!("item-{item}")))
            })
            .collect());
        ask.context.minute_of_day = 480 + (draws.bits() % 840) as u16;
        ask.context.free_minutes = (draws.bits() % 240) as u16;
        let rows = Row::all(&ask.context, &ask.candidates);
        let mut scores: Vec<_> = rows.iter().map(|row| belief.predict(&row.values()).mean).collect();
        let best = |scores: &[f64]| (0..scores.len()).max_by(|a, b| scores[*a].total_cmp(&scores[*b])).unwrap();
        let chosen = best(&scores);
        if scores[chosen] <= 0.0 {
            continue;
        }
        let first = told_why(&ask, chosen, &rows[chosen], belief.mean())[0].because;
        let told = parts(&rows[chosen], belief.mean());
        for (feature, part) in FEATURES.iter().zip(told) {
            if Some(feature.topic()) == reasons::topic(&first) {
                scores[chosen] -= part;
            }
        }
        all += 1.0;
        if best(&scores) != chosen || scores[chosen] <= 0.0 {
            changed += 1.0;
        }
    }
    changed / all
}

#[test]
fn taking_the_first_reason_away_nearly_always_changes_the_choice() {
    for candidates in [2, 5, 10, 20] {
        let changed = changed_by_the_first_reason(candidates);
        // Of two alone, one is often better for several reasons.
        assert!(changed > if candidates < 5 { 0.5 } else { 0.9 }, "{candidates} candidates: {changed}");
    }
}
