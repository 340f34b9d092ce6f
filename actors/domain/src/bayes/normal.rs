//! Normal variables, and which of several is likely to be the greatest.
//!
//! The exponential and the distribution function are written out here in plain arithmetic: the platform's own differ in
//! their last bits, and a propensity must come back bit for bit on any machine. They also vectorise.

/// A normal variable.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Normal {
    pub mean: f64,
    /// Its standard deviation.
    pub sd: f64,
}

impl Normal {
    /// The probability of more than `limit`.
    pub fn above(&self, limit: f64) -> f64 {
        if self.sd > 0.0 {
            density_and_below((self.mean - limit) / self.sd).1
        } else if self.mean > limit {
            1.0
        } else {
            0.0
        }
    }

    /// What it is on average where it is above nought; nought where that is next to impossible.
    pub fn where_positive(&self) -> f64 {
        if self.sd <= 0.0 {
            return self.mean.max(0.0);
        }
        let (density, below) = density_and_below(self.mean / self.sd);
        if below > NEXT_TO_IMPOSSIBLE { (self.mean + self.sd * density / below).max(0.0) } else { 0.0 }
    }
}

/// Below this a probability has not digits enough to divide by.
const NEXT_TO_IMPOSSIBLE: f64 = 1e-9;

/// So many standard deviations above an option are looked at; beyond lie three in a hundred thousand.
const REACH: f64 = 4.0;
/// Going down, the rest is left away where the greatest lies below with less than this probability.
const NEGLIGIBLE: f64 = 1e-6;
/// The step of the grid in the narrowest standard deviation. The trapezoid rule converges exponentially in it for
/// functions like these (Trefethen and Weideman, SIAM Review 2014).
const STEP: f64 = 0.6;
/// The most nodes: the cost of a decision is bounded.
const MAX_NODES: usize = 96;
/// Where those are too few for the narrowest option, it counts as so many steps wide: the grid cannot miss it.
const NARROWEST_IN_STEPS: f64 = 1.5;
/// No standard deviation is taken for less than this part of the scale of the means.
const TINY: f64 = 1e-9;
/// Where the tails end: `Φ(-7)` is one in a million million.
const TAIL: f64 = 7.0;

const INV_SQRT_TAU: f64 = 0.398_942_280_401_432_7;
/// Hart's rational function for the tail (Computer Approximations, 1968, algorithm 5666, as in West, Wilmott 2005), the
/// highest power first.
const ABOVE: [f64; 7] = [
    3.526_249_659_989_11e-2,
    0.700_383_064_443_688,
    6.373_962_203_531_65,
    33.912_866_078_383,
    112.079_291_497_871,
    221.213_596_169_931,
    220.206_867_912_376,
];
const UNDER: [f64; 8] = [
    8.838_834_764_831_84e-2,
    1.755_667_163_182_64,
    16.064_177_579_207,
    86.780_732_202_946_1,
    296.564_248_779_674,
    637.333_633_378_831,
    793.826_512_519_948,
    440.413_735_824_752,
];

/// The probability of each option being the greatest of them all, were they drawn independently: what Thompson sampling
/// would choose with, computed instead of sampled.
///
/// `P(i) = ∫ φᵢ(x) Πⱼ≠ᵢ Φⱼ(x) dx`, by the trapezoid rule from the highest that any option can be downwards until the
/// greatest is hardly ever lower, then divided by their sum so that they add up to one. An option that is no number has no
/// chance. `out` is replaced; it is also the working space, so that a caller who keeps it allocates once.
pub fn chances(options: &[Normal], out: &mut Vec<f64>) {
    let count = options.len();
    out.clear();
    let Some(grid) = Grid::over(options) else {
        // Nothing can be told apart.
        out.resize(count, 1.0 / count.max(1) as f64);
        return;
    };
    out.resize(5 * count, 0.0);
    let (answer, space) = out.split_at_mut(count);
    let (means, space) = space.split_at_mut(count);
    let (inverses, space) = space.split_at_mut(count);
    let (below, ratios) = space.split_at_mut(count);
    for ((mean, inverse), option) in means.iter_mut().zip(inverses.iter_mut()).zip(options) {
        // What is no number is surely lower than all.
        (*mean, *inverse) =
            if is_number(option) { (option.mean, 1.0 / option.sd.max(grid.narrowest)) } else { (grid.low, 0.0) };
    }
    for node in 0..grid.nodes {
        let x = grid.high - grid.step * node as f64;
        for (((mean, inverse), below), ratio) in means.iter().zip(&*inverses).zip(&mut *below).zip(&mut *ratios) {
            let (density, lower) = density_and_below((x - mean) * inverse);
            *below = if *inverse > 0.0 { lower } else { 1.0 };
            *ratio = density * inverse / lower;
        }
        let all_below = product(below);
        for (chance, ratio) in answer.iter_mut().zip(&*ratios) {
            *chance += all_below * ratio;
        }
        if all_below < NEGLIGIBLE {
            break;
        }
    }
    let sum: f64 = answer.iter().sum();
    answer.iter_mut().for_each(|chance| *chance /= sum);
    out.truncate(count);
}

