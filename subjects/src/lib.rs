//! The map of the wires: every subject there is, what it carries, who may speak and who listens. Read this first.
//!
//! Services never import each other; they meet here. [`WIRES`] is the same map as a table, from which the AsyncAPI
//! document is written.

pub mod access;
pub mod bus;
mod checkpoint;
mod copy;
mod dead;
mod purge;
mod reshard;
pub mod shard;
pub mod streams;
pub mod subject;
pub mod trace;

pub use bus::{AppendError, AskError, Bus, Stored};
pub use checkpoint::Checkpoint;
pub use copy::{CopyError, Packed};
pub use dead::{DeadLetter, Given};
pub use reshard::{Reshard, ReshardError};
pub use shard::{Place, Shard};
pub use subject::{LogSubject, Request, Wire};

use oo_contracts::decision::{Ask, Recommendation};
use oo_contracts::email::{EmailConfirm, EmailEnd, EmailStart, EmailStop};
use oo_contracts::push::AnswerByToken;
use oo_contracts::rights::*;
use oo_contracts::session::*;
use oo_contracts::wire::*;

// ---- A person's log. Bodies are sealed `entry::Entry`s; only `events` and `profile` may append. ----

/// What happened to a person. `events` appends, the person's actor folds.
pub const SIGNALS: LogSubject = LogSubject::new("signal");
/// A wake-up that came due. The server itself appends it, from [`Bus::wake_at`].
pub const MOMENTS: LogSubject = LogSubject::new("moment");
/// A tip that was chosen. `profile` appends with compare-and-set; the notifier delivers.
pub const TIPS: LogSubject = LogSubject::new("tip");
/// How many [`KINDS`] there are. Counted by hand: rustc's optimiser goes in a circle over `KINDS.len()` in a type.
const KIND_COUNT: usize = 3;
/// What a person's log holds.
pub const KINDS: [LogSubject; KIND_COUNT] = [SIGNALS, MOMENTS, TIPS];

// ---- Requests: queue groups, one service answers. ----

/// Signals on their way into the log; answered once the stream has them.
pub const INGEST: Request<Ingest, Ingested> = Request::new("oo.v1.ingest", "events");
/// One tip, please: the same contract as `POST /recommend`.
pub const RECOMMEND: Request<Ask, Recommendation> = Request::new("oo.v1.recommend", "recommender");
/// The words of a reference, straight from the provider.
pub const FETCH: Request<Fetch, Words> = Request::new("oo.v1.content.fetch", "integrations");
/// Complete a task at its provider, or open it again.
pub const COMPLETE: Request<Complete, Done> = Request::new("oo.v1.content.complete", "integrations");
/// A person's profile as a page needs it.
pub const LOOK: Request<Look, View> = Request::new("oo.v1.profile.look", "profile");
/// Deliver an entry once more that was given up, and say whether it is settled now.
pub const REDRIVE: Request<Redrive, Done> = Request::new("oo.v1.profile.redrive", "profile");
/// The owner's one-time link, exchanged for a session.
pub const SIGN_IN_OWNER: Request<OwnerLink, Session> = Request::new("oo.v1.session.owner", "auth");
/// Whose session is this?
pub const CHECK_SESSION: Request<Check, SignedIn> = Request::new("oo.v1.session.check", "auth");
/// End this session.
pub const END_SESSION: Request<Check, Done> = Request::new("oo.v1.session.end", "auth");
/// A new secret for this session; the old one opens nothing from then on.
pub const RENEW_SESSION: Request<Check, Session> = Request::new("oo.v1.session.renew", "auth");
/// How people may sign in here.
pub const WAYS: Request<WaysAsk, Ways> = Request::new("oo.v1.session.ways", "auth");
/// Begin to sign in at an issuer.
pub const OIDC_START: Request<OidcStart, OidcStarted> = Request::new("oo.v1.session.oidc.start", "auth");
/// The issuer sent the browser back.
pub const OIDC_CALLBACK: Request<OidcCallback, Session> = Request::new("oo.v1.session.oidc.callback", "auth");
/// Begin to make a passkey.
pub const PASSKEY_START: Request<PasskeyStart, PasskeyStarted> = Request::new("oo.v1.passkey.start", "auth");
/// Keep a passkey that a browser made.
pub const PASSKEY_FINISH: Request<PasskeyFinish, Done> = Request::new("oo.v1.passkey.finish", "auth");
/// Remove a passkey.
pub const PASSKEY_REMOVE: Request<PasskeyRemove, Done> = Request::new("oo.v1.passkey.remove", "auth");
/// Begin to sign in with a passkey.
pub const PASSKEY_SIGN_IN_START: Request<PasskeySignInStart, PasskeyStarted> =
    Request::new("oo.v1.session.passkey.start", "auth");
