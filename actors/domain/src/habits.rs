//! Habits: when one's part of the day is, and whether it was done in it.

use crate::local::{self, Window};
use crate::profile::Profile;
use crate::profile::kept::KeptHabit;
use jiff::Timestamp;

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

fn whole_day(kept: &KeptHabit) -> bool {
    kept.habit.from == kept.habit.to
}

fn window(kept: &KeptHabit) -> Window {
    Window { from: kept.habit.from, to: kept.habit.to }
}
