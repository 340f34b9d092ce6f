//! Passkeys in Redis, sealed: of each person, by their log, and whose handle an authenticator names.

use oo_contracts::session::{DeviceName, DoorId};
use oo_contracts::{LogId, Timestamp};
use oo_runtime::seal::{Envelope, Keyring};
use redis::aio::ConnectionManager;
use redis::{AsyncCommands as _, RedisError, RedisResult};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use webauthn_rs::prelude::{Passkey, Uuid};

/// Why something could not be kept or found.
pub(crate) type StoreError = RedisError;
/// What was found, or kept.
pub(crate) type Stored<T> = RedisResult<T>;

#[derive(Clone)]
pub(crate) struct PasskeyStore {
    redis: ConnectionManager,
    ring: Keyring,
}

/// A passkey and what its owner knows of it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) passkey: Passkey,
    pub(crate) device: DeviceName,
    pub(crate) added: Timestamp,
    pub(crate) used: Option<Timestamp>,
}

impl PasskeyStore {
    pub(crate) fn new(redis: ConnectionManager, ring: Keyring) -> Self {
        Self { redis, ring }
    }

    /// The name by which authenticators know a person: `fresh`, unless there is one already.
    pub(crate) async fn handle(&self, log: &LogId, fresh: Uuid) -> Stored<Uuid> {
        let mut redis = self.redis.clone();
        let key = handle_of(log);
        let _: bool = redis.set_nx(&key, fresh.to_string()).await?;
        let known: String = redis.get(&key).await?;
        let handle = known.parse().unwrap_or(fresh);
        let _: () = redis.set(handle_key(handle), log.as_str()).await?;
        Ok(handle)
    }

    /// Whose handle this is.
    pub(crate) async fn log_of(&self, handle: Uuid) -> Stored<Option<LogId>> {
        let log: Option<String> = self.redis.clone().get(handle_key(handle)).await?;
        Ok(log.and_then(|log| log.parse().ok()))
    }

    /// All of a person.
    pub(crate) async fn of(&self, log: &LogId) -> Stored<Vec<(DoorId, Kept)>> {
        let all: HashMap<String, String> = self.redis.clone().hgetall(key(log)).await?;
        let read = |(id, sealed): (String, String)| {
            let id: DoorId = id.parse().ok()?;
            let kept = self.open(log, &id, &sealed)?;
            Some((id, kept))
        };
        Ok(all.into_iter().filter_map(read).collect())
    }

    /// One of a person's.
    pub(crate) async fn find(&self, log: &LogId, id: &DoorId) -> Stored<Option<Kept>> {
        let sealed: Option<String> = self.redis.clone().hget(key(log), id.as_str()).await?;
        Ok(sealed.and_then(|sealed| self.open(log, id, &sealed)))
    }

    /// Adds one; `false` where it is there already.
    pub(crate) async fn add(&self, log: &LogId, id: &DoorId, kept: &Kept) -> Stored<bool> {
        self.redis.clone().hset_nx(key(log), id.as_str(), self.seal(log, id, kept)).await
    }

    /// Replaces one that is there.
    pub(crate) async fn replace(&self, log: &LogId, id: &DoorId, kept: &Kept) -> Stored<()> {
        let mut redis = self.redis.clone();
        // Removed meanwhile: it stays removed.
        if redis.hexists(key(log), id.as_str()).await? {
            let _: () = redis.hset(key(log), id.as_str(), self.seal(log, id, kept)).await?;
        }
        Ok(())
    }

    /// Removes one; whether it was there.
    pub(crate) async fn remove(&self, log: &LogId, id: &DoorId) -> Stored<bool> {
        self.redis.clone().hdel(key(log), id.as_str()).await
    }

    /// Removes all of a person's, and their handle; says how many there were.
    pub(crate) async fn clear(&self, log: &LogId) -> Stored<u32> {
        let mut redis = self.redis.clone();
        let count: u32 = redis.hlen(key(log)).await?;
        let handle: Option<String> = redis.get(handle_of(log)).await?;
        if let Some(handle) = handle.and_then(|handle| handle.parse().ok()) {
            redis.del::<_, ()>(handle_key(handle)).await?;
        }
        redis.del::<_, ()>(&[key(log), handle_of(log)]).await?;
        Ok(count)
    }

    fn seal(&self, log: &LogId, id: &DoorId, kept: &Kept) -> String {
        let plain = serde_json::to_vec(kept).unwrap_or_default();
        serde_json::to_string(&Envelope::seal(&self.ring, &belongs(log, id), &plain)).unwrap_or_default()
    }

    fn open(&self, log: &LogId, id: &DoorId, sealed: &str) -> Option<Kept> {
        let envelope: Envelope = serde_json::from_str(sealed).ok()?;
        let plain = envelope.open(&self.ring, &belongs(log, id)).ok()?;
        serde_json::from_slice(&plain).ok()
    }
}

fn key(log: &LogId) -> String {
    format!("oo:auth:passkeys:{log}")
}

fn handle_of(log: &LogId) -> String {
    format!("oo:auth:handle-of:{log}")
}

fn handle_key(handle: Uuid) -> String {
    format!("oo:auth:handle:{handle}")
}

fn belongs(log: &LogId, id: &DoorId) -> String {
    format!("oo/passkey/v2|{log}|{id}")
}
