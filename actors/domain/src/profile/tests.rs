//! What each entry folds to.

use super::*;
use crate::candidates;
use crate::testing::{Log, ZONES, at, on, reference, signal, task, tip, tip_id, todo};
use crate::tip_life::{State, Withdrawal};
use jiff::civil::time;
use oo_contracts::entry::{Body, Entry};
use oo_contracts::signal::{Answer, Delivery, Event, Fact, Language, Priority, Purpose, Task};
use oo_contracts::{ENTRY_VERSION, Provider};
use proptest::prelude::*;

const NOON: &str = "2026-11-23T12:00:00Z";

/// Somebody with a task and a tip about it, at noon.
fn tipped() -> Log {
    let mut log = Log::linked();
    log.task("milk").tip("tip-0001", NOON);
    log
}

fn state(log: &Log, id: &str) -> State {
    log.profile.life_of(&tip_id(id)).unwrap().state.clone()
}

fn withdrawn(why: Withdrawal) -> State {
    State::Withdrawn { why }
}

fn offers(log: &Log, when: &str) -> bool {
    candidates::is_eligible(&log.profile, &todo("milk"), at(when))
}

#[test]
fn a_second_delivery_folds_to_nothing() {
    let mut log = tipped();
    let before = log.profile.clone();
    for (seq, entry) in log.entries.clone() {
        assert!(!log.profile.fold(seq, &entry));
    }
    assert_eq!(log.profile, before);
}

#[test]
fn an_entry_of_a_newer_version_changes_nothing_but_the_sequence() {
    let mut log = tipped();
    let mut entry = signal("later", at(NOON), Fact::AccountUnlinked { account: "acc".parse().unwrap() });
    entry.v = ENTRY_VERSION + 1;
    let seq = log.profile.seq() + 1;
    let expected = Profile { seq, ..log.profile.clone() };
    assert!(log.profile.fold(seq, &entry));
    assert_eq!(log.profile, expected);
}

#[test]
fn the_last_version_of_a_task_wins() {
    let mut log = Log::linked();
    log.task("milk").task_with("milk", |task| task.due = on("2026-11-23"));
    assert_eq!(log.profile.tasks().len(), 1);
    assert_eq!(log.profile.tasks()[0].task.due, on("2026-11-23"));
}

#[test]
fn a_zone_that_nobody_knows_changes_nothing() {
    let mut log = Log::linked();
    log.zone("Europe/Zurich").zone("Europe/Atlantis");
    assert_eq!(log.profile.zone_name().as_str(), "Europe/Zurich");
}

#[test]
fn tips_are_in_the_language_of_the_screen_until_another_is_chosen() {
    let mut log = Log::linked();
    log.fact(NOON, Fact::Language { language: Language::De });
    assert_eq!(log.profile.preferences().language, Language::De);
    log.preferences(|preferences| preferences.language = Language::En);
    log.fact(NOON, Fact::Language { language: Language::De });
    assert_eq!(log.profile.preferences().language, Language::En);
}

#[test]
fn done_means_done_and_a_second_done_is_nothing() {
    let mut log = tipped();
    log.answer("tip-0001", "2026-11-23T12:05:00Z", Answer::Done);
    let done = state(&log, "tip-0001");
    assert_eq!(done, State::Answered { answer: Answer::Done, at: at("2026-11-23T12:05:00Z") });
    log.answer("tip-0001", "2026-11-23T12:06:00Z", Answer::Done);
    assert_eq!(state(&log, "tip-0001"), done);
    assert!(!offers(&log, "2026-11-23T18:00:00Z"));
}

