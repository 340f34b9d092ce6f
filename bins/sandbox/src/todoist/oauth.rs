//! Todoist's OAuth: comma between scopes, its own error codes, rotating refresh tokens with a minute of grace.

use super::unauthorized;
use crate::consent::{self, Dialect, Outcome};
use crate::http::{self, Reply, Request};
use crate::oauth::Grant;
use crate::shared::Shared;
use jiff::SignedDuration;
use serde_json::{Value, json};
use warp::http::Method;

const ACCESS_LIFE: SignedDuration = SignedDuration::from_secs(3600);
/// How long a used refresh token still gives back the same answer, for a client that lost the first.
const GRACE: SignedDuration = SignedDuration::from_secs(60);

const SCOPES: [&str; 9] = [
    "task:add",
    "data:read",
    "data:read_write",
    "data:delete",
    "project:delete",
    "backups:read",
    "billing:read",
    "billing:read_write",
    "dev:app_console",
];

pub(super) fn issuer(shared: &Shared) -> String {
    shared.at("/todoist")
}

pub(super) fn metadata(shared: &Shared) -> Reply {
    let body = json!({
        "issuer": issuer(shared),
        "authorization_endpoint": shared.at("/todoist/oauth/authorize"),
        "token_endpoint": shared.at("/todoist/oauth/access_token"),
        "revocation_endpoint": shared.at("/todoist/api/v1/revoke"),
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "revocation_endpoint_auth_methods_supported": ["client_secret_basic"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "scopes_supported": SCOPES,
    });
    http::json(200, &body)
}

pub(super) fn authorize(shared: &Shared, request: &Request) -> Reply {
    let dialect = Dialect {
        name: "Todoist",
        issuer: Some(issuer(shared)),
        separator: ',',
        client_id: shared.options.todoist_client.id.clone(),
        is_scope: |scope| SCOPES.contains(&scope),
        granular: false,
        unticked: Vec::new(),
        // Todoist answers with JSON in the browser.
        refuse: |error, text| http::json(400, &json!({"error": error, "error_description": text})),
    };
    match consent::authorize(shared, &dialect, request) {
        Outcome::Reply(reply) => reply,
        Outcome::Granted(ask, granted) => {
            let now = shared.clock.own();
            let mut state = shared.state();
            // The account, and with it the sample life, begins here.
            super::person_of(shared, &mut state.todoist, &granted.person);
            let code = state.todoist.tokens.issue_code(&dialect.client_id, granted, true, now);
            ask.allowed(&code)
        }
    }
}

/// `POST /oauth/access_token`, as a form or as JSON.
pub(super) fn token(shared: &Shared, request: &Request) -> Reply {
    if request.method != Method::POST {
        return http::empty(405);
    }
    let Some(fields) = request.fields() else { return refused(400, "invalid_request") };
    let client = &shared.options.todoist_client;
    if fields.text("client_id").as_ref() != Some(&client.id)
        || fields.text("client_secret").as_ref() != Some(&client.secret)
    {
        return refused(400, "incorrect_application_credentials");
    }
    // The guide calls the grant type optional for a code.
    match fields.text("grant_type").as_deref() {
        Some("authorization_code") | None => {
            let Some(code) = fields.text("code") else { return refused(400, "bad_authorization_code") };
            exchange(shared, &code, fields.text("redirect_uri").as_deref(), fields.text("code_verifier").as_deref())
        }
        Some("refresh_token") => match fields.text("refresh_token") {
            Some(token) => refresh(shared, &token),
            None => refused(400, "invalid_request"),
        },
        Some(_) => refused(400, "unsupported_grant_type"),
    }
}

fn exchange(shared: &Shared, code: &str, redirect_uri: Option<&str>, verifier: Option<&str>) -> Reply {
    let now = shared.clock.own();
    let mut state = shared.state();
    let (legacy, life) = (state.todoist.legacy, state.todoist.access_life.unwrap_or(ACCESS_LIFE));
    let tokens = &mut state.todoist.tokens;
    // Todoist has one word for everything that can be wrong with a code.
    let Ok(grant) = tokens.redeem(code, &shared.options.todoist_client.id, redirect_uri, verifier, now) else {
        return refused(400, "bad_authorization_code");
    };
    if legacy {
        let access = tokens.issue_access(grant, None);
        return http::json(200, &json!({"access_token": access, "token_type": "Bearer"}));
    }
    let access = tokens.issue_access(grant, Some(now + life));
    let refresh = tokens.issue_refresh(grant, now);
    http::json(200, &answer(tokens.grant(grant), life, &access, Some(&refresh)))
}

/// The rotation contract: first use rotates, a second within the grace gives the same access token and no
/// refresh token, a later one ends every token of that person and app.
fn refresh(shared: &Shared, token: &str) -> Reply {
    let now = shared.clock.own();
    let mut state = shared.state();
    let life = state.todoist.access_life.unwrap_or(ACCESS_LIFE);
    let tokens = &mut state.todoist.tokens;
    let Some(known) = tokens.refresh_token(token).cloned() else { return refused(400, "invalid_grant") };
    match known.rotated {
        None => {
            let access = tokens.issue_access(known.grant, Some(now + life));
            let next = tokens.issue_refresh(known.grant, now);
            tokens.rotate(token, &access, now);
            http::json(200, &answer(tokens.grant(known.grant), life, &access, Some(&next)))
        }
        Some((at, access)) if now <= at + GRACE => {
            http::json(200, &answer(tokens.grant(known.grant), life, &access, None))
        }
        Some(_) => {
            if let Some(grant) = tokens.grant(known.grant).cloned() {
                tracing::info!(person = grant.person, "a refresh token was used again: all tokens are revoked");
                tokens.end_all(&grant.client, &grant.person);
            }
            refused(400, "invalid_grant")
        }
    }
}

fn answer(grant: Option<&Grant>, life: SignedDuration, access: &str, refresh: Option<&str>) -> Value {
    let scope = grant.map(|grant| grant.scopes.join(",")).unwrap_or_default();
    let mut body = json!({
        "access_token": access,
        "token_type": "Bearer",
        "expires_in": life.as_secs(),
        "scope": scope,
    });
    if let Some(refresh) = refresh {
        body["refresh_token"] = refresh.into();
    }
    body
}

/// RFC 7009 with HTTP Basic; what it does not know is no error.
pub(super) fn revoke(shared: &Shared, request: &Request) -> Reply {
    if request.method != Method::POST {
        return http::empty(405);
    }
    let client = &shared.options.todoist_client;
    if request.basic() != Some((client.id.clone(), client.secret.clone())) {
        return http::put(unauthorized(), "www-authenticate", "Basic realm=\"sandbox\"");
    }
    let Some(token) = request.fields().and_then(|fields| fields.text("token")) else {
        return refused(400, "invalid_request");
    };
    let mut state = shared.state();
    if let Some(grant) = state.todoist.tokens.grant_of(&token) {
        state.todoist.tokens.end(grant);
    }
    http::json(200, &Value::Null)
}

fn refused(status: u16, error: &str) -> Reply {
    http::json(status, &json!({"error": error}))
}
