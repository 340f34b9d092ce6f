//! Starts all of it in one process, and stops it in order.

use crate::clockfile::{ClockFile, NOTE_EVERY};
use crate::data::{self, Data, Running};
use anyhow::{Context as _, bail};
use futures_util::future::BoxFuture;
use indicatif::ProgressBar;
use oo_runtime::engines::{self, Server, Sync};
use oo_runtime::service::run_in;
use oo_runtime::{Clock, Context, Source, nats_users, random, redis_acl, settings, task};
use oo_sandbox::Sandbox;
use oo_subjects::access::OPERATOR;
use secrecy::{ExposeSecret as _, SecretString};
use std::path::PathBuf;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use url::Url;

/// How long everything may take to be ready.
const READY_WITHIN: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// How to start.
pub struct Options {
    pub data: PathBuf,
    /// 0 takes a free one.
    pub port: u16,
    pub speed: f64,
    /// The sandbox's consent page says yes by itself.
    pub auto_consent: bool,
    /// Where settings come from, on top of `.env.local`.
    pub source: Source,
}

/// All of it, running.
pub struct House {
    pub page: Url,
    pub clock: Clock,
    pub sandbox: Option<Sandbox>,
    /// Settings that lead to this house's servers, for tools.
    pub source: Source,
    owner_token: SecretString,
    nats: Option<Server>,
    redis: Option<Server>,
    services: JoinSet<(&'static str, anyhow::Result<()>)>,
    contexts: Vec<Context>,
    shutdown: CancellationToken,
    clock_file: ClockFile,
    data: Data,
}

type Serve = fn(Context) -> BoxFuture<'static, anyhow::Result<()>>;

/// All services, in the order of a signal's path. `events` comes first: it makes the streams that the others wait for.
const SERVICES: [(&str, Serve); 8] = [
    ("events", |ctx| Box::pin(oo_events::serve(ctx))),
    ("auth", |ctx| Box::pin(oo_auth::serve(ctx))),
    ("profile", |ctx| Box::pin(oo_profile::serve(ctx))),
    ("recommender", |ctx| Box::pin(oo_recommender::serve(ctx))),
    ("notifier", |ctx| Box::pin(oo_notifier::serve(ctx))),
    ("integrations", |ctx| Box::pin(oo_integrations::serve(ctx))),
    ("trainer", |ctx| Box::pin(oo_trainer::serve(ctx))),
    ("gateway", |ctx| Box::pin(oo_gateway::serve(ctx))),
];

impl House {
    /// Finds or fetches the servers, starts them and all services, and waits until all are ready.
    pub async fn open(options: Options) -> anyhow::Result<Self> {
        let data = Data::open(&options.data)?;
        let given = Source::from_iter(data::env_local()?).with(options.source.pairs());
        let sandboxed = given.get("OO_INTEGRATIONS__TODOIST_CLIENT_ID").is_none()
            && given.get("OO_INTEGRATIONS__GOOGLE_CLIENT_ID").is_none()
            && given.get("OO_INTEGRATIONS__OWN_SERVERS").is_none()
            && given.get("OO_INTEGRATIONS__MICROSOFT_CLIENT_ID").is_none();
        let (clock_file, clock) = ClockFile::resume(&data, options.speed, sandboxed)?;
        let progress = ProgressBar::new_spinner();
        progress.enable_steady_tick(Duration::from_millis(120));
        let (nats, nats_url) = nats(&given, &data, &progress).await?;
        let (redis, redis_url) = redis(&given, &data, &progress).await?;

        let port = if options.port == 0 { engines::free_port()? } else { options.port };
        // By name, since browsers bind passkeys to one.
        let page = Url::parse(&format!("http://localhost:{port}/"))?;
        let owner_token = SecretString::from(random::token());

        let mut settings: Vec<(String, String)> = vec![
            ("OO_NATS__URL".into(), nats_url.expose_secret().into()),
            ("OO_REDIS__URL".into(), redis_url.expose_secret().into()),
            ("OO_KEYS__FILE".into(), data.keys()?.display().to_string()),
            ("OO_CLOCK__SPEED".into(), clock.speed().to_string()),
            ("OO_CLOCK__WALL".into(), clock.wall().to_string()),
            ("OO_CLOCK__PERSON".into(), clock.now().to_string()),
        ];
        // Tools are the operator; each service is a user of its own, where the servers are ours.
        let secrets = data.secrets();
        if nats.is_some() {
            settings.extend(nats_users::settings(&secrets, OPERATOR));
        } else {
            // Of servers that run already, tools are who we are.
            settings.extend(given.get("OO_NATS__NKEY_FILE").map(|file| ("OO_NATS__NKEY_FILE".into(), file.into())));
        }
        let user = |name: &str| {
            let of_nats = nats.as_ref().map(|_| nats_users::settings(&secrets, name)).into_iter().flatten();
            of_nats.chain(redis.as_ref().and_then(|_| redis_acl::settings(&secrets, name)))
        };
        let origin = page.origin().ascii_serialization();
        let mut own: Vec<(String, String)> = vec![
            ("OO_GATEWAY__PUBLIC_URL".into(), origin.clone()),
            ("OO_AUTH__PUBLIC_URL".into(), origin.clone()),
            ("OO_AUTH__OWNER_LINK".into(), oo_auth::hash(owner_token.expose_secret())),
            ("OO_INTEGRATIONS__PUBLIC_URL".into(), origin.clone()),
            ("OO_NOTIFIER__PUBLIC_URL".into(), origin),
            ("OO_NOTIFIER__VAPID_FILE".into(), data.vapid()?.display().to_string()),
        ];
        if given.get("OO_NOTIFIER__VAPID_SUBJECT").is_none() {
            // Nobody can be reached at it, which only a loopback house may say of itself.
            own.push(("OO_NOTIFIER__VAPID_SUBJECT".into(), "mailto:owner@oo.invalid".into()));
            own.push(("OO_NOTIFIER__LOOPBACK".into(), "true".into()));
        }
        let sandbox = if sandboxed {
            progress.set_message("starting the sandbox");
            let sandbox = start_sandbox(&data, &page, clock, options.auto_consent).await?;
            own.extend(sandbox_settings(&sandbox.url())?);
            Some(sandbox)
        } else {
            None
        };
        // What the person set themselves stands; what leads to our own servers is not theirs to set.
        settings.extend(own.into_iter().filter(|(name, _)| given.get(name).is_none()));
        let source = given.with(settings.clone());

        progress.set_message("starting the services");
        let shutdown = CancellationToken::new();
        let mut services = JoinSet::new();
        let mut contexts = Vec::new();
        for (name, serve) in SERVICES {
            let bind = if name == "gateway" { format!("127.0.0.1:{port}") } else { "127.0.0.1:0".into() };
            let source = source.with([("OO_HTTP__BIND", bind)]).with(user(name));
            let ctx = Context::new(name, source, shutdown.clone()).await?;
            contexts.push(ctx.clone());
            let running = task::spawn(name, run_in(ctx, serve));
            services.spawn(async move {
                let ended = running.await.ok().flatten().unwrap_or_else(|| Err(anyhow::anyhow!("it panicked")));
                (name, ended)
            });
        }
        let mut house = Self {
            page,
            clock,
            sandbox,
            source,
            owner_token,
            nats,
            redis,
            services,
            contexts,
            shutdown,
            clock_file,
            data,
        };
        if let Err(error) = house.ready().await {
            progress.finish_and_clear();
            house.close().await;
            return Err(error);
        }
        house.data.announce(&Running { pid: std::process::id(), page: house.page.to_string(), settings })?;
        house.clock_file.note(&house.clock);
        progress.finish_and_clear();
        Ok(house)
    }

