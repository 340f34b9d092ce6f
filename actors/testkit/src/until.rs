//! Waiting for something to become true, without sleeping blindly.

use std::time::Duration;
use tokio::time::Instant;

/// Generous: a loaded machine is slow, and a test that passes does not wait for it.
const AT_MOST: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Looks again and again until there is something, and gives it. Panics with `what` when it takes too long.
pub async fn eventually<T, F, Fut>(what: &str, look: F) -> T
where
    F: Fn() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let deadline = Instant::now() + AT_MOST;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {AT_MOST:?}: {what}");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}
