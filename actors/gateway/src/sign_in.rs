//! The ways in and out: owner's link, issuers, passkeys, sessions, access tokens.

use crate::Gateway;
use crate::api::{named, with_cookie};
use crate::doors::Request;
use crate::state::problem;
use oo_contracts::UserId;
use oo_contracts::http::{LinkTo, OwnerSignIn, Problem};
use oo_contracts::session::{
    DeviceName, DoorId, DoorsAsk, Issuer, KeysAsk, OidcCallback, OidcStart, PasskeyAnswer, PasskeyFinish,
    PasskeyOptions, PasskeyRemove, PasskeySignInFinish, PasskeySignInStart, PasskeyStart, PersonName, SessionsEnd,
    TokenAsk, Ways, WaysAsk,
};
use oo_contracts::wire::{Check, OwnerLink, Session};
use oo_runtime::web::{self, Answer};
use oo_subjects::{
    DOORS, END_SESSION, END_SESSIONS, MAKE_TOKEN, OIDC_CALLBACK, OIDC_START, PASSKEY_FINISH, PASSKEY_REMOVE,
    PASSKEY_SIGN_IN, PASSKEY_SIGN_IN_START, PASSKEY_START, RENEW_SESSION, SIGN_IN_OWNER, SIGNING_KEYS, WAYS,
};
use std::collections::HashMap;
use warp::http::{HeaderValue, header};

/// Seconds that a sign-in at an issuer or a passkey may take.
const SIGN_IN_SECONDS: u64 = 600;
/// Characters of a name that are kept.
const MAX_NAME: usize = 80;

/// How people may sign in.
pub(crate) async fn ways(gateway: &Gateway, request: &Request) -> Result<Answer, Problem> {
    let ways = gateway.ctx.bus.ask(WAYS, &WaysAsk {}).await.map_err(problem)?;
    let session = request.cookie(gateway.cookie_names().session).is_some_and(|secret| !secret.is_empty());
    Ok(web::json(200, &Ways { session, ..ways }))
}

/// By the owner's one-time link.
pub(crate) async fn owner(gateway: &Gateway, request: &Request) -> Result<Answer, Problem> {
    guard(gateway, request)?;
    let OwnerSignIn { token } = request.json()?;
    let link = OwnerLink { token, device: Some(device(request)) };
    let begun = gateway.ctx.bus.ask(SIGN_IN_OWNER, &link).await.map_err(problem)?;
    Ok(signed_in(gateway, request, &begun, web::empty(204)).await)
}

/// To an issuer. Somebody who is signed in already adds one more way in.
pub(crate) async fn to_issuer(gateway: &Gateway, issuer: &str, request: &Request) -> Result<Answer, Problem> {
    guard(gateway, request)?;
    let user = match request.cookie(gateway.cookie_names().session) {
        Some(_) => gateway.session(request).await.ok(),
        None => None,
    };
    let start = OidcStart { issuer: named(issuer)?, user };
    let started = gateway.ctx.bus.ask(OIDC_START, &start).await.map_err(problem)?;
    let cookie = gateway.set_sign_in_cookie(&started.transaction, SIGN_IN_SECONDS, started.cross_site);
    Ok(with_cookie(web::json(200, &LinkTo { authorize: started.authorize }), &cookie))
}

/// Back from an issuer: by a redirect, or by a POST of a form where the issuer insists.
pub(crate) async fn from_issuer(gateway: &Gateway, issuer: &str, request: &Request) -> Result<Answer, Problem> {
    gateway.limits.sign_in(request.from)?;
    let issuer: Issuer = named(issuer)?;
    let said = said(request)?;
    let get = |name: &str| said.get(name).cloned();
    let transaction = request.cookie(gateway.cookie_names().sign_in);
    let (Some(transaction), Some(state)) = (transaction, get("state")) else {
        return Err(Problem::new(400, "this sign-in was not begun here", "begin again, in this browser"));
    };
    let back = OidcCallback {
        issuer,
        transaction: transaction.to_owned(),
        state,
        code: get("code"),
        error: get("error"),
        iss: get("iss"),
        device: device(request),
        name: get("user").as_deref().and_then(called),
    };
    let forget = gateway.set_cookie(gateway.cookie_names().sign_in, None, 0);
    let within = std::time::Duration::from_secs(30);
    let answer = match gateway.ctx.bus.ask_within(OIDC_CALLBACK, &back, within).await.map_err(problem) {
        Ok(begun) => signed_in(gateway, request, &begun, landing("/")).await,
        // The person said no, or is nobody here: the page tells them.
        Err(problem) if matches!(problem.status, 403 | 409) => landing("/?sign_in=refused"),
        Err(problem) => return Err(problem),
    };
    Ok(with_cookie(answer, &forget))
}

/// To a passkey: what the browser is asked to sign.
pub(crate) async fn to_passkey(gateway: &Gateway, request: &Request) -> Result<Answer, Problem> {
    guard(gateway, request)?;
    let started = gateway.ctx.bus.ask(PASSKEY_SIGN_IN_START, &PasskeySignInStart {}).await.map_err(problem)?;
    let cookie = gateway.set_sign_in_cookie(&started.transaction, SIGN_IN_SECONDS, false);
    Ok(with_cookie(web::json(200, &PasskeyOptions { options: started.options }), &cookie))
}

