//! One simulated person with oO: the same loop as `profile/behavior.rs`, through the same domain code, so that what is
//! simulated is what runs.
//!
//! Each thing that happens becomes an entry of a log and is folded; then it is asked whether this is a moment to speak, the
//! policy chooses, everything is asked again, and the tip is appended; then the next wake-up is set. What the person thinks
//! of a tip comes from [`Mind`], which the engine never sees.

use super::chooser::Chooser;
use super::days::{Days, Happening, device};
use super::dice::{Dice, Of};
use super::mind::{Chances, Mind, Reaction, Scene};
use super::person::{Person, Sort};
use super::post::Post;
use super::surroundings::Surroundings;
use super::watch::{Breach, Watch};
use jiff::Timestamp;
use oo_contracts::decision::{Ask, Decision, Hush, Outcome, Recommendation, Silence};
use oo_contracts::entry::{Body, Entry, Moment, MomentPurpose};
use oo_contracts::signal::{Answer, Delivery, Fact, Purpose, Signal};
use oo_contracts::tip::{Reason, Subject, Tip};
use oo_contracts::{DecisionId, ENTRY_VERSION, UserId};
use oo_domain::local::{minutes, plus};
use oo_domain::profile::Profile;
use oo_domain::{decide, moments};
use std::collections::BTreeMap;

/// Who lives, how long, with what.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    pub person: &'a Person,
    /// Which of the people of this seed it is.
    pub number: u64,
    pub seed: u64,
    pub days: u32,
    pub chooser: &'a Chooser,
    pub post: Post,
    /// The day on which their taste changes.
    pub changes_on: Option<u32>,
    /// Whether the log and all decisions are kept.
    pub keeps: bool,
}

/// A tip, and what the world knows about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    pub at: Timestamp,
    pub not_after: Timestamp,
    pub day: u32,
    pub hour: f64,
    pub subject: Subject,
    pub sort: Sort,
    pub reasons: Vec<Reason>,
    /// What would come of it.
    pub chances: Chances,
    /// What came of it, and when; nothing where it was withdrawn before.
    pub reaction: Option<(Reaction, Timestamp)>,
}

impl Told {
    /// What the policy made of it: its reasons, summed.
    pub fn score(&self) -> f64 {
        self.reasons.iter().map(|reason| reason.weight).sum()
    }
}

/// How a life with oO went.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Story {
    pub days: u32,
    pub told: Vec<Told>,
    /// Looks, and asks among them.
    pub looks: u64,
    pub asks: u64,
    /// Silences by name, each look counted.
    pub silences: BTreeMap<&'static str, u64>,
    /// Things done, with a tip and without.
    pub done_with: u32,
    pub done_without: u32,
    /// What was allowed over all the days.
    pub budget: u32,
    pub left: Option<Timestamp>,
    pub breaches: Vec<Breach>,
    pub profile: Profile,
    /// Where they were kept.
    pub log: Vec<(u64, Entry)>,
    pub decisions: Vec<(u64, Ask, Recommendation)>,
    pub quiet: Vec<(Timestamp, Silence)>,
}

impl Story {
    /// The decisions as they would be kept, of a person who allows learning.
    pub fn decisions(&self) -> Vec<Decision> {
        let kept = |(seq, ask, answer): &(u64, Ask, Recommendation)| Decision {
            v: ENTRY_VERSION,
            id: ask.id.clone(),
            at: ask.context.at,
            seq: *seq,
            training: true,
            outcome: Outcome::Asked { ask: ask.clone(), recommendation: answer.clone() },
        };
        self.decisions.iter().map(kept).collect()
    }
}

/// What comes next.
#[derive(Debug, Clone)]
enum Next {
    Happens(Happening),
    Wakes,
    /// The person looks at the tip of that place.
    Reacts(usize, Reaction),
    /// What they said, and when, arrives.
    Arrives(Box<Signal>),
    Changes,
}

/// Lives it.
pub fn live(setting: &Setting<'_>) -> Story {
    let days = Days::of(setting.person, setting.seed, setting.number, setting.days);
    let mut life = Life::new(setting, &days);
    while life.step() {}
    life.story.profile = life.profile;
    life.story
}

struct Life<'a> {
    setting: &'a Setting<'a>,
    person: Person,
    mind: Mind,
    around: Surroundings,
    watch: Watch,
    profile: Profile,
    story: Story,
    queue: BTreeMap<(Timestamp, u64), Next>,
    queued: u64,
    wakes: Option<Timestamp>,
    end: Timestamp,
    /// The start, for counting days.
    start: Timestamp,
    answers: Dice,
    decisions: Dice,
    mail: Dice,
    told: u32,
}

