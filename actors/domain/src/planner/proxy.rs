//! What one tip of now takes away from those to come, in closed form: the planner's habituation for a service that has no
//! end and no slots.
//!
//! With the dosage `D`, an exponentially decayed count of tips, a tip is worth `w·exp(-κD)`: each earlier one leaves the
//! share `exp(-κ)` of it while it is fresh. One more tip now multiplies the worth of one a time `t` later by
//! `exp(-κ·2^(-t/half-life))`. Over tips at an even pace that loses
//!
//! ```text
//! pace · w · ∫₀^∞ (1 - exp(-κ·2^(-t/half-life))) dt  =  pace · half-life / ln 2 · w · Ein(κ)
//! ```
//!
//! with the entire exponential integral `Ein(κ) = ∫₀^κ (1 - e⁻ᵘ)/u du` (Abramowitz and Stegun, 5.1.11). A slight burden
//! gives what a straight line would, `pace · half-life / ln 2 · κw`; a heavy one less, because no tip can lose more than it
//! is worth.

/// A burden of twenty times a tip's worth is as bad as any: all of it is lost for days. Beyond, the series loses digits.
const WORST: f64 = 20.0;
/// Terms of the series: the last is below the last digit of the sum.
const TERMS: u32 = 100;

/// The worth that one tip of now takes away from those after it.
///
/// `per_tip` is what one fresh tip takes from the worth of the next, `worth` what a tip is worth, `pace` tips in a day and
/// `half_life` the dosage's, in days. Whoever listens better for having been told more is charged nothing, and not paid.
pub fn future_cost(per_tip: f64, worth: f64, pace: f64, half_life: f64) -> f64 {
    if per_tip <= 0.0 || worth <= 0.0 {
        return 0.0;
    }
    pace * half_life / std::f64::consts::LN_2 * worth * ein(per_tip / worth)
}

/// By its series, in plain arithmetic: a platform's own logarithm differs in its last bits, and a price must come back bit
/// for bit.
fn ein(x: f64) -> f64 {
    let x = x.min(WORST);
    let mut sum = 0.0;
    let mut power = -1.0;
    for k in 1..=TERMS {
        let k = f64::from(k);
        // (-1)^(k+1) x^k / k!
        power *= -x / k;
        sum += power / k;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ein_is_the_tabulated_one() {
        // E1(x) + ln x + γ with E1 of Abramowitz and Stegun, table 5.1.
        const EULER: f64 = 0.577_215_664_901_532_9;
        for (x, e1) in [(0.5, 0.559_773_595), (1.0, 0.219_383_934), (2.0, 0.048_900_511), (WORST, 0.0)] {
            let expected: f64 = e1 + f64::ln(x) + EULER;
            assert!((ein(x) - expected).abs() < 1e-8, "{x}: {} for {expected}", ein(x));
        }
    }

    #[test]
    fn it_is_what_a_tip_really_takes_from_those_after_it() {
        let (worth, pace, half_life) = (0.4, 12.0, 1.5);
        for kappa in [0.02_f64, 0.3, 1.5] {
            // Tips at even times, each with and without the one of now.
            let lost: f64 = (0..2000)
                .map(|tip| (f64::from(tip) + 0.5) / pace)
                .map(|days| worth * (1.0 - (-kappa * (-days / half_life).exp2()).exp()))
                .sum();
            let cost = future_cost(kappa * worth, worth, pace, half_life);
            assert!((cost / lost - 1.0).abs() < 0.01, "{kappa}: {cost} for {lost}");
        }
    }

    #[test]
    fn a_slight_burden_costs_as_a_straight_line_and_a_heavy_one_less() {
        let line = |per_tip: f64| 3.0 / std::f64::consts::LN_2 * per_tip;
        assert!((future_cost(0.001, 0.5, 3.0, 1.0) / line(0.001) - 1.0).abs() < 0.001);
        assert!(future_cost(1.0, 0.5, 3.0, 1.0) < 0.7 * line(1.0));
        assert_eq!(future_cost(-0.1, 0.5, 3.0, 1.0), 0.0);
        assert_eq!(future_cost(0.1, 0.0, 3.0, 1.0), 0.0);
    }
}
