//! What the tests stand on: this service, the sandbox as the provider, a log that takes signals, and a door for webhooks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use oo_contracts::http::Problem;
use oo_contracts::signal::{Fact, Signal};
use oo_contracts::wire::*;
use oo_contracts::{AccountId, Provider, Ref, UserId};
use oo_runtime::{Context, task};
use oo_sandbox::{Options, Sandbox};
use oo_subjects::{AskError, FETCH, HOOK, INGEST, LINK_CALLBACK, LINK_LIST, LINK_START};
use oo_testkit::{House, Running, eventually};
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

/// The secret that the sandbox signs Todoist's webhooks with.
pub(crate) const SECRET: &str = "sandbox-todoist-secret";

/// The providers that the sandbox stands in for.
pub(crate) const HERE: [Provider; 5] = [
    Provider::Todoist,
    Provider::GoogleCalendar,
    Provider::GoogleTasks,
    Provider::MicrosoftTodo,
    Provider::OutlookCalendar,
];

pub(crate) struct Peer {
    pub(crate) house: House,
    pub(crate) sandbox: Sandbox,
    pub(crate) service: Running,
    /// For asking.
    pub(crate) ctx: Context,
    log: Log,
    state_file: std::path::PathBuf,
}

/// A log that takes signals as `events` does: each id once.
#[derive(Clone, Default)]
struct Log {
    signals: Arc<Mutex<Vec<Signal>>>,
    refuses: Arc<AtomicBool>,
}

/// A browser that has been to the provider and back.
#[derive(Clone)]
pub(crate) struct Back {
    pub(crate) transaction: String,
    pub(crate) state: String,
    pub(crate) code: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) iss: Option<String>,
}

impl Peer {
    pub(crate) async fn start() -> Self {
        Self::start_with([("", "")]).await
    }

    /// With more settings of the service.
    pub(crate) async fn start_with(more: impl IntoIterator<Item = (&str, &str)>) -> Self {
        let mut house = House::start().await;
        let state_file = house.dir().join("..").join(format!("sandbox-{}", oo_runtime::random::token()));
        let options =
            Options { sample: false, auto_consent: true, state_file: Some(state_file.clone()), ..Options::default() };
        let sandbox = oo_sandbox::start(options).await.unwrap();
        let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = |path: &str| sandbox.url().join(path).unwrap().to_string();
        let settings = [
            ("PUBLIC_URL", format!("http://{}", door.local_addr().unwrap())),
            ("LOOPBACK", "true".into()),
            ("SANDBOX", "true".into()),
            ("POLL_SECONDS", "3600".into()),
            ("TODOIST_CLIENT_ID", "sandbox-todoist".into()),
            ("TODOIST_CLIENT_SECRET", SECRET.into()),
            ("TODOIST_AUTHORIZE_URL", at("/todoist/oauth/authorize")),
            ("TODOIST_TOKEN_URL", at("/todoist/oauth/access_token")),
            ("TODOIST_API_URL", at("/todoist/api/v1/")),
            ("TODOIST_REVOKE_URL", at("/todoist/api/v1/revoke")),
            ("GOOGLE_CLIENT_ID", "sandbox-google.apps.googleusercontent.com".into()),
            ("GOOGLE_CLIENT_SECRET", "sandbox-google-secret".into()),
            ("GOOGLE_AUTHORIZE_URL", at("/google/o/oauth2/v2/auth")),
            ("GOOGLE_TOKEN_URL", at("/google/token")),
            ("GOOGLE_API_URL", at("/google/calendar/v3/")),
            ("GOOGLE_REVOKE_URL", at("/google/revoke")),
            ("MICROSOFT_CLIENT_ID", Options::default().microsoft_client.id),
            ("MICROSOFT_CLIENT_SECRET", Options::default().microsoft_client.secret),
            ("MICROSOFT_AUTHORIZE_URL", at("/microsoft/common/oauth2/v2.0/authorize")),
            ("MICROSOFT_TOKEN_URL", at("/microsoft/common/oauth2/v2.0/token")),
            ("MICROSOFT_API_URL", at("/microsoft/v1.0/")),
        ];
        let more: Vec<_> = more.into_iter().filter(|(name, _)| !name.is_empty()).collect();
        house.set(settings.into_iter().map(|(name, value)| (format!("OO_INTEGRATIONS__{name}"), value)));
        house.set(more.into_iter().map(|(name, value)| (format!("OO_INTEGRATIONS__{name}"), value)));
        let ctx = house.context("test").await;
        for who in ["ada", "eve"] {
            house.people().await.find_or_make(&user(who)).await.unwrap();
        }
        let log = Log::default();
        log.take(&ctx).await;
        drop(task::spawn("door", open_door(door, ctx.clone())));
        let service = house.serve("integrations", oo_integrations::serve).await;
        let peer = Self { house, sandbox, service, ctx, log, state_file };
        peer.answers().await;
        peer
    }

    /// Waits until the service answers.
    pub(crate) async fn answers(&self) {
        let look = LinkList { user: user("nobody") };
        eventually("the service answers", || async { self.ctx.bus.ask(LINK_LIST, &look).await.ok() }).await;
    }

