//! The ways in: the owner's link, an issuer, a passkey.

use crate::oidc::{Identity, Oidc, OidcError, Waiting};
use crate::passkey::{PasskeyError, Passkeys};
use crate::session::no_address;
use crate::settings::SignUp;
use crate::{Auth, away, hash, not_now};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use oo_contracts::UserId;
use oo_contracts::http::Problem;
use oo_contracts::session::{
    DeviceName, Issuer, IssuerOffer, OidcCallback, OidcStart, OidcStarted, PasskeyFinish, PasskeyRemove,
    PasskeySignInFinish, PasskeySignInStart, PasskeyStart, PasskeyStarted, PersonName, Ways, WaysAsk,
};
use oo_contracts::wire::{Done, OwnerLink, Session};
use oo_runtime::{Metric, Person, random};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use subtle::ConstantTimeEq as _;

/// Well within what the door waits: it must hear of a session that was begun.
const FOUND_WITHIN: Duration = Duration::from_secs(3);

/// What waits for the browser to come back from an issuer.
#[derive(Serialize, Deserialize)]
struct Begun {
    issuer: Issuer,
    /// Hash of the value that the browser's cookie must bring back.
    browser: String,
    waiting: Waiting,
    /// Who is signed in and adds a way in; nobody, who signs in.
    user: Option<UserId>,
}

impl Auth {
    pub(crate) async fn ways(&self, _: WaysAsk) -> Result<Ways, Problem> {
        let offer =
            |oidc: &Arc<Oidc>| IssuerOffer { issuer: oidc.registration.issuer, name: oidc.registration.name.clone() };
        Ok(Ways {
            issuers: self.issuers.iter().map(offer).collect(),
            passkeys: self.passkeys.is_some(),
            session: false,
        })
    }

    pub(crate) async fn by_owner_link(&self, link: OwnerLink) -> Result<Session, Problem> {
        let given = hash(&link.token);
        let fits = self.owner_link.as_ref().is_some_and(|known| bool::from(known.as_bytes().ct_eq(given.as_bytes())));
        let refused = || {
            self.refused("an owner link was refused");
            Problem::new(
                403,
                "this link does not sign in",
                "it was used already, or it is an older one: start oO again for a new one",
            )
        };
        if !fits || self.sessions.was_used(&given).await.map_err(away)? {
            return Err(refused());
        }
        // First who it is for: while people cannot be had, the link stays good.
        let found = tokio::time::timeout(FOUND_WITHIN, self.found_or_made(&self.settings.owner)).await;
        let owner = found.map_err(|_| {
            tracing::warn!("a person's record takes too long");
            not_now()
        })??;
        if !self.sessions.use_once(&given).await.map_err(away)? {
            return Err(refused());
        }
        self.begin_for(&owner, link.device.unwrap_or_else(unnamed), "owner").await
    }

    pub(crate) async fn to_issuer(&self, OidcStart { issuer, user }: OidcStart) -> Result<OidcStarted, Problem> {
        let oidc = self.issuer(issuer)?;
        let (state, transaction) = (secret(), secret());
        let (authorize, waiting) = oidc.authorize(&state).await.map_err(|error| self.problem(issuer, &error))?;
        let begun = Begun { issuer, browser: hash(&transaction), waiting, user };
        self.begun.keep("oidc", &state, &begun).await.map_err(away)?;
        Ok(OidcStarted { authorize: authorize.into(), transaction, cross_site: oidc.posts_back() })
    }

