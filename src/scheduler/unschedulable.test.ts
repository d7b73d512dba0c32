// Pods that fit nowhere: however many, they cost nothing while nothing changes, and little when something does.
import assert from "node:assert/strict";
import { test } from "node:test";
import { atRest, pass } from "../../test/faulty-api.ts";
import { schedulerScene } from "../../test/scheduler-scene.ts";
import { Nodes, Pods, Services } from "../api/index.ts";
import type { MetricRegistry } from "../lib/index.ts";
import { defaultConfiguration } from "./configuration.ts";
import { makePod } from "./objects-for-tests.ts";

/** How many attempts there were so far. */
function attempts(metrics: MetricRegistry): number {
  const counts = metrics.text().matchAll(/^scheduler_schedule_attempts_total\{.*\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

test("a pod that can never fit is tried every five minutes and told about no more often", async () => {
  const scene = await schedulerScene();
  await scene.addNode({ allocatable: { cpu: "4" } });
  await scene.addPod({ name: "huge", requests: { cpu: "1000" } });
  const before = attempts(scene.metrics);
  const writes = scene.api.requests.filter(({ request }) => request.verb !== "watch").length;
  await pass(scene.clock, 60 * 60_000);
  const more = attempts(scene.metrics) - before;
  assert.ok(more >= 8 && more <= 13, `${more} attempts in an hour`);
  // The same words are not written again.
  assert.equal(scene.api.requests.filter(({ request }) => request.verb !== "watch").length, writes);
  await scene.stop();
});

test("thousands of pods that fit nowhere are not tried for changes that do not help them", async () => {
  const scene = await schedulerScene();
  const count = 2_000;
  const node = await scene.addNode({ allocatable: { cpu: "4" } });
  for (let index = 0; index < count; index++) {
    await scene.client.create(Pods, makePod({ name: `huge-${index}`, requests: { cpu: `${5 + (index % 50)}` } }));
  }
  await atRest();
  await pass(scene.clock, 1_000);
  const before = attempts(scene.metrics);
  assert.ok(before >= count);
  // Pods that come and go, labels, heartbeats: none of it makes room for them.
  for (let index = 0; index < 50; index++) {
    const small = await scene.client.create(Pods, makePod({ name: `small-${index}`, requests: { cpu: "100m" } }));
    await atRest();
    await scene.client.delete(
      Pods,
      { namespace: "default", name: small.metadata.name },
      { body: { gracePeriodSeconds: 0 } },
    );
    await scene.client.patch(Nodes, { name: node.metadata.name }, { metadata: { labels: { round: `${index}` } } });
    await atRest();
  }
  assert.equal(attempts(scene.metrics) - before, 50, "only the small ones were tried");
  // A node for the smaller half of them lets those try that fit there now, and no others.
  await scene.addNode({ name: "large", allocatable: { cpu: "10" } });
  await pass(scene.clock, 20_000);
  const tried = attempts(scene.metrics) - before - 50;
  assert.ok(tried >= 240 && tried <= 1_000, `${tried} attempts`);
  await scene.stop();
});

test("thousands of pods of high priority that fit nowhere end no more pods than make room", async () => {
  const scene = await schedulerScene();
  await scene.addNode({ allocatable: { cpu: "4" } });
  for (const name of ["a", "b", "c", "d"]) await scene.addPod({ name, requests: { cpu: "1" } });
  for (let index = 0; index < 300; index++) {
    await scene.client.create(Pods, makePod({ name: `urgent-${index}`, requests: { cpu: "2" }, priority: 100 }));
  }
  await pass(scene.clock, 60_000);
  const { items } = await scene.client.list(Pods, { namespace: "default" });
  const nominated = items.filter(({ status }) => status.nominatedNodeName !== undefined);
  const going = items.filter(({ metadata }) => metadata.deletionTimestamp !== undefined);
  assert.equal(nominated.length, 2);
  assert.equal(going.length, 4);
  await scene.stop();
});

test("a pod whose containers were given more counts for what they have, until it is given back", async () => {
  const scene = await schedulerScene();
  await scene.addNode({ allocatable: { cpu: "4" } });
  const pod = await scene.addPod({ name: "resized", requests: { cpu: "1" } });
  const withCpu = async (cpu: string) => {
    const status = {
      containerStatuses: [
        {
          name: pod.spec.containers[0]?.name,
          resources: { requests: { cpu } },
          allocatedResources: { cpu },
          image: "i",
          imageID: "",
          ready: true,
          restartCount: 0,
        },
      ],
    };
    await scene.client.patch(Pods, { namespace: "default", name: "resized" }, { status }, { subresource: "status" });
    await atRest();
  };
  await withCpu("3");
  await scene.addPod({ name: "other", requests: { cpu: "2" } });
  assert.equal((await scene.pod("other")).spec.nodeName, undefined);
  await withCpu("1");
  await pass(scene.clock, 10_000);
  assert.equal((await scene.pod("other")).spec.nodeName, "node");
  await scene.stop();
});

test("a pod is told what is left when what kept it from a node was mended", async () => {
  const scene = await schedulerScene();
  const node = { name: "node" };
  const reason = async () =>
    /available: (.*?)\. /.exec((await scene.pod("web")).status.conditions?.[0]?.message ?? "")?.[1];
  await scene.addNode({ ...node, unschedulable: true, allocatable: { cpu: "1" } });
  await scene.addPod({ name: "web", nodeSelector: { disk: "ssd" }, requests: { cpu: "2" } });
  assert.equal(await reason(), "1 node(s) were unschedulable");
  await scene.client.patch(Nodes, node, { spec: { unschedulable: null } });
  await pass(scene.clock, 2_000);
  assert.equal(await reason(), "1 node(s) didn't match Pod's node affinity/selector");
  await scene.client.patch(Nodes, node, { metadata: { labels: { disk: "ssd" } } });
  await pass(scene.clock, 4_000);
  assert.equal(await reason(), "1 Insufficient cpu");
  const before = attempts(scene.metrics);
  await scene.client.patch(Nodes, node, { metadata: { labels: { round: "1" } } });
  await pass(scene.clock, 10_000);
  assert.equal(attempts(scene.metrics), before);
  await scene.stop();
});

test("an event holds as much of a long message as it may", async () => {
  const scene = await schedulerScene();
  for (let index = 0; index < 12; index++) await scene.addNode({ name: `node-${index}`, allocatable: { cpu: "1" } });
  const requests = Object.fromEntries(
    Array.from({ length: 60 }, (_, index) => [`example.com/a-device-of-kind-${index}`, "1"]),
  );
  await scene.addPod({ name: "web", containers: [{ resources: { requests, limits: requests } }] });
  const message = (await scene.pod("web")).status.conditions?.[0]?.message ?? "";
  assert.ok(message.length > 1_024);
  const event = scene.events
    .find((each) => each.startsWith("web FailedScheduling: "))
    ?.slice("web FailedScheduling: ".length);
  assert.equal(event, `${message.slice(0, 1_020)} ...`);
  await scene.stop();
});

test("a pod that keeps apart goes where another was that is not meant any more", async () => {
  const scene = await schedulerScene();
  await scene.addNode({ name: "node" });
  const labels = { app: "web" };
  const term = { topologyKey: "kubernetes.io/hostname", labelSelector: { matchLabels: labels } };
  const podAntiAffinity = { requiredDuringSchedulingIgnoredDuringExecution: [term] };
  await scene.addPod({ name: "first", labels });
  await scene.addPod({ name: "second", affinity: { podAntiAffinity } });
  assert.deepEqual(scene.bindings, ["first to node"]);
  const key = { namespace: "default", name: "first" };
  await scene.client.patch(Pods, key, { metadata: { labels: { other: "label" } } });
  await pass(scene.clock, 2_000);
  assert.deepEqual(scene.bindings, ["first to node"]);
  await scene.client.patch(Pods, key, { metadata: { labels: { app: null } } });
  await pass(scene.clock, 2_000);
  assert.deepEqual(scene.bindings, ["first to node", "second to node"]);
  await scene.stop();
});

test("a pod that is spread goes when the domain is gone that had the fewest", async () => {
  const scene = await schedulerScene();
  await scene.addNode({ name: "full", allocatable: { cpu: "1" } });
  await scene.addNode({ name: "node" });
  const labels = { app: "web" };
  const constraint = { maxSkew: 1, topologyKey: "kubernetes.io/hostname", whenUnsatisfiable: "DoNotSchedule" };
  const topologySpreadConstraints = [{ ...constraint, labelSelector: { matchLabels: labels } }];
  for (const name of ["first", "second"]) {
    await scene.addPod({ name, labels, topologySpreadConstraints, requests: { cpu: "2" } });
  }
  assert.deepEqual(scene.bindings, ["first to node"]);
  await scene.client.delete(Nodes, { name: "full" });
  await pass(scene.clock, 2_000);
  assert.deepEqual(scene.bindings, ["first to node", "second to node"]);
  await scene.stop();
});

test("a pod that the profile's constraints keep waiting is tried when pods elsewhere make its place right", async () => {
  const pluginConfig = new Map([
    [
      "PodTopologySpread",
      {
        defaultingType: "List",
        defaultConstraints: [{ maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule" }],
      },
    ],
  ]);
  const profiles = defaultConfiguration.profiles.map((profile) => ({ ...profile, pluginConfig }));
  const scene = await schedulerScene({ configuration: { ...defaultConfiguration, profiles } });
  const labels = { app: "web" };
  await scene.client.create(Services, {
    apiVersion: "v1",
    kind: "Service",
    metadata: { namespace: "default", name: "web" },
    spec: { selector: labels, ports: [{ port: 80 }] },
  });
  await scene.addNode({ name: "large", labels: { zone: "a" } });
  await scene.addNode({ name: "small", labels: { zone: "b" }, allocatable: { cpu: "1" } });
  await scene.addPod({ name: "first", labels, nodeName: "large" });
  await scene.addPod({ name: "second", labels, requests: { cpu: "2" } });
  assert.equal((await scene.pod("second")).spec.nodeName, undefined);
  await scene.addPod({ name: "third", labels, nodeName: "small" });
  await pass(scene.clock, 20_000);
  assert.equal((await scene.pod("second")).spec.nodeName, "large");
  await scene.stop();
});
