import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import {
  ApiError,
  type AuthenticationTokenRequest,
  Nodes,
  Pods,
  Secrets,
  type ServiceAccount,
  ServiceAccounts,
} from "../../api/index.ts";
import { seededRandom, timestamp, VirtualClock } from "../../lib/index.ts";
import { ObjectLookup } from "../lookup-of-objects.ts";
import { jwksDocument, openIdConfiguration } from "./issuer-discovery.ts";
import { createServiceAccountAuthenticator } from "./service-account-authenticator.ts";
import { bearerTokenAuthenticator } from "./token-authenticator.ts";
import { legacyClaims } from "./token-claims.ts";
import { TokenIssuer } from "./token-issuer.ts";
import { createTokenKeys } from "./token-keys.ts";
import { anonymousUser, unionAuthenticator } from "./union.ts";
import { createX509Authenticator } from "./x509.ts";

const issuer = "https://kubernetes.default.svc.cluster.local";

function newKey() {
  const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return {
    privateKey: String(pair.privateKey.export({ type: "pkcs8", format: "pem" })),
    publicKey: String(pair.publicKey.export({ type: "spki", format: "pem" })),
  };
}

const key = newKey();
const keys = await createTokenKeys(key.privateKey);

function cluster() {
  const clock = new VirtualClock();
  const lookup = new ObjectLookup()
    .put(ServiceAccounts, { metadata: { name: "builder", namespace: "green", uid: "sa-1" } })
    .put(Nodes, { metadata: { name: "n1", uid: "node-1" }, spec: {} })
    .put(Pods, {
      metadata: { name: "web", namespace: "green", uid: "pod-1" },
      spec: { containers: [], nodeName: "n1", serviceAccountName: "builder" },
    });
  const audiences = [issuer];
  const options = { keys, lookup, clock, issuer, audiences };
  const tokens = new TokenIssuer({ ...options, random: seededRandom(1) });
  const serviceAccounts = createServiceAccountAuthenticator(options);
  const authenticator = { ...serviceAccounts, ...bearerTokenAuthenticator(serviceAccounts) };
  return { clock, lookup, tokens, authenticator };
}

type Spec = AuthenticationTokenRequest["spec"];
const request = (spec: Spec) => ({ spec });
const pod: Spec = { boundObjectRef: { apiVersion: "v1", kind: "Pod", name: "web" } };

function payload(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split(".")[1] as string, "base64url").toString());
}

test("a token says whose it is, until when and for whom", async () => {
  const { clock, tokens, authenticator } = cluster();
  const { status, spec, kind, metadata } = await tokens.createToken(
    "green",
    "builder",
    request({ expirationSeconds: 600 }),
  );
  assert.equal(kind, "TokenRequest");
  assert.equal(metadata.name, "builder");
  assert.deepEqual(spec.audiences, [issuer]);
  assert.equal(status.expirationTimestamp, timestamp(clock.now() + 600_000));
  const user = await authenticator.authenticate({ authorization: `Bearer ${status.token}` });
  assert.equal(user?.name, "system:serviceaccount:green:builder");
  assert.equal(user?.uid, "sa-1");
  assert.deepEqual(user?.groups, ["system:serviceaccounts", "system:serviceaccounts:green", "system:authenticated"]);
  await clock.advance(660_000);
  assert.ok(await authenticator.authenticateToken(status.token ?? ""));
  await clock.advance(1000);
  assert.equal(await authenticator.authenticateToken(status.token ?? ""), undefined);
});

test("a token of a server whose clock is a minute ahead is good, and no token of a later time", async () => {
  const { clock, lookup, tokens } = cluster();
  const { status } = await tokens.createToken("green", "builder", {});
  const at = (ms: number) => {
    const other = createServiceAccountAuthenticator({
      keys,
      lookup,
      clock: new VirtualClock(clock.now() - ms),
      issuer,
      audiences: [issuer],
    });
    return other.authenticateToken(status.token ?? "");
  };
  assert.ok(await at(60_000));
  assert.equal(await at(61_000), undefined);
});

