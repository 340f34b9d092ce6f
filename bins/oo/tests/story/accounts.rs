//! Accounts on the page, in a real browser: a server of one's own is linked, a broken link says why and is mended, a link is
//! ended.

use crate::browsers::Chromium;
use crate::place::{self, Place};
use fantoccini::Locator;
use oo_contracts::entry::Body;
use oo_contracts::signal::{Answer, Fact};
use oo_contracts::wire::{AccountStatus, Broken};
use oo_runtime::engines::free_port;
use oo_testkit::eventually;
use serde_json::json;
use std::path::Path;
use std::process::Stdio;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

const PASSWORD: &str = "MARKER-app-specific-1";

/// Radicale with one person, one task list and one task.
struct Radicale {
    url: String,
    _child: Child,
    _dir: tempfile::TempDir,
}

impl Radicale {
    async fn start() -> anyhow::Result<Self> {
        let (dir, port) = (tempfile::tempdir()?, free_port()?);
        let at = |name: &str| dir.path().join(name).display().to_string();
        std::fs::write(at("users"), format!("ada:{PASSWORD}\n"))?;
        let config = format!(
            "[server]\nhosts = 127.0.0.1:{port}\n[auth]\ntype = htpasswd\nhtpasswd_filename = {}\n\
             htpasswd_encryption = plain\ndelay = 0\n[storage]\nfilesystem_folder = {}\n",
            at("users"),
            at("data")
        );
        std::fs::write(at("config"), config)?;
        let bin = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.oo/python/bin/radicale");
        assert!(bin.exists(), "radicale is missing: `cargo xtask setup` installs it");
        let child = Command::new(bin)
            .args(["--config", &at("config")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        eventually("radicale", || async { TcpStream::connect(("127.0.0.1", port)).await.ok() }).await;
        let radicale = Self { url: format!("http://127.0.0.1:{port}/"), _child: child, _dir: dir };
        let list = "<C:mkcalendar xmlns=\"DAV:\" xmlns:C=\"urn:ietf:params:xml:ns:caldav\"><set><prop>\
             <C:supported-calendar-component-set><C:comp name=\"VTODO\"/></C:supported-calendar-component-set></prop></set></C:mkcalendar>";
        radicale.send("MKCALENDAR", "ada/tasks/", "application/xml", list).await?;
        let task = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VTODO\r\nUID:one\r\nDTSTAMP:20261117T080000Z\r\n\
             SUMMARY:Repair the bicycle\r\nDUE;VALUE=DATE:20261118\r\nPRIORITY:1\r\nEND:VTODO\r\nEND:VCALENDAR\r\n";
        radicale.send("PUT", "ada/tasks/one.ics", "text/calendar", task).await?;
        Ok(radicale)
    }

    async fn send(&self, method: &str, path: &str, kind: &str, body: &str) -> anyhow::Result<()> {
        let request = oo_testkit::http().request(method.parse()?, format!("{}{path}", self.url));
        let request = request.basic_auth("ada", Some(PASSWORD)).header("content-type", kind);
        let answer = request.body(body.to_owned()).send().await?;
        anyhow::ensure!(answer.status().is_success(), "{method} {path}: {}", answer.status());
        Ok(())
    }
}

async fn note(chromium: &Chromium) -> Option<String> {
    chromium.client.find(Locator::Css("#note")).await.ok()?.text().await.ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_ones_own_is_linked_by_an_app_specific_password() -> anyhow::Result<()> {
    let radicale = Radicale::start().await?;
    let place = Place::new().await;
    let oo = place.start_with(&[("OO_INTEGRATIONS__OWN_SERVERS", "true")]).await;
    let chromium = Chromium::start(390, 844).await?;
    chromium.client.goto(&format!("{}#owner={}", place.page, oo.owner_token)).await?;
    chromium.is("link").await;

    // A Nextcloud is asked for by its address alone; Escape leads back.
    chromium.click("[data-provider=nextcloud]").await?;
    chromium.is("server").await;
    chromium.is_accessible("server, delegated").await?;
    assert_eq!(chromium.client.find_all(Locator::Css("#fields input")).await?.len(), 1);
    chromium.click("[data-action=server-back]").await?;
    chromium.is("link").await;

    chromium.click("[data-provider=caldav]").await?;
    chromium.is("server").await;
    chromium.is_accessible("server, by app-specific password").await?;
    chromium.picture("server").await?;
    assert!(note(&chromium).await.is_some_and(|note| note.contains("Never enter your main password")));
    // Nothing is sent before all is filled in.
    chromium.click("[data-action=server-link]").await?;
    chromium.is("server").await;

    chromium.fill("address", &radicale.url).await?;
    chromium.fill("user", "ada").await?;
    chromium.fill("app_password", "a guess").await?;
    chromium.click("[data-action=server-link]").await?;
    eventually("the refusal is told", || async { note(&chromium).await?.contains("does not let oO in").then_some(()) })
        .await;
    chromium.is_accessible("server, refused").await?;
    // What was filled in is still there; the right password, by the Enter key, links it.
    chromium.fill("app_password", &format!("{PASSWORD}\u{e007}")).await?;
    chromium.is("tip").await;
    let text = chromium.client.find(Locator::Css("#tip")).await?.text().await?;
    assert_eq!(text, "Repair the bicycle");
    let kept =
        "return JSON.stringify([localStorage, sessionStorage, document.cookie, document.documentElement.outerHTML])";
    let kept = chromium.client.execute(kept, vec![]).await?.to_string();
    assert!(!kept.contains(PASSWORD), "the password stays on the page");
    chromium.client.clone().close().await?;
    assert!(oo.stop().await.success());
    assert!(place.files_with(PASSWORD).is_empty(), "the password rests readable");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_link_says_why_is_mended_with_all_it_had_and_is_ended_for_good() -> anyhow::Result<()> {
    let place = Place::new().await;
    let task = place.sandbox.todoist().add_task("Call the dentist", json!({ "due_date": "2026-11-18" }));
    let oo = place.start_with(&[("OO_INTEGRATIONS__POLL_SECONDS", "2")]).await;
    let chromium = Chromium::start(390, 844).await?;
    chromium.client.goto(&format!("{}#owner={}", place.page, oo.owner_token)).await?;
    chromium.is("link").await;
    chromium.click("[data-provider=todoist]").await?;
    chromium.is("tip").await;

    // Done is done at the provider, and Undo opens it again there.
    let mut browser = chromium.browser(&place).await?;
    let card = place::tip(&browser).await;
    chromium.click("[data-action=done]").await?;
    eventually("the task is completed at the provider", || async { place.is_done(&task).then_some(()) }).await;
    // Not by the button, which stays for eight seconds only, however slow the machine is.
    place::answer(&mut browser, &card, Answer::Undo).await?;
    eventually("and opened again", || async { (!place.is_done(&task)).then_some(()) }).await;
    let before = place::state(&mut browser).await?.accounts.remove(0);
    assert_eq!(before.status, AccountStatus::Active);
    // Nothing is left to speak of, so that the page has room for what comes.
    assert!(place.sandbox.todoist().complete(&task));
    chromium.client.refresh().await?;
    eventually("no tip is left", || async {
        let now = chromium.client.execute("return document.body.dataset.state", vec![]).await.ok()?;
        (now != "tip" && now != "opening").then_some(())
    })
    .await;

    // The person takes the permission back at the provider: the page says so by itself, once it is noticed.
    place.sandbox.todoist().revoke_all();
    place.sandbox.todoist().add_task("Buy bread", json!({}));
    // The page is asked, not the server: whoever asks that as often as a test would is told to come back later.
    chromium.is("reconnect").await;
    let status = place::state(&mut browser).await?.accounts.remove(0).status;
    let AccountStatus::ReconnectNeeded { why, .. } = status else { panic!("{status:?}") };
    assert_eq!(why, Some(Broken::Withdrawn));
    let said = note(&chromium).await.unwrap_or_default();
    assert!(said.contains("the permission was taken back there"), "{said}");
    chromium.is_accessible("reconnect").await?;
    chromium.picture("reconnect").await?;

    // One click mends it: the same account, and nothing that is known is told again.
    chromium.click("[data-action=link]").await?;
    eventually("the page has nothing to mend", || async {
        let now = chromium.client.execute("return document.body.dataset.state", vec![]).await.ok()?;
        now.as_str().is_some_and(|now| now != "reconnect" && now != "opening").then_some(())
    })
    .await;
    let after = place::state(&mut browser).await?.accounts.remove(0);
    assert_eq!(after.status, AccountStatus::Active);
    assert_eq!((after.id, after.name), (before.id, before.name));
    let inside = place.inside().await;
    let told = || async {
        let log = inside.log().await;
        let added = log.iter().filter_map(|numbered| match &numbered.entry.body {
            Body::Signal { signal } => match &signal.fact {
                Fact::TaskAdded { task } => Some(task.reference.item.as_str().to_owned()),
                _ => None,
            },
            _ => None,
        });
        added.collect::<Vec<_>>()
    };
    let bread = place.sandbox.todoist().add_task("Buy butter", json!({}));
    eventually("what is new comes", || async { told().await.contains(&bread).then_some(()) }).await;
    let all = told().await;
    assert!(all.iter().filter(|item| **item == task).count() <= 2, "added, and once more after Undo: {all:?}");

    // Ended, by two clicks: gone on the page, and at the provider.
    chromium.click("#mark").await?;
    chromium.is("you").await;
    chromium.click("[data-action=unlink]").await?;
    chromium.client.wait().for_element(Locator::Css("[data-action=unlink-sure]")).await?;
    chromium.is_accessible("unlink, asked once more").await?;
    chromium.click("[data-action=unlink-sure]").await?;
    chromium.client.wait().for_element(Locator::Css("#rows [data-provider=todoist]")).await?;
    chromium.picture("unlinked").await?;
    eventually("the provider was told", || async { (!place.sandbox.todoist().is_linked()).then_some(()) }).await;
    assert!(place::state(&mut browser).await?.accounts.is_empty());
    chromium.client.clone().close().await?;
    assert!(oo.stop().await.success());
    Ok(())
}
