//! What waits in the streams, measured: entries that no profile has settled yet, and dead letters.

use oo_runtime::{Context, Metric};
use oo_subjects::streams::{self, SetUpError};
use std::time::Duration;

/// As often as Prometheus asks.
const MEASURE_EVERY: Duration = Duration::from_secs(15);

/// Measures again and again. Every member of the service says the same.
pub(crate) async fn measure(ctx: &Context) {
    let mut again = tokio::time::interval(MEASURE_EVERY);
    loop {
        again.tick().await;
        if let Err(error) = measure_once(ctx).await {
            tracing::debug!(%error, "not measured");
        }
    }
}

async fn measure_once(ctx: &Context) -> Result<(), SetUpError> {
    let waiting = streams::waiting(ctx.bus.jetstream(), ctx.settings.log.shards).await?;
    // More than a level can hold is no number that anybody reads.
    let level = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    ctx.metrics.level(Metric::EventsWaiting, level(waiting.entries));
    ctx.metrics.level(Metric::EventsDead, level(waiting.dead));
    Ok(())
}
