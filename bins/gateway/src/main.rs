//! The only public door: pages, the API, the live stream, webhooks in. See README.md.

fn main() -> std::process::ExitCode {
    oo_runtime::run("gateway", oo_gateway::serve)
}