test("a request without a time gets an hour, and one for another audience is not for the server", async () => {
  const { clock, tokens, authenticator } = cluster();
  const hour = await tokens.createToken("green", "builder", {});
  assert.equal(hour.spec.expirationSeconds, 3600);
  assert.equal(hour.status.expirationTimestamp, timestamp(clock.now() + 3_600_000));
  const { status } = await tokens.createToken("green", "builder", request({ audiences: ["vault"] }));
  const token = status.token ?? "";
  await assert.rejects(async () => authenticator.authenticate({ authorization: `Bearer ${token}` }), {
    message: "Unauthorized",
  });
  assert.deepEqual((await authenticator.authenticateToken(token, ["vault", "other"]))?.audiences, ["vault"]);
});

test("a token bound to a pod names pod and node, and ends with the pod", async () => {
  const { clock, lookup, tokens, authenticator } = cluster();
  const { status } = await tokens.createToken("green", "builder", request(pod));
  const token = status.token ?? "";
  const found = await authenticator.authenticateToken(token);
  assert.deepEqual(found?.user.extra, {
    "authentication.kubernetes.io/credential-id": [`JTI=${payload(token).jti}`],
    "authentication.kubernetes.io/pod-name": ["web"],
    "authentication.kubernetes.io/pod-uid": ["pod-1"],
    "authentication.kubernetes.io/node-name": ["n1"],
    "authentication.kubernetes.io/node-uid": ["node-1"],
  });
  const stored = lookup.get(Pods, "green", "web");
  assert.ok(stored);
  const deletionTimestamp = timestamp(clock.now());
  lookup.put(Pods, { ...stored, metadata: { ...stored.metadata, deletionTimestamp } });
  await clock.advance(59_000);
  assert.ok(await authenticator.authenticateToken(token));
  await clock.advance(2_000);
  assert.equal(await authenticator.authenticateToken(token), undefined);
  lookup.put(Pods, { ...stored, metadata: { ...stored.metadata, uid: "pod-2" } });
  assert.equal(await authenticator.authenticateToken(token), undefined);
  lookup.remove(Pods, "green", "web");
  assert.equal(await authenticator.authenticateToken(token), undefined);
});

test("a service account made anew under the same name does not own the old tokens", async () => {
  const { lookup, tokens, authenticator } = cluster();
  const { status } = await tokens.createToken("green", "builder", {});
  lookup.put(ServiceAccounts, { metadata: { name: "builder", namespace: "green", uid: "sa-2" } });
  assert.equal(await authenticator.authenticateToken(status.token ?? ""), undefined);
});

test("why a token is not valid is told to who may review it, as Kubernetes tells it", async () => {
  const { clock, lookup, tokens, authenticator } = cluster();
  const { status } = await tokens.createToken("green", "builder", request({ ...pod, expirationSeconds: 600 }));
  const token = status.token ?? "";
  const why = (wanted?: readonly string[]) => authenticator.refusal?.(token, wanted);
  assert.equal(await why(), undefined);
  assert.equal(
    await why(["vault", "other"]),
    `token audiences ["${issuer}"] is invalid for the target audiences ["vault" "other"]`,
  );
  const web = lookup.get(Pods, "green", "web");
  assert.ok(web);
  lookup.put(Pods, { ...web, metadata: { ...web.metadata, uid: "pod-2" } });
  assert.equal(await why(), "pod UID (pod-2) does not match service account pod ref claim (pod-1)");
  lookup.remove(Pods, "green", "web");
  assert.equal(await why(), "service account token has been invalidated");
  lookup.put(ServiceAccounts, { metadata: { name: "builder", namespace: "green", uid: "sa-2" } });
  assert.equal(await why(), "service account UID (sa-2) does not match claim (sa-1)");
  lookup.remove(ServiceAccounts, "green", "builder");
  assert.equal(await why(), 'serviceaccounts "builder" not found');
  await clock.advance(661_000);
  assert.equal(await why(), "service account token has expired");
  assert.equal(await authenticator.refusal?.("nobody's"), undefined);
});

test("the token of a pod's own volume lives a year and warns after the time it asked for", async () => {
  const { clock, tokens } = cluster();
  const { status } = await tokens.createToken("green", "builder", request({ ...pod, expirationSeconds: 3607 }));
  const now = Math.floor(clock.now() / 1000);
  const claims = payload(status.token ?? "");
  assert.equal(claims.exp, now + 365 * 24 * 3600);
  assert.equal((claims["kubernetes.io"] as { warnafter: number }).warnafter, now + 3607);
  assert.equal(status.expirationTimestamp, timestamp(clock.now() + 3_607_000));
  const other = await tokens.createToken(
    "green",
    "builder",
    request({ ...pod, expirationSeconds: 3607, audiences: ["vault"] }),
  );
  assert.equal(payload(other.status.token ?? "").exp, now + 3607);
});

