//! A person's mailbox: lists with tasks, a calendar, subscriptions; how they are written down and what can happen to them.

use super::NewAppointment;
use super::subscriptions::Subscription;
use crate::store::{fingerprint, random};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Serialize, Deserialize)]
pub(super) struct Mailbox {
    pub(super) id: String,
    pub(super) lists: Vec<List>,
    pub(super) tasks: Vec<Task>,
    pub(super) events: Vec<Event>,
    pub(super) subscriptions: Vec<Subscription>,
    /// Grows with each change; what delta links count.
    pub(super) revision: u64,
    /// Delta links of an earlier epoch are gone.
    pub(super) epoch: u64,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct List {
    pub(super) id: String,
    name: String,
    well_known: String,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Task {
    pub(super) id: String,
    pub(super) list: String,
    title: String,
    status: String,
    importance: String,
    due: Option<Date>,
    recurrence: Option<Value>,
    created: Timestamp,
    modified: Timestamp,
    pub(super) deleted: bool,
    pub(super) revision: u64,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) subject: String,
    pub(super) start: When,
    pub(super) end: When,
    pub(super) show_as: String,
    response: String,
    pub(super) cancelled: bool,
    pub(super) deleted: bool,
    /// The series that it is an occurrence of.
    pub(super) series: Option<String>,
    pub(super) is_series: bool,
    modified: Timestamp,
    pub(super) revision: u64,
}

/// A day, or an instant.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum When {
    Day(Date),
    At(Timestamp),
}

/// What happened to one object, as notifications tell it.
pub(super) struct Change {
    /// `None` for an event.
    pub(super) list: Option<String>,
    pub(super) id: String,
    pub(super) kind: &'static str,
    pub(super) etag: String,
}

impl When {
    fn instant(self, zone: &TimeZone) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Day(date) => date.to_zoned(zone.clone()).map_or(Timestamp::MIN, |zoned| zoned.timestamp()),
        }
    }

    /// On the wall clock of the zone that was asked for; a whole day is midnight in any.
    fn json(self, zone: &TimeZone, name: &str) -> Value {
        let clock = match self {
            Self::Day(date) => date.at(0, 0, 0, 0),
            Self::At(at) => at.to_zoned(zone.clone()).datetime(),
        };
        json!({"dateTime": clock.strftime("%Y-%m-%dT%H:%M:%S.0000000").to_string(), "timeZone": name})
    }
}

impl Task {
    fn etag(&self) -> String {
        format!("W/\"task-{}\"", self.revision)
    }

    fn change(&self, kind: &'static str) -> Change {
        Change { list: Some(self.list.clone()), id: self.id.clone(), kind, etag: self.etag() }
    }

    /// A due day is the person's midnight, told in UTC.
    pub(super) fn json(&self, zone: &TimeZone) -> Value {
        if self.deleted {
            return json!({"id": self.id, "@removed": {"reason": "deleted"}});
        }
        let mut body = json!({
            "@odata.etag": self.etag(),
            "importance": self.importance,
            "isReminderOn": false,
            "status": self.status,
            "title": self.title,
            "createdDateTime": stamp(self.created),
            "lastModifiedDateTime": stamp(self.modified),
            "hasAttachments": false,
            "categories": [],
            "id": self.id,
            "body": {"content": "", "contentType": "text"},
        });
        if let Some(due) = self.due {
            body["dueDateTime"] = When::At(When::Day(due).instant(zone)).json(&TimeZone::UTC, "UTC");
        }
        if let Some(recurrence) = &self.recurrence {
            body["recurrence"] = recurrence.clone();
        }
        if self.status == "completed" {
            body["completedDateTime"] = When::At(self.modified).json(&TimeZone::UTC, "UTC");
        }
        body
    }

    fn set(&mut self, fields: &Value, zone: &TimeZone) {
        let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
        for (name, own) in
            [("title", &mut self.title), ("status", &mut self.status), ("importance", &mut self.importance)]
        {
            if let Some(text) = text(name) {
                *own = text;
            }
        }
        if let Some(due) = fields.get("dueDateTime") {
            self.due = due["dateTime"].as_str().and_then(|text| text.get(..10)?.parse().ok());
        }
        if let Some(recurrence) = fields.get("recurrence") {
            // A series has a first day.
            let today = self.modified.to_zoned(zone.clone()).date();
            self.recurrence = Some(recurrence.clone()).filter(|value| !value.is_null());
            self.due = self.due.or(self.recurrence.as_ref().map(|_| today));
        }
    }
}

impl Event {
    pub(super) fn new(subject: &str, start: When, end: When, now: Timestamp) -> Self {
        Self {
            id: name(108),
            subject: subject.to_owned(),
            start,
            end,
            show_as: if matches!(start, When::Day(_)) { "free" } else { "busy" }.to_owned(),
            response: "organizer".to_owned(),
            cancelled: false,
            deleted: false,
            series: None,
            is_series: false,
            modified: now,
            revision: 0,
        }
    }

