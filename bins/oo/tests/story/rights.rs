//! A person's rights: all that is held of them in one file, and then nothing of it anywhere, not even in a backup.

use crate::place::{self, Place};
use oo::browser::{Browser, read};
use oo_contracts::http::Problem;
use oo_contracts::rights::{Confirmation, Erased, Export, Me};
use oo_contracts::signal::{Answer, DataSource, Fact, MoodLevel, Purpose, Signal};
use oo_contracts::wire::Ingest;
use oo_contracts::{LogId, UserId};
use oo_runtime::{Context, Source, random};
use oo_subjects::{INGEST, streams};
use oo_testkit::eventually;
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Not the default: a word that stands in every file would be found everywhere.
const PERSON: &str = "marker-quagga-person";
const HABIT: &str = "marker quagga habit";
/// The issue's own limits.
const ENTRIES: usize = 10_000;
const WITHIN: Duration = Duration::from_secs(60);

async fn inside(place: &Place) -> Context {
    let running = oo::data::running(place.dir.path()).expect("oo runs");
    Context::new("test", Source::from_iter(running.settings), CancellationToken::new()).await.expect("a context")
}

async fn log_of(ctx: &Context) -> anyhow::Result<LogId> {
    let user: UserId = PERSON.parse()?;
    Ok(ctx.people().await?.find(&user).await?.expect("they are here").place.log.clone())
}

async fn erase(browser: &mut Browser) -> anyhow::Result<Erased> {
    let Confirmation { confirmation, .. } =
        read(browser.send(Method::POST, "api/v1/me/erase/confirmation", None).await?).await?;
    let body = json!({ "confirmation": confirmation });
    read(browser.send(Method::POST, "api/v1/me/erase", Some(&body)).await?).await
}

