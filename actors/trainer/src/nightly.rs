//! Training by itself, once a day: what comes of it is a candidate, and promoting one is left to people.

use crate::archive::Wanted;
use crate::training::{self, NoTraining};
use jiff::Timestamp;
use oo_contracts::model::Tenant;
use oo_runtime::{Context, Metric, Models};
use std::time::Duration;

/// Trains after each such while, until told to stop. For the usual tenant; others are trained when somebody asks.
pub(crate) async fn run(ctx: Context, every: Duration) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = ctx.shutdown.cancelled() => return,
        }
        let outcome = match train(&ctx).await {
            Ok(version) => {
                tracing::info!(version, "a model was trained");
                "trained"
            }
            Err(NoTraining::Other(error)) => {
                tracing::warn!(error = format!("{error:#}"), "no model was trained");
                "failed"
            }
            Err(refused) => {
                tracing::info!(%refused, "no model was trained");
                "refused"
            }
        };
        ctx.metrics.count(Metric::TrainerTrainings, outcome);
    }
}

async fn train(ctx: &Context) -> Result<u32, NoTraining> {
    let models = Models::open(&ctx.bus).await.map_err(anyhow::Error::from)?;
    let wanted = Wanted { tenant: Tenant::default(), within: Timestamp::MIN..Timestamp::MAX };
    Ok(training::train(ctx, &models, &wanted, |_, _| {}).await?.model.version)
}
