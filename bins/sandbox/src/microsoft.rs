//! The stand-in for Microsoft Graph (v1.0) as far as To Do and Outlook's calendar go, and the handle that tests hold it by.

mod api;
mod delta;
mod mailbox;
mod oauth;
mod sample;
mod subscriptions;

pub use subscriptions::Notice;
pub(crate) use subscriptions::subscribe;

use crate::faults::{Fault, LoggedRequest};
use crate::http::{self, Reply, Request};
use crate::oauth::{Authorization, Tokens};
use crate::shared::Shared;
use crate::store::random_hex;
use jiff::Timestamp;
use mailbox::{Change, Event, Mailbox, When};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use url::Url;

const ROOT: &str = "/microsoft";

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    tokens: Tokens,
    mailboxes: BTreeMap<String, Mailbox>,
    /// Scopes that are not granted although asked.
    #[serde(skip)]
    unticked: Vec<String>,
    #[serde(skip)]
    notices: Vec<Notice>,
    /// Notifications are lost.
    #[serde(skip)]
    mute: bool,
    /// Where links lead instead of here, as if somebody had broken in.
    #[serde(skip)]
    astray: Option<Url>,
}

/// An event to be put into a calendar.
#[derive(Debug, Clone)]
pub struct NewAppointment {
    pub title: String,
    pub start: Timestamp,
    pub end: Timestamp,
    /// `free`, `tentative`, `busy`, `oof`, `workingElsewhere` or `unknown`.
    pub show_as: String,
    /// `none`, `organizer`, `accepted`, `declined`, …
    pub response: String,
}

impl NewAppointment {
    /// An ordinary busy event.
    pub fn new(title: impl Into<String>, start: Timestamp, end: Timestamp) -> Self {
        Self { title: title.into(), start, end, show_as: "busy".into(), response: "organizer".into() }
    }
}

/// The stand-in for Microsoft Graph. A clone is the same one.
#[derive(Clone)]
pub struct Microsoft {
    shared: Arc<Shared>,
    person: String,
}

