import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { key, startScene, webWithVolumes } from "../../test/stateful-set-scene.ts";
import { type OwnerReference, PersistentVolumeClaims, Pods, StatefulSets } from "../api/index.ts";

async function scene(t: TestContext) {
  const plane = await startScene(t);
  return {
    ...plane,
    claimKey: (ordinal: number) => ({ namespace: "default", name: `www-web-${ordinal}` }),
    /** The kinds and names of the claims' owners. */
    async owners() {
      const said = (owner: OwnerReference) =>
        `${owner.kind} ${owner.name}${owner.controller ? "" : " (no controller)"}`;
      const claims = await plane.claims();
      return claims.map(({ metadata }) => [metadata.name, ...(metadata.ownerReferences ?? []).map(said)].join(": "));
    },
  };
}

const policy = (whenDeleted: string, whenScaled: string) => ({
  persistentVolumeClaimRetentionPolicy: { whenDeleted, whenScaled },
});

test("each pod gets claims of its own, made before it", async (t) => {
  const { create, settle, claims, pod, events, requests } = await scene(t);
  await create(StatefulSets, webWithVolumes(2));
  await settle();
  const all = await claims();
  assert.deepEqual(
    all.map(({ metadata }) => [metadata.name, metadata.labels]),
    ["www-web-0", "www-web-1"].map((name) => [name, { app: "web", tier: "data" }]),
  );
  assert.deepEqual(all[0]?.spec.resources, { requests: { storage: "1Gi" } });
  const volume = (await pod(1)).spec.volumes?.find(({ name }) => name === "www");
  assert.deepEqual(volume, { name: "www", persistentVolumeClaim: { claimName: "www-web-1" } });
  assert.deepEqual((await events("StatefulSet")).toSorted(), [
    "Normal SuccessfulCreate create Claim www-web-0 Pod web-0 in StatefulSet web success",
    "Normal SuccessfulCreate create Claim www-web-1 Pod web-1 in StatefulSet web success",
    "Normal SuccessfulCreate create Pod web-0 in StatefulSet web successful",
    "Normal SuccessfulCreate create Pod web-1 in StatefulSet web successful",
  ]);
  const made = requests().filter((each) => /^create (pods|persistentvolumeclaims)/.test(each));
  assert.deepEqual(made.slice(0, 2), ["create persistentvolumeclaims", "create pods"]);
});

test("claims stay by default, and a pod that comes back finds its own again", async (t) => {
  const { client, create, settle, claims, change, owners } = await scene(t);
  await create(StatefulSets, webWithVolumes(2));
  await settle();
  const before = await claims();
  await change({ replicas: 1 });
  await settle();
  await change({ replicas: 2 });
  await settle();
  await client.delete(StatefulSets, key);
  await settle();
  assert.deepEqual(await owners(), ["www-web-0", "www-web-1"]);
  const uids = (list: typeof before) => list.map(({ metadata }) => metadata.uid);
  assert.deepEqual(uids(await claims()), uids(before));
});

test("whenDeleted Delete: claims belong to the set and go with it, but not when it is scaled down", async (t) => {
  const { client, create, settle, owners, change } = await scene(t);
  await create(StatefulSets, webWithVolumes(2, policy("Delete", "Retain")));
  await settle();
  assert.deepEqual(await owners(), ["www-web-0: StatefulSet web", "www-web-1: StatefulSet web"]);
  await change({ replicas: 1 });
  await settle();
  assert.deepEqual(await owners(), ["www-web-0: StatefulSet web", "www-web-1: StatefulSet web"]);
  await client.delete(StatefulSets, key);
  await settle();
  assert.deepEqual(await owners(), []);
});

