//! Whether what is kept of a person equals a fresh fold of their log. Reads only, while everything runs.

use crate::at_rest::{self, RestoreError};
use crate::snapshot_store::SnapshotStore;
use oo_domain::profile::Profile;
use oo_runtime::logbook::{Logbook, Read, ReadError};
use oo_runtime::{Context, Person, redis_store};

/// What was found of one person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// Entries of the log that were folded.
    pub entries: usize,
    /// Entries that this version cannot read; they are in the dead letters.
    pub unreadable: usize,
    pub snapshot: Snapshot,
}

/// How a snapshot stands to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Snapshot {
    /// There is none that this version goes on with, or none that is newer than the log's checkpoint: the next start replays
    /// the log.
    None,
    /// Bit for bit the fold of the log up to this sequence.
    Same(u64),
    /// Not what the log says, up to this sequence.
    Differs(u64),
    /// It has folded more than the log holds: the log has lost entries.
    Ahead(u64),
    /// The log begins with a checkpoint that this version cannot go on with: this person does not wake.
    NoBeginning,
}

/// Compares snapshots with logs.
#[derive(Clone)]
pub struct Verifier {
    logbook: Logbook,
    snapshots: SnapshotStore,
}

impl Verifier {
    /// Over the stores that the settings lead to.
    pub fn new(ctx: &Context) -> anyhow::Result<Self> {
        let redis = redis_store::connect(&ctx.settings.redis)?;
        Ok(Self { logbook: ctx.logbook(), snapshots: SnapshotStore::new(redis) })
    }

    /// Folds a person's log anew, and compares what is kept with it.
    pub async fn verify(&self, person: &Person) -> anyhow::Result<Verified> {
        // The snapshot first: the log, read after it, holds whatever the snapshot had folded.
        let kept = self.snapshots.read(person).await?;
        let read = match self.logbook.read(person, 0).await {
            Ok(read) => read,
            Err(ReadError::Checkpoint(_)) => {
                return Ok(Verified { entries: 0, unreadable: 0, snapshot: Snapshot::NoBeginning });
            }
            Err(error) => return Err(error.into()),
        };
        let snapshot = compare(&read, kept.as_ref()).unwrap_or(Snapshot::NoBeginning);
        Ok(Verified { entries: read.entries.len(), unreadable: read.unreadable.len(), snapshot })
    }

    /// Removes a person's snapshot: the log is the truth, and the next start replays it.
    pub async fn remove_snapshot(&self, person: &Person) -> anyhow::Result<()> {
        Ok(self.snapshots.remove(person).await?)
    }
}

fn compare(read: &Read, kept: Option<&Profile>) -> Result<Snapshot, RestoreError> {
    let begun = at_rest::checkpoint_of(read)?.map_or(0, |checkpoint| checkpoint.seq());
    let last = read.entries.last().map_or(0, |numbered| numbered.seq).max(begun);
    Ok(match kept {
        None => Snapshot::None,
        Some(kept) if kept.seq() > last => Snapshot::Ahead(kept.seq()),
        Some(kept) => match at_rest::fold(read, kept.seq())? {
            Some(fresh) if same(&fresh, kept) => Snapshot::Same(kept.seq()),
            Some(_) => Snapshot::Differs(kept.seq()),
            None => Snapshot::None,
        },
    })
}

/// Bit for bit, numbers included: as text, since what is equal need not be the same (0.0 and -0.0).
fn same(one: &Profile, other: &Profile) -> bool {
    matches!((serde_json::to_vec(one), serde_json::to_vec(other)), (Ok(one), Ok(other)) if one == other)
}
