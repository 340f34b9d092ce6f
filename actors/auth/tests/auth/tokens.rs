//! Access tokens: who gets them, what they open, and what is none.

use crate::{Scene, status};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use oo_contracts::session::{AccessToken, Doors, DoorsAsk, Keys, KeysAsk, SessionsEnd, TokenAsk, TokenCheck};
use oo_contracts::wire::{Check, Done, Session, SignedIn};
use oo_subjects::{AskError, CHECK_TOKEN, DOORS, END_SESSIONS, MAKE_TOKEN, RENEW_SESSION, SIGNING_KEYS};
use serde_json::{Value, json};

pub(crate) async fn make(scene: &Scene, session: &Session) -> String {
    let made: AccessToken = scene.ctx.bus.ask(MAKE_TOKEN, &TokenAsk { secret: session.secret.clone() }).await.unwrap();
    assert_eq!((made.token_type.as_str(), made.expires_in), ("Bearer", 300));
    made.access_token
}

pub(crate) async fn check(scene: &Scene, token: &str) -> Result<SignedIn, AskError> {
    scene.ctx.bus.ask(CHECK_TOKEN, &TokenCheck { access_token: token.to_owned() }).await
}

fn part(token: &str, n: usize) -> Value {
    serde_json::from_slice(&BASE64.decode(token.split('.').nth(n).unwrap()).unwrap()).unwrap()
}

fn encoded(value: &Value) -> String {
    BASE64.encode(value.to_string())
}

#[tokio::test]
async fn a_token_opens_for_its_person_until_its_session_ends() {
    let scene = Scene::new().await;
    let session = scene.sign_in(&scene.token).await.unwrap_or_else(|error| panic!("{error}"));
    let token = make(&scene, &session).await;
    let header = part(&token, 0);
    assert_eq!((&header["typ"], &header["alg"]), (&json!("at+jwt"), &json!("EdDSA")));
    assert_eq!(part(&token, 1)["aud"], "oo-api");
    assert_eq!(check(&scene, &token).await.unwrap().user, session.user);
    let keys: Keys = scene.ctx.bus.ask(SIGNING_KEYS, &KeysAsk {}).await.unwrap();
    assert!(keys.keys.iter().any(|key| header["kid"] == key.kid.as_str()));
    scene.end(&session.secret).await.unwrap();
    assert_eq!(status(check(&scene, &token).await), 401);
}

#[tokio::test]
async fn s15_what_is_no_token_of_ours_opens_nothing() {
    let scene = Scene::new().await;
    let session = scene.sign_in(&scene.token).await.unwrap_or_else(|error| panic!("{error}"));
    let token = make(&scene, &session).await;
    let parts: Vec<&str> = token.split('.').collect();
    let header = |changes: Value| {
        let mut header = part(&token, 0);
        for (name, value) in changes.as_object().unwrap() {
            header[name] = value.clone();
        }
        format!("{}.{}.{}", encoded(&header), parts[1], parts[2])
    };
    let claims = |changes: Value| {
        let mut claims = part(&token, 1);
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        format!("{}.{}.{}", parts[0], encoded(&claims), parts[2])
    };
    let forged = [
        String::new(),
        "a.b.c".into(),
        format!("{}.{}.", parts[0], parts[1]),
        header(json!({ "alg": "none" })),
        header(json!({ "alg": "HS256" })),
        header(json!({ "typ": "JWT" })),
        header(json!({ "kid": "../../etc/passwd" })),
        header(json!({ "jwk": { "kty": "OKP" } })),
        claims(json!({ "aud": "somebody-else" })),
        claims(json!({ "sub": "victim" })),
        claims(json!({ "exp": 9_999_999_999_i64 })),
        token[..token.len() - 2].to_owned(),
        session.secret.clone(),
    ];
    for forged in forged {
        assert_eq!(status(check(&scene, &forged).await), 401, "{forged}");
    }
}

#[tokio::test]
async fn a_person_sees_their_sessions_and_ends_the_others() {
    let scene = Scene::new().await;
    let session = scene.sign_in(&scene.token).await.unwrap_or_else(|error| panic!("{error}"));
    let ask = DoorsAsk { user: session.user.clone(), secret: session.secret.clone() };
    let doors: Doors = scene.ctx.bus.ask(DOORS, &ask).await.unwrap();
    assert_eq!(doors.sessions.len(), 1);
    assert!(doors.sessions[0].current);
    let others = SessionsEnd { user: session.user.clone(), id: None, secret: session.secret.clone() };
    let _: Done = scene.ctx.bus.ask(END_SESSIONS, &others).await.unwrap();
    scene.check(&session.secret).await.unwrap();
    let unknown = SessionsEnd { id: Some("00000000".parse().unwrap()), ..others.clone() };
    assert_eq!(status(scene.ctx.bus.ask(END_SESSIONS, &unknown).await.map(|_: Done| ())), 404);
    let own = SessionsEnd { id: Some(doors.sessions[0].id.clone()), ..others };
    let _: Done = scene.ctx.bus.ask(END_SESSIONS, &own).await.unwrap();
    assert_eq!(status(scene.check(&session.secret).await), 401);
}

/// S9: on a change of who may come in, a session goes on under a new secret; what was made of the old one is dead.
#[tokio::test]
async fn s9_a_renewed_session_leaves_nothing_of_the_old_one_alive() {
    let scene = Scene::new().await;
    let old = scene.sign_in(&scene.token).await.unwrap_or_else(|error| panic!("{error}"));
    let token = make(&scene, &old).await;
    let ask = Check { secret: old.secret.clone() };
    let both: (Result<Session, AskError>, Result<Session, AskError>) =
        futures_util::join!(scene.ctx.bus.ask(RENEW_SESSION, &ask), scene.ctx.bus.ask(RENEW_SESSION, &ask));
    let (renewed, late): (Vec<_>, Vec<_>) = [both.0, both.1].into_iter().partition(Result::is_ok);
    assert_eq!((renewed.len(), late.len()), (1, 1), "of two at once one is too late");
    let renewed = renewed.into_iter().next().unwrap().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(renewed.user, old.user);
    assert_ne!(renewed.secret, old.secret);
    assert_eq!(status(scene.check(&old.secret).await), 401);
    assert_eq!(status(check(&scene, &token).await), 401);
    assert_eq!(scene.check(&renewed.secret).await.unwrap().user, old.user);
    let ask = DoorsAsk { user: renewed.user.clone(), secret: renewed.secret };
    let doors: Doors = scene.ctx.bus.ask(DOORS, &ask).await.unwrap();
    assert_eq!(doors.sessions.len(), 1, "it is the same session still, and one");
}
