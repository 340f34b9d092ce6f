// An OpenID Connect issuer for tests that lies as it is told to. The code that it takes is its order: base64url of a JSON with
// the nonce and the lie. It has no page: the test brings the code itself. Usage: node liar.mjs <port>
// `/orders` gives back everything that it was asked for, as method and path; `POST /rotate` gives it a new key.

import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { createServer } from 'node:http';

const port = Number(process.argv[2]);
const home = `http://127.0.0.1:${port}`;
const SECRET = 'oo-secret-oo-secret-oo-secret-oo';

const pair = () => generateKeyPairSync('rsa', { modulusLength: 2048 });
const jwk = ({ publicKey }, kid) => ({ ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' });
const base64 = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

let [own, kid] = [pair(), 'own'];
const foreign = pair();
const asked = [];

const rs256 = (key) => (text) => sign('sha256', Buffer.from(text), key.privateKey).toString('base64url');
const hs256 = (key) => (text) => createHmac('sha256', key).update(text).digest('base64url');

/** What each lie changes of an honest token: its header, its claims, its signature. */
const LIES = {
  honest: {},
  'no nonce': { claims: { nonce: undefined } },
  'another nonce': { claims: { nonce: 'somebody-elses' } },
  'alg none': { header: { alg: 'none', kid: undefined }, seal: () => '' },
  'no signature': { seal: () => '' },
  'HS256 with the client secret': { header: { alg: 'HS256', kid: undefined }, seal: hs256(SECRET) },
  'HS256 with the public key': () => ({
    header: { alg: 'HS256' },
    seal: hs256(own.publicKey.export({ type: 'spki', format: 'pem' })),
  }),
  'HS256 with the public key, without its line end': () => ({
    header: { alg: 'HS256' },
    seal: hs256(own.publicKey.export({ type: 'spki', format: 'pem' }).trimEnd()),
  }),
  'another key under the same name': { seal: rs256(foreign) },
  'its own key in the header': { header: { jwk: jwk(foreign, 'own') }, seal: rs256(foreign) },
  'its own key at an address in the header': { header: { jku: `${home}/foreign`, kid: 'foreign' }, seal: rs256(foreign) },
  'a certificate at an address in the header': { header: { x5u: `${home}/foreign`, kid: 'foreign' }, seal: rs256(foreign) },
  'a name that is a path': { header: { kid: '../../foreign' }, seal: rs256(foreign) },
  'a part that must be understood': { header: { crit: ['b64'], b64: true } },
  'another audience': { claims: { aud: 'somebody-else' } },
  'no audience': { claims: { aud: undefined } },
  'one audience more': { claims: { aud: ['oo', 'somebody-else'], azp: 'oo' } },
  'another authorized party': { claims: { azp: 'somebody-else' } },
  'another issuer': { claims: { iss: 'https://accounts.google.com' } },
  'an issuer with a slash more': { claims: { iss: `${home}/` } },
  'no issuer': { claims: { iss: undefined } },
  expired: { claims: { exp: Math.floor(Date.now() / 1000) - 60 } },
  'no end': { claims: { exp: undefined } },
  'no subject': { claims: { sub: undefined } },
};

function token({ nonce, lie, sub }) {
  const told = typeof LIES[lie] === 'function' ? LIES[lie]() : LIES[lie];
  const now = Math.floor(Date.now() / 1000);
  const header = { alg: 'RS256', typ: 'JWT', kid, ...told.header };
  const claims = { iss: home, aud: 'oo', sub: sub ?? 'alice', iat: now, exp: now + 300, nonce, ...told.claims };
  const text = `${base64(header)}.${base64(claims)}`;
  return `${text}.${(told.seal ?? rs256(own))(text)}`;
}

const description = (issuer) => ({
  issuer,
  authorization_endpoint: `${home}/auth`,
  token_endpoint: `${home}/token`,
  jwks_uri: `${home}/jwks`,
  response_types_supported: ['code'],
  subject_types_supported: ['public'],
  // It lies here as well: an honest client does not let the issuer choose how weak a signature may be.
  id_token_signing_alg_values_supported: ['none', 'HS256', 'RS256'],
});

const answers = {
  'GET /.well-known/openid-configuration': () => description(home),
  // Who is asked for by one name and calls itself by another.
  'GET /named/.well-known/openid-configuration': () => description(home),
  'GET /jwks': () => ({ keys: [jwk(own, kid)] }),
  'GET /foreign': () => ({ keys: [jwk(foreign, 'foreign')] }),
  'GET /orders': () => asked,
  'GET /lies': () => Object.keys(LIES),
  'POST /rotate': () => {
    [own, kid] = [pair(), `${kid}-next`];
    return {};
  },
  'POST /token': (form) => {
    const order = JSON.parse(Buffer.from(form.get('code'), 'base64url').toString());
    return { access_token: 'unused', token_type: 'Bearer', expires_in: 60, id_token: token(order) };
  },
};

createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  const order = `${request.method} ${request.url}`;
  const answer = answers[order];
  if (order !== 'GET /orders') asked.push(order);
  response.writeHead(answer ? 200 : 404, { 'content-type': 'application/json' });
  response.end(JSON.stringify(answer ? answer(new URLSearchParams(body)) : {}));
}).listen(port, '127.0.0.1', () => console.log('listening'));
