//! Sign-in and sessions, against a real Redis that comes and goes.

#![allow(clippy::unwrap_used, reason = "a test that cannot set its scene has failed")]

mod canaille;
mod liar;
mod oidc;
mod tokens;

use oo_contracts::wire::{Check, Done, OwnerLink, Session, SignedIn};
use oo_runtime::{Context, random};
use oo_subjects::{AskError, CHECK_SESSION, END_SESSION, SIGN_IN_OWNER};
use oo_testkit::{House, eventually};
use redis::AsyncCommands as _;

struct Scene {
    house: House,
    ctx: Context,
    token: String,
    auth: oo_testkit::Running,
}

impl Scene {
    async fn new() -> Self {
        Self::with(&[]).await
    }

    /// With more settings of the service.
    async fn with(more: &[(&str, &str)]) -> Self {
        let mut house = House::start().await;
        let token = random::token();
        house.set([("OO_AUTH__PUBLIC_URL", "http://localhost:8088"), ("OO_AUTH__OWNER_LINK", &oo_auth::hash(&token))]);
        house.set(more.iter().copied());
        let auth = house.serve("auth", oo_auth::serve).await;
        let ctx = house.context("test").await;
        let scene = Self { house, ctx, token, auth };
        // It listens for health before it answers.
        scene.answers().await;
        scene
    }

    /// The service ends, and comes again with other settings.
    async fn again(&mut self, more: &[(&str, &str)]) {
        self.house.set(more.iter().copied());
        let auth = self.house.serve("auth", oo_auth::serve).await;
        std::mem::replace(&mut self.auth, auth).stop().await.unwrap();
        self.answers().await;
    }

    /// Waits until somebody answers: who stops may have taken a question with it.
    async fn answers(&self) {
        let is_refused =
            |answer: &Result<_, _>| matches!(answer, Err(AskError::Problem(problem)) if problem.status == 401);
        eventually("auth answers", || async { is_refused(&self.check("nobody").await).then_some(()) }).await;
    }

    async fn sign_in(&self, token: &str) -> Result<Session, AskError> {
        self.ctx.bus.ask(SIGN_IN_OWNER, &OwnerLink { token: token.to_owned(), device: None }).await
    }

    async fn check(&self, secret: &str) -> Result<SignedIn, AskError> {
        self.ctx.bus.ask(CHECK_SESSION, &Check { secret: secret.to_owned() }).await
    }

    async fn end(&self, secret: &str) -> Result<Done, AskError> {
        self.ctx.bus.ask(END_SESSION, &Check { secret: secret.to_owned() }).await
    }

    async fn redis(&self) -> redis::aio::MultiplexedConnection {
        let url = self.house.source().get("OO_REDIS__URL").unwrap().to_owned();
        redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap()
    }
}

fn status<T: std::fmt::Debug>(result: Result<T, AskError>) -> u16 {
    match result {
        Err(AskError::Problem(problem)) => problem.status,
        other => panic!("no problem: {other:?}"),
    }
}

#[tokio::test]
async fn the_link_signs_in_once_even_when_used_twice_at_once() {
    let scene = Scene::new().await;
    let tries = futures_util::future::join_all((0..10).map(|_| scene.sign_in(&scene.token))).await;
    let (inside, outside): (Vec<_>, Vec<_>) = tries.into_iter().partition(Result::is_ok);
    assert_eq!(inside.len(), 1);
    assert!(outside.into_iter().all(|refused| status(refused.map(|_| ())) == 403));
    let session = inside.into_iter().next().unwrap().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(scene.check(&session.secret).await.unwrap().user, session.user);
    let people = scene.ctx.people().await.unwrap();
    assert!(people.find(&session.user).await.unwrap().is_some(), "the owner has no log");
}

