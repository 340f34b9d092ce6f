// The page "You": what oO holds of a person and does for them, and all that they can change. Loaded when somebody opens it.

import { codeForm, emailForm, emailRow } from './email.js';
import { WEEK } from './habit.js';
import './more-words.js';
import { ended, line, ooNow, speed, view } from './view.js';
import { ago, clock, dayName, say } from './words.js';

/** @typedef {import('./view.js').Facts} Facts */
/** @typedef {import('./view.js').State} State */
/** @typedef {import('./view.js').Action} Action */
/** @typedef {import('./view.js').Row} Row */
/** @typedef {import('../../contracts/generated/contracts.d.ts').Me} Me */
/** @typedef {import('./words.js').Key} Key */

/** Five moods, in words. */
export const MOODS = /** @type {const} */ ([1, 2, 3, 4, 5]);

/** @param {Facts} facts @param {State} state */
export function you(facts, state) {
  const { form, me } = facts;
  if (form?.kind === 'email') return emailForm(form);
  if (form?.kind === 'email-code') return codeForm(form);
  if (form && me) return form.kind === 'quiet' ? quietForm(me, form.trouble) : habitForm(form.trouble);
  const trouble = facts.linkFailed ? say('link.failed') : facts.failed ? say('failed') : '';
  return view({
    name: 'you', key: 'you', tone: 'tip', text: facts.doors?.name ?? say('you.text'),
    rows: [
      ...accountRows(facts, state),
      pushRow(facts, state),
      ...(me ? [...deviceRows(facts, me), ...discreetRow(facts, me), ...emailRow(state, me)] : []),
      { text: say('you.budget'), note: say('you.budget.note', { given: state.given_today, budget: state.budget }), ...(me ? budgetActions(me) : {}) },
      ...(me ? ownRows(facts, state, me) : []),
      ...doorRows(facts),
      ...(me ? [keepRow(me)] : []),
      ...rightsRows(facts),
    ],
    note: trouble,
    answers: [
      { action: 'back', label: say('you.back') },
      { action: 'sign-out', label: say('you.out'), tone: 'quiet' },
    ],
    foot: line(facts.host, speed(facts)),
    announce: trouble,
  });
}

/** @param {Facts} facts @param {State} state @returns {Row[]} */
function accountRows(facts, state) {
  const rows = state.accounts.map((account) => {
    const sure = facts.unlinking === account.id;
    const { status } = account;
    const note =
      status.kind === 'active' ? say('you.active')
      : status.kind === 'degraded' ? say('you.degraded')
      : ended(facts, state, account);
    const times = facts.me?.helped?.find((helped) => helped.account === account.id)?.times ?? 0;
    /** @type {Action} */
    const action =
      status.kind === 'reconnect_needed' && !sure
        ? { action: 'link', label: say('reconnect.again'), about: account.provider }
        : { action: sure ? 'unlink-sure' : 'unlink', label: say(sure ? 'you.unlink.sure' : 'you.unlink'), about: account.id };
    return { text: account.name, note: line(note, times ? say(times === 1 ? 'you.helped.once' : 'you.helped', { times }) : ''), action };
  });
  const open = state.providers.filter((offer) => !state.accounts.some((account) => account.provider === offer.provider));
  return rows.concat(open.map((offer) => ({
    text: offer.name,
    note: offer.sandbox ? say('link.sandbox') : say('you.none'),
    action: { action: 'link', label: say('you.link'), about: offer.provider },
  })));
}

/** @param {Me} me */
function budgetActions(me) {
  const { budget } = me.preferences;
  /** @type {Action[]} */
  const all = [];
  if (budget > 0) all.push({ action: 'budget', label: say('you.budget.less'), about: String(budget - 1) });
  if (budget < 5) all.push({ action: 'budget', label: say('you.budget.more'), about: String(budget + 1) });
  return { action: all[0], more: all.slice(1) };
}

