//! `events.list`: windows, pages, sync tokens, and the parameters that do not go together.

use super::calendar::{Calendar, Event, stamp};
use super::{bad_parameter, error, full_sync_required};
use crate::http::{self, Reply, Request};
use crate::store::{fingerprint, open, seal};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const DEFAULT_RESULTS: usize = 250;
const MAX_RESULTS: usize = 2500;

/// These may not come with a sync token.
const NOT_WITH_TOKEN: [&str; 8] = [
    "iCalUID",
    "orderBy",
    "privateExtendedProperty",
    "q",
    "sharedExtendedProperty",
    "timeMin",
    "timeMax",
    "updatedMin",
];

/// Where a sync goes on: the window stays frozen in it.
#[derive(Clone, Serialize, Deserialize)]
struct SyncToken {
    epoch: u64,
    revision: u64,
    /// Of the parameters that must stay the same.
    of: u32,
    min: Option<Timestamp>,
    max: Option<Timestamp>,
}

/// Where a listing goes on.
#[derive(Serialize, Deserialize)]
struct PageToken {
    skip: usize,
    /// The revision when the listing began: what comes later is for the sync token after it.
    revision: u64,
    since: Option<SyncToken>,
    of: u32,
}

pub(super) fn list(calendar: &Calendar, request: &Request, zone: &TimeZone) -> Reply {
    match answer(calendar, request, zone) {
        Ok(body) => http::json(200, &body),
        Err(reply) => reply,
    }
}

fn answer(calendar: &Calendar, request: &Request, zone: &TimeZone) -> Result<Value, Reply> {
    let results = match request.param("maxResults") {
        Some(text) => match text.parse::<usize>() {
            Ok(number) if number >= 1 => number.min(MAX_RESULTS),
            _ => return Err(bad_parameter("maxResults", "Invalid value for maxResults")),
        },
        None => DEFAULT_RESULTS,
    };
    let single = flag(request, "singleEvents")?.unwrap_or(false);
    let show_deleted = flag(request, "showDeleted")?;
    let by_start = match request.param("orderBy") {
        Some("startTime") if single => true,
        Some("startTime") => {
            let text = "The requested ordering is not available for the particular query.";
            return Err(bad_parameter("orderBy", text));
        }
        Some("updated") | None => false,
        Some(_) => return Err(bad_parameter("orderBy", "Invalid value for orderBy")),
    };
    let zone = match request.param("timeZone") {
        Some(name) => TimeZone::get(name).map_err(|_| bad_parameter("timeZone", "Invalid time zone"))?,
        None => zone.clone(),
    };
    let same = fingerprint(&same_parameters(request));
    let whole = fingerprint(&all_parameters(request));

    let token = match request.param("syncToken") {
        None => None,
        Some(text) => {
            if let Some(name) = NOT_WITH_TOKEN.iter().find(|name| request.param(name).is_some()) {
                let text = "Sync token cannot be used with the given parameters.";
                tracing::debug!(parameter = name, "refused with a sync token");
                return Err(error(400, "calendar", "syncTokenWithRequestParameters", text));
            }
            if show_deleted == Some(false) {
                let text = "Deleted events are always shown when a sync token is used.";
                return Err(error(400, "calendar", "syncTokenWithRequestParameters", text));
            }
            let token: SyncToken = open(text).ok_or_else(full_sync_required)?;
            if token.epoch != calendar.epoch {
                return Err(full_sync_required());
            }
            if token.of != same {
                let text = "Sync token was obtained with other parameters.";
                return Err(error(400, "calendar", "syncTokenWithRequestParameters", text));
            }
            Some(token)
        }
    };
    let page = match request.param("pageToken") {
        None => PageToken { skip: 0, revision: calendar.revision, since: token, of: whole },
        Some(text) => {
            let page: PageToken = open(text).ok_or_else(|| bad_parameter("pageToken", "Invalid page token value."))?;
            if page.of != whole {
                return Err(bad_parameter("pageToken", "Invalid page token value."));
            }
            page
        }
    };
    let (min, max) = match &page.since {
        Some(token) => (token.min, token.max),
        None => (bound(request, "timeMin")?, bound(request, "timeMax")?),
    };
    if min.zip(max).is_some_and(|(min, max)| min >= max) {
        return Err(error(400, "global", "timeRangeEmpty", "The specified time range is empty."));
    }
    let updated_min = bound(request, "updatedMin")?;

    let kinds: Vec<&str> =
        request.query.iter().filter(|pair| pair.0 == "eventTypes").map(|pair| pair.1.as_str()).collect();
    let words = request.param("q").map(str::to_lowercase);
    let mut chosen: Vec<&Event> = calendar
        .events
        .iter()
        .filter(|event| match &page.since {
            Some(token) => event.revision > token.revision,
            None => !event.cancelled || show_deleted == Some(true),
        })
        .filter(|event| event.touches(min, max, &zone))
        .filter(|event| updated_min.is_none_or(|min| event.updated >= min))
        .filter(|event| kinds.is_empty() || kinds.contains(&event.kind.as_str()))
        .filter(|event| words.as_ref().is_none_or(|words| event.summary.to_lowercase().contains(words)))
        .collect();
    if by_start {
        chosen.sort_by_key(|event| event.start.instant(&zone));
    }
    let items: Vec<Value> = if single {
        chosen.iter().map(|event| event.json(&calendar.email, &zone)).collect()
    } else {
        masters(&chosen, calendar, &zone)
    };

    let more = items.len() > page.skip + results;
    let items: Vec<Value> = items.into_iter().skip(page.skip).take(results).collect();
    let mut body = json!({
        "kind": "calendar#events",
        "etag": format!("\"p{}\"", calendar.revision),
        "summary": calendar.email,
        "description": "",
        "updated": stamp(calendar.updated),
        "timeZone": zone.iana_name().unwrap_or("UTC"),
        "accessRole": "owner",
        "defaultReminders": [],
        "items": items,
    });
    if more {
        body["nextPageToken"] = seal(&PageToken { skip: page.skip + results, ..page }).into();
    } else if !by_start && words.is_none() && updated_min.is_none() {
        let token = SyncToken { epoch: calendar.epoch, revision: page.revision, of: same, min, max };
        body["nextSyncToken"] = seal(&token).into();
    }
    Ok(body)
}

