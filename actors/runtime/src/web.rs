//! The HTTP server of every service: `/health`, `/metrics`, and the service's own routes.

use crate::Context;
use anyhow::Context as _;
use oo_contracts::http::Problem;
use serde::Serialize;
use std::net::SocketAddr;
use warp::http::{Response, StatusCode, header};
use warp::hyper::body::Bytes;
use warp::{Filter, Rejection, Reply};

/// A reply of any kind.
pub type Answer = warp::reply::Response;

/// Serves `routes` beside `/health` and `/metrics` until the service stops. Returns the address once it listens.
pub async fn serve<F, R>(ctx: &Context, routes: F) -> anyhow::Result<SocketAddr>
where
    F: Filter<Extract = (R,), Error = Rejection> + Clone + Send + Sync + 'static,
    R: Reply + 'static,
{
    let bind = ctx.settings.http.bind;
    let listener = tokio::net::TcpListener::bind(bind)
        .await
        .with_context(|| format!("cannot listen on {bind}: set OO_HTTP__BIND to a free address"))?;
    let address = listener.local_addr()?;
    let all = own(ctx).or(routes.map(Reply::into_response)).unify().recover(refused).unify();
    let stop = ctx.shutdown.clone();
    let server = warp::serve(all).incoming(listener).graceful(async move { stop.cancelled().await });
    ctx.spawn("http", server.run());
    tracing::info!(service = ctx.name, %address, "listening");
    Ok(address)
}

/// For services with no routes of their own.
pub async fn serve_health(ctx: &Context) -> anyhow::Result<SocketAddr> {
    let none = warp::any().and_then(|| async { Err::<Answer, _>(warp::reject::not_found()) });
    serve(ctx, none).await
}

/// A problem as RFC 9457 says it.
pub fn problem(problem: &Problem) -> Answer {
    let mut response = json(problem.status, problem);
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/problem+json"));
    if let Some(seconds) = problem.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// A JSON answer, never cached.
pub fn json(status: u16, value: &impl Serialize) -> Answer {
    let body = serde_json::to_vec(value).unwrap_or_default();
    respond(status, "application/json", body)
}

/// Any body with its type, never cached.
pub fn respond(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response =
        warp::reply::with_header(body.into().to_vec(), header::CONTENT_TYPE, content_type).into_response();
    *response.status_mut() = status;
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response
}

/// Nothing but a status.
pub fn empty(status: u16) -> Answer {
    let mut response = Response::new(Default::default());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

fn own(ctx: &Context) -> impl Filter<Extract = (Answer,), Error = Rejection> + Clone + Send + Sync + use<> {
    let health = ctx.health.clone();
    let metrics = ctx.metrics.clone();
    let health = warp::path!("health").and(warp::get()).then(move || {
        let health = health.clone();
        async move {
            let report = health.report().await;
            json(if report.ready { 200 } else { 503 }, &report)
        }
    });
    let metrics = warp::path!("metrics")
        .and(warp::get())
        .map(move || respond(200, "application/openmetrics-text; version=1.0.0; charset=utf-8", metrics.text()));
    health.or(metrics).unify()
}

/// Turns what no route took into a problem.
async fn refused(rejection: Rejection) -> Result<Answer, std::convert::Infallible> {
    let (status, title, detail) = if rejection.is_not_found() {
        (404, "not found", "there is nothing at this address")
    } else if rejection.find::<warp::reject::PayloadTooLarge>().is_some() {
        (413, "too large", "send less at once")
    } else if rejection.find::<warp::reject::MethodNotAllowed>().is_some() {
        (405, "method not allowed", "this address takes another method")
    } else if rejection.find::<warp::reject::LengthRequired>().is_some() {
        (411, "length required", "send a Content-Length")
    } else {
        (400, "bad request", "the request cannot be read")
    };
    Ok(problem(&Problem::new(status, title, detail)))
}
