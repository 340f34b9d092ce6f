//! The XML of WebDAV, read into a small tree: no DTD, no entities of its own, nothing deep, nothing large.

use quick_xml::NsReader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};

/// The largest document that is read: a hundred calendar objects at once, with room.
const MOST_BYTES: usize = 16 * 1024 * 1024;
/// A multistatus is seven deep.
const DEEPEST: usize = 24;
const MOST_NODES: usize = 200_000;

/// Whose names they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Space {
    Dav,
    CalDav,
    CalendarServer,
    Other,
}

/// An element.
#[derive(Debug)]
pub(super) struct Node {
    space: Space,
    name: String,
    /// Its own text, without that of the elements in it.
    pub(super) text: String,
    nodes: Vec<Self>,
    /// The value of its attribute `name`, for the components that a calendar takes.
    pub(super) called: Option<String>,
}

/// Of a 207: what is said of each address, and the token to go on from.
#[derive(Debug, Default)]
pub(super) struct Multistatus {
    pub(super) responses: Vec<Response>,
    pub(super) sync_token: Option<String>,
}

/// What is said of one address.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) href: String,
    /// Of the whole; `None` where its properties have statuses of their own.
    pub(super) status: Option<u16>,
    /// Those that it has.
    props: Vec<Node>,
}

impl Node {
    fn is(&self, space: Space, name: &str) -> bool {
        self.space == space && self.name == name
    }

    /// The first element of this name in it.
    pub(super) fn get(&self, space: Space, name: &str) -> Option<&Self> {
        self.nodes.iter().find(|node| node.is(space, name))
    }

    /// All elements of this name in it.
    pub(super) fn all(&self, space: Space, name: &'static str) -> impl Iterator<Item = &Self> {
        self.nodes.iter().filter(move |node| node.is(space, name))
    }

    /// The addresses in it.
    pub(super) fn hrefs(&self) -> impl Iterator<Item = &str> {
        self.all(Space::Dav, "href").map(|node| node.text.trim())
    }
}

impl Response {
    pub(super) fn prop(&self, space: Space, name: &str) -> Option<&Node> {
        self.props.iter().find(|node| node.is(space, name))
    }

    /// The text of a property that is not empty.
    pub(super) fn text(&self, space: Space, name: &str) -> Option<&str> {
        Some(self.prop(space, name)?.text.trim()).filter(|text| !text.is_empty())
    }
}

/// Reads a 207; `None` for anything else, and for what nobody should read.
pub(super) fn multistatus(bytes: &[u8]) -> Option<Multistatus> {
    let root = parse(bytes).filter(|root| root.is(Space::Dav, "multistatus"))?;
    let mut read = Multistatus::default();
    for node in root.nodes {
        if node.is(Space::Dav, "sync-token") {
            read.sync_token = Some(node.text.trim().to_owned()).filter(|token| !token.is_empty());
        } else if node.is(Space::Dav, "response") {
            let Some(href) = node.hrefs().next().map(str::to_owned) else { continue };
            let status = node.get(Space::Dav, "status").and_then(|node| code(&node.text));
            let mut props = Vec::new();
            for mut propstat in node.nodes.into_iter().filter(|node| node.is(Space::Dav, "propstat")) {
                let is_there = propstat.get(Space::Dav, "status").and_then(|node| code(&node.text)) == Some(200);
                let found = propstat.nodes.iter_mut().filter(|node| is_there && node.is(Space::Dav, "prop"));
                props.extend(found.flat_map(|node| std::mem::take(&mut node.nodes)));
            }
            read.responses.push(Response { href, status, props });
        }
    }
    Some(read)
}

/// Whether an error's body says that the sync token is not known any more.
pub(super) fn is_forgotten_token(bytes: &[u8]) -> bool {
    parse(bytes).is_some_and(|root| root.is(Space::Dav, "error") && root.get(Space::Dav, "valid-sync-token").is_some())
}

/// `HTTP/1.1 404 Not Found`
fn code(line: &str) -> Option<u16> {
    line.split_whitespace().nth(1)?.parse().ok()
}

