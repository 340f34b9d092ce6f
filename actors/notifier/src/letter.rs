//! What a letter says: plain text, and the same in HTML. It asks for nothing from anywhere: no picture, nothing that tells
//! whether it was read. Its links lead to the page, which asks before it does anything: whoever scans mail follows links.

use crate::message;
use crate::post::Post;
use jiff::tz::TimeZone;
use lettre::Address;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Message, MultiPart};
use oo_contracts::push::AnswerTokens;
use oo_contracts::signal::Language;
use oo_contracts::tip::Card;
use oo_domain::words;
use url::Url;

/// A letter's place among the others: which, to whom, and what its links are good for.
pub(crate) struct Cover<'a> {
    pub(crate) post: &'a Post,
    pub(crate) to: &'a Address,
    /// The same letter, the same name: a mail server that gets it twice can tell.
    pub(crate) id: String,
}

/// A line that leads somewhere.
struct Link<'a> {
    says: &'a str,
    to: String,
}

/// One letter, before it is put into its two shapes.
struct Letter<'a> {
    language: Language,
    subject: String,
    /// What matters.
    says: String,
    /// The quiet lines around it.
    above: String,
    below: String,
    links: Vec<Link<'a>>,
    /// The way out.
    end: Link<'a>,
}

/// The letter of a tip, with what its links answer with; of a discreet one it says only that there is one.
pub(crate) fn tip(
    cover: &Cover<'_>,
    card: &Card,
    tokens: Option<&AnswerTokens>,
    zone: &TimeZone,
    stop: &str,
) -> Result<Message, lettre::error::Error> {
    let public = &cover.post.public;
    let until = words::clock(card.not_after, zone);
    let (done, later) = message::buttons(card.language);
    let (end, below, page) = match card.language {
        Language::En => ("No more letters", format!("Meant for now, until {until}."), "Open oO"),
        Language::De => ("Keine E-Mails mehr", format!("Für jetzt, bis {until}."), "oO öffnen"),
    };
    let mut links = match tokens {
        Some(tokens) => vec![
            Link { says: done, to: link(public, "done", tokens.done.as_str()) },
            Link { says: later, to: link(public, "later", tokens.later.as_str()) },
        ],
        None => vec![],
    };
    links.push(Link { says: page, to: public.to_string() });
    let letter = Letter {
        language: card.language,
        subject: card.text.as_str().to_owned(),
        says: card.text.as_str().to_owned(),
        above: card.moment.clone(),
        below,
        links,
        end: Link { says: end, to: link(public, "stop", stop) },
    };
    let click = public.join(&format!("/api/v1/email/stop/{stop}")).map(String::from).unwrap_or_default();
    written(
        cover,
        &letter,
        &[("List-Unsubscribe", format!("<{click}>")), ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".into())],
    )
}

/// The letter that says only that there is a tip.
pub(crate) fn discreet(
    cover: &Cover<'_>,
    card: &Card,
    zone: &TimeZone,
    stop: &str,
) -> Result<Message, lettre::error::Error> {
    let Ok(text) = message::there_is_one(card.language).parse() else { unreachable!("it is short enough") };
    let wordless = Card { text, moment: String::new(), why: vec![], corrections: vec![], source: None, ..card.clone() };
    tip(cover, &wordless, None, zone, stop)
}

/// The letter that brings a code. Nothing in it is anybody's words: it may go to a stranger.
pub(crate) fn code(
    cover: &Cover<'_>,
    language: Language,
    code: &str,
    way_out: &str,
) -> Result<Message, lettre::error::Error> {
    let public = &cover.post.public;
    let host = public.host_str().unwrap_or_default();
    let (subject, above, below, end) = match language {
        Language::En => (
            format!("{code} is your code for oO"),
            format!(
                "Somebody asked oO at {host} to write here when no device can be reached. Was it you? Then type this there:"
            ),
            "It is good for 15 minutes. If it was not you, there is nothing to do: oO writes nothing else.",
            "Never write here again",
        ),
        Language::De => (
            format!("{code} ist dein Code für oO"),
            format!(
                "Jemand hat oO auf {host} gebeten, hierher zu schreiben, wenn kein Gerät erreichbar ist. Warst du es? Dann gib dort ein:"
            ),
            "Er gilt 15 Minuten. Warst du es nicht, ist nichts zu tun: oO schreibt sonst nichts.",
            "Nie wieder hierher schreiben",
        ),
    };
    let letter = Letter {
        language,
        subject,
        says: code.to_owned(),
        above,
        below: below.to_owned(),
        links: vec![],
        end: Link { says: end, to: link(public, "never", way_out) },
    };
    written(cover, &letter, &[])
}

/// Where the page asks whether to do what a token stands for. Behind the `#`, where no server and no log sees it.
fn link(public: &Url, what: &str, token: &str) -> String {
    let mut link = public.clone();
    link.set_fragment(Some(&format!("letter={what}.{token}")));
    link.to_string()
}

fn written(
    cover: &Cover<'_>,
    letter: &Letter<'_>,
    more: &[(&'static str, String)],
) -> Result<Message, lettre::error::Error> {
    let header = |name: &'static str, value: String| HeaderValue::new(HeaderName::new_from_ascii_str(name), value);
    let mut message = Message::builder()
        .from(cover.post.from.clone())
        .to(cover.to.clone().into())
        .subject(line(&letter.subject))
        .message_id(Some(format!("<{}@{}>", cover.id, cover.post.from.email.domain())))
        // No holiday note comes back (RFC 3834).
        .raw_header(header("Auto-Submitted", "auto-generated".into()));
    for (name, value) in more {
        message = message.raw_header(header(name, value.clone()));
    }
    message.multipart(MultiPart::alternative_plain_html(plain(letter), html(letter)))
}

fn plain(letter: &Letter<'_>) -> String {
    let mut text = String::new();
    for part in [&letter.above, &letter.says, &letter.below].into_iter().filter(|part| !part.is_empty()) {
        text.push_str(&line(part));
        text.push_str("\n\n");
    }
    for Link { says, to } in letter.links.iter().chain([&letter.end]) {
        text.push_str(&format!("{says}:\n{to}\n\n"));
    }
    text
}

fn html(letter: &Letter<'_>) -> String {
    let lang = match letter.language {
        Language::En => "en",
        Language::De => "de",
    };
    let quiet = |text: &str| match text.is_empty() {
        true => String::new(),
        false => format!(r#"<p style="margin:0 0 16px;color:#a3a3a3;font-size:15px">{}</p>"#, escaped(text)),
    };
    let anchor = |link: &Link<'_>, style: &str| {
        format!(r#"<a href="{}" style="{style}">{}</a>"#, escaped(&link.to), escaped(link.says))
    };
    let button = "display:inline-block;margin:0 12px 12px 0;padding:12px 20px;border:1px solid #525252;border-radius:24px;color:#fafafa;text-decoration:none;font-size:16px";
    let links: String = letter.links.iter().map(|link| anchor(link, button)).collect();
    format!(
        r#"<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><meta name="color-scheme" content="dark"></head><body style="margin:0;background:#000"><div style="max-width:480px;margin:0 auto;padding:48px 24px;background:#000;font-family:system-ui,sans-serif;line-height:1.5">{above}<p style="margin:0 0 16px;color:#fafafa;font-size:24px">{says}</p>{below}<div style="margin:24px 0">{links}</div><p style="margin:0;font-size:14px">{end}</p></div></body></html>"#,
        above = quiet(&letter.above),
        says = escaped(&letter.says),
        below = quiet(&letter.below),
        end = anchor(&letter.end, "color:#a3a3a3"),
    )
}

/// One line, whatever a title holds.
fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_stays_one_line_and_is_no_markup() {
        assert_eq!(line("Call\r\nBcc: bob@b.org"), "Call  Bcc: bob@b.org");
        assert_eq!(
            escaped("<a href=\"x\">Tom & 'Jerry'</a>\n"),
            "&lt;a href=&quot;x&quot;&gt;Tom &amp; &#39;Jerry&#39;&lt;/a&gt; "
        );
    }

    #[test]
    fn what_a_link_answers_with_stands_where_no_server_sees_it() {
        let public: Url = "https://oo.somebody.eu".parse().unwrap();
        assert_eq!(link(&public, "done", "abc.DEF_-1"), "https://oo.somebody.eu/#letter=done.abc.DEF_-1");
    }
}
