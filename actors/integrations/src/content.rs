//! Content on demand: the words of one reference, fetched when they are shown and kept for seconds in memory only; and
//! completing a task at its provider.

use crate::refresh::TokenError;
use crate::shared::{Shared, UseError, not_linked};
use oo_contracts::http::Problem;
use oo_contracts::wire::{Complete, Done, Fetch, Words};
use oo_contracts::{AccountId, Ref, UserId};
use oo_runtime::random;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The page and the push ask within a moment of each other; nobody should see older words than this.
const CACHED_FOR: Duration = Duration::from_secs(5);
const MOST_CACHED: usize = 1000;
/// Whoever asks waits five seconds, and a clear answer is better than none.
const WITHIN: Duration = Duration::from_millis(4500);
/// Longer than any title that is shown; what is cut off is never read.
const MOST_TITLE: usize = 500;

/// Words of the last seconds. In memory, never anywhere else.
#[derive(Default)]
pub(crate) struct Cache(Mutex<HashMap<(UserId, Ref), (Instant, Words)>>);

impl Cache {
    fn get(&self, about: &(UserId, Ref)) -> Option<Words> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, (at, _)| at.elapsed() < CACHED_FOR);
        all.get(about).map(|(_, words)| words.clone())
    }

    fn put(&self, about: (UserId, Ref), words: Words) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() < MOST_CACHED {
            all.insert(about, (Instant::now(), words));
        }
    }

    /// Forgets what came from an account.
    pub(crate) fn forget(&self, account: &AccountId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|(_, about), _| about.account != *account);
    }

    /// Forgets all: seldom, and what is asked for again is fetched again.
    pub(crate) fn forget_all(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn forget_one(&self, user: &UserId, about: &Ref) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&(user.clone(), about.clone()));
    }

    /// Forgets what has become too old, even if nobody asks any more.
    pub(crate) fn sweep(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, (at, _)| at.elapsed() < CACHED_FOR);
    }
}

/// The words of a reference, straight from the provider.
pub(crate) async fn fetch(shared: Arc<Shared>, fetch: Fetch) -> Result<Words, Problem> {
    let Fetch { user, reference } = fetch;
    let provider = owned(&shared, &user, &reference).await?;
    let about = (user, reference);
    if let Some(words) = shared.words.get(&about) {
        return Ok(words);
    }
    let item = &about.1.item;
    let asked = shared
        .call(&about.1.account, |connector, http, access| async move { connector.words(&http, &access, item).await });
    let late = |_| Problem::new(504, "the provider is slow", "try again in a moment");
    let said = tokio::time::timeout(WITHIN, asked).await.map_err(late)?;
    if let Err(UseError::Token(TokenError::Reconnect)) = said {
        // The log should hear of it before the next tip.
        hint(&shared, &about.1.account).await;
    }
    let said = said?;
    let source = shared.name(provider);
    let words = match said {
        Some(said) => Words { title: tidy(&said.title), source, over: said.over },
        None => Words { title: String::new(), source, over: true },
    };
    shared.words.put(about, words.clone());
    Ok(words)
}

/// Completes a task at its provider, or opens it again. The same key twice acts once.
pub(crate) async fn complete(shared: Arc<Shared>, complete: Complete) -> Result<Done, Problem> {
    let Complete { user, task, reopen, key } = complete;
    owned(&shared, &user, &task).await?;
    let done = random::hex(&Sha256::digest(format!("{}|{key}", task.account)));
    if shared.content.is_done(&done).await? {
        return Ok(Done {});
    }
    let (item, key) = (&task.item, &key);
    if reopen || !went_through(&shared, &task, &done).await? {
        shared
            .call(&task.account, |connector, http, access| async move {
                connector.complete(&http, &access, item, reopen, key).await
            })
            .await?;
    }
    // The provider knows the key, or how the task stood: without this mark a repetition only costs a call.
    if let Err(error) = shared.content.mark_done(&done).await {
        tracing::debug!(%error, "a completed task is not marked");
    }
    shared.words.forget_one(&user, &task);
    // The log should hear of it soon, from the provider as everything else.
    hint(&shared, &task.account).await;
    Ok(Done {})
}

/// Has an account read now.
async fn hint(shared: &Shared, account: &AccountId) {
    if shared.schedule.hint(account, shared.ctx.clock.wall()).await.is_ok() {
        shared.due.notify_one();
    }
}

/// Whether an earlier try of the same key did it after all and only its answer was lost. Completing a recurring task
/// twice would skip a day of it.
async fn went_through(shared: &Shared, task: &Ref, done: &str) -> Result<bool, Problem> {
    let item = &task.item;
    let asked = shared.call(&task.account, |connector, http, access| async move {
        match connector.standing(&http, &access, item) {
            Some(standing) => standing.await.map(Some),
            None => Ok(None),
        }
    });
    let Some(now) = asked.await? else { return Ok(false) };
    Ok(shared.content.first_standing(done, &now).await? != now)
}

/// Whose provider it is, if the account is this person's.
async fn owned(shared: &Shared, user: &UserId, about: &Ref) -> Result<oo_contracts::Provider, Problem> {
    let linked =
        shared.vault.look(&about.account).await?.filter(|linked| linked.user == *user).ok_or_else(not_linked)?;
    Ok(linked.provider)
}

/// One line, without control characters, of a length that can be shown.
fn tidy(title: &str) -> String {
    let plain: String = title.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(MOST_TITLE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(item: &str) -> (UserId, Ref) {
        ("ada".parse().unwrap(), Ref { account: "a1".parse().unwrap(), item: item.parse().unwrap() })
    }

    #[tokio::test(start_paused = true)]
    async fn words_are_kept_for_seconds_only() {
        let cache = Cache::default();
        cache.put(about("one"), Words { title: "File taxes".into(), source: "Todoist".into(), over: false });
        assert!(cache.get(&about("one")).is_some() && cache.get(&about("two")).is_none());
        tokio::time::advance(CACHED_FOR).await;
        assert!(cache.get(&about("one")).is_none());
    }

    #[test]
    fn a_title_is_one_plain_line() {
        assert_eq!(tidy("  File\r\n\ttaxes\u{0} "), "File taxes");
        assert_eq!(tidy(&"x".repeat(10_000)).len(), MOST_TITLE);
    }
}
