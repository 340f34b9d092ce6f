//! Who may come in: sessions by cookie, changes only from our own page.

use crate::Gateway;
use crate::state::problem;
use oo_contracts::UserId;
use oo_contracts::http::{MAX_BODY, Problem};
use oo_contracts::session::TokenCheck;
use oo_contracts::wire::Check;
use oo_subjects::{CHECK_SESSION, CHECK_TOKEN};
use serde::de::DeserializeOwned;
use std::net::IpAddr;
use warp::http::{HeaderMap, Method};
use warp::hyper::body::Bytes;

/// What the cookies are called.
pub(crate) struct CookieNames {
    pub(crate) session: &'static str,
    /// Of a link under way.
    pub(crate) link: &'static str,
    /// Of a sign-in under way.
    pub(crate) sign_in: &'static str,
}

const BOUND: CookieNames = CookieNames { session: "__Host-oo", link: "__Host-oo_txn", sign_in: "__Host-oo_in" };
const PLAIN: CookieNames = CookieNames { session: "oo", link: "oo_txn", sign_in: "oo_in" };

/// A request, whole.
pub(crate) struct Request {
    pub(crate) from: IpAddr,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The value of a cookie.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        let all = self.headers.get_all("cookie").iter().filter_map(|header| header.to_str().ok());
        all.flat_map(|header| header.split(';')).find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
    }

    /// A parameter of the query, decoded.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.query.as_bytes())
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.into_owned())
    }

    /// The body as JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        if self.body.len() as u64 > MAX_BODY {
            return Err(Problem::new(413, "too large", format!("send at most {MAX_BODY} bytes")));
        }
        let kind = self.header("content-type").and_then(|kind| kind.split(';').next());
        if kind.map(str::trim) != Some("application/json") {
            return Err(Problem::new(415, "not JSON", "send application/json"));
        }
        serde_json::from_slice(&self.body).map_err(|error| Problem::new(422, "cannot be read", error.to_string()))
    }
}

impl Gateway {
    /// Names of the cookies: bound to the host wherever there is TLS.
    pub(crate) fn cookie_names(&self) -> &'static CookieNames {
        if self.https { &BOUND } else { &PLAIN }
    }

    /// A cookie for scripts not to see. Without a value it is taken back.
    pub(crate) fn set_cookie(&self, name: &str, value: Option<&str>, seconds: u64) -> String {
        let secure = if self.https { "; Secure" } else { "" };
        let (value, seconds) = value.map_or(("", 0), |value| (value, seconds));
        format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}")
    }

    /// The cookie of a sign-in under way. Only where the issuer lets the browser post the answer does it cross sites, and it
    /// opens nothing by itself.
    pub(crate) fn set_sign_in_cookie(&self, transaction: &str, seconds: u64, cross_site: bool) -> String {
        let cookie = self.set_cookie(self.cookie_names().sign_in, Some(transaction), seconds);
        if cross_site && self.https { cookie.replace("SameSite=Lax", "SameSite=None") } else { cookie }
    }

    /// Whether the request comes from our own page: its own header, which no form can send, and its origin.
    pub(crate) fn must_be_own_page(&self, request: &Request) -> Result<(), Problem> {
        let own = request.header("x-oo") == Some("1")
            && request.header("origin") == Some(&self.origin)
            && request.header("sec-fetch-site").is_none_or(|site| site == "same-origin");
        if own {
            Ok(())
        } else {
            Err(Problem::new(403, "not from our own page", "send the header x-oo: 1 from the page's origin"))
        }
    }

    /// Whose session, or access token, it is. With a cookie, which browsers send by themselves, changes must come from our own
    /// page as well.
    pub(crate) async fn session(&self, request: &Request) -> Result<UserId, Problem> {
        if let Some(token) = request.header("authorization").and_then(|value| value.strip_prefix("Bearer ")) {
            self.limits.session(request.from)?;
            let check = TokenCheck { access_token: token.to_owned() };
            let signed_in = self.ctx.bus.ask(CHECK_TOKEN, &check).await.map_err(problem)?;
            self.limits.person(&signed_in.user)?;
            return Ok(signed_in.user);
        }
        if request.method != Method::GET {
            self.must_be_own_page(request)?;
        }
        let Some(secret) = request.cookie(self.cookie_names().session).filter(|secret| !secret.is_empty()) else {
            return Err(Problem::new(401, "signed out", "sign in first"));
        };
        self.limits.session(request.from)?;
        let signed_in = self.ctx.bus.ask(CHECK_SESSION, &Check { secret: secret.to_owned() }).await.map_err(problem)?;
        self.limits.person(&signed_in.user)?;
        Ok(signed_in.user)
    }
}
