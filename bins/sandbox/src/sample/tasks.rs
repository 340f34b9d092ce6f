//! The sample tasks.

use super::{days, instant};
use crate::todoist::{Edit, Person};
use jiff::civil::{Time, Weekday, time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

/// What is there on the first day.
pub(crate) fn fill(person: &mut Person, now: Timestamp, zone: &TimeZone) {
    let here = now.to_zoned(zone.clone());
    let today = here.date();
    let day = |ahead: i32| today.saturating_add(ahead.days());
    let sunday = today.yesterday().and_then(|day| day.nth_weekday(1, Weekday::Sunday)).unwrap_or(today);
    let tasks = [
        Edit::titled("Send the invoice to Halden & Co").at(soon(&here)).priority(3).minutes(15),
        Edit::titled("Water the plants on the balcony").every("every day", today).minutes(10),
        Edit::titled("Reply to Mira about the weekend trip").on(today).priority(2).minutes(10),
        Edit::titled("Buy bread, apples and oat milk").on(today).minutes(20),
        Edit::titled("Book a table for Lena's birthday").on(day(1)).priority(3).minutes(10),
        Edit::titled("Draft the outline of the talk").on(day(2)).priority(4).minutes(45).label("deep-work"),
        Edit::titled("File the tax return").on(day(6)).before(day(8)).priority(4).minutes(90).label("deep-work"),
        Edit::titled("Renew the library card").on(day(-2)).priority(2).minutes(15),
        Edit::titled("Fix the dripping tap").on(day(-1)).minutes(30),
        Edit::titled("Call grandmother").every("every sunday", sunday).priority(3).minutes(20),
        Edit::titled("Stretch for ten minutes").every("every weekday", weekday_from(today)).minutes(10),
        Edit::titled("Read two chapters of the history book").minutes(30),
        Edit::titled("Sort the photos from the lake").minutes(40),
        Edit::titled("Try the new soup recipe"),
    ];
    for (index, edit) in tasks.into_iter().enumerate() {
        let (id, _) = person.add(edit, now);
        // They came one after the other, over the last days.
        let ago = SignedDuration::from_hours(5 * (i64::try_from(index).unwrap_or_default() + 1));
        person.backdate(&id, now.saturating_sub(ago).unwrap_or(now));
    }
    person.lived_until = now;
}

/// Comes in later: on a weekday, or on a day of the weekend.
const WORKDAYS: [(&str, u8, u32); 8] = [
    ("Send Jonas the notes from today", 3, 10),
    ("Pick up the parcel at the corner shop", 1, 15),
    ("Review the draft that Noor shared", 3, 25),
    ("Write down three ideas for the workshop", 2, 15),
    ("Answer the landlord about the windows", 2, 10),
    ("Order a new filter for the kettle", 1, 5),
    ("Plan the next two weeks", 3, 30),
    ("Thank Sam for the tickets", 2, 5),
];
const WEEKENDS: [(&str, u8, u32); 4] = [
    ("Repot the basil", 1, 15),
    ("Oil the bicycle chain", 1, 20),
    ("Bake something for Monday", 1, 60),
    ("Write a postcard to Aunt Ruth", 2, 15),
];
const WORKDAY_TIMES: [Time; 3] = [time(10, 40, 0, 0), time(14, 10, 0, 0), time(17, 35, 0, 0)];
const WEEKEND_TIMES: [Time; 2] = [time(10, 20, 0, 0), time(15, 45, 0, 0)];

/// Adds what has come in since the last look.
pub(crate) fn live(person: &mut Person, now: Timestamp, zone: &TimeZone) -> Vec<crate::todoist::Change> {
    let from = person.lived_until;
    let mut changes = Vec::new();
    for day in days(from, now, zone) {
        let weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
        let (titles, times): (&[_], &[_]) =
            if weekend { (&WEEKENDS, &WEEKEND_TIMES) } else { (&WORKDAYS, &WORKDAY_TIMES) };
        for (index, at) in times.iter().enumerate() {
            let at = instant(day, *at, zone);
            if at <= from || at > now {
                continue;
            }
            let number = usize::try_from(day.day_of_year()).unwrap_or_default() * times.len() + index;
            let (title, priority, minutes) = titles[number % titles.len()];
            // The same words again while the last are still open would look broken.
            if person.has_open(title) {
                continue;
            }
            let due = if index == 0 { day } else { day.tomorrow().unwrap_or(day) };
            changes.push(person.add(Edit::titled(title).on(due).priority(priority).minutes(minutes), at).1);
        }
    }
    person.lived_until = from.max(now);
    changes
}

/// A time to be done by that still lies ahead today, or else in the morning.
fn soon(here: &jiff::Zoned) -> jiff::civil::DateTime {
    let afternoon = time(17, 0, 0, 0);
    let late = time(21, 0, 0, 0);
    match here.time() {
        at if at < time(15, 30, 0, 0) => here.date().to_datetime(afternoon),
        at if at < time(19, 30, 0, 0) => here.date().to_datetime(late),
        _ => here.date().saturating_add(1.days()).to_datetime(time(12, 0, 0, 0)),
    }
}

fn weekday_from(mut day: jiff::civil::Date) -> jiff::civil::Date {
    while matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) {
        day = day.saturating_add(1.days());
    }
    day
}
