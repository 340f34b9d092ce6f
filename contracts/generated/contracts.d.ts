// What crosses a process boundary, for web/. Written by `cargo xtask generate`.

/** A short-lived access token (RFC 9068), for `Authorization: Bearer`. */
export interface AccessToken {
  access_token: string;
  /** Seconds. */
  expires_in: number;
  /** Always `Bearer`. */
  token_type: string;
}

/** A linked account, as it truly stands. */
export interface Account {
  id: AccountId;
  name: string;
  provider: Provider;
  status: AccountStatus;
}

/**
 * One linked account of a person at a provider.
 * 1 to 64 characters of `A-Z a-z 0-9 _ -`.
 */
export type AccountId = string;

/** Whether an account works. */
export type AccountStatus =
  /** A call succeeded not long ago. */
  | { kind: "active" }
  /** The provider does not answer as it should; it is tried again. */
  | { kind: "degraded"; since: string }
  /** Only the person can mend it. */
  | {
    kind: "reconnect_needed";
    since: string;
    /** Not known of a link that broke under an older oO. */
    why?: Broken | null;
  };

/** A button of a notification. */
export interface Action {
  /** `done` or `later`. */
  action: string;
  title: string;
}

/**
 * An advice of the catalogue.
 * 1 to 64 characters of `A-Z a-z 0-9 _ -`.
 */
export type AdviceId = string;

/** A profile node lives, or leaves: the others know by it which shards are theirs. */
export interface Alive {
  /** It pulls nothing any more. */
  leaves?: boolean;
  node: NodeId;
}

/** The answer to a tip. */
export type Answer =
  | { kind: "done" }
  /** Later; when, if the person said so. */
  | { kind: "not_now"; until?: string | null }
  /** Never this again. */
  | { kind: "not_for_me" }
  /** Takes the last answer to this tip back. */
  | { kind: "undo" };

/** Answers by a token. */
export interface AnswerByToken {
  token: AnswerToken;
}

/**
 * A token of a notification's button. Whoever has it can give that one answer.
 * 16 to 160 characters.
 */
export type AnswerToken = string;

/** A token for each button. Each is good for one answer to one tip, from one device. */
export interface AnswerTokens {
  done: AnswerToken;
  later: AnswerToken;
}

/** The last answer, for as long as it can be undone. */
export interface Answered {
  answer: Answer;
  tip: TipId;
  undo_until: string;
}

/**
 * A password made for one app alone.
 * 1 to 256 characters.
 */
export type AppPassword = string;

/** One arm of an experiment. */
export interface Arm {
  seat: Seat;
  weight: Weight;
}

/** Asks for one tip. Everything that the choice may depend on is in here: a policy reads no store, no clock and no dice. */
export interface Ask {
  id: DecisionId;
  /** The only chance there is: 64 bits in hexadecimal. */
  bits: RandomBits;
  /** Eligible ones only. Their place in this list is what an answer names. */
  candidates: Candidate[];
  context: Context;
  /** What the person's own model has learnt, opaque to everything but the policy that wrote it. */
  posterior?: Posterior | null;
  /** Whose models answer; `None` for the usual community. */
  tenant?: Tenant | null;
  /** What experiments assign by. */
  unit?: Unit | null;
}

/** A fact that can speak for a tip. */
export type Because =
  /** Nothing in the calendar for so long, then something, where `until` is known. */
  | { kind: "free_minutes"; minutes: number; until?: string | null }
  | { kind: "due_today" }
  | { kind: "due_in"; days: number }
  /** Its day has passed. */
  | { kind: "due_before"; days: number }
  | { kind: "important" }
  /** It is short enough for now. */
  | { kind: "fits"; minutes: number }
  | { kind: "waiting"; days: number }
  | { kind: "starts_in"; minutes: number }
  | { kind: "habit_window" }
  /** The person said how they feel. */
  | { kind: "mood" }
  | { kind: "long_stretch"; minutes: number }
  /** An event ended so long ago: a break between two things. */
  | { kind: "just_ended"; minutes: number }
  /** The person's day begins, by their own rhythm. */
  | { kind: "day_begins" }
  /** The person's day ends, by their own rhythm. */
  | { kind: "day_ends" }
  /** A habit that was done on so many days in a row. */
  | { kind: "in_a_row"; days: number }
  /** Later it could not be said in time. */
  | { kind: "ends_soon" }
  /** Drawn by lot. */
  | { kind: "chance" };

/** What an entry says. */
export type Body =
  | { kind: "signal"; signal: Signal }
  | { kind: "moment"; moment: Moment }
  | { kind: "tip"; tip: Tip };

/** Why only the person can mend a link. */
export type Broken =
  /** The provider takes the grant no more: withdrawn there, or run out. */
  | "withdrawn"
  /** A part of what oO needs was taken back. */
  | "narrowed"
  /** It ended, and there never was anything to renew it with. */
  | "unrenewable"
  /** The person's own server refuses the password. */
  | "password";

/**
 * Tips a day.
 * 0 to 5.
 */
export type Budget = number;

/** One thing that could be said. */
export interface Candidate {
  /** Days since it was first seen. */
  age_days: number;
  /** Days until it is due: 0 today, negative past, `None` without a date. */
  due_days?: number | null;
  /** Nobody said how long it takes: `minutes` is what such things take. */
  estimated?: boolean;
  /** A habit: on so many days in a row it was done, up to yesterday. */
  in_a_row?: number | null;
  /** Minutes until it can no longer be said in time, where that is within a day. */
  left?: DayMinutes | null;
  /** Minutes it takes, known or estimated. */
  minutes: number;
  /** 4 is the most urgent. */
  priority: number;
  /** How often it was given before. */
  shown: number;
  /** Minutes since it was last given, where it was. */
  since_shown?: number | null;
  subject: Subject;
  /** The person put it off until a time that they named, and it has come. There is nothing else to choose from then. */
  wanted?: boolean;
}

/** A tip in words, for the page and the push. Lives in memory and in transit only. */
export interface Card {
  id: TipId;
  /** How each of `why` can be corrected, in the same order; `null` where there is nothing to correct. */
  corrections?: (Correctable | null)[];
  language: Language;
  /** The quiet line above: what makes this the moment. */
  moment: string;
  not_after: string;
  /** Where it comes from, for example "Todoist (sandbox)". */
  source?: string | null;
  text: TipText;
  /** Two or three facts. */
  why: string[];
}

