// The service worker in a scope that the test makes: pushes, their buttons, and the page without a connection.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, examplesOf, exists, folder, text } from './known.js';

/** @type {Record<string, (event: any) => void>} */
const handlers = {};
/** @type {any[]} */
let shown = [];
/** @type {any[]} */
let asked = [];
/** @type {Map<string, Response>} */
const cached = new Map();
/** @type {any[]} */
let windows = [];
/** @type {string[]} */
let opened = [];
let refuseOptions = false;
/** @type {() => Response} */
let server = () => new Response(null, { status: 204 });

Object.defineProperty(globalThis, 'navigator', { value: { language: 'en', setAppBadge: async () => {} }, configurable: true });
Object.assign(globalThis, {
  self: globalThis,
  addEventListener: (/** @type {string} */ name, /** @type {any} */ handler) => (handlers[name] = handler),
  location: new URL('https://oo.example/sw.js'),
  registration: {
    async showNotification(/** @type {string} */ title, /** @type {any} */ options) {
      if (refuseOptions && options) throw new TypeError('no such option');
      shown.push({ title, ...options });
    },
  },
  clients: { matchAll: async () => windows, openWindow: async (/** @type {string} */ path) => opened.push(path), claim: async () => {} },
  skipWaiting: async () => {},
  caches: {
    open: async () => ({
      match: async (/** @type {string} */ path) => cached.get(path)?.clone(),
      addAll: async (/** @type {Request[]} */ all) => all.forEach((one) => cached.set(new URL(one.url).pathname, new Response('shell'))),
    }),
    keys: async () => ['oo-old', 'other'],
    delete: async (/** @type {string} */ name) => void deleted.push(name),
  },
  fetch: async (/** @type {any} */ input, /** @type {any} */ init) => {
    asked.push({ path: typeof input === 'string' ? input : new URL(input.url).pathname, init });
    return server();
  },
  Request: class extends Request {
    /** @param {any} input @param {any} init */
    constructor(input, init) {
      super(new URL(input, 'https://oo.example/'), init);
    }
  },
});
/** @type {string[]} */
const deleted = [];
// Just as it is built: an import by its name would have the types checked of what a tool wrote.
await import(String(new URL('../built/sw.js', import.meta.url)));

/** Runs a handler to its end. @param {string} name @param {any} event */
async function happen(name, event) {
  /** @type {Promise<unknown>[]} */
  const work = [];
  /** @type {any} */
  let response;
  handlers[name]({ ...event, waitUntil: (/** @type {Promise<unknown>} */ one) => work.push(one), respondWith: (/** @type {any} */ one) => (response = one) });
  await Promise.all(work);
  return response;
}

/** @param {string | null} said */
async function pushed(said) {
  shown = [];
  await happen('push', { data: said === null ? null : { text: () => said } });
  return shown;
}

/** @param {string} action @param {any} data */
async function clicked(action, data) {
  asked = [];
  opened = [];
  let closed = false;
  await happen('notificationclick', { action, notification: { data, close: () => (closed = true) } });
  assert.ok(closed);
}

test('every push shows exactly one notification, whatever it says', async () => {
  const [[, example]] = examplesOf('accepted', 'Message');
  assert.equal((await pushed(example))[0].title, JSON.parse(example).notification.title);
  for (const said of [null, '', 'rubbish', '{}', '[]']) assert.equal((await pushed(said)).length, 1, String(said));
  shown = [];
  await happen('push', { data: { text() { throw new Error('cannot be read'); } } });
  assert.equal(shown.length, 1);
  refuseOptions = true;
  assert.equal((await pushed(example)).length, 1, 'a browser that refuses an option still shows it');
  refuseOptions = false;
});

test('Done and Not now answer the tip, the same press always with the same id', async () => {
  const data = { tip: 'tip_dentist1', path: '/' };
  await clicked('done', data);
  assert.equal(asked[0].path, '/api/v1/tips/tip_dentist1/answer');
  assert.equal(asked[0].init.headers['x-oo'], '1');
  const first = JSON.parse(asked[0].init.body);
  assert.deepEqual(first.answer, { kind: 'done' });
  await clicked('done', data);
  assert.equal(JSON.parse(asked[0].init.body).id, first.id);
  await clicked('later', data);
  assert.deepEqual(JSON.parse(asked[0].init.body).answer, { kind: 'not_now', until: null });
  assert.deepEqual(opened, [], 'and nothing opens');
});

test('an answer that cannot be sent waits for the next chance, and a refused one is not an error', async () => {
  server = () => new Response('{}', { status: 503 });
  await clicked('done', { tip: 'tip_waiting1', path: '/' });
  server = () => new Response(null, { status: 204 });
  asked = [];
  await happen('sync', {});
  assert.deepEqual(asked.map(({ path }) => path), ['/api/v1/tips/tip_waiting1/answer']);
  server = () => new Response('{}', { status: 409 });
  await clicked('done', { tip: 'tip_toolate1', path: '/' });
  server = () => new Response(null, { status: 204 });
  asked = [];
  await happen('sync', {});
  assert.deepEqual(asked, []);
});

test('a press on the notification itself brings the page forward, or opens it', async () => {
  await clicked('', { tip: 'tip_dentist1', path: '/?show=you' });
  assert.deepEqual(opened, ['/?show=you']);
  let focused = 0;
  windows = [{ focus: async () => { focused += 1; return true; } }];
  await clicked('', { tip: 'tip_dentist1', path: '/' });
  assert.equal(focused, 1);
  assert.deepEqual(opened, []);
  windows = [{ focus: async () => { throw new Error('not allowed'); } }];
  await clicked('', null);
  assert.deepEqual(opened, ['/']);
  assert.equal(asked.length, 0, 'looking is not an answer');
});

test('the shell comes from the cache; the API and everything else never do', async () => {
  await happen('install', {});
  /** @param {string} url @param {string} [method] */
  const fetched = (url, method = 'GET') => happen('fetch', { request: { url, method } });
  for (const path of cached.keys()) assert.equal(await (await fetched(`https://oo.example${path}`)).text(), 'shell', path);
  assert.equal(await (await fetched('https://oo.example/?linked=todoist')).text(), 'shell');
  for (const path of ['/api/v1/state', '/api/v1/stream', '/integrations/todoist/callback?code=x', '/health', '/sw.js']) assert.equal(await fetched(`https://oo.example${path}`), undefined, path);
  assert.equal(await fetched('https://other.example/'), undefined);
  assert.equal(await fetched('https://oo.example/', 'POST'), undefined);
});

test('a new version takes the place of the old shells and of nothing else', async () => {
  await happen('activate', {});
  assert.deepEqual(deleted, ['oo-old']);
});

test('the shell is every built file and what the page names, and nothing that is not there', async () => {
  await happen('install', {});
  const shell = [...cached.keys()];
  const named = [...text('built/index.html').matchAll(/(?:src|href)="(\/[^"]+\.(?:js|css|webmanifest|svg))"/g)].map(([, path]) => path);
  const built = folder('built/').map((path) => path.slice('built'.length)).filter((path) => path.endsWith('.js') && path !== '/sw.js');
  assert.deepEqual([...shell].sort(), [...new Set(['/', ...named, ...built])].sort());
  for (const path of named) assert.ok(exists(path.slice(1)) || exists(`built${path}`), path);
  assert.ok(bytes('built/sw.js').length < 24_000, 'the worker stays small');
});
