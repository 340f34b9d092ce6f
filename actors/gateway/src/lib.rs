//! The only public door: the page, the API, the live stream, webhooks in.

mod api;
mod doors;
mod limits;
mod pages;
mod rights;
mod sign_in;
mod state;
mod stream;

use anyhow::Context as _;
use doors::Request;
use futures_util::{Stream, StreamExt as _};
use limits::Limits;
use oo_contracts::http::{MAX_HOOK_BODY, Problem};
use oo_runtime::web::{self, Answer};
use oo_runtime::{Context, Metric};
use serde::Deserialize;
use std::sync::Arc;
use url::Url;
use warp::Filter as _;
use warp::http::{HeaderMap, Method};
use warp::hyper::body::{Buf, Bytes};
use warp::path::FullPath;

/// `OO_GATEWAY__…`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where people reach the page. Never taken from a request.
    pub public_url: Url,
    /// Proxies of our own before this door: so many addresses at the end of `X-Forwarded-For` are to be believed.
    #[serde(default)]
    pub proxies: usize,
}

/// What every request is handled with.
#[derive(Clone)]
pub(crate) struct Gateway {
    pub(crate) ctx: Context,
    /// The page's own origin.
    pub(crate) origin: Arc<str>,
    pub(crate) https: bool,
    pub(crate) open: stream::Open,
    pub(crate) limits: Arc<Limits>,
}

/// Serves until told to stop.
pub async fn serve(ctx: Context) -> anyhow::Result<()> {
    let settings: Settings = ctx.section().context("OO_GATEWAY__PUBLIC_URL is where people reach the page")?;
    let gateway = Gateway {
        ctx: ctx.clone(),
        origin: settings.public_url.origin().ascii_serialization().into(),
        https: settings.public_url.scheme() == "https",
        open: stream::Open::default(),
        limits: Arc::default(),
    };
    let (limits, proxies) = (gateway.limits.clone(), settings.proxies);
    let stop = ctx.shutdown.clone();
    ctx.spawn("limits", async move { stop.run_until_cancelled(limits.forget_the_quiet()).await });
    let routes = warp::any()
        .and(warp::addr::remote())
        .and(warp::method())
        .and(warp::path::full())
        .and(warp::query::raw().or(warp::any().map(String::new)).unify())
        .and(warp::header::headers_cloned())
        .and(limited_body())
        .then(move |remote, method: Method, path: FullPath, query: String, headers: HeaderMap, body: Option<Bytes>| {
            let gateway = gateway.clone();
            async move {
                let from = limits::address(remote, &headers, proxies);
                let path = path.as_str().to_owned();
                let answer = match body {
                    Some(body) => handle(&gateway, Request { from, method, path, query, headers, body }).await,
                    None => web::problem(&Problem::new(413, "too large", "send less at once")),
                };
                gateway.ctx.metrics.count(Metric::GatewayRequests, answer.status().as_str());
                pages::guarded(answer, gateway.https)
            }
        });
    web::serve(&ctx, routes).await?;
    ctx.run_until_stopped().await;
    Ok(())
}

async fn handle(gateway: &Gateway, request: Request) -> Answer {
    if request.method == Method::GET
        && let Some(file) = pages::file(&request)
    {
        return file;
    }
    api::answer(gateway, request).await.unwrap_or_else(|problem| web::problem(&problem))
}

/// The body, up to the largest limit, whether its length was told or not; `None` for more.
fn limited_body() -> impl warp::Filter<Extract = (Option<Bytes>,), Error = warp::Rejection> + Clone {
    warp::body::stream().then(read_limited)
}

async fn read_limited(body: impl Stream<Item = Result<impl Buf, warp::Error>>) -> Option<Bytes> {
    let mut body = std::pin::pin!(body);
    let mut whole = Vec::new();
    while let Some(chunk) = body.next().await {
        let mut chunk = chunk.ok()?;
        if whole.len() + chunk.remaining() > MAX_HOOK_BODY as usize {
            return None;
        }
        while chunk.has_remaining() {
            let read = chunk.chunk().len();
            whole.extend_from_slice(chunk.chunk());
            chunk.advance(read);
        }
    }
    Some(Bytes::from(whole))
}
