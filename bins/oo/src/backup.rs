//! `oo backup` and `oo restore`: everything that a house keeps, in one folder and out of it again.
//!
//! It is copied while everything runs, so the order matters. Snapshots in Redis and checkpoints come before the logs: one that knows
//! more than its log would take new entries for old ones. Keys of people come last, so that whoever is erased meanwhile stays erased.
//! `OO_TIPS` is left out: the server makes it again from the logs, tips that are over are let go, and claims, which are in
//! here, keep others from being pushed twice. (Restored with its messages, it would have them all twice: tried.)

use crate::inspect;
use crate::servers::Servers;
use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use oo_contracts::Timestamp;
use oo_runtime::{Context, redis_store, secret_file};
use oo_subjects::Packed;
use oo_subjects::streams::{CHECKPOINTS, PEOPLE, TIPS};
use serde::{Deserialize, Serialize};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Of the folder's layout.
const VERSION: u32 = 1;
/// Written last: a folder without it is half a backup.
const TABLE: &str = "backup.json";
const REDIS: &str = "redis.jsonl";
const SECRETS: &str = "secrets";
/// All that services keep in Redis.
const KEYS: &str = "oo:*";
/// Keys of Redis that are asked for at once.
const AT_ONCE: usize = 32;
/// What a house on a laptop keeps beside its servers: the person's clock, and the stand-in accounts.
const LAPTOP: [&str; 2] = ["clock.json", "sandbox.json"];

/// What is in the folder.
#[derive(Serialize, Deserialize)]
struct Table {
    version: u32,
    made_at: Timestamp,
    streams: Vec<Copied>,
}

/// A stream that was copied: its file has its name.
#[derive(Serialize, Deserialize)]
struct Copied {
    name: String,
    packed: Packed,
}

/// A key of Redis, a line of its file.
#[derive(Serialize, Deserialize)]
struct Line {
    key: String,
    value: String,
    ends_in: Option<u64>,
}

/// Copies everything into an empty folder, while it runs.
pub async fn make(data: &Path, to: &Path) -> anyhow::Result<()> {
    let ctx = inspect::context(data).await?;
    folder(to)?;
    ensure!(is_empty(to)?, "{} is not empty: name a new folder for each backup", to.display());
    println!("redis        {:>9} keys", redis_out(&ctx, &to.join(REDIS)).await?);
    let mut streams = Vec::new();
    for name in in_order(ctx.bus.stream_names().await?) {
        let mut file = private(&to.join(&name))?;
        let packed = ctx.bus.copy_out(&name, |bytes| file.write_all(bytes)).await.with_context(|| name.clone())?;
        file.sync_all()?;
        println!("{name:12} {:>9} messages", packed.messages());
        streams.push(Copied { name, packed });
    }
    folder(&to.join(SECRETS))?;
    for (name, from) in secrets(&ctx) {
        copy(&from, &to.join(SECRETS).join(name))?;
    }
    for name in LAPTOP.into_iter().filter(|name| data.join(name).exists()) {
        copy(&data.join(name), &to.join(name))?;
    }
    let table = Table { version: VERSION, made_at: ctx.clock.wall(), streams };
    secret_file::write(&to.join(TABLE), &serde_json::to_string_pretty(&table)?)?;
    println!("\nAll of it is in {}.", to.display());
    println!("Take {} out of it and keep it elsewhere: whoever has both reads everything.", to.join(SECRETS).display());
    Ok(())
}

/// Copies everything from such a folder into a house where nothing is yet and nothing runs.
pub async fn restore(data: &Path, from: &Path) -> anyhow::Result<()> {
    let table = std::fs::read_to_string(from.join(TABLE))
        .with_context(|| format!("{} holds no whole backup: it has no {TABLE}", from.display()))?;
    let table: Table = serde_json::from_str(&table).with_context(|| format!("{TABLE} cannot be read"))?;
    ensure!(table.version == VERSION, "the backup is of layout {}, and this oO knows {VERSION}", table.version);
    let keys = from.join(SECRETS).join("keys");
    ensure!(keys.exists(), "{} is missing, without which nobody can read the rest: put it back first", keys.display());

    let house = Empty::open(data).await?;
    let copied = house.fill(from, &table).await;
    house.0.close().await;
    copied?;
    println!("\nThe house is as it was at {}. Start it.", table.made_at.strftime("%Y-%m-%d %H:%M:%S"));
    Ok(())
}

/// A house to be filled: its servers run, its services do not.
struct Empty(Servers);

impl Empty {
    async fn open(data: &Path) -> anyhow::Result<Self> {
        if !Servers::are_named() {
            for part in ["nats", "redis"] {
                let taken = data.join(part).exists();
                ensure!(!taken, "a house is in {} already: name an empty folder with --data", data.display());
            }
        }
        Ok(Self(Servers::open("restore", data).await?))
    }

