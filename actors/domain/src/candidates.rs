//! What could be said at this moment: everything that is open, fits the time there is, and is not unwanted.

use crate::advice;
use crate::features;
use crate::habits;
use crate::local::{self, minus, minutes, minutes_between, plus};
use crate::moments::{self, BUFFER};
use crate::profile::Profile;
use crate::profile::kept::{KeptEvent, KeptHabit, KeptTask, Kind, Memory};
use jiff::{SignedDuration, Timestamp};
use oo_contracts::decision::{Candidate, Context, DayMinutes};
use oo_contracts::signal::{Due, Minutes, Purpose};
use oo_contracts::tip::{Ground, Subject};
use std::borrow::Cow;

/// The most that a policy chooses among.
pub const MAX: usize = 32;
/// How many of them may be preparations, habits and advices; tasks take the rest.
const MAX_PREPARE: usize = 4;
const MAX_HABITS: usize = 8;
const MAX_ADVICE: usize = 4;
/// The catalogue is begun so many places further each day: more than one kind has there.
const ADVICE_STEP: usize = 13;

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
/// advices by when they were given last, then as the catalogue has them from the day's place on. Where something is wanted
/// by now, there is nothing else.
pub fn eligible(profile: &Profile, now: Timestamp) -> Vec<Candidate> {
    let seen = profile.permitted(Purpose::Choosing);
    let mut all = of_all_kinds(&Scene::at(&seen, now));
    all.retain(|candidate| has_room(profile, candidate, now));
    if moments::is_gap(profile, now) || all.iter().any(|candidate| candidate.wanted) {
        all.retain(|candidate| candidate.wanted);
    }
    all
}

fn of_all_kinds(scene: &Scene<'_>) -> Vec<Candidate> {
    let mut all = preparations(scene);
    all.truncate(MAX_PREPARE);
    let mut habits = open_habits(scene);
    habits.truncate(MAX_HABITS);
    all.extend(habits);
    let mut advices = advices(scene);
    advices.truncate(MAX_ADVICE);
    let mut tasks = open_tasks(scene);
    tasks.truncate(MAX - all.len() - advices.len());
    all.extend(tasks);
    all.extend(advices);
    all
}

/// Whether `subject` could be said at `now`, the limits of a list aside.
pub fn is_eligible(profile: &Profile, subject: &Subject, now: Timestamp) -> bool {
    let seen = profile.permitted(Purpose::Choosing);
    let scene = &Scene::at(&seen, now);
    let all = match subject {
        Subject::Todo { .. } => open_tasks(scene),
        Subject::Prepare { .. } => preparations(scene),
        Subject::Habit { .. } => open_habits(scene),
        Subject::Advice { .. } => advices(scene),
    };
    let may_be = |one: &Candidate| has_room(profile, one, now) && (one.wanted || !moments::is_gap(profile, now));
    all.iter().any(|candidate| candidate.subject == *subject && may_be(candidate))
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
    own_end(profile, subject, now).into_iter().fold(shown_until(profile, now), Timestamp::min)
}

/// Until when anything that is said at `now` may be shown.
fn shown_until(profile: &Profile, now: Timestamp) -> Timestamp {
    let gap_ends = moments::next_busy(&profile.permitted(Purpose::Timing), now).map(|start| minus(start, BUFFER));
    let night = moments::quiet_from(profile, now);
    [gap_ends, night].into_iter().flatten().fold(plus(now, LIVES_AT_MOST), Timestamp::min)
}

/// When the part of the day or the event that `subject` belongs to ends it.
fn own_end(profile: &Profile, subject: &Subject, now: Timestamp) -> Option<Timestamp> {
    match subject {
        Subject::Prepare { starts, .. } => Some(minus(*starts, BUFFER)),
        Subject::Habit { habit, .. } => profile
            .habits()
            .iter()
            .find(|kept| kept.habit.id == *habit)
            .and_then(|kept| habits::closes(profile, kept, now)),
        Subject::Todo { .. } | Subject::Advice { .. } => None,
    }
}

/// A moment, with what all its candidates have in common.
struct Scene<'a> {
    profile: &'a Profile,
    now: Timestamp,
    context: Context,
    shown_until: Timestamp,
}

impl<'a> Scene<'a> {
    fn at(profile: &'a Profile, now: Timestamp) -> Self {
        Self { profile, now, context: features::context(profile, now), shown_until: shown_until(profile, now) }
    }
}

fn open_tasks(scene: &Scene<'_>) -> Vec<Candidate> {
    let Scene { profile, now, .. } = *scene;
    let mut tasks: Vec<_> = profile
        .tasks()
        .iter()
        .filter(|kept| profile.sees(&kept.task.reference.account) && profile.is_open(kept, now))
        .filter_map(|kept| {
            let subject = Subject::Todo { task: kept.task.reference.clone() };
            let takes = task_minutes(profile, kept);
            fits(scene, &subject, takes, &kept.memory).then(|| task_candidate(profile, kept, now))
        })
        .collect();
    // Stable, over tasks that are sorted by reference.
    tasks.sort_by_key(|task| {
        let pressing = task.due_days.filter(|days| *days <= 0).is_none();
        (!task.wanted, pressing, std::cmp::Reverse(task.priority), std::cmp::Reverse(task.age_days))
    });
    tasks
}

