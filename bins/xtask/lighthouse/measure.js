// Measures the page, as a real oO serves it, with Lighthouse as on a phone, and prints scores and times:
// `node measure.js <the program oo>`. `cargo xtask lighthouse` does it whole.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const tools = createRequire(new URL('../../../.oo/lighthouse/', import.meta.url));
const load = (name) => import(pathToFileURL(tools.resolve(name)).href);
const [{ default: lighthouse }, chrome] = [await load('lighthouse'), await load('chrome-launcher')];

/** Once is luck: the middle one of so many counts. */
const RUNS = 3;
/** What the page is to reach. */
const AIMS = { performance: 97, accessibility: 100, 'best-practices': 100 };
const TIMES = { FCP: 'first-contentful-paint', LCP: 'largest-contentful-paint', TBT: 'total-blocking-time', SI: 'speed-index', CLS: 'cumulative-layout-shift' };
const PATIENCE = 60_000;

const data = mkdtempSync(join(tmpdir(), 'oo-lighthouse-'));
const oo = spawn(process.argv[2], ['--data', data, 'up', '--port', '0', '--auto-consent'], { stdio: ['ignore', 'pipe', 'ignore'] });
const browser = await chrome.launch({ chromePath: '/usr/bin/chromium', chromeFlags: ['--headless', '--no-sandbox', '--disable-gpu'] });
try {
  const { page, token } = await begun();
  const cookie = await signIn(page, token);
  await measure('signed out', page, {});
  await measure('signed in', page, { cookie });
} finally {
  browser.kill();
  oo.kill('SIGINT');
  await new Promise((resolve) => oo.once('exit', resolve));
  rmSync(data, { recursive: true, force: true });
}

/** Waits for the sign-in link that oO prints. */
function begun() {
  return new Promise((resolve, reject) => {
    let said = '';
    const timer = setTimeout(() => reject(new Error(`oO did not start: ${said}`)), PATIENCE);
    oo.once('exit', () => reject(new Error(`oO ended at once: run it by hand to see why. ${said}`)));
    oo.stdout.on('data', (words) => {
      said += words;
      const link = said.match(/(http:\/\/\S+?)#owner=(\S+)\s/);
      if (!link) return;
      clearTimeout(timer);
      resolve({ page: link[1], token: link[2] });
    });
  });
}

async function signIn(page, token) {
  const headers = { 'x-oo': '1', 'content-type': 'application/json', origin: new URL(page).origin };
  const answer = await fetch(new URL('/api/v1/session/owner', page), { method: 'POST', headers, body: JSON.stringify({ token }) });
  if (!answer.ok) throw new Error(`the sign-in link opens nothing: ${answer.status}`);
  return answer.headers.getSetCookie().map((one) => one.split(';')[0]).join('; ');
}

async function measure(name, page, extraHeaders) {
  const all = [];
  for (let run = 0; run < RUNS; run += 1) {
    const { lhr } = await lighthouse(page, { port: browser.port, onlyCategories: Object.keys(AIMS), extraHeaders, logLevel: 'silent' });
    all.push(lhr);
  }
  const middle = all.sort((a, b) => a.categories.performance.score - b.categories.performance.score)[Math.floor(RUNS / 2)];
  const scores = Object.entries(AIMS).map(([id, aim]) => `${id} ${Math.round(middle.categories[id].score * 100)} (aim ${aim})`);
  const times = Object.entries(TIMES).map(([short, id]) => `${short} ${middle.audits[id].displayValue?.replaceAll('\u00a0', ' ') ?? 'not seen'}`);
  // A busy machine has low scores and long times: Lighthouse's own measure of it is about 1500 on a quiet laptop.
  console.log(`${name}: ${scores.join(', ')}; ${times.join(', ')}; machine ${Math.round(middle.environment.benchmarkIndex)}`);
  // What there is to mend, if anything.
  for (const id of Object.keys(AIMS)) {
    for (const { id: audit, weight } of middle.categories[id].auditRefs) {
      const { score, title, displayValue = '' } = middle.audits[audit];
      if (weight > 0 && score !== null && score < 0.9) console.log(`  ${id}: ${title} ${displayValue}`);
    }
  }
}