    /// Where the owner of this machine signs in, once. The token is in the fragment: no server log and no prefetch sees it.
    pub fn owner_link(&self) -> SecretString {
        format!("{}#owner={}", self.page, self.owner_token.expose_secret()).into()
    }

    /// The token of that link.
    pub fn owner_token(&self) -> &SecretString {
        &self.owner_token
    }

    /// The contexts of the services, to look at their health and metrics.
    pub fn contexts(&self) -> &[Context] {
        &self.contexts
    }

    /// Cancelled to stop everything.
    pub fn shutdown(&self) -> &CancellationToken {
        &self.shutdown
    }

    /// Runs until it is told to stop, or a service ends by itself, which is an error.
    pub async fn run(&mut self) -> anyhow::Result<()> {
        let mut note = tokio::time::interval(NOTE_EVERY);
        loop {
            tokio::select! {
                () = self.shutdown.cancelled() => return Ok(()),
                _ = note.tick() => self.clock_file.note(&self.clock),
                Some(ended) = self.services.join_next() => {
                    if self.shutdown.is_cancelled() {
                        return Ok(());
                    }
                    let (name, ended) = ended?;
                    ended.with_context(|| format!("{name} stopped"))?;
                    bail!("{name} ended by itself");
                }
            }
        }
    }

    /// Stops services, then servers, so that what was begun is finished and kept.
    pub async fn close(mut self) {
        self.shutdown.cancel();
        while self.services.join_next().await.is_some() {}
        if let Some(sandbox) = &self.sandbox {
            sandbox.stop().await;
        }
        self.clock_file.note(&self.clock);
        self.data.withdraw();
        if let Some(redis) = &mut self.redis {
            redis.stop().await;
        }
        if let Some(nats) = &mut self.nats {
            nats.stop().await;
        }
    }

