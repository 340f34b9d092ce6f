//! The sandbox, asked over HTTP as oO asks it.

// The peers of these tests are providers: they live by the wall clock and on this runtime.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)]

mod discovery;
mod faults;
mod google;
mod google_tasks;
mod microsoft;
mod oauth;
mod push;
mod todoist;
mod todoist_sdk;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use oo_sandbox::{Options, Sandbox};
use reqwest::{Client, Response};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::time::{Duration, Instant};
use url::Url;

pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const BACK: &str = "http://127.0.0.1:9/integrations/callback";
pub(crate) const CALENDAR_SCOPE: &str = "https://www.googleapis.com/auth/calendar.events.readonly";

/// A sandbox that says yes by itself, and a client that follows no redirect.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) http: Client,
}

pub(crate) async fn world() -> World {
    world_with(|_| ()).await
}

pub(crate) async fn world_with(change: impl FnOnce(&mut Options)) -> World {
    let mut options = Options { auto_consent: true, webhook_retry: Duration::from_millis(20), ..Options::default() };
    change(&mut options);
    let sandbox = oo_sandbox::start(options).await.unwrap();
    let http = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    World { sandbox, http }
}

impl World {
    pub(crate) fn at(&self, path: &str) -> Url {
        self.sandbox.url().join(path).unwrap()
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Response {
        self.http.get(self.at(path)).bearer_auth(token).send().await.unwrap()
    }

    pub(crate) async fn form(&self, path: &str, fields: &[(&str, &str)]) -> (u16, Value) {
        read(self.http.post(self.at(path)).form(fields).send().await.unwrap()).await
    }

    /// Asks for authorization; gives where the browser is sent.
    pub(crate) async fn authorize(&self, path: &str, changes: &[(&str, &str)]) -> Response {
        let challenge = challenge();
        let google = path.starts_with("google");
        let mut query: Vec<(&str, &str)> = vec![
            ("client_id", if google { "sandbox-google.apps.googleusercontent.com" } else { "sandbox-todoist" }),
            ("scope", if google { CALENDAR_SCOPE } else { "data:read_write,data:delete" }),
            ("state", "a-state-of-some-length"),
            ("redirect_uri", BACK),
            ("response_type", "code"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        if google {
            query.extend([("access_type", "offline"), ("prompt", "consent")]);
        }
        for (name, value) in changes {
            query.retain(|pair| pair.0 != *name);
            if !value.is_empty() {
                query.push((name, value));
            }
        }
        self.http.get(self.at(path)).query(&query).send().await.unwrap()
    }

    pub(crate) async fn todoist_code(&self) -> String {
        back(&self.authorize("todoist/oauth/authorize", &[]).await)["code"].clone()
    }

    pub(crate) async fn todoist_exchange(&self, code: &str) -> (u16, Value) {
        self.form("todoist/oauth/access_token", &todoist_exchange_fields(code)).await
    }

    pub(crate) async fn todoist_refresh(&self, refresh: &str) -> (u16, Value) {
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh),
            ("client_id", "sandbox-todoist"),
            ("client_secret", "sandbox-todoist-secret"),
        ];
        self.form("todoist/oauth/access_token", &fields).await
    }

    /// Links Todoist; gives the access token and the refresh token.
    pub(crate) async fn link_todoist(&self) -> (String, String) {
        let code = self.todoist_code().await;
        let (status, body) = self.todoist_exchange(&code).await;
        assert_eq!(status, 200, "{body}");
        (text(&body, "access_token"), text(&body, "refresh_token"))
    }

    pub(crate) async fn link_google(&self) -> (String, String) {
        let back = back(&self.authorize("google/o/oauth2/v2/auth", &[]).await);
        let (status, body) = self.form("google/token", &google_exchange_fields(&back["code"])).await;
        assert_eq!(status, 200, "{body}");
        (text(&body, "access_token"), text(&body, "refresh_token"))
    }
}

pub(crate) fn challenge() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER.as_bytes()))
}

pub(crate) fn todoist_exchange_fields(code: &str) -> [(&str, &str); 6] {
    [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
        ("client_id", "sandbox-todoist"),
        ("client_secret", "sandbox-todoist-secret"),
    ]
}

pub(crate) fn google_exchange_fields(code: &str) -> [(&str, &str); 6] {
    let mut fields = todoist_exchange_fields(code);
    fields[4].1 = "sandbox-google.apps.googleusercontent.com";
    fields[5].1 = "sandbox-google-secret";
    fields
}

/// The parameters that a redirect brings back.
pub(crate) fn back(answer: &Response) -> HashMap<String, String> {
    assert_eq!(answer.status(), 302);
    let to = answer.headers()["location"].to_str().unwrap();
    assert!(to.starts_with(BACK), "{to}");
    Url::parse(to).unwrap().query_pairs().into_owned().collect()
}

pub(crate) async fn read(answer: Response) -> (u16, Value) {
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or_else(|_| panic!("not JSON: {text}"));
    (status, body)
}

pub(crate) fn text(body: &Value, name: &str) -> String {
    body[name].as_str().unwrap_or_else(|| panic!("no {name} in {body}")).to_owned()
}

/// Looks again and again until it is so; the deadline is generous for a busy machine.
pub(crate) async fn eventually(what: &str, mut so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !so() {
        assert!(Instant::now() < deadline, "it never came to be that {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The headers and the body of a webhook.
pub(crate) type Arrived = (HashMap<String, String>, Vec<u8>);

/// A place where webhooks arrive: each request's headers and body; answers come from the list, then 200.
pub(crate) struct Hook {
    pub(crate) url: Url,
    got: std::sync::Arc<std::sync::Mutex<Vec<Arrived>>>,
}

pub(crate) async fn hook(answers: &[u16]) -> Hook {
    use warp::Filter as _;
    let got = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let (kept, answers) = (got.clone(), answers.to_vec());
    let route = warp::post().and(warp::header::headers_cloned()).and(warp::body::bytes()).map(
        move |headers: warp::http::HeaderMap, body: bytes::Bytes| {
            let headers =
                headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
            let mut kept: std::sync::MutexGuard<'_, Vec<_>> = kept.lock().unwrap();
            let status = answers.get(kept.len()).copied().unwrap_or(200);
            kept.push((headers, body.to_vec()));
            warp::reply::with_status("", warp::http::StatusCode::from_u16(status).unwrap())
        },
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/hook", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(warp::serve(route).incoming(listener).run());
    Hook { url, got }
}

impl Hook {
    pub(crate) fn all(&self) -> Vec<Arrived> {
        self.got.lock().unwrap().clone()
    }
}
