//! An issuer that lies: in its tokens, its keys, its own name. Who believes it signs the wrong person in.

use crate::oidc::{Peer, start, told};
use crate::{Scene, status};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use oo_contracts::session::{Issuer, OidcCallback, OidcStart, OidcStarted};
use oo_contracts::wire::Session;
use oo_subjects::{AskError, OIDC_CALLBACK, OIDC_START};
use oo_testkit::http;
use serde_json::json;
use std::time::Duration;
use url::Url;

impl Peer {
    async fn liar() -> Self {
        Self::run("liar.mjs").await
    }

    /// All lies that it knows.
    async fn lies(&self) -> Vec<String> {
        http().get(format!("{}/lies", self.address)).send().await.unwrap().json().await.unwrap()
    }

    /// Everything that it was asked for.
    async fn orders(&self) -> Vec<String> {
        http().get(format!("{}/orders", self.address)).send().await.unwrap().json().await.unwrap()
    }
}

/// Goes there and comes back with a code that orders a lie.
async fn sign_in(scene: &Scene, lie: &str, sub: &str) -> Result<Session, AskError> {
    let started = start(scene, None).await;
    let sent = Url::parse(&started.authorize).unwrap();
    let get = |name: &str| sent.query_pairs().find(|pair| pair.0 == name).unwrap().1.into_owned();
    let back = OidcCallback {
        issuer: Issuer::Oidc,
        transaction: started.transaction,
        state: get("state"),
        code: Some(BASE64.encode(json!({ "nonce": get("nonce"), "lie": lie, "sub": sub }).to_string())),
        error: None,
        iss: None,
        device: "Firefox on Linux".parse().unwrap(),
        name: None,
    };
    scene.ctx.bus.ask(OIDC_CALLBACK, &back).await
}

#[tokio::test]
async fn s3_s5_no_lie_of_an_issuer_signs_anybody_in() {
    let liar = Peer::liar().await;
    let scene = liar.scene("open").await;
    let lies = liar.lies().await;
    assert!(lies.len() > 20, "{lies:?}");
    let mut believed = Vec::new();
    for lie in &lies {
        match sign_in(&scene, lie, "alice").await {
            Ok(_) => believed.push(lie.as_str()),
            refused => assert_eq!(told(refused).status, 400, "{lie}"),
        }
    }
    assert_eq!(believed, ["honest"]);
    // No address in a token's header was ever asked.
    let orders = liar.orders().await;
    assert!(!orders.iter().any(|order| order.contains("/foreign")), "{orders:?}");
    assert_eq!(
        orders.iter().filter(|order| *order == "POST /token").count(),
        lies.len(),
        "each code is exchanged once"
    );
}

#[tokio::test]
async fn s5_who_calls_itself_by_another_name_is_not_asked_for_anybody() {
    let liar = Peer::liar().await;
    for address in [format!("{}/named", liar.address), liar.address.replace("127.0.0.1", "localhost")] {
        let scene = liar.scene_at(&address, "open").await;
        let ask = OidcStart { issuer: Issuer::Oidc, user: None };
        assert_eq!(status(scene.ctx.bus.ask(OIDC_START, &ask).await.map(|_: OidcStarted| ())), 503, "{address}");
    }
}

/// S5: keys rotate. A new one is looked for, at most every half minute, and the old one is believed no longer.
#[tokio::test]
async fn s5_a_new_key_of_the_issuer_is_found_without_asking_at_every_turn() {
    let liar = Peer::liar().await;
    let scene = liar.scene("open").await;
    let alice = sign_in(&scene, "honest", "alice").await.unwrap_or_else(|error| panic!("{error}"));
    http().post(format!("{}/rotate", liar.address)).send().await.unwrap();
    let looked = async || liar.orders().await.iter().filter(|order| *order == "GET /jwks").count();
    for _ in 0..3 {
        // Too soon after the last look: an unknown key could be anybody's.
        assert_eq!(told(sign_in(&scene, "honest", "alice").await).status, 400);
    }
    assert_eq!(looked().await, 1);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(31)).await;
    tokio::time::resume();
    let again = sign_in(&scene, "honest", "alice").await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(again.user, alice.user);
    assert_eq!(looked().await, 2);
}

/// S6: who somebody is, issuer and subject say together, and nothing else does.
#[tokio::test]
async fn s6_the_same_subject_at_another_issuer_is_somebody_else() {
    let (one, other) = (Peer::liar().await, Peer::liar().await);
    let mut scene = one.scene("open").await;
    let here = sign_in(&scene, "honest", "1").await.unwrap_or_else(|error| panic!("{error}"));
    scene.again(&[("OO_AUTH__OIDC_ISSUER", &other.address)]).await;
    let there = sign_in(&scene, "honest", "1").await.unwrap_or_else(|error| panic!("{error}"));
    assert_ne!(here.user, there.user);
    scene.again(&[("OO_AUTH__OIDC_ISSUER", &one.address)]).await;
    let again = sign_in(&scene, "honest", "1").await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(here.user, again.user);
}

/// S9, S16: an ID token and an access token are no session, and a session is neither.
#[tokio::test]
async fn s16_one_kind_of_token_is_never_taken_for_another() {
    let liar = Peer::liar().await;
    let scene = liar.scene("open").await;
    let session = sign_in(&scene, "honest", "alice").await.unwrap_or_else(|error| panic!("{error}"));
    let order = BASE64.encode(json!({ "nonce": "n", "lie": "honest", "sub": session.user }).to_string());
    let form = [("grant_type", "authorization_code"), ("code", order.as_str())];
    let said = http().post(format!("{}/token", liar.address)).form(&form).send().await.unwrap();
    let said: serde_json::Value = said.json().await.unwrap();
    let id_token = said["id_token"].as_str().unwrap();
    let access = crate::tokens::make(&scene, &session).await;
    for none in [id_token, session.secret.as_str()] {
        assert_eq!(status(crate::tokens::check(&scene, none).await), 401);
    }
    for none in [id_token, access.as_str()] {
        assert_eq!(status(scene.check(none).await), 401);
    }
    crate::tokens::check(&scene, &access).await.unwrap();
}
