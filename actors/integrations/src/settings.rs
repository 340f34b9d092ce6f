//! Settings of this service: `OO_INTEGRATIONS__…`.

use crate::connector::{App, Issuer};
use anyhow::Context as _;
use oo_contracts::Provider;
use secrecy::SecretString;
use serde::Deserialize;
use std::time::Duration;
use url::Url;

/// The longest that a begun link may take, whatever is set.
const LINK_WITHIN: u64 = 600;

/// What this service needs to know. A provider without a client id is not offered.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where browsers and providers reach the gateway; redirect and webhook addresses start with it.
    #[serde(default)]
    pub public_url: Option<Url>,
    /// Lets calls reach this machine itself. For the sandbox and tests only.
    #[serde(default)]
    pub loopback: bool,
    /// Which providers are stand-ins with sample data: `true` for all, or names with commas between.
    #[serde(default)]
    pub sandbox: String,
    /// Seconds of the person's time between two looks at an account that does not tell of changes by itself.
    #[serde(default = "poll_seconds")]
    pub poll_seconds: u64,
    /// Seconds that a begun link may take, at most 600.
    #[serde(default = "link_seconds")]
    pub link_seconds: u64,
    #[serde(default)]
    pub todoist_client_id: Option<String>,
    #[serde(default)]
    pub todoist_client_secret: Option<SecretString>,
    #[serde(default)]
    pub todoist_authorize_url: Option<Url>,
    #[serde(default)]
    pub todoist_token_url: Option<Url>,
    #[serde(default)]
    pub todoist_api_url: Option<Url>,
    #[serde(default)]
    pub todoist_revoke_url: Option<Url>,
    #[serde(default)]
    pub google_client_id: Option<String>,
    #[serde(default)]
    pub google_client_secret: Option<SecretString>,
    #[serde(default)]
    pub google_authorize_url: Option<Url>,
    #[serde(default)]
    pub google_token_url: Option<Url>,
    #[serde(default)]
    pub google_api_url: Option<Url>,
    #[serde(default)]
    pub google_revoke_url: Option<Url>,
    /// Who the person is at Google, as OpenID's `sub`; beside the token address unless set.
    #[serde(default)]
    pub google_userinfo_url: Option<Url>,
}

impl Settings {
    /// How long a begun link may take.
    pub(crate) fn link_within(&self) -> Duration {
        Duration::from_secs(self.link_seconds.clamp(1, LINK_WITHIN))
    }

    /// How often to look where nothing tells us.
    pub(crate) fn poll_every(&self) -> Duration {
        Duration::from_secs(self.poll_seconds.max(1))
    }

    /// Whether this provider is a stand-in.
    pub(crate) fn is_sandbox(&self, provider: Provider) -> bool {
        self.sandbox.split(',').map(str::trim).any(|name| name == "true" || name == provider.slug())
    }

    /// oO's registration at Todoist, if there is one.
    pub(crate) fn todoist(&self) -> anyhow::Result<Option<App>> {
        let Some(client_id) = &self.todoist_client_id else { return Ok(None) };
        let secret = self.todoist_client_secret.clone().context("set OO_INTEGRATIONS__TODOIST_CLIENT_SECRET")?;
        Ok(Some(App {
            client_id: client_id.clone(),
            client_secret: secret,
            issuer: issuer(self.todoist_authorize_url.as_ref(), "https://todoist.com"),
            authorize_url: or(&self.todoist_authorize_url, "https://app.todoist.com/oauth/authorize")?,
            token_url: or(&self.todoist_token_url, "https://api.todoist.com/oauth/access_token")?,
            api_url: folder(or(&self.todoist_api_url, "https://api.todoist.com/api/v1/")?),
            revoke_url: or(&self.todoist_revoke_url, "https://api.todoist.com/api/v1/revoke")?,
            redirect: self.redirect(Provider::Todoist)?,
            webhook: self.webhook(Provider::Todoist)?,
            scopes: &["data:read_write"],
            separator: ",",
            extra: &[],
            // An old app's tokens come without an expiry and live until they are revoked.
            life_unsaid: None,
        }))
    }

