//! Microsoft: OAuth with `offline_access`, delta rounds, subscriptions that want their address proved.

use super::{BACK, World, back, challenge, read, text, todoist_exchange_fields, world, world_with};
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use oo_sandbox::NewAppointment;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use url::Url;

const ID: &str = "00000000-5a4d-b0c5-0000-000000000001";
const AUTHORIZE: &str = "microsoft/common/oauth2/v2.0/authorize";
const TOKEN: &str = "microsoft/common/oauth2/v2.0/token";
const SCOPES: &str = "offline_access User.Read Tasks.ReadWrite Calendars.Read";

async fn empty_world() -> World {
    world_with(|options| options.sample = false).await
}

async fn authorize(world: &World, changes: &[(&str, &str)]) -> reqwest::Response {
    let challenge = challenge();
    let mut query = vec![
        ("client_id", ID),
        ("scope", SCOPES),
        ("state", "a-state-of-some-length"),
        ("redirect_uri", BACK),
        ("response_type", "code"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in changes {
        query.retain(|pair| pair.0 != *name);
        query.push((name, value));
    }
    world.http.get(world.at(AUTHORIZE)).query(&query).send().await.unwrap()
}

/// Links with these scopes; the whole token answer.
async fn link(world: &World, scopes: &str) -> Value {
    let back = back(&authorize(world, &[("scope", scopes)]).await);
    let mut fields = todoist_exchange_fields(&back["code"]);
    (fields[4].1, fields[5].1) = (ID, "sandbox-microsoft-secret");
    let (status, body) = world.form(TOKEN, &fields).await;
    assert_eq!(status, 200, "{body}");
    body
}

async fn refresh(world: &World, token: &str, secret: &str) -> (u16, Value) {
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", token),
        ("client_id", ID),
        ("client_secret", secret),
        ("scope", SCOPES),
    ];
    world.form(TOKEN, &fields).await
}

async fn get(world: &World, url: Url, token: &str, prefer: &str) -> (u16, Value) {
    read(world.http.get(url).bearer_auth(token).header("prefer", prefer).send().await.unwrap()).await
}

/// A whole round from a link: everything that came, how many pages, and the link after it.
async fn round(world: &World, first: Url, token: &str) -> (Vec<Value>, usize, Url) {
    let (mut url, mut all, mut pages) = (first, Vec::new(), 0);
    loop {
        let (status, body) = get(world, url, token, "odata.maxpagesize=2").await;
        assert_eq!(status, 200, "{body}");
        all.extend(body["value"].as_array().unwrap().clone());
        pages += 1;
        match body["@odata.nextLink"].as_str() {
            Some(next) => url = next.parse().unwrap(),
            None => return (all, pages, text(&body, "@odata.deltaLink").parse().unwrap()),
        }
    }
}

fn view(world: &World, from: &str, to: &str) -> Url {
    let mut url = world.at("microsoft/v1.0/me/calendarView/delta");
    url.query_pairs_mut().append_pair("startDateTime", from).append_pair("endDateTime", to);
    url
}

#[tokio::test]
async fn a_lasting_grant_is_a_refresh_token_and_never_a_scope() {
    let world = world().await;
    let body = link(&world, SCOPES).await;
    assert_eq!(text(&body, "scope"), "User.Read Tasks.ReadWrite Calendars.Read");
    assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("Bearer"), &json!(3736)));
    assert!(link(&world, "User.Read").await.get("refresh_token").is_none());
    let first = text(&body, "refresh_token");
    let (status, next) = refresh(&world, &first, "sandbox-microsoft-secret").await;
    assert_eq!(status, 200);
    assert_ne!(text(&next, "refresh_token"), first, "a new one at every use");
    assert_eq!(refresh(&world, &first, "sandbox-microsoft-secret").await.0, 200, "and the old one works on");
    assert_eq!(refresh(&world, &first, "wrong").await.1["error"], "invalid_client");
    let (status, refused) = refresh(&world, "M.R3_nothing", "sandbox-microsoft-secret").await;
    assert_eq!((status, &refused["error"], &refused["error_codes"]), (400, &json!("invalid_grant"), &json!([70008])));
    world.sandbox.microsoft().revoke_all();
    assert_eq!(refresh(&world, &first, "sandbox-microsoft-secret").await.0, 400);
    assert_eq!(world.get("microsoft/v1.0/me", &text(&body, "access_token")).await.status(), 401);
    for (name, value, error) in [("code_challenge", "", "invalid_request"), ("scope", "Mail.Read", "invalid_scope")] {
        assert_eq!(back(&authorize(&world, &[(name, value)]).await)["error"], error);
    }
}

