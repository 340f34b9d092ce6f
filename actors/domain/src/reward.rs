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
/// It got done later, within [`WINDOW`], without an answer or after "not now". Most of what is done within a week would have
/// been done anyway, so this is no credit of the tip; but it did no harm, and the thing was right.
pub const DONE_LATER: f64 = 0.0;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Log, at, reference, task, tip_id};
    use oo_contracts::signal::Fact;

    const LATER: &str = "2026-11-24T18:00:00Z";

    fn tipped() -> Log {
        let mut log = Log::linked();
        log.task("milk").tip("tip-0001", "2026-11-23T12:00:00Z");
        log
    }

    fn worth(log: &Log, when: &str) -> Option<f64> {
        reward(log.profile.life_of(&tip_id("tip-0001")).unwrap(), at(when)).map(|worth| worth + BURDEN)
    }

    fn close(one: Option<f64>, other: f64) -> bool {
        one.is_some_and(|one| (one - other).abs() < 1e-12)
    }

    #[test]
    fn each_answer_has_its_worth() {
        let later = Answer::NotNow { until: None };
        for (answer, expected) in [(Answer::Done, DONE), (Answer::NotForMe, NOT_FOR_ME), (later, NOT_NOW)] {
            let mut log = tipped();
            assert_eq!(worth(&log, "2026-11-23T12:10:00Z"), None, "it may still be answered");
            log.answer("tip-0001", "2026-11-23T12:10:00Z", answer);
            assert!(close(worth(&log, "2026-11-23T12:11:00Z"), expected));
        }
        assert!(close(worth(&tipped(), LATER), IGNORED));
    }

    #[test]
    fn what_the_provider_says_is_done_counts_in_time_and_later() {
        let completed = || Fact::TaskCompleted { task: reference("milk") };
        let mut in_time = tipped();
        in_time.fact("2026-11-23T12:20:00Z", completed());
        assert!(close(worth(&in_time, LATER), DONE));
        let mut later = tipped();
        later.fact("2026-11-24T09:00:00Z", completed());
        assert!(close(worth(&later, LATER), DONE_LATER));
        let mut snoozed = tipped();
        snoozed.answer("tip-0001", "2026-11-23T12:10:00Z", Answer::NotNow { until: None });
        snoozed.fact("2026-11-24T09:00:00Z", completed());
        assert!(close(worth(&snoozed, LATER), DONE_LATER));
    }

    #[test]
    fn what_was_opened_again_was_not_done() {
        let mut log = tipped();
        log.fact("2026-11-24T09:00:00Z", Fact::TaskCompleted { task: reference("milk") });
        log.fact("2026-11-24T10:00:00Z", Fact::TaskAdded { task: task("milk") });
        assert!(close(worth(&log, LATER), IGNORED));
        log.fact("2026-11-24T11:00:00Z", Fact::TaskCompleted { task: reference("milk") });
        assert!(close(worth(&log, LATER), DONE_LATER));
    }

    #[test]
    fn an_answer_taken_back_teaches_nothing_and_another_in_its_place_counts() {
        let mut log = tipped();
        log.answer("tip-0001", "2026-11-23T12:05:00Z", Answer::Done);
        log.fact("2026-11-23T12:05:02Z", Fact::TaskCompleted { task: reference("milk") });
        log.answer("tip-0001", "2026-11-23T12:05:08Z", Answer::Undo);
        assert_eq!(worth(&log, LATER), None);
        log.answer("tip-0001", "2026-11-23T12:06:00Z", Answer::NotForMe);
        assert!(close(worth(&log, LATER), NOT_FOR_ME));
    }

    #[test]
    fn an_undo_that_came_too_late_takes_nothing_back() {
        let mut log = tipped();
        log.answer("tip-0001", "2026-11-23T12:05:00Z", Answer::Done);
        log.answer("tip-0001", "2026-11-23T12:20:00Z", Answer::Undo);
        assert!(close(worth(&log, LATER), DONE));
    }

    #[test]
    fn what_was_withdrawn_before_an_answer_teaches_nothing() {
        let mut log = tipped();
        log.fact("2026-11-23T12:10:00Z", Fact::TaskRemoved { task: reference("milk") });
        assert_eq!(worth(&log, LATER), None);
    }

    #[test]
    fn the_answer_said_last_stands_whichever_is_heard_last() {
        let answers = [
            (Answer::Done, "2026-11-23T12:05:00Z"),
            (Answer::Undo, "2026-11-23T12:06:00Z"),
            (Answer::NotForMe, "2026-11-23T12:07:00Z"),
            (Answer::NotNow { until: None }, "2026-11-23T12:08:00Z"),
        ];
        let heard = |order: [usize; 4]| {
            let mut trace = Trace::default();
            for place in order {
                trace.hear(&answers[place].0, at(answers[place].1));
            }
            trace
        };
        let in_order = heard([0, 1, 2, 3]);
        assert!(matches!(in_order.answer(), Some((Answer::NotNow { .. }, _))));
        for order in [[3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1], [3, 0, 2, 1]] {
            assert_eq!(heard(order), in_order);
        }
    }
}
