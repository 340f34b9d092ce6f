//! A person's log in the clear: seals on the way in, opens on the way out.

use crate::people::Person;
use crate::seal::OpenError;
use oo_contracts::decision::Decision;
use oo_contracts::entry::{Body, Entry};
use oo_contracts::{ENTRY_VERSION, Timestamp};
use oo_subjects::bus::Appended;
use oo_subjects::{AppendError, Bus, Checkpoint, LogSubject, MOMENTS, SIGNALS, Stored, TIPS};
use serde::Serialize;
use zeroize::Zeroizing;

/// Reads and appends entries.
#[derive(Debug, Clone)]
pub struct Logbook {
    bus: Bus,
}

/// An entry and its place in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Numbered {
    pub seq: u64,
    pub entry: Entry,
}

/// An entry that cannot be read. It says nothing of its content.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error(transparent)]
    Sealed(#[from] OpenError),
    #[error("an entry of version {0} is newer than this service: upgrade it")]
    Newer(u16),
    #[error("an entry cannot be read")]
    Garbled,
}

/// Why a log cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error(transparent)]
    Away(#[from] AppendError),
    #[error("the checkpoint of the log cannot be opened: {0}")]
    Checkpoint(OpenError),
}

/// A checkpoint, opened.
#[derive(Debug)]
pub struct Opened {
    /// What has to be named to replace it.
    pub number: u64,
    /// Since when it stands, by the server's clock.
    pub at: Timestamp,
    /// What the older entries came to: an `entry::Checkpoint` in JSON.
    pub profile: Zeroizing<Vec<u8>>,
}

/// What a person's log holds, and what of it could not be read.
#[derive(Debug, Default)]
pub struct Read {
    /// What the log begins with, where its older entries are no more.
    pub checkpoint: Option<Opened>,
    pub entries: Vec<Numbered>,
    /// Sequences of entries that do not decode; they are skipped here and dead-lettered by their own delivery.
    pub unreadable: Vec<u64>,
}

impl Logbook {
    /// Over a bus.
    pub fn new(bus: Bus) -> Self {
        Self { bus }
    }

    /// Appends a body. With `after`, only if nothing newer than that sequence is in the log.
    pub async fn append(
        &self,
        person: &Person,
        id: &str,
        at: Timestamp,
        body: Body,
        after: Option<u64>,
    ) -> Result<Appended, AppendError> {
        let (subject, sealed) = seal_entry(person, &Entry { v: ENTRY_VERSION, at, body });
        self.bus.append(subject, &person.place, id, sealed, after).await
    }

    /// Begins to append: the order of calls is the order in the log. Await the answer of each afterwards.
    pub async fn append_next(
        &self,
        person: &Person,
        id: &str,
        at: Timestamp,
        body: Body,
    ) -> Result<impl Future<Output = Result<Appended, AppendError>> + Send + 'static, AppendError> {
        let (subject, sealed) = seal_entry(person, &Entry { v: ENTRY_VERSION, at, body });
        self.bus.append_next(subject, &person.place, id, sealed).await
    }

    /// Lets the server append a moment at an instant of the wall clock; replaces the person's earlier wake-up. With
    /// `after`, only if nothing newer than that sequence is in the log.
    pub async fn wake_at(
        &self,
        person: &Person,
        wall: Timestamp,
        at: Timestamp,
        body: Body,
        after: Option<u64>,
    ) -> Result<(), AppendError> {
        let (_, sealed) = seal_entry(person, &Entry { v: ENTRY_VERSION, at, body });
        self.bus.wake_at(&person.place, wall, sealed, after).await
    }

    /// Keeps a decision.
    pub async fn keep_decision(&self, person: &Person, decision: &Decision) -> Result<Appended, AppendError> {
        let sealed = person.key.seal(&belongs(person, "decision"), &encode(decision));
        self.bus.keep_decision(&person.place, &format!("decision:{}", decision.id), sealed).await
    }

    /// The entries after a sequence, in order, as the log stood at one instant.
    pub async fn read(&self, person: &Person, after: u64) -> Result<Read, ReadError> {
        self.read_knowing(person, after, 0).await
    }

    /// The same, at an instant at which the log held an entry that the caller has heard of.
    pub async fn read_knowing(&self, person: &Person, after: u64, known: u64) -> Result<Read, ReadError> {
        // In this order: a checkpoint is there before what it stands for is removed.
        let stored = self.bus.read_knowing(&person.place, after, known).await?;
        let checkpoint = self.bus.checkpoint(&person.place).await?;
        let checkpoint = checkpoint.map(|checkpoint| open_checkpoint(person, &checkpoint)).transpose()?;
        Ok(Read { checkpoint, ..open_all(person, &stored) })
    }

    /// The entries after a sequence and up to one that the log is known to hold, in order, for who has folded what is before.
    pub async fn read_until(&self, person: &Person, after: u64, until: u64) -> Result<Read, ReadError> {
        Ok(open_all(person, &self.bus.read_until(&person.place, after, until).await?))
    }

    /// Puts what a person's older entries came to in the place of the checkpoint with this number, or of none if it is 0.
    pub async fn keep_checkpoint(&self, person: &Person, profile: &[u8], replaces: u64) -> Result<(), AppendError> {
        let sealed = person.key.seal(&belongs(person, "checkpoint"), profile);
        self.bus.keep_checkpoint(&person.place, sealed, replaces).await
    }
}

