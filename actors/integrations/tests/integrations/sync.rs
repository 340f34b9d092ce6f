//! Keeping up: whatever happens at the provider is in the log, once, in facts and without words.

use crate::peer::{Peer, user};
use jiff::ToSpan as _;
use oo_contracts::Provider;
use oo_contracts::signal::{Due, Fact};
use oo_sandbox::NewEvent;
use oo_testkit::eventually;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn tasks_become_signals_without_words() {
    let peer = Peer::start_with([("POLL_SECONDS", "1")]).await;
    let todoist = peer.sandbox.todoist();
    let taxes = todoist.add_task(
        "File MARKERTITLE taxes",
        json!({"due_date": "2026-11-30", "priority": 4, "duration": 30, "duration_unit": "minute"}),
    );
    let plants = todoist.add_task("Water MARKERTITLE plants", json!({"due_string": "every day at 18:30"}));
    let account = peer.link_and_sync(&user("ada"), Provider::Todoist).await;
    peer.until_told(&taxes, &["added"]).await;
    peer.until_told(&plants, &["added"]).await;
    let signals = peer.signals();
    let task = signals.iter().find_map(|signal| match &signal.fact {
        Fact::TaskAdded { task } if task.reference.item.as_str() == taxes => Some(task.clone()),
        _ => None,
    });
    let task = task.unwrap();
    assert_eq!(task.due, Some(Due::Day { date: jiff::civil::date(2026, 11, 30) }));
    assert_eq!((task.priority.get(), task.minutes.map(|minutes| minutes.get()), task.recurring), (4, Some(30), false));
    assert_eq!(task.reference.account, account.id);
    assert!(task.added_at.is_some());
    assert!(signals.iter().all(|signal| signal.user == user("ada")));

    assert!(todoist.update(&taxes, json!({"priority": 1})));
    peer.until_told(&taxes, &["added", "changed"]).await;
    assert!(todoist.update(&taxes, json!({"content": "another MARKERTITLE"})));
    assert!(todoist.complete(&taxes));
    peer.until_told(&taxes, &["added", "changed", "completed"]).await;
    assert!(todoist.reopen(&taxes));
    peer.until_told(&taxes, &["added", "changed", "completed", "added"]).await;
    assert!(todoist.delete(&taxes));
    peer.until_told(&taxes, &["added", "changed", "completed", "added", "removed"]).await;
    assert!(todoist.complete(&plants), "a recurring task goes on to its next day");
    peer.until_told(&plants, &["added", "changed"]).await;

    assert!(!format!("{:?}", peer.signals()).contains("MARKERTITLE"));
    assert_eq!(peer.at_rest(&["MARKERTITLE".into()]), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn events_become_signals_without_words() {
    let peer = Peer::start_with([("POLL_SECONDS", "1")]).await;
    let google = peer.sandbox.google();
    let now = peer.ctx.clock.now();
    let at = |hours: i64| now + hours.hours();
    let meeting = google.add_event(NewEvent::new("MARKERTITLE meeting", at(2), at(3)));
    let lunch = google.add_event(NewEvent { free: true, ..NewEvent::new("MARKERTITLE lunch", at(4), at(5)) });
    let party = google.add_event(NewEvent { declined: true, ..NewEvent::new("MARKERTITLE party", at(6), at(7)) });
    google.add_event(NewEvent::new("next year", at(9000), at(9001)));
    peer.link_and_sync(&user("ada"), Provider::GoogleCalendar).await;
    for event in [&meeting, &lunch, &party] {
        peer.until_told(event, &["upserted"]).await;
    }
    let busy = |id: &str| {
        let signals = peer.signals();
        let event = signals.iter().rev().find_map(|signal| match &signal.fact {
            Fact::EventUpserted { event } if event.reference.item.as_str() == id => Some(event.clone()),
            _ => None,
        });
        event.unwrap().busy
    };
    assert!(busy(&meeting) && !busy(&lunch) && !busy(&party));
    assert!(google.move_event(&meeting, at(3), at(4)));
    peer.until_told(&meeting, &["upserted", "upserted"]).await;
    assert!(google.rename_event(&meeting, "MARKERTITLE renamed"));
    assert!(google.cancel_event(&meeting));
    peer.until_told(&meeting, &["upserted", "upserted", "removed"]).await;
    let events = peer.signals().iter().filter(|signal| matches!(signal.fact, Fact::EventUpserted { .. })).count();
    assert_eq!(events, 4, "the one next year is out of the window");
    assert!(!format!("{:?}", peer.signals()).contains("MARKERTITLE"));
    assert_eq!(peer.at_rest(&["MARKERTITLE".into()]), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_cursor_repeats_nothing_and_misses_nothing() {
    let peer = Peer::start_with([("POLL_SECONDS", "1")]).await;
    let ada = user("ada");
    let (todoist, google) = (peer.sandbox.todoist(), peer.sandbox.google());
    let kept = todoist.add_task("kept", json!({}));
    let lost = todoist.add_task("lost", json!({}));
    let now = peer.ctx.clock.now();
    let event = google.add_event(NewEvent::new("event", now + 2.hours(), now + 3.hours()));
    let cancelled = google.add_event(NewEvent::new("cancelled", now + 4.hours(), now + 5.hours()));
    peer.link_and_sync(&ada, Provider::Todoist).await;
    peer.link_and_sync(&ada, Provider::GoogleCalendar).await;
    for item in [&kept, &lost] {
        peer.until_told(item, &["added"]).await;
    }
    todoist.expire_sync_tokens();
    google.expire_sync_tokens();
    todoist.delete(&lost);
    google.cancel_event(&cancelled);
    peer.until_told(&lost, &["added", "removed"]).await;
    peer.until_told(&cancelled, &["upserted", "removed"]).await;
    assert_eq!((peer.told(&kept), peer.told(&event)), (vec!["added"], vec!["upserted"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_log_did_not_take_is_brought_again() {
    let peer = Peer::start_with([("POLL_SECONDS", "1")]).await;
    let task = peer.sandbox.todoist().add_task("a task", json!({}));
    peer.log_refuses(true);
    peer.link(&user("ada"), Provider::Todoist, "alex").await;
    eventually("it was tried", || async {
        let states = peer.redis(&["KEYS", "oo:integrations:state:*"]).await?;
        (states != "*0\r\n").then_some(())
    })
    .await;
    assert!(peer.signals().is_empty());
    peer.log_refuses(false);
    peer.until_told(&task, &["added"]).await;
    assert!(matches!(peer.signals()[0].fact, Fact::AccountLinked { .. }), "first that it is linked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_goes_on_where_it_was() {
    let mut peer = Peer::start_with([("POLL_SECONDS", "1")]).await;
    let before = peer.sandbox.todoist().add_task("before", json!({}));
    peer.link_and_sync(&user("ada"), Provider::Todoist).await;
    let stopped = peer.house.serve("integrations", oo_integrations::serve).await;
    std::mem::replace(&mut peer.service, stopped).crash();
    let after = peer.sandbox.todoist().add_task("after", json!({}));
    peer.until_told(&after, &["added"]).await;
    assert_eq!(peer.told(&before), ["added"]);
    assert_eq!(peer.signals().iter().filter(|signal| matches!(signal.fact, Fact::AccountLinked { .. })).count(), 1);
}
