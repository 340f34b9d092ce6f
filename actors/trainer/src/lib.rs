//! Learns what people have in common, from the decisions of those who allow it: gathers ([`archive`], [`examples`]), fits
//! ([`fit`]), judges ([`judgement`], [`evaluation`]), registers ([`training`], [`registry`]) and compares ([`comparison`]). Reads
//! every decision as it is made, and holds it against what that needs. Tries policies on simulated people ([`simulation`]).

pub mod archive;
pub mod bandit;
pub mod comparison;
pub mod evaluation;
pub mod examples;
pub mod fit;
pub mod judgement;
mod nightly;
pub mod registry;
pub mod simulation;
pub mod training;
pub mod worlds;

use anyhow::Context as _;
use futures_util::StreamExt as _;
use oo_contracts::decision::{Decision, Outcome};
use oo_domain::policy::{self, Replay};
use oo_runtime::logbook::open_decision;
use oo_runtime::{Context, Metric, People, web};
use oo_subjects::streams::{self, shared_consumer};
use serde::Deserialize;
use std::time::Duration;

/// Decisions read at once.
const AT_ONCE: i64 = 256;
const ACK_WAIT: Duration = Duration::from_secs(30);
/// Before a stream that cannot be pulled is tried again.
const PULL_AGAIN: Duration = Duration::from_secs(1);

/// `OO_TRAINER__…`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Hours between two trainings; 0 trains only when asked to.
    #[serde(default = "every_hours")]
    pub every_hours: u64,
}

fn every_hours() -> u64 {
    24
}

/// Reads until told to stop.
pub async fn serve(ctx: Context) -> anyhow::Result<()> {
    web::serve_health(&ctx).await?;
    let settings: Settings = ctx.section()?;
    if let Some(every) = settings.every_hours.checked_mul(3600).filter(|seconds| *seconds > 0) {
        ctx.spawn("nightly training", nightly::run(ctx.clone(), Duration::from_secs(every)));
    }
    let people = ctx.people().await?;
    ctx.health.start();
    while !ctx.shutdown.is_cancelled() {
        if let Err(error) = read(&ctx, &people).await {
            tracing::debug!(error = format!("{error:#}"), "reading decisions again");
        }
        tokio::select! {
            () = tokio::time::sleep(PULL_AGAIN) => {}
            () = ctx.shutdown.cancelled() => {}
        }
    }
    Ok(())
}

async fn read(ctx: &Context, people: &People) -> anyhow::Result<()> {
    let stream = ctx.bus.jetstream().get_stream(streams::DECISIONS).await?;
    let consumer = stream.get_or_create_consumer("trainer", shared_consumer("trainer", AT_ONCE, ACK_WAIT)).await?;
    let mut decisions = consumer.messages().await?;
    loop {
        let message = tokio::select! {
            message = decisions.next() => message.context("the pull ended")??,
            () = ctx.shutdown.cancelled() => return Ok(()),
        };
        let log =
            message.subject.rsplit('.').next().and_then(|log| log.parse().ok()).context("a decision without a log")?;
        let outcome = match people.of_log(&log).await? {
            None => "erased",
            Some(person) => open_decision(&person, &message.payload).map_or("unreadable", |decision| judge(&decision)),
        };
        ctx.metrics.count(Metric::TrainerDecisions, outcome);
        message.ack().await.map_err(|error| anyhow::anyhow!("not settled: {error}"))?;
    }
}

/// Whether a decision can be learnt from: its propensity is one, and the same ask gives the same answer again.
fn judge(decision: &Decision) -> &'static str {
    let Outcome::Asked { ask, recommendation } = &decision.outcome else { return "silence" };
    // The person did not allow it: nothing of them is learnt, nor even looked at.
    if !decision.training {
        return "left_out";
    }
    if !examples::has_propensity(recommendation) {
        return "without_propensity";
    }
    match policy::replay(ask, recommendation) {
        Replay::Same => "replayed",
        Replay::Differs => "diverged",
        Replay::Foreign => "foreign",
    }
}
