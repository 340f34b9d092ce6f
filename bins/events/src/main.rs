//! Signals on their way into the log, and the streams themselves. See README.md.

fn main() -> std::process::ExitCode {
    oo_runtime::run("events", oo_events::serve)
}
