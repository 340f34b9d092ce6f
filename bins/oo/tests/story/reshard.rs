//! A log gets more shards, with interruptions, while people try to go on: nothing is lost, nothing is there twice, and every sequence stays what it was.

use crate::place;
use async_nats::jetstream::stream::Config;
use futures_util::TryStreamExt as _;
use oo_contracts::entry::{Body, Moment, MomentPurpose};
use oo_contracts::signal::{Due, Fact, MoodLevel, Priority, Signal, Task};
use oo_contracts::wire::Ingest;
use oo_contracts::{AccountId, Provider, Ref, SignalId, UserId};
use oo_profile::verify::{Snapshot, Verifier};
use oo_runtime::{Clock, Context, Person, random, task};
use oo_subjects::{INGEST, Reshard, ReshardError, Shard, streams};
use oo_testkit::{House, Running, eventually};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const FROM: u16 = 2;
const TO: u16 = 8;
const PEOPLE: usize = 16;
/// For how long a stream knows ids here.
const FORGETS: Duration = Duration::from_secs(1);

/// What the log acknowledged of somebody: at which sequences.
type Heard = BTreeMap<SignalId, u64>;

async fn services(house: &House) -> [Running; 3] {
    [
        house.serve("events", oo_events::serve).await,
        house.serve("recommender", oo_recommender::serve).await,
        house.serve("profile", oo_profile::serve).await,
    ]
}

fn name(n: usize) -> UserId {
    format!("person-{n}").parse().expect("a name")
}

fn account() -> AccountId {
    "account-0123456789".parse().expect("an id")
}

fn task_of_today() -> Task {
    Task {
        reference: Ref { account: account(), item: "task".parse().expect("an id") },
        due: Some(Due::Day { date: "2026-11-18".parse().expect("a day") }),
        priority: Priority::saturating(4),
        minutes: None,
        recurring: false,
        added_at: None,
    }
}