    pub(super) fn from_new(new: NewAppointment, now: Timestamp) -> Self {
        let mut event = Self::new(&new.title, When::At(new.start), When::At(new.end), now);
        (event.show_as, event.response) = (new.show_as, new.response);
        event
    }

    pub(super) fn touches(&self, from: Timestamp, to: Timestamp, zone: &TimeZone) -> bool {
        self.end.instant(zone) > from && self.start.instant(zone) < to
    }

    fn etag(&self) -> String {
        format!("W/\"event-{}\"", self.revision)
    }

    fn change(&self, kind: &'static str) -> Change {
        Change { list: None, id: self.id.clone(), kind, etag: self.etag() }
    }

    pub(super) fn gone(&self) -> Value {
        json!({"id": self.id, "@removed": {"reason": "deleted"}})
    }

    /// As a delta tells it: an occurrence says little of itself, the rest is its series'.
    pub(super) fn sparse(&self, own: &TimeZone, zone: &TimeZone, name: &str) -> Value {
        if self.series.is_none() {
            return self.json(own, zone, name);
        }
        json!({
            "@odata.type": "#microsoft.graph.event",
            "@odata.etag": self.etag(),
            "id": self.id,
            "type": "occurrence",
            "seriesMasterId": self.series,
            "start": self.start.json(zone, name),
            "end": self.end.json(zone, name),
        })
    }

    pub(super) fn json(&self, own: &TimeZone, zone: &TimeZone, name: &str) -> Value {
        let kind = match (self.is_series, &self.series) {
            (true, _) => "seriesMaster",
            (false, Some(_)) => "occurrence",
            (false, None) => "singleInstance",
        };
        json!({
            "@odata.etag": self.etag(),
            "id": self.id,
            "createdDateTime": stamp(self.modified),
            "lastModifiedDateTime": stamp(self.modified),
            "changeKey": self.etag(),
            "originalStartTimeZone": own.iana_name().unwrap_or("UTC"),
            "originalEndTimeZone": own.iana_name().unwrap_or("UTC"),
            "subject": self.subject,
            "bodyPreview": "",
            "importance": "normal",
            "sensitivity": "normal",
            "isAllDay": matches!(self.start, When::Day(_)),
            "isCancelled": self.cancelled,
            "isOrganizer": self.response == "organizer",
            "seriesMasterId": self.series,
            "showAs": self.show_as,
            "type": kind,
            "responseStatus": {"response": self.response, "time": "0001-01-01T00:00:00Z"},
            "start": self.start.json(zone, name),
            "end": self.end.json(zone, name),
        })
    }
}

impl Mailbox {
    pub(super) fn new(name: &str) -> Self {
        let number = fingerprint(name);
        let mut mailbox = Self {
            id: format!("{number:08x}-1887-4d3e-8a01-{number:012x}"),
            lists: Vec::new(),
            tasks: Vec::new(),
            events: Vec::new(),
            subscriptions: Vec::new(),
            revision: 1,
            epoch: 1,
        };
        mailbox.add_list("Tasks", "defaultList");
        mailbox.add_list("Flagged Emails", "flaggedEmails");
        mailbox
    }

    pub(super) fn add_list(&mut self, called: &str, well_known: &str) -> String {
        let id = name(84);
        self.lists.push(List { id: id.clone(), name: called.to_owned(), well_known: well_known.to_owned() });
        id
    }

    pub(super) fn remove_list(&mut self, id: &str) {
        self.lists.retain(|list| list.id != id);
        self.tasks.retain(|task| task.list != id);
    }

    pub(super) fn lists_json(&self) -> Vec<Value> {
        let list = |list: &List| {
            json!({
                "@odata.etag": "W/\"1\"",
                "displayName": list.name,
                "isOwner": true,
                "isShared": false,
                "wellknownListName": list.well_known,
                "id": list.id,
            })
        };
        self.lists.iter().map(list).collect()
    }

    pub(super) fn add_task(&mut self, list: &str, title: &str, fields: &Value, now: Timestamp) -> (String, Change) {
        let mut task = Task {
            id: name(108),
            list: list.to_owned(),
            title: title.to_owned(),
            status: "notStarted".to_owned(),
            importance: "normal".to_owned(),
            due: None,
            recurrence: None,
            created: now,
            modified: now,
            deleted: false,
            revision: self.next(),
        };
        task.set(fields, &TimeZone::UTC);
        let (id, change) = (task.id.clone(), task.change("created"));
        self.tasks.push(task);
        (id, change)
    }

    pub(super) fn find_task(&self, id: &str) -> Option<&Task> {
        self.tasks.iter().find(|task| task.id == id && !task.deleted)
    }

