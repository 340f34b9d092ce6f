//! Dead letters: what the server told of entries that were given up after all tries. The entries themselves stay where they
//! are, and a letter names no person.

use crate::bus::{AppendError, Bus};
use crate::streams;
use async_nats::jetstream::consumer::pull::OrderedConfig;
use async_nats::jetstream::stream::DirectGetErrorKind;
use bytes::Bytes;
use futures_util::StreamExt as _;
use oo_contracts::Timestamp;
use serde::Deserialize;
use std::time::Duration;

/// How long the stream may take to hand out all letters.
const READ_WITHIN: Duration = Duration::from_secs(5);

/// What the server tells of an entry that was given up.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DeadLetter {
    /// Its own number among the dead letters.
    #[serde(skip)]
    pub number: u64,
    pub stream: String,
    /// Who gave it up.
    pub consumer: String,
    /// Where it is in that stream.
    pub stream_seq: u64,
    /// How often it was delivered.
    pub deliveries: u64,
    /// When it was given up.
    #[serde(rename = "timestamp")]
    pub at: Timestamp,
}

/// An entry as it lies in its stream, still sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    pub subject: String,
    pub payload: Bytes,
    /// When the stream had it.
    pub at: Timestamp,
}

impl Bus {
    /// All dead letters, the oldest first.
    pub async fn dead_letters(&self) -> Result<Vec<DeadLetter>, AppendError> {
        let dead = self.stream(streams::DEAD).await?;
        let held = dead.cached_info().state.messages;
        if held == 0 {
            return Ok(vec![]);
        }
        let consumer =
            dead.create_consumer(OrderedConfig::default()).await.map_err(|error| AppendError::away(&error))?;
        let told = consumer.messages().await.map_err(|error| AppendError::away(&error))?;
        let told = told.take(usize::try_from(held).unwrap_or(usize::MAX));
        let letters = told.filter_map(|message| async move {
            let message = message.ok()?;
            let number = message.info().ok()?.stream_sequence;
            letter(number, &message.payload)
        });
        tokio::time::timeout(READ_WITHIN, letters.collect()).await.map_err(|error| AppendError::away(&error))
    }

    /// One of them, by its number.
    pub async fn dead_letter(&self, number: u64) -> Result<Option<DeadLetter>, AppendError> {
        let told = self.given(streams::DEAD, number).await?;
        Ok(told.and_then(|told| letter(number, &told.payload)))
    }

    /// Removes one of them; the entry stays. False if there was none by this number.
    pub async fn drop_dead_letter(&self, number: u64) -> Result<bool, AppendError> {
        if self.dead_letter(number).await?.is_none() {
            return Ok(false);
        }
        self.stream(streams::DEAD).await?.delete_message(number).await.map_err(|error| AppendError::away(&error))
    }

    /// What lies in a stream at a sequence, if it is still there.
    pub async fn given(&self, stream: &str, seq: u64) -> Result<Option<Given>, AppendError> {
        match self.stream(stream).await?.direct_get(seq).await {
            Ok(found) => Ok(Some(Given {
                subject: found.subject.to_string(),
                payload: found.payload,
                at: Timestamp::from_nanosecond(found.time.unix_timestamp_nanos())
                    .map_err(|error| AppendError::away(&error))?,
            })),
            Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
            Err(error) => Err(AppendError::away(&error)),
        }
    }
}

fn letter(number: u64, told: &[u8]) -> Option<DeadLetter> {
    serde_json::from_slice(told).ok().map(|letter| DeadLetter { number, ..letter })
}
