import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger, VirtualClock } from "../lib/index.ts";
import type { AuthenticatedToken, Authorizer } from "../server/index.ts";
import { Guards } from "./guards.ts";

const no: Authorizer = { authorize: async () => ({ allowed: false, reason: "" }) };
const jane = { name: "jane", groups: [] };

test("what an operator changes counts for those that were given the guards before", async () => {
  const own: AuthenticatedToken = { user: { name: "own", groups: [] }, audiences: ["api"] };
  const guards = new Guards(
    {
      ownTokens: [{ authenticateToken: async (token) => (token === "own" ? own : undefined) }],
      node: no,
      rbac: no,
      audiences: ["api"],
      call: () => Promise.reject(new Error("nobody is asked")),
      clock: new VirtualClock(),
      log: silentLogger,
    },
    {},
  );
  const { tokens, authorizer, anonymous, authenticator } = guards;
  const userOf = async (token: string) => (await tokens.authenticateToken(token))?.user.name;
  const may = async () => (await authorizer.authorize({ user: jane, verb: "get", path: "/" })).allowed;
  assert.deepEqual([await userOf("own"), await userOf("t"), await may()], ["own", undefined, false]);
  assert.deepEqual({ ...anonymous }, { isAllowed: true, paths: [] });
  guards.use({
    staticTokens: new Map([["t", jane]]),
    anonymous: { isAllowed: false, paths: [] },
    authorization: { configuration: [{ type: "AlwaysAllow", name: "all" }], reviewers: new Map() },
  });
  assert.deepEqual([await userOf("own"), await userOf("t"), await may()], ["own", "jane", true]);
  assert.equal((await authenticator.authenticate({ authorization: "Bearer t" }))?.name, "jane");
  assert.equal(anonymous.isAllowed, false);
  guards.use({});
  assert.deepEqual([await userOf("t"), await may(), anonymous.isAllowed], [undefined, false, true]);
});
