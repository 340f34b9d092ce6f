//! Every phrase of oO's own, in each language. Calm, true, never a reproach: a test holds the words that are not used.

use super::clock;
use jiff::tz::TimeZone;
use oo_contracts::decision::{Hush, Silence};
use oo_contracts::signal::Language::{self, De, En};
use oo_contracts::tip::{Because, Ground, Subject};

/// Up to here a gap is told by its length, beyond by its end.
const SHORT_GAP_MINUTES: u16 = 60;

/// What a task without words is called.
pub(super) fn some_task(language: Language) -> &'static str {
    match language {
        En => "One of your tasks fits now.",
        De => "Eine deiner Aufgaben passt jetzt.",
    }
}

/// What getting ready for an event without words is called.
pub(super) fn some_event(language: Language) -> &'static str {
    match language {
        En => "Get ready for what comes next.",
        De => "Mach dich bereit für das, was als Nächstes kommt.",
    }
}

/// What a habit without words is called.
pub(super) fn some_habit(language: Language) -> &'static str {
    match language {
        En => "It is time for one of your habits.",
        De => "Es ist Zeit für eine deiner Gewohnheiten.",
    }
}

/// What an advice of another version is called.
pub(super) fn some_advice(language: Language) -> &'static str {
    match language {
        En => "Take a quiet minute.",
        De => "Nimm dir eine ruhige Minute.",
    }
}

/// Before and after the name of an event.
pub(super) fn prepare(language: Language) -> (&'static str, &'static str) {
    match language {
        En => ("Get ready for ", "."),
        De => ("Mach dich bereit für ", "."),
    }
}

/// Before and after the label of a habit.
pub(super) fn habit(language: Language) -> (&'static str, &'static str) {
    match language {
        En => ("Time for ", "."),
        De => ("Zeit für ", "."),
    }
}

/// The moment of a tip whose policy gave no reason.
pub(super) fn no_reason(language: Language) -> &'static str {
    match language {
        En => "Right now",
        De => "Gerade jetzt",
    }
}

/// A fact in words.
pub(super) fn because(language: Language, because: &Because, subject: &Subject, zone: &TimeZone) -> String {
    match (language, *because) {
        (En, Because::FreeMinutes { minutes, until: Some(until) }) if minutes <= SHORT_GAP_MINUTES => {
            format!("{} before your {}", count(minutes, "free minute", "free minutes"), clock(until, zone))
        }
        (De, Because::FreeMinutes { minutes, until: Some(until) }) if minutes <= SHORT_GAP_MINUTES => {
            let free = count(minutes, "freie Minute", "freie Minuten");
            format!("{free} vor deinem Termin um {}", clock(until, zone))
        }
        (En, Because::FreeMinutes { until: Some(until), .. }) => format!("Free until {}", clock(until, zone)),
        (De, Because::FreeMinutes { until: Some(until), .. }) => format!("Frei bis {}", clock(until, zone)),
        (En, Because::FreeMinutes { until: None, .. }) => "Nothing in your calendar for the next 24 hours".into(),
        (De, Because::FreeMinutes { until: None, .. }) => "Nichts im Kalender in den nächsten 24 Stunden".into(),
        (En, Because::DueToday) => "Due today".into(),
        (De, Because::DueToday) => "Für heute geplant".into(),
        (En, Because::DueIn { days: 1 }) => "Due tomorrow".into(),
        (De, Because::DueIn { days: 1 }) => "Für morgen geplant".into(),
        (En, Because::DueIn { days }) => format!("Due in {}", count(days, "day", "days")),
        (De, Because::DueIn { days }) => format!("In {} geplant", count(days, "Tag", "Tagen")),
        (En, Because::DueBefore { days: 1 }) => "Planned for yesterday".into(),
        (De, Because::DueBefore { days: 1 }) => "Für gestern geplant".into(),
        (En, Because::DueBefore { days }) => format!("Planned for {} ago", count(days, "day", "days")),
        (De, Because::DueBefore { days }) => format!("Vor {} geplant", count(days, "Tag", "Tagen")),
        (En, Because::Important) => "Marked important".into(),
        (De, Because::Important) => "Als wichtig markiert".into(),
        (En, Because::Fits { minutes }) => format!("Takes about {}", count(minutes, "minute", "minutes")),
        (De, Because::Fits { minutes }) => format!("Dauert etwa {}", count(minutes, "Minute", "Minuten")),
        (En, Because::Waiting { days }) => format!("On your list for {}", count(days, "day", "days")),
        (De, Because::Waiting { days }) => format!("Seit {} auf deiner Liste", count(days, "Tag", "Tagen")),
        (language, Because::StartsIn { minutes }) => starts(language, minutes, subject, zone),
        (En, Because::HabitWindow) => "This is its time of day".into(),
        (De, Because::HabitWindow) => "Das ist die Tageszeit dafür".into(),
        (En, Because::Mood) => "You said how you feel".into(),
        (De, Because::Mood) => "Du hast gesagt, wie es dir geht".into(),
        (En, Because::LongStretch { minutes }) => {
            format!("{} of your day are taken", hours(minutes, "hours", "minutes"))
        }
        (De, Because::LongStretch { minutes }) => {
            format!("{} deines Tages sind verplant", hours(minutes, "Stunden", "Minuten"))
        }
        (En, Because::JustEnded { .. }) => "Something in your calendar just ended".into(),
        (De, Because::JustEnded { .. }) => "In deinem Kalender ist gerade etwas zu Ende gegangen".into(),
        (En, Because::DayBegins) => "Your day begins around now".into(),
        (De, Because::DayBegins) => "Dein Tag beginnt meist um diese Zeit".into(),
        (En, Because::DayEnds) => "Your day winds down around now".into(),
        (De, Because::DayEnds) => "Dein Tag klingt meist um diese Zeit aus".into(),
        (En, Because::InARow { days }) => format!("Done on {} in a row", count(days, "day", "days")),
        (De, Because::InARow { days }) => format!("An {} nacheinander gemacht", count(days, "Tag", "Tagen")),
        (En, Because::EndsSoon) => "Its time today ends soon".into(),
        (De, Because::EndsSoon) => "Die Zeit dafür geht heute bald zu Ende".into(),
        (En, Because::Chance) => "Drawn by lot".into(),
        (De, Because::Chance) => "Durch das Los bestimmt".into(),
    }
}

