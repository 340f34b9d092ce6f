//! How a tip's words become what a browser shows: the declarative shape, always of one size.

use oo_contracts::push::{Action, AnswerTokens, Message, Notification, NotificationData};
use oo_contracts::signal::Language;
use oo_contracts::tip::Card;

/// Every message has this many bytes before encryption, so that its length tells nothing. Above the longest tip with its two
/// tokens, and below the 3,052 bytes that the web-push crate takes.
pub(crate) const MESSAGE_BYTES: usize = 1792;
/// What marks the declarative shape (W3C Push API, WebKit).
const DECLARATIVE: u16 = 8030;

/// The message of a card for one device, padded.
pub(crate) fn message(card: &Card, tokens: Option<AnswerTokens>) -> Vec<u8> {
    let (done, later) = buttons(card.language);
    let action = |action: &str, title: &str| Action { action: action.into(), title: title.into() };
    let message = Message {
        web_push: DECLARATIVE,
        notification: Notification {
            // Browsers want a title; a tip without a moment still has a sender.
            title: if card.moment.is_empty() { "oO".into() } else { card.moment.clone() },
            body: card.text.as_str().to_owned(),
            navigate: "/".into(),
            lang: card.language,
            dir: "auto".into(),
            tag: card.id.to_string(),
            data: Some(NotificationData { tip: card.id.clone(), not_after: card.not_after, tokens }),
            actions: vec![action("done", done), action("later", later)],
        },
        pad: String::new(),
    };
    padded(message)
}

/// The message that there is a tip, and nothing more. Without buttons: nobody says done to what they have not read.
pub(crate) fn discreet(card: &Card) -> Vec<u8> {
    let data = NotificationData { tip: card.id.clone(), not_after: card.not_after, tokens: None };
    wordless(there_is_one(card.language), card.language, card.id.as_str(), Some(data))
}

/// What a tip can be answered with, done and later, in words.
pub(crate) fn buttons(language: Language) -> (&'static str, &'static str) {
    match language {
        Language::En => ("Done", "Not now"),
        Language::De => ("Erledigt", "Jetzt nicht"),
    }
}

/// That there is a tip, and nothing more.
pub(crate) fn there_is_one(language: Language) -> &'static str {
    match language {
        Language::En => "oO has one for you.",
        Language::De => "oO hat etwas für dich.",
    }
}

/// The message that only says that it arrived, as long as any other.
pub(crate) fn test(language: Language) -> Vec<u8> {
    let body = match language {
        Language::En => "oO can reach you here.",
        Language::De => "oO erreicht dich hier.",
    };
    wordless(body, language, "oo", None)
}

fn wordless(body: &str, language: Language, tag: &str, data: Option<NotificationData>) -> Vec<u8> {
    padded(Message {
        web_push: DECLARATIVE,
        notification: Notification {
            title: "oO".into(),
            body: body.into(),
            navigate: "/".into(),
            lang: language,
            dir: "auto".into(),
            tag: tag.into(),
            data,
            actions: vec![],
        },
        pad: String::new(),
    })
}

fn padded(mut message: Message) -> Vec<u8> {
    message.pad = " ".repeat(MESSAGE_BYTES.saturating_sub(encode(&message).len()));
    encode(&message)
}

fn encode(message: &Message) -> Vec<u8> {
    // Strings and numbers only: there is nothing in it that JSON could refuse.
    serde_json::to_vec(message).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(text: &str, language: Language) -> Card {
        Card {
            id: "t".repeat(64).parse().unwrap(),
            moment: "12 free minutes before your 15:00".into(),
            text: text.parse().unwrap(),
            why: vec!["It is short".into()],
            corrections: vec![],
            not_after: "2026-11-22T10:00:00.123456789Z".parse().unwrap(),
            language,
            source: Some("Todoist".into()),
        }
    }

    /// As long as they come: a log's name and 32 bytes.
    fn tokens() -> AnswerTokens {
        let token = || format!("{}.{}", "0".repeat(64), "A".repeat(43)).parse().unwrap();
        AnswerTokens { done: token(), later: token() }
    }

    #[test]
    fn every_message_has_the_same_length() {
        // One letter, two bytes each, four bytes each, and what JSON has to escape.
        for text in ["x", &"é".repeat(90), &"🦀".repeat(90), &"\"".repeat(90), &"\u{1}".repeat(90)] {
            for language in [Language::En, Language::De] {
                assert_eq!(message(&card(text, language), Some(tokens())).len(), MESSAGE_BYTES, "{text}");
                assert_eq!(discreet(&card(text, language)).len(), MESSAGE_BYTES);
                assert_eq!(test(language).len(), MESSAGE_BYTES);
            }
        }
    }

    #[test]
    fn it_says_what_the_card_says_and_nothing_of_why_or_where_from() {
        let text = String::from_utf8(message(&card("Call the dentist", Language::De), None)).unwrap();
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["web_push"], 8030);
        let shown = &read["notification"];
        assert_eq!(shown["title"], "12 free minutes before your 15:00");
        assert_eq!(shown["body"], "Call the dentist");
        assert_eq!(shown["navigate"], "/");
        assert_eq!(shown["tag"], shown["data"]["tip"]);
        assert_eq!(shown["lang"], "de");
        let titles: Vec<_> = shown["actions"].as_array().unwrap().iter().map(|a| (&a["action"], &a["title"])).collect();
        assert_eq!(
            format!("{titles:?}"),
            r#"[(String("done"), String("Erledigt")), (String("later"), String("Jetzt nicht"))]"#
        );
        assert!(!text.contains("Todoist") && !text.contains("short"));
    }
}
