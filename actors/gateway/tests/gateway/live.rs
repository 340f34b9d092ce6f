//! The live stream.

use crate::place::{Place, problem};
use oo_contracts::http::State;
use reqwest::{Method, Response};
use serde_json::json;
use std::time::Duration;

/// Reads server-sent events one by one.
struct Events {
    answer: Response,
    text: String,
}

impl Events {
    async fn open(place: &Place, session: &str) -> Self {
        let answer = place.signed_in(session, Method::GET, "/api/v1/stream").send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["cache-control"], "no-store");
        Self { answer, text: String::new() }
    }

    /// The next event's id and state; comments are passed over.
    async fn next(&mut self) -> (String, State) {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                let field =
                    |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(|v| v.trim().to_owned());
                if let Some(data) = field("data:") {
                    assert_eq!(field("event:").as_deref(), Some("state"));
                    return (field("id:").unwrap(), serde_json::from_str(&data).unwrap());
                }
                continue;
            }
            let more = tokio::time::timeout(Duration::from_secs(30), self.answer.chunk()).await.unwrap();
            self.text.push_str(std::str::from_utf8(&more.unwrap().expect("the stream ended")).unwrap());
        }
    }
}

#[tokio::test]
async fn the_state_comes_at_once_and_again_when_something_happened() {
    let place = Place::new().await;
    let session = place.session().await;
    let mut events = Events::open(&place, &session).await;
    let (first, state) = events.next().await;
    assert_eq!(state.version, first);
    let fact = json!({ "signals": [{ "id": "s1", "fact": { "kind": "zone", "zone": "Asia/Kathmandu" } }] });
    let sent = place.signed_in(&session, Method::POST, "/api/v1/signals").json(&fact).send().await.unwrap();
    assert_eq!(sent.status(), 202);
    let changed = loop {
        let (id, state) = events.next().await;
        if state.zone == "Asia/Kathmandu" {
            break id;
        }
    };
    assert!(changed.parse::<u64>().unwrap() > first.parse::<u64>().unwrap());
    // Somebody who comes back with an old id is told everything, as everybody is.
    let again = place.signed_in(&session, Method::GET, "/api/v1/stream").header("last-event-id", &first);
    let mut again = Events { answer: again.send().await.unwrap(), text: String::new() };
    assert_eq!(again.next().await.1.zone, "Asia/Kathmandu");
}

#[tokio::test]
async fn a_person_has_so_many_streams_and_one_that_closes_makes_room() {
    let place = Place::new().await;
    let session = place.session().await;
    let mut open = Vec::new();
    for _ in 0..8 {
        open.push(Events::open(&place, &session).await);
    }
    let one_more = place.signed_in(&session, Method::GET, "/api/v1/stream").send().await.unwrap();
    assert_eq!(problem(one_more).await.status, 429);
    open.pop();
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
    let mut events = Events::open(&place, &session).await;
    events.next().await;
    tokio::time::timeout(Duration::from_secs(20), place.gateway.stop()).await.expect("it stops").unwrap();
    let rest =
        tokio::time::timeout(Duration::from_secs(10), async { while let Ok(Some(_)) = events.answer.chunk().await {} });
    rest.await.expect("the stream ended");
}
