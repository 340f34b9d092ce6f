//! Sees to it that providers tell of changes, where they can: a channel for each thing to watch, renewed or replaced before
//! it ends, opened again where the provider gave it up, stopped where there is nothing to watch any more.

use super::{SyncError, commit, later};
use crate::connector::{Connector, Opening, Way};
use crate::hooks;
use crate::hooks_store::KeptChannel;
use crate::http::CallError;
use crate::shared::{Shared, UseError};
use crate::sync_store::{KnownChange, Lease, OpenChannel, SyncState};
use futures_util::FutureExt as _;
use oo_contracts::Timestamp;
use std::time::Duration;

/// A channel is renewed when it has less than this to live, and in the last third of a shorter life.
const RENEW: Duration = Duration::from_secs(24 * 3600);
/// A provider that refused to open a channel is asked again this rarely.
const AGAIN: Duration = Duration::from_secs(6 * 3600);

/// Opens, renews and stops until the channels are as they should be.
pub(super) async fn keep(
    shared: &Shared,
    lease: &Lease,
    connector: &dyn Connector,
    state: &mut SyncState,
) -> Result<(), SyncError> {
    let wall = shared.ctx.clock.wall();
    let Way::Oauth(app) = connector.way() else { return Ok(()) };
    if app.webhook.is_none() || state.channel_after.is_some_and(|after| after > wall) {
        return Ok(());
    }
    let mut before = std::mem::take(&mut state.channels);
    let (mut over, mut changed, mut failed) = (Vec::new(), false, false);
    let (mut opened, mut token) = (Vec::new(), None);
    for what in connector.watches(state.cursor.as_deref()) {
        let old = before.iter().position(|one| one.what == what).map(|at| before.swap_remove(at));
        let old = match old {
            Some(old) => match look(shared, lease, old, wall).await? {
                Look::Lives(channel) => {
                    state.channels.push(channel);
                    continue;
                }
                Look::Renewed(channel) => {
                    state.channels.push(channel);
                    changed = true;
                    continue;
                }
                Look::Ends(old) => Some(old),
                Look::Ended => None,
            },
            None => None,
        };
        if token.is_none() {
            token = Some(shared.tokens.fresh(&lease.account).await.map_err(UseError::from)?.grant.access);
        }
        match open(shared, lease, &what, wall).await? {
            Ok(Some(channel)) => {
                opened.push((channel.id.clone(), channel.resource.clone()));
                state.channels.push(channel);
                over.extend(old);
            }
            // This provider has none.
            Ok(None) => {}
            Err(error) => {
                tracing::info!(account = %lease.account, %error, "no channel: polling goes on");
                state.channels.extend(old);
                failed = true;
            }
        }
        changed = true;
    }
    // What is left watches what is no longer there.
    over.append(&mut before);
    state.channel_after = failed.then(|| later(shared, AGAIN));
    if (changed || !over.is_empty())
        && let Err(lost) = commit(shared, lease, state, &KnownChange::default()).await
    {
        // The link was ended while channels were opened, so nobody else knows that there are some to stop.
        for (id, resource) in opened.iter().filter(|_| matches!(lost, SyncError::Lost)) {
            let Some(token) = &token else { continue };
            let stopped = connector.stop_channel(&shared.http, token, id, resource).await;
            tracing::info!(account = %lease.account, ?stopped, "a channel was opened for a link that has ended");
            shared.hooks.forget_channel(id).await?;
        }
        return Err(lost);
    }
    for OpenChannel { id, resource, .. } in &over {
        shared.hooks.forget_channel(id).await?;
        let stopped = shared.call(&lease.account, |connector, http, access| async move {
            connector.stop_channel(&http, &access.token, id, resource).await
        });
        if let Err(error) = stopped.await {
            tracing::debug!(account = %lease.account, %error, "an old channel ends by itself");
        }
    }
    Ok(())
}

/// How a channel stands.
enum Look {
    Lives(OpenChannel),
    Renewed(OpenChannel),
    /// It wants another in its place.
    Ends(OpenChannel),
    /// It is no more.
    Ended,
}

