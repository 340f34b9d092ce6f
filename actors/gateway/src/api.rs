//! The routes of `contracts::http::ROUTES`, each in a few lines.

use crate::doors::Request;
use crate::state::problem;
use crate::{Gateway, rights, sign_in, state, stream};
use oo_contracts::email::{EmailCode, EmailConfirm, EmailEnd, EmailStart, EmailStop, StopToken};
use oo_contracts::http::{LinkTo, MAX_BATCH, OwnServer, OwnSignals, Problem, SignalsKept, TipAnswer};
use oo_contracts::push::{AnswerByToken, Subscription};
use oo_contracts::signal::{Fact, Signal};
use oo_contracts::wire::{Header, Hook, Ingest, LinkCallback, LinkEnd, LinkStart, PushTest, Subscribe, Unsubscribe};
use oo_contracts::{Provider, UserId};
use oo_runtime::crash;
use oo_runtime::web::{self, Answer};
use oo_subjects::trace::{self, Cause, Kind};
use oo_subjects::{
    ANSWER_BY_TOKEN, EMAIL_CONFIRM, EMAIL_END, EMAIL_START, EMAIL_STOP, HOOK, INGEST, LINK_CALLBACK, LINK_END,
    LINK_START, PUSH_TEST, SUBSCRIBE, UNSUBSCRIBE,
};
use serde::de::DeserializeOwned;
use tracing::Instrument as _;
use warp::http::{HeaderValue, Method, header};

/// A signal may be dated so far ahead: clocks differ.
const AHEAD: jiff::SignedDuration = jiff::SignedDuration::from_mins(5);
/// A signal older than this is no news.
const BEHIND: jiff::SignedDuration = jiff::SignedDuration::from_hours(7 * 24);
/// The longest query that a provider may call with, in bytes, and the longest text it is answered with.
const MOST_QUERY: usize = 4096;
/// Seconds that linking may take.
const LINK_SECONDS: u64 = 600;
/// A provider is asked several things, each within ten seconds.
const LINK_WITHIN: std::time::Duration = std::time::Duration::from_secs(30);

/// A push service is given ten seconds to take a message.
const TEST_WITHIN: std::time::Duration = std::time::Duration::from_secs(15);

/// A mail server is given twenty seconds to let us in.
const LETTER_WITHIN: std::time::Duration = std::time::Duration::from_secs(30);

/// Finds the route and answers. What is in no row of `ROUTES` is not found.
pub(crate) async fn answer(gateway: &Gateway, request: Request) -> Result<Answer, Problem> {
    let path = request.path.clone();
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    if parts.contains(&"") {
        return Err(Problem::new(404, "not found", "there is nothing at this address"));
    }
    let known = match parts.as_slice() {
        ["api", "v1", "session", "owner" | "passkey"] | ["api", "v1", "session", "passkey", "start"] => {
            &[Method::POST][..]
        }
        ["api", "v1", "session", "oidc", _]
        | ["api", "v1", "token" | "passkeys"]
        | ["api", "v1", "passkeys", "start"] => &[Method::POST],
        ["api", "v1", "session" | "sessions"] | ["api", "v1", "sessions" | "passkeys", _] => &[Method::DELETE],
        ["api", "v1", "state" | "stream" | "ways" | "doors"] | [".well-known", "jwks.json"] => &[Method::GET],
        ["api", "v1", "me"] | ["api", "v1", "me", "export"] | ["api", "v1", "erasures", _] => &[Method::GET],
        ["api", "v1", "me", "erase"] | ["api", "v1", "me", "erase", "confirmation"] => &[Method::POST],
        ["auth", _, "callback"] => &[Method::GET, Method::POST],
        ["api", "v1", "signals" | "answers"]
        | ["api", "v1", "tips", _, "answer"]
        | ["api", "v1", "links", _]
        | ["webhooks", _] => &[Method::POST],
        ["api", "v1", "accounts", _] => &[Method::DELETE],
        ["api", "v1", "push", "subscription"] => &[Method::PUT],
        ["api", "v1", "push", "subscription", _] => &[Method::DELETE],
        ["api", "v1", "push", "subscription", _, "test"] => &[Method::POST],
        ["api", "v1", "email"] => &[Method::PUT, Method::DELETE],
        ["api", "v1", "email", "code"] => &[Method::POST],
        ["api", "v1", "email", "stop", _] => &[Method::GET, Method::POST],
        ["integrations", _, "callback"] => &[Method::GET],
        _ => return Err(Problem::new(404, "not found", "there is nothing at this address")),
    };
    if !known.contains(&request.method) {
        let mut answer = web::problem(&Problem::new(405, "method not allowed", "this address takes another method"));
        let allowed: Vec<&str> = known.iter().map(Method::as_str).collect();
        answer
            .headers_mut()
            .insert(header::ALLOW, HeaderValue::from_str(&allowed.join(", ")).expect("methods are plain"));
        return Ok(answer);
    }
    // As far as a path names what is done: what comes after that may be a name or a secret.
    let named = parts[..parts.len().min(3)].join("/");
    let span = trace::span(Kind::Server, format_args!("{} /{named}", request.method), &Cause::default());
    let answer = routed(gateway, &parts, &request).instrument(span.clone()).await;
    answer.inspect_err(|problem| trace::failed(&span, problem.status))
}

