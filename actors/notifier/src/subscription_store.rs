//! Push subscriptions in Redis, a hash per person (by their log), each sealed: an endpoint is a secret. Beside them, how their push
//! services treat us; that names no endpoint.

use crate::behavior::Refusals;
use oo_contracts::push::Subscription;
use oo_contracts::{DeviceId, LogId, Timestamp};
use oo_runtime::redis_store;
use oo_runtime::seal::{Envelope, Keyring, Tally, Walk};
use redis::AsyncCommands as _;
use redis::aio::ConnectionManager;
use std::collections::HashMap;

/// More browsers than this are somebody's script.
const MOST_DEVICES: usize = 32;
/// How long it counts that a push service took a message: longer than three tips are apart.
const TOOK_SECONDS: u64 = 30 * 24 * 3600;

/// Before the name of a person's log; more after it is of other kinds.
const PREFIX: &str = "oo:push:";

/// Where subscriptions are.
#[derive(Clone)]
pub(crate) struct SubscriptionStore {
    redis: ConnectionManager,
    ring: Keyring,
}

/// Why a subscription was not kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeepError {
    #[error("this person has {MOST_DEVICES} devices already: forget one first")]
    TooMany,
    #[error("redis does not answer: {0}")]
    Away(#[from] redis::RedisError),
    #[error("a subscription cannot be written down")]
    Garbled(#[from] serde_json::Error),
}

impl SubscriptionStore {
    pub(crate) fn new(redis: ConnectionManager, ring: Keyring) -> Self {
        Self { redis, ring }
    }

    /// Keeps a subscription; a device's new one replaces its old one, and starts with no refusals.
    pub(crate) async fn keep(
        &self,
        log: &LogId,
        subscription: &Subscription,
        wall: Timestamp,
    ) -> Result<(), KeepError> {
        let mut redis = self.redis.clone();
        let device = subscription.device.as_str();
        let known: Vec<String> = redis.hkeys(key(log)).await?;
        if known.len() >= MOST_DEVICES && !known.iter().any(|id| id == device) {
            return Err(KeepError::TooMany);
        }
        let plain = zeroize::Zeroizing::new(serde_json::to_vec(subscription)?);
        let sealed = Envelope::seal(&self.ring, &belongs(log, &subscription.device), &plain);
        redis.hset::<_, _, _, ()>(key(log), device, serde_json::to_string(&sealed)?).await?;
        redis.hset_nx::<_, _, _, ()>(kept_key(log), device, wall.to_string()).await?;
        Ok(redis.hdel::<_, _, ()>(refusals_key(log), device).await?)
    }

    /// Ends a device's subscription.
    pub(crate) async fn forget(&self, log: &LogId, device: &DeviceId) -> redis::RedisResult<()> {
        let mut redis = self.redis.clone();
        redis.hdel::<_, _, ()>(key(log), device.as_str()).await?;
        redis.hdel::<_, _, ()>(reached_key(log), device.as_str()).await?;
        redis.hdel::<_, _, ()>(kept_key(log), device.as_str()).await?;
        redis.hdel(refusals_key(log), device.as_str()).await
    }

    /// Ends this very subscription: one that replaced it meanwhile stays.
    pub(crate) async fn end(&self, log: &LogId, ended: &Subscription) -> redis::RedisResult<()> {
        let now = self.all(log).await?.into_iter().find(|kept| kept.device == ended.device);
        match now {
            Some(kept) if kept.endpoint == ended.endpoint => self.forget(log, &ended.device).await,
            _ => Ok(()),
        }
    }

    /// Ends all of a person's, and says how many there were.
    pub(crate) async fn clear(&self, log: &LogId) -> redis::RedisResult<u32> {
        let mut redis = self.redis.clone();
        let count: u32 = redis.hlen(key(log)).await?;
        redis.del::<_, ()>(&[key(log), refusals_key(log), reached_key(log), kept_key(log)]).await?;
        Ok(count)
    }

    /// The devices that are subscribed.
    pub(crate) async fn devices(&self, log: &LogId) -> redis::RedisResult<Vec<DeviceId>> {
        let ids: Vec<String> = self.redis.clone().hkeys(key(log)).await?;
        let mut devices: Vec<DeviceId> = ids.into_iter().filter_map(|id| id.parse().ok()).collect();
        devices.sort();
        Ok(devices)
    }

    /// All subscriptions of a person. One that does not open is told of and left alone.
    pub(crate) async fn all(&self, log: &LogId) -> redis::RedisResult<Vec<Subscription>> {
        let sealed: Vec<(String, String)> = self.redis.clone().hgetall(key(log)).await?;
        let mut open = Vec::with_capacity(sealed.len());
        for (device, sealed) in sealed {
            let Ok(device) = device.parse::<DeviceId>() else { continue };
            let opened = serde_json::from_str::<Envelope>(&sealed).ok().and_then(|envelope| {
                let plain = envelope.open(&self.ring, &belongs(log, &device)).ok()?;
                serde_json::from_slice(&plain).ok()
            });
            match opened {
                Some(subscription) => open.push(subscription),
                None => {
                    tracing::error!(%log, %device, "a subscription does not open: put its key back into the file that OO_KEYS__FILE names")
                }
            }
        }
        Ok(open)
    }

    /// When each device's push service last took a message.
    pub(crate) async fn reached(&self, log: &LogId) -> redis::RedisResult<HashMap<DeviceId, Timestamp>> {
        let all: Vec<(String, String)> = self.redis.clone().hgetall(reached_key(log)).await?;
        Ok(all.into_iter().filter_map(|(device, at)| Some((device.parse().ok()?, at.parse().ok()?))).collect())
    }

    /// When each device was last known to be there: reached, or subscribed first.
    pub(crate) async fn there(&self, log: &LogId) -> redis::RedisResult<Vec<Timestamp>> {
        let (kept, reached): (Vec<String>, Vec<String>) =
            redis::pipe().hvals(kept_key(log)).hvals(reached_key(log)).query_async(&mut self.redis.clone()).await?;
        Ok(kept.into_iter().chain(reached).filter_map(|at| at.parse().ok()).collect())
    }

    /// Walks over everybody's subscriptions: which keys of the ring wrap them, wrapped again where asked to.
    pub(crate) async fn sealed(&self, walk: Walk, tally: &mut Tally) -> redis::RedisResult<()> {
        for name in redis_store::keys(&self.redis, &format!("{PREFIX}*")).await? {
            // What follows a log's name, if anything, is of other kinds.
            let Some(log) = name.strip_prefix(PREFIX).and_then(|log| log.parse::<LogId>().ok()) else { continue };
            let sealed: Vec<(String, String)> = self.redis.clone().hgetall(&name).await?;
            for (device, old) in sealed {
                let envelope = serde_json::from_str::<Envelope>(&old).ok();
                let Some((id, envelope)) = device.parse::<DeviceId>().ok().zip(envelope) else { continue };
                let write = async |key| {
                    let new = serde_json::to_string(&Envelope { key, ..envelope.clone() }).unwrap_or_default();
                    redis_store::swap_field(&self.redis, &name, &device, &old, &new).await
                };
                tally.take(&self.ring, walk, &belongs(&log, &id), &envelope.key, write).await?;
            }
        }
        Ok(())
    }

    /// Its push service took a message for this device: a row of refusals is over.
    pub(crate) async fn taken(
        &self,
        log: &LogId,
        device: &DeviceId,
        host: &str,
        wall: Timestamp,
    ) -> redis::RedisResult<()> {
        let mut redis = self.redis.clone();
        redis.set_ex::<_, _, ()>(took_key(host), wall.to_string(), TOOK_SECONDS).await?;
        redis.hset::<_, _, _, ()>(reached_key(log), device.as_str(), wall.to_string()).await?;
        redis.hdel(refusals_key(log), device.as_str()).await
    }

    /// Its push service refused this device once more. Says whether the subscription is dead by now.
    pub(crate) async fn refused(
        &self,
        log: &LogId,
        device: &DeviceId,
        host: &str,
        wall: Timestamp,
    ) -> redis::RedisResult<bool> {
        let mut redis = self.redis.clone();
        let before: Option<String> = redis.hget(refusals_key(log), device.as_str()).await?;
        let before = before.and_then(|text| serde_json::from_str(&text).ok());
        let now = Refusals::after(before, wall);
        // Two numbers: there is nothing in them that JSON could refuse.
        let text = serde_json::to_string(&now).unwrap_or_default();
        redis.hset::<_, _, _, ()>(refusals_key(log), device.as_str(), text).await?;
        let took: Option<String> = redis.get(took_key(host)).await?;
        Ok(now.mean_gone(took.and_then(|at| at.parse().ok())))
    }
}

fn key(log: &LogId) -> String {
    format!("{PREFIX}{log}")
}

fn refusals_key(log: &LogId) -> String {
    format!("oo:push:{log}:refusals")
}

fn reached_key(log: &LogId) -> String {
    format!("oo:push:{log}:reached")
}

fn kept_key(log: &LogId) -> String {
    format!("oo:push:{log}:kept")
}

fn took_key(host: &str) -> String {
    format!("oo:pushhost:{host}")
}

fn belongs(log: &LogId, device: &DeviceId) -> String {
    format!("oo/push/v2|{log}|{device}")
}
