import assert from "node:assert/strict";
import { test } from "node:test";
import { aroundTests } from "../../../test/around-tests.ts";
import {
  type ApiError,
  ConfigMaps,
  type DeleteOptions,
  Events,
  Jobs,
  type KubeObject,
  Namespaces,
  type Pod,
  PodDisruptionBudgets,
  Pods,
  type ResourceReference,
  type Status,
} from "../../api/index.ts";
import { type Change, MemoryStorage, valueFromObject } from "../../storage/index.ts";
import type { ServedObject } from "../served-response.ts";
import { startTestServer, type TestServer } from "../server-for-tests.ts";

let server: TestServer;
aroundTests(
  async () => {
    server = await startTestServer();
  },
  () => server.close(),
);

const at = (name: string) => ({ namespace: "default", name });

async function remove(resource: ResourceReference, name: string, body?: DeleteOptions): Promise<ServedObject> {
  const place = resource.namespaced ? at(name) : { name };
  const response = await server.serve("delete", resource, { ...place, ...(body ? { body } : {}) });
  assert.equal(response.type, "object");
  return response as ServedObject;
}

async function exists(resource: ResourceReference, name: string): Promise<boolean> {
  const list = await server.list(resource, { options: { fieldSelector: `metadata.name=${name}` } });
  return list.items.length > 0;
}

const createConfigMap = (name: string, metadata: object = {}) =>
  server.send("create", ConfigMaps, { namespace: "default", body: { metadata: { name, ...metadata } } });

async function createPod(
  name: string,
  { node = "n1", labels = {}, phase = "Running", ready = true } = {},
): Promise<Pod> {
  const spec = { containers: [{ name: "c", image: "nginx" }], ...(node ? { nodeName: node } : {}) };
  const pod = await server.send("create", Pods, { namespace: "default", body: { metadata: { name, labels }, spec } });
  const conditions = [{ type: "Ready", status: ready ? "True" : "False" }];
  const body = { ...pod, status: { ...pod.status, phase, conditions } };
  return server.send("update", Pods, { ...at(name), subresource: "status", body });
}

test("a delete removes the object and answers a Status with its uid", async () => {
  const { metadata } = await createConfigMap("plain");
  const { code, object } = await remove(ConfigMaps, "plain");
  assert.equal(code, 200);
  const { status, details } = object as Status;
  assert.equal(status, "Success");
  assert.deepEqual(details, { name: "plain", kind: "configmaps", uid: metadata.uid });
  assert.equal(await exists(ConfigMaps, "plain"), false);
});

test("a pod on a node gets its grace period, which can only be made shorter", async () => {
  await createPod("graceful");
  const first = (await remove(Pods, "graceful")).object as Pod;
  assert.equal(first.metadata.deletionTimestamp, "2026-01-01T00:00:30Z");
  assert.equal(first.metadata.deletionGracePeriodSeconds, 30);
  const longer = (await remove(Pods, "graceful", { gracePeriodSeconds: 60 })).object as Pod;
  assert.equal(longer.metadata.deletionGracePeriodSeconds, 30);
  const shorter = (await remove(Pods, "graceful", { gracePeriodSeconds: 5 })).object as Pod;
  assert.equal(shorter.metadata.deletionTimestamp, "2026-01-01T00:00:05Z");
  const last = (await remove(Pods, "graceful", { gracePeriodSeconds: 0 })).object as Pod;
  assert.equal(last.kind, "Pod");
  assert.equal(await exists(Pods, "graceful"), false);
});

const atOnce: readonly [string, { node?: string; phase?: string }][] = [
  ["without a node", { node: "", phase: "Pending" }],
  ["that has succeeded", { phase: "Succeeded" }],
  ["that has failed", { phase: "Failed" }],
];

for (const [name, state] of atOnce)
  test(`a pod ${name} is removed at once`, async () => {
    await createPod("done", state);
    await remove(Pods, "done");
    assert.equal(await exists(Pods, "done"), false);
  });

