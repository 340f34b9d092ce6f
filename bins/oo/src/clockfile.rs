//! The person's clock over restarts: it may run fast, and it never runs back.

use crate::data::Data;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use oo_runtime::Clock;
use oo_runtime::secret_file;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// How often the clock is noted down, so that a crash loses no more.
pub const NOTE_EVERY: Duration = Duration::from_secs(5);
/// The sandbox's day begins here when it would be night: nobody waits until morning to see a first tip.
const SANDBOX_MORNING: (i8, i8) = (9, 40);
/// Local hours in which the sandbox takes the time as it is.
const SANDBOX_DAY: std::ops::Range<i8> = 9..18;

/// What the clock showed when it was last noted.
#[derive(Serialize, Deserialize)]
struct Noted {
    wall: Timestamp,
    person: Timestamp,
    speed: f64,
}

/// The file of the clock.
pub struct ClockFile(PathBuf);

impl ClockFile {
    /// The clock's file in the data folder.
    pub fn new(data: &Data) -> Self {
        Self(data.at("clock.json"))
    }

    /// The clock to go on with at this speed. A fresh sandbox at night begins in the morning.
    pub fn resume(&self, speed: f64, sandbox: bool) -> Clock {
        let wall = Clock::default().wall();
        let noted = std::fs::read(&self.0).ok().and_then(|bytes| serde_json::from_slice::<Noted>(&bytes).ok());
        let person = match noted {
            Some(noted) => after(&noted, wall),
            None if sandbox => morning(wall),
            None => wall,
        };
        Clock::new(wall, person, speed)
    }

    /// Notes what the clock shows.
    pub fn note(&self, clock: &Clock) {
        let noted = Noted { wall: clock.wall(), person: clock.now(), speed: clock.speed() };
        if let Ok(text) = serde_json::to_string(&noted) {
            let room = self.0.with_extension("new");
            let _ = secret_file::write(&room, &text).and_then(|()| std::fs::rename(room, &self.0));
        }
    }
}

/// Where the clock stands after a time when nobody ran it: the wall's pace, from the latest that it can have shown.
fn after(noted: &Noted, wall: Timestamp) -> Timestamp {
    let unnoted = NOTE_EVERY.mul_f64((noted.speed - 1.0).max(0.0));
    let away = wall.duration_since(noted.wall).max(SignedDuration::ZERO);
    let ahead = away.saturating_add(SignedDuration::try_from(unnoted).unwrap_or_default());
    noted.person.saturating_add(ahead).unwrap_or(noted.person)
}

fn morning(wall: Timestamp) -> Timestamp {
    let local = wall.to_zoned(TimeZone::system());
    if SANDBOX_DAY.contains(&local.hour()) {
        return wall;
    }
    let (hour, minute) = SANDBOX_MORNING;
    local
        .with()
        .hour(hour)
        .minute(minute)
        .second(0)
        .subsec_nanosecond(0)
        .build()
        .map_or(wall, |morning| morning.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_goes_on_from_the_latest_it_can_have_shown() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let noted = Noted { wall: at("2026-11-22T10:00:00Z"), person: at("2026-11-23T10:00:00Z"), speed: 60.0 };
        // Crashed just before the next note, five seconds of the wall later, the person's clock showed 10:05:00.
        let resumed = after(&noted, at("2026-11-22T10:00:05Z"));
        assert!(resumed >= at("2026-11-23T10:05:00Z"), "{resumed}");
        // The wall's clock was set back: ours is not.
        assert!(after(&noted, at("2026-11-22T09:00:00Z")) >= noted.person);
    }
}
