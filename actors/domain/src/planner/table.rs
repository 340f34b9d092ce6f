//! The best that can still come in one drawn world, by backward induction over slots, habituation and disengagement.

use super::habituation::Wear;
use super::patience::{Temper, leaves};
use super::{CONTEXTS, Effects, SENDS};

/// Points of habituation and of disengagement, with straight lines between them.
const LEVELS: usize = 25;
const TEMPERS: usize = 13;
const PAGE: usize = LEVELS * TEMPERS;

/// A send that brings less than this share of the best effect was of no use.
const NIL: f64 = 0.1;

/// A probability and the belief that comes with it.
pub(super) type Cue = (f64, [f64; CONTEXTS]);

/// The value of each action, silence first.
pub(super) type Values = [f64; SENDS + 1];

/// A drawn world with the value of what can still come in it.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) wear: Wear,
    pub(super) temper: Temper,
    useless: [[bool; CONTEXTS]; SENDS],
    /// A page for each number of slots that remain, nought included; habituation by disengagement.
    values: Vec<f64>,
}

impl Table {
    /// What is best where `slots` remain, and fewer, and cues come as these.
    pub(super) fn new(wear: Wear, temper: Temper, cues: &[Cue], slots: usize) -> Self {
        let useless = useless(&wear.effects);
        let mut values = Vec::with_capacity((slots + 1) * PAGE);
        values.resize(PAGE, 0.0);
        let mut table = Self { wear, temper, useless, values };
        for remaining in 1..=slots {
            for level in 0..LEVELS {
                for temper in 0..TEMPERS {
                    let (level, temper) = (level as f64 / (LEVELS - 1) as f64, temper as f64 / (TEMPERS - 1) as f64);
                    let outcomes = table.outcomes(level, temper, remaining);
                    let value = |(share, belief): &Cue| share * best(&outcomes.expected(*belief));
                    table.values.push(cues.iter().map(value).sum());
                }
            }
        }
        table
    }

    /// The value of each action where so many slots are left, this one included.
    pub(super) fn values(&self, level: f64, temper: f64, belief: [f64; CONTEXTS], remaining: usize) -> Values {
        self.outcomes(level, temper, remaining).expected(belief)
    }

    fn outcomes(&self, level: f64, temper: f64, remaining: usize) -> Outcomes {
        let later = remaining - 1;
        let wear = &self.wear;
        let silence = wear.base + self.at(later, level * (1.0 - wear.recovery), temper);
        let level = (level + wear.growth).min(1.0);
        let (pleased, annoyed) = (self.temper.pleased(temper), self.temper.annoyed(temper));
        // Who leaves takes even what this send was worth along.
        let stays = 1.0 - leaves(annoyed);
        let (pleased, annoyed) = (self.at(later, level, pleased), self.at(later, level, annoyed));
        let mut sends = [[0.0; CONTEXTS]; SENDS];
        let known = wear.effects.as_flattened().iter().zip(self.useless.as_flattened());
        for (value, (effect, useless)) in sends.as_flattened_mut().iter_mut().zip(known) {
            let now = wear.base + (1.0 - level) * effect;
            *value = if *useless { stays * (now + annoyed) } else { now + pleased };
        }
        Outcomes { silence, sends }
    }

    fn at(&self, remaining: usize, level: f64, temper: f64) -> f64 {
        let page = &self.values[remaining * PAGE..][..PAGE];
        let (row, x) = point(level, LEVELS);
        let (column, y) = point(temper, TEMPERS);
        let corner = row * TEMPERS + column;
        let near = page[corner] + (page[corner + 1] - page[corner]) * y;
        let far = page[corner + TEMPERS] + (page[corner + TEMPERS + 1] - page[corner + TEMPERS]) * y;
        near + (far - near) * x
    }
}

/// The value of silence, and of each send in each circumstance.
struct Outcomes {
    silence: f64,
    sends: Effects,
}

impl Outcomes {
    fn expected(&self, belief: [f64; CONTEXTS]) -> Values {
        let mut values = [self.silence; SENDS + 1];
        for (value, send) in values[1..].iter_mut().zip(&self.sends) {
            *value = send.iter().zip(belief).map(|(value, share)| value * share).sum();
        }
        values
    }
}

fn best(values: &Values) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

/// Which sends are of no use in which circumstances.
pub(super) fn useless(effects: &Effects) -> [[bool; CONTEXTS]; SENDS] {
    let most = effects.as_flattened().iter().copied().fold(0.0, f64::max);
    effects.map(|send| send.map(|effect| effect < NIL * most))
}

/// The grid's point below, and how far beyond it.
fn point(level: f64, points: usize) -> (usize, f64) {
    let place = level.clamp(0.0, 1.0) * (points - 1) as f64;
    let below = (place as usize).min(points - 2);
    (below, place - below as f64)
}
