//! Redis for the vault: records with a version, their indexes, the locks of refreshes.

use crate::store::{DUE, ENDED, PROOF, StoreError, key, millis};
use oo_contracts::{AccountId, LogId, Timestamp};
use oo_runtime::redis_store;
use redis::aio::ConnectionManager;
use redis::{AsyncCommands as _, ExistenceCheck, Script, SetExpiry, SetOptions};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Duration;

/// Replaces a record whose version is still the expected one.
static SWAP: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('HGET', KEYS[1], 'version') ~= ARGV[1] then return 0 end
         redis.call('HSET', KEYS[1], 'version', ARGV[1] + 1, 'record', ARGV[2])
         return 1",
    )
});

/// Makes a record with its indexes, unless its owner is there already.
static CREATE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('EXISTS', KEYS[1], KEYS[2]) ~= 0 then return 0 end
         redis.call('SET', KEYS[2], ARGV[1])
         redis.call('HSET', KEYS[1], 'version', 1, 'record', ARGV[2])
         redis.call('SADD', KEYS[3], ARGV[1])
         redis.call('ZADD', KEYS[4], ARGV[3], ARGV[1])
         return 1",
    )
});

/// Moves a record to the ended ones and removes all else of the account.
static END: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local record = redis.call('HGET', KEYS[1], 'record')
         if not record then return 0 end
         local state = redis.call('GET', KEYS[4]) or ''
         local ended = {record = record, state = state, said = false, tries = 0}
         redis.call('HSET', KEYS[7], ARGV[1], cjson.encode(ended))
         redis.call('DEL', KEYS[1], KEYS[4], KEYS[5], KEYS[8])
         redis.call('SREM', KEYS[2], ARGV[1])
         redis.call('ZREM', KEYS[3], ARGV[1])
         if ARGV[2] ~= '' and redis.call('GET', KEYS[6]) == ARGV[1] then redis.call('DEL', KEYS[6]) end
         return 1",
    )
});

/// Puts another record in the place of an ended account's, if that is still the expected one.
static SWAP_ENDED: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local row = redis.call('HGET', KEYS[1], ARGV[1])
         if not row then return 0 end
         local ended = cjson.decode(row)
         if ended.record ~= ARGV[2] then return 0 end
         ended.record = ARGV[3]
         redis.call('HSET', KEYS[1], ARGV[1], cjson.encode(ended))
         return 1",
    )
});

/// Gives a lock back, if it is still ours.
static UNLOCK: LazyLock<Script> = LazyLock::new(|| {
    Script::new("if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0")
});

/// Lengthens a lock, if it is still ours.
static RENEW_LOCK: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0",
    )
});

/// A record and its version.
pub(crate) struct Raw {
    pub(crate) version: u64,
    pub(crate) record: String,
}

/// An ended account: its sealed record and the state of its sync, until all is said and revoked.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    pub(crate) account: AccountId,
    pub(crate) record: String,
    pub(crate) state: String,
    /// The log knows that it ended.
    pub(crate) said: bool,
    pub(crate) tries: u32,
}

#[derive(Serialize, Deserialize)]
struct EndedRow {
    record: String,
    state: String,
    said: bool,
    tries: u32,
}

/// The vault's part of Redis.
#[derive(Clone)]
pub(crate) struct VaultStore {
    redis: ConnectionManager,
}

impl VaultStore {
    pub(crate) fn new(redis: ConnectionManager) -> Self {
        Self { redis }
    }

    pub(crate) async fn load(&self, id: &AccountId) -> Result<Option<Raw>, StoreError> {
        let found: (Option<u64>, Option<String>) =
            self.redis.clone().hmget(key("account", id), &["version", "record"]).await.map_err(away)?;
        Ok(found.0.zip(found.1).map(|(version, record)| Raw { version, record }))
    }

    /// All linked accounts.
    pub(crate) async fn all(&self) -> Result<Vec<AccountId>, StoreError> {
        let names = redis_store::keys(&self.redis, &key("account", "*")).await.map_err(away)?;
        Ok(names.iter().filter_map(|name| name.rsplit(':').next()?.parse().ok()).collect())
    }

    /// Replaces a record of this version; `false` if it has another one by now, or none.
    pub(crate) async fn swap(&self, id: &AccountId, version: u64, record: &str) -> Result<bool, StoreError> {
        let mut call = SWAP.key(key("account", id));
        call.arg(version).arg(record).invoke_async(&mut self.redis.clone()).await.map_err(away)
    }

    /// Makes a record; `false` if somebody has linked this owner meanwhile.
    pub(crate) async fn create(
        &self,
        id: &AccountId,
        log: &LogId,
        owner: &str,
        record: &str,
        due: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut call = CREATE.key(key("account", id));
        call.key(key("owner", owner)).key(key("person", log)).key(DUE);
        call.arg(id.as_str()).arg(record).arg(millis(due));
        call.invoke_async(&mut self.redis.clone()).await.map_err(away)
    }

