//! Servers and services of one test, in a folder that goes with it.

use anyhow::Context as _;
use futures_util::future::try_join_all;
use oo_runtime::engines::{self, Server, Sync};
use oo_runtime::seal::Keyring;
use oo_runtime::service::run_in;
use oo_runtime::{Clock, Context, People, Person, Source, nats_users, random, redis_acl, secret_file, settings, task};
use oo_subjects::access::OPERATOR;
use oo_subjects::{Bus, streams};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const WANTED: &str = "a house of one's own: `cargo xtask setup` installs what it needs";
/// How many servers a cluster has, and how many copies each of its streams.
const CLUSTER: usize = 3;
/// How long the servers of a cluster may take to elect who places streams.
const ELECTED_WITHIN: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// A private nats-server and redis-server with the streams set up, and settings that lead to them.
pub struct House {
    /// One, or all of a cluster.
    pub nats: Vec<Server>,
    pub redis: Server,
    source: Source,
    dir: tempfile::TempDir,
}

impl House {
    /// The same for so many shards, with rights for as many as they may become.
    pub async fn start_for(shards: u16, rights: u16) -> Self {
        let mut house = Self::try_start(1, rights, |_| {}).await.expect(WANTED);
        house.set([("OO_LOG__SHARDS", shards.to_string())]);
        let ctx = house.context("setup").await;
        streams::set_up(ctx.bus.jetstream(), shards, 1).await.expect("streams set up");
        house
    }

    /// Starts the servers and sets the streams up.
    pub async fn start() -> Self {
        Self::start_on(|_| {}).await
    }

    /// The same, with each folder that a server will keep data in given to `prepare` first.
    pub async fn start_on(prepare: impl Fn(&Path)) -> Self {
        let house = Self::try_start(1, shards(), prepare).await.expect(WANTED);
        let ctx = house.context("setup").await;
        streams::set_up(ctx.bus.jetstream(), ctx.settings.log.shards, 1).await.expect("streams set up");
        house
    }

    /// The same with a cluster of three nats-servers, which hold streams of so many shards in three copies.
    pub async fn start_cluster(shards: u16) -> Self {
        Self::start_cluster_on(shards, |_| {}).await
    }

