// Linking a server of the person's own: where it is, and how oO gets in. Loaded when somebody wants to.

import { Problem } from '../sdk/oo.js';
import './more-words.js';
import { view } from './view.js';
import { say } from './words.js';

/** @typedef {import('./view.js').State} State */

/**
 * A server of the person's own on its way to being linked.
 * @typedef {object} Server
 * @property {string} provider
 * @property {typeof look} look
 * @property {string} [at] where the person says yes, once the server has told
 * @property {'refused' | 'nowhere' | 'taken' | 'often' | 'silent'} [trouble] why the last try came to nothing
 */

/** What the page shows. @param {Server} server @param {State} state */
export function look({ provider, at, trouble }, state) {
  const key = `server:${provider}${at ? ':open' : ''}`;
  /** @type {import('./view.js').Action} */
  const back = { action: 'server-back', label: say('server.back'), tone: 'quiet' };
  if (at) {
    const { host } = new URL(at);
    return view({
      name: 'server', key, tone: 'tip', text: say('server.open.text', { host }), note: say('server.open.note'),
      answers: [{ action: 'server-open', label: say('server.open', { host }), about: at, tone: 'first' }, back],
    });
  }
  const delegates = state.providers.some((offer) => offer.provider === provider && offer.wants === 'server');
  const said = trouble ? say(/** @type {import('./words.js').Key} */ (`server.${trouble}`)) : '';
  /** @type {import('./view.js').Field[]} */
  const fields = [{ name: 'address', label: say('server.address'), hint: say('server.address.hint'), kind: 'url' }];
  if (!delegates) {
    fields.push(
      { name: 'user', label: say('server.user'), hint: say('server.user.hint'), kind: 'text' },
      { name: 'app_password', label: say('server.password'), hint: say('server.password.hint'), kind: 'password' },
    );
  }
  return view({
    name: 'server', key, tone: 'tip', fields,
    text: say(delegates ? 'server.nextcloud.text' : 'server.caldav.text'),
    note: said || say(delegates ? 'server.nextcloud.note' : 'server.caldav.note'),
    answers: [{ action: 'server-link', label: say(delegates ? 'server.next' : 'server.link'), about: provider, tone: 'first' }, back],
    announce: said,
  });
}

/**
 * Sends what is filled in, and says how it stands then; `null` where the browser goes on by itself. The password stays
 * nowhere on this page.
 * @param {Server} server @param {HTMLFormElement} form @param {(provider: any, server: any) => Promise<string>} link
 * @param {Pick<Location, 'origin' | 'assign'>} here @returns {Promise<Server | null>}
 */
export async function send({ provider, look }, form, link, here) {
  const filled = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value).trim()]));
  try {
    const at = await link(provider, filled);
    // A server that asks for itself leads nowhere: its page opens beside this one.
    if (new URL(at).origin !== here.origin) return { provider, look, at };
    here.assign(at);
    return null;
  } catch (error) {
    return { provider, look, trouble: troubleOf(error) };
  }
}

/** @param {unknown} error @returns {Server['trouble']} */
function troubleOf(error) {
  const status = error instanceof Problem ? error.status : 0;
  return status === 403 ? 'refused' : status === 409 ? 'taken' : status === 422 ? 'nowhere' : status === 429 ? 'often' : 'silent';
}