#[tokio::test]
async fn a_link_is_still_good_when_people_could_not_be_had() {
    let scene = Scene::new().await;
    let (js, shards) = (scene.ctx.bus.jetstream(), scene.ctx.settings.log.shards);
    // As where its stream has no leader: a cluster that has just come back is without for seconds.
    js.delete_stream(format!("KV_{}", oo_subjects::streams::PEOPLE)).await.unwrap();
    assert_eq!(status(scene.sign_in(&scene.token).await.map(|_| ())), 503);
    oo_subjects::streams::set_up(js, shards, 1).await.unwrap();
    let session = scene.sign_in(&scene.token).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(status(scene.sign_in(&scene.token).await.map(|_| ())), 403);

    // Nor does one that was used make anybody anew who is gone.
    js.delete_stream(format!("KV_{}", oo_subjects::streams::PEOPLE)).await.unwrap();
    oo_subjects::streams::set_up(js, shards, 1).await.unwrap();
    assert_eq!(status(scene.sign_in(&scene.token).await.map(|_| ())), 403);
    let people = scene.house.context("people").await.people().await.unwrap();
    assert!(people.find(&session.user).await.unwrap().is_none());
}

#[tokio::test]
async fn a_guess_signs_nobody_in_and_uses_nothing_up() {
    let scene = Scene::new().await;
    for guess in ["", "guess", &oo_auth::hash(&scene.token), &scene.token[1..]] {
        assert_eq!(status(scene.sign_in(guess).await.map(|_| ())), 403);
    }
    scene.sign_in(&scene.token).await.unwrap_or_else(|error| panic!("{error}"));
}

#[tokio::test]
async fn a_session_that_ended_stays_ended_and_the_others_live() {
    let scene = Scene::new().await;
    let session = scene.sign_in(&scene.token).await.unwrap_or_else(|error| panic!("{error}"));
    scene.end("somebody-else").await.unwrap();
    scene.check(&session.secret).await.unwrap();
    scene.end(&session.secret).await.unwrap();
    scene.end(&session.secret).await.unwrap();
    assert_eq!(status(scene.check(&session.secret).await), 401);
}

#[tokio::test]
async fn secrets_rest_as_hashes_only_and_end_by_themselves() {
    let scene = Scene::new().await;
    let session = scene.sign_in(&scene.token).await.unwrap_or_else(|error| panic!("{error}"));
    let mut redis = scene.redis().await;
    let keys: Vec<String> = redis.keys("*").await.unwrap();
    let kept: Vec<&String> = keys.iter().filter(|key| key.contains(&oo_auth::hash(&session.secret))).collect();
    assert_eq!(kept.len(), 1, "the session is not where this test looks: {keys:?}");
    for key in &keys {
        let value: Vec<u8> = redis::cmd("DUMP").arg(key).query_async(&mut redis).await.unwrap();
        let value = String::from_utf8_lossy(&value);
        for secret in [&session.secret, &scene.token] {
            assert!(!key.contains(secret) && !value.contains(secret.as_str()), "{key} holds a secret");
        }
        let seconds: i64 = redis.ttl(key).await.unwrap();
        assert!(seconds > 0, "{key} never ends");
    }
    let idle: i64 = redis.ttl(kept[0]).await.unwrap();
    assert!(idle.unsigned_abs() <= session.idle_seconds);
}

#[tokio::test]
async fn a_session_ends_at_its_absolute_age_however_much_it_is_used() {
    let scene = Scene::new().await;
    let session = scene.sign_in(&scene.token).await.unwrap_or_else(|error| panic!("{error}"));
    let mut redis = scene.redis().await;
    let key = redis.keys::<_, Vec<String>>(format!("*{}", oo_auth::hash(&session.secret))).await.unwrap().remove(0);
    let value: String = redis.get(&key).await.unwrap();
    let mut record: serde_json::Value = serde_json::from_str(&value).unwrap();
    record["began"] = (scene.ctx.clock.wall() - jiff::SignedDuration::from_hours(181 * 24)).to_string().into();
    redis.set::<_, _, ()>(&key, record.to_string()).await.unwrap();
    assert_eq!(status(scene.check(&session.secret).await), 401);
    assert!(!redis.exists::<_, bool>(&key).await.unwrap());
}

#[tokio::test]
async fn without_redis_nobody_is_let_in_and_nothing_is_lost() {
    let mut scene = Scene::new().await;
    let session = scene.sign_in(&scene.token).await.unwrap_or_else(|error| panic!("{error}"));
    scene.house.redis.kill().await;
    assert_eq!(status(scene.check(&session.secret).await), 503);
    scene.house.redis.start().await.unwrap();
    let user = eventually("the session is known again", || async { scene.check(&session.secret).await.ok() }).await;
    assert_eq!(user.user, session.user);
    // The used link is still used.
    assert_eq!(status(scene.sign_in(&scene.token).await.map(|_| ())), 403);
}
