// Every state of the page at an address of its own, for its pictures and for looking at it: `node tests/fixtures.js`, then open
// what it prints. It stands in for a server with nothing but fixed answers, and is no part of what is shipped.

import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { build } from '../build.js';
import { bytes, CARD, examplesOf, exists, iso, state } from './known.js';

/** @typedef {import('../app/view.js').State} State */
/** @typedef {import('../../contracts/generated/contracts.d.ts').Me} Me */

/**
 * @typedef {object} Fixture
 * @property {import('../app/view.js').Name} name what `body[data-state]` says then
 * @property {() => Partial<State>} [state] how the server's state differs from that of somebody with nothing to do
 * @property {number} [status] what the server answers instead
 * @property {() => Partial<Me>} [me] what else it holds of the person
 * @property {Record<string, number>} [refuses] what it says no to, and how
 * @property {string} [search] of the address that is opened, or what follows its `#`
 * @property {string} [before] what the browser is like
 * @property {string[]} [clicks] what is pressed, one after the other; what is in `FILLED` is filled in
 * @property {string} [shows] what is there at the end
 */

const MINUTE = 60_000;
const now = () => Date.now();
const live = () => ({ tip: tip(), had_tip: true });
const tip = () => ({
  ...CARD(), not_after: iso(now() + 20 * MINUTE),
  why: ['12 free minutes before your 15:00', 'Due today', 'Takes about 5 minutes'],
  corrections: [
    { ground: /** @type {const} */ ('free_time'), of_the_thing: false },
    { ground: /** @type {const} */ ('due'), of_the_thing: true },
    { ground: /** @type {const} */ ('duration'), of_the_thing: true },
  ],
});
/** @param {any} answer */
const answered = (answer) => () => ({ had_tip: true, answered: { tip: CARD().id, answer, undo_until: iso(now() + 10 * MINUTE) } });
/** @param {any} status */
const account = (status) => ({ id: 'a1', provider: /** @type {const} */ ('todoist'), name: 'Todoist', status });
const broken = () => ({ accounts: [account({ kind: 'reconnect_needed', since: iso(now() - 2 * 24 * 60 * MINUTE), why: 'withdrawn' })] });
const offers = () => ({
  accounts: [],
  providers: [
    { provider: /** @type {const} */ ('todoist'), name: 'Todoist', sandbox: false },
    { provider: /** @type {const} */ ('google_calendar'), name: 'Google Calendar', sandbox: false },
    { provider: /** @type {const} */ ('caldav'), name: 'CalDAV', sandbox: false, wants: /** @type {const} */ ('app_password') },
  ],
});

/** A browser that says of notifications what is wanted here. @param {string} permission @param {string} [asked] @param {string} [subscribe] */
const browser = (permission, asked = permission, subscribe = 'new Promise(() => {})') => `
  Object.defineProperty(Notification, 'permission', { get: () => ${JSON.stringify(permission)} });
  Notification.requestPermission = async () => ${JSON.stringify(asked)};
  Object.defineProperty(navigator.serviceWorker, 'ready', { get: async () => ({ pushManager: { getSubscription: async () => null, subscribe: () => ${subscribe} } }) });`;
const UNREACHABLE = "Promise.reject(new Error('no push service'))";
const IOS = "delete window.PushManager; delete window.Notification; Object.defineProperty(navigator, 'standalone', { value: false });";
const OFFLINE = "Object.defineProperty(navigator, 'onLine', { get: () => false });";
/** What was heard before the connection went. @param {Partial<State>} some */
const saved = (some) => `localStorage.oo = ${JSON.stringify(JSON.stringify({ last: { state: { ...state(), ...some, now: iso(now()) }, at: now() } }))};`;
const asks = () => ({ had_tip: true, looked_at: iso(now()) });
/** An oO that writes letters. */
const writes = () => ({ push: { ...state().push, email: true } });
const writesAndAsks = () => ({ ...asks(), ...writes() });
/** @param {string | null} confirmed */
const address = (confirmed) => () => ({ email: { address: 'ada@example.org', confirmed } });
const TOKEN = `${'a'.repeat(32)}.${'b'.repeat(43)}`;

