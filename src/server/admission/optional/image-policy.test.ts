import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigMaps, type NewObject, type Pod, Pods } from "../../../api/index.ts";
import { VirtualClock } from "../../../lib/index.ts";
import { startTestServer } from "../../server-for-tests.ts";
import type { WebhookRequest } from "../../webhooks/index.ts";
import { planAdmission } from "../admission-plugins.ts";
import { admitted } from "../request-for-tests.ts";
import { imagePolicyWebhook, readImagePolicy } from "./image-policy.ts";

const minute = 60_000;
const reviewer = { url: "https://images.example.com/policy", authorization: "Bearer t" };
const configured = (more: object = {}) => readImagePolicy({ imagePolicy: { kubeConfigFile: "/k", ...more } });

const pod = (more: Partial<Pod["spec"]> = {}, annotations: Record<string, string> = {}): NewObject<Pod> => ({
  metadata: { name: "web", namespace: "shop", annotations },
  spec: { containers: [{ name: "web", image: "nginx:1" }], ...more },
});

/** A plugin whose server gives these answers, one after the other; an Error is no answer. */
function asking(answers: readonly (object | Error)[], more: object = {}) {
  const clock = new VirtualClock();
  const requests: WebhookRequest[] = [];
  const call = async (request: WebhookRequest) => {
    const answer = answers[requests.push(request) - 1];
    if (answer instanceof Error) throw answer;
    return { apiVersion: "imagepolicy.k8s.io/v1alpha1", kind: "ImageReview", status: answer };
  };
  const notes = new Map<string, string>();
  const plugin = imagePolicyWebhook(configured(more), reviewer, { call, clock });
  const write = (object: NewObject<Pod>, subresource = "", old?: NewObject<Pod>) =>
    admitted(plugin, Pods, {
      object,
      subresource,
      ...(old ? { old } : {}),
      annotate: (key, value) => notes.set(key, value),
    });
  return { clock, requests, notes, plugin, write };
}

const specs = (requests: readonly WebhookRequest[]) => requests.map(({ body }) => (body as { spec: unknown }).spec);

test("a pod is admitted when the other server allows its images", async () => {
  const { requests, notes, write } = asking([{ allowed: true, auditAnnotations: { ticket: "7" } }]);
  const init = [{ name: "init", image: "busybox" }];
  const annotations = { "mine.image-policy.k8s.io/ticket": "7", "example.com/other": "x" };
  await write(pod({ initContainers: init }, annotations));
  assert.deepEqual(requests[0]?.body, {
    kind: "ImageReview",
    apiVersion: "imagepolicy.k8s.io/v1alpha1",
    metadata: {},
    spec: {
      containers: [{ image: "nginx:1" }, { image: "busybox" }],
      annotations: { "mine.image-policy.k8s.io/ticket": "7" },
      namespace: "shop",
    },
    status: {},
  });
  assert.equal(requests[0]?.url, reviewer.url);
  assert.equal(requests[0]?.authorization, reviewer.authorization);
  assert.deepEqual([...notes], [["imagepolicywebhook.image-policy.k8s.io/ticket", "7"]]);
});

test("a pod is refused when it does not", async () => {
  const { write } = asking([{ allowed: false, reason: "no latest" }, {}]);
  const message = 'pods "web" is forbidden: image policy webhook backend denied one or more images: no latest';
  await assert.rejects(write(pod()), { code: 403, message });
  const another = pod({ containers: [{ name: "web", image: "b" }] });
  await assert.rejects(write(another), {
    message: 'pods "web" is forbidden: one or more images rejected by webhook backend',
  });
});

test("it is asked again when its answer is too old", async () => {
  const answers = [{ allowed: true }, { allowed: false }, { allowed: true }];
  const { clock, requests, write } = asking(answers, { allowTTL: 60 });
  await write(pod());
  await write(pod());
  assert.equal(requests.length, 1);
  await clock.advance(minute);
  await assert.rejects(write(pod()), { code: 403 });
  await assert.rejects(write(pod()), { code: 403 });
  assert.equal(requests.length, 2);
  await clock.advance(minute / 2);
  await write(pod());
  assert.equal(requests.length, 3);
});

