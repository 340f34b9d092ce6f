//! The protocol of one writer, tried in every order: two nodes that may both believe to own a person, deliveries that come
//! late, again or in another order, answers that are lost, wake-ups, a crash between any two steps, and in a cluster a
//! signal that still replicates while a tip is given.
//!
//! What an actor decides is the code's own: `Reactions`, `behavior`, the router's `is_gap`, the domain's fold. The servers
//! are what was measured of them (ADR 2, 3 and 10), in `world.rs`. Small scenes are looked at exhaustively with every test
//! run; `cargo xtask model` allows each fault once more. To show that this finds anything, each protection is also taken
//! away, and what then goes wrong must be found.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that says how much it looked at")]

mod known;
mod search;
mod world;

use oo_contracts::Timestamp;
use oo_contracts::entry::{Body, Entry};
use oo_contracts::signal::{Budget, Event, Fact, Preferences, Priority, Signal, Task};
use oo_contracts::tip::Subject;
use oo_contracts::{ENTRY_VERSION, Provider, Ref};
use oo_domain::moments;
use oo_domain::profile::Profile;
use oo_domain::tip_life::{State, Withdrawal};
use search::{Model, search};
use world::{Action, Faults, World};

/// Told how many times more than in the tests each fault may be.
const MORE: &str = "OO_MODEL_MORE";

/// What happens, how often something may go wrong, and which protection is missing.
#[derive(Debug, Clone, Default)]
struct Scene {
    /// In the log when it begins; only the last of them is not settled yet.
    before: Vec<Fact>,
    /// Told by clients at any time, in any order.
    told: Vec<Fact>,
    /// What is appended replicates for a while.
    cluster: bool,
    faults: Faults,
    without: Option<Protection>,
}

/// What keeps the protocol right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protection {
    /// The log compares before it takes a tip.
    ComparedTips,
    /// It does before it takes a wake-up.
    ComparedWakeUps,
    /// In a cluster, one comparison of a person is under way at a time.
    OneComparison,
    /// A gap in what is delivered lets the log be read.
    Generations,
    /// A log is read as it stood at one instant.
    WholeReads,
    /// That instant is one at which it held what was heard of.
    ReadsAsHeard,
    /// A delivery is settled when what follows from it is done.
    SettledLast,
    /// The same signal twice is one entry.
    MessageIds,
}

impl Model for Scene {
    type State = World;
    type Action = Action;

    fn first(&self) -> World {
        World::of(self)
    }

    fn actions(&self, world: &World) -> Vec<Action> {
        world.actions(self)
    }

    fn after(&self, world: &World, action: Action) -> World {
        let mut next = world.clone();
        next.go(self, action);
        next
    }
}

