// Puts a view on the screen. What is there already stays, so that focus, a screen reader and an open "why" are not disturbed.

import { breathe, leave } from './motion.js';
import { say } from './words.js';

/** @typedef {import('./view.js').View} View */
/** @typedef {import('./view.js').Action} Action */

const IDS = /** @type {const} */ (['stage', 'moment', 'tip', 'note', 'why', 'facts', 'rows', 'fields', 'answers', 'mark', 'foot', 'say']);

/** What a browser is told of each kind of field. An address is written as people write it: no browser is to insist on `https://`. */
const KINDS = {
  text: { type: 'text' },
  url: { type: 'text', inputmode: 'url' },
  password: { type: 'password' },
  email: { type: 'email', inputmode: 'email', autocomplete: 'email' },
  code: { type: 'text', inputmode: 'numeric', autocomplete: 'one-time-code' },
};

/** What fades away when something else comes by itself. A click's effect never waits for that. */
const FADING = ['answered', 'idle', 'expired'];
const FADING_IN = ['idle', 'tip', 'permission'];

/**
 * The places of the page.
 * @typedef {Record<(typeof IDS)[number], HTMLElement> & { body: HTMLElement, document: Document }} Places
 */

/** @param {Document} document @returns {Places} */
export function places(document) {
  const found = Object.fromEntries(IDS.map((id) => [id, document.getElementById(id)]));
  return /** @type {Places} */ ({ ...found, body: document.body, document });
}

/**
 * Shows views one after the other: the old one leaves first, and only the newest of those that came meanwhile is shown.
 * @param {Places} at
 */
export function screen(at) {
  /** @type {View | null} */
  let shown = null;
  /** @type {View | null} */
  let next = null;
  let leaving = false;
  /** @param {View} view */
  return function show(view) {
    next = view;
    if (leaving) return;
    const fades = shown !== null && shown.key !== view.key && FADING.includes(shown.name) && FADING_IN.includes(view.name);
    const change = () => {
      leaving = false;
      if (!next) return;
      paint(at, next, shown);
      shown = next;
    };
    if (!fades) return change();
    leaving = leave(at.stage, change);
    if (!leaving) change();
  };
}

/** @param {Places} at @param {View} view @param {View | null} before */
export function paint(at, view, before) {
  const another = before?.key !== view.key;
  const held = at.document.activeElement;
  const wasInside = another && held !== null && held !== at.body && (at.answers.contains(held) || at.rows.contains(held) || at.fields.contains(held) || at.why.contains(held));

  at.body.dataset.state = view.name;
  at.body.dataset.key = view.key;
  at.tip.dataset.tone = view.tone;
  write(at.moment, view.moment);
  write(at.tip, view.text);
  write(at.note, view.note);
  write(at.foot, view.foot);
  // The person's own words may be in any language and direction; ours are in the page's.
  if (view.own) {
    at.tip.setAttribute('lang', '');
    at.tip.setAttribute('dir', 'auto');
  } else {
    at.tip.removeAttribute('lang');
    at.tip.removeAttribute('dir');
  }
  at.moment.lang = view.lang;
  at.facts.lang = view.lang;

  at.why.hidden = view.why.length === 0;
  if (another) at.why.removeAttribute('open');
  const summary = at.why.querySelector('summary');
  if (summary) write(summary, say('why'));
  facts(at, view);
  at.answers.setAttribute('aria-label', view.own ? say('answers') : view.text);
  fields(at, view);
  buttons(at, at.answers, view.answers);
  // Where something is filled in, the first button sends it, and so does the Enter key.
  const first = /** @type {HTMLButtonElement | null} */ (at.answers.querySelector('button'));
  if (first && view.fields.length) {
    first.type = 'submit';
    first.setAttribute('form', 'fields');
  }
  rows(at, view);

  at.mark.dataset.mark = view.found ? 'found' : 'rest';
  at.mark.setAttribute('aria-label', say(view.name === 'you' ? 'you.close' : 'you.open'));
  at.mark.setAttribute('aria-expanded', String(view.name === 'you'));
  at.mark.toggleAttribute('disabled', !view.door);
  // Not the tip itself: titles end in the browser's history, which may be synchronized away.
  at.document.title = view.found ? `${say('push.title')} · oO` : 'oO';

  if (another || before?.announce !== view.announce) at.say.textContent = view.announce;
  if (wasInside) at.tip.focus({ preventScroll: true });
  if (another && view.name === 'idle') breathe(at.mark);
}

/** @param {HTMLElement} place @param {string} text */
function write(place, text) {
  place.hidden = text === '';
  if (place.textContent !== text) place.textContent = text;
}

