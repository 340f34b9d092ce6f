//! People against real servers: what is folded, what is given, and what outlives poison, restarts and a lost node.

#![allow(clippy::unwrap_used, reason = "a test that cannot set its scene has failed")]

use async_nats::jetstream::AckKind;
use futures_util::StreamExt as _;
use oo_contracts::entry::{Body, Entry};
use oo_contracts::signal::{Answer, Due, Fact, MoodLevel, Priority, Signal, Task};
use oo_contracts::tip::Tip;
use oo_contracts::wire::{Done, Ingest, Look, Redrive, View};
use oo_contracts::{ENTRY_VERSION, Provider, Ref, Timestamp};
use oo_profile::verify::{Snapshot, Verifier};
use oo_runtime::{Clock, Context, Metric, Person, random};
use oo_subjects::streams::{self, MAX_DELIVER, PROFILE, Waiting, shard_consumer};
use oo_subjects::{AskError, INGEST, LOOK, REDRIVE, SIGNALS};
use oo_testkit::{House, Running, eventually};
use redis::AsyncCommands as _;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// A weekday morning, out of anybody's quiet hours.
const MORNING: &str = "2026-11-18T09:40:00Z";

/// In them: nothing is said.
const NIGHT: &str = "2026-11-18T01:00:00Z";

struct Scene {
    house: House,
    ctx: Context,
    ada: Arc<Person>,
    _others: Vec<Running>,
}

impl Scene {
    /// Events and recommender run; each test starts its own profile nodes.
    async fn at(person: &str) -> Self {
        let mut house = House::start().await;
        house.set([
            ("OO_CLOCK__WALL", Clock::default().wall().to_string()),
            ("OO_CLOCK__PERSON", person.to_owned()),
            ("OO_RECOMMENDER__POLICY", "random-todo".into()),
        ]);
        let others = vec![
            house.serve("events", oo_events::serve).await,
            house.serve("recommender", oo_recommender::serve).await,
        ];
        let ctx = house.context("test").await;
        let ada = ctx.people().await.unwrap().find_or_make(&"ada".parse().unwrap()).await.unwrap();
        Self { house, ctx, ada, _others: others }
    }

    async fn node(&self) -> Running {
        self.house.serve("profile", oo_profile::serve).await
    }

    async fn tell(&self, fact: Fact) -> u64 {
        let signal = Signal {
            id: random::token().parse().unwrap(),
            user: self.ada.user.clone(),
            at: self.ctx.clock.now(),
            fact,
        };
        self.ctx.bus.ask(INGEST, &Ingest { signals: vec![signal] }).await.unwrap().kept[0].seq
    }

    /// A linked account with something to do.
    async fn link(&self, tasks: usize) {
        self.tell(Fact::AccountLinked { account: "a1".parse().unwrap(), provider: Provider::Todoist }).await;
        for n in 0..tasks {
            self.tell(Fact::TaskAdded { task: task(n) }).await;
        }
    }

    async fn look(&self) -> Option<View> {
        self.ctx.bus.ask(LOOK, &Look { user: self.ada.user.clone() }).await.ok()
    }

    async fn log(&self) -> Vec<Body> {
        let read = self.ctx.logbook().read(&self.ada, 0).await.unwrap();
        read.entries.into_iter().map(|numbered| numbered.entry.body).collect()
    }

    async fn tips(&self) -> Vec<Tip> {
        let tips = self.log().await.into_iter();
        tips.filter_map(|body| if let Body::Tip { tip } = body { Some(tip) } else { None }).collect()
    }

    async fn first_tip(&self) -> Tip {
        eventually("a tip", || async { self.tips().await.pop() }).await
    }

    /// Stream sequences of the entries that were given up, as the server told.
    async fn dead(&self) -> HashSet<u64> {
        let dead = self.ctx.bus.dead_letters().await.unwrap();
        assert!(dead.iter().all(|letter| letter.consumer == PROFILE && letter.stream == self.ada.place.shard.stream()));
        dead.into_iter().map(|letter| letter.stream_seq).collect()
    }

    async fn redis(&self) -> redis::aio::MultiplexedConnection {
        let url = self.house.source().get("OO_REDIS__URL").unwrap().to_owned();
        redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap()
    }

    fn snapshot(&self) -> String {
        format!("oo:snapshot:{}", self.ada.place.log)
    }
}

