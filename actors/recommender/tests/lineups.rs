//! Who answers: remote policies and what stands in for them, shadows, models and experiments from the registry.

#![allow(clippy::unwrap_used, reason = "a test that cannot set its scene has failed")]

use oo_contracts::decision::{Ask, Fallback, Fault, Provenance, Recommendation};
use oo_contracts::model::{Arm, Experiment, Lineup, Measures, Model, Seat, Tenant, Weight};
use oo_domain::policy;
use oo_domain::{experiment, features};
use oo_runtime::{Context, Metric, Models};
use oo_subjects::RECOMMEND;
use oo_testkit::{House, eventually};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const ASK: &str = include_str!("../../../contracts/examples/accepted/Ask.four-candidates.json");

fn ask(bits: u64) -> Ask {
    let ask: Ask = serde_json::from_str(ASK).unwrap();
    Ask { id: format!("decision-{bits}").parse().unwrap(), bits: format!("{bits:016x}").parse().unwrap(), ..ask }
}

fn own(name: &str, ask: &Ask) -> Recommendation {
    policy::named(name).unwrap().recommend(ask)
}

fn stand_in(name: &str, ask: &Ask, fault: Fault) -> Recommendation {
    let fallback = Some(Fallback { policy: "remote".parse().unwrap(), fault });
    Recommendation { provenance: Provenance { fallback, ..Provenance::default() }, ..own(name, ask) }
}

/// Answers each call with these bytes; with none, never.
async fn peer(says: Option<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/recommend", listener.local_addr().unwrap());
    drop(oo_runtime::task::spawn("peer", async move {
        let mut open = Vec::new();
        while let Ok((mut caller, _)) = listener.accept().await {
            let _ = caller.read(&mut [0; 65536]).await;
            if let Some(says) = &says {
                let _ = caller.write_all(says.as_bytes()).await;
            } else {
                open.push(caller);
            }
        }
    }));
    url
}

fn http(status: &str, body: &str) -> Option<String> {
    let length = body.len();
    Some(format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    ))
}

#[tokio::test]
async fn a_remote_policy_answers_by_the_same_contract() {
    let house = House::start().await;
    let theirs =
        house.serve_with("recommender", [("OO_RECOMMENDER__POLICY", "random-todo")], oo_recommender::serve).await;
    let url = theirs.url("/recommend");
    // Their wire is taken away, so that ours alone answers on NATS.
    let mut ours = House::start().await;
    ours.set([("OO_RECOMMENDER__POLICY", "remote"), ("OO_RECOMMENDER__REMOTE_URL", &url)]);
    let _service = ours.serve("recommender", oo_recommender::serve).await;
    let ctx = ours.context("test").await;
    for bits in 0..10 {
        assert_eq!(ctx.bus.ask(RECOMMEND, &ask(bits)).await.unwrap(), own("random-todo", &ask(bits)));
    }
}

#[tokio::test]
async fn one_that_is_slow_wrong_or_gone_is_stood_in_for_and_the_answer_says_so() {
    let gone = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}/recommend", listener.local_addr().unwrap())
    };
    let unoffered = serde_json::to_string(&Recommendation { propensity: 2.0, ..own("rules", &ask(1)) }).unwrap();
    let cases = [
        (Fault::Slow, peer(None).await),
        (Fault::Wrong, peer(http("200 OK", "{}")).await),
        (Fault::Wrong, peer(http("200 OK", &unoffered)).await),
        (Fault::Wrong, peer(http("422 Unprocessable Content", "{}")).await),
        (Fault::Wrong, peer(http("200 OK", &"x".repeat(100_000))).await),
        (Fault::Gone, peer(http("503 Service Unavailable", "{}")).await),
        (Fault::Gone, gone),
    ];
    for (fault, url) in cases {
        let house = House::start().await;
        let settings = [
            ("OO_RECOMMENDER__POLICY", "remote"),
            ("OO_RECOMMENDER__REMOTE_URL", url.as_str()),
            ("OO_RECOMMENDER__REMOTE_WITHIN_MS", "200"),
            ("OO_RECOMMENDER__FALLBACK", "random-todo"),
        ];
        let service = house.serve_with("recommender", settings, oo_recommender::serve).await;
        let ctx = house.context("test").await;
        let answer = ctx.bus.ask(RECOMMEND, &ask(7)).await.unwrap();
        assert_eq!(answer, stand_in("random-todo", &ask(7), fault), "{url}");
        assert_eq!(service.ctx.metrics.counted(Metric::RecommenderFallbacks, fault.label()), 1);
    }
}

