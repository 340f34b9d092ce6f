// Every state in Chromium, as on a phone and as on a desk: it is reached, nothing hangs over, the line does not jump, the rules
// of accessibility hold, and a picture is kept for a person to judge, in `target/pictures`.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { chromium } from './browser.js';
import { FILLED, FIXTURES, serve } from './fixtures.js';

const SIZES = { phone: [390, 844], desk: [1280, 800] };
const root = new URL('../../', import.meta.url);
const pictures = new URL('target/pictures/', root);
/** Pages to read, which begin further up. */
const READ = ['you', 'form', 'server'];
const MIB = 1024 * 1024;

/** @type {import('./browser.js').Browser} */
let browser;
/** @type {Awaited<ReturnType<typeof serve>>} */
let server;
/** The rules of accessibility, as a script. */
const axe = readFileSync(createRequire(new URL('.oo/node/', root)).resolve('axe-core/axe.min.js'), 'utf8');

before(async () => {
  mkdirSync(pictures, { recursive: true });
  server = await serve();
  browser = await chromium();
});
after(async () => {
  await browser?.close();
  server?.close();
});

/** Opens a state as somebody who was never here. @param {string} name @param {string} [how] */
async function show(name, how = '') {
  const fixture = FIXTURES[name];
  await browser.forget(server.address);
  await browser.open(`${server.address}/fixture/${name}${how}`);
  for (const css of fixture.clicks ?? []) await (css in FILLED ? browser.fill(css, FILLED[css]) : browser.click(css));
  await browser.until(name, () => browser.run('return document.body.dataset.state === arguments[0] && !!document.querySelector(arguments[1])', fixture.name, fixture.shows ?? 'body'));
  await browser.wait('const done = arguments[0]; Promise.allSettled(document.getAnimations().map((it) => it.finished)).then(() => done())');
}

/** @param {string} name */
async function keep(name) {
  const png = await browser.picture();
  assert.ok(png.length > 1_000 && png.length < MIB, `${name}: ${png.length} bytes`);
  writeFileSync(new URL(`${name}.png`, pictures), png);
}

test('every state, as on a phone and as on a desk', async () => {
  /** Where the line begins, by size and state. @type {Record<string, Record<string, number>>} */
  const tops = { phone: {}, desk: {} };
  for (const [name, fixture] of Object.entries(FIXTURES)) {
    await show(name);
    for (const [size, [width, height]] of Object.entries(SIZES)) {
      await browser.size(width, height);
      const seen = await browser.run(`
        const tip = document.getElementById('tip').getBoundingClientRect();
        return { over: document.documentElement.scrollWidth - innerWidth, top: Math.round(tip.top + scrollY), text: document.getElementById('tip').textContent };`);
      assert.ok(seen.over <= 0, `${name}, ${size}, is ${seen.over} px too wide`);
      assert.notEqual(seen.text, '', name);
      if (!READ.includes(fixture.name)) tops[size][name] = seen.top;
      await keep(`${name}-${size}`);
    }
    await browser.run(axe);
    const broken = await browser.wait(`const done = arguments[0];
      axe.run().then((it) => done(it.violations.map((one) => one.id + ': ' + one.nodes.map((node) => node.html).join(' '))), (error) => done([String(error)]))`);
    assert.deepEqual(broken, [], name);
  }
  for (const places of Object.values(tops)) assert.equal(new Set(Object.values(places)).size, 1, `the line jumps: ${JSON.stringify(places)}`);
});

test('another language, and one from right to left, hang over nowhere', async () => {
  await browser.size(320, 640);
  for (const name of ['tip', 'why-doubted', 'permission', 'permission-failed', 'link', 'you', 'you-quiet', 'you-email-waiting', 'form-code', 'letter-silent']) {
    for (const how of ['?pseudo', '?pseudo&rtl']) {
      await show(name, how);
      const over = await browser.run('return document.documentElement.scrollWidth - innerWidth');
      assert.ok(over <= 0, `${name}${how} is ${over} px too wide`);
      await keep(`${name}-${how.includes('rtl') ? 'rtl' : 'pseudo'}`);
    }
  }
});

test('a letter’s link does nothing before the click, is read while the page is open, and is nothing else than that', async () => {
  await show('idle');
  const wanted = () => server.wanted.filter((asked) => /answers|email/.test(asked));
  const before = wanted().length;
  /** @param {string} hash */
  const come = async (hash) => {
    await browser.run('location.hash = arguments[0]', hash);
    await browser.until(hash, () => browser.run("return location.hash === ''"));
  };
  /** @param {string} key */
  const stands = (key) => browser.until(key, () => browser.run('return document.body.dataset.key === arguments[0]', key));
  for (const hash of ['letter=done', 'letter=done.', 'letter=erase.abc', 'letter=Done.abc', 'letter=done.a/b', 'letter=done.a%00', 'letter=done.<b>', 'letter=']) {
    await come(hash);
    await stands('idle');
  }
  await come('letter=never.abc-D_e.f');
  await stands('letter:never');
  await come('letter=done.abc-D_e.f');
  await stands('letter:done');
  assert.equal(wanted().length, before);
  await browser.click('[data-action=letter-say]');
  await stands('letter:done:given');
  assert.deepEqual(wanted().slice(before), ['POST /api/v1/answers']);
  await browser.click('[data-action=letter-close]');
  await stands('idle');
});