/// Instead of its instances, a series once, with its rule.
fn masters(chosen: &[&Event], calendar: &Calendar, zone: &TimeZone) -> Vec<Value> {
    let mut seen = BTreeSet::new();
    let mut items = Vec::new();
    for event in chosen {
        let Some(series) = &event.series else {
            items.push(event.json(&calendar.email, zone));
            continue;
        };
        if seen.insert(series) && !event.cancelled {
            let mut body = event.json(&calendar.email, zone);
            body["id"] = series.as_str().into();
            body["recurrence"] = json!(["RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"]);
            if let Some(fields) = body.as_object_mut() {
                fields.remove("recurringEventId");
                fields.remove("originalStartTime");
            }
            items.push(body);
        }
    }
    items
}

fn flag(request: &Request, name: &str) -> Result<Option<bool>, Reply> {
    match request.param(name) {
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(_) => Err(bad_parameter(name, &format!("Invalid boolean value for {name}"))),
        None => Ok(None),
    }
}

/// RFC 3339 with an offset; nothing else will do.
fn bound(request: &Request, name: &str) -> Result<Option<Timestamp>, Reply> {
    request.param(name).map(|text| text.parse().map_err(|_| bad_parameter(name, "Bad Request"))).transpose()
}

/// The parameters that must be the same in every request of a chain of sync tokens.
fn same_parameters(request: &Request) -> String {
    let free = ["syncToken", "pageToken", "maxResults", "alt", "prettyPrint", "showDeleted", "fields"];
    parameters(request, |name| !free.contains(&name) && !NOT_WITH_TOKEN.contains(&name))
}

/// The parameters that must be the same on every page.
fn all_parameters(request: &Request) -> String {
    parameters(request, |name| !["pageToken", "maxResults", "alt", "prettyPrint"].contains(&name))
}

fn parameters(request: &Request, wanted: impl Fn(&str) -> bool) -> String {
    let mut pairs: Vec<_> = request.query.iter().filter(|pair| wanted(&pair.0)).collect();
    pairs.sort();
    format!("{}{pairs:?}", request.path)
}
