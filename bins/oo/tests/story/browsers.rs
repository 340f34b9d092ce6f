//! The page in real browsers: what a person sees and does, and what the browser's own rules say to it.

use crate::place::{self, Place};
use anyhow::Context as _;
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use oo::browser::Browser;
use oo_contracts::entry::Body;
use oo_contracts::signal::{Answer, Fact};
use oo_runtime::engines::free_port;
use oo_testkit::eventually;
use reqwest::Method;
use serde_json::{Value, json};
use std::cell::Cell;
use std::path::Path;
use std::process::Stdio;
use std::sync::LazyLock;
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};
use url::Url;

/// How long a browser may take to show a push that it was handed.
const DELIVER_AGAIN: Duration = Duration::from_secs(8);

/// The rules of accessibility, as a script.
static AXE: LazyLock<String> = LazyLock::new(|| {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = here.ancestors().nth(2).unwrap_or(here).join(".oo/node/node_modules/axe-core/axe.min.js");
    std::fs::read_to_string(&file).expect("axe-core is not there: `cargo xtask setup` installs it")
});

/// Headless Chromium, and the driver that ends with it.
pub(crate) struct Chromium {
    pub(crate) client: Client,
    driver: Child,
    _profile: tempfile::TempDir,
}

impl Chromium {
    pub(crate) async fn start(width: u32, height: u32) -> anyhow::Result<Self> {
        let port = free_port()?;
        let profile = tempfile::tempdir()?;
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("chromedriver does not run: `cargo xtask setup` installs it")?;
        let arguments = [
            "--headless".to_owned(),
            "--no-sandbox".into(),
            "--disable-gpu".into(),
            "--disable-quic".into(),
            "--no-first-run".into(),
            "--disable-background-networking".into(),
            "--disable-component-update".into(),
            "--disable-sync".into(),
            format!("--window-size={width},{height}"),
            format!("--user-data-dir={}", profile.path().display()),
        ];
        let mut capabilities = Capabilities::new();
        capabilities.insert("goog:chromeOptions".into(), json!({ "args": arguments }));
        capabilities.insert("goog:loggingPrefs".into(), json!({ "browser": "ALL", "performance": "ALL" }));
        let driver_url = format!("http://127.0.0.1:{port}");
        let client = eventually("chromium starts", || async {
            ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
                .capabilities(capabilities.clone())
                .connect(&driver_url)
                .await
                .ok()
        })
        .await;
        Ok(Self { client, driver, _profile: profile })
    }

    /// Waits until the page says that it is in a state.
    pub(crate) async fn is(&self, state: &str) {
        eventually(&format!("the page is {state}"), || async {
            let now = self.client.execute("return document.body.dataset.state", vec![]).await.ok()?;
            if now != state {
                self.picture(&format!("not-{state}")).await.ok()?;
            }
            (now == state).then_some(())
        })
        .await;
    }

    pub(crate) async fn click(&self, css: &str) -> anyhow::Result<()> {
        // The page may be drawn anew between the look and the click.
        let clicked = async || {
            let element = self.client.wait().for_element(Locator::Css(css)).await?;
            element.click().await
        };
        match clicked().await {
            Err(error) if error.is_stale_element_reference() => Ok(clicked().await?),
            other => Ok(other?),
        }
    }

    /// Writes into a field of a form, in the place of what is there.
    pub(crate) async fn fill(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let field = self.client.wait().for_element(Locator::Css(&format!("#fields [name={name}]"))).await?;
        field.clear().await?;
        Ok(field.send_keys(text).await?)
    }

    /// What the console holds against the page: errors, and breaches of its own content security policy.
    pub(crate) async fn complaints(&self) -> anyhow::Result<Vec<String>> {
        let entries = self.client.issue_cmd(Log("browser")).await?;
        let said = entries.as_array().into_iter().flatten().filter(|entry| entry["level"] == "SEVERE");
        // Before the sign-in a 401 is the right answer, and Chromium tells of it.
        let said =
            said.filter(|entry| !entry["message"].as_str().is_some_and(|text| text.contains("401 (Unauthorized)")));
        Ok(said.map(|entry| entry["message"].to_string()).collect())
    }

