import assert from "node:assert/strict";
import { test } from "node:test";
import { atRest, FaultyApi, pass } from "../../test/faulty-api.ts";
import { schedulerScene } from "../../test/scheduler-scene.ts";
import { conflict, Nodes, Pods, type ResourceHandler, serviceUnavailable } from "../api/index.ts";
import { InformerSet, inProcessClient } from "../client/index.ts";
import { seededRandom, silentLogger } from "../lib/index.ts";
import { makeNode, makePod } from "./objects-for-tests.ts";
import { runScheduler } from "./scheduler.ts";

test("a pod is bound to a node, and an event says so", async () => {
  const { addNode, addPod, pod, bindings, events, stop } = await schedulerScene();
  await addNode({ name: "node-1" });
  await addPod({ name: "web" });
  assert.deepEqual(bindings, ["web to node-1"]);
  assert.equal((await pod("web")).spec.nodeName, "node-1");
  assert.deepEqual(events, ["web Scheduled: Successfully assigned default/web to node-1"]);
  await stop();
});

test("pods and nodes from before the start are seen before the first plan", async () => {
  const { client, clock, api, stop } = await schedulerScene();
  await stop();
  await client.create(Nodes, makeNode({ name: "full" }));
  await client.create(Nodes, makeNode({ name: "free" }));
  await client.create(Pods, makePod({ name: "old", nodeName: "full", requests: { cpu: "4" } }));
  const { metadata } = await client.create(Pods, makePod({ name: "new", requests: { cpu: "1" } }));
  const again = new AbortController();
  const bodies: unknown[] = [];
  const watching: ResourceHandler = {
    handle: (request, user) => {
      if (request.subresource === "binding") bodies.push(request.body);
      return api.handle(request, user);
    },
  };
  const environment = {
    client: inProcessClient(watching, { name: "system:kube-scheduler", groups: [] }),
    clock,
    random: seededRandom(1),
    log: silentLogger,
    signal: again.signal,
  };
  const running = runScheduler({ ...environment, informers: new InformerSet(environment) });
  await atRest();
  assert.deepEqual(bodies, [
    {
      apiVersion: "v1",
      kind: "Binding",
      metadata: { namespace: "default", name: "new", uid: metadata.uid },
      target: { kind: "Node", name: "free" },
    },
  ]);
  again.abort();
  await running;
});

test("a pod that fits nowhere says why in its condition and in an event", async () => {
  const { addNode, addPod, pod, events, stop } = await schedulerScene();
  await addNode({ name: "small", allocatable: { cpu: "1" } });
  await addPod({ name: "web", requests: { cpu: "2" } });
  const message =
    "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, " +
    "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.";
  assert.deepEqual((await pod("web")).status.conditions, [
    {
      type: "PodScheduled",
      status: "False",
      reason: "Unschedulable",
      message,
      observedGeneration: 1,
      lastTransitionTime: "2026-01-01T00:00:00Z",
      lastProbeTime: null,
    },
  ]);
  assert.deepEqual(events, [`web FailedScheduling: ${message}`]);
  await stop();
});

test("a waiting pod is placed when a node comes", async () => {
  const { addNode, addPod, bindings, events, stop } = await schedulerScene();
  await addPod({ name: "web" });
  assert.deepEqual(events, ["web FailedScheduling: no nodes available to schedule pods"]);
  await addNode({ name: "node-1" });
  assert.deepEqual(bindings, ["web to node-1"]);
  await stop();
});

test("a waiting pod is placed when a node is uncordoned, not at its heartbeats", async () => {
  const { client, addNode, addPod, bindings, api, stop } = await schedulerScene();
  const node = await addNode({ name: "node-1", unschedulable: true });
  await addPod({ name: "web" });
  const requests = api.requests.length;
  const status = { ...node.status, phase: "Running" };
  const { metadata } = await client.update(Nodes, { ...node, status }, { subresource: "status" });
  await atRest();
  assert.equal(api.requests.length, requests + 1, "the heartbeat caused nothing");
  await client.update(Nodes, { ...node, metadata, spec: {} });
  await atRest();
  assert.deepEqual(bindings, ["web to node-1"]);
  await stop();
});

