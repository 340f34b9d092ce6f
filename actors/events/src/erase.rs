//! A person is erased: their key and name are destroyed first, so that whatever remains is unreadable and nobody's; then
//! everybody who keeps something of theirs removes it, and the streams are purged.
//!
//! Each step may be done twice. What is noted beside the people's records goes on after a crash, whichever node begins it
//! again, and everything is done once more after a while, for what was under way in the moment of the erasure.

use crate::Events;
use crate::export::{NotNow, not_now};
use bytes::Bytes;
use oo_contracts::http::Problem;
use oo_contracts::rights::{Clear, Cleared, Confirmed, Erased, ReceiptAsk};
use oo_contracts::{LogId, Timestamp};
use oo_runtime::crash;
use oo_subjects::{CLEAR_DEVICES, CLEAR_DOORS, CLEAR_LINKS, CLEAR_PROFILE, CONFIRMED, Request};
use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a service may take to remove what it keeps; integrations wait for providers in it.
const CLEAR_WITHIN: Duration = Duration::from_secs(15);
/// Between two looks for erasures that are not done.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// Longer than any request or delivery that may have been under way when somebody was erased.
const SWEEP_AFTER: jiff::SignedDuration = jiff::SignedDuration::from_secs(30);

/// A receipt of what has only begun.
fn begun(log: &LogId, wall: Timestamp) -> Erased {
    Erased {
        receipt: log.clone(),
        begun: wall,
        finished: None,
        messages: 0,
        accounts: 0,
        unrevoked: 0,
        doors: 0,
        devices: 0,
    }
}

/// The erasures that this node is busy with: one is not begun a second time beside itself.
#[derive(Default)]
pub(crate) struct UnderWay(Mutex<HashSet<LogId>>);

/// Counts as under way for as long as it lives.
struct Busy<'a>(&'a UnderWay, LogId);

impl UnderWay {
    fn begin(&self, log: &LogId) -> Option<Busy<'_>> {
        self.all().insert(log.clone()).then(|| Busy(self, log.clone()))
    }

    fn all(&self) -> MutexGuard<'_, HashSet<LogId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.all().remove(&self.1);
    }
}

impl Events {
    /// Erases a person who confirmed it. What cannot be removed now is removed as soon as it can be.
    pub(crate) async fn erase(&self, confirmed: Confirmed) -> Result<Erased, Problem> {
        let log = self.person(&confirmed.user).await?.place.log.clone();
        self.ctx.bus.ask(CONFIRMED, &confirmed).await.map_err(not_now)?;
        let busy = self.under_way.begin(&log);
        let note = begun(&log, self.ctx.clock.wall());
        let note = self.people.leave(&log, write(&note)).await.map_err(not_now)?;
        crash::point("erase-begun");
        tracing::info!(%log, "somebody is being erased");
        match busy {
            Some(_busy) => self.go_on(&log, read(&log, &note)).await,
            // Asked for twice at once: the other one does it.
            None => Ok(read(&log, &note)),
        }
    }

    /// How an erasure stands.
    pub(crate) async fn receipt(&self, ReceiptAsk { receipt }: ReceiptAsk) -> Result<Erased, Problem> {
        let note = self.people.receipt(&receipt).await.map_err(not_now)?;
        let note = note.ok_or_else(|| Problem::new(404, "no such receipt", "nothing was erased under this name"))?;
        Ok(read(&receipt, &note))
    }

    /// Goes on with what was begun and is not done, until the service stops.
    pub(crate) async fn follow_erasures(&self) {
        loop {
            match self.people.all_leaving().await {
                Ok(all) => {
                    for (log, _) in all {
                        let Some(_busy) = self.under_way.begin(&log) else { continue };
                        // Asked for now: whoever was busy with it may have just come to its end.
                        let Ok(Some(note)) = self.people.receipt(&log).await else { continue };
                        let erased = read(&log, &note);
                        // The second time: when nothing can be under way any more.
                        let wall = self.ctx.clock.wall();
                        if erased.finished.is_none_or(|at| wall >= at + SWEEP_AFTER) {
                            let _ = self.go_on(&log, erased).await;
                        }
                    }
                }
                Err(error) => tracing::debug!(%error, "erasures wait"),
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    async fn go_on(&self, log: &LogId, mut erased: Erased) -> Result<Erased, Problem> {
        let was_finished = erased.finished.is_some();
        match self.steps(log, &mut erased).await {
            Ok(()) if was_finished => {
                // Once more, and there was time enough in between: nothing is under way any more.
                self.people.left(log, write(&erased)).await.map_err(not_now)?;
                tracing::info!(%log, "an erasure is done");
            }
            Ok(()) => {
                erased.finished = Some(self.ctx.clock.wall());
                self.people.note(log, write(&erased)).await.map_err(not_now)?;
                tracing::info!(%log, messages = erased.messages, "everything of theirs is gone");
            }
            Err(error) => {
                let why = match error {
                    NotNow::Problem(problem) => problem.to_string(),
                    NotNow::Other(why) => why,
                };
                tracing::warn!(%log, why, "an erasure goes on in a moment");
                self.people.note(log, write(&erased)).await.map_err(not_now)?;
            }
        }
        Ok(erased)
    }

    async fn steps(&self, log: &LogId, erased: &mut Erased) -> Result<(), NotNow> {
        self.people.destroy(log).await?;
        crash::point("erase-destroyed");
        let (profile, links, doors, devices) = futures_util::join!(
            self.clear(CLEAR_PROFILE, log),
            self.clear(CLEAR_LINKS, log),
            self.clear(CLEAR_DOORS, log),
            self.clear(CLEAR_DEVICES, log),
        );
        // All were asked, whoever of them did not answer.
        if let Ok(Cleared { removed, left }) = links {
            erased.accounts += removed;
            erased.unrevoked = left;
        }
        erased.doors += doors.as_ref().map_or(0, |cleared| cleared.removed);
        erased.devices += devices.as_ref().map_or(0, |cleared| cleared.removed);
        crash::point("erase-cleared");
        erased.messages += self.ctx.bus.purge(&self.people.place(log)).await?;
        crash::point("erase-purged");
        profile.and(links).and(doors).and(devices).map(|_| ())
    }

    async fn clear(&self, wire: Request<Clear, Cleared>, log: &LogId) -> Result<Cleared, NotNow> {
        Ok(self.ctx.bus.ask_within(wire, &Clear { log: log.clone() }, CLEAR_WITHIN).await?)
    }
}

fn write(erased: &Erased) -> Bytes {
    // Names, numbers and times: there is nothing in it that JSON could refuse.
    serde_json::to_vec(erased).unwrap_or_default().into()
}

/// What was noted; what cannot be read begins again.
fn read(log: &LogId, note: &[u8]) -> Erased {
    serde_json::from_slice(note).unwrap_or_else(|_| begun(log, Timestamp::UNIX_EPOCH))
}
