//! A service in a process of its own, so that its memory, its time and its files are its own.

use oo_testkit::{House, Process, eventually, http};
use std::process::Stdio;
use tokio::process::{Child, Command};

/// The word by which this program is a service.
pub(crate) const SERVE: &str = "--serve";

pub(crate) struct Node {
    child: Child,
    address: String,
}

impl Node {
    /// Starts a profile node of the house, and waits until it is ready.
    pub(crate) async fn start(house: &House, idle_seconds: u64) -> Self {
        let idle = idle_seconds.to_string();
        Self::of(house, "profile", &[("OO_PROFILE__IDLE_SECONDS", &idle)]).await
    }

    /// The same of any service that this program can be, with settings of its own.
    pub(crate) async fn of(house: &House, service: &str, more: &[(&str, &str)]) -> Self {
        let address = format!("127.0.0.1:{}", oo_runtime::engines::free_port().unwrap());
        let child = Command::new(std::env::current_exe().unwrap())
            .args([SERVE, service])
            .envs(house.source().pairs())
            .envs(more.iter().copied())
            .env("OO_HTTP__BIND", &address)
            .env("OO_LOG", "error,warp::server=off")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let node = Self { child, address };
        eventually("the node is ready", || async {
            let health = http().get(node.url("/health")).send().await.ok()?;
            health.status().is_success().then_some(())
        })
        .await;
        node
    }

    pub(crate) fn process(&self) -> Process {
        Process(self.child.id().unwrap())
    }

    /// How many people are in its memory.
    pub(crate) async fn residents(&self) -> u64 {
        self.level("oo_profile_residents").await
    }

    /// How a level stands.
    pub(crate) async fn level(&self, name: &str) -> u64 {
        let metrics = http().get(self.url("/metrics")).send().await.unwrap().text().await.unwrap();
        let level = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        level.and_then(|level| level.parse().ok()).unwrap_or(0)
    }

    pub(crate) async fn signal(&self, signal: &str) {
        Command::new("kill").args([signal, &self.process().0.to_string()]).status().await.unwrap();
    }

    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}
