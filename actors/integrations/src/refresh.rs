//! Tokens that work: one refresh at a time for each account, over all processes; kept before it is used; and a failure
//! is the person's only when it is confirmed.

use crate::connector::{Connectors, Way};
use crate::http::Http;
use crate::oauth::{self, OauthError, Tokens};
use crate::store::StoreError;
use crate::vault::{Account, Dead, Grant, Saved, Vault, VaultError};
use oo_contracts::wire::{AccountStatus, Broken};
use oo_contracts::{AccountId, Timestamp};
use oo_runtime::{Context, Metric, crash, random};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::time::Instant;

/// The lock of a refresh whose process died ends within this: well inside the minute in which Todoist gives a lost answer
/// again, and about as long as a Redis may be away before what was given is lost.
const LOCK: Duration = Duration::from_secs(15);
/// A refresh that lives lengthens its lock this often.
const RENEW_LOCK: Duration = Duration::from_secs(5);
/// How long somebody else's refresh is waited for: a provider's slowest answer and a bit.
const WAIT: Duration = Duration::from_secs(12);
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// How long a new grant is tried to be kept: without it the person would have to link again.
const KEEP_WITHIN: Duration = Duration::from_secs(20);

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    #[error("this account is not linked")]
    Ended,
    #[error("the provider wants the person to link the account again")]
    Reconnect,
    #[error(transparent)]
    Oauth(OauthError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error("somebody else's refresh takes too long")]
    Busy,
}

impl From<StoreError> for TokenError {
    fn from(error: StoreError) -> Self {
        Self::Vault(error.into())
    }
}

/// Gives out tokens.
#[derive(Clone)]
pub(crate) struct Refresher {
    vault: Vault,
    http: Http,
    connectors: Arc<Connectors>,
    ctx: Context,
    /// One refresh at a time within this process; the lock in Redis is for the others.
    here: Arc<Mutex<HashMap<AccountId, Weak<tokio::sync::Mutex<()>>>>>,
}

impl Refresher {
    pub(crate) fn new(ctx: &Context, vault: Vault, http: Http, connectors: Arc<Connectors>) -> Self {
        Self { vault, http, connectors, ctx: ctx.clone(), here: Arc::default() }
    }

    /// The account with a token that should work.
    pub(crate) async fn fresh(&self, id: &AccountId) -> Result<Account, TokenError> {
        self.get(id, None).await
    }

    /// The account with another token than the one that the provider has just refused.
    pub(crate) async fn renewed(&self, refused: &Account) -> Result<Account, TokenError> {
        self.get(&refused.linked.id, Some(refused)).await
    }

    /// Renews a grant that will soon be stale, or has long been idle, before anybody has to wait for it; when to look at it
    /// again, on the wall's clock. Whoever needs the token meanwhile uses the one that still works.
    pub(crate) async fn ahead(&self, id: &AccountId) -> Result<Option<Timestamp>, TokenError> {
        let account = self.vault.read(id).await?.ok_or(TokenError::Ended)?;
        if matches!(account.linked.status, AccountStatus::ReconnectNeeded { .. }) {
            return Ok(None);
        }
        match account.renew_at() {
            Some(at) if at <= self.ctx.clock.wall() => Ok(self.renewed(&account).await?.renew_at()),
            later => Ok(later),
        }
    }

