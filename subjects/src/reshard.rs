//! More shards for logs that are there.
//!
//! The numbers of shards are powers of two, so that a new shard takes logs from one old shard alone. Its stream gets each of
//! their entries at the sequence that it had, and in the places of all others something that is removed again: comparisons,
//! snapshots and decisions go by sequences, and stay true. Wake-ups follow at the end; decisions and copied tips stay where
//! they are, and are looked for under earlier shards too ([`Place::earlier`]).
//!
//! Each step may be done twice: who was interrupted begins again.

use crate::bus::{AppendError, Bus};
use crate::shard::{Place, Shard};
use crate::streams::{self, PROFILE, TIPS};
use crate::{INGEST, KINDS};
use async_nats::jetstream::consumer::pull::OrderedConfig;
use async_nats::jetstream::consumer::{self, DeliverPolicy};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::Stream;
use async_nats::{HeaderMap, RequestErrorKind, header};
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use oo_contracts::LogId;
use std::collections::{BTreeSet, VecDeque};

/// Acknowledgements that are waited for at once.
const UNDER_WAY: usize = 512;
/// What an entry is known by beside its place; what the server adds to it is the server's to add again.
const HEADERS: [&str; 2] = ["Nats-Msg-Id", "traceparent"];
/// How a wake-up says when it comes.
const SCHEDULE: &str = "Nats-Schedule";

/// Why a log cannot get more shards.
#[derive(Debug, thiserror::Error)]
pub enum ReshardError {
    #[error("from {from} to {to} shards nothing can be moved: both must be powers of two, and the second one larger")]
    NotMore { from: String, to: u16 },
    #[error("{0} dead letters name entries by their place: redrive or drop them first (`oo dead list`)")]
    Dead(u64),
    #[error("the server does not answer: {0}")]
    Away(#[from] AppendError),
    #[error("stream {name} cannot be filled: {cause}")]
    Stream { name: String, cause: String },
}

/// A log on its way to more shards.
pub struct Reshard<'a> {
    bus: &'a Bus,
    from: u16,
    to: u16,
    replicas: usize,
    is_committed: bool,
}

impl<'a> Reshard<'a> {
    /// Begins, or goes on where somebody was interrupted.
    pub async fn begin(bus: &'a Bus, to: u16) -> Result<Self, ReshardError> {
        let made = streams::made_for(bus.jetstream()).await?;
        let not_more = || ReshardError::NotMore { from: made.words(), to };
        let (from, is_committed) = match made.moving {
            Some((from, moving_to)) if moving_to == to => (from, made.shards == Some(to)),
            Some(_) => return Err(not_more()),
            None => (made.shards.ok_or_else(not_more)?, false),
        };
        if !(from.is_power_of_two() && to.is_power_of_two() && from < to) {
            return Err(not_more());
        }
        if made.dead > 0 {
            return Err(ReshardError::Dead(made.dead));
        }
        Ok(Self { bus, from, to, replicas: made.replicas, is_committed })
    }

    /// Copies the entries that are not copied yet, and says how many these were. May be done while services run, and again.
    pub async fn copy(&self) -> Result<u64, ReshardError> {
        let mut copied = 0;
        if !self.is_committed {
            for new in self.from..self.to {
                copied += self.fill(Shard(new)).await?;
            }
        }
        Ok(copied)
    }

