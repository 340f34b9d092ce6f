//! `oo reshard`: more shards for a log that is there.

use crate::data::{self, Data};
use crate::house;
use anyhow::{Context as _, bail, ensure};
use oo_runtime::engines::Server;
use oo_runtime::{Context, Source, nats_users};
use oo_subjects::Reshard;
use oo_subjects::access::OPERATOR;
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Between two looks whether all services are stopped.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How long nothing must be heard of them: longer than one that was told to stop may finish what it began.
const QUIET_FOR: Duration = Duration::from_secs(20);

/// Waits until all services are stopped, and moves.
pub async fn run(data: &Path, to: u16) -> anyhow::Result<()> {
    let servers = Servers::open(data).await?;
    let moved = servers.reshard(to).await;
    servers.close().await;
    moved?;
    println!("\nIt has {to} shards. Set OO_LOG__SHARDS={to} for every service, and start them.");
    println!("NATS must know it too: run `oo init` with that setting and restart nats-server; `oo up` does so itself.");
    Ok(())
}

/// The servers whose log it is.
struct Servers {
    ctx: Context,
    /// Those of a house of one's own that does not run.
    own: Option<(Data, Server, Server)>,
}

impl Servers {
    async fn open(data: &Path) -> anyhow::Result<Self> {
        let env = Source::from_env();
        let stop = CancellationToken::new();
        if env.get("OO_NATS__URL").is_some() {
            return Ok(Self { ctx: Context::new("reshard", env, stop).await?, own: None });
        }
        if data::running(data).is_some() {
            bail!("oO runs with the data folder {}: stop it first", data.display());
        }
        let data = Data::open(data)?;
        let given = Source::from_iter(data::env_local()?).with(env.pairs());
        let (source, nats, redis) = house::servers(&given, &data).await?;
        let source = source.with(nats_users::settings(&data.secrets(), OPERATOR));
        Ok(Self { ctx: Context::new("reshard", source, stop).await?, own: Some((data, nats, redis)) })
    }

    async fn reshard(&self, to: u16) -> anyhow::Result<()> {
        let bus = &self.ctx.bus;
        let mut quiet_since = Instant::now();
        while self.own.is_none() && quiet_since.elapsed() < QUIET_FOR {
            if !Reshard::is_quiet(bus).await {
                println!("Services run still: stop them all. I wait.");
                quiet_since = Instant::now();
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        let reshard = Reshard::begin(bus, to).await?;
        println!("No service starts on it until it is done.");
        // One that looked just before is heard of soon.
        if self.own.is_none() {
            tokio::time::sleep(QUIET_FOR).await;
            ensure!(Reshard::is_quiet(bus).await, "a service started just now: stop it, and run the same again");
        }
        reshard.finish().await.context("not moved yet: run the same again, it goes on where it was")
    }

    async fn close(self) {
        if let Some((_data, mut nats, mut redis)) = self.own {
            redis.stop().await;
            nats.stop().await;
        }
    }
}
