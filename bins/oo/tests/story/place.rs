//! A place where the real `oo` program runs, with a sandbox outside it that outlives its crashes.

use anyhow::{Context as _, ensure};
use oo::browser::{Browser, read};
use oo::inspect::fold_up_to;
use oo_contracts::http::{LinkTo, State};
use oo_contracts::signal::Answer;
use oo_contracts::tip::Card;
use oo_contracts::{Timestamp, UserId};
use oo_profile::at_rest;
use oo_runtime::engines::free_port;
use oo_runtime::logbook::Numbered;
use oo_runtime::{Clock, Context, Person, Source, random};
use oo_sandbox::{Sandbox, SandboxSubscription};
use oo_testkit::eventually;
use reqwest::Method;
use reqwest::header::LOCATION;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;
use url::Url;

/// Data folder, sandbox and address that stay while `oo` comes and goes.
pub(crate) struct Place {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) sandbox: Sandbox,
    pub(crate) page: Url,
    /// The person's clock: a weekday morning, so that no quiet hours silence a test at night.
    pub(crate) clock: Clock,
    settings: Vec<(String, String)>,
}

/// The program, running.
pub(crate) struct Oo {
    child: Child,
    pub(crate) owner_token: String,
}

impl Place {
    /// An empty data folder, and a sandbox with nothing in it.
    pub(crate) async fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let wall = Clock::default().wall();
        let person: Timestamp = "2026-11-18T09:40:00Z".parse().expect("a time");
        let clock = Clock::new(wall, person, 1.0);
        let noted = json!({ "wall": wall, "person": person, "speed": 1.0 });
        std::fs::write(dir.path().join("clock.json"), noted.to_string()).expect("written");
        let page = Url::parse(&format!("http://localhost:{}/", free_port().expect("a port"))).expect("an address");
        let sandbox = oo_sandbox::start(oo_sandbox::Options {
            now: Arc::new(move || clock.now()),
            auto_consent: true,
            sample: false,
            webhook_retry: std::time::Duration::from_millis(500),
            todoist_webhook: Some(page.join("webhooks/todoist").expect("an address")),
            ..oo_sandbox::Options::default()
        })
        .await
        .expect("the sandbox starts");
        let mut settings = oo::house::sandbox_settings(&sandbox.url()).expect("settings");
        // `rules` stays silent on purpose now and then.
        settings.push(("OO_RECOMMENDER__POLICY".into(), "random-todo".into()));
        Self { dir, sandbox, page, clock, settings }
    }

    /// The program as it would be started by hand.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_oo"));
        command
            .arg("--data")
            .arg(self.dir.path())
            .current_dir(self.dir.path())
            .env("OO_NATS_SERVER", bin("nats-server"))
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Starts it, and waits until it says where the owner signs in.
    pub(crate) async fn start(&self) -> Oo {
        self.start_with(&[]).await
    }

    /// The same, with more in its environment.
    pub(crate) async fn start_with(&self, env: &[(&str, &str)]) -> Oo {
        let (stdout, stderr) = (self.dir.path().join("stdout"), self.dir.path().join("stderr"));
        let open = |path: &PathBuf| std::fs::File::options().create(true).append(true).open(path).expect("a log");
        let _ = std::fs::remove_file(&stdout);
        let child = self
            .command()
            .args(["up", "--port", &self.page.port().expect("a port").to_string()])
            .envs(env.iter().copied())
            .env("OO_LOG", "debug,async_nats=info,hyper=info,h2=info,rustls=info")
            .stdout(open(&stdout))
            .stderr(open(&stderr))
            .spawn()
            .expect("oo starts");
        let child = std::sync::Mutex::new(child);
        let owner_token = eventually("oo up says where to sign in", || async {
            if let Ok(Some(status)) = child.lock().expect("not poisoned").try_wait() {
                panic!("oo up ended at once ({status}): {}", std::fs::read_to_string(&stderr).unwrap_or_default());
            }
            let said = std::fs::read_to_string(&stdout).ok()?;
            // The line is whole only when the next one has begun.
            let (_, rest) = said.split_once("#owner=")?;
            let (token, _) = rest.split_once(' ')?;
            Some(token.to_owned())
        })
        .await;
        Oo { child: child.into_inner().expect("not poisoned"), owner_token }
    }

    /// A context of the same house, to look at logs and ask on wires.
    pub(crate) async fn inside(&self) -> Inside {
        let running = oo::data::running(self.dir.path()).expect("oo runs");
        let ctx = Context::new("test", Source::from_iter(running.settings), CancellationToken::new())
            .await
            .expect("a context");
        let people = ctx.people().await.expect("people");
        let owner: UserId = "owner".parse().expect("an id");
        let person = people.find(&owner).await.expect("found").expect("the owner has a log");
        Inside { ctx, person }
    }

    /// Signs in as the owner.
    pub(crate) async fn sign_in(&self, oo: &Oo) -> anyhow::Result<Browser> {
        let mut browser = Browser::new(self.page.clone())?;
        browser.send(Method::POST, "api/v1/session/owner", Some(&json!({ "token": oo.owner_token }))).await?;
        Ok(browser)
    }

    /// The secrets among its settings.
    pub(crate) fn secrets(&self) -> Vec<(String, String)> {
        self.settings.iter().filter(|(name, _)| name.ends_with("_SECRET")).cloned().collect()
    }

    /// Whether a task is completed at the sandbox.
    pub(crate) fn is_done(&self, task: &str) -> bool {
        self.sandbox.todoist().tasks().iter().any(|known| known.id == task && known.checked)
    }

    /// Searches every file of the data folder for a text.
    pub(crate) fn files_with(&self, text: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        visit(self.dir.path(), &mut |file, bytes| {
            if bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
                found.push(file.to_owned());
            }
        });
        found
    }
}

