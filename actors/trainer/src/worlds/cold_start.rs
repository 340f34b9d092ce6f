//! Cold start: how soon somebody new is known, from a prior that others taught, against starting from nothing and against
//! taking everybody for the same (aim G5).
//!
//! The three populations are those of IntelligentPooling (Tomkins, Liao, Klasnja and Murphy, Machine Learning 110, 2021,
//! §5.1): all alike, of two kinds, and all different. A person's worths are linear in a candidate's features. Each round
//! offers eight candidates at random; the choice is Thompson sampling on the domain's own belief.

use crate::simulation::figures::quantile;
use oo_domain::bayes::{Belief, Evidence, Prior, pool};
use oo_domain::planner::chance::Chance;
use oo_domain::policy::linear::EXPLORES;

const FEATURES: usize = 6;
const CANDIDATES: usize = 8;
/// Standard deviation of a reward, whose spread over candidates is about one.
const NOISE: f64 = 0.5;
/// How far people are from their mean, in each feature, where they differ.
const APART: f64 = 0.6;
/// People who came before, and what each of them had answered, at random.
const BEFORE: u64 = 200;
const THEIR_ANSWERS: usize = 30;
/// Answers of a new person, and rounds over which their share of the optimum is taken.
pub const ANSWERS: usize = 30;
const FRESH: usize = 60;
/// When the median person is to be known, and nine in ten.
pub const SOON: usize = 12;

/// How people differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Population {
    Alike,
    TwoKinds,
    Different,
}

impl Population {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Alike, Self::TwoKinds, Self::Different];

    /// As tables call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Alike => "all alike",
            Self::TwoKinds => "of two kinds",
            Self::Different => "all different",
        }
    }
}

/// What a new person starts from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Start {
    /// The prior that those before have taught ([`pool`]); sampled as the policy `linear` does.
    Taught,
    /// No pooling: nothing is known, coefficients are of this spread; so much of the belief's width is sampled.
    Nothing { spread: f64, width: f64 },
    /// Full pooling: everybody is taken for the same, and what each answers is everybody's.
    Everybody { width: f64 },
}

/// What one start came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// Lost against the optimum over all answers, by a person on average.
    pub regret: f64,
    /// Of their own optimum: the median person after [`SOON`], and the one in ten who is known worst after [`ANSWERS`].
    pub soon: f64,
    pub late: f64,
}

/// New people of one population, each from that start.
pub fn meet(population: Population, start: Start, people: std::ops::Range<u64>, seed: u64) -> Outcome {
    let world = World::new(population, seed);
    let met: Vec<_> = people.map(|person| world.meet(start, person)).collect();
    let each = |pick: fn(&Met) -> f64| met.iter().map(pick).collect::<Vec<_>>();
    Outcome {
        regret: each(|met| met.regret).iter().sum::<f64>() / met.len() as f64,
        soon: quantile(&each(|met| met.soon), 0.5),
        late: quantile(&each(|met| met.late), 0.1),
    }
}

struct World {
    population: Population,
    seed: u64,
    /// What all have in common, and what tells the two kinds apart.
    mean: Vec<f64>,
    kind: Vec<f64>,
    taught: Prior,
    everybody: Evidence,
}

struct Met {
    regret: f64,
    soon: f64,
    late: f64,
}

type Rows = [[f64; FEATURES]; CANDIDATES];

impl World {
    fn new(population: Population, seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let mut row = |scale: f64| (0..FEATURES).map(|_| scale * chance.normal()).collect::<Vec<_>>();
        let (mean, kind) = (row(1.0), row(APART));
        let nothing = prior(vec![0.0; FEATURES], 1.0);
        let mut world = Self { population, seed, mean, kind, taught: nothing, everybody: Evidence::new(FEATURES) };
        let before: Vec<_> = (0..BEFORE).map(|person| world.before(person)).collect();
        before.iter().for_each(|evidence| world.everybody.add(evidence));
        world.taught = pool(&world.taught, &before);
        world
    }

    /// Who came before and those who are met are different people.
    fn chance(&self, person: u64, new: bool) -> Chance {
        Chance::new(Chance::new(self.seed ^ person << 1 ^ u64::from(new)).bits())
    }