#[test]
fn undo_restores_the_tip_the_task_and_the_counts() {
    for answer in [Answer::Done, Answer::NotNow { until: None }, Answer::NotForMe] {
        let mut log = tipped();
        let before = log.profile.clone();
        let done = answer == Answer::Done;
        log.answer("tip-0001", "2026-11-23T12:05:00Z", answer);
        assert!(log.profile.live_tip(at("2026-11-23T12:05:01Z")).is_none());
        log.answer("tip-0001", "2026-11-23T12:05:08Z", Answer::Undo);
        assert_eq!(log.profile.undid_done(&tip_id("tip-0001")), done);
        assert!(log.profile.live_tip(at("2026-11-23T12:05:09Z")).is_some());
        assert!(offers(&log, "2026-11-23T18:00:00Z"));
        let mut lives = log.profile.lives.clone();
        lives[0].undid_done = false;
        lives[0].trace = kept::Trace::default();
        let expected = Profile { lives, ..log.profile.clone() };
        let Profile { seq, looked_at, looked_before, heard, rhythm, .. } = log.profile.clone();
        assert_eq!(expected, Profile { seq, looked_at, looked_before, heard, rhythm, ..before });
    }
}

#[test]
fn undo_brings_back_a_task_that_the_provider_has_already_closed() {
    let mut log = tipped();
    log.answer("tip-0001", "2026-11-23T12:05:00Z", Answer::Done);
    log.fact("2026-11-23T12:05:02Z", Fact::TaskCompleted { task: reference("milk") });
    assert_eq!(log.profile.tasks().len(), 0);
    log.answer("tip-0001", "2026-11-23T12:05:06Z", Answer::Undo);
    assert!(log.profile.live_tip(at("2026-11-23T12:05:07Z")).is_some());
    assert!(offers(&log, "2026-11-23T18:00:00Z"));
}

#[test]
fn undo_comes_too_late_after_ten_minutes() {
    let mut log = tipped();
    log.answer("tip-0001", "2026-11-23T12:05:00Z", Answer::Done);
    let view = log.profile.view(at("2026-11-23T12:06:00Z"));
    assert_eq!(view.answered.unwrap().undo_until, at("2026-11-23T12:15:00Z"));
    log.answer("tip-0001", "2026-11-23T12:15:01Z", Answer::Undo);
    assert!(matches!(state(&log, "tip-0001"), State::Answered { .. }));
    assert_eq!(log.profile.view(at("2026-11-23T12:15:01Z")).answered, None);
}

#[test]
fn undo_after_the_tip_has_expired_does_not_show_it_again() {
    let mut log = tipped();
    log.answer("tip-0001", "2026-11-23T12:28:00Z", Answer::Done);
    log.answer("tip-0001", "2026-11-23T12:31:00Z", Answer::Undo);
    assert!(log.profile.live_tip(at("2026-11-23T12:31:00Z")).is_none());
    assert!(offers(&log, "2026-11-23T18:00:00Z"));
    log.moment(at("2026-11-23T13:00:00Z"));
    assert_eq!(state(&log, "tip-0001"), State::Expired);
}

#[test]
fn an_answer_can_be_changed_and_leaves_nothing_of_the_first() {
    let mut log = tipped();
    log.answer("tip-0001", "2026-11-23T12:05:00Z", Answer::NotForMe);
    log.answer("tip-0001", "2026-11-23T12:05:05Z", Answer::NotNow { until: Some(at("2026-11-23T15:00:00Z")) });
    assert!(!offers(&log, "2026-11-23T14:59:00Z"));
    assert!(offers(&log, "2026-11-23T15:00:00Z"));
    log.answer("tip-0001", "2026-11-23T12:06:00Z", Answer::Undo);
    assert!(log.profile.live_tip(at("2026-11-23T12:06:01Z")).is_some());
}

#[test]
fn the_same_answer_signal_counts_once_even_after_an_undo() {
    let mut log = tipped();
    let done = Fact::Feedback { tip: tip_id("tip-0001"), answer: Answer::Done };
    log.append(signal("tap", at("2026-11-23T12:05:00Z"), done.clone()));
    log.answer("tip-0001", "2026-11-23T12:05:05Z", Answer::Undo);
    log.append(signal("tap", at("2026-11-23T12:05:00Z"), done));
    assert_eq!(state(&log, "tip-0001"), State::Live);
}

