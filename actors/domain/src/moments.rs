//! Is this a moment to speak, and if not, when to look again? Asked before any policy is, and once more before a tip is
//! given.

use crate::candidates;
use crate::habits;
use crate::local::{self, minus, minutes, plus};
use crate::profile::Profile;
use crate::profile::kept::KeptEvent;
use crate::quiet::Quiet;
use crate::rhythm;
use jiff::{SignedDuration, Timestamp};
use oo_contracts::Share;
use oo_contracts::decision::{Candidate, Hush, Silence};
use oo_contracts::signal::Purpose;

/// Nothing is said so shortly before a busy event, and a task leaves so much room before it (product R-T4).
pub const BUFFER: SignedDuration = minutes(5);

/// When a policy could have spoken and did not, it is asked again after this: three quarters of an hour, so that a day
/// has some fifteen moments and one silence costs none of them.
pub const ASK_AGAIN: SignedDuration = minutes(45);

/// When all workers were taken, or somebody waits for a tip, after this.
pub const ASK_AGAIN_SOON: SignedDuration = minutes(1);

/// What can soon no longer be said in time is looked at so long before: time enough for a second try.
pub const LAST_LOOK: SignedDuration = minutes(15);

/// A person's day winds down so long before it ends.
pub const WINDS_DOWN: SignedDuration = minutes(90);

/// With something linked, nobody is left alone for longer than this: what was missed is seen then.
pub const LOOK_AT_LEAST_EVERY: SignedDuration = SignedDuration::from_hours(6);

/// A silence of known end is slept through up to here: a night, but not a day.
pub const SLEEP_AT_MOST: SignedDuration = SignedDuration::from_hours(12);

/// Whether now is a moment to speak; if not, the reason, and until when it holds.
///
/// Each silence but the two lasting ones ends at its `until`, which is after `now`: at that instant another reason may
/// hold, with a later end, never the same one with the same end.
pub fn may_speak(profile: &Profile, now: Timestamp) -> Result<(), Silence> {
    if !profile.allows_tips() {
        return Err(Silence::NoConsent);
    }
    if profile.preferences().budget.get() == 0 {
        return Err(Silence::BudgetZero);
    }
    if let Some(until) = quiet_until(profile, now) {
        return Err(Silence::QuietHours { until });
    }
    if let Some(live) = profile.lives().last().filter(|life| life.is_live(now)) {
        return Err(Silence::TipLive { until: live.not_after });
    }
    if profile.given_today(now) >= profile.budget(now) {
        return Err(Silence::BudgetSpent { until: local::tomorrow(profile.zone(), now) });
    }
    if let Some(until) = profile.paused_until().filter(|until| now < *until) {
        return Err(Silence::Snoozed { until });
    }
    // A time that the person named is theirs to name.
    if let Some(until) = gap_ends(profile, now).filter(|_| !profile.wants_something(now)) {
        return Err(Silence::TooSoon { until: profile.wants_next(now).map_or(until, |named| named.min(until)) });
    }
    match busy_block(&profile.permitted(Purpose::Timing), now) {
        Some(Block { started: true, until }) => Err(Silence::Busy { until }),
        Some(Block { started: false, until }) => Err(Silence::AlmostBusy { until }),
        None => Ok(()),
    }
}

/// Whether the last tip is too young for any other than one that is wanted by now.
pub(crate) fn is_gap(profile: &Profile, now: Timestamp) -> bool {
    gap_ends(profile, now).is_some()
}

fn gap_ends(profile: &Profile, now: Timestamp) -> Option<Timestamp> {
    let gap = minutes(profile.preferences().gap.get().into());
    profile.last_given().map(|given| plus(given, gap)).filter(|until| now < *until)
}

