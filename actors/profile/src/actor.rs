//! A person's actor: folds their log, carries out what `behavior.rs` decides, settles deliveries when that is done.
//!
//! The log is the queue: what is in flight is what the shard's consumer lets through, and what is not settled comes again.

use crate::behavior::{self, Dice, Effect};
use crate::residents::Residents;
use crate::snapshot_store::SnapshotStore;
use async_nats::jetstream::AckKind;
use async_nats::jetstream::message::Acker;
use bytes::Bytes;
use oo_contracts::decision::{Ask, Decision, Outcome, Recommendation, Silence};
use oo_contracts::entry::{Body, Entry};
use oo_contracts::tip::Tip;
use oo_contracts::wire::{Complete, View};
use oo_contracts::{DecisionId, Timestamp};
use oo_domain::profile::Profile;
use oo_runtime::logbook::{Logbook, open_entry};
use oo_runtime::metrics::Metrics;
use oo_runtime::{Clock, Metric, People, Person, crash, random, task};
use oo_subjects::streams::MAX_DELIVER;
use oo_subjects::{AppendError, Bus, COMPLETE, RECOMMEND};
use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, RpcReplyPort};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// How often a tip that lost against something newer is decided again before a wake-up is set instead.
const TRIES: u8 = 3;
/// Entries folded after which a snapshot is kept although the person stays: bounds the replay after a crash.
const SNAPSHOT_EVERY: u32 = 256;
/// How long a policy may take; the pool itself sheds load long before.
const CHOOSE_WITHIN: Duration = Duration::from_secs(2);
/// How long a provider may take to complete a task.
const COMPLETE_WITHIN: Duration = Duration::from_secs(15);
/// Before an entry that cannot be read is delivered again, by how often it was. A writer that is newer than this node may be
/// followed by a newer node soon.
const READ_AGAIN: [Duration; 4] =
    [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(10)];
/// Before a task that its provider did not complete is tried again: a provider may be away for a while.
const COMPLETE_AGAIN: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(15), Duration::from_secs(120), Duration::from_secs(1200)];
/// Before entries whose reaction could not be carried out come again.
const REACT_AGAIN: Duration = Duration::from_secs(1);

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
    /// How often it was delivered, this one included.
    pub(crate) tries: usize,
    /// Changes when the shard's deliveries may have had a gap: then the log is read before anything is folded.
    pub(crate) generation: u64,
    /// When the log had it, by the server's clock.
    pub(crate) arrived: Timestamp,
}

/// How a delivery is settled.
#[allow(clippy::large_enum_variant, reason = "nearly all are the large one")]
pub(crate) enum Settle {
    /// The server delivered it, and hears how it ends.
    Server(Acker),
    /// Somebody asked for it once more, and hears how it ends.
    Asker(mpsc::UnboundedSender<AckKind>),
}

impl Settle {
    /// Gives a verdict. One that does not arrive is none: the entry comes again and folds to nothing.
    pub(crate) async fn give(&self, kind: AckKind) {
        let _arrived = match self {
            Self::Server(acker) => acker.ack_with(kind).await.is_ok(),
            Self::Asker(asker) => asker.send(kind).is_ok(),
        };
    }
}

/// What an actor is told.
#[allow(clippy::large_enum_variant, reason = "nearly every message is the large one")]
pub(crate) enum Message {
    /// An entry arrived.
    Deliver(Delivery),
    /// The recommender answered, or did not.
    Recommended(Box<Ask>, Option<Box<Recommendation>>),
    /// A tip was appended, or was not.
    Given(Result<(), AppendError>),
    /// All that followed from some entries is done, or failed.
    CarriedOut(bool),
    /// A page wants to know.
    Look(RpcReplyPort<Option<View>>),
    /// Time to leave if nothing happened.
    Rest,
}

