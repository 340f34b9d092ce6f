// What the page shows, for everything that it can know.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { look as lookAtServer, send } from '../app/server.js';
import { liveTip, look, ooNow, PASSED, REFUSAL, UNDO, wallAt } from '../app/view.js';
import { choices, times } from '../app/when.js';
import { erased, you } from '../app/you.js';
import { Problem } from '../sdk/oo.js';
import { CARD, examplesOf, facts, iso, NOON, state } from './known.js';

const MINUTE = 60_000;
/** @param {import('../app/view.js').View} view */
const actions = (view) => view.answers.map((answer) => answer.action);
const tipped = () => state({ tip: CARD() });

test('signed out, it says what oO is and how to come in', () => {
  const view = look(facts({ state: null, reach: 'signed-out' }));
  assert.equal(view.name, 'signed-out');
  assert.match(view.note, /oo\.example/);
  assert.deepEqual(actions(view), []);
  assert.equal(view.door, false);
  assert.match(look(facts({ state: null, reach: 'signed-out', staleLink: true })).note, /used already/);
});

test('before the server has spoken it shows nothing but a remembered tip that is still good', () => {
  assert.equal(look(facts({ state: null, reach: 'opening' })).name, 'opening');
  assert.equal(look(facts({ reach: 'opening' })).name, 'opening');
  assert.equal(look(facts({ reach: 'opening', state: tipped() })).text, CARD().text);
  assert.equal(look(facts({ reach: 'opening', state: tipped(), wall: NOON + 21 * MINUTE })).name, 'opening');
});

test('a tip is shown with its moment, its reasons, three answers and where it comes from', () => {
  const view = look(facts({ state: tipped() }));
  assert.equal(view.name, 'tip');
  assert.equal(view.moment, CARD().moment);
  assert.deepEqual(view.why.map((fact) => fact.text), CARD().why);
  assert.deepEqual(actions(view), ['done', 'not_now', 'not_for_me']);
  assert.equal(view.foot, 'Todoist (sandbox)');
  assert.equal(view.found, true);
  assert.equal(view.own, true, 'the person wrote it, in whatever language');
  assert.match(view.announce, /Call the dentist back/);
  assert.equal(view.until, NOON + 20 * MINUTE, 'and it goes away by itself');
});

test('no tip is shown after its end, whoever said it', () => {
  const end = NOON + 20 * MINUTE;
  for (const reach of /** @type {const} */ (['here', 'offline', 'resting', 'opening'])) {
    assert.equal(look(facts({ state: tipped(), reach, wall: end - 1 })).text, CARD().text, reach);
    assert.notEqual(look(facts({ state: tipped(), reach, wall: end })).text, CARD().text, reach);
  }
});

test('on a clock that runs sixty times as fast a tip lives a sixtieth as long', () => {
  const fast = facts({ state: { ...tipped(), speed: 60 } });
  assert.equal(ooNow({ ...fast, wall: NOON + 1_000 }), NOON + MINUTE);
  assert.equal(wallAt(fast, NOON + 20 * MINUTE), NOON + 20_000);
  assert.equal(look(fast).until, NOON + 20_000);
  assert.ok(liveTip({ ...fast, wall: NOON + 19_999 }));
  assert.equal(liveTip({ ...fast, wall: NOON + 20_000 }), null);
  assert.match(look(fast).foot, /clock ×60/);
});

test('an answer shows at once, with Undo, and goes by itself', () => {
  const given = { card: CARD(), kind: /** @type {const} */ ('done'), until: NOON + UNDO, queued: false };
  const after = facts({ state: tipped(), given, settled: [CARD().id] });
  const view = look(after);
  assert.equal(view.name, 'answered');
  assert.deepEqual(actions(view), ['undo']);
  assert.equal(view.until, NOON + UNDO);
  assert.equal(look({ ...after, wall: NOON + UNDO }).name, 'idle', 'though the server has not said so yet');
  assert.match(look({ ...after, given: { ...given, queued: true } }).note, /sent later/);
});