    /// Begins a link and goes to the provider as a browser would.
    pub(crate) async fn visit(&self, user: &UserId, provider: Provider, person: &str) -> Back {
        let start = LinkStart { user: user.clone(), provider, server: None };
        let LinkStarted { authorize, transaction } = self.ctx.bus.ask(LINK_START, &start).await.unwrap();
        let mut url = Url::parse(&authorize).unwrap();
        url.query_pairs_mut().append_pair("login_hint", person);
        oo_runtime::outbound::install_tls();
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let answer = client.get(url).send().await.unwrap();
        let to =
            answer.headers().get("location").expect("the provider sends the browser back").to_str().unwrap().to_owned();
        let to = Url::parse(&to).unwrap();
        let get = |name: &str| to.query_pairs().find(|pair| pair.0 == name).map(|pair| pair.1.into_owned());
        Back { transaction, state: get("state").unwrap(), code: get("code"), error: get("error"), iss: get("iss") }
    }

    /// The browser is back.
    pub(crate) async fn come_back(&self, user: &UserId, provider: Provider, back: &Back) -> Result<Account, Problem> {
        let Back { transaction, state, code, error, iss } = back.clone();
        let callback = LinkCallback { user: user.clone(), provider, transaction, state, code, error, iss };
        problem(self.ctx.bus.ask_within(LINK_CALLBACK, &callback, Duration::from_secs(30)).await)
    }

    /// Links an account, all the way.
    pub(crate) async fn link(&self, user: &UserId, provider: Provider, person: &str) -> Account {
        let back = self.visit(user, provider, person).await;
        self.come_back(user, provider, &back).await.unwrap()
    }

    /// Links an account and waits until the first sync is through.
    pub(crate) async fn link_and_sync(&self, user: &UserId, provider: Provider) -> Account {
        let account = self.link(user, provider, "alex").await;
        self.until_synced(&account.id).await;
        account
    }

    /// Waits until the account was linked and what the provider has at the moment is in the log.
    pub(crate) async fn until_synced(&self, account: &AccountId) {
        let state = format!("oo:integrations:state:{account}");
        eventually("the first sync", || async {
            let text: String = self.redis(&["GET", &state]).await?;
            text.contains(r#""cursor":""#).then_some(())
        })
        .await;
    }

    /// A status of a person's only account.
    pub(crate) async fn status(&self, user: &UserId) -> AccountStatus {
        self.links(user).await.accounts[0].status.clone()
    }

    pub(crate) async fn links(&self, user: &UserId) -> Links {
        self.ctx.bus.ask(LINK_LIST, &LinkList { user: user.clone() }).await.unwrap()
    }

    pub(crate) async fn words(&self, user: &UserId, account: &AccountId, item: &str) -> Result<Words, Problem> {
        let reference = Ref { account: account.clone(), item: item.parse().unwrap() };
        let fetch = Fetch { user: user.clone(), reference };
        problem(self.ctx.bus.ask_within(FETCH, &fetch, Duration::from_secs(20)).await)
    }

    /// What the log has.
    pub(crate) fn signals(&self) -> Vec<Signal> {
        self.log.signals.lock().unwrap().clone()
    }

    /// What the log has of one object, as `added`, `changed`, ….
    pub(crate) fn told(&self, item: &str) -> Vec<&'static str> {
        self.signals()
            .iter()
            .filter_map(|signal| kind(&signal.fact).filter(|(_, id)| id == item))
            .map(|one| one.0)
            .collect()
    }

