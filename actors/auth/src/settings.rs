//! Settings of this service: `OO_AUTH__…`.

use anyhow::{Context as _, ensure};
use oo_contracts::UserId;
use oo_contracts::session::Issuer;
use secrecy::SecretString;
use serde::Deserialize;
use std::path::PathBuf;
use url::Url;

/// What this service needs to know. An issuer without a client id is not offered.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where people reach the page. Redirect addresses, passkeys and access tokens are bound to it; without it none of
    /// these is offered.
    #[serde(default)]
    pub public_url: Option<Url>,
    /// SHA-256 of the owner's one-time token, in hexadecimal. Without it the owner cannot sign in by a link.
    #[serde(default)]
    pub owner_link: Option<String>,
    /// The same, in a file.
    #[serde(default)]
    pub owner_link_file: Option<PathBuf>,
    /// Who the owner of this machine is.
    #[serde(default = "owner")]
    pub owner: UserId,
    /// Who may come in without being known: `closed` for nobody, `open` for everybody whom an issuer vouches for.
    #[serde(default)]
    pub sign_up: SignUp,
    /// Days without use after which a session ends.
    #[serde(default = "idle_days")]
    pub idle_days: u64,
    /// Days after which a session ends in any case.
    #[serde(default = "absolute_days")]
    pub absolute_days: u64,
    /// Seconds that an access token lives.
    #[serde(default = "token_seconds")]
    pub token_seconds: u64,
    /// Days after which access tokens are signed with a new key.
    #[serde(default = "key_days")]
    pub key_days: u64,
    /// Any OpenID Connect issuer, exactly as it names itself.
    #[serde(default)]
    pub oidc_issuer: Option<Url>,
    #[serde(default)]
    pub oidc_client_id: Option<String>,
    #[serde(default)]
    pub oidc_client_secret: Option<SecretString>,
    /// What the page calls it.
    #[serde(default = "oidc_name")]
    pub oidc_name: String,
    #[serde(default)]
    pub google_client_id: Option<String>,
    #[serde(default)]
    pub google_client_secret: Option<SecretString>,
    /// Google itself, unless a test stands in for it.
    #[serde(default = "google_issuer")]
    pub google_issuer: Url,
    /// The Services ID.
    #[serde(default)]
    pub apple_client_id: Option<String>,
    #[serde(default)]
    pub apple_team_id: Option<String>,
    #[serde(default)]
    pub apple_key_id: Option<String>,
    /// The private key (`.p8`, PEM) that client secrets are signed with.
    #[serde(default)]
    pub apple_key_file: Option<PathBuf>,
    /// Apple itself, unless a test stands in for it.
    #[serde(default = "apple_issuer")]
    pub apple_issuer: Url,
}

/// Who may come in without being known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignUp {
    #[default]
    Closed,
    Open,
}

/// oO's registration at an issuer.
#[derive(Debug, Clone)]
pub(crate) struct Registration {
    pub(crate) issuer: Issuer,
    /// Exactly as it names itself.
    pub(crate) address: String,
    pub(crate) name: String,
    pub(crate) client_id: String,
    pub(crate) secret: ClientSecret,
    pub(crate) redirect: Url,
}

/// How oO proves itself to an issuer.
#[derive(Debug, Clone)]
pub(crate) enum ClientSecret {
    /// A public client: PKCE alone.
    None,
    Kept(SecretString),
    /// Made anew for each exchange, as Apple wants it.
    Minted {
        team: String,
        key: String,
        pem: SecretString,
    },
}

impl Settings {
    /// The owner's link, from the setting or its file.
    pub(crate) fn link(&self) -> anyhow::Result<Option<String>> {
        let Some(file) = &self.owner_link_file else { return Ok(self.owner_link.clone()) };
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read OO_AUTH__OWNER_LINK_FILE {}: `oo init` makes it", file.display()))?;
        Ok(Some(text.trim().to_owned()))
    }

    /// oO's registrations, in the order that the page offers them.
    pub(crate) fn registrations(&self) -> anyhow::Result<Vec<Registration>> {
        let mut all = Vec::new();
        for issuer in Issuer::ALL {
            all.extend(self.registration(issuer)?);
        }
        Ok(all)
    }

