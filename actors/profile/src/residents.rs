//! Who is awake on this node. Who leaves is forgotten at once, so that memory follows the people who are here.

use crate::actor::Message;
use oo_contracts::LogId;
use oo_subjects::{Place, Shard};
use ractor::{ActorId, ActorRef, ActorStatus};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Room for so many is not worth giving back: 0.1 MiB.
pub(crate) const SMALL: usize = 1_024;

/// The people of this node. A clone is the same one.
#[derive(Clone, Default)]
pub(crate) struct Residents(Arc<Mutex<HashMap<LogId, ActorRef<Message>>>>);

impl Residents {
    /// Somebody who is awake, and not about to leave.
    pub(crate) fn find(&self, place: &Place) -> Option<ActorRef<Message>> {
        let actor = self.all().get(&place.log)?.clone();
        matches!(
            actor.get_status(),
            ActorStatus::Unstarted | ActorStatus::Starting | ActorStatus::Running | ActorStatus::Upgrading
        )
        .then_some(actor)
    }

    /// Somebody woke.
    pub(crate) fn enter(&self, place: &Place, actor: ActorRef<Message>) {
        self.all().insert(place.log.clone(), actor);
    }

    /// Somebody left, unless a successor is here already.
    pub(crate) fn leave(&self, place: &Place, who: ActorId) {
        let mut all = self.all();
        if all.get(&place.log).is_some_and(|actor| actor.get_id() == who) {
            all.remove(&place.log);
        }
        // A crowd that left should leave its room too.
        if all.capacity() > SMALL && all.len() < all.capacity() / 8 {
            all.shrink_to_fit();
        }
    }

    /// Whoever is of this one of so many shards.
    pub(crate) fn of_shard(&self, shard: Shard, shards: u16) -> Vec<ActorRef<Message>> {
        let all = self.all();
        all.iter().filter(|(log, _)| Shard::of(log, shards) == shard).map(|(_, actor)| actor.clone()).collect()
    }

    /// Everybody, to be sent away.
    pub(crate) fn everybody(&self) -> Vec<ActorRef<Message>> {
        self.all().values().cloned().collect()
    }

    /// How many are here, and for how many there is room.
    #[cfg(test)]
    pub(crate) fn count(&self) -> (usize, usize) {
        let all = self.all();
        (all.len(), all.capacity())
    }

    fn all(&self) -> MutexGuard<'_, HashMap<LogId, ActorRef<Message>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
