//! Sessions: what every sign-in ends in, and what is asked of them afterwards.

use crate::session_store::Record;
use crate::sign_in::unnamed;
use crate::{Auth, away, hash, not_now};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use oo_contracts::UserId;
use oo_contracts::http::Problem;
use oo_contracts::session::{
    AccessToken, DeviceName, DoorId, Doors, DoorsAsk, Keys, KeysAsk, SessionEntry, SessionsEnd, TokenAsk, TokenCheck,
};
use oo_contracts::wire::{Check, Done, Session, SignedIn};
use oo_runtime::{Metric, Person, random};
use std::sync::Arc;

impl Auth {
    /// Begins a session: a new secret, whatever the browser came with.
    pub(crate) async fn begin(&self, user: UserId, device: DeviceName, way: &'static str) -> Result<Session, Problem> {
        self.begin_for(&*self.found_or_made(&user).await?, device, way).await
    }

    /// Who signs in, made now if they were never here.
    pub(crate) async fn found_or_made(&self, user: &UserId) -> Result<Arc<Person>, Problem> {
        self.people.find_or_make(user).await.map_err(|error| {
            tracing::error!(%error, "a person's record cannot be made");
            not_now()
        })
    }

    /// The same for somebody who was found.
    pub(crate) async fn begin_for(
        &self,
        person: &Person,
        device: DeviceName,
        way: &'static str,
    ) -> Result<Session, Problem> {
        let user = person.user.clone();
        let secret = new_secret();
        let wall = self.ctx.clock.wall();
        let (id, log) = (new_id(), person.place.log.clone());
        let device = sealed(person, &id, &device);
        let record = Record { log, id, device, began: wall, used: wall };
        self.sessions.begin(&hash(&secret), &record).await.map_err(away)?;
        self.ctx.metrics.count(Metric::AuthSignIns, way);
        tracing::info!(%user, way, "signed in");
        Ok(Session { user, secret, idle_seconds: self.settings.idle_days * 24 * 3600 })
    }

    pub(crate) async fn check(&self, Check { secret }: Check) -> Result<SignedIn, Problem> {
        Ok(SignedIn { user: self.record(&secret).await?.1.user.clone() })
    }

    pub(crate) async fn end(&self, Check { secret }: Check) -> Result<Done, Problem> {
        let hash = hash(&secret);
        if let Some(record) = self.sessions.check(&hash, self.ctx.clock.wall()).await.map_err(away)? {
            self.sessions.end(&hash, &record).await.map_err(away)?;
            tracing::info!(log = %record.log, "signed out");
        }
        Ok(Done {})
    }

    /// Who may come in has changed: the session goes on under a new secret and name, and the old ones, with all access tokens
    /// that were made of them, are dead. Its age stays, so that nobody lives for ever by renewing.
    pub(crate) async fn renew(&self, Check { secret }: Check) -> Result<Session, Problem> {
        let ((old, person), fresh, id) = (self.record(&secret).await?, new_secret(), new_id());
        let device = sealed(&person, &id, &named(&person, &old.id, &old.device));
        let record = Record { id, device, used: self.ctx.clock.wall(), ..old.clone() };
        if !self.sessions.renew(&hash(&secret), &old, &hash(&fresh), &record).await.map_err(away)? {
            return Err(signed_out());
        }
        Ok(Session { user: person.user.clone(), secret: fresh, idle_seconds: self.settings.idle_days * 24 * 3600 })
    }

    /// By what a person can come in, and where they are.
    pub(crate) async fn doors(&self, DoorsAsk { user, secret }: DoorsAsk) -> Result<Doors, Problem> {
        let current = hash(&secret);
        let person = self.person(&user).await?;
        let log = &person.place.log;
        let entry = |(hash, record): (String, Record)| {
            let Record { id, device, began, used, .. } = record;
            let device = named(&person, &id, &device);
            SessionEntry { id, device, began, used, current: hash == current }
        };
        let mut sessions: Vec<_> = self.sessions.of(log).await.map_err(away)?.into_iter().map(entry).collect();
        sessions.sort_by_key(|session| std::cmp::Reverse(session.used));
        let passkeys = match &self.passkeys {
            Some(passkeys) => passkeys.list(log).await.map_err(away)?,
            None => vec![],
        };
        let issuers = self.identities.of(log).await.map_err(away)?;
        let name = self.name(&person).await?;
        Ok(Doors { passkeys, sessions, issuers, name })
    }

    /// Ends one session of a person by its name, or all but the one that asks.
    pub(crate) async fn end_named(&self, SessionsEnd { user, id, secret }: SessionsEnd) -> Result<Done, Problem> {
        let current = hash(&secret);
        let person = self.person(&user).await?;
        let mut found = false;
        for (hash, record) in self.sessions.of(&person.place.log).await.map_err(away)? {
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
        let (record, person) = self.record(&secret).await?;
        let Some(tokens) = &self.tokens else { return Err(no_address("access tokens")) };
        tokens.make(person.user.clone(), record.id, self.ctx.clock.wall()).await.map_err(away)
    }

    /// Whose access token this is, as long as its session lives.
    pub(crate) async fn check_token(&self, TokenCheck { access_token }: TokenCheck) -> Result<SignedIn, Problem> {
        let refused = || Problem::new(401, "no such token", "ask for a new one with your session");
        let tokens = self.tokens.as_ref().ok_or_else(refused)?;
        let read = tokens.check(&access_token, self.ctx.clock.wall()).await.map_err(away)?;
        let (user, sid) = read.ok_or_else(refused)?;
        let person = self.people.find(&user).await.map_err(away)?.ok_or_else(refused)?;
        match self.sessions.named(&person.place.log, sid.as_str()).await.map_err(away)? {
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

    /// Somebody who is here.
    pub(crate) async fn person(&self, user: &UserId) -> Result<Arc<Person>, Problem> {
        self.people.find(user).await.map_err(away)?.ok_or_else(signed_out)
    }

    /// A session and whose it is, if it lives, and they are here.
    async fn record(&self, secret: &str) -> Result<(Record, Arc<Person>), Problem> {
        let found = self.sessions.check(&hash(secret), self.ctx.clock.wall()).await.map_err(away)?;
        let record = found.ok_or_else(signed_out)?;
        let person = self.people.of_log(&record.log).await.map_err(away)?.ok_or_else(signed_out)?;
        Ok((record, person))
    }
}

/// What a session's device is called, as it rests.
fn sealed(person: &Person, id: &DoorId, device: &DeviceName) -> String {
    BASE64.encode(person.key.seal(&belongs(id), device.as_str().as_bytes()))
}

/// What a session's device is called; one whose name cannot be read has none.
fn named(person: &Person, id: &DoorId, sealed: &str) -> DeviceName {
    let sealed = BASE64.decode(sealed).unwrap_or_default();
    let name = person.key.open(&belongs(id), &sealed).ok().map(|plain| String::from_utf8_lossy(&plain).into_owned());
    name.and_then(|name| name.parse().ok()).unwrap_or_else(unnamed)
}

fn belongs(id: &DoorId) -> String {
    format!("oo/session/v1|{id}")
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
