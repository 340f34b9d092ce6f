//! Microsoft's OAuth: a refresh token only for `offline_access`, a new one at every use while the old one goes on working,
//! and no way to revoke.

use crate::consent::{self, Dialect, Outcome};
use crate::http::{self, Reply, Request};
use crate::oauth::{BadCode, Grant};
use crate::shared::Shared;
use crate::store::random_hex;
use jiff::SignedDuration;
use serde_json::{Value, json};
use warp::http::Method;

/// Somewhere from sixty to ninety minutes.
const ACCESS_LIFE: SignedDuration = SignedDuration::from_secs(3736);
const OFFLINE: &str = "offline_access";
const GRAPH: &str = "https://graph.microsoft.com/";

pub(super) fn authorize(shared: &Shared, request: &Request) -> Reply {
    let dialect = Dialect {
        name: "Microsoft",
        issuer: None,
        separator: ' ',
        client_id: shared.options.microsoft_client.id.clone(),
        is_scope,
        granular: false,
        unticked: shared.state().microsoft.unticked.clone(),
        refuse: |error, text| {
            let page = format!(
                "<!doctype html><html lang=\"en\"><title>Sandbox Microsoft</title>\
                 <p>Sandbox Microsoft, a stand-in with sample data.<p>AADSTS50011: {}<p>{}",
                http::escape(error),
                http::escape(text),
            );
            let reply = http::with(400, "text/html; charset=utf-8", page);
            http::put(reply, "content-security-policy", "default-src 'none'; frame-ancestors 'none'")
        },
    };
    match consent::authorize(shared, &dialect, request) {
        Outcome::Reply(reply) => reply,
        Outcome::Granted(ask, granted) => {
            let now = shared.clock.own();
            let offline = granted.scopes.iter().any(|scope| scope == OFFLINE);
            let mut state = shared.state();
            // The mailbox, and with it the samples, begins here.
            super::mailbox_of(shared, &mut state.microsoft, &granted.person);
            let code = state.microsoft.tokens.issue_code(&dialect.client_id, granted, offline, now);
            ask.allowed(&code)
        }
    }
}

fn is_scope(scope: &str) -> bool {
    let short = scope.strip_prefix(GRAPH).unwrap_or(scope);
    let known = ["openid", "email", "profile", OFFLINE, "User.Read", "Tasks.Read", "Tasks.ReadWrite"];
    known.contains(&short) || ["Calendars.ReadBasic", "Calendars.Read", "Calendars.ReadWrite"].contains(&short)
}

/// `POST …/token`: a form, with the client in the body or in HTTP Basic.
pub(super) fn token(shared: &Shared, request: &Request) -> Reply {
    if request.method != Method::POST {
        return http::empty(405);
    }
    let fields = request.form();
    let client = &shared.options.microsoft_client;
    let (id, secret) = match request.basic() {
        Some((id, secret)) => (Some(id), Some(secret)),
        None => (fields.text("client_id"), fields.text("client_secret")),
    };
    if id.as_ref() != Some(&client.id) {
        return refused(400, "unauthorized_client", 700_016, "Application was not found in the directory.");
    }
    if secret.as_ref() != Some(&client.secret) {
        return refused(401, "invalid_client", 7_000_215, "Invalid client secret provided.");
    }
    let text = |name: &str| fields.text(name);
    match text("grant_type").as_deref() {
        Some("authorization_code") => exchange(
            shared,
            &text("code").unwrap_or_default(),
            text("redirect_uri").as_deref(),
            text("code_verifier").as_deref(),
        ),
        Some("refresh_token") => {
            refresh(shared, &text("refresh_token").unwrap_or_default(), &text("scope").unwrap_or_default())
        }
        _ => refused(400, "unsupported_grant_type", 70_003, "The app requested an unsupported grant type."),
    }
}

fn exchange(shared: &Shared, code: &str, redirect_uri: Option<&str>, verifier: Option<&str>) -> Reply {
    let now = shared.clock.own();
    let mut state = shared.state();
    let tokens = &mut state.microsoft.tokens;
    let id = match tokens.redeem(code, &shared.options.microsoft_client.id, redirect_uri, verifier, now) {
        Ok(id) => id,
        Err(BadCode::RedirectUri) => {
            return refused(400, "invalid_client", 500_112, "The reply address does not match the one of the code.");
        }
        Err(BadCode::Invalid) => {
            return refused(400, "invalid_grant", 70_008, "The provided authorization code has expired.");
        }
        Err(BadCode::VerifierMissing | BadCode::VerifierWrong) => {
            return refused(400, "invalid_grant", 50_148, "The code_verifier does not match the code_challenge.");
        }
    };
    let Some(grant) = tokens.grant(id).cloned() else {
        return refused(400, "invalid_grant", 70_008, "The grant has expired.");
    };
    let access = tokens.issue_access(id, Some(now + ACCESS_LIFE));
    let refresh = grant.offline.then(|| tokens.issue_refresh(id, now));
    http::json(200, &answer(&grant, &access, refresh.as_deref()))
}

/// A new refresh token each time; the old one is left as it is.
fn refresh(shared: &Shared, token: &str, scope: &str) -> Reply {
    let now = shared.clock.own();
    let mut state = shared.state();
    let tokens = &mut state.microsoft.tokens;
    let known = tokens.refresh_token(token).map(|refresh| refresh.grant);
    let Some((id, grant)) = known.and_then(|id| Some((id, tokens.grant(id)?.clone()))) else {
        return refused(400, "invalid_grant", 70_008, "The provided refresh token has expired due to inactivity.");
    };
    if !scope.split(' ').filter(|one| !one.is_empty()).all(|one| grant.scopes.iter().any(|known| known == one)) {
        return refused(400, "invalid_grant", 65_001, "The user has not consented to use the application.");
    }
    let access = tokens.issue_access(id, Some(now + ACCESS_LIFE));
    let next = tokens.issue_refresh(id, now);
    http::json(200, &answer(&grant, &access, Some(&next)))
}

/// `offline_access` is never listed: the refresh token says it.
fn answer(grant: &Grant, access: &str, refresh: Option<&str>) -> Value {
    let scopes: Vec<&str> = grant.scopes.iter().map(String::as_str).filter(|scope| *scope != OFFLINE).collect();
    let mut body = json!({
        "token_type": "Bearer",
        "scope": scopes.join(" "),
        "expires_in": ACCESS_LIFE.as_secs(),
        "ext_expires_in": ACCESS_LIFE.as_secs(),
        "access_token": access,
    });
    if let Some(refresh) = refresh {
        body["refresh_token"] = refresh.into();
    }
    body
}

fn refused(status: u16, error: &str, code: u32, text: &str) -> Reply {
    let body = json!({
        "error": error,
        "error_description": format!("AADSTS{code}: {text}"),
        "error_codes": [code],
        "timestamp": "2026-11-22 10:00:00Z",
        "trace_id": random_hex(16),
        "correlation_id": random_hex(16),
    });
    http::json(status, &body)
}
