//! What services ask each other over NATS. Every answer travels as a [`Reply`].

use crate::bounded::bounded;
use crate::decision::Silence;
use crate::http::{OwnServer, Problem};
use crate::push::Subscription;
use crate::session::DeviceName;
use crate::signal::{Answer, Consents, Habit, MoodLevel, Preferences, Signal, ZoneName};
use crate::tip::{Ground, Subject, Tip};
use crate::{AccountId, DeviceId, LogId, Provider, Ref, SignalId, Timestamp, TipId, UserId};
use jiff::civil;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An answer, or why there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reply<T> {
    Ok(T),
    Problem(Problem),
}

/// Nothing more to say than "done".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Done {}

/// Signals on their way into the log. All of one person, or of several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ingest {
    pub signals: Vec<Signal>,
}

/// The stream has all of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ingested {
    pub kept: Vec<Kept>,
}

/// Where a signal stands in the person's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Kept {
    pub id: SignalId,
    pub seq: u64,
    /// The log had it already.
    pub duplicate: bool,
}

/// Asks for the words of a reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fetch {
    pub user: UserId,
    pub reference: Ref,
}

/// A provider's words. They live in memory and in this answer, nowhere else.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Words {
    pub title: String,
    /// Where they come from, for example "Todoist (sandbox)".
    pub source: String,
    /// The provider says that it is done, gone or cancelled: do not show it.
    pub over: bool,
}

impl std::fmt::Debug for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Words").field("over", &self.over).finish_non_exhaustive()
    }
}

/// Completes a task at its provider, or opens it again. The same key twice acts once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Complete {
    pub user: UserId,
    pub task: Ref,
    pub reopen: bool,
    pub key: SignalId,
}

/// Asks that an entry of a log is delivered once more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Redrive {
    pub log: LogId,
    pub seq: u64,
}

/// Asks what a person's page should show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Look {
    pub user: UserId,
}

/// A person's profile as the page needs it: no words of a provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct View {
    /// The sequence up to which this is true.
    pub version: u64,
    pub tip: Option<Tip>,
    /// The tip answered last, while it can be undone.
    pub answered: Option<Answered>,
    /// Why nothing is said, when nothing is.
    pub silence: Option<Silence>,
    pub looked_at: Option<Timestamp>,
    pub next_look: Option<Timestamp>,
    pub given_today: u8,
    pub budget: u8,
    pub zone: ZoneName,
    /// Whether the person was given a tip, ever: the page asks for notifications only then.
    pub had_tip: bool,
    pub accounts: Vec<AccountId>,
    /// What the person chose and allowed; not said by an older oO.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preferences: Option<Preferences>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consents: Option<Consents>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<Own>,
}

/// What the page "You" shows of a person beyond the rest.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Own {
    pub habits: Vec<OwnHabit>,
    /// How the person said they feel, today.
    pub mood: Option<MoodLevel>,
    /// This week and the three before it, as far as there was something, the newest last.
    pub weeks: Vec<Week>,
    pub helped: Vec<Helped>,
    pub corrections: Vec<Corrected>,
    /// The person wants no more tips until then.
    pub quiet_until: Option<Timestamp>,
}

/// A habit, and whether it was done today.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OwnHabit {
    pub habit: Habit,
    pub done: bool,
}

/// What became of the tips of one week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Week {
    pub monday: civil::Date,
    /// How often oO looked by itself whether there is something to say.
    pub looks: u32,
    pub tips: u16,
    /// Answered so, or done elsewhere while the tip stood.
    pub done: u16,
    pub not_now: u16,
    pub not_for_me: u16,
}

/// How often an account led to a tip that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Helped {
    pub account: AccountId,
    pub times: u32,
}

/// A correction that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Corrected {
    /// The signal that made it.
    pub id: SignalId,
    pub ground: Ground,
    /// What it is wrong of; everything if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<Subject>,
}

/// The last answer, for as long as it can be undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Answered {
    pub tip: TipId,
    pub answer: Answer,
    pub undo_until: Timestamp,
}

/// Something changed that an open page should show; the page's server asks for the whole state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Changed {
    pub version: u64,
}

/// A profile node lives, or leaves: the others know by it which shards are theirs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Alive {
    pub node: NodeId,
    /// It pulls nothing any more.
    #[serde(default)]
    pub leaves: bool,
}

bounded!(
    /// The random name of a node, for as long as it lives.
    token NodeId(16..=64));

