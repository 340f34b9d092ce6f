//! Web push: what a browser gives us to reach it, and what we send.

use crate::bounded::bounded;
use crate::session::DeviceName;
use crate::signal::Language;
use crate::{DeviceId, Timestamp, TipId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A browser's push subscription, as the page posts it. Holds secrets: it prints nothing of itself.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct Subscription {
    /// Stays the same for one browser, so that a new subscription replaces its old one.
    pub device: DeviceId,
    pub endpoint: Endpoint,
    pub keys: SubscriptionKeys,
    pub language: Language,
    /// What the device is called, such as "Firefox on Linux"; the server takes it from the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<DeviceName>,
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription").field("device", &self.device).finish_non_exhaustive()
    }
}

/// The browser's public key and shared secret, base64url.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionKeys {
    pub p256dh: KeyText,
    pub auth: KeyText,
}

/// A declarative web push message (WebKit, W3C Push API): Safari shows it by itself, our service worker reads the same object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Message {
    /// Always 8030: what marks the declarative shape.
    pub web_push: u16,
    pub notification: Notification,
    /// Fills the message to a fixed size, so that its length tells nothing.
    pub pad: String,
}

/// What the screen shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Notification {
    pub title: String,
    pub body: String,
    /// Where a tap leads: a path of ours.
    pub navigate: String,
    pub lang: Language,
    pub dir: String,
    /// The tip's id: a second one replaces the first.
    pub tag: String,
    /// `None` for a message that is no tip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<NotificationData>,
    pub actions: Vec<Action>,
}

/// What the service worker needs to answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NotificationData {
    pub tip: TipId,
    pub not_after: Timestamp,
    /// With what the buttons answer; no session is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<AnswerTokens>,
}

/// A token for each button. Each is good for one answer to one tip, from one device.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AnswerTokens {
    pub done: AnswerToken,
    pub later: AnswerToken,
}

impl std::fmt::Debug for AnswerTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AnswerTokens").finish_non_exhaustive()
    }
}

/// What a button of a notification says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenAnswer {
    Done,
    Later,
}

/// Answers by a token.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct AnswerByToken {
    pub token: AnswerToken,
}

/// A button of a notification.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Action {
    /// `done` or `later`.
    pub action: String,
    pub title: String,
}

/// Claims a push, or one try of a letter, before it is sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Claim {
    /// Who has it, by a random name: a letter is not sent twice. A push's claim names nobody, since it may be sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Claimant>,
}

bounded!(
    /// The random name of whoever claims.
    token Claimant(16..=64));
bounded!(
    /// A token of a notification's button. Whoever has it can give that one answer.
    text AnswerToken(16..=160));
bounded!(
    /// The address at the push service.
    text Endpoint(8..=2048));
bounded!(
    /// Base64url without padding.
    token KeyText(8..=128));