test('each answer has words of its own', () => {
  const said = /** @type {const} */ (['done', 'not_now', 'not_for_me']).map((kind) => look(facts({ given: { card: CARD(), kind, until: NOON + 1, queued: false } })).text);
  assert.equal(new Set(said).size, 3);
});

test('an undone tip is back before the server says so, and not for longer than it lives', () => {
  const restored = { card: CARD(), until: NOON + 10_000 };
  assert.equal(look(facts({ restored })).name, 'tip');
  assert.equal(look(facts({ restored, wall: NOON + 10_000 })).name, 'idle');
  const old = { card: { ...CARD(), not_after: iso(NOON) }, until: NOON + 10_000 };
  assert.equal(look(facts({ restored: old })).name, 'idle');
});

test('an answer given on another device is said once, and can be taken back here', () => {
  const answered = { tip: CARD().id, answer: { kind: /** @type {const} */ ('not_for_me') }, undo_until: iso(NOON + 10 * MINUTE) };
  const heard = { tip: CARD().id, until: NOON + UNDO };
  const there = facts({ state: state({ answered }), heard });
  assert.equal(look(there).name, 'answered');
  assert.equal(look(there).answers[0].about, CARD().id);
  assert.equal(look({ ...there, wall: NOON + UNDO }).name, 'idle', 'not for the ten minutes that the server allows');
  assert.equal(look({ ...there, heard: null }).name, 'idle', 'not again after a reload');
  assert.equal(look({ ...there, settled: [CARD().id] }).name, 'idle', 'not what was answered here');
});

test('nothing linked: it offers the providers and says which are a sandbox', () => {
  const none = state({ accounts: [], providers: [
    { provider: 'todoist', name: 'Todoist', sandbox: true },
    { provider: 'google_calendar', name: 'Google Calendar', sandbox: false },
  ] });
  const view = look(facts({ state: none }));
  assert.equal(view.name, 'link');
  assert.deepEqual(view.answers.map(({ action, about, hint }) => [action, about, hint]), [
    ['link', 'todoist', 'Sandbox, with sample data'],
    ['link', 'google_calendar', undefined],
    ['later', undefined, undefined],
  ]);
  assert.equal(look(facts({ state: none, later: true })).name, 'idle');
  assert.match(look(facts({ state: none, linkFailed: true })).note, /not linked/);
});

test('one link is enough', () => {
  assert.equal(look(facts()).name, 'idle');
});

test('notifications are asked for only after a first tip, where they can be had, and not again for 30 days', () => {
  const had = facts({ state: state({ had_tip: true }) });
  assert.equal(look(facts()).name, 'idle', 'no tip yet');
  const view = look(had);
  assert.equal(view.name, 'permission');
  assert.match(view.note, /three times a day/);
  assert.deepEqual(actions(view), ['allow', 'refuse']);
  assert.equal(look({ ...had, refusedAt: NOON - REFUSAL + 1 }).name, 'idle');
  assert.equal(look({ ...had, refusedAt: NOON - REFUSAL }).name, 'permission');
  assert.equal(look({ ...had, push: { support: 'yes', permission: 'denied', on: false } }).name, 'idle');
  assert.equal(look({ ...had, push: { support: 'yes', permission: 'granted', on: true } }).name, 'idle');
  assert.equal(look({ ...had, push: { support: 'no', permission: 'default', on: false } }).name, 'idle');
  assert.equal(look({ ...had, push: { support: 'install', permission: 'default', on: false } }).name, 'install');
  assert.equal(look({ ...had, state: state({ had_tip: true, push: { key: '', devices: [], email: false } }) }).name, 'idle');
});

test('a tip comes before the question for notifications', () => {
  assert.equal(look(facts({ state: tipped(), asking: 'waiting' })).name, 'tip');
});

