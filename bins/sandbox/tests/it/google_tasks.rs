//! Lists, tasks, what is shown only where asked for, and scopes that add up.

use super::{back, google_exchange_fields, read, text, world, world_with};
use jiff::civil::date;
use serde_json::{Value, json};

const TASKS: &str = "https://www.googleapis.com/auth/tasks";
const ALL: &str = "showCompleted=true&showHidden=true&showDeleted=true";

async fn link(world: &super::World, scope: &str, more: &[(&str, &str)]) -> Value {
    let query = [&[("scope", scope)], more].concat();
    let back = back(&world.authorize("google/o/oauth2/v2/auth", &query).await);
    world.form("google/token", &google_exchange_fields(&back["code"])).await.1
}

async fn list(world: &super::World, access: &str, rest: &str) -> (u16, Value) {
    read(world.get(&format!("google/tasks/v1/lists/@default/tasks?{rest}"), access).await).await
}

fn titles(body: &Value) -> Vec<&str> {
    body["items"].as_array().unwrap().iter().map(|task| task["title"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_sample_lists_are_read_page_by_page() {
    let world = world().await;
    let access = text(&link(&world, TASKS, &[]).await, "access_token");
    let (_, lists) = read(world.get("google/tasks/v1/users/@me/lists", &access).await).await;
    assert_eq!((&lists["kind"], lists["items"].as_array().unwrap().len()), (&json!("tasks#taskLists"), 2));
    let (mut seen, mut page) = (0, String::new());
    loop {
        let (status, body) = list(&world, &access, &format!("maxResults=3{page}")).await;
        assert_eq!(status, 200);
        seen += titles(&body).len();
        let Some(next) = body["nextPageToken"].as_str() else { break };
        page = format!("&pageToken={}", url::form_urlencoded::byte_serialize(next.as_bytes()).collect::<String>());
    }
    assert_eq!(seen, 4);
    for wrong in ["maxResults=0", "maxResults=101", "pageToken=zzz", "updatedMin=yesterday", "showHidden=perhaps"] {
        assert_eq!(list(&world, &access, wrong).await.0, 400, "{wrong}");
    }
}

#[tokio::test]
async fn what_is_over_is_shown_where_it_is_asked_for() {
    let world = world_with(|options| options.sample = false).await;
    let google = world.sandbox.google();
    let access = text(&link(&world, TASKS, &[]).await, "access_token");
    let done = google.add_task("@default", "done", Some(date(2026, 11, 24)));
    let gone = google.add_task("@default", "gone", None);
    google.add_task("@default", "open", None);
    assert!(google.complete_task(&done) && google.delete_task(&gone));
    assert_eq!(titles(&list(&world, &access, "").await.1), ["open"], "what is completed in Google's page is hidden");
    let (_, all) = list(&world, &access, ALL).await;
    assert_eq!(titles(&all), ["done", "gone", "open"]);
    assert_eq!(all["items"][0]["due"], "2026-11-24T00:00:00.000Z");
    assert_eq!((&all["items"][0]["hidden"], &all["items"][1]["deleted"]), (&json!(true), &json!(true)));
    let later = format!("{ALL}&updatedMin=2100-01-01T00:00:00Z");
    assert_eq!(list(&world, &access, &later).await.1["items"], json!([]));

    let (list, id) = done.split_once('/').unwrap();
    let url = world.at(&format!("google/tasks/v1/lists/{list}/tasks/{id}"));
    let patch = |token: String, body: Value| world.http.patch(url.clone()).bearer_auth(token).json(&body).send();
    let opened = json!({"status": "needsAction", "completed": null});
    let (status, task) = read(patch(access.clone(), opened.clone()).await.unwrap()).await;
    assert_eq!((status, &task["status"], task.get("completed")), (200, &json!("needsAction"), None));
    assert_eq!(patch(access, json!({"status": "perhaps"})).await.unwrap().status(), 400);
    let reader = text(&link(&world, &format!("{TASKS}.readonly"), &[]).await, "access_token");
    assert_eq!(patch(reader, opened).await.unwrap().status(), 403);
}

#[tokio::test]
async fn scopes_add_up_where_that_is_asked_for() {
    let world = world().await;
    let calendar = text(&link(&world, super::CALENDAR_SCOPE, &[]).await, "access_token");
    assert_eq!(list(&world, &calendar, "").await.0, 403);
    let apart = link(&world, TASKS, &[]).await;
    assert_eq!(apart["scope"], TASKS);
    let both = link(&world, TASKS, &[("include_granted_scopes", "true")]).await;
    let scopes = text(&both, "scope");
    assert!(scopes.contains(TASKS) && scopes.contains(super::CALENDAR_SCOPE), "{scopes}");
    let access = text(&both, "access_token");
    assert_eq!(list(&world, &access, "").await.0, 200);
    let events = world.get("google/calendar/v3/calendars/primary/events", &access).await;
    assert_eq!(events.status(), 200);
}
