//! The people: one actor each, woken by their log, remembering in memory, deciding when to speak.
//!
//! Start with `behavior.rs` (what is decided), then `reactions.rs` (in which order), `actor.rs` (who does it, with
//! `carry_out.rs` and `settle.rs`), `router.rs` (who wakes whom) and `nodes.rs` (which node has which shard). `tests/protocol`
//! tries all that is decided in every order. `compaction.rs` is about who wants their entries removed.

mod actor;
pub mod at_rest;
pub mod behavior;
mod carry_out;
mod compaction;
mod nodes;
pub mod reactions;
mod residents;
mod router;
mod settle;
mod snapshot_store;
pub mod verify;

use oo_contracts::http::Problem;
use oo_contracts::rights::{Clear, Cleared};
use oo_contracts::signal::KeepDays;
use oo_contracts::wire::{Done, Look, Redrive};
use oo_runtime::{Context, redis_store, web};
use oo_subjects::{CLEAR_PROFILE, LOOK, REDRIVE, Shard};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Entries that are delivered once more at once, by hand.
const REDRIVES: usize = 4;
/// Pages that may ask at once.
const LOOKS: usize = 256;

/// `OO_PROFILE__…`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Seconds without a message after which a person leaves memory.
    #[serde(default = "idle_seconds")]
    pub idle_seconds: u64,
    /// Decisions older than so many days are removed; kept for as long as the person's entries if left out.
    pub decisions_days: Option<KeepDays>,
}

fn idle_seconds() -> u64 {
    300
}

/// Runs the people of all shards that this node gets to pull.
pub async fn serve(ctx: Context) -> anyhow::Result<()> {
    let settings: Settings = ctx.section()?;
    let redis = redis_store::connect(&ctx.settings.redis)?;
    ctx.health.depends_on("redis", {
        let redis = redis.clone();
        move || {
            let redis = redis.clone();
            async move { redis_store::is_up(&redis).await }
        }
    });
    web::serve_health(&ctx).await?;
    let tools = Arc::new(actor::Tools {
        bus: ctx.bus.clone(),
        people: ctx.people().await?,
        logbook: ctx.logbook(),
        clock: ctx.clock,
        metrics: ctx.metrics.clone(),
        snapshots: snapshot_store::SnapshotStore::new(redis),
        residents: residents::Residents::default(),
        idle: Duration::from_secs(settings.idle_seconds),
        compaction: Arc::new(compaction::Compaction::new(&ctx, settings.decisions_days)),
    });
    let router = router::Router::new(tools);
    // Until others are heard of all shards are this node's; who pulls them already keeps them meanwhile.
    let shards = ctx.settings.log.shards;
    let (told, share) = watch::channel(Arc::new((0..shards).collect()));
    ctx.spawn("nodes", nodes::follow(ctx.clone(), nodes::Nodes::new(shards), told));
    for shard in (0..shards).map(Shard) {
        let (router, ctx, share) = (router.clone(), ctx.clone(), share.clone());
        ctx.clone().spawn("shard", async move { router.pull(&ctx, shard, share).await });
    }
    let (following, stop) = (router.clone(), ctx.shutdown.clone());
    ctx.spawn("who leaves", async move { stop.run_until_cancelled(following.follow_leaving()).await });
    let clearing = router.clone();
    ctx.answer(CLEAR_PROFILE, LOOKS, move |Clear { log }| {
        let router = clearing.clone();
        async move {
            let there = router.clear(&log).await.map_err(|error| {
                tracing::warn!(%log, error = format!("{error:#}"), "a profile is not cleared yet");
                Problem::new(503, "profile not reachable", "try again in a moment")
            })?;
            Ok(Cleared { removed: there.into(), left: 0 })
        }
    })
    .await?;
    let again = router.clone();
    ctx.answer(REDRIVE, REDRIVES, move |Redrive { log, seq }| {
        let router = again.clone();
        async move { router.redrive(&log, seq).await.map(|()| Done {}) }
    })
    .await?;
    let answering = router.clone();
    ctx.answer(LOOK, LOOKS, move |Look { user }| {
        let router = answering.clone();
        async move {
            router.look(&user).await.map_err(|error| {
                tracing::warn!(%user, error = format!("{error:#}"), "a look failed");
                Problem::new(503, "profile not reachable", "try again in a moment")
            })
        }
    })
    .await?;
    ctx.run_until_stopped().await;
    router.leave().await;
    Ok(())
}
