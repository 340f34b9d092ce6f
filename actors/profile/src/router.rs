//! Brings the entries of a shard to the people they are about, waking them if they sleep.

use crate::actor::{Args, Delivery, Message, PersonActor, Tools};
use crate::nodes::{Share, is_in};
use crate::reactions::is_gap;
use crate::settle::Settle;
use anyhow::Context as _;
use async_nats::jetstream::AckKind;
use async_nats::jetstream::consumer::Consumer;
use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::message::Acker;
use futures_util::{FutureExt as _, StreamExt as _};
use oo_contracts::http::Problem;
use oo_contracts::wire::View;
use oo_contracts::{LogId, Timestamp, UserId};
use oo_runtime::{Context, Person, crash};
use oo_subjects::streams::{MAX_IN_FLIGHT, PIN_TIMEOUT, PROFILE, shard_consumer};
use oo_subjects::trace::Cause;
use oo_subjects::{AppendError, Place, Shard};
use ractor::ActorRef;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio::task::unconstrained;

/// A pull ends well before the pin would.
const PULL_FOR: Duration = Duration::from_millis(PIN_TIMEOUT.as_millis() as u64 / 2);
const HEARTBEAT: Duration = Duration::from_millis(PULL_FOR.as_millis() as u64 / 3);
/// How long an entry may take that is delivered once more: its provider may be slow.
const REDRIVE_WITHIN: Duration = Duration::from_secs(25);
/// Before a shard that cannot be pulled is tried again.
const PULL_AGAIN: Duration = Duration::from_millis(250);
/// How long a page waits for a person to wake.
const LOOK_WITHIN: Duration = Duration::from_secs(3);
/// How long an actor may take to stop.
const LEAVE_WITHIN: Duration = Duration::from_secs(5);
/// How long an entry waits before it is tried again when its person's record cannot be had.
const RECORD_AGAIN: Duration = Duration::from_secs(1);

/// What all shards of this node share.
#[derive(Clone)]
pub(crate) struct Router {
    tools: Arc<Tools>,
    generations: Arc<AtomicU64>,
}

/// How a shard was left.
struct Left {
    /// Whether this node was given anything: the server pins whom it gives the first.
    was_pinned: bool,
    /// What it was given and did not take: the next node is to have it at once.
    untaken: Vec<Acker>,
}

impl Router {
    pub(crate) fn new(tools: Arc<Tools>) -> Self {
        Self { tools, generations: Arc::default() }
    }

    /// Pulls a shard whenever it is this node's, until the service stops. Only the member that the server pinned is given
    /// entries.
    pub(crate) async fn pull(&self, ctx: &Context, shard: Shard, mut share: Share) {
        loop {
            let is_ours = async { share.wait_for(|share| is_in(share, shard)).await.is_ok() };
            if !matches!(ctx.shutdown.run_until_cancelled(is_ours).await, Some(true)) {
                return;
            }
            match self.pull_while(ctx, shard, &mut share).await {
                Ok(left) => self.release(ctx, shard, left).await,
                Err(error) => {
                    tracing::debug!(shard = shard.0, error = format!("{error:#}"), "pulling again");
                    ctx.shutdown.run_until_cancelled(tokio::time::sleep(PULL_AGAIN)).await;
                }
            }
        }
    }

    /// Lets another node have a shard, at once where this one was given its entries: to unpin is to unpin whoever is pinned.
    /// Whoever woke here for it leaves when what they do is done.
    async fn release(&self, ctx: &Context, shard: Shard, left: Left) {
        let released = async {
            if !left.was_pinned {
                return Ok(());
            }
            let stream = ctx.bus.jetstream().get_stream_no_info(shard.stream()).await?;
            anyhow::Ok(stream.unpin_consumer(PROFILE, PROFILE).await?)
        };
        if let Err(error) = released.await {
            tracing::debug!(shard = shard.0, error = format!("{error:#}"), "not released; the server waits a moment");
        }
        for ack in left.untaken {
            let _ = ack.ack_with(AckKind::Nak(None)).await;
        }
        for actor in self.tools.residents.of_shard(shard, ctx.settings.log.shards) {
            let _ = actor.cast(Message::Leave);
        }
    }

