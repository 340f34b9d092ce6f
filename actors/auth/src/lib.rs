//! Sign-in and sessions: by the owner's one-time link, by an OpenID Connect issuer, by a passkey; access tokens for clients
//! that are no browsers.
//!
//! Start with `session.rs` (what a sign-in ends in), then `oidc.rs`, `passkey.rs` and `token.rs`.

mod apple;
mod begun_store;
mod identity_store;
mod oidc;
mod passkey;
mod passkey_store;
mod rights;
mod session;
mod session_store;
mod settings;
mod sign_in;
mod token;
mod token_store;

pub use settings::{Settings, SignUp};

use begun_store::BegunStore;
use identity_store::IdentityStore;
use oidc::Oidc;
use oo_contracts::http::Problem;
use oo_runtime::{Context, People, random, redis_store, web};
use oo_subjects::{
    CHECK_SESSION, CHECK_TOKEN, CLEAR_DOORS, CONFIRM, CONFIRMED, DOORS, END_SESSION, END_SESSIONS, MAKE_TOKEN,
    OIDC_CALLBACK, OIDC_START, PASSKEY_FINISH, PASSKEY_REMOVE, PASSKEY_SIGN_IN, PASSKEY_SIGN_IN_START, PASSKEY_START,
    RENEW_SESSION, SIGN_IN_OWNER, SIGNING_KEYS, WAYS,
};
use passkey::Passkeys;
use session_store::SessionStore;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use token::Tokens;

/// Questions answered at once, of each kind.
const AT_ONCE: usize = 256;

/// What every question is answered with.
pub(crate) struct Auth {
    ctx: Context,
    settings: Settings,
    owner_link: Option<String>,
    people: People,
    sessions: SessionStore,
    begun: BegunStore,
    identities: IdentityStore,
    issuers: Vec<Arc<Oidc>>,
    passkeys: Option<Passkeys>,
    tokens: Option<Tokens>,
}

/// Answers until told to stop.
pub async fn serve(ctx: Context) -> anyhow::Result<()> {
    let settings: Settings = ctx.section()?;
    let owner_link = settings.link()?;
    let issuers = oidc::issuers(settings.registrations()?)?;
    let ring = ctx.keyring()?;
    let redis = redis_store::connect(&ctx.settings.redis)?;
    let begun = BegunStore::new(redis.clone(), ring.clone());
    let (mut passkeys, mut tokens) = (None, None);
    if let Some(page) = &settings.public_url {
        let store = passkey_store::PasskeyStore::new(redis.clone(), ring.clone());
        passkeys = Passkeys::new(page, store, begun.clone())?;
        let keys = token_store::KeyStore::new(redis.clone(), ring, settings.key_days);
        tokens = Some(Tokens::new(page, settings.token_seconds, keys));
    }
    ctx.health.depends_on("redis", {
        let redis = redis.clone();
        move || {
            let redis = redis.clone();
            async move { redis_store::is_up(&redis).await }
        }
    });
    web::serve_health(&ctx).await?;
    let auth = Arc::new(Auth {
        people: ctx.people().await?,
        sessions: SessionStore::new(redis.clone(), settings.idle_days, settings.absolute_days),
        identities: IdentityStore::new(redis),
        ctx: ctx.clone(),
        settings,
        owner_link,
        begun,
        issuers,
        passkeys,
        tokens,
    });
    macro_rules! answer {
        ($wire:expr, $method:ident) => {
            let own = auth.clone();
            let answer = move |question| {
                let own = own.clone();
                async move { own.$method(question).await }
            };
            ctx.answer($wire, AT_ONCE, answer).await?;
        };
    }
    answer!(WAYS, ways);
    answer!(SIGN_IN_OWNER, by_owner_link);
    answer!(OIDC_START, to_issuer);
    answer!(OIDC_CALLBACK, back_from_issuer);
    answer!(PASSKEY_START, make_passkey);
    answer!(PASSKEY_FINISH, keep_passkey);
    answer!(PASSKEY_REMOVE, remove_passkey);
    answer!(PASSKEY_SIGN_IN_START, to_passkey);
    answer!(PASSKEY_SIGN_IN, by_passkey);
    answer!(CHECK_SESSION, check);
    answer!(END_SESSION, end);
    answer!(RENEW_SESSION, renew);
    answer!(DOORS, doors);
    answer!(END_SESSIONS, end_named);
    answer!(MAKE_TOKEN, make_token);
    answer!(CHECK_TOKEN, check_token);
    answer!(SIGNING_KEYS, signing_keys);
    answer!(CONFIRM, confirm);
    answer!(CONFIRMED, confirmed);
    answer!(CLEAR_DOORS, clear_doors);
    ctx.run_until_stopped().await;
    Ok(())
}

/// How a secret rests: in hexadecimal, and with no salt, since its 256 bits are random.
pub fn hash(secret: &str) -> String {
    random::hex(&Sha256::digest(secret))
}

/// Fails closed: without its stores nobody is signed in.
fn away(error: impl std::fmt::Display) -> Problem {
    tracing::warn!(%error, "sessions cannot be reached");
    not_now()
}

fn not_now() -> Problem {
    Problem::new(503, "not now", "try again in a moment").retry_after(1)
}
