import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { atRest, pass } from "../../../test/faulty-api.ts";
import { schedulerScene } from "../../../test/scheduler-scene.ts";
import { type SchedulingPlane, startSchedulingPlane } from "../../../test/scheduling-plane.ts";
import {
  conflict,
  DeviceClasses,
  Pods,
  ResourceClaims,
  ResourceClaimTemplates,
  type ResourceResourceClaim,
  ResourceSlices,
} from "../../api/index.ts";
import { makePod } from "../objects-for-tests.ts";
import { dynamicResourcesArgs } from "../plugin-args.ts";

const key = (name: string) => ({ namespace: "default", name });
const driver = "gpu.example.com";
const spec = { devices: { requests: [{ name: "gpu", exactly: { deviceClassName: "gpus" } }] } };

interface Scene extends SchedulingPlane {
  /** Publishes devices of a node. */
  slice(node: string, devices: readonly string[]): Promise<void>;
  /** Makes a pod with a claim of its own, or with one that is there. */
  pod(name: string, claim?: string): Promise<void>;
  claimOf(pod: string): Promise<ResourceResourceClaim>;
}

async function scene(t: TestContext): Promise<Scene> {
  const plane = await startSchedulingPlane(t, ["resourceclaim-controller"]);
  const { create, client, list, rest } = plane;
  await create(DeviceClasses, {
    metadata: { name: "gpus" },
    spec: { selectors: [{ cel: { expression: `device.driver == "${driver}"` } }] },
  });
  await create(ResourceClaimTemplates, { metadata: key("one-gpu"), spec: { spec } });
  return {
    ...plane,
    async slice(node, devices) {
      const pool = { name: node, generation: 1, resourceSliceCount: 1 };
      await create(ResourceSlices, {
        metadata: { name: `slice-${node}` },
        spec: { driver, nodeName: node, pool, devices: devices.map((name) => ({ name })) },
      });
      await rest();
    },
    async pod(name, claim) {
      const source = claim === undefined ? { resourceClaimTemplateName: "one-gpu" } : { resourceClaimName: claim };
      await create(Pods, makePod({ name, resourceClaims: [{ name: "gpu", ...source }] }));
      await rest(2_000);
    },
    async claimOf(pod) {
      const { uid } = (await client.get(Pods, key(pod))).metadata;
      const claims = await list(ResourceClaims);
      const found = claims.find(({ metadata }) => metadata.ownerReferences?.some((owner) => owner.uid === uid));
      assert.ok(found);
      return found;
    },
  };
}

const unhelpful = (nodes: number, what: string) =>
  `${what}, preemption: 0/${nodes} nodes are available: ${nodes} Preemption is not helpful for scheduling.`;

test("a pod with a claim goes to the node that has the device, and the claim says which", async (t) => {
  const { node, slice, pod, place, claimOf } = await scene(t);
  for (const name of ["a", "b", "c"]) await node({ name });
  await slice("b", ["gpu-0"]);
  await pod("web");
  assert.equal(await place("web"), "b");
  const { status, metadata } = await claimOf("web");
  assert.deepEqual(status.allocation?.devices?.results, [{ request: "gpu", driver, pool: "b", device: "gpu-0" }]);
  assert.deepEqual(
    status.reservedFor?.map(({ resource, name }) => [resource, name]),
    [["pods", "web"]],
  );
  assert.deepEqual(metadata.finalizers, ["resource.kubernetes.io/delete-protection"]);
});

test("two pods never get one device; the second waits and gets it when the first is gone", async (t) => {
  const { client, node, slice, pod, place, rest } = await scene(t);
  await node({ name: "a" });
  await slice("a", ["gpu-0"]);
  await pod("first");
  await pod("second");
  assert.equal(await place("first"), "a");
  const why = "0/1 nodes are available: 1 cannot allocate all claims.";
  assert.equal(await place("second"), `${why} ${unhelpful(1, "still not schedulable")}`);
  await client.delete(Pods, key("first"), { body: { gracePeriodSeconds: 0 } });
  await rest(5_000);
  assert.equal(await place("second"), "a");
});

test("pods that come at once get a device each", async (t) => {
  const { create, list, node, slice, rest, claimOf } = await scene(t);
  await node({ name: "a" });
  await slice("a", ["gpu-0", "gpu-1", "gpu-2"]);
  const names = ["x", "y", "z"];
  await Promise.all(
    names.map((name) =>
      create(Pods, makePod({ name, resourceClaims: [{ name: "gpu", resourceClaimTemplateName: "one-gpu" }] })),
    ),
  );
  await rest(5_000);
  assert.equal((await list(Pods)).filter((each) => each.spec.nodeName === "a").length, 3);
  const devices = await Promise.all(
    names.map(async (name) => (await claimOf(name)).status.allocation?.devices?.results?.[0]?.device),
  );
  assert.equal(new Set(devices).size, 3);
});

