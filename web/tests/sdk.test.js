// The SDK against a server that the test holds in its hand.

import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { base64url, fromBase64url, languageOf, memoryStore } from '../sdk/browser.js';
import { connect, mayRetry, NoPush, Problem, randomId, retryAfter, signIn, SUBSCRIBE_TIMEOUT, takeEvents, Unreachable } from '../sdk/oo.js';
import { examplesOf, exists, folder, state, text } from './known.js';

/**
 * @typedef {{ method: string, path: string, headers: Record<string, string>, body: any }} Asked
 * @typedef {(asked: Asked) => Response | Promise<Response>} Server
 */

/** @param {Server} server @param {Partial<Parameters<typeof connect>[0]>} [options] */
function connected(server, options = {}) {
  /** @type {Asked[]} */
  const log = [];
  /** @type {any} */
  const fetch = async (/** @type {string} */ path, /** @type {any} */ init) => {
    const asked = { method: init.method ?? 'GET', path, headers: init.headers, body: init.body ? JSON.parse(init.body) : null };
    log.push(asked);
    return server(asked);
  };
  return { oo: connect({ fetch, store: memoryStore(), language: 'en-GB', ...options }), log };
}

const ok = () => new Response(null, { status: 204 });
/** @param {number} status @param {any} [body] */
const no = (status, body = { type: 'about:blank', title: 'no', status, detail: 'because' }) => new Response(JSON.stringify(body), { status });