test("ephemeral containers are asked about when they come, and of a pod's other parts nothing", async () => {
  const { requests, plugin, write } = asking([{ allowed: true }]);
  const debugged = pod({ ephemeralContainers: [{ name: "debug", image: "tools" }] });
  await write(debugged, "ephemeralcontainers", pod());
  await write(pod(), "status", pod());
  await admitted(plugin, ConfigMaps, { object: { metadata: { name: "c" } } });
  assert.deepEqual(specs(requests), [{ containers: [{ image: "tools" }], namespace: "shop" }]);
});

test("without an answer pods are refused, unless they are allowed by default", async () => {
  const failures = Array.from({ length: 5 }, () => new Error("dial tcp: connection refused"));
  const closed = asking(failures);
  const refused = assert.rejects(closed.write(pod()), {
    code: 403,
    message: `pods "web" is forbidden: Post "${reviewer.url}": dial tcp: connection refused`,
  });
  await closed.clock.advance(minute);
  await refused;
  assert.equal(closed.requests.length, 5);
  const open = asking(failures, { retryBackoff: 1, defaultAllow: true });
  const written = open.write(pod());
  await open.clock.advance(10);
  const { metadata } = await written;
  assert.deepEqual(metadata.annotations, { "alpha.image-policy.k8s.io/failed-open": "true" });
  assert.deepEqual([...open.notes], [["imagepolicywebhook.image-policy.k8s.io/failed-open", "true"]]);
});

test("a pod that is allowed by default says so, whether it is new or changed", async () => {
  const never = Array.from({ length: 20 }, () => new Error("no route"));
  const { clock, plugin } = asking(never, { retryBackoff: 1, defaultAllow: true });
  const server = await startTestServer({ admission: [plugin] });
  const target = { namespace: "shop", name: "web" };
  const write = async (verb: "create" | "update", body: object) => {
    const written = server.send(verb, Pods, { ...target, ...(verb === "create" ? { name: "" } : {}), body });
    await clock.advance(10);
    return written;
  };
  const created = await write("create", pod());
  assert.equal(created.metadata.annotations?.["alpha.image-policy.k8s.io/failed-open"], "true");
  const { annotations: _, ...metadata } = created.metadata;
  const changed = await write("update", { ...created, metadata: { ...metadata, labels: { a: "b" } } });
  assert.deepEqual(changed.metadata.annotations, { "alpha.image-policy.k8s.io/failed-open": "true" });
  await server.close();
});

test("its configuration says whom to ask, and how long answers are kept", () => {
  assert.deepEqual(configured(), {
    kubeconfig: "/k",
    allowedKeptMs: 5 * minute,
    deniedKeptMs: minute / 2,
    retryBackoffMs: 500,
    defaultAllow: false,
  });
  const { allowedKeptMs, deniedKeptMs, retryBackoffMs } = configured({ allowTTL: 50, denyTTL: -1, retryBackoff: 1 });
  assert.deepEqual([allowedKeptMs, deniedKeptMs, retryBackoffMs], [50_000, 0, 1]);
  assert.throws(
    () => readImagePolicy({ imagePolicy: { allowTTL: 1801, retryBackoff: -2, x: 1 } }),
    /kubeConfigFile: Required value; .*allowTTL: Invalid value: 1801: valid value is between 1s and 30m0s; .*retryBackoff: .*1ms and 5m0s; unknown field "imagePolicy.x"/,
  );
  const name = "ImagePolicyWebhook";
  const configurations = new Map([[name, { imagePolicy: { kubeConfigFile: "/k" } }]]);
  planAdmission({ enabled: [name], configurations, imageReviewer: reviewer });
  assert.throws(() => planAdmission({ enabled: [name], configurations }), /ImagePolicyWebhook: cannot use \/k/);
  assert.throws(() => planAdmission({ enabled: [name] }), /ImagePolicyWebhook: it needs a configuration/);
});
