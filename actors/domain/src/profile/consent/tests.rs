//! Without consent nothing is used: a decision is the same as if the data had never come.

use crate::decide;
use crate::moments;
use crate::profile::Profile;
use crate::testing::{Log, at};
use jiff::civil::time;
use jiff::{SignedDuration, Timestamp};
use oo_contracts::decision::Ask;
use oo_contracts::signal::{DataSource, Event, Fact, Habit, Minutes, MoodLevel, Place, Priority, Purpose, Task};
use oo_contracts::tip::Subject;
use oo_contracts::{AccountId, Provider, Ref};
use proptest::prelude::*;

const NOW: &str = "2026-11-23T09:00:00Z";

/// A fact and the source that it comes from; none for what the person always may be known by.
#[derive(Debug, Clone)]
struct Told(Option<DataSource>, Fact);

fn other() -> AccountId {
    "other".parse().unwrap()
}

fn of_account() -> DataSource {
    DataSource::Account { account: other() }
}

fn told() -> impl Strategy<Value = Told> {
    let reference = |own: bool, item: u8| Ref {
        account: if own { "acc".parse().unwrap() } else { other() },
        item: format!("item-{item}").parse().unwrap(),
    };
    let source = |own: bool| (!own).then(of_account);
    prop_oneof![
        3 => (any::<bool>(), 0u8..5, 1i64..=4).prop_map(move |(own, item, priority)| {
            let task = Task {
                reference: reference(own, item),
                due: None,
                priority: Priority::saturating(priority),
                minutes: None,
                recurring: false,
                added_at: None,
            };
            Told(source(own), Fact::TaskAdded { task })
        }),
        3 => (any::<bool>(), 0u8..5, -180i64..240, 5i64..120).prop_map(move |(own, item, from, minutes)| {
            let start = at(NOW) + SignedDuration::from_mins(from);
            let end = start + SignedDuration::from_mins(minutes);
            let event = Event { reference: reference(own, 10 + item), start, end, busy: true, all_day: false };
            Told(source(own), Fact::EventUpserted { event })
        }),
        1 => (1i64..=5).prop_map(|level| Told(Some(DataSource::Mood), Fact::Mood { level: MoodLevel::saturating(level) })),
        1 => any::<bool>().prop_map(|present| Told(Some(DataSource::Presence), Fact::Presence { present })),
        1 => Just(Told(Some(DataSource::Presence), Fact::Place { place: Place::Work })),
        1 => (0u8..3).prop_map(|id| {
            let habit = Habit {
                id: format!("habit-{id}").parse().unwrap(),
                label: "stretch".parse().unwrap(),
                from: time(8, 0, 0, 0),
                to: time(11, 0, 0, 0),
                minutes: Minutes::saturating(5),
                days: vec![],
            };
            Told(Some(DataSource::Habits), Fact::HabitDefined { habit })
        }),
    ]
}

fn sources() -> impl Strategy<Value = Vec<DataSource>> {
    let all = vec![
        of_account(),
        DataSource::Provider { provider: Provider::GoogleCalendar },
        DataSource::Mood,
        DataSource::Presence,
        DataSource::Habits,
    ];
    let most = all.len();
    proptest::sample::subsequence(all, 0..=most)
}

/// The other account is at Google, so that a no to that provider is a no to it.
fn means(forbidden: &[DataSource], source: &DataSource) -> bool {
    let google = DataSource::Provider { provider: Provider::GoogleCalendar };
    forbidden.contains(source) || (*source == of_account() && forbidden.contains(&google))
}

fn fold(told: &[Told], without: &[DataSource], said: impl Fn(&mut Log)) -> Profile {
    let mut log = Log::linked();
    log.fact("2026-11-01T09:00:00Z", Fact::AccountLinked { account: other(), provider: Provider::GoogleCalendar });
    said(&mut log);
    for Told(source, fact) in told {
        if !source.as_ref().is_some_and(|source| means(without, source)) {
            log.fact("2026-11-23T08:30:00Z", fact.clone());
        }
    }
    log.profile
}

fn ask(profile: &Profile, now: Timestamp) -> Ask {
    decide::ask(profile, "decision-0001".parse().unwrap(), 7, now)
}

fn forbid(log: &mut Log, sources: &[DataSource], purpose: Purpose) {
    for source in sources {
        log.fact("2026-11-01T10:00:00Z", Fact::Consent { purpose, granted: false, source: Some(source.clone()) });
    }
}

