//! The pool that chooses one tip, or silence: `oo.v1.recommend` and `POST /recommend`, the same contract.

pub mod pool;

use anyhow::Context as _;
use oo_contracts::decision::Ask;
use oo_contracts::http::{MAX_BODY, Problem};
use oo_domain::policy;
use oo_runtime::{Context, web};
use oo_subjects::RECOMMEND;
use pool::Pool;
use serde::Deserialize;
use warp::Filter as _;
use warp::hyper::body::Bytes;

/// Questions taken at once: more than the pool's queue, so that it is the pool that refuses.
const ASKS: usize = 4096;

/// `OO_RECOMMENDER__…`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// `linear`, `rules` or `random-todo`.
    #[serde(default = "policy_name")]
    pub policy: String,
    #[serde(default = "workers")]
    pub workers: usize,
    /// Asks that may wait; more are refused at once.
    #[serde(default = "queue")]
    pub queue: usize,
}

fn policy_name() -> String {
    "rules".into()
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
    let policy = policy::named(&settings.policy).with_context(|| {
        format!("there is no policy {:?}: set OO_RECOMMENDER__POLICY to linear, rules or random-todo", settings.policy)
    })?;
    let pool = Pool::start(policy.into(), settings.workers, settings.queue, ctx.metrics.clone()).await?;
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
    ctx.shutdown.cancelled().await;
    pool.stop();
    Ok(())
}
