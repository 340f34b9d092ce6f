//! Apple's client secret: a token that we sign ourselves (ES256), anew for each exchange.

use anyhow::Context as _;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use oo_runtime::Clock;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

/// Seconds that a secret is good for: one exchange.
const LIFE: i64 = 300;

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    iat: i64,
    exp: i64,
    aud: &'a str,
    sub: &'a str,
}

/// Signs a client secret for one exchange ("Creating a client secret", Apple's developer documentation).
pub(crate) fn client_secret(
    client_id: &str,
    audience: &str,
    team: &str,
    key: &str,
    pem: &SecretString,
) -> anyhow::Result<SecretString> {
    let now = Clock::default().wall().as_second();
    let claims = Claims { iss: team, iat: now, exp: now + LIFE, aud: audience, sub: client_id };
    let header = Header { kid: Some(key.to_owned()), ..Header::new(Algorithm::ES256) };
    let signer = EncodingKey::from_ec_pem(pem.expose_secret().as_bytes())
        .context("OO_AUTH__APPLE_KEY_FILE holds no key that ES256 can be signed with")?;
    Ok(encode(&header, &claims, &signer)?.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::{DecodingKey, Validation, decode};
    use p256::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _, LineEnding};

    #[test]
    fn the_secret_is_signed_for_apple_alone_and_for_minutes() {
        let signer = p256::SecretKey::from_slice(&oo_runtime::random::bytes::<32>()).unwrap();
        let pem = signer.to_pkcs8_pem(LineEnding::LF).unwrap().to_string().into();
        let secret = client_secret("org.example.oo", "https://appleid.apple.com", "TEAM", "KEY", &pem).unwrap();
        let mut wanted = Validation::new(Algorithm::ES256);
        wanted.set_audience(&["https://appleid.apple.com"]);
        wanted.set_issuer(&["TEAM"]);
        let key = signer.public_key().to_public_key_pem(LineEnding::LF).unwrap();
        let key = DecodingKey::from_ec_pem(key.as_bytes()).unwrap();
        let read = decode::<serde_json::Value>(secret.expose_secret(), &key, &wanted).unwrap();
        assert_eq!(read.header.kid.as_deref(), Some("KEY"));
        assert_eq!(read.claims["sub"], "org.example.oo");
        assert_eq!(read.claims["exp"].as_i64().unwrap() - read.claims["iat"].as_i64().unwrap(), LIFE);
    }

    #[test]
    fn what_is_no_key_is_told_by_its_setting() {
        let error = client_secret("id", "aud", "t", "k", &"no key".into()).unwrap_err();
        assert!(error.to_string().contains("OO_AUTH__APPLE_KEY_FILE"), "{error}");
    }
}
