//! Folding one entry into a profile. It cannot fail, and the same log folds to the same profile everywhere.

use super::Profile;
use super::kept::{self, KeptAdvice, KeptEvent, KeptHabit, KeptTask, Kind, Memory, Tombstone, Trace};
use super::zone::Zone;
use crate::features::Row;
use crate::habits::DoneDays;
use crate::local::{self, minus, minutes, plus};
use crate::moments;
use crate::pacer::Ledger;
use crate::receptivity::Occasion;
use crate::reward;
use crate::tip_life::{IGNORED_IN_A_ROW, Life, State, Withdrawal};
use jiff::{SignedDuration, Timestamp};
use oo_contracts::entry::{Body, Entry, MomentPurpose};
use oo_contracts::model::Tenant;
use oo_contracts::signal::{DataSource, Delivery, Event, Fact, Habit, Purpose, Signal, Task};
use oo_contracts::tip::{Subject, Tip};
use oo_contracts::{AccountId, ENTRY_VERSION, Ref, TipId};

/// A change that a provider reports so soon after "done" may be from before it: the task stays done.
const DONE_SETTLES: SignedDuration = minutes(10);

impl Profile {
    /// Folds an entry in. False, and nothing changed, if it was folded before.
    ///
    /// The order is that of the log: the last version of a reference wins. An entry of a newer contract version
    /// changes nothing but the sequence; whoever understands it has another [`super::FOLD_VERSION`] and replays.
    pub fn fold(&mut self, seq: u64, entry: &Entry) -> bool {
        if seq <= self.seq {
            return false;
        }
        self.seq = seq;
        if entry.v > ENTRY_VERSION {
            return true;
        }
        self.settle(entry.at);
        self.ledger = Ledger::at(self.ledger, self, entry.at);
        match &entry.body {
            Body::Signal { signal } => self.heed(signal, entry.at),
            Body::Moment { moment } => {
                self.look(entry.at);
                if moment.purpose == MomentPurpose::Look {
                    self.count_look(entry.at);
                }
            }
            Body::Tip { tip } => self.give(tip, entry.at),
        }
        self.withdraw_what_is_wrong(entry.at);
        self.forget_what_is_past(entry.at);
        true
    }

