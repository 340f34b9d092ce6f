//! Many lives: people by the seed, each with every policy, with the clairvoyant and in silence, in the same days.

use super::chooser::{BARS, Chooser};
use super::figures::{self, Group, Interval};
use super::life::{Setting, Story, live};
use super::mind::Reaction;
use super::person::{Person, TEMPERS};
use super::post::Post;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What is simulated.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// People of each seed.
    pub people: u64,
    pub days: u32,
    /// The first seed, and how many.
    pub seed: u64,
    pub seeds: u64,
    pub post: Post,
    pub changes_on: Option<u32>,
}

impl Plan {
    /// Lives that one policy takes.
    pub fn lives(&self) -> u64 {
        self.people * self.seeds
    }

    /// Everybody, by seed and number.
    pub fn everybody(&self) -> impl Iterator<Item = (u64, u64)> + use<> {
        let Self { people, seed, seeds, .. } = *self;
        (seed..seed + seeds).flat_map(move |seed| (0..people).map(move |number| (seed, number)))
    }
}

/// Hours in which tips may be given by default: from eight to ten in the evening.
pub const ELIGIBLE: std::ops::Range<usize> = 8..22;

const WEEK: u32 = 7;

/// What is kept of one life.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Digest {
    /// What the tips of each day were worth on average, before chance threw its dice.
    pub daily: Vec<f64>,
    pub told: u32,
    /// By [`Reaction`]; those withdrawn before are in none.
    pub reactions: [u32; 4],
    pub hours: [u32; 24],
    /// What the policy made of a tip, and what came of it.
    pub predicted: Vec<(f64, f64)>,
    pub done: u32,
    pub looks: u64,
    pub asks: u64,
    pub silences: BTreeMap<&'static str, u64>,
    pub budget: u32,
    pub left: bool,
    pub breaches: u32,
    /// The day of each answer.
    pub answered: Vec<u32>,
}

impl Digest {
    /// Of a story.
    pub fn of(story: &Story) -> Self {
        let mut digest = Self {
            daily: vec![0.0; story.days as usize],
            told: story.told.len() as u32,
            done: story.done_with + story.done_without,
            looks: story.looks,
            asks: story.asks,
            silences: story.silences.clone(),
            budget: story.budget,
            left: story.left.is_some(),
            breaches: story.breaches.len() as u32,
            ..Self::default()
        };
        for told in &story.told {
            if let Some(day) = digest.daily.get_mut(told.day as usize) {
                *day += told.chances.worth();
            }
            digest.hours[told.hour as usize % 24] += 1;
            if let Some((reaction, _)) = told.reaction {
                digest.reactions[reaction as usize] += 1;
                digest.predicted.push((told.score(), reaction.worth()));
                if reaction != Reaction::Ignored {
                    digest.answered.push(told.day);
                }
            }
        }
        digest
    }

    /// What a day was worth.
    pub fn value(&self) -> f64 {
        self.daily.iter().sum::<f64>() / self.daily.len().max(1) as f64
    }
}

/// One person with all policies.
#[derive(Debug, Clone)]
pub struct Lived {
    pub seed: u64,
    pub temper: &'static str,
    /// In the order of the policies.
    pub with: Vec<Digest>,
    pub clairvoyant: Digest,
    pub silent: Digest,
}

/// What a day was worth with that chooser alone, by seed.
pub fn values(plan: &Plan, chooser: &Chooser, each: impl Fn() + Sync) -> Vec<f64> {
    let jobs: Vec<_> = plan.everybody().collect();
    let values = in_parallel(&jobs, |(seed, number)| {
        let value = live_with(plan, &Person::draw(*seed, *number), *seed, *number, chooser).value();
        each();
        value
    });
    values.chunks(plan.people as usize).map(|seed| seed.iter().sum::<f64>() / seed.len() as f64).collect()
}

/// Lives all of them, on all cores; `each` is told of every person done.
pub fn run(plan: &Plan, policies: &[Chooser], each: impl Fn() + Sync) -> Vec<Lived> {
    let jobs: Vec<_> = plan.everybody().collect();
    in_parallel(&jobs, |(seed, number)| {
        let lived = live_with_all(plan, policies, *seed, *number);
        each();
        lived
    })
}

/// Does all jobs on all cores, and returns what each came to in the order of the jobs.
pub fn in_parallel<J: Sync, R: Send>(jobs: &[J], work: impl Fn(&J) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(jobs.len()));
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((place, job)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, jobs.get(at)?)))
                {
                    let result = work(job);
                    done.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((place, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, result)| result).collect()
}

fn live_with_all(plan: &Plan, policies: &[Chooser], seed: u64, number: u64) -> Lived {
    let person = Person::draw(seed, number);
    let with = |chooser: &Chooser| live_with(plan, &person, seed, number, chooser);
    let clairvoyant = BARS
        .iter()
        .map(|bar| with(&Chooser::Clairvoyant { bar: *bar }))
        .max_by(|one, other| one.value().total_cmp(&other.value()))
        .unwrap_or_default();
    Lived {
        seed,
        temper: person.temper,
        with: policies.iter().map(with).collect(),
        clairvoyant,
        silent: with(&Chooser::Silent),
    }
}

fn live_with(plan: &Plan, person: &Person, seed: u64, number: u64, chooser: &Chooser) -> Digest {
    let Plan { days, post, changes_on, .. } = *plan;
    Digest::of(&live(&Setting { person, number, seed, days, chooser, post, changes_on, keeps: false }))
}