#[test]
fn an_answer_from_offline_counts_when_it_comes() {
    let mut log = tipped();
    log.moment(at("2026-11-23T13:00:00Z"));
    assert_eq!(state(&log, "tip-0001"), State::Expired);
    let fact = Fact::Feedback { tip: tip_id("tip-0001"), answer: Answer::Done };
    let mut entry = signal("offline", at("2026-11-23T12:10:00Z"), fact);
    entry.at = at("2026-11-23T18:00:00Z");
    log.append(entry);
    assert_eq!(state(&log, "tip-0001"), State::Answered { answer: Answer::Done, at: at("2026-11-23T12:10:00Z") });
}

#[test]
fn never_this_task_again_outlives_its_removal() {
    let mut log = tipped();
    log.answer("tip-0001", "2026-11-23T12:05:00Z", Answer::NotForMe);
    log.fact("2026-11-23T13:00:00Z", Fact::TaskRemoved { task: reference("milk") });
    for number in 0..kept::MAX_TOMBSTONES + 1 {
        let item = format!("other-{number}");
        log.task(&item).fact("2026-11-23T14:00:00Z", Fact::TaskRemoved { task: reference(&item) });
    }
    log.task("milk");
    assert!(!offers(&log, "2026-11-24T12:00:00Z"));
    let never = log.profile.lives.len();
    assert_eq!(never, 1);
}

#[test]
fn three_times_not_for_me_turns_a_kind_off_and_one_undo_on_again() {
    let mut log = Log::linked();
    for number in 1..=4 {
        log.event(&format!("e{number}"), "2026-11-30T10:00:00Z", "2026-11-30T11:00:00Z");
    }
    for number in 1..=3 {
        assert!(!log.profile.is_off(Kind::Prepare));
        let id = format!("tip-000{number}");
        let subject = Subject::Prepare { event: reference(&format!("e{number}")), starts: at("2026-11-30T10:00:00Z") };
        log.tip_about(&id, subject, &format!("2026-11-2{number}T12:00:00Z"));
        log.answer(&id, &format!("2026-11-2{number}T12:01:00Z"), Answer::NotForMe);
    }
    assert!(log.profile.is_off(Kind::Prepare));
    assert!(
        candidates::eligible(&log.profile, at("2026-11-30T09:30:00Z"))
            .iter()
            .all(|one| Kind::of(&one.subject) != Some(Kind::Prepare)),
        "the fourth too"
    );
    log.answer("tip-0003", "2026-11-23T12:02:00Z", Answer::Undo);
    assert!(!log.profile.is_off(Kind::Prepare));
}

#[test]
fn a_habit_defined_anew_is_wanted_again() {
    let mut log = Log::linked();
    log.habit("stretch", time(9, 0, 0, 0), time(18, 0, 0, 0), 5);
    let subject = candidates::eligible(&log.profile, at(NOON))[0].subject.clone();
    log.tip_about("tip-0001", subject, NOON).answer("tip-0001", "2026-11-23T12:01:00Z", Answer::NotForMe);
    assert!(candidates::eligible(&log.profile, at("2026-11-24T12:00:00Z")).is_empty());
    log.habit("stretch", time(9, 0, 0, 0), time(18, 0, 0, 0), 5);
    assert!(candidates::eligible(&log.profile, at("2026-11-24T12:00:00Z")).is_empty(), "a copy says nothing new");
    log.habit("stretch", time(10, 0, 0, 0), time(18, 0, 0, 0), 5);
    assert_eq!(candidates::eligible(&log.profile, at("2026-11-24T12:00:00Z")).len(), 1);
}

