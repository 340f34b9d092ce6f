//! Carries out what was decided: asks, gives, keeps and sets, in order.

use crate::actor::{Message, Tools};
use crate::behavior::Effect;
use crate::reactions::Step;
use oo_contracts::Timestamp;
use oo_contracts::decision::{Ask, Decision, Outcome, Recommendation};
use oo_contracts::entry::Body;
use oo_contracts::tip::Tip;
use oo_runtime::{Metric, Person, crash};
use oo_subjects::{AppendError, RECOMMEND};
use std::time::Duration;

/// How long a policy may take; the pool itself sheds load long before.
const CHOOSE_WITHIN: Duration = Duration::from_secs(2);

/// Carries effects out in order, until one asks, gives or fails. `since` is when the log had what they follow from.
pub(crate) async fn carry_out(
    tools: &Tools,
    person: &Person,
    Step { effects, after }: Step,
    since: Timestamp,
) -> Message {
    for effect in effects {
        let done = match effect {
            Effect::AskForTip(ask) => {
                crash::point("6-asking");
                let answer = ask_for_tip(tools, person, &ask).await;
                return Message::Recommended(ask, answer);
            }
            Effect::GiveTip(tip) => return Message::Appended(give_tip(tools, person, *tip, after, since).await),
            Effect::Keep(decision) => keep(tools, person, &decision).await,
            Effect::WakeAt(at, moment) => {
                let wall = tools.clock.wall_at(at);
                let set = tools.logbook.wake_at(person, wall, at, Body::Moment { moment }, after).await;
                crash::point("5-wake-set");
                set
            }
        };
        match done {
            Ok(()) => {}
            Err(AppendError::Newer) => return Message::Appended(Err(AppendError::Newer)),
            Err(error) => {
                tracing::warn!(user = %person.user, %error, "not carried out; the entry comes again");
                return Message::CarriedOut(false);
            }
        }
    }
    Message::CarriedOut(true)
}

async fn keep(tools: &Tools, person: &Person, decision: &Decision) -> Result<(), AppendError> {
    if let Outcome::Unavailable { silence } = &decision.outcome {
        tools.metrics.count(Metric::ProfileSilences, silence.label());
    }
    tools.logbook.keep_decision(person, decision).await?;
    Ok(())
}

async fn ask_for_tip(tools: &Tools, person: &Person, ask: &Ask) -> Option<Box<Recommendation>> {
    match tools.bus.ask_within(RECOMMEND, ask, CHOOSE_WITHIN).await {
        Ok(answer) => Some(Box::new(answer)),
        Err(error) => {
            tracing::warn!(user = %person.user, %error, "no recommendation; asking again soon");
            None
        }
    }
}

async fn give_tip(
    tools: &Tools,
    person: &Person,
    tip: Tip,
    after: Option<u64>,
    since: Timestamp,
) -> Result<u64, AppendError> {
    let (tip_id, decided_at) = (tip.id.clone(), tip.decided_at);
    let (id, now) = (format!("tip:{tip_id}"), tools.clock.now().max(decided_at));
    let appended = tools.logbook.append(person, &id, now, Body::Tip { tip }, after).await?;
    crash::point("8-appended");
    tools.metrics.count(Metric::ProfileTips, "");
    // The server's clock may be a little ahead of this one.
    let took = tools.clock.wall().duration_since(since).as_secs_f64().max(0.0);
    tools.metrics.took(Metric::ProfileReaction, took);
    tracing::info!(user = %person.user, tip = %tip_id, seq = appended.seq, %decided_at, "tip chosen");
    Ok(appended.seq)
}
