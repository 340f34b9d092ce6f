//! The bus against a real nats-server: compare-and-set, idempotence, reading, and wake-ups that outlive a kill -9.

#![allow(clippy::unwrap_used, reason = "a test that cannot set its scene has failed")]

use oo_contracts::Timestamp;
use oo_contracts::rights::{Clear, Cleared};
use oo_subjects::streams::{self, SetUpError};
use oo_subjects::{AppendError, AskError, Bus, CLEAR_PROFILE, MOMENTS, Place, SIGNALS, TIPS};
use oo_testkit::{House, eventually};
use std::time::Duration;

const SHARDS: u16 = 16;

fn place(log: &str) -> Place {
    Place::new(log.parse().unwrap(), SHARDS)
}

async fn bus(house: &House) -> Bus {
    house.context("test").await.bus
}

fn soon(seconds: i64) -> Timestamp {
    let now = oo_runtime::Clock::default().wall();
    now + jiff::SignedDuration::from_secs(seconds)
}

#[tokio::test]
async fn of_two_that_compare_and_set_exactly_one_wins() {
    let house = House::start().await;
    let bus = bus(&house).await;
    let ada = place("ada-log-0123456789");
    let seq = bus.append(SIGNALS, &ada, "signal:1", b"a".to_vec(), None).await.unwrap().seq;
    for round in 0..50 {
        let after = bus.read(&ada, 0).await.unwrap().last().unwrap().seq;
        let (one, other) = (format!("tip:{round}-one"), format!("tip:{round}-other"));
        let (one, other) = tokio::join!(
            bus.append(TIPS, &ada, &one, b"one".to_vec(), Some(after)),
            bus.append(TIPS, &ada, &other, b"other".to_vec(), Some(after)),
        );
        let won = [&one, &other].into_iter().filter(|result| result.is_ok()).count();
        assert_eq!(won, 1, "{one:?} {other:?}");
        assert!(matches!(one.or(other), Ok(appended) if appended.seq > after));
    }
    // What happens to somebody else in the same stream is nothing newer.
    let mut others = (0..).map(|n| place(&format!("other-log-{n:010}")));
    let neighbour = others.find(|other| other.shard == ada.shard).unwrap();
    bus.append(SIGNALS, &neighbour, "signal:n", b"n".to_vec(), None).await.unwrap();
    let last = bus.read(&ada, 0).await.unwrap().last().unwrap().seq;
    bus.append(TIPS, &ada, "tip:last", b"t".to_vec(), Some(last)).await.unwrap();
    let stale = bus.append(TIPS, &ada, "tip:stale", b"t".to_vec(), Some(seq)).await;
    assert!(matches!(stale, Err(AppendError::Newer)), "{stale:?}");
}

