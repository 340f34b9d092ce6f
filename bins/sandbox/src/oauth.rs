//! OAuth as the providers do it: codes bound to client, address and PKCE; grants; tokens.
//! What differs between the providers is in `todoist/oauth.rs` and `google/oauth.rs`.

use crate::store::{random, random_hex};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// A code is good for this long, once.
const CODE_LIFE: SignedDuration = SignedDuration::from_mins(10);

/// An authorization as it was asked for and granted, for tests to look at. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorization {
    pub person: String,
    /// What the person granted; may be less than was asked for.
    pub scopes: Vec<String>,
    pub redirect_uri: String,
    pub code_challenge: String,
    /// How long the `state` was; its content is not kept.
    pub state_length: usize,
}

/// All codes, grants and tokens of one provider.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Tokens {
    codes: BTreeMap<String, Code>,
    grants: BTreeMap<u64, Grant>,
    access: BTreeMap<String, Access>,
    refresh: BTreeMap<String, Refresh>,
    authorizations: Vec<Authorization>,
    next: u64,
}

#[derive(Serialize, Deserialize)]
struct Code {
    client: String,
    authorization: Authorization,
    /// Whether a refresh token goes with it.
    offline: bool,
    issued: Timestamp,
    /// The grant it became; a second use ends that grant.
    used: Option<u64>,
}

/// What a person allowed a client.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Grant {
    pub(crate) client: String,
    pub(crate) person: String,
    pub(crate) scopes: Vec<String>,
    /// Whether it has refresh tokens.
    pub(crate) offline: bool,
}

#[derive(Clone, Serialize, Deserialize)]
struct Access {
    grant: u64,
    /// `None` for a legacy token, which lives until it is revoked.
    expires: Option<Timestamp>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Refresh {
    pub(crate) grant: u64,
    pub(crate) issued: Timestamp,
    /// When it was used, and the access token that came of it, where tokens rotate.
    pub(crate) rotated: Option<(Timestamp, String)>,
}

/// Why a code is not worth a token.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BadCode {
    /// Unknown, expired, used before, or another client's.
    Invalid,
    /// Not the address that it was sent to.
    RedirectUri,
    VerifierMissing,
    /// Does not fit the challenge.
    VerifierWrong,
}

impl Tokens {
    /// A code for what a person has just granted.
    pub(crate) fn issue_code(&mut self, client: &str, granted: Authorization, offline: bool, now: Timestamp) -> String {
        self.codes.retain(|_, code| code.issued + CODE_LIFE * 6 > now);
        self.authorizations.push(granted.clone());
        let code = random(24);
        let kept = Code { client: client.to_owned(), authorization: granted, offline, issued: now, used: None };
        self.codes.insert(code.clone(), kept);
        code
    }

    /// Turns a code into a grant. A second use of a code ends the grant of the first (RFC 6749, 4.1.2).
    pub(crate) fn redeem(
        &mut self,
        code: &str,
        client: &str,
        redirect_uri: Option<&str>,
        verifier: Option<&str>,
        now: Timestamp,
    ) -> Result<u64, BadCode> {
        let kept = self.codes.get_mut(code).ok_or(BadCode::Invalid)?;
        if kept.client != client || now > kept.issued + CODE_LIFE {
            return Err(BadCode::Invalid);
        }
        if let Some(grant) = kept.used {
            self.end(grant);
            return Err(BadCode::Invalid);
        }
        if redirect_uri != Some(kept.authorization.redirect_uri.as_str()) {
            return Err(BadCode::RedirectUri);
        }
        let verifier = verifier.ok_or(BadCode::VerifierMissing)?;
        if !proves(verifier, &kept.authorization.code_challenge) {
            return Err(BadCode::VerifierWrong);
        }
        let grant = Grant {
            client: client.to_owned(),
            person: kept.authorization.person.clone(),
            scopes: kept.authorization.scopes.clone(),
            offline: kept.offline,
        };
        let id = self.next;
        self.next += 1;
        kept.used = Some(id);
        self.grants.insert(id, grant);
        Ok(id)
    }

