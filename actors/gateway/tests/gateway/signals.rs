//! A person's own facts: what is one is kept, what is none is told and changes nothing.

use crate::place::{Place, problem};
use oo_contracts::http::SignalsKept;
use reqwest::{Method, Response};
use serde_json::{Value, json};

async fn post(place: &Place, session: &str, body: &Value) -> Response {
    place.signed_in(session, Method::POST, "/api/v1/signals").json(body).send().await.unwrap()
}

fn batch(signals: impl IntoIterator<Item = Value>) -> Value {
    json!({ "signals": signals.into_iter().collect::<Vec<_>>() })
}

fn mood(id: &str) -> Value {
    json!({ "id": id, "fact": { "kind": "mood", "level": 4 } })
}

#[tokio::test]
async fn a_batch_of_own_facts_is_kept_in_order_and_once() {
    let place = Place::new().await;
    let session = place.session().await;
    let facts = batch([
        mood("one"),
        json!({ "id": "two", "fact": { "kind": "zone", "zone": "Asia/Kathmandu" } }),
        json!({ "id": "three", "fact": { "kind": "presence", "present": true } }),
    ]);
    let first = post(&place, &session, &facts).await;
    assert_eq!(first.status(), 202);
    let first: SignalsKept = first.json().await.unwrap();
    assert_eq!(first.kept.iter().map(|kept| kept.id.as_str()).collect::<Vec<_>>(), ["one", "two", "three"]);
    assert!(first.kept.windows(2).all(|pair| pair[0].seq < pair[1].seq));
    let again: SignalsKept = post(&place, &session, &facts).await.json().await.unwrap();
    assert!(again.kept.iter().all(|kept| kept.duplicate));
    // Accepted means in the log: the very next look knows it.
    assert_eq!(place.state(&session).await["zone"], "Asia/Kathmandu");
}

#[tokio::test]
async fn what_is_no_signal_of_ones_own_is_refused_and_nothing_of_its_batch_is_kept() {
    let place = Place::new().await;
    let session = place.session().await;
    let before = place.state(&session).await;
    let late = place.house.context("test").await.clock.now() + jiff::SignedDuration::from_hours(2);
    let task = json!({ "account": "a1", "item": "t1" });
    let refused = [
        ("no batch", json!({ "signal": [] })),
        ("an empty batch", batch([])),
        ("too many", batch((0..101).map(|n| mood(&format!("s{n}"))))),
        ("no id", batch([json!({ "fact": { "kind": "mood", "level": 4 } })])),
        ("an id too long", batch([mood(&"x".repeat(300))])),
        ("an unknown kind", batch([mood("ok"), json!({ "id": "s", "fact": { "kind": "teleported" } })])),
        ("a level too high", batch([mood("ok"), json!({ "id": "s", "fact": { "kind": "mood", "level": 9 } })])),
        ("a level of text", batch([json!({ "id": "s", "fact": { "kind": "mood", "level": "high" } })])),
        (
            "a provider's fact",
            batch([mood("ok"), json!({ "id": "s", "fact": { "kind": "task_completed", "task": task } })]),
        ),
        ("a service's fact", batch([json!({ "id": "s", "fact": { "kind": "account_unlinked", "account": "a1" } })])),
        ("a community", batch([json!({ "id": "s", "fact": { "kind": "joined", "tenant": "club" } })])),
        ("the future", batch([json!({ "id": "s", "at": late, "fact": { "kind": "mood", "level": 4 } })])),
        (
            "long ago",
            batch([json!({ "id": "s", "at": "2020-01-01T00:00:00Z", "fact": { "kind": "mood", "level": 4 } })]),
        ),
    ];
    for (what, body) in refused {
        let answer = post(&place, &session, &body).await;
        assert_eq!(answer.status(), 422, "{what}");
        assert!(!problem(answer).await.detail.is_empty(), "{what}");
    }
    assert_eq!(place.state(&session).await["version"], before["version"], "something was kept");
}

#[tokio::test]
async fn a_signal_for_somebody_else_is_about_oneself() {
    let place = Place::new().await;
    let session = place.session().await;
    let people = place.house.people().await;
    let bob = people.find_or_make(&"bob".parse().unwrap()).await.unwrap();
    // Whose it is says the session; a name in the body is a field that nobody reads.
    let body = batch([json!({ "id": "s1", "user": "bob", "fact": { "kind": "mood", "level": 1 } })]);
    assert_eq!(post(&place, &session, &body).await.status(), 202);
    let log = place.house.context("test").await.logbook().read(&bob, 0).await.unwrap();
    assert!(log.entries.is_empty());
}

#[tokio::test]
async fn what_is_too_large_or_no_json_is_refused_by_its_kind() {
    let place = Place::new().await;
    let session = place.session().await;
    let before = place.state(&session).await;
    let send = |kind: &'static str, body: String| {
        let request = place.signed_in(&session, Method::POST, "/api/v1/signals").header("content-type", kind);
        async move { request.body(body).send().await.unwrap() }
    };
    let large = format!("{{\"signals\":[],\"pad\":\"{}\"}}", "x".repeat(70_000));
    assert_eq!(send("application/json", large).await.status(), 413);
    assert_eq!(send("application/json", "x".repeat(3_000_000)).await.status(), 413);
    assert_eq!(send("text/plain", batch([mood("s1")]).to_string()).await.status(), 415);
    assert_eq!(send("application/json", "{\"signals\":".into()).await.status(), 422);
    assert_eq!(send("application/json", String::new()).await.status(), 422);
    let deep = "[".repeat(60_000);
    assert_eq!(send("application/json", deep).await.status(), 422);
    assert_eq!(place.state(&session).await["version"], before["version"]);
}
