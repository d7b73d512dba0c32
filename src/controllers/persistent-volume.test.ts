import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { startTestControlPlane, type TestControlPlane } from "../../test/control-plane.ts";
import {
  type NewObject,
  type PersistentVolume,
  type PersistentVolumeClaim,
  PersistentVolumeClaims,
  PersistentVolumes,
  Pods,
  ServiceAccounts,
  StorageClasses,
  serviceUnavailable,
} from "../api/index.ts";

type VolumeSpec = Partial<PersistentVolume["spec"]>;
type ClaimSpec = Partial<PersistentVolumeClaim["spec"]>;

interface Scene extends TestControlPlane {
  volume(name: string, spec?: VolumeSpec, metadata?: object): Promise<PersistentVolume>;
  claim(name: string, spec?: ClaimSpec, metadata?: object): Promise<PersistentVolumeClaim>;
  storageClass(name: string, provisioner: string, mode: string, metadata?: object): Promise<void>;
  /** `name phase claim` of each volume, then `name phase volume` of each claim. */
  state(): Promise<readonly string[]>;
}

const key = (name: string) => ({ namespace: "default", name });

async function scene(t: TestContext): Promise<Scene> {
  const plane = await startTestControlPlane(t, { controllers: ["persistentvolume-controller"] });
  const { create, rest, list } = plane;
  return {
    ...plane,
    async volume(name, spec = {}, metadata = {}) {
      const made = await create(PersistentVolumes, newVolume(name, spec, metadata));
      await rest();
      return made;
    },
    async claim(name, spec = {}, metadata = {}) {
      const made = await create(PersistentVolumeClaims, newClaim(name, spec, metadata));
      await rest();
      return made;
    },
    async storageClass(name, provisioner, volumeBindingMode, metadata = {}) {
      await create(StorageClasses, { metadata: { name, ...metadata }, provisioner, volumeBindingMode });
      await rest();
    },
    async state() {
      const volumes = await list(PersistentVolumes);
      const claims = await list(PersistentVolumeClaims);
      return [
        ...volumes.map(({ metadata, spec, status }) =>
          `${metadata.name} ${status.phase} ${spec.claimRef?.name ?? ""}`.trim(),
        ),
        ...claims.map(({ metadata, spec, status }) =>
          `${metadata.name} ${status.phase} ${spec.volumeName ?? ""}`.trim(),
        ),
      ];
    },
  };
}

const newVolume = (name: string, spec: VolumeSpec, metadata: object = {}): NewObject<PersistentVolume> => ({
  metadata: { name, ...metadata },
  spec: { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], hostPath: { path: "/srv" }, ...spec },
});

const newClaim = (name: string, spec: ClaimSpec, metadata: object = {}): NewObject<PersistentVolumeClaim> => ({
  metadata: { ...key(name), ...metadata },
  spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } }, ...spec },
});

const size = (storage: string): VolumeSpec => ({ capacity: { storage } });

test("a claim is bound to the smallest volume that is large enough, and both say so", async (t) => {
  const { volume, claim, state, client } = await scene(t);
  await volume("small", size("512Mi"));
  await volume("large", size("5Gi"));
  await volume("right", size("2Gi"));
  await claim("data");
  assert.deepEqual(await state(), ["large Available", "right Bound data", "small Available", "data Bound right"]);
  const bound = await client.get(PersistentVolumeClaims, key("data"));
  assert.deepEqual(bound.metadata.annotations, {
    "pv.kubernetes.io/bind-completed": "yes",
    "pv.kubernetes.io/bound-by-controller": "yes",
  });
  assert.deepEqual(bound.status.capacity, { storage: "2Gi" });
  assert.deepEqual(bound.status.accessModes, ["ReadWriteOnce"]);
  const right = await client.get(PersistentVolumes, { name: "right" });
  assert.deepEqual(right.metadata.annotations, { "pv.kubernetes.io/bound-by-controller": "yes" });
  assert.equal(right.spec.claimRef?.uid, bound.metadata.uid);
});

test("a volume with no other access modes comes before a smaller one that has them", async (t) => {
  const { volume, claim, state } = await scene(t);
  await volume("both", { accessModes: ["ReadWriteOnce", "ReadOnlyMany"] });
  await volume("one", size("9Gi"));
  await claim("data");
  assert.deepEqual((await state()).at(-1), "data Bound one");
});

