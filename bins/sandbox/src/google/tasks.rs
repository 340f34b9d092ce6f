//! The stand-in for Google Tasks (API v1): lists, tasks, and no way to be told of changes but to ask.

use super::calendar::stamp;
use super::{State, bad_parameter, error, not_found, unauthorized};
use crate::http::{self, Reply, Request};
use crate::oauth::Grant;
use crate::shared::Shared;
use crate::store::{fingerprint, open, random, seal};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use warp::http::Method;

const SCOPE: &str = "https://www.googleapis.com/auth/tasks";
const READ_SCOPE: &str = "https://www.googleapis.com/auth/tasks.readonly";
const DEFAULT_RESULTS: usize = 20;
const MAX_RESULTS: usize = 100;
const MAX_LISTS: usize = 1000;
/// What is always there, by its other name.
const DEFAULT_LIST: &str = "@default";

/// A person's lists and all tasks in them. The first list is the default one.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Lists {
    lists: Vec<List>,
    tasks: Vec<Task>,
}

#[derive(Serialize, Deserialize)]
struct List {
    id: String,
    title: String,
    updated: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Task {
    id: String,
    list: String,
    title: String,
    due: Option<Date>,
    completed: Option<Timestamp>,
    /// Completed in Google's own page, or cleared away since.
    hidden: bool,
    deleted: bool,
    updated: Timestamp,
}

impl Lists {
    pub(super) fn new(name: &str, now: Timestamp) -> Self {
        let mut lists = Self::default();
        // The default list's name is the person's for good.
        let id = seal(&fingerprint(name)).trim_end_matches('=').to_owned();
        lists.lists.push(List { id, title: "My Tasks".to_owned(), updated: now });
        lists
    }

    pub(crate) fn add_list(&mut self, title: &str, now: Timestamp) -> String {
        let id = random(16);
        self.lists.push(List { id: id.clone(), title: title.to_owned(), updated: now });
        id
    }

    /// A list goes, and its tasks with it: nothing is left to tell of them.
    pub(super) fn remove_list(&mut self, list: &str) {
        self.lists.retain(|one| one.id != list);
        self.tasks.retain(|one| one.list != list);
    }

    pub(crate) fn add(&mut self, list: &str, title: &str, due: Option<Date>, now: Timestamp) -> String {
        let list = self.resolved(list).unwrap_or_default();
        let (id, title) = (random(12), title.to_owned());
        self.tasks.push(Task {
            id: id.clone(),
            list,
            title,
            due,
            completed: None,
            hidden: false,
            deleted: false,
            updated: now,
        });
        id
    }

    /// As in Google's own page: what is completed there is hidden as well.
    pub(super) fn complete(&mut self, id: &str, now: Timestamp) -> bool {
        self.touch(id, now, |task| (task.completed, task.hidden) = (Some(now), true))
    }

    pub(super) fn reopen(&mut self, id: &str, now: Timestamp) -> bool {
        self.touch(id, now, |task| (task.completed, task.hidden) = (None, false))
    }

    pub(super) fn change(&mut self, id: &str, title: Option<&str>, due: Option<Option<Date>>, now: Timestamp) -> bool {
        self.touch(id, now, |task| {
            task.title = title.map_or_else(|| std::mem::take(&mut task.title), str::to_owned);
            task.due = due.unwrap_or(task.due);
        })
    }

    pub(super) fn delete(&mut self, id: &str, now: Timestamp) -> bool {
        self.touch(id, now, |task| task.deleted = true)
    }

    /// The list that a task is in.
    pub(super) fn list_of(&self, id: &str) -> Option<String> {
        self.tasks.iter().find(|task| task.id == id).map(|task| task.list.clone())
    }

    pub(super) fn is_completed(&self, id: &str) -> bool {
        self.tasks.iter().any(|task| task.id == id && task.completed.is_some())
    }

    fn touch(&mut self, id: &str, now: Timestamp, act: impl FnOnce(&mut Task)) -> bool {
        let Some(task) = self.tasks.iter_mut().find(|task| task.id == id && !task.deleted) else { return false };
        task.updated = now;
        act(task);
        true
    }

    fn resolved(&self, list: &str) -> Option<String> {
        let found =
            if list == DEFAULT_LIST { self.lists.first() } else { self.lists.iter().find(|one| one.id == list) };
        found.map(|one| one.id.clone())
    }
}

impl Task {
    fn json(&self) -> Value {
        let status = if self.completed.is_some() { "completed" } else { "needsAction" };
        let mut body = json!({
            "kind": "tasks#task",
            "id": self.id,
            "etag": format!("\"{}\"", self.updated.as_microsecond()),
            "title": self.title,
            "updated": stamp(self.updated),
            "selfLink": format!("https://www.googleapis.com/tasks/v1/lists/{}/tasks/{}", self.list, self.id),
            "position": "00000000000000000000",
            "status": status,
            "links": [],
            "webViewLink": format!("https://tasks.google.com/task/{}", self.id),
        });
        // Only the date is kept; the time of day says nothing.
        if let Some(due) = self.due {
            body["due"] = format!("{due}T00:00:00.000Z").into();
        }
        if let Some(completed) = self.completed {
            body["completed"] = stamp(completed).into();
        }
        for (name, so) in [("hidden", self.hidden), ("deleted", self.deleted)] {
            if so {
                body[name] = true.into();
            }
        }
        body
    }
}

/// This person's lists; a new person gets the sample ones.
pub(super) fn lists_of<'a>(shared: &Shared, state: &'a mut State, name: &str) -> &'a mut Lists {
    state.lists.entry(name.to_owned()).or_insert_with(|| {
        let mut lists = Lists::new(name, shared.clock.person());
        if shared.options.sample {
            crate::sample::fill_lists(&mut lists, shared.clock.person(), &shared.options.zone);
        }
        lists
    })
}