    pub(crate) fn grant(&self, id: u64) -> Option<&Grant> {
        self.grants.get(&id)
    }

    /// A new access token, in the shape of Todoist's.
    pub(crate) fn issue_access(&mut self, grant: u64, expires: Option<Timestamp>) -> String {
        let token = random_hex(20);
        self.access.insert(token.clone(), Access { grant, expires });
        token
    }

    /// A new refresh token.
    pub(crate) fn issue_refresh(&mut self, grant: u64, now: Timestamp) -> String {
        let token = random(32);
        self.refresh.insert(token.clone(), Refresh { grant, issued: now, rotated: None });
        token
    }

    pub(crate) fn refresh_token(&self, token: &str) -> Option<&Refresh> {
        self.refresh.get(token)
    }

    /// Notes that a refresh token was used, and what came of it.
    pub(crate) fn rotate(&mut self, token: &str, access: &str, now: Timestamp) {
        if let Some(refresh) = self.refresh.get_mut(token) {
            refresh.rotated = Some((now, access.to_owned()));
        }
    }

    /// Ends the oldest refresh tokens of a person and a client, so that `most` are left.
    pub(crate) fn prune_refresh(&mut self, client: &str, person: &str, most: usize) {
        let grants = &self.grants;
        let mut theirs: Vec<_> = self
            .refresh
            .iter()
            .filter(|(_, refresh)| {
                grants.get(&refresh.grant).is_some_and(|grant| grant.client == client && grant.person == person)
            })
            .map(|(token, refresh)| (refresh.issued, token.clone()))
            .collect();
        theirs.sort();
        for (_, token) in theirs.iter().rev().skip(most) {
            self.refresh.remove(token);
        }
    }

    /// The grant behind an access token that is good now.
    pub(crate) fn bearer(&self, token: &str, now: Timestamp) -> Option<&Grant> {
        let access = self.access.get(token)?;
        if access.expires.is_some_and(|expires| now >= expires) {
            return None;
        }
        self.grants.get(&access.grant)
    }

    /// The grant that a token of either kind belongs to, even an expired one.
    pub(crate) fn grant_of(&self, token: &str) -> Option<u64> {
        let access = self.access.get(token).map(|access| access.grant);
        access.or_else(|| self.refresh.get(token).map(|refresh| refresh.grant))
    }

    /// Ends a grant with all its tokens.
    pub(crate) fn end(&mut self, grant: u64) {
        self.grants.remove(&grant);
        self.access.retain(|_, access| access.grant != grant);
        self.refresh.retain(|_, refresh| refresh.grant != grant);
    }

    /// Ends everything that a person allowed a client.
    pub(crate) fn end_all(&mut self, client: &str, person: &str) {
        let theirs: Vec<u64> = self
            .grants
            .iter()
            .filter(|(_, grant)| grant.client == client && grant.person == person)
            .map(|(id, _)| *id)
            .collect();
        for grant in theirs {
            self.end(grant);
        }
    }

    /// All scopes that a person has granted a client.
    pub(crate) fn scopes_of(&self, client: &str, person: &str) -> BTreeSet<String> {
        let theirs = self.grants.values().filter(|grant| grant.client == client && grant.person == person);
        theirs.flat_map(|grant| grant.scopes.iter().cloned()).collect()
    }

    /// Makes every access token expire now; refresh tokens stay.
    pub(crate) fn expire_access(&mut self) {
        self.access.clear();
    }

    /// Whether a client is linked with this person.
    pub(crate) fn is_linked(&self, person: &str) -> bool {
        self.grants.values().any(|grant| grant.person == person)
    }

    pub(crate) fn authorizations(&self) -> Vec<Authorization> {
        self.authorizations.clone()
    }
}

/// RFC 7636, 4.6, for S256.
fn proves(verifier: &str, challenge: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    (43..=128).contains(&verifier.len())
        && verifier.bytes().all(allowed)
        && BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes())) == challenge
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_7636_proves_itself() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert!(proves(verifier, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"));
        assert!(!proves(&verifier.replace('d', "e"), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"));
        assert!(!proves("short", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"));
    }
}
