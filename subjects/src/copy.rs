//! Copying whole streams out and in, packed up by the server itself: sequences, headers, times and consumers stay what they
//! were, so that compare-and-set, snapshots and deliveries go on where they stopped.

use crate::bus::Bus;
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;

/// The server sends and takes so much at once.
const CHUNK: usize = 128 * 1024;
/// The server first checks and packs everything up.
const CHUNK_WITHIN: Duration = Duration::from_secs(60);

/// How a stream is made and where it stood: what the server wants to know to take it back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Packed {
    config: Value,
    state: Value,
}

/// Why a stream was not copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error("the server does not answer: {0}")]
    Away(String),
    #[error("the server refuses: {0}")]
    Refused(String),
    #[error("the copy cannot be read or written: {0}")]
    File(#[from] std::io::Error),
}

impl Packed {
    /// How many messages there are in it.
    pub fn messages(&self) -> u64 {
        self.state["messages"].as_u64().unwrap_or_default()
    }
}

impl Bus {
    /// The names of all streams.
    pub async fn stream_names(&self) -> Result<Vec<String>, CopyError> {
        let mut names: Vec<String> = self.jetstream().stream_names().try_collect().await.map_err(away)?;
        names.sort();
        Ok(names)
    }

    /// Copies a stream out, bytes by bytes into `take`.
    pub async fn copy_out(
        &self,
        stream: &str,
        mut take: impl FnMut(&[u8]) -> std::io::Result<()>,
    ) -> Result<Packed, CopyError> {
        let inbox = self.client().new_inbox();
        let mut chunks = self.client().subscribe(inbox.clone()).await.map_err(away)?;
        let wanted = json!({ "deliver_subject": inbox, "chunk_size": CHUNK, "jsck": true });
        let packed = self.copying(format!("$JS.API.STREAM.SNAPSHOT.{stream}"), wanted.to_string().into()).await?;
        loop {
            let chunk = tokio::time::timeout(CHUNK_WITHIN, chunks.next()).await.map_err(away)?;
            let chunk = chunk.ok_or_else(|| away("the connection closed"))?;
            if chunk.payload.is_empty() {
                // The end; a status in it is why it came too soon.
                return match chunk.status {
                    Some(status) if !status.is_success() => {
                        Err(CopyError::Refused(chunk.description.unwrap_or_else(|| status.to_string())))
                    }
                    _ => serde_json::from_value(packed).map_err(away),
                };
            }
            take(&chunk.payload)?;
            // The server sends no more than some of them ahead.
            if let Some(reply) = chunk.reply {
                self.client().publish(reply, Bytes::new()).await.map_err(away)?;
            }
        }
    }

    /// Copies a stream in that there is not yet, bytes by bytes as `give` reads them.
    pub async fn copy_in(
        &self,
        stream: &str,
        packed: &Packed,
        mut give: impl FnMut(&mut [u8]) -> std::io::Result<usize>,
    ) -> Result<(), CopyError> {
        let told = serde_json::to_vec(packed).map_err(away)?;
        let begun = self.copying(format!("$JS.API.STREAM.RESTORE.{stream}"), told.into()).await?;
        let to = begun["deliver_subject"].as_str().ok_or_else(|| away("it does not say where to"))?.to_owned();
        let mut room = vec![0; CHUNK];
        loop {
            let held = give(&mut room)?;
            // An empty one is the end, and its answer says whether all went well.
            let answer = self.copying(to.clone(), Bytes::copy_from_slice(&room[..held])).await?;
            if held == 0 {
                let error = format!("it ends with {answer}");
                return if answer["state"].is_object() { Ok(()) } else { Err(CopyError::Refused(error)) };
            }
        }
    }

    /// Asks the server, and takes its error for one.
    async fn copying(&self, subject: String, payload: Bytes) -> Result<Value, CopyError> {
        let request = async_nats::Request::new().payload(payload).timeout(Some(CHUNK_WITHIN));
        let answer = self.client().send_request(subject, request).await.map_err(away)?;
        if answer.payload.is_empty() {
            return Ok(Value::Null);
        }
        let answer: Value = serde_json::from_slice(&answer.payload).map_err(away)?;
        match answer["error"]["description"].as_str() {
            Some(refusal) => Err(CopyError::Refused(refusal.to_owned())),
            None => Ok(answer),
        }
    }
}

fn away(cause: impl std::fmt::Display) -> CopyError {
    CopyError::Away(cause.to_string())
}
