//! Somebody who lives fast: says things on the page, has a calendar and tasks that change, answers tips. Remembers what oO
//! acknowledged.

use crate::chance::Chance;
use crate::stage::Stage;
use oo::browser::{Browser, read};
use oo_contracts::http::{LinkTo, State};
use oo_contracts::rights::Confirmation;
use oo_contracts::signal::{Event, Fact, Signal};
use oo_contracts::wire::Ingest;
use oo_contracts::{Ref, SignalId, UserId};
use oo_runtime::{Clock, Context, random, task};
use oo_sandbox::{Sandbox, SandboxSubscription};
use oo_subjects::INGEST;
use oo_testkit::{Events, eventually};
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, LOCATION};
use reqwest::redirect::Policy;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use url::Url;

/// Between two things that somebody does.
const PAUSE_MILLIS: (u64, u64) = (50, 500);
/// How long somebody waits for an answer of the page.
const PATIENCE: Duration = Duration::from_secs(4);
/// How often they try to say the same again.
const TRIES: usize = 3;

pub(crate) struct Life {
    pub(crate) user: UserId,
    pub(crate) subscription: SandboxSubscription,
    /// What oO said that it has.
    pub(crate) acknowledged: BTreeSet<SignalId>,
    /// What it was told, acknowledged or not.
    pub(crate) told: BTreeSet<SignalId>,
    chance: Chance,
    browser: Browser,
    /// Reads what comes to the page, while one is open.
    page: Option<AbortOnDropHandle<Option<()>>>,
    pages: Vec<Url>,
    sandbox: Sandbox,
    clock: Clock,
    ctx: Context,
}

impl Life {
    /// Comes in, from an address of their own.
    pub(crate) async fn begin(stage: &Stage, n: usize, chance: Chance) -> Self {
        let user: UserId = format!("person-{n}").parse().unwrap();
        let person = stage.people.find_or_make(&user).await.unwrap();
        let mut browser = Browser::new(stage.pages[0].clone()).unwrap();
        browser.cookies.insert("oo".into(), stage.house.session(&person).await);
        let from = format!("10.0.{}.{}", n / 256 % 256, n % 256);
        let headers = [(HeaderName::from_static("x-forwarded-for"), from.parse().unwrap())];
        let client = reqwest::Client::builder().redirect(Policy::none()).no_proxy();
        browser.client = client.default_headers(HeaderMap::from_iter(headers)).build().unwrap();
        Self {
            user,
            subscription: stage.sandbox.push().subscribe(),
            acknowledged: BTreeSet::new(),
            told: BTreeSet::new(),
            chance,
            browser,
            page: None,
            pages: stage.pages.clone(),
            sandbox: stage.sandbox.clone(),
            clock: stage.clock,
            ctx: stage.ctx.clone(),
        }
    }

    /// Links an account, subscribes a device, and wants as many tips as one can have.
    pub(crate) async fn settle_in(&mut self, stage: &Stage) {
        let to: LinkTo =
            read(self.browser.send(Method::POST, "api/v1/links/todoist", None).await.unwrap()).await.unwrap();
        let consent = format!("{}&sandbox_person={}", to.authorize, self.user);
        let consent = self.browser.client.get(consent).send().await.unwrap();
        let back = consent.headers()[LOCATION].to_str().unwrap();
        let path = back.strip_prefix(stage.pages[0].as_str()).unwrap().to_owned();
        let landed = self.browser.request(Method::GET, &path, None).await.unwrap();
        assert_eq!(landed.status(), 303, "the link of {}", self.user);
        let SandboxSubscription { endpoint, p256dh, auth, .. } = &self.subscription;
        let body = json!({
            "device": "test", "endpoint": endpoint, "language": "en", "keys": { "p256dh": p256dh, "auth": auth },
        });
        self.browser.send(Method::PUT, "api/v1/push/subscription", Some(&body)).await.unwrap();
        let preferences = json!({ "budget": 5, "quiet": null, "gap": 15, "language": "en" });
        let habit = json!({ "id": "stretch", "label": "stretch", "from": "08:00:00", "to": "20:00:00", "minutes": 5 });
        self.say(&[
            json!({ "kind": "preferences", "preferences": preferences }),
            json!({ "kind": "habit_defined", "habit": habit }),
        ])
        .await;
        assert_eq!(self.acknowledged.len(), 2, "{} was not heard, though nothing fails yet", self.user);
    }

