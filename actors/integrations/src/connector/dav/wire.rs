//! The verbs of CalDAV that oO speaks (RFC 4791, RFC 6578), to one origin and with that account's password only.

use super::xml::{self, Multistatus};
use crate::http::{Answer, CallError, Http};
use oo_contracts::Timestamp;
use reqwest::header::{CONTENT_TYPE, ETAG, IF_MATCH, LOCATION};
use reqwest::{Method, RequestBuilder};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;
use url::Url;

/// The way to a calendar may turn a corner or two.
const MOST_REDIRECTS: usize = 5;
/// An object larger than this is no appointment, but somebody's attachments.
const MOST_OBJECT: usize = 512 * 1024;

/// What an account's calls need. As JSON it is what the vault seals in place of a token.
#[derive(Deserialize)]
pub(crate) struct Login {
    user: String,
    password: SecretString,
    /// Whose calendars they are.
    pub(crate) principal: Url,
    /// Where the calendars are.
    pub(super) homes: Vec<Url>,
    /// Where a password ends that the server made for oO.
    pub(super) revoke: Option<Url>,
}

impl Login {
    /// Before anything is known but an address.
    pub(crate) fn new(address: Url, user: &str, password: &SecretString, revoke: Option<Url>) -> Self {
        Self { user: user.to_owned(), password: password.clone(), principal: address, homes: Vec::new(), revoke }
    }

    /// As the vault gives it back.
    pub(super) fn open(token: &SecretString) -> Result<Self, CallError> {
        serde_json::from_str(token.expose_secret()).map_err(|_| CallError::Unauthorized)
    }

    /// The same, now that it is known where the calendars are.
    pub(super) fn found(self, principal: Url, homes: Vec<Url>) -> Self {
        Self { principal, homes, ..self }
    }

    /// As the vault keeps it.
    pub(crate) fn seal(&self) -> SecretString {
        let Self { user, password, principal, homes, revoke } = self;
        let all = json!({"user": user, "password": password.expose_secret(), "principal": principal, "homes": homes,
            "revoke": revoke});
        all.to_string().into()
    }
}

/// One calendar object, with the version it has at the server.
pub(super) struct Object {
    pub(super) etag: String,
    pub(super) text: String,
}

/// A server, and who asks it.
pub(super) struct Server<'a> {
    pub(super) http: &'a Http,
    pub(super) login: &'a Login,
}

/// What a listing of changes says: addresses, each with its version or gone, and where to go on.
pub(super) struct Changed {
    pub(super) members: Vec<(Url, Option<String>)>,
    pub(super) token: String,
    /// There is more, from the token on.
    pub(super) is_cut: bool,
}

