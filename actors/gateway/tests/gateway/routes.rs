//! Each listed route answers, by its door; nothing else does.

use crate::place::{Place, cookie, problem};
use oo_contracts::http::{Door, ROUTES, Route};
use reqwest::Method;
use reqwest::header::COOKIE;
use serde_json::{Value, json};

/// A path with something plausible for each part that varies.
fn filled(route: &Route) -> String {
    let parts = [
        ("{tip}", "tip-0123456789abcdef"),
        ("{account}", "account-0123456789"),
        ("{device}", "device-1"),
        ("{id}", "0123456789abcdef"),
        ("{issuer}", "oidc"),
        ("{receipt}", "0123456789abcdef"),
        ("{token}", "0123456789abcdef.0123456789abcdef"),
    ];
    let path = parts.iter().fold(route.path.to_owned(), |path, (name, value)| path.replace(name, value));
    let path = path.replace("{provider}", "todoist");
    assert!(!path.contains('{'), "{path}: give the test a value for it");
    path
}

/// Whether a path is one of the route's.
fn fits(route: &Route, path: &str) -> bool {
    let (wanted, given) = (route.path.split('/'), path.split('/'));
    wanted.clone().count() == given.clone().count()
        && wanted.zip(given).all(|(wanted, given)| wanted == given || (wanted.starts_with('{') && !given.is_empty()))
}

/// What the route is sent, as its type in the contracts wants it.
fn body(place: &Place, route: &Route) -> Option<Value> {
    Some(match route.request? {
        "OwnerSignIn" => json!({ "token": place.token }),
        "OwnSignals" => json!({ "signals": [{ "id": "signal-1", "fact": { "kind": "mood", "level": 3 } }] }),
        "AnswerByToken" => json!({ "token": format!("{}.{}", "0".repeat(32), "A".repeat(43)) }),
        "TipAnswer" => json!({ "id": "answer-1", "answer": { "kind": "done" } }),
        "Subscription" => {
            let browser = place.sandbox.push().subscribe();
            json!({ "device": "device-1", "endpoint": browser.endpoint, "language": "en",
                    "keys": { "p256dh": browser.p256dh, "auth": browser.auth } })
        }
        // Todoist has one address for everybody.
        "OwnServer" => return None,
        "EmailAsk" => json!({ "address": "ada@lovelace.org", "language": "en" }),
        "EmailCode" => json!({ "code": "01234567" }),
        "EraseEverything" => json!({ "confirmation": "0".repeat(64) }),
        "PasskeyAnswer" => json!({ "credential": "{}" }),
        other => panic!("the test has no {other} to send"),
    })
}

fn method(route: &Route) -> Method {
    route.method.parse().unwrap()
}

