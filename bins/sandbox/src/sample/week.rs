//! The sample calendar.

use super::{days, instant};
use crate::google::{Calendar, Event, When};
use jiff::civil::{Date, Time, Weekday, time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

/// The calendar reaches so many days ahead.
const DAYS_AHEAD: i32 = 15;
/// And so many back.
const DAYS_BACK: i32 = 2;
/// At the first look nothing lies from a little before now to this long after: there is room for a first tip.
const FREE_BEFORE: SignedDuration = SignedDuration::from_mins(15);
const FREE_AFTER: SignedDuration = SignedDuration::from_mins(60);
/// The standup's series.
const STANDUP: &str = "standup0000000000000000001";

/// A line of the weekly plan: title, from and to as (hour, minute), and what is special.
struct Line(&'static str, (i8, i8), (i8, i8), Special);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Special {
    None,
    Series,
    Focus,
    Free,
    Declined,
}

/// Lays the week around now, with room right now and something after it.
pub(crate) fn fill(calendar: &mut Calendar, now: Timestamp, zone: &TimeZone) {
    let today = now.to_zoned(zone.clone()).date();
    calendar.filled_until = Some(today.saturating_sub(DAYS_BACK.days()));
    extend(calendar, now, zone);
    let (from, to) = (now - FREE_BEFORE, now + FREE_AFTER);
    calendar.events.retain(|event| match (event.start, event.end) {
        (When::At(start), When::At(end)) => end <= from || start >= to,
        _ => true,
    });
    if let Some((start, end)) = next_call(now, zone) {
        let taken = |event: &Event| match (event.start, event.end) {
            (When::At(from), When::At(to)) => from < end && start < to && !event.free && !event.declined,
            _ => false,
        };
        if !calendar.events.iter().any(taken) {
            calendar.add(Event::new("Call with Noor", When::At(start), When::At(end), now), now);
        }
    }
    calendar.lived_until = now;
}

/// Lets the days come: the calendar reaches ahead, and now and then a meeting is put in at short notice.
pub(crate) fn live(calendar: &mut Calendar, now: Timestamp, zone: &TimeZone) -> bool {
    let from = calendar.lived_until;
    let mut changed = extend(calendar, now, zone);
    for day in days(from, now, zone) {
        let put_in = instant(day, time(11, 5, 0, 0), zone);
        let workday = !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
        if workday && put_in > from && put_in <= now {
            let start = instant(day, time(17, 0, 0, 0), zone);
            let end = start + SignedDuration::from_mins(20);
            calendar.add(Event::new("Short sync about tomorrow", When::At(start), When::At(end), put_in), put_in);
            changed = true;
        }
        // The afternoon's one-to-one is moved by half an hour, as it always is.
        let moved_at = instant(day, time(13, 20, 0, 0), zone);
        if moved_at > from && moved_at <= now {
            let found = calendar
                .events
                .iter()
                .find(|event| event.summary == ONE_TO_ONE && !event.cancelled && starts_on(event, day, zone));
            if let Some((id, When::At(start), When::At(end))) =
                found.map(|event| (event.id.clone(), event.start, event.end))
            {
                let later = SignedDuration::from_mins(30);
                changed |= calendar.reschedule(&id, When::At(start + later), When::At(end + later), moved_at);
            }
        }
    }
    calendar.lived_until = from.max(now);
    changed
}

const ONE_TO_ONE: &str = "One-to-one with Jonas";

fn starts_on(event: &Event, day: Date, zone: &TimeZone) -> bool {
    matches!(event.start, When::At(start) if start.to_zoned(zone.clone()).date() == day)
}

/// Fills the days that the calendar does not reach yet.
fn extend(calendar: &mut Calendar, now: Timestamp, zone: &TimeZone) -> bool {
    let today = now.to_zoned(zone.clone()).date();
    let until = today.saturating_add(DAYS_AHEAD.days());
    let mut day = calendar.filled_until.unwrap_or(today);
    let mut changed = false;
    while day < until {
        for Line(title, from, to, special) in plan(day.weekday()) {
            let clock = |(hour, minute): (i8, i8)| -> Time { time(hour, minute, 0, 0) };
            let start = When::At(instant(day, clock(from), zone));
            let end = When::At(instant(day, clock(to), zone));
            let mut event = Event::new(title, start, end, now);
            match special {
                Special::None => {}
                Special::Series => {
                    event.id = format!("{STANDUP}_{}", day.strftime("%Y%m%d"));
                    event.series = Some(STANDUP.to_owned());
                    event.original = Some(start);
                }
                Special::Focus => event.kind = "focusTime".to_owned(),
                Special::Free => event.free = true,
                Special::Declined => event.declined = true,
            }
            calendar.add(event, now);
        }
        if day.weekday() == Weekday::Wednesday {
            let next = day.saturating_add(1.days());
            let mut event = Event::new("Paper collection", When::Day(day), When::Day(next), now);
            event.free = true;
            calendar.add(event, now);
        }
        changed = true;
        day = day.saturating_add(1.days());
    }
    calendar.filled_until = Some(day);
    changed
}

/// What a day of the week holds.
fn plan(day: Weekday) -> Vec<Line> {
    use Special::{Declined, Focus, Free, None, Series};
    let standup = || Line("Standup", (9, 15), (9, 30), Series);
    match day {
        Weekday::Monday => vec![
            standup(),
            Line("Week planning", (10, 0), (10, 45), None),
            Line("Lunch with Mira", (12, 15), (13, 15), None),
            Line("Swimming", (18, 30), (19, 30), None),
        ],
        Weekday::Tuesday => vec![
            standup(),
            Line("Focus: the talk", (9, 45), (11, 45), Focus),
            Line(ONE_TO_ONE, (14, 0), (14, 30), None),
            Line("Vendor demo", (16, 0), (17, 0), Declined),
            Line("Choir", (19, 0), (21, 0), None),
        ],
        Weekday::Wednesday => {
            vec![standup(), Line("Team lunch", (12, 0), (13, 0), None), Line("Dentist", (15, 30), (16, 15), None)]
        }
        Weekday::Thursday => vec![
            standup(),
            Line("Focus: the report", (13, 30), (15, 30), Focus),
            Line("Design review", (16, 0), (16, 45), None),
            Line("Dinner at Lena's", (19, 30), (22, 0), None),
        ],
        Weekday::Friday => vec![
            standup(),
            Line("Retrospective", (11, 0), (11, 45), None),
            Line("Walk by the river", (12, 30), (13, 0), Free),
            Line(ONE_TO_ONE, (14, 30), (15, 0), None),
            Line("Climbing", (18, 30), (20, 30), None),
        ],
        Weekday::Saturday => {
            vec![Line("Farmers' market", (10, 0), (11, 0), None), Line("Film night", (20, 0), (22, 15), None)]
        }
        Weekday::Sunday => vec![
            Line("Brunch with the neighbours", (11, 0), (12, 30), None),
            Line("Family call", (17, 30), (18, 0), None),
        ],
    }
}

/// A call soon after the free gap, where that is an hour at which people call.
fn next_call(now: Timestamp, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
    const QUARTER: i64 = 15 * 60;
    let earliest = (now + SignedDuration::from_mins(65)).as_second();
    let start = Timestamp::from_second(earliest.div_euclid(QUARTER) * QUARTER + QUARTER).ok()?;
    let hour = start.to_zoned(zone.clone()).hour();
    (8..21).contains(&hour).then_some((start, start + SignedDuration::from_mins(30)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever the hour, the first look finds at least forty free minutes and something after them.
    #[test]
    fn there_is_room_now_and_something_after_at_any_hour() {
        let zone = TimeZone::get("Europe/Zurich").unwrap();
        let monday: Timestamp = "2026-11-22T23:07:00Z".parse().unwrap();
        for quarter in 0..(7 * 24 * 4) {
            let now = monday + SignedDuration::from_mins(15 * quarter);
            let mut calendar = Calendar::for_test("alex", now);
            fill(&mut calendar, now, &zone);
            let busy: Vec<_> = calendar
                .overview(&zone)
                .into_iter()
                .filter(|event| calendar.find(&event.0).unwrap().is_busy())
                .collect();
            let soon = now + SignedDuration::from_mins(40);
            assert!(busy.iter().all(|event| event.3 <= now || event.2 >= soon), "not free at {now}");
            let ahead = now + SignedDuration::from_hours(36);
            assert!(busy.iter().any(|event| event.2 >= soon && event.2 < ahead), "nothing after {now}");
        }
    }

    #[test]
    fn no_title_shouts() {
        let zone = TimeZone::UTC;
        let now: Timestamp = "2026-11-23T09:00:00Z".parse().unwrap();
        let mut calendar = Calendar::for_test("alex", now);
        fill(&mut calendar, now, &zone);
        assert!(live(&mut calendar, now + SignedDuration::from_hours(48), &zone));
        assert!(calendar.events.iter().all(|event| !event.summary.contains('!')));
    }
}
