//! Keeping up with accounts: whatever is due is read from its cursor, what changed becomes signals, and only when the log
//! has them does the cursor move. A webhook, a poll and a restart are all the same: something is due.

mod channels;
mod weigh;

use crate::backoff;
use crate::refresh::TokenError;
use crate::shared::{Shared, UseError};
use crate::store::StoreError;
use crate::sync_store::{BrokenSince, KnownChange, Lease, SyncState};
use crate::vault::{Linked, VaultError};
use oo_contracts::Timestamp;
use oo_contracts::signal::{Fact, Signal};
use oo_contracts::wire::{AccountStatus, Ingest};
use oo_runtime::random;
use oo_subjects::trace::{self, Kind};
use oo_subjects::{AskError, INGEST};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tracing::Instrument as _;

/// Accounts read at once by one process.
const AT_ONCE: usize = 16;
/// An account whose reader died is taken by another after this.
const LEASE: Duration = Duration::from_secs(15);
/// A reader that lives lengthens its lease this often.
const RENEW_LEASE: Duration = Duration::from_secs(5);
/// No sync takes so long; one that does begins again.
const WITHIN: Duration = Duration::from_secs(180);
/// Other processes' hints are noticed within this.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Signals in one request: far below what a message may weigh.
const CHUNK: usize = 100;
const INGEST_WITHIN: Duration = Duration::from_secs(15);
/// A link that only the person can mend is looked at again this rarely; mending makes it due at once.
const BROKEN_AGAIN: Duration = Duration::from_secs(3600);
/// One failure may be chance; at the second in a row the page says so.
const DEGRADED_AT: u32 = 2;
/// However fast the person's clock runs, a provider is not asked more often than this without a hint.
const SHORTEST: Duration = Duration::from_secs(1);
/// Nothing new for a while: look more rarely, down to so many times.
const QUIETEST: f64 = 5.0;
const QUIETER: f64 = 1.3;
/// Where the provider tells of changes, polling is for what it forgets to tell. That a channel was opened is no sign yet:
/// the provider may not reach us.
const TOLD: f64 = 5.0;
/// A grant that could not be renewed ahead is tried again after about this: it still works.
const RENEW_AGAIN: Duration = Duration::from_secs(60);

