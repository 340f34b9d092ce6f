// Stamps the service worker with the shell's version: `node tests/stamp.js` after a change to any file of the shell.

import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const web = new URL('../', import.meta.url);
const LINE = /const VERSION = '([^']*)';/;

/** What the stamp should be, and is. */
export async function stamp() {
  const worker = await readFile(new URL('sw.js', web), 'utf8');
  const shell = [...(worker.match(/SHELL = \[([^\]]*)\]/)?.[1] ?? '').matchAll(/'([^']+)'/g)].map(([, path]) => path);
  const hash = createHash('sha256').update(worker.replace(LINE, ''));
  for (const path of ['/app/message.js', ...shell]) {
    hash.update(path).update(await readFile(new URL(path === '/' ? 'index.html' : path.slice(1), web)));
  }
  return { worker, shell, is: worker.match(LINE)?.[1], should: hash.digest('hex').slice(0, 16) };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { worker, should } = await stamp();
  await writeFile(new URL('sw.js', web), worker.replace(LINE, `const VERSION = '${should}';`));
}