const unsuitable: readonly (readonly [string, VolumeSpec, ClaimSpec, object?])[] = [
  ["of another class", { storageClassName: "slow" }, {}],
  ["with other access modes", { accessModes: ["ReadOnlyMany"] }, {}],
  ["that is too small", size("100Mi"), {}],
  ["that is a block device", { volumeMode: "Block" }, {}],
  ["with other labels", {}, { selector: { matchLabels: { disk: "ssd" } } }, { labels: { disk: "hdd" } }],
  ["with other attributes", {}, { volumeAttributesClassName: "gold" }],
  ["that is reserved for another claim", { claimRef: key("other") }, {}],
];
for (const [why, volumeSpec, claimSpec, metadata] of unsuitable) {
  test(`a claim does not get a volume ${why}`, async (t) => {
    const { volume, claim, state, events } = await scene(t);
    await volume("disk", volumeSpec, metadata);
    await claim("data", claimSpec);
    assert.deepEqual((await state()).at(-1), "data Pending");
    const message = "no persistent volumes available for this claim and no storage class is set";
    assert.deepEqual(await events("PersistentVolumeClaim"), [`Normal FailedBinding ${message}`]);
  });
}

test("a claim that waits gets the volume that comes", async (t) => {
  const { volume, claim, state } = await scene(t);
  await claim("data");
  await volume("disk");
  assert.deepEqual(await state(), ["disk Bound data", "data Bound disk"]);
});

test("two claims never get one volume", async (t) => {
  const { client, volume, rest, state } = await scene(t);
  await volume("disk");
  await Promise.all(["a", "b"].map((name) => client.create(PersistentVolumeClaims, newClaim(name, {}))));
  await rest();
  assert.deepEqual((await state()).slice(1).sort(), ["a Bound disk", "b Pending"]);
});

test("a claim that names a volume gets that one and keeps the user's word for it", async (t) => {
  const { volume, claim, state, client } = await scene(t);
  await volume("other");
  await volume("wanted", size("9Gi"));
  await claim("data", { volumeName: "wanted" });
  assert.deepEqual(await state(), ["other Available", "wanted Bound data", "data Bound wanted"]);
  const { metadata } = await client.get(PersistentVolumeClaims, key("data"));
  assert.deepEqual(metadata.annotations, { "pv.kubernetes.io/bind-completed": "yes" });
});

test("a claim is told why the volume that it names is not for it", async (t) => {
  const { volume, claim, events } = await scene(t);
  await volume("disk");
  await claim("large", { volumeName: "disk", resources: { requests: { storage: "2Gi" } } });
  await claim("first", { volumeName: "disk" });
  await claim("second", { volumeName: "disk" });
  assert.deepEqual((await events("PersistentVolumeClaim")).toSorted(), [
    'Warning FailedBinding volume "disk" already bound to a different claim.',
    'Warning FailedBinding volume "disk" already bound to a different claim.',
    'Warning VolumeMismatch Cannot bind to requested volume "disk": requested PV is too small',
  ]);
});

test("a volume that is reserved for a claim waits for it", async (t) => {
  const { volume, claim, state, client } = await scene(t);
  await volume("disk", { claimRef: key("data"), storageClassName: "manual" });
  assert.deepEqual(await state(), ["disk Available data"]);
  await claim("data");
  assert.deepEqual(await state(), ["disk Bound data", "data Bound disk"]);
  const { metadata } = await client.get(PersistentVolumes, { name: "disk" });
  assert.equal(metadata.annotations?.["pv.kubernetes.io/bound-by-controller"], undefined);
});

test("a reservation in another volume mode is told to both", async (t) => {
  const { client, claim, rest, volume, events } = await scene(t);
  const { metadata } = await claim("data", { storageClassName: "none" });
  const claimRef = { ...key("data"), uid: metadata.uid };
  await volume("disk", { claimRef, volumeMode: "Block", storageClassName: "none" });
  await client.patch(PersistentVolumes, { name: "disk" }, { metadata: { labels: { a: "b" } } });
  await rest();
  const why = "due to incompatible volumeMode.";
  assert.match((await events("PersistentVolume")).join(), new RegExp(`VolumeMismatch .* "data" ${why}`));
  assert.match((await events("PersistentVolumeClaim")).join(), new RegExp(`VolumeMismatch .*"disk" to .* ${why}`));
});

test("a released volume with the policy Retain stays as it is", async (t) => {
  const { volume, claim, client, rest, state } = await scene(t);
  await volume("disk");
  await claim("data");
  await removeClaim(client, "data");
  await rest();
  assert.deepEqual(await state(), ["disk Released data"]);
  await claim("data");
  assert.deepEqual(await state(), ["disk Released data", "data Pending"]);
});

