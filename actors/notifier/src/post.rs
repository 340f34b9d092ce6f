//! The way to the mail server (SMTP, RFC 5321), by the lettre crate: a connection for each letter, encrypted, unless the
//! server is on this very machine and the settings say that this is for trying oO.

use crate::Settings;
use anyhow::{Context as _, bail, ensure};
use lettre::Address;
use lettre::address::Envelope;
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use oo_contracts::email::EmailAddress;
use secrecy::ExposeSecret as _;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;
use url::{Host, Url};

/// Letters under way at once.
const AT_ONCE: usize = 8;
/// How long a mail server may take to let us in.
const OPEN_WITHIN: Duration = Duration::from_secs(20);
/// How long it may take to hear who a letter is for, and then to take it.
const ANNOUNCE_WITHIN: Duration = Duration::from_secs(30);
const SEND_WITHIN: Duration = Duration::from_secs(30);
const GOODBYE_WITHIN: Duration = Duration::from_secs(1);
/// What a mail server says that is about to close (RFC 5321, 3.8).
const SHUTTING_DOWN: u16 = 421;

/// Takes letters to the mail server of the settings.
pub(crate) struct Post {
    server: (String, u16),
    safety: Safety,
    login: Option<Credentials>,
    hello: ClientId,
    at_once: Semaphore,
    /// Who the letters are from.
    pub(crate) from: Mailbox,
    /// Where their links lead.
    pub(crate) public: Url,
}

/// How a connection is encrypted.
enum Safety {
    /// From its first byte (RFC 8314).
    Tls(TlsParameters),
    /// From `STARTTLS` on (RFC 3207); a server that offers none gets nothing.
    StartTls(TlsParameters),
    /// Not at all: on this machine only.
    Plain,
}

/// An open way for one letter.
pub(crate) struct Way<'a> {
    connection: AsyncSmtpConnection,
    _place: SemaphorePermit<'a>,
}

/// What became of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Posted {
    /// The server answers for it from now on.
    Taken,
    /// It does not have it: the code it gave, such as 451 (later) or 550 (never).
    Refused(u16),
    /// The connection broke: it may have the letter or not.
    Unknown,
}

/// Why there is no way to the mail server. It names no address.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Closed {
    #[error("the mail server does not answer in time")]
    Slow,
    #[error("the mail server answers {0}: check OO_NOTIFIER__SMTP_URL and OO_NOTIFIER__SMTP_PASSWORD")]
    Refused(u16),
    #[error("no way to the mail server: {0}")]
    Broken(&'static str),
}

impl Post {
    /// As the settings say; `None` where they name no mail server.
    pub(crate) fn new(settings: &Settings) -> anyhow::Result<Option<Self>> {
        let Some(url) = &settings.smtp_url else { return Ok(None) };
        let host = url.host_str().context("OO_NOTIFIER__SMTP_URL names no host")?;
        ensure!(
            url.password().is_none(),
            "OO_NOTIFIER__SMTP_URL holds a password: give it by OO_NOTIFIER__SMTP_PASSWORD, which is printed nowhere"
        );
        let tls = || TlsParameters::new(host.to_owned()).context("no certificates to check a mail server's by");
        let (safety, port) = match url.scheme() {
            "smtps" => (Safety::Tls(tls()?), 465),
            "smtp" if settings.loopback && is_here(url) => (Safety::Plain, 25),
            "smtp" => (Safety::StartTls(tls()?), 587),
            _ => bail!("OO_NOTIFIER__SMTP_URL wants smtps:// or, with STARTTLS, smtp://"),
        };
        // Compose hands on what is not set as an empty text.
        let password = settings.smtp_password.as_ref().filter(|password| !password.expose_secret().is_empty());
        let login = match (url.username(), password) {
            ("", None) => None,
            ("", Some(_)) => bail!("OO_NOTIFIER__SMTP_PASSWORD wants a user in OO_NOTIFIER__SMTP_URL"),
            (_, None) => bail!("a user in OO_NOTIFIER__SMTP_URL wants OO_NOTIFIER__SMTP_PASSWORD"),
            (user, Some(password)) => {
                let user = percent_decoded(user).context("OO_NOTIFIER__SMTP_URL has no user that can be read")?;
                Some(Credentials::new(user, password.expose_secret().to_owned()))
            }
        };
        let from = settings.smtp_from.as_deref().context("set OO_NOTIFIER__SMTP_FROM to who letters are from")?;
        let from = from.parse().context("OO_NOTIFIER__SMTP_FROM wants an address, as `oO <oo@your.domain>`")?;
        let public = settings.public_url.clone().context("set OO_NOTIFIER__PUBLIC_URL to the page's address")?;
        let hello = public.host_str().context("OO_NOTIFIER__PUBLIC_URL names no host")?;
        Ok(Some(Self {
            server: (host.trim_matches(['[', ']']).to_owned(), url.port().unwrap_or(port)),
            safety,
            login,
            hello: ClientId::Domain(hello.to_owned()),
            at_once: Semaphore::new(AT_ONCE),
            from,
            public,
        }))
    }

