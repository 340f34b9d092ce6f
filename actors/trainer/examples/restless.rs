//! Holds the promises against restless people: `restless [decisions] [seed]`, on every core.

#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a command for people, with two numbers")]

use oo_trainer::worlds::restless::{Outcome, live};
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut numbers = std::env::args().skip(1).filter_map(|number| number.parse::<u64>().ok());
    let (decisions, first) = (numbers.next().unwrap_or(1_000_000), numbers.next().unwrap_or(0));
    let lives = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let each = decisions.div_ceil(lives);
    let outcomes: Vec<_> = std::thread::scope(|threads| {
        let lives: Vec<_> = (first..first + lives).map(|seed| threads.spawn(move || live(seed, each))).collect();
        lives.into_iter().map(|life| life.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    let sum = |of: fn(&Outcome) -> u64| outcomes.iter().map(of).sum::<u64>();
    println!(
        "{} decisions, {} of them asked, {} tips, the clock set {} times",
        sum(|one| one.decisions),
        sum(|one| one.asked),
        sum(|one| one.tips),
        sum(|one| one.jumps)
    );
    for outcome in &outcomes {
        println!("broken: {:?}", outcome.breaches);
    }
    ExitCode::from(u8::from(outcomes.iter().any(|outcome| !outcome.breaches.is_empty())))
}
