//! `oo demo`: one tip, the whole way, without a browser. Each step is printed as it happens; the first that fails ends it.

use crate::browser::{Browser, read};
use crate::house::{self, House};
use crate::inspect;
use anyhow::{Context as _, bail, ensure};
use oo_contracts::decision::Outcome;
use oo_contracts::http::{LinkTo, State};
use oo_contracts::signal::{Answer, Fact};
use oo_contracts::tip::{Card, Subject};
use oo_contracts::wire::{Look, View};
use oo_contracts::{DeviceId, UserId};
use oo_runtime::logbook::open_decision;
use oo_runtime::{Context, Person, Source, random};
use oo_sandbox::{Sandbox, SandboxSubscription};
use oo_subjects::LOOK;
use reqwest::header::LOCATION;
use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long linking may take to lead to a tip.
const TIP_WITHIN: Duration = Duration::from_secs(60);
const STEP_WITHIN: Duration = Duration::from_secs(20);
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Runs the whole way in a house of its own, which is gone afterwards.
pub async fn run() -> anyhow::Result<()> {
    let quiet = Source::from_iter([("OO_LOG", "error")]);
    let traces = oo_runtime::telemetry::start(&quiet.with(Source::from_env().pairs()), "oo")?;
    let dir = std::env::temp_dir().join(format!("oo-demo-{}", random::token()));
    let options = house::Options { data: dir.clone(), port: 0, speed: 1.0, auto_consent: true, source: servers_only() };
    let opened = House::open(options).await.context("start everything");
    let ended = match opened {
        Ok(house) => {
            let ended = travel(&house).await;
            house.close().await;
            ended
        }
        Err(error) => Err(error),
    };
    let _ = std::fs::remove_dir_all(&dir);
    traces.end().await;
    ended
}

/// `rules` stays silent on purpose now and then, and a demo wants its tip: the first policy always speaks.
fn first_look_speaks() -> [(String, String); 1] {
    [("OO_RECOMMENDER__POLICY".into(), "random-todo".into())]
}

/// What says where the servers' programs are; the demo keeps to its own data and to the sandbox.
fn servers_only() -> Source {
    Source::from_env()
        .pairs()
        .filter(|(name, _)| matches!(name.as_str(), "OO_NATS_SERVER" | "OO_REDIS_SERVER"))
        .chain(first_look_speaks())
        .collect()
}

async fn travel(house: &House) -> anyhow::Result<()> {
    let sandbox = house.sandbox.as_ref().context("the demo wants the sandbox")?;
    let mut browser = Browser::new(house.page.clone())?;
    println!("1  start     all services in one process, page at {}", house.page);

    sign_in(&mut browser, house).await.context("step 2, sign in")?;
    println!("2  sign in   with the owner's one-time link; a second use is refused");

    let subscription = subscribe(&mut browser, sandbox).await.context("step 3, subscribe to push")?;
    println!("3  push      a device subscribed at the sandbox's push service");

    link(&mut browser).await.context("step 4, link Todoist")?;
    println!("4  link      sandbox Todoist, by the OAuth code flow with PKCE");

    let began = Instant::now();
    let person = Insider::new(house).await?;
    let card = first_tip(&mut browser, began).await.context("step 5, a first tip")?;
    person.print_log().await?;
    println!(
        "5  signal    {} entries in the log, {:.1} s after linking",
        person.entries().await?,
        began.elapsed().as_secs_f64()
    );

    let view = person.view().await?;
    println!(
        "6  profile   {} given today of {}, {} account linked, folded up to entry {}",
        view.given_today,
        view.budget,
        view.accounts.len(),
        view.version
    );
    person.print_decision(&card).await.context("step 7, the decision behind the tip")?;
    println!("   tip       {:?}  ({})", card.text.as_str(), card.why.join("; "));

    let pushed = received(sandbox, &subscription).await.context("step 8, the push")?;
    let tag = pushed["notification"]["tag"].as_str().unwrap_or_default();
    ensure!(tag == card.id.as_str(), "the push is about {tag}, the page shows {}", card.id);
    println!("8  push      received and decrypted by the push service: {}", pushed["notification"]["body"]);

    answer(&mut browser, &card).await.context("step 9, the answer")?;
    println!("9  answer    done");
    person.done_at_provider(sandbox, &card).await.context("step 10, completed at the provider")?;
    let view = person.view().await?;
    ensure!(view.tip.is_none(), "the tip is answered and still shown");
    println!(
        "10 profile   the tip is answered, the task is completed at the sandbox, next look at {}",
        view.next_look.map_or("no set time".into(), |at| at.to_string())
    );
    println!("\nOne tip travelled the whole way.");
    Ok(())
}

async fn sign_in(browser: &mut Browser, house: &House) -> anyhow::Result<()> {
    let token = json!({ "token": house.owner_token().expose_secret() });
    browser.send(Method::POST, "api/v1/session/owner", Some(&token)).await?;
    let again = browser.request(Method::POST, "api/v1/session/owner", Some(&token)).await?;
    ensure!(again.status().is_client_error(), "the one-time link worked twice: {}", again.status());
    Ok(())
}

async fn subscribe(browser: &mut Browser, sandbox: &Sandbox) -> anyhow::Result<SandboxSubscription> {
    let subscription = sandbox.push().subscribe();
    let device: DeviceId = "demo".parse()?;
    let body = json!({
        "device": device, "endpoint": subscription.endpoint, "language": "en",
        "keys": { "p256dh": subscription.p256dh, "auth": subscription.auth },
    });
    browser.send(Method::PUT, "api/v1/push/subscription", Some(&body)).await?;
    Ok(subscription)
}

