//! The push service checks what autopush checks, and its browsers read what was sent to them.

use super::{World, read, world};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;
use oo_sandbox::{Fault, FaultKind, SandboxSubscription};
use openssl::bn::BigNumContext;
use openssl::ec::{EcGroup, EcKey, PointConversionForm};
use openssl::ecdsa::EcdsaSig;
use openssl::nid::Nid;
use openssl::pkey::Private;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// An application server with its VAPID key.
struct Sender {
    key: EcKey<Private>,
    public: String,
}

impl Sender {
    fn new() -> Self {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = EcKey::generate(&group).unwrap();
        let mut context = BigNumContext::new().unwrap();
        let public = key.public_key().to_bytes(&group, PointConversionForm::UNCOMPRESSED, &mut context).unwrap();
        Self { public: BASE64_URL_SAFE_NO_PAD.encode(public), key }
    }

    fn authorization(&self, claims: &Value) -> String {
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&json!({"typ": "JWT", "alg": "ES256"})), part(claims));
        let signature = EcdsaSig::sign(&Sha256::digest(signed.as_bytes()), &self.key).unwrap();
        let mut raw = signature.r().to_vec_padded(32).unwrap();
        raw.extend(signature.s().to_vec_padded(32).unwrap());
        format!("vapid t={signed}.{}, k={}", BASE64_URL_SAFE_NO_PAD.encode(raw), self.public)
    }

    fn claims(world: &World) -> Value {
        json!({
            "aud": world.sandbox.url().origin().ascii_serialization(),
            "exp": Timestamp::now().as_second() + 3600,
            "sub": "mailto:owner@example.org",
        })
    }

    fn post(&self, world: &World, to: &SandboxSubscription, body: Vec<u8>) -> RequestBuilder {
        world
            .http
            .post(&to.endpoint)
            .header("authorization", self.authorization(&Self::claims(world)))
            .header("ttl", "600")
            .header("content-encoding", "aes128gcm")
            .body(body)
    }
}

fn encrypt(to: &SandboxSubscription, plaintext: &[u8]) -> Vec<u8> {
    let decode = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).unwrap();
    ece::encrypt(&decode(&to.p256dh), &decode(&to.auth), plaintext).unwrap()
}

#[tokio::test]
async fn an_encrypted_message_arrives_readable() {
    let world = world().await;
    let push = world.sandbox.push();
    let browser = push.subscribe();
    let sender = Sender::new();
    let request = sender.post(&world, &browser, encrypt(&browser, b"{\"web_push\":8030}"));
    let answer = request.header("topic", "tip-1").header("urgency", "high").send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["ttl"].to_str().unwrap()), (201, "600"));
    assert!(answer.headers()["location"].to_str().unwrap().starts_with(world.sandbox.url().as_str()));
    let received = push.received(&browser);
    assert_eq!(received[0].plaintext, b"{\"web_push\":8030}");
    assert_eq!((received[0].headers["topic"].as_str(), received[0].headers["urgency"].as_str()), ("tip-1", "high"));
    assert!(!received[0].headers.contains_key("authorization"));
    assert!(push.received(&push.subscribe()).is_empty());
}

#[tokio::test]
async fn a_message_for_somebody_else_is_taken_and_dropped() {
    let world = world().await;
    let (one, other) = (world.sandbox.push().subscribe(), world.sandbox.push().subscribe());
    let answer = Sender::new().post(&world, &one, encrypt(&other, b"hello")).send().await.unwrap();
    assert_eq!(answer.status(), 201, "the service cannot know");
    assert_eq!((world.sandbox.push().received(&one).len(), world.sandbox.push().undecryptable(&one)), (0, 1));
}

#[tokio::test]
async fn ttl_and_topic_are_checked() {
    let world = world().await;
    let browser = world.sandbox.push().subscribe();
    let sender = Sender::new();
    let cases = [
        (None, None, 400, Some(111)),
        (Some("-1"), None, 400, Some(112)),
        (Some("soon"), None, 400, Some(112)),
        (Some("60"), Some("a-topic-of-more-than-32-characters"), 400, Some(113)),
        (Some("60"), Some("not/base64url"), 400, Some(113)),
        (Some("0"), Some("abcdefghijklmnopqrstuvwxyz_-0123"), 201, None),
    ];
    for (ttl, topic, status, errno) in cases {
        let mut request = world
            .http
            .post(&browser.endpoint)
            .header("authorization", sender.authorization(&Sender::claims(&world)))
            .header("content-encoding", "aes128gcm")
            .body(encrypt(&browser, b"x"));
        if let Some(ttl) = ttl {
            request = request.header("ttl", ttl);
        }
        if let Some(topic) = topic {
            request = request.header("topic", topic);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), status, "{ttl:?} {topic:?}");
        if let Some(errno) = errno {
            assert_eq!(read(answer).await.1["errno"], errno);
        }
    }
    let long = sender.post(&world, &browser, vec![]).header("ttl", "1").send().await.unwrap();
    assert_eq!(long.status(), 201, "a message without a body is legal");
}

