//! Google's push channels: an empty message whose headers say which calendar to look at.

use super::calendar::Calendar;
use super::{bad_parameter, calendar_of, error, not_found};
use crate::http::{self, Fields, Reply, Request};
use crate::shared::Shared;
use crate::store::{fingerprint, seal};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// A week: the default and the most.
const MAX_LIFE_SECS: i64 = 604_800;
const TRIES: u32 = 4;

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Channel {
    pub(super) id: String,
    resource_id: String,
    resource_uri: String,
    address: Url,
    token: Option<String>,
    pub(super) expires: Timestamp,
    /// Of the last message.
    number: u64,
}

/// `events.watch`.
pub(super) fn watch(shared: &Arc<Shared>, request: &Request, person: &str) -> Reply {
    let Some(fields) = request.fields() else { return error(400, "global", "parseError", "Parse Error") };
    let Some(id) = fields.text("id").filter(|id| id.len() <= 64) else {
        return bad_parameter("id", "Channel id must be 1 to 64 characters");
    };
    if !matches!(fields.text("type").as_deref(), Some("web_hook" | "webhook")) {
        return error(400, "global", "invalid", "Unknown channel type");
    }
    // The real one wants HTTPS and a proven domain; a stand-in on loopback has neither.
    let address = fields.text("address").and_then(|text| Url::parse(&text).ok());
    let Some(address) = address.filter(|url| matches!(url.scheme(), "http" | "https")) else {
        return error(400, "global", "push.webhookUrlNotHttps", "WebHook callback must be HTTPS");
    };
    let now = shared.clock.own();
    let mut state = shared.state();
    if state.google.calendars.values().flat_map(|calendar| &calendar.channels).any(|channel| channel.id == id) {
        return error(400, "global", "channelIdNotUnique", &format!("Channel id {id} not unique"));
    }
    let calendar = calendar_of(shared, &mut state.google, person);
    let channel = Channel {
        id,
        resource_id: resource_id(calendar),
        resource_uri: shared.at("/google/calendar/v3/calendars/primary/events?alt=json"),
        address,
        token: fields.text("token"),
        expires: now + SignedDuration::from_secs(life(&fields)),
        number: 1,
    };
    calendar.channels.retain(|channel| channel.expires > now);
    calendar.channels.push(channel.clone());
    drop(state);
    let mut body = json!({
        "kind": "api#channel",
        "id": channel.id,
        "resourceId": channel.resource_id,
        "resourceUri": channel.resource_uri,
        "expiration": channel.expires.as_millisecond().to_string(),
    });
    if let Some(token) = &channel.token {
        body["token"] = token.as_str().into();
    }
    send(shared, channel, "sync");
    http::json(200, &body)
}

/// `channels.stop`: needs the resource id as well.
pub(super) fn stop(shared: &Shared, request: &Request, person: &str) -> Reply {
    let Some(fields) = request.fields() else { return error(400, "global", "parseError", "Parse Error") };
    let (id, resource) = (fields.text("id"), fields.text("resourceId"));
    let mut state = shared.state();
    let calendar = calendar_of(shared, &mut state.google, person);
    let before = calendar.channels.len();
    calendar
        .channels
        .retain(|channel| Some(&channel.id) != id.as_ref() || Some(&channel.resource_id) != resource.as_ref());
    if calendar.channels.len() == before {
        return not_found();
    }
    http::empty(204)
}

/// Tells every live channel of a calendar that something changed.
pub(super) fn announce(shared: &Arc<Shared>, person: &str) {
    let now = shared.clock.own();
    let mut told = Vec::new();
    {
        let mut state = shared.state();
        // Nobody is told any more once the grant is gone.
        if !state.google.tokens.is_linked(person) {
            return;
        }
        let calendar = calendar_of(shared, &mut state.google, person);
        calendar.channels.retain(|channel| channel.expires > now);
        for channel in &mut calendar.channels {
            // Numbers grow, but not by one.
            channel.number += 1 + channel.number % 3;
            told.push(channel.clone());
        }
    }
    for channel in told {
        send(shared, channel, "exists");
    }
}

fn send(shared: &Arc<Shared>, channel: Channel, state: &'static str) {
    let shared = shared.clone();
    shared.handle.clone().spawn(async move {
        for attempt in 1..=TRIES {
            let mut request = shared
                .outbound
                .post(channel.address.clone())
                .header("content-length", "0")
                .header("user-agent", "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)")
                .header("x-goog-channel-id", &channel.id)
                .header("x-goog-channel-expiration", http_date(channel.expires))
                .header("x-goog-resource-id", &channel.resource_id)
                .header("x-goog-resource-uri", &channel.resource_uri)
                .header("x-goog-resource-state", state)
                .header("x-goog-message-number", channel.number.to_string());
            if let Some(token) = &channel.token {
                request = request.header("x-goog-channel-token", token);
            }
            let status = request.send().await.ok().map(|answer| answer.status().as_u16());
            tracing::debug!(channel = %channel.id, state, attempt, ?status, "channel message sent");
            match status {
                None | Some(500 | 502 | 503 | 504) => {}
                Some(_) => return,
            }
            tokio::time::sleep(Duration::from_millis(500) * 2_u32.pow(attempt)).await;
        }
    });
}

/// `ttl` is a string of seconds in `params`; an `expiration` may be given instead.
fn life(fields: &Fields) -> i64 {
    let ttl = fields.0.get("params").and_then(|params| params.get("ttl"));
    let seconds = match ttl {
        Some(Value::String(text)) => text.parse().ok(),
        Some(Value::Number(number)) => number.as_i64(),
        _ => None,
    };
    seconds.filter(|seconds| *seconds > 0).unwrap_or(MAX_LIFE_SECS).min(MAX_LIFE_SECS)
}

fn resource_id(calendar: &Calendar) -> String {
    seal(&fingerprint(&calendar.email)).trim_end_matches('=').to_owned()
}

fn http_date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
