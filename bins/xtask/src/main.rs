//! The repository's own commands: `cargo xtask <command>`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line")]

use clap::{Parser, Subcommand};
use std::process::ExitCode;
use xtask::{bench, chaos, evaluate, generate, page, setup, test, tidy};

/// What the repository does for itself.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write schema, OpenAPI, AsyncAPI and TypeScript from the contracts, and what browsers load from web/.
    Generate {
        /// Write nothing, and fail where something would change.
        #[arg(long)]
        check: bool,
    },
    /// Install what the tests need.
    Setup,
    /// Run everything that must hold.
    Test {
        /// Only what needs a container engine.
        #[arg(long)]
        containers: bool,
        /// Only the steps whose name contains this.
        filter: Option<String>,
    },
    /// Say which rules of the house are broken.
    Tidy,
    /// Measure, beside the raw engine in the same run.
    Bench {
        /// Only these figures.
        figures: Vec<String>,
    },
    /// Measure the page with Lighthouse, as a real oO serves it.
    Lighthouse,
    /// Let everything fail that can, and see whether all that must hold does: `--seed`, `--seconds`, `--people`, `--speed`,
    /// `--cluster`.
    Chaos {
        /// Of this commit's version are half of the services, ever others. Given before the rest.
        #[arg(long)]
        from: Option<String>,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Let people live, come and go for half an hour, and say what grew that should not: `--minutes`, `--people`, `--speed`.
    Soak {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Try the protocol of one writer in every order, in larger scenes than the tests do.
    Model {
        /// How many times more than in the tests each fault may be. The scenes grow fast: twice more takes some minutes and
        /// gigabytes.
        #[arg(long, default_value_t = 1)]
        more: u8,
    },
    /// Compare estimators and learner with what is published and with rivals, in one table.
    Evaluate {
        /// Only these checks.
        checks: Vec<String>,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    let root = xtask::root();
    match command {
        Command::Generate { check: true } => {
            generate::check(&root)?;
            page::check(&root)?;
        }
        Command::Generate { check: false } => {
            let changed = generate::write(&root)?;
            changed.iter().for_each(|path| println!("wrote {}", path.display()));
            page::build(&root)?;
            println!("all is fresh");
        }
        Command::Setup => setup::run(&root)?,
        Command::Test { containers, filter } => {
            let steps = if containers { test::CONTAINERS } else { test::STEPS };
            let summary = test::run(&root, steps, filter.as_deref())?;
            println!("{}", summary.line());
            if summary.failed > 0 {
                return Ok(ExitCode::FAILURE);
            }
        }
        Command::Bench { figures } => bench::run(&root, &figures)?,
        Command::Lighthouse => page::measure(&root)?,
        Command::Chaos { from, arguments } => chaos::run(&root, from.as_deref(), &arguments)?,
        Command::Soak { arguments } => chaos::soak(&root, &arguments)?,
        Command::Model { more } => chaos::model(&root, more)?,
        Command::Evaluate { checks } => evaluate::run(&root, &checks)?,
        Command::Tidy => {
            let broken = tidy::check(&root)?;
            broken.iter().for_each(|line| println!("{line}"));
            if !broken.is_empty() {
                return Ok(ExitCode::FAILURE);
            }
            println!("all is in order");
        }
    }
    Ok(ExitCode::SUCCESS)
}
