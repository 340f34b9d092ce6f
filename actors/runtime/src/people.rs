//! Who has which log, and the key that opens it. Lives in a key-value bucket, apart from the logs: destroying a person's
//! record makes their log unreadable for good.
//!
//! Nothing at rest names a person but this, and this only sealed. The bucket holds:
//!
//! - `user.<hash>`: the log of a person, under a keyed hash of their name;
//! - `log.<log>`: the person's key, wrapped by the ring, and their name, sealed with that key;
//! - `leaving.<log>`: an erasure under way, and `gone.<log>` one that is done (`people/leave.rs`);
//! - `names`: the key of the hash, wrapped by the ring.
//!
//! All other stores know people by their log's random name. With the two records gone, what is left there leads nowhere.

mod leave;
mod watch;

use crate::random;
use crate::seal::{DataKey, Keyring, OpenError, Tally, Walk, Wrapped};
use async_nats::jetstream::kv;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::{Stream, TryStreamExt as _};
use oo_contracts::{LogId, UserId};
use oo_subjects::{Bus, Place, streams};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::OnceCell;
use watch::Known;

/// What the key of the hash belongs to, and where it is.
const NAMES: &str = "names";

/// A person, as far as the log knows them.
#[derive(Debug)]
pub struct Person {
    pub user: UserId,
    pub place: Place,
    pub key: DataKey,
}

/// Why a person's record cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    #[error("people's records cannot be reached: {0}")]
    Away(String),
    #[error(transparent)]
    Sealed(#[from] OpenError),
    #[error("a person's record cannot be read: {0}")]
    Garbled(String),
}

/// The directory of people.
#[derive(Debug, Clone)]
pub struct People {
    bus: Bus,
    bucket: kv::Store,
    ring: Keyring,
    shards: u16,
    /// The key of the hash, once it was needed: a ring that lacks its key is told of by who uses it.
    names: Arc<OnceCell<DataKey>>,
    known: Known,
}

#[derive(Serialize, Deserialize)]
struct Record {
    key: Wrapped,
    /// Base64.
    user: String,
}

impl People {
    /// Opens the bucket; [`streams::set_up`] makes it.
    pub async fn open(bus: &Bus, ring: Keyring, shards: u16) -> Result<Self, PeopleError> {
        let bucket = bus.jetstream().get_key_value(streams::PEOPLE).await.map_err(away)?;
        let known = Known::watch(bus.clone(), bucket.clone()).await?;
        Ok(Self { bus: bus.clone(), bucket, ring, shards, names: Arc::default(), known })
    }

    /// The person, if there is one by that name.
    pub async fn find(&self, user: &UserId) -> Result<Option<Arc<Person>>, PeopleError> {
        if let Some(person) = self.known.user(user) {
            return Ok(Some(person));
        }
        let Some(key) = self.user_key(user).await? else { return Ok(None) };
        match self.bucket.get(key).await.map_err(away)? {
            Some(bytes) => self.of_log(&log_in(&bytes)?).await,
            None => Ok(None),
        }
    }

    /// The person, made now if there is none.
    pub async fn find_or_make(&self, user: &UserId) -> Result<Arc<Person>, PeopleError> {
        if let Some(person) = self.find(user).await? {
            return Ok(person);
        }
        let way = loop {
            match self.user_key(user).await? {
                Some(key) => break key,
                None => make_names(&self.bucket, &self.ring).await?,
            }
        };
        let log: LogId = random::token().parse().map_err(|e| PeopleError::Garbled(format!("{e}")))?;
        let key = DataKey::random();
        let sealed = BASE64.encode(key.seal(&belongs(&log), user.as_str().as_bytes()));
        let record = Record { key: self.ring.wrap(&belongs(&log), &key), user: sealed };
        // The record first: a name must not lead to a log that nobody can open.
        let revision = self.bucket.put(log_key(&log), encode(&record)?).await.map_err(away)?;
        match self.bucket.create(way, log.to_string().into()).await {
            Ok(_) => {}
            Err(error) if error.kind() == kv::CreateErrorKind::AlreadyExists => {
                // Somebody made the same person at once: this log is nobody's.
                self.erase_revision(revision).await?;
            }
            Err(error) => return Err(away(error)),
        }
        self.find(user).await?.ok_or_else(|| PeopleError::Away("a person just made is not there".into()))
    }

    /// Whose log this is; nobody's, once they were erased.
    pub async fn of_log(&self, log: &LogId) -> Result<Option<Arc<Person>>, PeopleError> {
        if let Some(person) = self.known.log(log) {
            return Ok(Some(person));
        }
        let Some(bytes) = self.bucket.get(log_key(log)).await.map_err(away)? else { return Ok(None) };
        let (user, key) = self.read(log, &bytes)?;
        let person = Arc::new(Person { user, place: Place::new(log.clone(), self.shards), key });
        Ok(self.known.remember(&person).then_some(person))
    }

