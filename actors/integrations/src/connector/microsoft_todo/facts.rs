//! What of a To Do task a decision needs: the day it is due, whether it is starred. Its words are not even read here.

use crate::connector::microsoft::{There, Versioned, When};
use crate::connector::{Access, Change, News};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, civil};
use oo_contracts::Timestamp;
use oo_contracts::signal::{Due, Priority, Task};
use serde::Deserialize;

pub(super) const COMPLETED: &str = "completed";
pub(super) const NOT_STARTED: &str = "notStarted";

/// A due day is a midnight of the person's, told in UTC: from the evening before, east of Greenwich, to noon of the day
/// itself, west of it. So much later it is the day itself anywhere from Hawaii to Auckland.
const INTO_THE_DAY: SignedDuration = SignedDuration::from_hours(13);

/// A `todoTask`, without what oO has no use for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Item {
    id: String,
    #[serde(default, rename = "@removed")]
    removed: There,
    #[serde(default, rename = "@odata.etag")]
    etag: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    importance: Option<String>,
    #[serde(default)]
    due_date_time: Option<When>,
    #[serde(default)]
    recurrence: There,
    #[serde(default)]
    created_date_time: Option<Timestamp>,
    #[serde(default)]
    last_modified_date_time: Option<Timestamp>,
}

impl Versioned for Item {
    fn id(&self) -> &str {
        &self.id
    }

    fn modified(&self) -> Option<Timestamp> {
        self.last_modified_date_time
    }
}

impl Item {
    /// What became of it; `None` only for a name that no task of To Do has. `list` is the short name of its list.
    pub(super) fn change(&self, access: &Access, list: &str) -> Option<Change> {
        let reference = access.reference(&format!("{list}.{}", self.id))?;
        let status = self.status.as_deref();
        let news = if self.removed.0 || matches!(status, Some("waitingOnOthers" | "deferred")) {
            // What waits for others or was put off is nothing to be told to do.
            News::Gone
        } else if status == Some(COMPLETED) {
            News::Done
        } else {
            News::Task(Task {
                reference: reference.clone(),
                due: self.due_date_time.as_ref().and_then(day).map(|date| Due::Day { date }),
                priority: Priority::saturating(if self.importance.as_deref() == Some("high") { 4 } else { 1 }),
                minutes: None,
                recurring: self.recurrence.0,
                added_at: self.created_date_time,
            })
        };
        let modified = self.last_modified_date_time.map(|at| at.to_string());
        Some(Change { reference, version: modified.or_else(|| self.etag.clone()).unwrap_or_default(), news })
    }
}

/// The day that is meant.
fn day(due: &When) -> Option<civil::Date> {
    let at = due.civil()?;
    let shift = if due.zone() == Some(TimeZone::UTC) { INTO_THE_DAY } else { SignedDuration::ZERO };
    Some(at.checked_add(shift).ok()?.date())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use serde_json::{Value, json};

    fn change(more: Value) -> Change {
        let mut item = json!({"@odata.etag": "W/\"4rfR\"", "importance": "normal", "isReminderOn": false,
            "status": "notStarted", "title": "File taxes", "createdDateTime": "2026-11-20T04:54:29.1925206Z",
            "lastModifiedDateTime": "2026-11-20T04:54:29.4903939Z", "id": "AAMkADMw_-=",
            "body": {"content": "secret", "contentType": "text"}});
        item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let access = Access { account: "a1".parse().unwrap(), owner: "1".into(), token: "t".into() };
        serde_json::from_value::<Item>(item).unwrap().change(&access, "0123456789abcdef").unwrap()
    }

    fn task(more: Value) -> Task {
        match change(more).news {
            News::Task(task) => task,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_due_day_is_the_persons_own_wherever_its_midnight_is() {
        let due = |at: &str, zone: &str| task(json!({"dueDateTime": {"dateTime": at, "timeZone": zone}})).due;
        let the_24th = Some(Due::Day { date: date(2026, 11, 24) });
        // Greenwich; Zurich; Delhi; Auckland in summer; New York; Hawaii.
        for midnight in [
            "2026-11-24T00:00:00.0000000",
            "2026-11-23T23:00:00.0000000",
            "2026-11-23T18:30:00.0000000",
            "2026-11-23T11:00:00.0000000",
            "2026-11-24T05:00:00.0000000",
            "2026-11-24T10:00:00.0000000",
        ] {
            assert_eq!(due(midnight, "UTC"), the_24th, "{midnight}");
        }
        assert_eq!(due("2026-11-24T00:00:00.0000000", "Tokyo Standard Time"), the_24th);
        assert_eq!(due("2026-11-24T23:00:00.0000000", "Asia/Tokyo"), the_24th);
        assert_eq!(due("someday", "UTC"), None);
        assert_eq!(task(json!({"dueDateTime": null})).due, None);
    }

    #[test]
    fn a_star_is_urgent_and_a_recurrence_is_recurring() {
        assert_eq!(task(json!({})).priority.get(), 1);
        assert_eq!(task(json!({"importance": "high"})).priority.get(), 4);
        assert!(task(json!({"recurrence": {"pattern": {"type": "daily"}}})).recurring);
        assert!(!task(json!({"recurrence": null})).recurring);
    }

    #[test]
    fn what_is_completed_removed_or_waits_is_no_task() {
        assert_eq!(change(json!({"status": "completed"})).news, News::Done);
        assert_eq!(change(json!({"@removed": {"reason": "deleted"}})).news, News::Gone);
        assert_eq!(change(json!({"status": "waitingOnOthers"})).news, News::Gone);
        assert_eq!(change(json!({"status": "deferred"})).news, News::Gone);
        assert!(matches!(change(json!({"status": "inProgress"})).news, News::Task(_)));
    }

    #[test]
    fn a_reference_fits_with_the_longest_ids_that_graph_gives() {
        let item = json!({"id": "A".repeat(180)});
        assert_eq!(change(item).reference.item.as_str().len(), 197);
    }

    #[test]
    fn no_word_of_a_task_is_in_its_facts() {
        let facts = format!("{:?}", change(json!({})));
        assert!(!facts.contains("taxes") && !facts.contains("secret"), "{facts}");
    }
}
