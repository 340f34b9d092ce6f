//! The figures, measured by `bins/oo/benches/figures`.

use crate::run::Command;
use crate::setup;
use std::path::Path;

/// Measures those of the figures that are named, all of them without a name, and prints a table.
pub fn run(root: &Path, figures: &[String]) -> anyhow::Result<()> {
    setup::servers(root)?;
    let figures: Vec<&str> = figures.iter().map(String::as_str).collect();
    Command::cargo().args(&["bench", "--package", "oo", "--bench", "figures", "--"]).args(&figures).within(root).run()
}
