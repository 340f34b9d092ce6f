// What oO says, and what it never says.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ago, clock, day, say, times } from '../app/words.js';
import { folder, NOON } from './known.js';

/** Words that push, blame or count. The page treats people as capable adults. */
const FORBIDDEN = [/overdue/i, /\bmissed\b/i, /don[’']?t forget/i, /do not forget/i, /\bstreak/i, /still haven/i, /\bhurry\b/i, /\bfail(ed|ure)?\b/i, /\blate\b/i, /!/];
const EMOJI = /\p{Extended_Pictographic}/u;

test('no word of any language pushes or blames', async () => {
  const files = folder('words/');
  assert.ok(files.length > 0);
  for (const file of files) {
    const { default: words } = await import(`../${file}`);
    for (const [key, text] of Object.entries(words)) {
      assert.equal(typeof text, 'string', `${file} ${key}`);
      for (const word of FORBIDDEN) assert.doesNotMatch(text, word, `${file} ${key}`);
      assert.doesNotMatch(text, EMOJI, `${file} ${key}`);
    }
  }
});

test('the lint finds what it forbids', () => {
  for (const bad of ['Three tasks are overdue', 'You missed it', 'Don’t forget the milk', 'Keep your streak', 'Now!']) {
    assert.ok(FORBIDDEN.some((word) => word.test(bad)), bad);
  }
});

test('every language has the same keys and the same blanks', async () => {
  const later = (/** @type {string} */ file) => file.endsWith('.later.js');
  const [{ default: soon }, { default: then }] = [await import('../words/en.js'), await import('../words/en.later.js')];
  for (const key of Object.keys(then)) assert.ok(!(key in soon), `${key} is there twice`);
  /** @param {string} text */
  const blanks = (text) => [...text.matchAll(/\{\w+\}/g)].map(([blank]) => blank).sort();
  for (const file of folder('words/')) {
    const { default: words } = await import(`../${file}`);
    const english = later(file) ? then : soon;
    assert.deepEqual(Object.keys(words).sort(), Object.keys(english).sort(), file);
    for (const [key, text] of Object.entries(english)) assert.deepEqual(blanks(words[key]), blanks(text), `${file} ${key}`);
  }
});

test('what is filled in is text, never a pattern', () => {
  assert.equal(say('link.sandbox'), 'Sandbox, with sample data');
  assert.equal(say('reconnect.text', { account: '$& {day}' }), 'oO cannot see $& {day} any more.');
});

test('times are said in the zone of the person, and the day only when it is another', () => {
  assert.equal(clock(NOON, NOON, 'Europe/Zurich', 'en-GB'), '13:00');
  assert.equal(clock(NOON, NOON, 'Asia/Kolkata', 'en-GB'), '17:30');
  assert.match(clock(NOON + 12 * 3_600_000, NOON, 'Europe/Zurich', 'en-GB'), /^Tue/);
  assert.doesNotThrow(() => clock(NOON, NOON, 'Not/AZone', 'en-GB'));
  assert.doesNotThrow(() => clock(NOON, NOON, '', 'en-GB'));
});

test('counts and distances are said in words', () => {
  assert.equal(times(3), 'three times');
  assert.equal(times(99), 'five times');
  assert.equal(ago(NOON - 180_000, NOON), '3 minutes ago');
  assert.equal(ago(NOON + 5_000, NOON), 'just now');
  assert.equal(ago(NOON - 2 * 3_600_000, NOON), '2 hours ago');
  assert.equal(day(NOON - 30 * 86_400_000, NOON, 'UTC'), 'on January 31');
});
