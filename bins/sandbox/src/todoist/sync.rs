//! `POST /sync`: everything, or what changed since a token; and commands, once each.

use super::api::{Caller, forbidden};
use super::task::{Edit, stamp};
use super::{Person, error, failure, invalid, person_of, webhooks};
use crate::http::{self, Fields, Reply, Request};
use crate::shared::Shared;
use crate::store::{open, random_hex, seal};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// In fifteen minutes, for one person.
const MAX_PARTIAL: usize = 1000;
const MAX_FULL: usize = 100;
const WINDOW_MILLIS: f64 = 15.0 * 60.0 * 1000.0;
const MAX_COMMANDS: usize = 100;

#[derive(Serialize, Deserialize)]
struct Token {
    user: String,
    epoch: u64,
    revision: u64,
}

pub(super) fn sync(shared: &Arc<Shared>, request: &Request, caller: &Caller) -> Reply {
    if !caller.may_read() {
        return forbidden();
    }
    let Some(fields) = request.fields() else { return invalid("body") };
    let commands = match fields.json("commands") {
        Some(Value::Array(commands)) => commands,
        Some(_) => return invalid("commands"),
        None => Vec::new(),
    };
    if commands.len() > MAX_COMMANDS {
        return error(400, "Too many commands", 20, "INVALID_ARGUMENT_VALUE", json!({"argument": "commands"}));
    }
    if !commands.is_empty() && !caller.may_write() {
        return forbidden();
    }
    let types: Option<Vec<String>> = match fields.json("resource_types") {
        Some(types) => match serde_json::from_value(types) {
            Ok(types) => Some(types),
            Err(_) => return invalid("resource_types"),
        },
        None => None,
    };
    let token = fields.text("sync_token");
    if types.is_some() && token.is_none() {
        return invalid("sync_token");
    }

    let mut state = shared.state();
    let person = person_of(shared, &mut state.todoist, &caller.person);
    let since = match token.as_deref() {
        None | Some("*") => None,
        Some(text) => match open::<Token>(text) {
            // Another epoch: the server starts over, as it may.
            Some(token) if token.user == person.id => (token.epoch == person.epoch).then_some(token.revision),
            _ => return invalid("sync_token"),
        },
    };
    if let Some(seconds) = too_often(shared, person, since.is_none()) {
        return http::put(failure(429, Some(seconds)), "retry-after", &seconds.to_string());
    }
    let mut body = Map::new();
    let changes = execute(shared, person, &commands, &mut body);
    report(shared, person, since, &types.unwrap_or_default(), &mut body);
    drop(state);
    webhooks::announce(shared, &caller.person, changes);
    http::json(200, &Value::Object(body))
}

/// Seconds to wait, where this person was synced too often.
fn too_often(shared: &Shared, person: &mut Person, full: bool) -> Option<u64> {
    let now = shared.clock.own().as_millisecond();
    // A day that runs sixty times as fast is also watched sixty times as often.
    #[allow(clippy::cast_possible_truncation)]
    let window = (WINDOW_MILLIS / shared.options.speed.max(1.0)) as i64;
    while person.synced.front().is_some_and(|seen| seen.0 + window <= now) {
        person.synced.pop_front();
    }
    let limit = if full { MAX_FULL } else { MAX_PARTIAL };
    let same: Vec<i64> = person.synced.iter().filter(|seen| seen.1 == full).map(|seen| seen.0).collect();
    if same.len() >= limit {
        let wait = same[0] + window - now;
        return Some(u64::try_from(wait / 1000 + 1).unwrap_or(1));
    }
    person.synced.push_back((now, full));
    None
}

