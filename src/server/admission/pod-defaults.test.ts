import assert from "node:assert/strict";
import { test } from "node:test";
import { type NewObject, Nodes, type Pod, Pods, PriorityClasses, RuntimeClasses } from "../../api/index.ts";
import { ObjectLookup } from "../lookup-of-objects.ts";
import { defaultTolerationSeconds, taintNodesByCondition } from "./node-taints.ts";
import { podTopologyLabels } from "./pod-topology-labels.ts";
import { ensureSystemPriorityClasses, priority } from "./priority.ts";
import { admitted } from "./request-for-tests.ts";
import { runtimeClass } from "./runtime-class.ts";

const pod = (spec: Partial<Pod["spec"]> = {}): NewObject<Pod> => ({
  metadata: { name: "web", namespace: "green" },
  spec: { containers: [{ name: "web" }], ...spec },
});

const noExecute = (key: string) => ({ key, operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 });

test("pods tolerate lost nodes for five minutes unless they say otherwise", async () => {
  const tolerations = async (given?: Pod["spec"]["tolerations"]) =>
    (await admitted(defaultTolerationSeconds, Pods, { object: pod(given ? { tolerations: given } : {}) })).spec
      .tolerations;
  const notReady = noExecute("node.kubernetes.io/not-ready");
  const unreachable = noExecute("node.kubernetes.io/unreachable");
  assert.deepEqual(await tolerations(), [notReady, unreachable]);
  const everything = { operator: "Exists" };
  assert.deepEqual(await tolerations([everything]), [everything]);
  const own = { key: "node.kubernetes.io/not-ready", operator: "Exists", tolerationSeconds: 5 };
  assert.deepEqual(await tolerations([own]), [own, unreachable]);
  const schedule = { key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoSchedule" };
  assert.deepEqual(await tolerations([schedule]), [schedule, notReady, unreachable]);
});

test("a new node takes no pods until it is ready", async () => {
  const taint = { key: "node.kubernetes.io/not-ready", effect: "NoSchedule" };
  const taints = async (given?: (typeof taint)[]) =>
    (
      await admitted(taintNodesByCondition, Nodes, {
        object: { metadata: { name: "n1" }, spec: given ? { taints: given } : {} },
      })
    ).spec.taints;
  assert.deepEqual(await taints(), [taint]);
  assert.deepEqual(await taints([taint]), [taint]);
});

function priorities() {
  return new ObjectLookup()
    .put(PriorityClasses, { metadata: { name: "high" }, value: 1000, preemptionPolicy: "Never" })
    .put(PriorityClasses, { metadata: { name: "system-node-critical" }, value: 2_000_001_000 });
}

test("a pod's class becomes its number", async () => {
  const plugin = priority(priorities());
  const admit = async (spec: Partial<Pod["spec"]>) => (await admitted(plugin, Pods, { object: pod(spec) })).spec;
  const high = await admit({ priorityClassName: "high" });
  assert.deepEqual([high.priority, high.preemptionPolicy], [1000, "Never"]);
  const none = await admit({});
  assert.deepEqual(
    [none.priorityClassName, none.priority, none.preemptionPolicy],
    [undefined, 0, "PreemptLowerPriority"],
  );
  await assert.rejects(admit({ priorityClassName: "none" }), {
    message: 'pods "web" is forbidden: no PriorityClass with name none was found',
  });
  await assert.rejects(admit({ priorityClassName: "high", priority: 5 }), {
    message:
      'pods "web" is forbidden: the integer value of priority (5) must not be provided in pod spec; priority admission controller computed 1000 from the given PriorityClass name',
  });
  await assert.rejects(
    admit({ preemptionPolicy: "Never" }),
    /the string value of PreemptionPolicy \(Never\) must not be/,
  );
});

test("the default class is for pods that name none, and there is only one", async () => {
  const lookup = priorities().put(PriorityClasses, { metadata: { name: "normal" }, value: 10, globalDefault: true });
  const plugin = priority(lookup);
  const { spec } = await admitted(plugin, Pods, { object: pod() });
  assert.deepEqual([spec.priorityClassName, spec.priority], ["normal", 10]);
  const second = { metadata: { name: "second" }, value: 1, globalDefault: true };
  await assert.rejects(admitted(plugin, PriorityClasses, { object: second }), {
    message:
      'priorityclasses.scheduling.k8s.io "second" is forbidden: PriorityClass normal is already marked as default. Only one default can exist',
  });
  const same = { ...second, metadata: { name: "normal" } };
  await admitted(plugin, PriorityClasses, { object: same, old: same });
});

test("an update that leaves the number out keeps it", async () => {
  const old = pod({ priority: 7, preemptionPolicy: "Never" });
  const { spec } = await admitted(priority(priorities()), Pods, { object: pod(), old });
  assert.deepEqual([spec.priority, spec.preemptionPolicy], [7, "Never"]);
});

test("the system's priority classes are made once", async () => {
  const created: string[] = [];
  const handler = {
    handle: async ({ body }: { body?: unknown }) => {
      created.push((body as { metadata: { name: string } }).metadata.name);
      return { type: "object", code: 201, object: {}, warnings: [] } as const;
    },
  };
  await ensureSystemPriorityClasses(handler, priorities());
  assert.deepEqual(created, ["system-cluster-critical"]);
});

test("a runtime class gives its pods overhead and nodes", async () => {
  const lookup = new ObjectLookup().put(RuntimeClasses, {
    metadata: { name: "vm" },
    handler: "kata",
    overhead: { podFixed: { memory: "64Mi" } },
    scheduling: { nodeSelector: { vm: "yes", constructor: "c" }, tolerations: [{ key: "vm", operator: "Exists" }] },
  });
  const plugin = runtimeClass(lookup);
  const admit = async (spec: Partial<Pod["spec"]>) => (await admitted(plugin, Pods, { object: pod(spec) })).spec;
  const vm = await admit({ runtimeClassName: "vm", nodeSelector: { disk: "ssd" } });
  assert.deepEqual(vm.overhead, { memory: "64Mi" });
  assert.deepEqual(vm.nodeSelector, { disk: "ssd", vm: "yes", constructor: "c" });
  assert.deepEqual(vm.tolerations, [{ key: "vm", operator: "Exists" }]);
  await admit({ runtimeClassName: "vm", overhead: { memory: "65536Ki" } });
  await assert.rejects(admit({ runtimeClassName: "none" }), /pod rejected: RuntimeClass "none" not found/);
  await assert.rejects(
    admit({ runtimeClassName: "vm", overhead: { memory: "1Mi" } }),
    /pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead/,
  );
  await assert.rejects(
    admit({ overhead: { memory: "1Mi" } }),
    /pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead/,
  );
  await assert.rejects(
    admit({ runtimeClassName: "vm", nodeSelector: { vm: "no" } }),
    /conflict: runtimeClass.scheduling.nodeSelector\[vm\] = yes; pod.spec.nodeSelector\[vm\] = no/,
  );
});

test("a pod gets the zone and region of its node as labels when it is bound", async () => {
  const labels = { "topology.kubernetes.io/zone": "a", "topology.kubernetes.io/region": "r", other: "x" };
  const plugin = podTopologyLabels(new ObjectLookup().put(Nodes, { metadata: { name: "n", labels } }));
  const bound = async (name: string) =>
    (
      await admitted(plugin, Pods, {
        object: { metadata: { name: "web" }, target: { kind: "Node", name } } as NewObject<Pod>, // a Binding
        subresource: "binding",
      })
    ).metadata.labels;
  const copied = { "topology.kubernetes.io/zone": "a", "topology.kubernetes.io/region": "r" };
  assert.deepEqual(await bound("n"), copied);
  assert.equal(await bound("unknown"), undefined);
  assert.deepEqual((await admitted(plugin, Pods, { object: pod({ nodeName: "n" }) })).metadata.labels, copied);
});
