import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../lib/index.ts";
import type { WebhookRequest } from "../webhooks/index.ts";
import { type AuthorizerConfiguration, readAuthorizationConfiguration } from "./authorization-configuration.ts";
import type { Attributes } from "./authorizer.ts";
import { configuredAuthorizer } from "./configured-authorizer.ts";

const webhook = {
  timeout: "3s",
  subjectAccessReviewVersion: "v1",
  failurePolicy: "Deny",
  connectionInfo: { type: "KubeConfigFile", kubeConfigFile: "/etc/authorizer" },
};

const read = (...authorizers: readonly object[]) =>
  readAuthorizationConfiguration({
    apiVersion: "apiserver.config.k8s.io/v1",
    kind: "AuthorizationConfiguration",
    authorizers,
  });

const jane = { name: "jane", uid: "u1", groups: ["dev"], extra: { team: ["green"] } };
const pods = { group: "", version: "v1", plural: "pods", subresource: "", namespace: "green", name: "" };
const listPods: Attributes = { user: jane, verb: "list", resource: pods };

type Answer = (request: WebhookRequest) => object;

/** An authorizer that only asks the webhook, and after it one that has no opinion. */
function scene(change: object, answer: Answer) {
  const clock = new VirtualClock();
  const requests: WebhookRequest[] = [];
  const authorizer = configuredAuthorizer({
    configuration: read(
      { type: "Webhook", name: "ours", webhook: { ...webhook, ...change } },
      { type: "AlwaysDeny", name: "end" },
    ),
    reviewers: new Map([["/etc/authorizer", { url: "https://authorizer/review", authorization: "Bearer t" }]]),
    node: { authorize: () => Promise.reject(new Error("nobody asks")) },
    rbac: { authorize: () => Promise.reject(new Error("nobody asks")) },
    call: async (request) => {
      requests.push(request);
      return { status: answer(request) };
    },
    clock,
  });
  return { authorizer, clock, requests };
}

test("the webhook is asked with a review of the request, and its answer counts", async () => {
  const { authorizer, requests } = scene({}, () => ({ allowed: true, reason: "she may" }));
  const selectors = { fieldSelector: "spec.nodeName=n1", labelSelector: "app in (a,b),!old" };
  const decision = await authorizer.authorize({ ...listPods, resource: { ...pods, ...selectors } });
  assert.deepEqual(decision, { allowed: true, reason: "she may" });
  assert.equal(requests[0]?.url, "https://authorizer/review");
  assert.equal(requests[0]?.authorization, "Bearer t");
  assert.deepEqual(requests[0]?.body, {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SubjectAccessReview",
    metadata: {},
    spec: {
      user: "jane",
      groups: ["dev"],
      uid: "u1",
      extra: { team: ["green"] },
      resourceAttributes: {
        namespace: "green",
        verb: "list",
        group: "",
        version: "v1",
        resource: "pods",
        subresource: "",
        name: "",
        fieldSelector: { requirements: [{ key: "spec.nodeName", operator: "In", values: ["n1"] }] },
        labelSelector: {
          requirements: [
            { key: "app", operator: "In", values: ["a", "b"] },
            { key: "old", operator: "DoesNotExist", values: [] },
          ],
        },
      },
    },
  });
});

test("a webhook that denies ends the question, and one without an opinion leaves it to the next", async () => {
  const denying = scene({}, () => ({ allowed: false, denied: true, reason: "never" }));
  assert.deepEqual(await denying.authorizer.authorize(listPods), { allowed: false, denied: true, reason: "never" });
  const silent = scene({}, () => ({ allowed: false }));
  assert.deepEqual(await silent.authorizer.authorize({ user: jane, verb: "get", path: "/metrics" }), {
    allowed: false,
    reason: "Everything is forbidden.",
  });
  const spec = { path: "/metrics", verb: "get" };
  const body = silent.requests[0]?.body as { spec: { nonResourceAttributes: object } };
  assert.deepEqual(body.spec.nonResourceAttributes, spec);
});

test("nobody asks about the masters", async () => {
  const { authorizer, requests } = scene({}, () => ({ allowed: false, denied: true }));
  assert.equal(
    (await authorizer.authorize({ ...listPods, user: { name: "root", groups: ["system:masters"] } })).allowed,
    true,
  );
  assert.equal(requests.length, 0);
});

test("answers are kept as long as the configuration says", async () => {
  const { authorizer, clock, requests } = scene({ authorizedTTL: "10s", unauthorizedTTL: "1s" }, ({ body }) => ({
    allowed: JSON.stringify(body).includes('"namespace":"green"'),
  }));
  const ask = (namespace: string) => authorizer.authorize({ ...listPods, resource: { ...pods, namespace } });
  for (const namespace of ["green", "green", "blue", "blue"]) await ask(namespace);
  assert.equal(requests.length, 2);
  await clock.advance(1000);
  for (const namespace of ["green", "blue"]) await ask(namespace);
  assert.equal(requests.length, 3);
  await clock.advance(9000);
  await ask("green");
  assert.equal(requests.length, 4);
  const uncached = scene({ cacheAuthorizedRequests: false }, () => ({ allowed: true }));
  for (let time = 0; time < 2; time++) await uncached.authorizer.authorize(listPods);
  assert.equal(uncached.requests.length, 2);
});

