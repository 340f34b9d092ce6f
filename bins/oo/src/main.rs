//! `oo`: all services in one process on a laptop, with private servers; and the tools to look inside.

use clap::{Parser, Subcommand};
use oo::{backup, dead, demo, doctor, init, inspect, learn, reshard, simulate, up, vault, verify};
use oo_runtime::service::{many_files, no_core_dumps};
use std::path::PathBuf;
use std::process::ExitCode;

/// One tip, at the right moment. Otherwise, silence.
#[derive(Parser)]
#[command(name = "oo", version)]
struct Cli {
    /// Where everything is kept.
    #[arg(long, global = true, env = "OO_DATA", default_value = ".oo")]
    data: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start everything and show the page's address. Ctrl-C stops everything.
    Up {
        /// Port of the page; 0 takes a free one.
        #[arg(long, default_value_t = 8088)]
        port: u16,
        /// How much faster than the wall the person's clock runs.
        #[arg(long, default_value_t = 1.0)]
        speed: f64,
        /// The sandbox's consent page says yes by itself.
        #[arg(long, hide = true)]
        auto_consent: bool,
    },
    /// Make the secrets that services need, once, and print the owner's sign-in link.
    Init {
        /// Where they go.
        #[arg(long)]
        dir: PathBuf,
    },
    /// Let one tip travel the whole way, without a browser, and print each step.
    Demo,
    /// Say what is missing or broken, and what to do.
    Doctor,
    /// Follow a person's log.
    Tail {
        #[arg(default_value = "owner")]
        user: String,
        /// Print what is there and end.
        #[arg(long)]
        once: bool,
    },
    /// Say why the last decision was what it was, replayed from the log.
    Explain {
        #[arg(default_value = "owner")]
        user: String,
    },
    /// Say whether each profile equals a fresh fold of its log.
    Verify(verify::Options),
    /// Try policies on simulated people: no servers, everything from a seed.
    Simulate(simulate::Options),
    /// Fit a model to the decisions of those who allow it, judge it, and register it as a candidate.
    Train(learn::Range),
    /// Put a person into a community that trains models of its own.
    Join(learn::Join),
    /// List the models, and say who answers.
    Models(learn::OfTenant),
    /// Put a model in the place of the live one, where it beats it off-policy.
    Promote(learn::Promote),
    /// Take the live one back, and put the one before it in its place.
    Rollback(learn::Rollback),
    /// Say what a policy would have earned on the decisions in the log.
    Evaluate(learn::Evaluate),
    /// Let people have different policies, and compare.
    Experiment {
        #[command(subcommand)]
        what: learn::Experiment,
    },
    /// Entries that could not be handled. Nothing of what is in them is shown.
    Dead {
        #[command(subcommand)]
        what: Dead,
    },
    /// Copy all that is kept into a folder, while everything runs.
    Backup {
        /// A new folder.
        to: PathBuf,
    },
    /// Fill an empty house from such a folder.
    Restore {
        /// What `oo backup` made, its secrets put back.
        from: PathBuf,
    },
    /// Give the logs more shards, while no service runs.
    Reshard {
        /// How many: a power of two.
        to: u16,
    },
    /// The keys that seal what rests.
    Vault {
        #[command(subcommand)]
        what: Vault,
    },
}

#[derive(Subcommand)]
enum Dead {
    /// List them.
    List,
    /// Say where an entry lies and whether this oO can read it.
    Look { number: u64 },
    /// Deliver it to its person once more.
    Redrive { number: u64 },
    /// Forget the letter; the entry stays.
    Drop { number: u64 },
}

#[derive(Subcommand)]
enum Vault {
    /// Add a new key and wrap everything with it while all runs; or finish what was begun.
    Rotate,
    /// Say how many records each key wraps.
    Status,
    /// Take a key out of the ring that wraps nothing any more.
    Drop { key: String },
}

fn main() -> ExitCode {
    no_core_dumps();
    many_files();
    let Cli { data, command } = Cli::parse();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    let ended = runtime.block_on(async {
        match command {
            Command::Up { port, speed, auto_consent } => up::run(up::Options { data, port, speed, auto_consent }).await,
            Command::Init { dir } => init::run(&dir),
            Command::Demo => demo::run().await,
            Command::Doctor => doctor::run(&data).await,
            Command::Tail { user, once } => inspect::tail(&data, &user, once).await,
            Command::Explain { user } => inspect::explain(&data, &user).await,
            Command::Verify(options) => verify::run(&data, &options).await,
            Command::Simulate(options) => simulate::run(&options),
            Command::Train(range) => learn::train(&data, &range).await,
            Command::Join(what) => learn::join(&data, &what).await,
            Command::Models(tenant) => learn::models(&data, &tenant).await,
            Command::Promote(what) => learn::promote(&data, &what).await,
            Command::Rollback(what) => learn::rollback(&data, &what).await,
            Command::Evaluate(what) => learn::evaluate(&data, &what).await,
            Command::Experiment { what } => learn::experiment(&data, &what).await,
            Command::Dead { what: Dead::List } => dead::list(&data).await,
            Command::Dead { what: Dead::Look { number } } => dead::look(&data, number).await,
            Command::Dead { what: Dead::Redrive { number } } => dead::redrive(&data, number).await,
            Command::Dead { what: Dead::Drop { number } } => dead::forget(&data, number).await,
            Command::Backup { to } => backup::make(&data, &to).await,
            Command::Restore { from } => backup::restore(&data, &from).await,
            Command::Reshard { to } => reshard::run(&data, to).await,
            Command::Vault { what: Vault::Rotate } => vault::rotate(&data).await,
            Command::Vault { what: Vault::Status } => vault::status(&data).await,
            Command::Vault { what: Vault::Drop { key } } => vault::drop_key(&data, &key).await,
        }
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

#[allow(clippy::print_stderr, reason = "a command line tool")]
fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("oo: {error:#}");
    ExitCode::FAILURE
}
