//! Names of things. All but [`Ref`] items may stand as a token of a subject.

use crate::bounded::bounded;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

bounded!(
    /// A person.
    token UserId(1..=32));
bounded!(
    /// The random name of a person's log: the only name that streams know a person by.
    token LogId(16..=32));
bounded!(
    /// One signal; a second one with the same id is the same signal.
    token SignalId(1..=96));
bounded!(
    /// One tip.
    token TipId(8..=64));
bounded!(
    /// One decision, silence included.
    token DecisionId(8..=64));
bounded!(
    /// One linked account of a person at a provider.
    token AccountId(1..=64));
bounded!(
    /// One browser or phone that receives pushes.
    token DeviceId(1..=64));
bounded!(
    /// A habit that the person defined.
    token HabitId(1..=64));
bounded!(
    /// An advice of the catalogue.
    token AdviceId(1..=64));
bounded!(
    /// What a provider calls one of its objects. Opaque: never words.
    text ItemId(1..=256));

/// Where an account lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    Todoist,
    GoogleCalendar,
    GoogleTasks,
    MicrosoftTodo,
    OutlookCalendar,
    /// A Nextcloud, linked by its own login flow.
    Nextcloud,
    /// Any other CalDAV server, by an app-specific password.
    Caldav,
}

impl Provider {
    /// All of them, in the order that the page offers them.
    pub const ALL: [Self; 7] = [
        Self::Todoist,
        Self::GoogleCalendar,
        Self::GoogleTasks,
        Self::MicrosoftTodo,
        Self::OutlookCalendar,
        Self::Nextcloud,
        Self::Caldav,
    ];

    /// As it stands in addresses and keys.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Todoist => "todoist",
            Self::GoogleCalendar => "google_calendar",
            Self::GoogleTasks => "google_tasks",
            Self::MicrosoftTodo => "microsoft_todo",
            Self::OutlookCalendar => "outlook_calendar",
            Self::Nextcloud => "nextcloud",
            Self::Caldav => "caldav",
        }
    }

    /// As people know it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Todoist => "Todoist",
            Self::GoogleCalendar => "Google Calendar",
            Self::GoogleTasks => "Google Tasks",
            Self::MicrosoftTodo => "Microsoft To Do",
            Self::OutlookCalendar => "Outlook Calendar",
            Self::Nextcloud => "Nextcloud",
            Self::Caldav => "CalDAV",
        }
    }
}

impl std::str::FromStr for Provider {
    type Err = crate::OutOfBounds;
    fn from_str(slug: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|provider| provider.slug() == slug)
            .ok_or_else(|| crate::OutOfBounds("no such provider".into()))
    }
}

/// An object at a provider: whose account, and what the provider calls it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Ref {
    pub account: AccountId,
    pub item: ItemId,
}

bounded!(
    /// The name of a policy.
    token PolicyName(1..=32));
bounded!(
    /// 64 random bits in hexadecimal.
    token RandomBits(16..=16));
bounded!(
    /// Tells one person's asks from another's, and says nothing else of whose they are.
    token Unit(16..=32));
bounded!(
    /// A posterior in base64.
    text Posterior(0..=8192));

impl RandomBits {
    /// From 64 bits.
    pub fn new(bits: u64) -> Self {
        Self(format!("{bits:016x}"))
    }

    /// The 64 bits; zero for digits that are not hexadecimal, which [`RandomBits::new`] never writes.
    pub fn get(&self) -> u64 {
        u64::from_str_radix(&self.0, 16).unwrap_or_default()
    }
}
