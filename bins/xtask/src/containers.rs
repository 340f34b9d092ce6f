//! What needs a container engine: the image is built, everything comes up healthy, and one tip goes through.

use anyhow::bail;
use std::path::Path;

/// Runs what needs a container engine.
pub fn test(_root: &Path) -> anyhow::Result<()> {
    bail!("nothing is written here yet that tests compose/ in containers, so it counts as failed")
}
