//! Sign-in at another real OpenID Connect issuer, in another language and with a login page of its own: PyPI's Canaille.

use crate::oidc::{come_back, start};
use crate::{Scene, status};
use oo_contracts::session::{Issuer, OidcCallback, OidcStarted};
use oo_runtime::engines::free_port;
use oo_testkit::http;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};
use url::Url;

const PAGE: &str = "http://localhost:8088";
/// It makes its database first, which takes seconds, and more where the machine is busy.
const STARTS_WITHIN: Duration = Duration::from_secs(90);

/// The issuer, which ends with the test.
struct Canaille {
    address: String,
    _process: Child,
    _folder: tempfile::TempDir,
}

impl Canaille {
    async fn start() -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = here.join("../../.oo/python/bin/python");
        assert!(python.exists(), "Canaille is missing: `cargo xtask setup` installs it");
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port().unwrap().to_string());
        let process = Command::new(python)
            .arg(here.join("tests/auth/canaille_peer.py"))
            .args([&port, &format!("{PAGE}/auth/oidc/callback")])
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let address = format!("http://127.0.0.1:{port}");
        let description = format!("{address}/.well-known/openid-configuration");
        let asks = async {
            while http().get(&description).send().await.is_err() {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        tokio::time::timeout(STARTS_WITHIN, asks).await.expect("Canaille describes itself in time");
        Self { address, _process: process, _folder: folder }
    }
}

/// Fills in Canaille's own pages, as a person with a browser does, and gives what it sends back.
async fn visit(started: &OidcStarted, password: &str) -> Option<OidcCallback> {
    let mut url = Url::parse(&started.authorize).unwrap();
    let mut form: Option<Vec<(&str, String)>> = None;
    let mut cookies = std::collections::BTreeMap::new();
    for _ in 0..12 {
        if url.as_str().starts_with(PAGE) {
            let get = |name: &str| url.query_pairs().find(|pair| pair.0 == name).map(|pair| pair.1.into_owned());
            return Some(OidcCallback {
                issuer: Issuer::Oidc,
                transaction: started.transaction.clone(),
                state: get("state").unwrap(),
                code: get("code"),
                error: get("error"),
                iss: get("iss"),
                device: "Firefox on Linux".parse().unwrap(),
                name: None,
            });
        }
        let known: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = match form.take() {
            Some(form) => http().post(url.clone()).form(&form),
            None => http().get(url.clone()),
        };
        let answer = request.header("cookie", known.join("; ")).send().await.unwrap();
        for cookie in answer.headers().get_all("set-cookie") {
            let (name, value) = cookie.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            cookies.insert(name.to_owned(), value.to_owned());
        }
        if let Some(to) = answer.headers().get("location") {
            url = url.join(to.to_str().unwrap()).unwrap();
            continue;
        }
        let page = answer.text().await.unwrap();
        let token = page.split("name=\"csrf_token\"").nth(1)?.split("value=\"").nth(1)?.split('"').next()?.to_owned();
        let mut filled = vec![("csrf_token", token), ("answer", "accept".to_owned())];
        if page.contains("name=\"login\"") {
            filled.push(("login", "ada".to_owned()));
        }
        if page.contains("name=\"password\"") {
            filled.push(("password", password.to_owned()));
        }
        form = Some(filled);
    }
    None
}

#[tokio::test]
async fn whoever_signs_in_on_canailles_own_page_is_somebody_here_and_the_same_again() {
    let canaille = Canaille::start().await;
    let scene = Scene::with(&[
        ("OO_AUTH__SIGN_UP", "open"),
        ("OO_AUTH__OIDC_ISSUER", &canaille.address),
        ("OO_AUTH__OIDC_CLIENT_ID", "oo"),
        ("OO_AUTH__OIDC_CLIENT_SECRET", "oo-secret-oo-secret-oo-secret-oo"),
    ])
    .await;
    // It offers `none` among its algorithms; what it signs with is a key that it publishes.
    let started = start(&scene, None).await;
    let back = visit(&started, "correct-horse-battery").await.expect("Canaille sends its visitor back");
    assert_eq!(back.iss.as_deref(), Some(canaille.address.as_str()), "it names itself");
    let ada = come_back(&scene, &back).await.unwrap_or_else(|error| panic!("{error}"));
    // Its answer is good once.
    assert_eq!(status(come_back(&scene, &back).await.map(|_| ())), 400);
    let back = visit(&start(&scene, None).await, "correct-horse-battery").await.unwrap();
    let again = come_back(&scene, &back).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((&again.user, again.secret == ada.secret), (&ada.user, false));
    assert!(visit(&start(&scene, None).await, "a guess").await.is_none(), "a wrong password leads nowhere");
}