#[test]
fn what_happened_meanwhile_withdraws_the_live_tip() {
    let account = || "acc".parse().unwrap();
    let meeting = Event {
        reference: reference("meeting"),
        start: at("2026-11-23T12:10:00Z"),
        end: at("2026-11-23T13:00:00Z"),
        busy: true,
        all_day: false,
    };
    let mut quiet = Preferences::default();
    quiet.quiet = quiet.quiet.map(|hours| oo_contracts::signal::QuietHours { from: time(12, 0, 0, 0), ..hours });
    let cases = [
        (Fact::TaskCompleted { task: reference("milk") }, Withdrawal::Completed),
        (Fact::TaskRemoved { task: reference("milk") }, Withdrawal::Removed),
        (Fact::Consent { purpose: Purpose::Tips, granted: false, source: None }, Withdrawal::NoConsent),
        (Fact::AccountUnlinked { account: account() }, Withdrawal::Unlinked),
        (Fact::EventUpserted { event: meeting }, Withdrawal::Busy),
        (Fact::Preferences { preferences: quiet }, Withdrawal::Silenced),
        (Fact::Zone { zone: "Asia/Tokyo".to_owned().try_into().unwrap() }, Withdrawal::NoConsent),
    ];
    for (fact, why) in cases {
        let why = if matches!(fact, Fact::Zone { .. }) { None } else { Some(why) };
        let mut live = tipped();
        live.fact("2026-11-23T12:06:00Z", fact.clone());
        assert_eq!(state(&live, "tip-0001"), why.map_or(State::Live, withdrawn), "after {fact:?}");
        assert_eq!(live.profile.view(at("2026-11-23T12:07:00Z")).tip.is_some(), why.is_none());

        // The same between the decision and its entry, as a cluster may order it.
        let mut late = Log::linked();
        late.task("milk");
        let decided_seq = late.profile.seq();
        late.fact("2026-11-23T12:06:00Z", fact.clone());
        let tip = Tip { decided_seq, ..tip("tip-0001", todo("milk"), at("2026-11-23T12:05:59Z")) };
        late.append(Entry { v: ENTRY_VERSION, at: at("2026-11-23T12:06:01Z"), body: Body::Tip { tip } });
        assert_eq!(state(&late, "tip-0001"), why.map_or(State::Live, withdrawn), "before the tip: {fact:?}");
    }
}

#[test]
fn a_move_into_the_night_withdraws_the_live_tip() {
    let mut log = Log::linked();
    log.task("milk").tip("tip-0001", "2026-11-23T15:00:00Z");
    log.fact("2026-11-23T15:05:00Z", Fact::Zone { zone: "Asia/Tokyo".to_owned().try_into().unwrap() });
    assert_eq!(state(&log, "tip-0001"), withdrawn(Withdrawal::Silenced));
}

#[test]
fn a_second_tip_replaces_a_live_one() {
    let mut log = tipped();
    log.task("bread").tip_about("tip-0002", todo("bread"), "2026-11-23T12:10:00Z");
    assert_eq!(state(&log, "tip-0001"), withdrawn(Withdrawal::Replaced));
    assert_eq!(log.profile.live_tip(at("2026-11-23T12:11:00Z")).unwrap().id, tip_id("tip-0002"));
    assert_eq!(log.profile.given_today(at("2026-11-23T12:11:00Z")), 2, "both were given");
}

#[test]
fn undoing_the_answer_to_an_older_tip_shows_only_the_newer() {
    let mut log = tipped();
    log.answer("tip-0001", "2026-11-23T12:05:00Z", Answer::Done);
    log.task("bread").tip_about("tip-0002", todo("bread"), "2026-11-23T12:10:00Z");
    log.answer("tip-0001", "2026-11-23T12:12:00Z", Answer::Undo);
    assert_eq!(state(&log, "tip-0001"), State::Expired);
    assert_eq!(state(&log, "tip-0002"), State::Live);
}

#[test]
fn the_same_tip_twice_is_one() {
    let mut log = tipped();
    log.tip("tip-0001", "2026-11-23T12:10:00Z");
    assert_eq!(log.profile.given_today(at("2026-11-23T12:11:00Z")), 1);
    assert_eq!(log.profile.tasks()[0].memory.shown, 1);
}

#[test]
fn unlinking_drops_what_the_account_brought_and_what_is_under_way_from_it() {
    let mut log = tipped();
    log.event("a", "2026-11-24T10:00:00Z", "2026-11-24T11:00:00Z");
    log.answer("tip-0001", "2026-11-23T12:05:00Z", Answer::NotForMe);
    log.fact("2026-11-23T13:00:00Z", Fact::AccountUnlinked { account: "acc".parse().unwrap() });
    log.task("late").event("late", "2026-11-24T10:00:00Z", "2026-11-24T11:00:00Z");
    let profile = &log.profile;
    assert!(profile.tasks().is_empty() && profile.events().is_empty() && profile.never.is_empty());
    assert!(!profile.allows_tips() && profile.accounts().is_empty());
    log.fact(
        "2026-11-23T14:00:00Z",
        Fact::AccountLinked { account: "acc".parse().unwrap(), provider: Provider::Todoist },
    );
    log.task("milk");
    assert!(offers(&log, "2026-11-24T12:00:00Z"));
}