    /// Lives until it is over.
    pub(crate) async fn live(mut self, over: CancellationToken) -> Self {
        while !over.is_cancelled() {
            match self.chance.between(0, 11) {
                0..4 => {
                    let level = self.chance.between(1, 6);
                    let facts = [
                        json!({ "kind": "mood", "level": level }),
                        json!({ "kind": "presence", "present": level > 2 }),
                        json!({ "kind": "habit_done", "habit": "stretch" }),
                        json!({ "kind": "place", "place": "home" }),
                    ];
                    let some = self.chance.between(0, 4) as usize;
                    self.say(&facts[some..]).await;
                }
                4..6 => self.calendar_changes().await,
                6 => {
                    self.sandbox.todoist().of(self.user.as_str()).add_task("Water the plants", json!({}));
                }
                7..10 => self.answer().await,
                _ => self.open_or_close().await,
            }
            let pause = Duration::from_millis(self.chance.between(PAUSE_MILLIS.0, PAUSE_MILLIS.1));
            tokio::time::sleep(pause).await;
        }
        self
    }

    /// Says something on the page, and again by another way in if it was not heard.
    async fn say(&mut self, facts: &[Value]) {
        let ids: Vec<SignalId> = facts.iter().map(|_| random::token().parse().unwrap()).collect();
        self.told.extend(ids.iter().cloned());
        let signals = ids.iter().zip(facts).map(|(id, fact)| json!({ "id": id, "fact": fact }));
        let body = json!({ "signals": signals.collect::<Vec<_>>() });
        for _ in 0..TRIES {
            if self.send("api/v1/signals", &body).await {
                self.acknowledged.extend(ids);
                return;
            }
        }
    }

    /// A meeting comes up, moves or goes, as a connector would tell.
    async fn calendar_changes(&mut self) {
        let item = format!("meeting-{}", self.chance.between(0, 3)).parse().unwrap();
        let reference = Ref { account: "calendar".parse().unwrap(), item };
        let start = self.clock.now() + jiff::SignedDuration::from_mins(self.chance.between(0, 180) as i64);
        let end = start + jiff::SignedDuration::from_mins(self.chance.between(10, 40) as i64);
        let fact = match self.chance.between(0, 2) {
            0 => Fact::EventRemoved { event: reference },
            _ => Fact::EventUpserted { event: Event { reference, start, end, busy: true, all_day: false } },
        };
        let id: SignalId = random::token().parse().unwrap();
        self.told.insert(id.clone());
        let signal = Signal { id: id.clone(), user: self.user.clone(), at: self.clock.now(), fact };
        if self.ctx.bus.ask(INGEST, &Ingest { signals: vec![signal] }).await.is_ok() {
            self.acknowledged.insert(id);
        }
    }

    /// Answers the tip on the page, if there is one.
    async fn answer(&mut self) {
        self.turn_to_some_page();
        let looked = self.browser.send(Method::GET, "api/v1/state", None);
        let Ok(Ok(answer)) = tokio::time::timeout(PATIENCE, looked).await else { return };
        let Ok(State { tip: Some(card), .. }) = read(answer).await else { return };
        let answers = [json!({ "kind": "done" }), json!({ "kind": "not_now", "until": null })];
        let id: SignalId = random::token().parse().unwrap();
        self.told.insert(id.clone());
        let body = json!({ "id": id, "answer": self.chance.one_of(&answers) });
        if self.send(&format!("api/v1/tips/{}/answer", card.id), &body).await {
            self.acknowledged.insert(id);
        }
    }

    /// Opens the page, or closes it.
    async fn open_or_close(&mut self) {
        if self.page.take().is_some() {
            return;
        }
        self.turn_to_some_page();
        let opened = self.browser.send(Method::GET, "api/v1/stream", None);
        if let Ok(Ok(answer)) = tokio::time::timeout(PATIENCE, opened).await {
            let mut events = Events::of(answer);
            let reads = task::spawn("page", async move { while events.next().await.is_some() {} });
            self.page = Some(AbortOnDropHandle::new(reads));
        }
    }

    /// Has everything erased.
    pub(crate) async fn leave(mut self) -> Self {
        self.page = None;
        let left = eventually("somebody is erased", || async {
            let mut browser = self.browser.clone();
            let sent = browser.send(Method::POST, "api/v1/me/erase/confirmation", None).await.ok()?;
            let Confirmation { confirmation, .. } = read(sent).await.ok()?;
            let body = json!({ "confirmation": confirmation });
            browser.send(Method::POST, "api/v1/me/erase", Some(&body)).await.ok()
        });
        left.await;
        self
    }

    /// Whether the page took it.
    async fn send(&mut self, path: &str, body: &Value) -> bool {
        self.turn_to_some_page();
        let sent = self.browser.send(Method::POST, path, Some(body));
        matches!(tokio::time::timeout(PATIENCE, sent).await, Ok(Ok(_)))
    }

    fn turn_to_some_page(&mut self) {
        self.browser.page = self.chance.one_of(&self.pages).clone();
    }
}
