//! Microsoft To Do and Outlook Calendar: lists and a window kept up by delta links, subscriptions that shake hands, tasks
//! completed once.

use crate::peer::{Peer, problem, user};
use jiff::{Timestamp, ToSpan as _};
use oo_contracts::signal::{Due, Event, Fact, Task};
use oo_contracts::wire::{AccountStatus, Complete, Done};
use oo_contracts::{AccountId, Provider, Ref};
use oo_sandbox::{Fault, FaultKind, Microsoft, NewAppointment};
use oo_subjects::COMPLETE;
use oo_testkit::eventually;
use serde_json::json;
use sha2::{Digest as _, Sha256};

const POLL: [(&str, &str); 1] = [("POLL_SECONDS", "1")];

/// As the service calls a task: by its list, in short, and its id.
fn item(list: &str, task: &str) -> String {
    format!("{}.{task}", oo_runtime::random::hex(&Sha256::digest(list)[..8]))
}

fn task(peer: &Peer, item: &str) -> Task {
    let found = peer.signals().into_iter().rev().find_map(|signal| match signal.fact {
        Fact::TaskAdded { task } | Fact::TaskChanged { task } if task.reference.item.as_str() == item => Some(task),
        _ => None,
    });
    found.unwrap()
}

fn event(peer: &Peer, id: &str) -> Event {
    let found = peer.signals().into_iter().rev().find_map(|signal| match signal.fact {
        Fact::EventUpserted { event } if event.reference.item.as_str() == id => Some(event),
        _ => None,
    });
    found.unwrap()
}

/// Links, and waits until the subscriptions are open.
async fn link_and_watch(peer: &Peer, provider: Provider, how_many: usize) -> AccountId {
    let account = peer.link_and_sync(&user("ada"), provider).await.id;
    watched(peer, &account, how_many).await;
    account
}

/// Waits until so many subscriptions of an account live, and are kept here.
async fn watched(peer: &Peer, account: &AccountId, how_many: usize) {
    let kept = format!("oo:integrations:state:{account}");
    eventually("subscriptions", || async {
        let state = peer.redis(&["GET", &kept]).await?;
        let live = peer.sandbox.microsoft().subscriptions();
        (live.iter().filter(|one| state.contains(&one.0)).count() == how_many).then_some(())
    })
    .await;
}