    fn heed(&mut self, signal: &Signal, at: Timestamp) {
        // Nothing happens after it was told.
        let when = signal.at.min(at);
        if !matches!(signal.fact, Fact::Delivered { .. }) {
            self.look(at);
        }
        // What only a person says or does at a screen; a zone, a place or a provider's news come by themselves.
        if let Fact::Presence { .. } | Fact::Feedback { .. } | Fact::Mood { .. } | Fact::HabitDone { .. } = signal.fact
        {
            self.rhythm.note(&self.zone.tz, when);
        }
        match &signal.fact {
            Fact::TaskAdded { task } => self.keep_task(task, true, when, at),
            Fact::TaskChanged { task } => self.keep_task(task, false, when, at),
            Fact::TaskCompleted { task } => self.complete(task, when),
            Fact::TaskRemoved { task } => self.bury(task, false),
            Fact::EventUpserted { event } => self.keep_event(event),
            Fact::EventRemoved { event } => {
                if let Ok(index) = self.event_index(event) {
                    self.events.remove(index);
                }
            }
            Fact::HabitDefined { habit } => self.keep_habit(habit),
            Fact::HabitRemoved { habit } => self.habits.retain(|kept| kept.habit.id != *habit),
            Fact::HabitDone { habit } => {
                let about = |life: &&mut Life| matches!(&life.subject, Subject::Habit { habit: of, .. } if of == habit);
                self.lives.iter_mut().filter(about).for_each(|life| life.hear_done(when));
                if let Some(kept) = self.habits.iter_mut().find(|kept| kept.habit.id == *habit) {
                    kept.done.note(&self.zone.tz, when);
                    kept.memory.done_at = kept.memory.done_at.max(Some(when));
                }
            }
            Fact::Mood { level } => self.mood = Some((level.get(), when)),
            Fact::Presence { present } => self.come(*present, when),
            Fact::Zone { zone } => {
                // A name that no database knows says nothing about where the person is.
                if let Some(zone) = Zone::named(zone) {
                    self.zone = zone;
                }
            }
            Fact::Language { language } if self.unchosen => self.preferences.language = *language,
            Fact::Language { .. } => {}
            Fact::Place { place } => self.place = Some(*place),
            Fact::Feedback { tip, answer } => self.answer(&signal.id, tip, answer, when),
            Fact::Correction { tip, ground, correction } => self.correct(&signal.id, tip, *ground, *correction),
            Fact::CorrectionUndone { correction } => self.use_again(correction),
            Fact::QuietToday { quiet } => self.hushed_until = quiet.then(|| local::tomorrow(&self.zone.tz, when)),
            Fact::Delivered { tip, outcome, .. } => self.delivered(tip, outcome),
            Fact::Preferences { preferences } => (self.preferences, self.unchosen) = (preferences.clone(), false),
            Fact::Consent { purpose, granted, source } => self.consent.heed(*purpose, *granted, source.as_ref()),
            Fact::AccountLinked { account, provider } => {
                self.consent.link(account, *provider);
                self.link(account);
            }
            Fact::AccountUnlinked { account } => {
                self.consent.unlink(account);
                self.unlink(account);
            }
            Fact::AccountBroken { account, broken } => {
                self.broken.retain(|known| known != account);
                if *broken && self.accounts.contains(account) {
                    self.broken.push(account.clone());
                }
            }
            Fact::Joined { tenant } => self.tenant = (*tenant != Tenant::default()).then(|| tenant.clone()),
        }
    }

    fn look(&mut self, at: Timestamp) {
        if self.looked_at != Some(at) {
            self.looked_before = self.looked_at;
        }
        self.looked_at = Some(at);
    }

    fn come(&mut self, present: bool, when: Timestamp) {
        self.presence = Some((present, when));
        let may_see = self.consent.allows(Purpose::Choosing, &DataSource::Presence);
        if let Some(last) = self.lives.last_mut().filter(|last| present && may_see && last.is_live(when)) {
            last.on_screen = true;
        }
    }

    fn keep_task(&mut self, task: &Task, added: bool, when: Timestamp, at: Timestamp) {
        if self.unlinked.contains(&task.reference.account) {
            return;
        }
        // A task that comes once and is told of after it was done is open again; a recurring one is told of each time.
        if !task.recurring {
            let opened = if added { when } else { minus(when, DONE_SETTLES) };
            let about = |life: &&mut Life| matches!(&life.subject, Subject::Todo { task: of } if *of == task.reference);
            self.lives.iter_mut().filter(about).for_each(|life| life.hear_reopened(opened));
        }
        match self.task_index(&task.reference) {
            Ok(index) => {
                let kept = &mut self.tasks[index];
                let settled = kept.memory.done_at.is_some_and(|done| at > plus(done, DONE_SETTLES));
                if added || settled || kept.task.due != task.due {
                    kept.memory.done_at = None;
                }
                kept.task = task.clone();
            }
            Err(index) => {
                let past = self.tombstones.iter().position(|grave| grave.kept.task.reference == task.reference);
                let (first_seen, memory) = match past.map(|past| self.tombstones.remove(past).kept) {
                    Some(kept) => (kept.first_seen, Memory { done_at: None, ..kept.memory }),
                    None => (task.added_at.unwrap_or(when).min(when), Memory::default()),
                };
                self.tasks.insert(index, KeptTask { task: task.clone(), first_seen, memory });
                self.let_a_task_go();
            }
        }
    }

