// Puts words and times together in the person's language.

import de from '../words/de.js';
import en from '../words/en.js';

/** @typedef {keyof typeof en | keyof typeof import('../words/en.later.js').default} Key */

/** The words of the first page come with it, in every language: to ask for one language's would cost a round trip before anything is seen. */
const WORDS = { en, de };

/** @param {string} tag @returns {tag is keyof typeof WORDS} */
const spoken = (tag) => tag in WORDS;

/** The language of the words: the first of the browser's that there are words in. */
export const LANGUAGE = (globalThis.navigator?.languages ?? []).map((tag) => tag.split('-')[0].toLowerCase()).find(spoken) ?? 'en';

/** @type {Record<string, string>} */
const known = { ...WORDS[LANGUAGE] };

/** More words to speak with. @param {Record<string, string>} words */
export function learn(words) {
  Object.assign(known, words);
}

/**
 * The words under a key, with `{name}` filled in.
 * @param {Key} key @param {Record<string, string | number>} [values]
 */
export function say(key, values = {}) {
  return known[key].replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/** "three times" for 3. @param {number} count */
export function times(count) {
  return say(/** @type {Key} */ (`times.${Math.min(5, Math.max(0, Math.round(count)))}`));
}

/**
 * A time on the person's wall clock, with the weekday when it is another day: "16:40", "Tue 08:00".
 * @param {number} at @param {number} now both in milliseconds @param {string} zone @param {string} [locale]
 */
export function clock(at, now, zone, locale) {
  const timeZone = knownZone(zone);
  const day = (/** @type {number} */ when) => new Intl.DateTimeFormat('en-CA', { timeZone, dateStyle: 'short' }).format(when);
  /** @type {Intl.DateTimeFormatOptions} */
  const shape = { timeZone, hour: 'numeric', minute: '2-digit' };
  if (day(at) !== day(now)) shape.weekday = 'short';
  return new Intl.DateTimeFormat(locale, shape).format(at);
}

/** The weekday, or the date when it is more than six days ago. @param {number} at @param {number} now @param {string} zone */
export function day(at, now, zone) {
  const timeZone = knownZone(zone);
  if (Math.abs(now - at) < 6 * 86_400_000) return say('on', { day: new Intl.DateTimeFormat(LANGUAGE, { timeZone, weekday: 'long' }).format(at) });
  return say('on', { day: new Intl.DateTimeFormat(LANGUAGE, { timeZone, day: 'numeric', month: 'long' }).format(at) });
}

/** A day of the week by its place, Monday first. @param {number} place @param {'short' | 'long'} [length] */
export function dayName(place, length = 'short') {
  // The fifth of January 1970 was a Monday.
  return new Intl.DateTimeFormat(LANGUAGE, { weekday: length, timeZone: 'UTC' }).format((4 + place) * 86_400_000);
}

/** "3 minutes ago". @param {number} at @param {number} now */
export function ago(at, now) {
  const minutes = Math.max(0, Math.round((now - at) / 60_000));
  const relative = new Intl.RelativeTimeFormat(LANGUAGE, { numeric: 'auto' });
  if (minutes < 1) return say('now');
  if (minutes < 60) return relative.format(-minutes, 'minute');
  if (minutes < 24 * 60) return relative.format(-Math.round(minutes / 60), 'hour');
  return relative.format(-Math.round(minutes / 1440), 'day');
}

/** A zone that this browser does not know must not blank the page. @param {string} zone */
function knownZone(zone) {
  try {
    return new Intl.DateTimeFormat(LANGUAGE, { timeZone: zone }).resolvedOptions().timeZone;
  } catch {
    return undefined;
  }
}
