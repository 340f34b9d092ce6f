//! What the running program says and shows to whoever asks: no secret, wherever one looks.

use crate::leaks::plain_redis;
use crate::place::{self, Place};
use oo_testkit::eventually;
use reqwest::Method;
use serde_json::{Value, json};

/// S17, S27, S34. The tokens are looked up where they are: sealed in the vault, opened with the test's own key.
#[tokio::test(flavor = "multi_thread")]
async fn s17_s27_s34_tokens_are_in_no_answer_and_no_log_and_a_refused_sign_in_is() -> anyhow::Result<()> {
    let place = Place::new().await;
    place.sandbox.todoist().add_task("Water the plants", json!({ "due_date": "2026-11-18" }));
    let oo = place.start().await;
    let mut browser = place.sign_in(&oo).await?;
    place::link(&mut browser, "todoist").await?;
    place::tip(&browser).await;
    // Somebody guesses, with a line of their own for the log.
    let guess = json!({ "token": "marker-guess\nforged line" });
    let refused = browser.request(Method::POST, "api/v1/session/owner", Some(&guess)).await?;
    assert_eq!(refused.status(), 403);

    let inside = place.inside().await;
    let tokens = tokens(&plain_redis(&place, &inside).await?);
    assert!(tokens.len() >= 2, "an access token and one to renew it: {}", tokens.len());
    let session = browser.cookies.values().filter(|value| !value.is_empty()).cloned();
    let secrets: Vec<String> = tokens.into_iter().chain(session.collect::<Vec<_>>()).collect();

    // S17: no answer has one.
    let routes = oo_contracts::http::ROUTES.iter().filter(|route| route.method == "GET" && !route.path.contains('{'));
    let mut seen = 0;
    for path in routes.map(|route| route.path).chain(["/", "/sw.js"]).filter(|path| *path != "/api/v1/stream") {
        let answer = browser.request(Method::GET, &path[1..], None).await?;
        let all = format!("{:?}", answer.headers());
        let text = all + &answer.text().await?;
        assert!(!secrets.iter().any(|secret| text.contains(secret.as_str())), "{path} shows a secret");
        seen += 1;
    }
    assert!(seen > 4, "only {seen} answers were looked at");

    // S34: nor does anything that tells how the program is, and a crash would leave no picture of its memory.
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", oo.pid()))?;
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap_or_default();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
    let mut said = String::new();
    for arguments in [&["--help"][..], &["up", "--help"], &["doctor"], &["no-such-command"]] {
        let output = place.command().args(arguments).output().await?;
        said += &String::from_utf8_lossy(&output.stdout);
        said += &String::from_utf8_lossy(&output.stderr);
    }
    assert!(said.contains("Usage"), "{said}");
    for (name, secret) in place.secrets() {
        assert!(!said.contains(&secret), "{name} is printed");
    }
    assert!(!secrets.iter().any(|secret| said.contains(secret.as_str())));

    // S27: the log tells of the guess, in one line and without it, and has none of the secrets.
    assert!(oo.stop().await.success());
    let log = eventually("the log", || async { std::fs::read_to_string(place.dir.path().join("stderr")).ok() }).await;
    assert!(log.contains("an owner link was refused"), "a refused sign-in is told");
    assert!(!log.contains("marker-guess") && !log.contains("forged line"));
    assert!(!log.contains("code=") && !log.contains("state="), "what comes back from a provider is nobody's to read");
    for secret in secrets.iter().chain(place.secrets().iter().map(|(_, secret)| secret)) {
        assert!(!log.contains(secret.as_str()), "a secret stands in the log");
    }
    Ok(())
}

/// All tokens in what the vault keeps.
fn tokens(plain: &[(String, Vec<u8>)]) -> Vec<String> {
    let kept = plain.iter().filter(|(key, _)| key.contains("vault") || key.contains("integrations"));
    let mut found = Vec::new();
    for value in kept.filter_map(|(_, plain)| serde_json::from_slice::<Value>(plain).ok()) {
        collect(&value, &mut found);
    }
    found
}

/// Every text of a grant that is long enough to be a secret.
fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(all) => {
            for (name, value) in all {
                match value {
                    Value::String(text) if name.contains("token") || name == "access" || name == "refresh" => {
                        if text.len() >= 20 {
                            found.push(text.clone());
                        }
                    }
                    other => collect(other, found),
                }
            }
        }
        Value::Array(all) => all.iter().for_each(|value| collect(value, found)),
        _ => {}
    }
}