test('the question says honestly how it went', () => {
  const asked = facts({ state: state({ had_tip: true }), push: { support: 'yes', permission: 'granted', on: false } });
  assert.deepEqual(actions(look({ ...asked, asking: 'waiting' })), []);
  assert.match(look({ ...asked, asking: 'failed' }).text, /could not reach your browser/);
  assert.deepEqual(actions(look({ ...asked, asking: 'failed' })), ['allow', 'fine']);
  assert.match(look({ ...asked, asking: 'denied' }).text, /said no/);
  assert.match(look({ ...asked, asking: 'lost' }).text, /no longer reach this device/);
  assert.deepEqual(actions(look({ ...asked, asking: 'lost' })), ['allow', 'fine']);
});

test('idle proves that oO looks', () => {
  assert.equal(look(facts()).note, 'Next look around 13:40.', 'in the zone of the person');
  assert.equal(look(facts({ state: state({ next_look: null }) })).note, 'Looked 3 minutes ago.');
  assert.equal(look(facts({ state: state({ next_look: iso(NOON - 1) }) })).note, 'Looked 3 minutes ago.');
  assert.match(look(facts({ state: state({ next_look: iso(NOON + 20 * 60 * MINUTE) }) })).note, /around Tue/);
  assert.equal(look(facts()).foot, '1 of 3 today');
  assert.match(look(facts({ state: state({ budget: 0 }) })).text, /Silent today/);
});

test('just linked, it says so until the first look is due', () => {
  const linked = { provider: 'todoist', until: NOON + MINUTE };
  assert.match(look(facts({ linked })).note, /Todoist \(sandbox\) is linked/);
  assert.match(look(facts({ linked, wall: NOON + MINUTE })).note, /Next look/);
});

test('a link that only the person can mend interrupts once, and never a tip', () => {
  const accounts = [{ id: 'a1', provider: /** @type {const} */ ('todoist'), name: 'Todoist', status: { kind: /** @type {const} */ ('reconnect_needed'), since: iso(NOON - 24 * 60 * MINUTE) } }];
  const view = look(facts({ state: state({ accounts }) }));
  assert.equal(view.name, 'reconnect');
  assert.match(view.note, /on Sunday/);
  assert.equal(look(facts({ state: state({ accounts }), mended: ['a1'] })).name, 'idle');
  assert.equal(look(facts({ state: state({ accounts, tip: CARD() }) })).name, 'tip');
});

test('offline, a good tip stays with its answers and says when it was saved', () => {
  const view = look(facts({ state: tipped(), reach: 'offline', wall: NOON + MINUTE }));
  assert.equal(view.name, 'offline');
  assert.equal(view.text, CARD().text);
  assert.equal(view.note, 'Offline. Saved at 13:00.');
  assert.deepEqual(actions(view), ['done', 'not_now', 'not_for_me']);
  assert.match(look(facts({ reach: 'offline' })).text, /You are offline/);
});

test('without an answer of the server it says that oO rests, and lets one try again', () => {
  const view = look(facts({ reach: 'resting', state: null }));
  assert.equal(view.name, 'error');
  assert.equal(view.text, 'oO is resting. It will be back.');
  assert.deepEqual(actions(view), ['again']);
  assert.equal(look(facts({ reach: 'resting', state: tipped() })).text, CARD().text, 'a good tip stays');
});

test('a moment that passed is said for a while, and offline for as long as that is all there is', () => {
  const passed = facts({ passedUntil: NOON + PASSED });
  assert.equal(look(passed).name, 'expired');
  assert.equal(look({ ...passed, wall: NOON + PASSED }).name, 'idle');
  const offline = look(facts({ state: tipped(), reach: 'offline', wall: NOON + 60 * MINUTE }));
  assert.equal(offline.name, 'expired');
  assert.match(offline.note, /look again when you are back/);
});

