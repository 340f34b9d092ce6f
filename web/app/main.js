// Runs the page: keeps what is known, shows what follows from it, carries out what is clicked. Deciding is view.js's.

import { connect, NoPush, Problem, signIn } from '../sdk/oo.js';
import { memory, withoutOldWords } from './memory.js';
import { breathe } from './motion.js';
import { presenceIn, zoneHere, zoneToTell } from './presence.js';
import { places, screen } from './screen.js';
import { LINKED, liveTip, look, ooNow, opening, PASSED, REFUSAL, UNDO } from './view.js';
import { LANGUAGE } from './words.js';

/** @typedef {import('./view.js').Facts} Facts */
/** @typedef {import('./view.js').View} View */
/** @typedef {import('../../contracts/generated/contracts.d.ts').State} State */
/** @typedef {import('../../contracts/generated/contracts.d.ts').Card} Card */
/** @typedef {import('../../contracts/generated/contracts.d.ts').Provider} Provider */

/** How long a tip taken back is shown from memory, until the server says it again. */
const RESTORED = 10_000;
/** A tip withdrawn within so long before its end has passed rather than been answered elsewhere. */
const CLOCK_SLACK = 2_000;
/** A notification that is older and whose tip is not live is stale; a younger one may be ahead of the state. */
const STALE_NOTIFICATION = 60_000;
/** setTimeout takes 31 bits. */
const LONGEST_TIMER = 2 ** 31 - 1;
/** What a letter's link may ask, and its token. */
const LETTER = /^(done|later|stop|never)\.([\w.-]+)$/;

const oo = connect();
/** The ways in, and a person's rights. */
const doors = signIn(oo.call);
const remembered = memory(storage());
const at = places(document);
const show = screen(at);
const before = remembered.recall();

/** @type {Facts} */
const facts = {
  wall: Date.now(),
  state: before.last?.state ?? null,
  at: before.last?.at ?? 0,
  reach: 'opening',
  given: null,
  settled: [],
  restored: null,
  heard: null,
  passedUntil: 0,
  open: null,
  later: before.later,
  unlinking: null,
  me: null,
  form: null,
  tested: null,
  doubted: '',
  choices: null,
  corrected: null,
  erasing: false,
  erased: null,
  linked: null,
  linkFailed: false,
  server: null,
  letter: null,
  staleLink: false,
  failed: false,
  asking: 'ask',
  refusedAt: before.refusedAt,
  byEmail: before.byEmail,
  mended: [],
  push: { support: 'no', permission: 'default', on: false },
  host: location.host,
  ways: null,
  doors: null,
  // What reads the server's question into the browser's own terms came last (WebAuthn Level 3).
  canPasskey: typeof (/** @type {any} */ (globalThis).PublicKeyCredential?.parseRequestOptionsFromJSON) === 'function',
  refusedIn: false,
};

/** @type {View | null} */
let current = null;
/** @type {Card | null} the tip on the screen */
let showing = null;
/** @type {ReturnType<typeof oo.subscribe> | null} */
let stream = null;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
let ownerToken = '';
let notifiedTip = '';
let reconciled = false;
let busy = false;

// --- showing ---------------------------------------------------------------

/** @param {Partial<Facts>} [some] */
function know(some = {}) {
  Object.assign(facts, some);
  facts.wall = Date.now();
  notePassing();
  const view = look(facts);
  if (reading(view)) return;
  current = view;
  showing = view.key.startsWith('tip:') ? liveTip(facts) : null;
  show(view);
  schedule(view);
}

/** Notices that the tip on the screen ended by its own time, so that the page can say so once. */
function notePassing() {
  if (!showing || facts.settled.includes(showing.id)) return;
  const live = liveTip(facts)?.id === showing.id;
  const slack = CLOCK_SLACK * (facts.state?.speed ?? 1);
  if (!live && Date.parse(showing.not_after) - slack <= ooNow(facts)) facts.passedUntil = facts.wall + PASSED;
}

/** A new tip never replaces one that somebody is reading with the focus inside; it waits until the focus leaves. @param {View} view */
function reading(view) {
  if (!showing || !current || view.key === current.key || !view.key.startsWith('tip:')) return false;
  const held = document.activeElement;
  const inside = document.hasFocus() && (at.answers.contains(held) || at.why.contains(held));
  return inside && !facts.settled.includes(showing.id) && Date.parse(showing.not_after) > ooNow(facts);
}

