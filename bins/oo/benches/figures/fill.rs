//! People and their logs, made quickly: straight into the streams, sealed as `events` seals.

use futures_util::{StreamExt as _, stream};
use oo_contracts::entry::Body;
use oo_contracts::signal::{Due, Fact, MoodLevel, Priority, Signal, Task};
use oo_contracts::{Provider, Ref};
use oo_runtime::{Clock, Context, Person, random};
use oo_subjects::streams::PROFILE;
use oo_subjects::{Shard, streams};
use oo_testkit::House;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// People made at once, and entries under way at once.
const AT_ONCE: usize = 512;
/// Deep in anybody's quiet hours: nothing is given while something else is measured.
const NIGHT: &str = "2026-11-18T01:00:00Z";

/// A house where it is night.
pub(crate) async fn house_at_night() -> House {
    let mut house = House::start().await;
    house.set([("OO_CLOCK__WALL", Clock::default().wall().to_string()), ("OO_CLOCK__PERSON", NIGHT.to_owned())]);
    house
}

/// So many new people.
pub(crate) async fn people(ctx: &Context, count: usize) -> Vec<Arc<Person>> {
    let people = ctx.people().await.unwrap();
    let made = stream::iter(0..count).map(|n| {
        let people = people.clone();
        async move { people.find_or_make(&format!("person-{n}").parse().unwrap()).await.unwrap() }
    });
    made.buffer_unordered(AT_ONCE).collect().await
}

/// Appends to each of them what `fact` gives for 0, 1, …, each person's in its order. Returns how many entries that are.
pub(crate) async fn entries(ctx: &Context, people: &[Arc<Person>], each: usize, fact: fn(usize) -> Fact) -> usize {
    let logbook = ctx.logbook();
    let mut under_way = Vec::with_capacity(AT_ONCE);
    for n in 0..each {
        for person in people {
            let id = random::token();
            let signal =
                Signal { id: id.parse().unwrap(), user: person.user.clone(), at: ctx.clock.now(), fact: fact(n) };
            let body = Body::Signal { signal };
            under_way.push(logbook.append_next(person, &format!("signal:{id}"), ctx.clock.now(), body).await.unwrap());
            if under_way.len() == AT_ONCE {
                settle(&mut under_way).await;
            }
        }
    }
    settle(&mut under_way).await;
    each * people.len()
}

/// Somebody says how they are, and waits until the log has it: at this sequence.
pub(crate) async fn say(ctx: &Context, person: &Person, n: usize) -> u64 {
    let id = random::token();
    let signal = Signal { id: id.parse().unwrap(), user: person.user.clone(), at: ctx.clock.now(), fact: mood(n) };
    let body = Body::Signal { signal };
    ctx.logbook().append(person, &format!("signal:{id}"), ctx.clock.now(), body, None).await.unwrap().seq
}

async fn settle<F, T, E>(under_way: &mut Vec<F>)
where
    F: Future<Output = Result<T, E>>,
    E: std::fmt::Debug,
{
    for answer in futures_util::future::join_all(under_way.drain(..)).await {
        answer.unwrap();
    }
}

/// A day's small talk.
pub(crate) fn mood(n: usize) -> Fact {
    Fact::Mood { level: MoodLevel::saturating(n as i64 % 5 + 1) }
}

/// A person with an account and some tasks in it.
pub(crate) fn household(n: usize) -> Fact {
    let account = "account-0123456789".parse().unwrap();
    match n {
        0 => Fact::Zone { zone: "Europe/Zurich".parse().unwrap() },
        1 => Fact::AccountLinked { account, provider: Provider::Todoist },
        _ => Fact::TaskAdded {
            task: Task {
                reference: Ref { account, item: format!("task-{n}").parse().unwrap() },
                due: Some(Due::Day { date: "2026-11-18".parse().unwrap() }),
                priority: Priority::saturating(3),
                minutes: None,
                recurring: false,
                added_at: None,
            },
        },
    }
}

/// Waits until the consumer of that name has settled everything in all shards, and says how long that took since `began`.
pub(crate) async fn until_settled(ctx: &Context, consumer: &str, began: Instant) -> Duration {
    for shard in 0..ctx.settings.log.shards {
        loop {
            let Ok(stream) = ctx.bus.jetstream().get_stream(Shard(shard).stream()).await else { continue };
            if let Ok(info) = stream.consumer_info(consumer).await
                && info.num_pending == 0
                && info.num_ack_pending == 0
            {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    began.elapsed()
}

/// The profile's own consumer.
pub(crate) async fn until_folded(ctx: &Context, began: Instant) -> Duration {
    until_settled(ctx, PROFILE, began).await
}

/// A bare consumer of the same streams that fetches and acknowledges, and nothing else.
pub(crate) async fn fetch_and_ack(ctx: &Context, count: usize) -> Duration {
    let began = Instant::now();
    let done = std::sync::atomic::AtomicUsize::new(0);
    let shards = (0..ctx.settings.log.shards).map(|shard| {
        let (ctx, done) = (ctx, &done);
        async move {
            let stream = ctx.bus.jetstream().get_stream(Shard(shard).stream()).await.unwrap();
            let mut config = streams::shared_consumer("raw", streams::MAX_IN_FLIGHT, streams::ACK_WAIT);
            config.filter_subject = "oo.v1.log.>".into();
            let consumer = stream.get_or_create_consumer("raw", config).await.unwrap();
            let pending = consumer.cached_info().num_pending as usize;
            let mut messages = consumer
                .stream()
                .max_messages_per_batch(streams::MAX_IN_FLIGHT as usize)
                .messages()
                .await
                .unwrap()
                .take(pending);
            while let Some(message) = messages.next().await {
                message.unwrap().ack().await.unwrap();
                done.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        }
    });
    futures_util::future::join_all(shards).await;
    assert_eq!(done.into_inner(), count, "the bare consumer saw another number of entries");
    until_settled(ctx, "raw", began).await
}
