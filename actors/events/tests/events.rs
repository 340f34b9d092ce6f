//! Signals on their way into real logs.

#![allow(clippy::unwrap_used, reason = "a test that cannot set its scene has failed")]

use oo_contracts::entry::Body;
use oo_contracts::rights::{ExportPageAsk, ExportPart};
use oo_contracts::signal::{Fact, MoodLevel, Signal};
use oo_contracts::wire::{Ingest, Ingested};
use oo_contracts::{SignalId, UserId};
use oo_runtime::{Context, Person, random};
use oo_subjects::{AskError, EXPORT_PAGE, INGEST};
use oo_testkit::{House, Running, eventually, http};
use std::sync::Arc;

struct Scene {
    house: House,
    ctx: Context,
    ada: Arc<Person>,
    events: Running,
}

impl Scene {
    async fn new() -> Self {
        let house = House::start_bare().await;
        let events = house.serve("events", oo_events::serve).await;
        let ctx = house.context("test").await;
        // The streams are there once the service answers.
        let people = eventually("the people's bucket", || async { ctx.people().await.ok() }).await;
        let ada = people.find_or_make(&"ada".parse().unwrap()).await.unwrap();
        Self { house, ctx, ada, events }
    }

    async fn ingest(&self, signals: Vec<Signal>) -> Result<Ingested, AskError> {
        self.ctx.bus.ask(INGEST, &Ingest { signals }).await
    }

    fn mood(&self, user: &str, level: u8) -> Signal {
        Signal {
            id: random::token().parse().unwrap(),
            user: user.parse::<UserId>().unwrap(),
            at: self.ctx.clock.now(),
            fact: Fact::Mood { level: MoodLevel::saturating(level.into()) },
        }
    }

    /// Ids of the signals in Ada's log, in its order.
    async fn log(&self) -> Vec<SignalId> {
        let read = self.ctx.logbook().read(&self.ada, 0).await.unwrap();
        assert!(read.unreadable.is_empty());
        let ids = read.entries.into_iter().map(|numbered| match numbered.entry.body {
            Body::Signal { signal } => signal.id,
            other => panic!("{other:?}"),
        });
        ids.collect()
    }
}

fn problem(result: Result<Ingested, AskError>) -> oo_contracts::http::Problem {
    match result {
        Err(AskError::Problem(problem)) => problem,
        other => panic!("no problem: {other:?}"),
    }
}

#[tokio::test]
async fn a_batch_is_kept_in_its_order_and_a_second_delivery_adds_nothing() {
    let scene = Scene::new().await;
    let batch: Vec<Signal> = (0..100).map(|n| scene.mood("ada", n % 5 + 1)).collect();
    let ids: Vec<SignalId> = batch.iter().map(|signal| signal.id.clone()).collect();
    let kept = scene.ingest(batch.clone()).await.unwrap().kept;
    assert!(kept.windows(2).all(|pair| pair[0].seq < pair[1].seq));
    assert!(kept.iter().all(|kept| !kept.duplicate));
    let again = scene.ingest(batch).await.unwrap().kept;
    assert!(again.iter().all(|kept| kept.duplicate));
    assert_eq!(
        again.iter().map(|kept| kept.seq).collect::<Vec<_>>(),
        kept.iter().map(|kept| kept.seq).collect::<Vec<_>>()
    );
    assert_eq!(scene.log().await, ids);
}

#[tokio::test]
async fn the_same_id_of_two_people_is_two_signals() {
    let scene = Scene::new().await;
    scene.ctx.people().await.unwrap().find_or_make(&"bob".parse().unwrap()).await.unwrap();
    let ada = scene.mood("ada", 1);
    let bob = Signal { user: "bob".parse().unwrap(), ..ada.clone() };
    let kept = scene.ingest(vec![ada, bob]).await.unwrap().kept;
    assert!(kept.iter().all(|kept| !kept.duplicate));
}