/** Something changed that an open page should show; the page's server asks for the whole state. */
export interface Changed {
  version: number;
}

/** A way to reach somebody. */
export type Channel =
  /** Web push, to the browsers that are subscribed. */
  | "push"
  /** A letter, where no device was reached for two days and the person gave an address. */
  | "email";

/** Asks whose session this is. */
export interface Check {
  secret: string;
}

/** What a log's older entries came to, which are no more. Stored sealed, as the entries were. */
export interface Checkpoint {
  /** The version of the fold that made it. A reader that knows only lower ones cannot go on with it. */
  fold: number;
  /** The profile: what it holds is its fold's own affair. */
  profile: unknown;
}

/** Which candidate, and why. */
export interface Choice {
  /** Its place in the ask. */
  candidate: number;
  reasons: Reason[];
  subject: Subject;
}

/** Claims a push, or one try of a letter, before it is sent. */
export interface Claim {
  /** Who has it, by a random name: a letter is not sent twice. A push's claim names nobody, since it may be sent again. */
  by?: Claimant | null;
}

/**
 * The random name of whoever claims.
 * 16 to 64 characters of `A-Z a-z 0-9 _ -`.
 */
export type Claimant = string;

/** Removes what a service keeps of the person with this log. By the log's random name: the person has none any more. */
export interface Clear {
  log: LogId;
}

/** What a service removed. */
export interface Cleared {
  /** Grants that their providers have not taken back yet. That is tried again for a while; our copies go in any case. */
  left?: number;
  removed: number;
}

/** Completes a task at its provider, or opens it again. The same key twice acts once. */
export interface Complete {
  key: SignalId;
  reopen: boolean;
  task: Ref;
  user: UserId;
}

/** Asks for a confirmation that the person is to send back: nothing that cannot be undone happens by one call. */
export interface ConfirmAsk {
  user: UserId;
}

/** A confirmation: good for one use, by this person, for so long. */
export interface Confirmation {
  confirmation: ConfirmationText;
  seconds: number;
}

/**
 * A random text that stands for a "yes, really".
 * 32 to 64 characters of `A-Z a-z 0-9 _ -`.
 */
export type ConfirmationText = string;

/** The confirmation is back. Taken once. */
export interface Confirmed {
  confirmation: ConfirmationText;
  user: UserId;
}

/** What the person allows, as it stands. */
export interface Consents {
  /** What is forbidden beyond that. */
  forbidden: Forbidden[];
  /** Training the model that all share. */
  learning: boolean;
  /** Giving tips at all. */
  tips: boolean;
}

/** The circumstances of a decision. */
export interface Context {
  at: string;
  budget: number;
  /** Minutes of busy events in this local day. */
  busy_today: number;
  /** Exponentially decayed count of sends: the person's burden. */
  dosage: number;
  /** Minutes of this local day, from now, in which something may be said: no quiet hours, no busy event. */
  eligible_left?: DayMinutes | null;
  /** Minutes of this local day, until now, in which something might have been said. */
  eligible_passed?: DayMinutes | null;
  /** Minutes until the next busy event, at most a day. */
  free_minutes: number;
  /** Minutes since local midnight. */
  minute_of_day: number;
  /** 1 to 5, where said today. */
  mood?: number | null;
  /** Start of that event, where there is one within a day. */
  next_busy?: string | null;
  /**
   * The probability of speaking now that meets the day's soft target, spread evenly over the eligible day; 1 where the
   * person waits for a tip.
   */
  pace?: Share | null;
  place?: Place | null;
  present: boolean;
  /** How likely the person is to answer a tip at a time and in circumstances such as these, learnt from their answers. */
  receptivity?: Share | null;
  sent_today: number;
  /** Minutes since the last busy event ended, at most a day. */
  since_busy: number;
  /** Minutes since oO last looked whether to speak, at most 45: after so long it looks by itself. `None` counts as 45. */
  since_look?: DayMinutes | null;
  /** Minutes since this person's day began, by the rhythm learnt of them; `None` before it, and while it is unknown. */
  since_morning?: DayMinutes | null;
  /** Minutes since the last tip, at most a week. */
  since_tip: number;
  /** Minutes until this person's day ends, likewise; `None` after it. */
  until_evening?: DayMinutes | null;
  /** How likely they are to answer at any time. */
  usual_receptivity?: Share | null;
  /** Monday is 1. */
  weekday: number;
}

/** A fact of a card that the person can correct. */
export interface Correctable {
  ground: Ground;
  /** Whether it can be wrong of this thing alone; otherwise it can only be left unused. */
  of_the_thing: boolean;
}

/** A correction that holds. */
export interface Corrected {
  /** The signal that made it. */
  id: SignalId;
  /** What it is wrong of; everything if left out. */
  about?: Subject | null;
  ground: Ground;
}

/** What is wrong with a fact that spoke for a tip. */
export type Correction =
  /** It is not so of what the tip is about. Of the circumstances it means the same as `Correction::Unused`. */
  | "wrong"
  /** Facts of this kind are not to be used, of anything. */
  | "unused";

/** Where data comes from. */
export type DataSource =
  /** One linked account. */
  | { kind: "account"; account: AccountId }
  /** All accounts at a provider, those linked later too. */
  | { kind: "provider"; provider: Provider }
  /** How the person says they feel. */
  | { kind: "mood" }
  /** Whether somebody is at a screen, and roughly where. */
  | { kind: "presence" }
  /** The person's own habits. */
  | { kind: "habits" };

/**
 * Minutes, none up to a day.
 * 0 to 1440.
 */
export type DayMinutes = number;

/** What is kept of every decision, silence included, in `OO_DECISIONS`. Sealed; no words of a provider. */
export interface Decision {
  id: DecisionId;
  at: string;
  outcome: Outcome;
  /** The sequence of the entry that led to it. */
  seq: number;
  /** Whether the model that all share may learn from it, as the person allowed when it was made. */
  training?: boolean;
  v: number;
}

/**
 * One decision, silence included.
 * 8 to 64 characters of `A-Z a-z 0-9 _ -`.
 */
export type DecisionId = string;