test('"You" shows the links as they truly stand, and asks twice before it unlinks', () => {
  const open = facts({ open: you });
  const view = look(open);
  assert.equal(view.name, 'you');
  assert.deepEqual(view.rows.map((row) => [row.text, row.action?.action]), [
    ['Todoist (sandbox)', 'unlink'],
    ['Google Calendar', 'link'],
    ['Notifications', 'allow'],
    ['Tips today', undefined],
    ['Everything that oO holds of you', 'export'],
    ['Erase everything', 'erase'],
  ]);
  assert.equal(look({ ...open, unlinking: 'a1' }).rows[0].action?.action, 'unlink-sure');
  assert.equal(look({ ...open, push: { support: 'yes', permission: 'granted', on: true } }).rows[2].action?.action, 'push-off');
  assert.equal(look({ ...open, push: { support: 'yes', permission: 'denied', on: false } }).rows[2].action, undefined);
});

test('every example of a state in the contracts can be shown', () => {
  const examples = examplesOf('accepted', 'State');
  assert.ok(examples.length >= 2);
  for (const [name, text] of examples) {
    const said = JSON.parse(text);
    const view = look(facts({ state: said, wall: Date.parse(said.now), at: Date.parse(said.now) }));
    assert.notEqual(view.text, '', name);
    assert.doesNotMatch(JSON.stringify(view), /\{\w+\}|undefined|Invalid|NaN/, name);
  }
});

test('it is a pure function', () => {
  const before = facts({ state: tipped() });
  const copy = structuredClone(before);
  assert.deepEqual(look(before), look(before));
  assert.deepEqual(before, copy);
});

test('erasing wants a second click, and ends in a receipt', () => {
  const rows = (/** @type {boolean} */ erasing) => look(facts({ open: you, erasing })).rows.map((row) => row.action?.action);
  assert.ok(rows(false).includes('export') && rows(false).includes('erase') && !rows(false).includes('erase-sure'));
  assert.ok(rows(true).includes('erase-sure') && !rows(true).includes('erase'));
  const receipt = { receipt: 'a1b2c3d4e5f6a7b8', begun: iso(NOON), finished: iso(NOON), messages: 3, accounts: 1, unrevoked: 0, doors: 1, devices: 0 };
  const over = look(facts({ state: null, reach: 'signed-out', erased: () => erased(receipt) }));
  assert.deepEqual([over.name, over.text, over.note], ['erased', 'Everything is erased.', '']);
  assert.match(over.foot, /a1b2c3d4e5f6a7b8/);
  assert.match(look(facts({ erased: () => erased({ ...receipt, unrevoked: 1 }) })).note, /providers/);
  assert.match(look(facts({ erased: () => erased({ ...receipt, finished: null }) })).note, /clearing up/);
});

test('a broken link says since when and why, and how to mend it', () => {
  const broken = (/** @type {any} */ why) => state({ accounts: [{ id: 'a1', provider: 'todoist', name: 'Todoist', status: { kind: 'reconnect_needed', since: iso(NOON - 90 * MINUTE), ...(why ? { why } : {}) } }] });
  const said = ['withdrawn', 'narrowed', 'unrenewable', 'password', null].map((why) => {
    const view = look(facts({ state: broken(why) }));
    assert.equal(view.name, 'reconnect');
    assert.equal(view.text, 'oO cannot see Todoist any more.');
    assert.match(view.note, /The link ended on Monday/);
    assert.deepEqual(actions(view), ['link', 'mend-later']);
    assert.equal(look(facts({ state: broken(why), open: you })).rows[0].note, view.note);
    return view.note;
  });
  assert.equal(new Set(said).size, 5, 'each cause has words of its own');
});

const own = () => state({ providers: [{ provider: 'nextcloud', name: 'Nextcloud', sandbox: false, wants: 'server' }, { provider: 'caldav', name: 'CalDAV', sandbox: false, wants: 'app_password' }] });

