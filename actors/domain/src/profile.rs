//! A person's profile: a pure fold over their log. Rebuilt, replayed and explained from the log alone.

mod answers;
mod consent;
mod corrections;
mod fold;
pub mod kept;
mod tally;
pub(crate) mod zone;

use crate::habits;
use crate::learning::Learnt;
use crate::local;
use crate::moments;
use crate::pacer::Ledger;
use crate::receptivity::Receptivity;
use crate::rhythm::Rhythm;
use crate::tip_life::{self, Life};
use consent::Consent;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use kept::{KeptAdvice, KeptEvent, KeptHabit, KeptTask, Kind, Memory, Tombstone};
use oo_contracts::decision::Silence;
use oo_contracts::model::Tenant;
use oo_contracts::signal::{MoodLevel, Place, Preferences, ZoneName};
use oo_contracts::tip::{Subject, Tip};
use oo_contracts::wire::{Answered, Corrected, Helped, Own, OwnHabit, View, Week};
use oo_contracts::{AccountId, Ref, TipId};
use serde::{Deserialize, Serialize};
use zone::Zone;

/// Grows when the fold, or what it keeps, changes: a snapshot made by another version is thrown away and the log is
/// replayed. A checkpoint stands for entries that are no more, so that each version must go on with those of all before it:
/// what a profile gains has a default, and what it loses is passed over.
pub const FOLD_VERSION: u32 = 6;

/// The burden of a tip halves in a day: yesterday's are half forgotten.
pub const DOSAGE_HALF_LIFE: SignedDuration = local::days(1);

/// Somebody who came to a screen and was not heard of since is taken to have left it after this.
pub const PRESENCE_HOLDS: SignedDuration = local::minutes(60);

/// Everything that oO knows of a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    seq: u64,
    /// The community the person belongs to, where it is not the usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant: Option<Tenant>,
    zone: Zone,
    preferences: Preferences,
    /// The person has not chosen them: the language is that of their screen.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    unchosen: bool,
    consent: Consent,
    accounts: Vec<AccountId>,
    /// Those of them whose link broke.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    broken: Vec<AccountId>,
    /// Accounts lately unlinked: what is still under way from them is not kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unlinked: Vec<AccountId>,
    /// Sorted by reference, as the events are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tasks: Vec<KeptTask>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tombstones: Vec<Tombstone>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    never: Vec<Ref>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    events: Vec<KeptEvent>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    habits: Vec<KeptHabit>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    advices: Vec<KeptAdvice>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    declined: Vec<(Kind, u8)>,
    mood: Option<(u8, Timestamp)>,
    presence: Option<(bool, Timestamp)>,
    place: Option<Place>,
    /// The newest tip, with all that showing it needs.
    tip: Option<Box<Tip>>,
    /// The tips of the last days, the newest last. Only the last can be live.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    lives: Vec<Life>,
    had_tip: bool,
    /// What the tips whose reward is certain have taught.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    learnt: Option<Learnt>,
    /// Tips ignored since the last answer.
    ignored: u8,
    /// When ignored tips last lowered the day's budget.
    lowered_at: Option<Timestamp>,
    /// "Not now" asks for quiet until then.
    paused_until: Option<Timestamp>,
    /// The person wants no more tips in the day that ends then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hushed_until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    corrections: Vec<Corrected>,
    /// Sorted by their Mondays.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    weeks: Vec<Week>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    helped: Vec<Helped>,
    /// Decayed count of tips, in millionths, at the time beside it.
    dosage: Option<(u64, Timestamp)>,
    looked_at: Option<Timestamp>,
    /// The look before that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    looked_before: Option<Timestamp>,
    /// Tips owed from one day to the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ledger: Option<Ledger>,
    /// The hours in which the person was seen.
    #[serde(default, skip_serializing_if = "Rhythm::is_empty")]
    rhythm: Rhythm,
    /// What became of the tips that are no longer remembered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    receptivity: Option<Box<Receptivity>>,
    /// Fingerprints of the feedback heard last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    heard: Vec<u64>,
}

