//! The protocol of oO's first prototype: five personas, twenty rounds each, eight tasks a round (aim G6).
//!
//! The prototype learnt one LinUCB of five features for each person, and an ε-greedy one of seven; neither could keep
//! silent. Its personas were not published with its figures, so the people are ours ([`Mind`]), one of each temper, and both
//! rivals are played in the same rounds.

use crate::simulation::mind::{Mind, Scene};
use crate::simulation::person::{Person, Sort, TEMPERS, Thing};
use crate::simulation::{days, figures::Interval};
use jiff::{SignedDuration, Timestamp};
use nalgebra::{SMatrix, SVector};
use oo_contracts::decision::{Ask, Candidate, Context, RandomBits};
use oo_contracts::tip::Subject;
use oo_domain::bayes::Evidence;
use oo_domain::features::{D, Row};
use oo_domain::learning::{self, FORGETTING};
use oo_domain::planner::chance::Chance;
use oo_domain::policy::Policy;
use oo_domain::policy::linear::Linear;

const ROUNDS: u32 = 20;
const TASKS: usize = 8;
const BEGINS: &str = "2026-03-02T00:00:00Z";

/// Who chooses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Decider {
    /// The engine's learner, which may keep silent.
    Linear,
    /// Upper confidence bounds of that width, over five features.
    LinUcb { width: f64 },
    /// The best by ridge regression over seven features, at random so often.
    Greedy { random: f64 },
    /// Any task.
    Random,
}

/// What a round was worth, over the seeds; silence is worth 0.
pub fn play(decider: Decider, seeds: std::ops::Range<u64>) -> Interval {
    let of_seed = |seed: u64| {
        let people = (0..TEMPERS.len() as u64).map(|number| persona(decider, seed, number));
        people.sum::<f64>() / (TEMPERS.len() as f64 * f64::from(ROUNDS))
    };
    Interval::of(&seeds.map(of_seed).collect::<Vec<_>>())
}

/// All rounds of one persona.
fn persona(decider: Decider, seed: u64, number: u64) -> f64 {
    let person = Person::draw(seed, number);
    let mut world = Chance::new(Chance::new(seed << 8 | number).bits());
    let mut bits = Chance::new(!world.bits());
    let (mut mind, mut learner, mut sum) = (Mind::default(), Learner::of(decider), 0.0);
    // As the profile counts it: one round a day, after which a half is left.
    let mut dosage = 0.0;
    for round in 0..ROUNDS {
        let hour = 8.0 + 14.0 * world.uniform();
        let scene = scene(round, hour, world.uniform() < 0.5);
        let tasks: [Thing; TASKS] = std::array::from_fn(|_| thing(&mut world));
        let answers = world.uniform();
        dosage *= 0.5;
        let asked = ask(&scene, &tasks, round, dosage);
        let Some(place) = learner.choose(&scene, &tasks, &asked, &mut bits) else { continue };
        dosage += 1.0;
        let subject = subject(round, place);
        let reaction = mind.chances(&person, &scene, &subject, &tasks[place]).draw(answers);
        mind.hears(&person, &subject, scene.at);
        mind.reacts(&person, reaction);
        learner.learn(&scene, &tasks[place], &asked, place, reaction.worth());
        sum += reaction.worth();
    }
    sum
}

/// The arms' features are of one model: a prototype's arm is a task like any other.
enum Learner {
    Linear(Evidence),
    LinUcb { width: f64, sums: Box<Sums<5>> },
    Greedy { random: f64, sums: Box<Sums<7>> },
    Random,
}

impl Learner {
    fn of(decider: Decider) -> Self {
        match decider {
            Decider::Linear => Self::Linear(Evidence::new(D)),
            Decider::LinUcb { width } => Self::LinUcb { width, sums: Box::new(Sums::new()) },
            Decider::Greedy { random } => Self::Greedy { random, sums: Box::new(Sums::new()) },
            Decider::Random => Self::Random,
        }
    }

    fn choose(&self, scene: &Scene, tasks: &[Thing; TASKS], asked: &Ask, bits: &mut Chance) -> Option<usize> {
        let any = |bits: &mut Chance| Some((bits.uniform() * TASKS as f64) as usize);
        match self {
            Self::Random => any(bits),
            Self::Linear(evidence) => {
                let posterior = learning::to_posterior(evidence);
                let ask = Ask { posterior, bits: RandomBits::new(bits.bits()), ..asked.clone() };
                Linear::default().recommend(&ask).tip.map(|choice| usize::from(choice.candidate))
            }
            Self::LinUcb { width, sums } => {
                let (mean, inverse) = sums.solve();
                best(tasks, |task| {
                    let x = five(scene, task);
                    mean.dot(&x) + width * (x.transpose() * inverse * x)[0].sqrt()
                })
            }
            Self::Greedy { random, .. } if bits.uniform() < *random => any(bits),
            Self::Greedy { sums, .. } => {
                let (mean, _) = sums.solve();
                best(tasks, |task| mean.dot(&seven(scene, task)))
            }
        }
    }

