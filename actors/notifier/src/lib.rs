//! Brings tips to people: by web push to their devices, and where none can be reached, by e-mail. Keeps where to.
//!
//! Start with `behavior.rs` (what an answer means), then `actor.rs` and `delivery.rs` (one tip's way), then `push.rs` (one
//! request). E-mail: `email.rs` (an address comes and goes), `delivery/letters.rs` (one letter's way), `post.rs` (one connection).

mod actor;
mod answer_store;
pub mod behavior;
mod delivery;
mod email;
mod email_store;
mod letter;
mod message;
mod post;
mod push;
mod subscription_store;

pub use push::new_vapid_key;

use actor::{Args, Message, NotifierActor};
use answer_store::AnswerStore;
use anyhow::Context as _;
use behavior::Verdict;
use delivery::{Delivery, host};
use email::Email;
use email_store::EmailStore;
use futures_util::StreamExt as _;
use oo_contracts::http::Problem;
use oo_contracts::push::{AnswerByToken, Subscription, TokenAnswer};
use oo_contracts::rights::{Clear, Cleared, Devices, HeldDevice};
use oo_contracts::signal::{Answer, Fact, Signal};
use oo_contracts::wire::{Done, Ingest, PushLook, PushState, PushTest, Subscribe, Unsubscribe};
use oo_contracts::{LogId, SignalId, UserId};
use oo_runtime::seal::{Tally, Walk};
use oo_runtime::{Context, People, redis_store, web};
use oo_subjects::streams::{self, shared_consumer};
use oo_subjects::{ANSWER_BY_TOKEN, CLEAR_DEVICES, DEVICES, INGEST, PUSH_LOOK, PUSH_TEST, SUBSCRIBE, UNSUBSCRIBE};
use post::Post;
use push::Sender;
use ractor::{Actor, ActorRef};
use secrecy::SecretString;
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use subscription_store::{KeepError, SubscriptionStore};
use url::Url;

/// The durable consumer that all notifiers share.
const CONSUMER: &str = "notifier";
/// Tips under way at once. Most of them wait; how many requests there are at once is `push.rs`'s to bound.
const UNDER_WAY: i64 = 1024;
/// Short, since a takeover waits for it; a delivery reports progress.
const ACK_WAIT: Duration = Duration::from_secs(10);
/// A pull whose server says nothing for twice this long is made anew.
const HEARTBEAT: Duration = Duration::from_secs(5);
const PULL_AGAIN: Duration = Duration::from_millis(500);
/// A test that comes later than this is no use any more.
const TEST_LIVES: Duration = Duration::from_secs(60);
/// Questions about subscriptions answered at once.
const ANSWERS: usize = 64;

/// `OO_NOTIFIER__…`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// PEM file of the P-256 key that push services know us by. Another key ends all subscriptions.
    pub vapid_file: PathBuf,
    /// Who push services may write to: `mailto:` or `https:`.
    pub vapid_subject: String,
    /// Lets endpoints be on loopback, and the subject be nobody: for the sandbox and for tests.
    #[serde(default)]
    pub loopback: bool,
    /// The push services that may be called, a comma between them, `*.` for all below a name; any public one if empty.
    #[serde(default)]
    pub hosts: String,
    /// The mail server that takes letters: `smtps://`, or `smtp://` for STARTTLS, with a user if it wants one. None are written
    /// without it.
    #[serde(default)]
    pub smtp_url: Option<Url>,
    /// That user's password.
    #[serde(default)]
    pub smtp_password: Option<SecretString>,
    /// Who letters are from, such as `oO <oo@your.domain>`.
    #[serde(default)]
    pub smtp_from: Option<String>,
    /// Where the page is, for the links in letters.
    #[serde(default)]
    pub public_url: Option<Url>,
}

impl Settings {
    fn hosts(&self) -> Vec<String> {
        self.hosts.split(',').map(|host| host.trim().to_ascii_lowercase()).filter(|host| !host.is_empty()).collect()
    }
}

/// Delivers until told to stop.
pub async fn serve(ctx: Context) -> anyhow::Result<()> {
    let settings: Settings = ctx.section()?;
    let sender = Arc::new(Sender::new(&settings, ctx.clock)?);
    let redis = redis_store::connect(&ctx.settings.redis)?;
    ctx.health.depends_on("redis", {
        let redis = redis.clone();
        move || {
            let redis = redis.clone();
            async move { redis_store::is_up(&redis).await }
        }
    });
    web::serve_health(&ctx).await?;
    let store = SubscriptionStore::new(redis.clone(), ctx.keyring()?);
    let answers = AnswerStore::new(redis.clone());
    let post = Post::new(&settings)?.map(Arc::new);
    let people = ctx.people().await?;
    let email = Email { store: EmailStore::new(redis, ctx.keyring()?, people.clone()), post };
    answer(&ctx, &people, (&store, &email), &sender).await?;
    take_answers(&ctx, &people, &answers).await?;
    email.answer(&ctx, &people).await?;
    clear(&ctx, (&store, &email.store), &answers).await?;
    let delivery = Arc::new(Delivery::new(ctx.clone(), people, (store, answers), sender, email));
    let (notifier, _ended) = Actor::spawn(None, NotifierActor, Args { ctx: ctx.clone(), delivery }).await?;
    ctx.health.start();
    while !ctx.shutdown.is_cancelled() {
        if let Err(error) = pull(&ctx, &notifier).await {
            tracing::debug!(error = format!("{error:#}"), "pulling tips again");
        }
        tokio::select! {
            () = tokio::time::sleep(PULL_AGAIN) => {}
            () = ctx.shutdown.cancelled() => {}
        }
    }
    // What is under way is tracked by the context: it is cut where it waits and given back to the stream.
    notifier.stop(None);
    Ok(())
}

