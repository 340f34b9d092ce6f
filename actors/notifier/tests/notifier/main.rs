//! The notifier against real servers and a push service that decrypts and can be told to fail.

#![allow(clippy::unwrap_used, reason = "a test that cannot set its scene has failed")]

mod letters;

use oo_contracts::entry::Body;
use oo_contracts::http::Problem;
use oo_contracts::push::{AnswerByToken, AnswerToken, Message, Subscription, SubscriptionKeys};
use oo_contracts::rights::Clear;
use oo_contracts::signal::{Answer, Delivery, Fact, Language, Signal};
use oo_contracts::tip::{Because, Reason, Subject, Tip};
use oo_contracts::wire::{
    Done, Ingest, Ingested, Kept, PushLook, PushState, PushTest, Subscribe, Unsubscribe, View, Words,
};
use oo_contracts::{Ref, Timestamp, TipId, UserId};
use oo_runtime::{Context, Metric, Person, random};
use oo_sandbox::{Fault, FaultKind, Received, Sandbox, SandboxSubscription};
use oo_subjects::{
    ANSWER_BY_TOKEN, AskError, CLEAR_DEVICES, DEVICES, FETCH, INGEST, LOOK, PUSH_LOOK, PUSH_TEST, SUBSCRIBE,
    UNSUBSCRIBE, streams,
};
use oo_testkit::{House, Running, eventually};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const TITLE: &str = "Marker title 4711";

/// A house with a push service, a notifier, and a test in the place of `events` and `integrations`.
struct Scene {
    house: House,
    sandbox: Sandbox,
    ctx: Context,
    person: Arc<Person>,
    receipts: Arc<Mutex<Vec<Signal>>>,
    /// How often the log is still to refuse a receipt.
    deaf: Arc<AtomicU32>,
    /// What the provider says of a title.
    words: Arc<Mutex<Result<Words, Problem>>>,
    /// How often the provider was asked.
    asked: Arc<AtomicU32>,
    /// What the person's profile says, if it can be asked.
    view: Arc<Mutex<Option<View>>>,
    /// Tips given so far.
    given: AtomicU32,
}

