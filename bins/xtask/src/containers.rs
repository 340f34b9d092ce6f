//! What needs a container engine: the image is built, everything comes up healthy, one tip goes through, and what is kept
//! outlives a crash and a restart.

mod engine;
mod images;
mod stack;
mod visitor;

use crate::run::says;
use anyhow::{Context, bail, ensure};
use engine::Engine;
use oo_contracts::http::{LinkTo, OwnSignal, OwnSignals, TipAnswer};
use oo_contracts::signal::{Answer, Fact, Preferences};
use oo_runtime::random;
use reqwest::{Method, StatusCode};
use serde_json::json;
use stack::{Container, Stack};
use std::path::Path;
use std::time::{Duration, Instant};
use visitor::{PAGE, Visitor};

/// The one that holds a person's life, so that its return shows most.
const CRASHES: &str = "profile";
/// The engine waits a moment, then longer, before it starts a container again.
const AGAIN_WITHIN: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Runs what needs a container engine.
pub fn test(root: &Path) -> anyhow::Result<()> {
    let engine = Engine::ready(root)?;
    timed("base images", || images::ready(root))?;
    let stack = Stack::new(root, &engine)?;
    timed("image", || stack.build())?;
    let (whole, own) = stack.size()?;
    says(&format!("the image has {whole:.0} MB, {own:.0} of them on top of its base"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = timed("up", || stack.up()).and_then(|()| runtime.block_on(story(&stack)));
    if outcome.is_err() {
        // The failure itself matters more than one in telling of it.
        let _ = stack.tell();
    }
    let down = timed("down", || stack.down());
    outcome.and(down)
}

fn timed<T>(what: &str, run: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let began = Instant::now();
    let outcome = run().with_context(|| what.to_owned())?;
    says(&format!("{what}: {:.1} s", began.elapsed().as_secs_f64()));
    Ok(outcome)
}

async fn story(stack: &Stack) -> anyhow::Result<()> {
    let began = Instant::now();
    let all = stack.healthy().await?;
    stack::table(&all);
    says(&format!("all well after {:.1} s", began.elapsed().as_secs_f64()));
    modest(&all)?;

    let mut visitor = Visitor::new()?;
    visitor.wants(StatusCode::OK, Method::GET, "/", None).await?;
    sign_in(stack, &mut visitor).await.context("signing in by the link that init told")?;
    one_tip(&mut visitor).await.context("one tip through the stack")?;

    stack.restart(&["nats", "redis"])?;
    remembers(&mut visitor).await.context("after a restart of nats and redis")?;
    says("nats and redis started again, and the session holds");

    // What it held in its memory is gone: it knows only what nats kept.
    crash(stack).await.with_context(|| format!("{CRASHES} after kill -9"))?;
    remembers(&mut visitor).await.with_context(|| format!("{CRASHES} after kill -9"))?;
    stack::table(&stack.healthy().await?);
    says(&format!("{CRASHES} was killed, is back, and knows what was"));
    Ok(())
}

/// Nobody has rights that they do not need.
fn modest(all: &[Container]) -> anyhow::Result<()> {
    let told = all.iter().filter_map(|one| Some(format!("{} {}", one.service, one.excess()?)));
    let told: Vec<String> = told.collect();
    if !told.is_empty() {
        bail!("{}", told.join(", "));
    }
    Ok(())
}

/// With the link from init's log, which is good once.
async fn sign_in(stack: &Stack, visitor: &mut Visitor) -> anyhow::Result<()> {
    let log = stack.log(&stack.container("init")?)?;
    let token = owner_token(&log).with_context(|| format!("init told no link: {log:?}"))?;
    let stranger = visitor.ask(Method::GET, "/api/v1/state", None).await?.status();
    ensure!(stranger == StatusCode::UNAUTHORIZED, "somebody not signed in got {stranger}");
    let body = json!({ "token": token });
    visitor.wants(StatusCode::NO_CONTENT, Method::POST, "/api/v1/session/owner", Some(&body)).await?;
    visitor.wants(StatusCode::FORBIDDEN, Method::POST, "/api/v1/session/owner", Some(&body)).await?;
    visitor.state().await?;
    says("signed in, once");
    Ok(())
}

fn owner_token(log: &str) -> Option<&str> {
    let start = format!("{PAGE}/#owner=");
    log.split_whitespace().find_map(|word| word.strip_prefix(start.as_str()))
}

/// A signal, a linked account, a tip, an answer.
async fn one_tip(visitor: &mut Visitor) -> anyhow::Result<()> {
    // Whoever tests at night wants a tip all the same.
    let awake = Preferences { quiet: None, ..Preferences::default() };
    let fact = Fact::Preferences { preferences: awake };
    let signal = OwnSignal { id: random::token().try_into()?, at: None, fact };
    let body = serde_json::to_value(OwnSignals { signals: vec![signal] })?;
    visitor.wants(StatusCode::ACCEPTED, Method::POST, "/api/v1/signals", Some(&body)).await?;

    let began = Instant::now();
    let link = visitor.wants(StatusCode::OK, Method::POST, "/api/v1/links/todoist", None).await?;
    visitor.consent(&link.json::<LinkTo>().await?.authorize).await?;
    let tip = visitor.sees("tip", |state| state.tip.clone()).await?;
    says(&format!("a tip {:.1} s after linking: {:?}", began.elapsed().as_secs_f64(), tip.text.as_str()));

    let answer = TipAnswer { id: random::token().try_into()?, answer: Answer::Done };
    let path = format!("/api/v1/tips/{}/answer", tip.id);
    visitor.wants(StatusCode::NO_CONTENT, Method::POST, &path, Some(&serde_json::to_value(answer)?)).await?;
    remembers(visitor).await
}

/// The session still holds, and the one tip of today was given and is answered.
async fn remembers(visitor: &mut Visitor) -> anyhow::Result<()> {
    visitor.sees("answered tip", |state| (state.given_today == 1 && state.tip.is_none()).then_some(())).await
}

/// Ends a service as a crash would, and waits until it runs again and says that it is well.
async fn crash(stack: &Stack) -> anyhow::Result<()> {
    let before = stack.container(CRASHES)?;
    stack.crash(&before)?;
    let began = Instant::now();
    while stack.container(CRASHES)?.restarts == before.restarts {
        ensure!(began.elapsed() < AGAIN_WITHIN, "it is not started again within {AGAIN_WITHIN:?}");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    stack.healthy().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_is_found_in_the_log() {
        let log = "sign in once, as the owner: http://localhost:8088/#owner=a1b2\n";
        assert_eq!(owner_token(log), Some("a1b2"));
        assert_eq!(owner_token("the secrets are there already"), None);
    }
}
