// Decides what the page shows: a pure function of what is known. It reads no clock, no store and no document.

import { ago, clock, day, LANGUAGE, say, times } from './words.js';

/**
 * @typedef {import('../../contracts/generated/contracts.d.ts').State} State
 * @typedef {import('../../contracts/generated/contracts.d.ts').Card} Card
 * @typedef {import('./types.d.ts').Name} Name
 * @typedef {import('./types.d.ts').Facts} Facts
 * @typedef {import('./types.d.ts').Given} Given
 * @typedef {import('./types.d.ts').Field} Field
 * @typedef {import('./types.d.ts').Action} Action
 * @typedef {import('./types.d.ts').Row} Row
 * @typedef {import('./types.d.ts').View} View
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
  if (facts.letter) return facts.letter.look(facts.letter);
  if (facts.erased) return facts.erased();
  if (reach === 'signed-out') return signedOut(facts);
  if (facts.server && state) return facts.server.look(facts.server, state);
  if (facts.open && state) return facts.open(facts, state);

  if (facts.given && facts.given.until > wall) return answered(facts, facts.given);
  const away = reach === 'offline' || reach === 'resting';
  const card = liveTip(facts);
  if (card) return tip(facts, card, away);

  if (away) return unreachable(facts);
  // What is remembered may show a tip that is still good, and nothing else, until the server has spoken.
  if (!state || reach === 'opening') return opening();

  const elsewhere = answeredElsewhere(facts, state);
  if (elsewhere) return elsewhere;
  if (facts.passedUntil > wall) return expired(facts, facts.passedUntil);

  const broken = state.accounts.find((account) => account.status.kind === 'reconnect_needed' && !facts.mended.includes(account.id));
  if (broken) return reconnect(facts, state, broken);
  if (state.accounts.length === 0 && state.providers.length > 0 && !facts.later) return link(facts, state);
  if (mayAsk(facts, state)) return facts.push.support === 'install' ? install(facts, state) : permission(facts, state);
  return idle(facts, state);
}

/**
 * Whether to ask for notifications or, where this browser shows none, for letters: after a first tip, and not within 30 days of a refusal.
 * A question already under way goes on.
 * @param {Facts} facts @param {State} state
 */
export function mayAsk(facts, state) {
  if (facts.asking !== 'ask') return true;
  if (!state.had_tip || silenced(facts, state)) return false;
  if (facts.refusedAt && facts.wall - facts.refusedAt < REFUSAL) return false;
  if (facts.push.support === 'install') return true;
  if (noPush(facts)) return byEmail(facts, state).length > 0;
  return facts.push.permission === 'default' && state.push.key !== '';
}

/** Whether this browser can or may show no notification, whatever is asked of it. @param {Facts} facts */
const noPush = ({ push }) => push.support === 'no' || push.permission === 'denied';

/** Whether the person wants nothing said today. @param {Facts} facts @param {State} state */
const silenced = (facts, state) => state.budget === 0 || Date.parse(state.quiet_until ?? '') > ooNow(facts);

/** @param {Partial<View> & { name: Name, key: string }} some @returns {View} */
export function view(some) {
  return {
    moment: '', text: '', own: false, tone: 'quiet', note: '', lang: LANGUAGE, why: [], rows: [], fields: [], answers: [], foot: '',
    found: false, door: true, announce: '', until: null, ...some,
  };
}

/** Nothing yet. */
export const opening = () => view({ name: 'opening', key: 'opening' });

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
    note: away ? say(name === 'offline' ? 'offline.saved' : 'error.saved', { time }) : facts.failed ? say('failed') : '',
    why: why(facts, card),
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

/** The facts, and what can be said of each. @param {Facts} facts @param {Card} card @returns {View['why']} */
function why(facts, card) {
  const { corrected, doubted } = facts;
  const done = corrected?.tip === card.id ? corrected : null;
  /** @type {View['why']} */
  const told = card.why.map((text, place) => {
    const fact = card.corrections?.[place];
    if (!fact || facts.reach !== 'here') return { text, actions: [] };
    /** @param {'doubt' | 'wrong' | 'unused'} action @returns {Action} */
    const can = (action) => ({ action, label: say(`why.${action}`), about: fact.ground, tone: 'quiet' });
    if (fact.ground !== doubted) return { text, actions: [can('doubt')] };
    return { text, actions: fact.of_the_thing ? [can('wrong'), can('unused')] : [can('unused')] };
  }).filter((_, place) => !done || card.corrections?.[place]?.ground !== done.ground);
  if (done) told.push({ text: say('why.left-out'), actions: [{ action: 'take-back', label: say('tip.undo'), about: done.id, tone: 'quiet' }] });
  return told;
}

/** @param {Facts} facts @param {Given} given */
function answered(facts, given) {
  const when = given.kind === 'not_now' && !given.back && facts.choices ? facts.choices(given.card.id, ooNow(facts)) : [];
  return view({
    name: 'answered', key: `answered:${given.card.id}`, tone: 'dim',
    text: say(/** @type {import('./words.js').Key} */ (`answered.${given.kind}`)),
    note: given.queued ? say('tip.queued') : given.back ?? '',
    answers: [...when, { action: 'undo', label: say('tip.undo'), about: given.card.id, tone: 'quiet' }],
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
    return view({ ...base, text: say('permission.denied'), note: say('permission.denied.note'), answers: [...byEmail(facts, state), fine], announce: say('permission.denied') });
  }
  if (asking === 'failed' || asking === 'lost') {
    const text = say(`permission.${asking}`);
    return view({
      ...base, text, note: say('permission.failed.note'), announce: text,
      answers: [{ action: 'allow', label: say('permission.again') }, ...byEmail(facts, state), fine],
    });
  }
  if (noPush(facts)) {
    return view({
      ...base, key: 'permission:none', text: say('permission.none'), note: say('permission.none.note'),
      answers: [...byEmail(facts, state), { action: 'refuse', label: say('permission.self'), tone: 'quiet' }],
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

/**
 * Letters, if this oO writes any: they go only where no device is reached, and who has an address needs no other.
 * @param {Facts} facts @param {State} state @returns {Action[]}
 */
const byEmail = (facts, { push }) => (
  push.email && push.devices.length === 0 && !facts.byEmail ? [{ action: 'email-instead', label: say('permission.email'), tone: 'quiet' }] : []
);

/** @param {Facts} facts @param {State} state */
function install(facts, state) {
  return view({
    name: 'install', key: 'install', tone: 'tip', text: say('install.text'), note: say('install.note'),
    answers: [...byEmail(facts, state), { action: 'refuse', label: say('permission.self'), tone: 'quiet' }],
  });
}

/** @param {Facts} facts @param {State} state */
function idle(facts, state) {
  const now = ooNow(facts);
  const off = silenced(facts, state);
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