/// The owner's one-time link was opened.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct OwnerLink {
    pub token: String,
    /// Where it was opened.
    #[serde(default)]
    pub device: Option<DeviceName>,
}

/// A session begun. The secret goes into a cookie and nowhere else.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct Session {
    pub user: UserId,
    pub secret: String,
    /// Seconds until it ends without use.
    pub idle_seconds: u64,
}

/// Asks whose session this is.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    pub secret: String,
}

/// Whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignedIn {
    pub user: UserId,
}

/// Begins linking an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LinkStart {
    pub user: UserId,
    pub provider: Provider,
    /// For a provider that runs wherever somebody put it: see [`Offer::wants`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<OwnServer>,
}

/// Where the browser goes, and the transaction that its cookie must bring back. The transaction is empty where no browser
/// comes back: a Nextcloud tells us by itself, and an app-specific password has been taken already.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct LinkStarted {
    pub authorize: String,
    pub transaction: String,
}

/// The provider sent the browser back.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct LinkCallback {
    pub user: UserId,
    pub provider: Provider,
    pub transaction: String,
    pub state: String,
    pub code: Option<String>,
    pub error: Option<String>,
    pub iss: Option<String>,
}

/// Asks for a person's accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LinkList {
    pub user: UserId,
}

/// The accounts, and what else could be linked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Links {
    pub accounts: Vec<Account>,
    pub providers: Vec<Offer>,
    /// Links that were ended and whose grants are still being taken back at their providers. Nothing is read from them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ended: Vec<EndedLink>,
}

/// A link that was ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndedLink {
    pub id: AccountId,
    pub provider: Provider,
    pub name: String,
}

/// A linked account, as it truly stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Account {
    pub id: AccountId,
    pub provider: Provider,
    pub name: String,
    pub status: AccountStatus,
}

/// Whether an account works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AccountStatus {
    /// A call succeeded not long ago.
    Active,
    /// The provider does not answer as it should; it is tried again.
    Degraded { since: Timestamp },
    /// Only the person can mend it.
    ReconnectNeeded {
        since: Timestamp,
        /// Not known of a link that broke under an older oO.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<Broken>,
    },
}

/// Why only the person can mend a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Broken {
    /// The provider takes the grant no more: withdrawn there, or run out.
    Withdrawn,
    /// A part of what oO needs was taken back.
    Narrowed,
    /// It ended, and there never was anything to renew it with.
    Unrenewable,
    /// The person's own server refuses the password.
    Password,
}

/// A provider that can be linked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Offer {
    pub provider: Provider,
    pub name: String,
    /// A stand-in with sample data.
    pub sandbox: bool,
    /// What the person has to say before the link can begin; nothing where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wants: Option<Wants>,
}

/// What a link to a server of the person's own begins with: what [`OwnServer`](crate::http::OwnServer) must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Wants {
    /// The server's address. The person says yes there, in a window of its own that does not lead back.
    Server,
    /// The server's address, the user's name and an app-specific password: one that the person made there for oO alone and
    /// can take back. Never the account's main password.
    AppPassword,
}

/// Ends the link to an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LinkEnd {
    pub user: UserId,
    pub account: AccountId,
}

/// A provider called. The raw body, since its signature is over the bytes.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct Hook {
    pub provider: Provider,
    /// The provider's own headers, names in lower case.
    pub headers: Vec<Header>,
    /// Base64.
    pub body: String,
    /// The query of the address as it was called; some providers prove there that the address is ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
}

/// A call was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hooked {
    /// What the provider wants to read back, as plain text and nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub say: Option<String>,
}

/// One header of a request.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct Header {
    pub name: String,
    pub value: String,
}

/// Keeps a browser's push subscription.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Subscribe {
    pub user: UserId,
    pub subscription: Subscription,
}

/// Ends a device's push subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unsubscribe {
    pub user: UserId,
    pub device: DeviceId,
}

/// Sends a message to a device that says that it arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PushTest {
    pub user: UserId,
    pub device: DeviceId,
}

/// Asks what the page needs to subscribe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PushLook {
    pub user: UserId,
}

/// What a page needs to subscribe, and which devices are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PushState {
    /// The application server key (VAPID), base64url.
    pub key: String,
    pub devices: Vec<DeviceId>,
    /// Whether this oO can write letters.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub email: bool,
}
