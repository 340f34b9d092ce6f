//! The person's clock over restarts: it may run fast, and it never runs back.

use crate::data::Data;
use anyhow::ensure;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use oo_runtime::Clock;
use oo_runtime::secret_file;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
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
    /// Whether the house was begun with the sandbox, whose clock is of no use to real accounts.
    #[serde(default)]
    sandbox: bool,
}

/// The file of the clock.
pub struct ClockFile {
    path: PathBuf,
    /// As it was begun, so it stays.
    sandbox: bool,
}

impl ClockFile {
    /// The clock to go on with at this speed, and its file. A fresh sandbox at night begins in the morning; what was begun
    /// with the sandbox goes on with nothing else.
    pub fn resume(data: &Data, speed: f64, sandbox: bool) -> anyhow::Result<(Self, Clock)> {
        let path = data.at("clock.json");
        let wall = Clock::default().wall();
        let noted = std::fs::read(&path).ok().and_then(|bytes| serde_json::from_slice::<Noted>(&bytes).ok());
        let of_sandbox = noted.as_ref().map_or(sandbox, |noted| noted.sandbox);
        ensure!(
            sandbox || !of_sandbox,
            "the data folder {} was begun with the sandbox, and its clock and its accounts are made up: \
             for accounts of your own choose another with --data, or remove this one",
            path.parent().unwrap_or(Path::new(".")).display()
        );
        let person = match noted {
            Some(noted) => after(&noted, wall),
            None if sandbox => morning(wall),
            None => wall,
        };
        Ok((Self { path, sandbox: of_sandbox }, Clock::new(wall, person, speed)))
    }

    /// Notes what the clock shows.
    pub fn note(&self, clock: &Clock) {
        let noted = Noted { wall: clock.wall(), person: clock.now(), speed: clock.speed(), sandbox: self.sandbox };
        if let Ok(text) = serde_json::to_string(&noted) {
            let room = self.path.with_extension("new");
            let _ = secret_file::write(&room, &text).and_then(|()| std::fs::rename(room, &self.path));
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
        let noted =
            Noted { wall: at("2026-11-22T10:00:00Z"), person: at("2026-11-23T10:00:00Z"), speed: 60.0, sandbox: true };
        // Crashed just before the next note, five seconds of the wall later, the person's clock showed 10:05:00.
        let resumed = after(&noted, at("2026-11-22T10:00:05Z"));
        assert!(resumed >= at("2026-11-23T10:05:00Z"), "{resumed}");
        // The wall's clock was set back: ours is not.
        assert!(after(&noted, at("2026-11-22T09:00:00Z")) >= noted.person);
    }

    #[test]
    fn what_was_begun_with_the_sandbox_goes_on_with_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let data = Data::open(dir.path()).unwrap();
        let (file, clock) = ClockFile::resume(&data, 60.0, true).unwrap();
        file.note(&clock);
        let refused = ClockFile::resume(&data, 1.0, false).err().expect("refused").to_string();
        assert!(refused.contains("--data") && refused.contains("sandbox"), "{refused}");
        let (_, again) = ClockFile::resume(&data, 1.0, true).unwrap();
        assert!(again.now() >= clock.now() - SignedDuration::from_secs(1), "it goes on as it was");
    }

    #[test]
    fn a_house_of_real_accounts_stays_one_though_the_sandbox_looked_in() {
        let dir = tempfile::tempdir().unwrap();
        let data = Data::open(dir.path()).unwrap();
        // As it was noted before it was noted who began.
        let old = r#"{"wall":"2026-11-22T10:00:00Z","person":"2026-11-22T10:00:00Z","speed":1.0}"#;
        std::fs::write(data.at("clock.json"), old).unwrap();
        for sandbox in [false, true, false] {
            let (file, clock) = ClockFile::resume(&data, 1.0, sandbox).unwrap();
            file.note(&clock);
        }
    }
}