#[tokio::test]
async fn a_remote_policy_that_keeps_failing_is_left_alone_for_a_while() {
    let house = House::start().await;
    let url = peer(None).await;
    let settings = [
        ("OO_RECOMMENDER__POLICY", "remote"),
        ("OO_RECOMMENDER__REMOTE_URL", url.as_str()),
        ("OO_RECOMMENDER__REMOTE_WITHIN_MS", "50"),
    ];
    let service = house.serve_with("recommender", settings, oo_recommender::serve).await;
    let ctx = house.context("test").await;
    for bits in 0..8 {
        ctx.bus.ask(RECOMMEND, &ask(bits)).await.unwrap();
    }
    let counted = |fault: Fault| service.ctx.metrics.counted(Metric::RecommenderFallbacks, fault.label());
    assert_eq!((counted(Fault::Slow), counted(Fault::Gone)), (5, 3));
}

#[tokio::test]
async fn a_shadow_is_asked_and_changes_nothing() {
    let house = House::start().await;
    let settings = [("OO_RECOMMENDER__POLICY", "rules"), ("OO_RECOMMENDER__SHADOW", "random-todo")];
    let _service = house.serve_with("recommender", settings, oo_recommender::serve).await;
    let ctx = house.context("test").await;
    for bits in 0..10 {
        let answer = ctx.bus.ask(RECOMMEND, &ask(bits)).await.unwrap();
        assert_eq!(answer.own(), own("rules", &ask(bits)));
        let (shadow, would) = (answer.provenance.shadow.unwrap(), own("random-todo", &ask(bits)));
        assert_eq!(shadow.policy, would.policy);
        assert_eq!((shadow.candidate, shadow.propensity), (would.tip.map(|tip| tip.candidate), would.propensity));
    }
}

#[tokio::test]
async fn settings_that_cannot_answer_are_refused_by_name() {
    for (name, value) in [("POLICY", "remote"), ("SHADOW", "oracle"), ("FALLBACK", "remote")] {
        let mut house = House::start().await;
        house.set([(format!("OO_RECOMMENDER__{name}"), value)]);
        let refused = oo_recommender::serve(house.context("recommender").await).await.unwrap_err();
        assert!(format!("{refused:#}").contains("OO_RECOMMENDER__"), "{refused:#}");
    }
}

fn seat(policy: &str, model: Option<u32>) -> Seat {
    Seat { policy: policy.parse().unwrap(), model }
}

fn lineup(live: Seat) -> Lineup {
    Lineup { live, shadow: None, experiment: None, past: vec![] }
}

async fn put(ctx: &Context, tenant: &Tenant, lineup: &Lineup) {
    let models = Models::open(&ctx.bus).await.unwrap();
    let seen = models.standing(tenant).await.unwrap();
    models.replace(tenant, &seen, lineup).await.unwrap();
}

fn model(tenant: &Tenant, version: u32, body: &str) -> Model {
    let at = "2026-03-02T03:00:00Z".parse().unwrap();
    Model {
        tenant: tenant.clone(),
        policy: "linear".parse().unwrap(),
        version,
        features: features::VERSION,
        trained_at: at,
        from: at,
        to: at,
        people: 1,
        decisions: 1,
        code: "0.1.0".into(),
        measures: Measures { value: 0.0, lower: 0.0, upper: 0.0, logged: 0.0, effective: 0.0 },
        body: body.parse().unwrap(),
    }
}

