//! The catalogue of short advices: what, when, how long, on what evidence, in which words. Linted with all other words.

use oo_contracts::AdviceId;
use oo_contracts::decision::Context;
use oo_contracts::tip::Because;
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
    People,
}

/// The circumstances in which an advice helps. Each can be read off the context, so that its reason is a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// Much of the day is taken, and a part of it just ended.
    AfterLongHours,
    /// Something just ended, and something else begins within the hour.
    BetweenEvents,
    /// The person said today that they feel low.
    LowMood,
    /// The person said today that they feel well.
    GoodMood,
}

/// Busy minutes in a day that call for a rest.
const LONG_HOURS: u16 = 180;
/// So long after an event it has just ended.
const JUST_ENDED: u16 = 30;

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
            Self::LowMood => context.mood.is_some_and(|mood| mood <= 2),
            Self::GoodMood => context.mood.is_some_and(|mood| mood >= 4),
        }
    }

    /// The fact in it.
    pub fn because(self, context: &Context) -> Because {
        match self {
            Self::AfterLongHours => Because::LongStretch { minutes: context.busy_today },
            Self::BetweenEvents => Because::FreeMinutes { minutes: context.free_minutes, until: context.next_busy },
            Self::LowMood | Self::GoodMood => Because::Mood,
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

/// All of them.
pub const CATALOGUE: &[Advice] = &[
    Advice {
        name: "walk-five",
        kind: Kind::Movement,
        trigger: Trigger::AfterLongHours,
        minutes: 5,
        en: "Walk for five minutes.",
        de: "Geh fünf Minuten.",
        evidence: "Dunstan et al. 2012, Diabetes Care 35(5):976–983",
    },
    Advice {
        name: "stairs",
        kind: Kind::Movement,
        trigger: Trigger::BetweenEvents,
        minutes: 5,
        en: "Take some stairs, up and down again.",
        de: "Nimm ein paar Treppen, hinauf und wieder hinunter.",
        evidence: "Randolph and O'Connor 2017, Physiology and Behavior 174:128–135",
    },
    Advice {
        name: "walk-and-think",
        kind: Kind::Movement,
        trigger: Trigger::BetweenEvents,
        minutes: 10,
        en: "Take your next question for a ten-minute walk.",
        de: "Nimm deine nächste Frage mit auf zehn Minuten Spaziergang.",
        evidence: "Oppezzo and Schwartz 2014, J. Exp. Psychol. Learn. Mem. Cogn. 40(4):1142–1152",
    },
    Advice {
        name: "step-away",
        kind: Kind::Rest,
        trigger: Trigger::AfterLongHours,
        minutes: 5,
        en: "Step away from the screen for five minutes.",
        de: "Lass den Bildschirm fünf Minuten allein.",
        evidence: "Albulescu et al. 2022, PLoS ONE 17(8):e0272460",
    },
    Advice {
        name: "look-far",
        kind: Kind::Rest,
        trigger: Trigger::AfterLongHours,
        minutes: 1,
        en: "Look at something far away for a minute.",
        de: "Schau eine Minute lang in die Ferne.",
        evidence: "Talens-Estarelles et al. 2023, Contact Lens and Anterior Eye 46(2):101744",
    },
    Advice {
        name: "look-green",
        kind: Kind::Rest,
        trigger: Trigger::BetweenEvents,
        minutes: 1,
        en: "Look at something green for a minute.",
        de: "Schau eine Minute lang ins Grüne.",
        evidence: "Lee et al. 2015, J. Environmental Psychology 42:182–189",
    },
    Advice {
        name: "long-breath-out",
        kind: Kind::Breath,
        trigger: Trigger::LowMood,
        minutes: 5,
        en: "For five minutes, breathe out longer than in.",
        de: "Atme fünf Minuten lang länger aus als ein.",
        evidence: "Balban et al. 2023, Cell Reports Medicine 4(1):100895",
    },
    Advice {
        name: "slow-breath",
        kind: Kind::Breath,
        trigger: Trigger::AfterLongHours,
        minutes: 3,
        en: "Breathe slowly for three minutes, about six breaths each.",
        de: "Atme drei Minuten lang langsam, etwa sechs Züge in jeder.",
        evidence: "Zaccaro et al. 2018, Frontiers in Human Neuroscience 12:353",
    },
    Advice {
        name: "park-open-ends",
        kind: Kind::Mind,
        trigger: Trigger::BetweenEvents,
        minutes: 5,
        en: "Write down what is open, and the next step of each.",
        de: "Schreib auf, was offen ist, und jeweils den nächsten Schritt.",
        evidence: "Masicampo and Baumeister 2011, J. Personality and Social Psychology 101(4):667–683",
    },
    Advice {
        name: "when-and-where",
        kind: Kind::Mind,
        trigger: Trigger::BetweenEvents,
        minutes: 3,
        en: "Decide when and where you will start the next thing.",
        de: "Leg fest, wann und wo du das Nächste anfängst.",
        evidence: "Gollwitzer and Sheeran 2006, Advances in Experimental Social Psychology 38:69–119",
    },
    Advice {
        name: "three-good-things",
        kind: Kind::Mind,
        trigger: Trigger::LowMood,
        minutes: 5,
        en: "Write down three things that were good today.",
        de: "Schreib drei Dinge auf, die heute gut waren.",
        evidence: "Emmons and McCullough 2003, J. Personality and Social Psychology 84(2):377–389",
    },
    Advice {
        name: "short-hello",
        kind: Kind::People,
        trigger: Trigger::GoodMood,
        minutes: 5,
        en: "Send a short hello to somebody you have not heard from lately.",
        de: "Schick jemandem, von dem du länger nichts gehört hast, einen kurzen Gruß.",
        evidence: "Liu et al. 2023, J. Personality and Social Psychology 124(4):754–771",
    },
];

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
            assert!(advice.evidence.contains(" 20"), "{}", advice.name);
            assert!((1..=30).contains(&advice.minutes));
        }
    }
}
