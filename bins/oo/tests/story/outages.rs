//! A server is away for half a minute and comes back: everybody waits and says so, and nothing is lost or given twice.

use crate::place::{self, Oo, Place};
use oo_contracts::entry::Body;
use oo_contracts::signal::{Answer, Fact};
use oo_runtime::engines::Server;
use oo_testkit::wire::{State, Wire};
use oo_testkit::{House, eventually, http};
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::json;
use std::time::Duration;

/// How long a server is away.
const AWAY: Duration = Duration::from_secs(30);

/// The servers run on their own, so that each can be taken away; `oo` uses them.
async fn on_servers(place: &Place, servers: &House) -> Oo {
    let source = servers.source();
    let way = ["OO_NATS__URL", "OO_NATS__NKEY_FILE", "OO_REDIS__URL"];
    let mut settings: Vec<_> = way.map(|name| (name, source.get(name).expect("a way to the servers"))).into();
    // A webhook that found nobody is not sent for ever: what it told of is found by looking.
    settings.push(("OO_INTEGRATIONS__POLL_SECONDS", "5"));
    place.start_with(&settings).await
}

async fn health(place: &Place) -> (u16, String) {
    let answer = http().get(place.page.join("health").expect("an address")).send().await.expect("oo runs");
    (answer.status().as_u16(), answer.text().await.expect("a text"))
}

/// Takes a server away while `meanwhile` happens, and brings it back when its time is up.
async fn away(server: &mut Server, meanwhile: impl Future<Output = ()>) {
    let back = tokio::time::Instant::now() + AWAY;
    server.kill().await;
    meanwhile.await;
    tokio::time::sleep_until(back).await;
    server.start().await.expect("it starts again");
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_minute_without_nats_and_another_without_redis_lose_nothing() -> anyhow::Result<()> {
    let place = Place::new().await;
    let mut servers = House::start_bare().await;
    let oo = on_servers(&place, &servers).await;
    let mut browser = place.sign_in(&oo).await?;
    let subscription = place::subscribe(&mut browser, &place.sandbox).await?;
    place::link(&mut browser, "todoist").await?;
    let inside = place.inside().await;
    eventually("the account is in the log", || async { (!inside.log().await.is_empty()).then_some(()) }).await;

    // The log is away: a task comes up at the provider, and the page has something to say.
    let mood = json!({ "signals": [{ "id": "mood-1", "fact": { "kind": "mood", "level": 4 } }] });
    let mut page = browser.clone();
    away(&mut servers.nats[0], async {
        eventually("health says what is away", || async {
            let (status, told) = health(&place).await;
            (status == 503 && told.contains("nats")).then_some(())
        })
        .await;
        place.sandbox.todoist().add_task("Call the dentist back", json!({ "priority": 4, "due_date": "2026-11-18" }));
        let refused = page.request(Method::POST, "api/v1/signals", Some(&mood)).await.expect("an answer");
        assert_eq!(refused.status(), 503, "a signal was accepted that no log has");
        assert_eq!(refused.headers()["content-type"], "application/problem+json");
    })
    .await;
    eventually("health says that it is back", || async { (health(&place).await.0 == 200).then_some(()) }).await;
    let card = place::tip(&browser).await;
    assert_eq!(card.text.as_str(), "Call the dentist back");
    eventually("its push", || async { place.sandbox.push().received(&subscription).pop() }).await;
    browser.send(Method::POST, "api/v1/signals", Some(&mood)).await?;

    // Redis is away: nobody is signed in, and the provider's webhook finds nobody who knows the account.
    let mut page = browser.clone();
    let mut second = String::new();
    away(&mut servers.redis, async {
        let closed = page.request(Method::GET, "api/v1/state", None).await.expect("an answer");
        assert_eq!(closed.status(), 503, "a session was believed that nobody could look up");
        second = place.sandbox.todoist().add_task("Water the fern", json!({ "due_date": "2026-11-18" }));
    })
    .await;
    eventually("the session is known again", || async { place::state(&mut browser.clone()).await.ok() }).await;
    eventually("the second task is in the log", || async {
        let is_second = |body: &Body| match body {
            Body::Signal { signal } => {
                matches!(&signal.fact, Fact::TaskAdded { task } if task.reference.item.as_str() == second)
            }
            _ => false,
        };
        inside.log().await.iter().any(|numbered| is_second(&numbered.entry.body)).then_some(())
    })
    .await;
    place::answer(&mut browser, &card, Answer::Done).await?;
    eventually("the answer is folded", || async { place::state(&mut browser.clone()).await.ok()?.answered }).await;

    let log = inside.log().await;
    let tips = log.iter().filter(|numbered| matches!(numbered.entry.body, Body::Tip { .. })).count();
    assert_eq!((tips, place.sandbox.push().received(&subscription).len()), (1, 1));
    let mut seen = std::collections::HashSet::new();
    for numbered in &log {
        if let Body::Signal { signal } = &numbered.entry.body {
            assert!(seen.insert(&signal.id), "{} is in the log twice", signal.id);
        }
    }
    assert!(oo.stop().await.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_of_redis_takes_over_with_sessions_and_accounts() -> anyhow::Result<()> {
    let place = Place::new().await;
    let mut servers = House::start_bare().await;
    let (wire, replica) = (Wire::lay(servers.redis.address()).await, servers.redis_replica().await);
    let mut by_wire = url::Url::parse(servers.redis.url().expose_secret())?;
    by_wire.set_port(Some(wire.address().port())).expect("an address with a port");
    servers.set([("OO_REDIS__URL", by_wire.to_string())]);
    let oo = on_servers(&place, &servers).await;
    let mut browser = place.sign_in(&oo).await?;
    place::link(&mut browser, "todoist").await?;
    servers.ask_redis(&["SET", "oo:test:last", "1"]).await.expect("an answer");
    eventually("the replica has all until then", || async {
        House::ask_redis_at(&replica, &["GET", "oo:test:last"]).await.filter(|kept| kept == "$1\r\n1\r\n")
    })
    .await;

    servers.redis.kill().await;
    wire.set(State::Cut);
    let promoted = House::ask_redis_at(&replica, &["REPLICAOF", "NO", "ONE"]).await;
    assert_eq!(promoted.as_deref(), Some("+OK\r\n"));
    wire.lead_to(replica.address());
    wire.set(State::Open);

    eventually("the session and the account are known", || async {
        place::state(&mut browser.clone()).await.ok().filter(|state| state.accounts.len() == 1)
    })
    .await;
    // The token is there too: what comes up at the provider is fetched.
    place.sandbox.todoist().add_task("Call the dentist back", json!({ "priority": 4, "due_date": "2026-11-18" }));
    let card = place::tip(&browser).await;
    assert_eq!(card.text.as_str(), "Call the dentist back");
    place::answer(&mut browser, &card, Answer::Done).await?;
    assert!(oo.stop().await.success());
    Ok(())
}