/// A kind of fact, for the list of those that are not used.
pub(super) fn ground(language: Language, ground: Ground) -> &'static str {
    match (language, ground) {
        (En, Ground::FreeTime) => "How much time is free",
        (De, Ground::FreeTime) => "Wie viel Zeit frei ist",
        (En, Ground::Due) => "When it is due",
        (De, Ground::Due) => "Wann es geplant ist",
        (En, Ground::Importance) => "That it is important",
        (De, Ground::Importance) => "Dass es wichtig ist",
        (En, Ground::Duration) => "How long it takes",
        (De, Ground::Duration) => "Wie lange es dauert",
        (En, Ground::Waiting) => "How long it has been on your list",
        (De, Ground::Waiting) => "Wie lange es auf deiner Liste steht",
        (En, Ground::Start) => "When it starts",
        (De, Ground::Start) => "Wann es beginnt",
        (En, Ground::HabitTime) => "Its time of day",
        (De, Ground::HabitTime) => "Die Tageszeit dafür",
        (En, Ground::Mood) => "How you feel",
        (De, Ground::Mood) => "Wie es dir geht",
        (En, Ground::BusyDay) => "How full your day is",
        (De, Ground::BusyDay) => "Wie voll dein Tag ist",
        (En, Ground::JustEnded) => "That something just ended",
        (De, Ground::JustEnded) => "Dass gerade etwas zu Ende ging",
        (En, Ground::DayBegins) => "When your day begins",
        (De, Ground::DayBegins) => "Wann dein Tag beginnt",
        (En, Ground::DayEnds) => "When your day winds down",
        (De, Ground::DayEnds) => "Wann dein Tag ausklingt",
        (En, Ground::Row) => "On how many days you did it",
        (De, Ground::Row) => "An wie vielen Tagen du es gemacht hast",
        (En, Ground::EndsSoon) => "That its time ends soon",
        (De, Ground::EndsSoon) => "Dass die Zeit dafür bald endet",
    }
}

