//! The two clocks: the person's, which the caller gives, and the sandbox's own, by which tokens age.

use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// The wall clock. The sandbox stands for providers, who live by no other; a person's clock is an option.
#[allow(clippy::disallowed_methods)]
pub(crate) fn wall() -> Timestamp {
    Timestamp::now()
}

pub(crate) struct Clock {
    person: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Milliseconds that tests moved the own clock ahead.
    ahead: AtomicI64,
}

impl Clock {
    pub(crate) fn new(person: Arc<dyn Fn() -> Timestamp + Send + Sync>) -> Self {
        Self { person, ahead: AtomicI64::new(0) }
    }

    /// The time in the person's life.
    pub(crate) fn person(&self) -> Timestamp {
        (self.person)()
    }

    /// The sandbox's own time.
    pub(crate) fn own(&self) -> Timestamp {
        let ahead = SignedDuration::from_millis(self.ahead.load(Ordering::Relaxed));
        wall().checked_add(ahead).unwrap_or(Timestamp::MAX)
    }

    pub(crate) fn advance(&self, by: SignedDuration) {
        let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.ahead.fetch_add(millis, Ordering::Relaxed);
    }
}
