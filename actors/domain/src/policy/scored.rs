//! Choosing by worths that a model from elsewhere tells: it knows rewards, and nothing of moments, plans and dice.
//!
//! The best worth weighs on the day's plan ([`pacer`]), or without one is held against silence, which is worth 0; a softmax over the
//! worths, mixed with a little of the uniform, chooses. Reasons are by occlusion: what a feature makes of a worth is what the
//! worth loses when the model does not see it (Zeiler and Fergus, ECCV 2014).

use super::lottery::Lottery;
use super::{answer, reasons};
use crate::features::{D, Row};
use crate::pacer;
use oo_contracts::decision::{Ask, Recommendation};

/// A reward by so much better makes speaking, and choosing, e times as likely: a sixth of what lies between a thing done and
/// one that is put off.
const SCALE: f64 = 0.2;
/// The part of the draw among candidates that is uniform.
const UNIFORM: f64 = 0.05;

/// An answer by the worths that `worth` tells of rows; each is the expected reward of saying it.
///
/// # Errors
/// Those of `worth`.
pub fn recommend<E>(
    name: &str,
    version: u32,
    ask: &Ask,
    mut worth: impl FnMut(&[[f64; D]]) -> Result<Vec<f64>, E>,
) -> Result<Recommendation, E> {
    let rows: Vec<_> = Row::all(&ask.context, &ask.candidates).iter().map(Row::values).collect();
    if rows.is_empty() {
        return Ok(answer(name, version, ask, &Lottery::new(1.0, &[]), |_| vec![]));
    }
    let worths = worth(&rows)?;
    let lottery = lottery(ask, &worths);
    let reasons = match lottery.draw(ask.bits.get()).0 {
        None => vec![],
        Some(index) => {
            let hidden: Vec<_> = (0..D).map(|place| without(&rows[index], place)).collect();
            let mut parts = [0.0; D];
            for (part, hidden) in parts.iter_mut().zip(worth(&hidden)?) {
                *part = worths[index] - hidden;
            }
            reasons::of_parts(ask, index, &parts, worths[index])
        }
    };
    Ok(answer(name, version, ask, &lottery, |_| reasons))
}

fn lottery(ask: &Ask, worths: &[f64]) -> Lottery {
    let best = worths.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let at = worths.iter().position(|worth| *worth >= best).unwrap_or(0);
    let ends_soon = pacer::ends_soon(&ask.candidates[at]);
    let alone = 1.0 / (1.0 + (-best / SCALE).exp());
    let speaks = pacer::speaks(&ask.context, (best / SCALE).exp(), ends_soon).unwrap_or(alone);
    let silence = 1.0 - pacer::explored(&ask.context, speaks);
    Lottery::softmax(silence, worths.iter().map(|worth| (worth - best) / SCALE), UNIFORM)
}

fn without(row: &[f64; D], place: usize) -> [f64; D] {
    let mut hidden = *row;
    hidden[place] = 0.0;
    hidden
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::Feature;
    use crate::testing::{candidate, context, todo};
    use oo_contracts::decision::{Candidate, RandomBits};

    fn ask(bits: u64) -> Ask {
        let due = Candidate { due_days: Some(0), ..candidate(todo("b")) };
        Ask {
            id: "decision-0001".parse().unwrap(),
            context: context(),
            candidates: vec![candidate(todo("a")), due],
            posterior: None,
            bits: RandomBits::new(bits),
            unit: None,
            tenant: None,
        }
    }

    /// A model to which only the day counts.
    fn by_due(rows: &[[f64; D]]) -> Result<Vec<f64>, ()> {
        Ok(rows.iter().map(|row| 0.8 * row[Feature::Due.place()] - 0.1).collect())
    }

    #[test]
    fn what_the_model_holds_dear_is_said_more_and_for_that_reason() {
        let mut said = [0; 2];
        for bits in 0..300 {
            let answer = recommend("theirs", 1, &ask(bits), by_due).unwrap();
            let Some(choice) = answer.tip else { continue };
            said[usize::from(choice.candidate)] += 1;
            if choice.candidate == 1 {
                let total: f64 = choice.reasons.iter().map(|reason| reason.weight).sum();
                assert!((total - 0.7).abs() < 1e-6);
                assert_eq!(choice.reasons[0].because, oo_contracts::tip::Because::DueToday);
            }
        }
        assert!(said[1] > 10 * said[0], "{said:?}");
    }

    /// However dear a model holds something, silence keeps its part, and so does everything else.
    #[test]
    fn a_worth_beyond_measure_leaves_silence_its_part() {
        let lottery = lottery(&ask(1), &[1e9, -1e9]);
        let told = lottery.propensities();
        assert!((told.silence - 0.05).abs() < 1e-9 && told.candidates[1] > 0.0, "{told:?}");
    }

    #[test]
    fn a_model_that_fails_says_so() {
        assert_eq!(recommend("theirs", 1, &ask(1), |_| Err("broken")), Err("broken"));
    }
}
