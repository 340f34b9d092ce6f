//! What the person said is wrong, or is not to be used: for ever, until they take it back.
//!
//! A corrected fact is taken out before a policy looks, so that nothing is decided by it; and it is not told where a policy
//! names it all the same.

use super::Profile;
use crate::advice;
use crate::candidates::TASK_MINUTES;
use crate::features;
use jiff::Timestamp;
use oo_contracts::decision::{Candidate, Context};
use oo_contracts::signal::Correction;
use oo_contracts::tip::{Ground, Subject, Tip};
use oo_contracts::wire::Corrected;
use oo_contracts::{SignalId, TipId};

/// The most corrections that are kept: far more than anybody makes by hand. Beyond it the oldest goes.
const MAX_CORRECTIONS: usize = 300;

/// A whole day, in minutes: where a calendar says nothing of a time.
const DAY_MINUTES: u16 = 24 * 60;

impl Profile {
    /// The corrections that hold, the newest last.
    pub fn corrections(&self) -> &[Corrected] {
        &self.corrections
    }

    /// Whether the person said that facts of this kind are wrong of this subject, or not to be used at all.
    pub fn is_corrected(&self, ground: Ground, subject: &Subject) -> bool {
        self.corrections.iter().any(|corrected| {
            corrected.ground == ground && corrected.about.as_ref().is_none_or(|about| is_same(about, subject))
        })
    }

    /// Whether what makes this a thing to say at all was corrected: the start of an event, the time of day of a habit, what
    /// an advice answers to. A task needs no occasion.
    pub(crate) fn lost_its_occasion(&self, subject: &Subject) -> bool {
        let ground = match subject {
            Subject::Todo { .. } => None,
            Subject::Prepare { .. } => Some(Ground::Start),
            Subject::Habit { .. } => Some(Ground::HabitTime),
            Subject::Advice { advice } => advice::find(advice).map(|advice| advice.trigger.ground()),
        };
        ground.is_some_and(|ground| self.is_corrected(ground, subject))
    }

    /// What a policy sees of the circumstances at `now`: without what is not to be used.
    pub(crate) fn usable_context(&self, now: Timestamp) -> Context {
        let mut context = features::context(self, now);
        for corrected in self.corrections.iter().filter(|corrected| corrected.about.is_none()) {
            match corrected.ground {
                Ground::FreeTime => (context.free_minutes, context.next_busy) = (DAY_MINUTES, None),
                Ground::JustEnded => context.since_busy = DAY_MINUTES,
                Ground::BusyDay => context.busy_today = 0,
                Ground::Mood => context.mood = None,
                Ground::DayBegins => context.since_morning = None,
                Ground::DayEnds => context.until_evening = None,
                // Told of a candidate, see below.
                Ground::Due
                | Ground::Importance
                | Ground::Duration
                | Ground::Waiting
                | Ground::Start
                | Ground::HabitTime
                | Ground::Row
                | Ground::EndsSoon => {}
            }
        }
        context
    }

    /// A candidate without what is wrong of it: as if nobody had said it.
    pub(crate) fn without_what_is_wrong(&self, mut candidate: Candidate) -> Candidate {
        if self.corrections.is_empty() {
            return candidate;
        }
        let is_wrong = |ground| self.is_corrected(ground, &candidate.subject);
        let (due, important, lasts) = (is_wrong(Ground::Due), is_wrong(Ground::Importance), is_wrong(Ground::Duration));
        let (waits, row, ends) = (is_wrong(Ground::Waiting), is_wrong(Ground::Row), is_wrong(Ground::EndsSoon));
        candidate.due_days = candidate.due_days.filter(|_| !due);
        candidate.priority = if important { 1 } else { candidate.priority };
        candidate.minutes = if lasts { TASK_MINUTES } else { candidate.minutes };
        candidate.age_days = if waits { 0 } else { candidate.age_days };
        candidate.in_a_row = candidate.in_a_row.filter(|_| !row);
        candidate.left = candidate.left.filter(|_| !ends);
        candidate
    }

