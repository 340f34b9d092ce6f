//! Speaking on the wires: ask and answer, append, wake. The only way to publish. Reading is in `bus/read.rs`.

mod read;

use crate::shard::Place;
use crate::subject::{LogSubject, Request};
use crate::trace::{self, Cause, Kind};
use async_nats::connection::State;
use async_nats::jetstream::{self, message::PublishMessage};
use async_nats::{Client, HeaderMap, header};
use bytes::Bytes;
use futures_util::stream::FuturesUnordered;
use futures_util::{Stream, StreamExt};
use oo_contracts::http::Problem;
use oo_contracts::wire::{Alive, Changed, Reply};
use oo_contracts::{Timestamp, UserId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::future::Future;
use std::time::Duration;
use tokio::time::Instant;
use tracing::{Instrument as _, Span};

/// How long an answer may take unless the asker says otherwise.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Between two tries while nobody answers a wire.
const ASK_AGAIN: Duration = Duration::from_millis(50);
/// How long the last questions may be on their way to who stops; where the connection is gone, there are none.
const REST_WITHIN: Duration = Duration::from_secs(1);
/// Where profile nodes say that they live.
const NODES: &str = "oo.v1.profile.node";
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

impl AskError {
    /// What went wrong, without the words of an answer.
    fn outline(&self) -> String {
        match self {
            Self::Problem(problem) => problem.status.to_string(),
            Self::Away(_) => "away".into(),
            Self::Late(_) => "late".into(),
            Self::Garbled(..) => "garbled".into(),
        }
    }
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

impl AppendError {
    pub(crate) fn away(cause: &dyn std::fmt::Display) -> Self {
        Self::Away(cause.to_string())
    }
}

/// Where an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    pub seq: u64,
    /// The stream had it already, by its id.
    pub duplicate: bool,
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
        let span = trace::span(Kind::Client, wire.name, &Cause::current());
        let asked = self.ask_in(&span, wire, question, within).instrument(span.clone()).await;
        asked.inspect_err(|error| trace::failed(&span, error.outline()))
    }

    async fn ask_in<Q: Serialize, A: DeserializeOwned>(
        &self,
        span: &Span,
        wire: Request<Q, A>,
        question: &Q,
        within: Duration,
    ) -> Result<A, AskError> {
        let payload = encode(question);
        let headers = trace::header(span).map(|(name, value)| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.as_str());
            headers
        });
        let deadline = Instant::now() + within;
        let answer = loop {
            // Said while the connection is gone it would be heard when that is back, by then maybe for nobody.
            if self.client.connection_state() == State::Connected {
                let mut request = async_nats::Request::new().payload(payload.clone());
                request = request.timeout(Some(deadline.saturating_duration_since(Instant::now())));
                if let Some(headers) = &headers {
                    request = request.headers(headers.clone());
                }
                match self.client.send_request(wire.name, request).await {
                    Ok(answer) => break answer,
                    Err(error) if error.kind() == async_nats::RequestErrorKind::TimedOut => {
                        return Err(AskError::Late(wire.name));
                    }
                    // Nobody there, yet: a service that starts or restarts is back in a moment.
                    Err(_) => {}
                }
            }
            if Instant::now() + ASK_AGAIN >= deadline {
                return Err(AskError::Away(wire.name));
            }
            tokio::time::sleep(ASK_AGAIN).await;
        };
        match serde_json::from_slice(&answer.payload) {
            Ok(Reply::Ok(answer)) => Ok(answer),
            Ok(Reply::Problem(problem)) => Err(AskError::Problem(problem)),
            Err(error) => Err(AskError::Garbled(wire.name, error)),
        }
    }

    /// Answers a request: subscribes now, and returns the work to run, at most `limit` questions at once. When `stop` comes it
    /// answers what has come to this connection, and ends. What the server sends in the very moment before it knows is lost:
    /// async-nats lets go of a subscription before the server has.
    pub async fn answer<Q, A, F, Fut, S>(
        &self,
        wire: Request<Q, A>,
        limit: usize,
        answer: F,
        stop: S,
    ) -> Result<impl Future<Output = ()> + Send + use<Q, A, F, Fut, S>, async_nats::SubscribeError>
    where
        Q: DeserializeOwned + Send + 'static,
        A: Serialize + Send + 'static,
        F: Fn(Q) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<A, Problem>> + Send,
        S: Future<Output = ()> + Send + 'static,
    {
        let mut asked = self.client.queue_subscribe(wire.name, wire.queue.into()).await?;
        let client = self.client.clone();
        Ok(async move {
            let mut stop = std::pin::pin!(stop);
            let mut under_way = FuturesUnordered::new();
            loop {
                tokio::select! {
                    () = &mut stop => break,
                    question = asked.next(), if under_way.len() < limit => match question {
                        Some(question) => under_way.push(reply_to(&client, wire, &answer, question)),
                        None => break,
                    },
                    Some(()) = under_way.next() => {}
                }
            }
            if asked.drain().await.is_ok() {
                let rest = tokio::time::sleep(REST_WITHIN);
                let rest = asked.take_until(rest).collect::<Vec<_>>().await;
                under_way.extend(rest.into_iter().map(|question| reply_to(&client, wire, &answer, question)));
            }
            while under_way.next().await.is_some() {}
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
        let span = trace::span(Kind::Producer, format_args!("append {}", subject.kind), &Cause::current());
        let message = traced(PublishMessage::build().payload(sealed.into()).message_id(id), &span);
        self.send(only_after(message, place, after), subject.of(place)).instrument(span).await
    }

    /// Begins to append without waiting: the order of calls is the order in the log. Await the second future for the answer.
    pub async fn append_next(
        &self,
        subject: LogSubject,
        place: &Place,
        id: &str,
        sealed: Vec<u8>,
    ) -> Result<impl Future<Output = Result<Appended, AppendError>> + Send + 'static, AppendError> {
        let span = trace::span(Kind::Producer, format_args!("append {}", subject.kind), &Cause::current());
        let message = PublishMessage::build().payload(sealed.into()).message_id(id);
        let ack = self.js.send_publish(subject.of(place), traced(message, &span)).await.map_err(append_error)?;
        Ok(async move { ack.await.map(appended).map_err(append_error) }.instrument(span))
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
        let message = scheduled(place, &format!("@at {at}"), sealed.into());
        self.send(only_after(message, place, after), place.agenda()).await.map(|_| ())
    }

    /// Follows keys of a bucket: each with its value, or without where it was removed. `from` says whether what stands there
    /// comes first. Unlike the client's own watch this names its consumer: only then can the server hold it to these keys.
    pub async fn follow(
        &self,
        bucket: &jetstream::kv::Store,
        keys: &str,
        from: jetstream::consumer::DeliverPolicy,
    ) -> Result<impl Stream<Item = Result<(String, Option<Bytes>), AppendError>> + Send + use<>, AppendError> {
        let away = AppendError::away;
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

    /// Says that a profile node lives, or leaves.
    pub async fn alive(&self, alive: &Alive) {
        let _ = self.client.publish(NODES, encode(alive)).await;
    }

    /// What [`Bus::alive`] tells, of this node too.
    pub async fn nodes(&self) -> Result<impl Stream<Item = Alive> + Send + use<>, async_nats::SubscribeError> {
        let told = self.client.subscribe(NODES).await?;
        Ok(told.filter_map(|message| async move { serde_json::from_slice(&message.payload).ok() }))
    }

    /// What [`Bus::changed`] tells about one person.
    pub async fn changes(
        &self,
        user: &UserId,
    ) -> Result<impl Stream<Item = Changed> + Send + use<>, async_nats::SubscribeError> {
        let told = self.client.subscribe(format!("oo.v1.live.{user}")).await?;
        Ok(told.filter_map(|message| async move { serde_json::from_slice(&message.payload).ok() }))
    }

    pub(crate) async fn send(&self, message: PublishMessage, subject: String) -> Result<Appended, AppendError> {
        let ack = self.js.send_publish(subject, message).await.map_err(append_error)?;
        ack.await.map(appended).map_err(append_error)
    }
}

/// Answers one question.
async fn reply_to<Q, A, Fut>(
    client: &Client,
    wire: Request<Q, A>,
    answer: &(impl Fn(Q) -> Fut + Sync),
    question: async_nats::Message,
) where
    Q: DeserializeOwned,
    A: Serialize,
    Fut: Future<Output = Result<A, Problem>>,
{
    let Some(to) = question.reply else { return };
    let span = trace::span(Kind::Server, wire.name, &Cause::of(question.headers.as_ref()));
    let reply = match serde_json::from_slice::<Q>(&question.payload) {
        Ok(question) => match answer(question).instrument(span.clone()).await {
            Ok(answer) => Reply::Ok(answer),
            Err(problem) => {
                trace::failed(&span, problem.status);
                Reply::Problem(problem)
            }
        },
        Err(error) => Reply::Problem(Problem::new(400, "malformed request", error.to_string())),
    };
    if let Err(error) = client.publish(to, encode(&reply)).await {
        tracing::warn!(wire = wire.name, %error, "answer not sent");
    }
}

/// Lets whoever reads a message follow from this span.
fn traced(message: PublishMessage, span: &Span) -> PublishMessage {
    match trace::header(span) {
        Some((name, value)) => message.header(name, value.as_str()),
        None => message,
    }
}

/// How a wake-up says when it comes.
pub(crate) const SCHEDULE: &str = "Nats-Schedule";

/// A person's next wake-up, for their agenda: the server appends it to their log when it is due.
pub(crate) fn scheduled(place: &Place, when: &str, sealed: Bytes) -> PublishMessage {
    PublishMessage::build()
        .payload(sealed)
        .header(SCHEDULE, when)
        .header("Nats-Schedule-Target", crate::MOMENTS.of(place).as_str())
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
