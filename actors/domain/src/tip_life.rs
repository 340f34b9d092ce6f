//! The life of a tip: given, then answered, expired or withdrawn; and what taking an answer back restores.

use crate::features::Row;
use crate::local::{minutes, plus};
use crate::profile::kept::{Memory, Trace};
use crate::receptivity::Occasion;
use jiff::{SignedDuration, Timestamp};
use oo_contracts::signal::Answer;
use oo_contracts::tip::Subject;
use oo_contracts::{AccountId, TipId};
use serde::{Deserialize, Serialize};

/// An answer can be taken back for so long. The page offers it for eight seconds of the wall clock (product §6.4);
/// this is on the person's clock, which may run sixty times as fast, with room for the way.
pub const UNDO_FOR: SignedDuration = minutes(10);

/// "Not now" without a time means: later today.
pub const NOT_NOW_FOR: SignedDuration = minutes(120);

/// What was put off until a time that the person named is wanted for so long from then on: a meeting may come between.
pub(crate) const WANTED_FOR: SignedDuration = minutes(180);

/// Nobody's "not now" is longer than this.
pub const NOT_NOW_AT_MOST: SignedDuration = crate::local::days(30);

/// So many tips ignored in a row lower the day's budget by one (product R-B3).
pub const IGNORED_IN_A_ROW: u8 = 2;

/// So often "not for me" on a kind turns the kind off (product R-B3).
pub const DECLINED_TURNS_OFF: u8 = 3;

/// Where a tip stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum State {
    /// On the screen until its `not_after`.
    Live,
    Answered {
        answer: Answer,
        at: Timestamp,
    },
    /// Its time passed without an answer.
    Expired,
    /// It became wrong before it was answered.
    Withdrawn {
        why: Withdrawal,
    },
}

/// What made a tip wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Withdrawal {
    /// It was done elsewhere.
    Completed,
    /// Its subject is gone, or was moved.
    Removed,
    /// Its account is no longer linked, or the link broke.
    Unlinked,
    /// The person said no.
    NoConsent,
    /// The person wants silence now: quiet hours, or no tips at all.
    Silenced,
    /// A busy event began, or is about to.
    Busy,
    /// A newer one took its place.
    Replaced,
    /// The person wants nothing of this kind.
    Declined,
}

/// What is remembered of a tip that was given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Life {
    pub tip: TipId,
    pub subject: Subject,
    /// The accounts that it came from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) sources: Vec<AccountId>,
    pub given_at: Timestamp,
    pub not_after: Timestamp,
    pub state: State,
    /// Whether a push service took it: `None` while none has said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pushed: Option<bool>,
    /// Somebody was at a screen while it stood.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) on_screen: bool,
    /// The last answer taken back was a "done".
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) undid_done: bool,
    /// The time and circumstances in which it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) occasion: Option<Occasion>,
    /// What a learner saw of it when it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) row: Option<Row>,
    /// What was heard of it, for its reward.
    #[serde(default, skip_serializing_if = "Trace::is_empty")]
    pub(crate) trace: Trace,
    /// What taking the answer back restores, for as long as it can be taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<Box<Before>>,
}

/// How things stood before an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Before {
    pub(crate) state: State,
    pub(crate) ignored: u8,
    pub(crate) paused_until: Option<Timestamp>,
    pub(crate) memory: Memory,
}

impl Life {
    /// Whether it may be shown at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.state == State::Live && now < self.not_after
    }

    /// Whether its time has passed without an answer, folded or not, though it may have been seen. What reached nobody was
    /// ignored by nobody.
    pub fn is_ignored(&self, now: Timestamp) -> bool {
        let reached = self.on_screen || self.pushed == Some(true);
        match self.state {
            State::Expired => reached,
            State::Live => reached && now >= self.not_after,
            State::Answered { .. } | State::Withdrawn { .. } => false,
        }
    }

    /// The time until which the person put it off, where they named one that was still to come.
    pub(crate) fn put_off_until(&self) -> Option<Timestamp> {
        match &self.state {
            State::Answered { answer: Answer::NotNow { until: Some(until) }, at } if until > at => {
                Some((*until).min(plus(*at, NOT_NOW_AT_MOST)))
            }
            _ => None,
        }
    }

    /// The answer, and until when it can be taken back.
    pub fn undoable(&self, now: Timestamp) -> Option<(&Answer, Timestamp)> {
        match &self.state {
            State::Answered { answer, at } => {
                let until = plus(*at, UNDO_FOR);
                (now < until && self.before.is_some()).then_some((answer, until))
            }
            State::Live | State::Expired | State::Withdrawn { .. } => None,
        }
    }
}

/// What an answer does to a tip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing: it was said before, or there is nothing to take back.
    Nothing,
    /// The first answer.
    Answer,
    /// Another answer in place of the first.
    Change,
    /// The answer is taken back.
    Undo,
}

/// What `answer`, said at `at`, does in this state. The one table of a tip's answers.
pub(crate) fn step(state: &State, answer: &Answer, at: Timestamp) -> Step {
    match (state, answer) {
        (State::Answered { at: answered, .. }, Answer::Undo) if at <= plus(*answered, UNDO_FOR) => Step::Undo,
        (_, Answer::Undo) => Step::Nothing,
        (State::Answered { answer: before, .. }, _) if before == answer => Step::Nothing,
        (State::Answered { .. }, _) => Step::Change,
        // An answer given offline, or elsewhere meanwhile, is still true.
        (State::Live | State::Expired | State::Withdrawn { .. }, _) => Step::Answer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(answer: Answer) -> State {
        State::Answered { answer, at: Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn a_second_done_is_nothing() {
        assert_eq!(step(&answered(Answer::Done), &Answer::Done, Timestamp::UNIX_EPOCH), Step::Nothing);
    }

    #[test]
    fn an_answer_can_be_changed() {
        let later = Answer::NotNow { until: None };
        assert_eq!(step(&answered(later), &Answer::Done, Timestamp::UNIX_EPOCH), Step::Change);
    }

    #[test]
    fn only_an_answer_can_be_taken_back_and_only_for_a_while() {
        let soon = plus(Timestamp::UNIX_EPOCH, minutes(10));
        let late = plus(Timestamp::UNIX_EPOCH, minutes(11));
        assert_eq!(step(&answered(Answer::NotForMe), &Answer::Undo, soon), Step::Undo);
        assert_eq!(step(&answered(Answer::NotForMe), &Answer::Undo, late), Step::Nothing);
        for state in [State::Live, State::Expired, State::Withdrawn { why: Withdrawal::Busy }] {
            assert_eq!(step(&state, &Answer::Undo, soon), Step::Nothing);
        }
    }

    #[test]
    fn an_answer_that_comes_late_still_counts() {
        assert_eq!(step(&State::Expired, &Answer::Done, Timestamp::UNIX_EPOCH), Step::Answer);
    }
}