/// The root of a document.
fn parse(bytes: &[u8]) -> Option<Node> {
    if bytes.len() > MOST_BYTES {
        return None;
    }
    let mut reader = NsReader::from_str(std::str::from_utf8(bytes).ok()?);
    let mut open: Vec<Node> = Vec::new();
    let mut seen = 0;
    loop {
        let (resolved, event) = reader.read_resolved_event().ok()?;
        match event {
            Event::Start(start) => {
                seen += 1;
                if open.len() >= DEEPEST || seen > MOST_NODES {
                    return None;
                }
                open.push(begin(&resolved, &start)?);
            }
            Event::Empty(start) => {
                seen += 1;
                if seen > MOST_NODES {
                    return None;
                }
                let node = begin(&resolved, &start)?;
                match open.last_mut() {
                    Some(parent) => parent.nodes.push(node),
                    None => return Some(node),
                }
            }
            Event::End(_) => {
                let node = open.pop()?;
                match open.last_mut() {
                    Some(parent) => parent.nodes.push(node),
                    None => return Some(node),
                }
            }
            Event::Text(text) => {
                if let Some(node) = open.last_mut() {
                    node.text.push_str(text.as_ref());
                }
            }
            Event::CData(text) => {
                if let Some(node) = open.last_mut() {
                    node.text.push_str(text.as_ref());
                }
            }
            Event::GeneralRef(reference) => {
                let node = open.last_mut()?;
                match reference.resolve_char_ref().ok()? {
                    Some(plain) => node.text.push(plain),
                    None => node.text.push(predefined(reference.as_ref())?),
                }
            }
            // A document type may name entities, and those may name files or each other.
            Event::DocType(_) | Event::Eof => return None,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
}

fn begin(resolved: &ResolveResult<'_>, start: &BytesStart<'_>) -> Option<Node> {
    let space = match resolved {
        ResolveResult::Bound(Namespace("DAV:")) => Space::Dav,
        ResolveResult::Bound(Namespace("urn:ietf:params:xml:ns:caldav")) => Space::CalDav,
        ResolveResult::Bound(Namespace("http://calendarserver.org/ns/")) => Space::CalendarServer,
        _ => Space::Other,
    };
    let name = start.local_name().as_ref().to_owned();
    let called = start.try_get_attribute("name").ok()?;
    let called = called.map(|attribute| attribute.value.into_owned());
    Some(Node { space, name, text: String::new(), nodes: Vec::new(), called })
}

/// The five that XML itself knows.
fn predefined(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_multistatus_is_read_whatever_its_prefixes() {
        let text = br#"<?xml version="1.0"?>
            <multistatus xmlns="DAV:" xmlns:X="urn:ietf:params:xml:ns:caldav"><!-- hello -->
              <response><href>/a/&#x65;.ics</href><propstat><prop><getetag>"1&amp;2"</getetag>
                <X:calendar-data><![CDATA[BEGIN:VCALENDAR]]></X:calendar-data></prop>
                <status>HTTP/1.1 200 OK</status></propstat>
                <propstat><prop><displayname>no</displayname></prop><status>HTTP/1.1 404 Not Found</status></propstat>
              </response>
              <response><href>/a/gone.ics</href><status>HTTP/1.1 404 Not Found</status></response>
              <sync-token>token-2</sync-token></multistatus>"#;
        let read = multistatus(text).unwrap();
        assert_eq!(read.sync_token.as_deref(), Some("token-2"));
        let [first, second] = &read.responses[..] else { panic!("{read:?}") };
        assert_eq!((first.href.as_str(), first.status), ("/a/e.ics", None));
        assert_eq!(first.text(Space::Dav, "getetag"), Some("\"1&2\""));
        assert_eq!(first.text(Space::CalDav, "calendar-data"), Some("BEGIN:VCALENDAR"));
        assert!(first.prop(Space::Dav, "displayname").is_none());
        assert_eq!((second.href.as_str(), second.status), ("/a/gone.ics", Some(404)));
    }

    /// S25.
    #[test]
    fn a_billion_laughs_and_a_foreign_file_are_not_read() {
        let laughs = br#"<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;">]>
            <multistatus xmlns="DAV:"><response><href>&lol2;</href></response></multistatus>"#;
        assert!(multistatus(laughs).is_none());
        let file = br#"<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><multistatus xmlns="DAV:"/>"#;
        assert!(multistatus(file).is_none());
        let unknown = br#"<multistatus xmlns="DAV:"><sync-token>&lol;</sync-token></multistatus>"#;
        assert!(multistatus(unknown).is_none());
    }

    /// S25.
    #[test]
    fn what_is_deep_large_or_broken_is_not_read() {
        let deep = format!("<multistatus xmlns=\"DAV:\">{}", "<a>".repeat(10_000));
        assert!(multistatus(deep.as_bytes()).is_none());
        let wide = format!("<multistatus xmlns=\"DAV:\">{}</multistatus>", "<a/>".repeat(MOST_NODES));
        assert!(multistatus(wide.as_bytes()).is_none());
        assert!(multistatus(b"<html><body>Sign in</body></html>").is_none());
        assert!(multistatus(b"<multistatus xmlns=\"DAV:\">").is_none());
    }

    #[test]
    fn a_forgotten_token_is_told_from_a_missing_permission() {
        assert!(is_forgotten_token(b"<?xml version='1.0'?><error xmlns=\"DAV:\"><valid-sync-token/></error>"));
        assert!(!is_forgotten_token(b"<error xmlns=\"DAV:\"><need-privileges/></error>"));
        assert!(!is_forgotten_token(b"Forbidden"));
    }
}
