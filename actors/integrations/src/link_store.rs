//! Redis for begun links: each can be taken once, and not for long.

use crate::store::{StoreError, key};
use oo_runtime::seal::Envelope;
use redis::AsyncCommands as _;
use redis::aio::ConnectionManager;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A begun link, sealed.
#[derive(Serialize, Deserialize)]
pub(crate) struct Begun {
    pub(crate) sealed: Envelope,
}

/// Begun links by the hash of their state.
#[derive(Clone)]
pub(crate) struct LinkStore {
    redis: ConnectionManager,
}

impl LinkStore {
    pub(crate) fn new(redis: ConnectionManager) -> Self {
        Self { redis }
    }

    /// Keeps a begun link for so long.
    pub(crate) async fn begin(&self, name: &str, begun: &Begun, within: Duration) -> Result<(), StoreError> {
        let text = serde_json::to_string(begun).unwrap_or_default();
        self.redis
            .clone()
            .set_ex(key("link", name), text, within.as_secs())
            .await
            .map_err(|e| StoreError(e.to_string()))
    }

    /// Takes it: a second time there is none.
    pub(crate) async fn take(&self, name: &str) -> Result<Option<Begun>, StoreError> {
        let text: Option<String> =
            self.redis.clone().get_del(key("link", name)).await.map_err(|e| StoreError(e.to_string()))?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }
}
