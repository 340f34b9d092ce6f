//! Sign-in at a real OpenID Connect issuer: npm's oidc-provider.

use crate::{Scene, status};
use oo_contracts::UserId;
use oo_contracts::http::Problem;
use oo_contracts::session::{Issuer, OidcCallback, OidcStart, OidcStarted};
use oo_contracts::wire::Session;
use oo_runtime::engines::free_port;
use oo_subjects::{AskError, OIDC_CALLBACK, OIDC_START};
use oo_testkit::{eventually, http};
use std::path::Path;
use std::process::Stdio;
use tokio::process::{Child, Command};
use url::Url;

const PAGE: &str = "http://localhost:8088";

/// The issuer, which ends with the test.
pub(crate) struct Peer {
    pub(crate) address: String,
    _process: Child,
}

impl Peer {
    async fn start() -> Self {
        Self::run("peer.mjs").await
    }

    /// One of the issuers beside this file.
    pub(crate) async fn run(script: &str) -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let modules = here.ancestors().nth(2).unwrap().join(".oo/node/node_modules");
        let address = format!("http://127.0.0.1:{}", free_port().unwrap());
        let process = Command::new("node")
            .arg(here.join("tests/auth").join(script))
            .arg(address.rsplit(':').next().unwrap())
            .arg(format!("{PAGE}/auth/oidc/callback"))
            .env("OO_NODE_MODULES", modules)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("node runs: `cargo xtask setup` installs it");
        let description = format!("{address}/.well-known/openid-configuration");
        eventually("the issuer describes itself", || async { http().get(&description).send().await.ok() }).await;
        Self { address, _process: process }
    }

    pub(crate) async fn scene(&self, sign_up: &str) -> Scene {
        self.scene_at(&self.address, sign_up).await
    }

    /// With the issuer by another of its addresses.
    pub(crate) async fn scene_at(&self, address: &str, sign_up: &str) -> Scene {
        Scene::with(&[
            ("OO_AUTH__SIGN_UP", sign_up),
            ("OO_AUTH__OIDC_ISSUER", address),
            ("OO_AUTH__OIDC_CLIENT_ID", "oo"),
            ("OO_AUTH__OIDC_CLIENT_SECRET", "oo-secret-oo-secret-oo-secret-oo"),
        ])
        .await
    }
}

pub(crate) async fn start(scene: &Scene, user: Option<&UserId>) -> OidcStarted {
    scene.ctx.bus.ask(OIDC_START, &OidcStart { issuer: Issuer::Oidc, user: user.cloned() }).await.unwrap()
}

/// Goes to the issuer as a browser does, and gives what it sends back.
async fn visit(started: &OidcStarted, person: &str) -> OidcCallback {
    let mut url = Url::parse(&started.authorize).unwrap();
    url.query_pairs_mut().append_pair("login_hint", person);
    let mut cookies: Vec<String> = Vec::new();
    for _ in 0..10 {
        if url.as_str().starts_with(PAGE) {
            break;
        }
        let answer = http().get(url.clone()).header("cookie", cookies.join("; ")).send().await.unwrap();
        for cookie in answer.headers().get_all("set-cookie") {
            cookies.push(cookie.to_str().unwrap().split(';').next().unwrap().to_owned());
        }
        let to = answer.headers().get("location").unwrap_or_else(|| panic!("{url} sends nobody on")).to_str().unwrap();
        url = url.join(to).unwrap();
    }
    let get = |name: &str| url.query_pairs().find(|pair| pair.0 == name).map(|pair| pair.1.into_owned());
    OidcCallback {
        issuer: Issuer::Oidc,
        transaction: started.transaction.clone(),
        state: get("state").unwrap(),
        code: get("code"),
        error: get("error"),
        iss: get("iss"),
        device: "Firefox on Linux".parse().unwrap(),
        name: None,
    }
}

pub(crate) async fn come_back(scene: &Scene, back: &OidcCallback) -> Result<Session, AskError> {
    scene.ctx.bus.ask(OIDC_CALLBACK, back).await
}

async fn sign_in(scene: &Scene, person: &str) -> Result<Session, AskError> {
    let started = start(scene, None).await;
    come_back(scene, &visit(&started, person).await).await
}

