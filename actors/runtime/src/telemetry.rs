//! Logs: fields, not prose; to standard error, as text or JSON.

use tracing_subscriber::EnvFilter;

/// What is told where nothing else is asked for. A connection that a browser or a stop has cut is no error of ours.
const USUAL: &str = "info,async_nats=warn,warp::server=off";

/// Starts logging. `OO_LOG` filters (`info`, `oo_profile=debug`), `OO_LOG_FORMAT=json` is for machines.
pub fn start(source: &crate::Source) {
    let filter = source.get("OO_LOG").unwrap_or(USUAL);
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = if source.get("OO_LOG_FORMAT") == Some("json") {
        builder.json().flatten_event(true).try_init()
    } else {
        builder.compact().try_init()
    };
    if started.is_err() {
        tracing::debug!("logging was started already");
    }
}
