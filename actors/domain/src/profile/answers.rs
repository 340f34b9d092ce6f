//! What an answer changes in a profile, and how it is taken back.

use super::Profile;
use super::kept::{self, Kind};
use crate::local::{minutes, plus};
use crate::tip_life::{Before, NOT_NOW_AT_MOST, NOT_NOW_FOR, State, Step, step};
use jiff::Timestamp;
use oo_contracts::signal::Answer;
use oo_contracts::tip::Subject;
use oo_contracts::{SignalId, TipId};

impl Profile {
    pub(super) fn answer(&mut self, id: &SignalId, tip: &TipId, answer: &Answer, when: Timestamp) {
        let print = fingerprint(id.as_str());
        if self.heard.contains(&print) {
            return;
        }
        self.heard.push(print);
        if self.heard.len() > kept::MAX_HEARD {
            self.heard.remove(0);
        }
        let Some(index) = self.lives.iter().rposition(|life| life.tip == *tip) else { return };
        self.lives[index].trace.hear(answer, when);
        match step(&self.lives[index].state, answer, when) {
            Step::Nothing => {}
            Step::Answer => self.take(index, answer, when),
            Step::Change => {
                self.restore(index);
                self.take(index, answer, when);
            }
            Step::Undo => {
                let done = matches!(self.lives[index].state, State::Answered { answer: Answer::Done, .. });
                self.restore(index);
                let newest = index + 1 == self.lives.len();
                let life = &mut self.lives[index];
                life.undid_done = done;
                // One tip is live at most, and that is the newest.
                if life.state == State::Live && !newest {
                    life.state = State::Expired;
                }
            }
        }
    }

    fn take(&mut self, index: usize, answer: &Answer, when: Timestamp) {
        let subject = self.lives[index].subject.clone();
        let mut memory = self.memory_mut(&subject).map(|memory| memory.clone()).unwrap_or_default();
        if let Subject::Todo { task } = &subject {
            memory.never = self.never.contains(task);
        }
        let before = Before {
            state: self.lives[index].state.clone(),
            ignored: self.ignored,
            paused_until: self.paused_until,
            memory,
        };
        self.ignored = 0;
        match answer {
            Answer::Done => {
                self.keep_done_day(&subject);
                if let Some(memory) = self.memory_mut(&subject) {
                    memory.done_at = Some(when);
                }
            }
            Answer::NotNow { until } => {
                let named = until.filter(|until| *until > when);
                let until = named.unwrap_or(plus(when, NOT_NOW_FOR)).clamp(when, plus(when, NOT_NOW_AT_MOST));
                if let Some(memory) = self.memory_mut(&subject) {
                    memory.snoozed_until = Some(until);
                }
                let gap = plus(when, minutes(self.preferences.gap.get().into()));
                let pause = named.map_or(gap, |_| until.min(gap));
                self.paused_until = self.paused_until.max(Some(pause));
            }
            Answer::NotForMe => self.decline(&subject),
            // Taking back is no answer of its own, see `step`.
            Answer::Undo => {}
        }
        self.turn(index, State::Answered { answer: answer.clone(), at: when });
        let life = &mut self.lives[index];
        life.before = Some(Box::new(before));
        life.undid_done = false;
    }

    /// The day on which a habit was done before stays known, though a later one takes its place in memory.
    fn keep_done_day(&mut self, subject: &Subject) {
        if let Subject::Habit { habit, .. } = subject
            && let Some(kept) = self.habits.iter_mut().find(|kept| kept.habit.id == *habit)
            && let Some(done) = kept.memory.done_at
        {
            kept.done.note(&self.zone.tz, done);
        }
    }

    fn decline(&mut self, subject: &Subject) {
        match subject {
            Subject::Todo { task } => {
                if !self.never.contains(task) {
                    self.never.push(task.clone());
                    if self.never.len() > kept::MAX_NEVER {
                        self.never.remove(0);
                    }
                }
            }
            Subject::Prepare { .. } | Subject::Habit { .. } | Subject::Advice { .. } => {
                if let Some(memory) = self.memory_mut(subject) {
                    memory.never = true;
                }
            }
        }
        if let Some(kind) = Kind::of(subject) {
            match self.declined.iter_mut().find(|(declined, _)| *declined == kind) {
                Some((_, times)) => *times = times.saturating_add(1),
                None => self.declined.push((kind, 1)),
            }
        }
    }

    /// Puts everything back to how it was before the answer, but for what happened otherwise since.
    fn restore(&mut self, index: usize) {
        let Some(before) = self.lives[index].before.take() else { return };
        let answered = self.turn(index, before.state);
        let subject = self.lives[index].subject.clone();
        self.ignored = before.ignored;
        let State::Answered { answer, at } = answered else { return };
        match answer {
            Answer::Done => {
                if let Some(memory) = self.memory_mut(&subject) {
                    memory.done_at = before.memory.done_at;
                }
                // What was completed before the answer stays so without it.
                if let Subject::Todo { task } = &subject
                    && before.memory.done_at.is_none()
                {
                    self.unbury(task);
                }
            }
            Answer::NotNow { .. } => {
                if let Some(memory) = self.memory_mut(&subject) {
                    memory.snoozed_until = before.memory.snoozed_until;
                }
                // A later "not now" to another tip still holds.
                let ours = plus(at, minutes(self.preferences.gap.get().into()));
                if self.paused_until.is_some_and(|until| until <= ours) {
                    self.paused_until = before.paused_until;
                }
            }
            Answer::NotForMe => {
                if let Subject::Todo { task } = &subject {
                    // Unless it was said of an earlier tip as well.
                    self.never.retain(|never| never != task || before.memory.never);
                } else if let Some(memory) = self.memory_mut(&subject) {
                    memory.never = before.memory.never;
                }
                if let Some(kind) = Kind::of(&subject)
                    && let Some((_, times)) = self.declined.iter_mut().find(|(declined, _)| *declined == kind)
                {
                    *times = times.saturating_sub(1);
                }
            }
            Answer::Undo => {}
        }
    }
}

/// FNV-1a: small, and the same everywhere and always.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
