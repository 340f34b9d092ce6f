//! A person's rights over what is held of them: to have all of it, and to have it gone.

use crate::bounded::bounded;
use crate::decision::Decision;
use crate::email::HeldEmail;
use crate::entry::{Checkpoint, Entry};
use crate::session::{DeviceName, Doors};
use crate::signal::{Consents, MoodLevel, Preferences, ZoneName};
use crate::wire::{Account, EndedLink, Helped, OwnHabit, View, Week};
use crate::{DeviceId, LogId, SignalId, Timestamp, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of [`Export`] that this code writes.
pub const EXPORT_VERSION: u16 = 1;

/// What the page "You" shows: what the person chose, allowed, defined and corrected, and what became of the tips.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Me {
    pub user: UserId,
    pub preferences: Preferences,
    pub consents: Consents,
    pub zone: ZoneName,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub habits: Vec<OwnHabit>,
    /// How the person said they feel, today.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mood: Option<MoodLevel>,
    /// This week and the three before it, the newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weeks: Vec<Week>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub helped: Vec<Helped>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub corrections: Vec<ToldCorrection>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<HeldDevice>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<HeldEmail>,
}

/// A correction in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ToldCorrection {
    /// What takes it back: see `Fact::CorrectionUndone`.
    pub id: SignalId,
    /// What kind of fact is not used.
    pub fact: String,
    /// What it is wrong of; everything if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
}

/// Everything that is held of a person, as they get it. No token and no key of anybody is in it, and no words of a
/// provider, since none are held.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Export {
    /// [`EXPORT_VERSION`] of the writer.
    pub version: u16,
    pub made: Timestamp,
    pub person: Held,
    /// What older entries came to that are no more, since the person wanted them removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Checkpoint>,
    /// The log, in its order.
    pub entries: Vec<HeldEntry>,
    /// What was decided, silence included, in its order.
    pub decisions: Vec<HeldDecision>,
}

/// All but the log and the decisions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Held {
    pub user: UserId,
    pub preferences: Preferences,
    pub consents: Consents,
    /// What was made of the log.
    pub profile: View,
    pub accounts: Vec<Account>,
    /// Ended links whose grants are still being taken back.
    pub ended: Vec<EndedLink>,
    pub doors: Doors,
    pub devices: Vec<HeldDevice>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<HeldEmail>,
}

/// A browser that receives pushes, without its keys and its address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HeldDevice {
    pub device: DeviceId,
    /// The host of its push service.
    pub service: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<DeviceName>,
    /// When its push service last took a message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reached: Option<Timestamp>,
}

/// Where a person's tips go: browsers, and an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Devices {
    pub devices: Vec<HeldDevice>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<HeldEmail>,
}

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HeldEntry {
    pub seq: u64,
    /// `None` where it cannot be read: written by a newer oO, or damaged.
    pub entry: Option<Entry>,
}

/// One decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HeldDecision {
    pub seq: u64,
    /// `None` where it cannot be read.
    pub decision: Option<Decision>,
}

/// Asks for all that is held of a person but the log and the decisions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExportAsk {
    pub user: UserId,
}

/// Asks for a page of the log or of the decisions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExportPageAsk {
    pub user: UserId,
    pub part: ExportPart,
    /// The sequence after which the page begins; 0 for the first.
    pub after: u64,
}

/// What comes in pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExportPart {
    Entries,
    Decisions,
}

/// A page of the log or of the decisions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExportPage {
    /// What older entries came to that are no more; on the first page of the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Checkpoint>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<HeldEntry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decisions: Vec<HeldDecision>,
    /// After which the next page begins; `None` after the last.
    pub next: Option<u64>,
}

/// Asks for a confirmation that the person is to send back: nothing that cannot be undone happens by one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConfirmAsk {
    pub user: UserId,
}

/// A confirmation: good for one use, by this person, for so long.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Confirmation {
    pub confirmation: ConfirmationText,
    pub seconds: u64,
}

/// The confirmation is back. Taken once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Confirmed {
    pub user: UserId,
    pub confirmation: ConfirmationText,
}

/// Erases everything. The confirmation was made for this.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EraseEverything {
    pub confirmation: ConfirmationText,
}

/// Removes what a service keeps of the person with this log. By the log's random name: the person has none any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Clear {
    pub log: LogId,
}

/// What a service removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cleared {
    pub removed: u32,
    /// Grants that their providers have not taken back yet. That is tried again for a while; our copies go in any case.
    #[serde(default)]
    pub left: u32,
}

/// Asks how an erasure stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReceiptAsk {
    pub receipt: LogId,
}

/// The receipt of an erasure. It survives, and names nobody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Erased {
    /// The random name that the log had: all that a backup of it can still be told by.
    pub receipt: LogId,
    pub begun: Timestamp,
    /// When nothing was left here; `None` while something is. It goes on by itself.
    pub finished: Option<Timestamp>,
    /// Messages removed from the streams.
    pub messages: u64,
    pub accounts: u32,
    /// Grants that their providers have not taken back yet.
    pub unrevoked: u32,
    /// Sessions, passkeys and identities.
    pub doors: u32,
    /// Browsers, and an address.
    pub devices: u32,
}

bounded!(
    /// A random text that stands for a "yes, really".
    token ConfirmationText(32..=64));
