//! What a decision was worth is told from the log alone, and only where it may be.

use super::*;
use crate::simulation::chooser::Chooser;
use crate::simulation::life::{Setting, Story, live};
use crate::simulation::person::Person;
use crate::simulation::post::Post;
use oo_domain::local::{days, plus};
use oo_domain::policy::random_todo;

fn story() -> Story {
    let (person, chooser) = (Person::draw(3, 0), Chooser::named(random_todo::NAME).unwrap());
    let post = Post::TOLD;
    live(&Setting {
        person: &person,
        number: 0,
        seed: 3,
        days: 21,
        chooser: &chooser,
        post,
        changes_on: None,
        keeps: true,
    })
}

fn decisions(story: &Story) -> Vec<Decision> {
    story.decisions()
}

fn end(story: &Story) -> Timestamp {
    story.log.last().unwrap().1.at
}

/// What the world knows to have come of each tip is what an example says, wherever the person answered in time.
#[test]
fn an_example_is_worth_what_came_of_it() {
    let story = story();
    let later = plus(end(&story), days(8));
    let (found, left_out) = examples(7, Profile::new(), &story.log, &decisions(&story), later);
    assert_eq!(left_out, LeftOut { not_given: left_out.not_given, ..LeftOut::default() });
    let mut answered = 0;
    for told in &story.told {
        let example = found.iter().find(|example| example.at == told.at && example.answer.tip.is_some()).unwrap();
        assert_eq!(example.person, 7);
        let Some((reaction, _)) = told.reaction else { continue };
        // "Not now", and then done within a week, is worth more than the person's first word.
        assert!(example.reward >= reaction.worth() - 1e-9, "{reaction:?}: {}", example.reward);
        answered += usize::from((example.reward - reaction.worth()).abs() < 1e-9);
    }
    assert!(answered * 2 > story.told.len(), "{answered} of {}", story.told.len());
    assert!(found.iter().filter(|example| example.answer.tip.is_none()).all(|example| example.reward == 0.0));
}

#[test]
fn what_may_still_change_and_what_nobody_allowed_is_left_out() {
    let story = story();
    let mut decisions = decisions(&story);
    let (_, young) = examples(0, Profile::new(), &story.log, &decisions, end(&story));
    assert!(young.young > 0 && young.without_consent == 0);
    decisions.iter_mut().for_each(|decision| decision.training = false);
    let (none, left_out) = examples(0, Profile::new(), &story.log, &decisions, plus(end(&story), days(8)));
    assert_eq!((none.len(), left_out.without_consent), (0, decisions.len() as u64));
}
