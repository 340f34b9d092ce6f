//! Calls to providers: one way out, every answer sorted into what a caller can do about it.

use crate::backoff;
use crate::pace::{Pace, Turn};
use crate::vault::Linked;
use oo_contracts::Timestamp;
use oo_runtime::outbound::Outbound;
use oo_runtime::{Clock, Metric, metrics::Metrics};
use oo_subjects::trace::{self, Cause, Kind};
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;
use tracing::Instrument as _;
use url::Url;

/// The largest answer that is read: a full sync of some ten thousand tasks.
const MAX_ANSWER: usize = 32 * 1024 * 1024;

/// Why a provider did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallError {
    /// 401: the token is dead; one refresh may help.
    #[error("the provider refuses the token")]
    Unauthorized,
    /// 403 for good: the granted scopes do not suffice.
    #[error("the provider does not permit it")]
    Forbidden,
    /// 404.
    #[error("the provider does not have it")]
    Missing,
    /// 410: gone; for a cursor, forgotten.
    #[error("the provider says it is gone")]
    Gone,
    /// 429, or Google's 403 for usage limits.
    #[error("the provider asks to slow down")]
    SlowDown { after: Option<Duration> },
    /// We ask it so often that we slow down by ourselves.
    #[error("the provider is asked often enough")]
    Paced { after: Duration },
    /// Any other 4xx: asking again would not help.
    #[error("the provider refuses it with status {0}")]
    Refused(u16),
    /// What came is not what the provider documents.
    #[error("the provider's answer cannot be read")]
    Garbled,
    /// No answer, a broken one, or 5xx.
    #[error("the provider is away: {cause}")]
    Away { cause: String, after: Option<Duration> },
    /// Our own guard will not let it out.
    #[error("{0}")]
    Forbade(String),
    /// It sends us to another origin, where the account's secret has no business.
    #[error("the server sends us elsewhere, to {0}")]
    Elsewhere(String),
    /// This provider has no such thing.
    #[error("{0}")]
    Unsupported(&'static str),
}

impl CallError {
    fn away(cause: impl Into<String>) -> Self {
        Self::Away { cause: cause.into(), after: None }
    }

    /// How long the provider said to wait.
    pub(crate) fn after(&self) -> Option<Duration> {
        match self {
            Self::SlowDown { after } | Self::Away { after, .. } => *after,
            Self::Paced { after } => Some(*after),
            _ => None,
        }
    }

    /// Its name, for metrics.
    fn label(&self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::Missing => "missing",
            Self::Gone => "gone",
            Self::SlowDown { .. } => "slow_down",
            Self::Paced { .. } => "paced",
            Self::Refused(_) => "refused",
            Self::Garbled => "garbled",
            Self::Away { .. } => "away",
            Self::Forbade(_) => "forbade",
            Self::Elsewhere(_) => "elsewhere",
            Self::Unsupported(_) => "unsupported",
        }
    }
}

/// The way out.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    outbound: Outbound,
    metrics: Metrics,
    clock: Clock,
    pace: Arc<Pace>,
    /// Whose turn is waited for; nobody's while an account is not linked yet.
    turn: Option<Turn>,
}

