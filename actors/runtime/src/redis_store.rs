//! One way to connect to Redis, for every `*_store.rs`.

use crate::settings;
use anyhow::Context as _;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, IntoConnectionInfo as _};
use secrecy::ExposeSecret as _;
use std::time::Duration;

/// A Redis that does not answer within this is away; the caller says so and tries again.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// The pause before the second try to connect, within one command.
const RECONNECT_AFTER: Duration = Duration::from_millis(100);

/// A connection that mends itself. Opens when first used, so a service may start before Redis does.
pub fn connect(settings: &settings::Redis) -> anyhow::Result<ConnectionManager> {
    let info = settings
        .url
        .expose_secret()
        .into_connection_info()
        .context("OO_REDIS__URL wants redis://[user:password@]host:port")?;
    // Off by default in redis 1.x, and then a small command waits for the one before it.
    let info = info.set_tcp_settings(redis::io::tcp::TcpSettings::default().set_nodelay(true));
    let config = ConnectionManagerConfig::new()
        .set_response_timeout(Some(ANSWER_WITHIN))
        .set_connection_timeout(Some(ANSWER_WITHIN))
        // A command that finds no connection fails soon, and the next one opens a new one: long pauses of the crate's own would
        // outlast the outage.
        .set_number_of_retries(1)
        .set_max_delay(RECONNECT_AFTER);
    Ok(ConnectionManager::new_lazy_with_config(Client::open(info)?, config)?)
}

/// Whether Redis answers.
pub async fn is_up(connection: &ConnectionManager) -> bool {
    let mut connection = connection.clone();
    redis::cmd("PING").query_async::<String>(&mut connection).await.is_ok()
}
