//! A change of taste: how soon each way of forgetting is back, and what it costs while nothing changes (aim G11).
//!
//! A person's worths are linear in a candidate's features. Each round offers eight candidates at random; the choice is
//! Thompson sampling on the domain's own belief. After some rounds the person becomes somebody else.

use oo_domain::bayes::change::{KEPT, Suspicion};
use oo_domain::bayes::{Belief, Evidence, Prior};
use oo_domain::planner::chance::Chance;
use std::fmt;

const CANDIDATES: usize = 8;
/// Rounds before the change, the last of them steady, and after it.
const BEFORE: usize = 200;
const STEADY: usize = 50;
const AFTER: usize = 60;
/// Rounds over which a share is taken, and the share that counts as being back.
const WINDOW: usize = 5;
const BACK: f64 = 0.9;

/// A way of forgetting.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Forgetting {
    Never,
    /// At each answer the earlier ones keep this share.
    Steady(f64),
    /// When a change was noticed.
    AtChange,
}

const WAYS: [Forgetting; 6] = [
    Forgetting::Never,
    Forgetting::Steady(0.99),
    Forgetting::Steady(0.97),
    Forgetting::Steady(0.95),
    Forgetting::Steady(0.9),
    Forgetting::AtChange,
];

/// Features and the noise of a reward, whose spread over candidates is about one. The first four are those that the
/// thresholds were chosen on, the others were not looked at before.
const WORLDS: [(usize, f64); 6] = [(4, 0.3), (8, 0.3), (8, 0.5), (4, 0.8), (6, 0.2), (12, 0.3)];

/// One way in one world.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    pub features: usize,
    pub noise: f64,
    pub forgetting: Forgetting,
    /// Share of the optimum while nothing changes, and from the sixteenth to the twentieth answer after the change.
    pub steady: f64,
    pub after_twenty: f64,
    /// Answers until a window is back, after the change and for somebody new.
    pub back: Option<usize>,
    pub new: Option<usize>,
    /// Alarms per thousand answers while nothing changed.
    pub false_alarms: f64,
}

/// All of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Study {
    pub seeds: u64,
    pub rows: Vec<Row>,
}

/// Runs every way in every world.
pub fn study(seeds: std::ops::Range<u64>) -> Study {
    let rows = WORLDS
        .into_iter()
        .flat_map(|(features, noise)| WAYS.map(|forgetting| row(features, noise, forgetting, &seeds)))
        .collect();
    Study { seeds: seeds.end - seeds.start, rows }
}

fn row(features: usize, noise: f64, forgetting: Forgetting, seeds: &std::ops::Range<u64>) -> Row {
    let mut rounds = vec![(0.0, 0.0); BEFORE + AFTER];
    let mut alarms = 0;
    for seed in seeds.clone() {
        alarms += live(features, noise, forgetting, seed, &mut rounds);
    }
    let share = |from: usize, to: usize| {
        let (earned, best) = rounds[from..to].iter().fold((0.0, 0.0), |sum, next| (sum.0 + next.0, sum.1 + next.1));
        earned / best
    };
    let back = |from: usize| (0..AFTER - WINDOW).find(|round| share(from + round, from + round + WINDOW) >= BACK);
    Row {
        features,
        noise,
        forgetting,
        steady: share(BEFORE - STEADY, BEFORE),
        after_twenty: share(BEFORE + 20 - WINDOW, BEFORE + 20),
        back: back(BEFORE),
        new: back(0),
        false_alarms: 1000.0 * f64::from(alarms) / ((seeds.end - seeds.start) as f64 * BEFORE as f64),
    }
}

/// Adds what one person's rounds earned and could have earned; answers the false alarms.
fn live(features: usize, noise: f64, forgetting: Forgetting, seed: u64, rounds: &mut [(f64, f64)]) -> u32 {
    let (mut world, mut bits) = (Chance::new(seed), Chance::new(!seed));
    let prior = Prior::independent(vec![0.0; features], &vec![1.0; features], noise * noise)
        .unwrap_or_else(|_| unreachable!("all of it is positive"));
    let anybody = Belief::new(&prior);
    let (mut evidence, mut suspicion, mut alarms) = (Evidence::new(features), Suspicion::default(), 0);
    let mut taste: Vec<f64> = (0..features).map(|_| world.normal()).collect();
    for (round, (earned, best)) in rounds.iter_mut().enumerate() {
        if round == BEFORE {
            taste = (0..features).map(|_| world.normal()).collect();
        }
        let candidates: Vec<Vec<f64>> = (0..CANDIDATES)
            .map(|_| (0..features).map(|_| world.normal() / (features as f64).sqrt()).collect())
            .collect();
        let worth = |x: &Vec<f64>| x.iter().zip(&taste).map(|(x, liked)| x * liked).sum::<f64>();
        let person = Belief::of(&prior, &evidence);
        let mut scores = Vec::with_capacity(CANDIDATES);
        for x in &candidates {
            let expected = person.predict(x);
            scores.push(expected.mean + expected.sd * bits.normal());
        }
        let chosen = (1..CANDIDATES).fold(0, |best, next| if scores[next] > scores[best] { next } else { best });
        let chosen = &candidates[chosen];
        *earned += worth(chosen);
        *best += candidates.iter().map(worth).fold(f64::NEG_INFINITY, f64::max);
        let reward = worth(chosen) + noise * world.normal();
        match forgetting {
            Forgetting::Never => {}
            Forgetting::Steady(share) => evidence.fade(share),
            Forgetting::AtChange => {
                if suspicion.hear(&person, &anybody, chosen, reward) {
                    evidence.fade(KEPT);
                    alarms += u32::from(round < BEFORE);
                }
            }
        }
        evidence.observe(chosen, reward, 1.0);
    }
    alarms
}

impl fmt::Display for Study {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "a change of taste after {BEFORE} answers, {} people", self.seeds)?;
        writeln!(f, "features  noise  forgetting     steady  at 16-20  back after  (new person)  alarms/1000")?;
        for row in &self.rows {
            let name = match row.forgetting {
                Forgetting::Never => "never".to_owned(),
                Forgetting::Steady(share) => format!("{share} each"),
                Forgetting::AtChange => "at a change".to_owned(),
            };
            let answers = |back: Option<usize>| back.map_or(format!("> {}", AFTER - WINDOW), |back| back.to_string());
            writeln!(
                f,
                "{:>8}  {:>5}  {name:<12}  {:>6.1}%  {:>7.1}%  {:>10}  {:>12}  {:>11.2}",
                row.features,
                row.noise,
                100.0 * row.steady,
                100.0 * row.after_twenty,
                answers(row.back),
                answers(row.new),
                row.false_alarms
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_noticed_change_is_followed_within_twenty_answers_and_costs_next_to_nothing() {
        let at_change = row(4, 0.3, Forgetting::AtChange, &(0..60));
        let never = row(4, 0.3, Forgetting::Never, &(0..60));
        assert!(at_change.back.is_some_and(|answers| answers <= 20), "{at_change:?}");
        assert!(never.steady - at_change.steady <= 0.02 && never.back.is_none(), "{never:?} {at_change:?}");
    }
}