fn preparations(scene: &Scene<'_>) -> Vec<Candidate> {
    let Scene { profile, now, .. } = *scene;
    let mut events: Vec<_> = profile
        .events()
        .iter()
        .filter(|kept| moments::takes_time(kept) && !kept.event.all_day && kept.memory.shown == 0)
        .filter(|kept| profile.sees(&kept.event.reference.account))
        .filter(|kept| (PREPARE_UNTIL..=PREPARE_FROM).contains(&now.duration_until(kept.event.start)))
        .filter_map(|kept| {
            let subject = Subject::Prepare { event: kept.event.reference.clone(), starts: kept.event.start };
            let fits = fits(scene, &subject, PREPARE_MINUTES, &kept.memory);
            fits.then(|| (kept.event.start, preparation(profile, &subject, kept, now)))
        })
        .collect();
    events.sort_by_key(|(start, _)| *start);
    events.into_iter().map(|(_, candidate)| candidate).collect()
}

fn open_habits(scene: &Scene<'_>) -> Vec<Candidate> {
    let Scene { profile, now, .. } = *scene;
    let mut habits: Vec<_> = profile
        .habits()
        .iter()
        .filter(|kept| habits::is_open(profile, kept, now) && !habits::is_done(profile, kept, now))
        .filter_map(|kept| {
            let subject = Subject::Habit { habit: kept.habit.id.clone(), label: kept.habit.label.clone() };
            let takes = kept.habit.minutes.get();
            let fits = fits(scene, &subject, takes, &kept.memory);
            fits.then(|| (habits::closes(profile, kept, now), habit_candidate(profile, kept, now)))
        })
        .collect();
    habits.sort_by_key(|(closes, habit)| (!habit.wanted, *closes));
    habits.into_iter().map(|(_, candidate)| candidate).collect()
}

fn advices(scene: &Scene<'_>) -> Vec<Candidate> {
    let Scene { profile, now, .. } = *scene;
    let unknown = Memory::default();
    let first = local::day(profile.zone(), now).duration_since(jiff::civil::Date::ZERO).as_hours() as usize / 24;
    let all = advice::CATALOGUE;
    // Each day begins elsewhere in the catalogue, and what was given longest ago comes first.
    let mut fitting: Vec<_> = (0..all.len())
        .map(|place| &all[(first * ADVICE_STEP + place) % all.len()])
        .filter(|advice| advice.trigger.holds(&scene.context))
        .filter_map(|advice| {
            let id = advice.id();
            let memory = profile.advice_memory(&id).unwrap_or(&unknown);
            let subject = Subject::Advice { advice: id };
            let rested = memory.last_shown.is_none_or(|shown| plus(shown, advice::RESTS) <= now);
            let rested = rested || profile.wants(&subject, now);
            let fits = rested && fits(scene, &subject, advice.minutes, memory);
            fits.then(|| (memory.last_shown, advised(profile, subject, advice.minutes, memory, now)))
        })
        .collect();
    fitting.sort_by_key(|(last_shown, advice)| (!advice.wanted, *last_shown));
    fitting.into_iter().map(|(_, candidate)| candidate).collect()
}

/// Not refused or put off, with room before the next busy event, and long enough on the screen to be seen.
fn fits(scene: &Scene<'_>, subject: &Subject, takes: u16, memory: &Memory) -> bool {
    let Scene { profile, now, ref context, shown_until } = *scene;
    let allowed = !memory.never
        && !memory.is_snoozed(now)
        && !Kind::of(subject).is_some_and(|kind| profile.is_off(kind))
        && !profile.lost_its_occasion(subject);
    let room = plus(now, minutes(i64::from(takes)) + BUFFER) <= gap_ends(context);
    let seen = || own_end(profile, subject, now).into_iter().fold(shown_until, Timestamp::min);
    allowed && room && now.duration_until(seen()) >= LIVES_AT_LEAST
}

/// When the gap that `now` is in ends; a day ahead where nothing ends it, and now when there is none.
fn gap_ends(context: &Context) -> Timestamp {
    match context.next_busy {
        _ if context.free_minutes == 0 => context.at,
        Some(start) => start,
        None => plus(context.at, local::days(1)),
    }
}

fn candidate(profile: &Profile, subject: Subject, takes: u16, memory: &Memory, now: Timestamp) -> Candidate {
    let wanted = profile.wants(&subject, now);
    // That it was said before speaks against nothing that the person wanted to hear again.
    let shown = Some(memory).filter(|_| !wanted);
    Candidate {
        subject,
        minutes: takes,
        estimated: false,
        wanted,
        priority: 1,
        due_days: None,
        age_days: 0,
        shown: shown.map_or(0, |memory| memory.shown),
        since_shown: shown.and_then(|memory| memory.last_shown).map(|last| minutes_between(last, now, u32::MAX)),
        left: None,
        in_a_row: None,
    }
}

