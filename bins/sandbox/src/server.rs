//! The server: takes a request in, lets the scripted faults have it, and passes it to its provider.

use crate::faults::FaultKind;
use crate::http::{self, Reply, Request};
use crate::settings::Options;
use crate::shared::Shared;
use crate::{google, microsoft, page, push, store, todoist};
use anyhow::Context as _;
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use url::Url;
use warp::Filter as _;
use warp::http::{HeaderMap, Method};

/// Todoist's limit, and more than anybody else's.
const MAX_BODY: usize = 1024 * 1024;

/// Binds, then serves on a runtime of its own.
pub(crate) async fn start(options: Options) -> anyhow::Result<(Arc<Shared>, Runtime)> {
    let state = match &options.state_file {
        Some(path) => store::read(path)?,
        None => store::State::default(),
    };
    // reqwest wants a provider of cryptography even where it only speaks plain HTTP;
    // an error means that there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let outbound = reqwest::Client::builder()
        .timeout(Duration::from_secs(15))
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .context("cannot make an HTTP client")?;

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("sandbox")
        .enable_all()
        .build()
        .context("cannot start the sandbox's threads")?;
    let served = serve(options, state, outbound, &runtime).await;
    match served {
        Ok(shared) => Ok((shared, runtime)),
        Err(error) => {
            // Dropping a runtime inside another one panics.
            runtime.shutdown_background();
            Err(error)
        }
    }
}

async fn serve(
    options: Options,
    state: store::State,
    outbound: reqwest::Client,
    runtime: &Runtime,
) -> anyhow::Result<Arc<Shared>> {
    let bind = options.bind;
    let listener = runtime
        .spawn(tokio::net::TcpListener::bind(bind))
        .await?
        .with_context(|| format!("cannot listen on {bind}; set OO_SANDBOX__BIND to a free address"))?;
    let address = listener.local_addr()?;
    let origin = match &options.public_url {
        Some(url) => url.clone(),
        None => origin_of(address)?,
    };
    let shared = Arc::new(Shared::new(options, address, origin, outbound, runtime.handle().clone(), state));
    runtime.spawn(warp::serve(routes(shared.clone())).incoming(listener).run());
    runtime.spawn(keep_living(shared.clone()));
    Ok(shared)
}

/// Where others on this machine find it: a server on all interfaces is reached through loopback.
fn origin_of(address: SocketAddr) -> anyhow::Result<Url> {
    let host = if address.ip().is_unspecified() { "127.0.0.1".to_owned() } else { address.ip().to_string() };
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    Ok(Url::parse(&format!("http://{host}:{}", address.port()))?)
}

/// Lets new things happen in the sample lives as the person's clock runs.
async fn keep_living(shared: Arc<Shared>) {
    // Often enough that a fast clock does not jump: a look for every ten minutes of the person's time, at least.
    let pause = Duration::from_secs_f64((600.0 / shared.options.speed.max(1.0)).clamp(0.5, 15.0));
    loop {
        tokio::time::sleep(pause).await;
        todoist::live(&shared);
        google::live(&shared);
        shared.persist();
    }
}

fn routes(
    shared: Arc<Shared>,
) -> impl warp::Filter<Extract = (warp::reply::Response,), Error = warp::Rejection> + Clone + Send + Sync + 'static {
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    warp::method()
        .and(warp::path::full())
        .and(query)
        .and(warp::header::headers_cloned())
        .and(warp::body::stream())
        .and_then(move |method, path: warp::path::FullPath, query: String, headers, body| {
            let shared = shared.clone();
            async move {
                let path = path.as_str().to_owned();
                let Some(body) = whole(body).await else {
                    return Ok::<_, warp::Rejection>(finish(http::with(413, "text/plain", "the body is too large")));
                };
                Ok(answer(&shared, method, path, &query, headers, body).await)
            }
        })
}

/// The body, or `None` where it is too large or breaks off.
async fn whole<S, B>(body: S) -> Option<Bytes>
where
    S: futures_util::Stream<Item = Result<B, warp::Error>>,
    B: bytes::Buf,
{
    let mut body = std::pin::pin!(body);
    let mut bytes = Vec::new();
    while let Some(mut part) = body.try_next().await.ok()? {
        if bytes.len() + part.remaining() > MAX_BODY {
            return None;
        }
        bytes.extend_from_slice(&part.copy_to_bytes(part.remaining()));
    }
    Some(bytes.into())
}

