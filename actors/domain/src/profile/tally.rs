//! What became of the tips, counted: by week for the hit rate, and by account for what each of them gave.

use super::Profile;
use crate::local::{self, plus};
use crate::moments;
use crate::tip_life::{State, Withdrawal};
use jiff::{Timestamp, ToSpan as _};
use oo_contracts::AccountId;
use oo_contracts::signal::Answer;
use oo_contracts::tip::Tip;
use oo_contracts::wire::{Helped, Week};

/// This week and the three before it.
const WEEKS: usize = 4;

/// What a state counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Done,
    NotNow,
    NotForMe,
}

impl Outcome {
    fn of(state: &State) -> Option<Self> {
        match state {
            State::Answered { answer: Answer::Done, .. } | State::Withdrawn { why: Withdrawal::Completed } => {
                Some(Self::Done)
            }
            State::Answered { answer: Answer::NotNow { .. }, .. } => Some(Self::NotNow),
            State::Answered { answer: Answer::NotForMe, .. } => Some(Self::NotForMe),
            State::Answered { answer: Answer::Undo, .. } | State::Live | State::Expired | State::Withdrawn { .. } => {
                None
            }
        }
    }

    fn in_week(self, week: &mut Week) -> &mut u16 {
        match self {
            Self::Done => &mut week.done,
            Self::NotNow => &mut week.not_now,
            Self::NotForMe => &mut week.not_for_me,
        }
    }
}

impl Profile {
    /// What became of the tips of this week and the three before it, as far as there was something; the newest last.
    pub fn weeks(&self, now: Timestamp) -> &[Week] {
        let oldest = plus(now, local::days(-7 * WEEKS as i64));
        let from = local::day(self.zone(), oldest);
        let first = self.weeks.partition_point(|week| week.monday <= from);
        &self.weeks[first..]
    }

    /// How often each account led to a tip that was done.
    pub fn helped(&self) -> &[Helped] {
        &self.helped
    }

    /// Moves a tip to another state, and what is counted of it along. Gives the state that it had.
    pub(super) fn turn(&mut self, index: usize, state: State) -> State {
        let life = &mut self.lives[index];
        let (was, is) = (Outcome::of(&life.state), Outcome::of(&state));
        let before = std::mem::replace(&mut life.state, state);
        if was == is {
            return before;
        }
        let (given_at, sources) = (life.given_at, life.sources.clone());
        if let Some(week) = self.week_of(given_at) {
            if let Some(was) = was {
                let count = was.in_week(week);
                *count = count.saturating_sub(1);
            }
            if let Some(is) = is {
                let count = is.in_week(week);
                *count = count.saturating_add(1);
            }
        }
        for account in sources.into_iter().filter(|account| self.accounts.contains(account)) {
            let known = self.helped.iter_mut().find(|helped| helped.account == account);
            match (known, is == Some(Outcome::Done), was == Some(Outcome::Done)) {
                (Some(helped), true, _) => helped.times = helped.times.saturating_add(1),
                (Some(helped), false, true) => helped.times = helped.times.saturating_sub(1),
                (None, true, _) => self.helped.push(Helped { account, times: 1 }),
                (_, false, _) => {}
            }
        }
        // An answer taken back leaves nothing behind.
        self.helped.retain(|helped| helped.times > 0);
        before
    }

    pub(super) fn count_look(&mut self, at: Timestamp) {
        if let Some(week) = self.week_of(at) {
            week.looks = week.looks.saturating_add(1);
        }
    }

    pub(super) fn count_tip(&mut self, at: Timestamp) {
        if let Some(week) = self.week_of(at) {
            week.tips = week.tips.saturating_add(1);
        }
    }

    /// The accounts that a tip came from: the one of its subject, and where a reason was read from calendars, those that
    /// have something in this day.
    pub(super) fn sources_of(&self, tip: &Tip, at: Timestamp) -> Vec<AccountId> {
        let mut sources: Vec<AccountId> =
            tip.subject.reference().map(|reference| reference.account.clone()).into_iter().collect();
        let of_calendars =
            |because: &oo_contracts::tip::Because| because.ground().is_some_and(|g| g.is_of_the_calendar());
        if tip.reasons.iter().any(|reason| of_calendars(&reason.because)) {
            let (from, to) = (local::today(self.zone(), at), local::tomorrow(self.zone(), at));
            let today = self
                .events
                .iter()
                .filter(|kept| moments::takes_time(kept) && kept.event.start < to && from < kept.event.end);
            sources.extend(today.map(|kept| kept.event.reference.account.clone()));
        }
        sources.sort_unstable();
        sources.dedup();
        sources
    }

