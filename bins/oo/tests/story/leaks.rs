//! Nothing of a provider's words rests on our side, and no secret is ever printed. Searched in the files as they are,
//! and in what the sealed parts hold, opened with the test's own keys.

use crate::place::{self, Inside, Place};
use oo_contracts::signal::{Answer, Fact, Habit, Minutes, Signal};
use oo_contracts::wire::Ingest;
use oo_runtime::seal::{Envelope, Keyring};
use oo_subjects::{INGEST, Shard, streams};
use secrecy::ExposeSecret as _;
use serde_json::json;
use std::path::Path;

const TITLE: &str = "marker-title-zebra";

#[tokio::test(flavor = "multi_thread")]
async fn a_providers_words_and_secrets_rest_nowhere() -> anyhow::Result<()> {
    let place = Place::new().await;
    place.sandbox.todoist().add_task(&format!("{TITLE} of today"), json!({ "due_date": "2026-11-18" }));
    let oo = place.start().await;
    let mut browser = place.sign_in(&oo).await?;
    let subscription = place::subscribe(&mut browser, &place.sandbox).await?;
    place::link(&mut browser, "todoist").await?;
    let card = place::tip(&browser).await;
    assert!(card.text.as_str().contains(TITLE), "the words did come, for the page");
    oo_testkit::eventually("the push", || async { place.sandbox.push().received(&subscription).into_iter().next() })
        .await;
    place::answer(&mut browser, &card, Answer::Done).await?;

    let inside = place.inside().await;
    assert_eq!(rests(&place, &inside, TITLE).await?, Vec::<String>::new());
    let secrets =
        [oo.owner_token.as_str(), subscription.auth.as_str(), subscription.token.as_str(), "sandbox-todoist-secret"];
    for secret in secrets {
        let files: Vec<_> = place.files_with(secret).into_iter().filter(|file| !may_hold_secrets(file)).collect();
        assert!(files.is_empty(), "a secret stands in {files:?}");
    }

    // The search can fail: a leak that is planted in the sealed log is found there, and only there.
    let habit = Habit {
        id: "planted".parse()?,
        label: "marker-planted-leak".parse()?,
        from: jiff::civil::time(8, 0, 0, 0),
        to: jiff::civil::time(9, 0, 0, 0),
        minutes: Minutes::saturating(5),
        days: vec![],
    };
    let planted = Signal {
        id: "planted".parse()?,
        user: inside.person.user.clone(),
        at: place.clock.now(),
        fact: Fact::HabitDefined { habit },
    };
    inside.ctx.bus.ask(INGEST, &Ingest { signals: vec![planted] }).await?;
    assert!(place.files_with("marker-planted-leak").is_empty(), "what is sealed does not stand in a file");
    let found = rests(&place, &inside, "marker-planted-leak").await?;
    assert!(
        found.iter().any(|where_| where_.starts_with("OO_LOG_")),
        "the search did not find the planted leak: {found:?}"
    );
    // And one that is planted in the open.
    std::fs::write(place.dir.path().join("planted"), "marker-planted-open")?;
    assert_eq!(place.files_with("marker-planted-open").len(), 1);

    assert!(oo.stop().await.success());
    assert_eq!(place.files_with(TITLE), Vec::<std::path::PathBuf>::new());
    Ok(())
}

/// The program says its one-time link on standard output, on purpose; and `running.json` is how tools reach it.
fn may_hold_secrets(file: &Path) -> bool {
    matches!(file.file_name().and_then(|name| name.to_str()), Some("stdout" | "running.json"))
}

/// Everywhere a text rests: files as they are, streams opened, Redis opened.
async fn rests(place: &Place, inside: &Inside, text: &str) -> anyhow::Result<Vec<String>> {
    let mut found: Vec<String> = place.files_with(text).iter().map(|file| file.display().to_string()).collect();
    let mut all: Vec<String> = (0..16).map(|n| Shard(n).stream()).collect();
    all.extend([streams::TIPS, streams::DECISIONS, streams::PUSHES, streams::DEAD].map(String::from));
    for name in all {
        let stream = inside.ctx.bus.jetstream().get_stream(&name).await?;
        let state = &stream.cached_info().state;
        for seq in state.first_sequence..=state.last_sequence {
            let Ok(message) = stream.get_raw_message(seq).await else { continue };
            if holds(&opened(inside, &message.subject, &message.payload), text) {
                found.push(format!("{name}:{seq}"));
            }
        }
    }
    found.extend(redis_values(inside).await?.into_iter().filter(|(_, value)| holds(value, text)).map(|(key, _)| key));
    let opened = plain_redis(place, inside).await?;
    found.extend(opened.into_iter().filter(|(_, plain)| holds(plain, text)).map(|(key, _)| key));
    Ok(found)
}

