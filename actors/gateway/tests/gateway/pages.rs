//! The page's files and the headers around everything.

use crate::place::Place;
use reqwest::Method;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, ETAG, IF_NONE_MATCH, VARY};

#[tokio::test]
async fn every_answer_carries_the_headers_that_hold_the_browser_to_our_rules() {
    let place = Place::new().await;
    for path in ["/", "/sw.js", "/api/v1/state", "/nowhere"] {
        let answer = place.bare(Method::GET, path).send().await.unwrap();
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        let policy = header("content-security-policy");
        assert!(policy.contains("style-src 'sha256-"), "{policy}");
        for rule in
            ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"]
        {
            assert!(policy.split("; ").any(|part| part.trim() == rule), "{path}: {rule} in {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
    }
}

#[tokio::test]
async fn a_file_comes_compressed_to_who_takes_it_and_not_again_to_who_has_it() {
    let place = Place::new().await;
    let get = |encoding: &'static str| place.bare(Method::GET, "/").header(ACCEPT_ENCODING, encoding).send();
    let (plain, gzip, refused) =
        (get("identity").await.unwrap(), get("br, gzip;q=0.8").await.unwrap(), get("gzip;q=0").await.unwrap());
    assert_eq!(gzip.headers()[CONTENT_ENCODING], "gzip");
    assert!(plain.headers().get(CONTENT_ENCODING).is_none() && refused.headers().get(CONTENT_ENCODING).is_none());
    assert_eq!(plain.headers()[VARY], "accept-encoding");
    let tag = gzip.headers()[ETAG].to_str().unwrap().to_owned();
    assert_eq!(plain.headers()[ETAG], tag.as_str());
    let (plain, gzip) = (plain.bytes().await.unwrap(), gzip.bytes().await.unwrap());
    assert!(gzip.starts_with(&[0x1f, 0x8b]) && gzip.len() < plain.len());
    for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}")] {
        let again = place.bare(Method::GET, "/").header(IF_NONE_MATCH, known).send().await.unwrap();
        assert_eq!(again.status(), 304);
        assert!(again.bytes().await.unwrap().is_empty());
    }
    let other = place.bare(Method::GET, "/").header(IF_NONE_MATCH, "\"other\"").send().await.unwrap();
    assert_eq!(other.status(), 200);
}

#[tokio::test]
async fn what_is_built_is_served_and_what_it_is_built_from_is_not() {
    let place = Place::new().await;
    let status = async |path: &str| place.bare(Method::GET, path).send().await.unwrap().status().as_u16();
    for path in ["/page.js", "/sw.js", "/yours.js", "/sdk/oo.js", "/manifest.webmanifest", "/icons/oo.svg"] {
        assert_eq!(status(path).await, 200, "{path}");
    }
    for path in ["/app/main.js", "/words/en.js", "/build.js", "/package.json", "/tests/page.test.js", "/built/page.js"]
    {
        assert_eq!(status(path).await, 404, "{path}");
    }
}