#[tokio::test]
async fn a_long_ttl_is_cut_to_thirty_days() {
    let world = world().await;
    let browser = world.sandbox.push().subscribe();
    let answer = world
        .http
        .post(&browser.endpoint)
        .header("authorization", Sender::new().authorization(&Sender::claims(&world)))
        .header("ttl", "99999999")
        .send()
        .await
        .unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["ttl"]), (201, &"2592000".parse().unwrap()));
}

#[tokio::test]
async fn a_sender_must_prove_who_it_is() {
    let world = world().await;
    let browser = world.sandbox.push().subscribe();
    let (sender, other) = (Sender::new(), Sender::new());
    let good = Sender::claims(&world);
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        sender.authorization(&claims)
    };
    let now = Timestamp::now().as_second();
    let stolen = {
        let ours = sender.authorization(&good);
        format!("{}, k={}", ours.split(", k=").next().unwrap(), other.public)
    };
    let wrong = [
        with("aud", json!("http://127.0.0.1")),
        with("aud", json!("https://push.example.net")),
        with("exp", json!(now + 25 * 3600)),
        with("exp", json!(now - 60)),
        with("exp", Value::Null),
        with("sub", json!("owner@example.org")),
        with("sub", json!("https://localhost")),
        with("sub", Value::Null),
        stolen,
        "Bearer x".to_owned(),
        "vapid t=a.b.c, k=zzz".to_owned(),
    ];
    for authorization in wrong {
        let request = world.http.post(&browser.endpoint).header("ttl", "60").header("authorization", &authorization);
        let (status, body) = read(request.send().await.unwrap()).await;
        assert_eq!((status, &body["errno"]), (401, &json!(109)), "{authorization}");
    }
    let nobody = world.http.post(&browser.endpoint).header("ttl", "60").send().await.unwrap();
    assert_eq!(nobody.status(), 401);
}

#[tokio::test]
async fn a_subscription_belongs_to_one_key() {
    let world = world().await;
    let (sender, other) = (Sender::new(), Sender::new());
    let bound = world.sandbox.push().subscribe_with(&sender.public);
    let first_comes = world.sandbox.push().subscribe();
    for browser in [&bound, &first_comes] {
        let body = || encrypt(browser, b"x");
        assert_eq!(sender.post(&world, browser, body()).send().await.unwrap().status(), 201);
        assert_eq!(other.post(&world, browser, body()).send().await.unwrap().status(), 401);
    }
}

#[tokio::test]
async fn size_encoding_and_endings_are_told_apart() {
    let world = world().await;
    let push = world.sandbox.push();
    let browser = push.subscribe();
    let sender = Sender::new();
    let large = sender.post(&world, &browser, vec![0; 6000]).send().await.unwrap();
    assert_eq!(large.status(), 413);
    let plain = world
        .http
        .post(&browser.endpoint)
        .header("ttl", "60")
        .header("authorization", sender.authorization(&Sender::claims(&world)))
        .body("in the clear");
    assert_eq!(plain.send().await.unwrap().status(), 400);
    push.unsubscribe(&browser);
    assert_eq!(sender.post(&world, &browser, encrypt(&browser, b"x")).send().await.unwrap().status(), 410);
    let unknown = SandboxSubscription { endpoint: world.at("push/nobody").to_string(), ..browser };
    assert_eq!(sender.post(&world, &unknown, vec![]).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn it_fails_when_told_and_then_works_again() {
    let world = world().await;
    let push = world.sandbox.push();
    let browser = push.subscribe();
    let sender = Sender::new();
    for status in [404, 410, 413, 403, 500] {
        push.fault(Fault::next(1, "", FaultKind::Status { status, retry_after_secs: None }));
        assert_eq!(sender.post(&world, &browser, encrypt(&browser, b"x")).send().await.unwrap().status(), status);
    }
    push.fault(Fault::next(1, &browser.token, FaultKind::TooMany429 { retry_after_secs: 7 }));
    let answer = sender.post(&world, &browser, encrypt(&browser, b"x")).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (429, &"7".parse().unwrap()));
    assert_eq!(sender.post(&world, &browser, encrypt(&browser, b"x")).send().await.unwrap().status(), 201);
    assert_eq!(push.received(&browser).len(), 1);
    assert_eq!(push.requests().len(), 7);
}
