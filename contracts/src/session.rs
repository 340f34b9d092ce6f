//! Signing in and staying signed in: what the gateway and auth say to each other, and what the page is told.

use crate::bounded::bounded;
use crate::{Timestamp, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Somebody who vouches for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Issuer {
    Google,
    Apple,
    /// Any OpenID Connect issuer that the operator set up.
    Oidc,
}

impl Issuer {
    /// All of them, in the order that the page offers them.
    pub const ALL: [Self; 3] = [Self::Oidc, Self::Apple, Self::Google];

    /// As it stands in addresses.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Google => "google",
            Self::Apple => "apple",
            Self::Oidc => "oidc",
        }
    }
}

/// Asks how people may sign in here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WaysAsk {}

/// How people may sign in here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ways {
    pub issuers: Vec<IssuerOffer>,
    /// Whether passkeys work at this address: they need https, or localhost by name.
    pub passkeys: bool,
    /// Whether the browser sent a session, which may be over: a page that was never here need not ask for a state in vain.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub session: bool,
}

/// An issuer that is set up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IssuerOffer {
    pub issuer: Issuer,
    pub name: String,
}

/// Begins to sign in at an issuer; of somebody who is signed in, to add it as one more way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OidcStart {
    pub issuer: Issuer,
    pub user: Option<UserId>,
}

/// Where the browser goes, and the transaction that its cookie must bring back.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct OidcStarted {
    pub authorize: String,
    pub transaction: String,
    /// The answer comes as a POST from the issuer's page, so the cookie must be sent across sites.
    pub cross_site: bool,
}

/// The issuer sent the browser back.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct OidcCallback {
    pub issuer: Issuer,
    pub transaction: String,
    pub state: String,
    pub code: Option<String>,
    pub error: Option<String>,
    pub iss: Option<String>,
    pub device: DeviceName,
    /// What the browser says that the person is called: nobody vouches for it, and it identifies nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<PersonName>,
}

/// Begins to register a passkey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PasskeyStart {
    pub user: UserId,
}

/// Begins to sign in with a passkey.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PasskeySignInStart {}

/// What the browser is asked, and the transaction that its answer belongs to.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct PasskeyStarted {
    pub transaction: String,
    /// `CredentialCreationOptions` or `CredentialRequestOptions` (WebAuthn Level 3), as JSON text.
    pub options: String,
}

/// The browser made a passkey.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct PasskeyFinish {
    pub user: UserId,
    pub transaction: String,
    /// `PublicKeyCredential.toJSON()`, as JSON text.
    pub credential: String,
    pub device: DeviceName,
}

/// The browser signed with a passkey.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct PasskeySignInFinish {
    pub transaction: String,
    /// `PublicKeyCredential.toJSON()`, as JSON text.
    pub credential: String,
    pub device: DeviceName,
}

/// Asks for a person's keys and sessions.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct DoorsAsk {
    pub user: UserId,
    /// The session that asks.
    pub secret: String,
}

/// By what a person can come in, and where they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Doors {
    pub passkeys: Vec<PasskeyEntry>,
    pub sessions: Vec<SessionEntry>,
    pub issuers: Vec<Issuer>,
    /// What the person said at their first sign-in that they are called, for themselves to see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<PersonName>,
}

/// A passkey, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PasskeyEntry {
    pub id: DoorId,
    /// The device that it was made on.
    pub device: DeviceName,
    pub added: Timestamp,
    pub used: Option<Timestamp>,
}

/// A session, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionEntry {
    pub id: DoorId,
    pub device: DeviceName,
    pub began: Timestamp,
    pub used: Timestamp,
    /// The one that asks.
    pub current: bool,
}

/// Removes a passkey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PasskeyRemove {
    pub user: UserId,
    pub id: DoorId,
}

/// Ends one of a person's sessions, or all but the one that asks.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct SessionsEnd {
    pub user: UserId,
    /// `None` for all others.
    pub id: Option<DoorId>,
    /// The session that asks.
    pub secret: String,
}

/// Asks for an access token of a session.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct TokenAsk {
    pub secret: String,
}

/// A short-lived access token (RFC 9068), for `Authorization: Bearer`.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct AccessToken {
    pub access_token: String,
    /// Always `Bearer`.
    pub token_type: String,
    /// Seconds.
    pub expires_in: u64,
}

/// Asks whose access token this is.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct TokenCheck {
    pub access_token: String,
}

/// Asks for the keys that access tokens are signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeysAsk {}

/// The keys that access tokens are signed with (RFC 7517): the one in use first, and the one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Keys {
    pub keys: Vec<Key>,
}

/// An Ed25519 key (RFC 8037).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Key {
    pub kty: String,
    pub crv: String,
    pub alg: String,
    #[serde(rename = "use")]
    pub usage: String,
    pub kid: String,
    pub x: String,
}

/// The answer of a browser to what a passkey's start asked.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct PasskeyAnswer {
    /// `PublicKeyCredential.toJSON()`, as JSON text.
    pub credential: String,
}

/// What a browser is asked.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct PasskeyOptions {
    /// `CredentialCreationOptions` or `CredentialRequestOptions`, as JSON text.
    pub options: String,
}

bounded!(
    /// What a device is called, for its owner to tell it by: `Firefox on Linux`.
    text DeviceName(1..=60));
bounded!(
    /// What a person is called.
    text PersonName(1..=80));
bounded!(
    /// A passkey or a session, for its owner to name it by. Gives nobody access.
    token DoorId(8..=64));
