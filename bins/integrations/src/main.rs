//! Linked accounts: connectors, tokens, webhooks, words on demand. See README.md.

fn main() -> std::process::ExitCode {
    oo_runtime::run("integrations", oo_integrations::serve)
}
