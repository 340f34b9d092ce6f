//! The ring of key-encryption keys: read from its file, read again when that changes, and what it takes to leave an old
//! key behind while everything runs.

use super::{BASE64, DataKey, OpenError, Wrapped};
use crate::{crash, random};
use anyhow::{Context as _, ensure};
use base64::Engine as _;
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use zeroize::Zeroizing;

/// The key-encryption keys. The first seals, all open. A ring that was read from a file follows it, so that a key can be
/// added or dropped with no service started again. All clones are the same ring.
#[derive(Clone)]
pub struct Keyring(Arc<Ring>);

struct Ring {
    file: Option<PathBuf>,
    read: RwLock<Read>,
}

struct Read {
    /// What the file looked like when it was read.
    stamp: Option<Stamp>,
    keys: Arc<Keys>,
}

type Keys = Vec<(String, DataKey)>;

/// Inode, instant of change, length: another file, or another text in it, has another one.
type Stamp = (u64, i64, i64, u64);

/// What a walk over sealed records does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Walk {
    Count,
    /// Wraps each data key with the ring's first key, where another one wrapped it.
    Rewrap,
}

/// What a walk over sealed records found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records by the key that wraps them now.
    pub by_key: BTreeMap<String, u64>,
    pub rewrapped: u64,
    /// Of these: records that the ring does not open.
    pub closed: u64,
}

impl Tally {
    /// Takes one record into account. `write` is given its data key in a new wrap and says whether the record was still
    /// the same and has it now; one that changed meanwhile is seen again by the next walk.
    pub async fn take<E>(
        &mut self,
        ring: &Keyring,
        walk: Walk,
        belongs: &str,
        wrapped: &Wrapped,
        write: impl AsyncFnOnce(Wrapped) -> Result<bool, E>,
    ) -> Result<(), E> {
        let mut kek = wrapped.kek.clone();
        match ring.rewrap(belongs, wrapped) {
            Ok(Some(new)) if walk == Walk::Rewrap => {
                let by = new.kek.clone();
                if write(new).await? {
                    kek = by;
                    self.rewrapped += 1;
                    crash::point("vault-rewrapped");
                }
            }
            Ok(_) => {}
            Err(_) => self.closed += 1,
        }
        *self.by_key.entry(kek).or_default() += 1;
        Ok(())
    }
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.ids()).finish()
    }
}

impl Keyring {
    /// Reads a ring, and follows the file from then on: a line each, `<id> <32 bytes in base64>`.
    pub fn load(file: &Path) -> anyhow::Result<Self> {
        let stamp = stamp(file);
        let keys = read(file)?;
        Ok(Self(Arc::new(Ring {
            file: Some(file.to_owned()),
            read: RwLock::new(Read { stamp, keys: Arc::new(keys) }),
        })))
    }

    /// Reads a ring from text.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let keys = Arc::new(parse(text)?);
        Ok(Self(Arc::new(Ring { file: None, read: RwLock::new(Read { stamp: None, keys }) })))
    }

    /// A line for a ring file.
    pub fn new_line(id: &str) -> Zeroizing<String> {
        Zeroizing::new(format!("{id} {}\n", BASE64.encode(random::bytes::<32>())))
    }

    /// The keys' names, the one that seals first.
    pub fn ids(&self) -> Vec<String> {
        self.keys().iter().map(|(id, _)| id.clone()).collect()
    }

    /// Wraps a data key with the first key of the ring.
    pub fn wrap(&self, belongs: &str, key: &DataKey) -> Wrapped {
        wrap(&self.keys(), belongs, key)
    }

    /// Unwraps a data key.
    pub fn unwrap(&self, belongs: &str, wrapped: &Wrapped) -> Result<DataKey, OpenError> {
        unwrap(&self.keys(), belongs, wrapped)
    }

    /// Whether `wrapped` should be wrapped again, with the first key.
    pub fn is_old(&self, wrapped: &Wrapped) -> bool {
        self.keys()[0].0 != wrapped.kek
    }

    /// The same data key wrapped with the first key; `None` where the first wrapped it. What it seals is not touched.
    pub fn rewrap(&self, belongs: &str, wrapped: &Wrapped) -> Result<Option<Wrapped>, OpenError> {
        let keys = self.keys();
        let key = unwrap(&keys, belongs, wrapped)?;
        Ok((keys[0].0 != wrapped.kek).then(|| wrap(&keys, belongs, &key)))
    }

    /// The keys as the file has them now. To ask what the file looks like costs about a microsecond.
    fn keys(&self) -> Arc<Keys> {
        let known = self.0.read.read().unwrap_or_else(PoisonError::into_inner);
        let Some(file) = &self.0.file else { return known.keys.clone() };
        let now = stamp(file);
        // A file that is away for the moment takes nothing from us.
        if now.is_none() || now == known.stamp {
            return known.keys.clone();
        }
        drop(known);
        let mut known = self.0.read.write().unwrap_or_else(PoisonError::into_inner);
        if now != known.stamp {
            match read(file) {
                Ok(keys) => {
                    known.keys = Arc::new(keys);
                    let ids: Vec<_> = known.keys.iter().map(|(id, _)| id.as_str()).collect();
                    tracing::info!(?ids, "the key ring was read again");
                }
                Err(error) => tracing::error!(error = format!("{error:#}"), "the key ring stays as it was"),
            }
            known.stamp = now;
        }
        known.keys.clone()
    }
}

