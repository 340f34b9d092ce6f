//! What a tip was worth, told from its life alone: a pure function, so that the order, the doubles and the lateness of what
//! is heard about it do not matter.

use crate::local::{days, plus};
use crate::profile::kept::Trace;
use crate::tip_life::{Life, UNDO_FOR};
use jiff::{SignedDuration, Timestamp};
use oo_contracts::signal::Answer;

/// So long after a tip was given, what is heard of it still counts; then it is learnt for good (recommender G12).
pub const WINDOW: SignedDuration = days(7);

/// The thing got done while the tip was there, or the person said so.
pub const DONE: f64 = 1.0;
/// It got done later, within [`WINDOW`], without an answer or after "not now": the tip may have helped, or it would have
/// been done anyway.
pub const DONE_LATER: f64 = 0.4;
/// "Not now": the thing was right, the moment was not.
pub const NOT_NOW: f64 = -0.2;
/// Nobody looked.
pub const IGNORED: f64 = -0.2;
/// The thing was wrong, and said so with some effort.
pub const NOT_FOR_ME: f64 = -0.8;
/// Every tip interrupts, a good one too: so much of it is what silence is worth.
pub const BURDEN: f64 = 0.05;

/// The reward of a tip as far as is known at `now`; nothing while it may still be answered, and nothing where its life
/// says nothing: what was withdrawn before it was answered, or whose answer was taken back.
pub fn reward(life: &Life, now: Timestamp) -> Option<f64> {
    let until = plus(life.given_at, WINDOW);
    let trace = &life.trace;
    let stands =
        |done: &Timestamp| trace.reopened.is_none_or(|reopened| reopened < *done) && !trace.undone_after(*done);
    let later = trace.done_later.filter(stands).is_some();
    let worth = match trace.answer().filter(|(_, at)| *at <= until) {
        Some((Answer::Done, _)) => DONE,
        Some((Answer::NotForMe, _)) => NOT_FOR_ME,
        Some((Answer::NotNow { .. } | Answer::Undo, _)) if later => DONE_LATER,
        Some((Answer::NotNow { .. } | Answer::Undo, _)) => NOT_NOW,
        None if trace.done_in_time.filter(stands).is_some() => DONE,
        None if later => DONE_LATER,
        None if trace.said.is_none() && life.is_ignored(now) => IGNORED,
        None => return None,
    };
    Some(worth - BURDEN)
}

impl Trace {
    /// The answer that stands: the one said last, unless it was taken back in time.
    pub(crate) fn answer(&self) -> Option<(&Answer, Timestamp)> {
        let (answer, at) = self.said.as_ref()?;
        let taken_back = self.undone.is_some_and(|undone| *at <= undone && undone <= plus(*at, UNDO_FOR));
        (!taken_back).then_some((answer, *at))
    }

    fn undone_after(&self, done: Timestamp) -> bool {
        self.undone.is_some_and(|undone| undone >= done)
    }

    /// Hears an answer. The one said last stands, whichever is heard last; of two of the same time the stronger.
    pub(crate) fn hear(&mut self, answer: &Answer, at: Timestamp) {
        if *answer == Answer::Undo {
            self.undone = self.undone.max(Some(at));
        } else if self.said.as_ref().is_none_or(|(said, before)| (*before, strength(said)) < (at, strength(answer))) {
            self.said = Some((answer.clone(), at));
        }
    }
}

fn strength(answer: &Answer) -> u8 {
    match answer {
        Answer::Undo => 0,
        Answer::NotNow { .. } => 1,
        Answer::Done => 2,
        Answer::NotForMe => 3,
    }
}

impl Life {
    /// Hears that what it is about was done at `when`.
    pub(crate) fn hear_done(&mut self, when: Timestamp) {
        if when < self.given_at || when > plus(self.given_at, WINDOW) {
            return;
        }
        let known = if when <= self.not_after { &mut self.trace.done_in_time } else { &mut self.trace.done_later };
        *known = (*known).max(Some(when));
    }

    /// Hears that what it is about is open at `when`, though it was done.
    pub(crate) fn hear_reopened(&mut self, when: Timestamp) {
        self.trace.reopened = self.trace.reopened.max(Some(when));
    }
}
