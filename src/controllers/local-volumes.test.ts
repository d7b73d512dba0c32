import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { startTestControlPlane, type TestControlPlane } from "../../test/control-plane.ts";
import {
  type NewObject,
  Nodes,
  type PersistentVolumeClaim,
  PersistentVolumeClaims,
  PersistentVolumes,
  type StorageClass,
  StorageClasses,
} from "../api/index.ts";

const key = { namespace: "default", name: "data" };
const controllers = ["persistentvolume-controller", "local-volumes", "persistentvolume-protection-controller"];

/** A control plane with a node `a`, a class `standard` and a claim `data` of which node `a` was selected. */
async function scene(
  t: TestContext,
  options: { spec?: object; storageClass?: object; annotations?: object } = {},
): Promise<TestControlPlane> {
  const plane = await startTestControlPlane(t, { controllers });
  const { create, rest } = plane;
  await create(Nodes, {
    metadata: {
      name: "a",
      labels: { "kubernetes.io/hostname": "host-a" },
      annotations: { "roder.io/local-volumes": "/data/volumes" },
    },
  });
  await create(StorageClasses, {
    metadata: { name: "standard" },
    provisioner: "roder.io/local-path",
    volumeBindingMode: "WaitForFirstConsumer",
    allowVolumeExpansion: true,
    ...options.storageClass,
  } as NewObject<StorageClass>);
  const annotations = options.annotations ?? { "volume.kubernetes.io/selected-node": "a" };
  await create(PersistentVolumeClaims, {
    metadata: { ...key, annotations },
    spec: {
      accessModes: ["ReadWriteOnce"],
      resources: { requests: { storage: "1Gi" } },
      storageClassName: "standard",
      ...options.spec,
    },
  } as NewObject<PersistentVolumeClaim>);
  await rest();
  return plane;
}

async function removeClaim({ client, rest }: TestControlPlane): Promise<void> {
  await client.delete(PersistentVolumeClaims, key);
  await client.patch(PersistentVolumeClaims, key, { metadata: { finalizers: null } });
  await rest();
}

test("a claim gets a directory of the node that was selected for it", async (t) => {
  const { client, list, events } = await scene(t);
  const claim = await client.get(PersistentVolumeClaims, key);
  const [volume] = await list(PersistentVolumes);
  const name = `pvc-${claim.metadata.uid}`;
  assert.equal(volume?.metadata.name, name);
  assert.deepEqual([claim.status.phase, volume.status.phase], ["Bound", "Bound"]);
  assert.deepEqual(volume.spec.local, { path: `/data/volumes/${name}` });
  assert.deepEqual(volume.spec.capacity, { storage: "1Gi" });
  assert.deepEqual(volume.spec.nodeAffinity?.required?.nodeSelectorTerms, [
    { matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: ["host-a"] }] },
  ]);
  assert.equal(volume.metadata.annotations?.["pv.kubernetes.io/provisioned-by"], "roder.io/local-path");
  assert.equal(volume.spec.persistentVolumeReclaimPolicy, "Delete");
  const told = (await events("PersistentVolumeClaim")).map((event) => event.split(" ")[1]);
  assert.deepEqual(told.toSorted(), ["ExternalProvisioning", "Provisioning", "ProvisioningSucceeded"]);
});

test("a volume whose claim is gone is to be deleted, and stays until the node has removed its directory", async (t) => {
  const plane = await scene(t);
  await removeClaim(plane);
  const [volume] = await plane.list(PersistentVolumes);
  assert.notEqual(volume?.metadata.deletionTimestamp, undefined);
  assert.deepEqual(volume?.metadata.finalizers, ["roder.io/local-volume"]);
});

test("a volume with the policy Retain stays when its claim is gone", async (t) => {
  const plane = await scene(t, { storageClass: { reclaimPolicy: "Retain" } });
  await removeClaim(plane);
  const [volume] = await plane.list(PersistentVolumes);
  assert.equal(volume?.status.phase, "Released");
  assert.equal(volume.metadata.deletionTimestamp, undefined);
});

test("a volume of a node that is gone goes with it", async (t) => {
  const plane = await scene(t);
  await removeClaim(plane);
  await plane.client.delete(Nodes, { name: "a" });
  await plane.rest();
  assert.deepEqual(await plane.list(PersistentVolumes), []);
});

test("a claim whose node is gone is given back to the scheduler", async (t) => {
  const { client, list } = await scene(t, { annotations: { "volume.kubernetes.io/selected-node": "gone" } });
  const { metadata } = await client.get(PersistentVolumeClaims, key);
  assert.equal(metadata.annotations?.["volume.kubernetes.io/selected-node"], undefined);
  assert.deepEqual(await list(PersistentVolumes), []);
});

test("a claim grows as it asks", async (t) => {
  const { client, list, rest, events } = await scene(t);
  await client.patch(PersistentVolumeClaims, key, { spec: { resources: { requests: { storage: "3Gi" } } } });
  await rest();
  assert.deepEqual((await client.get(PersistentVolumeClaims, key)).status.capacity, { storage: "3Gi" });
  assert.deepEqual((await list(PersistentVolumes))[0]?.spec.capacity, { storage: "3Gi" });
  assert.equal((await events("PersistentVolumeClaim")).at(-1), "Normal VolumeResizeSuccessful Resize volume succeeded");
});

const impossible: readonly (readonly [string, Parameters<typeof scene>[1], string])[] = [
  ["a block device", { spec: { volumeMode: "Block" } }, "a directory of a node is no block device"],
  [
    "a class that does not wait",
    { storageClass: { volumeBindingMode: "Immediate" }, annotations: {} },
    "no node was selected; volumeBindingMode has to be WaitForFirstConsumer",
  ],
];
for (const [what, options, why] of impossible) {
  test(`a claim is told that ${what} cannot be made`, async (t) => {
    const { list, events } = await scene(t, options);
    assert.deepEqual(await list(PersistentVolumes), []);
    const message = `Warning ProvisioningFailed failed to provision volume with StorageClass "standard": ${why}`;
    assert.ok((await events("PersistentVolumeClaim")).includes(message));
  });
}
