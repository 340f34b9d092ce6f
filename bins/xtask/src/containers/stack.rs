//! The stack of compose/, under a name of its own and with the sandbox beside it.

use super::engine::Engine;
use crate::run::{Command, says};
use anyhow::{Context, bail};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The name that keeps its containers, volumes and networks apart from yours.
const PROJECT: &str = "oo-test";

/// Compose marks what it makes with this.
const MARK: &str = "label=com.docker.compose.project=oo-test";

/// What is changed for the test: a policy that always speaks, and a sandbox that asks nobody. Optimising over crates would
/// take most of the test's time.
const OVERRIDE: &str = r#"
services:
  init:
    build: { args: { CARGO_PROFILE_RELEASE_LTO: "off", CARGO_PROFILE_RELEASE_OPT_LEVEL: "1" } }
  recommender:
    environment: { OO_RECOMMENDER__POLICY: random-todo }
  sandbox:
    environment: { OO_SANDBOX__AUTO_CONSENT: "true" }
"#;

/// Containers that do not say how they are.
const SILENT: &[&str] = &["sandbox"];

/// A service waits for streams, and its health is asked every five seconds.
const READY_WITHIN: Duration = Duration::from_secs(120);
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// Lines of a log that are told when something failed.
const TAIL: &str = "40";

/// The stack, up or down.
pub(super) struct Stack {
    compose: &'static [&'static str],
    /// compose/ of this repository.
    files: PathBuf,
    folder: tempfile::TempDir,
}

/// A container of it.
#[derive(Debug, Deserialize)]
#[serde(from = "Inspected")]
pub(super) struct Container {
    pub(super) id: String,
    pub(super) service: String,
    /// `running`, `exited`, …
    pub(super) status: String,
    pub(super) exit_code: i64,
    /// `healthy`, `unhealthy`, `starting`; nothing without a health check.
    pub(super) health: Option<String>,
    /// How often the engine started it again.
    pub(super) restarts: u64,
    pub(super) pid: u32,
    user: String,
    read_only: bool,
    dropped: Vec<String>,
}