impl<'a> Life<'a> {
    fn new(setting: &'a Setting<'a>, days: &Days) -> Self {
        let dice = |of| Dice::new(setting.seed, setting.number, of);
        let mut life = Self {
            setting,
            person: setting.person.clone(),
            mind: Mind::default(),
            around: Surroundings::new(days.zone.clone()),
            watch: Watch::new(days.zone.clone()),
            profile: Profile::new(),
            story: Story { days: setting.days, ..Story::default() },
            queue: BTreeMap::new(),
            queued: 0,
            wakes: None,
            end: days.end,
            start: days.start,
            answers: dice(Of::Answers),
            decisions: dice(Of::Decisions),
            mail: dice(Of::Post),
            told: 0,
        };
        for (at, happening) in &days.happenings {
            life.at(*at, Next::Happens(happening.clone()));
        }
        if let Some(day) = setting.changes_on {
            life.at(plus(days.start, minutes(i64::from(day) * 1440)), Next::Changes);
        }
        life.story.budget = setting.days * u32::from(life.profile.preferences().budget.get());
        life
    }

    fn at(&mut self, at: Timestamp, next: Next) {
        self.queued += 1;
        self.queue.insert((at, self.queued), next);
    }

    /// The next thing happens; false when the time is over.
    fn step(&mut self) -> bool {
        let queued = self.queue.keys().next().copied();
        let (now, next) = match (queued, self.wakes) {
            (Some((at, _)), Some(wakes)) if wakes < at => (wakes, Next::Wakes),
            (None, Some(wakes)) => (wakes, Next::Wakes),
            (Some(key), _) => (key.0, self.queue.remove(&key).unwrap_or(Next::Wakes)),
            (None, None) => return false,
        };
        if now >= self.end {
            return false;
        }
        match next {
            Next::Wakes => {
                self.wakes = None;
                let moment = Moment { due: now, purpose: MomentPurpose::Look };
                self.append(now, Body::Moment { moment });
                self.look(now);
            }
            Next::Happens(happening) => self.happens(happening, now),
            Next::Reacts(place, reaction) => self.reacts(place, reaction, now),
            Next::Arrives(signal) => {
                self.append(now, Body::Signal { signal: *signal });
                self.look(now);
            }
            Next::Changes => self.person = self.person.with_taste_of(self.setting.seed, self.setting.number),
        }
        true
    }

    fn happens(&mut self, happening: Happening, now: Timestamp) {
        match happening {
            Happening::Fact(fact) => self.say(fact, now),
            Happening::Sleeps(asleep) => self.around.asleep = asleep,
            Happening::DoesTask(task) => {
                if self.around.does_task(&task) {
                    self.story.done_without += 1;
                    self.say(Fact::TaskCompleted { task }, now);
                }
            }
            Happening::DoesHabit(habit) => {
                if self.around.does_habit(&habit, now) {
                    self.story.done_without += 1;
                    self.say(Fact::HabitDone { habit }, now);
                }
            }
        }
    }

    /// oO hears of a fact as it happens, and looks.
    fn say(&mut self, fact: Fact, now: Timestamp) {
        let signal = self.signal(fact, now);
        self.append(now, Body::Signal { signal });
        self.look(now);
    }

    fn signal(&mut self, fact: Fact, at: Timestamp) -> Signal {
        self.told += 1;
        let id = format!("signal-{}", self.told).parse().unwrap_or_else(|_| unreachable!("short"));
        Signal { id, user: user(), at, fact }
    }

    fn append(&mut self, at: Timestamp, body: Body) {
        let entry = Entry { v: ENTRY_VERSION, at, body };
        if let Body::Signal { signal } = &entry.body {
            self.around.hear(&signal.fact, at);
            self.watch.hear(&signal.fact);
        }
        let seq = self.profile.seq() + 1;
        self.profile.fold(seq, &entry);
        if self.setting.keeps {
            self.story.log.push((seq, entry));
        }
    }

    /// As `behavior::look` and `behavior::on_recommendation`: may I speak, what does the policy say, may it still be said.
    fn look(&mut self, now: Timestamp) {
        self.story.looks += 1;
        if let Err(silence) = moments::may_speak(&self.profile, now) {
            self.hush(silence, now);
            self.wakes = moments::next_look(&self.profile, now, Some(&silence));
            return;
        }
        self.story.asks += 1;
        let id = decision_id(self.setting.number, self.story.looks);
        let ask = decide::ask(&self.profile, id, self.decisions.bits(), now);
        let scene = self.scene(now);
        let answer =
            self.setting.chooser.choose(&ask, |subject| self.chances(&scene, subject).map(|chances| chances.worth()));
        let tip = decide::tip(&self.profile, &ask, &answer, now);
        if let (None, Some(hush)) = (&tip, answer.silence) {
            self.hush(moments::hushed(&self.profile, now, hush, answer.confidence), now);
        }
        if let Some(tip) = tip {
            self.give(tip, &scene, now);
        }
        if self.setting.keeps {
            self.story.decisions.push((self.profile.seq(), ask, answer));
        }
        self.wakes = moments::next_look(&self.profile, now, None);
    }

