//! Linking an account at a server that the person names: a Nextcloud by its Login Flow v2, where the person says yes there
//! and the server makes a password for oO; any other by an app-specific password that the person made. Never a main one.

use crate::connector::dav::{self, Login};
use crate::http::{CallError, Http};
use crate::link::{keep, offered};
use crate::oauth::Tokens;
use crate::shared::Shared;
use oo_contracts::http::{OwnServer, Problem};
use oo_contracts::wire::{LinkStarted, Wants};
use oo_contracts::{Provider, UserId};
use reqwest::Method;
use reqwest::header::USER_AGENT;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// As the server's list of devices and its question to the person name it.
const NAME: &str = "oO";
/// How often a Nextcloud is asked whether the person has said yes.
const ASK_EVERY: Duration = Duration::from_secs(2);

/// The login that each person began last; an older one is given up.
#[derive(Default)]
pub(crate) struct Logins(Mutex<HashMap<UserId, u64>>);

impl Logins {
    fn begin(&self, user: &UserId) -> u64 {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = all.entry(user.clone()).or_default();
        *last += 1;
        *last
    }

    fn is_last(&self, user: &UserId, number: u64) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(user) == Some(&number)
    }
}

/// What Nextcloud answers to the first request.
#[derive(Deserialize)]
struct Begun {
    poll: Poll,
    login: Url,
}

#[derive(Deserialize)]
struct Poll {
    token: SecretString,
    endpoint: Url,
}

/// What it answers once the person has said yes, and only once.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Granted {
    server: Url,
    login_name: String,
    app_password: SecretString,
}

/// Begins, and for an app-specific password ends at once.
pub(crate) async fn start(
    shared: &Arc<Shared>,
    user: UserId,
    provider: Provider,
    wants: Wants,
    server: Option<OwnServer>,
) -> Result<LinkStarted, Problem> {
    let missing = |what: &str| Problem::new(422, "something is missing", format!("send {what}"));
    let OwnServer { address, user: name, app_password } = server.ok_or_else(|| missing("the server's address"))?;
    let address = read_address(address.as_str()).ok_or_else(|| {
        Problem::new(422, "not an address", "send the server's address, such as https://cloud.example.org")
    })?;
    match wants {
        Wants::Server => {
            let begun = begin(&shared.http, &address).await.map_err(problem)?;
            let login = begun.login.to_string();
            let number = shared.logins.begin(&user);
            shared.ctx.spawn("login", wait(shared.clone(), user, provider, address, begun.poll, number));
            Ok(LinkStarted { authorize: login, transaction: String::new() })
        }
        Wants::AppPassword => {
            let name = name.ok_or_else(|| missing("the user's name"))?;
            let password = app_password.ok_or_else(|| missing("an app-specific password"))?;
            let login = Login::new(address, name.as_str(), &String::from(password).into(), None);
            finish(shared, &user, provider, login).await?;
            // Where the providers with a page of their own send people back to as well.
            let landing = shared.settings.landing(provider).map_err(|error| {
                tracing::error!(%error, "nowhere to send people back to");
                Problem::new(500, "not set up", "tell whoever runs this oO")
            })?;
            Ok(LinkStarted { authorize: landing.into(), transaction: String::new() })
        }
    }
}

/// Checks a login by finding its calendars, and keeps it.
async fn finish(shared: &Shared, user: &UserId, provider: Provider, login: Login) -> Result<(), Problem> {
    let connector = offered(shared, provider)?;
    let login = dav::discover(&shared.http, login).await.map_err(problem)?;
    // A password is a token that lives until it is revoked.
    let tokens = Tokens { access: login.seal(), refresh: None, life: None, scopes: None };
    let grant = tokens.into_grant(connector.app(), login.principal.into(), None, shared.ctx.clock.wall());
    keep(shared, user, provider, &grant).await.map(|_| ())
}

/// Login Flow v2, the first request: where the person says yes, and where to ask whether they have.
async fn begin(http: &Http, address: &Url) -> Result<Begun, CallError> {
    let request = http.request(Method::POST, &below(address, "index.php/login/v2"))?.header(USER_AGENT, NAME);
    let begun: Begun = http.json(request).await?;
    // The browser and the secret go to the server that the person named, and to no other.
    for url in [&begun.login, &begun.poll.endpoint] {
        must_be_at(address, url)?;
    }
    Ok(begun)
}

