import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { silentLogger, VirtualClock } from "../../lib/index.ts";
import type { WebhookRequest } from "../webhooks/index.ts";
import { readAuthenticationConfiguration } from "./authentication-configuration.ts";
import { cachedTokens } from "./cached-tokens.ts";
import { createJwtAuthenticator } from "./jwt-authenticator.ts";

const url = "https://login.example.com";
const ownIssuer = "https://kubernetes.default.svc.cluster.local";
const audiences = ["api"];

const configuration = (jwt: readonly object[], rest: object = {}) => ({
  apiVersion: "apiserver.config.k8s.io/v1",
  kind: "AuthenticationConfiguration",
  jwt,
  ...rest,
});

const issuer = { url, audiences: ["roder"] };
const username = { claim: "sub", prefix: "oidc:" };
const plain = { issuer, claimMappings: { username } };

const read = (jwt: object, rest?: object) => readAuthenticationConfiguration(configuration([jwt], rest), ownIssuer);

interface Key {
  readonly privateKey: CryptoKey;
  readonly jwk: object;
  readonly kid: string;
}

async function newKey(kid: string): Promise<Key> {
  const { publicKey, privateKey } = await generateKeyPair("RS256", { extractable: true });
  return { privateKey, kid, jwk: { ...(await exportJWK(publicKey)), kid, alg: "RS256", use: "sig" } };
}

const first = await newKey("first");

/** An issuer that serves its documents, and the authenticator that trusts it. */
function scene(jwt: object) {
  const clock = new VirtualClock();
  const requests: WebhookRequest[] = [];
  const provider = { keys: [first.jwk], isUp: true };
  const call = async (request: WebhookRequest) => {
    requests.push(request);
    if (!provider.isUp) throw new Error("connection refused");
    if (request.url.endsWith("/.well-known/openid-configuration")) return { issuer: url, jwks_uri: `${url}/keys` };
    return { keys: provider.keys };
  };
  const { issuers } = read(jwt);
  const tokens = createJwtAuthenticator({ issuers, call, clock, log: silentLogger, audiences });
  const token = (claims: object, key = first) => {
    const now = Math.floor(clock.now() / 1000);
    const whole = { iss: url, aud: "roder", sub: "jane", exp: now + 60, ...claims };
    return new SignJWT(whole).setProtectedHeader({ alg: "RS256", kid: key.kid }).sign(key.privateKey);
  };
  const userOf = async (claims: object, key = first) =>
    (await tokens.authenticateToken(await token(claims, key)))?.user;
  return { clock, requests, provider, tokens, token, userOf };
}

test("a token of a trusted issuer is the user that its claims say", async () => {
  const { userOf, requests } = scene({
    issuer: { ...issuer, certificateAuthority: "PEM" },
    claimMappings: { username, groups: { claim: "roles", prefix: "oidc:" }, uid: { claim: "uid" } },
  });
  assert.deepEqual(await userOf({ roles: ["dev", "ops"], uid: "u1" }), {
    name: "oidc:jane",
    uid: "u1",
    groups: ["oidc:dev", "oidc:ops"],
  });
  assert.deepEqual((await userOf({ roles: "dev", uid: "u1" }))?.groups, ["oidc:dev"]);
  assert.deepEqual((await userOf({ uid: "u1" }))?.groups, []);
  assert.equal(await userOf({ roles: [1], uid: "u1" }), undefined);
  assert.deepEqual(
    requests.map(({ url: each, authority, body }) => [each, authority, body]),
    [
      [`${url}/.well-known/openid-configuration`, "PEM", undefined],
      [`${url}/keys`, "PEM", undefined],
    ],
  );
});

