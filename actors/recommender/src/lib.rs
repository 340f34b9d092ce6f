//! The pool that chooses one tip, or silence: `oo.v1.recommend` and `POST /recommend`, the same contract.

pub mod engine;
pub mod lineup;
mod models;
pub mod onnx;
pub mod pool;
pub mod remote;

use models::Workshop;
use oo_contracts::decision::Ask;
use oo_contracts::http::{MAX_BODY, Problem};
use oo_runtime::{Context, web};
use oo_subjects::RECOMMEND;
use pool::Pool;
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::watch;
use url::Url;
use warp::Filter as _;
use warp::hyper::body::Bytes;

/// Questions taken at once: more than the pool's queue, so that it is the pool that refuses.
const ASKS: usize = 4096;

/// `OO_RECOMMENDER__…`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Who answers until the registry says otherwise: one that is built in, `onnx`, or `remote`.
    #[serde(default = "policy_name")]
    pub policy: String,
    /// Who is asked beside it, without effect.
    #[serde(default)]
    pub shadow: Option<String>,
    /// Who answers where another fails.
    #[serde(default = "fallback")]
    pub fallback: String,
    /// The model of the policy `onnx`.
    #[serde(default)]
    pub onnx_file: Option<PathBuf>,
    /// Where the policy `remote` is asked.
    #[serde(default)]
    pub remote_url: Option<Url>,
    /// How long it may take.
    #[serde(default = "remote_within_ms")]
    pub remote_within_ms: u64,
    #[serde(default = "workers")]
    pub workers: usize,
    /// Asks that may wait; more are refused at once.
    #[serde(default = "queue")]
    pub queue: usize,
}

fn policy_name() -> String {
    "linear".into()
}
fn fallback() -> String {
    "rules".into()
}
/// A person waits for nothing, but an entry of theirs does, and the asker gives up after two seconds.
fn remote_within_ms() -> u64 {
    500
}
fn workers() -> usize {
    4
}
fn queue() -> usize {
    256
}

/// Answers until told to stop.
pub async fn serve(ctx: Context) -> anyhow::Result<()> {
    let settings: Settings = ctx.section()?;
    let workshop = Workshop::new(&settings)?;
    let (lineups, standing) = watch::channel(Arc::new(workshop.usual(&settings)?));
    let pool = Pool::start(standing, settings.workers, settings.queue, ctx.metrics.clone()).await?;
    ctx.spawn("models", models::follow(ctx.clone(), workshop, lineups));
    let posted = pool.clone();
    let recommend = warp::path!("recommend")
        .and(warp::post())
        .and(warp::body::content_length_limit(MAX_BODY))
        .and(warp::body::bytes())
        .then(move |body: Bytes| {
            let pool = posted.clone();
            async move {
                match serde_json::from_slice::<Ask>(&body) {
                    Ok(ask) => match pool.ask(ask).await {
                        Ok(answer) => web::json(200, &answer),
                        Err(problem) => web::problem(&problem),
                    },
                    Err(error) => web::problem(&Problem::new(422, "not an ask", error.to_string())),
                }
            }
        });
    web::serve(&ctx, recommend).await?;
    let answering = pool.clone();
    ctx.answer(RECOMMEND, ASKS, move |ask| {
        let pool = answering.clone();
        async move { pool.ask(ask).await }
    })
    .await?;
    ctx.run_until_stopped().await;
    pool.stop();
    Ok(())
}
