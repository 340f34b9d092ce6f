//! The circumstances of a decision, and what a learner sees of them. The same functions serve and train, so that both see
//! the same.

mod row;

pub use row::{BURDEN_OF, D, FEATURES, Feature, Row, Topic, hour};

use crate::local::{self, minus, minutes_between};
use crate::moments;
use crate::pacer;
use crate::profile::Profile;
use crate::receptivity;
use crate::rhythm;
use jiff::Timestamp;
use oo_contracts::decision::{Context, DayMinutes};

/// Grows when a feature changes its meaning; stands in every recommendation with the policy's own version.
pub const VERSION: u32 = 2;

const DAY_MINUTES: u32 = 24 * 60;
const WEEK_MINUTES: u32 = 7 * DAY_MINUTES;

/// What a policy sees of the person at `now`.
pub fn context(profile: &Profile, now: Timestamp) -> Context {
    let wall = profile.zone().to_datetime(now);
    let horizon = local::plus(now, local::days(1));
    let next_busy = moments::next_busy(profile, now).filter(|start| *start <= horizon);
    let pacing = pacer::pacing(profile, now);
    let receptivity = receptivity::receptivity(profile, now);
    let day = local::day(profile.zone(), now);
    let since = |begin: Timestamp| (begin <= now).then(|| day_minutes(begin, now));
    let until = |end: Timestamp| (now < end).then(|| day_minutes(now, end));
    Context {
        at: now,
        minute_of_day: u16::from(wall.hour().unsigned_abs()) * 60 + u16::from(wall.minute().unsigned_abs()),
        weekday: wall.date().weekday().to_monday_one_offset().unsigned_abs(),
        free_minutes: free_minutes(profile, now),
        next_busy,
        since_busy: since_busy(profile, now),
        busy_today: busy_today(profile, now),
        present: profile.is_present(now),
        place: profile.place(),
        mood: profile.mood(now),
        since_tip: profile.last_given().map_or(WEEK_MINUTES, |given| minutes_between(given, now, WEEK_MINUTES)) as u16,
        sent_today: profile.given_today(now),
        budget: profile.budget(now),
        dosage: profile.dosage(now),
        eligible_left: Some(pacing.left),
        eligible_passed: Some(pacing.passed),
        pace: Some(pacing.pace),
        since_look: Some(since_look(profile, now)),
        receptivity: Some(receptivity.now),
        usual_receptivity: Some(receptivity.usual),
        since_morning: rhythm::morning(profile, day).and_then(since),
        until_evening: rhythm::evening(profile, day).and_then(until),
    }
}

/// Minutes since the look before this one, as far as it matters to the next.
fn since_look(profile: &Profile, now: Timestamp) -> DayMinutes {
    let whole = moments::ASK_AGAIN.as_mins();
    let since = |before| i64::from(minutes_between(before, now, DAY_MINUTES));
    DayMinutes::saturating(profile.looked_before().map_or(whole, |before| since(before).min(whole)))
}

/// Minutes between two times of a day.
pub(crate) fn day_minutes(from: Timestamp, to: Timestamp) -> DayMinutes {
    DayMinutes::saturating(i64::from(minutes_between(from, to, DAY_MINUTES)))
}

/// Minutes until the next busy event, none within one, at most a day.
pub fn free_minutes(profile: &Profile, now: Timestamp) -> u16 {
    if moments::busy_block(profile, now).is_some_and(|block| block.started) {
        return 0;
    }
    moments::next_busy(profile, now).map_or(DAY_MINUTES, |start| minutes_between(now, start, DAY_MINUTES)) as u16
}

/// Minutes since the last busy event ended, at most a day.
fn since_busy(profile: &Profile, now: Timestamp) -> u16 {
    let ended = profile
        .events()
        .iter()
        .filter(|kept| moments::takes_time(kept) && kept.event.end <= now)
        .map(|kept| kept.event.end)
        .max();
    ended.map_or(DAY_MINUTES, |ended| minutes_between(ended, now, DAY_MINUTES)) as u16
}

/// Minutes of the local day that are busy, each counted once.
fn busy_today(profile: &Profile, now: Timestamp) -> u16 {
    let (from, to) = (local::today(profile.zone(), now), local::tomorrow(profile.zone(), now));
    let mut spans: Vec<_> = profile
        .events()
        .iter()
        .filter(|kept| moments::takes_time(kept))
        .map(|kept| (kept.event.start.max(from), kept.event.end.min(to)))
        .filter(|(start, end)| start < end)
        .collect();
    spans.sort_unstable();
    let mut minutes = 0;
    let mut counted = minus(from, local::minutes(1));
    for (start, end) in spans {
        minutes += minutes_between(start.max(counted), end, 2 * DAY_MINUTES);
        counted = counted.max(end);
    }
    minutes as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Log, at};

    #[test]
    fn overlapping_events_count_once() {
        let mut log = Log::linked();
        log.event("a", "2026-11-23T09:00:00Z", "2026-11-23T10:00:00Z");
        log.event("b", "2026-11-23T09:30:00Z", "2026-11-23T10:30:00Z");
        let context = context(&log.profile, at("2026-11-23T10:45:00Z"));
        assert_eq!(context.busy_today, 90);
        assert_eq!(context.since_busy, 15);
        assert_eq!(context.free_minutes, 1440);
        assert_eq!(context.next_busy, None);
    }

    #[test]
    fn the_gap_ends_where_the_next_busy_event_starts() {
        let mut log = Log::linked();
        log.zone("Europe/Zurich");
        log.event("a", "2026-11-23T15:00:00Z", "2026-11-23T16:00:00Z");
        let context = context(&log.profile, at("2026-11-23T14:48:00Z"));
        assert_eq!(context.free_minutes, 12);
        assert_eq!(context.next_busy, Some(at("2026-11-23T15:00:00Z")));
        assert_eq!(context.minute_of_day, 15 * 60 + 48);
        assert_eq!(context.weekday, 1);
        assert_eq!(super::context(&log.profile, at("2026-11-23T15:10:00Z")).free_minutes, 0);
    }

    #[test]
    fn the_burden_of_a_tip_halves_in_a_day() {
        let mut log = Log::linked();
        log.tip("tip-0001", "2026-11-22T10:00:00Z");
        assert_eq!(log.profile.dosage(at("2026-11-22T10:00:00Z")), 1.0);
        assert_eq!(log.profile.dosage(at("2026-11-23T10:00:00Z")), 0.5);
    }

    #[test]
    fn presence_and_mood_grow_old() {
        let mut log = Log::linked();
        log.fact("2026-11-23T09:00:00Z", oo_contracts::signal::Fact::Presence { present: true });
        log.mood("2026-11-23T09:00:00Z", 2);
        let seen = |text| {
            let context = context(&log.profile, at(text));
            (context.present, context.mood)
        };
        assert_eq!(seen("2026-11-23T09:30:00Z"), (true, Some(2)));
        assert_eq!(seen("2026-11-23T11:00:00Z"), (false, Some(2)));
        assert_eq!(seen("2026-11-24T09:00:00Z"), (false, None));
    }
}