/// In four lanes so that it vectorises.
fn product(factors: &[f64]) -> f64 {
    let mut lanes = [1.0; 4];
    let fours = factors.chunks_exact(4);
    let rest: f64 = fours.remainder().iter().product();
    for four in fours {
        for lane in 0..4 {
            lanes[lane] *= four[lane];
        }
    }
    (lanes[0] * lanes[1]) * (lanes[2] * lanes[3]) * rest
}

/// Equally spaced nodes from `high` down to `low`.
struct Grid {
    low: f64,
    high: f64,
    step: f64,
    nodes: usize,
    /// No option is taken for narrower.
    narrowest: f64,
}

impl Grid {
    fn over(options: &[Normal]) -> Option<Self> {
        let scale = numbers(options).map(|option| option.mean.abs()).fold(1.0, f64::max);
        let (low, high, narrowest) = span(options, TINY * scale)?;
        let wanted = ((high - low) / (STEP * narrowest)).ceil();
        if wanted < MAX_NODES as f64 {
            let nodes = wanted as usize + 1;
            return Some(Self { low, high, step: (high - low) / wanted, nodes, narrowest });
        }
        let steps = (MAX_NODES - 1) as f64;
        // What is taken for wider needs a wider stretch.
        let (low, high, narrowest) = span(options, NARROWEST_IN_STEPS * (high - low) / steps)?;
        Some(Self { low, high, step: (high - low) / steps, nodes: MAX_NODES, narrowest })
    }
}

/// Where the greatest can lie, and the narrowest of those that it can be, none being narrower than `floor`.
fn span(options: &[Normal], floor: f64) -> Option<(f64, f64, f64)> {
    let edges = || {
        numbers(options).map(|Normal { mean, sd }| {
            let sd = sd.max(floor);
            (mean - REACH * sd, mean + REACH * sd, sd)
        })
    };
    let low = edges().map(|(low, ..)| low).reduce(f64::max)?;
    let contenders = || edges().filter(|(_, high, _)| *high >= low);
    let high = contenders().map(|(_, high, _)| high).fold(low, f64::max);
    Some((low, high, contenders().map(|(.., sd)| sd).fold(f64::INFINITY, f64::min)))
}

fn numbers(options: &[Normal]) -> impl Iterator<Item = Normal> + '_ {
    options.iter().copied().filter(is_number)
}

fn is_number(option: &Normal) -> bool {
    option.mean.is_finite() && option.sd.is_finite() && option.sd >= 0.0
}

/// The standard normal density at `z`, and the probability below it, to ten digits of each tail.
#[inline]
fn density_and_below(z: f64) -> (f64, f64) {
    let z = z.clamp(-TAIL, TAIL);
    let distance = z.abs();
    let bell = exp(-0.5 * distance * distance);
    let tail = bell * polynomial(&ABOVE, distance) / polynomial(&UNDER, distance);
    (bell * INV_SQRT_TAU, if z > 0.0 { 1.0 - tail } else { tail })
}

#[inline]
fn polynomial(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().fold(0.0, |sum, coefficient| sum * x + coefficient)
}