impl Scene {
    async fn new() -> Self {
        let mut house = House::start().await;
        let sandbox = oo_sandbox::start(oo_sandbox::Options { sample: false, ..Default::default() }).await.unwrap();
        let vapid = house.dir().join("vapid.pem");
        std::fs::write(&vapid, oo_notifier::new_vapid_key().unwrap()).unwrap();
        house.set([
            ("OO_NOTIFIER__VAPID_FILE", vapid.display().to_string()),
            ("OO_NOTIFIER__VAPID_SUBJECT", "mailto:ada@lovelace.org".into()),
            ("OO_NOTIFIER__LOOPBACK", "true".into()),
        ]);
        let ctx = house.context("test").await;
        let person = ctx.people().await.unwrap().find_or_make(&"ada".parse().unwrap()).await.unwrap();
        let (receipts, deaf) = (Arc::new(Mutex::new(vec![])), Arc::new(AtomicU32::new(0)));
        let words = Arc::new(Mutex::new(Ok(Words { title: TITLE.into(), source: "Todoist".into(), over: false })));
        let (keeping, deafness) = (receipts.clone(), deaf.clone());
        ctx.answer(INGEST, 8, move |Ingest { signals }| {
            let (keeping, deafness) = (keeping.clone(), deafness.clone());
            async move {
                if deafness.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
                    return Err(Problem::new(503, "the log is away", "try again"));
                }
                let kept =
                    signals.iter().map(|signal| Kept { id: signal.id.clone(), seq: 1, duplicate: false }).collect();
                keeping.lock().unwrap().extend(signals);
                Ok(Ingested { kept })
            }
        })
        .await
        .unwrap();
        let (saying, asked) = (words.clone(), Arc::new(AtomicU32::new(0)));
        let asking = asked.clone();
        ctx.answer(FETCH, 8, move |_| {
            asking.fetch_add(1, Ordering::SeqCst);
            let said = saying.lock().unwrap().clone();
            async move { said }
        })
        .await
        .unwrap();
        let view = Arc::new(Mutex::new(None));
        let knowing = view.clone();
        ctx.answer(LOOK, 8, move |_| {
            let known = knowing.lock().unwrap().clone();
            async move { known.ok_or_else(|| Problem::new(503, "the profile is away", "try again")) }
        })
        .await
        .unwrap();
        Self { house, sandbox, ctx, person, receipts, deaf, words, asked, view, given: AtomicU32::new(0) }
    }

    async fn notifier(&self) -> Running {
        self.house.serve("notifier", oo_notifier::serve).await
    }

    fn user(&self) -> UserId {
        self.person.user.clone()
    }

    async fn keep(&self, device: &str, endpoint: &str, browser: &SandboxSubscription) -> Result<(), AskError> {
        let subscription = Subscription {
            device: device.parse().unwrap(),
            endpoint: endpoint.parse().unwrap(),
            keys: SubscriptionKeys { p256dh: browser.p256dh.parse().unwrap(), auth: browser.auth.parse().unwrap() },
            language: Language::En,
            name: None,
        };
        self.ctx.bus.ask(SUBSCRIBE, &Subscribe { user: self.user(), subscription }).await.map(|_| ())
    }

    async fn subscribe(&self, device: &str) -> SandboxSubscription {
        // A notifier listens for health before it answers.
        let state = eventually("the notifier answers", || async { self.look().await.ok() }).await;
        let browser = self.sandbox.push().subscribe_with(&state.key);
        self.keep(device, &browser.endpoint, &browser).await.unwrap();
        browser
    }

    async fn look(&self) -> Result<PushState, AskError> {
        self.ctx.bus.ask(PUSH_LOOK, &PushLook { user: self.user() }).await
    }

    async fn devices(&self) -> Vec<String> {
        self.look().await.unwrap().devices.iter().map(ToString::to_string).collect()
    }

    fn tip(&self, life: Duration) -> Tip {
        let now = self.ctx.clock.now();
        Tip {
            id: random::token().parse().unwrap(),
            decision: random::token().parse().unwrap(),
            subject: Subject::Todo { task: Ref { account: "a1".parse().unwrap(), item: "t1".parse().unwrap() } },
            reasons: vec![Reason { because: Because::FreeMinutes { minutes: 12, until: None }, weight: 1.0 }],
            decided_at: now,
            decided_seq: 0,
            not_after: now + life,
            zone: "Europe/Zurich".parse().unwrap(),
            language: Language::En,
            channels: None,
            discreet: false,
        }
    }

    /// Appends a tip to the person's log as `profile` does.
    async fn give(&self, life: Duration) -> Tip {
        self.append(self.tip(life)).await
    }

    async fn append(&self, tip: Tip) -> Tip {
        let body = Body::Tip { tip: tip.clone() };
        let id = format!("tip:{}", tip.id);
        self.ctx.logbook().append(&self.person, &id, self.ctx.clock.now(), body, None).await.unwrap();
        self.given.fetch_add(1, Ordering::SeqCst);
        tip
    }

    fn received(&self, browser: &SandboxSubscription) -> Vec<Received> {
        self.sandbox.push().received(browser)
    }

    async fn arrives(&self, browser: &SandboxSubscription, times: usize) -> Vec<Received> {
        eventually("the push arrives", || async { Some(self.received(browser)).filter(|all| all.len() >= times) }).await
    }

    fn outcomes(&self, tip: &TipId) -> Vec<(String, Delivery)> {
        let receipts = self.receipts.lock().unwrap();
        let of = |signal: &Signal| match &signal.fact {
            Fact::Delivered { tip: about, device, outcome } if about == tip => {
                Some((device.to_string(), outcome.clone()))
            }
            _ => None,
        };
        receipts.iter().filter_map(of).collect()
    }

    async fn outcome(&self, tip: &Tip, device: &str) -> Delivery {
        eventually("a receipt", || async {
            self.outcomes(&tip.id).into_iter().find(|(about, _)| about == device).map(|(_, outcome)| outcome)
        })
        .await
    }

    /// Waits until the stream holds no tip that is unsettled.
    async fn settled(&self) {
        eventually("all tips are settled", || async {
            let mut consumer: async_nats::jetstream::consumer::PullConsumer =
                self.ctx.bus.jetstream().get_consumer_from_stream("notifier", streams::TIPS).await.ok()?;
            let info = consumer.info().await.ok()?;
            let given = u64::from(self.given.load(Ordering::SeqCst));
            let came = info.delivered.stream_sequence >= given.max(1);
            (info.num_pending == 0 && info.num_ack_pending == 0 && came).then_some(())
        })
        .await;
    }

    /// Lets the stream hand out every tip once more, as after a verdict that never arrived.
    async fn deliver_all_again(&self) {
        self.ctx.bus.jetstream().delete_consumer_from_stream("notifier", streams::TIPS).await.unwrap();
    }
}

