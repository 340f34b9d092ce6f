//! How an account stands: true, visible, told to the page once for each change; and its end, which nothing undoes.

use crate::peer::{Peer, problem, user};
use futures_util::StreamExt as _;
use jiff::ToSpan as _;
use oo_contracts::wire::{AccountStatus, Broken, Done, LinkEnd};
use oo_contracts::{AccountId, Provider, UserId};
use oo_sandbox::{Fault, FaultKind, NewEvent};
use oo_subjects::LINK_END;
use oo_testkit::eventually;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The version of a notice that the tests give, to see whether somebody listens. The service's own have none.
const PROBE: u64 = 7;

/// Counts what open pages are told about a person.
async fn notices(peer: &Peer, of: &UserId) -> Arc<AtomicUsize> {
    let (told, count) = (peer.ctx.bus.changes(of).await.unwrap(), Arc::new(AtomicUsize::new(0)));
    let listens = Arc::new(AtomicUsize::new(0));
    let (own, probes) = (count.clone(), listens.clone());
    drop(oo_runtime::task::spawn("notices", async move {
        told.for_each(|changed| {
            let counter = if changed.version == PROBE { &probes } else { &own };
            counter.fetch_add(1, Ordering::SeqCst);
            std::future::ready(())
        })
        .await;
    }));
    eventually("somebody listens", || async {
        peer.ctx.bus.changed(of, PROBE).await;
        (listens.load(Ordering::SeqCst) > 0).then_some(())
    })
    .await;
    count
}

/// Waits until this many were told, and then until something that comes later is through, with no more of them.
async fn exactly(peer: &Peer, count: &AtomicUsize, wanted: usize) {
    eventually("the page is told", || async { (count.load(Ordering::SeqCst) >= wanted).then_some(()) }).await;
    let task = peer.sandbox.todoist().add_task("later", json!({}));
    if peer.links(&user("ada")).await.accounts.iter().any(|account| account.status == AccountStatus::Active) {
        peer.until_told(&task, &["added"]).await;
    }
    assert_eq!(count.swap(0, Ordering::SeqCst), wanted);
}

async fn end(peer: &Peer, account: &AccountId) {
    let end = LinkEnd { user: user("ada"), account: account.clone() };
    assert_eq!(problem(peer.ctx.bus.ask(LINK_END, &end).await).unwrap(), Done {});
}