    pub(crate) async fn of_owner(&self, owner: &str) -> Result<Option<AccountId>, StoreError> {
        let found: Option<String> = self.redis.clone().get(key("owner", owner)).await.map_err(away)?;
        Ok(found.and_then(|id| id.parse().ok()))
    }

    pub(crate) async fn of_log(&self, log: &LogId) -> Result<Vec<AccountId>, StoreError> {
        let mut found: Vec<String> = self.redis.clone().smembers(key("person", log)).await.map_err(away)?;
        // A set has no order, and a page wants one.
        found.sort_unstable();
        Ok(found.into_iter().filter_map(|id| id.parse().ok()).collect())
    }

    /// Ends an account; `false` if it had ended before.
    pub(crate) async fn end(&self, id: &AccountId, log: &LogId, owner: Option<&str>) -> Result<bool, StoreError> {
        let owner = owner.unwrap_or_default();
        let mut call = END.key(key("account", id));
        call.key(key("person", log))
            .key(DUE)
            .key(key("state", id))
            .key(key("known", id))
            .key(key("owner", owner))
            .key(ENDED);
        call.key(key("told", id));
        call.arg(id.as_str()).arg(owner).invoke_async(&mut self.redis.clone()).await.map_err(away)
    }

    pub(crate) async fn ended(&self) -> Result<Vec<Ended>, StoreError> {
        let rows: HashMap<String, String> = self.redis.clone().hgetall(ENDED).await.map_err(away)?;
        let read = |(id, row): (String, String)| {
            let EndedRow { record, state, said, tries } = serde_json::from_str(&row).ok()?;
            Some(Ended { account: id.parse().ok()?, record, state, said, tries })
        };
        Ok(rows.into_iter().filter_map(read).collect())
    }

    pub(crate) async fn put_ended(&self, ended: &Ended) -> Result<(), StoreError> {
        let Ended { account, record, state, said, tries } = ended.clone();
        let row = serde_json::to_string(&EndedRow { record, state, said, tries }).unwrap_or_default();
        self.redis.clone().hset(ENDED, account.as_str(), row).await.map_err(away)
    }

    /// Replaces an ended account's record; `false` if it is another one by now, or all is done.
    pub(crate) async fn swap_ended(&self, account: &AccountId, old: &str, new: &str) -> Result<bool, StoreError> {
        let mut call = SWAP_ENDED.key(ENDED);
        call.arg(account.as_str()).arg(old).arg(new).invoke_async(&mut self.redis.clone()).await.map_err(away)
    }

    pub(crate) async fn forget_ended(&self, account: &AccountId) -> Result<(), StoreError> {
        self.redis.clone().hdel(ENDED, account.as_str()).await.map_err(away)
    }

    /// Takes the lock of an account's refresh, for a while; `false` if somebody has it.
    pub(crate) async fn lock(&self, id: &AccountId, owner: &str, within: Duration) -> Result<bool, StoreError> {
        let options = SetOptions::default()
            .conditional_set(ExistenceCheck::NX)
            .with_expiration(SetExpiry::PX(within.as_millis() as u64));
        let set: Option<String> =
            self.redis.clone().set_options(key("refresh", id), owner, options).await.map_err(away)?;
        Ok(set.is_some())
    }

    /// Lengthens it.
    pub(crate) async fn renew_lock(&self, id: &AccountId, owner: &str, by: Duration) -> Result<(), StoreError> {
        let mut call = RENEW_LOCK.key(key("refresh", id));
        call.arg(owner).arg(by.as_millis() as u64);
        call.invoke_async::<i64>(&mut self.redis.clone()).await.map(|_| ()).map_err(away)
    }

    /// The text by which the ring is known to be the right one.
    pub(crate) async fn proof(&self) -> Result<Option<String>, StoreError> {
        self.redis.clone().get(PROOF).await.map_err(away)
    }

    /// Keeps it, unless there is one already.
    pub(crate) async fn put_proof(&self, proof: &str) -> Result<(), StoreError> {
        self.redis.clone().set_nx::<_, _, bool>(PROOF, proof).await.map(|_| ()).map_err(away)
    }

    /// Replaces it by compare-and-set.
    pub(crate) async fn swap_proof(&self, old: &str, new: &str) -> Result<bool, StoreError> {
        redis_store::swap_text(&self.redis, PROOF, old, new).await.map_err(away)
    }

    /// Gives it back.
    pub(crate) async fn unlock(&self, id: &AccountId, owner: &str) -> Result<(), StoreError> {
        let mut call = UNLOCK.key(key("refresh", id));
        call.arg(owner).invoke_async::<i64>(&mut self.redis.clone()).await.map(|_| ()).map_err(away)
    }
}

#[allow(clippy::needless_pass_by_value, reason = "it is what map_err gives")]
fn away(error: redis::RedisError) -> StoreError {
    StoreError(error.to_string())
}
