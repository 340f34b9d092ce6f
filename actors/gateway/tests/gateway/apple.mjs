// A stand-in for Apple's sign-in, for tests: npm's oidc-provider, held to Apple's ways. It answers by a form that the browser
// posts, and takes no other client secret than a fresh token signed with ES256 by the key that it knows.
// Usage: node apple.mjs <port> <redirect address> <public key, PEM file>. `/secrets` gives back what it was shown.

import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const installed = createRequire(pathToFileURL(`${process.env.OO_NODE_MODULES}/`)).resolve('oidc-provider');
const { Provider } = await import(pathToFileURL(installed).href);

const [port, redirect, keyFile] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const known = createPublicKey(readFileSync(keyFile));
const shown = [];
const signing = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });

const provider = new Provider(issuer, {
  jwks: { keys: [{ ...signing, kid: 'apple', use: 'sig', alg: 'RS256' }] },
  clients: [{
    client_id: 'org.example.oo',
    client_secret: 'never-compared-see-below-never-compared',
    redirect_uris: [redirect],
    grant_types: ['authorization_code'],
    response_types: ['code'],
    token_endpoint_auth_method: 'client_secret_post',
  }],
  clientAuthMethods: ['client_secret_post'],
  scopes: ['openid', 'name'],
  pkce: { required: () => true },
  ttl: { AccessToken: 60, AuthorizationCode: 60, IdToken: 300, Interaction: 300, Session: 300, Grant: 300 },
  cookies: { keys: ['for tests'] },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
  findAccount: async (_context, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
});

/** Creating a client secret (Apple's developer documentation): who signed it, for whom, and for how long. */
provider.Client.prototype.compareClientSecret = (secret) => {
  const [header, claims, signature] = secret.split('.');
  const read = (part) => JSON.parse(Buffer.from(part, 'base64url').toString());
  const [head, said] = [read(header), read(claims)];
  shown.push({ secret, ...said });
  const now = Date.now() / 1000;
  return head.alg === 'ES256' && head.kid === 'KEY1234567' && said.iss === 'TEAM123456' && said.sub === 'org.example.oo' &&
    said.aud === issuer && said.iat <= now && said.exp > now && said.exp - said.iat <= 300 &&
    verify('sha256', Buffer.from(`${header}.${claims}`), { key: known, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'));
};

provider.use(async (context, next) => {
  if (context.path === '/secrets') {
    context.body = shown;
    return undefined;
  }
  if (!context.path.startsWith('/interaction/')) return next();
  const details = await provider.interactionDetails(context.req, context.res);
  const accountId = details.params.login_hint ?? 'ada';
  if (accountId === 'deny') return provider.interactionFinished(context.req, context.res, { error: 'access_denied' });
  const grant = new provider.Grant({ accountId, clientId: details.params.client_id });
  grant.addOIDCScope(details.params.scope);
  const result = { login: { accountId }, consent: { grantId: await grant.save() } };
  return provider.interactionFinished(context.req, context.res, result, { mergeWithLastSubmission: true });
});
provider.listen(Number(port), '127.0.0.1', () => console.log('listening'));
