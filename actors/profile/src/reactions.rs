//! What follows from a person's entries: one reaction at a time, and no delivery settled before all of its own is done.
//! Decides only: `actor.rs` carries it out, and `tests/protocol` tries every order in which that can happen.

use crate::at_rest::{self, RestoreError};
use crate::behavior::{self, Dice, Effect};
use oo_contracts::Timestamp;
use oo_contracts::decision::{Ask, Decision, Outcome, Recommendation, Silence};
use oo_contracts::entry::{Body, Entry};
use oo_domain::profile::Profile;
use oo_runtime::logbook::Read;

/// How often what lost against something newer is decided again before the person is simply looked at again soon.
const TRIES: u8 = 3;

/// A profile, and what is being done about it. `A` settles a delivery.
#[derive(Debug, Clone)]
pub struct Reactions<A> {
    profile: Profile,
    /// The last entry of the log that cannot be read. It was seen nevertheless: a tip is given after it.
    unreadable: u64,
    /// Folded, but what follows from them is not begun.
    unsettled: Vec<A>,
    /// The same, of the reaction under way.
    settling: Vec<A>,
    under_way: bool,
    /// Whether something among the unsettled is an occasion to speak.
    occasion: bool,
    /// Whether the reaction under way looks for something to say.
    looking: bool,
    /// What the log held when it began to look.
    asked_of: u64,
    /// How often it lost against something newer.
    lost: u8,
    /// The wake-up that the server holds, as far as this actor set it.
    wake: Option<Timestamp>,
    /// Entries folded since that was set, or seen to be right still.
    folded: u32,
    /// The silence that was kept last, until a policy is asked again.
    silence: Option<Silence>,
}

/// What to do next, in order. Where something is asked or given it comes last, and the answer leads to the next step.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub effects: Vec<Effect>,
    /// A tip or a wake-up is taken only if the log has nothing newer than this: who knows less than the log decides
    /// nothing. `None` for what cannot do harm.
    pub after: Option<u64>,
}

/// Whether a delivery is missing between the last one and this. The consumer counts what it delivers: a number left out is
/// a delivery that never came, and may come later, after newer ones.
pub fn is_gap(last: Option<u64>, count: u64) -> bool {
    last.is_some_and(|last| count != last + 1)
}

impl<A> Reactions<A> {
    /// Of somebody who is woken.
    pub fn of(profile: Profile) -> Self {
        Self {
            profile,
            unreadable: 0,
            unsettled: vec![],
            settling: vec![],
            under_way: false,
            occasion: false,
            looking: false,
            asked_of: 0,
            lost: 0,
            wake: None,
            folded: 0,
            silence: None,
        }
    }

    /// The person as they are known.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Whether nothing is under way or waits.
    pub fn is_idle(&self) -> bool {
        !self.under_way && self.unsettled.is_empty()
    }

    /// Folds what the log holds after the last entry folded: the profile is then what a fresh fold would be. Says how
    /// many entries were new.
    ///
    /// # Errors
    /// Where the log begins with a checkpoint that this version cannot go on with.
    pub fn read(&mut self, read: &Read) -> Result<u32, RestoreError> {
        self.unreadable = read.unreadable.iter().copied().fold(self.unreadable, u64::max);
        // What was folded may lie before it, and what comes next be removed.
        if let Some(checkpoint) = at_rest::checkpoint_of(read)?
            && checkpoint.seq() > self.profile.seq()
        {
            self.profile = checkpoint;
            self.wake = None;
        }
        Ok(read.entries.iter().map(|numbered| u32::from(self.fold(numbered.seq, &numbered.entry))).sum())
    }

    /// Folds an entry that was delivered. False if it had been folded before: it is reacted to nevertheless, since only
    /// the reaction may have been lost.
    pub fn deliver(&mut self, seq: u64, entry: &Entry) -> bool {
        self.occasion |= behavior::is_occasion(entry);
        if matches!(entry.body, Body::Moment { .. }) {
            // The server held one wake-up, and this was it, or an older one that it replaced.
            self.wake = None;
        }
        self.fold(seq, entry)
    }

    /// An entry was delivered that cannot be read.
    pub fn deliver_unreadable(&mut self, seq: u64) {
        self.unreadable = self.unreadable.max(seq);
    }

