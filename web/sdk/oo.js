// The SDK: everything that a page, a service worker or a web view needs to speak to oO. No dependencies.

import { base64url, browserPusher, browserStore, languageOf } from './browser.js';

export { signIn } from './sign-in.js';

/**
 * @typedef {import('../../contracts/generated/contracts.d.ts').State} State
 * @typedef {import('../../contracts/generated/contracts.d.ts').Answer} Answer
 * @typedef {import('../../contracts/generated/contracts.d.ts').Fact} Fact
 * @typedef {import('../../contracts/generated/contracts.d.ts').Provider} Provider
 * @typedef {import('../../contracts/generated/contracts.d.ts').OwnServer} OwnServer
 * @typedef {import('../../contracts/generated/contracts.d.ts').Subscription} Subscription
 * @typedef {import('./types.d.ts').Store} Store
 * @typedef {import('./types.d.ts').Pusher} Pusher
 */

/** How long `subscribe()` may take. Chromium never settles without its push service. */
export const SUBSCRIBE_TIMEOUT = 15_000;
/** A stream without a byte for so long is dead; the server writes at least every 20 s. */
export const STREAM_SILENCE = 45_000;
/** A request without an answer for so long failed. */
export const REQUEST_TIMEOUT = 20_000;
const RETRY_FIRST = 1_000;
const RETRY_MOST = 30_000;

/** The server said no: an RFC 9457 problem. */
export class Problem extends Error {
  /** @param {number} status @param {string} title @param {string} [detail] */
  constructor(status, title, detail = '') {
    super(detail || title);
    this.name = 'Problem';
    this.status = status;
    this.title = title;
    this.detail = detail;
  }
}

/** No answer came at all. */
export class Unreachable extends Error {
  /** @param {unknown} [cause] */
  constructor(cause) {
    super('oO could not be reached', { cause });
    this.name = 'Unreachable';
  }
}

/** A browser that did not subscribe. */
export class NoPush extends Error {
  /** @param {'denied' | 'dismissed' | 'unreachable' | 'unsupported'} why @param {unknown} [cause] */
  constructor(why, cause) {
    super(`push: ${why}`, { cause });
    this.name = 'NoPush';
    this.why = why;
  }
}

/** 128 random bits that can stand as an id. */
export function randomId() {
  return base64url(crypto.getRandomValues(new Uint8Array(16)));
}

/**
 * Takes the whole events out of what a stream has sent so far. A lone CR is not accepted as a line end: no server of ours writes one.
 * @param {string} text
 * @returns {{ events: { event: string, data: string, id: string | null, retry: number | null }[], rest: string }}
 */
export function takeEvents(text) {
  const blocks = text.replaceAll('\r\n', '\n').split('\n\n');
  const rest = blocks.pop() ?? '';
  const events = blocks.map((block) => {
    /** @type {{ event: string, data: string, id: string | null, retry: number | null }} */
    const event = { event: 'message', data: '', id: null, retry: null };
    /** @type {string[]} */
    const data = [];
    for (const line of block.split('\n')) {
      const colon = line.indexOf(':');
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (field === 'event') event.event = value;
      else if (field === 'data') data.push(value);
      else if (field === 'id') event.id = value;
      else if (field === 'retry' && /^\d+$/.test(value)) event.retry = Number(value);
    }
    event.data = data.join('\n');
    return event;
  });
  return { events, rest };
}

/**
 * How long to wait before the next try: twice as long each time, and never all browsers at once.
 * @param {number} failures @param {number} first milliseconds @param {number} chance 0 to 1
 */
export function retryAfter(failures, first, chance) {
  return Math.min(RETRY_MOST, first * 2 ** Math.max(0, failures - 1)) * (0.75 + chance / 2);
}

/**
 * Whether an answer that the server refused may be sent again. 401 may: it waits for the next sign-in.
 * @param {unknown} error
 */
export function mayRetry(error) {
  if (!(error instanceof Problem)) return true;
  return error.status >= 500 || [401, 408, 425, 429].includes(error.status);
}

/**
 * A connection to one oO.
 * @param {{ base?: string, fetch?: typeof fetch, store?: Store, pusher?: Pusher, language?: string }} [options]
 */