/// What Redis keeps sealed, opened with the test's own keys.
pub(crate) async fn plain_redis(place: &Place, inside: &Inside) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let ring = Keyring::load(&place.dir.path().join("secrets/keys"))?;
    let values = redis_values(inside).await?.into_iter();
    Ok(values
        .map(|(key, value)| {
            let plain = open_redis(&ring, inside, &key, &value);
            (key, plain)
        })
        .collect())
}

/// A stored message, opened where it is sealed with the owner's key; else as it is.
fn opened(inside: &Inside, subject: &str, payload: &[u8]) -> Vec<u8> {
    let kind = if subject.starts_with("oo.v1.decision.") {
        "decision"
    } else {
        subject.rsplit('.').next().unwrap_or_default()
    };
    // A wake-up on the agenda is a moment to be.
    let kind = if subject.starts_with("oo.v1.agenda.") { "moment" } else { kind };
    let belongs = format!("oo/log/v1|{}|{kind}", inside.person.place.log);
    inside.person.key.open(&belongs, payload).map_or_else(|_| payload.to_vec(), |plain| plain.to_vec())
}

/// A value of Redis, opened with every key and place that sealed values belong to.
fn open_redis(ring: &Keyring, inside: &Inside, key: &str, value: &[u8]) -> Vec<u8> {
    let snapshot = format!("oo/snapshot/v1|{}", inside.person.place.log);
    if let Ok(plain) = inside.person.key.open(&snapshot, value) {
        return plain.to_vec();
    }
    let Ok(json) = serde_json::from_slice::<serde_json::Value>(value) else { return vec![] };
    // Push subscriptions are envelopes by themselves; the vault keeps one in its record.
    let log = &inside.person.place.log;
    let mut places = vec![format!("oo/push/v2|{log}|test")];
    places.extend(key.rsplit(':').next().map(|account| format!("oo/vault/v2|{log}|todoist|{account}")));
    let envelopes = [Some(&json), json.get("sealed")];
    let opened =
        envelopes.into_iter().flatten().filter_map(|value| serde_json::from_value::<Envelope>(value.clone()).ok());
    opened
        .flat_map(|envelope| places.iter().filter_map(move |place| envelope.open(ring, place).ok()).collect::<Vec<_>>())
        .flat_map(|plain| plain.to_vec())
        .collect()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// All keys of Redis with their values, hashes field by field.
async fn redis_values(inside: &Inside) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let client = redis::Client::open(inside.ctx.settings.redis.url.expose_secret())?;
    let mut redis = client.get_multiplexed_async_connection().await?;
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut redis).await?;
    let mut values = Vec::new();
    for key in keys {
        let kind: String = redis::cmd("TYPE").arg(&key).query_async(&mut redis).await?;
        let read: &[&str] = match kind.as_str() {
            "string" => &["GET"],
            "hash" => &["HVALS"],
            "set" => &["SMEMBERS"],
            "list" => &["LRANGE", "0", "-1"],
            "zset" => &["ZRANGE", "0", "-1"],
            // It went between the two questions.
            "none" => continue,
            other => anyhow::bail!("{key} is a {other}, which this search does not know"),
        };
        let mut command = redis::cmd(read[0]);
        command.arg(&key);
        for argument in &read[1..] {
            command.arg(argument);
        }
        let found: redis::Value = command.query_async(&mut redis).await?;
        flatten(found, &mut |value| values.push((key.clone(), value)));
    }
    Ok(values)
}

fn flatten(value: redis::Value, take: &mut impl FnMut(Vec<u8>)) {
    match value {
        redis::Value::BulkString(bytes) => take(bytes),
        redis::Value::SimpleString(text) => take(text.into_bytes()),
        redis::Value::Array(values) | redis::Value::Set(values) => {
            values.into_iter().for_each(|value| flatten(value, take))
        }
        redis::Value::Map(pairs) => pairs.into_iter().for_each(|(_, value)| flatten(value, take)),
        _ => {}
    }
}
