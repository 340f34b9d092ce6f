//! The keys that access tokens are signed with, in Redis, sealed: the one in use, and the one before until its tokens ended.

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use oo_contracts::Timestamp;
use oo_runtime::random;
use oo_runtime::seal::{Envelope, Keyring};
use redis::aio::ConnectionManager;
use redis::{AsyncCommands as _, Script};
use serde::{Deserialize, Serialize};

const KEY: &str = "oo:auth:signing-keys";
const DAY: i64 = 24 * 3600;
/// How many are kept.
const LIVE: usize = 2;

/// Replaces what stands by what follows from it, unless somebody else was first.
const REPLACE_IF_SAME: &str = r"
local now = redis.call('GET', KEYS[1]) or ''
if now ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
return 1";

/// One key.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct SigningKey {
    pub(crate) kid: String,
    seed: String,
    made: Timestamp,
}

impl SigningKey {
    fn new(wall: Timestamp) -> Self {
        Self { kid: random::token(), seed: BASE64.encode(random::bytes::<32>()), made: wall }
    }

    /// What signs.
    pub(crate) fn signer(&self) -> ed25519_dalek::SigningKey {
        let seed = BASE64.decode(&self.seed).ok().and_then(|seed| seed.try_into().ok()).unwrap_or_default();
        ed25519_dalek::SigningKey::from_bytes(&seed)
    }

    /// What checks, as a JWK has it.
    pub(crate) fn public(&self) -> String {
        BASE64.encode(self.signer().verifying_key().as_bytes())
    }
}

#[derive(Clone)]
pub(crate) struct KeyStore {
    redis: ConnectionManager,
    ring: Keyring,
    key_days: u64,
    replace: Script,
}

impl KeyStore {
    pub(crate) fn new(redis: ConnectionManager, ring: Keyring, key_days: u64) -> Self {
        Self { redis, ring, key_days, replace: Script::new(REPLACE_IF_SAME) }
    }

    /// The key to sign with.
    pub(crate) async fn current(&self, wall: Timestamp) -> anyhow::Result<SigningKey> {
        self.live(wall).await?.into_iter().next().context("there is no key to sign with")
    }

    /// All that sign or still may have signed, the one in use first. Makes the next one when its time has come.
    pub(crate) async fn live(&self, wall: Timestamp) -> anyhow::Result<Vec<SigningKey>> {
        loop {
            let sealed: Option<String> = self.redis.clone().get(KEY).await?;
            let mut keys = match &sealed {
                Some(sealed) => self.open(sealed)?,
                None => Vec::new(),
            };
            let old = self.key_days.cast_signed() * DAY;
            if keys.first().is_some_and(|key| wall.as_second() - key.made.as_second() < old) {
                return Ok(keys);
            }
            keys.insert(0, SigningKey::new(wall));
            keys.truncate(LIVE);
            let mut call = self.replace.key(KEY);
            let call = call.arg(sealed.unwrap_or_default()).arg(self.seal(&keys)?);
            let replaced: bool = call.invoke_async(&mut self.redis.clone()).await?;
            if replaced {
                tracing::info!("access tokens are signed with a new key");
                return Ok(keys);
            }
        }
    }

    fn open(&self, sealed: &str) -> anyhow::Result<Vec<SigningKey>> {
        let envelope: Envelope = serde_json::from_str(sealed)?;
        let plain = envelope.open(&self.ring, KEY).context("the signing keys cannot be opened with this key ring")?;
        Ok(serde_json::from_slice(&plain)?)
    }

    fn seal(&self, keys: &[SigningKey]) -> anyhow::Result<String> {
        let plain = zeroize::Zeroizing::new(serde_json::to_vec(keys)?);
        Ok(serde_json::to_string(&Envelope::seal(&self.ring, KEY, &plain))?)
    }
}