    /// Whether nothing reads or writes logs any more, as far as the server knows.
    pub async fn is_quiet(&self) -> Result<bool, ReshardError> {
        let asked = self.bus.client().request(INGEST.name, Bytes::new()).await;
        if !asked.is_err_and(|error| error.kind() == RequestErrorKind::NoResponders) {
            return Ok(false);
        }
        for n in 0..self.from {
            let stream = self.bus.stream(&Shard(n).stream()).await?;
            if stream.consumer_info(PROFILE).await.is_ok_and(|info| info.num_waiting > 0) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Copies the rest and moves over. Nothing may run: whoever starts meanwhile is told to wait.
    pub async fn finish(self) -> Result<(), ReshardError> {
        let js = self.bus.jetstream();
        if !self.is_committed {
            streams::mark(js, None, Some((self.from, self.to))).await?;
            self.copy().await?;
            for n in self.from..self.to {
                let (old, new) = (self.old(Shard(n)), Shard(n));
                let (source, target) = (self.bus.stream(&old.stream()).await?, self.bus.stream(&new.stream()).await?);
                target.purge().filter(filler(new)).await.map_err(|cause| failed(&new.stream(), &cause))?;
                self.move_agenda(&source, old, new).await?;
                self.follow(&source, &target, new).await?;
            }
            self.source_tips().await?;
            streams::mark(js, Some(self.to), Some((self.from, self.to))).await?;
        }
        for n in 0..self.from {
            self.sweep(Shard(n)).await?;
        }
        Ok(streams::mark(js, Some(self.to), None).await?)
    }

    /// Which shard a new one takes logs from.
    fn old(&self, new: Shard) -> Shard {
        Shard(new.0 % self.from)
    }

    /// Lets a new shard's stream have what the old one has, each at its sequence.
    async fn fill(&self, new: Shard) -> Result<u64, ReshardError> {
        let name = new.stream();
        streams::make_log(self.bus.jetstream(), self.to, new, self.replicas).await?;
        let target = self.bus.stream(&name).await?;
        let source = self.bus.stream(&self.old(new).stream()).await?;
        let (mut have, until) = (target.cached_info().state.last_sequence, source.cached_info().state.last_sequence);
        if have >= until {
            return Ok(0);
        }
        let deliver_policy = DeliverPolicy::ByStartSequence { start_sequence: have + 1 };
        let config = OrderedConfig { deliver_policy, ..Default::default() };
        let consumer = source.create_consumer(config).await.map_err(|cause| failed(&name, &cause))?;
        let there = consumer.cached_info().num_pending;
        let mut entries = consumer.messages().await.map_err(|cause| failed(&name, &cause))?.take(there as usize);
        let (mut under_way, mut copied) = (VecDeque::with_capacity(UNDER_WAY), 0);
        let mut put = async |subject: String, message: PublishMessage, at: u64| -> Result<(), ReshardError> {
            // Where the server would put it elsewhere it refuses.
            let message = message.expected_last_sequence(at - 1);
            let acked = self.bus.jetstream().send_publish(subject, message).await.map_err(|e| failed(&name, &e))?;
            under_way.push_back(acked);
            while under_way.len() >= UNDER_WAY || (at == until && !under_way.is_empty()) {
                let Some(acked) = under_way.pop_front() else { break };
                acked.await.map_err(|cause| failed(&name, &cause))?;
            }
            Ok(())
        };
        while let Some(entry) = entries.try_next().await.map_err(|cause| failed(&name, &cause))? {
            let seq = entry.info().map_err(|cause| failed(&name, &cause))?.stream_sequence;
            if seq > until {
                break;
            }
            for gap in have + 1..seq {
                put(filler(new), PublishMessage::build(), gap).await?;
            }
            match self.moved(&entry.subject, new) {
                Some(subject) => {
                    copied += 1;
                    let message = carried(entry.headers.as_ref()).payload(entry.payload.clone());
                    put(subject, message, seq).await?;
                }
                None => put(filler(new), PublishMessage::build(), seq).await?,
            }
            have = seq;
        }
        for gap in have + 1..=until {
            put(filler(new), PublishMessage::build(), gap).await?;
        }
        Ok(copied)
    }

    /// The new subject of an entry, if the new shard is its log's.
    fn moved(&self, subject: &str, new: Shard) -> Option<String> {
        let (place, kind) = Place::parse(subject)?;
        let kind = KINDS.into_iter().find(|known| known.kind == kind)?;
        let place = Place::new(place.log, self.to);
        (place.shard == new).then(|| kind.of(&place))
    }

    /// The logs of an old shard that are not its any more, with all that is said of them under these subjects.
    async fn leavers(&self, stream: &Stream, subjects: &str) -> Result<BTreeSet<LogId>, ReshardError> {
        let name = stream.cached_info().config.name.clone();
        let told = stream.info_with_subjects(subjects).await.map_err(|cause| failed(&name, &cause))?;
        let log = |subject: String| subject.split('.').nth(4).and_then(|log| log.parse::<LogId>().ok());
        let told = told.map_ok(|(subject, _)| log(subject)).map_err(|cause| failed(&name, &cause));
        let told: Vec<Option<LogId>> = told.try_collect().await?;
        Ok(told.into_iter().flatten().filter(|log| Shard::of(log, self.to).0 >= self.from).collect())
    }

    /// Each person's next wake-up. One that came due meanwhile comes twice, which is a look too many and nothing else.
    async fn move_agenda(&self, source: &Stream, old: Shard, new: Shard) -> Result<(), ReshardError> {
        let name = new.stream();
        for log in self.leavers(source, &format!("oo.v1.agenda.{}.*", old.0)).await? {
            let (was, is) = (Place { shard: old, log: log.clone() }, Place::new(log, self.to));
            if is.shard != new {
                continue;
            }
            let Ok(waits) = source.direct_get_last_for_subject(was.agenda()).await else { continue };
            let Some(at) = waits.headers.get(SCHEDULE).cloned() else { continue };
            let message = PublishMessage::build()
                .payload(waits.payload)
                .header(SCHEDULE, at)
                .header("Nats-Schedule-Target", crate::MOMENTS.of(&is).as_str());
            let acked = self.bus.jetstream().send_publish(is.agenda(), message).await;
            acked.map_err(|cause| failed(&name, &cause))?.await.map_err(|cause| failed(&name, &cause))?;
        }
        Ok(())
    }

    /// Whatever the old shard's profile has not settled is delivered by the new one too; what it has is settled again, at most.
    async fn follow(&self, source: &Stream, target: &Stream, new: Shard) -> Result<(), ReshardError> {
        let Ok(settled) = source.consumer_info(PROFILE).await else { return Ok(()) };
        let made = target.get_or_create_consumer(PROFILE, from_floor(&settled)).await;
        made.map(drop).map_err(|cause| failed(&new.stream(), &cause))
    }

    /// New tips are copied from the new shards too; those that were moved have been copied before.
    async fn source_tips(&self) -> Result<(), ReshardError> {
        let mut config = self.bus.stream(TIPS).await?.cached_info().config.clone();
        let mut sources = config.sources.take().unwrap_or_default();
        for new in (self.from..self.to).map(Shard) {
            if sources.iter().all(|source| source.name != new.stream()) {
                let last = self.bus.stream(&new.stream()).await?.cached_info().state.last_sequence;
                sources.push(streams::tips_after(new, last));
            }
        }
        config.sources = Some(sources);
        self.bus.jetstream().update_stream(config).await.map(drop).map_err(|cause| failed(TIPS, &cause))
    }

    /// Removes what was moved from where it was: wake-ups first, which would append to what comes after.
    async fn sweep(&self, old: Shard) -> Result<(), ReshardError> {
        let stream = self.bus.stream(&old.stream()).await?;
        let mut left = self.leavers(&stream, &format!("oo.v1.agenda.{}.*", old.0)).await?;
        left.extend(self.leavers(&stream, &format!("oo.v1.log.{}.>", old.0)).await?);
        for log in left {
            let was = Place { shard: old, log };
            for subject in [was.agenda(), was.all()] {
                stream.purge().filter(subject).await.map_err(|cause| failed(&old.stream(), &cause))?;
            }
        }
        // What was under way to the old shard's profile and has moved would be told dead: it is delivered where it is now.
        if let Ok(settled) = stream.consumer_info(PROFILE).await {
            let cause = |cause: &dyn std::fmt::Display| failed(&old.stream(), cause);
            stream.delete_consumer(PROFILE).await.map_err(|error| cause(&error))?;
            stream.create_consumer(from_floor(&settled)).await.map_err(|error| cause(&error))?;
        }
        Ok(())
    }
}

/// The consumer of a shard, from where another has settled all.
fn from_floor(settled: &consumer::Info) -> consumer::pull::Config {
    let start_sequence = settled.ack_floor.stream_sequence + 1;
    let deliver_policy = DeliverPolicy::ByStartSequence { start_sequence };
    consumer::pull::Config { deliver_policy, ..streams::shard_consumer() }
}

/// What stands in the place of another shard's entry until it is removed: none of the consumers' subjects.
fn filler(shard: Shard) -> String {
    format!("oo.v1.agenda.{}.filler", shard.0)
}

/// A message with what its original is known by.
fn carried(headers: Option<&HeaderMap>) -> PublishMessage {
    let told = |name: &'static str| Some((name, headers?.get(name)?.clone()));
    HEADERS.into_iter().filter_map(told).fold(PublishMessage::build(), |message, (name, value)| {
        let name: header::HeaderName = name.parse().expect("a header's name");
        message.header(name, value)
    })
}

fn failed(name: &str, cause: &dyn std::fmt::Display) -> ReshardError {
    ReshardError::Stream { name: name.to_owned(), cause: cause.to_string() }
}
