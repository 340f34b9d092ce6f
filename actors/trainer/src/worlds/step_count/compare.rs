//! The comparison: who gets how many steps, life by life, with intervals over seeds.

use super::deciders::{Decider, FADINGS, Fixed, LinearThompson, Planning, SPREADS};
use super::optimum::Optimum;
use super::{Life, Noise, Rules, SLOTS, Seeded};
use oo_domain::planner::{Answer, HabituationMeans, PatienceMeans};
use std::fmt;

/// The clip that oO serves with, and none.
const CLIPS: [f64; 2] = [0.0, 0.05];

/// Lives that the myopic rival gets, whatever ours gets: as many as in its published run.
const RIVAL_LIVES: usize = 140;

/// A mean over seeds and half the width of its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    pub mean: f64,
    pub half: f64,
}

/// One decider in one world.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub decider: String,
    pub lives: usize,
    /// Steps in the first and in the last life, and in a life on average over all.
    pub first: Estimate,
    pub last: Estimate,
    pub average: Estimate,
}

/// One world.
#[derive(Debug, Clone, PartialEq)]
pub struct World {
    pub name: &'static str,
    pub rules: Rules,
    pub rows: Vec<Row>,
    /// What the planner believes in the end, by seed.
    pub beliefs: Vec<(HabituationMeans, PatienceMeans)>,
}

/// All of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    pub seeds: u64,
    pub lives: usize,
    pub worlds: Vec<World>,
}

/// Runs everybody in the published worlds, and ours in others of the same form, on the seeds from `seeds.start`.
pub fn compare(seeds: std::ops::Range<u64>, lives: usize) -> Comparison {
    let published = [(0.0, "published, sigma 0"), (0.4, "published, sigma 0.4")];
    let mut worlds: Vec<World> = published
        .into_iter()
        .map(|(sigma, name)| world(name, Rules { sigma, ..Rules::default() }, &seeds, lives, true))
        .collect();
    worlds.extend(others().into_iter().map(|(name, rules)| world(name, rules, &seeds, lives, false)));
    Comparison { seeds: seeds.end - seeds.start, lives, worlds }
}

