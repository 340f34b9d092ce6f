//! The rights that are written for nats-server, tried on a real one: what each service needs, and what it must not do.

#![allow(clippy::unwrap_used, reason = "a test that cannot set its scene has failed")]

use async_nats::{Client, ConnectOptions, Event, HeaderMap};
use oo_contracts::decision::PolicyName;
use oo_contracts::wire::{Check, SignedIn};
use oo_runtime::{Context, Models, nats_users};
use oo_subjects::access::{OPERATOR, SERVICES, inbox, rights};
use oo_subjects::{AppendError, CHECK_SESSION, Place, SIGNALS, TIPS, streams};
use oo_testkit::{House, eventually};
use std::sync::{Arc, Mutex};
use tokio_util::sync::CancellationToken;

/// All services that know people.
const KNOW_PEOPLE: &[&str] = &["auth", "integrations", "events", "profile", "notifier", "trainer"];

/// A service's own connection, and what the server refused it.
struct Peer {
    client: Client,
    refused: Arc<Mutex<Vec<String>>>,
}

impl Peer {
    async fn connect(house: &House, user: &str) -> Self {
        let seed = std::fs::read_to_string(nats_users::seed_file(house.dir(), user)).unwrap();
        let refused = Arc::<Mutex<Vec<String>>>::default();
        let note = refused.clone();
        let client = ConnectOptions::with_nkey(seed)
            .custom_inbox_prefix(inbox(user))
            .event_callback(move |event| {
                if let Event::ServerError(error) = event {
                    note.lock().unwrap().push(error.to_string());
                }
                std::future::ready(())
            })
            .connect(house.source().get("OO_NATS__URL").unwrap())
            .await
            .unwrap();
        Self { client, refused }
    }

    /// What the server refused of all that was said until now: it answers in order, and this is the last that it refuses.
    async fn refused(&self) -> Vec<String> {
        self.client.publish("nobody.may.say.this", "".into()).await.unwrap();
        eventually("the server refuses the last word", || async {
            let mut refused = self.refused.lock().unwrap();
            refused.iter().any(|told| told.contains("nobody.may.say.this")).then(|| std::mem::take(&mut *refused))
        })
        .await
    }

    async fn may_publish(&self, subject: &str, headers: HeaderMap) -> bool {
        self.client.publish_with_headers(subject.to_owned(), headers, "{}".into()).await.unwrap();
        !self.refused().await.iter().any(|told| told.contains(&format!("Publish to {subject:?}")))
    }

    async fn may_hear(&self, subject: &str, queue: Option<&str>) -> bool {
        let heard = match queue {
            Some(queue) => self.client.queue_subscribe(subject.to_owned(), queue.to_owned()).await,
            None => self.client.subscribe(subject.to_owned()).await,
        };
        let refused = self.refused().await;
        drop(heard.unwrap());
        !refused.iter().any(|told| told.contains(&format!("Subscription to {subject:?}")))
    }
}

async fn as_user(house: &House, user: &'static str) -> Context {
    Context::new(user, house.source().with(house.user(user)), CancellationToken::new()).await.unwrap()
}

fn place() -> Place {
    Place::new("somebody-0000000001".parse().unwrap(), 16)
}

