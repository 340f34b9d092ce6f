//! Microsoft To Do, by Graph: the tasks of every list from a delta link each, subscriptions to each list.

mod facts;

use super::microsoft::{self, Graph};
use super::{Access, App, Batch, Channel, Connector, Heard, Hint, Keeps, Opening, Refused, Said};
use crate::http::{CallError, Http};
use facts::Item;
use futures_util::future::{BoxFuture, FutureExt as _};
use oo_contracts::id::ItemId;
use oo_contracts::{AccountId, SignalId, Timestamp};
use reqwest::Method;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use url::Url;

/// Mail that was flagged shows up as a list; it is nobody's task until somebody makes it one.
const FLAGGED_MAIL: &str = "flaggedEmails";
/// More lists than these are polled.
const MOST_WATCHED: usize = 50;
/// Names of lists kept in memory; beyond it they are asked for again.
const MOST_NAMES: usize = 10_000;

pub(crate) struct MicrosoftTodo {
    graph: Graph,
    /// Lists by their short names: a task is addressed through its list, and both names together are too long for one.
    lists: Mutex<HashMap<(AccountId, String), String>>,
}

/// Where the next sync goes on: of each list, by its id, the delta link.
#[derive(Default, Serialize, Deserialize)]
struct Cursor {
    lists: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct List {
    id: String,
    #[serde(default)]
    wellknown_list_name: String,
}

/// A task as it is shown: the one place where its words are read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    #[serde(default)]
    title: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    due_date_time: Option<microsoft::When>,
}

impl MicrosoftTodo {
    pub(crate) fn new(app: App, life: Duration) -> Self {
        Self { graph: Graph::new(app, life), lists: Mutex::default() }
    }

    /// The ids of the person's lists.
    async fn lists(&self, http: &Http, access: &Access) -> Result<Vec<String>, CallError> {
        let all = self.graph.list::<List>(http, access, self.graph.at(&["me", "todo", "lists"])).await?.items;
        let all: Vec<String> =
            all.into_iter().filter(|list| list.wellknown_list_name != FLAGGED_MAIL).map(|list| list.id).collect();
        let mut names = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() + all.len() > MOST_NAMES {
            names.clear();
        }
        names.extend(all.iter().map(|id| ((access.account.clone(), microsoft::short(id)), id.clone())));
        Ok(all)
    }

    /// The list of a short name.
    async fn list(&self, http: &Http, access: &Access, short: &str) -> Result<String, CallError> {
        let name = (access.account.clone(), short.to_owned());
        let known = || self.lists.lock().unwrap_or_else(PoisonError::into_inner).get(&name).cloned();
        if let Some(list) = known() {
            return Ok(list);
        }
        self.lists(http, access).await?;
        known().ok_or(CallError::Missing)
    }

    /// The address of a task.
    async fn task(&self, http: &Http, access: &Access, item: &ItemId) -> Result<Url, CallError> {
        let (short, task) = item.as_str().split_once('.').ok_or(CallError::Missing)?;
        let list = self.list(http, access, short).await?;
        Ok(self.graph.at(&["me", "todo", "lists", &list, "tasks", task]))
    }

    /// What changed in these lists since their links; all of a list without one.
    async fn read(
        &self,
        http: &Http,
        access: &Access,
        lists: &[String],
        links: &BTreeMap<String, String>,
    ) -> Result<Batch, CallError> {
        let (mut changes, mut cursor) = (Vec::new(), Cursor::default());
        for list in lists {
            let first = match links.get(list) {
                Some(link) => self.graph.link(link)?,
                None => self.graph.at(&["me", "todo", "lists", list, "tasks", "delta"]),
            };
            let found = self.graph.list::<Item>(http, access, first).await?;
            let short = microsoft::short(list);
            changes.extend(microsoft::latest(found.items).iter().filter_map(|item| item.change(access, &short)));
            cursor.lists.insert(list.clone(), found.delta.ok_or(CallError::Garbled)?);
        }
        let cursor = serde_json::to_string(&cursor).map_err(|_| CallError::Garbled)?;
        Ok(Batch { changes, whole: links.is_empty(), cursor })
    }
}

impl Connector for MicrosoftTodo {
    fn app(&self) -> &App {
        &self.graph.app
    }

    fn keeps(&self) -> Keeps {
        Keeps::Tasks
    }

