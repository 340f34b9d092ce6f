//! Who wants no more than so many days kept: older entries are folded into a checkpoint, which stands in their place, and are
//! removed a day later. It is done when somebody leaves memory, a few at once.

use crate::at_rest;
use jiff::SignedDuration;
use oo_contracts::Timestamp;
use oo_contracts::signal::KeepDays;
use oo_domain::local::days;
use oo_domain::profile::Profile;
use oo_runtime::logbook::{Logbook, open_decision, open_entry};
use oo_runtime::{Clock, Context, Person, task};
use oo_subjects::Bus;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Between a checkpoint and the removal of what it stands for: longer than anybody reads one log, than a replica that still
/// answers lags behind, and than a backup takes.
const GRACE: SignedDuration = days(1);
/// Logs of one node that are compacted at once. Whose is not finds room when they leave another time.
const AT_ONCE: usize = 4;

/// What removes entries and decisions.
pub(crate) struct Compaction {
    bus: Bus,
    logbook: Logbook,
    clock: Clock,
    decisions: Option<SignedDuration>,
    grace: SignedDuration,
    room: Arc<Semaphore>,
}

/// What somebody's entries and decisions are removed before.
#[derive(Debug, Clone, Copy)]
struct Cutoff {
    entries: Option<Timestamp>,
    decisions: Timestamp,
}

impl Compaction {
    /// With the days for which everybody's decisions are kept.
    pub(crate) fn new(ctx: &Context, decisions: Option<KeepDays>) -> Self {
        Self {
            bus: ctx.bus.clone(),
            logbook: ctx.logbook(),
            clock: ctx.clock,
            decisions: decisions.map(|keep| days(keep.get().into())),
            grace: GRACE,
            room: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// Begins to remove what somebody does not want kept any more, if there is room.
    pub(crate) fn begin(self: &Arc<Self>, person: &Arc<Person>, profile: &Profile) {
        let Some(cutoff) = self.cutoff(profile) else { return };
        let Ok(room) = self.room.clone().try_acquire_owned() else { return };
        let (compaction, person) = (self.clone(), person.clone());
        let work = async move {
            if let Err(error) = compaction.compact(&person, cutoff).await {
                tracing::warn!(user = %person.user, error = format!("{error:#}"), "not compacted; later again");
            }
            drop(room);
        };
        drop(task::spawn("compaction", work));
    }

    fn cutoff(&self, profile: &Profile) -> Option<Cutoff> {
        let now = self.clock.now();
        let keep = profile.preferences().keep_days.map(|keep| days(keep.get().into()));
        let decisions = keep.into_iter().chain(self.decisions).min()?;
        Some(Cutoff { entries: keep.map(|keep| now - keep), decisions: now - decisions })
    }

    async fn compact(&self, person: &Person, cutoff: Cutoff) -> anyhow::Result<()> {
        let decisions = self.forget_decisions(person, cutoff.decisions).await?;
        let entries = match cutoff.entries {
            Some(before) => self.forget_entries(person, before).await?,
            None => 0,
        };
        if entries + decisions > 0 {
            tracing::info!(user = %person.user, entries, decisions, "removed what is not kept any longer");
        }
        Ok(())
    }

    /// Two steps, a day apart: a checkpoint of what is too old; then that is removed. Whoever reads the log in between passes it
    /// over, and whoever is stopped in between leaves the second step to who comes next.
    async fn forget_entries(&self, person: &Person, before: Timestamp) -> anyhow::Result<u64> {
        let Some(first) = self.bus.first_entry(&person.place).await? else { return Ok(0) };
        if open_entry(person, &first.kind, &first.payload).is_ok_and(|entry| entry.at >= before) {
            return Ok(0);
        }
        let read = self.logbook.read(person, 0).await?;
        let stands_for = at_rest::checkpoint_of(&read)?.map_or(0, |checkpoint| checkpoint.seq());
        if stands_for >= first.seq {
            let since = read.checkpoint.map_or(Timestamp::MAX, |checkpoint| checkpoint.at);
            if self.clock.wall() < since.saturating_add(self.grace)? {
                return Ok(0);
            }
            return Ok(self.bus.forget_entries(&person.place, stands_for).await?);
        }
        // What cannot be read is not folded in, and neither is what comes after it.
        let readable = read.unreadable.iter().copied().min().unwrap_or(u64::MAX);
        let old = read.entries.iter().take_while(|numbered| numbered.seq < readable && numbered.entry.at < before);
        let Some(last) = old.last() else { return Ok(0) };
        let Some(profile) = at_rest::fold(&read, last.seq)? else { return Ok(0) };
        let replaces = read.checkpoint.map_or(0, |checkpoint| checkpoint.number);
        self.logbook.keep_checkpoint(person, &at_rest::write(&profile), replaces).await?;
        // Erased meanwhile: then the log went first, and this one may have come too late to go with it.
        if self.bus.first_entry(&person.place).await?.is_none() {
            self.bus.forget_checkpoint(&person.place).await?;
        }
        Ok(0)
    }

    async fn forget_decisions(&self, person: &Person, before: Timestamp) -> anyhow::Result<u64> {
        let (mut after, mut forgotten) = (0, 0);
        loop {
            let (some, next) = self.bus.some_decisions(&person.place, after).await?;
            let is_old = |sealed: &[u8]| open_decision(person, sealed).ok().map(|decision| decision.at < before);
            let ages: Vec<_> = some.iter().map(|stored| (stored.seq, is_old(&stored.payload))).collect();
            // One that cannot be read is as old as those around it.
            let Some((last, _)) = ages.iter().rfind(|(_, is_old)| *is_old == Some(true)) else { return Ok(forgotten) };
            forgotten += self.bus.forget_decisions(&person.place, *last).await?;
            match next {
                Some(next) if ages.iter().all(|(_, is_old)| *is_old != Some(false)) => after = next,
                _ => return Ok(forgotten),
            }
        }
    }
}

#[cfg(test)]
mod tests;
