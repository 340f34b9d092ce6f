// E-mail: what "You" shows of it, how an address is proven, and what a letter's link asks.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { askForCode, bringCode } from '../app/email.js';
import { look as lookAtLetter, send } from '../app/letter.js';
import { look } from '../app/view.js';
import { you } from '../app/you.js';
import { yours } from '../app/yours.js';
import { Problem, Unreachable } from '../sdk/oo.js';
import { CARD, examplesOf, facts, iso, NOON, state } from './known.js';

/** @typedef {import('../app/letter.js').Letter} Letter */
/** @typedef {import('../app/types.d.ts').Form} Form */

/** @param {import('../app/view.js').View} view */
const actions = (view) => view.answers.map((answer) => answer.action);
/** An oO that writes letters. @param {Partial<import('../app/view.js').State>} [some] */
const writes = (some) => state({ push: { key: 'BKd0', devices: [], email: true }, ...some });
/** @param {import('../../contracts/generated/contracts.d.ts').HeldEmail | null} email */
const me = (email) => ({ ...JSON.parse(examplesOf('accepted', 'Me').find(([name]) => name === 'Me.everything.json')?.[1] ?? ''), email });
/** @param {number} status @returns {() => Promise<never>} */
const refuse = (status) => async () => {
  throw status ? new Problem(status, 'no') : new Unreachable();
};
const WAITING = { address: 'ada@example.org', confirmed: null };

/** @param {import('../../contracts/generated/contracts.d.ts').HeldEmail | null} email */
function row(email, now = writes()) {
  const { rows } = look(facts({ open: you, me: me(email), state: now }));
  const at = rows.findIndex(({ text }) => text === 'E-mail');
  return { row: rows[at], before: rows[at - 1]?.text };
}

test('"You" tells of letters only where this oO writes any, after the notifications', () => {
  assert.equal(row(WAITING, state()).row, undefined);
  assert.equal(look(facts({ open: you, state: writes() })).rows.some(({ text }) => text === 'E-mail'), false, 'not before it is known whether there is an address');
  assert.equal(row(null).before, 'What a notification says');
});

test('"You" says how it stands with the address, and what can be done', () => {
  const stands = [null, WAITING, { ...WAITING, confirmed: iso(NOON) }].map((email) => {
    const { note, action, more = [] } = row(email).row;
    return [note, [action, ...more].map((one) => `${one?.label}: ${one?.action}`)];
  });
  assert.deepEqual(stands, [
    ['A letter, only where no device of yours can be reached', ['Add: email-form']],
    ['Waiting for the code sent to ada@example.org', ['Enter code: email-code-form', 'Remove: email-end']],
    ['ada@example.org', ['Remove: email-end']],
  ]);
});

/** @param {Form} form */
const filling = (form) => look(facts({ open: you, state: writes(), form }));

test('an address is asked for as one, and a code as one, each with a first button for the Enter key', () => {
  const asked = filling({ kind: 'email' });
  assert.deepEqual([asked.name, actions(asked)], ['form', ['email-send', 'form-back']]);
  assert.deepEqual(asked.fields.map(({ name, kind, value }) => [name, kind, value]), [['address', 'email', '']]);
  const code = filling({ kind: 'email-code', address: 'ada@example.org' });
  assert.deepEqual([code.name, actions(code)], ['form', ['email-confirm', 'form-back']]);
  assert.deepEqual(code.fields.map(({ name, kind }) => [name, kind]), [['code', 'code']]);
  assert.equal(code.note, 'It went to ada@example.org and is good for 15 minutes.');
  assert.notEqual(asked.key, code.key);
});

test('a code that was sent is asked for; one that was not says why', async () => {
  /** @type {string[][]} */
  const sent = [];
  const askEmail = async (/** @type {string} */ address, /** @type {string | undefined} */ language) => void sent.push([address, language ?? '']);
  assert.deepEqual(await askForCode({ askEmail }, { kind: 'email' }, 'ada@example.org'), { kind: 'email-code', address: 'ada@example.org' });
  assert.deepEqual(sent, [['ada@example.org', 'en']]);
  const said = [];
  for (const [status, words] of /** @type {const} */ ([[422, /cannot write to that address/], [429, /often/], [404, /No letter/], [502, /No letter/], [503, /No letter/], [0, /No letter/]])) {
    const form = await askForCode({ askEmail: refuse(status) }, { kind: 'email' }, 'ada@example.org');
    const view = filling(form);
    assert.equal(form.kind, 'email');
    assert.match(view.note, words, String(status));
    assert.equal(view.announce, view.note, 'and it is heard');
    assert.deepEqual(view.fields, filling({ kind: 'email' }).fields, 'what was filled in stays');
    said.push(view.note);
  }
  assert.equal(new Set(said).size, 3);
});

