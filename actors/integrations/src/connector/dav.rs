//! CalDAV (RFC 4791): events and tasks of whatever server the person names, a Nextcloud or any other. No OAuth, no
//! webhooks: a user's name and a password made for oO, over https, to that one origin.

mod calendars;
mod discover;
mod edit;
mod facts;
mod wire;
mod xml;

pub(crate) use discover::discover;
pub(crate) use wire::Login;

use super::{Access, App, Batch, Connector, Keeps, Said, Way};
use crate::http::{CallError, Http};
use futures_util::future::{BoxFuture, FutureExt as _};
use oo_contracts::id::ItemId;
use oo_contracts::wire::Wants;
use oo_contracts::{SignalId, Timestamp};
use secrecy::SecretString;
use wire::Server;

/// A task that others change as well is read and changed again, so often.
const TRIES: usize = 3;

pub(crate) struct Dav {
    app: App,
    wants: Wants,
}

impl Dav {
    pub(crate) fn new(app: App, wants: Wants) -> Self {
        Self { app, wants }
    }
}

impl Connector for Dav {
    fn app(&self) -> &App {
        &self.app
    }

    fn way(&self) -> Way<'_> {
        Way::OwnServer(self.wants)
    }

    fn keeps(&self) -> Keeps {
        Keeps::Both
    }

    fn owner<'a>(&'a self, http: &'a Http, token: &'a SecretString) -> BoxFuture<'a, Result<String, CallError>> {
        async move { Ok(discover(http, Login::open(token)?).await?.principal.into()) }.boxed()
    }

    fn sync<'a>(
        &'a self,
        http: &'a Http,
        access: &'a Access,
        cursor: Option<&'a str>,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Batch, CallError>> {
        async move {
            let login = Login::open(&access.token)?;
            calendars::sync(&Server { http, login: &login }, access, cursor, now).await
        }
        .boxed()
    }

    fn words<'a>(
        &'a self,
        http: &'a Http,
        access: &'a Access,
        item: &'a ItemId,
    ) -> BoxFuture<'a, Result<Option<Said>, CallError>> {
        async move {
            let login = Login::open(&access.token)?;
            let server = Server { http, login: &login };
            let Some((url, tail)) = calendars::find(&server, item).await? else { return Ok(None) };
            match server.object(&url).await {
                Ok(object) => Ok(facts::words(&object.text, &tail).map(|(title, over)| Said { title, over })),
                Err(CallError::Missing | CallError::Gone) => Ok(None),
                Err(error) => Err(error),
            }
        }
        .boxed()
    }

    fn complete<'a>(
        &'a self,
        http: &'a Http,
        access: &'a Access,
        item: &'a ItemId,
        reopen: bool,
        _key: &'a SignalId,
    ) -> BoxFuture<'a, Result<(), CallError>> {
        async move {
            let login = Login::open(&access.token)?;
            let server = Server { http, login: &login };
            let Some((url, tail)) = calendars::find(&server, item).await? else { return Err(CallError::Missing) };
            if tail != facts::TASK {
                return Err(CallError::Unsupported("an event is not completed"));
            }
            for _ in 0..TRIES {
                let mut object = server.object(&url).await?;
                if facts::repeats(&object.text) {
                    return Err(CallError::Unsupported("a repeating task is completed in its own app"));
                }
                // What says so already needs no second time: the key is of no use here.
                let Some(text) = edit::completed(&object.text, !reopen, http.wall()) else { return Ok(()) };
                object.text = text;
                if server.replace(&url, &object).await? {
                    return Ok(());
                }
            }
            Err(CallError::Refused(412))
        }
        .boxed()
    }

    fn revoke<'a>(
        &'a self,
        http: &'a Http,
        access: &'a SecretString,
        _refresh: Option<&'a SecretString>,
    ) -> BoxFuture<'a, Result<(), CallError>> {
        async move {
            let Ok(login) = Login::open(access) else { return Ok(()) };
            match &login.revoke {
                Some(url) => Server { http, login: &login }.end_password(url).await,
                // Only the person can take back what the person made.
                None => Ok(()),
            }
        }
        .boxed()
    }
}
