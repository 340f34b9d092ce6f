//! People who live fast, come and are erased, as many as leave, with nothing failing: then nothing may grow but the logs.

use crate::chance::Chance;
use crate::life::Life;
use crate::samples::{EVERY, Samples};
use crate::stage::{Cast, Stage, Versions};
use clap::Parser;
use futures_util::future::join_all;
use oo_runtime::{random, task};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

/// The word by which this program lets people live in peace.
pub(crate) const SOAK: &str = "soak";

/// All services, two of those that share work by agreement.
const CAST: &Cast = &[
    ("events", 1),
    ("auth", 1),
    ("profile", 2),
    ("recommender", 1),
    ("notifier", 1),
    ("integrations", 1),
    ("trainer", 1),
    ("gateway", 2),
];

/// How long somebody is here. Before that has gone by once, there are fewer entries than there will be.
const STAY: Duration = Duration::from_secs(180);

/// What `cargo xtask soak` passes on.
#[derive(Parser)]
#[command(name = "cargo xtask soak")]
pub(crate) struct Arguments {
    /// How long is looked, after those who came first have gone.
    #[arg(long, default_value_t = 30)]
    minutes: u64,
    /// People at once.
    #[arg(long, default_value_t = 16)]
    people: usize,
    /// Person seconds per second of the wall.
    #[arg(long, default_value_t = 240.0)]
    speed: f64,
}

/// What people did.
#[derive(Default)]
struct Tally {
    came: AtomicUsize,
    left: AtomicUsize,
    told: AtomicUsize,
    acknowledged: AtomicUsize,
}

/// Lets them live, and says whether nothing grew that should not.
pub(crate) async fn run(Arguments { minutes, people, speed }: Arguments) -> bool {
    let first = STAY + STAY / 2;
    println!("soak: {people} people at once, each for {STAY:?}; looked at for {minutes} minutes, after {first:?}");
    let versions = Versions { other: None, chance: Chance::new(0, 0) };
    let mut stage = Stage::set(CAST, speed, false, false, versions).await;
    stage.enter().await;
    let (stage, tally, over) = (Arc::new(stage), Arc::new(Tally::default()), CancellationToken::new());
    let living = (0..people).map(|n| {
        // They came one after the other, and so they leave.
        let stay = STAY.mul_f64((n + 1) as f64 / people as f64);
        task::spawn("somebody", one_after_the_other(stage.clone(), tally.clone(), stay, over.clone()))
    });
    let living: Vec<_> = living.collect();

    let began = Instant::now() + first;
    let mut samples = Samples::default();
    for n in 0..=(minutes * 60) as u32 / EVERY.as_secs() as u32 {
        sleep_until(began + EVERY * n).await;
        assert!(living.iter().all(|one| !one.is_finished()), "somebody could not go on");
        samples.take(&stage, began.elapsed()).await;
        let count = |of: &AtomicUsize| of.load(Ordering::Relaxed);
        println!(
            "  {:5.1} min: {} came, {} left; {}",
            began.elapsed().as_secs_f64() / 60.0,
            count(&tally.came),
            count(&tally.left),
            samples.last()
        );
    }
    over.cancel();
    for ended in join_all(living).await {
        ended.unwrap().expect("somebody could not go on");
    }
    let (told, acknowledged) = (tally.told.load(Ordering::Relaxed), tally.acknowledged.load(Ordering::Relaxed));
    println!("{acknowledged} of {told} signals acknowledged");
    let grew = samples.tell();
    grew.iter().for_each(|what| println!("GREW: {what}"));
    if grew.is_empty() {
        println!("soak: nothing grew that should not");
    }
    grew.is_empty()
}

/// A place that is never empty: who leaves is followed by somebody new.
async fn one_after_the_other(stage: Arc<Stage>, tally: Arc<Tally>, first: Duration, over: CancellationToken) {
    let mut stay = first;
    while !over.is_cancelled() {
        let n = tally.came.fetch_add(1, Ordering::Relaxed);
        let mut life = Life::begin(&stage, n, Chance::new(u64::from_le_bytes(random::bytes()), n as u64)).await;
        life.settle_in(&stage).await;
        let leaves = over.child_token();
        let stays = async {
            let _ = timeout(stay, leaves.cancelled()).await;
            leaves.cancel();
        };
        let (life, ()) = tokio::join!(life.live(leaves.clone()), stays);
        let life = life.leave().await;
        tally.told.fetch_add(life.told.len(), Ordering::Relaxed);
        tally.acknowledged.fetch_add(life.acknowledged.len(), Ordering::Relaxed);
        tally.left.fetch_add(1, Ordering::Relaxed);
        stay = STAY;
    }
}
