//! A dead letter on the command line: seen, looked at without its content, not settled by force, and forgotten.

use crate::place::Place;
use oo_subjects::SIGNALS;
use oo_testkit::eventually;

/// Would be seen if anything of an entry were shown.
const CONTENT: &str = "marker-garbage";

async fn dead(place: &Place, arguments: &[&str]) -> (bool, String) {
    let output = place.command().arg("dead").args(arguments).output().await.expect("oo runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains(CONTENT), "{said}");
    (output.status.success(), said)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_listed_looked_at_tried_again_and_forgotten() -> anyhow::Result<()> {
    let place = Place::new().await;
    let oo = place.start().await;
    place.sign_in(&oo).await?;
    let (success, said) = dead(&place, &["list"]).await;
    assert!(success && said.contains("no dead letters"), "{said}");

    let inside = place.inside().await;
    let (log, bus) = (&inside.person.place, &inside.ctx.bus);
    let seq = bus.append(SIGNALS, log, "signal:g", CONTENT.into(), None).await?.seq;
    let letter = eventually("it is given up", || async { bus.dead_letters().await.ok()?.pop() }).await;
    let number = letter.number.to_string();

    let (success, said) = dead(&place, &["list"]).await;
    assert!(success && said.contains(&letter.stream) && said.contains(&seq.to_string()), "{said}");
    let (success, said) = dead(&place, &["look", &number]).await;
    assert!(success && said.contains("sealed") && said.contains("not sealed with the person's key"), "{said}");
    let (success, said) = dead(&place, &["redrive", &number]).await;
    assert!(!success && said.contains("could not be handled this time either"), "{said}");
    let (success, said) = dead(&place, &["drop", &number]).await;
    assert!(success && said.contains("its entry stays"), "{said}");
    assert!(bus.given(&letter.stream, seq).await?.is_some());
    for again in [["drop", &number], ["look", &number], ["redrive", &number]] {
        let (success, said) = dead(&place, &again).await;
        assert!(!success && said.contains("oo dead list"), "{said}");
    }
    assert!(oo.stop().await.success());
    Ok(())
}
