//! What of a Todoist task a decision needs: when, how urgent, how long. Its words are not even read here.

use crate::connector::{Access, Change, News};
use jiff::civil;
use oo_contracts::Timestamp;
use oo_contracts::signal::{Due, Minutes, Priority, Task};
use serde::Deserialize;

/// Minutes of Todoist's other unit.
const DAY: i64 = 1440;

/// An item of the sync API, without what oO has no use for.
#[derive(Debug, Deserialize)]
pub(super) struct Item {
    id: String,
    #[serde(default)]
    checked: bool,
    #[serde(default)]
    is_deleted: bool,
    /// A heading that looks like a task.
    #[serde(default)]
    is_uncompletable: bool,
    #[serde(default)]
    responsible_uid: Option<String>,
    #[serde(default)]
    due: Option<DueDate>,
    #[serde(default)]
    deadline: Option<Deadline>,
    #[serde(default)]
    duration: Option<Duration>,
    #[serde(default)]
    priority: Option<i64>,
    #[serde(default)]
    added_at: Option<Timestamp>,
    #[serde(default)]
    updated_at: Option<String>,
}

#[derive(Debug, Deserialize)]
struct DueDate {
    date: String,
    #[serde(default)]
    is_recurring: bool,
}

#[derive(Debug, Deserialize)]
struct Deadline {
    date: String,
}

#[derive(Debug, Deserialize)]
struct Duration {
    amount: i64,
    unit: String,
}

impl Item {
    /// What became of it; `None` only for a name that no task of Todoist has.
    pub(super) fn change(&self, access: &Access) -> Option<Change> {
        let reference = access.reference(&self.id)?;
        let others = self.responsible_uid.as_ref().is_some_and(|uid| *uid != access.owner);
        let news = if self.is_deleted || self.is_uncompletable || others {
            News::Gone
        } else if self.checked {
            News::Done
        } else {
            News::Task(Task {
                reference: reference.clone(),
                due: self.due(),
                priority: Priority::saturating(self.priority.unwrap_or(1)),
                minutes: self.duration.as_ref().and_then(Duration::minutes),
                recurring: self.due.as_ref().is_some_and(|due| due.is_recurring),
                added_at: self.added_at,
            })
        };
        Some(Change { reference, version: self.updated_at.clone().unwrap_or_default(), news })
    }

    /// When the person wants to do it, else when it must be done.
    fn due(&self) -> Option<Due> {
        let planned = self.due.as_ref().and_then(|due| read(&due.date));
        planned.or_else(|| self.deadline.as_ref().and_then(|deadline| read(&deadline.date)))
    }
}

impl Duration {
    fn minutes(&self) -> Option<Minutes> {
        let minutes = match self.unit.as_str() {
            "minute" => self.amount,
            "day" => self.amount.saturating_mul(DAY),
            _ => return None,
        };
        (minutes > 0).then(|| Minutes::saturating(minutes))
    }
}

/// A date, a floating time, or an instant: by how it is written.
fn read(text: &str) -> Option<Due> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(Due::At { at });
    }
    if text.contains('T') {
        return text.parse::<civil::DateTime>().ok().map(|at| Due::Floating { at });
    }
    text.parse::<civil::Date>().ok().map(|date| Due::Day { date })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use serde_json::{Value, json};

    fn change(more: Value) -> Change {
        let mut item = json!({"id": "6XR4GqQQCW6Gv9h4", "content": "File taxes", "description": "secret", "priority": 4,
            "checked": false, "is_deleted": false, "responsible_uid": null, "due": null, "deadline": null,
            "duration": null, "added_at": "2026-11-20T10:33:38.000000Z", "updated_at": "2026-11-21T10:33:38.000000Z"});
        item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let access = Access { account: "a1".parse().unwrap(), owner: "2671355".into(), token: "t".into() };
        serde_json::from_value::<Item>(item).unwrap().change(&access).unwrap()
    }

    fn task(more: Value) -> Task {
        match change(more).news {
            News::Task(task) => task,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_due_date_is_a_day_a_wall_clock_time_or_an_instant() {
        let due = |date: &str| task(json!({"due": {"date": date, "timezone": null, "is_recurring": false}})).due;
        assert_eq!(due("2026-11-24"), Some(Due::Day { date: date(2026, 11, 24) }));
        assert_eq!(due("2026-11-24T12:00:00"), Some(Due::Floating { at: date(2026, 11, 24).at(12, 0, 0, 0) }));
        assert_eq!(due("2026-11-24T11:00:00Z"), Some(Due::At { at: "2026-11-24T11:00:00Z".parse().unwrap() }));
        assert_eq!(due("someday"), None);
    }

    #[test]
    fn a_deadline_stands_in_for_a_missing_date() {
        let deadline = json!({"deadline": {"date": "2026-11-30", "lang": "en"}});
        assert_eq!(task(deadline).due, Some(Due::Day { date: date(2026, 11, 30) }));
    }

    #[test]
    fn priority_and_duration_are_kept_as_they_are() {
        let task = task(json!({"duration": {"amount": 30, "unit": "minute"}}));
        assert_eq!((task.priority.get(), task.minutes.map(Minutes::get)), (4, Some(30)));
        assert_eq!(Duration { amount: 2, unit: "day".into() }.minutes().map(Minutes::get), Some(1440));
        assert_eq!(Duration { amount: 0, unit: "minute".into() }.minutes(), None);
    }

    #[test]
    fn what_is_checked_deleted_or_somebody_elses_is_no_task() {
        assert_eq!(change(json!({"checked": true})).news, News::Done);
        assert_eq!(change(json!({"is_deleted": true})).news, News::Gone);
        assert_eq!(change(json!({"responsible_uid": "1"})).news, News::Gone);
        assert_eq!(change(json!({"is_uncompletable": true})).news, News::Gone);
        assert!(matches!(change(json!({"responsible_uid": "2671355"})).news, News::Task(_)));
    }

    #[test]
    fn no_word_of_a_task_is_in_its_facts() {
        let facts = format!("{:?}", change(json!({})));
        assert!(!facts.contains("taxes") && !facts.contains("secret"), "{facts}");
    }
}
