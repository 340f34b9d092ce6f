//! A bounded pool of workers: a free one chooses, a dead one is replaced, and what does not fit is refused at once.

use crate::lineup::Lineups;
use oo_contracts::decision::{Ask, Recommendation};
use oo_contracts::http::Problem;
use oo_runtime::metrics::Metrics;
use oo_runtime::{Metric, crash};
use oo_subjects::trace::{self, Cause, Kind};
use ractor::factory::discard::{DiscardHandler, DiscardMode, DiscardReason, DiscardSettings};
use ractor::factory::{
    Factory, FactoryArguments, FactoryMessage, FactoryRef, Job, Worker, WorkerId, queues, routing, worker_builder,
};
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tracing::Instrument as _;

/// How long an ask may wait and be worked on; the asker has given up by then.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// Who answers, as it stands: swapped while workers go on.
pub type Standing = watch::Receiver<Arc<Lineups>>;

/// One ask on its way through the pool.
pub struct Work {
    ask: Ask,
    reply: RpcReplyPort<Result<Recommendation, Problem>>,
    cause: Cause,
}

/// The pool. A clone is the same one.
#[derive(Clone)]
pub struct Pool {
    factory: ActorRef<FactoryMessage<(), Work>>,
    metrics: Metrics,
}

struct Chooser;

struct Choosing {
    standing: Standing,
    metrics: Metrics,
}

impl Worker for Chooser {
    type Key = ();
    type Message = Work;
    type State = Choosing;
    type Arguments = Choosing;

    async fn pre_start(
        &self,
        _: WorkerId,
        _: &FactoryRef<(), Work>,
        choosing: Choosing,
    ) -> Result<Choosing, ActorProcessingErr> {
        Ok(choosing)
    }

    async fn handle(
        &self,
        _: WorkerId,
        _: &FactoryRef<(), Work>,
        job: Job<(), Work>,
        state: &mut Choosing,
    ) -> Result<(), ActorProcessingErr> {
        let Work { ask, reply, cause } = job.msg;
        let span = trace::span(Kind::Internal, "choose", &cause);
        let began = Instant::now();
        let lineups = state.standing.borrow().clone();
        let answer = lineups.recommend(&ask).instrument(span).await.map_err(|_| {
            let detail = "neither the policy nor its fallback has an answer that keeps the contract";
            Problem::new(500, "no policy answered right", detail.to_owned())
        });
        crash::point("7-chosen");
        state.metrics.took(Metric::RecommenderChoice, began.elapsed().as_secs_f64());
        // The asker may have given up: nothing to do about it.
        let _ = reply.send(answer);
        Ok(())
    }
}

/// Answers what the queue refuses.
struct Refuse(Metrics);

impl DiscardHandler<(), Work> for Refuse {
    fn discard(&self, _: DiscardReason, job: &mut Job<(), Work>) {
        self.0.count(Metric::RecommenderShed, "");
        // The port answers once; dropping it tells the asker, which turns it into the problem below.
        let _ = &job.msg.ask.id;
    }
}

/// An ask on its way, counted for as long as somebody waits for it.
struct Waits<'a>(&'a Metrics);

impl<'a> Waits<'a> {
    fn one(metrics: &'a Metrics) -> Self {
        metrics.shift(Metric::RecommenderWaiting, 1);
        Self(metrics)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.shift(Metric::RecommenderWaiting, -1);
    }
}

impl Pool {
    /// Starts `workers` over a queue of at most `queue`.
    pub async fn start(standing: Standing, workers: usize, queue: usize, metrics: Metrics) -> anyhow::Result<Self> {
        let factory = Factory::<
            (),
            Work,
            Choosing,
            Chooser,
            routing::QueuerRouting<(), Work>,
            queues::DefaultQueue<(), Work>,
        >::default();
        let made = metrics.clone();
        let arguments = FactoryArguments::builder()
            .worker_builder(Box::new(worker_builder(move |_| {
                (Chooser, Choosing { standing: standing.clone(), metrics: made.clone() })
            })))
            .num_initial_workers(workers.max(1))
            .router(routing::QueuerRouting::default())
            .queue(queues::DefaultQueue::default())
            .discard_handler(Arc::new(Refuse(metrics.clone())) as Arc<dyn DiscardHandler<(), Work>>)
            .discard_settings(DiscardSettings::Static { limit: queue, mode: DiscardMode::Newest })
            .build();
        let (factory, _ended) = Actor::spawn(None, factory, arguments).await?;
        Ok(Self { factory, metrics })
    }

    /// Asks for one tip.
    ///
    /// # Errors
    /// 503 when too many wait, when a worker died of this ask, or when it takes too long.
    pub async fn ask(&self, ask: Ask) -> Result<Recommendation, Problem> {
        let _waits = Waits::one(&self.metrics);
        let cause = Cause::current();
        let asked = self.factory.call_job((), |reply| Work { ask, reply, cause }, Some(ANSWER_WITHIN)).await;
        let answer = match asked {
            Ok(ractor::rpc::CallResult::Success(answer)) => answer,
            _ => {
                let detail = "too many ask at once, or this ask cannot be answered: ask again later";
                Err(Problem::new(503, "overloaded", detail).retry_after(1))
            }
        };
        let label = answer.as_ref().map_or("problem", |answer| answer.policy.as_str());
        self.metrics.count(Metric::RecommenderAnswers, label);
        if let Some(fallback) = answer.as_ref().ok().and_then(|answer| answer.provenance.fallback.as_ref()) {
            self.metrics.count(Metric::RecommenderFallbacks, fallback.fault.label());
        }
        answer
    }

    /// Lets it end; what waits is not answered.
    pub fn stop(&self) {
        self.factory.stop(None);
    }
}