/// What is so in some states.
type Rule = (&'static str, fn(&Scene, &World) -> bool);

const ONCE: Rule = ("an acknowledged signal is in the log, once", |scene, world| {
    (0..scene.told.len()).all(|n| {
        let count = world.log.iter().filter(|entry| world::is_signal(entry, n)).count();
        count <= 1 && (count == 1 || !world.is_acknowledged(n))
    })
});
const FRESH: Rule = ("every profile is a fresh fold of its log", |_, world| {
    let is_fold = |profile: &Profile| *world.folds[profile.seq() as usize] == *profile;
    world.snapshot.iter().all(|profile| is_fold(profile)) && world.profiles().all(is_fold)
});
const ONE_LIVE: Rule = ("nobody has two live tips", |_, world| {
    let replaced = State::Withdrawn { why: Withdrawal::Replaced };
    world.truth().lives().iter().all(|life| life.state != replaced)
});
const BUDGET: Rule = ("nobody has more tips than the budget", |_, world| {
    world.truth().given_today(world.now) <= world.truth().preferences().budget.get()
});
const NOT_DONE: Rule = ("no tip is live about what is done", |_, world| {
    let live = world.truth().live_tip(world.now).map(|tip| tip.subject.clone());
    live != Some(Subject::Todo { task: milk() }) || !world.log.iter().any(|entry| is_done(entry))
});
const NEVER_STUCK: Rule = ("every run can settle", |scene, world| {
    world.is_settled() || world.actions(scene).iter().any(|action| !action.is_fault())
});
const IN_TIME: Rule = ("whoever is settled is looked at again in time", |_, world| {
    !world.is_settled()
        || moments::next_look(world.truth(), world.now, None).is_none_or(|at| world.agenda.is_some_and(|set| set <= at))
});

/// What must always be so. That each run ends follows from the actions: none can be taken for ever.
const ALWAYS: [Rule; 7] = [ONCE, FRESH, ONE_LIVE, BUDGET, NOT_DONE, NEVER_STUCK, IN_TIME];

const SETTLED: Rule =
    ("all is settled, with a tip given", |_, world| world.is_settled() && world.truth().last_given().is_some());
const TWO_NODES: Rule = ("two nodes hold the same person", |_, world| world.profiles().count() == 2);
const SLIPPED_IN: Rule = ("a signal slips in before a tip", |_, world| {
    let mut numbered = world.log.iter().zip(1..);
    numbered.any(|(entry, seq)| matches!(&entry.body, Body::Tip { tip } if tip.decided_seq + 1 < seq))
});

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn milk() -> Ref {
    Ref { account: "a1".parse().expect("an id"), item: "milk".parse().expect("an id") }
}

fn is_done(entry: &Entry) -> bool {
    matches!(&entry.body, Body::Signal { signal } if matches!(signal.fact, Fact::TaskCompleted { .. }))
}

fn entry(id: &str, at: Timestamp, fact: Fact) -> Entry {
    let signal = Signal { id: id.parse().expect("an id"), user: "ada".parse().expect("an id"), at, fact };
    Entry { v: ENTRY_VERSION, at, body: Body::Signal { signal } }
}

fn task() -> Fact {
    let task = Task {
        reference: milk(),
        due: None,
        priority: Priority::saturating(4),
        minutes: None,
        recurring: false,
        added_at: None,
    };
    Fact::TaskAdded { task }
}

/// A meeting that has begun.
fn meeting(until: &str) -> Fact {
    let reference = Ref { item: "meeting".parse().expect("an id"), ..milk() };
    let event = Event { reference, start: at("2026-11-18T09:30:00Z"), end: at(until), busy: true, all_day: false };
    Fact::EventUpserted { event }
}

/// Somebody with an account, one tip a day, and something to do.
fn before() -> Vec<Fact> {
    let preferences = Preferences { budget: Budget::saturating(1), ..Preferences::default() };
    let account = milk().account;
    vec![Fact::Preferences { preferences }, Fact::AccountLinked { account, provider: Provider::Todoist }, task()]
}

/// A task is done elsewhere while this goes wrong.
fn done_while(faults: Faults) -> Scene {
    Scene { before: before(), told: vec![Fact::TaskCompleted { task: milk() }], faults, ..Scene::default() }
}

/// A node crashes.
fn crashes() -> Scene {
    done_while(Faults { crashes: 1, ..Faults::default() })
}

/// A node is taken for dead.
fn take_overs() -> Scene {
    done_while(Faults { take_overs: 1, ..Faults::default() })
}

/// Both, in any order, while nobody says anything.
fn fail_over() -> Scene {
    let faults = Faults { crashes: 1, take_overs: 1, ..Faults::default() };
    Scene { told: vec![], ..done_while(faults) }
}

/// Answers are lost on their way, and deliveries come once too often.
fn lost_answers() -> Scene {
    done_while(Faults { lost_answers: 1, early: 1, ..Faults::default() })
}

/// People leave memory and come back, pages look, Redis forgets, time passes.
fn memory() -> Scene {
    done_while(Faults { rests: 1, looks: 1, forgotten: 1, waits: 1, ..Faults::default() })
}

/// Three servers.
fn cluster() -> Scene {
    Scene { cluster: true, ..done_while(Faults { take_overs: 1, ..Faults::default() }) }
}

/// A meeting becomes longer and shorter again.
fn meetings(faults: Faults) -> Scene {
    let half_past = |hour: u8| meeting(&format!("2026-11-18T{hour}:30:00Z"));
    let mut before = before();
    before[2] = half_past(12);
    Scene { before, told: vec![half_past(13), half_past(12)], faults, ..Scene::default() }
}

/// A node goes on for a while after it has lost the shard.
fn zombie() -> Scene {
    meetings(Faults { take_overs: 1, ..Faults::default() })
}

/// The shard is handed over, and comes back.
fn back_and_forth() -> Scene {
    meetings(Faults { hand_overs: 2, ..Faults::default() })
}

/// The same, with a replica that lags.
fn lagging(told: Vec<Fact>) -> Scene {
    let scene = meetings(Faults { hand_overs: 2, behind: 2, ..Faults::default() });
    Scene { told, ..scene }
}

/// Looks at all that can happen; each of `sometimes` must, or the scene shows less than it seems to.
fn check(name: &str, mut scene: Scene, sometimes: &[Rule]) {
    let more = oo_runtime::Source::from_env().get(MORE).map_or(0, |more| more.parse().expect("a small number"));
    scene.faults = scene.faults.each_more(more);
    let mut broken = None;
    let mut unseen = sometimes.to_vec();
    let searched = search(&scene, |world| {
        unseen.retain(|(_, is_so)| !is_so(&scene, world));
        broken = ALWAYS.iter().find(|(_, is_so)| !is_so(&scene, world));
        broken.is_none()
    });
    println!("{name}: {} states, up to {} steps", searched.states, searched.deep);
    assert!(broken.is_none(), "{name}: not so: {}, after {:#?}", broken.unwrap().0, searched.refused);
    assert!(unseen.is_empty(), "{name}: it never came to: {:?}", unseen.iter().map(|rule| rule.0).collect::<Vec<_>>());
}

/// Looks for what goes wrong without a protection.
fn fails((rule, is_so): Rule, without: Protection, scene: Scene) {
    let scene = Scene { without: Some(without), ..scene };
    let searched = search(&scene, |world| is_so(&scene, world));
    let way = searched.refused.unwrap_or_else(|| panic!("without {without:?} still: {rule}"));
    println!("without {without:?}: {rule} no longer, after {way:?}");
}

#[test]
fn whatever_crashes_nothing_is_lost_and_nothing_given_twice() {
    check("crashes", crashes(), &[SETTLED]);
    check("fail-over", fail_over(), &[SETTLED, TWO_NODES]);
}

#[test]
fn whatever_answer_is_lost_nothing_is_given_twice() {
    check("lost answers", lost_answers(), &[SETTLED]);
}

#[test]
fn memory_that_comes_and_goes_changes_nothing() {
    check("memory", memory(), &[SETTLED, TWO_NODES]);
}

#[test]
fn a_node_that_lost_the_shard_and_does_not_know_harms_nobody() {
    check("take-overs", take_overs(), &[SETTLED, TWO_NODES]);
    check("zombie", zombie(), &[TWO_NODES]);
}

#[test]
fn a_shard_that_goes_and_comes_back_is_looked_at_in_time() {
    check("back and forth", back_and_forth(), &[TWO_NODES]);
}

#[test]
fn a_replica_that_lags_leaves_no_hole() {
    check("lagging", lagging(meetings(Faults::default()).told), &[TWO_NODES]);
}

#[test]
fn in_a_cluster_what_slips_in_before_a_tip_takes_it_back() {
    check("cluster", cluster(), &[SETTLED, TWO_NODES, SLIPPED_IN]);
}

#[test]
fn without_a_protection_it_is_found_what_goes_wrong() {
    fails(ONE_LIVE, Protection::ComparedTips, fail_over());
    fails(ONE_LIVE, Protection::OneComparison, cluster());
    // What is missed must not be what is said again.
    let missed = vec![meeting("2026-11-18T13:30:00Z"), Fact::TaskCompleted { task: milk() }];
    fails(FRESH, Protection::Generations, Scene { told: missed.clone(), ..back_and_forth() });
    fails(FRESH, Protection::ReadsAsHeard, lagging(missed));
    fails(FRESH, Protection::WholeReads, memory());
    fails(IN_TIME, Protection::ComparedWakeUps, zombie());
    fails(IN_TIME, Protection::SettledLast, crashes());
    fails(ONCE, Protection::MessageIds, lost_answers());
}