async fn look(shared: &Shared, lease: &Lease, mut old: OpenChannel, wall: Timestamp) -> Result<Look, SyncError> {
    let Some(mut kept) = shared.hooks.channel(&old.id).await?.filter(|_| old.expires > wall) else {
        return Ok(Look::Ended);
    };
    let renew = old.renew.unwrap_or_else(|| old.expires.checked_sub(RENEW).unwrap_or(wall));
    if wall < renew && !kept.renew {
        return Ok(Look::Lives(old));
    }
    let id = &old.id;
    let renewed = shared.call(&lease.account, |connector, http, access| async move {
        match connector.renew_channel(&http, &access.token, id, wall) {
            Some(renewing) => renewing.await.map(Some),
            None => Ok(None),
        }
    });
    match renewed.await {
        Ok(Some(expires)) => {
            kept.renew = false;
            shared.hooks.keep_channel(&old.id, &kept, expires).await?;
            (old.expires, old.renew) = (expires, Some(renewal(wall, expires)));
            Ok(Look::Renewed(old))
        }
        Ok(None) => Ok(Look::Ends(old)),
        // The provider does not know it any more.
        Err(UseError::Call(CallError::Missing | CallError::Gone)) => {
            shared.hooks.forget_channel(&old.id).await?;
            Ok(Look::Ended)
        }
        Err(error) => {
            tracing::info!(account = %lease.account, %error, "a channel is not renewed yet");
            Ok(Look::Lives(old))
        }
    }
}

/// Opens one; the inner error is the provider's.
async fn open(
    shared: &Shared,
    lease: &Lease,
    what: &str,
    wall: Timestamp,
) -> Result<Result<Option<OpenChannel>, UseError>, SyncError> {
    let (id, token) = hooks::new_channel();
    let secret = secrecy::SecretString::from(token.clone());
    // Providers may call back before they answer.
    shared.hooks.expect_handshake(&id).await?;
    let opened = shared.call(&lease.account, |connector, http, access| {
        let (id, secret) = (&id, &secret);
        async move {
            match connector.watch(&http, &access, &Opening { what, id, token: secret, wall }) {
                Some(opening) => opening.await.map(Some),
                None => Ok(None),
            }
        }
        .boxed()
    });
    let opened = opened.await;
    if let Ok(Some(channel)) = &opened {
        let kept = KeptChannel {
            account: lease.account.clone(),
            resource: channel.resource.clone(),
            token: hooks::hash(&token),
            renew: false,
        };
        shared.hooks.keep_channel(&channel.id, &kept, channel.expires).await?;
    }
    // Not before: a first message would be a stranger's in between.
    shared.hooks.expect_no_handshake(&id).await?;
    let channel = match opened {
        Ok(Some(channel)) => channel,
        Ok(None) => return Ok(Ok(None)),
        Err(error) => return Ok(Err(error)),
    };
    let renew = Some(renewal(wall, channel.expires));
    let (id, resource, expires) = (channel.id, channel.resource, channel.expires);
    Ok(Ok(Some(OpenChannel { id, resource, expires, what: what.to_owned(), renew })))
}

/// When a channel that lives so long wants to be renewed.
fn renewal(wall: Timestamp, expires: Timestamp) -> Timestamp {
    let life = Duration::try_from(expires.duration_since(wall)).unwrap_or_default();
    expires.checked_sub(RENEW.min(life / 3)).unwrap_or(wall)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::ToSpan as _;

    #[test]
    fn a_channel_is_renewed_a_day_before_its_end_or_in_its_last_third() {
        let now: Timestamp = "2026-11-24T09:00:00Z".parse().unwrap();
        assert_eq!(renewal(now, now + 168.hours()), now + 144.hours());
        assert_eq!(renewal(now, now + 4230.minutes()), now + 2820.minutes());
        assert_eq!(renewal(now, now + 60.minutes()), now + 40.minutes());
        assert_eq!(renewal(now, now), now);
    }
}
