//! What is tried with the real services in processes of their own, with everything failing or for long; and the model of their
//! protocol.

use crate::run::{Command, says};
use crate::setup;
use std::path::{Path, PathBuf};

/// The services that chaos starts.
const SERVICES: [&str; 7] = ["auth", "events", "gateway", "integrations", "notifier", "profile", "recommender"];

/// Lets everything fail for a while: `bins/oo/tests/chaos`. The arguments are its own; `--help` tells them. With `from`, a
/// commit, each start of a service takes that version's program or this one's: an upgrade and a rollback at every turn.
pub fn run(root: &Path, from: Option<&str>, arguments: &[String]) -> anyhow::Result<()> {
    setup::servers(root)?;
    let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let other = from.map(|commit| services_of(root, commit)).transpose()?.map(|folder| folder.display().to_string());
    if let Some(folder) = &other {
        arguments.extend(["--other", folder]);
    }
    // Of the whole workspace, since only then the crates are built as for the other tests.
    Command::cargo().args(&["test", "--workspace", "--test", "chaos", "--"]).args(&arguments).within(root).run()
}

/// Lets people live, come and go for a while with nothing failing, and sees whether anything grows that should not. Optimised:
/// what a debug build holds is no figure.
pub fn soak(root: &Path, arguments: &[String]) -> anyhow::Result<()> {
    setup::servers(root)?;
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let program = ["test", "--release", "--package", "oo", "--test", "chaos", "--", "soak"];
    Command::cargo().args(&program).args(&arguments).within(root).run()
}

/// Builds the services as they were at a commit, and says where their programs are.
fn services_of(root: &Path, commit: &str) -> anyhow::Result<PathBuf> {
    let git = |arguments: &[&str]| Command::new("git").args(arguments).within(root).output();
    let commit = git(&["rev-parse", "--verify", &format!("{commit}^{{commit}}")])?;
    let versions = root.join("target/versions");
    let tree = versions.join(&commit);
    if !tree.exists() {
        git(&["worktree", "prune"])?;
        git(&["worktree", "add", "--detach", &tree.display().to_string(), &commit])?;
    }
    let built = versions.join("target");
    says(&format!("building the services of {commit}"));
    let packages: Vec<String> = SERVICES.iter().map(|service| format!("--package=oo-bin-{service}")).collect();
    let packages: Vec<&str> = packages.iter().map(String::as_str).collect();
    let target = built.display().to_string();
    Command::cargo().args(&["build"]).args(&packages).env("CARGO_TARGET_DIR", &target).within(&tree).run()?;
    Ok(built.join("debug"))
}

/// Tries the protocol of one writer in every order, each fault more often than the tests do: `actors/profile/tests/protocol`.
pub fn model(root: &Path, more: u8) -> anyhow::Result<()> {
    let tests = ["test", "--workspace", "--test", "protocol", "--", "--nocapture", "--test-threads", "1"];
    Command::cargo().args(&tests).env("OO_MODEL_MORE", &more.to_string()).within(root).run()
}