    async fn get(&self, id: &AccountId, refused: Option<&Account>) -> Result<Account, TokenError> {
        if let Some(account) = self.usable(id, refused).await? {
            return Ok(account);
        }
        let one_here = self.one_here(id).lock_owned().await;
        let owner = random::token();
        let deadline = Instant::now() + WAIT;
        loop {
            // Somebody may have refreshed it while this one waited, here or in another process.
            if let Some(account) = self.usable(id, refused).await? {
                return Ok(account);
            }
            if self.vault.store().lock(id, &owner, LOCK).await? {
                break;
            }
            if Instant::now() >= deadline {
                return Err(TokenError::Busy);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        // Whoever asked may have gone away before the provider answers. What it gives is kept all the same, since the old
        // token may be worth nothing by then; a service that stops waits for it.
        let (own, id, refused) = (self.clone(), id.clone(), refused.cloned());
        let (done, got) = tokio::sync::oneshot::channel();
        self.ctx.spawn("refresh", async move {
            let got = tokio::select! {
                got = own.locked(&id, refused.as_ref()) => got,
                never = own.hold(&id, &owner) => match never {},
            };
            // If it cannot be given back it ends by itself.
            let _ = own.vault.store().unlock(&id, &owner).await;
            drop(one_here);
            let _ = done.send(got);
        });
        got.await.unwrap_or(Err(TokenError::Busy))
    }

    /// Lengthens the lock while the refresh goes on.
    async fn hold(&self, id: &AccountId, owner: &str) -> std::convert::Infallible {
        loop {
            tokio::time::sleep(RENEW_LOCK).await;
            if let Err(error) = self.vault.store().renew_lock(id, owner, LOCK).await {
                tracing::debug!(account = %id, %error, "the lock of a refresh is not lengthened");
            }
        }
    }

    /// With both locks held: look once more, then refresh.
    async fn locked(&self, id: &AccountId, refused: Option<&Account>) -> Result<Account, TokenError> {
        if let Some(account) = self.usable(id, refused).await? {
            return Ok(account);
        }
        let account = self.vault.read(id).await?.ok_or(TokenError::Ended)?;
        let connector = self
            .connectors
            .get(&account.linked.provider)
            .ok_or_else(|| TokenError::Oauth(OauthError::Config("this provider is no longer set up".into())))?;
        let Way::Oauth(app) = connector.way() else {
            return self.dead(&account, "no_password", Broken::Password).await;
        };
        let Some(token) = account.grant.refresh.clone() else {
            return self.dead(&account, "no_refresh_token", Broken::Unrenewable).await;
        };
        let tokens = match oauth::refresh(&self.http.of(&account.linked, false), app, &token).await {
            Ok(tokens) => tokens,
            Err(OauthError::Terminal(code)) => return self.dead(&account, &code, Broken::Withdrawn).await,
            Err(error) => {
                if let OauthError::Config(code) = &error {
                    tracing::error!(provider = account.linked.provider.slug(), %code, "oO's registration is refused");
                }
                self.ctx.metrics.count(Metric::IntegrationsRefreshes, label(&error));
                return Err(TokenError::Oauth(error));
            }
        };
        crash::point("vault-refreshed");
        let short = !tokens.missing(app).is_empty();
        let saved = self.keep(&account, tokens, app).await?;
        self.ctx.metrics.count(Metric::IntegrationsRefreshes, "ok");
        if short {
            // The person took a part of it back at the provider.
            return self.dead(&saved, "scope_withdrawn", Broken::Narrowed).await;
        }
        Ok(saved)
    }

    /// Keeps what came before anybody uses it: the old refresh token may be worth nothing any more.
    async fn keep(
        &self,
        account: &Account,
        tokens: Tokens,
        app: &crate::connector::App,
    ) -> Result<Account, TokenError> {
        let (owner, before) = (account.grant.owner.clone(), account.grant.refresh.clone());
        let grant = tokens.into_grant(app, owner, before, self.ctx.clock.wall());
        let deadline = Instant::now() + KEEP_WITHIN;
        loop {
            match self.vault.save(account, &grant).await {
                Ok(Saved::Mine(account) | Saved::Theirs(account)) => return Ok(account),
                Ok(Saved::Ended) => {
                    self.take_back(account, &grant).await;
                    return Err(TokenError::Ended);
                }
                Err(error) if Instant::now() >= deadline => return Err(error.into()),
                Err(error) => {
                    tracing::warn!(account = %account.linked.id, %error, "a refreshed grant is not kept yet");
                    tokio::time::sleep(LOOK_AGAIN * 4).await;
                }
            }
        }
    }

    /// The link ended while its grant was renewed: whoever ended it knew the old tokens only, so the new ones end here.
    /// Where several links share a grant the old token was enough, or another link still needs it.
    async fn take_back(&self, account: &Account, grant: &Grant) {
        let Some(connector) = self.connectors.get(&account.linked.provider) else { return };
        if connector.shares_grant_with().is_empty() {
            let revoked = connector.revoke(&self.http, &grant.access, grant.refresh.as_ref()).await;
            tracing::info!(account = %account.linked.id, ?revoked, "a grant was renewed for a link that has ended");
        }
    }

    /// The provider says that the grant is dead. True only if nobody has renewed it meanwhile.
    async fn dead(&self, account: &Account, code: &str, why: Broken) -> Result<Account, TokenError> {
        self.ctx.metrics.count(Metric::IntegrationsRefreshes, "terminal");
        match self.vault.mark_dead(account, self.ctx.clock.now(), why).await? {
            Dead::Theirs(theirs) => return Ok(*theirs),
            Dead::Ended => return Err(TokenError::Ended),
            Dead::Already => {}
            Dead::Marked => {
                tracing::info!(user = %account.linked.user, account = %account.linked.id, code, "a link needs the person");
                self.ctx.bus.changed(&account.linked.user, 0).await;
            }
        }
        Err(TokenError::Reconnect)
    }

    /// Marks an account whose renewed token is refused as well.
    pub(crate) async fn give_up(&self, account: &Account) -> TokenError {
        match self.dead(account, "refused_when_new", Broken::Withdrawn).await {
            // Renewed by somebody else in this very moment: the next call will tell.
            Ok(_) => TokenError::Busy,
            Err(error) => error,
        }
    }

    /// The account, if its token can be used as it is.
    async fn usable(&self, id: &AccountId, refused: Option<&Account>) -> Result<Option<Account>, TokenError> {
        use secrecy::ExposeSecret as _;
        let account = self.vault.read(id).await?.ok_or(TokenError::Ended)?;
        if matches!(account.linked.status, AccountStatus::ReconnectNeeded { .. }) {
            return Err(TokenError::Reconnect);
        }
        let same = refused.is_some_and(|one| one.grant.access.expose_secret() == account.grant.access.expose_secret());
        Ok((!same && account.grant.is_fresh(self.ctx.clock.wall())).then_some(account))
    }

    fn one_here(&self, id: &AccountId) -> Arc<tokio::sync::Mutex<()>> {
        let mut here = self.here.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = here.get(id).and_then(Weak::upgrade) {
            return known;
        }
        here.retain(|_, one| one.strong_count() > 0);
        let new = Arc::new(tokio::sync::Mutex::new(()));
        here.insert(id.clone(), Arc::downgrade(&new));
        new
    }
}

fn label(error: &OauthError) -> &'static str {
    match error {
        OauthError::Terminal(_) => "terminal",
        OauthError::Config(_) => "config",
        OauthError::Transient { .. } => "transient",
    }
}

#[cfg(test)]
mod real_peer;
#[cfg(test)]
mod tests;
