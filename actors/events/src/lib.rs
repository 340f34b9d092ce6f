//! Signals on their way into the log, and the streams themselves. The only service that appends signals; and the one that
//! gathers all that is held of a person, or erases it.

mod erase;
mod export;
mod waiting;

use erase::UnderWay;
use futures_util::future::join_all;
use oo_contracts::entry::Body;
use oo_contracts::http::Problem;
use oo_contracts::wire::{Ingest, Ingested, Kept};
use oo_runtime::{Context, Logbook, Metric, People, crash, web};
use oo_subjects::streams::{self, SetUpError};
use oo_subjects::{AppendError, ERASE, EXPORT, EXPORT_PAGE, INGEST, RECEIPT};
use std::sync::Arc;
use std::time::Duration;

/// Batches appended at once.
const BATCHES: usize = 256;
/// The most signals in one batch: an account's first sync comes in several.
const MAX_SIGNALS: usize = 500;
/// Before the set-up of the streams is tried again.
const SET_UP_AGAIN: Duration = Duration::from_millis(500);

/// Exports and erasures at once: each may take seconds, and asks all others.
const RIGHTS: usize = 16;

/// What rights are exercised with.
pub(crate) struct Events {
    ctx: Context,
    people: People,
    under_way: UnderWay,
}

/// Sets the streams up, then answers `oo.v1.ingest` until told to stop.
pub async fn serve(ctx: Context) -> anyhow::Result<()> {
    web::serve_health(&ctx).await?;
    let log = &ctx.settings.log;
    loop {
        match streams::set_up(ctx.bus.jetstream(), log.shards, log.replicas).await {
            Ok(()) => break,
            Err(error @ SetUpError::ShardsDiffer { .. }) => return Err(error.into()),
            Err(error) => tracing::warn!(%error, "waiting for NATS to set the streams up"),
        }
        tokio::select! {
            () = tokio::time::sleep(SET_UP_AGAIN) => {}
            () = ctx.shutdown.cancelled() => return Ok(()),
        }
    }
    let people = ctx.people().await?;
    let events = Arc::new(Events { ctx: ctx.clone(), people: people.clone(), under_way: UnderWay::default() });
    macro_rules! answer {
        ($wire:expr, $method:ident) => {
            let own = events.clone();
            let answer = move |question| {
                let own = own.clone();
                async move { own.$method(question).await }
            };
            ctx.answer($wire, RIGHTS, answer).await?;
        };
    }
    answer!(EXPORT, export);
    answer!(EXPORT_PAGE, export_page);
    answer!(ERASE, erase);
    answer!(RECEIPT, receipt);
    let stop = ctx.shutdown.clone();
    ctx.spawn("erasures", async move { stop.run_until_cancelled(events.follow_erasures()).await });
    let (stop, own) = (ctx.shutdown.clone(), ctx.clone());
    ctx.spawn("waiting", async move { stop.run_until_cancelled(waiting::measure(&own)).await });
    let answering = ctx.clone();
    ctx.answer(INGEST, BATCHES, move |batch| {
        let (ctx, people) = (answering.clone(), people.clone());
        async move {
            let kept = ingest(&ctx, &people, &ctx.logbook(), batch).await;
            ctx.metrics.count(Metric::EventsSignals, if kept.is_ok() { "kept" } else { "refused" });
            kept
        }
    })
    .await?;
    ctx.run_until_stopped().await;
    Ok(())
}

/// Appends a batch in its order, and answers once the stream has all of it. After a problem the caller sends the whole
/// batch again: ids make sure that nothing counts twice.
async fn ingest(ctx: &Context, people: &People, logbook: &Logbook, batch: Ingest) -> Result<Ingested, Problem> {
    if batch.signals.is_empty() || batch.signals.len() > MAX_SIGNALS {
        return Err(Problem::new(413, "batch too large or empty", format!("send 1 to {MAX_SIGNALS} signals at once")));
    }
    let mut persons = Vec::with_capacity(batch.signals.len());
    for signal in &batch.signals {
        match people.find(&signal.user).await {
            Ok(Some(person)) => persons.push(person),
            Ok(None) => {
                return Err(Problem::new(404, "nobody by that name", "the signal is about somebody who is not here"));
            }
            Err(error) => return Err(away(&error)),
        }
    }
    let mut acks = Vec::with_capacity(batch.signals.len());
    for (signal, person) in batch.signals.into_iter().zip(&persons) {
        let id = signal.id.clone();
        // The stream holds many people's logs: the same id of another person is another signal.
        let message_id = format!("signal:{}:{id}", person.place.log);
        let ack = logbook.append_next(person, &message_id, ctx.clock.now(), Body::Signal { signal }).await;
        acks.push((id, ack.map_err(|error| away(&error))?));
    }
    let answers = join_all(acks.into_iter().map(|(id, ack)| async move { (id, ack.await) })).await;
    crash::point("2-appended");
    let kept = answers.into_iter().map(|(id, answer)| {
        let appended = answer.map_err(|error: AppendError| away(&error))?;
        Ok(Kept { id, seq: appended.seq, duplicate: appended.duplicate })
    });
    Ok(Ingested { kept: kept.collect::<Result<_, Problem>>()? })
}

fn away(error: &dyn std::fmt::Display) -> Problem {
    tracing::warn!(%error, "signals not kept");
    let text = error.to_string();
    if text.contains("insufficient") {
        return Problem::new(507, "the log is full", "free space on the disk of nats-server, then send the same again");
    }
    Problem::new(
        503,
        "the log does not take signals now",
        "send the same again in a moment: ids keep it from counting twice",
    )
}
