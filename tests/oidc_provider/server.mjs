// An OpenID Provider that this project did not write, for the tests, on loopback only.
//
// Four issuers: one for each way a client shows who it is, /basic, /post and /key, and
// /popup, which can ask no phone. The person is whoever a test says (POST to the interaction), and the phone answers when a
// test says so (POST to /admin/pushes). Configured by one JSON object in CONFIG.

import { generateKeyPairSync, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";

import { Provider, errors } from "oidc-provider";

const { port, redirectUri, clientId, clientSecret, clientJwks, claims } = JSON.parse(
  process.env.CONFIG,
);
const origin = `http://127.0.0.1:${port}`;
const accounts = new Map();
const pushes = [];

const METHODS = {
  basic: "client_secret_basic",
  post: "client_secret_post",
  key: "private_key_jwt",
  popup: "client_secret_basic",
};

const signingKeys = [newKey()];
let providers = makeProviders();

function newKey() {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const jwk = privateKey.export({ format: "jwk" });
  return { ...jwk, kid: randomUUID(), use: "sig", alg: "RS256" };
}

function makeProviders() {
  return Object.fromEntries(
    Object.entries(METHODS).map(([name, method]) => [name, makeProvider(name, method)]),
  );
}

function makeProvider(name, method) {
  const client = {
    client_id: clientId,
    redirect_uris: [redirectUri],
    ...(name === "popup"
      ? { grant_types: ["authorization_code"] }
      : {
          grant_types: ["authorization_code", "urn:openid:params:grant-type:ciba"],
          backchannel_token_delivery_mode: "poll",
        }),
    token_endpoint_auth_method: method,
    jwks: clientJwks,
    require_auth_time: name === "post", // the others are asked by the claims parameter
    ...(name !== "key" && { client_secret: clientSecret }),
    // What ID.me does: userinfo signed, then encrypted. /post sends plain JSON.
    ...(name !== "post" && {
      userinfo_signed_response_alg: "RS256",
      userinfo_encrypted_response_alg: "RSA-OAEP",
      userinfo_encrypted_response_enc: "A256CBC-HS512",
    }),
  };
  return new Provider(`${origin}/${name}`, {
    clients: [client],
    jwks: { keys: signingKeys },
    findAccount,
    claims: { openid: ["sub"], identity: claims, acr: null, amr: null, auth_time: null },
    clientAuthMethods: [method],
    cookies: { keys: [randomUUID()] },
    enabledJWA: { userinfoEncryptionAlgValues: ["RSA-OAEP"] },
    features: {
      claimsParameter: { enabled: name !== "post" },
      devInteractions: { enabled: false },
      encryption: { enabled: true },
      jwtUserinfo: { enabled: true },
      ciba: {
        enabled: name !== "popup",
        deliveryModes: ["poll"],
        processLoginHint: (_, hint) => hint,
        validateRequestContext: () => {},
        verifyUserCode: () => {},
        triggerAuthenticationDevice: (ctx, request) => {
          pushes.push({ name, request, message: ctx.oidc.params.binding_message });
        },
      },
    },
    interactions: { url: (_, interaction) => `/${name}/interaction/${interaction.uid}` },
  });
}

function findAccount(_, accountId) {
  const claims = accounts.get(accountId);
  return claims && { accountId, claims: () => ({ sub: accountId, ...claims }) };
}

async function grantFor(provider, accountId) {
  const grant = new provider.Grant({ accountId, clientId });
  grant.addOIDCScope("openid identity");
  return grant.save();
}

// The person: {account, amr, signedInAgo} agrees, {} declines.
async function interact(provider, request, response) {
  const { account, amr, signedInAgo = 0 } = JSON.parse(await text(request));
  const result = account
    ? {
        login: { accountId: account, amr, ts: Math.floor(Date.now() / 1000) - signedInAgo },
        consent: { grantId: await grantFor(provider, account) },
      }
    : { error: "access_denied", error_description: "The person declined." };
  await provider.interactionFinished(request, response, result);
}

// The phone: {amr} agrees, {error} does not.
async function answerPush({ name, request }, { error, amr }) {
  const provider = providers[name];
  if (error) {
    const Refusal = { access_denied: errors.AccessDenied, expired_token: errors.ExpiredToken };
    return provider.backchannelResult(request, new Refusal[error]("as the test says"));
  }
  const grant = await grantFor(provider, request.accountId);
  return provider.backchannelResult(request, grant, {
    amr,
    authTime: Math.floor(Date.now() / 1000),
  });
}

const ADMIN = {
  "GET /admin/ready": () => ({}),
  "POST /admin/accounts": ({ subject, ...claims }) => accounts.set(subject, claims) && {},
  "GET /admin/pushes": () => pushes.map(({ message }) => message),
  "POST /admin/pushes": async (answer) => (await answerPush(pushes.at(-1), answer)) ?? {},
  // The new key signs, the old one stays published, as in any careful rotation.
  "POST /admin/rotate": () => {
    signingKeys.unshift(newKey());
    providers = makeProviders();
    return {};
  },
};

async function serve(request, response) {
  const act = ADMIN[`${request.method} ${request.url}`];
  if (act) {
    const body = request.method === "POST" ? JSON.parse(await text(request)) : {};
    response.setHeader("Content-Type", "application/json");
    return response.end(JSON.stringify(await act(body)));
  }
  const [, name, page, uid] = request.url.split("/");
  const provider = providers[name];
  if (!provider) return response.writeHead(404).end();
  if (page === "interaction") {
    if (request.method === "POST") return interact(provider, request, response);
    return response.end(uid);
  }
  request.originalUrl = request.url;
  request.url = request.url.slice(name.length + 1);
  return provider.callback()(request, response);
}

createServer((request, response) => {
  serve(request, response).catch((error) => {
    console.error(error);
    response.writeHead(500).end();
  });
}).listen(port, "127.0.0.1");
