//! One way to connect to Redis, for every `*_store.rs`.

use crate::{redis_acl, settings};
use anyhow::Context as _;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, IntoConnectionInfo as _, RedisResult, Script};
use secrecy::ExposeSecret as _;
use std::sync::LazyLock;
use std::time::Duration;

/// A Redis that does not answer within this is away; the caller says so and tries again.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// How many keys one step of a walk looks at.
const STEP: usize = 500;

/// Replaces a text that is still the expected one, and leaves its end where it was.
static SWAP_TEXT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
         redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
         return 1",
    )
});

/// The same for a field of a hash.
static SWAP_FIELD: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
         redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
         return 1",
    )
});

/// The pause before the second try to connect, within one command.
const RECONNECT_AFTER: Duration = Duration::from_millis(100);

/// A connection that mends itself. Opens when first used, so a service may start before Redis does.
pub fn connect(settings: &settings::Redis) -> anyhow::Result<ConnectionManager> {
    let info = settings
        .url
        .expose_secret()
        .into_connection_info()
        .context("OO_REDIS__URL wants redis://[user:password@]host:port")?;
    let info = match &settings.password_file {
        Some(file) => {
            let user = settings.user.as_deref().unwrap_or("default");
            let password = redis_acl::password(file).context("OO_REDIS__PASSWORD_FILE")?;
            let own = info.redis_settings().clone().set_username(user).set_password(password.expose_secret());
            info.set_redis_settings(own)
        }
        None => info,
    };
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

/// All keys whose names match, in no order. Steps through them, so that nobody else waits.
pub async fn keys(connection: &ConnectionManager, pattern: &str) -> RedisResult<Vec<String>> {
    let mut connection = connection.clone();
    let mut found = std::collections::BTreeSet::new();
    let mut cursor = 0_u64;
    loop {
        let mut scan = redis::cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(STEP);
        let (next, some): (u64, Vec<String>) = scan.query_async(&mut connection).await?;
        // A walk may come by the same key twice.
        found.extend(some);
        if next == 0 {
            return Ok(found.into_iter().collect());
        }
        cursor = next;
    }
}

/// A key as Redis itself packs it up, whatever kind it is.
pub struct Packed {
    pub key: String,
    pub value: Vec<u8>,
    /// Milliseconds until it ends by itself.
    pub ends_in: Option<u64>,
}

/// Packs a key up; `None` if it is gone by now.
pub async fn pack(connection: &ConnectionManager, key: String) -> RedisResult<Option<Packed>> {
    let asked = redis::pipe().atomic().cmd("DUMP").arg(&key).cmd("PTTL").arg(&key).to_owned();
    let (value, ends): (Option<Vec<u8>>, i64) = asked.query_async(&mut connection.clone()).await?;
    // Negative where it does not end.
    Ok(value.map(|value| Packed { key, value, ends_in: u64::try_from(ends).ok() }))
}

/// Puts a key where there is none.
pub async fn unpack(connection: &ConnectionManager, Packed { key, value, ends_in }: &Packed) -> RedisResult<()> {
    let mut restore = redis::cmd("RESTORE");
    restore.arg(key).arg(ends_in.unwrap_or(0)).arg(&value[..]);
    restore.query_async(&mut connection.clone()).await
}

/// Replaces a text by compare-and-set; `false` if it is another one by now, or gone.
pub async fn swap_text(connection: &ConnectionManager, key: &str, old: &str, new: &str) -> RedisResult<bool> {
    SWAP_TEXT.key(key).arg(old).arg(new).invoke_async(&mut connection.clone()).await
}

/// Replaces a field of a hash by compare-and-set.
pub async fn swap_field(
    connection: &ConnectionManager,
    key: &str,
    field: &str,
    old: &str,
    new: &str,
) -> RedisResult<bool> {
    SWAP_FIELD.key(key).arg(field).arg(old).arg(new).invoke_async(&mut connection.clone()).await
}
