//! Refreshing at a provider that others wrote: oidc-provider, which wants PKCE, gives a new refresh token for each one
//! used, knows no grace, and ends the whole grant when an old one comes again; and Canaille, which gives a new one as well,
//! and lets the grant live when an old one comes again.

use super::tests::shared;
use super::*;
use crate::link;
use crate::shared::Shared;
use oo_contracts::http::Problem;
use oo_contracts::wire::{LinkCallback, LinkStart};
use oo_contracts::{Provider, Timestamp};
use oo_runtime::{engines, outbound};
use oo_testkit::House;
use secrecy::ExposeSecret as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use url::Url;

/// Where browsers are sent back to. Nobody listens there; the tests take the address for the visit.
const HOME: &str = "http://127.0.0.1:1";

/// What Google calls the scope that the link asks for.
const SCOPE: &str = "https://www.googleapis.com/auth/calendar.events.readonly";
/// Canaille makes its database first, which takes seconds, and more where the machine is busy.
const STARTS_WITHIN: Duration = Duration::from_secs(90);

/// The provider, which ends with the test.
struct Provides {
    _process: Child,
    _stdin: Option<ChildStdin>,
    _folder: Option<tempfile::TempDir>,
}

/// Two processes of ours and the provider.
struct Real {
    _house: House,
    _provider: Provides,
    /// Whom the provider knows.
    owner: &'static str,
    one: Arc<Shared>,
    other: Arc<Shared>,
}

/// What a browser brings back.
struct Back {
    transaction: String,
    state: String,
    code: Option<String>,
    iss: Option<String>,
}