/** What became of a push to one device. */
export type Delivery =
  /** The push service took it. That is not yet the screen. */
  | { kind: "accepted" }
  /** The device is gone for good; its subscription ended. */
  | { kind: "gone" }
  /** Given up when the tip expired, or refused. */
  | { kind: "failed"; status?: number | null };

/**
 * One browser or phone that receives pushes.
 * 1 to 64 characters of `A-Z a-z 0-9 _ -`.
 */
export type DeviceId = string;

/**
 * What a device is called, for its owner to tell it by: `Firefox on Linux`.
 * 1 to 60 characters.
 */
export type DeviceName = string;

/** Where a person's tips go: browsers, and an address. */
export interface Devices {
  devices: HeldDevice[];
  email?: HeldEmail | null;
}

/** Nothing more to say than "done". */
export interface Done {}

/**
 * A passkey or a session, for its owner to name it by. Gives nobody access.
 * 8 to 64 characters of `A-Z a-z 0-9 _ -`.
 */
export type DoorId = string;

/** By what a person can come in, and where they are. */
export interface Doors {
  issuers: Issuer[];
  /** What the person said at their first sign-in that they are called, for themselves to see. */
  name?: PersonName | null;
  passkeys: PasskeyEntry[];
  sessions: SessionEntry[];
}

/** Asks for a person's keys and sessions. */
export interface DoorsAsk {
  /** The session that asks. */
  secret: string;
  user: UserId;
}

/** When a task wants to be done. */
export type Due =
  /** Some time on this day, wherever the person is. */
  | { kind: "day"; date: string }
  /** At this time on the wall clock, wherever the person is. */
  | { kind: "floating"; at: string }
  /** At this instant. */
  | { kind: "at"; at: string };

/**
 * An e-mail address, as people write it.
 * 3 to 254 characters.
 */
export type EmailAddress = string;

/** Asks for letters to an address. A code goes there; until it comes back, nothing else does. It prints nothing of itself. */
export interface EmailAsk {
  address: EmailAddress;
  /** Of the letter with the code; a tip has its own. */
  language: Language;
}

/** The code that came in the letter. */
export interface EmailCode {
  code: EmailCodeText;
}

/**
 * A code that a letter brought.
 * 4 to 16 characters of `A-Z a-z 0-9 _ -`.
 */
export type EmailCodeText = string;

/** Brings the code back, for a person. */
export interface EmailConfirm {
  code: EmailCodeText;
  user: UserId;
}

/** Ends letters to a person. */
export interface EmailEnd {
  user: UserId;
}

/** Asks, for a person. */
export interface EmailStart {
  ask: EmailAsk;
  user: UserId;
}

/** Ends letters by the token of one of them, which whoever has the letter has. */
export interface EmailStop {
  token: StopToken;
}

/** A link that was ended. */
export interface EndedLink {
  id: AccountId;
  name: string;
  provider: Provider;
}

/**
 * The address at the push service.
 * 8 to 2048 characters.
 */
export type Endpoint = string;

/** What the log holds, in the order of its sequence. */
export interface Entry {
  /** When it was appended, on the person's clock. */
  at: string;
  body: Body;
  /** `ENTRY_VERSION` of the writer. A reader that knows only lower ones leaves the entry alone. */
  v: number;
}

/** Erases everything. The confirmation was made for this. */
export interface EraseEverything {
  confirmation: ConfirmationText;
}

/** The receipt of an erasure. It survives, and names nobody. */
export interface Erased {
  accounts: number;
  begun: string;
  /** Browsers, and an address. */
  devices: number;
  /** Sessions, passkeys and identities. */
  doors: number;
  /** When nothing was left here; `None` while something is. It goes on by itself. */
  finished?: string | null;
  /** Messages removed from the streams. */
  messages: number;
  /** The random name that the log had: all that a backup of it can still be told by. */
  receipt: LogId;
  /** Grants that their providers have not taken back yet. */
  unrevoked: number;
}

/** An event in a calendar. */
export interface Event {
  all_day: boolean;
  /** Whether it takes the person's time (not: free, declined, cancelled). */
  busy: boolean;
  end: string;
  reference: Ref;
  start: string;
}

/** People are assigned to its arms for as long as it runs, each by a hash. */
export interface Experiment {
  arms: Arm[];
  name: ExperimentName;
  since: string;
}

/**
 * The name of an experiment.
 * 1 to 32 characters of `A-Z a-z 0-9 _ -`.
 */
export type ExperimentName = string;

/**
 * Everything that is held of a person, as they get it. No token and no key of anybody is in it, and no words of a
 * provider, since none are held.
 */
export interface Export {
  /** What older entries came to that are no more, since the person wanted them removed. */
  checkpoint?: Checkpoint | null;
  /** What was decided, silence included, in its order. */
  decisions: HeldDecision[];
  /** The log, in its order. */
  entries: HeldEntry[];
  made: string;
  person: Held;
  /** `EXPORT_VERSION` of the writer. */
  version: number;
}

/** Asks for all that is held of a person but the log and the decisions. */
export interface ExportAsk {
  user: UserId;
}

/** A page of the log or of the decisions. */
export interface ExportPage {
  /** What older entries came to that are no more; on the first page of the log. */
  checkpoint?: Checkpoint | null;
  decisions?: HeldDecision[];
  entries?: HeldEntry[];
  /** After which the next page begins; `None` after the last. */
  next?: number | null;
}

/** Asks for a page of the log or of the decisions. */
export interface ExportPageAsk {
  /** The sequence after which the page begins; 0 for the first. */
  after: number;
  part: ExportPart;
  user: UserId;
}

/** What comes in pages. */
export type ExportPart = "entries" | "decisions";

/** A person's arm in an experiment. */
export interface Exposure {
  /** Its place among the arms. */
  arm: number;
  experiment: ExperimentName;
}

