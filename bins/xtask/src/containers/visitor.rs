//! Somebody at the page: what a browser says to the gateway, without one.

use anyhow::{Context, ensure};
use oo_contracts::http::State;
use reqwest::header::{COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{Method, Response, StatusCode, redirect};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Where compose.yaml opens the gateway.
pub(super) const PAGE: &str = "http://localhost:8088";

/// Linking leads to a tip within a minute, and a service that starts again is back sooner.
const COMES_WITHIN: Duration = Duration::from_secs(90);
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// A browser's part of HTTP: cookies, origin, the page's own header.
pub(super) struct Visitor {
    client: reqwest::Client,
    cookies: BTreeMap<String, String>,
}

impl Visitor {
    pub(super) fn new() -> anyhow::Result<Self> {
        oo_runtime::outbound::install_tls();
        let client = reqwest::Client::builder().redirect(redirect::Policy::none()).timeout(ANSWERS_WITHIN).no_proxy();
        Ok(Self { client: client.build()?, cookies: BTreeMap::new() })
    }

    /// Asks for a path of the page, and keeps the answer's cookies.
    pub(super) async fn ask(&mut self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Response> {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = self.client.request(method, format!("{PAGE}{path}")).header(ORIGIN, PAGE).header("x-oo", "1");
        if !cookies.is_empty() {
            request = request.header(COOKIE, cookies.join("; "));
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.with_context(|| format!("{path} does not answer"))?;
        for cookie in response.headers().get_all(SET_COOKIE) {
            if let Some((name, value)) = cookie.to_str()?.split(';').next().and_then(|pair| pair.split_once('=')) {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Ok(response)
    }

    /// The same; another answer than this status is an error.
    pub(super) async fn wants(
        &mut self,
        status: StatusCode,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Response> {
        let response = self.ask(method, path, body).await?;
        let got = response.status();
        ensure!(got == status, "{path} answered {got}: {}", response.text().await.unwrap_or_default());
        Ok(response)
    }

    /// Says yes at a provider that asks nobody, and comes back.
    pub(super) async fn consent(&mut self, authorize: &str) -> anyhow::Result<()> {
        let consent = self.client.get(authorize).send().await.context("the sandbox does not answer")?;
        let back = consent.headers().get(LOCATION).context("the sandbox sends nobody back")?.to_str()?;
        let path = back.strip_prefix(PAGE).context("the sandbox sends the browser elsewhere")?;
        self.wants(StatusCode::SEE_OTHER, Method::GET, path, None).await?;
        Ok(())
    }

    /// Everything that the page shows.
    pub(super) async fn state(&mut self) -> anyhow::Result<State> {
        Ok(self.wants(StatusCode::OK, Method::GET, "/api/v1/state", None).await?.json().await?)
    }

    /// Waits until the page shows it. A service may be away for a while; what was said last is told in the end.
    pub(super) async fn sees<T>(&mut self, what: &str, look: impl Fn(&State) -> Option<T>) -> anyhow::Result<T> {
        let began = Instant::now();
        loop {
            let seen = self.state().await;
            if let Some(found) = seen.as_ref().ok().and_then(&look) {
                return Ok(found);
            }
            ensure!(began.elapsed() < COMES_WITHIN, "no {what} within {COMES_WITHIN:?}, the page has {seen:?}");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}