/// What an actor keeps.
pub(crate) struct State {
    who: ActorId,
    person: Arc<Person>,
    tools: Arc<Tools>,
    profile: Profile,
    /// The last entry of the log that cannot be read. It was seen nevertheless: a tip is given after it.
    unreadable: u64,
    generation: u64,
    /// Folded, but what follows from them is not done.
    unsettled: Vec<Settle>,
    /// The same, of the reaction under way.
    settling: Vec<Settle>,
    reacting: bool,
    /// Whether something among the unsettled is an occasion to speak.
    occasion: bool,
    /// When the log had the entry that was the last occasion.
    since: Timestamp,
    /// How often this reaction lost against something newer.
    tries: u8,
    /// The wake-up that the server holds, as far as this actor set it.
    wake: Option<Timestamp>,
    /// The silence that was kept last, until a policy is asked again.
    silence: Option<Silence>,
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
        // In a box, as all long waits of an actor are: its task is as large as the largest of them, for as long as it lives.
        let profile = Box::pin(tools.snapshots.load(&person)).await.unwrap_or_default();
        tools.metrics.shift(Metric::ProfileResident, 1);
        let mut state = State {
            who: myself.get_id(),
            person,
            profile,
            unreadable: 0,
            generation: 0,
            unsettled: vec![],
            settling: vec![],
            reacting: false,
            occasion: false,
            since: Timestamp::UNIX_EPOCH,
            tries: 0,
            wake: None,
            silence: None,
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
        match message {
            Message::Deliver(delivery) => state.on_delivery(&myself, delivery).await,
            Message::Recommended(ask, answer) => {
                state.on_recommended(&myself, *ask, answer);
                Ok(())
            }
            Message::Given(result) => state.on_given(&myself, result).await,
            Message::CarriedOut(done) => {
                state.on_carried_out(&myself, done);
                Ok(())
            }
            Message::Look(reply) => state.on_look(reply).await,
            Message::Rest => {
                state.on_rest(&myself);
                Ok(())
            }
        }
    }

