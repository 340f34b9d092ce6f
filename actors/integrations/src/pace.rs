//! How often a provider is asked, and when not at all: a bucket for each account and each provider, the wait that a
//! provider asked for, and a breaker for one that is down. Several processes count apart.

use crate::backoff;
use crate::http::CallError;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use oo_contracts::{AccountId, Provider};
use std::collections::HashMap;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Requests at once and then each second. Todoist permits a thousand syncs in 15 minutes to each person; a burst is of
/// words, which it does not count there.
const TODOIST_ACCOUNT: (u32, u32) = (150, 1);
/// Google permits a person 600 a minute, Graph 10,000 in ten minutes to a mailbox.
const ACCOUNT: (u32, u32) = (200, 10);
/// Google permits a project 10,000 a minute, and of the others none says less.
const PROVIDER: (u32, u32) = (500, 100);
/// Whoever would wait longer for its turn is told to come back.
const PATIENCE: Duration = Duration::from_secs(5);
/// So many failures in a row, whoever's, and the provider is down.
const DOWN_AT: u32 = 5;
/// How long the one that tries whether it is up again may take before another tries.
const TRY: Duration = Duration::from_secs(15);
/// How often those that were quiet are forgotten.
const FORGET: Duration = Duration::from_secs(60);
/// Accounts that are remembered as sent away; beyond it those that may come again are forgotten.
const MOST_SENT_AWAY: usize = 10_000;

/// All that is counted.
#[derive(Debug)]
pub(crate) struct Pace {
    clock: DefaultClock,
    todoist: DefaultKeyedRateLimiter<AccountId>,
    accounts: DefaultKeyedRateLimiter<AccountId>,
    providers: DefaultKeyedRateLimiter<Provider>,
    troubles: Mutex<HashMap<Whole, Trouble>>,
    /// Accounts that their providers sent away, and until when.
    sent_away: Mutex<HashMap<AccountId, Instant>>,
}

/// What is down together: a provider for everybody, but of the servers of people's own each by itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Whole {
    Provider(Provider),
    Server(AccountId),
}

/// Failures in a row, and how long nobody asks because of them.
#[derive(Debug, Default)]
struct Trouble {
    failures: u32,
    until: Option<Instant>,
}

impl Trouble {
    /// Lets through, or says how long not. Where the time is up one goes to see, and the others wait for it.
    fn pass(&mut self, now: Instant) -> Result<(), Duration> {
        match self.until {
            Some(until) if now < until => Err(until - now),
            Some(_) => {
                self.until = Some(now + TRY);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Another failure; whether the provider counts as down from now on.
    fn failed(&mut self, now: Instant, said: Option<Duration>) -> bool {
        self.failures = self.failures.saturating_add(1);
        if self.failures < DOWN_AT {
            return false;
        }
        let wait = backoff::after(self.failures - DOWN_AT + 2).max(said.unwrap_or_default());
        self.until.replace(now + wait).is_none()
    }
}

/// The way to a provider for one account.
#[derive(Debug, Clone)]
pub(crate) struct Turn {
    pace: Arc<Pace>,
    provider: Provider,
    account: AccountId,
    whole: Whole,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            clock: DefaultClock::default(),
            todoist: limit(TODOIST_ACCOUNT),
            accounts: limit(ACCOUNT),
            providers: limit(PROVIDER),
            troubles: Mutex::default(),
            sent_away: Mutex::default(),
        }
    }
}

impl Pace {
    /// The turn of an account. What its own server does says nothing about others' servers.
    pub(crate) fn turn(self: &Arc<Self>, provider: Provider, account: &AccountId, own_server: bool) -> Turn {
        let whole = if own_server { Whole::Server(account.clone()) } else { Whole::Provider(provider) };
        Turn { pace: self.clone(), provider, account: account.clone(), whole }
    }

    /// Keeps what is remembered bounded by who was asked for lately. Never ends by itself.
    pub(crate) async fn forget_the_quiet(&self) {
        loop {
            tokio::time::sleep(FORGET).await;
            self.todoist.retain_recent();
            self.accounts.retain_recent();
            self.providers.retain_recent();
        }
    }

    /// How long until this key's turn, which is taken if it is now.
    fn wait<K: Hash + Eq + Clone>(&self, of: &DefaultKeyedRateLimiter<K>, key: &K) -> Option<Duration> {
        of.check_key(key).err().map(|early| early.wait_time_from(self.clock.now()))
    }
}

impl Turn {
    /// Waits for the turn, if it comes soon and there is anybody to ask.
    pub(crate) async fn take(&self) -> Result<(), CallError> {
        self.may_ask()?;
        let accounts = if self.provider == Provider::Todoist { &self.pace.todoist } else { &self.pace.accounts };
        self.until_turn(|| self.pace.wait(accounts, &self.account)).await?;
        if let Whole::Provider(provider) = &self.whole {
            self.until_turn(|| self.pace.wait(&self.pace.providers, provider)).await?;
        }
        let passed = match locked(&self.pace.troubles).get_mut(&self.whole) {
            Some(trouble) => trouble.pass(Instant::now()),
            None => Ok(()),
        };
        passed.map_err(|after| CallError::Away { cause: "it was down a moment ago".into(), after: Some(after) })
    }

    /// Who is asked.
    pub(crate) fn provider(&self) -> Provider {
        self.provider
    }

