//! A model from an ONNX file answers like any other policy, and what is none is refused by name.

#![allow(clippy::unwrap_used, reason = "a test that cannot set its scene has failed")]

use oo_contracts::decision::Ask;
use oo_contracts::tip::Because;
use oo_domain::policy::ONNX;
use oo_recommender::onnx::Onnx;
use oo_subjects::RECOMMEND;
use oo_testkit::House;
use std::path::{Path, PathBuf};

const ASK: &str = include_str!("../../../contracts/examples/accepted/Ask.four-candidates.json");

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn ask(bits: u64) -> Ask {
    let ask: Ask = serde_json::from_str(ASK).unwrap();
    Ask { id: format!("decision-{bits}").parse().unwrap(), bits: format!("{bits:016x}").parse().unwrap(), ..ask }
}

#[tokio::test]
async fn what_the_file_holds_dear_is_said_more() {
    let house = House::start().await;
    let path = file("due.onnx");
    let settings = [("OO_RECOMMENDER__POLICY", ONNX), ("OO_RECOMMENDER__ONNX_FILE", path.to_str().unwrap())];
    let _service = house.serve_with("recommender", settings, oo_recommender::serve).await;
    let ctx = house.context("test").await;
    let due = |at: u16| ask(0).candidates[usize::from(at)].due_days.is_some_and(|days| days <= 0);
    let (mut said, mut of_due) = (0, 0);
    for bits in 0..200 {
        let answer = ctx.bus.ask(RECOMMEND, &ask(bits)).await.unwrap();
        assert_eq!((answer.policy.as_str(), &answer.provenance.fallback), (ONNX, &None));
        assert_eq!(answer, ctx.bus.ask(RECOMMEND, &ask(bits)).await.unwrap(), "the same ask has the same answer");
        let Some(choice) = answer.tip else { continue };
        said += 1;
        of_due += u32::from(due(choice.candidate));
        if choice.candidate == 0 {
            assert_eq!(choice.reasons[0].because, Because::DueToday);
        }
    }
    assert!(said > 20 && of_due * 2 > said, "{of_due} of {said}");
}

#[test]
fn a_file_that_is_no_model_of_ours_is_refused() {
    for name in ["narrow.onnx", "nothing.onnx", "make_onnx.py", "missing.onnx"] {
        let refused = Onnx::read(&file(name)).err().unwrap();
        let refused = format!("{refused:#}");
        assert!(refused.contains(name) && refused.contains("21 features"), "{refused}");
    }
}