test("a token that is over, too early, for others, of others or forged is nobody's", async () => {
  const { clock, tokens, token, userOf } = scene(plain);
  const nowSeconds = clock.now() / 1000;
  assert.ok(await userOf({ aud: ["web", "roder"], nbf: nowSeconds + 299 }));
  for (const claims of [
    { exp: nowSeconds - 1 },
    { exp: undefined },
    { nbf: nowSeconds + 301 },
    { aud: "web" },
    { iss: "https://other.example.com" },
    { sub: undefined },
    { sub: "" },
  ])
    assert.equal(await userOf(claims), undefined, JSON.stringify(claims));
  assert.equal(await userOf({}, await newKey("first")), undefined);
  const [head, body, signature] = (await token({})).split(".");
  for (const bad of ["", "a.b.c", `${head}.${body}.`, `${head}.${body}.${signature}.`, `e30.${body}.${signature}`])
    assert.equal(await tokens.authenticateToken(bad), undefined, bad);
  assert.equal(await tokens.authenticateToken(await token({}), ["vault"]), undefined);
});

test("expressions say who the user is", async () => {
  const { userOf } = scene({
    issuer,
    claimMappings: {
      username: { expression: "claims.sub + '@' + claims.tenant.name" },
      groups: { expression: "claims.roles.split(',')" },
      uid: { expression: "claims.?uid.orValue('none')" },
      extra: [
        { key: "example.com/tenant", valueExpression: "claims.tenant.name" },
        { key: "example.com/none", valueExpression: "''" },
      ],
    },
  });
  assert.deepEqual(await userOf({ tenant: { name: "green" }, roles: "dev,ops" }), {
    name: "jane@green",
    uid: "none",
    groups: ["dev", "ops"],
    extra: { "example.com/tenant": ["green"] },
  });
  assert.equal(await userOf({ roles: "dev" }), undefined, "an expression that fails makes nobody");
});

test("rules about claims and users refuse tokens", async () => {
  const { userOf } = scene({
    ...plain,
    claimMappings: { username, groups: { claim: "roles", prefix: "" } },
    claimValidationRules: [
      { claim: "hd", requiredValue: "example.com" },
      { expression: "claims.exp - claims.iat <= 3600", message: "lives too long" },
    ],
    userValidationRules: [{ expression: "!user.groups.exists(g, g.startsWith('system:'))", message: "reserved" }],
  });
  const good = { hd: "example.com", roles: ["dev"], iat: 1_800_000_000, exp: 1_800_003_600 };
  assert.ok(await userOf(good));
  assert.equal(await userOf({ ...good, hd: "example.org" }), undefined);
  assert.equal(await userOf({ ...good, hd: undefined }), undefined);
  assert.equal(await userOf({ ...good, iat: good.iat - 1 }), undefined);
  assert.equal(await userOf({ ...good, roles: ["system:masters"] }), undefined);
});

test("an address that is not verified names nobody", async () => {
  const { userOf } = scene({ issuer, claimMappings: { username: { claim: "email", prefix: "" } } });
  assert.equal((await userOf({ email: "jane@example.com" }))?.name, "jane@example.com");
  assert.ok(await userOf({ email: "jane@example.com", email_verified: true }));
  assert.equal(await userOf({ email: "jane@example.com", email_verified: false }), undefined);
  assert.equal(await userOf({ email: "jane@example.com", email_verified: "true" }), undefined);
});

test("keys are fetched again for a token that none of them signed, and not more than every ten seconds", async () => {
  const { clock, requests, provider, userOf } = scene(plain);
  const second = await newKey("second");
  assert.ok(await userOf({}));
  assert.equal(requests.length, 2);
  provider.keys = [second.jwk];
  assert.equal(await userOf({}, second), undefined, "too soon");
  assert.equal(requests.length, 2);
  await clock.advance(10_000);
  assert.ok(await userOf({}, second));
  assert.equal(requests.length, 4);
  assert.equal(await userOf({}), undefined, "the former key is none any more");
});

