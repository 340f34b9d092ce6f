//! Google Tasks, API v1: no push and no sync token, so every look asks what was updated since the newest that was seen.

mod facts;

use super::google_calendar::{revoke, subject};
use super::{Access, App, Batch, Connector, Keeps, Perhaps, Said, below, readable};
use crate::http::{CallError, Http};
use facts::{Item, split};
use futures_util::future::{BoxFuture, FutureExt as _};
use jiff::SignedDuration;
use oo_contracts::id::ItemId;
use oo_contracts::{Provider, SignalId, Timestamp};
use reqwest::Method;
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

/// Each look goes back this far behind the newest that was seen: what is written at the same time on Google's many
/// machines need not show in order. What comes twice is told once.
const OVERLAP: SignedDuration = SignedDuration::from_mins(5);
/// Everything is read anew after this, which finds what left no trace: Google keeps a deleted task's for a while only.
const WHOLE_AGAIN: SignedDuration = SignedDuration::from_hours(24);
/// The most that Google gives at once.
const TASKS_PAGE: &str = "100";
const LISTS_PAGE: &str = "1000";
/// Twenty thousand tasks in a list, which is Google's own limit.
const MAX_PAGES: usize = 200;

pub(crate) struct GoogleTasks {
    app: App,
    userinfo: Url,
}

/// Where the next sync goes on. Google's own clock, so that ours need not be right.
#[derive(Serialize, Deserialize)]
struct Cursor {
    newest: Option<Timestamp>,
    /// The lists that were there: another one is read from its beginning, and a missing one means that all is read.
    lists: Vec<String>,
    /// When everything was last read, in the person's time.
    laid: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "T: Deserialize<'de>"))]
struct Page<T> {
    #[serde(default = "Vec::new")]
    items: Vec<Perhaps<T>>,
    #[serde(default)]
    next_page_token: Option<String>,
}

/// A list, without its title.
#[derive(Deserialize)]
struct List {
    id: String,
}

/// A task as it is shown: the one place where its words are read.
#[derive(Deserialize)]
struct Shown {
    #[serde(default)]
    title: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    deleted: bool,
}

impl GoogleTasks {
    pub(crate) fn new(app: App, userinfo: Url) -> Self {
        Self { app, userinfo }
    }

    /// All pages of a listing.
    async fn all<T: DeserializeOwned>(
        &self,
        http: &Http,
        access: &Access,
        url: &Url,
        query: &[(&str, String)],
    ) -> Result<Vec<T>, CallError> {
        let mut all = Vec::new();
        let mut page_token: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let mut request = http.with_token(Method::GET, url, &access.token)?.query(query);
            if let Some(token) = page_token.take() {
                request = request.query(&[("pageToken", token)]);
            }
            let page: Page<T> = http.json(request).await?;
            all.extend(readable(page.items));
            match page.next_page_token.filter(|token| !token.is_empty()) {
                Some(next) => page_token = Some(next),
                None => return Ok(all),
            }
        }
        Err(CallError::Garbled)
    }

    async fn lists(&self, http: &Http, access: &Access) -> Result<Vec<String>, CallError> {
        let url = below(&self.app.api_url, &["users", "@me", "lists"]);
        let lists: Vec<List> = self.all(http, access, &url, &[("maxResults", LISTS_PAGE.to_owned())]).await?;
        let mut ids: Vec<_> = lists.into_iter().map(|list| list.id).collect();
        ids.sort_unstable();
        Ok(ids)
    }

    /// The open tasks of a list; or, since an instant, whatever became of any of them.
    async fn tasks(
        &self,
        http: &Http,
        access: &Access,
        list: &str,
        since: Option<Timestamp>,
    ) -> Result<Vec<Item>, CallError> {
        let url = below(&self.app.api_url, &["lists", list, "tasks"]);
        // What is completed in Google's own page is hidden as well.
        let over = since.is_some().to_string();
        let mut query = vec![("maxResults", TASKS_PAGE.to_owned())];
        query.extend(["showCompleted", "showHidden", "showDeleted"].map(|name| (name, over.clone())));
        query.extend(since.map(|since| ("updatedMin", since.to_string())));
        self.all(http, access, &url, &query).await
    }

    fn task(&self, item: &ItemId) -> Result<Url, CallError> {
        let (list, task) = split(item.as_str()).ok_or(CallError::Missing)?;
        Ok(below(&self.app.api_url, &["lists", list, "tasks", task]))
    }
}

