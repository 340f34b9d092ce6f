//! What a browser does for the page, without one: for the demo and for tests.

use anyhow::ensure;
use reqwest::header::{COOKIE, ORIGIN, SET_COOKIE};
use reqwest::{Method, Response};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use url::Url;

/// A browser's part of HTTP: cookies, origin, the page's own header.
#[derive(Clone)]
pub struct Browser {
    pub client: reqwest::Client,
    pub page: Url,
    pub cookies: BTreeMap<String, String>,
}

impl Browser {
    /// A fresh one, for the page at this address.
    pub fn new(page: Url) -> anyhow::Result<Self> {
        Ok(Self { client: client()?, page, cookies: BTreeMap::new() })
    }

    /// Sends a request as the page would, and keeps the cookies of the answer.
    pub async fn request(&mut self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Response> {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let origin = self.page.origin().ascii_serialization();
        let mut request = self.client.request(method, self.page.join(path)?).header(ORIGIN, origin).header("x-oo", "1");
        if !cookies.is_empty() {
            request = request.header(COOKIE, cookies.join("; "));
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        for cookie in response.headers().get_all(SET_COOKIE) {
            let pair = cookie.to_str()?.split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Ok(response)
    }

    /// The same, and an answer that is no success is an error.
    pub async fn send(&mut self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Response> {
        let response = self.request(method, path, body).await?;
        let status = response.status();
        ensure!(status.is_success(), "/{path} answered {status}: {}", response.text().await.unwrap_or_default());
        Ok(response)
    }
}

/// Reads a JSON answer.
pub async fn read<T: DeserializeOwned>(response: Response) -> anyhow::Result<T> {
    Ok(response.json().await?)
}

/// A client that follows nothing by itself.
pub fn client() -> anyhow::Result<reqwest::Client> {
    oo_runtime::outbound::install_tls();
    Ok(reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build()?)
}
