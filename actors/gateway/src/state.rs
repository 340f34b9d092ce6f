//! Everything that a person's page shows, gathered from those who know, and put into words.

use crate::Gateway;
use oo_contracts::UserId;
use oo_contracts::http::{Problem, State};
use oo_contracts::tip::{Card, Tip};
use oo_contracts::wire::{Fetch, LinkList, Links, Look, PushLook, PushState};
use oo_domain::words;
use oo_subjects::{AskError, FETCH, LINK_LIST, LOOK, PUSH_LOOK};

/// Gathers it. Without the profile there is nothing to show; all else may be away for a while.
pub(crate) async fn of(gateway: &Gateway, user: &UserId) -> Result<State, Problem> {
    let bus = &gateway.ctx.bus;
    let (look, list, push) =
        (Look { user: user.clone() }, LinkList { user: user.clone() }, PushLook { user: user.clone() });
    let (view, links, push) =
        futures_util::join!(bus.ask(LOOK, &look), bus.ask(LINK_LIST, &list), bus.ask(PUSH_LOOK, &push));
    let view = view.map_err(problem)?;
    let links = links.unwrap_or(Links { accounts: vec![], providers: vec![], ended: vec![] });
    let push = push.unwrap_or(PushState { key: String::new(), devices: vec![], email: false });
    let tip = match &view.tip {
        Some(tip) => card(gateway, user, tip).await,
        None => None,
    };
    Ok(State {
        version: view.version.to_string(),
        tip,
        answered: view.answered,
        looked_at: view.looked_at,
        next_look: view.next_look,
        given_today: view.given_today,
        budget: view.budget,
        quiet_until: view.own.and_then(|own| own.quiet_until),
        zone: view.zone.to_string(),
        had_tip: view.had_tip,
        accounts: links.accounts,
        providers: links.providers,
        ended: links.ended,
        push,
        now: gateway.ctx.clock.now(),
        speed: gateway.ctx.clock.speed(),
    })
}

/// A tip in words; none when its time is over, or its words are not to be had.
async fn card(gateway: &Gateway, user: &UserId, tip: &Tip) -> Option<Card> {
    if gateway.ctx.clock.now() >= tip.not_after {
        return None;
    }
    let Some(reference) = tip.subject.reference() else { return Some(words::card(tip, None, None)) };
    let fetch = Fetch { user: user.clone(), reference: reference.clone() };
    match gateway.ctx.bus.ask(FETCH, &fetch).await {
        Ok(found) if found.over => None,
        Ok(found) => Some(words::card(tip, Some(&found.title), Some(&found.source))),
        Err(error) => {
            tracing::warn!(%user, tip = %tip.id, %error, "a tip has no words now");
            None
        }
    }
}

/// What the page is told when a service does not answer. The cause stays in the log.
pub(crate) fn problem(error: AskError) -> Problem {
    match error {
        AskError::Problem(problem) => problem,
        error => {
            tracing::warn!(%error, "a question was not answered");
            Problem::new(503, "oO is resting", "try again in a moment")
        }
    }
}