/// By a passkey.
pub(crate) async fn by_passkey(gateway: &Gateway, request: &Request) -> Result<Answer, Problem> {
    guard(gateway, request)?;
    let PasskeyAnswer { credential } = request.json()?;
    let transaction = transaction(gateway, request)?;
    let signed = PasskeySignInFinish { transaction, credential, device: device(request) };
    let begun = gateway.ctx.bus.ask(PASSKEY_SIGN_IN, &signed).await.map_err(problem)?;
    let answer = signed_in(gateway, request, &begun, web::empty(204)).await;
    Ok(with_cookie(answer, &gateway.set_cookie(gateway.cookie_names().sign_in, None, 0)))
}

/// A new passkey of somebody who is signed in: what the browser is asked to make.
pub(crate) async fn make_passkey(gateway: &Gateway, user: UserId) -> Result<Answer, Problem> {
    let started = gateway.ctx.bus.ask(PASSKEY_START, &PasskeyStart { user }).await.map_err(problem)?;
    let cookie = gateway.set_sign_in_cookie(&started.transaction, SIGN_IN_SECONDS, false);
    Ok(with_cookie(web::json(200, &PasskeyOptions { options: started.options }), &cookie))
}

/// The browser made it.
pub(crate) async fn keep_passkey(gateway: &Gateway, user: UserId, request: &Request) -> Result<Answer, Problem> {
    let PasskeyAnswer { credential } = request.json()?;
    let (transaction, secret) = (transaction(gateway, request)?, secret(gateway, request)?);
    let made = PasskeyFinish { user, transaction, credential, device: device(request) };
    gateway.ctx.bus.ask(PASSKEY_FINISH, &made).await.map_err(problem)?;
    let answer = renewed(gateway, &secret, web::empty(204)).await?;
    Ok(with_cookie(answer, &gateway.set_cookie(gateway.cookie_names().sign_in, None, 0)))
}

pub(crate) async fn remove_passkey(
    gateway: &Gateway,
    user: UserId,
    id: &str,
    request: &Request,
) -> Result<Answer, Problem> {
    let (id, secret): (DoorId, _) = (named(id)?, secret(gateway, request)?);
    gateway.ctx.bus.ask(PASSKEY_REMOVE, &PasskeyRemove { user, id }).await.map_err(problem)?;
    renewed(gateway, &secret, web::empty(204)).await
}

/// A person's passkeys and sessions.
pub(crate) async fn doors(gateway: &Gateway, user: UserId, request: &Request) -> Result<Answer, Problem> {
    let secret = secret(gateway, request)?;
    Ok(web::json(200, &gateway.ctx.bus.ask(DOORS, &DoorsAsk { user, secret }).await.map_err(problem)?))
}

/// Ends this session.
pub(crate) async fn sign_out(gateway: &Gateway, request: &Request) -> Result<Answer, Problem> {
    let secret = secret(gateway, request)?;
    gateway.ctx.bus.ask(END_SESSION, &Check { secret }).await.map_err(problem)?;
    Ok(with_cookie(web::empty(204), &gateway.set_cookie(gateway.cookie_names().session, None, 0)))
}

/// Ends one session by its name, or all others.
pub(crate) async fn end_sessions(
    gateway: &Gateway,
    user: UserId,
    id: Option<&str>,
    request: &Request,
) -> Result<Answer, Problem> {
    let id = id.map(named).transpose()?;
    let secret = secret(gateway, request)?;
    gateway.ctx.bus.ask(END_SESSIONS, &SessionsEnd { user, id, secret }).await.map_err(problem)?;
    Ok(web::empty(204))
}

/// A short-lived access token for this session.
pub(crate) async fn token(gateway: &Gateway, request: &Request) -> Result<Answer, Problem> {
    let secret = secret(gateway, request)?;
    Ok(web::json(200, &gateway.ctx.bus.ask(MAKE_TOKEN, &TokenAsk { secret }).await.map_err(problem)?))
}

/// The keys that access tokens are signed with.
pub(crate) async fn keys(gateway: &Gateway) -> Result<Answer, Problem> {
    Ok(web::json(200, &gateway.ctx.bus.ask(SIGNING_KEYS, &KeysAsk {}).await.map_err(problem)?))
}

/// Only from our own page, and not too often.
fn guard(gateway: &Gateway, request: &Request) -> Result<(), Problem> {
    gateway.must_be_own_page(request)?;
    gateway.limits.sign_in(request.from)
}

/// A session begins: whatever session the browser came with ends, so nobody can have planted it.
async fn signed_in(gateway: &Gateway, request: &Request, begun: &Session, answer: Answer) -> Answer {
    let name = gateway.cookie_names().session;
    if let Some(secret) = request.cookie(name) {
        let _ = gateway.ctx.bus.ask(END_SESSION, &Check { secret: secret.to_owned() }).await;
    }
    with_cookie(answer, &gateway.set_cookie(name, Some(&begun.secret), begun.idle_seconds))
}

