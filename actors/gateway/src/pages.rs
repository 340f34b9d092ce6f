//! The page's files, and the headers that hold the browser to our rules.

use crate::doors::Request;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use oo_runtime::web::{Answer, empty, respond};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::sync::LazyLock;
use warp::http::{HeaderValue, header};

/// One file as the build script laid it down.
struct File {
    path: &'static str,
    /// Changes with the contents, quoted as the header wants it.
    tag: &'static str,
    plain: &'static [u8],
    gzip: &'static [u8],
}

const FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/pages.in"));

static BY_PATH: LazyLock<BTreeMap<&str, &File>> =
    LazyLock::new(|| FILES.iter().map(|file| (file.path, file)).collect());

/// Nothing but our own files, no inline code, no way around text nodes (product 2.8). The one style is in the page itself, so
/// that nothing is waited for before it is seen: it is named by its hash.
static CONTENT_SECURITY_POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let page = BY_PATH.get("/index.html").and_then(|page| std::str::from_utf8(page.plain).ok()).unwrap_or_default();
    let style = page.split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>"));
    let hash = BASE64.encode(Sha256::digest(style.map_or("", |(style, _)| style)));
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'sha256-{hash}'; img-src 'self'; font-src 'self'; \
         connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types oo-sw"
    );
    HeaderValue::from_str(&policy).unwrap_or_else(|_| unreachable!("it is plain text"))
});

/// A file of the page, if there is one at this path: compressed where the browser takes that, and not again what it has.
pub(crate) fn file(request: &Request) -> Option<Answer> {
    let path = if request.path == "/" { "/index.html" } else { &request.path };
    let file = *BY_PATH.get(path)?;
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
    let has_it = request.header("if-none-match").is_some_and(|tags| tags.split(',').any(|tag| same(tag, file.tag)));
    let gzip = request.header("accept-encoding").is_some_and(takes_gzip) && file.gzip.len() < file.plain.len();
    let mut answer = match (has_it, gzip) {
        (true, _) => empty(304),
        (false, true) => respond(200, kind, file.gzip),
        (false, false) => respond(200, kind, file.plain),
    };
    let headers = answer.headers_mut();
    if gzip && !has_it {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(header::ETAG, HeaderValue::from_static(file.tag));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Some(answer)
}

/// Whether a tag that the browser has is this one; a proxy may have weakened it.
fn same(tag: &str, ours: &str) -> bool {
    let tag = tag.trim();
    tag.strip_prefix("W/").unwrap_or(tag) == ours
}

/// Whether `gzip` is listed and not refused with `q=0`.
fn takes_gzip(accepted: &str) -> bool {
    accepted.split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        parts.next() == Some("gzip") && !parts.any(|weight| weight.trim_start_matches("q=").parse() == Ok(0.0))
    })
}

/// Adds the headers that every answer has.
pub(crate) fn guarded(mut answer: Answer, https: bool) -> Answer {
    let headers = answer.headers_mut();
    headers.insert("content-security-policy", CONTENT_SECURITY_POLICY.clone());
    for (name, value) in [
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