export function connect(options = {}) {
  const base = options.base ?? '';
  const request = options.fetch ?? ((input, init) => fetch(input, init));
  const store = options.store ?? browserStore();
  const pusher = options.pusher ?? browserPusher();
  const language = languageOf(options.language);

  /**
   * @param {string} method @param {string} path @param {object} [body] @param {{ keepalive?: boolean, within?: number }} [how]
   * @returns {Promise<any>}
   */
  async function call(method, path, body, how = {}) {
    /** @type {Record<string, string>} */
    const headers = { accept: 'application/json' };
    if (method !== 'GET') {
      // Another site cannot set this header, so the server knows that the request is the page's own.
      headers['x-oo'] = '1';
      headers['content-type'] = 'application/json';
    }
    let response;
    try {
      response = await request(base + path, {
        method,
        headers,
        cache: 'no-store',
        credentials: 'same-origin',
        redirect: 'error',
        keepalive: how.keepalive ?? false,
        signal: AbortSignal.timeout(how.within ?? REQUEST_TIMEOUT),
        body: method === 'POST' || method === 'PUT' ? JSON.stringify(body ?? {}) : undefined,
      });
    } catch (error) {
      throw new Unreachable(error);
    }
    if (!response.ok) throw await problemOf(response);
    if (response.status === 204) return null;
    try {
      return await response.json();
    } catch (error) {
      // A proxy's page of HTML is not an answer of oO.
      throw new Problem(502, 'not an answer of oO', String(error));
    }
  }

  /** @returns {Promise<State>} everything that the page shows */
  const state = () => call('GET', '/api/v1/state');

  /**
   * Calls back with the whole state now and after each change, for as long as the page is visible: a hidden page has push.
   * @param {(state: State) => void} onState
   * @param {(trouble: Problem | Unreachable, failures: number) => void} [onTrouble] each failed try; it goes on trying, except after 401
   * @returns {{ stop: () => void, refresh: () => void }}
   */
  function subscribe(onState, onTrouble = () => {}) {
    let version = '';
    let failures = 0;
    /** The state may be had while the stream is not: too many windows, or a proxy that allows none. */
    let silent = 0;
    let first = RETRY_FIRST;
    let run = new AbortController();
    const page = globalThis.document;

    /** @param {State} next */
    const take = (next) => {
      failures = 0;
      version = next.version;
      onState(next);
    };

    /** @param {AbortSignal} signal */
    async function live(signal) {
      while (!signal.aborted) {
        try {
          const now = await state();
          if (signal.aborted) return;
          take(now);
          await listen(signal);
        } catch (error) {
          if (signal.aborted) return;
          failures += 1;
          const trouble = error instanceof Problem ? error : new Unreachable(error);
          onTrouble(trouble, failures);
          if (trouble instanceof Problem && trouble.status === 401) return;
        }
        silent += 1;
        await pause(retryAfter(Math.max(failures, silent), first, Math.random()), signal);
      }
    }

    /** @param {AbortSignal} signal */
    async function listen(signal) {
      // Not an EventSource: it hides the server's comments, so silence could not be told from a dead connection, and the status, so 401 could not be told from a pause.
      const stream = new AbortController();
      const end = () => stream.abort();
      signal.addEventListener('abort', end, { once: true });
      let watchdog = setTimeout(end, STREAM_SILENCE);
      try {
        const response = await request(`${base}/api/v1/stream`, {
          headers: { accept: 'text/event-stream', 'last-event-id': version },
          cache: 'no-store',
          credentials: 'same-origin',
          signal: stream.signal,
        });
        if (!response.ok) throw await problemOf(response);
        if (!response.body) throw new Unreachable('the stream has no body');
        const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
        let text = '';
        for (;;) {
          const { done, value } = await reader.read();
          if (done) return;
          silent = 0;
          clearTimeout(watchdog);
          watchdog = setTimeout(end, STREAM_SILENCE);
          const taken = takeEvents(text + value);
          text = taken.rest;
          for (const event of taken.events) {
            if (event.retry !== null) first = event.retry;
            if (event.event === 'state' && event.data && !signal.aborted) take(JSON.parse(event.data));
          }
        }
      } finally {
        clearTimeout(watchdog);
        signal.removeEventListener('abort', end);
        stream.abort();
      }
    }

    const refresh = () => {
      run.abort();
      run = new AbortController();
      if (!page || !page.hidden) void live(run.signal);
    };
    const rest = () => run.abort();
    page?.addEventListener('visibilitychange', refresh);
    globalThis.addEventListener?.('online', refresh);
    globalThis.addEventListener?.('pageshow', onPageShow);
    globalThis.addEventListener?.('pagehide', rest);
    /** @param {Event} event */
    function onPageShow(event) {
      if (/** @type {PageTransitionEvent} */ (event).persisted) refresh();
    }
    refresh();
    return {
      refresh,
      stop() {
        run.abort();
        page?.removeEventListener('visibilitychange', refresh);
        globalThis.removeEventListener?.('online', refresh);
        globalThis.removeEventListener?.('pageshow', onPageShow);
        globalThis.removeEventListener?.('pagehide', rest);
      },
    };
  }

  /** @param {{ tip: string, id: string, answer: Answer, token?: string }} given */
  const send = (given) =>
    given.token ? call('POST', '/api/v1/answers', { token: given.token }, { keepalive: true }) :
    call('POST', `/api/v1/tips/${encodeURIComponent(given.tip)}/answer`, { id: given.id, answer: given.answer }, { keepalive: true });

  /**
   * Answers a tip. Without a connection the answer is kept on this device, and `replay` sends it.
   * It stands in the store before it is sent, so that closing the page in between loses nothing; its id makes a second delivery count once.
   * @param {string} tip @param {Answer} answer @param {{ id?: string, token?: string }} [how] a notification's token needs no session
   * @returns {Promise<'sent' | 'queued'>}
   * @throws {Problem} when the server refuses it for good
   */
  async function answer(tip, answer, how = {}) {
    const given = { tip, id: how.id ?? randomId(), answer, ...(how.token && { token: how.token }) };
    const key = await outboxKey(given.id);
    await store.set(key, given);
    // Earlier answers first: an undo must not overtake what it takes back.
    const left = await replay();
    if (!left.some(([kept]) => kept === key)) {
      const refused = refusals.get(given.id);
      refusals.delete(given.id);
      if (refused) throw refused;
      return 'sent';
    }
    return 'queued';
  }

  /** @type {Map<string, Problem>} */
  const refusals = new Map();
  let lastKey = 0;

  /** @param {string} id */
  async function outboxKey(id) {
    lastKey = Math.max(lastKey + 1, Date.now());
    return `answer:${String(lastKey).padStart(16, '0')}:${id}`;
  }

  /** @type {Promise<[string, any][]>} */
  let replaying = Promise.resolve([]);

  /**
   * Sends the kept answers in order and stops at the first that cannot be sent yet.
   * @returns {Promise<[string, { tip: string, id: string, answer: Answer }][]>} those that are left
   */
  function replay() {
    const turn = async () => {
      const left = await store.entries('answer:');
      while (left.length > 0) {
        const [key, given] = left[0];
        try {
          await send(given);
        } catch (error) {
          if (mayRetry(error)) break;
          refusals.set(given.id, /** @type {Problem} */ (error));
        }
        await store.remove(key);
        left.shift();
      }
      return left;
    };
    // One at a time in this page and, where the browser can, across pages and the worker.
    const locks = globalThis.navigator?.locks;
    replaying = replaying.then(
      () => (locks ? locks.request('oo-outbox', turn) : turn()),
      () => turn(),
    );
    return replaying;
  }

  /** Answers that wait on this device. @returns {Promise<{ tip: string, id: string, answer: Answer }[]>} */
  const waiting = async () => (await store.entries('answer:')).map(([, given]) => given);

  /** The lasting, random name of this browser. @returns {Promise<string>} */
  async function device() {
    const known = await store.get('device');
    if (typeof known === 'string' && known) return known;
    const made = randomId();
    await store.set('device', made);
    return made;
  }

  /** @param {{ endpoint: string, keys: { p256dh: string, auth: string } }} given @param {string} key */
  async function keepSubscription(given, key) {
    /** @type {Subscription} */
    const subscription = { device: await device(), endpoint: given.endpoint, keys: given.keys, language };
    await store.set('push', { key });
    await call('PUT', '/api/v1/push/subscription', subscription);
  }

  /** @param {string} key */
  async function subscribeOnce(key) {
    const given = pusher.subscribe(key);
    try {
      await keepSubscription(await within(SUBSCRIBE_TIMEOUT, given), key);
    } catch (error) {
      if (error instanceof Problem || error instanceof Unreachable) throw error;
      // A push service that answers late after all still helps.
      given.then((late) => keepSubscription(late, key)).catch(() => {});
      throw new NoPush('unreachable', error);
    }
  }

  const push = {
    support: () => pusher.support(),
    permission: () => pusher.permission(),

    /**
     * Asks for permission, subscribes, and tells the server. Call it from a click.
     * @param {string} key `State.push.key`
     * @throws {NoPush | Problem | Unreachable}
     */
    async enable(key) {
      if (pusher.support() !== 'yes' || !key) throw new NoPush('unsupported');
      const permission = await pusher.ask();
      if (permission !== 'granted') throw new NoPush(permission === 'denied' ? 'denied' : 'dismissed');
      await subscribeOnce(key);
    },

    /**
     * Mends what got lost: a subscription that the server forgot, or one that the browser dropped. Never asks the person.
     * @param {State} now @returns {Promise<boolean>} whether this browser can be reached
     */
    async reconcile(now) {
      if (pusher.support() !== 'yes' || pusher.permission() !== 'granted' || !now.push.key) return false;
      const current = await pusher.current(now.push.key);
      if (!current) {
        const before = await store.get('push');
        if (!before) return false;
        await subscribeOnce(now.push.key);
      } else if (!now.push.devices.includes(await device())) {
        await keepSubscription(current, now.push.key);
      }
      return true;
    },

    /** After the browser changed the subscription by itself: tells the server the new one. For the service worker. */
    async renew() {
      const before = await store.get('push');
      if (!before?.key) return;
      await subscribeOnce(before.key);
    },

    /** This browser is not to be reached any more. */
    async disable() {
      await store.remove('push');
      await pusher.unsubscribe().catch(() => {});
      await call('DELETE', `/api/v1/push/subscription/${await device()}`);
    },
  };

  return {
    state,
    subscribe,
    answer,
    replay,
    waiting,
    device,
    push,
    call,
    newId: randomId,

    /**
     * Where to send the browser to link an account; one at a server of the person's own wants to know where that is.
     * @param {Provider} provider @param {OwnServer} [server] @returns {Promise<string>}
     */
    async link(provider, server) {
      const { authorize } = await call('POST', `/api/v1/links/${encodeURIComponent(provider)}`, server);
      const address = new URL(authorize, globalThis.location?.href);
      if (!['https:', 'http:'].includes(address.protocol)) throw new Problem(502, 'not an address to link at');
      return address.href;
    },

    /** Ends the link to an account. @param {string} account */
    unlink: (account) => call('DELETE', `/api/v1/accounts/${encodeURIComponent(account)}`),

    /**
     * Facts that the person says of themselves.
     * @param {Fact[]} facts @returns {Promise<import('../../contracts/generated/contracts.d.ts').SignalsKept>}
     */
    say: (...facts) =>
      call('POST', '/api/v1/signals', { signals: facts.map((fact) => ({ id: randomId(), at: null, fact })) }, { keepalive: true }),

    /** Signs in with the owner's one-time link. @param {string} token */
    signIn: (token) => call('POST', '/api/v1/session/owner', { token }),

    /** Ends the session, this browser's pushes, and what is kept on the device. */
    async signOut() {
      await push.disable().catch(() => {});
      await call('DELETE', '/api/v1/session').catch((error) => {
        if (!(error instanceof Problem && error.status === 401)) throw error;
      });
      for (const [key] of await store.entries('')) await store.remove(key);
    },
  };
}

/** @param {Response} response */
async function problemOf(response) {
  const said = await response.json().catch(() => null);
  return new Problem(response.status, said?.title ?? (response.statusText || 'no'), said?.detail ?? '');
}

/** @template T @param {number} ms @param {Promise<T>} promise @returns {Promise<T>} */
function within(ms, promise) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** @param {number} ms @param {AbortSignal} signal */
function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms, null);
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve(null)), { once: true });
  });
}