#[test]
fn a_change_that_was_under_way_does_not_open_a_task_just_done() {
    let mut log = tipped();
    log.answer("tip-0001", "2026-11-23T12:05:00Z", Answer::Done);
    log.fact("2026-11-23T12:06:00Z", Fact::TaskChanged { task: task("milk") });
    assert!(!offers(&log, "2026-11-23T18:00:00Z"));
    log.fact("2026-11-23T17:00:00Z", Fact::TaskChanged { task: task("milk") });
    assert!(offers(&log, "2026-11-23T18:00:00Z"), "later, the provider knows better");
}

#[test]
fn a_recurring_task_comes_again_with_its_next_day() {
    let mut log = Log::linked();
    log.task_with("milk", |task| {
        task.recurring = true;
        task.due = on("2026-11-23");
    });
    log.tip("tip-0001", NOON).answer("tip-0001", "2026-11-23T12:05:00Z", Answer::Done);
    log.fact("2026-11-23T12:05:05Z", Fact::TaskCompleted { task: reference("milk") });
    assert!(!offers(&log, "2026-11-23T18:00:00Z"));
    let mut next = task("milk");
    next.recurring = true;
    next.due = on("2026-11-24");
    log.fact("2026-11-23T12:05:06Z", Fact::TaskChanged { task: next });
    assert!(offers(&log, "2026-11-23T18:00:00Z"));
}

#[test]
fn a_receipt_is_remembered_and_is_no_look() {
    let mut log = Log::linked();
    log.task("milk").tip_unseen("tip-0001", todo("milk"), NOON);
    let looked = log.profile.view(at(NOON)).looked_at;
    let delivered = |outcome| Fact::Delivered { tip: tip_id("tip-0001"), device: "phone".parse().unwrap(), outcome };
    log.fact("2026-11-23T12:01:00Z", delivered(Delivery::Failed { status: Some(500) }));
    assert_eq!(log.profile.lives()[0].pushed, Some(false));
    log.fact("2026-11-23T12:02:00Z", delivered(Delivery::Accepted));
    log.fact("2026-11-23T12:03:00Z", delivered(Delivery::Gone));
    assert_eq!(log.profile.lives()[0].pushed, Some(true), "one device is enough");
    assert_eq!(log.profile.view(at(NOON)).looked_at, looked);
}

#[test]
fn the_view_tells_what_the_page_needs() {
    let log = tipped();
    let live = log.profile.view(at("2026-11-23T12:10:00Z"));
    assert_eq!(live.version, log.profile.seq());
    assert_eq!(live.tip.unwrap().id, tip_id("tip-0001"));
    assert_eq!(live.silence, None);
    assert_eq!(live.next_look, Some(at("2026-11-23T12:30:00Z")));
    assert_eq!((live.given_today, live.budget, live.had_tip), (1, 3, true));
    let later = log.profile.view(at("2026-11-23T12:40:00Z"));
    assert_eq!(later.tip, None);
    assert_eq!(later.silence, Some(Silence::TooSoon { until: at("2026-11-23T13:30:00Z") }));
}

