//! More shards for logs that are there, while nothing runs.
//!
//! The numbers of shards are powers of two, so that a new shard takes logs from one old shard alone. Its stream gets each of
//! their entries at the sequence that it had, and in the places of all others something that is removed again: comparisons,
//! snapshots and decisions go by sequences, and stay true. Wake-ups follow, then what came due meanwhile. Decisions and copied
//! tips stay where they are, and are looked for under earlier shards too ([`Place::earlier`]).
//!
//! Each step may be done twice: who was interrupted begins again. Until the end no service starts on this log.

use crate::bus::{AppendError, Bus, SCHEDULE, scheduled};
use crate::shard::{Place, Shard};
use crate::streams::{self, Made, Moving, PROFILE, TIPS};
use crate::trace::TRACEPARENT;
use crate::{INGEST, KINDS, MOMENTS};
use async_nats::jetstream::consumer::pull::OrderedConfig;
use async_nats::jetstream::consumer::{self, DeliverPolicy};
use async_nats::jetstream::context::ConsumerInfoErrorKind;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{LastRawMessageErrorKind, Stream};
use async_nats::{HeaderMap, RequestErrorKind, header};
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use oo_contracts::LogId;
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

/// Acknowledgements that are waited for at once.
const UNDER_WAY: usize = 512;
/// How long the server may take to hand out the next entry.
const NEXT_WITHIN: Duration = Duration::from_secs(10);

/// Why a log cannot get more shards.
#[derive(Debug, thiserror::Error)]
pub enum ReshardError {
    #[error("from {from} to {to} shards nothing can be moved: both must be powers of two, and the second one larger")]
    NotMore { from: String, to: u16 },
    #[error("it moves to {0} shards already: let that come to its end first")]
    Elsewhere(u16),
    #[error("{0} dead letters name entries by their place: redrive or drop them first (`oo dead list`)")]
    Dead(u64),
    #[error("services run still, or the server cannot say")]
    Busy,
    #[error("{0} is there already, and nobody knows whose: remove it if you do")]
    There(String),
    #[error("{subject} at {seq} was written while nothing should run: stop all services, and restore the backup")]
    Written { subject: String, seq: u64 },
    #[error("the server does not answer: {0}")]
    Away(#[from] AppendError),
    #[error("stream {name} cannot be filled: {cause}")]
    Stream { name: String, cause: String },
}

/// A log on its way to more shards.
pub struct Reshard<'a> {
    bus: &'a Bus,
    to: u16,
    replicas: usize,
    moving: Moving,
}

impl<'a> Reshard<'a> {
    /// How many steps there are.
    pub const STEPS: usize = 8;