/** What a signal says. */
export type Fact =
  | { kind: "task_added"; task: Task }
  | { kind: "task_changed"; task: Task }
  | { kind: "task_completed"; task: Ref }
  | { kind: "task_removed"; task: Ref }
  | { kind: "event_upserted"; event: Event }
  | { kind: "event_removed"; event: Ref }
  | { kind: "habit_defined"; habit: Habit }
  | { kind: "habit_removed"; habit: HabitId }
  | { kind: "habit_done"; habit: HabitId }
  /** How the person says they feel. */
  | { kind: "mood"; level: MoodLevel }
  /** Somebody is at a screen, or left it. */
  | { kind: "presence"; present: boolean }
  /** The person's time zone, by its IANA name. */
  | { kind: "zone"; zone: ZoneName }
  /** The language of the person's screen: tips are in it until they choose one. */
  | { kind: "language"; language: Language }
  /** Coarse on purpose. */
  | { kind: "place"; place: Place }
  /** The answer to a tip. */
  | { kind: "feedback"; answer: Answer; tip: TipId }
  /** A fact that a tip named is wrong, or is not to be used. Holds until it is taken back. */
  | { kind: "correction"; correction: Correction; ground: Ground; tip: TipId }
  /** Takes a correction back, by the id of the signal that made it. */
  | { kind: "correction_undone"; correction: SignalId }
  /** No more tips in the person's day, which ends at four; or that taken back. */
  | { kind: "quiet_today"; quiet: boolean }
  /** What became of one push. */
  | { kind: "delivered"; device: DeviceId; outcome: Delivery; tip: TipId }
  | { kind: "preferences"; preferences: Preferences }
  /** What the person allows or forbids: a use, of one source or of all. The last word about the same counts. */
  | {
    kind: "consent";
    granted: boolean;
    purpose: Purpose;
    /** Whose data this is about; all of it if left out. */
    source?: DataSource | null;
  }
  | { kind: "account_linked"; account: AccountId; provider: Provider }
  | { kind: "account_unlinked"; account: AccountId }
  /** Its link broke, and only the person can renew it: nobody can say what is in it. Or it works again. */
  | { kind: "account_broken"; account: AccountId; broken: boolean }
  /** The community whose models answer the person from now on, and whose models their decisions may train. */
  | { kind: "joined"; tenant: Tenant };

/** A policy that should have answered, and what it did instead. */
export interface Fallback {
  fault: Fault;
  policy: PolicyName;
}

/** How a policy fails. */
export type Fault =
  /** It did not answer in time. */
  | "slow"
  /** It answered what it may not, or what nobody understands. */
  | "wrong"
  /** It cannot be reached, or its model is not there. */
  | "gone";

/** Asks for the words of a reference. */
export interface Fetch {
  reference: Ref;
  user: UserId;
}

/** A use that the person does not want. */
export interface Forbidden {
  purpose: Purpose;
  /** All data if left out. */
  source?: DataSource | null;
}

/**
 * Minutes between two tips.
 * 15 to 480.
 */
export type GapMinutes = number;

/** What kind of fact a reason is, as far as a person can correct it. */
export type Ground =
  | "due" | "importance" | "duration" | "mood" | "just_ended" | "day_begins" | "day_ends" | "ends_soon"
  /** The time until the next event. */
  | "free_time"
  /** For how long it has been on the list. */
  | "waiting"
  /** When the event starts. */
  | "start"
  /** The part of the day that a habit belongs to. */
  | "habit_time"
  /** How much of the day is taken. */
  | "busy_day"
  /** On how many days in a row a habit was done. */
  | "row";

/** Something the person wants to do again and again. The label is the person's own. */
export interface Habit {
  id: HabitId;
  /** The days of the week it belongs to, told by the day on which it begins; all if left out. */
  days?: Weekday[];
  /** The part of the day it belongs to, on the person's wall clock; over midnight where `from` is later. */
  from: string;
  label: HabitLabel;
  minutes: Minutes;
  to: string;
}

/**
 * A habit that the person defined.
 * 1 to 64 characters of `A-Z a-z 0-9 _ -`.
 */
export type HabitId = string;

/**
 * What the person calls a habit.
 * 1 to 60 characters.
 */
export type HabitLabel = string;

/** One header of a request. */
export interface Header {
  name: string;
  value: string;
}

/** All but the log and the decisions. */
export interface Held {
  accounts: Account[];
  consents: Consents;
  devices: HeldDevice[];
  doors: Doors;
  email?: HeldEmail | null;
  /** Ended links whose grants are still being taken back. */
  ended: EndedLink[];
  preferences: Preferences;
  /** What was made of the log. */
  profile: View;
  user: UserId;
}

/** One decision. */
export interface HeldDecision {
  /** `None` where it cannot be read. */
  decision?: Decision | null;
  seq: number;
}

/** A browser that receives pushes, without its keys and its address. */
export interface HeldDevice {
  device: DeviceId;
  name?: DeviceName | null;
  /** When its push service last took a message. */
  reached?: string | null;
  /** The host of its push service. */
  service: string;
}

/** Where a person's letters go. */
export interface HeldEmail {
  address: EmailAddress;
  /** When the person proved that it is theirs; `None` while the code is awaited. */
  confirmed?: string | null;
}

/** One entry of the log. */
export interface HeldEntry {
  /** `None` where it cannot be read: written by a newer oO, or damaged. */
  entry?: Entry | null;
  seq: number;
}

/** How often an account led to a tip that was done. */
export interface Helped {
  account: AccountId;
  times: number;
}

/** A provider called. The raw body, since its signature is over the bytes. */
export interface Hook {
  /** Base64. */
  body: string;
  /** The provider's own headers, names in lower case. */
  headers: Header[];
  provider: Provider;
  /** The query of the address as it was called; some providers prove there that the address is ours. */
  query?: string | null;
}

/** A call was taken. */
export interface Hooked {
  /** What the provider wants to read back, as plain text and nothing else. */
  say?: string | null;
}

/** Why a policy kept silent. */
export type Hush =
  /** There was nothing to choose from. */
  | "no_candidates"
  /** Nothing scored well enough. */
  | "not_worth_it"
  /** Something was worth it, but enough was said for this part of the day. */
  | "enough_for_now"
  /** Too many asks at once; ask again later. */
  | "overloaded";

/** Signals on their way into the log. All of one person, or of several. */
export interface Ingest {
  signals: Signal[];
}

/** The stream has all of them. */
export interface Ingested {
  kept: Kept[];
}

/** Somebody who vouches for people. */
export type Issuer =
  | "google" | "apple"
  /** Any OpenID Connect issuer that the operator set up. */
  | "oidc";

