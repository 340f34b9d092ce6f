//! Google's stand-ins, judged by Google's own discovery documents: each answer is as its method's schema says and holds
//! nothing that Google does not know; each method, parameter and scope that oO uses is there.

use super::{World, back, google_exchange_fields, hook, text, world};
use reqwest::Method;
use serde_json::{Map, Value, json};
use std::path::Path;

/// What oO asks for, as `actors/integrations` writes it.
const TASKS_SCOPE: &str = "https://www.googleapis.com/auth/tasks";

/// One discovery document.
struct Api {
    document: Value,
    schemas: Value,
}

impl Api {
    fn read(name: &str) -> Self {
        let lib = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.oo/python/lib");
        let python =
            std::fs::read_dir(lib).expect("`cargo xtask setup` installs the documents").next().unwrap().unwrap();
        let file = format!("site-packages/googleapiclient/discovery_cache/documents/{name}.json");
        let document = std::fs::read_to_string(python.path().join(file)).expect("`cargo xtask setup` installs it");
        let document: Value = serde_json::from_str(&document).unwrap();
        let all = document["schemas"].as_object().unwrap();
        let schemas = all.iter().map(|(name, schema)| (name.clone(), converted(schema))).collect::<Map<_, _>>();
        Self { document, schemas: schemas.into() }
    }

    fn method(&self, resource: &str, method: &str) -> &Value {
        let found = &self.document["resources"][resource]["methods"][method];
        assert!(found.is_object(), "Google has no {resource}.{method}");
        found
    }

    /// Holds what oO sends against a method: its verb, its parameters, a scope that suffices.
    fn allows(&self, (resource, method): (&str, &str), verb: &Method, parameters: &[&str], scope: &str) {
        let found = self.method(resource, method);
        assert_eq!(found["httpMethod"], verb.as_str());
        for name in parameters {
            let is_query = found["parameters"][name]["location"] == "query";
            let is_for_all = self.document["parameters"][name].is_object();
            assert!(is_query || is_for_all, "{resource}.{method} knows no {name}");
        }
        assert!(found["scopes"].as_array().unwrap().contains(&scope.into()), "{resource}.{method} wants another scope");
    }

    /// Holds an answer against what a method answers.
    fn answers(&self, (resource, method): (&str, &str), answer: &Value) {
        let name = text(&self.method(resource, method)["response"], "$ref");
        self.is(&name, answer);
    }

    fn takes(&self, (resource, method): (&str, &str), request: &Value) {
        let name = text(&self.method(resource, method)["request"], "$ref");
        self.is(&name, request);
    }

    fn is(&self, name: &str, value: &Value) {
        let wrong = self.wrong(name, value);
        assert!(wrong.is_empty(), "no {name}: {wrong:#?}\n{value:#}");
    }

    fn wrong(&self, name: &str, value: &Value) -> Vec<String> {
        let schema = json!({"$ref": format!("#/$defs/{name}"), "$defs": self.schemas});
        let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
        validator.iter_errors(value).map(|error| format!("{error} at {}", error.instance_path())).collect()
    }
}

/// A discovery document's schema as JSON Schema: names become references, a number that is written as text is text, and
/// what is not named is not there.
fn converted(schema: &Value) -> Value {
    let Value::Object(all) = schema else { return schema.clone() };
    let mut made = Map::new();
    if let Some(name) = all.get("$ref") {
        made.insert("$ref".into(), format!("#/$defs/{}", name.as_str().unwrap()).into());
        return made.into();
    }
    match all.get("type").and_then(Value::as_str) {
        Some("any") | None => {}
        Some(kind) => drop(made.insert("type".into(), kind.into())),
    }
    match all.get("format").and_then(Value::as_str) {
        Some(format @ ("date-time" | "date")) => drop(made.insert("format".into(), format.into())),
        Some("int64" | "uint64") if all["type"] == "string" => drop(made.insert("pattern".into(), "^-?[0-9]+$".into())),
        _ => {}
    }
    if let Some(only) = all.get("enum") {
        made.insert("enum".into(), only.clone());
    }
    if let Some(items) = all.get("items") {
        made.insert("items".into(), converted(items));
    }
    if let Some(properties) = all.get("properties").and_then(Value::as_object) {
        let properties: Map<_, _> = properties.iter().map(|(name, one)| (name.clone(), converted(one))).collect();
        made.insert("properties".into(), properties.into());
        made.insert("additionalProperties".into(), all.get("additionalProperties").map_or(false.into(), converted));
    } else if let Some(more) = all.get("additionalProperties") {
        made.insert("additionalProperties".into(), converted(more));
    }
    made.into()
}