    /// Waits until the log has this of one object.
    pub(crate) async fn until_told(&self, item: &str, all: &[&str]) {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        while self.told(item) != all {
            assert!(tokio::time::Instant::now() < deadline, "the log has {:?} of {item}, not {all:?}", self.told(item));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Lets the log refuse signals, as while NATS or `events` is away.
    pub(crate) fn log_refuses(&self, refuses: bool) {
        self.log.refuses.store(refuses, Ordering::Relaxed);
    }

    /// How often the provider was asked for tokens.
    pub(crate) fn token_requests(&self) -> usize {
        let all = self.requests();
        all.iter().filter(|request| request.path.ends_with("/access_token") || request.path.ends_with("/token")).count()
    }

    /// How often the provider was asked under a path that ends so.
    pub(crate) fn asked(&self, path: &str) -> usize {
        self.requests().iter().filter(|request| request.path.ends_with(path)).count()
    }

    /// How often the provider was asked below a path.
    pub(crate) fn asked_below(&self, path: &str) -> usize {
        self.requests().iter().filter(|request| request.path.contains(path)).count()
    }

    /// What all providers were asked.
    fn requests(&self) -> Vec<oo_sandbox::LoggedRequest> {
        let (todoist, google, microsoft) = (self.sandbox.todoist(), self.sandbox.google(), self.sandbox.microsoft());
        [todoist.requests(), google.requests(), microsoft.requests()].concat()
    }

    /// Every token that the provider ever gave.
    pub(crate) fn tokens(&self) -> Vec<String> {
        let text = std::fs::read_to_string(&self.state_file).unwrap();
        let state: serde_json::Value = serde_json::from_str(&text).unwrap();
        let mut all = Vec::new();
        for provider in ["todoist", "google", "microsoft"] {
            for kind in ["access", "refresh"] {
                all.extend(state[provider]["tokens"][kind].as_object().unwrap().keys().cloned());
            }
        }
        all
    }

    /// Which of these texts stand in any file of the servers.
    pub(crate) fn at_rest(&self, texts: &[String]) -> Vec<String> {
        let mut found = HashSet::new();
        let mut folders = vec![self.house.dir().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if let Ok(bytes) = std::fs::read(&path) {
                    let is_in = |text: &&String| bytes.windows(text.len()).any(|part| part == text.as_bytes());
                    found.extend(texts.iter().filter(is_in).cloned());
                }
            }
        }
        found.into_iter().collect()
    }

    /// One raw command to Redis.
    pub(crate) async fn redis(&self, command: &[&str]) -> Option<String> {
        self.house.ask_redis(command).await
    }

    /// Sends a webhook to the service, as the gateway does.
    pub(crate) async fn hook(
        &self,
        provider: Provider,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Hooked, Problem> {
        self.hook_at(provider, None, headers, body).await
    }

    /// The same, at an address with a query.
    pub(crate) async fn hook_at(
        &self,
        provider: Provider,
        query: Option<&str>,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Hooked, Problem> {
        let headers = headers.iter().map(|(name, value)| Header { name: (*name).into(), value: (*value).into() });
        let query = query.map(str::to_owned);
        let hook = Hook { provider, headers: headers.collect(), body: BASE64.encode(body), query };
        problem(self.ctx.bus.ask(HOOK, &hook).await)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.state_file);
    }
}

impl Log {
    async fn take(&self, ctx: &Context) {
        let own = self.clone();
        ctx.answer(INGEST, 8, move |ingest: Ingest| {
            let own = own.clone();
            async move {
                if own.refuses.load(Ordering::Relaxed) {
                    return Err(Problem::new(503, "the log is away", "try again"));
                }
                let mut all = own.signals.lock().unwrap();
                let mut kept = Vec::new();
                for signal in ingest.signals {
                    let duplicate = all.iter().any(|known| known.id == signal.id);
                    kept.push(Kept { id: signal.id.clone(), seq: all.len() as u64 + 1, duplicate });
                    if !duplicate {
                        all.push(signal);
                    }
                }
                Ok(Ingested { kept })
            }
        })
        .await
        .unwrap();
    }
}

pub(crate) fn user(name: &str) -> UserId {
    name.parse().unwrap()
}

pub(crate) fn problem<T>(answer: Result<T, AskError>) -> Result<T, Problem> {
    answer.map_err(|error| match error {
        AskError::Problem(problem) => problem,
        other => panic!("{other}"),
    })
}

fn kind(fact: &Fact) -> Option<(&'static str, String)> {
    let (kind, about) = match fact {
        Fact::TaskAdded { task } => ("added", &task.reference),
        Fact::TaskChanged { task } => ("changed", &task.reference),
        Fact::TaskCompleted { task } => ("completed", task),
        Fact::TaskRemoved { task } => ("removed", task),
        Fact::EventUpserted { event } => ("upserted", &event.reference),
        Fact::EventRemoved { event } => ("removed", event),
        _ => return None,
    };
    Some((kind, about.item.to_string()))
}

/// Takes webhooks as the gateway does and passes them on.
async fn open_door(door: TcpListener, ctx: Context) {
    while let Ok((caller, _)) = door.accept().await {
        drop(task::spawn("one webhook", pass_on(caller, ctx.clone())));
    }
}

async fn pass_on(mut caller: TcpStream, ctx: Context) -> Option<()> {
    let mut bytes = Vec::new();
    let (head, body) = loop {
        if caller.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if body.len() >= length.unwrap_or(0) {
            break (head.to_owned(), body.to_owned());
        }
    };
    let called = head.lines().next()?.split(' ').nth(1)?.strip_prefix("/webhooks/")?;
    let (provider, query) = called.split_once('?').map_or((called, None), |(name, query)| (name, Some(query)));
    let (provider, query) = (provider.parse().ok()?, query.map(str::to_owned));
    let header = |line: &str| {
        let (name, value) = line.split_once(": ")?;
        Some(Header { name: name.to_lowercase(), value: value.to_owned() })
    };
    let headers = head.lines().skip(1).filter_map(header).collect();
    let answer = ctx.bus.ask(HOOK, &Hook { provider, headers, body: BASE64.encode(body), query }).await;
    let (status, say) = match answer {
        Ok(hooked) => (200, hooked.say.unwrap_or_default()),
        Err(AskError::Problem(problem)) => (problem.status, String::new()),
        Err(_) => (503, String::new()),
    };
    let length = say.len();
    let kind = "content-type: text/plain; charset=utf-8";
    let said = format!("HTTP/1.1 {status} x\r\n{kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{say}");
    caller.write_all(said.as_bytes()).await.ok()
}
