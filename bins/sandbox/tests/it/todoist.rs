//! Tasks, sync and webhooks.

use super::{hook, read, text, world, world_with};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use oo_sandbox::signature;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Asks for a sync as a form, as the guide says.
async fn sync(world: &super::World, access: &str, token: &str) -> (u16, Value) {
    let fields = [("sync_token", token), ("resource_types", "[\"items\",\"user\"]")];
    let request = world.http.post(world.at("todoist/api/v1/sync")).bearer_auth(access).form(&fields);
    read(request.send().await.unwrap()).await
}

#[tokio::test]
async fn the_sample_tasks_are_lively_and_do_not_shout() {
    let now: Timestamp = "2026-11-24T08:20:00Z".parse().unwrap();
    let world = world_with(|options| {
        options.now = Arc::new(move || now);
        options.zone = TimeZone::get("Europe/Zurich").unwrap();
    })
    .await;
    let (access, _) = world.link_todoist().await;
    let (_, body) = read(world.get("todoist/api/v1/tasks?limit=200", &access).await).await;
    let tasks = body["results"].as_array().unwrap();
    assert_eq!((tasks.len(), &body["next_cursor"]), (14, &Value::Null));
    assert!(tasks.iter().all(|task| !text(task, "content").contains('!')));
    let due = |prefix: &str| {
        tasks.iter().filter(|task| task["due"]["date"].as_str().is_some_and(|due| due.starts_with(prefix))).count()
    };
    assert!(due("2026-11-24") >= 3 && due("2026-11-25") >= 1 && due("2026-11-23") >= 1);
    assert!(tasks.iter().any(|task| task["due"].is_null()));
    assert!(tasks.iter().any(|task| task["due"]["is_recurring"] == true));
    assert!(tasks.iter().any(|task| task["duration"] == json!({"amount": 45, "unit": "minute"})));
    let (_, user) = read(world.get("todoist/api/v1/user", &access).await).await;
    assert_eq!(user["tz_info"]["timezone"], "Europe/Zurich");
}