fn task(n: usize) -> Task {
    Task {
        reference: Ref { account: "a1".parse().unwrap(), item: format!("t{n}").parse().unwrap() },
        due: Some(Due::Day { date: "2026-11-18".parse().unwrap() }),
        priority: Priority::saturating(4),
        minutes: None,
        recurring: false,
        added_at: None,
    }
}

fn mood(level: i64) -> Fact {
    Fact::Mood { level: MoodLevel::saturating(level) }
}

fn zone(name: &str) -> Fact {
    Fact::Zone { zone: name.parse().unwrap() }
}

#[tokio::test]
async fn a_poisoned_entry_goes_to_the_dead_letters_and_the_persons_later_entries_go_on() {
    let scene = Scene::at(MORNING).await;
    let node = scene.node().await;
    scene.tell(zone("Asia/Tokyo")).await;
    let place = &scene.ada.place;
    // Not sealed at all; sealed with the person's key but no entry; and of a contract that this code does not know yet.
    let garbage = scene.ctx.bus.append(SIGNALS, place, "signal:g", b"garbage".to_vec(), None).await.unwrap().seq;
    let newer = Entry {
        v: ENTRY_VERSION + 1,
        at: scene.ctx.clock.now(),
        body: Body::Signal {
            signal: Signal {
                id: "from-the-future".parse().unwrap(),
                user: scene.ada.user.clone(),
                at: scene.ctx.clock.now(),
                fact: zone("America/New_York"),
            },
        },
    };
    let (subject, sealed) = oo_runtime::logbook::seal_entry(&scene.ada, &newer);
    let newer = scene.ctx.bus.append(subject, place, "signal:n", sealed, None).await.unwrap().seq;
    scene.link(1).await;
    // Nothing waits for the poison: the next entries are folded, and a tip comes of them.
    let tip = scene.first_tip().await;
    assert_eq!(tip.zone.as_str(), "Asia/Tokyo");
    let dead = eventually("both are given up", || async {
        let dead = scene.dead().await;
        (dead.len() >= 2).then_some(dead)
    })
    .await;
    assert_eq!(dead, HashSet::from([garbage, newer]));
    // Five deliveries each, the last of which gave up.
    assert_eq!(node.ctx.metrics.counted(Metric::ProfileVerdicts, "retry"), 8);
    assert_eq!(node.ctx.metrics.counted(Metric::ProfileVerdicts, "dead"), 2);
    eventually("what waits is counted", || async {
        let waiting = streams::waiting(scene.ctx.bus.jetstream(), scene.ctx.settings.log.shards).await.unwrap();
        (waiting == Waiting { entries: 0, dead: 2 }).then_some(())
    })
    .await;
    // The tip came of the entries that were folded, and that was measured.
    let told = node.ctx.metrics.text();
    assert!(told.contains("oo_profile_reaction_seconds_count 1"), "{told}");
    // Both are still in the log, for a reader that knows them.
    assert_eq!(scene.ctx.logbook().read(&scene.ada, 0).await.unwrap().unreadable, [garbage, newer]);
    assert_eq!(scene.tips().await.len(), 1);
    scene.tell(Fact::Feedback { tip: tip.id, answer: Answer::NotForMe }).await;
    eventually("the answer is counted", || async {
        (node.ctx.metrics.counted(Metric::ProfileAnswers, "not_for_me") == 1).then_some(())
    })
    .await;
}

/// Takes what the shard has for its node and gives it back at once, until the server gives it up.
async fn give_up(scene: &Scene, entries: usize) {
    let stream = scene.ctx.bus.jetstream().get_stream(scene.ada.place.shard.stream()).await.unwrap();
    let consumer = stream.get_or_create_consumer(PROFILE, shard_consumer()).await.unwrap();
    let mut deliveries = consumer.stream().group(PROFILE).messages().await.unwrap();
    for _ in 0..entries * MAX_DELIVER as usize {
        deliveries.next().await.unwrap().unwrap().ack_with(AckKind::Nak(None)).await.unwrap();
    }
    eventually("all are given up", || async { (scene.dead().await.len() == entries).then_some(()) }).await;
}

