//! Three nats-servers in one cluster, for what only replicas can get wrong.

use anyhow::Context as _;
use oo_runtime::Source;
use oo_runtime::engines::{self, Server, Sync};
use oo_subjects::{Bus, streams};
use secrecy::ExposeSecret as _;
use std::time::Duration;
use tempfile::TempDir;

/// How many servers, and replicas of each stream.
pub const SERVERS: usize = 3;
/// How long the servers may take to elect who places streams.
const ELECTED_WITHIN: Duration = Duration::from_secs(60);

/// A cluster of one's own. Its users need no credentials.
pub struct Cluster {
    servers: Vec<Server>,
    _dir: TempDir,
}

impl Cluster {
    /// Starts the servers and sets streams of so many shards up.
    pub async fn start(shards: u16) -> Self {
        let cluster = Self::try_start().await.expect("a cluster: `cargo xtask setup` installs what it needs");
        let bus = cluster.bus(0).await;
        let elected = async {
            while streams::set_up(bus.jetstream(), shards, SERVERS).await.is_err() {
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
        };
        tokio::time::timeout(ELECTED_WITHIN, elected).await.expect("the servers elect one of them");
        cluster
    }

    async fn try_start() -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let found = engines::find_nats(&Source::from_env(), &crate::house::bin()).await?;
        let program = found.context("nats-server 2.12 or newer is missing")?;
        let routes: Vec<u16> = (0..SERVERS).map(|_| engines::free_port()).collect::<std::io::Result<_>>()?;
        let all: Vec<String> = routes.iter().map(|port| format!("\"nats://127.0.0.1:{port}\"")).collect();
        let starting = routes.iter().enumerate().map(|(n, port)| {
            let (name, program, dir) = (format!("oo-{n}"), program.clone(), dir.path().join(n.to_string()));
            let more = format!("cluster {{ name: oo, listen: \"127.0.0.1:{port}\", routes: [{}] }}\n", all.join(", "));
            async move { engines::start_nats_as(&name, program, &dir, Sync::Lazily, &more).await }
        });
        let servers = futures_util::future::try_join_all(starting).await?;
        Ok(Self { servers, _dir: dir })
    }

    /// A connection to one of the servers.
    pub async fn bus(&self, server: usize) -> Bus {
        let url = self.servers[server].url().expose_secret();
        Bus::new(async_nats::connect(url).await.expect("the server takes connections"))
    }
}
