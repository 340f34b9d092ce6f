//! A task: how it is written down and changed.

use super::TaskView;
use super::due::{self, Due};
use crate::http::Fields;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) id: String,
    pub(crate) content: String,
    description: String,
    project_id: Option<String>,
    labels: Vec<String>,
    pub(crate) priority: u8,
    pub(super) due: Option<Due>,
    deadline: Option<String>,
    duration: Option<Duration>,
    pub(crate) checked: bool,
    pub(crate) is_deleted: bool,
    pub(crate) added_at: Timestamp,
    pub(crate) completed_at: Option<Timestamp>,
    pub(crate) updated_at: Timestamp,
    pub(crate) child_order: u32,
    /// The person's revision at the last change.
    pub(crate) revision: u64,
}

#[derive(Clone, Serialize, Deserialize)]
struct Duration {
    amount: u32,
    unit: String,
}

/// The fields of a write, `None` where it leaves them alone.
#[derive(Clone, Default)]
pub(crate) struct Edit {
    content: Option<String>,
    description: Option<String>,
    project_id: Option<String>,
    labels: Option<Vec<String>>,
    priority: Option<u8>,
    due: Option<Option<Due>>,
    deadline: Option<Option<String>>,
    duration: Option<Option<Duration>>,
}

impl Edit {
    /// Reads the fields of `POST /tasks`, `POST /tasks/{id}` and the sync commands; the error is the wrong argument's name.
    pub(crate) fn parse(fields: &Fields, today: Date, zone: &TimeZone) -> Result<Self, &'static str> {
        let mut edit = Self {
            content: fields.text("content"),
            description: fields.text("description"),
            project_id: fields.text("project_id"),
            ..Self::default()
        };
        if fields.0.contains_key("content") && edit.content.is_none() {
            return Err("content");
        }
        if let Some(priority) = fields.text("priority") {
            let number = priority.parse().ok().filter(|number| (1..=4).contains(number));
            edit.priority = Some(number.ok_or("priority")?);
        }
        if let Some(labels) = fields.json("labels") {
            edit.labels = Some(serde_json::from_value(labels).map_err(|_| "labels")?);
        }
        edit.due = due::from_fields(fields, today, zone)?;
        if fields.0.contains_key("deadline_date") {
            let date = fields.text("deadline_date").map(|text| text.parse::<Date>().map_err(|_| "deadline_date"));
            edit.deadline = Some(date.transpose()?.map(|date| date.to_string()));
        }
        if let Some(amount) = fields.text("duration") {
            let amount = amount.parse().ok().filter(|amount| *amount > 0).ok_or("duration")?;
            let unit = fields.text("duration_unit").filter(|unit| unit == "minute" || unit == "day");
            edit.duration = Some(Some(Duration { amount, unit: unit.ok_or("duration_unit")? }));
        } else if let Some(Value::Object(both)) = fields.0.get("duration") {
            edit.duration = Some(Some(serde_json::from_value(both.clone().into()).map_err(|_| "duration")?));
        } else if fields.0.get("duration") == Some(&Value::Null) {
            edit.duration = Some(None);
        }
        Ok(edit)
    }

    /// A task with only a title.
    pub(crate) fn titled(content: &str) -> Self {
        Self { content: Some(content.to_owned()), ..Self::default() }
    }

    pub(crate) fn has_content(&self) -> bool {
        self.content.is_some()
    }

    pub(crate) fn priority(mut self, priority: u8) -> Self {
        self.priority = Some(priority);
        self
    }

    pub(crate) fn minutes(mut self, amount: u32) -> Self {
        self.duration = Some(Some(Duration { amount, unit: "minute".to_owned() }));
        self
    }

    pub(crate) fn label(mut self, label: &str) -> Self {
        self.labels = Some(vec![label.to_owned()]);
        self
    }

    pub(crate) fn on(mut self, date: Date) -> Self {
        self.due = Some(Some(Due::new(date.to_string(), None, &date.to_string())));
        self
    }

    pub(crate) fn at(mut self, at: DateTime) -> Self {
        let date = at.strftime("%Y-%m-%dT%H:%M:%S").to_string();
        let said = at.strftime("%Y-%m-%d %H:%M").to_string();
        self.due = Some(Some(Due::new(date, None, &said)));
        self
    }

    pub(crate) fn every(mut self, rule: &str, first: Date) -> Self {
        let mut due = Due::new(first.to_string(), None, rule);
        due.is_recurring = true;
        self.due = Some(Some(due));
        self
    }

    pub(crate) fn before(mut self, deadline: Date) -> Self {
        self.deadline = Some(Some(deadline.to_string()));
        self
    }

    pub(super) fn apply(self, task: &mut Task) {
        let Self { content, description, project_id, labels, priority, due, deadline, duration } = self;
        if let Some(content) = content {
            task.content = content;
        }
        if let Some(description) = description {
            task.description = description;
        }
        if project_id.is_some() {
            task.project_id = project_id;
        }
        if let Some(labels) = labels {
            task.labels = labels;
        }
        if let Some(priority) = priority {
            task.priority = priority;
        }
        if let Some(due) = due {
            task.due = due;
        }
        if let Some(deadline) = deadline {
            task.deadline = deadline;
        }
        if let Some(duration) = duration {
            task.duration = duration;
        }
    }
}

