//! From a signal's publish to the push request at the push service, through profile, recommender and notifier, beside the bare
//! chain: publish, deliver, encrypt, request. What is told is one's own habit, so that no provider is asked for words.

use crate::node::Node;
use crate::{bare, fill, quantile, row};
use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};
use oo_contracts::entry::Body;
use oo_contracts::push::{Subscription, SubscriptionKeys};
use oo_contracts::signal::{Fact, Habit, Language, Minutes, Signal};
use oo_contracts::wire::Subscribe;
use oo_runtime::{Clock, Context, Person, random, task};
use oo_sandbox::SandboxSubscription;
use oo_subjects::SUBSCRIBE;
use oo_testkit::House;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};
use url::Url;
use warp::Filter as _;
use warp::http::StatusCode;

/// Signals a second, and for how many seconds. Each leads to a push, of another person.
const RATES: [(usize, usize); 3] = [(100, 10), (1_000, 5), (5_000, 2)];
/// Subscribed at once.
const AT_ONCE: usize = 64;
/// What has not come this long after the last signal does not count as pushed.
const PATIENCE: Duration = Duration::from_secs(20);
const MORNING: &str = "2026-11-18T09:40:00Z";

/// A push service that notes when something comes for whom.
struct PushService {
    address: Url,
    arrived: Arc<Vec<OnceLock<Instant>>>,
    /// What came for somebody who had theirs.
    twice: Arc<AtomicUsize>,
}

/// What became of the signals of one rate.
struct Seen {
    /// Milliseconds from when a signal was to be said until its push, sorted.
    took: Vec<f64>,
    missing: usize,
    /// Microseconds of CPU of the process that pushes, for each push.
    cpu: f64,
}

pub(crate) async fn measure() {
    let count = RATES.iter().map(|(rate, seconds)| rate * seconds).sum();
    let (ours, bares) = (PushService::start(count).await, PushService::start(count).await);
    let sandbox = oo_sandbox::start(oo_sandbox::Options::default()).await.unwrap();
    let keys = sandbox.push().subscribe();
    let mut house = House::start().await;
    let vapid = house.dir().join("vapid.pem");
    std::fs::write(&vapid, oo_notifier::new_vapid_key().unwrap()).unwrap();
    house.set([
        ("OO_CLOCK__WALL", Clock::default().wall().to_string()),
        ("OO_CLOCK__PERSON", MORNING.to_owned()),
        ("OO_NOTIFIER__VAPID_FILE", vapid.display().to_string()),
        ("OO_NOTIFIER__VAPID_SUBJECT", "mailto:ada@lovelace.org".into()),
        ("OO_NOTIFIER__LOOPBACK", "true".into()),
        // It always says something.
        ("OO_RECOMMENDER__POLICY", "random-todo".into()),
    ]);
    let events = Node::of(&house, "events", &[]).await;
    let recommender = Node::of(&house, "recommender", &[]).await;
    let notifier = Node::of(&house, "notifier", &[]).await;
    let profile = Node::start(&house, 3_600).await;
    let ctx = house.context("bench").await;
    let people = fill::people(&ctx, count).await;
    subscribe(&ctx, &people, &ours, &keys).await;
    fill::entries(&ctx, &people, 1, |_| habit()).await;
    fill::until_folded(&ctx, std::time::Instant::now()).await;
    let seen = at_rates(&notifier, &ours, |n| say(ctx.clone(), people[n].clone())).await;
    for service in [profile, notifier, recommender, events] {
        service.kill().await;
    }

    bare::make_stream(&ctx).await;
    let settings = [
        (bare::KEYS, format!("{} {}", keys.p256dh, keys.auth)),
        (bare::PUSH_SERVICE, bares.address.to_string()),
        (bare::VAPID, vapid.display().to_string()),
    ];
    let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
    let chain = Node::of(&house, "bare-chain", &settings).await;
    let raw = at_rates(&chain, &bares, |n| bare::say(ctx.clone(), n)).await;
    chain.kill().await;
    for ((rate, _), (ours, raw)) in RATES.into_iter().zip(seen.iter().zip(&raw)) {
        tell(rate, ours, raw);
    }
    let twice = ours.twice.load(Ordering::Relaxed);
    assert_eq!(twice, 0, "somebody was pushed to twice");
}

fn tell(rate: usize, ours: &Seen, raw: &Seen) {
    row(
        &format!("from a signal's publish to its push at the push service, {rate} a second"),
        &ours.text(),
        &raw.text(),
        &format!("{:.1}, {:.1}", ours.at(0.5) / raw.at(0.5), ours.at(0.99) / raw.at(0.99)),
    );
    row(
        &format!("CPU of the notifier for a push, {rate} a second"),
        &format!("{:.0} µs", ours.cpu),
        &format!("{:.0} µs, of the bare chain", raw.cpu),
        &format!("{:.1}", ours.cpu / raw.cpu),
    );
}

