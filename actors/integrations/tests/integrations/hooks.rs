//! Webhooks: believed only when they prove themselves, once, and then only as a hint.

use crate::peer::{Peer, SECRET, user};
use jiff::ToSpan as _;
use oo_contracts::Provider;
use oo_sandbox::{NewEvent, signature};
use oo_testkit::eventually;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_brings_a_change_at_once() {
    let peer = Peer::start().await;
    let todoist = peer.sandbox.todoist();
    peer.link_and_sync(&user("ada"), Provider::Todoist).await;
    let door = peer.house.source().get("OO_INTEGRATIONS__PUBLIC_URL").unwrap().to_owned();
    todoist.set_webhook(Some(format!("{door}/webhooks/todoist").parse().unwrap()));
    // Polling is an hour away.
    let task = todoist.add_task("a task", json!({}));
    peer.until_told(&task, &["added"]).await;
    let delivery = eventually("it was delivered", || async { todoist.deliveries().first().cloned() }).await;
    assert_eq!(delivery.status, Some(200));
    todoist.redeliver(&delivery.id);
    eventually("it was delivered again", || async {
        todoist.deliveries().get(1).map(|again| assert_eq!(again.status, Some(200)))
    })
    .await;
    assert_eq!(peer.told(&task), ["added"]);
}

/// S19, S20.
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_counts_once_and_only_when_signed() {
    let peer = Peer::start().await;
    peer.link_and_sync(&user("ada"), Provider::Todoist).await;
    let owner = peer.sandbox.todoist().user_id();
    let now = peer.ctx.clock.wall();
    let body = |at: &str| {
        format!(r#"{{"event_name":"item:updated","user_id":"{owner}","triggered_at":"{at}","version":"1"}}"#)
    };
    let fresh = body(&now.to_string());
    let signed = signature(SECRET, fresh.as_bytes());
    let syncs = || peer.asked("/api/v1/sync");
    let send = |id: &'static str, signature: String, body: String| {
        let peer = &peer;
        async move {
            let headers = [("x-todoist-hmac-sha256", signature.as_str()), ("x-todoist-delivery-id", id)];
            peer.hook(Provider::Todoist, &headers, body.as_bytes()).await.map_err(|problem| problem.status)
        }
    };
    let quiet = syncs();
    assert_eq!(send("one", signature("wrong", fresh.as_bytes()), fresh.clone()).await, Err(401));
    assert_eq!(send("one", signed.clone(), format!("{fresh} ")).await, Err(401));
    assert_eq!(send("one", String::new(), fresh.clone()).await, Err(401));
    let stale = body(&(now - 48.hours()).to_string());
    assert!(send("old", signature(SECRET, stale.as_bytes()), stale).await.is_ok());
    let strangers = fresh.replace(&owner, "1");
    assert!(send("two", signature(SECRET, strangers.as_bytes()), strangers).await.is_ok(), "somebody who has left");
    assert_eq!(syncs(), quiet);

    assert!(send("one", signed.clone(), fresh.clone()).await.is_ok());
    eventually("a sync", || async { (syncs() > quiet).then_some(()) }).await;
    let after = syncs();
    assert!(send("one", signed, fresh).await.is_ok());
    // A hint would be followed within milliseconds; a later one proves that this was none.
    let other = body(&(now + 1.second()).to_string());
    assert!(send("three", signature(SECRET, other.as_bytes()), other).await.is_ok());
    eventually("a sync", || async { (syncs() > after).then_some(()) }).await;
    assert_eq!(syncs(), after + 1);
}

