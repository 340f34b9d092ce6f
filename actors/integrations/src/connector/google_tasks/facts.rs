//! What of a Google task a decision needs: the day that it is planned for. Its words are not even read here.

use crate::connector::{Access, Change, News};
use jiff::civil;
use oo_contracts::Timestamp;
use oo_contracts::signal::{Due, Priority, Task};
use serde::Deserialize;

/// A task of `tasks.list`, without what oO has no use for.
#[derive(Debug, Deserialize)]
pub(super) struct Item {
    id: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    deleted: bool,
    #[serde(default)]
    due: Option<String>,
    #[serde(default)]
    pub(super) updated: Option<Timestamp>,
}

impl Item {
    /// What became of it; `None` only for names that no task and no list of Google has.
    pub(super) fn change(&self, access: &Access, list: &str) -> Option<Change> {
        let reference = access.reference(&format!("{list}/{}", self.id))?;
        let news = if self.deleted {
            News::Gone
        } else if self.status == "completed" {
            News::Done
        } else {
            News::Task(Task {
                reference: reference.clone(),
                due: self.due(),
                // Google knows no priority and no duration, and does not say when a task was made.
                priority: Priority::saturating(1),
                minutes: None,
                recurring: false,
                added_at: None,
            })
        };
        let version = self.updated.map(|at| at.to_string()).unwrap_or_default();
        Some(Change { reference, version, news })
    }

    /// A day and never a time: what stands after the date means nothing, says Google.
    fn due(&self) -> Option<Due> {
        let date: civil::Date = self.due.as_ref()?.get(..10)?.parse().ok()?;
        Some(Due::Day { date })
    }
}

/// The list and the task that a reference's item names.
pub(super) fn split(item: &str) -> Option<(&str, &str)> {
    item.rsplit_once('/').filter(|(list, task)| !list.is_empty() && !task.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn change(more: Value) -> Change {
        let mut item = json!({"kind": "tasks#task", "id": "c3F", "title": "File taxes", "notes": "secret",
            "updated": "2026-11-21T10:33:38.000Z", "status": "needsAction", "due": "2026-11-24T00:00:00.000Z"});
        item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let access = Access { account: "a1".parse().unwrap(), owner: "1".into(), token: "t".into() };
        serde_json::from_value::<Item>(item).unwrap().change(&access, "MTA").unwrap()
    }

    #[test]
    fn a_due_date_is_a_day_whatever_time_stands_behind_it() {
        let due = |due: Value| match change(json!({ "due": due })).news {
            News::Task(task) => task.due,
            other => panic!("{other:?}"),
        };
        let day = Some(Due::Day { date: civil::date(2026, 11, 24) });
        assert_eq!(due(json!("2026-11-24T00:00:00.000Z")), day);
        assert_eq!(due(json!("2026-11-24T23:30:00.000Z")), day);
        assert_eq!(due(json!("someday")), None);
        assert_eq!(due(json!(null)), None);
    }

    #[test]
    fn what_is_completed_hidden_or_deleted_is_over() {
        assert_eq!(change(json!({"status": "completed", "hidden": true})).news, News::Done);
        assert_eq!(change(json!({"status": "completed", "deleted": true})).news, News::Gone);
        assert!(matches!(change(json!({})).news, News::Task(_)));
    }

    #[test]
    fn a_reference_names_the_list_and_the_task() {
        let change = change(json!({}));
        assert_eq!(change.reference.item.as_str(), "MTA/c3F");
        assert_eq!(split("MTA/c3F"), Some(("MTA", "c3F")));
        assert!(split("c3F").is_none() && split("/c3F").is_none() && split("MTA/").is_none());
    }

    #[test]
    fn no_word_of_a_task_is_in_its_facts() {
        let facts = format!("{:?}", change(json!({})));
        assert!(!facts.contains("taxes") && !facts.contains("secret"), "{facts}");
    }
}