impl Default for Profile {
    fn default() -> Self {
        Self::new()
    }
}

impl Profile {
    /// Nobody yet: what an empty log folds to.
    pub fn new() -> Self {
        Self {
            seq: 0,
            tenant: None,
            zone: Zone::utc(),
            preferences: Preferences::default(),
            unchosen: true,
            consent: Consent::default(),
            accounts: Vec::new(),
            broken: Vec::new(),
            unlinked: Vec::new(),
            tasks: Vec::new(),
            tombstones: Vec::new(),
            never: Vec::new(),
            events: Vec::new(),
            habits: Vec::new(),
            advices: Vec::new(),
            declined: Vec::new(),
            mood: None,
            presence: None,
            place: None,
            tip: None,
            lives: Vec::new(),
            had_tip: false,
            learnt: None,
            ignored: 0,
            lowered_at: None,
            paused_until: None,
            hushed_until: None,
            corrections: Vec::new(),
            weeks: Vec::new(),
            helped: Vec::new(),
            dosage: None,
            looked_at: None,
            looked_before: None,
            ledger: None,
            rhythm: Rhythm::default(),
            receptivity: None,
            heard: Vec::new(),
        }
    }

    /// The sequence up to which the log is folded in.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The person's zone; UTC until they say.
    pub fn zone(&self) -> &TimeZone {
        &self.zone.tz
    }

    /// Its IANA name.
    pub fn zone_name(&self) -> &ZoneName {
        &self.zone.name
    }

    /// What the person chose.
    pub fn preferences(&self) -> &Preferences {
        &self.preferences
    }

    /// Whether tips are allowed: something is linked, and the person did not say no.
    pub fn allows_tips(&self) -> bool {
        self.consent.tips && !self.accounts.is_empty()
    }

    /// Whether the model that all share may learn from this person.
    pub fn allows_learning(&self) -> bool {
        self.consent.learning
    }

    /// The linked accounts.
    pub fn accounts(&self) -> &[AccountId] {
        &self.accounts
    }

    /// Whether oO can say what is in an account: it is linked, and the link works as far as is known.
    pub(crate) fn sees(&self, account: &AccountId) -> bool {
        self.accounts.contains(account) && !self.broken.contains(account)
    }

    /// The tasks, those done lately included.
    pub fn tasks(&self) -> &[KeptTask] {
        &self.tasks
    }

    /// The events of the last day and the coming weeks.
    pub fn events(&self) -> &[KeptEvent] {
        &self.events
    }

    /// The habits.
    pub fn habits(&self) -> &[KeptHabit] {
        &self.habits
    }

    /// The tips of the last days, the newest last.
    pub fn lives(&self) -> &[Life] {
        &self.lives
    }

    /// Whose models answer the person, where it is not the usual community.
    pub fn tenant(&self) -> Option<&Tenant> {
        self.tenant.as_ref()
    }

    /// What the tips whose reward is certain have taught.
    pub fn learnt(&self) -> Option<&Learnt> {
        self.learnt.as_ref()
    }

    /// The tip that may be shown at `now`.
    pub fn live_tip(&self, now: Timestamp) -> Option<&Tip> {
        let live = self.lives.last().filter(|life| life.is_live(now))?;
        self.tip.as_deref().filter(|tip| tip.id == live.tip)
    }

    /// What a tip was about, while it is remembered.
    pub fn subject_of(&self, tip: &TipId) -> Option<&Subject> {
        self.life_of(tip).map(|life| &life.subject)
    }

    /// Where a tip stands, while it is remembered.
    pub fn life_of(&self, tip: &TipId) -> Option<&Life> {
        self.lives.iter().rev().find(|life| life.tip == *tip)
    }

