// Writes the design's variables, tokens.css, from tokens.json: `node tests/tokens.js` after a change. The one place that does.

import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const web = new URL('../', import.meta.url);
/** Groups whose names stand alone: there is one of each. */
const PLAIN = ['color', 'shape', 'duration'];

/** @typedef {Record<string, Record<string, string | number>>} Tokens */

/** @returns {Promise<Tokens>} */
export const tokens = async () => JSON.parse(await readFile(new URL('tokens.json', web), 'utf8'));

/** The style sheet that the tokens make. @param {Tokens} tokens */
export function styleOf(tokens) {
  const { 'more-contrast': more, ...groups } = tokens;
  /** @param {string} indent @param {[string, string | number][]} all */
  const variables = (indent, all) => all.map(([name, value]) => `${indent}--${name}: ${value};\n`).join('');
  const named = Object.entries(groups).map(([group, values]) =>
    variables('  ', Object.entries(values).map(([name, value]) => [PLAIN.includes(group) ? name : `${group}-${name}`, value])));
  return `/* The design's variables, written from tokens.json by \`node tests/tokens.js\`. */
:root {
${named.join('\n')}}

@media (prefers-contrast: more) {
  :root {
${variables('    ', Object.entries(more))}  }
}
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeFile(new URL('tokens.css', web), styleOf(await tokens()));
