// What oO says, and what it never says.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ago, clock, day, say, times } from '../app/words.js';
import { folder, NOON, text } from './known.js';

/**
 * Words that push, blame or count, by language: the same list that holds the words of the tips. The page treats people as
 * capable adults.
 */
const LISTS = Object.values(JSON.parse(text('tests/forbidden.json')));
/** @type {(word: string) => string} */
const escaped = (word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/'/g, "[’']?");
/** @type {(words: string[], before: string, after: string) => RegExp[]} */
const patterns = (words, before, after) => words.map((word) => new RegExp(`${before}${escaped(word)}${after}`, 'iu'));
const FORBIDDEN = LISTS.flatMap(({ whole, beginning, anywhere }) => [
  ...patterns(whole, '(?<!\\p{L})', '(?!\\p{L})'),
  ...patterns(beginning, '(?<!\\p{L})', ''),
  ...patterns(anywhere, '', ''),
]);
const EMOJI = /\p{Extended_Pictographic}/u;

test('no word of any language pushes or blames', async () => {
  const files = folder('words/');
  assert.ok(files.length > 0);
  for (const file of files) {
    const { default: words } = await import(`../${file}`);
    for (const [key, said] of Object.entries(words)) {
      assert.equal(typeof said, 'string', `${file} ${key}`);
      for (const word of FORBIDDEN) assert.doesNotMatch(said, word, `${file} ${key}`);
      assert.doesNotMatch(said, EMOJI, `${file} ${key}`);
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

test('every language that there are words in is offered, with those for later', () => {
  for (const file of folder('words/')) assert.ok(text(file.endsWith('.later.js') ? 'app/more-words.js' : 'app/words.js').includes(`'../${file}'`), file);
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
