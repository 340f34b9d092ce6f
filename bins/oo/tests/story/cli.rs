//! The command line: what people type, and what it says when something is wrong.

use crate::place::{self, Place};
use oo_testkit::eventually;
use serde_json::json;

async fn run(place: &Place, arguments: &[&str]) -> (bool, String) {
    let output = place.command().args(arguments).output().await.expect("oo runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), said)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_lets_one_tip_travel() {
    let place = Place::new().await;
    let (success, said) = run(&place, &["demo"]).await;
    assert!(success, "{said}");
    for step in [
        "sign in",
        "link",
        "signal",
        "decision",
        "propensity",
        "because",
        "push",
        "answer",
        "One tip travelled the whole way.",
    ] {
        assert!(said.contains(step), "{step} is missing in:\n{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tail_and_explain_show_what_happened() -> anyhow::Result<()> {
    let place = Place::new().await;
    let (success, said) = run(&place, &["tail", "--once"]).await;
    assert!(!success && said.contains("cargo oo up"), "{said}");

    place.sandbox.todoist().add_task("marker-words-of-a-provider", json!({ "due_date": "2026-11-18" }));
    let oo = place.start().await;
    let mut browser = place.sign_in(&oo).await?;
    place::link(&mut browser, "todoist").await?;
    place::tip(&browser).await;
    let (success, said) = run(&place, &["tail", "--once"]).await;
    assert!(success && said.contains("task_added") && said.contains("tip "), "{said}");
    assert!(!said.contains("marker-words"), "a provider's words are in no log");
    let explained = eventually("an explanation", || async {
        let (success, said) = run(&place, &["explain"]).await;
        assert!(success, "{said}");
        said.contains("decision").then_some(said)
    })
    .await;
    assert!(explained.contains("silence") || explained.contains("propensity"), "{explained}");
    for whom in [&["verify"][..], &["verify", "owner"]] {
        let (success, said) = run(&place, whom).await;
        assert!(success && said.contains("1 people"), "{said}");
    }
    let (success, said) = run(&place, &["tail", "--once", "nobody"]).await;
    assert!(!success && said.contains("nobody is called nobody"), "{said}");
    let (success, said) = run(&place, &["join", "owner", "club"]).await;
    assert!(success && said.contains("joined      club"), "{said}");
    let (success, said) = run(&place, &["tail", "--once"]).await;
    assert!(success && said.contains("joined"), "{said}");
    let (success, said) = run(&place, &["join", "nobody", "club"]).await;
    assert!(!success && said.contains("nobody is called nobody"), "{said}");
    let (success, said) = run(&place, &["doctor"]).await;
    assert!(success && said.contains("is ready"), "{said}");
    let (success, said) = run(&place, &["up", "--port", "0"]).await;
    assert!(!success && said.contains("runs already"), "{said}");
    assert!(oo.stop().await.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_names_what_to_fix() {
    let place = Place::new().await;
    let output =
        place.command().arg("doctor").env("OO_REDIS_SERVER", "/nowhere/redis-server").output().await.expect("oo runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!output.status.success());
    assert!(said.contains("FIX") && said.contains("OO_REDIS_SERVER"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_of_ones_own_do_not_come_into_the_sandboxs_house() {
    let place = Place::new().await;
    let noted = place.dir.path().join("clock.json");
    let mut clock: serde_json::Value = serde_json::from_slice(&std::fs::read(&noted).expect("noted")).expect("a clock");
    clock["sandbox"] = json!(true);
    std::fs::write(&noted, clock.to_string()).expect("written");
    let (success, said) = run(&place, &["up", "--port", "0"]).await;
    assert!(!success && said.contains("sandbox") && said.contains("--data"), "{said}");
    assert!(!place.dir.path().join("nats").exists(), "nothing was started");
}
