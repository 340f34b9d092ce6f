//! The world of StepCountJITAI against the original: the same actions and draws give the same lives.
//!
//! `step_count/original.json` is what `step_count/record.py` prints; its first lines say how to run it.

#![allow(clippy::unwrap_used, reason = "a test that cannot set its scene has failed")]

use oo_trainer::worlds::step_count::{Dice, Life, Noise, Rules};
use serde_json::Value;

const CLOSE: f64 = 1e-9;

/// Gives what the original drew, and holds it to what it drew from.
struct Recorded<'a> {
    draws: std::slice::Iter<'a, Value>,
}

impl Recorded<'_> {
    fn next(&mut self, kind: &str, given: &[f64]) -> f64 {
        let draw = self.draws.next().expect("no more draws than in the original");
        assert_eq!(draw["kind"], kind);
        let original = draw["given"].as_array().unwrap();
        assert_eq!(original.len(), given.len());
        for (original, ours) in original.iter().zip(given) {
            close(original, *ours, kind);
        }
        draw["drawn"].as_f64().unwrap()
    }
}

impl Dice for Recorded<'_> {
    fn choice(&mut self) -> usize {
        self.next("choice", &[]) as usize
    }

    fn normal(&mut self) -> f64 {
        self.next("normal", &[])
    }

    fn uniform(&mut self, low: f64, high: f64) -> f64 {
        self.next("uniform", &[low, high])
    }

    fn gamma(&mut self, shape: f64, scale: f64) -> f64 {
        self.next("gamma", &[shape, scale])
    }
}

fn close(original: &Value, ours: f64, what: &str) {
    let original = original.as_f64().unwrap();
    assert!((original - ours).abs() <= CLOSE * original.abs().max(1.0), "{what}: {original} there, {ours} here");
}

#[test]
fn every_recorded_life_is_lived_again() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("step_count/original.json")).unwrap();
    assert_eq!(cases.len(), 8);
    for case in &cases {
        let noise = (case["version"] == 1)
            .then(|| Noise { width: case["width"].as_f64().unwrap(), steps: case["noise"].as_f64().unwrap() });
        let rules = Rules { sigma: case["sigma"].as_f64().unwrap(), noise, ..Rules::default() };
        let mut dice = Recorded { draws: case["draws"].as_array().unwrap().iter() };
        let mut life = Life::new(rules);
        for step in case["steps"].as_array().unwrap() {
            let came = life.step(step["action"].as_u64().unwrap() as usize, &mut dice);
            close(&step["reward"], came.reward, "reward");
            close(&step["habituation"], life.habituation, "habituation");
            close(&step["disengagement"], life.disengagement, "disengagement");
            close(&step["second"], life.cue().belief[1], "the second context");
            // The original's `C` is the context of the next slot.
            assert_eq!(step["context"].as_u64().unwrap() as usize, life.context);
            let likelier = usize::from(life.cue().belief[1] > life.cue().belief[0]);
            assert_eq!(step["inferred"].as_u64().unwrap() as usize, likelier);
            assert_eq!(step["done"], came.done);
        }
        assert!(dice.draws.next().is_none(), "a draw is left");
    }
}