test("finalizers keep the object until the last one is gone", async () => {
  await createConfigMap("held", { finalizers: ["example.com/a"] });
  const { object } = await remove(ConfigMaps, "held");
  const held = object as KubeObject;
  assert.equal(held.metadata.deletionTimestamp, "2026-01-01T00:00:00Z");
  assert.equal(held.metadata.deletionGracePeriodSeconds, 0);
  const added = { ...held, metadata: { ...held.metadata, finalizers: ["example.com/a", "example.com/b"] } };
  await assert.rejects(server.send("update", ConfigMaps, { ...at("held"), body: added }), {
    code: 422,
    message:
      /no new finalizers can be added if the object is being deleted, found new finalizers \[\]string\{"example.com\/b"\}/,
  });
  const body = { metadata: { finalizers: null } };
  await server.send("patch", ConfigMaps, { ...at("held"), body, patchType: "application/merge-patch+json" });
  assert.equal(await exists(ConfigMaps, "held"), false);
});

const propagations: readonly [DeleteOptions, number, readonly string[] | undefined][] = [
  [{ propagationPolicy: "Foreground" }, 200, ["foregroundDeletion"]],
  [{ propagationPolicy: "Orphan" }, 200, ["orphan"]],
  [{ orphanDependents: true }, 200, ["orphan"]],
  [{ propagationPolicy: "Background" }, 200, undefined],
  [{ orphanDependents: false }, 200, undefined],
];

for (const [options, code, finalizers] of propagations)
  test(`a delete with ${JSON.stringify(options)} leaves ${finalizers ?? "nothing"} to the garbage collector`, async () => {
    await createConfigMap("propagated");
    const answer = await remove(ConfigMaps, "propagated", options);
    assert.equal(answer.code, code);
    assert.deepEqual((answer.object as KubeObject).metadata.finalizers, finalizers);
    if (!finalizers) return;
    const body = { metadata: { finalizers: null } };
    await server.send("patch", ConfigMaps, { ...at("propagated"), body, patchType: "application/merge-patch+json" });
  });

test("a delete in the older words is accepted only while something keeps the object", async () => {
  await createConfigMap("waited-for", { finalizers: ["example.com/held"] });
  const { code } = await remove(ConfigMaps, "waited-for", { orphanDependents: false });
  assert.equal(code, 202);
});

test("a pod whose grace period goes on takes no other word about its dependents", async () => {
  await createPod("going");
  await remove(Pods, "going");
  const finalizersAfter = async (options: DeleteOptions) =>
    ((await remove(Pods, "going", options)).object as Pod).metadata.finalizers;
  assert.equal(await finalizersAfter({ propagationPolicy: "Foreground" }), undefined);
  assert.equal(await finalizersAfter({ propagationPolicy: "Orphan", gracePeriodSeconds: 30 }), undefined);
  assert.deepEqual(await finalizersAfter({ propagationPolicy: "Orphan", gracePeriodSeconds: 5 }), ["orphan"]);
});

test("a delete of an event leaves nothing to the garbage collector, which does not look at events", async () => {
  const finalizers = ["example.com/held"];
  const body = { metadata: { name: "told", finalizers }, involvedObject: { namespace: "default" } };
  await server.send("create", Events, { namespace: "default", body });
  for (const propagationPolicy of ["Foreground", "Orphan"]) {
    const { object } = await remove(Events, "told", { propagationPolicy });
    assert.deepEqual((object as KubeObject).metadata.finalizers, finalizers);
  }
});

test("a job that is deleted without a word about its pods orphans them, with a warning", async () => {
  const template = { spec: { restartPolicy: "Never", containers: [{ name: "c", image: "nginx" }] } };
  await server.send("create", Jobs, { namespace: "default", body: { metadata: { name: "j" }, spec: { template } } });
  const { object, warnings } = await remove(Jobs, "j");
  assert.deepEqual((object as KubeObject).metadata.finalizers, ["orphan"]);
  assert.match(warnings[0] ?? "", /child pods are preserved by default when jobs are deleted/);
});

