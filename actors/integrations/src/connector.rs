//! A provider: how to link it, read it, act on it and be told by it. To add one: a file in `connector/`.

pub(crate) mod dav;
#[cfg(test)]
mod fuzz;
pub(crate) mod google_calendar;
pub(crate) mod google_tasks;
mod microsoft;
pub(crate) mod microsoft_todo;
pub(crate) mod outlook_calendar;
pub(crate) mod todoist;

use crate::http::{CallError, Http};
use crate::settings::Settings;
use futures_util::future::{BoxFuture, FutureExt as _, ready};
use oo_contracts::id::ItemId;
use oo_contracts::signal::{Event, Task};
use oo_contracts::wire::{Header, Wants};
use oo_contracts::{AccountId, Provider, Ref, SignalId, Timestamp};
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use url::{Origin, Url};

/// oO's registration at a provider, and where it answers.
#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) client_id: String,
    pub(crate) client_secret: SecretString,
    pub(crate) issuer: Issuer,
    pub(crate) authorize_url: Url,
    pub(crate) token_url: Url,
    /// Ends with a slash.
    pub(crate) api_url: Url,
    pub(crate) revoke_url: Url,
    pub(crate) redirect: Url,
    /// Where the provider may tell of changes, if it can reach us.
    pub(crate) webhook: Option<Url>,
    /// All of them must be granted.
    pub(crate) scopes: &'static [&'static str],
    pub(crate) separator: &'static str,
    /// More parameters of the authorization request.
    pub(crate) extra: &'static [(&'static str, &'static str)],
    /// How long a token lives that comes without an expiry; `None` where such a one lives until it is revoked.
    pub(crate) life_unsaid: Option<Duration>,
}

/// What a provider may call itself in an authorization response (RFC 9207).
#[derive(Debug, Clone)]
pub(crate) enum Issuer {
    Exactly(&'static str),
    Under(Origin),
}

impl Issuer {
    /// Whether an answer that names this issuer is this provider's.
    pub(crate) fn is(&self, named: &str) -> bool {
        match self {
            Self::Exactly(real) => named == *real,
            Self::Under(origin) => Url::parse(named).is_ok_and(|url| url.origin() == *origin),
        }
    }
}

/// What a call to a provider's API needs.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    pub(crate) account: AccountId,
    /// The provider's own name of the account.
    pub(crate) owner: String,
    pub(crate) token: SecretString,
}

impl Access {
    /// The reference of one of the account's objects; `None` for a name longer than any that is known.
    pub(crate) fn reference(&self, item: &str) -> Option<Ref> {
        Some(Ref { account: self.account.clone(), item: item.parse().ok()? })
    }
}

/// What a sync found, and where the next one goes on. Nothing of the content is in the cursor.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) changes: Vec<Change>,
    /// This is everything there is: what is missing is gone.
    pub(crate) whole: bool,
    pub(crate) cursor: String,
}

/// What became of one object.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) reference: Ref,
    /// What the provider calls this version of it: the same version again is the same signal again.
    pub(crate) version: String,
    pub(crate) news: News,
}

/// The normalized facts of a change: no words.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum News {
    Task(Task),
    Event(Event),
    Done,
    Gone,
}

/// Whether an account's objects are tasks or events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeps {
    Tasks,
    Events,
    /// Both: the name of a task begins with `t`, that of an event with `e`.
    Both,
}

impl Keeps {
    /// Whether an object of this name is a task.
    pub(crate) fn is_task(self, item: &ItemId) -> bool {
        match self {
            Self::Tasks => true,
            Self::Events => false,
            Self::Both => item.as_str().starts_with('t'),
        }
    }
}

/// How an account is linked.
pub(crate) enum Way<'a> {
    Oauth(&'a App),
    /// At a server that the person names; with what, the contract says.
    OwnServer(Wants),
}

/// A title, and whether the thing is over. Lives in memory only.
#[derive(Clone)]
pub(crate) struct Said {
    pub(crate) title: String,
    pub(crate) over: bool,
}

/// A webhook as it came in.
pub(crate) struct Heard<'a> {
    pub(crate) headers: &'a [Header],
    pub(crate) body: &'a [u8],
    /// The query of the address that was called.
    pub(crate) query: &'a str,
}