#[tokio::test]
async fn nobody_publishes_what_is_not_theirs() {
    let house = House::start().await;
    // A subject, and who may publish to it.
    let owned: &[(&str, &[&str])] = &[
        ("oo.v1.log.0.l.signal", &["events"]),
        ("oo.v1.log.0.l.tip", &["profile"]),
        ("oo.v1.log.0.l.moment", &[]),
        ("oo.v1.agenda.0.l", &["profile"]),
        ("oo.v1.decision.0.l", &["profile"]),
        ("oo.v1.push.claim.l.t.d", &["notifier"]),
        ("oo.v1.session.check", &["gateway"]),
        ("oo.v1.confirm.take", &["events"]),
        ("oo.v1.clear.doors", &["events"]),
        ("oo.v1.recommend", &["profile"]),
        ("oo.v1.export.page", &["gateway", "trainer"]),
        ("$KV.OO_PEOPLE.log.l", &["auth"]),
        ("$KV.OO_PEOPLE.gone.l", &["events"]),
        ("$KV.OO_MODELS.default.lineup", &["trainer"]),
        ("$JS.API.STREAM.INFO.OO_LOG_0", &["events", "profile"]),
        ("$JS.API.STREAM.PURGE.OO_LOG_0", &["events", "profile"]),
        ("oo.v1.checkpoint.l", &["profile"]),
        ("$JS.API.DIRECT.GET.OO_CHECKPOINTS.oo.v1.checkpoint.l", &["events", "profile"]),
        ("$JS.API.STREAM.DELETE.OO_LOG_0", &[]),
        ("$JS.API.STREAM.UPDATE.OO_LOG_0", &[]),
        ("$JS.API.STREAM.MSG.GET.OO_LOG_0", &[]),
        ("$JS.API.DIRECT.GET.OO_LOG_0", &["events", "profile"]),
        ("$JS.API.CONSUMER.CREATE.OO_LOG_0", &[]),
        ("$JS.API.CONSUMER.CREATE.OO_LOG_0.mine.oo.v1.log.>", &[]),
        ("$JS.API.CONSUMER.MSG.NEXT.OO_LOG_0.profile", &["profile"]),
        ("$JS.API.CONSUMER.MSG.NEXT.OO_TIPS.notifier", &["notifier"]),
        ("$JS.API.CONSUMER.MSG.NEXT.OO_DECISIONS.trainer", &["trainer"]),
        ("$JS.API.DIRECT.GET.KV_OO_PEOPLE.$KV.OO_PEOPLE.log.l", KNOW_PEOPLE),
        ("$JS.API.DIRECT.GET.KV_OO_PEOPLE", &[]),
        ("$JS.API.CONSUMER.CREATE.KV_OO_PEOPLE", &[]),
        ("$JS.API.CONSUMER.CREATE.KV_OO_PEOPLE.x.$KV.OO_PEOPLE.log.*", &[]),
        ("$JS.API.CONSUMER.CREATE.KV_OO_PEOPLE.x.$KV.OO_PEOPLE.leaving.*", KNOW_PEOPLE),
        ("$JS.API.STREAM.MSG.DELETE.KV_OO_PEOPLE", &["auth", "events"]),
        ("$JS.ACK.OO_TIPS.notifier.1.1.1.1.0", &["notifier"]),
        ("_INBOX_gateway.x", &[]),
        ("_INBOX_auth.x.y", &[]),
    ];
    for user in SERVICES {
        let peer = Peer::connect(&house, user).await;
        for (subject, owners) in owned {
            assert_eq!(peer.may_publish(subject, HeaderMap::new()).await, owners.contains(&user), "{user}: {subject}");
        }
    }
}

#[tokio::test]
async fn nobody_wipes_a_log_or_schedules_into_it() {
    let house = House::start().await;
    let events = as_user(&house, "events").await;
    let place = place();
    let subject = SIGNALS.of(&place);
    events.bus.append(SIGNALS, &place, "signal:1", b"sealed".to_vec(), None).await.unwrap();
    let strangers = SERVICES.into_iter().filter(|user| !["events", "profile"].contains(user));
    for user in strangers {
        let peer = Peer::connect(&house, user).await;
        let headers: [&[(&str, &str)]; 4] = [
            &[],
            &[("Nats-Rollup", "all")],
            &[("Nats-Rollup", "sub")],
            &[("Nats-Schedule", "@at 2026-01-01T00:00:00Z"), ("Nats-Schedule-Target", subject.as_str())],
        ];
        for header in headers {
            let mut headers = HeaderMap::new();
            header.iter().for_each(|(name, value)| headers.insert(*name, *value));
            for subject in [&subject, &place.agenda(), &TIPS.of(&place)] {
                assert!(!peer.may_publish(subject, headers.clone()).await, "{user}: {subject} {header:?}");
            }
        }
    }
    // Nor does anybody have such a message kept elsewhere, from where an answer would bring it into a log.
    let trainer = Peer::connect(&house, "trainer").await;
    for header in [("Nats-Rollup", "all"), ("Nats-Schedule", "@at 2026-01-01T00:00:00Z")] {
        let mut headers = HeaderMap::new();
        headers.insert(header.0, header.1);
        let kept = trainer.client.request_with_headers("$KV.OO_MODELS.x", headers, "x".into()).await.unwrap();
        assert!(String::from_utf8_lossy(&kept.payload).contains("\"error\""), "{header:?}: {:?}", kept.payload);
    }
    let kept = events.bus.read(&place, 0).await.unwrap();
    assert_eq!(kept.iter().map(|entry| entry.payload.as_ref()).collect::<Vec<_>>(), [b"sealed"]);
}

#[tokio::test]
async fn nobody_hears_what_is_not_theirs() {
    let house = House::start().await;
    let owned: &[(&str, Option<&str>, &[&str])] = &[
        (">", None, &[]),
        ("oo.v1.>", None, &[]),
        ("oo.v1.log.>", None, &[]),
        ("oo.v1.session.check", None, &[]),
        ("oo.v1.session.check", Some("auth"), &["auth"]),
        ("oo.v1.session.check", Some("mine"), &[]),
        ("oo.v1.content.fetch", Some("integrations"), &["integrations"]),
        ("oo.v1.live.*", None, &["gateway"]),
        ("_INBOX.>", None, &[]),
        ("$JS.EVENT.ADVISORY.>", None, &[]),
    ];
    for user in SERVICES {
        let peer = Peer::connect(&house, user).await;
        for (subject, queue, owners) in owned {
            assert_eq!(peer.may_hear(subject, *queue).await, owners.contains(&user), "{user}: {subject} {queue:?}");
        }
        for other in SERVICES.into_iter().chain([OPERATOR]) {
            let inbox = format!("{}.>", inbox(other));
            assert_eq!(peer.may_hear(&inbox, None).await, other == user, "{user} at {inbox}");
        }
    }
}