#[test]
fn too_much_of_everything_keeps_what_matters_most() {
    let mut log = Log::linked();
    log.task_with("urgent", |task| task.priority = Priority::saturating(4));
    for number in 0..kept::MAX_TASKS + 20 {
        log.task(&format!("task-{number}"));
    }
    assert_eq!(log.profile.tasks().len(), kept::MAX_TASKS);
    assert!(log.profile.tasks().iter().any(|kept| kept.task.reference == reference("urgent")));
    for number in 0..kept::MAX_EVENTS + 20 {
        let start = local::plus(at(NOON), local::minutes(60 * number as i64));
        let end = local::plus(start, local::minutes(30));
        let event = Event { reference: reference(&format!("e{number}")), start, end, busy: true, all_day: false };
        log.fact(NOON, Fact::EventUpserted { event });
    }
    assert_eq!(log.profile.events().len(), kept::MAX_EVENTS);
    assert!(log.profile.event_index(&reference("e0")).is_ok());
    for number in 0..kept::MAX_HABITS + 20 {
        log.habit(&format!("h{number}"), time(9, 0, 0, 0), time(10, 0, 0, 0), 5);
    }
    assert_eq!(log.profile.habits().len(), kept::MAX_HABITS);
    assert_eq!(log.profile.habits().last().unwrap().habit.id.as_str(), "h69");
}

#[test]
fn the_past_is_forgotten() {
    let mut log = tipped();
    log.event("a", "2026-11-23T10:00:00Z", "2026-11-23T11:00:00Z");
    log.task("bread").tip_about("tip-0002", todo("bread"), "2026-11-25T12:00:00Z");
    assert_eq!(log.profile.lives().len(), 2, "48 hours may still be in one local day");
    log.moment(at("2026-11-26T12:00:00Z"));
    assert!(log.profile.events().is_empty());
    for number in 3..=9 {
        log.tip_about(&format!("tip-000{number}"), todo("bread"), &format!("2026-11-26T{:02}:00:00Z", 10 + number));
    }
    log.moment(at("2026-12-01T12:00:00Z"));
    assert_eq!(log.profile.lives().len(), 8, "what is heard of a tip counts for a week");
    log.moment(at("2026-12-26T12:00:00Z"));
    assert_eq!(log.profile.lives().len(), kept::LIVES_ALWAYS_KEPT, "the last ones are never forgotten");
}

#[test]
fn an_ordinary_person_costs_a_few_kibibytes() {
    let mut log = Log::linked();
    for number in 0..15 {
        let item = format!("60{number:06}X7gfWq2");
        log.task_with(&item, |task| task.due = on("2026-11-25"));
        log.event(&format!("_60q30c1g60o30e1i60o4ac1g60{number}"), "2026-11-24T10:00:00Z", "2026-11-24T11:00:00Z");
    }
    for number in 1..=6 {
        let subject = todo(&format!("60{number:06}X7gfWq2"));
        log.tip_about(&format!("tip-000{number}"), subject, &format!("2026-11-23T{:02}:00:00Z", 8 + 2 * number));
    }
    let size = serde_json::to_vec(&log.profile).unwrap().len();
    assert!(size < 10 * 1024, "{size} bytes");
}

fn any_fact() -> impl Strategy<Value = Fact> {
    let item = (0u8..4).prop_map(|number| reference(&format!("item-{number}")));
    let tip = (0u8..5).prop_map(|number| tip_id(&format!("tip-000{number}")));
    let answer = prop_oneof![
        Just(Answer::Done),
        Just(Answer::NotForMe),
        Just(Answer::Undo),
        proptest::option::of(1_795_000_000i64..1_796_000_000)
            .prop_map(|until| Answer::NotNow { until: until.map(|at| Timestamp::from_second(at).unwrap()) }),
    ];
    let account = (0u8..2).prop_map(|number| ["acc", "other"][usize::from(number)].parse().unwrap());
    prop_oneof![
        4 => (item.clone(), any::<bool>(), any::<bool>()).prop_map(|(reference, recurring, added)| {
            let task = Task { reference, recurring, ..task("x") };
            if added { Fact::TaskAdded { task } } else { Fact::TaskChanged { task } }
        }),
        1 => item.clone().prop_map(|task| Fact::TaskCompleted { task }),
        1 => item.clone().prop_map(|task| Fact::TaskRemoved { task }),
        3 => (item.clone(), 0i64..86_400, 0i64..7200, any::<bool>()).prop_map(|(reference, start, length, busy)| {
            let start = Timestamp::from_second(1_795_390_000 + start).unwrap();
            let end = local::plus(start, SignedDuration::from_secs(length));
            Fact::EventUpserted { event: Event { reference, start, end, busy, all_day: false } }
        }),
        1 => item.prop_map(|event| Fact::EventRemoved { event }),
        6 => (tip, answer).prop_map(|(tip, answer)| Fact::Feedback { tip, answer }),
        1 => proptest::sample::select(&ZONES[..])
            .prop_map(|zone| Fact::Zone { zone: zone.to_owned().try_into().unwrap() }),
        1 => any::<bool>().prop_map(|granted| Fact::Consent { purpose: Purpose::Tips, granted, source: None }),
        2 => account.clone().prop_map(|account| Fact::AccountLinked { account, provider: Provider::Todoist }),
        1 => account.clone().prop_map(|account| Fact::AccountUnlinked { account }),
        1 => (account, any::<bool>()).prop_map(|(account, broken)| Fact::AccountBroken { account, broken }),
        1 => any::<bool>().prop_map(|present| Fact::Presence { present }),
    ]
}

