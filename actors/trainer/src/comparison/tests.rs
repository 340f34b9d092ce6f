//! An interval that holds at all looks, and a winner that is one.

use super::*;
use crate::evaluation::SplitMix;

/// The coverage that the theorem promises: over all looks together, not at each.
#[test]
fn the_truth_is_left_in_at_all_looks_together() {
    let mut misses = 0;
    let runs = 400;
    for seed in 0..runs {
        let mut dice = SplitMix::new(seed);
        let (mut sum, mut squares) = (0.0, 0.0);
        let missed = (1..=500).any(|count| {
            let value = dice.normal();
            sum += value;
            squares += value * value;
            let count = f64::from(count);
            let mean = sum / count;
            let sd = ((squares - count * mean * mean) / (count - 1.0).max(1.0)).sqrt();
            count >= FEWEST as f64 && mean.abs() > sd * boundary(count, ALPHA)
        });
        misses += u32::from(missed);
    }
    // Five in a hundred, and three deviations of that.
    assert!(f64::from(misses) < 0.083 * runs as f64, "{misses} of {runs}");
}

fn so_far(low: f64, high: f64) -> ArmSoFar {
    ArmSoFar { people: 50, decisions: 500, mean: (low + high) / 2.0, within: Some(low..high) }
}

#[test]
fn an_arm_wins_only_beyond_all_others() {
    assert_eq!(winner(&[so_far(0.0, 0.2), so_far(0.3, 0.5)]), Some(1));
    assert_eq!(winner(&[so_far(0.0, 0.4), so_far(0.3, 0.5)]), None);
    let unknown = ArmSoFar { within: None, ..so_far(0.0, 0.1) };
    assert_eq!(winner(&[unknown, so_far(0.3, 0.5)]), None);
}