    fn taste(&self, chance: &mut Chance) -> Vec<f64> {
        let side = if chance.uniform() < 0.5 { 1.0 } else { -1.0 };
        let apart: Vec<f64> = match self.population {
            Population::Alike => vec![0.0; FEATURES],
            Population::TwoKinds => self.kind.iter().map(|kind| side * kind).collect(),
            Population::Different => (0..FEATURES).map(|_| APART * chance.normal()).collect(),
        };
        self.mean.iter().zip(apart).map(|(mean, apart)| mean + apart).collect()
    }

    fn before(&self, person: u64) -> Evidence {
        let mut chance = self.chance(person, false);
        let taste = self.taste(&mut chance);
        let mut evidence = Evidence::new(FEATURES);
        for _ in 0..THEIR_ANSWERS {
            let row = candidates(&mut chance)[0];
            evidence.observe(&row, dot(&row, &taste) + NOISE * chance.normal(), 1.0);
        }
        evidence
    }

    fn meet(&self, start: Start, person: u64) -> Met {
        let mut chance = self.chance(person, true);
        let taste = self.taste(&mut chance);
        // Its own bits, so that all starts meet the same person in the same rounds.
        let mut bits = Chance::new(!chance.bits());
        let (mut belief, width) = match start {
            Start::Taught => (Belief::new(&self.taught), EXPLORES),
            Start::Nothing { spread, width } => (Belief::new(&prior(vec![0.0; FEATURES], spread)), width),
            Start::Everybody { width } => (Belief::of(&prior(vec![0.0; FEATURES], 1.0), &self.everybody), width),
        };
        let fresh: Vec<Rows> = (0..FRESH).map(|_| candidates(&mut chance)).collect();
        let (mut met, mut learnt) = (Met { regret: 0.0, soon: 0.0, late: 0.0 }, 0);
        while learnt < ANSWERS {
            let rows = candidates(&mut chance);
            let chosen = best(&rows, |row| {
                let expected = belief.predict(row);
                expected.mean + width * expected.sd * bits.normal()
            });
            let worth = dot(&chosen, &taste);
            met.regret += dot(&best(&rows, |row| dot(row, &taste)), &taste) - worth;
            belief.learn(&chosen, worth + NOISE * chance.normal(), 1.0);
            learnt += 1;
            if learnt == SOON {
                met.soon = share(&fresh, &belief, &taste);
            }
        }
        met.late = share(&fresh, &belief, &taste);
        met
    }
}

/// Of the person's optimum over these rounds, what the belief's choices come to.
fn share(rounds: &[Rows], belief: &Belief, taste: &[f64]) -> f64 {
    let earns = |of: &dyn Fn(&[f64; FEATURES]) -> f64| -> f64 {
        rounds.iter().map(|rows| dot(&best(rows, |row| of(row)), taste)).sum()
    };
    earns(&|row| dot(row, belief.mean())) / earns(&|row| dot(row, taste))
}

fn candidates(chance: &mut Chance) -> Rows {
    let scale = 1.0 / (FEATURES as f64).sqrt();
    std::array::from_fn(|_| std::array::from_fn(|_| scale * chance.normal()))
}

fn best(rows: &Rows, mut score: impl FnMut(&[f64; FEATURES]) -> f64) -> [f64; FEATURES] {
    let mut best = (f64::NEG_INFINITY, rows[0]);
    for row in rows {
        let score = score(row);
        if score > best.0 {
            best = (score, *row);
        }
    }
    best.1
}

fn dot(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

fn prior(mean: Vec<f64>, spread: f64) -> Prior {
    Prior::independent(mean, &[spread; FEATURES], NOISE * NOISE).unwrap_or_else(|_| unreachable!("all is positive"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taught_prior_is_ahead_of_both_extremes_unless_all_are_alike() {
        let regret = |population, start| meet(population, start, 0..60, 7).regret;
        let nothing = Start::Nothing { spread: 1.0, width: 0.25 };
        let everybody = Start::Everybody { width: 0.25 };
        for population in Population::ALL {
            let (taught, alone) = (regret(population, Start::Taught), regret(population, nothing));
            assert!(taught < 0.74 * alone, "{}: {taught} against {alone}", population.name());
            let together = regret(population, everybody);
            let is_ahead = taught < 0.74 * together;
            assert_eq!(is_ahead, population != Population::Alike, "{}: {taught}, {together}", population.name());
        }
    }
}