async fn answer(
    shared: &Arc<Shared>,
    method: Method,
    path: String,
    query: &str,
    headers: HeaderMap,
    body: Bytes,
) -> warp::reply::Response {
    let number = shared.faults.asked(method.as_str(), &path);
    let fault = shared.faults.take(&path);
    match &fault {
        Some(FaultKind::Hang) => std::future::pending().await,
        Some(FaultKind::CloseMidway) => return close_midway(),
        Some(FaultKind::Slow(pause)) => tokio::time::sleep(*pause).await,
        Some(FaultKind::LoseAnswer | FaultKind::SlowAnswer(_)) | None => {}
        Some(kind) => {
            let reply = failure(&path, kind);
            shared.faults.answered(number, reply.status().as_u16());
            return finish(reply);
        }
    }
    let query = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let request = Request { method, path, query, headers, body };
    let reply = if request.method == Method::POST && request.path == "/microsoft/v1.0/subscriptions" {
        // It calls others before it answers.
        microsoft::subscribe(shared, &request).await
    } else {
        route(shared, &request)
    };
    // What was promised is on disk before it is said.
    shared.persist();
    match fault {
        Some(FaultKind::LoseAnswer) => return close_midway(),
        Some(FaultKind::SlowAnswer(pause)) => tokio::time::sleep(pause).await,
        _ => {}
    }
    tracing::debug!(method = %request.method, path = loggable(&request.path), status = reply.status().as_u16(), "answered");
    shared.faults.answered(number, reply.status().as_u16());
    finish(reply)
}

fn route(shared: &Arc<Shared>, request: &Request) -> Reply {
    let path = request.path.as_str();
    if let Some(rest) = path.strip_prefix("/todoist/") {
        todoist::route(shared, request, rest)
    } else if let Some(rest) = path.strip_prefix("/google/") {
        google::route(shared, request, rest)
    } else if let Some(rest) = path.strip_prefix("/microsoft/") {
        microsoft::route(shared, request, rest)
    } else if let Some(rest) = path.strip_prefix("/push/") {
        push::route(shared, request, rest)
    } else {
        page::route(shared, request)
    }
}

/// The fault's answer, in the words of the provider that it pretends to be.
fn failure(path: &str, kind: &FaultKind) -> Reply {
    let (status, retry) = match kind {
        FaultKind::Html200 => {
            return http::with(
                200,
                "text/html; charset=utf-8",
                "<!doctype html><title>Welcome</title><p>Please sign in to this network.",
            );
        }
        FaultKind::Unauthorized401 => (401, None),
        FaultKind::TooMany429 { retry_after_secs } => (429, Some(*retry_after_secs)),
        FaultKind::UsageLimits403 => (403, None),
        FaultKind::Status { status, retry_after_secs } => (*status, *retry_after_secs),
        _ => (500, None),
    };
    let reply = if path.starts_with("/todoist") {
        todoist::failure(status, retry)
    } else if path.starts_with("/google") {
        google::failure(status)
    } else if path.starts_with("/microsoft") {
        microsoft::failure(status)
    } else {
        push::failure(status)
    };
    match retry {
        Some(seconds) => http::put(reply, "retry-after", &seconds.to_string()),
        None => reply,
    }
}

/// The start of an answer, and then a closed connection.
fn close_midway() -> warp::reply::Response {
    let parts = [
        Ok::<_, std::io::Error>(Bytes::from_static(b"{\"results\":[{\"id\":\"")),
        Err(std::io::Error::other("closed on purpose")),
    ];
    // The pause lets the first part leave before the end comes.
    let parts = futures_util::stream::iter(parts).enumerate().then(|(index, part)| async move {
        tokio::time::sleep(Duration::from_millis(20 * index as u64)).await;
        part
    });
    let reply = warp::reply::stream(parts);
    warp::Reply::into_response(warp::reply::with_header(reply, "content-type", "application/json"))
}

fn finish(reply: Reply) -> warp::reply::Response {
    let reply = http::put(reply, "x-content-type-options", "nosniff");
    // Everybody who looks at the answer can tell that it is not the real provider's.
    http::put(reply, "server", "oo-sandbox").map(Into::into)
}

/// A path without what would name a subscription.
fn loggable(path: &str) -> &str {
    if path.starts_with("/push/") { "/push/…" } else { path }
}
