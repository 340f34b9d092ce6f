//! The person's wall clock: local days that start at four, and spans of the day, exact over clock changes.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// A person's day begins here: who is up at two is still in yesterday (product R-B1).
pub const DAY_STARTS: Time = Time::constant(4, 0, 0, 0);

/// How far ahead a change of the wall clock is searched: three days hold a date line crossing (Samoa, 2011).
const SEARCH_DAYS: i64 = 3;

/// A part of the day on the wall clock, over midnight where `from` is later than `to`; nothing where they are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub from: Time,
    pub to: Time,
}

impl Window {
    /// Whether the wall clock stands within it.
    pub fn is_open(&self, zone: &TimeZone, now: Timestamp) -> bool {
        let wall = zone.to_datetime(now).time();
        if self.from <= self.to { self.from <= wall && wall < self.to } else { wall >= self.from || wall < self.to }
    }

    /// The first instant after `now` at which it is closed.
    pub fn closes(&self, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
        self.turns(zone, now, false)
    }

    /// The first instant after `now` at which it is open.
    pub fn opens(&self, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
        self.turns(zone, now, true)
    }

    /// When the stretch that is open at `now` began: the last instant at which the window turned.
    pub fn opened(&self, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
        let mut turns = self.edges(zone, minus(now, days(SEARCH_DAYS)), now);
        turns.reverse();
        let just_before = SignedDuration::from_nanos(1);
        turns
            .into_iter()
            .filter(|at| *at <= now)
            .find(|at| self.is_open(zone, *at) && !self.is_open(zone, minus(*at, just_before)))
    }

    fn turns(&self, zone: &TimeZone, now: Timestamp, open: bool) -> Option<Timestamp> {
        self.edges(zone, now, plus(now, days(SEARCH_DAYS)))
            .into_iter()
            .filter(|at| *at > now)
            .find(|at| self.is_open(zone, *at) == open)
    }

    fn edges(&self, zone: &TimeZone, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
        edges(&[self.from, self.to], zone, from, to)
    }
}

/// Every instant at which the wall clock may come to one of these times, in order: on each day from one to the other, both
/// of them where the clock is set back, and the clock changes themselves.
pub(crate) fn edges(times: &[Time], zone: &TimeZone, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
    let mut edges = Vec::new();
    let mut date = zone.to_datetime(from).date();
    let last = zone.to_datetime(to).date();
    loop {
        for time in times {
            let at = zone.to_ambiguous_timestamp(date.to_datetime(*time));
            edges.extend(at.earlier().ok());
            if at.is_ambiguous() {
                edges.extend(at.later().ok());
            }
        }
        match date.tomorrow() {
            Ok(next) if date < last => date = next,
            _ => break,
        }
    }
    edges.extend(zone.following(from).map(|change| change.timestamp()).take_while(|at| *at <= to));
    edges.sort_unstable();
    edges
}

/// The local day that `now` is in, from four to four.
pub fn day(zone: &TimeZone, now: Timestamp) -> Date {
    let mut date = zone.to_datetime(now).date();
    while day_start(zone, date) > now {
        match date.yesterday() {
            Ok(earlier) => date = earlier,
            Err(_) => return date,
        }
    }
    while let Ok(later) = date.tomorrow() {
        if day_start(zone, later) > now {
            break;
        }
        date = later;
    }
    date
}

/// The instant at which a local day begins.
pub fn day_start(zone: &TimeZone, date: Date) -> Timestamp {
    zone.to_ambiguous_timestamp(date.to_datetime(DAY_STARTS)).compatible().unwrap_or(if date.year() > 0 {
        Timestamp::MAX
    } else {
        Timestamp::MIN
    })
}

/// The instant at which the local day of `now` began.
pub fn today(zone: &TimeZone, now: Timestamp) -> Timestamp {
    day_start(zone, day(zone, now))
}

/// The instant at which the local day after that of `now` begins; always after `now`.
pub fn tomorrow(zone: &TimeZone, now: Timestamp) -> Timestamp {
    let mut date = day(zone, now);
    while let Ok(next) = date.tomorrow() {
        let start = day_start(zone, next);
        if start > now {
            return start;
        }
        date = next;
    }
    Timestamp::MAX
}

/// `at` and a while, or the end of time.
pub fn plus(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(if by.is_negative() { Timestamp::MIN } else { Timestamp::MAX })
}

/// `at` less a while, or the beginning of time.
pub fn minus(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_sub(by).unwrap_or(if by.is_negative() { Timestamp::MAX } else { Timestamp::MIN })
}

/// So many minutes.
pub const fn minutes(count: i64) -> SignedDuration {
    SignedDuration::from_mins(count)
}

/// So many days of 24 hours.
pub const fn days(count: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * count)
}