/** @param {() => boolean} what */
async function eventually(what) {
  const end = Date.now() + 5_000;
  while (!what()) {
    if (Date.now() > end) assert.fail('it never happened');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test('what changes something carries the header of the page and JSON, what reads does not', async () => {
  const { oo, log } = connected(({ method }) => (method === 'GET' ? Response.json(state()) : ok()));
  await oo.state();
  await oo.signIn('secret');
  await oo.unlink('a1');
  assert.equal(log[0].headers['x-oo'], undefined);
  for (const asked of log.slice(1)) {
    assert.equal(asked.headers['x-oo'], '1');
    assert.equal(asked.headers['content-type'], 'application/json');
  }
  assert.deepEqual(log.map(({ method, path }) => `${method} ${path}`), ['GET /api/v1/state', 'POST /api/v1/session/owner', 'DELETE /api/v1/accounts/a1']);
});

test('a problem keeps its status and what to do; no answer is another thing', async () => {
  await assert.rejects(connected(() => no(409)).oo.state(), (/** @type {any} */ error) => error instanceof Problem && error.status === 409 && error.detail === 'because');
  await assert.rejects(connected(() => new Response('<html>', { status: 502 })).oo.state(), (/** @type {any} */ error) => error instanceof Problem && error.status === 502);
  await assert.rejects(connected(() => new Response('<html>')).oo.state(), Problem, 'a page of HTML with 200 is no state');
  await assert.rejects(connected(() => { throw new TypeError('network'); }).oo.state(), Unreachable);
});

test('every example of a problem is understood', async () => {
  for (const [name, text] of examplesOf('accepted', 'Problem')) {
    const said = JSON.parse(text);
    await assert.rejects(connected(() => no(said.status, said)).oo.state(), (/** @type {any} */ error) => error.status === said.status && error.title === said.title && error.detail === said.detail, name);
  }
});

test('answers and signals have the shape of the contract', async () => {
  const { oo, log } = connected(({ path }) => (path.endsWith('signals') ? Response.json({ kept: [] }, { status: 202 }) : ok()));
  assert.equal(await oo.answer('tip_dentist1', { kind: 'not_now', until: null }), 'sent');
  assert.equal(log[0].path, '/api/v1/tips/tip_dentist1/answer');
  assert.deepEqual(log[0].body.answer, { kind: 'not_now', until: null });
  const [[, example]] = examplesOf('accepted', 'TipAnswer');
  assert.deepEqual(Object.keys(log[0].body).sort(), Object.keys(JSON.parse(example)).sort());
  assert.match(log[0].body.id, /^[A-Za-z0-9_-]{1,96}$/);
  await oo.say({ kind: 'zone', zone: 'Europe/Zurich' }, { kind: 'presence', present: true });
  assert.equal(log[1].body.signals.length, 2);
  assert.notEqual(log[1].body.signals[0].id, log[1].body.signals[1].id);
});

test('without a connection an answer waits, and is sent once, in order and with the same id', async () => {
  let up = false;
  const store = memoryStore();
  const { oo, log } = connected(() => { if (!up) throw new TypeError('offline'); return ok(); }, { store });
  assert.equal(await oo.answer('tip_1aaaaaa', { kind: 'done' }), 'queued');
  assert.equal(await oo.answer('tip_1aaaaaa', { kind: 'undo' }), 'queued');
  assert.deepEqual((await oo.waiting()).map(({ answer }) => answer.kind), ['done', 'undo']);
  const first = log[0].body.id;
  log.length = 0;
  up = true;
  // Another page of the same browser, after a restart.
  const later = connected(() => ok(), { store });
  await Promise.all([later.oo.replay(), later.oo.replay()]);
  await oo.replay();
  const sent = [...later.log, ...log];
  assert.deepEqual(sent.map(({ body }) => body.answer.kind), ['done', 'undo']);
  assert.equal(sent[0].body.id, first);
  assert.deepEqual(await oo.waiting(), []);
});

test('an answer that the server refuses for good is not tried again; one that it cannot take now is', async () => {
  for (const status of [400, 403, 404, 409, 410, 422]) {
    const { oo } = connected(() => no(status));
    await assert.rejects(oo.answer('tip_1aaaaaa', { kind: 'done' }), (/** @type {any} */ error) => error.status === status);
    assert.deepEqual(await oo.waiting(), []);
  }
  for (const status of [401, 408, 429, 500, 503]) {
    const { oo } = connected(() => no(status));
    assert.equal(await oo.answer('tip_1aaaaaa', { kind: 'done' }), 'queued', String(status));
    assert.equal((await oo.waiting()).length, 1);
  }
  assert.equal(mayRetry(new Unreachable()), true);
});

test('an address to link at is an address of the web', async () => {
  assert.equal(await connected(() => Response.json({ authorize: 'https://todoist.com/oauth?x=1' })).oo.link('todoist'), 'https://todoist.com/oauth?x=1');
  await assert.rejects(connected(() => Response.json({ authorize: 'javascript:alert(1)' })).oo.link('todoist'), Problem);
});

test('events are taken whole, in pieces, with comments between', () => {
  const whole = ': ping\n\nevent: state\nid: 7\nretry: 2500\ndata: {"a":\ndata: 1}\n\n';
  const { events, rest } = takeEvents(whole);
  assert.equal(rest, '');
  assert.deepEqual(events[1], { event: 'state', id: '7', retry: 2500, data: '{"a":\n1}' });
  for (let cut = 0; cut < whole.length; cut += 1) {
    const first = takeEvents(whole.slice(0, cut));
    const second = takeEvents(first.rest + whole.slice(cut));
    assert.deepEqual([...first.events, ...second.events].filter(({ event }) => event === 'state'), [events[1]], `cut at ${cut}`);
  }
  assert.equal(takeEvents('data:x\r\n\r\n').events[0].data, 'x');
});

test('tries grow apart, up to half a minute, and differ from browser to browser', () => {
  assert.deepEqual([1, 2, 3, 4].map((failures) => retryAfter(failures, 1_000, 0.5)), [1_000, 2_000, 4_000, 8_000]);
  assert.equal(retryAfter(50, 1_000, 0.5), 30_000);
  assert.ok(retryAfter(3, 1_000, 0) < retryAfter(3, 1_000, 1));
});

test('a subscription hears the state at once and after each change, and stops when told', async () => {
  /** @type {ReadableStreamDefaultController<Uint8Array> | undefined} */
  let stream;
  const body = new ReadableStream({ start: (controller) => void (stream = controller) });
  const { oo, log } = connected(({ path }) => (path.endsWith('stream') ? new Response(body) : Response.json(state())));
  /** @type {string[]} */
  const heard = [];
  const subscription = oo.subscribe(({ version }) => heard.push(version));
  await eventually(() => log.length === 2);
  assert.deepEqual(heard, ['7']);
  assert.equal(log[1].headers['last-event-id'], '7');
  const bytes = new TextEncoder().encode(`event: state\nid: 8\ndata: ${JSON.stringify(state({ version: '8' }))}\n\n`);
  stream?.enqueue(bytes.slice(0, 40));
  stream?.enqueue(bytes.slice(40));
  await eventually(() => heard.length === 2);
  subscription.stop();
  stream?.enqueue(new TextEncoder().encode(`event: state\ndata: ${JSON.stringify(state({ version: '9' }))}\n\n`));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(heard, ['7', '8']);
});

test('a subscription that is signed out says so and does not ask again', async () => {
  const { oo, log } = connected(() => no(401));
  /** @type {number[]} */
  const troubles = [];
  const subscription = oo.subscribe(() => assert.fail('there is no state'), (trouble) => troubles.push(/** @type {Problem} */ (trouble).status));
  await eventually(() => troubles.length === 1);
  subscription.stop();
  assert.equal(log.length, 1);
});

test('a subscription goes on after a failure', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    let tries = 0;
    const { oo } = connected(({ path }) => {
      if (path.endsWith('stream')) return new Response(new ReadableStream());
      tries += 1;
      return tries < 3 ? no(503) : Response.json(state());
    });
    let heard = 0;
    /** @type {number[]} */
    const failures = [];
    const subscription = oo.subscribe(() => (heard += 1), (_, count) => failures.push(count));
    await eventually(() => failures.length === 1);
    await eventually(() => (mock.timers.tick(500), heard === 1));
    assert.deepEqual(failures, [1, 2]);
    subscription.stop();
  } finally {
    mock.timers.reset();
  }
});

