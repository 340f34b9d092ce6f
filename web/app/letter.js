// What a letter's link asks: one question with one button. Nothing is said before the click, since mail programs open links by
// themselves. Loaded when somebody comes by such a link.

import { mayRetry } from '../sdk/oo.js';
import './more-words.js';
import { view } from './view.js';
import { say } from './words.js';

/** @typedef {import('./view.js').View} View */
/** @typedef {import('./words.js').Key} Key */

/**
 * A question that somebody came with.
 * @typedef {object} Letter
 * @property {'done' | 'later' | 'stop' | 'never'} asks
 * @property {string} token what the letter may do, and nothing else
 * @property {(letter: Letter) => View} look
 * @property {'given' | 'over' | 'silent'} [came] what came of the click
 */

/** What the button says. @type {Record<Letter['asks'], Key>} */
const SAYS = { done: 'tip.done', later: 'tip.not_now', stop: 'letter.stop.say', never: 'letter.never.say' };
/** What is said once it is so. @type {Record<Letter['asks'], Key>} */
const GIVEN = { done: 'answered.done', later: 'answered.not_now', stop: 'letter.stop.given', never: 'letter.never.given' };

/** What the page shows, whoever is signed in. @param {Letter} letter */
export function look({ asks, came }) {
  const base = { name: /** @type {const} */ ('letter'), key: `letter:${asks}${came ? `:${came}` : ''}`, door: false };
  /** @type {import('./view.js').Action} */
  const away = { action: 'letter-close', label: say('letter.open'), tone: 'quiet' };
  if (came === 'given' || came === 'over') {
    const text = say(came === 'over' ? 'letter.over' : GIVEN[asks]);
    return view({ ...base, tone: 'dim', text, answers: [away], announce: text });
  }
  const trouble = came ? say('letter.silent') : '';
  return view({
    ...base, tone: 'tip',
    text: say(`letter.${asks}`),
    note: trouble || (asks === 'stop' ? say('letter.stop.note') : ''),
    answers: [{ action: 'letter-say', label: say(SAYS[asks]), tone: 'first' }, ...(came ? [away] : [])],
    announce: trouble,
  });
}

/**
 * Says what the letter is for, and what came of it. Who never asked for letters and who asks for no more say so in the same way.
 * @param {Letter} letter @param {{ answerByToken: (token: string) => Promise<unknown>, stopEmail: (token: string) => Promise<unknown> }} doors
 * @returns {Promise<Letter>}
 */
export async function send(letter, { answerByToken, stopEmail }) {
  const { asks, token } = letter;
  try {
    await (asks === 'done' || asks === 'later' ? answerByToken(token) : stopEmail(token));
    return { ...letter, came: 'given' };
  } catch (error) {
    return { ...letter, came: mayRetry(error) ? 'silent' : 'over' };
  }
}