    /// Whether nothing reads or writes the logs now, as far as the server knows. A service that drains is not seen.
    pub async fn is_quiet(bus: &Bus) -> bool {
        let asked = bus.client().request(INGEST.name, Bytes::new()).await;
        if !asked.is_err_and(|error| error.kind() == RequestErrorKind::NoResponders) {
            return false;
        }
        let Ok(made) = streams::made_for(bus.jetstream()).await else { return false };
        let shards = made.moving.map_or(made.shards, |moving| Some(moving.from()));
        for shard in (0..shards.unwrap_or(0)).map(Shard) {
            let Ok(stream) = bus.stream(&shard.stream()).await else { return false };
            match consumer_of(&stream).await {
                Ok(Some(info)) if info.num_waiting > 0 => return false,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
        true
    }

    /// Whether there can be so many, once nothing runs.
    pub async fn check(bus: &Bus, to: u16) -> Result<(), ReshardError> {
        from(&streams::made_for(bus.jetstream()).await?, to).map(drop)
    }

    /// Begins, or goes on where somebody was interrupted: from now on no service starts until it is at its end.
    pub async fn begin(bus: &'a Bus, to: u16) -> Result<Self, ReshardError> {
        let made = streams::made_for(bus.jetstream()).await?;
        let from = from(&made, to)?;
        let moving = match made.moving {
            Some(moving) => moving,
            None => {
                if !Self::is_quiet(bus).await {
                    return Err(ReshardError::Busy);
                }
                let there = bus.stream_names().await.map_err(|cause| failed("of a new shard", &cause))?;
                if let Some(name) = (from..to).map(|n| Shard(n).stream()).find(|name| there.contains(name)) {
                    return Err(ReshardError::There(name));
                }
                let mut moving = Moving { to, floors: vec![] };
                for shard in (0..from).map(Shard) {
                    let info = consumer_of(&bus.stream(&shard.stream()).await?).await?;
                    moving.floors.push(info.map(|info| info.ack_floor.stream_sequence));
                }
                streams::mark(bus.jetstream(), from, Some(&moving)).await?;
                moving
            }
        };
        Ok(Self { bus, to, replicas: made.replicas, moving })
    }

    /// Does all that is left to do.
    pub async fn finish(self) -> Result<(), ReshardError> {
        for step in 0..Self::STEPS {
            self.step(step).await?;
        }
        Ok(())
    }

    /// One step; those before it are done.
    pub async fn step(&self, step: usize) -> Result<(), ReshardError> {
        let js = self.bus.jetstream();
        match step {
            0 => self.of_each_new(Self::fill).await,
            1 => self.of_each_new(Self::move_agenda).await,
            // From here on nothing comes due where it was.
            2 => self.of_each_old(Self::sweep_agenda).await,
            3 => self.of_each_new(Self::carry_late).await,
            4 => self.of_each_new(Self::follow).await,
            5 => self.source_tips().await,
            6 => {
                self.of_each_new(Self::nothing_came).await?;
                self.of_each_old(Self::sweep).await
            }
            _ => Ok(streams::mark(js, self.to, None).await?),
        }
    }

    async fn of_each_new(
        &self,
        work: impl AsyncFn(&Self, Shard) -> Result<(), ReshardError>,
    ) -> Result<(), ReshardError> {
        for new in (self.moving.from()..self.to).map(Shard) {
            work(self, new).await?;
        }
        Ok(())
    }

    async fn of_each_old(
        &self,
        work: impl AsyncFn(&Self, Shard) -> Result<(), ReshardError>,
    ) -> Result<(), ReshardError> {
        for old in (0..self.moving.from()).map(Shard) {
            work(self, old).await?;
        }
        Ok(())
    }

    /// Which shard a new one takes logs from.
    fn old(&self, new: Shard) -> Shard {
        Shard(new.0 % self.moving.from())
    }

    /// Lets a new shard's stream have what the old one has, each at its sequence.
    async fn fill(&self, new: Shard) -> Result<(), ReshardError> {
        let name = new.stream();
        streams::make_log(self.bus.jetstream(), self.to, new, self.replicas).await?;
        let target = self.bus.stream(&name).await?;
        if streams::filled(&target).is_some() {
            return Ok(());
        }
        let source = self.bus.stream(&self.old(new).stream()).await?;
        let (mut have, until) = (target.cached_info().state.last_sequence, source.cached_info().state.last_sequence);
        let mut under_way = VecDeque::with_capacity(UNDER_WAY);
        let mut put = async |subject: String, message: PublishMessage, at: u64| -> Result<(), ReshardError> {
            // Where the server would put it elsewhere it refuses.
            let message = message.expected_last_sequence(at - 1);
            let acked = self.bus.jetstream().send_publish(subject, message).await.map_err(|e| failed(&name, &e))?;
            under_way.push_back(acked);
            while under_way.len() >= UNDER_WAY || (at == until && !under_way.is_empty()) {
                let Some(acked) = under_way.pop_front() else { break };
                if acked.await.map_err(|cause| failed(&name, &cause))?.duplicate {
                    return Err(failed(&name, &"the server takes one entry for another"));
                }
            }
            Ok(())
        };
        let mut entries = self.after(&source, have).await?;
        while let Some(entry) = entries.next().await? {
            if entry.seq > until {
                break;
            }
            for gap in have + 1..entry.seq {
                put(filler(new), PublishMessage::build(), gap).await?;
            }
            match self.moved(&entry.message.subject, new) {
                Some(subject) => put(subject, entry.carried(), entry.seq).await?,
                None => put(filler(new), PublishMessage::build(), entry.seq).await?,
            }
            have = entry.seq;
        }
        self.is_all(&source, have, until).await?;
        for gap in have + 1..=until {
            put(filler(new), PublishMessage::build(), gap).await?;
        }
        target.purge().filter(filler(new)).await.map_err(|cause| failed(&name, &cause))?;
        Ok(streams::mark_filled(self.bus.jetstream(), &name, until).await?)
    }

    /// Whether there is nothing between these, as who leads the stream knows it: whoever handed the entries out may be a
    /// replica that lags.
    async fn is_all(&self, source: &Stream, after: u64, until: u64) -> Result<(), ReshardError> {
        let name = &source.cached_info().config.name;
        match source.get_first_raw_message_by_subject(">", after + 1).await {
            Ok(next) if next.sequence <= until => Err(failed(name, &"a replica lags: run the same again")),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(()),
            Err(error) => Err(failed(name, &error)),
        }
    }

    /// Nothing may have come to where the logs are not looked for any more: a service would have written it.
    async fn nothing_came(&self, new: Shard) -> Result<(), ReshardError> {
        let source = self.bus.stream(&self.old(new).stream()).await?;
        let filled = streams::filled(&self.bus.stream(&new.stream()).await?).unwrap_or(0);
        let mut entries = self.after(&source, filled).await?;
        while let Some(entry) = entries.next().await? {
            if let Some(subject) = self.moved(&entry.message.subject, new) {
                return Err(ReshardError::Written { subject, seq: entry.seq });
            }
        }
        Ok(())
    }

    /// What came due while all was copied: behind the rest, at a sequence of its own. Nothing else may have come.
    async fn carry_late(&self, new: Shard) -> Result<(), ReshardError> {
        let (name, source) = (new.stream(), self.bus.stream(&self.old(new).stream()).await?);
        let filled = streams::filled(&self.bus.stream(&name).await?).unwrap_or(0);
        let (mut entries, mut carried) = (self.after(&source, filled).await?, filled);
        while let Some(entry) = entries.next().await? {
            carried = entry.seq;
            let Some(subject) = self.moved(&entry.message.subject, new) else { continue };
            if !subject.ends_with(MOMENTS.kind) {
                return Err(ReshardError::Written { subject, seq: entry.seq });
            }
            let acked = self.bus.jetstream().send_publish(subject, entry.carried()).await;
            acked.map_err(|cause| failed(&name, &cause))?.await.map_err(|cause| failed(&name, &cause))?;
        }
        self.is_all(&source, carried, source.cached_info().state.last_sequence).await?;
        Ok(streams::mark_filled(self.bus.jetstream(), &name, carried).await?)
    }

    /// The entries of a stream after a sequence, as it stands now.
    async fn after(&self, source: &Stream, after: u64) -> Result<Entries, ReshardError> {
        let name = source.cached_info().config.name.clone();
        let deliver_policy = DeliverPolicy::ByStartSequence { start_sequence: after + 1 };
        let config = OrderedConfig { deliver_policy, ..Default::default() };
        let consumer = source.create_consumer(config).await.map_err(|cause| failed(&name, &cause))?;
        let info = consumer.cached_info();
        let left = info.num_pending;
        let told = consumer.messages().await.map_err(|cause| failed(&name, &cause))?;
        let config = &source.cached_info().config;
        let window = i128::try_from(config.duplicate_window.as_nanos()).unwrap_or(i128::MAX);
        let youngest = source.cached_info().state.last_timestamp.unix_timestamp_nanos();
        Ok(Entries { name, told, left, ids_from: youngest - window })
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
        Ok(told.into_iter().flatten().filter(|log| Shard::of(log, self.to).0 >= self.moving.from()).collect())
    }

    /// Each person's next wake-up.
    async fn move_agenda(&self, new: Shard) -> Result<(), ReshardError> {
        let (name, old) = (new.stream(), self.old(new));
        let source = self.bus.stream(&old.stream()).await?;
        for log in self.leavers(&source, &agendas(old)).await? {
            let (was, is) = (Place { shard: old, log: log.clone() }, Place::new(log, self.to));
            if is.shard != new {
                continue;
            }
            // Of who leads the stream: a replica may not have it yet.
            let waits = match source.get_last_raw_message_by_subject(&was.agenda()).await {
                Ok(waits) => waits,
                Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => continue,
                Err(error) => return Err(failed(&old.stream(), &error)),
            };
            let Some(when) = waits.headers.get(SCHEDULE) else { continue };
            let message = scheduled(&is, when.as_str(), waits.payload);
            let acked = self.bus.jetstream().send_publish(is.agenda(), message).await;
            acked.map_err(|cause| failed(&name, &cause))?.await.map_err(|cause| failed(&name, &cause))?;
        }
        Ok(())
    }

    async fn sweep_agenda(&self, old: Shard) -> Result<(), ReshardError> {
        let stream = self.bus.stream(&old.stream()).await?;
        for log in self.leavers(&stream, &agendas(old)).await? {
            let was = Place { shard: old, log };
            stream.purge().filter(was.agenda()).await.map_err(|cause| failed(&old.stream(), &cause))?;
        }
        Ok(())
    }

    /// Whatever the old shard's profile has not settled is delivered by the new one too; what it has is settled again, at most.
    async fn follow(&self, new: Shard) -> Result<(), ReshardError> {
        let target = self.bus.stream(&new.stream()).await?;
        let Some(floor) = self.moving.floors[usize::from(self.old(new).0)] else { return Ok(()) };
        let made = target.get_or_create_consumer(PROFILE, from_floor(floor)).await;
        made.map(drop).map_err(|cause| failed(&new.stream(), &cause))
    }

    /// New tips are copied from the new shards too; those that were moved have been copied before.
    async fn source_tips(&self) -> Result<(), ReshardError> {
        let mut config = self.bus.stream(TIPS).await?.cached_info().config.clone();
        let mut sources = config.sources.take().unwrap_or_default();
        for new in (self.moving.from()..self.to).map(Shard) {
            if sources.iter().all(|source| source.name != new.stream()) {
                let last = self.bus.stream(&new.stream()).await?.cached_info().state.last_sequence;
                sources.push(streams::tips_after(new, last));
            }
        }
        config.sources = Some(sources);
        self.bus.jetstream().update_stream(config).await.map(drop).map_err(|cause| failed(TIPS, &cause))
    }

    /// Removes what was moved from where it was. Of that what was under way to the old shard's profile would be told dead: its
    /// consumer is made anew.
    async fn sweep(&self, old: Shard) -> Result<(), ReshardError> {
        let stream = self.bus.stream(&old.stream()).await?;
        for log in self.leavers(&stream, &format!("oo.v1.log.{}.>", old.0)).await? {
            let was = Place { shard: old, log };
            stream.purge().filter(was.all()).await.map_err(|cause| failed(&old.stream(), &cause))?;
        }
        let Some(floor) = self.moving.floors[usize::from(old.0)] else { return Ok(()) };
        if consumer_of(&stream).await?.is_some() {
            stream.delete_consumer(PROFILE).await.map_err(|cause| failed(&old.stream(), &cause))?;
        }
        stream.create_consumer(from_floor(floor)).await.map(drop).map_err(|cause| failed(&old.stream(), &cause))
    }
}

/// From how many shards it goes on to so many.
fn from(made: &Made, to: u16) -> Result<u16, ReshardError> {
    match &made.moving {
        Some(moving) if moving.to == to => Ok(moving.from()),
        Some(moving) => Err(ReshardError::Elsewhere(moving.to)),
        None if made.dead > 0 => Err(ReshardError::Dead(made.dead)),
        None => {
            let from = made.shards.filter(|from| from.is_power_of_two() && to.is_power_of_two() && *from < to);
            from.ok_or_else(|| ReshardError::NotMore { from: made.words(), to })
        }
    }
}

/// The entries of a stream, as it stood.
struct Entries {
    name: String,
    told: consumer::pull::Ordered,
    left: u64,
    /// Older ids than of this instant are not carried.
    ids_from: i128,
}

/// One of them.
struct Entry {
    seq: u64,
    message: async_nats::jetstream::Message,
    has_id: bool,
}

impl Entries {
    async fn next(&mut self) -> Result<Option<Entry>, ReshardError> {
        if self.left == 0 {
            return Ok(None);
        }
        let told = tokio::time::timeout(NEXT_WITHIN, self.told.try_next()).await;
        let told = told.map_err(|cause| failed(&self.name, &cause))?.map_err(|cause| failed(&self.name, &cause))?;
        let Some(message) = told else { return Err(failed(&self.name, &"the server ended too soon")) };
        let info = message.info().map_err(|cause| failed(&self.name, &cause))?;
        let (seq, pending, at) = (info.stream_sequence, info.pending, info.published.unix_timestamp_nanos());
        self.left = pending;
        Ok(Some(Entry { seq, message, has_id: at > self.ids_from }))
    }
}

impl Entry {
    /// The same message for another subject, with what it is known by.
    fn carried(&self) -> PublishMessage {
        let headers = self.message.headers.as_ref();
        let told =
            |name: &'static str| Some((name, headers.and_then(|headers: &HeaderMap| headers.get(name))?.clone()));
        // By its id the server knows a second one, for as long as its window only: an older id may have come again.
        let names = [Some(TRACEPARENT), self.has_id.then_some("Nats-Msg-Id")].into_iter().flatten();
        let message = PublishMessage::build().payload(self.message.payload.clone());
        names.filter_map(told).fold(message, |message, (name, value)| {
            let name: header::HeaderName = name.parse().expect("a header's name");
            message.header(name, value)
        })
    }
}

/// The consumer of a shard's profile, if there is one.
async fn consumer_of(stream: &Stream) -> Result<Option<consumer::Info>, ReshardError> {
    match stream.consumer_info(PROFILE).await {
        Ok(info) => Ok(Some(info)),
        Err(error) if error.kind() == ConsumerInfoErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(&stream.cached_info().config.name, &error)),
    }
}

/// The consumer of a shard, from where another has settled all.
fn from_floor(floor: u64) -> consumer::pull::Config {
    let deliver_policy = DeliverPolicy::ByStartSequence { start_sequence: floor + 1 };
    consumer::pull::Config { deliver_policy, ..streams::shard_consumer() }
}

/// What stands in the place of another shard's entry until it is removed: none of the consumers' subjects.
fn filler(shard: Shard) -> String {
    format!("oo.v1.agenda.{}.filler", shard.0)
}

/// The wake-ups of a shard.
fn agendas(shard: Shard) -> String {
    format!("oo.v1.agenda.{}.*", shard.0)
}

fn failed(name: &str, cause: &dyn std::fmt::Display) -> ReshardError {
    ReshardError::Stream { name: name.to_owned(), cause: cause.to_string() }
}
