//! The words: what they say, how long they are, and which are never said.

use super::*;
use crate::advice::CATALOGUE;
use crate::testing::{at, reference, tip, todo};
use oo_contracts::Share;
use oo_contracts::decision::Hush;
use oo_contracts::tip::Reason;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Words of guilt, hurry and shouting, by language, in lower case (product §1.1, R-T6): the page's tests read the same file.
const FORBIDDEN: &str = include_str!("../../../../web/tests/forbidden.json");

/// Words of one language: some are forbidden whole, some as the beginning of one too, some wherever they stand.
#[derive(serde::Deserialize)]
struct Forbidden {
    whole: Vec<String>,
    beginning: Vec<String>,
    anywhere: Vec<String>,
}

fn every_because() -> Vec<Because> {
    let until = Some(at("2026-11-23T15:00:00Z"));
    let mut all = vec![
        Because::DueToday,
        Because::Important,
        Because::HabitWindow,
        Because::Mood,
        Because::Chance,
        Because::DayBegins,
        Because::DayEnds,
        Because::EndsSoon,
        Because::FreeMinutes { minutes: 1440, until: None },
    ];
    for number in [0, 1, 2, 12, 60, 61, 119, 120, 1440, u16::MAX] {
        all.extend([
            Because::FreeMinutes { minutes: number, until },
            Because::DueIn { days: number },
            Because::DueBefore { days: number },
            Because::Fits { minutes: number },
            Because::Waiting { days: number },
            Because::StartsIn { minutes: number },
            Because::LongStretch { minutes: number },
            Because::JustEnded { minutes: number },
            Because::InARow { days: number },
        ]);
    }
    all
}

fn every_subject() -> Vec<Subject> {
    let mut all = vec![
        todo("a"),
        Subject::Prepare { event: reference("a"), starts: at("2026-11-23T15:00:00Z") },
        Subject::Habit { habit: "h".parse().unwrap(), label: "stretch".parse().unwrap() },
        Subject::Habit { habit: "h".parse().unwrap(), label: " ".parse().unwrap() },
        Subject::Habit { habit: "h".parse().unwrap(), label: "x".repeat(60).parse().unwrap() },
        Subject::Advice { advice: "from-another-version".parse().unwrap() },
    ];
    all.extend(CATALOGUE.iter().map(|advice| Subject::Advice { advice: advice.id() }));
    all
}

fn card_of(subject: Subject, reasons: Vec<Because>, language: Language, title: Option<&str>) -> Card {
    let mut tip = tip("tip-0001", subject, at("2026-11-23T13:48:00Z"));
    tip.language = language;
    tip.zone = "Europe/Zurich".to_owned().try_into().unwrap();
    tip.reasons = reasons.into_iter().map(|because| Reason { because, weight: 1.0 }).collect();
    card(&tip, title, Some("Todoist"))
}

fn forbidden(language: Language) -> Forbidden {
    let mut all: BTreeMap<String, Forbidden> = serde_json::from_str(FORBIDDEN).unwrap();
    let language = serde_json::to_value(language).unwrap();
    all.remove(language.as_str().unwrap()).unwrap()
}

fn forbidden_in(text: &str, language: Language) -> Option<String> {
    let text = text.to_lowercase().replace('’', "'");
    let Forbidden { whole, beginning, anywhere } = forbidden(language);
    let begins = |at: usize| !text[..at].chars().next_back().is_some_and(char::is_alphabetic);
    let ends = |at: usize| !text[at..].chars().next().is_some_and(char::is_alphabetic);
    let is_whole = |word: &String| text.match_indices(&**word).any(|(at, _)| begins(at) && ends(at + word.len()));
    let starts = |word: &String| text.match_indices(&**word).any(|(at, _)| begins(at));
    let whole = whole.into_iter().find(is_whole);
    whole.or(beginning.into_iter().find(starts)).or(anywhere.into_iter().find(|word| text.contains(&**word)))
}

#[test]
fn no_phrase_shames_hurries_or_shouts_and_none_is_too_long() {
    for language in [Language::En, Language::De] {
        for subject in every_subject() {
            for because in every_because() {
                let card = card_of(subject.clone(), vec![because], language, None);
                for text in card.why.iter().chain([&card.moment]).map(String::as_str).chain([card.text.as_str()]) {
                    assert_eq!(forbidden_in(text, language), None, "{text}");
                    assert!((1..=MAX_TEXT).contains(&text.chars().count()), "{text}");
                    assert!(
                        text.chars().next().unwrap().is_uppercase() || text.starts_with(char::is_numeric),
                        "{text}"
                    );
                }
            }
            let bare = card_of(subject, vec![], language, None);
            assert_eq!(forbidden_in(&bare.moment, language), None);
        }
    }
}

#[test]
fn the_lint_finds_what_it_looks_for() {
    assert_eq!(forbidden_in("This is OVERDUE by a day", Language::En), Some("overdue".to_owned()));
    assert_eq!(forbidden_in("Go now!", Language::En), Some("!".to_owned()));
    assert_eq!(forbidden_in("Das ist überfällig", Language::De), Some("überfällig".to_owned()));
    assert_eq!(forbidden_in("Choose a plate", Language::En), None);
}