/// Whether the log has each signal of these objects once and in this order, and no other.
fn log_of(peer: &Peer, items: &[(&str, &[&str])]) -> bool {
    items.iter().all(|(item, told)| peer.told(item) == *told)
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_of_all_lists_become_signals_without_words() {
    let peer = Peer::start_with(POLL).await;
    let microsoft = peer.sandbox.microsoft();
    let (tasks, home) = (microsoft.default_list(), microsoft.add_list("MARKERTITLE home"));
    let taxes = microsoft.add_task(
        &tasks,
        "File MARKERTITLE taxes",
        json!({"importance": "high", "dueDateTime": {"dateTime": "2026-11-30T00:00:00", "timeZone": "UTC"}}),
    );
    let plants = microsoft.add_task(&home, "Water plants", json!({"recurrence": {"pattern": {"type": "daily"}}}));
    let waits = microsoft.add_task(&home, "Somebody else's turn", json!({"status": "waitingOnOthers"}));
    let many: Vec<_> = (0..120).map(|n| microsoft.add_task(&home, &format!("task {n}"), json!({}))).collect();
    let account = peer.link_and_sync(&user("ada"), Provider::MicrosoftTodo).await;
    let (taxes_item, plants_item) = (item(&tasks, &taxes), item(&home, &plants));
    peer.until_told(&taxes_item, &["added"]).await;
    for one in &many {
        assert_eq!(peer.told(&item(&home, one)), ["added"], "all pages were read");
    }
    let told = task(&peer, &taxes_item);
    assert_eq!(told.due, Some(Due::Day { date: jiff::civil::date(2026, 11, 30) }));
    assert_eq!((told.priority.get(), told.recurring, told.reference.account), (4, false, account.id));
    assert!(task(&peer, &plants_item).recurring);
    assert_eq!(peer.told(&item(&home, &waits)), [""; 0]);

    assert!(microsoft.update_task(&taxes, json!({"importance": "normal"})));
    peer.until_told(&taxes_item, &["added", "changed"]).await;
    assert!(microsoft.update_task(&taxes, json!({"title": "another MARKERTITLE"})));
    assert!(microsoft.complete(&taxes));
    peer.until_told(&taxes_item, &["added", "changed", "completed"]).await;
    assert!(microsoft.reopen(&taxes));
    peer.until_told(&taxes_item, &["added", "changed", "completed", "added"]).await;
    assert!(microsoft.complete(&plants), "a recurring task goes on to its next day");
    peer.until_told(&plants_item, &["added", "changed"]).await;
    let moved = microsoft.move_task(&taxes, &home).unwrap();
    peer.until_told(&item(&home, &moved), &["added"]).await;
    peer.until_told(&taxes_item, &["added", "changed", "completed", "added", "removed"]).await;
    assert!(microsoft.delete_task(&moved));
    peer.until_told(&item(&home, &moved), &["added", "removed"]).await;
    let new = microsoft.add_list("new");
    let one = microsoft.add_task(&new, "one", json!({}));
    peer.until_told(&item(&new, &one), &["added"]).await;
    microsoft.remove_list(&new);
    peer.until_told(&item(&new, &one), &["added", "removed"]).await;
    assert_eq!(peer.told(&plants_item), ["added", "changed"], "reading all anew repeats nothing");

    assert!(!format!("{:?}", peer.signals()).contains("MARKERTITLE"));
    assert_eq!(peer.at_rest(&["MARKERTITLE".into()]), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn events_become_signals_without_words() {
    let peer = Peer::start_with(POLL).await;
    let microsoft = peer.sandbox.microsoft();
    let now = peer.ctx.clock.now();
    let at = |hours: i64| now + hours.hours();
    let new = |from: i64, to: i64| NewAppointment::new("MARKERTITLE", at(from), at(to));
    let meeting = microsoft.add_event(new(2, 3));
    let lunch = microsoft.add_event(NewAppointment { show_as: "free".into(), ..new(4, 5) });
    let party = microsoft.add_event(NewAppointment { response: "declined".into(), ..new(6, 7) });
    let day = microsoft.add_day("MARKERTITLE", (now + 72.hours()).to_zoned(jiff::tz::TimeZone::UTC).date());
    let far = microsoft.add_event(new(9000, 9001));
    let times = [(at(30), at(31)), (at(54), at(55)), (at(78), at(79))];
    let (series, walks) = microsoft.add_series(new(30, 31), &times);
    let (_, free) = microsoft.add_series(NewAppointment { show_as: "free".into(), ..new(32, 33) }, &[(at(32), at(33))]);
    peer.link_and_sync(&user("ada"), Provider::OutlookCalendar).await;
    for id in [&meeting, &lunch, &party, &day, &walks[0], &walks[1], &walks[2], &free[0]] {
        peer.until_told(id, &["upserted"]).await;
    }
    assert_eq!((peer.told(&far), peer.told(&series)), (vec![], vec![]), "out of the window, and no event at all");
    let busy = |id: &str| event(&peer, id).busy;
    assert!(busy(&meeting) && !busy(&lunch) && !busy(&party) && busy(&walks[1]) && !busy(&free[0]));
    assert!(event(&peer, &day).all_day && !busy(&day));
    let seconds = |at: Timestamp| at.as_second();
    assert_eq!(seconds(event(&peer, &meeting).start), seconds(at(2)));

    assert!(microsoft.move_event(&meeting, at(3), at(4)));
    peer.until_told(&meeting, &["upserted", "upserted"]).await;
    assert!(microsoft.rename_event(&meeting, "MARKERTITLE renamed"));
    assert!(microsoft.cancel_event(&meeting));
    peer.until_told(&meeting, &["upserted", "upserted", "removed"]).await;
    assert!(microsoft.delete_event(&lunch));
    peer.until_told(&lunch, &["upserted", "removed"]).await;
    assert!(microsoft.move_event(&party, at(9000), at(9001)), "out of the window");
    peer.until_told(&party, &["upserted", "removed"]).await;
    // Of a deleted occurrence Graph says nothing but that the series changed.
    assert!(microsoft.delete_event(&walks[1]));
    peer.until_told(&walks[1], &["upserted", "removed"]).await;
    assert!(log_of(&peer, &[(&walks[0], &["upserted"]), (&walks[2], &["upserted"]), (&day, &["upserted"])]));
    // An occurrence that is told alone says little, and its series is asked for.
    assert!(microsoft.move_event(&walks[2], at(80), at(81)));
    peer.until_told(&walks[2], &["upserted", "upserted"]).await;
    assert!(busy(&walks[2]));

    assert!(!format!("{:?}", peer.signals()).contains("MARKERTITLE"));
    assert_eq!(peer.at_rest(&["MARKERTITLE".into()]), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_delta_link_repeats_nothing_and_misses_nothing() {
    let peer = Peer::start_with(POLL).await;
    let microsoft = peer.sandbox.microsoft();
    let list = microsoft.default_list();
    let (kept, lost) = (microsoft.add_task(&list, "kept", json!({})), microsoft.add_task(&list, "lost", json!({})));
    let now = peer.ctx.clock.now();
    let stays = microsoft.add_event(NewAppointment::new("stays", now + 2.hours(), now + 3.hours()));
    let goes = microsoft.add_event(NewAppointment::new("goes", now + 4.hours(), now + 5.hours()));
    peer.link_and_sync(&user("ada"), Provider::MicrosoftTodo).await;
    peer.link_and_sync(&user("ada"), Provider::OutlookCalendar).await;
    peer.until_told(&item(&list, &lost), &["added"]).await;
    peer.until_told(&goes, &["upserted"]).await;
    microsoft.expire_delta_links();
    microsoft.delete_task(&lost);
    microsoft.delete_event(&goes);
    peer.until_told(&item(&list, &lost), &["added", "removed"]).await;
    peer.until_told(&goes, &["upserted", "removed"]).await;
    assert!(log_of(&peer, &[(&item(&list, &kept), &["added"]), (&stays, &["upserted"])]));
}

/// S24.
#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_leads_elsewhere_is_not_followed() {
    let peer = Peer::start_with(POLL).await;
    let microsoft = peer.sandbox.microsoft();
    let elsewhere = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let list = microsoft.default_list();
    let task = microsoft.add_task(&list, "a task", json!({}));
    microsoft.lead_astray(Some(format!("http://{}", elsewhere.local_addr().unwrap()).parse().unwrap()));
    peer.link(&user("ada"), Provider::MicrosoftTodo, "alex").await;
    eventually("it is degraded", || async {
        matches!(peer.status(&user("ada")).await, AccountStatus::Degraded { .. }).then_some(())
    })
    .await;
    assert_eq!(peer.told(&item(&list, &task)), [""; 0]);
    microsoft.lead_astray(None);
    peer.until_told(&item(&list, &task), &["added"]).await;
    // Nobody ever knocked there.
    let knocked = tokio::time::timeout(std::time::Duration::from_millis(1), elsewhere.accept()).await;
    assert!(knocked.is_err(), "the token was carried elsewhere");
}

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_tell_of_changes_at_once() {
    // Polling is an hour away.
    let peer = Peer::start().await;
    let microsoft = peer.sandbox.microsoft();
    let (tasks, home) = (microsoft.default_list(), microsoft.add_list("home"));
    let account = link_and_watch(&peer, Provider::MicrosoftTodo, 2).await;
    let (one, two) = (microsoft.add_task(&tasks, "one", json!({})), microsoft.add_task(&home, "two", json!({})));
    let (one_item, two_item) = (item(&tasks, &one), item(&home, &two));
    peer.until_told(&one_item, &["added"]).await;
    peer.until_told(&two_item, &["added"]).await;
    let calendar = link_and_watch(&peer, Provider::OutlookCalendar, 1).await;
    assert_ne!(account, calendar);
    let now = peer.ctx.clock.now();
    let meeting = microsoft.add_event(NewAppointment::new("event", now + 1.hour(), now + 2.hours()));
    peer.until_told(&meeting, &["upserted"]).await;

    // Lost: the next one that arrives brings both.
    microsoft.lose_notices(true);
    assert!(microsoft.update_task(&one, json!({"importance": "high"})));
    microsoft.lose_notices(false);
    assert!(microsoft.update_task(&two, json!({"importance": "high"})));
    peer.until_told(&one_item, &["added", "changed"]).await;
    peer.until_told(&two_item, &["added", "changed"]).await;
    // Twice and in the wrong order: the same log.
    let sent = microsoft.notices();
    assert!(sent.iter().all(|notice| notice.status.is_none_or(|status| status == 200)), "{sent:?}");
    for notice in sent.iter().rev() {
        microsoft.resend(notice);
    }
    eventually("all came again", || async {
        let all = microsoft.notices();
        (all.len() == 2 * sent.len() && all.iter().all(|notice| notice.status == Some(200))).then_some(())
    })
    .await;
    assert!(microsoft.complete(&two));
    peer.until_told(&two_item, &["added", "changed", "completed"]).await;
    assert!(log_of(&peer, &[(&one_item, &["added", "changed"]), (&meeting, &["upserted"])]));

    // A list that is gone is watched no more, a new one is.
    let new = microsoft.add_list("new");
    microsoft.remove_list(&home);
    microsoft.update_task(&one, json!({"importance": "low"}));
    eventually("the new list is watched, the old one is not", || async {
        let watched = microsoft.subscriptions();
        let watches = |list: &str| watched.iter().any(|one| one.1.contains(list));
        (watches(&new) && !watches(&home) && watched.len() == 3).then_some(())
    })
    .await;
}

/// S21.
#[tokio::test(flavor = "multi_thread")]
async fn each_message_of_a_batch_proves_itself() {
    let peer = Peer::start().await;
    let microsoft = peer.sandbox.microsoft();
    let list = microsoft.default_list();
    link_and_watch(&peer, Provider::MicrosoftTodo, 1).await;
    let task = microsoft.add_task(&list, "a task", json!({}));
    peer.until_told(&item(&list, &task), &["added"]).await;
    let sent: serde_json::Value = serde_json::from_str(&microsoft.notices()[0].body).unwrap();
    let genuine = sent["value"][0].clone();
    let with = |field: &str, value: &str| {
        let mut one = genuine.clone();
        one[field] = value.into();
        one["id"] = "another".into();
        one
    };
    let (forged, unknown) = (with("clientState", "guessed"), with("subscriptionId", "nobodys"));
    let mut bare = with("id", "bare");
    bare.as_object_mut().unwrap().remove("clientState");
    let send = async |batch: &[&serde_json::Value]| {
        let body = json!({"value": batch}).to_string();
        let answer = peer.hook(Provider::MicrosoftTodo, &[], body.as_bytes()).await;
        answer.map(|_| ()).map_err(|problem| problem.status)
    };
    let syncs = || peer.asked("/tasks/delta");
    let quiet = syncs();
    assert_eq!(send(&[&forged]).await, Err(401));
    assert_eq!(send(&[&unknown]).await, Err(404));
    assert_eq!(send(&[&bare]).await, Err(401));
    assert_eq!(send(&[]).await, Err(401));
    assert_eq!(peer.hook(Provider::MicrosoftTodo, &[], b"[]").await.unwrap_err().status, 400);
    assert_eq!(send(&[&genuine]).await, Ok(()), "known already, and harmless");
    assert_eq!(syncs(), quiet);
    assert_eq!(send(&[&forged, &with("changeType", "updated"), &unknown]).await, Ok(()));
    eventually("the good one is followed", || async { (syncs() > quiet).then_some(()) }).await;
}

/// S22.
#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_nobody_waits_for_is_refused() {
    let peer = Peer::start().await;
    link_and_watch(&peer, Provider::OutlookCalendar, 1).await;
    for query in [
        "validationToken=%3Cscript%3E",
        "channel=&validationToken=x",
        "channel=0123456789abcdef&validationToken=x",
        "channel=x&validationToken=",
    ] {
        let answer = peer.hook_at(Provider::OutlookCalendar, Some(query), &[], b"").await;
        assert!(matches!(answer.unwrap_err().status, 400 | 404), "{query}");
    }
    // Not even the channel that was opened a moment ago.
    let to = peer.sandbox.microsoft();
    to.lifecycle("missed");
    let notice = eventually("a notice", || async { to.notices().first().cloned() }).await;
    let query = format!("{}&validationToken=x", notice.to.query().unwrap());
    assert_eq!(peer.hook_at(Provider::OutlookCalendar, Some(&query), &[], b"").await.unwrap_err().status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_are_renewed_replaced_and_read_after_as_graph_asks() {
    let peer = Peer::start().await;
    let microsoft = peer.sandbox.microsoft();
    let account = link_and_watch(&peer, Provider::OutlookCalendar, 1).await;
    let (first, _, until) = microsoft.subscriptions().remove(0);
    let asked = |method: &str| {
        let all = microsoft.requests();
        all.iter().filter(|one| one.method == method && one.path.contains("/subscriptions")).count()
    };
    assert_eq!((asked("POST"), asked("PATCH")), (1, 0));
    microsoft.lifecycle("reauthorizationRequired");
    eventually("it is renewed", || async { (microsoft.subscriptions()[0].2 > until).then_some(()) }).await;
    assert_eq!((asked("POST"), asked("PATCH"), microsoft.subscriptions()[0].0.as_str()), (1, 1, first.as_str()));

    microsoft.lifecycle("subscriptionRemoved");
    watched(&peer, &account, 1).await;
    assert_ne!(microsoft.subscriptions()[0].0, first);

    microsoft.lose_notices(true);
    let now = peer.ctx.clock.now();
    let meeting = microsoft.add_event(NewAppointment::new("event", now + 1.hour(), now + 2.hours()));
    microsoft.lose_notices(false);
    microsoft.lifecycle("missed");
    peer.until_told(&meeting, &["upserted"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_subscriptions_polling_goes_on() {
    let peer = Peer::start_with(POLL).await;
    let microsoft = peer.sandbox.microsoft();
    microsoft.fault(Fault::always("/v1.0/subscriptions", FaultKind::Status { status: 403, retry_after_secs: None }));
    let list = microsoft.default_list();
    peer.link_and_sync(&user("ada"), Provider::MicrosoftTodo).await;
    let task = microsoft.add_task(&list, "a task", json!({}));
    peer.until_told(&item(&list, &task), &["added"]).await;
    assert!(microsoft.subscriptions().is_empty());
    assert_eq!(peer.status(&user("ada")).await, AccountStatus::Active);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_fails_once_is_tried_again_and_nothing_is_lost() {
    let peer = Peer::start_with(POLL).await;
    let microsoft = peer.sandbox.microsoft();
    let list = microsoft.default_list();
    peer.link_and_sync(&user("ada"), Provider::MicrosoftTodo).await;
    for kind in [
        FaultKind::Error500,
        FaultKind::Html200,
        FaultKind::CloseMidway,
        FaultKind::LoseAnswer,
        FaultKind::Unauthorized401,
        FaultKind::TooMany429 { retry_after_secs: 1 },
        FaultKind::Status { status: 503, retry_after_secs: Some(1) },
    ] {
        microsoft.fault(Fault::next(1, "/v1.0/me/todo", kind.clone()));
        let task = microsoft.add_task(&list, "a task", json!({}));
        peer.until_told(&item(&list, &task), &["added"]).await;
    }
    microsoft.expire_access_tokens();
    let task = microsoft.add_task(&list, "a task", json!({}));
    peer.until_told(&item(&list, &task), &["added"]).await;
    assert_eq!(peer.status(&user("ada")).await, AccountStatus::Active);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_is_too_small_or_too_brief_is_asked_for_again() {
    for (provider, scope) in [
        (Provider::MicrosoftTodo, "Tasks.ReadWrite"),
        (Provider::OutlookCalendar, "Calendars.Read"),
        (Provider::OutlookCalendar, "offline_access"),
    ] {
        let peer = Peer::start().await;
        peer.sandbox.microsoft().untick(scope);
        let back = peer.visit(&user("ada"), provider, "alex").await;
        assert_eq!(peer.come_back(&user("ada"), provider, &back).await.unwrap_err().status, 403, "{scope}");
        assert!(peer.links(&user("ada")).await.accounts.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn words_come_from_the_provider_and_rest_nowhere() {
    let peer = Peer::start().await;
    let (ada, microsoft) = (user("ada"), peer.sandbox.microsoft());
    let list = microsoft.add_list("MARKERTITLE list");
    let task = microsoft.add_task(&list, "Call MARKERTITLE the bank", json!({}));
    let now = peer.ctx.clock.now();
    let event = microsoft.add_event(NewAppointment::new("MARKERTITLE review", now + 1.hour(), now + 2.hours()));
    let account = peer.link_and_sync(&ada, Provider::MicrosoftTodo).await.id;
    let calendar = peer.link_and_sync(&ada, Provider::OutlookCalendar).await.id;
    let words = peer.words(&ada, &account, &item(&list, &task)).await.unwrap();
    assert_eq!(
        (words.title.as_str(), words.source.as_str(), words.over),
        ("Call MARKERTITLE the bank", "Microsoft To Do (sandbox)", false)
    );
    let words = peer.words(&ada, &calendar, &event).await.unwrap();
    assert_eq!((words.title.as_str(), words.source.as_str()), ("MARKERTITLE review", "Outlook Calendar (sandbox)"));
    for gone in [&item(&list, "nothing"), &item("no list", &task), "odd"] {
        assert!(peer.words(&ada, &account, gone).await.unwrap().over, "{gone}");
    }
    microsoft.cancel_event(&event);
    let other = microsoft.add_task(&list, "done", json!({"status": "completed"}));
    assert!(peer.words(&ada, &account, &item(&list, &other)).await.unwrap().over);
    assert_eq!(peer.at_rest(&["MARKERTITLE".into()]), Vec::<String>::new());
}

fn due(microsoft: &Microsoft, task: &str) -> Option<jiff::civil::Date> {
    microsoft.tasks().into_iter().find(|one| one.0 == task).unwrap().3
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_completed_once_for_a_key_and_opened_again() {
    let peer = Peer::start().await;
    let (ada, microsoft) = (user("ada"), peer.sandbox.microsoft());
    let list = microsoft.default_list();
    // A recurring one, since completing that twice would show.
    let plants = microsoft.add_task(&list, "Water the plants", json!({"recurrence": {"pattern": {"type": "daily"}}}));
    let account = peer.link_and_sync(&ada, Provider::MicrosoftTodo).await.id;
    let about = |task: &str, reopen, key: &str| Complete {
        user: ada.clone(),
        task: Ref { account: account.clone(), item: item(&list, task).parse().unwrap() },
        reopen,
        key: key.parse().unwrap(),
    };
    let ask = async |complete: Complete| problem(peer.ctx.bus.ask(COMPLETE, &complete).await);
    let first = due(microsoft, &plants).unwrap();
    let path = format!("/v1.0/me/todo/lists/{}/tasks/{}", encoded(&list), encoded(&plants));
    // Asked how it stands, then told; the second answer is lost.
    microsoft.fault(Fault::next(1, path.clone(), FaultKind::Slow(std::time::Duration::ZERO)));
    microsoft.fault(Fault::next(1, path, FaultKind::LoseAnswer));
    assert_eq!(ask(about(&plants, false, "key-1")).await.unwrap_err().status, 502);
    let second = due(microsoft, &plants).unwrap();
    assert_eq!(second, first.tomorrow().unwrap());
    for _ in 0..2 {
        assert_eq!(ask(about(&plants, false, "key-1")).await, Ok(Done {}));
    }
    assert_eq!(due(microsoft, &plants), Some(second), "once");
    assert_eq!(ask(about(&plants, false, "key-2")).await, Ok(Done {}));
    assert_eq!(due(microsoft, &plants), second.tomorrow().ok());

    let once = microsoft.add_task(&list, "once", json!({}));
    let status = || microsoft.tasks().into_iter().find(|one| one.0 == once).unwrap().2;
    ask(about(&once, false, "key-3")).await.unwrap();
    assert_eq!(status(), "completed");
    ask(about(&once, true, "key-4")).await.unwrap();
    assert_eq!(status(), "notStarted");
    assert_eq!(ask(about("nothing", false, "key-5")).await.unwrap_err().status, 404);
}

/// As it stands in an address.
fn encoded(id: &str) -> String {
    let mut url = url::Url::parse("http://x/").unwrap();
    url.path_segments_mut().unwrap().push(id);
    url.path()[1..].to_owned()
}