    /// The browser is back. One answer for everything that can be wrong with what it brings.
    pub(crate) async fn back_from_issuer(&self, back: OidcCallback) -> Result<Session, Problem> {
        let OidcCallback { issuer, transaction, state, code, error, iss, device, name } = back;
        let unknown = || Problem::new(400, "this sign-in was not begun here, or too long ago", "begin again");
        let oidc = self.issuer(issuer)?;
        let begun: Option<Begun> = self.begun.take("oidc", &state).await.map_err(away)?;
        let begun = begun.ok_or_else(unknown)?;
        let browser = bool::from(hash(&transaction).as_bytes().ct_eq(begun.browser.as_bytes()));
        if !browser || begun.issuer != issuer {
            self.refused("a sign-in came back to another browser or issuer");
            return Err(unknown());
        }
        if !oidc.is_named(iss.as_deref()).await.map_err(|error| self.problem(issuer, &error))? {
            self.refused("another issuer answered");
            return Err(Problem::new(400, "another issuer answered", "begin again"));
        }
        if error.is_some() {
            return Err(Problem::new(403, "not signed in", "the issuer was told not to, or does not want to"));
        }
        let code = code
            .filter(|code| !code.is_empty())
            .ok_or_else(|| Problem::new(400, "no code came back", "begin again"))?;
        let identity = oidc.identify(&code, &begun.waiting).await.map_err(|error| self.problem(issuer, &error))?;
        let user = self.known_as(issuer, &identity, begun.user).await?;
        let (user, is_new) = user;
        let session = self.begin(user, device, issuer.slug()).await?;
        // Only at the first consent, and only who posts a form says a name at all: later it could be anybody's idea.
        if let Some(name) = name.filter(|_| is_new && oidc.posts_back()) {
            self.keep_name(&session.user, &name).await?;
        }
        Ok(session)
    }

    /// Who somebody is to us, and whether that is news: known, added to who is signed in, or new where that is allowed.
    async fn known_as(
        &self,
        issuer: Issuer,
        identity: &Identity,
        adds: Option<UserId>,
    ) -> Result<(UserId, bool), Problem> {
        let Identity { iss, sub } = identity;
        let known = match self.identities.find(iss, sub).await.map_err(away)? {
            // One that leads to nobody is somebody's who was erased: it goes in a moment.
            Some(log) => Some(self.people.of_log(&log).await.map_err(away)?.ok_or_else(elsewhere)?.user.clone()),
            None => None,
        };
        let user = match (known, adds) {
            (Some(known), Some(user)) if known != user => {
                return Err(Problem::new(409, "known as somebody else", "this identity signs another person in"));
            }
            (Some(known), _) => return Ok((known, false)),
            (None, Some(user)) => user,
            (None, None) if self.settings.sign_up == SignUp::Open => {
                random::token().parse().expect("32 hexadecimal digits fit")
            }
            (None, None) => {
                self.refused("somebody unknown was vouched for");
                return Err(Problem::new(403, "nobody by that name", "ask whoever runs this oO to let you in"));
            }
        };
        let log = self.people.find_or_make(&user).await.map_err(away)?.place.log.clone();
        let owner = self.identities.give(issuer, iss, sub, &log).await.map_err(away)?;
        if owner != log {
            return Err(elsewhere());
        }
        Ok((user, true))
    }

    /// Keeps what somebody is called, sealed with their own key.
    async fn keep_name(&self, user: &UserId, name: &PersonName) -> Result<(), Problem> {
        let person = self.people.find_or_make(user).await.map_err(away)?;
        let sealed = BASE64.encode(person.key.seal(&named(user), name.as_str().as_bytes()));
        self.identities.keep_name(&person.place.log, &sealed).await.map_err(away)
    }

    /// What somebody is called, if they ever said so.
    pub(crate) async fn name(&self, person: &Person) -> Result<Option<PersonName>, Problem> {
        let Some(sealed) = self.identities.name(&person.place.log).await.map_err(away)? else { return Ok(None) };
        let opened = BASE64.decode(sealed).ok().and_then(|sealed| person.key.open(&named(&person.user), &sealed).ok());
        Ok(opened.and_then(|name| std::str::from_utf8(&name).ok()?.parse().ok()))
    }

    pub(crate) async fn make_passkey(&self, PasskeyStart { user }: PasskeyStart) -> Result<PasskeyStarted, Problem> {
        let (options, transaction) =
            self.passkeys()?.start(&*self.person(&user).await?).await.map_err(|error| self.passkey(error))?;
        Ok(PasskeyStarted { transaction, options })
    }

