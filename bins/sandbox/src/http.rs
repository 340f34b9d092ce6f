//! Requests and answers, as the sandbox's parts see them.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value};
use warp::http::{HeaderMap, Method, Response, StatusCode, header};

/// An answer with its whole body.
pub(crate) type Reply = Response<Bytes>;

/// A request with its whole body.
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Request {
    /// A query parameter; the first where it comes twice.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|pair| pair.0 == name).map(|pair| pair.1.as_str())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The token of `Authorization: Bearer`.
    pub(crate) fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }

    /// Name and password of `Authorization: Basic`, percent-decoded as RFC 6749 section 2.3.1 wants it.
    pub(crate) fn basic(&self) -> Option<(String, String)> {
        let (scheme, text) = self.header("authorization")?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let text = String::from_utf8(BASE64_STANDARD.decode(text.trim()).ok()?).ok()?;
        let (id, secret) = text.split_once(':')?;
        let decode = |part: &str| {
            url::form_urlencoded::parse(format!("v={part}").as_bytes()).next().map(|pair| pair.1.into_owned())
        };
        Some((decode(id)?, decode(secret)?))
    }

    /// The body's fields, from a form or from a JSON object. `None` where it is neither.
    pub(crate) fn fields(&self) -> Option<Fields> {
        let kind = self.header("content-type").unwrap_or_default();
        if kind.starts_with("application/json") {
            let value: Value = serde_json::from_slice(&self.body).ok()?;
            return match value {
                Value::Object(map) => Some(Fields(map)),
                _ => None,
            };
        }
        if kind.starts_with("application/x-www-form-urlencoded") {
            return Some(self.form());
        }
        self.body.is_empty().then(|| Fields(Map::new()))
    }

    /// The body's fields, read as a form.
    pub(crate) fn form(&self) -> Fields {
        let pairs = url::form_urlencoded::parse(&self.body);
        Fields(pairs.map(|(name, value)| (name.into_owned(), Value::String(value.into_owned()))).collect())
    }

    /// Whether a browser says that another site made it send this.
    pub(crate) fn is_cross_site(&self) -> bool {
        self.header("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none")
    }
}

/// Named values of a body.
pub(crate) struct Fields(pub(crate) Map<String, Value>);

impl Fields {
    /// A value as text; numbers and booleans as they are written. Absent, null and empty are the same.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            _ => None,
        }
    }

    /// A value that a form carries as JSON text and a JSON body as itself.
    pub(crate) fn json(&self, name: &str) -> Option<Value> {
        match self.0.get(name)? {
            Value::String(text) => serde_json::from_str(text).ok(),
            Value::Null => None,
            other => Some(other.clone()),
        }
    }
}

/// A JSON answer. Never cached: it may carry tokens.
pub(crate) fn json(status: u16, value: &Value) -> Reply {
    with(status, "application/json; charset=utf-8", value.to_string())
}

/// An answer with nothing in it.
pub(crate) fn empty(status: u16) -> Reply {
    build(status, Bytes::new())
}

/// An answer of this kind.
pub(crate) fn with(status: u16, kind: &str, body: impl Into<Bytes>) -> Reply {
    put(build(status, body.into()), "content-type", kind)
}

/// Adds a header; one that cannot be a header value is left out.
pub(crate) fn put(mut reply: Reply, name: &'static str, value: &str) -> Reply {
    if let Ok(value) = header::HeaderValue::from_str(value) {
        reply.headers_mut().insert(header::HeaderName::from_static(name), value);
    }
    reply
}

/// Sends the browser elsewhere.
pub(crate) fn redirect(to: &str) -> Reply {
    put(put(empty(302), "location", to), "referrer-policy", "no-referrer")
}

fn build(status: u16, body: Bytes) -> Reply {
    let mut reply = Response::new(body);
    *reply.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    put(reply, "cache-control", "no-store")
}

/// Text made safe for HTML, in content and in quoted attributes.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_are_percent_decoded() {
        let mut headers = HeaderMap::new();
        let value = format!("Basic {}", BASE64_STANDARD.encode("a%3Ab:s%20t"));
        headers.insert("authorization", value.parse().unwrap());
        let request = Request { method: Method::POST, path: "/".into(), query: vec![], headers, body: Bytes::new() };
        assert_eq!(request.basic(), Some(("a:b".into(), "s t".into())));
    }

    #[test]
    fn markup_in_text_is_escaped() {
        assert_eq!(escape("<a href='x'>\"&"), "&lt;a href=&#39;x&#39;&gt;&quot;&amp;");
    }
}
