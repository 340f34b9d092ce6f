// What this device remembers between two visits: small, synchronous, and forgotten at sign-out.

/** @typedef {import('../../contracts/generated/contracts.d.ts').State} State */

/** @typedef {import('./types.d.ts').Remembered} Remembered */

const KEY = 'oo';

/** @returns {Remembered} */
const nothing = () => ({ last: null, refusedAt: 0, byEmail: false, zone: '', language: 'en', heard: '', later: false });

/** @param {Storage | null} storage */
export function memory(storage) {
  /** @returns {Remembered} */
  const recall = () => {
    try {
      return { ...nothing(), ...JSON.parse(storage?.getItem(KEY) ?? '{}') };
    } catch {
      return nothing();
    }
  };
  return {
    recall,
    /** @param {Partial<Remembered>} some */
    keep(some) {
      try {
        storage?.setItem(KEY, JSON.stringify({ ...recall(), ...some }));
      } catch {
        // A full or forbidden storage costs the offline page, nothing else.
      }
    },
    forget() {
      try {
        storage?.removeItem(KEY);
      } catch {
        // As above.
      }
    },
  };
}

/**
 * A tip's words do not outlive the tip, not even here; that there was one is kept, to say that its moment has passed.
 * @param {State} state @param {number} now oO's time
 * @returns {State}
 */
export function withoutOldWords(state, now) {
  if (!state.tip || Date.parse(state.tip.not_after) > now) return state;
  return { ...state, tip: { ...state.tip, text: '…', moment: '', why: [], source: null } };
}
