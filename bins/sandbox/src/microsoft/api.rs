//! Graph's calls, as far as oO makes them and a little further.

use super::{bad, delta, forbidden, mailbox_of, not_found, subscriptions, unauthorized};
use crate::http::{self, Reply, Request};
use crate::oauth::Grant;
use crate::shared::Shared;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::sync::Arc;
use warp::http::Method;

const TASKS: [&str; 2] = ["Tasks.Read", "Tasks.ReadWrite"];
const EVENTS: [&str; 3] = ["Calendars.Read", "Calendars.ReadBasic", "Calendars.ReadWrite"];
const STATUS: [&str; 5] = ["notStarted", "inProgress", "completed", "waitingOnOthers", "deferred"];

pub(super) fn route(shared: &Arc<Shared>, request: &Request, rest: &str) -> Reply {
    let Some(grant) = caller(shared, request) else { return unauthorized() };
    let parts: Vec<String> = rest.split('/').map(decoded).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let get = request.method == Method::GET;
    match parts.as_slice() {
        ["me"] if get => {
            if !may(&grant, &["User.Read"]) {
                return forbidden();
            }
            let mut state = shared.state();
            let mailbox = mailbox_of(shared, &mut state.microsoft, &grant.person);
            let mut body = json!({"@odata.context": context(shared, "users/$entity"), "id": mailbox.id});
            if request.param("$select").is_none() {
                body["displayName"] = grant.person.as_str().into();
                body["userPrincipalName"] = format!("{}@example.com", grant.person).into();
            }
            http::json(200, &body)
        }
        ["me", "todo", rest @ ..] => todo(shared, request, &grant, rest),
        ["me", "calendarView", "delta"] if get => {
            if !may(&grant, &EVENTS) {
                return forbidden();
            }
            delta::events(shared, request, &grant.person)
        }
        ["me", "events", id] if get => {
            if !may(&grant, &EVENTS) {
                return forbidden();
            }
            let Some((zone, name)) = preferred_zone(request) else { return bad("The time zone is not supported.") };
            let mut state = shared.state();
            let mailbox = mailbox_of(shared, &mut state.microsoft, &grant.person);
            match mailbox.find_event(id) {
                Some(event) => http::json(200, &event.json(&shared.options.zone, &zone, &name)),
                None => not_found(),
            }
        }
        ["subscriptions", id] => subscriptions::manage(shared, request, &grant, id),
        _ => not_found(),
    }
}

fn todo(shared: &Arc<Shared>, request: &Request, grant: &Grant, parts: &[&str]) -> Reply {
    let get = request.method == Method::GET;
    let scopes = if get { &TASKS[..] } else { &TASKS[1..] };
    if !may(grant, scopes) {
        return forbidden();
    }
    let zone = &shared.options.zone;
    match parts {
        ["lists"] if get => {
            let mut state = shared.state();
            let value = mailbox_of(shared, &mut state.microsoft, &grant.person).lists_json();
            http::json(200, &json!({"@odata.context": context(shared, "users('me')/todo/lists"), "value": value}))
        }
        ["lists", list, "tasks", "delta"] if get => delta::tasks(shared, request, &grant.person, list),
        ["lists", list, "tasks", task] => {
            let now = shared.clock.person();
            let mut state = shared.state();
            let mailbox = mailbox_of(shared, &mut state.microsoft, &grant.person);
            if mailbox.find_task(task).is_none_or(|task| task.list != *list) {
                return not_found();
            }
            let mut changes = Vec::new();
            if request.method == Method::PATCH {
                let Some(fields) = request.fields().map(|fields| Value::Object(fields.0)) else {
                    return bad("Unable to read JSON request payload.");
                };
                let status = fields.get("status").and_then(Value::as_str);
                if status.is_some_and(|status| !STATUS.contains(&status)) {
                    return bad("Requested value was not found.");
                }
                changes = mailbox.update_task(task, &fields, now, zone).unwrap_or_default();
            } else if !get {
                return http::empty(405);
            }
            let body = mailbox.find_task(task).map(|task| task.json(zone));
            drop(state);
            subscriptions::announce(shared, &grant.person, changes);
            body.map_or_else(not_found, |body| http::json(200, &body))
        }
        _ => not_found(),
    }
}

pub(super) fn caller(shared: &Shared, request: &Request) -> Option<Grant> {
    let state = shared.state();
    state.microsoft.tokens.bearer(request.bearer()?, shared.clock.own()).cloned()
}

/// Whether one of these scopes was granted.
pub(super) fn may(grant: &Grant, scopes: &[&str]) -> bool {
    grant.scopes.iter().any(|scope| scopes.contains(&scope.as_str()))
}

pub(super) fn context(shared: &Shared, what: &str) -> String {
    format!("{}#{what}", shared.at("/microsoft/v1.0/$metadata"))
}

/// A preference of the request (RFC 7240), without quotes.
pub(super) fn preferred<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    let all = request.headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(',')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|pair| pair.0 == name).map(|pair| pair.1.trim_matches('"'))
}

/// The zone that times are wanted in, and its name; UTC without a wish, `None` where there is no such zone.
pub(super) fn preferred_zone(request: &Request) -> Option<(TimeZone, String)> {
    match preferred(request, "outlook.timezone") {
        None | Some("UTC") => Some((TimeZone::UTC, "UTC".to_owned())),
        Some(name) => Some((TimeZone::get(name).ok()?, name.to_owned())),
    }
}

/// A path segment without its percent signs.
fn decoded(segment: &str) -> String {
    let escaped = segment.replace('+', "%2B");
    url::form_urlencoded::parse(format!("v={escaped}").as_bytes())
        .next()
        .map_or_else(|| segment.to_owned(), |pair| pair.1.into_owned())
}
