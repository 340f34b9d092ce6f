//! How a delivery ends: settled, given once more after a while, or dead.

use async_nats::jetstream::AckKind;
use async_nats::jetstream::message::Acker;
use oo_runtime::Metric;
use oo_runtime::metrics::Metrics;
use oo_subjects::streams::{ACK_WAIT, MAX_DELIVER};
use std::time::Duration;
use tokio::sync::mpsc;

/// How long after each failure but the last an entry comes again.
pub(crate) type Again = [Duration; MAX_DELIVER as usize - 1];

/// What cannot be read: a writer that is newer than this node may be followed by a newer node soon.
pub(crate) const READ_AGAIN: Again =
    [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(10)];
/// What could not be carried out: the log may be without a leader for some seconds. Whoever waits has a place of their shard's
/// in flight, so nobody waits long.
pub(crate) const REACT_AGAIN: Again =
    [Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(5), Duration::from_secs(10)];
/// A task that its provider did not complete: a provider may be away for a while.
pub(crate) const COMPLETE_AGAIN: Again =
    [Duration::from_secs(1), Duration::from_secs(15), Duration::from_secs(120), Duration::from_secs(1200)];

/// A delivery that waits for its verdict.
pub(crate) struct Settle {
    hears: Hears,
    /// How often the entry was delivered, this time included.
    pub(crate) tries: usize,
}

/// Who hears how it ends.
#[allow(clippy::large_enum_variant, reason = "nearly all are the large one")]
enum Hears {
    /// The server delivered it.
    Server(Acker),
    /// Somebody asked for it once more.
    Asker(mpsc::UnboundedSender<AckKind>),
}

impl Settle {
    pub(crate) fn to_server(ack: Acker, tries: usize) -> Self {
        Self { hears: Hears::Server(ack), tries }
    }

    /// For the last time: what fails now is not tried again.
    pub(crate) fn to_asker(asker: mpsc::UnboundedSender<AckKind>) -> Self {
        Self { hears: Hears::Asker(asker), tries: MAX_DELIVER as usize }
    }

    /// All that followed from it is done.
    pub(crate) async fn done(&self, metrics: &Metrics) {
        metrics.count(Metric::ProfileVerdicts, "ack");
        self.give(AckKind::Ack).await;
    }

    /// It could not be handled: it comes again after a while, or it is dead. A dead one stays in the log; the server tells
    /// `OO_DEAD` about it.
    pub(crate) async fn failed(&self, again: &Again, metrics: &Metrics) {
        let (kind, verdict) = match again.get(self.tries.saturating_sub(1)) {
            Some(after) => (AckKind::Nak(Some(*after)), "retry"),
            None => (AckKind::Term, "dead"),
        };
        metrics.count(Metric::ProfileVerdicts, verdict);
        self.give(kind).await;
    }

    /// Tells the server that work goes on while it does, so that a long one is not delivered again.
    pub(crate) async fn while_alive<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        let mut beat = tokio::time::interval(ACK_WAIT / 3);
        loop {
            tokio::select! {
                done = &mut work => return done,
                _ = beat.tick() => self.give(AckKind::Progress).await,
            }
        }
    }

    /// Gives a verdict. One that does not arrive is none: the entry comes again and folds to nothing.
    pub(crate) async fn give(&self, kind: AckKind) {
        let _arrived = match &self.hears {
            Hears::Server(ack) => ack.ack_with(kind).await.is_ok(),
            Hears::Asker(asker) => asker.send(kind).is_ok(),
        };
    }
}