    /// What has been asked for since it was asked last, and the bytes that came; what only installs the page, icons and
    /// manifest, is left out.
    pub(crate) async fn asked_for(&self) -> anyhow::Result<(Vec<String>, u64)> {
        let entries = self.client.issue_cmd(Log("performance")).await?;
        let (mut urls, mut bytes, mut left_out) = (Vec::new(), 0, Vec::new());
        for entry in entries.as_array().into_iter().flatten() {
            let said: Value = serde_json::from_str(entry["message"].as_str().unwrap_or_default())?;
            let about = &said["message"]["params"];
            match said["message"]["method"].as_str() {
                Some("Network.requestWillBeSent") => {
                    let url = Url::parse(about["request"]["url"].as_str().unwrap_or_default())?;
                    let installs = url.path().starts_with("/icons/") || url.path().ends_with(".webmanifest");
                    // The browser has pages of its own.
                    match url.scheme() {
                        "http" | "https" if !installs => urls.push(url.to_string()),
                        _ => left_out.push(about["requestId"].clone()),
                    }
                }
                // Heads are counted as well.
                Some("Network.loadingFinished") if !left_out.contains(&about["requestId"]) => {
                    bytes += about["encodedDataLength"].as_u64().unwrap_or_default();
                }
                _ => {}
            }
        }
        Ok((urls, bytes))
    }

    /// Has every screen written down from now on, through reloads and visits elsewhere.
    pub(crate) async fn remember_screens(&self) -> anyhow::Result<()> {
        let script = "addEventListener('DOMContentLoaded', () => {
            const note = () => {
                const { state } = document.body.dataset;
                const seen = JSON.parse(localStorage.screens ?? '[]');
                if (state && state !== 'opening' && seen.at(-1) !== state) localStorage.screens = JSON.stringify([...seen, state]);
            };
            new MutationObserver(note).observe(document.body, { attributes: true, attributeFilter: ['data-state'] });
        })";
        self.cdp("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script })).await?;
        Ok(())
    }

    /// The screens that were shown, each once for as long as it stood.
    pub(crate) async fn screens(&self) -> anyhow::Result<Vec<String>> {
        let seen = self.client.execute("return JSON.parse(localStorage.screens)", vec![]).await?;
        Ok(serde_json::from_value(seen)?)
    }

    /// Keeps a picture where a person can look at it.
    pub(crate) async fn picture(&self, name: &str) -> anyhow::Result<()> {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures");
        std::fs::create_dir_all(&dir)?;
        Ok(std::fs::write(dir.join(format!("{name}.png")), self.client.screenshot().await?)?)
    }

    /// Holds what is on the screen against the rules of accessibility, as on a phone and as on a desk.
    pub(crate) async fn is_accessible(&self, name: &str) -> anyhow::Result<()> {
        for (width, height) in [(390, 844), (1280, 800)] {
            let screen = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < height });
            self.cdp("Emulation.setDeviceMetricsOverride", screen).await?;
            // What fades in has no contrast yet.
            let still = "const done = arguments[0]; Promise.allSettled(document.getAnimations().map(it => it.finished)).then(() => done())";
            self.client.execute_async(still, vec![]).await?;
            // The driver's scripts stand outside the page's content security policy, which is as strict as ever.
            self.client.execute(&AXE, vec![]).await?;
            let run = "const done = arguments[0];
                const tell = all => all.map(one => [one.id, one.help, one.nodes.map(node => `${node.html}: ${node.failureSummary}`)]);
                const told = it => ({ kept: it.passes.length, broken: tell(it.violations), undecided: tell(it.incomplete) });
                axe.run().then(it => done(told(it)), error => done(String(error)))";
            let found = self.client.execute_async(run, vec![]).await?;
            assert!(found["kept"].as_u64() > Some(0), "nothing was looked at: {found}");
            assert_eq!((&found["broken"], &found["undecided"]), (&json!([]), &json!([])), "{name}, {width} wide");
        }
        Ok(())
    }

    /// The same browser, as far as cookies go, for requests by hand.
    pub(crate) async fn browser(&self, place: &Place) -> anyhow::Result<Browser> {
        let mut browser = Browser::new(place.page.clone())?;
        let kept = self.cdp("Network.getCookies", json!({ "urls": [place.page.as_str()] })).await?;
        for cookie in kept["cookies"].as_array().into_iter().flatten() {
            let part = |name: &str| cookie[name].as_str().unwrap_or_default().to_owned();
            browser.cookies.insert(part("name"), part("value"));
        }
        Ok(browser)
    }

    pub(crate) async fn cdp(&self, command: &str, parameters: Value) -> anyhow::Result<Value> {
        Ok(self.client.issue_cmd(Cdp(command.to_owned(), parameters)).await?)
    }
}

