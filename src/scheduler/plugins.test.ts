import assert from "node:assert/strict";
import { test } from "node:test";
import { atRest, pass } from "../../test/faulty-api.ts";
import { schedulerScene } from "../../test/scheduler-scene.ts";
import { ConfigMaps, Nodes, Pods, ReplicaSets, Services } from "../api/index.ts";
import { readSchedulerConfiguration } from "./configuration.ts";
import { makePod } from "./objects-for-tests.ts";
import { type Plugin, type PluginDefinition, wakeHint } from "./plugin.ts";
import { impossible, type Rejection, resolvable, unresolvable } from "./rule.ts";

/** A configuration in which the default profile has the plugins too, and another profile has not. */
function withPlugins(...plugins: readonly PluginDefinition[]) {
  const enabled = plugins.map(({ name }) => ({ name }));
  const configuration = readSchedulerConfiguration(
    {
      apiVersion: "kubescheduler.config.k8s.io/v1",
      kind: "KubeSchedulerConfiguration",
      profiles: [{ plugins: { multiPoint: { enabled } } }, { schedulerName: "plain" }],
    },
    plugins,
  );
  return { configuration, plugins };
}

test("a plugin excludes and rates nodes by what it likes, also by what Kubernetes' own rules do not read", async () => {
  const quiet: PluginDefinition = {
    name: "Quiet",
    create: () => ({
      name: "Quiet",
      filter: {
        name: "Quiet",
        prepare: ({ pod }) => {
          if (pod.metadata.labels?.quiet === undefined) return undefined;
          return ({ node }) => (node.metadata.labels?.loud ? unresolvable("node(s) were loud") : undefined);
        },
      },
      score: {
        name: "Quiet",
        weight: 10,
        prepare: () => ({ rate: ({ node }) => Number(node.metadata.annotations?.quietness ?? 0) }),
      },
    }),
  };
  const scene = await schedulerScene(withPlugins(quiet));
  await scene.addNode({ name: "loud", labels: { loud: "yes" } });
  await scene.addPod({ name: "shy", labels: { quiet: "yes" } });
  assert.match((await scene.pod("shy")).status.conditions?.[0]?.message ?? "", /1 node\(s\) were loud/);
  const node = await scene.addNode({ name: "library" });
  await pass(scene.clock, 20_000);
  assert.equal((await scene.pod("shy")).spec.nodeName, "library");
  await scene.client.patch(Nodes, { name: node.metadata.name }, { metadata: { annotations: { quietness: "100" } } });
  await atRest();
  for (const name of ["a", "b", "c"]) await scene.addPod({ name, requests: { cpu: "500m" } });
  for (const name of ["a", "b", "c"]) assert.equal((await scene.pod(name)).spec.nodeName, "library");
  await scene.stop();
});

test("pods go by the profile that they name, and those of no profile are left alone", async () => {
  const never: PluginDefinition = {
    name: "Never",
    create: () => ({ name: "Never", filter: { name: "Never", prepare: () => unresolvable("nothing suits") } }),
  };
  const scene = await schedulerScene(withPlugins(never));
  await scene.addNode();
  await scene.addPod({ name: "usual" });
  await scene.addPod({ name: "plain", schedulerName: "plain" });
  await scene.addPod({ name: "other", schedulerName: "nobody" });
  assert.match(
    (await scene.pod("usual")).status.conditions?.[0]?.message ?? "",
    /^0\/1 nodes are available: nothing suits\. .*preemption: 0\/1 nodes are available: 1 Preemption is not helpful/,
  );
  assert.equal((await scene.pod("plain")).spec.nodeName, "node");
  assert.equal((await scene.pod("other")).status.conditions, undefined);
  await scene.stop();
});

