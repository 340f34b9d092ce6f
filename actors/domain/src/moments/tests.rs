//! When oO speaks, one rule at a time. All of them at once: `simulation.rs`.

use super::*;
use crate::testing::{Log, at, reference, todo};
use crate::{decide, policy, reward};
use jiff::civil::time;
use oo_contracts::signal::{Answer, Budget, Fact, GapMinutes, Purpose, QuietHours};
use oo_contracts::{AccountId, Provider};

fn silence_at(log: &Log, when: &str) -> Option<Silence> {
    may_speak(&log.profile, at(when)).err()
}

#[test]
fn says_nothing_to_somebody_who_linked_nothing() {
    assert_eq!(may_speak(&Profile::new(), at("2026-11-23T10:00:00Z")), Err(Silence::NoConsent));
    assert_eq!(next_look(&Profile::new(), at("2026-11-23T10:00:00Z"), None), None);
}

#[test]
fn linking_grants_and_a_no_holds_against_a_second_delivery_of_the_link() {
    let mut log = Log::linked();
    assert_eq!(silence_at(&log, "2026-11-23T10:00:00Z"), None);
    log.fact("2026-11-20T10:00:00Z", Fact::Consent { purpose: Purpose::Tips, granted: false, source: None });
    assert_eq!(silence_at(&log, "2026-11-23T10:00:00Z"), Some(Silence::NoConsent));
    let account: AccountId = "acc".parse().unwrap();
    log.fact("2026-11-20T11:00:00Z", Fact::AccountLinked { account, provider: Provider::Todoist });
    assert_eq!(silence_at(&log, "2026-11-23T10:00:00Z"), Some(Silence::NoConsent));
    log.fact("2026-11-20T12:00:00Z", Fact::Consent { purpose: Purpose::Tips, granted: true, source: None });
    assert_eq!(silence_at(&log, "2026-11-23T10:00:00Z"), None);
}

#[test]
fn a_budget_of_zero_is_silence_without_end() {
    let mut log = Log::linked();
    log.preferences(|preferences| preferences.budget = Budget::saturating(0));
    assert_eq!(silence_at(&log, "2026-11-23T10:00:00Z"), Some(Silence::BudgetZero));
    assert_eq!(next_look(&log.profile, at("2026-11-23T10:00:00Z"), Some(&Silence::BudgetZero)), None);
}

#[test]
fn is_silent_in_quiet_hours_until_they_end_where_the_person_is() {
    let mut log = Log::linked();
    log.zone("Europe/Zurich");
    let until = at("2026-11-24T07:00:00Z");
    assert_eq!(silence_at(&log, "2026-11-23T21:00:00Z"), Some(Silence::QuietHours { until }));
    assert_eq!(silence_at(&log, "2026-11-23T20:59:59Z"), None);
    assert_eq!(silence_at(&log, "2026-11-24T07:00:00Z"), None);
}

#[test]
fn quiet_hours_end_by_the_clock_in_the_night_it_changes() {
    let mut log = Log::linked();
    log.zone("Europe/Zurich");
    let spring = Silence::QuietHours { until: at("2026-03-29T06:00:00Z") };
    assert_eq!(silence_at(&log, "2026-03-28T22:00:00Z"), Some(spring));
    let autumn = Silence::QuietHours { until: at("2026-10-25T07:00:00Z") };
    assert_eq!(silence_at(&log, "2026-10-24T21:00:00Z"), Some(autumn));
}

#[test]
fn without_quiet_hours_the_night_is_like_the_day() {
    let mut log = Log::linked();
    log.preferences(|preferences| preferences.quiet = None);
    assert_eq!(silence_at(&log, "2026-11-23T02:00:00Z"), None);
}

