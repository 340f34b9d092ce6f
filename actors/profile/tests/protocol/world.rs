//! The servers, two nodes and the clients of one person, and every step that any of them can take.

use crate::known::Known;
use crate::{Protection, Scene, at, entry};
use oo_contracts::decision::{Ask, Choice, Recommendation};
use oo_contracts::entry::{Body, Entry};
use oo_contracts::{ENTRY_VERSION, Timestamp};
use oo_domain::profile::Profile;
use oo_profile::behavior::{Dice, Effect};
use oo_profile::reactions::{Reactions, Step, is_gap};
use oo_runtime::logbook::{Numbered, Read};
use oo_subjects::streams::MAX_DELIVER;
use std::collections::{BTreeMap, BTreeSet};

/// How often each thing may go wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Faults {
    /// A node dies and is there again with empty hands.
    pub(crate) crashes: u8,
    /// The server gives the shard to the other node, whatever the first one does meanwhile.
    pub(crate) take_overs: u8,
    /// It does so when the first one has nothing in hand.
    pub(crate) hand_overs: u8,
    /// The log did what it was asked to, or did not, and nobody hears of it; or the recommender does not answer.
    pub(crate) lost_answers: u8,
    /// An entry is delivered again to a node that has it.
    pub(crate) early: u8,
    /// Somebody idle leaves memory.
    pub(crate) rests: u8,
    /// A page asks a node, be it the owner or not.
    pub(crate) looks: u8,
    /// Redis loses the snapshot.
    pub(crate) forgotten: u8,
    /// Time passes until the next wake-up.
    pub(crate) waits: u8,
    /// A read is answered by a replica that lags as far behind as it may.
    pub(crate) behind: u8,
}

impl Faults {
    /// The same for a larger scene.
    pub(crate) fn each_more(self, by: u8) -> Self {
        let more = |times: u8| if times == 0 { 0 } else { times.saturating_add(by) };
        Self {
            crashes: more(self.crashes),
            take_overs: more(self.take_overs),
            hand_overs: more(self.hand_overs),
            lost_answers: more(self.lost_answers),
            early: more(self.early),
            rests: more(self.rests),
            looks: more(self.looks),
            forgotten: more(self.forgotten),
            waits: more(self.waits),
            behind: more(self.behind),
        }
    }
}

/// One step. Numbers are nodes, clients or sequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// A client tells its signal, and hears that the log has it.
    Tell(usize),
    /// It does not hear.
    TellUnheard(usize),
    /// What replicated longest is applied.
    Apply,
    /// The consumer delivers the next entry to the pinned node.
    Deliver,
    /// An entry that nobody there holds is delivered again.
    Redeliver(u64),
    RedeliverEarly(u64),
    /// The actor takes a delivery, waking if it must.
    Take(usize),
    /// The next effect is carried out.
    Do(usize),
    DoUnheard(usize),
    FailToDo(usize),
    /// The actor hears how its step ended.
    Hear(usize),
    /// The wake-up comes due and is appended.
    Fire,
    Wait,
    Crash(usize),
    TakeOver,
    HandOver,
    Rest(usize),
    Look(usize),
    ForgetSnapshot,
    /// The replica that a node reads from next lags.
    Behind(usize),
}

impl Action {
    /// Whether this need not happen.
    pub(crate) fn is_fault(self) -> bool {
        use Action::*;
        match self {
            Tell(_) | Apply | Deliver | Redeliver(_) | Take(_) | Do(_) | Hear(_) | Fire => false,
            TellUnheard(_) | RedeliverEarly(_) | DoUnheard(_) | FailToDo(_) | Wait | Crash(_) | TakeOver | HandOver
            | Rest(_) | Look(_) | ForgetSnapshot | Behind(_) => true,
        }
    }
}