#[tokio::test]
async fn the_same_id_twice_is_one_entry() {
    let house = House::start().await;
    let bus = bus(&house).await;
    let ada = place("ada-log-0123456789");
    let first = bus.append(SIGNALS, &ada, "signal:1", b"a".to_vec(), None).await.unwrap();
    let second = bus.append(SIGNALS, &ada, "signal:1", b"a".to_vec(), None).await.unwrap();
    assert_eq!((first.duplicate, second.duplicate, first.seq), (false, true, second.seq));
    assert_eq!(bus.read(&ada, 0).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_long_log_is_read_whole_in_order_and_after_any_point() {
    let house = House::start().await;
    let bus = bus(&house).await;
    let (ada, bob) = (place("ada-log-0123456789"), place("bob-log-0123456789"));
    for n in 0..700 {
        let subject = [SIGNALS, MOMENTS, TIPS][n % 3];
        bus.append(subject, &ada, &format!("e:{n}"), n.to_string().into_bytes(), None).await.unwrap();
        if n % 10 == 0 {
            bus.append(SIGNALS, &bob, &format!("b:{n}"), b"bob".to_vec(), None).await.unwrap();
        }
    }
    let all = bus.read(&ada, 0).await.unwrap();
    let texts: Vec<String> = all.iter().map(|entry| String::from_utf8(entry.payload.to_vec()).unwrap()).collect();
    assert_eq!(texts, (0..700).map(|n| n.to_string()).collect::<Vec<_>>());
    let rest = bus.read(&ada, all[650].seq).await.unwrap();
    assert_eq!(
        rest.iter().map(|entry| entry.seq).collect::<Vec<_>>(),
        all[651..].iter().map(|e| e.seq).collect::<Vec<_>>()
    );
    assert!(bus.read(&ada, all[699].seq).await.unwrap().is_empty());
    // What came after the entry up to which is read is left out, of whichever kind.
    let until = bus.read_until(&ada, 0, all[350].seq).await.unwrap();
    assert_eq!(until.last().map(|entry| (entry.seq, until.len())), Some((all[350].seq, 351)));
    assert!(bus.read(&place("nobody-log-0123456789"), 0).await.unwrap().is_empty());
    let ahead = bus.read_knowing(&ada, 0, all[699].seq + 1_000).await;
    assert!(matches!(ahead, Err(AppendError::Away(_))), "no replica has what nobody appended: {ahead:?}");
}

#[tokio::test]
async fn a_later_wake_up_replaces_the_earlier_and_one_survives_kill_9() {
    let mut house = House::start().await;
    let ada = place("ada-log-0123456789");
    let first = bus(&house).await;
    first.wake_at(&ada, soon(3600), b"replaced".to_vec(), None).await.unwrap();
    first.wake_at(&ada, soon(3), b"kept".to_vec(), None).await.unwrap();
    house.nats[0].kill().await;
    house.nats[0].start().await.unwrap();
    let bus = bus(&house).await;
    let moment = eventually("the moment comes", || async { bus.read(&ada, 0).await.ok()?.pop() }).await;
    assert_eq!((moment.kind.as_str(), moment.payload.as_ref()), ("moment", b"kept".as_slice()));
    assert_eq!(bus.read(&ada, 0).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_wake_up_of_somebody_who_knows_less_than_the_log_is_refused() {
    let house = House::start().await;
    let bus = bus(&house).await;
    let ada = place("ada-log-0123456789");
    let known = bus.append(SIGNALS, &ada, "signal:1", b"one".to_vec(), None).await.unwrap().seq;
    bus.wake_at(&ada, soon(3600), b"known".to_vec(), Some(known)).await.unwrap();
    let newer = bus.append(SIGNALS, &ada, "signal:2", b"two".to_vec(), None).await.unwrap().seq;
    let refused = bus.wake_at(&ada, soon(1), b"stale".to_vec(), Some(known)).await;
    assert!(matches!(refused, Err(AppendError::Newer)), "{refused:?}");
    bus.wake_at(&ada, soon(1), b"right".to_vec(), Some(newer)).await.unwrap();
    let moment = eventually("the moment comes", || async { bus.read(&ada, newer).await.ok()?.pop() }).await;
    assert_eq!((moment.kind.as_str(), moment.payload.as_ref()), ("moment", b"right".as_slice()));
}

#[tokio::test]
async fn a_claim_is_given_once() {
    let house = House::start().await;
    let bus = bus(&house).await;
    let claim = || bus.claim("oo.v1.push.claim.t1.d1".into(), b"{}".to_vec());
    let given = futures_util::future::join_all((0..20).map(|_| claim())).await;
    assert_eq!(given.into_iter().filter(|claim| *claim.as_ref().unwrap()).count(), 1);
    assert!(bus.claim("oo.v1.push.claim.t1.d2".into(), b"{}".to_vec()).await.unwrap());
}

/// What it has not begun with as well, since others may answer only what comes after.
#[tokio::test]
async fn who_stops_answers_what_it_was_asked() {
    let house = House::start().await;
    let (asker, member) = (bus(&house).await, bus(&house).await);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (taken, begun) = tokio::sync::watch::channel(0);
    let answer = move |Clear { log: _ }| {
        taken.send_modify(|taken| *taken += 1);
        async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            Ok(Cleared { removed: 0, left: 0 })
        }
    };
    let stops = async { drop(stopped.await) };
    let answering = member.answer(CLEAR_PROFILE, 4, answer, stops).await.unwrap();
    member.settle().await;
    let clear = Clear { log: "ada-log-0123456789".parse().unwrap() };
    let asked = (0..20).map(|_| asker.ask(CLEAR_PROFILE, &clear));
    let stopping = async {
        begun.clone().wait_for(|taken| *taken == 4).await.unwrap();
        // All have been said on that connection, and those behind the first four wait in the member's.
        asker.settle().await;
        member.settle().await;
        drop(stop);
    };
    let (answers, (), ()) = tokio::join!(futures_util::future::join_all(asked), answering, stopping);
    assert!(answers.iter().all(Result::is_ok), "{:?}", answers.iter().find(|answer| answer.is_err()));
    assert_eq!(*begun.borrow(), 20);
}

/// It would be answered when the server is back, and what it does be done for nobody.
#[tokio::test]
async fn what_is_asked_while_the_server_is_away_is_not_asked_later() {
    let mut house = House::start().await;
    let (asker, member) = (bus(&house).await, bus(&house).await);
    let (heard, all) = tokio::sync::watch::channel(vec![]);
    let answer = move |Clear { log }| {
        heard.send_modify(|heard| heard.push(log));
        async { Ok(Cleared { removed: 0, left: 0 }) }
    };
    let answering = member.answer(CLEAR_PROFILE, 4, answer, std::future::pending()).await.unwrap();
    drop(oo_runtime::task::spawn("member", answering));
    let ask = |log: &str| {
        let (asker, clear) = (asker.clone(), Clear { log: log.parse().unwrap() });
        async move { asker.ask_within(CLEAR_PROFILE, &clear, Duration::from_millis(500)).await }
    };
    house.nats[0].kill().await;
    eventually("it is missed", || async { (!asker.is_up().await).then_some(()) }).await;
    let away = ask("given-up-0123456789").await;
    assert!(matches!(away, Err(AskError::Away(_))), "{away:?}");
    house.nats[0].start().await.unwrap();
    eventually("it is back", || async { ask("asked-anew-0123456789").await.ok() }).await;
    assert!(all.borrow().iter().all(|log| log.as_str() == "asked-anew-0123456789"), "{:?}", all.borrow());
}

#[tokio::test]
async fn set_up_is_safe_to_repeat_and_refuses_another_shard_count() {
    let house = House::start_bare().await;
    let bus = bus(&house).await;
    let js = bus.jetstream();
    let (one, other) = tokio::join!(streams::set_up(js, 4, 1), streams::set_up(js, 4, 1));
    // Two at once may trip over each other; whoever did tries again.
    assert!(one.is_ok() || other.is_ok(), "{one:?} {other:?}");
    streams::set_up(js, 4, 1).await.unwrap();
    let refused = streams::set_up(js, 8, 1).await;
    assert!(matches!(&refused, Err(SetUpError::ShardsDiffer { found, wanted: 8 }) if found == "4"), "{refused:?}");
    assert!(refused.unwrap_err().to_string().contains("OO_LOG__SHARDS=4"));
    assert!(js.get_stream("OO_LOG_7").await.is_err(), "a refused set-up made a stream");
}

#[tokio::test]
async fn a_bucket_that_can_never_erase_anybody_is_refused() {
    let house = House::start_bare().await;
    let bus = bus(&house).await;
    let js = bus.jetstream();
    let config = async_nats::jetstream::kv::Config { bucket: streams::PEOPLE.into(), ..Default::default() };
    js.create_key_value(config).await.unwrap();
    let refused = streams::set_up(js, 4, 1).await;
    assert!(matches!(&refused, Err(SetUpError::KeepsForGood(name)) if name == streams::PEOPLE), "{refused:?}");
}

#[tokio::test]
async fn tips_of_all_shards_come_together_in_one_stream() {
    let house = House::start().await;
    let bus = bus(&house).await;
    for n in 0..40 {
        let somebody = place(&format!("somebody-{n:010}"));
        bus.append(SIGNALS, &somebody, &format!("s:{n}"), b"s".to_vec(), None).await.unwrap();
        bus.append(TIPS, &somebody, &format!("t:{n}"), b"t".to_vec(), None).await.unwrap();
    }
    let tips = eventually("40 tips", || async {
        let mut stream = bus.jetstream().get_stream(streams::TIPS).await.ok()?;
        let held = stream.info().await.ok()?.state.messages;
        (held >= 40).then_some(held)
    })
    .await;
    assert_eq!(tips, 40);
    tokio::time::timeout(Duration::from_secs(1), bus.settle()).await.unwrap();
}