/// Who may come in has changed: the session goes on under a new secret, and whoever has the old one is out.
async fn renewed(gateway: &Gateway, secret: &str, answer: Answer) -> Result<Answer, Problem> {
    let renewed = gateway.ctx.bus.ask(RENEW_SESSION, &Check { secret: secret.to_owned() }).await.map_err(problem)?;
    let name = gateway.cookie_names().session;
    Ok(with_cookie(answer, &gateway.set_cookie(name, Some(&renewed.secret), renewed.idle_seconds)))
}

/// What an issuer says: in the query, or in the form that it lets the browser post. What else a form holds is
/// nobody's business here.
fn said(request: &Request) -> Result<HashMap<String, String>, Problem> {
    let pairs = match request.method {
        warp::http::Method::POST => {
            let kind = request.header("content-type").and_then(|kind| kind.split(';').next()).map(str::trim);
            if kind != Some("application/x-www-form-urlencoded") {
                return Err(Problem::new(415, "no form", "send application/x-www-form-urlencoded"));
            }
            &request.body[..]
        }
        _ => request.query.as_bytes(),
    };
    let mut said = HashMap::new();
    for (name, value) in url::form_urlencoded::parse(pairs) {
        // Twice the same name is nothing that an issuer sends.
        if said.insert(name.into_owned(), value.into_owned()).is_some() {
            return Err(Problem::new(400, "said twice", "begin again"));
        }
    }
    Ok(said)
}

/// What Apple's form says, once, that somebody is called. Anybody can write into a form: of it only letters are kept, few, and
/// an address in it is not even read.
fn called(user: &str) -> Option<PersonName> {
    #[derive(serde::Deserialize)]
    struct User {
        name: Name,
    }
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Name {
        #[serde(default)]
        first_name: String,
        #[serde(default)]
        last_name: String,
    }
    let User { name } = serde_json::from_str(user).ok()?;
    let plain = |c: &char| c.is_alphanumeric() || " '’.-".contains(*c);
    let said = format!("{} {}", name.first_name, name.last_name);
    let words: Vec<&str> = said.split_whitespace().collect();
    let kept: String = words.join(" ").chars().filter(plain).take(MAX_NAME).collect();
    kept.trim().parse().ok()
}

/// The secret of the session: an access token is not enough for what changes who may come in.
fn secret(gateway: &Gateway, request: &Request) -> Result<String, Problem> {
    let secret = request.cookie(gateway.cookie_names().session).filter(|secret| !secret.is_empty());
    secret.map(ToOwned::to_owned).ok_or_else(|| Problem::new(403, "not with a token", "use the session itself"))
}

fn transaction(gateway: &Gateway, request: &Request) -> Result<String, Problem> {
    let transaction = request.cookie(gateway.cookie_names().sign_in).filter(|value| !value.is_empty());
    transaction
        .map(ToOwned::to_owned)
        .ok_or_else(|| Problem::new(400, "not begun here", "begin again, in this browser"))
}

fn landing(path: &'static str) -> Answer {
    let mut answer = web::empty(303);
    answer.headers_mut().insert(header::LOCATION, HeaderValue::from_static(path));
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// What the browser calls itself, in a few plain words of ours: for its owner to tell it by, and for nothing else.
pub(crate) fn device(request: &Request) -> DeviceName {
    let said = request.header("user-agent").unwrap_or_default();
    let first =
        |known: &[(&str, &'static str)]| known.iter().find(|(mark, _)| said.contains(mark)).map(|(_, name)| *name);
    // In this order: nearly all of them also say that they are another.
    let browser = first(&[
        ("Firefox/", "Firefox"),
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ]);
    let system = first(&[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Mac OS X", "macOS"),
        ("Windows", "Windows"),
        ("Linux", "Linux"),
    ]);
    let name = match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => "another device".to_owned(),
    };
    name.parse().expect("a short name")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S33: the posted name is anybody's writing.
    #[test]
    fn s33_a_posted_name_is_read_as_letters_and_everything_else_is_dropped() {
        let name = |user: &str| called(user).map(|name| name.as_str().to_owned());
        let told = |first: &str, last: &str| {
            let user =
                serde_json::json!({ "name": { "firstName": first, "lastName": last }, "email": "x@evil.example" });
            name(&user.to_string())
        };
        assert_eq!(told("Ada", "Lovelace").as_deref(), Some("Ada Lovelace"));
        assert_eq!(told(" Zoë\n", "O’Brien-Łuk").as_deref(), Some("Zoë O’Brien-Łuk"));
        assert_eq!(told("<img src=x>", "\u{202e}\u{0}").as_deref(), Some("img srcx"));
        assert_eq!(told(&"x".repeat(10_000), "").map(|name| name.len()), Some(MAX_NAME));
        assert_eq!(told("", " \t"), None);
        for none in ["", "{}", "[]", "{\"name\":\"Ada\"}", "{\"name\":{\"firstName\":7}}", &"[".repeat(60_000)] {
            assert_eq!(name(none), None);
        }
        assert_eq!(name(r#"{"name":{"firstName":"Ada"}}"#).as_deref(), Some("Ada"));
    }
}
