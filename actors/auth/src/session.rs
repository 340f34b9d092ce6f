//! Sessions: what every sign-in ends in, and what is asked of them afterwards.

use crate::session_store::Record;
use crate::{Auth, away, hash};
use oo_contracts::UserId;
use oo_contracts::http::Problem;
use oo_contracts::session::{
    AccessToken, DeviceName, DoorId, Doors, DoorsAsk, Keys, KeysAsk, SessionEntry, SessionsEnd, TokenAsk, TokenCheck,
};
use oo_contracts::wire::{Check, Done, Session, SignedIn};
use oo_runtime::{Metric, random};

impl Auth {
    /// Begins a session: a new secret, whatever the browser came with.
    pub(crate) async fn begin(&self, user: UserId, device: DeviceName, way: &'static str) -> Result<Session, Problem> {
        self.people.find_or_make(&user).await.map_err(|error| {
            tracing::error!(%error, "a person's record cannot be made");
            Problem::new(503, "not now", "try again in a moment").retry_after(1)
        })?;
        let secret = new_secret();
        let wall = self.ctx.clock.wall();
        let record = Record { user: user.clone(), id: new_id(), device, began: wall, used: wall };
        self.sessions.begin(&hash(&secret), &record).await.map_err(away)?;
        self.ctx.metrics.count(Metric::AuthSignIns, way);
        tracing::info!(%user, way, "signed in");
        Ok(Session { user, secret, idle_seconds: self.settings.idle_days * 24 * 3600 })
    }

    pub(crate) async fn check(&self, Check { secret }: Check) -> Result<SignedIn, Problem> {
        Ok(SignedIn { user: self.record(&secret).await?.user })
    }

    pub(crate) async fn end(&self, Check { secret }: Check) -> Result<Done, Problem> {
        let hash = hash(&secret);
        if let Some(record) = self.sessions.check(&hash, self.ctx.clock.wall()).await.map_err(away)? {
            self.sessions.end(&hash, &record).await.map_err(away)?;
            tracing::info!(user = %record.user, "signed out");
        }
        Ok(Done {})
    }

    /// Who may come in has changed: the session goes on under a new secret and name, and the old ones, with all access tokens
    /// that were made of them, are dead. Its age stays, so that nobody lives for ever by renewing.
    pub(crate) async fn renew(&self, Check { secret }: Check) -> Result<Session, Problem> {
        let (old, fresh) = (self.record(&secret).await?, new_secret());
        let record = Record { id: new_id(), used: self.ctx.clock.wall(), ..old.clone() };
        if !self.sessions.renew(&hash(&secret), &old, &hash(&fresh), &record).await.map_err(away)? {
            return Err(signed_out());
        }
        Ok(Session { user: old.user, secret: fresh, idle_seconds: self.settings.idle_days * 24 * 3600 })
    }

    /// By what a person can come in, and where they are.
    pub(crate) async fn doors(&self, DoorsAsk { user, secret }: DoorsAsk) -> Result<Doors, Problem> {
        let current = hash(&secret);
        let entry = |(hash, record): (String, Record)| {
            let Record { id, device, began, used, .. } = record;
            SessionEntry { id, device, began, used, current: hash == current }
        };
        let mut sessions: Vec<_> = self.sessions.of(&user).await.map_err(away)?.into_iter().map(entry).collect();
        sessions.sort_by_key(|session| std::cmp::Reverse(session.used));
        let passkeys = match &self.passkeys {
            Some(passkeys) => passkeys.list(&user).await.map_err(away)?,
            None => vec![],
        };
        let issuers = self.identities.of(&user).await.map_err(away)?;
        let name = self.name(&user).await?;
        Ok(Doors { passkeys, sessions, issuers, name })
    }

    /// Ends one session of a person by its name, or all but the one that asks.
    pub(crate) async fn end_named(&self, SessionsEnd { user, id, secret }: SessionsEnd) -> Result<Done, Problem> {
        let current = hash(&secret);
        let mut found = false;
        for (hash, record) in self.sessions.of(&user).await.map_err(away)? {
            let is_meant = id.as_ref().map_or(hash != current, |id| record.id == *id);
            if is_meant {
                found = true;
                self.sessions.end(&hash, &record).await.map_err(away)?;
            }
        }
        if id.is_some() && !found {
            return Err(Problem::new(404, "no such session", "it may have ended already"));
        }
        Ok(Done {})
    }

    pub(crate) async fn make_token(&self, TokenAsk { secret }: TokenAsk) -> Result<AccessToken, Problem> {
        let record = self.record(&secret).await?;
        let Some(tokens) = &self.tokens else { return Err(no_address("access tokens")) };
        tokens.make(record.user, record.id, self.ctx.clock.wall()).await.map_err(away)
    }

    /// Whose access token this is, as long as its session lives.
    pub(crate) async fn check_token(&self, TokenCheck { access_token }: TokenCheck) -> Result<SignedIn, Problem> {
        let refused = || Problem::new(401, "no such token", "ask for a new one with your session");
        let tokens = self.tokens.as_ref().ok_or_else(refused)?;
        let read = tokens.check(&access_token, self.ctx.clock.wall()).await.map_err(away)?;
        let (user, sid) = read.ok_or_else(refused)?;
        match self.sessions.named(&user, sid.as_str()).await.map_err(away)? {
            Some(_) => Ok(SignedIn { user }),
            None => Err(refused()),
        }
    }

    pub(crate) async fn signing_keys(&self, _: KeysAsk) -> Result<Keys, Problem> {
        match &self.tokens {
            Some(tokens) => tokens.published(self.ctx.clock.wall()).await.map_err(away),
            None => Ok(Keys { keys: vec![] }),
        }
    }

    /// A session, if it lives.
    async fn record(&self, secret: &str) -> Result<Record, Problem> {
        let found = self.sessions.check(&hash(secret), self.ctx.clock.wall()).await.map_err(away)?;
        found.ok_or_else(signed_out)
    }
}

/// 256 random bits.
fn new_secret() -> String {
    random::hex(&random::bytes::<32>())
}

fn new_id() -> DoorId {
    random::token().parse().expect("32 hexadecimal digits fit a name's limits")
}

fn signed_out() -> Problem {
    Problem::new(401, "signed out", "sign in again")
}

/// What is bound to the page's address is not to be had without one.
pub(crate) fn no_address(what: &str) -> Problem {
    Problem::new(404, "not set up", format!("{what} need OO_AUTH__PUBLIC_URL: an https address, or http://localhost"))
}
