//! `oo vault`: which keys of the ring wrap how many records, a new key for all of them while everything runs, and the end
//! of an old one. Nothing is kept between the steps, so whatever breaks off is simply done again.

mod ring_file;

use crate::inspect;
use anyhow::{bail, ensure};
use oo_runtime::seal::{Keyring, Tally, Walk};
use oo_runtime::{Context, crash};
use ring_file::RingFile;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// Between two walks. Longer than a record takes from being sealed to being written, so that one that was sealed with the
/// old key in the very moment of its end is seen by the walk after it.
const SETTLE: Duration = Duration::from_secs(5);
/// Only a record that changes all the time is still on an old key after so many.
const MOST_WALKS: u32 = 20;

/// All walks of one round.
struct Round(Vec<(&'static str, Tally)>);

impl Round {
    async fn walk(ctx: &Context, walk: Walk) -> anyhow::Result<Self> {
        let people = inspect::people(ctx).await?;
        let mut all = vec![("people's data keys", people.sealed(walk).await?)];
        all.extend(oo_integrations::sealed(ctx, walk).await?);
        all.push(("push subscriptions and addresses", oo_notifier::sealed(ctx, walk).await?));
        Ok(Self(all))
    }

    fn by_key(&self) -> BTreeMap<&str, u64> {
        let mut sum = BTreeMap::new();
        for (key, count) in self.0.iter().flat_map(|(_, tally)| &tally.by_key) {
            *sum.entry(key.as_str()).or_default() += count;
        }
        sum
    }

    /// Records that another key than the first one wraps, and that the ring opens.
    fn old(&self, first: &str) -> u64 {
        let all: u64 = self.by_key().iter().filter(|(key, _)| **key != first).map(|(_, count)| count).sum();
        all.saturating_sub(self.closed())
    }

    fn closed(&self) -> u64 {
        self.0.iter().map(|(_, tally)| tally.closed).sum()
    }

    fn rewrapped(&self) -> u64 {
        self.0.iter().map(|(_, tally)| tally.rewrapped).sum()
    }

    fn print(&self, ring: &Keyring) {
        let (ids, wraps) = (ring.ids(), self.by_key());
        for (place, id) in ids.iter().enumerate() {
            let count = wraps.get(id.as_str()).copied().unwrap_or_default();
            let role = match (place, count) {
                (0, _) => "seals",
                (_, 0) => "wraps nothing: it may be dropped",
                _ => "opens",
            };
            println!("key {id:<8} {count:>8} records  {role}");
        }
        for (id, count) in wraps.iter().filter(|(id, _)| !ids.iter().any(|known| known == *id)) {
            println!("key {id:<8} {count:>8} records  not in the ring: put it back, they cannot be opened");
        }
        for (kind, tally) in &self.0 {
            let counts: Vec<_> = tally.by_key.iter().map(|(id, count)| format!("{count} by {id}")).collect();
            println!("  {kind}: {}", if counts.is_empty() { "none".into() } else { counts.join(", ") });
        }
        if self.closed() > 0 {
            println!("{} records do not open with the key that they name", self.closed());
        }
    }
}

/// Says how many records each key wraps.
pub async fn status(data: &Path) -> anyhow::Result<()> {
    let ctx = inspect::context(data).await?;
    Round::walk(&ctx, Walk::Count).await?.print(&ctx.keyring()?);
    Ok(())
}

/// Adds a key, unless a rotation was begun and is not finished, and wraps everything with it.
pub async fn rotate(data: &Path) -> anyhow::Result<()> {
    let ctx = inspect::context(data).await?;
    let file = RingFile::hold(&ctx.settings.keys.file)?;
    let ring = ctx.keyring()?;
    let first = ring.ids().into_iter().next().unwrap_or_default();
    let left = Round::walk(&ctx, Walk::Count).await?.old(&first);
    if left > 0 {
        println!("{left} records are on older keys: a rotation was begun and goes on, with key {first}");
    } else {
        println!("key {} was added to {}", file.add()?, file.path().display());
        crash::point("vault-key-added");
    }
    let first = ring.ids().into_iter().next().unwrap_or_default();
    let mut moved = 0;
    let mut quiet = false;
    for _ in 0..MOST_WALKS {
        let round = Round::walk(&ctx, Walk::Rewrap).await?;
        moved += round.rewrapped();
        let done = round.rewrapped() == 0 && round.old(&first) == 0;
        if done && quiet {
            println!("{moved} records were wrapped again with key {first}");
            round.print(&ring);
            let wraps = round.by_key();
            let free: Vec<_> = ring.ids().into_iter().skip(1).filter(|id| !wraps.contains_key(id.as_str())).collect();
            for id in &free {
                println!("key {id} wraps nothing any more: `oo vault drop {id}` takes it out of the ring");
            }
            if !free.is_empty() {
                println!("a backup from before today still needs it: keep a copy where such backups are kept");
            }
            return Ok(());
        }
        quiet = done;
        tokio::time::sleep(if done { SETTLE } else { Duration::from_millis(200) }).await;
    }
    bail!("some records change all the time: run `oo vault rotate` again, it goes on where it was")
}

/// Takes a key out of the ring that wraps nothing any more.
pub async fn drop_key(data: &Path, id: &str) -> anyhow::Result<()> {
    let ctx = inspect::context(data).await?;
    let file = RingFile::hold(&ctx.settings.keys.file)?;
    let ids = ctx.keyring()?.ids();
    ensure!(ids.iter().any(|known| known == id), "there is no key {id} in the ring: it has {}", ids.join(", "));
    ensure!(ids[0] != id, "key {id} is the one that seals: `oo vault rotate` adds a newer one first");
    let round = Round::walk(&ctx, Walk::Count).await?;
    let wraps = round.by_key().get(id).copied().unwrap_or_default();
    ensure!(wraps == 0, "key {id} still wraps {wraps} records: run `oo vault rotate` first");
    file.remove(id)?;
    println!("key {id} is out of the ring");
    Ok(())
}
