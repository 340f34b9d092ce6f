//! One service. See README.md.

fn main() -> std::process::ExitCode {
    oo_runtime::run("profile", oo_profile::serve)
}
