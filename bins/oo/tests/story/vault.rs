//! A new key for everything that rests, while fifty callers fetch words with tokens that end every few seconds; killed in
//! the middle and done again; and the old key thrown away.

use crate::place::{self, Inside, Place};
use oo_contracts::wire::{Fetch, LinkCallback, LinkStart, LinkStarted, Words};
use oo_contracts::{AccountId, Provider, Ref, UserId};
use oo_subjects::{AskError, FETCH, LINK_CALLBACK, LINK_START};
use oo_testkit::eventually;
use reqwest::Client;
use reqwest::header::LOCATION;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use url::Url;

const PEOPLE: usize = 10;
const CALLERS: usize = 50;
/// Half of it before its end a token is renewed: every three seconds or so for each account, all the time.
const LIFE: jiff::SignedDuration = jiff::SignedDuration::from_secs(6);

/// Links an account of its own for one person, on the wires.
async fn link(inside: &Inside, client: &Client, name: &str) -> (UserId, AccountId) {
    let user: UserId = name.parse().expect("a name");
    let start = LinkStart { user: user.clone(), provider: Provider::Todoist, server: None };
    let LinkStarted { authorize, transaction } = inside.ctx.bus.ask(LINK_START, &start).await.expect("begun");
    let consent = client.get(format!("{authorize}&login_hint={name}")).send().await.expect("an answer");
    let to = Url::parse(consent.headers()[LOCATION].to_str().expect("text")).expect("an address");
    let get = |name: &str| to.query_pairs().find(|pair| pair.0 == name).map(|pair| pair.1.into_owned());
    let (state, code, iss) = (get("state").expect("a state"), get("code"), get("iss"));
    let provider = Provider::Todoist;
    let back = LinkCallback { user: user.clone(), provider, transaction, state, code, error: None, iss };
    (user, inside.ctx.bus.ask(LINK_CALLBACK, &back).await.expect("linked").id)
}

async fn fetch(inside: &Inside, user: &UserId, account: &AccountId, item: &str) -> Result<Words, AskError> {
    let reference = Ref { account: account.clone(), item: item.parse().expect("an item") };
    inside.ctx.bus.ask_within(FETCH, &Fetch { user: user.clone(), reference }, Duration::from_secs(30)).await
}

