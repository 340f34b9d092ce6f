//! The sandbox fails as it is told, for as long as it is told, and tells what it was asked.

use super::{read, text, world};
use oo_sandbox::{Fault, FaultKind};
use serde_json::json;
use std::time::Duration;

const USER: &str = "todoist/api/v1/user";

#[tokio::test]
async fn a_scripted_status_comes_so_often_and_in_the_providers_words() {
    let world = world().await;
    let (access, _) = world.link_todoist().await;
    let todoist = world.sandbox.todoist();
    todoist.fault(Fault::next(2, "/api/v1", FaultKind::TooMany429 { retry_after_secs: 3 }));
    for _ in 0..2 {
        let answer = world.get(USER, &access).await;
        assert_eq!(answer.headers()["retry-after"], "3");
        let (status, body) = read(answer).await;
        assert_eq!((status, &body["error_extra"]["retry_after"]), (429, &json!(3)));
    }
    assert_eq!(world.get(USER, &access).await.status(), 200);

    todoist.fault(Fault::next(1, "/todoist/api/v1/user", FaultKind::Unauthorized401));
    assert_eq!(world.get("todoist/api/v1/projects", &access).await.status(), 200, "another path is left alone");
    assert_eq!(read(world.get(USER, &access).await).await.1["error_tag"], "UNAUTHORIZED");
    todoist.fault(Fault::always("", FaultKind::Error500));
    assert_eq!(world.get(USER, &access).await.status(), 500);
    todoist.clear_faults();
    assert_eq!(world.get(USER, &access).await.status(), 200);

    todoist.fault(Fault::next(1, "/api/v1", FaultKind::Html200));
    let answer = world.get(USER, &access).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (200, &"text/html; charset=utf-8".parse().unwrap())
    );
    assert!(answer.text().await.unwrap().starts_with("<!doctype html>"));
}

#[tokio::test]
async fn google_says_slow_down_in_two_ways() {
    let world = world().await;
    let (access, _) = world.link_google().await;
    let path = "google/calendar/v3/users/me/calendarList";
    world.sandbox.google().fault(Fault::next(1, "/calendar", FaultKind::UsageLimits403));
    let (status, body) = read(world.get(path, &access).await).await;
    assert_eq!((status, &body["error"]["errors"][0]["domain"]), (403, &json!("usageLimits")));
    world.sandbox.google().fault(Fault::next(1, "/calendar", FaultKind::TooMany429 { retry_after_secs: 1 }));
    let (status, body) = read(world.get(path, &access).await).await;
    assert_eq!((status, &body["error"]["errors"][0]["reason"]), (429, &json!("rateLimitExceeded")));
}

#[tokio::test]
async fn a_hanging_request_hangs_and_a_broken_one_breaks() {
    let world = world().await;
    let (access, _) = world.link_todoist().await;
    let todoist = world.sandbox.todoist();
    todoist.fault(Fault::next(1, "/api/v1", FaultKind::Hang));
    let hanging = world.http.get(world.at(USER)).bearer_auth(&access).timeout(Duration::from_millis(200)).send().await;
    assert!(hanging.unwrap_err().is_timeout());

    todoist.fault(Fault::next(1, "/api/v1", FaultKind::CloseMidway));
    let broken = world.get(USER, &access).await;
    assert_eq!(broken.status(), 200);
    assert!(broken.bytes().await.is_err());

    todoist.fault(Fault::next(1, "/api/v1", FaultKind::Slow(Duration::from_millis(60))));
    let asked = std::time::Instant::now();
    assert_eq!(world.get(USER, &access).await.status(), 200);
    assert!(asked.elapsed() >= Duration::from_millis(60));

    let seen: Vec<_> = todoist.requests().into_iter().filter(|request| request.path.ends_with("/user")).collect();
    assert_eq!(seen.iter().map(|request| request.status).collect::<Vec<_>>(), [None, None, Some(200)]);
}

/// The case that strands a client: the provider rotated, and nobody heard of it.
#[tokio::test]
async fn a_lost_answer_has_still_happened() {
    let world = world().await;
    let (_, refresh) = world.link_todoist().await;
    world.sandbox.todoist().fault(Fault::next(1, "/oauth/access_token", FaultKind::LoseAnswer));
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh.as_str()),
        ("client_id", "sandbox-todoist"),
        ("client_secret", "sandbox-todoist-secret"),
    ];
    let lost = world.http.post(world.at("todoist/oauth/access_token")).form(&fields).send().await.unwrap();
    assert!(lost.bytes().await.is_err());
    let (status, again) = world.todoist_refresh(&refresh).await;
    assert_eq!((status, again.get("refresh_token")), (200, None));
    assert_eq!(world.get(USER, &text(&again, "access_token")).await.status(), 200);
}

#[tokio::test]
async fn the_page_shows_what_there_is_and_completes_a_task() {
    let world = world().await;
    let todoist = world.sandbox.todoist();
    let id = todoist.add_task("Look at <this>", json!({}));
    assert_eq!(read(world.http.get(world.at("health")).send().await.unwrap()).await.0, 200);
    let page = world.http.get(world.at("")).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("Look at &lt;this&gt;") && page.contains("Sandbox Todoist (not linked)"));
    let done = world.http.post(world.at("")).form(&[("complete", &id)]).send().await.unwrap();
    assert_eq!(done.status(), 303);
    assert!(todoist.tasks().iter().find(|task| task.id == id).unwrap().checked);
    let forged = world.http.post(world.at("")).header("sec-fetch-site", "cross-site").form(&[("add", "x")]).send();
    assert_eq!(forged.await.unwrap().status(), 403);
    assert_eq!(world.http.get(world.at("nothing")).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn a_body_beyond_a_mebibyte_is_refused() {
    let world = world().await;
    let answer = world.http.post(world.at("google/token")).body(vec![b'a'; 1024 * 1024 + 1]).send().await;
    assert!(answer.is_err() || answer.unwrap().status() == 413);
}
