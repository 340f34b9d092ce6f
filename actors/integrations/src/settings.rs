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
    /// Offers Nextcloud and CalDAV: oO then calls the servers that people name, if they are public ones.
    #[serde(default)]
    pub own_servers: bool,
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
    /// Beside the calendar's address unless set.
    #[serde(default)]
    pub google_tasks_api_url: Option<Url>,
    #[serde(default)]
    pub google_revoke_url: Option<Url>,
    /// Who the person is at Google, as OpenID's `sub`; beside the token address unless set.
    #[serde(default)]
    pub google_userinfo_url: Option<Url>,
    /// One registration serves Microsoft To Do and Outlook Calendar.
    #[serde(default)]
    pub microsoft_client_id: Option<String>,
    #[serde(default)]
    pub microsoft_client_secret: Option<SecretString>,
    /// Whose accounts may be linked: `common`, `organizations`, `consumers`, or a tenant's id.
    #[serde(default = "microsoft_tenant")]
    pub microsoft_tenant: String,
    #[serde(default)]
    pub microsoft_authorize_url: Option<Url>,
    #[serde(default)]
    pub microsoft_token_url: Option<Url>,
    #[serde(default)]
    pub microsoft_api_url: Option<Url>,
    /// The longest life that Graph gives a subscription, in minutes; what it answers counts.
    #[serde(default = "microsoft_channel_minutes")]
    pub microsoft_channel_minutes: u32,
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

    /// The same registration for Google Tasks: a link of its own with a scope of its own.
    pub(crate) fn google_tasks(&self) -> anyhow::Result<Option<(App, Url)>> {
        let Some((calendar, userinfo)) = self.google()? else { return Ok(None) };
        let api_url = match (&self.google_tasks_api_url, &self.google_api_url) {
            (Some(url), _) => url.clone(),
            (None, Some(_)) => calendar.api_url.join("../../tasks/v1/")?,
            (None, None) => Url::parse("https://tasks.googleapis.com/tasks/v1/")?,
        };
        let app = App {
            api_url: folder(api_url),
            redirect: self.redirect(Provider::GoogleTasks)?,
            // It tells nobody of changes.
            webhook: None,
            // Completing a task needs to write.
            scopes: &["openid", "https://www.googleapis.com/auth/tasks"],
            // Whoever linked the calendar before is asked for the tasks only, and goes on having granted both.
            extra: &[("access_type", "offline"), ("prompt", "consent"), ("include_granted_scopes", "true")],
            ..calendar
        };
        Ok(Some((app, userinfo)))
    }

    /// What stands in for a registration where there is none: everything leads back to the page, and nothing calls it.
    pub(crate) fn own_servers(&self) -> anyhow::Result<Option<App>> {
        if !self.own_servers {
            return Ok(None);
        }
        let page = self.at("")?;
        Ok(Some(App {
            client_id: String::new(),
            client_secret: SecretString::default(),
            issuer: Issuer::Under(page.origin()),
            authorize_url: page.clone(),
            token_url: page.clone(),
            api_url: page.clone(),
            revoke_url: page.clone(),
            redirect: page,
            webhook: None,
            scopes: &[],
            separator: " ",
            extra: &[],
            life_unsaid: None,
        }))
    }

    /// Where the browser ends up when an account is linked.
    pub(crate) fn landing(&self, provider: Provider) -> anyhow::Result<Url> {
        self.at(&format!("?linked={}", provider.slug()))
    }

    /// oO's registration at Microsoft for one of its two providers, and how long a subscription should live.
    pub(crate) fn microsoft(&self, provider: Provider) -> anyhow::Result<Option<(App, Duration)>> {
        let Some(client_id) = &self.microsoft_client_id else { return Ok(None) };
        let secret = self.microsoft_client_secret.clone().context("set OO_INTEGRATIONS__MICROSOFT_CLIENT_SECRET")?;
        let tenant = &self.microsoft_tenant;
        if tenant.is_empty() || !tenant.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c)) {
            anyhow::bail!("set OO_INTEGRATIONS__MICROSOFT_TENANT to common, organizations, consumers or a tenant's id");
        }
        let login = |end: &str| format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/{end}");
        let authorize_url = or(&self.microsoft_authorize_url, &login("authorize"))?;
        let api_url = folder(or(&self.microsoft_api_url, "https://graph.microsoft.com/v1.0/")?);
        let app = App {
            client_id: client_id.clone(),
            client_secret: secret,
            // Each tenant names itself below this origin.
            issuer: Issuer::Under(authorize_url.origin()),
            authorize_url,
            token_url: or(&self.microsoft_token_url, &login("token"))?,
            // Microsoft has no such address, and the connectors ask none.
            revoke_url: api_url.clone(),
            api_url,
            redirect: self.redirect(provider)?,
            webhook: self.webhook(provider)?,
            // `User.Read` gives the account's stable id; subscriptions to events want `Calendars.Read`, not less.
            scopes: match provider {
                Provider::MicrosoftTodo => &["offline_access", "User.Read", "Tasks.ReadWrite"],
                _ => &["offline_access", "User.Read", "Calendars.Read"],
            },
            separator: " ",
            // Many have two accounts, one for work and one of their own.
            extra: &[("prompt", "select_account")],
            life_unsaid: Some(Duration::from_secs(3600)),
        };
        Ok(Some((app, Duration::from_secs(60 * u64::from(self.microsoft_channel_minutes.max(1))))))
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

