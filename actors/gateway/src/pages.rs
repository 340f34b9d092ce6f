//! The page's files, and the headers that hold the browser to our rules.

use oo_runtime::web::{Answer, respond};
use std::collections::BTreeMap;
use std::sync::LazyLock;
use warp::http::HeaderValue;

const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/pages.in"));

/// Nothing but our own files, no inline code, no way around text nodes (product 2.8).
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; \
     connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types oo-sw";

static BY_PATH: LazyLock<BTreeMap<&str, &[u8]>> = LazyLock::new(|| FILES.iter().copied().collect());

/// A file of the page, if there is one at this path.
pub(crate) fn file(path: &str) -> Option<Answer> {
    let path = if path == "/" { "/index.html" } else { path };
    let body = *BY_PATH.get(path)?;
    let kind = match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("json") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    };
    let mut answer = respond(200, kind, body);
    answer.headers_mut().insert("cache-control", HeaderValue::from_static("no-cache"));
    Some(answer)
}

/// Adds the headers that every answer has.
pub(crate) fn guarded(mut answer: Answer, https: bool) -> Answer {
    let headers = answer.headers_mut();
    for (name, value) in [
        ("content-security-policy", CONTENT_SECURITY_POLICY),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("permissions-policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if https {
        headers.insert("strict-transport-security", HeaderValue::from_static("max-age=63072000"));
    }
    answer
}
