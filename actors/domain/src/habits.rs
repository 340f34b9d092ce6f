//! Habits: when one's part of the day is, and whether it was done in it.

use crate::local::{self, Window};
use crate::profile::Profile;
use crate::profile::kept::KeptHabit;
use jiff::Timestamp;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// Whether the habit's part of the day is now. A habit whose two times are equal belongs to the whole day.
pub fn is_open(profile: &Profile, kept: &KeptHabit, now: Timestamp) -> bool {
    whole_day(kept) || window(kept).is_open(profile.zone(), now)
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
    if whole_day(kept) {
        return Some(local::tomorrow(profile.zone(), now));
    }
    window(kept).opens(profile.zone(), now)
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
/// A weekend without it does not end the row, nor adds to it: many habits belong to working days.
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
            false if matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) => {}
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

fn whole_day(kept: &KeptHabit) -> bool {
    kept.habit.from == kept.habit.to
}

fn window(kept: &KeptHabit) -> Window {
    Window { from: kept.habit.from, to: kept.habit.to }
}
