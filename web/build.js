// Builds what browsers load, `built/`, from what stands beside it: few files, and small ones. `cargo xtask generate` runs it;
// with `--check` it writes nothing and says what is stale.

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { styleOf } from './tokens.js';

const web = new URL('./', import.meta.url);
const BUILT = new URL('built/', web);
const REMEDY = 'cargo xtask generate';
const BANNER = `Built from web/ by \`${REMEDY}\`.`;
/** What every browser that shows the page understands. */
const TARGET = 'es2022';
/** Files of the shell that are served as they stand. */
const PLAIN = ['manifest.webmanifest', 'icons/oo.svg'];
/** Where the style goes: into the page itself, so that nothing is waited for before it is seen. */
const STYLE = '<link rel="stylesheet" href="/page.css">';

/** The page's modules are put together by Rollup, which loads nothing twice and nothing early; esbuild makes them small. */
const tools = () => {
  const require = createRequire(new URL('../.oo/node/', web));
  try {
    return { rollup: require('rollup'), esbuild: require('esbuild') };
  } catch {
    throw new Error('the JavaScript tools are not there: run `cargo xtask setup`');
  }
};

/** @param {string} path */
const read = (path) => readFileSync(new URL(path, web), 'utf8');
/** @param {string} path */
const place = (path) => fileURLToPath(new URL(path, web));

/**
 * Every built file by its path under `built/`.
 * @param {(source: string) => string} [words] what becomes of a file of words: the tests have a language of their own
 * @returns {Promise<Map<string, string>>}
 */
export async function build(words = (source) => source) {
  const { rollup, esbuild } = tools();
  const small = { minify: true, target: TARGET, banner: `// ${BANNER}` };
  const whole = { bundle: true, write: false, format: 'esm', ...small, banner: { js: small.banner } };
  /** @type {Map<string, string>} */
  const files = new Map();

  const page = await rollup.rollup({
    input: { page: place('app/main.js') },
    plugins: [{ name: 'words', transform: (/** @type {string} */ code, /** @type {string} */ id) => (id.includes('/words/') ? { code: words(code), map: null } : null) }],
    onwarn(/** @type {Error} */ warning) {
      throw warning;
    },
  });
  const { output } = await page.generate({ format: 'es', entryFileNames: '[name].js', chunkFileNames: '[name].js' });
  for (const { fileName, code } of output) files.set(fileName, (await esbuild.transform(code, small)).code);

  const style = await esbuild.transform(styleOf(JSON.parse(read('tokens.json'))) + read('page.css'), { loader: 'css', minify: true });
  files.set('index.html', read('index.html').replace(STYLE, () => `<style>${style.code.trim()}</style>`));

  // The worker keeps all of the above, one version of it, whole.
  const shell = [...PLAIN, ...files.keys()].map((path) => (path === 'index.html' ? '/' : `/${path}`)).sort();
  const version = createHash('sha256');
  for (const path of PLAIN) version.update(path).update(read(path));
  for (const [path, text] of [...files].sort()) version.update(path).update(text);
  /** @param {string} path @param {Record<string, string>} [define] */
  const module = async (path, define) => (await esbuild.build({ ...whole, entryPoints: [place(path)], define })).outputFiles[0].text;
  files.set('sw.js', await module('sw.js', { SHELL: JSON.stringify(shell), VERSION: JSON.stringify(version.digest('hex').slice(0, 16)) }));

  files.set('sdk/oo.js', await module('sdk/oo.js'));
  return files;
}

/** What `built/` holds now. @returns {Map<string, string>} */
function built() {
  /** @type {string[]} */
  let names = [];
  try {
    names = readdirSync(BUILT, { recursive: true, withFileTypes: false }).map(String).filter((name) => name.includes('.'));
  } catch {
    // Nothing was built yet.
  }
  return new Map(names.map((name) => [name.replaceAll('\\', '/'), readFileSync(new URL(name, BUILT), 'utf8')]));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [is, should] = [built(), await build()];
  const stale = [...new Set([...is.keys(), ...should.keys()])].filter((path) => is.get(path) !== should.get(path)).map((path) => `web/built/${path}`);
  if (process.argv.includes('--check')) {
    if (stale.length) {
      process.stderr.write(`${stale.join(', ')} no longer follow from web/: run \`${REMEDY}\` and commit what it writes\n`);
      process.exitCode = 1;
    }
  } else {
    rmSync(BUILT, { recursive: true, force: true });
    for (const [path, text] of should) {
      const file = new URL(path, BUILT);
      mkdirSync(dirname(fileURLToPath(file)), { recursive: true });
      writeFileSync(file, text);
    }
    for (const path of stale) process.stdout.write(`wrote ${path}\n`);
  }
}
