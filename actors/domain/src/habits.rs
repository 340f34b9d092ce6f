//! Habits: when one's part of the day is, and whether it was done in it.

use crate::local::{self, Window};
use crate::profile::Profile;
use crate::profile::kept::KeptHabit;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use oo_contracts::signal::Weekday;
use serde::{Deserialize, Serialize};

/// Whether the habit's part of the day is now. A habit whose two times are equal belongs to the whole day.
pub fn is_open(profile: &Profile, kept: &KeptHabit, now: Timestamp) -> bool {
    (whole_day(kept) || window(kept).is_open(profile.zone(), now)) && is_its_day(kept, day_of(profile, kept, now))
}

/// When its part of the day ends, from within it.
pub fn closes(profile: &Profile, kept: &KeptHabit, now: Timestamp) -> Option<Timestamp> {
    if whole_day(kept) {
        return Some(local::tomorrow(profile.zone(), now));
    }
    window(kept).closes(profile.zone(), now)
}

/// When its part of the day begins next.
pub fn opens(profile: &Profile, kept: &KeptHabit, now: Timestamp) -> Option<Timestamp> {
    let zone = profile.zone();
    let mut at = now;
    // A week has each of its days; one more, since today's may have begun.
    for _ in 0..8 {
        at = if whole_day(kept) { local::tomorrow(zone, at) } else { window(kept).opens(zone, at)? };
        if is_its_day(kept, day_of(profile, kept, at)) {
            return Some(at);
        }
    }
    None
}

/// Whether it was done today, or in the part of the day that is now, where that began yesterday.
pub fn is_done(profile: &Profile, kept: &KeptHabit, now: Timestamp) -> bool {
    let today = local::today(profile.zone(), now);
    let since = if !whole_day(kept) && window(kept).is_open(profile.zone(), now) {
        window(kept).opened(profile.zone(), now).map_or(today, |opened| opened.min(today))
    } else {
        today
    };
    kept.memory.done_at.is_some_and(|done| done >= since)
}

/// On how many days in a row it was done, up to yesterday, and today where it was done today.
///
/// A day that it does not belong to neither ends the row nor adds to it. Of one that belongs to all days that goes for the
/// weekend: many habits are of working days, whatever was said.
pub fn in_a_row(profile: &Profile, kept: &KeptHabit, now: Timestamp) -> u8 {
    let mut done = kept.done;
    if let Some(at) = kept.memory.done_at {
        done.note(profile.zone(), at);
    }
    let today = local::day(profile.zone(), now);
    let mut row = u8::from(done.contains(today));
    let mut day = today;
    while let Ok(before) = day.yesterday() {
        day = before;
        match done.contains(day) {
            true => row += 1,
            false if rests(kept, day) => {}
            false => break,
        }
    }
    row
}

/// The days on which something was done: the last one, and the month before it. The same in whatever order, and however
/// often, they are told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct DoneDays(Option<(Date, u32)>);

impl DoneDays {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn note(&mut self, zone: &TimeZone, when: Timestamp) {
        let day = local::day(zone, when);
        let (last, days) = self.0.unwrap_or((day, 0));
        self.0 = Some(match days_between(last, day) {
            // Bit 0 is the last day; what was done longer ago than the bits reach is forgotten.
            later @ 0.. => (day, shift(days, later, u32::checked_shl) | 1),
            earlier => (last, days | shift(1, -earlier, u32::checked_shl)),
        });
    }

    fn contains(&self, day: Date) -> bool {
        self.0.is_some_and(|(last, days)| {
            let ago = days_between(day, last);
            ago >= 0 && shift(days, ago, u32::checked_shr) & 1 == 1
        })
    }
}

fn days_between(from: Date, to: Date) -> i64 {
    from.duration_until(to).as_hours() / 24
}

fn shift(bits: u32, by: i64, how: fn(u32, u32) -> Option<u32>) -> u32 {
    u32::try_from(by).ok().and_then(|by| how(bits, by)).unwrap_or(0)
}

/// The day that a moment of the habit's part of the day belongs to: where that is over midnight, the one on which it began.
fn day_of(profile: &Profile, kept: &KeptHabit, now: Timestamp) -> Date {
    if whole_day(kept) {
        return local::day(profile.zone(), now);
    }
    let wall = profile.zone().to_datetime(now);
    let began_before = kept.habit.from > kept.habit.to && wall.time() < kept.habit.to;
    if began_before { wall.date().yesterday().unwrap_or(wall.date()) } else { wall.date() }
}

fn is_its_day(kept: &KeptHabit, day: Date) -> bool {
    kept.habit.days.is_empty() || kept.habit.days.contains(&Weekday::of(day))
}

fn rests(kept: &KeptHabit, day: Date) -> bool {
    match kept.habit.days.is_empty() {
        true => matches!(Weekday::of(day), Weekday::Saturday | Weekday::Sunday),
        false => !is_its_day(kept, day),
    }
}

fn whole_day(kept: &KeptHabit) -> bool {
    kept.habit.from == kept.habit.to
}

