//! Checkpoints: what a log's older entries came to, in their place. A log has one at most, and a new one replaces it.

use crate::bus::{AppendError, Bus, Stored};
use crate::shard::Place;
use crate::streams::{CHECKPOINTS, DECISIONS, PROFILE};
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::DirectGetErrorKind;
use bytes::Bytes;
use oo_contracts::Timestamp;

/// What older entries came to, still sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Its own number among the checkpoints of all logs.
    pub number: u64,
    /// Since when it stands, by the server's clock.
    pub at: Timestamp,
    pub payload: Bytes,
}

impl Bus {
    /// The checkpoint of a person's log, if it has one.
    pub async fn checkpoint(&self, place: &Place) -> Result<Option<Checkpoint>, AppendError> {
        let stream = self.jetstream().get_stream_no_info(CHECKPOINTS).await.map_err(|e| AppendError::away(&e))?;
        match stream.direct_get_last_for_subject(place.checkpoint()).await {
            Ok(found) => {
                let at = Timestamp::from_nanosecond(found.time.unix_timestamp_nanos());
                let at = at.map_err(|e| AppendError::away(&e))?;
                Ok(Some(Checkpoint { number: found.sequence, at, payload: found.payload }))
            }
            Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
            // Nobody answers for a stream without a leader, nor for one that an older `events` did not make.
            Err(_) if self.keeps_no_checkpoints().await => Ok(None),
            Err(error) => Err(AppendError::away(&error)),
        }
    }

    /// Whether the server says for sure that there is no such stream.
    async fn keeps_no_checkpoints(&self) -> bool {
        let asked = self.jetstream().get_stream(CHECKPOINTS).await;
        asked.is_err_and(|error| {
            matches!(error.kind(), GetStreamErrorKind::JetStream(error)
                if error.error_code() == ErrorCode::STREAM_NOT_FOUND)
        })
    }

    /// Puts a checkpoint in the place of the one with this number, or of none if it is 0.
    ///
    /// # Errors
    /// [`AppendError::Newer`] if another stands there by now.
    pub async fn keep_checkpoint(&self, place: &Place, sealed: Vec<u8>, replaces: u64) -> Result<(), AppendError> {
        let message = PublishMessage::build().payload(sealed.into()).expected_last_subject_sequence(replaces);
        self.send(message, place.checkpoint()).await.map(drop)
    }

    /// The oldest entry of a person's log.
    pub async fn first_entry(&self, place: &Place) -> Result<Option<Stored>, AppendError> {
        self.next_entry(&place.shard.stream(), &place.all(), 1).await
    }

    /// Removes a person's entries up to a sequence, that one included, once all of them are settled. Says how many there were.
    pub async fn forget_entries(&self, place: &Place, until: u64) -> Result<u64, AppendError> {
        let stream = self.stream(&place.shard.stream()).await?;
        // One that is under way would be told dead.
        let settled = stream.consumer_info(PROFILE).await.map_err(|e| AppendError::away(&e))?.ack_floor.stream_sequence;
        if settled < until {
            return Ok(0);
        }
        let forgotten = stream.purge().filter(place.all()).sequence(until + 1).await;
        Ok(forgotten.map_err(|e| AppendError::away(&e))?.purged)
    }

    /// Removes what was decided about a person up to a sequence, that one included. Says how many decisions there were.
    pub async fn forget_decisions(&self, place: &Place, until: u64) -> Result<u64, AppendError> {
        let (stream, mut forgotten) = (self.stream(DECISIONS).await?, 0);
        for place in place.earlier() {
            let purged = stream.purge().filter(place.decisions()).sequence(until + 1).await;
            forgotten += purged.map_err(|e| AppendError::away(&e))?.purged;
        }
        Ok(forgotten)
    }
}