fn every_silence() -> Vec<Silence> {
    let until = at("2026-11-23T15:00:00Z");
    let hushes = [Hush::NoCandidates, Hush::NotWorthIt, Hush::EnoughForNow, Hush::Overloaded];
    let chosen = hushes.into_iter().flat_map(|hush| {
        [None, Some(Share::saturating(0.875))].map(|confidence| Silence::Policy { hush, until, confidence })
    });
    let held = [
        Silence::NoConsent,
        Silence::BudgetZero,
        Silence::BudgetSpent { until },
        Silence::QuietHours { until },
        Silence::TooSoon { until },
        Silence::Busy { until },
        Silence::AlmostBusy { until },
        Silence::TipLive { until },
        Silence::Snoozed { until },
        Silence::NothingFits { until },
    ];
    held.into_iter().chain(chosen).collect()
}

#[test]
fn every_silence_says_why_until_when_and_how_surely_without_reproach() {
    let zone = TimeZone::get("Europe/Zurich").unwrap();
    for language in [Language::En, Language::De] {
        let mut said = std::collections::BTreeSet::new();
        for one in every_silence() {
            let text = silence(&one, language, &zone);
            assert_eq!(forbidden_in(&text, language), None, "{text}");
            assert!((1..=MAX_TEXT).contains(&text.chars().count()), "{text}");
            assert_eq!(text.contains("16:00"), one.until().is_some(), "{text}");
            assert_eq!(text.contains("88 %"), matches!(one, Silence::Policy { confidence: Some(_), .. }), "{text}");
            assert!(said.insert(text.clone()), "{text} is said of two");
        }
    }
}

#[test]
fn no_two_advices_say_the_same() {
    for words in [|advice: &advice::Advice| advice.en, |advice: &advice::Advice| advice.de] {
        let mut said: Vec<_> = CATALOGUE.iter().map(|advice| words(advice).to_lowercase()).collect();
        said.sort_unstable();
        said.dedup();
        assert_eq!(said.len(), CATALOGUE.len());
    }
    assert!(CATALOGUE.len() >= 40, "the catalogue has {}", CATALOGUE.len());
}

#[test]
fn advices_are_sentences_in_both_languages() {
    for advice in CATALOGUE {
        for (text, language) in [(advice.en, Language::En), (advice.de, Language::De)] {
            assert!(text.ends_with('.'), "{text}");
            assert!(text.chars().count() <= MAX_TEXT, "{text}");
            assert_eq!(forbidden_in(text, language), None, "{text}");
        }
    }
}

#[test]
fn a_task_is_called_what_its_provider_calls_it() {
    let free = Because::FreeMinutes { minutes: 12, until: Some(at("2026-11-23T14:00:00Z")) };
    let card = card_of(todo("a"), vec![Because::DueToday, free], Language::En, Some("Call the dentist"));
    assert_eq!(card.text.as_str(), "Call the dentist");
    assert_eq!(card.moment, "12 free minutes before your 15:00");
    assert_eq!(card.why, ["Due today", "12 free minutes before your 15:00"]);
    assert_eq!(card.source.as_deref(), Some("Todoist"));
}

#[test]
fn german_is_german() {
    let free = Because::FreeMinutes { minutes: 1, until: Some(at("2026-11-23T14:00:00Z")) };
    let starts = at("2026-11-23T14:00:00Z");
    let subject = Subject::Prepare { event: reference("a"), starts };
    let card = card_of(subject, vec![free, Because::StartsIn { minutes: 12 }], Language::De, Some("Team"));
    assert_eq!(card.text.as_str(), "Mach dich bereit für Team.");
    assert_eq!(card.moment, "1 freie Minute vor deinem Termin um 15:00");
    assert_eq!(card.why[1], "Beginnt um 15:00");
}

#[test]
fn a_long_title_is_cut_between_words() {
    let title = "Prepare the quarterly figures for the board meeting and send them to everybody who asked for them";
    let card = card_of(todo("a"), vec![], Language::En, Some(title));
    assert_eq!(
        card.text.as_str(),
        "Prepare the quarterly figures for the board meeting and send them to everybody who asked…"
    );
    let event = Subject::Prepare { event: reference("a"), starts: at("2026-11-23T14:00:00Z") };
    let card = card_of(event, vec![], Language::En, Some(title));
    assert_eq!(
        card.text.as_str(),
        "Get ready for Prepare the quarterly figures for the board meeting and send them to…"
    );
}

#[test]
fn a_title_is_one_plain_line() {
    let title = "  Call\n\u{202e}the \t dentist\u{0}back ";
    assert_eq!(card_of(todo("a"), vec![], Language::En, Some(title)).text.as_str(), "Call the dentist back");
    assert_eq!(card_of(todo("a"), vec![], Language::En, Some(" \n ")).text.as_str(), "One of your tasks fits now.");
}

proptest! {
    #[test]
    fn any_title_makes_a_text_within_its_limits(title in ".{0,300}", subject in prop::sample::select(every_subject())) {
        for language in [Language::En, Language::De] {
            let card = card_of(subject.clone(), vec![], language, Some(&title));
            let text = card.text.as_str();
            prop_assert!((1..=MAX_TEXT).contains(&text.chars().count()));
            prop_assert!(!text.chars().any(char::is_control));
        }
    }

    #[test]
    fn a_title_that_fits_is_not_touched(title in "[a-zA-Zäöü]{1,9}( [a-z]{1,9}){0,6}") {
        let card = card_of(todo("a"), vec![], Language::En, Some(&title));
        prop_assert_eq!(card.text.as_str(), title);
    }
}
