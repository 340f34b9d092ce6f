//! Somebody leaves for good: their key and their name are destroyed, and what remains to be done is noted until it is done.

use super::{People, PeopleError, away, log_in, log_key};
use async_nats::jetstream::kv;
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use oo_contracts::LogId;
use oo_subjects::{Place, streams};
use tokio::sync::broadcast;

impl People {
    /// Begins an erasure: keeps `note` about it, unless one was begun before; gives the note that stands. All nodes hear of
    /// it, and know the person no more.
    pub async fn leave(&self, log: &LogId, note: Bytes) -> Result<Bytes, PeopleError> {
        self.known.forget(log);
        match self.bucket.create(leaving_key(log), note.clone()).await {
            Ok(_) => Ok(note),
            Err(error) if error.kind() == kv::CreateErrorKind::AlreadyExists => {
                Ok(self.bucket.get(leaving_key(log)).await.map_err(away)?.unwrap_or(note))
            }
            Err(error) => Err(away(error)),
        }
    }

    /// Keeps another note about an erasure under way.
    pub async fn note(&self, log: &LogId, note: Bytes) -> Result<(), PeopleError> {
        self.bucket.put(leaving_key(log), note).await.map(|_| ()).map_err(away)
    }

    /// Destroys a person's key and name, where they are there: the bytes are overwritten in the files (a secure message
    /// delete). What is sealed with the key opens nowhere any more.
    pub async fn destroy(&self, log: &LogId) -> Result<(), PeopleError> {
        while let Some(entry) = self.bucket.entry(log_key(log)).await.map_err(away)? {
            if entry.operation != kv::Operation::Put {
                break;
            }
            // The way to it first: while the record is there, the way can be found again after a crash.
            if let Ok((user, _)) = self.read(log, &entry.value)
                && let Some(way) = self.user_key(&user).await?
                && let Some(way) = self.bucket.entry(way).await.map_err(away)?
                && way.operation == kv::Operation::Put
                && log_in(&way.value)? == *log
            {
                self.erase_revision(way.revision).await?;
            }
            self.erase_revision(entry.revision).await?;
        }
        self.known.forget(log);
        Ok(())
    }

    /// Ends an erasure: its receipt is kept, the note goes.
    pub async fn left(&self, log: &LogId, receipt: Bytes) -> Result<(), PeopleError> {
        self.bucket.put(gone_key(log), receipt).await.map_err(away)?;
        if let Some(entry) = self.bucket.entry(leaving_key(log)).await.map_err(away)? {
            self.erase_revision(entry.revision).await?;
        }
        Ok(())
    }

    /// The erasures under way, each with its note.
    pub async fn all_leaving(&self) -> Result<Vec<(LogId, Bytes)>, PeopleError> {
        let stream = self.bus.jetstream().get_stream(bucket_stream()).await.map_err(away)?;
        let prefix = format!("$KV.{}.leaving.", streams::PEOPLE);
        let mut subjects = stream.info_with_subjects(format!("{prefix}*")).await.map_err(away)?;
        let mut all = Vec::new();
        while let Some((subject, _)) = subjects.try_next().await.map_err(away)? {
            let Some(log) = subject.strip_prefix(&prefix).and_then(|log| log.parse::<LogId>().ok()) else { continue };
            if let Some(note) = self.bucket.get(leaving_key(&log)).await.map_err(away)? {
                all.push((log, note));
            }
        }
        Ok(all)
    }

    /// What is noted of an erasure, under way or done.
    pub async fn receipt(&self, log: &LogId) -> Result<Option<Bytes>, PeopleError> {
        match self.bucket.get(gone_key(log)).await.map_err(away)? {
            Some(receipt) => Ok(Some(receipt)),
            None => self.bucket.get(leaving_key(log)).await.map_err(away),
        }
    }

    /// Where a log is, or was.
    pub fn place(&self, log: &LogId) -> Place {
        Place::new(log.clone(), self.shards)
    }

    /// Whether somebody left while this process lives.
    pub fn has_left(&self, log: &LogId) -> bool {
        self.known.has_left(log)
    }

    /// Tells of everybody who leaves from now on.
    pub fn leaving(&self) -> broadcast::Receiver<LogId> {
        self.known.leaving()
    }

    /// Removes one revision, and overwrites its bytes.
    pub(super) async fn erase_revision(&self, revision: u64) -> Result<(), PeopleError> {
        use async_nats::jetstream::stream::DeleteMessageErrorKind;
        let stream = self.bus.jetstream().get_stream_no_info(bucket_stream()).await.map_err(away)?;
        match stream.delete_message(revision).await {
            Ok(_) => Ok(()),
            // Somebody else was first.
            Err(error) if matches!(error.kind(), DeleteMessageErrorKind::JetStream(cause) if is_missing(&cause)) => {
                Ok(())
            }
            Err(error) => Err(away(error)),
        }
    }
}

/// "no message found" (10037), also as the cause of a delete that failed (10057).
fn is_missing(error: &async_nats::jetstream::Error) -> bool {
    match error.error_code().0 {
        10037 => true,
        10057 => error.to_string().contains("no message found"),
        _ => false,
    }
}

fn bucket_stream() -> String {
    format!("KV_{}", streams::PEOPLE)
}

fn leaving_key(log: &LogId) -> String {
    format!("leaving.{log}")
}

fn gone_key(log: &LogId) -> String {
    format!("gone.{log}")
}
