//! Outlook Calendar, by Graph: the events of the person's own calendar in a window that is laid anew each day, delta links,
//! a subscription.

mod facts;

use super::microsoft::{self, Graph};
use super::{Access, App, Batch, Channel, Connector, Heard, Hint, Keeps, Opening, Refused, Said};
use crate::http::{CallError, Http};
use facts::Item;
use futures_util::future::{BoxFuture, FutureExt as _};
use jiff::SignedDuration;
use oo_contracts::Timestamp;
use oo_contracts::id::ItemId;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

/// What lies further back says nothing about now.
const BACK: SignedDuration = SignedDuration::from_hours(24);
/// What lies further ahead will be in a later window.
const AHEAD: SignedDuration = SignedDuration::from_hours(14 * 24);
/// A delta link keeps the window it began with, so it is given up after a day for a new window.
const WINDOW_AGE: SignedDuration = SignedDuration::from_hours(24);
/// Series that are asked for one by one; more at once do not happen.
const MOST_SERIES: usize = 50;

pub(crate) struct OutlookCalendar {
    graph: Graph,
}

/// Where the next sync goes on.
#[derive(Serialize, Deserialize)]
struct Cursor {
    link: String,
    /// The window that the link is frozen to.
    from: Timestamp,
    to: Timestamp,
    laid: Timestamp,
}

/// An event as it is shown: the one place where its words are read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    #[serde(default)]
    subject: String,
    #[serde(default)]
    is_cancelled: bool,
}

impl OutlookCalendar {
    pub(crate) fn new(app: App, life: Duration) -> Self {
        Self { graph: Graph::new(app, life) }
    }

    /// What a link brings, and the link after it.
    async fn list(&self, http: &Http, access: &Access, first: url::Url) -> Result<(Vec<Item>, String), CallError> {
        let found = self.graph.list::<Item>(http, access, first).await?;
        Ok((microsoft::latest(found.items), found.delta.ok_or(CallError::Garbled)?))
    }

    /// The series of occurrences that say little of themselves, by id.
    async fn series<'a>(
        &self,
        http: &Http,
        access: &Access,
        items: &'a [Item],
    ) -> Result<HashMap<&'a str, Item>, CallError> {
        let wanted: BTreeSet<&str> = items.iter().filter_map(Item::wants_series).collect();
        let mut found = HashMap::new();
        for id in wanted.into_iter().filter(|id| !items.iter().any(|item| item.is(id))).take(MOST_SERIES) {
            match self.graph.get::<Item>(http, access, &self.graph.at(&["me", "events", id])).await {
                Ok(series) => {
                    found.insert(id, series);
                }
                // Gone since: its occurrences will be.
                Err(CallError::Missing | CallError::Gone) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }
}

impl Connector for OutlookCalendar {
    fn app(&self) -> &App {
        &self.graph.app
    }

    fn keeps(&self) -> Keeps {
        Keeps::Events
    }

    fn owner<'a>(&'a self, http: &'a Http, token: &'a SecretString) -> BoxFuture<'a, Result<String, CallError>> {
        self.graph.owner(http, token).boxed()
    }

    fn sync<'a>(
        &'a self,
        http: &'a Http,
        access: &'a Access,
        cursor: Option<&'a str>,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Batch, CallError>> {
        async move {
            let known = cursor
                .and_then(|text| serde_json::from_str::<Cursor>(text).ok())
                .filter(|cursor| now.duration_since(cursor.laid) < WINDOW_AGE && now >= cursor.laid)
                .and_then(|cursor| Some((self.graph.link(&cursor.link).ok()?, cursor)));
            let went_on = match known {
                Some((link, cursor)) => match self.list(http, access, link).await {
                    // Of a series that changed come the occurrences that are left, and of the deleted ones no trace:
                    // only what is missing in a whole window tells them.
                    Ok((items, _)) if items.iter().any(Item::is_series) => None,
                    Ok((items, link)) => Some((items, Cursor { link, ..cursor })),
                    // Forgotten, as happens: a new window, once.
                    Err(CallError::Gone | CallError::Refused(400)) => None,
                    Err(error) => return Err(error),
                },
                None => None,
            };
            let whole = went_on.is_none();
            let (items, cursor) = match went_on {
                Some(went_on) => went_on,
                None => {
                    let (from, to) = (shift(now, -BACK), shift(now, AHEAD));
                    let mut url = self.graph.at(&["me", "calendarView", "delta"]);
                    url.query_pairs_mut()
                        .append_pair("startDateTime", &from.to_string())
                        .append_pair("endDateTime", &to.to_string());
                    let (items, link) = self.list(http, access, url).await?;
                    (items, Cursor { link, from, to, laid: now })
                }
            };
            let series = self.series(http, access, &items).await?;
            let of = |item: &Item| {
                let id = item.wants_series()?;
                series.get(id).or_else(|| items.iter().find(|one| one.is(id)))
            };
            let window = (cursor.from, cursor.to);
            let changes = items.iter().filter_map(|item| item.change(access, of(item), window)).collect();
            let cursor = serde_json::to_string(&cursor).map_err(|_| CallError::Garbled)?;
            Ok(Batch { changes, whole, cursor })
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
            let mut url = self.graph.at(&["me", "events", item.as_str()]);
            url.query_pairs_mut().append_pair("$select", "subject,isCancelled");
            match self.graph.get::<Shown>(http, access, &url).await {
                Ok(event) => Ok(Some(Said { title: event.subject, over: event.is_cancelled })),
                Err(CallError::Missing | CallError::Gone) => Ok(None),
                Err(error) => Err(error),
            }
        }
        .boxed()
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

    fn watch<'a>(
        &'a self,
        http: &'a Http,
        access: &'a Access,
        opening: &'a Opening<'a>,
    ) -> Option<BoxFuture<'a, Result<Channel, CallError>>> {
        let webhook = self.graph.app.webhook.as_ref()?;
        Some(self.graph.subscribe(http, access, opening, webhook, "/me/events").boxed())
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

fn shift(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(at)
}
