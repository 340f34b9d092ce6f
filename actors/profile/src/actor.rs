//! A person's actor: folds their log, carries out what `behavior.rs` decides, settles deliveries when that is done.
//!
//! The log is the queue: what is in flight is what the shard's consumer lets through, and what is not settled comes again.

use crate::behavior::{self, Dice};
use crate::carry_out::carry_out;
use crate::compaction::Compaction;
use crate::reactions::{Reactions, Step};
use crate::residents::Residents;
use crate::settle::{COMPLETE_AGAIN, REACT_AGAIN, READ_AGAIN, Settle};
use crate::snapshot_store::SnapshotStore;
use bytes::Bytes;
use oo_contracts::decision::{Ask, Recommendation};
use oo_contracts::wire::{Complete, View};
use oo_contracts::{DecisionId, Timestamp};
use oo_runtime::logbook::{Logbook, open_entry};
use oo_runtime::metrics::Metrics;
use oo_runtime::{Clock, Metric, People, Person, crash, random, task};
use oo_subjects::trace::{self, Cause, Kind};
use oo_subjects::{AppendError, Bus, COMPLETE};
use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, RpcReplyPort};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tracing::Instrument as _;

/// Entries folded after which a snapshot is kept although the person stays: bounds the replay after a crash.
const SNAPSHOT_EVERY: u32 = 256;
/// Before somebody who is to leave and has something to do is asked again.
const LEAVE_AGAIN: Duration = Duration::from_millis(50);
/// A server whose clock is further ahead than this is not gone by.
const SERVER_AHEAD: Duration = Duration::from_secs(24 * 3600);
/// How long a provider may take to complete a task.
const COMPLETE_WITHIN: Duration = Duration::from_secs(15);

/// What all actors of a node share.
pub(crate) struct Tools {
    pub(crate) bus: Bus,
    pub(crate) people: People,
    pub(crate) logbook: Logbook,
    pub(crate) clock: Clock,
    pub(crate) metrics: Metrics,
    pub(crate) snapshots: SnapshotStore,
    pub(crate) residents: Residents,
    pub(crate) idle: Duration,
    pub(crate) compaction: Arc<Compaction>,
}

/// What an actor is started with.
pub(crate) struct Args {
    pub(crate) person: Arc<Person>,
    pub(crate) tools: Arc<Tools>,
}

/// An entry on its way into a profile.
pub(crate) struct Delivery {
    pub(crate) seq: u64,
    pub(crate) kind: &'static str,
    pub(crate) payload: Bytes,
    pub(crate) ack: Settle,
    /// Changes when the shard's deliveries may have had a gap: then the log is read before anything is folded.
    pub(crate) generation: u64,
    /// When the log had it, by the server's clock.
    pub(crate) arrived: Timestamp,
    /// What it followed from.
    pub(crate) cause: Cause,
}

/// What an actor is told.
pub(crate) enum Message {
    /// An entry arrived.
    Deliver(Box<Delivery>),
    /// The recommender answered, or did not.
    Recommended(Box<Ask>, Option<Box<Recommendation>>),
    /// The log took a tip, or refused a tip or a wake-up.
    Appended(Result<u64, AppendError>),
    /// All that followed from some entries is done, or failed.
    CarriedOut(bool),
    /// A page wants to know.
    Look(RpcReplyPort<Option<View>>),
    /// Time to leave if nothing happened.
    Rest,
    /// Another node has the shard: time to leave when all is done.
    Leave,
}

/// What an actor keeps.
pub(crate) struct State {
    who: ActorId,
    person: Arc<Person>,
    tools: Arc<Tools>,
    reactions: Reactions<Settle>,
    generation: u64,
    /// When the log had the entry that was the last occasion, and what followed from it.
    since: Timestamp,
    cause: Cause,
    /// The latest that the server's clock is known to have shown.
    reached: Timestamp,
    folded_since_snapshot: u32,
    last_heard: Instant,
}