fn microsoft_tenant() -> String {
    "common".into()
}
/// For events and tasks, as the documentation of subscriptions says it (some copies say a week for events).
fn microsoft_channel_minutes() -> u32 {
    4230
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
    fn one_registration_at_microsoft_offers_tasks_and_events_with_the_least_scopes() {
        let pairs =
            [("MICROSOFT_CLIENT_ID", "id"), ("MICROSOFT_CLIENT_SECRET", "s"), ("PUBLIC_URL", "https://oo.example")];
        let settings = read(&pairs);
        let (tasks, life) = settings.microsoft(Provider::MicrosoftTodo).unwrap().unwrap();
        let (events, _) = settings.microsoft(Provider::OutlookCalendar).unwrap().unwrap();
        assert_eq!(tasks.authorize_url.as_str(), "https://login.microsoftonline.com/common/oauth2/v2.0/authorize");
        assert_eq!(tasks.scopes, ["offline_access", "User.Read", "Tasks.ReadWrite"]);
        assert_eq!(events.scopes, ["offline_access", "User.Read", "Calendars.Read"]);
        assert_eq!(tasks.webhook.unwrap().as_str(), "https://oo.example/webhooks/microsoft_todo");
        assert_eq!(life, Duration::from_secs(4230 * 60));
        assert!(tasks.issuer.is("https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0"));
        assert!(!tasks.issuer.is("https://accounts.google.com"));
        let wrong = read(&[pairs[0], pairs[1], pairs[2], ("MICROSOFT_TENANT", "a/../b")]);
        assert!(wrong.microsoft(Provider::MicrosoftTodo).is_err());
    }

    #[test]
    fn a_client_without_a_public_address_names_the_remedy() {
        let error = read(&[("TODOIST_CLIENT_ID", "id"), ("TODOIST_CLIENT_SECRET", "s")]).todoist().err().unwrap();
        assert!(error.to_string().contains("OO_INTEGRATIONS__PUBLIC_URL"), "{error}");
    }

    /// S14.
    #[test]
    fn addresses_come_from_the_settings() {
        let pairs = [("TODOIST_CLIENT_ID", "id"), ("TODOIST_CLIENT_SECRET", "s"), ("PUBLIC_URL", "https://oo.example")];
        let app = read(&pairs).todoist().unwrap().unwrap();
        assert_eq!(app.redirect.as_str(), "https://oo.example/integrations/todoist/callback");
        assert_eq!(app.webhook.unwrap().as_str(), "https://oo.example/webhooks/todoist");
    }

    #[test]
    fn google_tasks_is_beside_the_calendar_under_the_same_registration() {
        let more = |pairs: &[(&str, &str)]| {
            let own = [("GOOGLE_CLIENT_ID", "id"), ("GOOGLE_CLIENT_SECRET", "s"), ("PUBLIC_URL", "https://oo.example")];
            read(&[&own, pairs].concat()).google_tasks().unwrap().unwrap().0
        };
        let app = more(&[]);
        assert_eq!((app.client_id.as_str(), app.webhook.is_none()), ("id", true));
        assert_eq!(app.redirect.as_str(), "https://oo.example/integrations/google_tasks/callback");
        assert_eq!(app.api_url.as_str(), "https://tasks.googleapis.com/tasks/v1/");
        let app = more(&[("GOOGLE_API_URL", "http://127.0.0.1:1/google/calendar/v3")]);
        assert_eq!(app.api_url.as_str(), "http://127.0.0.1:1/google/tasks/v1/", "never the real one beside a stand-in");
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
