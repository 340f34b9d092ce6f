//! Google Calendar, API v3: the events of the primary calendar in a window that is laid anew each day, sync tokens, channels.

mod facts;

use super::{
    Access, App, Batch, Channel, Connector, Heard, Hint, Keeps, Opening, Perhaps, Refused, Said, below, readable,
};
use crate::http::{CallError, Http};
use facts::Item;
use futures_util::future::{BoxFuture, FutureExt as _};
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use oo_contracts::id::ItemId;
use oo_contracts::{Provider, Timestamp};
use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

/// What lies further back says nothing about now.
const BACK: SignedDuration = SignedDuration::from_hours(24);
/// What lies further ahead will be in a later window.
const AHEAD: SignedDuration = SignedDuration::from_hours(14 * 24);
/// A sync token keeps the window it began with, so it is given up after a day for a new window.
const WINDOW_AGE: SignedDuration = SignedDuration::from_hours(24);
const PAGE: &str = "250";
/// Ten thousand events in two weeks; more is a calendar that no person has.
const MAX_PAGES: usize = 40;
/// The longest life that Google gives a channel.
const CHANNEL_SECONDS: &str = "604800";

pub(crate) struct GoogleCalendar {
    app: App,
    userinfo: Url,
}

/// Where the next sync goes on.
#[derive(Serialize, Deserialize)]
struct Cursor {
    token: String,
    /// The window that the token is frozen to.
    from: Timestamp,
    to: Timestamp,
    laid: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    #[serde(default)]
    items: Vec<Perhaps<Item>>,
    #[serde(default)]
    time_zone: Option<String>,
    #[serde(default)]
    next_page_token: Option<String>,
    #[serde(default)]
    next_sync_token: Option<String>,
}

/// An event as it is shown: the one place where its words are read.
#[derive(Deserialize)]
struct Shown {
    #[serde(default)]
    summary: String,
    #[serde(default)]
    status: String,
}

#[derive(Deserialize)]
struct UserInfo {
    sub: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Watched {
    id: String,
    resource_id: String,
    /// Milliseconds: a string in the schema, a number in the guides.
    expiration: Option<Value>,
}

impl GoogleCalendar {
    pub(crate) fn new(app: App, userinfo: Url) -> Self {
        Self { app, userinfo }
    }

    fn events(&self, more: &[&str]) -> Url {
        below(&self.app.api_url, &[&["calendars", "primary", "events"], more].concat())
    }

    /// All pages of a listing, from a sync token or of a window.
    async fn list(
        &self,
        http: &Http,
        access: &Access,
        token: Option<&str>,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Listed, CallError> {
        let mut listed = Listed { items: Vec::new(), zone: TimeZone::UTC, token: String::new() };
        let mut page_token: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let mut query = vec![("singleEvents", "true".to_owned()), ("maxResults", PAGE.to_owned())];
            match token {
                Some(token) => query.push(("syncToken", token.to_owned())),
                None => query.extend([("timeMin", from.to_string()), ("timeMax", to.to_string())]),
            }
            query.extend(page_token.take().map(|page| ("pageToken", page)));
            let request = http.with_token(Method::GET, &self.events(&[]), &access.token)?.query(&query);
            let page: Page = http.json(request).await?;
            listed.items.extend(readable(page.items));
            if let Some(zone) = page.time_zone.and_then(|name| TimeZone::get(&name).ok()) {
                listed.zone = zone;
            }
            match (page.next_page_token, page.next_sync_token) {
                (Some(next), _) => page_token = Some(next),
                (None, Some(token)) => {
                    listed.token = token;
                    return Ok(listed);
                }
                (None, None) => return Err(CallError::Garbled),
            }
        }
        Err(CallError::Garbled)
    }
}

struct Listed {
    items: Vec<Item>,
    /// The calendar's own: where its all-day events begin and end.
    zone: TimeZone,
    token: String,
}

impl Connector for GoogleCalendar {
    fn app(&self) -> &App {
        &self.app
    }

    fn keeps(&self) -> Keeps {
        Keeps::Events
    }

    fn shares_grant_with(&self) -> &'static [Provider] {
        &[Provider::GoogleTasks]
    }