    /// A tip without the reasons that were corrected since, or in spite of which it was chosen.
    pub(crate) fn without_corrected_reasons(&self, mut tip: Tip) -> Tip {
        let subject = &tip.subject;
        let stands = |ground: Option<Ground>| ground.is_none_or(|ground| !self.is_corrected(ground, subject));
        tip.reasons.retain(|reason| stands(reason.because.ground()));
        tip
    }

    pub(super) fn correct(&mut self, id: &SignalId, tip: &TipId, ground: Ground, correction: Correction) {
        let about = match correction {
            Correction::Wrong if ground.is_of_the_thing() => {
                // What the tip was about is known for as long as it can be answered.
                let Some(subject) = self.subject_of(tip) else { return };
                Some(subject.clone())
            }
            Correction::Wrong | Correction::Unused => None,
        };
        self.corrections.retain(|known| known.ground != ground || known.about != about);
        self.corrections.push(Corrected { id: id.clone(), ground, about });
        if self.corrections.len() > MAX_CORRECTIONS {
            self.corrections.remove(0);
        }
    }

    pub(super) fn use_again(&mut self, correction: &SignalId) {
        self.corrections.retain(|known| known.id != *correction);
    }
}

/// A habit keeps its id under another label, and an event when it is moved.
fn is_same(one: &Subject, other: &Subject) -> bool {
    match (one, other) {
        (Subject::Habit { habit: one, .. }, Subject::Habit { habit: other, .. }) => one == other,
        (Subject::Prepare { event: one, .. }, Subject::Prepare { event: other, .. }) => one == other,
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Log, at, on, todo};
    use crate::{candidates, decide};
    use jiff::civil::time;
    use oo_contracts::decision::{Choice, Recommendation};
    use oo_contracts::signal::{Fact, Priority};
    use oo_contracts::tip::{Because, Reason};

    const MORNING: &str = "2026-11-23T09:00:00Z";

    /// Two tasks of today, one of them given as a tip, and a meeting at ten.
    fn log() -> Log {
        let mut log = Log::linked();
        for item in ["milk", "bread"] {
            log.task_with(item, |task| {
                task.due = on("2026-11-23");
                task.priority = Priority::saturating(4);
            });
        }
        log.event("standup", "2026-11-23T10:00:00Z", "2026-11-23T10:30:00Z");
        log.tip("tip-0001", MORNING);
        log
    }

    fn correct(log: &mut Log, ground: Ground, correction: Correction) -> SignalId {
        let id: SignalId = format!("signal-{}", log.entries.len()).parse().unwrap();
        log.fact("2026-11-23T09:01:00Z", Fact::Correction { tip: "tip-0001".parse().unwrap(), ground, correction });
        id
    }

    /// What a policy is asked two hours later, when the gap after the tip is over.
    fn asked(log: &Log, item: &str) -> Candidate {
        let ask = decide::ask(&log.profile, "dec-00001".parse().unwrap(), 1, at("2026-11-23T12:00:00Z"));
        ask.candidates.into_iter().find(|candidate| candidate.subject == todo(item)).unwrap()
    }

    #[test]
    fn what_is_wrong_of_one_thing_is_not_used_of_it_and_of_no_other() {
        let mut log = log();
        correct(&mut log, Ground::Due, Correction::Wrong);
        assert_eq!(asked(&log, "milk").due_days, None);
        assert_eq!(asked(&log, "milk").left, None, "its end of today came from the same fact");
        assert_eq!(asked(&log, "bread").due_days, Some(0));
        // A provider that says it again changes nothing.
        log.task_with("milk", |task| task.due = on("2026-11-23"));
        assert_eq!(asked(&log, "milk").due_days, None);
    }

    #[test]
    fn what_is_not_to_be_used_is_used_of_nothing() {
        let mut log = log();
        correct(&mut log, Ground::Importance, Correction::Unused);
        assert_eq!((asked(&log, "milk").priority, asked(&log, "bread").priority), (1, 1));
        correct(&mut log, Ground::FreeTime, Correction::Wrong);
        let context = decide::ask(&log.profile, "dec-00001".parse().unwrap(), 1, at(MORNING)).context;
        assert_eq!((context.free_minutes, context.next_busy), (1440, None), "circumstances are of all things");
        let late = at("2026-11-23T09:50:00Z");
        assert!(!candidates::is_eligible(&log.profile, &todo("milk"), late), "a meeting is still not disturbed");
    }

    #[test]
    fn a_correction_taken_back_is_none() {
        let mut log = log();
        let due = correct(&mut log, Ground::Due, Correction::Wrong);
        let important = correct(&mut log, Ground::Importance, Correction::Unused);
        log.fact("2026-11-23T09:02:00Z", Fact::CorrectionUndone { correction: due });
        assert_eq!(asked(&log, "milk").due_days, Some(0));
        let left: Vec<_> = log.profile.corrections().iter().map(|corrected| corrected.id.clone()).collect();
        assert_eq!(left, [important]);
    }

    #[test]
    fn a_corrected_fact_is_not_told_whoever_names_it() {
        let mut log = log();
        correct(&mut log, Ground::Due, Correction::Wrong);
        let now = at("2026-11-23T12:00:00Z");
        let ask = decide::ask(&log.profile, "dec-00001".parse().unwrap(), 1, now);
        let place = ask.candidates.iter().position(|candidate| candidate.subject == todo("milk")).unwrap();
        let reason = |because| Reason { because, weight: 0.5 };
        let choice = Choice {
            candidate: place as u16,
            subject: todo("milk"),
            reasons: vec![reason(Because::DueToday), reason(Because::Important)],
        };
        let answer = Recommendation {
            tip: Some(choice),
            silence: None,
            propensity: 1.0,
            confidence: None,
            policy: "remote".to_owned().try_into().unwrap(),
            version: 1,
            provenance: Default::default(),
        };
        let tip = decide::tip(&log.profile, &ask, &answer, now).unwrap();
        assert_eq!(tip.reasons, [reason(Because::Important)]);
    }

    #[test]
    fn what_lost_its_occasion_is_not_said() {
        let mut log = Log::linked();
        log.habit("stretch", time(9, 0, 0, 0), time(18, 0, 0, 0), 5);
        let habit = Subject::Habit { habit: "stretch".parse().unwrap(), label: "stretch".parse().unwrap() };
        log.tip_about("tip-0001", habit.clone(), MORNING);
        assert!(log.profile.live_tip(at("2026-11-23T09:05:00Z")).is_some());
        correct(&mut log, Ground::HabitTime, Correction::Wrong);
        assert!(log.profile.live_tip(at("2026-11-23T09:05:00Z")).is_none(), "it goes from the screen as well");
        assert!(!candidates::is_eligible(&log.profile, &habit, at("2026-11-24T09:05:00Z")));
    }

    #[test]
    fn of_a_tip_that_nobody_remembers_only_what_concerns_all_is_corrected() {
        let mut log = log();
        let said = |correction| Fact::Correction { tip: "tip-9999".parse().unwrap(), ground: Ground::Due, correction };
        log.fact(MORNING, said(Correction::Wrong));
        assert!(log.profile.corrections().is_empty());
        log.fact(MORNING, said(Correction::Unused));
        assert_eq!(log.profile.corrections().len(), 1);
    }

    #[test]
    fn an_account_takes_its_corrections_with_it() {
        let mut log = log();
        correct(&mut log, Ground::Due, Correction::Wrong);
        log.fact(MORNING, Fact::AccountUnlinked { account: "acc".parse().unwrap() });
        assert!(log.profile.corrections().is_empty());
    }
}
