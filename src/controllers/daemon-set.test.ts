import assert from "node:assert/strict";
import { test } from "node:test";
import { agent, allOn, key, labels, startScene } from "../../test/daemon-set-scene.ts";
import { ControllerRevisions, DaemonSets, forbidden, Nodes, Pods, ReplicaSets } from "../api/index.ts";
import { targetNode } from "./daemon-set-placement.ts";

test("DaemonSet-Creation: a pod on every node, and another when one is deleted", async (t) => {
  const { client, create, pods, images, settle, get, events } = await startScene(t);
  await create(DaemonSets, agent());
  await settle(2);
  assert.deepEqual(await images(), allOn("agent:1", "n1", "n2", "n3"));
  const { status, metadata } = await get();
  assert.deepEqual(status, {
    observedGeneration: metadata.generation,
    currentNumberScheduled: 3,
    desiredNumberScheduled: 3,
    numberMisscheduled: 0,
    numberReady: 3,
    updatedNumberScheduled: 3,
    numberAvailable: 3,
  });
  const [first] = await pods();
  await client.delete(Pods, first!.metadata);
  await settle(2);
  assert.deepEqual(await images(), allOn("agent:1", "n1", "n2", "n3"));
  const said = await events("DaemonSet");
  assert.equal(said.filter((each) => each.startsWith("Normal SuccessfulCreate Created pod: agent-")).length, 4);
});

test("a pod asks the scheduler for its node and tolerates what ails nodes", async (t) => {
  const { create, pods, rest, list } = await startScene(t, ["n1"]);
  const preferred = [{ weight: 1, preference: { matchExpressions: [{ key: "disk", operator: "Exists" }] } }];
  const affinity = { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: preferred } };
  const pressure = { key: "node.kubernetes.io/disk-pressure", operator: "Exists", effect: "NoSchedule" };
  const tolerations = [pressure, { key: "own", operator: "Exists" }];
  await create(DaemonSets, agent({}, { affinity, tolerations, hostNetwork: true }));
  await rest();
  const [pod] = await pods();
  const [revision] = await list(ControllerRevisions, "default");
  assert.match(pod!.metadata.name, /^agent-[a-z0-9]{5}$/);
  assert.deepEqual(pod?.metadata.labels, {
    ...labels,
    "pod-template-generation": "1",
    "controller-revision-hash": revision?.metadata.labels?.["controller-revision-hash"],
  });
  assert.equal(pod?.spec.nodeName, undefined);
  assert.deepEqual(pod?.spec.affinity?.nodeAffinity, {
    preferredDuringSchedulingIgnoredDuringExecution: preferred,
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "In", values: ["n1"] }] }],
    },
  });
  assert.deepEqual(
    pod?.spec.tolerations?.map(({ key: name, effect }) => `${name?.replace("node.kubernetes.io/", "")} ${effect}`),
    [
      "disk-pressure NoSchedule",
      "own undefined",
      "not-ready NoExecute",
      "unreachable NoExecute",
      "memory-pressure NoSchedule",
      "pid-pressure NoSchedule",
      "unschedulable NoSchedule",
      "network-unavailable NoSchedule",
    ],
  );
});

test("DaemonSet-NodeSelection: pods run where the labels match, and go where they match no more", async (t) => {
  const { client, create, settle, images, get, addNode } = await startScene(t);
  await create(DaemonSets, agent({}, { nodeSelector: { color: "blue" } }));
  await settle(2);
  assert.deepEqual(await images(), {});
  assert.equal((await get()).status.desiredNumberScheduled, 0);
  const paint = (name: string, color: string) => client.patch(Nodes, { name }, { metadata: { labels: { color } } });
  await paint("n2", "blue");
  await addNode("n4", { color: "blue" });
  await settle(2);
  assert.deepEqual(await images(), allOn("agent:1", "n2", "n4"));
  await paint("n2", "green");
  await settle(2);
  assert.deepEqual(await images(), allOn("agent:1", "n4"));
  await client.patch(DaemonSets, key, { spec: { template: { spec: { nodeSelector: { color: "green" } } } } });
  await settle(4);
  assert.deepEqual(await images(), allOn("agent:1", "n2"));
});

test("DaemonSet-NodeSelection: node affinity and a node's name select as well", async (t) => {
  const { create, settle, images } = await startScene(t);
  const nodeSelectorTerms = [{ matchExpressions: [{ key: "kubernetes.io/os", operator: "DoesNotExist" }] }];
  const required = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } };
  await create(DaemonSets, agent({}, { affinity: { nodeAffinity: required } }));
  await settle(2);
  assert.deepEqual(await images(), allOn("agent:1", "n1", "n2", "n3"));
});

