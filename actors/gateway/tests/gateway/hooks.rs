//! Webhooks on their way through the door: the query goes in, and what a provider wants to read back comes out as plain text.

use crate::place::{Place, problem};
use oo_contracts::Provider;
use oo_sandbox::NewAppointment;
use oo_testkit::eventually;
use reqwest::Method;
use reqwest::header::COOKIE;
use serde_json::Value;
use url::Url;

const WHERE: &str = "/webhooks/outlook_calendar";

/// Links Outlook's calendar as a browser does.
async fn link(place: &Place, session: &str) {
    let slug = Provider::OutlookCalendar.slug();
    let started = place.signed_in(session, Method::POST, &format!("/api/v1/links/{slug}")).send().await.unwrap();
    assert_eq!(started.status(), 200);
    let transaction = crate::place::cookie(&started);
    let to: Value = started.json().await.unwrap();
    let mut to = Url::parse(to["authorize"].as_str().unwrap()).unwrap();
    to.query_pairs_mut().append_pair("sandbox_auto", "1");
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let consent = browser.get(to).send().await.unwrap();
    let back = consent.headers()["location"].to_str().unwrap().to_owned();
    let back = back.strip_prefix(&place.origin).unwrap().to_owned();
    let landed =
        place.bare(Method::GET, &back).header(COOKIE, format!("{session}; {transaction}")).send().await.unwrap();
    assert_eq!(landed.status(), 303, "{:?}", landed.text().await);
}

#[tokio::test]
async fn a_subscription_shakes_hands_through_the_door_and_tells_of_changes() {
    let place = Place::new().await;
    let session = place.session().await;
    link(&place, &session).await;
    let microsoft = place.sandbox.microsoft();
    // It is made only if the door echoed its text, to the letter and as plain text.
    eventually("a subscription", || async { (microsoft.subscriptions().len() == 1).then_some(()) }).await;
    let kept = "oo:integrations:channel:*";
    eventually("it is kept", || async {
        place.house.ask_redis(&["KEYS", kept]).await?.contains("*1\r\n").then_some(())
    })
    .await;
    let now = place.house.context("test").await.clock.now();
    microsoft.add_event(NewAppointment::new("event", now, now + jiff::SignedDuration::from_hours(1)));
    let notice =
        eventually("it is told", || async { microsoft.notices().into_iter().find(|notice| notice.status.is_some()) })
            .await;
    assert_eq!(notice.status, Some(200));
}

#[tokio::test]
async fn what_is_echoed_is_plain_text_and_only_while_a_channel_is_opened() {
    let place = Place::new().await;
    let echo = async |query: &str| place.bare(Method::POST, &format!("{WHERE}?{query}")).send().await.unwrap();
    let wanted = "channel=a-channel&validationToken=%3Cscript%3Ealert(1)%3C%2Fscript%3E+%26+more";
    assert_eq!(problem(echo(wanted).await).await.status, 404, "nobody waits for it");

    place.house.ask_redis(&["SET", "oo:integrations:handshake:a-channel", "1"]).await.unwrap();
    let answer = echo(wanted).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (200, &"text/plain; charset=utf-8".parse().unwrap())
    );
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert_eq!(answer.text().await.unwrap(), "<script>alert(1)</script> & more");

    assert_eq!(problem(echo("channel=another&validationToken=x").await).await.status, 404);
    assert_eq!(problem(echo("validationToken=x").await).await.status, 400);
    let long = format!("channel=a-channel&validationToken={}", "x".repeat(3000));
    assert_eq!(problem(echo(&long).await).await.status, 400);
    let longer = format!("channel=a-channel&validationToken={}", "x".repeat(5000));
    assert_eq!(problem(echo(&longer).await).await.status, 414);
    let get = place.bare(Method::GET, &format!("{WHERE}?{wanted}")).send().await.unwrap();
    assert_eq!(problem(get).await.status, 405);
}
