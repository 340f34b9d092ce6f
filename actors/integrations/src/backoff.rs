//! How long to wait before asking a provider again.

use jiff::fmt::rfc2822::DateTimeParser;
use oo_contracts::Timestamp;
use oo_runtime::random;
use std::time::Duration;

/// The first wait after a failure.
const FIRST: Duration = Duration::from_secs(1);
/// The longest wait between two tries.
pub(crate) const LONGEST: Duration = Duration::from_secs(5 * 60);
/// No provider may send us away for longer than this.
const MOST: f64 = 24.0 * 3600.0;

/// Reads a `Retry-After`: seconds, or an HTTP date.
pub(crate) fn retry_after(text: &str, wall: Timestamp) -> Option<Duration> {
    if let Ok(number) = text.trim().parse::<f64>() {
        return seconds(number);
    }
    let at = DateTimeParser::new().parse_timestamp(text.trim()).ok()?;
    seconds(at.duration_since(wall).as_secs_f64().max(0.0))
}

/// A number of seconds, if it is one that makes sense.
pub(crate) fn seconds(number: f64) -> Option<Duration> {
    (number >= 0.0).then(|| Duration::from_secs_f64(number.min(MOST)))
}

/// The wait after so many failures in a row: doubling up to a limit, half of it by chance, so that many accounts that
/// failed together do not come back together.
pub(crate) fn after(failures: u32) -> Duration {
    let full = FIRST.saturating_mul(1 << failures.clamp(1, 16).saturating_sub(1)).min(LONGEST);
    full.mul_f64(0.5 + 0.5 * chance())
}

/// A bit more or less than `around`, so that accounts linked together drift apart.
pub(crate) fn around(around: Duration) -> Duration {
    around.mul_f64(0.9 + 0.2 * chance())
}

fn chance() -> f64 {
    f64::from(u16::from_le_bytes(random::bytes::<2>())) / f64::from(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_after_is_seconds_or_a_date() {
        let wall: Timestamp = "2026-11-29T01:13:00Z".parse().unwrap();
        assert_eq!(retry_after("120", wall), Some(Duration::from_secs(120)));
        assert_eq!(retry_after("Sun, 29 Nov 2026 01:13:52 GMT", wall), Some(Duration::from_secs(52)));
        assert_eq!(retry_after("Sun, 29 Nov 2026 01:00:00 GMT", wall), Some(Duration::ZERO));
        assert_eq!(retry_after("soon", wall), None);
        assert_eq!(retry_after("-5", wall), None);
        assert_eq!(retry_after("1e300", wall), Some(Duration::from_secs(24 * 3600)));
    }

    #[test]
    fn waits_grow_and_have_an_end() {
        for failures in 1..40 {
            let wait = after(failures);
            assert!(wait >= FIRST / 2 && wait <= LONGEST, "{failures}: {wait:?}");
        }
        assert!(after(9) > after(2));
    }
}