    fn learn(&mut self, scene: &Scene, task: &Thing, asked: &Ask, place: usize, reward: f64) {
        match self {
            Self::Random => {}
            Self::Linear(evidence) => {
                let rows = Row::all(&asked.context, &asked.candidates);
                evidence.fade(FORGETTING);
                evidence.observe(&rows[place].values(), reward, 1.0);
            }
            Self::LinUcb { sums, .. } => sums.learn(five(scene, task), reward),
            Self::Greedy { sums, .. } => sums.learn(seven(scene, task), reward),
        }
    }
}

/// Ridge regression with a penalty of one.
struct Sums<const N: usize> {
    products: SMatrix<f64, N, N>,
    moments: SVector<f64, N>,
}

impl<const N: usize> Sums<N> {
    fn new() -> Self {
        Self { products: SMatrix::identity(), moments: SVector::zeros() }
    }

    fn learn(&mut self, x: SVector<f64, N>, reward: f64) {
        self.products += x * x.transpose();
        self.moments += reward * x;
    }

    fn solve(&self) -> (SVector<f64, N>, SMatrix<f64, N, N>) {
        let inverse = self.products.cholesky().map(|factor| factor.inverse()).unwrap_or_else(SMatrix::identity);
        (inverse * self.moments, inverse)
    }
}

fn five(scene: &Scene, task: &Thing) -> SVector<f64, 5> {
    let due = task.due.map_or(0.0, |days| (1.0 - days / 5.0).clamp(0.0, 1.0));
    SVector::from([1.0, due, task.urgency, (1.0 - task.minutes / 60.0).max(0.0), (scene.hour - 15.0) / 7.0])
}

fn seven(scene: &Scene, task: &Thing) -> SVector<f64, 7> {
    let [a, b, c, d, e] = five(scene, task).into();
    SVector::from([a, b, c, d, e, f64::from(u8::from(scene.present)), f64::from(u8::from(scene.day_off))])
}

fn best(tasks: &[Thing; TASKS], score: impl FnMut(&Thing) -> f64) -> Option<usize> {
    let scores = tasks.iter().map(score).enumerate();
    scores.max_by(|(_, one), (_, other)| one.total_cmp(other)).map(|(place, _)| place)
}

fn scene(round: u32, hour: f64, present: bool) -> Scene {
    let begins: Timestamp = BEGINS.parse().unwrap_or_else(|_| unreachable!("it is a time"));
    let at = begins + SignedDuration::from_secs(i64::from(round) * 86_400 + (hour * 3600.0) as i64);
    let day_off = round % 7 > 4;
    Scene { at, hour, day_off, asleep: false, present, since_event: None, until_event: None }
}

fn thing(chance: &mut Chance) -> Thing {
    let due = (chance.uniform() < 0.5).then(|| (6.0 * chance.uniform()).floor() - 1.0);
    let urgency = (4.0 * chance.uniform()).floor() / 3.0;
    Thing { sort: Sort::Task, due, urgency, minutes: 5.0 + (11.0 * chance.uniform()).floor() * 5.0 }
}

fn subject(round: u32, place: usize) -> Subject {
    Subject::Todo { task: days::reference(format!("task-{round}-{place}")) }
}

fn ask(scene: &Scene, tasks: &[Thing; TASKS], round: u32, dosage: f64) -> Ask {
    let candidate = |(place, task): (usize, &Thing)| Candidate {
        subject: subject(round, place),
        minutes: task.minutes as u16,
        priority: 1 + (3.0 * task.urgency).round() as u8,
        due_days: task.due.map(|days| days as i32),
        age_days: 0,
        shown: 0,
        since_shown: None,
        left: None,
        in_a_row: None,
        estimated: false,
        wanted: false,
    };
    let context = Context {
        free_minutes: 120,
        present: scene.present,
        since_tip: 1440,
        // It had no budget: as many as anybody may allow.
        budget: 10,
        dosage,
        ..Context::quiet(scene.at, (scene.hour * 60.0) as u16, 1 + (round % 7) as u8)
    };
    Ask {
        id: format!("decision-{round}").parse().unwrap_or_else(|_| unreachable!("short")),
        context,
        candidates: tasks.iter().enumerate().map(candidate).collect(),
        posterior: None,
        bits: RandomBits::new(0),
        unit: None,
        tenant: None,
    }
}