impl Real {
    async fn start(rotates: bool) -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut provider = Command::new("node")
            .arg(here.join("tests/oidc_provider.mjs"))
            .env("OO_NODE_MODULES", here.join("../../.oo/node/node_modules"))
            .env("OO_REDIRECT", format!("{HOME}/integrations/google_calendar/callback"))
            .env("OO_SCOPES", format!("openid {SCOPE}"))
            .env("OO_ROTATE", rotates.to_string())
            .env("OO_LIFE", "60")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("node: `cargo xtask setup` installs it");
        let (stdin, stdout) = (provider.stdin.take().unwrap(), provider.stdout.take().unwrap());
        let address = BufReader::new(stdout).lines().next_line().await.unwrap();
        let address = address.expect("oidc-provider says where it is: `cargo xtask setup` installs it");
        let provides = Provides { _process: provider, _stdin: Some(stdin), _folder: None };
        Self::at(provides, "alex", ["auth", "token", "me"].map(|path| format!("{address}/{path}"))).await
    }

    /// At Canaille.
    async fn canaille() -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = here.join("../../.oo/python/bin/python");
        assert!(python.exists(), "Canaille is missing: `cargo xtask setup` installs it");
        let (folder, port) = (tempfile::tempdir().unwrap(), engines::free_port().unwrap().to_string());
        let process = Command::new(python)
            .arg(here.join("../auth/tests/auth/canaille_peer.py"))
            .args([&port, &format!("{HOME}/integrations/google_calendar/callback")])
            .arg(folder.path())
            .arg(SCOPE)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let address = format!("http://127.0.0.1:{port}");
        let description = format!("{address}/.well-known/openid-configuration");
        let asks = async {
            while oo_testkit::http().get(&description).send().await.is_err() {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        tokio::time::timeout(STARTS_WITHIN, asks).await.expect("Canaille describes itself in time");
        let provides = Provides { _process: process, _stdin: None, _folder: Some(folder) };
        let paths = ["oauth/authorize", "oauth/token", "oauth/userinfo"].map(|path| format!("{address}/{path}"));
        Self::at(provides, "ada", paths).await
    }

    async fn at(provides: Provides, owner: &'static str, [authorize, token, me]: [String; 3]) -> Self {
        let mut house = House::start().await;
        let settings = [
            ("PUBLIC_URL", HOME.to_owned()),
            ("LOOPBACK", "true".into()),
            ("GOOGLE_CLIENT_ID", "oo".into()),
            ("GOOGLE_CLIENT_SECRET", "oo-secret-oo-secret-oo-secret-oo".into()),
            ("GOOGLE_AUTHORIZE_URL", authorize),
            ("GOOGLE_TOKEN_URL", token),
            // Nobody has a calendar there.
            ("GOOGLE_API_URL", format!("{me}/calendar/v3/")),
            ("GOOGLE_USERINFO_URL", me),
        ];
        house.set(settings.into_iter().map(|(name, value)| (format!("OO_INTEGRATIONS__{name}"), value)));
        outbound::install_tls();
        let one = shared(&house).await;
        let other = shared(&house).await;
        Self { _house: house, _provider: provides, owner, one, other }
    }

    /// Goes to the provider and back, as a browser with its cookies does.
    async fn visit(&self) -> Back {
        let start = LinkStart { user: "ada".parse().unwrap(), provider: Provider::GoogleCalendar, server: None };
        let started = link::start(self.one.clone(), start).await.unwrap();
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let mut to = Url::parse(&started.authorize).unwrap();
        let mut cookies: HashMap<String, String> = HashMap::new();
        let mut filled = None;
        while to.port() != Some(1) {
            let all: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let request = match filled.take() {
                Some(filled) => client.post(to.clone()).form::<Vec<(&str, String)>>(&filled),
                None => client.get(to.clone()),
            };
            let answer = request.header("cookie", all.join("; ")).send().await.unwrap();
            for cookie in answer.headers().get_all("set-cookie") {
                let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
                cookies.insert(name.into(), rest.split(';').next().unwrap().into());
            }
            match answer.headers().get("location") {
                Some(next) => to = to.join(next.to_str().unwrap()).unwrap(),
                None => filled = Some(fill(&answer.text().await.unwrap())),
            }
        }
        let get = |name: &str| to.query_pairs().find(|pair| pair.0 == name).map(|pair| pair.1.into_owned());
        Back { transaction: started.transaction, state: get("state").unwrap(), code: get("code"), iss: get("iss") }
    }

    async fn come_back(&self, back: Back) -> Result<AccountId, Problem> {
        let Back { transaction, state, code, iss } = back;
        let (user, provider) = ("ada".parse().unwrap(), Provider::GoogleCalendar);
        let back = LinkCallback { user, provider, transaction, state, code, error: None, iss };
        link::callback(self.one.clone(), back).await.map(|account| account.id)
    }

    async fn kept(&self, account: &AccountId) -> Account {
        self.one.vault.read(account).await.unwrap().unwrap()
    }

    /// The access token is past its time.
    async fn expire(&self, account: &AccountId) -> Account {
        let account = self.kept(account).await;
        let grant = Grant { expires: Some(Timestamp::UNIX_EPOCH), ..account.grant.clone() };
        match self.one.vault.save(&account, &grant).await.unwrap() {
            Saved::Mine(account) => account,
            other => panic!("{other:?}"),
        }
    }

    /// Fifty at once, over both processes: the grant that all of them got.
    async fn fifty(&self, account: &AccountId) -> Account {
        let before = self.expire(account).await;
        let all = (0..50).map(|n| if n % 2 == 0 { &self.one } else { &self.other }.tokens.fresh(account));
        let all: Vec<_> = futures_util::future::join_all(all).await.into_iter().map(Result::unwrap).collect();
        let kept = self.kept(account).await;
        assert_eq!(kept.version, before.version + 1, "one refresh, and one record of it");
        assert!(all.iter().all(|one| one.grant.access.expose_secret() == kept.grant.access.expose_secret()));
        kept
    }

    /// Whether the provider takes this token.
    async fn works(&self, account: &Account) -> bool {
        let connector = self.one.connector(Provider::GoogleCalendar).unwrap();
        connector.owner(&self.one.http, &account.grant.access).await.is_ok_and(|owner| owner == self.owner)
    }
}

/// What a person fills in on Canaille's own pages.
fn fill(page: &str) -> Vec<(&'static str, String)> {
    let token = page.split("name=\"csrf_token\"").nth(1).and_then(|rest| rest.split("value=\"").nth(1));
    let token = token.and_then(|rest| rest.split('"').next()).expect("a page with a form").to_owned();
    let mut filled = vec![("csrf_token", token), ("answer", "accept".to_owned())];
    for (name, value) in [("login", "ada"), ("password", "correct-horse-battery")] {
        if page.contains(&format!("name=\"{name}\"")) {
            filled.push((name, value.to_owned()));
        }
    }
    filled
}

