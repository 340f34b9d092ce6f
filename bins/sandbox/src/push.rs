//! A push service with the checks of Mozilla's autopush, and browsers behind it that can read what arrives.

mod vapid;

use crate::faults::{Fault, LoggedRequest};
use crate::http::{self, Reply, Request};
use crate::shared::Shared;
use crate::store::random;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use vapid::BadVapid;
use warp::http::Method;

const ROOT: &str = "/push";
/// Thirty days; a longer TTL is cut to it.
const MAX_TTL_SECS: u64 = 2_592_000;
const MAX_TOPIC: usize = 32;
/// Autopush refuses above about this.
const MAX_MESSAGE: usize = 5_600;
/// Of one subscription.
const KEPT_MESSAGES: usize = 1_000;

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    browsers: BTreeMap<String, Browser>,
}

/// A browser's subscription, with the private half that only a browser has.
#[derive(Serialize, Deserialize)]
struct Browser {
    private_key: Vec<u8>,
    public_key: Vec<u8>,
    auth: Vec<u8>,
    /// The VAPID key that alone may send here: given at the start, or the first that sent.
    vapid: Option<String>,
    /// Ended by the person: answered with 410.
    gone: bool,
    #[serde(skip)]
    received: VecDeque<Received>,
    /// Messages that it could not decrypt and dropped, as a browser does.
    #[serde(skip)]
    undecryptable: usize,
}

/// What a page would hand to oO.
#[derive(Clone)]
pub struct SandboxSubscription {
    pub endpoint: String,
    /// Base64url without padding.
    pub p256dh: String,
    /// Base64url without padding.
    pub auth: String,
    /// The last part of the endpoint.
    pub token: String,
}

impl std::fmt::Debug for SandboxSubscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SandboxSubscription").finish_non_exhaustive()
    }
}

/// A message as the browser's service worker would get it.
#[derive(Clone)]
pub struct Received {
    /// When the push service took it, on the wall clock.
    pub at: Timestamp,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub plaintext: Vec<u8>,
    /// How long the encrypted body was.
    pub encrypted_length: usize,
}

impl std::fmt::Debug for Received {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Received").field("at", &self.at).finish_non_exhaustive()
    }
}

/// The stand-in for a browser's push service. A clone is the same one.
#[derive(Clone)]
pub struct Push {
    shared: Arc<Shared>,
}

impl Push {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// A new browser with a real key pair. The first VAPID key that sends to it is the only one that may.
    pub fn subscribe(&self) -> SandboxSubscription {
        subscribe(&self.shared, None)
    }

    /// A new browser that was given this `applicationServerKey` (base64url).
    pub fn subscribe_with(&self, vapid_key: &str) -> SandboxSubscription {
        subscribe(&self.shared, Some(vapid_key.trim_end_matches('=').to_owned()))
    }

    /// Ends a subscription as a person does in the browser: sending answers 410 from now on.
    pub fn unsubscribe(&self, subscription: &SandboxSubscription) {
        if let Some(browser) = self.shared.state().push.browsers.get_mut(&subscription.token) {
            browser.gone = true;
        }
    }

    /// Everything that arrived and could be decrypted, in order.
    pub fn received(&self, subscription: &SandboxSubscription) -> Vec<Received> {
        let state = self.shared.state();
        state
            .push
            .browsers
            .get(&subscription.token)
            .map(|browser| browser.received.iter().cloned().collect())
            .unwrap_or_default()
    }

    /// How many messages were taken and then dropped because they did not decrypt.
    pub fn undecryptable(&self, subscription: &SandboxSubscription) -> usize {
        self.shared.state().push.browsers.get(&subscription.token).map_or(0, |browser| browser.undecryptable)
    }

    /// Makes coming pushes fail; the path is empty for all, or a subscription's token.
    pub fn fault(&self, fault: Fault) {
        self.shared.faults.script(ROOT, fault);
    }

    /// Ends all scripted faults of the push service.
    pub fn clear_faults(&self) {
        self.shared.faults.clear(ROOT);
    }

    /// What was asked of the push service so far.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.shared.faults.requests(ROOT)
    }
}

fn subscribe(shared: &Shared, vapid: Option<String>) -> SandboxSubscription {
    // Only a system without random bytes or P-256 cannot do this.
    #[allow(clippy::expect_used)]
    let (keys, auth) = ece::generate_keypair_and_auth_secret()
        .and_then(|(pair, auth)| Ok((pair.raw_components()?, auth)))
        .expect("OpenSSL makes a P-256 key");
    let token = random(24);
    let subscription = SandboxSubscription {
        endpoint: shared.at(&format!("{ROOT}/{token}")),
        p256dh: BASE64_URL_SAFE_NO_PAD.encode(keys.public_key()),
        auth: BASE64_URL_SAFE_NO_PAD.encode(auth),
        token: token.clone(),
    };
    let browser = Browser {
        private_key: keys.private_key().to_vec(),
        public_key: keys.public_key().to_vec(),
        auth: auth.to_vec(),
        vapid,
        gone: false,
        received: VecDeque::new(),
        undecryptable: 0,
    };
    shared.state().push.browsers.insert(token, browser);
    shared.persist();
    subscription
}

pub(crate) fn route(shared: &Shared, request: &Request, token: &str) -> Reply {
    match take(shared, request, token) {
        Ok(reply) | Err(reply) => reply,
    }
}

