//! `/health`: alive, and ready with each thing the service depends on.

use futures_util::future::{BoxFuture, FutureExt as _, join_all};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A dependency that does not answer a check within this is down.
const CHECK_WITHIN: Duration = Duration::from_secs(2);

type Check = Arc<dyn Fn() -> BoxFuture<'static, bool> + Send + Sync>;

/// Whether a service has started, and what it depends on.
#[derive(Clone, Default)]
pub struct Health {
    started: Arc<AtomicBool>,
    checks: Arc<Mutex<Vec<(&'static str, Check)>>>,
}

impl std::fmt::Debug for Health {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Health")
    }
}

/// What `/health` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    pub alive: bool,
    /// It answers its wires. Before that it is not ready, whatever it depends on.
    pub started: bool,
    pub ready: bool,
    pub dependencies: BTreeMap<&'static str, &'static str>,
}

impl Health {
    /// Says that the service answers its wires from now on.
    pub fn start(&self) {
        self.started.store(true, Ordering::Relaxed);
    }

    /// Adds a dependency by name, and how to ask whether it is there.
    pub fn depends_on<F, Fut>(&self, name: &'static str, check: F)
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = bool> + Send + 'static,
    {
        let check: Check = Arc::new(move || check().boxed());
        self.checks.lock().unwrap_or_else(PoisonError::into_inner).push((name, check));
    }

    /// Asks all dependencies now.
    pub async fn report(&self) -> Report {
        let checks = self.checks.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let asked = checks.into_iter().map(|(name, check)| async move {
            let up = tokio::time::timeout(CHECK_WITHIN, check()).await.unwrap_or(false);
            (name, if up { "up" } else { "down" })
        });
        let dependencies: BTreeMap<_, _> = join_all(asked).await.into_iter().collect();
        let started = self.started.load(Ordering::Relaxed);
        let ready = started && dependencies.values().all(|&state| state == "up");
        Report { alive: true, started, ready, dependencies }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_dependency_down_is_not_ready_but_alive() {
        let health = Health::default();
        health.start();
        health.depends_on("nats", || async { true });
        health.depends_on("redis", || async { false });
        let report = health.report().await;
        assert!(report.alive && !report.ready);
        assert_eq!(report.dependencies["redis"], "down");
    }

    #[tokio::test]
    async fn nothing_is_ready_before_it_has_started() {
        let health = Health::default();
        assert!(!health.report().await.ready);
        health.start();
        assert!(health.report().await.ready);
    }
}