/** What the person chose, defined, said and corrected, and what became of the tips. @param {Facts} facts @param {State} state @param {Me} me @returns {Row[]} */
function ownRows(facts, state, me) {
  const { mood, habits = [], corrections = [] } = me;
  const quiet = state.quiet_until;
  return [
    quiet
      ? { text: say('you.today'), note: say('you.today.until', { time: clock(Date.parse(quiet), ooNow(facts), state.zone, facts.locale) }), action: { action: 'loud-today', label: say('you.today.end') } }
      : { text: say('you.today'), note: say('you.today.note'), action: { action: 'quiet-today', label: say('you.today.begin') } },
    { text: say('you.quiet'), note: quietNote(me), action: { action: 'quiet-form', label: say('you.change') } },
    {
      text: say('you.mood'),
      note: mood ? say('you.mood.said', { mood: say(/** @type {Key} */ (`mood.${mood}`)) }) : say('you.mood.note'),
      more: MOODS.map((level) => ({ action: 'mood', label: say(/** @type {Key} */ (`mood.${level}`)), about: String(level), pressed: mood === level })),
    },
    ...habits.map(({ habit, done }) => ({
      text: habit.label,
      note: line(habitNote(habit), done ? say('you.habit.done') : ''),
      action: done ? undefined : { action: 'habit-done', label: say('tip.done'), about: habit.id },
      more: [{ action: 'habit-remove', label: say('you.passkey.remove'), about: habit.id, tone: /** @type {const} */ ('quiet') }],
    })),
    { text: say('you.habit.new'), note: say('you.habit.note'), action: { action: 'habit-form', label: say('you.passkey.add') } },
    ...corrections.map(({ id, fact, about }) => ({
      text: fact,
      note: about ? say('you.wrong', { about }) : say('you.unused'),
      action: { action: 'use-again', label: say('you.use-again'), about: id },
    })),
    {
      text: say('you.language'),
      note: say(/** @type {Key} */ (`you.language.${me.preferences.language}`)),
      more: /** @type {const} */ (['en', 'de']).filter((one) => one !== me.preferences.language).map((one) => ({ action: 'language', label: say(`you.language.${one}`), about: one })),
    },
    { text: say('you.weeks'), note: weeksNote(me) },
  ];
}

/** @param {Me} me */
function weeksNote({ weeks = [] }) {
  /** @param {'tips' | 'done' | 'not_now' | 'not_for_me' | 'looks'} what */
  const sum = (what) => weeks.reduce((total, week) => total + week[what], 0);
  if (!sum('tips')) return say('you.weeks.none', { looks: sum('looks') });
  const hits = Math.round((100 * sum('done')) / sum('tips'));
  return say('you.weeks.note', { hits, done: sum('done'), tips: sum('tips'), not_now: sum('not_now'), not_for_me: sum('not_for_me'), looks: sum('looks') });
}

/** "22:00–08:00" @param {{ from: string, to: string }} hours */
const span = ({ from, to }) => `${from.slice(0, 5)}–${to.slice(0, 5)}`;

/** The quiet hours of each day of the week, from Monday on. @param {Me} me */
export const quietWeek = ({ preferences: { quiet, quiet_week } }) => WEEK.map((day) => (quiet_week ? quiet_week[day] : quiet) ?? null);

/** @param {Me} me */
function quietNote(me) {
  const week = quietWeek(me);
  const said = week.map((hours) => (hours ? span(hours) : say('you.quiet.none')));
  if (said.every((hours) => hours === said[0])) return week[0] ? said[0] : say('you.quiet.never');
  // Days that follow each other with the same hours are told together.
  /** @type {{ first: number, last: number, hours: string }[]} */
  const runs = [];
  said.forEach((hours, day) => {
    const run = runs.at(-1);
    if (run?.hours === hours) run.last = day;
    else runs.push({ first: day, last: day, hours });
  });
  return runs.map(({ first, last, hours }) => `${dayName(first)}${last > first ? `–${dayName(last)}` : ''} ${hours}`).join(', ');
}

/** @param {NonNullable<Me['habits']>[number]['habit']} habit */
function habitNote({ days = [], from, to, minutes }) {
  const when = days.length === 0 ? say('you.habit.daily') : days.map((day) => dayName(WEEK.indexOf(day))).join(' ');
  return line(when, from === to ? '' : span({ from, to }), say('you.habit.takes', { minutes }));
}

/** @param {Me} me @param {string} [trouble] */
function quietForm(me, trouble = '') {
  const week = quietWeek(me);
  return view({
    name: 'form', key: 'form:quiet', tone: 'tip', text: say('quiet.text'), note: trouble || say('quiet.note'), announce: trouble,
    fields: WEEK.map((name, day) => ({ name, label: dayName(day, 'long'), hint: '', kind: /** @type {const} */ ('text'), optional: true, value: week[day] ? span(week[day]) : '' })),
    answers: [{ action: 'quiet-save', label: say('form.save'), tone: 'first' }, { action: 'form-back', label: say('you.back'), tone: 'quiet' }],
  });
}

/** @param {string} [trouble] */
function habitForm(trouble = '') {
  return view({
    name: 'form', key: 'form:habit', tone: 'tip', text: say('habit.text'), note: trouble || say('habit.note'), announce: trouble,
    fields: [{ name: 'habit', label: say('habit.label'), hint: say('habit.hint'), kind: 'text' }],
    answers: [{ action: 'habit-save', label: say('form.save'), tone: 'first' }, { action: 'form-back', label: say('you.back'), tone: 'quiet' }],
  });
}

