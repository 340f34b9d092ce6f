//! The stand-in for Todoist (unified API v1), and the handle that tests hold it by.

mod api;
mod due;
mod oauth;
mod person;
mod sync;
mod task;
mod webhooks;

pub(crate) use person::Person;
pub(crate) use task::Edit;
pub(crate) use webhooks::Change;
pub use webhooks::{WebhookDelivery, signature};

use crate::faults::{Fault, LoggedRequest};
use crate::http::{self, Reply, Request};
use crate::oauth::{Authorization, Tokens};
use crate::shared::Shared;
use crate::store::random_hex;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use url::Url;

const ROOT: &str = "/todoist";

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    tokens: Tokens,
    people: BTreeMap<String, Person>,
    /// Gives tokens as old apps get them: for ever, and with no refresh token.
    legacy: bool,
    /// How long access tokens live, where a test wants another life than the real one.
    #[serde(skip)]
    access_life: Option<SignedDuration>,
    /// Set by a test; `None` leaves it at the option.
    #[serde(skip)]
    webhook: Option<Option<Url>>,
    #[serde(skip)]
    deliveries: Vec<WebhookDelivery>,
}

/// A task, as far as tests look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskView {
    pub id: String,
    pub content: String,
    pub checked: bool,
    pub deleted: bool,
    /// As Todoist writes it: a date, a floating time, or a time with a Z.
    pub due: Option<String>,
    pub recurring: bool,
    /// 4 is the most urgent.
    pub priority: u8,
}

/// The stand-in for Todoist. A clone is the same one.
#[derive(Clone)]
pub struct Todoist {
    shared: Arc<Shared>,
    person: String,
}

impl Todoist {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, person: crate::consent::DEFAULT_PERSON.to_owned() }
    }

    /// The same stand-in, seen as another sample person's; link with `login_hint=<name>` to get there.
    pub fn of(&self, person: &str) -> Self {
        Self { shared: self.shared.clone(), person: person.to_owned() }
    }

    /// The provider's id of this person, as `GET /user` gives it.
    pub fn user_id(&self) -> String {
        self.with(|person| person.id.clone())
    }

    /// Adds a task; `fields` are those of `POST /api/v1/tasks` (`due_date`, `priority`, `duration`, …).
    /// Panics on a field that the API would refuse: it is for tests and samples.
    #[allow(clippy::panic)]
    pub fn add_task(&self, title: &str, fields: Value) -> String {
        let mut fields = http::Fields(fields.as_object().cloned().unwrap_or_default());
        fields.0.insert("content".to_owned(), title.into());
        let edit = self.edit(&fields);
        let now = self.shared.clock.person();
        let (id, change) = self.with(|person| person.add(edit, now));
        webhooks::announce(&self.shared, &self.person, vec![change]);
        id
    }

    /// Changes a task as `POST /api/v1/tasks/{id}` does; `false` where there is none. Panics like [`Self::add_task`].
    pub fn update(&self, id: &str, fields: Value) -> bool {
        let edit = self.edit(&http::Fields(fields.as_object().cloned().unwrap_or_default()));
        let now = self.shared.clock.person();
        let changes = self.with(|person| person.update(id, edit, now));
        self.announce(changes)
    }

    /// Completes a task as the person does in Todoist's own app; `false` where there is none.
    pub fn complete(&self, id: &str) -> bool {
        let now = self.shared.clock.person();
        let changes = self.with(|person| person.close(id, now, &self.shared.options.zone));
        self.announce(changes)
    }

    /// Takes a completion back.
    pub fn reopen(&self, id: &str) -> bool {
        let now = self.shared.clock.person();
        let changes = self.with(|person| person.reopen(id, now));
        self.announce(changes)
    }

    /// Deletes a task.
    pub fn delete(&self, id: &str) -> bool {
        let now = self.shared.clock.person();
        let changes = self.with(|person| person.delete(id, now));
        self.announce(changes)
    }

    /// Every task there ever was, the done and deleted ones too.
    pub fn tasks(&self) -> Vec<TaskView> {
        self.with(|person| person.tasks.iter().map(task::Task::view).collect())
    }

    /// The access tokens of all expire now, as after their hour; refresh tokens stay.
    pub fn expire_access_tokens(&self) {
        self.shared.state().todoist.tokens.expire_access();
    }

    /// The person withdraws consent at the provider: every token of theirs ends.
    pub fn revoke_all(&self) {
        let client = self.shared.options.todoist_client.id.clone();
        self.shared.state().todoist.tokens.end_all(&client, &self.person);
    }

    /// The next incremental sync is answered with `full_sync: true`.
    pub fn expire_sync_tokens(&self) {
        self.with(|person| person.epoch += 1);
    }

    /// Gives tokens as old apps get them: no refresh token, no `expires_in`.
    pub fn legacy_tokens(&self, legacy: bool) {
        self.shared.state().todoist.legacy = legacy;
    }

    /// From now on access tokens live only so long.
    pub fn access_life(&self, life: SignedDuration) {
        self.shared.state().todoist.access_life = Some(life);
    }

    /// Whether somebody is linked with this person now.
    pub fn is_linked(&self) -> bool {
        self.shared.state().todoist.tokens.is_linked(&self.person)
    }

    /// Every authorization granted so far.
    pub fn authorizations(&self) -> Vec<Authorization> {
        self.shared.state().todoist.tokens.authorizations()
    }

    /// What the token answer and the redirect say as `iss`.
    pub fn issuer(&self) -> String {
        oauth::issuer(&self.shared)
    }

    /// Where webhooks go from now on; `None` for nowhere, as if they got lost.
    pub fn set_webhook(&self, to: Option<Url>) {
        self.shared.state().todoist.webhook = Some(to);
    }

    /// Every try to deliver a webhook so far.
    pub fn deliveries(&self) -> Vec<WebhookDelivery> {
        self.shared.state().todoist.deliveries.clone()
    }

    /// Sends a delivery again, same id and same body, as the provider may.
    pub fn redeliver(&self, delivery_id: &str) {
        webhooks::redeliver(&self.shared, delivery_id);
    }

    /// Makes coming requests fail; paths as in `/api/v1/sync` or `/oauth/access_token`.
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

    #[allow(clippy::panic)]
    fn edit(&self, fields: &http::Fields) -> Edit {
        let today = self.shared.clock.person().to_zoned(self.shared.options.zone.clone()).date();
        match Edit::parse(fields, today, &self.shared.options.zone) {
            Ok(edit) => edit,
            Err(argument) => panic!("Todoist would refuse the argument {argument}"),
        }
    }

    fn announce(&self, changes: Option<Vec<Change>>) -> bool {
        let found = changes.is_some();
        webhooks::announce(&self.shared, &self.person, changes.unwrap_or_default());
        found
    }

    fn with<R>(&self, act: impl FnOnce(&mut Person) -> R) -> R {
        act(person_of(&self.shared, &mut self.shared.state().todoist, &self.person))
    }
}

