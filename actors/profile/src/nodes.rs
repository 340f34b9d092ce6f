//! Which node pulls which shard: all that live say so again and again, and each works the same table out of it.
//!
//! A belief may be wrong for a moment, on either side: the server gives a shard's entries to one client alone, so that two who
//! pull share nothing, and a shard that nobody pulls waits until somebody does.

use futures_util::StreamExt as _;
use oo_contracts::wire::{Alive, NodeId};
use oo_runtime::{Context, Metric, random};
use oo_subjects::Shard;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Between two signs of life.
const BEAT: Duration = Duration::from_millis(400);
/// Who was not heard for so long is believed to be gone: less than the server's own patience with a client that pulls.
const GONE: Duration = Duration::from_millis(1_600);
/// Before who was cut off listens again.
const LISTEN_AGAIN: Duration = Duration::from_millis(250);

/// The shards that this node should pull.
pub(crate) type Share = watch::Receiver<Arc<BTreeSet<u16>>>;

/// The nodes that live, this one among them.
pub(crate) struct Nodes {
    own: NodeId,
    heard: BTreeMap<NodeId, Instant>,
    shards: u16,
}

impl Nodes {
    pub(crate) fn new(shards: u16) -> Self {
        let own = random::token().parse().expect("a token is an id");
        Self { own, heard: BTreeMap::new(), shards }
    }

    fn hear(&mut self, Alive { node, leaves }: Alive, now: Instant) {
        match leaves {
            true => drop(self.heard.remove(&node)),
            false => drop(self.heard.insert(node, now)),
        }
    }

    /// What is this node's now.
    fn share(&mut self, now: Instant) -> BTreeSet<u16> {
        self.heard.retain(|_, heard| now.duration_since(*heard) < GONE);
        let live: BTreeSet<&NodeId> = self.heard.keys().chain([&self.own]).collect();
        spread(&live, self.shards).into_iter().filter(|(_, node)| *node == &self.own).map(|(shard, _)| shard).collect()
    }
}

/// Each shard goes to the node that it prefers (rendezvous hashing), unless that has its part already; then to the next. So
/// parts differ by one at most, and few shards move when a node comes or goes.
fn spread<'a>(live: &BTreeSet<&'a NodeId>, shards: u16) -> BTreeMap<u16, &'a NodeId> {
    let nodes = live.len().max(1);
    let (least, rest) = (usize::from(shards) / nodes, usize::from(shards) % nodes);
    let (mut parts, mut full, mut table) = (BTreeMap::<&NodeId, usize>::new(), 0, BTreeMap::new());
    for shard in 0..shards {
        // Only so many may have one more than the least.
        let most = if full < rest { least + 1 } else { least };
        let room = live.iter().filter(|node| parts.get(**node).copied().unwrap_or(0) < most);
        let Some(node) = room.max_by_key(|node| (preference(node, shard), **node)) else { continue };
        let part = parts.entry(node).or_default();
        *part += 1;
        full += usize::from(*part == least + 1);
        table.insert(shard, *node);
    }
    table
}

/// FNV-1a over the node's name and the shard, mixed until neighbours are strangers (as MurmurHash3 ends).
fn preference(node: &NodeId, shard: u16) -> u64 {
    let bytes = node.as_str().bytes().chain(shard.to_be_bytes());
    let mut hash =
        bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    for factor in [0xff51_afd7_ed55_8ccd, 0xc4ce_b9fe_1a85_ec53] {
        hash = (hash ^ (hash >> 33)).wrapping_mul(factor);
    }
    hash ^ (hash >> 33)
}

/// Says that this node lives, hears who else does, and keeps its share, until the service stops; then it says that it leaves.
pub(crate) async fn follow(ctx: Context, mut nodes: Nodes, share: watch::Sender<Arc<BTreeSet<u16>>>) {
    let (own, stop) = (nodes.own.clone(), ctx.shutdown.clone());
    let listening = async {
        loop {
            if let Ok(alive) = ctx.bus.nodes().await {
                let mut alive = std::pin::pin!(alive);
                let mut beat = interval(BEAT);
                beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
                loop {
                    tokio::select! {
                        told = alive.next() => match told {
                            Some(told) => nodes.hear(told, Instant::now()),
                            None => break,
                        },
                        _ = beat.tick() => ctx.bus.alive(&Alive { node: own.clone(), leaves: false }).await,
                    }
                    let now = Arc::new(nodes.share(Instant::now()));
                    ctx.metrics.level(Metric::ProfileShards, i64::try_from(now.len()).unwrap_or(i64::MAX));
                    share.send_if_modified(|share| (*share != now).then(|| *share = now).is_some());
                }
            }
            tokio::time::sleep(LISTEN_AGAIN).await;
        }
    };
    stop.run_until_cancelled(listening).await;
    ctx.bus.alive(&Alive { node: own, leaves: true }).await;
}

/// Whether a shard is in this node's share.
pub(crate) fn is_in(share: &BTreeSet<u16>, shard: Shard) -> bool {
    share.contains(&shard.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Vec<NodeId> {
        (0..count).map(|n| format!("node-name-{n:06}").parse().unwrap()).collect()
    }

    fn parts(live: &[NodeId], shards: u16) -> BTreeMap<u16, NodeId> {
        spread(&live.iter().collect(), shards).into_iter().map(|(shard, node)| (shard, node.clone())).collect()
    }

    #[test]
    fn every_shard_has_one_node_and_parts_differ_by_one_at_most() {
        for (count, shards) in [(1, 16), (2, 16), (3, 16), (5, 16), (3, 64), (16, 16), (20, 16), (7, 64)] {
            let names = names(count);
            let table = parts(&names, shards);
            assert_eq!(table.len(), usize::from(shards), "{count} nodes");
            let sizes = names.iter().map(|name| table.values().filter(|node| *node == name).count());
            let (least, most) = (sizes.clone().min().unwrap(), sizes.max().unwrap());
            assert!(most - least <= 1, "{count} nodes have {least} to {most} of {shards}");
        }
    }

    #[test]
    fn few_shards_move_when_a_node_comes() {
        let all = names(4);
        let (before, after) = (parts(&all[..3], 64), parts(&all, 64));
        let moved = before.iter().filter(|(shard, node)| after[*shard] != **node).count();
        // A quarter must. Without a bound on the parts no other would; with it some do.
        assert!((16..=32).contains(&moved), "{moved} of 64 moved");
    }

    #[test]
    fn who_is_not_heard_any_more_has_no_part() {
        let (mut nodes, now) = (Nodes::new(16), Instant::now());
        assert_eq!(nodes.share(now).len(), 16);
        let other = names(1).remove(0);
        nodes.hear(Alive { node: other.clone(), leaves: false }, now);
        assert_eq!(nodes.share(now).len(), 8);
        assert_eq!(nodes.share(now + GONE).len(), 16, "it is gone");
        nodes.hear(Alive { node: other.clone(), leaves: false }, now + GONE);
        assert_eq!(nodes.share(now + GONE).len(), 8, "it is back");
        nodes.hear(Alive { node: other, leaves: true }, now + GONE);
        assert_eq!(nodes.share(now + GONE).len(), 16, "it said that it leaves");
    }
}