/// `eˣ` to twelve digits, for `x` within ±700: a power of two times a Taylor sum over at most half of `ln 2`
/// (Cody and Waite, 1980). What is beyond is taken for the limit.
#[inline]
fn exp(x: f64) -> f64 {
    /// Added and taken off again, this rounds to a whole number and leaves it in the low bits: one and a half of 2⁵².
    const ROUNDER: f64 = 6_755_399_441_055_744.0;
    /// `ln 2` in two parts, the first with enough zeros at its end to be multiplied exactly.
    const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    /// One over the factorials, from the tenth down.
    const TAYLOR: [f64; 11] = [
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5_040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
        1.0,
    ];
    let x = x.clamp(-700.0, 700.0);
    let rounded = x * std::f64::consts::LOG2_E + ROUNDER;
    let twos = rounded - ROUNDER;
    let rest = (x - twos * LN_2_HIGH) - twos * LN_2_LOW;
    let power = f64::from_bits(rounded.to_bits().wrapping_add(1023) << 52);
    polynomial(&TAYLOR, rest) * power
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn chances_of(options: &[(f64, f64)]) -> Vec<f64> {
        let options: Vec<_> = options.iter().map(|&(mean, sd)| Normal { mean, sd }).collect();
        let mut out = Vec::new();
        chances(&options, &mut out);
        out
    }

    #[test]
    fn the_distribution_function_is_that_of_the_tables() {
        // Abramowitz and Stegun, table 26.1, and for the tail R's pnorm.
        for (z, below) in [
            (0.0, 0.5),
            (1.0, 0.841_344_746_068_543),
            (-1.0, 0.158_655_253_931_457),
            (1.96, 0.975_002_104_851_780),
            (-5.0, 2.866_515_718_791_94e-7),
        ] {
            let found = density_and_below(z).1;
            assert!((found / below - 1.0).abs() < 1e-10, "{z}: {found}");
        }
    }

    #[test]
    fn two_options_have_the_chances_of_their_difference() {
        // P(X > Y) = Φ((μ₁ - μ₂) / √(σ₁² + σ₂²)).
        for (one, other) in [((0.3, 0.5), (0.0, 1.0)), ((0.0, 0.2), (0.1, 0.2)), ((1.0, 0.1), (0.0, 0.9))] {
            let expected = density_and_below((one.0 - other.0) / f64::hypot(one.1, other.1)).1;
            let found = chances_of(&[one, other]);
            assert!((found[0] - expected).abs() < 1e-4, "{found:?} against {expected}");
        }
    }

    #[test]
    fn equals_have_equal_chances() {
        for count in [1, 2, 7, 40] {
            for chance in chances_of(&vec![(0.4, 0.3); count]) {
                assert!((chance - 1.0 / count as f64).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn a_sharp_option_among_wide_ones_is_seen() {
        let found = chances_of(&[(0.0, 1.0), (1.0, 1e-6)]);
        assert!((found[1] - density_and_below(1.0).1).abs() < 0.01, "{found:?}");
        let sure = chances_of(&[(0.0, 0.0), (1.0, 0.0), (1.0, 0.0)]);
        assert!(sure[0] < 1e-9 && (sure[1] - 0.5).abs() < 1e-9, "{sure:?}");
    }

    #[test]
    fn what_is_no_number_has_no_chance() {
        assert_eq!(chances_of(&[(f64::NAN, 1.0), (0.0, 1.0), (0.0, f64::INFINITY)]), [0.0, 1.0, 0.0]);
        assert_eq!(chances_of(&[(f64::NAN, 1.0), (0.0, f64::NAN)]), [0.5, 0.5]);
        assert_eq!(chances_of(&[]), [0.0; 0]);
    }

    #[test]
    fn chances_are_the_frequencies_of_drawing() {
        let options = [(0.2, 0.3), (0.0, 0.8), (0.4, 0.1), (-0.5, 0.4), (0.3, 0.3)];
        let told = chances_of(&options);
        // Draws at the points of a lattice (Korobov's, by powers of the generalised golden ratio), through the inverse
        // of the distribution function by bisection.
        let inverse = |p: f64| {
            let (mut low, mut high) = (-TAIL, TAIL);
            for _ in 0..24 {
                let middle = 0.5 * (low + high);
                if density_and_below(middle).1 < p { low = middle } else { high = middle }
            }
            low
        };
        let mut wins = [0.0; 5];
        let draws = 20_000u32;
        for draw in 1..=draws {
            let drawn = options.iter().enumerate().map(|(index, (mean, sd))| {
                let p = (0.5 + f64::from(draw) * 1.197_f64.powi(-(index as i32 + 1))).fract();
                mean + sd * inverse(p)
            });
            let best = drawn.enumerate().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap().0;
            wins[best] += 1.0 / f64::from(draws);
        }
        for (won, told) in wins.iter().zip(&told) {
            assert!((won - told).abs() < 0.01, "{wins:?} against {told:?}");
        }
    }

    proptest! {
        #[test]
        fn the_exponential_is_the_exponential(x in -600.0f64..600.0) {
            prop_assert!((exp(x) / x.exp() - 1.0).abs() < 1e-12);
        }

        #[test]
        fn chances_sum_to_one_and_none_is_negative(
            options in prop::collection::vec((-3.0f64..3.0, 0.0f64..3.0), 1..50), scale in -12i32..6,
        ) {
            let scale = 10f64.powi(scale);
            let scaled: Vec<_> = options.iter().map(|(mean, sd)| (mean * scale, sd * scale)).collect();
            let found = chances_of(&scaled);
            prop_assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            prop_assert!(found.iter().all(|chance| (0.0..=1.0).contains(chance)));
        }

        #[test]
        fn a_better_option_has_a_better_chance(
            options in prop::collection::vec((-1.0f64..1.0, 0.1f64..1.0), 2..20), gain in 0.05f64..2.0,
        ) {
            let before = chances_of(&options)[0];
            let mut better = options;
            better[0].0 += gain;
            prop_assert!(chances_of(&better)[0] >= before - 1e-4);
        }
    }
}
