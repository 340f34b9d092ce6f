//! The budget pacer: how likely to speak now, so that the soft target is met on average and spread over the eligible day.
//!
//! It stands outside every policy. The hard cap is not its matter: [`crate::moments::may_speak`] holds that. With a target
//! of `T` tips for a day of which the part `x` of the eligible time has passed, and `sent` given so far, the day is
//! behind its plan by
//!
//! ```text
//! a(x) = T·x − sent
//! ```
//!
//! Each tip has a slot of the eligible day, in which `a` runs from 0 to 1. A moment that was drawn evenly from the slot
//! would fall between the last look and this one with the probability
//!
//! ```text
//! pace = (a(now) − a(before)) / (1 − a(before)),  a within 0 and 1
//! ```
//!
//! if it did not fall earlier. Whoever speaks with just this probability gives one tip in each slot, evenly over it,
//! however often somebody looks: the same hazard by which a survival time is drawn. What a day leaves over, or takes too
//! much, is carried to the next one. What somebody waits for has no slot ([`crate::decide::ask`]).

use crate::local::{self, minus};
use crate::moments::{self, ASK_AGAIN, BUFFER};
use crate::profile::Profile;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use oo_contracts::Share;
use oo_contracts::decision::{Candidate, Context, DayMinutes};
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// Of the most that a person allows, two in three are aimed at: one is left for what cannot wait.
const AIM: (i64, i64) = (2, 3);

const WEEK_DAYS: i64 = 7;

/// At most so many tips are owed from one day to the next: yesterday is not made good in an hour.
const OWED_AT_MOST: i64 = 1;

/// At most so many given too early are made good by the next days: nobody is left alone for a week for them.
const AHEAD_AT_MOST: i64 = 3;

/// The plan of a day is over one look before the day is: the last tip still finds its moment.
const OVER_BEFORE: SignedDuration = ASK_AGAIN;

/// A policy's own odds weigh at most so much against the plan: beyond it the spread is the policy's, not the pacer's.
const WEIGHS_AT_MOST: f64 = 8.0;

/// The probability of speaking within one [`ASK_AGAIN`], whatever the policy makes of it.
const SPEAKS: RangeInclusive<f64> = 0.05..=0.95;

/// So many tips a week a person of this budget gets on average: the soft target.
pub fn weekly_target(budget: u8) -> i64 {
    let most = WEEK_DAYS * i64::from(budget);
    (2 * most * AIM.0 + AIM.1) / (2 * AIM.1)
}

/// Where a day stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pacing {
    pub passed: DayMinutes,
    pub left: DayMinutes,
    /// The probability of speaking at this moment.
    pub pace: Share,
}

/// Where the local day of `now` stands.
pub fn pacing(profile: &Profile, now: Timestamp) -> Pacing {
    let (from, to) = (local::today(profile.zone(), now), local::tomorrow(profile.zone(), now));
    let stretches = open_stretches(profile, from, to);
    let passed = length(&stretches, from, now);
    let left = length(&stretches, now, to);
    let before = profile.looked_before().map_or(from, |at| at.clamp(from, now));
    let plan = Plan {
        target: day_target(profile, now),
        sent: f64::from(profile.given_today(now)),
        // Half a day at least is left of a short one.
        ends: (passed + left) - OVER_BEFORE.as_secs().min((passed + left) / 2),
    };
    let pace = match profile.given_today(now) < profile.budget(now) {
        true => plan.pace(length(&stretches, from, before), passed),
        false => 0.0,
    };
    let in_minutes = |seconds: i64| DayMinutes::saturating(seconds / 60);
    Pacing { passed: in_minutes(passed), left: in_minutes(left), pace: Share::saturating(pace) }
}

/// The probability of speaking for a policy that has a plan to keep to. `odds` are its own for the best candidate, one
/// being those of a plain one; `ends_soon` says that this candidate cannot wait for another look.
///
/// The odds of the plan are multiplied by those of the policy, so that a better moment is taken earlier and a worse one
/// later, and the plan brings both back. What ends soon has the odds of an even day at least, though the plan be ahead: it
/// is not starved, and the next days make it good. `None` without a plan in the context.
pub fn speaks(context: &Context, odds: f64, ends_soon: bool) -> Option<f64> {
    let plan = context.pace?.get();
    let pace = if ends_soon && context.sent_today < context.budget { plan.max(even(context)) } else { plan };
    let gain = odds.clamp(1.0 / WEIGHS_AT_MOST, WEIGHS_AT_MOST);
    Some(pace * gain / (pace * gain + 1.0 - pace))
}

/// A probability of speaking, kept within [`SPEAKS`], so that the effect of speaking can be estimated afterwards (recommender
/// §1). The lower end is that of a whole [`ASK_AGAIN`]: whom signals make oO look at more often is not told more by chance.
pub fn explored(context: &Context, speaks: f64) -> f64 {
    let whole = ASK_AGAIN.as_mins() as f64;
    let since = context.since_look.map_or(whole, |minutes| f64::from(minutes.get().max(1)).min(whole));
    speaks.clamp(SPEAKS.start() * since / whole, *SPEAKS.end())
}

/// Whether a candidate cannot wait for another look.
pub fn ends_soon(candidate: &Candidate) -> bool {
    candidate.left.is_some_and(|left| i64::from(left.get()) <= ASK_AGAIN.as_mins())
}

