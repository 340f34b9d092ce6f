// E-mail under "You": where letters go when no device can be reached, and the code that proves an address.

import { Problem } from '../sdk/oo.js';
import './more-words.js';
import { view } from './view.js';
import { LANGUAGE, say } from './words.js';

/** @typedef {import('./types.d.ts').Form} Form */
/** @typedef {import('./view.js').Action} Action */
/** @typedef {import('./view.js').Row} Row */
/** @typedef {import('./view.js').State} State */
/** @typedef {import('../../contracts/generated/contracts.d.ts').Me} Me */
/** @typedef {ReturnType<typeof import('../sdk/oo.js').signIn>} Doors */

/** Where letters go, where this oO writes any. @param {State} state @param {Me} me @returns {Row[]} */
export function emailRow({ push }, { email }) {
  if (!push.email) return [];
  const text = say('you.email');
  /** @type {Action} */
  const remove = { action: 'email-end', label: say('you.passkey.remove'), about: 'email' };
  if (!email) return [{ text, note: say('you.email.note'), action: { action: 'email-form', label: say('you.passkey.add'), about: 'email' } }];
  const { address, confirmed } = email;
  if (confirmed) return [{ text, note: address, action: remove }];
  return [{
    text, note: say('you.email.waiting', { address }),
    action: { action: 'email-code-form', label: say('you.email.code'), about: 'email' },
    more: [{ ...remove, tone: 'quiet' }],
  }];
}

/** @returns {Action} */
const back = () => ({ action: 'form-back', label: say('you.back'), tone: 'quiet' });

/** @param {Form} form */
export function emailForm({ trouble = '', address = '' }) {
  return view({
    name: 'form', key: 'form:email', tone: 'tip', text: say('email.text'), note: trouble || say('email.note'), announce: trouble,
    fields: [{ name: 'address', label: say('email.address'), hint: say('email.address.hint'), kind: 'email', value: address }],
    answers: [{ action: 'email-send', label: say('email.send'), tone: 'first' }, back()],
  });
}

/** @param {Form} form */
export function codeForm({ trouble = '', address = '' }) {
  return view({
    name: 'form', key: 'form:email-code', tone: 'tip', text: say('email.code.text'), note: trouble || say('email.code.note', { address }), announce: trouble,
    fields: [{ name: 'code', label: say('email.code'), hint: say('email.code.hint'), kind: 'code' }],
    answers: [{ action: 'email-confirm', label: say('email.confirm'), tone: 'first' }, back()],
  });
}

/**
 * Has a code sent to an address, and says what is to be filled in next.
 * @param {Pick<Doors, 'askEmail'>} doors @param {Form} form @param {string} address @returns {Promise<Form>}
 */
export async function askForCode({ askEmail }, form, address) {
  try {
    await askEmail(address, LANGUAGE);
    return { kind: 'email-code', address };
  } catch (error) {
    const status = statusOf(error);
    return { ...form, trouble: say(status === 422 ? 'email.refused' : status === 429 ? 'email.often' : 'email.silent') };
  }
}

/**
 * Brings a code back, and says what is to be filled in next: nothing where it was the right one, the address again where the
 * code is good no more.
 * @param {Pick<Doors, 'confirmEmail'>} doors @param {Form} form @param {string} code @returns {Promise<Form | null>}
 */
export async function bringCode({ confirmEmail }, form, code) {
  try {
    await confirmEmail(code);
    return null;
  } catch (error) {
    const status = statusOf(error);
    if (status === 410) return { kind: 'email', address: form.address, trouble: say('email.over') };
    return { ...form, trouble: say(status === 422 ? 'email.wrong' : status === 429 ? 'email.often' : 'failed') };
  }
}

/** @param {unknown} error */
const statusOf = (error) => (error instanceof Problem ? error.status : 0);