/// Everything at one instant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) now: Timestamp,
    /// The person's log. A sequence is the place, counted from one.
    pub(crate) log: Vec<Known<Entry>>,
    /// What each beginning of the log folds to.
    pub(crate) folds: Vec<Known<Profile>>,
    /// Taken by the leader and not applied yet, with who waits for it.
    replicating: Vec<(Known<Entry>, Asker)>,
    pub(crate) agenda: Option<Timestamp>,
    consumer: Consumer,
    pub(crate) snapshot: Option<Known<Profile>>,
    nodes: [Node; 2],
    /// Whether the replica that answers a node's next read lags.
    behind: [bool; 2],
    clients: Vec<Client>,
    left: Faults,
}

/// Who asked the log for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Asker {
    Client(usize),
    /// With a comparison.
    Node(usize),
    Server,
}

/// The shard's consumer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Consumer {
    pinned: usize,
    next: u64,
    /// How many deliveries there were.
    count: u64,
    /// Not settled: sequences, and how often each was delivered.
    waiting: BTreeMap<u64, usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Client {
    Waits,
    /// The log may have it.
    Unsure,
    Acknowledged,
}

/// A node, as far as this person goes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Node {
    /// What the router knows: the count of its last delivery, and its generation.
    last: Option<u64>,
    generation: u64,
    /// Delivered and not taken: sequence and generation.
    mailbox: Vec<(u64, u64)>,
    /// Taken and not settled.
    holds: BTreeSet<u64>,
    actor: Option<Known<Actor>>,
    doing: Option<Known<Step>>,
    ended: Option<Known<Ended>>,
}

#[derive(Debug, Clone)]
struct Actor {
    reactions: Reactions<u64>,
    generation: u64,
}

/// How a step ended.
#[derive(Debug, Clone)]
enum Ended {
    Recommended(Box<Ask>, Option<Box<Recommendation>>),
    /// Where the tip is; `None` for a refusal, or when nothing was heard.
    Appended(Option<u64>),
    CarriedOut(bool),
}

impl Node {
    fn has_nothing_in_hand(&self) -> bool {
        self.mailbox.is_empty() && self.doing.is_none() && self.ended.is_none()
    }

    fn begin(&mut self, mut step: Step) {
        // Decisions go elsewhere, and one that is kept twice is one.
        step.effects.retain(|effect| !matches!(effect, Effect::Keep(_)));
        if step.effects.is_empty() {
            self.end(Ended::CarriedOut(true));
        } else {
            self.doing = Some(Known::new(step));
        }
    }

    fn end(&mut self, ended: Ended) {
        self.doing = None;
        self.ended = Some(Known::new(ended));
    }
}

/// Whether an entry is what a client told.
pub(crate) fn is_signal(entry: &Entry, client: usize) -> bool {
    matches!(&entry.body, Body::Signal { signal } if signal.id.as_str() == id(client))
}

fn id(client: usize) -> String {
    format!("told-{client}")
}

impl World {
    pub(crate) fn of(scene: &Scene) -> Self {
        let mut world = Self {
            now: at("2026-11-18T09:40:00Z"),
            log: vec![],
            folds: vec![Known::new(Profile::new())],
            replicating: vec![],
            agenda: None,
            consumer: Consumer { pinned: 0, next: scene.before.len() as u64, count: 0, waiting: BTreeMap::new() },
            snapshot: None,
            nodes: Default::default(),
            behind: [false; 2],
            clients: vec![Client::Waits; scene.told.len()],
            left: scene.faults,
        };
        for (n, fact) in scene.before.iter().enumerate() {
            world.append(Known::new(entry(&format!("before-{n}"), world.now, fact.clone())));
        }
        world
    }

    /// What the whole log folds to.
    pub(crate) fn truth(&self) -> &Profile {
        &self.folds[self.log.len()]
    }

    /// The profiles in memory.
    pub(crate) fn profiles(&self) -> impl Iterator<Item = &Profile> {
        self.nodes.iter().filter_map(|node| Some(node.actor.as_ref()?.reactions.profile()))
    }

    pub(crate) fn is_acknowledged(&self, client: usize) -> bool {
        self.clients[client] == Client::Acknowledged
    }

