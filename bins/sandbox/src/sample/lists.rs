//! The sample lists of Google Tasks: what somebody keeps beside a calendar.

use crate::google::Lists;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

/// What is there on the first day.
pub(crate) fn fill(lists: &mut Lists, now: Timestamp, zone: &TimeZone) {
    let today = now.to_zoned(zone.clone()).date();
    let day = |ahead: i32| Some(today.saturating_add(ahead.days()));
    let house = lists.add_list("House", now);
    for (list, title, due) in [
        ("@default", "Print the boarding passes", day(1)),
        ("@default", "Ask the dentist for a new date", day(0)),
        ("@default", "Look for a birthday present", day(5)),
        ("@default", "Learn the second verse", None),
        (house.as_str(), "Change the smoke detector's battery", day(-1)),
        (house.as_str(), "Descale the coffee machine", None),
    ] {
        lists.add(list, title, due, now);
    }
}