    fn let_a_task_go(&mut self) {
        if self.tasks.len() > kept::MAX_TASKS {
            let least = (0..self.tasks.len()).min_by_key(|index| kept::urgency(&self.tasks[*index], &self.never));
            if let Some(least) = least {
                self.tasks.remove(least);
            }
        }
    }

    fn complete(&mut self, reference: &Ref, when: Timestamp) {
        let about = |life: &&mut Life| matches!(&life.subject, Subject::Todo { task } if task == reference);
        self.lives.iter_mut().filter(about).for_each(|life| life.hear_done(when));
        if let Ok(index) = self.task_index(reference) {
            let kept = &mut self.tasks[index];
            kept.memory.done_at = kept.memory.done_at.max(Some(when));
            // A recurring task comes again: with its next day, or tomorrow.
            if !kept.task.recurring {
                self.bury(reference, true);
            }
        }
    }

    fn bury(&mut self, reference: &Ref, completed: bool) {
        if let Ok(index) = self.task_index(reference) {
            let kept = self.tasks.remove(index);
            self.tombstones.push(Tombstone { kept, completed });
            if self.tombstones.len() > kept::MAX_TOMBSTONES {
                self.tombstones.remove(0);
            }
        }
    }

    fn keep_event(&mut self, event: &Event) {
        if self.unlinked.contains(&event.reference.account) {
            return;
        }
        match self.event_index(&event.reference) {
            Ok(index) => {
                let kept = &mut self.events[index];
                if kept.event.start != event.start {
                    kept.memory = Memory { never: kept.memory.never, ..Memory::default() };
                }
                kept.event = event.clone();
            }
            Err(index) => {
                self.events.insert(index, KeptEvent { event: event.clone(), memory: Memory::default() });
                if self.events.len() > kept::MAX_EVENTS {
                    let furthest = (0..self.events.len()).max_by_key(|index| self.events[*index].event.start);
                    if let Some(furthest) = furthest {
                        self.events.remove(furthest);
                    }
                }
            }
        }
    }

    fn keep_habit(&mut self, habit: &Habit) {
        match self.habits.iter_mut().find(|kept| kept.habit.id == habit.id) {
            Some(kept) if kept.habit == *habit => return,
            Some(kept) => {
                kept.habit = habit.clone();
                kept.memory.never = false;
            }
            None => {
                self.habits.push(KeptHabit {
                    habit: habit.clone(),
                    memory: Memory::default(),
                    done: DoneDays::default(),
                });
                if self.habits.len() > kept::MAX_HABITS {
                    // The newest is last and stays.
                    let stale = (0..kept::MAX_HABITS).min_by_key(|index| {
                        let memory = &self.habits[*index].memory;
                        (!memory.never, memory.done_at)
                    });
                    if let Some(stale) = stale {
                        self.habits.remove(stale);
                    }
                }
            }
        }
        // Who defines a habit wants to hear of habits.
        self.declined.retain(|(kind, _)| *kind != Kind::Habit);
    }

    fn link(&mut self, account: &AccountId) {
        self.unlinked.retain(|unlinked| unlinked != account);
        self.broken.retain(|broken| broken != account);
        // Only a new link grants: a second delivery must not overrule a "no" that came after the first.
        if !self.accounts.contains(account) && self.accounts.len() < kept::MAX_ACCOUNTS {
            self.accounts.push(account.clone());
            self.consent.tips = true;
        }
    }

    fn unlink(&mut self, account: &AccountId) {
        self.accounts.retain(|linked| linked != account);
        self.broken.retain(|broken| broken != account);
        self.tasks.retain(|kept| kept.task.reference.account != *account);
        self.tombstones.retain(|grave| grave.kept.task.reference.account != *account);
        self.events.retain(|kept| kept.event.reference.account != *account);
        self.never.retain(|reference| reference.account != *account);
        self.helped.retain(|helped| helped.account != *account);
        self.corrections.retain(|corrected| {
            let about = corrected.about.as_ref().and_then(Subject::reference);
            about.is_none_or(|reference| reference.account != *account)
        });
        if !self.unlinked.contains(account) {
            self.unlinked.push(account.clone());
            if self.unlinked.len() > kept::MAX_ACCOUNTS {
                self.unlinked.remove(0);
            }
        }
    }