pub(crate) fn told(result: Result<Session, AskError>) -> Problem {
    match result.map(|session| session.user) {
        Err(AskError::Problem(problem)) => problem,
        other => panic!("no problem: {other:?}"),
    }
}

#[tokio::test]
async fn the_same_person_is_the_same_again_and_another_is_another() {
    let peer = Peer::start().await;
    let scene = peer.scene("open").await;
    let alice = sign_in(&scene, "alice").await.unwrap_or_else(|error| panic!("{error}"));
    let again = sign_in(&scene, "alice").await.unwrap_or_else(|error| panic!("{error}"));
    let bob = sign_in(&scene, "bob").await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(alice.user, again.user);
    assert_ne!(alice.user, bob.user);
    assert_ne!(alice.secret, again.secret);
    assert_eq!(scene.check(&alice.secret).await.unwrap().user, alice.user);
}

#[tokio::test]
async fn who_is_not_known_stays_outside_unless_it_is_open_or_somebody_inside_adds_them() {
    let peer = Peer::start().await;
    let scene = peer.scene("closed").await;
    assert_eq!(told(sign_in(&scene, "alice").await).status, 403);
    let owner = scene.sign_in(&scene.token).await.unwrap_or_else(|error| panic!("{error}"));
    let adding = start(&scene, Some(&owner.user)).await;
    let added = come_back(&scene, &visit(&adding, "alice").await).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(added.user, owner.user);
    let alone = sign_in(&scene, "alice").await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(alone.user, owner.user);
    // Whose identity it is stays so.
    let somebody: UserId = "somebody".parse().unwrap();
    let taking = start(&scene, Some(&somebody)).await;
    assert_eq!(told(come_back(&scene, &visit(&taking, "alice").await).await).status, 409);
}

#[tokio::test]
async fn s1_s8_a_state_opens_once_in_its_own_browser_only() {
    let peer = Peer::start().await;
    let scene = peer.scene("open").await;
    let back = visit(&start(&scene, None).await, "alice").await;
    // The attacker's code in the victim's browser: the cookie is another.
    let other = start(&scene, None).await;
    let injected = OidcCallback { transaction: other.transaction, ..back.clone() };
    assert_eq!(told(come_back(&scene, &injected).await).status, 400);
    // And that used it up.
    assert_eq!(told(come_back(&scene, &back).await).status, 400);
    let guessed = OidcCallback { state: "0".repeat(64), ..back };
    assert_eq!(told(come_back(&scene, &guessed).await).status, 400);
}

#[tokio::test]
async fn s4_another_issuers_answer_is_not_taken() {
    let peer = Peer::start().await;
    let scene = peer.scene("open").await;
    for iss in [Some("https://evil.example".to_owned()), None] {
        let back = visit(&start(&scene, None).await, "alice").await;
        assert!(back.iss.is_some(), "this issuer names itself");
        assert_eq!(told(come_back(&scene, &OidcCallback { iss, ..back }).await).status, 400);
    }
    let back = visit(&start(&scene, None).await, "alice").await;
    let elsewhere = OidcCallback { issuer: Issuer::Google, ..back };
    assert_eq!(told(come_back(&scene, &elsewhere).await).status, 404);
}

#[tokio::test]
async fn who_says_no_at_the_issuer_is_told_so() {
    let peer = Peer::start().await;
    let scene = peer.scene("open").await;
    let back = visit(&start(&scene, None).await, "deny").await;
    assert_eq!(back.error.as_deref(), Some("access_denied"));
    assert_eq!(told(come_back(&scene, &back).await).status, 403);
}

#[tokio::test]
async fn an_issuer_that_is_away_is_told_and_nothing_is_begun() {
    let gone = format!("http://127.0.0.1:{}", free_port().unwrap());
    let scene = Scene::with(&[("OO_AUTH__OIDC_ISSUER", &gone), ("OO_AUTH__OIDC_CLIENT_ID", "oo")]).await;
    let start = OidcStart { issuer: Issuer::Oidc, user: None };
    assert_eq!(status(scene.ctx.bus.ask(OIDC_START, &start).await.map(|_: OidcStarted| ())), 503);
}