/// RFC 8030, section 5; the order of the checks is autopush's.
fn take(shared: &Shared, request: &Request, token: &str) -> Result<Reply, Reply> {
    if request.method != Method::POST {
        return Err(http::empty(405));
    }
    let mut state = shared.state();
    let Some(browser) = state.push.browsers.get_mut(token) else {
        return Err(error(404, 102, "Not Found", "Request did not validate: invalid token"));
    };
    if browser.gone {
        return Err(error(410, 106, "Gone", "Request did not validate: no such subscription"));
    }
    let ttl = request
        .header("ttl")
        .ok_or_else(|| error(400, 111, "Bad Request", "Missing TTL Header"))?
        .trim()
        .parse::<u64>()
        .map_err(|_| error(400, 112, "Bad Request", "Invalid TTL header value"))?
        .min(MAX_TTL_SECS);
    if let Some(topic) = request.header("topic") {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if topic.is_empty() || topic.len() > MAX_TOPIC || !topic.bytes().all(allowed) {
            let text = "Topic must be at most 32 characters of the URL and filename safe base64 alphabet";
            return Err(error(400, 113, "Bad Request", text));
        }
    }
    let origin = shared.origin.origin().ascii_serialization();
    let key = vapid::check(request.header("authorization"), &origin, shared.clock.own()).map_err(|bad| match bad {
        BadVapid(text) => error(401, 109, "Unauthorized", text),
    })?;
    match &browser.vapid {
        Some(bound) if *bound != key => {
            return Err(error(401, 109, "Unauthorized", "VAPID public key mismatch"));
        }
        Some(_) => {}
        None => browser.vapid = Some(key),
    }
    if request.body.len() > MAX_MESSAGE {
        return Err(error(413, 104, "Payload Too Large", "Data payload must be smaller than 4096"));
    }
    if !request.body.is_empty() && request.header("content-encoding") != Some("aes128gcm") {
        return Err(error(400, 110, "Bad Request", "Content-Encoding must be aes128gcm"));
    }
    browser.receive(request);
    let id = random(18);
    let reply = http::put(http::empty(201), "location", &shared.at(&format!("{ROOT}/message/{id}")));
    Ok(http::put(reply, "ttl", &ttl.to_string()))
}

impl Browser {
    fn receive(&mut self, request: &Request) {
        let Some(plaintext) = self.decrypt(&request.body) else {
            self.undecryptable += 1;
            tracing::warn!("a push was taken, but the browser cannot decrypt it");
            return;
        };
        // The authorization carries a credential that nobody looks at again.
        let headers = request
            .headers
            .iter()
            .filter(|(name, _)| *name != "authorization")
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
            .collect();
        if self.received.len() == KEPT_MESSAGES {
            self.received.pop_front();
        }
        let encrypted_length = request.body.len();
        self.received.push_back(Received { at: crate::clock::wall(), headers, plaintext, encrypted_length });
    }

    /// RFC 8291. A message without a body is legal.
    fn decrypt(&self, body: &Bytes) -> Option<Vec<u8>> {
        if body.is_empty() {
            return Some(Vec::new());
        }
        let keys = ece::EcKeyComponents::new(self.private_key.clone(), self.public_key.clone());
        ece::decrypt(&keys, &self.auth, body).ok()
    }
}

/// The last messages to all browsers, for the page of the sandbox: when, and what.
pub(crate) fn overview(shared: &Shared) -> Vec<(Timestamp, String)> {
    let state = shared.state();
    let mut all: Vec<_> = state
        .push
        .browsers
        .values()
        .flat_map(|browser| &browser.received)
        .map(|message| (message.at, shown(&message.plaintext)))
        .collect();
    all.sort();
    all.reverse();
    all.truncate(20);
    all
}

/// Title and body of a declarative message; otherwise the start of the text.
fn shown(plaintext: &[u8]) -> String {
    let message: Option<serde_json::Value> = serde_json::from_slice(plaintext).ok();
    let part = |name: &str| {
        let notification = message.as_ref()?.get("notification")?;
        Some(notification.get(name)?.as_str()?.to_owned())
    };
    match (part("title"), part("body")) {
        (Some(title), Some(body)) => format!("{title} · {body}"),
        (Some(title), None) => title,
        _ => String::from_utf8_lossy(plaintext).chars().take(120).collect(),
    }
}

/// A failure in autopush's words.
pub(crate) fn failure(status: u16) -> Reply {
    match status {
        401 => error(401, 109, "Unauthorized", "Request did not validate Invalid Authorization Header"),
        403 => error(403, 109, "Forbidden", "Not allowed"),
        404 => error(404, 102, "Not Found", "Request did not validate: invalid token"),
        410 => error(410, 106, "Gone", "Request did not validate: no such subscription"),
        413 => error(413, 104, "Payload Too Large", "Data payload must be smaller than 4096"),
        429 => error(429, 201, "Too Many Requests", "Too many messages"),
        503 => error(503, 201, "Service Unavailable", "Use exponential back-off for retries"),
        _ => error(status, 999, "Internal Server Error", "An unknown error occurred"),
    }
}

fn error(status: u16, errno: u32, name: &str, message: &str) -> Reply {
    let more = "http://autopush.readthedocs.io/en/latest/http.html#error-codes";
    let body = json!({"code": status, "errno": errno, "error": name, "message": message, "more_info": more});
    http::json(status, &body)
}
