//! The whole of it against a real log: gather, fit, judge, register, promote, take back, compare.

#![allow(clippy::unwrap_used, reason = "a test that cannot set its scene has failed")]

use futures_util::future::join_all;
use jiff::Timestamp;
use oo_contracts::decision::{Ask, Choice, Outcome, Recommendation};
use oo_contracts::entry::Entry;
use oo_contracts::model::{Arm, Replaced, Seat, Tenant, Weight};
use oo_contracts::tip::Subject;
use oo_domain::policy::{self, Replay, linear, random_todo, rules};
use oo_runtime::{Context, Models};
use oo_subjects::streams;
use oo_testkit::House;
use oo_trainer::archive::{self, Wanted};
use oo_trainer::examples::Example;
use oo_trainer::registry::{NoChange, Registry, State};
use oo_trainer::simulation::chooser::Chooser;
use oo_trainer::simulation::life::{Setting, Story, live};
use oo_trainer::simulation::person::Person;
use oo_trainer::simulation::post::Post;
use oo_trainer::training::{self, NoTraining};

const ASK: &str = include_str!("../../../contracts/examples/accepted/Ask.four-candidates.json");

fn story(number: u64) -> Story {
    let (person, chooser) = (Person::draw(5, number), Chooser::named(rules::NAME).unwrap());
    let post = Post::TOLD;
    live(&Setting {
        person: &person,
        number,
        seed: 5,
        days: 14,
        chooser: &chooser,
        post,
        changes_on: None,
        keeps: true,
    })
}

/// Somebody whose days were simulated: log and decisions as services would have kept them.
async fn settle(ctx: &Context, number: u64) {
    settle_in(ctx, number, None).await;
}

/// The same, of a community.
async fn settle_in(ctx: &Context, number: u64, tenant: Option<&Tenant>) {
    let story = story(number);
    let person = ctx.people().await.unwrap().find_or_make(&format!("person-{number}").parse().unwrap()).await.unwrap();
    let (logbook, mut waiting) = (ctx.logbook(), Vec::new());
    for (seq, Entry { at, body, .. }) in story.log.clone() {
        waiting.push(logbook.append_next(&person, &format!("{number}-{seq}"), at, body).await.unwrap());
    }
    for appended in waiting {
        appended.await.unwrap();
    }
    let mut decisions = story.decisions();
    for decision in &mut decisions {
        if let Outcome::Asked { ask, .. } = &mut decision.outcome {
            ask.tenant = tenant.cloned();
        }
    }
    let kept = decisions.iter().map(|decision| logbook.keep_decision(&person, decision));
    assert!(join_all(kept).await.iter().all(Result::is_ok));
}

/// Every action of an ask tried alike: a todo, which is the worst, a habit, which is the best, and silence among them.
fn tried() -> Vec<Example> {
    let ask: Ask = serde_json::from_str(ASK).unwrap();
    let actions = 1 + ask.candidates.len();
    let example = |n: usize| {
        let tip = (n % actions).checked_sub(1).map(|place| Choice {
            candidate: u16::try_from(place).unwrap(),
            subject: ask.candidates[place].subject.clone(),
            reasons: vec![],
        });
        let reward = match tip.as_ref().map(|choice| &choice.subject) {
            None => 0.0,
            Some(Subject::Todo { .. }) => -0.8,
            Some(Subject::Habit { .. }) => 1.0,
            Some(Subject::Prepare { .. } | Subject::Advice { .. }) => -0.2,
        };
        let answer = policy::named(rules::NAME).unwrap().recommend(&ask);
        let answer = Recommendation { tip, propensity: 1.0 / actions as f64, ..answer };
        Example { person: n as u64 % 49, at: ask.context.at, ask: ask.clone(), answer, reward }
    };
    (0..2000).map(example).collect()
}

fn all() -> Wanted {
    Wanted { tenant: Tenant::default(), within: Timestamp::MIN..Timestamp::MAX }
}