    /// Pulls until the shard is another's, or the service stops.
    async fn pull_while(&self, ctx: &Context, shard: Shard, share: &mut Share) -> anyhow::Result<Left> {
        let stream = ctx.bus.jetstream().get_stream(shard.stream()).await?;
        let consumer: Consumer<pull::Config> = stream.get_or_create_consumer(PROFILE, shard_consumer()).await?;
        let mut entries = consumer
            .stream()
            .group(PROFILE)
            .max_messages_per_batch(MAX_IN_FLIGHT as usize)
            .expires(PULL_FOR)
            .heartbeat(HEARTBEAT)
            .messages()
            .await?;
        let mut generation = self.next_generation();
        let mut last = None;
        loop {
            let entry = tokio::select! {
                entry = entries.next() => entry,
                _ = share.wait_for(|share| !is_in(share, shard)) => break,
                () = ctx.shutdown.cancelled() => break,
            };
            let message = entry.context("the pull ended")??;
            let info = message.info().map_err(|error| anyhow::anyhow!("no delivery information: {error}"))?;
            if is_gap(last, info.consumer_sequence) {
                generation = self.next_generation();
            }
            last = Some(info.consumer_sequence);
            let (seq, tries) = (info.stream_sequence, usize::try_from(info.delivered).unwrap_or(1));
            let arrived = Timestamp::from_nanosecond(info.published.unix_timestamp_nanos())?;
            let cause = Cause::of(message.headers.as_ref());
            let (message, ack) = message.split();
            let Some((place, kind)) =
                Place::parse(&message.subject).and_then(|(place, kind)| Some((place, known(kind)?)))
            else {
                // Nobody writes such a subject; it is kept out of the way and told.
                let _ = ack.ack_with(AckKind::Term).await;
                continue;
            };
            crash::point("3-routed");
            let ack = Settle::to_server(ack, tries);
            let delivery = Delivery { seq, kind, payload: message.payload, ack, generation, arrived, cause };
            self.deliver(&place, delivery).await;
        }
        let mut left = Left { was_pinned: last.is_some(), untaken: vec![] };
        // However many there are: a task is let have so many in one go, and would see none behind them.
        while let Some(Some(Ok(message))) = unconstrained(entries.next()).now_or_never() {
            left.untaken.push(message.split().1);
            left.was_pinned = true;
        }
        Ok(left)
    }

    async fn deliver(&self, place: &Place, delivery: Delivery) {
        let person = match self.tools.residents.find(place) {
            Some(actor) => {
                // Where it is just leaving: what it did not take comes again soon, to its successor.
                let _ = actor.cast(Message::Deliver(Box::new(delivery)));
                return;
            }
            None => self.tools.people.of_log(&place.log).await,
        };
        let person = match person {
            Ok(Some(person)) => person,
            // The person was erased: nothing of theirs is handled any more.
            Ok(None) => {
                delivery.ack.give(AckKind::Ack).await;
                return;
            }
            Err(error) => {
                tracing::warn!(shard = place.shard.0, %error, "an entry waits for its person's record");
                delivery.ack.give(AckKind::Nak(Some(RECORD_AGAIN))).await;
                return;
            }
        };
        let actor = self.wake(person);
        let _ = actor.cast(Message::Deliver(Box::new(delivery)));
    }

    /// What a person's page should show.
    pub(crate) async fn look(&self, user: &UserId) -> anyhow::Result<View> {
        let person = self.tools.people.find(user).await?.context("nobody by that name")?;
        let actor = self.tools.residents.find(&person.place).unwrap_or_else(|| self.wake(person));
        let view = ractor::call_t!(actor, Message::Look, LOOK_WITHIN.as_millis() as u64)?;
        view.context("the person does not answer")
    }

