//! When a task is due: as a date, as a time, in a few words, and again.

use crate::http::Fields;
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Due {
    /// `YYYY-MM-DD`, `YYYY-MM-DDTHH:MM:SS`, or the latter with a Z.
    pub(super) date: String,
    timezone: Option<String>,
    string: String,
    pub(super) is_recurring: bool,
}

impl Due {
    pub(super) fn new(date: String, timezone: Option<String>, string: &str) -> Self {
        Self { date, timezone, string: string.to_owned(), is_recurring: string.starts_with("every ") }
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "date": self.date,
            "timezone": self.timezone,
            "string": self.string,
            "lang": "en",
            "is_recurring": self.is_recurring,
        })
    }

    /// The same task's next time, after today.
    pub(super) fn next(&self, today: Date) -> Option<Self> {
        if !self.is_recurring {
            return None;
        }
        let (day, rest) = self.date.split_at_checked(10)?;
        let day: Date = day.parse().ok()?;
        let rule = self.string.split(" at ").next().unwrap_or_default();
        let next = after(rule, day.max(today))?;
        Some(Self { date: format!("{next}{rest}"), ..self.clone() })
    }
}

/// The due date of a write: in words, as a date, as a time, or as the sync API's object.
pub(super) fn from_fields(fields: &Fields, today: Date, zone: &TimeZone) -> Result<Option<Option<Due>>, &'static str> {
    if let Some(text) = fields.text("due_string") {
        return in_words(&text, today).map(Some).ok_or("due_string");
    }
    if let Some(text) = fields.text("due_date") {
        let date: Date = text.parse().map_err(|_| "due_date")?;
        return Ok(Some(Some(Due::new(date.to_string(), None, &text))));
    }
    if let Some(text) = fields.text("due_datetime") {
        return moment(&text, zone).map(|due| Some(Some(due))).ok_or("due_datetime");
    }
    match fields.0.get("due") {
        Some(Value::Null) => Ok(Some(None)),
        Some(Value::Object(object)) => {
            let text = |name: &str| object.get(name).and_then(Value::as_str);
            let mut due = match (text("date"), text("string")) {
                (Some(date), _) if date.len() == 10 => {
                    Due::new(date.parse::<Date>().map_err(|_| "due")?.to_string(), None, date)
                }
                (Some(date), _) => moment(date, zone).ok_or("due")?,
                (None, Some(words)) => return in_words(words, today).map(Some).ok_or("due"),
                (None, None) => return Err("due"),
            };
            if let Some(words) = text("string") {
                due.string = words.to_owned();
            }
            due.is_recurring = object.get("is_recurring").and_then(Value::as_bool).unwrap_or(due.is_recurring);
            Ok(Some(Some(due)))
        }
        _ => Ok(None),
    }
}

/// A floating time, or a fixed one, which is kept in UTC beside the person's zone.
fn moment(text: &str, zone: &TimeZone) -> Option<Due> {
    if let Ok(at) = text.parse::<Timestamp>() {
        let date = at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        return Some(Due::new(date, Some(zone.iana_name().unwrap_or("UTC").to_owned()), text));
    }
    let at: DateTime = text.parse().ok()?;
    Some(Due::new(at.strftime("%Y-%m-%dT%H:%M:%S").to_string(), None, text))
}

/// The few words that the sandbox understands: today, tomorrow, `every …`, each with `at HH:MM`; `no date`.
fn in_words(text: &str, today: Date) -> Option<Option<Due>> {
    let lower = text.trim().to_ascii_lowercase();
    if lower == "no date" {
        return Some(None);
    }
    let (day, time) = match lower.split_once(" at ") {
        Some((day, time)) => (day, Some(time.parse::<Time>().ok()?)),
        None => (lower.as_str(), None),
    };
    let date = match day {
        "today" => today,
        "tomorrow" => today.tomorrow().ok()?,
        _ if day.starts_with("every ") => after(day, today.yesterday().ok()?)?,
        _ => day.parse().ok()?,
    };
    let date = match time {
        Some(time) => date.to_datetime(time).strftime("%Y-%m-%dT%H:%M:%S").to_string(),
        None => date.to_string(),
    };
    Some(Some(Due::new(date, None, &lower)))
}

/// The first day after `day` that a rule names.
fn after(rule: &str, day: Date) -> Option<Date> {
    let words: Vec<&str> = rule.strip_prefix("every ")?.split_whitespace().collect();
    match words.as_slice() {
        ["day"] => day.tomorrow().ok(),
        ["week"] => day.checked_add(7.days()).ok(),
        ["month"] => day.checked_add(1.month()).ok(),
        ["weekday"] => {
            let mut next = day.tomorrow().ok()?;
            while matches!(next.weekday(), Weekday::Saturday | Weekday::Sunday) {
                next = next.tomorrow().ok()?;
            }
            Some(next)
        }
        [number, unit] => {
            let number: i32 = number.parse().ok().filter(|number| (1..=366).contains(number))?;
            match *unit {
                "days" => day.checked_add(number.days()).ok(),
                "weeks" => day.checked_add(number.weeks()).ok(),
                "months" => day.checked_add(number.months()).ok(),
                _ => None,
            }
        }
        [name] => day.nth_weekday(1, weekday(name)?).ok(),
        _ => None,
    }
}

fn weekday(name: &str) -> Option<Weekday> {
    Some(match name {
        "monday" => Weekday::Monday,
        "tuesday" => Weekday::Tuesday,
        "wednesday" => Weekday::Wednesday,
        "thursday" => Weekday::Thursday,
        "friday" => Weekday::Friday,
        "saturday" => Weekday::Saturday,
        "sunday" => Weekday::Sunday,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn rules_name_the_next_day() {
        let friday = date(2026, 11, 20);
        assert_eq!(after("every day", friday), Some(date(2026, 11, 21)));
        assert_eq!(after("every weekday", friday), Some(date(2026, 11, 23)));
        assert_eq!(after("every friday", friday), Some(date(2026, 11, 27)));
        assert_eq!(after("every 2 weeks", friday), Some(date(2026, 12, 4)));
        assert_eq!(after("every blue moon", friday), None);
    }

    #[test]
    fn a_recurring_time_keeps_its_hour() {
        let due = in_words("every day at 18:30", date(2026, 11, 20)).unwrap().unwrap();
        assert_eq!(due.date, "2026-11-20T18:30:00");
        assert_eq!(due.next(date(2026, 11, 22)).unwrap().date, "2026-11-23T18:30:00");
    }

    #[test]
    fn a_fixed_time_is_kept_in_utc_with_its_zone() {
        let due = moment("2026-11-20T10:00:00+01:00", &TimeZone::get("Europe/Zurich").unwrap()).unwrap();
        assert_eq!((due.date.as_str(), due.timezone.as_deref()), ("2026-11-20T09:00:00Z", Some("Europe/Zurich")));
    }
}