#[tokio::test]
async fn every_route_answers_as_the_table_says() {
    let place = Place::new().await;
    let mut session = String::new();
    // Signing out comes last, or nothing after it would answer.
    let (out, others): (Vec<&Route>, Vec<&Route>) =
        ROUTES.iter().partition(|route| route.method == "DELETE" && route.path == "/api/v1/session");
    assert_eq!(out.len(), 1);
    for route in others.into_iter().chain(out) {
        let mut request = place.page(method(route), &filled(route));
        if !session.is_empty() {
            request = request.header(COOKIE, &session);
        }
        if let Some(body) = body(&place, route) {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let told = format!("{} {} answered {status}", route.method, route.path);
        if route.path == "/api/v1/session/owner" {
            session = cookie(&answer);
        }
        match (route.door, route.path) {
            // Nothing was begun, so there is nothing to come back to.
            (_, "/integrations/{provider}/callback") => assert_eq!(status, 400, "{told}"),
            (_, "/auth/{issuer}/callback") => assert!(matches!(status, 400 | 415), "{told}"),
            // Nobody is set up there, and nothing is called so.
            (_, "/api/v1/session/oidc/{issuer}" | "/api/v1/accounts/{account}" | "/api/v1/passkeys/{id}") => {
                assert_eq!(status, 404, "{told}");
            }
            (_, "/api/v1/sessions/{id}" | "/api/v1/erasures/{receipt}") => assert_eq!(status, 404, "{told}"),
            // The one before it forgot the device.
            (_, "/api/v1/push/subscription/{device}/test") => assert_eq!(status, 404, "{told}"),
            // Nobody was given that token.
            (_, "/api/v1/answers") => assert_eq!(status, 410, "{told}"),
            // There is no mail server in the settings; so no code is awaited, and no letter has a token.
            (Door::Session, "/api/v1/email") if route.method == "PUT" => assert_eq!(status, 404, "{told}"),
            (_, "/api/v1/email/code") => assert_eq!(status, 410, "{told}"),
            (_, "/api/v1/email/stop/{token}") if route.method == "POST" => assert_eq!(status, 410, "{told}"),
            // A confirmation that nobody made confirms nothing.
            (_, "/api/v1/me/erase") => assert_eq!(status, 403, "{told}"),
            // The browser's answer is none.
            (_, "/api/v1/session/passkey" | "/api/v1/passkeys") => assert!(matches!(status, 400 | 403), "{told}"),
            // It carries no signature.
            (Door::Provider, _) => assert!(matches!(status, 400..=403), "{told}"),
            _ => assert_eq!(status, route.status, "{told}"),
        }
        if status >= 400 {
            let problem = problem(answer).await;
            assert_ne!(problem.detail, "there is nothing at this address", "{told}");
        } else if route.path == "/api/v1/stream" {
            assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/event-stream"));
        } else if route.answer.is_some() {
            assert_eq!(answer.headers()["content-type"], "application/json", "{told}");
            assert_eq!(answer.headers()["cache-control"], "no-store", "{told}");
        }
    }
}

#[tokio::test]
async fn nothing_else_answers() {
    let place = Place::new().await;
    let session = place.session().await;
    let methods = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    for route in ROUTES {
        let path = filled(route);
        let listed: Vec<Method> = ROUTES.iter().filter(|other| filled(other) == path).map(method).collect();
        for other in methods.iter().filter(|method| !listed.contains(method)) {
            let answer = place.signed_in(&session, other.clone(), &path).send().await.unwrap();
            assert_eq!(answer.status(), 405, "{other} {path}");
            let allowed: Vec<Method> =
                answer.headers()["allow"].to_str().unwrap().split(", ").map(|name| name.parse().unwrap()).collect();
            assert_eq!(allowed, listed, "{path}");
            problem(answer).await;
        }
        let near = [format!("{path}/"), format!("{path}/more"), format!("/x{path}"), path.to_uppercase()];
        for near in near.into_iter().filter(|near| !ROUTES.iter().any(|route| fits(route, near))) {
            let answer = place.signed_in(&session, method(route), &near).send().await.unwrap();
            assert_eq!(answer.status(), 404, "{near}");
            problem(answer).await;
        }
    }
    for path in ["/api", "/api/v2/state", "/admin", "/recommend", "/../Cargo.toml", "/%2e%2e/Cargo.toml", "/tests/"] {
        let answer = place.signed_in(&session, Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
    }
}

#[tokio::test]
async fn without_a_session_nobody_comes_in() {
    let place = Place::new().await;
    for route in ROUTES.iter().filter(|route| route.door == Door::Session) {
        for session in ["", "oo=", "oo=0000", "other=1", "oo=../../etc"] {
            let request = place.signed_in(session, method(route), &filled(route));
            let answer = request.json(&json!({})).send().await.unwrap();
            assert_eq!(answer.status(), 401, "{} {} with {session:?}", route.method, route.path);
            problem(answer).await;
        }
    }
    assert!(place.link_is_unused().await);
}

#[tokio::test]
async fn a_change_from_another_page_is_refused_whatever_cookies_come_with_it() {
    let place = Place::new().await;
    let session = place.session().await;
    let before = place.state(&session).await;
    let changing = |route: &&Route| matches!(route.door, Door::Session | Door::OwnPage) && route.method != "GET";
    for route in ROUTES.iter().filter(changing) {
        let request = || {
            let request = place.bare(method(route), &filled(route)).header(COOKIE, &session);
            match body(&place, route) {
                Some(body) => request.json(&body),
                None => request,
            }
        };
        let own = |request: reqwest::RequestBuilder| request.header("origin", &place.origin).header("x-oo", "1");
        let forged = [
            ("nothing of ours", request()),
            ("no header of ours", request().header("origin", &place.origin)),
            ("no origin", request().header("x-oo", "1")),
            ("another origin", request().header("origin", "https://evil.example").header("x-oo", "1")),
            ("a null origin", request().header("origin", "null").header("x-oo", "1")),
            (
                "an origin that begins like ours",
                request().header("origin", format!("{}.evil", place.origin)).header("x-oo", "1"),
            ),
            ("another port", request().header("origin", "http://127.0.0.1:1").header("x-oo", "1")),
            ("a sibling site", own(request()).header("sec-fetch-site", "same-site")),
            ("another site", own(request()).header("sec-fetch-site", "cross-site")),
            ("a typed address", own(request()).header("sec-fetch-site", "none")),
        ];
        for (what, request) in forged {
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), 403, "{} {} with {what}", route.method, route.path);
            problem(answer).await;
        }
    }
    // Still signed in, and nothing happened.
    assert_eq!(place.state(&session).await["version"], before["version"]);
    assert_eq!(place.state(&session).await["push"], before["push"]);
}