const refused: readonly [DeleteOptions, number, RegExp][] = [
  [{ preconditions: { uid: "x" } }, 409, /the UID in the precondition \(x\) does not match the UID in record/],
  [{ preconditions: { resourceVersion: "1" } }, 409, /the ResourceVersion in the precondition \(1\) does not match/],
  [
    { propagationPolicy: "Upward" },
    422,
    /DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value/,
  ],
  [{ propagationPolicy: "Orphan", orphanDependents: true }, 422, /cannot be both set/],
];

for (const [options, code, message] of refused)
  test(`a delete with ${JSON.stringify(options)} is refused`, async () => {
    if (!(await exists(ConfigMaps, "kept"))) await createConfigMap("kept");
    await assert.rejects(remove(ConfigMaps, "kept", options), { code, message });
    assert.equal(await exists(ConfigMaps, "kept"), true);
  });

test("a namespace terminates until it is finalized", async () => {
  await server.send("create", Namespaces, { body: { metadata: { name: "going" } } });
  const { object } = await remove(Namespaces, "going");
  const going = object as KubeObject & { spec: object; status: { phase: string } };
  assert.equal(going.status.phase, "Terminating");
  assert.ok(going.metadata.deletionTimestamp);
  assert.equal(going.metadata.deletionGracePeriodSeconds, undefined);
  const again = await remove(Namespaces, "going");
  assert.equal((again.object as KubeObject).metadata.resourceVersion, going.metadata.resourceVersion);
  const body = { ...going, spec: { finalizers: [] } };
  await server.send("update", Namespaces, { name: "going", subresource: "finalize", body });
  assert.equal(await exists(Namespaces, "going"), false);
});

test("deletecollection deletes what its selector selects", async () => {
  for (const [name, tier] of [
    ["c1", "a"],
    ["c2", "a"],
    ["c3", "b"],
  ])
    await createConfigMap(name ?? "", { labels: { tier } });
  const deleted = await server.serve("deletecollection", ConfigMaps, {
    namespace: "default",
    options: { labelSelector: "tier=a" },
  });
  assert.equal(deleted.type === "list" && deleted.list.items.length, 2);
  assert.equal(await exists(ConfigMaps, "c1"), false);
  assert.equal(await exists(ConfigMaps, "c3"), true);
});

test("an eviction of an older version is taken, as drains of old clients send it", async () => {
  for (const version of ["v1", "v1beta1"]) {
    await createPod(version, {});
    const eviction = { apiVersion: `policy/${version}`, kind: "Eviction", metadata: { name: version } };
    await server.send("create", Pods, {
      ...at(version),
      subresource: "eviction",
      body: { ...eviction, deleteOptions: { gracePeriodSeconds: 0 } },
    });
    assert.equal(await exists(Pods, version), false);
  }
  const body = { apiVersion: "policy/v2", kind: "Eviction", metadata: { name: "other" } };
  await assert.rejects(server.send("create", Pods, { ...at("other"), subresource: "eviction", body }), {
    code: 400,
    message:
      'Eviction in version "v2" cannot be handled as a Eviction: no kind "Eviction" is registered for version "policy/v2" in scheme "k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30"',
  });
});

test("an eviction that names another namespace is refused", async () => {
  const body = { metadata: { name: "a", namespace: "elsewhere" } };
  await assert.rejects(server.send("create", Pods, { ...at("a"), subresource: "eviction", body }), {
    code: 400,
    message: "the namespace of the provided object does not match the namespace sent on the request",
  });
});

test("an eviction that does not name its pod, or names another, is refused", async () => {
  for (const body of [{ metadata: {} }, { metadata: { name: "b" } }])
    await assert.rejects(server.send("create", Pods, { ...at("a"), subresource: "eviction", body }), {
      code: 400,
      message: "name in URL does not match name in Eviction object",
    });
});

