//! What is older than somebody wants goes, and what it came to stays, bit for bit, wherever it is interrupted.

use super::*;
use oo_contracts::ENTRY_VERSION;
use oo_contracts::decision::{Decision, Outcome, Silence};
use oo_contracts::entry::{Body, Entry};
use oo_contracts::signal::{Fact, Language, MoodLevel, Preferences, Signal};
use oo_domain::profile::FOLD_VERSION;
use oo_runtime::logbook::Read;
use oo_runtime::random;
use oo_subjects::streams::{PROFILE, shard_consumer};
use oo_subjects::{AppendError, SIGNALS};
use oo_testkit::{House, Running, eventually};

const KEEP: i64 = 30;

struct Scene {
    house: House,
    ctx: Context,
    ada: Arc<Person>,
}

impl Scene {
    async fn new() -> Self {
        let mut house = House::start().await;
        house.set([("OO_PROFILE__IDLE_SECONDS", "1")]);
        let ctx = house.context("test").await;
        let ada = ctx.people().await.unwrap().find_or_make(&"ada".parse().unwrap()).await.unwrap();
        Self { house, ctx, ada }
    }

    fn compaction(&self, grace: SignedDuration) -> Compaction {
        Compaction { grace, ..Compaction::new(&self.ctx, None) }
    }

    async fn compact(&self, grace: SignedDuration) {
        self.compaction(grace).compact(&self.ada, Some(days(KEEP)), 0).await.unwrap();
    }

    /// Something that happened so many days ago.
    async fn tell(&self, days_ago: i64, fact: Fact) -> u64 {
        let at = self.ctx.clock.now() - days(days_ago);
        let id = random::token();
        let signal = Signal { id: id.parse().unwrap(), user: self.ada.user.clone(), at, fact };
        self.ctx.logbook().append(&self.ada, &id, at, Body::Signal { signal }, None).await.unwrap().seq
    }

    async fn keep(&self, days_ago: i64, keep_days: Option<i64>) -> u64 {
        let keep_days = keep_days.map(KeepDays::saturating);
        self.tell(days_ago, Fact::Preferences { preferences: Preferences { keep_days, ..Preferences::default() } })
            .await
    }

    /// Forty days of moods, the last of them today.
    async fn live(&self) {
        self.tell(90, Fact::Zone { zone: "Asia/Tokyo".parse().unwrap() }).await;
        self.keep(80, Some(KEEP)).await;
        for day in (0..40).rev() {
            self.tell(day, mood(day % 5 + 1)).await;
        }
    }

    /// The profile service takes all that there is, and settles it.
    async fn settle(&self) -> Running {
        let node = self.house.serve("profile", crate::serve).await;
        eventually("all is settled", || async {
            let js = self.ctx.bus.jetstream();
            let stream = js.get_stream(self.ada.place.shard.stream()).await.ok()?;
            let info = stream.consumer_info(PROFILE).await.ok()?;
            (info.num_pending == 0 && info.num_ack_pending == 0).then_some(())
        })
        .await;
        node
    }

    async fn read(&self) -> Read {
        self.ctx.logbook().read(&self.ada, 0).await.unwrap()
    }

    async fn profile(&self) -> Profile {
        at_rest::fold(&self.read().await, u64::MAX).unwrap().unwrap()
    }

    /// The profile, how many entries stand in the log, and how many of them a checkpoint stands for.
    async fn look(&self) -> (Vec<u8>, usize, usize) {
        let read = self.read().await;
        let until = at_rest::checkpoint_of(&read).unwrap().map_or(0, |checkpoint| checkpoint.seq());
        let folded = at_rest::write(&at_rest::fold(&read, u64::MAX).unwrap().unwrap());
        (folded, read.entries.len(), read.entries.iter().filter(|numbered| numbered.seq <= until).count())
    }
}

fn mood(level: i64) -> Fact {
    Fact::Mood { level: MoodLevel::saturating(level) }
}

