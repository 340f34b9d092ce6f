//! Sign-in and sessions. For now by the one-time link of the machine's owner.

mod session_store;

use anyhow::Context as _;
use oo_contracts::UserId;
use oo_contracts::http::Problem;
use oo_contracts::wire::{Check, Done, OwnerLink, Session, SignedIn};
use oo_runtime::{Context, Metric, People, random, redis_store, web};
use oo_subjects::{CHECK_SESSION, END_SESSION, SIGN_IN_OWNER};
use serde::Deserialize;
use session_store::SessionStore;
use sha2::{Digest as _, Sha256};
use std::path::PathBuf;
use std::sync::Arc;
use subtle::ConstantTimeEq as _;

/// Questions answered at once, of each kind.
const AT_ONCE: usize = 256;

/// `OO_AUTH__…`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// SHA-256 of the owner's one-time token, in hexadecimal. Without it the owner cannot sign in.
    #[serde(default)]
    pub owner_link: Option<String>,
    /// The same, in a file.
    #[serde(default)]
    pub owner_link_file: Option<PathBuf>,
    /// Who the owner of this machine is.
    #[serde(default = "owner")]
    pub owner: UserId,
    /// Days without use after which a session ends.
    #[serde(default = "idle_days")]
    pub idle_days: u64,
    /// Days after which a session ends in any case.
    #[serde(default = "absolute_days")]
    pub absolute_days: u64,
}

fn owner() -> UserId {
    UserId::try_from("owner".to_owned()).expect("a short token")
}
fn idle_days() -> u64 {
    30
}
fn absolute_days() -> u64 {
    180
}

struct Auth {
    settings: Settings,
    owner_link: Option<String>,
    store: SessionStore,
    people: People,
    ctx: Context,
}

/// Answers until told to stop.
pub async fn serve(ctx: Context) -> anyhow::Result<()> {
    let settings: Settings = ctx.section()?;
    let owner_link = match &settings.owner_link_file {
        Some(file) => Some(
            std::fs::read_to_string(file)
                .with_context(|| {
                    format!("cannot read OO_AUTH__OWNER_LINK_FILE {}: `oo init` makes it", file.display())
                })?
                .trim()
                .to_owned(),
        ),
        None => settings.owner_link.clone(),
    };
    let redis = redis_store::connect(&ctx.settings.redis)?;
    ctx.health.depends_on("redis", {
        let redis = redis.clone();
        move || {
            let redis = redis.clone();
            async move { redis_store::is_up(&redis).await }
        }
    });
    web::serve_health(&ctx).await?;
    let people = ctx.people().await?;
    let store = SessionStore::new(redis, settings.idle_days, settings.absolute_days);
    let auth = Arc::new(Auth { settings, owner_link, store, people, ctx: ctx.clone() });
    let (signing, checking, ending) = (auth.clone(), auth.clone(), auth);
    ctx.answer(SIGN_IN_OWNER, AT_ONCE, move |link| {
        let auth = signing.clone();
        async move { auth.sign_in(link).await }
    })
    .await?;
    ctx.answer(CHECK_SESSION, AT_ONCE, move |Check { secret }| {
        let auth = checking.clone();
        async move {
            let wall = auth.ctx.clock.wall();
            let user = auth.store.check(&hash(&secret), wall).await.map_err(away)?;
            user.map(|user| SignedIn { user }).ok_or_else(|| Problem::new(401, "signed out", "sign in again"))
        }
    })
    .await?;
    ctx.answer(END_SESSION, AT_ONCE, move |Check { secret }| {
        let auth = ending.clone();
        async move {
            auth.store.end(&hash(&secret)).await.map_err(away)?;
            Ok(Done {})
        }
    })
    .await?;
    ctx.shutdown.cancelled().await;
    Ok(())
}

impl Auth {
    async fn sign_in(&self, link: OwnerLink) -> Result<Session, Problem> {
        let given = hash(&link.token);
        let fits = self.owner_link.as_ref().is_some_and(|known| bool::from(known.as_bytes().ct_eq(given.as_bytes())));
        if !fits || !self.store.use_once(&given).await.map_err(away)? {
            self.ctx.metrics.count(Metric::AuthSignIns, "refused");
            tracing::warn!("an owner link was refused");
            return Err(Problem::new(
                403,
                "this link does not sign in",
                "it was used already, or it is an older one: start oO again for a new one",
            ));
        }
        let user = self.settings.owner.clone();
        self.people.find_or_make(&user).await.map_err(|error| {
            tracing::error!(%error, "the owner's record cannot be made");
            Problem::new(503, "not now", "try again in a moment")
        })?;
        let secret = random::hex(&random::bytes::<32>());
        self.store.begin(&hash(&secret), &user, self.ctx.clock.wall()).await.map_err(away)?;
        self.ctx.metrics.count(Metric::AuthSignIns, "owner");
        tracing::info!(%user, "signed in by the owner's link");
        Ok(Session { user, secret, idle_seconds: self.settings.idle_days * 24 * 3600 })
    }
}

/// How a secret rests: in hexadecimal, and with no salt, since its 256 bits are random.
pub fn hash(secret: &str) -> String {
    random::hex(&Sha256::digest(secret))
}

/// Fails closed: without Redis nobody is signed in.
fn away(error: impl std::fmt::Display) -> Problem {
    tracing::warn!(%error, "sessions cannot be reached");
    Problem::new(503, "not now", "try again in a moment")
}