/** What is filled in, and with what. @type {Record<string, string>} */
export const FILLED = { '[name=address]': 'ada@example.org', '[name=code]': '12345678' };

/** @type {Record<string, Fixture>} */
export const FIXTURES = {
  'signed-out': { name: 'signed-out', status: 401 },
  link: { name: 'link', state: offers },
  'link-server': { name: 'server', state: offers, clicks: ['[data-provider=caldav]'] },
  reconnect: { name: 'reconnect', state: broken },
  tip: { name: 'tip', state: live },
  'tip-longest': { name: 'tip', state: () => ({ ...live(), tip: { ...tip(), text: 'Prepare the quarterly figures for Friday and send them to everybody who asked for them, or' } }) },
  why: { name: 'tip', state: live, clicks: ['#why > summary'] },
  'why-doubted': { name: 'tip', state: live, clicks: ['#why > summary', '[data-action=doubt][data-about=due]'] },
  'why-left-out': { name: 'tip', state: live, clicks: ['#why > summary', '[data-action=doubt][data-about=due]', '[data-action=wrong]'] },
  idle: { name: 'idle', before: browser('denied') },
  'idle-unlinked': { name: 'idle', state: offers, clicks: ['[data-action=later]'], before: browser('denied') },
  'idle-off': { name: 'idle', state: () => ({ budget: 0 }) },
  'idle-quiet': { name: 'idle', state: () => ({ quiet_until: iso(now() + 9 * 60 * MINUTE) }) },
  done: { name: 'answered', state: answered({ kind: 'done' }) },
  'not-now': { name: 'answered', state: answered({ kind: 'not_now', until: null }) },
  'not-now-when': { name: 'answered', state: live, clicks: ['[data-action=not_now]', '[data-action=until]'] },
  'not-for-me': { name: 'answered', state: answered({ kind: 'not_for_me' }) },
  expired: { name: 'expired', search: '?tip=tip_gone0001', before: browser('denied') },
  offline: { name: 'offline', status: 0, before: OFFLINE },
  'offline-tip': { name: 'offline', status: 0, get before() { return OFFLINE + saved({ tip: tip() }); } },
  error: { name: 'error', status: 503 },
  'error-tip': { name: 'error', status: 503, get before() { return saved({ tip: tip() }); } },
  permission: { name: 'permission', state: asks, before: browser('default') },
  'permission-waiting': { name: 'permission', state: asks, before: browser('default', 'granted'), clicks: ['[data-action=allow]'] },
  'permission-failed': { name: 'permission', state: writesAndAsks, before: browser('default', 'granted', UNREACHABLE), clicks: ['[data-action=allow]'], shows: '[data-action=email-instead]' },
  'permission-denied': { name: 'permission', state: writesAndAsks, before: browser('default', 'denied'), clicks: ['[data-action=allow]'], shows: '[data-action=email-instead]' },
  'permission-none': { name: 'permission', state: writesAndAsks, before: browser('denied'), shows: '[data-action=email-instead]' },
  install: { name: 'install', state: writesAndAsks, before: IOS },
  you: { name: 'you', clicks: ['#mark'], before: browser('default') },
  'you-quiet': { name: 'form', clicks: ['#mark', '[data-action=quiet-form]'] },
  'you-habit': { name: 'form', clicks: ['#mark', '[data-action=habit-form]'] },
  'you-email': { name: 'you', state: writes, clicks: ['#mark'], shows: '[data-action=email-form]' },
  'you-email-waiting': { name: 'you', state: writes, me: address(null), clicks: ['#mark'], shows: '[data-action=email-code-form]' },
  'you-email-confirmed': { name: 'you', state: writes, me: address(iso(now())), clicks: ['#mark'], shows: '[data-action=email-end]' },
  'form-email': { name: 'form', state: writesAndAsks, before: IOS, clicks: ['[data-action=email-instead]'], shows: '[name=address]' },
  'form-email-refused': { name: 'form', state: writes, refuses: { 'PUT /api/v1/email': 422 }, clicks: ['#mark', '[data-action=email-form]', '[name=address]', '[data-action=email-send]'], shows: '#say:not(:empty)' },
  'form-code': { name: 'form', state: writes, clicks: ['#mark', '[data-action=email-form]', '[name=address]', '[data-action=email-send]'], shows: '[name=code]' },
  'form-code-wrong': { name: 'form', state: writes, me: address(null), refuses: { 'POST /api/v1/email/code': 422 }, clicks: ['#mark', '[data-action=email-code-form]', '[name=code]', '[data-action=email-confirm]'], shows: '#say:not(:empty)' },
  'letter-done': { name: 'letter', search: `#letter=done.${TOKEN}` },
  'letter-later': { name: 'letter', search: `#letter=later.${TOKEN}` },
  'letter-stop': { name: 'letter', status: 401, search: `#letter=stop.${TOKEN}` },
  'letter-never': { name: 'letter', status: 401, search: `#letter=never.${TOKEN}` },
  'letter-answered': { name: 'letter', search: `#letter=done.${TOKEN}`, clicks: ['[data-action=letter-say]'], shows: '[data-action=letter-close]' },
  'letter-over': { name: 'letter', refuses: { 'POST /api/v1/answers': 410 }, search: `#letter=done.${TOKEN}`, clicks: ['[data-action=letter-say]'], shows: '[data-action=letter-close]' },
  'letter-silent': { name: 'letter', refuses: { [`POST /api/v1/email/stop/${TOKEN}`]: 503 }, search: `#letter=stop.${TOKEN}`, clicks: ['[data-action=letter-say]'], shows: '[data-action=letter-close]' },
  erased: { name: 'erased', clicks: ['#mark', '[data-action=erase]', '[data-action=erase-sure]'] },
};

