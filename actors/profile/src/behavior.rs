//! What a person's actor does about what happens: decisions only. `actor.rs` carries them out.

use jiff::SignedDuration;
use oo_contracts::decision::{Ask, Decision, Outcome, Recommendation, Silence, Unit};
use oo_contracts::entry::{Body, Entry, Moment, MomentPurpose};
use oo_contracts::signal::{Answer, Fact, Signal};
use oo_contracts::tip::{Subject, Tip};
use oo_contracts::wire::Complete;
use oo_contracts::{DecisionId, ENTRY_VERSION, Timestamp, UserId};
use oo_domain::profile::Profile;
use oo_domain::{decide, local, moments};

/// How long at least to wait before asking again when the recommender did not answer, and how many milliseconds more at most:
/// those who were refused together are not to come together again.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(30);
const SPREAD_MS: u64 = 60_000;

/// What is to be done. Each one may be carried out twice without harm.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Ask the recommender for one tip.
    AskForTip(Box<Ask>),
    /// Append this tip, if nothing newer is in the log.
    GiveTip(Box<Tip>),
    /// Keep this decision.
    Keep(Box<Decision>),
    /// Let a moment come; it replaces the one that was to come.
    WakeAt(Timestamp, Moment),
}

/// What a decision is named and tossed by: derived from the person's own key, so that it can be told again and not guessed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dice {
    pub id: DecisionId,
    pub bits: u64,
    /// The same for all decisions of a person.
    pub unit: Unit,
}

/// Looks whether now is the moment to speak. `dice` is drawn only for a decision.
pub fn look(profile: &Profile, now: Timestamp, dice: impl FnOnce() -> Dice) -> Vec<Effect> {
    let dice = dice();
    match moments::may_speak(profile, now) {
        Ok(()) => {
            let ask = Ask { unit: Some(dice.unit), ..decide::ask(profile, dice.id, dice.bits, now) };
            vec![Effect::AskForTip(Box::new(ask))]
        }
        Err(silence) => stay_silent(profile, dice.id, silence, now),
    }
}

/// The recommender answered what it was asked when the log held so much. Time has passed: everything is asked again before
/// anything is said.
pub fn on_recommendation(
    profile: &Profile,
    asked_of: u64,
    ask: Ask,
    answer: Recommendation,
    now: Timestamp,
) -> Vec<Effect> {
    let tip = decide::tip(profile, &ask, &answer, now);
    let kept = Decision {
        v: ENTRY_VERSION,
        id: ask.id.clone(),
        at: now,
        seq: asked_of,
        training: profile.may_be_learnt_from(&ask),
        outcome: Outcome::Asked { ask, recommendation: answer },
    };
    let mut effects = vec![Effect::Keep(Box::new(kept))];
    match tip {
        Some(tip) => effects.push(Effect::GiveTip(Box::new(tip))),
        None => effects.extend(wake(profile, None, now)),
    }
    effects
}

/// The recommender did not answer: look again soon, when depends on random `bits`.
pub fn on_no_answer(profile: &Profile, bits: u64, now: Timestamp) -> Vec<Effect> {
    let soon = now + AGAIN_AFTER + SignedDuration::from_millis((bits % SPREAD_MS).cast_signed());
    let next = moments::next_look(profile, now, None).map_or(soon, |next| next.min(soon));
    vec![Effect::WakeAt(next, Moment { due: next, purpose: MomentPurpose::Look })]
}

/// What the rest of the day asks for, with nothing to decide: after our own tip came back, or a receipt.
pub fn wake(profile: &Profile, silence: Option<&Silence>, now: Timestamp) -> Vec<Effect> {
    // Who wants less kept is woken though nothing is to be said: it is done when they leave memory.
    let tidied = profile.preferences().keep_days.map(|_| local::tomorrow(profile.zone(), now));
    moments::next_look(profile, now, silence)
        .or(tidied)
        .map(|at| Effect::WakeAt(at, Moment { due: at, purpose: MomentPurpose::Look }))
        .into_iter()
        .collect()
}

/// Whether an entry is an occasion to speak. Our own tips and receipts are not.
pub fn is_occasion(entry: &Entry) -> bool {
    match &entry.body {
        Body::Signal { signal } => !matches!(signal.fact, Fact::Delivered { .. }),
        Body::Moment { .. } => true,
        Body::Tip { .. } => false,
    }
}

/// What the person answered to a tip, if that is what an entry is.
pub fn answer(entry: &Entry) -> Option<&Answer> {
    match &entry.body {
        Body::Signal { signal: Signal { fact: Fact::Feedback { answer, .. }, .. } } => Some(answer),
        Body::Signal { .. } | Body::Moment { .. } | Body::Tip { .. } => None,
    }
}

/// What an answer asks of the provider: a task done is done there too, and an answer taken back opens it again.
/// Asked of the profile as it stands after folding the entry.
pub fn at_provider(profile: &Profile, user: &UserId, entry: &Entry) -> Option<Complete> {
    let Body::Signal { signal: Signal { id, fact: Fact::Feedback { tip, answer }, .. } } = &entry.body else {
        return None;
    };
    let reopen = match answer {
        Answer::Done => false,
        Answer::Undo if profile.undid_done(tip) => true,
        Answer::Undo | Answer::NotNow { .. } | Answer::NotForMe => return None,
    };
    let Some(Subject::Todo { task }) = profile.subject_of(tip) else { return None };
    Some(Complete { user: user.clone(), task: task.clone(), reopen, key: id.clone() })
}

fn stay_silent(profile: &Profile, id: DecisionId, silence: Silence, now: Timestamp) -> Vec<Effect> {
    let kept = Decision {
        v: ENTRY_VERSION,
        id,
        at: now,
        seq: profile.seq(),
        // Nothing was chosen, so there is nothing to learn from.
        training: false,
        outcome: Outcome::Unavailable { silence },
    };
    let mut effects = vec![Effect::Keep(Box::new(kept))];
    effects.extend(wake(profile, Some(&silence), now));
    effects
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_refused_together_comes_again_apart_and_soon() {
        let now: Timestamp = "2026-11-18T09:40:00Z".parse().expect("a time");
        let again = |bits| match on_no_answer(&Profile::new(), bits, now).as_slice() {
            [Effect::WakeAt(at, _)] => at.duration_since(now).as_secs(),
            other => panic!("{other:?}"),
        };
        assert_eq!([0, 45_000, 60_000, 119_999].map(again), [30, 75, 30, 89]);
    }
}
