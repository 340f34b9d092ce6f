//! The simulation is worth its name only if it speaks, keeps its promises, and tells policies apart.

use super::chooser::Chooser;
use super::life::{Setting, Story, live};
use super::person::{Person, TEMPERS};
use super::population::{self, Plan};
use super::post::Post;
use super::report;
use super::timeline::{self, Whose};
use oo_domain::policy::{self, linear, random_todo, rules};
use oo_domain::profile::Profile;

fn story(number: u64, days: u32, policy: &str, post: Post) -> Story {
    let person = Person::draw(1, number);
    let chooser = Chooser::named(policy).unwrap();
    let setting =
        Setting { person: &person, number, seed: 1, days, chooser: &chooser, post, changes_on: None, keeps: true };
    live(&setting)
}

#[test]
fn the_same_seed_lives_the_same_life() {
    let lives = || story(2, 14, linear::NAME, Post::POOR);
    assert_eq!(lives(), lives());
    assert!(lives().told.len() > 5);
}

#[test]
fn no_promise_is_broken_to_anybody_by_any_policy() {
    for name in policy::NAMES {
        for (number, temper) in TEMPERS.iter().enumerate() {
            // Five weeks: the clocks change in the last.
            let story = story(number as u64, 35, name, Post::TOLD);
            assert_eq!(story.breaches, [], "{name} to a {temper}");
            assert!(story.told.len() > 10, "{name} to a {temper}: {}", story.told.len());
        }
    }
}

#[test]
fn every_decision_of_a_life_is_made_again_from_its_log_bit_for_bit() {
    for name in policy::NAMES {
        let story = story(1, 10, name, Post::POOR);
        let policy = policy::named(name).unwrap();
        let mut profile = Profile::new();
        let mut log = story.log.iter();
        for (seq, ask, answer) in &story.decisions {
            // A tip that was given at this decision is in the log right after what led to it, and that it was pushed.
            let before = *seq - 2 * u64::from(answer.tip.is_some() && was_given(&story, &ask.id));
            while profile.seq() < before {
                let (seq, entry) = log.next().unwrap();
                profile.fold(*seq, entry);
            }
            let again = oo_domain::decide::ask(&profile, ask.id.clone(), ask.bits.get(), ask.context.at);
            assert_eq!(again, *ask);
            let answered = policy.recommend(&again);
            assert_eq!(answered.propensity.to_bits(), answer.propensity.to_bits());
            assert_eq!(answered, *answer);
        }
    }
}

fn was_given(story: &Story, id: &oo_contracts::DecisionId) -> bool {
    story
        .log
        .iter()
        .any(|(_, entry)| matches!(&entry.body, oo_contracts::entry::Body::Tip { tip } if tip.decision == *id))
}

#[test]
fn rules_are_worth_more_than_chance_and_nobody_reaches_the_clairvoyant() {
    let plan = Plan { people: 5, days: 7, seed: 11, seeds: 2, post: Post::TOLD, changes_on: None };
    let names = [rules::NAME.to_owned(), random_todo::NAME.to_owned()];
    let policies: Vec<_> = names.iter().map(|name| Chooser::named(name).unwrap()).collect();
    let lived = population::run(&plan, &policies, || {});
    let all = population::summaries(&names, &lived);
    let [rules, random, clairvoyant] = &all[..] else { panic!("three") };
    assert!(rules.value.mean > random.value.mean, "{} against {}", rules.value, random.value);
    assert!(clairvoyant.value.mean > rules.value.mean, "{} against {}", clairvoyant.value, rules.value);
    assert!(rules.regret.mean > 0.0 && clairvoyant.regret.mean == 0.0);
    let page = report::html(&plan, &all, "cargo oo simulate");
    assert!(page.contains("rules") && page.contains("clairvoyant"));
    for after in page.split("<svg").skip(1) {
        well_formed(&format!("<svg{}</svg>", after.split("</svg>").next().unwrap()));
    }
    for outside in ["src=", "href=", "@import", "url("] {
        assert!(!page.contains(outside), "the report loads nothing: {outside}");
    }
}

#[test]
fn a_week_has_its_calendar_tips_silences_answers_and_what_was_learnt() {
    let person = Person::draw(1, 2);
    let story = story(2, 14, linear::NAME, Post::TOLD);
    let whose = Whose { person: &person, policy: linear::NAME, seed: 1, number: 2, week: 1 };
    let picture = timeline::draw(&whose, &story);
    well_formed(&picture);
    for part in
        ["class=\"event\"", "class=\"halo\"", "s-busy", "s-policy", "ember-band", "class=\"truth\"", "Mon", "Sun"]
    {
        assert!(picture.contains(part), "{part}");
    }
    let tips = story.told.iter().filter(|told| told.day >= 7).count();
    assert_eq!(picture.matches("in truth worth").count(), tips);
}

/// Every element that opens closes, in order, and the text between is escaped.
fn well_formed(svg: &str) {
    let mut open = Vec::new();
    let mut rest = svg;
    while let Some(start) = rest.find('<') {
        assert!(!rest[..start].contains('>'), "an unescaped bracket in {:?}", &rest[..start]);
        let end = start + rest[start..].find('>').expect("a bracket closes");
        let tag = &rest[start + 1..end];
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap_or_default();
        match (tag.starts_with('/'), tag.ends_with('/')) {
            (true, _) => assert_eq!(open.pop(), Some(name)),
            (false, false) => open.push(name),
            _ => {}
        }
        rest = &rest[end + 1..];
    }
    assert_eq!(open, Vec::<&str>::new());
}