async function removeClaim(client: TestControlPlane["client"], name: string): Promise<void> {
  await client.delete(PersistentVolumeClaims, key(name));
  await client.patch(PersistentVolumeClaims, key(name), { metadata: { finalizers: null } });
}

test("a volume that nobody can delete or recycle fails with the reason", async (t) => {
  const { create, volume, claim, client, rest, state, events } = await scene(t);
  const persistentVolumeReclaimPolicy = "Delete";
  const csi = { driver: "disk.example.com", volumeHandle: "1" };
  const annotated = (name: string) => ({ annotations: { [`pv.kubernetes.io/${name}`]: "example.com/disk" } });
  await volume("directory", { persistentVolumeReclaimPolicy });
  await create(PersistentVolumes, {
    metadata: { name: "by-hand" },
    spec: { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], persistentVolumeReclaimPolicy, csi },
  });
  await volume("external", { persistentVolumeReclaimPolicy }, annotated("provisioned-by"));
  await volume("moved", { persistentVolumeReclaimPolicy }, annotated("migrated-to"));
  await volume("recycle", { persistentVolumeReclaimPolicy: "Recycle" });
  const names = ["directory", "by-hand", "external", "moved", "recycle"];
  for (const name of names) await claim(name, { volumeName: name });
  for (const name of names) await removeClaim(client, name);
  await rest();
  assert.deepEqual(await state(), [
    "by-hand Failed by-hand",
    "directory Failed directory",
    "external Released external",
    "moved Released moved",
    "recycle Failed recycle",
  ]);
  assert.deepEqual((await events("PersistentVolume")).toSorted(), [
    'Warning VolumeFailedDelete error getting deleter volume plugin for volume "by-hand": no deletable volume plugin matched',
    "Warning VolumeFailedDelete host_path deleter only supports /tmp/.+ but received provided /srv",
    "Warning VolumeFailedRecycle No recycler plugin found for the volume!",
  ]);
});

test("a claim whose volume is gone is lost, and found when it is back", async (t) => {
  const { volume, claim, client, rest, state, events } = await scene(t);
  await volume("disk");
  await claim("data");
  await client.delete(PersistentVolumes, { name: "disk" });
  await client.patch(PersistentVolumes, { name: "disk" }, { metadata: { finalizers: null } });
  await rest();
  assert.deepEqual(await state(), ["data Lost disk"]);
  assert.deepEqual(await events("PersistentVolumeClaim"), [
    "Warning ClaimLost Bound claim has lost its PersistentVolume. Data on the volume is lost!",
  ]);
  await volume("disk");
  assert.deepEqual(await state(), ["disk Bound data", "data Bound disk"]);
});

test("of two claims bound to one volume the one that the volume does not name is lost", async (t) => {
  const { volume, claim, state, events } = await scene(t);
  await volume("disk");
  await claim("data");
  const annotations = { "pv.kubernetes.io/bind-completed": "yes" };
  await claim("thief", { volumeName: "disk" }, { annotations });
  assert.deepEqual(await state(), ["disk Bound data", "data Bound disk", "thief Lost disk"]);
  assert.deepEqual(await events("PersistentVolumeClaim"), [
    "Warning ClaimMisbound Two claims are bound to the same volume, this one is bound incorrectly",
  ]);
});

test("a volume that was bound to a claim with another one is freed", async (t) => {
  const { volume, claim, state } = await scene(t);
  await volume("one");
  const { metadata } = await claim("data");
  const claimRef = { ...key("data"), uid: metadata.uid };
  await volume("two", { claimRef }, { annotations: { "pv.kubernetes.io/bound-by-controller": "yes" } });
  await volume("three", { claimRef });
  assert.deepEqual(await state(), ["one Bound data", "three Available data", "two Available", "data Bound one"]);
});