test("whenScaled Delete: the claims of a pod that is not wanted any more go with it", async (t) => {
  const { client, create, rest, settle, owners, change, hold } = await scene(t);
  await create(StatefulSets, webWithVolumes(3, policy("Retain", "Delete")));
  await settle();
  assert.deepEqual(await owners(), ["www-web-0", "www-web-1", "www-web-2"]);
  await hold(2, true);
  await change({ replicas: 1 });
  await rest();
  // All that are to go are marked before the first of them goes.
  assert.deepEqual(await owners(), ["www-web-0", "www-web-1: Pod web-1", "www-web-2: Pod web-2"]);
  await hold(2, false);
  await settle();
  assert.deepEqual(await owners(), ["www-web-0"]);
  await client.delete(StatefulSets, key);
  await settle();
  assert.deepEqual(await owners(), ["www-web-0"]);
});

test("with both, a claim's owner is the set, and the pod instead while that is being scaled down", async (t) => {
  const { create, rest, settle, owners, change, hold } = await scene(t);
  await create(StatefulSets, webWithVolumes(2, policy("Delete", "Delete")));
  await settle();
  assert.deepEqual(await owners(), ["www-web-0: StatefulSet web", "www-web-1: StatefulSet web"]);
  await hold(1, true);
  await change({ replicas: 1 });
  await rest();
  assert.deepEqual(await owners(), ["www-web-0: StatefulSet web", "www-web-1: Pod web-1"]);
});

test("another policy changes the claims that there are", async (t) => {
  const { create, settle, owners, change } = await scene(t);
  await create(StatefulSets, webWithVolumes(2));
  await settle();
  await change(policy("Delete", "Delete"));
  await settle(2);
  assert.deepEqual(await owners(), ["www-web-0: StatefulSet web", "www-web-1: StatefulSet web"]);
  await change(policy("Retain", "Retain"));
  await settle(2);
  assert.deepEqual(await owners(), ["www-web-0", "www-web-1"]);
});

test("a pod does not start with the claim of its forerunner that is about to go", async (t) => {
  const { client, create, rest, settle, change, claimKey, names, owners } = await scene(t);
  await create(StatefulSets, webWithVolumes(2, policy("Retain", "Delete")));
  await settle();
  await client.patch(PersistentVolumeClaims, claimKey(1), { metadata: { finalizers: ["test/in-use"] } });
  await change({ replicas: 1 });
  await settle();
  await change({ replicas: 2 });
  await rest(60_000);
  assert.deepEqual(await names(), ["web-0"]);
  await client.patch(PersistentVolumeClaims, claimKey(1), { metadata: { finalizers: null } });
  await settle();
  assert.deepEqual(await names(), ["web-0", "web-1"]);
  assert.deepEqual(await owners(), ["www-web-0", "www-web-1"]);
});

test("a pod that waits for a claim that was deleted gets another", async (t) => {
  const { client, create, rest, claimKey, claims } = await scene(t);
  await create(StatefulSets, webWithVolumes(1));
  await rest();
  const [before] = await claims();
  await client.delete(PersistentVolumeClaims, claimKey(0));
  await rest();
  const [after] = await claims();
  assert.equal(after?.metadata.name, "www-web-0");
  assert.notEqual(after?.metadata.uid, before?.metadata.uid);
});

test("a claim that another controller manages is left to it", async (t) => {
  const { create, settle, owners, claimKey, events } = await scene(t);
  const node = { apiVersion: "v1", kind: "Pod", name: "other", uid: "", controller: true };
  const other = await create(Pods, {
    metadata: { namespace: "default", name: "other" },
    spec: { containers: [{ name: "a", image: "a" }] },
  });
  await create(PersistentVolumeClaims, {
    metadata: { ...claimKey(0), ownerReferences: [{ ...node, uid: other.metadata.uid }] },
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
  });
  await create(StatefulSets, webWithVolumes(1, policy("Delete", "Retain")));
  await settle();
  assert.deepEqual(await owners(), ["www-web-0: Pod other"]);
  const said = await events("StatefulSet");
  const warning = /^Warning ConflictingController PersistentVolumeClaim www-web-0 has a conflicting OwnerReference/;
  assert.ok(said.some((each) => warning.test(each)));
});