#[test]
fn stays_silent_while_a_tip_is_live_and_after_it_until_the_gap_is_over() {
    let mut log = Log::linked();
    log.task("milk").tip("tip-0001", "2026-11-23T10:00:00Z");
    let live = Silence::TipLive { until: at("2026-11-23T10:30:00Z") };
    assert_eq!(silence_at(&log, "2026-11-23T10:29:59Z"), Some(live));
    let soon = Silence::TooSoon { until: at("2026-11-23T11:30:00Z") };
    assert_eq!(silence_at(&log, "2026-11-23T10:30:00Z"), Some(soon));
    assert_eq!(silence_at(&log, "2026-11-23T11:30:00Z"), None);
}

#[test]
fn the_day_ends_at_four_when_its_budget_is_spent() {
    let mut log = Log::linked();
    log.preferences(|preferences| {
        preferences.quiet = None;
        preferences.budget = Budget::saturating(2);
        preferences.gap = GapMinutes::saturating(15);
    });
    log.task("milk").tip("tip-0001", "2026-11-23T04:00:00Z").tip("tip-0002", "2026-11-24T03:00:00Z");
    let spent = Silence::BudgetSpent { until: at("2026-11-24T04:00:00Z") };
    assert_eq!(silence_at(&log, "2026-11-24T03:45:00Z"), Some(spent));
    assert_eq!(silence_at(&log, "2026-11-24T04:00:00Z"), None);
}

#[test]
fn two_ignored_tips_cost_one_of_the_day_and_an_answer_makes_it_good() {
    let mut log = Log::linked();
    log.task("milk").tip("tip-0001", "2026-11-23T09:00:00Z").tip("tip-0002", "2026-11-23T11:00:00Z");
    assert_eq!(log.profile.budget(at("2026-11-23T11:29:59Z")), 3);
    assert_eq!(log.profile.budget(at("2026-11-23T11:30:00Z")), 2, "before any entry says so");
    let spent = Silence::BudgetSpent { until: at("2026-11-24T04:00:00Z") };
    assert_eq!(silence_at(&log, "2026-11-23T15:00:00Z"), Some(spent));
    log.moment(at("2026-11-23T16:00:00Z"));
    assert_eq!(log.profile.budget(at("2026-11-23T16:00:00Z")), 2, "and after");
    assert_eq!(log.profile.budget(at("2026-11-24T09:00:00Z")), 3, "a new day");
    log.tip("tip-0003", "2026-11-24T09:00:00Z").answer("tip-0003", "2026-11-24T09:05:00Z", Answer::Done);
    log.task("milk").tip("tip-0004", "2026-11-24T12:00:00Z");
    assert_eq!(log.profile.budget(at("2026-11-24T13:00:00Z")), 3, "one ignored since the answer");
}

#[test]
fn what_reached_nobody_was_ignored_by_nobody() {
    let mut log = Log::linked();
    log.task("milk");
    for hour in 9..12 {
        log.tip_unseen(&format!("tip-{hour:04}"), todo("milk"), &format!("2026-11-23T{hour:02}:00:00Z"));
    }
    assert_eq!(log.profile.budget(at("2026-11-23T13:00:00Z")), 3);
    assert!(log.profile.lives().iter().all(|life| reward::reward(life, at("2026-12-01T12:00:00Z")).is_none()));
    // At a screen it may have been seen, whether somebody was there before or came in time.
    log.fact("2026-11-24T09:10:00Z", Fact::Presence { present: true });
    log.tip_unseen("tip-2409", todo("milk"), "2026-11-24T09:30:00Z");
    log.fact("2026-11-24T09:40:00Z", Fact::Presence { present: false });
    log.tip_unseen("tip-2412", todo("milk"), "2026-11-24T12:00:00Z");
    log.fact("2026-11-24T12:20:00Z", Fact::Presence { present: true });
    assert_eq!(log.profile.budget(at("2026-11-24T13:00:00Z")), 2);
}