/// An answer, whatever its status.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Http {
    pub(crate) fn new(outbound: Outbound, metrics: Metrics, clock: Clock) -> Self {
        Self { outbound, metrics, clock, pace: Arc::default(), turn: None }
    }

    /// The same for one account: as often as its provider permits, and not while that is down.
    pub(crate) fn of(&self, linked: &Linked, own_server: bool) -> Self {
        let turn = self.pace.turn(linked.provider, &linked.id, own_server);
        Self { turn: Some(turn), ..self.clone() }
    }

    pub(crate) fn pace(&self) -> &Pace {
        &self.pace
    }

    /// Begins a request, if the address may be called.
    pub(crate) fn request(&self, method: Method, url: &Url) -> Result<RequestBuilder, CallError> {
        self.outbound.request(method, url).map_err(|forbidden| CallError::Forbade(forbidden.to_string()))
    }

    /// Begins a request with an account's token.
    pub(crate) fn with_token(
        &self,
        method: Method,
        url: &Url,
        token: &SecretString,
    ) -> Result<RequestBuilder, CallError> {
        Ok(self.request(method, url)?.bearer_auth(token.expose_secret()))
    }

    /// Sends, and reads JSON.
    pub(crate) async fn json<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, CallError> {
        let answer = self.done(request).await?;
        // Proxies and captive portals answer 200 with a page.
        let read = if is_json(&answer.headers) { serde_json::from_slice(&answer.body).ok() } else { None };
        read.ok_or_else(|| {
            self.metrics.count(Metric::IntegrationsRequests, CallError::Garbled.label());
            CallError::Garbled
        })
    }

    /// Sends, and asks for nothing but success.
    pub(crate) async fn done(&self, request: RequestBuilder) -> Result<Answer, CallError> {
        let answer = match self.send(request).await {
            Ok(answer) => self.sort(answer),
            Err(error) => Err(error),
        };
        self.counted(answer)
    }

    /// An answer that was sent for as it is: success, or why not.
    pub(crate) fn sorted(&self, answer: Answer) -> Result<Answer, CallError> {
        let answer = self.sort(answer);
        self.counted(answer)
    }

    /// The wall's time, for what a provider is told of when something was done.
    pub(crate) fn wall(&self) -> Timestamp {
        self.clock.wall()
    }

    fn counted(&self, answer: Result<Answer, CallError>) -> Result<Answer, CallError> {
        let label = answer.as_ref().err().map_or("ok", CallError::label);
        self.metrics.count(Metric::IntegrationsRequests, label);
        answer
    }

    /// Sends when it is its turn, and gives the answer as it is.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Answer, CallError> {
        let Some(turn) = &self.turn else { return self.send_now(request).await };
        turn.take().await?;
        let span = trace::span(Kind::Client, turn.provider().slug(), &Cause::current());
        let answer = self.send_now(request).instrument(span).await;
        let trouble = answer.as_ref().map_or_else(|error| Some(error.clone()), |answer| self.trouble(answer));
        turn.heard(trouble.as_ref());
        if trouble.is_some() {
            self.metrics.count(Metric::IntegrationsTroubles, turn.provider().slug());
        }
        answer
    }

    /// What an answer says about the provider itself, and not about what was asked.
    fn trouble(&self, answer: &Answer) -> Option<CallError> {
        match answer.status.as_u16() {
            403 if is_usage_limit(&answer.body) => Some(CallError::SlowDown { after: self.retry_after(answer) }),
            429 => Some(CallError::SlowDown { after: self.retry_after(answer) }),
            status @ (408 | 500..600) => {
                Some(CallError::Away { cause: format!("it answers {status}"), after: self.retry_after(answer) })
            }
            _ => None,
        }
    }

    async fn send_now(&self, request: RequestBuilder) -> Result<Answer, CallError> {
        // The address may hold a cursor or a page token; the error need not tell it.
        let lost = |error: reqwest::Error| {
            let cause = if error.is_timeout() { "it did not answer in time" } else { "the connection failed" };
            tracing::debug!(error = %error.without_url(), "call failed");
            CallError::away(cause)
        };
        let response = request.send().await.map_err(lost)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = read_capped(response, MAX_ANSWER).await.map_err(lost)?.ok_or(CallError::Garbled)?;
        Ok(Answer { status, headers, body })
    }

    fn sort(&self, answer: Answer) -> Result<Answer, CallError> {
        let status = answer.status.as_u16();
        if (200..300).contains(&status) {
            return Ok(answer);
        }
        Err(self.trouble(&answer).unwrap_or(match status {
            401 => CallError::Unauthorized,
            403 => CallError::Forbidden,
            404 => CallError::Missing,
            410 => CallError::Gone,
            // Redirects are not followed: the next hop would be unchecked, and would see the token.
            status => CallError::Refused(status),
        }))
    }

    /// How long to wait, from the header or from Todoist's body.
    pub(crate) fn retry_after(&self, answer: &Answer) -> Option<Duration> {
        #[derive(Deserialize)]
        struct Body {
            error_extra: Extra,
        }
        #[derive(Deserialize)]
        struct Extra {
            retry_after: Option<f64>,
        }
        let header = answer.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let said = header.and_then(|text| backoff::retry_after(text, self.clock.wall()));
        let seconds = || serde_json::from_slice::<Body>(&answer.body).ok()?.error_extra.retry_after;
        said.or_else(|| seconds().and_then(backoff::seconds))
    }
}

pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.to_ascii_lowercase().starts_with("application/json")
}

/// Google's 403 for "slower, please", which is no loss of permission.
fn is_usage_limit(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Body {
        error: Errors,
    }
    #[derive(Deserialize)]
    struct Errors {
        #[serde(default)]
        errors: Vec<One>,
    }
    #[derive(Deserialize)]
    struct One {
        #[serde(default)]
        domain: String,
        #[serde(default)]
        reason: String,
    }
    let Ok(body) = serde_json::from_slice::<Body>(body) else { return false };
    let limits = ["userRateLimitExceeded", "rateLimitExceeded", "quotaExceeded"];
    body.error.errors.iter().any(|one| one.domain == "usageLimits" || limits.contains(&one.reason.as_str()))
}

/// The body, or `None` where it is larger than `most`.
async fn read_capped(mut from: reqwest::Response, most: usize) -> reqwest::Result<Option<Vec<u8>>> {
    let mut body = Vec::new();
    while let Some(part) = from.chunk().await? {
        if body.len() + part.len() > most {
            return Ok(None);
        }
        body.extend_from_slice(&part);
    }
    Ok(Some(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn googles_usage_limit_is_no_loss_of_permission() {
        let limit = br#"{"error":{"errors":[{"domain":"usageLimits","reason":"userRateLimitExceeded"}],"code":403}}"#;
        let lost = br#"{"error":{"errors":[{"domain":"global","reason":"insufficientPermissions"}],"code":403}}"#;
        assert!(is_usage_limit(limit));
        assert!(!is_usage_limit(lost) && !is_usage_limit(b"<html>"));
    }
}