    /// Leaves a snapshot behind.
    async fn post_stop(&self, _myself: ActorRef<Message>, state: &mut State) -> Result<(), ActorProcessingErr> {
        if state.folded_since_snapshot > 0 {
            Box::pin(state.tools.snapshots.save(&state.person, &state.profile)).await;
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
    async fn on_delivery(&mut self, myself: &ActorRef<Message>, delivery: Delivery) -> Result<(), ActorProcessingErr> {
        self.last_heard = Instant::now();
        let Delivery { seq, kind, payload, ack, tries, generation, arrived } = delivery;
        if generation != self.generation {
            self.catch_up().await?;
            self.generation = generation;
        }
        let entry = match open_entry(&self.person, kind, &payload) {
            Ok(entry) => entry,
            Err(error) => {
                tracing::warn!(user = %self.person.user, seq, %error, tries, "an entry cannot be folded");
                self.unreadable = self.unreadable.max(seq);
                let (kind, verdict) = again_or_dead(&READ_AGAIN, tries);
                self.settle(ack, kind, verdict);
                return Ok(());
            }
        };
        self.fold(seq, &entry);
        crash::point("4-folded");
        self.tools.metrics.count(Metric::ProfileEntries, kind);
        if behavior::is_occasion(&entry) {
            self.occasion = true;
            self.since = arrived;
        }
        if let (1, Some(answer)) = (tries, behavior::answer(&entry)) {
            self.tools.metrics.count(Metric::ProfileAnswers, answer.label());
        }
        if matches!(entry.body, Body::Moment { .. }) {
            // The server held one wake-up, and this was it, or an older one that it replaced.
            self.wake = None;
        }
        if let Some(complete) = behavior::at_provider(&self.profile, &self.person.user, &entry) {
            // The provider may be slow: this entry is settled when the provider is, the person's others go on.
            self.complete(complete, ack, tries);
        } else {
            self.unsettled.push(ack);
        }
        self.react(myself);
        if self.folded_since_snapshot >= SNAPSHOT_EVERY {
            self.folded_since_snapshot = 0;
            let (tools, person, profile) = (self.tools.clone(), self.person.clone(), self.profile.clone());
            drop(task::spawn("snapshot", async move { tools.snapshots.save(&person, &profile).await }));
        }
        Ok(())
    }

    /// Begins to react to what is unsettled, unless a reaction is under way: then that comes first.
    fn react(&mut self, myself: &ActorRef<Message>) {
        if self.reacting {
            return;
        }
        self.reacting = true;
        self.tries = 0;
        self.settling = std::mem::take(&mut self.unsettled);
        self.decide(myself);
    }

    fn decide(&mut self, myself: &ActorRef<Message>) {
        let now = self.tools.clock.now();
        let effects = if std::mem::take(&mut self.occasion) {
            behavior::look(&self.profile, now, || dice(&self.person, self.profile.seq(), now))
        } else {
            behavior::wake(&self.profile, None, now)
        };
        self.carry_out(myself, effects);
    }

    fn on_recommended(&mut self, myself: &ActorRef<Message>, ask: Ask, answer: Option<Box<Recommendation>>) {
        let now = self.tools.clock.now();
        let effects = match answer {
            Some(answer) => behavior::on_recommendation(&self.profile, ask, *answer, now),
            None => behavior::on_no_answer(&self.profile, now),
        };
        self.carry_out(myself, effects);
    }

    async fn on_given(
        &mut self,
        myself: &ActorRef<Message>,
        result: Result<(), AppendError>,
    ) -> Result<(), ActorProcessingErr> {
        // Whatever the answer was, the log knows: our tip, something newer, or our own earlier success.
        self.catch_up().await?;
        let now = self.tools.clock.now();
        match result {
            Ok(()) => self.carry_out(myself, behavior::wake(&self.profile, None, now)),
            Err(error) => {
                self.tools.metrics.count(Metric::ProfileConflicts, "");
                tracing::debug!(user = %self.person.user, %error, "tip not appended, deciding again");
                self.tries += 1;
                if self.tries < TRIES {
                    self.occasion = true;
                    self.decide(myself);
                } else {
                    self.carry_out(myself, behavior::on_no_answer(&self.profile, now));
                }
            }
        }
        Ok(())
    }

    fn on_carried_out(&mut self, myself: &ActorRef<Message>, done: bool) {
        for ack in std::mem::take(&mut self.settling) {
            if done {
                self.settle(ack, AckKind::Ack, "ack");
            } else {
                self.settle(ack, AckKind::Nak(Some(REACT_AGAIN)), "retry");
            }
        }
        self.reacting = false;
        if !done {
            self.wake = None;
            self.silence = None;
        }
        if !self.unsettled.is_empty() || (self.occasion && done) {
            self.react(myself);
        }
    }

    async fn on_look(&mut self, reply: RpcReplyPort<Option<View>>) -> Result<(), ActorProcessingErr> {
        // A page may ask a node that does not own the shard: the log is the truth for both.
        self.catch_up().await?;
        let view = self.profile.view(self.tools.clock.now());
        // Nobody waits any more: nothing to do about it.
        let _ = reply.send(Some(view));
        Ok(())
    }

    fn on_rest(&mut self, myself: &ActorRef<Message>) {
        let quiet = self.last_heard.elapsed();
        if quiet >= self.tools.idle && !self.reacting && self.unsettled.is_empty() {
            myself.stop(None);
        } else {
            myself.send_after(self.tools.idle.saturating_sub(quiet).max(Duration::from_millis(50)), || Message::Rest);
        }
    }

    /// Reads what the log has after the last entry folded. The profile is then what a fresh fold would be.
    async fn catch_up(&mut self) -> Result<(), ActorProcessingErr> {
        let read = Box::pin(self.tools.logbook.read(&self.person, self.profile.seq())).await?;
        for numbered in read.entries {
            self.fold(numbered.seq, &numbered.entry);
        }
        self.unreadable = read.unreadable.into_iter().fold(self.unreadable, u64::max);
        Ok(())
    }

    fn fold(&mut self, seq: u64, entry: &Entry) {
        if self.profile.fold(seq, entry) {
            self.folded_since_snapshot += 1;
        }
    }

    /// Carries effects out in order, in the background; the answer is a message.
    fn carry_out(&mut self, myself: &ActorRef<Message>, effects: Vec<Effect>) {
        let mut quick = Vec::new();
        let mut slow = None;
        for effect in effects {
            match effect {
                Effect::AskForTip(_) | Effect::GiveTip(_) => slow = Some(effect),
                // The server holds that one already.
                Effect::WakeAt(at, _) if self.wake == Some(at) => {}
                Effect::WakeAt(at, _) => {
                    self.wake = Some(at);
                    quick.push(effect);
                }
                // The same silence, still: it was kept when it began.
                Effect::Keep(ref decision) if self.is_still(decision) => {}
                Effect::Keep(_) => quick.push(effect),
            }
        }
        let (tools, person, seq, myself) =
            (self.tools.clone(), self.person.clone(), self.profile.seq(), myself.clone());
        let (since, seen) = (self.since, seq.max(self.unreadable));
        drop(task::spawn("reaction", async move {
            for effect in quick {
                if let Err(error) = do_quick(&tools, &person, effect).await {
                    tracing::warn!(user = %person.user, %error, "not carried out; the entry comes again");
                    let _ = myself.cast(Message::CarriedOut(false));
                    return;
                }
            }
            let told = match slow {
                Some(Effect::AskForTip(ask)) => {
                    crash::point("6-asking");
                    let answer = ask_for_tip(&tools, &person, &ask).await;
                    Message::Recommended(ask, answer)
                }
                Some(Effect::GiveTip(tip)) => {
                    let given = give_tip(&tools, &person, *tip, seen).await;
                    if given.is_ok() {
                        let took = tools.clock.wall().duration_since(since).as_secs_f64();
                        // The server's clock may be a little ahead of this one.
                        tools.metrics.took(Metric::ProfileReaction, took.max(0.0));
                    }
                    Message::Given(given)
                }
                _ => {
                    tools.bus.changed(&person.user, seq).await;
                    Message::CarriedOut(true)
                }
            };
            // A stopped actor takes no answer: what was not settled comes again, to the next one.
            let _ = myself.cast(told);
        }));
    }

    /// Whether a decision is the silence that was kept before, for the same reason and as long; it is the one to compare with
    /// from now on.
    fn is_still(&mut self, decision: &Decision) -> bool {
        let silence = match &decision.outcome {
            Outcome::Unavailable { silence } => Some(*silence),
            Outcome::Asked { .. } => None,
        };
        std::mem::replace(&mut self.silence, silence) == silence && silence.is_some()
    }

    fn complete(&self, complete: Complete, ack: Settle, tries: usize) {
        let tools = self.tools.clone();
        drop(task::spawn("complete", async move {
            let asked = tools.bus.ask_within(COMPLETE, &complete, COMPLETE_WITHIN);
            let done = keep_alive(&ack, asked).await;
            let (kind, verdict) = match done {
                Ok(_) => (AckKind::Ack, "ack"),
                Err(error) => {
                    tracing::warn!(user = %complete.user, %error, tries, "a task is not completed at its provider yet");
                    again_or_dead(&COMPLETE_AGAIN, tries)
                }
            };
            tools.metrics.count(Metric::ProfileVerdicts, verdict);
            ack.give(kind).await;
        }));
    }

    fn settle(&self, ack: Settle, kind: AckKind, verdict: &'static str) {
        self.tools.metrics.count(Metric::ProfileVerdicts, verdict);
        drop(task::spawn("settle", async move { ack.give(kind).await }));
    }
}

async fn do_quick(tools: &Tools, person: &Person, effect: Effect) -> Result<(), AppendError> {
    match effect {
        Effect::Keep(decision) => {
            if let Outcome::Unavailable { silence } = &decision.outcome {
                tools.metrics.count(Metric::ProfileSilences, silence.label());
            }
            tools.logbook.keep_decision(person, &decision).await?;
        }
        Effect::WakeAt(at, moment) => {
            let wall = tools.clock.wall_at(at);
            tools.logbook.wake_at(person, wall, at, Body::Moment { moment }).await?;
            crash::point("5-wake-set");
        }
        Effect::AskForTip(_) | Effect::GiveTip(_) => {}
    }
    Ok(())
}

async fn ask_for_tip(tools: &Tools, person: &Person, ask: &Ask) -> Option<Box<Recommendation>> {
    match tools.bus.ask_within(RECOMMEND, ask, CHOOSE_WITHIN).await {
        Ok(answer) => Some(Box::new(answer)),
        Err(error) => {
            tracing::warn!(user = %person.user, %error, "no recommendation; asking again soon");
            None
        }
    }
}

async fn give_tip(tools: &Tools, person: &Person, tip: Tip, seen: u64) -> Result<(), AppendError> {
    let (id, now) = (format!("tip:{}", tip.id), tools.clock.now());
    let (tip_id, decided_at) = (tip.id.clone(), tip.decided_at);
    let appended = tools.logbook.append(person, &id, now, Body::Tip { tip }, Some(seen)).await?;
    crash::point("8-appended");
    tools.metrics.count(Metric::ProfileTips, "");
    tracing::info!(user = %person.user, tip = %tip_id, seq = appended.seq, %decided_at, "tip chosen");
    Ok(())
}

/// Tells the server that work goes on while it does, so that a long one is not delivered again.
async fn keep_alive<T>(ack: &Settle, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    let mut beat = tokio::time::interval(oo_subjects::streams::ACK_WAIT / 3);
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = beat.tick() => ack.give(AckKind::Progress).await,
        }
    }
}

/// What becomes of an entry that could not be handled after so many deliveries: it comes again after a while, or it is dead.
/// A dead one stays in the log; the server tells `OO_DEAD` about it.
fn again_or_dead(again: &[Duration; MAX_DELIVER as usize - 1], tries: usize) -> (AckKind, &'static str) {
    match again.get(tries.saturating_sub(1)) {
        Some(after) => (AckKind::Nak(Some(*after)), "retry"),
        None => (AckKind::Term, "dead"),
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
