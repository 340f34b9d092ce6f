//! One service. See README.md.

fn main() -> std::process::ExitCode {
    oo_runtime::run("trainer", oo_trainer::serve)
}