/// This person's account; a new one gets the sample life.
fn person_of<'a>(shared: &Shared, state: &'a mut State, name: &str) -> &'a mut Person {
    state.people.entry(name.to_owned()).or_insert_with(|| {
        let mut person = Person::new(name, shared.clock.person());
        if shared.options.sample {
            crate::sample::fill_tasks(&mut person, shared.clock.person(), &shared.options.zone);
        }
        person
    })
}

/// Lets what is due by now happen in everybody's sample life.
pub(crate) fn live(shared: &Arc<Shared>) {
    if !shared.options.sample {
        return;
    }
    let now = shared.clock.person();
    let mut changed = Vec::new();
    {
        let mut state = shared.state();
        for (name, person) in &mut state.todoist.people {
            let changes = crate::sample::live_tasks(person, now, &shared.options.zone);
            if !changes.is_empty() {
                changed.push((name.clone(), changes));
            }
        }
    }
    for (name, changes) in changed {
        webhooks::announce(shared, &name, changes);
    }
}

pub(crate) fn route(shared: &Arc<Shared>, request: &Request, rest: &str) -> Reply {
    match rest {
        "oauth/authorize" => oauth::authorize(shared, request),
        "oauth/access_token" => oauth::token(shared, request),
        ".well-known/oauth-authorization-server" => oauth::metadata(shared),
        "api/v1/revoke" => oauth::revoke(shared, request),
        _ => match rest.strip_prefix("api/v1/") {
            Some(rest) => api::route(shared, request, rest),
            None => not_found("Not found"),
        },
    }
}

/// What the page of the sandbox shows of a person.
pub(crate) fn overview(shared: &Shared, name: &str) -> (Vec<TaskView>, bool) {
    let mut state = shared.state();
    let linked = state.todoist.tokens.is_linked(name);
    (person_of(shared, &mut state.todoist, name).tasks.iter().map(task::Task::view).collect(), linked)
}

/// A failure in Todoist's words.
pub(crate) fn failure(status: u16, retry_after: Option<u64>) -> Reply {
    let (message, code, tag) = match status {
        401 => ("Unauthorized", 477, "UNAUTHORIZED"),
        403 => ("Forbidden", 403, "FORBIDDEN"),
        404 => ("Not found", 478, "NOT_FOUND"),
        429 => ("Too many requests. Limits reached. Try again later", 35, "LIMITS_REACHED"),
        503 => ("Service temporarily unavailable", 50, "SERVICE_UNAVAILABLE"),
        _ => ("Internal server error", 0, "INTERNAL_ERROR"),
    };
    let extra = match retry_after {
        Some(seconds) => json!({"event_id": random_hex(16), "retry_after": seconds}),
        None => json!({"event_id": random_hex(16)}),
    };
    error(status, message, code, tag, extra)
}

fn unauthorized() -> Reply {
    failure(401, None)
}

fn not_found(message: &str) -> Reply {
    error(404, message, 478, "NOT_FOUND", json!({"event_id": random_hex(16), "retry_after": 3}))
}

fn invalid(argument: &str) -> Reply {
    error(400, "Invalid argument value", 20, "INVALID_ARGUMENT_VALUE", json!({"argument": argument}))
}

#[allow(clippy::needless_pass_by_value)]
fn error(status: u16, message: &str, code: u32, tag: &str, extra: Value) -> Reply {
    let body =
        json!({"error": message, "error_code": code, "error_extra": extra, "error_tag": tag, "http_code": status});
    http::json(status, &body)
}