/// Walks over the push subscriptions and addresses: which keys of the ring wrap them, wrapped again where asked to. For
/// `oo vault`.
pub async fn sealed(ctx: &Context, walk: Walk) -> anyhow::Result<Tally> {
    let redis = redis_store::connect(&ctx.settings.redis)?;
    let subscriptions = SubscriptionStore::new(redis.clone(), ctx.keyring()?);
    let addresses = EmailStore::new(redis, ctx.keyring()?, ctx.people().await?);
    let away = "Redis does not answer: is it running, and OO_REDIS__URL right?";
    let mut tally = Tally::default();
    subscriptions.sealed(walk, &mut tally).await.context(away)?;
    addresses.sealed(walk, &mut tally).await.context(away)?;
    Ok(tally)
}

async fn pull(ctx: &Context, notifier: &ActorRef<Message>) -> anyhow::Result<()> {
    let stream = ctx.bus.jetstream().get_stream(streams::TIPS).await?;
    let consumer = stream.get_or_create_consumer(CONSUMER, shared_consumer(CONSUMER, UNDER_WAY, ACK_WAIT)).await?;
    let mut tips = consumer.stream().heartbeat(HEARTBEAT).messages().await?;
    loop {
        let tip = tokio::select! {
            tip = tips.next() => tip,
            () = ctx.shutdown.cancelled() => return Ok(()),
        };
        let tip = tip.context("the pull ended")??;
        notifier.cast(Message::Deliver(Box::new(tip)))?;
    }
}

async fn answer(
    ctx: &Context,
    people: &People,
    (store, email): (&SubscriptionStore, &Email),
    sender: &Arc<Sender>,
) -> anyhow::Result<()> {
    let (own, store_of, sending, bus, clock) =
        (people.clone(), store.clone(), sender.clone(), ctx.bus.clone(), ctx.clock);
    ctx.answer(SUBSCRIBE, ANSWERS, move |Subscribe { user, subscription }| {
        let (people, store, sender, bus) = (own.clone(), store_of.clone(), sending.clone(), bus.clone());
        async move {
            sender.check(&subscription).map_err(|unusable| refused(&unusable))?;
            let log = log_of(&people, &user).await?;
            store.keep(&log, &subscription, clock.wall()).await.map_err(|error| match error {
                KeepError::TooMany => refused(&error),
                KeepError::Away(_) | KeepError::Garbled(_) => away(error),
            })?;
            if people.has_left(&log) {
                // Erased while it was kept: nothing of theirs stays.
                store.clear(&log).await.map_err(away)?;
                return Err(nobody());
            }
            bus.changed(&user, 0).await;
            Ok(Done {})
        }
    })
    .await?;
    let (own, store_of, bus) = (people.clone(), store.clone(), ctx.bus.clone());
    ctx.answer(UNSUBSCRIBE, ANSWERS, move |Unsubscribe { user, device }| {
        let (people, store, bus) = (own.clone(), store_of.clone(), bus.clone());
        async move {
            store.forget(&log_of(&people, &user).await?, &device).await.map_err(away)?;
            bus.changed(&user, 0).await;
            Ok(Done {})
        }
    })
    .await?;
    let (own, store_of, key, writes) = (people.clone(), store.clone(), sender.public_key(), email.post.is_some());
    ctx.answer(PUSH_LOOK, ANSWERS, move |PushLook { user }| {
        let (people, store, key) = (own.clone(), store_of.clone(), key.clone());
        async move {
            let devices = store.devices(&log_of(&people, &user).await?).await.map_err(away)?;
            Ok(PushState { key, devices, email: writes })
        }
    })
    .await?;
    let (own, store_of, emails) = (people.clone(), store.clone(), email.clone());
    ctx.answer(DEVICES, ANSWERS, move |PushLook { user }| {
        let (people, store, email) = (own.clone(), store_of.clone(), emails.clone());
        async move {
            let log = log_of(&people, &user).await?;
            let all = store.all(&log).await.map_err(away)?;
            let reached = store.reached(&log).await.map_err(away)?;
            let held = |kept: Subscription| HeldDevice {
                service: host(&kept),
                reached: reached.get(&kept.device).copied(),
                device: kept.device,
                name: kept.name,
            };
            Ok(Devices { devices: all.into_iter().map(held).collect(), email: email.held(&log).await? })
        }
    })
    .await?;
    let (own, store_of, sending, clock) = (people.clone(), store.clone(), sender.clone(), ctx.clock);
    ctx.answer(PUSH_TEST, ANSWERS, move |PushTest { user, device }| {
        let (people, store, sender) = (own.clone(), store_of.clone(), sending.clone());
        async move {
            let log = log_of(&people, &user).await?;
            let all = store.all(&log).await.map_err(away)?;
            let subscription = all.into_iter().find(|kept| kept.device == device).ok_or_else(gone)?;
            // The place is held while it is sent, as any other's.
            let _place = sender.place(&subscription).await;
            let sent = sender.send(&subscription, &message::test(subscription.language), TEST_LIVES).await;
            match sent.verdict {
                Verdict::Accepted => {
                    let taken = store.taken(&log, &device, &host(&subscription), clock.wall()).await;
                    taken.map_err(away)?;
                    Ok(Done {})
                }
                Verdict::Gone => {
                    store.end(&log, &subscription).await.map_err(away)?;
                    Err(gone())
                }
                Verdict::KeyAlarm | Verdict::TooLarge | Verdict::Refused | Verdict::Retry { .. } => {
                    Err(Problem::new(502, "the push service did not take it", "try again in a moment"))
                }
            }
        }
    })
    .await
}

