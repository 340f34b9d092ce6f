//! What every service stands on: settings, clock, connections, health, metrics, sealing, and how it starts and stops.

pub mod clock;
pub mod context;
pub mod crash;
pub mod engines;
pub mod health;
pub mod logbook;
pub mod metrics;
pub mod models;
pub mod nats_users;
pub mod outbound;
pub mod people;
pub mod public;
pub mod random;
pub mod redis_acl;
pub mod redis_store;
pub mod seal;
pub mod secret_file;
pub mod service;
pub mod settings;
pub mod task;
pub mod telemetry;
pub mod web;

pub use clock::Clock;
pub use context::Context;
pub use logbook::Logbook;
pub use metrics::Metric;
pub use models::{Models, ModelsError, Standing};
pub use people::{People, Person};
pub use service::run;
pub use settings::{Settings, Source};

/// Others keep what passivation frees; jemalloc gives it back (measured: docs/adr/0007).
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;