test("a taint keeps new pods away, and one that does not let pods run drives them away", async (t) => {
  const { create, settle, images, taint, get } = await startScene(t);
  await taint("n1", [{ key: "own", effect: "NoSchedule" }]);
  await create(DaemonSets, agent());
  await settle(2);
  assert.deepEqual(await images(), allOn("agent:1", "n2", "n3"));
  await taint("n2", [{ key: "own", effect: "NoSchedule" }]);
  await taint("n3", [{ key: "own", effect: "NoExecute" }]);
  await settle(2);
  assert.deepEqual(await images(), allOn("agent:1", "n2"));
  const { status } = await get();
  assert.deepEqual([status.desiredNumberScheduled, status.numberMisscheduled, status.numberReady], [0, 1, 0]);
  await taint("n1", null);
  await settle(2);
  assert.deepEqual(await images(), allOn("agent:1", "n1", "n2"));
});

test("what ails a node does not drive its daemons away", async (t) => {
  const { create, settle, images, taint } = await startScene(t, ["n1", "n2"]);
  const prefix = "node.kubernetes.io/";
  await taint("n1", [
    { key: `${prefix}not-ready`, effect: "NoExecute" },
    { key: `${prefix}unschedulable`, effect: "NoSchedule" },
    { key: `${prefix}disk-pressure`, effect: "NoSchedule" },
  ]);
  await taint("n2", [{ key: `${prefix}network-unavailable`, effect: "NoSchedule" }]);
  await create(DaemonSets, agent());
  await settle(2);
  assert.deepEqual(await images(), allOn("agent:1", "n1"));
});

test("a pod that never reached its node goes when the node goes", async (t) => {
  const { client, create, rest, images } = await startScene(t, ["n1", "n2"]);
  await create(DaemonSets, agent());
  await rest();
  await client.delete(Nodes, { name: "n1" });
  await rest();
  assert.deepEqual(await images(), allOn("agent:1", "n2"));
});

for (const [how, updateStrategy] of [
  ["", {}],
  [", also where a surge is allowed", { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } }],
] as const) {
  test(`a pod that fails is replaced, the first time at once and then less and less often${how}`, async (t) => {
    const { clock, create, rest, setPhase, requests, events } = await startScene(t, ["n1"]);
    await create(DaemonSets, agent({ updateStrategy }));
    await rest();
    const fail = async (seconds: number) => {
      const before = requests().length;
      for (let second = 0; second < seconds; second++) {
        await setPhase("n1", "Failed");
        await rest(1_000);
      }
      const made = requests().slice(before);
      return made.filter((each) => each === "create pods").length;
    };
    const first = await fail(60);
    assert.ok(first >= 4 && first <= 8, `${first} pods in the first minute`);
    // A clock that is set back makes nobody wait longer.
    clock.leap(-86_400_000);
    const later = await fail(300);
    assert.ok(later >= 1 && later <= 4, `${later} pods in the next five minutes`);
    assert.match(
      (await events("DaemonSet")).find((each) => each.includes("FailedDaemonPod")) ?? "",
      /^Warning FailedDaemonPod Found failed daemon pod default\/agent-[a-z0-9]{5} on node n1, will try to kill it/,
    );
  });
}

test("a pod that has ended well is replaced", async (t) => {
  const { create, settle, setPhase, pods, events } = await startScene(t, ["n1"]);
  await create(DaemonSets, agent());
  await settle(2);
  const [before] = await pods();
  await setPhase("n1", "Succeeded");
  await settle(2);
  const [after] = await pods();
  assert.notEqual(after?.metadata.uid, before?.metadata.uid);
  const said = `Normal SucceededDaemonPod Found succeeded daemon pod default/${before?.metadata.name} on node n1, will try to delete it`;
  assert.ok((await events("DaemonSet")).includes(said));
});

test("a pod is available only after minReadySeconds", async (t) => {
  const { create, rest, startPods, get } = await startScene(t);
  await create(DaemonSets, agent({ minReadySeconds: 30 }));
  await rest();
  await startPods();
  await rest(20_000);
  const { status } = await get();
  assert.deepEqual([status.numberReady, status.numberAvailable ?? 0, status.numberUnavailable], [3, 0, 3]);
  await rest(11_000);
  assert.equal((await get()).status.numberAvailable, 3);
});

