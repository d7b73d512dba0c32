import assert from "node:assert/strict";
import { test } from "node:test";
import { key, startScene, template, web } from "../../test/stateful-set-scene.ts";
import {
  ControllerRevisions,
  forbidden,
  type NewObject,
  type Pod,
  Pods,
  ReplicaSets,
  StatefulSets,
} from "../api/index.ts";
import { planStatefulSet } from "./stateful-set-plan.ts";

const orphan = (name: string, labels: Record<string, string> = { app: "web" }): NewObject<Pod> => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: "default", labels },
  spec: template.spec,
});

test("a pod has a stable identity by its ordinal, and the set says what becomes of its pods", async (t) => {
  const { create, pod, events, get, list, settle } = await startScene(t);
  await create(StatefulSets, web(2));
  await settle();
  const { status, metadata } = await get();
  const [revision] = await list(ControllerRevisions, "default");
  assert.deepEqual(status, {
    observedGeneration: metadata.generation,
    replicas: 2,
    readyReplicas: 2,
    availableReplicas: 2,
    currentReplicas: 2,
    updatedReplicas: 2,
    currentRevision: revision?.metadata.name,
    updateRevision: revision?.metadata.name,
    collisionCount: 0,
  });
  const second = await pod(1);
  assert.deepEqual(second.metadata.labels, {
    app: "web",
    "apps.kubernetes.io/pod-index": "1",
    "controller-revision-hash": revision?.metadata.name,
    "statefulset.kubernetes.io/pod-name": "web-1",
  });
  assert.deepEqual([second.spec.hostname, second.spec.subdomain], ["web-1", "nginx"]);
  assert.deepEqual((await events("StatefulSet")).toSorted(), [
    "Normal SuccessfulCreate create Pod web-0 in StatefulSet web successful",
    "Normal SuccessfulCreate create Pod web-1 in StatefulSet web successful",
  ]);
});

test("StatefulSet, Scaling: pods are created in ascending and deleted in descending order", async (t) => {
  const { create, rest, names, setReady, change, hold } = await startScene(t);
  await create(StatefulSets, web(3));
  for (const expected of [["web-0"], ["web-0", "web-1"], ["web-0", "web-1", "web-2"]]) {
    await rest(60_000);
    assert.deepEqual(await names(), expected);
    await setReady(expected.length - 1, true);
  }
  await rest();
  for (const ordinal of [1, 2]) await hold(ordinal, true);
  await change({ replicas: 0 });
  await rest(60_000);
  assert.deepEqual(await names(), ["web-0", "web-1", "web-2"]);
  await hold(2, false);
  await rest(60_000);
  assert.deepEqual(await names(), ["web-0", "web-1"]);
  await hold(1, false);
  await rest();
  assert.deepEqual(await names(), []);
});

test("StatefulSet, Scaling: up and down it pauses while a pod is not healthy", async (t) => {
  const { create, rest, names, setReady, change, settle, get } = await startScene(t);
  await create(StatefulSets, web(2));
  await settle();
  await setReady(0, false);
  await change({ replicas: 4 });
  await rest(60_000);
  assert.deepEqual(await names(), ["web-0", "web-1"]);
  assert.equal((await get()).status.readyReplicas, 1);
  await setReady(0, true);
  await settle();
  assert.deepEqual(await names(), ["web-0", "web-1", "web-2", "web-3"]);
  await setReady(1, false);
  await change({ replicas: 2 });
  await rest(60_000);
  assert.deepEqual(await names(), ["web-0", "web-1", "web-2", "web-3"]);
  await setReady(1, true);
  await rest();
  assert.deepEqual(await names(), ["web-0", "web-1"]);
});

test("one that is to go and is not healthy goes when all before it are healthy", async (t) => {
  const { create, rest, names, setReady, change, settle } = await startScene(t);
  await create(StatefulSets, web(3));
  await settle();
  await setReady(1, false);
  await setReady(2, false);
  await change({ replicas: 1 });
  await rest(60_000);
  assert.deepEqual(await names(), ["web-0", "web-1", "web-2"]);
  await setReady(1, true);
  await rest();
  assert.deepEqual(await names(), ["web-0"]);
});

test("StatefulSet, Burst Scaling: with the policy Parallel nobody waits for anybody", async (t) => {
  const { create, rest, names, setReady, change, hold, pods } = await startScene(t);
  await create(StatefulSets, web(3, { podManagementPolicy: "Parallel" }));
  await rest();
  assert.deepEqual(await names(), ["web-0", "web-1", "web-2"]);
  await setReady(0, false);
  await change({ replicas: 5 });
  await rest();
  assert.deepEqual(await names(), ["web-0", "web-1", "web-2", "web-3", "web-4"]);
  for (const ordinal of [1, 2, 3, 4]) await hold(ordinal, true);
  await change({ replicas: 1 });
  await rest();
  const leaving = (await pods()).filter(({ metadata }) => metadata.deletionTimestamp !== undefined);
  assert.deepEqual(
    leaving.map(({ metadata }) => metadata.name),
    ["web-1", "web-2", "web-3", "web-4"],
  );
});