/** An issuer that is set up. */
export interface IssuerOffer {
  issuer: Issuer;
  name: string;
}

/**
 * What a provider calls one of its objects. Opaque: never words.
 * 1 to 256 characters.
 */
export type ItemId = string;

/**
 * For how many days entries are kept.
 * 30 to 3650.
 */
export type KeepDays = number;

/** Where a signal stands in the person's log. */
export interface Kept {
  id: SignalId;
  /** The log had it already. */
  duplicate: boolean;
  seq: number;
}

/** An Ed25519 key (RFC 8037). */
export interface Key {
  alg: string;
  crv: string;
  kid: string;
  kty: string;
  use: string;
  x: string;
}

/**
 * Base64url without padding.
 * 8 to 128 characters of `A-Z a-z 0-9 _ -`.
 */
export type KeyText = string;

/** The keys that access tokens are signed with (RFC 7517): the one in use first, and the one before. */
export interface Keys {
  keys: Key[];
}

/** Asks for the keys that access tokens are signed with. */
export interface KeysAsk {}

/** Languages that oO speaks. */
export type Language = "en" | "de";

/** Who answers for one tenant. */
export interface Lineup {
  experiment?: Experiment | null;
  live: Seat;
  /** Who was live before, the newest last. */
  past: Retired[];
  /** Asked beside the live one, without effect. */
  shadow?: Seat | null;
}

/** The provider sent the browser back. */
export interface LinkCallback {
  code?: string | null;
  error?: string | null;
  iss?: string | null;
  provider: Provider;
  state: string;
  transaction: string;
  user: UserId;
}

/** Ends the link to an account. */
export interface LinkEnd {
  account: AccountId;
  user: UserId;
}

/** Asks for a person's accounts. */
export interface LinkList {
  user: UserId;
}

/** Begins linking an account. */
export interface LinkStart {
  provider: Provider;
  /** For a provider that runs wherever somebody put it: see `Offer::wants`. */
  server?: OwnServer | null;
  user: UserId;
}

/**
 * Where the browser goes, and the transaction that its cookie must bring back. The transaction is empty where no browser
 * comes back: a Nextcloud tells us by itself, and an app-specific password has been taken already.
 */
export interface LinkStarted {
  authorize: string;
  transaction: string;
}

/** Where to go to link an account. */
export interface LinkTo {
  authorize: string;
}

/** The accounts, and what else could be linked. */
export interface Links {
  accounts: Account[];
  /** Links that were ended and whose grants are still being taken back at their providers. Nothing is read from them. */
  ended?: EndedLink[];
  providers: Offer[];
}

/**
 * The random name of a person's log: the only name that streams know a person by.
 * 16 to 32 characters of `A-Z a-z 0-9 _ -`.
 */
export type LogId = string;

/** Asks what a person's page should show. */
export interface Look {
  user: UserId;
}

/** What the page "You" shows: what the person chose, allowed, defined and corrected, and what became of the tips. */
export interface Me {
  consents: Consents;
  corrections?: ToldCorrection[];
  devices?: HeldDevice[];
  email?: HeldEmail | null;
  habits?: OwnHabit[];
  helped?: Helped[];
  /** How the person said they feel, today. */
  mood?: MoodLevel | null;
  preferences: Preferences;
  user: UserId;
  /** This week and the three before it, the newest last. */
  weeks?: Week[];
  zone: ZoneName;
}

/** What off-policy evaluation says of a model. Rewards per decision. */
export interface Measures {
  /** Decisions that the estimate is worth, after weighting. */
  effective: number;
  /** What the decisions in the log were worth. */
  logged: number;
  lower: number;
  upper: number;
  /** The estimate, and its 95 % interval. */
  value: number;
}

/** A declarative web push message (WebKit, W3C Push API): Safari shows it by itself, our service worker reads the same object. */
export interface Message {
  notification: Notification;
  /** Fills the message to a fixed size, so that its length tells nothing. */
  pad: string;
  /** Always 8030: what marks the declarative shape. */
  web_push: number;
}

/**
 * Whole minutes, up to a day.
 * 1 to 1440.
 */
export type Minutes = number;

/** A model with its card. Immutable: another training is another version. */
export interface Model {
  body: ModelBody;
  /** The version of the code that fitted it. */
  code: string;
  decisions: number;
  /** The version of the features that it was fitted to. */
  features: number;
  /** The decisions that it was fitted to were made between these. */
  from: string;
  /** What was measured on decisions that it was not fitted to. */
  measures: Measures;
  /** People who allowed it, and how many decisions of theirs. */
  people: number;
  /** The policy that reads the body. */
  policy: PolicyName;
  tenant: Tenant;
  to: string;
  trained_at: string;
  /** Counts up for each policy of a tenant, after what is built in. */
  version: number;
}

/**
 * A model as its policy reads it; opaque to everything else.
 * 1 to 262144 characters.
 */
export type ModelBody = string;

/** A wake-up that came due. */
export interface Moment {
  /** When it was meant to come. */
  due: string;
  purpose: MomentPurpose;
}

/** Why somebody asked to be woken. */
export type MomentPurpose =
  /** Look whether now is the moment to speak. */
  | "look"
  /** A tip's time is over. */
  | "expire";

/**
 * 1 is low, 5 is high.
 * 1 to 5.
 */
export type MoodLevel = number;

/**
 * The random name of a node, for as long as it lives.
 * 16 to 64 characters of `A-Z a-z 0-9 _ -`.
 */
export type NodeId = string;

/** What the screen shows. */
export interface Notification {
  actions: Action[];
  body: string;
  /** `None` for a message that is no tip. */
  data?: NotificationData | null;
  dir: string;
  lang: Language;
  /** Where a tap leads: a path of ours. */
  navigate: string;
  /** The tip's id: a second one replaces the first. */
  tag: string;
  title: string;
}

/** What the service worker needs to answer. */
export interface NotificationData {
  not_after: string;
  tip: TipId;
  /** With what the buttons answer; no session is needed. */
  tokens?: AnswerTokens | null;
}

/** A provider that can be linked. */
export interface Offer {
  name: string;
  provider: Provider;
  /** A stand-in with sample data. */
  sandbox: boolean;
  /** What the person has to say before the link can begin; nothing where it is left out. */
  wants?: Wants | null;
}