    async fn ready(&mut self) -> anyhow::Result<()> {
        let deadline = tokio::time::Instant::now() + READY_WITHIN;
        let address = format!("127.0.0.1:{}", self.page.port().unwrap_or(80));
        let listens = async {
            // The gateway listens last of all, when it has what it needs.
            while tokio::net::TcpStream::connect(&address).await.is_err() {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            for ctx in &self.contexts {
                while !ctx.health.report().await.ready {
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
            }
        };
        tokio::select! {
            () = listens => Ok(()),
            Some(ended) = self.services.join_next() => {
                let (name, ended) = ended?;
                ended.with_context(|| format!("{name} does not start"))?;
                bail!("{name} ended at once")
            }
            () = tokio::time::sleep_until(deadline) => bail!("not ready within {READY_WITHIN:?}: `cargo oo doctor` says why"),
        }
    }
}

/// Starts servers of a house's own, and says how they are reached.
pub(crate) async fn servers(given: &Source, data: &Data) -> anyhow::Result<(Source, Server, Server)> {
    let progress = ProgressBar::new_spinner();
    let (nats, nats_url) = nats(given, data, &progress).await?;
    let (redis, redis_url) = redis(given, data, &progress).await?;
    progress.finish_and_clear();
    let (Some(nats), Some(redis)) = (nats, redis) else {
        bail!("set OO_NATS__URL and OO_REDIS__URL both, or none of them")
    };
    let reached = [
        ("OO_NATS__URL", nats_url.expose_secret().to_owned()),
        ("OO_REDIS__URL", redis_url.expose_secret().to_owned()),
    ];
    Ok((given.with(reached), nats, redis))
}

async fn nats(given: &Source, data: &Data, progress: &ProgressBar) -> anyhow::Result<(Option<Server>, SecretString)> {
    if let Some(url) = given.get("OO_NATS__URL") {
        return Ok((None, url.to_owned().into()));
    }
    let bin = data.at("bin");
    let program = match engines::find_nats(given, &bin).await? {
        Some(program) => program,
        None => {
            progress.set_message("fetching nats-server");
            engines::fetch_nats(&bin).await?
        }
    };
    progress.set_message("starting nats-server");
    let users = nats_users::make(&data.secrets(), given.section::<settings::Log>("LOG")?.shards)?;
    let server = engines::start_nats(program, &data.at("nats"), Sync::Always, &users).await?;
    let url = server.url().clone();
    Ok((Some(server), url))
}

async fn redis(given: &Source, data: &Data, progress: &ProgressBar) -> anyhow::Result<(Option<Server>, SecretString)> {
    if let Some(url) = given.get("OO_REDIS__URL") {
        return Ok((None, url.to_owned().into()));
    }
    let program = match engines::find_redis(given, &data.at("bin")).await? {
        Some(program) => program,
        None => {
            progress.set_message("installing redis-server");
            engines::fetch_redis().await?
        }
    };
    progress.set_message("starting redis-server");
    let server = engines::start_redis(program, &data.at("redis"), &data.secrets()).await?;
    let url = server.url().clone();
    Ok((Some(server), url))
}

async fn start_sandbox(data: &Data, page: &Url, clock: Clock, auto_consent: bool) -> anyhow::Result<Sandbox> {
    oo_sandbox::start(oo_sandbox::Options {
        now: std::sync::Arc::new(move || clock.now()),
        zone: jiff::tz::TimeZone::system(),
        speed: clock.speed(),
        auto_consent,
        todoist_webhook: Some(page.join("webhooks/todoist")?),
        state_file: Some(data.at("sandbox.json")),
        ..oo_sandbox::Options::default()
    })
    .await
    .context("the sandbox does not start")
}

/// Settings that make the integrations take the sandbox for the providers.
pub fn sandbox_settings(sandbox: &Url) -> anyhow::Result<Vec<(String, String)>> {
    let defaults = oo_sandbox::Options::default();
    let at = |path: &str| sandbox.join(path).map(String::from);
    let all = [
        ("SANDBOX", "true".to_owned()),
        ("LOOPBACK", "true".to_owned()),
        ("TODOIST_CLIENT_ID", defaults.todoist_client.id),
        ("TODOIST_CLIENT_SECRET", defaults.todoist_client.secret),
        ("TODOIST_AUTHORIZE_URL", at("todoist/oauth/authorize")?),
        ("TODOIST_TOKEN_URL", at("todoist/oauth/access_token")?),
        ("TODOIST_API_URL", at("todoist/api/v1/")?),
        ("TODOIST_REVOKE_URL", at("todoist/api/v1/revoke")?),
        ("GOOGLE_CLIENT_ID", defaults.google_client.id),
        ("GOOGLE_CLIENT_SECRET", defaults.google_client.secret),
        ("GOOGLE_AUTHORIZE_URL", at("google/o/oauth2/v2/auth")?),
        ("GOOGLE_TOKEN_URL", at("google/token")?),
        ("GOOGLE_API_URL", at("google/calendar/v3/")?),
        ("GOOGLE_REVOKE_URL", at("google/revoke")?),
        ("MICROSOFT_CLIENT_ID", defaults.microsoft_client.id),
        ("MICROSOFT_CLIENT_SECRET", defaults.microsoft_client.secret),
        ("MICROSOFT_AUTHORIZE_URL", at("microsoft/common/oauth2/v2.0/authorize")?),
        ("MICROSOFT_TOKEN_URL", at("microsoft/common/oauth2/v2.0/token")?),
        ("MICROSOFT_API_URL", at("microsoft/v1.0/")?),
    ];
    Ok(all.into_iter().map(|(name, value)| (format!("OO_INTEGRATIONS__{name}"), value)).collect())
}
