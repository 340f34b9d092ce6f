//! Google Tasks: asked again and again, linked beside the calendar, completed from here.

use crate::peer::{Peer, problem, user};
use jiff::civil::date;
use oo_contracts::signal::{Due, Fact};
use oo_contracts::wire::{Complete, Done, LinkEnd};
use oo_contracts::{Provider, Ref};
use oo_sandbox::{Fault, FaultKind};
use oo_subjects::{COMPLETE, LINK_END};
use oo_testkit::eventually;

const TASKS: &str = "https://www.googleapis.com/auth/tasks";
const CALENDAR: &str = "https://www.googleapis.com/auth/calendar.events.readonly";

#[tokio::test(flavor = "multi_thread")]
async fn tasks_of_all_lists_become_signals_without_words() {
    let peer = Peer::start_with([("POLL_SECONDS", "1")]).await;
    let google = peer.sandbox.google();
    let house = google.add_list("MARKERTITLE house");
    let taxes = google.add_task("@default", "File MARKERTITLE taxes", Some(date(2026, 11, 30)));
    // More than a page of them.
    let many: Vec<_> = (0..120).map(|n| google.add_task(&house, &format!("MARKERTITLE {n}"), None)).collect();
    let over = google.add_task("@default", "long done", None);
    google.complete_task(&over);
    peer.link_and_sync(&user("ada"), Provider::GoogleTasks).await;
    peer.until_told(&taxes, &["added"]).await;
    for task in &many {
        peer.until_told(task, &["added"]).await;
    }
    let due = peer.signals().iter().find_map(|signal| match &signal.fact {
        Fact::TaskAdded { task } if task.reference.item.as_str() == taxes => Some(task.due),
        _ => None,
    });
    assert_eq!(due.unwrap(), Some(Due::Day { date: date(2026, 11, 30) }));

    assert!(google.schedule_task(&taxes, Some(date(2026, 12, 1))));
    peer.until_told(&taxes, &["added", "changed"]).await;
    assert!(google.rename_task(&taxes, "another MARKERTITLE"));
    assert!(google.complete_task(&taxes), "in Google's own page, which hides it as well");
    peer.until_told(&taxes, &["added", "changed", "completed"]).await;
    assert!(google.reopen_task(&taxes));
    peer.until_told(&taxes, &["added", "changed", "completed", "added"]).await;
    assert!(google.delete_task(&taxes));
    peer.until_told(&taxes, &["added", "changed", "completed", "added", "removed"]).await;
    let garden = google.add_list("garden");
    let weeds = google.add_task(&garden, "weeds", None);
    peer.until_told(&weeds, &["added"]).await;
    google.remove_list(&house);
    // So many are told in several requests.
    for task in &many {
        peer.until_told(task, &["added", "removed"]).await;
    }
    assert_eq!((peer.told(&weeds), peer.told(&over)), (vec!["added"], vec![]));
    assert!(!format!("{:?}", peer.signals()).contains("MARKERTITLE"));
    assert_eq!(peer.at_rest(&["MARKERTITLE".into()]), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_fails_once_is_asked_again() {
    let peer = Peer::start_with([("POLL_SECONDS", "1")]).await;
    let google = peer.sandbox.google();
    peer.link_and_sync(&user("ada"), Provider::GoogleTasks).await;
    for kind in [FaultKind::Error500, FaultKind::Html200, FaultKind::Unauthorized401, FaultKind::UsageLimits403] {
        google.fault(Fault::next(1, "/tasks/v1/", kind.clone()));
        let task = google.add_task("@default", "a task", None);
        peer.until_told(&task, &["added"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_shown_completed_and_opened_again() {
    let peer = Peer::start().await;
    let ada = user("ada");
    let google = peer.sandbox.google();
    let task = google.add_task("@default", "Call MARKERTITLE the bank", None);
    let account = peer.link_and_sync(&ada, Provider::GoogleTasks).await.id;
    let words = peer.words(&ada, &account, &task).await.unwrap();
    assert_eq!((words.title.as_str(), words.source.as_str()), ("Call MARKERTITLE the bank", "Google Tasks (sandbox)"));
    for gone in ["nothing", "no/thing", "/", "a/../b"] {
        assert!(peer.words(&ada, &account, gone).await.unwrap().over, "{gone}");
    }
    let complete = |item: &str, reopen, key: &str| Complete {
        user: ada.clone(),
        task: Ref { account: account.clone(), item: item.parse().unwrap() },
        reopen,
        key: key.parse().unwrap(),
    };
    google.fault(Fault::next(1, "/tasks/v1/", FaultKind::LoseAnswer));
    assert_eq!(problem(peer.ctx.bus.ask(COMPLETE, &complete(&task, false, "key-1")).await).unwrap_err().status, 502);
    assert!(google.is_completed(&task));
    assert_eq!(peer.ctx.bus.ask(COMPLETE, &complete(&task, false, "key-1")).await.unwrap(), Done {});
    peer.until_told(&task, &["added", "completed"]).await;
    assert!(peer.words(&ada, &account, &task).await.unwrap().over);
    peer.ctx.bus.ask(COMPLETE, &complete(&task, true, "key-2")).await.unwrap();
    assert!(!google.is_completed(&task));
    peer.until_told(&task, &["added", "completed", "added"]).await;
    let nothing = problem(peer.ctx.bus.ask(COMPLETE, &complete("nothing", false, "key-3")).await);
    assert_eq!(nothing.unwrap_err().status, 404);
    assert_eq!(peer.at_rest(&["MARKERTITLE".into()]), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_and_calendar_are_two_links_with_a_scope_each() {
    let peer = Peer::start_with([("POLL_SECONDS", "1")]).await;
    let (ada, google) = (user("ada"), peer.sandbox.google());
    google.untick(TASKS);
    let back = peer.visit(&ada, Provider::GoogleTasks, "alex").await;
    assert_eq!(peer.come_back(&ada, Provider::GoogleTasks, &back).await.unwrap_err().status, 403, "not granted");
    google.tick(TASKS);

    let calendar = peer.link_and_sync(&ada, Provider::GoogleCalendar).await.id;
    let tasks = peer.link_and_sync(&ada, Provider::GoogleTasks).await.id;
    assert_ne!(calendar, tasks);
    let granted = google.authorizations();
    assert_eq!(granted[granted.len() - 2].scopes, ["openid", CALENDAR], "the calendar needs no tasks");
    let both = &granted[granted.len() - 1].scopes;
    assert!(both.iter().any(|one| one == TASKS) && both.iter().any(|one| one == CALENDAR), "{both:?}");

    // One link ends and the other lives, since only the last of them takes the grant along.
    let end = |account| LinkEnd { user: ada.clone(), account };
    peer.ctx.bus.ask(LINK_END, &end(calendar.clone())).await.unwrap();
    eventually("nothing is left of the calendar", || async {
        let keys = peer.redis(&["KEYS", &format!("*{calendar}*")]).await?;
        let ended = peer.redis(&["HLEN", "oo:integrations:ended"]).await?;
        (!keys.contains(calendar.as_str()) && ended == ":0\r\n").then_some(())
    })
    .await;
    assert!(google.is_linked());
    let task = google.add_task("@default", "a task", None);
    peer.until_told(&task, &["added"]).await;
    peer.ctx.bus.ask(LINK_END, &end(tasks)).await.unwrap();
    eventually("the grant is revoked", || async { (!google.is_linked()).then_some(()) }).await;
}
