//! A policy that somebody else serves: the same contract, over HTTP. It has little time, and is left alone while it fails.

use crate::engine::checked;
use oo_contracts::decision::{Ask, Fault, Recommendation};
use oo_runtime::outbound::{self, Outbound, Reach};
use oo_subjects::trace;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tracing::Span;
use url::Url;

/// Faults in a row after which it is not asked for a while: each of them held a worker up.
const FAULTS: u32 = 5;
/// So long.
const REST: Duration = Duration::from_secs(10);
/// An answer names one candidate and three reasons: far less than this.
const MAX_ANSWER: usize = 64 * 1024;

/// A server that answers `POST /recommend`.
#[derive(Debug)]
pub struct Remote {
    url: Url,
    within: Duration,
    client: Outbound,
    trouble: Mutex<Trouble>,
}

#[derive(Debug, Default)]
struct Trouble {
    faults: u32,
    until: Option<Instant>,
}

impl Remote {
    /// The server at `url`, which must answer `within` that time.
    pub fn new(url: Url, within: Duration) -> anyhow::Result<Self> {
        outbound::check(&url, Reach::Operator)?;
        let client = Outbound::new(Reach::Operator)?;
        Ok(Self { url, within, client, trouble: Mutex::default() })
    }

    /// Its answer, held against the contract.
    pub async fn recommend(&self, ask: &Ask) -> Result<Recommendation, Fault> {
        if self.rests() {
            return Err(Fault::Gone);
        }
        let asked = tokio::time::timeout(self.within, self.ask(ask)).await;
        let answer = asked.unwrap_or(Err(Fault::Slow));
        self.heard(answer.is_ok());
        answer
    }

    async fn ask(&self, ask: &Ask) -> Result<Recommendation, Fault> {
        let request = self.client.request(reqwest::Method::POST, &self.url).map_err(|_| Fault::Gone)?;
        let mut request = request.json(ask);
        if let Some((name, value)) = trace::header(&Span::current()) {
            request = request.header(name, value);
        }
        let mut answer = request.send().await.map_err(|error| fault(&error))?;
        if answer.status().is_server_error() {
            return Err(Fault::Gone);
        }
        if !answer.status().is_success() {
            return Err(Fault::Wrong);
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| fault(&error))? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_ANSWER {
                return Err(Fault::Wrong);
            }
        }
        let answer: Recommendation = serde_json::from_slice(&body).map_err(|_| Fault::Wrong)?;
        // How it came to be asked is ours to say.
        checked(ask, answer.own()).map_err(|_| Fault::Wrong)
    }

    fn rests(&self) -> bool {
        self.trouble().until.is_some_and(|until| Instant::now() < until)
    }

    fn heard(&self, well: bool) {
        let mut trouble = self.trouble();
        if well {
            *trouble = Trouble::default();
            return;
        }
        trouble.faults += 1;
        if trouble.faults >= FAULTS {
            trouble.until = Some(Instant::now() + REST);
        }
    }

    fn trouble(&self) -> std::sync::MutexGuard<'_, Trouble> {
        self.trouble.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn fault(error: &reqwest::Error) -> Fault {
    if error.is_timeout() { Fault::Slow } else { Fault::Gone }
}