async fn ask(world: &World, method: Method, path: &str, token: &str, body: Option<&Value>) -> Value {
    let mut request = world.http.request(method, world.at(path)).bearer_auth(token);
    if let Some(body) = body {
        request = request.json(body);
    }
    let answer = request.send().await.unwrap();
    let (status, body) = (answer.status(), answer.text().await.unwrap());
    assert!(status.is_success(), "{path}: {status} {body}");
    if body.is_empty() { Value::Null } else { serde_json::from_str(&body).unwrap() }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_calendar_answers_as_googles_own_document_says() {
    let (api, world) = (Api::read("calendar.v3"), world().await);
    let (token, _) = world.link_google().await;
    let get = |path: String| {
        let (world, token) = (&world, token.as_str());
        async move { ask(world, Method::GET, &format!("google/calendar/v3/{path}"), token, None).await }
    };
    let scope = super::CALENDAR_SCOPE;
    let parameters = ["singleEvents", "maxResults", "syncToken", "timeMin", "timeMax", "pageToken"];
    api.allows(("events", "list"), &Method::GET, &parameters, scope);
    let mut path = "calendars/primary/events?singleEvents=true&maxResults=5".to_owned();
    let mut pages = 0;
    let synced = loop {
        let page = get(path.clone()).await;
        api.answers(("events", "list"), &page);
        pages += 1;
        match page["nextPageToken"].as_str() {
            Some(next) => path = format!("calendars/primary/events?singleEvents=true&maxResults=5&pageToken={next}"),
            None => break page,
        }
    };
    assert!(pages > 2, "{pages}");
    let series = get("calendars/primary/events?maxResults=250".into()).await;
    api.answers(("events", "list"), &series);

    let now = jiff::Timestamp::now();
    let google = world.sandbox.google();
    let hour = jiff::SignedDuration::from_hours(1);
    let event = google.add_event(oo_sandbox::NewEvent::new("added", now + hour, now + hour + hour));
    api.allows(("events", "get"), &Method::GET, &[], scope);
    api.answers(("events", "get"), &get(format!("calendars/primary/events/{event}")).await);
    google.cancel_event(&event);
    let token_of = text(&synced, "nextSyncToken");
    let changed = get(format!("calendars/primary/events?singleEvents=true&syncToken={token_of}")).await;
    api.answers(("events", "list"), &changed);
    assert!(changed["items"].as_array().unwrap().iter().any(|item| item["status"] == "cancelled"));

    let hook = hook(&[200, 200]).await;
    let body = json!({"id": "a-channel", "type": "web_hook", "address": hook.url, "token": "secret",
        "params": {"ttl": "604800"}});
    api.allows(("events", "watch"), &Method::POST, &[], scope);
    api.takes(("events", "watch"), &body);
    let watch = "google/calendar/v3/calendars/primary/events/watch";
    let channel = ask(&world, Method::POST, watch, &token, Some(&body)).await;
    api.answers(("events", "watch"), &channel);
    let body = json!({"id": channel["id"], "resourceId": channel["resourceId"]});
    api.allows(("channels", "stop"), &Method::POST, &[], scope);
    api.takes(("channels", "stop"), &body);
    ask(&world, Method::POST, "google/calendar/v3/channels/stop", &token, Some(&body)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tasks_answer_as_googles_own_document_says() {
    let (api, world) = (Api::read("tasks.v1"), world().await);
    let scope = format!("openid {TASKS_SCOPE}");
    let code = back(&world.authorize("google/o/oauth2/v2/auth", &[("scope", &scope)]).await)["code"].clone();
    let (status, grant) = world.form("google/token", &google_exchange_fields(&code)).await;
    assert_eq!(status, 200, "{grant}");
    let token = text(&grant, "access_token");
    let call = |method: Method, path: String, body: Option<Value>| {
        let (world, token) = (&world, token.as_str());
        async move { ask(world, method, &format!("google/tasks/v1/{path}"), token, body.as_ref()).await }
    };
    api.allows(("tasklists", "list"), &Method::GET, &["maxResults", "pageToken"], TASKS_SCOPE);
    let lists = call(Method::GET, "users/@me/lists?maxResults=1000".into(), None).await;
    api.answers(("tasklists", "list"), &lists);
    let parameters = ["maxResults", "pageToken", "showCompleted", "showHidden", "showDeleted", "updatedMin"];
    api.allows(("tasks", "list"), &Method::GET, &parameters, TASKS_SCOPE);
    let mut seen = Vec::new();
    for list in lists["items"].as_array().unwrap() {
        let list = text(list, "id");
        let all = "showCompleted=true&showHidden=true&showDeleted=true";
        let tasks = call(Method::GET, format!("lists/{list}/tasks?maxResults=100&{all}"), None).await;
        api.answers(("tasks", "list"), &tasks);
        let items = tasks["items"].as_array().cloned().unwrap_or_default();
        seen.extend(items.iter().map(|task| format!("lists/{list}/tasks/{}", text(task, "id"))));
    }
    assert!(seen.len() > 2, "{seen:?}");
    for method in ["get", "patch"] {
        api.allows(("tasks", method), &(method.to_uppercase().parse().unwrap()), &[], TASKS_SCOPE);
    }
    for body in [json!({"status": "completed"}), json!({"status": "needsAction"})] {
        api.takes(("tasks", "patch"), &body);
        let patched = call(Method::PATCH, seen[0].clone(), Some(body)).await;
        api.answers(("tasks", "patch"), &patched);
        api.answers(("tasks", "get"), &call(Method::GET, seen[0].clone(), None).await);
    }
}

#[test]
fn what_google_does_not_know_is_found_wrong() {
    let api = Api::read("calendar.v3");
    api.is("Event", &json!({"id": "e", "start": {"dateTime": "2026-11-24T09:00:00+01:00"}}));
    for odd in [
        json!({"title": "unknown"}),
        json!({"summary": 1}),
        json!({"start": {"dateTime": "tomorrow"}}),
        json!({"attendees": [{"self": "yes"}]}),
    ] {
        assert_eq!(api.wrong("Event", &odd).len(), 1, "{odd}");
    }
    assert_eq!(api.wrong("Channel", &json!({"expiration": "soon"})).len(), 1);
}