#[tokio::test]
async fn a_line_up_that_changes_is_answered_with_while_asks_go_on() {
    let house = House::start().await;
    let _service = house.serve("recommender", oo_recommender::serve).await;
    let ctx = house.context("test").await;
    let home = Tenant::default();
    let body = serde_json::to_string(&oo_domain::model::Model::default()).unwrap();
    let models = Models::open(&ctx.bus).await.unwrap();
    models.add(&model(&home, 1, &body)).await.unwrap();
    assert!(models.add(&model(&home, 1, &body)).await.is_err(), "a model is immutable");
    for (standing, name) in [
        (seat("random-todo", None), "random-todo"),
        (seat("linear", Some(1)), "linear"),
        (seat("rules", None), "rules"),
    ] {
        put(&ctx, &home, &lineup(standing)).await;
        // Every ask meanwhile has an answer.
        eventually(name, || async {
            (ctx.bus.ask(RECOMMEND, &ask(3)).await.unwrap().policy.as_str() == name).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_model_that_is_not_there_is_stood_in_for() {
    let house = House::start().await;
    let _service = house.serve("recommender", oo_recommender::serve).await;
    let ctx = house.context("test").await;
    put(&ctx, &Tenant::default(), &lineup(seat("linear", Some(9)))).await;
    let answer = eventually("the fallback", || async {
        let answer = ctx.bus.ask(RECOMMEND, &ask(3)).await.unwrap();
        answer.provenance.fallback.is_some().then_some(answer)
    })
    .await;
    let fallback = Some(Fallback { policy: "linear".parse().unwrap(), fault: Fault::Gone });
    assert_eq!(answer.provenance.fallback, fallback);
    assert_eq!(answer.own(), own("rules", &ask(3)));
}

#[tokio::test]
async fn tenants_have_line_ups_of_their_own() {
    let house = House::start().await;
    let _service = house.serve("recommender", oo_recommender::serve).await;
    let ctx = house.context("test").await;
    let club: Tenant = "club".parse().unwrap();
    put(&ctx, &club, &lineup(seat("random-todo", None))).await;
    let of_the_club = Ask { tenant: Some(club), ..ask(3) };
    eventually("the club's", || async {
        (ctx.bus.ask(RECOMMEND, &of_the_club).await.unwrap().policy.as_str() == "random-todo").then_some(())
    })
    .await;
    assert_eq!(ctx.bus.ask(RECOMMEND, &ask(3)).await.unwrap().policy.as_str(), "linear");

    // Whose community has none gets what the settings say, and nothing that others' data stands behind.
    put(&ctx, &Tenant::default(), &lineup(seat("rules", None))).await;
    eventually("home's", || async {
        (ctx.bus.ask(RECOMMEND, &ask(3)).await.unwrap().policy.as_str() == "rules").then_some(())
    })
    .await;
    let of_the_choir = Ask { tenant: Some("choir".parse().unwrap()), ..ask(3) };
    assert_eq!(ctx.bus.ask(RECOMMEND, &of_the_choir).await.unwrap().policy.as_str(), "linear");
}

#[tokio::test]
async fn a_person_stays_in_their_arm_and_the_answer_tells_it() {
    let house = House::start().await;
    let _service = house.serve("recommender", oo_recommender::serve).await;
    let ctx = house.context("test").await;
    let arms = ["rules", "random-todo"].map(|name| Arm { seat: seat(name, None), weight: Weight::saturating(1) });
    let at = "2026-03-02T03:00:00Z".parse().unwrap();
    let trial = Experiment { name: "trial".parse().unwrap(), since: at, arms: arms.to_vec() };
    put(&ctx, &Tenant::default(), &Lineup { experiment: Some(trial.clone()), ..lineup(seat("rules", None)) }).await;
    let of = |n: u64, bits: u64| Ask { unit: Some(format!("{n:016x}").parse().unwrap()), ..ask(bits) };
    eventually("the experiment", || async {
        ctx.bus.ask(RECOMMEND, &of(0, 0)).await.unwrap().provenance.exposure.map(drop)
    })
    .await;
    let mut seen = [0; 2];
    for n in 0..20 {
        for bits in 0..3 {
            let answer = ctx.bus.ask(RECOMMEND, &of(n, bits)).await.unwrap();
            let arm = experiment::assign(&trial, of(n, bits).unit.as_ref().unwrap()).unwrap();
            assert_eq!(usize::from(answer.provenance.exposure.as_ref().unwrap().arm), arm);
            assert_eq!(answer.policy, trial.arms[arm].seat.policy);
            seen[arm] += 1;
        }
    }
    assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
    // Who may not be told apart is in no arm.
    assert_eq!(ctx.bus.ask(RECOMMEND, &ask(1)).await.unwrap().provenance.exposure, None);
}
