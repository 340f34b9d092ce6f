//! This service against the sandbox's providers, with real NATS and Redis.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on says where")]

#[path = "integrations/account.rs"]
mod account;
#[path = "integrations/content.rs"]
mod content;
#[path = "integrations/dav.rs"]
mod dav;
#[path = "integrations/dav_link.rs"]
mod dav_link;
#[path = "integrations/dav_servers.rs"]
mod dav_servers;
#[path = "integrations/faults.rs"]
mod faults;
#[path = "integrations/google_tasks.rs"]
mod google_tasks;
#[path = "integrations/hooks.rs"]
mod hooks;
#[path = "integrations/keep.rs"]
mod keep;
#[path = "integrations/link.rs"]
mod link;
#[path = "integrations/microsoft.rs"]
mod microsoft;
#[path = "integrations/peer.rs"]
mod peer;
#[path = "integrations/sync.rs"]
mod sync;
