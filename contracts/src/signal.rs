//! What happens to a person, normalized: references and the facts that a decision needs, never a provider's words.

use crate::bounded::bounded;
use crate::model::Tenant;
use crate::tip::Ground;
use crate::{AccountId, DeviceId, HabitId, Provider, Ref, SignalId, Timestamp, TipId, UserId};
use jiff::civil;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One fact about one person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Signal {
    /// The same id twice is the same signal twice, and counts once.
    pub id: SignalId,
    pub user: UserId,
    /// When it happened, on the person's clock.
    pub at: Timestamp,
    pub fact: Fact,
}

/// What a signal says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[rustfmt::skip]
pub enum Fact {
    TaskAdded { task: Task },
    TaskChanged { task: Task },
    TaskCompleted { task: Ref },
    TaskRemoved { task: Ref },
    EventUpserted { event: Event },
    EventRemoved { event: Ref },
    HabitDefined { habit: Habit },
    HabitRemoved { habit: HabitId },
    HabitDone { habit: HabitId },
    /// How the person says they feel.
    Mood { level: MoodLevel },
    /// Somebody is at a screen, or left it.
    Presence { present: bool },
    /// The person's time zone, by its IANA name.
    Zone { zone: ZoneName },
    /// The language of the person's screen: tips are in it until they choose one.
    Language { language: Language },
    /// Coarse on purpose.
    Place { place: Place },
    /// The answer to a tip.
    Feedback { tip: TipId, answer: Answer },
    /// A fact that a tip named is wrong, or is not to be used. Holds until it is taken back.
    Correction { tip: TipId, ground: Ground, correction: Correction },
    /// Takes a correction back, by the id of the signal that made it.
    CorrectionUndone { correction: SignalId },
    /// No more tips in the person's day, which ends at four; or that taken back.
    QuietToday { quiet: bool },
    /// What became of one push.
    Delivered { tip: TipId, device: DeviceId, outcome: Delivery },
    Preferences { preferences: Preferences },
    /// What the person allows or forbids: a use, of one source or of all. The last word about the same counts.
    Consent {
        purpose: Purpose,
        granted: bool,
        /// Whose data this is about; all of it if left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<DataSource>,
    },
    AccountLinked { account: AccountId, provider: Provider },
    AccountUnlinked { account: AccountId },
    /// Its link broke, and only the person can renew it: nobody can say what is in it. Or it works again.
    AccountBroken { account: AccountId, broken: bool },
    /// The community whose models answer the person from now on, and whose models their decisions may train.
    Joined { tenant: Tenant },
}

impl Fact {
    /// Whether the person may say this of themselves through `POST /api/v1/signals`.
    /// The rest is for providers and services to say.
    pub fn is_own(&self) -> bool {
        match self {
            Self::HabitDefined { .. }
            | Self::HabitRemoved { .. }
            | Self::HabitDone { .. }
            | Self::Mood { .. }
            | Self::Presence { .. }
            | Self::Zone { .. }
            | Self::Language { .. }
            | Self::Place { .. }
            | Self::Feedback { .. }
            | Self::Correction { .. }
            | Self::CorrectionUndone { .. }
            | Self::QuietToday { .. }
            | Self::Preferences { .. }
            | Self::Consent { .. } => true,
            Self::TaskAdded { .. }
            | Self::TaskChanged { .. }
            | Self::TaskCompleted { .. }
            | Self::TaskRemoved { .. }
            | Self::EventUpserted { .. }
            | Self::EventRemoved { .. }
            | Self::Delivered { .. }
            | Self::AccountLinked { .. }
            | Self::AccountUnlinked { .. }
            | Self::AccountBroken { .. }
            | Self::Joined { .. } => false,
        }
    }
}

/// A task at a provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Task {
    pub reference: Ref,
    pub due: Option<Due>,
    pub priority: Priority,
    /// How long it takes, where the provider knows.
    pub minutes: Option<Minutes>,
    pub recurring: bool,
    pub added_at: Option<Timestamp>,
}

/// When a task wants to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[rustfmt::skip]
pub enum Due {
    /// Some time on this day, wherever the person is.
    Day { date: civil::Date },
    /// At this time on the wall clock, wherever the person is.
    Floating { at: civil::DateTime },
    /// At this instant.
    At { at: Timestamp },
}

/// An event in a calendar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    pub reference: Ref,
    pub start: Timestamp,
    pub end: Timestamp,
    /// Whether it takes the person's time (not: free, declined, cancelled).
    pub busy: bool,
    pub all_day: bool,
}

/// Something the person wants to do again and again. The label is the person's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Habit {
    pub id: HabitId,
    pub label: HabitLabel,
    /// The part of the day it belongs to, on the person's wall clock; over midnight where `from` is later.
    pub from: civil::Time,
    pub to: civil::Time,
    pub minutes: Minutes,
    /// The days of the week it belongs to, told by the day on which it begins; all if left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<Weekday>,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl Weekday {
    /// The one that a date is.
    pub fn of(date: civil::Date) -> Self {
        match date.weekday() {
            civil::Weekday::Monday => Self::Monday,
            civil::Weekday::Tuesday => Self::Tuesday,
            civil::Weekday::Wednesday => Self::Wednesday,
            civil::Weekday::Thursday => Self::Thursday,
            civil::Weekday::Friday => Self::Friday,
            civil::Weekday::Saturday => Self::Saturday,
            civil::Weekday::Sunday => Self::Sunday,
        }
    }
}

