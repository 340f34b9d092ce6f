//! Redis for syncs: when each account is due, where its last sync ended, and which of its objects the log knows.

use crate::store::{DUE, StoreError, key, millis};
use oo_contracts::{AccountId, Timestamp};
use oo_subjects::trace::Cause;
use redis::aio::ConnectionManager;
use redis::{AsyncCommands as _, Script};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Duration;

/// Takes accounts that are due and that nobody syncs. Each is due again when its lease ends, in case its taker dies.
static TAKE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3] * 4)
         local taken = {}
         for _, account in ipairs(due) do
           if #taken >= tonumber(ARGV[3]) then break end
           if redis.call('SET', ARGV[5] .. account, ARGV[4], 'NX', 'PX', ARGV[2]) then
             redis.call('ZADD', KEYS[1], ARGV[1] + ARGV[2], account)
             taken[#taken + 1] = account
           end
         end
         return taken",
    )
});

/// Gives an account back: due at the given instant, or at once if somebody said so meanwhile.
static GIVE_BACK: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('GET', KEYS[2]) ~= ARGV[2] then return 0 end
         redis.call('DEL', KEYS[2])
         local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
         if score and tonumber(score) >= tonumber(ARGV[3]) then redis.call('ZADD', KEYS[1], ARGV[4], ARGV[1]) end
         return 1",
    )
});

/// Lengthens a lease, if it is still ours.
static RENEW: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
         return redis.call('PEXPIRE', KEYS[1], ARGV[2])",
    )
});

/// Keeps where a sync ended, if the account still is linked and its lease still ours.
static COMMIT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('GET', KEYS[2]) ~= ARGV[1] or redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
         redis.call('SET', KEYS[3], ARGV[2])
         local at = 4
         for _ = 1, tonumber(ARGV[3]) do
           redis.call('HDEL', KEYS[4], ARGV[at])
           at = at + 1
         end
         while ARGV[at] do
           redis.call('HSET', KEYS[4], ARGV[at], ARGV[at + 1])
           at = at + 2
         end
         return 1",
    )
});

/// Where an account's sync stands. No content: a cursor, counters, channels.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct SyncState {
    pub(crate) cursor: Option<String>,
    /// The log knows that it is linked.
    #[serde(default)]
    pub(crate) said: bool,
    #[serde(default)]
    pub(crate) broken: Option<BrokenSince>,
    /// Failures in a row.
    #[serde(default)]
    pub(crate) failures: u32,
    /// Looks in a row that found nothing.
    #[serde(default)]
    pub(crate) quiet: u32,
    /// The provider wants to be left alone until then, on the wall's clock.
    #[serde(default)]
    pub(crate) not_before: Option<Timestamp>,
    #[serde(default)]
    pub(crate) channels: Vec<OpenChannel>,
    /// No channel is asked for before this, on the wall's clock.
    #[serde(default)]
    pub(crate) channel_after: Option<Timestamp>,
}

/// A link that broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BrokenSince {
    pub(crate) at: Timestamp,
    /// The log knows of it.
    pub(crate) is_told: bool,
}

/// A channel that is open at the provider.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct OpenChannel {
    pub(crate) id: String,
    pub(crate) resource: String,
    pub(crate) expires: Timestamp,
    /// What it watches, as the connector names it.
    #[serde(default)]
    pub(crate) what: String,
    /// When it wants to be renewed, on the wall's clock.
    #[serde(default)]
    pub(crate) renew: Option<Timestamp>,
}

/// An account taken for a sync, for as long as the lease.
#[derive(Debug, Clone)]
pub(crate) struct Lease {
    pub(crate) account: AccountId,
    owner: String,
    until: i64,
}

/// What a sync changes of what the log knows: by object, a digest of its facts.
#[derive(Debug, Default)]
pub(crate) struct KnownChange {
    pub(crate) now: Vec<(String, String)>,
    pub(crate) gone: Vec<String>,
}

/// Syncs' part of Redis.
#[derive(Clone)]
pub(crate) struct SyncStore {
    redis: ConnectionManager,
}

impl SyncStore {
    pub(crate) fn new(redis: ConnectionManager) -> Self {
        Self { redis }
    }

