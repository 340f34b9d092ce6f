//! Todoist's webhooks: signed over the raw body, tried again where they are not answered with 200.

use super::person_of;
use super::task::stamp;
use crate::shared::Shared;
use crate::store::random_hex;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::Sha256;
use std::sync::Arc;

/// After the first try.
const RETRIES: u32 = 3;

/// One try to deliver a webhook.
#[derive(Clone)]
pub struct WebhookDelivery {
    /// The same for every try.
    pub id: String,
    /// `item:completed` and the like.
    pub event: String,
    /// 1 for the first.
    pub attempt: u32,
    /// The answer's status; `None` where there was none.
    pub status: Option<u16>,
    pub at: Timestamp,
    body: Bytes,
}

impl WebhookDelivery {
    /// The raw body, as signed.
    pub fn body(&self) -> &[u8] {
        &self.body
    }
}

impl std::fmt::Debug for WebhookDelivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookDelivery")
            .field("id", &self.id)
            .field("event", &self.event)
            .field("attempt", &self.attempt)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// The value of `X-Todoist-Hmac-SHA256` for a body.
pub fn signature(client_secret: &str, body: &[u8]) -> String {
    // HMAC takes a key of any length; there is no error to come.
    #[allow(clippy::expect_used)]
    let mut mac = Hmac::<Sha256>::new_from_slice(client_secret.as_bytes()).expect("any length of key will do");
    mac.update(body);
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}

/// Something that happened to a task, to be told.
pub(crate) struct Change {
    event: &'static str,
    pub(super) task: Value,
    extra: Option<Value>,
}

impl Change {
    pub(super) fn new(event: &'static str, task: Value) -> Self {
        Self { event, task, extra: None }
    }

    pub(super) fn updating(mut self, before: Value, intent: &str) -> Self {
        self.extra = Some(json!({"old_item": before, "update_intent": intent}));
        self
    }
}

/// Tells the app of changes, if the person has linked it and it has a webhook.
pub(super) fn announce(shared: &Arc<Shared>, name: &str, changes: Vec<Change>) {
    if changes.is_empty() {
        return;
    }
    let mut bodies = Vec::new();
    {
        let mut state = shared.state();
        if !state.todoist.tokens.is_linked(name) {
            return;
        }
        let person = person_of(shared, &mut state.todoist, name);
        for mut change in changes {
            change.task["url"] = format!("https://app.todoist.com/app/task/{}", text(&change.task, "id")).into();
            let mut body = json!({
                "event_name": change.event,
                "user_id": person.id,
                "event_data": change.task,
                "initiator": {
                    "id": person.id,
                    "full_name": person.full_name(),
                    "email": person.email(),
                    "image_id": null,
                    "is_premium": false,
                },
                "triggered_at": stamp(shared.clock.person()),
                "version": "1",
            });
            if let Some(extra) = change.extra {
                body["event_data_extra"] = extra;
            }
            bodies.push((change.event, Bytes::from(body.to_string())));
        }
    }
    for (event, body) in bodies {
        deliver(shared, event.to_owned(), random_hex(16), body);
    }
}

pub(super) fn redeliver(shared: &Arc<Shared>, id: &str) {
    let known = shared.state().todoist.deliveries.iter().find(|delivery| delivery.id == id).cloned();
    if let Some(known) = known {
        deliver(shared, known.event, known.id, known.body);
    }
}

fn deliver(shared: &Arc<Shared>, event: String, id: String, body: Bytes) {
    let shared = shared.clone();
    shared.handle.clone().spawn(async move {
        for attempt in 1..=RETRIES + 1 {
            // Asked each time: a test may have moved it, or made it go away.
            let to = shared.state().todoist.webhook.clone().unwrap_or_else(|| shared.options.todoist_webhook.clone());
            let Some(to) = to else { return };
            let sent = shared
                .outbound
                .post(to)
                .header("user-agent", "Todoist-Webhooks")
                .header("content-type", "application/json")
                .header("x-todoist-hmac-sha256", signature(&shared.options.todoist_client.secret, &body))
                .header("x-todoist-delivery-id", &id)
                .body(body.clone())
                .send()
                .await;
            let status = sent.ok().map(|answer| answer.status().as_u16());
            tracing::debug!(delivery = %id, %event, attempt, ?status, "webhook sent");
            shared.state().todoist.deliveries.push(WebhookDelivery {
                id: id.clone(),
                event: event.clone(),
                attempt,
                status,
                at: crate::clock::wall(),
                body: body.clone(),
            });
            // Only 200 counts.
            if status == Some(200) {
                return;
            }
            tokio::time::sleep(shared.options.webhook_retry.div_f64(shared.options.speed.max(1.0))).await;
        }
        tracing::warn!(delivery = %id, "a webhook was not taken; given up");
    });
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector of Todoist's documentation facts: 841 bytes, accepted by the official SDK.
    const BODY: &str = r#"{"event_name":"item:completed","user_id":"2671355","event_data":{"id":"6XR4GqQQCW6Gv9h4","user_id":"2671355","project_id":"6XR4H993xv8H5qCR","section_id":null,"parent_id":null,"added_by_uid":"2671355","assigned_by_uid":null,"responsible_uid":null,"labels":[],"deadline":null,"duration":null,"is_collapsed":false,"checked":true,"is_deleted":false,"added_at":"2026-11-20T10:33:38.000000Z","completed_at":"2026-11-22T10:39:38.000000Z","completed_by_uid":"2671355","updated_at":"2026-11-22T10:39:38.000000Z","due":null,"priority":1,"child_order":3,"content":"Buy Milk","description":"","note_count":0,"day_order":-1,"url":"https://app.todoist.com/app/task/6XR4GqQQCW6Gv9h4"},"initiator":{"id":"2671355","full_name":"Alice","email":"alice@example.com","image_id":null,"is_premium":true},"triggered_at":"2026-11-22T10:39:38.000000Z","version":"1"}"#;

    #[test]
    fn the_known_vector_signs_to_the_known_signature() {
        assert_eq!(BODY.len(), 841);
        assert_eq!(signature("test-client-secret", BODY.as_bytes()), "J13w2D0ldjU6r/DVQHRAtcAByBW6lrcGBWnmwq5CZGQ=");
    }

    #[test]
    fn one_more_space_signs_to_another() {
        let longer = format!("{BODY} ");
        assert_ne!(
            signature("test-client-secret", longer.as_bytes()),
            signature("test-client-secret", BODY.as_bytes())
        );
    }
}
