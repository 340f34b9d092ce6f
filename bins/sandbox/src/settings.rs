//! What a sandbox is started with, from code or from the environment.

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// An OAuth client that the sandbox knows.
#[derive(Clone)]
pub struct Client {
    pub id: String,
    pub secret: String,
}

impl Client {
    /// A client from its two halves.
    pub fn new(id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self { id: id.into(), secret: secret.into() }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What a sandbox is started with. Start from `Options::default()` and change what matters.
#[derive(Clone)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub bind: SocketAddr,
    /// The address that others reach it by, where that is not `bind` (a container's name).
    pub public_url: Option<Url>,
    pub todoist_client: Client,
    pub google_client: Client,
    pub microsoft_client: Client,
    /// Where Todoist's webhooks go; can also be set later with `Todoist::set_webhook`.
    pub todoist_webhook: Option<Url>,
    /// How long after a webhook that was not answered with 200 the next try comes.
    /// The real one waits 15 minutes; `speed` shortens it.
    pub webhook_retry: Duration,
    /// Where an authorization code may be sent besides loopback addresses, exactly.
    pub redirect_uris: Vec<Url>,
    /// The person's clock; the sample week is laid around it.
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// The person's time zone.
    pub zone: TimeZone,
    /// Person seconds per second of the wall clock: how often to look for new things, and rate limits.
    pub speed: f64,
    /// Says yes on the person's behalf instead of showing the consent page.
    pub auto_consent: bool,
    /// Whether people start with the sample week, or with nothing.
    pub sample: bool,
    /// Keeps everything in this file, so that linked accounts outlive a restart.
    pub state_file: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            public_url: None,
            todoist_client: Client::new("sandbox-todoist", "sandbox-todoist-secret"),
            google_client: Client::new("sandbox-google.apps.googleusercontent.com", "sandbox-google-secret"),
            microsoft_client: Client::new("00000000-5a4d-b0c5-0000-000000000001", "sandbox-microsoft-secret"),
            todoist_webhook: None,
            webhook_retry: Duration::from_secs(15 * 60),
            redirect_uris: Vec::new(),
            now: Arc::new(crate::clock::wall),
            zone: TimeZone::UTC,
            speed: 1.0,
            auto_consent: false,
            sample: true,
            state_file: None,
        }
    }
}

impl Options {
    /// Reads `OO_SANDBOX__…`. The sandbox is no service of oO's and has its own few settings; what is not set has a
    /// default that fits them.
    #[allow(clippy::disallowed_methods)]
    pub fn from_env() -> anyhow::Result<Self> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    fn from_lookup(get: impl Fn(&str) -> Option<String>) -> anyhow::Result<Self> {
        let get = |name: &str| get(&format!("OO_SANDBOX__{name}")).filter(|text| !text.trim().is_empty());
        let url = |name: &str| -> anyhow::Result<Option<Url>> {
            get(name)
                .map(|text| Url::parse(&text).with_context(|| format!("set OO_SANDBOX__{name} to an http address")))
                .transpose()
        };
        let mut options = Self {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 8095)),
            todoist_webhook: url("TODOIST_WEBHOOK")?,
            public_url: url("PUBLIC_URL")?,
            state_file: get("STATE_FILE").map(PathBuf::from),
            ..Self::default()
        };
        if let Some(text) = get("BIND") {
            options.bind = text.parse().context("set OO_SANDBOX__BIND to an address such as 127.0.0.1:8095")?;
        }
        for (name, client) in [
            ("TODOIST", &mut options.todoist_client),
            ("GOOGLE", &mut options.google_client),
            ("MICROSOFT", &mut options.microsoft_client),
        ] {
            if let Some(id) = get(&format!("{name}_CLIENT_ID")) {
                client.id = id;
            }
            if let Some(secret) = get(&format!("{name}_CLIENT_SECRET")) {
                client.secret = secret;
            }
        }
        if let Some(text) = get("ZONE") {
            options.zone = TimeZone::get(&text).context("set OO_SANDBOX__ZONE to a name such as Europe/Zurich")?;
        }
        if let Some(text) = get("REDIRECT_URIS") {
            for one in text.split(',').map(str::trim).filter(|one| !one.is_empty()) {
                let parsed =
                    Url::parse(one).context("set OO_SANDBOX__REDIRECT_URIS to addresses, comma between them")?;
                options.redirect_uris.push(parsed);
            }
        }
        if let Some(text) = get("AUTO_CONSENT") {
            options.auto_consent = flag("AUTO_CONSENT", &text)?;
        }
        if let Some(text) = get("SPEED") {
            options.speed = text.parse().context("set OO_SANDBOX__SPEED to a number such as 60")?;
            if !(options.speed >= 1.0 && options.speed <= 100_000.0) {
                bail!("set OO_SANDBOX__SPEED to a number from 1 to 100000");
            }
            options.now = running_at(options.speed);
        }
        Ok(options)
    }
}

/// A clock that starts at the wall clock's time and runs `speed` times as fast.
fn running_at(speed: f64) -> Arc<dyn Fn() -> Timestamp + Send + Sync> {
    let (from, since) = (crate::clock::wall(), std::time::Instant::now());
    Arc::new(move || {
        let ahead = since.elapsed().mul_f64(speed);
        from.checked_add(ahead).unwrap_or(Timestamp::MAX)
    })
}

fn flag(name: &str, text: &str) -> anyhow::Result<bool> {
    match text.trim() {
        "1" | "true" | "yes" => Ok(true),
        "0" | "false" | "no" => Ok(false),
        _ => bail!("set OO_SANDBOX__{name} to true or false"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(pairs: &'static [(&'static str, &'static str)]) -> anyhow::Result<Options> {
        Options::from_lookup(|name| pairs.iter().find(|pair| pair.0 == name).map(|pair| pair.1.to_owned()))
    }

    #[test]
    fn an_empty_environment_gives_the_defaults() {
        let options = from(&[]).unwrap();
        assert_eq!(options.bind.port(), 8095);
        assert_eq!(options.todoist_client.id, "sandbox-todoist");
        assert!(!options.auto_consent);
    }

    #[test]
    fn a_wrong_value_names_the_remedy() {
        let refusal = from(&[("OO_SANDBOX__BIND", "somewhere")]).err().unwrap();
        assert!(refusal.to_string().contains("OO_SANDBOX__BIND"));
        assert!(from(&[("OO_SANDBOX__SPEED", "0")]).is_err());
        assert!(from(&[("OO_SANDBOX__ZONE", "Middle/Earth")]).is_err());
    }

    #[test]
    fn a_client_prints_no_secret() {
        assert!(!format!("{:?}", Client::new("id", "the-secret")).contains("the-secret"));
    }
}
