//! A person's own day: when it begins and when it ends, learnt from the hours in which they were seen.
//!
//! Kept are the days of the last weeks, with the local hours of each in which the person answered, came to a screen or
//! said something. A set of hours is the same in whatever order, and however often, its hours are told.

use crate::local;
use crate::profile::Profile;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

/// Days are remembered for four weeks; each week weighs half of the one after it.
const WEEKS: i32 = 4;
/// Fewer days than this are no rhythm.
const DAYS_AT_LEAST: usize = 3;
const HOURS: u8 = 24;

/// The hours in which a person was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Rhythm {
    /// By day, the oldest first; bit 0 is the first hour of the local day, which begins at four.
    days: Vec<(Date, u32)>,
}

impl Rhythm {
    pub(crate) fn is_empty(&self) -> bool {
        self.days.is_empty()
    }

    /// The person was seen at `when`.
    pub(crate) fn note(&mut self, zone: &TimeZone, when: Timestamp) {
        let day = local::day(zone, when);
        let hour = zone.to_datetime(when).hour().rem_euclid(24) - local::DAY_STARTS.hour();
        let bit = 1u32 << hour.rem_euclid(HOURS as i8);
        match self.days.binary_search_by_key(&day, |(day, _)| *day) {
            Ok(index) => self.days[index].1 |= bit,
            Err(index) => self.days.insert(index, (day, bit)),
        }
        if let Some((newest, _)) = self.days.last().copied() {
            self.days.retain(|(day, _)| age(*day, newest) < 7 * WEEKS);
        }
    }

    /// The hours after four in which a day like `date` begins and ends: the medians of the first and of the last hour, over
    /// days of the same kind where there are enough.
    fn span(&self, date: Date) -> Option<(u8, u8)> {
        let alike: Vec<_> = self.days.iter().filter(|(day, _)| is_weekend(*day) == is_weekend(date)).collect();
        let days = if alike.len() >= DAYS_AT_LEAST { alike } else { self.days.iter().collect() };
        if days.len() < DAYS_AT_LEAST {
            return None;
        }
        let weigh = |hour: fn(u32) -> u32| {
            let weighed =
                days.iter().map(|(day, hours)| (hour(*hours), 1u32 << (WEEKS - 1 - age(*day, date) / 7).max(0)));
            median(weighed.collect())
        };
        let first = weigh(u32::trailing_zeros);
        let last = weigh(|hours| u32::BITS - 1 - hours.leading_zeros());
        // One hour of a day that was seen once is no span.
        (first < last).then_some((first as u8, last as u8 + 1))
    }
}

/// When the person's day begins on a date, by their rhythm.
pub fn morning(profile: &Profile, date: Date) -> Option<Timestamp> {
    profile.rhythm().span(date).map(|(first, _)| hour_of(profile.zone(), date, first))
}

/// When the person's day ends, likewise.
pub fn evening(profile: &Profile, date: Date) -> Option<Timestamp> {
    profile.rhythm().span(date).map(|(_, end)| hour_of(profile.zone(), date, end))
}

fn hour_of(zone: &TimeZone, date: Date, hours: u8) -> Timestamp {
    let wall = date.to_datetime(local::DAY_STARTS).saturating_add(i64::from(hours).hours());
    zone.to_ambiguous_timestamp(wall).compatible().unwrap_or(Timestamp::MAX)
}

fn age(day: Date, at: Date) -> i32 {
    let days = day.duration_until(at).as_hours() / 24;
    i32::try_from(days.clamp(0, 10_000)).unwrap_or_default()
}

fn is_weekend(date: Date) -> bool {
    matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday)
}

