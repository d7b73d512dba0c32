import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { atRest, pass } from "../../../test/faulty-api.ts";
import { schedulerScene } from "../../../test/scheduler-scene.ts";
import { type SchedulingPlane, startSchedulingPlane } from "../../../test/scheduling-plane.ts";
import {
  CSIDrivers,
  CSIStorageCapacities,
  type NewObject,
  type PersistentVolume,
  type PersistentVolumeClaim,
  PersistentVolumeClaims,
  PersistentVolumes,
  Pods,
  type StorageClass,
  StorageClasses,
} from "../../api/index.ts";
import { readSchedulerConfiguration } from "../configuration.ts";
import { makePod, type PodOptions } from "../objects-for-tests.ts";

interface Scene extends SchedulingPlane {
  storageClass(name: string, more?: Partial<StorageClass>): Promise<void>;
  volume(name: string, spec?: Partial<PersistentVolume["spec"]>): Promise<void>;
  claim(name: string, spec?: Partial<PersistentVolumeClaim["spec"]>): Promise<void>;
  /** Makes a pod with claims and lets everything happen. */
  pod(name: string, claims: readonly string[], options?: PodOptions): Promise<void>;
}

const key = (name: string) => ({ namespace: "default", name });

/** The binder and the scheduler. */
async function scene(t: TestContext): Promise<Scene> {
  const plane = await startSchedulingPlane(t, ["persistentvolume-controller"]);
  const { create, rest } = plane;
  return {
    ...plane,
    async storageClass(name, more = {}) {
      const late = { provisioner: "kubernetes.io/no-provisioner", volumeBindingMode: "WaitForFirstConsumer" };
      await create(StorageClasses, { metadata: { name }, ...late, ...more } as NewObject<StorageClass>);
      await rest();
    },
    async volume(name, spec = {}) {
      await create(PersistentVolumes, {
        metadata: { name },
        spec: {
          capacity: { storage: "1Gi" },
          accessModes: ["ReadWriteOnce"],
          hostPath: { path: "/srv" },
          storageClassName: "late",
          ...spec,
        },
      });
      await rest();
    },
    async claim(name, spec = {}) {
      await create(PersistentVolumeClaims, {
        metadata: key(name),
        spec: {
          accessModes: ["ReadWriteOnce"],
          resources: { requests: { storage: "1Gi" } },
          storageClassName: "late",
          ...spec,
        },
      });
      await rest();
    },
    async pod(name, claims, options = {}) {
      const volumes = claims.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } }));
      await create(Pods, makePod({ name, volumes, ...options }));
      await rest(1_000);
    },
  };
}

/** A volume that is on one node. */
const on = (node: string): Partial<PersistentVolume["spec"]> => ({
  nodeAffinity: {
    required: {
      nodeSelectorTerms: [{ matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: [node] }] }],
    },
  },
});

const unhelpful = (nodes: number) =>
  `no new claims to deallocate, preemption: 0/${nodes} nodes are available: ${nodes} Preemption is not helpful for scheduling.`;

test("a pod goes to the node that reaches its volume", async (t) => {
  const { node, volume, claim, pod, place } = await scene(t);
  for (const name of ["a", "b", "c"]) await node({ name });
  await volume("disk", { ...on("b"), storageClassName: "" });
  await claim("data", { storageClassName: "" });
  await pod("web", ["data"]);
  assert.equal(await place("web"), "b");
});

test("a pod whose volume no node reaches says so", async (t) => {
  const { node, volume, claim, pod, place } = await scene(t);
  await node({ name: "a" });
  await volume("disk", { ...on("gone"), storageClassName: "" });
  await claim("data", { storageClassName: "" });
  await pod("web", ["data"]);
  const why = "0/1 nodes are available: 1 node(s) didn't match PersistentVolume's node affinity.";
  assert.equal(await place("web"), `${why} ${unhelpful(1)}`);
});

test("a pod with an unbound immediate claim waits, and goes when the claim is bound", async (t) => {
  const { node, volume, claim, pod, place, rest } = await scene(t);
  await node({ name: "a" });
  await node({ name: "b" });
  await claim("data", { storageClassName: "" });
  await pod("web", ["data"]);
  const why = "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims.";
  assert.equal(await place("web"), `${why} not found`);
  await volume("disk", { ...on("a"), storageClassName: "" });
  await rest(2_000);
  assert.equal(await place("web"), "a");
});

test("a pod without its claim waits for it", async (t) => {
  const { node, volume, claim, pod, place, rest } = await scene(t);
  await node({ name: "a" });
  await pod("web", ["data"]);
  assert.match((await place("web")) ?? "", /^0\/1 nodes are available: persistentvolumeclaim "data" not found\./);
  await volume("disk", { storageClassName: "" });
  await claim("data", { storageClassName: "" });
  await rest(2_000);
  assert.equal(await place("web"), "a");
});

