//! What this machine does, beside what its engines do bare in the same run. Ratios count; the machine is noisy.
//!
//! `cargo xtask bench`, or `cargo bench --package oo -- settle delay memory wake` for some of it.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a bench tells, and stops at the first thing that is wrong")]

use futures_util::{StreamExt as _, future::join_all};
use oo_contracts::entry::Body;
use oo_contracts::push::Subscription;
use oo_contracts::signal::{Due, Fact, MoodLevel, Priority, Signal, Task};
use oo_contracts::wire::{Fetch, Ingest, Look, Subscribe, Words};
use oo_contracts::{Provider, Ref, Timestamp, UserId};
use oo_runtime::{Context, Metric, Person, random};
use oo_subjects::{FETCH, INGEST, LOOK, Shard, SUBSCRIBE};
use oo_testkit::House;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// People and signals of the throughput run.
const PEOPLE: usize = 1_000;
const SIGNALS: usize = 40_000;
/// Tips whose way is timed.
const TIPS: usize = 200;
/// People who live in memory.
const RESIDENTS: [usize; 2] = [10_000, 100_000];
/// Entries of the log that is replayed.
const LONG_LOG: usize = 1_000;
const WINDOW: usize = 500;

#[tokio::main]
async fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
    println!("cores {}, release build {}", std::thread::available_parallelism().unwrap(), !cfg!(debug_assertions));
    if wants("settle") {
        settle().await;
    }
    if wants("delay") {
        delay().await;
    }
    if wants("memory") {
        for residents in RESIDENTS {
            memory(residents).await;
        }
    }
    if wants("wake") {
        wake().await;
    }
}

/// Signals per second, folded and settled, beside a bare consumer's fetch and ack on the same streams.
async fn settle() {
    let house = House::start().await;
    let ctx = house.context("bench").await;
    let people = make_people(&ctx, PEOPLE).await;
    append(&ctx, &people, SIGNALS).await;

    let bare = Instant::now();
    let pulls = (0..16).map(|n| {
        let js = ctx.bus.jetstream().clone();
        async move {
            let stream = js.get_stream(Shard(n).stream()).await.unwrap();
            let pending = stream.cached_info().state.messages as usize;
            let config = oo_subjects::streams::shared_consumer("bare", 10_000, Duration::from_secs(30));
            let consumer = stream.create_consumer(config).await.unwrap();
            let mut messages = consumer.stream().max_messages_per_batch(WINDOW).messages().await.unwrap();
            for _ in 0..pending {
                messages.next().await.unwrap().unwrap().ack().await.unwrap();
            }
            pending
        }
    });
    let fetched: usize = join_all(pulls).await.into_iter().sum();
    let bare = fetched as f64 / bare.elapsed().as_secs_f64();

    let recommender = house.serve("recommender", oo_recommender::serve).await;
    let ours = Instant::now();
    let profile = house.serve("profile", oo_profile::serve).await;
    let metrics = profile.ctx.metrics.clone();
    while metrics.counted(Metric::ProfileVerdicts, "ack") < SIGNALS as u64 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let ours = SIGNALS as f64 / ours.elapsed().as_secs_f64();
    println!("settle   bare fetch and ack {bare:.0}/s, folded and settled through profile {ours:.0}/s, ratio {:.3}", ours / bare);
    profile.stop().await.unwrap();
    recommender.stop().await.unwrap();
}