test("an issuer that cannot be reached makes its tokens nobody's until it can", async () => {
  const { clock, provider, userOf } = scene(plain);
  provider.isUp = false;
  assert.equal(await userOf({}), undefined);
  provider.isUp = true;
  await clock.advance(10_000);
  assert.ok(await userOf({}));
  provider.isUp = false;
  await clock.advance(20_000);
  assert.ok(await userOf({}), "the keys are known");
});

test("an authentication configuration that is wrong is refused with all that is wrong", () => {
  const wrong = (jwt: object, ...sentences: readonly string[]) =>
    assert.throws(() => read(jwt), { message: sentences.join("; ") });
  const at = "jwt[0]";
  wrong({ ...plain, color: "green" }, `unknown field "${at}.color"`);
  wrong(
    { issuer: { url: "http://login.example.com?x=1" }, claimMappings: {} },
    `${at}.issuer.url: Invalid value: "http://login.example.com?x=1": URL scheme must be https`,
    `${at}.issuer.url: Invalid value: "http://login.example.com?x=1": URL must not contain a query`,
    `${at}.issuer.audiences: Required value: at least one ${at}.issuer.audiences is required`,
    `${at}.claimMappings.username: Required value: claim or expression is required`,
  );
  wrong(
    { ...plain, issuer: { ...issuer, url: ownIssuer } },
    `${at}.issuer.url: Invalid value: "${ownIssuer}": URL must not overlap with disallowed issuers: [${ownIssuer}]`,
  );
  wrong(
    { ...plain, issuer: { ...issuer, audiences: ["a", "b"] } },
    `${at}.issuer.audienceMatchPolicy: Invalid value: "": audienceMatchPolicy must be MatchAny for multiple audiences`,
  );
  wrong(
    { issuer, claimMappings: { username: { claim: "sub" } } },
    `${at}.claimMappings.username.prefix: Required value: prefix is required when claim is set. It can be set to an empty string to disable prefixing`,
  );
  wrong(
    { issuer, claimMappings: { username: { claim: "sub", prefix: "", expression: "claims.sub" } } },
    `${at}.claimMappings.username: Invalid value: "": claim and expression can't both be set`,
    `${at}.claimMappings.username.prefix: Invalid value: "": may not be specified when expression is set`,
  );
  wrong(
    { ...plain, claimValidationRules: [{ expression: "claims.sub" }] },
    `${at}.claimValidationRules[0].expression: Invalid value: "claims.sub": must evaluate to bool`,
  );
  wrong(
    { ...plain, claimMappings: { username, extra: [{ key: "kubernetes.io/x", valueExpression: "claims.x" }] } },
    `${at}.claimMappings.extra[0].key: Invalid value: "kubernetes.io/x": k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use`,
  );
  assert.throws(() => read({ issuer, claimMappings: { username: { expression: "claims.email" } } }), {
    message: /claims\.email_verified must be used in claimMappings\.username\.expression/,
  });
  assert.throws(() => read({ ...plain, userValidationRules: [{ expression: "user.name == ''" }] }), {
    message:
      /userValidationRules\[0\]\.expression: Invalid value: "user\.name == ''": compilation failed: .*undefined field 'name'/s,
  });
  assert.throws(() => readAuthenticationConfiguration(configuration([plain, plain]), ownIssuer), {
    message: `jwt[1].issuer.url: Duplicate value: "${url}"`,
  });
  assert.throws(() => readAuthenticationConfiguration({ kind: "Pod", apiVersion: "v1" }, ownIssuer), {
    message: "it is Pod of v1, not AuthenticationConfiguration of apiserver.config.k8s.io/v1",
  });
});

test("the anonymous user may be for some paths, or not at all", () => {
  const anonymous = (value: object) => read(plain, { anonymous: value }).anonymous;
  assert.deepEqual(read(plain).anonymous, { isAllowed: true, paths: [] });
  assert.deepEqual(anonymous({ enabled: false }), { isAllowed: false, paths: [] });
  assert.deepEqual(anonymous({ enabled: true, conditions: [{ path: "/livez" }] }), {
    isAllowed: true,
    paths: ["/livez"],
  });
  assert.throws(() => anonymous({ enabled: false, conditions: [{ path: "/livez" }] }), {
    message: /enabled should be set to true when conditions are defined/,
  });
});

