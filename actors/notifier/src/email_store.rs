//! Where people's letters go: an address for each person's log, a Redis text, sealed, and beside it the one that a code is on
//! its way to. By the keyed hashes of addresses: how often one was written to by request, and whether it wants none.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jiff::SignedDuration;
use oo_contracts::email::{EmailAddress, EmailCodeText};
use oo_contracts::{LogId, Timestamp};
use oo_runtime::people::PeopleError;
use oo_runtime::seal::{Envelope, Keyring, Tally, Walk};
use oo_runtime::{People, random, redis_store};
use redis::aio::ConnectionManager;
use redis::{AsyncCommands as _, Script};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;
use subtle::ConstantTimeEq as _;

/// How long a code is good.
const CODE_LIVES: SignedDuration = SignedDuration::from_mins(15);
/// Wrong codes until none is right any more.
const TRIES: u32 = 5;
/// Letters with a code in a day: that one person may ask for, that one address gets, and that this oO writes at all.
const OF_A_PERSON: u32 = 5;
const TO_AN_ADDRESS: u32 = 3;
const OF_ALL: u32 = 1000;
const DAY_SECONDS: i64 = 24 * 3600;
/// How long the way out of a letter with a code is open.
const WAY_OUT_SECONDS: i64 = 30 * DAY_SECONDS;
/// A hash has so many digits.
const HASH: usize = 64;

/// Before the name of a person's log; more after it is of other kinds.
const PREFIX: &str = "oo:email:";
const ALL_ASKS: &str = "oo:email:asks";

/// The code came back: the address that was asked for is the person's, unless another was asked for by now.
static CONFIRM: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
         redis.call('DEL', KEYS[1])
         redis.call('SET', KEYS[2], ARGV[2])
         return 1",
    )
});

/// Removes a record, unless it is another one by now.
static REMOVE: LazyLock<Script> = LazyLock::new(|| {
    Script::new("if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end return redis.call('DEL', KEYS[1])")
});

/// Counts, and says how many that were within so many seconds of the first.
static COUNT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local count = redis.call('INCR', KEYS[1])
         if count == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
         return count",
    )
});

/// Where addresses are.
#[derive(Clone)]
pub(crate) struct EmailStore {
    redis: ConnectionManager,
    ring: Keyring,
    people: People,
}

/// Where a person's letters go.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mailbox {
    pub(crate) address: EmailAddress,
    /// When its code came back.
    pub(crate) at: Timestamp,
}

/// Where a code is on its way to.
#[derive(Clone, Serialize, Deserialize)]
struct Awaited {
    address: EmailAddress,
    code: String,
    until: Timestamp,
}

/// What a letter with a code says.
pub(crate) struct Asked {
    pub(crate) code: String,
    /// What ends such letters to this address for good.
    pub(crate) way_out: String,
    /// The record as it was written: another one is another asking's.
    record: String,
}

/// Why no letter is written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    /// Too often, or to who wants none: nobody is told which.
    #[error("no code goes there now: try again tomorrow")]
    NotNow,
    #[error("{0}")]
    Away(#[from] StoreError),
}

/// Why nothing is known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("redis does not answer: {0}")]
    Away(#[from] redis::RedisError),
    #[error("{0}")]
    People(#[from] PeopleError),
}

/// What became of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Brought {
    Right,
    Wrong,
    /// None is awaited, or not any more.
    Late,
}

impl EmailStore {
    pub(crate) fn new(redis: ConnectionManager, ring: Keyring, people: People) -> Self {
        Self { redis, ring, people }
    }

