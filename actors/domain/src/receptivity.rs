//! How likely the person is to answer, by time and circumstances: learnt from what became of their tips.
//!
//! An answer while the tip stood counts, whatever it said; a tip whose time passed counts against. Withdrawn ones say
//! nothing. What became of a tip is asked of the tip itself, so late, doubled and undone answers count once, in any
//! order; tips that are forgotten leave a count, and counts are halved when they grow large.

use crate::local::{minus, minutes};
use crate::moments;
use crate::profile::Profile;
use crate::tip_life::{Life, State};
use jiff::{SignedDuration, Timestamp};
use oo_contracts::Share;
use serde::{Deserialize, Serialize};

/// Hours are counted in threes: finer, and nobody has enough tips.
const HOURS: u8 = 3;
const TIMES: usize = 8;
const SETTINGS: usize = 4;

/// So long after an event is a break between two things.
pub const BREAK: SignedDuration = minutes(30);

/// So many tips of a time or of circumstances weigh as much as what is known of all.
const POOLED: f64 = 4.0;
/// Before anything is known every second tip is answered.
const BEFORE: (f64, f64) = (1.0, 2.0);
/// Counts are halved from here on: some two weeks of tips.
const FORGETS_AT: u8 = 40;

/// A moment as far as receptivity is concerned: the time of day, whether somebody is at a screen, whether something just
/// ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Occasion(u8, u8);

impl Occasion {
    pub(crate) fn at(profile: &Profile, now: Timestamp) -> Self {
        let hour = profile.zone().to_datetime(now).hour().unsigned_abs();
        let since = minus(now, BREAK);
        let just_ended = profile
            .events()
            .iter()
            .any(|kept| moments::takes_time(kept) && since <= kept.event.end && kept.event.end <= now);
        Self(hour / HOURS, u8::from(profile.is_present(now)) + 2 * u8::from(just_ended))
    }
}

/// Of so many tips, so many were answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Tally(u8, u8);

impl Tally {
    fn add(&mut self, answered: bool) {
        self.0 += u8::from(answered);
        self.1 += 1;
    }

    fn forget(&mut self) {
        if self.1 >= FORGETS_AT {
            *self = Self(self.0 / 2, self.1 / 2);
        }
    }
}

/// What is kept of tips that are forgotten.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Receptivity {
    times: [Tally; TIMES],
    settings: [Tally; SETTINGS],
}

impl Receptivity {
    /// Counts a tip that nobody remembers any more.
    pub(crate) fn archive(&mut self, life: &Life, now: Timestamp) {
        self.count(life, now);
        self.times.iter_mut().chain(&mut self.settings).for_each(Tally::forget);
    }

    fn count(&mut self, life: &Life, now: Timestamp) {
        if let Some(Occasion(time, setting)) = life.occasion
            && let Some(answered) = answered(life, now)
            && let Some(time) = self.times.get_mut(usize::from(time))
            && let Some(setting) = self.settings.get_mut(usize::from(setting))
        {
            time.add(answered);
            setting.add(answered);
        }
    }
}

/// Whether a tip was answered while it stood; `None` while that is open.
fn answered(life: &Life, now: Timestamp) -> Option<bool> {
    match &life.state {
        State::Answered { at, .. } => Some(*at < life.not_after),
        _ if life.is_ignored(now) => Some(false),
        State::Live | State::Expired | State::Withdrawn { .. } => None,
    }
}

/// How likely an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Likely {
    /// To a tip that is given at this moment.
    pub now: Share,
    /// To any tip.
    pub usual: Share,
}

