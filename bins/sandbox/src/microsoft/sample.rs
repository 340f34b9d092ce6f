//! A few sample tasks and events; the lively ones are Todoist's and Google's.

use super::NewAppointment;
use super::mailbox::{Event, Mailbox, When};
use jiff::civil::{Date, time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};

/// Lays them around the person's now; nothing is in the way of a tip today.
pub(super) fn fill(mailbox: &mut Mailbox, now: Timestamp, zone: &TimeZone) {
    let today = now.to_zoned(zone.clone()).date();
    let day = |ahead: i32| today.saturating_add(ahead.days());
    let due = |day: Date| json!({"dueDateTime": {"dateTime": format!("{day}T00:00:00"), "timeZone": "UTC"}});
    let starred = |mut fields: Value| {
        fields["importance"] = "high".into();
        fields
    };
    let tasks = mailbox.lists[0].id.clone();
    let home = mailbox.add_list("Home", "none");
    for (list, title, fields) in [
        (&tasks, "Answer the letter from the school", starred(due(today))),
        (&tasks, "Compare two offers for the roof", due(day(2))),
        (&home, "Change the bed linen", due(day(1))),
        (&home, "Take back the borrowed ladder", due(day(-1))),
        (&home, "Look for the warranty of the oven", json!({})),
    ] {
        mailbox.add_task(list, title, &fields, now);
    }
    let clock = |day: Date, hour: i8, minute: i8| {
        day.to_datetime(time(hour, minute, 0, 0)).to_zoned(zone.clone()).map_or(now, |zoned| zoned.timestamp())
    };
    let walks: Vec<_> = (1..8).map(|ahead| (clock(day(ahead), 7, 30), clock(day(ahead), 8, 0))).collect();
    mailbox.add_series(NewAppointment::new("Walk before work", walks[0].0, walks[0].1), &walks, now);
    for (title, ahead, from, to) in
        [("Parents' evening", 1, (18, 0), (19, 30)), ("Garage: winter tyres", 3, (8, 15), (9, 0))]
    {
        let (start, end) = (clock(day(ahead), from.0, from.1), clock(day(ahead), to.0, to.1));
        mailbox.add_event(Event::new(title, When::At(start), When::At(end), now));
    }
    mailbox.add_event(Event::new("Ida's birthday", When::Day(day(4)), When::Day(day(5)), now));
}
