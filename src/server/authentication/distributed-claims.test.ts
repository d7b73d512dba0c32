import assert from "node:assert/strict";
import { test } from "node:test";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { silentLogger, VirtualClock } from "../../lib/index.ts";
import type { WebhookRequest } from "../webhooks/index.ts";
import { readAuthenticationConfiguration } from "./authentication-configuration.ts";
import { createJwtAuthenticator } from "./jwt-authenticator.ts";

const url = "https://login.example.com";
const directory = "https://directory.example.com";
const endpoint = `${directory}/groups`;

/** Two issuers: one of tokens, and one that holds groups. */
async function scene() {
  const clock = new VirtualClock();
  const { publicKey, privateKey } = await generateKeyPair("RS256", { extractable: true });
  const keys = [{ ...(await exportJWK(publicKey)), alg: "RS256", use: "sig" }];
  const sign = (claims: object) => {
    const whole = { iss: url, aud: "roder", exp: clock.now() / 1000 + 60, ...claims };
    return new SignJWT(whole).setProtectedHeader({ alg: "RS256" }).sign(privateKey);
  };
  const requests: WebhookRequest[] = [];
  let answer = await sign({ iss: directory, roles: ["dev"] });
  const { issuers } = readAuthenticationConfiguration(
    {
      apiVersion: "apiserver.config.k8s.io/v1",
      kind: "AuthenticationConfiguration",
      jwt: [
        {
          issuer: { url, audiences: ["roder"] },
          claimMappings: { username: { claim: "sub", prefix: "" }, groups: { claim: "roles", prefix: "oidc:" } },
        },
      ],
    },
    "https://kubernetes.default.svc",
  );
  const call = async (request: WebhookRequest) => {
    requests.push(request);
    const { origin, pathname } = new URL(request.url);
    if (request.url === endpoint) return answer;
    return pathname === "/keys" ? { keys } : { issuer: origin, jwks_uri: `${origin}/keys` };
  };
  const tokens = createJwtAuthenticator({ issuers, call, clock, log: silentLogger, audiences: ["api"] });
  return {
    requests,
    async answers(claims: object) {
      answer = `${await sign({ iss: directory, ...claims })}\n`;
    },
    async groupsOf(claims: object) {
      return (await tokens.authenticateToken(await sign({ sub: "jane", ...claims })))?.user.groups;
    },
  };
}

const claims = {
  _claim_names: { roles: "src1" },
  _claim_sources: { src1: { endpoint, access_token: "secret" } },
};

test("groups that another server holds are asked of it, with the token that it is to be shown", async () => {
  const { groupsOf, requests } = await scene();
  assert.deepEqual(await groupsOf(claims), ["oidc:dev"]);
  const asked = requests.find((each) => each.url === endpoint);
  assert.equal(asked?.authorization, "Bearer secret");
});

test("groups in the token itself, or none anywhere, are asked of nobody", async () => {
  const { groupsOf, requests } = await scene();
  assert.deepEqual(await groupsOf({ ...claims, roles: ["own"] }), ["oidc:own"]);
  assert.deepEqual(await groupsOf({}), []);
  assert.deepEqual(await groupsOf({ _claim_names: { roles: "a" }, _claim_sources: { a: { JWT: "x.y.z" } } }), []);
  assert.equal(
    requests.some((each) => each.url === endpoint),
    false,
  );
});

test("who holds groups that cannot be had is nobody", async () => {
  const { groupsOf, answers } = await scene();
  assert.equal(await groupsOf({ _claim_names: { roles: "src1" } }), undefined);
  const plain = { src1: { endpoint: "http://directory.example.com/groups" } };
  assert.equal(await groupsOf({ ...claims, _claim_sources: plain }), undefined);
  for (const wrong of [
    { roles: ["dev"], exp: 1 },
    { roles: ["dev"], aud: "web" },
    { other: 1 },
    { iss: 1, roles: [] },
  ]) {
    await answers(wrong);
    assert.equal(await groupsOf(claims), undefined, JSON.stringify(wrong));
  }
  await answers({ roles: "ops" });
  assert.deepEqual(await groupsOf(claims), ["oidc:ops"]);
});
