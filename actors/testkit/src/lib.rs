//! For tests only: a house of one's own. Real nats-server, real redis-server, real services; nothing is mocked.

mod events;
mod house;
mod mail;
mod process;
mod until;
pub mod wire;

pub use events::{Event, Events};
pub use house::{House, Running};
pub use mail::{Letter, MailServer};
pub use process::Process;
pub use until::eventually;

/// A client for plain HTTP on this machine, following nothing by itself.
pub fn http() -> reqwest::Client {
    // It wants to know its cryptography even where none is used.
    oo_runtime::outbound::install_tls();
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client")
}
