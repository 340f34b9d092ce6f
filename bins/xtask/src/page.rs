//! The page as browsers load it: built from what stands in web/, and measured as a real oO serves it.

use crate::run::Command;
use crate::setup;
use std::path::Path;

/// Writes what is stale in web/built, and says what that was.
pub fn build(root: &Path) -> anyhow::Result<()> {
    setup::tools(root)?;
    builder().within(root).run()
}

/// Fails where something in web/built is not what [`build`] would make it.
pub fn check(root: &Path) -> anyhow::Result<()> {
    builder().args(&["--check"]).within(root).run()
}

/// Prints the page's scores and times as Lighthouse has them. They depend on the machine, so nothing is asserted.
pub fn measure(root: &Path) -> anyhow::Result<()> {
    setup::servers(root)?;
    setup::lighthouse(root)?;
    Command::cargo().args(&["build", "--release", "--package", "oo"]).within(root).run()?;
    Command::new("node").args(&["bins/xtask/lighthouse/measure.js", "target/release/oo"]).within(root).run()
}

fn builder() -> Command {
    Command::new("node").args(&["web/build.js"])
}