    /// Awaits a new code from an address. Who asks too often, or for somebody who wants to be left alone, changes nothing.
    pub(crate) async fn ask(&self, log: &LogId, address: &EmailAddress, wall: Timestamp) -> Result<Asked, AskError> {
        let mut redis = self.redis.clone();
        let to = self.hash(address).await?;
        if self.wants_none(&to).await? {
            return Err(AskError::NotNow);
        }
        let limits = [
            (format!("{}:asks", key(log)), OF_A_PERSON),
            (format!("{}:asks", to_key(&to)), TO_AN_ADDRESS),
            (ALL_ASKS.to_owned(), OF_ALL),
        ];
        for (counted, most) in limits {
            let asks: u32 =
                COUNT.key(counted).arg(DAY_SECONDS).invoke_async(&mut redis).await.map_err(StoreError::Away)?;
            if asks > most {
                return Err(AskError::NotNow);
            }
        }
        let code = format!("{:08}", u64::from_le_bytes(random::bytes()) % 100_000_000);
        let until = wall.saturating_add(CODE_LIVES).unwrap_or(wall);
        let record = self.sealed_text(log, &Awaited { address: address.clone(), code: code.clone(), until });
        let (secret,): (String,) = redis::pipe()
            .atomic()
            .set_ex(asked_key(log), &record, CODE_LIVES.as_secs().unsigned_abs())
            .ignore()
            .del(tries_key(log))
            .ignore()
            .hset_nx(to_key(&to), "secret", BASE64.encode(random::bytes::<32>()))
            .ignore()
            .expire(to_key(&to), WAY_OUT_SECONDS)
            .ignore()
            .hget(to_key(&to), "secret")
            .query_async(&mut redis)
            .await
            .map_err(StoreError::Away)?;
        Ok(Asked { code, way_out: format!("{to}.{secret}"), record })
    }

    /// Its letter was refused: the code is not awaited any more, unless another one is by now.
    pub(crate) async fn take_back(&self, log: &LogId, asked: &Asked) -> redis::RedisResult<()> {
        REMOVE.key(asked_key(log)).arg(&asked.record).invoke_async(&mut self.redis.clone()).await
    }

    /// Takes a code. So many wrong ones, and none is right any more.
    pub(crate) async fn confirm(
        &self,
        log: &LogId,
        code: &EmailCodeText,
        wall: Timestamp,
    ) -> Result<Brought, StoreError> {
        let mut redis = self.redis.clone();
        let Some((text, awaited)) = self.read::<Awaited>(log, asked_key(log)).await? else { return Ok(Brought::Late) };
        let tries: u32 = COUNT.key(tries_key(log)).arg(CODE_LIVES.as_secs()).invoke_async(&mut redis).await?;
        if tries > TRIES || wall >= awaited.until || self.wants_none(&self.hash(&awaited.address).await?).await? {
            return Ok(Brought::Late);
        }
        if !bool::from(awaited.code.as_bytes().ct_eq(code.as_str().as_bytes())) {
            return Ok(if tries < TRIES { Brought::Wrong } else { Brought::Late });
        }
        let new = self.sealed_text(log, &Mailbox { address: awaited.address, at: wall });
        let swapped: bool =
            CONFIRM.key(asked_key(log)).key(key(log)).arg(text).arg(new).invoke_async(&mut redis).await?;
        Ok(if swapped { Brought::Right } else { Brought::Late })
    }

    /// Where a person's letters go; nowhere where the address wants none.
    pub(crate) async fn find(&self, log: &LogId) -> Result<Option<Mailbox>, StoreError> {
        let Some((_, mailbox)) = self.read::<Mailbox>(log, key(log)).await? else { return Ok(None) };
        Ok(if self.wants_none(&self.hash(&mailbox.address).await?).await? { None } else { Some(mailbox) })
    }

    /// Where a code of theirs is on its way to.
    pub(crate) async fn awaited(&self, log: &LogId) -> Result<Option<EmailAddress>, StoreError> {
        Ok(self.read::<Awaited>(log, asked_key(log)).await?.map(|(_, awaited)| awaited.address))
    }

    /// No more letters to this person.
    pub(crate) async fn forget(&self, log: &LogId) -> redis::RedisResult<()> {
        self.redis.clone().del(&[key(log), asked_key(log), tries_key(log)]).await
    }

    /// No more letters to this address, whoever asks. `false` where the token is none of ours, or too old.
    pub(crate) async fn leave_alone(&self, (to, secret): (&str, &str)) -> redis::RedisResult<bool> {
        let is_hash = to.len() == HASH && to.bytes().all(|b| b.is_ascii_hexdigit());
        if !is_hash {
            return Ok(false);
        }
        let mut redis = self.redis.clone();
        let ours: Option<String> = redis.hget(to_key(to), "secret").await?;
        let is_ours = ours.is_some_and(|ours| ours.as_bytes().ct_eq(secret.as_bytes()).into());
        if is_ours {
            redis.set::<_, _, ()>(never_key(to), 1).await?;
        }
        Ok(is_ours)
    }