test("requests that cannot be are refused as Kubernetes refuses them", async () => {
  const { tokens } = cluster();
  const cases: readonly [string, Partial<AuthenticationTokenRequest>, number, string][] = [
    ["nobody", {}, 404, 'serviceaccounts "nobody" not found'],
    [
      "builder",
      request({ expirationSeconds: 599 }),
      422,
      'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes',
    ],
    [
      "builder",
      request({ expirationSeconds: 2 ** 32 + 1 }),
      422,
      'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds',
    ],
    [
      "builder",
      { metadata: { name: "other" } as AuthenticationTokenRequest["metadata"] },
      422,
      'TokenRequest.authentication.k8s.io "builder" is invalid: metadata.name: Invalid value: "other": must match the service account name if specified',
    ],
    [
      "builder",
      { metadata: { uid: "of-another" } as AuthenticationTokenRequest["metadata"] },
      409,
      'Operation cannot be fulfilled on TokenRequest.authentication.k8s.io "builder": the UID in the token request (of-another) does not match the UID of the service account (sa-1)',
    ],
    [
      "builder",
      request({ boundObjectRef: { apiVersion: "v1", kind: "Pod", name: "none" } }),
      404,
      'pods "none" not found',
    ],
    [
      "builder",
      request({ boundObjectRef: { apiVersion: "apps/v1", kind: "Deployment", name: "x" } }),
      400,
      "cannot bind token to object of type apps/v1, Kind=Deployment",
    ],
    [
      "builder",
      request({ boundObjectRef: { apiVersion: "v1", kind: "Pod", name: "web", uid: "pod-0" } }),
      409,
      'Operation cannot be fulfilled on Pod "web": the UID in the bound object reference (pod-0) does not match the UID in record. The object might have been deleted and then recreated',
    ],
  ];
  for (const [name, body, code, message] of cases)
    await assert.rejects(
      tokens.createToken("green", name, body),
      (error) => error instanceof ApiError && error.code === code && error.message === message,
      message,
    );
});

test("a pod of another service account cannot be bound to", async () => {
  const { lookup, tokens } = cluster();
  lookup.put(ServiceAccounts, { metadata: { name: "other", namespace: "green" } });
  await assert.rejects(
    tokens.createToken("green", "other", request(pod)),
    /cannot bind token for serviceaccount "other" to pod running with different serviceaccount name\./,
  );
});

test("forged, foreign and broken tokens are unauthorized", async () => {
  const { tokens, authenticator } = cluster();
  const { status } = await tokens.createToken("green", "builder", {});
  const [header = "", body = "", signature = ""] = (status.token ?? "").split(".");
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const changed = encode({ ...payload(status.token ?? ""), sub: "system:serviceaccount:kube-system:admin" });
  const foreign = await createTokenKeys(newKey().privateKey);
  const forged = [
    `${header}.${changed}.${signature}`,
    `${encode({ alg: "none" })}.${body}.`,
    `${encode({ alg: "HS256", kid: keys.publicKeys[0]?.kid })}.${body}.${signature}`,
    `${header}.${body}`,
    "garbage",
    "a".repeat(20_000),
    await foreign.sign(payload(status.token ?? "")),
    await keys.sign({ ...payload(status.token ?? ""), iss: "https://elsewhere" }),
    await keys.sign({ ...payload(status.token ?? ""), sub: "system:serviceaccount:green:other" }),
    await keys.sign({ ...payload(status.token ?? ""), "kubernetes.io": { namespace: "green" } }),
    await keys.sign({ ...payload(status.token ?? ""), nbf: Number.MAX_SAFE_INTEGER }),
    await keys.sign({}),
  ];
  for (const token of forged)
    await assert.rejects(
      async () => authenticator.authenticate({ authorization: `Bearer ${token}` }),
      (error) => error instanceof ApiError && error.code === 401,
      token.slice(0, 80),
    );
});

