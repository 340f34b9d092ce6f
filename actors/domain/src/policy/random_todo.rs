//! Version 0: any open task, by lot. What every other policy must beat, and the slice of chance that keeps all honest.

use super::facts::facts;
use super::lottery::Lottery;
use super::{MAX_REASONS, Policy, Propensities, answer, policy_name};
use oo_contracts::decision::{Ask, PolicyName, Recommendation};
use oo_contracts::tip::{Because, Reason, Subject};

/// As settings know it.
pub const NAME: &str = "random-todo";

const VERSION: u32 = 1;

/// One of the tasks, each with the same probability; where there is none, one of whatever there is. Silent only when
/// there is nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomTodo;

impl Policy for RandomTodo {
    fn name(&self) -> PolicyName {
        policy_name(NAME)
    }

    fn recommend(&self, ask: &Ask) -> Recommendation {
        answer(NAME, VERSION, ask, &lottery(ask), |index| {
            // The lot decided, so it has the whole weight; the facts are true and weighed nothing.
            let drawn = Reason { because: Because::Chance, weight: 1.0 };
            let facts = facts(&ask.context, &ask.candidates[index]).into_iter();
            let beside = facts.map(|because| Reason { because, weight: 0.0 });
            std::iter::once(drawn).chain(beside).take(MAX_REASONS).collect()
        })
    }

    fn propensities(&self, ask: &Ask) -> Option<Propensities> {
        Some(lottery(ask).propensities())
    }
}

fn lottery(ask: &Ask) -> Lottery {
    let is_todo: Vec<_> = ask.candidates.iter().map(|one| matches!(one.subject, Subject::Todo { .. })).collect();
    let any_todo = is_todo.contains(&true);
    let weights: Vec<_> = is_todo.iter().map(|todo| if *todo || !any_todo { 1.0 } else { 0.0 }).collect();
    Lottery::new(0.0, &weights)
}
