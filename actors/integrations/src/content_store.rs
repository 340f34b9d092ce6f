//! Redis for completions: which keys have acted. No words, ever.

use crate::store::{StoreError, key};
use redis::AsyncCommands as _;
use redis::aio::ConnectionManager;

/// An answer is repeated within minutes, if at all.
const REMEMBERED_SECONDS: u64 = 24 * 3600;

/// Keys of completions that were carried out.
#[derive(Clone)]
pub(crate) struct ContentStore {
    redis: ConnectionManager,
}

impl ContentStore {
    pub(crate) fn new(redis: ConnectionManager) -> Self {
        Self { redis }
    }

    pub(crate) async fn is_done(&self, done: &str) -> Result<bool, StoreError> {
        self.redis.clone().exists(key("done", done)).await.map_err(|e| StoreError(e.to_string()))
    }

    /// How a task stood when a key first tried to complete it: `now`, if this is the first try.
    pub(crate) async fn first_standing(&self, done: &str, now: &str) -> Result<String, StoreError> {
        let (name, mut redis) = (key("standing", done), self.redis.clone());
        let options = redis::SetOptions::default()
            .conditional_set(redis::ExistenceCheck::NX)
            .with_expiration(redis::SetExpiry::EX(REMEMBERED_SECONDS));
        let _: Option<String> = redis.set_options(&name, now, options).await.map_err(|e| StoreError(e.to_string()))?;
        let first: Option<String> = redis.get(&name).await.map_err(|e| StoreError(e.to_string()))?;
        Ok(first.unwrap_or_else(|| now.to_owned()))
    }

    pub(crate) async fn mark_done(&self, done: &str) -> Result<(), StoreError> {
        let set = self.redis.clone().set_ex(key("done", done), 1, REMEMBERED_SECONDS).await;
        set.map_err(|e| StoreError(e.to_string()))
    }
}
