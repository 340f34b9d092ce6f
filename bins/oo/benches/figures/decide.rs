//! Decisions in a second through the recommender's pool, over NATS, for somebody who is new, beside an answer of the same length
//! by nobody.

use crate::node::Node;
use crate::{bare, fill, quantile, row};
use futures_util::future::join_all;
use oo_contracts::decision::{Ask, RandomBits};
use oo_contracts::entry::{Body, Entry};
use oo_contracts::signal::{Fact, Signal};
use oo_contracts::{ENTRY_VERSION, Timestamp};
use oo_domain::decide;
use oo_domain::profile::Profile;
use oo_runtime::{random, task};
use oo_subjects::RECOMMEND;
use oo_testkit::House;
use std::time::Duration;
use tokio::time::Instant;
use warp::hyper::body::Bytes;

/// Tasks to choose from.
const CANDIDATES: usize = 20;
/// Asks under way: less than the pool lets wait.
const AT_ONCE: usize = 64;
const FOR: Duration = Duration::from_secs(5);

pub(crate) async fn measure() {
    let house = House::start().await;
    let ctx = house.context("bench").await;
    let ask = ask();
    let (mut ours, mut answer) = (vec![], 0);
    for policy in ["random-todo", "linear"] {
        let node = Node::of(&house, "recommender", &[("OO_RECOMMENDER__POLICY", policy)]).await;
        answer = serde_json::to_vec(&ctx.bus.ask(RECOMMEND, &ask).await.unwrap()).unwrap().len();
        let before = node.process().cpu();
        let (ctx, ask) = (ctx.clone(), ask.clone());
        let took = many(move |n| {
            let ctx = ctx.clone();
            let ask = Ask { id: random::token().parse().unwrap(), bits: RandomBits::new(n), ..ask.clone() };
            async move { drop(ctx.bus.ask(RECOMMEND, &ask).await.unwrap()) }
        });
        let took = took.await;
        ours.push((policy, (node.process().cpu() - before) * 1e6 / took.len() as f64, took));
        node.kill().await;
    }
    let echo = Node::of(&house, "bare-echo", &[(bare::LENGTH, &answer.to_string())]).await;
    let question = Bytes::from(serde_json::to_vec(&ask).unwrap());
    let client = ctx.bus.jetstream().client();
    let raw = many(move |_| {
        let (client, question) = (client.clone(), question.clone());
        async move { drop(client.request(bare::ECHO, question).await.unwrap()) }
    })
    .await;
    echo.kill().await;
    for (policy, cpu, took) in ours {
        row(
            &format!("decisions by {policy} of {CANDIDATES} candidates through the pool, {AT_ONCE} asked at once"),
            &format!("{}; {cpu:.0} µs of CPU each", text(&took)),
            &text(&raw),
            &format!("{:.2}", took.len() as f64 / raw.len() as f64),
        );
    }
}

/// Asks for a while, so many at once. How many milliseconds each took, sorted.
async fn many<F>(ask: impl Fn(u64) -> F + Clone + Send + 'static) -> Vec<f64>
where
    F: Future<Output = ()> + Send,
{
    let until = Instant::now() + FOR;
    let asking = (0..AT_ONCE as u64).map(|n| {
        let ask = ask.clone();
        task::spawn("somebody", async move {
            let mut took = vec![];
            while Instant::now() < until {
                let began = Instant::now();
                ask(n << 32 | took.len() as u64).await;
                took.push(began.elapsed().as_secs_f64() * 1e3);
            }
            took
        })
    });
    let all = join_all(asking.collect::<Vec<_>>()).await;
    let mut took: Vec<f64> = all.into_iter().flat_map(|took| took.unwrap().unwrap()).collect();
    took.sort_by(f64::total_cmp);
    took
}

fn text(took: &[f64]) -> String {
    let each_second = took.len() as f64 / FOR.as_secs_f64();
    format!("{each_second:.0}/s, p50 {:.2} ms, p99 {:.2}", quantile(took, 0.5), quantile(took, 0.99))
}

/// What somebody with so many things to do is asked about.
fn ask() -> Ask {
    let now: Timestamp = "2026-11-18T09:40:00Z".parse().unwrap();
    let mut profile = Profile::new();
    for (n, seq) in (0..CANDIDATES + 2).zip(1..) {
        let fact: Fact = fill::household(n);
        let signal = Signal { id: format!("s{n}").parse().unwrap(), user: "ada".parse().unwrap(), at: now, fact };
        profile.fold(seq, &Entry { v: ENTRY_VERSION, at: now, body: Body::Signal { signal } });
    }
    let ask = decide::ask(&profile, random::token().parse().unwrap(), 0, now);
    assert_eq!(ask.candidates.len(), CANDIDATES);
    ask
}
