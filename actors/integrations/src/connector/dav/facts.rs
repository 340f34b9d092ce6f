//! What of a calendar object a decision needs: spans of time, and when a task is due. Recurrences are expanded in the window
//! that is looked at, exceptions included, and a rule that nobody lives by is not.

use super::wire::basic;
use calcard::common::PartialDateTime;
use calcard::common::timezone::Tz;
use calcard::icalendar::ICalendarParameterValue;
use calcard::icalendar::{
    ICalendar, ICalendarComponent, ICalendarComponentType as Kind, ICalendarDuration, ICalendarEntry,
    ICalendarFrequency as Frequency, ICalendarParameterName, ICalendarParticipationStatus as Part,
    ICalendarProperty as Property, ICalendarRecurrenceRule, ICalendarStatus as Status, ICalendarTransparency,
    ICalendarValue as Value,
};
use calcard::{Entry, Parser};
use jiff::{SignedDuration, civil, tz::TimeZone};
use oo_contracts::Timestamp;
use oo_contracts::signal::{Due, Priority};
use std::collections::{HashMap, HashSet};

/// Fifty years of every day; the count begins at a rule's first day, which may lie far back.
const MOST_INSTANCES: usize = 20_000;
/// Exceptions of one rule, its time zones and alarms.
const MOST_COMPONENTS: usize = 2_000;
/// A rule and what follows it by RANGE=THISANDFUTURE.
const MOST_RULES: usize = 4;
/// Values of one part of a rule: the days of a year.
const MOST_PARTS: usize = 366;
/// Times of one day.
const MOST_TIMES: usize = 24;

/// The events and tasks of an account are told apart by the first letter of their names.
pub(super) const EVENT: &str = "e";
pub(super) const TASK: &str = "t";

/// What one calendar object says of one event or task in it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    /// `e`, `t`, or `e#` and the instant at which the rule has it.
    pub(super) tail: String,
    pub(super) what: What,
}

/// The facts, without a name.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum What {
    Event { start: Timestamp, end: Timestamp, busy: bool, all_day: bool },
    Task { due: Option<Due>, priority: Priority, added_at: Option<Timestamp> },
    Done,
}

/// Through whose eyes, and of which time, objects are read.
pub(super) struct Reader {
    pub(super) window: (Timestamp, Timestamp),
    /// Where floating times of the calendar are, by the name of a time zone.
    pub(super) zone: String,
    /// The events of this calendar take no time.
    pub(super) transparent: bool,
    /// The person's own addresses, in lower case: who declined.
    pub(super) mine: Vec<String>,
}

impl Reader {
    /// What an object says; nothing where it cannot be read.
    pub(super) fn read(&self, text: &str) -> Vec<Found> {
        let Some(mut calendar) = parse(text) else {
            tracing::warn!("a calendar object cannot be read and is passed over");
            return Vec::new();
        };
        let mut found: Vec<Found> = calendar.components.iter().filter_map(task).collect();
        if calendar.components.iter().any(|one| one.component_type == Kind::VEvent) {
            found.extend(self.events(&mut calendar));
        }
        found
    }

    fn events(&self, calendar: &mut ICalendar) -> Vec<Found> {
        if !self.tame(calendar) {
            tracing::warn!("an event repeats as no person's does and is passed over");
            return Vec::new();
        }
        let zone: Tz = self.zone.parse().unwrap_or(Tz::UTC);
        let zones = calendar.build_tz_resolver().with_default(zone);
        let instant = |entry: &ICalendarEntry| {
            let at = entry.values.first()?.as_partial_date_time()?;
            let at = at.to_date_time_with_tz(zones.resolve_or_default(entry.tz_id()))?;
            Timestamp::from_second(at.timestamp()).ok()
        };
        let exception = |one: &ICalendarComponent| one.property(&Property::RecurrenceId).and_then(&instant);
        let exceptions: HashSet<Timestamp> = calendar.components.iter().filter_map(exception).collect();
        let mut all: HashMap<String, What> = HashMap::new();
        for one in calendar.expand_dates(zone, MOST_INSTANCES).events {
            let Some(component) = calendar.component_by_id(one.comp_id) else { continue };
            let (start, end) = one.timestamps();
            let (Ok(start), Ok(mut end)) = (Timestamp::from_second(start), Timestamp::from_second(end)) else {
                continue;
            };
            let all_day = is_day(component.property(&Property::Dtstart));
            if !all_day && !component.has_property(&Property::Dtend) && !component.has_property(&Property::Duration) {
                end = start;
            }
            let tail = match exception(component) {
                Some(of) => format!("{EVENT}#{}", basic(of)),
                // The exception stands for it.
                None if component.is_recurrent() && exceptions.contains(&start) => continue,
                None if component.is_recurrent() => format!("{EVENT}#{}", basic(start)),
                None => EVENT.to_owned(),
            };
            let is_in = end.max(start) >= self.window.0 && start < self.window.1;
            if component.component_type != Kind::VEvent || !is_in || is_cancelled(component) {
                continue;
            }
            let busy = !all_day && end > start && !self.transparent && self.takes_time(component);
            all.insert(tail, What::Event { start, end: end.max(start), busy, all_day });
        }
        let mut found: Vec<Found> = all.into_iter().map(|(tail, what)| Found { tail, what }).collect();
        found.sort_by(|a, b| a.tail.cmp(&b.tail));
        found
    }