fn refresh_token(account: &Account) -> String {
    account.grant.refresh.as_ref().unwrap().expose_secret().to_owned()
}

/// S2: at a provider that others wrote, which requires it.
#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_worth_nothing_without_its_own_verifier() {
    let real = Real::start(true).await;
    let (mut mine, others) = (real.visit().await, real.visit().await);
    mine.code = others.code;
    assert_eq!(real.come_back(mine).await.unwrap_err().status, 400);
    let back = real.visit().await;
    assert!(back.iss.is_some(), "it says who it is");
    let account = real.come_back(back).await.unwrap();
    assert!(real.works(&real.kept(&account).await).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_tokens_rotate_fifty_at_once_use_each_of_them_once() {
    let real = Real::start(true).await;
    let account = real.come_back(real.visit().await).await.unwrap();
    let mut seen = vec![refresh_token(&real.kept(&account).await)];
    for _ in 0..3 {
        let kept = real.fifty(&account).await;
        assert!(real.works(&kept).await, "a token used twice would have ended the grant");
        assert!(!seen.contains(&refresh_token(&kept)));
        seen.push(refresh_token(&kept));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_tokens_do_not_rotate_the_same_one_goes_on() {
    let real = Real::start(false).await;
    let account = real.come_back(real.visit().await).await.unwrap();
    let first = refresh_token(&real.kept(&account).await);
    for _ in 0..2 {
        let kept = real.fifty(&account).await;
        assert!(real.works(&kept).await && refresh_token(&kept) == first);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_token_that_comes_again_ends_the_grant_and_the_person_is_asked_once() {
    let real = Real::start(true).await;
    let account = real.come_back(real.visit().await).await.unwrap();
    let old = real.expire(&account).await;
    let new = real.one.tokens.fresh(&account).await.unwrap();
    assert!(real.works(&new).await);
    // As from a backup: what was replaced is there again.
    assert!(matches!(real.one.vault.save(&new, &old.grant).await.unwrap(), Saved::Mine(_)));
    for _ in 0..3 {
        assert!(matches!(real.other.tokens.fresh(&account).await.unwrap_err(), TokenError::Reconnect));
    }
    assert!(!real.works(&new).await, "the whole family is gone");
    assert!(matches!(real.kept(&account).await.linked.status, AccountStatus::ReconnectNeeded { .. }));
    // Mended, it is the same account.
    assert_eq!(real.come_back(real.visit().await).await.unwrap(), account);
    assert!(real.works(&real.fifty(&account).await).await);
    assert_eq!(real.kept(&account).await.linked.status, AccountStatus::Active);
}

/// At Canaille, which rotates as well, and takes an old token for a mistake and no more.
#[tokio::test(flavor = "multi_thread")]
async fn at_canaille_each_token_is_used_once_and_an_old_one_is_a_lost_grant_and_no_loop() {
    let real = Real::canaille().await;
    let account = real.come_back(real.visit().await).await.unwrap();
    assert!(real.works(&real.kept(&account).await).await);
    let mut seen = vec![refresh_token(&real.kept(&account).await)];
    for _ in 0..2 {
        let kept = real.fifty(&account).await;
        assert!(real.works(&kept).await);
        assert!(!seen.contains(&refresh_token(&kept)));
        seen.push(refresh_token(&kept));
    }
    let old = real.expire(&account).await;
    let new = real.one.tokens.fresh(&account).await.unwrap();
    assert!(matches!(real.one.vault.save(&new, &old.grant).await.unwrap(), Saved::Mine(_)));
    for _ in 0..3 {
        assert!(matches!(real.other.tokens.fresh(&account).await.unwrap_err(), TokenError::Reconnect));
    }
    assert!(real.works(&new).await, "what the old token was replaced by lives on");
    assert_eq!(real.come_back(real.visit().await).await.unwrap(), account);
    assert!(real.works(&real.fifty(&account).await).await);
}
