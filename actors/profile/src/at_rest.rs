//! Profiles at rest: snapshots, which are a cache of the log, and checkpoints, which stand for entries that are no more.

use oo_contracts::entry::Checkpoint;
use oo_domain::profile::{FOLD_VERSION, Profile};
use oo_runtime::logbook::Read;
use serde::Deserialize;

/// Why a checkpoint cannot be gone on with, or not be kept.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error("the log begins with a checkpoint of fold {0}, this service has fold {FOLD_VERSION}: upgrade it")]
    Newer(u32),
    #[error("the log begins with a checkpoint that cannot be read: {0}")]
    Garbled(#[from] serde_json::Error),
    #[error("a profile is another once it is written and read: nothing may be removed for it")]
    Differs,
}

#[derive(Deserialize)]
struct Version {
    fold: u32,
}

/// A profile as snapshots and checkpoints keep it.
pub fn write(profile: &Profile) -> Vec<u8> {
    // A profile has no map with keys that are not strings, the only thing that JSON could refuse.
    serde_json::to_vec(&Checkpoint { fold: FOLD_VERSION, profile }).unwrap_or_default()
}

/// A checkpoint, if it reads back as the very profile: entries are removed for it.
pub fn write_checkpoint(profile: &Profile) -> Result<Vec<u8>, RestoreError> {
    let plain = write(profile);
    if checkpoint(&plain)? == *profile { Ok(plain) } else { Err(RestoreError::Differs) }
}

/// A snapshot, if this very version of the fold made it: the log knows all that another would say.
pub(crate) fn snapshot(plain: &[u8]) -> Option<Profile> {
    let Version { fold } = serde_json::from_slice(plain).ok()?;
    if fold != FOLD_VERSION {
        return None;
    }
    serde_json::from_slice::<Checkpoint<Profile>>(plain).ok().map(|kept| kept.profile)
}

/// What a log begins with, if that is a checkpoint.
pub fn checkpoint_of(read: &Read) -> Result<Option<Profile>, RestoreError> {
    read.checkpoint.as_ref().map(|opened| checkpoint(&opened.profile)).transpose()
}

/// A checkpoint, of this version of the fold or of an older one.
fn checkpoint(plain: &[u8]) -> Result<Profile, RestoreError> {
    let Version { fold } = serde_json::from_slice(plain)?;
    if fold > FOLD_VERSION {
        return Err(RestoreError::Newer(fold));
    }
    Ok(serde_json::from_slice::<Checkpoint<Profile>>(plain)?.profile)
}

/// What a log comes to, up to a sequence. `None` where it begins later than that.
pub fn fold(read: &Read, until: u64) -> Result<Option<Profile>, RestoreError> {
    let mut profile = checkpoint_of(read)?.unwrap_or_default();
    if profile.seq() > until {
        return Ok(None);
    }
    for numbered in read.entries.iter().take_while(|numbered| numbered.seq <= until) {
        profile.fold(numbered.seq, &numbered.entry);
    }
    Ok(Some(profile))
}