/// Whether the person waits for a tip: at a screen for their very first one, or for what they wanted to hear of by now.
pub(crate) fn is_awaited(profile: &Profile, candidates: &[Candidate], now: Timestamp) -> bool {
    let is_there = |purpose| profile.permitted(purpose).is_present(now);
    let is_first = || profile.last_given().is_none() && is_there(Purpose::Timing) && is_there(Purpose::Choosing);
    candidates.iter().any(|one| one.wanted) || is_first()
}

/// When a policy that could have spoken and did not is asked again.
fn ask_again(profile: &Profile, candidates: &[Candidate], now: Timestamp) -> Timestamp {
    plus(now, if is_awaited(profile, candidates, now) { ASK_AGAIN_SOON } else { ASK_AGAIN })
}

/// Why nothing can be said at `now`: it is not the moment, or there is nothing that fits it.
pub fn silence(profile: &Profile, now: Timestamp) -> Option<Silence> {
    match may_speak(profile, now) {
        Err(silence) => Some(silence),
        Ok(()) if candidates::eligible(profile, now).is_empty() => {
            Some(Silence::NothingFits { until: next_turn(profile, now) })
        }
        Ok(()) => None,
    }
}

/// What a policy's silence means for this person.
pub fn hushed(profile: &Profile, now: Timestamp, hush: Hush, confidence: Option<Share>) -> Silence {
    let until = match hush {
        Hush::Overloaded => plus(now, ASK_AGAIN_SOON),
        Hush::NotWorthIt | Hush::EnoughForNow => {
            next_turn(profile, now).min(ask_again(profile, &candidates::eligible(profile, now), now))
        }
        Hush::NoCandidates => next_turn(profile, now),
    };
    Silence::Policy { hush, until, confidence }
}

/// The next instant at which looking is worth it, always after `now`; `None` when time alone changes nothing.
///
/// `silence` is what the last look found, if it found one; whatever it says, what holds now is asked first.
pub fn next_look(profile: &Profile, now: Timestamp, silence: Option<&Silence>) -> Option<Timestamp> {
    if let Err(held) = may_speak(profile, now) {
        return held.until().map(|until| until.min(plus(now, SLEEP_AT_MOST)));
    }
    let said = match silence {
        // A policy was asked, or is about to be: it may say something else a while later.
        None | Some(Silence::Policy { hush: Hush::NotWorthIt | Hush::EnoughForNow, .. }) => {
            let candidates = candidates::eligible(profile, now);
            (!candidates.is_empty()).then(|| ask_again(profile, &candidates, now))
        }
        Some(Silence::Policy { hush: Hush::Overloaded, .. }) => Some(plus(now, ASK_AGAIN_SOON)),
        _ => None,
    };
    let until = silence.and_then(Silence::until).filter(|until| *until > now);
    said.into_iter().chain(until).chain([next_turn(profile, now)]).min()
}

/// Whether the person's quiet hours are now, or they wanted no more today.
pub fn is_quiet(profile: &Profile, now: Timestamp) -> bool {
    quiet_until(profile, now).is_some()
}

/// When the next quiet hours begin, from outside them.
pub fn quiet_from(profile: &Profile, now: Timestamp) -> Option<Timestamp> {
    quiet(profile)?.opens(profile.zone(), now)
}

/// A stretch of busy time with no room between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Whether it has begun; otherwise it is about to.
    pub started: bool,
    /// When it ends, with everything that follows within [`BUFFER`].
    pub until: Timestamp,
}

/// The busy stretch that `now` is in, or less than [`BUFFER`] before.
pub fn busy_block(profile: &Profile, now: Timestamp) -> Option<Block> {
    let mut until = now;
    // Each round swallows what overlaps or follows closely, until nothing does.
    while let Some(end) = profile
        .events()
        .iter()
        .filter(|kept| takes_time(kept) && minus(kept.event.start, BUFFER) <= until && until < kept.event.end)
        .map(|kept| kept.event.end)
        .max()
    {
        until = end;
    }
    let started =
        profile.events().iter().any(|kept| takes_time(kept) && kept.event.start <= now && now < kept.event.end);
    (until > now).then_some(Block { started, until })
}

