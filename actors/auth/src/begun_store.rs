//! What was begun and waits for the browser to come back: sealed, for some minutes, taken once.

use oo_runtime::random;
use oo_runtime::seal::{Envelope, Keyring};
use redis::aio::ConnectionManager;
use redis::{AsyncCommands as _, RedisResult};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

/// How long a sign-in, a registration or a second thought may take.
pub(crate) const SECONDS: u64 = 600;

#[derive(Clone)]
pub(crate) struct BegunStore {
    redis: ConnectionManager,
    ring: Keyring,
}

impl BegunStore {
    pub(crate) fn new(redis: ConnectionManager, ring: Keyring) -> Self {
        Self { redis, ring }
    }

    /// Keeps something under a secret that only who takes it again will know.
    pub(crate) async fn keep(&self, kind: &str, secret: &str, begun: &impl Serialize) -> RedisResult<()> {
        let name = name(kind, secret);
        let plain = zeroize::Zeroizing::new(serde_json::to_vec(begun).unwrap_or_default());
        let sealed = serde_json::to_string(&Envelope::seal(&self.ring, &name, &plain)).unwrap_or_default();
        self.redis.clone().set_ex(name, sealed, SECONDS).await
    }

    /// Takes it, once.
    pub(crate) async fn take<T: DeserializeOwned>(&self, kind: &str, secret: &str) -> RedisResult<Option<T>> {
        let name = name(kind, secret);
        let sealed: Option<String> = self.redis.clone().get_del(&name).await?;
        Ok(sealed.and_then(|sealed| {
            let envelope: Envelope = serde_json::from_str(&sealed).ok()?;
            serde_json::from_slice(&envelope.open(&self.ring, &name).ok()?).ok()
        }))
    }
}

fn name(kind: &str, secret: &str) -> String {
    format!("oo:auth:begun:{kind}:{}", random::hex(&Sha256::digest(secret)))
}
