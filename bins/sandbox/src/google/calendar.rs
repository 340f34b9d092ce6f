//! A person's calendar: its events, how they are written down, and what can happen to them.

use super::NewEvent;
use super::channels::Channel;
use crate::store::{fingerprint, random_hex};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Serialize, Deserialize)]
pub(crate) struct Calendar {
    /// Its id is the person's address, as for every primary calendar.
    pub(super) email: String,
    pub(super) subject: String,
    pub(crate) events: Vec<Event>,
    /// Grows with each change; what sync tokens count.
    pub(super) revision: u64,
    /// Sync tokens of an earlier epoch are gone.
    pub(super) epoch: u64,
    pub(super) updated: Timestamp,
    pub(super) channels: Vec<Channel>,
    /// Until when new things have happened in the sample life.
    pub(crate) lived_until: Timestamp,
    /// The first day that has not been filled yet.
    pub(crate) filled_until: Option<Date>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) summary: String,
    pub(crate) start: When,
    pub(crate) end: When,
    pub(crate) cancelled: bool,
    pub(crate) free: bool,
    pub(crate) declined: bool,
    /// `default`, `focusTime`, …
    pub(crate) kind: String,
    /// The series that it is an instance of.
    pub(crate) series: Option<String>,
    /// Where the series had put it.
    pub(crate) original: Option<When>,
    /// Where it was before its last move: a bounded sync must hear of an event that left its window.
    pub(super) before: Option<(When, When)>,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) sequence: u32,
    pub(super) revision: u64,
}

/// A day, or an instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum When {
    Day(Date),
    At(Timestamp),
}

impl When {
    pub(super) fn instant(self, zone: &TimeZone) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Day(date) => date.to_zoned(zone.clone()).map_or(Timestamp::MIN, |zoned| zoned.timestamp()),
        }
    }

    fn json(self, zone: &TimeZone) -> Value {
        match self {
            Self::Day(date) => json!({"date": date.to_string()}),
            Self::At(at) => json!({
                "dateTime": with_offset(&at.to_zoned(zone.clone())),
                "timeZone": zone.iana_name().unwrap_or("UTC"),
            }),
        }
    }
}

impl Event {
    pub(crate) fn new(summary: &str, start: When, end: When, now: Timestamp) -> Self {
        Self {
            id: random_hex(13),
            summary: summary.to_owned(),
            start,
            end,
            cancelled: false,
            free: false,
            declined: false,
            kind: "default".to_owned(),
            series: None,
            original: None,
            before: None,
            created: now,
            updated: now,
            sequence: 0,
            revision: 0,
        }
    }

    pub(super) fn from_new(new: NewEvent, now: Timestamp) -> Self {
        let mut event = Self::new(&new.title, When::At(new.start), When::At(new.end), now);
        event.free = new.free;
        event.declined = new.declined;
        event.kind = new.kind;
        event
    }

    pub(super) fn span(&self, zone: &TimeZone) -> (Timestamp, Timestamp) {
        (self.start.instant(zone), self.end.instant(zone))
    }

    pub(crate) fn is_busy(&self) -> bool {
        !self.cancelled && !self.free && !self.declined
    }

    /// Whether it lies in the window now, or did before it was moved. Both bounds exclude.
    pub(super) fn touches(&self, min: Option<Timestamp>, max: Option<Timestamp>, zone: &TimeZone) -> bool {
        let within = |(start, end): (When, When)| {
            min.is_none_or(|min| end.instant(zone) > min) && max.is_none_or(|max| start.instant(zone) < max)
        };
        within((self.start, self.end)) || self.before.is_some_and(within)
    }