/// Why a sync did not come to its end.
#[derive(Debug, thiserror::Error)]
enum SyncError {
    #[error(transparent)]
    Use(#[from] UseError),
    /// The log does not take signals, or Redis does not answer: nothing is known of the provider.
    #[error("{0}")]
    Ours(String),
    /// It was unlinked, or the lease has run out.
    #[error("the account is no longer ours to read")]
    Lost,
}

impl From<StoreError> for SyncError {
    fn from(error: StoreError) -> Self {
        Self::Ours(error.to_string())
    }
}

impl From<VaultError> for SyncError {
    fn from(error: VaultError) -> Self {
        Self::Ours(error.to_string())
    }
}

impl From<AskError> for SyncError {
    fn from(error: AskError) -> Self {
        Self::Ours(error.to_string())
    }
}

/// Reads whatever is due, until the service stops.
pub(crate) async fn run(shared: Arc<Shared>) {
    let free = Arc::new(Semaphore::new(AT_ONCE));
    let stop = shared.ctx.shutdown.clone();
    let mut told = false;
    while !stop.is_cancelled() {
        shared.words.sweep();
        let pause = match take(&shared, &free).await {
            Ok(pause) => {
                told = false;
                pause
            }
            Err(error) => {
                if !told {
                    tracing::warn!(%error, "syncs wait");
                    told = true;
                }
                LOOK_AGAIN
            }
        };
        tokio::select! {
            () = shared.due.notified() => {}
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// Starts what is due; how long until there may be more.
async fn take(shared: &Arc<Shared>, free: &Arc<Semaphore>) -> Result<Duration, StoreError> {
    let most = free.available_permits();
    if most == 0 {
        return Ok(LOOK_AGAIN);
    }
    let wall = shared.ctx.clock.wall();
    for lease in shared.schedule.take(wall, LEASE, most, &random::token()).await? {
        let Ok(permit) = free.clone().acquire_owned().await else { break };
        let shared = shared.clone();
        shared.ctx.clone().spawn("sync one", async move {
            one(&shared, &lease).await;
            drop(permit);
            // If it became due again meanwhile, it should not wait for the next look.
            shared.due.notify_one();
        });
    }
    let next = shared.schedule.next().await?;
    let until = next.and_then(|next| Duration::try_from(next.duration_since(shared.ctx.clock.wall())).ok());
    // What is due and taken by another process is no reason to spin.
    Ok(until.unwrap_or(LOOK_AGAIN).clamp(LOOK_AGAIN / 20, LOOK_AGAIN))
}

/// Reads one account and says when it is due again.
async fn one(shared: &Shared, lease: &Lease) {
    // Where that is not known the sync stands for itself.
    let cause = shared.schedule.take_cause(&lease.account).await.unwrap_or_default();
    let read = read(shared, lease).instrument(trace::span(Kind::Consumer, "sync", &cause));
    let read = tokio::time::timeout(WITHIN, read);
    let due = tokio::select! {
        due = read => due.unwrap_or_else(|_| Ok(shared.ctx.clock.wall())),
        () = hold(shared, lease) => Ok(shared.ctx.clock.wall()),
        () = shared.ctx.shutdown.cancelled() => Ok(shared.ctx.clock.wall()),
    };
    let due = due.unwrap_or_else(|error| {
        tracing::warn!(account = %lease.account, %error, "a sync waits");
        later(shared, backoff::after(3))
    });
    if let Err(error) = shared.schedule.give_back(lease, due).await {
        tracing::debug!(account = %lease.account, %error, "an account is due again when its lease ends");
    }
}

/// Keeps a lease; ends when it is lost.
async fn hold(shared: &Shared, lease: &Lease) {
    loop {
        tokio::time::sleep(RENEW_LEASE).await;
        // A Redis that does not answer may still do so before the lease has run out.
        if let Ok(false) = shared.schedule.renew(lease, LEASE).await {
            return;
        }
    }
}

/// Renews the grant if it is time, reads the account, and says when either is due again.
async fn read(shared: &Shared, lease: &Lease) -> Result<Timestamp, StoreError> {
    let renew = match shared.tokens.ahead(&lease.account).await {
        Ok(renew) => renew,
        // What it means for the account, if anything, the reading finds out.
        Err(error) => {
            tracing::debug!(account = %lease.account, %error, "a grant is not renewed ahead");
            Some(later(shared, backoff::around(RENEW_AGAIN)))
        }
    };
    let due = look(shared, lease).await?;
    Ok(renew.map_or(due, |renew| due.min(renew)))
}

async fn look(shared: &Shared, lease: &Lease) -> Result<Timestamp, StoreError> {
    let mut state = shared.schedule.state(&lease.account).await?;
    if let Some(not_before) = state.not_before.filter(|at| *at > shared.ctx.clock.wall()) {
        return Ok(not_before);
    }
    let linked = match shared.vault.look(&lease.account).await {
        Ok(Some(linked)) => linked,
        Ok(None) => return Ok(later(shared, BROKEN_AGAIN)),
        Err(error) => {
            tracing::warn!(account = %lease.account, %error, "an account cannot be read");
            return Ok(later(shared, backoff::after(5)));
        }
    };
    if let AccountStatus::ReconnectNeeded { since, .. } = linked.status {
        let told = tell_broken(shared, lease, &linked, &mut state, since).await;
        return Ok(later(shared, if told.is_ok() { BROKEN_AGAIN } else { backoff::after(5) }));
    }
    match follow(shared, lease, &linked, &mut state).await {
        Ok(()) => Ok(pace(shared, &linked, &state).await),
        Err(SyncError::Lost | SyncError::Use(UseError::Token(TokenError::Ended))) => Ok(later(shared, LOOK_AGAIN)),
        // It is said to be broken by now: the next look tells of it.
        Err(SyncError::Use(UseError::Token(TokenError::Reconnect))) => Ok(later(shared, LOOK_AGAIN)),
        Err(error) => failed(shared, lease, &linked, state, &error).await,
    }
}

/// Reads from the cursor, says what is new, moves the cursor.
async fn follow(shared: &Shared, lease: &Lease, linked: &Linked, state: &mut SyncState) -> Result<(), SyncError> {
    let id = &lease.account;
    if !state.said {
        let fact = Fact::AccountLinked { account: id.clone(), provider: linked.provider };
        say(shared, linked, "linked", fact).await?;
        state.said = true;
        commit(shared, lease, state, &KnownChange::default()).await?;
    }
    let (cursor, now) = (state.cursor.as_deref(), shared.ctx.clock.now());
    let batch = shared
        .call(id, |connector, http, access| async move { connector.sync(&http, &access, cursor, now).await })
        .await?;
    let Some(connector) = shared.connector(linked.provider) else { return Err(SyncError::Lost) };
    let known = shared.schedule.known(id).await?;
    let weighed = weigh::weigh(linked, connector.keeps(), batch, &known, cursor, now);
    if let Err(error) = tell_mended(shared, lease, linked, state).await {
        // The next look says it; what was found need not wait for that.
        tracing::warn!(account = %id, %error, "the log does not hear yet that a link works again");
    }
    for signals in weighed.signals.chunks(CHUNK) {
        // Nothing may be said about an account after its end was.
        if shared.vault.look(id).await?.is_none() {
            return Err(SyncError::Lost);
        }
        ingest(shared, signals.to_vec()).await?;
    }
    let found = weighed.signals.len();
    tracing::debug!(account = %id, found, "synced");
    state.quiet = if found == 0 { state.quiet.saturating_add(1) } else { 0 };
    state.cursor = Some(weighed.cursor);
    state.failures = 0;
    state.not_before = None;
    commit(shared, lease, state, &weighed.known).await?;
    works(shared, linked).await?;
    channels::keep(shared, lease, connector.as_ref(), state).await
}

/// Says that a link broke, once for each time it does: what came by it cannot be said any more.
async fn tell_broken(
    shared: &Shared,
    lease: &Lease,
    linked: &Linked,
    state: &mut SyncState,
    since: Timestamp,
) -> Result<(), SyncError> {
    if state.broken != Some(BrokenSince { at: since, is_told: true }) {
        // Before it is said: whatever becomes of that, it is taken back when the link works again.
        state.broken = Some(BrokenSince { at: since, is_told: false });
        commit(shared, lease, state, &KnownChange::default()).await?;
        let fact = Fact::AccountBroken { account: lease.account.clone(), broken: true };
        say(shared, linked, &format!("broken:{since}"), fact).await?;
        state.broken = Some(BrokenSince { at: since, is_told: true });
        commit(shared, lease, state, &KnownChange::default()).await?;
    }
    Ok(())
}

/// Says that a broken link works again.
async fn tell_mended(shared: &Shared, lease: &Lease, linked: &Linked, state: &mut SyncState) -> Result<(), SyncError> {
    if let Some(BrokenSince { at: since, .. }) = state.broken {
        let fact = Fact::AccountBroken { account: lease.account.clone(), broken: false };
        say(shared, linked, &format!("mended:{since}"), fact).await?;
        state.broken = None;
        commit(shared, lease, state, &KnownChange::default()).await?;
    }
    Ok(())
}

async fn commit(shared: &Shared, lease: &Lease, state: &SyncState, known: &KnownChange) -> Result<(), SyncError> {
    if shared.schedule.commit(lease, state, known).await? { Ok(()) } else { Err(SyncError::Lost) }
}

/// A call succeeded: the account works, and its record is sealed with the ring's first key again if it was not.
async fn works(shared: &Shared, linked: &Linked) -> Result<(), SyncError> {
    let mend =
        |status: &AccountStatus| matches!(status, AccountStatus::Degraded { .. }).then_some(AccountStatus::Active);
    if shared.vault.set_status(&linked.id, mend).await? {
        tracing::info!(user = %linked.user, account = %linked.id, "an account works again");
        shared.ctx.bus.changed(&linked.user, 0).await;
    }
    if let Some(account) = shared.vault.read(&linked.id).await?.filter(|account| account.is_old) {
        shared.vault.rewrap(&account).await?;
    }
    Ok(())
}

/// Something failed: say so if it lasts, and try again later.
async fn failed(
    shared: &Shared,
    lease: &Lease,
    linked: &Linked,
    mut state: SyncState,
    error: &SyncError,
) -> Result<Timestamp, StoreError> {
    state.failures = state.failures.saturating_add(1);
    let said = match error {
        SyncError::Use(error) => error.after(),
        SyncError::Ours(_) | SyncError::Lost => None,
    };
    let due = later(shared, said.unwrap_or_default().max(backoff::after(state.failures)));
    // A wait that the provider asked for holds even against its own hints.
    state.not_before = said.map(|_| due);
    tracing::warn!(account = %linked.id, provider = linked.provider.slug(), failures = state.failures, %error, "sync failed");
    let is_ours = match error {
        SyncError::Use(error) => error.is_ours(),
        SyncError::Ours(_) | SyncError::Lost => true,
    };
    let failures = state.failures;
    shared.schedule.commit(lease, &state, &KnownChange::default()).await?;
    let since = shared.ctx.clock.now();
    let degrade = |status: &AccountStatus| {
        (failures >= DEGRADED_AT && *status == AccountStatus::Active).then_some(AccountStatus::Degraded { since })
    };
    if !is_ours && shared.vault.set_status(&linked.id, degrade).await.is_ok_and(|changed| changed) {
        shared.ctx.bus.changed(&linked.user, 0).await;
    }
    Ok(due)
}

/// When to look again where nothing tells us: rarely while nothing happens, and where the provider told us within the day.
async fn pace(shared: &Shared, linked: &Linked, state: &SyncState) -> Timestamp {
    let told = shared.schedule.was_told(&linked.id).await.unwrap_or(false);
    let quiet = QUIETER.powi(state.quiet.min(16) as i32).min(QUIETEST);
    let told = if told { TOLD } else { 1.0 };
    // The person's day may run faster than the wall's.
    let speed = shared.ctx.clock.speed().max(1.0);
    let wait = shared.settings.poll_every().mul_f64(quiet * told / speed).max(SHORTEST);
    later(shared, backoff::around(wait))
}

/// Says one fact about an account itself; the same kind, or what happened then, is said once in the account's life.
pub(crate) async fn say(shared: &Shared, linked: &Linked, kind: &str, fact: Fact) -> Result<(), AskError> {
    let id = weigh::signal_id(&[linked.provider.slug(), linked.id.as_str(), kind]);
    ingest(shared, vec![Signal { id, user: linked.user.clone(), at: shared.ctx.clock.now(), fact }]).await
}

async fn ingest(shared: &Shared, signals: Vec<Signal>) -> Result<(), AskError> {
    shared.ctx.bus.ask_within(INGEST, &Ingest { signals }, INGEST_WITHIN).await.map(|_| ())
}

fn later(shared: &Shared, wait: Duration) -> Timestamp {
    let wall = shared.ctx.clock.wall();
    wall.checked_add(wait).unwrap_or(wall)
}