    /// Whether the last thing said about this tip took a "done" back.
    pub fn undid_done(&self, tip: &TipId) -> bool {
        self.life_of(tip).is_some_and(|life| life.undid_done)
    }

    /// How many tips were given in the local day of `now`.
    pub fn given_today(&self, now: Timestamp) -> u8 {
        let today = local::today(self.zone(), now);
        let count = self.lives.iter().filter(|life| life.given_at >= today).count();
        u8::try_from(count).unwrap_or(u8::MAX)
    }

    /// The most tips in the local day of `now`: what the person chose, one less on a day on which tips were ignored.
    pub fn budget(&self, now: Timestamp) -> u8 {
        let chosen = self.preferences.budget.get();
        let today = local::today(self.zone(), now);
        // A tip whose time has just passed was ignored, though no entry has said so yet.
        let unfolded = self.lives.last().filter(|life| {
            life.state == tip_life::State::Live
                && life.is_ignored(now)
                && self.ignored + 1 >= tip_life::IGNORED_IN_A_ROW
        });
        let lowered = self.lowered_at.into_iter().chain(unfolded.map(|life| life.not_after)).any(|at| at >= today);
        if lowered { chosen.saturating_sub(1).max(chosen.min(1)) } else { chosen }
    }

    /// When the last tip was given.
    pub fn last_given(&self) -> Option<Timestamp> {
        self.lives.iter().map(|life| life.given_at).max()
    }

    /// Whether something is open that the person put off until a time that has come.
    pub(crate) fn wants_something(&self, now: Timestamp) -> bool {
        self.put_off().any(|(subject, at)| is_wanted(at, now) && self.is_there(subject, now))
    }

    /// Whether the person put this off until a time that they named, which has come and is not long past.
    pub(crate) fn wants(&self, subject: &Subject, now: Timestamp) -> bool {
        self.put_off().any(|(about, at)| is_wanted(at, now) && about == subject)
    }

    /// The next time until which something was put off that is open then.
    pub(crate) fn wants_next(&self, now: Timestamp) -> Option<Timestamp> {
        let next = self.put_off().filter(|(subject, at)| now < *at && self.is_there(subject, *at));
        next.map(|(_, at)| at).min()
    }

    /// What was put off until a time that the person named, and not said since.
    fn put_off(&self) -> impl Iterator<Item = (&Subject, Timestamp)> {
        self.lives.iter().enumerate().filter_map(|(place, life)| {
            let at = life.put_off_until()?;
            let is_last = self.lives[place + 1..].iter().all(|later| later.subject != life.subject);
            is_last.then_some((&life.subject, at))
        })
    }

    /// Whether there is such a thing still, as far as oO sees.
    fn is_there(&self, subject: &Subject, now: Timestamp) -> bool {
        let seen = subject.reference().is_none_or(|reference| self.sees(&reference.account));
        let over = matches!(subject, Subject::Prepare { starts, .. } if *starts <= now);
        seen && !over && self.gone(subject, now).is_none()
    }

    /// Exponentially decayed count of tips, to six digits.
    pub fn dosage(&self, now: Timestamp) -> f64 {
        self.dosage_millionths(now) as f64 / 1e6
    }

    /// How the person said they feel, today.
    pub fn mood(&self, now: Timestamp) -> Option<u8> {
        let today = local::today(self.zone(), now);
        self.mood.filter(|(_, at)| *at >= today).map(|(level, _)| level)
    }

    /// Whether somebody is at a screen, as far as is known.
    pub fn is_present(&self, now: Timestamp) -> bool {
        self.presence.is_some_and(|(present, at)| present && now < local::plus(at, PRESENCE_HOLDS))
    }

    /// Roughly where the person said they are.
    pub fn place(&self) -> Option<Place> {
        self.place
    }

    /// Whether the person turned a kind off, by "not for me" three times.
    pub fn is_off(&self, kind: Kind) -> bool {
        self.declined.iter().any(|(declined, times)| *declined == kind && *times >= tip_life::DECLINED_TURNS_OFF)
    }

