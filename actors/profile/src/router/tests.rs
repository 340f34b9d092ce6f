//! Residents against real servers: what is kept of them while they are here, and that nothing is when they have left.

use super::Router;
use crate::actor::Tools;
use crate::compaction::Compaction;
use crate::residents::{Residents, SMALL};
use crate::snapshot_store::SnapshotStore;
use futures_util::{StreamExt as _, stream};
use oo_contracts::entry::Body;
use oo_contracts::signal::{Fact, MoodLevel, Signal};
use oo_runtime::{Context, Person, random, redis_store};
use oo_testkit::{House, eventually};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// More than there is always room for.
const CROWD: usize = 2 * SMALL + 1;
/// People looked at in one go: each must answer within the time that a page waits.
const AT_ONCE: usize = 32;

/// A router whose people stay for so long, and what it and they share.
async fn router(ctx: &Context, idle: Duration) -> (Router, Arc<Tools>) {
    let tools = Arc::new(Tools {
        bus: ctx.bus.clone(),
        people: ctx.people().await.unwrap(),
        logbook: ctx.logbook(),
        clock: ctx.clock,
        metrics: ctx.metrics.clone(),
        snapshots: SnapshotStore::new(redis_store::connect(&ctx.settings.redis).unwrap()),
        residents: Residents::default(),
        idle,
        compaction: Arc::new(Compaction::new(ctx, None)),
    });
    (Router::new(tools.clone()), tools)
}

/// So many people with something in their logs, as another service made them.
async fn crowd(ctx: &Context) -> Vec<Arc<Person>> {
    let people = ctx.people().await.unwrap();
    let made = stream::iter(0..CROWD).map(|n| {
        let people = people.clone();
        async move {
            let person = people.find_or_make(&format!("person-{n}").parse().unwrap()).await.unwrap();
            let id = random::token();
            let signal = Signal {
                id: id.parse().unwrap(),
                user: person.user.clone(),
                at: ctx.clock.now(),
                fact: Fact::Mood { level: MoodLevel::saturating(3) },
            };
            let at = ctx.clock.now();
            ctx.logbook().append(&person, &id, at, Body::Signal { signal }, None).await.unwrap();
            person
        }
    });
    made.buffer_unordered(AT_ONCE).collect().await
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_kept_of_a_crowd_that_left() {
    let house = House::start().await;
    let ctx = house.context("profile").await;
    let (router, tools) = router(&ctx, Duration::from_secs(3600)).await;
    let crowd = crowd(&ctx).await;
    let alone = Arc::strong_count(&tools);

    let looks = stream::iter(&crowd).map(|person| {
        let (router, tools) = (router.clone(), tools.clone());
        async move {
            assert!(router.look(&person.user).await.unwrap().version > 0);
            Arc::downgrade(&tools.people.find(&person.user).await.unwrap().unwrap())
        }
    });
    let records: Vec<Weak<Person>> = looks.buffer_unordered(AT_ONCE).collect().await;
    let (here, room) = tools.residents.count();
    assert_eq!(here, CROWD);
    assert!(Arc::strong_count(&tools) >= alone + CROWD, "each of them is an actor that holds the tools");
    assert!(records.iter().all(|record| record.strong_count() > 0));

    router.leave().await;
    eventually("actors, records and the room for them are gone", || async {
        let (here, room_now) = tools.residents.count();
        let kept = records.iter().filter(|record| record.strong_count() > 0).count();
        (here == 0 && room_now < room / 2 && kept == 0 && Arc::strong_count(&tools) == alone).then_some(())
    })
    .await;

    // They left snapshots, not only holes.
    let person = &crowd[0];
    assert!(tools.snapshots.load(person).await.is_some_and(|profile| profile.seq() > 0));
    assert!(router.look(&person.user).await.unwrap().version > 0);
}

#[tokio::test]
async fn somebody_who_cannot_wake_is_not_kept() {
    let mut house = House::start().await;
    let ctx = house.context("profile").await;
    let (router, tools) = router(&ctx, Duration::from_secs(3600)).await;
    let user = "ada".parse().unwrap();
    let person = Arc::downgrade(&tools.people.find_or_make(&user).await.unwrap());
    let alone = Arc::strong_count(&tools);
    house.nats[0].stop().await;
    assert!(router.look(&user).await.is_err());
    eventually("the actor that failed is forgotten", || async {
        let gone = tools.residents.count().0 == 0 && person.strong_count() == 0;
        (gone && Arc::strong_count(&tools) == alone).then_some(())
    })
    .await;
}
