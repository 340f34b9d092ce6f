//! What is fitted expects better of people whom it has not seen.

use super::*;
use crate::examples::examples;
use crate::simulation::chooser::Chooser;
use crate::simulation::life::{Setting, live};
use crate::simulation::person::Person;
use crate::simulation::post::Post;
use oo_domain::bayes::Belief;
use oo_domain::local::{days, plus};
use oo_domain::policy::random_todo;
use oo_domain::profile::Profile;

/// Decisions of a policy for so many simulated people.
pub(crate) fn of_people(policy: &str, numbers: std::ops::Range<u64>, length: u32) -> Vec<Example> {
    let chooser = Chooser::named(policy).unwrap();
    let of = |number| {
        let person = Person::draw(11, number);
        let post = Post::TOLD;
        let story = live(&Setting {
            person: &person,
            number,
            seed: 11,
            days: length,
            chooser: &chooser,
            post,
            changes_on: None,
            keeps: true,
        });
        let later = plus(story.log.last().unwrap().1.at, days(8));
        examples(number, Profile::new(), &story.log, &story.decisions(), later).0
    };
    numbers.flat_map(of).collect()
}

fn error(of: impl Fn(&Example) -> f64, examples: &[Example]) -> f64 {
    let tips: Vec<_> = examples.iter().filter(|example| example.answer.tip.is_some()).collect();
    tips.iter().map(|example| (of(example) - example.reward).powi(2)).sum::<f64>() / tips.len() as f64
}

/// Of people that neither has seen.
#[test]
fn what_is_fitted_expects_better_than_what_is_built_in() {
    let (seen, unseen) = (of_people(random_todo::NAME, 0..20, 28), of_people(random_todo::NAME, 40..52, 28));
    let expects = |prior: &Prior, example: &Example| Belief::new(prior).predict(&taken(example).unwrap().values()).mean;
    let fitted = prior(&seen);
    let built_in = error(|example| expects(Model::default().prior(), example), &unseen);
    let by_prior = error(|example| expects(&fitted, example), &unseen);
    let rewards = RewardModel::fit(&seen);
    let by_ridge = error(
        |example| rewards.predict(&example.ask)[usize::from(example.answer.tip.as_ref().unwrap().candidate)],
        &unseen,
    );
    assert!(by_prior < built_in && by_ridge < built_in, "{by_prior} {by_ridge} {built_in}");
}

#[test]
fn who_saw_nothing_expects_nothing() {
    assert_eq!(RewardModel::fit(&[]), RewardModel { weights: [0.0; D], base: 0.0 });
    assert_eq!(&prior(&[]), Model::default().prior());
}
