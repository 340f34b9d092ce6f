//! Events, sync tokens, channels, free and busy.

use super::{World, hook, read, text, world, world_with};
use jiff::{SignedDuration, Timestamp};
use oo_sandbox::NewEvent;
use serde_json::{Value, json};
use std::sync::Arc;

const NOW: &str = "2026-11-24T08:20:00Z";
const EVENTS: &str = "google/calendar/v3/calendars/primary/events?singleEvents=true";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

async fn empty_world() -> World {
    world_with(|options| {
        options.sample = false;
        options.now = Arc::new(|| at(NOW));
    })
    .await
}

fn quoted(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

async fn list(world: &World, access: &str, rest: &str) -> (u16, Value) {
    read(world.get(&format!("{EVENTS}{rest}"), access).await).await
}

#[tokio::test]
async fn the_sample_week_leaves_room_now_and_has_something_after() {
    let world = world_with(|options| {
        options.now = Arc::new(|| at(NOW));
        options.zone = jiff::tz::TimeZone::get("Europe/Zurich").unwrap();
    })
    .await;
    let (access, _) = world.link_google().await;
    let window = "&timeMin=2026-11-24T00:00:00Z&timeMax=2026-12-01T00:00:00Z&orderBy=startTime";
    let (status, body) = list(&world, &access, window).await;
    let items = body["items"].as_array().unwrap();
    assert_eq!((status, &body["timeZone"]), (200, &json!("Europe/Zurich")));
    assert!(items.len() >= 20, "{}", items.len());
    assert!(items.iter().any(|event| event["eventType"] == "focusTime"));
    assert!(items.iter().any(|event| event["summary"] == "Dentist"));
    assert!(items.iter().any(|event| event["recurringEventId"].is_string()));
    assert!(items.iter().any(|event| event["start"]["date"].is_string()));
    assert!(items.iter().any(|event| event["start"]["dateTime"].as_str().is_some_and(|at| at.ends_with("+01:00"))));
    assert!(items.iter().all(|event| !text(event, "summary").contains('!')));

    let question =
        json!({"timeMin": NOW, "timeMax": "2026-11-24T20:00:00Z", "items": [{"id": "primary"}, {"id": "x@y"}]});
    let other = back_with_scope(&world, "https://www.googleapis.com/auth/calendar.freebusy").await;
    let request = world.http.post(world.at("google/calendar/v3/freeBusy")).bearer_auth(&other).json(&question);
    let (status, answer) = read(request.send().await.unwrap()).await;
    assert_eq!((status, &answer["calendars"]["x@y"]["errors"][0]["reason"]), (200, &json!("notFound")));
    let busy = answer["calendars"]["primary"]["busy"].as_array().unwrap();
    let first: Timestamp = text(&busy[0], "start").parse().unwrap();
    assert!(first >= at(NOW) + SignedDuration::from_mins(40));
    assert_eq!(list(&world, &other, "").await.0, 403, "free and busy is not the events");
}

async fn back_with_scope(world: &World, scope: &str) -> String {
    let back = super::back(&world.authorize("google/o/oauth2/v2/auth", &[("scope", scope)]).await);
    let (_, body) = world.form("google/token", &super::google_exchange_fields(&back["code"])).await;
    text(&body, "access_token")
}

#[tokio::test]
async fn a_sync_token_brings_what_changed_and_the_window_stays() {
    let world = empty_world().await;
    let google = world.sandbox.google();
    let (access, _) = world.link_google().await;
    let kept = google.add_event(NewEvent::new("Standup", at("2026-11-24T09:00:00Z"), at("2026-11-24T09:15:00Z")));
    let gone = google.add_event(NewEvent::new("Dentist", at("2026-11-25T09:00:00Z"), at("2026-11-25T10:00:00Z")));
    google.add_event(NewEvent::new("Far away", at("2027-03-01T09:00:00Z"), at("2027-03-01T10:00:00Z")));
    let (_, first) = list(&world, &access, "&timeMin=2026-11-22T00:00:00Z&timeMax=2026-12-06T00:00:00Z").await;
    assert_eq!(first["items"].as_array().unwrap().len(), 2);

    assert!(google.move_event(&kept, at("2027-02-01T09:00:00Z"), at("2027-02-01T09:15:00Z")));
    assert!(google.cancel_event(&gone));
    google.add_event(NewEvent::new("Also far away", at("2027-03-02T09:00:00Z"), at("2027-03-02T10:00:00Z")));
    let token = quoted(&text(&first, "nextSyncToken"));
    let (status, next) = list(&world, &access, &format!("&syncToken={token}")).await;
    let items = next["items"].as_array().unwrap();
    assert_eq!((status, items.len()), (200, 2), "{next}");
    let find = |id: &str| items.iter().find(|event| event["id"] == id).unwrap();
    assert_eq!(find(&gone)["status"], "cancelled");
    assert_eq!(find(&kept)["start"]["dateTime"], "2027-02-01T09:00:00Z");
    let token = quoted(&text(&next, "nextSyncToken"));
    assert_eq!(list(&world, &access, &format!("&syncToken={token}")).await.1["items"], json!([]));
}

#[tokio::test]
async fn an_expired_sync_token_is_gone() {
    let world = world().await;
    let (access, _) = world.link_google().await;
    let (_, first) = list(&world, &access, "").await;
    world.sandbox.google().expire_sync_tokens();
    for token in [quoted(&text(&first, "nextSyncToken")), "nonsense".to_owned()] {
        let (status, body) = list(&world, &access, &format!("&syncToken={token}")).await;
        let message = "Sync token is no longer valid, a full sync is required.";
        assert_eq!(status, 410);
        assert_eq!(
            body,
            json!({"error": {"errors": [{
            "domain": "calendar", "reason": "fullSyncRequired", "message": message,
            "locationType": "parameter", "location": "syncToken",
        }], "code": 410, "message": message}})
        );
    }
}

#[tokio::test]
async fn what_does_not_go_with_a_sync_token_is_refused() {
    let world = world().await;
    let (access, _) = world.link_google().await;
    let (_, first) = list(&world, &access, "").await;
    let token = quoted(&text(&first, "nextSyncToken"));
    for extra in [
        "&timeMin=2026-11-22T00:00:00Z",
        "&timeMax=2026-11-22T00:00:00Z",
        "&orderBy=startTime",
        "&q=dentist",
        "&updatedMin=2026-11-22T00:00:00Z",
        "&iCalUID=x",
        "&showDeleted=false",
        "&timeZone=Europe/Zurich",
    ] {
        assert_eq!(list(&world, &access, &format!("&syncToken={token}{extra}")).await.0, 400, "{extra}");
    }
    let other = format!("google/calendar/v3/calendars/primary/events?syncToken={token}");
    assert_eq!(world.get(&other, &access).await.status(), 400, "without singleEvents it is another question");
    for wrong in ["&timeMin=2026-11-22", "&maxResults=0", "&pageToken=zzz", "&timeMin=2026-11-22T00:00:00"] {
        assert_eq!(list(&world, &access, wrong).await.0, 400, "{wrong}");
    }
    let unordered = "google/calendar/v3/calendars/primary/events?orderBy=startTime";
    assert_eq!(world.get(unordered, &access).await.status(), 400);
}

#[tokio::test]
async fn only_the_last_page_has_a_sync_token() {
    let world = world().await;
    let (access, _) = world.link_google().await;
    let (_, all) = list(&world, &access, "").await;
    let mut seen = 0;
    let mut page = String::new();
    loop {
        let (status, body) = list(&world, &access, &format!("&maxResults=10{page}")).await;
        assert_eq!(status, 200);
        seen += body["items"].as_array().unwrap().len();
        let Some(next) = body["nextPageToken"].as_str() else {
            assert!(body["nextSyncToken"].is_string());
            break;
        };
        assert_eq!(body.get("nextSyncToken"), None);
        page = format!("&pageToken={}", quoted(next));
    }
    assert_eq!(seen, all["items"].as_array().unwrap().len());
}

#[tokio::test]
async fn a_series_is_one_master_unless_single_events_are_asked_for() {
    let world = world().await;
    let (access, _) = world.link_google().await;
    let (_, body) = read(world.get("google/calendar/v3/calendars/primary/events", &access).await).await;
    let masters: Vec<_> =
        body["items"].as_array().unwrap().iter().filter(|event| event["recurrence"].is_array()).collect();
    assert_eq!(masters.len(), 1);
}

#[tokio::test]
async fn an_event_and_the_calendar_list_can_be_read() {
    let world = empty_world().await;
    let id = world.sandbox.google().add_event(NewEvent::new(
        "Standup",
        at("2026-11-24T09:00:00Z"),
        at("2026-11-24T09:15:00Z"),
    ));
    let (access, _) = world.link_google().await;
    let (_, event) =
        read(world.get(&format!("google/calendar/v3/calendars/alex%40example.com/events/{id}"), &access).await).await;
    assert_eq!((&event["summary"], &event["status"]), (&json!("Standup"), &json!("confirmed")));
    let (status, missing) = read(world.get("google/calendar/v3/calendars/primary/events/none", &access).await).await;
    assert_eq!((status, &missing["error"]["errors"][0]["reason"]), (404, &json!("notFound")));
    let lister = back_with_scope(&world, "https://www.googleapis.com/auth/calendar.calendarlist.readonly").await;
    let (_, body) = read(world.get("google/calendar/v3/users/me/calendarList", &lister).await).await;
    assert_eq!(body["items"][0]["primary"], true);
    let (status, refused) = read(world.get("google/calendar/v3/users/me/calendarList", "nonsense").await).await;
    assert_eq!((status, &refused["error"]["errors"][0]["reason"]), (401, &json!("authError")));
}

#[tokio::test]
async fn a_channel_is_greeted_told_of_changes_and_stopped() {
    let hook = hook(&[]).await;
    let world = empty_world().await;
    let (access, _) = world.link_google().await;
    let watch = json!({"id": "channel-1", "type": "web_hook", "address": hook.url, "token": "a-secret", "params": {"ttl": "3600"}});
    let post =
        |path: &'static str, body: Value| world.http.post(world.at(path)).bearer_auth(&access).json(&body).send();
    let path = "google/calendar/v3/calendars/primary/events/watch";
    let (status, channel) = read(post(path, watch.clone()).await.unwrap()).await;
    assert_eq!((status, &channel["kind"], &channel["id"]), (200, &json!("api#channel"), &json!("channel-1")));
    let expires: i64 = text(&channel, "expiration").parse().unwrap();
    let left = expires / 1000 - Timestamp::now().as_second();
    assert!((3500..=3600).contains(&left), "{left}");
    assert_eq!(post(path, watch).await.unwrap().status(), 400, "an id is good once");

    super::eventually("it is greeted", || hook.all().len() == 1).await;
    let (headers, body) = hook.all()[0].clone();
    assert!(body.is_empty());
    assert_eq!((headers["x-goog-resource-state"].as_str(), headers["x-goog-message-number"].as_str()), ("sync", "1"));
    assert_eq!(headers["x-goog-channel-token"], "a-secret");
    assert_eq!(headers["x-goog-resource-id"], text(&channel, "resourceId"));
    assert!(headers["x-goog-channel-expiration"].ends_with(" GMT"));

    world.sandbox.google().add_event(NewEvent::new("New", at("2026-11-24T09:00:00Z"), at("2026-11-24T09:15:00Z")));
    super::eventually("it is told", || hook.all().len() == 2).await;
    let headers = hook.all()[1].0.clone();
    assert_eq!(headers["x-goog-resource-state"], "exists");
    assert!(headers["x-goog-message-number"].parse::<u64>().unwrap() > 1);

    let stop = "google/calendar/v3/channels/stop";
    assert_eq!(post(stop, json!({"id": "channel-1", "resourceId": "wrong"})).await.unwrap().status(), 404);
    assert_eq!(world.sandbox.google().channels(), ["channel-1"]);
    let answer = post(stop, json!({"id": "channel-1", "resourceId": channel["resourceId"]})).await.unwrap();
    assert_eq!(answer.status(), 204);
    assert!(world.sandbox.google().channels().is_empty());
}

#[tokio::test]
async fn a_channel_ends_with_its_life() {
    let hook = hook(&[]).await;
    let world = empty_world().await;
    let (access, _) = world.link_google().await;
    let watch = json!({"id": "channel-1", "type": "webhook", "address": hook.url, "params": {"ttl": "60"}});
    let request = world.http.post(world.at("google/calendar/v3/calendars/primary/events/watch"));
    assert_eq!(request.bearer_auth(&access).json(&watch).send().await.unwrap().status(), 200);
    assert_eq!(world.sandbox.google().channels().len(), 1);
    world.sandbox.advance(SignedDuration::from_secs(61));
    assert!(world.sandbox.google().channels().is_empty());
}
