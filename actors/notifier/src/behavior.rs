//! What a push service's answer means, when to try again, and whom to call at all. Pure: time and chance are arguments.

use jiff::SignedDuration;
use oo_contracts::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use url::Url;

/// A device that was not reached for so long is not reached any more (product R-N7).
const UNREACHED: SignedDuration = SignedDuration::from_hours(48);
/// The first pause is at most this; each later one may be twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// No pause of our own is longer: a tip does not live long.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The shortest: full jitter may draw nothing at all, and a loop without a pause is an attack.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
/// A push service that asks for more than this is not tried again for this tip: none lives so long.
const LONGEST_ASKED: Duration = Duration::from_secs(24 * 3600);
/// So many 403 in a row end a subscription whose push service takes what we send to others (product 2.2: Apple says 403,
/// not 410, for one that is dead).
const REFUSALS: u32 = 3;

/// What a push service's answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It took the message. That is not yet the screen.
    Accepted,
    /// The subscription is over (RFC 8030, section 7.3: 404 or 410).
    Gone,
    /// It does not believe our key or its subject (401), or not for this subscription (403).
    KeyAlarm,
    /// Our own mistake: a message of ours is never that large.
    TooLarge,
    /// No use in sending the same again.
    Refused,
    /// Again; not before so long, if it said so.
    Retry { after: Option<Duration> },
}

/// What an answer means. `None` is no answer at all; `retry_after` is its header, seconds or a date.
pub fn verdict(status: Option<u16>, retry_after: Option<&str>, wall: Timestamp) -> Verdict {
    match status {
        Some(200..=299) => Verdict::Accepted,
        Some(404 | 410) => Verdict::Gone,
        Some(401 | 403) => Verdict::KeyAlarm,
        Some(413) => Verdict::TooLarge,
        Some(408 | 425 | 429 | 500..=599) => {
            Verdict::Retry { after: retry_after.and_then(|text| asked_pause(text, wall)) }
        }
        // Redirects are among these: the next hop would be an address that nobody subscribed.
        Some(_) => Verdict::Refused,
        None => Verdict::Retry { after: None },
    }
}

/// `Retry-After` as RFC 9110 has it: seconds, or a date. A date that has passed asks for nothing.
fn asked_pause(text: &str, wall: Timestamp) -> Option<Duration> {
    let text = text.trim();
    let asked = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
            Duration::try_from(at.duration_since(wall)).unwrap_or_default()
        }
    };
    Some(asked.min(LONGEST_ASKED))
}

/// When to try again, of the `left` that the tip has: `None` when it would be over by then.
///
/// Our own pauses double and are drawn evenly from nothing to that ("full jitter"), so that those who failed together do
/// not come back together. What a service asked for is kept at least, with up to a second of jitter on top.
pub fn pause(tries: u32, asked: Option<Duration>, left: Duration, chance: u64) -> Option<Duration> {
    let part = |whole: Duration| whole.mul_f64(chance as f64 / u64::MAX as f64);
    let pause = match asked {
        Some(asked) => asked + part(Duration::from_secs(1)),
        None => part(FIRST_PAUSE.saturating_mul(1 << tries.min(16)).min(LONGEST_PAUSE)),
    };
    let pause = pause.max(SHORTEST_PAUSE);
    (pause < left).then_some(pause)
}

/// Whether any device counts as reached, given when each last was, or else subscribed: then its push service is away for a
/// while, and no letter is needed.
pub fn was_reached(reached: impl IntoIterator<Item = Timestamp>, wall: Timestamp) -> bool {
    reached.into_iter().any(|at| wall.duration_since(at) < UNREACHED)
}

/// The 403 that one subscription had in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusals {
    pub times: u32,
    pub since: Timestamp,
}

impl Refusals {
    /// One more.
    pub fn after(before: Option<Self>, wall: Timestamp) -> Self {
        before.map_or(Self { times: 1, since: wall }, |before| Self { times: before.times.saturating_add(1), ..before })
    }

    /// Whether the subscription is dead, given when its push service last took a message of ours. Only then is it the
    /// subscription and not our key; and since an acceptance here would have ended the row, it took one for somebody else.
    pub fn mean_gone(&self, took: Option<Timestamp>) -> bool {
        self.times >= REFUSALS && took.is_some_and(|took| took >= self.since)
    }
}

