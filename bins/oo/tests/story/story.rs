//! One tip, end to end, told once: a signal comes in, a tip goes out, the answer comes back.

use crate::place::{self, Place};
use oo_contracts::decision::Outcome;
use oo_contracts::entry::Body;
use oo_contracts::signal::{Answer, Fact};
use oo_contracts::tip::Subject;
use oo_domain::policy::linear;
use oo_runtime::logbook::open_decision;
use oo_runtime::random;
use oo_testkit::eventually;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn one_tip_travels_the_whole_way_and_its_answer_comes_back() -> anyhow::Result<()> {
    let place = Place::new().await;
    let task =
        place.sandbox.todoist().add_task("Call the dentist back", json!({ "priority": 4, "due_date": "2026-11-18" }));
    let oo = place.start().await;

    // The owner signs in with a link that works once.
    let mut browser = place.sign_in(&oo).await?;
    assert!(place.sign_in(&oo).await.is_err(), "the one-time link worked twice");
    let subscription = place::subscribe(&mut browser, &place.sandbox).await?;

    // 1, 2: a linked account brings a signal, without the provider's words.
    place::link(&mut browser, "todoist").await?;
    // 3 to 8: it is folded, a tip is chosen and appended; 9: the page and the push say it.
    let card = place::tip(&browser).await;
    assert_eq!(card.text.as_str(), "Call the dentist back");
    let push =
        eventually("the push arrives", || async { place.sandbox.push().received(&subscription).into_iter().next() })
            .await;
    let message: Value = serde_json::from_slice(&push.plaintext)?;
    assert_eq!(message["web_push"], 8030);
    assert_eq!(message["notification"]["tag"], card.id.as_str());
    assert!(message["notification"]["body"].as_str().is_some_and(|body| body.contains("Call the dentist back")));

    // The log holds the tip by reference, and the decision has the propensity it was made with.
    let inside = place.inside().await;
    let log = inside.log().await;
    let tips: Vec<_> = log
        .iter()
        .filter_map(|n| if let Body::Tip { tip } = &n.entry.body { Some(tip.clone()) } else { None })
        .collect();
    assert_eq!(tips.len(), 1);
    let Subject::Todo { task: reference } = &tips[0].subject else {
        panic!("a tip about something else: {:?}", tips[0].subject)
    };
    assert_eq!(reference.item.as_str(), task);
    let decisions = inside.ctx.bus.decisions(&inside.person.place).await?;
    let asked = decisions
        .iter()
        .filter_map(|stored| open_decision(&inside.person, &stored.payload).ok())
        .find(|d| d.id == tips[0].decision);
    let Some(Outcome::Asked { recommendation, .. }) = asked.map(|decision| decision.outcome) else {
        panic!("the tip's decision is not kept")
    };
    assert!(recommendation.propensity > 0.0 && recommendation.propensity <= 1.0);

    // 10: the answer comes back as a signal, and the task is done where it lives.
    place::answer(&mut browser, &card, Answer::Done).await?;
    eventually("the task is completed at the provider", || async { place.is_done(&task).then_some(()) }).await;
    eventually("the provider's own word of it is in the log", || async {
        inside.log().await.iter().any(|n| matches!(&n.entry.body, Body::Signal { signal } if matches!(&signal.fact, Fact::TaskCompleted { task } if task == reference))).then_some(())
    })
    .await;
    let state = place::state(&mut browser).await?;
    assert!(state.tip.is_none() && state.had_tip && state.given_today == 1, "{state:?}");
    assert_eq!(place.sandbox.push().received(&subscription).len(), 1, "one tip, one push");

    // Everything is still so after a stop and a start.
    let before = inside.log().await;
    assert!(oo.stop().await.success());
    let oo = place.start().await;
    let inside = place.inside().await;
    let after = inside.log().await;
    assert_eq!(after[..before.len()], before[..]);
    let state = place::state(&mut browser).await?;
    assert!(state.tip.is_none() && state.had_tip, "the session and the profile went on: {state:?}");
    assert!(oo.stop().await.success());
    Ok(())
}

/// Whoever is there when their first account is linked waits for no good hour: by the policy that people have, not by the one
/// of other tests.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_tip_comes_at_once_by_the_policy_of_every_day() -> anyhow::Result<()> {
    let place = Place::new().await;
    place.sandbox.todoist().add_task("Call the dentist back", json!({ "priority": 4, "due_date": "2026-11-18" }));
    let oo = place.start_with(&[("OO_RECOMMENDER__POLICY", linear::NAME)]).await;
    let mut browser = place.sign_in(&oo).await?;
    place::link(&mut browser, "todoist").await?;
    // It may keep silent once, on purpose: each time the person looks is another occasion.
    let mut card = None;
    for _ in 0..20 {
        let here = json!({ "kind": "presence", "present": true });
        let signals = json!({ "signals": [{ "id": random::token(), "fact": here }] });
        browser.send(Method::POST, "api/v1/signals", Some(&signals)).await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        card = place::state(&mut browser).await?.tip;
        if card.is_some() {
            break;
        }
    }
    assert_eq!(card.expect("a first tip within seconds").text.as_str(), "Call the dentist back");
    assert!(oo.stop().await.success());
    Ok(())
}