/// A silence in words: why, and until when, where it ends by itself.
pub(super) fn silence(language: Language, silence: &Silence, zone: &TimeZone) -> String {
    let time = silence.until().map(|until| clock(until, zone)).unwrap_or_default();
    let said = match (language, silence) {
        (En, Silence::NoConsent) => "oO may not speak: nothing is linked, or you said no".into(),
        (De, Silence::NoConsent) => "oO darf nichts sagen: Nichts ist verbunden, oder du hast abgelehnt".into(),
        (En, Silence::BudgetZero) => "No tips at all, as you chose".into(),
        (De, Silence::BudgetZero) => "Gar keine Tipps, wie du es gewählt hast".into(),
        (En, Silence::BudgetSpent { .. }) => format!("The tips of today are given; the next day begins at {time}"),
        (De, Silence::BudgetSpent { .. }) => {
            format!("Die Tipps von heute sind gegeben; der nächste Tag beginnt um {time}")
        }
        (En, Silence::QuietHours { .. }) => format!("Quiet hours until {time}"),
        (De, Silence::QuietHours { .. }) => format!("Ruhezeit bis {time}"),
        (En, Silence::TooSoon { .. }) => format!("So soon after the last tip, none until {time}"),
        (De, Silence::TooSoon { .. }) => format!("So bald nach dem letzten Tipp keiner bis {time}"),
        (En, Silence::Busy { .. }) => format!("You are busy until {time}"),
        (De, Silence::Busy { .. }) => format!("Du bist beschäftigt bis {time}"),
        (En, Silence::AlmostBusy { .. }) => format!("Something begins in a moment; you are busy until {time}"),
        (De, Silence::AlmostBusy { .. }) => format!("Gleich beginnt etwas; du bist beschäftigt bis {time}"),
        (En, Silence::TipLive { .. }) => format!("A tip is on the screen until {time}"),
        (De, Silence::TipLive { .. }) => format!("Ein Tipp steht auf dem Bildschirm bis {time}"),
        (En, Silence::Snoozed { .. }) => format!("Not now, you said: quiet until {time}"),
        (De, Silence::Snoozed { .. }) => format!("Jetzt nicht, sagtest du: Ruhe bis {time}"),
        (En, Silence::NothingFits { .. }) => format!("Nothing fits the time there is; next look at {time}"),
        (De, Silence::NothingFits { .. }) => format!("Nichts passt in die Zeit; nächster Blick um {time}"),
        (En, Silence::Policy { hush, .. }) => {
            let why = match hush {
                Hush::NoCandidates => "There is nothing to choose from",
                Hush::NotWorthIt => "Nothing is worth a word right now",
                Hush::EnoughForNow => "Enough was said for this part of the day",
                Hush::Overloaded => "oO has much to think about",
            };
            format!("{why}; next look at {time}")
        }
        (De, Silence::Policy { hush, .. }) => {
            let why = match hush {
                Hush::NoCandidates => "Es gibt nichts zu wählen",
                Hush::NotWorthIt => "Gerade ist nichts der Rede wert",
                Hush::EnoughForNow => "Für diesen Teil des Tages ist genug gesagt",
                Hush::Overloaded => "oO hat viel zu denken",
            };
            format!("{why}; nächster Blick um {time}")
        }
    };
    match (language, silence) {
        (En, Silence::Policy { confidence: Some(sure), .. }) => format!("{said} ({:.0} % sure)", 100.0 * sure.get()),
        (De, Silence::Policy { confidence: Some(sure), .. }) => {
            format!("{said} (zu {:.0} % sicher)", 100.0 * sure.get())
        }
        _ => said,
    }
}

/// The time on the clock does not grow stale while the tip stands; minutes would.
fn starts(language: Language, minutes: u16, subject: &Subject, zone: &TimeZone) -> String {
    match (language, subject) {
        (En, Subject::Prepare { starts, .. }) => format!("Starts at {}", clock(*starts, zone)),
        (De, Subject::Prepare { starts, .. }) => format!("Beginnt um {}", clock(*starts, zone)),
        (En, _) => format!("Starts in {}", count(minutes, "minute", "minutes")),
        (De, _) => format!("Beginnt in {}", count(minutes, "Minute", "Minuten")),
    }
}

fn count(number: u16, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn hours(minutes: u16, hours: &str, words: &str) -> String {
    if minutes >= 120 { format!("{} {hours}", minutes / 60) } else { format!("{minutes} {words}") }
}
