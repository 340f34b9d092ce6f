//! Files that only their owner may read.

use anyhow::Context as _;
use std::fs::DirBuilder;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

/// Writes a file that only its owner may read.
pub fn write(file: &Path, text: &str) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(file)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Makes a secret where it is missing, and its folder, and says whether it did. By rename: half a key would lock everybody
/// out.
pub fn make_once(file: &Path, make: impl FnOnce() -> anyhow::Result<String>) -> anyhow::Result<bool> {
    if file.exists() {
        return Ok(false);
    }
    let cannot = || format!("cannot make {}: let its folder be writable", file.display());
    if let Some(dir) = file.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(dir).with_context(cannot)?;
    }
    let mut room = file.as_os_str().to_owned();
    room.push(".new");
    let room = Path::new(&room);
    write(room, &make()?).with_context(cannot)?;
    std::fs::rename(room, file).with_context(cannot)?;
    Ok(true)
}
