//! A sample life: a few tasks and a calendar week around the person's now, and new things as days pass.

mod lists;
mod tasks;
mod week;

pub(crate) use lists::fill as fill_lists;
pub(crate) use tasks::{fill as fill_tasks, live as live_tasks};
pub(crate) use week::{fill as fill_week, live as live_week};

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

/// An instant on the person's wall clock.
fn instant(day: Date, time: Time, zone: &TimeZone) -> Timestamp {
    day.to_datetime(time).to_zoned(zone.clone()).map_or(Timestamp::UNIX_EPOCH, |zoned| zoned.timestamp())
}

/// The days from one instant to another on the person's wall clock, at most the last three:
/// who comes back after a holiday does not find a hundred new things.
fn days(from: Timestamp, to: Timestamp, zone: &TimeZone) -> impl Iterator<Item = Date> {
    let first = from.to_zoned(zone.clone()).date();
    let last = to.to_zoned(zone.clone()).date();
    let first = last.saturating_sub(jiff::Span::new().days(2)).max(first);
    first.series(jiff::Span::new().days(1)).take_while(move |day| *day <= last)
}
