//! What the engine has learnt of when somebody likes to hear something, beside what is true.

use super::days;
use super::life::Story;
use super::mind::{Mind, Scene};
use super::person::{Person, Sort, Thing};
use jiff::Timestamp;
use oo_contracts::decision::Candidate;
use oo_contracts::tip::Subject;
use oo_domain::bayes::{Belief, Normal};
use oo_domain::features::{self, Row};
use oo_domain::learning;
use oo_domain::model::Model;

/// A plain task, in a free hour.
const TAKES: u16 = 15;

/// What a tip about a plain task is believed to be worth at that hour, from all that this life has taught.
pub fn believed(story: &Story, now: Timestamp, hour: f64) -> Normal {
    let model = Model::default();
    let belief = match learning::evidence(&story.profile, now) {
        Some(evidence) => Belief::of(model.prior(), &evidence),
        None => Belief::new(model.prior()),
    };
    let mut context = features::context(&story.profile, now);
    context.minute_of_day = (hour * 60.0) as u16;
    context.next_busy = None;
    context.dosage = 0.0;
    context.present = false;
    context.mood = None;
    context.weekday = 3;
    let plain = Candidate {
        subject: subject(),
        minutes: TAKES,
        priority: 1,
        due_days: None,
        age_days: 0,
        shown: 0,
        since_shown: None,
        left: None,
        in_a_row: None,
        estimated: false,
        wanted: false,
    };
    let row = Row::all(&context, &[plain]).pop().map(|row| row.values());
    row.map_or(Normal { mean: 0.0, sd: 0.0 }, |row| belief.predict(&row))
}

/// What it is worth in truth.
pub fn truth(person: &Person, now: Timestamp, hour: f64) -> f64 {
    let scene = Scene {
        at: now,
        hour,
        day_off: false,
        asleep: hour < person.rhythm.wakes || hour > person.rhythm.sleeps,
        present: false,
        since_event: None,
        until_event: None,
    };
    let plain = Thing { sort: Sort::Task, due: None, urgency: 0.0, minutes: TAKES.into() };
    Mind::default().chances(person, &scene, &subject(), &plain).worth()
}

fn subject() -> Subject {
    Subject::Todo { task: days::reference("plain".into()) }
}
