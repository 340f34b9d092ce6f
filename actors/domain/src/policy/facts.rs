//! The facts that speak for a candidate. Each can be derived again from the ask: nothing is said that is not so.

use crate::advice;
use crate::local::minutes_between;
use oo_contracts::decision::{Candidate, Context};
use oo_contracts::tip::{Because, Subject};

/// A due date further ahead than this does not speak for now.
const DUE_SOON_DAYS: i32 = 7;
/// A task this urgent was marked by somebody: 1 is the normal case, 2 the weakest mark.
const IMPORTANT: u8 = 3;
/// Younger than this it does not wait yet.
const WAITS_AFTER_DAYS: u16 = 3;

/// From so many days on, a row is one.
const A_ROW: u8 = 3;
/// What can be said for no longer than this ends soon.
const SOON_MINUTES: u16 = 60;
/// So long after an event is a break between two things.
const JUST_ENDED_MINUTES: u16 = crate::receptivity::BREAK.as_mins() as u16;

const DAY_MINUTES: u16 = 24 * 60;

/// All facts that speak for a candidate, those about itself before those about the time.
pub fn facts(context: &Context, candidate: &Candidate) -> Vec<Because> {
    let mut facts = Vec::new();
    match &candidate.subject {
        Subject::Todo { .. } => {
            facts.extend(candidate.due_days.and_then(due));
            facts.extend((candidate.priority >= IMPORTANT).then_some(Because::Important));
        }
        Subject::Prepare { starts, .. } => {
            let minutes = minutes_between(context.at, *starts, DAY_MINUTES.into()) as u16;
            facts.push(Because::StartsIn { minutes });
        }
        Subject::Habit { .. } => {
            facts.push(Because::HabitWindow);
            let days = candidate.in_a_row.filter(|days| *days >= A_ROW);
            facts.extend(days.map(|days| Because::InARow { days: days.into() }));
        }
        Subject::Advice { advice } => {
            facts.extend(advice::find(advice).map(|advice| advice.trigger.because(context)));
        }
    }
    if let Subject::Todo { .. } | Subject::Habit { .. } = candidate.subject
        && candidate.left.is_some_and(|left| left.get() <= SOON_MINUTES)
    {
        facts.push(Because::EndsSoon);
    }
    if context.since_busy <= JUST_ENDED_MINUTES && context.free_minutes > 0 {
        facts.push(Because::JustEnded { minutes: context.since_busy });
    }
    if !matches!(candidate.subject, Subject::Prepare { .. })
        && let Some(free) = free(context)
        && !facts.contains(&free)
    {
        facts.push(free);
    }
    facts.extend((!candidate.estimated).then_some(Because::Fits { minutes: candidate.minutes }));
    if candidate.age_days >= WAITS_AFTER_DAYS {
        facts.push(Because::Waiting { days: candidate.age_days });
    }
    facts
}

fn due(days: i32) -> Option<Because> {
    match days {
        0 => Some(Because::DueToday),
        1..=DUE_SOON_DAYS => u16::try_from(days).ok().map(|days| Because::DueIn { days }),
        ..0 => Some(Because::DueBefore { days: u16::try_from(days.unsigned_abs()).unwrap_or(u16::MAX) }),
        _ => None,
    }
}

/// Free time is a fact only where there is a calendar to see it in.
fn free(context: &Context) -> Option<Because> {
    let seen = context.next_busy.is_some() || context.since_busy < DAY_MINUTES || context.busy_today > 0;
    seen.then_some(Because::FreeMinutes { minutes: context.free_minutes, until: context.next_busy })
}
