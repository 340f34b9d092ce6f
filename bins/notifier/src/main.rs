//! Brings tips to devices by web push. See README.md.

fn main() -> std::process::ExitCode {
    oo_runtime::run("notifier", oo_notifier::serve)
}
