//! Todoist, unified API v1: incremental sync, commands that act once, signed webhooks.

mod facts;

use super::{Access, App, Batch, Connector, Heard, Hint, Keeps, Perhaps, Refused, Said, below, readable};
use crate::http::{CallError, Http};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use facts::Item;
use futures_util::future::{BoxFuture, FutureExt as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use oo_contracts::id::ItemId;
use oo_contracts::{SignalId, Timestamp};
use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;

/// The token of a first sync.
const EVERYTHING: &str = "*";

pub(crate) struct Todoist {
    app: App,
}

#[derive(Deserialize)]
struct Synced {
    sync_token: String,
    #[serde(default)]
    full_sync: bool,
    #[serde(default)]
    items: Vec<Perhaps<Item>>,
}

/// A task as it is shown: the one place where its words are read.
#[derive(Deserialize)]
struct Shown {
    #[serde(default)]
    content: String,
    #[serde(default)]
    checked: bool,
    #[serde(default)]
    is_deleted: bool,
}

#[derive(Deserialize)]
struct User {
    id: String,
}

#[derive(Deserialize)]
struct Commanded {
    #[serde(default)]
    sync_status: HashMap<String, Value>,
}

/// Of a webhook: whose it is. What it says about the task is left unread; the sync brings that.
#[derive(Deserialize)]
struct Told {
    user_id: String,
    #[serde(default)]
    triggered_at: Option<Timestamp>,
}

impl Todoist {
    pub(crate) fn new(app: App) -> Self {
        Self { app }
    }

    async fn commanded(
        &self,
        http: &Http,
        access: &Access,
        kind: &str,
        item: &str,
        uuid: &str,
    ) -> Result<(), CallError> {
        let commands = json!([{"type": kind, "uuid": uuid, "args": {"id": item}}]);
        let url = below(&self.app.api_url, &["sync"]);
        let request = http.with_token(Method::POST, &url, &access.token)?.form(&[("commands", commands.to_string())]);
        let mut answer: Commanded = http.json(request).await?;
        match answer.sync_status.remove(uuid) {
            Some(Value::String(ok)) if ok == "ok" => Ok(()),
            Some(problem) => Err(match problem.get("http_code").and_then(Value::as_u64) {
                Some(404) => CallError::Missing,
                Some(401) => CallError::Unauthorized,
                Some(403) => CallError::Forbidden,
                Some(429) => CallError::SlowDown { after: None },
                Some(status @ 400..=499) => CallError::Refused(status as u16),
                _ => CallError::Away { cause: "a command failed".into(), after: None },
            }),
            None => Err(CallError::Garbled),
        }
    }
}

impl Connector for Todoist {
    fn app(&self) -> &App {
        &self.app
    }

    fn keeps(&self) -> Keeps {
        Keeps::Tasks
    }

    fn owner<'a>(&'a self, http: &'a Http, token: &'a SecretString) -> BoxFuture<'a, Result<String, CallError>> {
        async move {
            let request = http.with_token(Method::GET, &below(&self.app.api_url, &["user"]), token)?;
            let user: User = http.json(request).await?;
            if user.id.is_empty() { Err(CallError::Garbled) } else { Ok(user.id) }
        }
        .boxed()
    }

    fn sync<'a>(
        &'a self,
        http: &'a Http,
        access: &'a Access,
        cursor: Option<&'a str>,
        _now: Timestamp,
    ) -> BoxFuture<'a, Result<Batch, CallError>> {
        async move {
            let ask = async |token: &str| {
                let form = [("sync_token", token), ("resource_types", r#"["items"]"#)];
                let url = below(&self.app.api_url, &["sync"]);
                http.json::<Synced>(http.with_token(Method::POST, &url, &access.token)?.form(&form)).await
            };
            let synced = match ask(cursor.unwrap_or(EVERYTHING)).await {
                // A token that it does not know any more: begin anew, once.
                Err(CallError::Gone | CallError::Refused(400)) if cursor.is_some() => ask(EVERYTHING).await?,
                other => other?,
            };
            let changes = readable(synced.items).filter_map(|item| item.change(access)).collect();
            Ok(Batch { changes, whole: synced.full_sync, cursor: synced.sync_token })
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
            let url = below(&self.app.api_url, &["tasks", item.as_str()]);
            match http.json::<Shown>(http.with_token(Method::GET, &url, &access.token)?).await {
                Ok(task) => Ok(Some(Said { title: task.content, over: task.checked || task.is_deleted })),
                Err(CallError::Missing | CallError::Gone) => Ok(None),
                Err(error) => Err(error),
            }
        }
        .boxed()
    }

    fn complete<'a>(
        &'a self,
        http: &'a Http,
        access: &'a Access,
        item: &'a ItemId,
        reopen: bool,
        key: &'a SignalId,
    ) -> BoxFuture<'a, Result<(), CallError>> {
        async move {
            let kind = if reopen { "item_uncomplete" } else { "item_close" };
            self.commanded(http, access, kind, item.as_str(), &uuid(key)).await
        }
        .boxed()
    }

    fn revoke<'a>(
        &'a self,
        http: &'a Http,
        access: &'a SecretString,
        refresh: Option<&'a SecretString>,
    ) -> BoxFuture<'a, Result<(), CallError>> {
        async move {
            let tokens = [(Some(access), "access_token"), (refresh, "refresh_token")];
            for (token, hint) in tokens.into_iter().filter_map(|(token, hint)| Some((token?, hint))) {
                let request = http
                    .request(Method::POST, &self.app.revoke_url)?
                    .basic_auth(&self.app.client_id, Some(self.app.client_secret.expose_secret()))
                    .form(&[("token", token.expose_secret()), ("token_type_hint", hint)]);
                http.done(request).await?;
            }
            Ok(())
        }
        .boxed()
    }

    /// Webhooks are set up once per app, by whoever registers it.
    fn hear(&self, heard: &Heard<'_>) -> Result<Hint, Refused> {
        let signature = heard.header("x-todoist-hmac-sha256").ok_or(Refused::Unsigned)?;
        let signature = BASE64.decode(signature).map_err(|_| Refused::Unsigned)?;
        let secret = self.app.client_secret.expose_secret().as_bytes();
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).map_err(|_| Refused::Unsigned)?;
        mac.update(heard.body);
        // Over the raw bytes, in constant time, and before anything is parsed.
        mac.verify_slice(&signature).map_err(|_| Refused::Unsigned)?;
        let told: Told = serde_json::from_slice(heard.body).map_err(|_| Refused::Malformed)?;
        let delivery = heard.header("x-todoist-delivery-id").filter(|id| !id.is_empty()).ok_or(Refused::Malformed)?;
        Ok(Hint::Owner { owner: told.user_id, delivery: delivery.to_owned(), at: told.triggered_at })
    }
}