impl Stack {
    /// Names the stack of this repository, and starts nothing yet.
    pub(super) fn new(root: &Path, engine: &Engine) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("override.yaml"), OVERRIDE)?;
        Ok(Self { compose: engine.compose, files: root.join("compose"), folder })
    }

    fn compose(&self, arguments: &[&str]) -> Command {
        let [program, first @ ..] = self.compose else { return Command::new("docker-compose") };
        let path = |folder: &Path, name: &str| folder.join(name).to_string_lossy().into_owned();
        let (file, more) = (path(&self.files, "compose.yaml"), path(self.folder.path(), "override.yaml"));
        // As a person tries it who has no account.
        let settings = path(&self.files, "try.env");
        let files = ["--project-name", PROJECT, "--file", &file, "--file", &more, "--env-file", &settings];
        Command::new(program).args(first).args(&files).args(arguments)
    }

    /// Builds the image just as a person would.
    pub(super) fn build(&self) -> anyhow::Result<()> {
        self.compose(&["build", "init"]).run()
    }

    /// How large the image is, in megabytes, and how much of it is on top of the base image.
    pub(super) fn size(&self) -> anyhow::Result<(f64, f64)> {
        let of = |image: &str| -> anyhow::Result<f64> {
            let told = Command::new("docker").args(&["image", "inspect", "--format", "{{.Size}}", image]).output()?;
            Ok(told.parse::<f64>()? / 1e6)
        };
        let (whole, base) = (of("oo:local")?, of("debian:bookworm-slim")?);
        Ok((whole, whole - base))
    }

    /// Starts everything, anew.
    pub(super) fn up(&self) -> anyhow::Result<()> {
        // A run that was interrupted may have left some of it.
        self.down()?;
        self.compose(&["up", "--detach", "--no-build"]).run()
    }

    /// Takes everything away, volumes included.
    pub(super) fn down(&self) -> anyhow::Result<()> {
        self.compose(&["down", "--volumes", "--remove-orphans"]).output()?;
        let left = Command::new("docker").args(&["volume", "ls", "--quiet", "--filter", MARK]).output()?;
        if !left.is_empty() {
            bail!("volumes are left of the stack: {left}");
        }
        Ok(())
    }

    /// Every container as it is now.
    pub(super) fn containers(&self) -> anyhow::Result<Vec<Container>> {
        let ids = Command::new("docker").args(&["ps", "--all", "--quiet", "--filter", MARK]).output()?;
        let ids: Vec<&str> = ids.lines().collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let told = Command::new("docker").args(&["inspect"]).args(&ids).output()?;
        let mut all: Vec<Container> = serde_json::from_str(&told).context("docker inspect tells something else")?;
        all.sort_by(|a, b| a.service.cmp(&b.service));
        Ok(all)
    }

    /// The container of a service.
    pub(super) fn container(&self, service: &str) -> anyhow::Result<Container> {
        let found = self.containers()?.into_iter().find(|container| container.service == service);
        found.with_context(|| format!("the stack has no container {service}"))
    }

    /// Waits until every container is as it should be.
    pub(super) async fn healthy(&self) -> anyhow::Result<Vec<Container>> {
        let began = Instant::now();
        loop {
            let all = self.containers()?;
            let not_yet: Vec<&str> = all.iter().filter(|one| !one.is_well()).map(|one| one.service.as_str()).collect();
            if !all.is_empty() && not_yet.is_empty() {
                return Ok(all);
            }
            if began.elapsed() > READY_WITHIN {
                bail!("not well within {READY_WITHIN:?}: {}", not_yet.join(", "));
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Everything that a container wrote.
    pub(super) fn log(&self, container: &Container) -> anyhow::Result<String> {
        Command::new("docker").args(&["logs", &container.id]).output()
    }

    /// Ends a container's process as a crash would. `docker kill` would be somebody's wish, and nothing starts again.
    pub(super) fn crash(&self, container: &Container) -> anyhow::Result<()> {
        let kill = format!("kill -KILL {}", container.pid);
        // From inside the engine's machine, which need not be this one.
        let run = ["run", "--rm", "--pid", "host", "--user", "0", "oo:local", "sh", "-c", &kill];
        Command::new("docker").args(&run).output()?;
        Ok(())
    }

    /// Stops services in order and starts them again.
    pub(super) fn restart(&self, services: &[&str]) -> anyhow::Result<()> {
        self.compose(&[&["restart"], services].concat()).output()?;
        Ok(())
    }

    /// Says how all are, and shows the logs of those that are not well, or of all if that says nothing.
    pub(super) fn tell(&self) -> anyhow::Result<()> {
        let all = self.containers()?;
        table(&all);
        let unwell: Vec<&Container> = all.iter().filter(|one| !one.is_well()).collect();
        for container in if unwell.is_empty() { all.iter().collect() } else { unwell } {
            says(&format!("-- {} --", container.service));
            Command::new("docker").args(&["logs", "--tail", TAIL, &container.id]).run()?;
        }
        Ok(())
    }
}

impl Container {
    fn is_well(&self) -> bool {
        let runs = self.status == "running";
        match &self.health {
            Some(health) => runs && health == "healthy",
            None if self.service == "init" => self.status == "exited" && self.exit_code == 0,
            None => runs && SILENT.contains(&self.service.as_str()),
        }
    }

    /// What it may do that it need not, if anything.
    pub(super) fn excess(&self) -> Option<&'static str> {
        if matches!(self.user.split(':').next(), None | Some("" | "0" | "root")) {
            return Some("runs as root");
        }
        if !self.read_only {
            return Some("may write into its own file system");
        }
        (!self.dropped.iter().any(|capability| capability == "ALL")).then_some("has capabilities")
    }
}

/// Tells how all are.
pub(super) fn table(all: &[Container]) {
    says(&format!("{:14} {:10} {:10} {:>8}  {}", "container", "status", "health", "restarts", "user"));
    for Container { service, status, health, restarts, user, .. } in all {
        let health = health.as_deref().unwrap_or("–");
        says(&format!("{service:14} {status:10} {health:10} {restarts:>8}  {user}"));
    }
}

/// What `docker inspect` tells of a container, as far as it matters here.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    id: String,
    restart_count: u64,
    state: InspectedState,
    config: InspectedConfig,
    host_config: InspectedHost,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InspectedState {
    status: String,
    exit_code: i64,
    pid: u32,
    health: Option<InspectedHealth>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InspectedHealth {
    status: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InspectedConfig {
    user: String,
    labels: std::collections::BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InspectedHost {
    readonly_rootfs: bool,
    cap_drop: Option<Vec<String>>,
}

impl From<Inspected> for Container {
    fn from(told: Inspected) -> Self {
        Self {
            id: told.id,
            service: told.config.labels.get("com.docker.compose.service").cloned().unwrap_or_default(),
            status: told.state.status,
            exit_code: told.state.exit_code,
            health: told.state.health.map(|health| health.status),
            restarts: told.restart_count,
            pid: told.state.pid,
            user: told.config.user,
            read_only: told.host_config.readonly_rootfs,
            dropped: told.host_config.cap_drop.unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(service: &str, state: &str, user: &str, host: &str) -> Container {
        let told = format!(
            r#"{{ "Id": "1f", "RestartCount": 0, "State": {{ "Pid": 7, {state} }}, "HostConfig": {{ {host} }},
                 "Config": {{ "User": "{user}", "Labels": {{ "com.docker.compose.service": "{service}" }} }} }}"#
        );
        serde_json::from_str(&told).unwrap()
    }

    const LEAN: &str = r#""ReadonlyRootfs": true, "CapDrop": ["ALL"]"#;

    #[test]
    fn a_service_is_well_when_it_says_so_and_init_when_it_ended() {
        let well = |service: &str, state: &str| container(service, state, "oo", LEAN).is_well();
        let running = r#""Status": "running", "ExitCode": 0"#;
        let says = |health: &str| format!(r#"{running}, "Health": {{ "Status": "{health}" }}"#);
        assert!(well("profile", &says("healthy")) && !well("profile", &says("starting")));
        assert!(!well("profile", running), "a service without a health check");
        assert!(well("sandbox", running) && !well("sandbox", r#""Status": "restarting", "ExitCode": 1"#));
        assert!(
            well("init", r#""Status": "exited", "ExitCode": 0"#)
                && !well("init", r#""Status": "exited", "ExitCode": 1"#)
        );
    }

    #[test]
    fn more_rights_than_needed_are_told() {
        let excess = |user, host| container("x", r#""Status": "running", "ExitCode": 0"#, user, host).excess();
        assert_eq!(excess("oo", LEAN), None);
        assert_eq!(excess("10001:10001", LEAN), None);
        assert!(excess("", LEAN).is_some() && excess("0:0", LEAN).is_some() && excess("root", LEAN).is_some());
        assert!(excess("oo", r#""ReadonlyRootfs": false, "CapDrop": ["ALL"]"#).is_some());
        assert!(excess("oo", r#""ReadonlyRootfs": true, "CapDrop": null"#).is_some());
    }
}