    async fn fill(&self, from: &Path, table: &Table) -> anyhow::Result<()> {
        let ctx = &self.0.ctx;
        let there = in_order(ctx.bus.stream_names().await.context("NATS does not answer")?);
        ensure!(there.is_empty(), "NATS holds {} already: restore into an empty one", there.join(", "));
        let there = redis_store::keys(&redis_store::connect(&ctx.settings.redis)?, KEYS).await?;
        ensure!(there.is_empty(), "Redis holds {} keys already: restore into an empty one", there.len());

        // Nothing is sealed with what lies here: the house is empty.
        for (name, to) in secrets(ctx) {
            copy(&from.join(SECRETS).join(name), &to)?;
        }
        if let Some(data) = self.0.data() {
            for name in LAPTOP.into_iter().filter(|name| from.join(name).exists()) {
                copy(&from.join(name), &data.at(name))?;
            }
        }
        for Copied { name, packed } in &table.streams {
            let mut file = File::open(from.join(name)).with_context(|| format!("{name} is missing in the backup"))?;
            ctx.bus.copy_in(name, packed, |room| file.read(room)).await.with_context(|| name.clone())?;
            println!("{name:12} {:>9} messages", packed.messages());
        }
        println!("redis        {:>9} keys", redis_in(ctx, &from.join(REDIS)).await?);
        Ok(())
    }
}

/// Our streams, in the order in which they are copied out.
fn in_order(names: Vec<String>) -> Vec<String> {
    let people = format!("KV_{PEOPLE}");
    let ours = |name: &String| (name.starts_with("OO_") || name.starts_with("KV_OO_")) && name != TIPS;
    let mut ours: Vec<String> = names.into_iter().filter(ours).collect();
    ours.sort_by_key(|name| (*name == people, *name != CHECKPOINTS, name.clone()));
    ours
}

/// The files without which nothing can be read, and where the settings say that they are.
fn secrets(ctx: &Context) -> Vec<(&'static str, PathBuf)> {
    let vapid = ctx.source.get("OO_NOTIFIER__VAPID_FILE").map(|file| ("vapid.pem", PathBuf::from(file)));
    [("keys", ctx.settings.keys.file.clone())].into_iter().chain(vapid).collect()
}

async fn redis_out(ctx: &Context, to: &Path) -> anyhow::Result<usize> {
    let redis = redis_store::connect(&ctx.settings.redis)?;
    let keys = redis_store::keys(&redis, KEYS).await.context("Redis does not answer")?;
    let mut packed = stream::iter(keys).map(|key| redis_store::pack(&redis, key)).buffered(AT_ONCE);
    let (mut file, mut count) = (private(to)?, 0);
    while let Some(packed) = packed.try_next().await? {
        // It may have ended since it was listed.
        let Some(redis_store::Packed { key, value, ends_in }) = packed else { continue };
        let line = Line { key, value: BASE64_STANDARD.encode(value), ends_in };
        writeln!(file, "{}", serde_json::to_string(&line)?)?;
        count += 1;
    }
    file.sync_all()?;
    Ok(count)
}

async fn redis_in(ctx: &Context, from: &Path) -> anyhow::Result<usize> {
    let redis = redis_store::connect(&ctx.settings.redis)?;
    let mut count = 0;
    for line in BufReader::new(File::open(from)?).lines() {
        let Line { key, value, ends_in } = serde_json::from_str(&line?).context("a line of Redis cannot be read")?;
        let packed = redis_store::Packed { key, value: BASE64_STANDARD.decode(value)?, ends_in };
        redis_store::unpack(&redis, &packed).await?;
        count += 1;
    }
    Ok(count)
}

/// A folder for nobody but its owner.
fn folder(path: &Path) -> anyhow::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.with_context(|| format!("cannot make {}", path.display()))
}

fn is_empty(path: &Path) -> anyhow::Result<bool> {
    Ok(std::fs::read_dir(path)?.next().is_none())
}

fn private(path: &Path) -> anyhow::Result<File> {
    let file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path);
    file.with_context(|| format!("cannot write {}", path.display()))
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(from).with_context(|| format!("cannot read {}", from.display()))?;
    if let Some(parent) = to.parent() {
        folder(parent)?;
    }
    secret_file::write(to, &text).with_context(|| format!("cannot write {}", to.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_come_first_peoples_keys_last_and_what_is_not_ours_or_made_again_not_at_all() {
        let names = [
            "KV_OO_PEOPLE",
            "OO_LOG_1",
            "somebody",
            "OO_TIPS",
            "OO_DECISIONS",
            "OO_LOG_0",
            "KV_OO_MODELS",
            CHECKPOINTS,
        ];
        let names = in_order(names.map(String::from).into());
        assert_eq!(names, [CHECKPOINTS, "KV_OO_MODELS", "OO_DECISIONS", "OO_LOG_0", "OO_LOG_1", "KV_OO_PEOPLE"]);
    }

    #[tokio::test]
    async fn half_a_backup_and_one_without_its_keys_are_refused() {
        let (dir, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let refused = restore(data.path(), dir.path()).await.unwrap_err().to_string();
        assert!(refused.contains(TABLE), "{refused}");
        std::fs::write(dir.path().join(TABLE), r#"{"version":1,"made_at":"2026-11-28T12:00:00Z","streams":[]}"#)
            .unwrap();
        let refused = restore(data.path(), dir.path()).await.unwrap_err().to_string();
        assert!(refused.contains("secrets/keys"), "{refused}");
        assert!(is_empty(data.path()).unwrap(), "nothing was begun");
    }
}
