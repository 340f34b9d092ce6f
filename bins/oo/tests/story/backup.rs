//! A backup of a house that runs, put into an empty one: the same people, byte by byte, and nobody who was erased.

use crate::place::{self, Inside, Place};
use oo::inspect::fold_up_to;
use oo_contracts::UserId;
use oo_contracts::rights::{ConfirmAsk, Confirmed, ReceiptAsk};
use oo_contracts::signal::{Answer, Fact, MoodLevel, Signal};
use oo_contracts::wire::Ingest;
use oo_runtime::logbook::Numbered;
use oo_runtime::random;
use oo_subjects::{CONFIRM, ERASE, Given, INGEST, RECEIPT};
use oo_testkit::eventually;
use serde_json::json;
use std::path::Path;

async fn oo(place: &Place, command: &str, folder: &Path) -> (bool, String) {
    let output = place.command().arg(command).arg(folder).output().await.expect("oo runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), said)
}

/// Every entry of the owner's log just as it lies there, up to a sequence.
async fn lying(inside: &Inside, until: u64) -> anyhow::Result<Vec<(u64, Given)>> {
    let log = &inside.person.place;
    let mut all = Vec::new();
    for stored in inside.ctx.bus.read(log, 0).await?.iter().filter(|stored| stored.seq <= until) {
        let given = inside.ctx.bus.given(&log.shard.stream(), stored.seq).await?;
        all.push((stored.seq, given.expect("it is there")));
    }
    Ok(all)
}

/// Somebody who was here, and was erased.
async fn erased(inside: &Inside) -> anyhow::Result<UserId> {
    let (user, bus): (UserId, _) = ("gone".parse()?, &inside.ctx.bus);
    inside.ctx.people().await?.find_or_make(&user).await?;
    let fact = Fact::Mood { level: MoodLevel::saturating(3) };
    let signal = Signal { id: random::token().parse()?, user: user.clone(), at: inside.ctx.clock.now(), fact };
    bus.ask(INGEST, &Ingest { signals: vec![signal] }).await?;
    let confirmation = bus.ask(CONFIRM, &ConfirmAsk { user: user.clone() }).await?.confirmation;
    let receipt = bus.ask(ERASE, &Confirmed { user: user.clone(), confirmation }).await?.receipt;
    eventually("nothing is left of them", || async {
        bus.ask(RECEIPT, &ReceiptAsk { receipt: receipt.clone() }).await.ok()?.finished
    })
    .await;
    Ok(user)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_house_moves_into_an_empty_one_and_goes_on() -> anyhow::Result<()> {
    let mut place = Place::new().await;
    let aside = tempfile::tempdir()?;
    let backup = aside.path().join("backup");
    place.sandbox.todoist().add_task("Call the dentist back", json!({ "due_date": "2026-11-18" }));
    let house = place.start().await;
    let mut browser = place.sign_in(&house).await?;
    place::subscribe(&mut browser, &place.sandbox).await?;
    place::link(&mut browser, "todoist").await?;
    let card = place::tip(&browser).await;
    place::answer(&mut browser, &card, Answer::Done).await?;
    let inside = place.inside().await;
    let gone = erased(&inside).await?;
    let seen = eventually("the answer is folded", || {
        let mut browser = browser.clone();
        async move { place::state(&mut browser).await.ok().filter(|state| state.tip.is_none()) }
    })
    .await;

    let began = place::compact(&inside.ctx, &inside.person, 2).await?;
    let checkpoint = inside.ctx.bus.checkpoint(&inside.person.place).await?.expect("it was kept").payload;
    let last = inside.log().await.last().expect("a log").seq;
    let before = lying(&inside, last).await?;
    let profile = fold_up_to(&inside.ctx, &inside.person, last).await?;
    let (success, said) = oo(&place, "backup", &backup).await;
    assert!(success && said.contains("keep it elsewhere"), "{said}");
    let (success, said) = oo(&place, "backup", &backup).await;
    assert!(!success && said.contains("is not empty"), "{said}");
    let (success, said) = oo(&place, "restore", &backup).await;
    assert!(!success && said.contains("a house is in"), "{said}");
    assert!(house.stop().await.success());

    let old = std::mem::replace(&mut place.dir, tempfile::tempdir()?);
    let (secrets, elsewhere) = (backup.join("secrets"), aside.path().join("elsewhere"));
    std::fs::rename(&secrets, &elsewhere)?;
    let (success, said) = oo(&place, "restore", &backup).await;
    assert!(!success && said.contains("put it back first"), "{said}");
    std::fs::rename(&elsewhere, &secrets)?;
    let (success, said) = oo(&place, "restore", &backup).await;
    assert!(success, "{said}");
    drop(old);

    let house = place.start().await;
    // The session is the same, and so is what it shows.
    let state = place::state(&mut browser).await?;
    assert_eq!(state.given_today, seen.given_today);
    assert_eq!(state.push.devices.len(), 1);
    assert_eq!(state.accounts.len(), 1);
    let inside = place.inside().await;
    assert_eq!(lying(&inside, last).await?, before);
    assert!(before.iter().all(|(seq, _)| *seq > began));
    let kept = inside.ctx.bus.checkpoint(&inside.person.place).await?.expect("it was in the backup").payload;
    assert!(kept == checkpoint, "byte by byte");
    assert_eq!(fold_up_to(&inside.ctx, &inside.person, last).await?, profile);
    assert!(inside.ctx.people().await?.find(&gone).await?.is_none());
    // It goes on: what comes is kept after what was.
    let task = place.sandbox.todoist().add_task("Water the plants", json!({}));
    eventually("the log goes on", || async {
        let log = inside.log().await;
        let told = |numbered: &Numbered| numbered.seq > last && format!("{:?}", numbered.entry).contains(&task);
        log.iter().any(told).then_some(())
    })
    .await;
    assert!(house.stop().await.success());
    Ok(())
}