/** @param {View} view */
function schedule(view) {
  clearTimeout(timer);
  const next = [view.until, facts.restored?.until, facts.linked?.until, facts.passedUntil]
    .filter((when) => typeof when === 'number' && when > facts.wall)
    .reduce((/** @type {number} */ least, when) => Math.min(least, Number(when)), Infinity);
  if (next < Infinity) timer = setTimeout(know, Math.min(LONGEST_TIMER, Math.max(50, next - facts.wall + 5)), {});
}

// --- hearing -----------------------------------------------------------------

/** @param {State} state */
function hear(state) {
  const now = Date.now();
  // The person said yes at their own server, and it is here.
  const asked = facts.server?.at && facts.server.provider;
  if (asked && state.accounts.some(({ provider, status }) => provider === asked && status.kind === 'active')) {
    Object.assign(facts, { linked: { provider: asked, until: now + LINKED }, server: null });
  }
  const restored = facts.restored && state.tip?.id === facts.restored.card.id ? null : facts.restored;
  const answered = state.answered ? `${state.answered.tip} ${state.answered.answer.kind}` : '';
  const heard = state.answered && answered !== remembered.recall().heard ? { tip: state.answered.tip, until: now + UNDO } : facts.heard;
  know({ state, at: now, reach: 'here', staleLink: false, restored, heard, push: pushNow(state) });
  remembered.keep({ last: { state: withoutOldWords(state, Date.parse(state.now)), at: now }, heard: answered });
  if (notifiedTip) {
    // The page was opened for a tip that is not there any more.
    if (state.tip?.id !== notifiedTip && state.answered?.tip !== notifiedTip) know({ passedUntil: now + PASSED });
    notifiedTip = '';
  }
  quietly(oo.replay());
  quietly(reconcile(state));
  sayOfMyself(state);
  quietly(tidyNotifications(state));
}

/** @param {unknown} trouble @param {number} failures */
function stumble(trouble, failures) {
  if (trouble instanceof Problem && trouble.status === 401) return signedOut();
  // One lost connection is not worth a word: a server that is replaced comes back within seconds.
  if (facts.reach === 'here' && failures < 2 && navigator.onLine) return;
  know({ reach: navigator.onLine ? 'resting' : 'offline' });
}

function signedOut() {
  remembered.forget();
  reconciled = false;
  presence = { present: null, at: 0 };
  spoken = '';
  // Only the answers that wait for a sign-in stay on the device; the words go.
  quietly(learnWays());
  know({ state: null, reach: 'signed-out', ...closed, doors: null, me: null, server: null, given: null, restored: null, later: false, refusedAt: 0, byEmail: false, passedUntil: 0, asking: 'ask' });
}

async function learnWays() {
  if (!facts.ways) know({ ways: await doors.ways() });
}

/** @param {Partial<Facts>} [some] */
async function openYou(some) {
  const { you, yours } = await import('./yours.js');
  const own = yours({
    oo, doors, facts, know, once,
    remember: remembered.keep,
    refresh: () => stream?.refresh(),
    leave,
    form: () => /** @type {HTMLFormElement} */ (at.fields),
  });
  Object.assign(actions, own.actions);
  know({ open: you, ...some });
  await learnWays();
  await own.learn();
}

/** Who gave an address before sees it, instead of being asked again. */
async function emailInstead() {
  await openYou({ ...refused(), form: { kind: 'email' } });
  if (facts.me?.email && facts.form?.kind === 'email') know({ form: null });
}

/** Shows what a letter's link asks, and nothing else. @param {any} asks @param {string} token */
async function openLetter(asks, token) {
  know({ letter: { asks, token, look: opening } });
  try {
    const { look } = await import('./letter.js');
    know({ letter: { asks, token, look } });
  } catch {
    // The page itself says how it stands with the connection; loaded again, it asks.
    history.replaceState(null, '', `/#letter=${asks}.${token}`);
    know({ letter: null });
  }
}

/** Nobody is signed in any more. */
function leave() {
  stream?.stop();
  stream = null;
  signedOut();
}

/** Back from "You". */
const closed = { open: null, unlinking: null, erasing: false, failed: false, linkFailed: false, form: null, tested: null };