/// The start of the next busy event after `now`.
pub fn next_busy(profile: &Profile, now: Timestamp) -> Option<Timestamp> {
    profile
        .events()
        .iter()
        .filter(|kept| takes_time(kept))
        .map(|kept| kept.event.start)
        .filter(|start| *start > now)
        .min()
}

/// Whether an event takes the person's time. One of a whole day does too where its calendar says busy: calendars
/// make those free unless the person decides otherwise.
pub fn takes_time(kept: &KeptEvent) -> bool {
    kept.event.busy && kept.event.start < kept.event.end
}

fn quiet(profile: &Profile) -> Option<Quiet> {
    Quiet::of(profile.preferences())
}

/// When the quiet hours, or the quiet day, that `now` is in end.
pub(crate) fn quiet_until(profile: &Profile, now: Timestamp) -> Option<Timestamp> {
    if let Some(until) = profile.hushed_until(now) {
        return Some(until);
    }
    let quiet = quiet(profile)?;
    // Hours that never end within days are no hours; a day is as good a time as any to look again.
    quiet
        .is_open(profile.zone(), now)
        .then(|| quiet.closes(profile.zone(), now).unwrap_or_else(|| plus(now, local::days(1))))
}

/// When something next begins or ends that a decision depends on; at the latest after [`LOOK_AT_LEAST_EVERY`].
fn next_turn(profile: &Profile, now: Timestamp) -> Timestamp {
    let profile = &*profile.permitted(Purpose::Timing);
    let zone = profile.zone();
    let today = local::day(zone, now);
    let meetings = profile.events().iter().filter(|kept| takes_time(kept)).flat_map(|kept| {
        let prepare = [candidates::PREPARE_FROM, LAST_LOOK + candidates::PREPARE_UNTIL];
        let prepare = prepare.map(|before| (!kept.event.all_day).then_some(minus(kept.event.start, before)));
        [Some(kept.event.end), prepare[0], prepare[1]]
    });
    // The last look before something can no longer be said in time.
    let ends = profile
        .tasks()
        .iter()
        .filter(|kept| profile.is_open(kept, now))
        .filter_map(|kept| candidates::task_deadline(profile, kept, now))
        .chain(
            profile
                .habits()
                .iter()
                .filter(|kept| habits::is_open(profile, kept, now) && !habits::is_done(profile, kept, now))
                .filter_map(|kept| candidates::habit_deadline(profile, kept, now)),
        )
        .map(|deadline| Some(minus(deadline, LAST_LOOK)));
    let rhythm = [Some(today), today.tomorrow().ok()].into_iter().flatten().flat_map(|day| {
        let evening = rhythm::evening(profile, day).map(|evening| minus(evening, WINDS_DOWN));
        [rhythm::morning(profile, day), evening]
    });
    let snoozed = profile
        .tasks()
        .iter()
        .map(|kept| &kept.memory)
        .chain(profile.events().iter().map(|kept| &kept.memory))
        .chain(profile.habits().iter().map(|kept| &kept.memory))
        .map(|memory| memory.snoozed_until);
    let habits =
        profile.habits().iter().filter(|kept| !kept.memory.never).map(|kept| habits::opens(profile, kept, now));
    let gap_ends = gap_ends(profile, now);
    let quiet_ends = quiet(profile).and_then(|quiet| quiet.closes(profile.zone(), now));
    meetings
        .chain(snoozed)
        .chain(habits)
        .chain(ends)
        .chain(rhythm)
        .chain([
            profile.wants_next(now),
            gap_ends,
            quiet_ends,
            Some(local::tomorrow(profile.zone(), now)),
            Some(plus(now, LOOK_AT_LEAST_EVERY)),
        ])
        .flatten()
        .filter(|at| *at > now)
        .min()
        .unwrap_or_else(|| plus(now, LOOK_AT_LEAST_EVERY))
}

#[cfg(test)]
mod tests;