/// Takes the answers that come by a token: each once, from whoever has it.
async fn take_answers(ctx: &Context, people: &People, answers: &AnswerStore) -> anyhow::Result<()> {
    let (people, answers, bus, clock) = (people.clone(), answers.clone(), ctx.bus.clone(), ctx.clock);
    ctx.answer(ANSWER_BY_TOKEN, ANSWERS, move |AnswerByToken { token }| {
        let (people, answers, bus) = (people.clone(), answers.clone(), bus.clone());
        async move {
            let (log, secret) = answer_store::parts(&token).ok_or_else(used)?;
            let promise = answers.find((&log, secret), clock.wall()).await.map_err(away)?.ok_or_else(used)?;
            let person = people.of_log(&log).await.map_err(away)?.ok_or_else(used)?;
            let (name, answer) = match promise.answer {
                TokenAnswer::Done => ("done", Answer::Done),
                TokenAnswer::Later => ("later", Answer::NotNow { until: None }),
            };
            // The same button of the same tip is the same answer, however it comes.
            let id: SignalId = format!("push-{name}-{}", promise.tip).parse().map_err(away)?;
            let fact = Fact::Feedback { tip: promise.tip, answer };
            let signal = Signal { id, user: person.user.clone(), at: clock.now(), fact };
            bus.ask(INGEST, &Ingest { signals: vec![signal] }).await.map_err(away)?;
            // Only now: an answer that the log does not have may be given again.
            answers.spend(&log, secret).await.map_err(away)?;
            tracing::debug!(user = %person.user, device = %promise.device, "answered from a notification");
            Ok(Done {})
        }
    })
    .await
}

async fn clear(
    ctx: &Context,
    (store, emails): (&SubscriptionStore, &EmailStore),
    answers: &AnswerStore,
) -> anyhow::Result<()> {
    let (store, emails, answers) = (store.clone(), emails.clone(), answers.clone());
    ctx.answer(CLEAR_DEVICES, ANSWERS, move |Clear { log }| {
        let (store, emails, answers) = (store.clone(), emails.clone(), answers.clone());
        async move {
            answers.clear(&log).await.map_err(away)?;
            let addresses = emails.clear(&log).await.map_err(away)?;
            Ok(Cleared { removed: store.clear(&log).await.map_err(away)? + addresses, left: 0 })
        }
    })
    .await
}

fn used() -> Problem {
    Problem::new(410, "this answer was given, or its time is over", "open the page to see how it stands")
}

/// By which name a person's subscriptions are kept.
async fn log_of(people: &People, user: &UserId) -> Result<LogId, Problem> {
    let person = people.find(user).await.map_err(away)?.ok_or_else(nobody)?;
    Ok(person.place.log.clone())
}

fn gone() -> Problem {
    Problem::new(404, "this device has no subscription", "allow notifications in its browser again")
}

fn nobody() -> Problem {
    Problem::new(404, "nobody by that name", "this person is not here")
}

fn refused(why: &impl std::fmt::Display) -> Problem {
    Problem::new(422, "this subscription cannot be used", why.to_string())
}

fn away(error: impl std::fmt::Display) -> Problem {
    tracing::warn!(%error, "subscriptions cannot be reached");
    Problem::new(503, "subscriptions cannot be reached", "try again in a moment")
}
