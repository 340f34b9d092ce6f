//! Access tokens (RFC 9068) for the SDK and mobile clients: minutes short, bound to a session and to this oO's API. The
//! session is what lives; a token is refreshed by it and dies with it.

use crate::token_store::{KeyStore, SigningKey};
use ed25519_dalek::pkcs8::EncodePrivateKey as _;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use oo_contracts::session::{AccessToken, DoorId, Key, Keys};
use oo_contracts::{Timestamp, UserId};
use oo_runtime::random;
use serde::{Deserialize, Serialize};
use url::Url;

/// Whom tokens are for: the API of this oO, and nobody else.
const AUDIENCE: &str = "oo-api";
/// `typ` of an access token: what tells it from an ID token.
const KIND: &str = "at+jwt";
/// Seconds that clocks may differ.
const LEEWAY: u64 = 5;

/// Makes tokens, and knows them again.
pub(crate) struct Tokens {
    /// This oO's own address.
    issuer: String,
    seconds: u64,
    keys: KeyStore,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: UserId,
    /// The session that it was made of.
    sid: DoorId,
    iat: i64,
    nbf: i64,
    exp: i64,
    jti: String,
}

impl Tokens {
    pub(crate) fn new(page: &Url, seconds: u64, keys: KeyStore) -> Self {
        Self { issuer: page.origin().ascii_serialization(), seconds, keys }
    }

    /// A token for a session.
    pub(crate) async fn make(&self, user: UserId, sid: DoorId, wall: Timestamp) -> anyhow::Result<AccessToken> {
        let key = self.keys.current(wall).await?;
        let now = wall.as_second();
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: AUDIENCE.into(),
            sub: user,
            sid,
            iat: now,
            nbf: now,
            exp: now + self.seconds.cast_signed(),
            jti: random::token(),
        };
        let header = Header { typ: Some(KIND.into()), kid: Some(key.kid.clone()), ..Header::new(Algorithm::EdDSA) };
        let der = key.signer().to_pkcs8_der()?;
        let access_token = encode(&header, &claims, &EncodingKey::from_ed_der(der.as_bytes()))?;
        Ok(AccessToken { access_token, token_type: "Bearer".into(), expires_in: self.seconds })
    }

    /// Whose token it is, and of which session; `None` for everything that is not one of ours, for whatever reason.
    pub(crate) async fn check(&self, token: &str, wall: Timestamp) -> anyhow::Result<Option<(UserId, DoorId)>> {
        let Ok(header) = decode_header(token) else { return Ok(None) };
        if header.typ.as_deref() != Some(KIND) || header.alg != Algorithm::EdDSA {
            return Ok(None);
        }
        let Some(kid) = header.kid else { return Ok(None) };
        let Some(key) = self.keys.live(wall).await?.into_iter().find(|key| key.kid == kid) else { return Ok(None) };
        let mut wanted = Validation::new(Algorithm::EdDSA);
        wanted.set_audience(&[AUDIENCE]);
        wanted.set_issuer(&[&self.issuer]);
        wanted.set_required_spec_claims(&["exp", "nbf", "aud", "iss", "sub"]);
        wanted.validate_nbf = true;
        wanted.leeway = LEEWAY;
        let verifier = DecodingKey::from_ed_components(&key.public())?;
        Ok(decode::<Claims>(token, &verifier, &wanted).ok().map(|read| (read.claims.sub, read.claims.sid)))
    }

    /// The keys that tokens are signed with, for everybody who checks them.
    pub(crate) async fn published(&self, wall: Timestamp) -> anyhow::Result<Keys> {
        let keys = self.keys.live(wall).await?.iter().map(published).collect();
        Ok(Keys { keys })
    }
}

fn published(key: &SigningKey) -> Key {
    Key {
        kty: "OKP".into(),
        crv: "Ed25519".into(),
        alg: "EdDSA".into(),
        usage: "sig".into(),
        kid: key.kid.clone(),
        x: key.public(),
    }
}