test("a pod that came in the place of the one to be evicted stays", async () => {
  const replacing = new (class extends MemoryStorage {
    override async commit(changes: readonly Change[]) {
      const revision = await super.commit(changes);
      const { key, value } = changes[0]!;
      const pod = value?.object as Pod | undefined; // or another kind, without these conditions
      if (!pod?.status?.conditions?.some(({ type }) => type === "DisruptionTarget")) return revision;
      await super.commit([{ key }]);
      const { conditions: _, ...status } = pod.status;
      const metadata = { ...pod.metadata, uid: "another" };
      await super.commit([{ key, value: valueFromObject({ ...pod, status, metadata } as Pod) }]);
      return revision;
    }
  })();
  const other = await startTestServer({ storage: replacing });
  const metadata = { name: "replaced" };
  const spec = { containers: [{ name: "c", image: "nginx" }] };
  await other.send("create", Pods, { namespace: "default", body: { metadata, spec } });
  const evict = other.send("create", Pods, { ...at("replaced"), subresource: "eviction", body: { metadata } });
  await assert.rejects(evict, { code: 409, message: /the UID in the precondition/ });
  assert.equal((await other.send("get", Pods, at("replaced"))).metadata.uid, "another");
  await other.close();
});

test("an eviction waits for the disruption budget", async () => {
  const labels = { app: "guarded" };
  await createPod("guarded", { labels });
  const evict = () =>
    server.send("create", Pods, {
      ...at("guarded"),
      subresource: "eviction",
      body: { metadata: { name: "guarded" }, deleteOptions: { gracePeriodSeconds: 0 } },
    });
  const budget = await server.send("create", PodDisruptionBudgets, {
    namespace: "default",
    body: { metadata: { name: "guard" }, spec: { minAvailable: 1, selector: { matchLabels: labels } } },
  });
  await assert.rejects(evict(), {
    code: 429,
    message: "Cannot evict pod as it would violate the pod's disruption budget.",
  });
  const status = {
    observedGeneration: 1,
    disruptionsAllowed: 0,
    desiredHealthy: 1,
    currentHealthy: 1,
    expectedPods: 1,
  };
  const report = (allowed: number) =>
    server.send("patch", PodDisruptionBudgets, {
      ...at("guard"),
      subresource: "status",
      body: { status: { ...status, disruptionsAllowed: allowed } },
      patchType: "application/merge-patch+json",
    });
  await report(0);
  await assert.rejects(evict(), { code: 429 });
  await report(1);
  await evict();
  assert.equal(await exists(Pods, "guarded"), false);
  const spent = await server.send("get", PodDisruptionBudgets, at(budget.metadata.name));
  assert.equal(spent.status.disruptionsAllowed ?? 0, 0);
  assert.deepEqual(Object.keys(spent.status.disruptedPods ?? {}), ["guarded"]);
});

/** A pod on a node that answers for `app`. */
const runningPod = (name: string, app: string, ready: boolean) => createPod(name, { labels: { app }, ready });

async function budget(name: string, app: string, status: object, spec: object = {}): Promise<void> {
  const body = {
    metadata: { name },
    spec: { minAvailable: 1, selector: { matchLabels: { app } }, ...spec },
  };
  await server.send("create", PodDisruptionBudgets, { namespace: "default", body });
  await server.send("patch", PodDisruptionBudgets, {
    ...at(name),
    subresource: "status",
    body: { status: { observedGeneration: 1, disruptionsAllowed: 0, expectedPods: 1, ...status } },
    patchType: "application/merge-patch+json",
  });
}

function evictNow(name: string, deleteOptions: object = {}): Promise<unknown> {
  return server.send("create", Pods, {
    ...at(name),
    subresource: "eviction",
    body: { metadata: { name }, deleteOptions: { gracePeriodSeconds: 0, ...deleteOptions } },
  });
}

