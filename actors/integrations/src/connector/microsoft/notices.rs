//! What Graph sends to a webhook: the handshake of a new subscription, and batches of messages.

use crate::connector::{About, Heard, Hint, Perhaps, Refused, Told, readable};
use serde::Deserialize;

/// The parameter of a webhook's address that says which channel it was given for.
pub(super) const CHANNEL: &str = "channel";
/// A handshake's text is some hundred characters long.
const MOST_HANDSHAKE: usize = 2048;

#[derive(Deserialize)]
struct Notifications {
    value: Vec<Perhaps<Notification>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Notification {
    #[serde(default)]
    id: Option<String>,
    subscription_id: String,
    #[serde(default)]
    client_state: Option<String>,
    #[serde(default)]
    change_type: Option<String>,
    #[serde(default)]
    lifecycle_event: Option<String>,
    #[serde(default)]
    resource_data: Option<ResourceData>,
}

#[derive(Deserialize)]
struct ResourceData {
    #[serde(default)]
    id: Option<String>,
    #[serde(default, rename = "@odata.etag")]
    etag: Option<String>,
}

/// Reads what Graph sends: a handshake, or a batch of which each message brings its own secret.
pub(in crate::connector) fn hear(heard: &Heard<'_>) -> Result<Hint, Refused> {
    let parameter =
        |name: &str| url::form_urlencoded::parse(heard.query.as_bytes()).find(|pair| pair.0 == name).map(|pair| pair.1);
    if let Some(say) = parameter("validationToken") {
        let channel = parameter(CHANNEL).ok_or(Refused::Malformed)?;
        if say.is_empty() || say.len() > MOST_HANDSHAKE {
            return Err(Refused::Malformed);
        }
        return Ok(Hint::Handshake { channel: channel.into_owned(), say: say.into_owned() });
    }
    let batch: Notifications = serde_json::from_slice(heard.body).map_err(|_| Refused::Malformed)?;
    // One without a secret proves nothing.
    let all = readable(batch.value).filter_map(|one| {
        let token = one.client_state.clone().filter(|token| !token.is_empty())?;
        let delivery = one.delivery();
        let about = match one.lifecycle_event.as_deref() {
            Some("reauthorizationRequired") => About::Renewal,
            Some("subscriptionRemoved") => About::End,
            // `missed`: what was not told is found by reading on from the cursor.
            _ => About::Account,
        };
        Some(Told { id: one.subscription_id, token, delivery, about })
    });
    let all: Vec<Told> = all.collect();
    if all.is_empty() { Err(Refused::Unsigned) } else { Ok(Hint::Channels(all)) }
}

impl Notification {
    /// A name for this message. A lifecycle event may come again for another reason, so it has none.
    fn delivery(&self) -> Option<String> {
        if self.lifecycle_event.is_some() {
            return None;
        }
        if let Some(id) = self.id.as_ref().filter(|id| !id.is_empty()) {
            return Some(format!("id|{id}"));
        }
        let data = self.resource_data.as_ref()?;
        let (id, etag) = (data.id.as_ref()?, data.etag.as_ref()?);
        Some(format!("version|{}|{id}|{etag}", self.change_type.as_deref().unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(query: &str, body: &str) -> Result<Hint, Refused> {
        hear(&Heard { headers: &[], body: body.as_bytes(), query })
    }

    /// S22.
    #[test]
    fn a_handshake_names_its_channel_and_is_decoded() {
        let said = heard("channel=c1&validationToken=Validation%3a+Testing+%3Cb%3E", "");
        assert_eq!(said, Ok(Hint::Handshake { channel: "c1".into(), say: "Validation: Testing <b>".into() }));
        assert_eq!(heard("validationToken=x", ""), Err(Refused::Malformed));
        let long = format!("channel=c1&validationToken={}", "x".repeat(MOST_HANDSHAKE + 1));
        assert_eq!(heard(&long, ""), Err(Refused::Malformed));
    }

    /// S21.
    #[test]
    fn each_message_of_a_batch_has_its_own_secret_name_and_reason() {
        let batch = r#"{"value":[
            {"id":"n1","subscriptionId":"s1","clientState":"a","changeType":"updated","resource":"Users/1/Events/2"},
            {"subscriptionId":"s1","clientState":"a","changeType":"updated","resourceData":{"id":"e","@odata.etag":"v"}},
            {"subscriptionId":"s2","clientState":"b","changeType":"updated"},
            {"subscriptionId":"s3","changeType":"updated"},
            {"odd":true},
            {"subscriptionId":"s4","clientState":"d","lifecycleEvent":"reauthorizationRequired"},
            {"subscriptionId":"s5","clientState":"e","lifecycleEvent":"subscriptionRemoved"},
            {"subscriptionId":"s6","clientState":"f","lifecycleEvent":"missed"}]}"#;
        let Ok(Hint::Channels(all)) = heard("channel=c1", batch) else { panic!("a batch") };
        let told = |id: &str, token: &str, delivery: Option<&str>, about| Told {
            id: id.into(),
            token: token.into(),
            delivery: delivery.map(str::to_owned),
            about,
        };
        assert_eq!(
            all,
            [
                told("s1", "a", Some("id|n1"), About::Account),
                told("s1", "a", Some("version|updated|e|v"), About::Account),
                told("s2", "b", None, About::Account),
                told("s4", "d", None, About::Renewal),
                told("s5", "e", None, About::End),
                told("s6", "f", None, About::Account),
            ]
        );
        assert_eq!(heard("", r#"{"value":[{"subscriptionId":"s3"}]}"#), Err(Refused::Unsigned));
        assert_eq!(heard("", "[]"), Err(Refused::Malformed));
    }
}