/** @param {Partial<import('../sdk/browser.js').Pusher>} [some] @returns {import('../sdk/browser.js').Pusher} */
const pusher = (some = {}) => ({
  support: () => 'yes',
  permission: () => 'granted',
  ask: async () => 'granted',
  subscribe: async () => ({ endpoint: 'https://push.example/1', keys: { p256dh: 'P', auth: 'A' } }),
  current: async () => null,
  unsubscribe: async () => {},
  ...some,
});

test('allowing notifications tells the server this device, always under the same name', async () => {
  const { oo, log } = connected(ok, { pusher: pusher() });
  await oo.push.enable('KEY');
  await oo.push.enable('KEY');
  const [first, second] = log.map(({ body }) => body);
  const [[, example]] = examplesOf('accepted', 'Subscription');
  assert.deepEqual(Object.keys(first).sort(), Object.keys(JSON.parse(example)).sort());
  assert.equal(first.device, second.device);
  assert.equal(first.language, 'en');
});

test('a refusal, a dismissal and a browser without push are told apart', async () => {
  /** @param {Partial<import('../sdk/browser.js').Pusher>} some */
  const why = (some) => connected(ok, { pusher: pusher(some) }).oo.push.enable('KEY').then(() => 'on', (error) => (error instanceof NoPush ? error.why : error));
  assert.equal(await why({ ask: async () => 'denied' }), 'denied');
  assert.equal(await why({ ask: async () => 'default' }), 'dismissed');
  assert.equal(await why({ support: () => 'no' }), 'unsupported');
  assert.equal(await why({ subscribe: () => Promise.reject(new Error('AbortError')) }), 'unreachable');
});

test('a subscribe() that never settles ends after 15 s, and one that comes late still counts', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    /** @type {(given: any) => void} */
    let arrive = () => {};
    let asked = false;
    const slow = pusher({ subscribe: () => new Promise((resolve) => { arrive = resolve; asked = true; }) });
    const { oo, log } = connected(ok, { pusher: slow });
    const enabling = oo.push.enable('KEY').then(() => 'on', (error) => error.why);
    await eventually(() => asked);
    mock.timers.tick(SUBSCRIBE_TIMEOUT);
    assert.equal(await enabling, 'unreachable');
    assert.equal(log.length, 0);
    arrive({ endpoint: 'https://push.example/1', keys: { p256dh: 'P', auth: 'A' } });
    await eventually(() => log.length === 1);
  } finally {
    mock.timers.reset();
  }
});

test('on each visit what got lost is mended, and nothing is done where the person never said yes', async () => {
  const there = { endpoint: 'https://push.example/1', keys: { p256dh: 'P', auth: 'A' } };
  const forgotten = connected(ok, { pusher: pusher({ current: async () => there }) });
  assert.equal(await forgotten.oo.push.reconcile(state()), true);
  assert.equal(forgotten.log[0].method, 'PUT', 'the server had forgotten it');

  const known = connected(ok, { pusher: pusher({ current: async () => there }) });
  const device = await known.oo.device();
  assert.equal(await known.oo.push.reconcile(state({ push: { key: 'KEY', devices: [device], email: false } })), true);
  assert.equal(known.log.length, 0);

  const never = connected(ok, { pusher: pusher() });
  assert.equal(await never.oo.push.reconcile(state()), false);
  const denied = connected(ok, { pusher: pusher({ permission: () => 'denied', current: async () => there }) });
  assert.equal(await denied.oo.push.reconcile(state()), false);
  assert.equal(never.log.length + denied.log.length, 0);

  const dropped = connected(ok, { pusher: pusher() });
  await dropped.oo.push.enable('KEY');
  assert.equal(await dropped.oo.push.reconcile(state()), true, 'the browser had dropped it');
  assert.equal(dropped.log.length, 2);
});

