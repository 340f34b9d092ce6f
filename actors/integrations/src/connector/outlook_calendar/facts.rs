//! What of an event in Outlook a decision needs: from when to when, and whether it takes the person's time.

use crate::connector::microsoft::{There, Versioned, When, zone};
use crate::connector::{Access, Change, News};
use jiff::tz::TimeZone;
use oo_contracts::Timestamp;
use oo_contracts::signal::Event;
use serde::Deserialize;

/// An event of `calendarView/delta`, without what oO has no use for. Nearly all of it may be missing: from what lies out of
/// the window, and from the occurrences of a series.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Item {
    id: String,
    #[serde(default, rename = "@removed")]
    removed: There,
    #[serde(default, rename = "@odata.etag")]
    etag: Option<String>,
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    series_master_id: Option<String>,
    #[serde(default)]
    start: Option<When>,
    #[serde(default)]
    end: Option<When>,
    #[serde(default)]
    is_all_day: Option<bool>,
    #[serde(default)]
    is_cancelled: Option<bool>,
    #[serde(default)]
    show_as: Option<String>,
    #[serde(default)]
    response_status: Option<ResponseStatus>,
    #[serde(default)]
    original_start_time_zone: Option<String>,
    #[serde(default)]
    last_modified_date_time: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
struct ResponseStatus {
    #[serde(default)]
    response: Option<String>,
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
    /// Whether it is a series, which itself takes place never: its occurrences do.
    pub(super) fn is_series(&self) -> bool {
        self.kind.as_deref() == Some("seriesMaster")
    }

    pub(super) fn is(&self, id: &str) -> bool {
        self.id == id
    }

    /// The series without which it does not say whether it takes time.
    pub(super) fn wants_series(&self) -> Option<&str> {
        let silent = !self.removed.0 && self.start.is_some() && (self.show_as.is_none() || self.is_all_day.is_none());
        self.series_master_id.as_deref().filter(|_| silent)
    }

    /// What became of it; `None` for a series, and for a name too long to be one.
    pub(super) fn change(
        &self,
        access: &Access,
        series: Option<&Self>,
        window: (Timestamp, Timestamp),
    ) -> Option<Change> {
        if self.is_series() {
            return None;
        }
        let reference = access.reference(&self.id)?;
        let modified = self.last_modified_date_time.map(|at| at.to_string());
        let version = modified.or_else(|| self.etag.clone()).unwrap_or_default();
        let whole = Whole { own: self, series };
        let cancelled = self.removed.0 || whole.of(|item| item.is_cancelled).unwrap_or(false);
        let span = whole.span().filter(|(start, end)| *end > window.0 && *start < window.1);
        let news = match span {
            Some((start, end)) if !cancelled => News::Event(Event {
                reference: reference.clone(),
                start,
                end,
                busy: whole.takes_time() && end > start,
                all_day: whole.is_all_day(),
            }),
            _ => News::Gone,
        };
        Some(Change { reference, version, news })
    }
}

/// An event with what its series says of it.
struct Whole<'a> {
    own: &'a Item,
    series: Option<&'a Item>,
}

