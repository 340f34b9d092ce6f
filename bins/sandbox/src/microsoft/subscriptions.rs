//! Graph's subscriptions: an address that proves itself first, batches of messages with a secret in each, and what is said
//! about a subscription itself.

use super::api::{caller, may};
use super::mailbox::Change;
use super::{bad, error, forbidden, mailbox_of, not_found, unauthorized};
use crate::http::{self, Fields, Reply, Request};
use crate::oauth::Grant;
use crate::shared::Shared;
use crate::store::{random, random_hex};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use url::Url;
use warp::http::Method;

/// For events and tasks; a moment more, for clocks that differ.
const MAX_LIFE: SignedDuration = SignedDuration::from_mins(4231);
const MAX_STATE: usize = 128;
const TRIES: u32 = 4;

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Subscription {
    pub(super) id: String,
    pub(super) resource: String,
    address: Url,
    lifecycle_address: Option<Url>,
    client_state: Option<String>,
    pub(super) expires: Timestamp,
}

/// A notification as it went out.
#[derive(Debug, Clone)]
pub struct Notice {
    pub to: Url,
    pub body: String,
    /// Of the last try; `None` while there is no answer.
    pub status: Option<u16>,
    id: String,
}

/// `POST /subscriptions`: calls the addresses before it answers, and answers with an error unless they echo.
pub(crate) async fn subscribe(shared: &Arc<Shared>, request: &Request) -> Reply {
    let Some(grant) = caller(shared, request) else { return unauthorized() };
    let Some(fields) = request.fields() else { return bad("Unable to read JSON request payload.") };
    let made = match checked(shared, &grant, &fields) {
        Ok(made) => made,
        Err(reply) => return reply,
    };
    for address in [Some(&made.address), made.lifecycle_address.as_ref()].into_iter().flatten() {
        if !proves_itself(shared, address).await {
            return error(
                400,
                "ValidationError",
                "Subscription validation request failed. Response must exactly match.",
            );
        }
    }
    let now = shared.clock.own();
    let body = made.json(shared);
    let mut state = shared.state();
    let mailbox = mailbox_of(shared, &mut state.microsoft, &grant.person);
    mailbox.subscriptions.retain(|one| one.expires > now);
    mailbox.subscriptions.push(made);
    http::json(201, &body)
}

fn checked(shared: &Shared, grant: &Grant, fields: &Fields) -> Result<Subscription, Reply> {
    // The real one wants HTTPS; a stand-in on loopback has none.
    let address = |name: &str| {
        let url = fields.text(name).and_then(|text| Url::parse(&text).ok());
        url.filter(|url| matches!(url.scheme(), "http" | "https"))
    };
    let kinds = fields.text("changeType").unwrap_or_default();
    if kinds.is_empty() || !kinds.split(',').all(|kind| ["created", "updated", "deleted"].contains(&kind)) {
        return Err(bad("Subscription change type is invalid."));
    }
    let client_state = fields.text("clientState");
    if client_state.as_ref().is_some_and(|state| state.len() > MAX_STATE) {
        return Err(bad("clientState is too long."));
    }
    let resource = fields.text("resource").unwrap_or_default();
    let list =
        resource.trim_start_matches('/').strip_prefix("me/todo/lists/").and_then(|rest| rest.strip_suffix("/tasks"));
    let scopes: &[&str] = match list {
        Some(list) => {
            let mut state = shared.state();
            if !mailbox_of(shared, &mut state.microsoft, &grant.person).lists.iter().any(|known| known.id == list) {
                return Err(not_found());
            }
            &["Tasks.Read", "Tasks.ReadWrite"]
        }
        None if resource.trim_start_matches('/') == "me/events" => &["Calendars.Read", "Calendars.ReadWrite"],
        None => return Err(bad("The resource is not supported.")),
    };
    if !may(grant, scopes) {
        return Err(forbidden());
    }
    Ok(Subscription {
        id: guid(),
        resource,
        address: address("notificationUrl").ok_or_else(|| bad("notificationUrl must be HTTPS."))?,
        lifecycle_address: address("lifecycleNotificationUrl"),
        client_state,
        expires: until(shared, fields)?,
    })
}

fn until(shared: &Shared, fields: &Fields) -> Result<Timestamp, Reply> {
    let now = shared.clock.own();
    let expires: Option<Timestamp> = fields.text("expirationDateTime").and_then(|text| text.parse().ok());
    expires
        .filter(|expires| *expires > now && *expires <= now + MAX_LIFE)
        .ok_or_else(|| bad("Subscription expiration can only be 4230 minutes in the future."))
}

/// The address answers with the text, as plain text and nothing else.
async fn proves_itself(shared: &Shared, address: &Url) -> bool {
    let token = format!("Validation: Testing <{}> & more", random(12));
    let mut address = address.clone();
    address.query_pairs_mut().append_pair("validationToken", &token);
    let request = shared.outbound.post(address).header("content-type", "text/plain; charset=utf-8").body("");
    let Ok(answer) = request.timeout(Duration::from_secs(10)).send().await else { return false };
    let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let is_plain = answer.status() == 200 && kind.starts_with("text/plain");
    is_plain && answer.text().await.is_ok_and(|text| text == token)
}

