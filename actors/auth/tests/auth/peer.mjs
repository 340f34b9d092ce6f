// An OpenID Connect issuer for tests: npm's oidc-provider, head-less. Everybody who comes has consented; `login_hint` says who
// it is. OO_NODE_MODULES says where it is installed. Usage: node peer.mjs <port> <redirect address>

import { generateKeyPairSync } from 'node:crypto';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const installed = createRequire(pathToFileURL(`${process.env.OO_NODE_MODULES}/`)).resolve('oidc-provider');
const { Provider } = await import(pathToFileURL(installed).href);

const [port, redirect] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
const provider = new Provider(issuer, {
  jwks: { keys: [{ ...key, kid: 'k1', use: 'sig', alg: 'RS256' }] },
  clients: [{
    client_id: 'oo',
    client_secret: 'oo-secret-oo-secret-oo-secret-oo',
    redirect_uris: [redirect],
    grant_types: ['authorization_code'],
    response_types: ['code'],
    token_endpoint_auth_method: 'client_secret_basic',
  }],
  scopes: ['openid'],
  pkce: { required: () => true },
  ttl: { AccessToken: 60, AuthorizationCode: 60, IdToken: 300, Interaction: 300, Session: 300, Grant: 300 },
  cookies: { keys: ['for tests'] },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
  findAccount: async (_context, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
});
provider.use(async (context, next) => {
  if (!context.path.startsWith('/interaction/')) return next();
  const details = await provider.interactionDetails(context.req, context.res);
  const accountId = details.params.login_hint ?? 'alice';
  if (accountId === 'deny') {
    return provider.interactionFinished(context.req, context.res, { error: 'access_denied' });
  }
  const grant = new provider.Grant({ accountId, clientId: details.params.client_id });
  grant.addOIDCScope(details.params.scope);
  const result = { login: { accountId }, consent: { grantId: await grant.save() } };
  await provider.interactionFinished(context.req, context.res, result, { mergeWithLastSubmission: true });
});
provider.listen(Number(port), '127.0.0.1', () => console.log('listening'));