    /// Cuts every rule at the window's end; `false` for what would cost more than any real calendar does.
    fn tame(&self, calendar: &mut ICalendar) -> bool {
        let zones = calendar.build_owned_tz_resolver();
        let mut rules = 0;
        for component in &mut calendar.components {
            let start = component.property(&Property::Dtstart);
            let zone = start.and_then(ICalendarEntry::tz_id).and_then(|name| zones.resolve(name));
            let is_utc = start.and_then(|one| one.values.first()?.as_partial_date_time()).is_some_and(has_zone);
            let zone = match zone {
                Some(zone) => zone.to_string(),
                None if is_utc => "UTC".to_owned(),
                None => self.zone.clone(),
            };
            let zone = TimeZone::get(&zone).unwrap_or(TimeZone::UTC);
            for value in component.properties_mut(&Property::Rrule).flat_map(|entry| &mut entry.values) {
                let Value::RecurrenceRule(rule) = value else { continue };
                rules += 1;
                if rules > MOST_RULES || !is_human(rule) {
                    return false;
                }
                cut(rule, &zone, self.window.1);
            }
        }
        calendar.components.len() <= MOST_COMPONENTS
    }

    /// Not: shown as free, or declined.
    fn takes_time(&self, event: &ICalendarComponent) -> bool {
        let free = event.transparency() == Some(&ICalendarTransparency::Transparent);
        let declined = event.properties(&Property::Attendee).any(|attendee| {
            let is_me = attendee.calendar_address().is_some_and(|one| self.mine.contains(&one.to_ascii_lowercase()));
            let said = attendee.parameter(&ICalendarParameterName::Partstat);
            is_me && matches!(said, Some(ICalendarParameterValue::Partstat(Part::Declined)))
        });
        !free && !declined
    }
}

/// The title of one event or task of an object, and whether it is over.
pub(super) fn words(text: &str, tail: &str) -> Option<(String, bool)> {
    let calendar = parse(text)?;
    let kind = if tail.starts_with(TASK) { Kind::VTodo } else { Kind::VEvent };
    let zones = calendar.build_tz_resolver().with_default(Tz::UTC);
    let is_it = |one: &&ICalendarComponent| {
        let entry = one.property(&Property::RecurrenceId);
        let at = entry.and_then(|entry| {
            let at = entry.values.first()?.as_partial_date_time()?;
            at.to_date_time_with_tz(zones.resolve_or_default(entry.tz_id()))
        });
        let at = at.and_then(|at| Timestamp::from_second(at.timestamp()).ok());
        at.is_some_and(|at| tail.ends_with(&basic(at)))
    };
    let of_kind = || calendar.components.iter().filter(|one| one.component_type == kind);
    let mine = of_kind().find(is_it).or_else(|| of_kind().find(|one| !one.is_recurrence_override()));
    let mine = mine.or_else(|| of_kind().next())?;
    let title = mine.property(&Property::Summary).and_then(|entry| entry.values.first()?.as_text());
    let over = is_cancelled(mine) || (kind == Kind::VTodo && is_done(mine));
    Some((title.unwrap_or_default().to_owned(), over))
}

/// Whether a task repeats: then it is not ours to complete.
pub(super) fn repeats(text: &str) -> bool {
    parse(text)
        .is_some_and(|all| all.components.iter().any(|one| one.component_type == Kind::VTodo && one.is_recurrent()))
}

fn parse(text: &str) -> Option<ICalendar> {
    match Parser::new(text).entry() {
        Entry::ICalendar(calendar) => Some(calendar),
        _ => None,
    }
}

/// A task that is no part of a recurring one: completing those means something else at every server.
fn task(one: &ICalendarComponent) -> Option<Found> {
    if one.component_type != Kind::VTodo || one.is_recurrent_or_override() || is_cancelled(one) {
        return None;
    }
    let what = if is_done(one) {
        What::Done
    } else {
        let added_at = one.property(&Property::Created).and_then(read_due).and_then(|due| match due {
            Due::At { at } => Some(at),
            _ => None,
        });
        let priority = one.property(&Property::Priority).and_then(|entry| entry.values.first()?.as_integer());
        What::Task { due: due(one), priority: urgency(priority), added_at }
    };
    Some(Found { tail: TASK.to_owned(), what })
}

