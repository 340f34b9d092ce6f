//! Who sends a push: a JWT signed with ES256 by the key it comes with (RFC 8292).

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey, EcPoint};
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use url::Url;

/// RFC 8292, section 2: no further ahead than this.
const MAX_LIFE: SignedDuration = SignedDuration::from_hours(24);

/// Why a sender is not believed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadVapid(pub(super) &'static str);

#[derive(Deserialize)]
struct Header {
    alg: String,
    typ: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    aud: Option<String>,
    exp: Option<i64>,
    sub: Option<String>,
}

/// Checks `Authorization: vapid t=…, k=…`; gives the key.
pub(super) fn check(header: Option<&str>, origin: &str, now: Timestamp) -> Result<String, BadVapid> {
    let header = header.ok_or(BadVapid("Missing VAPID authorization"))?;
    let (scheme, parameters) = header.split_once(' ').ok_or(BadVapid("Invalid Authorization Header"))?;
    if !scheme.eq_ignore_ascii_case("vapid") {
        return Err(BadVapid("Invalid Authorization Header: the scheme is not vapid"));
    }
    let parameter = |name: &str| {
        parameters.split(',').find_map(|pair| {
            let (key, value) = pair.trim().split_once('=')?;
            (key == name).then(|| value.trim().trim_matches('"'))
        })
    };
    let token = parameter("t").ok_or(BadVapid("Invalid Authorization Header: t is missing"))?;
    let key = parameter("k").ok_or(BadVapid("Invalid Authorization Header: k is missing"))?;

    let mut parts = token.split('.');
    let (Some(head), Some(body), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(BadVapid("Invalid bearer token: Auth malformed"));
    };
    let head: Header = part(head)?;
    if head.alg != "ES256" || head.typ.is_some_and(|typ| !typ.eq_ignore_ascii_case("jwt")) {
        return Err(BadVapid("Invalid bearer token: only ES256 will do"));
    }
    let signed = &token[..token.len() - signature.len() - 1];
    let signature = decode(signature)?;
    let raw_key = decode(key)?;
    if !is_signed(signed, &signature, &raw_key).unwrap_or(false) {
        return Err(BadVapid("Invalid bearer token: the signature does not fit the key"));
    }
    let claims: Claims = part(body)?;
    if claims.aud.as_deref() != Some(origin) {
        return Err(BadVapid("Invalid VAPID audience"));
    }
    let expires = claims.exp.and_then(|exp| Timestamp::from_second(exp).ok());
    let expires = expires.ok_or(BadVapid("Invalid bearer token: exp is missing"))?;
    if expires <= now {
        return Err(BadVapid("Invalid bearer token: expired"));
    }
    if expires > now + MAX_LIFE {
        return Err(BadVapid("Invalid bearer token: expiration is too long"));
    }
    if !claims.sub.as_deref().is_some_and(is_contact) {
        return Err(BadVapid("Invalid bearer token: sub must be a mailto: or https: contact"));
    }
    Ok(key.trim_end_matches('=').to_owned())
}

/// An address that somebody reads: a mail address with a domain, or a site. Not localhost, which Apple refuses.
fn is_contact(sub: &str) -> bool {
    let is_domain = |host: &str| host.contains('.') && !host.starts_with('.') && !host.ends_with('.');
    if let Some(address) = sub.strip_prefix("mailto:") {
        return address
            .split_once('@')
            .is_some_and(|(name, host)| !name.is_empty() && is_domain(host) && !address.contains(['<', ' ', '>']));
    }
    Url::parse(sub).is_ok_and(|url| url.scheme() == "https" && url.host_str().is_some_and(is_domain))
}

fn part<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, BadVapid> {
    serde_json::from_slice(&decode(text)?).map_err(|_| BadVapid("Invalid bearer token: not JSON"))
}

fn decode(text: &str) -> Result<Vec<u8>, BadVapid> {
    BASE64_URL_SAFE_NO_PAD
        .decode(text.trim_end_matches('='))
        .map_err(|_| BadVapid("Invalid bearer token: not base64url"))
}

/// JWS signatures are the two numbers, 32 bytes each.
fn is_signed(message: &str, signature: &[u8], key: &[u8]) -> Result<bool, ErrorStack> {
    if signature.len() != 64 || key.len() != 65 {
        return Ok(false);
    }
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    let mut context = BigNumContext::new()?;
    let point = EcPoint::from_bytes(&group, key, &mut context)?;
    let key = EcKey::from_public_key(&group, &point)?;
    let (r, s) = signature.split_at(32);
    let signature = EcdsaSig::from_private_components(BigNum::from_slice(r)?, BigNum::from_slice(s)?)?;
    signature.verify(&Sha256::digest(message.as_bytes()), &key)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 8292, section 2.4, as it was at its time.
    const EXAMPLE: &str = "vapid t=eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJhdWQiOiJodHRwczovL3B1c2guZXhhbXBsZS5uZXQiLCJleHAiOjE0NTM1MjM3NjgsInN1YiI6Im1haWx0bzpwdXNoQGV4YW1wbGUuY29tIn0.i3CYb7t4xfxCDquptFOepC9GAu_HLGkMlMuCGSK2rpiUfnK9ojFwDXb1JrErtmysazNjjvW2L9OkSSHzvoD1oA, k=BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs";

    #[test]
    fn the_example_of_rfc_8292_is_believed_at_its_time_and_place() {
        let then = Timestamp::from_second(1_453_480_000).unwrap();
        assert!(check(Some(EXAMPLE), "https://push.example.net", then).is_ok());
        assert_eq!(
            check(Some(EXAMPLE), "https://push.example.net:8443", then),
            Err(BadVapid("Invalid VAPID audience"))
        );
        let later = Timestamp::from_second(1_453_530_000).unwrap();
        assert_eq!(
            check(Some(EXAMPLE), "https://push.example.net", later),
            Err(BadVapid("Invalid bearer token: expired"))
        );
        let forged = EXAMPLE.replace("i3CYb7t4", "i3CYb7t5");
        assert!(check(Some(&forged), "https://push.example.net", then).is_err());
    }

    #[test]
    fn a_contact_is_an_address_that_somebody_reads() {
        assert!(is_contact("mailto:owner@example.org"));
        assert!(is_contact("https://oo.example/contact"));
        for bad in ["", "owner@example.org", "mailto:", "mailto:<a@b.c>", "https://localhost", "http://oo.example"] {
            assert!(!is_contact(bad), "{bad}");
        }
    }
}