    /// What settles a delivery, when what follows from it is done.
    pub fn settle_later(&mut self, ack: A) {
        self.unsettled.push(ack);
    }

    /// Begins to react to what is unsettled, unless a reaction is under way: then that comes first.
    pub fn begin(&mut self, now: Timestamp, dice: impl FnOnce(u64) -> Dice) -> Option<Step> {
        if self.under_way {
            return None;
        }
        self.under_way = true;
        self.lost = 0;
        self.settling = std::mem::take(&mut self.unsettled);
        self.looking = std::mem::take(&mut self.occasion);
        Some(self.decide(now, dice))
    }

    /// The recommender answered, or did not.
    pub fn recommended(&mut self, ask: Ask, answer: Option<Recommendation>, now: Timestamp) -> Step {
        let effects = match answer {
            Some(answer) => behavior::on_recommendation(&self.profile, self.asked_of, ask, answer, now),
            None => behavior::on_no_answer(&self.profile, ask.bits.get(), now),
        };
        self.step(effects)
    }

    /// The log took a tip; or it refused a tip or a wake-up, or its answer was lost. It was read since.
    pub fn appended(&mut self, taken: bool, now: Timestamp, dice: impl FnOnce(u64) -> Dice) -> Step {
        if taken {
            return self.step(behavior::wake(&self.profile, None, now));
        }
        self.wake = None;
        self.lost += 1;
        if self.lost < TRIES {
            self.decide(now, dice)
        } else {
            // A look that comes too soon harms nobody, so this may be set whatever the log has meanwhile.
            let bits = dice(self.profile.seq()).bits;
            Step { after: None, ..self.step(behavior::on_no_answer(&self.profile, bits, now)) }
        }
    }

    /// All of the reaction is done, or something could not be. Gives what settles its deliveries.
    pub fn carried_out(&mut self, done: bool) -> Vec<A> {
        self.under_way = false;
        if !done {
            self.wake = None;
            self.silence = None;
        }
        std::mem::take(&mut self.settling)
    }

    /// Whether something waits to be reacted to.
    pub fn has_more(&self, done: bool) -> bool {
        !self.unsettled.is_empty() || (self.occasion && done)
    }

    fn fold(&mut self, seq: u64, entry: &Entry) -> bool {
        let is_new = self.profile.fold(seq, entry);
        self.folded += u32::from(is_new);
        is_new
    }

    fn decide(&mut self, now: Timestamp, dice: impl FnOnce(u64) -> Dice) -> Step {
        self.asked_of = self.profile.seq();
        let effects = if self.looking {
            behavior::look(&self.profile, now, || dice(self.profile.seq()))
        } else {
            behavior::wake(&self.profile, None, now)
        };
        self.step(effects)
    }

    /// Leaves out what stands already.
    fn step(&mut self, effects: Vec<Effect>) -> Step {
        let mut wanted = Vec::with_capacity(effects.len());
        for effect in effects {
            let stands = match &effect {
                Effect::WakeAt(at, _) => self.is_set(*at),
                // The same silence, still: it was kept when it began.
                Effect::Keep(decision) => self.is_still(decision),
                Effect::AskForTip(_) | Effect::GiveTip(_) => false,
            };
            if !stands {
                wanted.push(effect);
            }
        }
        Step { effects: wanted, after: Some(self.profile.seq().max(self.unreadable)) }
    }

    /// Whether the server holds this wake-up already; it is the one to compare with from now on.
    ///
    /// Another node, to which the person went for a while or which has lost them without knowing, may set one too, of all
    /// that the log held then. After one more entry it would be this very one; after several it may be another, of an entry
    /// in between.
    fn is_set(&mut self, at: Timestamp) -> bool {
        let folded = std::mem::take(&mut self.folded);
        self.wake.replace(at) == Some(at) && folded <= 1
    }

    /// Whether a decision is the silence that was kept before, for the same reason and as long; it is the one to compare
    /// with from now on.
    fn is_still(&mut self, decision: &Decision) -> bool {
        let silence = match &decision.outcome {
            Outcome::Unavailable { silence } => Some(*silence),
            Outcome::Asked { .. } => None,
        };
        std::mem::replace(&mut self.silence, silence) == silence && silence.is_some()
    }
}