    /// The same, with each folder that a server will keep data in given to `prepare` first.
    pub async fn start_cluster_on(shards: u16, prepare: impl Fn(&Path)) -> Self {
        let mut house = Self::try_start(CLUSTER, shards, prepare).await.expect(WANTED);
        house.set([("OO_LOG__SHARDS", shards.to_string()), ("OO_LOG__REPLICAS", CLUSTER.to_string())]);
        let ctx = house.context("setup").await;
        let elected = async {
            while streams::set_up(ctx.bus.jetstream(), shards, CLUSTER).await.is_err() {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        tokio::time::timeout(ELECTED_WITHIN, elected).await.expect("the servers elect one of them");
        house
    }

    /// Starts the servers only: for tests of the set-up itself.
    pub async fn start_bare() -> Self {
        Self::try_start(1, shards(), |_| {}).await.expect(WANTED)
    }

    async fn try_start(servers: usize, shards: u16, prepare: impl Fn(&Path)) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let bin = bin();
        let env = Source::from_env();
        let nats = engines::find_nats(&env, &bin).await?.context("nats-server 2.12 or newer is missing")?;
        let redis = engines::find_redis(&env, &bin).await?.context("redis-server is missing")?;
        for folder in (0..servers).map(|n| nats_data(dir.path(), n)).chain([redis_data(dir.path())]) {
            std::fs::create_dir_all(&folder)?;
            prepare(&folder);
        }
        let users = nats_users::make(dir.path(), shards)?;
        let routes: Vec<u16> = (0..servers).map(|_| engines::free_port()).collect::<std::io::Result<_>>()?;
        let others: Vec<String> = routes.iter().map(|port| format!("\"nats://127.0.0.1:{port}\"")).collect();
        let starting = routes.iter().enumerate().map(|(n, port)| {
            let (name, dir) = (format!("oo-{n}"), dir.path().join(format!("nats-{n}")));
            // Clients know all servers by their settings: told of them once more, they would go around a wire that a
            // test lays before each.
            let cluster = format!(
                "cluster {{ name: oo, listen: \"127.0.0.1:{port}\", no_advertise: true, routes: [{}] }}\n",
                others.join(", ")
            );
            // Where it tells of itself, on a port that it finds and notes in a file.
            let more = format!("http: \"127.0.0.1:-1\"\nports_file_dir: {:?}\n{users}", dir.display().to_string());
            let more = if servers == 1 { more } else { more + &cluster };
            let program = nats.clone();
            async move { engines::start_nats_as(&name, program, &dir, Sync::Lazily, &more).await }
        });
        let nats = try_join_all(starting).await?;
        let redis = engines::start_redis(redis, &redis_data(dir.path()), dir.path()).await?;
        let keys = dir.path().join("keys");
        secret_file::write(&keys, &Keyring::new_line("test"))?;
        let source = Source::from_iter([
            ("OO_NATS__URL", nats.iter().map(|server| server.url().expose_secret()).collect::<Vec<_>>().join(",")),
            ("OO_REDIS__URL", redis.url().expose_secret().to_owned()),
            ("OO_KEYS__FILE", keys.display().to_string()),
        ])
        .with(nats_users::settings(dir.path(), OPERATOR));
        Ok(Self { nats, redis, source, dir })
    }

    /// The folder that holds all data of this house: to search it for what must not rest there.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Settings that lead to this house's servers, as the user who may do everything.
    pub fn source(&self) -> Source {
        self.source.clone()
    }

    /// Adds settings for all that starts after.
    pub fn set<K: Into<String>, V: Into<String>>(&mut self, more: impl IntoIterator<Item = (K, V)>) {
        self.source = self.source.with(more);
    }

    /// Settings that make a service the user that it is.
    pub fn user(&self, service: &str) -> Vec<(String, String)> {
        nats_users::settings(self.dir(), service).into_iter().chain(redis_acl::settings(self.dir(), service)).collect()
    }

    /// One raw command to Redis, and what it answers, as the user who may do everything.
    pub async fn ask_redis(&self, command: &[&str]) -> Option<String> {
        Self::ask_redis_at(&self.redis, command).await
    }

    /// A second Redis, which copies all that the first one keeps.
    pub async fn redis_replica(&self) -> Server {
        let program = engines::find_redis(&Source::from_env(), &bin()).await.ok().flatten().expect(WANTED);
        let replica = engines::start_redis(program, &self.dir().join("replica"), self.dir()).await.expect(WANTED);
        let first = url::Url::parse(self.redis.url().expose_secret()).expect("an address");
        let password = first.password().expect("a password");
        let (host, port) = (self.redis.address().ip().to_string(), self.redis.address().port().to_string());
        for command in [
            ["CONFIG", "SET", "masteruser", first.username()].as_slice(),
            &["CONFIG", "SET", "masterauth", password],
            &["REPLICAOF", &host, &port],
        ] {
            assert_eq!(Self::ask_redis_at(&replica, command).await.as_deref(), Some("+OK\r\n"), "{}", command[0]);
        }
        replica
    }

    /// One raw command to one of several.
    pub async fn ask_redis_at(server: &Server, command: &[&str]) -> Option<String> {
        let url = url::Url::parse(server.url().expose_secret()).ok()?;
        let mut redis = TcpStream::connect((url.host_str()?, url.port()?)).await.ok()?;
        for words in [&["AUTH", url.username(), url.password()?][..], command] {
            let parts = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len()));
            let said = format!("*{}\r\n{}", words.len(), parts.collect::<String>());
            redis.write_all(said.as_bytes()).await.ok()?;
        }
        redis.shutdown().await.ok()?;
        let mut answer = String::new();
        redis.read_to_string(&mut answer).await.ok()?;
        answer.strip_prefix("+OK\r\n").map(str::to_owned)
    }

    /// What the first nats-server tells of itself: `varz`, `jsz`.
    pub async fn ask_nats(&self, what: &str) -> Option<Value> {
        let noted = self.dir().join(format!("nats-0/nats-server_{}.ports", self.nats[0].pid()?));
        let ports: Value = serde_json::from_str(&std::fs::read_to_string(noted).ok()?).ok()?;
        let address = format!("{}/{what}", ports["monitoring"][0].as_str()?);
        crate::http().get(address).send().await.ok()?.json().await.ok()
    }

    /// A session of somebody, kept as `auth` keeps it after a sign-in. Gives its secret.
    pub async fn session(&self, person: &Person) -> String {
        let (secret, id, log) = (random::token() + &random::token(), random::token(), &person.place.log);
        let (hash, now) = (random::hex(&Sha256::digest(&secret)), Clock::default().wall());
        let record = json!({ "log": log, "id": id, "device": "", "began": now, "used": now }).to_string();
        let script = "redis.call('SET', KEYS[1], ARGV[1]); redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])";
        let (key, of) = (format!("oo:session:{hash}"), format!("oo:sessions:{log}"));
        let kept = self.ask_redis(&["EVAL", script, "2", &key, &of, &record, &id, &hash]).await;
        assert_eq!(kept.as_deref(), Some("$-1\r\n"), "the session is kept");
        secret
    }

    /// A context of one's own, with all rights.
    pub async fn context(&self, name: &'static str) -> Context {
        Context::new(name, self.source(), CancellationToken::new()).await.expect("a context")
    }

    /// What one of a cluster's servers is told is told to it alone.
    pub async fn bus_at(&self, server: usize) -> Bus {
        let url = self.nats[server].url().expose_secret();
        let source = self.source().with([("OO_NATS__URL", url)]);
        Context::new("one-server", source, CancellationToken::new()).await.expect("a context").bus
    }

    /// The directory of people.
    pub async fn people(&self) -> People {
        self.context("people").await.people().await.expect("people")
    }

    /// Starts a service on a port of its own.
    pub async fn serve<F, Fut>(&self, name: &'static str, serve: F) -> Running
    where
        F: FnOnce(Context) -> Fut + Send + 'static,
        Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        self.serve_with(name, [("", "")], serve).await
    }

    /// Starts a service on a port of its own, with settings of its own. Returns once it listens.
    pub async fn serve_with<F, Fut>(
        &self,
        name: &'static str,
        more: impl IntoIterator<Item = (&str, &str)>,
        serve: F,
    ) -> Running
    where
        F: FnOnce(Context) -> Fut + Send + 'static,
        Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let address = format!("127.0.0.1:{}", engines::free_port().expect("a free port"));
        let mut source = self.source.with(self.user(name));
        source = source.with(more.into_iter().filter(|(name, _)| !name.is_empty()));
        if source.get("OO_HTTP__BIND").is_none() {
            source = source.with([("OO_HTTP__BIND", address)]);
        }
        let address = source.get("OO_HTTP__BIND").expect("just set").to_owned();
        let shutdown = CancellationToken::new();
        let ctx = Context::new(name, source, shutdown.clone()).await.expect("a context");
        let work = task::spawn(name, run_in(ctx.clone(), serve));
        let running = Running { address, shutdown, work, ctx };
        crate::eventually(&format!("{name} listens"), || async {
            assert!(!running.work.is_finished(), "{name} ended before it listened: is {} free?", running.address);
            TcpStream::connect(&running.address).await.ok()
        })
        .await;
        running
    }
}

/// A service that runs.
pub struct Running {
    address: String,
    shutdown: CancellationToken,
    work: JoinHandle<Option<anyhow::Result<()>>>,
    pub ctx: Context,
}

impl Running {
    /// An address of this service.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Stops it in order, and says how it ended.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.shutdown.cancel();
        self.work.await?.context("the service panicked")?
    }

    /// Ends it where it stands, as a crash of the process would: nothing is drained or settled.
    /// Background tasks of the service end with the cancelled token; what they had not finished stays undone.
    pub fn crash(self) {
        self.work.abort();
        self.shutdown.cancel();
    }
}

fn shards() -> u16 {
    Source::from_env().section::<settings::Log>("LOG").expect("settings").shards
}

fn nats_data(house: &Path, server: usize) -> PathBuf {
    house.join(format!("nats-{server}/jetstream"))
}

fn redis_data(house: &Path) -> PathBuf {
    house.join("redis")
}

/// Where `cargo xtask setup` and `cargo oo up` put what they fetch.
pub(crate) fn bin() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).join(".oo/bin")
}
