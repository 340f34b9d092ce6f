//! A person's account: their tasks, and what can happen to them.

use super::task::{Edit, Task};
use super::webhooks::Change;
use crate::store::{fingerprint, random_id};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};

/// So many results of commands are remembered, for a second try with the same uuid.
const KEPT_COMMANDS: usize = 1000;

#[derive(Serialize, Deserialize)]
pub(crate) struct Person {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) tasks: Vec<Task>,
    /// Grows with each change; what sync tokens count.
    pub(super) revision: u64,
    /// Sync tokens of an earlier epoch get everything anew.
    pub(super) epoch: u64,
    /// Until when new things have happened in the sample life.
    pub(crate) lived_until: Timestamp,
    pub(super) commands: BTreeMap<String, Value>,
    /// When this person was synced, for the rate limits: (own time in milliseconds, whether a full one).
    #[serde(skip)]
    pub(super) synced: VecDeque<(i64, bool)>,
}

impl Person {
    pub(super) fn new(name: &str, now: Timestamp) -> Self {
        let id = match name {
            crate::consent::DEFAULT_PERSON => "2671355".to_owned(),
            _ => format!("3{:010}", fingerprint(name)),
        };
        Self {
            id,
            name: name.to_owned(),
            tasks: Vec::new(),
            revision: 1,
            epoch: 1,
            lived_until: now,
            commands: BTreeMap::new(),
            synced: VecDeque::new(),
        }
    }

    pub(super) fn inbox(&self) -> String {
        format!("6inbox{:010}", fingerprint(&self.name))
    }

