//! Ending a link, completely: the record goes at once; then the log is told, channels stop, the grant is revoked. What is
//! left to do outlives a restart, and nothing of it can bring the link back.

use crate::connector::Way;
use crate::oauth;
use crate::shared::{Shared, not_linked};
use crate::sync;
use crate::sync_store::SyncState;
use crate::vault::{Ending, Grant, Left};
use oo_contracts::http::Problem;
use oo_contracts::rights::{Clear, Cleared};
use oo_contracts::signal::Fact;
use oo_contracts::wire::{Done, LinkEnd};
use oo_contracts::{AccountId, Provider};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How often what is left is tried again.
const AGAIN: Duration = Duration::from_secs(10);
/// A provider that does not take a revocation so often will not; the token is forgotten then.
const MOST_TRIES: u32 = 6;
/// How long a sync that is under way may take to notice.
const SYNC_ENDS_WITHIN: Duration = Duration::from_secs(10);
/// How long an erasure waits for providers; what is left then goes on by itself.
const REVOKED_WITHIN: Duration = Duration::from_secs(8);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Ends a link.
pub(crate) async fn end(shared: Arc<Shared>, end: LinkEnd) -> Result<Done, Problem> {
    let LinkEnd { user, account } = end;
    let mine = shared.vault.look(&account).await?.is_some_and(|linked| linked.user == user);
    if !mine || !shared.vault.end(&account).await? {
        return Err(not_linked());
    }
    shared.words.forget(&account);
    tracing::info!(%user, %account, "unlinked");
    shared.ctx.bus.changed(&user, 0).await;
    shared.ended.notify_one();
    Ok(Done {})
}

/// Does what is left of ended links, until the service stops.
pub(crate) async fn run(shared: Arc<Shared>) {
    loop {
        match shared.vault.ended().await {
            Ok(all) => {
                for ending in all {
                    finish(&shared, ending).await;
                }
            }
            Err(error) => tracing::debug!(%error, "ended links wait"),
        }
        tokio::select! {
            () = shared.ended.notified() => {}
            () = tokio::time::sleep(AGAIN) => {}
            () = shared.ctx.shutdown.cancelled() => return,
        }
    }
}

async fn finish(shared: &Shared, ending: Ending) {
    let Ending { row: mut ended, left } = ending;
    let Some(Left { linked, grant, provider, .. }) = left else {
        tracing::error!(account = %ended.account, "an ended link cannot be read and is forgotten");
        let _ = shared.vault.store().forget_ended(&ended.account).await;
        return;
    };
    let account = ended.account.clone();
    if !ended.said {
        // A sync that began before must not say anything after.
        let deadline = Instant::now() + SYNC_ENDS_WITHIN;
        while shared.schedule.is_syncing(&account).await.unwrap_or(true) && Instant::now() < deadline {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        // Of somebody who was erased there is no log to tell.
        if let Some(linked) = &linked {
            let fact = Fact::AccountUnlinked { account: account.clone() };
            if let Err(error) = sync::say(shared, linked, "unlinked", fact).await {
                tracing::warn!(%account, %error, "the log does not know yet that a link ended");
                return;
            }
        }
        ended.said = true;
        if shared.vault.store().put_ended(&ended).await.is_err() {
            return;
        }
    }
    let revoked = match &grant {
        Some(grant) => revoke(shared, &account, provider, grant, &ended.state).await,
        // Sealed with a key that left the ring: there is nothing to revoke with.
        None => Ok(()),
    };
    ended.tries += 1;
    match revoked {
        Ok(()) => {}
        Err(error) if ended.tries >= MOST_TRIES => {
            tracing::warn!(%account, %error, "a grant could not be revoked at its provider; our copy is gone");
        }
        Err(error) => {
            tracing::info!(%account, %error, "a grant is not revoked yet");
            let _ = shared.vault.store().put_ended(&ended).await;
            return;
        }
    }
    if shared.vault.store().forget_ended(&account).await.is_ok()
        && let Some(linked) = &linked
    {
        shared.ctx.bus.changed(&linked.user, 0).await;
    }
}

/// Ends all links of somebody who was erased, and waits a while for their providers to take the grants back.
pub(crate) async fn clear(shared: Arc<Shared>, Clear { log }: Clear) -> Result<Cleared, Problem> {
    let removed = shared.vault.end_all(&log).await?;
    shared.words.forget_all();
    shared.ended.notify_one();
    let deadline = Instant::now() + REVOKED_WITHIN;
    loop {
        let all = shared.vault.ended().await?;
        let left = all.iter().filter(|ending| ending.left.as_ref().is_some_and(|left| left.log == log)).count();
        if left == 0 || Instant::now() > deadline {
            return Ok(Cleared { removed, left: u32::try_from(left).unwrap_or(u32::MAX) });
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Stops the channels, then revokes; a token that has expired is renewed for it, and that one revoked as well.
async fn revoke(
    shared: &Shared,
    account: &AccountId,
    provider: Provider,
    grant: &Grant,
    state: &str,
) -> anyhow::Result<()> {
    let Some(connector) = shared.connector(provider) else { return Ok(()) };
    let state: SyncState = serde_json::from_str(state).unwrap_or_default();
    let (mut access, mut refresh) = (grant.access.clone(), grant.refresh.clone());
    if !state.channels.is_empty()
        && !grant.is_fresh(shared.ctx.clock.wall())
        && let Some(token) = &grant.refresh
        && let Way::Oauth(app) = connector.way()
        && let Ok(tokens) = oauth::refresh(&shared.http, app, token).await
    {
        access = tokens.access;
        refresh = tokens.refresh.or(refresh);
    }
    for channel in &state.channels {
        shared.hooks.forget_channel(&channel.id).await?;
        // A channel that does not stop is answered with 404 from now on, and ends by itself within a week.
        if let Err(error) = connector.stop_channel(&shared.http, &access, &channel.id, &channel.resource).await {
            tracing::info!(%account, %error, "a channel does not stop");
        }
    }
    for other in connector.shares_grant_with() {
        if shared.vault.of_owner(*other, &grant.owner).await?.is_some() {
            // To revoke this one would end that one as well. Our copy goes; the last link of them takes it all along.
            tracing::info!(%account, other = other.slug(), "a grant is forgotten, since another link needs it");
            return Ok(());
        }
    }
    Ok(connector.revoke(&shared.http, &access, refresh.as_ref()).await?)
}