/// A person with an account, a device, a habit, and an answered tip.
async fn live(place: &Place, browser: &mut Browser) -> anyhow::Result<oo_sandbox::SandboxSubscription> {
    place.sandbox.todoist().add_task("Call the dentist back", json!({ "due_date": "2026-11-18" }));
    let subscription = place::subscribe(browser, &place.sandbox).await?;
    place::link(browser, "todoist").await?;
    let habit = json!({ "kind": "habit_defined", "habit": {
        "id": "stretch", "label": HABIT, "from": "20:00:00", "to": "21:00:00", "minutes": 5 } });
    let consent = json!({ "kind": "consent", "purpose": "timing", "granted": false, "source": { "kind": "presence" } });
    let signals =
        json!({ "signals": [{ "id": random::token(), "fact": habit }, { "id": random::token(), "fact": consent }] });
    browser.send(Method::POST, "api/v1/signals", Some(&signals)).await?;
    let card = place::tip(browser).await;
    place::answer(browser, &card, Answer::Done).await?;
    Ok(subscription)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_person_is_in_no_store_no_answer_and_no_backup() -> anyhow::Result<()> {
    let place = Place::new().await;
    let oo = place.start_with(&[("OO_AUTH__OWNER", PERSON)]).await;
    let mut browser = place.sign_in(&oo).await?;
    let subscription = live(&place, &mut browser).await?;
    let ctx = inside(&place).await;
    let log = log_of(&ctx).await?;

    let me: Me = read(browser.send(Method::GET, "api/v1/me", None).await?).await?;
    let forbidden: Vec<_> = me.consents.forbidden.iter().map(|one| (one.source.clone(), one.purpose)).collect();
    assert_eq!(forbidden, [(Some(DataSource::Presence), Purpose::Timing)]);

    let exported = browser.send(Method::GET, "api/v1/me/export", None).await?;
    assert!(exported.headers()["content-disposition"].to_str()?.contains("oo-export.json"));
    let text = exported.text().await?;
    let export: Export = serde_json::from_str(&text)?;
    assert_eq!(export.person.user.as_str(), PERSON);
    assert!(text.contains(HABIT), "what the person said of themselves is in it");
    assert!(export.entries.iter().all(|one| one.entry.is_some()) && export.entries.len() > 4);
    assert!(export.decisions.iter().any(|one| one.decision.is_some()));
    assert_eq!(
        (export.person.accounts.len(), export.person.devices.len(), export.person.doors.sessions.len()),
        (1, 1, 1)
    );
    for secret in [subscription.auth.as_str(), subscription.p256dh.as_str(), subscription.token.as_str()] {
        assert!(!text.contains(secret), "no key of anybody is in it");
    }

    // What is no more is in the export by what it came to.
    let person = ctx.people().await?.find(&PERSON.parse()?).await?.expect("they are here");
    let until = place::compact(&ctx, &person, 3).await?;
    let later: Export =
        serde_json::from_str(&browser.send(Method::GET, "api/v1/me/export", None).await?.text().await?)?;
    let checkpoint = later.checkpoint.expect("the log begins with it");
    assert_eq!(checkpoint.profile["seq"], json!(until));
    assert_eq!(later.entries[0], export.entries[3], "and goes on where it ends");

    // What is sealed is sealed: neither the name nor the label stands in a file, even before.
    let backup = place.dir.path().join("backup");
    copy(&place.dir.path().join("nats"), &backup.join("nats"))?;
    copy(&place.dir.path().join("redis"), &backup.join("redis"))?;
    assert!(found(&backup, log.as_str()).len() > 1, "the backup does hold their log");

    // Without a confirmation, or with one that was used, nothing happens.
    let refused =
        browser.request(Method::POST, "api/v1/me/erase", Some(&json!({ "confirmation": "0".repeat(64) }))).await?;
    assert_eq!(refused.status().as_u16(), 403);
    let before = place.sandbox.todoist().requests().len();
    let erased = erase(&mut browser).await?;
    assert_eq!((&erased.receipt, erased.accounts, erased.unrevoked, erased.devices), (&log, 1, 0, 1));
    assert!(erased.finished.is_some() && erased.doors == 1 && erased.messages > 4, "{erased:?}");
    let revoked = place.sandbox.todoist().requests().split_off(before);
    assert!(revoked.iter().any(|asked| asked.path.contains("revoke")), "the provider was told");

    // Nobody is signed in; the receipt is there for whoever has it, and names nobody.
    let out = browser.request(Method::GET, "api/v1/state", None).await?;
    assert_eq!(out.status().as_u16(), 401);
    let receipt = browser.send(Method::GET, &format!("api/v1/erasures/{log}"), None).await?.text().await?;
    assert!(!receipt.contains(PERSON));

    // What comes late finds nobody: a webhook, a signal, a wake-up.
    place.sandbox.todoist().add_task("Too late", json!({ "due_date": "2026-11-18" }));
    let late = Signal {
        id: random::token().parse()?,
        user: PERSON.parse()?,
        at: ctx.clock.now(),
        fact: Fact::Mood { level: MoodLevel::saturating(3) },
    };
    match ctx.bus.ask(INGEST, &Ingest { signals: vec![late] }).await {
        Err(oo_subjects::AskError::Problem(Problem { status, .. })) => assert_eq!(status, 404),
        other => panic!("a signal about nobody was kept: {other:?}"),
    }
    let place_of = ctx.people().await?.place(&log);
    assert!(ctx.bus.read(&place_of, 0).await?.is_empty() && ctx.bus.decisions(&place_of).await?.is_empty());
    for stream in [place_of.shard.stream(), streams::TIPS.into(), streams::PUSHES.into(), streams::DECISIONS.into()] {
        let stream = ctx.bus.jetstream().get_stream(&stream).await?;
        let mut held = stream.info_with_subjects(">").await?;
        while let Some(subject) = futures_util::TryStreamExt::try_next(&mut held).await? {
            assert!(!subject.0.contains(log.as_str()), "{} is left", subject.0);
        }
    }

    let client = redis::Client::open(ctx.settings.redis.url.expose_secret())?;
    let mut redis = client.get_multiplexed_async_connection().await?;
    let keys: Vec<String> = redis::cmd("KEYS").arg(format!("*{log}*")).query_async(&mut redis).await?;
    let theirs: Vec<_> = keys.iter().filter(|key| !key.starts_with("oo:snapshot:")).collect();
    assert!(theirs.is_empty(), "{theirs:?}");
    redis::cmd("BGREWRITEAOF").exec_async(&mut redis).await?;
    eventually("the log of Redis is rewritten", || async {
        let mut redis = redis.clone();
        let info: String = redis::cmd("INFO").arg("persistence").query_async(&mut redis).await.ok()?;
        info.contains("aof_rewrite_in_progress:0\r\n").then_some(())?;
        info.contains("aof_rewrite_scheduled:0\r\n").then_some(())
    })
    .await;
    assert!(oo.stop().await.success());

    for text in [PERSON, HABIT, "quagga"] {
        for store in ["nats", "redis", "backup"] {
            assert_eq!(found(&place.dir.path().join(store), text), Vec::<PathBuf>::new(), "{text} in {store}");
        }
    }
    // The search can fail.
    std::fs::write(backup.join("planted"), PERSON)?;
    assert_eq!(found(&backup, PERSON).len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_anywhere_in_an_erasure_it_goes_on_by_itself() -> anyhow::Result<()> {
    for point in ["erase-begun", "erase-destroyed", "erase-cleared", "erase-purged"] {
        let place = Place::new().await;
        let doomed = place.start_with(&[("OO_AUTH__OWNER", PERSON), ("OO_CRASH_AT", point)]).await;
        let mut browser = place.sign_in(&doomed).await?;
        live(&place, &mut browser).await?;
        let log = log_of(&inside(&place).await).await?;
        assert!(erase(&mut browser).await.is_err(), "{point}: nobody was left to answer");
        let doomed = tokio::sync::Mutex::new(doomed);
        eventually("it died", || async { doomed.lock().await.died().await.then_some(()) }).await;

        let oo = place.start_with(&[("OO_AUTH__OWNER", PERSON)]).await;
        let asking = tokio::sync::Mutex::new(browser);
        eventually(&format!("the erasure goes on after {point}"), || async {
            let path = format!("api/v1/erasures/{log}");
            let answer = asking.lock().await.send(Method::GET, &path, None).await.ok()?;
            read::<Erased>(answer).await.ok()?.finished
        })
        .await;
        let mut browser = asking.into_inner();
        assert_eq!(browser.request(Method::GET, "api/v1/state", None).await?.status().as_u16(), 401);
        let ctx = inside(&place).await;
        assert!(ctx.people().await?.find(&PERSON.parse()?).await?.is_none(), "{point}");
        assert!(ctx.bus.read(&ctx.people().await?.place(&log), 0).await?.is_empty(), "{point}");
        // A provider that does not answer at once is asked again, after everything else is gone.
        eventually(&format!("{point}: the provider was told"), || async {
            let asked = place.sandbox.todoist().requests();
            asked.iter().any(|asked| asked.path.contains("revoke")).then_some(())
        })
        .await;
        assert!(oo.stop().await.success());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_entries_are_exported_and_erased_within_a_minute_each() -> anyhow::Result<()> {
    let place = Place::new().await;
    let oo = place.start_with(&[("OO_AUTH__OWNER", PERSON)]).await;
    let mut browser = place.sign_in(&oo).await?;
    let ctx = inside(&place).await;
    let mood = |n: usize| Signal {
        id: format!("mood-{n}").parse().expect("an id"),
        user: PERSON.parse().expect("an id"),
        at: ctx.clock.now(),
        fact: Fact::Mood { level: MoodLevel::saturating((n % 5 + 1) as i64) },
    };
    for batch in 0..ENTRIES / 500 {
        let signals = (batch * 500..(batch + 1) * 500).map(mood).collect();
        ctx.bus.ask_within(INGEST, &Ingest { signals }, WITHIN).await?;
    }
    let began = Instant::now();
    let export: Export =
        serde_json::from_str(&browser.send(Method::GET, "api/v1/me/export", None).await?.text().await?)?;
    let took = began.elapsed();
    assert!(export.entries.len() >= ENTRIES && export.entries.windows(2).all(|pair| pair[0].seq < pair[1].seq));
    assert!(took < WITHIN, "exported in {took:?}");
    let began = Instant::now();
    let erased = erase(&mut browser).await?;
    assert!(erased.finished.is_some() && erased.messages >= ENTRIES as u64, "{erased:?}");
    println!("exported in {took:?}, erased in {:?}", began.elapsed());
    assert!(began.elapsed() < WITHIN);
    assert!(oo.stop().await.success());
    Ok(())
}

/// The files below a folder in which a text stands.
fn found(dir: &Path, text: &str) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            all.extend(found(&path, text));
        } else if std::fs::read(&path)
            .is_ok_and(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
            || path.to_string_lossy().ends_with(text)
        {
            all.push(path);
        }
    }
    all
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let (path, target) =
            (entry.as_ref().map(std::fs::DirEntry::path), entry.as_ref().map(|entry| to.join(entry.file_name())));
        let (Ok(path), Ok(target)) = (path, target) else { continue };
        if path.is_dir() {
            copy(&path, &target)?;
        } else if path.is_file() {
            // What goes away while it is copied is not in the backup.
            let _ = std::fs::copy(&path, &target);
        }
    }
    Ok(())
}