test("pods that share a claim share its device and its node", async (t) => {
  const { client, create, node, slice, pod, place } = await scene(t);
  for (const name of ["a", "b"]) await node({ name });
  await slice("b", ["gpu-0"]);
  await create(ResourceClaims, { metadata: key("shared"), spec });
  await pod("one", "shared");
  await pod("two", "shared");
  assert.deepEqual([await place("one"), await place("two")], ["b", "b"]);
  const { status } = await client.get(ResourceClaims, key("shared"));
  assert.deepEqual(status.reservedFor?.map(({ name }) => name).toSorted(), ["one", "two"]);
});

test("a pod whose device class is not there says so, and goes when it is", async (t) => {
  const { create, node, slice, pod, place, rest } = await scene(t);
  await node({ name: "a" });
  await slice("a", ["gpu-0"]);
  const requests = [{ name: "gpu", exactly: { deviceClassName: "later" } }];
  await create(ResourceClaims, { metadata: key("claim"), spec: { devices: { requests } } });
  await pod("web", "claim");
  assert.match(
    (await place("web")) ?? "",
    /^0\/1 nodes are available: request gpu: device class later does not exist\./,
  );
  await create(DeviceClasses, { metadata: { name: "later" }, spec: {} });
  await rest(2_000);
  assert.equal(await place("web"), "a");
});

test("keeps pod pending because of CEL runtime errors: also where another node has the device", async (t) => {
  const { client, create, node, pod, place, rest } = await scene(t);
  for (const [name, attributes] of [
    ["a", { exists: { bool: true } }],
    ["b", {}],
  ] as const) {
    await node({ name });
    const pool = { name, generation: 1, resourceSliceCount: 1 };
    await create(ResourceSlices, {
      metadata: { name },
      spec: { driver, nodeName: name, pool, devices: [{ name: "gpu-0", attributes }] },
    });
  }
  const selectors = [{ cel: { expression: `device.attributes["${driver}"].exists` } }];
  const requests = [{ name: "gpu", exactly: { deviceClassName: "gpus", selectors } }];
  await create(ResourceClaims, { metadata: key("claim"), spec: { devices: { requests } } });
  await pod("web", "claim");
  assert.equal(
    await place("web"),
    'running "DynamicResources" filter plugin: claim default/claim: selector #0: CEL runtime error: no such key: exists',
  );
  const { status } = await client.get(Pods, key("web"));
  assert.equal(status.conditions?.[0]?.reason, "SchedulerError");
  await client.patch(
    ResourceSlices,
    { name: "b" },
    { spec: { devices: [{ name: "gpu-0", attributes: { exists: { bool: false } } }] } },
  );
  await rest(2_000);
  assert.equal(await place("web"), "a");
});

test("a pod is not tried before its claim is there", async (t) => {
  const { create, node, slice, pod, place, rest } = await scene(t);
  await node({ name: "a" });
  await slice("a", ["gpu-0"]);
  await pod("web", "claim");
  assert.equal(await place("web"), undefined);
  await create(ResourceClaims, { metadata: key("claim"), spec });
  await rest(2_000);
  assert.equal(await place("web"), "a");
});

test("devices that keep their pod from every node are given back for others", async (t) => {
  const { client, create, node, slice, pod, place, rest } = await scene(t);
  await node({ name: "a" });
  await slice("a", ["gpu-0"]);
  await create(ResourceClaims, { metadata: key("claim"), spec });
  // Of a node that is gone.
  const matchFields = [{ key: "metadata.name", operator: "In", values: ["gone"] }];
  const allocation = {
    devices: { results: [{ request: "gpu", driver, pool: "gone", device: "gpu-0" }] },
    nodeSelector: { nodeSelectorTerms: [{ matchFields }] },
  };
  const finalizers = ["resource.kubernetes.io/delete-protection"];
  await client.patch(ResourceClaims, key("claim"), { metadata: { finalizers } });
  await client.patch(ResourceClaims, key("claim"), { status: { allocation } }, { subresource: "status" });
  await pod("web", "claim");
  await rest(5_000);
  assert.equal(await place("web"), "a");
});

test("the node is preferred where a claim gets what it would rather have", async (t) => {
  const { create, node, pod, place } = await scene(t);
  for (const [name, model] of [
    ["a", "small"],
    ["b", "large"],
    ["c", "small"],
  ] as const) {
    await node({ name });
    const pool = { name, generation: 1, resourceSliceCount: 1 };
    const devices = [{ name: "gpu-0", attributes: { model: { string: model } } }];
    await create(ResourceSlices, { metadata: { name }, spec: { driver, nodeName: name, pool, devices } });
  }
  const alternative = (name: string) => {
    const expression = `device.attributes["${driver}"].model == "${name}"`;
    return { name, deviceClassName: "gpus", selectors: [{ cel: { expression } }] };
  };
  const requests = [{ name: "gpu", firstAvailable: [alternative("large"), alternative("small")] }];
  await create(ResourceClaims, { metadata: key("claim"), spec: { devices: { requests } } });
  await pod("web", "claim");
  assert.equal(await place("web"), "b");
});