test('a server of one’s own is asked for by its address, and only one without a page of its own by an app-specific password', () => {
  const nextcloud = look(facts({ state: own(), server: { provider: 'nextcloud', look: lookAtServer } }));
  assert.deepEqual(nextcloud.fields.map((field) => field.name), ['address']);
  assert.match(nextcloud.note, /never sees your password/);
  const caldav = look(facts({ state: own(), server: { provider: 'caldav', look: lookAtServer } }));
  assert.deepEqual(caldav.fields.map((field) => [field.name, field.kind]), [['address', 'url'], ['user', 'text'], ['app_password', 'password']]);
  assert.equal(caldav.fields[2].label, 'App-specific password');
  assert.match(caldav.fields[2].hint, /never your main password/);
  assert.match(caldav.note, /Never enter your main password/);
  assert.deepEqual(actions(caldav), ['server-link', 'server-back']);
  // A tip that comes meanwhile does not take the form away.
  assert.equal(look(facts({ state: { ...own(), tip: CARD() }, server: { provider: 'caldav', look: lookAtServer } })).name, 'server');
  const open = look(facts({ state: own(), server: { provider: 'nextcloud', look: lookAtServer, at: 'https://cloud.example.org/login/v2/flow/x' } }));
  assert.equal(open.text, 'Say yes at cloud.example.org.');
  assert.deepEqual(open.answers[0], { action: 'server-open', label: 'Open cloud.example.org', about: 'https://cloud.example.org/login/v2/flow/x', tone: 'first' });
});

test('what a server answers is said in words that help, and heard', async () => {
  const said = new Set();
  for (const [status, trouble] of /** @type {const} */ ([[403, 'refused'], [409, 'taken'], [422, 'nowhere'], [429, 'often'], [502, 'silent']])) {
    const refuse = async () => {
      throw new Problem(status, 'no');
    };
    const form = /** @type {any} */ (undefined);
    const after = await send({ provider: 'caldav', look: lookAtServer }, form, refuse, { origin: 'https://oo.example', assign() {} });
    assert.equal(after?.trouble, trouble);
    const view = look(facts({ state: own(), server: after }));
    assert.equal(view.announce, view.note);
    said.add(view.note);
  }
  assert.equal(said.size, 5);
  /** @type {string[]} */
  const went = [];
  const here = { origin: 'https://oo.example', assign: (/** @type {any} */ to) => void went.push(String(to)) };
  const stays = await send({ provider: 'nextcloud', look: lookAtServer }, /** @type {any} */ (undefined), async () => 'https://cloud.example.org/flow', here);
  assert.equal(stays?.at, 'https://cloud.example.org/flow');
  assert.equal(await send({ provider: 'caldav', look: lookAtServer }, /** @type {any} */ (undefined), async () => 'https://oo.example/?linked=caldav', here), null);
  assert.deepEqual(went, ['https://oo.example/?linked=caldav']);
});

/** Two facts that can be corrected and one that cannot. */
const doubtful = () => ({
  ...CARD(),
  why: ['12 free minutes before your 15:00', 'Due today', 'Drawn by lot'],
  corrections: [{ ground: /** @type {const} */ ('free_time'), of_the_thing: false }, { ground: /** @type {const} */ ('due'), of_the_thing: true }, null],
});
/** @param {import('../app/view.js').View} view */
const offered = (view) => view.why.map((fact) => fact.actions.map(({ action, about }) => `${action} ${about}`));

test('each fact can be doubted, and then said to be wrong, or not to be used', () => {
  const said = facts({ state: state({ tip: doubtful() }) });
  assert.deepEqual(offered(look(said)), [['doubt free_time'], ['doubt due'], []]);
  assert.deepEqual(offered(look({ ...said, doubted: 'due' })), [['doubt free_time'], ['wrong due', 'unused due'], []]);
  assert.deepEqual(offered(look({ ...said, doubted: 'free_time' }))[0], ['unused free_time'], 'it is of the day, not of this thing');
  assert.deepEqual(offered(look({ ...said, reach: 'offline' })).flat(), [], 'a correction is not queued');
});