#[test]
fn whoever_waits_for_their_first_tip_is_looked_at_each_minute() {
    let mut log = Log::linked();
    log.task("milk").fact("2026-11-23T10:00:00Z", Fact::Presence { present: true });
    let now = at("2026-11-23T10:00:00Z");
    let silence = hushed(&log.profile, now, Hush::NotWorthIt, None);
    assert_eq!(silence.until(), Some(plus(now, ASK_AGAIN_SOON)));
    assert_eq!(next_look(&log.profile, now, Some(&silence)), Some(plus(now, ASK_AGAIN_SOON)));
    log.fact("2026-11-23T10:00:00Z", Fact::Presence { present: false });
    assert_eq!(hushed(&log.profile, now, Hush::NotWorthIt, None).until(), Some(plus(now, ASK_AGAIN)));
}

#[test]
fn what_was_put_off_until_a_time_comes_at_that_time_and_alone() {
    let mut log = Log::linked();
    log.task("milk").task("bread").tip("tip-0001", "2026-11-23T10:00:00Z");
    let until = Some(at("2026-11-23T11:02:00Z"));
    log.answer("tip-0001", "2026-11-23T10:02:00Z", Answer::NotNow { until });
    // The gap of ninety minutes holds until then, and it is looked at just then.
    assert!(silence_at(&log, "2026-11-23T11:01:00Z").is_some());
    assert_eq!(next_look(&log.profile, at("2026-11-23T10:30:00Z"), None), until);
    let now = at("2026-11-23T11:02:00Z");
    assert_eq!(silence(&log.profile, now), None);
    let offered = candidates::eligible(&log.profile, now);
    let [milk] = &offered[..] else { panic!("{offered:?}") };
    assert!(milk.subject == todo("milk") && milk.wanted && milk.shown == 0 && milk.since_shown.is_none());
    assert!(!candidates::is_eligible(&log.profile, &todo("bread"), now), "the gap holds for all else");
    for name in policy::NAMES {
        let ask = decide::ask(&log.profile, "decision-0001".parse().unwrap(), 7, now);
        let told = policy::named(name).unwrap().propensities(&ask).unwrap();
        assert!(ask.context.pace.unwrap().get() == 1.0 && told.candidates[0] >= 0.9, "{name}: {told:?}");
    }
    assert_eq!(hushed(&log.profile, now, Hush::NotWorthIt, None).until(), Some(plus(now, ASK_AGAIN_SOON)));
    // Another tip about it, or three hours, and it is as any other.
    assert!(log.profile.wants(&todo("milk"), at("2026-11-23T14:01:00Z")));
    assert!(!log.profile.wants(&todo("milk"), at("2026-11-23T14:03:00Z")));
    log.tip("tip-0002", "2026-11-23T11:02:00Z");
    assert!(!log.profile.wants(&todo("milk"), at("2026-11-23T11:03:00Z")));
}

#[test]
fn a_named_time_is_looked_at_though_another_tip_came_before_it() {
    let mut log = Log::linked();
    log.task("milk").task("bread").tip("tip-0001", "2026-11-23T10:00:00Z");
    let until = at("2026-11-23T13:00:00Z");
    log.answer("tip-0001", "2026-11-23T10:02:00Z", Answer::NotNow { until: Some(until) });
    log.tip_about("tip-0002", todo("bread"), "2026-11-23T12:00:00Z");
    log.answer("tip-0002", "2026-11-23T12:05:00Z", Answer::Done);
    assert_eq!(silence_at(&log, "2026-11-23T12:10:00Z"), Some(Silence::TooSoon { until }));
    assert!(candidates::eligible(&log.profile, until).iter().all(|one| one.wanted));
    // Where it does not fit, the gap holds for all else, and its end is not slept through.
    log.event("a", "2026-11-23T13:10:00Z", "2026-11-23T13:20:00Z");
    assert_eq!(candidates::eligible(&log.profile, until), []);
    assert_eq!(next_look(&log.profile, until, None), Some(at("2026-11-23T13:20:00Z")));
    log.fact("2026-11-23T12:20:00Z", Fact::AccountBroken { account: "acc".parse().unwrap(), broken: true });
    let gap_ends = Some(Silence::TooSoon { until: at("2026-11-23T13:30:00Z") });
    assert_eq!(silence_at(&log, "2026-11-23T13:00:00Z"), gap_ends, "what is not seen is not wanted");
}