/// One person.
pub(crate) struct PersonActor;

impl Actor for PersonActor {
    type Msg = Message;
    type State = State;
    type Arguments = Args;

    /// Wakes the person: snapshot, then the entries after it.
    async fn pre_start(&self, myself: ActorRef<Message>, args: Args) -> Result<State, ActorProcessingErr> {
        let began = Instant::now();
        let Args { person, tools } = args;
        let profile = Box::pin(tools.snapshots.load(&person)).await.unwrap_or_default();
        tools.metrics.shift(Metric::ProfileResident, 1);
        let mut state = State {
            who: myself.get_id(),
            person,
            reactions: Reactions::of(profile),
            generation: 0,
            since: Timestamp::UNIX_EPOCH,
            cause: Cause::default(),
            reached: Timestamp::UNIX_EPOCH,
            folded_since_snapshot: 0,
            last_heard: Instant::now(),
            tools,
        };
        state.catch_up().await?;
        state.tools.metrics.took(Metric::ProfileWake, began.elapsed().as_secs_f64());
        myself.send_after(state.tools.idle, || Message::Rest);
        Ok(state)
    }

    /// An error here means: this state is not to be trusted. What is unsettled comes again, to a fresh actor.
    async fn handle(
        &self,
        myself: ActorRef<Message>,
        message: Message,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        // In a box, all of it: ractor's loop has room for two of these futures, for as long as the actor lives.
        Box::pin(state.on_message(&myself, message)).await
    }

    /// Leaves a snapshot behind.
    async fn post_stop(&self, _myself: ActorRef<Message>, state: &mut State) -> Result<(), ActorProcessingErr> {
        if state.folded_since_snapshot > 0 {
            Box::pin(state.tools.snapshots.save(&state.person, state.reactions.profile())).await;
        }
        Ok(())
    }
}

/// However an actor ends, by rest, by an error or by a panic: nothing of its person is kept.
impl Drop for State {
    fn drop(&mut self) {
        self.tools.residents.leave(&self.person.place, self.who);
        self.tools.people.let_go(&self.person);
        self.tools.metrics.shift(Metric::ProfileResident, -1);
    }
}

impl State {
    async fn on_message(&mut self, myself: &ActorRef<Message>, message: Message) -> Result<(), ActorProcessingErr> {
        match message {
            Message::Deliver(delivery) => {
                let span = trace::span(Kind::Consumer, format_args!("fold {}", delivery.kind), &delivery.cause);
                self.on_delivery(myself, *delivery).instrument(span).await?;
            }
            Message::Recommended(ask, answer) => self.on_recommended(myself, *ask, answer),
            Message::Appended(result) => self.on_appended(myself, result).await?,
            Message::CarriedOut(done) => self.on_carried_out(myself, done).await,
            Message::Look(reply) => self.on_look(reply).await?,
            Message::Rest => self.on_rest(myself),
            Message::Leave => self.on_leave(myself),
        }
        Ok(())
    }