/// Worlds of the same form with other figures: whether ours fits the published ones only.
fn others() -> [(&'static str, Rules); 6] {
    let plain = Rules { sigma: 0.4, ..Rules::default() };
    let noise = Some(Noise { width: 0.2, steps: 20.0 });
    [
        ("stochastic version, sigma 0.4", Rules { noise, ..plain }),
        ("wears off twice as fast", Rules { wear: 0.1, recovery: 0.2, ..plain }),
        ("wears off slowly, stays long", Rules { wear: 0.015, recovery: 0.03, ..plain }),
        ("leaves after one or two wrong sends", Rules { annoyance: 0.9, ..plain }),
        ("never leaves", Rules { annoyance: 0.0, ..plain }),
        ("hardly any cue, good general send", Rules { sigma: 0.8, general: 120.0, ..plain }),
    ]
}

fn world(name: &'static str, rules: Rules, seeds: &std::ops::Range<u64>, lives: usize, rivals: bool) -> World {
    let mut rows = Vec::new();
    let mut beliefs = Vec::new();
    let optimum = Optimum::new(rules);
    let best = seeds.clone().map(|seed| vec![best_life(&optimum, rules, seed)]).collect::<Vec<_>>();
    rows.push(row("optimum, who knows the world", &best));
    for clip in CLIPS {
        let mut returns = Vec::new();
        for seed in seeds.clone() {
            let mut planning = Planning::new(clip);
            returns.push(live(&mut planning, rules, seed, lives));
            if clip == 0.0 {
                beliefs.push(planning.0.means());
            }
        }
        rows.push(row(&format!("planner, sends clipped to [{clip}, {}]", 1.0 - clip), &returns));
    }
    let fixed = [
        ("every second slot, tailored", Fixed::EverySecond),
        ("always, tailored", Fixed::Always),
        ("random", Fixed::Random),
        ("never", Fixed::Never),
    ];
    for (name, fixed) in fixed.into_iter().filter(|_| rivals) {
        rows.push(row(name, &seeds.clone().map(|seed| live(&mut { fixed }, rules, seed, lives)).collect::<Vec<_>>()));
    }
    if rivals {
        rows.push(linear_thompson(rules, seeds));
    }
    World { name, rules, rows, beliefs }
}

/// The best of the rival's configurations in its last life.
fn linear_thompson(rules: Rules, seeds: &std::ops::Range<u64>) -> Row {
    let tried = SPREADS.into_iter().flat_map(|spread| FADINGS.map(|fading| (spread, fading)));
    tried
        .map(|(spread, fading)| {
            let run = |seed| live(&mut LinearThompson::new(spread, fading), rules, seed, RIVAL_LIVES);
            row("linear Thompson sampling, best of 15", &seeds.clone().map(run).collect::<Vec<_>>())
        })
        .max_by(|a, b| a.last.mean.total_cmp(&b.last.mean))
        .unwrap_or_else(|| unreachable!("there are fifteen"))
}

/// Steps in each life.
fn live(decider: &mut impl Decider, rules: Rules, seed: u64, lives: usize) -> Vec<f64> {
    let (mut dice, mut bits) = (Seeded::new(seed), Seeded::new(!seed));
    (0..lives)
        .map(|_| {
            let mut life = Life::new(rules);
            decider.begin();
            let mut steps = 0.0;
            for _ in 0..SLOTS {
                let action = decider.act(life.cue(), bits.bits());
                let step = life.step(action, &mut dice);
                steps += step.reward;
                decider.learn(if step.done { Answer::Left } else { Answer::Worth(step.reward) });
                if step.done {
                    break;
                }
            }
            steps
        })
        .collect()
}

/// The mean of a hundred lives of one who knows. That a life begins in the first context is part of the rules.
fn best_life(optimum: &Optimum, rules: Rules, seed: u64) -> f64 {
    const LIVES: usize = 100;
    let mut dice = Seeded::new(seed);
    let mut steps = 0.0;
    for _ in 0..LIVES {
        let mut life = Life::new(rules);
        for slot in 0..SLOTS {
            let belief = if slot == 0 { [1.0, 0.0] } else { life.cue().belief };
            let step = life.step(optimum.act(&life, belief), &mut dice);
            steps += step.reward;
            if step.done {
                break;
            }
        }
    }
    steps / LIVES as f64
}

fn row(decider: &str, returns: &[Vec<f64>]) -> Row {
    let over = |of: fn(&Vec<f64>) -> f64| estimate(&returns.iter().map(of).collect::<Vec<_>>());
    Row {
        decider: decider.to_owned(),
        lives: returns.first().map_or(0, Vec::len),
        first: over(|lives| lives.first().copied().unwrap_or_default()),
        last: over(|lives| lives.last().copied().unwrap_or_default()),
        average: over(|lives| lives.iter().sum::<f64>() / lives.len() as f64),
    }
}

/// Student's interval.
fn estimate(values: &[f64]) -> Estimate {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
    Estimate { mean, half: student(count - 1.0) * (variance / count).sqrt() }
}

/// The 97.5 % quantile of Student's t: Fisher's expansion (Abramowitz and Stegun, 26.7.5), within 0.001 from ten degrees
/// of freedom on.
fn student(freedom: f64) -> f64 {
    const Z: f64 = 1.959_963_984_540_054;
    let nu = freedom.max(1.0);
    let first = (Z.powi(3) + Z) / 4.0;
    let second = (5.0 * Z.powi(5) + 16.0 * Z.powi(3) + 3.0 * Z) / 96.0;
    let third = (3.0 * Z.powi(7) + 19.0 * Z.powi(5) + 17.0 * Z.powi(3) - 15.0 * Z) / 384.0;
    Z + first / nu + second / nu.powi(2) + third / nu.powi(3)
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0} ± {:.0}", self.mean, self.half)
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "StepCountJITAI: steps in a life of {SLOTS} slots; {} seeds, 95 % intervals", self.seeds)?;
        for world in &self.worlds {
            writeln!(f, "\n{}", world.name)?;
            writeln!(f, "  {:<40} {:>5} {:>14} {:>14} {:>14}", "", "lives", "first life", "last life", "average")?;
            for row in &world.rows {
                writeln!(
                    f,
                    "  {:<40} {:>5} {:>14} {:>14} {:>14}",
                    row.decider, row.lives, row.first, row.last, row.average
                )?;
            }
            let believed = |of: fn(&(HabituationMeans, PatienceMeans)) -> f64| {
                let Estimate { mean, half } = estimate(&world.beliefs.iter().map(of).collect::<Vec<_>>());
                format!("{mean:.3} ± {half:.3}")
            };
            let rules = &world.rules;
            for (what, true_one, believed) in [
                ("habituation, growth", rules.wear, believed(|(habituation, _)| habituation.growth)),
                ("habituation, recovery", rules.recovery, believed(|(habituation, _)| habituation.recovery)),
                ("disengagement, growth", rules.annoyance, believed(|(_, patience)| patience.growth)),
                ("disengagement, relief", rules.relief, believed(|(_, patience)| patience.relief)),
            ] {
                writeln!(f, "  {what:<40} true {true_one:.3}, believed {believed}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_students() {
        assert!((student(19.0) - 2.0930).abs() < 0.001);
        assert!((student(10.0) - 2.2281).abs() < 0.001);
        let Estimate { mean, half } = estimate(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0]);
        assert!((mean - 6.0).abs() < 1e-12 && (half - 2.2281).abs() < 0.01, "{half}");
    }

    #[test]
    fn fixed_rules_earn_what_was_measured_in_the_original() {
        let earned = |fixed: Fixed| {
            let lives: Vec<f64> = (0..20).flat_map(|seed| live(&mut { fixed }, Rules::default(), seed, 20)).collect();
            estimate(&lives).mean
        };
        assert!((earned(Fixed::Never) - 5.0).abs() < 1e-9);
        assert!((earned(Fixed::Always) - 1535.0).abs() < 1.0);
        assert!((earned(Fixed::Random) - 506.0).abs() < 40.0, "{}", earned(Fixed::Random));
        assert!((earned(Fixed::EverySecond) - 3155.0).abs() < 1.0, "{}", earned(Fixed::EverySecond));
    }

    #[test]
    fn the_planner_learns_to_keep_silent_for_a_reason() {
        let lives = live(&mut Planning::new(0.05), Rules::default(), 1, 4);
        assert!(lives[3] > 2683.0, "{lives:?}");
    }
}
