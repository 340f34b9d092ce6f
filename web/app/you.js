// The page "You": accounts, notifications, passkeys and sessions. Loaded when somebody opens it.

import later from '../words/en.later.js';
import { ended, line, speed, view } from './view.js';
import { ago, learn, say } from './words.js';

learn(later);

/** @typedef {import('./view.js').Facts} Facts */
/** @typedef {import('./view.js').State} State */
/** @typedef {import('./view.js').Action} Action */

/** @param {Facts} facts @param {State} state */
export function you(facts, state) {
  const rows = state.accounts.map((account) => {
    const sure = facts.unlinking === account.id;
    const { status } = account;
    const note =
      status.kind === 'active' ? say('you.active')
      : status.kind === 'degraded' ? say('you.degraded')
      : ended(facts, state, account);
    /** @type {Action} */
    const action =
      status.kind === 'reconnect_needed' && !sure
        ? { action: 'link', label: say('reconnect.again'), about: account.provider }
        : { action: sure ? 'unlink-sure' : 'unlink', label: say(sure ? 'you.unlink.sure' : 'you.unlink'), about: account.id };
    return { text: account.name, note, action };
  });
  const open = state.providers.filter((offer) => !state.accounts.some((account) => account.provider === offer.provider));
  rows.push(...open.map((offer) => ({
    text: offer.name,
    note: offer.sandbox ? say('link.sandbox') : say('you.none'),
    action: { action: 'link', label: say('you.link'), about: offer.provider },
  })));
  rows.push(pushRow(facts, state), ...doorRows(facts));
  const trouble = facts.linkFailed ? say('link.failed') : facts.failed ? say('failed') : '';
  rows.push({ text: say('you.budget'), note: say('you.budget.note', { given: state.given_today, budget: state.budget }), action: /** @type {any} */ (undefined) });
  rows.push(
    { text: say('you.export'), note: say('you.export.note'), action: { action: 'export', label: say('you.export.get') } },
    {
      text: say('you.erase'),
      note: say('you.erase.note'),
      action: { action: facts.erasing ? 'erase-sure' : 'erase', label: say(facts.erasing ? 'you.erase.sure' : 'you.erase.ask') },
    },
  );
  return view({
    name: 'you', key: 'you', tone: 'tip', text: facts.doors?.name ?? say('you.text'), rows,
    note: trouble,
    answers: [
      { action: 'back', label: say('you.back') },
      { action: 'sign-out', label: say('you.out'), tone: 'quiet' },
    ],
    foot: line(facts.host, speed(facts)),
    announce: trouble,
  });
}

/** By what this person comes in, and where they are. @param {Facts} facts @returns {any[]} */
function doorRows(facts) {
  const { doors } = facts;
  if (!doors) return [];
  const now = facts.wall;
  /** @type {any[]} */
  const rows = doors.passkeys.map(({ id, device, added, used }) => ({
    text: say('you.passkey', { device }),
    note: used ? say('you.passkey.used', { ago: ago(Date.parse(used), now) }) : say('you.passkey.added', { ago: ago(Date.parse(added), now) }),
    action: { action: 'passkey-remove', label: say('you.passkey.remove'), about: id },
  }));
  if (facts.ways?.passkeys && facts.canPasskey) {
    rows.push({ text: say('you.passkey.new'), note: say('you.passkey.why'), action: { action: 'passkey-add', label: say('you.passkey.add'), about: '' } });
  }
  const others = doors.sessions.filter((session) => !session.current);
  rows.push(...others.map(({ id, device, used }) => ({
    text: device,
    note: say('you.session', { ago: ago(Date.parse(used), now) }),
    action: { action: 'session-end', label: say('you.session.end'), about: id },
  })));
  return rows;
}

/** @param {Facts} facts @param {State} state */
function pushRow(facts, state) {
  const { support, permission, on } = facts.push;
  const text = say('you.push');
  /** @type {any} */
  const none = undefined;
  if (support === 'install') return { text, note: say('install.text'), action: none };
  if (support === 'no' || !state.push.key) return { text, note: say('you.push.none'), action: none };
  if (permission === 'denied') return { text, note: say('you.push.denied'), action: none };
  if (on) return { text, note: say('you.push.on'), action: { action: 'push-off', label: say('you.push.stop') } };
  return { text, note: say('you.push.off'), action: { action: 'allow', label: say('you.push.allow') } };
}

/** What is shown once everything is erased. @param {import('../../contracts/generated/contracts.d.ts').Erased} receipt */
export function erased(receipt) {
  const rest = !receipt.finished ? say('erased.under-way') : receipt.unrevoked > 0 ? say('erased.left') : '';
  return view({
    name: 'erased', key: 'erased', tone: 'tip', door: false,
    text: say('erased.text'),
    note: rest,
    answers: [{ action: 'begin-anew', label: say('erased.begin'), tone: 'quiet' }],
    foot: say('erased.note', { receipt: receipt.receipt }),
    announce: rest,
  });
}