/// Whether a list of push services has the host of an endpoint. An entry that begins with `*.` stands for all below it.
pub fn is_listed(endpoint: &Url, hosts: &[String]) -> bool {
    let Some(host) = endpoint.host_str() else { return false };
    hosts.iter().any(|entry| match entry.strip_prefix("*.") {
        Some(parent) => host.strip_suffix(parent).is_some_and(|below| below.len() > 1 && below.ends_with('.')),
        None => host == entry,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wall() -> Timestamp {
        "1994-11-06T08:49:00Z".parse().unwrap()
    }

    #[test]
    fn every_status_has_one_meaning() {
        for status in 100..=599 {
            let meaning = verdict(Some(status), None, wall());
            let expected = match status {
                200..=299 => Verdict::Accepted,
                404 | 410 => Verdict::Gone,
                401 | 403 => Verdict::KeyAlarm,
                413 => Verdict::TooLarge,
                408 | 425 | 429 => Verdict::Retry { after: None },
                500.. => Verdict::Retry { after: None },
                _ => Verdict::Refused,
            };
            assert_eq!(meaning, expected, "{status}");
        }
        assert_eq!(verdict(None, None, wall()), Verdict::Retry { after: None });
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let after = |text| match verdict(Some(429), Some(text), wall()) {
            Verdict::Retry { after } => after,
            other => panic!("{other:?}"),
        };
        assert_eq!(after("7"), Some(Duration::from_secs(7)));
        assert_eq!(after(" 0 "), Some(Duration::ZERO));
        assert_eq!(after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::from_secs(37)));
        assert_eq!(after("Sun, 06 Nov 1994 08:40:00 GMT"), Some(Duration::ZERO));
        assert_eq!(after("18446744073709551615"), Some(LONGEST_ASKED));
        for nonsense in ["", "-1", "soon", "1.5", "99999999999999999999"] {
            assert_eq!(after(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn an_acceptance_ignores_what_it_says_about_retrying() {
        assert_eq!(verdict(Some(201), Some("60"), wall()), Verdict::Accepted);
        assert_eq!(verdict(Some(410), Some("60"), wall()), Verdict::Gone);
    }

    #[test]
    fn pauses_grow_stay_within_their_bounds_and_never_outlive_the_tip() {
        let hour = Duration::from_secs(3600);
        for tries in 0..200 {
            for chance in [0, 1, u64::MAX / 3, u64::MAX / 2, u64::MAX] {
                let most = FIRST_PAUSE.saturating_mul(1 << tries.min(16)).min(LONGEST_PAUSE);
                let drawn = pause(tries, None, hour, chance).unwrap();
                assert!((SHORTEST_PAUSE..=most).contains(&drawn), "{tries} {chance}: {drawn:?}");
                for left in [Duration::ZERO, Duration::from_millis(60), Duration::from_secs(5)] {
                    assert!(pause(tries, None, left, chance).is_none_or(|pause| pause < left));
                }
                for asked in [Duration::ZERO, Duration::from_secs(20), Duration::from_secs(90)] {
                    let kept = pause(tries, Some(asked), hour, chance).unwrap();
                    assert!(kept >= asked && kept <= asked + Duration::from_secs(1));
                }
            }
        }
        assert_eq!(pause(0, Some(hour), hour, 0), None);
        assert_eq!(pause(40, None, hour, u64::MAX), Some(LONGEST_PAUSE));
    }

    #[test]
    fn three_refusals_in_a_row_end_a_subscription_only_while_others_are_taken() {
        let [early, start, late] =
            ["2026-11-22T08:00:00Z", "2026-11-22T09:00:00Z", "2026-11-22T10:00:00Z"].map(|at| at.parse().unwrap());
        let once = Refusals::after(None, start);
        let twice = Refusals::after(Some(once), late);
        let thrice = Refusals::after(Some(twice), late);
        assert_eq!(thrice, Refusals { times: 3, since: start });
        assert!(thrice.mean_gone(Some(late)));
        assert!(!twice.mean_gone(Some(late)), "two may be chance");
        assert!(!thrice.mean_gone(Some(early)), "nobody was taken since: it is the key");
        assert!(!thrice.mean_gone(None));
    }

    #[test]
    fn a_list_of_hosts_is_held_exactly() {
        let hosts = ["fcm.googleapis.com".to_owned(), "*.push.apple.com".to_owned()];
        for listed in ["https://fcm.googleapis.com/x", "https://web.push.apple.com/x", "https://a.b.push.apple.com/"] {
            assert!(is_listed(&listed.parse().unwrap(), &hosts), "{listed}");
        }
        for other in [
            "https://googleapis.com/",
            "https://xfcm.googleapis.com/",
            "https://push.apple.com/",
            "https://evilpush.apple.com/",
            "https://push.apple.com.evil.org/",
        ] {
            assert!(!is_listed(&other.parse().unwrap(), &hosts), "{other}");
        }
    }
}