    fn owner<'a>(&'a self, http: &'a Http, token: &'a SecretString) -> BoxFuture<'a, Result<String, CallError>> {
        subject(http, &self.userinfo, token).boxed()
    }

    fn sync<'a>(
        &'a self,
        http: &'a Http,
        access: &'a Access,
        cursor: Option<&'a str>,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Batch, CallError>> {
        async move {
            let known = cursor
                .and_then(|text| serde_json::from_str::<Cursor>(text).ok())
                .filter(|cursor| now.duration_since(cursor.laid) < WINDOW_AGE && now >= cursor.laid);
            let went_on = match &known {
                Some(cursor) => match self.list(http, access, Some(&cursor.token), cursor.from, cursor.to).await {
                    Ok(listed) => Some((listed, cursor.from, cursor.to, cursor.laid)),
                    // Forgotten, as happens: a new window, once.
                    Err(CallError::Gone | CallError::Refused(400)) => None,
                    Err(error) => return Err(error),
                },
                None => None,
            };
            let whole = went_on.is_none();
            let (listed, from, to, laid) = match went_on {
                Some(went_on) => went_on,
                None => {
                    let (from, to) = (shift(now, -BACK), shift(now, AHEAD));
                    (self.list(http, access, None, from, to).await?, from, to, now)
                }
            };
            let changes =
                listed.items.iter().filter_map(|item| item.change(access, &listed.zone, (from, to))).collect();
            let cursor = serde_json::to_string(&Cursor { token: listed.token, from, to, laid });
            Ok(Batch { changes, whole, cursor: cursor.map_err(|_| CallError::Garbled)? })
        }
        .boxed()
    }

    fn words<'a>(
        &'a self,
        http: &'a Http,
        access: &'a Access,
        item: &'a ItemId,
    ) -> BoxFuture<'a, Result<Option<Said>, CallError>> {
        async move {
            let url = self.events(&[item.as_str()]);
            match http.json::<Shown>(http.with_token(Method::GET, &url, &access.token)?).await {
                Ok(event) => Ok(Some(Said { title: event.summary, over: event.status == "cancelled" })),
                Err(CallError::Missing | CallError::Gone) => Ok(None),
                Err(error) => Err(error),
            }
        }
        .boxed()
    }

    fn revoke<'a>(
        &'a self,
        http: &'a Http,
        access: &'a SecretString,
        refresh: Option<&'a SecretString>,
    ) -> BoxFuture<'a, Result<(), CallError>> {
        revoke(http, &self.app, access, refresh).boxed()
    }

    fn hear(&self, heard: &Heard<'_>) -> Result<Hint, Refused> {
        let header = |name| heard.header(name).filter(|value| !value.is_empty()).map(str::to_owned);
        // The body is empty; the headers are all there is, and the token in them is the proof.
        let token = header("x-goog-channel-token").ok_or(Refused::Unsigned)?;
        Ok(Hint::Channel {
            id: header("x-goog-channel-id").ok_or(Refused::Malformed)?,
            token,
            resource: header("x-goog-resource-id").ok_or(Refused::Malformed)?,
            number: header("x-goog-message-number").and_then(|text| text.parse().ok()).ok_or(Refused::Malformed)?,
        })
    }

    fn watch<'a>(
        &'a self,
        http: &'a Http,
        access: &'a Access,
        opening: &'a Opening<'a>,
    ) -> Option<BoxFuture<'a, Result<Channel, CallError>>> {
        let address = self.app.webhook.as_ref()?;
        let body = json!({"id": opening.id, "type": "web_hook", "address": address,
            "token": opening.token.expose_secret(), "params": {"ttl": CHANNEL_SECONDS}});
        Some(
            async move {
                let request = http.with_token(Method::POST, &self.events(&["watch"]), &access.token)?.json(&body);
                let watched: Watched = http.json(request).await?;
                let millis = match watched.expiration {
                    Some(Value::String(text)) => text.parse().ok(),
                    Some(Value::Number(number)) => number.as_i64(),
                    _ => None,
                };
                let expires =
                    millis.and_then(|millis| Timestamp::from_millisecond(millis).ok()).ok_or(CallError::Garbled)?;
                Ok(Channel { id: watched.id, resource: watched.resource_id, expires })
            }
            .boxed(),
        )
    }

    fn stop_channel<'a>(
        &'a self,
        http: &'a Http,
        token: &'a SecretString,
        id: &'a str,
        resource: &'a str,
    ) -> BoxFuture<'a, Result<(), CallError>> {
        async move {
            let url = below(&self.app.api_url, &["channels", "stop"]);
            let body = json!({"id": id, "resourceId": resource});
            match http.done(http.with_token(Method::POST, &url, token)?.json(&body)).await {
                Ok(_) | Err(CallError::Missing | CallError::Gone) => Ok(()),
                Err(error) => Err(error),
            }
        }
        .boxed()
    }
}

/// Whose Google account it is, by OpenID's `sub`.
pub(super) async fn subject(http: &Http, userinfo: &Url, token: &SecretString) -> Result<String, CallError> {
    let user: UserInfo = http.json(http.with_token(Method::GET, userinfo, token)?).await?;
    if user.sub.is_empty() { Err(CallError::Garbled) } else { Ok(user.sub) }
}

/// Either token ends everything that the person allowed this client, at Google Calendar and at Google Tasks.
pub(super) async fn revoke(
    http: &Http,
    app: &App,
    access: &SecretString,
    refresh: Option<&SecretString>,
) -> Result<(), CallError> {
    let token = refresh.unwrap_or(access).expose_secret();
    let request = http.request(Method::POST, &app.revoke_url)?.form(&[("token", token)]);
    match http.done(request).await {
        // "Token expired or revoked": what we want.
        Ok(_) | Err(CallError::Refused(400)) => Ok(()),
        Err(error) => Err(error),
    }
}

fn shift(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(at)
}
