//! What the repository does for itself: set up, generate, test and keep tidy. `main.rs` is its command line.

pub mod containers;
pub mod generate;
pub mod setup;
pub mod test;
pub mod tidy;

use std::path::{Path, PathBuf};

/// The repository's root.
pub fn root() -> PathBuf {
    // This crate is bins/xtask, so its root is two above; a moved checkout is built again before it runs.
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new(".")).to_path_buf()
}
