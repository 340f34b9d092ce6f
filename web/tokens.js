// The design's variables as a style sheet, from tokens.json. The one place that turns the one into the other.

/** Groups whose names stand alone: there is one of each. */
const PLAIN = ['color', 'shape', 'duration'];

/** @typedef {Record<string, Record<string, string | number>>} Tokens */

/** @param {Tokens} tokens */
export function styleOf(tokens) {
  const { 'more-contrast': more, ...groups } = tokens;
  /** @param {string} indent @param {[string, string | number][]} all */
  const variables = (indent, all) => all.map(([name, value]) => `${indent}--${name}: ${value};\n`).join('');
  const named = Object.entries(groups).map(([group, values]) =>
    variables('  ', Object.entries(values).map(([name, value]) => [PLAIN.includes(group) ? name : `${group}-${name}`, value])));
  return `:root {
${named.join('\n')}}

@media (prefers-contrast: more) {
  :root {
${variables('    ', Object.entries(more))}  }
}
`;
}
