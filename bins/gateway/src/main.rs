//! One service. See README.md.

fn main() -> std::process::ExitCode {
    oo_runtime::run("gateway", oo_gateway::serve)
}
