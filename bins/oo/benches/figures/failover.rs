//! How long people wait when one of two profile nodes is lost, and when it leaves as it should.

use crate::node::Node;
use crate::talk::talk;
use crate::{fill, quantile, row};
use oo_testkit::eventually;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const PEOPLE: usize = 500;
const PER_SECOND: usize = 250;
const SECONDS: usize = 12;
/// When the node goes, after the first has been said.
const AFTER: Duration = Duration::from_secs(5);
/// What is said so long after it went is looked at.
const LOOKED_AT: Duration = Duration::from_secs(4);

pub(crate) async fn measure() {
    for (signal, how) in [("-KILL", "lost (kill -9)"), ("-TERM", "told to stop")] {
        let house = fill::house_at_night().await;
        let ctx = house.context("bench").await;
        let people = fill::people(&ctx, PEOPLE).await;
        let (goes, stays) = (Node::start(&house, 3_600).await, Node::start(&house, 3_600).await);
        fill::entries(&ctx, &people, 1, fill::mood).await;
        fill::until_folded(&ctx, std::time::Instant::now()).await;
        eventually("both have their part", || async {
            (goes.level("oo_profile_shards").await == 8 && stays.level("oo_profile_shards").await == 8).then_some(())
        })
        .await;
        let going = async {
            sleep(Duration::from_secs(1) + AFTER).await;
            let at = Instant::now();
            goes.signal(signal).await;
            at
        };
        let (said, at) = tokio::join!(talk(&ctx, &people, PER_SECOND, SECONDS), going);
        let waited = |from: Instant, to: Instant| {
            let mut seconds: Vec<f64> = said
                .iter()
                .filter(|said| (from..to).contains(&said.at))
                .map(|said| said.applied.as_secs_f64())
                .collect();
            seconds.sort_by(f64::total_cmp);
            (quantile(&seconds, 0.5), quantile(&seconds, 0.99), quantile(&seconds, 1.0))
        };
        let (before, after) = (waited(at - LOOKED_AT, at), waited(at, at + LOOKED_AT));
        row(
            &format!("one of two profile nodes is {how}: what is said within {} s after it", LOOKED_AT.as_secs()),
            &format!("p50 {:.1} ms, p99 {:.0} ms, longest {:.0} ms", after.0 * 1e3, after.1 * 1e3, after.2 * 1e3),
            &format!("before: p50 {:.1} ms, p99 {:.1} ms", before.0 * 1e3, before.1 * 1e3),
            &format!("{:.0}", after.1 / before.1),
        );
        stays.kill().await;
    }
}