    /// What came of it: nothing wrong with the provider, or it asked for a pause, or it failed.
    pub(crate) fn heard(&self, trouble: Option<&CallError>) {
        let now = Instant::now();
        match trouble {
            Some(CallError::Away { after, .. }) => {
                if locked(&self.pace.troubles).entry(self.whole.clone()).or_default().failed(now, *after) {
                    tracing::warn!(
                        provider = self.provider.slug(),
                        "a provider is down: it is asked rarely until it is back"
                    );
                }
            }
            Some(CallError::SlowDown { after: Some(after) }) => {
                let mut all = locked(&self.pace.sent_away);
                if all.len() >= MOST_SENT_AWAY {
                    all.retain(|_, until| *until > now);
                }
                all.insert(self.account.clone(), now + *after);
            }
            _ => {
                let before = locked(&self.pace.troubles).remove(&self.whole);
                if before.is_some_and(|before| before.until.is_some()) {
                    tracing::info!(provider = self.provider.slug(), "a provider is back");
                }
            }
        }
    }

    /// Whether the provider has not sent this account away.
    fn may_ask(&self) -> Result<(), CallError> {
        let mut all = locked(&self.pace.sent_away);
        let Some(until) = all.get(&self.account) else { return Ok(()) };
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            all.remove(&self.account);
            return Ok(());
        }
        Err(CallError::SlowDown { after: Some(left) })
    }

    async fn until_turn(&self, wait: impl Fn() -> Option<Duration>) -> Result<(), CallError> {
        let late = tokio::time::Instant::now() + PATIENCE;
        while let Some(after) = wait() {
            if tokio::time::Instant::now() + after > late {
                return Err(CallError::Paced { after });
            }
            tokio::time::sleep(after).await;
        }
        Ok(())
    }
}

fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[allow(clippy::expect_used, reason = "the limits above are not zero")]
fn limit<K: Hash + Eq + Clone>((at_once, a_second): (u32, u32)) -> DefaultKeyedRateLimiter<K> {
    let some = |number| NonZeroU32::new(number).expect("a limit is not zero");
    RateLimiter::keyed(Quota::per_second(some(a_second)).allow_burst(some(at_once)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn away() -> CallError {
        CallError::Away { cause: "it answers 503".into(), after: None }
    }

    fn turn(pace: &Arc<Pace>, provider: Provider, account: &str) -> Turn {
        pace.turn(provider, &account.parse().unwrap(), provider == Provider::Caldav)
    }

    #[tokio::test]
    async fn one_that_is_down_is_left_alone_by_everybody_and_others_are_not() {
        let pace = Arc::new(Pace::default());
        for n in 0..DOWN_AT {
            let turn = turn(&pace, Provider::Todoist, &format!("a{n}"));
            assert_eq!(turn.take().await, Ok(()));
            turn.heard(Some(&away()));
        }
        let another = turn(&pace, Provider::Todoist, "another");
        let Err(CallError::Away { after: Some(after), .. }) = another.take().await else { panic!("it is down") };
        assert!(after > Duration::ZERO && after <= backoff::LONGEST);
        assert_eq!(turn(&pace, Provider::GoogleTasks, "a0").take().await, Ok(()));
        another.heard(None);
        assert_eq!(another.take().await, Ok(()), "back is back");
    }

    #[test]
    fn one_goes_to_see_whether_it_is_back_and_the_waits_grow() {
        let (mut trouble, now) = (Trouble::default(), Instant::now());
        let down: Vec<bool> = (0..7).map(|_| trouble.failed(now, None)).collect();
        assert_eq!(down, [false, false, false, false, true, false, false], "it is said once");
        let first = trouble.pass(now).unwrap_err();
        let then = now + first;
        assert_eq!(trouble.pass(then), Ok(()));
        assert_eq!(trouble.pass(then), Err(TRY), "only one goes");
        for _ in 0..40 {
            trouble.failed(then, None);
        }
        assert!(trouble.pass(then).unwrap_err() > first);
        trouble.failed(then, Some(Duration::from_secs(3600)));
        assert_eq!(trouble.pass(then), Err(Duration::from_secs(3600)), "what it asks for counts");
    }

    #[tokio::test]
    async fn a_server_of_ones_own_is_down_for_oneself() {
        let pace = Arc::new(Pace::default());
        for _ in 0..DOWN_AT {
            turn(&pace, Provider::Caldav, "mine").heard(Some(&away()));
        }
        assert!(turn(&pace, Provider::Caldav, "mine").take().await.is_err());
        assert_eq!(turn(&pace, Provider::Caldav, "hers").take().await, Ok(()));
    }

    #[tokio::test]
    async fn an_account_that_is_sent_away_stays_away_and_no_other_does() {
        let pace = Arc::new(Pace::default());
        let mine = turn(&pace, Provider::Todoist, "mine");
        mine.heard(Some(&CallError::SlowDown { after: Some(Duration::from_secs(60)) }));
        assert!(matches!(mine.take().await, Err(CallError::SlowDown { after: Some(_) })));
        assert_eq!(turn(&pace, Provider::Todoist, "hers").take().await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn more_than_a_provider_permits_is_not_asked() {
        let pace = Arc::new(Pace::default());
        let busy = turn(&pace, Provider::Todoist, "busy");
        let wait = || pace.wait(&pace.todoist, &busy.account);
        let at_once = (0..).take_while(|_| wait().is_none()).count();
        assert!((150..155).contains(&at_once), "{at_once}");
        assert!(wait().is_some_and(|wait| wait <= Duration::from_secs(1)));
        let refused = busy.until_turn(|| Some(PATIENCE * 2)).await;
        assert_eq!(refused, Err(CallError::Paced { after: PATIENCE * 2 }));
    }
}