/// Asks until the person has said yes, began anew, or took too long.
async fn wait(shared: Arc<Shared>, user: UserId, provider: Provider, address: Url, poll: Poll, number: u64) {
    let until = Instant::now() + shared.settings.link_within();
    while Instant::now() < until && shared.logins.is_last(&user, number) {
        tokio::select! {
            () = tokio::time::sleep(ASK_EVERY) => {}
            () = shared.ctx.shutdown.cancelled() => return,
        }
        let granted = match ask(&shared.http, &poll).await {
            Ok(granted) => granted,
            // Not yet; or away for a moment.
            Err(CallError::Missing | CallError::Away { .. } | CallError::SlowDown { .. }) => continue,
            Err(error) => {
                tracing::warn!(%user, %error, "a login at a Nextcloud cannot be waited for");
                return;
            }
        };
        match take(&shared, &user, provider, &address, granted).await {
            Ok(()) => {}
            Err(problem) => tracing::warn!(%user, %problem, "a login at a Nextcloud came to nothing"),
        }
        return;
    }
    tracing::info!(%user, "a login at a Nextcloud was given up");
}

async fn ask(http: &Http, poll: &Poll) -> Result<Granted, CallError> {
    let request = http.request(Method::POST, &poll.endpoint)?.header(USER_AGENT, NAME);
    http.json(request.form(&[("token", poll.token.expose_secret())])).await
}

async fn take(
    shared: &Shared,
    user: &UserId,
    provider: Provider,
    address: &Url,
    granted: Granted,
) -> Result<(), Problem> {
    let Granted { server, login_name, app_password } = granted;
    must_be_at(address, &server).map_err(problem)?;
    let revoke = below(&server, "ocs/v2.php/core/apppassword");
    let login = Login::new(below(&server, "remote.php/dav/"), &login_name, &app_password, Some(revoke));
    finish(shared, user, provider, login).await
}

fn must_be_at(address: &Url, url: &Url) -> Result<(), CallError> {
    if url.origin() == address.origin() {
        Ok(())
    } else {
        Err(CallError::Elsewhere(url.origin().ascii_serialization()))
    }
}

/// An address as people write it: with or without `https://`, nothing after its path.
fn read_address(text: &str) -> Option<Url> {
    let text = text.trim();
    let mut url = match text.contains("://") {
        true => Url::parse(text).ok()?,
        false => Url::parse(&format!("https://{text}")).ok()?,
    };
    url.set_query(None);
    url.set_fragment(None);
    url.has_host().then_some(url)
}

/// An address in the folder that a server is in.
fn below(server: &Url, path: &str) -> Url {
    let mut url = server.clone();
    url.set_path(&format!("{}/{path}", server.path().trim_end_matches('/')));
    url
}

/// Never 401: that would say that the session has ended.
fn problem(error: CallError) -> Problem {
    match error {
        CallError::Unauthorized | CallError::Forbidden => Problem::new(
            403,
            "the server does not let us in",
            "make an app-specific password there, and send it with the user's name just as the server shows them",
        ),
        CallError::Forbade(why) => Problem::new(422, "not an address to call", why),
        CallError::Elsewhere(origin) => {
            Problem::new(422, "the server is elsewhere", format!("it sends us to {origin}: send that address instead"))
        }
        CallError::Missing | CallError::Gone | CallError::Refused(_) | CallError::Garbled => {
            Problem::new(422, "no calendars there", "send the address that the server's own help gives for CalDAV")
        }
        CallError::SlowDown { .. } | CallError::Paced { .. } => {
            Problem::new(503, "the server asks to slow down", "try again later")
        }
        CallError::Away { .. } | CallError::Unsupported(_) => Problem::new(
            502,
            "the server does not answer as it should",
            "look whether the address is right, and try again",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_people_write_it() {
        let read = |text: &str| read_address(text).map(String::from);
        assert_eq!(read(" cloud.example.org ").as_deref(), Some("https://cloud.example.org/"));
        assert_eq!(read("https://dav.example/a/?x#y").as_deref(), Some("https://dav.example/a/"));
        assert_eq!(read("http://127.0.0.1:1/x").as_deref(), Some("http://127.0.0.1:1/x"));
        assert_eq!(read("file:///etc/passwd"), None);
        assert_eq!(read("https://"), None);
    }

    #[test]
    fn a_nextcloud_may_be_in_a_folder() {
        let server = read_address("example.org/cloud").unwrap();
        assert_eq!(below(&server, "index.php/login/v2").as_str(), "https://example.org/cloud/index.php/login/v2");
        assert_eq!(below(&read_address("example.org").unwrap(), "x").as_str(), "https://example.org/x");
    }

    #[test]
    fn what_is_granted_prints_no_secret() {
        let granted = r#"{"server":"https://c.example","loginName":"ada","appPassword":"s3cret"}"#;
        let granted: Granted = serde_json::from_str(granted).unwrap();
        assert!(!format!("{:?}", granted.app_password).contains("s3cret"));
    }
}
