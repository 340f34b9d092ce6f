//! How long until what happens is on thousands of open pages, and what an open page costs, beside a bare server of events.

use crate::node::Node;
use crate::{bare, fill, mib, quantile, row};
use futures_util::future::BoxFuture;
use futures_util::{StreamExt as _, stream};
use oo_runtime::task;
use oo_testkit::{Events, Process, eventually, http};
use reqwest::RequestBuilder;
use reqwest::header::COOKIE;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// Each is another person's.
const PAGES: usize = 5_000;
/// Opened at once.
const OPENING: usize = 64;
/// How long nothing happens, to see what open pages cost by themselves.
const AT_REST: Duration = Duration::from_secs(60);
/// Over so long it happens once to everybody, 250 times in a second.
const SPREAD: Duration = Duration::from_secs(20);
/// So often it happens to everybody at once.
const STORMS: u64 = 5;
/// Until a storm is over for sure, and what was freed has gone back to the system.
const CALM: Duration = Duration::from_secs(15);

/// What was seen of one server of events.
struct Seen {
    /// Bytes of memory, and open files: before the pages, with them, and after them.
    memory: [u64; 3],
    files: [u64; 3],
    /// How much of a core each process takes while nothing happens, the server's own first.
    rest: Vec<f64>,
    /// Milliseconds until a page had what happened, sorted: spread, and all at once.
    spread: Vec<f64>,
    storm: Vec<f64>,
    /// Microseconds of the server's CPU for each event of a storm.
    each: f64,
}

/// Lets it happen on a page, by the page's number, for the time of this number; gives the id that the event will have.
type Happen<'a> = dyn Fn(usize, u64) -> BoxFuture<'static, u64> + 'a;

pub(crate) async fn measure() {
    let mut house = fill::house_at_night().await;
    let vapid = house.dir().join("vapid.pem").display().to_string();
    std::fs::write(&vapid, oo_notifier::new_vapid_key().unwrap()).unwrap();
    house.set(oo::house::sandbox_settings(&"http://127.0.0.1:1/".parse().unwrap()).unwrap());
    house.set([
        ("OO_GATEWAY__PUBLIC_URL", "http://localhost:1"),
        // Each page comes from an address of its own.
        ("OO_GATEWAY__PROXIES", "1"),
        ("OO_INTEGRATIONS__PUBLIC_URL", "http://localhost:1"),
        ("OO_NOTIFIER__VAPID_FILE", vapid.as_str()),
        ("OO_NOTIFIER__VAPID_SUBJECT", "mailto:ada@lovelace.org"),
        ("OO_NOTIFIER__LOOPBACK", "true"),
    ]);
    let _services = [
        house.serve("auth", oo_auth::serve).await,
        house.serve("integrations", oo_integrations::serve).await,
        house.serve("notifier", oo_notifier::serve).await,
    ];
    let (ctx, client) = (house.context("bench").await, http());
    let people = fill::people(&ctx, PAGES).await;
    let sessions: Vec<String> = stream::iter(&people).then(|person| house.session(person)).collect().await;
    let server = Process(house.nats[0].pid().unwrap());

    let (ours, length) = {
        let (profile, gateway) = (Node::start(&house, 3_600).await, Node::of(&house, "gateway", &[]).await);
        fill::entries(&ctx, &people, 1, fill::mood).await;
        fill::until_folded(&ctx, std::time::Instant::now()).await;
        let open = |n: usize| {
            let request = client.get(gateway.url("/api/v1/stream")).header(COOKIE, format!("oo={}", sessions[n]));
            request.header("x-forwarded-for", format!("10.0.{}.{}", n / 256, n % 256))
        };
        let say = |n: usize, time: u64| -> BoxFuture<'static, u64> {
            let (ctx, person) = (ctx.clone(), people[n].clone());
            Box::pin(async move { fill::say(&ctx, &person, time as usize).await })
        };
        see(&[gateway.process(), profile.process(), server], open, &say).await
    };
    let bare = Node::of(&house, "bare-events", &[(bare::LENGTH, &length.to_string())]).await;
    let open = |n: usize| client.get(bare.url(&format!("/{}", people[n].user)));
    let publish = |n: usize, time: u64| -> BoxFuture<'static, u64> {
        let (ctx, person) = (ctx.clone(), people[n].clone());
        Box::pin(async move {
            ctx.bus.changed(&person.user, time).await;
            time
        })
    };
    let (raw, _) = see(&[bare.process(), server], open, &publish).await;
    tell(&ours, &raw);
}

