//! One service. See README.md.

fn main() -> std::process::ExitCode {
    oo_runtime::run("events", oo_events::serve)
}
