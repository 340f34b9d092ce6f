//! Reads the decisions, for training and evaluation. See README.md.

fn main() -> std::process::ExitCode {
    oo_runtime::run("trainer", oo_trainer::serve)
}
