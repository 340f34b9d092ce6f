//! The planner as a whole, in a small world of the form it assumes. The published world is tried in the trainer.

use super::*;
use proptest::prelude::*;

const SETTING: Setting = Setting { slots: 12, bound: 1.0, clip: (0.05, 0.95) };

/// One life in which the first send is worth `effect` while fresh, and nobody leaves.
fn live(planner: &mut Planner, effect: f64, growth: f64, recovery: f64, chance: &mut Chance) -> (f64, usize) {
    let (mut level, mut total, mut sends) = (0.0_f64, 0.0, 0);
    planner.begin();
    for _ in 0..SETTING.slots {
        let worth = match planner.decide([1.0, 0.0], chance.bits()).action {
            Action::Silence => {
                level *= 1.0 - recovery;
                0.0
            }
            Action::Send(send) => {
                level = (level + growth).min(1.0);
                sends += 1;
                if send == 0 { (1.0 - level) * effect } else { 0.0 }
            }
        };
        total += worth;
        planner.learn(Answer::Worth(worth));
    }
    (total, sends)
}

#[test]
fn a_send_that_wears_off_fast_is_sent_less_often() {
    let sends = |growth| {
        let (mut planner, mut chance) = (Planner::new(SETTING), Chance::new(7));
        (0..6).map(|_| live(&mut planner, 0.6, growth, 0.3, &mut chance).1).skip(2).sum::<usize>()
    };
    let (slow, fast) = (sends(0.01), sends(0.5));
    assert!(slow >= 40 && fast <= 28, "{slow} and {fast} of 48");
}

#[test]
fn where_every_send_drives_away_silence_is_chosen() {
    let (mut planner, mut chance) = (Planner::new(SETTING), Chance::new(3));
    for _ in 0..8 {
        planner.begin();
        for _ in 0..SETTING.slots {
            let acted = planner.decide([0.5, 0.5], chance.bits());
            let left = matches!(acted.action, Action::Send(_));
            planner.learn(if left { Answer::Left } else { Answer::Worth(0.1) });
            if left {
                break;
            }
        }
    }
    planner.begin();
    planner.decide([0.5, 0.5], chance.bits());
    let silence = planner.propensities([0.5, 0.5])[0];
    assert!(silence > 0.9, "{silence}");
}

#[test]
fn the_same_bits_and_answers_give_the_same_acts() {
    let run = || {
        let (mut planner, mut chance) = (Planner::new(SETTING), Chance::new(11));
        (0..3).map(|_| live(&mut planner, 0.6, 0.1, 0.1, &mut chance).0.to_bits()).collect::<Vec<_>>()
    };
    assert_eq!(run(), run());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn probabilities_sum_to_one_and_keep_to_the_clip(first in 0.0f64..=1.0, bits: u64, worths in prop::collection::vec(0.0f64..1.0, 0..6)) {
        let mut planner = Planner::new(SETTING);
        planner.begin();
        let mut chance = Chance::new(bits);
        for worth in worths {
            planner.decide([first, 1.0 - first], chance.bits());
            planner.learn(Answer::Worth(worth));
        }
        let acted = planner.decide([first, 1.0 - first], chance.bits());
        let shares = planner.propensities([first, 1.0 - first]);
        prop_assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        prop_assert!((0.05 - 1e-12..=0.95 + 1e-12).contains(&shares[0]));
        prop_assert!(shares.contains(&acted.propensity));
    }
}