test("devices that do not keep their pod from a node stay with their claim", async (t) => {
  const { client, create, node, slice, pod, place } = await scene(t);
  await node({ name: "a" });
  await slice("a", ["gpu-0"]);
  for (const name of ["has", "lacks"]) await create(ResourceClaims, { metadata: key(name), spec });
  const matchFields = [{ key: "metadata.name", operator: "In", values: ["a"] }];
  const allocation = {
    devices: { results: [{ request: "gpu", driver, pool: "a", device: "gpu-0" }] },
    nodeSelector: { nodeSelectorTerms: [{ matchFields }] },
  };
  await client.patch(ResourceClaims, key("has"), { status: { allocation } }, { subresource: "status" });
  const resourceClaims = ["has", "lacks"].map((name) => ({ name, resourceClaimName: name }));
  await create(Pods, makePod({ name: "web", resourceClaims }));
  await pod("other", "has");
  const why = "0/1 nodes are available: 1 cannot allocate all claims.";
  assert.equal(await place("web"), `${why} ${unhelpful(1, "still not schedulable")}`);
  assert.equal(await place("other"), "a");
});

/** A scheduler without controllers, a node with a device, and a claim for it. */
async function smallScene() {
  const scene = await schedulerScene();
  const { client } = scene;
  await client.create(DeviceClasses, { metadata: { name: "gpus" }, spec: {} });
  await scene.addNode({ name: "a" });
  const pool = { name: "a", generation: 1, resourceSliceCount: 1 };
  const devices = [{ name: "gpu-0" }];
  await client.create(ResourceSlices, { metadata: { name: "a" }, spec: { driver, nodeName: "a", pool, devices } });
  await client.create(ResourceClaims, { metadata: key("claim"), spec });
  await atRest();
  const resourceClaims = [{ name: "gpu", resourceClaimName: "claim" }];
  return { ...scene, addWeb: () => scene.addPod({ name: "web", resourceClaims }) };
}

test("a claim that somebody else writes at the same time is written again", async () => {
  const { api, client, events, bindings, addWeb, stop } = await smallScene();
  let conflicts = 2;
  api.failure = ({ verb, plural }) =>
    verb === "update" && plural === "resourceclaims" && conflicts-- > 0 ? conflict(ResourceClaims, "claim") : undefined;
  await addWeb();
  assert.deepEqual(bindings, ["web to a"]);
  assert.deepEqual(events, ["web Scheduled: Successfully assigned default/web to a"]);
  const { status } = await client.get(ResourceClaims, key("claim"));
  assert.equal(status.reservedFor?.length, 1);
  await stop();
});

test("the devices of a pod that was deleted before it was bound go to the next", async () => {
  const { api, client, clock, bindings, addPod, addWeb, stop } = await smallScene();
  await client.create(ResourceClaims, { metadata: key("next"), spec });
  let write = () => {};
  const held = new Promise<void>((resolve) => {
    write = resolve;
  });
  const handle = api.handle.bind(api);
  api.handle = async (request, user) => {
    if (request.verb === "update" && request.plural === "resourceclaims" && request.name === "claim") await held;
    return handle(request, user);
  };
  await addWeb();
  await addPod({ name: "next", resourceClaims: [{ name: "gpu", resourceClaimName: "next" }] });
  assert.deepEqual(bindings, []);
  await client.delete(Pods, key("web"), { body: { gracePeriodSeconds: 0 } });
  await client.delete(ResourceClaims, key("claim"));
  await pass(clock, 2_000);
  assert.deepEqual(bindings, []);
  write();
  await pass(clock, 4_000);
  assert.deepEqual(bindings, ["next to a"]);
  await stop();
});

test("a claim is no longer reserved for a pod that could not be bound, and keeps its devices", async () => {
  const { client, clock, failing, bindings, addWeb, stop } = await smallScene();
  failing.set("web", new Error("the line is cut"));
  await addWeb();
  await atRest();
  const { status } = await client.get(ResourceClaims, key("claim"));
  assert.deepEqual([status.reservedFor ?? [], status.allocation?.devices?.results?.length], [[], 1]);
  failing.clear();
  await pass(clock, 2_000);
  assert.deepEqual(bindings, ["web to a"]);
  await stop();
});

test("DynamicResourcesArgs say how long a search may take: ten seconds where they say nothing, for ever with 0s", () => {
  const limit = (args?: object) => dynamicResourcesArgs(args).searchMsMax;
  assert.deepEqual(
    [
      limit(),
      limit({ kind: "DynamicResourcesArgs" }),
      limit({ filterTimeout: "250ms" }),
      limit({ filterTimeout: "0s" }),
    ],
    [10_000, 10_000, 250, 0],
  );
});
