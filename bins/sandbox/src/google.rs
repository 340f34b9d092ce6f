//! The stand-in for Google Calendar (API v3) and Google Tasks (API v1), and the handle that tests hold it by.

mod api;
mod calendar;
mod channels;
mod list;
mod oauth;
mod tasks;

pub(crate) use calendar::{Calendar, Event, When};
pub(crate) use tasks::Lists;

use crate::faults::{Fault, LoggedRequest};
use crate::http::{self, Reply, Request};
use crate::oauth::{Authorization, Tokens};
use crate::shared::Shared;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

const ROOT: &str = "/google";

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    tokens: Tokens,
    calendars: BTreeMap<String, Calendar>,
    lists: BTreeMap<String, Lists>,
    /// Scopes that the person does not grant although asked.
    #[serde(skip)]
    unticked: Vec<String>,
}

/// An event to be put into a calendar.
#[derive(Debug, Clone)]
pub struct NewEvent {
    pub title: String,
    pub start: Timestamp,
    pub end: Timestamp,
    /// Whether it shows the person as free.
    pub free: bool,
    /// Whether the person declined it.
    pub declined: bool,
    /// `default`, `focusTime`, `outOfOffice`, …
    pub kind: String,
}

impl NewEvent {
    /// An ordinary busy event.
    pub fn new(title: impl Into<String>, start: Timestamp, end: Timestamp) -> Self {
        Self { title: title.into(), start, end, free: false, declined: false, kind: "default".to_owned() }
    }
}

/// The stand-in for Google Calendar. A clone is the same one.
#[derive(Clone)]
pub struct Google {
    shared: Arc<Shared>,
    person: String,
}

impl Google {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, person: crate::consent::DEFAULT_PERSON.to_owned() }
    }

    /// The same stand-in, seen as another sample person's; link with `login_hint=<name>` to get there.
    pub fn of(&self, person: &str) -> Self {
        Self { shared: self.shared.clone(), person: person.to_owned() }
    }

    /// Puts an event in and tells the channels.
    pub fn add_event(&self, event: NewEvent) -> String {
        let now = self.shared.clock.person();
        let id = self.with(|calendar| calendar.add(Event::from_new(event, now), now));
        channels::announce(&self.shared, &self.person);
        id
    }

    /// Moves an event; `false` where there is none.
    pub fn move_event(&self, id: &str, start: Timestamp, end: Timestamp) -> bool {
        let now = self.shared.clock.person();
        let moved = self.with(|calendar| calendar.reschedule(id, When::At(start), When::At(end), now));
        self.announce(moved)
    }

    /// Gives an event another title.
    pub fn rename_event(&self, id: &str, title: &str) -> bool {
        let now = self.shared.clock.person();
        let renamed = self.with(|calendar| calendar.rename(id, title, now));
        self.announce(renamed)
    }

    /// Cancels an event.
    pub fn cancel_event(&self, id: &str) -> bool {
        let now = self.shared.clock.person();
        let cancelled = self.with(|calendar| calendar.cancel(id, now));
        self.announce(cancelled)
    }

    /// Id, title, start and end of every event that is not cancelled, by start.
    pub fn events(&self) -> Vec<(String, String, Timestamp, Timestamp)> {
        let zone = self.shared.options.zone.clone();
        self.with(|calendar| calendar.overview(&zone))
    }

    /// Makes a list of tasks; its id.
    pub fn add_list(&self, title: &str) -> String {
        self.with_lists(|lists, now| lists.add_list(title, now))
    }

    /// Removes a list and all that is in it.
    pub fn remove_list(&self, list: &str) {
        self.with_lists(|lists, _| lists.remove_list(list));
    }

    /// Puts a task into a list (`@default` is always there). Gives what oO calls it: the list's id, a slash, its own.
    pub fn add_task(&self, list: &str, title: &str, due: Option<Date>) -> String {
        self.with_lists(|lists, now| {
            let id = lists.add(list, title, due, now);
            format!("{}/{id}", lists.list_of(&id).unwrap_or_default())
        })
    }

    /// Gives a task another title; `false` where there is none. Tasks are named as [`Google::add_task`] names them.
    pub fn rename_task(&self, task: &str, title: &str) -> bool {
        self.with_lists(|lists, now| lists.change(own_id(task), Some(title), None, now))
    }

    /// Gives a task another day, or none.
    pub fn schedule_task(&self, task: &str, due: Option<Date>) -> bool {
        self.with_lists(|lists, now| lists.change(own_id(task), None, Some(due), now))
    }

    /// Completes a task as in Google's own page, which hides it as well.
    pub fn complete_task(&self, task: &str) -> bool {
        self.with_lists(|lists, now| lists.complete(own_id(task), now))
    }

    /// Opens it again.
    pub fn reopen_task(&self, task: &str) -> bool {
        self.with_lists(|lists, now| lists.reopen(own_id(task), now))
    }

    /// Deletes a task.
    pub fn delete_task(&self, task: &str) -> bool {
        self.with_lists(|lists, now| lists.delete(own_id(task), now))
    }

    /// Whether a task is completed.
    pub fn is_completed(&self, task: &str) -> bool {
        self.with_lists(|lists, _| lists.is_completed(own_id(task)))
    }

    /// From now on, the sync tokens given so far are answered with 410.
    pub fn expire_sync_tokens(&self) {
        self.with(Calendar::expire_sync_tokens);
    }

    /// The access tokens of all expire now, as after their hour; refresh tokens stay.
    pub fn expire_access_tokens(&self) {
        self.shared.state().google.tokens.expire_access();
    }

    /// The person withdraws consent at the provider: every token of theirs ends.
    pub fn revoke_all(&self) {
        let client = self.shared.options.google_client.id.clone();
        self.shared.state().google.tokens.end_all(&client, &self.person);
    }

    /// The person unticks this scope on the consent page that answers by itself.
    pub fn untick(&self, scope: &str) {
        self.shared.state().google.unticked.push(scope.to_owned());
    }

    /// The person would grant it again.
    pub fn tick(&self, scope: &str) {
        self.shared.state().google.unticked.retain(|one| one != scope);
    }

    /// Whether somebody is linked with this person now.
    pub fn is_linked(&self) -> bool {
        self.shared.state().google.tokens.is_linked(&self.person)
    }

    /// Every authorization granted so far.
    pub fn authorizations(&self) -> Vec<Authorization> {
        self.shared.state().google.tokens.authorizations()
    }

    /// Ids of the push channels that live now.
    pub fn channels(&self) -> Vec<String> {
        let now = self.shared.clock.own();
        self.with(|calendar| calendar.live_channels(now))
    }

    /// Makes coming requests fail; paths as in `/calendar/v3/` or `/token`.
    pub fn fault(&self, fault: Fault) {
        self.shared.faults.script(ROOT, fault);
    }

    /// Ends all scripted faults of this provider.
    pub fn clear_faults(&self) {
        self.shared.faults.clear(ROOT);
    }

    /// What was asked of this provider so far.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.shared.faults.requests(ROOT)
    }

    fn announce(&self, changed: bool) -> bool {
        if changed {
            channels::announce(&self.shared, &self.person);
        }
        changed
    }

    fn with_lists<R>(&self, act: impl FnOnce(&mut Lists, Timestamp) -> R) -> R {
        let now = self.shared.clock.person();
        act(tasks::lists_of(&self.shared, &mut self.shared.state().google, &self.person), now)
    }

    fn with<R>(&self, act: impl FnOnce(&mut Calendar) -> R) -> R {
        act(calendar_of(&self.shared, &mut self.shared.state().google, &self.person))
    }
}

