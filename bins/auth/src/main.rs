//! One service. See README.md.

fn main() -> std::process::ExitCode {
    oo_runtime::run("auth", oo_auth::serve)
}