/// The lower weighted median.
fn median(mut weighed: Vec<(u32, u32)>) -> u32 {
    weighed.sort_unstable();
    let total: u32 = weighed.iter().map(|(_, weight)| weight).sum();
    let mut below = 0;
    for (value, weight) in &weighed {
        below += weight;
        if 2 * below >= total {
            return *value;
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Log, at, zone};
    use jiff::SignedDuration;
    use oo_contracts::signal::Fact;
    use proptest::prelude::*;

    fn seen(log: &mut Log, when: &str) {
        log.fact(when, Fact::Presence { present: true });
    }

    fn early_and_late() -> Log {
        let mut log = Log::linked();
        log.zone("Europe/Zurich");
        // Monday to Friday from half past six to ten at night, the weekend from ten on.
        for (day, first, last) in [
            (16, "05:30", "21:10"),
            (17, "05:40", "21:50"),
            (18, "07:30", "20:00"),
            (19, "05:10", "21:30"),
            (20, "05:50", "21:30"),
        ] {
            seen(&mut log, &format!("2026-11-{day}T{first}:00Z"));
            seen(&mut log, &format!("2026-11-{day}T{last}:00Z"));
        }
        log
    }

    #[test]
    fn a_day_begins_and_ends_when_the_persons_days_do() {
        let log = early_and_late();
        let monday = jiff::civil::date(2026, 11, 23);
        assert_eq!(morning(&log.profile, monday), Some(at("2026-11-23T05:00:00Z")));
        assert_eq!(evening(&log.profile, monday), Some(at("2026-11-23T22:00:00Z")));
        // In summer the same hours on the wall are others.
        assert_eq!(morning(&log.profile, jiff::civil::date(2026, 7, 6)), Some(at("2026-07-06T04:00:00Z")));
    }

    #[test]
    fn the_weekend_has_a_rhythm_of_its_own_once_it_is_known() {
        let mut log = early_and_late();
        let saturday = jiff::civil::date(2026, 11, 28);
        assert_eq!(morning(&log.profile, saturday), Some(at("2026-11-28T05:00:00Z")), "as on other days until then");
        for day in ["14", "15", "21"] {
            seen(&mut log, &format!("2026-11-{day}T09:10:00Z"));
            seen(&mut log, &format!("2026-11-{day}T22:10:00Z"));
        }
        assert_eq!(morning(&log.profile, saturday), Some(at("2026-11-28T09:00:00Z")));
        assert_eq!(evening(&log.profile, saturday), Some(at("2026-11-28T23:00:00Z")));
    }

    #[test]
    fn somebody_hardly_seen_has_no_rhythm_and_old_days_are_forgotten() {
        let mut log = Log::linked();
        let day = jiff::civil::date(2026, 11, 23);
        assert_eq!(morning(&log.profile, day), None);
        for number in 1..=3 {
            seen(&mut log, &format!("2026-11-0{number}T06:10:00Z"));
            seen(&mut log, &format!("2026-11-0{number}T20:10:00Z"));
        }
        assert_eq!(morning(&log.profile, day), Some(at("2026-11-23T06:00:00Z")));
        for number in 1..=2 {
            seen(&mut log, &format!("2026-12-0{number}T12:10:00Z"));
        }
        assert_eq!(morning(&log.profile, day), None, "two days are left");
    }

    proptest! {
        #[test]
        fn the_same_hours_in_any_order_and_twice_are_the_same_rhythm(
            zone in zone(),
            mut seconds in prop::collection::vec(1_790_000_000i64..1_796_000_000, 1..80),
            seed: u64,
        ) {
            let learn = |seconds: &[i64]| {
                let mut rhythm = Rhythm::default();
                for second in seconds {
                    rhythm.note(&zone, Timestamp::from_second(*second).unwrap());
                }
                rhythm
            };
            let once = learn(&seconds);
            seconds.extend(seconds.clone().into_iter().take(10));
            let length = seconds.len() as u64;
            for index in (1..seconds.len()).rev() {
                seconds.swap(index, ((seed ^ (index as u64).wrapping_mul(0x9e37_79b9)) % length.min(index as u64 + 1)) as usize);
            }
            prop_assert_eq!(learn(&seconds), once);
        }

        #[test]
        fn a_morning_is_before_its_evening_and_both_are_within_the_day(zone in zone(), from in 1_790_000_000i64..1_796_000_000) {
            let mut rhythm = Rhythm::default();
            let mut at = Timestamp::from_second(from).unwrap();
            for _ in 0..60 {
                rhythm.note(&zone, at);
                at = local::plus(at, SignedDuration::from_mins(7 * 60 + 13));
            }
            let date = local::day(&zone, at);
            if let Some((first, end)) = rhythm.span(date) {
                prop_assert!(first < end && end <= HOURS);
                prop_assert!(hour_of(&zone, date, first) <= hour_of(&zone, date, end));
            }
        }
    }
}