    /// Comes to where the server would take a letter. Until then nothing was sent, so that it may be tried again.
    pub(crate) async fn open(&self) -> Result<Way<'_>, Closed> {
        // It is never closed.
        let _place = self.at_once.acquire().await.map_err(|_| Closed::Slow)?;
        let connection = timeout(OPEN_WITHIN, self.connect()).await.map_err(|_| Closed::Slow)?.map_err(closed)?;
        Ok(Way { connection, _place })
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        let (host, port) = &self.server;
        let first = match &self.safety {
            Safety::Tls(tls) => Some(tls.clone()),
            Safety::StartTls(_) | Safety::Plain => None,
        };
        let server = (host.as_str(), *port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, Some(OPEN_WITHIN), &self.hello, first, None).await?;
        if let Safety::StartTls(tls) = &self.safety {
            connection.starttls(tls.clone(), &self.hello).await?;
        }
        if let Some(login) = &self.login {
            connection.auth(DEFAULT_MECHANISMS, login).await?;
        }
        Ok(connection)
    }
}

impl Way<'_> {
    /// Gives the letter to the server.
    pub(crate) async fn send(mut self, letter: &Message) -> Posted {
        let bytes = letter.formatted();
        let posted = self.give(letter.envelope(), &bytes).await;
        // It has answered already, or never will.
        let _ = timeout(GOODBYE_WITHIN, self.connection.abort()).await;
        posted
    }

    async fn give(&mut self, envelope: &Envelope, bytes: &[u8]) -> Posted {
        // Until the letter itself is on its way, a connection that breaks says as much as a server that shuts down.
        match timeout(ANNOUNCE_WITHIN, self.announce(envelope)).await {
            Ok(Ok(())) => {}
            Ok(Err(refused)) => return refused,
            Err(_) => return Posted::Refused(SHUTTING_DOWN),
        }
        match timeout(SEND_WITHIN, self.connection.message(bytes)).await {
            Ok(Ok(_)) => Posted::Taken,
            Ok(Err(error)) => error.status().map_or(Posted::Unknown, |code| Posted::Refused(code.into())),
            Err(_) => Posted::Unknown,
        }
    }

    async fn announce(&mut self, envelope: &Envelope) -> Result<(), Posted> {
        let refused = |error: Error| Posted::Refused(error.status().map_or(SHUTTING_DOWN, Into::into));
        if let Err(error) = self.connection.command(Mail::new(envelope.from().cloned(), vec![])).await {
            // That says nothing of who it is for.
            if error.is_permanent() {
                tracing::error!(
                    status = error.status().map(u16::from),
                    "the mail server refuses our sender: check OO_NOTIFIER__SMTP_FROM"
                );
            }
            return Err(Posted::Refused(SHUTTING_DOWN));
        }
        for to in envelope.to() {
            self.connection.command(Rcpt::new(to.clone(), vec![])).await.map_err(refused)?;
        }
        self.connection.command(Data).await.map_err(refused).map(|_| ())
    }
}

/// The address as the mail server is told it; `None` for what is none, or none of anybody's: a number for a host, or a name
/// that is this machine's.
pub(crate) fn address(text: &EmailAddress) -> Option<Address> {
    let address: Address = text.as_str().parse().ok()?;
    let plain = text.as_str().bytes().all(|b| b.is_ascii_graphic() && !br#"",:;<>()[]\"#.contains(&b));
    let host = Host::parse(address.domain()).ok()?;
    let named = matches!(&host, Host::Domain(name) if name.contains('.') && !name.ends_with('.'));
    (plain && named).then_some(address)
}

/// Whether a server is on this very machine.
fn is_here(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback()),
        None => false,
    }
}

