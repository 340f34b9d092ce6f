// What the tests know: files of the page, examples of the contracts, and a day to begin with.

import { readFileSync, readdirSync, statSync } from 'node:fs';

const web = new URL('../', import.meta.url);
const examples = new URL('../../contracts/examples/', import.meta.url);

/** @param {string} path @returns {string} */
export const text = (path) => readFileSync(new URL(path, web), 'utf8');

/** @param {string} path */
export const bytes = (path) => readFileSync(new URL(path, web));

/** All files of a folder of the page. @param {string} folder @returns {string[]} */
export const folder = (folder) => readdirSync(new URL(folder, web)).map((name) => `${folder}${name}`);

/** @param {string} path */
export function exists(path) {
  return statSync(new URL(path, web), { throwIfNoEntry: false })?.isFile() ?? false;
}

/** The contracts' examples of one type, as text: `[name, text]`. @param {'accepted' | 'rejected'} kind @param {string} type @returns {[string, string][]} */
export function examplesOf(kind, type) {
  const names = readdirSync(new URL(`${kind}/`, examples)).filter((name) => name.startsWith(`${type}.`));
  return names.map((name) => [name, readFileSync(new URL(`${kind}/${name}`, examples), 'utf8')]);
}

/** The first moment of the tests. */
export const NOON = Date.parse('2026-03-02T12:00:00Z');
/** @param {number} ms */
export const iso = (ms) => new Date(ms).toISOString();
const MINUTE = 60_000;

/** @returns {import('../app/view.js').Card} */
export const CARD = () => ({
  id: 'tip_dentist1',
  moment: '12 free minutes before your 15:00',
  text: 'Call the dentist back.',
  why: ['Due today', 'It takes about 5 minutes'],
  not_after: iso(NOON + 20 * MINUTE),
  language: 'en',
  source: 'Todoist (sandbox)',
});

/** A person with one link and nothing to do. @param {Partial<import('../app/view.js').State>} [some] @returns {import('../app/view.js').State} */
export const state = (some = {}) => ({
  version: '7',
  tip: null,
  answered: null,
  looked_at: iso(NOON - 3 * MINUTE),
  next_look: iso(NOON + 40 * MINUTE),
  given_today: 1,
  budget: 3,
  zone: 'Europe/Zurich',
  had_tip: false,
  accounts: [{ id: 'a1', provider: 'todoist', name: 'Todoist (sandbox)', status: { kind: 'active' } }],
  providers: [{ provider: 'google_calendar', name: 'Google Calendar', sandbox: true }],
  push: { key: 'BKd0', devices: [], email: false },
  now: iso(NOON),
  speed: 1,
  ...some,
});

/** What the page knows just after it heard `state()`. @param {Partial<import('../app/view.js').Facts>} [some] @returns {import('../app/view.js').Facts} */
export const facts = (some = {}) => ({
  wall: NOON,
  state: state(),
  at: NOON,
  reach: 'here',
  given: null,
  settled: [],
  restored: null,
  heard: null,
  passedUntil: 0,
  open: null,
  later: false,
  unlinking: null,
  me: null,
  form: null,
  tested: null,
  doubted: '',
  choices: null,
  corrected: null,
  erasing: false,
  erased: null,
  linked: null,
  linkFailed: false,
  server: null,
  letter: null,
  staleLink: false,
  failed: false,
  asking: 'ask',
  refusedAt: 0,
  byEmail: false,
  mended: [],
  push: { support: 'yes', permission: 'default', on: false },
  host: 'oo.example',
  ways: null,
  doors: null,
  canPasskey: false,
  refusedIn: false,
  locale: 'en-GB',
  ...some,
});
