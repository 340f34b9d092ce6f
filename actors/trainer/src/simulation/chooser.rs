//! Who chooses in a simulated life: a policy of the engine, or one of the two that no engine can be: who knows everything,
//! and who never speaks.

use oo_contracts::decision::{Ask, Choice, Hush, PolicyName, Provenance, Recommendation};
use oo_contracts::tip::{Because, Reason, Subject};
use oo_domain::policy::{self, Policy};

/// Chooses.
pub enum Chooser {
    /// The policy itself.
    Policy(Box<dyn Policy + Send + Sync>),
    /// Knows what each tip would be worth, and speaks when the best is worth more than this. What it reaches with the best
    /// bar for a person is what regret is measured against.
    Clairvoyant { bar: f64 },
    /// What would have been done anyway.
    Silent,
}

impl std::fmt::Debug for Chooser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name())
    }
}

/// Bars that are tried for each person: from "anything better than nothing" to "only what is nearly certain".
pub const BARS: [f64; 6] = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5];

impl Chooser {
    /// A policy by its name.
    pub fn named(name: &str) -> Option<Self> {
        policy::named(name).map(Self::Policy)
    }

    /// As reports call it.
    pub fn name(&self) -> String {
        match self {
            Self::Policy(policy) => policy.name().to_string(),
            Self::Clairvoyant { .. } => "clairvoyant".into(),
            Self::Silent => "silent".into(),
        }
    }

    /// Chooses; `worth` is what only the world knows.
    pub fn choose(&self, ask: &Ask, worth: impl Fn(&Subject) -> Option<f64>) -> Recommendation {
        match self {
            Self::Policy(policy) => policy.recommend(ask),
            Self::Silent => say(ask, None),
            Self::Clairvoyant { bar } => {
                let all = ask.candidates.iter().enumerate();
                let best = all
                    .filter_map(|(place, candidate)| Some((place, worth(&candidate.subject)?)))
                    .max_by(|(_, one), (_, other)| one.total_cmp(other))
                    .filter(|(_, worth)| worth > bar);
                say(ask, best)
            }
        }
    }
}

fn say(ask: &Ask, best: Option<(usize, f64)>) -> Recommendation {
    let tip = best.and_then(|(place, weight)| {
        let subject = ask.candidates[place].subject.clone();
        let reasons = vec![Reason { because: Because::Chance, weight }];
        Some(Choice { candidate: u16::try_from(place).ok()?, subject, reasons })
    });
    let hush = if ask.candidates.is_empty() { Hush::NoCandidates } else { Hush::NotWorthIt };
    Recommendation {
        silence: tip.is_none().then_some(hush),
        tip,
        propensity: 1.0,
        confidence: None,
        policy: PolicyName::try_from("world".to_owned()).unwrap_or_else(|_| unreachable!("five letters")),
        version: 1,
        provenance: Provenance::default(),
    }
}