    /// Whether all that was told is in the log and reacted to, and nobody is in the middle of anything.
    pub(crate) fn is_settled(&self) -> bool {
        self.clients.iter().all(|client| *client == Client::Acknowledged)
            && self.replicating.is_empty()
            && self.consumer.next > self.last()
            && self.consumer.waiting.is_empty()
            && self.nodes.iter().all(Node::has_nothing_in_hand)
    }

    /// Everything that can happen now.
    pub(crate) fn actions(&self, scene: &Scene) -> Vec<Action> {
        let left = &self.left;
        let mut actions = Vec::new();
        for (n, client) in self.clients.iter().enumerate() {
            let replicates = self.replicating.iter().any(|(_, asker)| *asker == Asker::Client(n));
            if *client != Client::Acknowledged && !replicates {
                actions.push(Action::Tell(n));
                actions.extend((left.lost_answers > 0 && !scene.cluster).then_some(Action::TellUnheard(n)));
            }
        }
        actions.extend((!self.replicating.is_empty()).then_some(Action::Apply));
        actions.extend((self.consumer.next <= self.last()).then_some(Action::Deliver));
        for seq in self.consumer.waiting.keys().copied() {
            let node = &self.nodes[self.consumer.pinned];
            let is_held = node.holds.contains(&seq) || node.mailbox.iter().any(|(held, _)| *held == seq);
            if !is_held {
                actions.push(Action::Redeliver(seq));
            } else if left.early > 0 {
                actions.push(Action::RedeliverEarly(seq));
            }
        }
        for (n, node) in self.nodes.iter().enumerate() {
            actions.extend((!node.mailbox.is_empty()).then_some(Action::Take(n)));
            if node.doing.is_some() && !self.replicating.iter().any(|(_, asker)| *asker == Asker::Node(n)) {
                actions.push(Action::Do(n));
                if left.lost_answers > 0 {
                    actions.push(Action::FailToDo(n));
                    actions.extend((!scene.cluster).then_some(Action::DoUnheard(n)));
                }
            }
            actions.extend(node.ended.is_some().then_some(Action::Hear(n)));
            actions.extend((left.crashes > 0 && *node != Node::default()).then_some(Action::Crash(n)));
            actions.extend((left.looks > 0).then_some(Action::Look(n)));
            actions.extend((left.behind > 0 && !self.behind[n]).then_some(Action::Behind(n)));
            let is_idle = node.actor.as_ref().is_some_and(|actor| actor.reactions.is_idle());
            actions.extend((left.rests > 0 && is_idle && node.mailbox.is_empty()).then_some(Action::Rest(n)));
        }
        if let Some(wake) = self.agenda {
            if wake <= self.now {
                actions.push(Action::Fire);
            } else if left.waits > 0 {
                actions.push(Action::Wait);
            }
        }
        actions.extend((left.take_overs > 0).then_some(Action::TakeOver));
        let is_free = self.nodes[self.consumer.pinned].has_nothing_in_hand();
        actions.extend((left.hand_overs > 0 && is_free).then_some(Action::HandOver));
        actions.extend((left.forgotten > 0 && self.snapshot.is_some()).then_some(Action::ForgetSnapshot));
        actions
    }

