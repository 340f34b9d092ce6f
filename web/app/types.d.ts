// What the page may know and what it may show: types alone, so that no browser loads them.

import type { Card, Doors, Me, State, Ways } from '../../contracts/generated/contracts.d.ts';
import type { Letter } from './letter.js';
import type { Server } from './server.js';

export type Name = 'opening' | 'signed-out' | 'link' | 'reconnect' | 'permission' | 'install' | 'idle' | 'tip' | 'answered' | 'offline' | 'expired' | 'error' | 'you' | 'form' | 'server' | 'letter' | 'erased';

/** Everything that the page may depend on. */
export interface Facts {
  /** This device's clock, in milliseconds. */
  wall: number;
  /** The last that the server said. */
  state: State | null;
  /** When it said so, on this device's clock. */
  at: number;
  reach: 'opening' | 'here' | 'offline' | 'resting' | 'signed-out';
  /** The answer given on this page last. */
  given: Given | null;
  /** Tips that were answered here, even where the server does not know yet. */
  settled: string[];
  /** A tip taken back, until the server says it again. */
  restored: { card: Card, until: number } | null;
  /** An answer given elsewhere, and until when to say so. */
  heard: { tip: string, until: number } | null;
  /** Until when to say that a moment has passed. */
  passedUntil: number;
  /** The page "You", once it is loaded and wanted. */
  open: ((facts: Facts, state: State) => View) | null;
  /** The person wants to link later. */
  later: boolean;
  /** The account whose unlinking waits for a second click. */
  unlinking: string | null;
  linked: { provider: string, until: number } | null;
  /** An account was not linked. */
  linkFailed: boolean;
  /** A server of the person's own that is being linked. */
  server: Server | null;
  /** What a letter's link asks: nothing else is shown until it is left. */
  letter: Letter | null;
  /** The sign-in link did not work. */
  staleLink: boolean;
  /** The last thing asked for on the "You" page did not work. */
  failed: boolean;
  /** How far the question for notifications has come. */
  asking: 'ask' | 'waiting' | 'failed' | 'denied' | 'lost';
  /** When the person last said that they open oO by themselves; 0 for never. */
  refusedAt: number;
  /** Letters go to an address of the person's, as far as this browser saw. */
  byEmail: boolean;
  /** Accounts whose broken link was shown and put off. */
  mended: string[];
  push: { support: 'yes' | 'no' | 'install', permission: NotificationPermission, on: boolean };
  host: string;
  /** How to sign in here, once it is known. */
  ways: Ways | null;
  /** Passkeys and sessions, while "You" is open. */
  doors: Doors | null;
  /** What only "You" shows, while it is open. */
  me: Me | null;
  /** What is being filled in under "You". */
  form: Form | null;
  /** The device that was sent a test last. */
  tested: { device: string, well: boolean } | null;
  /** When "not now" may be over, once somebody has said it. */
  choices: ((tip: string, now: number) => Action[]) | null;
  /** The kind of fact that is being corrected. */
  doubted: string;
  /** The correction made last. */
  corrected: { tip: string, ground: string, id: string } | null;
  /** The erasure of everything waits for a second click. */
  erasing: boolean;
  /** What is shown after an erasure. */
  erased: (() => View) | null;
  /** This browser can use passkeys. */
  canPasskey: boolean;
  /** The last try to sign in did not work. */
  refusedIn: boolean;
  locale?: string;
}

export interface Given {
  card: Card;
  kind: 'done' | 'not_now' | 'not_for_me';
  /** When Undo goes away. */
  until: number;
  /** It could not be sent yet. */
  queued: boolean;
  /** When "not now" is over, in words, once the person said so. */
  back?: string;
}

/** What is being filled in. */
export interface Form {
  kind: 'quiet' | 'habit' | 'email' | 'email-code';
  /** Why the last try came to nothing, in words. */
  trouble?: string;
  /** Where the code went. */
  address?: string;
}

/** Something to fill in. */
export interface Field {
  name: string;
  label: string;
  hint: string;
  kind: 'text' | 'url' | 'password' | 'email' | 'code';
  /** What stands in it at first. */
  value?: string;
  /** It may be left empty. */
  optional?: boolean;
}

/** A button. */
export interface Action {
  action: string;
  label: string;
  /** A second, quieter line. */
  hint?: string;
  /** The provider, account or tip that it is about. */
  about?: string;
  tone?: 'first' | 'quiet';
  /** One of several, and whether it is this one. */
  pressed?: boolean;
}

/** A line with what can be done about it. */
export interface Row {
  text: string;
  note: string;
  action?: Action;
  more?: Action[];
}

/** What the page shows, in words. */
export interface View {
  name: Name;
  /** Changes whenever what is said is another thing. */
  key: string;
  moment: string;
  text: string;
  /** The text is the person's own words, in whatever language they wrote. */
  own: boolean;
  tone: 'tip' | 'quiet' | 'dim';
  note: string;
  lang: string;
  why: { text: string, actions: Action[] }[];
  rows: Row[];
  /** What the first button sends. */
  fields: Field[];
  answers: Action[];
  foot: string;
  /** The O glows. */
  found: boolean;
  /** The mark leads to "You", or back. */
  door: boolean;
  /** What a screen reader says when it appears. */
  announce: string;
  /** When it changes by itself, on this device's clock. */
  until: number | null;
}

/** What the device remembers. */
export interface Remembered {
  /** What the server said last, and when. */
  last: { state: State, at: number } | null;
  /** When notifications were refused on our own screen. */
  refusedAt: number;
  /** Letters went to an address of the person's. */
  byEmail: boolean;
  /** The time zone that the server was told. */
  zone: string;
  /** The language that the server was told; it begins with English. */
  language: string;
  /** The answer given elsewhere that was shown last. */
  heard: string;
  /** Linking was put off. */
  later: boolean;
}