#[tokio::test]
async fn an_entry_that_was_given_up_is_delivered_once_more_when_asked_for() {
    let scene = Scene::at(MORNING).await;
    scene.link(1).await;
    let task = scene.ctx.bus.read(&scene.ada.place, 0).await.unwrap().last().unwrap().seq;
    give_up(&scene, 2).await;
    let _node = scene.node().await;
    // Nothing that was given up comes again by itself, though it is folded.
    eventually("she is awake", || scene.look()).await;
    assert_eq!(scene.tips().await, []);

    let again = async |seq| scene.ctx.bus.ask(REDRIVE, &Redrive { log: scene.ada.place.log.clone(), seq }).await;
    assert_eq!(again(task).await.unwrap(), Done {});
    let tip = scene.first_tip().await;
    assert_eq!(again(task).await.unwrap(), Done {});
    assert_eq!(scene.tips().await, [tip]);
    let garbage = scene.ctx.bus.append(SIGNALS, &scene.ada.place, "signal:g", b"garbage".to_vec(), None).await.unwrap();
    for (seq, status) in [(garbage.seq, 409), (garbage.seq + 1000, 404)] {
        let Err(AskError::Problem(problem)) = again(seq).await else { panic!("{seq} is settled") };
        assert_eq!(problem.status, status);
    }
    assert_eq!(scene.tips().await.len(), 1);
}

#[tokio::test]
async fn a_wake_up_survives_kill_9_of_the_server_and_of_the_node() {
    // Quiet hours end at eight; it is some seconds before.
    let mut scene = Scene::at("2026-11-18T07:59:48Z").await;
    let node = scene.node().await;
    scene.tell(zone("Etc/UTC")).await;
    scene.link(1).await;
    let eight: Timestamp = "2026-11-18T08:00:00Z".parse().unwrap();
    eventually("it is silent until eight", || async { (scene.look().await?.next_look? == eight).then_some(()) }).await;
    assert!(scene.tips().await.is_empty());
    node.crash();
    scene.house.nats[0].kill().await;
    scene.house.nats[0].start().await.unwrap();
    let _node = scene.node().await;
    let tip = scene.first_tip().await;
    assert!(tip.decided_at >= eight, "{tip:?}");
    assert_eq!(scene.tips().await.len(), 1);
}

#[tokio::test]
async fn who_is_idle_leaves_memory_and_comes_back_the_same_with_and_without_a_snapshot() {
    let mut scene = Scene::at(MORNING).await;
    scene.house.set([("OO_PROFILE__IDLE_SECONDS", "1")]);
    let node = scene.node().await;
    scene.tell(zone("Asia/Kathmandu")).await;
    scene.link(3).await;
    let tip = scene.first_tip().await;
    let mut redis = scene.redis().await;
    let left = || async {
        let text = node.ctx.metrics.text();
        let resident = text.lines().find_map(|line| line.strip_prefix("oo_profile_residents "))?;
        (resident == "0").then_some(())
    };
    eventually("she left", left).await;
    assert!(redis.exists::<_, bool>(scene.snapshot()).await.unwrap(), "without a snapshot");
    let of_snapshot = scene.look().await.unwrap();
    assert_eq!(of_snapshot.tip.as_ref(), Some(&tip));
    eventually("she left again", left).await;
    let () = redis.del(scene.snapshot()).await.unwrap();
    let of_log = scene.look().await.unwrap();
    assert_eq!(of_log, of_snapshot);
    // A snapshot that cannot be opened is none.
    eventually("she left once more", left).await;
    let () = redis.hset(scene.snapshot(), "b", b"garbage".as_slice()).await.unwrap();
    assert_eq!(scene.look().await.unwrap(), of_snapshot);
}