    pub(crate) fn go(&mut self, scene: &Scene, action: Action) {
        match action {
            Action::Tell(n) => self.tell(scene, n, true),
            Action::TellUnheard(n) => {
                self.left.lost_answers -= 1;
                self.tell(scene, n, false);
            }
            Action::Apply => self.apply(),
            Action::Deliver => {
                let seq = self.consumer.next;
                self.consumer.next += 1;
                self.deliver(seq);
            }
            Action::Redeliver(seq) => self.deliver(seq),
            Action::RedeliverEarly(seq) => {
                self.left.early -= 1;
                self.deliver(seq);
            }
            Action::Take(n) => self.take(scene, n),
            Action::Do(n) => self.carry_out(scene, n, true),
            Action::DoUnheard(n) => {
                self.left.lost_answers -= 1;
                self.carry_out(scene, n, false);
            }
            Action::FailToDo(n) => {
                self.left.lost_answers -= 1;
                let step = self.nodes[n].doing.take().expect("something to do");
                self.nodes[n].end(failed(&step.effects[0]));
            }
            Action::Hear(n) => self.hear(scene, n),
            Action::Wait => {
                self.left.waits -= 1;
                self.now = self.agenda.expect("a wake-up");
            }
            Action::Fire => self.fire(scene),
            Action::Crash(n) => {
                self.left.crashes -= 1;
                self.nodes[n] = Node::default();
            }
            Action::TakeOver => {
                self.left.take_overs -= 1;
                self.consumer.pinned = 1 - self.consumer.pinned;
            }
            Action::HandOver => {
                self.left.hand_overs -= 1;
                self.consumer.pinned = 1 - self.consumer.pinned;
            }
            Action::Rest(n) => {
                self.left.rests -= 1;
                let actor = self.nodes[n].actor.take().expect("somebody to rest");
                let profile = actor.reactions.profile();
                if self.snapshot.as_ref().is_none_or(|kept| kept.seq() < profile.seq()) {
                    self.snapshot = Some(Known::new(profile.clone()));
                }
            }
            Action::Look(n) => {
                self.left.looks -= 1;
                self.wake(n);
                let read = self.read(scene, n, 0);
                self.nodes[n].actor.as_mut().expect("just woken").with(|actor| actor.reactions.read(&read).unwrap());
            }
            Action::ForgetSnapshot => {
                self.left.forgotten -= 1;
                self.snapshot = None;
            }
            Action::Behind(n) => {
                self.left.behind -= 1;
                self.behind[n] = true;
            }
        }
    }

    fn last(&self) -> u64 {
        self.log.len() as u64
    }

    fn append(&mut self, entry: Known<Entry>) -> u64 {
        let mut profile = Profile::clone(&self.folds[self.log.len()]);
        profile.fold(self.last() + 1, &entry);
        self.folds.push(Known::new(profile));
        self.log.push(entry);
        self.last()
    }

    /// Takes what is appended without a comparison.
    fn propose(&mut self, scene: &Scene, entry: Known<Entry>, asker: Asker) {
        if scene.cluster {
            self.replicating.push((entry, asker));
        } else {
            self.append(entry);
        }
    }

    fn tell(&mut self, scene: &Scene, n: usize, heard: bool) {
        let is_there = self.log.iter().any(|entry| is_signal(entry, n));
        if !is_there || scene.without == Some(Protection::MessageIds) {
            let entry = Known::new(entry(&id(n), self.now, scene.told[n].clone()));
            self.propose(scene, entry, Asker::Client(n));
        }
        if !scene.cluster {
            self.clients[n] = if heard { Client::Acknowledged } else { Client::Unsure };
        }
    }

    fn apply(&mut self) {
        let (entry, asker) = self.replicating.remove(0);
        let seq = self.append(entry);
        match asker {
            Asker::Client(n) => self.clients[n] = Client::Acknowledged,
            Asker::Node(n) => {
                // A node that died meanwhile does not wait any more.
                if self.nodes[n].doing.is_some() {
                    self.nodes[n].end(Ended::Appended(Some(seq)));
                }
            }
            Asker::Server => {}
        }
    }

    fn deliver(&mut self, seq: u64) {
        let tries = self.consumer.waiting.entry(seq).or_default();
        *tries += 1;
        if *tries > usize::try_from(MAX_DELIVER).expect("a few") {
            self.consumer.waiting.remove(&seq);
            return;
        }
        self.consumer.count += 1;
        let node = &mut self.nodes[self.consumer.pinned];
        // A router that just began to pull has a generation of its own too.
        if node.last.is_none() || is_gap(node.last, self.consumer.count) {
            node.generation += 1;
        }
        node.last = Some(self.consumer.count);
        node.mailbox.push((seq, node.generation));
    }