async fn routed(gateway: &Gateway, parts: &[&str], request: &Request) -> Result<Answer, Problem> {
    match parts {
        ["api", "v1", "session", "owner"] => sign_in::owner(gateway, request).await,
        ["api", "v1", "session", "oidc", issuer] => sign_in::to_issuer(gateway, issuer, request).await,
        ["api", "v1", "session", "passkey", "start"] => sign_in::to_passkey(gateway, request).await,
        ["api", "v1", "session", "passkey"] => sign_in::by_passkey(gateway, request).await,
        ["api", "v1", "ways"] => sign_in::ways(gateway, request).await,
        [".well-known", "jwks.json"] => sign_in::keys(gateway).await,
        ["api", "v1", "erasures", id] => rights::receipt(gateway, id, request).await,
        ["auth", issuer, "callback"] => sign_in::from_issuer(gateway, issuer, request).await,
        ["api", "v1", "answers"] => {
            gateway.must_be_own_page(request)?;
            gateway.limits.session(request.from)?;
            let asked: AnswerByToken = request.json()?;
            gateway.ctx.bus.ask(ANSWER_BY_TOKEN, &asked).await.map_err(problem)?;
            Ok(web::empty(204))
        }
        ["api", "v1", "email", "stop", token] => stop_letters(gateway, token, request).await,
        ["webhooks", provider] => hook(gateway, named(provider)?, request).await,
        _ => {
            let user = gateway.session(request).await?;
            signed_in(gateway, user, parts, request).await
        }
    }
}

