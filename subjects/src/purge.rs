//! Removing all that the streams hold of one person. What is removed leaves bytes behind in the files until the server compacts
//! them: they are sealed, and their key is gone by then.

use crate::bus::{AppendError, Bus};
use crate::dead::DeadLetter;
use crate::shard::{Place, Shard};
use crate::streams;
use async_nats::jetstream::stream::Stream;

impl Bus {
    /// Removes a person's wake-up, log, checkpoint, copied tips, decisions and push claims, and the dead letters about them.
    /// Says how many messages there were. Safe to repeat.
    pub async fn purge(&self, place: &Place) -> Result<u64, AppendError> {
        let log = self.stream(&place.shard.stream()).await?;
        let mut removed = 0;
        // The wake-up first: it would append to what comes after.
        removed += purge(&log, place.agenda()).await?;
        removed += purge(&log, place.all()).await?;
        let (tips, decisions) = (self.stream(streams::TIPS).await?, self.stream(streams::DECISIONS).await?);
        for place in place.earlier() {
            removed += purge(&tips, place.all()).await?;
            removed += purge(&decisions, place.decisions()).await?;
        }
        removed += purge(&self.stream(streams::CHECKPOINTS).await?, place.checkpoint()).await?;
        removed += purge(&self.stream(streams::PUSHES).await?, format!("{}.>", place.claims())).await?;
        Ok(removed + self.forget_dead_letters(place.shard).await?)
    }

    /// Removes the dead letters about entries that are no more, of one shard and of the streams that all share. A letter names
    /// a stream and a sequence, never a person, so that after a purge this is how theirs are known.
    async fn forget_dead_letters(&self, shard: Shard) -> Result<u64, AppendError> {
        let dead = self.stream(streams::DEAD).await?;
        let state = &dead.cached_info().state;
        let mut removed = 0;
        for seq in state.first_sequence..=state.last_sequence {
            let Ok(told) = dead.direct_get(seq).await else { continue };
            let Ok(letter) = serde_json::from_slice::<DeadLetter>(&told.payload) else { continue };
            if [&shard.stream(), streams::TIPS, streams::DECISIONS].contains(&letter.stream.as_str())
                && self.given(&letter.stream, letter.stream_seq).await?.is_none()
            {
                dead.delete_message(told.sequence).await.map_err(|error| AppendError::away(&error))?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    pub(crate) async fn stream(&self, name: &str) -> Result<Stream, AppendError> {
        self.jetstream().get_stream(name).await.map_err(|error| AppendError::away(&error))
    }
}

async fn purge(stream: &Stream, subject: String) -> Result<u64, AppendError> {
    Ok(stream.purge().filter(subject).await.map_err(|error| AppendError::away(&error))?.purged)
}
