//! Todoist's REST calls, as far as oO makes them and a little further.

use super::task::Edit;
use super::{Person, error, invalid, not_found, person_of, sync, unauthorized, webhooks};
use crate::http::{self, Reply, Request};
use crate::shared::Shared;
use crate::store::{fingerprint, open, random_hex, seal};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use warp::http::Method;

const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 200;
/// Three months.
const MAX_COMPLETED_HOURS: i64 = 93 * 24;

/// Who calls, and what they may.
pub(super) struct Caller {
    pub(super) person: String,
    scopes: Vec<String>,
}

impl Caller {
    pub(super) fn may_read(&self) -> bool {
        self.has("data:read") || self.may_write()
    }

    pub(super) fn may_write(&self) -> bool {
        self.has("data:read_write")
    }

    fn may_add(&self) -> bool {
        self.has("task:add") || self.may_write()
    }

    pub(super) fn may_delete(&self) -> bool {
        self.has("data:delete")
    }

    fn has(&self, scope: &str) -> bool {
        self.scopes.iter().any(|one| one == scope)
    }
}

pub(super) fn route(shared: &Arc<Shared>, request: &Request, rest: &str) -> Reply {
    let Some(caller) = caller(shared, request) else { return unauthorized() };
    let parts: Vec<&str> = rest.split('/').collect();
    let get = request.method == Method::GET;
    let post = request.method == Method::POST;
    match parts.as_slice() {
        ["user"] if get => {
            read(shared, &caller, |person| Ok(person.user_json(&shared.options.zone, shared.clock.person())))
        }
        ["projects"] if get => {
            read(shared, &caller, |person| Ok(json!({"results": [person.project_json()], "next_cursor": null})))
        }
        ["labels"] if get => read(shared, &caller, |_| Ok(json!({"results": [], "next_cursor": null}))),
        ["tasks"] if get => read(shared, &caller, |person| list(person, request)),
        ["tasks", "completed", order] if get && order.starts_with("by_") => {
            read(shared, &caller, |person| completed(person, request))
        }
        ["tasks"] if post => add(shared, request, &caller),
        ["tasks", id] if get => read(shared, &caller, |person| match person.find(id) {
            Some(task) => Ok(person.json(task)),
            None => Err(not_found("Task not found")),
        }),
        ["tasks", id] if post => update(shared, request, &caller, id),
        ["tasks", id] if request.method == Method::DELETE => {
            if !caller.may_delete() {
                return forbidden();
            }
            act(shared, &caller, |person, now| person.delete(id, now))
        }
        ["tasks", id, "close"] if post => {
            if !caller.may_write() {
                return forbidden();
            }
            act(shared, &caller, |person, now| person.close(id, now, &shared.options.zone))
        }
        ["tasks", id, "reopen"] if post => {
            if !caller.may_write() {
                return forbidden();
            }
            act(shared, &caller, |person, now| person.reopen(id, now))
        }
        ["sync"] if post => sync::sync(shared, request, &caller),
        ["user" | "projects" | "labels" | "tasks" | "sync", ..] => http::empty(405),
        _ => not_found("Not found"),
    }
}

pub(super) fn forbidden() -> Reply {
    error(403, "Insufficient Token scope", 403, "AUTH_INSUFFICIENT_TOKEN_SCOPE", json!({"event_id": random_hex(16)}))
}

fn caller(shared: &Shared, request: &Request) -> Option<Caller> {
    let state = shared.state();
    let grant = state.todoist.tokens.bearer(request.bearer()?, shared.clock.own())?;
    Some(Caller { person: grant.person.clone(), scopes: grant.scopes.clone() })
}

fn read(shared: &Shared, caller: &Caller, look: impl FnOnce(&Person) -> Result<Value, Reply>) -> Reply {
    if !caller.may_read() {
        return forbidden();
    }
    let mut state = shared.state();
    match look(person_of(shared, &mut state.todoist, &caller.person)) {
        Ok(body) => http::json(200, &body),
        Err(reply) => reply,
    }
}

/// Does something to one task and says no more than that it is done.
fn act(
    shared: &Arc<Shared>,
    caller: &Caller,
    change: impl FnOnce(&mut Person, Timestamp) -> Option<Vec<webhooks::Change>>,
) -> Reply {
    let now = shared.clock.person();
    let changes = change(person_of(shared, &mut shared.state().todoist, &caller.person), now);
    let Some(changes) = changes else { return not_found("Task not found") };
    webhooks::announce(shared, &caller.person, changes);
    http::empty(204)
}

