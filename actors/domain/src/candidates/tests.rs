//! What may be chosen, one rule at a time.

use super::*;
use crate::testing::{Log, at, on, reference, todo};
use jiff::civil::time;
use oo_contracts::Provider;
use oo_contracts::signal::{Answer, Fact, Minutes, Priority};

const MORNING: &str = "2026-11-23T09:00:00Z";

fn subjects(log: &Log, when: &str) -> Vec<Subject> {
    eligible(&log.profile, at(when)).into_iter().map(|candidate| candidate.subject).collect()
}

fn prepare(item: &str, starts: &str) -> Subject {
    Subject::Prepare { event: reference(item), starts: at(starts) }
}

#[test]
fn a_task_needs_its_minutes_and_five_more_before_the_next_event() {
    let mut log = Log::linked();
    log.task_with("milk", |task| task.minutes = Some(Minutes::saturating(20)));
    log.event("a", "2026-11-23T10:00:00Z", "2026-11-23T11:00:00Z");
    assert!(subjects(&log, "2026-11-23T09:35:00Z").contains(&todo("milk")));
    assert!(!subjects(&log, "2026-11-23T09:35:01Z").contains(&todo("milk")));
}

#[test]
fn a_task_of_unknown_length_takes_a_quarter_of_an_hour() {
    let mut log = Log::linked();
    log.task("milk").event("a", "2026-11-23T10:00:00Z", "2026-11-23T11:00:00Z");
    let offered = eligible(&log.profile, at(MORNING));
    assert!(offered[0].minutes == TASK_MINUTES && offered[0].estimated, "{offered:?}");
    assert!(subjects(&log, "2026-11-23T09:40:00Z").contains(&todo("milk")));
    assert!(!subjects(&log, "2026-11-23T09:41:00Z").contains(&todo("milk")));
}

#[test]
fn what_is_due_comes_first_then_what_is_important() {
    let mut log = Log::linked();
    log.task("a").task_with("b", |task| task.priority = Priority::saturating(4));
    log.task_with("c", |task| task.due = on("2026-11-23"));
    log.task_with("d", |task| task.due = on("2026-11-30"));
    assert_eq!(subjects(&log, MORNING), [todo("c"), todo("b"), todo("a"), todo("d")]);
    let due: Vec<_> = eligible(&log.profile, at(MORNING)).into_iter().map(|one| one.due_days).collect();
    assert_eq!(due, [Some(0), None, None, Some(7)]);
}

#[test]
fn today_lasts_until_four_where_the_person_is() {
    let mut log = Log::linked();
    log.preferences(|preferences| preferences.quiet = None);
    log.zone("Europe/Zurich").task_with("milk", |task| task.due = on("2026-11-23"));
    let due = |when| eligible(&log.profile, at(when))[0].due_days;
    assert_eq!(due("2026-11-23T02:59:00Z"), Some(1));
    assert_eq!(due("2026-11-23T03:00:00Z"), Some(0));
    assert_eq!(due("2026-11-24T02:59:00Z"), Some(0));
    assert_eq!(due("2026-11-24T03:00:00Z"), Some(-1));
}

#[test]
fn a_task_that_is_done_snoozed_or_unwanted_is_not_offered() {
    for (answer, until) in [
        (Answer::Done, None),
        (Answer::NotNow { until: Some(at("2026-11-25T09:00:00Z")) }, Some("2026-11-25T09:00:00Z")),
        (Answer::NotForMe, None),
    ] {
        let mut log = Log::linked();
        log.task("milk").tip("tip-0001", "2026-11-22T09:00:00Z").answer("tip-0001", "2026-11-22T09:01:00Z", answer);
        assert_eq!(subjects(&log, MORNING), []);
        if let Some(until) = until {
            assert_eq!(subjects(&log, until), [todo("milk")]);
        } else {
            assert_eq!(subjects(&log, "2026-12-23T09:00:00Z"), []);
        }
    }
}