    /// As `PersonActor::pre_start`.
    fn wake(&mut self, n: usize) {
        if self.nodes[n].actor.is_none() {
            let profile = self.snapshot.as_ref().map_or_else(Profile::new, |kept| Profile::clone(kept));
            let mut reactions = Reactions::of(profile);
            let until = if std::mem::take(&mut self.behind[n]) { 0 } else { self.last() };
            reactions.read(&self.whole(reactions.profile().seq(), until)).unwrap();
            self.nodes[n].actor = Some(Known::new(Actor { reactions, generation: 0 }));
        }
    }

    /// As `State::on_delivery`.
    fn take(&mut self, scene: &Scene, n: usize) {
        self.wake(n);
        let (seq, generation) = self.nodes[n].mailbox.remove(0);
        let is_gap = self.nodes[n].actor.as_ref().is_some_and(|actor| actor.generation != generation)
            && scene.without != Some(Protection::Generations);
        let heard = if scene.without == Some(Protection::ReadsAsHeard) { 0 } else { seq };
        let read = if is_gap { self.read(scene, n, heard) } else { Read::default() };
        let entry = self.log[seq as usize - 1].clone();
        let now = self.now;
        let node = &mut self.nodes[n];
        let step = node.actor.as_mut().expect("just woken").with(|Actor { reactions, generation: own }| {
            if is_gap {
                reactions.read(&read).unwrap();
                *own = generation;
            }
            reactions.deliver(seq, &entry);
            reactions.settle_later(seq);
            reactions.begin(now, dice(n, now))
        });
        node.holds.insert(seq);
        if let Some(step) = step {
            node.begin(step);
        }
        if scene.without == Some(Protection::SettledLast) {
            self.consumer.waiting.remove(&seq);
        }
    }

    /// As `carry_out`, one effect at a time.
    fn carry_out(&mut self, scene: &Scene, n: usize, heard: bool) {
        let mut step = Step::clone(self.nodes[n].doing.as_ref().expect("something to do"));
        let effect = step.effects.remove(0);
        let newer = |after: Option<u64>| after.is_some_and(|after| after < self.last());
        let ended = match &effect {
            Effect::AskForTip(ask) => Some(Ended::Recommended(ask.clone(), choose_first(ask).map(Box::new))),
            Effect::GiveTip(tip) => {
                let compares = scene.without != Some(Protection::ComparedTips);
                let is_one = scene.without == Some(Protection::OneComparison)
                    || !self.replicating.iter().any(|(_, asker)| matches!(asker, Asker::Node(_)));
                if compares && (newer(step.after) || !is_one) {
                    Some(Ended::Appended(None))
                } else {
                    let body = Body::Tip { tip: (**tip).clone() };
                    let entry = Known::new(Entry { v: ENTRY_VERSION, at: self.now, body });
                    if scene.cluster {
                        self.replicating.push((entry, Asker::Node(n)));
                        return;
                    }
                    Some(Ended::Appended(Some(self.append(entry))))
                }
            }
            Effect::Keep(_) => unreachable!("not begun"),
            Effect::WakeAt(at, _) => {
                if newer(step.after) && scene.without != Some(Protection::ComparedWakeUps) {
                    Some(Ended::Appended(None))
                } else {
                    self.agenda = Some(*at);
                    None
                }
            }
        };
        let node = &mut self.nodes[n];
        match if heard { ended } else { Some(failed(&effect)) } {
            Some(ended) => node.end(ended),
            None => node.begin(step),
        }
    }

