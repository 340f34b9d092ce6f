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

    pub(crate) async fn mark_done(&self, done: &str) -> Result<(), StoreError> {
        let set = self.redis.clone().set_ex(key("done", done), 1, REMEMBERED_SECONDS).await;
        set.map_err(|e| StoreError(e.to_string()))
    }
}
