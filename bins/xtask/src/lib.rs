//! What the repository does for itself: set up, generate, test, let fail, measure, evaluate and keep tidy. `main.rs` is its command line.

pub mod bench;
pub mod chaos;
pub mod containers;
pub mod evaluate;
pub mod generate;
pub mod page;
mod run;
pub mod setup;
pub mod test;
pub mod tidy;

use std::path::{Path, PathBuf};

/// The repository's root.
pub fn root() -> PathBuf {
    // This crate is bins/xtask, so its root is two above; a moved checkout is built again before it runs.
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new(".")).to_path_buf()
}

/// The cargo that started us, or the one on the PATH.
fn cargo() -> std::ffi::OsString {
    #[allow(clippy::disallowed_methods, reason = "cargo tells its programs where it is in this way, it is no setting")]
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}
