//! Sessions in Redis, by the hash of their secret and by their person's log, which is all that names a person here; and one-time links that were used.

use oo_contracts::session::DoorId;
use oo_contracts::{LogId, Timestamp};
use redis::aio::ConnectionManager;
use redis::{AsyncCommands as _, ExistenceCheck, RedisResult, SetExpiry, SetOptions};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

const DAY: u64 = 24 * 3600;

#[derive(Clone)]
pub(crate) struct SessionStore {
    redis: ConnectionManager,
    idle_days: u64,
    absolute_days: u64,
}

/// A session as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Whose: by their log, which leads to nobody once they were erased.
    pub(crate) log: LogId,
    /// How its owner names it.
    pub(crate) id: DoorId,
    /// Sealed with the person's key.
    pub(crate) device: String,
    pub(crate) began: Timestamp,
    pub(crate) used: Timestamp,
}

impl SessionStore {
    pub(crate) fn new(redis: ConnectionManager, idle_days: u64, absolute_days: u64) -> Self {
        Self { redis, idle_days, absolute_days }
    }

    /// Begins a session.
    pub(crate) async fn begin(&self, hash: &str, record: &Record) -> RedisResult<()> {
        redis::pipe()
            .atomic()
            .set_ex(key(hash), json(record), self.idle_days * DAY)
            .ignore()
            .hset(of(&record.log), record.id.as_str(), hash)
            .ignore()
            .expire(of(&record.log), (self.absolute_days * DAY).cast_signed())
            .ignore()
            .exec_async(&mut self.redis.clone())
            .await
    }

    /// Puts a session under another secret and name, all at once. `false` where it ended meanwhile: an ended one stays ended,
    /// and of two who renew it at once one is too late.
    pub(crate) async fn renew(&self, from: &str, old: &Record, to: &str, record: &Record) -> RedisResult<bool> {
        let mut redis = self.redis.clone();
        let taken: i64 = redis.del(key(from)).await?;
        if taken == 0 {
            return Ok(false);
        }
        let _: () = redis.hdel(of(&old.log), old.id.as_str()).await?;
        self.begin(to, record).await?;
        Ok(true)
    }

    /// A session, while it lives; using it keeps it from ending idle.
    pub(crate) async fn check(&self, hash: &str, wall: Timestamp) -> RedisResult<Option<Record>> {
        let mut redis = self.redis.clone();
        let found: Option<String> = redis.get_ex(key(hash), redis::Expiry::EX(self.idle_days * DAY)).await?;
        let Some(mut record) = found.as_deref().and_then(|found| serde_json::from_str::<Record>(found).ok()) else {
            return Ok(None);
        };
        let age = wall.as_second() - record.began.as_second();
        if age > (self.absolute_days * DAY).cast_signed() {
            self.end(hash, &record).await?;
            return Ok(None);
        }
        // Often enough for its owner to see, and not a write for each request.
        if wall.as_second() - record.used.as_second() > 60 {
            record.used = wall;
            let options = SetOptions::default()
                .conditional_set(ExistenceCheck::XX)
                .with_expiration(SetExpiry::EX(self.idle_days * DAY));
            let _: Option<String> = redis.set_options(key(hash), json(&record), options).await?;
        }
        Ok(Some(record))
    }

    /// All sessions of a person that live, with the hashes of their secrets.
    pub(crate) async fn of(&self, log: &LogId) -> RedisResult<Vec<(String, Record)>> {
        let mut redis = self.redis.clone();
        let known: HashMap<String, String> = redis.hgetall(of(log)).await?;
        let mut live = Vec::new();
        for (id, hash) in known {
            let found: Option<String> = redis.get(key(&hash)).await?;
            match found.as_deref().and_then(|found| serde_json::from_str(found).ok()) {
                Some(record) => live.push((hash, record)),
                // It ended by itself.
                None => redis.hdel(of(log), id).await?,
            }
        }
        Ok(live)
    }

    /// The hash of a person's session by its name, while it lives.
    pub(crate) async fn named(&self, log: &LogId, id: &str) -> RedisResult<Option<String>> {
        let mut redis = self.redis.clone();
        let hash: Option<String> = redis.hget(of(log), id).await?;
        match hash {
            Some(hash) if redis.exists(key(&hash)).await? => Ok(Some(hash)),
            _ => Ok(None),
        }
    }

    /// Ends a session.
    pub(crate) async fn end(&self, hash: &str, record: &Record) -> RedisResult<()> {
        redis::pipe()
            .atomic()
            .del(key(hash))
            .ignore()
            .hdel(of(&record.log), record.id.as_str())
            .ignore()
            .exec_async(&mut self.redis.clone())
            .await
    }

    /// Ends all sessions of a person, and says how many there were.
    pub(crate) async fn clear(&self, log: &LogId) -> RedisResult<u32> {
        let mut redis = self.redis.clone();
        let known: HashMap<String, String> = redis.hgetall(of(log)).await?;
        let mut ended = 0;
        for hash in known.values() {
            ended += redis.del::<_, u32>(key(hash)).await?;
        }
        redis.del::<_, ()>(of(log)).await?;
        Ok(ended)
    }

    /// Whether a one-time link was used.
    pub(crate) async fn was_used(&self, hash: &str) -> RedisResult<bool> {
        self.redis.clone().exists(owner_link(hash)).await
    }

    /// Uses a one-time link: `true` for the first only.
    pub(crate) async fn use_once(&self, hash: &str) -> RedisResult<bool> {
        let options =
            SetOptions::default().conditional_set(ExistenceCheck::NX).with_expiration(SetExpiry::EX(365 * DAY));
        let set: Option<String> = self.redis.clone().set_options(owner_link(hash), 1, options).await?;
        Ok(set.is_some())
    }
}

fn key(hash: &str) -> String {
    format!("oo:session:{hash}")
}

fn owner_link(hash: &str) -> String {
    format!("oo:owner-link:{hash}")
}

fn of(log: &LogId) -> String {
    format!("oo:sessions:{log}")
}

fn json(record: &Record) -> String {
    // Names and times only: there is nothing in it that JSON could refuse.
    serde_json::to_string(record).unwrap_or_default()
}
