//! The figures of the whole way, each beside what the raw engine does in the same run: `cargo xtask bench`.
//! Times of one machine in one minute mean little; the ratios are what to compare.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a bench: it prints, and ends where it cannot go on"
)]

mod bare;
mod decide;
mod failover;
mod fill;
mod fold;
mod grow;
mod memory;
mod node;
mod pages;
mod push;
mod talk;
mod wake;

use std::process::ExitCode;

/// What is measured, by the name that chooses it.
const FIGURES: [&str; 9] = ["fold", "push", "decide", "memory", "wake", "failover", "pages", "grow", "million"];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, serve, service] = arguments.as_slice()
        && serve == node::SERVE
    {
        return match service.as_str() {
            "profile" => oo_runtime::run("profile", oo_profile::serve),
            "gateway" => oo_runtime::run("gateway", oo_gateway::serve),
            "events" => oo_runtime::run("events", oo_events::serve),
            "recommender" => oo_runtime::run("recommender", oo_recommender::serve),
            "notifier" => oo_runtime::run("notifier", oo_notifier::serve),
            "bare-events" => oo_runtime::run("gateway", bare::serve_events),
            "bare-chain" => oo_runtime::run("notifier", bare::serve_chain),
            "bare-echo" => oo_runtime::run("recommender", bare::serve_echo),
            other => panic!("no service is called {other}"),
        };
    }
    oo_runtime::service::many_files();
    let chosen: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if let Some(unknown) = chosen.iter().find(|name| !FIGURES.contains(&name.as_str())) {
        eprintln!("there is no figure {unknown:?}; there are: {}", FIGURES.join(", "));
        return ExitCode::FAILURE;
    }
    let wanted = |name: &str| chosen.is_empty() || chosen.iter().any(|chosen| chosen == name);
    let source = oo_runtime::Source::from_iter([("OO_LOG", "error")]);
    oo_runtime::outbound::install_tls();
    tokio::runtime::Runtime::new().expect("a runtime").block_on(async {
        let source = source.with(oo_runtime::Source::from_env().pairs());
        let _traces = oo_runtime::telemetry::start(&source, "figures").expect("settings of traces");
        println!("| figure | ours | the raw engine, same run | ratio |\n|---|---|---|---|");
        if wanted("fold") {
            fold::measure().await;
        }
        if wanted("push") {
            push::measure().await;
        }
        if wanted("decide") {
            decide::measure().await;
        }
        if wanted("memory") {
            memory::measure(10_000).await;
            memory::measure(100_000).await;
        }
        if wanted("wake") {
            wake::measure().await;
        }
        if wanted("failover") {
            failover::measure().await;
        }
        if wanted("pages") {
            pages::measure().await;
        }
        // A million people take minutes to make: by name alone.
        if chosen.iter().any(|chosen| chosen == "million") {
            grow::measure(&[1_000, 10_000, 100_000, 1_000_000]).await;
        } else if wanted("grow") {
            grow::measure(&[1_000, 10_000, 100_000]).await;
        }
    });
    ExitCode::SUCCESS
}

/// One row of the table.
fn row(figure: &str, ours: &str, raw: &str, ratio: &str) {
    println!("| {figure} | {ours} | {raw} | {ratio} |");
}

/// The value below which a share of the sorted values lies.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().checked_sub(1).expect("something was measured");
    sorted[((last as f64 * share).round() as usize).min(last)]
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / 1024.0 / 1024.0
}

/// Median and 99th percentile of milliseconds, as text, and both as numbers.
fn spread(mut milliseconds: Vec<f64>) -> (String, f64, f64) {
    milliseconds.sort_by(f64::total_cmp);
    let (p50, p99) = (quantile(&milliseconds, 0.5), quantile(&milliseconds, 0.99));
    (format!("p50 {p50:.2} ms, p99 {p99:.2} ms (n = {})", milliseconds.len()), p50, p99)
}
