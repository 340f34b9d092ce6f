//! Who has which log, and the key that opens it. Lives in a key-value bucket, apart from the logs: destroying a person's
//! record makes their log unreadable for good.

use crate::random;
use crate::seal::{DataKey, Keyring, OpenError, Tally, Walk, Wrapped};
use async_nats::jetstream::kv;
use futures_util::TryStreamExt as _;
use oo_contracts::{LogId, UserId};
use oo_subjects::{Bus, Place, streams};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Records kept in memory before all are forgotten: a bound, not a tuning.
const CACHED: usize = 20_000;
/// Room for so many is not worth giving back: 0.1 MiB.
const SMALL: usize = 1_024;

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
    bucket: kv::Store,
    ring: Keyring,
    shards: u16,
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    users: HashMap<UserId, Arc<Person>>,
    logs: HashMap<LogId, Arc<Person>>,
}

impl Known {
    /// A crowd that left should leave its room too.
    fn give_room_back(&mut self) {
        if self.users.capacity() > SMALL && self.users.len() < self.users.capacity() / 8 {
            self.users.shrink_to_fit();
            self.logs.shrink_to_fit();
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Record {
    log: LogId,
    key: Wrapped,
}

impl People {
    /// Opens the bucket; [`streams::set_up`] makes it.
    pub async fn open(bus: &Bus, ring: Keyring, shards: u16) -> Result<Self, PeopleError> {
        let bucket = bus.jetstream().get_key_value(streams::PEOPLE).await.map_err(away)?;
        Ok(Self { bucket, ring, shards, known: Arc::default() })
    }

    /// The person, if there is one by that name.
    pub async fn find(&self, user: &UserId) -> Result<Option<Arc<Person>>, PeopleError> {
        if let Some(person) = self.known().users.get(user) {
            return Ok(Some(person.clone()));
        }
        let Some(bytes) = self.bucket.get(format!("user.{user}")).await.map_err(away)? else { return Ok(None) };
        let record: Record = serde_json::from_slice(&bytes).map_err(|e| PeopleError::Garbled(e.to_string()))?;
        let key = self.ring.unwrap(&belongs(user), &record.key)?;
        let person = Arc::new(Person { user: user.clone(), place: Place::new(record.log, self.shards), key });
        self.remember(&person);
        Ok(Some(person))
    }

    /// The person, made now if there is none.
    pub async fn find_or_make(&self, user: &UserId) -> Result<Arc<Person>, PeopleError> {
        if let Some(person) = self.find(user).await? {
            return Ok(person);
        }
        let log: LogId = random::token().parse().map_err(|e| PeopleError::Garbled(format!("{e}")))?;
        let record = Record { log: log.clone(), key: self.ring.wrap(&belongs(user), &DataKey::random()) };
        // The way back first: if two make the same person at once, the loser's way back leads to no log and harms nothing.
        self.bucket.put(format!("log.{log}"), user.to_string().into()).await.map_err(away)?;
        let bytes = serde_json::to_vec(&record).map_err(|e| PeopleError::Garbled(e.to_string()))?;
        match self.bucket.create(format!("user.{user}"), bytes.into()).await {
            Ok(_) => {}
            Err(error) if error.kind() == kv::CreateErrorKind::AlreadyExists => {}
            Err(error) => return Err(away(error)),
        }
        self.find(user).await?.ok_or_else(|| PeopleError::Away("a person just made is not there".into()))
    }

    /// Whose log this is.
    pub async fn of_log(&self, log: &LogId) -> Result<Option<Arc<Person>>, PeopleError> {
        if let Some(person) = self.known().logs.get(log) {
            return Ok(Some(person.clone()));
        }
        let Some(bytes) = self.bucket.get(format!("log.{log}")).await.map_err(away)? else { return Ok(None) };
        let user = String::from_utf8_lossy(&bytes).parse().map_err(|e| PeopleError::Garbled(format!("{e}")))?;
        Ok(self.find(&user).await?.filter(|person| person.place.log == *log))
    }

    /// Walks over everybody's key: says which keys of the ring wrap them, and wraps them again where asked to.
    pub async fn sealed(&self, walk: Walk) -> Result<Tally, PeopleError> {
        let mut tally = Tally::default();
        let mut names = self.bucket.keys().await.map_err(away)?;
        while let Some(name) = names.try_next().await.map_err(away)? {
            let Some(user) = name.strip_prefix("user.").and_then(|user| user.parse::<UserId>().ok()) else { continue };
            let Some(entry) = self.bucket.entry(&name).await.map_err(away)? else { continue };
            // Somebody who was erased meanwhile.
            if entry.operation != kv::Operation::Put {
                continue;
            }
            let record: Record =
                serde_json::from_slice(&entry.value).map_err(|e| PeopleError::Garbled(format!("{user}: {e}")))?;
            let write = async |key: Wrapped| {
                let record = Record { log: record.log.clone(), key };
                let bytes = serde_json::to_vec(&record).map_err(|e| PeopleError::Garbled(e.to_string()))?;
                match self.bucket.update(&name, bytes.into(), entry.revision).await {
                    Ok(_) => Ok(true),
                    // Its revision has moved on: an erased person must not come back.
                    Err(error) if error.kind() == kv::UpdateErrorKind::WrongLastRevision => Ok(false),
                    Err(error) => Err(away(error)),
                }
            };
            tally.take(&self.ring, walk, &belongs(&user), &record.key, write).await?;
        }
        Ok(tally)
    }

    /// Lets go of a person's record in memory, the way back to it included: they left, and may not come again for long.
    pub fn forget(&self, person: &Person) {
        let mut known = self.known();
        known.users.remove(&person.user);
        known.logs.remove(&person.place.log);
        known.give_room_back();
    }

    fn remember(&self, person: &Arc<Person>) {
        let mut known = self.known();
        if known.users.len() >= CACHED {
            *known = Known::default();
        }
        known.users.insert(person.user.clone(), person.clone());
        known.logs.insert(person.place.log.clone(), person.clone());
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn belongs(user: &UserId) -> String {
    format!("oo/people/v1|{user}")
}

fn away(error: impl std::fmt::Display) -> PeopleError {
    PeopleError::Away(error.to_string())
}
