//! Brings tips to devices: web push, and the subscriptions that say where to.

pub mod behavior;
mod delivery;
mod push;
mod subscription_store;

pub use push::new_vapid_key;

use futures_util::StreamExt as _;
use oo_contracts::http::Problem;
use oo_contracts::wire::{Done, PushLook, PushState, Subscribe, Unsubscribe};
use oo_runtime::outbound::{self, Outbound, Reach};
use oo_runtime::{Context, redis_store, web};
use oo_subjects::streams::{self, shared_consumer};
use oo_subjects::{PUSH_LOOK, SUBSCRIBE, UNSUBSCRIBE};
use push::Sender;
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use subscription_store::SubscriptionStore;
use url::Url;

/// Tips delivered at once.
const AT_ONCE: usize = 64;
/// Long enough for a slow push service between two signs of life.
const ACK_WAIT: Duration = Duration::from_secs(30);
const PULL_AGAIN: Duration = Duration::from_secs(1);

/// `OO_NOTIFIER__…`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// PEM file of the P-256 key that push services know us by.
    pub vapid_file: PathBuf,
    /// Who they may write to: `mailto:` or `https:`.
    pub vapid_subject: String,
    /// Lets endpoints be on loopback, and the subject be nobody: for the sandbox and for tests.
    #[serde(default)]
    pub loopback: bool,
}

/// Delivers until told to stop.
pub async fn serve(ctx: Context) -> anyhow::Result<()> {
    let settings: Settings = ctx.section()?;
    let reach = if settings.loopback { Reach::Loopback } else { Reach::Public };
    let sender = Sender::new(&settings, Outbound::new(reach)?)?;
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
    answer(&ctx, &store, sender.public_key(), reach).await?;
    let people = ctx.people().await?;
    let delivery = Arc::new(delivery::Delivery::new(ctx.clone(), people, store, sender));
    while !ctx.shutdown.is_cancelled() {
        if let Err(error) = pull(&ctx, &delivery).await {
            tracing::debug!(error = format!("{error:#}"), "pulling tips again");
        }
        tokio::select! {
            () = tokio::time::sleep(PULL_AGAIN) => {}
            () = ctx.shutdown.cancelled() => {}
        }
    }
    Ok(())
}

async fn pull(ctx: &Context, delivery: &Arc<delivery::Delivery>) -> anyhow::Result<()> {
    let stream = ctx.bus.jetstream().get_stream(streams::TIPS).await?;
    let config = shared_consumer("notifier", AT_ONCE as i64, ACK_WAIT);
    let consumer = stream.get_or_create_consumer("notifier", config).await?;
    let messages = consumer.messages().await?.take_until(ctx.shutdown.cancelled());
    messages
        .for_each_concurrent(AT_ONCE, |message| async {
            match message {
                Ok(message) => delivery.deliver(message).await,
                Err(error) => tracing::debug!(%error, "the pull of tips was disturbed"),
            }
        })
        .await;
    Ok(())
}

async fn answer(ctx: &Context, store: &SubscriptionStore, key: String, reach: Reach) -> anyhow::Result<()> {
    let (keeping, bus) = (store.clone(), ctx.bus.clone());
    ctx.answer(SUBSCRIBE, AT_ONCE, move |Subscribe { user, subscription }| {
        let (store, bus) = (keeping.clone(), bus.clone());
        async move {
            let endpoint =
                Url::parse(subscription.endpoint.as_str()).map_err(|_| refused("its endpoint is no address"))?;
            outbound::check(&endpoint, reach).map_err(|forbidden| refused(&forbidden.to_string()))?;
            store.keep(&user, &subscription).await.map_err(away)?;
            bus.changed(&user, 0).await;
            Ok(Done {})
        }
    })
    .await?;
    let (forgetting, bus) = (store.clone(), ctx.bus.clone());
    ctx.answer(UNSUBSCRIBE, AT_ONCE, move |Unsubscribe { user, device }| {
        let (store, bus) = (forgetting.clone(), bus.clone());
        async move {
            store.forget(&user, &device).await.map_err(away)?;
            bus.changed(&user, 0).await;
            Ok(Done {})
        }
    })
    .await?;
    let looking = store.clone();
    ctx.answer(PUSH_LOOK, AT_ONCE, move |PushLook { user }| {
        let (store, key) = (looking.clone(), key.clone());
        async move { Ok(PushState { key, devices: store.devices(&user).await.map_err(away)? }) }
    })
    .await
}

fn refused(why: &str) -> Problem {
    Problem::new(422, "this subscription cannot be used", why.to_owned())
}

fn away(error: impl std::fmt::Display) -> Problem {
    tracing::warn!(%error, "subscriptions cannot be reached");
    Problem::new(503, "not now", "try again in a moment")
}
