//! The bus against a cluster of three: replicas that lag leave no hole.

#![allow(clippy::unwrap_used, reason = "a test that cannot set its scene has failed")]

use oo_subjects::{Bus, MOMENTS, Place, SIGNALS, Stored, TIPS};
use oo_testkit::House;

/// Reads that a replica answers that lags, until which it goes on: one in twenty does here.
const BEHIND: usize = 10;
/// Pairs of entries after which it ends all the same.
const PAIRS: usize = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_heard_of_is_read_whole_from_whichever_replica_answers() {
    let house = House::start_cluster(1).await;
    let mut buses = Vec::new();
    for server in 0..house.nats.len() {
        buses.push(house.bus_at(server).await);
    }
    let ada = Place::new("ada-log-0123456789".parse().unwrap(), 1);
    // Others write meanwhile, so that replicas have something to be behind with.
    let others = oo_runtime::task::spawn("others", crowd(house.bus_at(0).await));
    let (mut all, mut behind) = (Vec::new(), 0);
    for n in 0..PAIRS {
        if behind >= BEHIND {
            break;
        }
        let known = all.last().copied().unwrap_or(0);
        // Two of different kinds: the second is heard of, the first must not be missing before it.
        for (k, kind) in
            [[SIGNALS, MOMENTS, TIPS][n % 3], [SIGNALS, MOMENTS, TIPS][(n + 1) % 3]].into_iter().enumerate()
        {
            let id = format!("e:{n}:{k}");
            all.push(buses[0].append(kind, &ada, &id, id.clone().into_bytes(), None).await.unwrap().seq);
        }
        let heard = *all.last().unwrap();
        let reads = buses.iter().map(|bus| async {
            let seqs = |read: Vec<Stored>| read.into_iter().map(|stored| stored.seq).collect::<Vec<_>>();
            let eager = seqs(bus.read(&ada, known).await.unwrap());
            (eager, seqs(bus.read_knowing(&ada, known, heard).await.unwrap()))
        });
        let last = &all[all.len() - 2..];
        for (eager, read) in futures_util::future::join_all(reads).await {
            assert_eq!(read, last, "after {n} pairs");
            assert!(last.starts_with(&eager), "after {n} pairs there is a hole: {eager:?} of {last:?}");
            behind += usize::from(eager.len() < last.len());
        }
    }
    assert!(!others.is_finished(), "others did not write");
    others.abort();
    assert!(behind > 0, "no replica lagged: nothing was shown");
    println!("{behind} reads of {} were answered by a replica that lagged", all.len() / 2 * buses.len());
}

/// Appends to the logs of others as fast as it goes, taken or not.
async fn crowd(bus: Bus) {
    for n in 0.. {
        let other = Place::new(format!("other-log-{:010}", n % 100).parse().unwrap(), 1);
        let appended = (0..64).map(|k| {
            let (bus, other, id) = (bus.clone(), other.clone(), format!("o:{n}:{k}"));
            async move { bus.append(SIGNALS, &other, &id, vec![0; 1_000], None).await.is_ok() }
        });
        futures_util::future::join_all(appended).await;
    }
}