test('what was corrected is left out at once, and can be taken back', () => {
  const corrected = { tip: CARD().id, ground: 'due', id: 'correct-1' };
  const view = look(facts({ state: state({ tip: doubtful() }), corrected }));
  assert.deepEqual(view.why.map((fact) => fact.text), ['12 free minutes before your 15:00', 'Drawn by lot', 'Understood. That is left out from now on.']);
  assert.deepEqual(offered(view)[2], ['take-back correct-1']);
  const other = look(facts({ state: state({ tip: { ...doubtful(), id: 'tip_another1' } }), corrected }));
  assert.equal(other.why.length, 3);
});

test('quiet for today says so', () => {
  const quiet_until = iso(NOON + 15 * 60 * MINUTE);
  assert.match(look(facts({ state: state({ quiet_until }) })).text, /Silent today/);
  assert.match(look(facts({ state: state({ quiet_until: iso(NOON) }) })).text, /Nothing needs you/);
});

const me = () => JSON.parse(examplesOf('accepted', 'Me').find(([name]) => name.startsWith('Me.everything'))?.[1] ?? '');
/** @param {Partial<import('../app/view.js').Facts>} [some] */
const opened = (some) => look(facts({ open: you, me: me(), state: state({ accounts: [{ id: 'acc_google_1', provider: 'google_calendar', name: 'Google Calendar', status: { kind: 'active' } }] }), ...some }));
/** @param {import('../app/view.js').View} view @param {string} text */
const row = (view, text) => view.rows.find((one) => one.text === text) ?? assert.fail(text);

test('"You" shows what each account gave, and what became of the tips', () => {
  const view = opened();
  assert.equal(row(view, 'Google Calendar').note, 'Linked · helped 4 times');
  assert.equal(row(view, 'The last four weeks').note, '7 of 13 tips done (54 %), 3 not now, 1 not for you. oO looked 100 times.');
  assert.match(row(opened({ me: { ...me(), weeks: [] } }), 'The last four weeks').note, /No tips yet/);
});

test('"You" keeps all unless its person wants less kept, and offers what is not chosen', () => {
  const kept = (/** @type {number | undefined} */ keep_days) => {
    const { note, more = [] } = row(opened({ me: { ...me(), preferences: { ...me().preferences, keep_days } } }), 'What is kept of your days');
    return [note, more.map(({ about }) => about)];
  };
  assert.deepEqual(kept(undefined), ['All of it, for as long as you are here', ['365', '90']]);
  assert.deepEqual(kept(90), ['What is older than 90 days goes, a day later. What it taught stays.', ['0', '365']]);
  assert.deepEqual(kept(1000)[1], ['0', '365', '90'], 'chosen elsewhere');
});

test('"You" changes the budget within its limits, and is quiet for today in one tap', () => {
  const budget = (/** @type {number} */ budget) => {
    const { action, more = [] } = row(opened({ me: { ...me(), preferences: { ...me().preferences, budget } } }), 'Tips today');
    return [action, ...more].map((one) => one?.about);
  };
  assert.deepEqual([budget(0), budget(3), budget(5)], [['1'], ['2', '4'], ['4']]);
  assert.equal(row(opened(), 'Quiet for today').action?.action, 'quiet-today');
  const quiet = state({ quiet_until: iso(NOON + 15 * 60 * MINUTE) });
  assert.equal(row(opened({ state: quiet }), 'Quiet for today').action?.action, 'loud-today');
});