/** @param {Facts} facts @param {State} state @returns {Row} */
function pushRow(facts, state) {
  const { support, permission, on } = facts.push;
  const text = say('you.push');
  if (support === 'install') return { text, note: say('install.text') };
  if (support === 'no' || !state.push.key) return { text, note: say('you.push.none') };
  if (permission === 'denied') return { text, note: say('you.push.denied') };
  if (on) return { text, note: say('you.push.on'), action: { action: 'push-off', label: say('you.push.stop') } };
  return { text, note: say('you.push.off'), action: { action: 'allow', label: say('you.push.allow') } };
}

/** How much a notification says, where there is any. @param {Facts} facts @param {Me} me @returns {Row[]} */
function discreetRow({ push }, { devices = [], preferences: { discreet = false } }) {
  if (!push.on && devices.length === 0) return [];
  return [{
    text: say('you.discreet'),
    note: say(discreet ? 'you.discreet.on' : 'you.discreet.off'),
    action: { action: 'discreet', label: say(discreet ? 'you.discreet.show' : 'you.discreet.hide'), about: String(!discreet) },
  }];
}

/** The devices that are reached, each to be tried. @param {Facts} facts @param {Me} me @returns {Row[]} */
function deviceRows(facts, { devices = [] }) {
  return devices.map(({ device, name, service, reached }) => {
    const tested = facts.tested && facts.tested.device === device ? facts.tested.well : null;
    const note = tested === null
      ? reached ? say('you.device.reached', { ago: ago(Date.parse(reached), facts.wall) }) : say('you.device.new')
      : say(tested ? 'you.device.sent' : 'you.device.failed');
    return {
      text: name ?? service, note,
      action: { action: 'device-test', label: say('you.device.test'), about: device },
      more: [{ action: 'device-forget', label: say('you.passkey.remove'), about: device, tone: /** @type {const} */ ('quiet') }],
    };
  });
}

/** By what this person comes in, and where they are. @param {Facts} facts @returns {Row[]} */
function doorRows(facts) {
  const { doors } = facts;
  if (!doors) return [];
  const now = facts.wall;
  /** @type {Row[]} */
  const rows = doors.passkeys.map(({ id, device, added, used }) => ({
    text: say('you.passkey', { device }),
    note: used ? say('you.passkey.used', { ago: ago(Date.parse(used), now) }) : say('you.passkey.added', { ago: ago(Date.parse(added), now) }),
    action: { action: 'passkey-remove', label: say('you.passkey.remove'), about: id },
  }));
  if (facts.ways?.passkeys && facts.canPasskey) {
    rows.push({ text: say('you.passkey.new'), note: say('you.passkey.why'), action: { action: 'passkey-add', label: say('you.passkey.add'), about: '' } });
  }
  const others = doors.sessions.filter((session) => !session.current);
  rows.push(...others.map(({ id, device, used }) => ({
    text: device,
    note: say('you.session', { ago: ago(Date.parse(used), now) }),
    action: { action: 'session-end', label: say('you.session.end'), about: id },
  })));
  return rows;
}

/** For how many days what happened may be kept; 0 is for ever. */
const KEEPS = /** @type {const} */ ([0, 365, 90]);

/** @param {Me} me @returns {Row} */
function keepRow({ preferences: { keep_days } }) {
  const days = keep_days ?? 0;
  return {
    text: say('you.keep'),
    note: days ? say('you.keep.days', { days }) : say('you.keep.all'),
    more: KEEPS.filter((one) => one !== days).map((one) => ({ action: 'keep', label: say(`you.keep.${one}`), about: String(one) })),
  };
}

/** @param {Facts} facts @returns {Row[]} */
function rightsRows(facts) {
  return [
    { text: say('you.export'), note: say('you.export.note'), action: { action: 'export', label: say('you.export.get') } },
    {
      text: say('you.erase'),
      note: say('you.erase.note'),
      action: { action: facts.erasing ? 'erase-sure' : 'erase', label: say(facts.erasing ? 'you.erase.sure' : 'you.erase.ask') },
    },
  ];
}

/** What is shown once everything is erased. @param {import('../../contracts/generated/contracts.d.ts').Erased} receipt */
export function erased(receipt) {
  const rest = !receipt.finished ? say('erased.under-way') : receipt.unrevoked > 0 ? say('erased.left') : '';
  return view({
    name: 'erased', key: 'erased', tone: 'tip', door: false,
    text: say('erased.text'),
    note: rest,
    answers: [{ action: 'begin-anew', label: say('erased.begin'), tone: 'quiet' }],
    foot: say('erased.note', { receipt: receipt.receipt }),
    announce: rest,
  });
}