#[tokio::test]
async fn one_signal_about_nobody_keeps_the_whole_batch_out() {
    let scene = Scene::new().await;
    let refused = problem(scene.ingest(vec![scene.mood("ada", 1), scene.mood("nobody", 2)]).await);
    assert_eq!(refused.status, 404);
    assert_eq!(scene.log().await, []);
    assert!(scene.ctx.people().await.unwrap().find(&"nobody".parse().unwrap()).await.unwrap().is_none());
}

#[tokio::test]
async fn an_empty_an_oversized_and_a_malformed_batch_are_told_and_change_nothing() {
    let scene = Scene::new().await;
    assert_eq!(problem(scene.ingest(vec![]).await).status, 413);
    let many = (0..501).map(|_| scene.mood("ada", 1)).collect();
    assert_eq!(problem(scene.ingest(many).await).status, 413);
    let unknown = serde_json::json!({ "signals": [{
        "id": "s1", "user": "ada", "at": scene.ctx.clock.now(), "fact": { "kind": "teleported" },
    }] });
    for garbage in [unknown, serde_json::json!({ "signals": "many" }), serde_json::json!(7)] {
        let wire = oo_subjects::Request::<serde_json::Value, Ingested>::new(INGEST.name, INGEST.queue);
        assert_eq!(problem(scene.ctx.bus.ask(wire, &garbage).await).status, 400);
    }
    assert_eq!(scene.log().await, []);
}

#[tokio::test]
async fn what_is_sent_while_nats_is_away_is_refused_and_kept_once_when_sent_again() {
    let mut scene = Scene::new().await;
    let batch = vec![scene.mood("ada", 4)];
    scene.ingest(vec![scene.mood("ada", 3)]).await.unwrap();
    scene.house.nats[0].kill().await;
    assert!(scene.ingest(batch.clone()).await.is_err());
    let health = |status: u16| {
        let url = scene.events.url("/health");
        async move { (http().get(url).send().await.ok()?.status().as_u16() == status).then_some(()) }
    };
    eventually("health says that NATS is away", || health(503)).await;
    scene.house.nats[0].start().await.unwrap();
    eventually("health says that NATS is back", || health(200)).await;
    let kept = eventually("the batch is taken", || async { scene.ingest(batch.clone()).await.ok() }).await;
    assert_eq!(scene.log().await.len(), 2);
    assert_eq!(kept.kept.len(), 1);
}

#[tokio::test]
async fn a_service_set_to_another_shard_count_does_not_start() {
    let mut scene = Scene::new().await;
    scene.house.set([("OO_LOG__SHARDS", "4")]);
    let ctx = scene.house.context("events").await;
    let refused = oo_events::serve(ctx).await.unwrap_err();
    assert!(refused.to_string().contains("OO_LOG__SHARDS=16"), "{refused:#}");
}

#[tokio::test]
async fn an_export_has_the_checkpoint_or_is_none() {
    let scene = Scene::new().await;
    scene.ingest(vec![scene.mood("ada", 3)]).await.unwrap();
    let logbook = scene.ctx.logbook();
    let ask = ExportPageAsk { user: scene.ada.user.clone(), part: ExportPart::Entries, after: 0 };
    let kept = serde_json::json!({ "fold": 1, "profile": { "seq": 7 } });
    logbook.keep_checkpoint(&scene.ada, kept.to_string().as_bytes(), 0).await.unwrap();
    let page = scene.ctx.bus.ask(EXPORT_PAGE, &ask).await.unwrap();
    assert_eq!(serde_json::to_value(page.checkpoint).unwrap(), kept);
    assert_eq!(page.entries.len(), 1);

    let number = scene.ctx.bus.checkpoint(&scene.ada.place).await.unwrap().unwrap().number;
    logbook.keep_checkpoint(&scene.ada, b"no checkpoint", number).await.unwrap();
    match scene.ctx.bus.ask(EXPORT_PAGE, &ask).await {
        Err(AskError::Problem(problem)) => assert_eq!(problem.status, 500),
        other => panic!("half an export: {other:?}"),
    }
}