test("a plugin claims, waits and writes before the binding, and gives back what failed", async () => {
  const steps: string[] = [];
  let fails = true;
  const plugin: Plugin = {
    name: "Steps",
    reserve: ({ pod }, nodeName) => {
      steps.push(`reserve ${pod.metadata.name} on ${nodeName}`);
      return pod.metadata.name === "refused" ? resolvable("no ticket left") : undefined;
    },
    unreserve: ({ pod }) => steps.push(`unreserve ${pod.metadata.name}`),
    permit: async ({ pod }) => {
      steps.push(`permit ${pod.metadata.name}`);
      return undefined;
    },
    preBind: async ({ pod }) => {
      steps.push(`preBind ${pod.metadata.name}`);
      if (fails) throw new Error("the printer is out of paper");
    },
  };
  const scene = await schedulerScene(withPlugins({ name: "Steps", create: () => plugin }));
  await scene.addNode();
  await scene.addPod({ name: "web" });
  const first = ["reserve web on node", "permit web", "preBind web", "unreserve web"];
  assert.deepEqual(steps, first);
  assert.deepEqual(scene.events, ['web FailedScheduling: running PreBind plugin "Steps": the printer is out of paper']);
  fails = false;
  await pass(scene.clock, 2_000);
  assert.deepEqual(steps, [...first, "reserve web on node", "permit web", "preBind web"]);
  assert.deepEqual(scene.bindings, ["web to node"]);
  steps.length = 0;
  await scene.addPod({ name: "refused" });
  assert.deepEqual(steps, ["reserve refused on node", "unreserve refused"]);
  assert.match(
    (await scene.pod("refused")).status.conditions?.[0]?.message ?? "",
    /^0\/1 nodes are available: 1 no ticket left\./,
  );
  await scene.stop();
});

test("a pod that waits to be bound is nominated to its node, and no longer when that failed", async () => {
  const answer = Promise.withResolvers<Rejection | undefined>();
  const permit: PluginDefinition["create"] = () => ({
    name: "Wait",
    bindsFor: ({ pod }) => pod.metadata.name === "web",
    permit: () => answer.promise,
  });
  const scene = await schedulerScene(withPlugins({ name: "Wait", create: permit }));
  await scene.addNode({ allocatable: { cpu: "4" } });
  await scene.addPod({ name: "web", requests: { cpu: "2" } });
  assert.equal((await scene.pod("web")).status.nominatedNodeName, "node");
  // Its room is counted once.
  await scene.addPod({ name: "other", requests: { cpu: "2" } });
  assert.equal((await scene.pod("other")).status.nominatedNodeName, undefined, "who is bound at once is not nominated");
  assert.deepEqual(scene.bindings, ["other to node"]);
  answer.resolve(resolvable("no ticket left"));
  await atRest();
  const { status } = await scene.pod("web");
  assert.equal(status.nominatedNodeName, undefined);
  assert.equal(status.conditions?.[0]?.reason, "Unschedulable");
  assert.equal(status.conditions?.[0]?.message, "0/1 nodes are available: 1 no ticket left.");
  await scene.stop();
});

test("bindings that wait have a bound: one more is tried again later, and those that need not wait are bound", async () => {
  const waitsMax = 1_000;
  const answer = Promise.withResolvers<undefined>();
  let waiting = 0;
  const permit: PluginDefinition["create"] = () => ({
    name: "Wait",
    bindsFor: ({ pod }) => pod.metadata.labels?.waits !== undefined,
    permit: () => {
      waiting++;
      return answer.promise;
    },
  });
  const scene = await schedulerScene(withPlugins({ name: "Wait", create: permit }));
  await scene.addNode({ allocatable: { pods: "2000" } });
  const waits = (name: string) => makePod({ name, labels: { waits: "" } });
  for (let i = 0; i < waitsMax; i++) await scene.client.create(Pods, waits(`p${i}`));
  await atRest();
  assert.equal(waiting, waitsMax);
  await scene.client.create(Pods, waits("late"));
  await scene.addPod({ name: "other" });
  assert.equal(waiting, waitsMax);
  assert.deepEqual(scene.events, [
    "late FailedScheduling: 1000 other pods wait to be bound",
    "other Scheduled: Successfully assigned default/other to node",
  ]);
  answer.resolve(undefined);
  await pass(scene.clock, 2_000);
  assert.equal((await scene.pod("late")).spec.nodeName, "node");
  await scene.stop();
});

