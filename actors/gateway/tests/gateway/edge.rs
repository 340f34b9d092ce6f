//! What a stranger says of themselves, and what they are told.

use crate::place::{ORIGIN_HTTPS, Place, problem};
use reqwest::Method;
use reqwest::header::SET_COOKIE;
use serde_json::json;

/// S32: who somebody is, the session alone says.
#[tokio::test]
async fn s32_names_that_a_stranger_gives_themselves_are_ignored() {
    let place = Place::new().await;
    let session = place.session().await;
    let people = place.house.people().await;
    let victim = people.find_or_make(&"victim".parse().unwrap()).await.unwrap();
    let names = ["x-user-id", "x-user", "x-forwarded-user", "x-auth-request-user", "remote-user", "x-oo-user", "from"];
    for name in names {
        let request = place.page(Method::GET, "/api/v1/state").header(name, "victim");
        assert_eq!(request.send().await.unwrap().status(), 401, "{name}");
        let mood = json!({ "signals": [{ "id": name, "fact": { "kind": "mood", "level": 1 } }] });
        let request = place.signed_in(&session, Method::POST, "/api/v1/signals").header(name, "victim").json(&mood);
        assert_eq!(request.send().await.unwrap().status(), 202, "{name}");
    }
    let log = place.house.context("test").await.logbook().read(&victim, 0).await.unwrap();
    assert!(log.entries.is_empty());
    // What services ask each other has no address here.
    for inside in ["/health", "/metrics", "/recommend", "/oo.v1.session.check", "/api/v1/session/check"] {
        let answer =
            place.signed_in(&session, Method::POST, inside).json(&json!({ "secret": "x" })).send().await.unwrap();
        assert!(matches!(answer.status().as_u16(), 404 | 405), "{inside} answers {}", answer.status());
    }
}

/// S29: whatever is answered, the browser is held to it; and nobody keeps what is secret.
#[tokio::test]
async fn s29_every_kind_of_answer_is_guarded_and_what_is_a_persons_is_not_kept() {
    let place = Place::at(Some(ORIGIN_HTTPS)).await;
    let session = place.session().await;
    let asked = [
        (Method::GET, "/", 200, false),
        (Method::GET, "/api/v1/state", 200, true),
        (Method::GET, "/api/v1/doors", 200, true),
        (Method::GET, "/api/v1/ways", 200, true),
        (Method::POST, "/api/v1/token", 200, true),
        (Method::GET, "/auth/oidc/callback?code=c&state=s", 400, true),
        (Method::GET, "/integrations/todoist/callback?code=c&state=s", 400, true),
        (Method::GET, "/nowhere", 404, true),
        (Method::PUT, "/api/v1/state", 405, true),
    ];
    for (method, path, status, secret) in asked {
        let answer =
            place.signed_in(&session, method, path).header("origin", "https://evil.example").send().await.unwrap();
        // Reading is refused to nobody who has the session; changing is, from elsewhere.
        assert!(answer.status() == status || answer.status() == 403, "{path}: {}", answer.status());
        let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let policy = header("content-security-policy").unwrap();
        for rule in ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"] {
            assert!(policy.split("; ").any(|part| part.trim() == rule), "{path}: {rule}");
        }
        assert_eq!(header("strict-transport-security").as_deref(), Some("max-age=63072000"), "{path}");
        assert_eq!(header("x-content-type-options").as_deref(), Some("nosniff"), "{path}");
        assert_eq!(header("referrer-policy").as_deref(), Some("no-referrer"), "{path}");
        assert_eq!(header("access-control-allow-origin"), None, "{path}: no other origin reads anything here");
        if secret {
            assert_eq!(header("cache-control").as_deref(), Some("no-store"), "{path}");
        }
    }
}

/// S28: what a provider or a stranger writes is not said back, and no cause leaves.
#[tokio::test]
async fn s28_an_error_says_nothing_that_was_sent_and_no_cause() {
    let place = Place::new().await;
    let session = place.session().await;
    let evil = "%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E";
    for path in [
        format!("/auth/oidc/callback?error={evil}&error_description={evil}&state={evil}"),
        format!("/integrations/todoist/callback?error={evil}&error_description={evil}&state={evil}"),
        format!("/api/v1/{evil}"),
    ] {
        let answer =
            place.signed_in(&session, Method::GET, &path).header("cookie", "oo_in=1; oo_txn=1").send().await.unwrap();
        assert!(answer.headers().get(SET_COOKIE).is_none_or(|set| !set.to_str().unwrap().contains("onerror")));
        let problem = problem(answer).await;
        assert!(matches!(problem.status, 400 | 401 | 404), "{path}: {problem}");
        let said = format!("{problem}");
        for word in ["onerror", "img", "%3C", "redis", "nats", "127.0.0.1", ".rs", "panicked"] {
            assert!(!said.contains(word), "{path} says {said}");
        }
    }
}
