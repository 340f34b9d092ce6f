//! The catalogue of short advices: what, when, how long, on what evidence, in which words. Linted with all other words.

mod catalogue;

pub use catalogue::CATALOGUE;
use oo_contracts::AdviceId;
use oo_contracts::decision::Context;
use oo_contracts::tip::{Because, Ground};
use serde::{Deserialize, Serialize};

/// An advice is not repeated sooner than this: what was just said is noise.
pub const RESTS: jiff::SignedDuration = crate::local::days(3);

/// Kinds of advice. Each can be turned off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Movement,
    Rest,
    Breath,
    Mind,
    /// Keeping to one thing.
    Focus,
    Sleep,
    People,
}

/// The circumstances in which an advice helps. Each can be read off the context, so that its reason is a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// Much of the day is taken, and a part of it just ended.
    AfterLongHours,
    /// Something just ended, and something else begins within the hour.
    BetweenEvents,
    /// Something just ended, whatever follows.
    JustEnded,
    /// Something begins soon, but not at once.
    BeforeEvent,
    /// Nothing is planned for hours.
    LongFree,
    /// The person's day begins, by their own rhythm.
    DayBegins,
    /// The person's day ends, by their own rhythm.
    DayEnds,
    /// The person said today that they feel low.
    LowMood,
    /// The person said today that they feel well.
    GoodMood,
}

/// Busy minutes in a day that call for a rest.
const LONG_HOURS: u16 = 180;
/// So long after an event it has just ended.
const JUST_ENDED: u16 = crate::receptivity::BREAK.as_mins() as u16;
/// A gap that is long enough to work in.
const LONG_GAP: u16 = 120;
/// So long from the first hour on, a day begins; and so long before its last hour is over, it ends.
const BEGINS: u16 = crate::moments::WINDS_DOWN.as_mins() as u16;

impl Trigger {
    /// Whether the circumstances are these.
    pub fn holds(self, context: &Context) -> bool {
        match self {
            Self::AfterLongHours => context.busy_today >= LONG_HOURS && context.since_busy <= JUST_ENDED,
            Self::BetweenEvents => {
                context.since_busy <= JUST_ENDED
                    && context.next_busy.is_some()
                    && (15..=60).contains(&context.free_minutes)
            }
            Self::JustEnded => context.since_busy <= JUST_ENDED && context.free_minutes > 0,
            Self::BeforeEvent => context.next_busy.is_some() && (8..=30).contains(&context.free_minutes),
            Self::LongFree => context.next_busy.is_some() && context.free_minutes >= LONG_GAP,
            Self::DayBegins => context.since_morning.is_some_and(|since| since.get() <= BEGINS),
            Self::DayEnds => context.until_evening.is_some_and(|until| until.get() <= BEGINS),
            Self::LowMood => context.mood.is_some_and(|mood| mood <= 2),
            Self::GoodMood => context.mood.is_some_and(|mood| mood >= 4),
        }
    }

    /// The fact in it.
    pub fn because(self, context: &Context) -> Because {
        match self {
            Self::AfterLongHours => Because::LongStretch { minutes: context.busy_today },
            Self::BetweenEvents | Self::BeforeEvent | Self::LongFree => {
                Because::FreeMinutes { minutes: context.free_minutes, until: context.next_busy }
            }
            Self::JustEnded => Because::JustEnded { minutes: context.since_busy },
            Self::DayBegins => Because::DayBegins,
            Self::DayEnds => Because::DayEnds,
            Self::LowMood | Self::GoodMood => Because::Mood,
        }
    }

    /// What kind of fact that is.
    pub fn ground(self) -> Ground {
        match self {
            Self::AfterLongHours => Ground::BusyDay,
            Self::BetweenEvents | Self::BeforeEvent | Self::LongFree => Ground::FreeTime,
            Self::JustEnded => Ground::JustEnded,
            Self::DayBegins => Ground::DayBegins,
            Self::DayEnds => Ground::DayEnds,
            Self::LowMood | Self::GoodMood => Ground::Mood,
        }
    }
}

/// One advice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advice {
    /// Stands in logs: never reused for another one.
    pub name: &'static str,
    pub kind: Kind,
    pub trigger: Trigger,
    pub minutes: u16,
    pub en: &'static str,
    pub de: &'static str,
    /// Where it was studied.
    pub evidence: &'static str,
}

impl Advice {
    /// Its id on the wires.
    pub fn id(&self) -> AdviceId {
        AdviceId::try_from(self.name.to_owned()).unwrap_or_else(|_| unreachable!("a test holds the names' limits"))
    }
}

/// The advice of that id; `None` for one that another version knows.
pub fn find(id: &AdviceId) -> Option<&'static Advice> {
    CATALOGUE.iter().find(|advice| advice.name == id.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_advice_has_its_own_valid_name_and_evidence() {
        let mut names: Vec<_> = CATALOGUE.iter().map(|advice| advice.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), CATALOGUE.len());
        for advice in CATALOGUE {
            assert_eq!(find(&advice.id()), Some(advice));
            let year = advice.evidence.split(|c: char| !c.is_ascii_digit()).find(|part| part.len() == 4);
            let year: u16 = year.and_then(|year| year.parse().ok()).unwrap_or_default();
            assert!((1950..=2026).contains(&year), "{}: no year in its evidence", advice.name);
            let journal = advice.evidence.split_once(&format!("{year}, ")).map(|(_, journal)| journal);
            assert!(journal.is_some_and(|journal| journal.len() > 8), "{}: no journal in its evidence", advice.name);
            assert!((1..=30).contains(&advice.minutes));
        }
    }
}
