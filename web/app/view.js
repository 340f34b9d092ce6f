// Decides what the page shows: a pure function of what is known. It reads no clock, no store and no document.

import { ago, clock, day, say, times } from './words.js';

/**
 * @typedef {import('../../contracts/generated/contracts.d.ts').State} State
 * @typedef {import('../../contracts/generated/contracts.d.ts').Card} Card
 * @typedef {import('../../contracts/generated/contracts.d.ts').Answer} Answer
 * @typedef {'opening' | 'signed-out' | 'link' | 'reconnect' | 'permission' | 'install' | 'idle' | 'tip' | 'answered' | 'offline' | 'expired' | 'error' | 'you' | 'server' | 'erased'} Name
 */

/**
 * Everything that the page may depend on.
 * @typedef {object} Facts
 * @property {number} wall this device's clock, in milliseconds
 * @property {State | null} state the last that the server said
 * @property {number} at when it said so, on this device's clock
 * @property {'opening' | 'here' | 'offline' | 'resting' | 'signed-out'} reach
 * @property {Given | null} given the answer given on this page last
 * @property {string[]} settled tips that were answered here, even where the server does not know yet
 * @property {{ card: Card, until: number } | null} restored a tip taken back, until the server says it again
 * @property {{ tip: string, until: number } | null} heard an answer given elsewhere, and until when to say so
 * @property {number} passedUntil until when to say that a moment has passed
 * @property {((facts: Facts, state: State) => View) | null} open the page "You", once it is loaded and wanted
 * @property {boolean} later the person wants to link later
 * @property {string | null} unlinking the account whose unlinking waits for a second click
 * @property {{ provider: string, until: number } | null} linked
 * @property {boolean} linkFailed an account was not linked
 * @property {import('./server.js').Server | null} server a server of the person's own that is being linked
 * @property {boolean} staleLink the sign-in link did not work
 * @property {boolean} failed the last thing asked for on the "You" page did not work
 * @property {'ask' | 'waiting' | 'failed' | 'denied'} asking how far the question for notifications has come
 * @property {number} refusedAt when the person last said that they open oO by themselves; 0 for never
 * @property {string[]} mended accounts whose broken link was shown and put off
 * @property {{ support: 'yes' | 'no' | 'install', permission: NotificationPermission, on: boolean }} push
 * @property {string} host
 * @property {import('../../contracts/generated/contracts.d.ts').Ways | null} ways how to sign in here, once it is known
 * @property {import('../../contracts/generated/contracts.d.ts').Doors | null} doors passkeys and sessions, while "You" is open
 * @property {boolean} erasing the erasure of everything waits for a second click
 * @property {(() => View) | null} erased what is shown after an erasure
 * @property {boolean} canPasskey this browser can use passkeys
 * @property {boolean} refusedIn the last try to sign in did not work
 * @property {string} [locale]
 */

/**
 * @typedef {object} Given
 * @property {Card} card
 * @property {'done' | 'not_now' | 'not_for_me'} kind
 * @property {number} until when Undo goes away
 * @property {boolean} queued it could not be sent yet
 */

/**
 * Something to fill in.
 * @typedef {object} Field
 * @property {string} name
 * @property {string} label
 * @property {string} hint
 * @property {'text' | 'url' | 'password'} kind
 */

/**
 * A button.
 * @typedef {object} Action
 * @property {string} action
 * @property {string} label
 * @property {string} [hint] a second, quieter line
 * @property {string} [about] the provider, account or tip that it is about
 * @property {'first' | 'quiet'} [tone]
 */

/**
 * What the page shows, in words.
 * @typedef {object} View
 * @property {Name} name
 * @property {string} key changes whenever what is said is another thing
 * @property {string} moment
 * @property {string} text
 * @property {boolean} own the text is the person's own words, in whatever language they wrote
 * @property {'tip' | 'quiet' | 'dim'} tone
 * @property {string} note
 * @property {string} lang
 * @property {string[]} why
 * @property {{ text: string, note: string, action?: Action }[]} rows
 * @property {Field[]} fields what the first button sends
 * @property {Action[]} answers
 * @property {string} foot
 * @property {boolean} found the O glows
 * @property {boolean} door the mark leads to "You", or back
 * @property {string} announce what a screen reader says when it appears
 * @property {number | null} until when it changes by itself, on this device's clock
 */

