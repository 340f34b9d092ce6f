//! Google's OAuth: a refresh token only for offline access with consent asked, no rotation, scopes that can be unticked.

use crate::consent::{self, Dialect, Outcome};
use crate::http::{self, Reply, Request};
use crate::oauth::BadCode;
use crate::shared::Shared;
use jiff::SignedDuration;
use serde_json::json;
use warp::http::Method;

/// Google says one second less than an hour.
const ACCESS_LIFE: SignedDuration = SignedDuration::from_secs(3599);
/// Of one person and one client; the oldest beyond that dies without a word.
const MAX_REFRESH_TOKENS: usize = 100;

pub(super) fn authorize(shared: &Shared, request: &Request) -> Reply {
    let asks_for_tasks = request.param("scope").is_some_and(|scope| scope.contains("/auth/tasks"));
    let dialect = Dialect {
        name: if asks_for_tasks { "Google Tasks" } else { "Google Calendar" },
        issuer: None,
        separator: ' ',
        client_id: shared.options.google_client.id.clone(),
        is_scope,
        granular: true,
        unticked: shared.state().google.unticked.clone(),
        refuse: |error, text| {
            let page = format!(
                "<!doctype html><html lang=\"en\"><title>Sandbox Google</title>\
                 <p>Sandbox Google, a stand-in with sample data.<p>Error 400: {}<p>{}",
                http::escape(error),
                http::escape(text),
            );
            let reply = http::with(400, "text/html; charset=utf-8", page);
            http::put(reply, "content-security-policy", "default-src 'none'; frame-ancestors 'none'")
        },
    };
    match consent::authorize(shared, &dialect, request) {
        Outcome::Reply(reply) => reply,
        Outcome::Granted(ask, mut granted) => {
            let now = shared.clock.own();
            let offline = ask.offline && ask.prompt_consent;
            let mut state = shared.state();
            // The calendar, and with it the sample week, begins here.
            super::calendar_of(shared, &mut state.google, &granted.person);
            // Incremental authorization: what was granted before goes into the new grant.
            if request.param("include_granted_scopes") == Some("true") {
                let before = state.google.tokens.scopes_of(&dialect.client_id, &granted.person);
                granted.scopes.extend(before.difference(&granted.scopes.iter().cloned().collect()).cloned());
            }
            let code = state.google.tokens.issue_code(&dialect.client_id, granted, offline, now);
            ask.allowed(&code)
        }
    }
}

fn is_scope(scope: &str) -> bool {
    let known = ["calendar", "tasks", "userinfo."].map(|name| format!("https://www.googleapis.com/auth/{name}"));
    matches!(scope, "openid" | "email" | "profile") || known.iter().any(|start| scope.starts_with(start.as_str()))
}

/// `POST /token`: a form, with the client in the body or in HTTP Basic.
pub(super) fn token(shared: &Shared, request: &Request) -> Reply {
    if request.method != Method::POST {
        return http::empty(405);
    }
    let fields = request.form();
    let client = &shared.options.google_client;
    let (id, secret) = match request.basic() {
        Some((id, secret)) => (Some(id), Some(secret)),
        None => (fields.text("client_id"), fields.text("client_secret")),
    };
    if id.as_ref() != Some(&client.id) {
        return refused(401, "invalid_client", "The OAuth client was not found.");
    }
    if secret.as_ref() != Some(&client.secret) {
        return refused(401, "invalid_client", "The provided client secret is invalid.");
    }
    match fields.text("grant_type").as_deref() {
        Some("authorization_code") => {
            let code = fields.text("code").unwrap_or_default();
            exchange(shared, &code, fields.text("redirect_uri").as_deref(), fields.text("code_verifier").as_deref())
        }
        Some("refresh_token") => {
            if fields.text("redirect_uri").is_some() {
                let text = "Parameter not allowed for this message type: redirect_uri";
                return refused(400, "invalid_request", text);
            }
            refresh(shared, &fields.text("refresh_token").unwrap_or_default())
        }
        Some(_) => refused(400, "unsupported_grant_type", "Invalid grant_type"),
        None => refused(400, "invalid_request", "Required parameter is missing: grant_type"),
    }
}

fn exchange(shared: &Shared, code: &str, redirect_uri: Option<&str>, verifier: Option<&str>) -> Reply {
    let now = shared.clock.own();
    let mut state = shared.state();
    let tokens = &mut state.google.tokens;
    let client = &shared.options.google_client.id;
    let id = match tokens.redeem(code, client, redirect_uri, verifier, now) {
        Ok(id) => id,
        Err(BadCode::RedirectUri) => return refused(400, "redirect_uri_mismatch", "Bad Request"),
        Err(BadCode::Invalid) => return refused(400, "invalid_grant", "Bad Request"),
        Err(BadCode::VerifierMissing) => return refused(400, "invalid_grant", "Missing code verifier."),
        Err(BadCode::VerifierWrong) => return refused(400, "invalid_grant", "Invalid code verifier."),
    };
    let Some(grant) = tokens.grant(id).cloned() else { return refused(400, "invalid_grant", "Bad Request") };
    let mut body = json!({
        "access_token": tokens.issue_access(id, Some(now + ACCESS_LIFE)),
        "expires_in": ACCESS_LIFE.as_secs(),
        "scope": grant.scopes.join(" "),
        "token_type": "Bearer",
    });
    if grant.offline {
        body["refresh_token"] = tokens.issue_refresh(id, now).into();
        tokens.prune_refresh(&grant.client, &grant.person, MAX_REFRESH_TOKENS);
    }
    http::json(200, &body)
}

/// The refresh token stays the same, and the answer does not repeat it.
fn refresh(shared: &Shared, token: &str) -> Reply {
    let now = shared.clock.own();
    let mut state = shared.state();
    let tokens = &mut state.google.tokens;
    let known = tokens.refresh_token(token).map(|refresh| refresh.grant);
    let Some((id, grant)) = known.and_then(|id| Some((id, tokens.grant(id)?.clone()))) else {
        return refused(400, "invalid_grant", "Token has been expired or revoked.");
    };
    let body = json!({
        "access_token": tokens.issue_access(id, Some(now + ACCESS_LIFE)),
        "expires_in": ACCESS_LIFE.as_secs(),
        "scope": grant.scopes.join(" "),
        "token_type": "Bearer",
    });
    http::json(200, &body)
}

/// Either token ends everything that the person allowed this client.
pub(super) fn revoke(shared: &Shared, request: &Request) -> Reply {
    if request.method != Method::POST {
        return http::empty(405);
    }
    let form = request.form().text("token");
    let token = form.or_else(|| request.param("token").map(str::to_owned)).unwrap_or_default();
    let mut state = shared.state();
    let tokens = &mut state.google.tokens;
    let Some(grant) = tokens.grant_of(&token).and_then(|id| tokens.grant(id).cloned()) else {
        return refused(400, "invalid_token", "Token expired or revoked");
    };
    tokens.end_all(&grant.client, &grant.person);
    http::json(200, &json!({}))
}

fn refused(status: u16, error: &str, description: &str) -> Reply {
    http::json(status, &json!({"error": error, "error_description": description}))
}
