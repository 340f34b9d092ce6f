//! What happens to a simulated person whatever oO does: their calendar, tasks that come and get done anyway, habits, visits to
//! the screen, how they feel.

use super::dice::{Dice, Of};
use super::person::{Person, Rhythm};
use jiff::civil::{self, Date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use oo_contracts::signal::{Due, Event, Fact, Habit, Minutes, MoodLevel, Priority, Purpose, Task};
use oo_contracts::{AccountId, DeviceId, HabitId, Provider, Ref};
use oo_domain::local::{minus, minutes, plus};

/// All stories begin on a Monday, four weeks before the clocks change in Europe, so that a month has a change in it.
pub const FIRST_DAY: Date = civil::date(2026, 3, 2);

/// Something that happens.
#[derive(Debug, Clone, PartialEq)]
pub enum Happening {
    /// A fact that oO hears of.
    Fact(Fact),
    /// The person does it by themselves, if it is still to be done.
    DoesTask(Ref),
    DoesHabit(HabitId),
    /// Sleep begins or ends.
    Sleeps(bool),
}

/// The days of one person.
#[derive(Debug, Clone, PartialEq)]
pub struct Days {
    pub zone: TimeZone,
    pub start: Timestamp,
    pub end: Timestamp,
    /// In the order of time.
    pub happenings: Vec<(Timestamp, Happening)>,
}

/// The account that everything of theirs is in.
pub fn account() -> AccountId {
    "home".parse().unwrap_or_else(|_| unreachable!("four letters"))
}

/// Where their tips are pushed to.
pub fn device() -> DeviceId {
    "phone".parse().unwrap_or_else(|_| unreachable!("five letters"))
}

/// A reference in the account.
pub fn reference(item: String) -> Ref {
    Ref { account: account(), item: item.try_into().unwrap_or_else(|_| unreachable!("short")) }
}

impl Days {
    /// So many days of a person, from that seed.
    pub fn of(person: &Person, seed: u64, number: u64, count: u32) -> Self {
        let zone = TimeZone::get(person.rhythm.zone).unwrap_or(TimeZone::UTC);
        let mut making = Making {
            person,
            dice: Dice::new(seed, number, Of::Days),
            habits: (0..person.rhythm.habits).map(habit).collect(),
            tasks: 0,
            happenings: Vec::new(),
            zone,
        };
        let start = making.at(FIRST_DAY, 4.0);
        making.begin(start);
        let mut date = FIRST_DAY;
        for _ in 0..count {
            making.day(date);
            date = date.tomorrow().unwrap_or(date);
        }
        let end = making.at(date, 4.0);
        let Making { zone, mut happenings, .. } = making;
        happenings.retain(|(at, _)| *at < end);
        happenings.sort_by_key(|(at, _)| *at);
        Self { zone, start, end, happenings }
    }
}

struct Making<'a> {
    person: &'a Person,
    dice: Dice,
    habits: Vec<Habit>,
    tasks: u32,
    happenings: Vec<(Timestamp, Happening)>,
    zone: TimeZone,
}

