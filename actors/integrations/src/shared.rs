//! What every part of this service shares, and the one way to call a provider with an account's token.

use crate::connector::{Access, Connector, Connectors, Way};
use crate::content::Cache;
use crate::content_store::ContentStore;
use crate::hooks_store::HooksStore;
use crate::http::{CallError, Http};
use crate::link_store::LinkStore;
use crate::oauth::OauthError;
use crate::own_server::Logins;
use crate::refresh::{Refresher, TokenError};
use crate::settings::Settings;
use crate::store::StoreError;
use crate::sync_store::SyncStore;
use crate::vault::{Linked, Vault, VaultError};
use crate::vault_store::VaultStore;
use anyhow::Context as _;
use oo_contracts::http::Problem;
use oo_contracts::wire::Account;
use oo_contracts::{AccountId, Provider};
use oo_runtime::outbound::{Outbound, Reach};
use oo_runtime::seal::Keyring;
use oo_runtime::{Context, People, redis_store};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// All that handlers and workers work with.
pub(crate) struct Shared {
    pub(crate) ctx: Context,
    pub(crate) settings: Settings,
    pub(crate) connectors: Arc<Connectors>,
    pub(crate) http: Http,
    pub(crate) ring: Keyring,
    pub(crate) vault: Vault,
    pub(crate) tokens: Refresher,
    pub(crate) links: LinkStore,
    pub(crate) schedule: SyncStore,
    pub(crate) hooks: HooksStore,
    pub(crate) content: ContentStore,
    pub(crate) words: Cache,
    /// Logins at a Nextcloud that are waited for.
    pub(crate) logins: Logins,
    /// Something may be due.
    pub(crate) due: Notify,
    /// A link was ended.
    pub(crate) ended: Notify,
}

/// Why a call with an account's token did not work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UseError {
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error(transparent)]
    Call(#[from] CallError),
}

impl UseError {
    /// How long the provider said to wait.
    pub(crate) fn after(&self) -> Option<Duration> {
        match self {
            Self::Call(error) => error.after(),
            Self::Token(TokenError::Oauth(OauthError::Transient { after, .. })) => *after,
            Self::Token(_) => None,
        }
    }

    /// Whether it is our own store that does not answer, and nothing is known of the provider.
    pub(crate) fn is_ours(&self) -> bool {
        matches!(self, Self::Token(TokenError::Vault(_) | TokenError::Busy) | Self::Call(CallError::Paced { .. }))
    }
}

impl From<UseError> for Problem {
    fn from(error: UseError) -> Self {
        let provider = |detail: &str| Self::new(502, "the provider does not answer as it should", detail);
        match error {
            UseError::Token(TokenError::Ended) => not_linked(),
            UseError::Token(TokenError::Reconnect) => Self::new(409, "the link is broken", "link this account again"),
            UseError::Token(TokenError::Vault(error)) => error.into(),
            UseError::Token(TokenError::Busy) => Self::new(503, "busy", "try again in a moment"),
            UseError::Token(TokenError::Oauth(error)) => provider(&error.to_string()),
            UseError::Call(CallError::Missing | CallError::Gone) => {
                Self::new(404, "not there", "the provider does not have it any more")
            }
            UseError::Call(CallError::Forbidden) => {
                Self::new(403, "not permitted", "link this account again and allow it all")
            }
            UseError::Call(CallError::Unsupported(detail)) => Self::new(400, "not possible", detail),
            UseError::Call(CallError::SlowDown { .. } | CallError::Paced { .. }) => {
                Self::new(503, "the provider asks to slow down", "try again later")
            }
            UseError::Call(error) => provider(&error.to_string()),
        }
    }
}

impl From<VaultError> for Problem {
    fn from(error: VaultError) -> Self {
        tracing::warn!(%error, "the vault does not do it");
        Self::new(503, "accounts are not available now", "try again in a moment")
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        VaultError::from(error).into()
    }
}