#[tokio::test]
async fn what_is_older_is_removed_a_day_later_and_the_profile_stays() {
    let scene = Scene::new().await;
    scene.live().await;
    let (whole, entries, _) = scene.look().await;
    // The zone, what is wanted, and the moods of thirty days ago and more.
    let old = 2 + 40 - KEEP as usize;
    let node = scene.settle().await;
    node.stop().await.unwrap();
    let (_, all, _) = scene.look().await;
    assert!(all >= entries, "wake-ups may have come");

    scene.compact(GRACE).await;
    let (folded, now, stood_for) = scene.look().await;
    assert_eq!((folded == whole, now, stood_for), (true, all, old), "nothing is removed at first");
    scene.compact(GRACE).await;
    assert_eq!(scene.look().await.1, all, "nor before a day is over");

    scene.compact(SignedDuration::ZERO).await;
    let (folded, now, stood_for) = scene.look().await;
    assert_eq!((folded == whole, now, stood_for), (true, all - old, 0));
    assert!(scene.read().await.entries.iter().all(|numbered| numbered.entry.at >= scene.ctx.clock.now() - days(KEEP)));
    scene.compact(SignedDuration::ZERO).await;
    assert_eq!(scene.look().await, (folded, now, 0), "there is nothing more to do");

    // Neither a snapshot from before nor none at all changes what the log says.
    let node = scene.house.serve("profile", crate::serve).await;
    let looked = scene.ctx.bus.ask(oo_subjects::LOOK, &oo_contracts::wire::Look { user: scene.ada.user.clone() }).await;
    assert_eq!(looked.unwrap().zone.as_str(), "Asia/Tokyo", "said in an entry that is no more");
    node.stop().await.unwrap();
}

#[tokio::test]
async fn what_is_not_settled_or_cannot_be_read_stays() {
    let scene = Scene::new().await;
    scene.tell(90, mood(1)).await;
    scene.keep(80, Some(KEEP)).await;
    scene.ctx.bus.append(SIGNALS, &scene.ada.place, "signal:g", b"garbage".to_vec(), None).await.unwrap();
    scene.tell(70, mood(2)).await;
    scene.tell(1, mood(3)).await;
    let (whole, entries, _) = scene.look().await;
    let stream = scene.ctx.bus.jetstream().get_stream(scene.ada.place.shard.stream()).await.unwrap();
    stream.create_consumer(shard_consumer()).await.unwrap();

    scene.compact(SignedDuration::ZERO).await;
    assert_eq!(scene.look().await, (whole.clone(), entries, 2), "up to what cannot be read");
    scene.compact(SignedDuration::ZERO).await;
    assert_eq!(scene.look().await, (whole, entries, 2), "nobody has taken them yet");
    assert_eq!(scene.read().await.unreadable.len(), 1);
}

#[tokio::test]
async fn of_two_that_compact_at_once_one_is_refused() {
    let scene = Scene::new().await;
    scene.live().await;
    let begun = scene.read().await;
    scene.compact(GRACE).await;
    let stale = at_rest::write(&at_rest::fold(&begun, begun.entries[1].seq).unwrap().unwrap());
    let refused = scene.ctx.logbook().keep_checkpoint(&scene.ada, &stale, 0).await;
    assert!(matches!(refused, Err(AppendError::Newer)), "{refused:?}");
}

/// Whatever somebody remembers of her: what she wants stands in the log.
#[tokio::test]
async fn what_is_taken_back_before_the_day_is_over_keeps_all() {
    let scene = Scene::new().await;
    scene.live().await;
    scene.settle().await.stop().await.unwrap();
    scene.compact(GRACE).await;
    let (_, entries, stood_for) = scene.look().await;
    assert!(stood_for > 0);
    scene.keep(0, Some(60)).await;
    scene.keep(0, Some(60)).await;
    scene.settle().await.stop().await.unwrap();
    scene.compact(SignedDuration::ZERO).await;
    let (_, left, _) = scene.look().await;
    assert!(left >= entries, "only what is older than sixty days may go: {left} of {entries}");
    scene.keep(0, None).await;
    scene.compact(SignedDuration::ZERO).await;
    assert!(scene.look().await.1 > left, "taken back");
}

/// By a clock that is a year ahead all would be old.
#[tokio::test]
async fn a_clock_that_is_wrong_removes_no_more_than_the_newest_entry_allows() {
    let scene = Scene::new().await;
    scene.live().await;
    scene.settle().await.stop().await.unwrap();
    let late = scene.ctx.clock.now() + days(365);
    let (whole, entries, _) = scene.look().await;
    for _ in 0..2 {
        scene.compaction(SignedDuration::ZERO).compact_log(&scene.ada, 0, late).await.unwrap();
    }
    let (folded, left, _) = scene.look().await;
    assert!(folded == whole && left < entries && left >= KEEP as usize - 2, "{left} of {entries}");
}

#[tokio::test]
async fn nothing_is_removed_of_who_did_not_ask_for_it() {
    let scene = Scene::new().await;
    scene.tell(90, mood(1)).await;
    scene.tell(1, mood(2)).await;
    scene.settle().await.stop().await.unwrap();
    for _ in 0..2 {
        scene.compact(SignedDuration::ZERO).await;
    }
    assert_eq!(
        scene.read().await.entries.iter().filter(|one| matches!(one.entry.body, Body::Signal { .. })).count(),
        2
    );
    assert!(scene.ctx.bus.checkpoint(&scene.ada.place).await.unwrap().is_none());
}

