// What the SDK needs of a browser: a place to keep a few things, and web push. A web view may bring its own of both.

/** @typedef {import('./types.d.ts').Store} Store */
/** @typedef {import('./types.d.ts').Pusher} Pusher */

/** The language of ours that a browser's comes closest to. @param {string} [tag] @returns {'en' | 'de'} */
export const languageOf = (tag = globalThis.navigator?.language ?? 'en') => (tag.toLowerCase().startsWith('de') ? 'de' : 'en');

/** @param {Uint8Array} bytes */
export function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** @param {string} text @returns {Uint8Array<ArrayBuffer>} */
export function fromBase64url(text) {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (char) => char.charCodeAt(0));
}

/** A store that forgets: for tests, and for browsers that keep nothing. @returns {Store} */
export function memoryStore() {
  /** @type {Map<string, any>} */
  const kept = new Map();
  return {
    get: async (key) => kept.get(key),
    set: async (key, value) => void kept.set(key, structuredClone(value)),
    remove: async (key) => void kept.delete(key),
    entries: async (prefix) => [...kept].filter(([key]) => key.startsWith(prefix)).sort(([a], [b]) => (a < b ? -1 : 1)),
  };
}

/** IndexedDB, which page and service worker share. @returns {Store} */
export function browserStore() {
  const spare = memoryStore();
  /** @type {Promise<IDBDatabase | null> | undefined} */
  let opening;
  const open = () =>
    (opening ??= new Promise((resolve) => {
      if (!globalThis.indexedDB) return resolve(null);
      const asked = indexedDB.open('oo', 1);
      asked.onupgradeneeded = () => asked.result.createObjectStore('kept');
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => resolve(null);
      asked.onblocked = () => resolve(null);
    }));
  /**
   * @template T
   * @param {IDBTransactionMode} mode @param {(kept: IDBObjectStore) => IDBRequest<T>} use @param {() => Promise<any>} otherwise
   * @returns {Promise<any>}
   */
  const inside = async (mode, use, otherwise) => {
    const database = await open();
    if (!database) return otherwise();
    return new Promise((resolve, reject) => {
      const transaction = database.transaction('kept', mode);
      const asked = use(transaction.objectStore('kept'));
      transaction.oncomplete = () => resolve(asked.result);
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
  };
  return {
    get: (key) => inside('readonly', (kept) => kept.get(key), () => spare.get(key)),
    set: (key, value) => inside('readwrite', (kept) => kept.put(value, key), () => spare.set(key, value)),
    remove: (key) => inside('readwrite', (kept) => kept.delete(key), () => spare.remove(key)),
    async entries(prefix) {
      const span = () => IDBKeyRange.bound(prefix, `${prefix}\uffff`);
      const otherwise = () => Promise.resolve(null);
      const keys = await inside('readonly', (kept) => kept.getAllKeys(span()), otherwise);
      if (!keys) return spare.entries(prefix);
      /** @type {[string, any][]} */
      const found = [];
      for (const key of keys) {
        const value = await this.get(key);
        if (value !== undefined) found.push([key, value]);
      }
      return found;
    },
  };
}

/** Web push, in a page or in a service worker. @returns {Pusher} */
export function browserPusher() {
  /** @type {() => Promise<ServiceWorkerRegistration>} */
  const registration = async () => /** @type {any} */ (globalThis).registration ?? navigator.serviceWorker.ready;
  /** @param {PushSubscription} subscription @param {string} key */
  const belongs = (subscription, key) => {
    const own = subscription.options?.applicationServerKey;
    return !own || base64url(new Uint8Array(own)) === key.replaceAll('=', '');
  };
  /** @param {PushSubscription} subscription @returns {any} */
  const plain = (subscription) => {
    const { endpoint, keys } = subscription.toJSON();
    return { endpoint, keys: { p256dh: keys?.p256dh, auth: keys?.auth } };
  };
  return {
    support() {
      const works = 'PushManager' in globalThis && 'Notification' in globalThis;
      if (works && ('registration' in globalThis || 'serviceWorker' in navigator)) return 'yes';
      // iOS offers push only to a page on the Home Screen, and says so by `standalone` being there and false.
      return /** @type {any} */ (globalThis.navigator)?.standalone === false ? 'install' : 'no';
    },
    permission: () => ('Notification' in globalThis ? Notification.permission : 'denied'),
    ask: () => Notification.requestPermission(),
    async subscribe(key) {
      const { pushManager } = await registration();
      const old = await pushManager.getSubscription();
      if (old && !belongs(old, key)) await old.unsubscribe();
      return plain(await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: fromBase64url(key) }));
    },
    async current(key) {
      const there = await (await registration()).pushManager.getSubscription();
      return there && belongs(there, key) ? plain(there) : null;
    },
    async unsubscribe() {
      // Where no worker came to be, `ready` would be waited for without end.
      const there = /** @type {any} */ (globalThis).registration ?? await navigator.serviceWorker.getRegistration();
      await (await there?.pushManager.getSubscription())?.unsubscribe();
    },
  };
}
