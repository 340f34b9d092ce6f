//! One tip on its way to a person's devices: claimed, put into words, sent, and its receipt given to the log.

use crate::behavior::{self, Verdict};
use crate::push::Sender;
use crate::subscription_store::SubscriptionStore;
use async_nats::jetstream::{AckKind, Message};
use futures_util::future::join_all;
use oo_contracts::SignalId;
use oo_contracts::entry::Body;
use oo_contracts::push::Subscription;
use oo_contracts::signal::{Delivery as Outcome, Fact, Signal};
use oo_contracts::tip::Tip;
use oo_contracts::wire::{Fetch, Ingest};
use oo_domain::words;
use oo_runtime::logbook::open_entry;
use oo_runtime::{Context, Metric, People, Person, crash};
use oo_subjects::{FETCH, INGEST, Place};
use std::time::Duration;

/// Before what could not even be begun is tried again.
const AGAIN: Duration = Duration::from_secs(2);
/// A sign of life to the stream while a push service is slow.
const BEAT: Duration = Duration::from_secs(10);

pub(crate) struct Delivery {
    ctx: Context,
    people: People,
    store: SubscriptionStore,
    sender: Sender,
}

impl Delivery {
    pub(crate) fn new(ctx: Context, people: People, store: SubscriptionStore, sender: Sender) -> Self {
        Self { ctx, people, store, sender }
    }

    /// Delivers one tip, and settles it when every device has an outcome or the tip is over.
    pub(crate) async fn deliver(&self, message: Message) {
        let work = self.work(&message);
        let mut work = std::pin::pin!(work);
        let mut beat = tokio::time::interval(BEAT);
        let kind = loop {
            tokio::select! {
                kind = &mut work => break kind,
                _ = beat.tick() => { let _ = message.ack_with(AckKind::Progress).await; }
            }
        };
        // A verdict that does not arrive is no verdict: the tip comes again, and its claims are there.
        let _ = message.ack_with(kind).await;
    }

    async fn work(&self, message: &Message) -> AckKind {
        let Some((place, kind)) = Place::parse(&message.subject) else { return AckKind::Term };
        let person = match self.people.of_log(&place.log).await {
            Ok(Some(person)) => person,
            // Erased: nothing of theirs is delivered any more.
            Ok(None) => return AckKind::Ack,
            Err(error) => {
                tracing::warn!(%error, "a tip waits for its person's record");
                return AckKind::Nak(Some(AGAIN));
            }
        };
        let tip = match open_entry(&person, kind, &message.payload) {
            Ok(entry) => match entry.body {
                Body::Tip { tip } => tip,
                _ => return AckKind::Term,
            },
            Err(error) => {
                tracing::warn!(user = %person.user, %error, "a tip cannot be read");
                return AckKind::Nak(Some(AGAIN));
            }
        };
        match self.to_all_devices(&person, &tip).await {
            Ok(()) => AckKind::Ack,
            Err(error) => {
                tracing::warn!(user = %person.user, tip = %tip.id, error = format!("{error:#}"), "a tip waits to be delivered");
                AckKind::Nak(Some(AGAIN))
            }
        }
    }

    async fn to_all_devices(&self, person: &Person, tip: &Tip) -> anyhow::Result<()> {
        let subscriptions = self.store.all(&person.user).await?;
        if subscriptions.is_empty() || self.ctx.clock.now() >= tip.not_after {
            return Ok(());
        }
        let words = match tip.subject.reference() {
            None => None,
            Some(reference) => {
                let fetch = Fetch { user: person.user.clone(), reference: reference.clone() };
                let words = self.ctx.bus.ask(FETCH, &fetch).await?;
                if words.over {
                    return Ok(());
                }
                Some(words)
            }
        };
        let (title, source) =
            words.as_ref().map_or((None, None), |words| (Some(words.title.as_str()), Some(words.source.as_str())));
        let message = behavior::message(&words::card(tip, title, source));
        join_all(subscriptions.iter().map(|subscription| self.to_device(person, tip, subscription, &message)))
            .await
            .into_iter()
            .collect()
    }

    async fn to_device(
        &self,
        person: &Person,
        tip: &Tip,
        subscription: &Subscription,
        message: &[u8],
    ) -> anyhow::Result<()> {
        let claim = format!("oo.v1.push.claim.{}.{}", tip.id, subscription.device);
        if !self.ctx.bus.claim(claim, b"{}".to_vec()).await? {
            // Claimed before, and then something was cut off: it may be on the screen. Topic and tag make a second one
            // replace the first, so it is sent again; how often that happens is counted.
            self.ctx.metrics.count(Metric::NotifierAmbiguous, "");
        }
        crash::point("9-claimed");
        let outcome = self.send_until_over(tip, subscription, message).await;
        crash::point("9-sent");
        let label = match outcome {
            Outcome::Accepted => "accepted",
            Outcome::Gone => "gone",
            Outcome::Failed { .. } => "failed",
        };
        self.ctx.metrics.count(Metric::NotifierPushes, label);
        if outcome == Outcome::Accepted {
            let wall = self.ctx.clock.wall().duration_since(self.ctx.clock.wall_at(tip.decided_at));
            self.ctx.metrics.took(Metric::NotifierDelay, wall.as_secs_f64());
        }
        if outcome == Outcome::Gone {
            self.store.forget(&person.user, &subscription.device).await?;
            self.ctx.bus.changed(&person.user, 0).await;
        }
        tracing::info!(user = %person.user, tip = %tip.id, device = %subscription.device, outcome = label, "push");
        let id: SignalId =
            format!("push-{}-{label}", short(&format!("{}|{}", tip.id, subscription.device), person)).parse()?;
        let fact = Fact::Delivered { tip: tip.id.clone(), device: subscription.device.clone(), outcome };
        let receipt = Signal { id, user: person.user.clone(), at: self.ctx.clock.now(), fact };
        self.ctx.bus.ask(INGEST, &Ingest { signals: vec![receipt] }).await?;
        Ok(())
    }

    /// Tries until it is taken, gone, refused, or over.
    async fn send_until_over(&self, tip: &Tip, subscription: &Subscription, message: &[u8]) -> Outcome {
        let mut tries = 0;
        loop {
            let left = self.ctx.clock.wait_until(tip.not_after);
            if left.is_zero() {
                return Outcome::Failed { status: None };
            }
            let (verdict, status) = self.sender.send(subscription, message, left).await;
            let pause = match verdict {
                Verdict::Accepted => return Outcome::Accepted,
                Verdict::Gone => return Outcome::Gone,
                Verdict::Failed => return Outcome::Failed { status },
                Verdict::Retry(after) => after.unwrap_or_else(|| behavior::pause(tries)),
            };
            if pause >= left {
                return Outcome::Failed { status };
            }
            tries += 1;
            tokio::time::sleep(pause).await;
        }
    }
}

fn short(about: &str, person: &Person) -> String {
    oo_runtime::random::hex(&person.key.derive(about)[..12])
}
