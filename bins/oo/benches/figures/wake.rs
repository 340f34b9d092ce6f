//! A person who sleeps is asked for: how long until there is an answer, from a snapshot and from a log of 1,000 entries.

use crate::node::Node;
use crate::{fill, row, spread};
use oo_contracts::wire::Look;
use oo_runtime::{Context, Person};
use oo_subjects::LOOK;
use redis::AsyncCommands as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

const PEOPLE: usize = 100;
const ENTRIES: usize = 1_000;

pub(crate) async fn measure() {
    let house = fill::house_at_night().await;
    let ctx = house.context("bench").await;
    let people = fill::people(&ctx, PEOPLE).await;
    let node = Node::start(&house, 1).await;
    let began = Instant::now();
    fill::entries(&ctx, &people, ENTRIES, fill::mood).await;
    fill::until_folded(&ctx, began).await;
    let url = house.source().get("OO_REDIS__URL").unwrap().to_owned();
    let mut redis = redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap();

    asleep(&node).await;
    let of_snapshot = looks(&ctx, &people).await;
    let mut raw = Vec::new();
    for person in &people {
        let began = Instant::now();
        let sealed: Option<Vec<u8>> = redis.hget(key(person), "b").await.unwrap();
        assert!(sealed.is_some(), "a person without a snapshot");
        raw.push(milliseconds(began));
    }
    tell("from a snapshot", of_snapshot, "its bare HGET", raw);

    asleep(&node).await;
    for person in &people {
        let () = redis.del(key(person)).await.unwrap();
    }
    let of_log = looks(&ctx, &people).await;
    let mut raw = Vec::new();
    for person in &people {
        let began = Instant::now();
        assert!(ctx.bus.read(&person.place, 0).await.unwrap().len() >= ENTRIES);
        raw.push(milliseconds(began));
    }
    tell(&format!("from a log of {ENTRIES} entries"), of_log, "the bare read of these entries", raw);
    node.kill().await;
}

fn tell(from: &str, ours: Vec<f64>, what: &str, raw: Vec<f64>) {
    let ((ours, ours_p50, _), (raw, raw_p50, _)) = (spread(ours), spread(raw));
    row(
        &format!("cold wake-up {from}: asked over NATS and answered"),
        &ours,
        &format!("{what}: {raw}"),
        &format!("{:.1}", ours_p50 / raw_p50),
    );
}

async fn looks(ctx: &Context, people: &[Arc<Person>]) -> Vec<f64> {
    let mut took = Vec::new();
    for person in people {
        let began = Instant::now();
        let view = ctx.bus.ask(LOOK, &Look { user: person.user.clone() }).await.unwrap();
        took.push(milliseconds(began));
        assert!(view.version > 0, "an empty profile came back");
    }
    took
}

async fn asleep(node: &Node) {
    while node.residents().await > 0 {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn key(person: &Person) -> String {
    format!("oo:snapshot:{}", person.place.log)
}

fn milliseconds(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1e3
}
