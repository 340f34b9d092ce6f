//! Telling the sandbox to fail, and seeing what it was asked.

use jiff::Timestamp;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The next requests under a path go wrong.
#[derive(Debug, Clone)]
pub struct Fault {
    /// A path prefix, with or without the provider's own (`/api/v1/sync`, `/todoist/api/v1/sync`);
    /// empty for all of that provider's paths.
    pub path: String,
    /// How many requests.
    pub times: u32,
    pub kind: FaultKind,
}

impl Fault {
    /// The next `times` requests under `path` go wrong in this way.
    pub fn next(times: u32, path: impl Into<String>, kind: FaultKind) -> Self {
        Self { path: path.into(), times, kind }
    }

    /// Every request under `path` goes wrong, until the faults are cleared.
    pub fn always(path: impl Into<String>, kind: FaultKind) -> Self {
        Self::next(u32::MAX, path, kind)
    }
}

/// How a request goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// 401 with the provider's own body.
    Unauthorized401,
    /// 429 with `Retry-After`, and Todoist's `error_extra.retry_after`.
    TooMany429 { retry_after_secs: u64 },
    /// Google's other way to say slow down: 403 with `domain: usageLimits`.
    UsageLimits403,
    /// 500 with the provider's own body.
    Error500,
    /// 200 with a page of HTML, as proxies and captive portals do.
    Html200,
    /// Any status with the provider's own body, such as a push service's 404, 410 or 413.
    Status { status: u16, retry_after_secs: Option<u64> },
    /// Never answers; ends when the client gives up.
    Hang,
    /// Starts an answer and closes the connection within it.
    CloseMidway,
    /// Does what was asked, and then closes the connection instead of answering.
    LoseAnswer,
    /// Answers properly, but only after this long.
    Slow(Duration),
    /// Does it at once, but says so only after this long.
    SlowAnswer(Duration),
}

/// A request as the sandbox saw it. No headers, no bodies, no query: they carry secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedRequest {
    /// On the wall clock.
    pub at: Timestamp,
    pub method: String,
    pub path: String,
    /// `None` while it is being answered, and for one that never was.
    pub status: Option<u16>,
}

/// So many requests are remembered.
const KEPT_REQUESTS: usize = 20_000;

#[derive(Default)]
pub(crate) struct Faults(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    scripted: Vec<Fault>,
    seen: VecDeque<LoggedRequest>,
    /// How many were forgotten, so that an entry can be found again by its number.
    forgotten: u64,
}

impl Faults {
    /// Scripts a fault for a provider's paths; `root` is such as `/todoist`.
    pub(crate) fn script(&self, root: &str, mut fault: Fault) {
        if !fault.path.starts_with(root) {
            let slash = if fault.path.is_empty() || fault.path.starts_with('/') { "" } else { "/" };
            fault.path = format!("{root}{slash}{}", fault.path);
        }
        self.inner().scripted.push(fault);
    }

    pub(crate) fn clear(&self, root: &str) {
        self.inner().scripted.retain(|fault| !fault.path.starts_with(root));
    }

    /// The fault for this request, if one is scripted; counts it down.
    pub(crate) fn take(&self, path: &str) -> Option<FaultKind> {
        let mut inner = self.inner();
        let index = inner.scripted.iter().position(|fault| fault.times > 0 && path.starts_with(&fault.path))?;
        let fault = &mut inner.scripted[index];
        let kind = fault.kind.clone();
        if fault.times != u32::MAX {
            fault.times -= 1;
        }
        if fault.times == 0 {
            inner.scripted.remove(index);
        }
        Some(kind)
    }

    /// Remembers a request; the number is for [`Self::answered`].
    pub(crate) fn asked(&self, method: &str, path: &str) -> u64 {
        let mut inner = self.inner();
        if inner.seen.len() == KEPT_REQUESTS {
            inner.seen.pop_front();
            inner.forgotten += 1;
        }
        let request =
            LoggedRequest { at: crate::clock::wall(), method: method.to_owned(), path: path.to_owned(), status: None };
        inner.seen.push_back(request);
        inner.forgotten + inner.seen.len() as u64 - 1
    }

    pub(crate) fn answered(&self, number: u64, status: u16) {
        let mut inner = self.inner();
        let Some(index) = number.checked_sub(inner.forgotten).and_then(|index| usize::try_from(index).ok()) else {
            return;
        };
        if let Some(request) = inner.seen.get_mut(index) {
            request.status = Some(status);
        }
    }

    pub(crate) fn requests(&self, root: &str) -> Vec<LoggedRequest> {
        self.inner().seen.iter().filter(|request| request.path.starts_with(root)).cloned().collect()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
