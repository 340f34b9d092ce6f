//! The hours in which nothing is said: the same each day, or others for each day of the week. Hours over midnight belong to
//! the day that they begin on, so that Friday's may end on Saturday at noon and Saturday's begin as late as one likes.

use crate::local::{self, Window, minus, plus};
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use oo_contracts::signal::{Preferences, QuietHours};

/// A day has most of the turns that are asked for; a week and a day hold every one that a week has.
const SEARCH_DAYS: [i64; 2] = [1, 9];

/// The person's quiet hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quiet {
    Daily(Window),
    /// By the day that they begin on, Monday first.
    Weekly([Option<Window>; 7]),
}

impl Quiet {
    /// As the person chose them; `None` for none at all.
    pub fn of(preferences: &Preferences) -> Option<Self> {
        let window = |hours: QuietHours| Window { from: hours.from, to: hours.to };
        let Some(week) = preferences.quiet_week else { return preferences.quiet.map(window).map(Self::Daily) };
        let days = [week.monday, week.tuesday, week.wednesday, week.thursday, week.friday, week.saturday, week.sunday];
        days.iter().any(Option::is_some).then(|| Self::Weekly(days.map(|day| day.map(window))))
    }

    /// Whether they are now.
    pub fn is_open(&self, zone: &TimeZone, now: Timestamp) -> bool {
        match self {
            Self::Daily(window) => window.is_open(zone, now),
            Self::Weekly(_) => {
                let wall = zone.to_datetime(now);
                self.spans(wall.date()).into_iter().flatten().any(|(from, to)| {
                    from.is_none_or(|from| from <= wall.time()) && to.is_none_or(|to| wall.time() < to)
                })
            }
        }
    }

    /// The first instant after `now` at which they are over.
    pub fn closes(&self, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Daily(window) => window.closes(zone, now),
            Self::Weekly(week) => self.turns(week, zone, now, false),
        }
    }

    /// The first instant after `now` at which they are.
    pub fn opens(&self, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Daily(window) => window.opens(zone, now),
            Self::Weekly(week) => self.turns(week, zone, now, true),
        }
    }

    /// The spans of one date on the wall clock: what is left of the day before, and its own. Open where there is no end.
    fn spans(&self, date: Date) -> [Option<(Option<Time>, Option<Time>)>; 2] {
        let before = date.yesterday().ok().and_then(|before| self.begun_on(before));
        let left = before.filter(|window| window.from > window.to).map(|window| (None, Some(window.to)));
        let own = self.begun_on(date).filter(|window| window.from != window.to);
        let own = own.map(|window| (Some(window.from), (window.from < window.to).then_some(window.to)));
        [left, own]
    }

    fn begun_on(&self, date: Date) -> Option<Window> {
        match self {
            Self::Daily(window) => Some(*window),
            Self::Weekly(week) => week[usize::from(date.weekday().to_monday_zero_offset().unsigned_abs())],
        }
    }

    /// The first instant after `now` at which they begin, or end.
    fn turns(&self, week: &[Option<Window>; 7], zone: &TimeZone, now: Timestamp, open: bool) -> Option<Timestamp> {
        let mut times: Vec<_> = week.iter().flatten().flat_map(|window| [window.from, window.to]).collect();
        times.push(Time::midnight());
        times.sort_unstable();
        times.dedup();
        // At a time of another day, at midnight and where the clock changes nothing need turn.
        let turns = |at: Timestamp| self.is_open(zone, at) == open && self.is_open(zone, just_before(at)) != open;
        SEARCH_DAYS.into_iter().find_map(|count| {
            let until = plus(now, local::days(count));
            let edges = local::edges(&times, zone, now, until);
            edges.into_iter().filter(|at| *at > now && *at <= until).find(|at| turns(*at))
        })
    }
}

