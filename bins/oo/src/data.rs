//! The data folder: what is in it, who holds it, and how a second `oo` finds the first.

use anyhow::{Context as _, bail};
use oo_runtime::seal::Keyring;
use oo_runtime::secret_file;
use serde::{Deserialize, Serialize};
use std::fs::{DirBuilder, File, TryLockError};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// The folder, held by this process until it is dropped.
pub struct Data {
    dir: PathBuf,
    _lock: File,
}

/// How to reach an `oo up` that runs. Holds passwords: the file is private.
#[derive(Serialize, Deserialize)]
pub struct Running {
    pub pid: u32,
    pub page: String,
    pub settings: Vec<(String, String)>,
}

impl Data {
    /// Opens the folder, made if there is none, and holds it.
    pub fn open(dir: &Path) -> anyhow::Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir.join("secrets"))
            .with_context(|| format!("cannot make the data folder {}: choose another with --data", dir.display()))?;
        let dir = dir.canonicalize()?;
        let lock = File::options().create(true).truncate(false).write(true).open(dir.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!(
                "oO runs already with the data folder {}: stop it first, or choose another with --data",
                dir.display()
            ),
            Err(TryLockError::Error(error)) => return Err(error).context("cannot hold the data folder"),
        }
        Ok(Self { dir, _lock: lock })
    }

    /// A place in the folder.
    pub fn at(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The ring of key-encryption keys, made at the first start.
    pub fn keys(&self) -> anyhow::Result<PathBuf> {
        self.secret("keys", || Ok(Keyring::new_line("1").to_string()))
    }

    /// The key that push services know us by, made at the first start.
    pub fn vapid(&self) -> anyhow::Result<PathBuf> {
        self.secret("vapid.pem", || Ok(oo_notifier::new_vapid_key()?.to_string()))
    }

    /// The folder of secrets.
    pub fn secrets(&self) -> PathBuf {
        self.dir.join("secrets")
    }

    /// Tells other commands how to reach this process.
    pub fn announce(&self, running: &Running) -> anyhow::Result<()> {
        Ok(secret_file::write(&self.at("running.json"), &serde_json::to_string_pretty(running)?)?)
    }

    /// Takes the announcement back.
    pub fn withdraw(&self) {
        let _ = std::fs::remove_file(self.at("running.json"));
    }

    fn secret(&self, name: &str, make: impl FnOnce() -> anyhow::Result<String>) -> anyhow::Result<PathBuf> {
        let file = self.secrets().join(name);
        secret_file::make_once(&file, make)?;
        Ok(file)
    }
}

/// How to reach the `oo up` that holds a folder, if one does.
pub fn running(dir: &Path) -> Option<Running> {
    let held = File::options()
        .write(true)
        .open(dir.join("lock"))
        .is_ok_and(|lock| matches!(lock.try_lock(), Err(TryLockError::WouldBlock)));
    let text = std::fs::read_to_string(dir.join("running.json")).ok()?;
    held.then(|| serde_json::from_str(&text).ok()).flatten()
}

/// Settings of `.env.local` in the current folder: `NAME=value`, a line each.
pub fn env_local() -> anyhow::Result<Vec<(String, String)>> {
    let Ok(text) = std::fs::read_to_string(".env.local") else { return Ok(vec![]) };
    let mut settings = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((name, value)) = line.split_once('=') else {
            bail!(".env.local line {}: wants NAME=value", number + 1)
        };
        let value = value.trim();
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
        settings.push((name.trim().to_owned(), value.to_owned()));
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_held_by_one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let first = Data::open(dir.path()).unwrap();
        let second = Data::open(dir.path()).err().expect("refused");
        assert!(second.to_string().contains("--data"), "{second}");
        drop(first);
        assert!(Data::open(dir.path()).is_ok());
    }

    #[test]
    fn keys_stay_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let data = Data::open(dir.path()).unwrap();
        let first = std::fs::read(data.keys().unwrap()).unwrap();
        assert_eq!(std::fs::read(data.keys().unwrap()).unwrap(), first);
    }

    #[test]
    fn an_announcement_counts_only_while_the_folder_is_held() {
        let dir = tempfile::tempdir().unwrap();
        let data = Data::open(dir.path()).unwrap();
        data.announce(&Running { pid: 1, page: "http://x/".into(), settings: vec![] }).unwrap();
        assert!(running(dir.path()).is_some());
        drop(data);
        assert!(running(dir.path()).is_none());
    }
}