#[test]
fn a_recurring_task_is_open_again_the_next_day() {
    let mut log = Log::linked();
    log.task_with("milk", |task| task.recurring = true);
    log.fact("2026-11-23T08:00:00Z", Fact::TaskCompleted { task: reference("milk") });
    assert_eq!(subjects(&log, MORNING), []);
    assert_eq!(subjects(&log, "2026-11-24T09:00:00Z"), [todo("milk")]);
}

#[test]
fn tasks_of_an_account_that_is_not_linked_are_not_offered() {
    let mut log = Log::linked();
    log.task_with("milk", |task| task.reference.account = "other".parse().unwrap());
    assert_eq!(subjects(&log, MORNING), []);
}

#[test]
fn what_a_broken_link_brought_is_not_offered_until_it_works_again() {
    let mut log = Log::linked();
    log.task("milk").event("a", "2026-11-23T10:00:00Z", "2026-11-23T11:00:00Z").tip("tip-0001", "2026-11-23T09:00:00Z");
    let broken = |broken| Fact::AccountBroken { account: "acc".parse().unwrap(), broken };
    log.fact("2026-11-23T09:05:00Z", broken(true));
    assert_eq!(log.profile.live_tip(at("2026-11-23T09:06:00Z")), None, "its words cannot be had");
    assert!(subjects(&log, "2026-11-23T13:00:00Z").is_empty());
    let busy = moments::may_speak(&log.profile, at("2026-11-23T10:30:00Z"));
    assert!(busy.is_err(), "the calendar still says when not to speak");
    log.fact("2026-11-23T12:00:00Z", broken(false));
    assert_eq!(subjects(&log, "2026-11-23T13:00:00Z"), [todo("milk")]);
    log.fact("2026-11-23T12:10:00Z", broken(true));
    let account = "acc".parse().unwrap();
    log.fact("2026-11-23T12:20:00Z", Fact::AccountLinked { account, provider: Provider::Todoist });
    assert_eq!(subjects(&log, "2026-11-23T13:00:00Z"), [todo("milk")], "linked anew");
}

#[test]
fn an_event_is_prepared_for_once_and_in_time() {
    let mut log = Log::linked();
    log.event("a", "2026-11-23T10:00:00Z", "2026-11-23T11:00:00Z");
    let ready = prepare("a", "2026-11-23T10:00:00Z");
    assert!(!subjects(&log, "2026-11-23T09:14:59Z").contains(&ready));
    assert!(subjects(&log, "2026-11-23T09:15:00Z").contains(&ready));
    assert!(subjects(&log, "2026-11-23T09:50:00Z").contains(&ready));
    assert!(!subjects(&log, "2026-11-23T09:50:01Z").contains(&ready));
    log.tip_about("tip-0001", ready.clone(), "2026-11-23T09:15:00Z");
    assert!(!subjects(&log, "2026-11-23T09:46:00Z").contains(&ready));
}

#[test]
fn a_habit_is_offered_in_its_part_of_the_day_until_it_is_done() {
    let mut log = Log::linked();
    log.zone("Europe/Zurich").habit("stretch", time(9, 0, 0, 0), time(11, 0, 0, 0), 10);
    assert_eq!(subjects(&log, "2026-11-23T07:59:00Z").len(), 0);
    assert_eq!(subjects(&log, "2026-11-23T08:00:00Z").len(), 1);
    assert_eq!(subjects(&log, "2026-11-23T09:56:00Z").len(), 0, "it would vanish at once");
    log.fact("2026-11-23T08:10:00Z", Fact::HabitDone { habit: "stretch".parse().unwrap() });
    assert_eq!(subjects(&log, "2026-11-23T08:20:00Z").len(), 0);
    assert_eq!(subjects(&log, "2026-11-24T08:20:00Z").len(), 1);
}

#[test]
fn a_habit_of_the_night_is_done_once_though_its_night_is_two_days() {
    let mut log = Log::linked();
    log.preferences(|preferences| preferences.quiet = None);
    log.habit("stretch", time(22, 0, 0, 0), time(6, 0, 0, 0), 10);
    log.fact("2026-11-22T23:00:00Z", Fact::HabitDone { habit: "stretch".parse().unwrap() });
    assert_eq!(subjects(&log, "2026-11-23T04:30:00Z").len(), 0);
    assert_eq!(subjects(&log, "2026-11-23T22:30:00Z").len(), 1);
}