/** What it holds of the person, but for an address. @returns {Me} */
const held = () => ({ ...JSON.parse(examplesOf('accepted', 'Me').find(([name]) => name === 'Me.everything.json')?.[1] ?? ''), email: null });

/** What the server answers beyond the state. @type {Record<string, () => unknown>} */
const ANSWERS = {
  'GET /api/v1/ways': () => ({ passkeys: true, issuers: [{ issuer: 'google', name: 'Google' }], session: true }),
  'GET /api/v1/doors': () => ({ name: 'Ada', passkeys: [], sessions: [{ id: 's1', device: 'Firefox on Linux', used: iso(now() - 5 * MINUTE), current: true }, { id: 's2', device: 'Safari on iPhone', used: iso(now() - 300 * MINUTE), current: false }] }),
  'POST /api/v1/signals': () => ({ kept: [{ id: 'correct-1', seq: 1, duplicate: false }] }),
  'POST /api/v1/me/erase/confirmation': () => ({ confirmation: '0'.repeat(64), seconds: 60 }),
  'POST /api/v1/me/erase': () => ({ receipt: 'a1b2c3d4e5f6a7b8', begun: iso(now()), finished: iso(now()), messages: 3, accounts: 1, unrevoked: 0, doors: 1, devices: 1 }),
};

const TYPES = /** @type {Record<string, string>} */ ({ js: 'text/javascript', css: 'text/css', html: 'text/html', svg: 'image/svg+xml', png: 'image/png', json: 'application/json', webmanifest: 'application/manifest+json' });

/** Letters with marks, and words two fifths longer: what breaks in another language breaks here first. @param {string} words */
export function pseudo(words) {
  const marked = words.replace(/\{\w+\}|[aeiouAEIOU]/g, (one) => (one.length > 1 ? one : 'àéîõüÀÉÎÕÜ'['aeiouAEIOU'.indexOf(one)]));
  return `${marked} ${'~'.repeat(Math.ceil(words.length * 0.4))}`;
}

