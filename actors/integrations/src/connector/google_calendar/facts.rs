//! What of a calendar event a decision needs: from when to when, and whether it takes the person's time.

use crate::connector::{Access, Change, News};
use jiff::civil;
use jiff::tz::TimeZone;
use oo_contracts::Timestamp;
use oo_contracts::signal::Event;
use serde::Deserialize;

/// An event of `events.list`, without what oO has no use for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Item {
    id: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    updated: Option<String>,
    #[serde(default)]
    etag: Option<String>,
    #[serde(default)]
    start: Option<When>,
    #[serde(default)]
    end: Option<When>,
    #[serde(default)]
    transparency: Option<String>,
    #[serde(default)]
    event_type: Option<String>,
    #[serde(default)]
    attendees: Vec<Attendee>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct When {
    #[serde(default)]
    date: Option<civil::Date>,
    #[serde(default)]
    date_time: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attendee {
    #[serde(default, rename = "self")]
    is_self: bool,
    #[serde(default)]
    response_status: String,
}

impl Item {
    /// What became of it; `None` for a name too long to be one.
    pub(super) fn change(&self, access: &Access, zone: &TimeZone, window: (Timestamp, Timestamp)) -> Option<Change> {
        let reference = access.reference(&self.id)?;
        let version = self.updated.clone().or_else(|| self.etag.clone()).unwrap_or_default();
        let span = self.span(zone).filter(|(start, end)| *end > window.0 && *start < window.1);
        let news = match span {
            Some((start, end)) if self.status != "cancelled" => News::Event(Event {
                reference: reference.clone(),
                start,
                end,
                busy: self.takes_time() && end > start,
                all_day: self.is_all_day(),
            }),
            _ => News::Gone,
        };
        Some(Change { reference, version, news })
    }

    fn span(&self, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
        let start = self.start.as_ref()?.instant(zone)?;
        let end = self.end.as_ref()?.instant(zone)?;
        Some((start, end.max(start)))
    }

    fn is_all_day(&self) -> bool {
        self.start.as_ref().is_some_and(|start| start.date_time.is_none())
    }

    /// Not: all day, shown as free, declined, or only saying where the person works or was born.
    fn takes_time(&self) -> bool {
        let declined = self.attendees.iter().any(|one| one.is_self && one.response_status == "declined");
        let free = self.transparency.as_deref() == Some("transparent");
        let note = matches!(self.event_type.as_deref(), Some("workingLocation" | "birthday"));
        !(self.is_all_day() || declined || free || note)
    }
}

impl When {
    fn instant(&self, zone: &TimeZone) -> Option<Timestamp> {
        self.date_time.or_else(|| Some(self.date?.to_zoned(zone.clone()).ok()?.timestamp()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn news(more: Value) -> News {
        let mut item = json!({"id": "7cbh8rpc10lrc0ckih9tafss99", "status": "confirmed", "summary": "Standup",
            "updated": "2026-11-20T09:00:00.000Z", "eventType": "default",
            "start": {"dateTime": "2026-11-23T09:00:00+01:00", "timeZone": "Europe/Zurich"},
            "end": {"dateTime": "2026-11-23T09:15:00+01:00", "timeZone": "Europe/Zurich"},
            "attendees": [{"email": "alice@example.com", "self": true, "responseStatus": "accepted"}]});
        item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let access = Access { account: "a1".parse().unwrap(), owner: "1".into(), token: "t".into() };
        let window = ("2026-11-22T00:00:00Z".parse().unwrap(), "2026-12-06T00:00:00Z".parse().unwrap());
        let zone = TimeZone::get("Europe/Zurich").unwrap();
        let change = serde_json::from_value::<Item>(item).unwrap().change(&access, &zone, window).unwrap();
        assert!(!format!("{change:?}").contains("Standup"), "no word of an event is in its facts");
        change.news
    }

    fn event(more: Value) -> Event {
        match news(more) {
            News::Event(event) => event,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_ordinary_event_takes_its_time() {
        let event = event(json!({}));
        assert!(event.busy && !event.all_day);
        assert_eq!(event.start, "2026-11-23T08:00:00Z".parse().unwrap());
        assert_eq!(event.end, "2026-11-23T08:15:00Z".parse().unwrap());
    }

    #[test]
    fn free_declined_and_where_one_works_take_none() {
        assert!(!event(json!({"transparency": "transparent"})).busy);
        assert!(!event(json!({"attendees": [{"self": true, "responseStatus": "declined"}]})).busy);
        assert!(event(json!({"attendees": [{"self": false, "responseStatus": "declined"}]})).busy);
        assert!(!event(json!({"eventType": "workingLocation"})).busy);
        assert!(event(json!({"eventType": "focusTime"})).busy);
        assert!(event(json!({"status": "tentative"})).busy);
    }

    #[test]
    fn an_all_day_event_lasts_the_calendars_own_day_and_takes_no_time() {
        let event = event(json!({"start": {"date": "2026-11-24"}, "end": {"date": "2026-11-25"}}));
        assert!(!event.busy && event.all_day);
        assert_eq!(event.start, "2026-11-23T23:00:00Z".parse().unwrap());
        assert_eq!(event.end, "2026-11-24T23:00:00Z".parse().unwrap());
    }

    #[test]
    fn what_is_cancelled_or_out_of_the_window_is_gone() {
        assert_eq!(news(json!({"status": "cancelled"})), News::Gone);
        assert_eq!(news(json!({"status": "cancelled", "start": null, "end": null})), News::Gone);
        let later = json!({"start": {"dateTime": "2027-01-01T09:00:00Z"}, "end": {"dateTime": "2027-01-01T10:00:00Z"}});
        assert_eq!(news(later), News::Gone);
    }
}