pub(super) fn route(shared: &Shared, request: &Request, rest: &str) -> Reply {
    let mut state = shared.state();
    let token = request.bearer().unwrap_or_default();
    let Some(grant) = state.google.tokens.bearer(token, shared.clock.own()).cloned() else { return unauthorized() };
    let get = request.method == Method::GET;
    if !is_granted(&grant, get) {
        let text = "Request had insufficient authentication scopes.";
        return error(403, "global", "insufficientPermissions", text);
    }
    let lists = lists_of(shared, &mut state.google, &grant.person);
    let parts: Vec<String> = rest.split('/').map(super::api::decoded).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let answer = match parts.as_slice() {
        ["users", "@me", "lists"] if get => all_lists(lists, request),
        ["lists", list, "tasks"] if get => match lists.resolved(list) {
            Some(list) => tasks(lists, &list, request),
            None => Err(not_found()),
        },
        ["lists", list, "tasks", id] => {
            let Some(list) = lists.resolved(list) else { return not_found() };
            let now = shared.clock.person();
            match lists.tasks.iter_mut().find(|task| task.id == *id && task.list == list) {
                Some(task) if get => Ok(task.json()),
                Some(task) if request.method == Method::PATCH && !task.deleted => patch(task, request, now),
                _ => Err(not_found()),
            }
        }
        _ => Err(not_found()),
    };
    match answer {
        Ok(body) => http::json(200, &body),
        Err(reply) => reply,
    }
}

fn is_granted(grant: &Grant, get: bool) -> bool {
    grant.scopes.iter().any(|scope| scope == SCOPE || (get && scope == READ_SCOPE))
}

fn all_lists(lists: &Lists, request: &Request) -> Result<Value, Reply> {
    let (skip, most) = page(request, MAX_LISTS, MAX_LISTS)?;
    let one = |list: &List| {
        json!({"kind": "tasks#taskList", "id": list.id, "etag": format!("\"{}\"", list.updated.as_microsecond()),
            "title": list.title, "updated": stamp(list.updated),
            "selfLink": format!("https://www.googleapis.com/tasks/v1/users/@me/lists/{}", list.id)})
    };
    let items = lists.lists.iter().map(one).collect();
    Ok(paged("tasks#taskLists", items, skip, most))
}

fn tasks(lists: &Lists, list: &str, request: &Request) -> Result<Value, Reply> {
    let (skip, most) = page(request, DEFAULT_RESULTS, MAX_RESULTS)?;
    let shown = |name: &str, default: bool| match request.param(name) {
        Some("true") => Ok(true),
        Some("false") => Ok(false),
        Some(_) => Err(bad_parameter(name, &format!("Invalid boolean value for {name}"))),
        None => Ok(default),
    };
    let (completed, hidden) = (shown("showCompleted", true)?, shown("showHidden", false)?);
    let deleted = shown("showDeleted", false)?;
    let since = match request.param("updatedMin").map(str::parse::<Timestamp>) {
        Some(Ok(since)) => Some(since),
        Some(Err(_)) => return Err(bad_parameter("updatedMin", "Invalid value for updatedMin")),
        None => None,
    };
    let items = lists
        .tasks
        .iter()
        .filter(|task| task.list == list)
        .filter(|task| completed || task.completed.is_none())
        .filter(|task| (hidden || !task.hidden) && (deleted || !task.deleted))
        .filter(|task| since.is_none_or(|since| task.updated >= since))
        .map(Task::json)
        .collect();
    Ok(paged("tasks#tasks", items, skip, most))
}

fn patch(task: &mut Task, request: &Request, now: Timestamp) -> Result<Value, Reply> {
    let Some(fields) = request.fields() else { return Err(error(400, "global", "parseError", "Parse Error")) };
    match fields.text("status").as_deref() {
        Some("completed") => task.completed = Some(task.completed.unwrap_or(now)),
        Some("needsAction") => (task.completed, task.hidden) = (None, false),
        Some(_) => return Err(error(400, "global", "invalid", "Invalid Value")),
        None => {}
    }
    if let Some(title) = fields.text("title") {
        task.title = title;
    }
    task.updated = now;
    Ok(task.json())
}

/// How many to pass over, and how many to give.
fn page(request: &Request, default: usize, max: usize) -> Result<(usize, usize), Reply> {
    let most = match request.param("maxResults").map(str::parse) {
        Some(Ok(most)) if (1..=max).contains(&most) => most,
        Some(_) => return Err(bad_parameter("maxResults", "Invalid value for maxResults")),
        None => default,
    };
    let skip = request.param("pageToken").map(|text| open(text).ok_or_else(|| bad_parameter("pageToken", "Invalid")));
    Ok((skip.transpose()?.unwrap_or_default(), most))
}

fn paged(kind: &str, items: Vec<Value>, skip: usize, most: usize) -> Value {
    let more = items.len() > skip + most;
    let items: Vec<Value> = items.into_iter().skip(skip).take(most).collect();
    let mut body = json!({"kind": kind, "etag": "\"1\"", "items": items});
    if more {
        body["nextPageToken"] = seal(&(skip + most)).into();
    }
    body
}