test('the right code ends the asking, a wrong one is asked for again, and one that is over leads back to the address', async () => {
  /** @type {Form} */
  const before = { kind: 'email-code', address: 'ada@example.org' };
  /** @type {string[]} */
  const brought = [];
  assert.equal(await bringCode({ confirmEmail: async (code) => void brought.push(code) }, before, '12345678'), null);
  assert.deepEqual(brought, ['12345678']);
  for (const [status, words] of /** @type {const} */ ([[422, /not the code/], [429, /often/], [503, /did not work/], [0, /did not work/]])) {
    const form = await bringCode({ confirmEmail: refuse(status) }, before, '1');
    assert.equal(form?.kind, 'email-code');
    assert.match(filling(form ?? before).note, words, String(status));
  }
  const over = await bringCode({ confirmEmail: refuse(410) }, before, '1');
  const view = filling(over ?? before);
  assert.match(view.note, /good no more/);
  assert.deepEqual([actions(view)[0], view.fields[0].value], ['email-send', 'ada@example.org']);
});

/**
 * The page "You" with a server that says how it stands with the address.
 * @param {Partial<import('../app/types.d.ts').Facts>} some @param {{ askEmail?: () => Promise<unknown>, confirmEmail?: () => Promise<unknown>, endEmail?: () => Promise<unknown> }} doors
 */
function page(some, doors) {
  const known = facts({ open: you, state: writes(), ...some });
  let learnt = 0;
  const kept = {};
  const own = yours(/** @type {any} */ ({
    facts: known,
    know: (/** @type {any} */ more) => Object.assign(known, more),
    remember: (/** @type {any} */ more) => Object.assign(kept, more),
    once: (/** @type {() => Promise<unknown>} */ what) => what().catch(() => Object.assign(known, { failed: true })),
    doors: { doors: async () => null, me: async () => ((learnt += 1), me(WAITING)), ...doors },
    form: () => undefined,
  }));
  return { facts: known, act: own.actions, learnt: () => learnt, kept };
}

test('what is clicked leads from one form to the next, and what changed is learnt anew', async () => {
  const well = async () => null;
  const asking = page({ me: me(null) }, { askEmail: well, confirmEmail: well, endEmail: well });
  await asking.act['email-form']('email');
  await asking.act['email-send']('');
  assert.deepEqual([asking.facts.form?.kind, asking.facts.me?.email, asking.learnt()], ['email-code', WAITING, 1]);
  await asking.act['form-back']('');
  await asking.act['email-code-form']('email');
  assert.deepEqual(asking.facts.form, { kind: 'email-code', address: 'ada@example.org' });
  await asking.act['email-confirm']('');
  assert.deepEqual([asking.facts.form, asking.learnt()], [null, 2]);
  await asking.act['email-end']('email');
  assert.equal(asking.learnt(), 3);

  const refused = page({ me: me(WAITING), form: { kind: 'email-code' } }, { confirmEmail: refuse(422) });
  await refused.act['email-confirm']('');
  assert.deepEqual([refused.facts.form?.kind, refused.learnt()], ['email-code', 1]);
  const over = page({ me: me(WAITING), form: { kind: 'email-code' } }, { confirmEmail: refuse(410) });
  await over.act['email-confirm']('');
  assert.deepEqual([over.facts.form?.kind, over.learnt()], ['email', 1]);
  const left = page({ me: me(null), form: { kind: 'email' } }, { askEmail: async () => left.act['form-back']('') });
  await left.act['email-send']('');
  assert.equal(left.facts.form, null, 'who went back stays there');
});

test('where notifications cannot be had, a letter is offered instead, if this oO writes any', () => {
  const asked = { state: writes({ had_tip: true }), push: { support: /** @type {const} */ ('yes'), permission: /** @type {const} */ ('granted'), on: false } };
  assert.deepEqual(actions(look(facts({ ...asked, asking: 'failed' }))), ['allow', 'email-instead', 'fine']);
  assert.deepEqual(actions(look(facts({ ...asked, asking: 'lost' }))), ['allow', 'email-instead', 'fine']);
  assert.deepEqual(actions(look(facts({ ...asked, asking: 'denied' }))), ['email-instead', 'fine']);
  const install = { push: { support: /** @type {const} */ ('install'), permission: /** @type {const} */ ('denied'), on: false } };
  assert.deepEqual(actions(look(facts({ ...asked, ...install }))), ['email-instead', 'refuse']);
  assert.deepEqual(actions(look(facts({ ...install, state: state({ had_tip: true }) }))), ['refuse']);
  const reached = writes({ had_tip: true });
  reached.push.devices = ['a-phone'];
  for (const some of [install, { asking: /** @type {const} */ ('failed') }, { asking: /** @type {const} */ ('denied') }]) {
    for (const has of [{ state: reached }, { byEmail: true }]) {
      assert.ok(!actions(look(facts({ ...asked, ...some, ...has }))).includes('email-instead'), 'nor to who is reached, or has an address');
    }
  }
  assert.deepEqual(actions(look(facts({ state: writes({ had_tip: true }) }))), ['allow', 'refuse'], 'not before the browser was asked');
});