    pub(super) fn json(&self, email: &str, zone: &TimeZone) -> Value {
        // A cancelled instance holds hardly anything.
        if self.cancelled {
            let mut body = json!({
                "kind": "calendar#event",
                "etag": self.etag(),
                "id": self.id,
                "status": "cancelled",
            });
            if let (Some(series), Some(original)) = (&self.series, self.original) {
                body["recurringEventId"] = series.as_str().into();
                body["originalStartTime"] = original.json(zone);
            }
            return body;
        }
        let response = if self.declined { "declined" } else { "accepted" };
        let uid = self.series.as_deref().unwrap_or(&self.id);
        let mut body = json!({
            "kind": "calendar#event",
            "etag": self.etag(),
            "id": self.id,
            "status": "confirmed",
            "htmlLink": format!("https://www.google.com/calendar/event?eid={}", self.id),
            "created": stamp(self.created),
            "updated": stamp(self.updated),
            "summary": self.summary,
            "creator": {"email": email, "self": true},
            "organizer": {"email": email, "self": true},
            "start": self.start.json(zone),
            "end": self.end.json(zone),
            "iCalUID": format!("{uid}@google.com"),
            "sequence": self.sequence,
            "attendees": [{"email": email, "self": true, "organizer": true, "responseStatus": response}],
            "reminders": {"useDefault": true},
            "eventType": self.kind,
        });
        if self.free {
            body["transparency"] = "transparent".into();
        }
        if let (Some(series), Some(original)) = (&self.series, self.original) {
            body["recurringEventId"] = series.as_str().into();
            body["originalStartTime"] = original.json(zone);
        }
        body
    }

    fn etag(&self) -> String {
        format!("\"{}\"", self.updated.as_microsecond().unsigned_abs() + self.revision)
    }
}

impl Calendar {
    pub(super) fn new(name: &str, now: Timestamp) -> Self {
        Self {
            email: format!("{name}@example.com"),
            subject: format!("1{:020}", fingerprint(name)),
            events: Vec::new(),
            revision: 1,
            epoch: 1,
            updated: now,
            channels: Vec::new(),
            lived_until: now,
            filled_until: None,
        }
    }

    #[cfg(test)]
    pub(crate) fn for_test(name: &str, now: Timestamp) -> Self {
        Self::new(name, now)
    }

    pub(super) fn is_called(&self, id: &str) -> bool {
        id == "primary" || id == self.email
    }

    pub(crate) fn find(&self, id: &str) -> Option<&Event> {
        self.events.iter().find(|event| event.id == id)
    }

    pub(crate) fn add(&mut self, mut event: Event, now: Timestamp) -> String {
        self.revision += 1;
        self.updated = now;
        event.revision = self.revision;
        let id = event.id.clone();
        self.events.push(event);
        id
    }

    pub(crate) fn reschedule(&mut self, id: &str, start: When, end: When, now: Timestamp) -> bool {
        self.touch(id, now, |event| {
            event.before = Some((event.start, event.end));
            (event.start, event.end) = (start, end);
            event.sequence += 1;
        })
    }

    pub(super) fn rename(&mut self, id: &str, title: &str, now: Timestamp) -> bool {
        self.touch(id, now, |event| event.summary = title.to_owned())
    }

    pub(super) fn cancel(&mut self, id: &str, now: Timestamp) -> bool {
        self.touch(id, now, |event| event.cancelled = true)
    }

    pub(super) fn expire_sync_tokens(&mut self) {
        self.epoch += 1;
    }

    pub(super) fn live_channels(&self, now: Timestamp) -> Vec<String> {
        self.channels.iter().filter(|channel| channel.expires > now).map(|channel| channel.id.clone()).collect()
    }

    pub(crate) fn overview(&self, zone: &TimeZone) -> Vec<(String, String, Timestamp, Timestamp)> {
        let mut all: Vec<_> = self
            .events
            .iter()
            .filter(|event| !event.cancelled)
            .map(|event| {
                let (start, end) = event.span(zone);
                (event.id.clone(), event.summary.clone(), start, end)
            })
            .collect();
        all.sort_by_key(|event| event.2);
        all
    }

    fn touch(&mut self, id: &str, now: Timestamp, change: impl FnOnce(&mut Event)) -> bool {
        let Some(event) = self.events.iter_mut().find(|event| event.id == id && !event.cancelled) else {
            return false;
        };
        self.revision += 1;
        self.updated = now;
        event.revision = self.revision;
        event.updated = now;
        change(event);
        true
    }
}

/// Google writes milliseconds.
pub(super) fn stamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// RFC 3339 with the zone's own offset.
pub(super) fn with_offset(at: &Zoned) -> String {
    let offset = at.strftime("%:z").to_string();
    let offset = if offset == "+00:00" { "Z".to_owned() } else { offset };
    format!("{}{offset}", at.strftime("%Y-%m-%dT%H:%M:%S"))
}
