//! Sessions in Redis, by the hash of their secret; and one-time links that were used.

use oo_contracts::{Timestamp, UserId};
use redis::aio::ConnectionManager;
use redis::{AsyncCommands as _, ExistenceCheck, RedisResult, SetExpiry, SetOptions};

const DAY: u64 = 24 * 3600;

#[derive(Clone)]
pub(crate) struct SessionStore {
    redis: ConnectionManager,
    idle_days: u64,
    absolute_days: u64,
}

impl SessionStore {
    pub(crate) fn new(redis: ConnectionManager, idle_days: u64, absolute_days: u64) -> Self {
        Self { redis, idle_days, absolute_days }
    }

    /// Begins a session.
    pub(crate) async fn begin(&self, hash: &str, user: &UserId, wall: Timestamp) -> RedisResult<()> {
        let value = format!("{} {user}", wall.as_second());
        self.redis.clone().set_ex(key(hash), value, self.idle_days * DAY).await
    }

    /// Whose session it is, while it lives; using it keeps it from ending idle.
    pub(crate) async fn check(&self, hash: &str, wall: Timestamp) -> RedisResult<Option<UserId>> {
        let mut redis = self.redis.clone();
        let found: Option<String> = redis.get_ex(key(hash), redis::Expiry::EX(self.idle_days * DAY)).await?;
        let Some((began, user)) = found.as_deref().and_then(|value| value.split_once(' ')) else { return Ok(None) };
        let age = wall.as_second() - began.parse::<i64>().unwrap_or_default();
        if age > (self.absolute_days * DAY).cast_signed() {
            self.end(hash).await?;
            return Ok(None);
        }
        Ok(user.parse().ok())
    }

    /// Ends a session.
    pub(crate) async fn end(&self, hash: &str) -> RedisResult<()> {
        self.redis.clone().del(key(hash)).await
    }

    /// Uses a one-time link: `true` for the first only.
    pub(crate) async fn use_once(&self, hash: &str) -> RedisResult<bool> {
        let options =
            SetOptions::default().conditional_set(ExistenceCheck::NX).with_expiration(SetExpiry::EX(365 * DAY));
        let set: Option<String> = self.redis.clone().set_options(format!("oo:owner-link:{hash}"), 1, options).await?;
        Ok(set.is_some())
    }
}

fn key(hash: &str) -> String {
    format!("oo:session:{hash}")
}
