//! The answers that notifications may give, a Redis hash for each person's log: each by a token of its own, kept only as its
//! hash, until it is used or nobody would answer any more.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jiff::SignedDuration;
use oo_contracts::push::{AnswerToken, AnswerTokens, TokenAnswer};
use oo_contracts::{DeviceId, LogId, Timestamp, TipId};
use oo_runtime::random;
use redis::AsyncCommands as _;
use redis::aio::ConnectionManager;
use serde::{Deserialize, Serialize};

/// An answer given without a connection is sent when there is one again: for so long after the tip's end it still counts.
const ANSWERS_LATE: SignedDuration = SignedDuration::from_hours(24);

/// Where the tokens are.
#[derive(Clone)]
pub(crate) struct AnswerStore {
    redis: ConnectionManager,
}

/// What one token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Promise {
    pub(crate) tip: TipId,
    pub(crate) device: DeviceId,
    pub(crate) answer: TokenAnswer,
    /// On the wall's clock.
    until: Timestamp,
}

impl AnswerStore {
    pub(crate) fn new(redis: ConnectionManager) -> Self {
        Self { redis }
    }

    /// Makes the tokens of one tip on one device; `over` is when the tip is, on the wall's clock.
    pub(crate) async fn make(
        &self,
        log: &LogId,
        (tip, device): (&TipId, &DeviceId),
        (wall, over): (Timestamp, Timestamp),
    ) -> redis::RedisResult<AnswerTokens> {
        let until = over.saturating_add(ANSWERS_LATE).unwrap_or(over);
        let mut redis = self.redis.clone();
        let all: Vec<(String, String)> = redis.hgetall(key(log)).await?;
        let dead = |(hash, text): (String, String)| {
            let promise = serde_json::from_str::<Promise>(&text).ok();
            promise.is_none_or(|promise| promise.until <= wall).then_some(hash)
        };
        let dead: Vec<String> = all.into_iter().filter_map(dead).collect();
        let mut write = redis::pipe();
        if !dead.is_empty() {
            write.hdel(key(log), dead).ignore();
        }
        let mut token = |answer| {
            let secret = BASE64.encode(random::bytes::<32>());
            let promise = Promise { tip: tip.clone(), device: device.clone(), answer, until };
            // Names and a time: there is nothing in it that JSON could refuse.
            write.hset(key(log), hash(&secret), serde_json::to_string(&promise).unwrap_or_default()).ignore();
            AnswerToken::try_from(format!("{log}.{secret}")).unwrap_or_else(|_| unreachable!("it is short enough"))
        };
        let tokens = AnswerTokens { done: token(TokenAnswer::Done), later: token(TokenAnswer::Later) };
        let seconds = wall.duration_until(until).as_secs().max(1);
        write.expire(key(log), seconds).ignore();
        write.query_async::<()>(&mut redis).await?;
        Ok(tokens)
    }

    /// What a token says, as long as it was not used and somebody would still answer.
    pub(crate) async fn find(
        &self,
        (log, secret): (&LogId, &str),
        wall: Timestamp,
    ) -> redis::RedisResult<Option<Promise>> {
        let text: Option<String> = self.redis.clone().hget(key(log), hash(secret)).await?;
        let promise = text.and_then(|text| serde_json::from_str::<Promise>(&text).ok());
        Ok(promise.filter(|promise| wall < promise.until))
    }

    /// Uses a token up.
    pub(crate) async fn spend(&self, log: &LogId, secret: &str) -> redis::RedisResult<()> {
        self.redis.clone().hdel(key(log), hash(secret)).await
    }

    /// Forgets all of a person's.
    pub(crate) async fn clear(&self, log: &LogId) -> redis::RedisResult<()> {
        self.redis.clone().del(key(log)).await
    }
}

/// Whose token it is, and its secret part; nothing for what is no token of ours.
pub(crate) fn parts(token: &AnswerToken) -> Option<(LogId, &str)> {
    let (log, secret) = token.as_str().split_once('.')?;
    Some((log.parse().ok()?, secret))
}

/// Who reads Redis cannot answer for anybody.
fn hash(secret: &str) -> String {
    BASE64.encode(openssl::sha::sha256(secret.as_bytes()))
}

fn key(log: &LogId) -> String {
    format!("oo:push:{log}:answers")
}