    /// Delivers an entry once more that was given up. It was folded, if it can be, in its place in the log: what is done
    /// again is what follows from it. Safe to repeat, as every delivery is.
    ///
    /// # Errors
    /// 404 where there is no such entry, 409 where it is not settled this time either.
    pub(crate) async fn redrive(&self, log: &LogId, seq: u64) -> Result<(), Problem> {
        let away = |error: AppendError| Problem::new(503, "the log is not reachable", error.to_string());
        let place = self.tools.people.place(log);
        let given = self.tools.bus.given(&place.shard.stream(), seq).await.map_err(away)?;
        let kind = given.as_ref().and_then(|given| {
            let (of, kind) = Place::parse(&given.subject)?;
            known(kind).filter(|_| of == place)
        });
        let (Some(given), Some(kind)) = (given, kind) else {
            return Err(Problem::new(404, "no such entry", "this log has no entry of this sequence"));
        };
        let (ack, mut verdicts) = mpsc::unbounded_channel();
        let (ack, generation) = (Settle::to_asker(ack), self.next_generation());
        let (arrived, cause) = (self.tools.clock.wall(), Cause::current());
        self.deliver(&place, Delivery { seq, kind, payload: given.payload, ack, generation, arrived, cause }).await;
        let settled = tokio::time::timeout(REDRIVE_WITHIN, async {
            loop {
                match verdicts.recv().await {
                    Some(AckKind::Progress) => {}
                    verdict => return matches!(verdict, Some(AckKind::Ack)),
                }
            }
        });
        match settled.await {
            Ok(true) => Ok(()),
            _ => Err(Problem::new(409, "not settled", "it could not be handled this time either; the log says why")),
        }
    }

    /// Lets everybody leave, with a snapshot each.
    pub(crate) async fn leave(&self) {
        let all = self.tools.residents.everybody();
        let leaving = all.iter().map(|actor| actor.stop_and_wait(None, Some(LEAVE_WITHIN)));
        futures_util::future::join_all(leaving).await;
    }

    /// Somebody was erased: their actor stops, and leaves nothing behind. Says whether there was anything.
    pub(crate) async fn clear(&self, log: &LogId) -> anyhow::Result<bool> {
        // Before the actor stops, since it would keep a snapshot then.
        let had_snapshot = self.tools.snapshots.clear(log).await?;
        let actor = self.tools.residents.find(&self.tools.people.place(log));
        if let Some(actor) = &actor {
            let _ = actor.stop_and_wait(None, Some(LEAVE_WITHIN)).await;
        }
        Ok(had_snapshot || actor.is_some())
    }

    /// Stops the actors of those who are erased, whichever node was asked to clear them.
    pub(crate) async fn follow_leaving(&self) {
        let mut leaving = self.tools.people.leaving();
        loop {
            match leaving.recv().await {
                Ok(log) => {
                    if let Err(error) = self.clear(&log).await {
                        tracing::warn!(%log, error = format!("{error:#}"), "a snapshot is not removed yet");
                    }
                }
                // Too many at once to tell of each: whoever is not here any more goes.
                Err(RecvError::Lagged(_)) => self.leave().await,
                Err(RecvError::Closed) => return,
            }
        }
    }

    fn wake(&self, person: Arc<Person>) -> ActorRef<Message> {
        let place = person.place.clone();
        let args = Args { person, tools: self.tools.clone() };
        // It reads its log in its own task; messages wait in its mailbox meanwhile.
        let (actor, _started) = ractor::ActorRuntime::spawn_instant(None, PersonActor, args)
            .expect("an actor without a name cannot collide");
        self.tools.residents.enter(&place, actor.clone());
        actor
    }

    fn next_generation(&self) -> u64 {
        self.generations.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// The kinds of entries there are.
fn known(kind: &str) -> Option<&'static str> {
    oo_subjects::KINDS.into_iter().find(|subject| subject.kind == kind).map(|subject| subject.kind)
}

#[cfg(test)]
mod tests;