test("tokens of a former key count until it is taken out", async () => {
  const { clock, lookup, tokens } = cluster();
  const token = (await tokens.createToken("green", "builder", {})).status.token ?? "";
  const next = newKey();
  const options = { lookup, clock, issuer, audiences: [issuer] };
  const both = await createTokenKeys(next.privateKey, [key.publicKey]);
  assert.ok(await createServiceAccountAuthenticator({ ...options, keys: both }).authenticateToken(token));
  const alone = await createTokenKeys(next.privateKey);
  assert.equal(
    await createServiceAccountAuthenticator({ ...options, keys: alone }).authenticateToken(token),
    undefined,
  );
});

test("a token kept in a secret counts as long as the secret holds it", async () => {
  const { lookup, authenticator } = cluster();
  const account = lookup.get(ServiceAccounts, "green", "builder") as ServiceAccount;
  const token = await keys.sign(legacyClaims(account, "builder-token"));
  assert.equal(await authenticator.authenticateToken(token), undefined);
  lookup.put(Secrets, {
    metadata: { name: "builder-token", namespace: "green" },
    type: "kubernetes.io/service-account-token",
    data: { token: btoa(token) },
  });
  assert.equal((await authenticator.authenticateToken(token))?.user.name, "system:serviceaccount:green:builder");
  assert.equal(await authenticator.authenticateToken(token, ["vault"]), undefined);
  lookup.remove(Secrets, "green", "builder-token");
  assert.equal(await authenticator.authenticateToken(token), undefined);
});

test("the union takes who is found first, adds the group of all, and refuses what nobody knows", async () => {
  const { tokens, authenticator, clock } = cluster();
  const union = unionAuthenticator(createX509Authenticator(clock), authenticator);
  const token = (await tokens.createToken("green", "builder", {})).status.token ?? "";
  assert.equal(await union.authenticate({}), undefined);
  assert.equal(await union.authenticate({ authorization: "Basic abc" }), undefined);
  await assert.rejects(async () => union.authenticate({ authorization: "Bearer garbage" }), {
    message: "Unauthorized",
  });
  const found = await union.authenticate({ authorization: `bearer ${token}` });
  assert.equal(found?.name, "system:serviceaccount:green:builder");
  assert.equal((await union.authenticate({ token }))?.name, found?.name);
  // A broken certificate does not hide a good token.
  const both = await union.authenticate({ certificate: new Uint8Array(), authorization: `Bearer ${token}` });
  assert.equal(both?.name, found?.name);
  const jane = { name: "jane", groups: ["dev"] };
  const fixed = unionAuthenticator({ authenticate: async () => jane });
  assert.deepEqual(await fixed.authenticate({}), { name: "jane", groups: ["dev", "system:authenticated"] });
  assert.equal(await fixed.authenticate({}), await fixed.authenticate({}));
  const nobody = unionAuthenticator({ authenticate: async () => anonymousUser });
  assert.deepEqual((await nobody.authenticate({}))?.groups, ["system:unauthenticated"]);
});

test("the discovery documents let others verify tokens", async () => {
  const { tokens } = cluster();
  const token = (await tokens.createToken("green", "builder", {})).status.token ?? "";
  const document = jwksDocument(keys);
  const header = JSON.parse(Buffer.from(token.split(".")[0] as string, "base64url").toString());
  const jwk = document.keys.find(({ kid }) => kid === header.kid);
  assert.ok(jwk);
  assert.deepEqual(Object.keys(jwk).sort(), ["alg", "crv", "kid", "kty", "use", "x", "y"]);
  const publicKey = await crypto.subtle.importKey("jwk", { ...jwk }, { name: "ECDSA", namedCurve: "P-256" }, false, [
    "verify",
  ]);
  const [head, body, signature = ""] = token.split(".");
  const algorithm = { name: "ECDSA", hash: "SHA-256" };
  const data = new TextEncoder().encode(`${head}.${body}`);
  assert.ok(await crypto.subtle.verify(algorithm, publicKey, Buffer.from(signature, "base64url"), data));
  assert.deepEqual(openIdConfiguration(issuer, "https://192.0.2.1:6443/openid/v1/jwks", keys), {
    issuer,
    jwks_uri: "https://192.0.2.1:6443/openid/v1/jwks",
    response_types_supported: ["id_token"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["ES256"],
  });
});