test('signing out ends the pushes of this browser and forgets what it kept', async () => {
  const store = memoryStore();
  const { oo, log } = connected(ok, { store, pusher: pusher() });
  await oo.push.enable('KEY');
  await oo.signOut();
  assert.deepEqual(log.map(({ method }) => method), ['PUT', 'DELETE', 'DELETE']);
  assert.deepEqual(await store.entries(''), []);
});

test('signing out where the session is over already is no failure', async () => {
  await connected(() => no(401), { pusher: pusher() }).oo.signOut();
  await assert.rejects(connected(() => no(503), { pusher: pusher() }).oo.signOut(), Problem);
});

test('ids are random and can stand in a subject, and base64url goes both ways', () => {
  const ids = new Set(Array.from({ length: 200 }, randomId));
  assert.equal(ids.size, 200);
  for (const id of ids) assert.match(id, /^[A-Za-z0-9_-]{22}$/);
  for (let length = 0; length < 70; length += 1) {
    const bytes = crypto.getRandomValues(new Uint8Array(length));
    assert.deepEqual(fromBase64url(base64url(bytes)), bytes);
  }
});

test('a token of a notification answers without a session, waits for a connection as any other, and is sent once', async () => {
  let away = true;
  const { oo, log } = connected(() => {
    if (away) throw new TypeError('no connection');
    return ok();
  });
  const token = `${'a'.repeat(32)}.${'b'.repeat(43)}`;
  assert.equal(await oo.answer('tip_dentist1', { kind: 'done' }, { id: 'push-done-tip_dentist1', token }), 'queued');
  away = false;
  await Promise.all([oo.replay(), oo.replay()]);
  assert.deepEqual(await oo.waiting(), []);
  const sent = log.slice(1);
  assert.deepEqual(sent.map(({ path, body }) => [path, body]), [['/api/v1/answers', { token }]]);
});

test('a token that was used is the last word', async () => {
  const { oo } = connected(() => no(410));
  await assert.rejects(oo.answer('tip_dentist1', { kind: 'done' }, { token: 'x'.repeat(20) }), Problem);
  assert.deepEqual(await oo.waiting(), []);
});

test('an address is given with a code that comes back, and taken away', async () => {
  const { oo, log } = connected(ok);
  const doors = signIn(oo.call);
  await doors.askEmail('ada@example.org', 'de');
  await doors.askEmail('ada@example.org');
  await doors.confirmEmail('12345678');
  await doors.endEmail();
  assert.deepEqual(log.map(({ method, path, body }) => [`${method} ${path}`, body]), [
    ['PUT /api/v1/email', { address: 'ada@example.org', language: 'de' }],
    ['PUT /api/v1/email', { address: 'ada@example.org', language: languageOf() }],
    ['POST /api/v1/email/code', { code: '12345678' }],
    ['DELETE /api/v1/email', null],
  ]);
  for (const { headers } of log) assert.equal(headers['x-oo'], '1');
});

test('a language of ours is the one that the browser’s begins with', () => {
  assert.deepEqual(['de', 'de-CH', 'DE-AT', 'en-GB', 'fr', ''].map(languageOf), ['de', 'de', 'de', 'en', 'en', 'en']);
});

test('a letter’s token ends the letters or gives its answer, at once or not at all', async () => {
  const { oo, log } = connected(ok);
  await signIn(oo.call).stopEmail('a.b-c_d');
  await signIn(oo.call).stopEmail('../me');
  await signIn(oo.call).answerByToken('a.b-c_d');
  assert.deepEqual(log.map(({ method, path, body }) => [`${method} ${path}`, body]), [
    ['POST /api/v1/email/stop/a.b-c_d', {}],
    ['POST /api/v1/email/stop/..%2Fme', {}],
    ['POST /api/v1/answers', { token: 'a.b-c_d' }],
  ]);
  for (const { headers } of log) assert.equal(headers['x-oo'], '1');
  const away = connected(() => { throw new TypeError('no connection'); });
  await assert.rejects(signIn(away.oo.call).answerByToken('a.b'), Unreachable);
  assert.deepEqual(await away.oo.waiting(), [], 'it is not kept');
  await assert.rejects(signIn(connected(() => no(410)).oo.call).stopEmail('a.b'), (/** @type {any} */ error) => error.status === 410);
});

test('the package names files that are there, and nothing that it needs', () => {
  const { exports, files, dependencies } = JSON.parse(text('sdk/package.json'));
  for (const file of [...files, ...Object.values(exports)]) assert.ok(exists(`sdk/${file}`), file);
  assert.deepEqual(folder('sdk/').sort(), [...files, 'package.json'].map((file) => `sdk/${file}`).sort());
  assert.equal(dependencies, undefined);
});