impl Microsoft {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, person: crate::consent::DEFAULT_PERSON.to_owned() }
    }

    /// The same stand-in, seen as another sample person's; link with `login_hint=<name>` to get there.
    pub fn of(&self, person: &str) -> Self {
        Self { shared: self.shared.clone(), person: person.to_owned() }
    }

    /// The list that everybody has.
    pub fn default_list(&self) -> String {
        self.with(|mailbox| mailbox.lists[0].id.clone())
    }

    /// Makes another list.
    pub fn add_list(&self, name: &str) -> String {
        self.with(|mailbox| mailbox.add_list(name, "none"))
    }

    /// Deletes a list with all that is in it. Nobody is told of its tasks.
    pub fn remove_list(&self, id: &str) {
        self.with(|mailbox| mailbox.remove_list(id));
    }

    /// Adds a task to a list; `fields` are those of Graph (`importance`, `dueDateTime`, `recurrence`, `status`).
    pub fn add_task(&self, list: &str, title: &str, fields: Value) -> String {
        let now = self.shared.clock.person();
        let (id, change) = self.with(|mailbox| mailbox.add_task(list, title, &fields, now));
        subscriptions::announce(&self.shared, &self.person, vec![change]);
        id
    }

    /// Changes a task as `PATCH` does; `false` where there is none.
    pub fn update_task(&self, id: &str, fields: Value) -> bool {
        let (now, zone) = (self.shared.clock.person(), self.shared.options.zone.clone());
        let changes = self.with(|mailbox| mailbox.update_task(id, &fields, now, &zone));
        self.announce(changes)
    }

    /// Completes a task as the person does in To Do's own app.
    pub fn complete(&self, id: &str) -> bool {
        self.update_task(id, json!({"status": "completed"}))
    }

    /// Takes a completion back.
    pub fn reopen(&self, id: &str) -> bool {
        self.update_task(id, json!({"status": "notStarted"}))
    }

    /// Deletes a task.
    pub fn delete_task(&self, id: &str) -> bool {
        let now = self.shared.clock.person();
        let changes = self.with(|mailbox| mailbox.delete_task(id, now));
        self.announce(changes)
    }

    /// Moves a task to another list, which gives it another id.
    pub fn move_task(&self, id: &str, list: &str) -> Option<String> {
        let now = self.shared.clock.person();
        let (new, changes) = self.with(|mailbox| mailbox.move_task(id, list, now))?;
        subscriptions::announce(&self.shared, &self.person, changes);
        Some(new)
    }

    /// Id, title, status and due day of every task that is not deleted.
    pub fn tasks(&self) -> Vec<(String, String, String, Option<jiff::civil::Date>)> {
        self.with(|mailbox| mailbox.overview())
    }

    /// Puts an event in.
    pub fn add_event(&self, event: NewAppointment) -> String {
        let now = self.shared.clock.person();
        let (id, change) = self.with(|mailbox| mailbox.add_event(Event::from_new(event, now)));
        subscriptions::announce(&self.shared, &self.person, vec![change]);
        id
    }

    /// Puts an all-day event in.
    pub fn add_day(&self, title: &str, day: jiff::civil::Date) -> String {
        let now = self.shared.clock.person();
        let next = day.tomorrow().unwrap_or(day);
        let event = Event::new(title, When::Day(day), When::Day(next), now);
        let (id, change) = self.with(|mailbox| mailbox.add_event(event));
        subscriptions::announce(&self.shared, &self.person, vec![change]);
        id
    }

    /// Puts a series in, with an occurrence at each of these; ids of the series and of its occurrences.
    pub fn add_series(&self, event: NewAppointment, at: &[(Timestamp, Timestamp)]) -> (String, Vec<String>) {
        let now = self.shared.clock.person();
        let (master, occurrences, changes) = self.with(|mailbox| mailbox.add_series(event, at, now));
        subscriptions::announce(&self.shared, &self.person, changes);
        (master, occurrences)
    }

    /// Moves an event; `false` where there is none.
    pub fn move_event(&self, id: &str, start: Timestamp, end: Timestamp) -> bool {
        let now = self.shared.clock.person();
        let changed = self.with(|mailbox| {
            mailbox.change_event(id, now, |event| (event.start, event.end) = (When::At(start), When::At(end)))
        });
        self.announce(changed)
    }

    /// Gives an event another title.
    pub fn rename_event(&self, id: &str, title: &str) -> bool {
        let now = self.shared.clock.person();
        let changed = self.with(|mailbox| mailbox.change_event(id, now, |event| event.subject = title.to_owned()));
        self.announce(changed)
    }

    /// Cancels an event, as its organizer does: it stays and says so.
    pub fn cancel_event(&self, id: &str) -> bool {
        let now = self.shared.clock.person();
        let changed = self.with(|mailbox| mailbox.change_event(id, now, |event| event.cancelled = true));
        self.announce(changed)
    }

    /// Deletes an event. Of an occurrence of a series no trace is left: the others change instead.
    pub fn delete_event(&self, id: &str) -> bool {
        let now = self.shared.clock.person();
        let changed = self.with(|mailbox| mailbox.delete_event(id, now));
        self.announce(changed)
    }

    /// From now on, the delta links given so far are answered with 410.
    pub fn expire_delta_links(&self) {
        self.with(|mailbox| mailbox.epoch += 1);
    }

    /// Links lead to this origin from now on, as no provider's should.
    pub fn lead_astray(&self, to: Option<Url>) {
        self.shared.state().microsoft.astray = to;
    }

    /// The access tokens of all expire now, as after their hour; refresh tokens stay.
    pub fn expire_access_tokens(&self) {
        self.shared.state().microsoft.tokens.expire_access();
    }

    /// The person withdraws consent at the provider: every token of theirs ends.
    pub fn revoke_all(&self) {
        let client = self.shared.options.microsoft_client.id.clone();
        self.shared.state().microsoft.tokens.end_all(&client, &self.person);
    }

    /// This scope is not granted although asked for.
    pub fn untick(&self, scope: &str) {
        self.shared.state().microsoft.unticked.push(scope.to_owned());
    }

    /// Whether somebody holds a grant of this person. Microsoft ends none when a client says goodbye.
    pub fn is_linked(&self) -> bool {
        self.shared.state().microsoft.tokens.is_linked(&self.person)
    }

    /// Every authorization granted so far.
    pub fn authorizations(&self) -> Vec<Authorization> {
        self.shared.state().microsoft.tokens.authorizations()
    }

    /// Id, resource and end of the subscriptions that live now.
    pub fn subscriptions(&self) -> Vec<(String, String, Timestamp)> {
        let now = self.shared.clock.own();
        self.with(|mailbox| mailbox.live_subscriptions(now))
    }

    /// Loses notifications from now on, or no longer.
    pub fn lose_notices(&self, lose: bool) {
        self.shared.state().microsoft.mute = lose;
    }

    /// Every notification sent so far, with its answer.
    pub fn notices(&self) -> Vec<Notice> {
        self.shared.state().microsoft.notices.clone()
    }

    /// Sends a notification again, the same to the letter.
    pub fn resend(&self, notice: &Notice) {
        subscriptions::send(&self.shared, notice.clone());
    }

    /// Sends a lifecycle notification (`reauthorizationRequired`, `subscriptionRemoved`, `missed`) to every subscription.
    pub fn lifecycle(&self, event: &str) {
        subscriptions::lifecycle(&self.shared, &self.person, event);
    }

    /// Makes coming requests fail; paths as in `/v1.0/me/todo/lists` or `/common/oauth2/v2.0/token`.
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

    fn announce(&self, changes: Option<Vec<Change>>) -> bool {
        let found = changes.is_some();
        subscriptions::announce(&self.shared, &self.person, changes.unwrap_or_default());
        found
    }

    fn with<R>(&self, act: impl FnOnce(&mut Mailbox) -> R) -> R {
        act(mailbox_of(&self.shared, &mut self.shared.state().microsoft, &self.person))
    }
}

