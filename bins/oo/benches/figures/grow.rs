//! What a signal costs as more people have logs here, in a table and in a picture, `docs/growth.svg`.

use crate::node::Node;
use crate::talk::{self, Said};
use crate::{fill, mib, quantile, row};
use oo_runtime::{Context, Person};
use oo_testkit::Process;
use oo_trainer::simulation::svg::Svg;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Of more people than these, only so many say something; the others have a log.
const ACTIVE: usize = 100_000;
/// Signals of which the cost is measured, all at once.
const SIGNALS: usize = 100_000;
/// Signals whose time is measured, so many in a second for a while.
const PER_SECOND: usize = 1_000;
const SECONDS: usize = 10;
/// Those who say them.
const WATCHED: usize = 1_000;

/// What was measured with so many people.
struct Point {
    people: usize,
    /// People woken in a second by an entry of theirs, from a snapshot.
    woken: f64,
    /// Signals folded and settled in a second while they were published, and published in one with nobody listening.
    live: f64,
    alone: f64,
    /// Microseconds of CPU for each of them, of the node and of nats-server.
    node: f64,
    server: f64,
    /// Milliseconds from a signal's publish until its reaction was carried out, and until the log had it.
    applied: (f64, f64),
    kept: (f64, f64),
    /// Bytes of memory of the node, of nats-server and of Redis.
    memory: [u64; 3],
}

pub(crate) async fn measure(sizes: &[usize]) {
    let mut points = Vec::new();
    for people in sizes {
        let point = at(*people).await;
        tell(&point);
        points.push(point);
    }
    let picture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/growth.svg");
    std::fs::write(&picture, draw(&points)).unwrap();
}

fn tell(point: &Point) {
    let Point { people, woken, live, alone, node, server, applied, kept, memory } = point;
    row(&format!("{people} people: woken, each from a snapshot by one more entry"), &format!("{woken:.0}/s"), "", "");
    row(
        &format!("{people} people: signals folded and settled while they are published"),
        &format!("{live:.0}/s; CPU for each {node:.0} µs, of nats-server {server:.0} µs"),
        &format!("{alone:.0}/s published with nobody listening"),
        &format!("{:.2}", live / alone),
    );
    row(
        &format!("{people} people: from a signal's publish until its reaction is carried out, at {PER_SECOND}/s"),
        &format!("p50 {:.2} ms, p99 {:.2} ms", applied.0, applied.1),
        &format!("until the log had it: p50 {:.2} ms, p99 {:.2} ms", kept.0, kept.1),
        &format!("{:.1}, {:.1}", applied.0 / kept.0, applied.1 / kept.1),
    );
    let [of_node, of_server, of_redis] = memory.map(mib);
    row(
        &format!("{people} people, {} of them resident: memory of a profile node", ACTIVE.min(*people)),
        &format!("{of_node:.0} MiB"),
        &format!("nats-server {of_server:.0} MiB, Redis {of_redis:.0} MiB"),
        "",
    );
}

async fn at(count: usize) -> Point {
    let house = fill::house_at_night().await;
    let ctx = house.context("bench").await;
    let people = fill::people(&ctx, count).await;
    let began = Instant::now();
    fill::entries(&ctx, &people, 1, fill::mood).await;
    let alone = count as f64 / began.elapsed().as_secs_f64();
    // Everybody is folded once, and leaves again with a snapshot: who says nothing is in no memory.
    let passing = Node::start(&house, 2).await;
    fill::until_folded(&ctx, Instant::now()).await;
    while passing.residents().await > 0 {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    passing.kill().await;
    let node = Node::start(&house, 3_600).await;
    let active = &people[..count.min(ACTIVE)];
    let began = Instant::now();
    fill::entries(&ctx, active, 1, fill::mood).await;
    let woken = active.len() as f64 / fill::until_folded(&ctx, began).await.as_secs_f64();

    let server = Process(house.nats[0].pid().unwrap());
    let before = (node.process().cpu(), server.cpu());
    let began = Instant::now();
    let said = fill::entries(&ctx, active, SIGNALS / active.len(), fill::mood).await as f64;
    let live = said / fill::until_folded(&ctx, began).await.as_secs_f64();
    let spent = (node.process().cpu() - before.0, server.cpu() - before.1);

    let (applied, kept) = times(&ctx, &active[..WATCHED.min(active.len())]).await;
    let redis = Process(house.redis.pid().unwrap());
    let memory = [node.process(), server, redis].map(|process| process.memory());
    node.kill().await;
    let micros = |seconds: f64| seconds * 1e6 / said;
    Point { people: count, woken, live, alone, node: micros(spent.0), server: micros(spent.1), applied, kept, memory }
}

/// Median and 99th percentile of what it takes until a signal's reaction is carried out, and until the log has it.
async fn times(ctx: &Context, people: &[Arc<Person>]) -> ((f64, f64), (f64, f64)) {
    let all = talk::talk(ctx, people, PER_SECOND, SECONDS).await;
    let spread = |of: fn(&Said) -> Duration| {
        let mut millis: Vec<f64> = all.iter().map(|said| of(said).as_secs_f64() * 1e3).collect();
        millis.sort_by(f64::total_cmp);
        (quantile(&millis, 0.5), quantile(&millis, 0.99))
    };
    (spread(|said| said.applied), spread(|said| said.kept))
}

/// Two panels over the number of people: CPU of a signal, and the time until it is applied.
fn draw(points: &[Point]) -> String {
    let mut svg = Svg::new(760.0, 320.0);
    let mut panel = |left: f64, title: &str, of: &dyn Fn(&Point) -> Vec<f64>, unit: &str| {
        let top = points.iter().flat_map(of).fold(0.0, f64::max) * 1.15;
        let first = (points[0].people as f64).log10();
        let wide = (points[points.len() - 1].people as f64).log10() - first;
        let at = |people: usize, value: f64| {
            (left + 300.0 * ((people as f64).log10() - first) / wide.max(1.0), 260.0 - 180.0 * value / top)
        };
        svg.text("head", (left, 40.0), title);
        svg.line("axis", (left, 260.0), (left + 300.0, 260.0));
        let styles = ["ember-line", "truth"];
        for (n, style) in styles.iter().enumerate().take(of(&points[0]).len()) {
            let line: Vec<(f64, f64)> = points.iter().map(|point| at(point.people, of(point)[n])).collect();
            svg.path(style, &line);
        }
        for point in points {
            let value = of(point)[0];
            let (x, y) = at(point.people, value);
            svg.circle("ember", (x, y), 3.0);
            svg.text("middle ink", (x, y - 10.0), format!("{value:.*}", if value < 10.0 { 2 } else { 0 }));
            svg.text("middle small", (x, 280.0), thousands(point.people));
        }
        svg.text("small", (left, 60.0), unit);
    };
    panel(
        40.0,
        "CPU of a signal",
        &|point| vec![point.node, point.server],
        "µs of a profile node; dashed, of nats-server",
    );
    panel(
        420.0,
        "Until it is applied",
        &|point| vec![point.applied.1, point.applied.0],
        "ms, p99; dashed, p50; at 1,000 signals a second",
    );
    svg.text(
        "small dim",
        (40.0, 306.0),
        "people who have a log, a hundred thousand of them at most in memory: cargo xtask bench grow",
    );
    svg.finish("What a signal costs as people grow", "")
}

fn thousands(people: usize) -> String {
    if people >= 1_000_000 { format!("{}M", people / 1_000_000) } else { format!("{}k", people / 1_000) }
}
