//! What is remembered of people in memory, and forgotten on every node as soon as somebody leaves.

use super::{PeopleError, Person, away};
use crate::task;
use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::kv;
use futures_util::StreamExt as _;
use oo_contracts::{LogId, UserId};
use oo_subjects::Bus;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::task::JoinHandle;

/// Records kept in memory before all are forgotten: a bound, not a tuning.
const CACHED: usize = 20_000;
/// Room for so many is not worth giving back: 0.1 MiB.
const SMALL: usize = 1_024;
/// Before a watch that ended is begun again.
const WATCH_AGAIN: Duration = Duration::from_secs(1);
/// Erasures that a slow listener may lag behind; who lags more finds the records gone.
const TOLD: usize = 1024;

/// Records in memory. A clone is the same ones.
#[derive(Debug, Clone)]
pub(super) struct Known {
    records: Arc<Mutex<Records>>,
    told: broadcast::Sender<LogId>,
    _watching: Arc<Watching>,
}

#[derive(Debug, Default)]
struct Records {
    users: HashMap<UserId, Arc<Person>>,
    logs: HashMap<LogId, Arc<Person>>,
    /// Whoever left while this process lives: a record that was read just before must not be remembered just after.
    gone: HashSet<LogId>,
}

#[derive(Debug)]
struct Watching(JoinHandle<Option<()>>);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Known {
    /// Begins with nothing, and watches who leaves from now on.
    pub(super) async fn watch(bus: Bus, bucket: kv::Store) -> Result<Self, PeopleError> {
        let records = Arc::<Mutex<Records>>::default();
        let (told, _) = broadcast::channel(TOLD);
        let watch = async move || bus.follow(&bucket, "leaving.*", DeliverPolicy::New).await;
        let mut leaving = Box::pin(watch().await.map_err(away)?);
        let (own, tell) = (records.clone(), told.clone());
        let watching = task::spawn("who leaves", async move {
            loop {
                while let Some(Ok((key, _))) = leaving.next().await {
                    if let Some(log) = key.strip_prefix("leaving.").and_then(|log| log.parse().ok()) {
                        lock(&own).forget(&log);
                        let _ = tell.send(log);
                    }
                }
                leaving = loop {
                    tokio::time::sleep(WATCH_AGAIN).await;
                    if let Ok(leaving) = watch().await {
                        break Box::pin(leaving);
                    }
                };
                // Who left meanwhile is not known: everybody is looked up again.
                lock(&own).clear();
            }
        });
        Ok(Self { records, told, _watching: Arc::new(Watching(watching)) })
    }

    pub(super) fn user(&self, user: &UserId) -> Option<Arc<Person>> {
        lock(&self.records).users.get(user).cloned()
    }

    pub(super) fn log(&self, log: &LogId) -> Option<Arc<Person>> {
        lock(&self.records).logs.get(log).cloned()
    }

    /// Remembers somebody; `false` if they have left.
    pub(super) fn remember(&self, person: &Arc<Person>) -> bool {
        let mut records = lock(&self.records);
        if records.gone.contains(&person.place.log) {
            return false;
        }
        if records.logs.len() >= CACHED {
            records.clear();
        }
        records.users.insert(person.user.clone(), person.clone());
        records.logs.insert(person.place.log.clone(), person.clone());
        true
    }

    /// Lets go of somebody who may come again: neither their record nor the room for it is kept.
    pub(super) fn let_go(&self, person: &Person) {
        let mut records = lock(&self.records);
        records.take(&person.place.log);
        records.give_room_back();
    }

    pub(super) fn forget(&self, log: &LogId) {
        lock(&self.records).forget(log);
    }

    pub(super) fn has_left(&self, log: &LogId) -> bool {
        lock(&self.records).gone.contains(log)
    }

    pub(super) fn leaving(&self) -> broadcast::Receiver<LogId> {
        self.told.subscribe()
    }
}

impl Records {
    fn forget(&mut self, log: &LogId) {
        self.gone.insert(log.clone());
        self.take(log);
    }

    fn take(&mut self, log: &LogId) {
        if let Some(person) = self.logs.remove(log)
            && self.users.get(&person.user).is_some_and(|known| known.place.log == *log)
        {
            self.users.remove(&person.user);
        }
    }

    /// A crowd that left should leave its room too.
    fn give_room_back(&mut self) {
        if self.logs.capacity() > SMALL && self.logs.len() < self.logs.capacity() / 8 {
            self.users.shrink_to_fit();
            self.logs.shrink_to_fit();
        }
    }

    fn clear(&mut self) {
        self.users.clear();
        self.logs.clear();
    }
}

fn lock(records: &Mutex<Records>) -> MutexGuard<'_, Records> {
    records.lock().unwrap_or_else(PoisonError::into_inner)
}