impl Connector for GoogleTasks {
    fn app(&self) -> &App {
        &self.app
    }

    fn keeps(&self) -> Keeps {
        Keeps::Tasks
    }

    fn shares_grant_with(&self) -> &'static [Provider] {
        &[Provider::GoogleCalendar]
    }

    fn owner<'a>(&'a self, http: &'a Http, token: &'a SecretString) -> BoxFuture<'a, Result<String, CallError>> {
        subject(http, &self.userinfo, token).boxed()
    }

    fn sync<'a>(
        &'a self,
        http: &'a Http,
        access: &'a Access,
        cursor: Option<&'a str>,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Batch, CallError>> {
        async move {
            let lists = self.lists(http, access).await?;
            let before = cursor.and_then(|text| serde_json::from_str::<Cursor>(text).ok());
            let since = before.as_ref().and_then(|cursor| cursor.newest?.checked_sub(OVERLAP).ok());
            let goes_on = since.and(before.as_ref()).filter(|cursor| {
                let young = now.duration_since(cursor.laid) < WHOLE_AGAIN && now >= cursor.laid;
                young && cursor.lists.iter().all(|list| lists.contains(list))
            });
            let (whole, laid) = (goes_on.is_none(), goes_on.map_or(now, |cursor| cursor.laid));
            let mut newest = before.as_ref().and_then(|cursor| cursor.newest);
            let mut changes = Vec::new();
            for list in &lists {
                let seen = before.as_ref().is_some_and(|cursor| cursor.lists.contains(list));
                // Even where everything is read anew: what was completed meanwhile would only be missing there.
                let changed = since.filter(|_| seen).map(Some);
                let open = (whole || changed.is_none()).then_some(None);
                for since in changed.into_iter().chain(open) {
                    let items = match self.tasks(http, access, list, since).await {
                        // It went in this very moment: the next look reads everything.
                        Err(CallError::Missing) => continue,
                        other => other?,
                    };
                    newest = items.iter().filter_map(|item| item.updated).chain(newest).max();
                    changes.extend(items.iter().filter_map(|item| item.change(access, list)));
                }
            }
            let cursor = serde_json::to_string(&Cursor { newest, lists, laid });
            Ok(Batch { changes, whole, cursor: cursor.map_err(|_| CallError::Garbled)? })
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
            // A name that is not ours is of a task that is not there.
            let Ok(url) = self.task(item) else { return Ok(None) };
            match http.json::<Shown>(http.with_token(Method::GET, &url, &access.token)?).await {
                Ok(task) => Ok(Some(Said { title: task.title, over: task.deleted || task.status == "completed" })),
                Err(CallError::Missing | CallError::Gone) => Ok(None),
                Err(error) => Err(error),
            }
        }
        .boxed()
    }

    /// To say it twice is to say it once, so the key is not needed here.
    fn complete<'a>(
        &'a self,
        http: &'a Http,
        access: &'a Access,
        item: &'a ItemId,
        reopen: bool,
        _key: &'a SignalId,
    ) -> BoxFuture<'a, Result<(), CallError>> {
        async move {
            let url = self.task(item)?;
            let body = if reopen {
                json!({"status": "needsAction", "completed": null})
            } else {
                json!({"status": "completed"})
            };
            http.json::<Value>(http.with_token(Method::PATCH, &url, &access.token)?.json(&body)).await.map(|_| ())
        }
        .boxed()
    }

    fn revoke<'a>(
        &'a self,
        http: &'a Http,
        access: &'a SecretString,
        refresh: Option<&'a SecretString>,
    ) -> BoxFuture<'a, Result<(), CallError>> {
        revoke(http, &self.app, access, refresh).boxed()
    }
}