for (const phase of ["Failed", "Succeeded"] as const) {
  test(`StatefulSet, Recreate Failed Pod: one that is ${phase} is deleted and made anew`, async (t) => {
    const { create, settle, pod, setPhase, names, events } = await startScene(t);
    await create(StatefulSets, web(2));
    await settle();
    const before = await pod(0);
    await setPhase(0, phase);
    await settle(3);
    assert.deepEqual(await names(), ["web-0", "web-1"]);
    assert.notEqual((await pod(0)).metadata.uid, before.metadata.uid);
    const said = await events("StatefulSet");
    assert.ok(said.includes("Normal SuccessfulDelete delete Pod web-0 in StatefulSet web successful"));
  });
}

test("a pod that fails again and again is replaced less and less often", async (t) => {
  const { create, rest, setPhase, requests, change, pod } = await startScene(t);
  await create(StatefulSets, web(1));
  await rest();
  const fail = async (seconds: number) => {
    const before = requests().length;
    for (let second = 0; second < seconds; second++) {
      await setPhase(0, "Failed").catch((error) => assert.equal(error.code, 404));
      await rest(1_000);
    }
    return requests()
      .slice(before)
      .filter((each) => each === "create pods").length;
  };
  const first = await fail(60);
  assert.ok(first >= 4 && first <= 8, `${first} pods in the first minute`);
  const later = await fail(300);
  assert.ok(later >= 3 && later <= 6, `${later} pods in the next five minutes`);
  // A new specification gets a new chance at once.
  const { uid } = (await pod(0)).metadata;
  await change({ minReadySeconds: 1 });
  await rest(1_000);
  assert.notEqual((await pod(0)).metadata.uid, uid);
});

test("ordinals start where the set says, and move with it", async (t) => {
  const { create, settle, names, change } = await startScene(t);
  await create(StatefulSets, web(2, { ordinals: { start: 5 } }));
  await settle();
  assert.deepEqual(await names(), ["web-5", "web-6"]);
  await change({ ordinals: { start: 6 } });
  await settle();
  assert.deepEqual(await names(), ["web-6", "web-7"]);
});

test("a pod is available only after minReadySeconds, and the next one waits for that", async (t) => {
  const { create, rest, startPods, names, get } = await startScene(t);
  await create(StatefulSets, web(2, { minReadySeconds: 30 }));
  await rest();
  await startPods();
  await rest(20_000);
  assert.deepEqual(await names(), ["web-0"]);
  assert.deepEqual([(await get()).status.readyReplicas, (await get()).status.availableReplicas ?? 0], [1, 0]);
  await rest(11_000);
  assert.deepEqual(await names(), ["web-0", "web-1"]);
  assert.equal((await get()).status.availableReplicas, 1);
});

test("a pod that lost the label of its identity gets it back", async (t) => {
  const { client, create, settle, pod, podKey, events } = await startScene(t);
  await create(StatefulSets, web(1));
  await settle(2);
  const label = "statefulset.kubernetes.io/pod-name";
  await client.patch(Pods, podKey(0), { metadata: { labels: { [label]: "other" } } });
  await settle(1);
  assert.equal((await pod(0)).metadata.labels?.[label], "web-0");
  assert.ok(
    (await events("StatefulSet")).includes("Normal SuccessfulUpdate update Pod web-0 in StatefulSet web successful"),
  );
});

test("orphans with the set's labels and names are adopted, and pods that match no more are let go", async (t) => {
  const { client, create, settle, pod, podKey, list } = await startScene(t);
  for (const name of ["web-0", "web-x", "webs-0", "web-01"]) await create(Pods, orphan(name));
  const set = await create(StatefulSets, web(2));
  await settle();
  assert.equal((await pod(0)).metadata.ownerReferences?.[0]?.uid, set.metadata.uid);
  for (const name of ["web-x", "webs-0", "web-01"]) {
    const other = await client.get(Pods, { namespace: "default", name });
    assert.equal(other.metadata.ownerReferences, undefined);
  }
  await client.patch(Pods, podKey(1), { metadata: { labels: { app: "debug" } } });
  await settle(2);
  assert.deepEqual((await pod(1)).metadata.ownerReferences ?? [], []);
  // The name is taken by the pod that was let go; when it is gone, the set has its second pod again.
  await client.delete(Pods, podKey(1));
  await settle(2);
  assert.equal((await pod(1)).metadata.ownerReferences?.[0]?.uid, set.metadata.uid);
  assert.equal((await list(Pods, "default")).length, 5);
});

