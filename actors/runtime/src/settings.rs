//! Settings: `OO_<SECTION>__<FIELD>` from the environment, or from a map in tests and where all services share a process.
//! Unknown fields are refused, so that a typing error is not silently a default.

use anyhow::Context as _;
use oo_contracts::Timestamp;
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// Where settings come from: names such as `OO_NATS__URL` and their texts.
#[derive(Clone, Default)]
pub struct Source(Arc<BTreeMap<String, String>>);

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Source {
    /// The process's environment.
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn from_env() -> Self {
        std::env::vars().filter(|(name, _)| name.starts_with("OO_")).collect()
    }

    /// This one, with `more` on top.
    pub fn with<K: Into<String>, V: Into<String>>(&self, more: impl IntoIterator<Item = (K, V)>) -> Self {
        let mut all = (*self.0).clone();
        all.extend(more.into_iter().map(|(name, value)| (name.into(), value.into())));
        Self(Arc::new(all))
    }

    /// All settings: names and texts, secrets included.
    pub fn pairs(&self) -> impl Iterator<Item = (String, String)> + '_ {
        self.0.iter().map(|(name, value)| (name.clone(), value.clone()))
    }

    /// One setting as it stands.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// One section, typed. `T` should deny unknown fields and have defaults.
    ///
    /// # Errors
    /// Names the variable that is missing, unknown or malformed.
    pub fn section<T: DeserializeOwned>(&self, section: &str) -> anyhow::Result<T> {
        let prefix = format!("OO_{}__", section.to_uppercase());
        let fields = self.0.iter().filter_map(|(name, text)| {
            let field = name.strip_prefix(&prefix)?;
            Some((field.to_lowercase(), text.clone()))
        });
        // Each text is read as what its field wants: a client id of digits only stays a text.
        envy::from_iter(fields).with_context(|| format!("set {prefix}… right"))
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Source {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self::default().with(pairs)
    }
}

/// What every service needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    pub nats: Nats,
    pub redis: Redis,
    pub http: Http,
    pub log: Log,
    pub keys: Keys,
    pub clock: ClockSettings,
}

/// `OO_NATS__…`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nats {
    /// With user and password in it, if the server wants those: `nats://user:password@host:4222`. Of a cluster several, with
    /// commas between, so that a start finds whichever is there.
    #[serde(default = "nats_url")]
    pub url: SecretString,
    /// File with the service's NKEY seed; `oo init` makes one for each.
    #[serde(default)]
    pub nkey_file: Option<PathBuf>,
}

/// `OO_REDIS__…`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redis {
    /// With user and password in it, if the server wants those: `redis://user:password@host:6379`.
    #[serde(default = "redis_url")]
    pub url: SecretString,
    /// File with the user's password; `oo init` makes one for each.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// Whose password it is; where nothing is said, the service's own.
    #[serde(default)]
    pub user: Option<String>,
}

/// `OO_HTTP__…`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Where `/health`, `/metrics` and the service's own routes are served.
    #[serde(default = "http_bind")]
    pub bind: SocketAddr,
}

/// `OO_LOG__…`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Set at the first start: 16, or 64 for a cluster. `oo reshard` gives more.
    #[serde(default = "shards")]
    pub shards: u16,
    /// Copies of each stream: 1, or 3 in a cluster.
    #[serde(default = "replicas")]
    pub replicas: usize,
}

/// `OO_KEYS__…`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// The ring of key-encryption keys: a line each, `<id> <32 bytes in base64>`, the first one seals.
    #[serde(default = "keys_file")]
    pub file: PathBuf,
}

/// `OO_CLOCK__…`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockSettings {
    /// Person seconds per second of the wall.
    #[serde(default = "speed")]
    pub speed: f64,
    /// The person's clock showed `person` …
    #[serde(default)]
    pub person: Option<Timestamp>,
    /// … when the wall showed `wall`.
    #[serde(default)]
    pub wall: Option<Timestamp>,
}

impl Settings {
    /// Reads all sections that services share.
    pub fn read(source: &Source) -> anyhow::Result<Self> {
        Ok(Self {
            nats: source.section("NATS")?,
            redis: source.section("REDIS")?,
            http: source.section("HTTP")?,
            log: source.section("LOG")?,
            keys: source.section("KEYS")?,
            clock: source.section("CLOCK")?,
        })
    }

    /// The clock they describe.
    pub fn clock(&self) -> anyhow::Result<crate::Clock> {
        let ClockSettings { speed, person, wall } = self.clock;
        anyhow::ensure!((0.1..=3600.0).contains(&speed), "OO_CLOCK__SPEED wants 0.1 to 3600, got {speed}");
        Ok(match (person, wall) {
            (Some(person), Some(wall)) => crate::Clock::new(wall, person, speed),
            (None, None) if speed == 1.0 => crate::Clock::default(),
            _ => anyhow::bail!(
                "OO_CLOCK__SPEED needs OO_CLOCK__PERSON and OO_CLOCK__WALL: without them services would disagree on the time"
            ),
        })
    }
}

fn nats_url() -> SecretString {
    "nats://127.0.0.1:4222".into()
}
fn redis_url() -> SecretString {
    "redis://127.0.0.1:6379".into()
}
fn http_bind() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}
fn shards() -> u16 {
    16
}
fn replicas() -> usize {
    1
}
fn keys_file() -> PathBuf {
    "/run/secrets/oo-keys".into()
}
fn speed() -> f64 {
    1.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    #[test]
    fn an_unknown_field_is_refused_by_name() {
        let source = Source::from_iter([("OO_NATS__ULR", "nats://x")]);
        let error = format!("{:#}", source.section::<Nats>("NATS").unwrap_err());
        assert!(error.contains("ulr"), "{error}");
    }

    #[test]
    fn a_text_of_digits_only_stays_a_text() {
        let source = Source::from_iter([("OO_REDIS__URL", "0123456789")]);
        assert_eq!(source.section::<Redis>("REDIS").unwrap().url.expose_secret(), "0123456789");
        assert_eq!(Source::from_iter([("OO_LOG__SHARDS", "4")]).section::<Log>("LOG").unwrap().shards, 4);
    }

    #[test]
    fn what_is_no_number_is_refused_where_one_is_wanted() {
        let source = Source::from_iter([("OO_LOG__SHARDS", "many")]);
        let error = format!("{:#}", source.section::<Log>("LOG").unwrap_err());
        assert!(error.contains("OO_LOG__") && error.contains("many"), "{error}");
    }

    #[test]
    fn a_secret_setting_never_prints() {
        let source = Source::from_iter([("OO_NATS__URL", "nats://u:marker@h:1")]);
        let settings = Settings::read(&source).unwrap();
        assert!(!format!("{settings:?} {source:?}").contains("marker"));
    }

    #[test]
    fn a_fast_clock_without_a_base_is_refused() {
        let source = Source::from_iter([("OO_CLOCK__SPEED", "60")]);
        assert!(Settings::read(&source).unwrap().clock().is_err());
    }
}
