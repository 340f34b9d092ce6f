//! Hosts the actors of this instance's shards. See README.md.

fn main() -> std::process::ExitCode {
    oo_runtime::run("profile", oo_profile::serve)
}