/// The part of the day's target that one look has on an even day.
fn even(context: &Context) -> f64 {
    let minutes = |part: Option<DayMinutes>| part.map_or(0.0, |part| f64::from(part.get()));
    let day = minutes(context.eligible_passed) + minutes(context.eligible_left);
    let target = weekly_target(context.budget) as f64 / WEEK_DAYS as f64;
    (target * ASK_AGAIN.as_secs_f64() / 60.0 / day.max(1.0)).min(1.0)
}

/// What is carried from day to day: kept in the profile, so that the log alone tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ledger {
    /// The day that is not yet accounted for.
    day: Date,
    /// Tips owed from the days before, in sevenths: a week's target has a whole number of them each day.
    owed: i64,
}

impl Ledger {
    /// The ledger at `now`: days that ended since are accounted for. Going back in time, or west, changes nothing.
    pub(crate) fn at(before: Option<Self>, profile: &Profile, now: Timestamp) -> Option<Self> {
        let budget = profile.preferences().budget.get();
        if !profile.allows_tips() || budget == 0 {
            return None;
        }
        let today = local::day(profile.zone(), now);
        let Some(mut ledger) = before else { return Some(Self { day: today, owed: 0 }) };
        // A clock that was far ahead and was set right again has accounted for nothing that is to come.
        if days_between(today, ledger.day) > 1 {
            ledger.day = today;
        }
        // After a week the carried part is at its limit, whatever came before.
        let week_ago = today.checked_sub(jiff::Span::new().days(WEEK_DAYS)).unwrap_or(today);
        ledger.day = ledger.day.max(week_ago);
        while ledger.day < today {
            let Ok(next) = ledger.day.tomorrow() else { break };
            let (from, to) = (local::day_start(profile.zone(), ledger.day), local::day_start(profile.zone(), next));
            let sent = profile.lives().iter().filter(|life| from <= life.given_at && life.given_at < to).count();
            let sent = i64::try_from(sent).unwrap_or(AHEAD_AT_MOST);
            ledger.owed += weekly_target(budget) - WEEK_DAYS * sent;
            ledger.owed = ledger.owed.clamp(-AHEAD_AT_MOST * WEEK_DAYS, OWED_AT_MOST * WEEK_DAYS);
            ledger.day = next;
        }
        Some(ledger)
    }
}

fn days_between(from: Date, to: Date) -> i64 {
    from.duration_until(to).as_hours() / 24
}

/// How many tips this day aims at, with what the days before left.
fn day_target(profile: &Profile, now: Timestamp) -> f64 {
    let owed = Ledger::at(profile.ledger(), profile, now).map_or(0, |ledger| ledger.owed);
    let sevenths = weekly_target(profile.preferences().budget.get()) + owed;
    (sevenths as f64 / WEEK_DAYS as f64).clamp(0.0, f64::from(profile.budget(now)))
}

struct Plan {
    target: f64,
    sent: f64,
    /// Eligible seconds of the day by which all is to be said.
    ends: i64,
}

impl Plan {
    /// How far the day is behind its plan, in tips, after so many eligible seconds.
    fn behind(&self, passed: i64) -> f64 {
        let part = if self.ends > 0 { (passed as f64 / self.ends as f64).min(1.0) } else { 1.0 };
        (self.target * part - self.sent).clamp(0.0, 1.0)
    }

    fn pace(&self, before: i64, now: i64) -> f64 {
        let (before, now) = (self.behind(before), self.behind(now));
        if now >= 1.0 { 1.0 } else { (now - before).max(0.0) / (1.0 - before) }
    }
}

/// The parts of a span in which something may be said: outside the quiet hours, and outside busy events and the
/// [`BUFFER`] before each.
fn open_stretches(profile: &Profile, from: Timestamp, to: Timestamp) -> Vec<(Timestamp, Timestamp)> {
    let mut busy: Vec<_> = profile
        .events()
        .iter()
        .filter(|kept| moments::takes_time(kept) && kept.event.end > from && minus(kept.event.start, BUFFER) < to)
        .map(|kept| (minus(kept.event.start, BUFFER), kept.event.end))
        .collect();
    busy.sort_unstable();
    let mut open = Vec::new();
    let mut at = from;
    while at < to {
        if let Some(quiet_ends) = moments::quiet_until(profile, at) {
            at = quiet_ends;
            continue;
        }
        let until = moments::quiet_from(profile, at).map_or(to, |quiet| quiet.min(to));
        for (begins, ends) in busy.iter().filter(|(begins, _)| *begins < until) {
            if *begins > at {
                open.push((at, *begins));
            }
            at = at.max(*ends);
        }
        if at < until {
            open.push((at, until));
        }
        at = at.max(until);
    }
    open
}

/// Seconds of the stretches that lie in a span.
fn length(stretches: &[(Timestamp, Timestamp)], from: Timestamp, to: Timestamp) -> i64 {
    stretches
        .iter()
        .map(|(begins, ends)| ((*begins).max(from), (*ends).min(to)))
        .filter(|(begins, ends)| begins < ends)
        .map(|(begins, ends)| begins.duration_until(ends).as_secs())
        .sum()
}

#[cfg(test)]
mod tests;
