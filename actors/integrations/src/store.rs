//! What all stores of this service share: names of keys, and the one error.

use oo_contracts::Timestamp;

/// Redis does not do it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("Redis does not answer ({0}): is it running, and OO_REDIS__URL right?")]
pub(crate) struct StoreError(pub(crate) String);

/// The name of a key of this service.
pub(crate) fn key(kind: &str, name: impl std::fmt::Display) -> String {
    format!("oo:integrations:{kind}:{name}")
}

/// Accounts by the instant of their next sync, in milliseconds of the wall's clock.
pub(crate) const DUE: &str = "oo:integrations:due";

/// Ended accounts of which something is left to say or to revoke.
pub(crate) const ENDED: &str = "oo:integrations:ended";

/// Sealed at the first start: a ring that does not open it is another installation's, or has lost a key.
pub(crate) const PROOF: &str = "oo:integrations:proof";

/// An instant as scores and life times are written.
pub(crate) fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}
