//! Grants that are kept alive: two services on a provider whose tokens end within seconds.

use crate::peer::{Peer, user};
use oo_contracts::Provider;
use oo_contracts::wire::AccountStatus;
use oo_runtime::seal::Keyring;
use oo_runtime::secret_file;
use oo_sandbox::{Fault, FaultKind};
use oo_testkit::{Running, eventually};
use serde_json::json;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn fifty_fetches_over_two_services_with_an_expired_token_make_one_token_request() {
    let peer = Peer::start().await;
    let other = peer.house.serve("integrations", oo_integrations::serve).await;
    let ada = user("ada");
    let account = peer.link_and_sync(&ada, Provider::Todoist).await.id;
    let tasks: Vec<_> = (0..50).map(|n| peer.sandbox.todoist().add_task(&format!("task {n}"), json!({}))).collect();
    let before = peer.token_requests();
    peer.sandbox.todoist().expire_access_tokens();
    let asked = tasks.iter().map(|task| peer.words(&ada, &account, task));
    let words = futures_util::future::join_all(asked).await;
    assert!(words.iter().all(Result::is_ok), "{words:?}");
    assert_eq!(peer.token_requests() - before, 1);
    let answered = |metrics: String| {
        metrics.lines().any(|line| line.starts_with("oo_integrations_requests") && !line.ends_with(" 0"))
    };
    for service in [&peer.service, &other] {
        let metrics = reqwest::get(service.url("/metrics")).await.unwrap().text().await.unwrap();
        assert!(answered(metrics), "both had a part in it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_that_nobody_waits_for_any_more_is_kept_all_the_same() {
    let peer = Peer::start().await;
    let ada = user("ada");
    let account = peer.link_and_sync(&ada, Provider::Todoist).await.id;
    let task = peer.sandbox.todoist().add_task("a task", json!({}));
    let before = peer.token_requests();
    peer.sandbox.todoist().expire_access_tokens();
    let slow = FaultKind::Slow(Duration::from_secs(6));
    peer.sandbox.todoist().fault(Fault::next(1, "/oauth/access_token", slow));
    assert_eq!(peer.words(&ada, &account, &task).await.unwrap_err().status, 504, "words do not wait so long");
    let words = eventually("words", || async { peer.words(&ada, &account, &task).await.ok() }).await;
    assert_eq!((words.title.as_str(), peer.token_requests() - before), ("a task", 1), "its answer was not lost");
}

/// S18.
#[tokio::test(flavor = "multi_thread")]
async fn with_another_ring_a_service_is_not_ready_and_overwrites_nothing() {
    let peer = Peer::start().await;
    let ada = user("ada");
    let account = peer.link_and_sync(&ada, Provider::Todoist).await.id;
    let ready = async |service: &Running| {
        let answer = reqwest::get(service.url("/health")).await.unwrap();
        let report: serde_json::Value = answer.json().await.unwrap();
        (report["ready"].as_bool().unwrap(), report["dependencies"]["vault"].clone())
    };
    eventually("it is ready", || async { (ready(&peer.service).await == (true, json!("up"))).then_some(()) }).await;
    let record = ["HGET", &format!("oo:integrations:account:{account}"), "record"].map(str::to_owned);
    let record = || async { peer.redis(&record.each_ref().map(String::as_str)).await.unwrap() };
    let before = record().await;
    // The same name and another key; and a name that is not there.
    for id in ["test", "other"] {
        let file = peer.house.dir().join(id);
        secret_file::write(&file, &Keyring::new_line(id)).unwrap();
        let keys = [("OO_KEYS__FILE", file.to_str().unwrap())];
        let wrong = peer.house.serve_with("integrations", keys, oo_integrations::serve).await;
        // A service that starts says nothing of its vault until it has one.
        let told = eventually("it tells of its vault", || async {
            let told = ready(&wrong).await;
            (!told.1.is_null()).then_some(told)
        })
        .await;
        assert_eq!(told, (false, json!("down")));
        wrong.stop().await.unwrap();
    }
    assert_eq!(record().await, before);
    let task = peer.sandbox.todoist().add_task("a task", json!({}));
    assert_eq!(peer.words(&ada, &account, &task).await.unwrap().title, "a task");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_renewed_in_time_although_nobody_asks_for_anything() {
    let peer = Peer::start().await;
    let _other = peer.house.serve("integrations", oo_integrations::serve).await;
    let ada = user("ada");
    peer.sandbox.todoist().access_life(jiff::SignedDuration::from_secs(6));
    let account = peer.link_and_sync(&ada, Provider::Todoist).await.id;
    let task = peer.sandbox.todoist().add_task("a task", json!({}));
    let before = peer.token_requests();
    eventually("it was renewed three times", || async { (peer.token_requests() >= before + 3).then_some(()) }).await;
    let refused = peer.sandbox.todoist().requests().iter().filter(|request| request.status == Some(401)).count();
    assert_eq!(refused, 0, "no token was ever used after its end");
    assert_eq!(peer.status(&ada).await, AccountStatus::Active);
    // Whoever asks has it at once.
    let renewed = peer.token_requests();
    assert_eq!(peer.words(&ada, &account, &task).await.unwrap().title, "a task");
    assert!(peer.token_requests() <= renewed + 1);
}
