import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestControlPlane } from "../../test/control-plane.ts";
import {
  ApiError,
  PersistentVolumeClaims,
  PersistentVolumes,
  Pods,
  ServiceAccounts,
  VolumeAttributesClasses,
  type WatchEvent,
} from "../api/index.ts";
import type { Client } from "../client/index.ts";
import { Channel } from "../lib/index.ts";

const controllers = [
  "persistentvolumeclaim-protection-controller",
  "persistentvolume-protection-controller",
  "volumeattributesclass-protection-controller",
];

async function isThere(reading: Promise<unknown>): Promise<boolean> {
  try {
    await reading;
    return true;
  } catch (error) {
    if (error instanceof ApiError && error.code === 404) return false;
    throw error;
  }
}

const key = { namespace: "default", name: "data" };
const claim = {
  metadata: key,
  spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
};

async function makePod(client: Client, nodeName?: string): Promise<void> {
  await client.create(ServiceAccounts, { metadata: { namespace: "default", name: "default" } });
  await client.create(Pods, {
    metadata: { namespace: "default", name: "web" },
    spec: {
      containers: [{ name: "web", image: "web:1" }],
      volumes: [{ name: "d", persistentVolumeClaim: { claimName: "data" } }],
      ...(nodeName === undefined ? {} : { nodeName }),
    },
  });
}

test("a claim stays for a pod that the controller has not seen yet", async (t) => {
  const { client, create, rest, between, crash } = await startTestControlPlane(t, { controllers });
  await rest();
  const silence = new Channel<WatchEvent>(1);
  t.after(() => silence.close());
  between(async (request, send) => {
    const answer = await send();
    return request.plural === "pods" && answer.type === "watch" ? { ...answer, events: silence } : answer;
  });
  crash();
  await rest();
  await create(PersistentVolumeClaims, claim);
  await makePod(client, "n1");
  await client.delete(PersistentVolumeClaims, key);
  await rest();
  assert.deepEqual((await client.get(PersistentVolumeClaims, key)).metadata.finalizers, [
    "kubernetes.io/pvc-protection",
  ]);
});

test("a claim stays until the pod that uses it is gone", async (t) => {
  const { client, create, rest } = await startTestControlPlane(t, { controllers });
  await create(PersistentVolumeClaims, claim);
  await makePod(client, "n1");
  await client.delete(PersistentVolumeClaims, key);
  await rest();
  const going = await client.get(PersistentVolumeClaims, key);
  assert.notEqual(going.metadata.deletionTimestamp, undefined);
  assert.deepEqual(going.metadata.finalizers, ["kubernetes.io/pvc-protection"]);
  await client.delete(Pods, { namespace: "default", name: "web" }, { body: { gracePeriodSeconds: 0 } });
  await rest();
  assert.equal(await isThere(client.get(PersistentVolumeClaims, key)), false);
});

test("a pod that waits in the foreground for the claim that it owns does not hold it when it has stopped", async (t) => {
  const { client, create, rest } = await startTestControlPlane(t, {
    controllers: [...controllers, "garbage-collector-controller"],
  });
  await create(PersistentVolumeClaims, claim);
  await makePod(client, "n1");
  const pod = { namespace: "default", name: "web" };
  const { uid } = (await client.get(Pods, pod)).metadata;
  const owner = { apiVersion: "v1", kind: "Pod", name: "web", uid, controller: true, blockOwnerDeletion: true };
  await client.patch(PersistentVolumeClaims, key, { metadata: { ownerReferences: [owner] } });
  await rest();
  await client.delete(Pods, pod, { body: { propagationPolicy: "Foreground", gracePeriodSeconds: 30 } });
  await rest();
  assert.equal(await isThere(client.get(PersistentVolumeClaims, key)), true);
  await client.delete(Pods, pod, { body: { gracePeriodSeconds: 0 } });
  await rest();
  assert.equal(await isThere(client.get(PersistentVolumeClaims, key)), false);
  assert.equal(await isThere(client.get(Pods, pod)), false);
});

test("a claim that nothing uses goes at once, and a pod without node uses nothing", async (t) => {
  const { client, create, rest } = await startTestControlPlane(t, { controllers });
  await create(PersistentVolumeClaims, claim);
  await makePod(client);
  await client.delete(PersistentVolumeClaims, key);
  await rest();
  assert.equal(await isThere(client.get(PersistentVolumeClaims, key)), false);
});

test("a volume stays while it is bound", async (t) => {
  const { client, create, rest } = await startTestControlPlane(t, { controllers });
  const name = { name: "disk" };
  await create(PersistentVolumes, {
    metadata: name,
    spec: { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], hostPath: { path: "/srv" } },
  });
  await client.patch(PersistentVolumes, name, { status: { phase: "Bound" } }, { subresource: "status" });
  await client.delete(PersistentVolumes, name);
  await rest();
  assert.equal(await isThere(client.get(PersistentVolumes, name)), true);
  await client.patch(PersistentVolumes, name, { status: { phase: "Released" } }, { subresource: "status" });
  await rest();
  assert.equal(await isThere(client.get(PersistentVolumes, name)), false);
});

test("a class of volume attributes stays while a claim has it", async (t) => {
  const { client, create, rest } = await startTestControlPlane(t, { controllers });
  await create(VolumeAttributesClasses, { metadata: { name: "fast" }, driverName: "d", parameters: { iops: "1" } });
  await create(PersistentVolumeClaims, { ...claim, spec: { ...claim.spec, volumeAttributesClassName: "fast" } });
  await client.delete(VolumeAttributesClasses, { name: "fast" });
  await rest();
  assert.equal(await isThere(client.get(VolumeAttributesClasses, { name: "fast" })), true);
  await client.delete(PersistentVolumeClaims, key);
  await rest();
  assert.equal(await isThere(client.get(VolumeAttributesClasses, { name: "fast" })), false);
});
