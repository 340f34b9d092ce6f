//! Redis for webhooks: deliveries that were here before, and the channels that providers opened for us.

use crate::store::{DUE, StoreError, key, millis};
use oo_contracts::{AccountId, Timestamp};
use oo_subjects::trace::Cause;
use redis::aio::ConnectionManager;
use redis::{AsyncCommands as _, Script};
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// As long as a delivery may be repeated; older ones are refused by their date.
const REMEMBERED_SECONDS: u64 = 24 * 3600;
/// Longer than any call that opens a channel takes.
const HANDSHAKE_SECONDS: u64 = 60;
/// A channel's end comes by the provider's clock, not by ours.
const CHANNEL_GRACE_SECONDS: i64 = 3600;

/// Remembers a delivery and makes its account due, both or neither, with what that follows from. Of a link that has ended nothing is noted: what a
/// provider still says of it would stay behind.
static TAKE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if not redis.call('SET', KEYS[1], 1, 'NX', 'EX', ARGV[3]) then return 0 end
         if redis.call('ZSCORE', KEYS[2], ARGV[1]) then
           redis.call('SET', KEYS[3], ARGV[4], 'EX', ARGV[3])
           redis.call('ZADD', KEYS[2], 'XX', 'LT', ARGV[2], ARGV[1])
         end
         return 1",
    )
});

/// A channel: whose, and what its messages must bring.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct KeptChannel {
    pub(crate) account: AccountId,
    pub(crate) resource: String,
    /// Hash of its secret.
    pub(crate) token: String,
    /// The provider wants it renewed now.
    #[serde(default)]
    pub(crate) renew: bool,
}

/// Webhooks' part of Redis.
#[derive(Clone)]
pub(crate) struct HooksStore {
    redis: ConnectionManager,
}

impl HooksStore {
    pub(crate) fn new(redis: ConnectionManager) -> Self {
        Self { redis }
    }

    /// Takes a delivery; `false` if it was here before.
    pub(crate) async fn take(&self, account: &AccountId, delivery: &str, wall: Timestamp) -> Result<bool, StoreError> {
        let mut call = TAKE.key(key("delivery", delivery));
        call.key(DUE).key(key("told", account)).arg(account.as_str()).arg(millis(wall)).arg(REMEMBERED_SECONDS);
        call.arg(Cause::current().traceparent().unwrap_or_default());
        call.invoke_async(&mut self.redis.clone()).await.map_err(|e| StoreError(e.to_string()))
    }

    pub(crate) async fn channel(&self, id: &str) -> Result<Option<KeptChannel>, StoreError> {
        let text: Option<String> =
            self.redis.clone().get(key("channel", id)).await.map_err(|e| StoreError(e.to_string()))?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    pub(crate) async fn keep_channel(
        &self,
        id: &str,
        channel: &KeptChannel,
        expires: Timestamp,
    ) -> Result<(), StoreError> {
        let text = serde_json::to_string(channel).unwrap_or_default();
        let mut redis = self.redis.clone();
        let end = expires.as_second() + CHANNEL_GRACE_SECONDS;
        let set = redis::cmd("SET").arg(key("channel", id)).arg(text).arg("EXAT").arg(end).exec_async(&mut redis).await;
        set.map_err(|e| StoreError(e.to_string()))
    }

    /// Changes a channel that is still kept, without touching when it ends.
    pub(crate) async fn change_channel(&self, id: &str, channel: &KeptChannel) -> Result<(), StoreError> {
        let text = serde_json::to_string(channel).unwrap_or_default();
        let mut redis = self.redis.clone();
        let mut set = redis::cmd("SET");
        set.arg(key("channel", id)).arg(text).arg("XX").arg("KEEPTTL");
        set.exec_async(&mut redis).await.map_err(|e| StoreError(e.to_string()))
    }

    /// A handshake for this channel may come from now on, for a while.
    pub(crate) async fn expect_handshake(&self, id: &str) -> Result<(), StoreError> {
        let set = self.redis.clone().set_ex(key("handshake", id), 1, HANDSHAKE_SECONDS).await;
        set.map_err(|e| StoreError(e.to_string()))
    }

    pub(crate) async fn is_handshake_expected(&self, id: &str) -> Result<bool, StoreError> {
        self.redis.clone().exists(key("handshake", id)).await.map_err(|e| StoreError(e.to_string()))
    }

    pub(crate) async fn expect_no_handshake(&self, id: &str) -> Result<(), StoreError> {
        self.redis.clone().del(key("handshake", id)).await.map_err(|e| StoreError(e.to_string()))
    }

    pub(crate) async fn forget_channel(&self, id: &str) -> Result<(), StoreError> {
        self.redis.clone().del(key("channel", id)).await.map_err(|e| StoreError(e.to_string()))
    }
}
