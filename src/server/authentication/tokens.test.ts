import assert from "node:assert/strict";
import { test } from "node:test";
import { type NewObject, type Secret, Secrets } from "../../api/index.ts";
import { timestamp, VirtualClock } from "../../lib/index.ts";
import { ObjectLookup } from "../lookup-of-objects.ts";
import { createBootstrapTokenAuthenticator } from "./bootstrap-token.ts";
import { createStaticTokenAuthenticator, readStaticTokens } from "./static-tokens.ts";
import { bearerTokenAuthenticator, unionTokenAuthenticator } from "./token-authenticator.ts";

const audiences = ["api"];
const clock = new VirtualClock();

/** Who comes with a bootstrap token whose secret is as given. */
async function bootstrapUser(data: Readonly<Record<string, string>>, change: Partial<NewObject<Secret>> = {}) {
  const texts = {
    "token-id": "abcdef",
    "token-secret": "0123456789abcdef",
    "usage-bootstrap-authentication": "true",
    ...data,
  };
  const lookup = new ObjectLookup().put(Secrets, {
    metadata: { namespace: "kube-system", name: "bootstrap-token-abcdef" },
    type: "bootstrap.kubernetes.io/token",
    data: Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, btoa(text)])),
    ...change,
  });
  const tokens = createBootstrapTokenAuthenticator({ lookup, clock, audiences });
  return (await tokens.authenticateToken("abcdef.0123456789abcdef"))?.user;
}

test("a bootstrap token is a user of the bootstrappers", async () => {
  assert.deepEqual(await bootstrapUser({}), { name: "system:bootstrap:abcdef", groups: ["system:bootstrappers"] });
  const groups = "system:bootstrappers:workers,system:bootstrappers:green";
  assert.deepEqual((await bootstrapUser({ "auth-extra-groups": groups }))?.groups, [
    "system:bootstrappers",
    "system:bootstrappers:green",
    "system:bootstrappers:workers",
  ]);
  assert.ok(await bootstrapUser({ expiration: timestamp(clock.now() + 1000) }));
});

test("a bootstrap token that has ended, is for something else or names foreign groups is nobody's", async () => {
  assert.equal(await bootstrapUser({ expiration: timestamp(clock.now()) }), undefined);
  assert.equal(await bootstrapUser({ expiration: "never" }), undefined);
  assert.equal(await bootstrapUser({ "usage-bootstrap-authentication": "false" }), undefined);
  assert.equal(await bootstrapUser({ "token-secret": "fedcba9876543210" }), undefined);
  assert.equal(await bootstrapUser({ "token-id": "fedcba" }), undefined);
  assert.equal(await bootstrapUser({ "auth-extra-groups": "system:masters" }), undefined);
  assert.equal(await bootstrapUser({}, { type: "Opaque" }), undefined);
  const metadata = { namespace: "default", name: "bootstrap-token-abcdef" };
  assert.equal(await bootstrapUser({}, { metadata }), undefined);
});

test("a token of the token file is the user of its line", async () => {
  const users = readStaticTokens('# of the build machines\nt1,jane,u1,"dev,ops"\nt2,joe,,\nt3,"a ""b""",u3\n\n');
  assert.deepEqual(
    [...users],
    [
      ["t1", { name: "jane", uid: "u1", groups: ["dev", "ops"] }],
      ["t2", { name: "joe", groups: [] }],
      ["t3", { name: 'a "b"', uid: "u3", groups: [] }],
    ],
  );
  const tokens = createStaticTokenAuthenticator(users, audiences);
  assert.deepEqual(await tokens.authenticateToken("t1"), { user: users.get("t1"), audiences });
  assert.deepEqual((await tokens.authenticateToken("t1", ["web", "api"]))?.audiences, ["api"]);
  assert.equal(await tokens.authenticateToken("t1", ["web"]), undefined);
  assert.equal(await tokens.authenticateToken("t4"), undefined);
});

test("a token file that is wrong is refused with the number of its line", () => {
  assert.throws(() => readStaticTokens("t1,jane,u1\nt2,joe"), {
    message: "line 2 must have at least 3 columns (token, user name, user uid)",
  });
  assert.throws(() => readStaticTokens(",jane,u1"), { message: "line 1 has no token" });
  assert.throws(() => readStaticTokens("t1,jane,u1\nt1,joe,u2"), {
    message: "line 2 has the token of a line before it",
  });
  assert.throws(() => readStaticTokens('t1,ja"ne,u1'), { message: "line 1 has a quotation mark where none may be" });
});

test("the authenticators of tokens are asked one after the other, and a token that none knows is refused", async () => {
  const named = (name: string) =>
    createStaticTokenAuthenticator(
      new Map([
        ["t", { name, groups: [] }],
        [name, { name, groups: [] }],
      ]),
      audiences,
    );
  const all = bearerTokenAuthenticator(unionTokenAuthenticator(named("first"), named("second")));
  assert.equal((await all.authenticate({ authorization: "Bearer t" }))?.name, "first");
  assert.equal((await all.authenticate({ authorization: "Bearer second" }))?.name, "second");
  await assert.rejects(async () => all.authenticate({ authorization: "Bearer other" }), {
    message: "Unauthorized",
    code: 401,
  });
  assert.equal(await all.authenticate({}), undefined);
});
