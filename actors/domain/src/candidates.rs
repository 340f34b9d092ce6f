//! What could be said at this moment: everything that is open, fits the time there is, and is not unwanted.

use crate::advice;
use crate::features;
use crate::habits;
use crate::local::{self, minus, minutes, minutes_between, plus};
use crate::moments::{self, BUFFER};
use crate::profile::Profile;
use crate::profile::kept::{KeptTask, Kind, Memory};
use jiff::{SignedDuration, Timestamp};
use oo_contracts::decision::{Candidate, Context};
use oo_contracts::signal::{Due, Purpose};
use oo_contracts::tip::Subject;
use std::borrow::Cow;

/// The most that a policy chooses among.
pub const MAX: usize = 32;
/// How many of them may be preparations, habits and advices; tasks take the rest.
const MAX_PREPARE: usize = 4;
const MAX_HABITS: usize = 8;
const MAX_ADVICE: usize = 4;

/// What a task takes where nobody knows.
pub const TASK_MINUTES: u16 = 15;
/// What getting ready takes.
pub const PREPARE_MINUTES: u16 = 5;
/// Getting ready is worth a word from so long before an event: earlier it is forgotten again.
pub const PREPARE_FROM: SignedDuration = minutes(45);
/// And no later than this: getting ready, and the buffer.
pub const PREPARE_UNTIL: SignedDuration = minutes(10);

/// A tip stays for so long at most: what was right before a coffee is not right after lunch.
pub const LIVES_AT_MOST: SignedDuration = minutes(45);
/// And so long at least, or it is not given.
pub const LIVES_AT_LEAST: SignedDuration = minutes(5);

/// What a policy may choose from at `now`, at most [`MAX`].
///
/// The order is fixed, and says what is left out first: preparations by the start of their event, habits by the end of
/// their part of the day, tasks (past due and due today first, then by priority, then the oldest, then by reference),
/// advices as the catalogue has them.
pub fn eligible(profile: &Profile, now: Timestamp) -> Vec<Candidate> {
    let seen = profile.permitted(Purpose::Choosing);
    let mut all = of_all_kinds(&seen, now);
    all.retain(|candidate| has_room(profile, candidate, now));
    all
}

fn of_all_kinds(profile: &Profile, now: Timestamp) -> Vec<Candidate> {
    let context = features::context(profile, now);
    let mut all = preparations(profile, &context);
    all.truncate(MAX_PREPARE);
    let mut habits = open_habits(profile, &context);
    habits.truncate(MAX_HABITS);
    all.extend(habits);
    let mut advices = advices(profile, &context);
    advices.truncate(MAX_ADVICE);
    let mut tasks = open_tasks(profile, &context);
    tasks.truncate(MAX - all.len() - advices.len());
    all.extend(tasks);
    all.extend(advices);
    all
}

/// Whether `subject` could be said at `now`, the limits of a list aside.
pub fn is_eligible(profile: &Profile, subject: &Subject, now: Timestamp) -> bool {
    let seen = &*profile.permitted(Purpose::Choosing);
    let context = features::context(seen, now);
    let all = match subject {
        Subject::Todo { .. } => open_tasks(seen, &context),
        Subject::Prepare { .. } => preparations(seen, &context),
        Subject::Habit { .. } => open_habits(seen, &context),
        Subject::Advice { .. } => advices(seen, &context),
    };
    all.iter().any(|candidate| candidate.subject == *subject && has_room(profile, candidate, now))
}

/// Whether there is room before what is busy and may be seen for the timing; what may be seen for choosing as well was looked
/// at already.
fn has_room(profile: &Profile, candidate: &Candidate, now: Timestamp) -> bool {
    match profile.permitted(Purpose::Timing) {
        Cow::Borrowed(_) => true,
        Cow::Owned(seen) => moments::next_busy(&seen, now)
            .is_none_or(|start| plus(now, minutes(i64::from(candidate.minutes)) + BUFFER) <= start),
    }
}