/// Sign in with a passkey.
pub const PASSKEY_SIGN_IN: Request<PasskeySignInFinish, Session> = Request::new("oo.v1.session.passkey", "auth");
/// A person's passkeys and sessions.
pub const DOORS: Request<DoorsAsk, Doors> = Request::new("oo.v1.session.doors", "auth");
/// End one of a person's sessions, or all others.
pub const END_SESSIONS: Request<SessionsEnd, Done> = Request::new("oo.v1.session.end_named", "auth");
/// An access token for a session.
pub const MAKE_TOKEN: Request<TokenAsk, AccessToken> = Request::new("oo.v1.token.make", "auth");
/// Whose access token is this?
pub const CHECK_TOKEN: Request<TokenCheck, SignedIn> = Request::new("oo.v1.token.check", "auth");
/// The keys that access tokens are signed with.
pub const SIGNING_KEYS: Request<KeysAsk, Keys> = Request::new("oo.v1.token.keys", "auth");
/// Begin to link an account.
pub const LINK_START: Request<LinkStart, LinkStarted> = Request::new("oo.v1.link.start", "integrations");
/// The provider sent the browser back.
pub const LINK_CALLBACK: Request<LinkCallback, Account> = Request::new("oo.v1.link.callback", "integrations");
/// A person's accounts.
pub const LINK_LIST: Request<LinkList, Links> = Request::new("oo.v1.link.list", "integrations");
/// End a link.
pub const LINK_END: Request<LinkEnd, Done> = Request::new("oo.v1.link.end", "integrations");
/// A provider called.
pub const HOOK: Request<Hook, Hooked> = Request::new("oo.v1.hook", "integrations");
/// Keep a browser's push subscription.
pub const SUBSCRIBE: Request<Subscribe, Done> = Request::new("oo.v1.push.subscribe", "notifier");
/// Forget it.
pub const UNSUBSCRIBE: Request<Unsubscribe, Done> = Request::new("oo.v1.push.unsubscribe", "notifier");
/// Send a device a message that says that it arrived.
pub const PUSH_TEST: Request<PushTest, Done> = Request::new("oo.v1.push.test", "notifier");
/// Answer a tip by a token of its notification.
pub const ANSWER_BY_TOKEN: Request<AnswerByToken, Done> = Request::new("oo.v1.push.answer", "notifier");
/// What a page needs to subscribe.
pub const PUSH_LOOK: Request<PushLook, PushState> = Request::new("oo.v1.push.look", "notifier");
/// All that is held of a person but the log and the decisions.
pub const EXPORT: Request<ExportAsk, Held> = Request::new("oo.v1.export", "events");
/// A page of the log or of the decisions.
pub const EXPORT_PAGE: Request<ExportPageAsk, ExportPage> = Request::new("oo.v1.export.page", "events");
/// A confirmation for what cannot be undone.
pub const CONFIRM: Request<ConfirmAsk, Confirmation> = Request::new("oo.v1.confirm.make", "auth");
/// Take it, once.
pub const CONFIRMED: Request<Confirmed, Done> = Request::new("oo.v1.confirm.take", "auth");
/// Erase a person.
pub const ERASE: Request<Confirmed, Erased> = Request::new("oo.v1.erase", "events");
/// How an erasure stands.
pub const RECEIPT: Request<ReceiptAsk, Erased> = Request::new("oo.v1.erase.receipt", "events");
/// End and take back all links of an erased person.
pub const CLEAR_LINKS: Request<Clear, Cleared> = Request::new("oo.v1.clear.links", "integrations");
/// Remove their sessions, passkeys and identities.
pub const CLEAR_DOORS: Request<Clear, Cleared> = Request::new("oo.v1.clear.doors", "auth");
/// Remove their push subscriptions.
pub const CLEAR_DEVICES: Request<Clear, Cleared> = Request::new("oo.v1.clear.devices", "notifier");
/// Send their actor away, and remove the snapshot.
pub const CLEAR_PROFILE: Request<Clear, Cleared> = Request::new("oo.v1.clear.profile", "profile");
/// The devices that a person's pushes go to.
pub const DEVICES: Request<PushLook, Devices> = Request::new("oo.v1.push.held", "notifier");

/// Ask for letters to an address.
pub const EMAIL_START: Request<EmailStart, Done> = Request::new("oo.v1.email.start", "notifier");
/// Bring the code back.
pub const EMAIL_CONFIRM: Request<EmailConfirm, Done> = Request::new("oo.v1.email.confirm", "notifier");
/// No more letters.
pub const EMAIL_END: Request<EmailEnd, Done> = Request::new("oo.v1.email.end", "notifier");
/// No more letters, says whoever has one.
pub const EMAIL_STOP: Request<EmailStop, Done> = Request::new("oo.v1.email.stop", "notifier");

