//! The ring's file, changed so that at every instant, and after every crash, a whole ring is there.

use anyhow::{Context as _, bail};
use oo_runtime::seal::Keyring;
use oo_runtime::secret_file;
use std::fs::{File, TryLockError};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};

/// The file, changed by nobody else until this is dropped.
pub(super) struct RingFile {
    path: PathBuf,
    _lock: File,
}

impl RingFile {
    /// Holds the file. The lock is on a file beside it, since the ring itself is replaced.
    pub(super) fn hold(path: &Path) -> anyhow::Result<Self> {
        // Where it is a link, what it leads to is to be replaced.
        let path = path.canonicalize().with_context(|| format!("there is no key ring {}", path.display()))?;
        let beside = path.with_extension("lock");
        let lock = File::options().create(true).truncate(false).write(true).open(&beside).with_context(|| {
            format!("cannot write {}: run this where the ring's folder can be written", beside.display())
        })?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => bail!("another `oo vault` is at work: wait for it"),
            Err(TryLockError::Error(error)) => Err(error).context("cannot hold the key ring"),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts a new key before all others; its name.
    pub(super) fn add(&self) -> anyhow::Result<String> {
        let text = self.read()?;
        let ids = Keyring::parse(&text)?.ids();
        let newest = ids.iter().filter_map(|id| id.parse::<u64>().ok()).max().unwrap_or_default();
        let id = (newest + 1).to_string();
        let line = Keyring::new_line(&id);
        self.replace(&format!("{}{text}", line.as_str()))?;
        Ok(id)
    }

    /// Takes a key out.
    pub(super) fn remove(&self, id: &str) -> anyhow::Result<()> {
        let text = self.read()?;
        let is_it = |line: &&str| line.split_whitespace().next() == Some(id);
        let kept: String = text.lines().filter(|line| !is_it(line)).map(|line| format!("{line}\n")).collect();
        self.replace(&kept)
    }

    fn read(&self) -> anyhow::Result<String> {
        std::fs::read_to_string(&self.path).with_context(|| format!("cannot read {}", self.path.display()))
    }

    /// By a new file that is on the disk before its name is, and then the folder that has the name: a power cut leaves the
    /// old ring or the new one. Losing a key that has wrapped something would lose that for good.
    fn replace(&self, text: &str) -> anyhow::Result<()> {
        Keyring::parse(text).context("the new ring would not be one")?;
        let before = std::fs::metadata(&self.path)?;
        let room = self.path.with_extension("new");
        secret_file::write(&room, text).with_context(|| format!("cannot write {}", room.display()))?;
        // The services that read it need not be whoever runs this.
        std::fs::set_permissions(&room, before.permissions())?;
        let ours = std::fs::metadata(&room)?;
        if (ours.uid(), ours.gid()) != (before.uid(), before.gid()) {
            chown(&room, Some(before.uid()), Some(before.gid())).context("cannot give the key ring to its owner")?;
        }
        std::fs::rename(&room, &self.path)?;
        let folder = self.path.parent().context("the key ring lies in no folder")?;
        Ok(File::open(folder)?.sync_all()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_key_is_added_before_the_others_and_taken_out_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys");
        secret_file::write(&path, &format!("# a note\n{}", Keyring::new_line("1").as_str())).unwrap();
        // What a killed one left behind is in nobody's way.
        std::fs::write(dir.path().join("keys.new"), "half").unwrap();
        let file = RingFile::hold(&path).unwrap();
        let ring = Keyring::load(&path).unwrap();
        assert_eq!(file.add().unwrap(), "2");
        assert_eq!(file.add().unwrap(), "3");
        assert_eq!(ring.ids(), ["3", "2", "1"]);
        file.remove("2").unwrap();
        assert_eq!(ring.ids(), ["3", "1"]);
        assert!(file.read().unwrap().contains("# a note"));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn one_at_a_time_and_never_without_a_key() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys");
        secret_file::write(&path, &Keyring::new_line("1")).unwrap();
        let file = RingFile::hold(&path).unwrap();
        assert!(RingFile::hold(&path).err().unwrap().to_string().contains("at work"));
        assert!(file.remove("1").is_err());
        assert_eq!(Keyring::load(&path).unwrap().ids(), ["1"]);
    }
}