test("what happens while a plugin thinks about a pod counts when it rejects the pod then", async () => {
  let tickets = 0;
  const answer = Promise.withResolvers<void>();
  const booth: PluginDefinition["create"] = () => ({
    name: "Booth",
    permit: async () => {
      const left = tickets;
      await answer.promise;
      return left > 0 ? undefined : resolvable("no ticket left");
    },
    wakes: [wakeHint(ConfigMaps, () => true)],
  });
  const scene = await schedulerScene(withPlugins({ name: "Booth", create: booth }));
  await scene.addNode();
  await scene.addPod({ name: "web" });
  tickets = 1;
  const metadata = { namespace: "default", name: "tickets" };
  await scene.client.create(ConfigMaps, { apiVersion: "v1", kind: "ConfigMap", metadata });
  await atRest();
  answer.resolve();
  await pass(scene.clock, 20_000);
  assert.deepEqual(scene.bindings, ["web to node"]);
  await scene.stop();
});

test("a pod that is deleted while it waits to be bound leaves its room at once", async () => {
  const answer = Promise.withResolvers<Rejection | undefined>();
  const permit: PluginDefinition["create"] = () => ({
    name: "Wait",
    bindsFor: ({ pod }) => pod.metadata.name === "web",
    permit: () => answer.promise,
  });
  const scene = await schedulerScene(withPlugins({ name: "Wait", create: permit }));
  await scene.addNode({ allocatable: { cpu: "4" } });
  const web = makePod({ name: "web", requests: { cpu: "4" } });
  await scene.client.create(Pods, { ...web, metadata: { ...web.metadata, finalizers: ["example.com/keep"] } });
  await atRest();
  await scene.addPod({ name: "other", requests: { cpu: "4" } });
  assert.deepEqual(scene.bindings, []);
  await scene.client.delete(Pods, { namespace: "default", name: "web" });
  await pass(scene.clock, 2_000);
  assert.deepEqual(scene.bindings, ["other to node"]);
  answer.resolve(undefined);
  await pass(scene.clock, 2_000);
  assert.deepEqual(scene.bindings, ["other to node"]);
  await scene.stop();
});

test("a nomination ends with an attempt that ends with an error", async () => {
  const broken: PluginDefinition = {
    name: "Broken",
    create: () => ({ name: "Broken", filter: { name: "Broken", prepare: () => () => impossible("cannot be read") } }),
  };
  const scene = await schedulerScene(withPlugins(broken));
  await scene.addNode();
  const gated = await scene.addPod({ name: "web", schedulingGates: [{ name: "example.com/wait" }] });
  const patch = { status: { nominatedNodeName: "node" } };
  await scene.client.patch(Pods, { namespace: "default", name: "web" }, patch, { subresource: "status" });
  const { spec, ...nominated } = await scene.pod(gated.metadata.name);
  await scene.client.update(Pods, { ...nominated, spec: { ...spec, schedulingGates: [] } });
  await atRest();
  const { status } = await scene.pod("web");
  assert.equal(status.nominatedNodeName, undefined);
  assert.equal(status.conditions?.[0]?.reason, "SchedulerError");
  assert.equal(status.conditions?.[0]?.message, 'running "Broken" filter plugin: cannot be read');
  await scene.stop();
});

test("a plugin keeps pods out of the queue until a change that it watches lets them in", async () => {
  const gate: PluginDefinition = {
    name: "Gate",
    create: ({ informer }) => {
      const configMaps = informer(ConfigMaps);
      return {
        name: "Gate",
        preEnqueue: (pod) => (configMaps.get(`default/open-${pod.metadata.name}`) ? undefined : "the gate is closed"),
        wakes: [wakeHint(ConfigMaps, (pod, { object }) => object.metadata.name === `open-${pod.metadata.name}`)],
      };
    },
  };
  const scene = await schedulerScene(withPlugins(gate));
  await scene.addNode();
  await scene.addPod({ name: "web" });
  await scene.addPod({ name: "db" });
  assert.deepEqual(scene.bindings, []);
  await scene.client.create(ConfigMaps, { metadata: { namespace: "default", name: "open-web" } });
  await atRest();
  assert.deepEqual(scene.bindings, ["web to node"]);
  await scene.stop();
});

test("what a plugin watches may be seen after the pods when the scheduler starts", async () => {
  const gate: PluginDefinition = {
    name: "Gate",
    create: ({ informer }) => {
      const configMaps = informer(ConfigMaps);
      return {
        name: "Gate",
        preEnqueue: () => (configMaps.get("default/open") ? undefined : "the gate is closed"),
        wakes: [wakeHint(ConfigMaps, () => true)],
      };
    },
  };
  const before = await schedulerScene(withPlugins(gate));
  await before.addNode();
  await before.addPod({ name: "web" });
  await before.stop();
  await before.client.create(ConfigMaps, { metadata: { namespace: "default", name: "open" } });
  let release = () => {};
  const listed = new Promise<void>((resolve) => {
    release = resolve;
  });
  const after = await schedulerScene(withPlugins(gate), before.api, async ({ plural }) => {
    if (plural === "configmaps") await listed;
  });
  assert.deepEqual(after.bindings, []);
  release();
  await atRest();
  assert.deepEqual(after.bindings, ["web to node"]);
  await after.stop();
});