test("orphans that match are adopted, the older pod of a node stays, and what matches no more is let go", async (t) => {
  const { client, create, settle, pods, clock } = await startScene(t, ["n1"]);
  const orphan = (name: string) => ({
    metadata: { name, namespace: "default", labels },
    spec: { terminationGracePeriodSeconds: 0, nodeName: "n1", containers: [{ name: "agent", image: "old:1" }] },
  });
  await create(Pods, orphan("one"));
  await clock.advance(1_000);
  await create(Pods, orphan("two"));
  const set = await create(DaemonSets, agent({ updateStrategy: { type: "OnDelete" } }));
  await settle(2);
  assert.deepEqual(
    (await pods()).map(({ metadata }) => [metadata.name, metadata.ownerReferences?.[0]?.uid]),
    [["one", set.metadata.uid]],
  );
  await client.patch(Pods, { namespace: "default", name: "one" }, { metadata: { labels: { app: "debug" } } });
  await settle(2);
  const all = await pods();
  assert.equal(all.length, 2);
  const released = all.find(({ metadata }) => metadata.name === "one");
  assert.deepEqual(released?.metadata.ownerReferences ?? [], []);
});

test("pods that are refused are told of, tried in small numbers, and made when they are allowed", async (t) => {
  const nodes = Array.from({ length: 20 }, (_, index) => `n${index}`);
  const { create, rest, refuse, requests, events, pods, get } = await startScene(t, nodes);
  refuse(({ verb, plural }) => (verb === "create" && plural === "pods" ? forbidden(Pods, "x", "quota") : undefined));
  const before = requests().length;
  await create(DaemonSets, agent());
  await rest(600_000);
  const tries = requests()
    .slice(before)
    .filter((each) => each === "create pods").length;
  assert.ok(tries >= 5 && tries <= 25, `${tries} tries in ten minutes`);
  assert.match(
    (await events("DaemonSet"))[0] ?? "",
    /^Warning FailedCreate Error creating: pods "x" is forbidden: quota/,
  );
  assert.equal((await get()).status.desiredNumberScheduled, 20);
  refuse(() => undefined);
  await rest(300_000);
  assert.equal((await pods()).length, 20);
});

test("a selector that matches another controller's pods leaves them alone", async (t) => {
  const { create, settle, pods, images } = await startScene(t, ["n1"]);
  const template = { metadata: { labels }, spec: { nodeName: "n1", containers: [{ name: "web", image: "web:1" }] } };
  await create(ReplicaSets, {
    metadata: { namespace: "default", name: "web" },
    spec: { replicas: 2, selector: { matchLabels: labels }, template },
  });
  await settle(2);
  await create(DaemonSets, agent());
  await settle(2);
  assert.equal((await pods()).length, 3);
  assert.equal((await images()).n1?.split(" ").sort().join(" "), "agent:1 web:1 web:1");
});

test("a set that is being deleted makes no pods", async (t) => {
  const { client, create, settle, pods, get } = await startScene(t, ["n1"]);
  await create(DaemonSets, agent());
  await settle(2);
  const [pod] = await pods();
  await client.patch(Pods, pod!.metadata, { metadata: { finalizers: ["test/hold"] } });
  await client.delete(DaemonSets, key, { body: { propagationPolicy: "Foreground" } });
  await settle(2);
  assert.deepEqual(await pods(), []);
  await client.patch(Pods, pod!.metadata, { metadata: { finalizers: null } });
  await settle(2);
  await assert.rejects(get(), { code: 404 });
});

test("at rest a DaemonSet causes no requests, whatever nodes report", async (t) => {
  const { client, create, settle, rest, requests } = await startScene(t);
  await create(DaemonSets, agent());
  await settle();
  const before = requests().length;
  for (const name of ["n1", "n2", "n3"]) {
    const status = { conditions: [{ type: "Ready", status: "True" }] };
    await client.patch(Nodes, { name }, { status }, { type: "application/merge-patch+json", subresource: "status" });
  }
  await rest(3_600_000);
  assert.deepEqual(requests().slice(before), []);
});

test("a thousand nodes cost a thousand pods and few other requests", async (t) => {
  const nodes = Array.from({ length: 1_000 }, (_, index) => `n${index}`);
  const { create, rest, startPods, requests, pods, get } = await startScene(t, nodes);
  const before = requests().length;
  await create(DaemonSets, agent());
  await rest(2_000);
  await startPods();
  await rest(2_000);
  assert.equal(new Set((await pods()).map(targetNode)).size, 1_000);
  assert.equal((await get()).status.numberAvailable, 1_000);
  const made = requests().slice(before);
  const others = made.filter((each) => each !== "create pods" && !each.includes(" events"));
  assert.equal(made.length - others.length - made.filter((each) => each.includes(" events")).length, 1_000);
  assert.ok(others.length < 50, `${others.length} other requests`);
});