    fn delivered(&mut self, tip: &TipId, outcome: &Delivery) {
        if let Some(life) = self.lives.iter_mut().rev().find(|life| life.tip == *tip) {
            match outcome {
                Delivery::Accepted => life.pushed = Some(true),
                Delivery::Gone | Delivery::Failed { .. } => life.pushed = life.pushed.or(Some(false)),
            }
        }
    }

    fn give(&mut self, tip: &Tip, at: Timestamp) {
        if self.life_of(&tip.id).is_some() {
            return;
        }
        if let Some(last) = self.lives.last_mut().filter(|last| last.state == State::Live) {
            last.state = State::Withdrawn { why: Withdrawal::Replaced };
        }
        let given_at = tip.decided_at.max(at);
        // Before the tip itself changes what is seen; and only what its policy was allowed to see.
        let seen = self.permitted(Purpose::Choosing);
        let occasion = Some(Occasion::at(&seen, given_at));
        let on_screen = seen.is_present(given_at);
        let row = Row::from_profile(&seen, &tip.subject, tip.decided_at);
        if let Subject::Advice { advice } = &tip.subject
            && self.advice_memory(advice).is_none()
        {
            self.advices.push(KeptAdvice { advice: advice.clone(), memory: Memory::default() });
        }
        if let Some(memory) = self.memory_mut(&tip.subject) {
            memory.gave(given_at);
        }
        self.dosage = Some((self.dosage_millionths(given_at) + 1_000_000, given_at));
        self.count_tip(given_at);
        self.lives.push(Life {
            sources: self.sources_of(tip, given_at),
            tip: tip.id.clone(),
            subject: tip.subject.clone(),
            given_at,
            not_after: tip.not_after,
            state: State::Live,
            pushed: None,
            on_screen,
            undid_done: false,
            occasion,
            row,
            trace: Trace::default(),
            before: None,
        });
        self.tip = Some(Box::new(tip.clone()));
        self.had_tip = true;
    }

    /// A tip whose time passed without an answer was ignored, if somebody may have seen it.
    fn settle(&mut self, at: Timestamp) {
        let Some(last) = self.lives.last_mut() else { return };
        if last.state == State::Live && at >= last.not_after {
            last.state = State::Expired;
            if !last.is_ignored(at) {
                return;
            }
            self.ignored = self.ignored.saturating_add(1);
            if self.ignored >= IGNORED_IN_A_ROW {
                self.lowered_at = Some(last.not_after);
            }
        }
    }

    fn withdraw_what_is_wrong(&mut self, at: Timestamp) {
        let Some(last) = self.lives.last().filter(|last| last.state == State::Live) else { return };
        if let Some(why) = self.wrong(&last.subject, at) {
            self.turn(self.lives.len() - 1, State::Withdrawn { why });
        }
    }

    /// Why a tip about `subject` would be wrong at `at`, whatever it was when it was decided.
    fn wrong(&self, subject: &Subject, at: Timestamp) -> Option<Withdrawal> {
        let account = subject.reference().map(|reference| &reference.account);
        if account.is_some_and(|account| self.unlinked.contains(account) || self.broken.contains(account)) {
            return Some(Withdrawal::Unlinked);
        }
        if !self.allows_tips() || !self.allows_choosing(subject) {
            return Some(Withdrawal::NoConsent);
        }
        if self.preferences.budget.get() == 0 || moments::is_quiet(self, at) {
            return Some(Withdrawal::Silenced);
        }
        if Kind::of(subject).is_some_and(|kind| self.is_off(kind)) || self.lost_its_occasion(subject) {
            return Some(Withdrawal::Declined);
        }
        let busy = || moments::busy_block(&self.permitted(Purpose::Timing), at).map(|_| Withdrawal::Busy);
        self.gone(subject, at).or_else(busy)
    }

