//! Memory of one resident person, and what is left of it when everybody has gone.

use crate::node::Node;
use crate::{fill, mib, row};
use std::time::{Duration, Instant};

/// Entries of each person: zone, account, and tasks.
const EACH: usize = 5;

pub(crate) async fn measure(count: usize) {
    let house = fill::house_at_night().await;
    let ctx = house.context("bench").await;
    let people = fill::people(&ctx, count).await;
    // Longer than it takes until everybody is there.
    let idle = 30 + count as u64 / 200;
    let node = Node::start(&house, idle).await;
    let empty = node.process().memory();
    let began = Instant::now();
    fill::entries(&ctx, &people, EACH, fill::household).await;
    let took = fill::until_folded(&ctx, began).await;
    let resident = node.residents().await;
    let full = node.process().memory();
    let each = full.saturating_sub(empty) as f64 / resident as f64;
    while node.residents().await > 0 {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    // What was freed goes back to the system a little later.
    tokio::time::sleep(Duration::from_secs(15)).await;
    let left = node.process().memory();
    let profile = serde_json::to_vec(&oo_domain::profile::Profile::new()).unwrap().len();
    row(
        &format!(
            "memory of one of {resident} residents with {EACH} entries each (came in {:.0} s)",
            took.as_secs_f64()
        ),
        &format!(
            "{each:.0} B ({:.1} MiB in all, {:.1} MiB empty, {:.1} MiB after all left)",
            mib(full),
            mib(empty),
            mib(left)
        ),
        &format!("{profile} B: an empty profile as JSON"),
        &format!("{:.1}", each / profile as f64),
    );
    node.kill().await;
}