fn advices_at(log: &Log, when: &str) -> Vec<&'static str> {
    let known = |subject: &Subject| match subject {
        Subject::Advice { advice } => advice::find(advice).map(|advice| advice.name),
        _ => None,
    };
    subjects(log, when).iter().filter_map(known).collect()
}

#[test]
fn an_advice_has_its_circumstances_and_rests_for_days() {
    let mut log = Log::linked();
    log.mood("2026-11-23T08:00:00Z", 1);
    let first = advices_at(&log, MORNING);
    assert_eq!(first.len(), MAX_ADVICE);
    assert!(first.iter().all(|name| advice::find(&name.parse().unwrap()).unwrap().trigger == advice::Trigger::LowMood));
    assert!(advices_at(&log, "2026-11-24T09:00:00Z").is_empty(), "yesterday's mood is past");
    log.tip_about("tip-0001", Subject::Advice { advice: first[0].parse().unwrap() }, MORNING);
    for (day, rests) in [(24, true), (25, true), (26, false)] {
        log.mood(&format!("2026-11-{day}T09:00:00Z"), 2);
        let is_eligible = is_eligible(
            &log.profile,
            &Subject::Advice { advice: first[0].parse().unwrap() },
            at(&format!("2026-11-{day}T09:00:00Z")),
        );
        assert_eq!(is_eligible, !rests, "on {day}");
    }
}

#[test]
fn every_advice_has_its_turn_within_weeks() {
    let mut log = Log::linked();
    let mut heard = std::collections::BTreeSet::new();
    for day in 1..=28 {
        let when = format!("2026-12-{day:02}T09:00:00Z");
        log.mood(&when, 1);
        let first = advices_at(&log, &when)[0];
        heard.insert(first);
        log.tip_about(&format!("tip-{day:04}"), Subject::Advice { advice: first.parse().unwrap() }, &when);
    }
    let low = advice::CATALOGUE.iter().filter(|advice| advice.trigger == advice::Trigger::LowMood);
    assert_eq!(heard, low.map(|advice| advice.name).collect());
}

#[test]
fn a_long_list_leaves_room_for_everything_else() {
    let mut log = Log::linked();
    for number in 0..100 {
        log.task(&format!("task-{number:03}"));
        log.habit(&format!("habit-{number:03}"), time(8, 0, 0, 0), time(20, 0, 0, 0), 5);
    }
    log.event("a", "2026-11-23T09:30:00Z", "2026-11-23T10:00:00Z").mood("2026-11-23T08:00:00Z", 1);
    let all = eligible(&log.profile, at(MORNING));
    assert_eq!(all.len(), MAX);
    let count = |test: fn(&Subject) -> bool| all.iter().filter(|one| test(&one.subject)).count();
    assert_eq!(count(|one| matches!(one, Subject::Prepare { .. })), 1);
    assert_eq!(count(|one| matches!(one, Subject::Habit { .. })), MAX_HABITS);
    assert_eq!(count(|one| matches!(one, Subject::Advice { .. })), MAX_ADVICE);
    assert_eq!(count(|one| matches!(one, Subject::Todo { .. })), 19);
}

#[test]
fn nothing_is_offered_that_the_night_would_cut_short() {
    let mut log = Log::linked();
    log.task("milk");
    assert_eq!(subjects(&log, "2026-11-23T21:55:00Z"), [todo("milk")]);
    assert_eq!(subjects(&log, "2026-11-23T21:55:01Z"), []);
    assert_eq!(not_after(&log.profile, &todo("milk"), at("2026-11-23T21:50:00Z")), at("2026-11-23T22:00:00Z"));
}

#[test]
fn how_often_and_when_it_was_given_is_told() {
    let mut log = Log::linked();
    log.task("milk").tip("tip-0001", "2026-11-22T09:00:00Z").tip("tip-0002", "2026-11-22T12:00:00Z");
    let all = eligible(&log.profile, at(MORNING));
    assert_eq!((all[0].shown, all[0].since_shown, all[0].age_days), (2, Some(21 * 60), 21));
}