#[tokio::test]
async fn a_scope_opens_what_it_names() {
    let world = world().await;
    let me = text(&link(&world, "User.Read").await, "access_token");
    let (status, body) = read(world.get("microsoft/v1.0/me?$select=id", &me).await).await;
    assert_eq!((status, body.get("displayName")), (200, None));
    assert_eq!(text(&body, "id").len(), 36);
    for path in ["me/todo/lists", "me/calendarView/delta", "me/events/x"] {
        let (status, body) = read(world.get(&format!("microsoft/v1.0/{path}"), &me).await).await;
        assert_eq!((status, &body["error"]["code"]), (403, &json!("ErrorAccessDenied")), "{path}");
    }
    let list = world.sandbox.microsoft().default_list();
    let task = world.sandbox.microsoft().add_task(&list, "a task", json!({}));
    let reader = text(&link(&world, "Tasks.Read").await, "access_token");
    let url = world.at(&format!("microsoft/v1.0/me/todo/lists/{list}/tasks/{task}"));
    assert_eq!(get(&world, url.clone(), &reader, "").await.1["title"], "a task");
    let patch = world.http.patch(url).bearer_auth(&reader).json(&json!({"status": "completed"}));
    assert_eq!(patch.send().await.unwrap().status(), 403, "it may only read");
    let (status, body) = read(world.get("microsoft/v1.0/me", "nonsense").await).await;
    assert_eq!((status, &body["error"]["code"]), (401, &json!("InvalidAuthenticationToken")));
}

#[tokio::test]
async fn a_round_has_empty_pages_repetitions_and_a_link_to_the_next() {
    let world = empty_world().await;
    let microsoft = world.sandbox.microsoft();
    let list = microsoft.default_list();
    let tasks: Vec<_> = (0..5).map(|n| microsoft.add_task(&list, &format!("task {n}"), json!({}))).collect();
    let token = text(&link(&world, SCOPES).await, "access_token");
    let first = world.at(&format!("microsoft/v1.0/me/todo/lists/{list}/tasks/delta"));
    let (status, empty) = get(&world, first.clone(), &token, "").await;
    assert_eq!((status, &empty["value"]), (200, &json!([])), "empty, and not the last");
    let (all, pages, delta) = round(&world, first, &token).await;
    assert_eq!((all.len(), pages), (6, 4), "one comes twice");
    assert!(tasks.iter().all(|id| all.iter().any(|task| task["id"] == id.as_str())));

    let (none, _, delta) = round(&world, delta, &token).await;
    assert!(none.is_empty());
    microsoft.complete(&tasks[0]);
    microsoft.delete_task(&tasks[1]);
    let (changed, _, _) = round(&world, delta.clone(), &token).await;
    let of = |id: &str| changed.iter().find(|task| task["id"] == id).unwrap();
    assert_eq!(of(&tasks[0])["status"], "completed");
    assert_eq!(of(&tasks[1]), &json!({"id": tasks[1], "@removed": {"reason": "deleted"}}));
    assert!(changed.iter().all(|task| task["id"] == tasks[0].as_str() || task["id"] == tasks[1].as_str()));
    microsoft.expire_delta_links();
    let (status, gone) = get(&world, delta, &token, "").await;
    assert_eq!((status, &gone["error"]["code"]), (410, &json!("SyncStateNotFound")));
}

#[tokio::test]
async fn a_due_day_is_the_persons_midnight_in_utc() {
    let zone = jiff::tz::TimeZone::get("Europe/Zurich").unwrap();
    let world = world_with(|options| (options.sample, options.zone) = (false, zone)).await;
    let microsoft = world.sandbox.microsoft();
    let list = microsoft.default_list();
    let due = json!({"dueDateTime": {"dateTime": "2026-11-24T00:00:00", "timeZone": "UTC"}});
    let task = microsoft.add_task(&list, "a task", due);
    let token = text(&link(&world, SCOPES).await, "access_token");
    let url = world.at(&format!("microsoft/v1.0/me/todo/lists/{list}/tasks/{task}"));
    let (_, body) = get(&world, url, &token, "").await;
    assert_eq!(body["dueDateTime"], json!({"dateTime": "2026-11-23T23:00:00.0000000", "timeZone": "UTC"}));
}