    fn owner<'a>(&'a self, http: &'a Http, token: &'a SecretString) -> BoxFuture<'a, Result<String, CallError>> {
        self.graph.owner(http, token).boxed()
    }

    fn sync<'a>(
        &'a self,
        http: &'a Http,
        access: &'a Access,
        cursor: Option<&'a str>,
        _now: Timestamp,
    ) -> BoxFuture<'a, Result<Batch, CallError>> {
        async move {
            let known = cursor.and_then(|text| serde_json::from_str::<Cursor>(text).ok()).unwrap_or_default().lists;
            let lists = self.lists(http, access).await?;
            // Nobody tells of the tasks of a list that is gone, nor can a link be followed that leads elsewhere.
            let holds = |(list, link): (&String, &String)| lists.contains(list) && self.graph.link(link).is_ok();
            if !known.is_empty() && known.iter().all(holds) {
                match self.read(http, access, &lists, &known).await {
                    // Forgotten, as happens: everything, once.
                    Err(CallError::Gone | CallError::Refused(400)) => {}
                    other => return other,
                }
            }
            self.read(http, access, &lists, &BTreeMap::new()).await
        }
        .boxed()
    }

    fn words<'a>(
        &'a self,
        http: &'a Http,
        access: &'a Access,
        item: &'a ItemId,
    ) -> BoxFuture<'a, Result<Option<Said>, CallError>> {
        async move {
            let shown = async { self.graph.get::<Shown>(http, access, &self.task(http, access, item).await?).await };
            match shown.await {
                Ok(task) => Ok(Some(Said { title: task.title, over: task.status == facts::COMPLETED })),
                Err(CallError::Missing | CallError::Gone) => Ok(None),
                Err(error) => Err(error),
            }
        }
        .boxed()
    }

    /// Says how the task should stand, so that saying it twice is saying it once; a recurring one is kept from going on
    /// twice by [`Connector::standing`].
    fn complete<'a>(
        &'a self,
        http: &'a Http,
        access: &'a Access,
        item: &'a ItemId,
        reopen: bool,
        _key: &'a SignalId,
    ) -> BoxFuture<'a, Result<(), CallError>> {
        async move {
            let url = self.task(http, access, item).await?;
            let status = if reopen { facts::NOT_STARTED } else { facts::COMPLETED };
            let request = http.with_token(Method::PATCH, &url, &access.token)?.json(&json!({"status": status}));
            http.done(request).await.map(|_| ())
        }
        .boxed()
    }

    /// A recurring task that is completed keeps its name and goes on to its next date.
    fn standing<'a>(
        &'a self,
        http: &'a Http,
        access: &'a Access,
        item: &'a ItemId,
    ) -> Option<BoxFuture<'a, Result<String, CallError>>> {
        Some(
            async move {
                let shown: Shown = self.graph.get(http, access, &self.task(http, access, item).await?).await?;
                let due = shown.due_date_time.and_then(|due| due.civil());
                Ok(oo_runtime::random::hex(&Sha256::digest(format!("{due:?}"))[..8]))
            }
            .boxed(),
        )
    }

    fn hear(&self, heard: &Heard<'_>) -> Result<Hint, Refused> {
        microsoft::hear(heard)
    }

    fn stop_channel<'a>(
        &'a self,
        http: &'a Http,
        token: &'a SecretString,
        id: &'a str,
        _resource: &'a str,
    ) -> BoxFuture<'a, Result<(), CallError>> {
        self.graph.unsubscribe(http, token, id).boxed()
    }

    /// Each list.
    fn watches(&self, cursor: Option<&str>) -> Vec<String> {
        let known = cursor.and_then(|text| serde_json::from_str::<Cursor>(text).ok()).unwrap_or_default();
        known.lists.into_keys().take(MOST_WATCHED).collect()
    }

    fn watch<'a>(
        &'a self,
        http: &'a Http,
        access: &'a Access,
        opening: &'a Opening<'a>,
    ) -> Option<BoxFuture<'a, Result<Channel, CallError>>> {
        let webhook = self.graph.app.webhook.as_ref()?;
        let resource = format!("/me/todo/lists/{}/tasks", opening.what);
        Some(async move { self.graph.subscribe(http, access, opening, webhook, &resource).await }.boxed())
    }

    fn renew_channel<'a>(
        &'a self,
        http: &'a Http,
        token: &'a SecretString,
        id: &'a str,
        wall: Timestamp,
    ) -> Option<BoxFuture<'a, Result<Timestamp, CallError>>> {
        Some(self.graph.renew(http, token, id, wall).boxed())
    }
}