/// Whole minutes from `from` to `to`, none where `to` is earlier, at most `most`.
pub fn minutes_between(from: Timestamp, to: Timestamp, most: u32) -> u32 {
    let minutes = from.duration_until(to).as_mins().clamp(0, i64::from(most));
    u32::try_from(minutes).unwrap_or(most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::{date, time};
    use proptest::prelude::*;

    fn zurich() -> TimeZone {
        TimeZone::get("Europe/Zurich").unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_day_starts_at_four() {
        let zone = zurich();
        assert_eq!(day(&zone, at("2026-11-22T02:59:59Z")), date(2026, 11, 21));
        assert_eq!(day(&zone, at("2026-11-22T03:00:00Z")), date(2026, 11, 22));
        assert_eq!(today(&zone, at("2026-11-22T12:00:00Z")), at("2026-11-22T03:00:00Z"));
        assert_eq!(tomorrow(&zone, at("2026-11-22T03:00:00Z")), at("2026-11-23T03:00:00Z"));
    }

    #[test]
    fn the_day_of_a_clock_change_is_an_hour_shorter_or_longer() {
        let zone = zurich();
        let hours = |text| {
            let now = at(text);
            today(&zone, now).duration_until(tomorrow(&zone, now)).as_hours()
        };
        assert_eq!(hours("2026-03-28T12:00:00Z"), 23, "clocks go forward in the night that ends this day");
        assert_eq!(hours("2026-10-24T12:00:00Z"), 25, "clocks go back in the night that ends this day");
        assert_eq!(hours("2026-10-25T12:00:00Z"), 24);
    }

    #[test]
    fn a_window_over_midnight_closes_in_the_morning() {
        let night = Window { from: time(22, 0, 0, 0), to: time(8, 0, 0, 0) };
        let zone = zurich();
        assert!(night.is_open(&zone, at("2026-11-22T21:00:00Z")));
        assert_eq!(night.closes(&zone, at("2026-11-22T21:30:00Z")), Some(at("2026-11-23T07:00:00Z")));
        assert_eq!(night.opened(&zone, at("2026-11-23T01:00:00Z")), Some(at("2026-11-22T21:00:00Z")));
        assert_eq!(night.opens(&zone, at("2026-11-23T07:00:00Z")), Some(at("2026-11-23T21:00:00Z")));
    }

    #[test]
    fn a_window_that_ends_in_the_missing_hour_closes_at_the_change() {
        let night = Window { from: time(23, 0, 0, 0), to: time(2, 30, 0, 0) };
        assert_eq!(night.closes(&zurich(), at("2026-03-28T23:00:00Z")), Some(at("2026-03-29T01:00:00Z")));
    }

    #[test]
    fn a_window_that_ends_in_the_doubled_hour_opens_again_when_the_clock_goes_back() {
        let night = Window { from: time(23, 0, 0, 0), to: time(2, 30, 0, 0) };
        let zone = zurich();
        assert_eq!(night.closes(&zone, at("2026-10-24T23:00:00Z")), Some(at("2026-10-25T00:30:00Z")));
        assert_eq!(night.opens(&zone, at("2026-10-25T00:30:00Z")), Some(at("2026-10-25T01:00:00Z")));
        assert_eq!(night.closes(&zone, at("2026-10-25T01:00:00Z")), Some(at("2026-10-25T01:30:00Z")));
    }

    #[test]
    fn an_empty_window_never_opens() {
        let none = Window { from: time(9, 0, 0, 0), to: time(9, 0, 0, 0) };
        assert!(!none.is_open(&zurich(), at("2026-11-22T08:00:00Z")));
        assert_eq!(none.opens(&zurich(), at("2026-11-22T08:00:00Z")), None);
    }

    #[test]
    fn a_day_that_a_zone_skipped_has_no_length() {
        let apia = TimeZone::get("Pacific/Apia").unwrap();
        let before = at("2011-12-30T09:00:00Z");
        assert_eq!(day(&apia, before), date(2011, 12, 29));
        assert!(tomorrow(&apia, before) > before);
        assert_eq!(day(&apia, tomorrow(&apia, before)), date(2011, 12, 31));
    }

    proptest! {
        #[test]
        fn every_instant_is_in_exactly_one_day(second in 1_200_000_000i64..1_900_000_000, zone in crate::testing::zone()) {
            let now = Timestamp::from_second(second).unwrap();
            let start = today(&zone, now);
            let end = tomorrow(&zone, now);
            prop_assert!(start <= now && now < end);
            prop_assert_eq!(today(&zone, minus(end, SignedDuration::from_secs(1))), start);
            prop_assert_eq!(today(&zone, end), end);
        }

        #[test]
        fn a_window_is_open_from_its_opening_to_its_closing(
            second in 1_700_000_000i64..1_900_000_000, zone in crate::testing::zone(),
            from in 0i8..24, to in 0i8..24, step in 1i64..1000,
        ) {
            let window = Window { from: time(from, 30, 0, 0), to: time(to, 0, 0, 0) };
            let now = Timestamp::from_second(second).unwrap();
            let open = window.is_open(&zone, now);
            let turn = window.turns(&zone, now, !open).unwrap();
            prop_assert!(turn > now);
            prop_assert_eq!(window.is_open(&zone, turn), !open);
            let inside = now.duration_until(turn).as_secs();
            let between = plus(now, SignedDuration::from_secs(inside * step / 1001));
            prop_assert_eq!(window.is_open(&zone, between), open);
        }
    }
}
