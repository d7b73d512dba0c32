import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestControlPlane } from "../../test/control-plane.ts";
import { PersistentVolumeClaims, PersistentVolumes, StorageClasses } from "../api/index.ts";

test("a claim that asks for a larger volume is told who enlarges it, once each time", async (t) => {
  const controllers = ["persistentvolume-controller", "persistentvolume-expander-controller"];
  const { client, create, rest, events } = await startTestControlPlane(t, { controllers });
  const csi = { driver: "disk.example.com", volumeHandle: "1" };
  const [storageClassName, accessModes] = ["disks", ["ReadWriteOnce"]];
  await create(StorageClasses, {
    metadata: { name: storageClassName },
    provisioner: csi.driver,
    allowVolumeExpansion: true,
  });
  await create(PersistentVolumes, {
    metadata: { name: "disk" },
    spec: { capacity: { storage: "1Gi" }, accessModes, storageClassName, csi },
  });
  const key = { namespace: "default", name: "data" };
  const resources = (storage: string) => ({ resources: { requests: { storage } } });
  await create(PersistentVolumeClaims, { metadata: key, spec: { accessModes, storageClassName, ...resources("1Gi") } });
  await rest();
  assert.deepEqual(await events("PersistentVolumeClaim"), []);
  await client.patch(PersistentVolumeClaims, key, { spec: resources("2Gi") });
  await rest();
  const told =
    "Warning ExternalExpanding Ignoring the PVC: didn't find a plugin capable of expanding the volume; waiting for an external controller to process this PVC.";
  assert.deepEqual(await events("PersistentVolumeClaim"), [told]);
  await client.patch(PersistentVolumeClaims, key, { metadata: { labels: { a: "b" } } });
  await client.patch(
    PersistentVolumeClaims,
    key,
    { status: { capacity: { storage: "2Gi" } } },
    { subresource: "status" },
  );
  await rest(60_000);
  assert.deepEqual(await events("PersistentVolumeClaim"), [told]);
});