    /// Walks over everybody's key: says which keys of the ring wrap them, and wraps them again where asked to.
    pub async fn sealed(&self, walk: Walk) -> Result<Tally, PeopleError> {
        let mut tally = Tally::default();
        let mut keys = self.bucket.keys().await.map_err(away)?;
        while let Some(key) = keys.try_next().await.map_err(away)? {
            let place = match key.strip_prefix("log.").map(str::parse::<LogId>) {
                Some(Ok(log)) => belongs(&log),
                None if key == NAMES => NAMES.to_owned(),
                Some(Err(_)) | None => continue,
            };
            let Some(entry) = self.bucket.entry(&key).await.map_err(away)? else { continue };
            // Somebody who was erased meanwhile.
            if entry.operation != kv::Operation::Put {
                continue;
            }
            let mut record: serde_json::Value = parse(&entry.value)?;
            let wrapped: Wrapped = if key == NAMES { parse(&entry.value)? } else { parse::<Record>(&entry.value)?.key };
            let write = async |wrapped: Wrapped| {
                let wrapped = serde_json::to_value(wrapped).map_err(|e| PeopleError::Garbled(e.to_string()))?;
                if key == NAMES {
                    record = wrapped
                } else {
                    record["key"] = wrapped
                }
                match self.bucket.update(&key, encode(&record)?, entry.revision).await {
                    Ok(_) => Ok(true),
                    // Its revision has moved on: an erased person must not come back.
                    Err(error) if error.kind() == kv::UpdateErrorKind::WrongLastRevision => Ok(false),
                    Err(error) => Err(away(error)),
                }
            };
            tally.take(&self.ring, walk, &place, &wrapped, write).await?;
        }
        Ok(tally)
    }

    /// Everybody's log.
    pub async fn logs(&self) -> Result<impl Stream<Item = Result<LogId, PeopleError>> + use<>, PeopleError> {
        let keys = self.bucket.keys().await.map_err(away)?;
        Ok(keys
            .map_err(away)
            .try_filter_map(|key| async move { Ok(key.strip_prefix("log.").and_then(|log| log.parse().ok())) }))
    }

    fn read(&self, log: &LogId, bytes: &[u8]) -> Result<(UserId, DataKey), PeopleError> {
        let record: Record = parse(bytes)?;
        let key = self.ring.unwrap(&belongs(log), &record.key)?;
        let sealed = BASE64.decode(&record.user).map_err(|e| PeopleError::Garbled(e.to_string()))?;
        let user = key.open(&belongs(log), &sealed)?;
        let user = String::from_utf8_lossy(&user).parse().map_err(|e| PeopleError::Garbled(format!("{e}")))?;
        Ok((user, key))
    }

    /// Lets go of a person's record in memory: they are at rest, and may not come again for long.
    pub fn let_go(&self, person: &Person) {
        self.known.let_go(person);
    }

    /// A hash of `about`, by the key that hides people's names: nobody without the ring can try what it is of.
    pub async fn hash(&self, about: &str) -> Result<String, PeopleError> {
        let names = self.names().await?.ok_or_else(|| PeopleError::Away("there is nobody yet".into()))?;
        Ok(random::hex(&names.derive(about)))
    }

    /// Where a person's name leads to their log. Nowhere while the key of the hash is not made: then there is nobody yet.
    async fn user_key(&self, user: &UserId) -> Result<Option<String>, PeopleError> {
        Ok(self.names().await?.map(|names| format!("user.{}", random::hex(&names.derive(user.as_str())))))
    }

    /// The key of the hashes, once it is made.
    async fn names(&self) -> Result<Option<&DataKey>, PeopleError> {
        if !self.names.initialized()
            && let Some(bytes) = self.bucket.get(NAMES).await.map_err(away)?
        {
            // Whoever else was first read the same.
            let _ = self.names.set(self.ring.unwrap(NAMES, &parse(&bytes)?)?);
        }
        Ok(self.names.get())
    }
}

/// Makes the key of the hash, unless somebody did at once.
async fn make_names(bucket: &kv::Store, ring: &Keyring) -> Result<(), PeopleError> {
    match bucket.create(NAMES, encode(&ring.wrap(NAMES, &DataKey::random()))?).await {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == kv::CreateErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(away(error)),
    }
}

fn log_key(log: &LogId) -> String {
    format!("log.{log}")
}

fn log_in(bytes: &[u8]) -> Result<LogId, PeopleError> {
    String::from_utf8_lossy(bytes).parse().map_err(|e| PeopleError::Garbled(format!("{e}")))
}

fn belongs(log: &LogId) -> String {
    format!("oo/people/v2|{log}")
}

fn parse<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, PeopleError> {
    serde_json::from_slice(bytes).map_err(|e| PeopleError::Garbled(e.to_string()))
}

fn encode(value: &impl Serialize) -> Result<bytes::Bytes, PeopleError> {
    Ok(serde_json::to_vec(value).map_err(|e| PeopleError::Garbled(e.to_string()))?.into())
}

fn away(error: impl std::fmt::Display) -> PeopleError {
    PeopleError::Away(error.to_string())
}