    /// As `State::handle`.
    fn hear(&mut self, scene: &Scene, n: usize) {
        let ended = Ended::clone(&self.nodes[n].ended.take().expect("something to hear"));
        let now = self.now;
        let read = match &ended {
            Ended::Appended(Some(seq)) => self.whole(self.known(n), *seq),
            Ended::Appended(None) => self.read(scene, n, 0),
            Ended::Recommended(..) | Ended::CarriedOut(_) => Read::default(),
        };
        let node = &mut self.nodes[n];
        let (step, settled) = node.actor.as_mut().expect("it waits").with(|Actor { reactions, .. }| match ended {
            Ended::Recommended(ask, answer) => {
                (Some(reactions.recommended(*ask, answer.map(|answer| *answer), now)), vec![])
            }
            Ended::Appended(seq) => {
                reactions.read(&read).unwrap();
                (Some(reactions.appended(seq.is_some(), now, dice(n, now))), vec![])
            }
            Ended::CarriedOut(done) => {
                let acks = reactions.carried_out(done);
                let step = if reactions.has_more(done) { reactions.begin(now, dice(n, now)) } else { None };
                (step, acks.into_iter().map(|seq| (seq, done)).collect())
            }
        });
        if let Some(step) = step {
            node.begin(step);
        }
        for (seq, done) in settled {
            node.holds.remove(&seq);
            if done {
                self.consumer.waiting.remove(&seq);
            }
        }
    }

    fn fire(&mut self, scene: &Scene) {
        let due = self.agenda.take().expect("a wake-up");
        let moment = oo_contracts::entry::Moment { due, purpose: oo_contracts::entry::MomentPurpose::Look };
        let entry = Entry { v: ENTRY_VERSION, at: due, body: Body::Moment { moment } };
        self.propose(scene, Known::new(entry), Asker::Server);
    }

    /// The sequence that a node's actor knows.
    fn known(&self, n: usize) -> u64 {
        self.nodes[n].actor.as_ref().map_or(0, |actor| actor.reactions.profile().seq())
    }

    fn whole(&self, after: u64, until: u64) -> Read {
        let numbered = self.log.iter().zip(1..).map(|(entry, seq)| Numbered { seq, entry: Entry::clone(entry) });
        let entries = numbered.filter(|numbered| after < numbered.seq && numbered.seq <= until).collect();
        Read { entries, ..Read::default() }
    }

    /// What a node reads that wants all there is, and has heard of an entry. Without the protection each kind is read at an
    /// instant of its own: here the newest entry's a little later than the others.
    fn read(&mut self, scene: &Scene, n: usize, heard: u64) -> Read {
        let until = if std::mem::take(&mut self.behind[n]) { heard } else { self.last() };
        let mut read = self.whole(self.known(n), until);
        if scene.without == Some(Protection::WholeReads)
            && let Some(newest) = read.entries.last().cloned()
        {
            let kind = std::mem::discriminant(&newest.entry.body);
            read.entries.retain(|numbered| {
                numbered.seq + 1 < newest.seq || std::mem::discriminant(&numbered.entry.body) == kind
            });
        }
        read
    }
}

/// How an effect ends whose answer is lost.
fn failed(effect: &Effect) -> Ended {
    match effect {
        Effect::AskForTip(ask) => Ended::Recommended(ask.clone(), None),
        Effect::GiveTip(_) => Ended::Appended(None),
        Effect::Keep(_) | Effect::WakeAt(..) => Ended::CarriedOut(false),
    }
}

/// A policy that speaks whenever it may.
fn choose_first(ask: &Ask) -> Option<Recommendation> {
    let first = ask.candidates.first()?;
    let tip = Choice { candidate: 0, subject: first.subject.clone(), reasons: vec![] };
    Some(Recommendation {
        tip: Some(tip),
        silence: None,
        propensity: 1.0,
        confidence: None,
        policy: "first".parse().expect("a name"),
        version: 1,
        provenance: Default::default(),
    })
}

/// No two nodes decide at the same instant, so that their decisions differ.
fn dice(node: usize, now: Timestamp) -> impl FnOnce(u64) -> Dice {
    move |seq| Dice {
        id: format!("decision-{node}-{seq}-{}", now.as_second()).parse().expect("an id"),
        bits: 0,
        unit: "the-unit-of-this-person".parse().expect("a unit"),
    }
}
