import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { startTestControlPlane, type TestControlPlane } from "../../test/control-plane.ts";
import { valuesOf } from "../../test/metric-values.ts";
import { type NewObject, PersistentVolumeClaims, type Pod, Pods, ServiceAccounts } from "../api/index.ts";
import { MetricRegistry } from "../lib/index.ts";

const key = (name: string) => ({ namespace: "default", name });
const request = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };

const newPod: NewObject<Pod> = {
  metadata: key("web"),
  spec: {
    containers: [{ name: "web", image: "web:1" }],
    volumes: [
      {
        name: "scratch",
        ephemeral: {
          volumeClaimTemplate: {
            metadata: { labels: { kind: "scratch" } },
            spec: { ...request, storageClassName: "" },
          },
        },
      },
    ],
  },
};

async function scene(t: TestContext, metrics = new MetricRegistry()): Promise<TestControlPlane> {
  const plane = await startTestControlPlane(t, { controllers: ["ephemeral-volume-controller"], metrics });
  await plane.create(ServiceAccounts, { metadata: key("default") });
  return plane;
}

test("a pod with an ephemeral volume gets a claim that it owns, from the volume's template", async (t) => {
  const { create, rest, client } = await scene(t);
  const pod = await create(Pods, newPod);
  await rest();
  const { metadata, spec } = await client.get(PersistentVolumeClaims, key("web-scratch"));
  assert.deepEqual(metadata.labels, { kind: "scratch" });
  assert.equal(spec.storageClassName, "");
  assert.deepEqual(metadata.ownerReferences, [
    { apiVersion: "v1", kind: "Pod", name: "web", uid: pod.metadata.uid, controller: true, blockOwnerDeletion: true },
  ]);
});

test("a claim of the same name that is not the pod's is left alone, and the pod is told", async (t) => {
  const { create, rest, client, events } = await scene(t);
  await create(PersistentVolumeClaims, { metadata: key("web-scratch"), spec: request });
  const pod = await create(Pods, newPod);
  await rest();
  assert.deepEqual(await events("Pod"), [
    "Warning FailedBinding ephemeral volume scratch: PVC default/web-scratch was not created for pod default/web (pod is not owner)",
  ]);
  await client.patch(PersistentVolumeClaims, key("web-scratch"), { metadata: { finalizers: null } });
  await client.delete(PersistentVolumeClaims, key("web-scratch"));
  await rest();
  const { metadata } = await client.get(PersistentVolumeClaims, key("web-scratch"));
  assert.equal(metadata.ownerReferences?.[0]?.uid, pod.metadata.uid);
});

test("a claim that cannot be made is tried again, and the pod is told why", async (t) => {
  const metrics = new MetricRegistry();
  const { create, rest, client, events, refuse } = await scene(t, metrics);
  refuse(({ verb, plural }) =>
    verb === "create" && plural === "persistentvolumeclaims" ? new Error("no more claims") : undefined,
  );
  await create(Pods, newPod);
  await rest();
  const message = "Warning FailedBinding ephemeral volume scratch: create PVC web-scratch: no more claims";
  assert.ok((await events("Pod")).some((event) => event.startsWith(message)));
  refuse(() => undefined);
  await rest(60_000);
  const [asked, failed] = ["create_total", "create_failures_total"].map(
    (name) => valuesOf(metrics, `ephemeral_volume_controller_${name}`)[""] ?? 0,
  );
  assert.ok(failed! >= 1);
  assert.equal(asked, failed! + 1);
  assert.equal((await client.get(PersistentVolumeClaims, key("web-scratch"))).metadata.name, "web-scratch");
});
