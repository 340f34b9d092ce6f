//! What every part of the sandbox shares: options, clocks, state, faults and the log of requests.

use crate::clock::Clock;
use crate::faults::Faults;
use crate::settings::Options;
use crate::store::State;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::runtime::Handle;
use url::Url;

pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) address: SocketAddr,
    pub(crate) origin: Url,
    pub(crate) clock: Clock,
    pub(crate) faults: Faults,
    /// Webhooks and channel messages go out through this.
    pub(crate) outbound: reqwest::Client,
    /// The sandbox's own runtime.
    pub(crate) handle: Handle,
    state: Mutex<State>,
    dirty: AtomicBool,
    /// One writer of the state file at a time.
    saving: Mutex<()>,
}

impl Shared {
    pub(crate) fn new(
        options: Options,
        address: SocketAddr,
        origin: Url,
        outbound: reqwest::Client,
        handle: Handle,
        state: State,
    ) -> Self {
        Self {
            clock: Clock::new(options.now.clone()),
            options,
            address,
            origin,
            faults: Faults::default(),
            outbound,
            handle,
            state: Mutex::new(state),
            dirty: AtomicBool::new(false),
            saving: Mutex::new(()),
        }
    }

    /// The state, to read or change. Never held across an await.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.dirty.store(true, Ordering::Relaxed);
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the state file if something may have changed since the last time.
    pub(crate) fn persist(&self) {
        let Some(path) = &self.options.state_file else { return };
        let _one = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.dirty.swap(false, Ordering::Relaxed) {
            return;
        }
        let bytes = serde_json::to_vec(&*self.state.lock().unwrap_or_else(PoisonError::into_inner));
        let written = bytes.map_err(anyhow::Error::from).and_then(|bytes| crate::store::write(path, &bytes));
        if let Err(error) = written {
            self.dirty.store(true, Ordering::Relaxed);
            tracing::error!(%error, "could not write the sandbox's state; check OO_SANDBOX__STATE_FILE");
        }
    }

    /// An absolute address under this origin; `path` starts with a slash.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.origin.as_str().trim_end_matches('/'))
    }
}