fn seat(policy: &str, model: Option<u32>) -> Seat {
    Seat { policy: policy.parse().unwrap(), model }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_goes_the_whole_way_from_the_log_to_being_live_and_back() {
    let house = House::start().await;
    let _events = house.serve("events", oo_events::serve).await;
    let ctx = house.context("test").await;
    let usual = random_todo::NAME.parse().unwrap();
    let models = Models::open(&ctx.bus).await.unwrap();
    let registry = Registry::new(models.clone(), Tenant::default(), usual);

    // Too few, and nothing is registered.
    settle(&ctx, 0).await;
    let refused = training::train(&ctx, &models, &all(), |_, _| {}).await.unwrap_err();
    assert!(matches!(refused, NoTraining::TooFewPeople { found: 1, .. }), "{refused}");
    assert!(registry.all().await.unwrap().is_empty());

    for number in 1..6 {
        settle(&ctx, number).await;
    }
    let mut told = Vec::new();
    let trained = training::train(&ctx, &models, &all(), |done, of| told.push((done, of))).await.unwrap();
    assert_eq!(told.last(), Some(&(6, 6)));
    let fitted = seat(linear::NAME, Some(trained.model.version));
    assert_eq!(registry.all().await.unwrap(), std::slice::from_ref(&trained.model));
    assert_eq!(trained.model.people, 6);
    assert_eq!(State::of(&fitted, None), State::Candidate);

    // What it answers can be asked of it again.
    let (ask, policy) = (&tried()[0].ask, registry.policy(&fitted).await.unwrap());
    let answer = policy.recommend(ask);
    assert_eq!(policy::model_version(&answer), trained.model.version);
    assert_eq!(policy::replay(ask, &answer), Replay::Foreign);
    assert_eq!(policy::replay_by(&*policy, ask, &answer), Replay::Same);

    // Another community has nothing to learn from, and sees no model of this one.
    let club = Wanted { tenant: "club".parse().unwrap(), ..all() };
    assert!(archive::gather(&ctx, &club, |_, _| {}).await.unwrap().examples.is_empty());
    assert!(models.all(&club.tenant).await.unwrap().is_empty());
    // Where it has something, that is its own, and nobody else's.
    let of_home = archive::gather(&ctx, &all(), |_, _| {}).await.unwrap().examples.len();
    settle_in(&ctx, 6, Some(&club.tenant)).await;
    let of_the_club = archive::gather(&ctx, &club, |_, _| {}).await.unwrap().examples.len();
    assert!(of_the_club > 0);
    let apart = archive::gather_all(&ctx).await.unwrap();
    let apart: Vec<_> = apart.iter().map(|(tenant, found)| (tenant.as_str(), found.examples.len())).collect();
    assert_eq!(apart, [("club", of_the_club), ("home", of_home)]);

    // What earns more is promoted, what earns less is not.
    let now = ctx.clock.now();
    let tried = tried();
    let (value, before) = registry.promote_better(&seat(rules::NAME, None), &tried, now).await.unwrap();
    assert!(value.low > before.value);
    let refused = registry.promote_better(&seat(random_todo::NAME, None), &tried, now).await.unwrap_err();
    assert!(matches!(refused, NoChange::NotBetter { .. }), "{refused}");
    registry.promote(&fitted, Replaced::ByHand, now).await.unwrap();
    assert!(matches!(registry.promote(&fitted, Replaced::ByHand, now).await.unwrap_err(), NoChange::IsLive));
    assert_eq!(State::of(&fitted, Some(&registry.lineup().await.unwrap())), State::Live);

    // Taken back as often as somebody was live before.
    assert_eq!(registry.rollback(now).await.unwrap(), seat(rules::NAME, None));
    assert_eq!(State::of(&fitted, Some(&registry.lineup().await.unwrap())), State::Retired);
    assert_eq!(registry.rollback(now).await.unwrap(), seat(random_todo::NAME, None));
    assert!(matches!(registry.rollback(now).await.unwrap_err(), NoChange::NobodyBefore));

    let arm = |seat: Seat| Arm { seat, weight: Weight::saturating(1) };
    let arms = vec![arm(fitted.clone()), arm(seat(rules::NAME, None))];
    let missing = vec![arm(seat(linear::NAME, Some(99))), arm(seat(rules::NAME, None))];
    let trial = || "trial".parse().unwrap();
    assert!(matches!(registry.begin(trial(), missing, now).await.unwrap_err(), NoChange::NoModel { version: 99, .. }));
    let unknown = registry.promote(&seat("rulez", None), Replaced::ByHand, now).await.unwrap_err();
    assert!(unknown.to_string().contains("there is no policy rulez"), "{unknown}");
    registry.shadow(Some(seat(policy::REMOTE, None))).await.unwrap();
    assert_eq!(registry.lineup().await.unwrap().shadow, Some(seat(policy::REMOTE, None)));
    registry.shadow(None).await.unwrap();
    assert_eq!(registry.lineup().await.unwrap().shadow, None);
    registry.begin(trial(), arms.clone(), now).await.unwrap();
    assert_eq!(State::of(&fitted, Some(&registry.lineup().await.unwrap())), State::InExperiment);
    assert!(matches!(registry.begin(trial(), arms, now).await.unwrap_err(), NoChange::Runs(_)));
    assert_eq!(registry.end().await.unwrap().name, trial());
    assert!(matches!(registry.end().await.unwrap_err(), NoChange::NoneRuns));
}

/// What is damaged keeps nobody else from being learnt from.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_decision_and_a_damaged_record_are_passed_over() {
    let house = House::start().await;
    let _events = house.serve("events", oo_events::serve).await;
    let ctx = house.context("test").await;
    for number in 0..3 {
        settle(&ctx, number).await;
    }
    let found = async || {
        let found = archive::gather(&ctx, &all(), |_, _| {}).await.unwrap();
        (found.examples.len(), found.left_out.unreadable)
    };
    let (whole, 0) = found().await else { panic!("nothing is damaged yet") };

    let people = ctx.people().await.unwrap();
    let person = async |name: &str| people.find(&name.parse().unwrap()).await.unwrap().unwrap();
    ctx.bus.keep_decision(&person("person-1").await.place, "damaged", b"no seal".to_vec()).await.unwrap();
    assert_eq!(found().await, (whole, 1));

    let records = ctx.bus.jetstream().get_key_value(streams::PEOPLE).await.unwrap();
    records.put(format!("log.{}", person("person-2").await.place.log), "no record".into()).await.unwrap();
    let (rest, 1) = found().await else { panic!("the damaged decision is somebody else's") };
    assert!(0 < rest && rest < whole, "{rest} of {whole}");
}