/** @param {Places} at @param {string} name @param {string} [text] */
function element(at, name, text) {
  const made = at.document.createElement(name);
  if (text) made.textContent = text;
  return made;
}

/**
 * Keeps the buttons that stay the same.
 * @param {Places} at @param {HTMLElement} place @param {Action[]} actions
 */
function buttons(at, place, actions) {
  place.hidden = actions.length === 0;
  const wanted = actions.map((action) => `${action.action} ${action.about ?? ''} ${action.label} ${action.hint ?? ''}`).join('\n');
  if (place.dataset.wanted === wanted) return;
  place.dataset.wanted = wanted;
  place.replaceChildren(...actions.map((action) => button(at, action)));
}

/** @param {Places} at @param {Action} action */
function button(at, action) {
  const made = /** @type {HTMLButtonElement} */ (element(at, 'button'));
  made.type = 'button';
  made.dataset.action = action.action;
  made.dataset.tone = action.tone ?? 'plain';
  if (action.about) made.dataset.about = action.about;
  if (action.action === 'link' && action.about) made.dataset.provider = action.about;
  made.append(element(at, 'span', action.label));
  if (action.hint) made.append(element(at, 'small', action.hint));
  return made;
}

/** What is filled in stays while the same is asked. @param {Places} at @param {View} view */
function fields(at, view) {
  at.fields.hidden = view.fields.length === 0;
  const wanted = JSON.stringify(view.fields);
  if (at.fields.dataset.wanted === wanted) return;
  at.fields.dataset.wanted = wanted;
  at.fields.replaceChildren(
    ...view.fields.map(({ name, label, hint, kind, value = '', optional }) => {
      const [made, input, words] = [element(at, 'label'), /** @type {HTMLInputElement} */ (element(at, 'input')), element(at, 'small', hint)];
      words.id = `hint-${name}`;
      const about = { name, value, ...(optional ? {} : { required: '' }), autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false', dir: 'auto', inputmode: 'text', ...KINDS[kind], 'aria-describedby': words.id };
      for (const [attribute, value] of Object.entries(about)) input.setAttribute(attribute, value);
      made.append(element(at, 'span', label), input, words);
      return made;
    }),
  );
}

/** @param {Places} at @param {View} view */
function facts(at, view) {
  const wanted = JSON.stringify(view.why);
  if (at.facts.dataset.wanted === wanted) return;
  at.facts.dataset.wanted = wanted;
  const held = at.facts.contains(at.document.activeElement);
  at.facts.replaceChildren(
    ...view.why.map(({ text, actions }) => {
      const made = element(at, 'li');
      made.append(element(at, 'span', text), ...actions.map((action) => control(at, action, text)));
      return made;
    }),
  );
  // What was asked for stands where the question did.
  if (held) /** @type {HTMLElement | null} */ (at.facts.querySelector('button:not([data-action=doubt])') ?? at.why.querySelector('summary'))?.focus({ preventScroll: true });
}

/** A button that says what of, read out of its row. @param {Places} at @param {Action} action @param {string} text */
function control(at, action, text) {
  const made = button(at, action);
  made.setAttribute('aria-label', `${action.label}: ${text}`);
  if (action.pressed !== undefined) made.setAttribute('aria-pressed', String(action.pressed));
  return made;
}

/** @param {Places} at @param {View} view */
function rows(at, view) {
  at.rows.hidden = view.rows.length === 0;
  const wanted = JSON.stringify(view.rows);
  if (at.rows.dataset.wanted === wanted) return;
  // Rows are redrawn whole, so a focused button is found again by what it is about.
  const held = at.document.activeElement;
  const about = held instanceof HTMLElement && at.rows.contains(held) ? held.dataset.about ?? '' : null;
  at.rows.dataset.wanted = wanted;
  at.rows.replaceChildren(
    ...view.rows.map((row) => {
      const made = element(at, 'li');
      const words = element(at, 'div');
      words.append(element(at, 'strong', row.text), element(at, 'small', row.note));
      made.append(words);
      const actions = [...(row.action ? [row.action] : []), ...(row.more ?? [])];
      if (actions.length) {
        const controls = element(at, 'div');
        controls.append(...actions.map((action) => control(at, action, row.text)));
        made.append(controls);
      }
      return made;
    }),
  );
  if (about !== null) {
    const again = [...at.rows.querySelectorAll('button')].find((one) => (one.dataset.about ?? '') === about);
    (again ?? at.tip).focus({ preventScroll: true });
  }
}