impl Making<'_> {
    /// The instant of that hour of the wall clock, counted on past midnight.
    fn at(&self, date: Date, hour: f64) -> Timestamp {
        let midnight = self.zone.to_ambiguous_timestamp(date.at(0, 0, 0, 0)).compatible().unwrap_or(Timestamp::MIN);
        let wall = plus(midnight, SignedDuration::from_secs((hour * 3600.0).round() as i64));
        // The clock may have changed since midnight.
        let off = self.zone.to_offset(midnight).seconds() - self.zone.to_offset(wall).seconds();
        plus(wall, SignedDuration::from_secs(off.into()))
    }

    fn fact(&mut self, at: Timestamp, fact: Fact) {
        self.happenings.push((at, Happening::Fact(fact)));
    }

    /// An account is linked, with all that is in it.
    fn begin(&mut self, start: Timestamp) {
        let zone = self.person.rhythm.zone.to_owned().try_into().unwrap_or_else(|_| unreachable!("an IANA name"));
        self.fact(start, Fact::Zone { zone });
        self.fact(start, Fact::AccountLinked { account: account(), provider: Provider::Todoist });
        self.fact(start, Fact::Consent { purpose: Purpose::Learning, granted: true, source: None });
        for habit in self.habits.clone() {
            self.fact(start, Fact::HabitDefined { habit });
        }
        for _ in 0..6 + self.dice.count(4.0) {
            let added = minus(start, minutes((self.dice.wait(6.0) * 1440.0) as i64));
            self.task(start, added);
        }
    }

    fn day(&mut self, date: Date) {
        let Rhythm { wakes, sleeps, works, meetings, tasks, visits, says_mood, .. } = self.person.rhythm.clone();
        let day_off = date.weekday().to_monday_one_offset() >= 6;
        let wakes = wakes + self.dice.normal(if day_off { 1.0 } else { 0.0 }, 0.3);
        self.happenings.push((self.at(date, wakes), Happening::Sleeps(false)));
        let to_bed = sleeps + self.dice.normal(0.0, 0.4);
        self.happenings.push((self.at(date, to_bed), Happening::Sleeps(true)));

        for number in 0..self.dice.count(if day_off { 0.4 } else { meetings }) {
            let hour = if day_off { self.dice.between(10.0, 20.0) } else { self.dice.between(works.0, works.1 - 0.5) };
            self.event(date, number, hour);
        }
        if self.dice.happens(0.25) {
            let hour = self.dice.between(18.0, 20.0);
            self.event(date, 99, hour);
        }
        for _ in 0..self.dice.count(tasks) {
            let hour = self.dice.between(wakes + 0.5, sleeps.min(23.0));
            let at = self.at(date, hour);
            self.task(at, at);
        }
        for index in 0..self.habits.len() {
            if self.dice.happens(0.35) {
                let Habit { id, from, .. } = &self.habits[index];
                let (id, from) = (id.clone(), f64::from(from.hour()));
                let hour = from + self.dice.between(0.3, 2.0);
                let at = self.at(date, hour);
                self.happenings.push((at, Happening::DoesHabit(id)));
            }
        }
        for _ in 0..self.dice.count(visits) {
            let hour = self.dice.between(wakes, sleeps);
            let at = self.at(date, hour);
            self.fact(at, Fact::Presence { present: true });
            let leaves = plus(at, minutes(self.dice.between(5.0, 50.0) as i64));
            self.fact(leaves, Fact::Presence { present: false });
        }
        if self.dice.happens(says_mood) {
            let level = MoodLevel::saturating(self.dice.normal(3.2, 1.1).round() as i64);
            let hour = self.dice.between(wakes + 0.5, 20.0);
            let at = self.at(date, hour);
            self.fact(at, Fact::Mood { level });
        }
    }

    fn event(&mut self, date: Date, number: u32, hour: f64) {
        // Calendars like half hours.
        let start = self.at(date, (hour * 2.0).round() / 2.0);
        let length = minutes(self.dice.one_of(&[30, 30, 45, 60, 60, 90]).copied().unwrap_or(60));
        let event = Event {
            reference: reference(format!("event-{date}-{number}")),
            start,
            end: plus(start, length),
            busy: self.dice.happens(0.9),
            all_day: false,
        };
        // Most are known the day before, some come on the day.
        let known = if self.dice.happens(0.85) { self.at(date, -8.0) } else { minus(start, minutes(90)) };
        let first = self.at(FIRST_DAY, 4.0);
        let gone = self.dice.happens(0.06);
        self.fact(known.max(first), Fact::EventUpserted { event: event.clone() });
        if gone {
            self.fact(minus(start, minutes(40)).max(first), Fact::EventRemoved { event: event.reference });
        }
    }

    fn task(&mut self, at: Timestamp, added: Timestamp) {
        self.tasks += 1;
        let dice = &mut self.dice;
        let today = self.zone.to_datetime(at).date();
        let due = dice.happens(0.5).then(|| dice.wait(2.5).min(10.0) as i64);
        let date = due.and_then(|days| today.checked_add(jiff::Span::new().days(days)).ok());
        let priority = dice.one_of(&[1, 1, 1, 2, 3, 4]).copied().unwrap_or(1);
        let takes = dice.one_of(&[5, 5, 10, 15, 20, 30, 45, 60]).copied().unwrap_or(15);
        let task = Task {
            reference: reference(format!("task-{:04}", self.tasks)),
            due: date.map(|date| Due::Day { date }),
            priority: Priority::saturating(priority),
            minutes: dice.happens(0.7).then(|| Minutes::saturating(takes)),
            recurring: false,
            added_at: Some(added),
        };
        // What is due is done sooner; a third is not done unless something reminds of it.
        let mean = self.person.diligence * if due.is_some_and(|days| days <= 2) { 0.5 } else { 1.0 };
        let by_itself = dice.happens(0.67).then(|| dice.wait(mean));
        let reference = task.reference.clone();
        self.fact(at, Fact::TaskAdded { task });
        if let Some(days) = by_itself {
            self.happenings.push((plus(at, minutes((days * 1440.0) as i64 + 20)), Happening::DoesTask(reference)));
        }
    }
}

fn habit(number: usize) -> Habit {
    let (label, from, to, takes) =
        [("stretch", 7, 10, 10), ("read a page", 19, 22, 20), ("walk", 12, 15, 20)][number.min(2)];
    let time = |hour| civil::time(hour, 0, 0, 0);
    Habit {
        id: format!("habit-{number}").parse().unwrap_or_else(|_| unreachable!("short")),
        label: label.parse().unwrap_or_else(|_| unreachable!("short")),
        from: time(from),
        to: time(to),
        minutes: Minutes::saturating(takes),
        days: vec![],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_days_in_the_order_of_time() {
        let person = Person::draw(5, 2);
        let days = Days::of(&person, 5, 2, 14);
        assert_eq!(days, Days::of(&person, 5, 2, 14));
        assert_ne!(days.happenings, Days::of(&person, 6, 2, 14).happenings);
        assert!(days.happenings.is_sorted_by_key(|(at, _)| *at));
        assert!(days.happenings.iter().all(|(at, _)| days.start <= *at && *at < days.end));
        let events =
            days.happenings.iter().filter(|(_, what)| matches!(what, Happening::Fact(Fact::EventUpserted { .. })));
        assert!(events.count() > 3);
    }

    #[test]
    fn hours_are_the_wall_clocks_where_the_clock_changes() {
        let person =
            Person { rhythm: Rhythm { zone: "Europe/Zurich", ..Person::draw(1, 0).rhythm }, ..Person::draw(1, 0) };
        let days = Days::of(&person, 1, 0, 35);
        let wall = |at: &Timestamp| days.zone.to_datetime(*at).time();
        let meetings = days.happenings.iter().filter_map(|(_, what)| match what {
            Happening::Fact(Fact::EventUpserted { event }) => Some(event),
            _ => None,
        });
        for event in meetings {
            assert_eq!(wall(&event.start).minute() % 30, 0, "{}", event.start);
            assert!((9..21).contains(&wall(&event.start).hour()), "{}", event.start);
        }
    }
}