/// `PATCH` and `DELETE` of one.
pub(super) fn manage(shared: &Shared, request: &Request, grant: &Grant, id: &str) -> Reply {
    let now = shared.clock.own();
    let expires = match request.method {
        Method::PATCH => match request.fields().map(|fields| until(shared, &fields)) {
            Some(Ok(expires)) => Some(expires),
            Some(Err(reply)) => return reply,
            None => return bad("Unable to read JSON request payload."),
        },
        Method::DELETE => None,
        _ => return http::empty(405),
    };
    let mut state = shared.state();
    let mailbox = mailbox_of(shared, &mut state.microsoft, &grant.person);
    let Some(at) = mailbox.subscriptions.iter().position(|one| one.id == id && one.expires > now) else {
        return not_found();
    };
    match expires {
        Some(expires) => {
            mailbox.subscriptions[at].expires = expires;
            http::json(200, &mailbox.subscriptions[at].json(shared))
        }
        None => {
            mailbox.subscriptions.remove(at);
            http::empty(204)
        }
    }
}

/// Tells every live subscription what happened to what it watches.
pub(super) fn announce(shared: &Arc<Shared>, person: &str, changes: Vec<Change>) {
    let now = shared.clock.own();
    let mut told = Vec::new();
    {
        let mut state = shared.state();
        // Nobody is told any more once the grant is gone.
        if state.microsoft.mute || !state.microsoft.tokens.is_linked(person) {
            return;
        }
        let mailbox = mailbox_of(shared, &mut state.microsoft, person);
        let owner = mailbox.id.clone();
        for one in mailbox.subscriptions.iter().filter(|one| one.expires > now) {
            let batch: Vec<Value> =
                changes.iter().filter(|change| one.watches(change)).map(|change| one.says(change, &owner)).collect();
            if !batch.is_empty() {
                told.push(Notice::new(&one.address, &batch));
            }
        }
    }
    for notice in told {
        send(shared, notice);
    }
}

/// Says something about the subscriptions themselves.
pub(super) fn lifecycle(shared: &Arc<Shared>, person: &str, event: &str) {
    let now = shared.clock.own();
    let mut told = Vec::new();
    {
        let mut state = shared.state();
        let mailbox = mailbox_of(shared, &mut state.microsoft, person);
        mailbox.subscriptions.retain(|one| one.expires > now);
        for one in &mailbox.subscriptions {
            let mut body = one.head();
            body["lifecycleEvent"] = event.into();
            told.extend(one.lifecycle_address.as_ref().map(|address| Notice::new(address, &[body])));
        }
        if event == "subscriptionRemoved" {
            mailbox.subscriptions.clear();
        }
    }
    for notice in told {
        send(shared, notice);
    }
}

/// Sends, and again a few times where the answer is no success.
pub(super) fn send(shared: &Arc<Shared>, mut notice: Notice) {
    notice.id = random_hex(8);
    shared.state().microsoft.notices.push(notice.clone());
    let shared = shared.clone();
    shared.handle.clone().spawn(async move {
        for attempt in 1..=TRIES {
            let request =
                shared.outbound.post(notice.to.clone()).header("content-type", "application/json; charset=utf-8");
            let status = request.body(notice.body.clone()).send().await.ok().map(|answer| answer.status().as_u16());
            tracing::debug!(attempt, ?status, "notification sent");
            if let Some(kept) = shared.state().microsoft.notices.iter_mut().find(|one| one.id == notice.id) {
                kept.status = status;
            }
            if status.is_some_and(|status| !(500..600).contains(&status)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(500) * 2_u32.pow(attempt)).await;
        }
    });
}

impl Notice {
    fn new(to: &Url, batch: &[Value]) -> Self {
        Self { to: to.clone(), body: json!({"value": batch}).to_string(), status: None, id: String::new() }
    }
}

impl Subscription {
    fn watches(&self, change: &Change) -> bool {
        match &change.list {
            Some(list) => self.resource.contains(list),
            None => self.resource.ends_with("me/events"),
        }
    }

    fn head(&self) -> Value {
        json!({
            "subscriptionId": self.id,
            "subscriptionExpirationDateTime": self.expires.to_string(),
            "clientState": self.client_state,
            "tenantId": "84bd8158-6d4d-4958-8b9f-9d6445542f95",
        })
    }

    fn says(&self, change: &Change, owner: &str) -> Value {
        let (kind, path) = match &change.list {
            Some(list) => ("#Microsoft.Graph.todoTask", format!("Users/{owner}/todo/lists/{list}/tasks/{}", change.id)),
            None => ("#Microsoft.Graph.Event", format!("Users/{owner}/Events/{}", change.id)),
        };
        let mut body = self.head();
        body["id"] = guid().into();
        body["changeType"] = change.kind.into();
        body["resource"] = path.as_str().into();
        body["resourceData"] =
            json!({"@odata.type": kind, "@odata.id": path, "@odata.etag": change.etag, "id": change.id});
        body
    }

    fn json(&self, shared: &Shared) -> Value {
        json!({
            "@odata.context": super::api::context(shared, "subscriptions/$entity"),
            "id": self.id,
            "resource": self.resource,
            "applicationId": shared.options.microsoft_client.id,
            "changeType": "created,updated,deleted",
            "clientState": self.client_state,
            "notificationUrl": self.address,
            "lifecycleNotificationUrl": self.lifecycle_address,
            "expirationDateTime": self.expires.to_string(),
            "creatorId": guid(),
        })
    }
}

fn guid() -> String {
    let text = random_hex(16);
    format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
}