/** The issuer sent the browser back. */
export interface OidcCallback {
  code?: string | null;
  device: DeviceName;
  error?: string | null;
  iss?: string | null;
  issuer: Issuer;
  /** What the browser says that the person is called: nobody vouches for it, and it identifies nobody. */
  name?: PersonName | null;
  state: string;
  transaction: string;
}

/** Begins to sign in at an issuer; of somebody who is signed in, to add it as one more way. */
export interface OidcStart {
  issuer: Issuer;
  user?: UserId | null;
}

/** Where the browser goes, and the transaction that its cookie must bring back. */
export interface OidcStarted {
  authorize: string;
  /** The answer comes as a POST from the issuer's page, so the cookie must be sent across sites. */
  cross_site: boolean;
  transaction: string;
}

/** How a decision ended. */
export type Outcome =
  /** A policy was asked; this is what it saw and said. */
  | { kind: "asked"; ask: Ask; recommendation: Recommendation }
  /** It was not the moment, so none was asked: nothing to learn from. */
  | { kind: "unavailable"; silence: Silence };

/** What the page "You" shows of a person beyond the rest. */
export interface Own {
  corrections: Corrected[];
  habits: OwnHabit[];
  helped: Helped[];
  /** How the person said they feel, today. */
  mood?: MoodLevel | null;
  /** The person wants no more tips until then. */
  quiet_until?: string | null;
  /** This week and the three before it, as far as there was something, the newest last. */
  weeks: Week[];
}

/** A habit, and whether it was done today. */
export interface OwnHabit {
  done: boolean;
  habit: Habit;
}

/** A server of the person's own, to link an account there. Which of it is wanted says `Wants`(crate::wire::Wants). */
export interface OwnServer {
  /** Where it is; `https://` may be left out. */
  address: ServerAddress;
  /** An app-specific password, never the account's main one. */
  app_password?: AppPassword | null;
  user?: ServerUser | null;
}

/** One fact; whose it is says the session. */
export interface OwnSignal {
  id: SignalId;
  /** When it happened; now if left out. */
  at?: string | null;
  fact: Fact;
}

/** Facts that the person says of themselves. */
export interface OwnSignals {
  /**
   * At most `MAX_BATCH`.
   * 1 to 100 of them.
   */
  signals: OwnSignal[];
}

/** The owner's one-time link was opened. */
export interface OwnerLink {
  /** Where it was opened. */
  device?: DeviceName | null;
  token: string;
}

/** Signs in with the one-time link of this machine's owner. */
export interface OwnerSignIn {
  token: string;
}

/** The answer of a browser to what a passkey's start asked. */
export interface PasskeyAnswer {
  /** `PublicKeyCredential.toJSON()`, as JSON text. */
  credential: string;
}

/** A passkey, as its owner sees it. */
export interface PasskeyEntry {
  id: DoorId;
  added: string;
  /** The device that it was made on. */
  device: DeviceName;
  used?: string | null;
}

/** The browser made a passkey. */
export interface PasskeyFinish {
  /** `PublicKeyCredential.toJSON()`, as JSON text. */
  credential: string;
  device: DeviceName;
  transaction: string;
  user: UserId;
}

/** What a browser is asked. */
export interface PasskeyOptions {
  /** `CredentialCreationOptions` or `CredentialRequestOptions`, as JSON text. */
  options: string;
}

/** Removes a passkey. */
export interface PasskeyRemove {
  id: DoorId;
  user: UserId;
}

/** The browser signed with a passkey. */
export interface PasskeySignInFinish {
  /** `PublicKeyCredential.toJSON()`, as JSON text. */
  credential: string;
  device: DeviceName;
  transaction: string;
}

/** Begins to sign in with a passkey. */
export interface PasskeySignInStart {}

/** Begins to register a passkey. */
export interface PasskeyStart {
  user: UserId;
}

/** What the browser is asked, and the transaction that its answer belongs to. */
export interface PasskeyStarted {
  /** `CredentialCreationOptions` or `CredentialRequestOptions` (WebAuthn Level 3), as JSON text. */
  options: string;
  transaction: string;
}

/**
 * What a person is called.
 * 1 to 80 characters.
 */
export type PersonName = string;

/** Roughly where. */
export type Place = "home" | "work" | "elsewhere" | "moving";

/**
 * The name of a policy.
 * 1 to 32 characters of `A-Z a-z 0-9 _ -`.
 */
export type PolicyName = string;

/**
 * A posterior in base64.
 * 0 to 8192 characters.
 */
export type Posterior = string;

/** What the person chose. */
export interface Preferences {
  /** At most so many tips a day. */
  budget: Budget;
  /** How tips may reach the person while no page is open; in every way that there is, if left out. */
  channels?: Channel[] | null;
  /** A notification says that there is a tip, and not which: the words are on the page alone. */
  discreet?: boolean;
  /** At least so long between two tips. */
  gap: GapMinutes;
  /** What is older than so many days is removed, and only what it came to is kept; nothing is removed if left out. */
  keep_days?: KeepDays | null;
  /** The language of the words, as BCP 47. */
  language: Language;
  /** Never between these, on the person's wall clock; `None` for no quiet hours. */
  quiet?: QuietHours | null;
  /** The same for each day of the week, instead of `quiet`. Hours over midnight belong to the day that they begin on. */
  quiet_week?: QuietWeek | null;
}

/**
 * 4 is the most urgent, 1 the normal case.
 * 1 to 4.
 */
export type Priority = number;

/** What went wrong, as RFC 9457 says it. The cause stays in the log. */
export interface Problem {
  /** What to do about it. */
  detail: string;
  /** Seconds after which trying again may help; over HTTP also the header `Retry-After`. */
  retry_after?: number | null;
  status: number;
  title: string;
  /** `about:blank`, or a name of the kind of problem. */
  type: string;
}

/** How an answer came to be this policy's. */
export interface Provenance {
  /** The experiment that assigned it. */
  exposure?: Exposure | null;
  /** Another should have answered. */
  fallback?: Fallback | null;
  /** What another would have done; nothing came of it. */
  shadow?: Shadow | null;
}

/** Where an account lives. */
export type Provider =
  | "todoist" | "google_calendar" | "google_tasks" | "microsoft_todo" | "outlook_calendar"
  /** A Nextcloud, linked by its own login flow. */
  | "nextcloud"
  /** Any other CalDAV server, by an app-specific password. */
  | "caldav";