#[tokio::test]
async fn a_view_keeps_its_window_and_tells_series_as_graph_does() {
    let world = empty_world().await;
    let microsoft = world.sandbox.microsoft();
    let at = |text: &str| -> Timestamp { text.parse().unwrap() };
    let new = |from: &str, to: &str| NewAppointment::new("Standup", at(from), at(to));
    let single = microsoft.add_event(new("2026-11-24T08:00:00Z", "2026-11-24T09:00:00Z"));
    let far = microsoft.add_event(new("2027-03-01T08:00:00Z", "2027-03-01T09:00:00Z"));
    let days = [24, 25, 26].map(|day| {
        let start = at(&format!("2026-11-{day}T10:00:00Z"));
        (start, start + 1.hour())
    });
    let (series, ones) = microsoft.add_series(new("2026-11-24T10:00:00Z", "2026-11-24T11:00:00Z"), &days);
    let token = text(&link(&world, SCOPES).await, "access_token");
    let window = view(&world, "2026-11-22T00:00:00Z", "2026-12-06T00:00:00Z");
    let (all, _, delta) = round(&world, window.clone(), &token).await;
    let of = |all: &[Value], id: &str| all.iter().find(|event| event["id"] == id).cloned();
    assert_eq!(of(&all, &single).unwrap()["showAs"], "busy");
    assert_eq!(of(&all, &series).unwrap()["type"], "seriesMaster");
    let one = of(&all, &ones[0]).unwrap();
    assert_eq!((one.get("showAs"), &one["seriesMasterId"]), (None, &json!(series)), "it says little of itself");
    assert_eq!(of(&all, &far), None);
    let zoned = get(
        &world,
        world.at(&format!("microsoft/v1.0/me/events/{single}")),
        &token,
        "outlook.timezone=\"Europe/Zurich\"",
    );
    assert_eq!(zoned.await.1["start"], json!({"dateTime": "2026-11-24T09:00:00.0000000", "timeZone": "Europe/Zurich"}));

    microsoft.delete_event(&ones[1]);
    microsoft.move_event(&single, at("2027-03-01T08:00:00Z"), at("2027-03-01T09:00:00Z"));
    let (changed, _, _) = round(&world, delta, &token).await;
    assert_eq!(of(&changed, &single).unwrap()["@removed"]["reason"], "deleted", "out of the window");
    assert_eq!(of(&changed, &ones[1]), None, "no trace of it");
    assert!(of(&changed, &series).is_some() && of(&changed, &ones[0]).is_some() && of(&changed, &ones[2]).is_some());

    for wrong in [
        world.at("microsoft/v1.0/me/calendarView/delta"),
        view(&world, "2026-11-24T00:00:00Z", "2026-11-22T00:00:00Z"),
        world.at("microsoft/v1.0/me/calendarView/delta?$deltatoken=nonsense"),
        format!("{window}&$select=subject").parse().unwrap(),
    ] {
        assert_eq!(get(&world, wrong.clone(), &token, "").await.0, 400, "{wrong}");
    }
}