/// How likely an answer is to a tip that is given at `now`.
///
/// The rate of the time and that of the circumstances, each pooled with the rate of all, as odds ratios on it.
pub fn receptivity(profile: &Profile, now: Timestamp) -> Likely {
    let mut all = profile.receptivity().cloned().unwrap_or_default();
    profile.lives().iter().for_each(|life| all.count(life, now));
    let (yes, tips) =
        all.times.iter().fold(BEFORE, |sum, Tally(yes, tips)| (sum.0 + f64::from(*yes), sum.1 + f64::from(*tips)));
    let overall = yes / tips;
    let pooled = |Tally(yes, tips): Tally| (f64::from(yes) + POOLED * overall) / (f64::from(tips) + POOLED);
    let Occasion(time, setting) = Occasion::at(profile, now);
    let odds = |rate: f64| rate / (1.0 - rate);
    let (time, setting) = (pooled(all.times[usize::from(time)]), pooled(all.settings[usize::from(setting)]));
    let odds = odds(time) * odds(setting) / odds(overall);
    Likely { now: Share::saturating(odds / (1.0 + odds)), usual: Share::saturating(overall) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Log, at};
    use oo_contracts::signal::{Answer, Fact};

    fn at_hour(log: &Log, hour: u8) -> f64 {
        receptivity(&log.profile, at(&format!("2026-11-30T{hour:02}:30:00Z"))).now.get()
    }

    /// Three weeks of tips at nine, answered, and at three in the afternoon, left.
    fn mornings() -> Log {
        let mut log = Log::linked();
        log.task("milk");
        for day in 9..30 {
            log.tip(&format!("tip-{day}-am"), &format!("2026-11-{day:02}T09:00:00Z"));
            log.answer(
                &format!("tip-{day}-am"),
                &format!("2026-11-{day:02}T09:05:00Z"),
                Answer::NotNow { until: None },
            );
            log.tip(&format!("tip-{day}-pm"), &format!("2026-11-{day:02}T15:00:00Z"));
        }
        log
    }

    #[test]
    fn somebody_unknown_answers_every_second_tip_at_any_time() {
        assert_eq!((at_hour(&Log::linked(), 9), at_hour(&Log::linked(), 15)), (0.5, 0.5));
    }

    #[test]
    fn learns_when_tips_are_answered_and_keeps_it_when_they_are_forgotten() {
        let log = mornings();
        assert!(log.profile.receptivity().is_some(), "early tips are only counts by now");
        assert!(at_hour(&log, 9) > 0.85, "{}", at_hour(&log, 9));
        assert!(at_hour(&log, 15) < 0.15, "{}", at_hour(&log, 15));
        assert!((0.3..0.7).contains(&at_hour(&log, 20)), "{}", at_hour(&log, 20));
    }

    #[test]
    fn a_change_of_habit_is_learnt() {
        let mut log = mornings();
        for day in 1..30 {
            log.tip(&format!("tip-{day}-late"), &format!("2026-12-{day:02}T15:00:00Z"));
            log.answer(&format!("tip-{day}-late"), &format!("2026-12-{day:02}T15:05:00Z"), Answer::Done);
        }
        assert!(at_hour(&log, 15) > 0.6, "{}", at_hour(&log, 15));
    }

    #[test]
    fn being_at_a_screen_is_a_circumstance() {
        let mut log = Log::linked();
        log.task("milk");
        for day in 10..26 {
            let when = |time: &str| format!("2026-11-{day}T{time}:00Z");
            log.fact(&when("08:00"), Fact::Presence { present: true }).tip(&format!("tip-{day}-a"), &when("08:30"));
            log.answer(&format!("tip-{day}-a"), &when("08:40"), Answer::NotNow { until: None });
            log.fact(&when("08:50"), Fact::Presence { present: false }).tip(&format!("tip-{day}-b"), &when("11:00"));
        }
        log.fact("2026-11-30T13:00:00Z", Fact::Presence { present: true });
        let present = receptivity(&log.profile, at("2026-11-30T13:10:00Z"));
        log.fact("2026-11-30T13:20:00Z", Fact::Presence { present: false });
        let away = receptivity(&log.profile, at("2026-11-30T13:30:00Z"));
        assert!(present.now.get() > away.now.get() + 0.2, "{present:?} {away:?}");
        assert_eq!(present.usual, away.usual);
    }

    #[test]
    fn the_order_of_answers_does_not_matter_and_undoing_one_takes_it_back() {
        let tips = || {
            let mut log = Log::linked();
            log.task("milk").tip("tip-0001", "2026-11-29T09:00:00Z");
            log.task("bread").tip_about("tip-0002", crate::testing::todo("bread"), "2026-11-29T12:00:00Z");
            log
        };
        let (mut one, mut other) = (tips(), tips());
        let done = |log: &mut Log, tip: &str, when: &str, told: &str| {
            let fact = Fact::Feedback { tip: tip.parse().unwrap(), answer: Answer::Done };
            let mut entry = crate::testing::signal(&format!("signal-of-{tip}"), at(when), fact);
            entry.at = at(told);
            log.append(entry);
        };
        done(&mut one, "tip-0001", "2026-11-29T09:05:00Z", "2026-11-29T18:00:00Z");
        done(&mut one, "tip-0002", "2026-11-29T12:05:00Z", "2026-11-29T18:00:00Z");
        done(&mut other, "tip-0002", "2026-11-29T12:05:00Z", "2026-11-29T18:00:00Z");
        done(&mut other, "tip-0001", "2026-11-29T09:05:00Z", "2026-11-29T18:00:00Z");
        assert_eq!(at_hour(&one, 9), at_hour(&other, 9));
        assert!(at_hour(&one, 9) > at_hour(&tips(), 9));
        let mut undone = tips();
        undone.answer("tip-0001", "2026-11-29T09:05:00Z", Answer::Done);
        undone.answer("tip-0001", "2026-11-29T09:06:00Z", Answer::Undo);
        assert_eq!(at_hour(&undone, 9), at_hour(&tips(), 9));
    }
}