test("a plugin that fails with one pod keeps no other from its node, and says so with that pod", async () => {
  let fails = true;
  const broken: PluginDefinition = {
    name: "Broken",
    create: () => ({
      name: "Broken",
      preEnqueue: () => {
        throw new Error("nobody there");
      },
      filter: {
        name: "Broken",
        prepare: ({ pod }) => {
          if (fails && pod.metadata.name === "unlucky") throw new Error("division by zero");
          return undefined;
        },
      },
      reserve: ({ pod }) => {
        if (fails && pod.metadata.name === "heavy") throw new Error("out of range");
        return undefined;
      },
    }),
  };
  const scene = await schedulerScene(withPlugins(broken));
  await scene.addNode();
  await scene.addPod({ name: "unlucky" });
  await scene.addPod({ name: "heavy", requests: { cpu: "3" } });
  // It finds the room that was not taken after all.
  await scene.addPod({ name: "web", requests: { cpu: "2" } });
  assert.deepEqual(scene.bindings, ["web to node"]);
  assert.ok(scene.events.includes("unlucky FailedScheduling: division by zero"));
  fails = false;
  await pass(scene.clock, 20_000);
  assert.deepEqual(scene.bindings, ["web to node", "unlucky to node"]);
  assert.ok(scene.events.includes("heavy FailedScheduling: out of range"));
  await scene.stop();
});

test("a pod with scheduling gates is tried when the last of them is taken away", async () => {
  const scene = await schedulerScene();
  await scene.addNode();
  const pod = await scene.addPod({ name: "web", schedulingGates: [{ name: "quota" }] });
  await pass(scene.clock, 10 * 60_000);
  assert.deepEqual(scene.bindings, []);
  await scene.client.update(Pods, { ...pod, spec: { ...pod.spec, schedulingGates: [] } });
  await atRest();
  assert.deepEqual(scene.bindings, ["web to node"]);
  await scene.stop();
});

test("the pods of a workload and of a service are spread without being told to", async () => {
  const scene = await schedulerScene();
  const labels = { app: "web" };
  for (const zone of ["x", "y"])
    for (const index of [0, 1])
      await scene.addNode({ name: `${zone}-${index}`, labels: { "topology.kubernetes.io/zone": zone } });
  const template = { metadata: { labels }, spec: { containers: [{ name: "c", image: "i" }] } };
  await scene.client.create(ReplicaSets, {
    metadata: { namespace: "default", name: "web" },
    spec: { selector: { matchLabels: labels }, template },
  });
  await scene.client.create(Services, {
    metadata: { namespace: "default", name: "web" },
    spec: { selector: { app: "other" }, ports: [{ port: 80 }] },
  });
  await atRest();
  // Something else makes the first node the emptiest, for whoever looks at nothing else.
  for (const node of ["x-1", "y-0", "y-1"])
    await scene.addPod({ name: `busy-${node}`, nodeName: node, requests: { cpu: "1500m", memory: "3Gi" } });
  await scene.addPod({ name: "web-0", labels });
  // What was found before is not to be believed any more.
  await scene.client.patch(Services, { namespace: "default", name: "web" }, { spec: { selector: labels } });
  await atRest();
  for (let index = 1; index < 8; index++) await scene.addPod({ name: `web-${index}`, labels });
  const { items } = await scene.client.list(Pods, { namespace: "default", labelSelector: "app=web" });
  const counts: Record<string, number> = {};
  for (const { spec } of items) counts[spec.nodeName ?? ""] = (counts[spec.nodeName ?? ""] ?? 0) + 1;
  // By the room alone all of them would be on the first.
  assert.equal(Object.keys(counts).length, 4);
  assert.ok(Math.max(...Object.values(counts)) <= 3, JSON.stringify(counts));
  await scene.stop();
});
