//! Webhooks: they prove themselves, and then are hints and nothing more. What changed is read from the provider.

use crate::connector::{About, Heard, Hint, Refused, Told};
use crate::shared::Shared;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::SignedDuration;
use oo_contracts::http::Problem;
use oo_contracts::wire::{Hook, Hooked};
use oo_contracts::{AccountId, Timestamp};
use oo_runtime::{Metric, random};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use subtle::ConstantTimeEq as _;

/// A delivery's id is remembered for as long; one older than that is a replay.
const OLDEST: SignedDuration = SignedDuration::from_hours(24);

/// A provider called.
pub(crate) async fn hook(shared: Arc<Shared>, hook: Hook) -> Result<Hooked, Problem> {
    let heard = hear(&shared, &hook).await;
    let label = match &heard {
        Ok((label, _)) => label,
        Err(problem) => match problem.status {
            401 => "unsigned",
            404 => "unknown",
            503 => "away",
            _ => "malformed",
        },
    };
    shared.ctx.metrics.count(Metric::IntegrationsHooks, label);
    heard.map(|(_, say)| Hooked { say })
}

/// What became of it, for the metrics, and what the provider wants to read back.
async fn hear(shared: &Shared, hook: &Hook) -> Result<(&'static str, Option<String>), Problem> {
    let connector = shared.connector(hook.provider).ok_or_else(unknown)?;
    let body = BASE64.decode(&hook.body).map_err(|_| malformed())?;
    let heard = Heard { headers: &hook.headers, body: &body, query: hook.query.as_deref().unwrap_or_default() };
    let hint = connector.hear(&heard).map_err(|refused| match refused {
        Refused::Unsigned => unsigned(),
        Refused::Malformed => malformed(),
    })?;
    match hint {
        Hint::Channels(all) => Ok((several(shared, all).await?, None)),
        Hint::Handshake { channel, say } => {
            // Only while this very channel is being opened: nobody makes us repeat texts otherwise.
            if !shared.hooks.is_handshake_expected(&channel).await? {
                return Err(unknown());
            }
            Ok(("handshake", Some(say)))
        }
        Hint::Owner { owner, delivery, at } => {
            if at.is_some_and(|at| is_too_old(shared, at)) {
                return Ok(("stale", None));
            }
            let Some(account) = shared.vault.of_owner(hook.provider, &owner).await? else {
                // Somebody who has left. The provider need not try again.
                return Ok(("unknown", None));
            };
            let delivery = random::hex(&Sha256::digest(format!("{}|{delivery}", hook.provider.slug())));
            Ok((take(shared, &account, &delivery).await?, None))
        }
        Hint::Channel { id, token, resource, number } => {
            let Some(kept) = shared.hooks.channel(&id).await? else {
                // Its first message may come before the answer that opened it, and comes again.
                return Err(if shared.hooks.is_handshake_expected(&id).await? { early() } else { unknown() });
            };
            let is_ours = hash(&token).as_bytes().ct_eq(kept.token.as_bytes())
                & resource.as_bytes().ct_eq(kept.resource.as_bytes());
            if !bool::from(is_ours) {
                return Err(unsigned());
            }
            if shared.vault.look(&kept.account).await?.is_none() {
                return Err(unknown());
            }
            // Numbers grow, so an old one is an old message.
            let delivery = random::hex(&Sha256::digest(format!("{id}|{number}")));
            Ok((take(shared, &kept.account, &delivery).await?, None))
        }
    }
}

/// Each message proves itself; a forged one among others is left out. If none is ours, nobody learns more than that.
async fn several(shared: &Shared, all: Vec<Told>) -> Result<&'static str, Problem> {
    let (mut taken, mut forged) = (None, false);
    for told in all {
        let Some(mut kept) = shared.hooks.channel(&told.id).await? else { continue };
        if !bool::from(hash(&told.token).as_bytes().ct_eq(kept.token.as_bytes())) {
            tracing::warn!(account = %kept.account, "a message of a channel brings the wrong secret and is dropped");
            forged = true;
            continue;
        }
        if shared.vault.look(&kept.account).await?.is_none() {
            continue;
        }
        match told.about {
            About::Account => {}
            About::Renewal => {
                kept.renew = true;
                shared.hooks.change_channel(&told.id, &kept).await?;
            }
            About::End => shared.hooks.forget_channel(&told.id).await?,
        }
        let name = told.delivery.unwrap_or_else(random::token);
        let delivery = random::hex(&Sha256::digest(format!("{}|{name}", told.id)));
        let label = take(shared, &kept.account, &delivery).await?;
        taken = if taken == Some("taken") { taken } else { Some(label) };
    }
    match taken {
        Some(label) => Ok(label),
        None if forged => Err(unsigned()),
        None => Err(unknown()),
    }
}

/// Lets the account be read soon, unless this very delivery has been here before.
async fn take(shared: &Shared, account: &AccountId, delivery: &str) -> Result<&'static str, Problem> {
    if !shared.hooks.take(account, delivery, shared.ctx.clock.wall()).await? {
        return Ok("repeated");
    }
    shared.due.notify_one();
    Ok("taken")
}

/// By both clocks: a stand-in tells the person's time, which may run faster than the wall's.
fn is_too_old(shared: &Shared, at: Timestamp) -> bool {
    let clock = &shared.ctx.clock;
    [clock.wall(), clock.now()].iter().all(|now| now.duration_since(at).abs() > OLDEST)
}

/// A new channel's name and the secret that its messages must bring.
pub(crate) fn new_channel() -> (String, String) {
    (random::token(), random::hex(&random::bytes::<32>()))
}

/// As a channel's secret is kept.
pub(crate) fn hash(token: &str) -> String {
    random::hex(&Sha256::digest(token))
}

/// Which providers can be told apart from outside is no secret; which accounts are.
fn unknown() -> Problem {
    Problem::new(404, "not found", "there is nothing at this address")
}

fn early() -> Problem {
    Problem::new(503, "not open yet", "try again in a moment")
}

fn unsigned() -> Problem {
    Problem::new(401, "not signed", "the signature is missing or wrong")
}

fn malformed() -> Problem {
    Problem::new(400, "malformed", "this is not what the provider documents")
}