/** @param {string} source a file of words */
const pseudoFile = (source) => source.replace(/^(  '[^']+': )'(.*)',$/gm, (_, key, words) => `${key}'${pseudo(words)}',`);

/** Serves the page in one state, chosen by `/fixture/<name>`; `?pseudo` for the made-up language, `?rtl` from right to left. */
export async function serve() {
  // Built anew, so that what is looked at is what stands here.
  const [built, strange] = [await build(), await build(pseudoFile)];
  /** @type {{ name: string, pseudo: boolean, rtl: boolean }} */
  let chosen = { name: 'idle', pseudo: false, rtl: false };
  /** What the page wanted changed. @type {string[]} */
  const wanted = [];
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://fixtures');
    const fixture = FIXTURES[chosen.name];
    /** @param {number} status @param {string} type @param {string} body */
    const say = (status, type, body) => response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
    const named = pathname.match(/^\/fixture\/([\w-]+)$/)?.[1];
    if (named !== undefined) {
      if (!(named in FIXTURES)) return say(404, 'text/plain', `there is no such state; there are: ${Object.keys(FIXTURES).join(', ')}`);
      chosen = { name: named, pseudo: searchParams.has('pseudo'), rtl: searchParams.has('rtl') };
      return response.writeHead(302, { location: `/${FIXTURES[named].search ?? ''}` }).end();
    }
    if (pathname.startsWith('/api/')) {
      if (fixture.status === 0) return request.socket.destroy();
      const asked = `${request.method} ${pathname}`;
      const answer = ANSWERS[asked];
      if (request.method !== 'GET') wanted.push(asked);
      if (fixture.refuses?.[asked]) return say(fixture.refuses[asked], 'application/problem+json', '{"title":"no"}');
      if (asked === 'GET /api/v1/me') return say(200, 'application/json', JSON.stringify({ ...held(), ...fixture.me?.() }));
      if (pathname === '/api/v1/stream') return say(200, 'text/event-stream', '');
      if (fixture.status && pathname === '/api/v1/state') return say(fixture.status, 'application/problem+json', '{"title":"no"}');
      if (pathname === '/api/v1/state') return say(200, 'application/json', JSON.stringify({ ...state(), now: iso(now()), next_look: iso(now() + 40 * MINUTE), ...fixture.state?.() }));
      return answer ? say(200, 'application/json', JSON.stringify(answer())) : response.writeHead(204).end();
    }
    const path = pathname === '/' ? 'index.html' : pathname.slice(1);
    const type = TYPES[path.split('.').pop() ?? ''] ?? 'application/octet-stream';
    const file = (chosen.pseudo ? strange : built).get(path);
    // The worker would keep one state for the next.
    if (path === 'index.html' && file) {
      const page = file.replace('<head>', () => `<head><script>${fixture.before ?? ''}</script>`);
      return say(200, type, chosen.rtl ? page.replace('dir="ltr"', 'dir="rtl"') : page);
    }
    if (file !== undefined && path !== 'sw.js') return say(200, type, file);
    if (!/^(icons\/|manifest\.)/.test(path) || path.includes('..') || !exists(path)) return say(404, 'text/plain', 'not there');
    return response.writeHead(200, { 'content-type': type, 'cache-control': 'no-store' }).end(bytes(path));
  });
  return new Promise((/** @type {(serving: { address: string, wanted: string[], close: () => void }) => void} */ resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
      resolve({
        address: `http://127.0.0.1:${port}`,
        wanted,
        close() {
          server.close();
          server.closeAllConnections();
        },
      });
    });
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { address } = await serve();
  process.stdout.write(Object.keys(FIXTURES).map((name) => `${address}/fixture/${name}\n`).join(''));
}
