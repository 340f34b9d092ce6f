//! `oo verify`: whether each profile equals a fresh fold of its log, for one person or for all. Everything may run meanwhile.

use crate::inspect;
use anyhow::{Context as _, bail};
use futures_util::{StreamExt as _, TryStreamExt as _};
use indicatif::{ProgressBar, ProgressStyle};
use oo_profile::verify::{Snapshot, Verified, Verifier};
use std::path::Path;
use std::time::Instant;

/// Logs read at once: the server is busy then, and others still get their answers.
const AT_ONCE: usize = 16;

/// Whom to look at, and what to do about it.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// One person; everybody without it.
    user: Option<String>,
    /// Remove snapshots that are not what the log says: the log is the truth, and is replayed at the next start.
    #[arg(long)]
    mend: bool,
}

/// What was found of all.
#[derive(Default)]
struct Found {
    people: u64,
    entries: usize,
    unreadable: usize,
    same: u64,
    without: u64,
    wrong: u64,
}

/// Compares, and fails where something differs.
pub async fn run(data: &Path, options: &Options) -> anyhow::Result<()> {
    let ctx = inspect::context(data).await?;
    let (verifier, people) = (Verifier::new(&ctx)?, inspect::people(&ctx).await?);
    let whom = match &options.user {
        Some(user) => vec![inspect::person(&people, user).await?.place.log.clone()],
        None => people.logs().await?.try_collect().await?,
    };
    let began = Instant::now();
    let bar =
        ProgressBar::new(whom.len() as u64).with_style(ProgressStyle::with_template("{bar:40} {pos}/{len} people")?);
    let verified = futures_util::stream::iter(whom).map(|log| {
        let (people, verifier) = (&people, &verifier);
        async move {
            // Erased since they were listed.
            let Some(person) = people.of_log(&log).await? else { return Ok(None) };
            let verified = verifier.verify(&person).await.with_context(|| format!("of {}", person.user))?;
            people.let_go(&person);
            anyhow::Ok(Some((person, verified)))
        }
    });
    let mut verified = verified.buffer_unordered(AT_ONCE);
    let mut found = Found::default();
    while let Some(one) = verified.try_next().await? {
        bar.inc(1);
        if let Some((person, verified)) = one {
            found.add(&verified);
            if let Some(wrong) = wrong(&verified) {
                bar.suspend(|| println!("{:<16} {wrong}", person.user.as_str()));
                if options.mend {
                    verifier.remove_snapshot(&person).await?;
                }
            }
        }
    }
    bar.finish_and_clear();
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{} people, {} entries in {seconds:.1} s: {} profiles equal a fresh fold of their log, {} have none at rest",
        found.people, found.entries, found.same, found.without
    );
    if found.unreadable > 0 {
        println!("{} entries cannot be read: `oo doctor` tells of dead letters", found.unreadable);
    }
    match (found.wrong, options.mend) {
        (0, _) => Ok(()),
        (wrong, true) => {
            println!("{wrong} removed: restart the profile service, so that nobody goes on with what was in memory");
            Ok(())
        }
        (wrong, false) => bail!("{wrong} profiles are not what their log says: `oo verify --mend` removes them"),
    }
}

impl Found {
    fn add(&mut self, verified: &Verified) {
        self.people += 1;
        self.entries += verified.entries;
        self.unreadable += verified.unreadable;
        match verified.snapshot {
            Snapshot::None => self.without += 1,
            Snapshot::Same(_) => self.same += 1,
            Snapshot::Differs(_) | Snapshot::Ahead(_) | Snapshot::NoBeginning => self.wrong += 1,
        }
    }
}

/// What is wrong, in words.
fn wrong(verified: &Verified) -> Option<String> {
    match verified.snapshot {
        Snapshot::None | Snapshot::Same(_) => None,
        Snapshot::Differs(seq) => Some(format!("the profile at entry {seq} is not what the log says")),
        Snapshot::NoBeginning => Some(
            "the log begins with a checkpoint that this version cannot go on with: upgrade, or look at its key".into(),
        ),
        Snapshot::Ahead(seq) => {
            Some(format!("the profile has folded entry {seq}, and the log does not hold it: restore the stream"))
        }
    }
}