    /// A recurring task that is completed keeps its id and goes on to its next day; a copy of it stays completed.
    pub(super) fn update_task(
        &mut self,
        id: &str,
        fields: &Value,
        now: Timestamp,
        zone: &TimeZone,
    ) -> Option<Vec<Change>> {
        let (revision, another) = (self.next(), self.next());
        let task = self.tasks.iter_mut().find(|task| task.id == id && !task.deleted)?;
        (task.revision, task.modified) = (revision, now);
        let was_open = task.status != "completed";
        task.set(fields, zone);
        let mut changes = vec![task.change("updated")];
        if was_open && task.status == "completed" && task.recurrence.is_some() {
            let mut copy = Task { id: name(108), recurrence: None, revision: another, ..task.clone() };
            task.status = "notStarted".to_owned();
            task.due = task.due.and_then(|due| due.checked_add(1.day()).ok());
            copy.modified = now;
            changes.push(copy.change("created"));
            self.tasks.push(copy);
        }
        Some(changes)
    }

    pub(super) fn delete_task(&mut self, id: &str, now: Timestamp) -> Option<Vec<Change>> {
        let revision = self.next();
        let task = self.tasks.iter_mut().find(|task| task.id == id && !task.deleted)?;
        (task.deleted, task.revision, task.modified) = (true, revision, now);
        Some(vec![task.change("deleted")])
    }

    pub(super) fn move_task(&mut self, id: &str, list: &str, now: Timestamp) -> Option<(String, Vec<Change>)> {
        let mut moved = self.find_task(id)?.clone();
        let mut changes = self.delete_task(id, now)?;
        (moved.id, moved.list, moved.modified, moved.revision) = (name(108), list.to_owned(), now, self.next());
        changes.push(moved.change("created"));
        let new = moved.id.clone();
        self.tasks.push(moved);
        Some((new, changes))
    }

    pub(super) fn overview(&self) -> Vec<(String, String, String, Option<Date>)> {
        let left = self.tasks.iter().filter(|task| !task.deleted);
        left.map(|task| (task.id.clone(), task.title.clone(), task.status.clone(), task.due)).collect()
    }

    pub(super) fn add_event(&mut self, mut event: Event) -> (String, Change) {
        event.revision = self.next();
        let (id, change) = (event.id.clone(), event.change("created"));
        self.events.push(event);
        (id, change)
    }

    pub(super) fn add_series(
        &mut self,
        new: NewAppointment,
        at: &[(Timestamp, Timestamp)],
        now: Timestamp,
    ) -> (String, Vec<String>, Vec<Change>) {
        let mut master = Event::from_new(new, now);
        master.is_series = true;
        let template = master.clone();
        let (series, change) = self.add_event(master);
        let mut ids = Vec::new();
        for (start, end) in at {
            let (start, end) = (When::At(*start), When::At(*end));
            let one =
                Event { id: name(120), series: Some(series.clone()), is_series: false, start, end, ..template.clone() };
            ids.push(self.add_event(one).0);
        }
        (series, ids, vec![change])
    }

    pub(super) fn find_event(&self, id: &str) -> Option<&Event> {
        self.events.iter().find(|event| event.id == id && !event.deleted)
    }

    /// What is changed about a series is changed about its occurrences.
    pub(super) fn change_event(
        &mut self,
        id: &str,
        now: Timestamp,
        change: impl Fn(&mut Event),
    ) -> Option<Vec<Change>> {
        self.find_event(id)?;
        let mut changes = Vec::new();
        let mut revision = self.revision;
        for event in self.events.iter_mut().filter(|event| !event.deleted) {
            if event.id != id && event.series.as_deref() != Some(id) {
                continue;
            }
            revision += 1;
            (event.revision, event.modified) = (revision, now);
            change(event);
            if event.id == id {
                changes.push(event.change("updated"));
            }
        }
        self.revision = revision;
        Some(changes)
    }

    pub(super) fn delete_event(&mut self, id: &str, now: Timestamp) -> Option<Vec<Change>> {
        let event = self.find_event(id)?;
        if let Some(series) = event.series.clone() {
            self.events.retain(|event| event.id != id);
            return self.change_event(&series, now, |_| ());
        }
        let mut changes = self.change_event(id, now, |event| event.deleted = true)?;
        changes[0].kind = "deleted";
        Some(changes)
    }

    pub(super) fn live_subscriptions(&self, now: Timestamp) -> Vec<(String, String, Timestamp)> {
        let live = self.subscriptions.iter().filter(|one| one.expires > now);
        live.map(|one| (one.id.clone(), one.resource.clone(), one.expires)).collect()
    }

    fn next(&mut self) -> u64 {
        self.revision += 1;
        self.revision
    }
}

/// An id as long as Graph's are.
fn name(bytes: usize) -> String {
    format!("AAMkAG{}=", random(bytes))
}

/// Seven digits after the second, as .NET writes it.
fn stamp(at: Timestamp) -> String {
    format!("{}0Z", at.strftime("%Y-%m-%dT%H:%M:%S.%6f"))
}