/// Until when a tip about `subject`, given at `now`, may be shown: until the gap, the quiet before the night, the part of
/// the day or the event it belongs to ends, and [`LIVES_AT_MOST`].
pub fn not_after(profile: &Profile, subject: &Subject, now: Timestamp) -> Timestamp {
    let gap_ends = moments::next_busy(&profile.permitted(Purpose::Timing), now).map(|start| minus(start, BUFFER));
    let own = match subject {
        Subject::Prepare { starts, .. } => Some(minus(*starts, BUFFER)),
        Subject::Habit { habit, .. } => profile
            .habits()
            .iter()
            .find(|kept| kept.habit.id == *habit)
            .and_then(|kept| habits::closes(profile, kept, now)),
        Subject::Todo { .. } | Subject::Advice { .. } => None,
    };
    [gap_ends, moments::quiet_from(profile, now), own]
        .into_iter()
        .flatten()
        .fold(plus(now, LIVES_AT_MOST), Timestamp::min)
}

fn open_tasks(profile: &Profile, context: &Context) -> Vec<Candidate> {
    let now = context.at;
    let mut tasks: Vec<_> = profile
        .tasks()
        .iter()
        .filter(|kept| profile.accounts().contains(&kept.task.reference.account) && profile.is_open(kept, now))
        .filter_map(|kept| {
            let subject = Subject::Todo { task: kept.task.reference.clone() };
            let takes = kept.task.minutes.map_or(TASK_MINUTES, |minutes| minutes.get());
            let fits = fits(profile, context, &subject, takes, &kept.memory);
            fits.then(|| task_candidate(profile, kept, now))
        })
        .collect();
    // Stable, over tasks that are sorted by reference.
    tasks.sort_by_key(|task| {
        let pressing = task.due_days.filter(|days| *days <= 0).is_none();
        (pressing, std::cmp::Reverse(task.priority), std::cmp::Reverse(task.age_days))
    });
    tasks
}

fn preparations(profile: &Profile, context: &Context) -> Vec<Candidate> {
    let now = context.at;
    let mut events: Vec<_> = profile
        .events()
        .iter()
        .filter(|kept| moments::takes_time(kept) && !kept.event.all_day && kept.memory.shown == 0)
        .filter(|kept| profile.accounts().contains(&kept.event.reference.account))
        .filter(|kept| (PREPARE_UNTIL..=PREPARE_FROM).contains(&now.duration_until(kept.event.start)))
        .filter_map(|kept| {
            let subject = Subject::Prepare { event: kept.event.reference.clone(), starts: kept.event.start };
            let fits = fits(profile, context, &subject, PREPARE_MINUTES, &kept.memory);
            fits.then(|| (kept.event.start, candidate(subject, PREPARE_MINUTES, &kept.memory, now)))
        })
        .collect();
    events.sort_by_key(|(start, _)| *start);
    events.into_iter().map(|(_, candidate)| candidate).collect()
}

fn open_habits(profile: &Profile, context: &Context) -> Vec<Candidate> {
    let now = context.at;
    let mut habits: Vec<_> = profile
        .habits()
        .iter()
        .filter(|kept| habits::is_open(profile, kept, now) && !habits::is_done(profile, kept, now))
        .filter_map(|kept| {
            let subject = Subject::Habit { habit: kept.habit.id.clone(), label: kept.habit.label.clone() };
            let takes = kept.habit.minutes.get();
            let fits = fits(profile, context, &subject, takes, &kept.memory);
            fits.then(|| (habits::closes(profile, kept, now), candidate(subject, takes, &kept.memory, now)))
        })
        .collect();
    habits.sort_by_key(|(closes, _)| *closes);
    habits.into_iter().map(|(_, candidate)| candidate).collect()
}

