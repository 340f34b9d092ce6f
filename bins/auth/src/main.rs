//! Sign-in and sessions. See README.md.

fn main() -> std::process::ExitCode {
    oo_runtime::run("auth", oo_auth::serve)
}
