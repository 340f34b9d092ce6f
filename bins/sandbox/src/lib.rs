//! Stand-in providers that speak the real wire formats: Todoist, Google Calendar, Microsoft Graph and a push service.
//!
//! Two uses: trying oO with no accounts, and being the peer of tests that can be told to fail.
//! Everything is served under one origin; see `README.md` for the paths.

// An answer is the error of a check that failed; it is made once and moved once, so its size does not matter.
#![allow(clippy::result_large_err)]

mod clock;
mod consent;
mod faults;
mod google;
mod http;
mod microsoft;
mod oauth;
mod page;
mod push;
mod sample;
mod server;
mod settings;
mod shared;
mod store;
mod todoist;

pub use faults::{Fault, FaultKind, LoggedRequest};
pub use google::{Google, NewEvent};
pub use microsoft::{Microsoft, NewAppointment, Notice};
pub use oauth::Authorization;
pub use push::{Push, Received, SandboxSubscription};
pub use settings::{Client, Options};
pub use todoist::{TaskView, Todoist, WebhookDelivery, signature};

use jiff::SignedDuration;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Runtime;
use url::Url;

/// A running sandbox. Clones share it; it stops with the last of them, or at [`Sandbox::stop`].
#[derive(Clone)]
pub struct Sandbox {
    shared: Arc<shared::Shared>,
    todoist: Todoist,
    google: Google,
    microsoft: Microsoft,
    push: Push,
    running: Arc<Running>,
}

/// The server lives on its own runtime, so that stopping it closes every connection at once,
/// as a provider that goes away does, and so that a test's paused clock does not pause the provider.
struct Running(Mutex<Option<Runtime>>);

impl Running {
    fn stop(&self) {
        if let Some(runtime) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Binds and serves in the background.
pub async fn start(options: Options) -> anyhow::Result<Sandbox> {
    let (shared, runtime) = server::start(options).await?;
    Ok(Sandbox {
        todoist: Todoist::new(shared.clone()),
        google: Google::new(shared.clone()),
        microsoft: Microsoft::new(shared.clone()),
        push: Push::new(shared.clone()),
        shared,
        running: Arc::new(Running(Mutex::new(Some(runtime)))),
    })
}

impl Sandbox {
    /// Where it answers, for example `http://127.0.0.1:40123/`.
    pub fn url(&self) -> Url {
        self.shared.origin.clone()
    }

    /// The stand-in for Todoist.
    pub fn todoist(&self) -> &Todoist {
        &self.todoist
    }

    /// The stand-in for Google Calendar.
    pub fn google(&self) -> &Google {
        &self.google
    }

    /// The stand-in for Microsoft To Do and Outlook Calendar.
    pub fn microsoft(&self) -> &Microsoft {
        &self.microsoft
    }

    /// The stand-in for a browser's push service.
    pub fn push(&self) -> &Push {
        &self.push
    }

    /// Moves the sandbox's own clock, by which codes, tokens and channels age, forward.
    /// The person's clock is the caller's and stays where it is.
    pub fn advance(&self, by: SignedDuration) {
        self.shared.clock.advance(by);
    }

    /// Stops serving and closes every connection, as a provider that goes away does.
    pub async fn stop(&self) {
        self.shared.persist();
        self.running.stop();
        // The runtime stops in the background; the address is free once nobody answers there.
        let address = self.shared.address;
        for _ in 0..200 {
            if tokio::net::TcpStream::connect(address).await.is_err() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
}