test("a waiting pod is placed when another ends or goes", async () => {
  const { client, addNode, addPod, pod, finish, bindings, stop } = await schedulerScene();
  await addNode({ name: "node-1" });
  await addPod({ name: "first", requests: { cpu: "3" } });
  await addPod({ name: "second", requests: { cpu: "3" } });
  await addPod({ name: "third", requests: { cpu: "3" } });
  assert.deepEqual(bindings, ["first to node-1"]);
  await finish(await pod("first"));
  await atRest();
  assert.equal(bindings.length, 2);
  const [, bound] = bindings.map((binding) => binding.split(" ")[0]!);
  await client.delete(Pods, { namespace: "default", name: bound! }, { body: { gracePeriodSeconds: 0 } });
  await atRest();
  assert.deepEqual(bindings.map((binding) => binding.split(" ")[0]).sort(), ["first", "second", "third"]);
  await stop();
});

test("pods that are bound at once do not take the same room", async () => {
  const { api, client, addNode, bindings, stop } = await schedulerScene();
  await addNode({ name: "node-1" });
  await addNode({ name: "node-2" });
  api.hold();
  await Promise.all(["a", "b", "c"].map((name) => client.create(Pods, makePod({ name, requests: { cpu: "3" } }))));
  api.release();
  await atRest();
  assert.deepEqual(bindings.map((binding) => binding.split(" ")[2]).sort(), ["node-1", "node-2"]);
  await stop();
});

test("pods of other schedulers, pods on their way out and gated pods are left alone", async () => {
  const { client, addNode, addPod, pod, bindings, events, stop } = await schedulerScene();
  await addNode({ name: "node-1" });
  await addPod({ name: "other", schedulerName: "mine" });
  const schedulingGates = [{ name: "example.com/quota" }];
  const going = makePod({ name: "going", schedulingGates });
  await client.create(Pods, { ...going, metadata: { ...going.metadata, finalizers: ["example.com/keep"] } });
  await client.delete(Pods, { namespace: "default", name: "going" });
  const onItsWay = await pod("going");
  await client.update(Pods, { ...onItsWay, spec: { ...onItsWay.spec, schedulingGates: [] } });
  await addPod({ name: "gated", schedulingGates });
  assert.deepEqual([bindings, events], [[], []]);
  const gated = await pod("gated");
  await client.update(Pods, { ...gated, spec: { ...gated.spec, schedulingGates: [] } });
  await atRest();
  assert.deepEqual(bindings, ["gated to node-1"]);
  await stop();
});

test("the pods of other schedulers count for what they take", async () => {
  const { addNode, addPod, bindings, stop } = await schedulerScene();
  await addNode({ name: "node-1" });
  await addPod({ name: "other", schedulerName: "mine", nodeName: "node-1", requests: { cpu: "3" } });
  await addPod({ name: "web", requests: { cpu: "2" } });
  assert.deepEqual(bindings, []);
  await stop();
});

test("a binding that fails gives the room back and is tried again after a pause", async () => {
  const { clock, addNode, addPod, pod, bindings, events, failing, stop } = await schedulerScene();
  await addNode({ name: "node-1" });
  failing.set("web", serviceUnavailable("try later"));
  await addPod({ name: "web", requests: { cpu: "3" } });
  assert.deepEqual(events, ['web FailedScheduling: running Bind plugin "DefaultBinder": try later']);
  assert.equal((await pod("web")).status.conditions?.[0]?.reason, "SchedulerError");
  await addPod({ name: "small", requests: { cpu: "2" } });
  assert.deepEqual(bindings, ["small to node-1"]);
  failing.clear();
  await pass(clock, 1_000);
  assert.match(events.at(-1) ?? "", /^web FailedScheduling: 0\/1 nodes are available: 1 Insufficient cpu\./);
  await stop();
});

test("a binding whose answer is lost keeps its room, also while nothing is seen of it", async () => {
  const api = await FaultyApi.start();
  const { client, addNode, bindings, events, unanswered, stop } = await schedulerScene({}, api, async (request) => {
    if (request.subresource === "binding") api.hold();
  });
  await addNode({ name: "node-1" });
  unanswered.add("web");
  for (const name of ["web", "next"]) await client.create(Pods, makePod({ name, requests: { cpu: "3" } }));
  await atRest();
  assert.deepEqual(bindings, ["web to node-1"]);
  api.release();
  await atRest();
  assert.deepEqual(bindings, ["web to node-1"]);
  assert.ok(events.every((event) => event.startsWith("next FailedScheduling: 0/1 nodes are available")));
  await stop();
});