impl Drop for Chromium {
    /// A test that fails closes nothing, and a killed driver leaves its browser behind.
    fn drop(&mut self) {
        if let Some(pid) = self.driver.id() {
            let _ = std::process::Command::new("pkill").args(["-KILL", "--parent", &pid.to_string()]).status();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_links_and_answers_in_chromium() -> anyhow::Result<()> {
    let place = Place::new().await;
    let task =
        place.sandbox.todoist().add_task("Call the dentist back", json!({ "priority": 4, "due_date": "2026-11-18" }));
    let oo = place.start().await;
    let chromium = Chromium::start(390, 844).await?;
    chromium.remember_screens().await?;

    chromium.client.goto(place.page.as_str()).await?;
    chromium.is("signed-out").await;
    chromium.picture("signed-out").await?;
    let began = Instant::now();
    chromium.client.goto(&format!("{}#owner={}", place.page, oo.owner_token)).await?;
    // A fragment alone loads nothing anew: the page hears of it.
    chromium.is("link").await;
    chromium.picture("link").await?;
    let address = chromium.client.current_url().await?;
    assert!(!address.as_str().contains(&oo.owner_token), "the one-time token is gone from the address bar");

    chromium.click("[data-provider=todoist]").await?;
    chromium.is("tip").await;
    assert!(began.elapsed() < FIRST_TIP, "{:?}", began.elapsed());
    // From nothing: what to link, that oO looks, and the tip. Nothing else is asked before that.
    let screens = chromium.screens().await?;
    assert!(
        matches!(&screens[..], [first, link, between @ .., tip]
            if first == "signed-out" && link == "link" && tip == "tip" && between.iter().all(|one| one == "idle")),
        "{screens:?}"
    );
    assert!(screens.len() - 1 <= SCREENS, "{screens:?}");
    let text = chromium.client.find(Locator::Css("#tip")).await?.text().await?;
    assert_eq!(text, "Call the dentist back");
    chromium.picture("tip").await?;
    chromium.click("[data-action=done]").await?;
    chromium.is("answered").await;
    chromium.picture("answered").await?;
    eventually("the task is completed at the provider", || async { place.is_done(&task).then_some(()) }).await;
    // After the first tip, and only then, the page asks whether it may reach the person.
    chromium.is("permission").await;
    chromium.picture("permission").await?;
    assert_eq!(chromium.complaints().await?, Vec::<String>::new());
    chromium.client.clone().close().await?;
    assert!(oo.stop().await.success());
    Ok(())
}

/// From the sign-in link to the first tip, or to being told that nothing is needed.
const FIRST_TIP: Duration = Duration::from_secs(60);
/// The most screens on that way.
const SCREENS: usize = 3;
/// Requests of a first visit, those to the API included.
const REQUESTS: usize = 6;
/// What a first visit loads: 30 KB over the wire, without icons.
const BYTES: u64 = 30 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_first_visit_asks_little_and_nobody_else() -> anyhow::Result<()> {
    let place = Place::new().await;
    place.sandbox.todoist().add_task("Call the dentist back", json!({ "priority": 4, "due_date": "2026-11-18" }));
    let oo = place.start().await;
    let mut browser = place.sign_in(&oo).await?;
    place::link(&mut browser, "todoist").await?;
    place::tip(&browser).await;

    for (state, signed_in) in [("signed-out", false), ("tip", true)] {
        let chromium = Chromium::start(390, 844).await?;
        for (name, value) in browser.cookies.iter().filter(|(_, value)| signed_in && !value.is_empty()) {
            let cookie = json!({ "name": name, "value": value, "url": place.page.as_str() });
            chromium.cdp("Network.setCookie", cookie).await?;
        }
        chromium.client.goto("about:blank").await?;
        chromium.asked_for().await?;
        chromium.client.goto(place.page.as_str()).await?;
        chromium.is(state).await;
        // Once the worker is there, the page has said and asked all that it had to.
        let worker = "const done = arguments[0]; navigator.serviceWorker.ready.then(() => done())";
        chromium.client.execute_async(worker, vec![]).await?;
        let (asked, bytes) = chromium.asked_for().await?;
        assert!(asked.iter().all(|url| url.starts_with(place.page.as_str())), "{asked:?}");
        assert!((3..=REQUESTS).contains(&asked.len()), "{state}: {} requests: {asked:#?}", asked.len());
        assert!((1_000..=BYTES).contains(&bytes), "{state}: {bytes} bytes");
        chromium.client.clone().close().await?;
    }
    assert!(oo.stop().await.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reason_is_corrected_listed_under_you_and_taken_back_in_chromium() -> anyhow::Result<()> {
    let place = Place::new().await;
    place.sandbox.todoist().add_task("Sort the letters", json!({ "priority": 4, "due_date": "2026-11-18" }));
    let oo = place.start().await;
    let chromium = Chromium::start(390, 844).await?;
    chromium.client.goto(&format!("{}#owner={}", place.page, oo.owner_token)).await?;
    chromium.is("link").await;
    chromium.click("[data-provider=todoist]").await?;
    chromium.is("tip").await;

    chromium.click("#why > summary").await?;
    chromium.click("[data-action=doubt][data-about=importance]").await?;
    chromium.click("[data-action=unused]").await?;
    chromium.client.wait().for_element(Locator::Css("[data-action=take-back]")).await?;
    let facts = chromium.client.find(Locator::Css("#facts")).await?.text().await?;
    assert!(!facts.contains("Marked important") && facts.contains("left out"), "{facts}");

    chromium.click("#mark").await?;
    chromium.is("you").await;
    let rows = async || Ok::<_, anyhow::Error>(chromium.client.find(Locator::Css("#rows")).await?.text().await?);
    chromium.client.wait().for_element(Locator::Css("[data-action=use-again]")).await?;
    assert!(rows().await?.contains("That it is important"));
    chromium.is_accessible("you, with a correction").await?;
    chromium.click("[data-action=use-again]").await?;
    eventually("the correction is taken back", || async {
        (!rows().await.ok()?.contains("That it is important")).then_some(())
    })
    .await;

    chromium.click("[data-action=habit-form]").await?;
    chromium.client.find(Locator::Css("input[name=habit]")).await?.send_keys("stretch every weekday morning").await?;
    chromium.click("[data-action=habit-save]").await?;
    chromium.client.wait().for_element(Locator::Css("[data-action=habit-done]")).await?;
    chromium.click("[data-action=habit-done]").await?;
    eventually("the habit is done today", || async { rows().await.ok()?.contains("done today").then_some(()) }).await;
    chromium.click("[data-action=mood][data-about='4']").await?;
    chromium.client.wait().for_element(Locator::Css("[data-action=mood][aria-pressed=true]")).await?;
    chromium.click("[data-action=quiet-today]").await?;
    chromium.client.wait().for_element(Locator::Css("[data-action=loud-today]")).await?;
    chromium.click("[data-action=back]").await?;
    // The tip that was there goes with the wish for quiet.
    chromium.is("idle").await;
    let text = chromium.client.find(Locator::Css("#tip")).await?.text().await?;
    assert_eq!(text, "Silent today. You chose that.");
    assert_eq!(chromium.complaints().await?, Vec::<String>::new());
    chromium.client.clone().close().await?;
    assert!(oo.stop().await.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_elsewhere_clears_the_page_and_the_shell_opens_without_the_server() -> anyhow::Result<()> {
    let place = Place::new().await;
    place.sandbox.todoist().add_task("Write to Ada", json!({ "due_date": "2026-11-18" }));
    let oo = place.start().await;
    let mut browser = place.sign_in(&oo).await?;
    place::link(&mut browser, "todoist").await?;
    let card = place::tip(&browser).await;

    let chromium = Chromium::start(1280, 800).await?;
    for (name, value) in browser.cookies.iter().filter(|(_, value)| !value.is_empty()) {
        chromium.cdp("Network.setCookie", json!({ "name": name, "value": value, "url": place.page.as_str() })).await?;
    }
    chromium.client.goto(place.page.as_str()).await?;
    chromium.is("tip").await;
    chromium.picture("tip-desktop").await?;

    // Answered on another device: gone here within the live stream's reach.
    place::answer(&mut browser, &card, Answer::NotNow { until: None }).await?;
    eventually("the page lets go of the tip", || async {
        let now = chromium.client.execute("return document.body.dataset.state", vec![]).await.ok()?;
        (now != "tip").then_some(())
    })
    .await;

    // The shell opens without the server.
    eventually("the service worker has the shell", || async {
        let ready = chromium
            .client
            .execute("return !!(navigator.serviceWorker && navigator.serviceWorker.controller)", vec![])
            .await
            .ok()?;
        if ready != true {
            chromium.client.refresh().await.ok()?;
        }
        (ready == true).then_some(())
    })
    .await;
    chromium.cdp("Network.enable", json!({})).await?;
    assert!(oo.stop().await.success());
    chromium.client.refresh().await?;
    chromium.is("error").await;
    chromium.picture("resting").await?;
    chromium.client.clone().close().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_is_shown_by_the_service_worker_and_done_answers_it() -> anyhow::Result<()> {
    let place = Place::new().await;
    place.sandbox.todoist().add_task("Water the plants", json!({ "due_date": "2026-11-18" }));
    let oo = place.start().await;
    let mut browser = place.sign_in(&oo).await?;
    let subscription = place::subscribe(&mut browser, &place.sandbox).await?;
    place::link(&mut browser, "todoist").await?;
    let card = place::tip(&browser).await;
    let push =
        eventually("the push", || async { place.sandbox.push().received(&subscription).into_iter().next() }).await;

    let chromium = Chromium::start(390, 844).await?;
    for (name, value) in browser.cookies.iter().filter(|(_, value)| !value.is_empty()) {
        chromium.cdp("Network.setCookie", json!({ "name": name, "value": value, "url": place.page.as_str() })).await?;
    }
    let origin = place.page.origin().ascii_serialization();
    chromium.cdp("Browser.grantPermissions", json!({ "origin": origin, "permissions": ["notifications"] })).await?;
    chromium.client.goto(place.page.as_str()).await?;
    eventually("the service worker is ready", || async {
        let ready =
            "const done = arguments[0]; navigator.serviceWorker.getRegistration().then(r => done(!!(r && r.active)))";
        (chromium.client.execute_async(ready, vec![]).await.ok()? == true).then_some(())
    })
    .await;
    chromium.cdp("ServiceWorker.enable", json!({})).await?;
    // What the push service decrypted is what the browser would have: handed to the page's own service worker.
    let data = String::from_utf8(push.plaintext)?;
    let message = json!({ "origin": format!("{origin}/"), "registrationId": "0", "data": data });
    // A browser that is busy may drop one without a word: then it is delivered again, under the same tag.
    let delivered = Cell::new(None::<Instant>);
    let shown = eventually("the notification is shown", || async {
        if delivered.get().is_none_or(|at| at.elapsed() > DELIVER_AGAIN) {
            delivered.set(Some(Instant::now()));
            chromium.cdp("ServiceWorker.deliverPushMessage", message.clone()).await.ok()?;
        }
        let list = "const done = arguments[0]; navigator.serviceWorker.ready.then(r => r.getNotifications()).then(ns => done(ns.map(n => ({ tag: n.tag, body: n.body, actions: n.actions.map(a => a.action) }))))";
        let shown = chromium.client.execute_async(list, vec![]).await.ok()?;
        shown.as_array().filter(|shown| !shown.is_empty()).cloned()
    })
    .await;
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0]["tag"], card.id.as_str());
    assert!(shown[0]["body"].as_str().is_some_and(|body| body.contains("Water the plants")), "{shown:?}");
    assert_eq!(shown[0]["actions"], json!(["done", "later"]));
    chromium.client.clone().close().await?;
    let inside = place.inside().await;
    let answered = inside
        .log()
        .await
        .iter()
        .any(|n| matches!(&n.entry.body, Body::Signal { signal } if matches!(signal.fact, Fact::Feedback { .. })));
    assert!(!answered, "showing a notification is no answer");
    assert!(oo.stop().await.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_screen_keeps_the_rules_of_accessibility_on_a_phone_and_on_a_desk() -> anyhow::Result<()> {
    let place = Place::new().await;
    place.sandbox.todoist().add_task("Sort the letters", json!({ "priority": 4, "due_date": "2026-11-18" }));
    let oo = place.start().await;
    let chromium = Chromium::start(1280, 800).await?;

    chromium.client.goto(place.page.as_str()).await?;
    chromium.is("signed-out").await;
    chromium.is_accessible("signed-out").await?;
    chromium.client.goto(&format!("{}#owner={}", place.page, oo.owner_token)).await?;
    chromium.is("link").await;
    chromium.is_accessible("link").await?;
    chromium.click("[data-provider=todoist]").await?;
    chromium.is("tip").await;
    chromium.is_accessible("tip").await?;
    chromium.click("#why > summary").await?;
    chromium.is_accessible("tip, with its reasons").await?;
    chromium.click("#mark").await?;
    chromium.is("you").await;
    chromium.is_accessible("you").await?;
    chromium.click("[data-action=back]").await?;
    chromium.is("tip").await;
    chromium.click("[data-action=done]").await?;
    chromium.is("answered").await;
    chromium.is_accessible("answered").await?;
    chromium.is("permission").await;
    chromium.is_accessible("permission").await?;
    chromium.click("[data-action=refuse]").await?;
    chromium.is("idle").await;
    chromium.is_accessible("idle").await?;
    assert!(oo.stop().await.success());
    chromium.is("error").await;
    chromium.is_accessible("error").await?;
    chromium.client.clone().close().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_takes_everything_along_and_erases_it_in_chromium() -> anyhow::Result<()> {
    let place = Place::new().await;
    place.sandbox.todoist().add_task("Call the dentist back", json!({ "due_date": "2026-11-18" }));
    let oo = place.start().await;
    let chromium = Chromium::start(390, 844).await?;
    let files = tempfile::tempdir()?;
    let allow = json!({ "behavior": "allow", "downloadPath": files.path().display().to_string() });
    chromium.cdp("Browser.setDownloadBehavior", allow).await?;
    chromium.client.goto(&format!("{}#owner={}", place.page, oo.owner_token)).await?;
    chromium.is("link").await;
    chromium.click("[data-provider=todoist]").await?;
    chromium.is("tip").await;

    chromium.click("#mark").await?;
    chromium.is("you").await;
    chromium.click("[data-action=export]").await?;
    let file = files.path().join("oo-export.json");
    let text = eventually("the file is there", || async { std::fs::read_to_string(&file).ok() }).await;
    let export: oo_contracts::rights::Export = serde_json::from_str(&text)?;
    assert!(!export.entries.is_empty() && export.person.accounts.len() == 1);
    assert!(!text.contains("dentist"), "a provider's words are not in it");

    chromium.click("[data-action=erase]").await?;
    chromium.client.wait().for_element(Locator::Css("[data-action=erase-sure]")).await?;
    chromium.is_accessible("erase").await?;
    chromium.picture("erase").await?;
    chromium.click("[data-action=erase-sure]").await?;
    chromium.is("erased").await;
    chromium.is_accessible("erased").await?;
    chromium.picture("erased").await?;
    let foot = chromium.client.find(Locator::Css("#foot")).await?.text().await?;
    assert!(foot.contains("receipt"), "{foot}");
    chromium.click("[data-action=begin-anew]").await?;
    chromium.is("signed-out").await;
    assert_eq!(chromium.complaints().await?, Vec::<String>::new());
    chromium.client.clone().close().await?;
    assert!(oo.stop().await.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_signs_in_without_a_link_and_a_removed_one_does_not() -> anyhow::Result<()> {
    let place = Place::new().await;
    let oo = place.start().await;
    let chromium = Chromium::start(390, 844).await?;
    chromium.cdp("WebAuthn.enable", json!({})).await?;
    let authenticator = json!({
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": true, "hasUserVerification": true,
        "isUserVerified": true, "automaticPresenceSimulation": true,
    });
    chromium.cdp("WebAuthn.addVirtualAuthenticator", json!({ "options": authenticator })).await?;
    chromium.client.goto(&format!("{}#owner={}", place.page, oo.owner_token)).await?;
    chromium.is("link").await;

    let mut before = chromium.browser(&place).await?;
    place::state(&mut before).await?;
    chromium.click("#mark").await?;
    chromium.click("[data-action=passkey-add]").await?;
    chromium.client.wait().for_element(Locator::Css("[data-action=passkey-remove]")).await?;
    chromium.picture("you").await?;
    // Who may come in has changed: whoever had copied the session before is out, and the person noticed nothing.
    let copied = before.request(Method::GET, "api/v1/state", None).await?;
    assert_eq!(copied.status(), 401);
    let mut after = chromium.browser(&place).await?;
    place::state(&mut after).await?;
    chromium.click("[data-action=sign-out]").await?;
    chromium.is("signed-out").await;
    chromium.picture("signed-out").await?;
    chromium.click("[data-action=passkey]").await?;
    chromium.is("link").await;

    chromium.click("#mark").await?;
    chromium.click("[data-action=passkey-remove]").await?;
    eventually("the passkey is gone", || async {
        let left = chromium.client.find_all(Locator::Css("[data-action=passkey-remove]")).await.ok()?;
        left.is_empty().then_some(())
    })
    .await;
    let removed = chromium.browser(&place).await?;
    assert_ne!(removed.cookies, after.cookies);
    chromium.click("[data-action=sign-out]").await?;
    chromium.is("signed-out").await;
    chromium.click("[data-action=passkey]").await?;
    eventually("the page says that it did not work", || async {
        let note = chromium.client.find(Locator::Css("#note")).await.ok()?.text().await.ok()?;
        note.contains("did not sign you in").then_some(())
    })
    .await;
    chromium.is("signed-out").await;
    chromium.client.clone().close().await?;
    assert!(oo.stop().await.success());
    Ok(())
}

/// One of the browser's logs, by Chromium's own command: what came since it was read last.
#[derive(Debug)]
struct Log(&'static str);

impl WebDriverCompatibleCommand for Log {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, url::ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({ "type": self.0 }).to_string()))
    }
}

/// A command of Chromium's debugging protocol.
#[derive(Debug)]
struct Cdp(String, Value);

impl WebDriverCompatibleCommand for Cdp {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({ "cmd": self.0, "params": self.1 }).to_string()))
    }
}