async function begin() {
  if (ownerToken) {
    try {
      await oo.signIn(ownerToken);
      remembered.forget();
      facts.state = null;
      facts.later = false;
      facts.refusedAt = 0;
      facts.byEmail = false;
      ownerToken = '';
    } catch (error) {
      if (!(error instanceof Problem) || error.status >= 500 || error.status === 429) return know({ reach: navigator.onLine ? 'resting' : 'offline' });
      // A used link is no harm where the session still lives; the state will tell.
      ownerToken = '';
      facts.staleLink = true;
    }
  } else if (!before.last && !facts.ways) {
    // Who was never here may be nobody yet. The ways in say so, and no refusal ends in the browser's console.
    const ways = await doors.ways().catch(() => null);
    if (ways) know({ ways });
    if (ways && !ways.session) return signedOut();
  }
  if (stream) stream.refresh();
  else stream = oo.subscribe(hear, stumble);
}

// --- doing -------------------------------------------------------------------

/** @type {Record<string, (about: string) => unknown>} */
const actions = {
  done: (tip) => give('done', tip),
  not_now: (tip) => give('not_now', tip),
  not_for_me: (tip) => give('not_for_me', tip),
  undo,
  link,
  'server-back': () => know({ server: null }),
  'server-open': (address) => open(address, '_blank', 'noopener,noreferrer'),
  later() {
    remembered.keep({ later: true });
    know({ later: true, linkFailed: false });
  },
  'mend-later': (account) => know({ mended: [...facts.mended, account] }),
  'letter-say': () => once(async () => {
    const { send } = await import('./letter.js');
    const { letter } = facts;
    if (!letter) return;
    const after = await send(letter, doors);
    if (facts.letter === letter) know({ letter: after });
  }),
  'letter-close': () => know({ letter: null }),
  allow,
  refuse,
  'email-instead': () => quietly(emailInstead()),
  fine: refuse,
  doubt: (doubted) => know({ doubted, corrected: null, failed: false }),
  wrong: (ground) => correct(ground, 'wrong'),
  unused: (ground) => correct(ground, 'unused'),
  'take-back': (correction) => once(async () => {
    await oo.say({ kind: 'correction_undone', correction });
    know({ corrected: null });
  }),
  again: () => quietly(begin()),
  door() {
    const wanted = !facts.open;
    know(closed);
    if (wanted) quietly(openYou());
  },
  passkey: () => once(
    async () => {
      await doors.byPasskey();
      know({ refusedIn: false, staleLink: false });
      stream?.stop();
      stream = null;
      await begin();
    },
    () => know({ refusedIn: true, staleLink: false }),
  ),
  issuer: (issuer) => once(
    async () => location.assign(await doors.toIssuer(/** @type {any} */ (issuer))),
    () => know({ refusedIn: true, staleLink: false }),
  ),
  back: () => know(closed),
  'sign-out': () => once(async () => {
    await oo.signOut();
    leave();
  }),
};

/** @param {'done' | 'not_now' | 'not_for_me'} kind @param {string} tip */
async function give(kind, tip) {
  const card = liveTip(facts);
  if (card?.id !== tip) return know();
  know({ given: { card, kind, until: Date.now() + UNDO, queued: false }, settled: [...facts.settled, tip].slice(-20), restored: null });
  if (kind === 'not_now') quietly(offerTimes());
  try {
    const sent = await oo.answer(tip, kind === 'not_now' ? { kind, until: null } : { kind });
    if (sent === 'queued') {
      if (facts.given?.card.id === tip) know({ given: { ...facts.given, queued: true } });
      stream?.refresh();
    }
  } catch {
    // The server's last word: answered elsewhere, or over.
    know({ given: null, passedUntil: Date.now() + PASSED });
    stream?.refresh();
  }
}

async function offerTimes() {
  const { choices, until } = await import('./when.js');
  actions.until = until({ oo, facts, know });
  know({ choices });
}

/** @param {any} ground @param {'wrong' | 'unused'} correction */
function correct(ground, correction) {
  const tip = showing?.id;
  if (!tip) return;
  return once(async () => {
    const { kept } = await oo.say({ kind: 'correction', tip, ground, correction });
    know({ doubted: '', corrected: { tip, ground, id: kept[0].id } });
  });
}

/** @param {string} tip */
async function undo(tip) {
  const card = facts.given?.card.id === tip ? facts.given.card : null;
  know({ given: null, settled: facts.settled.filter((id) => id !== tip), restored: card ? { card, until: Date.now() + RESTORED } : null });
  try {
    await oo.answer(tip, { kind: 'undo' });
  } catch {
    know({ restored: null, settled: [...facts.settled, tip], passedUntil: Date.now() + PASSED });
    stream?.refresh();
  }
}