/** How long Undo stays. */
export const UNDO = 8_000;
/** How long "That moment has passed." stays before the page is idle again. */
export const PASSED = 20_000;
/** How long a refusal of notifications holds. */
export const REFUSAL = 30 * 86_400_000;
/** How long "is linked, oO is looking" stays at most: a first answer comes within a minute. */
export const LINKED = 60_000;
/** How often "Looked 3 minutes ago" is said anew. */
const TICK = 30_000;

/** oO's own time: it differs from the device's where it runs fast. @param {Facts} facts */
export function ooNow(facts) {
  if (!facts.state) return facts.wall;
  return Date.parse(facts.state.now) + (facts.wall - facts.at) * facts.state.speed;
}

/** When, on this device's clock, oO's time will be `at`. @param {Facts} facts @param {number} at */
export function wallAt(facts, at) {
  return facts.wall + (at - ooNow(facts)) / (facts.state?.speed || 1);
}

/** The tip that may be shown now. @param {Facts} facts @returns {Card | null} */
export function liveTip(facts) {
  const said = facts.state?.tip ?? null;
  const restored = facts.restored && facts.restored.until > facts.wall ? facts.restored.card : null;
  const card = said && !facts.settled.includes(said.id) ? said : restored;
  return card && Date.parse(card.not_after) > ooNow(facts) ? card : null;
}

/** The tip that was there and whose time is over, if it was not answered. @param {Facts} facts */
export function passedTip(facts) {
  const card = facts.state?.tip;
  return card && !facts.settled.includes(card.id) && Date.parse(card.not_after) <= ooNow(facts) ? card : null;
}

/** @param {Facts} facts @returns {View} */
export function look(facts) {
  const { state, reach, wall } = facts;
  if (facts.erased) return facts.erased();
  if (reach === 'signed-out') return signedOut(facts);
  if (facts.server && state) return facts.server.look(facts.server, state);
  if (facts.open && state) return facts.open(facts, state);

  if (facts.given && facts.given.until > wall) return answered(facts.given);
  const away = reach === 'offline' || reach === 'resting';
  const card = liveTip(facts);
  if (card) return tip(facts, card, away);

  if (away) return unreachable(facts);
  // What is remembered may show a tip that is still good, and nothing else, until the server has spoken.
  if (!state || reach === 'opening') return view({ name: 'opening', key: 'opening' });

  const elsewhere = answeredElsewhere(facts, state);
  if (elsewhere) return elsewhere;
  if (facts.passedUntil > wall) return expired(facts, facts.passedUntil);

  const broken = state.accounts.find((account) => account.status.kind === 'reconnect_needed' && !facts.mended.includes(account.id));
  if (broken) return reconnect(facts, state, broken);
  if (state.accounts.length === 0 && state.providers.length > 0 && !facts.later) return link(facts, state);
  if (mayAsk(facts, state)) return facts.push.support === 'install' ? install() : permission(facts, state);
  return idle(facts, state);
}

/**
 * Whether to ask for notifications: after a first tip, if the browser can, and not within 30 days of a refusal.
 * A question already under way goes on.
 * @param {Facts} facts @param {State} state
 */
export function mayAsk(facts, state) {
  if (facts.asking !== 'ask') return true;
  if (!state.had_tip || state.budget === 0) return false;
  if (facts.refusedAt && facts.wall - facts.refusedAt < REFUSAL) return false;
  if (facts.push.support === 'install') return true;
  return facts.push.support === 'yes' && facts.push.permission === 'default' && state.push.key !== '';
}

/** @param {Partial<View> & { name: Name, key: string }} some @returns {View} */
export function view(some) {
  return {
    moment: '', text: '', own: false, tone: 'quiet', note: '', lang: 'en', why: [], rows: [], fields: [], answers: [], foot: '',
    found: false, door: true, announce: '', until: null, ...some,
  };
}

/** @param {Facts} facts */
function signedOut(facts) {
  const trouble = facts.staleLink ? say('signed-out.stale') : facts.refusedIn ? say('signed-out.refused') : '';
  /** @type {Action[]} */
  const answers = facts.ways?.passkeys && facts.canPasskey ? [{ action: 'passkey', label: say('signed-out.passkey'), tone: 'first' }] : [];
  answers.push(...(facts.ways?.issuers ?? []).map(({ issuer, name }) => ({ action: 'issuer', label: say('signed-out.issuer', { name }), about: issuer })));
  return view({
    name: 'signed-out', key: 'signed-out', tone: 'tip', door: false,
    text: say('signed-out.text'),
    note: trouble || say(answers.length ? 'signed-out.ways' : 'signed-out.note', { host: facts.host }),
    answers,
    announce: trouble,
  });
}