#[test]
fn a_time_that_was_past_when_it_was_heard_is_none() {
    let mut log = Log::linked();
    log.task("milk").tip("tip-0001", "2026-11-23T10:00:00Z");
    let until = Some(at("2026-11-23T09:00:00Z"));
    log.answer("tip-0001", "2026-11-23T10:02:00Z", Answer::NotNow { until });
    assert!(!log.profile.wants_something(at("2026-11-23T10:03:00Z")));
    assert!(silence_at(&log, "2026-11-23T11:31:00Z").is_some(), "it asks for quiet for the gap");
}

#[test]
fn what_was_done_meanwhile_or_put_off_to_no_time_is_not_wanted() {
    let mut log = Log::linked();
    log.task("milk").task("bread").tip("tip-0001", "2026-11-23T10:00:00Z");
    log.answer("tip-0001", "2026-11-23T10:02:00Z", Answer::NotNow { until: None });
    assert!(!log.profile.wants_something(at("2026-11-23T12:30:00Z")));
    log.tip("tip-0002", "2026-11-23T12:30:00Z");
    let until = Some(at("2026-11-23T13:30:00Z"));
    log.answer("tip-0002", "2026-11-23T12:31:00Z", Answer::NotNow { until });
    assert!(log.profile.wants_something(at("2026-11-23T13:30:00Z")));
    log.fact("2026-11-23T13:00:00Z", Fact::TaskCompleted { task: reference("milk") });
    assert!(!log.profile.wants_something(at("2026-11-23T13:30:00Z")));
    assert!(silence_at(&log, "2026-11-23T13:30:00Z").is_some(), "the gap holds again");
}

#[test]
fn not_now_asks_for_quiet_for_the_gap() {
    let mut log = Log::linked();
    log.task("milk").tip("tip-0001", "2026-11-23T10:00:00Z");
    log.answer("tip-0001", "2026-11-23T10:20:00Z", Answer::NotNow { until: None });
    let snoozed = Silence::Snoozed { until: at("2026-11-23T11:50:00Z") };
    assert_eq!(silence_at(&log, "2026-11-23T10:30:00Z"), Some(snoozed));
    assert_eq!(silence_at(&log, "2026-11-23T11:50:00Z"), None);
}

#[test]
fn is_silent_during_a_busy_event_and_five_minutes_before_until_all_is_over() {
    let mut log = Log::linked();
    log.event("a", "2026-11-23T10:00:00Z", "2026-11-23T11:00:00Z");
    log.event("b", "2026-11-23T11:05:00Z", "2026-11-23T11:30:00Z");
    log.event("c", "2026-11-23T11:36:00Z", "2026-11-23T12:00:00Z");
    let until = at("2026-11-23T11:30:00Z");
    assert_eq!(silence_at(&log, "2026-11-23T09:54:59Z"), None);
    assert_eq!(silence_at(&log, "2026-11-23T09:55:00Z"), Some(Silence::AlmostBusy { until }));
    assert_eq!(silence_at(&log, "2026-11-23T10:00:00Z"), Some(Silence::Busy { until }));
    assert_eq!(silence_at(&log, "2026-11-23T11:00:00Z"), Some(Silence::AlmostBusy { until }));
    assert_eq!(silence_at(&log, "2026-11-23T11:30:00Z"), None, "six minutes are a gap");
}