/** What data may be used for. */
export type Purpose =
  /** Both `Purpose::Timing` and `Purpose::Choosing`. Linking an account grants it. */
  | "tips"
  /** Training the model that all share. Nobody is in it who did not say yes. */
  | "learning"
  /** Finding the moment to speak. */
  | "timing"
  /** Choosing what to say. */
  | "choosing";

/** Asks what the page needs to subscribe. */
export interface PushLook {
  user: UserId;
}

/** What a page needs to subscribe, and which devices are. */
export interface PushState {
  devices: DeviceId[];
  /** Whether this oO can write letters. */
  email?: boolean;
  /** The application server key (VAPID), base64url. */
  key: string;
}

/** Sends a message to a device that says that it arrived. */
export interface PushTest {
  device: DeviceId;
  user: UserId;
}

/** A span of the day, over midnight where `from` is later than `to`. */
export interface QuietHours {
  from: string;
  to: string;
}

/** Quiet hours by the day that they begin on; `None` for a day without. */
export interface QuietWeek {
  friday?: QuietHours | null;
  monday?: QuietHours | null;
  saturday?: QuietHours | null;
  sunday?: QuietHours | null;
  thursday?: QuietHours | null;
  tuesday?: QuietHours | null;
  wednesday?: QuietHours | null;
}

/**
 * 64 random bits in hexadecimal.
 * 16 to 16 characters of `A-Z a-z 0-9 _ -`.
 */
export type RandomBits = string;

/** A fact that spoke for a tip, and how much of its score it made. */
export interface Reason {
  because: Because;
  /** Additive; the weights of a choice sum to its score. */
  weight: number;
}

/** Asks how an erasure stands. */
export interface ReceiptAsk {
  receipt: LogId;
}

/** What a policy answers. */
export interface Recommendation {
  /**
   * How sure the policy is that this, speaking or silence, is right: the probability it would take it with if it had
   * nothing to explore. `None` where a policy cannot tell.
   */
  confidence?: Share | null;
  policy: PolicyName;
  /** The probability with which the policy took just this action, silence included. */
  propensity: number;
  provenance?: Provenance;
  /** Why there is none. */
  silence?: Hush | null;
  /** The chosen one, or `null` for silence. */
  tip?: Choice | null;
  /** Version of the policy's model, and of the features it saw. */
  version: number;
}

/** Asks that an entry of a log is delivered once more. */
export interface Redrive {
  log: LogId;
  seq: number;
}

/** An object at a provider: whose account, and what the provider calls it. */
export interface Ref {
  account: AccountId;
  item: ItemId;
}

/** Why a seat changed hands. */
export type Replaced =
  /** The lower bound of the new one beat the old one. */
  | "better"
  /** Somebody decided it. */
  | "by_hand"
  /** The new one was taken back. */
  | "rolled_back";

/** A seat that was live. */
export interface Retired {
  /** When another took its place. */
  at: string;
  seat: Seat;
  why: Replaced;
}

/** A policy, with the version of its model where it reads one. */
export interface Seat {
  /** `None` for what is built in. */
  model?: number | null;
  policy: PolicyName;
}

/**
 * The address of a server, as people write it.
 * 1 to 512 characters.
 */
export type ServerAddress = string;

/**
 * What a server calls a person.
 * 1 to 256 characters.
 */
export type ServerUser = string;

/** A session begun. The secret goes into a cookie and nowhere else. */
export interface Session {
  /** Seconds until it ends without use. */
  idle_seconds: number;
  secret: string;
  user: UserId;
}

/** A session, as its owner sees it. */
export interface SessionEntry {
  id: DoorId;
  began: string;
  /** The one that asks. */
  current: boolean;
  device: DeviceName;
  used: string;
}

/** Ends one of a person's sessions, or all but the one that asks. */
export interface SessionsEnd {
  /** `None` for all others. */
  id?: DoorId | null;
  /** The session that asks. */
  secret: string;
  user: UserId;
}

/** What a policy without effect would have done. */
export interface Shadow {
  /** A place in the ask; `None` for silence. */
  candidate?: number | null;
  policy: PolicyName;
  propensity: number;
  version: number;
}

/**
 * A number from 0 to 1, kept to six digits, so that it reads back from a document bit for bit.
 * 0 to 1.
 */
export type Share = number;

/** One fact about one person. */
export interface Signal {
  /** The same id twice is the same signal twice, and counts once. */
  id: SignalId;
  /** When it happened, on the person's clock. */
  at: string;
  fact: Fact;
  user: UserId;
}

/**
 * One signal; a second one with the same id is the same signal.
 * 1 to 96 characters of `A-Z a-z 0-9 _ -`.
 */
export type SignalId = string;

/** The log has them. */
export interface SignalsKept {
  kept: Kept[];
}

/** Whose it is. */
export interface SignedIn {
  user: UserId;
}

/** Why nothing was said, and until when that holds. */
export type Silence =
  /** Nothing is linked, or the person said no. */
  | { kind: "no_consent" }
  /** The person wants no tips at all. */
  | { kind: "budget_zero" }
  | { kind: "budget_spent"; until: string }
  | { kind: "quiet_hours"; until: string }
  | { kind: "too_soon"; until: string }
  | { kind: "busy"; until: string }
  /** A busy event begins within minutes. */
  | { kind: "almost_busy"; until: string }
  /** A tip is on the screen. */
  | { kind: "tip_live"; until: string }
  /** The person said "not now" until then. */
  | { kind: "snoozed"; until: string }
  /** Nothing fits the time there is. */
  | { kind: "nothing_fits"; until: string }
  /** The policy preferred silence. */
  | { kind: "policy"; confidence?: Share | null; hush: Hush; until: string };

/** Everything that the page shows. */
export interface State {
  accounts: Account[];
  answered?: Answered | null;
  budget: number;
  /** See `Links::ended`(crate::wire::Links::ended). */
  ended?: EndedLink[];
  given_today: number;
  /** Ask for notifications only after this. */
  had_tip: boolean;
  looked_at?: string | null;
  next_look?: string | null;
  /** oO's own time: differs from the wall clock when it runs fast. */
  now: string;
  providers: Offer[];
  push: PushState;
  /** The person wants no more tips until then. */
  quiet_until?: string | null;
  /** Person seconds per second of the wall clock. */
  speed: number;
  tip?: Card | null;
  /** Grows with each change; also the id of a live event. */
  version: string;
  zone: string;
}