test("a claim that waits for its first consumer gets a volume that the pod's node reaches", async (t) => {
  const { client, node, storageClass, volume, claim, pod, place } = await scene(t);
  await storageClass("late");
  await node({ name: "small", allocatable: { cpu: "1" } });
  await node({ name: "large", allocatable: { cpu: "8" } });
  await volume("on-small", on("small"));
  await volume("on-large", { ...on("large"), capacity: { storage: "9Gi" } });
  await claim("data");
  await pod("web", ["data"], { requests: { cpu: "4" } });
  assert.equal(await place("web"), "large");
  const { spec, status } = await client.get(PersistentVolumeClaims, key("data"));
  assert.deepEqual([status.phase, spec.volumeName], ["Bound", "on-large"]);
});

test("pods that come at once never get one volume", async (t) => {
  const { client, list, node, storageClass, volume, claim, create, rest } = await scene(t);
  await storageClass("late");
  await node({ name: "a" });
  for (const name of ["one", "two"]) await volume(name, on("a"));
  for (const name of ["x", "y", "z"]) await claim(name);
  await Promise.all(
    ["x", "y", "z"].map((name) => {
      const volumes = [{ name: "d", persistentVolumeClaim: { claimName: name } }];
      return create(Pods, makePod({ name, volumes }));
    }),
  );
  await rest(3_000);
  const pods = await list(Pods);
  assert.equal(pods.filter(({ spec }) => spec.nodeName === "a").length, 2);
  const without = pods.find(({ spec }) => !spec.nodeName);
  const message = (await client.get(Pods, key(without?.metadata.name ?? ""))).status.conditions?.[0]?.message;
  assert.match(
    message ?? "",
    /^0\/1 nodes are available: 1 node\(s\) didn't find available persistent volumes to bind\./,
  );
  await volume("three", on("a"));
  await rest(10_000);
  assert.equal((await list(Pods)).filter(({ spec }) => spec.nodeName === "a").length, 3);
});

test("a pod's claims are chosen together: the small one leaves the large volume to the large one", async (t) => {
  const { list, node, storageClass, volume, claim, pod, place } = await scene(t);
  await storageClass("late");
  await node({ name: "a" });
  await volume("large", { ...on("a"), capacity: { storage: "9Gi" } });
  await volume("small", on("a"));
  await claim("much", { resources: { requests: { storage: "5Gi" } } });
  await claim("little");
  await pod("web", ["much", "little"]);
  assert.equal(await place("web"), "a");
  const volumes = (await list(PersistentVolumes)).map(
    ({ metadata, spec }) => `${metadata.name}: ${spec.claimRef?.name}`,
  );
  assert.deepEqual(volumes, ["large: much", "small: little"]);
});

test("a volume is made for the node that was selected, and the pod waits for it", async (t) => {
  const { client, node, storageClass, volume, claim, pod, place, rest } = await scene(t);
  await storageClass("late", {
    provisioner: "example.com/disk",
    allowedTopologies: [{ matchLabelExpressions: [{ key: "zone", values: ["x"] }] }],
  });
  await node({ name: "a", labels: { zone: "y" } });
  await node({ name: "b", labels: { zone: "x" } });
  await claim("data");
  await pod("web", ["data"]);
  const { annotations = {} } = (await client.get(PersistentVolumeClaims, key("data"))).metadata;
  assert.equal(annotations["volume.kubernetes.io/selected-node"], "b");
  assert.equal(annotations["volume.kubernetes.io/storage-provisioner"], "example.com/disk");
  assert.equal(await place("web"), undefined);
  await volume("made", { ...on("b"), claimRef: key("data") });
  await rest();
  assert.equal(await place("web"), "b");
});

test("pods that share a claim go together to the node where its volume is made", async (t) => {
  const { client, node, storageClass, volume, claim, pod, place, rest } = await scene(t);
  await storageClass("late", { provisioner: "example.com/disk" });
  for (const name of ["a", "b", "c"]) await node({ name });
  await claim("data");
  for (const name of ["one", "two", "three"]) await pod(name, ["data"]);
  const { metadata } = await client.get(PersistentVolumeClaims, key("data"));
  const selected = metadata.annotations?.["volume.kubernetes.io/selected-node"] ?? "";
  await volume("made", { ...on(selected), claimRef: key("data") });
  await rest(2_000);
  assert.deepEqual(await Promise.all(["one", "two", "three"].map(place)), [selected, selected, selected]);
});