/** @param {Facts} facts @param {Card} card @param {boolean} away */
function tip(facts, card, away) {
  const time = clock(facts.at, facts.wall, facts.state?.zone ?? '', facts.locale);
  /** @type {Name} */
  const name = facts.reach === 'offline' ? 'offline' : facts.reach === 'resting' ? 'error' : 'tip';
  return view({
    name, key: `tip:${card.id}`, tone: 'tip', own: true, found: true,
    moment: card.moment,
    text: card.text,
    lang: card.language,
    note: away ? say(name === 'offline' ? 'offline.saved' : 'error.saved', { time }) : '',
    why: card.why,
    answers: [
      { action: 'done', label: say('tip.done'), about: card.id, tone: 'first' },
      { action: 'not_now', label: say('tip.not_now'), about: card.id },
      { action: 'not_for_me', label: say('tip.not_for_me'), about: card.id, tone: 'quiet' },
    ],
    foot: line(card.source ?? '', speed(facts)),
    announce: `${card.moment}. ${card.text}`,
    until: wallAt(facts, Date.parse(card.not_after)),
  });
}

/** @param {Given} given */
function answered(given) {
  return view({
    name: 'answered', key: `answered:${given.card.id}`, tone: 'dim',
    text: say(/** @type {import('./words.js').Key} */ (`answered.${given.kind}`)),
    note: given.queued ? say('tip.queued') : '',
    answers: [{ action: 'undo', label: say('tip.undo'), about: given.card.id, tone: 'quiet' }],
    until: given.until,
  });
}

/** Another device, or the notification, answered: this page says so and offers to take it back. @param {Facts} facts @param {State} state */
function answeredElsewhere(facts, state) {
  const last = state.answered;
  if (!last || last.answer.kind === 'undo' || facts.settled.includes(last.tip) || facts.restored?.card.id === last.tip) return null;
  // The server lets an answer be taken back for minutes; here it is said once, and then the page is quiet again.
  const heard = facts.heard?.tip === last.tip ? facts.heard.until : 0;
  const until = Math.min(heard, wallAt(facts, Date.parse(last.undo_until)));
  if (until <= facts.wall) return null;
  return view({
    name: 'answered', key: `answered:${last.tip}`, tone: 'dim',
    text: say(/** @type {import('./words.js').Key} */ (`answered.${last.answer.kind}`)),
    answers: [{ action: 'undo', label: say('tip.undo'), about: last.tip, tone: 'quiet' }],
    until,
  });
}

/** @param {Facts} facts */
function unreachable(facts) {
  const offline = facts.reach === 'offline';
  if (facts.passedUntil > facts.wall || passedTip(facts)) {
    const view = expired(facts, facts.passedUntil > facts.wall ? facts.passedUntil : null);
    return { ...view, note: say(offline ? 'offline.note' : 'error.text'), answers: offline ? [] : [again()] };
  }
  return view(
    offline
      ? { name: 'offline', key: 'offline', text: say('offline.text'), note: say('offline.note'), announce: say('offline.text') }
      : { name: 'error', key: 'error', text: say('error.text'), answers: [again()], announce: say('error.text') },
  );
}

/** @returns {Action} */
const again = () => ({ action: 'again', label: say('error.again'), tone: 'quiet' });

/** @param {Facts} facts @param {number | null} until */
function expired(facts, until) {
  return view({ name: 'expired', key: 'expired', text: say('expired.text'), foot: speed(facts), announce: say('expired.text'), until });
}

/** @param {Facts} facts @param {State} state @param {State['accounts'][number]} account */
function reconnect(facts, state, account) {
  return view({
    name: 'reconnect', key: `reconnect:${account.id}`, tone: 'tip',
    text: say('reconnect.text', { account: account.name }),
    note: ended(facts, state, account),
    answers: [
      { action: 'link', label: say('reconnect.again'), about: account.provider, tone: 'first' },
      { action: 'mend-later', label: say('link.later'), about: account.id, tone: 'quiet' },
    ],
    announce: say('reconnect.text', { account: account.name }),
  });
}

