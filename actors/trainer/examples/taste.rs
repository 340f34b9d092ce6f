//! Prints the study of forgetting: `taste [people]`.

#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a command for people, with one number")]

fn main() {
    let people = std::env::args().nth(1).and_then(|number| number.parse().ok()).unwrap_or(500);
    println!("{}", oo_trainer::worlds::taste::study(1_000_000..1_000_000 + people));
}