test("a name that another's pod has is waited for, without a hot loop", async (t) => {
  const { client, create, rest, pod, requests, podKey, events } = await startScene(t);
  await create(Pods, orphan("web-0", { app: "other" }));
  await create(StatefulSets, web(1));
  await rest(10_000);
  const before = requests().length;
  await rest(600_000);
  const tries = requests().slice(before);
  assert.ok(tries.length <= 10, `${tries.length} requests in ten minutes`);
  assert.deepEqual(await events("StatefulSet"), []);
  await client.delete(Pods, podKey(0));
  await rest();
  assert.equal((await pod(0)).metadata.ownerReferences?.[0]?.name, "web");
});

test("a selector that matches another controller's pods leaves them alone", async (t) => {
  const { create, settle, list, pods } = await startScene(t);
  await create(ReplicaSets, {
    metadata: { namespace: "default", name: "web" },
    spec: { replicas: 2, selector: { matchLabels: { app: "web" } }, template },
  });
  await settle(2);
  await create(StatefulSets, web(1));
  await settle(3);
  assert.equal((await pods()).length, 3);
  const owners = (await list(Pods, "default")).map(({ metadata }) => metadata.ownerReferences?.[0]?.kind);
  assert.deepEqual(owners.sort(), ["ReplicaSet", "ReplicaSet", "StatefulSet"]);
});

test("a template that is refused is told of, tried now and then, and used when it is allowed", async (t) => {
  const { create, rest, refuse, requests, events, names, get } = await startScene(t);
  refuse(({ verb, plural }) => (verb === "create" && plural === "pods" ? forbidden(Pods, "web-0", "no") : undefined));
  await create(StatefulSets, web(3, { podManagementPolicy: "Parallel" }));
  await rest(10_000);
  const before = requests().length;
  await rest(600_000);
  const tries = requests()
    .slice(before)
    .filter((each) => each.startsWith("create pods"));
  assert.ok(tries.length >= 2 && tries.length <= 8, `${tries.length} tries in ten minutes`);
  const message = `create Pod web-0 in StatefulSet web failed error: pods "web-0" is forbidden: no`;
  assert.match((await events("StatefulSet"))[0] ?? "", new RegExp(`^Warning FailedCreate ${message} `));
  assert.equal((await get()).status.observedGeneration, 1);
  refuse(() => undefined);
  await rest(300_000);
  assert.deepEqual(await names(), ["web-0", "web-1", "web-2"]);
});

test("a set that is being deleted makes no pods, and says what is left of them", async (t) => {
  const { client, create, settle, hold, podKey, names, get } = await startScene(t);
  await create(StatefulSets, web(2));
  await settle();
  await hold(0, true);
  await client.delete(StatefulSets, key, { body: { propagationPolicy: "Foreground" } });
  await settle(2);
  assert.deepEqual(await names(), ["web-0"]);
  const { status, metadata } = await get();
  assert.deepEqual([status.replicas, status.observedGeneration], [1, metadata.generation]);
  await client.patch(Pods, podKey(0), { metadata: { finalizers: null } });
  await settle(2);
  await assert.rejects(get(), { code: 404 });
});

test("a set that asks for two thousand million pods is given some hundreds at a time", async (t) => {
  const { create, clock } = await startScene(t);
  for (const [podManagementPolicy, expected] of [
    ["Parallel", 500],
    ["OrderedReady", 1],
  ] as const) {
    const set = await create(StatefulSets, {
      ...web(2 ** 31 - 1, { podManagementPolicy }),
      metadata: { namespace: "default", name: podManagementPolicy.toLowerCase() },
    });
    const revision = await create(ControllerRevisions, {
      metadata: { namespace: "default", name: `${set.metadata.name}-1` },
      data: {},
      revision: 1,
    });
    const { stages, afterMs } = planStatefulSet({
      set,
      pods: [],
      current: revision,
      update: revision,
      claimOf: () => undefined,
      holdOffMs: () => 0,
      nowMs: clock.now(),
    });
    assert.equal(stages.flat().length, expected);
    assert.equal(afterMs, expected === 500 ? 0 : undefined);
  }
});

test("at rest a StatefulSet causes no requests", async (t) => {
  const { create, settle, rest, requests } = await startScene(t);
  await create(StatefulSets, web(3));
  await settle();
  const before = requests().length;
  await rest(3_600_000);
  assert.deepEqual(requests().slice(before), []);
});