#[tokio::test]
async fn a_full_sync_gives_the_open_tasks_and_an_incremental_one_what_changed() {
    let world = world_with(|options| options.sample = false).await;
    let todoist = world.sandbox.todoist();
    let (access, _) = world.link_todoist().await;
    let milk = todoist.add_task("Buy milk", json!({"due_date": "2026-11-24", "priority": 4}));
    let taxes = todoist.add_task("File taxes", json!({"due_datetime": "2026-11-24T12:00:00"}));
    let plants = todoist.add_task("Water plants", json!({"due_string": "every day"}));

    let (status, full) = sync(&world, &access, "*").await;
    assert_eq!((status, &full["full_sync"]), (200, &json!(true)));
    assert_eq!(full["items"].as_array().unwrap().len(), 3);
    assert_eq!(full["user"]["id"], todoist.user_id());
    assert_eq!(full["items"][1]["due"]["date"], "2026-11-24T12:00:00");

    let token = text(&full, "sync_token");
    let (_, nothing) = sync(&world, &access, &token).await;
    assert_eq!((&nothing["full_sync"], &nothing["items"]), (&json!(false), &json!([])));

    assert!(todoist.complete(&milk) && todoist.delete(&taxes) && todoist.complete(&plants));
    let (_, changed) = sync(&world, &access, &text(&nothing, "sync_token")).await;
    let items = changed["items"].as_array().unwrap();
    let find = |id: &str| items.iter().find(|item| item["id"] == id).unwrap();
    assert_eq!((&find(&milk)["checked"], &find(&milk)["is_deleted"]), (&json!(true), &json!(false)));
    assert_eq!(find(&taxes)["is_deleted"], true);
    assert_eq!(find(&plants)["checked"], false, "a recurring task goes on");

    let (_, full) = sync(&world, &access, "*").await;
    assert_eq!(full["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_server_may_answer_an_old_token_with_everything() {
    let world = world().await;
    let (access, _) = world.link_todoist().await;
    let (_, full) = sync(&world, &access, "*").await;
    world.sandbox.todoist().expire_sync_tokens();
    let (_, again) = sync(&world, &access, &text(&full, "sync_token")).await;
    assert_eq!((&again["full_sync"], again["items"].as_array().unwrap().len()), (&json!(true), 14));
    let (status, refused) = sync(&world, &access, "nonsense").await;
    assert_eq!((status, &refused["error_extra"]["argument"]), (400, &json!("sync_token")));
}

#[tokio::test]
async fn a_command_is_carried_out_once() {
    let world = world_with(|options| options.sample = false).await;
    let (access, _) = world.link_todoist().await;
    let body =
        json!({"commands": [{"type": "item_add", "uuid": "u-1", "temp_id": "t-1", "args": {"content": "Once"}}]});
    for _ in 0..2 {
        let request = world.http.post(world.at("todoist/api/v1/sync")).bearer_auth(&access).json(&body);
        let (status, answer) = read(request.send().await.unwrap()).await;
        assert_eq!((status, &answer["sync_status"]["u-1"]), (200, &json!("ok")));
    }
    assert_eq!(world.sandbox.todoist().tasks().len(), 1);
}

#[tokio::test]
async fn too_many_full_syncs_are_told_to_wait() {
    let world = world().await;
    let (access, _) = world.link_todoist().await;
    for _ in 0..100 {
        assert_eq!(sync(&world, &access, "*").await.0, 200);
    }
    let (status, refused) = sync(&world, &access, "*").await;
    assert_eq!(status, 429);
    assert!(refused["error_extra"]["retry_after"].as_u64().unwrap() > 800);
    world.sandbox.advance(SignedDuration::from_mins(16));
    assert_eq!(sync(&world, &access, "*").await.0, 200);
}

#[tokio::test]
async fn pages_follow_their_cursor_and_a_cursor_is_tied_to_its_question() {
    let world = world().await;
    let (access, _) = world.link_todoist().await;
    let mut seen = 0;
    let mut cursor = String::new();
    loop {
        let path = format!("todoist/api/v1/tasks?limit=5{cursor}");
        let (_, page) = read(world.get(&path, &access).await).await;
        seen += page["results"].as_array().unwrap().len();
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={}", url::form_urlencoded::byte_serialize(next.as_bytes()).collect::<String>());
        let other = format!("todoist/api/v1/tasks?limit=6{cursor}");
        assert_eq!(world.get(&other, &access).await.status(), 400);
    }
    assert_eq!(seen, 14);
    let (status, body) = read(world.get("todoist/api/v1/tasks?limit=201", &access).await).await;
    assert_eq!((status, &body["error_extra"]["argument"]), (400, &json!("limit")));
    assert_eq!(read(world.get("todoist/api/v1/tasks?cursor=zzz", &access).await).await.1["error_code"], 20);
    let (status, body) = read(world.get("todoist/api/v1/tasks/nothing", &access).await).await;
    assert_eq!((status, &body["error_tag"]), (404, &json!("NOT_FOUND")));
    assert_eq!(world.get("todoist/api/v1/Tasks", &access).await.status(), 404);
}

#[tokio::test]
async fn closing_wants_the_right_scope_and_answers_204() {
    let world = world_with(|options| options.sample = false).await;
    let id = world.sandbox.todoist().add_task("Buy milk", json!({}));
    let close = |access: String| {
        world.http.post(world.at(&format!("todoist/api/v1/tasks/{id}/close"))).bearer_auth(access).send()
    };
    let back = super::back(&world.authorize("todoist/oauth/authorize", &[("scope", "data:read")]).await);
    let (_, reader) = world.todoist_exchange(&back["code"]).await;
    assert_eq!(close(text(&reader, "access_token")).await.unwrap().status(), 403);
    let (access, _) = world.link_todoist().await;
    for _ in 0..2 {
        let answer = close(access.clone()).await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.bytes().await.unwrap().len()), (204, 0));
    }
    assert!(world.sandbox.todoist().tasks()[0].checked);
    let reopen = world.http.post(world.at(&format!("todoist/api/v1/tasks/{id}/reopen"))).bearer_auth(&access);
    assert_eq!(reopen.send().await.unwrap().status(), 204);
    assert!(!world.sandbox.todoist().tasks()[0].checked);
}