/// This person's mailbox; a new one gets a few samples.
fn mailbox_of<'a>(shared: &Shared, state: &'a mut State, name: &str) -> &'a mut Mailbox {
    state.mailboxes.entry(name.to_owned()).or_insert_with(|| {
        let mut mailbox = Mailbox::new(name);
        if shared.options.sample {
            sample::fill(&mut mailbox, shared.clock.person(), &shared.options.zone);
        }
        mailbox
    })
}

pub(crate) fn route(shared: &Arc<Shared>, request: &Request, rest: &str) -> Reply {
    match rest.split_once("/oauth2/v2.0/") {
        Some((tenant, "authorize")) if is_tenant(tenant) => oauth::authorize(shared, request),
        Some((tenant, "token")) if is_tenant(tenant) => oauth::token(shared, request),
        Some(_) => not_found(),
        None => match rest.strip_prefix("v1.0/") {
            Some(rest) => api::route(shared, request, rest),
            None => not_found(),
        },
    }
}

/// What the page of the sandbox shows of a person: open tasks with the day they are due, and whether it is linked.
pub(crate) fn overview(shared: &Shared, name: &str) -> (Vec<(String, Option<jiff::civil::Date>)>, bool) {
    let mut state = shared.state();
    let linked = state.microsoft.tokens.is_linked(name);
    let all = mailbox_of(shared, &mut state.microsoft, name).overview();
    let open = all.into_iter().filter(|task| task.2 != "completed").map(|task| (task.1, task.3));
    (open.collect(), linked)
}

fn is_tenant(name: &str) -> bool {
    matches!(name, "common" | "organizations" | "consumers") || name.len() == 36
}

/// A failure in Graph's words.
pub(crate) fn failure(status: u16) -> Reply {
    match status {
        401 => unauthorized(),
        403 => forbidden(),
        404 => not_found(),
        410 => forgotten(),
        429 => error(429, "TooManyRequests", "Too many requests"),
        503 => error(503, "serviceNotAvailable", "The service is temporarily unavailable."),
        _ => error(status, "generalException", "An unspecified error has occurred."),
    }
}

fn unauthorized() -> Reply {
    error(401, "InvalidAuthenticationToken", "Access token has expired or is not yet valid.")
}

fn forbidden() -> Reply {
    error(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
}

fn not_found() -> Reply {
    error(404, "ErrorItemNotFound", "The specified object was not found in the store.")
}

fn forgotten() -> Reply {
    error(410, "SyncStateNotFound", "The sync state generation is not found; full sync is required.")
}

fn bad(message: &str) -> Reply {
    error(400, "ErrorInvalidRequest", message)
}

fn error(status: u16, code: &str, message: &str) -> Reply {
    let inner =
        json!({"date": "2026-11-22T10:00:00", "request-id": random_hex(16), "client-request-id": random_hex(16)});
    http::json(status, &json!({"error": {"code": code, "message": message, "innerError": inner}}))
}
