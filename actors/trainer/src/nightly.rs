//! Training by itself, once a day, each community from its own decisions: what comes of it is a candidate, and promoting
//! one is left to people.

use crate::archive;
use crate::training::{self, NoTraining};
use oo_runtime::{Context, Metric, Models};
use std::time::Duration;

/// Trains after each such while, until told to stop.
pub(crate) async fn run(ctx: Context, every: Duration) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = ctx.shutdown.cancelled() => return,
        }
        if let Err(error) = train(&ctx).await {
            tracing::warn!(error = format!("{error:#}"), "no model was trained");
            ctx.metrics.count(Metric::TrainerTrainings, "failed");
        }
    }
}

async fn train(ctx: &Context) -> anyhow::Result<()> {
    let models = Models::open(&ctx.bus).await?;
    for (tenant, found) in archive::gather_all(ctx).await? {
        let outcome = match training::register(ctx, &models, &tenant, found).await {
            Ok(trained) => {
                tracing::info!(tenant = tenant.as_str(), version = trained.model.version, "a model was trained");
                "trained"
            }
            Err(NoTraining::Other(error)) => {
                tracing::warn!(tenant = tenant.as_str(), error = format!("{error:#}"), "no model was trained");
                "failed"
            }
            Err(refused) => {
                tracing::info!(tenant = tenant.as_str(), %refused, "no model was trained");
                "refused"
            }
        };
        ctx.metrics.count(Metric::TrainerTrainings, outcome);
    }
    Ok(())
}