/// What is wrong with a fact that spoke for a tip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Correction {
    /// It is not so of what the tip is about. Of the circumstances it means the same as [`Correction::Unused`].
    Wrong,
    /// Facts of this kind are not to be used, of anything.
    Unused,
}

/// The answer to a tip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[rustfmt::skip]
pub enum Answer {
    Done,
    /// Later; when, if the person said so.
    NotNow { until: Option<Timestamp> },
    /// Never this again.
    NotForMe,
    /// Takes the last answer to this tip back.
    Undo,
}

impl Answer {
    /// Its name, for metrics.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::NotNow { .. } => "not_now",
            Self::NotForMe => "not_for_me",
            Self::Undo => "undo",
        }
    }
}

/// What became of a push to one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Delivery {
    /// The push service took it. That is not yet the screen.
    Accepted,
    /// The device is gone for good; its subscription ended.
    Gone,
    /// Given up when the tip expired, or refused.
    Failed { status: Option<u16> },
}

/// What the person chose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Preferences {
    /// At most so many tips a day.
    pub budget: Budget,
    /// Never between these, on the person's wall clock; `None` for no quiet hours.
    pub quiet: Option<QuietHours>,
    /// The same for each day of the week, instead of `quiet`. Hours over midnight belong to the day that they begin on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet_week: Option<QuietWeek>,
    /// At least so long between two tips.
    pub gap: GapMinutes,
    /// The language of the words, as BCP 47.
    pub language: Language,
    /// How tips may reach the person while no page is open; in every way that there is, if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<Vec<Channel>>,
    /// A notification says that there is a tip, and not which: the words are on the page alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub discreet: bool,
    /// What is older than so many days is removed, and only what it came to is kept; nothing is removed if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_days: Option<KeepDays>,
}

/// A way to reach somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// Web push, to the browsers that are subscribed.
    Push,
    /// A letter, where no device was reached for two days and the person gave an address.
    Email,
}

impl Channel {
    /// Whether this way is among those that were chosen.
    pub fn is_in(self, chosen: Option<&[Self]>) -> bool {
        chosen.is_none_or(|chosen| chosen.contains(&self))
    }
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            budget: Budget::saturating(3),
            quiet: Some(QuietHours { from: civil::time(22, 0, 0, 0), to: civil::time(8, 0, 0, 0) }),
            quiet_week: None,
            gap: GapMinutes::saturating(90),
            language: Language::En,
            channels: None,
            discreet: false,
            keep_days: None,
        }
    }
}

/// A span of the day, over midnight where `from` is later than `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QuietHours {
    pub from: civil::Time,
    pub to: civil::Time,
}

/// Quiet hours by the day that they begin on; `None` for a day without.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QuietWeek {
    pub monday: Option<QuietHours>,
    pub tuesday: Option<QuietHours>,
    pub wednesday: Option<QuietHours>,
    pub thursday: Option<QuietHours>,
    pub friday: Option<QuietHours>,
    pub saturday: Option<QuietHours>,
    pub sunday: Option<QuietHours>,
}

/// Languages that oO speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    En,
    De,
}

/// Roughly where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    Home,
    Work,
    Elsewhere,
    Moving,
}

/// What data may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Both [`Purpose::Timing`] and [`Purpose::Choosing`]. Linking an account grants it.
    Tips,
    /// Training the model that all share. Nobody is in it who did not say yes.
    Learning,
    /// Finding the moment to speak.
    Timing,
    /// Choosing what to say.
    Choosing,
}

/// Where data comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[rustfmt::skip]
pub enum DataSource {
    /// One linked account.
    Account { account: AccountId },
    /// All accounts at a provider, those linked later too.
    Provider { provider: Provider },
    /// How the person says they feel.
    Mood,
    /// Whether somebody is at a screen, and roughly where.
    Presence,
    /// The person's own habits.
    Habits,
}

/// What the person allows, as it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Consents {
    /// Giving tips at all.
    pub tips: bool,
    /// Training the model that all share.
    pub learning: bool,
    /// What is forbidden beyond that.
    pub forbidden: Vec<Forbidden>,
}

/// A use that the person does not want.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Forbidden {
    /// All data if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<DataSource>,
    pub purpose: Purpose,
}

bounded!(
    /// 4 is the most urgent, 1 the normal case.
    number Priority(u8: 1..=4));
bounded!(
    /// Whole minutes, up to a day.
    number Minutes(u16: 1..=1440));
bounded!(
    /// Minutes between two tips.
    number GapMinutes(u16: 15..=480));
bounded!(
    /// For how many days entries are kept.
    number KeepDays(u16: 30..=3650));
bounded!(
    /// Tips a day.
    number Budget(u8: 0..=5));
bounded!(
    /// 1 is low, 5 is high.
    number MoodLevel(u8: 1..=5));
bounded!(
    /// An IANA time zone name such as `Europe/Zurich`.
    text ZoneName(1..=64));
bounded!(
    /// What the person calls a habit.
    text HabitLabel(1..=60));
