//! The public API: what the page and the SDK speak, and every route there is.

use crate::bounded::bounded;
use crate::signal::{Answer, Fact};
use crate::tip::Card;
use crate::wire::{Account, Answered, EndedLink, Kept, Offer, PushState};
use crate::{SignalId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What went wrong, as RFC 9457 says it. The cause stays in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// `about:blank`, or a name of the kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    /// What to do about it.
    pub detail: String,
    /// Seconds after which trying again may help; over HTTP also the header `Retry-After`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
}

impl Problem {
    /// A problem with no type of its own.
    pub fn new(status: u16, title: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { kind: "about:blank".into(), title: title.into(), status, detail: detail.into(), retry_after: None }
    }

    /// The same, with the seconds after which trying again may help.
    #[must_use]
    pub fn retry_after(self, seconds: u32) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", self.status, self.title, self.detail)
    }
}

/// Everything that the page shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct State {
    /// Grows with each change; also the id of a live event.
    pub version: String,
    pub tip: Option<Card>,
    pub answered: Option<Answered>,
    pub looked_at: Option<Timestamp>,
    pub next_look: Option<Timestamp>,
    pub given_today: u8,
    pub budget: u8,
    /// The person wants no more tips until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet_until: Option<Timestamp>,
    pub zone: String,
    /// Ask for notifications only after this.
    pub had_tip: bool,
    pub accounts: Vec<Account>,
    pub providers: Vec<Offer>,
    /// See [`Links::ended`](crate::wire::Links::ended).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ended: Vec<EndedLink>,
    pub push: PushState,
    /// oO's own time: differs from the wall clock when it runs fast.
    pub now: Timestamp,
    /// Person seconds per second of the wall clock.
    pub speed: f64,
}

/// Signs in with the one-time link of this machine's owner.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct OwnerSignIn {
    pub token: String,
}

/// Facts that the person says of themselves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OwnSignals {
    /// At most [`MAX_BATCH`].
    #[serde(deserialize_with = "batch")]
    #[schemars(length(min = 1, max = 100))]
    pub signals: Vec<OwnSignal>,
}

/// Holds the limit that stands in the schema, which serde knows nothing of.
fn batch<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<OwnSignal>, D::Error> {
    let signals = Vec::deserialize(from)?;
    match signals.len() {
        1..=MAX_BATCH => Ok(signals),
        length => Err(serde::de::Error::custom(format!("signals wants 1 to {MAX_BATCH} of them, got {length}"))),
    }
}

/// The most signals in one batch.
pub const MAX_BATCH: usize = 100;

/// The largest request body, in bytes.
pub const MAX_BODY: u64 = 64 * 1024;

/// The largest webhook body, in bytes: Todoist's limit.
pub const MAX_HOOK_BODY: u64 = 1024 * 1024;

/// One fact; whose it is says the session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OwnSignal {
    pub id: SignalId,
    /// When it happened; now if left out.
    pub at: Option<Timestamp>,
    pub fact: Fact,
}

/// The log has them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SignalsKept {
    pub kept: Vec<Kept>,
}

/// The answer to the tip in the path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TipAnswer {
    /// The same id twice is one answer.
    pub id: SignalId,
    pub answer: Answer,
}

/// Where to go to link an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LinkTo {
    pub authorize: String,
}

/// A server of the person's own, to link an account there. Which of it is wanted says [`Wants`](crate::wire::Wants).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OwnServer {
    /// Where it is; `https://` may be left out.
    pub address: ServerAddress,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<ServerUser>,
    /// An app-specific password, never the account's main one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_password: Option<AppPassword>,
}

impl std::fmt::Debug for OwnServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OwnServer").finish_non_exhaustive()
    }
}

bounded!(
    /// The address of a server, as people write it.
    text ServerAddress(1..=512));
bounded!(
    /// What a server calls a person.
    text ServerUser(1..=256));
bounded!(
    /// A password made for one app alone.
    text AppPassword(1..=256));

/// How a route is entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Anybody.
    Open,
    /// A live session; for anything but GET also the page's own header (`x-oo: 1`) and origin.
    Session,
    /// Anybody, but only from our own page: the header and the origin.
    OwnPage,
    /// A provider: proves itself by its signature.
    Provider,
}

/// One route of the public API.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    pub method: &'static str,
    /// With `{name}` for a part that varies.
    pub path: &'static str,
    pub door: Door,
    /// Name of the type in the schema, of what is sent and of what is answered.
    pub request: Option<&'static str>,
    pub answer: Option<&'static str>,
    pub status: u16,
    pub says: &'static str,
}

impl Route {
    /// Whether the body may be left out: only what a link to a server of the person's own begins with.
    pub fn may_be_empty(&self) -> bool {
        self.request == Some("OwnServer")
    }
}

const fn route(
    method: &'static str,
    path: &'static str,
    door: Door,
    request: Option<&'static str>,
    answer: Option<&'static str>,
    status: u16,
    says: &'static str,
) -> Route {
    Route { method, path, door, request, answer, status, says }
}