    pub(super) fn full_name(&self) -> String {
        let mut letters = self.name.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase()).into_iter();
        format!("{} Sample", first.chain(letters).collect::<String>())
    }

    pub(super) fn email(&self) -> String {
        format!("{}@example.com", self.name)
    }

    /// A task as the API shows it.
    pub(super) fn json(&self, task: &Task) -> Value {
        task.json(&self.id, &self.inbox())
    }

    pub(super) fn find(&self, id: &str) -> Option<&Task> {
        self.tasks.iter().find(|task| task.id == id && !task.is_deleted)
    }

    pub(crate) fn add(&mut self, edit: Edit, now: Timestamp) -> (String, Change) {
        let id = random_id(16);
        let mut task = Task::new(id.clone(), now);
        edit.apply(&mut task);
        task.child_order = u32::try_from(self.tasks.len()).unwrap_or(u32::MAX).saturating_add(1);
        self.revision += 1;
        task.revision = self.revision;
        let change = Change::new("item:added", self.json(&task));
        self.tasks.push(task);
        (id, change)
    }

    /// Whether a task with this title is still to be done.
    pub(crate) fn has_open(&self, title: &str) -> bool {
        self.tasks.iter().any(|task| task.is_active() && task.content == title)
    }

    /// Puts a task's beginning into the past, for the sample.
    pub(crate) fn backdate(&mut self, id: &str, added: Timestamp) {
        if let Some(task) = self.tasks.iter_mut().find(|task| task.id == id) {
            task.added_at = added;
            task.updated_at = added;
        }
    }

    pub(super) fn update(&mut self, id: &str, edit: Edit, now: Timestamp) -> Option<Vec<Change>> {
        let before = self.json(self.find(id)?);
        let after = self.touch(id, now, |task| edit.apply(task))?;
        Some(vec![Change::new("item:updated", after).updating(before, "item_updated")])
    }

    /// Completes a task; a recurring one moves on to its next day instead, which is an update.
    pub(super) fn close(&mut self, id: &str, now: Timestamp, zone: &TimeZone) -> Option<Vec<Change>> {
        let task = self.find(id)?;
        if task.checked {
            return Some(Vec::new());
        }
        let before = self.json(task);
        let today = now.to_zoned(zone.clone()).date();
        if let Some(next) = task.due.as_ref().and_then(|due| due.next(today)) {
            let after = self.touch(id, now, |task| task.due = Some(next))?;
            return Some(vec![Change::new("item:updated", after).updating(before, "item_completed")]);
        }
        let after = self.touch(id, now, |task| {
            task.checked = true;
            task.completed_at = Some(now);
        })?;
        Some(vec![Change::new("item:completed", after)])
    }

    pub(super) fn reopen(&mut self, id: &str, now: Timestamp) -> Option<Vec<Change>> {
        if !self.find(id)?.checked {
            return Some(Vec::new());
        }
        let after = self.touch(id, now, |task| {
            task.checked = false;
            task.completed_at = None;
        })?;
        Some(vec![Change::new("item:uncompleted", after)])
    }

    pub(super) fn delete(&mut self, id: &str, now: Timestamp) -> Option<Vec<Change>> {
        self.find(id)?;
        let after = self.touch(id, now, |task| task.is_deleted = true)?;
        Some(vec![Change::new("item:deleted", after)])
    }

    /// Remembers what a command came to.
    pub(super) fn remember(&mut self, uuid: String, result: Value) {
        if self.commands.len() >= KEPT_COMMANDS {
            self.commands.pop_first();
        }
        self.commands.insert(uuid, result);
    }

    /// The user as the sync API gives it: what `GET /user` says and a good deal more.
    pub(super) fn sync_user_json(&self, zone: &TimeZone, now: Timestamp) -> Value {
        let mut body = self.user_json(zone, now);
        let more = json!({
            "activated_user": true,
            "auto_reminder": 0,
            "feature_identifier": format!("{}_sandbox", self.id),
            "features": {
                "karma_disabled": false,
                "restriction": 3,
                "karma_vacation": false,
                "dateist_lang": null,
                "beta": 0,
                "has_push_reminders": false,
                "dateist_inline_disabled": false,
            },
            "getting_started_guide_projects": null,
            "has_magic_number": false,
            "has_password": true,
            "image_id": null,
            "is_celebrations_enabled": true,
            "joinable_workspace": null,
            "joined_at": "2026-01-05T09:00:00.000000Z",
            "premium_until": null,
            "share_limit": 5,
            "sort_order": 0,
            "theme_id": "11",
            "unique_prefix": 1,
            "verification_status": "verified_by_third_party",
            "websocket_url": "",
        });
        if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
            // Here a missing picture is a missing field.
            body.retain(|name, _| !name.starts_with("avatar_"));
            body.extend(more);
        }
        body
    }

    /// The user object of `GET /user`.
    pub(super) fn user_json(&self, zone: &TimeZone, now: Timestamp) -> Value {
        let zoned = now.to_zoned(zone.clone());
        let offset = zoned.offset();
        let seconds = offset.seconds();
        json!({
            "id": self.id,
            "email": self.email(),
            "full_name": self.full_name(),
            "avatar_big": null,
            "avatar_medium": null,
            "avatar_s640": null,
            "avatar_small": null,
            "business_account_id": null,
            "is_premium": false,
            "premium_status": "not_premium",
            "date_format": 0,
            "time_format": 0,
            "weekly_goal": 25,
            "daily_goal": 5,
            "completed_count": self.tasks.iter().filter(|task| task.checked).count(),
            "completed_today": 0,
            "karma": 1234.0,
            "karma_trend": "up",
            "lang": "en",
            "next_week": 1,
            "start_day": 1,
            "start_page": "today",
            "inbox_project_id": self.inbox(),
            "days_off": [6, 7],
            "weekend_start_day": 6,
            "tz_info": {
                "gmt_string": zoned.strftime("%:z").to_string(),
                "hours": seconds / 3600,
                "is_dst": i32::from(zone.to_offset_info(now).dst().is_dst()),
                "minutes": (seconds % 3600) / 60,
                "timezone": zone.iana_name().unwrap_or("UTC"),
            },
        })
    }

    /// The one project there is.
    pub(super) fn project_json(&self) -> Value {
        json!({
            "id": self.inbox(),
            "can_assign_tasks": false,
            "child_order": 0,
            "color": "grey",
            "creator_uid": self.id,
            "created_at": "2026-01-05T09:00:00.000000Z",
            "is_archived": false,
            "is_deleted": false,
            "is_favorite": false,
            "is_frozen": false,
            "name": "Inbox",
            "updated_at": "2026-01-05T09:00:00.000000Z",
            "view_style": "list",
            "default_order": 0,
            "description": "",
            "public_key": "",
            "access": null,
            "role": "CREATOR",
            "parent_id": null,
            "inbox_project": true,
            "is_collapsed": false,
            "is_shared": false,
        })
    }

    fn touch(&mut self, id: &str, now: Timestamp, change: impl FnOnce(&mut Task)) -> Option<Value> {
        self.revision += 1;
        let revision = self.revision;
        let task = self.tasks.iter_mut().find(|task| task.id == id)?;
        change(task);
        task.updated_at = now;
        task.revision = revision;
        let task = &*task;
        Some(task.json(&self.id, &format!("6inbox{:010}", fingerprint(&self.name))))
    }
}