    async fn on_delivery(&mut self, myself: &ActorRef<Message>, delivery: Delivery) -> Result<(), ActorProcessingErr> {
        self.last_heard = Instant::now();
        self.reached = self.reached.max(delivery.arrived.min(self.tools.clock.wall() + SERVER_AHEAD));
        let Delivery { seq, kind, payload, ack, generation, arrived, cause: _ } = delivery;
        if generation != self.generation {
            // All of it: newer ones than this may have been given to another, too.
            self.catch_up_knowing(seq).await?;
            self.generation = generation;
        }
        let entry = match open_entry(&self.person, kind, &payload) {
            Ok(entry) => entry,
            Err(error) => {
                tracing::warn!(user = %self.person.user, seq, %error, tries = ack.tries, "an entry cannot be folded");
                self.reactions.deliver_unreadable(seq);
                ack.failed(&READ_AGAIN, &self.tools.metrics).await;
                return Ok(());
            }
        };
        self.folded_since_snapshot += u32::from(self.reactions.deliver(seq, &entry));
        crash::point("4-folded");
        self.tools.metrics.count(Metric::ProfileEntries, kind);
        if behavior::is_occasion(&entry) {
            self.since = arrived;
            self.cause = Cause::current();
        }
        if let (1, Some(answer)) = (ack.tries, behavior::answer(&entry)) {
            self.tools.metrics.count(Metric::ProfileAnswers, answer.label());
        }
        if let Some(complete) = behavior::at_provider(self.reactions.profile(), &self.person.user, &entry) {
            // The provider may be slow: this entry is settled when the provider is, the person's others go on.
            self.complete(complete, ack);
        } else {
            self.reactions.settle_later(ack);
        }
        self.react(myself).await;
        if self.folded_since_snapshot >= SNAPSHOT_EVERY {
            self.folded_since_snapshot = 0;
            let (tools, person, profile) = (self.tools.clone(), self.person.clone(), self.reactions.profile().clone());
            drop(task::spawn("snapshot", async move { tools.snapshots.save(&person, &profile).await }));
        }
        Ok(())
    }

    /// The person's time, which is no earlier than by the clock that brings wake-ups: on a clock behind that one, a wake-up that
    /// has come would be asked for once more, and come at once, and so on.
    fn now(&self) -> Timestamp {
        let clock = self.tools.clock;
        clock.now().max(clock.person_at(self.reached))
    }

    /// Reacts to what is unsettled. Mostly nothing follows, and it is settled at once.
    async fn react(&mut self, myself: &ActorRef<Message>) {
        let person = self.person.clone();
        loop {
            let now = self.now();
            let Some(step) = self.reactions.begin(now, |seq| dice(&person, seq, now)) else { return };
            if !step.effects.is_empty() {
                return self.carry_out(myself, step);
            }
            self.tools.bus.changed(&person.user, self.reactions.profile().seq()).await;
            self.settle_carried_out(true).await;
            if !self.reactions.has_more(true) {
                return;
            }
        }
    }

    fn on_recommended(&mut self, myself: &ActorRef<Message>, ask: Ask, answer: Option<Box<Recommendation>>) {
        let now = self.now();
        let step = self.reactions.recommended(ask, answer.map(|answer| *answer), now);
        self.carry_out(myself, step);
    }

    async fn on_appended(
        &mut self,
        myself: &ActorRef<Message>,
        result: Result<u64, AppendError>,
    ) -> Result<(), ActorProcessingErr> {
        match &result {
            // With it comes what slipped in before it.
            Ok(seq) => self.catch_up_to(*seq).await?,
            Err(error) => {
                self.tools.metrics.count(Metric::ProfileConflicts, "");
                tracing::debug!(user = %self.person.user, %error, "not appended, deciding again");
                // The log knows: something newer, or our own success that was not heard of.
                self.catch_up().await?;
            }
        }
        let now = self.now();
        let person = self.person.clone();
        let step = self.reactions.appended(result.is_ok(), now, |seq| dice(&person, seq, now));
        self.carry_out(myself, step);
        Ok(())
    }

    async fn on_carried_out(&mut self, myself: &ActorRef<Message>, done: bool) {
        self.settle_carried_out(done).await;
        if self.reactions.has_more(done) {
            self.react(myself).await;
        }
    }

    async fn settle_carried_out(&mut self, done: bool) {
        for ack in self.reactions.carried_out(done) {
            if done {
                ack.done(&self.tools.metrics).await;
            } else {
                ack.failed(&REACT_AGAIN, &self.tools.metrics).await;
            }
        }
    }

    async fn on_look(&mut self, reply: RpcReplyPort<Option<View>>) -> Result<(), ActorProcessingErr> {
        // A page may ask a node that does not own the shard: the log is the truth for both.
        self.catch_up().await?;
        let view = self.reactions.profile().view(self.now());
        // Nobody waits any more: nothing to do about it.
        let _ = reply.send(Some(view));
        Ok(())
    }

