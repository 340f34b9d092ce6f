//! Signals folded and settled a second, beside a bare consumer that fetches and acknowledges the same entries.

use crate::node::Node;
use crate::{fill, row};
use std::time::Instant;

const PEOPLE: usize = 2_000;
const EACH: usize = 50;

pub(crate) async fn measure() {
    let house = fill::house_at_night().await;
    let ctx = house.context("bench").await;
    let people = fill::people(&ctx, PEOPLE).await;
    let began = Instant::now();
    let count = fill::entries(&ctx, &people, EACH, fill::mood).await;
    let published = count as f64 / began.elapsed().as_secs_f64();

    let raw = count as f64 / fill::fetch_and_ack(&ctx, count).await.as_secs_f64();
    let began = Instant::now();
    let node = Node::start(&house, 600).await;
    let backlog = count as f64 / fill::until_folded(&ctx, began).await.as_secs_f64();
    row(
        &format!("{count} waiting signals of {PEOPLE} people folded and settled, start and waking included"),
        &format!("{backlog:.0}/s"),
        &format!("{raw:.0}/s fetched and acknowledged by a bare consumer"),
        &format!("{:.2}", backlog / raw),
    );

    // Everybody is awake now: the same again, while it is published.
    let began = Instant::now();
    let more = fill::entries(&ctx, &people, EACH, fill::mood).await;
    let live = more as f64 / fill::until_folded(&ctx, began).await.as_secs_f64();
    row(
        &format!("{more} signals folded and settled while they are published"),
        &format!("{live:.0}/s"),
        &format!("{published:.0}/s published with nobody listening"),
        &format!("{:.2}", live / published),
    );
    node.kill().await;
}
