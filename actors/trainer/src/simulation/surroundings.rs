//! What is around a simulated person at a moment: their own calendar, list and habits, sleep, the screen. It is kept from the
//! facts, apart from the engine's profile.

use super::mind::Scene;
use super::person::{Sort, Thing};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use oo_contracts::signal::{Due, Event, Fact, Task};
use oo_contracts::tip::Subject;
use oo_contracts::{HabitId, Ref};
use oo_domain::advice;
use std::collections::BTreeMap;

/// Events and tasks matter from so near, in minutes.
const NEAR: f64 = 24.0 * 60.0;
/// What something takes where it does not say.
const TAKES: f64 = 15.0;
const PREPARING_TAKES: f64 = 5.0;
/// Past events are forgotten after so many seconds.
const PAST: i64 = 2 * 86_400;

/// Where a person is in their life.
#[derive(Debug, Clone)]
pub struct Surroundings {
    zone: TimeZone,
    pub asleep: bool,
    present: bool,
    tasks: BTreeMap<Ref, Task>,
    events: BTreeMap<Ref, Event>,
    /// Minutes that a habit takes, and the day it was last done on.
    habits: BTreeMap<HabitId, (f64, Option<Date>)>,
}

impl Surroundings {
    /// Nothing yet.
    pub fn new(zone: TimeZone) -> Self {
        Self {
            zone,
            asleep: true,
            present: false,
            tasks: BTreeMap::new(),
            events: BTreeMap::new(),
            habits: BTreeMap::new(),
        }
    }

    /// A fact of the person's life.
    pub fn hear(&mut self, fact: &Fact, now: Timestamp) {
        match fact {
            Fact::TaskAdded { task } | Fact::TaskChanged { task } => {
                self.tasks.insert(task.reference.clone(), task.clone());
            }
            Fact::TaskCompleted { task } | Fact::TaskRemoved { task } => {
                self.tasks.remove(task);
            }
            Fact::EventUpserted { event } => {
                self.events.retain(|_, event| event.end.duration_until(now).as_secs() < PAST);
                self.events.insert(event.reference.clone(), event.clone());
            }
            Fact::EventRemoved { event } => {
                self.events.remove(event);
            }
            Fact::HabitDefined { habit } => {
                self.habits.insert(habit.id.clone(), (habit.minutes.get().into(), None));
            }
            Fact::Presence { present } => self.present = *present,
            _ => {}
        }
    }

    /// Does a task, if it is still to be done.
    pub fn does_task(&mut self, task: &Ref) -> bool {
        self.tasks.remove(task).is_some()
    }

    /// Does a habit, if it was not done today.
    pub fn does_habit(&mut self, habit: &HabitId, now: Timestamp) -> bool {
        let today = self.zone.to_datetime(now).date();
        match self.habits.get_mut(habit) {
            Some((_, done)) if *done != Some(today) => {
                *done = Some(today);
                true
            }
            _ => false,
        }
    }

    /// What the moment is like.
    pub fn scene(&self, now: Timestamp) -> Scene {
        let wall = self.zone.to_datetime(now);
        let minutes = |from: Timestamp, to: Timestamp| from.duration_until(to).as_secs_f64() / 60.0;
        let busy = || self.events.values().filter(|event| event.busy);
        Scene {
            at: now,
            hour: f64::from(wall.hour()) + f64::from(wall.minute()) / 60.0,
            day_off: wall.date().weekday().to_monday_one_offset() >= 6,
            asleep: self.asleep,
            present: self.present,
            since_event: busy()
                .map(|event| minutes(event.end, now))
                .filter(|past| (0.0..NEAR).contains(past))
                .reduce(f64::min),
            until_event: busy()
                .map(|event| minutes(now, event.start))
                .filter(|to| (0.0..NEAR).contains(to))
                .reduce(f64::min),
        }
    }

    /// What the person knows of what a tip is about; nothing where it is no longer there.
    pub fn thing(&self, subject: &Subject, now: Timestamp) -> Option<Thing> {
        Some(match subject {
            Subject::Todo { task } => {
                let task = self.tasks.get(task)?;
                Thing {
                    sort: Sort::Task,
                    due: task.due.map(|due| self.days_until(due, now)),
                    urgency: f64::from(task.priority.get() - 1) / 3.0,
                    minutes: task.minutes.map_or(TAKES, |minutes| minutes.get().into()),
                }
            }
            Subject::Prepare { event, .. } => {
                self.events.get(event)?;
                Thing { sort: Sort::Prepare, due: None, urgency: 0.0, minutes: PREPARING_TAKES }
            }
            Subject::Habit { habit, .. } => {
                let (minutes, _) = self.habits.get(habit)?;
                Thing { sort: Sort::Habit, due: None, urgency: 0.0, minutes: *minutes }
            }
            Subject::Advice { advice } => {
                let minutes = f64::from(advice::find(advice)?.minutes);
                Thing { sort: Sort::Advice, due: None, urgency: 0.0, minutes }
            }
        })
    }

    fn days_until(&self, due: Due, now: Timestamp) -> f64 {
        let date = match due {
            Due::Day { date } => date,
            Due::Floating { at } => at.date(),
            Due::At { at } => self.zone.to_datetime(at).date(),
        };
        self.zone.to_datetime(now).date().duration_until(date).as_hours() as f64 / 24.0
    }
}