fn advices(profile: &Profile, context: &Context) -> Vec<Candidate> {
    let now = context.at;
    let unknown = Memory::default();
    advice::CATALOGUE
        .iter()
        .filter(|advice| advice.trigger.holds(context))
        .filter_map(|advice| {
            let id = advice.id();
            let memory = profile.advice_memory(&id).unwrap_or(&unknown);
            let rested = memory.last_shown.is_none_or(|shown| plus(shown, advice::RESTS) <= now);
            let subject = Subject::Advice { advice: id };
            let fits = rested && fits(profile, context, &subject, advice.minutes, memory);
            fits.then(|| candidate(subject, advice.minutes, memory, now))
        })
        .collect()
}

/// Wanted, with room before the next busy event, and long enough on the screen to be seen.
fn fits(profile: &Profile, context: &Context, subject: &Subject, takes: u16, memory: &Memory) -> bool {
    let now = context.at;
    let wanted =
        !memory.never && !memory.is_snoozed(now) && !Kind::of(subject).is_some_and(|kind| profile.is_off(kind));
    let room = plus(now, minutes(i64::from(takes)) + BUFFER) <= gap_ends(context);
    wanted && room && now.duration_until(not_after(profile, subject, now)) >= LIVES_AT_LEAST
}

/// When the gap that `now` is in ends; a day ahead where nothing ends it, and now when there is none.
fn gap_ends(context: &Context) -> Timestamp {
    match context.next_busy {
        _ if context.free_minutes == 0 => context.at,
        Some(start) => start,
        None => plus(context.at, local::days(1)),
    }
}

fn candidate(subject: Subject, takes: u16, memory: &Memory, now: Timestamp) -> Candidate {
    Candidate {
        subject,
        minutes: takes,
        priority: 1,
        due_days: None,
        age_days: 0,
        shown: memory.shown,
        since_shown: memory.last_shown.map(|shown| minutes_between(shown, now, u32::MAX)),
    }
}

fn task_candidate(profile: &Profile, kept: &KeptTask, now: Timestamp) -> Candidate {
    let subject = Subject::Todo { task: kept.task.reference.clone() };
    let takes = kept.task.minutes.map_or(TASK_MINUTES, |minutes| minutes.get());
    Candidate {
        priority: kept.task.priority.get(),
        due_days: kept.task.due.map(|due| due_days(profile, due, now)),
        age_days: age_days(kept.first_seen, now),
        ..candidate(subject, takes, &kept.memory, now)
    }
}

/// What a policy sees of `subject`, eligible or not; nothing where the profile does not know it.
pub(crate) fn describe(profile: &Profile, subject: &Subject, now: Timestamp) -> Option<Candidate> {
    let described = |takes, memory: &Memory| candidate(subject.clone(), takes, memory, now);
    match subject {
        Subject::Todo { task } => {
            let kept = profile.tasks().iter().find(|kept| kept.task.reference == *task)?;
            Some(task_candidate(profile, kept, now))
        }
        Subject::Prepare { event, .. } => {
            let kept = profile.events().iter().find(|kept| kept.event.reference == *event)?;
            Some(described(PREPARE_MINUTES, &kept.memory))
        }
        Subject::Habit { habit, .. } => {
            let kept = profile.habits().iter().find(|kept| kept.habit.id == *habit)?;
            Some(described(kept.habit.minutes.get(), &kept.memory))
        }
        Subject::Advice { advice } => {
            let unknown = Memory::default();
            let memory = profile.advice_memory(advice).unwrap_or(&unknown);
            advice::find(advice).map(|found| described(found.minutes, memory))
        }
    }
}

/// Days from the local day of `now` until something is due, negative past it.
fn due_days(profile: &Profile, due: Due, now: Timestamp) -> i32 {
    let date = match due {
        Due::Day { date } => date,
        Due::Floating { at } => at.date(),
        Due::At { at } => local::day(profile.zone(), at),
    };
    let days = local::day(profile.zone(), now).duration_until(date).as_hours() / 24;
    days.clamp(-3650, 3650) as i32
}

fn age_days(first_seen: Timestamp, now: Timestamp) -> u16 {
    let days = first_seen.duration_until(now).as_hours() / 24;
    days.clamp(0, i64::from(u16::MAX)) as u16
}

#[cfg(test)]
mod tests;
