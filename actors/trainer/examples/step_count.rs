//! Prints the comparison in StepCountJITAI: `step_count [seeds] [lives] [first seed]`.

#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a command for people, with three numbers")]

fn main() {
    let mut given = std::env::args().skip(1).map(|number| number.parse::<u64>().unwrap_or(20));
    let (seeds, lives, first) = (given.next().unwrap_or(20), given.next().unwrap_or(20), given.next().unwrap_or(0));
    println!("{}", oo_trainer::worlds::step_count::compare(first..first + seeds, lives as usize));
}