test('"You" tells the quiet hours by day, days of the same together', () => {
  assert.equal(row(opened(), 'Quiet hours').note, '22:00–08:00');
  const [late, none] = [{ from: '23:00:00', to: '09:00:00' }, null];
  const week = { monday: late, tuesday: late, wednesday: late, thursday: late, friday: none, saturday: none, sunday: late };
  const some = { me: { ...me(), preferences: { ...me().preferences, quiet_week: week } } };
  assert.equal(row(opened(some), 'Quiet hours').note, 'Mon–Thu 23:00–09:00, Fri–Sat none, Sun 23:00–09:00');
  const form = opened({ ...some, form: { kind: 'quiet' } });
  assert.deepEqual(form.fields.map(({ label, value }) => `${label} ${value}`).slice(3, 5), ['Thursday 23:00–09:00', 'Friday ']);
  assert.match(opened({ ...some, form: { kind: 'quiet', trouble: 'No.' } }).note, /No\./);
});

test('"You" says what a notification says, where there are any, and lets it be discreet', () => {
  const { preferences, ...rest } = me();
  const told = row(opened(), 'What a notification says');
  assert.equal(told.note, 'The tip itself, also on a locked screen');
  assert.deepEqual([told.action?.action, told.action?.about], ['discreet', 'true']);
  const discreet = row(opened({ me: { ...rest, preferences: { ...preferences, discreet: true } } }), 'What a notification says');
  assert.deepEqual([discreet.note, discreet.action?.about], ['Only that there is a tip. The words are here.', 'false']);
  assert.ok(!opened({ me: { ...rest, preferences, devices: [] } }).rows.some(({ text }) => text === 'What a notification says'));
});

test('"You" has habits with a way to say that they are done, moods in one tap, corrections and devices', () => {
  const view = opened();
  assert.equal(row(view, 'stretch').note, 'Mon Tue · 06:00–10:00 · 10 min');
  assert.equal(row(view, 'stretch').action?.action, 'habit-done');
  const moods = row(view, 'How do you feel?').more ?? [];
  assert.deepEqual(moods.map(({ label, pressed }) => [label, pressed]), [['Low', false], ['Flat', false], ['Fine', false], ['Good', true], ['Great', false]]);
  assert.equal(row(view, 'When it is due').note, 'Wrong of “Call the dentist.”. oO leaves that out.');
  assert.equal(row(view, 'How much time is free').action?.about, 'correct_01jng3r9');
  assert.equal(row(view, 'Chrome on Android').action?.action, 'device-test');
  assert.match(row(opened({ tested: { device: 'dev_phone', well: false } }), 'Chrome on Android').note, /cannot be reached/);
  assert.doesNotMatch(JSON.stringify(view), /\{\w+\}|undefined|Invalid|NaN/);
});

test('"not now" is followed by when, if somebody wants to say', () => {
  const given = { card: CARD(), kind: /** @type {const} */ ('not_now'), until: NOON + UNDO, queued: false };
  assert.deepEqual(actions(look(facts({ given }))), ['undo'], 'until the times are loaded');
  const offered = look(facts({ given, choices }));
  assert.equal(offered.answers.at(-1)?.action, 'undo');
  assert.deepEqual(offered.answers[0], { action: 'until', label: 'In an hour', about: `${CARD().id} ${NOON + 3_600_000}` });
  const said = look(facts({ given: { ...given, back: 'Back at 14:00.' }, choices }));
  assert.deepEqual([said.note, actions(said)], ['Back at 14:00.', ['undo']]);
  assert.deepEqual(actions(look(facts({ given: { ...given, kind: 'done' }, choices }))), ['undo']);
});

test('tonight is offered while it is not yet evening, and tomorrow is the morning after', () => {
  const at = (/** @type {number} */ hour) => new Date(2026, 2, 28, hour).getTime();
  assert.deepEqual(times(at(12)).map(({ key, at }) => [key, new Date(at).getHours()]), [['hour', 13], ['tonight', 19], ['tomorrow', 9]]);
  assert.deepEqual(times(at(18)).map(({ key }) => key), ['hour', 'tomorrow']);
  assert.equal(new Date(times(at(23))[1].at).getDate(), 29);
});
