//! What a service is given when it starts.

use crate::health::Health;
use crate::logbook::Logbook;
use crate::metrics::Metrics;
use crate::people::People;
use crate::seal::Keyring;
use crate::{Clock, Settings, Source, public, task};
use anyhow::Context as _;
use oo_contracts::http::Problem;
use oo_subjects::{Bus, Request, access, streams};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Between two looks whether the streams are there.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// How long a stopping service may finish what it began.
const DRAIN_WITHIN: Duration = Duration::from_secs(10);
/// How long the server may take to hear the last words.
const HEARD_WITHIN: Duration = Duration::from_secs(1);

/// What a wrong address of NATS is answered with.
const NATS_URL: &str = "OO_NATS__URL wants nats://[user:password@]host:port, of a cluster several with commas between";

/// Connections, clock, settings, and the signal to stop.
#[derive(Debug, Clone)]
pub struct Context {
    /// The service's name.
    pub name: &'static str,
    pub source: Source,
    pub settings: Settings,
    pub bus: Bus,
    pub clock: Clock,
    pub health: Health,
    pub metrics: Metrics,
    /// Cancelled when the service should stop taking new work.
    pub shutdown: CancellationToken,
    tasks: TaskTracker,
}

impl Context {
    /// Connects to NATS; keeps trying while it is away, one server after the other, about one in a second.
    pub async fn new(name: &'static str, source: Source, shutdown: CancellationToken) -> anyhow::Result<Self> {
        let mut settings = Settings::read(&source)?;
        settings.redis.user.get_or_insert_with(|| name.to_owned());
        public::check(name, &source, &settings)?;
        let clock = settings.clock()?;
        let mut options = async_nats::ConnectOptions::new()
            .name(format!("oo-{name}"))
            .retry_on_initial_connect()
            .max_reconnects(None)
            .reconnect_delay_callback(|tries| Duration::from_millis(1 << tries.min(10)))
            .custom_inbox_prefix(access::inbox(name));
        if let Some(file) = &settings.nats.nkey_file {
            let seed = std::fs::read_to_string(file).with_context(|| {
                format!("cannot read OO_NATS__NKEY_FILE {}: make it with `oo init`", file.display())
            })?;
            options = options.nkey(seed.trim().to_owned());
        }
        let mut servers = Vec::new();
        for server in settings.nats.url.expose_secret().split(',') {
            let mut url = url::Url::parse(server.trim()).context(NATS_URL)?;
            // async-nats leaves user and password of an address alone: they are given apart.
            if let Some(password) = url.password().map(str::to_owned) {
                options = options.user_and_password(url.username().to_owned(), password);
                let _ = url.set_username("").and_then(|()| url.set_password(None));
            }
            servers.push(String::from(url));
        }
        let client = options.connect(servers).await.context(NATS_URL)?;
        let bus = Bus::new(client);
        let health = Health::default();
        health.depends_on("nats", {
            let bus = bus.clone();
            move || {
                let bus = bus.clone();
                async move { bus.is_up().await }
            }
        });
        let metrics = Metrics::new(name);
        Ok(Self { name, source, settings, bus, clock, health, metrics, shutdown, tasks: TaskTracker::new() })
    }

    /// The service's own section of the settings, `OO_<NAME>__…`.
    pub fn section<T: DeserializeOwned>(&self) -> anyhow::Result<T> {
        self.source.section(self.name)
    }

    /// Runs work in the background; a stopping service waits for it.
    pub fn spawn<F>(&self, name: &'static str, work: F)
    where
        F: Future + Send + 'static,
        F::Output: Send,
    {
        drop(task::spawn(name, self.tasks.track_future(work)));
    }

    /// Answers a wire until the service stops, at most `limit` questions at once; what it was asked by then it answers.
    /// Returns once the server knows of it.
    pub async fn answer<Q, A, F, Fut>(&self, wire: Request<Q, A>, limit: usize, answer: F) -> anyhow::Result<()>
    where
        Q: DeserializeOwned + Send + 'static,
        A: Serialize + Send + 'static,
        F: Fn(Q) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<A, Problem>> + Send + 'static,
    {
        let stop = self.shutdown.clone().cancelled_owned();
        self.spawn(wire.name, self.bus.answer(wire, limit, answer, stop).await?);
        self.bus.settle().await;
        Ok(())
    }

    /// The ring of key-encryption keys.
    pub fn keyring(&self) -> anyhow::Result<Keyring> {
        Keyring::load(&self.settings.keys.file)
    }

    /// The directory of people. Waits until `events` has made the streams; refuses those that another shard count made.
    pub async fn people(&self) -> anyhow::Result<People> {
        let ring = self.keyring()?;
        let mut told = false;
        loop {
            streams::check(self.bus.jetstream(), self.settings.log.shards).await?;
            match People::open(&self.bus, ring.clone(), self.settings.log.shards).await {
                Ok(people) => return Ok(people),
                Err(_) if !told => {
                    tracing::info!(
                        service = self.name,
                        "waiting for NATS and for the events service to set the streams up"
                    );
                    told = true;
                }
                Err(_) => {}
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_AGAIN) => {}
                () = self.shutdown.cancelled() => anyhow::bail!("stopped while waiting for the streams"),
            }
        }
    }

    /// Logs in the clear.
    pub fn logbook(&self) -> Logbook {
        Logbook::new(self.bus.clone())
    }

    /// Says that the service has started, and waits until it is told to stop.
    pub async fn run_until_stopped(&self) {
        self.health.start();
        self.shutdown.cancelled().await;
    }

    /// Waits for background work to end, and for the server to have heard all of it, for a while.
    pub async fn drain(&self) {
        self.tasks.close();
        let ended = async {
            self.tasks.wait().await;
            let _heard = tokio::time::timeout(HEARD_WITHIN, self.bus.settle()).await;
        };
        if tokio::time::timeout(DRAIN_WITHIN, ended).await.is_err() {
            tracing::warn!(service = self.name, "stopped with work unfinished; it comes again at the next start");
        }
    }
}