impl Seen {
    fn at(&self, share: f64) -> f64 {
        quantile(&self.took, share)
    }

    fn text(&self) -> String {
        let Self { took, missing, .. } = self;
        let (p50, p99, p999) = (self.at(0.5), self.at(0.99), self.at(0.999));
        let missing = if *missing > 0 { format!(", {missing} not within {PATIENCE:?}") } else { String::new() };
        format!("p50 {p50:.2} ms, p99 {p99:.2}, p99.9 {p999:.2} (n = {}{missing})", took.len())
    }
}

impl PushService {
    async fn start(count: usize) -> Self {
        let arrived: Arc<Vec<_>> = Arc::new((0..count).map(|_| OnceLock::new()).collect());
        let twice = Arc::new(AtomicUsize::new(0));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let (noted, again) = (arrived.clone(), twice.clone());
        let take = warp::post().and(warp::path::param()).and(warp::body::bytes()).map(move |n: usize, _| {
            if noted[n].set(Instant::now()).is_err() {
                again.fetch_add(1, Ordering::Relaxed);
            }
            StatusCode::CREATED
        });
        drop(task::spawn("push service", warp::serve(take).incoming(listener).run()));
        Self { address, arrived, twice }
    }
}

/// Lets it be said at each rate, by another part of the people each time.
async fn at_rates<F>(pushes: &Node, service: &PushService, say: impl Fn(usize) -> F) -> Vec<Seen>
where
    F: Future<Output = ()> + Send + 'static,
{
    let (mut seen, mut first) = (vec![], 0);
    for (rate, seconds) in RATES {
        let people = first..first + rate * seconds;
        first = people.end;
        let before = pushes.process().cpu();
        let begin = Instant::now() + Duration::from_millis(500);
        // Whoever says it late, since the machine is busy, is late by that much.
        let due = |n: usize| begin + Duration::from_secs(1) * (n - people.start) as u32 / rate as u32;
        let saying = people.clone().map(|n| {
            let (at, said) = (due(n), say(n));
            task::spawn("somebody", async move {
                sleep_until(at).await;
                said.await;
            })
        });
        join_all(saying.collect::<Vec<_>>()).await;
        let over = Instant::now() + PATIENCE;
        while Instant::now() < over && people.clone().any(|n| service.arrived[n].get().is_none()) {
            sleep(Duration::from_millis(50)).await;
        }
        let cpu = pushes.process().cpu() - before;
        let took = people.clone().filter_map(|n| Some((*service.arrived[n].get()? - due(n)).as_secs_f64() * 1e3));
        let mut took: Vec<f64> = took.collect();
        assert!(!took.is_empty(), "nobody was pushed to");
        took.sort_by(f64::total_cmp);
        seen.push(Seen { missing: people.len() - took.len(), cpu: cpu * 1e6 / took.len() as f64, took });
    }
    seen
}

/// Something to do at this time of the day. Nothing is said about it before there is an account.
fn habit() -> Fact {
    let habit = Habit {
        id: "stretch".parse().unwrap(),
        label: "Stretch".parse().unwrap(),
        from: jiff::civil::time(8, 0, 0, 0),
        to: jiff::civil::time(20, 0, 0, 0),
        minutes: Minutes::saturating(5),
        days: vec![],
    };
    Fact::HabitDefined { habit }
}

/// The occasion: an account is linked.
async fn say(ctx: Context, person: Arc<Person>) {
    let (id, at) = (random::token(), ctx.clock.now());
    let signal = Signal { id: id.parse().unwrap(), user: person.user.clone(), at, fact: fill::household(1) };
    ctx.logbook().append(&person, &format!("signal:{id}"), at, Body::Signal { signal }, None).await.unwrap();
}

async fn subscribe(ctx: &Context, people: &[Arc<Person>], service: &PushService, keys: &SandboxSubscription) {
    let asks = people.iter().enumerate().map(|(n, person)| {
        let subscription = Subscription {
            name: None,
            device: "device-1".parse().unwrap(),
            endpoint: service.address.join(&n.to_string()).unwrap().as_str().parse().unwrap(),
            keys: SubscriptionKeys { p256dh: keys.p256dh.parse().unwrap(), auth: keys.auth.parse().unwrap() },
            language: Language::En,
        };
        let ask = Subscribe { user: person.user.clone(), subscription };
        async move { ctx.bus.ask(SUBSCRIBE, &ask).await.unwrap() }
    });
    stream::iter(asks).buffer_unordered(AT_ONCE).for_each(|_| async {}).await;
}
