//! What simulated people teach: a model fitted to their lives by the same steps as one that is fitted to real ones, and how
//! well a policy foretells what its tips come to.

use super::chooser::Chooser;
use super::life::{Setting, live};
use super::person::Person;
use super::population::{Plan, in_parallel};
use crate::examples::{Example, examples};
use crate::fit;
use jiff::Timestamp;
use oo_contracts::decision::{Decision, Outcome};
use oo_domain::local::plus;
use oo_domain::model::{BUILT_IN, Model};
use oo_domain::profile::Profile;
use oo_domain::reward::WINDOW;

/// Lives all of the plan with that chooser, and fits the prior to what came of it.
pub fn teach(plan: &Plan, chooser: &Chooser, each: impl Fn() + Sync) -> Model {
    let prior = fit::prior(&tips(plan, chooser, each));
    Model::new(BUILT_IN + 1, prior).unwrap_or_else(|_| unreachable!("a prior has the features' dimension"))
}

/// What each tip was expected to be worth, and what it was, as the log tells it.
pub fn predictions(plan: &Plan, chooser: &Chooser, each: impl Fn() + Sync) -> Vec<(f64, f64)> {
    let expected = |example: &Example| -> Option<f64> {
        Some(example.answer.tip.as_ref()?.reasons.iter().map(|reason| reason.weight).sum())
    };
    tips(plan, chooser, each).iter().filter_map(|example| Some((expected(example)?, example.reward))).collect()
}

/// Every tip of these lives, a week after the last.
fn tips(plan: &Plan, chooser: &Chooser, each: impl Fn() + Sync) -> Vec<Example> {
    let jobs: Vec<_> = plan.everybody().enumerate().collect();
    let lived = in_parallel(&jobs, |(place, (seed, number))| {
        let person = Person::draw(*seed, *number);
        let Plan { days, post, changes_on, .. } = *plan;
        let story = live(&Setting {
            person: &person,
            number: *number,
            seed: *seed,
            days,
            chooser,
            post,
            changes_on,
            keeps: true,
        });
        let ended = story.log.last().map_or(Timestamp::MIN, |(_, entry)| entry.at);
        // The many silences of a life would only fill the memory.
        let mut decisions = story.decisions();
        decisions.retain(|Decision { outcome, .. }| {
            matches!(outcome, Outcome::Asked { recommendation, .. } if recommendation.tip.is_some())
        });
        each();
        examples(*place as u64, Profile::new(), &story.log, &decisions, plus(ended, WINDOW)).0
    });
    lived.into_iter().flatten().collect()
}