test("an answer is not kept to a question of any length, but of any user", async () => {
  const { authorizer, requests } = scene({}, () => ({ allowed: true }));
  const askTwice = async (attributes: Attributes) => {
    const before = requests.length;
    for (let at = 0; at < 2; at++) await authorizer.authorize(attributes);
    return requests.length - before;
  };
  assert.equal(await askTwice({ user: jane, verb: "get", path: `/${"x".repeat(10_000)}` }), 2);
  assert.equal(await askTwice({ ...listPods, resource: { ...pods, labelSelector: "x".repeat(10_000) } }), 2);
  const groups = Array.from({ length: 1_000 }, (_, at) => `a-long-name-of-a-group-${at}`);
  assert.equal(await askTwice({ ...listPods, user: { ...jane, groups } }), 1);
});

test("conditions say when the webhook is asked", async () => {
  const { authorizer, requests } = scene(
    {
      matchConditionSubjectAccessReviewVersion: "v1",
      matchConditions: [
        { expression: "has(request.resourceAttributes)" },
        { expression: "request.resourceAttributes.namespace == 'green'" },
        { expression: "!('system:nodes' in request.groups)" },
      ],
    },
    () => ({ allowed: true }),
  );
  assert.equal((await authorizer.authorize(listPods)).allowed, true);
  assert.equal((await authorizer.authorize({ ...listPods, resource: { ...pods, namespace: "blue" } })).allowed, false);
  assert.equal((await authorizer.authorize({ user: jane, verb: "get", path: "/version" })).allowed, false);
  assert.equal(requests.length, 1);
});

test("a condition that fails is a failure, unless another is false", async () => {
  const failing = { expression: "request.extra['missing'] == ['x']" };
  const matchConditionSubjectAccessReviewVersion = "v1";
  const answer = () => ({ allowed: true });
  const denying = scene({ matchConditionSubjectAccessReviewVersion, matchConditions: [failing] }, answer);
  const denied = await denying.authorizer.authorize(listPods);
  assert.deepEqual([denied.allowed, denied.denied], [false, true]);
  assert.match(denied.error ?? "", /resulted in error: no such key: missing/);
  const both = [failing, { expression: "request.user == 'joe'" }];
  const other = scene({ matchConditionSubjectAccessReviewVersion, matchConditions: both }, answer);
  assert.deepEqual(await other.authorizer.authorize(listPods), { allowed: false, reason: "Everything is forbidden." });
});

test("a webhook that does not answer is asked again, and then the failure policy decides", async () => {
  const down: Answer = () => {
    throw new Error("connection refused");
  };
  for (const [failurePolicy, denied] of [
    ["Deny", true],
    ["NoOpinion", undefined],
  ]) {
    const { authorizer, clock, requests } = scene({ failurePolicy, timeout: "3s" }, down);
    const deciding = authorizer.authorize(listPods);
    for (let turn = 0; turn < 10; turn++) await clock.advance(500);
    const decision = await deciding;
    assert.deepEqual([decision.allowed, decision.denied, decision.error], [false, denied, "connection refused"]);
    assert.equal(requests.length, 4, "within three seconds");
  }
});

test("an authorization configuration that is wrong is refused with all that is wrong", () => {
  const wrong = (message: string, ...authorizers: readonly object[]) =>
    assert.throws(() => read(...authorizers), { message });
  const node = { type: "Node", name: "node" };
  wrong("authorizers: Required value: at least one authorization mode must be defined");
  wrong('authorizers[1].type: Duplicate value: "Node"; authorizers[1].name: Duplicate value: "node"', node, node);
  wrong(
    'authorizers[0].type: Unsupported value: "ABAC": supported values: "Node", "RBAC", "AlwaysAllow", "AlwaysDeny", "Webhook"',
    { type: "ABAC", name: "abac" },
  );
  wrong("authorizers[0].webhook: Required value: required when type=Webhook", { type: "Webhook", name: "w" });
  const at = "authorizers[0].webhook";
  wrong(
    [
      `${at}.timeout: Invalid value: "1m": must be > 0s and <= 30s`,
      `${at}.subjectAccessReviewVersion: Unsupported value: "v2": supported values: "v1", "v1beta1"`,
      `${at}.failurePolicy: Required value`,
      `${at}.connectionInfo.kubeConfigFile: Invalid value: "here": must be an absolute path`,
      `${at}.matchConditions[0].expression: Invalid value: "request.user": must evaluate to bool but got string`,
      `${at}.matchConditionSubjectAccessReviewVersion: Required value: required if match conditions are specified`,
    ].join("; "),
    {
      type: "Webhook",
      name: "w",
      webhook: {
        timeout: "1m",
        subjectAccessReviewVersion: "v2",
        connectionInfo: { type: "KubeConfigFile", kubeConfigFile: "here" },
        matchConditions: [{ expression: "request.user" }],
      },
    },
  );
  const [whole] = read({ type: "Webhook", name: "w", webhook }) as [AuthorizerConfiguration & { type: "Webhook" }];
  assert.deepEqual([whole.allowedKeptMs, whole.refusedKeptMs, whole.timeoutMs], [300_000, 30_000, 3000]);
});