test("a pod whose volume cannot be made on its node is tried elsewhere", async (t) => {
  const { client, node, storageClass, claim, pod, events, rest } = await scene(t);
  await storageClass("late", { provisioner: "example.com/disk" });
  await node({ name: "a" });
  await claim("data");
  await pod("web", ["data"]);
  // So a provisioner says that it cannot.
  const annotations = { "volume.kubernetes.io/selected-node": null };
  await client.patch(PersistentVolumeClaims, key("data"), { metadata: { annotations } });
  await rest();
  assert.match((await events("Pod")).join(), /FailedScheduling .*provisioning failed for PVC "data"/);
  await rest(2_000);
  const { metadata } = await client.get(PersistentVolumeClaims, key("data"));
  assert.equal(metadata.annotations?.["volume.kubernetes.io/selected-node"], "a");
});

test("pods that wait for their volumes keep no other from its node", async (t) => {
  const { node, storageClass, claim, pod, place, create, rest } = await scene(t);
  await storageClass("late", { provisioner: "example.com/disk" });
  await node({ name: "a", allocatable: { pods: "110", cpu: "100" } });
  for (let i = 0; i < 70; i++) {
    await create(PersistentVolumeClaims, {
      metadata: key(`c${i}`),
      spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } }, storageClassName: "late" },
    });
    const volumes = [{ name: "d", persistentVolumeClaim: { claimName: `c${i}` } }];
    await create(Pods, makePod({ name: `p${i}`, volumes }));
  }
  await rest();
  await claim("data");
  await pod("web", []);
  assert.equal(await place("web"), "a");
});

test("a driver that publishes its capacity is asked whether there is enough", async (t) => {
  const { client, create, node, storageClass, claim, pod, place, rest } = await scene(t);
  await storageClass("late", { provisioner: "disk.example.com" });
  await create(CSIDrivers, { metadata: { name: "disk.example.com" }, spec: { storageCapacity: true } });
  await node({ name: "a" });
  await claim("data");
  await pod("web", ["data"]);
  const why = "0/1 nodes are available: 1 node(s) did not have enough free storage.";
  assert.equal(await place("web"), `${why} ${unhelpful(1)}`);
  await create(CSIStorageCapacities, {
    metadata: key("pool"),
    storageClassName: "late",
    nodeTopology: { matchLabels: { "kubernetes.io/hostname": "a" } },
    capacity: "5Gi",
  });
  await rest(2_000);
  const { metadata } = await client.get(PersistentVolumeClaims, key("data"));
  assert.equal(metadata.annotations?.["volume.kubernetes.io/selected-node"], "a");
});

test("a pod whose volume does not come is tried again after ten minutes", async (t) => {
  const { client, node, storageClass, claim, pod, events, rest, place, volume } = await scene(t);
  await storageClass("late", { provisioner: "example.com/disk" });
  await node({ name: "a" });
  await claim("data");
  await pod("web", ["data"]);
  await rest(590_000);
  assert.deepEqual(await events("Pod"), []);
  await rest(20_000);
  assert.match(
    (await events("Pod")).join(),
    /FailedScheduling running PreBind plugin "VolumeBinding": binding volumes: context deadline exceeded/,
  );
  await volume("made", { ...on("a"), claimRef: key("data") });
  await rest(20_000);
  assert.equal(await place("web"), "a");
  assert.equal((await client.get(PersistentVolumeClaims, key("data"))).spec.volumeName, "made");
});

test("a configuration says for how long a pod waits for its volumes", async () => {
  const pluginConfig = [{ name: "VolumeBinding", args: { bindTimeoutSeconds: 5 } }];
  const configuration = readSchedulerConfiguration({
    apiVersion: "kubescheduler.config.k8s.io/v1",
    kind: "KubeSchedulerConfiguration",
    profiles: [{ pluginConfig }],
  });
  const { client, clock, addNode, addPod, events, stop } = await schedulerScene({ configuration });
  await addNode({ name: "a" });
  await client.create(StorageClasses, {
    metadata: { name: "late" },
    provisioner: "example.com/disk",
    volumeBindingMode: "WaitForFirstConsumer",
  });
  await client.create(PersistentVolumeClaims, {
    metadata: key("data"),
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } }, storageClassName: "late" },
  });
  await atRest();
  await addPod({ name: "web", volumes: [{ name: "d", persistentVolumeClaim: { claimName: "data" } }] });
  await pass(clock, 4_000);
  assert.deepEqual(events, []);
  await pass(clock, 2_000);
  assert.deepEqual(events, [
    'web FailedScheduling: running PreBind plugin "VolumeBinding": binding volumes: context deadline exceeded',
  ]);
  await stop();
});
