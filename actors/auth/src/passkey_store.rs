//! Passkeys in Redis, sealed: of each person, and whose handle an authenticator names.

use oo_contracts::session::{DeviceName, DoorId};
use oo_contracts::{Timestamp, UserId};
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
    pub(crate) async fn handle(&self, user: &UserId, fresh: Uuid) -> Stored<Uuid> {
        let mut redis = self.redis.clone();
        let key = format!("oo:auth:handle-of:{user}");
        let _: bool = redis.set_nx(&key, fresh.to_string()).await?;
        let known: String = redis.get(&key).await?;
        let handle = known.parse().unwrap_or(fresh);
        let _: () = redis.set(handle_key(handle), user.as_str()).await?;
        Ok(handle)
    }

    /// Whose handle this is.
    pub(crate) async fn user_of(&self, handle: Uuid) -> Stored<Option<UserId>> {
        let user: Option<String> = self.redis.clone().get(handle_key(handle)).await?;
        Ok(user.and_then(|user| user.parse().ok()))
    }

    /// All of a person.
    pub(crate) async fn of(&self, user: &UserId) -> Stored<Vec<(DoorId, Kept)>> {
        let all: HashMap<String, String> = self.redis.clone().hgetall(key(user)).await?;
        let read = |(id, sealed): (String, String)| {
            let id: DoorId = id.parse().ok()?;
            let kept = self.open(user, &id, &sealed)?;
            Some((id, kept))
        };
        Ok(all.into_iter().filter_map(read).collect())
    }

    /// One of a person's.
    pub(crate) async fn find(&self, user: &UserId, id: &DoorId) -> Stored<Option<Kept>> {
        let sealed: Option<String> = self.redis.clone().hget(key(user), id.as_str()).await?;
        Ok(sealed.and_then(|sealed| self.open(user, id, &sealed)))
    }

    /// Adds one; `false` where it is there already.
    pub(crate) async fn add(&self, user: &UserId, id: &DoorId, kept: &Kept) -> Stored<bool> {
        self.redis.clone().hset_nx(key(user), id.as_str(), self.seal(user, id, kept)).await
    }

    /// Replaces one that is there.
    pub(crate) async fn replace(&self, user: &UserId, id: &DoorId, kept: &Kept) -> Stored<()> {
        let mut redis = self.redis.clone();
        // Removed meanwhile: it stays removed.
        if redis.hexists(key(user), id.as_str()).await? {
            let _: () = redis.hset(key(user), id.as_str(), self.seal(user, id, kept)).await?;
        }
        Ok(())
    }

    /// Removes one; whether it was there.
    pub(crate) async fn remove(&self, user: &UserId, id: &DoorId) -> Stored<bool> {
        self.redis.clone().hdel(key(user), id.as_str()).await
    }

    fn seal(&self, user: &UserId, id: &DoorId, kept: &Kept) -> String {
        let plain = serde_json::to_vec(kept).unwrap_or_default();
        serde_json::to_string(&Envelope::seal(&self.ring, &belongs(user, id), &plain)).unwrap_or_default()
    }

    fn open(&self, user: &UserId, id: &DoorId, sealed: &str) -> Option<Kept> {
        let envelope: Envelope = serde_json::from_str(sealed).ok()?;
        let plain = envelope.open(&self.ring, &belongs(user, id)).ok()?;
        serde_json::from_slice(&plain).ok()
    }
}

fn key(user: &UserId) -> String {
    format!("oo:auth:passkeys:{user}")
}

fn handle_key(handle: Uuid) -> String {
    format!("oo:auth:handle:{handle}")
}

fn belongs(user: &UserId, id: &DoorId) -> String {
    format!("oo/passkey/v1|{user}|{id}")
}