macro_rules! request {
    ($wire:ident: $ask:literal -> $answer:literal, $asks:expr, $says:literal) => {
        Wire {
            name: stringify!($wire),
            address: $wire.name,
            kind: "request",
            carries: $ask,
            answer: Some($answer),
            stream: None,
            publishers: $asks,
            subscribers: &[$wire.queue],
            says: $says,
        }
    };
}

macro_rules! publish {
    ($name:literal, $address:literal, $carries:literal, $stream:expr, $from:expr, $to:expr, $says:literal) => {
        Wire {
            name: $name,
            address: $address,
            kind: "publish",
            carries: $carries,
            answer: None,
            stream: $stream,
            publishers: $from,
            subscribers: $to,
            says: $says,
        }
    };
}

/// Every wire, for the AsyncAPI document and for the server's permissions.
pub const WIRES: &[Wire] = &[
    publish!(
        "SIGNALS",
        "oo.v1.log.{shard}.{log}.signal",
        "Entry",
        Some("OO_LOG_{shard}"),
        &["events"],
        &["profile"],
        "What happened to a person. Sealed."
    ),
    publish!(
        "MOMENTS",
        "oo.v1.log.{shard}.{log}.moment",
        "Entry",
        Some("OO_LOG_{shard}"),
        &[],
        &["profile"],
        "A wake-up that came due; the server appends it. Sealed."
    ),
    publish!(
        "TIPS",
        "oo.v1.log.{shard}.{log}.tip",
        "Entry",
        Some("OO_LOG_{shard}"),
        &["profile"],
        &["profile", "notifier"],
        "A tip that was chosen; the engine sources them into OO_TIPS. Sealed."
    ),
    publish!(
        "AGENDA",
        "oo.v1.agenda.{shard}.{log}",
        "Entry",
        Some("OO_LOG_{shard}"),
        &["profile"],
        &[],
        "A person's next wake-up, at most one; a later one replaces it. Sealed."
    ),
    publish!(
        "DECISIONS",
        "oo.v1.decision.{shard}.{log}",
        "Decision",
        Some("OO_DECISIONS"),
        &["profile"],
        &["trainer"],
        "Every decision, silence included. Sealed."
    ),
    publish!(
        "CHECKPOINTS",
        "oo.v1.checkpoint.{log}",
        "Checkpoint",
        Some("OO_CHECKPOINTS"),
        &["profile"],
        &["profile"],
        "What a log's older entries came to, which are removed; at most one. Sealed."
    ),
    publish!(
        "PUSH_CLAIMS",
        "oo.v1.push.claim.{log}.{tip}.{device}",
        "Claim",
        Some("OO_PUSHES"),
        &["notifier"],
        &[],
        "A push, or one try of a letter, is claimed before it is sent."
    ),
    publish!(
        "PUSH_OUTCOMES",
        "oo.v1.push.claim.{log}.{tip}.{device}.outcome",
        "Delivery",
        Some("OO_PUSHES"),
        &["notifier"],
        &[],
        "What became of a claimed push."
    ),
    publish!(
        "LIVE",
        "oo.v1.live.{user}",
        "Changed",
        None,
        &["profile", "integrations", "notifier"],
        &["gateway"],
        "Something changed that an open page should show."
    ),
    publish!(
        "NODES",
        "oo.v1.profile.node",
        "Alive",
        None,
        &["profile"],
        &["profile"],
        "A profile node lives, or leaves; which shards are whose follows from it."
    ),
    request!(INGEST: "Ingest" -> "Ingested", &["gateway", "integrations", "notifier"], "Signals on their way into the log."),
    request!(RECOMMEND: "Ask" -> "Recommendation", &["profile"], "One tip, please."),
    request!(FETCH: "Fetch" -> "Words", &["gateway", "notifier"], "The words of a reference."),
    request!(COMPLETE: "Complete" -> "Done", &["profile"], "Complete a task at its provider."),
    request!(LOOK: "Look" -> "View", &["gateway", "events", "notifier"], "A person's profile as a page needs it."),
    request!(REDRIVE: "Redrive" -> "Done", &[access::OPERATOR], "Deliver an entry once more that was given up."),
    request!(SIGN_IN_OWNER: "OwnerLink" -> "Session", &["gateway"], "The owner's one-time link."),
    request!(CHECK_SESSION: "Check" -> "SignedIn", &["gateway"], "Whose session is this?"),
    request!(END_SESSION: "Check" -> "Done", &["gateway"], "End this session."),
    request!(RENEW_SESSION: "Check" -> "Session", &["gateway"], "A new secret for this session."),
    request!(WAYS: "WaysAsk" -> "Ways", &["gateway"], "How people may sign in here."),
    request!(OIDC_START: "OidcStart" -> "OidcStarted", &["gateway"], "Begin to sign in at an issuer."),
    request!(OIDC_CALLBACK: "OidcCallback" -> "Session", &["gateway"], "The issuer sent the browser back."),
    request!(PASSKEY_START: "PasskeyStart" -> "PasskeyStarted", &["gateway"], "Begin to make a passkey."),
    request!(PASSKEY_FINISH: "PasskeyFinish" -> "Done", &["gateway"], "Keep a passkey that a browser made."),
    request!(PASSKEY_REMOVE: "PasskeyRemove" -> "Done", &["gateway"], "Remove a passkey."),
    request!(PASSKEY_SIGN_IN_START: "PasskeySignInStart" -> "PasskeyStarted", &["gateway"], "Begin to sign in with a passkey."),
    request!(PASSKEY_SIGN_IN: "PasskeySignInFinish" -> "Session", &["gateway"], "Sign in with a passkey."),
    request!(DOORS: "DoorsAsk" -> "Doors", &["gateway", "events"], "A person's passkeys and sessions."),
    request!(END_SESSIONS: "SessionsEnd" -> "Done", &["gateway"], "End one of a person's sessions, or all others."),
    request!(MAKE_TOKEN: "TokenAsk" -> "AccessToken", &["gateway"], "An access token for a session."),
    request!(CHECK_TOKEN: "TokenCheck" -> "SignedIn", &["gateway"], "Whose access token is this?"),
    request!(SIGNING_KEYS: "KeysAsk" -> "Keys", &["gateway"], "The keys that access tokens are signed with."),
    request!(LINK_START: "LinkStart" -> "LinkStarted", &["gateway"], "Begin to link an account."),
    request!(LINK_CALLBACK: "LinkCallback" -> "Account", &["gateway"], "The provider sent the browser back."),
    request!(LINK_LIST: "LinkList" -> "Links", &["gateway", "events"], "A person's accounts."),
    request!(LINK_END: "LinkEnd" -> "Done", &["gateway"], "End a link."),
    request!(HOOK: "Hook" -> "Hooked", &["gateway"], "A provider called."),
    request!(SUBSCRIBE: "Subscribe" -> "Done", &["gateway"], "Keep a push subscription."),
    request!(UNSUBSCRIBE: "Unsubscribe" -> "Done", &["gateway"], "Forget a push subscription."),
    request!(PUSH_TEST: "PushTest" -> "Done", &["gateway"], "Send a device a message that says that it arrived."),
    request!(ANSWER_BY_TOKEN: "AnswerByToken" -> "Done", &["gateway"], "Answer a tip by a token of its notification."),
    request!(PUSH_LOOK: "PushLook" -> "PushState", &["gateway"], "What a page needs to subscribe."),
    request!(DEVICES: "PushLook" -> "Devices", &["events", "gateway"], "The devices that a person's pushes go to."),
    request!(EMAIL_START: "EmailStart" -> "Done", &["gateway"], "Send a code to an address."),
    request!(EMAIL_CONFIRM: "EmailConfirm" -> "Done", &["gateway"], "Bring the code back: letters go there from now on."),
    request!(EMAIL_END: "EmailEnd" -> "Done", &["gateway"], "No more letters to a person."),
    request!(EMAIL_STOP: "EmailStop" -> "Done", &["gateway"], "No more letters, by a letter's token."),
    request!(EXPORT: "ExportAsk" -> "Held", &["gateway"], "All that is held of a person but the log and the decisions."),
    request!(EXPORT_PAGE: "ExportPageAsk" -> "ExportPage", &["gateway", "trainer"], "A page of the log or of the decisions."),
    request!(CONFIRM: "ConfirmAsk" -> "Confirmation", &["gateway"], "A confirmation for what cannot be undone."),
    request!(CONFIRMED: "Confirmed" -> "Done", &["events"], "Take a confirmation, once."),
    request!(ERASE: "Confirmed" -> "Erased", &["gateway"], "Erase a person."),
    request!(RECEIPT: "ReceiptAsk" -> "Erased", &["gateway"], "How an erasure stands."),
    request!(CLEAR_LINKS: "Clear" -> "Cleared", &["events"], "End and take back all links of an erased person."),
    request!(CLEAR_DOORS: "Clear" -> "Cleared", &["events"], "Remove their sessions, passkeys and identities."),
    request!(CLEAR_DEVICES: "Clear" -> "Cleared", &["events"], "Remove their push subscriptions."),
    request!(CLEAR_PROFILE: "Clear" -> "Cleared", &["events"], "Send their actor away, and remove the snapshot."),
];