/// How a place echoes: type and text.
type Echo = fn(&str) -> (&'static str, String);

/// A place that echoes handshakes in its own manner, and keeps what comes after.
async fn listener(echo: Echo) -> (Url, Arc<Mutex<Vec<Value>>>) {
    use warp::Filter as _;
    let got = Arc::new(Mutex::new(Vec::new()));
    let kept = got.clone();
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    let route = warp::post().and(query).and(warp::body::bytes()).map(move |query: String, body: bytes::Bytes| {
        let token = url::form_urlencoded::parse(query.as_bytes()).find(|pair| pair.0 == "validationToken");
        let (kind, said) = match token {
            Some((_, token)) => echo(&token),
            None => {
                kept.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
                ("text/plain", String::new())
            }
        };
        warp::reply::with_header(said, "content-type", kind)
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/hook?channel=c1", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(warp::serve(route).incoming(listener).run());
    (url, got)
}

fn wish(to: &Url, resource: &str, minutes: i64) -> Value {
    let until = Timestamp::now() + SignedDuration::from_mins(minutes);
    json!({"changeType": "created,updated,deleted", "notificationUrl": to, "lifecycleNotificationUrl": to,
        "resource": resource, "expirationDateTime": until.to_string(), "clientState": "a-secret"})
}

#[tokio::test]
async fn a_subscription_is_made_only_if_its_address_echoes() {
    let world = empty_world().await;
    let token = text(&link(&world, SCOPES).await, "access_token");
    let post = async |body: Value| {
        let request = world.http.post(world.at("microsoft/v1.0/subscriptions")).bearer_auth(&token).json(&body);
        read(request.send().await.unwrap()).await
    };
    let echoes: [Echo; 3] = [
        |token| ("text/html", token.to_owned()),
        |token| ("text/plain", format!("{token} ")),
        |token| ("text/plain", url::form_urlencoded::byte_serialize(token.as_bytes()).collect()),
    ];
    for echo in echoes {
        let (to, _) = listener(echo).await;
        assert_eq!(post(wish(&to, "/me/events", 60)).await.1["error"]["code"], "ValidationError");
    }
    let (to, _) = listener(|token| ("text/plain; charset=utf-8", token.to_owned())).await;
    let mut long = wish(&to, "/me/events", 60);
    long["clientState"] = "x".repeat(129).into();
    let wrong = [
        wish(&to, "/me/events", 4300),
        wish(&to, "/me/events", -1),
        wish(&to, "/me/messages", 60),
        wish(&to, "/me/todo/lists/none/tasks", 60),
        long,
    ];
    for wrong in wrong {
        assert!(matches!(post(wrong.clone()).await.0, 400 | 404), "{wrong}");
    }
    assert!(world.sandbox.microsoft().subscriptions().is_empty());
    let (status, made) = post(wish(&to, "/me/events", 4230)).await;
    assert_eq!((status, &made["clientState"]), (201, &json!("a-secret")));
    assert_eq!(world.sandbox.microsoft().subscriptions()[0].0, text(&made, "id"));
}

#[tokio::test]
async fn a_subscription_tells_of_changes_is_renewed_and_ends() {
    let world = empty_world().await;
    let microsoft = world.sandbox.microsoft();
    let token = text(&link(&world, SCOPES).await, "access_token");
    let (to, got) = listener(|token| ("text/plain", token.to_owned())).await;
    let list = microsoft.default_list();
    let request = world.http.post(world.at("microsoft/v1.0/subscriptions")).bearer_auth(&token);
    let resource = format!("/me/todo/lists/{list}/tasks");
    let (_, made) = read(request.json(&wish(&to, &resource, 60)).send().await.unwrap()).await;
    let one = world.at(&format!("microsoft/v1.0/subscriptions/{}", text(&made, "id")));

    let other = microsoft.add_list("other");
    microsoft.add_task(&other, "not watched", json!({}));
    let task = microsoft.add_task(&list, "watched", json!({}));
    super::eventually("it is told", || got.lock().unwrap().len() == 1).await;
    let told = got.lock().unwrap()[0]["value"][0].clone();
    assert_eq!((&told["clientState"], &told["changeType"]), (&json!("a-secret"), &json!("created")));
    assert_eq!((&told["subscriptionId"], &told["resourceData"]["id"]), (&made["id"], &json!(task)));
    microsoft.lifecycle("missed");
    super::eventually("it is told", || got.lock().unwrap().len() == 2).await;
    assert_eq!(got.lock().unwrap()[1]["value"][0]["lifecycleEvent"], "missed");

    let until = Timestamp::now() + SignedDuration::from_mins(90);
    let renewed =
        world.http.patch(one.clone()).bearer_auth(&token).json(&json!({"expirationDateTime": until.to_string()}));
    assert_eq!(read(renewed.send().await.unwrap()).await.0, 200);
    world.sandbox.advance(SignedDuration::from_mins(61));
    assert_eq!(microsoft.subscriptions().len(), 1, "it lives on");
    let token = text(&link(&world, SCOPES).await, "access_token");
    assert_eq!(world.http.delete(one.clone()).bearer_auth(&token).send().await.unwrap().status(), 204);
    assert_eq!(world.http.delete(one).bearer_auth(&token).send().await.unwrap().status(), 404);
    assert!(microsoft.subscriptions().is_empty());
}

#[tokio::test]
async fn the_sample_leaves_room_for_a_tip_today() {
    let now: Timestamp = "2026-11-24T08:20:00Z".parse().unwrap();
    let world = world_with(|options| options.now = Arc::new(move || now)).await;
    let token = text(&link(&world, SCOPES).await, "access_token");
    assert_eq!(world.sandbox.microsoft().tasks().len(), 5);
    let window = view(&world, &now.to_string(), &(now + 10.hours()).to_string());
    assert!(round(&world, window, &token).await.0.is_empty());
    let window = view(&world, &now.to_string(), &(now + 200.hours()).to_string());
    assert!(round(&world, window, &token).await.0.len() > 8);
}