async fn signed_in(gateway: &Gateway, user: UserId, parts: &[&str], request: &Request) -> Result<Answer, Problem> {
    let bus = &gateway.ctx.bus;
    match parts {
        ["api", "v1", "session"] => sign_in::sign_out(gateway, request).await,
        ["api", "v1", "doors"] => sign_in::doors(gateway, user, request).await,
        ["api", "v1", "sessions"] => sign_in::end_sessions(gateway, user, None, request).await,
        ["api", "v1", "sessions", id] => sign_in::end_sessions(gateway, user, Some(id), request).await,
        ["api", "v1", "passkeys", "start"] => sign_in::make_passkey(gateway, user).await,
        ["api", "v1", "passkeys"] => sign_in::keep_passkey(gateway, user, request).await,
        ["api", "v1", "passkeys", id] => sign_in::remove_passkey(gateway, user, id, request).await,
        ["api", "v1", "token"] => sign_in::token(gateway, request).await,
        ["api", "v1", "state"] => Ok(web::json(200, &state::of(gateway, &user).await?)),
        ["api", "v1", "me"] => rights::me(gateway, user).await,
        ["api", "v1", "me", "export"] => rights::export(gateway, user).await,
        ["api", "v1", "me", "erase", "confirmation"] => rights::confirmation(gateway, user).await,
        ["api", "v1", "me", "erase"] => rights::erase(gateway, user, request).await,
        ["api", "v1", "stream"] => stream::open(gateway, user).await,
        ["api", "v1", "signals"] => signals(gateway, user, request.json()?).await,
        ["api", "v1", "tips", tip, "answer"] => {
            let TipAnswer { id, answer } = request.json()?;
            let fact = Fact::Feedback { tip: named(tip)?, answer };
            let signal = Signal { id, user, at: gateway.ctx.clock.now(), fact };
            bus.ask(INGEST, &Ingest { signals: vec![signal] }).await.map_err(problem)?;
            crash::point("10-answered");
            Ok(web::empty(204))
        }
        ["api", "v1", "links", provider] => {
            // The SDK sends an empty object where it has nothing to say.
            let is_empty = request.body.is_empty() || *request.body == *b"{}";
            let server: Option<OwnServer> = if is_empty { None } else { Some(request.json()?) };
            if server.is_some() {
                gateway.limits.link(&user)?;
            }
            let start = LinkStart { user, provider: named(provider)?, server };
            let started = bus.ask_within(LINK_START, &start, LINK_WITHIN).await.map_err(problem)?;
            let answer = web::json(200, &LinkTo { authorize: started.authorize });
            if started.transaction.is_empty() {
                return Ok(answer);
            }
            let cookie = gateway.set_cookie(gateway.cookie_names().link, Some(&started.transaction), LINK_SECONDS);
            Ok(with_cookie(answer, &cookie))
        }
        ["api", "v1", "accounts", account] => {
            bus.ask(LINK_END, &LinkEnd { user, account: named(account)? }).await.map_err(problem)?;
            Ok(web::empty(204))
        }
        ["api", "v1", "push", "subscription"] => {
            let told: Subscription = request.json()?;
            let subscription = Subscription { name: told.name.clone().or(Some(sign_in::device(request))), ..told };
            bus.ask(SUBSCRIBE, &Subscribe { user, subscription }).await.map_err(problem)?;
            Ok(web::empty(204))
        }
        ["api", "v1", "push", "subscription", device] => {
            bus.ask(UNSUBSCRIBE, &Unsubscribe { user, device: named(device)? }).await.map_err(problem)?;
            Ok(web::empty(204))
        }
        ["api", "v1", "push", "subscription", device, "test"] => {
            gateway.limits.link(&user)?;
            bus.ask_within(PUSH_TEST, &PushTest { user, device: named(device)? }, TEST_WITHIN)
                .await
                .map_err(problem)?;
            Ok(web::empty(204))
        }
        ["api", "v1", "email"] if request.method == Method::DELETE => {
            bus.ask(EMAIL_END, &EmailEnd { user }).await.map_err(problem)?;
            Ok(web::empty(204))
        }
        ["api", "v1", "email"] => {
            gateway.limits.link(&user)?;
            let ask = EmailStart { user, ask: request.json()? };
            bus.ask_within(EMAIL_START, &ask, LETTER_WITHIN).await.map_err(problem)?;
            Ok(web::empty(204))
        }
        ["api", "v1", "email", "code"] => {
            let EmailCode { code } = request.json()?;
            bus.ask(EMAIL_CONFIRM, &EmailConfirm { user, code }).await.map_err(problem)?;
            Ok(web::empty(204))
        }
        ["integrations", provider, "callback"] => callback(gateway, user, named(provider)?, request).await,
        _ => Err(Problem::new(404, "not found", "there is nothing at this address")),
    }
}

/// No more letters, says whoever has one. A mail program says it by a POST, for its one click (RFC 8058); whoever only looks
/// at the address comes to the page, which asks first.
async fn stop_letters(gateway: &Gateway, token: &str, request: &Request) -> Result<Answer, Problem> {
    let token: StopToken = named(token)?;
    gateway.limits.session(request.from)?;
    if request.method == Method::GET {
        return Ok(to_page(&format!("/#letter=stop.{token}")));
    }
    gateway.ctx.bus.ask(EMAIL_STOP, &EmailStop { token }).await.map_err(problem)?;
    Ok(web::empty(204))
}