#[tokio::test]
async fn who_has_nothing_to_wait_for_is_woken_once_a_day_to_be_compacted() {
    let scene = Scene::new().await;
    let now = scene.ctx.clock.now();
    assert_eq!(crate::behavior::wake(&scene.profile().await, None, now), [], "nothing is linked");
    scene.keep(1, Some(KEEP)).await;
    let wake = crate::behavior::wake(&scene.profile().await, None, now);
    assert!(
        matches!(wake[..], [crate::behavior::Effect::WakeAt(at, _)] if at > now && at <= now + days(1)),
        "{wake:?}"
    );
    assert_eq!(
        wake,
        crate::behavior::wake(&scene.profile().await, None, now + SignedDuration::from_secs(1)),
        "set once"
    );
}

#[tokio::test]
async fn who_leaves_memory_is_compacted() {
    let scene = Scene::new().await;
    scene.live().await;
    let node = scene.settle().await;
    eventually("a checkpoint", || async { scene.ctx.bus.checkpoint(&scene.ada.place).await.unwrap() }).await;
    node.stop().await.unwrap();
}

#[tokio::test]
async fn decisions_go_by_their_own_days() {
    let scene = Scene::new().await;
    scene.tell(90, mood(1)).await;
    for day in (0..100).rev() {
        let decision = Decision {
            v: ENTRY_VERSION,
            id: format!("decision-{day:03}").parse().unwrap(),
            at: scene.ctx.clock.now() - days(day),
            seq: 1,
            outcome: Outcome::Unavailable { silence: Silence::NoConsent },
            training: false,
        };
        scene.ctx.logbook().keep_decision(&scene.ada, &decision).await.unwrap();
    }
    // Whoever wants their entries kept for longer keeps no decision for longer than others.
    for (count, keep) in [(80, None), (60, Some(days(365)))] {
        Compaction::new(&scene.ctx, Some(KeepDays::saturating(count))).compact(&scene.ada, keep, 0).await.unwrap();
        assert_eq!(scene.ctx.bus.decisions(&scene.ada.place).await.unwrap().len(), count as usize);
    }
    let late = scene.ctx.clock.now() + days(365);
    let compaction = Compaction::new(&scene.ctx, None);
    compaction.forget_decisions(&scene.ada, late, days(50)).await.unwrap();
    assert!(scene.ctx.bus.decisions(&scene.ada.place).await.unwrap().len() >= 48, "by a clock that is a year ahead");
    assert!(scene.ctx.bus.checkpoint(&scene.ada.place).await.unwrap().is_none(), "no entry was asked to go");
}

/// A checkpoint by each fold that may have made one.
const FOLDS: [(u32, &str); 2] = [(4, include_str!("checkpoint-4.json")), (5, include_str!("checkpoint-5.json"))];

/// Whoever changes the fold must go on with this one: entries that it stands for are no more.
#[test]
fn a_checkpoint_of_each_fold_that_there_was_can_be_gone_on_with() {
    for (fold, text) in FOLDS {
        let read = Read { checkpoint: Some(opened(text)), ..Read::default() };
        let mut profile = at_rest::checkpoint_of(&read).unwrap().unwrap();
        assert!(profile.seq() > 0 && profile.learnt().is_some() && !profile.lives().is_empty(), "fold {fold}");
        // Whoever has something removed has chosen how they want it, their language as well.
        let at = Timestamp::UNIX_EPOCH;
        let fact = Fact::Language { language: Language::De };
        let signal = Signal { id: "one".parse().unwrap(), user: "ada".parse().unwrap(), at, fact };
        profile.fold(u64::MAX, &Entry { v: ENTRY_VERSION, at, body: Body::Signal { signal } });
        assert_eq!(profile.preferences().language, Language::En, "fold {fold}");
    }
    let newer = opened(&format!(r#"{{"fold":{},"profile":{{}}}}"#, FOLD_VERSION + 1));
    let refused = at_rest::checkpoint_of(&Read { checkpoint: Some(newer), ..Read::default() });
    assert!(matches!(refused, Err(at_rest::RestoreError::Newer(_))), "{refused:?}");
}

fn opened(text: &str) -> oo_runtime::logbook::Opened {
    let profile = text.as_bytes().to_vec().into();
    oo_runtime::logbook::Opened { number: 1, at: Timestamp::UNIX_EPOCH, profile }
}