test("an eviction that is refused says which budget refuses and why", async () => {
  const condition = (reason: string, message: string) => ({
    conditions: [
      { type: "DisruptionAllowed", status: "False", reason, message, lastTransitionTime: "2026-01-01T00:00:00Z" },
    ],
  });
  const counted = { desiredHealthy: 1, currentHealthy: 1 };
  const table: readonly [name: string, status: object, why: string][] = [
    ["told", counted, "needs 1 healthy pods and has 1 currently"],
    [
      "uncounted",
      { ...counted, ...condition("SyncFailed", "no scale") },
      "does not allow evicting pods currently because it failed sync: no scale",
    ],
    ["few", { ...counted, ...condition("InsufficientPods", "few") }, "needs 1 healthy pods and has 1 currently"],
    [
      "other",
      { desiredHealthy: 1, currentHealthy: 2, ...condition("Because", "so") },
      "does not allow evicting pods currently (Because): so",
    ],
    ["silent", { desiredHealthy: 1, currentHealthy: 2 }, "does not allow evicting pods currently"],
  ];
  for (const [name, status, why] of table) {
    await runningPod(name, name, true);
    await budget(name, name, status);
    await assert.rejects(evictNow(name), (error: ApiError) => {
      const { reason, details } = error.status;
      assert.equal(reason, "TooManyRequests");
      const message = `The disruption budget ${name} ${why}`;
      assert.deepEqual(details?.causes, [{ reason: "DisruptionBudget", message }]);
      return true;
    });
  }
});

test("a pod with two budgets cannot be evicted", async () => {
  await runningPod("twice", "twice", true);
  for (const name of ["twice-a", "twice-b"]) await budget(name, "twice", { disruptionsAllowed: 1 });
  await assert.rejects(evictNow("twice"), {
    code: 500,
    message: "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
  });
});

test("pods that are not ready go when their budget is met, or when its policy gives them up", async () => {
  const met = { desiredHealthy: 1, currentHealthy: 1 };
  const unmet = { desiredHealthy: 2, currentHealthy: 1 };
  const table: readonly [string, object, object, boolean][] = [
    ["met", met, {}, true],
    ["met-by-name", met, { unhealthyPodEvictionPolicy: "IfHealthyBudget" }, true],
    ["unmet", unmet, {}, false],
    ["unmet-given-up", unmet, { unhealthyPodEvictionPolicy: "AlwaysAllow" }, true],
  ];
  for (const [name, status, spec, goes] of table) {
    await runningPod(name, name, false);
    await budget(name, name, status, spec);
    if (goes) await evictNow(name);
    else await assert.rejects(evictNow(name), { code: 429 });
    assert.equal(await exists(Pods, name), !goes, name);
  }
});

test("a dry run of an eviction spends nothing and deletes nothing", async () => {
  await runningPod("tried", "tried", true);
  await budget("tried", "tried", { desiredHealthy: 0, currentHealthy: 1, disruptionsAllowed: 1 });
  const before = await server.send("get", Pods, at("tried"));
  await evictNow("tried", { dryRun: ["All"] });
  assert.deepEqual(await server.send("get", Pods, at("tried")), before);
  assert.equal((await server.send("get", PodDisruptionBudgets, at("tried"))).status.disruptionsAllowed, 1);
});

test("an eviction of another pod than the client means is refused and spends nothing", async () => {
  await runningPod("meant", "meant", true);
  await budget("meant", "meant", { desiredHealthy: 0, currentHealthy: 1, disruptionsAllowed: 1 });
  for (const preconditions of [{ uid: "x" }, { resourceVersion: "1" }])
    await assert.rejects(evictNow("meant", { preconditions }), { code: 409 });
  assert.equal((await server.send("get", PodDisruptionBudgets, at("meant"))).status.disruptionsAllowed, 1);
  const { uid, resourceVersion } = (await server.send("get", Pods, at("meant"))).metadata;
  await evictNow("meant", { preconditions: { uid, resourceVersion } });
  assert.equal(await exists(Pods, "meant"), false);
});
