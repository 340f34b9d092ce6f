//! The page's files and the headers around everything.

use crate::place::Place;
use reqwest::Method;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, ETAG, IF_NONE_MATCH, VARY};

/// What the first visit loads, before anything is said: the aim is 30 KB over the wire.
const FIRST_LOAD: usize = 30 * 1024;

#[tokio::test]
async fn every_answer_carries_the_headers_that_hold_the_browser_to_our_rules() {
    let place = Place::new().await;
    for path in ["/", "/sw.js", "/api/v1/state", "/nowhere"] {
        let answer = place.bare(Method::GET, path).send().await.unwrap();
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        let policy = header("content-security-policy");
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
async fn the_first_visit_loads_little() {
    let place = Place::new().await;
    let mut known = vec!["/".to_owned()];
    let (mut at, mut bytes) = (0, 0);
    while let Some(path) = known.get(at).cloned() {
        at += 1;
        let url = place.gateway.url(&path);
        let wire = place.bare(Method::GET, &path).header(ACCEPT_ENCODING, "gzip").send().await.unwrap();
        assert_eq!(wire.status(), 200, "{path}");
        bytes += wire.bytes().await.unwrap().len();
        let text = place.bare(Method::GET, &path).send().await.unwrap().text().await.unwrap_or_default();
        for found in references(&path, &text) {
            let found = reqwest::Url::parse(&url).unwrap().join(&found).unwrap().path().to_owned();
            if !known.contains(&found) {
                known.push(found);
            }
        }
    }
    assert!(known.len() > 3, "nothing was found that the page loads: {known:?}");
    assert!(bytes <= FIRST_LOAD, "{bytes} bytes of {known:?}");
}

/// What a page loads at once: its styles and scripts, and the modules that these import.
fn references(path: &str, text: &str) -> Vec<String> {
    let marks: &[(&str, char)] = match path.ends_with(".js") {
        true => &[(" from '", '\'')],
        false => &[("rel=\"stylesheet\" href=\"", '"'), ("rel=\"modulepreload\" href=\"", '"'), ("src=\"", '"')],
    };
    let after = |(mark, end): &(&str, char)| {
        let found = text.split(*mark).skip(1).filter_map(|rest| Some(rest.split_once(*end)?.0.to_owned()));
        found.collect::<Vec<_>>()
    };
    marks.iter().flat_map(after).collect()
}
