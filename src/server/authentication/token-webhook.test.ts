import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger, VirtualClock } from "../../lib/index.ts";
import type { WebhookRequest } from "../webhooks/index.ts";
import { createTokenWebhook } from "./token-webhook.ts";

function scene(answer: (request: WebhookRequest) => unknown) {
  const requests: WebhookRequest[] = [];
  const clock = new VirtualClock();
  const call = async (request: WebhookRequest) => {
    requests.push(request);
    return answer(request);
  };
  const reviewer = { url: "https://reviewer/tokens" };
  const tokens = createTokenWebhook({ call, clock, reviewer, audiences: ["api"], log: silentLogger });
  return { clock, requests, tokens };
}

test("a token is whose the webhook says it is", async () => {
  const user = { username: "jane", uid: "u1", groups: ["dev"], extra: { team: ["green"] } };
  const { tokens, requests } = scene(() => ({ status: { authenticated: true, user } }));
  assert.deepEqual(await tokens.authenticateToken("t"), {
    user: { name: "jane", uid: "u1", groups: ["dev"], extra: { team: ["green"] } },
    audiences: ["api"],
  });
  assert.deepEqual(requests[0]?.body, {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenReview",
    metadata: {},
    spec: { token: "t", audiences: ["api"] },
  });
});

test("a token that the webhook does not know, or knows for others, is nobody's", async () => {
  const user = { username: "jane" };
  const answers = [
    { authenticated: false, error: "unknown" },
    { authenticated: true, user: {} },
    { authenticated: true, user, audiences: ["vault"] },
  ];
  for (const status of answers) assert.equal(await scene(() => ({ status })).tokens.authenticateToken("t"), undefined);
  const { tokens } = scene(() => ({ status: { authenticated: true, user, audiences: ["vault", "api"] } }));
  assert.deepEqual((await tokens.authenticateToken("t", ["vault", "web"]))?.audiences, ["vault"]);
});

test("nobody is known while the webhook does not answer", async () => {
  const { tokens, clock, requests } = scene(() => Promise.reject(new Error("connection refused")));
  const asking = tokens.authenticateToken("t");
  for (let turn = 0; turn < 20; turn++) await clock.advance(500);
  assert.equal(await asking, undefined);
  assert.equal(requests.length, 5);
});
