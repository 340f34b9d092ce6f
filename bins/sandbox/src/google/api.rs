//! Google Calendar's calls, as far as oO makes them and a little further.

use super::calendar::{Calendar, stamp, with_offset};
use super::{bad_parameter, calendar_of, channels, error, list, not_found, unauthorized};
use crate::http::{self, Reply, Request};
use crate::oauth::Grant;
use crate::shared::Shared;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use warp::http::Method;

/// At most so many calendars in one question for free and busy.
const MAX_EXPANSION: usize = 50;

const PREFIX: &str = "https://www.googleapis.com/auth/calendar";
/// What may read events with their words.
const EVENTS: [&str; 6] = ["", ".readonly", ".events", ".events.readonly", ".events.owned", ".events.owned.readonly"];
const FREE_BUSY: [&str; 4] = ["", ".readonly", ".freebusy", ".events.freebusy"];
const LIST: [&str; 4] = ["", ".readonly", ".calendarlist", ".calendarlist.readonly"];

pub(super) fn route(shared: &Arc<Shared>, request: &Request, rest: &str) -> Reply {
    let Some(grant) = caller(shared, request) else { return unauthorized() };
    let parts: Vec<String> = rest.split('/').map(decoded).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let get = request.method == Method::GET;
    let post = request.method == Method::POST;
    let zone = &shared.options.zone;
    match parts.as_slice() {
        ["users", "me", "calendarList"] if get => {
            read(shared, &grant, &LIST, |calendar| http::json(200, &calendar_list(calendar, zone)))
        }
        ["users", "me", "settings", "timezone"] if get => read(shared, &grant, &["", ".readonly"], |_| {
            let name = zone.iana_name().unwrap_or("UTC");
            http::json(200, &json!({"kind": "calendar#setting", "etag": "\"1\"", "id": "timezone", "value": name}))
        }),
        ["calendars", id] if get => read(shared, &grant, &["", ".readonly"], |calendar| {
            if !calendar.is_called(id) {
                return not_found();
            }
            http::json(
                200,
                &json!({
                    "kind": "calendar#calendar",
                    "etag": "\"1\"",
                    "id": calendar.email,
                    "summary": calendar.email,
                    "timeZone": zone.iana_name().unwrap_or("UTC"),
                }),
            )
        }),
        ["calendars", id, "events"] if get => read(shared, &grant, &EVENTS, |calendar| {
            if !calendar.is_called(id) {
                return not_found();
            }
            list::list(calendar, request, zone)
        }),
        ["calendars", id, "events", "watch"] if post => {
            let known =
                read(
                    shared,
                    &grant,
                    &EVENTS,
                    |calendar| {
                        if calendar.is_called(id) { http::empty(200) } else { not_found() }
                    },
                );
            if known.status() == 200 { channels::watch(shared, request, &grant.person) } else { known }
        }
        ["calendars", id, "events", event] if get => {
            read(shared, &grant, &EVENTS, |calendar| match calendar.find(event).filter(|_| calendar.is_called(id)) {
                Some(event) => http::json(200, &event.json(&calendar.email, zone)),
                None => not_found(),
            })
        }
        ["channels", "stop"] if post => channels::stop(shared, request, &grant.person),
        ["freeBusy"] if post => read(shared, &grant, &FREE_BUSY, |calendar| free_busy(calendar, request, zone)),
        _ => not_found(),
    }
}

/// OpenID's userinfo, for who asked for `openid`.
pub(super) fn userinfo(shared: &Shared, request: &Request) -> Reply {
    let Some(grant) = caller(shared, request) else { return unauthorized() };
    if !grant.scopes.iter().any(|scope| scope == "openid") {
        return insufficient();
    }
    let mut state = shared.state();
    let calendar = calendar_of(shared, &mut state.google, &grant.person);
    let body = json!({"sub": calendar.subject, "email": calendar.email, "email_verified": true, "name": grant.person});
    http::json(200, &body)
}

fn caller(shared: &Shared, request: &Request) -> Option<Grant> {
    let state = shared.state();
    state.google.tokens.bearer(request.bearer()?, shared.clock.own()).cloned()
}