/// S21.
#[tokio::test(flavor = "multi_thread")]
async fn a_channel_tells_of_changes_until_the_link_ends() {
    let peer = Peer::start().await;
    let google = peer.sandbox.google();
    let account = peer.link_and_sync(&user("ada"), Provider::GoogleCalendar).await;
    let kept = format!("oo:integrations:state:{}", account.id);
    eventually("a channel is kept", || async { peer.redis(&["GET", &kept]).await?.contains("resource").then_some(()) })
        .await;
    let now = peer.ctx.clock.now();
    let event = google.add_event(NewEvent::new("event", now + 1.hour(), now + 2.hours()));
    peer.until_told(&event, &["upserted"]).await;

    let id = google.channels().remove(0);
    let wrong = [
        ("x-goog-channel-id", id.as_str()),
        ("x-goog-channel-token", "wrong"),
        ("x-goog-resource-id", "x"),
        ("x-goog-message-number", "9"),
    ];
    assert_eq!(peer.hook(Provider::GoogleCalendar, &wrong, b"").await.unwrap_err().status, 401);
    let mut unknown = wrong;
    unknown[0].1 = "another";
    assert_eq!(peer.hook(Provider::GoogleCalendar, &unknown, b"").await.unwrap_err().status, 404);
    assert_eq!(peer.hook(Provider::GoogleCalendar, &wrong[..1], b"").await.unwrap_err().status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_makes_polling_rarer_once_it_was_heard_of() {
    // Nobody is at that port, so of the channel that is opened nothing is ever heard.
    for (is_heard, more) in [(true, ("", "")), (false, ("PUBLIC_URL", "http://127.0.0.1:9"))] {
        let peer = Peer::start_with([("POLL_SECONDS", "100"), more]).await;
        let account = peer.link_and_sync(&user("ada"), Provider::GoogleCalendar).await;
        eventually("a look is due far enough from now", || async {
            let kept = peer.redis(&["GET", &format!("oo:integrations:state:{}", account.id)]).await?;
            let due = peer.redis(&["ZSCORE", "oo:integrations:due", account.id.as_str()]).await?;
            let due: f64 = due.lines().nth(1)?.parse().ok()?;
            let seconds = due / 1000.0 - peer.ctx.clock.wall().as_second() as f64;
            // While it is read, it is due again when the lease ends.
            if !kept.contains("resource") || seconds < 60.0 {
                return None;
            }
            // The first message of a channel comes when it is open, and may come after the first look.
            assert!(is_heard || seconds < 300.0, "next in {seconds} s although nothing was heard");
            (is_heard == (seconds > 300.0)).then_some(())
        })
        .await;
    }
}

/// S20: by webhook or by poll, told once, twice, late or not at all: the log is the same.
#[tokio::test(flavor = "multi_thread")]
async fn however_it_is_told_the_log_is_the_same() {
    const STEPS: [(&str, &str); 7] = [
        ("add", "added"),
        ("priority", "changed"),
        ("close", "completed"),
        ("reopen", "added"),
        ("priority", "changed"),
        ("words", ""),
        ("delete", "removed"),
    ];
    let peer = Peer::start_with([("POLL_SECONDS", "1")]).await;
    peer.link_and_sync(&user("ada"), Provider::Todoist).await;
    let todoist = peer.sandbox.todoist();
    let owner = todoist.user_id();
    let mut sent: Vec<(String, String)> = Vec::new();
    let mut logs = Vec::new();
    for way in ["once", "not at all", "twice", "late", "by turns"] {
        let (mut task, mut told) = (String::new(), Vec::new());
        for (number, (step, says)) in STEPS.into_iter().enumerate() {
            match step {
                "add" => task = todoist.add_task("a task", json!({})),
                "priority" => assert!(todoist.update(&task, json!({"priority": 2 + number % 2}))),
                "words" => assert!(todoist.update(&task, json!({"content": "other words"}))),
                "close" => assert!(todoist.complete(&task)),
                "reopen" => assert!(todoist.reopen(&task)),
                _ => assert!(todoist.delete(&task)),
            }
            let at = peer.ctx.clock.wall();
            let body = format!(r#"{{"event_name":"item:updated","user_id":"{owner}","triggered_at":"{at}"}}"#);
            sent.push((format!("{way}-{number}"), body));
            let last = sent.len() - 1;
            let deliveries = match (way, number % 4) {
                ("not at all", _) | ("by turns", 0) => vec![],
                ("once", _) | ("by turns", 1) => vec![last],
                ("twice", _) | ("by turns", 2) => vec![last, last],
                // What was told long ago comes once more, and after it what is new.
                _ => vec![0, last - number.min(last), last, 0],
            };
            for delivery in deliveries {
                let (id, body) = &sent[delivery];
                let signed = signature(SECRET, body.as_bytes());
                let headers = [("x-todoist-hmac-sha256", signed.as_str()), ("x-todoist-delivery-id", id.as_str())];
                peer.hook(Provider::Todoist, &headers, body.as_bytes()).await.unwrap();
            }
            if !says.is_empty() {
                told.push(says);
                peer.until_told(&task, &told).await;
            }
        }
        logs.push(peer.told(&task));
    }
    assert!(logs.iter().all(|log| *log == logs[0]), "{logs:?}");
}
