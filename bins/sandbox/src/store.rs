//! All that the sandbox remembers, as one value that can be kept in a file.

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    pub(crate) todoist: crate::todoist::State,
    pub(crate) google: crate::google::State,
    pub(crate) microsoft: crate::microsoft::State,
    pub(crate) push: crate::push::State,
}

/// Reads a state file; a missing one is an empty state.
pub(crate) fn read(path: &Path) -> anyhow::Result<State> {
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .with_context(|| format!("{} is not a sandbox's state; remove it or name another file", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(State::default()),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Writes beside the file and renames, so that a crash leaves the old one or the new one.
/// It holds the sandbox's tokens: only its owner may read it.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let beside = path.with_extension("writing");
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(bytes)?;
    drop(file);
    std::fs::rename(&beside, path)?;
    Ok(())
}

/// Random bytes as base64url: ids, codes and tokens.
pub(crate) fn random(bytes: usize) -> String {
    use base64::Engine as _;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    BASE64_URL_SAFE_NO_PAD.encode(random_bytes(bytes))
}

/// Random bytes as lower-case hexadecimal.
pub(crate) fn random_hex(bytes: usize) -> String {
    random_bytes(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Random letters and digits, as Todoist's ids are.
pub(crate) fn random_id(length: usize) -> String {
    const LETTERS: &[u8] = b"23456789CFGHJMPQRVWXcfghjmpqrvwx";
    random_bytes(length).iter().map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect()
}

fn random_bytes(count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    // The operating system's source of chance does not fail on any system that oO runs on;
    // without it no secret here would be one, so there is nothing to go on with.
    #[allow(clippy::expect_used)]
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// A small opaque cursor: what the server needs to go on, in a form that nobody takes apart.
pub(crate) fn seal<T: Serialize>(value: &T) -> String {
    use base64::Engine as _;
    use base64::prelude::BASE64_URL_SAFE;
    BASE64_URL_SAFE.encode(serde_json::to_vec(value).unwrap_or_default())
}

/// The inside of a cursor, or `None` where it is not one of ours.
pub(crate) fn open<T: for<'de> Deserialize<'de>>(text: &str) -> Option<T> {
    use base64::Engine as _;
    use base64::prelude::BASE64_URL_SAFE;
    serde_json::from_slice(&BASE64_URL_SAFE.decode(text).ok()?).ok()
}

/// A stable small hash (FNV-1a), for fingerprints of parameters and numbers from names.
pub(crate) fn fingerprint(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