fn window(kept: &KeptHabit) -> Window {
    Window { from: kept.habit.from, to: kept.habit.to }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::candidates;
    use crate::testing::{Log, at};
    use jiff::civil::time;
    use oo_contracts::signal::{Answer, Fact};
    use oo_contracts::tip::Subject;
    use proptest::prelude::*;

    const STRETCH: &str = "stretch";

    fn stretching(days: &[u8]) -> Log {
        let mut log = Log::linked();
        log.habit(STRETCH, time(9, 0, 0, 0), time(18, 0, 0, 0), 5);
        for day in days {
            done(&mut log, &format!("2026-11-{day:02}T10:00:00Z"));
        }
        log
    }

    fn done(log: &mut Log, when: &str) {
        log.fact(when, Fact::HabitDone { habit: STRETCH.parse().unwrap() });
    }

    fn row(log: &Log, when: &str) -> u8 {
        in_a_row(&log.profile, &log.profile.habits()[0], at(when))
    }

    #[test]
    fn days_in_a_row_are_counted_up_to_yesterday_and_today_once_done() {
        let mut log = stretching(&[16, 18, 19]);
        assert_eq!(row(&log, "2026-11-20T09:30:00Z"), 2);
        done(&mut log, "2026-11-20T10:00:00Z");
        assert_eq!(row(&log, "2026-11-20T10:01:00Z"), 3);
        done(&mut log, "2026-11-17T10:00:00Z");
        assert_eq!(row(&log, "2026-11-20T10:02:00Z"), 5, "one that is told late fills its day");
        assert_eq!(row(&log, "2026-11-25T10:00:00Z"), 0, "Monday and Tuesday were without it");
    }

    #[test]
    fn a_weekend_without_it_neither_ends_the_row_nor_adds_to_it() {
        // The 21st and 22nd are a weekend.
        assert_eq!(row(&stretching(&[19, 20]), "2026-11-23T10:00:00Z"), 2);
        assert_eq!(row(&stretching(&[19, 20, 22]), "2026-11-23T10:00:00Z"), 3);
        assert_eq!(row(&stretching(&[19]), "2026-11-23T10:00:00Z"), 0);
    }

    #[test]
    fn a_habit_of_some_days_is_open_on_those_and_the_others_do_not_end_its_row() {
        let mut log = stretching(&[]);
        let mut habit = log.profile.habits()[0].habit.clone();
        habit.days = vec![Weekday::Monday, Weekday::Thursday];
        log.fact("2026-11-03T09:00:00Z", Fact::HabitDefined { habit });
        let open = |when: &str| is_open(&log.profile, &log.profile.habits()[0], at(when));
        // The 19th is a Thursday.
        assert!(open("2026-11-19T10:00:00Z") && !open("2026-11-20T10:00:00Z"));
        let next = opens(&log.profile, &log.profile.habits()[0], at("2026-11-19T10:00:00Z"));
        assert_eq!(next, Some(at("2026-11-23T09:00:00Z")));
        for day in ["16", "19"] {
            done(&mut log, &format!("2026-11-{day}T10:00:00Z"));
        }
        assert_eq!(row(&log, "2026-11-23T09:30:00Z"), 2);
        assert_eq!(row(&log, "2026-11-24T09:30:00Z"), 0, "Monday was without it");
    }

    #[test]
    fn a_part_of_the_day_over_midnight_belongs_to_the_day_it_began_on() {
        let mut log = Log::linked();
        log.habit("read", time(22, 0, 0, 0), time(2, 0, 0, 0), 10);
        let mut habit = log.profile.habits()[0].habit.clone();
        habit.days = vec![Weekday::Thursday];
        log.fact("2026-11-03T09:00:00Z", Fact::HabitDefined { habit });
        let open = |when: &str| is_open(&log.profile, &log.profile.habits()[0], at(when));
        assert!(open("2026-11-19T22:30:00Z") && open("2026-11-20T01:00:00Z"));
        assert!(!open("2026-11-19T01:00:00Z") && !open("2026-11-20T22:30:00Z"));
    }

    #[test]
    fn a_habit_removed_is_gone() {
        let mut log = stretching(&[16]);
        log.fact("2026-11-17T09:00:00Z", Fact::HabitRemoved { habit: STRETCH.parse().unwrap() });
        assert!(log.profile.habits().is_empty());
    }

    #[test]
    fn done_as_an_answer_counts_and_undone_does_not() {
        let mut log = stretching(&[16, 17]);
        let subject = Subject::Habit { habit: STRETCH.parse().unwrap(), label: STRETCH.parse().unwrap() };
        log.tip_about("tip-0001", subject.clone(), "2026-11-18T10:00:00Z");
        log.answer("tip-0001", "2026-11-18T10:05:00Z", Answer::Done);
        assert_eq!(row(&log, "2026-11-18T10:05:30Z"), 3);
        log.answer("tip-0001", "2026-11-18T10:06:00Z", Answer::Undo);
        assert_eq!(row(&log, "2026-11-18T10:06:30Z"), 2);
        log.answer("tip-0001", "2026-11-18T10:07:00Z", Answer::Done);
        let offered = candidates::eligible(&log.profile, at("2026-11-19T10:00:00Z"));
        let habit = offered.iter().find(|one| one.subject == subject).unwrap();
        assert_eq!(habit.in_a_row, Some(3));
        // Until six in the evening, with time to be seen.
        assert_eq!(habit.left.unwrap().get(), 8 * 60 - 5);
    }

    proptest! {
        #[test]
        fn days_are_the_same_in_any_order_and_twice(mut days in prop::collection::vec(0i64..60, 1..40)) {
            let told = |days: &[i64]| {
                let mut done = DoneDays::default();
                for day in days {
                    done.note(&TimeZone::UTC, local::plus(at("2026-09-01T12:00:00Z"), local::days(*day)));
                }
                done
            };
            let once = told(&days);
            let newest = *days.iter().max().unwrap();
            for day in 0..60 {
                let date = local::day(&TimeZone::UTC, local::plus(at("2026-09-01T12:00:00Z"), local::days(day)));
                prop_assert_eq!(once.contains(date), days.contains(&day) && newest - day < 32);
            }
            days.extend(days.clone());
            days.reverse();
            prop_assert_eq!(told(&days), once);
        }
    }
}
