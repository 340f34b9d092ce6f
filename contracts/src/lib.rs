//! Everything that crosses a process boundary, defined once: schemas, OpenAPI, AsyncAPI and TypeScript are generated from here.

mod bounded;
pub mod decision;
pub mod email;
pub mod entry;
pub mod http;
pub mod id;
pub mod model;
pub mod push;
pub mod rights;
pub mod schema;
pub mod session;
mod share;
pub mod signal;
pub mod tip;
pub mod wire;

pub use bounded::OutOfBounds;
pub use id::{AccountId, AdviceId, DecisionId, DeviceId, HabitId, LogId, Provider, Ref, SignalId, TipId, UserId};
pub use jiff::Timestamp;
pub use share::Share;

/// The version that this code writes into entries. Readers refuse a higher one, see [`entry::Entry`].
pub const ENTRY_VERSION: u16 = 1;