/// Whether the vault's ring is the right one.
async fn is_open(vault: &Vault) -> bool {
    let opens = vault.opens().await;
    if matches!(opens, Ok(false)) {
        tracing::error!(
            "the key ring does not open what was sealed here: put the keys back into the file that OO_KEYS__FILE names"
        );
    }
    opens.is_ok_and(|opens| opens)
}

/// There is no such account, or it is somebody else's: both look the same from outside.
pub(crate) fn not_linked() -> Problem {
    Problem::new(404, "not linked", "this account is not linked")
}

impl Shared {
    /// Sets all up; nothing needs to answer yet.
    pub(crate) fn new(ctx: &Context, people: People) -> anyhow::Result<Arc<Self>> {
        let settings: Settings = ctx.section()?;
        let connectors = Arc::new(crate::connector::connectors(&settings)?);
        let ring = ctx.keyring()?;
        let redis = redis_store::connect(&ctx.settings.redis)?;
        ctx.health.depends_on("redis", {
            let redis = redis.clone();
            move || {
                let redis = redis.clone();
                async move { redis_store::is_up(&redis).await }
            }
        });
        let reach = if settings.loopback { Reach::Loopback } else { Reach::Public };
        let outbound = Outbound::new(reach).context("no way to call providers")?;
        let http = Http::new(outbound, ctx.metrics.clone(), ctx.clock);
        let vault = Vault::new(VaultStore::new(redis.clone()), ring.clone(), people);
        ctx.health.depends_on("vault", {
            let vault = vault.clone();
            move || {
                let vault = vault.clone();
                async move { is_open(&vault).await }
            }
        });
        let tokens = Refresher::new(ctx, vault.clone(), http.clone(), connectors.clone());
        Ok(Arc::new(Self {
            ctx: ctx.clone(),
            settings,
            connectors,
            http,
            ring,
            vault,
            tokens,
            links: LinkStore::new(redis.clone()),
            schedule: SyncStore::new(redis.clone()),
            hooks: HooksStore::new(redis.clone()),
            content: ContentStore::new(redis),
            words: Cache::default(),
            logins: Logins::default(),
            due: Notify::new(),
            ended: Notify::new(),
        }))
    }

    /// A provider, if this installation is registered there.
    pub(crate) fn connector(&self, provider: Provider) -> Option<Arc<dyn Connector>> {
        self.connectors.get(&provider).cloned()
    }

    /// Calls a provider with an account's token; where the token is refused, once more with a new one.
    pub(crate) async fn call<T, F, Fut>(&self, id: &AccountId, call: F) -> Result<T, UseError>
    where
        F: Fn(Arc<dyn Connector>, Http, Access) -> Fut + Send,
        Fut: Future<Output = Result<T, CallError>> + Send,
    {
        let account = self.tokens.fresh(id).await?;
        let Some(connector) = self.connector(account.linked.provider) else {
            return Err(TokenError::Oauth(OauthError::Config("this provider is no longer set up".into())).into());
        };
        let http = self.http.of(&account.linked, matches!(connector.way(), Way::OwnServer(_)));
        match call(connector.clone(), http.clone(), account.access()).await {
            Err(CallError::Unauthorized) => {}
            other => return Ok(other?),
        }
        let account = self.tokens.renewed(&account).await?;
        match call(connector, http, account.access()).await {
            Err(CallError::Unauthorized) => Err(self.tokens.give_up(&account).await.into()),
            other => Ok(other?),
        }
    }

    /// As the page says it: "Todoist (sandbox)".
    pub(crate) fn name(&self, provider: Provider) -> String {
        let stand_in = if self.settings.is_sandbox(provider) { " (sandbox)" } else { "" };
        format!("{}{stand_in}", provider.name())
    }

    /// An account as others see it.
    pub(crate) fn account(&self, linked: Linked) -> Account {
        let Linked { id, provider, status, .. } = linked;
        Account { id, provider, name: self.name(provider), status }
    }
}