    /// Why there is no such thing to speak of any more.
    pub(super) fn gone(&self, subject: &Subject, at: Timestamp) -> Option<Withdrawal> {
        match subject {
            Subject::Todo { task } => match self.task_index(task) {
                Ok(index) if self.is_open(&self.tasks[index], at) => None,
                Ok(_) => Some(Withdrawal::Completed),
                Err(_) => {
                    let completed = |grave: &Tombstone| grave.completed && grave.kept.task.reference == *task;
                    let completed = self.tombstones.iter().any(completed);
                    Some(if completed { Withdrawal::Completed } else { Withdrawal::Removed })
                }
            },
            Subject::Prepare { event, starts } => {
                let stands = self.event_index(event).is_ok_and(|index| self.events[index].event.start == *starts);
                (!stands).then_some(Withdrawal::Removed)
            }
            Subject::Habit { habit, .. } => match self.habits.iter().find(|kept| kept.habit.id == *habit) {
                None => Some(Withdrawal::Removed),
                Some(kept) => crate::habits::is_done(self, kept, at).then_some(Withdrawal::Completed),
            },
            Subject::Advice { .. } => None,
        }
    }

    fn forget_what_is_past(&mut self, at: Timestamp) {
        let events_from = minus(at, kept::EVENTS_KEPT);
        self.events.retain(|kept| kept.event.end > events_from);
        let lives_from = minus(at, kept::LIVES_KEPT);
        let newest = self.lives.len().saturating_sub(kept::LIVES_ALWAYS_KEPT);
        let surplus = self.lives.len().saturating_sub(kept::MAX_LIVES);
        let mut index = 0;
        let (learnt, receptivity) = (&mut self.learnt, &mut self.receptivity);
        self.lives.retain_mut(|life| {
            let gone = index < surplus || life.given_at <= lives_from;
            if gone
                && let Some(row) = life.row.take()
                && let Some(reward) = reward::reward(life, at)
            {
                learnt.get_or_insert_default().learn(&row, reward);
            }
            let keep = index >= newest || !gone;
            index += 1;
            if !keep {
                receptivity.get_or_insert_default().archive(life, at);
            }
            keep
        });
    }

    /// What is remembered of a subject, an ended task included.
    pub(super) fn memory_mut(&mut self, subject: &Subject) -> Option<&mut Memory> {
        match subject {
            Subject::Todo { task } => match self.task_index(task) {
                Ok(index) => Some(&mut self.tasks[index].memory),
                Err(_) => {
                    let grave = self.tombstones.iter_mut().find(|grave| grave.kept.task.reference == *task);
                    grave.map(|grave| &mut grave.kept.memory)
                }
            },
            Subject::Prepare { event, .. } => {
                let index = self.event_index(event).ok()?;
                Some(&mut self.events[index].memory)
            }
            Subject::Habit { habit, .. } => {
                self.habits.iter_mut().find(|kept| kept.habit.id == *habit).map(|kept| &mut kept.memory)
            }
            Subject::Advice { advice } => {
                self.advices.iter_mut().find(|kept| kept.advice == *advice).map(|kept| &mut kept.memory)
            }
        }
    }

    /// Brings back a completed task whose "done" was taken back, before its provider says so.
    pub(super) fn unbury(&mut self, reference: &Ref) {
        let grave = |grave: &Tombstone| grave.completed && grave.kept.task.reference == *reference;
        if let Some(past) = self.tombstones.iter().position(grave)
            && let Err(index) = self.task_index(reference)
        {
            let kept = self.tombstones.remove(past).kept;
            self.tasks.insert(index, kept);
            self.let_a_task_go();
        }
    }
}