impl Oo {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// kill -9.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("killed");
    }

    /// Waits until it dies by itself, of a crash point.
    pub(crate) async fn died(&mut self) -> bool {
        self.child.try_wait().expect("a status").is_some()
    }

    /// Ctrl-C, and waits for the end.
    pub(crate) async fn stop(mut self) -> std::process::ExitStatus {
        let pid = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill").args(["-INT", &pid]).status().await.expect("kill runs");
        assert!(sent.success());
        tokio::time::timeout(std::time::Duration::from_secs(30), self.child.wait())
            .await
            .expect("it ends in time")
            .expect("a status")
    }
}

/// The same house from the inside.
pub(crate) struct Inside {
    pub(crate) ctx: Context,
    pub(crate) person: Arc<Person>,
}

impl Inside {
    /// The owner's whole log.
    pub(crate) async fn log(&self) -> Vec<Numbered> {
        self.ctx.logbook().read(&self.person, 0).await.expect("the log").entries
    }
}

/// Puts a checkpoint in the place of somebody's first entries, so many, as if they were too old. Gives the last of them.
pub(crate) async fn compact(ctx: &Context, person: &Person, first: usize) -> anyhow::Result<u64> {
    let log = ctx.logbook().read(person, 0).await?;
    let last = log.entries.get(first - 1).context("so many entries")?.seq;
    let profile = fold_up_to(ctx, person, last).await?;
    ctx.logbook().keep_checkpoint(person, &at_rest::write_checkpoint(&profile)?, 0).await?;
    eventually("they are settled, and removed", || async {
        ctx.bus.forget_entries(&person.place, last).await.ok()?;
        ctx.bus.first_entry(&person.place).await.ok()?.filter(|left| left.seq > last)
    })
    .await;
    Ok(last)
}

/// Links the sandbox's Todoist, by the whole code flow.
pub(crate) async fn link(browser: &mut Browser, provider: &str) -> anyhow::Result<()> {
    let to: LinkTo = read(browser.send(Method::POST, &format!("api/v1/links/{provider}"), None).await?).await?;
    let consent = browser.client.get(&to.authorize).send().await?;
    let back = consent.headers().get(LOCATION).context("the provider sends nobody back")?.to_str()?.to_owned();
    let path = back.strip_prefix(browser.page.as_str()).context("sent elsewhere")?.to_owned();
    let landed = browser.request(Method::GET, &path, None).await?;
    ensure!(landed.status().as_u16() == 303, "the callback answered {}", landed.status());
    Ok(())
}

/// Subscribes a device at the sandbox's push service.
pub(crate) async fn subscribe(browser: &mut Browser, sandbox: &Sandbox) -> anyhow::Result<SandboxSubscription> {
    let subscription = sandbox.push().subscribe();
    let body = json!({
        "device": "test", "endpoint": subscription.endpoint, "language": "en",
        "keys": { "p256dh": subscription.p256dh, "auth": subscription.auth },
    });
    browser.send(Method::PUT, "api/v1/push/subscription", Some(&body)).await?;
    Ok(subscription)
}

/// What the page shows now.
pub(crate) async fn state(browser: &mut Browser) -> anyhow::Result<State> {
    read(browser.send(Method::GET, "api/v1/state", None).await?).await
}

/// Waits for a tip on the page.
pub(crate) async fn tip(browser: &Browser) -> Card {
    let browser = tokio::sync::Mutex::new(browser.clone());
    eventually("a tip on the page", || async { state(&mut *browser.lock().await).await.ok()?.tip }).await
}

/// Answers a tip.
pub(crate) async fn answer(browser: &mut Browser, card: &Card, answer: Answer) -> anyhow::Result<()> {
    let body = json!({ "id": random::token(), "answer": answer });
    browser.send(Method::POST, &format!("api/v1/tips/{}/answer", card.id), Some(&body)).await?;
    Ok(())
}

fn bin(name: &str) -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fetched = here.ancestors().nth(2).unwrap_or(here).join(".oo/bin").join(name);
    if fetched.exists() { fetched } else { name.into() }
}

fn visit(dir: &Path, see: &mut impl FnMut(&Path, &[u8])) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            visit(&path, see);
        } else if let Ok(bytes) = std::fs::read(&path) {
            see(&path, &bytes);
        }
    }
}