/// Says something as often as it is heard, until it is over.
async fn talk(ctx: Context, user: UserId, over: CancellationToken) -> Heard {
    let mut heard = Heard::new();
    for n in 0.. {
        if over.is_cancelled() {
            break;
        }
        let id: SignalId = random::token().parse().expect("an id");
        let fact = match n {
            0 => Fact::AccountLinked { account: account(), provider: Provider::Todoist },
            1 => Fact::TaskAdded { task: task_of_today() },
            _ => Fact::Mood { level: MoodLevel::saturating(n % 5 + 1) },
        };
        let signal = Signal { id: id.clone(), user: user.clone(), at: ctx.clock.now(), fact };
        let said = Ingest { signals: vec![signal] };
        if let Ok(kept) = ctx.bus.ask_within(INGEST, &said, Duration::from_secs(1)).await {
            heard.extend(kept.kept.into_iter().map(|kept| (kept.id, kept.seq)));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    heard
}

/// How many signals and tips the streams of so many shards hold.
async fn held(ctx: &Context, shards: u16) -> u64 {
    let mut held = 0;
    for n in 0..shards {
        let stream = ctx.bus.jetstream().get_stream(Shard(n).stream()).await.expect("a stream");
        let told = stream.info_with_subjects("oo.v1.log.>").await.expect("its subjects");
        let told: Vec<(String, usize)> = told.try_collect().await.expect("its subjects");
        held +=
            told.into_iter().filter(|(subject, _)| !subject.ends_with("moment")).map(|(_, n)| n as u64).sum::<u64>();
    }
    held
}

/// How many wake-ups of somebody came.
async fn moments(ctx: &Context, person: &Person) -> usize {
    let log = ctx.logbook().read(person, 0).await.expect("a log").entries;
    log.iter().filter(|numbered| matches!(numbered.entry.body, Body::Moment { .. })).count()
}

async fn tips(ctx: &Context) -> u64 {
    ctx.bus.jetstream().get_stream(streams::TIPS).await.expect("a stream").cached_info().state.messages
}

#[tokio::test(flavor = "multi_thread")]
async fn more_shards_under_load_lose_nothing_and_double_nothing() -> anyhow::Result<()> {
    let mut house = House::start_for(FROM, TO).await;
    house.set([
        ("OO_CLOCK__WALL", Clock::default().wall().to_string()),
        ("OO_CLOCK__PERSON", "2026-11-18T09:40:00Z".into()),
        ("OO_RECOMMENDER__POLICY", "random-todo".into()),
        ("OO_PROFILE__IDLE_SECONDS", "1".into()),
    ]);
    let running = services(&house).await;
    let ctx = house.context("test").await;
    let people = ctx.people().await?;
    for n in 0..PEOPLE {
        people.find_or_make(&name(n)).await?;
    }
    for n in 0..FROM {
        let stream = ctx.bus.jetstream().get_stream(Shard(n).stream()).await?;
        let config = Config { duplicate_window: FORGETS, ..stream.cached_info().config.clone() };
        ctx.bus.jetstream().update_stream(config).await?;
    }
    let over = CancellationToken::new();
    let talking: Vec<_> =
        (0..PEOPLE).map(|n| task::spawn("somebody", talk(ctx.clone(), name(n), over.clone()))).collect();
    eventually("somebody is given a tip", || async { (tips(&ctx).await > 0).then_some(()) }).await;

    // The same id again, when the stream has forgotten it: not one entry, but two.
    let twice = people.find(&name(0)).await?.expect("somebody");
    for _ in 0..2 {
        let body = Body::Moment { moment: Moment { due: ctx.clock.now(), purpose: MomentPurpose::Look } };
        ctx.logbook().append(&twice, "twice", ctx.clock.now(), body, None).await?;
        tokio::time::sleep(FORGETS * 2).await;
    }

    let began = place::compact(&ctx, &twice, 3).await?;

    assert!(!Reshard::is_quiet(&ctx.bus).await, "services run");
    assert!(matches!(Reshard::begin(&ctx.bus, TO).await, Err(ReshardError::Busy)));
    for service in running {
        service.stop().await?;
    }
    eventually("nothing runs", || async { Reshard::is_quiet(&ctx.bus).await.then_some(()) }).await;
    for wrong in [FROM, 6] {
        assert!(matches!(Reshard::begin(&ctx.bus, wrong).await, Err(ReshardError::NotMore { .. })), "{wrong}");
    }
    let before = (held(&ctx, FROM).await, tips(&ctx).await);
    let mut known = Vec::new();
    for n in 0..PEOPLE {
        let person = people.find(&name(n)).await?.expect("somebody");
        // Everybody is to be woken while all moves.
        let (wall, at) = (ctx.clock.wall() + jiff::SignedDuration::from_millis(300 + 200 * n as i64), ctx.clock.now());
        let body = Body::Moment { moment: Moment { due: at, purpose: MomentPurpose::Look } };
        ctx.logbook().wake_at(&person, wall, at, body, None).await?;
        let decisions = ctx.bus.decisions(&person.place).await?.len();
        known.push((person.place.clone(), decisions, moments(&ctx, &person).await));
    }
    // Interrupted after each step, and begun again.
    for last in 0..Reshard::STEPS - 1 {
        let reshard = Reshard::begin(&ctx.bus, TO).await?;
        for step in 0..=last {
            reshard.step(step).await?;
        }
        assert!(matches!(Reshard::begin(&ctx.bus, TO * 2).await, Err(ReshardError::Elsewhere(TO))));
        for shards in [FROM, TO] {
            assert!(streams::check(ctx.bus.jetstream(), shards).await.is_err(), "a service starts on {shards} shards");
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    Reshard::begin(&ctx.bus, TO).await?.finish().await?;
    streams::check(ctx.bus.jetstream(), TO).await?;
    assert!(
        matches!(Reshard::begin(&ctx.bus, TO).await, Err(ReshardError::NotMore { .. })),
        "there is nothing left to do"
    );

    assert_eq!((held(&ctx, TO).await, tips(&ctx).await), before, "signals, tips and copied tips");
    house.set([("OO_LOG__SHARDS", TO.to_string())]);
    let ctx = house.context("test").await;
    let people = ctx.people().await?;
    let mut moved = 0;
    for (n, (was, decisions, came)) in known.into_iter().enumerate() {
        let person = people.find(&name(n)).await?.expect("somebody");
        moved += usize::from(person.place != was);
        assert_eq!(ctx.bus.decisions(&person.place).await?.len(), decisions, "decisions about {}", person.user);
        eventually("everybody is woken", || async { (moments(&ctx, &person).await > came).then_some(()) }).await;
    }
    assert!(moved > 0, "nobody moved: nothing was shown");

    let running = services(&house).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    over.cancel();
    let verifier = Verifier::new(&ctx)?;
    let mut all = vec![];
    for (n, talking) in talking.into_iter().enumerate() {
        all.push((name(n), talking.await?.expect("nobody panicked")));
    }
    eventually("all is settled", || async {
        let waiting = streams::waiting(ctx.bus.jetstream(), TO).await.ok()?;
        (waiting.entries == 0 && waiting.dead == 0).then_some(())
    })
    .await;
    for service in running {
        service.stop().await?;
    }
    for (user, heard) in all {
        let person = people.find(&user).await?.expect("somebody");
        let log = ctx.logbook().read(&person, 0).await?;
        assert!(log.unreadable.is_empty());
        let signals: Vec<(SignalId, u64)> = log
            .entries
            .iter()
            .filter_map(|numbered| match &numbered.entry.body {
                Body::Signal { signal } => Some((signal.id.clone(), numbered.seq)),
                Body::Moment { .. } | Body::Tip { .. } => None,
            })
            .collect();
        let ids: BTreeSet<&SignalId> = signals.iter().map(|(id, _)| id).collect();
        assert_eq!(ids.len(), signals.len(), "{user} has a signal twice");
        let begins = if user == twice.user { began } else { 0 };
        for acknowledged in heard.into_iter().filter(|(_, seq)| *seq > begins) {
            assert!(signals.contains(&acknowledged), "{user}: {acknowledged:?} is not where it was acknowledged");
        }
        let verified = verifier.verify(&person).await?;
        assert!(matches!(verified.snapshot, Snapshot::Same(_)), "{user}: {:?}", verified.snapshot);
    }
    Ok(())
}
