// A certified OpenID provider, a person at a browser, and an API that takes the provider's tokens.
// Each line on standard input is a wish as JSON, each line on standard output its outcome:
//   { visit: url, as }       opens an authorize page, signs in and consents; where it ended
//   { type: url, as }        opens a device page with its code in it, signs in and consents
//   { expire: true }         no access token given out so far is good any more
//   { told: true }           what the provider counted

import { createServer } from "node:http";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

// Its advice goes to standard error: standard output is for outcomes.
console.info = console.warn = console.error;
const { NODE_FOLDER } = process.env;
const { Provider } = await import(createRequire(`${NODE_FOLDER}/`).resolve("oidc-provider"));

const CLIENT = "byokey-certified";
const told = { granted: [], refused: [], revoked: 0, chats: 0 };
const expired = new Set();
const given = new Set();

const server = createServer();
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const issuer = `http://127.0.0.1:${server.address().port}`;

const account = (ctx, sub) => ({
  accountId: sub,
  claims: () => ({ sub, email: `${sub}@example.org`, name: sub }),
});

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: CLIENT,
      application_type: "native",
      token_endpoint_auth_method: "none",
      redirect_uris: ["http://127.0.0.1/callback", "http://localhost/callback"],
      response_types: ["code"],
      grant_types: ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
    },
  ],
  findAccount: account,
  claims: { openid: ["sub"], email: ["email"], profile: ["name"] },
  conformIdTokenClaims: false,
  cookies: { keys: ["not a secret"] },
  features: {
    devInteractions: { enabled: false },
    deviceFlow: { enabled: true },
    revocation: { enabled: true },
    userinfo: { enabled: true },
  },
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  pkce: { required: () => true },
  // A new one at each use; an old one that comes again ends the whole sign-in.
  rotateRefreshToken: true,
  issueRefreshToken: () => true,
  ttl: { AccessToken: 3600, DeviceCode: 600, Grant: 86400, IdToken: 3600, Interaction: 600, RefreshToken: 86400, Session: 600 },
});
provider.on("grant.success", (ctx) => {
  told.granted.push(ctx.oidc.params.grant_type);
  if (ctx.body.access_token) given.add(ctx.body.access_token);
});
provider.on("grant.error", (ctx, error) => told.refused.push([ctx.oidc.params?.grant_type, error.error, error.error_detail]));
provider.on("grant.revoked", () => (told.revoked += 1));

/** Signs the person in and consents to whatever is asked. */
async function interact(request, response) {
  const { prompt, params, session, grantId } = await provider.interactionDetails(request, response);
  if (prompt.name === "login") {
    const who = request.headers["x-person"] ?? "ada";
    return provider.interactionFinished(request, response, { login: { accountId: who } });
  }
  const grant = grantId ? await provider.Grant.find(grantId) : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope ?? "openid");
  return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true });
}

/** One chat completion, for whoever brings a token that is good. */
async function chat(request, response) {
  const token = (request.headers.authorization ?? "").replace(/^Bearer /, "");
  const known = !expired.has(token) && (await provider.AccessToken.find(token));
  response.setHeader("content-type", "application/json");
  if (!known || known.isExpired) {
    response.statusCode = 401;
    return response.end(JSON.stringify({ error: { message: "The token is not good.", code: "invalid_token" } }));
  }
  told.chats += 1;
  const message = { role: "assistant", content: `Hello ${known.accountId}` };
  const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 };
  response.end(JSON.stringify({ id: "c", object: "chat.completion", created: 1, model: "m", choices: [{ index: 0, message, finish_reason: "stop" }], usage }));
}

const answer = provider.callback();
server.on("request", (request, response) => {
  const fail = (error) => response.writeHead(500).end(String(error));
  if (request.url.startsWith("/interaction/")) interact(request, response).catch(fail);
  else if (request.url === "/v1/chat/completions") {
    request.resume().on("end", () => chat(request, response).catch(fail));
  } else if (request.url === "/v1/models") {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ object: "list", data: [{ id: "m", object: "model" }] }));
  } else answer(request, response);
});

/** Goes where it is sent, with cookies, until a page answers. */
async function browse(url, person, cookies = new Map(), form) {
  for (let hops = 0; hops < 20; hops += 1) {
    const sent = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const reply = await fetch(url, {
      redirect: "manual",
      method: form ? "POST" : "GET",
      body: form,
      headers: url.startsWith(issuer) ? { cookie: sent, "x-person": person } : {},
    });
    for (const line of reply.headers.getSetCookie()) {
      const [name, value] = line.split(";")[0].split(/=(.*)/s);
      cookies.set(name, value);
    }
    const to = reply.headers.get("location");
    if (!to) return { url, status: reply.status, page: await reply.text() };
    url = new URL(to, url).href;
    form = undefined;
  }
  throw new Error("sent around in circles");
}

/** Opens the device page and presses its buttons until it has none left. */
async function device(url, person) {
  const cookies = new Map();
  let seen = await browse(url, person, cookies);
  for (let pressed = 0; pressed < 4 && /<form[^>]*method="post"/i.test(seen.page); pressed += 1) {
    const form = new URLSearchParams();
    for (const [input] of seen.page.matchAll(/<input[^>]*>/g)) {
      const named = /name="([^"]*)"/.exec(input);
      const value = /value="([^"]*)"/.exec(input);
      if (named && named[1] !== "abort") form.set(named[1], value ? value[1] : "");
    }
    const action = /<form[^>]*action="([^"]*)"/i.exec(seen.page);
    seen = await browse(new URL(action[1], seen.url).href, person, cookies, form);
  }
  return { url: seen.url, status: seen.status, page: seen.page };
}

const fulfil = async (wish) => {
  if (wish.visit) return browse(wish.visit, wish.as);
  if (wish.type) return device(wish.type, wish.as);
  if (wish.expire) given.forEach((token) => expired.add(token));
  return told;
};

console.log(JSON.stringify({ issuer, client: CLIENT }));
for await (const line of createInterface({ input: process.stdin })) {
  const outcome = await fulfil(JSON.parse(line)).catch((error) => ({ error: String(error.stack) }));
  console.log(JSON.stringify(outcome));
}
process.exit(0);