/// What many lives with one policy come to. Intervals are over the seeds.
#[derive(Debug, Clone)]
pub struct Summary {
    pub name: String,
    /// Worth of a day, and how far it is from the clairvoyant's.
    pub value: Interval,
    pub regret: Interval,
    /// Of tips that were seen through: what each came to.
    pub reward: Interval,
    pub tips: Interval,
    /// Parts of all tips.
    pub done: Interval,
    pub answered: Interval,
    /// The part of what was allowed that was used.
    pub budget: Interval,
    /// Things done a day beyond what silence has.
    pub more_done: Interval,
    pub left: Interval,
    /// How far from even over the eligible day.
    pub unevenness: Interval,
    pub breaches: u64,
    pub looks: u64,
    pub hours: [f64; 24],
    pub weekly: Vec<Interval>,
    pub groups: Vec<Group>,
    pub by_temper: Vec<(&'static str, Interval)>,
    pub silences: BTreeMap<&'static str, u64>,
    /// The worth of a day by seed, for comparing in pairs.
    pub values: Vec<f64>,
}

/// All policies, the clairvoyant last.
pub fn summaries(names: &[String], lived: &[Lived]) -> Vec<Summary> {
    let of = |name: &str, pick: &dyn Fn(&Lived) -> Digest| summary(name.to_owned(), lived, pick);
    let mut all: Vec<_> =
        names.iter().enumerate().map(|(place, name)| of(name, &|life: &Lived| life.with[place].clone())).collect();
    all.push(of("clairvoyant", &|life: &Lived| life.clairvoyant.clone()));
    all
}

fn summary(name: String, lived: &[Lived], pick: &dyn Fn(&Lived) -> Digest) -> Summary {
    type Lives<'a> = [(Digest, &'a Lived)];
    let mut seeds: BTreeMap<u64, Vec<(Digest, &Lived)>> = BTreeMap::new();
    for life in lived {
        seeds.entry(life.seed).or_default().push((pick(life), life));
    }
    let each = |figure: &dyn Fn(&Lives<'_>) -> f64| -> Vec<f64> { seeds.values().map(|lives| figure(lives)).collect() };
    let mean = |lives: &[(Digest, &Lived)], figure: &dyn Fn(&Digest, &Lived) -> f64| {
        lives.iter().map(|(digest, life)| figure(digest, life)).sum::<f64>() / lives.len() as f64
    };
    let over = |figure: &dyn Fn(&Digest, &Lived) -> f64| Interval::of(&each(&|lives| mean(lives, figure)));
    let ratio = |above: &dyn Fn(&Digest) -> f64, below: &dyn Fn(&Digest) -> f64| {
        Interval::of(&each(&|lives| {
            lives.iter().map(|(digest, _)| above(digest)).sum::<f64>()
                / lives.iter().map(|(digest, _)| below(digest)).sum::<f64>().max(1.0)
        }))
    };
    let told = |digest: &Digest| f64::from(digest.told);
    let all = || seeds.values().flatten().map(|(digest, _)| digest);
    let days = |digest: &Digest| digest.daily.len().max(1) as f64;
    let weeks = lived.first().map_or(0, |life| life.silent.daily.len() as u32 / WEEK);
    let week = |number: u32| {
        let days = (number * WEEK) as usize..((number + 1) * WEEK) as usize;
        over(&|digest, _| digest.daily[days.clone()].iter().sum::<f64>() / f64::from(WEEK))
    };
    let hours: [f64; 24] = std::array::from_fn(|hour| all().map(|digest| f64::from(digest.hours[hour])).sum());
    let even: Vec<f64> = (0..24).map(|hour| f64::from(u8::from(ELIGIBLE.contains(&hour)))).collect();
    let uneven = |lives: &[(Digest, &Lived)]| {
        let hours: Vec<f64> =
            (0..24).map(|hour| lives.iter().map(|(digest, _)| f64::from(digest.hours[hour])).sum()).collect();
        figures::distance(&hours, &even)
    };
    let predicted: Vec<_> = all().flat_map(|digest| digest.predicted.iter().copied()).collect();
    let mut silences = BTreeMap::new();
    for (name, count) in all().flat_map(|digest| &digest.silences) {
        *silences.entry(*name).or_default() += count;
    }
    let of_temper = |temper: &'static str| {
        let values: Vec<_> = seeds
            .values()
            .flatten()
            .filter(|(_, life)| life.temper == temper)
            .map(|(digest, life)| digest.value() / life.clairvoyant.value().max(0.01))
            .collect();
        (temper, Interval::of(&values))
    };
    Summary {
        name,
        value: over(&|digest, _| digest.value()),
        regret: over(&|digest, life| life.clairvoyant.value() - digest.value()),
        reward: ratio(&|digest| digest.predicted.iter().map(|(_, came)| came).sum(), &|digest| {
            digest.predicted.len() as f64
        }),
        tips: over(&|digest, _| told(digest) / days(digest)),
        done: ratio(&|digest| digest.reactions[Reaction::Done as usize].into(), &told),
        answered: ratio(&|digest| digest.answered.len() as f64, &told),
        budget: ratio(&told, &|digest| digest.budget.into()),
        more_done: over(&|digest, life| (f64::from(digest.done) - f64::from(life.silent.done)) / days(digest)),
        left: over(&|digest, _| f64::from(u8::from(digest.left))),
        unevenness: Interval::of(&each(&uneven)),
        breaches: all().map(|digest| u64::from(digest.breaches)).sum(),
        looks: all().map(|digest| digest.looks).sum(),
        hours,
        weekly: (0..weeks).map(week).collect(),
        groups: figures::calibration(&predicted),
        by_temper: TEMPERS.into_iter().map(of_temper).collect(),
        silences,
        values: each(&|lives| mean(lives, &|digest, _| digest.value())),
    }
}