    /// Takes at most `most` accounts that are due.
    pub(crate) async fn take(
        &self,
        wall: Timestamp,
        lease: Duration,
        most: usize,
        owner: &str,
    ) -> Result<Vec<Lease>, StoreError> {
        let millis_of_lease = lease.as_millis() as i64;
        let mut call = TAKE.key(DUE);
        call.arg(millis(wall)).arg(millis_of_lease).arg(most).arg(owner).arg(key("syncing", ""));
        let taken: Vec<String> = call.invoke_async(&mut self.redis.clone()).await.map_err(away)?;
        let until = millis(wall) + millis_of_lease;
        let lease = |id: String| Some(Lease { account: id.parse().ok()?, owner: owner.to_owned(), until });
        Ok(taken.into_iter().filter_map(lease).collect())
    }

    /// Lengthens a lease; `false` if it has run out.
    pub(crate) async fn renew(&self, lease: &Lease, by: Duration) -> Result<bool, StoreError> {
        let mut call = RENEW.key(key("syncing", &lease.account));
        call.arg(&lease.owner).arg(by.as_millis() as i64);
        call.invoke_async(&mut self.redis.clone()).await.map_err(away)
    }

    /// Gives an account back, due then.
    pub(crate) async fn give_back(&self, lease: &Lease, due: Timestamp) -> Result<(), StoreError> {
        let mut call = GIVE_BACK.key(DUE);
        call.key(key("syncing", &lease.account));
        call.arg(lease.account.as_str()).arg(&lease.owner).arg(lease.until).arg(millis(due));
        call.invoke_async::<i64>(&mut self.redis.clone()).await.map(|_| ()).map_err(away)
    }

    /// Makes an account due now, if it is linked.
    pub(crate) async fn hint(&self, account: &AccountId, wall: Timestamp) -> Result<(), StoreError> {
        let mut redis = self.redis.clone();
        let mut add = redis::cmd("ZADD");
        add.arg(DUE).arg("XX").arg("LT").arg(millis(wall)).arg(account.as_str());
        add.exec_async(&mut redis).await.map_err(away)
    }

    /// When the next account is due.
    pub(crate) async fn next(&self) -> Result<Option<Timestamp>, StoreError> {
        let first: Vec<(String, f64)> = self.redis.clone().zrange_withscores(DUE, 0, 0).await.map_err(away)?;
        Ok(first.first().and_then(|(_, score)| Timestamp::from_millisecond(*score as i64).ok()))
    }

    /// Whether a sync of this account is under way.
    pub(crate) async fn is_syncing(&self, account: &AccountId) -> Result<bool, StoreError> {
        self.redis.clone().exists(key("syncing", account)).await.map_err(away)
    }

    /// Whether the provider told of a change within the last day.
    pub(crate) async fn was_told(&self, account: &AccountId) -> Result<bool, StoreError> {
        self.redis.clone().exists(key("told", account)).await.map_err(away)
    }

    /// The webhook that a sync follows from, if it was not taken before.
    pub(crate) async fn take_cause(&self, account: &AccountId) -> Result<Cause, StoreError> {
        let mut take = redis::cmd("SET");
        take.arg(key("told", account)).arg("").arg("XX").arg("KEEPTTL").arg("GET");
        let told: Option<String> = take.query_async(&mut self.redis.clone()).await.map_err(away)?;
        Ok(told.map(|told| Cause::parse(&told)).unwrap_or_default())
    }

    pub(crate) async fn state(&self, account: &AccountId) -> Result<SyncState, StoreError> {
        let text: Option<String> = self.redis.clone().get(key("state", account)).await.map_err(away)?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
    }

    /// What the log knows of the account's objects: digests of facts, by the provider's opaque names.
    pub(crate) async fn known(&self, account: &AccountId) -> Result<HashMap<String, String>, StoreError> {
        self.redis.clone().hgetall(key("known", account)).await.map_err(away)
    }

    /// Keeps where a sync ended; `false` if the account was unlinked meanwhile, or the lease has run out.
    pub(crate) async fn commit(
        &self,
        lease: &Lease,
        state: &SyncState,
        change: &KnownChange,
    ) -> Result<bool, StoreError> {
        let account = &lease.account;
        let mut call = COMMIT.key(key("account", account));
        call.key(key("syncing", account)).key(key("state", account)).key(key("known", account));
        call.arg(&lease.owner).arg(serde_json::to_string(state).unwrap_or_default()).arg(change.gone.len());
        for item in &change.gone {
            call.arg(item);
        }
        for (item, digest) in &change.now {
            call.arg(item).arg(digest);
        }
        call.invoke_async(&mut self.redis.clone()).await.map_err(away)
    }
}

#[allow(clippy::needless_pass_by_value, reason = "it is what map_err gives")]
fn away(error: redis::RedisError) -> StoreError {
    StoreError(error.to_string())
}