/// A UUID (RFC 9562, version 8) that follows from the key: Todoist carries out a command of the same UUID once.
fn uuid(key: &SignalId) -> String {
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&Sha256::digest(format!("oo/complete/v1|{key}"))[..16]);
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = oo_runtime::random::hex(&bytes);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::connector::Issuer;
    use oo_contracts::wire::Header;

    /// The vector of the provider's facts: 841 bytes, taken by the official SDK.
    pub(in crate::connector) const BODY: &str = r#"{"event_name":"item:completed","user_id":"2671355","event_data":{"id":"6XR4GqQQCW6Gv9h4","user_id":"2671355","project_id":"6XR4H993xv8H5qCR","section_id":null,"parent_id":null,"added_by_uid":"2671355","assigned_by_uid":null,"responsible_uid":null,"labels":[],"deadline":null,"duration":null,"is_collapsed":false,"checked":true,"is_deleted":false,"added_at":"2026-11-20T10:33:38.000000Z","completed_at":"2026-11-22T10:39:38.000000Z","completed_by_uid":"2671355","updated_at":"2026-11-22T10:39:38.000000Z","due":null,"priority":1,"child_order":3,"content":"Buy Milk","description":"","note_count":0,"day_order":-1,"url":"https://app.todoist.com/app/task/6XR4GqQQCW6Gv9h4"},"initiator":{"id":"2671355","full_name":"Alice","email":"alice@example.com","image_id":null,"is_premium":true},"triggered_at":"2026-11-22T10:39:38.000000Z","version":"1"}"#;
    const SIGNATURE: &str = "J13w2D0ldjU6r/DVQHRAtcAByBW6lrcGBWnmwq5CZGQ=";

    pub(in crate::connector) fn todoist() -> Todoist {
        let url: url::Url = "https://todoist.example/".parse().unwrap();
        Todoist::new(App {
            client_id: "id".into(),
            client_secret: "test-client-secret".into(),
            issuer: Issuer::Exactly("https://todoist.com"),
            authorize_url: url.clone(),
            token_url: url.clone(),
            api_url: url.clone(),
            revoke_url: url.clone(),
            redirect: url,
            webhook: None,
            scopes: &[],
            separator: ",",
            extra: &[],
            life_unsaid: None,
        })
    }

    fn hear(headers: &[(&str, &str)], body: &[u8]) -> Result<Hint, Refused> {
        let headers: Vec<Header> =
            headers.iter().map(|(name, value)| Header { name: (*name).into(), value: (*value).into() }).collect();
        todoist().hear(&Heard { headers: &headers, body, query: "" })
    }

    /// As Todoist signs.
    pub(in crate::connector) fn signature(body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(b"test-client-secret").unwrap();
        mac.update(body);
        BASE64.encode(mac.finalize().into_bytes())
    }

    /// S19.
    #[test]
    fn the_known_vector_is_taken() {
        assert_eq!(BODY.len(), 841);
        let said = hear(&[("x-todoist-hmac-sha256", SIGNATURE), ("x-todoist-delivery-id", "d1")], BODY.as_bytes());
        let Ok(Hint::Owner { owner, delivery, at }) = said else { panic!("{said:?}") };
        assert_eq!((owner.as_str(), delivery.as_str()), ("2671355", "d1"));
        assert_eq!(at, Some("2026-11-22T10:39:38Z".parse().unwrap()));
    }

    /// S19.
    #[test]
    fn a_changed_body_or_signature_is_refused() {
        let id = ("x-todoist-delivery-id", "d1");
        let longer = format!("{BODY} ");
        assert_eq!(hear(&[("x-todoist-hmac-sha256", SIGNATURE), id], longer.as_bytes()), Err(Refused::Unsigned));
        let hex = "275df0d83d257635";
        for wrong in ["", "garbage", &SIGNATURE[..20], &SIGNATURE.to_lowercase(), hex] {
            assert_eq!(
                hear(&[("x-todoist-hmac-sha256", wrong), id], BODY.as_bytes()),
                Err(Refused::Unsigned),
                "{wrong}"
            );
        }
        assert_eq!(hear(&[id], BODY.as_bytes()), Err(Refused::Unsigned));
        let twice = [("x-todoist-hmac-sha256", SIGNATURE), ("X-Todoist-Hmac-SHA256", SIGNATURE), id];
        assert_eq!(hear(&twice, BODY.as_bytes()), Err(Refused::Unsigned));
    }

    #[test]
    fn a_signed_body_that_is_no_webhook_is_malformed() {
        let signature = signature(b"[]");
        let headers = [("x-todoist-hmac-sha256", signature.as_str()), ("x-todoist-delivery-id", "d1")];
        assert_eq!(hear(&headers, b"[]"), Err(Refused::Malformed));
    }

    #[test]
    fn a_key_names_one_command() {
        let (one, other): (SignalId, SignalId) = ("one".parse().unwrap(), "other".parse().unwrap());
        assert_eq!(uuid(&one), uuid(&one));
        assert_ne!(uuid(&one), uuid(&other));
        assert_eq!(uuid(&one).len(), 36);
    }
}