impl<'a> Whole<'a> {
    fn of<T>(&self, get: impl Fn(&'a Item) -> Option<T>) -> Option<T> {
        get(self.own).or_else(|| get(self.series?))
    }

    fn is_all_day(&self) -> bool {
        self.of(|item| item.is_all_day).unwrap_or(false)
    }

    fn span(&self) -> Option<(Timestamp, Timestamp)> {
        let (start, end) = (self.own.start.as_ref()?, self.own.end.as_ref()?);
        let (start, end) = if self.is_all_day() {
            // A day without a place: midnight in whatever zone one asks for. It is meant where it was entered.
            let here = self.of(|item| item.original_start_time_zone.as_deref()).and_then(zone).unwrap_or(TimeZone::UTC);
            let midnight = |when: &When| Some(when.civil()?.date().to_zoned(here.clone()).ok()?.timestamp());
            (midnight(start)?, midnight(end)?)
        } else {
            (start.instant()?, end.instant()?)
        };
        Some((start, end.max(start)))
    }

    /// Not: all day, declined, shown as free, or only saying where the person works.
    fn takes_time(&self) -> bool {
        let response = |item: &'a Item| item.response_status.as_ref()?.response.as_deref();
        let free = matches!(self.of(|item| item.show_as.as_deref()), Some("free" | "workingElsewhere"));
        !(self.is_all_day() || self.of(response) == Some("declined") || free)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn item(more: Value) -> Item {
        let mut item = json!({"id": "AAMkAGI1=", "@odata.etag": "W/\"1\"", "type": "singleInstance", "subject": "Standup",
            "start": {"dateTime": "2026-11-23T08:00:00.0000000", "timeZone": "UTC"},
            "end": {"dateTime": "2026-11-23T08:15:00.0000000", "timeZone": "UTC"},
            "isAllDay": false, "isCancelled": false, "showAs": "busy", "originalStartTimeZone": "W. Europe Standard Time",
            "responseStatus": {"response": "accepted"}, "lastModifiedDateTime": "2026-11-20T09:00:00.0000000Z"});
        item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(item).unwrap()
    }

    fn told(item: &Item, series: Option<&Item>) -> Option<News> {
        let access = Access { account: "a1".parse().unwrap(), owner: "1".into(), token: "t".into() };
        let window = ("2026-11-22T00:00:00Z".parse().unwrap(), "2026-12-06T00:00:00Z".parse().unwrap());
        let change = item.change(&access, series, window);
        assert!(!format!("{change:?}").contains("Standup"), "no word of an event is in its facts");
        change.map(|change| change.news)
    }

    fn news(more: Value) -> News {
        told(&item(more), None).unwrap()
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
        for busy in ["busy", "tentative", "oof", "unknown"] {
            assert!(event(json!({"showAs": busy})).busy, "{busy}");
        }
        for free in ["free", "workingElsewhere"] {
            assert!(!event(json!({"showAs": free})).busy, "{free}");
        }
        assert!(!event(json!({"responseStatus": {"response": "declined"}})).busy);
        assert!(event(json!({"responseStatus": {"response": "organizer"}})).busy);
        assert!(event(json!({"responseStatus": null})).busy);
    }

    #[test]
    fn an_all_day_event_lasts_the_day_where_it_was_entered_and_takes_no_time() {
        let day = json!({"isAllDay": true,
            "start": {"dateTime": "2026-11-24T00:00:00.0000000", "timeZone": "UTC"},
            "end": {"dateTime": "2026-11-25T00:00:00.0000000", "timeZone": "UTC"}});
        let event = event(day);
        assert!(!event.busy && event.all_day);
        assert_eq!(event.start, "2026-11-23T23:00:00Z".parse().unwrap());
        assert_eq!(event.end, "2026-11-24T23:00:00Z".parse().unwrap());
    }

    #[test]
    fn what_is_cancelled_removed_or_out_of_the_window_is_gone() {
        assert_eq!(news(json!({"isCancelled": true})), News::Gone);
        assert_eq!(news(json!({"@removed": {"reason": "deleted"}})), News::Gone);
        assert_eq!(news(json!({"start": null, "end": null})), News::Gone);
        let later = json!({"start": {"dateTime": "2027-01-01T09:00:00", "timeZone": "UTC"},
            "end": {"dateTime": "2027-01-01T10:00:00", "timeZone": "UTC"}});
        assert_eq!(news(later), News::Gone);
        let bare: Item = serde_json::from_value(json!({"id": "x", "@removed": {"reason": "deleted"}})).unwrap();
        assert_eq!(told(&bare, None), Some(News::Gone));
    }

    #[test]
    fn an_occurrence_is_as_its_series_says_and_a_series_is_no_event() {
        let series = |more: Value| {
            let mut all = json!({"type": "seriesMaster", "id": "master"});
            all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            item(all)
        };
        assert_eq!(told(&series(json!({})), None), None);
        let occurrence: Item =
            serde_json::from_value(json!({"id": "one", "type": "occurrence", "seriesMasterId": "master",
            "start": {"dateTime": "2026-11-24T08:00:00.0000000", "timeZone": "UTC"},
            "end": {"dateTime": "2026-11-24T08:15:00.0000000", "timeZone": "UTC"}}))
            .unwrap();
        assert_eq!(occurrence.wants_series(), Some("master"));
        let busy = |more| match told(&occurrence, Some(&series(more))) {
            Some(News::Event(event)) => event.busy,
            other => panic!("{other:?}"),
        };
        assert!(busy(json!({})) && !busy(json!({"showAs": "free"})));
        assert!(!busy(json!({"responseStatus": {"response": "declined"}})));
        assert_eq!(told(&occurrence, Some(&series(json!({"isCancelled": true})))), Some(News::Gone));
        // An exception says all of itself.
        assert_eq!(item(json!({"type": "exception", "seriesMasterId": "master"})).wants_series(), None);
    }
}
