//! The container engine and Compose: found, or installed and started for the time of the test.

use crate::run::{Command, says};
use crate::setup::{self, Sign};
use anyhow::{Context, bail};
use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// dockerd sets up networks and looks at every image before it answers.
const STARTS_WITHIN: Duration = Duration::from_secs(60);
/// dockerd gives its containers ten seconds, then ends them.
const STOPS_WITHIN: Duration = Duration::from_secs(40);
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// An engine that answers.
pub(super) struct Engine {
    /// dockerd, if it was us who started it.
    child: Option<Child>,
    /// How Compose is called here.
    pub(super) compose: &'static [&'static str],
}

impl Engine {
    /// Finds what is there, and installs and starts what is missing.
    pub(super) fn ready(root: &Path) -> anyhow::Result<Self> {
        setup::system_packages(&[(Sign::Program("docker"), "docker.io")])?;
        let mut engine = Self { child: None, compose: &[] };
        if !answers() {
            if !setup::is_root()? {
                bail!("no container engine answers: start Docker, and join the group `docker`; or run this as root");
            }
            setup::system_packages(&[(Sign::Program("dockerd"), "docker.io")])?;
            // The package may just have started it as a service.
            if !answers() {
                engine.start(&root.join(setup::FETCHED).join("dockerd.log"))?;
            }
        }
        engine.compose = compose()?;
        Ok(engine)
    }

    fn start(&mut self, log: &PathBuf) -> anyhow::Result<()> {
        says("starting dockerd");
        if let Some(folder) = log.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let output = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        // It stops in order when we die, and Ctrl-C in a terminal is for us alone.
        let child = std::process::Command::new("setpriv")
            .args(["--pdeathsig", "TERM", "--", "dockerd"])
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .spawn()
            .context("setpriv does not run: install util-linux")?;
        let child = self.child.insert(child);
        let began = Instant::now();
        while !answers() {
            if let Some(status) = child.try_wait()? {
                bail!("dockerd ended at once ({status}): see {}", log.display());
            }
            if began.elapsed() > STARTS_WITHIN {
                bail!("dockerd does not answer within {STARTS_WITHIN:?}: see {}", log.display());
            }
            pause();
        }
        Ok(())
    }
}

impl Drop for Engine {
    /// Stops what we started, and nothing else.
    fn drop(&mut self) {
        let Some(child) = &mut self.child else { return };
        says("stopping dockerd");
        let _ = Command::new("kill").args(&["-TERM", &child.id().to_string()]).run();
        let began = Instant::now();
        while matches!(child.try_wait(), Ok(None)) {
            if began.elapsed() > STOPS_WITHIN {
                let _ = child.kill();
                let _ = child.wait();
                return;
            }
            pause();
        }
    }
}

/// A pause between two looks at something outside, which cannot call us.
fn pause() {
    std::thread::park_timeout(LOOK_AGAIN);
}

fn answers() -> bool {
    Command::new("docker").args(&["version", "--format", "{{.Server.Version}}"]).output().is_ok()
}

/// Compose as docker's own command, else as a program of its own.
fn compose() -> anyhow::Result<&'static [&'static str]> {
    if Command::new("docker").args(&["compose", "version"]).output().is_ok() {
        return Ok(&["docker", "compose"]);
    }
    setup::system_packages(&[(Sign::Program("docker-compose"), "docker-compose")])?;
    Ok(&["docker-compose"])
}
