//! The trainer reads what was decided and says what can be learnt from.

#![allow(clippy::unwrap_used, reason = "a test that cannot set its scene has failed")]

use oo_contracts::ENTRY_VERSION;
use oo_contracts::decision::{Ask, Decision, Outcome, Recommendation, Silence};
use oo_domain::policy;
use oo_runtime::{Context, Metric, Person};
use oo_testkit::{House, eventually};
use std::sync::Arc;

const ASK: &str = include_str!("../../../contracts/examples/accepted/Ask.four-candidates.json");

fn decision(n: usize, outcome: Outcome) -> Decision {
    Decision {
        v: ENTRY_VERSION,
        id: format!("decision-{n:04}").parse().unwrap(),
        at: "2026-11-18T09:40:00Z".parse().unwrap(),
        seq: 1,
        training: true,
        outcome,
    }
}

async fn keep(ctx: &Context, person: &Arc<Person>, decision: &Decision) {
    ctx.logbook().keep_decision(person, decision).await.unwrap();
}

#[tokio::test]
async fn a_decision_that_comes_out_the_same_again_is_told_from_one_that_does_not() {
    let house = House::start().await;
    let ctx = house.context("test").await;
    let person = ctx.people().await.unwrap().find_or_make(&"ada".parse().unwrap()).await.unwrap();
    let ask: Ask = serde_json::from_str(ASK).unwrap();
    let honest = policy::named("rules").unwrap().recommend(&ask);
    let asked = |recommendation| Outcome::Asked { ask: ask.clone(), recommendation };
    let until = "2026-11-18T10:40:00Z".parse().unwrap();
    let cases = [
        ("replayed", asked(honest.clone())),
        ("diverged", asked(Recommendation { propensity: honest.propensity / 2.0, ..honest.clone() })),
        ("without_propensity", asked(Recommendation { propensity: 0.0, ..honest.clone() })),
        ("foreign", asked(Recommendation { policy: "somebody-elses".parse().unwrap(), ..honest })),
        ("silence", Outcome::Unavailable { silence: Silence::Busy { until } }),
    ];
    for (n, (_, outcome)) in cases.iter().enumerate() {
        keep(&ctx, &person, &decision(n, outcome.clone())).await;
    }
    // Of somebody who did not allow it nothing is looked at, however good it is to learn from.
    let honest = policy::named("rules").unwrap().recommend(&ask);
    let closed = decision(98, Outcome::Asked { ask: ask.clone(), recommendation: honest });
    keep(&ctx, &person, &Decision { training: false, ..closed }).await;
    // What nobody can read holds nobody up.
    ctx.bus.keep_decision(&person.place, "decision:garbage", b"garbage".to_vec()).await.unwrap();

    let trainer = house.serve("trainer", oo_trainer::serve).await;
    for label in cases.iter().map(|(label, _)| *label).chain(["unreadable", "left_out"]) {
        eventually(label, || async {
            (trainer.ctx.metrics.counted(Metric::TrainerDecisions, label) == 1).then_some(())
        })
        .await;
    }
    // A second trainer goes on where the first stood, and reads nothing twice.
    trainer.stop().await.unwrap();
    let second = house.serve("trainer", oo_trainer::serve).await;
    keep(&ctx, &person, &decision(99, Outcome::Unavailable { silence: Silence::NoConsent })).await;
    eventually("the next one", || async {
        (second.ctx.metrics.counted(Metric::TrainerDecisions, "silence") == 1).then_some(())
    })
    .await;
    assert_eq!(second.ctx.metrics.counted(Metric::TrainerDecisions, "replayed"), 0);
}
