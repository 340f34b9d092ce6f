//! From a signal's publish to the push request at the push service, all services in between, one person after the other.

use crate::{row, spread};
use oo_contracts::entry::Body;
use oo_contracts::push::{Subscription, SubscriptionKeys};
use oo_contracts::signal::{Fact, Language};
use oo_contracts::wire::{LinkCallback, LinkStart, Subscribe};
use oo_contracts::{Provider, UserId};
use oo_runtime::{Clock, Context};
use oo_sandbox::{Options, Sandbox, SandboxSubscription};
use oo_subjects::{LINK_CALLBACK, LINK_START, LOOK, SUBSCRIBE};
use oo_testkit::{House, eventually, http};
use serde_json::json;
use std::time::{Duration, Instant};
use url::Url;

const PEOPLE: usize = 200;

pub(crate) async fn measure() {
    let (wall, morning) = (Clock::default().wall(), "2026-11-18T09:40:00Z".parse().unwrap());
    let clock = Clock::new(wall, morning, 1.0);
    let sandbox = oo_sandbox::start(Options {
        now: std::sync::Arc::new(move || clock.now()),
        auto_consent: true,
        sample: false,
        ..Options::default()
    })
    .await
    .unwrap();
    let mut house = House::start().await;
    let vapid = house.dir().join("vapid.pem");
    std::fs::write(&vapid, oo_notifier::new_vapid_key().unwrap()).unwrap();
    house.set([
        ("OO_CLOCK__WALL", wall.to_string()),
        ("OO_CLOCK__PERSON", morning.to_string()),
        ("OO_RECOMMENDER__POLICY", "random-todo".into()),
        ("OO_NOTIFIER__VAPID_FILE", vapid.display().to_string()),
        ("OO_NOTIFIER__VAPID_SUBJECT", "mailto:ada@lovelace.org".into()),
        ("OO_NOTIFIER__LOOPBACK", "true".into()),
        ("OO_INTEGRATIONS__PUBLIC_URL", "http://127.0.0.1:1".into()),
    ]);
    house.set(oo::house::sandbox_settings(&sandbox.url()).unwrap());
    let _services = [
        house.serve("events", oo_events::serve).await,
        house.serve("profile", oo_profile::serve).await,
        house.serve("recommender", oo_recommender::serve).await,
        house.serve("integrations", oo_integrations::serve).await,
        house.serve("notifier", oo_notifier::serve).await,
    ];
    let ctx = house.context("bench").await;
    let mut took = Vec::new();
    for n in 0..PEOPLE {
        took.push(one(&ctx, &sandbox, &format!("person{n}"), &clock).await);
    }
    // The least that the way must do: ask on NATS and be answered, as each of its steps does.
    let mut raw = Vec::new();
    for n in 0..PEOPLE {
        let look = oo_contracts::wire::Look { user: format!("person{n}").parse().unwrap() };
        let began = Instant::now();
        ctx.bus.ask(LOOK, &look).await.unwrap();
        raw.push(began.elapsed().as_secs_f64() * 1e3);
    }
    let ((ours, p50, _), (raw, raw_p50, _)) = (spread(took), spread(raw));
    row(
        "from a task's signal appended to the push at the push service",
        &ours,
        &format!("one question to a resident over NATS: {raw}"),
        &format!("{:.1}", p50 / raw_p50),
    );
}

/// Links one person who has one thing to do and a device, and measures until the device's push service has the tip.
async fn one(ctx: &Context, sandbox: &Sandbox, name: &str, clock: &Clock) -> f64 {
    let user: UserId = name.parse().unwrap();
    let person = ctx.people().await.unwrap().find_or_make(&user).await.unwrap();
    sandbox.todoist().of(name).add_task("Call the dentist back", json!({ "priority": 4, "due_date": "2026-11-18" }));
    let device = subscribe(ctx, sandbox, &user).await;
    link(ctx, &user, name).await;
    let push = eventually("the push", || async { sandbox.push().received(&device).pop() }).await;
    let log = ctx.logbook().read(&person, 0).await.unwrap().entries;
    let added = log.iter().find_map(|numbered| match &numbered.entry.body {
        Body::Signal { signal } if matches!(signal.fact, Fact::TaskAdded { .. }) => Some(numbered.entry.at),
        _ => None,
    });
    let published = clock.wall_at(added.expect("the task is in the log"));
    push.at.duration_since(published).as_secs_f64() * 1e3
}

async fn subscribe(ctx: &Context, sandbox: &Sandbox, user: &UserId) -> SandboxSubscription {
    let browser = sandbox.push().subscribe();
    let subscription = Subscription {
        name: None,
        device: "device-1".parse().unwrap(),
        endpoint: browser.endpoint.parse().unwrap(),
        keys: SubscriptionKeys { p256dh: browser.p256dh.parse().unwrap(), auth: browser.auth.parse().unwrap() },
        language: Language::En,
    };
    ctx.bus.ask(SUBSCRIBE, &Subscribe { user: user.clone(), subscription }).await.unwrap();
    browser
}

async fn link(ctx: &Context, user: &UserId, person: &str) {
    let started = ctx
        .bus
        .ask(LINK_START, &LinkStart { user: user.clone(), provider: Provider::Todoist, server: None })
        .await
        .unwrap();
    let mut url = Url::parse(&started.authorize).unwrap();
    url.query_pairs_mut().append_pair("login_hint", person);
    let back = http().get(url).send().await.unwrap();
    let back = Url::parse(back.headers()["location"].to_str().unwrap()).unwrap();
    let get = |name: &str| back.query_pairs().find(|pair| pair.0 == name).map(|pair| pair.1.into_owned());
    let callback = LinkCallback {
        user: user.clone(),
        provider: Provider::Todoist,
        transaction: started.transaction,
        state: get("state").unwrap(),
        code: get("code"),
        error: None,
        iss: get("iss"),
    };
    ctx.bus.ask_within(LINK_CALLBACK, &callback, Duration::from_secs(30)).await.unwrap();
}
