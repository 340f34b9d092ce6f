// The service worker: the page without a connection, and pushes with their buttons. Small on purpose. build.js puts in what the
// shell consists of (SHELL) and a name for just that (VERSION).

import { answerId, answerOf, readMessage } from './app/message.js';
import { connect } from './sdk/oo.js';

const CACHE = `oo-${VERSION}`;

/**
 * The little of a worker's scope that is used here; TypeScript cannot have a page and a worker in one program.
 * @typedef {Event & { waitUntil(until: Promise<unknown>): void }} Waiting
 * @typedef {Waiting & { request: Request, respondWith(response: Promise<Response>): void }} Fetching
 * @typedef {Waiting & { data: { text(): string } | null }} Pushed
 * @typedef {Waiting & { action: string, notification: Notification }} Clicked
 */
const worker = /** @type {any} */ (self);
const oo = connect();

worker.addEventListener('install', (/** @type {Waiting} */ event) => {
  event.waitUntil(
    (async () => {
      const cache = await caches.open(CACHE);
      // What the page just loaded is asked for again, and not sent again.
      await cache.addAll(SHELL.map((path) => new Request(path, { cache: 'no-cache' })));
      await worker.skipWaiting();
    })(),
  );
});

worker.addEventListener('activate', (/** @type {Waiting} */ event) => {
  event.waitUntil(
    (async () => {
      for (const name of await caches.keys()) if (name.startsWith('oo-') && name !== CACHE) await caches.delete(name);
      await worker.clients.claim();
    })(),
  );
});

worker.addEventListener('fetch', (/** @type {Fetching} */ event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  // The shell is one version, whole; everything else is the network's. Words of a provider never enter a cache.
  if (request.method !== 'GET' || origin !== worker.location.origin || !SHELL.includes(pathname)) return;
  event.respondWith(
    (async () => (await (await caches.open(CACHE)).match(pathname)) ?? fetch(request))(),
  );
});

worker.addEventListener('push', (/** @type {Pushed} */ event) => {
  event.waitUntil(
    (async () => {
      const { title, options } = readMessage(textOf(event), worker.location.origin);
      // Whether a window is focused does not matter: iOS counts every push that shows nothing.
      await worker.registration.showNotification(title, options).catch(() => worker.registration.showNotification(title));
      await worker.navigator.setAppBadge?.(1).catch(() => {});
    })(),
  );
});

worker.addEventListener('notificationclick', (/** @type {Clicked} */ event) => {
  event.notification.close();
  const { tip, path, tokens } = event.notification.data ?? {};
  const answer = answerOf(event.action);
  event.waitUntil(answer && tip ? reply(event.action, tip, answer, tokens?.[event.action]) : open(path ?? '/'));
});

worker.addEventListener('pushsubscriptionchange', (/** @type {Waiting} */ event) => {
  event.waitUntil(oo.push.renew().catch(() => {}));
});

/** Only Chromium has it; elsewhere the page replays what is left when it is opened. */
worker.addEventListener('sync', (/** @type {Waiting} */ event) => {
  event.waitUntil(oo.replay());
});

/** @param {Pushed} event */
function textOf(event) {
  try {
    return event.data?.text() ?? null;
  } catch {
    return null;
  }
}

/**
 * @param {string} action @param {string} tip @param {NonNullable<ReturnType<typeof answerOf>>} answer
 * @param {string} [token]
 */
async function reply(action, tip, answer, token) {
  await worker.navigator.clearAppBadge?.().catch(() => {});
  // A refusal is the server's last word: the tip is answered or over.
  const sent = await oo.answer(tip, answer, { id: answerId(action, tip), token }).catch(() => 'refused');
  if (sent === 'queued') await worker.registration.sync?.register('answers').catch(() => {});
}

/** @param {string} path */
async function open(path) {
  const pages = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true });
  for (const page of pages) {
    const focused = await page.focus().catch(() => null);
    if (focused) return;
  }
  await worker.clients.openWindow(path);
}