test("a pod that was deleted while it was bound is forgotten", async () => {
  const { client, clock, addNode, addPod, events, failing, bindings, stop } = await schedulerScene();
  await addNode({ name: "node-1" });
  failing.set("web", conflict(Pods, "web"));
  await addPod({ name: "web", requests: { cpu: "4" } });
  await client.delete(Pods, { namespace: "default", name: "web" });
  await atRest();
  await pass(clock, 60_000);
  assert.equal(events.length, 1);
  await addPod({ name: "next", requests: { cpu: "4" } });
  assert.deepEqual(bindings, ["next to node-1"]);
  await stop();
});

test("the same failure is told once, and again after some minutes", async () => {
  const { clock, addNode, addPod, pod, finish, events, stop } = await schedulerScene();
  await addNode({ name: "node-1" });
  for (const name of ["first", "second", "third"]) await addPod({ name, requests: { cpu: "3" } });
  await finish(await pod("first"));
  await atRest();
  const failures = () => events.filter((event) => event.includes("FailedScheduling"));
  assert.equal(events.length - failures().length, 2, "one of the two that waited was placed");
  assert.equal(failures().length, 2, "the other failed for the same reason as before");
  await pass(clock, 6 * 60_000);
  assert.equal(failures().length, 3);
  await stop();
});

test("a pod that must be near another waits for it", async () => {
  const { addNode, addPod, bindings, stop } = await schedulerScene();
  await addNode({ name: "node-1" });
  await addNode({ name: "node-2" });
  const term = { topologyKey: "kubernetes.io/hostname", labelSelector: { matchLabels: { app: "db" } } };
  const affinity = { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } };
  await addPod({ name: "web", affinity });
  assert.equal(bindings.length, 0);
  await addPod({ name: "other" });
  assert.equal(bindings.length, 1);
  await addPod({ name: "db", labels: { app: "db" } });
  assert.equal(bindings.length, 3);
  assert.equal(bindings[2], bindings[1]?.replace("db", "web"));
  await stop();
});

test("a pod that must be apart from others waits until one of them goes", async () => {
  const { client, addNode, addPod, bindings, events, stop } = await schedulerScene();
  await addNode({ name: "node-1" });
  await addNode({ name: "node-2" });
  const term = { topologyKey: "kubernetes.io/hostname", labelSelector: { matchLabels: { app: "db" } } };
  const affinity = { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } };
  for (const name of ["db-0", "db-1", "db-2"]) await addPod({ name, labels: { app: "db" }, affinity });
  assert.equal(bindings.length, 2);
  assert.match(
    events.at(-1) ?? "",
    /^db-2 FailedScheduling: 0\/2 nodes are available: 2 node\(s\) didn't match pod anti-affinity rules\. /,
  );
  await client.delete(Pods, { namespace: "default", name: "db-0" }, { body: { gracePeriodSeconds: 0 } });
  await atRest();
  assert.equal(bindings[2], bindings[0]?.replace("db-0", "db-2"));
  await stop();
});

test("attempts are counted by how they ended, and pods by where they wait", async () => {
  const { addNode, addPod, failing, metrics, stop } = await schedulerScene();
  await addNode({ name: "node-1" });
  await addPod({ name: "web" });
  await addPod({ name: "large", requests: { cpu: "1000" } });
  failing.set("refused", serviceUnavailable("not now"));
  await addPod({ name: "refused" });
  const counts = [...metrics.text().matchAll(/^scheduler_schedule_attempts_total\{result="(\w+)",.*\} (\d+)$/gm)];
  assert.deepEqual(
    counts.map(([, result, count]) => `${result} ${count}`),
    ["scheduled 1", "unschedulable 1", "error 1"],
  );
  assert.match(
    metrics.text(),
    /scheduler_scheduling_attempt_duration_seconds_count\{result="scheduled",profile="default-scheduler"\} 1/,
  );
  const waiting = [...metrics.text().matchAll(/^scheduler_pending_pods\{queue="(\w+)"\} (\d+)$/gm)];
  assert.deepEqual(
    waiting.map(([, queue, count]) => `${queue} ${count}`),
    ["active 0", "backoff 1", "unschedulable 1", "gated 0"],
  );
  await stop();
});
