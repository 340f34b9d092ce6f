//! Speaking on the wires: ask and answer, append, read, wake. The only way to publish.

use crate::shard::Place;
use crate::subject::{LogSubject, Request};
use async_nats::jetstream::{self, message::PublishMessage};
use async_nats::{Client, HeaderMap, StatusCode, header};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use oo_contracts::http::Problem;
use oo_contracts::wire::{Changed, Reply};
use oo_contracts::{LogId, Timestamp, UserId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::future::Future;
use std::time::{Duration, Instant};

/// How long an answer may take unless the asker says otherwise.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Between two tries while nobody answers a wire.
const ASK_AGAIN: Duration = Duration::from_millis(50);
/// Entries in one answer of a batched direct get.
const READ_BATCH: u64 = 256;
/// The same for decisions.
const DECISION_BATCH: u64 = 32;
/// How long the stream may take to hand out one batch.
const READ_WITHIN: Duration = Duration::from_secs(5);
/// Between two looks at a log whose replicas lag behind, and how long they may.
const LAG_AGAIN: Duration = Duration::from_millis(10);
const LAG_WITHIN: Duration = Duration::from_secs(2);
/// What a person's log holds. Counted by hand: rustc's optimiser goes in a circle over `KINDS.len()` in a type.
const KIND_COUNT: usize = 3;
const KINDS: [LogSubject; KIND_COUNT] = [crate::SIGNALS, crate::MOMENTS, crate::TIPS];
/// "wrong last sequence": somebody appended meanwhile. On one server and in a cluster.
const NEWER: [u64; 2] = [10071, 10164];

/// A connection, and everything that may be said over it.
#[derive(Debug, Clone)]
pub struct Bus {
    client: Client,
    js: jetstream::Context,
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    #[error("{0}")]
    Problem(Problem),
    #[error("nobody answers {0}: is that service running?")]
    Away(&'static str),
    #[error("{0} did not answer in time")]
    Late(&'static str),
    #[error("the answer of {0} cannot be read: {1}")]
    Garbled(&'static str, serde_json::Error),
}

/// Why an entry was not appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Something newer is in the person's log: read, fold, decide again.
    #[error("the log has something newer")]
    Newer,
    #[error("the log does not take entries now: {0}")]
    Away(String),
}

/// One stored entry of a log, still sealed.
#[derive(Debug, Clone)]
pub struct Stored {
    pub seq: u64,
    pub kind: String,
    pub payload: Bytes,
}

/// Where an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    pub seq: u64,
    /// The stream had it already, by its id.
    pub duplicate: bool,
}

/// What a batched direct get brought.
#[derive(Default)]
struct Got {
    /// Subject, sequence and payload of each message.
    found: Vec<(String, u64, Bytes)>,
    /// How many more there are.
    pending: u64,
    /// How far the stream went where it was answered; told only about last messages.
    up_to: u64,
}

/// How far a person's log goes.
struct Tails {
    /// The last sequence of each kind, 0 where there is none.
    last: [u64; KIND_COUNT],
    /// The sequence up to which these are all there is.
    whole: u64,
}

impl Bus {
    /// Over an open connection.
    pub fn new(client: Client) -> Self {
        let js = jetstream::new(client.clone());
        Self { client, js }
    }

    /// For consumers and the set-up of streams.
    pub fn jetstream(&self) -> &jetstream::Context {
        &self.js
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Whether the server answers.
    pub async fn is_up(&self) -> bool {
        tokio::time::timeout(Duration::from_secs(1), self.js.query_account()).await.is_ok_and(|answer| answer.is_ok())
    }

    /// Waits until the server has seen all that was said on this connection, subscriptions included.
    /// `Client::flush` does not wait for that.
    pub async fn settle(&self) {
        let _ = self.js.query_account().await;
    }

    /// Asks, and waits a few seconds for the answer.
    pub async fn ask<Q: Serialize, A: DeserializeOwned>(
        &self,
        wire: Request<Q, A>,
        question: &Q,
    ) -> Result<A, AskError> {
        self.ask_within(wire, question, ANSWER_WITHIN).await
    }

    /// Asks, and waits at most so long.
    pub async fn ask_within<Q: Serialize, A: DeserializeOwned>(
        &self,
        wire: Request<Q, A>,
        question: &Q,
        within: Duration,
    ) -> Result<A, AskError> {
        let payload = encode(question);
        let deadline = tokio::time::Instant::now() + within;
        let answer = loop {
            let request = async_nats::Request::new().payload(payload.clone()).timeout(Some(within));
            match self.client.send_request(wire.name, request).await {
                Ok(answer) => break answer,
                Err(error) if error.kind() == async_nats::RequestErrorKind::TimedOut => {
                    return Err(AskError::Late(wire.name));
                }
                // Nobody there, yet: a service that starts or restarts is back in a moment.
                Err(_) if tokio::time::Instant::now() + ASK_AGAIN < deadline => tokio::time::sleep(ASK_AGAIN).await,
                Err(_) => return Err(AskError::Away(wire.name)),
            }
        };
        match serde_json::from_slice(&answer.payload) {
            Ok(Reply::Ok(answer)) => Ok(answer),
            Ok(Reply::Problem(problem)) => Err(AskError::Problem(problem)),
            Err(error) => Err(AskError::Garbled(wire.name, error)),
        }
    }

    /// Answers a request: subscribes now, and returns the work to run, at most `limit` questions at once.
    pub async fn answer<Q, A, F, Fut>(
        &self,
        wire: Request<Q, A>,
        limit: usize,
        answer: F,
    ) -> Result<impl Future<Output = ()> + Send + use<Q, A, F, Fut>, async_nats::SubscribeError>
    where
        Q: DeserializeOwned + Send + 'static,
        A: Serialize + Send + 'static,
        F: Fn(Q) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<A, Problem>> + Send,
    {
        let asked = self.client.queue_subscribe(wire.name, wire.queue.into()).await?;
        let client = self.client.clone();
        Ok(async move {
            let answer = &answer;
            let client = &client;
            asked
                .for_each_concurrent(limit, |message| async move {
                    let Some(to) = message.reply else { return };
                    let reply = match serde_json::from_slice::<Q>(&message.payload) {
                        Ok(question) => match answer(question).await {
                            Ok(answer) => Reply::Ok(answer),
                            Err(problem) => Reply::Problem(problem),
                        },
                        Err(error) => Reply::Problem(Problem::new(400, "malformed request", error.to_string())),
                    };
                    if let Err(error) = client.publish(to, encode(&reply)).await {
                        tracing::warn!(wire = wire.name, %error, "answer not sent");
                    }
                })
                .await;
        })
    }

    /// Appends an entry to a person's log. The same `id` twice, within the stream's window, is one entry.
    /// With `after`, only if nothing newer than that sequence is in the person's log.
    pub async fn append(
        &self,
        subject: LogSubject,
        place: &Place,
        id: &str,
        sealed: Vec<u8>,
        after: Option<u64>,
    ) -> Result<Appended, AppendError> {
        let message = PublishMessage::build().payload(sealed.into()).message_id(id);
        self.send(only_after(message, place, after), subject.of(place)).await
    }

    /// Begins to append without waiting: the order of calls is the order in the log. Await the second future for the answer.
    pub async fn append_next(
        &self,
        subject: LogSubject,
        place: &Place,
        id: &str,
        sealed: Vec<u8>,
    ) -> Result<impl Future<Output = Result<Appended, AppendError>> + Send + 'static, AppendError> {
        let message = PublishMessage::build().payload(sealed.into()).message_id(id);
        let ack = self.js.send_publish(subject.of(place), message).await.map_err(append_error)?;
        Ok(async move { ack.await.map(appended).map_err(append_error) })
    }

    /// Keeps a decision. The same `id` twice is one decision.
    pub async fn keep_decision(&self, place: &Place, id: &str, sealed: Vec<u8>) -> Result<Appended, AppendError> {
        self.send(PublishMessage::build().payload(sealed.into()).message_id(id), place.decisions()).await
    }

    /// Claims a subject that must be claimed once: `Ok(false)` when somebody has it already.
    pub async fn claim(&self, subject: String, payload: Vec<u8>) -> Result<bool, AppendError> {
        let message = PublishMessage::build().payload(payload.into()).expected_last_subject_sequence(0);
        match self.send(message, subject).await {
            Ok(_) => Ok(true),
            Err(AppendError::Newer) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Appends `sealed` as a moment to the person's log at an instant of the wall clock. Replaces the person's earlier wake-up.
    /// With `after`, only if nothing newer than that sequence is in the person's log: whoever knows less would put a later
    /// wake-up in the place of the right one.
    /// It carries no message id: that would silently drop the new wake-up.
    pub async fn wake_at(
        &self,
        place: &Place,
        at: Timestamp,
        sealed: Vec<u8>,
        after: Option<u64>,
    ) -> Result<(), AppendError> {
        let message = PublishMessage::build()
            .payload(sealed.into())
            .header("Nats-Schedule", format!("@at {at}").as_str())
            .header("Nats-Schedule-Target", crate::MOMENTS.of(place).as_str());
        self.send(only_after(message, place, after), place.agenda()).await.map(|_| ())
    }

    /// The person's entries after a sequence, in order, as the log stood at one instant. In a cluster any replica may
    /// answer, one that lags too.
    pub async fn read(&self, place: &Place, after: u64) -> Result<Vec<Stored>, AppendError> {
        self.read_knowing(place, after, 0).await
    }

    /// The same, at an instant at which the log held an entry that the caller has heard of: a replica without it is asked
    /// again.
    pub async fn read_knowing(&self, place: &Place, after: u64, known: u64) -> Result<Vec<Stored>, AppendError> {
        let begun = Instant::now();
        loop {
            if let Some(told) = self.tails(place).await?
                && told.whole >= known
                && let Some(entries) = self.read_to(place, after, &told).await?
            {
                return Ok(entries);
            }
            if begun.elapsed() >= LAG_WITHIN {
                return Err(AppendError::Away(format!("the replicas of {} lag behind", place.shard.stream())));
            }
            tokio::time::sleep(LAG_AGAIN).await;
        }
    }

    /// The person's entries after a sequence and up to one that the log is known to hold, in order.
    pub async fn read_until(&self, place: &Place, after: u64, until: u64) -> Result<Vec<Stored>, AppendError> {
        let mut entries = self.read_knowing(place, after, until).await?;
        entries.retain(|stored| stored.seq <= until);
        Ok(entries)
    }

    /// How far each kind of the person's log goes; `None` where one replica knows of it and another does not. Each kind is
    /// asked for by itself: the server walks through all that lies between subjects that it is asked for at once.
    async fn tails(&self, place: &Place) -> Result<Option<Tails>, AppendError> {
        let stream = place.shard.stream();
        let of = |kind: &LogSubject| kind.of(place);
        let told = KINDS.iter().map(async |kind| self.last_of(&stream, &[of(kind)]).await);
        let told = futures_util::future::try_join_all(told).await?;
        let Some(there) = KINDS.iter().zip(&told).find_map(|(kind, told)| told.is_some().then(|| of(kind))) else {
            return Ok(Some(Tails { last: [0; KIND_COUNT], whole: 0 }));
        };
        let mut tails = Tails { last: [0; KIND_COUNT], whole: u64::MAX };
        for (n, (kind, told)) in KINDS.iter().zip(told).enumerate() {
            // Who has nothing of a kind does not say how far it has come, unless it is asked for another, too.
            let told = match told {
                Some(told) => Some(told),
                None => self.last_of(&stream, &[of(kind), there.clone()]).await?,
            };
            let Some((last, whole)) = told else { return Ok(None) };
            tails.last[n] = last.get(&of(kind)).copied().unwrap_or(0);
            tails.whole = tails.whole.min(whole);
        }
        Ok(Some(tails))
    }

    /// The last sequence of each of these subjects, and of the stream, as one replica has them at one instant. `None` where
    /// it has none of them.
    async fn last_of(
        &self,
        stream: &str,
        subjects: &[String],
    ) -> Result<Option<(HashMap<String, u64>, u64)>, AppendError> {
        let wanted = serde_json::json!({ "multi_last": subjects, "batch": subjects.len() });
        let Got { found, up_to, .. } = self.get(stream, &wanted).await?;
        let last: HashMap<_, _> = found.into_iter().map(|(subject, seq, _)| (subject, seq)).collect();
        Ok((!last.is_empty()).then_some((last, up_to)))
    }

    /// The entries after a sequence and as far as all kinds are whole, merged; `None` where a replica has less than another
    /// told. What came since is left out: with the newer entry of one kind there might be a hole where an older one of
    /// another belongs.
    async fn read_to(&self, place: &Place, after: u64, tails: &Tails) -> Result<Option<Vec<Stored>>, AppendError> {
        let stream = place.shard.stream();
        let wanted = KINDS.into_iter().zip(tails.last).filter(|(_, last)| *last > after);
        let read = wanted.map(async |(kind, last)| {
            let entries = self.read_subject(&stream, &kind.of(place), kind.kind, after).await?;
            Ok(entries.last().is_some_and(|read| read.seq >= last).then_some(entries))
        });
        let read = futures_util::future::try_join_all(read).await?;
        let Some(read) = read.into_iter().collect::<Option<Vec<_>>>() else { return Ok(None) };
        let mut entries: Vec<Stored> = read.into_iter().flatten().filter(|stored| stored.seq <= tails.whole).collect();
        entries.sort_unstable_by_key(|stored| stored.seq);
        Ok(Some(entries))
    }

    /// Some of the person's entries after a sequence, in order, and the sequence after which there may be more.
    pub async fn read_some(&self, place: &Place, after: u64) -> Result<(Vec<Stored>, Option<u64>), AppendError> {
        let stream = place.shard.stream();
        let read = async |subject: LogSubject| {
            self.read_batch(&stream, &subject.of(place), subject.kind, after + 1, READ_BATCH).await
        };
        let parts = futures_util::try_join!(read(crate::SIGNALS), read(crate::MOMENTS), read(crate::TIPS))?;
        // Each kind is complete up to its own last one; all together up to the least of these.
        let mut all = Vec::new();
        let mut until = u64::MAX;
        for (batch, pending) in [parts.0, parts.1, parts.2] {
            if pending > 0 {
                until = until.min(batch.last().map_or(after, |last| last.seq));
            }
            all.extend(batch);
        }
        all.retain(|stored| stored.seq <= until);
        all.sort_unstable_by_key(|stored| stored.seq);
        Ok((all, (until < u64::MAX).then_some(until)))
    }

    /// The same of the person's decisions, fewer at once: each holds all that a policy was asked.
    pub async fn some_decisions(&self, place: &Place, after: u64) -> Result<(Vec<Stored>, Option<u64>), AppendError> {
        let subject = place.decisions();
        let (batch, pending) =
            self.read_batch(crate::streams::DECISIONS, &subject, "decision", after + 1, DECISION_BATCH).await?;
        let next = batch.last().filter(|_| pending > 0).map(|last| last.seq);
        Ok((batch, next))
    }

    /// The person's last decision.
    pub async fn last_decision(&self, place: &Place) -> Result<Option<Stored>, AppendError> {
        let away = |cause: &dyn std::fmt::Display| AppendError::Away(cause.to_string());
        let stream = self.js.get_stream_no_info(crate::streams::DECISIONS).await.map_err(|e| away(&e))?;
        match stream.direct_get_last_for_subject(place.decisions()).await {
            Ok(found) => Ok(Some(Stored { seq: found.sequence, kind: "decision".into(), payload: found.payload })),
            Err(error) if error.kind() == jetstream::stream::DirectGetErrorKind::NotFound => Ok(None),
            Err(error) => Err(away(&error)),
        }
    }

    /// All of a person's decisions, in order.
    pub async fn decisions(&self, place: &Place) -> Result<Vec<Stored>, AppendError> {
        self.read_subject(crate::streams::DECISIONS, &place.decisions(), "decision", 0).await
    }

    /// The logs of all whom something was decided about, in no order.
    pub async fn decided_about(&self) -> Result<Vec<LogId>, AppendError> {
        let away = |cause: &dyn std::fmt::Display| AppendError::Away(cause.to_string());
        let stream = self.js.get_stream_no_info(crate::streams::DECISIONS).await.map_err(|e| away(&e))?;
        let told = stream.info_with_subjects("oo.v1.decision.>").await.map_err(|e| away(&e))?;
        let mut logs = Vec::new();
        let mut told = std::pin::pin!(told);
        while let Some(subject) = told.next().await {
            let (subject, _) = subject.map_err(|e| away(&e))?;
            logs.extend(subject.rsplit('.').next().and_then(|log| log.parse().ok()));
        }
        Ok(logs)
    }

    /// Follows keys of a bucket: each with its value, or without where it was removed. `from` says whether what stands there
    /// comes first. Unlike the client's own watch this names its consumer: only then can the server hold it to these keys.
    pub async fn follow(
        &self,
        bucket: &jetstream::kv::Store,
        keys: &str,
        from: jetstream::consumer::DeliverPolicy,
    ) -> Result<impl Stream<Item = Result<(String, Option<Bytes>), AppendError>> + Send + use<>, AppendError> {
        let away = |cause: &dyn std::fmt::Display| AppendError::Away(cause.to_string());
        let inbox = self.client.new_inbox();
        let config = jetstream::consumer::push::OrderedConfig {
            name: Some(inbox.replace('.', "-")),
            deliver_subject: inbox,
            filter_subject: format!("{}{keys}", bucket.prefix),
            deliver_policy: from,
            ..Default::default()
        };
        let consumer = bucket.stream.create_consumer(config).await.map_err(|e| away(&e))?;
        let told = consumer.messages().await.map_err(|e| away(&e))?;
        let prefix = bucket.prefix.clone();
        Ok(told.map(move |message| {
            let message = message.map_err(|error| AppendError::Away(error.to_string()))?;
            let removed = message.headers.as_ref().is_some_and(|headers| headers.get("KV-Operation").is_some());
            let key = message.subject.strip_prefix(&prefix).unwrap_or(&message.subject).to_owned();
            Ok((key, (!removed).then(|| message.payload.clone())))
        }))
    }

    /// Tells open pages that something changed.
    pub async fn changed(&self, user: &UserId, version: u64) {
        let _ = self.client.publish(format!("oo.v1.live.{user}"), encode(&Changed { version })).await;
    }

    /// What [`Bus::changed`] tells about one person.
    pub async fn changes(
        &self,
        user: &UserId,
    ) -> Result<impl Stream<Item = Changed> + Send + use<>, async_nats::SubscribeError> {
        let told = self.client.subscribe(format!("oo.v1.live.{user}")).await?;
        Ok(told.filter_map(|message| async move { serde_json::from_slice(&message.payload).ok() }))
    }

    async fn send(&self, message: PublishMessage, subject: String) -> Result<Appended, AppendError> {
        let ack = self.js.send_publish(subject, message).await.map_err(append_error)?;
        ack.await.map(appended).map_err(append_error)
    }

    async fn read_subject(
        &self,
        stream: &str,
        subject: &str,
        kind: &str,
        after: u64,
    ) -> Result<Vec<Stored>, AppendError> {
        let mut found = Vec::new();
        let mut from = after + 1;
        loop {
            let (batch, pending) = self.read_batch(stream, subject, kind, from, READ_BATCH).await?;
            let Some(last) = batch.last() else { return Ok(found) };
            from = last.seq + 1;
            found.extend(batch);
            if pending == 0 {
                return Ok(found);
            }
        }
    }

    async fn read_batch(
        &self,
        stream: &str,
        subject: &str,
        kind: &str,
        from: u64,
        most: u64,
    ) -> Result<(Vec<Stored>, u64), AppendError> {
        let wanted = serde_json::json!({ "batch": most, "seq": from, "next_by_subj": subject });
        let Got { found, pending, .. } = self.get(stream, &wanted).await?;
        let stored = |(_, seq, payload)| Stored { seq, kind: kind.into(), payload };
        Ok((found.into_iter().map(stored).collect(), pending))
    }

    /// A batched direct get (ADR-31), which async-nats has no call for yet.
    async fn get(&self, stream: &str, wanted: &serde_json::Value) -> Result<Got, AppendError> {
        let away = |cause: &dyn std::fmt::Display| AppendError::Away(cause.to_string());
        let inbox = self.client.new_inbox();
        let mut answers = self.client.subscribe(inbox.clone()).await.map_err(|e| away(&e))?;
        let api = format!("$JS.API.DIRECT.GET.{stream}");
        self.client.publish_with_reply(api, inbox, encode(wanted)).await.map_err(|e| away(&e))?;
        let mut got = Got::default();
        loop {
            let answer = tokio::time::timeout(READ_WITHIN, answers.next()).await.map_err(|e| away(&e))?;
            let Some(answer) = answer else { return Err(away(&"the connection closed")) };
            let headers = answer.headers.as_ref();
            match answer.status {
                None | Some(StatusCode::OK) => {}
                Some(StatusCode::NOT_FOUND) => return Ok(got),
                Some(status) if status.as_u16() == 204 => {
                    let told = |name| headers.and_then(|headers| number(headers, name)).unwrap_or(0);
                    (got.pending, got.up_to) = (told("Nats-Num-Pending"), told("Nats-UpTo-Sequence"));
                    return Ok(got);
                }
                Some(status) => return Err(away(&format!("direct get answered {status}"))),
            }
            let subject = headers.and_then(|headers| headers.get("Nats-Subject"));
            let seq = headers.and_then(|headers| number(headers, "Nats-Sequence"));
            let (Some(subject), Some(seq)) = (subject, seq) else {
                return Err(away(&"direct get answered without a subject or sequence"));
            };
            got.found.push((subject.as_str().to_owned(), seq, answer.payload));
        }
    }
}

/// Lets the server compare before it takes a message.
fn only_after(message: PublishMessage, place: &Place, after: Option<u64>) -> PublishMessage {
    match after {
        Some(after) => message
            .header(header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, after.to_string().as_str())
            .header("Nats-Expected-Last-Subject-Sequence-Subject", place.all().as_str()),
        None => message,
    }
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.as_str().parse().ok()
}

fn appended(ack: jetstream::publish::PublishAck) -> Appended {
    Appended { seq: ack.sequence, duplicate: ack.duplicate }
}

fn append_error(error: jetstream::context::PublishError) -> AppendError {
    use jetstream::context::PublishErrorKind;
    let newer = match error.kind() {
        PublishErrorKind::WrongLastSequence => true,
        // async-nats names only the first of the two codes; the other is in its source.
        _ => std::error::Error::source(&error)
            .and_then(|source| source.downcast_ref::<jetstream::Error>())
            .is_some_and(|source| NEWER.contains(&source.error_code().0)),
    };
    if newer { AppendError::Newer } else { AppendError::Away(error.to_string()) }
}

fn encode(value: &impl Serialize) -> Bytes {
    // Contracts have no map with keys that are not strings, the only thing that JSON could refuse.
    serde_json::to_vec(value).unwrap_or_default().into()
}
