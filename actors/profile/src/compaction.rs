//! Who wants no more than so many days kept: older entries are folded into a checkpoint, which stands in their place, and are
//! removed a day later. It is done when somebody leaves memory, a few at once.

use crate::at_rest;
use jiff::SignedDuration;
use oo_contracts::Timestamp;
use oo_contracts::signal::KeepDays;
use oo_domain::local::days;
use oo_domain::profile::Profile;
use oo_runtime::logbook::{Logbook, Read, open_decision, open_entry};
use oo_runtime::{Clock, Context, Person, task};
use oo_subjects::Bus;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Between a checkpoint and the removal of what it stands for: longer than anybody reads one log, than a replica that still
/// answers lags behind, and than a backup takes.
const GRACE: SignedDuration = days(1);
/// What may come next for somebody is a day after the newest entry at most: who wants less kept is woken that often.
const AHEAD: SignedDuration = days(2);
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
        let keep = keep(profile);
        if keep.is_none() && self.decisions.is_none() {
            return;
        }
        let Ok(room) = self.room.clone().try_acquire_owned() else { return };
        let (compaction, person, known) = (self.clone(), person.clone(), profile.seq());
        let work = async move {
            if let Err(error) = compaction.compact(&person, keep, known).await {
                tracing::warn!(user = %person.user, error = format!("{error:#}"), "not compacted; later again");
            }
            drop(room);
        };
        drop(task::spawn("compaction", work));
    }

    /// Of somebody who is believed to want so much kept, and whose log is known to hold so much.
    async fn compact(&self, person: &Person, keep: Option<SignedDuration>, known: u64) -> anyhow::Result<()> {
        let now = self.clock.now();
        let is_due = match keep {
            Some(keep) => self.is_due(person, now.saturating_sub(keep)?).await?,
            None => false,
        };
        let (entries, decisions) = match self.decisions {
            _ if is_due => self.compact_log(person, known, now).await?,
            Some(keep) => (0, self.forget_decisions(person, now, keep).await?),
            None => (0, 0),
        };
        if entries + decisions > 0 {
            tracing::info!(user = %person.user, entries, decisions, "removed what is not kept any longer");
        }
        Ok(())
    }

    /// Whether there is something older, and no checkpoint too young for anything to be done about it.
    async fn is_due(&self, person: &Person, before: Timestamp) -> anyhow::Result<bool> {
        let Some(first) = self.bus.first_entry(&person.place).await? else { return Ok(false) };
        // What cannot be read is not folded in, and neither is what comes after it.
        if open_entry(person, &first.kind, &first.payload).map_or(true, |entry| entry.at >= before) {
            return Ok(false);
        }
        let checkpoint = self.bus.checkpoint(&person.place).await?;
        Ok(checkpoint.is_none_or(|checkpoint| !self.is_young(checkpoint.at)))
    }

    fn is_young(&self, checkpoint_at: Timestamp) -> bool {
        self.clock.wall().duration_since(checkpoint_at) < self.grace
    }

    /// Two steps, a day apart: a checkpoint of what is too old; then that is removed, as far as it is too old still. Whoever
    /// reads the log in between passes it over, and whoever is stopped in between leaves the second step to who comes next.
    async fn compact_log(&self, person: &Person, known: u64, now: Timestamp) -> anyhow::Result<(u64, u64)> {
        let read = self.logbook.read_knowing(person, 0, known).await?;
        // As the log says, not as somebody remembers it: it cannot be undone.
        let Some(keep) = at_rest::fold(&read, u64::MAX)?.as_ref().and_then(keep) else { return Ok((0, 0)) };
        // Somebody's clock may be wrong: nothing is older than the newest entry lets it be.
        let newest = read.entries.last().map_or(Timestamp::UNIX_EPOCH, |numbered| numbered.entry.at);
        let now = now.min(newest.saturating_add(AHEAD)?);
        let keep_decisions = self.decisions.map_or(keep, |decisions| decisions.min(keep));
        let decisions = self.forget_decisions(person, now, keep_decisions).await?;
        Ok((self.forget_entries(person, &read, now.saturating_sub(keep)?).await?, decisions))
    }

    async fn forget_entries(&self, person: &Person, read: &Read, before: Timestamp) -> anyhow::Result<u64> {
        let readable = read.unreadable.iter().copied().min().unwrap_or(u64::MAX);
        let old = read.entries.iter().take_while(|numbered| numbered.seq < readable && numbered.entry.at < before);
        let Some((first, last)) = read.entries.first().zip(old.last()) else { return Ok(0) };
        let stands_for = at_rest::checkpoint_of(read)?.map_or(0, |checkpoint| checkpoint.seq());
        if stands_for >= first.seq {
            // It may have come since it was looked for.
            if read.checkpoint.as_ref().is_none_or(|checkpoint| self.is_young(checkpoint.at)) {
                return Ok(0);
            }
            return Ok(self.bus.forget_entries(&person.place, stands_for.min(last.seq)).await?);
        }
        let Some(profile) = at_rest::fold(read, last.seq)? else { return Ok(0) };
        let replaces = read.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.number);
        self.logbook.keep_checkpoint(person, &at_rest::write_checkpoint(&profile)?, replaces).await?;
        Ok(0)
    }

    async fn forget_decisions(&self, person: &Person, now: Timestamp, keep: SignedDuration) -> anyhow::Result<u64> {
        let Some(last) = self.bus.last_decision(&person.place).await? else { return Ok(0) };
        let Ok(newest) = open_decision(person, &last.payload) else { return Ok(0) };
        let before = now.min(newest.at.saturating_add(AHEAD)?).saturating_sub(keep)?;
        let (mut after, mut forgotten) = (0, 0);
        loop {
            let (some, next) = self.bus.some_decisions(&person.place, after).await?;
            let is_old = |sealed: &[u8]| open_decision(person, sealed).ok().map(|decision| decision.at < before);
            let ages: Vec<_> = some.iter().map(|stored| (stored.seq, is_old(&stored.payload))).collect();
            // One that cannot be read is as old as those around it.
            if let Some((last, _)) = ages.iter().rfind(|(_, is_old)| *is_old == Some(true)) {
                forgotten += self.bus.forget_decisions(&person.place, *last).await?;
            }
            match next {
                Some(next) if ages.iter().all(|(_, is_old)| *is_old != Some(false)) => after = next,
                _ => return Ok(forgotten),
            }
        }
    }
}

fn keep(profile: &Profile) -> Option<SignedDuration> {
    profile.preferences().keep_days.map(|keep| days(keep.get().into()))
}

#[cfg(test)]
mod tests;