test('only an address that is proved counts as one', async () => {
  for (const [email, byEmail] of /** @type {const} */ ([[null, false], [WAITING, false], [{ ...WAITING, confirmed: iso(NOON) }, true]])) {
    const own = page({ byEmail: !byEmail }, /** @type {any} */ ({ me: async () => me(email), endEmail: async () => null }));
    await own.act['email-end']('email');
    assert.equal(own.facts.byEmail, byEmail);
    assert.deepEqual(own.kept, { byEmail }, 'the next visit knows it');
  }
});

test('where the browser shows no notifications at all, letters are offered after a first tip', () => {
  for (const push of /** @type {const} */ ([{ support: 'no', permission: 'denied', on: false }, { support: 'yes', permission: 'denied', on: false }])) {
    const had = facts({ state: writes({ had_tip: true }), push });
    const view = look(had);
    assert.deepEqual([view.name, actions(view)], ['permission', ['email-instead', 'refuse']]);
    assert.match(view.text, /shows no notifications/);
    assert.equal(look({ ...had, byEmail: true }).name, 'idle', 'who has an address is not asked again');
    const reached = writes({ had_tip: true });
    reached.push.devices = ['a-phone'];
    assert.equal(look({ ...had, state: reached }).name, 'idle', 'nor who is reached on another device');
    assert.equal(look({ ...had, refusedAt: had.wall - 1 }).name, 'idle', 'nor who said no');
    assert.equal(look({ ...had, state: writes() }).name, 'idle', 'nor anybody before a tip came');
    assert.equal(look({ ...had, state: state({ had_tip: true }) }).name, 'idle', 'nor where oO writes no letters');
  }
});

/** @param {Partial<Letter>} [some] @returns {Letter} */
const letter = (some) => ({ asks: 'done', token: 'a.b', look: lookAtLetter, ...some });
/** @param {Partial<Letter>} some */
const read = (some) => look(facts({ letter: letter(some) }));

test('a letter’s link asks one question with one button', () => {
  const asked = /** @type {const} */ (['done', 'later', 'stop', 'never']).map((asks) => {
    const view = read({ asks });
    assert.deepEqual([view.name, actions(view), view.door], ['letter', ['letter-say'], false]);
    return [view.text, view.note, view.answers[0].label];
  });
  assert.deepEqual(asked, [
    ['Is it done?', '', 'Done'],
    ['Not now?', '', 'Not now'],
    ['No more letters from oO?', 'Notifications and the page stay as they are.', 'No more letters'],
    ['Should oO never write to this address?', '', 'Never write here'],
  ]);
});

test('nothing else is shown before a letter is left, whatever is known', () => {
  const card = CARD();
  for (const some of /** @type {Partial<import('../app/view.js').Facts>[]} */ ([
    { state: null, reach: 'opening' },
    { state: null, reach: 'signed-out' },
    { state: null, reach: 'offline' },
    { state: state({ tip: card }) },
    { open: you },
    { given: { card, kind: 'done', until: NOON + 1, queued: false } },
  ])) assert.equal(look(facts({ ...some, letter: letter() })).text, 'Is it done?', JSON.stringify(some));
});

test('each token goes where it belongs, and only there', async () => {
  /** @type {string[]} */
  const went = [];
  const doors = {
    answerByToken: async (/** @type {string} */ token) => void went.push(`answer ${token}`),
    stopEmail: async (/** @type {string} */ token) => void went.push(`stop ${token}`),
  };
  const said = [];
  for (const asks of /** @type {const} */ (['done', 'later', 'stop', 'never'])) {
    const after = await send(letter({ asks }), doors);
    const view = read(after);
    assert.deepEqual([after.came, actions(view), view.announce], ['given', ['letter-close'], view.text]);
    said.push(view.text);
  }
  assert.deepEqual(went, ['answer a.b', 'answer a.b', 'stop a.b', 'stop a.b']);
  assert.deepEqual(said, [
    'Done. The rest of the moment is yours.',
    'Not now, then. oO will find a better moment.',
    'Understood. No more letters.',
    'Understood. oO never writes there.',
  ]);
});

test('what is over is said to be over, and what did not arrive can be tried again', async () => {
  for (const [status, came] of /** @type {const} */ ([[410, 'over'], [404, 'over'], [422, 'over'], [429, 'silent'], [502, 'silent'], [503, 'silent'], [0, 'silent']])) {
    for (const asks of /** @type {const} */ (['done', 'stop'])) {
      const after = await send(letter({ asks }), { answerByToken: refuse(status), stopEmail: refuse(status) });
      assert.equal(after.came, came, `${asks} ${status}`);
    }
  }
  const over = read({ came: 'over' });
  assert.deepEqual([over.text, actions(over)], ['That was said before, or its time is over.', ['letter-close']]);
  const silent = read({ asks: 'stop', came: 'silent' });
  assert.deepEqual([silent.note, silent.announce, actions(silent)], ['oO does not answer just now. Try again.', silent.note, ['letter-say', 'letter-close']]);
});
