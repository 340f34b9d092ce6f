//! Web push for real: Firefox subscribes with its own keys at a push service of ours, the notifier encrypts for it, and
//! what comes out is a notification whose button and body are clicked.
//!
//! Firefox is driven by WebDriver BiDi over its own websocket; no driver stands between.

use crate::place::{Inside, Oo, Place};
use crate::push_server::PushServer;
use anyhow::{Context as _, bail, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use oo_contracts::entry::Body;
use oo_contracts::signal::{Answer, Delivery, Fact};
use oo_testkit::eventually;
use serde_json::{Value, json};
use std::process::Stdio;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use url::Url;

/// The window in which Firefox shows a notification where it may not ask the desktop to.
const ALERT: &str = "chrome://global/content/alerts/alert.xhtml";
const WORDS: &str = "Call the dentist back";

/// Headless Firefox with one tab.
struct Firefox {
    socket: Mutex<(WebSocketStream<TcpStream>, u64)>,
    tab: String,
    child: Child,
    _profile: tempfile::TempDir,
}

impl Firefox {
    /// Starts it with this push service.
    async fn start(push: &Url) -> anyhow::Result<Self> {
        let profile = tempfile::tempdir()?;
        let preferences = [
            ("dom.push.enabled", json!(true)),
            ("dom.push.connection.enabled", json!(true)),
            ("dom.push.serverURL", json!(push)),
            ("dom.push.testing.allowInsecureServerURL", json!(true)),
            // What a person would answer to the browser's own question, after the page's.
            ("permissions.default.desktop-notification", json!(1)),
            // A machine for tests has no desktop that could show notifications.
            ("alerts.useSystemBackend", json!(false)),
        ];
        let lines = preferences.map(|(name, value)| format!("user_pref({}, {value});\n", json!(name)));
        std::fs::write(profile.path().join("user.js"), lines.concat())?;
        let said = profile.path().join("stderr");
        let child = Command::new("firefox-esr")
            .args(["--headless", "--no-remote", "--remote-debugging-port=0"])
            // The notification is a window of the browser, not of the page.
            .arg("--remote-allow-system-access")
            .arg("--profile")
            .arg(profile.path())
            .arg("about:blank")
            .env("HOME", profile.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&said)?)
            .kill_on_drop(true)
            .spawn()
            .context("firefox-esr does not run: `cargo xtask setup` installs it")?;
        let address: Url = eventually("firefox says where it listens", || async {
            let said = std::fs::read_to_string(&said).ok()?;
            let (_, rest) = said.split_once("WebDriver BiDi listening on ")?;
            let (address, _) = rest.split_once('\n')?;
            format!("{}/session", address.trim()).parse().ok()
        })
        .await;
        let stream = TcpStream::connect(address.socket_addrs(|| None)?.as_slice()).await?;
        let (socket, _) = tokio_tungstenite::client_async(address.as_str(), stream).await?;
        let mut firefox = Self { socket: Mutex::new((socket, 0)), tab: String::new(), child, _profile: profile };
        firefox.send("session.new", json!({ "capabilities": {} })).await?;
        firefox.tab = firefox.tabs().await?.first().context("firefox has no tab")?.0.clone();
        Ok(firefox)
    }

    /// One command, and its answer. Nothing is subscribed to, so nothing else comes between.
    async fn send(&self, method: &str, params: Value) -> anyhow::Result<Value> {
        let (socket, id) = &mut *self.socket.lock().await;
        *id += 1;
        socket.send(Message::text(json!({ "id": id, "method": method, "params": params }).to_string())).await?;
        loop {
            let Message::Text(text) = socket.next().await.context("firefox hung up")?? else { continue };
            let mut answer: Value = serde_json::from_str(&text)?;
            if answer["id"] == *id {
                ensure!(answer["type"] == "success", "{method}: {answer}");
                return Ok(answer["result"].take());
            }
        }
    }

    /// The tabs, with their addresses.
    async fn tabs(&self) -> anyhow::Result<Vec<(String, String)>> {
        Ok(contexts(&self.send("browsingContext.getTree", json!({})).await?))
    }

    /// The windows that show a notification.
    async fn alerts(&self) -> anyhow::Result<Vec<String>> {
        let windows = contexts(&self.send("browsingContext.getTree", json!({ "moz:scope": "chrome" })).await?);
        Ok(windows.into_iter().filter(|(_, address)| address == ALERT).map(|(window, _)| window).collect())
    }

    async fn goto(&self, address: &str) -> anyhow::Result<()> {
        let to = json!({ "context": self.tab, "url": address, "wait": "complete" });
        self.send("browsingContext.navigate", to).await.map(|_| ())
    }

    /// What an expression is in a tab or window.
    async fn evaluate_in(&self, context: &str, expression: &str) -> anyhow::Result<Value> {
        let script = json!({
            "expression": format!("Promise.resolve({expression}).then(it => JSON.stringify(it ?? null))"),
            "target": { "context": context }, "awaitPromise": true,
        });
        let ended = self.send("script.evaluate", script).await?;
        match ended["result"]["value"].as_str() {
            Some(text) => Ok(serde_json::from_str(text)?),
            None => bail!("{expression}: {ended}"),
        }
    }

    async fn evaluate(&self, expression: &str) -> anyhow::Result<Value> {
        self.evaluate_in(&self.tab, expression).await
    }

    /// Waits until the page says that it is in a state.
    async fn is(&self, state: &str) {
        eventually(&format!("the page is {state}"), || async {
            (self.evaluate("document.body.dataset.state").await.ok()? == state).then_some(())
        })
        .await;
    }

    /// Whether the page leaves a state within a few seconds.
    async fn leaves(&self, state: &str) -> bool {
        for _ in 0..50 {
            if self.evaluate("document.body.dataset.state").await.is_ok_and(|now| now != state) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        false
    }

    /// Clicks as a hand does: only such a click may ask for notifications.
    async fn click(&self, css: &str) {
        eventually(&format!("{css} can be clicked"), || async { self.click_now(css).await.ok() }).await;
    }

    async fn click_now(&self, css: &str) -> anyhow::Result<()> {
        let locator = json!({ "type": "css", "value": css });
        let found =
            self.send("browsingContext.locateNodes", json!({ "context": self.tab, "locator": locator })).await?;
        let id = found["nodes"][0]["sharedId"].as_str().context("it is not there")?;
        self.evaluate(&format!("document.querySelector({}).scrollIntoView()", json!(css))).await?;
        let middle = json!({ "type": "element", "element": { "sharedId": id } });
        let hand = json!([
            { "type": "pointerMove", "x": 0, "y": 0, "origin": middle },
            { "type": "pointerDown", "button": 0 },
            { "type": "pointerUp", "button": 0 },
        ]);
        let actions = json!([{ "type": "pointer", "id": "hand", "actions": hand }]);
        self.send("input.performActions", json!({ "context": self.tab, "actions": actions })).await.map(|_| ())
    }

    /// The notifications that the page's service worker shows.
    async fn notifications(&self) -> anyhow::Result<Vec<Value>> {
        let list = "navigator.serviceWorker.ready.then(it => it.getNotifications()).then(all => all.map(\
            ({ title, body, tag, data, lang, actions }) => ({ title, body, tag, data, lang, actions })))";
        let shown = self.evaluate(list).await?;
        Ok(shown.as_array().context("a list")?.clone())
    }

    /// The one notification, and the window that shows it.
    async fn notification(&self) -> (Value, String) {
        eventually("the notification is shown", || async {
            let (shown, alerts) = (self.notifications().await.ok()?, self.alerts().await.ok()?);
            assert!(shown.len() < 2 && alerts.len() < 2, "one tip, one notification: {shown:?}");
            Some((shown.into_iter().next()?, alerts.into_iter().next()?))
        })
        .await
    }

    /// Ends the browser and all its processes.
    async fn close(mut self) -> anyhow::Result<()> {
        self.send("browser.close", json!({})).await?;
        self.child.wait().await?;
        Ok(())
    }
}

/// A page that is signed in and subscribed, with a tip that was pushed to it.
struct Scene {
    place: Place,
    oo: Oo,
    push: PushServer,
    firefox: Firefox,
    inside: Inside,
    task: String,
    tip: String,
}

impl Scene {
    /// Everything by hand on the page: sign-in, permission, link.
    async fn new() -> anyhow::Result<Self> {
        let place = Place::new().await;
        let task = place.sandbox.todoist().add_task(WORDS, json!({ "priority": 4, "due_date": "2026-11-18" }));
        let oo = place.start().await;
        let push = PushServer::start().await?;
        let firefox = Firefox::start(&push.socket).await?;

        firefox.goto(&format!("{}#owner={}", place.page, oo.owner_token)).await?;
        firefox.is("link").await;
        firefox.click("#mark").await;
        firefox.is("you").await;
        firefox.click("#rows [data-action=allow]").await;
        if !firefox.leaves("you").await {
            // A click that fell between two pictures; a second one must be heard. A slow one may have gone on meanwhile.
            let _gone_on = firefox.click_now("#rows [data-action=allow]").await;
            assert!(firefox.leaves("you").await, "two clicks on \"Allow notifications\" did nothing");
        }
        eventually("the server knows the browser", || async {
            let state = firefox.evaluate("fetch('/api/v1/state').then(it => it.json())").await.ok()?;
            (state["push"]["devices"].as_array()?.len() == 1).then_some(())
        })
        .await;
        firefox.click("#answers [data-provider=todoist]").await;
        firefox.is("tip").await;
        let tip = firefox.evaluate("document.querySelector('[data-action=done]').dataset.about").await?;
        let tip = tip.as_str().context("a tip's id")?.to_owned();
        let inside = place.inside().await;
        Ok(Self { place, oo, push, firefox, inside, task, tip })
    }

    /// Whether the log holds such a fact.
    async fn is_logged(&self, wanted: impl Fn(&Fact) -> bool) -> bool {
        self.inside.log().await.iter().any(|n| matches!(&n.entry.body, Body::Signal { signal } if wanted(&signal.fact)))
    }

    async fn end(self) -> anyhow::Result<()> {
        assert_eq!(self.push.passed().len(), 1, "one tip, one push");
        self.firefox.close().await?;
        assert!(self.oo.stop().await.success());
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_travels_unread_to_firefox_and_its_done_button_answers_the_tip() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let Scene { place, push, firefox, task, tip, .. } = &scene;

    // Firefox decrypted it, and the page's own worker put it into a notification.
    let (shown, alert) = firefox.notification().await;
    let moment = firefox.evaluate("document.querySelector('#moment').textContent").await?;
    assert_eq!(shown["title"], if moment == "" { json!("oO") } else { moment });
    assert_eq!(shown["body"], WORDS);
    assert_eq!(shown["tag"], tip.as_str());
    assert_eq!((&shown["data"]["tip"], &shown["data"]["path"]), (&json!(tip), &json!("/")));
    assert_eq!(shown["lang"], "en");
    let actions = json!([{ "action": "done", "title": "Done" }, { "action": "later", "title": "Not now" }]);
    assert_eq!(shown["actions"], actions);
    let seen = firefox.evaluate_in(&alert, "document.getElementById('alertTextLabel').textContent").await?;
    assert_eq!(seen, WORDS);

    // The push service saw for whom and how long, by whom, and nothing of what.
    let passed = push.passed();
    assert_eq!(passed.len(), 1);
    let header = |name: &str| passed[0].headers[name].to_str().expect("text").to_owned();
    for words in [WORDS, tip.as_str(), "web_push", "notification"] {
        let is_in = passed[0].body.windows(words.len()).any(|window| window == words.as_bytes());
        assert!(!is_in, "the push service can read {words:?}");
    }
    assert_eq!(header("content-encoding"), "aes128gcm");
    assert_eq!((header("topic").as_str(), header("urgency").as_str()), ("tip", "high"));
    assert!((60..=3600).contains(&header("ttl").parse::<u32>()?), "{}", header("ttl"));
    let channels = push.channels();
    assert_eq!(channels.len(), 1);
    let authorization = header("authorization");
    assert!(authorization.starts_with("vapid t="));
    assert!(authorization.ends_with(&format!(", k={}", channels[0].key)), "sent with another key than subscribed with");

    // The built-in window shows no buttons: the browser is told just what a desktop would tell it.
    let press = "(() => {
        const action = { QueryInterface: ChromeUtils.generateQI(['nsIAlertAction']), action: 'done', title: 'Done' };
        gAlertListener.observe(action, 'alertclickcallback', gAlertCookie);
    })()";
    firefox.evaluate_in(&alert, press).await?;
    eventually("the task is completed at the provider", || async { place.is_done(task).then_some(()) }).await;
    let done = |fact: &Fact| matches!(fact, Fact::Feedback { tip: of, answer: Answer::Done } if of.as_str() == tip);
    assert!(scene.is_logged(done).await, "completed without an answer");
    eventually("the notification is gone", || async { firefox.notifications().await.ok()?.is_empty().then_some(()) })
        .await;
    eventually("the page lets go of the tip", || async {
        (firefox.evaluate("document.body.dataset.state").await.ok()? != "tip").then_some(())
    })
    .await;

    // What became of the push is told back, too.
    eventually("firefox says that it took the message", || async { (push.delivered() == 1).then_some(()) }).await;
    eventually("the receipt is in the log", || async {
        let receipt = |fact: &Fact| matches!(fact, Fact::Delivered { tip: of, outcome: Delivery::Accepted, .. } if of.as_str() == tip);
        scene.is_logged(receipt).await.then_some(())
    })
    .await;
    scene.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_on_the_notification_opens_the_page_and_answers_nothing() -> anyhow::Result<()> {
    let scene = Scene::new().await?;
    let Scene { place, firefox, tip, .. } = &scene;
    let (_, alert) = firefox.notification().await;
    // The page is closed, as it is when a push matters.
    firefox.goto("about:blank").await?;
    firefox.evaluate_in(&alert, "document.getElementById('alertBox').click()").await?;
    let opened = eventually("the page is opened", || async {
        let tabs = firefox.tabs().await.ok()?;
        tabs.into_iter().find(|(_, address)| address == place.page.as_str()).map(|(tab, _)| tab)
    })
    .await;
    eventually("it shows the tip", || async {
        let about = firefox.evaluate_in(&opened, "document.querySelector('[data-action=done]')?.dataset.about").await;
        (about.ok()? == tip.as_str()).then_some(())
    })
    .await;
    assert!(!scene.is_logged(|fact| matches!(fact, Fact::Feedback { .. })).await, "to look is no answer");
    scene.end().await
}

/// Ids and addresses of a tree's roots.
fn contexts(tree: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let roots = tree["contexts"].as_array().into_iter().flatten();
    roots.map(|root| (text(&root["context"]), text(&root["url"]))).collect()
}
