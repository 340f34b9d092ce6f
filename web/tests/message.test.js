// Push messages: whatever comes, something sensible is shown.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerId, answerOf, readMessage } from '../app/message.js';
import { examplesOf } from './known.js';

const ORIGIN = 'https://oo.example';
/** @param {any} message */
const read = (message) => readMessage(typeof message === 'string' ? message : JSON.stringify(message), ORIGIN);
const full = () => JSON.parse(examplesOf('accepted', 'Message')[0][1]);

test('every accepted example is shown as it says', () => {
  const examples = examplesOf('accepted', 'Message');
  assert.ok(examples.length > 0);
  for (const [name, text] of examples) {
    const { notification } = JSON.parse(text);
    const { title, options } = readMessage(text, ORIGIN);
    assert.equal(title, notification.title, name);
    assert.equal(options.body, notification.body, name);
    assert.equal(options.tag, notification.tag, name);
    assert.equal(options.data.tip, notification.data?.tip ?? null, name);
    assert.deepEqual(options.actions, notification.actions, name);
  }
});

test('every rejected example still shows something', () => {
  const examples = examplesOf('rejected', 'Message');
  assert.ok(examples.length > 0);
  for (const [name, text] of examples) assert.notEqual(readMessage(text, ORIGIN).title, '', name);
});

test('nothing, rubbish, and another shape show the plain notification without buttons', () => {
  const shapes = [null, '', 'no json', '[]', '"text"', '7', 'null', '{}', '{"web_push":8030}', '{"web_push":8030,"notification":[]}', '{"web_push":1,"notification":{"title":"x"}}'];
  for (const shape of shapes) {
    const { title, options } = readMessage(shape, ORIGIN);
    assert.equal(title, 'oO has one for you', String(shape));
    assert.deepEqual(options.actions, []);
    assert.deepEqual(options.data, { tip: null, path: '/', tokens: {} });
  }
});

test('fields of another type are left out, one by one', () => {
  const fields = ['title', 'body', 'navigate', 'lang', 'dir', 'tag', 'data', 'actions'];
  for (const field of fields) {
    for (const value of [null, 7, true, [], {}, ['x'], { tip: 7 }, 'x'.repeat(10_000), undefined]) {
      const message = full();
      message.notification[field] = value;
      const { title, options } = read(message);
      assert.ok(title.length > 0 && title.length <= 120, `${field} ${JSON.stringify(value)?.slice(0, 20)}`);
      assert.ok(options.body !== undefined && options.body.length <= 240);
      assert.ok(options.actions.length <= 2);
      assert.ok(['auto', 'ltr', 'rtl'].includes(String(options.dir)));
      assert.ok(options.tag, 'a notification without a tag would pile up');
    }
  }
});

test('only a path of ours is opened', () => {
  /** @param {any} navigate */
  const path = (navigate) => {
    const message = full();
    message.notification.navigate = navigate;
    return read(message).options.data.path;
  };
  assert.equal(path('/'), '/');
  assert.equal(path('/?tip=tip_dentist1'), '/?tip=tip_dentist1');
  assert.equal(path('https://oo.example/?show=you'), '/?show=you');
  for (const bad of ['https://evil.example/', '//evil.example/', 'javascript:alert(1)', 'data:text/html,x', 'http://oo.example/', '\\\\evil.example']) assert.equal(path(bad), '/', bad);
});

test('only buttons that the worker knows are shown, and none without a tip to answer', () => {
  const message = full();
  message.notification.actions = [{ action: 'buy', title: 'Buy' }, { action: 'done', title: 'Done' }, { action: 'later', title: '' }, { action: 'later', title: 'Later' }, { action: 'done', title: 'Again' }];
  assert.deepEqual(read(message).options.actions.map(({ action }) => action), ['done', 'later']);
  message.notification.data = { tip: 'no/such tip' };
  assert.deepEqual(read(message).options.actions, []);
  assert.equal(read(message).options.data.tip, null);
});

test('tokens of known buttons alone are kept, and nothing that is none', () => {
  const message = full();
  const good = `${'a'.repeat(32)}.${'b'.repeat(43)}`;
  message.notification.data.tokens = { done: good, later: 'short', buy: good };
  assert.deepEqual(read(message).options.data.tokens, { done: good });
  for (const bad of [null, 7, 'x', [], { done: {} }, { done: 'a b'.repeat(20) }]) {
    message.notification.data.tokens = bad;
    assert.deepEqual(read(message).options.data.tokens, {});
  }
});

test('buttons are answers, and the body is none', () => {
  assert.deepEqual(answerOf('done'), { kind: 'done' });
  assert.deepEqual(answerOf('later'), { kind: 'not_now', until: null });
  assert.equal(answerOf(''), null);
});

test('the id of an answer from a notification fits the contract and stays the same', () => {
  assert.match(answerId('later', 'x'.repeat(64)), /^[A-Za-z0-9_-]{1,96}$/);
  assert.equal(answerId('done', 'tip_dentist1'), answerId('done', 'tip_dentist1'));
});
