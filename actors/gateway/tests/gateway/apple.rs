//! Signing in at Apple, whole: out by the page, back by a form that another site's page makes the browser post. The issuer is
//! npm's oidc-provider, held to Apple's ways.

use crate::place::{ORIGIN_HTTPS, Place, problem};
use oo_runtime::engines::free_port;
use oo_testkit::{eventually, http};
use p256::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _, LineEnding};
use reqwest::header::{COOKIE, HOST, ORIGIN, SET_COOKIE};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU8, Ordering};
use tokio::process::{Child, Command};
use url::Url;

const CALLBACK: &str = "/auth/apple/callback";

/// Apple's stand-in with the gateway that knows it.
struct Apple {
    place: Place,
    address: String,
    visitors: AtomicU8,
    _process: Child,
    _keys: tempfile::TempDir,
}

/// A sign-in that went to the issuer, and what its form holds.
struct Posted {
    cookie: String,
    form: Vec<(String, String)>,
}

impl Apple {
    async fn start() -> Self {
        let keys = tempfile::tempdir().unwrap();
        let (private, public) = (keys.path().join("apple.p8"), keys.path().join("apple.pem"));
        let signer = p256::SecretKey::from_slice(&oo_runtime::random::bytes::<32>()).unwrap();
        std::fs::write(&private, signer.to_pkcs8_pem(LineEnding::LF).unwrap().as_bytes()).unwrap();
        std::fs::write(&public, signer.public_key().to_public_key_pem(LineEnding::LF).unwrap()).unwrap();
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let port = free_port().unwrap().to_string();
        let address = format!("http://127.0.0.1:{port}");
        let process = Command::new("node")
            .arg(here.join("tests/gateway/apple.mjs"))
            .args([&port, &format!("{ORIGIN_HTTPS}{CALLBACK}")])
            .arg(&public)
            .env("OO_NODE_MODULES", here.join("../../.oo/node/node_modules"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("node runs: `cargo xtask setup` installs it");
        let description = format!("{address}/.well-known/openid-configuration");
        eventually("the issuer describes itself", || async { http().get(&description).send().await.ok() }).await;
        let settings = [
            ("OO_GATEWAY__PROXIES", "1"),
            ("OO_AUTH__SIGN_UP", "open"),
            ("OO_AUTH__APPLE_ISSUER", &address),
            ("OO_AUTH__APPLE_CLIENT_ID", "org.example.oo"),
            ("OO_AUTH__APPLE_TEAM_ID", "TEAM123456"),
            ("OO_AUTH__APPLE_KEY_ID", "KEY1234567"),
            ("OO_AUTH__APPLE_KEY_FILE", private.to_str().unwrap()),
        ];
        let place = Place::at_with(ORIGIN_HTTPS, settings).await;
        Self { place, address, visitors: AtomicU8::new(1), _process: process, _keys: keys }
    }

    /// Begins on the page, and goes to the issuer as a browser does.
    async fn visit(&self, person: &str) -> Posted {
        // Whatever a request says of where it came to (S14).
        let request = self.place.page(Method::POST, "/api/v1/session/oidc/apple").header(HOST, "evil.example");
        let request = request.header("x-forwarded-host", "evil.example").header("x-forwarded-proto", "http");
        let started = request.header("x-forwarded-for", self.somebody()).send().await.unwrap();
        assert_eq!(started.status(), 200);
        let set = started.headers()[SET_COOKIE].to_str().unwrap().to_owned();
        // The one cookie that crosses sites, and it holds a transaction only.
        assert!(set.starts_with("__Host-oo_in="), "{set}");
        for attribute in ["Secure", "HttpOnly", "SameSite=None", "Path=/", "Max-Age=600"] {
            assert!(set.split("; ").any(|part| part == attribute), "{attribute} in {set}");
        }
        let to: Value = started.json().await.unwrap();
        let mut url = Url::parse(to["authorize"].as_str().unwrap()).unwrap();
        let asked = |name: &str| url.query_pairs().find(|pair| pair.0 == name).map(|pair| pair.1.into_owned());
        assert_eq!(asked("response_mode").as_deref(), Some("form_post"));
        assert_eq!(asked("redirect_uri"), Some(format!("{ORIGIN_HTTPS}{CALLBACK}")));
        assert_eq!(asked("scope").as_deref(), Some("openid name"));
        assert!(asked("nonce").is_some() && asked("code_challenge_method").as_deref() == Some("S256"));
        url.query_pairs_mut().append_pair("login_hint", person);
        let mut cookies: Vec<String> = Vec::new();
        for _ in 0..10 {
            let answer = http().get(url.clone()).header(COOKIE, cookies.join("; ")).send().await.unwrap();
            for cookie in answer.headers().get_all(SET_COOKIE) {
                cookies.push(cookie.to_str().unwrap().split(';').next().unwrap().to_owned());
            }
            match answer.headers().get("location") {
                Some(to) => url = url.join(to.to_str().unwrap()).unwrap(),
                None => {
                    let form = fields(&answer.text().await.unwrap());
                    return Posted { cookie: set.split(';').next().unwrap().to_owned(), form };
                }
            }
        }
        panic!("the issuer sends its visitor round in circles")
    }

    /// What the browser does with the issuer's form: a POST from another site, with the cookies that cross sites.
    async fn post(&self, cookie: &str, form: &[(String, String)]) -> Response {
        let request = self.place.bare(Method::POST, CALLBACK).header(ORIGIN, &self.address);
        let request = request.header("x-forwarded-for", self.somebody());
        request.header("sec-fetch-site", "cross-site").header(COOKIE, cookie).form(form).send().await.unwrap()
    }

    /// Another address each time: how often one may come is another test's.
    fn somebody(&self) -> String {
        format!("192.0.2.{}", self.visitors.fetch_add(1, Ordering::Relaxed))
    }

    async fn secrets(&self) -> Vec<Value> {
        http().get(format!("{}/secrets", self.address)).send().await.unwrap().json().await.unwrap()
    }

    /// What the person sees of themselves.
    async fn doors(&self, session: &str) -> Value {
        let answer = self.place.signed_in(session, Method::GET, "/api/v1/doors").send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.json().await.unwrap()
    }
}

/// The hidden fields of a form.
fn fields(page: &str) -> Vec<(String, String)> {
    let inputs = page.split("<input type=\"hidden\" name=\"").skip(1);
    let field = |input: &str| {
        let (name, rest) = input.split_once("\" value=\"")?;
        Some((name.to_owned(), rest.split_once('"')?.0.replace("&amp;", "&")))
    };
    inputs.filter_map(field).collect()
}

/// The session that an answer begins.
fn session(answer: &Response) -> Option<String> {
    let set = answer.headers().get_all(SET_COOKIE).iter().filter_map(|set| set.to_str().ok());
    set.filter(|set| set.starts_with("__Host-oo=")).map(|set| set.split(';').next().unwrap().to_owned()).next()
}

fn with(form: &[(String, String)], name: &str, value: &str) -> Vec<(String, String)> {
    let kept = form.iter().filter(|(known, _)| known != name).cloned();
    kept.chain([(name.to_owned(), value.to_owned())]).collect()
}

fn called(first: &str) -> String {
    json!({ "name": { "firstName": first, "lastName": "Lovelace" }, "email": "victim@example.org" }).to_string()
}

#[tokio::test]
async fn s33_a_posted_answer_signs_in_with_a_fresh_secret_and_a_name_at_first_consent_only() {
    let apple = Apple::start().await;
    let back = apple.visit("ada").await;
    let landed = apple.post(&back.cookie, &with(&back.form, "user", &called("Ada"))).await;
    assert_eq!((landed.status().as_u16(), landed.headers()["location"].to_str().unwrap()), (303, "/"));
    assert_eq!(landed.headers()["cache-control"], "no-store");
    let cookies: Vec<&str> = landed.headers().get_all(SET_COOKIE).iter().map(|set| set.to_str().unwrap()).collect();
    let begun = cookies.iter().find(|set| set.starts_with("__Host-oo=")).unwrap();
    assert!(begun.contains("SameSite=Lax") && begun.contains("Secure") && begun.contains("HttpOnly"), "{begun}");
    assert!(cookies.iter().any(|set| set.starts_with("__Host-oo_in=;")), "the transaction is taken back: {cookies:?}");
    let doors = apple.doors(&session(&landed).unwrap()).await;
    assert_eq!((&doors["name"], &doors["issuers"]), (&json!("Ada Lovelace"), &json!(["apple"])));

    // Whoever can post a form later cannot give another name, nor become who its address names.
    let back = apple.visit("ada").await;
    let again = apple.post(&back.cookie, &with(&back.form, "user", &called("Mallory"))).await;
    let again = apple.doors(&session(&again).unwrap()).await;
    assert_eq!(again["name"], "Ada Lovelace");
    assert_eq!(again["sessions"].as_array().unwrap().len(), 2, "the same person, signed in twice: {again}");
    // Of each exchange a secret of its own: two of one second are alike, those of different seconds are not.
    assert_eq!(apple.secrets().await.len(), 2);
    eventually("a secret of another second", || async {
        let back = apple.visit("ada").await;
        apple.post(&back.cookie, &back.form).await;
        let secrets = apple.secrets().await;
        (secrets.last()?["secret"] != secrets[0]["secret"]).then_some(())
    })
    .await;
}

#[tokio::test]
async fn s33_s1_only_the_browser_that_began_may_post_and_only_once_and_only_a_form() {
    let apple = Apple::start().await;
    let back = apple.visit("ada").await;
    // No cookie, another's cookie, no state, another's state: nobody is signed in, and no code is exchanged.
    let other = apple.visit("ada").await;
    let state = |posted: &Posted| posted.form.iter().find(|(name, _)| name == "state").unwrap().1.clone();
    let fresh = apple.visit("ada").await;
    let forged = [
        apple.post("", &back.form).await,
        apple.post("__Host-oo_in=", &back.form).await,
        apple.post(&back.cookie, &with(&back.form, "state", "guess")).await,
        apple.post(&other.cookie, &back.form).await,
        apple.post(&fresh.cookie, &with(&fresh.form, "state", &state(&other))).await,
    ];
    for answer in forged {
        assert!(session(&answer).is_none());
        assert_eq!(problem(answer).await.status, 400);
    }
    assert_eq!(apple.secrets().await, Vec::<Value>::new(), "nothing was exchanged");

    // Nothing but a form, and each of its fields once.
    let back = apple.visit("ada").await;
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&back.form).finish();
    let json: serde_json::Map<String, Value> =
        back.form.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    for (kind, body) in [
        ("application/json", Value::Object(json).to_string()),
        ("text/plain", body.clone()),
        ("multipart/form-data; boundary=x", body.clone()),
        ("", body.clone()),
    ] {
        let request = apple.place.bare(Method::POST, CALLBACK).header(COOKIE, &back.cookie);
        let request = request.header("content-type", kind).header("x-forwarded-for", apple.somebody());
        assert_eq!(problem(request.body(body).send().await.unwrap()).await.status, 415, "{kind}");
    }
    let twice = [back.form.clone(), vec![("code".into(), "another".into())]].concat();
    assert_eq!(problem(apple.post(&back.cookie, &twice).await).await.status, 400);
    // All that used nothing up; the real answer does.
    assert!(session(&apple.post(&back.cookie, &back.form).await).is_some());
    assert_eq!(problem(apple.post(&back.cookie, &back.form).await).await.status, 400);
}

/// S13: there is no parameter that says where a sign-in lands, by whatever name and value.
#[tokio::test]
async fn s13_s14_a_sign_in_lands_on_our_own_page_whatever_is_asked_for() {
    let apple = Apple::start().await;
    let evil = [
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "%2f%2fevil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "/\tevil",
        "/%0d%0aLocation:%20https://evil.example",
        "/\r\nLocation: https://evil.example",
        "https:evil.example",
        "///evil.example",
        "/.evil.example",
        "@evil.example",
        "/%5cevil.example",
        "http://localhost@evil.example",
        "\u{2028}//evil.example",
        "?next=//evil.example",
        " //evil.example",
        "/auth/apple/callback",
    ];
    let names = ["next", "redirect", "redirect_uri", "return_to", "returnTo", "RelayState", "continue", "url"];
    for (n, evil) in evil.into_iter().enumerate() {
        let back = apple.visit("ada").await;
        let landed = apple.post(&back.cookie, &with(&back.form, names[n % names.len()], evil)).await;
        assert_eq!((landed.status().as_u16(), landed.headers()["location"].to_str().unwrap()), (303, "/"), "{evil}");
    }
}

#[tokio::test]
async fn s33_s28_who_says_no_at_apple_lands_on_the_page_and_nothing_that_was_posted_is_shown() {
    let apple = Apple::start().await;
    let back = apple.visit("deny").await;
    let said = with(&back.form, "error_description", "<img src=x onerror=alert(1)>");
    let landed = apple.post(&back.cookie, &said).await;
    assert!(session(&landed).is_none());
    assert_eq!((landed.status().as_u16(), landed.headers()["location"].to_str().unwrap()), (303, "/?sign_in=refused"));
    assert!(!landed.text().await.unwrap().contains("onerror"));
}