async fn link(browser: &mut Browser) -> anyhow::Result<()> {
    let to: LinkTo = read(browser.send(Method::POST, "api/v1/links/todoist", None).await?).await?;
    ensure!(to.authorize.contains("code_challenge_method=S256"), "the authorization address has no PKCE challenge");
    let consent = browser.client.get(&to.authorize).send().await?;
    let back = consent.headers().get(LOCATION).context("the provider sends nobody back")?.to_str()?.to_owned();
    let path = back
        .strip_prefix(browser.page.as_str())
        .with_context(|| "the provider sends the browser elsewhere")?
        .to_owned();
    let landed = browser.request(Method::GET, &path, None).await?;
    ensure!(landed.status() == StatusCode::SEE_OTHER, "the callback answered {}", landed.status());
    Ok(())
}

async fn first_tip(browser: &mut Browser, began: Instant) -> anyhow::Result<Card> {
    loop {
        let state: State = read(browser.send(Method::GET, "api/v1/state", None).await?).await?;
        if let Some(card) = state.tip {
            return Ok(card);
        }
        ensure!(began.elapsed() < TIP_WITHIN, "none within {TIP_WITHIN:?}: next look at {:?}", state.next_look);
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

async fn received(sandbox: &Sandbox, subscription: &SandboxSubscription) -> anyhow::Result<Value> {
    let began = Instant::now();
    loop {
        if let Some(push) = sandbox.push().received(subscription).into_iter().next() {
            return Ok(serde_json::from_slice(&push.plaintext)?);
        }
        ensure!(began.elapsed() < STEP_WITHIN, "none within {STEP_WITHIN:?}");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

async fn answer(browser: &mut Browser, card: &Card) -> anyhow::Result<()> {
    let body = json!({ "id": random::token(), "answer": Answer::Done });
    browser.send(Method::POST, &format!("api/v1/tips/{}/answer", card.id), Some(&body)).await?;
    Ok(())
}

/// The demo's eyes behind the page: the same log and wires that the services use.
struct Insider {
    ctx: Context,
    person: Arc<Person>,
}

impl Insider {
    async fn new(house: &House) -> anyhow::Result<Self> {
        let ctx = Context::new("demo", house.source.clone(), CancellationToken::new()).await?;
        let owner: UserId = "owner".parse()?;
        let person = ctx.people().await?.find(&owner).await?.context("the owner has no log")?;
        Ok(Self { ctx, person })
    }

    async fn view(&self) -> anyhow::Result<View> {
        Ok(self.ctx.bus.ask(LOOK, &Look { user: self.person.user.clone() }).await?)
    }

    async fn entries(&self) -> anyhow::Result<usize> {
        Ok(self.ctx.logbook().read(&self.person, 0).await?.entries.len())
    }

    async fn print_log(&self) -> anyhow::Result<()> {
        for numbered in self.ctx.logbook().read(&self.person, 0).await?.entries {
            println!("   {}", inspect::line(&numbered));
        }
        Ok(())
    }

    async fn print_decision(&self, card: &Card) -> anyhow::Result<()> {
        let mut decisions = self.ctx.bus.decisions(&self.person.place).await?;
        decisions.reverse();
        for stored in decisions {
            let decision = open_decision(&self.person, &stored.payload)?;
            if let Outcome::Asked { ask, recommendation } = &decision.outcome
                && recommendation.tip.is_some()
                && self.decided(card).await? == Some(decision.id.clone())
            {
                println!("7  decision  {} at {}", decision.id, decision.at);
                inspect::print_recommendation(ask, recommendation);
                ensure!(
                    recommendation.propensity > 0.0 && recommendation.propensity <= 1.0,
                    "a propensity outside (0, 1]"
                );
                return Ok(());
            }
        }
        bail!("no decision led to the tip {}", card.id)
    }

    async fn decided(&self, card: &Card) -> anyhow::Result<Option<oo_contracts::DecisionId>> {
        Ok(self.view().await?.tip.filter(|tip| tip.id == card.id).map(|tip| tip.decision))
    }

    /// Waits until the sandbox has the task completed and the log knows it from the provider, where the tip was a task.
    async fn done_at_provider(&self, sandbox: &Sandbox, card: &Card) -> anyhow::Result<()> {
        let began = Instant::now();
        loop {
            let read = self.ctx.logbook().read(&self.person, 0).await?;
            let task = read.entries.iter().find_map(|numbered| match &numbered.entry.body {
                oo_contracts::entry::Body::Tip { tip } if tip.id == card.id => Some(tip.subject.clone()),
                _ => None,
            });
            let Some(Subject::Todo { task }) = task else { return Ok(()) };
            let known = read.entries.iter().any(|numbered| {
                matches!(&numbered.entry.body, oo_contracts::entry::Body::Signal { signal }
                    if matches!(&signal.fact, Fact::TaskCompleted { task: done } | Fact::TaskChanged { task: oo_contracts::signal::Task { reference: done, .. } } if *done == task))
            });
            let closed = sandbox.todoist().tasks().iter().any(|known| known.id == task.item.as_str() && known.checked);
            if known && closed {
                return Ok(());
            }
            ensure!(
                began.elapsed() < STEP_WITHIN,
                "not within {STEP_WITHIN:?}: completed at the sandbox {closed}, known from its webhook {known}"
            );
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}