#[test]
fn an_event_that_takes_no_time_silences_nothing() {
    let mut log = Log::linked();
    let reference = reference("free");
    let (start, end) = (at("2026-11-23T10:00:00Z"), at("2026-11-23T11:00:00Z"));
    let event = oo_contracts::signal::Event { reference, start, end, busy: false, all_day: false };
    log.fact_at(start, Fact::EventUpserted { event: event.clone() });
    assert_eq!(silence_at(&log, "2026-11-23T10:30:00Z"), None);
    log.fact_at(start, Fact::EventUpserted { event: oo_contracts::signal::Event { busy: true, ..event } });
    assert_eq!(silence_at(&log, "2026-11-23T10:30:00Z"), Some(Silence::Busy { until: end }));
}

#[test]
fn wakes_when_a_silence_ends_and_sleeps_half_a_day_at_most() {
    let mut log = Log::linked();
    log.task("milk").tip("tip-0001", "2026-11-23T10:00:00Z");
    assert_eq!(next_look(&log.profile, at("2026-11-23T10:10:00Z"), None), Some(at("2026-11-23T10:30:00Z")));
    log.preferences(|preferences| preferences.budget = Budget::saturating(1));
    let now = at("2026-11-23T12:00:00Z");
    let silence = silence_at(&log, "2026-11-23T12:00:00Z").unwrap();
    assert_eq!(silence.until(), Some(at("2026-11-24T04:00:00Z")));
    assert_eq!(next_look(&log.profile, now, Some(&silence)), Some(at("2026-11-24T00:00:00Z")));
}

#[test]
fn looks_again_in_three_quarters_of_an_hour_after_a_policy_kept_silent() {
    let mut log = Log::linked();
    log.task("milk");
    let now = at("2026-11-23T10:00:00Z");
    let hush = hushed(&log.profile, now, Hush::NotWorthIt, None);
    assert_eq!(hush, Silence::Policy { hush: Hush::NotWorthIt, until: at("2026-11-23T10:45:00Z"), confidence: None });
    assert_eq!(next_look(&log.profile, now, Some(&hush)), Some(at("2026-11-23T10:45:00Z")));
    assert_eq!(next_look(&log.profile, now, None), Some(at("2026-11-23T10:45:00Z")));
    let busy = hushed(&log.profile, now, Hush::Overloaded, None);
    assert_eq!(next_look(&log.profile, now, Some(&busy)), Some(at("2026-11-23T10:01:00Z")));
}

#[test]
fn with_nothing_to_say_waits_for_the_next_turn_of_the_day() {
    let mut log = Log::linked();
    let now = at("2026-11-23T09:00:00Z");
    assert_eq!(silence(&log.profile, now), Some(Silence::NothingFits { until: at("2026-11-23T15:00:00Z") }));
    log.habit("stretch", time(14, 0, 0, 0), time(15, 0, 0, 0), 5);
    assert_eq!(next_look(&log.profile, now, None), Some(at("2026-11-23T14:00:00Z")));
    log.event("a", "2026-11-23T10:50:00Z", "2026-11-23T13:00:00Z");
    assert_eq!(next_look(&log.profile, now, None), Some(at("2026-11-23T10:05:00Z")), "time to get ready");
    log.fact("2026-11-20T09:00:00Z", Fact::EventRemoved { event: reference("a") });
    log.event("b", "2026-11-23T08:00:00Z", "2026-11-23T09:20:00Z");
    assert_eq!(next_look(&log.profile, now, None), Some(at("2026-11-23T09:20:00Z")), "the end of a meeting");
}

#[test]
fn quiet_hours_from_a_time_to_the_same_time_are_none() {
    let mut log = Log::linked();
    let noon = time(12, 0, 0, 0);
    log.preferences(|preferences| preferences.quiet = Some(QuietHours { from: noon, to: noon }));
    assert_eq!(silence_at(&log, "2026-11-23T12:00:00Z"), None);
    assert_eq!(silence_at(&log, "2026-11-23T02:00:00Z"), None);
}
