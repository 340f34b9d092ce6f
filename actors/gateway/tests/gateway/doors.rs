//! Sessions and their cookies, and how often anybody may knock.

use crate::place::{ORIGIN_HTTPS, Place, cookie, problem};
use reqwest::Method;
use reqwest::header::{COOKIE, SET_COOKIE};
use serde_json::json;

#[tokio::test]
async fn over_https_the_cookie_is_bound_to_the_host() {
    let place = Place::at(Some(ORIGIN_HTTPS)).await;
    let answer = place.sign_in(&place.token).await;
    let set = answer.headers()[SET_COOKIE].to_str().unwrap().to_owned();
    assert!(set.starts_with("__Host-oo="), "{set}");
    for attribute in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(set.split("; ").any(|part| part == attribute), "{attribute} in {set}");
    }
    assert!(!set.to_lowercase().contains("domain"), "{set}");
    assert_eq!(answer.headers()["strict-transport-security"], "max-age=63072000");
    // The plain name is nobody's.
    let session = cookie(&answer);
    let plain = session.replace("__Host-oo=", "oo=");
    assert_eq!(place.signed_in(&plain, Method::GET, "/api/v1/state").send().await.unwrap().status(), 401);
    place.state(&session).await;

    let started = place.signed_in(&session, Method::POST, "/api/v1/links/todoist").send().await.unwrap();
    let transaction = started.headers()[SET_COOKIE].to_str().unwrap();
    assert!(transaction.starts_with("__Host-oo_txn=") && transaction.contains("Secure"), "{transaction}");
}

#[tokio::test]
async fn on_plain_http_the_cookie_is_for_scripts_not_to_see() {
    let place = Place::new().await;
    let answer = place.sign_in(&place.token).await;
    let set = answer.headers()[SET_COOKIE].to_str().unwrap();
    assert!(set.starts_with("oo=") && set.contains("HttpOnly") && set.contains("SameSite=Lax"), "{set}");
    assert!(!set.contains("Secure"), "a browser would not send it back: {set}");
    // 256 random bits, in hexadecimal.
    assert_eq!(cookie(&answer).len(), "oo=".len() + 64);
    assert!(answer.headers().get("strict-transport-security").is_none());
}

#[tokio::test]
async fn a_planted_session_does_not_become_the_persons() {
    let place = Place::new().await;
    let planted = format!("oo={}", "ab".repeat(32));
    let request = place.signed_in(&planted, Method::POST, "/api/v1/session/owner");
    let answer = request.json(&json!({ "token": place.token })).send().await.unwrap();
    assert_eq!(answer.status(), 204);
    let session = cookie(&answer);
    assert_ne!(session, planted);
    assert_eq!(place.signed_in(&planted, Method::GET, "/api/v1/state").send().await.unwrap().status(), 401);
    place.state(&session).await;
}