    pub(crate) async fn keep_passkey(&self, made: PasskeyFinish) -> Result<Done, Problem> {
        let PasskeyFinish { user, transaction, credential, device } = made;
        let wall = self.ctx.clock.wall();
        let log = &self.person(&user).await?.place.log;
        let kept = self.passkeys()?.finish(log, &transaction, &credential, device, wall).await;
        kept.map_err(|error| self.passkey(error))?;
        tracing::info!(%user, "a passkey was added");
        Ok(Done {})
    }

    pub(crate) async fn remove_passkey(&self, PasskeyRemove { user, id }: PasskeyRemove) -> Result<Done, Problem> {
        let log = &self.person(&user).await?.place.log;
        match self.passkeys()?.remove(log, &id).await.map_err(away)? {
            true => Ok(Done {}),
            false => Err(Problem::new(404, "no such passkey", "it may have been removed already")),
        }
    }

    pub(crate) async fn to_passkey(&self, _: PasskeySignInStart) -> Result<PasskeyStarted, Problem> {
        let (options, transaction) = self.passkeys()?.start_sign_in().await.map_err(|error| self.passkey(error))?;
        Ok(PasskeyStarted { transaction, options })
    }

    pub(crate) async fn by_passkey(&self, signed: PasskeySignInFinish) -> Result<Session, Problem> {
        let PasskeySignInFinish { transaction, credential, device } = signed;
        let wall = self.ctx.clock.wall();
        let log = self.passkeys()?.finish_sign_in(&transaction, &credential, wall).await;
        let log = log.map_err(|error| self.passkey(error))?;
        let person = self.people.of_log(&log).await.map_err(away)?;
        let unknown = || self.passkey(PasskeyError::Refused("nobody here has it".into()));
        self.begin(person.ok_or_else(unknown)?.user.clone(), device, "passkey").await
    }

    fn issuer(&self, issuer: Issuer) -> Result<&Arc<Oidc>, Problem> {
        let found = self.issuers.iter().find(|oidc| oidc.registration.issuer == issuer);
        found.ok_or_else(|| Problem::new(404, "no such issuer", "this issuer is not set up here"))
    }

    fn passkeys(&self) -> Result<&Passkeys, Problem> {
        self.passkeys.as_ref().ok_or_else(|| no_address("passkeys"))
    }

    fn passkey(&self, error: PasskeyError) -> Problem {
        match error {
            PasskeyError::Away(error) => away(error),
            PasskeyError::TooMany => Problem::new(409, "too many passkeys", error.to_string()),
            PasskeyError::Refused(_) => {
                self.refused(&error.to_string());
                Problem::new(403, "this passkey does not sign in", "begin again, or sign in another way")
            }
        }
    }

    fn problem(&self, issuer: Issuer, error: &OidcError) -> Problem {
        tracing::warn!(issuer = issuer.slug(), %error, "an issuer did not vouch for anybody");
        self.ctx.metrics.count(Metric::AuthSignIns, "refused");
        match error {
            OidcError::Refused(_) => Problem::new(400, "not signed in", "begin again"),
            OidcError::Away(_) => {
                Problem::new(503, "the issuer does not answer", "try again in a moment").retry_after(5)
            }
        }
    }

    fn refused(&self, why: &str) {
        self.ctx.metrics.count(Metric::AuthSignIns, "refused");
        tracing::warn!(why, "a sign-in was refused");
    }
}

fn elsewhere() -> Problem {
    Problem::new(409, "known as somebody else", "begin again")
}

/// What a sealed name belongs to.
fn named(user: &UserId) -> String {
    format!("oo/name/v1|{user}")
}

pub(crate) fn unnamed() -> DeviceName {
    "a browser".parse().expect("a short name")
}

/// 256 random bits.
fn secret() -> String {
    random::hex(&random::bytes::<32>())
}