fn add(shared: &Arc<Shared>, request: &Request, caller: &Caller) -> Reply {
    if !caller.may_add() {
        return forbidden();
    }
    let edit = match edit(shared, request) {
        Ok(edit) if edit.has_content() => edit,
        Ok(_) => return invalid("content"),
        Err(reply) => return reply,
    };
    let now = shared.clock.person();
    let (body, change) = {
        let mut state = shared.state();
        let person = person_of(shared, &mut state.todoist, &caller.person);
        let (_, change) = person.add(edit, now);
        (change.task.clone(), change)
    };
    webhooks::announce(shared, &caller.person, vec![change]);
    http::json(200, &body)
}

fn update(shared: &Arc<Shared>, request: &Request, caller: &Caller, id: &str) -> Reply {
    if !caller.may_write() {
        return forbidden();
    }
    let edit = match edit(shared, request) {
        Ok(edit) => edit,
        Err(reply) => return reply,
    };
    let now = shared.clock.person();
    let changes = person_of(shared, &mut shared.state().todoist, &caller.person).update(id, edit, now);
    let Some(changes) = changes else { return not_found("Task not found") };
    let body = changes.first().map(|change| change.task.clone()).unwrap_or_default();
    webhooks::announce(shared, &caller.person, changes);
    http::json(200, &body)
}

fn edit(shared: &Shared, request: &Request) -> Result<Edit, Reply> {
    let fields = request.fields().ok_or_else(|| invalid("body"))?;
    let today = shared.clock.person().to_zoned(shared.options.zone.clone()).date();
    Edit::parse(&fields, today, &shared.options.zone).map_err(invalid)
}

/// Where a listing goes on, and for which parameters: a cursor is tied to them.
#[derive(Serialize, Deserialize)]
struct Cursor {
    after: usize,
    of: u32,
}

/// `GET /tasks`: the active ones, page by page.
fn list(person: &Person, request: &Request) -> Result<Value, Reply> {
    let inbox = person.inbox();
    let ids: Option<Vec<&str>> = request.param("ids").map(|ids| ids.split(',').map(str::trim).collect());
    let wanted = person
        .tasks
        .iter()
        .filter(|task| task.is_active())
        .filter(|task| ids.as_ref().is_none_or(|ids| ids.contains(&task.id.as_str())))
        .filter(|task| request.param("label").is_none_or(|label| task.has_label(label)))
        .filter(|task| request.param("project_id").is_none_or(|project| task.is_in(project, &inbox)))
        // There are no sections and no sub-tasks here.
        .filter(|_| request.param("section_id").is_none() && request.param("parent_id").is_none())
        .map(|task| person.json(task))
        .collect();
    let (results, next) = page(request, wanted)?;
    Ok(json!({"results": results, "next_cursor": next}))
}

/// `GET /tasks/completed/by_…`: under another key, and with no cursor where there is no more.
fn completed(person: &Person, request: &Request) -> Result<Value, Reply> {
    let bound = |name: &'static str| -> Result<Timestamp, Reply> {
        request.param(name).and_then(|text| text.parse().ok()).ok_or_else(|| invalid(name))
    };
    let (since, until) = (bound("since")?, bound("until")?);
    if until.duration_since(since).as_hours() > MAX_COMPLETED_HOURS {
        return Err(invalid("until"));
    }
    let wanted = person
        .tasks
        .iter()
        .filter(|task| !task.is_deleted && task.completed_at.is_some_and(|at| at >= since && at <= until))
        .map(|task| person.json(task))
        .collect();
    let (items, next) = page(request, wanted)?;
    let mut body = json!({"items": items});
    if let Some(next) = next {
        body["next_cursor"] = next.into();
    }
    Ok(body)
}

fn page(request: &Request, mut all: Vec<Value>) -> Result<(Vec<Value>, Option<String>), Reply> {
    let limit = match request.param("limit") {
        Some(text) => {
            text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit)).ok_or_else(|| invalid("limit"))?
        }
        None => DEFAULT_LIMIT,
    };
    let mut others: Vec<_> = request.query.iter().filter(|pair| pair.0 != "cursor").collect();
    others.sort();
    let of = fingerprint(&format!("{}{others:?}", request.path));
    let after = match request.param("cursor") {
        Some(text) => {
            let cursor: Cursor = open(text).ok_or_else(|| invalid("cursor"))?;
            if cursor.of != of {
                return Err(invalid("cursor"));
            }
            cursor.after.min(all.len())
        }
        None => 0,
    };
    let mut rest = all.split_off(after);
    let more = rest.len() > limit;
    rest.truncate(limit);
    Ok((rest, more.then(|| seal(&Cursor { after: after + limit, of }))))
}