fn due(task: &ICalendarComponent) -> Option<Due> {
    if let Some(due) = task.property(&Property::Due) {
        return read_due(due);
    }
    let lasts = task.property(&Property::Duration).and_then(|entry| match entry.values.first()? {
        Value::Duration(lasts) => Some(seconds(lasts)),
        _ => None,
    })?;
    match read_due(task.property(&Property::Dtstart)?)? {
        Due::At { at } => Some(Due::At { at: at.checked_add(lasts).ok()? }),
        Due::Floating { at } => Some(Due::Floating { at: at.checked_add(lasts).ok()? }),
        Due::Day { date } => Some(Due::Day { date: date.checked_add(lasts).ok()? }),
    }
}

fn seconds(lasts: &ICalendarDuration) -> SignedDuration {
    SignedDuration::from_secs(lasts.as_seconds())
}

/// A day, a time on the wall, or an instant: by how it is written. A zone that nobody knows is no zone.
fn read_due(entry: &ICalendarEntry) -> Option<Due> {
    let read = entry.values.first()?.as_partial_date_time()?;
    let date = civil::Date::new(read.year?.try_into().ok()?, read.month?.try_into().ok()?, read.day?.try_into().ok()?);
    let date = date.ok()?;
    let Some(hour) = read.hour else { return Some(Due::Day { date }) };
    let part = |value: Option<u8>| value.unwrap_or(0).min(59) as i8;
    let at = date.at(hour.min(23) as i8, part(read.minute), part(read.second), 0);
    if has_zone(read) {
        let at = read.to_date_time_with_tz(Tz::UTC)?;
        return Some(Due::At { at: Timestamp::from_second(at.timestamp()).ok()? });
    }
    let zone = entry.tz_id().and_then(|name| name.parse::<Tz>().ok());
    match zone.and_then(|zone| TimeZone::get(&zone.to_string()).ok()) {
        Some(zone) => Some(Due::At { at: at.to_zoned(zone).ok()?.timestamp() }),
        None => Some(Due::Floating { at }),
    }
}

/// 1 to 4 is high, 5 is medium, 6 to 9 is low; without one it is the normal case.
fn urgency(priority: Option<i64>) -> Priority {
    Priority::saturating(match priority {
        Some(1..=4) => 4,
        Some(5) => 3,
        Some(6..=9) => 2,
        _ => 1,
    })
}

fn is_done(task: &ICalendarComponent) -> bool {
    match task.status() {
        Some(status) => *status == Status::Completed,
        None => task.has_property(&Property::Completed),
    }
}

fn is_cancelled(one: &ICalendarComponent) -> bool {
    one.status() == Some(&Status::Cancelled)
}

fn is_day(start: Option<&ICalendarEntry>) -> bool {
    start.and_then(|one| one.values.first()?.as_partial_date_time()).is_some_and(|at| at.hour.is_none())
}

fn has_zone(at: &PartialDateTime) -> bool {
    at.tz_hour.is_some()
}

/// Whether a person could live by this rule: no oftener than daily, but for some hours of the day.
fn is_human(rule: &ICalendarRecurrenceRule) -> bool {
    let often = matches!(rule.freq, Frequency::Hourly | Frequency::Minutely | Frequency::Secondly);
    let times = [rule.byhour.len(), rule.byminute.len(), rule.bysecond.len()];
    let times = times.into_iter().fold(1_usize, |all, one| all.saturating_mul(one.max(1)));
    let parts = [
        rule.byday.len(),
        rule.bymonthday.len(),
        rule.byyearday.len(),
        rule.byweekno.len(),
        rule.bymonth.len(),
        rule.bysetpos.len(),
    ];
    !often && times <= MOST_TIMES && parts.into_iter().all(|one| one <= MOST_PARTS)
}

/// Ends a rule at `until`, and writes the end that it has on the wall of its own zone, where it is counted.
fn cut(rule: &mut ICalendarRecurrenceRule, zone: &TimeZone, until: Timestamp) {
    let wall = |at: Timestamp| partial(at.to_zoned(zone.clone()).datetime());
    if let Some(end) = &mut rule.until {
        if end.hour.is_none() {
            // The whole of its last day.
            (end.hour, end.minute, end.second) = (Some(23), Some(59), Some(59));
        } else if has_zone(end)
            && let Some(at) = end.to_date_time_with_tz(Tz::UTC)
            && let Ok(at) = Timestamp::from_second(at.timestamp())
        {
            *end = wall(at);
        }
    }
    // A count and an end do not go together; a count ends by itself.
    if rule.count.is_none() && rule.until.as_ref().is_none_or(|end| *end > wall(until)) {
        rule.until = Some(wall(until));
    }
}

fn partial(at: civil::DateTime) -> PartialDateTime {
    PartialDateTime {
        year: Some(at.year().unsigned_abs()),
        month: Some(at.month().unsigned_abs()),
        day: Some(at.day().unsigned_abs()),
        hour: Some(at.hour().unsigned_abs()),
        minute: Some(at.minute().unsigned_abs()),
        second: Some(at.second().unsigned_abs()),
        ..PartialDateTime::default()
    }
}

#[cfg(test)]
mod tests;