#[tokio::test]
async fn a_signed_out_session_cannot_be_used_again() {
    let place = Place::new().await;
    let session = place.session().await;
    let out = place.signed_in(&session, Method::DELETE, "/api/v1/session").send().await.unwrap();
    assert_eq!(out.status(), 204);
    let taken_back = out.headers()[SET_COOKIE].to_str().unwrap();
    assert!(taken_back.starts_with("oo=;") && taken_back.contains("Max-Age=0"), "{taken_back}");
    assert_eq!(place.signed_in(&session, Method::GET, "/api/v1/state").send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn the_owners_link_signs_in_once_and_a_guess_does_not() {
    let place = Place::new().await;
    for wrong in ["", "guess", &place.token.to_uppercase(), &format!("{} ", place.token)] {
        let refused = place.sign_in(wrong).await;
        assert_eq!(refused.status(), 403, "{wrong:?}");
        assert!(refused.headers().get(SET_COOKIE).is_none());
    }
    place.session().await;
    let again = place.sign_in(&place.token).await;
    assert_eq!(again.status(), 403);
    assert!(!problem(again).await.detail.contains(&place.token));
}

#[tokio::test]
async fn guessing_is_slowed_down_and_others_are_not() {
    let place = Place::new().await;
    let session = place.session().await;
    let mut refused = None;
    for _ in 0..20 {
        let answer = place.sign_in("guess").await;
        if answer.status() == 429 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("twenty guesses in a row were let in");
    let wait: u32 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(problem(refused).await.retry_after, Some(wait));
    // Somebody who is signed in notices nothing.
    place.state(&session).await;
}

#[tokio::test]
async fn a_person_who_asks_without_end_is_told_when_to_come_back() {
    let place = Place::new().await;
    let session = place.session().await;
    let asked = (0..200).map(|_| place.signed_in(&session, Method::GET, "/api/v1/state").send());
    let answers = futures_util::future::join_all(asked).await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.as_ref().unwrap().status().as_u16()).collect();
    assert!(statuses.iter().filter(|status| **status == 200).count() >= 60, "{statuses:?}");
    assert!(statuses.contains(&429) && statuses.iter().all(|status| matches!(status, 200 | 429)), "{statuses:?}");
}

#[tokio::test]
async fn without_redis_nobody_is_signed_in_and_with_it_everybody_is_again() {
    let mut place = Place::new().await;
    let session = place.session().await;
    place.house.redis.kill().await;
    let closed = place.signed_in(&session, Method::GET, "/api/v1/state").send().await.unwrap();
    assert_eq!(closed.status(), 503);
    problem(closed).await;
    place.house.redis.start().await.unwrap();
    place.ready().await;
    place.state(&session).await;
}

#[tokio::test]
async fn several_cookies_in_one_header_and_in_two_are_read_alike() {
    let place = Place::new().await;
    let session = place.session().await;
    let one = place.page(Method::GET, "/api/v1/state").header(COOKIE, format!("a=1; {session}; oo_txn=2"));
    assert_eq!(one.send().await.unwrap().status(), 200);
    let two = place.page(Method::GET, "/api/v1/state").header(COOKIE, "a=1").header(COOKIE, &session);
    assert_eq!(two.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn an_access_token_opens_the_api_without_cookies_until_its_session_ends_and_not_the_doors() {
    let place = Place::new().await;
    let session = place.session().await;
    let made = place.signed_in(&session, Method::POST, "/api/v1/token").send().await.unwrap();
    assert_eq!(made.status(), 200);
    let made: serde_json::Value = made.json().await.unwrap();
    let bearer = format!("Bearer {}", made["access_token"].as_str().unwrap());
    let call = |method: Method, path: &str| place.bare(method, path).header("authorization", &bearer).send();
    assert_eq!(call(Method::GET, "/api/v1/state").await.unwrap().status(), 200);
    for (method, path) in [
        (Method::GET, "/api/v1/doors"),
        (Method::POST, "/api/v1/token"),
        (Method::DELETE, "/api/v1/sessions"),
        (Method::DELETE, "/api/v1/session"),
    ] {
        assert_eq!(call(method, path).await.unwrap().status(), 403, "{path}");
    }
    let keys = place.bare(Method::GET, "/.well-known/jwks.json").send().await.unwrap();
    let keys: serde_json::Value = keys.json().await.unwrap();
    assert_eq!(keys["keys"][0]["crv"], "Ed25519");
    assert!(keys["keys"][0].get("d").is_none());
    assert_eq!(place.signed_in(&session, Method::DELETE, "/api/v1/session").send().await.unwrap().status(), 204);
    assert_eq!(call(Method::GET, "/api/v1/state").await.unwrap().status(), 401);
}

#[tokio::test]
async fn a_person_sees_where_they_are_signed_in_by_the_browsers_own_words() {
    let place = Place::new().await;
    let request = place.page(Method::POST, "/api/v1/session/owner").json(&json!({ "token": place.token }));
    let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    let session = cookie(&request.header("user-agent", firefox).send().await.unwrap());
    let doors = place.signed_in(&session, Method::GET, "/api/v1/doors").send().await.unwrap();
    let doors: serde_json::Value = doors.json().await.unwrap();
    assert_eq!(doors["sessions"][0]["device"], "Firefox on Linux");
    assert_eq!(doors["sessions"][0]["current"], true);
}
