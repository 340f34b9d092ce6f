//! kill -9 at each step of a signal's path: nothing is lost, and no tip is given twice.

use crate::place::{self, Place};
use oo_contracts::entry::Body;
use oo_contracts::signal::{Answer, Fact};
use oo_testkit::eventually;
use serde_json::json;
use std::collections::HashSet;

/// Lets the program die at `point` while a tip travels, starts it again, and looks at what is there.
async fn dies_at(point: &str) -> anyhow::Result<()> {
    let place = Place::new().await;
    let titles = ["Water the plants", "Write to Ada", "Pay the rent"];
    let mut tasks: Vec<String> = titles
        .iter()
        .map(|title| place.sandbox.todoist().add_task(title, json!({ "due_date": "2026-11-18" })))
        .collect();
    let calm = place.start().await;
    let mut browser = place.sign_in(&calm).await?;
    let subscription = place::subscribe(&mut browser, &place.sandbox).await?;
    assert!(calm.stop().await.success());

    // With a point to die at, anything that the browser does may fail.
    let mut doomed = place.start_with(&[("OO_CRASH_AT", point)]).await;
    let _ = place::link(&mut browser, "todoist").await;
    for _ in 0..100 {
        if doomed.died().await {
            break;
        }
        if let Ok(state) = place::state(&mut browser).await
            && let Some(card) = state.tip
        {
            // Later points lie on the way back.
            let _ = place::answer(&mut browser, &card, Answer::Done).await;
            tasks.push(place.sandbox.todoist().add_task("Buy bread", json!({})));
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert!(doomed.died().await, "the program lived past {point}");

    // It goes on where it was. If the link itself was cut off, the person links again.
    let oo = place.start().await;
    if place::state(&mut browser).await?.accounts.is_empty() {
        place::link(&mut browser, "todoist").await?;
    }
    let inside = place.inside().await;
    eventually("every task of the provider is known", || async {
        let log = inside.log().await;
        let known: HashSet<_> = log.iter().filter_map(|n| task_of(&n.entry.body)).collect();
        tasks.iter().all(|task| known.contains(task)).then_some(())
    })
    .await;
    eventually("a tip was given", || async {
        let given = inside.log().await.iter().any(|n| matches!(n.entry.body, Body::Tip { .. }));
        given.then_some(())
    })
    .await;
    eventually("it was pushed", || async { (!place.sandbox.push().received(&subscription).is_empty()).then_some(()) })
        .await;

    let log = inside.log().await;
    let tips: Vec<_> = log
        .iter()
        .filter_map(|n| if let Body::Tip { tip } = &n.entry.body { Some(tip.id.clone()) } else { None })
        .collect();
    assert_eq!(tips.len(), 1, "within the minimum gap there is one tip, whatever crashed");
    let pushed: HashSet<_> = place
        .sandbox
        .push()
        .received(&subscription)
        .iter()
        .map(|push| {
            serde_json::from_slice::<serde_json::Value>(&push.plaintext).expect("JSON")["notification"]["tag"]
                .to_string()
        })
        .collect();
    assert_eq!(pushed.len(), 1, "one tip on the screen: a second push of it replaces the first by topic and tag");
    let ids: Vec<_> = log
        .iter()
        .filter_map(|n| if let Body::Signal { signal } = &n.entry.body { Some(signal.id.clone()) } else { None })
        .collect();
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len(), "no signal stands in the log twice");
    assert!(oo.stop().await.success());
    Ok(())
}

fn task_of(body: &Body) -> Option<String> {
    let Body::Signal { signal } = body else { return None };
    match &signal.fact {
        Fact::TaskAdded { task } | Fact::TaskChanged { task } => Some(task.reference.item.to_string()),
        Fact::TaskCompleted { task } => Some(task.item.to_string()),
        _ => None,
    }
}

macro_rules! dies {
    ($($name:ident: $point:literal,)*) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $name() -> anyhow::Result<()> {
            dies_at($point).await
        })*
    };
}

dies! {
    killed_when_a_webhook_arrives: "1-hook",
    killed_when_the_stream_has_a_signal_and_nobody_was_told: "2-appended",
    killed_when_an_entry_is_routed: "3-routed",
    killed_when_an_entry_is_folded: "4-folded",
    killed_when_a_wake_up_is_set: "5-wake-set",
    killed_when_a_tip_is_asked_for: "6-asking",
    killed_when_a_policy_has_chosen: "7-chosen",
    killed_when_a_tip_is_appended_and_nothing_is_settled: "8-appended",
    killed_when_a_push_is_claimed_and_not_sent: "9-claimed",
    killed_when_a_push_is_sent_and_not_settled: "9-sent",
    killed_when_an_answer_is_in_the_log_and_the_page_was_not_told: "10-answered",
}

#[tokio::test(flavor = "multi_thread")]
async fn no_server_outlives_a_killed_oo() -> anyhow::Result<()> {
    let place = Place::new().await;
    let oo = place.start().await;
    let running = oo::data::running(place.dir.path()).expect("oo runs");
    let ports: Vec<u16> = running
        .settings
        .iter()
        .filter(|(name, _)| name == "OO_NATS__URL" || name == "OO_REDIS__URL")
        .filter_map(|(_, url)| url::Url::parse(url).ok()?.port())
        .collect();
    assert_eq!(ports.len(), 2);
    oo.kill().await;
    eventually("both servers are gone", || async {
        for port in &ports {
            if tokio::net::TcpStream::connect(("127.0.0.1", *port)).await.is_ok() {
                return None;
            }
        }
        Some(())
    })
    .await;
    Ok(())
}
