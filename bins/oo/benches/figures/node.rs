//! A profile node in a process of its own.

use oo_testkit::{House, eventually, http};
use std::process::Stdio;
use tokio::process::{Child, Command};

/// Tells this program to be the node.
pub(crate) const ARGUMENT: &str = "--profile-node";

pub(crate) struct Node {
    child: Child,
    address: String,
}

impl Node {
    /// Starts a node of the house, and waits until it is ready.
    pub(crate) async fn start(house: &House, idle_seconds: u64) -> Self {
        let address = format!("127.0.0.1:{}", oo_runtime::engines::free_port().unwrap());
        let child = Command::new(std::env::current_exe().unwrap())
            .arg(ARGUMENT)
            .envs(house.source().pairs())
            .env("OO_HTTP__BIND", &address)
            .env("OO_PROFILE__IDLE_SECONDS", idle_seconds.to_string())
            .env("OO_LOG", "error")
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

    pub(crate) fn pid(&self) -> u32 {
        self.child.id().unwrap()
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
        Command::new("kill").args([signal, &self.pid().to_string()]).status().await.unwrap();
    }

    /// Bytes of memory that it holds.
    pub(crate) fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}
