//! The person's clock and the wall's. They differ only where a day is watched in minutes (`oo up --speed 60`).

use oo_contracts::Timestamp;
use std::time::Duration;

/// Tells the time. The only place that reads the machine's clock.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    wall: Timestamp,
    person: Timestamp,
    speed: f64,
}

impl Default for Clock {
    fn default() -> Self {
        Self { wall: Timestamp::UNIX_EPOCH, person: Timestamp::UNIX_EPOCH, speed: 1.0 }
    }
}

impl Clock {
    /// A clock that showed `person` when the wall showed `wall`, and runs `speed` times as fast.
    pub fn new(wall: Timestamp, person: Timestamp, speed: f64) -> Self {
        Self { wall, person, speed }
    }

    /// The person's time: what entries, profiles and tips are dated in.
    pub fn now(&self) -> Timestamp {
        self.person_at(self.wall())
    }

    /// The wall's time: what providers, tokens and the NATS server go by.
    #[allow(clippy::disallowed_methods, reason = "the one clock")]
    pub fn wall(&self) -> Timestamp {
        Timestamp::now()
    }

    /// The person's time when the wall shows `wall`.
    pub fn person_at(&self, wall: Timestamp) -> Timestamp {
        add(self.person, wall.duration_since(self.wall).as_secs_f64() * self.speed)
    }

    /// What the wall shows when it is `person` for the person.
    pub fn wall_at(&self, person: Timestamp) -> Timestamp {
        add(self.wall, person.duration_since(self.person).as_secs_f64() / self.speed)
    }

    /// How long the wall takes from now until it is `person` for the person; nothing if that has passed.
    pub fn wait_until(&self, person: Timestamp) -> Duration {
        Duration::try_from(self.wall_at(person).duration_since(self.wall())).unwrap_or_default()
    }

    /// Person seconds per second of the wall.
    pub fn speed(&self) -> f64 {
        self.speed
    }
}

fn add(to: Timestamp, seconds: f64) -> Timestamp {
    let micros = jiff::SignedDuration::from_micros((seconds * 1e6) as i64);
    to.saturating_add(micros).unwrap_or(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_passes_in_a_minute_at_speed_60() {
        let start: Timestamp = "2026-11-22T08:00:00Z".parse().unwrap();
        let clock = Clock::new(start, start, 60.0);
        let later: Timestamp = "2026-11-22T08:01:00Z".parse().unwrap();
        let person: Timestamp = "2026-11-22T09:00:00Z".parse().unwrap();
        assert_eq!(clock.person_at(later), person);
        assert_eq!(clock.wall_at(person), later);
    }
}
