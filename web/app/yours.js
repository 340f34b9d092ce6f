// Carries out what is clicked on the page "You". Loaded with it.

import { askForCode, bringCode } from './email.js';
import { readHabit, readHours, WEEK } from './habit.js';
import { say } from './words.js';
import { erased } from './you.js';

export { you } from './you.js';

/** @typedef {import('./view.js').Facts} Facts */
/** @typedef {import('./types.d.ts').Form} Form */
/** @typedef {import('./types.d.ts').Remembered} Remembered */
/** @typedef {import('../../contracts/generated/contracts.d.ts').Fact} Fact */
/** @typedef {import('../../contracts/generated/contracts.d.ts').Preferences} Preferences */

/**
 * What the page lends.
 * @typedef {object} Tools
 * @property {ReturnType<typeof import('../sdk/oo.js').connect>} oo
 * @property {ReturnType<typeof import('../sdk/sign-in.js').signIn>} doors
 * @property {Facts} facts
 * @property {(some?: Partial<Facts>) => void} know
 * @property {(some: Partial<Remembered>) => void} remember until the next visit
 * @property {(what: () => Promise<unknown>) => Promise<void>} once one thing at a time; says so where it fails
 * @property {() => void} refresh hears the state again
 * @property {() => void} leave nobody is signed in any more
 * @property {() => HTMLFormElement} form what is filled in
 */

/** @param {Tools} tools @returns {{ actions: Record<string, (about: string) => unknown>, learn: () => Promise<void> }} */
export function yours({ oo, doors, facts, know, remember, once, refresh, leave, form }) {
  /** What only this page shows. */
  const learn = async () => {
    const [known, me] = await Promise.all([doors.doors(), doors.me()]);
    const byEmail = Boolean(me.email?.confirmed);
    remember({ byEmail });
    know({ doors: known, me, byEmail, failed: false });
  };
  /** Does something, and then shows how it stands. @param {() => Promise<unknown>} what */
  const then = (what) => once(async () => {
    await what();
    await learn();
  });
  /** @param {Fact} fact */
  const tell = (fact) => then(async () => {
    await oo.say(fact);
    refresh();
  });
  /** @param {Partial<Preferences>} some */
  const prefer = (some) => {
    if (facts.me) return tell({ kind: 'preferences', preferences: { ...facts.me.preferences, ...some } });
  };
  /** @param {string} name */
  const filled = (name) => String(new FormData(form()).get(name) ?? '');
  /** From one form to the next; where it is another, or trouble came, something may have changed. @param {(form: Form) => Promise<Form | null>} asked */
  const onward = (asked) => once(async () => {
    const before = facts.form;
    if (!before) return;
    const next = await asked(before);
    try {
      if (next?.kind !== before.kind || next.trouble) await learn();
    } finally {
      // Who has left it meanwhile is not brought back.
      if (facts.form === before) know({ form: next });
    }
  });

  return {
    learn,
    actions: {
      unlink: (account) => know({ unlinking: account }),
      'unlink-sure': (account) => then(async () => {
        await oo.unlink(account);
        know({ unlinking: null });
        refresh();
      }),
      budget: (count) => prefer({ budget: Number(count) }),
      language: (language) => prefer({ language: /** @type {Preferences['language']} */ (language) }),
      keep: (days) => prefer({ keep_days: Number(days) || null }),
      discreet: (wanted) => prefer({ discreet: wanted === 'true' }),
      'quiet-today': () => tell({ kind: 'quiet_today', quiet: true }),
      'loud-today': () => tell({ kind: 'quiet_today', quiet: false }),
      mood: (level) => tell({ kind: 'mood', level: Number(level) }),
      'habit-done': (habit) => tell({ kind: 'habit_done', habit }),
      'habit-remove': (habit) => tell({ kind: 'habit_removed', habit }),
      'use-again': (correction) => tell({ kind: 'correction_undone', correction }),
      'quiet-form': () => know({ form: { kind: 'quiet' } }),
      'habit-form': () => know({ form: { kind: 'habit' } }),
      'form-back': () => know({ form: null }),
      async 'habit-save'() {
        const read = readHabit(filled('habit'));
        if (!read) return know({ form: { kind: 'habit', trouble: say('habit.trouble') } });
        await tell({ kind: 'habit_defined', habit: { id: oo.newId(), ...read } });
        if (!facts.failed) know({ form: null });
      },
      async 'quiet-save'() {
        const week = WEEK.map((day) => readHours(filled(day)));
        const wrong = week.findIndex((hours) => hours === undefined);
        if (wrong >= 0) return know({ form: { kind: 'quiet', trouble: say('quiet.trouble', { said: filled(WEEK[wrong]) }) } });
        const same = week.every((hours) => JSON.stringify(hours) === JSON.stringify(week[0]));
        const quiet_week = /** @type {any} */ (Object.fromEntries(WEEK.map((day, index) => [day, week[index]])));
        await prefer(same ? { quiet: week[0] ?? null, quiet_week: null } : { quiet_week });
        if (!facts.failed) know({ form: null });
      },
      'email-form': () => know({ form: { kind: 'email' } }),
      'email-code-form': () => know({ form: { kind: 'email-code', address: facts.me?.email?.address } }),
      'email-send': () => onward((form) => askForCode(doors, form, filled('address').trim())),
      'email-confirm': () => onward((form) => bringCode(doors, form, filled('code').replace(/\s/g, ''))),
      'email-end': () => then(() => doors.endEmail()),
      'push-off': () => then(async () => {
        await oo.push.disable();
        know({ push: { ...facts.push, on: false } });
        refresh();
      }),
      async 'device-test'(device) {
        await once(async () => {
          const well = await doors.testPush(device).then(() => true, () => false);
          know({ tested: { device, well } });
          const { me } = facts;
          if (!well && me) await learn();
        });
      },
      'device-forget': (device) => then(async () => {
        await doors.forgetDevice(device);
        refresh();
      }),
      'passkey-add': () => then(() => doors.addPasskey()),
      'passkey-remove': (id) => then(() => doors.removePasskey(id)),
      'session-end': (id) => then(() => doors.endSession(id)),
      export: () => once(async () => {
        const file = document.createElement('a');
        file.href = doors.exportAddress;
        file.download = 'oo-export.json';
        file.click();
      }),
      erase: () => know({ erasing: true }),
      'erase-sure': () => once(async () => {
        const receipt = await doors.eraseEverything();
        // Nothing stays on this device either; there is no session any more that could be ended.
        await oo.signOut().catch(() => {});
        leave();
        know({ erased: () => erased(receipt), erasing: false });
      }),
      'begin-anew': () => know({ erased: null }),
    },
  };
}
