// Reads a push message. Whatever comes, something sensible is shown: browsers end the subscription of a page that stays silent.

import { LANGUAGE, say } from './words.js';

/** Marks the declarative shape of web push. */
const DECLARATIVE = 8030;
const BEARER = /^[A-Za-z0-9_.-]{16,160}$/;
const TOKEN = /^[A-Za-z0-9_-]{8,64}$/;
/** The buttons that the worker knows what to do with. */
const KNOWN_ACTIONS = ['done', 'later'];

/**
 * @typedef {object} Shown
 * @property {string} title
 * @property {NotificationOptions & { actions: { action: string, title: string }[], data: { tip: string | null, path: string, tokens: Record<string, string> } }} options
 */

/**
 * What to show for a message.
 * @param {string | null} text the decrypted body, if there was one
 * @param {string} origin of this page @returns {Shown}
 */
export function readMessage(text, origin) {
  const said = parse(text);
  const notification = said?.web_push === DECLARATIVE && isObject(said.notification) ? said.notification : {};
  const tip = typeof notification.data?.tip === 'string' && TOKEN.test(notification.data.tip) ? notification.data.tip : null;
  return {
    title: words(notification.title, 120) || say('push.title'),
    options: {
      body: words(notification.body, 240),
      lang: typeof notification.lang === 'string' && /^[a-zA-Z-]{2,12}$/.test(notification.lang) ? notification.lang : LANGUAGE,
      dir: ['auto', 'ltr', 'rtl'].includes(notification.dir) ? notification.dir : 'auto',
      // The same tip a second time replaces the first one without a sound.
      tag: tip ?? 'oo',
      icon: '/icons/oo-192.png',
      badge: '/icons/oo-192.png',
      data: { tip, path: pathOf(notification.navigate, origin), tokens: tokensOf(notification.data?.tokens) },
      actions: tip ? actionsOf(notification.actions) : [],
    },
  };
}

/**
 * What a button of a notification answers.
 * @param {string} action @returns {import('../../contracts/generated/contracts.d.ts').Answer | null} null: it was the body
 */
export function answerOf(action) {
  if (action === 'done') return { kind: 'done' };
  if (action === 'later') return { kind: 'not_now', until: null };
  return null;
}

/** The same button of the same tip is the same answer, however often it is delivered. @param {string} action @param {string} tip */
export const answerId = (action, tip) => `push-${action}-${tip}`;

/** What the buttons answer with, where there is no session. @param {any} tokens @returns {Record<string, string>} */
function tokensOf(tokens) {
  if (!isObject(tokens)) return {};
  return Object.fromEntries(KNOWN_ACTIONS.filter((action) => BEARER.test(tokens[action])).map((action) => [action, tokens[action]]));
}

/** @param {string | null} text @returns {any} */
function parse(text) {
  try {
    const said = JSON.parse(text ?? '');
    return isObject(said) ? said : null;
  } catch {
    return null;
  }
}

/** @param {any} value */
const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

/** @param {any} value @param {number} most */
const words = (value, most) => (typeof value === 'string' ? [...value].slice(0, most).join('').trim() : '');

/** Only a path of ours is ever opened. @param {any} navigate @param {string} origin */
function pathOf(navigate, origin) {
  if (typeof navigate !== 'string' || !URL.canParse(navigate, origin)) return '/';
  const address = new URL(navigate, origin);
  return address.origin === origin ? address.pathname + address.search + address.hash : '/';
}

/** @param {any} actions @returns {{ action: string, title: string }[]} */
function actionsOf(actions) {
  if (!Array.isArray(actions)) return [];
  return actions
    .filter((one) => isObject(one) && KNOWN_ACTIONS.includes(one.action) && words(one.title, 40))
    .slice(0, 2)
    .map((one) => ({ action: one.action, title: words(one.title, 40) }));
}