/** @param {string} provider */
function link(provider) {
  // A server of the person's own has to be named first.
  if (facts.state?.providers.some((offer) => offer.provider === provider && offer.wants)) {
    return once(async () => know({ server: { provider, look: (await import('./server.js')).look } }));
  }
  return once(
    async () => location.assign(await oo.link(/** @type {Provider} */ (provider))),
    () => know({ linkFailed: true }),
  );
}

function linkServer() {
  return once(async () => {
    const { send } = await import('./server.js');
    if (facts.server) know({ server: await send(facts.server, /** @type {HTMLFormElement} */ (at.fields), oo.link, location) });
  });
}

async function allow() {
  if (facts.asking === 'waiting' || !facts.state) return;
  know({ asking: 'waiting', open: null });
  try {
    await oo.push.enable(facts.state.push.key);
    know({ asking: 'ask', push: { ...pushNow(facts.state), on: true } });
  } catch (error) {
    const why = error instanceof NoPush ? error.why : 'unreachable';
    facts.push = pushNow(facts.state);
    if (why === 'dismissed') refuse();
    else know({ asking: why === 'denied' ? 'denied' : 'failed' });
  }
}

function refuse() {
  know(refused());
}

/** Notifications are not asked for again for a while. @returns {Partial<Facts>} */
function refused() {
  const refusedAt = Date.now();
  remembered.keep({ refusedAt });
  return { asking: 'ask', refusedAt };
}

/** One thing at a time: a second click while the first is under way does nothing. @param {() => Promise<unknown>} what @param {() => void} [otherwise] */
async function once(what, otherwise = () => know({ failed: true })) {
  if (busy) return;
  busy = true;
  try {
    await what();
  } catch {
    otherwise();
  } finally {
    busy = false;
  }
}

// --- in the background -----------------------------------------------------------

let device = '';

/** @param {State} state @returns {Facts['push']} */
function pushNow(state) {
  const permission = oo.push.permission();
  return { support: oo.push.support(), permission, on: permission === 'granted' && device !== '' && state.push.devices.includes(device) };
}

/** @param {State} state */
async function reconcile(state) {
  if (reconciled) return;
  reconciled = true;
  const on = await oo.push.reconcile(state).catch((error) => {
    // What the person had once is not taken away in silence.
    if (error instanceof NoPush && Date.now() - facts.refusedAt > REFUSAL) know({ asking: 'lost' });
    throw error;
  });
  if (on) know({ push: { ...facts.push, on } });
}

/** @type {{ present: boolean | null, at: number, tip?: string }} */
let presence = { present: null, at: 0 };
/** The language that was said, where the device cannot remember it. */
let spoken = '';
/** @type {ReturnType<typeof setTimeout> | undefined} */
let presenceTimer;

/** Whether somebody is here and, where the state was just heard, in which zone and language: in one request. @param {State} [state] */
function sayOfMyself(state) {
  clearTimeout(presenceTimer);
  if (facts.reach !== 'here') return;
  const present = !document.hidden;
  // Whoever is here while a tip comes may see it, so it is said again that they are.
  if (present && state?.tip && state.tip.id !== presence.tip) presence = { ...presence, present: null, tip: state.tip.id };
  const wait = presenceIn(present, presence, Date.now());
  const told = remembered.recall();
  if (wait) presenceTimer = setTimeout(sayOfMyself, wait);
  const zone = state ? zoneToTell(zoneHere(), told.zone, state.zone) : null;
  const language = state && LANGUAGE !== (spoken || told.language) ? LANGUAGE : null;
  /** @type {import('../../contracts/generated/contracts.d.ts').Fact[]} */
  const said = [];
  if (wait === 0) said.push({ kind: 'presence', present });
  if (zone) said.push({ kind: 'zone', zone });
  if (language) said.push({ kind: 'language', language: /** @type {'en' | 'de'} */ (language) });
  if (said.length === 0) return;
  if (wait === 0) presence = { ...presence, present, at: Date.now() };
  if (zone) remembered.keep({ zone });
  if (language) remembered.keep({ language: spoken = language });
  quietly(oo.say(...said).catch((error) => {
    if (wait === 0) presence = { present: null, at: 0 };
    if (zone) remembered.keep({ zone: '' });
    if (language) remembered.keep({ language: spoken = told.language });
    throw error;
  }));
}

/** An answer given anywhere clears the notification here. @param {State} state */
async function tidyNotifications(state) {
  const live = liveTip(facts)?.id;
  const registration = await navigator.serviceWorker?.getRegistration();
  for (const notification of (await registration?.getNotifications()) ?? []) {
    const tip = notification.data?.tip;
    const over = tip === state.answered?.tip || facts.settled.includes(tip);
    const age = Date.now() - (/** @type {any} */ (notification).timestamp ?? 0);
    if (tip !== live && (over || age > STALE_NOTIFICATION)) notification.close();
  }
  if (!live) await /** @type {any} */ (navigator).clearAppBadge?.();
}

