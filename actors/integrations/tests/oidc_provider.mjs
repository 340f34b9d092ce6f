// A real OpenID provider for tests: panva's oidc-provider, which wants PKCE and, where told to, gives a new refresh token
// for each one used and ends the whole grant when an old one comes again. Everybody who comes has consented.
//
// OO_NODE_MODULES says where it is installed, OO_REDIRECT where browsers are sent back to, OO_SCOPES what may be asked
// for, OO_ROTATE whether refresh tokens rotate, OO_LIFE how many seconds an access token lives. Prints its address.

import { generateKeyPairSync, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import process, { env } from "node:process";
import { pathToFileURL } from "node:url";

const installed = createRequire(pathToFileURL(`${env.OO_NODE_MODULES}/`)).resolve("oidc-provider");
const { Provider } = await import(pathToFileURL(installed).href);

// The address is in everything that it says, so it listens before there is anything to say.
const server = createServer();
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const issuer = `http://127.0.0.1:${server.address().port}`;

const key = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" });
const provider = new Provider(issuer, {
  jwks: { keys: [{ ...key, kid: "k1", use: "sig", alg: "RS256" }] },
  clients: [
    {
      client_id: "oo",
      client_secret: "oo-secret-oo-secret-oo-secret-oo",
      redirect_uris: [env.OO_REDIRECT],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "client_secret_post",
    },
  ],
  scopes: env.OO_SCOPES.split(" "),
  pkce: { required: () => true },
  rotateRefreshToken: () => env.OO_ROTATE === "true",
  issueRefreshToken: async () => true,
  ttl: {
    AccessToken: Number(env.OO_LIFE),
    AuthorizationCode: 60,
    IdToken: 300,
    RefreshToken: 86400,
    Interaction: 300,
    Session: 300,
    Grant: 86400,
  },
  cookies: { keys: [randomUUID()] },
  features: { devInteractions: { enabled: false }, revocation: { enabled: true } },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: async (_, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
});

provider.use(async (ctx, next) => {
  if (!ctx.path.startsWith("/interaction/")) {
    return next();
  }
  const { params, session } = await provider.interactionDetails(ctx.req, ctx.res);
  const accountId = session?.accountId ?? "alex";
  const grant = new provider.Grant({ accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  const result = { login: { accountId }, consent: { grantId: await grant.save() } };
  await provider.interactionFinished(ctx.req, ctx.res, result, { mergeWithLastSubmission: true });
});

server.on("request", provider.callback());
// The test holds the other end: however it ends, this ends with it.
process.stdin.resume().on("end", () => process.exit());
console.log(issuer);
