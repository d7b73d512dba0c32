import assert from "node:assert/strict";
import { test } from "node:test";
import {
  IngressClasses,
  Ingresses,
  type NewObject,
  type PersistentVolumeClaim,
  PersistentVolumeClaims,
  PersistentVolumes,
  StorageClasses,
} from "../../api/index.ts";
import { ObjectLookup } from "../lookup-of-objects.ts";
import { persistentVolumeClaimResize } from "./claim-resize.ts";
import { defaultIngressClass, defaultStorageClass } from "./default-classes.ts";
import { admitted } from "./request-for-tests.ts";
import { storageObjectInUseProtection } from "./storage-protection.ts";

const claim = (
  spec: PersistentVolumeClaim["spec"] = {},
  annotations: Record<string, string> = {},
): NewObject<PersistentVolumeClaim> => ({ metadata: { name: "data", namespace: "green", annotations }, spec });

test("a claim without class gets the default one, and an empty name asks for none", async () => {
  const annotations = { "storageclass.kubernetes.io/is-default-class": "true" };
  const lookup = new ObjectLookup()
    .put(StorageClasses, { metadata: { name: "plain" }, provisioner: "p" })
    .put(StorageClasses, {
      metadata: { name: "old", annotations, creationTimestamp: "2026-01-01T00:00:00Z" },
      provisioner: "p",
    })
    .put(StorageClasses, {
      metadata: { name: "new", annotations, creationTimestamp: "2026-01-02T00:00:00Z" },
      provisioner: "p",
    });
  const plugin = defaultStorageClass(lookup);
  const classOf = async (object: NewObject<PersistentVolumeClaim>) =>
    (await admitted(plugin, PersistentVolumeClaims, { object })).spec.storageClassName;
  assert.equal(await classOf(claim()), "new");
  assert.equal(await classOf(claim({ storageClassName: "" })), "");
  assert.equal(await classOf(claim({ storageClassName: "plain" })), "plain");
  assert.equal(await classOf(claim({}, { "volume.beta.kubernetes.io/storage-class": "plain" })), undefined);
  const none = defaultStorageClass(new ObjectLookup());
  assert.equal((await admitted(none, PersistentVolumeClaims, { object: claim() })).spec.storageClassName, undefined);
});

test("an ingress without class gets the default one", async () => {
  const annotations = { "ingressclass.kubernetes.io/is-default-class": "true" };
  const lookup = new ObjectLookup().put(IngressClasses, { metadata: { name: "main", annotations }, spec: {} });
  const classOf = async (own: Record<string, string>) => {
    const object = { metadata: { name: "i", namespace: "green", annotations: own }, spec: {} };
    return (await admitted(defaultIngressClass(lookup), Ingresses, { object })).spec.ingressClassName;
  };
  assert.equal(await classOf({}), "main");
  assert.equal(await classOf({ "kubernetes.io/ingress.class": "other" }), undefined);
});

test("volumes and claims are protected from their creation on", async () => {
  const made = await admitted(storageObjectInUseProtection, PersistentVolumeClaims, { object: claim() });
  assert.deepEqual(made.metadata.finalizers, ["kubernetes.io/pvc-protection"]);
  const finalizers = ["kubernetes.io/pv-protection"];
  const volume = { metadata: { name: "v", finalizers }, spec: {} };
  const kept = await admitted(storageObjectInUseProtection, PersistentVolumes, { object: volume });
  assert.deepEqual(kept.metadata.finalizers, finalizers);
});

test("a claim grows when it is bound and its class lets it", async () => {
  const lookup = new ObjectLookup()
    .put(StorageClasses, { metadata: { name: "grows" }, provisioner: "p", allowVolumeExpansion: true })
    .put(StorageClasses, { metadata: { name: "fixed" }, provisioner: "p" });
  const plugin = persistentVolumeClaimResize(lookup);
  const sized = (storageClassName: string, storage: string, phase = "Bound") => ({
    ...claim({ storageClassName, resources: { requests: { storage } } }),
    status: { phase },
  });
  const resize = (from: ReturnType<typeof sized>, to: ReturnType<typeof sized>) =>
    admitted(plugin, PersistentVolumeClaims, { object: to, old: from });
  await resize(sized("grows", "1Gi"), sized("grows", "2Gi"));
  await resize(sized("fixed", "1Gi"), sized("fixed", "1024Mi"));
  await assert.rejects(
    resize(sized("grows", "1Gi", "Pending"), sized("grows", "2Gi", "Pending")),
    /Only bound persistent volume claims can be expanded/,
  );
  await assert.rejects(resize(sized("fixed", "1Gi"), sized("fixed", "2Gi")), {
    message:
      'persistentvolumeclaims "data" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
  });
});
