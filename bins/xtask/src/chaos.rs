//! What is tried with everything failing: the real services in processes of their own, and the model of their protocol.

use crate::run::Command;
use crate::setup;
use std::path::Path;

/// Lets everything fail for a while: `bins/oo/tests/chaos`. The arguments are its own; `--help` tells them.
pub fn run(root: &Path, arguments: &[String]) -> anyhow::Result<()> {
    setup::servers(root)?;
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // Of the whole workspace, since only then the crates are built as for the other tests.
    Command::cargo().args(&["test", "--workspace", "--test", "chaos", "--"]).args(&arguments).within(root).run()
}

/// Tries the protocol of one writer in every order, each fault once more than the tests do: `actors/profile/tests/protocol`.
pub fn model(root: &Path) -> anyhow::Result<()> {
    let tests = ["test", "--workspace", "--test", "protocol", "--", "--nocapture"];
    Command::cargo().args(&tests).env("OO_MODEL_LARGE", "1").within(root).run()
}
