//! The page on which a person says yes, for both providers: the request is checked, asked about, and answered.

use crate::http::{self, Reply, Request, escape};
use crate::oauth::Authorization;
use crate::shared::Shared;
use crate::store::random;
use std::net::IpAddr;
use url::{Host, Url};
use warp::http::Method;

/// What differs between the providers.
pub(crate) struct Dialect {
    /// As the page says it.
    pub(crate) name: &'static str,
    /// Sent back as `iss`, where the provider does (RFC 9207).
    pub(crate) issuer: Option<String>,
    /// Between two scopes.
    pub(crate) separator: char,
    pub(crate) client_id: String,
    pub(crate) is_scope: fn(&str) -> bool,
    /// Whether the person may grant some scopes and not others.
    pub(crate) granular: bool,
    /// Scopes that a test has unticked beforehand.
    pub(crate) unticked: Vec<String>,
    /// How the provider refuses where it cannot redirect.
    pub(crate) refuse: fn(&str, &str) -> Reply,
}

/// How it ended.
pub(crate) enum Outcome {
    /// The person granted it; the caller makes the code and calls [`Ask::allowed`].
    Granted(Ask, Authorization),
    /// Anything else: a page, a refusal.
    Reply(Reply),
}

/// A request for authorization that has passed the checks.
pub(crate) struct Ask {
    redirect_uri: Url,
    state: String,
    issuer: Option<String>,
    /// Google's `access_type` and `prompt`.
    pub(crate) offline: bool,
    pub(crate) prompt_consent: bool,
}

/// The person whose sample life is shown where nobody is named.
pub(crate) const DEFAULT_PERSON: &str = "alex";

/// Checks an authorization request and asks the person, or answers for them.
pub(crate) fn authorize(shared: &Shared, dialect: &Dialect, request: &Request) -> Outcome {
    let refuse = |error, text| Outcome::Reply((dialect.refuse)(error, text));
    if request.method != Method::GET && request.method != Method::POST {
        return Outcome::Reply(http::empty(405));
    }
    // Without a known client and a known address there is nowhere safe to send the browser.
    if request.param("client_id") != Some(&dialect.client_id) {
        return refuse("invalid_client", "The OAuth client was not found.");
    }
    let Some(redirect_uri) = request.param("redirect_uri") else {
        return refuse("invalid_request", "Missing required parameter: redirect_uri");
    };
    let Some(redirect_uri) = allowed_redirect(shared, redirect_uri) else {
        return refuse("redirect_uri_mismatch", "The redirect_uri is not registered for this client.");
    };
    let Some(state) = request.param("state").filter(|state| !state.is_empty()) else {
        return refuse("invalid_request", "Missing required parameter: state");
    };
    let ask = Ask {
        redirect_uri,
        state: state.to_owned(),
        issuer: dialect.issuer.clone(),
        offline: request.param("access_type") == Some("offline"),
        prompt_consent: request.param("prompt").is_some_and(|prompt| prompt.split(' ').any(|one| one == "consent")),
    };
    match request.param("response_type") {
        Some("code") => {}
        Some(_) => return Outcome::Reply(ask.refused("unsupported_response_type", None)),
        None => return Outcome::Reply(ask.refused("invalid_request", Some("response_type is missing"))),
    }
    let challenge = request.param("code_challenge").unwrap_or_default();
    if challenge.is_empty() {
        return Outcome::Reply(ask.refused("invalid_request", Some("PKCE is required: code_challenge is missing")));
    }
    if request.param("code_challenge_method") != Some("S256") || challenge.len() != 43 {
        return Outcome::Reply(
            ask.refused("invalid_request", Some("PKCE is required with code_challenge_method S256")),
        );
    }
    let scopes: Vec<String> = request
        .param("scope")
        .unwrap_or_default()
        .split(dialect.separator)
        .filter(|scope| !scope.is_empty())
        .map(str::to_owned)
        .collect();
    if scopes.is_empty() || !scopes.iter().all(|scope| (dialect.is_scope)(scope)) {
        return Outcome::Reply(ask.refused("invalid_scope", None));
    }

    let mut authorization = Authorization {
        person: person(request.param("sandbox_person").or(request.param("login_hint"))),
        scopes,
        redirect_uri: request.param("redirect_uri").unwrap_or_default().to_owned(),
        code_challenge: challenge.to_owned(),
        state_length: state.len(),
    };
    if request.method == Method::POST {
        return decided(dialect, request, ask, authorization);
    }
    if shared.options.auto_consent || request.param("sandbox_auto") == Some("1") {
        authorization.scopes.retain(|scope| !dialect.unticked.contains(scope));
        return Outcome::Granted(ask, authorization);
    }
    Outcome::Reply(page(dialect, &ask, &authorization))
}

impl Ask {
    /// Sends the browser back with a code.
    pub(crate) fn allowed(&self, code: &str) -> Reply {
        self.back(&[("code", code)])
    }

