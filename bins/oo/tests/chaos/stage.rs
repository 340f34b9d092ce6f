//! The servers, the outside world and the services: each a process that can be killed, paused and started again.

use crate::chance::Chance;
use crate::clock::Clocks;
use crate::disk::{self, Disks};
use futures_util::future::join_all;
use oo_runtime::engines::{dies_with_us, free_port};
use oo_runtime::{Clock, Context, People, run};
use oo_sandbox::Sandbox;
use oo_testkit::wire::{State, Wire};
use oo_testkit::{House, Process, eventually, http};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::Duration;
use tokio::process::{Child, Command};
use url::Url;

/// The word by which this program is a service.
pub(crate) const SERVE: &str = "serve";

/// What the process of the only server of streams is called.
pub(crate) const NATS: &str = "nats-server";

/// Which services are there, and how many of each.
pub(crate) type Cast = [(&'static str, usize)];

/// Streams in three copies, on servers that share this machine.
const CLUSTER_SHARDS: u16 = 4;

/// How long a service may take to end when it is told to.
const END_WITHIN: Duration = Duration::from_secs(20);

/// Everything that runs.
pub(crate) struct Stage {
    /// None where nobody lets us mount any. Dropped first: they are below the house's folder.
    pub(crate) disks: Option<Disks>,
    pub(crate) house: House,
    pub(crate) sandbox: Sandbox,
    pub(crate) clock: Clock,
    /// As the user who may do everything.
    pub(crate) ctx: Context,
    pub(crate) people: People,
    /// Where people find the page; the second way in is for when the first is away.
    pub(crate) pages: Vec<Url>,
    /// The services' own.
    pub(crate) clocks: Clocks,
    members: Vec<Member>,
    versions: Versions,
}

/// Which programs a service is started from.
pub(crate) struct Versions {
    /// A folder with the services of another version, if there are two.
    pub(crate) other: Option<PathBuf>,
    /// Says which of them a start takes.
    pub(crate) chance: Chance,
}

impl Versions {
    fn command(&mut self, service: &str) -> Command {
        match &self.other {
            Some(other) if self.chance.between(0, 2) == 0 => dies_with_us(other.join(format!("oo-{service}"))),
            _ => {
                let mut own = dies_with_us(std::env::current_exe().unwrap());
                own.args([SERVE, service]);
                own
            }
        }
    }
}

/// One process of one service.
struct Member {
    name: String,
    service: &'static str,
    bind: String,
    child: Option<Child>,
    /// Its way to each nats-server.
    wires: Vec<Wire>,
}

/// The same as the service's own program.
pub(crate) fn serve(name: &str) -> ExitCode {
    match name {
        "events" => run("events", oo_events::serve),
        "auth" => run("auth", oo_auth::serve),
        "profile" => run("profile", oo_profile::serve),
        "recommender" => run("recommender", oo_recommender::serve),
        "notifier" => run("notifier", oo_notifier::serve),
        "integrations" => run("integrations", oo_integrations::serve),
        "trainer" => run("trainer", oo_trainer::serve),
        "gateway" => run("gateway", oo_gateway::serve),
        other => panic!("no service is called {other}"),
    }
}

impl Stage {
    /// Starts the servers and the outside world, on a weekday morning.
    pub(crate) async fn set(cast: &Cast, speed: f64, cluster: bool, disks: bool, versions: Versions) -> Self {
        let folders = RefCell::new(Vec::new());
        let prepare = |folder: &Path| {
            if disks {
                disk::mount(folder);
                folders.borrow_mut().push(folder.to_owned());
            }
        };
        let mut house = match cluster {
            true => House::start_cluster_on(CLUSTER_SHARDS, prepare).await,
            false => House::start_on(prepare).await,
        };
        let disks = disks.then(|| Disks::below(folders.into_inner()));
        let clocks = Clocks::build(house.dir());
        let person = "2026-11-18T08:30:00Z".parse().unwrap();
        let clock = Clock::new(Clock::default().wall(), person, speed);
        let mut members = Vec::new();
        let mut pages = Vec::new();
        for &(service, count) in cast {
            for n in 1..=count {
                let port = free_port().unwrap();
                if service == "gateway" {
                    pages.push(Url::parse(&format!("http://localhost:{port}/")).unwrap());
                }
                let (name, bind) = (format!("{service}-{n}"), format!("127.0.0.1:{port}"));
                let wires = join_all(house.nats.iter().map(|server| Wire::lay(server.address()))).await;
                members.push(Member { name, service, bind, child: None, wires });
            }
        }
        let sandbox = oo_sandbox::start(oo_sandbox::Options {
            now: std::sync::Arc::new(move || clock.now()),
            auto_consent: true,
            sample: false,
            webhook_retry: Duration::from_secs(1),
            todoist_webhook: Some(pages[0].join("webhooks/todoist").unwrap()),
            ..oo_sandbox::Options::default()
        })
        .await
        .unwrap();
        let vapid = house.dir().join("vapid.pem");
        std::fs::write(&vapid, oo_notifier::new_vapid_key().unwrap()).unwrap();
        let origin = pages[0].origin().ascii_serialization();
        house.set(oo::house::sandbox_settings(&sandbox.url()).unwrap());
        house.set([
            ("OO_CLOCK__SPEED", speed.to_string()),
            ("OO_CLOCK__WALL", clock.wall_at(person).to_string()),
            ("OO_CLOCK__PERSON", person.to_string()),
            // Each person comes from an address of their own.
            ("OO_GATEWAY__PROXIES", "1".into()),
            ("OO_AUTH__PUBLIC_URL", origin.clone()),
            ("OO_INTEGRATIONS__PUBLIC_URL", origin),
            ("OO_INTEGRATIONS__POLL_SECONDS", "5".into()),
            ("OO_NOTIFIER__VAPID_FILE", vapid.display().to_string()),
            ("OO_NOTIFIER__VAPID_SUBJECT", "mailto:owner@oo.invalid".into()),
            ("OO_NOTIFIER__LOOPBACK", "true".into()),
            ("OO_RECOMMENDER__POLICY", "random-todo".into()),
            ("OO_PROFILE__IDLE_SECONDS", "3".into()),
        ]);
        let ctx = house.context("chaos").await;
        let people = ctx.people().await.unwrap();
        Self { house, sandbox, clock, ctx, people, pages, disks, clocks, members, versions }
    }

    /// Starts all services, and waits until each is ready.
    pub(crate) async fn enter(&mut self) {
        for n in 0..self.members.len() {
            self.start(n);
        }
        self.ready().await;
    }

    /// The processes that can be told to fail.
    pub(crate) fn names(&self) -> Vec<String> {
        self.members.iter().map(|member| member.name.clone()).collect()
    }

    /// All processes that run, the servers' among them.
    pub(crate) fn processes(&self) -> Vec<(String, Process)> {
        let servers = [(NATS, self.house.nats[0].pid()), ("redis-server", self.house.redis.pid())];
        let members =
            self.members.iter().map(|member| (member.name.as_str(), member.child.as_ref().and_then(Child::id)));
        members.chain(servers).filter_map(|(name, pid)| Some((name.to_owned(), Process(pid?)))).collect()
    }

    /// kill -9.
    pub(crate) async fn kill(&mut self, name: &str) {
        let member = self.member(name);
        if let Some(mut child) = self.members[member].child.take() {
            let _ = child.kill().await;
        }
    }

    /// SIGTERM, and waits for the end: kill -9 where it does not come.
    pub(crate) async fn stop(&mut self, name: &str) {
        let member = self.member(name);
        self.signal(name, "-TERM").await;
        if let Some(mut child) = self.members[member].child.take()
            && tokio::time::timeout(END_WITHIN, child.wait()).await.is_err()
        {
            println!("  {name} did not end in {END_WITHIN:?} when it was told to");
            let _ = child.kill().await;
        }
    }

    /// `-STOP` or `-CONT`, while it runs.
    pub(crate) async fn signal(&self, name: &str, signal: &str) {
        if let Some(pid) = self.members[self.member(name)].child.as_ref().and_then(Child::id) {
            send(signal, pid).await;
        }
    }

    /// How its way to one nats-server, or to all, is from now on.
    pub(crate) fn wire(&self, name: &str, server: Option<usize>, state: State) {
        for (n, wire) in self.members[self.member(name)].wires.iter().enumerate() {
            if server.is_none_or(|server| server == n) {
                wire.set(state);
            }
        }
    }

    /// Starts a nats-server again, if it does not run.
    pub(crate) async fn start_nats(&mut self, n: usize) {
        match &self.disks {
            _ if self.house.nats[n].pid().is_some() => {}
            Some(disks) => disks.start_nats(&mut self.house, n).await,
            None => self.house.nats[n].start().await.unwrap(),
        }
    }

    /// Starts Redis again, if it does not run.
    pub(crate) async fn start_redis(&mut self) {
        match &self.disks {
            _ if self.house.redis.pid().is_some() => {}
            Some(disks) => disks.start_redis(&mut self.house).await,
            None => self.house.redis.start().await.unwrap(),
        }
    }

    /// Starts it again, if it does not run.
    pub(crate) fn restart(&mut self, name: &str) {
        let member = self.member(name);
        if self.members[member].child.is_none() {
            self.start(member);
        }
    }

    /// Whatever was away or paused is there again.
    pub(crate) async fn recover(&mut self) {
        self.sandbox.push().clear_faults();
        self.sandbox.todoist().clear_faults();
        if let Some(disks) = &mut self.disks {
            disks.free_all(&mut self.house).await;
        }
        for server in self.house.nats.iter_mut().chain([&mut self.house.redis]) {
            match server.pid() {
                Some(pid) => send("-CONT", pid).await,
                None => server.start().await.unwrap(),
            }
        }
        for name in self.names() {
            self.wire(&name, None, State::Open);
            self.clocks.set(&name, 0);
            self.signal(&name, "-CONT").await;
            let member = self.member(&name);
            if let Some(child) = &mut self.members[member].child
                && let Ok(Some(status)) = child.try_wait()
            {
                println!("  {name} had ended by itself: {status}");
                self.members[member].child = None;
            }
            self.restart(&name);
        }
        self.ready().await;
    }

    /// Leaves the folder with what each process said, and says where.
    pub(crate) fn keep(self) -> PathBuf {
        let kept = std::env::temp_dir().join(format!("oo-chaos-{}", std::process::id()));
        std::fs::create_dir_all(&kept).unwrap();
        for member in &self.members {
            let log = format!("{}.log", member.name);
            let _ = std::fs::copy(self.house.dir().join(&log), kept.join(&log));
        }
        kept
    }

    async fn ready(&self) {
        for member in &self.members {
            let health = format!("http://{}/health", member.bind);
            eventually(&format!("{} is ready", member.name), || async {
                http().get(&health).send().await.ok()?.status().is_success().then_some(())
            })
            .await;
        }
    }

    fn member(&self, name: &str) -> usize {
        self.members.iter().position(|member| member.name == name).unwrap()
    }

    fn start(&mut self, n: usize) {
        let member = &mut self.members[n];
        let log = self.house.dir().join(format!("{}.log", member.name));
        let log = std::fs::File::options().create(true).append(true).open(log).unwrap();
        let settings = self.house.source().with(self.house.user(member.service));
        let ways: Vec<String> = member.wires.iter().map(|wire| format!("nats://{}", wire.address())).collect();
        let child = self
            .versions
            .command(member.service)
            .envs(settings.pairs())
            .env("OO_NATS__URL", ways.join(","))
            .envs(self.clocks.environment(&member.name))
            .env("OO_HTTP__BIND", &member.bind)
            // Nothing stands before the gateways here: each is the page at an address of its own.
            .env("OO_GATEWAY__PUBLIC_URL", format!("http://{}", member.bind.replace("127.0.0.1", "localhost")))
            .env("OO_LOG", "info")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        member.child = Some(child);
    }
}

/// A signal to one process of ours.
pub(crate) async fn send(signal: &str, pid: u32) {
    let _ = Command::new("kill").args([signal, &pid.to_string()]).status().await;
}