test("a class that waits for the first consumer leaves the choice to the scheduler", async (t) => {
  const { storageClass, volume, claim, create, client, rest, state, events } = await scene(t);
  await storageClass("late", "kubernetes.io/no-provisioner", "WaitForFirstConsumer");
  await volume("disk", { storageClassName: "late" });
  await claim("data", { storageClassName: "late" });
  assert.deepEqual(await state(), ["disk Available", "data Pending"]);
  await create(ServiceAccounts, { metadata: key("default") });
  await create(Pods, {
    metadata: key("web"),
    spec: {
      containers: [{ name: "web", image: "web:1" }],
      volumes: [{ name: "d", persistentVolumeClaim: { claimName: "data" } }],
    },
  });
  await rest();
  assert.deepEqual(await events("PersistentVolumeClaim"), [
    "Normal WaitForFirstConsumer waiting for first consumer to be created before binding",
    "Normal WaitForPodScheduled waiting for pod web to be scheduled",
  ]);
  const { uid } = (await client.get(PersistentVolumeClaims, key("data"))).metadata;
  // So the scheduler reserves.
  await client.patch(PersistentVolumes, { name: "disk" }, { spec: { claimRef: { ...key("data"), uid } } });
  await rest();
  assert.deepEqual(await state(), ["disk Bound data", "data Bound disk"]);
});

test("a claim is handed to the provisioner of its class", async (t) => {
  const { storageClass, claim, client, events } = await scene(t);
  await claim("lost", { storageClassName: "missing" });
  await storageClass("fast", "example.com/disk", "Immediate");
  await storageClass("old", "kubernetes.io/no-provisioner", "Immediate");
  await claim("data", { storageClassName: "fast" });
  await claim("older", { storageClassName: "old" });
  const { metadata } = await client.get(PersistentVolumeClaims, key("data"));
  assert.deepEqual(metadata.annotations, {
    "volume.beta.kubernetes.io/storage-provisioner": "example.com/disk",
    "volume.kubernetes.io/storage-provisioner": "example.com/disk",
  });
  assert.deepEqual((await events("PersistentVolumeClaim")).map((event) => event.replace(/ \(\d+\)$/, "")).toSorted(), [
    "Normal ExternalProvisioning Waiting for a volume to be created either by the external provisioner 'example.com/disk' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.",
    "Warning ProvisioningFailed no volume plugin matched name: kubernetes.io/no-provisioner",
    'Warning ProvisioningFailed storageclass.storage.k8s.io "missing" not found',
  ]);
});

test("a claim from before there was a default class gets it", async (t) => {
  const { storageClass, claim, client } = await scene(t);
  await claim("data");
  await claim("none", { storageClassName: "" });
  const annotations = { "storageclass.kubernetes.io/is-default-class": "true" };
  await storageClass("standard", "example.com/disk", "WaitForFirstConsumer", { annotations });
  assert.equal((await client.get(PersistentVolumeClaims, key("data"))).spec.storageClassName, "standard");
  assert.equal((await client.get(PersistentVolumeClaims, key("none"))).spec.storageClassName, "");
});

test("what others say in the status of volume and claim stays", async (t) => {
  const { volume, claim, client, rest } = await scene(t);
  await volume("disk");
  await claim("data");
  const status = { message: "StatusPatched", reason: "E2E patchStatus" };
  await client.patch(PersistentVolumes, { name: "disk" }, { status }, { subresource: "status" });
  const conditions = [{ type: "StatusPatched", status: "True", reason: "E2E patchedStatus" }];
  await client.patch(PersistentVolumeClaims, key("data"), { status: { conditions } }, { subresource: "status" });
  await rest();
  const disk = await client.get(PersistentVolumes, { name: "disk" });
  assert.deepEqual([disk.status.phase, disk.status.message, disk.status.reason], ["Bound", ...Object.values(status)]);
  const data = await client.get(PersistentVolumeClaims, key("data"));
  assert.deepEqual([data.status.phase, data.status.conditions?.[0]?.type], ["Bound", "StatusPatched"]);
});

test("a binding that is stopped after any of its writes is finished", async (t) => {
  for (let writes = 0; writes < 4; writes++) {
    const { refuse, volume, claim, rest, state, stop } = await scene(t);
    await volume("disk");
    let left = writes;
    let isDown = false;
    refuse(({ verb, plural }) => {
      if (verb !== "update" || !plural.startsWith("persistentvolume")) return undefined;
      if (left > 0) left--;
      else isDown = true;
      return isDown ? serviceUnavailable("down") : undefined;
    });
    await claim("data");
    refuse(() => undefined);
    await rest(60_000);
    assert.deepEqual(await state(), ["disk Bound data", "data Bound disk"], `after ${writes} writes`);
    await stop();
  }
});

test("a claim that is bound is not looked at again without a change", async (t) => {
  const { volume, claim, rest, requests } = await scene(t);
  await volume("disk");
  await claim("data");
  const before = requests().length;
  await rest(3_600_000);
  assert.equal(requests().length, before);
});