impl Task {
    pub(super) fn new(id: String, now: Timestamp) -> Self {
        Self {
            id,
            content: String::new(),
            description: String::new(),
            project_id: None,
            labels: Vec::new(),
            priority: 1,
            due: None,
            deadline: None,
            duration: None,
            checked: false,
            is_deleted: false,
            added_at: now,
            completed_at: None,
            updated_at: now,
            child_order: 0,
            revision: 0,
        }
    }

    /// The task object of the v1 API, as the official SDK's schema wants it.
    pub(super) fn json(&self, user: &str, inbox: &str) -> Value {
        json!({
            "id": self.id,
            "user_id": user,
            "project_id": self.project_id.as_deref().unwrap_or(inbox),
            "section_id": null,
            "parent_id": null,
            "added_by_uid": user,
            "assigned_by_uid": null,
            "responsible_uid": null,
            "labels": self.labels,
            "deadline": self.deadline.as_ref().map(|date| json!({"date": date, "lang": "en"})),
            "duration": self.duration.as_ref().map(|both| json!({"amount": both.amount, "unit": both.unit})),
            "is_collapsed": false,
            "checked": self.checked,
            "is_deleted": self.is_deleted,
            "added_at": stamp(self.added_at),
            "completed_at": self.completed_at.map(stamp),
            "completed_by_uid": self.completed_at.map(|_| user),
            "updated_at": stamp(self.updated_at),
            "due": self.due.as_ref().map(Due::json),
            "priority": self.priority,
            "child_order": self.child_order,
            "content": self.content,
            "description": self.description,
            "note_count": 0,
            "day_order": -1,
        })
    }

    pub(super) fn is_active(&self) -> bool {
        !self.checked && !self.is_deleted
    }

    pub(super) fn has_label(&self, label: &str) -> bool {
        self.labels.iter().any(|one| one == label)
    }

    pub(super) fn is_in(&self, project: &str, inbox: &str) -> bool {
        self.project_id.as_deref().unwrap_or(inbox) == project
    }

    pub(super) fn view(&self) -> TaskView {
        TaskView {
            id: self.id.clone(),
            content: self.content.clone(),
            checked: self.checked,
            deleted: self.is_deleted,
            due: self.due.as_ref().map(|due| due.date.clone()),
            recurring: self.due.as_ref().is_some_and(|due| due.is_recurring),
            priority: self.priority,
        }
    }
}

/// Todoist writes microseconds.
pub(super) fn stamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}
