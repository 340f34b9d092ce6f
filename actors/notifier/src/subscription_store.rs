//! Push subscriptions in Redis, a hash per person, each sealed: an endpoint is a secret.

use oo_contracts::push::Subscription;
use oo_contracts::{DeviceId, UserId};
use oo_runtime::seal::{Envelope, Keyring};
use redis::AsyncCommands as _;
use redis::aio::ConnectionManager;

/// A browser more than this is somebody else's script.
const MOST_DEVICES: usize = 32;

#[derive(Clone)]
pub(crate) struct SubscriptionStore {
    redis: ConnectionManager,
    ring: Keyring,
}

impl SubscriptionStore {
    pub(crate) fn new(redis: ConnectionManager, ring: Keyring) -> Self {
        Self { redis, ring }
    }

    /// Keeps a subscription; a device's new one replaces its old one.
    pub(crate) async fn keep(&self, user: &UserId, subscription: &Subscription) -> anyhow::Result<()> {
        let mut redis = self.redis.clone();
        let known: Vec<String> = redis.hkeys(key(user)).await?;
        anyhow::ensure!(
            known.len() < MOST_DEVICES || known.iter().any(|id| id == subscription.device.as_str()),
            "too many devices"
        );
        let sealed =
            Envelope::seal(&self.ring, &belongs(user, &subscription.device), &serde_json::to_vec(subscription)?);
        Ok(redis.hset::<_, _, _, ()>(key(user), subscription.device.as_str(), serde_json::to_string(&sealed)?).await?)
    }

    /// Ends a subscription.
    pub(crate) async fn forget(&self, user: &UserId, device: &DeviceId) -> anyhow::Result<()> {
        Ok(self.redis.clone().hdel::<_, _, ()>(key(user), device.as_str()).await?)
    }

    /// The devices that are subscribed.
    pub(crate) async fn devices(&self, user: &UserId) -> anyhow::Result<Vec<DeviceId>> {
        let ids: Vec<String> = self.redis.clone().hkeys(key(user)).await?;
        Ok(ids.into_iter().filter_map(|id| id.parse().ok()).collect())
    }

    /// All subscriptions of a person. One that does not open is told of and left alone.
    pub(crate) async fn all(&self, user: &UserId) -> anyhow::Result<Vec<Subscription>> {
        let sealed: Vec<(String, String)> = self.redis.clone().hgetall(key(user)).await?;
        let mut open = Vec::with_capacity(sealed.len());
        for (device, sealed) in sealed {
            let Ok(device) = device.parse::<DeviceId>() else { continue };
            let opened = serde_json::from_str::<Envelope>(&sealed).ok().and_then(|envelope| {
                let plain = envelope.open(&self.ring, &belongs(user, &device)).ok()?;
                serde_json::from_slice(&plain).ok()
            });
            match opened {
                Some(subscription) => open.push(subscription),
                None => {
                    tracing::error!(%user, %device, "a subscription does not open: is a key missing from the ring?")
                }
            }
        }
        Ok(open)
    }
}

fn key(user: &UserId) -> String {
    format!("oo:push:{user}")
}

fn belongs(user: &UserId, device: &DeviceId) -> String {
    format!("oo/push/v1|{user}|{device}")
}