/// Looks at the caller's calendar, if one of these scopes was granted.
fn read(shared: &Shared, grant: &Grant, scopes: &[&str], look: impl FnOnce(&Calendar) -> Reply) -> Reply {
    let granted = |scope: &String| scope.strip_prefix(PREFIX).is_some_and(|rest| scopes.contains(&rest));
    if !grant.scopes.iter().any(granted) {
        return insufficient();
    }
    look(calendar_of(shared, &mut shared.state().google, &grant.person))
}

fn insufficient() -> Reply {
    let text = "Request had insufficient authentication scopes.";
    error(403, "global", "insufficientPermissions", text)
}

fn calendar_list(calendar: &Calendar, zone: &TimeZone) -> Value {
    json!({
        "kind": "calendar#calendarList",
        "etag": "\"1\"",
        "nextSyncToken": "sandbox-calendar-list",
        "items": [{
            "kind": "calendar#calendarListEntry",
            "etag": "\"1\"",
            "id": calendar.email,
            "summary": calendar.email,
            "timeZone": zone.iana_name().unwrap_or("UTC"),
            "colorId": "14",
            "backgroundColor": "#9fe1e7",
            "foregroundColor": "#000000",
            "selected": true,
            "accessRole": "owner",
            "defaultReminders": [],
            "primary": true,
        }],
    })
}

/// `freeBusy`: when, and nothing else.
fn free_busy(calendar: &Calendar, request: &Request, own_zone: &TimeZone) -> Reply {
    let Some(fields) = request.fields() else { return error(400, "global", "parseError", "Parse Error") };
    let bound = |name: &str| fields.text(name).and_then(|text| text.parse::<Timestamp>().ok());
    let (Some(min), Some(max)) = (bound("timeMin"), bound("timeMax")) else {
        return error(400, "global", "badRequest", "Bad Request");
    };
    if min >= max {
        return error(400, "global", "timeRangeEmpty", "The specified time range is empty.");
    }
    let zone = match fields.text("timeZone") {
        Some(name) => match TimeZone::get(&name) {
            Ok(zone) => zone,
            Err(_) => return bad_parameter("timeZone", "Invalid time zone"),
        },
        None => TimeZone::UTC,
    };
    let items = fields.0.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
    if items.len() > MAX_EXPANSION {
        return error(400, "calendar", "tooManyCalendarsRequested", "Too many calendars requested");
    }
    let mut calendars = Map::new();
    for item in items {
        let id = item.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let answer = if calendar.is_called(&id) {
            json!({"busy": busy(calendar, min, max, own_zone, &zone)})
        } else {
            json!({"errors": [{"domain": "global", "reason": "notFound"}], "busy": []})
        };
        calendars.insert(id, answer);
    }
    http::json(
        200,
        &json!({
            "kind": "calendar#freeBusy",
            "timeMin": stamp(min),
            "timeMax": stamp(max),
            "calendars": calendars,
        }),
    )
}

/// The busy spans, those that touch made one, cut to the window.
fn busy(calendar: &Calendar, min: Timestamp, max: Timestamp, own_zone: &TimeZone, zone: &TimeZone) -> Vec<Value> {
    let mut spans: Vec<(Timestamp, Timestamp)> = calendar
        .events
        .iter()
        .filter(|event| event.is_busy())
        .map(|event| event.span(own_zone))
        .filter(|span| span.1 > min && span.0 < max)
        .map(|span| (span.0.max(min), span.1.min(max)))
        .collect();
    spans.sort();
    let mut merged: Vec<(Timestamp, Timestamp)> = Vec::new();
    for (start, end) in spans {
        match merged.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => merged.push((start, end)),
        }
    }
    let text = |at: Timestamp| with_offset(&at.to_zoned(zone.clone()));
    merged.into_iter().map(|(start, end)| json!({"start": text(start), "end": text(end)})).collect()
}

/// A path segment without its percent signs. Calendar ids hold an `@`.
pub(super) fn decoded(segment: &str) -> String {
    let escaped = segment.replace('+', "%2B");
    url::form_urlencoded::parse(format!("v={escaped}").as_bytes())
        .next()
        .map_or_else(|| segment.to_owned(), |pair| pair.1.into_owned())
}