/// This person's calendar; a new one gets the sample week.
fn calendar_of<'a>(shared: &Shared, state: &'a mut State, name: &str) -> &'a mut Calendar {
    state.calendars.entry(name.to_owned()).or_insert_with(|| {
        let mut calendar = Calendar::new(name, shared.clock.person());
        if shared.options.sample {
            crate::sample::fill_week(&mut calendar, shared.clock.person(), &shared.options.zone);
        }
        calendar
    })
}

/// Lets what is due by now happen in everybody's calendar.
pub(crate) fn live(shared: &Arc<Shared>) {
    if !shared.options.sample {
        return;
    }
    let now = shared.clock.person();
    let mut changed = Vec::new();
    for (name, calendar) in &mut shared.state().google.calendars {
        if crate::sample::live_week(calendar, now, &shared.options.zone) {
            changed.push(name.clone());
        }
    }
    for name in changed {
        channels::announce(shared, &name);
    }
}

pub(crate) fn route(shared: &Arc<Shared>, request: &Request, rest: &str) -> Reply {
    match rest {
        "o/oauth2/v2/auth" => oauth::authorize(shared, request),
        "token" => oauth::token(shared, request),
        "revoke" => oauth::revoke(shared, request),
        "userinfo" => api::userinfo(shared, request),
        _ => match (rest.strip_prefix("calendar/v3/"), rest.strip_prefix("tasks/v1/")) {
            (Some(rest), _) => api::route(shared, request, rest),
            (None, Some(rest)) => tasks::route(shared, request, rest),
            (None, None) => not_found(),
        },
    }
}

/// A task's id without its list's.
fn own_id(task: &str) -> &str {
    task.rsplit('/').next().unwrap_or(task)
}

/// What the page of the sandbox shows of a person: titles with start and end, by start; and whether it is linked.
pub(crate) fn overview(shared: &Shared, name: &str) -> (Vec<(String, String, Timestamp, Timestamp)>, bool) {
    let mut state = shared.state();
    let linked = state.google.tokens.is_linked(name);
    (calendar_of(shared, &mut state.google, name).overview(&shared.options.zone), linked)
}

/// A failure in Google's words.
pub(crate) fn failure(status: u16) -> Reply {
    match status {
        401 => unauthorized(),
        403 => error(403, "usageLimits", "userRateLimitExceeded", "User Rate Limit Exceeded"),
        404 => not_found(),
        410 => full_sync_required(),
        429 => error(429, "usageLimits", "rateLimitExceeded", "Rate Limit Exceeded"),
        _ => error(status, "global", "backendError", "Backend Error"),
    }
}

fn unauthorized() -> Reply {
    located(401, "global", "authError", "Invalid Credentials", "header", "Authorization")
}

fn not_found() -> Reply {
    error(404, "global", "notFound", "Not Found")
}

/// The live text, as users have posted it.
fn full_sync_required() -> Reply {
    let text = "Sync token is no longer valid, a full sync is required.";
    located(410, "calendar", "fullSyncRequired", text, "parameter", "syncToken")
}

fn bad_parameter(name: &str, message: &str) -> Reply {
    located(400, "global", "badRequest", message, "parameter", name)
}

fn error(status: u16, domain: &str, reason: &str, message: &str) -> Reply {
    let one = json!({"domain": domain, "reason": reason, "message": message});
    http::json(status, &json!({"error": {"errors": [one], "code": status, "message": message}}))
}

fn located(status: u16, domain: &str, reason: &str, message: &str, kind: &str, location: &str) -> Reply {
    let one =
        json!({"domain": domain, "reason": reason, "message": message, "locationType": kind, "location": location});
    http::json(status, &json!({"error": {"errors": [one], "code": status, "message": message}}))
}
