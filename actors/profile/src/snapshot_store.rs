//! Snapshots of profiles in Redis: a cache of the log, sealed, replaced only by newer ones.

use crate::at_rest;
use oo_contracts::LogId;
use oo_domain::profile::Profile;
use oo_runtime::Person;
use redis::aio::ConnectionManager;
use redis::{AsyncCommands as _, Script};

/// Replaces a snapshot by one with a higher sequence only, so that a node that lost its shard cannot turn it back.
const REPLACE_IF_NEWER: &str = r"
local q = redis.call('HGET', KEYS[1], 'q')
if q and tonumber(q) >= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'q', ARGV[1], 'b', ARGV[2])
return 1";

/// For as long no snapshot is kept after somebody was erased: longer than any actor takes to hear of it and stop.
const NONE_FOR_SECONDS: i64 = 60;
/// No sequence is higher, and each script of Redis can still tell it from the one before (2^53 - 1).
const LAST: i64 = 9_007_199_254_740_991;

/// Where snapshots are.
#[derive(Clone)]
pub(crate) struct SnapshotStore {
    redis: ConnectionManager,
    replace: Script,
}

impl SnapshotStore {
    pub(crate) fn new(redis: ConnectionManager) -> Self {
        Self { redis, replace: Script::new(REPLACE_IF_NEWER) }
    }

    /// The snapshot of a person, if there is one that this code can go on with. `None` is always safe: the log knows all.
    pub(crate) async fn load(&self, person: &Person) -> Option<Profile> {
        self.read(person).await.unwrap_or_else(|error| {
            tracing::warn!(user = %person.user, %error, "no snapshot to be had; the log is replayed");
            None
        })
    }

    /// The same, for whoever must tell a snapshot that is not there from one that cannot be reached.
    pub(crate) async fn read(&self, person: &Person) -> redis::RedisResult<Option<Profile>> {
        let sealed: Option<Vec<u8>> = self.redis.clone().hget(key(&person.place.log), "b").await?;
        Ok(sealed.and_then(|sealed| open(person, &sealed)))
    }

    /// Removes a snapshot. Costs a replay, nothing more.
    pub(crate) async fn remove(&self, person: &Person) -> redis::RedisResult<()> {
        self.redis.clone().del(key(&person.place.log)).await
    }

    /// Keeps a snapshot. Failing costs a replay, nothing more.
    pub(crate) async fn save(&self, person: &Person, profile: &Profile) {
        let sealed = person.key.seal(&belongs(person), &at_rest::write(profile));
        let mut call = self.replace.key(key(&person.place.log));
        let saved: redis::RedisResult<i64> =
            call.arg(profile.seq()).arg(sealed).invoke_async(&mut self.redis.clone()).await;
        if let Err(error) = saved {
            tracing::warn!(user = %person.user, %error, "snapshot not kept");
        }
    }

    /// Removes a person's snapshot, and sees to it that an actor that is about to stop somewhere leaves none behind.
    pub(crate) async fn clear(&self, log: &LogId) -> redis::RedisResult<bool> {
        let (existed, ..): (bool, (), ()) = redis::pipe()
            .atomic()
            .del(key(log))
            .hset(key(log), "q", LAST)
            .expire(key(log), NONE_FOR_SECONDS)
            .query_async(&mut self.redis.clone())
            .await?;
        Ok(existed)
    }
}

fn open(person: &Person, sealed: &[u8]) -> Option<Profile> {
    at_rest::snapshot(&person.key.open(&belongs(person), sealed).ok()?)
}

fn key(log: &LogId) -> String {
    format!("oo:snapshot:{log}")
}

fn belongs(person: &Person) -> String {
    format!("oo/snapshot/v1|{}", person.place.log)
}
