//! Background work by name: a panic in it is told, not lost.

use futures_util::FutureExt as _;
use std::panic::AssertUnwindSafe;
use tokio::task::JoinHandle;

/// Runs `work` in the background.
#[allow(clippy::disallowed_methods, reason = "the one place that spawns")]
pub fn spawn<F>(name: &'static str, work: F) -> JoinHandle<Option<F::Output>>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    tokio::spawn(async move {
        let ended = AssertUnwindSafe(work).catch_unwind().await;
        if ended.is_err() {
            tracing::error!(task = name, "a background task panicked");
        }
        ended.ok()
    })
}
