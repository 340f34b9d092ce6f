//! The users of nats-server: a seed for each service in a folder of its own, and the configuration with their public keys.

use crate::secret_file;
use anyhow::Context as _;
use nkeys::KeyPair;
use oo_subjects::access::{OPERATOR, SERVICES, authorization};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Makes the seeds that are missing below `dir`, and gives the configuration of all users: public keys only.
///
/// # Errors
/// Says which file cannot be written, or holds no seed.
pub fn make(dir: &Path, shards: u16) -> anyhow::Result<String> {
    let mut keys = BTreeMap::new();
    for user in SERVICES.into_iter().chain([OPERATOR]) {
        let file = seed_file(dir, user);
        secret_file::make_once(&file, || Ok(KeyPair::new_user().seed()?))?;
        let seed = zeroize::Zeroizing::new(std::fs::read_to_string(&file)?);
        let pair = KeyPair::from_seed(seed.trim())
            .with_context(|| format!("{} holds no NKEY seed: remove it, and run `oo init` again", file.display()))?;
        keys.insert(user, pair.public_key());
    }
    Ok(authorization(shards, |user| keys.get(user).cloned().unwrap_or_default()))
}

/// Where the seed of a user is, below `dir`.
pub fn seed_file(dir: &Path, user: &str) -> PathBuf {
    dir.join(user).join("nats.seed")
}

/// Settings by which a user of those below `dir` connects.
pub fn settings(dir: &Path, user: &str) -> [(String, String); 1] {
    [("OO_NATS__NKEY_FILE".into(), seed_file(dir, user).display().to_string())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_stay_and_none_is_in_the_configuration() {
        let dir = tempfile::tempdir().unwrap();
        let first = make(dir.path(), 2).unwrap();
        assert_eq!(make(dir.path(), 2).unwrap(), first);
        for user in SERVICES.into_iter().chain([OPERATOR]) {
            let seed = std::fs::read_to_string(seed_file(dir.path(), user)).unwrap();
            assert!(seed.starts_with("SU") && !first.contains(&seed), "{user}");
            assert!(first.contains(&KeyPair::from_seed(&seed).unwrap().public_key()), "{user}");
        }
    }

    #[test]
    fn a_spoiled_seed_is_named() {
        let dir = tempfile::tempdir().unwrap();
        make(dir.path(), 1).unwrap();
        let file = seed_file(dir.path(), "auth");
        std::fs::write(&file, "half a seed").unwrap();
        let error = make(dir.path(), 1).unwrap_err().to_string();
        assert!(error.contains(&file.display().to_string()) && error.contains("oo init"), "{error}");
    }
}