    fn hush(&mut self, silence: Silence, now: Timestamp) {
        // Where there was nothing to choose from, it is not the policy that chose silence.
        let label = match silence {
            Silence::Policy { hush: Hush::NoCandidates, .. } => "nothing_fits",
            _ => silence.label(),
        };
        *self.story.silences.entry(label).or_default() += 1;
        if self.setting.keeps {
            self.story.quiet.push((now, silence));
        }
    }

    fn give(&mut self, tip: Tip, scene: &Scene, now: Timestamp) {
        // What the person does not know they cannot want.
        let unknown = Chances { done: 0.0, not_now: 0.0, not_for_me: 0.0, ignored: 1.0 };
        let chances = self.chances(scene, &tip.subject).unwrap_or(unknown);
        self.story.breaches.extend(self.watch.given(&tip, now));
        self.mind.hears(&self.person, &tip.subject, now);
        let reaction = chances.draw(self.answers.unit());
        let waits = minutes(1 + self.answers.wait(if reaction == Reaction::Done { 9.0 } else { 4.0 }) as i64);
        let last = plus(tip.not_after, minutes(-1));
        let when = if reaction == Reaction::Ignored { tip.not_after } else { plus(now, waits).min(last) };
        self.at(when, Next::Reacts(self.story.told.len(), reaction));
        self.story.told.push(Told {
            at: now,
            not_after: tip.not_after,
            day: self.day(now),
            hour: scene.hour,
            sort: sort(&tip.subject),
            subject: tip.subject.clone(),
            reasons: tip.reasons.clone(),
            chances,
            reaction: None,
        });
        let id = tip.id.clone();
        self.append(now, Body::Tip { tip });
        // Everybody here has a device that is reached.
        let fact = Fact::Delivered { tip: id, device: device(), outcome: Delivery::Accepted };
        let signal = self.signal(fact, now);
        self.append(now, Body::Signal { signal });
    }

    fn reacts(&mut self, place: usize, reaction: Reaction, now: Timestamp) {
        let subject = self.story.told[place].subject.clone();
        let Some(tip) = self.profile.lives().iter().rev().find(|life| life.given_at == self.story.told[place].at)
        else {
            return;
        };
        // What was taken away before the person looked does not bother them.
        if reaction != Reaction::Ignored && !tip.is_live(now) || reaction == Reaction::Ignored && !tip.is_ignored(now) {
            return;
        }
        let tip = tip.tip.clone();
        self.story.told[place].reaction = Some((reaction, now));
        self.mind.reacts(&self.person, reaction);
        let answer = match reaction {
            Reaction::Done => Some(Answer::Done),
            Reaction::NotNow => Some(Answer::NotNow { until: None }),
            Reaction::NotForMe => Some(Answer::NotForMe),
            Reaction::Ignored => None,
        };
        if let Some(answer) = answer {
            let signal = self.signal(Fact::Feedback { tip, answer }, now);
            for at in self.setting.post.deliver(now, &mut self.mail) {
                self.at(at, Next::Arrives(Box::new(signal.clone())));
            }
        }
        if reaction == Reaction::Done {
            self.story.done_with += 1;
            self.done(&subject, now);
        }
        if self.mind.leaves() && self.story.left.is_none() {
            self.story.left = Some(now);
            self.say(Fact::Consent { purpose: Purpose::Tips, granted: false, source: None }, now);
        }
    }

    /// What was done is so at its provider, too, which tells a minute later.
    fn done(&mut self, subject: &Subject, now: Timestamp) {
        let fact = match subject {
            Subject::Todo { task } => {
                self.around.does_task(task);
                self.setting.post.tells_done(task.clone())
            }
            Subject::Habit { habit, .. } => {
                self.around.does_habit(habit, now);
                Fact::HabitDone { habit: habit.clone() }
            }
            Subject::Prepare { .. } | Subject::Advice { .. } => return,
        };
        let soon = plus(now, minutes(1));
        let signal = self.signal(fact, soon);
        self.at(soon, Next::Arrives(Box::new(signal)));
    }

    fn scene(&self, now: Timestamp) -> Scene {
        self.around.scene(now)
    }

    fn chances(&self, scene: &Scene, subject: &Subject) -> Option<Chances> {
        let thing = self.around.thing(subject, scene.at)?;
        Some(self.mind.chances(&self.person, scene, subject, &thing))
    }

    fn day(&self, now: Timestamp) -> u32 {
        u32::try_from(self.start.duration_until(now).as_hours() / 24).unwrap_or(0)
    }
}

fn sort(subject: &Subject) -> Sort {
    match subject {
        Subject::Todo { .. } => Sort::Task,
        Subject::Prepare { .. } => Sort::Prepare,
        Subject::Habit { .. } => Sort::Habit,
        Subject::Advice { .. } => Sort::Advice,
    }
}

fn user() -> UserId {
    "ada".parse().unwrap_or_else(|_| unreachable!("three letters"))
}

fn decision_id(person: u64, number: u64) -> DecisionId {
    format!("decision-{person}-{number:08}").parse().unwrap_or_else(|_| unreachable!("short"))
}