/// Every route of the gateway's API. The page's files are apart.
#[rustfmt::skip]
pub const ROUTES: &[Route] = &[
    route("POST", "/api/v1/session/owner", Door::OwnPage, Some("OwnerSignIn"), None, 204, "Sign in with the owner's one-time link."),
    route("DELETE", "/api/v1/session", Door::Session, None, None, 204, "Sign out."),
    route("GET", "/api/v1/ways", Door::Open, None, Some("Ways"), 200, "How people may sign in here."),
    route("POST", "/api/v1/session/oidc/{issuer}", Door::OwnPage, None, Some("LinkTo"), 200, "Begin to sign in at an issuer; signed in already, to add it."),
    route("GET", "/auth/{issuer}/callback", Door::Open, None, None, 303, "Where an issuer sends the browser back."),
    route("POST", "/auth/{issuer}/callback", Door::Open, None, None, 303, "The same, by a form that the issuer lets the browser post."),
    route("POST", "/api/v1/session/passkey/start", Door::OwnPage, None, Some("PasskeyOptions"), 200, "Begin to sign in with a passkey."),
    route("POST", "/api/v1/session/passkey", Door::OwnPage, Some("PasskeyAnswer"), None, 204, "Sign in with a passkey."),
    route("GET", "/api/v1/doors", Door::Session, None, Some("Doors"), 200, "The person's passkeys and sessions."),
    route("POST", "/api/v1/passkeys/start", Door::Session, None, Some("PasskeyOptions"), 200, "Begin to make a passkey."),
    route("POST", "/api/v1/passkeys", Door::Session, Some("PasskeyAnswer"), None, 204, "Keep the passkey that the browser made."),
    route("DELETE", "/api/v1/passkeys/{id}", Door::Session, None, None, 204, "Remove a passkey."),
    route("DELETE", "/api/v1/sessions/{id}", Door::Session, None, None, 204, "End one session."),
    route("DELETE", "/api/v1/sessions", Door::Session, None, None, 204, "End all other sessions."),
    route("POST", "/api/v1/token", Door::Session, None, Some("AccessToken"), 200, "A short-lived access token for this session."),
    route("GET", "/.well-known/jwks.json", Door::Open, None, Some("Keys"), 200, "The keys that access tokens are signed with."),
    route("GET", "/api/v1/state", Door::Session, None, Some("State"), 200, "Everything that the page shows."),
    route("GET", "/api/v1/stream", Door::Session, None, None, 200, "The same, live: server-sent events `state`."),
    route("POST", "/api/v1/signals", Door::Session, Some("OwnSignals"), Some("SignalsKept"), 202, "Facts that the person says of themselves."),
    route("POST", "/api/v1/tips/{tip}/answer", Door::Session, Some("TipAnswer"), None, 204, "Answer a tip."),
    route("POST", "/api/v1/answers", Door::OwnPage, Some("AnswerByToken"), None, 204, "Answer a tip by a token of its notification, once."),
    route("POST", "/api/v1/links/{provider}", Door::Session, Some("OwnServer"), Some("LinkTo"), 200, "Begin to link an account."),
    route("DELETE", "/api/v1/accounts/{account}", Door::Session, None, None, 204, "End the link to an account."),
    route("PUT", "/api/v1/push/subscription", Door::Session, Some("Subscription"), None, 204, "Keep this browser's push subscription."),
    route("DELETE", "/api/v1/push/subscription/{device}", Door::Session, None, None, 204, "Forget a browser's push subscription."),
    route("POST", "/api/v1/push/subscription/{device}/test", Door::Session, None, None, 204, "Send a browser a message that says that it arrived."),
    route("PUT", "/api/v1/email", Door::Session, Some("EmailAsk"), None, 204, "Send a code to an address: letters go there once it comes back."),
    route("POST", "/api/v1/email/code", Door::Session, Some("EmailCode"), None, 204, "Bring the code back that came in the letter."),
    route("DELETE", "/api/v1/email", Door::Session, None, None, 204, "No more letters."),
    route("GET", "/api/v1/email/stop/{token}", Door::Open, None, None, 303, "To the page that asks whether to end the letters."),
    route("POST", "/api/v1/email/stop/{token}", Door::Open, None, None, 204, "No more letters, by a letter's token; one click in a mail program (RFC 8058)."),
    route("GET", "/api/v1/me", Door::Session, None, Some("Me"), 200, "What the person chose, allowed, defined and corrected."),
    route("GET", "/api/v1/me/export", Door::Session, None, Some("Export"), 200, "Everything that is held of the person."),
    route("POST", "/api/v1/me/erase/confirmation", Door::Session, None, Some("Confirmation"), 200, "A confirmation to erase everything with."),
    route("POST", "/api/v1/me/erase", Door::Session, Some("EraseEverything"), Some("Erased"), 200, "Erase everything that is held of the person."),
    route("GET", "/api/v1/erasures/{receipt}", Door::Open, None, Some("Erased"), 200, "How an erasure stands."),
    route("GET", "/integrations/{provider}/callback", Door::Session, None, None, 303, "Where a provider sends the browser back."),
    route("POST", "/webhooks/{provider}", Door::Provider, None, None, 200, "A provider says that something changed."),
];
