//! Brings tips to devices: web push, and the subscriptions that say where to.
//!
//! Start with `behavior.rs` (what an answer means), then `actor.rs` and `delivery.rs` (one tip's way), then `push.rs` (one request).

mod actor;
pub mod behavior;
mod delivery;
mod message;
mod push;
mod subscription_store;

pub use push::new_vapid_key;

use actor::{Args, Message, NotifierActor};
use anyhow::Context as _;
use delivery::{Delivery, host};
use futures_util::StreamExt as _;
use oo_contracts::http::Problem;
use oo_contracts::push::Subscription;
use oo_contracts::rights::{Clear, Cleared, Devices, HeldDevice};
use oo_contracts::wire::{Done, PushLook, PushState, Subscribe, Unsubscribe};
use oo_contracts::{LogId, UserId};
use oo_runtime::seal::{Tally, Walk};
use oo_runtime::{Context, People, redis_store, web};
use oo_subjects::streams::{self, shared_consumer};
use oo_subjects::{CLEAR_DEVICES, DEVICES, PUSH_LOOK, SUBSCRIBE, UNSUBSCRIBE};
use push::Sender;
use ractor::{Actor, ActorRef};
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use subscription_store::{KeepError, SubscriptionStore};

/// The durable consumer that all notifiers share.
const CONSUMER: &str = "notifier";
/// Tips under way at once. Most of them wait; how many requests there are at once is `push.rs`'s to bound.
const UNDER_WAY: i64 = 1024;
/// Short, since a takeover waits for it; a delivery reports progress.
const ACK_WAIT: Duration = Duration::from_secs(10);
/// A pull whose server says nothing for twice this long is made anew.
const HEARTBEAT: Duration = Duration::from_secs(5);
const PULL_AGAIN: Duration = Duration::from_millis(500);
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
    let store = SubscriptionStore::new(redis, ctx.keyring()?);
    let people = ctx.people().await?;
    answer(&ctx, &people, &store, &sender).await?;
    let delivery = Arc::new(Delivery::new(ctx.clone(), people, store, sender));
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

/// Walks over the push subscriptions: which keys of the ring wrap them, wrapped again where asked to. For `oo vault`.
pub async fn sealed(ctx: &Context, walk: Walk) -> anyhow::Result<Tally> {
    let store = SubscriptionStore::new(redis_store::connect(&ctx.settings.redis)?, ctx.keyring()?);
    store.sealed(walk).await.context("Redis does not answer: is it running, and OO_REDIS__URL right?")
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

async fn answer(ctx: &Context, people: &People, store: &SubscriptionStore, sender: &Arc<Sender>) -> anyhow::Result<()> {
    let (own, store_of, sending, bus) = (people.clone(), store.clone(), sender.clone(), ctx.bus.clone());
    ctx.answer(SUBSCRIBE, ANSWERS, move |Subscribe { user, subscription }| {
        let (people, store, sender, bus) = (own.clone(), store_of.clone(), sending.clone(), bus.clone());
        async move {
            sender.check(&subscription).map_err(|unusable| refused(&unusable))?;
            let log = log_of(&people, &user).await?;
            store.keep(&log, &subscription).await.map_err(|error| match error {
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
    let (own, store_of, key) = (people.clone(), store.clone(), sender.public_key());
    ctx.answer(PUSH_LOOK, ANSWERS, move |PushLook { user }| {
        let (people, store, key) = (own.clone(), store_of.clone(), key.clone());
        async move {
            let devices = store.devices(&log_of(&people, &user).await?).await.map_err(away)?;
            Ok(PushState { key, devices })
        }
    })
    .await?;
    let (own, store_of) = (people.clone(), store.clone());
    ctx.answer(DEVICES, ANSWERS, move |PushLook { user }| {
        let (people, store) = (own.clone(), store_of.clone());
        async move {
            let all = store.all(&log_of(&people, &user).await?).await.map_err(away)?;
            let held = |kept: Subscription| HeldDevice { service: host(&kept), device: kept.device };
            Ok(Devices { devices: all.into_iter().map(held).collect() })
        }
    })
    .await?;
    let store_of = store.clone();
    ctx.answer(CLEAR_DEVICES, ANSWERS, move |Clear { log }| {
        let store = store_of.clone();
        async move { Ok(Cleared { removed: store.clear(&log).await.map_err(away)?, left: 0 }) }
    })
    .await
}

/// By which name a person's subscriptions are kept.
async fn log_of(people: &People, user: &UserId) -> Result<LogId, Problem> {
    let person = people.find(user).await.map_err(away)?.ok_or_else(nobody)?;
    Ok(person.place.log.clone())
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