    /// The week that `at` is in, made where it is new; `None` for one that is too long ago.
    fn week_of(&mut self, at: Timestamp) -> Option<&mut Week> {
        let day = local::day(self.zone(), at);
        let into = i64::from(day.weekday().to_monday_zero_offset());
        let monday = day.checked_sub(into.days()).ok()?;
        let place = match self.weeks.binary_search_by_key(&monday, |week| week.monday) {
            Ok(place) => place,
            Err(0) if self.weeks.len() >= WEEKS => return None,
            Err(mut place) => {
                let new = Week { monday, looks: 0, tips: 0, done: 0, not_now: 0, not_for_me: 0 };
                self.weeks.insert(place, new);
                if self.weeks.len() > WEEKS {
                    self.weeks.remove(0);
                    place -= 1;
                }
                place
            }
        };
        self.weeks.get_mut(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Log, at, reference};
    use oo_contracts::Provider;
    use oo_contracts::signal::Fact;
    use oo_contracts::tip::{Because, Reason};

    fn counts(log: &Log, now: &str) -> Vec<[u16; 4]> {
        log.profile.weeks(at(now)).iter().map(|week| [week.tips, week.done, week.not_now, week.not_for_me]).collect()
    }

    #[test]
    fn answers_count_for_the_week_in_which_the_tip_was_given() {
        let mut log = Log::linked();
        log.task("milk");
        log.tip("tip-0001", "2026-11-15T10:00:00Z");
        log.answer("tip-0001", "2026-11-16T10:05:00Z", Answer::NotNow { until: None });
        log.tip("tip-0002", "2026-11-17T10:00:00Z");
        log.answer("tip-0002", "2026-11-17T10:05:00Z", Answer::NotNow { until: None });
        log.answer("tip-0002", "2026-11-17T10:06:00Z", Answer::NotForMe);
        assert_eq!(counts(&log, "2026-11-18T10:00:00Z"), [[1, 0, 1, 0], [1, 0, 0, 1]]);
        log.answer("tip-0002", "2026-11-17T10:07:00Z", Answer::Undo);
        assert_eq!(counts(&log, "2026-11-18T10:00:00Z"), [[1, 0, 1, 0], [1, 0, 0, 0]]);
    }

    #[test]
    fn what_was_done_elsewhere_while_the_tip_stood_is_done_and_counts_once() {
        let mut log = Log::linked();
        log.task("milk");
        log.tip("tip-0001", "2026-11-17T10:00:00Z");
        log.fact("2026-11-17T10:05:00Z", Fact::TaskCompleted { task: reference("milk") });
        assert_eq!(counts(&log, "2026-11-18T10:00:00Z"), [[1, 1, 0, 0]]);
        log.answer("tip-0001", "2026-11-17T10:06:00Z", Answer::Done);
        assert_eq!(counts(&log, "2026-11-18T10:00:00Z"), [[1, 1, 0, 0]]);
        assert_eq!(log.profile.helped()[0].times, 1);
    }

    #[test]
    fn only_four_weeks_are_shown_though_nothing_happened_since() {
        let mut log = Log::linked();
        log.task("milk");
        for (week, day) in [2, 9, 16, 23, 30].into_iter().enumerate() {
            log.tip(&format!("tip-000{week}"), &format!("2026-11-{day:02}T10:00:00Z"));
        }
        assert_eq!(counts(&log, "2026-11-30T11:00:00Z").len(), 4);
        assert_eq!(counts(&log, "2026-12-08T11:00:00Z").len(), 3);
        assert!(counts(&log, "2027-02-01T11:00:00Z").is_empty());
    }

    #[test]
    fn an_account_helped_where_a_tip_that_came_from_it_was_done() {
        let mut log = Log::linked();
        let calendar: AccountId = "calendar".parse().unwrap();
        log.fact(
            "2026-11-01T09:00:00Z",
            Fact::AccountLinked { account: calendar.clone(), provider: Provider::GoogleCalendar },
        );
        log.task("milk");
        let mut event = oo_contracts::signal::Event {
            reference: reference("standup"),
            start: at("2026-11-17T11:00:00Z"),
            end: at("2026-11-17T12:00:00Z"),
            busy: true,
            all_day: false,
        };
        event.reference.account = calendar.clone();
        log.fact("2026-11-17T09:00:00Z", Fact::EventUpserted { event });
        let mut tip = crate::testing::tip("tip-0001", crate::testing::todo("milk"), at("2026-11-17T10:00:00Z"));
        tip.reasons = vec![Reason { because: Because::FreeMinutes { minutes: 60, until: None }, weight: 1.0 }];
        let entry = oo_contracts::entry::Entry {
            v: oo_contracts::ENTRY_VERSION,
            at: tip.decided_at,
            body: oo_contracts::entry::Body::Tip { tip },
        };
        log.append(entry);
        let times = |log: &Log| -> Vec<(String, u32)> {
            log.profile.helped().iter().map(|helped| (helped.account.to_string(), helped.times)).collect()
        };
        assert!(times(&log).is_empty());
        log.answer("tip-0001", "2026-11-17T10:05:00Z", Answer::Done);
        assert_eq!(times(&log), [("acc".to_owned(), 1), ("calendar".to_owned(), 1)]);
        log.answer("tip-0001", "2026-11-17T10:06:00Z", Answer::Undo);
        assert!(times(&log).is_empty());
    }
}