/// Waits until nothing is left of an account: no record, no cursor, no channel, nothing to do.
async fn until_gone(peer: &Peer, account: &AccountId) {
    eventually("nothing is left", || async {
        let keys = peer.redis(&["KEYS", &format!("*{account}*")]).await?;
        let ended = peer.redis(&["HLEN", "oo:integrations:ended"]).await?;
        let links = peer.links(&user("ada")).await;
        (!keys.contains(account.as_str()) && ended == ":0\r\n" && links.accounts.is_empty() && links.ended.is_empty())
            .then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_told_once_of_each_change_and_sees_how_it_truly_stands() {
    let peer = Peer::start_with([("POLL_SECONDS", "1")]).await;
    let (ada, todoist) = (user("ada"), peer.sandbox.todoist());
    let count = notices(&peer, &ada).await;
    let account = peer.link_and_sync(&ada, Provider::Todoist).await.id;
    exactly(&peer, &count, 1).await;

    todoist.fault(Fault::always("/api/v1/sync", FaultKind::Error500));
    eventually("degraded", || async {
        matches!(peer.status(&ada).await, AccountStatus::Degraded { .. }).then_some(())
    })
    .await;
    let failures = peer.asked("/api/v1/sync");
    eventually("it fails on", || async { (peer.asked("/api/v1/sync") > failures).then_some(()) }).await;
    todoist.clear_faults();
    eventually("active", || async { (peer.status(&ada).await == AccountStatus::Active).then_some(()) }).await;
    exactly(&peer, &count, 2).await;

    todoist.revoke_all();
    let why = eventually("reconnect needed", || async {
        match peer.status(&ada).await {
            AccountStatus::ReconnectNeeded { why, .. } => Some(why),
            _ => None,
        }
    })
    .await;
    assert_eq!(why, Some(Broken::Withdrawn));
    exactly(&peer, &count, 1).await;

    let state = ["GET", &format!("oo:integrations:state:{account}")].map(str::to_owned);
    let cursor = |text: String| text.split(r#""cursor":""#).nth(1).unwrap().split('"').next().unwrap().to_owned();
    let before = cursor(peer.redis(&state.each_ref().map(String::as_str)).await.unwrap());
    todoist.fault(Fault::always("/api/v1/sync", FaultKind::Error500));
    assert_eq!(peer.link(&ada, Provider::Todoist, "alex").await.id, account);
    let after = cursor(peer.redis(&state.each_ref().map(String::as_str)).await.unwrap());
    assert_eq!(before, after, "mended, it goes on where it was");
    todoist.clear_faults();
    eventually("active", || async { (peer.status(&ada).await == AccountStatus::Active).then_some(()) }).await;
    let task = todoist.add_task("a task", json!({}));
    peer.until_told(&task, &["added"]).await;
    count.store(0, Ordering::SeqCst);

    todoist.fault(Fault::next(1, "/api/v1/revoke", FaultKind::Error500));
    end(&peer, &account).await;
    let ended = peer.links(&ada).await;
    assert!(ended.accounts.is_empty());
    assert_eq!(ended.ended.iter().map(|one| &one.id).collect::<Vec<_>>(), [&account]);
    until_gone(&peer, &account).await;
    exactly(&peer, &count, 2).await;
}

/// S30: what a renewal brings after the end is taken back as well, whether the provider renews before it hears of the end or
/// after.
#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_that_is_under_way_does_not_bring_an_ended_link_back() {
    let peer = Peer::start().await;
    let (ada, todoist) = (user("ada"), peer.sandbox.todoist());
    let pause = Duration::from_secs(2);
    for slow in [FaultKind::Slow(pause), FaultKind::SlowAnswer(pause)] {
        let account = peer.link_and_sync(&ada, Provider::Todoist).await.id;
        let task = todoist.add_task("a task", json!({}));
        todoist.expire_access_tokens();
        todoist.fault(Fault::next(1, "/oauth/access_token", slow.clone()));
        let before = peer.token_requests();
        let (words, ()) = futures_util::join!(peer.words(&ada, &account, &task), async {
            eventually("it is renewed", || async { (peer.token_requests() > before).then_some(()) }).await;
            end(&peer, &account).await;
        });
        assert_eq!(words.unwrap_err().status, 404, "{slow:?}");
        until_gone(&peer, &account).await;
        eventually("the provider knows", || async { (!todoist.is_linked()).then_some(()) }).await;
        assert_eq!(peer.at_rest(&peer.tokens()), Vec::<String>::new());
    }
}

/// S30: a channel that is opened after the end is stopped, and nobody listens to it.
#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_is_being_opened_does_not_outlive_an_ended_link() {
    let peer = Peer::start().await;
    let (ada, google) = (user("ada"), peer.sandbox.google());
    google.fault(Fault::next(1, "/events/watch", FaultKind::Slow(Duration::from_secs(2))));
    let account = peer.link(&ada, Provider::GoogleCalendar, "alex").await.id;
    eventually("a channel is asked for", || async { (peer.asked("/events/watch") > 0).then_some(()) }).await;
    end(&peer, &account).await;
    until_gone(&peer, &account).await;
    eventually("it is stopped", || async {
        (peer.asked("/channels/stop") > 0 && google.channels().is_empty()).then_some(())
    })
    .await;
    let now = peer.ctx.clock.now();
    google.add_event(NewEvent::new("an event", now + 1.hour(), now + 2.hours()));
    assert!(peer.signals().iter().all(|signal| !format!("{:?}", signal.fact).contains("EventUpserted")));
}