/**
 * Whoever has it can end the letters to one address, and nothing else.
 * 16 to 160 characters.
 */
export type StopToken = string;

/** What a tip is about. */
export type Subject =
  /** Do this task. */
  | { kind: "todo"; task: Ref }
  /** Get ready for this event. */
  | { kind: "prepare"; event: Ref; starts: string }
  | { kind: "habit"; habit: HabitId; label: HabitLabel }
  /** From the catalogue. */
  | { kind: "advice"; advice: AdviceId };

/** Keeps a browser's push subscription. */
export interface Subscribe {
  subscription: Subscription;
  user: UserId;
}

/** A browser's push subscription, as the page posts it. Holds secrets: it prints nothing of itself. */
export interface Subscription {
  /** Stays the same for one browser, so that a new subscription replaces its old one. */
  device: DeviceId;
  endpoint: Endpoint;
  keys: SubscriptionKeys;
  language: Language;
  /** What the device is called, such as "Firefox on Linux"; the server takes it from the request if left out. */
  name?: DeviceName | null;
}

/** The browser's public key and shared secret, base64url. */
export interface SubscriptionKeys {
  auth: KeyText;
  p256dh: KeyText;
}

/** A task at a provider. */
export interface Task {
  added_at?: string | null;
  due?: Due | null;
  /** How long it takes, where the provider knows. */
  minutes?: Minutes | null;
  priority: Priority;
  recurring: boolean;
  reference: Ref;
}

/**
 * A community whose data trains its own models and nobody else's.
 * 1 to 32 characters of `A-Z a-z 0-9 _ -`.
 */
export type Tenant = string;

/** A tip as the log keeps it. */
export interface Tip {
  id: TipId;
  /** How the person wants to be reached while no page is open; in every way that there is, if left out. */
  channels?: Channel[] | null;
  decided_at: string;
  /** The sequence up to which the person's log was known when this was decided. */
  decided_seq: number;
  decision: DecisionId;
  /** Nothing of its words is said outside the page. */
  discreet?: boolean;
  language: Language;
  /** Nothing shows this tip after this. */
  not_after: string;
  /** At most three, the strongest first. */
  reasons: Reason[];
  subject: Subject;
  /** The person's zone and language when it was decided, so that the words need nothing else. */
  zone: ZoneName;
}

/** The answer to the tip in the path. */
export interface TipAnswer {
  /** The same id twice is one answer. */
  id: SignalId;
  answer: Answer;
}

/**
 * One tip.
 * 8 to 64 characters of `A-Z a-z 0-9 _ -`.
 */
export type TipId = string;

/**
 * What a tip says.
 * 1 to 90 characters.
 */
export type TipText = string;

/** Asks for an access token of a session. */
export interface TokenAsk {
  secret: string;
}

/** Asks whose access token this is. */
export interface TokenCheck {
  access_token: string;
}

/** A correction in words. */
export interface ToldCorrection {
  /** What takes it back: see `Fact::CorrectionUndone`. */
  id: SignalId;
  /** What it is wrong of; everything if left out. */
  about?: string | null;
  /** What kind of fact is not used. */
  fact: string;
}

/**
 * Tells one person's asks from another's, and says nothing else of whose they are.
 * 16 to 32 characters of `A-Z a-z 0-9 _ -`.
 */
export type Unit = string;

/** Ends a device's push subscription. */
export interface Unsubscribe {
  device: DeviceId;
  user: UserId;
}

/**
 * A person.
 * 1 to 32 characters of `A-Z a-z 0-9 _ -`.
 */
export type UserId = string;

/** A person's profile as the page needs it: no words of a provider. */
export interface View {
  accounts: AccountId[];
  /** The tip answered last, while it can be undone. */
  answered?: Answered | null;
  budget: number;
  consents?: Consents | null;
  given_today: number;
  /** Whether the person was given a tip, ever: the page asks for notifications only then. */
  had_tip: boolean;
  looked_at?: string | null;
  next_look?: string | null;
  own?: Own | null;
  /** What the person chose and allowed; not said by an older oO. */
  preferences?: Preferences | null;
  /** Why nothing is said, when nothing is. */
  silence?: Silence | null;
  tip?: Tip | null;
  /** The sequence up to which this is true. */
  version: number;
  zone: ZoneName;
}

/** What a link to a server of the person's own begins with: what `OwnServer`(crate::http::OwnServer) must hold. */
export type Wants =
  /** The server's address. The person says yes there, in a window of its own that does not lead back. */
  | "server"
  /**
   * The server's address, the user's name and an app-specific password: one that the person made there for oO alone and
   * can take back. Never the account's main password.
   */
  | "app_password";

/** How people may sign in here. */
export interface Ways {
  issuers: IssuerOffer[];
  /** Whether passkeys work at this address: they need https, or localhost by name. */
  passkeys: boolean;
  /** Whether the browser sent a session, which may be over: a page that was never here need not ask for a state in vain. */
  session?: boolean;
}

/** Asks how people may sign in here. */
export interface WaysAsk {}

/** What became of the tips of one week. */
export interface Week {
  /** Answered so, or done elsewhere while the tip stood. */
  done: number;
  /** How often oO looked by itself whether there is something to say. */
  looks: number;
  monday: string;
  not_for_me: number;
  not_now: number;
  tips: number;
}

/** A day of the week. */
export type Weekday = "monday" | "tuesday" | "wednesday" | "thursday" | "friday" | "saturday" | "sunday";

/**
 * How often an arm is drawn, against the weights of the others.
 * 1 to 10000.
 */
export type Weight = number;

/** A provider's words. They live in memory and in this answer, nowhere else. */
export interface Words {
  /** The provider says that it is done, gone or cancelled: do not show it. */
  over: boolean;
  /** Where they come from, for example "Todoist (sandbox)". */
  source: string;
  title: string;
}

/**
 * An IANA time zone name such as `Europe/Zurich`.
 * 1 to 64 characters.
 */
export type ZoneName = string;