/// The last instant at which a task of today can be said in time: it must be done by its hour, or before the day's quiet.
pub(crate) fn task_deadline(profile: &Profile, kept: &KeptTask, now: Timestamp) -> Option<Timestamp> {
    let due = kept.task.due?;
    let subject = Subject::Todo { task: kept.task.reference.clone() };
    if profile.is_corrected(Ground::Due, &subject) {
        return None;
    }
    if due_days(profile, due, now) != 0 {
        return None;
    }
    let hour = match due {
        Due::Day { .. } => None,
        Due::Floating { at } => profile.zone().to_ambiguous_timestamp(at).compatible().ok(),
        Due::At { at } => Some(at),
    };
    let takes = task_minutes(profile, kept);
    let by = hour.into_iter().chain([day_closes(profile, now)]).min()?;
    Some(minus(by, minutes(i64::from(takes)) + BUFFER)).filter(|deadline| *deadline > now)
}

/// The last instant at which a habit can be said in its part of the day.
pub(crate) fn habit_deadline(profile: &Profile, kept: &KeptHabit, now: Timestamp) -> Option<Timestamp> {
    let by = habits::closes(profile, kept, now).into_iter().chain([day_closes(profile, now)]).min()?;
    Some(minus(by, LIVES_AT_LEAST)).filter(|deadline| *deadline > now)
}

/// When nothing more is said today: the quiet hours begin, or the day ends.
fn day_closes(profile: &Profile, now: Timestamp) -> Timestamp {
    let tomorrow = local::tomorrow(profile.zone(), now);
    moments::quiet_from(profile, now).map_or(tomorrow, |quiet| quiet.min(tomorrow))
}

fn left(now: Timestamp, deadline: Timestamp) -> Option<DayMinutes> {
    (now <= deadline && deadline <= plus(now, local::days(1))).then(|| features::day_minutes(now, deadline))
}

fn task_candidate(profile: &Profile, kept: &KeptTask, now: Timestamp) -> Candidate {
    let subject = Subject::Todo { task: kept.task.reference.clone() };
    let takes = task_minutes(profile, kept);
    profile.without_what_is_wrong(Candidate {
        estimated: known_minutes(profile, kept).is_none(),
        priority: kept.task.priority.get(),
        due_days: kept.task.due.map(|due| due_days(profile, due, now)),
        age_days: age_days(kept.first_seen, now),
        left: task_deadline(profile, kept, now).and_then(|deadline| left(now, deadline)),
        ..candidate(profile, subject, takes, &kept.memory, now)
    })
}

fn habit_candidate(profile: &Profile, kept: &KeptHabit, now: Timestamp) -> Candidate {
    let subject = Subject::Habit { habit: kept.habit.id.clone(), label: kept.habit.label.clone() };
    profile.without_what_is_wrong(Candidate {
        left: habit_deadline(profile, kept, now).and_then(|deadline| left(now, deadline)),
        in_a_row: Some(habits::in_a_row(profile, kept, now)),
        ..candidate(profile, subject, kept.habit.minutes.get(), &kept.memory, now)
    })
}

fn preparation(profile: &Profile, subject: &Subject, kept: &KeptEvent, now: Timestamp) -> Candidate {
    let left = left(now, minus(kept.event.start, PREPARE_UNTIL));
    profile.without_what_is_wrong(Candidate {
        left,
        ..candidate(profile, subject.clone(), PREPARE_MINUTES, &kept.memory, now)
    })
}

fn advised(profile: &Profile, subject: Subject, takes: u16, memory: &Memory, now: Timestamp) -> Candidate {
    profile.without_what_is_wrong(candidate(profile, subject, takes, memory, now))
}

/// What a task takes, as far as somebody knows.
fn task_minutes(profile: &Profile, kept: &KeptTask) -> u16 {
    known_minutes(profile, kept).map_or(TASK_MINUTES, |minutes| minutes.get())
}

fn known_minutes(profile: &Profile, kept: &KeptTask) -> Option<Minutes> {
    let subject = Subject::Todo { task: kept.task.reference.clone() };
    kept.task.minutes.filter(|_| !profile.is_corrected(Ground::Duration, &subject))
}

/// What a policy sees of `subject`, eligible or not; nothing where the profile does not know it.
pub(crate) fn describe(profile: &Profile, subject: &Subject, now: Timestamp) -> Option<Candidate> {
    match subject {
        Subject::Todo { task } => {
            let kept = profile.tasks().iter().find(|kept| kept.task.reference == *task)?;
            Some(task_candidate(profile, kept, now))
        }
        Subject::Prepare { event, .. } => {
            let kept = profile.events().iter().find(|kept| kept.event.reference == *event)?;
            Some(preparation(profile, subject, kept, now))
        }
        Subject::Habit { habit, .. } => {
            let kept = profile.habits().iter().find(|kept| kept.habit.id == *habit)?;
            Some(habit_candidate(profile, kept, now))
        }
        Subject::Advice { advice } => {
            let unknown = Memory::default();
            let memory = profile.advice_memory(advice).unwrap_or(&unknown);
            advice::find(advice).map(|found| advised(profile, subject.clone(), found.minutes, memory, now))
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