fn stamp(file: &Path) -> Option<Stamp> {
    let found = std::fs::metadata(file).ok()?;
    Some((found.ino(), found.mtime(), found.mtime_nsec(), found.len()))
}

fn read(file: &Path) -> anyhow::Result<Keys> {
    let text = Zeroizing::new(std::fs::read_to_string(file).with_context(|| {
        format!("cannot read the key ring {}: make it with `oo init`, or set OO_KEYS__FILE", file.display())
    })?);
    parse(&text).with_context(|| format!("the key ring {} is not right", file.display()))
}

fn parse(text: &str) -> anyhow::Result<Keys> {
    let mut keys = Keys::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (id, key) = line.split_once(' ').context("a line wants an id, a space, and a key in base64")?;
        let key = Zeroizing::new(BASE64.decode(key.trim()).context("a key is not base64")?);
        let key: [u8; 32] = key.as_slice().try_into().ok().context("a key has not 32 bytes")?;
        ensure!(!keys.iter().any(|(known, _)| known == id), "key {id} stands there twice");
        keys.push((id.to_owned(), DataKey(Zeroizing::new(key))));
    }
    ensure!(!keys.is_empty(), "there is no key in it");
    Ok(keys)
}

fn wrap(keys: &Keys, belongs: &str, key: &DataKey) -> Wrapped {
    let (id, kek) = &keys[0];
    Wrapped { kek: id.clone(), key: BASE64.encode(kek.seal(belongs, key.0.as_slice())) }
}

fn unwrap(keys: &Keys, belongs: &str, wrapped: &Wrapped) -> Result<DataKey, OpenError> {
    let found = keys.iter().find(|(id, _)| *id == wrapped.kek);
    let (_, kek) = found.ok_or_else(|| OpenError::UnknownKey(wrapped.kek.clone()))?;
    let sealed = BASE64.decode(&wrapped.key).map_err(|_| OpenError::Refused)?;
    let key = kek.open(belongs, &sealed)?;
    Ok(DataKey(Zeroizing::new(key.as_slice().try_into().map_err(|_| OpenError::Refused)?)))
}

#[cfg(test)]
mod tests {
    use super::super::Envelope;
    use super::*;

    /// A ring file in a folder of its own, written as `oo vault` does.
    struct File(PathBuf);

    impl File {
        fn new(text: &str) -> Self {
            let dir = std::env::temp_dir().join(format!("ring-{}", random::token()));
            std::fs::create_dir(&dir).unwrap();
            let file = Self(dir.join("keys"));
            file.replace(text);
            file
        }

        fn replace(&self, text: &str) {
            let new = self.0.with_extension("new");
            std::fs::write(&new, text).unwrap();
            std::fs::rename(new, &self.0).unwrap();
        }
    }

    impl Drop for File {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(self.0.parent().unwrap());
        }
    }

    #[test]
    fn a_ring_follows_its_file() {
        let old = Keyring::new_line("1");
        let file = File::new(&old);
        let (ring, clone) = (Keyring::load(&file.0).unwrap(), Keyring::load(&file.0).unwrap().clone());
        let sealed = Envelope::seal(&ring, "x", b"y");
        let new = Keyring::new_line("2");
        file.replace(&format!("{}{}", *new, *old));
        assert_eq!(ring.ids(), ["2", "1"]);
        assert_eq!(sealed.open(&clone, "x").unwrap().as_slice(), b"y");
        let again = clone.rewrap("x", &sealed.key).unwrap().unwrap();
        assert_eq!(again.kek, "2");
        assert_eq!(ring.rewrap("x", &again).unwrap(), None);
        file.replace(&new);
        let moved = Envelope { key: again, ..sealed.clone() };
        assert_eq!(moved.open(&ring, "x").unwrap().as_slice(), b"y", "the body was not touched");
        assert_eq!(sealed.open(&ring, "x").unwrap_err(), OpenError::UnknownKey("1".into()));
    }

    #[test]
    fn a_file_that_is_spoiled_or_away_takes_no_key_away() {
        let line = Keyring::new_line("1");
        let file = File::new(&line);
        let ring = Keyring::load(&file.0).unwrap();
        let sealed = Envelope::seal(&ring, "x", b"y");
        file.replace("half a li");
        assert!(sealed.open(&ring, "x").is_ok());
        std::fs::remove_file(&file.0).unwrap();
        assert!(sealed.open(&ring, "x").is_ok());
        file.replace(&format!("{}{}", *Keyring::new_line("2"), *line));
        assert_eq!(ring.ids(), ["2", "1"]);
    }
}
