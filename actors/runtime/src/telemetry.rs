//! Logs: fields, not prose; to standard error, as text or JSON. Traces: to an OpenTelemetry collector, where one is named.

use crate::outbound::{Outbound, Reach, check};
use anyhow::Context as _;
use bytes::Bytes;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use serde::Deserialize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};
use url::Url;

/// What is told where nothing else is asked for. A connection that a browser or a stop has cut is no error of ours.
const USUAL: &str = "info,async_nats=warn,warp::server=off";
/// How long a service that stops waits for its last spans to be taken.
const LAST_WITHIN: Duration = Duration::from_secs(3);

/// `OO_TRACES__…`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Where a collector takes OTLP over HTTP: `https://…/v1/traces`. Nothing is traced without it.
    #[serde(default)]
    url: Option<Url>,
    /// Which share of what begins here is traced, 0 to 1. What follows from something elsewhere is traced as that is.
    #[serde(default = "all")]
    share: f64,
}

fn all() -> f64 {
    1.0
}

/// The traces of a process: what is not sent yet is sent by [`Traces::end`].
#[must_use = "the last spans are lost where nobody ends it"]
#[derive(Debug)]
pub struct Traces(Option<SdkTracerProvider>);

impl Traces {
    /// Sends what is left, for a while.
    pub async fn end(self) {
        let Some(provider) = self.0 else { return };
        // It waits on its thread for a request that runs on ours.
        let ended = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(LAST_WITHIN)).await;
        if !matches!(ended, Ok(Ok(()))) {
            tracing::debug!("the last spans were not taken");
        }
    }
}

/// Starts logging, and tracing where it is asked for: once in a process, within its tokio runtime. `OO_LOG` filters (`info`,
/// `oo_profile=debug`), `OO_LOG_FORMAT=json` is for machines.
///
/// # Errors
/// Names the setting that is wrong; logging has started then all the same.
pub fn start(source: &crate::Source, service: &str) -> anyhow::Result<Traces> {
    let traces = source.section("TRACES").and_then(|settings| provider(&settings, service));
    let layer = traces.as_ref().ok().and_then(Option::as_ref).map(|provider| {
        tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("oo"))
            .with_location(false)
            .with_target(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(Targets::new().with_target(oo_subjects::trace::TARGET, Level::DEBUG))
    });
    let filter = source.get("OO_LOG").unwrap_or(USUAL);
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let told = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let told = match source.get("OO_LOG_FORMAT") {
        Some("json") => told.json().flatten_event(true).boxed(),
        _ => told.compact().boxed(),
    };
    if tracing_subscriber::registry().with(layer).with(told.with_filter(filter)).try_init().is_err() {
        tracing::debug!("logging was started already");
    }
    Ok(Traces(traces?))
}

/// What sends spans to the collector, if there is one.
fn provider(settings: &Settings, service: &str) -> anyhow::Result<Option<SdkTracerProvider>> {
    let Some(url) = &settings.url else { return Ok(None) };
    anyhow::ensure!((0.0..=1.0).contains(&settings.share), "OO_TRACES__SHARE wants 0 to 1, got {}", settings.share);
    check(url, Reach::Neighbour).context("OO_TRACES__URL wants http or https")?;
    let collector = Collector {
        out: Outbound::new(Reach::Neighbour)?,
        runtime: tokio::runtime::Handle::current(),
        is_away: AtomicBool::new(false),
    };
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(collector)
        .with_endpoint(url.as_str())
        .build()
        .context("OO_TRACES__URL cannot be sent to")?;
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(settings.share))))
        .with_resource(Resource::builder_empty().with_service_name(service.to_owned()).build())
        .build();
    Ok(Some(provider))
}

/// Sends for the exporter, whose own thread has no runtime.
#[derive(Debug)]
struct Collector {
    out: Outbound,
    runtime: tokio::runtime::Handle,
    /// Told once, and again when it comes back and goes.
    is_away: AtomicBool,
}

#[async_trait::async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let url = head.uri.to_string().parse()?;
        let request = self.out.request(head.method, &url)?.headers(head.headers).body(body);
        let sent = self.runtime.spawn(async move {
            let answer = request.send().await.map_err(reqwest::Error::without_url)?;
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = answer.status();
            // What a collector says beside its status is of no use here.
            Ok::<_, reqwest::Error>(response)
        });
        let sent = sent.await?;
        let is_away = !sent.as_ref().is_ok_and(|answer: &Response<Bytes>| answer.status().is_success());
        if is_away && !self.is_away.swap(is_away, Ordering::Relaxed) {
            tracing::warn!("the collector does not take traces: is it running, and OO_TRACES__URL right?");
        }
        self.is_away.store(is_away, Ordering::Relaxed);
        Ok(sent?)
    }
}