    fn registration(&self, issuer: Issuer) -> anyhow::Result<Option<Registration>> {
        let (client_id, address, name) = match issuer {
            Issuer::Google => (&self.google_client_id, Some(&self.google_issuer), "Google"),
            Issuer::Apple => (&self.apple_client_id, Some(&self.apple_issuer), "Apple"),
            Issuer::Oidc => (&self.oidc_client_id, self.oidc_issuer.as_ref(), self.oidc_name.as_str()),
        };
        let Some(client_id) = client_id else { return Ok(None) };
        let address = address.context("set OO_AUTH__OIDC_ISSUER to the issuer's address")?;
        let public = self.public_url.as_ref().context("set OO_AUTH__PUBLIC_URL to the gateway's address")?;
        let secret = match issuer {
            Issuer::Google => {
                let secret = self.google_client_secret.clone().context("set OO_AUTH__GOOGLE_CLIENT_SECRET")?;
                ClientSecret::Kept(secret)
            }
            Issuer::Oidc => self.oidc_client_secret.clone().map_or(ClientSecret::None, ClientSecret::Kept),
            Issuer::Apple => self.apple()?,
        };
        Ok(Some(Registration {
            issuer,
            // An issuer without a path names itself without the slash that an address has.
            address: address.as_str().trim_end_matches('/').to_owned(),
            name: name.to_owned(),
            client_id: client_id.clone(),
            secret,
            redirect: public.join(&format!("/auth/{}/callback", issuer.slug()))?,
        }))
    }

    fn apple(&self) -> anyhow::Result<ClientSecret> {
        let team = self.apple_team_id.clone().context("set OO_AUTH__APPLE_TEAM_ID")?;
        let key = self.apple_key_id.clone().context("set OO_AUTH__APPLE_KEY_ID")?;
        let file = self.apple_key_file.as_ref().context("set OO_AUTH__APPLE_KEY_FILE to the .p8 file")?;
        let pem = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read OO_AUTH__APPLE_KEY_FILE {}", file.display()))?;
        ensure!(pem.contains("PRIVATE KEY"), "OO_AUTH__APPLE_KEY_FILE {} holds no private key", file.display());
        Ok(ClientSecret::Minted { team, key, pem: pem.into() })
    }
}

fn owner() -> UserId {
    UserId::try_from("owner".to_owned()).expect("a short token")
}
fn idle_days() -> u64 {
    30
}
fn absolute_days() -> u64 {
    180
}
fn token_seconds() -> u64 {
    300
}
fn key_days() -> u64 {
    30
}
fn oidc_name() -> String {
    "single sign-on".into()
}
fn google_issuer() -> Url {
    Url::parse("https://accounts.google.com").expect("an address")
}
fn apple_issuer() -> Url {
    Url::parse("https://appleid.apple.com").expect("an address")
}

#[cfg(test)]
mod tests {
    use super::*;
    use oo_runtime::Source;

    fn read(pairs: &[(&str, &str)]) -> Settings {
        let source: Source = pairs.iter().map(|(name, value)| (format!("OO_AUTH__{name}"), *value)).collect();
        source.section("auth").unwrap()
    }

    #[test]
    fn who_is_not_set_up_is_not_offered_and_nobody_may_come_in_unknown() {
        let settings = read(&[]);
        assert!(settings.registrations().unwrap().is_empty());
        assert_eq!(settings.sign_up, SignUp::Closed);
    }

    #[test]
    fn what_is_missing_is_named() {
        let google = [("GOOGLE_CLIENT_ID", "id"), ("PUBLIC_URL", "https://oo.example")];
        let error = read(&google).registrations().unwrap_err().to_string();
        assert!(error.contains("OO_AUTH__GOOGLE_CLIENT_SECRET"), "{error}");
        let error = read(&[("OIDC_CLIENT_ID", "id")]).registrations().unwrap_err().to_string();
        assert!(error.contains("OO_AUTH__OIDC_ISSUER"), "{error}");
    }

    #[test]
    fn the_redirect_comes_from_the_settings_and_the_issuer_keeps_its_path() {
        let settings = read(&[
            ("PUBLIC_URL", "https://oo.example/"),
            ("OIDC_CLIENT_ID", "id"),
            ("OIDC_ISSUER", "https://sso.example/realms/home"),
        ]);
        let one = settings.registrations().unwrap().remove(0);
        assert_eq!(one.redirect.as_str(), "https://oo.example/auth/oidc/callback");
        assert_eq!(one.address, "https://sso.example/realms/home");
    }
}
