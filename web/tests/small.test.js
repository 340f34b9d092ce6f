// The small decisions: presence, zone, and what the device remembers.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memory, withoutOldWords } from '../app/memory.js';
import { PRESENCE_EVERY, presenceIn, zoneHere, zoneToTell } from '../app/presence.js';
import { CARD, iso, NOON, state } from './known.js';

test('presence is said when it changes, and not more often than it may', () => {
  assert.equal(presenceIn(true, { present: null, at: 0 }, NOON), 0);
  assert.equal(presenceIn(true, { present: true, at: NOON }, NOON + 999_999), null);
  assert.equal(presenceIn(false, { present: true, at: NOON }, NOON + 1_000), PRESENCE_EVERY - 1_000, 'it waits instead of being lost');
  assert.equal(presenceIn(false, { present: true, at: NOON }, NOON + PRESENCE_EVERY), 0);
});

test('the zone is told once for each change in this browser', () => {
  assert.equal(zoneToTell('Europe/Zurich', '', 'UTC'), 'Europe/Zurich');
  assert.equal(zoneToTell('Europe/Zurich', '', 'Europe/Zurich'), null);
  assert.equal(zoneToTell('Europe/Zurich', 'Europe/Zurich', 'Asia/Tokyo'), null, 'another device moved; this one did not');
  assert.equal(zoneToTell('Asia/Tokyo', 'Europe/Zurich', 'Europe/Zurich'), 'Asia/Tokyo');
  assert.equal(zoneToTell('', '', 'UTC'), null);
});

test('the zone here is the same with Temporal and without', () => {
  const here = /** @type {any} */ (globalThis);
  const { Temporal } = here;
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  try {
    delete here.Temporal;
    assert.equal(zoneHere(), zone);
    here.Temporal = { Now: { timeZoneId: () => 'Europe/Zurich' } };
    assert.equal(zoneHere(), 'Europe/Zurich');
  } finally {
    if (Temporal) here.Temporal = Temporal;
    else delete here.Temporal;
  }
});

/** @returns {any} */
function storage() {
  /** @type {Map<string, string>} */
  const kept = new Map();
  return {
    getItem: (/** @type {string} */ key) => kept.get(key) ?? null,
    setItem: (/** @type {string} */ key, /** @type {string} */ value) => kept.set(key, value),
    removeItem: (/** @type {string} */ key) => kept.delete(key),
  };
}

test('what is kept is recalled, and forgotten at once', () => {
  const one = memory(storage());
  one.keep({ zone: 'Europe/Zurich' });
  one.keep({ later: true });
  assert.deepEqual([one.recall().zone, one.recall().later], ['Europe/Zurich', true]);
  one.forget();
  assert.deepEqual([one.recall().zone, one.recall().later], ['', false]);
});

test('a storage that is full, forbidden or spoilt costs nothing else', () => {
  const angry = { getItem() { throw new Error('no'); }, setItem() { throw new Error('no'); }, removeItem() { throw new Error('no'); } };
  const spoilt = storage();
  spoilt.setItem('oo', '{not json');
  for (const one of [memory(null), memory(/** @type {any} */ (angry)), memory(spoilt)]) {
    assert.equal(one.recall().last, null);
    one.keep({ later: true });
    one.forget();
  }
});

test('the words of a tip do not outlive it, not even on the device', () => {
  const good = state({ tip: CARD() });
  assert.equal(withoutOldWords(good, NOON), good);
  const old = withoutOldWords(state({ tip: { ...CARD(), not_after: iso(NOON) } }), NOON);
  assert.equal(old.tip?.id, CARD().id);
  assert.doesNotMatch(JSON.stringify(old), /dentist back/);
});
