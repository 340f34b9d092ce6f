//! A service from start to stop: what every `main.rs` calls.

use crate::{Context, Source, telemetry};
use std::io::{Read as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Exit code for settings that are wrong (EX_CONFIG of sysexits.h).
const EX_CONFIG: u8 = 78;
/// How long a service may take to say how it is.
const HEALTH_WITHIN: Duration = Duration::from_secs(3);

/// Runs a service on the environment's settings until it is told to stop (SIGINT or SIGTERM).
pub fn run<F, Fut>(name: &'static str, serve: F) -> ExitCode
where
    F: FnOnce(Context) -> Fut,
    Fut: Future<Output = anyhow::Result<()>>,
{
    no_core_dumps();
    many_files();
    let source = Source::from_env();
    if std::env::args().nth(1).as_deref() == Some("health") {
        return ask_health(&source);
    }
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    runtime.block_on(async move {
        let not_started = |error: anyhow::Error| {
            tracing::error!(service = name, error = format!("{error:#}"), "not started");
            ExitCode::from(EX_CONFIG)
        };
        let traces = match telemetry::start(&source, name) {
            Ok(traces) => traces,
            Err(error) => return not_started(error),
        };
        let shutdown = CancellationToken::new();
        stop_on_signal(&shutdown);
        let ended = match Context::new(name, source, shutdown).await {
            Ok(ctx) => match run_in(ctx, serve).await {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    tracing::error!(service = name, error = format!("{error:#}"), "stopped");
                    ExitCode::FAILURE
                }
            },
            Err(error) => not_started(error),
        };
        traces.end().await;
        ended
    })
}

/// A process that crashes leaves no picture of its memory: keys and tokens are in it. Its children inherit that.
pub fn no_core_dumps() {
    use nix::sys::resource::{Resource, setrlimit};
    if let Err(error) = setrlimit(Resource::RLIMIT_CORE, 0, 0) {
        tracing::warn!(%error, "core dumps cannot be switched off: see to it that secrets do not end in one");
    }
}

/// A process may open as many files as the system lets it: the usual 1,024 are as many pages of the gateway. Its children
/// inherit that.
pub fn many_files() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let raised =
        getrlimit(Resource::RLIMIT_NOFILE).and_then(|(_, most)| setrlimit(Resource::RLIMIT_NOFILE, most, most));
    if let Err(error) = raised {
        tracing::warn!(%error, "the limit of open files cannot be raised: set it (`ulimit -n`) above the pages at once");
    }
}

/// `<service> health`: asks the one that runs here whether it is ready. For containers, which have no curl.
fn ask_health(source: &Source) -> ExitCode {
    let answer = || -> anyhow::Result<String> {
        let port = crate::Settings::read(source)?.http.bind.port();
        let mut stream = std::net::TcpStream::connect((std::net::Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(HEALTH_WITHIN))?;
        stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    match answer() {
        Ok(answer) if answer.starts_with("HTTP/1.1 200") => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// Runs a service in a context and drains it: one of several in a process, or a test's own.
pub async fn run_in<F, Fut>(ctx: Context, serve: F) -> anyhow::Result<()>
where
    F: FnOnce(Context) -> Fut,
    Fut: Future<Output = anyhow::Result<()>>,
{
    crate::outbound::install_tls();
    let ended = serve(ctx.clone()).await;
    ctx.shutdown.cancel();
    ctx.drain().await;
    ended
}

/// Cancels `shutdown` at the first SIGINT or SIGTERM.
pub fn stop_on_signal(shutdown: &CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};
    let shutdown = shutdown.clone();
    drop(crate::task::spawn("signals", async move {
        let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            tracing::error!("signals cannot be heard; stop this process with SIGKILL");
            return;
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        shutdown.cancel();
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::resource::{Resource, getrlimit};

    #[test]
    fn as_many_files_may_be_open_as_the_system_lets() {
        many_files();
        let (now, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        assert_eq!(now, most);
    }
}