fn message(received: &Received) -> Message {
    serde_json::from_slice(&received.plaintext).unwrap()
}

const LONG: Duration = Duration::from_secs(600);

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_a_notification_answers_once_and_for_its_tip_alone() {
    let scene = Scene::new().await;
    let _notifier = scene.notifier().await;
    let (phone, laptop) = (scene.subscribe("phone").await, scene.subscribe("laptop").await);
    let tip = scene.give(LONG).await;
    let tokens =
        async |browser| message(&scene.arrives(browser, 1).await[0]).notification.data.unwrap().tokens.unwrap();
    let (phone, laptop) = (tokens(&phone).await, tokens(&laptop).await);
    let answer =
        async |token: &AnswerToken| scene.ctx.bus.ask(ANSWER_BY_TOKEN, &AnswerByToken { token: token.clone() }).await;
    let answers = || -> Vec<(String, Answer)> {
        let receipts = scene.receipts.lock().unwrap();
        let of = |signal: &Signal| match &signal.fact {
            Fact::Feedback { tip: about, answer } if *about == tip.id => Some((signal.id.to_string(), answer.clone())),
            _ => None,
        };
        receipts.iter().filter_map(of).collect()
    };
    answer(&phone.later).await.unwrap();
    let said = (format!("push-later-{}", tip.id), Answer::NotNow { until: None });
    assert_eq!(answers(), std::slice::from_ref(&said));
    let is_used = |answered: Result<Done, AskError>| {
        assert!(matches!(answered, Err(AskError::Problem(problem)) if problem.status == 410));
    };
    is_used(answer(&phone.later).await);
    // Nobody's, of nobody, and none at all.
    let (log, _) = phone.done.as_str().split_once('.').unwrap();
    for made_up in [
        format!("{log}.{}", "A".repeat(43)),
        phone.done.as_str().replacen(log, &"0".repeat(log.len()), 1),
        "x".repeat(20),
    ] {
        is_used(answer(&made_up.parse().unwrap()).await);
    }
    assert_eq!(answers().len(), 1);
    // The same button on another device is the same answer: the log counts it once by its id.
    answer(&laptop.later).await.unwrap();
    assert_eq!(answers(), [said.clone(), said]);
    // Erased, no token is left.
    scene.ctx.bus.ask(CLEAR_DEVICES, &Clear { log: scene.person.place.log.clone() }).await.unwrap();
    is_used(answer(&laptop.done).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_message_arrives_is_told_of_and_ends_what_is_gone() {
    let scene = Scene::new().await;
    let _notifier = scene.notifier().await;
    let phone = scene.subscribe("phone").await;
    let test = async |device: &str| {
        let ask = PushTest { user: scene.user(), device: device.parse().unwrap() };
        scene.ctx.bus.ask(PUSH_TEST, &ask).await
    };
    let held = async || {
        let held = scene.ctx.bus.ask(DEVICES, &PushLook { user: scene.user() }).await.unwrap().devices;
        held.into_iter().map(|device| (device.device.to_string(), device.reached.is_some())).collect::<Vec<_>>()
    };
    assert_eq!(held().await, [("phone".to_owned(), false)]);
    test("phone").await.unwrap();
    let said = message(&scene.arrives(&phone, 1).await[0]);
    assert_eq!((said.notification.body.as_str(), said.notification.data), ("oO can reach you here.", None));
    assert_eq!(held().await, [("phone".to_owned(), true)]);
    assert!(matches!(test("laptop").await, Err(AskError::Problem(problem)) if problem.status == 404));
    scene.sandbox.push().fault(Fault::next(1, "", FaultKind::Status { status: 410, retry_after_secs: None }));
    assert!(matches!(test("phone").await, Err(AskError::Problem(problem)) if problem.status == 404));
    assert!(held().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tip_is_pushed_once_to_every_device_and_the_log_gets_a_receipt() {
    let scene = Scene::new().await;
    let notifier = scene.notifier().await;
    let (phone, laptop) = (scene.subscribe("phone").await, scene.subscribe("laptop").await);
    assert_eq!(scene.devices().await, ["laptop", "phone"]);
    let tip = scene.give(LONG).await;
    for (device, browser) in [("phone", &phone), ("laptop", &laptop)] {
        assert_eq!(scene.outcome(&tip, device).await, Delivery::Accepted);
        let all = scene.received(browser);
        assert_eq!(all.len(), 1);
        let (headers, said) = (&all[0].headers, message(&all[0]));
        let ttl: u64 = headers["ttl"].parse().unwrap();
        assert!((500..=600).contains(&ttl), "{ttl}");
        assert_eq!((headers["topic"].as_str(), headers["urgency"].as_str()), ("tip", "high"));
        assert_eq!(said.web_push, 8030);
        assert_eq!(said.notification.body, TITLE);
        assert_eq!(said.notification.tag, tip.id.as_str());
        assert_eq!(said.notification.navigate, "/");
        assert_eq!(said.notification.data.as_ref().unwrap().not_after, tip.not_after);
        assert_eq!(said.notification.actions.len(), 2);
        assert!(all[0].plaintext.len() == 1792 && all[0].encrypted_length <= 4096);
    }
    scene.settled().await;
    assert_eq!(scene.outcomes(&tip.id).len(), 2);
    assert_eq!(notifier.ctx.metrics.counted(Metric::NotifierPushes, "accepted"), 2);
    assert_eq!(notifier.ctx.metrics.counted(Metric::NotifierAmbiguous, ""), 0);
    notifier.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_discreet_notification_says_nothing_of_the_tip_and_is_as_long_as_any() {
    let scene = Scene::new().await;
    let _notifier = scene.notifier().await;
    let phone = scene.subscribe("phone").await;
    let tip = scene.append(Tip { discreet: true, ..scene.tip(LONG) }).await;
    assert_eq!(scene.outcome(&tip, "phone").await, Delivery::Accepted);
    let all = scene.received(&phone);
    let text = String::from_utf8(all[0].plaintext.clone()).unwrap();
    assert!(!text.contains(TITLE) && !text.contains("free"), "{text}");
    let said = message(&all[0]).notification;
    assert_eq!((said.title.as_str(), said.body.as_str()), ("oO", "oO has one for you."));
    assert_eq!((said.tag.as_str(), said.navigate.as_str()), (tip.id.as_str(), "/"));
    assert!(said.actions.is_empty(), "nobody says done to what they have not read");
    assert_eq!(all[0].plaintext.len(), 1792);

    // Done meanwhile, nothing is said, discreetly or not.
    *scene.words.lock().unwrap() = Ok(Words { title: TITLE.into(), source: "Todoist".into(), over: true });
    let over = scene.append(Tip { discreet: true, ..scene.tip(LONG) }).await;
    scene.settled().await;
    assert!(scene.outcomes(&over.id).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tip_that_comes_again_is_not_sent_again_and_its_receipt_keeps_its_id() {
    let scene = Scene::new().await;
    let notifier = scene.notifier().await;
    let phone = scene.subscribe("phone").await;
    let tip = scene.give(LONG).await;
    scene.outcome(&tip, "phone").await;
    scene.settled().await;
    scene.deliver_all_again().await;
    eventually("a second receipt", || async { (scene.outcomes(&tip.id).len() >= 2).then_some(()) }).await;
    scene.settled().await;
    assert_eq!(scene.received(&phone).len(), 1, "its outcome was known");
    assert_eq!(notifier.ctx.metrics.counted(Metric::NotifierAmbiguous, ""), 0);
    let ids: Vec<_> = scene.receipts.lock().unwrap().iter().map(|signal| signal.id.clone()).collect();
    assert!(ids.windows(2).all(|two| two[0] == two[1]), "the log keeps one of them: {ids:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_cut_off_between_claim_and_outcome_is_sent_again_by_the_next_and_counted() {
    let scene = Scene::new().await;
    let first = scene.notifier().await;
    let phone = scene.subscribe("phone").await;
    scene.sandbox.push().fault(Fault::always("", FaultKind::Hang));
    let tip = scene.give(LONG).await;
    eventually("a request hangs", || async { (!scene.sandbox.push().requests().is_empty()).then_some(()) }).await;
    first.stop().await.unwrap();
    assert!(scene.received(&phone).is_empty());
    scene.sandbox.push().clear_faults();
    let second = scene.notifier().await;
    assert_eq!(scene.outcome(&tip, "phone").await, Delivery::Accepted);
    assert_eq!(scene.received(&phone).len(), 1);
    assert_eq!(second.ctx.metrics.counted(Metric::NotifierAmbiguous, ""), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_message_replaces_the_first_by_topic_and_tag() {
    let scene = Scene::new().await;
    let notifier = scene.notifier().await;
    let phone = scene.subscribe("phone").await;
    let tip = scene.give(LONG).await;
    assert_eq!(scene.outcome(&tip, "phone").await, Delivery::Accepted);
    scene.settled().await;
    // As after a crash between sending and noting: the claim is there, its outcome is not.
    let claims = scene.ctx.bus.jetstream().get_stream(streams::PUSHES).await.unwrap();
    claims.purge().filter(format!("{}.{}.phone.outcome", scene.person.place.claims(), tip.id)).await.unwrap();
    scene.deliver_all_again().await;
    let all = scene.arrives(&phone, 2).await;
    assert_eq!(all[0].headers["topic"], all[1].headers["topic"]);
    assert_eq!(message(&all[0]).notification.tag, message(&all[1]).notification.tag);
    scene.settled().await;
    assert_eq!(scene.received(&phone).len(), 2);
    assert_eq!(notifier.ctx.metrics.counted(Metric::NotifierAmbiguous, ""), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_is_gone_ends_and_the_other_device_is_served() {
    let scene = Scene::new().await;
    let notifier = scene.notifier().await;
    let (dead, unknown, phone) =
        (scene.subscribe("dead").await, scene.subscribe("unknown").await, scene.subscribe("phone").await);
    scene.sandbox.push().unsubscribe(&dead);
    scene.sandbox.push().fault(Fault::next(
        1,
        unknown.token.clone(),
        FaultKind::Status { status: 404, retry_after_secs: None },
    ));
    let tip = scene.give(LONG).await;
    assert_eq!(scene.outcome(&tip, "dead").await, Delivery::Gone);
    assert_eq!(scene.outcome(&tip, "unknown").await, Delivery::Gone);
    assert_eq!(scene.outcome(&tip, "phone").await, Delivery::Accepted);
    assert_eq!(scene.devices().await, ["phone"]);
    assert_eq!(scene.received(&phone).len(), 1);
    assert_eq!(notifier.ctx.metrics.counted(Metric::NotifierPushes, "gone"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_push_service_is_given_the_time_it_asks_for() {
    let scene = Scene::new().await;
    let _notifier = scene.notifier().await;
    let phone = scene.subscribe("phone").await;
    scene.sandbox.push().fault(Fault::next(1, "", FaultKind::TooMany429 { retry_after_secs: 2 }));
    scene.sandbox.push().fault(Fault::next(2, "", FaultKind::Error500));
    let tip = scene.give(LONG).await;
    assert_eq!(scene.outcome(&tip, "phone").await, Delivery::Accepted);
    let asked = scene.sandbox.push().requests();
    assert_eq!(asked.iter().map(|request| request.status.unwrap()).collect::<Vec<_>>(), [429, 500, 500, 201]);
    assert!(asked[1].at.duration_since(asked[0].at).as_secs_f64() >= 2.0, "sooner than it asked for");
    assert_eq!(scene.received(&phone).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_after_the_tip_is_over() {
    let scene = Scene::new().await;
    let _notifier = scene.notifier().await;
    let phone = scene.subscribe("phone").await;
    scene.sandbox.push().fault(Fault::always("", FaultKind::Status { status: 503, retry_after_secs: None }));
    let tip = scene.give(Duration::from_secs(3)).await;
    assert_eq!(scene.outcome(&tip, "phone").await, Delivery::Failed { status: Some(503) });
    let patient = scene.give(LONG).await;
    scene.sandbox.push().clear_faults();
    assert_eq!(scene.outcome(&patient, "phone").await, Delivery::Accepted);
    let late: Timestamp = scene.ctx.clock.wall_at(tip.not_after);
    let tags: Vec<_> = scene.received(&phone).iter().map(|got| message(got).notification.tag).collect();
    assert_eq!(tags, [patient.id.to_string()]);
    let asked = scene.sandbox.push().requests();
    assert!(asked.iter().filter(|request| request.at < late).count() >= 2, "it tried more than once");
    // A tip that is over when it arrives is settled without a word.
    let over = scene.give(Duration::ZERO).await;
    scene.settled().await;
    assert!(scene.outcomes(&over.id).is_empty());
    assert_eq!(scene.received(&phone).len(), 1);
    // One that asks for more patience than the tip has is not tried again.
    let before = scene.sandbox.push().requests().len();
    scene.sandbox.push().fault(Fault::next(1, "", FaultKind::TooMany429 { retry_after_secs: 3600 }));
    let hurried = scene.give(LONG).await;
    assert_eq!(scene.outcome(&hurried, "phone").await, Delivery::Failed { status: Some(429) });
    assert_eq!(scene.sandbox.push().requests().len(), before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_device_that_hangs_harms_nobody_else_and_is_served_when_it_wakes() {
    let scene = Scene::new().await;
    let _notifier = scene.notifier().await;
    let (slow, quick) = (scene.subscribe("slow").await, scene.subscribe("quick").await);
    scene.sandbox.push().fault(Fault::next(1, slow.token.clone(), FaultKind::Hang));
    let began = scene.ctx.clock.wall();
    let tip = scene.give(LONG).await;
    assert_eq!(scene.outcome(&tip, "quick").await, Delivery::Accepted);
    assert!(scene.received(&slow).is_empty());
    assert!(scene.received(&quick)[0].at.duration_since(began).as_secs_f64() < 5.0, "it waited for the slow one");
    assert_eq!(scene.outcome(&tip, "slow").await, Delivery::Accepted);
    assert_eq!(scene.outcomes(&tip.id).len(), 2);
    scene.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_key_is_an_alarm_and_no_end() {
    let scene = Scene::new().await;
    let notifier = scene.notifier().await;
    let _phone = scene.subscribe("phone").await;
    for status in [401, 403, 413] {
        scene.sandbox.push().fault(Fault::next(1, "", FaultKind::Status { status, retry_after_secs: None }));
        let tip = scene.give(LONG).await;
        assert_eq!(scene.outcome(&tip, "phone").await, Delivery::Failed { status: Some(status) });
    }
    assert_eq!(scene.sandbox.push().requests().len(), 3, "none of them is sent again");
    assert_eq!(scene.devices().await, ["phone"]);
    assert_eq!(notifier.ctx.metrics.counted(Metric::NotifierPushes, "failed"), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn three_403_end_a_subscription_while_its_push_service_takes_others() {
    let scene = Scene::new().await;
    let _notifier = scene.notifier().await;
    let (dead, _alive) = (scene.subscribe("dead").await, scene.subscribe("alive").await);
    scene.sandbox.push().fault(Fault::next(
        3,
        dead.token.clone(),
        FaultKind::Status { status: 403, retry_after_secs: None },
    ));
    for expected in [Delivery::Failed { status: Some(403) }, Delivery::Failed { status: Some(403) }, Delivery::Gone] {
        let tip = scene.give(LONG).await;
        assert_eq!(scene.outcome(&tip, "alive").await, Delivery::Accepted);
        assert_eq!(scene.outcome(&tip, "dead").await, expected);
    }
    assert_eq!(scene.devices().await, ["alive"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_pushed_that_is_done_gone_or_nobodys() {
    let scene = Scene::new().await;
    let _notifier = scene.notifier().await;
    let phone = scene.subscribe("phone").await;
    *scene.words.lock().unwrap() = Ok(Words { title: TITLE.into(), source: "Todoist".into(), over: true });
    let over = scene.give(LONG).await;
    scene.settled().await;
    *scene.words.lock().unwrap() = Err(Problem::new(404, "not linked", "link it again"));
    let unlinked = scene.give(LONG).await;
    scene.settled().await;
    assert!(scene.outcomes(&over.id).is_empty() && scene.outcomes(&unlinked.id).is_empty());
    // A provider that is away is asked again.
    *scene.words.lock().unwrap() = Err(Problem::new(503, "away", "try again"));
    let before = scene.asked.load(Ordering::SeqCst);
    let waiting = scene.give(LONG).await;
    eventually("it is asked twice", || async { (scene.asked.load(Ordering::SeqCst) >= before + 2).then_some(()) })
        .await;
    *scene.words.lock().unwrap() = Ok(Words { title: TITLE.into(), source: "Todoist".into(), over: false });
    assert_eq!(scene.outcome(&waiting, "phone").await, Delivery::Accepted);
    // Without a device, a tip is settled at once.
    scene
        .ctx
        .bus
        .ask(UNSUBSCRIBE, &Unsubscribe { user: scene.user(), device: "phone".parse().unwrap() })
        .await
        .unwrap();
    assert!(scene.devices().await.is_empty());
    let lonely = scene.give(LONG).await;
    scene.settled().await;
    assert!(scene.outcomes(&lonely.id).is_empty());
    assert_eq!(scene.received(&phone).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_waits_for_the_log_and_the_push_is_not_repeated() {
    let scene = Scene::new().await;
    let _notifier = scene.notifier().await;
    let phone = scene.subscribe("phone").await;
    scene.deaf.store(4, Ordering::SeqCst);
    let tip = scene.give(LONG).await;
    assert_eq!(scene.outcome(&tip, "phone").await, Delivery::Accepted);
    scene.settled().await;
    assert_eq!(scene.received(&phone).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tip_survives_redis_away() {
    let mut scene = Scene::new().await;
    let notifier = scene.notifier().await;
    let phone = scene.subscribe("phone").await;
    scene.house.redis.kill().await;
    let report = notifier.ctx.health.report().await;
    assert_eq!(report.dependencies["redis"], "down");
    let tip = scene.give(LONG).await;
    eventually("the tip waits", || async {
        let mut consumer: async_nats::jetstream::consumer::PullConsumer =
            scene.ctx.bus.jetstream().get_consumer_from_stream("notifier", streams::TIPS).await.ok()?;
        (consumer.info().await.ok()?.num_ack_pending == 1).then_some(())
    })
    .await;
    scene.house.redis.start().await.unwrap();
    assert_eq!(scene.outcome(&tip, "phone").await, Delivery::Accepted);
    assert_eq!(scene.received(&phone).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poisoned_tip_is_put_away_and_the_next_goes_on() {
    let scene = Scene::new().await;
    let notifier = scene.notifier().await;
    let phone = scene.subscribe("phone").await;
    scene
        .ctx
        .bus
        .append(oo_subjects::TIPS, &scene.person.place, "tip:poison", b"no seal".to_vec(), None)
        .await
        .unwrap();
    let tip = scene.give(LONG).await;
    assert_eq!(scene.outcome(&tip, "phone").await, Delivery::Accepted);
    assert_eq!(scene.received(&phone).len(), 1);
    eventually("it is counted", || async {
        (notifier.ctx.metrics.counted(Metric::NotifierPushes, "unreadable") == 1).then_some(())
    })
    .await;
    eventually("it is among the dead letters", || async {
        let mut dead = scene.ctx.bus.jetstream().get_stream(streams::DEAD).await.ok()?;
        (dead.info().await.ok()?.state.messages == 1).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_ours_or_nobodys_is_refused_with_the_reason() {
    let scene = Scene::new().await;
    let _notifier = scene.notifier().await;
    let phone = scene.subscribe("phone").await;
    for (endpoint, reason) in [
        ("https://10.0.0.1/push", "private"),
        ("https://169.254.169.254/latest/meta-data", "private"),
        ("https://[::ffff:10.1.2.3]/", "private"),
        ("http://push.services.mozilla.com/x", "https"),
        ("https://user:pass@updates.push.services.mozilla.com/x", "user"),
        ("not an address", "no address"),
    ] {
        match scene.keep("laptop", endpoint, &phone).await {
            Err(AskError::Problem(problem)) => {
                assert_eq!(problem.status, 422, "{endpoint}");
                assert!(
                    problem.detail.contains(reason) && !problem.detail.contains(endpoint),
                    "{endpoint}: {}",
                    problem.detail
                );
            }
            other => panic!("{endpoint}: {other:?}"),
        }
    }
    let mut keyless = phone.clone();
    keyless.auth = "c2hvcnRlcg".into();
    assert!(
        matches!(scene.keep("laptop", &phone.endpoint, &keyless).await, Err(AskError::Problem(problem)) if problem.status == 422)
    );
    assert_eq!(scene.devices().await, ["phone"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn loopback_is_refused_without_the_switch() {
    let scene = Scene::new().await;
    let _strict = scene.house.serve_with("notifier", [("OO_NOTIFIER__LOOPBACK", "false")], oo_notifier::serve).await;
    eventually("the notifier answers", || async { scene.look().await.ok() }).await;
    let browser = scene.sandbox.push().subscribe();
    assert!(
        matches!(scene.keep("phone", &browser.endpoint, &browser).await, Err(AskError::Problem(problem)) if problem.status == 422)
    );
    assert!(scene.devices().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_subscribes_anew_and_its_old_subscription_is_replaced() {
    let scene = Scene::new().await;
    let _notifier = scene.notifier().await;
    let old = scene.subscribe("phone").await;
    let new = scene.subscribe("phone").await;
    assert_eq!(scene.devices().await, ["phone"]);
    let tip = scene.give(LONG).await;
    assert_eq!(scene.outcome(&tip, "phone").await, Delivery::Accepted);
    assert_eq!((scene.received(&old).len(), scene.received(&new).len()), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn at_rest_there_is_no_endpoint_no_key_and_no_word() {
    let scene = Scene::new().await;
    let _notifier = scene.notifier().await;
    let phone = scene.subscribe("phone").await;
    let tip = scene.give(LONG).await;
    assert_eq!(scene.outcome(&tip, "phone").await, Delivery::Accepted);
    scene.settled().await;
    let mut files = vec![scene.house.dir().to_owned()];
    let mut searched = 0;
    let mut sealed = 0;
    let holds = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let Ok(bytes) = std::fs::read(&path) else { continue };
        searched += 1;
        sealed += usize::from(holds(&bytes, &format!("oo:push:{}", scene.person.place.log)));
        for marker in [phone.token.as_str(), &phone.auth, &phone.p256dh, TITLE, "/push/"] {
            assert!(!holds(&bytes, marker), "{} is in {}", marker, path.display());
        }
    }
    assert!(searched > 10 && sealed >= 1, "the search looks where subscriptions are");
}
