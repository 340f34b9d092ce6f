// Decides which facts the page says of the person: that somebody is here, and in which time zone.

/** Presence is said at most once in so long, so that switching windows is not a stream of signals. */
export const PRESENCE_EVERY = 30_000;

/**
 * @param {boolean} present
 * @param {{ present: boolean | null, at: number }} last what was said, and when
 * @param {number} now
 * @returns {number | null} in how many milliseconds to say it, or null to say nothing
 */
export function presenceIn(present, last, now) {
  if (last.present === present) return null;
  if (last.present === null) return 0;
  return Math.max(0, last.at + PRESENCE_EVERY - now);
}

/** The time zone that the browser is in. Temporal knows it at once; the first `Intl.DateTimeFormat` of a page keeps a phone busy for a third of a second. */
export function zoneHere() {
  const { Temporal } = /** @type {any} */ (globalThis);
  return /** @type {string} */ (Temporal?.Now.timeZoneId() ?? Intl.DateTimeFormat().resolvedOptions().timeZone);
}

/**
 * The browser's zone, if the server should be told: once for each change here, so that two devices in two zones do not fight.
 * @param {string} zone the browser's @param {string} told what this browser told the server last @param {string} known the server's
 */
export function zoneToTell(zone, told, known) {
  return zone && zone !== told && zone !== known ? zone : null;
}
