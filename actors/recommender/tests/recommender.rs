//! The pool under load and under policies that fail, and its contract on both wires.

#![allow(clippy::unwrap_used, reason = "a test that cannot set its scene has failed")]

use oo_contracts::decision::{Ask, Candidate, Choice, Context, Hush, PolicyName, Provenance, Recommendation};
use oo_contracts::tip::Subject;
use oo_domain::policy::{self, Policy};
use oo_recommender::engine::Engine;
use oo_recommender::lineup::{Engines, Lineups};
use oo_recommender::pool::Pool;
use oo_runtime::Metric;
use oo_runtime::metrics::Metrics;
use oo_subjects::RECOMMEND;
use oo_testkit::{House, http};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use tokio::sync::watch;

/// An ask with as many candidates, told apart by its bits.
fn ask(bits: u64, candidates: u16) -> Ask {
    Ask {
        id: format!("decision-{bits}").parse().unwrap(),
        context: Context {
            free_minutes: 50,
            since_busy: 30,
            busy_today: 60,
            present: true,
            since_tip: 600,
            ..Context::quiet("2026-11-18T09:40:00Z".parse().unwrap(), 580, 3)
        },
        candidates: (0..candidates).map(candidate).collect(),
        posterior: None,
        bits: format!("{bits:016x}").parse().unwrap(),
        unit: None,
        tenant: None,
    }
}

fn candidate(n: u16) -> Candidate {
    let task = serde_json::from_value(serde_json::json!({ "account": "a1", "item": format!("t{n}") })).unwrap();
    Candidate {
        subject: Subject::Todo { task },
        minutes: 15,
        priority: 4,
        due_days: Some(0),
        age_days: 3,
        shown: 0,
        since_shown: None,
        left: None,
        in_a_row: None,
        estimated: false,
        wanted: false,
    }
}

/// A policy of one function.
struct Plays<F>(F);

impl<F: Fn(&Ask) -> Recommendation> Policy for Plays<F> {
    fn name(&self) -> PolicyName {
        "plays".parse().unwrap()
    }

    fn recommend(&self, ask: &Ask) -> Recommendation {
        (self.0)(ask)
    }
}

fn silence() -> Recommendation {
    Recommendation {
        tip: None,
        silence: Some(Hush::NotWorthIt),
        propensity: 1.0,
        confidence: None,
        policy: "plays".parse().unwrap(),
        version: 1,
        provenance: Provenance::default(),
    }
}

async fn pool<F>(workers: usize, queue: usize, plays: F) -> (Pool, Metrics)
where
    F: Fn(&Ask) -> Recommendation + Send + Sync + 'static,
{
    let metrics = Metrics::new("recommender");
    let engine = Engine::Own(Arc::new(Plays(plays)));
    let usual = Arc::new(Engines::only(engine.clone()));
    let (_, standing) = watch::channel(Arc::new(Lineups { usual, of: [].into(), fallback: engine }));
    (Pool::start(standing, workers, queue, metrics.clone()).await.unwrap(), metrics)
}

#[tokio::test]
async fn nats_and_http_give_the_same_answer_to_the_same_ask() {
    let house = House::start().await;
    for name in ["linear", "rules", "random-todo"] {
        let service = house.serve_with("recommender", [("OO_RECOMMENDER__POLICY", name)], oo_recommender::serve).await;
        let (ctx, http) = (house.context("test").await, http());
        for bits in 0..20 {
            let ask = ask(bits * 0x0123_4567_89ab_cdef, 5);
            let asked = ctx.bus.ask(RECOMMEND, &ask).await.unwrap();
            let posted = http.post(service.url("/recommend")).json(&ask).send().await.unwrap();
            assert_eq!(posted.status(), 200);
            assert_eq!(posted.json::<Recommendation>().await.unwrap(), asked);
            assert_eq!(asked, policy::named(name).unwrap().recommend(&ask));
        }
        service.stop().await.unwrap();
    }
}