/// What a server said may quote an address: only its code is told.
fn closed(error: Error) -> Closed {
    let causes = std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
    let of_tls = error.is_tls() || causes.into_iter().any(|cause| cause.to_string().contains("certificate"));
    match error.status() {
        Some(code) => Closed::Refused(code.into()),
        None if of_tls => Closed::Broken("its certificate does not hold, or it speaks no TLS"),
        None if error.is_client() => Closed::Broken("it offers no STARTTLS, or no way to sign in that oO knows"),
        None => Closed::Broken("the connection broke"),
    }
}

fn percent_decoded(text: &str) -> Option<String> {
    // A form of one field is decoded alike, but for the plus sign.
    let form = format!("u={}", text.replace('+', "%2B").replace('&', "%26"));
    url::form_urlencoded::parse(form.as_bytes()).next().map(|(_, user)| user.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(some: impl FnOnce(&mut Settings)) -> anyhow::Result<Option<Post>> {
        let mut settings = Settings {
            vapid_file: "/nowhere/vapid.pem".into(),
            vapid_subject: "mailto:me@somebody.eu".into(),
            loopback: false,
            hosts: String::new(),
            smtp_url: Some("smtps://mail.somebody.eu".parse().unwrap()),
            smtp_password: None,
            smtp_from: Some("oO <oo@somebody.eu>".into()),
            public_url: Some("https://oo.somebody.eu".parse().unwrap()),
        };
        some(&mut settings);
        Post::new(&settings)
    }

    #[test]
    fn it_starts_on_what_is_safe_and_names_what_is_not() {
        let port = |url: &str| post(|s| s.smtp_url = Some(url.parse().unwrap())).unwrap().unwrap().server.1;
        assert_eq!((port("smtps://mail.somebody.eu"), port("smtp://mail.somebody.eu")), (465, 587));
        assert_eq!(port("smtp://mail.somebody.eu:2525"), 2525);
        assert!(post(|s| s.smtp_url = None).unwrap().is_none());
        let plain = |loopback: bool, url: &str| {
            let post = post(|s| (s.loopback, s.smtp_url) = (loopback, Some(url.parse().unwrap()))).unwrap().unwrap();
            matches!(post.safety, Safety::Plain)
        };
        assert!(plain(true, "smtp://127.0.0.1:1025") && plain(true, "smtp://[::1]:1025"));
        assert!(!plain(false, "smtp://127.0.0.1:1025") && !plain(true, "smtp://mail.somebody.eu"));
        let says = |some: fn(&mut Settings)| format!("{:#}", post(some).err().expect("refused"));
        assert!(
            says(|s| s.smtp_url = Some("smtps://me:secret@mail.somebody.eu".parse().unwrap())).contains("PASSWORD")
        );
        assert!(says(|s| s.smtp_url = Some("smtps://me@mail.somebody.eu".parse().unwrap())).contains("PASSWORD"));
        assert!(says(|s| s.smtp_url = Some("http://mail.somebody.eu".parse().unwrap())).contains("smtps://"));
        assert!(says(|s| s.smtp_from = None).contains("SMTP_FROM"));
        assert!(says(|s| s.smtp_from = Some("nobody".into())).contains("SMTP_FROM"));
        assert!(says(|s| s.public_url = None).contains("PUBLIC_URL"));
    }

    #[test]
    fn a_user_is_read_out_of_the_address() {
        let with_login = post(|s| {
            s.smtp_url = Some("smtps://me%40somebody.eu@mail.somebody.eu".parse().unwrap());
            s.smtp_password = Some("s3cret".into());
        });
        let login = with_login.unwrap().unwrap().login.unwrap();
        assert!(login == Credentials::new("me@somebody.eu".into(), "s3cret".into()));
    }

    #[test]
    fn only_what_can_be_somebodys_is_written_to() {
        let is = |text: &str| text.parse().ok().and_then(|text| address(&text)).is_some();
        for good in ["ada@lovelace.org", "a.b+c@mail.co.uk", "o'neil@x-y.org"] {
            assert!(is(good), "{good}");
        }
        for bad in [
            "ada",
            "@lovelace.org",
            "ada@",
            "ada@localhost",
            "ada@[127.0.0.1]",
            "ada@127.0.0.1",
            "ada@lovelace.org.",
            "ada@lovelace.org\r\nRCPT TO:<bob@b.org>",
            "ada @lovelace.org",
            "<ada@lovelace.org>",
            "a@b.org,c@d.org",
            "\"ada\"@lovelace.org",
            "adä@lovelace.org",
        ] {
            assert!(!is(bad), "{bad}");
        }
    }
}
