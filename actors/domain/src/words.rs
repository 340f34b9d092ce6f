//! A tip in words. They are made from facts and templates; a task's or event's own words are its provider's, and pass
//! through.

mod templates;

use crate::advice;
use crate::profile::zone::zone_of;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use oo_contracts::decision::Silence;
use oo_contracts::signal::Language;
use oo_contracts::tip::{Because, Card, Correctable, Ground, Subject, Tip, TipText};

/// The most characters of a tip, as [`TipText`] has it (product R-T6).
pub const MAX_TEXT: usize = 90;

/// The words of a tip, in its own language and zone.
///
/// `title` is what the provider calls the task or event, `source` where it comes from. Without a title the words say
/// so much as can be said without one.
pub fn card(tip: &Tip, title: Option<&str>, source: Option<&str>) -> Card {
    let zone = zone_of(&tip.zone).unwrap_or(TimeZone::UTC);
    let title = title.map(plain).filter(|title| !title.is_empty());
    let phrase = |because: &Because| templates::because(tip.language, because, &tip.subject, &zone);
    // What makes it the moment comes before what makes it the choice.
    let moment = tip.reasons.iter().map(|reason| &reason.because).find(|because| is_of_the_moment(because));
    let moment = moment.or(tip.reasons.first().map(|reason| &reason.because));
    Card {
        id: tip.id.clone(),
        moment: moment.map_or_else(|| templates::no_reason(tip.language).to_owned(), phrase),
        text: bounded(text(tip.language, &tip.subject, title.as_deref())),
        why: tip.reasons.iter().map(|reason| phrase(&reason.because)).collect(),
        corrections: tip.reasons.iter().map(|reason| reason.because.ground().map(correctable)).collect(),
        not_after: tip.not_after,
        language: tip.language,
        source: source.map(str::to_owned),
    }
}

/// What a tip about `subject` says, without the tip: for a list.
pub fn about(language: Language, subject: &Subject, title: Option<&str>) -> String {
    let title = title.map(plain).filter(|title| !title.is_empty());
    text(language, subject, title.as_deref())
}

/// A kind of fact in words.
pub fn ground(language: Language, ground: Ground) -> &'static str {
    templates::ground(language, ground)
}

/// A silence in words: why nothing was said, until when that holds, and how sure the policy was that chose it.
pub fn silence(silence: &Silence, language: Language, zone: &TimeZone) -> String {
    templates::silence(language, silence, zone)
}

/// Hours and minutes on the person's wall clock.
pub fn clock(at: Timestamp, zone: &TimeZone) -> String {
    let wall = zone.to_datetime(at);
    format!("{:02}:{:02}", wall.hour(), wall.minute())
}

fn correctable(ground: Ground) -> Correctable {
    Correctable { ground, of_the_thing: ground.is_of_the_thing() }
}

fn is_of_the_moment(because: &Because) -> bool {
    matches!(
        because,
        Because::FreeMinutes { .. }
            | Because::StartsIn { .. }
            | Because::HabitWindow
            | Because::LongStretch { .. }
            | Because::JustEnded { .. }
            | Because::DayBegins
            | Because::DayEnds
    )
}

fn text(language: Language, subject: &Subject, title: Option<&str>) -> String {
    let around = |(before, after): (&str, &str), title: &str| {
        let room = MAX_TEXT - before.chars().count() - after.chars().count();
        let title = cut(title, room);
        // What was cut has its dots already.
        let after = if title.ends_with('…') { "" } else { after };
        format!("{before}{title}{after}")
    };
    match (subject, title) {
        (Subject::Todo { .. }, Some(title)) => cut(title, MAX_TEXT),
        (Subject::Todo { .. }, None) => templates::some_task(language).to_owned(),
        (Subject::Prepare { .. }, Some(title)) => around(templates::prepare(language), title),
        (Subject::Prepare { .. }, None) => templates::some_event(language).to_owned(),
        (Subject::Habit { label, .. }, _) => {
            let label = plain(label.as_str());
            if label.is_empty() {
                templates::some_habit(language).to_owned()
            } else {
                around(templates::habit(language), &label)
            }
        }
        (Subject::Advice { advice }, _) => match (advice::find(advice), language) {
            (Some(advice), Language::En) => advice.en.to_owned(),
            (Some(advice), Language::De) => advice.de.to_owned(),
            (None, _) => templates::some_advice(language).to_owned(),
        },
    }
}

fn bounded(text: String) -> TipText {
    TipText::try_from(text).unwrap_or_else(|_| {
        TipText::try_from("oO".to_owned()).unwrap_or_else(|_| unreachable!("two letters are within the limits"))
    })
}

/// One line of text: no control characters, nothing that turns the direction of what stands around it, single spaces.
fn plain(text: &str) -> String {
    let kept: String = text
        .chars()
        .map(|c| if c.is_control() || c == '\u{2028}' || c == '\u{2029}' { ' ' } else { c })
        .filter(
            |c| !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'),
        )
        .collect();
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// At most `most` characters, cut between words where there is a space in the second half, with an ellipsis.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    // One more than fits beside the ellipsis: a space there means that the word before it is whole.
    let head: String = text.chars().take(most).collect();
    let whole_words = head.rfind(' ').filter(|at| head[..*at].chars().count() * 2 >= most);
    let kept = match whole_words {
        Some(at) => &head[..at],
        None => &head[..head.char_indices().last().map_or(0, |(at, _)| at)],
    };
    // Nothing dangles before the ellipsis: no comma, no half of a joined sign.
    let kept =
        kept.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | ':' | '-' | '–' | '\u{200d}'));
    format!("{kept}…")
}

#[cfg(test)]
mod tests;
