//! How often anybody may come: by person, and by address where there is no person yet. GCRA, by the governor crate.

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use oo_contracts::UserId;
use oo_contracts::http::Problem;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::time::Duration;
use warp::http::HeaderMap;

/// A page asks a few times a minute; an SDK that sends every fact by itself, more.
const PERSON: (u32, u32) = (120, 60);
/// Tries of one-time links: a person has one or two.
const SIGN_IN: (u32, u32) = (10, 10);
/// Cookies that are looked up: many people may share an address.
const SESSION: (u32, u32) = (1200, 600);
/// Servers of their own that a person links: nobody should guess passwords by way of us.
const LINK: (u32, u32) = (6, 10);
/// Calls of providers, which come from few addresses for everybody.
const HOOK: (u32, u32) = (6000, 1000);
/// How often those who were quiet are forgotten.
const FORGET: Duration = Duration::from_secs(60);

/// A limit for each of its keys.
type Limit<K> = DefaultKeyedRateLimiter<K>;

/// All limits of this door. Several gateways count apart.
pub(crate) struct Limits {
    clock: DefaultClock,
    person: Limit<UserId>,
    sign_in: Limit<IpAddr>,
    session: Limit<IpAddr>,
    hook: Limit<IpAddr>,
    link: Limit<UserId>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            clock: DefaultClock::default(),
            person: limit(PERSON),
            sign_in: limit(SIGN_IN),
            session: limit(SESSION),
            hook: limit(HOOK),
            link: limit(LINK),
        }
    }
}

impl Limits {
    pub(crate) fn person(&self, user: &UserId) -> Result<(), Problem> {
        self.check(&self.person, user)
    }

    pub(crate) fn sign_in(&self, from: IpAddr) -> Result<(), Problem> {
        self.check(&self.sign_in, &from)
    }

    pub(crate) fn session(&self, from: IpAddr) -> Result<(), Problem> {
        self.check(&self.session, &from)
    }

    pub(crate) fn hook(&self, from: IpAddr) -> Result<(), Problem> {
        self.check(&self.hook, &from)
    }

    pub(crate) fn link(&self, user: &UserId) -> Result<(), Problem> {
        self.check(&self.link, user)
    }

    /// Keeps what is remembered bounded by who came lately. Never ends by itself.
    pub(crate) async fn forget_the_quiet(&self) {
        loop {
            tokio::time::sleep(FORGET).await;
            self.person.retain_recent();
            self.sign_in.retain_recent();
            self.session.retain_recent();
            self.hook.retain_recent();
            self.link.retain_recent();
        }
    }

    fn check<K: Hash + Eq + Clone>(&self, limit: &Limit<K>, key: &K) -> Result<(), Problem> {
        limit.check_key(key).map_err(|not_until| {
            let wait = not_until.wait_time_from(self.clock.now());
            let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
            Problem::new(429, "too often", format!("come back in {seconds} s")).retry_after(seconds)
        })
    }
}

/// So many a minute, and so many at once.
fn limit<K: Hash + Eq + Clone>((a_minute, at_once): (u32, u32)) -> Limit<K> {
    let some = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
    RateLimiter::keyed(Quota::per_minute(some(a_minute)).allow_burst(some(at_once)))
}

/// Where a request comes from, as far as it is to be believed: behind `proxies` of our own, the address that the outermost of
/// them saw. An IPv6 host has a whole /64 to choose from, so that counts as one.
pub(crate) fn address(remote: Option<SocketAddr>, headers: &HeaderMap, proxies: usize) -> IpAddr {
    let told = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let told: Vec<IpAddr> = told.flat_map(|value| value.split(',')).filter_map(|ip| ip.trim().parse().ok()).collect();
    let seen = remote.map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |remote| remote.ip());
    let from = proxies.checked_sub(1).and_then(|more| told.iter().rev().nth(more)).copied().unwrap_or(seen);
    match from.to_canonical() {
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64)),
        ip => ip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([("x-forwarded-for".parse().unwrap(), value.parse().unwrap())])
    }

    #[test]
    fn a_burst_is_let_in_and_then_told_when_to_come_back() {
        let limits = Limits::default();
        let (one, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        for _ in 0..SIGN_IN.1 {
            limits.sign_in(one).unwrap();
        }
        let refused = limits.sign_in(one).unwrap_err();
        assert_eq!(refused.status, 429);
        assert!((1..=60).contains(&refused.retry_after.unwrap()));
        limits.sign_in(other).unwrap();
    }

    #[test]
    fn a_forged_address_is_not_believed() {
        let remote = Some("192.0.2.9:1".parse().unwrap());
        let headers = told("198.51.100.1, 203.0.113.7");
        assert_eq!(address(remote, &headers, 0), "192.0.2.9".parse::<IpAddr>().unwrap());
        assert_eq!(address(remote, &headers, 1), "203.0.113.7".parse::<IpAddr>().unwrap());
        assert_eq!(address(remote, &headers, 2), "198.51.100.1".parse::<IpAddr>().unwrap());
        assert_eq!(address(remote, &headers, 3), "192.0.2.9".parse::<IpAddr>().unwrap());
    }

    #[test]
    fn a_network_of_one_host_counts_as_one() {
        let at = |text: &str| address(Some(text.parse().unwrap()), &HeaderMap::new(), 0);
        assert_eq!(at("[2001:db8::1]:1"), at("[2001:db8::ffff]:1"));
        assert_ne!(at("[2001:db8::1]:1"), at("[2001:db8:0:1::1]:1"));
        assert_eq!(at("[::ffff:192.0.2.1]:1"), at("192.0.2.1:1"));
    }
}
