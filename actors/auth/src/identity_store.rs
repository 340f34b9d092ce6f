//! Who is who: the identities that issuers vouch for, by the hash of issuer and subject.

use oo_contracts::UserId;
use oo_contracts::session::Issuer;
use oo_runtime::random;
use redis::aio::ConnectionManager;
use redis::{AsyncCommands as _, RedisResult};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;

/// The field that holds a sealed name; all others are identities.
const NAME: &str = "name";

#[derive(Clone)]
pub(crate) struct IdentityStore {
    redis: ConnectionManager,
}

impl IdentityStore {
    pub(crate) fn new(redis: ConnectionManager) -> Self {
        Self { redis }
    }

    /// Whose identity this is.
    pub(crate) async fn find(&self, iss: &str, sub: &str) -> RedisResult<Option<UserId>> {
        let user: Option<String> = self.redis.clone().get(key(iss, sub)).await?;
        Ok(user.and_then(|user| user.parse().ok()))
    }

    /// Gives an identity to a person, and says whose it is now: somebody may have been first.
    pub(crate) async fn give(&self, issuer: Issuer, iss: &str, sub: &str, user: &UserId) -> RedisResult<UserId> {
        let mut redis = self.redis.clone();
        let key = key(iss, sub);
        let _: bool = redis.set_nx(&key, user.as_str()).await?;
        let owner: String = redis.get(&key).await?;
        if owner == user.as_str() {
            let _: () = redis.hset(of(user), &key, issuer.slug()).await?;
        }
        Ok(owner.parse().unwrap_or_else(|_| user.clone()))
    }

    /// Keeps what a person is called, sealed by the caller, beside where they are known.
    pub(crate) async fn keep_name(&self, user: &UserId, sealed: &str) -> RedisResult<()> {
        self.redis.clone().hset(of(user), NAME, sealed).await
    }

    pub(crate) async fn name(&self, user: &UserId) -> RedisResult<Option<String>> {
        self.redis.clone().hget(of(user), NAME).await
    }

    /// At which issuers a person is known.
    pub(crate) async fn of(&self, user: &UserId) -> RedisResult<Vec<Issuer>> {
        let known: HashMap<String, String> = self.redis.clone().hgetall(of(user)).await?;
        let is_known = |issuer: &Issuer| known.values().any(|slug| slug == issuer.slug());
        Ok(Issuer::ALL.into_iter().filter(is_known).collect())
    }
}

/// By what never changes: the issuer and its subject, never an address.
fn key(iss: &str, sub: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(iss.as_bytes());
    hash.update([0]);
    hash.update(sub.as_bytes());
    format!("oo:auth:identity:{}", random::hex(&hash.finalize()))
}

fn of(user: &UserId) -> String {
    format!("oo:auth:identities:{user}")
}