async function registerWorker() {
  if (!navigator.serviceWorker) return;
  const script = '/sw.js';
  // The content security policy lets this page make trusted script addresses under this one name, for this one script.
  const policy = /** @type {any} */ (globalThis).trustedTypes?.createPolicy('oo-sw', {
    createScriptURL(/** @type {string} */ address) {
      if (address !== script) throw new TypeError(`not a worker of oO: ${address}`);
      return address;
    },
  });
  await navigator.serviceWorker.register(policy ? policy.createScriptURL(script) : script, { type: 'module', updateViaCache: 'none' });
}

/** What fails in the background is tried again at the next visit; nobody has to read about it. @param {Promise<unknown>} work */
function quietly(work) {
  work.catch(() => {});
}

/** @returns {Storage | null} */
function storage() {
  try {
    return localStorage;
  } catch {
    return null;
  }
}

// --- the address -----------------------------------------------------------------

/** Takes what a link says out of the address: no history or bookmark keeps it. */
function readAddress() {
  const { searchParams, hash } = new URL(location.href);
  const said = new URLSearchParams(hash.slice(1));
  const token = said.get('owner');
  if (token) ownerToken = token;
  const [, asks, letter] = said.get('letter')?.match(LETTER) ?? [];
  if (asks) quietly(openLetter(asks, letter));
  const provider = searchParams.get('linked');
  if (provider) facts.linked = { provider, until: Date.now() + LINKED };
  if (searchParams.has('link_error')) facts.linkFailed = true;
  // Where something is linked already, the link screen does not show by itself.
  if (searchParams.has('link_error') && facts.state?.accounts.length) quietly(openYou());
  if (searchParams.get('sign_in') === 'refused') facts.refusedIn = true;
  if (searchParams.get('show') === 'you') quietly(openYou());
  notifiedTip = searchParams.get('tip') ?? '';
  if (location.search || location.hash) history.replaceState(null, '', '/');
}

// --- the beginning ---------------------------------------------------------------

document.addEventListener('click', (event) => {
  const button = event.target instanceof Element ? event.target.closest('button') : null;
  if (button instanceof HTMLButtonElement && button.type !== 'submit' && button.dataset.action) actions[button.dataset.action]?.(button.dataset.about ?? '');
});

document.addEventListener('submit', (event) => {
  event.preventDefault();
  const first = /** @type {HTMLButtonElement | null} */ (at.answers.querySelector('button'));
  if (facts.server) quietly(linkServer());
  else if (facts.form) actions[first?.dataset.action ?? '']?.('');
});

document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return;
  if (facts.letter) {
    actions['letter-close']('');
  } else if (facts.server) {
    actions['server-back']('');
  } else if (facts.form) {
    know({ form: null });
  } else if (facts.open) {
    actions.back('');
    at.mark.focus();
  } else if (at.why.hasAttribute('open')) {
    at.why.removeAttribute('open');
    at.why.querySelector('summary')?.focus();
  }
});

document.addEventListener('focusout', () => setTimeout(know, 0, {}));
document.addEventListener('visibilitychange', () => {
  sayOfMyself();
  if (document.hidden) return;
  know();
  if (current?.name === 'idle') breathe(at.mark);
});
addEventListener('offline', () => facts.reach !== 'signed-out' && know({ reach: 'offline' }));
addEventListener('online', () => ownerToken && quietly(begin()));
addEventListener('hashchange', () => {
  readAddress();
  if (ownerToken) quietly(begin());
});

/** A function, not the module's own wait: what is loaded later imports this module, and would wait for it. */
async function start() {
  document.documentElement.lang = LANGUAGE;
  readAddress();
  // Answers that wait on this device come first: their tips must not flash up again.
  const waiting = await Promise.race([oo.waiting(), new Promise((resolve) => setTimeout(resolve, 300, []))]).catch(() => []);
  for (const { tip, answer } of waiting) {
    facts.settled = answer.kind === 'undo' ? facts.settled.filter((id) => id !== tip) : [...facts.settled, tip];
  }
  know();
  quietly(begin());
  quietly(oo.device().then((name) => {
    device = name;
    if (facts.state) know({ push: pushNow(facts.state) });
  }));
  quietly(registerWorker());
}

void start();
