// Chromium, through its driver: it speaks HTTP, so nothing needs to be installed but the two.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ARGUMENTS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--hide-scrollbars', '--force-prefers-reduced-motion'];
/** A state that is not there after so long is not coming. */
const PATIENCE = 10_000;

/** @typedef {Awaited<ReturnType<typeof chromium>>} Browser */

/** Starts it. */
export async function chromium() {
  const profile = mkdtempSync(join(tmpdir(), 'oo-pictures-'));
  const driver = spawn('chromedriver', ['--port=0'], { stdio: ['ignore', 'pipe', 'ignore'] });
  const port = await new Promise((resolve, reject) => {
    let said = '';
    driver.on('error', () => reject(new Error('chromedriver does not run: `cargo xtask setup` installs it')));
    driver.stdout.on('data', (words) => {
      said += words;
      const port = said.match(/started successfully on port (\d+)/)?.[1];
      if (port) resolve(port);
    });
  });
  /** @param {string} method @param {string} path @param {object} [body] @returns {Promise<any>} */
  const ask = async (method, path, body) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method, body: body && JSON.stringify(body) });
    const { value } = /** @type {any} */ (await answer.json());
    if (!answer.ok) throw new Error(`${path}: ${value.message}`);
    return value;
  };
  const options = { args: [...ARGUMENTS, `--user-data-dir=${profile}`] };
  const { sessionId } = await ask('POST', '/session', { capabilities: { alwaysMatch: { 'goog:chromeOptions': options } } });
  const session = `/session/${sessionId}`;
  /** @param {string} script @param {...unknown} args @returns {Promise<any>} */
  const run = (script, ...args) => ask('POST', `${session}/execute/sync`, { script, args });
  /** @param {string} what @param {() => Promise<unknown>} holds */
  const until = async (what, holds) => {
    const end = Date.now() + PATIENCE;
    while (!(await holds())) {
      if (Date.now() > end) throw new Error(`${what} never came: ${await run('return document.body.dataset.state + ": " + document.body.innerText')}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  return {
    run,
    until,
    /** @param {string} script the last argument is called when it is done @returns {Promise<any>} */
    wait: (script) => ask('POST', `${session}/execute/async`, { script, args: [] }),
    /** @param {string} address */
    open: (address) => ask('POST', `${session}/url`, { url: address }),
    /** @param {number} width @param {number} height */
    size: (width, height) => ask('POST', `${session}/goog/cdp/execute`, { cmd: 'Emulation.setDeviceMetricsOverride', params: { width, height, deviceScaleFactor: 1, mobile: width < height } }),
    /** Forgets what the page kept. @param {string} origin */
    forget: (origin) => ask('POST', `${session}/goog/cdp/execute`, { cmd: 'Storage.clearDataForOrigin', params: { origin, storageTypes: 'all' } }),
    /** @param {string} css */
    async click(css) {
      await until(css, () => run('return !!document.querySelector(arguments[0])?.checkVisibility() && !document.querySelector(arguments[0]).matches(":disabled")', css));
      await run('document.querySelector(arguments[0]).click()', css);
    },
    /** @param {string} css @param {string} words */
    async fill(css, words) {
      await until(css, () => run('return !!document.querySelector(arguments[0])?.checkVisibility()', css));
      await run('document.querySelector(arguments[0]).value = arguments[1]', css, words);
    },
    /** @returns {Promise<Buffer>} a PNG */
    picture: async () => Buffer.from(await ask('GET', `${session}/screenshot`), 'base64'),
    async close() {
      await ask('DELETE', session).catch(() => {});
      driver.kill();
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