fn any_log() -> impl Strategy<Value = Log> {
    let step = prop_oneof![
        8 => any_fact().prop_map(Some),
        2 => Just(None),
    ];
    prop::collection::vec((step, 0i64..5400, 0u8..5, 0u8..4), 1..60).prop_map(|steps| {
        let mut log = Log::linked();
        let mut now = at("2026-11-23T08:00:00Z");
        for (fact, seconds, tip_number, item) in steps {
            now = local::plus(now, SignedDuration::from_secs(seconds));
            match fact {
                Some(fact) => log.fact_at(now, fact),
                None => {
                    let tip = tip(&format!("tip-000{tip_number}"), todo(&format!("item-{item}")), now);
                    log.append(Entry { v: ENTRY_VERSION, at: now, body: Body::Tip { tip } })
                }
            };
        }
        log
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_log_folds_the_same_again_with_copies_and_through_snapshots(log in any_log(), cut in 0usize..60) {
        let mut again = Profile::new();
        for (index, (seq, entry)) in log.entries.iter().enumerate() {
            prop_assert!(again.fold(*seq, entry));
            if index == cut {
                let written = serde_json::to_string(&again).unwrap();
                let read: Profile = serde_json::from_str(&written).unwrap();
                prop_assert_eq!(&read, &again);
                again = read;
                for (seq, entry) in &log.entries[..=index] {
                    prop_assert!(!again.fold(*seq, entry));
                }
            }
        }
        prop_assert_eq!(again, log.profile);
    }

    #[test]
    fn at_most_one_tip_is_live_and_it_is_the_newest(log in any_log()) {
        let lives = log.profile.lives();
        let live = lives.iter().filter(|life| life.state == State::Live).count();
        prop_assert!(live <= 1);
        prop_assert!(live == 0 || lives.last().unwrap().state == State::Live);
    }

    #[test]
    fn whatever_was_said_an_undo_at_once_takes_it_back(log in any_log(), answer in 0u8..3) {
        let mut log = log;
        let now = log.entries.last().unwrap().1.at;
        log.moment(now);
        let Some(life) = log.profile.lives().last().cloned() else { return Ok(()) };
        let answer = [Answer::Done, Answer::NotForMe, Answer::NotNow { until: None }][usize::from(answer)].clone();
        let before = log.profile.clone();
        log.fact_at(now, Fact::Feedback { tip: life.tip.clone(), answer: answer.clone() });
        if before.lives().last().unwrap().state == log.profile.lives().last().unwrap().state
            || matches!(life.state, State::Answered { .. }) {
            return Ok(());
        }
        log.fact_at(now, Fact::Feedback { tip: life.tip.clone(), answer: Answer::Undo });
        let open = |profile: &Profile| candidates::is_eligible(profile, &life.subject, now);
        prop_assert_eq!(open(&log.profile), open(&before));
        prop_assert_eq!(&log.profile.lives().last().unwrap().state, &life.state);
        prop_assert_eq!(log.profile.paused_until, before.paused_until);
        prop_assert_eq!(log.profile.ignored, before.ignored);
    }
}