    /// oO's registration at Google, and where it says who somebody is.
    pub(crate) fn google(&self) -> anyhow::Result<Option<(App, Url)>> {
        let Some(client_id) = &self.google_client_id else { return Ok(None) };
        let secret = self.google_client_secret.clone().context("set OO_INTEGRATIONS__GOOGLE_CLIENT_SECRET")?;
        let userinfo = match (&self.google_userinfo_url, &self.google_token_url) {
            (Some(url), _) => url.clone(),
            (None, Some(token)) => token.join("userinfo")?,
            (None, None) => Url::parse("https://openidconnect.googleapis.com/v1/userinfo")?,
        };
        let app = App {
            client_id: client_id.clone(),
            client_secret: secret,
            issuer: issuer(self.google_authorize_url.as_ref(), "https://accounts.google.com"),
            authorize_url: or(&self.google_authorize_url, "https://accounts.google.com/o/oauth2/v2/auth")?,
            token_url: or(&self.google_token_url, "https://oauth2.googleapis.com/token")?,
            api_url: folder(or(&self.google_api_url, "https://www.googleapis.com/calendar/v3/")?),
            revoke_url: or(&self.google_revoke_url, "https://oauth2.googleapis.com/revoke")?,
            redirect: self.redirect(Provider::GoogleCalendar)?,
            webhook: self.webhook(Provider::GoogleCalendar)?,
            // `openid` gives the account's stable name and no address.
            scopes: &["openid", "https://www.googleapis.com/auth/calendar.events.readonly"],
            separator: " ",
            // Without `prompt=consent` a returning person yields no refresh token.
            extra: &[("access_type", "offline"), ("prompt", "consent")],
            life_unsaid: Some(Duration::from_secs(3600)),
        };
        Ok(Some((app, userinfo)))
    }

    /// Where a provider sends the browser back to: fixed by the settings, never by a request's headers.
    fn redirect(&self, provider: Provider) -> anyhow::Result<Url> {
        self.at(&format!("integrations/{}/callback", provider.slug()))
    }

    /// Where a provider may tell of changes, if it can reach us at all.
    fn webhook(&self, provider: Provider) -> anyhow::Result<Option<Url>> {
        let url = self.at(&format!("webhooks/{}", provider.slug()))?;
        Ok((url.scheme() == "https" || self.loopback).then_some(url))
    }

    fn at(&self, path: &str) -> anyhow::Result<Url> {
        let public = self.public_url.clone().context("set OO_INTEGRATIONS__PUBLIC_URL to the gateway's address")?;
        Ok(folder(public).join(path)?)
    }
}

fn or(set: &Option<Url>, real: &str) -> anyhow::Result<Url> {
    Ok(match set {
        Some(url) => url.clone(),
        None => Url::parse(real)?,
    })
}

/// The real provider names itself exactly; a stand-in answers from where it was asked.
fn issuer(authorize: Option<&Url>, real: &'static str) -> Issuer {
    match authorize {
        None => Issuer::Exactly(real),
        Some(url) => Issuer::Under(url.origin()),
    }
}

/// With a slash at the end, so that joining adds to the path instead of replacing its last part.
fn folder(mut url: Url) -> Url {
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    url
}

fn poll_seconds() -> u64 {
    60
}
fn link_seconds() -> u64 {
    LINK_WITHIN
}

#[cfg(test)]
mod tests {
    use super::*;
    use oo_runtime::Source;

    fn read(pairs: &[(&str, &str)]) -> Settings {
        let source: Source = pairs.iter().map(|(name, value)| (format!("OO_INTEGRATIONS__{name}"), *value)).collect();
        source.section("integrations").unwrap()
    }

    #[test]
    fn a_provider_without_a_client_is_not_offered() {
        let settings = read(&[]);
        assert!(settings.todoist().unwrap().is_none() && settings.google().unwrap().is_none());
    }

    #[test]
    fn a_client_without_a_public_address_names_the_remedy() {
        let error = read(&[("TODOIST_CLIENT_ID", "id"), ("TODOIST_CLIENT_SECRET", "s")]).todoist().err().unwrap();
        assert!(error.to_string().contains("OO_INTEGRATIONS__PUBLIC_URL"), "{error}");
    }

    #[test]
    fn addresses_come_from_the_settings() {
        let pairs = [("TODOIST_CLIENT_ID", "id"), ("TODOIST_CLIENT_SECRET", "s"), ("PUBLIC_URL", "https://oo.example")];
        let app = read(&pairs).todoist().unwrap().unwrap();
        assert_eq!(app.redirect.as_str(), "https://oo.example/integrations/todoist/callback");
        assert_eq!(app.webhook.unwrap().as_str(), "https://oo.example/webhooks/todoist");
    }

    #[test]
    fn a_local_address_takes_no_webhooks_without_the_switch() {
        let pairs = [("TODOIST_CLIENT_ID", "id"), ("TODOIST_CLIENT_SECRET", "s"), ("PUBLIC_URL", "http://127.0.0.1:1")];
        assert!(read(&pairs).todoist().unwrap().unwrap().webhook.is_none());
    }

    #[test]
    fn sandboxes_are_named_or_all() {
        assert!(read(&[("SANDBOX", "true")]).is_sandbox(Provider::Todoist));
        let one = read(&[("SANDBOX", "google_calendar")]);
        assert!(one.is_sandbox(Provider::GoogleCalendar) && !one.is_sandbox(Provider::Todoist));
    }
}