#[tokio::test]
async fn a_change_arrives_as_a_signed_webhook_and_only_200_counts() {
    let hook = hook(&[202, 500]).await;
    let url = hook.url.clone();
    let world = world_with(|options| {
        options.sample = false;
        options.todoist_webhook = Some(url);
    })
    .await;
    let todoist = world.sandbox.todoist();
    todoist.add_task("Before linking", json!({}));
    let (access, _) = world.link_todoist().await;
    let id = todoist.add_task("Buy milk", json!({}));
    super::eventually("the third try is taken", || todoist.deliveries().len() == 3).await;
    let statuses: Vec<_> = todoist.deliveries().iter().map(|delivery| delivery.status).collect();
    assert_eq!(statuses, [Some(202), Some(500), Some(200)]);

    let arrived = hook.all();
    let (headers, body) = &arrived[2];
    assert_eq!(headers["user-agent"], "Todoist-Webhooks");
    assert_eq!(headers["x-todoist-hmac-sha256"], signature("sandbox-todoist-secret", body));
    assert!(arrived.iter().all(|one| one.0["x-todoist-delivery-id"] == headers["x-todoist-delivery-id"]));
    let body: Value = serde_json::from_slice(body).unwrap();
    assert_eq!((&body["event_name"], &body["event_data"]["id"]), (&json!("item:added"), &json!(id)));
    assert_eq!(body["user_id"], todoist.user_id());

    let close = world.http.post(world.at(&format!("todoist/api/v1/tasks/{id}/close"))).bearer_auth(&access);
    close.send().await.unwrap();
    super::eventually("the completion arrives", || hook.all().len() == 4).await;
    let last: Value = serde_json::from_slice(&hook.all()[3].1).unwrap();
    assert_eq!((&last["event_name"], &last["event_data"]["checked"]), (&json!("item:completed"), &json!(true)));

    super::eventually("it is noted", || todoist.deliveries().len() == 4).await;
    let delivery = todoist.deliveries()[3].clone();
    todoist.redeliver(&delivery.id);
    super::eventually("it comes again", || hook.all().len() == 5).await;
    assert_eq!(hook.all()[4].1, delivery.body());
}

#[tokio::test]
async fn a_recurring_completion_is_an_update_with_its_intent() {
    let hook = hook(&[]).await;
    let world = world_with(|options| options.sample = false).await;
    let todoist = world.sandbox.todoist();
    todoist.set_webhook(Some(hook.url.clone()));
    let id = todoist.add_task("Water plants", json!({"due_string": "every day"}));
    world.link_todoist().await;
    todoist.complete(&id);
    super::eventually("it arrives", || hook.all().len() == 1).await;
    let body: Value = serde_json::from_slice(&hook.all()[0].1).unwrap();
    assert_eq!(body["event_name"], "item:updated");
    assert_eq!(body["event_data_extra"]["update_intent"], "item_completed");
    assert_ne!(body["event_data_extra"]["old_item"]["due"]["date"], body["event_data"]["due"]["date"]);
}

#[tokio::test]
async fn new_tasks_come_in_as_a_fast_day_runs() {
    let start: Timestamp = "2026-11-24T08:00:00Z".parse().unwrap();
    let minutes = Arc::new(AtomicI64::new(0));
    let clock = minutes.clone();
    let world = world_with(|options| {
        options.speed = 1000.0;
        options.now = Arc::new(move || start + SignedDuration::from_mins(clock.load(Ordering::Relaxed)));
    })
    .await;
    world.link_todoist().await;
    let todoist = world.sandbox.todoist();
    assert_eq!(todoist.tasks().len(), 14);
    minutes.store(12 * 60, Ordering::Relaxed);
    super::eventually("three more came in", || todoist.tasks().len() == 17).await;
    minutes.store(24 * 60 * 30, Ordering::Relaxed);
    super::eventually("more came, but not a month's worth", || (18..30).contains(&todoist.tasks().len())).await;
}

#[tokio::test]
async fn a_state_file_lets_a_link_outlive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sandbox.json");
    let first = world_with(|options| options.state_file = Some(file.clone())).await;
    let (access, refresh) = first.link_todoist().await;
    let id = first.sandbox.todoist().add_task("Still here", json!({}));
    let bind = first.sandbox.url();
    first.sandbox.stop().await;
    assert!(first.http.get(bind.clone()).send().await.is_err(), "a stopped provider answers nobody");

    let second = world_with(|options| {
        options.state_file = Some(file.clone());
        options.bind = format!("127.0.0.1:{}", bind.port().unwrap()).parse().unwrap();
    })
    .await;
    assert_eq!(second.get(&format!("todoist/api/v1/tasks/{id}"), &access).await.status(), 200);
    assert_eq!(second.todoist_refresh(&refresh).await.0, 200);
}
