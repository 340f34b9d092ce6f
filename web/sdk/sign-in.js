// The ways in, and what a person looks after under "You": passkeys, devices, letters, choices, rights. Loaded when that is wanted.

import { languageOf } from './browser.js';

/**
 * @typedef {import('../../contracts/generated/contracts.d.ts').Ways} Ways
 * @typedef {import('../../contracts/generated/contracts.d.ts').Doors} Doors
 * @typedef {import('../../contracts/generated/contracts.d.ts').Issuer} Issuer
 * @typedef {import('../../contracts/generated/contracts.d.ts').Erased} Erased
 * @typedef {import('../../contracts/generated/contracts.d.ts').Me} Me
 * @typedef {(method: string, path: string, body?: object, how?: { within?: number }) => Promise<any>} Call
 */

/** The server itself waits half a minute for its mail server. */
const LETTER_TIMEOUT = 40_000;

/** @param {Call} call */
export function signIn(call) {
  /** @param {any} credential @returns {{ credential: string }} */
  const answer = (credential) => ({ credential: JSON.stringify(credential.toJSON()) });
  const known = /** @type {any} */ (globalThis).PublicKeyCredential;

  return {
    /** How people may sign in here. @returns {Promise<Ways>} */
    ways: () => call('GET', '/api/v1/ways'),

    /** Signs in with a passkey. Call it from a click. */
    async byPasskey() {
      const { options } = await call('POST', '/api/v1/session/passkey/start');
      const publicKey = known.parseRequestOptionsFromJSON(JSON.parse(options).publicKey);
      await call('POST', '/api/v1/session/passkey', answer(await navigator.credentials.get({ publicKey })));
    },

    /** Makes a passkey for who is signed in. Call it from a click. */
    async addPasskey() {
      const { options } = await call('POST', '/api/v1/passkeys/start');
      const publicKey = known.parseCreationOptionsFromJSON(JSON.parse(options).publicKey);
      await call('POST', '/api/v1/passkeys', answer(await navigator.credentials.create({ publicKey })));
    },

    /** Where to send the browser to sign in, or to add a way in. @param {Issuer} issuer @returns {Promise<string>} */
    async toIssuer(issuer) {
      const { authorize } = await call('POST', `/api/v1/session/oidc/${encodeURIComponent(issuer)}`);
      const address = new URL(authorize);
      if (!['https:', 'http:'].includes(address.protocol)) throw new TypeError('not an address to sign in at');
      return address.href;
    },

    /** The person's passkeys and sessions. @returns {Promise<Doors>} */
    doors: () => call('GET', '/api/v1/doors'),

    /** What the person chose, allowed, defined and corrected. @returns {Promise<Me>} */
    me: () => call('GET', '/api/v1/me'),

    /** Sends a device a message that says that it arrived. @param {string} device */
    testPush: (device) => call('POST', `/api/v1/push/subscription/${encodeURIComponent(device)}/test`),

    /** @param {string} device */
    forgetDevice: (device) => call('DELETE', `/api/v1/push/subscription/${encodeURIComponent(device)}`),

    /** Sends a code to an address: letters go there once it comes back. @param {string} address @param {'en' | 'de'} [language] of the letter with the code */
    askEmail: (address, language = languageOf()) => call('PUT', '/api/v1/email', { address, language }, { within: LETTER_TIMEOUT }),

    /** Brings the code back that came in the letter. @param {string} code */
    confirmEmail: (code) => call('POST', '/api/v1/email/code', { code }),

    /** No more letters, and no address. */
    endEmail: () => call('DELETE', '/api/v1/email'),

    /** No more letters, by the token of one of them. Needs no session. @param {string} token */
    stopEmail: (token) => call('POST', `/api/v1/email/stop/${encodeURIComponent(token)}`),

    /** Gives the answer that a token stands for, once. Needs no session, and does not wait for a connection. @param {string} token */
    answerByToken: (token) => call('POST', '/api/v1/answers', { token }),

    /** @param {string} id */
    removePasskey: (id) => call('DELETE', `/api/v1/passkeys/${encodeURIComponent(id)}`),

    /** Where all that oO holds of the person is to be had, as one file. */
    exportAddress: '/api/v1/me/export',

    /** Erases everything. The session ends with it. Ask the person twice. @returns {Promise<Erased>} */
    async eraseEverything() {
      const { confirmation } = await call('POST', '/api/v1/me/erase/confirmation');
      return call('POST', '/api/v1/me/erase', { confirmation });
    },

    /** @param {string} id */
    endSession: (id) => call('DELETE', `/api/v1/sessions/${encodeURIComponent(id)}`),
  };
}
