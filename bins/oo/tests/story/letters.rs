//! E-mail, the whole way: an address is given and proved on the page, a tip comes there, and is answered from there.

use crate::browsers::Chromium;
use crate::place::{self, Place};
use fantoccini::Locator;
use oo_testkit::{MailServer, eventually};
use serde_json::json;

const ADDRESS: &str = "ada@lovelace.org";

async fn says(chromium: &Chromium, text: &str) {
    eventually(&format!("the page says {text:?}"), || async {
        let shown = chromium.client.find(Locator::Css("body")).await.ok()?.text().await.ok()?;
        shown.contains(text).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_proved_gets_a_tip_answers_it_and_is_left_alone_by_one_click() -> anyhow::Result<()> {
    let (mail, place) = (MailServer::start().await, Place::new().await);
    let task = place.sandbox.todoist().add_task("Call the dentist", json!({ "due_date": "2026-11-18" }));
    let settings = mail.settings();
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let oo = place.start_with(&settings).await;
    let chromium = Chromium::start(390, 844).await?;
    chromium.client.goto(&format!("{}#owner={}", place.page, oo.owner_token)).await?;
    chromium.is("link").await;

    // The address, and the code that came there.
    chromium.click("#mark").await?;
    chromium.is("you").await;
    chromium.click("[data-action=email-form]").await?;
    chromium.fill("address", ADDRESS).await?;
    chromium.is_accessible("an address is asked for").await?;
    chromium.click("[data-action=email-send]").await?;
    let code = mail.arrives_to(ADDRESS, 1).await.remove(0).code();
    chromium.fill("code", &code).await?;
    chromium.click("[data-action=email-confirm]").await?;
    chromium.is("you").await;
    says(&chromium, ADDRESS).await;
    chromium.click("[data-action=back]").await?;

    // No device is reached, so the tip comes there, with the words that the page has.
    let mut browser = chromium.browser(&place).await?;
    place::link(&mut browser, "todoist").await?;
    let letter = mail.arrives_to(ADDRESS, 2).await.remove(1);
    assert_eq!(letter.subject, "Call the dentist");
    chromium.is("tip").await;

    // To open a link does nothing; the click does, with no session at all.
    let stranger = Chromium::start(390, 844).await?;
    stranger.client.goto(letter.link("done").expect("a link")).await?;
    stranger.is("letter").await;
    stranger.is_accessible("a letter's link").await?;
    assert!(!place.is_done(&task) && place::state(&mut browser).await?.tip.is_some());
    stranger.click("[data-action=letter-say]").await?;
    chromium.is("answered").await;
    eventually("the task is done at the provider", || async { place.is_done(&task).then_some(()) }).await;
    stranger.client.goto("about:blank").await?;
    stranger.client.goto(letter.link("done").expect("a link")).await?;
    stranger.click("[data-action=letter-say]").await?;
    says(&stranger, "That was said before").await;

    // A mail program ends them by one click; whoever opens the same address is asked first.
    let click = letter.headers["list-unsubscribe"].trim_matches(['<', '>']).to_owned();
    let opened = oo_testkit::http().get(&click).send().await?;
    assert_eq!(opened.status().as_u16(), 303);
    assert!(opened.headers()["location"].to_str()?.starts_with("/#letter=stop."));
    let form = oo_testkit::http().post(&click).form(&[("List-Unsubscribe", "One-Click")]);
    assert_eq!(form.send().await?.status().as_u16(), 204);
    chromium.click("#mark").await?;
    chromium.is("you").await;
    says(&chromium, "A letter, only where no device of yours can be reached").await;

    for (browser, name) in [(&chromium, "the page"), (&stranger, "the stranger's page")] {
        // An answer that was given is gone, and Chromium tells of that.
        let said: Vec<_> =
            browser.complaints().await?.into_iter().filter(|said| !said.contains("410 (Gone)")).collect();
        assert_eq!(said, Vec::<String>::new(), "{name}");
        browser.client.clone().close().await?;
    }
    assert!(oo.stop().await.success());
    assert!(place.files_with("lovelace").is_empty(), "the address rests readable");
    Ok(())
}
