//! Who is who: the identities that issuers vouch for, by the hash of issuer and subject, each with the log of its person.

use oo_contracts::LogId;
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
    pub(crate) async fn find(&self, iss: &str, sub: &str) -> RedisResult<Option<LogId>> {
        let log: Option<String> = self.redis.clone().get(key(iss, sub)).await?;
        Ok(log.and_then(|log| log.parse().ok()))
    }

    /// Gives an identity to a person, and says whose it is now: somebody may have been first.
    pub(crate) async fn give(&self, issuer: Issuer, iss: &str, sub: &str, log: &LogId) -> RedisResult<LogId> {
        let mut redis = self.redis.clone();
        let key = key(iss, sub);
        // The person's list first: what stands in no list would outlive its person.
        let _: () = redis.hset(of(log), &key, issuer.slug()).await?;
        let _: bool = redis.set_nx(&key, log.as_str()).await?;
        let owner: String = redis.get(&key).await?;
        if owner != log.as_str() {
            let _: () = redis.hdel(of(log), &key).await?;
        }
        Ok(owner.parse().unwrap_or_else(|_| log.clone()))
    }

    /// Keeps what a person is called, sealed by the caller, beside where they are known.
    pub(crate) async fn keep_name(&self, log: &LogId, sealed: &str) -> RedisResult<()> {
        self.redis.clone().hset(of(log), NAME, sealed).await
    }

    pub(crate) async fn name(&self, log: &LogId) -> RedisResult<Option<String>> {
        self.redis.clone().hget(of(log), NAME).await
    }

    /// At which issuers a person is known.
    pub(crate) async fn of(&self, log: &LogId) -> RedisResult<Vec<Issuer>> {
        let known: HashMap<String, String> = self.redis.clone().hgetall(of(log)).await?;
        let is_known = |issuer: &Issuer| known.values().any(|slug| slug == issuer.slug());
        Ok(Issuer::ALL.into_iter().filter(is_known).collect())
    }

    /// Forgets all identities of a person, and says how many there were.
    pub(crate) async fn clear(&self, log: &LogId) -> RedisResult<u32> {
        let mut redis = self.redis.clone();
        let known: Vec<String> = redis.hkeys(of(log)).await?;
        let mut gone = 0;
        for key in &known {
            let owner: Option<String> = redis.get(key).await?;
            if owner.as_deref() == Some(log.as_str()) {
                gone += redis.del::<_, u32>(key).await?;
            }
        }
        redis.del::<_, ()>(of(log)).await?;
        Ok(gone)
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

fn of(log: &LogId) -> String {
    format!("oo:auth:identities:{log}")
}
