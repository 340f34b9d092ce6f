//! Watches that nothing is said that must not be: by its own reading of the entries, not the engine's.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use oo_contracts::signal::{Event, Fact, Preferences, QuietHours};
use oo_contracts::tip::Tip;
use oo_contracts::{Ref, TipId};
use std::collections::BTreeMap;

/// A promise that was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Breach {
    Budget,
    Gap,
    Quiet,
    Busy,
    Consent,
    Twice,
}

/// The local day begins at four (product R-T1).
const DAY_BEGINS: i8 = 4;
/// Nothing is said so shortly before a busy event.
const BEFORE_BUSY: SignedDuration = SignedDuration::from_mins(5);

/// What has been said and what was asked for.
#[derive(Debug, Clone)]
pub struct Watch {
    zone: TimeZone,
    preferences: Preferences,
    allowed: bool,
    events: BTreeMap<Ref, Event>,
    given: Vec<(TipId, Timestamp)>,
}

impl Watch {
    /// Nothing said yet.
    pub fn new(zone: TimeZone) -> Self {
        Self { zone, preferences: Preferences::default(), allowed: false, events: BTreeMap::new(), given: Vec::new() }
    }

    /// What the person or their calendar says.
    pub fn hear(&mut self, fact: &Fact) {
        match fact {
            Fact::Preferences { preferences } => self.preferences = preferences.clone(),
            Fact::Zone { zone } => {
                if let Ok(zone) = TimeZone::get(zone.as_str()) {
                    self.zone = zone;
                }
            }
            Fact::AccountLinked { .. } => self.allowed = true,
            Fact::Consent { purpose: oo_contracts::signal::Purpose::Tips, granted, source: None } => {
                self.allowed = *granted
            }
            Fact::EventUpserted { event } => {
                self.events.insert(event.reference.clone(), event.clone());
            }
            Fact::EventRemoved { event } => {
                self.events.remove(event);
            }
            _ => {}
        }
    }

    /// A tip is given: what it breaks.
    pub fn given(&mut self, tip: &Tip, now: Timestamp) -> Vec<Breach> {
        // What ended before the last days can no longer matter.
        self.events.retain(|_, event| now < event.end);
        let day = self.day(now);
        let today = self.given.iter().filter(|(_, at)| self.day(*at) == day).count();
        let gap = SignedDuration::from_mins(self.preferences.gap.get().into());
        let last = plus(tip.not_after, SignedDuration::from_nanos(-1));
        let holds = |broken: bool, breach| broken.then_some(breach);
        let breaches = [
            holds(today >= usize::from(self.preferences.budget.get()), Breach::Budget),
            holds(self.given.last().is_some_and(|(_, at)| at.duration_until(now) < gap), Breach::Gap),
            holds(self.is_quiet(now) || self.is_quiet(last), Breach::Quiet),
            holds(self.is_busy(now) || self.is_busy(last), Breach::Busy),
            holds(!self.allowed, Breach::Consent),
            holds(self.given.iter().any(|(id, _)| *id == tip.id), Breach::Twice),
        ];
        self.given.push((tip.id.clone(), now));
        // No budget or gap reaches back further than a few days.
        if self.given.len() > 64 {
            self.given.remove(0);
        }
        breaches.into_iter().flatten().collect()
    }

    fn day(&self, at: Timestamp) -> Date {
        let wall = self.zone.to_datetime(at);
        if wall.hour() < DAY_BEGINS { wall.date().yesterday().unwrap_or(wall.date()) } else { wall.date() }
    }

    fn is_quiet(&self, at: Timestamp) -> bool {
        let wall = self.zone.to_datetime(at).time();
        self.preferences.quiet.is_some_and(|QuietHours { from, to }| {
            if from <= to { from <= wall && wall < to } else { from <= wall || wall < to }
        })
    }

    fn is_busy(&self, at: Timestamp) -> bool {
        self.events.values().any(|event| {
            event.busy && event.start < event.end && plus(event.start, -BEFORE_BUSY) < at && at < event.end
        })
    }
}

fn plus(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(at)
}