/// Carries out the commands that were not carried out before.
fn execute(
    shared: &Shared,
    person: &mut Person,
    commands: &[Value],
    body: &mut Map<String, Value>,
) -> Vec<webhooks::Change> {
    let mut changes = Vec::new();
    let mut status = Map::new();
    let mut mapping = Map::new();
    for command in commands {
        let text = |name: &str| command.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let uuid = text("uuid");
        if let Some(before) = person.commands.get(&uuid) {
            status.insert(uuid, before.clone());
            continue;
        }
        let args = Fields(command.get("args").and_then(Value::as_object).cloned().unwrap_or_default());
        let result = match one(shared, person, &text("type"), &args) {
            Ok((mut made, id)) => {
                changes.append(&mut made);
                if let Some(id) = id.filter(|_| !text("temp_id").is_empty()) {
                    mapping.insert(text("temp_id"), id.into());
                }
                Value::from("ok")
            }
            Err(problem) => problem,
        };
        if !uuid.is_empty() {
            person.remember(uuid.clone(), result.clone());
        }
        status.insert(uuid, result);
    }
    if !commands.is_empty() {
        body.insert("sync_status".to_owned(), Value::Object(status));
    }
    body.insert("temp_id_mapping".to_owned(), Value::Object(mapping));
    changes
}

type Made = (Vec<webhooks::Change>, Option<String>);

fn one(shared: &Shared, person: &mut Person, kind: &str, args: &Fields) -> Result<Made, Value> {
    let now = shared.clock.person();
    let zone = &shared.options.zone;
    let today = now.to_zoned(zone.clone()).date();
    let edit = || Edit::parse(args, today, zone).map_err(|argument| problem(400, "Invalid argument value", argument));
    let id = args.text("id").unwrap_or_default();
    let changes = match kind {
        "item_add" => {
            let edit = edit()?;
            if !edit.has_content() {
                return Err(problem(400, "Required argument is missing", "content"));
            }
            let (id, change) = person.add(edit, now);
            return Ok((vec![change], Some(id)));
        }
        "item_update" => person.update(&id, edit()?, now),
        "item_close" | "item_complete" => person.close(&id, now, zone),
        "item_uncomplete" => person.reopen(&id, now),
        "item_delete" => person.delete(&id, now),
        _ => return Err(problem(400, "Unknown command type", "type")),
    };
    changes.map(|changes| (changes, None)).ok_or_else(|| problem(404, "Item not found", "id"))
}

fn problem(status: u16, message: &str, argument: &str) -> Value {
    let (code, tag) = if status == 404 { (22, "NOT_FOUND") } else { (20, "INVALID_ARGUMENT_VALUE") };
    json!({
        "error": message,
        "error_code": code,
        "error_extra": {"argument": argument, "event_id": random_hex(16)},
        "error_tag": tag,
        "http_code": status,
    })
}

/// Puts the objects in: all active ones, or those that changed, the done and deleted ones included.
fn report(shared: &Shared, person: &Person, since: Option<u64>, types: &[String], body: &mut Map<String, Value>) {
    let wants = |name: &str| types.iter().any(|one| one == name || one == "all");
    let full = since.is_none();
    if !types.is_empty() {
        let token = Token { user: person.id.clone(), epoch: person.epoch, revision: person.revision };
        body.insert("sync_token".to_owned(), seal(&token).into());
        body.insert("full_sync".to_owned(), full.into());
        if full {
            body.insert("full_sync_date_utc".to_owned(), stamp(shared.clock.person()).into());
        }
    }
    if wants("items") {
        let items: Vec<Value> = person
            .tasks
            .iter()
            .filter(|task| match since {
                None => task.is_active(),
                Some(revision) => task.revision > revision,
            })
            .map(|task| person.json(task))
            .collect();
        body.insert("items".to_owned(), items.into());
    }
    if wants("projects") {
        let projects = if full { vec![person.project_json()] } else { Vec::new() };
        body.insert("projects".to_owned(), projects.into());
    }
    if wants("labels") {
        body.insert("labels".to_owned(), json!([]));
    }
    if wants("user") && full {
        body.insert("user".to_owned(), person.sync_user_json(&shared.options.zone, shared.clock.person()));
    }
}
