//! What a push service's answer means, and how a tip becomes a message.

use oo_contracts::push::{Action, Message, Notification, NotificationData};
use oo_contracts::signal::Language;
use oo_contracts::tip::Card;
use std::time::Duration;

/// Every message has this many bytes before encryption, so that its length tells nothing (product 2.6).
pub const MESSAGE_BYTES: usize = 1536;
/// The longest pause that a push service may ask for; a tip is over by then.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// What to do after a push service answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Accepted,
    /// The subscription is over (RFC 8030: 404, 410).
    Gone,
    /// No use to send the same again.
    Failed,
    /// Again, after so long if the service said so.
    Retry(Option<Duration>),
}

/// What an answer means. `None` is no answer at all.
pub fn verdict(status: Option<u16>, retry_after: Option<&str>) -> Verdict {
    match status {
        Some(200..=299) => Verdict::Accepted,
        Some(404 | 410) => Verdict::Gone,
        Some(429 | 500..=599) => Verdict::Retry(
            retry_after.and_then(|text| text.trim().parse().ok()).map(|s| Duration::from_secs(s).min(LONGEST_PAUSE)),
        ),
        Some(_) => Verdict::Failed,
        None => Verdict::Retry(None),
    }
}

/// How long to wait before the next try: doubling from half a second, at most half a minute.
pub fn pause(tries: u32) -> Duration {
    Duration::from_millis(500).saturating_mul(1 << tries.min(6)).min(Duration::from_secs(30))
}

/// The message of a card, padded.
pub fn message(card: &Card) -> Vec<u8> {
    let (done, later) = match card.language {
        Language::En => ("Done", "Not now"),
        Language::De => ("Erledigt", "Jetzt nicht"),
    };
    let action = |action: &str, title: &str| Action { action: action.into(), title: title.into() };
    let mut message = Message {
        web_push: 8030,
        notification: Notification {
            title: if card.moment.is_empty() { "oO".into() } else { card.moment.clone() },
            body: card.text.as_str().to_owned(),
            navigate: "/".into(),
            lang: card.language,
            dir: "auto".into(),
            tag: card.id.to_string(),
            data: NotificationData { tip: card.id.clone(), not_after: card.not_after },
            actions: vec![action("done", done), action("later", later)],
        },
        pad: String::new(),
    };
    let bare = serde_json::to_vec(&message).unwrap_or_default().len();
    message.pad = " ".repeat(MESSAGE_BYTES.saturating_sub(bare));
    serde_json::to_vec(&message).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(text: &str) -> Card {
        Card {
            id: "tip-12345678".parse().unwrap(),
            moment: "12 free minutes".into(),
            text: text.parse().unwrap(),
            why: vec![],
            not_after: "2026-11-22T10:00:00Z".parse().unwrap(),
            language: Language::En,
            source: None,
        }
    }

    #[test]
    fn every_message_has_the_same_length() {
        assert_eq!(message(&card("x")).len(), MESSAGE_BYTES);
        assert_eq!(message(&card(&"é".repeat(90))).len(), MESSAGE_BYTES);
    }

    #[test]
    fn answers_mean_what_the_rfc_says() {
        assert_eq!(verdict(Some(201), None), Verdict::Accepted);
        assert_eq!(verdict(Some(410), None), Verdict::Gone);
        assert_eq!(verdict(Some(404), None), Verdict::Gone);
        assert_eq!(verdict(Some(413), None), Verdict::Failed);
        assert_eq!(verdict(Some(403), None), Verdict::Failed);
        assert_eq!(verdict(Some(429), Some("7")), Verdict::Retry(Some(Duration::from_secs(7))));
        assert_eq!(verdict(Some(503), None), Verdict::Retry(None));
        assert_eq!(verdict(None, None), Verdict::Retry(None));
    }

    #[test]
    fn pauses_grow_to_half_a_minute() {
        assert_eq!(pause(0), Duration::from_millis(500));
        assert_eq!(pause(40), Duration::from_secs(30));
    }
}
