//! From a moment to an ask, and from an answer to a tip.

use crate::candidates::{self, LIVES_AT_LEAST};
use crate::policy::MAX_REASONS;
use crate::profile::Profile;
use crate::{learning, moments};
use jiff::Timestamp;
use oo_contracts::decision::{Ask, RandomBits, Recommendation};
use oo_contracts::signal::Purpose;
use oo_contracts::tip::Tip;
use oo_contracts::{DecisionId, Share, TipId};

/// Everything that a policy may know, at `now`.
pub fn ask(profile: &Profile, id: DecisionId, bits: u64, now: Timestamp) -> Ask {
    let candidates = candidates::eligible(profile, now);
    let mut context = profile.permitted(Purpose::Choosing).usable_context(now);
    // Who waits for a tip is not kept waiting for the plan of the day.
    if context.pace.is_some() && moments::is_awaited(profile, &candidates, now) {
        context.pace = Some(Share::saturating(1.0));
    }
    Ask {
        id,
        context,
        candidates,
        posterior: learning::evidence(profile, now).as_ref().and_then(learning::to_posterior),
        bits: RandomBits::new(bits),
        unit: None,
        tenant: profile.tenant().cloned(),
    }
}

/// The tip that an answer makes, if it still may be given: time has passed since the ask, and the profile has grown.
///
/// `None` for silence, for an answer that does not fit the ask, when it is no longer the moment, when the choice is no
/// longer eligible, and when less than [`LIVES_AT_LEAST`] is left to show it. The tip has the decision's id.
pub fn tip(profile: &Profile, ask: &Ask, answer: &Recommendation, now: Timestamp) -> Option<Tip> {
    let choice = answer.tip.as_ref()?;
    let asked = ask.candidates.get(usize::from(choice.candidate))?;
    if asked.subject != choice.subject
        || moments::may_speak(profile, now).is_err()
        || !candidates::is_eligible(profile, &choice.subject, now)
    {
        return None;
    }
    let not_after = candidates::not_after(profile, &choice.subject, now);
    if now.duration_until(not_after) < LIVES_AT_LEAST {
        return None;
    }
    let tip = Tip {
        id: tip_id(&ask.id)?,
        decision: ask.id.clone(),
        subject: choice.subject.clone(),
        reasons: choice.reasons.iter().filter(|reason| reason.weight.is_finite()).take(MAX_REASONS).cloned().collect(),
        decided_at: now,
        decided_seq: profile.seq(),
        not_after,
        zone: profile.zone_name().clone(),
        language: profile.preferences().language,
        channels: profile.preferences().channels.clone(),
        discreet: profile.preferences().discreet,
    };
    Some(profile.without_corrected_reasons(tip))
}

/// A decision makes one tip at most, so the tip is called what the decision is called.
pub fn tip_id(decision: &DecisionId) -> Option<TipId> {
    decision.as_str().parse().ok()
}

#[cfg(test)]
mod tests;