impl Server<'_> {
    /// An address that the server names, if it is the server's own. The password goes nowhere else.
    pub(super) fn at(&self, base: &Url, href: &str) -> Option<Url> {
        let url = base.join(href).ok()?;
        (url.origin() == self.login.principal.origin()).then_some(url)
    }

    fn request(&self, method: &str, url: &Url) -> Result<RequestBuilder, CallError> {
        if url.origin() != self.login.principal.origin() {
            return Err(CallError::Elsewhere(url.origin().ascii_serialization()));
        }
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| CallError::Garbled)?;
        let request = self.http.request(method, url)?;
        Ok(request.basic_auth(&self.login.user, Some(self.login.password.expose_secret())))
    }

    /// A request with a body of XML, as often as the server sends us on; where it was answered, and how.
    async fn ask(&self, method: &str, url: &Url, depth: &str, body: &str) -> Result<(Url, Answer), CallError> {
        let mut url = url.clone();
        for _ in 0..MOST_REDIRECTS {
            let request = self.request(method, &url)?.header("depth", depth);
            let request = request.header(CONTENT_TYPE, "application/xml; charset=utf-8").body(body.to_owned());
            let answer = self.http.send(request).await?;
            if !answer.status.is_redirection() {
                return Ok((url, answer));
            }
            let to = answer.headers.get(LOCATION).and_then(|to| to.to_str().ok()).ok_or(CallError::Garbled)?;
            // Checked again like the first one, by `request`.
            url = url.join(to).map_err(|_| CallError::Garbled)?;
        }
        Err(CallError::Garbled)
    }

    /// Properties of an address, and of what is directly in it at depth 1.
    pub(super) async fn propfind(&self, url: &Url, depth: &str, props: &str) -> Result<(Url, Multistatus), CallError> {
        let (url, answer) = self.ask("PROPFIND", url, depth, &wrapped("propfind", &prop(props))).await?;
        Ok((url, read(&self.http.sorted(answer)?)?))
    }

    /// The versions of a calendar's events in a window, or of its open tasks.
    pub(super) async fn list(&self, calendar: &Url, wanted: &Wanted) -> Result<Vec<(Url, String)>, CallError> {
        let filter = match wanted {
            Wanted::Events(from, to) => format!(
                r#"<c:comp-filter name="VEVENT"><c:time-range start="{}" end="{}"/></c:comp-filter>"#,
                basic(*from),
                basic(*to)
            ),
            Wanted::Tasks => r#"<c:comp-filter name="VTODO"><c:prop-filter name="COMPLETED"><c:is-not-defined/></c:prop-filter></c:comp-filter>"#.to_owned(),
        };
        let body = format!(
            r#"{}<c:filter><c:comp-filter name="VCALENDAR">{filter}</c:comp-filter></c:filter>"#,
            prop("<d:getetag/>")
        );
        let (_, answer) = self.ask("REPORT", calendar, "1", &caldav("calendar-query", &body)).await?;
        let read = read(&self.http.sorted(answer)?)?;
        let etag = |response: &xml::Response| response.text(xml::Space::Dav, "getetag").map(str::to_owned);
        let found = read.responses.iter().filter_map(|one| Some((self.at(calendar, &one.href)?, etag(one)?)));
        Ok(found.collect())
    }

    /// What changed in a calendar since a token; `None` where the server has forgotten it.
    pub(super) async fn changed(&self, calendar: &Url, token: &str) -> Result<Option<Changed>, CallError> {
        let escaped = quick_xml::escape::escape(token);
        let body =
            format!("<d:sync-token>{escaped}</d:sync-token><d:sync-level>1</d:sync-level>{}", prop("<d:getetag/>"));
        let (_, answer) = self.ask("REPORT", calendar, "1", &wrapped("sync-collection", &body)).await?;
        if matches!(answer.status.as_u16(), 403 | 409 | 412 | 507) && xml::is_forgotten_token(&answer.body) {
            return Ok(None);
        }
        let read = read(&self.http.sorted(answer)?)?;
        let token = read.sync_token.ok_or(CallError::Garbled)?;
        let etag = |response: &xml::Response| response.text(xml::Space::Dav, "getetag").map(str::to_owned);
        let members = read.responses.iter().filter_map(|one| {
            let url = self.at(calendar, &one.href)?;
            match one.status {
                Some(404) => Some((url, None)),
                // 507 is said of the calendar itself.
                Some(_) => None,
                None => Some((url, Some(etag(one)?))),
            }
        });
        let is_cut = read.responses.iter().any(|one| one.status == Some(507));
        Ok(Some(Changed { members: members.collect(), token, is_cut }))
    }

    /// Several objects of a calendar, each where it is, or nothing where it is gone.
    pub(super) async fn objects(
        &self,
        calendar: &Url,
        members: &[Url],
    ) -> Result<Vec<(Url, Option<Object>)>, CallError> {
        let hrefs: String = members
            .iter()
            .map(|member| format!("<d:href>{}</d:href>", quick_xml::escape::escape(member.path())))
            .collect();
        let body = format!("{}{hrefs}", prop("<d:getetag/><c:calendar-data/>"));
        let (_, answer) = self.ask("REPORT", calendar, "1", &caldav("calendar-multiget", &body)).await?;
        let read = read(&self.http.sorted(answer)?)?;
        let found = read.responses.iter().filter_map(|one| {
            let etag = one.text(xml::Space::Dav, "getetag").unwrap_or_default().to_owned();
            let text = one.text(xml::Space::CalDav, "calendar-data").filter(|text| text.len() <= MOST_OBJECT);
            Some((self.at(calendar, &one.href)?, text.map(|text| Object { etag, text: text.to_owned() })))
        });
        Ok(found.collect())
    }

    /// One object as it is, byte for byte.
    pub(super) async fn object(&self, url: &Url) -> Result<Object, CallError> {
        let answer = self.http.done(self.request("GET", url)?).await?;
        let etag = answer.headers.get(ETAG).and_then(|etag| etag.to_str().ok()).unwrap_or_default().to_owned();
        if answer.body.len() > MOST_OBJECT {
            return Err(CallError::Garbled);
        }
        let text = String::from_utf8(answer.body).map_err(|_| CallError::Garbled)?;
        Ok(Object { etag, text })
    }

    /// Puts an object in place of the version that was read; `false` where it has another one by now.
    pub(super) async fn replace(&self, url: &Url, object: &Object) -> Result<bool, CallError> {
        if object.etag.is_empty() {
            // Somebody's change could be lost.
            return Err(CallError::Unsupported("this server gives no versions of its tasks"));
        }
        let request = self.request("PUT", url)?.header(IF_MATCH, &object.etag);
        let request = request.header(CONTENT_TYPE, "text/calendar; charset=utf-8").body(object.text.clone());
        match self.http.done(request).await {
            Ok(_) => Ok(true),
            Err(CallError::Refused(412)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Ends a password that the server made for oO.
    pub(super) async fn end_password(&self, url: &Url) -> Result<(), CallError> {
        let request = self.request("DELETE", url)?.header("ocs-apirequest", "true");
        match self.http.done(request).await {
            // It has ended before.
            Ok(_) | Err(CallError::Unauthorized | CallError::Missing) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// What of a calendar is listed.
pub(super) enum Wanted {
    Events(Timestamp, Timestamp),
    Tasks,
}

fn read(answer: &Answer) -> Result<Multistatus, CallError> {
    if answer.status.as_u16() != 207 {
        return Err(CallError::Garbled);
    }
    xml::multistatus(&answer.body).ok_or(CallError::Garbled)
}

fn prop(props: &str) -> String {
    format!("<d:prop>{props}</d:prop>")
}

fn wrapped(name: &str, body: &str) -> String {
    const NAMES: &str =
        r#"xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav" xmlns:cs="http://calendarserver.org/ns/""#;
    format!(r#"<?xml version="1.0" encoding="utf-8"?><d:{name} {NAMES}>{body}</d:{name}>"#)
}

fn caldav(name: &str, body: &str) -> String {
    const NAMES: &str = r#"xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav""#;
    format!(r#"<?xml version="1.0" encoding="utf-8"?><c:{name} {NAMES}>{body}</c:{name}>"#)
}

/// An instant as iCalendar writes it: `20261124T080000Z`.
pub(super) fn basic(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}
