//! Redis for begun links: each can be taken once, and not for long.

use crate::store::{StoreError, key};
use oo_runtime::redis_store;
use oo_runtime::seal::{Envelope, Keyring, Tally, Walk};
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

    /// Walks over the begun links: which keys of the ring wrap them, wrapped again where asked to.
    pub(crate) async fn sealed(
        &self,
        ring: &Keyring,
        walk: Walk,
        belongs: impl Fn(&str) -> String,
    ) -> Result<Tally, StoreError> {
        let away = |e: redis::RedisError| StoreError(e.to_string());
        let mut tally = Tally::default();
        for name in redis_store::keys(&self.redis, &key("link", "*")).await.map_err(away)? {
            let old: Option<String> = self.redis.clone().get(&name).await.map_err(away)?;
            let Some(old) = old else { continue };
            let Ok(Begun { sealed }) = serde_json::from_str(&old) else { continue };
            let write = async |key| {
                let new = serde_json::to_string(&Begun { sealed: Envelope { key, ..sealed.clone() } });
                redis_store::swap_text(&self.redis, &name, &old, &new.unwrap_or_default()).await.map_err(away)
            };
            let belongs = belongs(name.rsplit(':').next().unwrap_or_default());
            tally.take(ring, walk, &belongs, &sealed.key, write).await?;
        }
        Ok(tally)
    }
}
