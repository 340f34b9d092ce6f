//! `oo reshard`: more shards for a log that is there.

use crate::data;
use crate::servers::Servers;
use anyhow::{Context as _, bail, ensure};
use oo_subjects::Reshard;
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;

/// Between two looks whether all services are stopped.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How long nothing must be heard of them: longer than one that was told to stop may finish what it began.
const QUIET_FOR: Duration = Duration::from_secs(20);

/// Waits until all services are stopped, and moves.
pub async fn run(data: &Path, to: u16) -> anyhow::Result<()> {
    if !Servers::are_named() && data::running(data).is_some() {
        bail!("oO runs with the data folder {}: stop it first", data.display());
    }
    let servers = Servers::open("reshard", data).await?;
    let moved = reshard(&servers, to).await;
    servers.close().await;
    moved?;
    println!("\nIt has {to} shards. Set OO_LOG__SHARDS={to} for every service, and start them.");
    println!("NATS must know it too: run `oo init` with that setting and restart nats-server; `oo up` does so itself.");
    Ok(())
}

async fn reshard(servers: &Servers, to: u16) -> anyhow::Result<()> {
    let bus = &servers.ctx.bus;
    Reshard::check(bus, to).await?;
    // Of a house of one's own that does not run no service runs.
    let may_run = servers.data().is_none();
    let (mut quiet_since, mut told) = (Instant::now(), false);
    while may_run && quiet_since.elapsed() < QUIET_FOR {
        if !Reshard::is_quiet(bus).await {
            if !told {
                println!("Services run still, or NATS does not answer: stop all services. I wait.");
                told = true;
            }
            quiet_since = Instant::now();
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    let reshard = Reshard::begin(bus, to).await?;
    println!("No service starts on it until it is done.");
    if may_run {
        // One that looked just before is heard of soon.
        tokio::time::sleep(QUIET_FOR).await;
        ensure!(Reshard::is_quiet(bus).await, "a service started just now: stop it, and run the same again");
    }
    reshard.finish().await.context("not moved yet: run the same again, it goes on where it was")
}
