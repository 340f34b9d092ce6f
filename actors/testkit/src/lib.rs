//! For tests only: a house of one's own. Real nats-server, real redis-server, real services; nothing is mocked.

mod house;
mod until;

pub use house::{House, Running};
pub use until::eventually;
