//! All of oO in processes of its own, people who live fast, and everything that can fail, failing: `cargo xtask chaos`.
//!
//! The same with nothing failing, to see whether anything grows that should not, is `soak.rs`: `cargo xtask soak`.
//!
//! A seed makes the schedule of the faults, so that a run that found something can be looked at again. What must hold is
//! in `verdict.rs`, what goes wrong in `faults.rs`, who lives there in `life.rs`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a command that fails loudly and says what it does")]

mod chance;
mod clock;
mod disk;
mod faults;
mod life;
mod samples;
mod soak;
mod stage;
mod verdict;

use chance::Chance;
use clap::Parser;
use life::Life;
use oo_runtime::random;
use stage::{Stage, Versions};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Who is there, several of each that may be several.
const CAST: [(&str, usize); 7] = [
    ("events", 2),
    ("auth", 1),
    ("profile", 3),
    ("recommender", 2),
    ("notifier", 2),
    ("integrations", 1),
    ("gateway", 2),
];

/// What `cargo xtask chaos` passes on.
#[derive(Parser)]
#[command(name = "cargo xtask chaos")]
struct Arguments {
    /// Makes the same schedule of faults again.
    #[arg(long)]
    seed: Option<u64>,
    /// How long things go wrong.
    #[arg(long, default_value_t = 90)]
    seconds: u64,
    /// People.
    #[arg(long, default_value_t = 8)]
    people: usize,
    /// Person seconds per second of the wall.
    #[arg(long, default_value_t = 240.0)]
    speed: f64,
    /// Three nats-servers that hold three copies.
    #[arg(long)]
    cluster: bool,
    /// A folder with the programs of another version: each start of a service takes the one or the other.
    #[arg(long)]
    other: Option<PathBuf>,
    /// Said by this program to itself: disks that it mounts are its own.
    #[arg(long, hide = true)]
    own_mounts: bool,
}

fn main() -> ExitCode {
    // A member of the cast is this program once more.
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, serve, name] = arguments.as_slice()
        && serve == stage::SERVE
    {
        return stage::serve(name);
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let held = match arguments.get(1) {
        Some(word) if word == soak::SOAK => runtime.block_on(soak::run(soak::Arguments::parse_from(&arguments[1..]))),
        _ => {
            let arguments = Arguments::parse();
            if !arguments.own_mounts {
                disk::with_mounts_of_our_own("--own-mounts");
            }
            runtime.block_on(run(arguments))
        }
    };
    if held { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Lets it all happen, and says whether everything held.
async fn run(Arguments { seed, seconds, people, speed, cluster, other, own_mounts }: Arguments) -> bool {
    let seed = seed.unwrap_or_else(|| u64::from_le_bytes(random::bytes()));
    println!("chaos: seed {seed}, {people} people for {seconds} s at {speed} times the wall's speed");
    let versions = Versions { other, chance: Chance::new(seed, people as u64 + 1) };
    if !own_mounts {
        println!("chaos: LEFT OUT: full disks. Nobody here may mount one: be root, or allow user namespaces");
    }
    let mut stage = Stage::set(&CAST, speed, cluster, own_mounts, versions).await;
    let mut lives = Vec::new();
    for n in 0..people {
        lives.push(Life::begin(&stage, n, Chance::new(seed, n as u64 + 1)).await);
    }
    stage.enter().await;
    for life in &mut lives {
        life.settle_in(&stage).await;
    }
    let over = CancellationToken::new();
    let living: Vec<_> = lives.into_iter().map(|life| tokio::spawn(life.live(over.clone()))).collect();
    let schedule = faults::schedule(Chance::new(seed, 0), Duration::from_secs(seconds), &stage);
    let faults = faults::happen(&mut stage, schedule).await;
    over.cancel();
    let mut lives = Vec::new();
    for life in living {
        lives.push(life.await.unwrap());
    }
    stage.recover().await;
    let verdict = verdict::reach(&mut stage, &lives).await;
    println!("{verdict}");
    if let Some(disks) = &stage.disks {
        println!("{}", disks.told(&stage.house));
    }
    let kinds: Vec<String> = faults.iter().map(|(kind, times)| format!("{kind} {times}")).collect();
    println!("faults: {}", kinds.join(", "));
    if verdict.broken.is_empty() {
        println!("chaos: all held");
        return true;
    }
    verdict.broken.iter().for_each(|broken| println!("NOT SO: {broken}"));
    println!("chaos: seed {seed} found something; what each process said is in {}", stage.keep().display());
    false
}