#[tokio::test]
async fn who_was_asked_answers_once() {
    let house = House::start().await;
    let (gateway, auth) = (Peer::connect(&house, "gateway").await, Peer::connect(&house, "auth").await);
    let mut asked = auth.client.queue_subscribe(CHECK_SESSION.name, "auth".into()).await.unwrap();
    auth.refused().await;
    let asking = gateway.client.clone();
    let question =
        oo_runtime::task::spawn("a question", async move { asking.request(CHECK_SESSION.name, "{}".into()).await });
    let reply = futures_util::StreamExt::next(&mut asked).await.unwrap().reply.unwrap();
    let events = Peer::connect(&house, "events").await;
    assert!(!events.may_publish(&reply, HeaderMap::new()).await, "somebody who was not asked");
    assert!(auth.may_publish(&reply, HeaderMap::new()).await);
    assert_eq!(question.await.unwrap().unwrap().unwrap().payload.as_ref(), b"{}");
    assert!(!auth.may_publish(&reply, HeaderMap::new()).await, "a second answer");
}

#[tokio::test]
async fn every_service_may_do_what_it_needs() {
    let house = House::start_bare().await;
    let events = as_user(&house, "events").await;
    streams::set_up(events.bus.jetstream(), 16, 1).await.expect("events sets the streams up");
    let auth = as_user(&house, "auth").await;
    let (user, place) = {
        let people = auth.people().await.unwrap();
        let ada = people.find_or_make(&"ada".parse().unwrap()).await.unwrap();
        (ada.user.clone(), ada.place.clone())
    };
    for service in KNOW_PEOPLE {
        let people = as_user(&house, service).await.people().await.unwrap();
        assert!(people.find(&user).await.unwrap().is_some(), "{service} knows people");
    }
    events.bus.append(SIGNALS, &place, "signal:1", b"s".to_vec(), None).await.unwrap();
    let profile = as_user(&house, "profile").await;
    profile.bus.wake_at(&place, "2100-01-01T00:00:00Z".parse().unwrap(), b"m".to_vec(), None).await.unwrap();
    let after = profile.bus.read(&place, 0).await.unwrap().last().map(|entry| entry.seq);
    profile.bus.append(TIPS, &place, "tip:1", b"t".to_vec(), after).await.unwrap();
    profile.bus.keep_decision(&place, "decision:1", b"d".to_vec()).await.unwrap();
    let notifier = as_user(&house, "notifier").await;
    assert!(notifier.bus.claim("oo.v1.push.claim.l.t.d".into(), b"{}".to_vec()).await.unwrap());
    let trainer = as_user(&house, "trainer").await;
    assert_eq!(trainer.bus.decided_about().await.unwrap(), std::slice::from_ref(&place.log));
    let (recommender, tenant) = (as_user(&house, "recommender").await, Default::default());
    for service in [&trainer, &recommender] {
        let models = Models::open(&service.bus).await.unwrap();
        let policy: PolicyName = "linear".parse().unwrap();
        assert!(models.get(&tenant, &policy, 1).await.unwrap().is_none());
    }
    drop(Models::open(&recommender.bus).await.unwrap().lineups().await.unwrap());
    assert!(Models::open(&trainer.bus).await.unwrap().all(&tenant).await.unwrap().is_empty());
    events.bus.purge(&place).await.expect("events erases");

    let found = SignedIn { user: user.clone() };
    auth.answer(CHECK_SESSION, 1, move |_: Check| std::future::ready(Ok(found.clone()))).await.unwrap();
    let gateway = as_user(&house, "gateway").await;
    let answer = gateway.bus.ask(CHECK_SESSION, &Check { secret: "s".into() }).await.unwrap();
    assert_eq!(answer.user, user);
    // What is refused is an error, not a silence.
    let refused = gateway.bus.append(SIGNALS, &place, "signal:2", b"s".to_vec(), None).await;
    assert!(matches!(refused, Err(AppendError::Away(_))), "{refused:?}");
}

#[test]
fn only_what_is_exact_is_allowed_of_the_engine() {
    for user in SERVICES {
        for subject in rights(user, 2).publish.iter().filter(|subject| subject.starts_with("$JS.API.")) {
            let (_, api) = subject.split_at("$JS.API.".len());
            let stream = api.split('.').find(|token| token.starts_with("OO_") || token.starts_with("KV_"));
            assert!(stream.is_some() || api == "INFO", "{user}: {subject} names no stream");
        }
    }
}