fn open_all(person: &Person, stored: &[Stored]) -> Read {
    let mut read = Read::default();
    for stored in stored {
        match open_entry(person, &stored.kind, &stored.payload) {
            Ok(entry) => read.entries.push(Numbered { seq: stored.seq, entry }),
            Err(_) => read.unreadable.push(stored.seq),
        }
    }
    read
}

/// Opens one sealed entry of a kind (`signal`, `moment`, `tip`).
pub fn open_entry(person: &Person, kind: &str, sealed: &[u8]) -> Result<Entry, DecodeError> {
    #[derive(serde::Deserialize)]
    struct Version {
        v: u16,
    }
    let plain = person.key.open(&belongs(person, kind), sealed)?;
    // The version first: an entry of a newer one may hold what this code cannot parse.
    let Version { v } = serde_json::from_slice(&plain).map_err(|_| DecodeError::Garbled)?;
    if v > ENTRY_VERSION {
        return Err(DecodeError::Newer(v));
    }
    serde_json::from_slice(&plain).map_err(|_| DecodeError::Garbled)
}

/// Opens a sealed checkpoint.
pub fn open_checkpoint(person: &Person, checkpoint: &Checkpoint) -> Result<Opened, ReadError> {
    let profile = person.key.open(&belongs(person, "checkpoint"), &checkpoint.payload);
    let profile = profile.map_err(ReadError::Checkpoint)?;
    Ok(Opened { number: checkpoint.number, at: checkpoint.at, profile })
}

/// Opens one sealed decision.
pub fn open_decision(person: &Person, sealed: &[u8]) -> Result<Decision, DecodeError> {
    let plain = person.key.open(&belongs(person, "decision"), sealed)?;
    serde_json::from_slice(&plain).map_err(|_| DecodeError::Garbled)
}

/// Seals an entry for the subject of its kind: what [`open_entry`] opens.
pub fn seal_entry(person: &Person, entry: &Entry) -> (LogSubject, Vec<u8>) {
    let subject = match entry.body {
        Body::Signal { .. } => SIGNALS,
        Body::Moment { .. } => MOMENTS,
        Body::Tip { .. } => TIPS,
    };
    (subject, person.key.seal(&belongs(person, subject.kind), &encode(entry)))
}

/// What a sealed entry is bound to: moved into another log or kind, it does not open.
fn belongs(person: &Person, kind: &str) -> String {
    format!("oo/log/v1|{}|{kind}", person.place.log)
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    // Contracts have no map with keys that are not strings, the only thing that JSON could refuse.
    serde_json::to_vec(value).unwrap_or_default()
}
