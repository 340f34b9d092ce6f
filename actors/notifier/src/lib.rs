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
use delivery::Delivery;
use futures_util::StreamExt as _;
use oo_contracts::http::Problem;
use oo_contracts::wire::{Done, PushLook, PushState, Subscribe, Unsubscribe};
use oo_runtime::seal::{Tally, Walk};
use oo_runtime::{Context, redis_store, web};
use oo_subjects::streams::{self, shared_consumer};
use oo_subjects::{PUSH_LOOK, SUBSCRIBE, UNSUBSCRIBE};
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
    answer(&ctx, &store, &sender).await?;
    let people = ctx.people().await?;
    let delivery = Arc::new(Delivery::new(ctx.clone(), people, store, sender));
    let (notifier, _ended) = Actor::spawn(None, NotifierActor, Args { ctx: ctx.clone(), delivery }).await?;
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

async fn answer(ctx: &Context, store: &SubscriptionStore, sender: &Arc<Sender>) -> anyhow::Result<()> {
    let (keeping, sending, bus) = (store.clone(), sender.clone(), ctx.bus.clone());
    ctx.answer(SUBSCRIBE, ANSWERS, move |Subscribe { user, subscription }| {
        let (store, sender, bus) = (keeping.clone(), sending.clone(), bus.clone());
        async move {
            sender.check(&subscription).map_err(|unusable| refused(&unusable))?;
            store.keep(&user, &subscription).await.map_err(|error| match error {
                KeepError::TooMany => refused(&error),
                KeepError::Away(_) | KeepError::Garbled(_) => away(error),
            })?;
            bus.changed(&user, 0).await;
            Ok(Done {})
        }
    })
    .await?;
    let (forgetting, bus) = (store.clone(), ctx.bus.clone());
    ctx.answer(UNSUBSCRIBE, ANSWERS, move |Unsubscribe { user, device }| {
        let (store, bus) = (forgetting.clone(), bus.clone());
        async move {
            store.forget(&user, &device).await.map_err(away)?;
            bus.changed(&user, 0).await;
            Ok(Done {})
        }
    })
    .await?;
    let (looking, key) = (store.clone(), sender.public_key());
    ctx.answer(PUSH_LOOK, ANSWERS, move |PushLook { user }| {
        let (store, key) = (looking.clone(), key.clone());
        async move { Ok(PushState { key, devices: store.devices(&user).await.map_err(away)? }) }
    })
    .await
}

fn refused(why: &impl std::fmt::Display) -> Problem {
    Problem::new(422, "this subscription cannot be used", why.to_string())
}

fn away(error: impl std::fmt::Display) -> Problem {
    tracing::warn!(%error, "subscriptions cannot be reached");
    Problem::new(503, "subscriptions cannot be reached", "try again in a moment")
}