/// Opens all pages, lets it happen on them, and closes them. Gives also how long an event's data is.
async fn see(all: &[Process], open: impl Fn(usize) -> RequestBuilder, happen: &Happen<'_>) -> (Seen, usize) {
    let server = all[0];
    let [mut memory, mut files] = [[0; 3]; 2];
    (memory[0], files[0]) = (server.memory(), server.files());
    let mut opened: Vec<(Events, usize)> =
        stream::iter((0..PAGES).map(|n| opened(open(n)))).buffered(OPENING).collect().await;
    let length = opened[0].1;
    let mut pages: Vec<Events> = opened.drain(..).map(|(page, _)| page).collect();

    sleep(CALM).await;
    let before: Vec<f64> = all.iter().map(|process| process.cpu()).collect();
    sleep(AT_REST).await;
    let spent = all.iter().zip(before).map(|(process, before)| process.cpu() - before);
    let rest = spent.map(|seconds| seconds / AT_REST.as_secs_f64()).collect();
    (memory[1], files[1]) = (server.memory(), server.files());

    let mut spread = happens(&mut pages, SPREAD, 1, happen).await;
    let (mut storm, mut spent) = (Vec::new(), 0.0);
    for time in 0..STORMS {
        sleep(CALM).await;
        let before = server.cpu();
        storm.extend(happens(&mut pages, Duration::ZERO, time + 2, happen).await);
        spent += server.cpu() - before;
    }
    drop(pages);
    eventually("all pages are closed", || async { (server.files() < files[1] - PAGES as u64 / 2).then_some(()) }).await;
    sleep(CALM).await;
    (memory[2], files[2]) = (server.memory(), server.files());
    spread.sort_by(f64::total_cmp);
    storm.sort_by(f64::total_cmp);
    let each = spent * 1e6 / storm.len() as f64;
    (Seen { memory, files, rest, spread, storm, each }, length)
}

/// A page, and how long the data was that came first.
async fn opened(request: RequestBuilder) -> (Events, usize) {
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200, "a page does not open");
    let mut page = Events::of(answer);
    let first = page.next().await.expect("something comes first");
    (page, first.data.len())
}

/// Lets it happen once on each page, over a while, and gives the milliseconds until each had it.
async fn happens(pages: &mut Vec<Events>, over: Duration, time: u64, happen: &Happen<'_>) -> Vec<f64> {
    let first = Instant::now();
    let waiting = pages.drain(..).enumerate().map(|(n, mut page)| {
        let (at, it) = (first + over.mul_f64(n as f64 / PAGES as f64), happen(n, time));
        task::spawn("page", async move {
            sleep_until(at).await;
            let began = Instant::now();
            let id = it.await;
            while page.next().await.expect("the stream goes on").id.parse::<u64>().unwrap() < id {}
            (page, began.elapsed().as_secs_f64() * 1e3)
        })
    });
    let mut took = Vec::with_capacity(PAGES);
    for waiting in waiting.collect::<Vec<_>>() {
        let (page, milliseconds) = waiting.await.unwrap().unwrap();
        pages.push(page);
        took.push(milliseconds);
    }
    took
}

fn tell(ours: &Seen, raw: &Seen) {
    let times = |sorted: &[f64]| {
        let [p50, p99, p999, most] = [0.5, 0.99, 0.999, 1.0].map(|share| quantile(sorted, share));
        format!("p50 {p50:.1} ms, p99 {p99:.1} ms, p99.9 {p999:.1} ms, longest {most:.0} ms")
    };
    let ratio = |ours: &[f64], raw: &[f64]| {
        let [p50, p99] = [0.5, 0.99].map(|share| quantile(ours, share) / quantile(raw, share));
        format!("{p50:.1}, {p99:.1}")
    };
    row(
        &format!(
            "{PAGES} open pages: from a signal's append until its page has the state, {} a second",
            PAGES as u64 / SPREAD.as_secs()
        ),
        &times(&ours.spread),
        &format!("from a publish, by a bare server of events: {}", times(&raw.spread)),
        &ratio(&ours.spread, &raw.spread),
    );
    row(
        &format!("{PAGES} open pages: the same to everybody at once"),
        &times(&ours.storm),
        &times(&raw.storm),
        &ratio(&ours.storm, &raw.storm),
    );
    row(
        "CPU of the gateway for each of these events",
        &format!("{:.0} µs", ours.each),
        &format!("{:.0} µs", raw.each),
        &format!("{:.1}", ours.each / raw.each),
    );
    let of_a_page = |seen: &Seen| seen.memory[1].saturating_sub(seen.memory[0]) as f64 / PAGES as f64 / 1024.0;
    let memory = |seen: &Seen| {
        let [empty, full, left] = seen.memory.map(mib);
        format!("{:.1} KiB ({full:.0} MiB in all, {empty:.0} MiB before, {left:.0} MiB after)", of_a_page(seen))
    };
    row(
        "memory of the gateway for an open page",
        &memory(ours),
        &memory(raw),
        &format!("{:.1}", of_a_page(ours) / of_a_page(raw)),
    );
    let files = |seen: &Seen| format!("{} ({} before, {} after)", seen.files[1], seen.files[0], seen.files[2]);
    row("open files of the gateway with them", &files(ours), &files(raw), "");
    let [gateway, profile, server] = [0, 1, 2].map(|n| ours.rest[n] * 100.0);
    row(
        &format!("{PAGES} open pages to which nothing happens: of one core"),
        &format!("gateway {gateway:.1} %, profile {profile:.1} %, nats-server {server:.1} %"),
        &format!("bare server {:.1} %, nats-server {:.1} %", raw.rest[0] * 100.0, raw.rest[1] * 100.0),
        "",
    );
}
