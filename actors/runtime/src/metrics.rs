//! Every metric there is, in one closed enum: `oo_<service>_<noun>_<unit>`.

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use std::sync::Arc;

macro_rules! metrics {
    ($($(#[doc = $doc:literal])+ $variant:ident = $kind:ident $name:literal $([$label:literal])?,)*) => {
        /// A metric by name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Metric { $($(#[doc = $doc])+ $variant,)* }

        impl Metric {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The names under which Prometheus knows it.
            pub fn series(self) -> Vec<String> {
                let (kind, name, ..) = self.describe();
                match kind {
                    Kind::Count => vec![format!("{name}_total")],
                    Kind::Level => vec![name.to_owned()],
                    Kind::Time => ["bucket", "sum", "count"].map(|part| format!("{name}_{part}")).into(),
                }
            }

            /// The name of its label, if it has one.
            pub fn label(self) -> Option<&'static str> {
                self.describe().3
            }

            /// Kind, name, help, and the name of its label, if it has one.
            fn describe(self) -> (Kind, &'static str, &'static str, Option<&'static str>) {
                match self { $(Self::$variant => (Kind::$kind, $name, concat!($($doc,)+), metrics!(@label $($label)?)),)* }
            }
        }
    };
    (@label) => { None };
    (@label $label:literal) => { Some($label) };
}

metrics! {
    /// Signals appended to logs.
    EventsSignals = Count "oo_events_signals" ["outcome"],
    /// Entries that no profile has settled yet.
    EventsWaiting = Level "oo_events_waiting_entries",
    /// Dead letters that nobody has dealt with.
    EventsDead = Level "oo_events_dead_letters",
    /// Entries folded into profiles.
    ProfileEntries = Count "oo_profile_entries" ["kind"],
    /// Deliveries by their verdict.
    ProfileVerdicts = Count "oo_profile_verdicts" ["verdict"],
    /// Tips appended.
    ProfileTips = Count "oo_profile_tips",
    /// Silences by reason.
    ProfileSilences = Count "oo_profile_silences" ["reason"],
    /// Seconds from an entry's arrival in the log to the tip that it led to.
    ProfileReaction = Time "oo_profile_reaction_seconds",
    /// What people answered to tips.
    ProfileAnswers = Count "oo_profile_answers" ["answer"],
    /// Compare-and-sets that found something newer.
    ProfileConflicts = Count "oo_profile_conflicts",
    /// Shards that are this node's to pull.
    ProfileShards = Level "oo_profile_shards",
    /// People whose actor is resident.
    ProfileResident = Level "oo_profile_residents",
    /// Seconds to wake a person from snapshot and log.
    ProfileWake = Time "oo_profile_wake_seconds",
    /// Recommendations by policy.
    RecommenderAnswers = Count "oo_recommender_answers" ["policy"],
    /// Answers that another policy should have given, by what was wrong with it.
    RecommenderFallbacks = Count "oo_recommender_fallbacks" ["fault"],
    /// Asks refused because too many wait.
    RecommenderShed = Count "oo_recommender_shed",
    /// Asks that were taken and not answered yet.
    RecommenderWaiting = Level "oo_recommender_waiting_asks",
    /// Seconds to choose.
    RecommenderChoice = Time "oo_recommender_choice_seconds",
    /// Pushes by outcome.
    NotifierPushes = Count "oo_notifier_pushes" ["outcome"],
    /// Pushes that may or may not have been shown: claimed, and the outcome unknown.
    NotifierAmbiguous = Count "oo_notifier_ambiguous_pushes",
    /// Seconds from a tip's decision to the push service's answer.
    NotifierDelay = Time "oo_notifier_delay_seconds",
    /// Requests to providers by outcome.
    IntegrationsRequests = Count "oo_integrations_requests" ["outcome"],
    /// Answers and silences of providers that tell of their own trouble, or that we ask too often.
    IntegrationsTroubles = Count "oo_integrations_troubles" ["provider"],
    /// Webhooks by outcome.
    IntegrationsHooks = Count "oo_integrations_hooks" ["outcome"],
    /// Refreshes of tokens by outcome.
    IntegrationsRefreshes = Count "oo_integrations_refreshes" ["outcome"],
    /// Requests to the public door by status.
    GatewayRequests = Count "oo_gateway_requests" ["status"],
    /// Open live streams.
    GatewayStreams = Level "oo_gateway_streams",
    /// Sign-ins by outcome.
    AuthSignIns = Count "oo_auth_sign_ins" ["outcome"],
    /// Decisions read for training, by outcome.
    TrainerDecisions = Count "oo_trainer_decisions" ["outcome"],
    /// Trainings that were due, by outcome.
    TrainerTrainings = Count "oo_trainer_trainings" ["outcome"],
}

#[derive(Clone, Copy)]
enum Kind {
    Count,
    Level,
    Time,
}

type Labels = Vec<(&'static str, String)>;

enum Store {
    Count(Family<Labels, Counter>),
    Level(Gauge),
    Time(Histogram),
}

/// What one service has measured.
#[derive(Clone)]
pub struct Metrics(Arc<(Registry, Vec<Store>)>);

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

impl Metrics {
    /// The metrics of `service`: those named `oo_<service>_…`.
    pub fn new(service: &str) -> Self {
        let mut registry = Registry::default();
        let prefix = format!("oo_{service}_");
        let stores = Metric::ALL.iter().map(|metric| {
            let (kind, name, help, _) = metric.describe();
            let shown = name.starts_with(&prefix);
            match kind {
                Kind::Count => {
                    let family = Family::default();
                    if shown {
                        registry.register(name, help, family.clone());
                    }
                    Store::Count(family)
                }
                Kind::Level => {
                    let gauge = Gauge::default();
                    if shown {
                        registry.register(name, help, gauge.clone());
                    }
                    Store::Level(gauge)
                }
                Kind::Time => {
                    // 100 µs to 26 s.
                    let histogram = Histogram::new(exponential_buckets(1e-4, 2.0, 18));
                    if shown {
                        registry.register(name, help, histogram.clone());
                    }
                    Store::Time(histogram)
                }
            }
        });
        let stores = stores.collect();
        Self(Arc::new((registry, stores)))
    }

    /// Counts one, under the metric's label if it has one.
    pub fn count(&self, metric: Metric, label: &str) {
        if let Store::Count(family) = &self.0.1[metric as usize] {
            let labels = metric.describe().3.map(|name| (name, label.to_owned())).into_iter().collect();
            family.get_or_create(&labels).inc();
        }
    }

    /// What a counter has counted under a label.
    pub fn counted(&self, metric: Metric, label: &str) -> u64 {
        let Store::Count(family) = &self.0.1[metric as usize] else { return 0 };
        let labels = metric.describe().3.map(|name| (name, label.to_owned())).into_iter().collect();
        family.get_or_create(&labels).get()
    }

    /// Moves a level.
    pub fn shift(&self, metric: Metric, by: i64) {
        if let Store::Level(gauge) = &self.0.1[metric as usize] {
            gauge.inc_by(by);
        }
    }

    /// Says what a level is now.
    pub fn level(&self, metric: Metric, is: i64) {
        if let Store::Level(gauge) = &self.0.1[metric as usize] {
            gauge.set(is);
        }
    }

    /// What a level is.
    pub fn levelled(&self, metric: Metric) -> i64 {
        if let Store::Level(gauge) = &self.0.1[metric as usize] { gauge.get() } else { 0 }
    }

    /// Notes how long something took.
    pub fn took(&self, metric: Metric, seconds: f64) {
        if let Store::Time(histogram) = &self.0.1[metric as usize] {
            histogram.observe(seconds);
        }
    }

    /// As Prometheus reads it (OpenMetrics text).
    pub fn text(&self) -> String {
        let mut text = String::new();
        let _ = encode(&mut text, &self.0.0);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_shows_its_own_metrics_only() {
        let metrics = Metrics::new("profile");
        metrics.count(Metric::ProfileSilences, "busy");
        metrics.count(Metric::GatewayRequests, "200");
        let text = metrics.text();
        assert!(text.contains(r#"oo_profile_silences_total{reason="busy"} 1"#), "{text}");
        assert!(!text.contains("oo_gateway"), "{text}");
    }

    #[test]
    fn places_in_the_table_follow_the_enum() {
        for (at, metric) in Metric::ALL.iter().enumerate() {
            assert_eq!(*metric as usize, at);
        }
    }
}
