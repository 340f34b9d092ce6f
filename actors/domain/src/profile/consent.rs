//! What the person allows, by source and by use, and the profile as it looks to each use.
//!
//! A use of data is allowed where neither that use as a whole nor its source is forbidden for it. Whoever decides looks at
//! [`Profile::permitted`], in which there is nothing that the use may not see.

use super::Profile;
use super::kept::MAX_ACCOUNTS;
use oo_contracts::decision::Ask;
use oo_contracts::signal::{Consents, DataSource, Forbidden, Purpose};
use oo_contracts::tip::Subject;
use oo_contracts::{AccountId, Provider};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The most that is forbidden: each use of each source that there can be, twice over. Beyond it the oldest goes, which only
/// somebody who forbids what does not exist will see.
const MAX_FORBIDDEN: usize = 2 * 3 * (MAX_ACCOUNTS + Provider::ALL.len() + 4);

/// What the person allows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Consent {
    pub(crate) tips: bool,
    pub(crate) learning: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    forbidden: Vec<Forbidden>,
    /// At which providers the accounts are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    providers: Vec<(AccountId, Provider)>,
}

impl Consent {
    /// The person's last word about a use.
    pub(super) fn heed(&mut self, purpose: Purpose, granted: bool, source: Option<&DataSource>) {
        match (purpose, source) {
            (Purpose::Tips, None) => self.tips = granted,
            (Purpose::Learning, None) => self.learning = granted,
            (Purpose::Tips, Some(_)) => {
                self.set(Purpose::Timing, granted, source);
                self.set(Purpose::Choosing, granted, source);
            }
            _ => self.set(purpose, granted, source),
        }
    }

    fn set(&mut self, purpose: Purpose, granted: bool, source: Option<&DataSource>) {
        let meant = Forbidden { source: source.cloned(), purpose };
        self.forbidden.retain(|forbidden| *forbidden != meant);
        if !granted {
            self.forbidden.push(meant);
            if self.forbidden.len() > MAX_FORBIDDEN {
                self.forbidden.remove(0);
            }
        }
    }

    pub(super) fn link(&mut self, account: &AccountId, provider: Provider) {
        self.providers.retain(|(known, _)| known != account);
        self.providers.push((account.clone(), provider));
        if self.providers.len() > 2 * MAX_ACCOUNTS {
            self.providers.remove(0);
        }
    }

    /// An account that is linked again is another one: what was said of this one has ended with it.
    pub(super) fn unlink(&mut self, account: &AccountId) {
        self.providers.retain(|(known, _)| known != account);
        self.forbidden.retain(
            |forbidden| !matches!(&forbidden.source, Some(DataSource::Account { account: of }) if of == account),
        );
    }

    /// Whether a use of a source is allowed, as far as it is forbidden by itself.
    pub(super) fn allows(&self, purpose: Purpose, source: &DataSource) -> bool {
        !self.forbidden.iter().any(|forbidden| {
            forbidden.purpose == purpose && forbidden.source.as_ref().is_none_or(|forbidden| forbidden == source)
        })
    }

    fn allows_account(&self, purpose: Purpose, account: &AccountId) -> bool {
        let provider = self.providers.iter().find(|(known, _)| known == account).map(|(_, provider)| *provider);
        self.allows(purpose, &DataSource::Account { account: account.clone() })
            && provider.is_none_or(|provider| self.allows(purpose, &DataSource::Provider { provider }))
    }
}

impl Profile {
    /// What the person allows, as it stands.
    pub fn consents(&self) -> Consents {
        let Consent { tips, learning, forbidden, .. } = &self.consent;
        Consents { tips: *tips, learning: *learning, forbidden: forbidden.clone() }
    }

    /// The profile as far as a use may see it. What can be spoken of is seen by what is allowed for choosing; the
    /// circumstances (the calendar, presence, mood, place) by what is allowed for this use.
    pub fn permitted(&self, purpose: Purpose) -> Cow<'_, Self> {
        if self.consent.forbidden.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut seen = self.clone();
        let consent = &self.consent;
        seen.tasks.retain(|kept| consent.allows_account(Purpose::Choosing, &kept.task.reference.account));
        seen.events.retain(|kept| consent.allows_account(purpose, &kept.event.reference.account));
        if !consent.allows(Purpose::Choosing, &DataSource::Habits) {
            seen.habits.clear();
        }
        if !consent.allows(purpose, &DataSource::Mood) {
            seen.mood = None;
        }
        if !consent.allows(purpose, &DataSource::Presence) {
            (seen.presence, seen.place) = (None, None);
        }
        // What is left may be seen: looking at it through the same glass again shows the same.
        seen.consent.forbidden.clear();
        Cow::Owned(seen)
    }

    /// Whether the model that all share may learn from what a policy was asked: the person said yes, and nothing in it comes
    /// from a source that they keep out of it.
    pub fn may_be_learnt_from(&self, ask: &Ask) -> bool {
        let allows = |source: &DataSource| self.consent.allows(Purpose::Learning, source);
        let account = |account: &AccountId| self.consent.allows_account(Purpose::Learning, account);
        let subjects = ask.candidates.iter().all(|candidate| match &candidate.subject {
            Subject::Todo { task } => account(&task.account),
            Subject::Prepare { event, .. } => account(&event.account),
            Subject::Habit { .. } => allows(&DataSource::Habits),
            Subject::Advice { .. } => true,
        });
        // How busy a day is, is told by all calendars together.
        let calendars = self.events.iter().all(|kept| account(&kept.event.reference.account));
        let mood = ask.context.mood.is_none() || allows(&DataSource::Mood);
        let presence = (!ask.context.present && ask.context.place.is_none()) || allows(&DataSource::Presence);
        self.allows_learning() && subjects && calendars && mood && presence
    }

    /// Whether something may be spoken of, as far as its source goes.
    pub(crate) fn allows_choosing(&self, subject: &Subject) -> bool {
        match subject {
            Subject::Todo { task } => self.consent.allows_account(Purpose::Choosing, &task.account),
            Subject::Prepare { event, .. } => self.consent.allows_account(Purpose::Choosing, &event.account),
            Subject::Habit { .. } => self.consent.allows(Purpose::Choosing, &DataSource::Habits),
            Subject::Advice { .. } => true,
        }
    }
}

#[cfg(test)]
mod tests;
