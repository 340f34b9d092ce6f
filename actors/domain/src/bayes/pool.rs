//! What people have in common, and how much they differ: empirical Bayes over their evidence.

use super::{Evidence, Prior, triangle};

/// What was believed before counts as so many people, for the mean and for the spread: a handful of people cannot tell
/// much of how people differ.
const MEAN_OF: f64 = 1.0;
const SPREAD_OF: f64 = 5.0;
/// And as so many answers, for the noise.
const NOISE_OF: f64 = 50.0;

/// Rounds at most: a spread that goes to nothing goes there slowly.
const ROUNDS: usize = 300;
/// It has settled where no mean and no variance moves by more.
const SETTLED: f64 = 1e-5;

/// The prior under which these people's evidence is most likely, held near `start` while they are few: expectation
/// maximisation for a linear mixed model (Laird and Ware, Biometrics 1982), with a conjugate prior on mean, spread and noise.
///
/// The spread that comes out is the degree of pooling: where people are alike it shrinks, and one person's answers count for
/// all; where they differ it grows, and each is soon their own.
pub fn pool(start: &Prior, people: &[Evidence]) -> Prior {
    let mut prior = start.clone();
    let people: Vec<_> = people.iter().filter(|person| person.dim == start.dim() && person.count > 0.0).collect();
    if people.is_empty() {
        return prior;
    }
    for _ in 0..ROUNDS {
        let Some(next) = round(start, &prior, &people) else { return prior };
        let numbers = |prior: &Prior| [prior.mean.clone(), prior.covariance.clone()].concat();
        let moved = numbers(&next).iter().zip(numbers(&prior)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        prior = next;
        if moved < SETTLED {
            break;
        }
    }
    prior
}

/// One person under the current prior.
struct Posterior {
    mean: Vec<f64>,
    covariance: Vec<f64>,
    /// What is left of their squared rewards.
    left: f64,
}

fn round(start: &Prior, prior: &Prior, people: &[&Evidence]) -> Option<Prior> {
    let dim = prior.dim();
    let posteriors = people.iter().map(|person| posterior(prior, person)).collect::<Option<Vec<_>>>()?;

    let mut mean: Vec<_> = start.mean.iter().map(|mean| MEAN_OF * mean).collect();
    for one in &posteriors {
        mean.iter_mut().zip(&one.mean).for_each(|(sum, mean)| *sum += mean);
    }
    let count = people.len() as f64;
    mean.iter_mut().for_each(|mean| *mean /= MEAN_OF + count);

    let mut spread: Vec<_> = start.covariance.iter().map(|entry| SPREAD_OF * entry).collect();
    let away = |from: &[f64]| from.iter().zip(&mean).map(|(a, b)| a - b).collect::<Vec<_>>();
    triangle::add_outer(&mut spread, &away(&start.mean), MEAN_OF);
    let mut left = NOISE_OF * start.noise;
    for one in &posteriors {
        triangle::add_outer(&mut spread, &away(&one.mean), 1.0);
        spread.iter_mut().zip(&one.covariance).for_each(|(sum, entry)| *sum += entry);
        left += one.left;
    }
    spread.iter_mut().for_each(|entry| *entry /= SPREAD_OF + count);
    let answers: f64 = people.iter().map(|person| person.count).sum();
    Prior::new(mean, triangle::inverse(spread, dim)?, left / (NOISE_OF + answers)).ok()
}

fn posterior(prior: &Prior, person: &Evidence) -> Option<Posterior> {
    let dim = prior.dim();
    let precision =
        prior.precision.iter().zip(&person.products).map(|(entry, product)| entry + product / prior.noise).collect();
    let covariance = triangle::inverse(precision, dim)?;
    let mut pull = vec![0.0; dim];
    triangle::times(&prior.precision, &prior.mean, &mut pull);
    pull.iter_mut().zip(&person.moments).for_each(|(pull, moment)| *pull += moment / prior.noise);
    let mut mean = vec![0.0; dim];
    triangle::times(&covariance, &pull, &mut mean);
    let explained = 2.0 * triangle::dot(&mean, &person.moments) - triangle::quadratic(&person.products, &mean);
    let unsure = triangle::trace_of_product(&person.products, &covariance, dim);
    Some(Posterior { mean, covariance, left: (person.squares - explained + unsure).max(0.0) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bayes::Belief;
    use crate::testing::Draws;

    const MEAN: [f64; 3] = [0.5, -0.4, 0.0];
    const NOISE: f64 = 0.25;

    /// People around a mean, and what they answered.
    fn people(count: usize, spread: [f64; 3], rows: usize, seed: u64) -> (Vec<[f64; 3]>, Vec<Evidence>) {
        let mut draws = Draws(seed);
        let mut evidences = Vec::new();
        let mut truths = Vec::new();
        for _ in 0..count {
            let truth = [0, 1, 2].map(|i| MEAN[i] + spread[i] * draws.normal());
            let mut evidence = Evidence::new(3);
            for _ in 0..rows {
                let x = [1.0, 2.0 * draws.uniform() - 1.0, 2.0 * draws.uniform() - 1.0];
                let reward = triangle::dot(&truth, &x) + NOISE.sqrt() * draws.normal();
                evidence.observe(&x, reward, 1.0);
            }
            truths.push(truth);
            evidences.push(evidence);
        }
        (truths, evidences)
    }

    fn start() -> Prior {
        Prior::independent(vec![0.0; 3], &[0.3; 3], 0.5).unwrap()
    }

    fn spread_of(prior: &Prior) -> [f64; 3] {
        [0, 1, 2].map(|i| triangle::entry(prior.covariance(), i, i).sqrt())
    }

    #[test]
    fn mean_spread_and_noise_come_back() {
        let spread = [0.4, 0.1, 0.6];
        let fitted = pool(&start(), &people(400, spread, 40, 1).1);
        for i in 0..3 {
            assert!((fitted.mean()[i] - MEAN[i]).abs() < 0.08, "{:?}", fitted.mean());
            assert!((spread_of(&fitted)[i] - spread[i]).abs() < 0.06, "{:?}", spread_of(&fitted));
        }
        assert!((fitted.noise() - NOISE).abs() < 0.02, "{}", fitted.noise());
    }

    #[test]
    fn people_who_are_alike_are_pooled_and_others_are_not() {
        let alike = spread_of(&pool(&start(), &people(300, [0.0; 3], 40, 2).1));
        let different = spread_of(&pool(&start(), &people(300, [0.8; 3], 40, 2).1));
        assert!(alike.iter().all(|sd| *sd < 0.12), "{alike:?}");
        assert!(different.iter().all(|sd| *sd > 0.6), "{different:?}");
    }

    #[test]
    fn nobody_and_few_people_leave_the_start_nearly_as_it_was() {
        assert_eq!(pool(&start(), &[]), start());
        assert_eq!(pool(&start(), &[Evidence::new(3), Evidence::new(2)]), start());
        let one = pool(&start(), &people(1, [0.0; 3], 5, 3).1);
        assert!(spread_of(&one).iter().all(|sd| (sd - 0.3).abs() < 0.08), "{:?}", spread_of(&one));
    }

    /// What pooling is for: new people are known better than by no pooling and by full pooling.
    #[test]
    fn a_fitted_prior_knows_new_people_sooner_than_both_extremes() {
        let spread = [0.5, 0.05, 0.5];
        let fitted = pool(&start(), &people(300, spread, 30, 4).1);
        let alone = Prior::independent(vec![0.0; 3], &[3.0; 3], NOISE).unwrap();
        let all_alike = Prior::independent(fitted.mean().to_vec(), &[0.01; 3], NOISE).unwrap();
        let (truths, few) = people(300, spread, 6, 5);
        let error = |prior: &Prior| {
            let miss = |(truth, evidence): (&[f64; 3], &Evidence)| {
                let mean = Belief::of(prior, evidence);
                mean.mean().iter().zip(truth).map(|(a, b)| (a - b).powi(2)).sum::<f64>()
            };
            truths.iter().zip(&few).map(miss).sum::<f64>()
        };
        assert!(error(&fitted) < 0.8 * error(&alone).min(error(&all_alike)));
    }
}