    /// Sends the browser back with an error.
    fn refused(&self, error: &str, description: Option<&str>) -> Reply {
        match description {
            Some(text) => self.back(&[("error", error), ("error_description", text)]),
            None => self.back(&[("error", error)]),
        }
    }

    fn back(&self, pairs: &[(&str, &str)]) -> Reply {
        let mut to = self.redirect_uri.clone();
        {
            let mut query = to.query_pairs_mut();
            for (name, value) in pairs {
                query.append_pair(name, value);
            }
            query.append_pair("state", &self.state);
            if let Some(issuer) = &self.issuer {
                query.append_pair("iss", issuer);
            }
        }
        http::redirect(to.as_str())
    }
}

/// The form came back.
fn decided(dialect: &Dialect, request: &Request, ask: Ask, mut authorization: Authorization) -> Outcome {
    if request.is_cross_site() {
        return Outcome::Reply(http::with(403, "text/plain", "this form can only be sent from its own page"));
    }
    let fields: Vec<(String, String)> = url::form_urlencoded::parse(&request.body).into_owned().collect();
    let first = |name: &str| fields.iter().find(|pair| pair.0 == name).map(|pair| pair.1.as_str());
    if first("decision") != Some("allow") {
        return Outcome::Reply(ask.refused("access_denied", None));
    }
    authorization.person = person(first("person"));
    if dialect.granular {
        let ticked = |scope: &String| fields.iter().any(|pair| pair.0 == "scope" && pair.1 == *scope);
        authorization.scopes.retain(|scope| scope == "openid" || ticked(scope));
    }
    Outcome::Granted(ask, authorization)
}

/// A registered address, or any on loopback: codes must not leave the machine unless somebody said so.
fn allowed_redirect(shared: &Shared, text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    if url.fragment().is_some() || !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    if shared.options.redirect_uris.iter().any(|known| known.as_str() == text || *known == url) {
        return Some(url);
    }
    let loopback = match url.host()? {
        Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(ip) => IpAddr::V4(ip).is_loopback(),
        Host::Ipv6(ip) => IpAddr::V6(ip).is_loopback(),
    };
    (loopback && url.username().is_empty() && url.password().is_none()).then_some(url)
}

/// A person's name, from a hint that may be an e-mail address.
fn person(hint: Option<&str>) -> String {
    let name: String = hint
        .unwrap_or_default()
        .split('@')
        .next()
        .unwrap_or_default()
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(20)
        .collect();
    if name.is_empty() { DEFAULT_PERSON.to_owned() } else { name.to_ascii_lowercase() }
}

fn page(dialect: &Dialect, ask: &Ask, authorization: &Authorization) -> Reply {
    let nonce = random(16);
    let name = dialect.name;
    let client = escape(ask.redirect_uri.host_str().unwrap_or_default());
    let person = escape(&authorization.person);
    let mut scopes = String::new();
    for scope in &authorization.scopes {
        let scope = escape(scope);
        if dialect.granular && scope != "openid" {
            scopes.push_str(&format!(
                "<li><label><input type=\"checkbox\" name=\"scope\" value=\"{scope}\" checked> {scope}</label>"
            ));
        } else {
            scopes.push_str(&format!("<li>{scope}"));
        }
    }
    let body = format!(
        r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>Sandbox {name}</title>
<style nonce="{nonce}">
body {{ max-width: 26rem; margin: 18vh auto 0; padding: 0 1.5rem; font: 1rem/1.6 system-ui, sans-serif; }}
h1 {{ font-size: 1.25rem; font-weight: 500; margin: 0; }}
h1 + p {{ margin-top: 0; opacity: .7; }}
ul {{ padding-left: 1.2rem; overflow-wrap: anywhere; }}
input:not([type=checkbox]) {{ font: inherit; padding: .3rem .5rem; width: 8rem; }}
button {{ font: inherit; padding: .5rem 1.2rem; margin: 1rem .5rem 0 0; min-height: 44px; }}
</style>
<main>
<h1>Sandbox {name}</h1>
<p>A stand-in with sample data. Nothing here is real.</p>
<form method="post">
<p>oO at {client} asks to:</p>
<ul>{scopes}</ul>
<p><label>Sample person <input name="person" value="{person}" maxlength="20" autocomplete="off"></label></p>
<button name="decision" value="allow">Allow</button>
<button name="decision" value="cancel" formnovalidate>Cancel</button>
</form>
</main>
"#
    );
    // Browsers hold `form-action` against the redirect that follows the form, too.
    let back = ask.redirect_uri.origin().ascii_serialization();
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self' {back}; base-uri 'none'; frame-ancestors 'none'"
    );
    let reply = http::with(200, "text/html; charset=utf-8", body);
    http::put(http::put(reply, "content-security-policy", &policy), "referrer-policy", "same-origin")
}
