// When "not now" is over: loaded once somebody has said it.

import './more-words.js';
import { UNDO } from './view.js';
import { clock, say } from './words.js';

/** @typedef {import('./view.js').Facts} Facts */
/** @typedef {import('./view.js').Action} Action */

const HOUR = 3_600_000;
/** Tonight begins then, and is worth saying until two hours before. */
const EVENING = 19;
const MORNING = 9;

/** The times that are offered, by oO's clock, in this device's zone. @param {number} now @returns {{ key: 'hour' | 'tonight' | 'tomorrow', at: number }[]} */
export function times(now) {
  const at = (/** @type {number} */ days, /** @type {number} */ hour) => {
    const day = new Date(now);
    return new Date(day.getFullYear(), day.getMonth(), day.getDate() + days, hour).getTime();
  };
  const tonight = at(0, EVENING);
  return [
    { key: 'hour', at: now + HOUR },
    ...(now <= tonight - 2 * HOUR ? [{ key: /** @type {const} */ ('tonight'), at: tonight }] : []),
    { key: 'tomorrow', at: at(1, MORNING) },
  ];
}

/** The buttons for them. @param {string} tip @param {number} now @returns {Action[]} */
export const choices = (tip, now) => times(now).map(({ key, at }) => ({ action: 'until', label: say(`when.${key}`), about: `${tip} ${at}` }));

/**
 * Says when.
 * @param {{ oo: ReturnType<typeof import('../sdk/oo.js').connect>, facts: Facts, know: (some?: Partial<Facts>) => void }} page
 * @returns {(about: string) => Promise<void>}
 */
export const until = ({ oo, facts, know }) => async (about) => {
  const [tip, at] = about.split(' ');
  const { given } = facts;
  if (given?.card.id !== tip) return;
  const sent = await oo.answer(tip, { kind: 'not_now', until: new Date(Number(at)).toISOString() }).catch(() => 'refused');
  if (sent === 'refused') return know({ failed: true });
  const time = clock(Number(at), Date.now(), facts.state?.zone ?? '', facts.locale);
  know({ given: { ...given, queued: sent === 'queued', back: say('when.back', { time }), until: Date.now() + UNDO } });
};