test("a token that does not name its key is tried with those that could be it", async () => {
  const { provider, tokens, clock } = scene(plain);
  const second = await newKey("second");
  const now = Math.floor(clock.now() / 1000);
  const claims = { iss: url, aud: "roder", sub: "jane", exp: now + 60 };
  const signed = await new SignJWT(claims).setProtectedHeader({ alg: "RS256" }).sign(second.privateKey);
  provider.keys = [first.jwk, second.jwk];
  assert.equal((await tokens.authenticateToken(signed))?.user.name, "oidc:jane");
  const forged = await new SignJWT(claims).setProtectedHeader({ alg: "RS256" }).sign((await newKey("x")).privateKey);
  assert.equal(await tokens.authenticateToken(forged), undefined);
});

test("keys of an issuer that are none sign nothing, and keep no other key from being used", async () => {
  const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
  const short = publicKey.export({ format: "jwk" });
  const wrong = [short, { kty: "RSA", e: "AQAB" }, { kty: "RSA", n: 5, e: "AQAB" }, { kty: "made-up" }];
  for (const key of wrong) {
    const { provider, userOf } = scene(plain);
    provider.keys = [null as unknown as object, { ...key, kid: "wrong" }, first.jwk]; // issuers send what they like
    assert.equal(await userOf({}, { ...first, kid: "wrong" }), undefined);
    assert.equal((await userOf({}))?.name, "oidc:jane");
  }
  const { provider, userOf } = scene(plain);
  provider.keys = [first.jwk, ...Array(1000).fill(short)];
  assert.equal(await userOf({}), undefined);
});

test("an issuer is named by a text and by nothing that reads like it", async () => {
  const { userOf } = scene(plain);
  assert.equal(await userOf({ iss: [url] }), undefined);
});

test("so many answers about tokens are waited for and no more, and what no token is so long is not kept", async () => {
  const clock = new VirtualClock();
  let asked = 0;
  const never = new Promise<undefined>(() => {});
  const authenticateToken = async (token: string) => {
    asked++;
    return token.startsWith("wait") ? never : undefined;
  };
  const cached = cachedTokens({ authenticateToken }, { clock, knownMs: 1, unknownMs: 10_000 });
  for (const token of ["short", "short", "x".repeat(20_000), "x".repeat(20_000)]) await cached.authenticateToken(token);
  assert.equal(asked, 3);
  for (let at = 0; at < 1024; at++) void cached.authenticateToken(`wait ${at}`);
  assert.throws(() => cached.authenticateToken("one too many"), { code: 429 });
  // What is known or asked already needs no place.
  assert.equal(await cached.authenticateToken("short"), undefined);
  void cached.authenticateToken("wait 0");
  assert.equal(asked, 3 + 1024);
});

test("an answer about a token is kept for a while, and several who ask at once ask once", async () => {
  const clock = new VirtualClock();
  let asked = 0;
  const user = { name: "jane", groups: [] };
  const answering = {
    authenticateToken: async (token: string) => {
      asked++;
      return token === "good" ? { user, audiences } : undefined;
    },
  };
  const cached = cachedTokens(answering, { clock, knownMs: 10_000 });
  const [one, other] = await Promise.all([cached.authenticateToken("good"), cached.authenticateToken("good")]);
  assert.deepEqual([one?.user, other?.user, asked], [user, user, 1]);
  await cached.authenticateToken("good", ["web"]);
  assert.equal(asked, 2);
  await cached.authenticateToken("good");
  assert.equal(asked, 2);
  await clock.advance(10_000);
  await cached.authenticateToken("good");
  await cached.authenticateToken("bad");
  await cached.authenticateToken("bad");
  assert.equal(asked, 5);
});