    /// Whether a task is open at `now`: not done, or done on an earlier day and recurring.
    pub fn is_open(&self, kept: &KeptTask, now: Timestamp) -> bool {
        let done_again = |done: Timestamp| kept.task.recurring && done < local::today(self.zone(), now);
        kept.memory.done_at.is_none_or(done_again) && !self.never.contains(&kept.task.reference)
    }

    /// What the page needs to show this person at `now`.
    pub fn view(&self, now: Timestamp) -> View {
        let tip = self.live_tip(now).map(|tip| self.without_corrected_reasons(tip.clone()));
        let answered = self.lives.last().and_then(|life| {
            life.undoable(now).map(|(answer, undo_until)| Answered {
                tip: life.tip.clone(),
                answer: answer.clone(),
                undo_until,
            })
        });
        let held = moments::silence(self, now);
        View {
            version: self.seq,
            silence: held.filter(|silence| !matches!(silence, Silence::TipLive { .. })),
            tip,
            answered,
            looked_at: self.looked_at,
            next_look: moments::next_look(self, now, held.as_ref()),
            given_today: self.given_today(now),
            budget: self.budget(now),
            zone: self.zone_name().clone(),
            had_tip: self.had_tip,
            accounts: self.accounts.clone(),
            preferences: Some(self.preferences.clone()),
            consents: Some(self.consents()),
            own: Some(self.own(now)),
        }
    }

    /// Until when the person wants no more tips, where they said so for today.
    pub fn hushed_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.hushed_until.filter(|until| now < *until)
    }

    fn own(&self, now: Timestamp) -> Own {
        let habit = |kept: &KeptHabit| OwnHabit { habit: kept.habit.clone(), done: habits::is_done(self, kept, now) };
        Own {
            habits: self.habits.iter().map(habit).collect(),
            mood: self.mood(now).map(|level| MoodLevel::saturating(level.into())),
            weeks: self.weeks(now).to_vec(),
            helped: self.helped.clone(),
            corrections: self.corrections.clone(),
            quiet_until: self.hushed_until(now),
        }
    }

    /// The look before the last one.
    pub(crate) fn looked_before(&self) -> Option<Timestamp> {
        self.looked_before
    }

    pub(crate) fn ledger(&self) -> Option<Ledger> {
        self.ledger
    }

    pub(crate) fn rhythm(&self) -> &Rhythm {
        &self.rhythm
    }

    pub(crate) fn receptivity(&self) -> Option<&Receptivity> {
        self.receptivity.as_deref()
    }

    pub(crate) fn paused_until(&self) -> Option<Timestamp> {
        self.paused_until
    }

    pub(crate) fn advice_memory(&self, advice: &oo_contracts::AdviceId) -> Option<&Memory> {
        self.advices.iter().find(|kept| kept.advice == *advice).map(|kept| &kept.memory)
    }

    fn dosage_millionths(&self, now: Timestamp) -> u64 {
        let Some((millionths, at)) = self.dosage else { return 0 };
        let half_lives = at.duration_until(now).as_secs_f64().max(0.0) / DOSAGE_HALF_LIFE.as_secs_f64();
        (millionths as f64 * (-half_lives).exp2()).round() as u64
    }

    fn task_index(&self, reference: &Ref) -> Result<usize, usize> {
        self.tasks.binary_search_by(|kept| kept.task.reference.cmp(reference))
    }

    fn event_index(&self, reference: &Ref) -> Result<usize, usize> {
        self.events.binary_search_by(|kept| kept.event.reference.cmp(reference))
    }
}

/// Whether what was put off until then is wanted now.
fn is_wanted(named: Timestamp, now: Timestamp) -> bool {
    named <= now && now < local::plus(named, tip_life::WANTED_FOR)
}

#[cfg(test)]
mod tests;