async fn vault(place: &Place, arguments: &[&str], crash: &str) -> (bool, String) {
    let output =
        place.command().arg("vault").args(arguments).env("OO_CRASH_AT", crash).output().await.expect("oo runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), said)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_for_all_under_load_and_killed_in_the_middle() -> anyhow::Result<()> {
    let place = Place::new().await;
    place.sandbox.todoist().access_life(LIFE);
    let (success, said) = vault(&place, &["status"], "").await;
    assert!(!success && said.contains("cargo oo up"), "{said}");
    let oo = place.start().await;
    let mut browser = place.sign_in(&oo).await?;
    place::link(&mut browser, "todoist").await?;
    place::link(&mut browser, "google_calendar").await?;
    place::subscribe(&mut browser, &place.sandbox).await?;
    let inside = Arc::new(place.inside().await);
    let people = inside.ctx.people().await?;
    let mut linked = Vec::new();
    for n in 0..PEOPLE {
        let name = format!("person{n}");
        people.find_or_make(&name.parse()?).await?;
        linked.push(link(&inside, &browser.client, &name).await);
    }
    let task = place.sandbox.todoist().of("person0").add_task("Water the plants", serde_json::json!({}));
    let (success, said) = vault(&place, &["status"], "").await;
    assert!(success && said.contains("key 1") && said.contains("seals"), "{said}");

    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let callers: Vec<_> = (0..CALLERS)
        .map(|n| {
            let (inside, stop, done) = (inside.clone(), stop.clone(), done.clone());
            let (user, account) = linked[n % PEOPLE].clone();
            oo_runtime::task::spawn("a caller", async move {
                for turn in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    // One that the provider does not have is asked of it all the same, and never of the cache.
                    let words = fetch(&inside, &user, &account, &format!("none-{n}-{turn}")).await;
                    assert!(words.as_ref().is_ok_and(|words| words.over), "{user} {turn}: {:?}", words.err());
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let refreshes = || {
        let all = place.sandbox.todoist().requests();
        all.iter().filter(|request| request.path.ends_with("/access_token")).count()
    };
    let before = refreshes();

    // Killed when the key is in the file and nothing wrapped with it, then after the first record, then left alone.
    for (crash, says) in [("vault-key-added", ""), ("vault-rewrapped", "goes on, with key 2")] {
        let (success, said) = vault(&place, &["rotate"], crash).await;
        assert!(!success && said.contains(says), "{crash}: {said}");
    }
    let (success, said) = vault(&place, &["drop", "1"], "").await;
    assert!(!success && said.contains("still wraps"), "{said}");
    let (success, said) = vault(&place, &["rotate"], "").await;
    assert!(success && said.contains("goes on, with key 2") && said.contains("oo vault drop 1"), "{said}");
    eventually("tokens were renewed under way", || async { (refreshes() - before > PEOPLE).then_some(()) }).await;
    stop.store(true, Ordering::Relaxed);
    for caller in callers {
        assert!(caller.await?.is_some(), "a caller failed");
    }
    assert!(done.load(Ordering::Relaxed) > CALLERS, "{done:?}");

    let (success, said) = vault(&place, &["status"], "").await;
    assert!(success && said.contains("wraps nothing"), "{said}");
    let (success, said) = vault(&place, &["drop", "2"], "").await;
    assert!(!success && said.contains("the one that seals"), "{said}");
    let (success, said) = vault(&place, &["drop", "1"], "").await;
    assert!(success, "{said}");
    let ring = std::fs::read_to_string(place.dir.path().join("secrets/keys"))?;
    let ids: HashSet<_> = ring.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(ids, HashSet::from(["2"]));

    // All opens without the old key: in the services that ran on, and in those that start now.
    let opens = async |browser: &mut oo::browser::Browser, when: &str| -> anyhow::Result<()> {
        let inside = place.inside().await;
        for (user, account) in &linked {
            let words = fetch(&inside, user, account, &format!("none-{when}")).await;
            assert!(words.is_ok_and(|words| words.over));
            assert!(inside.ctx.people().await?.find(user).await?.is_some());
        }
        let (user, account) = &linked[0];
        assert_eq!(fetch(&inside, user, account, &task).await.expect("words").title, "Water the plants");
        let state = place::state(browser).await?;
        assert_eq!((state.accounts.len(), state.push.devices.len()), (2, 1));
        let (_, said) = vault(&place, &["status"], "").await;
        assert!(said.contains("push subscriptions and addresses: 1 by 2") && !said.contains("do not open"), "{said}");
        Ok(())
    };
    opens(&mut browser, "ran-on").await?;
    assert!(oo.stop().await.success());
    let oo = place.start().await;
    opens(&mut browser, "started").await?;
    assert!(oo.stop().await.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_a_refresh_and_its_record_the_link_lives_on() -> anyhow::Result<()> {
    let place = Place::new().await;
    let task = place.sandbox.todoist().add_task("Water the plants", serde_json::json!({}));
    let oo = place.start().await;
    let mut browser = place.sign_in(&oo).await?;
    place::link(&mut browser, "todoist").await?;
    let account = place::state(&mut browser).await?.accounts[0].id.clone();
    assert!(oo.stop().await.success());

    // The provider has given a new refresh token, and the process that got it dies before it is written anywhere.
    let doomed = place.start_with(&[("OO_CRASH_AT", "vault-refreshed")]).await;
    let inside = place.inside().await;
    let user: UserId = "owner".parse()?;
    let sandbox = place.sandbox.todoist();
    sandbox.expire_access_tokens();
    let _ = fetch(&inside, &user, &account, &task).await;
    let doomed = tokio::sync::Mutex::new(doomed);
    eventually("it died", || async { doomed.lock().await.died().await.then_some(()) }).await;
    let asked =
        |all: Vec<oo_sandbox::LoggedRequest>| all.iter().filter(|one| one.path.ends_with("/access_token")).count();
    let before = asked(sandbox.requests());

    // Within the provider's grace the same token is asked for again.
    let oo = place.start().await;
    let inside = place.inside().await;
    let words = eventually("words again", || async { fetch(&inside, &user, &account, &task).await.ok() }).await;
    assert_eq!((words.title.as_str(), asked(sandbox.requests()) - before), ("Water the plants", 1));
    assert!(oo.stop().await.success());
    Ok(())
}