#[tokio::test]
async fn what_is_no_ask_is_told_as_a_problem() {
    let house = House::start().await;
    let service = house.serve("recommender", oo_recommender::serve).await;
    let http = http();
    let post = |body: String| http.post(service.url("/recommend")).body(body).send();
    let huge = serde_json::to_string(&ask(1, 5)).unwrap() + &" ".repeat(70_000);
    for (body, status) in [("{".to_owned(), 422), ("{}".into(), 422), (huge, 413)] {
        let answer = post(body).await.unwrap();
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
    }
    assert_eq!(http.get(service.url("/recommend")).send().await.unwrap().status(), 405);
}

#[tokio::test]
async fn an_unknown_policy_is_refused_at_the_start_by_name() {
    let mut house = House::start().await;
    house.set([("OO_RECOMMENDER__POLICY", "oracle")]);
    let refused = oo_recommender::serve(house.context("recommender").await).await.unwrap_err();
    let told = format!("{refused:#}");
    assert!(told.contains("oracle") && told.contains("OO_RECOMMENDER__POLICY"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_full_pool_refuses_at_once_and_what_it_took_is_answered() {
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let held = gate.clone();
    let (pool, metrics) = pool(1, 4, move |_| {
        let (open, opened) = &*held;
        drop(opened.wait_while(open.lock().unwrap(), |open| !*open).unwrap());
        silence()
    })
    .await;
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    for bits in 0..20 {
        let (pool, tell) = (pool.clone(), tell.clone());
        drop(oo_runtime::task::spawn("ask", async move { tell.send(pool.ask(ask(bits, 1)).await).unwrap() }));
    }
    // One is worked on and four wait: fifteen are refused while the gate is shut.
    for _ in 0..15 {
        let refused = tokio::time::timeout(Duration::from_secs(1), told.recv()).await.unwrap().unwrap().unwrap_err();
        assert_eq!((refused.status, refused.retry_after), (503, Some(1)));
    }
    assert_eq!(metrics.counted(Metric::RecommenderShed, ""), 15);
    assert_eq!(metrics.levelled(Metric::RecommenderWaiting), 5);
    *gate.0.lock().unwrap() = true;
    gate.1.notify_all();
    for _ in 0..5 {
        assert_eq!(told.recv().await.unwrap().unwrap(), silence());
    }
}

#[tokio::test]
async fn a_worker_that_dies_is_replaced() {
    let (pool, _) = pool(2, 16, |ask| match ask.bits.as_str() {
        "000000000000dead" => panic!("as planned"),
        _ => silence(),
    })
    .await;
    // More deaths than workers.
    for _ in 0..5 {
        assert_eq!(pool.ask(ask(0xdead, 1)).await.unwrap_err().status, 503);
        assert_eq!(pool.ask(ask(1, 1)).await.unwrap(), silence());
    }
}

#[tokio::test]
async fn an_answer_that_breaks_the_contract_is_not_passed_on() {
    let offered = candidate(0).subject;
    let foreign = candidate(7).subject;
    let choose = move |candidate, subject: &Subject| Recommendation {
        tip: Some(Choice { candidate, subject: subject.clone(), reasons: vec![] }),
        silence: None,
        ..silence()
    };
    let (pool, _) = pool(1, 16, move |ask| match u64::from_str_radix(ask.bits.as_str(), 16).unwrap() {
        1 => Recommendation { propensity: 0.0, ..silence() },
        2 => Recommendation { propensity: f64::NAN, ..silence() },
        3 => Recommendation { propensity: 1.1, ..silence() },
        4 => Recommendation { silence: None, ..silence() },
        5 => choose(0, &foreign),
        6 => choose(9, &offered),
        _ => choose(0, &offered),
    })
    .await;
    for wrong in 1..=6 {
        assert_eq!(pool.ask(ask(wrong, 2)).await.unwrap_err().status, 500, "answer {wrong}");
    }
    assert!(pool.ask(ask(7, 2)).await.unwrap().tip.is_some());
}