impl Heard<'_> {
    /// A header that is there exactly once.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
        let first = found.next()?;
        found.next().is_none().then_some(first.value.as_str())
    }
}

/// What a webhook says, once it has proved itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Hint {
    /// Something changed in the account that the provider calls so.
    Owner { owner: String, delivery: String, at: Option<Timestamp> },
    /// A channel speaks; its token is still to be compared with the kept one.
    Channel { id: String, token: String, resource: String, number: u64 },
    /// Several channels speak at once, each with a token of its own to be compared.
    Channels(Vec<Told>),
    /// The provider asks whether the channel that is being opened really leads here, and wants this text back.
    Handshake { channel: String, say: String },
}

/// What one channel says among several.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) id: String,
    pub(crate) token: String,
    /// Names this message, where the provider gives it a name: a second one of the same name is the same.
    pub(crate) delivery: Option<String>,
    pub(crate) about: About,
}

/// What a channel's message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum About {
    /// Something changed, or messages were lost: the account wants to be read.
    Account,
    /// The channel wants to be renewed now, or it falls silent.
    Renewal,
    /// The provider has ended the channel.
    End,
}

/// Why a webhook is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Its signature is missing or wrong.
    Unsigned,
    /// It is signed, and yet not what the provider documents.
    Malformed,
}

/// A push channel that the provider opened for us.
#[derive(Debug, Clone)]
pub(crate) struct Channel {
    pub(crate) id: String,
    /// Needed to stop it.
    pub(crate) resource: String,
    pub(crate) expires: Timestamp,
}

/// A channel that is about to be opened.
pub(crate) struct Opening<'a> {
    /// One of the names in [`Connector::watches`].
    pub(crate) what: &'a str,
    /// Our name of it; a handshake that brings it is expected while the channel is being opened.
    pub(crate) id: &'a str,
    pub(crate) token: &'a SecretString,
    pub(crate) wall: Timestamp,
}

/// One provider.
pub(crate) trait Connector: Send + Sync {
    /// What oO is to the provider. For its addresses and secrets ask [`Connector::way`]: not every provider has them.
    fn app(&self) -> &App;

    /// How an account is linked: by OAuth, unless a connector says otherwise.
    fn way(&self) -> Way<'_> {
        Way::Oauth(self.app())
    }

    fn keeps(&self) -> Keeps;

    /// Providers of the same registration whose links end with this one's, if its grant is revoked.
    fn shares_grant_with(&self) -> &'static [Provider] {
        &[]
    }

    /// Whose account it is, by the provider's own stable name. Never an e-mail address.
    fn owner<'a>(&'a self, http: &'a Http, token: &'a SecretString) -> BoxFuture<'a, Result<String, CallError>>;

    /// What changed since a cursor; everything without one, or where the provider has forgotten it.
    fn sync<'a>(
        &'a self,
        http: &'a Http,
        access: &'a Access,
        cursor: Option<&'a str>,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Batch, CallError>>;

    /// The words of one object; `None` where it is gone.
    fn words<'a>(
        &'a self,
        http: &'a Http,
        access: &'a Access,
        item: &'a ItemId,
    ) -> BoxFuture<'a, Result<Option<Said>, CallError>>;

    /// Completes a task or opens it again; once for each key. Of a calendar nothing is completed, and oO only reads it.
    fn complete<'a>(
        &'a self,
        _http: &'a Http,
        _access: &'a Access,
        _item: &'a ItemId,
        _reopen: bool,
        _key: &'a SignalId,
    ) -> BoxFuture<'a, Result<(), CallError>> {
        ready(Err(CallError::Unsupported("an event cannot be completed: complete a task"))).boxed()
    }

    /// Ends the grant at the provider. Where it has no address for that (RFC 7009), as Microsoft, only the person can take
    /// the consent back, on the provider's own page.
    fn revoke<'a>(
        &'a self,
        _http: &'a Http,
        _access: &'a SecretString,
        _refresh: Option<&'a SecretString>,
    ) -> BoxFuture<'a, Result<(), CallError>> {
        tracing::info!("this provider's grants cannot be revoked from here: oO's copy of it is gone");
        ready(Ok(())).boxed()
    }

    /// Reads a webhook, its signature first. What a provider without webhooks is said to have sent is nobody's.
    fn hear(&self, _heard: &Heard<'_>) -> Result<Hint, Refused> {
        Err(Refused::Unsigned)
    }

    /// What there is to watch, as of a cursor, by names of the connector's own: each gets a channel.
    fn watches(&self, _cursor: Option<&str>) -> Vec<String> {
        vec![String::new()]
    }

    /// Opens a channel to one of them, for providers that have them and can reach us; `None` for the others.
    fn watch<'a>(
        &'a self,
        _http: &'a Http,
        _access: &'a Access,
        _opening: &'a Opening<'a>,
    ) -> Option<BoxFuture<'a, Result<Channel, CallError>>> {
        None
    }

    /// Stops a channel.
    fn stop_channel<'a>(
        &'a self,
        _http: &'a Http,
        _token: &'a SecretString,
        _id: &'a str,
        _resource: &'a str,
    ) -> BoxFuture<'a, Result<(), CallError>> {
        ready(Ok(())).boxed()
    }

    /// Lengthens a channel's life, where a provider does that, and says until when; `None` where a new one is opened instead.
    fn renew_channel<'a>(
        &'a self,
        _http: &'a Http,
        _token: &'a SecretString,
        _id: &'a str,
        _wall: Timestamp,
    ) -> Option<BoxFuture<'a, Result<Timestamp, CallError>>> {
        None
    }

    /// How a task stands before it is completed, for providers that know no keys: where it stands otherwise at a second
    /// try, the first one went through. Nothing of its words.
    fn standing<'a>(
        &'a self,
        _http: &'a Http,
        _access: &'a Access,
        _item: &'a ItemId,
    ) -> Option<BoxFuture<'a, Result<String, CallError>>> {
        None
    }
}

