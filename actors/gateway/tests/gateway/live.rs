//! The live stream.

use crate::place::{Place, problem};
use oo_contracts::http::State;
use oo_testkit::Events;
use reqwest::Method;
use serde_json::json;
use std::time::Duration;

async fn open(place: &Place, session: &str) -> Events {
    let answer = place.signed_in(session, Method::GET, "/api/v1/stream").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    Events::of(answer)
}

/// The next event's id and state.
async fn next(events: &mut Events) -> (String, State) {
    let event = tokio::time::timeout(Duration::from_secs(30), events.next()).await.unwrap().expect("the stream ended");
    assert_eq!(event.name, "state");
    (event.id, serde_json::from_str(&event.data).unwrap())
}

#[tokio::test]
async fn the_state_comes_at_once_and_again_when_something_happened() {
    let place = Place::new().await;
    let session = place.session().await;
    let mut events = open(&place, &session).await;
    let (first, state) = next(&mut events).await;
    assert_eq!(state.version, first);
    let fact = json!({ "signals": [{ "id": "s1", "fact": { "kind": "zone", "zone": "Asia/Kathmandu" } }] });
    let sent = place.signed_in(&session, Method::POST, "/api/v1/signals").json(&fact).send().await.unwrap();
    assert_eq!(sent.status(), 202);
    let changed = loop {
        let (id, state) = next(&mut events).await;
        if state.zone == "Asia/Kathmandu" {
            break id;
        }
    };
    assert!(changed.parse::<u64>().unwrap() > first.parse::<u64>().unwrap());
    // Somebody who comes back with an old id is told everything, as everybody is.
    let again = place.signed_in(&session, Method::GET, "/api/v1/stream").header("last-event-id", &first);
    let mut again = Events::of(again.send().await.unwrap());
    assert_eq!(next(&mut again).await.1.zone, "Asia/Kathmandu");
}

#[tokio::test]
async fn a_person_has_so_many_streams_and_one_that_closes_makes_room() {
    let place = Place::new().await;
    let session = place.session().await;
    let mut pages = Vec::new();
    for _ in 0..8 {
        pages.push(open(&place, &session).await);
    }
    let one_more = place.signed_in(&session, Method::GET, "/api/v1/stream").send().await.unwrap();
    assert_eq!(problem(one_more).await.status, 429);
    pages.pop();
    oo_testkit::eventually("there is room again", || async {
        let answer = place.signed_in(&session, Method::GET, "/api/v1/stream").send().await.unwrap();
        (answer.status() == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_stream_ends_when_the_service_does_and_does_not_hold_it_up() {
    let place = Place::new().await;
    let session = place.session().await;
    let mut events = open(&place, &session).await;
    next(&mut events).await;
    tokio::time::timeout(Duration::from_secs(20), place.gateway.stop()).await.expect("it stops").unwrap();
    let rest = tokio::time::timeout(Duration::from_secs(10), async { while events.next().await.is_some() {} });
    rest.await.expect("the stream ended");
}