/** Since when a link is broken, and why. @param {Facts} facts @param {State} state @param {State['accounts'][number]} account */
export function ended(facts, state, { status }) {
  const now = ooNow(facts);
  const since = status.kind === 'active' ? now : Date.parse(status.since);
  const why = (status.kind === 'reconnect_needed' && status.why) || 'note';
  return say(/** @type {import('./words.js').Key} */ (`reconnect.${why}`), { day: day(since, now, state.zone) });
}

/** @param {Facts} facts @param {State} state */
function link(facts, state) {
  return view({
    name: 'link', key: 'link', tone: 'tip',
    text: say('link.text'),
    note: facts.linkFailed ? say('link.failed') : say('link.note'),
    answers: [
      ...state.providers.map((offer) => ({
        action: 'link', label: offer.name, about: offer.provider, hint: offer.sandbox ? say('link.sandbox') : undefined,
      })),
      /** @type {Action} */ ({ action: 'later', label: say('link.later'), tone: 'quiet' }),
    ],
    foot: speed(facts),
    announce: facts.linkFailed ? say('link.failed') : '',
  });
}

/** @param {Facts} facts @param {State} state */
function permission(facts, state) {
  const { asking } = facts;
  const base = { name: /** @type {Name} */ ('permission'), key: `permission:${asking}`, tone: /** @type {'tip'} */ ('tip') };
  /** @type {Action} */
  const fine = { action: 'fine', label: say('permission.fine'), tone: 'quiet' };
  if (asking === 'waiting') return view({ ...base, text: say('permission.waiting'), note: say('permission.waiting.note') });
  if (asking === 'denied') {
    return view({ ...base, text: say('permission.denied'), note: say('permission.denied.note'), answers: [fine], announce: say('permission.denied') });
  }
  if (asking === 'failed') {
    return view({
      ...base, text: say('permission.failed'), note: say('permission.failed.note'), announce: say('permission.failed'),
      answers: [{ action: 'allow', label: say('permission.again') }, fine],
    });
  }
  return view({
    ...base,
    text: say('permission.text'),
    note: say('permission.note', { times: times(state.budget) }),
    answers: [
      { action: 'allow', label: say('permission.allow'), tone: 'first' },
      { action: 'refuse', label: say('permission.self'), tone: 'quiet' },
    ],
  });
}

function install() {
  return view({
    name: 'install', key: 'install', tone: 'tip', text: say('install.text'), note: say('install.note'),
    answers: [{ action: 'refuse', label: say('permission.self'), tone: 'quiet' }],
  });
}

/** @param {Facts} facts @param {State} state */
function idle(facts, state) {
  const now = ooNow(facts);
  const off = state.budget === 0;
  let note = '';
  if (facts.linked && facts.linked.until > facts.wall) note = say('idle.linked', { provider: nameOf(state, facts.linked.provider) });
  else if (state.accounts.length === 0) note = say('idle.unlinked');
  else if (off) note = '';
  else if (state.next_look && Date.parse(state.next_look) > now) note = say('idle.next', { time: around(facts, Date.parse(state.next_look)) });
  else if (state.looked_at) note = say('idle.looked', { ago: ago(Date.parse(state.looked_at), now) });
  const count = off ? '' : state.given_today === 0 ? say('idle.count.none') : say('idle.count', { given: state.given_today, budget: state.budget });
  return view({
    name: 'idle', key: off ? 'idle:off' : 'idle', note,
    text: say(off ? 'idle.off' : 'idle.text'),
    foot: line(count, speed(facts)),
    until: facts.wall + TICK,
  });
}

/** Nobody looks to the minute: a look that is far off is said to five minutes. @param {Facts} facts @param {number} at */
function around(facts, at) {
  const now = ooNow(facts);
  const step = 5 * 60_000;
  const said = at - now > 15 * 60_000 ? Math.round(at / step) * step : at;
  return clock(said, now, facts.state?.zone ?? '', facts.locale);
}

/** @param {State} state @param {string} provider */
function nameOf(state, provider) {
  const known = [...state.accounts, ...state.providers].find((one) => one.provider === provider);
  return known?.name ?? provider.replaceAll('_', ' ');
}

/** A clock that runs fast says so. @param {Facts} facts */
export function speed(facts) {
  const speed = facts.state?.speed ?? 1;
  return speed === 1 ? '' : say('clock', { speed });
}

/** @param {...string} parts */
export const line = (...parts) => parts.filter(Boolean).join(' · ');