#[tokio::test]
async fn a_redis_that_forgets_everything_loses_nothing_that_the_log_holds() {
    let mut scene = Scene::at(MORNING).await;
    scene.house.set([("OO_PROFILE__IDLE_SECONDS", "1")]);
    let node = scene.node().await;
    scene.link(1).await;
    scene.first_tip().await;
    let mut redis = scene.redis().await;
    let mut told = HashSet::new();
    for _ in 0..3 {
        // While entries come, and when all that is known of her besides the log is what is forgotten.
        for n in 0..50 {
            told.insert(scene.tell(Fact::Mood { level: MoodLevel::saturating(n % 5 + 1) }).await);
            if n % 10 == 0 {
                let () = redis.flushall().await.unwrap();
            }
        }
        eventually("she left", || async { (node.ctx.metrics.levelled(Metric::ProfileResident) == 0).then_some(()) })
            .await;
        assert!(redis.exists::<_, bool>(scene.snapshot()).await.unwrap(), "without a snapshot");
        let () = redis.flushall().await.unwrap();
        let view = scene.look().await.unwrap();
        assert!(view.version >= *told.iter().max().unwrap() && view.tip.is_some());
    }
    let log = scene.ctx.logbook().read(&scene.ada, 0).await.unwrap().entries;
    let held: HashSet<u64> = log.iter().map(|numbered| numbered.seq).collect();
    assert!(told.is_subset(&held), "what was acknowledged is in the log");
    assert_eq!(scene.tips().await.len(), 1);
    let verifier = Verifier::new(&scene.ctx).unwrap();
    eventually("she leaves, with a snapshot that is what the log says", || async {
        matches!(verifier.verify(&scene.ada).await.ok()?.snapshot, Snapshot::Same(_)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_at_the_end_of_a_log_keeps_no_tip_back() {
    let scene = Scene::at(MORNING).await;
    scene.link(1).await;
    scene.ctx.bus.append(SIGNALS, &scene.ada.place, "signal:g", b"garbage".to_vec(), None).await.unwrap();
    let node = scene.node().await;
    scene.first_tip().await;
    assert_eq!(node.ctx.metrics.counted(Metric::ProfileConflicts, ""), 0);
}

#[tokio::test]
async fn what_is_kept_is_told_from_what_the_log_says() {
    let mut scene = Scene::at(MORNING).await;
    scene.house.set([("OO_PROFILE__IDLE_SECONDS", "1")]);
    let verifier = Verifier::new(&scene.ctx).unwrap();
    let verify = || async { verifier.verify(&scene.ada).await.unwrap().snapshot };
    assert_eq!(verify().await, Snapshot::None);
    let _node = scene.node().await;
    scene.link(2).await;
    scene.first_tip().await;
    let mut redis = scene.redis().await;
    eventually("a snapshot that is the log's fold", || async {
        matches!(verify().await, Snapshot::Same(_)).then_some(())
    })
    .await;
    // The same sealed anew with one fact changed, as a fold that went wrong would have left it.
    let place = format!("oo/snapshot/v1|{}", scene.ada.place.log);
    let sealed: Vec<u8> = redis.hget(scene.snapshot(), "b").await.unwrap();
    let right: serde_json::Value = serde_json::from_slice(&scene.ada.key.open(&place, &sealed).unwrap()).unwrap();
    let seq = right["profile"]["seq"].as_u64().unwrap();
    let keep = async |changed: &serde_json::Value| {
        let sealed = scene.ada.key.seal(&place, changed.to_string().as_bytes());
        let () = redis.clone().hset(scene.snapshot(), "b", sealed).await.unwrap();
    };
    let mut wrong = right.clone();
    wrong["profile"]["seq"] = (seq - 1).into();
    keep(&wrong).await;
    assert_eq!(verify().await, Snapshot::Differs(seq - 1));
    wrong["profile"]["seq"] = (seq + 1000).into();
    keep(&wrong).await;
    assert_eq!(verify().await, Snapshot::Ahead(seq + 1000));
    verifier.remove_snapshot(&scene.ada).await.unwrap();
    assert_eq!(verify().await, Snapshot::None);
}

#[tokio::test]
async fn an_older_snapshot_never_replaces_a_newer_one() {
    let mut scene = Scene::at(MORNING).await;
    scene.house.set([("OO_PROFILE__IDLE_SECONDS", "1")]);
    let _node = scene.node().await;
    let seq = scene.tell(mood(3)).await;
    let mut redis = scene.redis().await;
    let kept = eventually("a snapshot", || {
        let mut redis = redis.clone();
        let key = scene.snapshot();
        async move { redis.hget::<_, _, Option<u64>>(key, "q").await.unwrap() }
    })
    .await;
    assert!(kept >= seq);
    // Somebody else, who believed to own the shard, knew more.
    let () = redis.hset_multiple(scene.snapshot(), &[("q", "999999"), ("b", "theirs")]).await.unwrap();
    let folded = || node_folded(&scene);
    scene.tell(mood(4)).await;
    eventually("the new entry is folded", folded).await;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!(redis.hget::<_, _, String>(scene.snapshot(), "b").await.unwrap(), "theirs");
}

/// Waits until these nodes have so many shards each, and says so to the log.
async fn shared(nodes: &[&Running], parts: &[i64]) {
    eventually(&format!("the shards are shared as {parts:?}"), || async {
        let mut found: Vec<i64> = nodes.iter().map(|node| node.ctx.metrics.levelled(Metric::ProfileShards)).collect();
        found.sort_unstable();
        (found == parts).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_share_the_shards_and_hand_them_over() {
    let scene = Scene::at(NIGHT).await;
    let people = scene.ctx.people().await.unwrap();
    let mut crowd = Vec::new();
    for n in 0..64 {
        crowd.push(people.find_or_make(&format!("person-{n}").parse().unwrap()).await.unwrap());
    }
    let mut said = 0;
    // Somebody of each shard says something; all that was ever said is folded, by these nodes together.
    let mut round = async |nodes: &[&Running], gone: u64| {
        for person in &crowd {
            let id = random::token();
            let signal =
                Signal { id: id.parse().unwrap(), user: person.user.clone(), at: scene.ctx.clock.now(), fact: mood(3) };
            let body = Body::Signal { signal };
            scene.ctx.logbook().append(person, &id, scene.ctx.clock.now(), body, None).await.unwrap();
        }
        said += crowd.len() as u64;
        let folded = |node: &Running| node.ctx.metrics.counted(Metric::ProfileEntries, "signal");
        eventually("all is folded", || async {
            let all: u64 = nodes.iter().map(|node| folded(node)).sum();
            let waiting = streams::waiting(scene.ctx.bus.jetstream(), 16).await.ok()?;
            (all + gone >= said && waiting.entries == 0).then_some(())
        })
        .await;
        nodes.iter().map(|node| folded(node)).collect::<Vec<u64>>()
    };
    let first = scene.node().await;
    shared(&[&first], &[16]).await;
    round(&[&first], 0).await;

    let (second, third) = (scene.node().await, scene.node().await);
    shared(&[&first, &second, &third], &[5, 5, 6]).await;
    let folded = round(&[&first, &second, &third], 0).await;
    assert!(folded.iter().all(|folded| *folded > 0), "a node has shards and was given nothing: {folded:?}");

    // One leaves as it should, and the others have its part.
    let gone = second.ctx.metrics.clone();
    second.stop().await.unwrap();
    shared(&[&first, &third], &[8, 8]).await;
    round(&[&first, &third], gone.counted(Metric::ProfileEntries, "signal")).await;
    assert!(scene.ctx.bus.dead_letters().await.unwrap().is_empty());
}

async fn node_folded(scene: &Scene) -> Option<()> {
    let view = scene.look().await?;
    (view.version >= 2).then_some(())
}

#[tokio::test]
async fn when_a_node_dies_another_takes_over_and_nothing_is_given_twice() {
    let scene = Scene::at(MORNING).await;
    let (one, other) = (scene.node().await, scene.node().await);
    scene.link(5).await;
    scene.first_tip().await;
    let owner = |node: &Running| node.ctx.metrics.counted(Metric::ProfileTips, "") > 0;
    assert!(owner(&one) != owner(&other), "two nodes gave the one tip");
    let (dying, heir) = if owner(&one) { (one, other) } else { (other, one) };
    dying.crash();
    let last = scene.tell(mood(5)).await;
    eventually("the heir settles what came", || async {
        (heir.ctx.metrics.counted(Metric::ProfileEntries, "signal") > 0).then_some(())
    })
    .await;
    assert!(scene.look().await.unwrap().version >= last);
    assert_eq!(scene.tips().await.len(), 1);
}

#[tokio::test]
async fn with_redis_away_people_are_woken_from_their_logs() {
    let mut scene = Scene::at(MORNING).await;
    let node = scene.node().await;
    scene.house.redis.kill().await;
    scene.link(2).await;
    scene.first_tip().await;
    let health = oo_testkit::http().get(node.url("/health")).send().await.unwrap();
    assert_eq!(health.status(), 503);
    assert!(health.text().await.unwrap().contains("redis"));
    scene.house.redis.start().await.unwrap();
    eventually("ready again", || async {
        oo_testkit::http().get(node.url("/health")).send().await.unwrap().status().is_success().then_some(())
    })
    .await;
    assert_eq!(scene.tips().await.len(), 1);
}

#[tokio::test]
async fn a_recommender_that_is_away_costs_a_while_and_no_tip() {
    let mut scene = Scene::at(MORNING).await;
    // A minute of the person's takes a second.
    scene.house.set([("OO_CLOCK__SPEED", "60")]);
    let recommender = scene._others.pop().unwrap();
    recommender.stop().await.unwrap();
    let node = scene.node().await;
    scene.link(1).await;
    // It asks again by itself, each time about a minute later.
    eventually("the third wake-up", || async {
        (node.ctx.metrics.counted(Metric::ProfileEntries, "moment") >= 3).then_some(())
    })
    .await;
    assert!(scene.tips().await.is_empty());
    let _recommender = scene.house.serve("recommender", oo_recommender::serve).await;
    scene.first_tip().await;
    assert_eq!(scene.tips().await.len(), 1);
}