proptest! {
    #[test]
    fn what_is_not_allowed_changes_nothing(
        told in prop::collection::vec(told(), 0..16), forbidden in sources(), minutes in 0i64..120,
    ) {
        let now = at(NOW) + SignedDuration::from_mins(minutes);
        let with = fold(&told, &[], |log| forbid(log, &forbidden, Purpose::Tips));
        let without = fold(&told, &forbidden, |_| {});
        prop_assert_eq!(ask(&with, now), ask(&without, now));
        prop_assert_eq!(moments::silence(&with, now), moments::silence(&without, now));
        prop_assert_eq!(moments::next_look(&with, now, None), moments::next_look(&without, now, None));
    }

    #[test]
    fn no_candidate_and_no_circumstance_comes_from_what_is_not_for_choosing(
        told in prop::collection::vec(told(), 0..16), forbidden in sources(),
    ) {
        let profile = fold(&told, &[], |log| forbid(log, &forbidden, Purpose::Choosing));
        let Ask { context, candidates, .. } = ask(&profile, at(NOW));
        for candidate in &candidates {
            let source = match &candidate.subject {
                Subject::Todo { task } => DataSource::Account { account: task.account.clone() },
                Subject::Prepare { event, .. } => DataSource::Account { account: event.account.clone() },
                Subject::Habit { .. } => DataSource::Habits,
                Subject::Advice { .. } => continue,
            };
            prop_assert!(!means(&forbidden, &source), "{:?}", candidate);
        }
        prop_assert!(context.mood.is_none() || !forbidden.contains(&DataSource::Mood));
        let here = context.present || context.place.is_some();
        prop_assert!(!here || !forbidden.contains(&DataSource::Presence));
    }

    #[test]
    fn a_yes_after_a_no_is_as_if_nothing_had_been_said(
        told in prop::collection::vec(told(), 0..16), forbidden in sources(),
    ) {
        let again = fold(&told, &[], |log| {
            forbid(log, &forbidden, Purpose::Timing);
            for source in &forbidden {
                let source = Some(source.clone());
                log.fact("2026-11-01T11:00:00Z", Fact::Consent { purpose: Purpose::Timing, granted: true, source });
            }
        });
        prop_assert_eq!(ask(&again, at(NOW)), ask(&fold(&told, &[], |_| {}), at(NOW)));
    }
}

#[test]
fn a_calendar_may_time_without_being_spoken_of() {
    let meeting = |log: &mut Log| {
        let reference = Ref { account: other(), item: "standup".parse().unwrap() };
        let (start, end) = (at("2026-11-23T09:30:00Z"), at("2026-11-23T10:00:00Z"));
        log.fact(NOW, Fact::EventUpserted { event: Event { reference, start, end, busy: true, all_day: false } });
    };
    let profile = fold(&[], &[], |log| {
        log.task("milk");
        meeting(log);
        forbid(log, &[of_account()], Purpose::Choosing);
    });
    let asked = ask(&profile, at(NOW));
    assert_eq!((asked.context.next_busy, asked.context.busy_today), (None, 0), "the policy does not see it");
    assert!(asked.candidates.iter().all(|one| !matches!(one.subject, Subject::Prepare { .. })));
    assert!(moments::may_speak(&profile, at("2026-11-23T09:40:00Z")).is_err(), "but nobody is disturbed in it");
    let late = ask(&profile, at("2026-11-23T09:15:00Z"));
    assert!(late.candidates.iter().all(|one| one.minutes <= 10), "and what is said has room before it");
}

#[test]
fn nobody_is_learnt_from_who_did_not_say_yes_nor_from_what_they_keep_out() {
    let learning = |granted, source| Fact::Consent { purpose: Purpose::Learning, granted, source };
    let mut log = Log::linked();
    log.task("milk").mood("2026-11-23T08:00:00Z", 2);
    let may = |log: &Log| log.profile.may_be_learnt_from(&ask(&log.profile, at(NOW)));
    assert!(!may(&log), "no answer is no yes");
    log.fact(NOW, learning(true, None));
    assert!(may(&log));
    log.fact(NOW, learning(false, Some(DataSource::Mood)));
    assert!(!may(&log), "the mood is in it");
    log.fact(NOW, learning(true, Some(DataSource::Mood)));
    assert!(may(&log));
    log.fact(NOW, learning(false, None));
    assert!(!may(&log));
}