/// From a signal's publish to the push request at the push service, beside the engine's bare request and reply.
async fn delay() {
    let mut house = House::start().await;
    let sandbox = oo_sandbox::start(oo_sandbox::Options { sample: false, ..oo_sandbox::Options::default() }).await.unwrap();
    let vapid = house.dir().join("vapid.pem");
    std::fs::write(&vapid, oo_notifier::new_vapid_key().unwrap().as_bytes()).unwrap();
    let person: Timestamp = "2026-11-18T10:00:00Z".parse().unwrap();
    house.set([
        ("OO_NOTIFIER__VAPID_FILE", vapid.display().to_string()),
        ("OO_NOTIFIER__VAPID_SUBJECT", "mailto:bench@localhost".into()),
        ("OO_NOTIFIER__LOOPBACK", "true".into()),
        ("OO_CLOCK__PERSON", person.to_string()),
        ("OO_CLOCK__WALL", oo_runtime::Clock::default().wall().to_string()),
        ("OO_RECOMMENDER__POLICY", "random-todo".into()),
    ]);
    let ctx = house.context("bench").await;
    let words = ctx.bus.answer(FETCH, 64, |_: Fetch| async { Ok(Words { title: "Bench".into(), source: "bench".into(), over: false }) });
    ctx.spawn("words", words.await.unwrap());
    let mut services = vec![
        house.serve("events", oo_events::serve).await,
        house.serve("recommender", oo_recommender::serve).await,
        house.serve("profile", oo_profile::serve).await,
    ];
    services.push(house.serve("notifier", oo_notifier::serve).await);
    let people = make_people(&ctx, TIPS).await;
    let mut took = Vec::new();
    let mut bare = Vec::new();
    for person in &people {
        let device = sandbox.push().subscribe();
        let subscription: Subscription = serde_json::from_value(serde_json::json!({
            "device": "bench", "endpoint": device.endpoint, "language": "en", "keys": { "p256dh": device.p256dh, "auth": device.auth },
        }))
        .unwrap();
        ctx.bus.ask(SUBSCRIBE, &Subscribe { user: person.user.clone(), subscription }).await.unwrap();
        let linked = signal(person, ctx.clock.now(), Fact::AccountLinked { account: "bench".parse().unwrap(), provider: Provider::Todoist });
        let task = signal(person, ctx.clock.now(), Fact::TaskAdded { task: task(ctx.clock.now()) });
        let began = Instant::now();
        ctx.bus.ask(INGEST, &Ingest { signals: vec![linked, task] }).await.unwrap();
        while sandbox.push().received(&device).is_empty() {
            assert!(began.elapsed() < Duration::from_secs(10), "no push for {}", person.user);
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        took.push(began.elapsed());
        let began = Instant::now();
        ctx.bus.ask(FETCH, &Fetch { user: person.user.clone(), reference: reference() }).await.unwrap();
        bare.push(began.elapsed());
    }
    let (ours, bare) = (quantiles(&mut took), quantiles(&mut bare));
    println!(
        "delay    signal published to push received: p50 {:.1} ms, p99 {:.1} ms; bare request and reply p50 {:.3} ms, p99 {:.3} ms; ratio p50 {:.0}",
        ours.0, ours.1, bare.0, bare.1, ours.0 / bare.0
    );
    for service in services {
        service.stop().await.unwrap();
    }
    sandbox.stop().await;
}

/// Resident memory per person, everything told, and what is left when they have left.
async fn memory(residents: usize) {
    let house = House::start().await;
    let ctx = house.context("bench").await;
    let people = make_people(&ctx, residents).await;
    append(&ctx, &people, residents).await;
    let recommender = house.serve("recommender", oo_recommender::serve).await;
    let before = resident_bytes();
    let profile = house.serve_with("profile", [("OO_PROFILE__IDLE_SECONDS", "20")], oo_profile::serve).await;
    let metrics = profile.ctx.metrics.clone();
    while metrics.counted(Metric::ProfileVerdicts, "ack") < residents as u64 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let full = resident_bytes();
    let each = (full - before) as f64 / residents as f64;
    while !metrics.text().contains("oo_profile_residents 0\n") {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tokio::time::sleep(Duration::from_secs(10)).await;
    let left = (resident_bytes() - before) as f64 / (full - before) as f64;
    println!("memory   {residents} residents: {:.1} KiB each (bare ractor actor with 1 KiB of state: 8.1 KB, shared/limits); {:.0} % left 10 s after they left", each / 1024.0, left * 100.0);
    profile.stop().await.unwrap();
    recommender.stop().await.unwrap();
}

/// Waking a person who sleeps: from a snapshot, and from a long log, beside reading one entry bare.
async fn wake() {
    let house = House::start().await;
    let ctx = house.context("bench").await;
    let person = make_people(&ctx, 1).await.remove(0);
    append(&ctx, std::slice::from_ref(&person), LONG_LOG).await;
    let mut from_log = Vec::new();
    let mut from_snapshot = Vec::new();
    let mut bare = Vec::new();
    for _ in 0..20 {
        let redis = redis_flush(&ctx).await;
        assert!(redis, "no snapshot is left");
        from_log.push(one_look(&house, &ctx, &person).await);
        // Stopping left a snapshot behind.
        from_snapshot.push(one_look(&house, &ctx, &person).await);
        let began = Instant::now();
        ctx.bus.read(&person.place, u64::MAX - 1).await.unwrap();
        bare.push(began.elapsed());
    }
    let (log, snapshot, bare) = (quantiles(&mut from_log), quantiles(&mut from_snapshot), quantiles(&mut bare));
    println!(
        "wake     from snapshot p50 {:.2} ms, from a log of {LONG_LOG} p50 {:.2} ms; bare read of nothing p50 {:.2} ms; ratios {:.1} and {:.1}",
        snapshot.0, log.0, bare.0, snapshot.0 / bare.0, log.0 / bare.0
    );
}
