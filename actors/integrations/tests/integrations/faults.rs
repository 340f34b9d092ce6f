//! Providers that fail: tried again in time, told truthfully, and never more than needed.

use crate::peer::{HERE, Peer, user};
use oo_contracts::Provider;
use oo_contracts::signal::Fact;
use oo_contracts::wire::AccountStatus;
use oo_runtime::Metric;
use oo_sandbox::{Fault, FaultKind};
use oo_testkit::eventually;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_fails_once_is_tried_again_and_nothing_is_lost() {
    let peer = Peer::start_with([("POLL_SECONDS", "1")]).await;
    let todoist = peer.sandbox.todoist();
    peer.link_and_sync(&user("ada"), Provider::Todoist).await;
    for kind in [
        FaultKind::Error500,
        FaultKind::Html200,
        FaultKind::CloseMidway,
        FaultKind::LoseAnswer,
        FaultKind::Unauthorized401,
        FaultKind::TooMany429 { retry_after_secs: 1 },
    ] {
        todoist.fault(Fault::next(1, "/api/v1/sync", kind.clone()));
        let task = todoist.add_task("a task", json!({}));
        peer.until_told(&task, &["added"]).await;
    }
    assert_eq!(peer.status(&user("ada")).await, AccountStatus::Active);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_stays_away_is_degraded_until_it_is_back() {
    let peer = Peer::start_with([("POLL_SECONDS", "1")]).await;
    let ada = user("ada");
    let todoist = peer.sandbox.todoist();
    peer.link_and_sync(&ada, Provider::Todoist).await;
    todoist.fault(Fault::always("/api/v1/sync", FaultKind::Error500));
    let task = todoist.add_task("a task", json!({}));
    eventually("degraded", || async {
        matches!(peer.status(&ada).await, AccountStatus::Degraded { .. }).then_some(())
    })
    .await;
    todoist.clear_faults();
    peer.until_told(&task, &["added"]).await;
    eventually("active", || async { (peer.status(&ada).await == AccountStatus::Active).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_that_the_provider_asks_for_holds_against_hints() {
    let peer = Peer::start().await;
    let todoist = peer.sandbox.todoist();
    peer.link_and_sync(&user("ada"), Provider::Todoist).await;
    let door = peer.house.source().get("OO_INTEGRATIONS__PUBLIC_URL").unwrap().to_owned();
    todoist.set_webhook(Some(format!("{door}/webhooks/todoist").parse().unwrap()));
    todoist.fault(Fault::next(1, "/api/v1/sync", FaultKind::TooMany429 { retry_after_secs: 3 }));
    let before = peer.asked("/api/v1/sync");
    let task = todoist.add_task("one", json!({}));
    eventually("it was refused", || async { (peer.asked("/api/v1/sync") > before).then_some(()) }).await;
    let refused = tokio::time::Instant::now();
    todoist.add_task("two", json!({}));
    peer.until_told(&task, &["added"]).await;
    assert!(refused.elapsed() >= std::time::Duration::from_millis(2500), "{:?}", refused.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_tokens_are_renewed_once_for_all() {
    let peer = Peer::start().await;
    let ada = user("ada");
    let account = peer.link_and_sync(&ada, Provider::Todoist).await.id;
    let tasks: Vec<_> = (0..50).map(|n| peer.sandbox.todoist().add_task(&format!("task {n}"), json!({}))).collect();
    let before = peer.token_requests();
    peer.sandbox.todoist().expire_access_tokens();
    let asked = tasks.iter().map(|task| peer.words(&ada, &account, task));
    let words = futures_util::future::join_all(asked).await;
    assert!(words.iter().all(Result::is_ok), "{words:?}");
    assert_eq!(peer.token_requests() - before, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_grant_asks_for_the_person_and_mending_keeps_the_account() {
    for provider in HERE {
        let peer = Peer::start_with([("POLL_SECONDS", "1")]).await;
        let ada = user("ada");
        let account = peer.link_and_sync(&ada, provider).await.id;
        match provider {
            Provider::Todoist => peer.sandbox.todoist().revoke_all(),
            Provider::GoogleCalendar | Provider::GoogleTasks => peer.sandbox.google().revoke_all(),
            Provider::MicrosoftTodo | Provider::OutlookCalendar => peer.sandbox.microsoft().revoke_all(),
            other => panic!("{other:?} has no place here yet"),
        }
        eventually("reconnect needed", || async {
            matches!(peer.status(&ada).await, AccountStatus::ReconnectNeeded { .. }).then_some(())
        })
        .await;
        let is_told = async |broken: bool| {
            let fact = Fact::AccountBroken { account: account.clone(), broken };
            eventually("the log hears of it", || async {
                peer.signals().iter().any(|signal| signal.fact == fact).then_some(())
            })
            .await;
        };
        is_told(true).await;
        assert_eq!(peer.words(&ada, &account, "any").await.unwrap_err().status, 409);
        let asked = peer.token_requests();
        assert_eq!(peer.words(&ada, &account, "any").await.unwrap_err().status, 409);
        assert_eq!(peer.token_requests(), asked, "nothing is tried in vain");

        assert_eq!(peer.link(&ada, provider, "alex").await.id, account);
        assert_eq!(peer.status(&ada).await, AccountStatus::Active);
        is_told(false).await;
        if provider == Provider::Todoist {
            let task = peer.sandbox.todoist().add_task("a task", json!({}));
            peer.until_told(&task, &["added"]).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_never_expires_works_until_it_is_refused() {
    let peer = Peer::start().await;
    let ada = user("ada");
    peer.sandbox.todoist().legacy_tokens(true);
    let account = peer.link_and_sync(&ada, Provider::Todoist).await.id;
    let task = peer.sandbox.todoist().add_task("a task", json!({}));
    assert_eq!(peer.words(&ada, &account, &task).await.unwrap().title, "a task");
    peer.sandbox.todoist().revoke_all();
    let other = peer.sandbox.todoist().add_task("another", json!({}));
    assert_eq!(peer.words(&ada, &account, &other).await.unwrap_err().status, 409);
    assert!(matches!(peer.status(&ada).await, AccountStatus::ReconnectNeeded { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_away_is_a_clear_problem_and_back_again_all_goes_on() {
    let mut peer = Peer::start_with([("POLL_SECONDS", "1")]).await;
    let ada = user("ada");
    let account = peer.link_and_sync(&ada, Provider::Todoist).await.id;
    peer.house.redis.kill().await;
    let task = peer.sandbox.todoist().add_task("a task", json!({}));
    assert_eq!(peer.words(&ada, &account, &task).await.unwrap_err().status, 503);
    peer.house.redis.start().await.unwrap();
    peer.until_told(&task, &["added"]).await;
    eventually("words again", || async { peer.words(&ada, &account, &task).await.ok() }).await;
}

/// S31: a provider that is down is left alone by everybody, and the account says since when it does not work.
#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_down_is_asked_rarely_and_is_back_at_once_when_it_is() {
    let peer = Peer::start_with([("POLL_SECONDS", "1")]).await;
    let ada = user("ada");
    let todoist = peer.sandbox.todoist();
    let account = peer.link_and_sync(&ada, Provider::Todoist).await.id;
    let task = todoist.add_task("a task", json!({}));
    peer.until_told(&task, &["added"]).await;
    todoist.fault(Fault::always("/api/v1/", FaultKind::Error500));
    let before = peer.asked_below("/api/v1/");
    for _ in 0..50 {
        assert_eq!(peer.words(&ada, &account, &task).await.unwrap_err().status, 502);
    }
    let asked = peer.asked_below("/api/v1/") - before;
    assert!((5..20).contains(&asked), "{asked} of fifty and the polls went out");
    assert!(peer.service.ctx.metrics.counted(Metric::IntegrationsTroubles, "todoist") >= 5);
    let since = eventually("degraded", || async {
        match peer.status(&ada).await {
            AccountStatus::Degraded { since } => Some(since),
            _ => None,
        }
    })
    .await;
    assert!(since <= peer.ctx.clock.now());
    todoist.clear_faults();
    let words = eventually("words again", || async { peer.words(&ada, &account, &task).await.ok() }).await;
    assert_eq!(words.title, "a task");
    eventually("active", || async { (peer.status(&ada).await == AccountStatus::Active).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_sent_away_does_not_come_back_for_words_before_the_time() {
    let peer = Peer::start().await;
    let ada = user("ada");
    let todoist = peer.sandbox.todoist();
    let account = peer.link_and_sync(&ada, Provider::Todoist).await.id;
    let task = todoist.add_task("a task", json!({}));
    todoist.fault(Fault::next(1, "/api/v1/tasks", FaultKind::TooMany429 { retry_after_secs: 3600 }));
    let before = peer.asked_below("/api/v1/tasks");
    for _ in 0..10 {
        assert_eq!(peer.words(&ada, &account, &task).await.unwrap_err().status, 503);
    }
    assert_eq!(peer.asked_below("/api/v1/tasks") - before, 1);
}
