//! Content on demand: words straight from the provider, and a task completed once.

use crate::peer::{Peer, problem, user};
use jiff::ToSpan as _;
use oo_contracts::wire::{Complete, Done};
use oo_contracts::{Provider, Ref};
use oo_sandbox::{Fault, FaultKind, NewEvent};
use oo_subjects::COMPLETE;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn words_come_from_the_provider_and_rest_nowhere() {
    let peer = Peer::start().await;
    let ada = user("ada");
    let task = peer.sandbox.todoist().add_task("Call MARKERTITLE the bank", json!({"description": "MARKERTITLE"}));
    let now = peer.ctx.clock.now();
    let event = peer.sandbox.google().add_event(NewEvent::new("MARKERTITLE review", now + 1.hour(), now + 2.hours()));
    let account = peer.link_and_sync(&ada, Provider::Todoist).await.id;
    let calendar = peer.link_and_sync(&ada, Provider::GoogleCalendar).await.id;

    let words = peer.words(&ada, &account, &task).await.unwrap();
    assert_eq!(
        (words.title.as_str(), words.source.as_str(), words.over),
        ("Call MARKERTITLE the bank", "Todoist (sandbox)", false)
    );
    let words = peer.words(&ada, &calendar, &event).await.unwrap();
    assert_eq!((words.title.as_str(), words.source.as_str()), ("MARKERTITLE review", "Google Calendar (sandbox)"));
    assert_eq!(peer.words(&user("eve"), &account, &task).await.unwrap_err().status, 404);
    assert!(peer.words(&ada, &account, "nothing").await.unwrap().over);
    assert_eq!(peer.at_rest(&["MARKERTITLE".into()]), Vec::<String>::new());

    // Within a moment the page and the push ask for the same.
    let asked = peer.asked(&task);
    peer.words(&ada, &account, &task).await.unwrap();
    assert_eq!(peer.asked(&task), asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_over_says_so() {
    let peer = Peer::start().await;
    let ada = user("ada");
    let task = peer.sandbox.todoist().add_task("a task", json!({}));
    let account = peer.link_and_sync(&ada, Provider::Todoist).await.id;
    peer.sandbox.todoist().complete(&task);
    assert!(peer.words(&ada, &account, &task).await.unwrap().over);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_fails_is_a_clear_problem() {
    let peer = Peer::start().await;
    let ada = user("ada");
    let account = peer.link_and_sync(&ada, Provider::Todoist).await.id;
    let task = peer.sandbox.todoist().add_task("a task", json!({}));
    for (kind, status) in [
        (FaultKind::Error500, 502),
        (FaultKind::Html200, 502),
        (FaultKind::CloseMidway, 502),
        (FaultKind::TooMany429 { retry_after_secs: 0 }, 503),
        (FaultKind::Hang, 504),
    ] {
        peer.sandbox.todoist().fault(Fault::next(1, "/api/v1/tasks", kind.clone()));
        assert_eq!(peer.words(&ada, &account, &task).await.unwrap_err().status, status, "{kind:?}");
    }
    assert_eq!(peer.words(&ada, &account, &task).await.unwrap().title, "a task");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_completed_once_for_a_key() {
    let peer = Peer::start().await;
    let ada = user("ada");
    let todoist = peer.sandbox.todoist();
    // A recurring one, since completing that twice would show.
    let task = todoist.add_task("Water the plants", json!({"due_string": "every day at 18:30"}));
    let account = peer.link_and_sync(&ada, Provider::Todoist).await.id;
    let due = || todoist.tasks().into_iter().find(|one| one.id == task).unwrap().due.unwrap();
    let complete = |key: &str| Complete {
        user: ada.clone(),
        task: Ref { account: account.clone(), item: task.parse().unwrap() },
        reopen: false,
        key: key.parse().unwrap(),
    };
    let first = due();
    // The provider does it, and the answer is lost.
    todoist.fault(Fault::next(1, "/api/v1/sync", FaultKind::LoseAnswer));
    assert_eq!(problem(peer.ctx.bus.ask(COMPLETE, &complete("key-1")).await).unwrap_err().status, 502);
    let second = due();
    assert_ne!(second, first);
    for _ in 0..2 {
        assert_eq!(peer.ctx.bus.ask(COMPLETE, &complete("key-1")).await.unwrap(), Done {});
    }
    assert_eq!(due(), second);
    // Two changes within one look would be one to the log.
    peer.until_told(&task, &["added", "changed"]).await;
    peer.ctx.bus.ask(COMPLETE, &complete("key-2")).await.unwrap();
    assert_ne!(due(), second);
    peer.until_told(&task, &["added", "changed", "changed"]).await;

    let once = todoist.add_task("once", json!({}));
    let about = |reopen, key: &str| Complete {
        task: Ref { account: account.clone(), item: once.parse().unwrap() },
        reopen,
        ..complete(key)
    };
    peer.ctx.bus.ask(COMPLETE, &about(false, "key-3")).await.unwrap();
    let checked = || todoist.tasks().into_iter().find(|one| one.id == once).unwrap().checked;
    assert!(checked());
    peer.ctx.bus.ask(COMPLETE, &about(true, "key-4")).await.unwrap();
    assert!(!checked());
    let not_hers = Complete { user: user("eve"), ..about(false, "key-5") };
    assert_eq!(problem(peer.ctx.bus.ask(COMPLETE, &not_hers).await).unwrap_err().status, 404);
    let mut nothing = about(false, "key-6");
    nothing.task.item = "nothing".parse().unwrap();
    assert_eq!(problem(peer.ctx.bus.ask(COMPLETE, &nothing).await).unwrap_err().status, 404);
}