    fn on_rest(&mut self, myself: &ActorRef<Message>) {
        let quiet = self.last_heard.elapsed();
        if quiet >= self.tools.idle && self.reactions.is_idle() {
            self.tools.compaction.begin(&self.person, self.reactions.profile());
            myself.stop(None);
        } else {
            myself.send_after(self.tools.idle.saturating_sub(quiet).max(Duration::from_millis(50)), || Message::Rest);
        }
    }

    fn on_leave(&self, myself: &ActorRef<Message>) {
        if self.reactions.is_idle() {
            myself.stop(None);
        } else {
            myself.send_after(LEAVE_AGAIN, || Message::Leave);
        }
    }

    /// Folds all that the log has.
    async fn catch_up(&mut self) -> Result<(), ActorProcessingErr> {
        self.catch_up_knowing(0).await
    }

    /// Folds all that the log has, an entry among it that came from there: a replica that lags must not leave a hole before it.
    async fn catch_up_knowing(&mut self, known: u64) -> Result<(), ActorProcessingErr> {
        let after = self.reactions.profile().seq();
        // Rare, and large: not a part of each message's own future.
        let read = Box::pin(self.tools.logbook.read_knowing(&self.person, after, known)).await?;
        self.folded_since_snapshot += self.reactions.read(&read)?;
        Ok(())
    }

    /// Folds all that the log has up to an entry that it is known to have.
    async fn catch_up_to(&mut self, seq: u64) -> Result<(), ActorProcessingErr> {
        let known = self.reactions.profile().seq();
        if known < seq {
            let read = Box::pin(self.tools.logbook.read_until(&self.person, known, seq)).await?;
            self.folded_since_snapshot += self.reactions.read(&read)?;
        }
        Ok(())
    }

    /// Carries a step out in the background; how it ended is a message.
    fn carry_out(&self, myself: &ActorRef<Message>, step: Step) {
        let (tools, person, myself) = (self.tools.clone(), self.person.clone(), myself.clone());
        let (since, version) = (self.since, self.reactions.profile().seq());
        let span = trace::span(Kind::Internal, "react", &self.cause);
        let work = async move {
            let ended = carry_out(&tools, &person, step, since).await;
            if matches!(ended, Message::CarriedOut(true)) {
                tools.bus.changed(&person.user, version).await;
            }
            // A stopped actor takes no answer: what was not settled comes again, to the next one.
            let _ = myself.cast(ended);
        };
        drop(task::spawn("reaction", work.instrument(span)));
    }

    fn complete(&self, complete: Complete, ack: Settle) {
        let tools = self.tools.clone();
        let work = async move {
            match ack.while_alive(tools.bus.ask_within(COMPLETE, &complete, COMPLETE_WITHIN)).await {
                Ok(_) => ack.done(&tools.metrics).await,
                Err(error) => {
                    let (user, tries) = (&complete.user, ack.tries);
                    tracing::warn!(%user, %error, tries, "a task is not completed at its provider yet");
                    ack.failed(&COMPLETE_AGAIN, &tools.metrics).await;
                }
            }
        };
        drop(task::spawn("complete", work.in_current_span()));
    }
}

fn dice(person: &Person, seq: u64, now: Timestamp) -> Dice {
    let bytes = person.key.derive(&format!("decision|{seq}|{}", now.as_nanosecond()));
    let (bits, name) = bytes.split_at(8);
    let bits = bits.iter().fold(0, |bits, byte| (bits << 8) | u64::from(*byte));
    let id = random::hex(&name[..16]);
    // 32 hexadecimal digits fit an id's limits.
    let id: DecisionId = id.parse().expect("32 hexadecimal digits");
    let unit = random::hex(&person.key.derive("unit")[..16]).parse().expect("32 hexadecimal digits");
    Dice { id, bits, unit }
}