/// All of a batch, or nothing of it.
async fn signals(gateway: &Gateway, user: UserId, batch: OwnSignals) -> Result<Answer, Problem> {
    if batch.signals.is_empty() || batch.signals.len() > MAX_BATCH {
        return Err(Problem::new(422, "batch too large or empty", format!("send 1 to {MAX_BATCH} signals")));
    }
    let now = gateway.ctx.clock.now();
    let mut signals = Vec::with_capacity(batch.signals.len());
    for (index, own) in batch.signals.into_iter().enumerate() {
        let refused =
            |detail: &str| Err(Problem::new(422, "not a signal of your own", format!("signal {index}: {detail}")));
        let at = own.at.unwrap_or(now);
        if !own.fact.is_own() {
            return refused("this fact is not for a person to say");
        }
        if at > now + AHEAD || at < now - BEHIND {
            return refused("its time is too far from now");
        }
        signals.push(Signal { id: own.id, user: user.clone(), at, fact: own.fact });
    }
    let kept = gateway.ctx.bus.ask(INGEST, &Ingest { signals }).await.map_err(problem)?.kept;
    Ok(web::json(202, &SignalsKept { kept }))
}

async fn callback(gateway: &Gateway, user: UserId, provider: Provider, request: &Request) -> Result<Answer, Problem> {
    let transaction = gateway.cookie_names().link;
    let forget = gateway.set_cookie(transaction, None, 0);
    let (Some(bound), Some(state)) = (request.cookie(transaction), request.parameter("state")) else {
        return Err(Problem::new(
            400,
            "this link was not begun here",
            "begin to link the account again, in this browser",
        ));
    };
    let error = request.parameter("error");
    let denied = error.is_some();
    let asked = LinkCallback {
        user,
        provider,
        transaction: bound.to_owned(),
        state,
        code: request.parameter("code"),
        error,
        iss: request.parameter("iss"),
    };
    let landing = match gateway.ctx.bus.ask_within(LINK_CALLBACK, &asked, LINK_WITHIN).await.map_err(problem) {
        Ok(_) => format!("/?linked={}", provider.slug()),
        Err(problem) if denied && problem.status != 400 => format!("/?link_error={}", provider.slug()),
        Err(problem) => return Err(problem),
    };
    Ok(with_cookie(to_page(&landing), &forget))
}

/// Sends the browser to a place of the page.
fn to_page(place: &str) -> Answer {
    let mut answer = web::empty(303);
    if let Ok(value) = HeaderValue::from_str(place) {
        answer.headers_mut().insert(header::LOCATION, value);
    }
    answer
}

/// The raw bytes go on: a signature is over them.
async fn hook(gateway: &Gateway, provider: Provider, request: &Request) -> Result<Answer, Problem> {
    use base64::Engine as _;
    crash::point("1-hook");
    gateway.limits.hook(request.from)?;
    let theirs = |name: &str| {
        name.starts_with("x-todoist-") || name.starts_with("x-goog-") || matches!(name, "content-type" | "user-agent")
    };
    let headers = request.headers.iter().filter(|(name, _)| theirs(name.as_str()));
    let headers = headers.filter_map(|(name, value)| {
        Some(Header { name: name.as_str().to_owned(), value: value.to_str().ok()?.to_owned() })
    });
    if request.query.len() > MOST_QUERY {
        return Err(Problem::new(414, "address too long", format!("send at most {MOST_QUERY} bytes of query")));
    }
    let body = base64::engine::general_purpose::STANDARD.encode(&request.body);
    let query = Some(request.query.clone()).filter(|query| !query.is_empty());
    let hook = Hook { provider, headers: headers.collect(), body, query };
    match gateway.ctx.bus.ask(HOOK, &hook).await.map_err(problem)?.say {
        // Somebody else's text at our address: never more than plain, whatever it holds (`nosniff` comes with all).
        Some(text) if text.len() <= MOST_QUERY => Ok(web::respond(200, "text/plain; charset=utf-8", text)),
        Some(_) => Err(Problem::new(502, "too long an answer", "nothing so long is sent back")),
        None => Ok(web::empty(200)),
    }
}

/// A part of the path as what it names; what cannot be a name is not found.
pub(crate) fn named<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    serde_json::from_value(serde_json::Value::String(text.to_owned()))
        .map_err(|_| Problem::new(404, "not found", "there is nothing by that name"))
}

pub(crate) fn with_cookie(mut answer: Answer, cookie: &str) -> Answer {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        answer.headers_mut().append(header::SET_COOKIE, value);
    }
    answer
}