    /// Forgets all of a person's, and says how many addresses there were.
    pub(crate) async fn clear(&self, log: &LogId) -> redis::RedisResult<u32> {
        let mut redis = self.redis.clone();
        let count: u32 = redis.exists(&[key(log), asked_key(log)]).await?;
        redis.del::<_, ()>(&[key(log), asked_key(log), tries_key(log), format!("{}:asks", key(log))]).await?;
        Ok(count)
    }

    /// Walks over everybody's address: which keys of the ring wrap them, wrapped again where asked to.
    pub(crate) async fn sealed(&self, walk: Walk, tally: &mut Tally) -> redis::RedisResult<()> {
        for name in redis_store::keys(&self.redis, &format!("{PREFIX}*")).await? {
            // What else follows a log's name is of other kinds.
            let log = name.strip_prefix(PREFIX).map(|rest| rest.strip_suffix(":asked").unwrap_or(rest));
            let Some(log) = log.and_then(|log| log.parse::<LogId>().ok()) else { continue };
            let Some(old) = self.redis.clone().get::<_, Option<String>>(&name).await? else { continue };
            let Ok(envelope) = serde_json::from_str::<Envelope>(&old) else { continue };
            let write = async |key| {
                let new = serde_json::to_string(&Envelope { key, ..envelope.clone() }).unwrap_or_default();
                redis_store::swap_text(&self.redis, &name, &old, &new).await
            };
            tally.take(&self.ring, walk, &belongs(&log), &envelope.key, write).await?;
        }
        Ok(())
    }

    async fn wants_none(&self, to: &str) -> Result<bool, StoreError> {
        Ok(self.redis.clone().exists(never_key(to)).await?)
    }

    /// A record as it stands, and what it says. One that does not open is told of and left alone.
    async fn read<T: DeserializeOwned>(&self, log: &LogId, name: String) -> Result<Option<(String, T)>, StoreError> {
        let Some(text) = self.redis.clone().get::<_, Option<String>>(name).await? else { return Ok(None) };
        let opened = serde_json::from_str::<Envelope>(&text).ok().and_then(|envelope| {
            let plain = envelope.open(&self.ring, &belongs(log)).ok()?;
            serde_json::from_slice(&plain).ok()
        });
        if opened.is_none() {
            tracing::error!(%log, "an address does not open: put its key back into the file that OO_KEYS__FILE names");
        }
        Ok(opened.map(|record| (text, record)))
    }

    fn sealed_text(&self, log: &LogId, record: &impl Serialize) -> String {
        // Texts and times: there is nothing in it that JSON could refuse.
        let plain = zeroize::Zeroizing::new(serde_json::to_vec(record).unwrap_or_default());
        serde_json::to_string(&Envelope::seal(&self.ring, &belongs(log), &plain)).unwrap_or_default()
    }

    /// An address as the limits know it.
    async fn hash(&self, address: &EmailAddress) -> Result<String, StoreError> {
        Ok(self.people.hash(&format!("email|{}", same(address))).await?)
    }
}

/// The same mailbox is not another one for its case, or for what follows a `+`.
pub(crate) fn same(address: &EmailAddress) -> String {
    let lower = address.as_str().to_lowercase();
    match lower.rsplit_once('@') {
        Some((name, host)) => format!("{}@{host}", name.split('+').next().unwrap_or(name)),
        None => lower,
    }
}

fn key(log: &LogId) -> String {
    format!("{PREFIX}{log}")
}

fn asked_key(log: &LogId) -> String {
    format!("{PREFIX}{log}:asked")
}

fn tries_key(log: &LogId) -> String {
    format!("{PREFIX}{log}:tries")
}

fn to_key(hash: &str) -> String {
    format!("{PREFIX}to:{hash}")
}

fn never_key(hash: &str) -> String {
    format!("{PREFIX}to:{hash}:never")
}

fn belongs(log: &LogId) -> String {
    format!("oo/email/v1|{log}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_mailbox_is_the_same_however_it_is_written() {
        let of = |text: &str| same(&text.parse().unwrap());
        assert_eq!(of("Ada+news@Lovelace.org"), of("ada@lovelace.org"));
        assert_ne!(of("ada@lovelace.org"), of("bob@lovelace.org"));
        assert_ne!(of("ada@lovelace.org"), of("ada@other.org"));
    }
}