fn just_before(at: Timestamp) -> Timestamp {
    minus(at, SignedDuration::from_nanos(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::at;
    use jiff::civil::time;
    use oo_contracts::signal::QuietWeek;
    use proptest::prelude::*;

    fn hours(from: i8, to: i8) -> Option<QuietHours> {
        Some(QuietHours { from: time(from, 0, 0, 0), to: time(to, 0, 0, 0) })
    }

    fn weekly(week: QuietWeek) -> Option<Quiet> {
        Quiet::of(&Preferences { quiet_week: Some(week), ..Preferences::default() })
    }

    fn zurich() -> TimeZone {
        TimeZone::get("Europe/Zurich").unwrap()
    }

    #[test]
    fn fridays_night_ends_on_saturday_and_sundays_begins_on_sunday() {
        let quiet = weekly(QuietWeek { friday: hours(23, 11), sunday: hours(21, 7), ..QuietWeek::default() }).unwrap();
        let zone = zurich();
        let is = |when: &str| quiet.is_open(&zone, at(when));
        assert!(!is("2026-11-26T22:30:00Z"), "Thursday night");
        assert!(is("2026-11-27T22:30:00Z"), "Friday night");
        assert!(is("2026-11-28T09:30:00Z"), "Saturday morning");
        assert!(!is("2026-11-28T22:30:00Z"), "Saturday night");
        assert_eq!(quiet.closes(&zone, at("2026-11-27T22:30:00Z")), Some(at("2026-11-28T10:00:00Z")));
        assert_eq!(quiet.opens(&zone, at("2026-11-28T10:00:00Z")), Some(at("2026-11-29T20:00:00Z")));
        assert_eq!(quiet.opens(&zone, at("2026-11-30T06:00:00Z")), Some(at("2026-12-04T22:00:00Z")), "most of a week");
    }

    #[test]
    fn they_end_by_the_clock_in_the_night_it_changes() {
        let quiet = weekly(QuietWeek { saturday: hours(22, 8), ..QuietWeek::default() }).unwrap();
        assert_eq!(quiet.closes(&zurich(), at("2026-03-28T22:00:00Z")), Some(at("2026-03-29T06:00:00Z")));
        assert_eq!(quiet.closes(&zurich(), at("2026-10-24T21:00:00Z")), Some(at("2026-10-25T07:00:00Z")));
    }

    /// Morocco's clocks go back from three to two on Sunday: two o'clock comes twice, and midnight comes before.
    #[test]
    fn they_begin_at_midnight_though_the_clock_is_set_back_into_them() {
        let (night, short) = (hours(0, 3), Some(QuietHours { from: time(0, 0, 0, 0), to: time(2, 15, 0, 0) }));
        let quiet = weekly(QuietWeek { saturday: night, sunday: short, ..QuietWeek::default() }).unwrap();
        let zone = TimeZone::get("Africa/Casablanca").unwrap();
        let turns =
            ["2026-02-14T23:00:00Z", "2026-02-15T01:15:00Z", "2026-02-15T02:00:00Z", "2026-02-15T02:15:00Z"].map(at);
        assert_eq!(quiet.opens(&zone, at("2026-02-14T06:45:00Z")), Some(turns[0]));
        assert_eq!(quiet.closes(&zone, turns[0]), Some(turns[1]));
        assert_eq!(quiet.opens(&zone, turns[1]), Some(turns[2]));
        assert_eq!(quiet.closes(&zone, turns[2]), Some(turns[3]));
    }

    #[test]
    fn a_week_without_hours_has_none_even_where_every_day_had() {
        assert_eq!(weekly(QuietWeek::default()), None);
    }

    fn some_hours() -> impl Strategy<Value = Option<QuietHours>> {
        let time = (0i8..24, prop::sample::select(&[0i8, 30][..])).prop_map(|(hour, minute)| time(hour, minute, 0, 0));
        prop::option::weighted(0.7, (time.clone(), time).prop_map(|(from, to)| QuietHours { from, to }))
    }

    fn week(days: [Option<QuietHours>; 7]) -> QuietWeek {
        let [monday, tuesday, wednesday, thursday, friday, saturday, sunday] = days;
        QuietWeek { monday, tuesday, wednesday, thursday, friday, saturday, sunday }
    }

    proptest! {
        #[test]
        fn the_same_hours_on_every_day_are_daily_hours(
            second in 1_300_000_000i64..1_900_000_000, zone in crate::testing::zone(), hours in some_hours(),
        ) {
            let now = Timestamp::from_second(second).unwrap();
            let daily = Quiet::of(&Preferences { quiet: hours, ..Preferences::default() });
            let weekly = weekly(week([hours; 7]));
            prop_assert_eq!(daily.is_some(), weekly.is_some());
            if let (Some(daily), Some(weekly)) = (daily, weekly) {
                prop_assert_eq!(daily.is_open(&zone, now), weekly.is_open(&zone, now));
                if daily.is_open(&zone, now) {
                    prop_assert_eq!(daily.closes(&zone, now), weekly.closes(&zone, now));
                } else {
                    prop_assert_eq!(daily.opens(&zone, now), weekly.opens(&zone, now));
                }
            }
        }

        #[test]
        fn from_one_turn_to_the_next_nothing_changes(
            second in 1_700_000_000i64..1_900_000_000, zone in crate::testing::zone(),
            days in proptest::array::uniform7(some_hours()), step in 1i64..1000,
        ) {
            let now = Timestamp::from_second(second).unwrap();
            let Some(quiet) = weekly(week(days)) else { return Ok(()) };
            let open = quiet.is_open(&zone, now);
            let turn = if open { quiet.closes(&zone, now) } else { quiet.opens(&zone, now) };
            // Hours from a time to the same time are none, and a week of them never opens.
            let Some(turn) = turn else {
                prop_assert!(!open);
                return Ok(());
            };
            prop_assert!(turn > now);
            prop_assert_eq!(quiet.is_open(&zone, turn), !open);
            let between = plus(now, SignedDuration::from_secs(now.duration_until(turn).as_secs() * step / 1001));
            prop_assert_eq!(quiet.is_open(&zone, between), open);
        }
    }
}
