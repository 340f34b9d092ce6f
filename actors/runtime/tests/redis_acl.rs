//! The rules that are written for Redis, tried on a real one: what each service needs, and what it must not do.

#![allow(clippy::unwrap_used, reason = "a test that cannot set its scene has failed")]

use oo_runtime::{Context, redis_acl, redis_store};
use oo_testkit::{House, eventually};
use redis::aio::MultiplexedConnection;
use redis::{Client, IntoConnectionInfo as _, RedisResult, Value};
use secrecy::ExposeSecret as _;
use tokio_util::sync::CancellationToken;

/// A service, and a key of its own.
const OWN: &[(&str, &str)] = &[
    ("auth", "oo:session:h"),
    ("auth", "oo:owner-link:h"),
    ("integrations", "oo:integrations:account:a"),
    ("notifier", "oo:email:l"),
    ("notifier", "oo:push:l"),
    ("notifier", "oo:pushhost:h"),
    ("profile", "oo:snapshot:l"),
];

async fn connect(house: &House, user: &str) -> MultiplexedConnection {
    let password = redis_acl::password(&redis_acl::password_file(house.dir(), user)).unwrap();
    let info = house.source().get("OO_REDIS__URL").unwrap().into_connection_info().unwrap();
    let own = info.redis_settings().clone().set_username(user).set_password(password.expose_secret());
    Client::open(info.set_redis_settings(own)).unwrap().get_multiplexed_async_connection().await.unwrap()
}

async fn say(redis: &mut MultiplexedConnection, command: &[&str]) -> RedisResult<Value> {
    let mut said = redis::cmd(command[0]);
    said.arg(&command[1..]).query_async(redis).await
}

fn is_refused(answer: &RedisResult<Value>) -> bool {
    answer.as_ref().is_err_and(|error| error.code() == Some("NOPERM"))
}

#[tokio::test]
async fn each_service_reads_and_writes_its_own_keys_and_no_others() {
    let house = House::start_bare().await;
    for (user, own) in OWN {
        let mut redis = connect(&house, user).await;
        say(&mut redis, &["HSET", own, "f", "v"]).await.unwrap();
        say(&mut redis, &["EVAL", "return redis.call('HGET', KEYS[1], 'f')", "1", own]).await.unwrap();
        for (other, key) in OWN.iter().filter(|(other, _)| other != user) {
            for command in [&["HGETALL", key][..], &["HSET", key, "f", "w"], &["DEL", key], &["EXISTS", key]] {
                assert!(is_refused(&say(&mut redis, command).await), "{user}: {command:?} of {other}");
            }
            // Nor by a script that does not say which keys it takes.
            let script = format!("return redis.call('HGETALL', '{key}')");
            assert!(say(&mut redis, &["EVAL", &script, "0"]).await.is_err(), "{user}: a script reads {key} of {other}");
        }
    }
}

#[tokio::test]
async fn no_service_commands_the_server_or_looks_for_keys() {
    let house = House::start_bare().await;
    let forbidden: &[&[&str]] = &[
        &["KEYS", "*"],
        &["RANDOMKEY"],
        &["FLUSHALL"],
        &["FLUSHDB"],
        &["CONFIG", "GET", "*"],
        &["ACL", "LIST"],
        &["SHUTDOWN"],
        &["MONITOR"],
        &["REPLICAOF", "NO", "ONE"],
        &["MODULE", "LIST"],
        &["CLIENT", "LIST"],
        &["SUBSCRIBE", "all"],
    ];
    for user in ["auth", "integrations", "notifier", "profile"] {
        let mut redis = connect(&house, user).await;
        for command in forbidden {
            assert!(is_refused(&say(&mut redis, command).await), "{user}: {command:?}");
        }
        // Only integrations, which looks for its accounts.
        assert_eq!(is_refused(&say(&mut redis, &["SCAN", "0"]).await), user != "integrations", "{user}");
    }
}

#[tokio::test]
async fn nobody_comes_without_a_name() {
    let house = House::start_bare().await;
    let info = house.source().get("OO_REDIS__URL").unwrap().into_connection_info().unwrap();
    let nobody = info.clone().set_redis_settings(Default::default());
    let mut redis = Client::open(nobody).unwrap().get_multiplexed_async_connection().await.unwrap();
    let answer = say(&mut redis, &["GET", "oo:session:h"]).await.unwrap_err();
    assert_eq!(answer.code(), Some("NOAUTH"), "{answer}");
    // For health checks alone.
    let health =
        info.set_redis_settings(redis::RedisConnectionInfo::default().set_username("health").set_password("-"));
    let mut redis = Client::open(health).unwrap().get_multiplexed_async_connection().await.unwrap();
    say(&mut redis, &["PING"]).await.unwrap();
    assert!(is_refused(&say(&mut redis, &["GET", "oo:session:h"]).await));
}

#[tokio::test]
async fn what_a_service_wrote_in_one_go_outlives_the_server() {
    let mut house = House::start_bare().await;
    let mut redis = connect(&house, "auth").await;
    redis::pipe().atomic().set("oo:session:a", 1).set("oo:session:b", 2).exec_async(&mut redis).await.unwrap();
    let script = "redis.call('SET', KEYS[1], 3) redis.call('SET', KEYS[2], 4)";
    say(&mut redis, &["EVAL", script, "2", "oo:session:c", "oo:session:d"]).await.unwrap();
    house.redis.kill().await;
    house.redis.start().await.unwrap();
    let redis = connect(&house, "auth").await;
    let mut keys = redis::cmd("MGET");
    keys.arg(&["oo:session:a", "oo:session:b", "oo:session:c", "oo:session:d"]);
    // It listens before it has read its file.
    let kept: Vec<Option<u32>> =
        eventually("it has read its file", || async { keys.query_async(&mut redis.clone()).await.ok() }).await;
    assert_eq!(kept, [Some(1), Some(2), Some(3), Some(4)]);
}

#[tokio::test]
async fn a_service_connects_by_its_settings() {
    let house = House::start_bare().await;
    for (user, _) in OWN {
        let source = house.source().with(house.user(user));
        let ctx = Context::new(user, source, CancellationToken::new()).await.unwrap();
        assert!(redis_store::is_up(&redis_store::connect(&ctx.settings.redis).unwrap()).await, "{user}");
    }
}

#[tokio::test]
async fn a_full_server_refuses_and_forgets_nothing() {
    let house = House::start_bare().await;
    let mut redis = connect(&house, "operator").await;
    let policy: (String, String) =
        redis::cmd("CONFIG").arg("GET").arg("maxmemory-policy").query_async(&mut redis).await.unwrap();
    assert_eq!(policy.1, "noeviction");
}