/// The providers that this installation is registered at.
pub(crate) type Connectors = BTreeMap<Provider, Arc<dyn Connector>>;

/// Makes a connector for each provider that is set up.
pub(crate) fn connectors(settings: &Settings) -> anyhow::Result<Connectors> {
    let mut all: Connectors = BTreeMap::new();
    if let Some(app) = settings.todoist()? {
        all.insert(Provider::Todoist, Arc::new(todoist::Todoist::new(app)));
    }
    if let Some((app, userinfo)) = settings.google_tasks()? {
        all.insert(Provider::GoogleTasks, Arc::new(google_tasks::GoogleTasks::new(app, userinfo)));
    }
    if let Some((app, userinfo)) = settings.google()? {
        all.insert(Provider::GoogleCalendar, Arc::new(google_calendar::GoogleCalendar::new(app, userinfo)));
    }
    if let Some(app) = settings.own_servers()? {
        all.insert(Provider::Nextcloud, Arc::new(dav::Dav::new(app.clone(), Wants::Server)));
        all.insert(Provider::Caldav, Arc::new(dav::Dav::new(app, Wants::AppPassword)));
    }
    if let Some((app, life)) = settings.microsoft(Provider::MicrosoftTodo)? {
        all.insert(Provider::MicrosoftTodo, Arc::new(microsoft_todo::MicrosoftTodo::new(app, life)));
    }
    if let Some((app, life)) = settings.microsoft(Provider::OutlookCalendar)? {
        all.insert(Provider::OutlookCalendar, Arc::new(outlook_calendar::OutlookCalendar::new(app, life)));
    }
    Ok(all)
}

/// An address below a provider's API; each part is one segment, whatever stands in it.
pub(crate) fn below(api: &Url, parts: &[&str]) -> Url {
    let mut url = api.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(parts);
    }
    url
}

/// One object of a list. An odd one is passed over instead of spoiling the others.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Perhaps<T> {
    Read(T),
    Unread(IgnoredAny),
}

/// Those that could be read.
pub(crate) fn readable<T>(all: Vec<Perhaps<T>>) -> impl Iterator<Item = T> {
    all.into_iter().filter_map(|one| match one {
        Perhaps::Read(one) => Some(one),
        Perhaps::Unread(_) => {
            tracing::warn!("an object of a provider cannot be read and is passed over");
            None
        }
    })
}
