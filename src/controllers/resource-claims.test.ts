import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { startTestControlPlane, type TestControlPlane } from "../../test/control-plane.ts";
import {
  type NewObject,
  type Pod,
  Pods,
  ResourceClaims,
  ResourceClaimTemplates,
  type ResourceResourceClaim,
  ServiceAccounts,
} from "../api/index.ts";

const key = (name: string) => ({ namespace: "default", name });
const spec = { devices: { requests: [{ name: "gpu", exactly: { deviceClassName: "gpus" } }] } };

const newPod = (more: Partial<Pod["spec"]> = {}): NewObject<Pod> => ({
  metadata: key("web"),
  spec: {
    containers: [{ name: "web", image: "web:1" }],
    resourceClaims: [{ name: "gpu", resourceClaimTemplateName: "one-gpu" }],
    ...more,
  },
});

async function scene(t: TestContext): Promise<TestControlPlane> {
  const plane = await startTestControlPlane(t, { controllers: ["resourceclaim-controller"] });
  await plane.create(ServiceAccounts, { metadata: key("default") });
  return plane;
}

async function makeTemplate({ create, rest }: TestControlPlane): Promise<void> {
  await create(ResourceClaimTemplates, { metadata: key("one-gpu"), spec: { metadata: { labels: { a: "b" } }, spec } });
  await rest();
}

/** Gives the claim a device, for the pods. */
async function allocate(
  { client, rest }: TestControlPlane,
  claim: ResourceResourceClaim,
  pods: readonly Pod[],
): Promise<void> {
  const { namespace = "", name } = claim.metadata;
  const finalizers = ["resource.kubernetes.io/delete-protection"];
  await client.patch(ResourceClaims, { namespace, name }, { metadata: { finalizers } });
  const results = [{ request: "gpu", driver: "d.example.com", pool: "p", device: "0" }];
  const reservedFor = pods.map(({ metadata }) => ({ resource: "pods", name: metadata.name, uid: metadata.uid }));
  const status = { allocation: { devices: { results } }, reservedFor };
  await client.patch(ResourceClaims, { namespace, name }, { status }, { subresource: "status" });
  await rest();
}

test("a pod gets a claim from its template, which its status names", async (t) => {
  const plane = await scene(t);
  await makeTemplate(plane);
  const pod = await plane.create(Pods, newPod());
  await plane.rest();
  const [claim, ...others] = await plane.list(ResourceClaims);
  assert.equal(others.length, 0);
  assert.match(claim?.metadata.name ?? "", /^web-gpu-/);
  assert.deepEqual(claim?.metadata.labels, { a: "b" });
  assert.deepEqual(claim?.metadata.annotations, { "resource.kubernetes.io/pod-claim-name": "gpu" });
  const { uid } = pod.metadata;
  const owner = { apiVersion: "v1", kind: "Pod", name: "web", uid, controller: true };
  assert.deepEqual(claim?.metadata.ownerReferences, [owner]);
  const { status } = await plane.client.get(Pods, key("web"));
  assert.deepEqual(status.resourceClaimStatuses, [{ name: "gpu", resourceClaimName: claim?.metadata.name }]);
});

test("a pod whose status says that it needs no claim after all gets none", async (t) => {
  const plane = await scene(t);
  await plane.create(Pods, newPod());
  await plane.client.patch(
    Pods,
    key("web"),
    { status: { resourceClaimStatuses: [{ name: "gpu" }] } },
    { subresource: "status" },
  );
  await makeTemplate(plane);
  assert.deepEqual(await plane.list(ResourceClaims), []);
});

test("truncates the name of a generated resource claim: of long names of pod and claim the beginnings are to be seen", async (t) => {
  const plane = await scene(t);
  await makeTemplate(plane);
  const [name, claim] = ["p".repeat(63), "c".repeat(63)];
  const pod = newPod({ resourceClaims: [{ name: claim, resourceClaimTemplateName: "one-gpu" }] });
  await plane.create(Pods, { ...pod, metadata: key(name) });
  await plane.rest();
  assert.match((await plane.list(ResourceClaims))[0]?.metadata.name ?? "", /^p{28}-c{28}[a-z0-9]{5}$/);
});

test("a pod without its template is told, and gets its claim when the template is there", async (t) => {
  const plane = await scene(t);
  await plane.create(Pods, newPod());
  await plane.rest();
  const message =
    'Warning FailedResourceClaimCreation PodResourceClaim gpu: resource claim template "one-gpu": resourceclaimtemplate.resource.k8s.io "one-gpu" not found';
  assert.ok((await plane.events("Pod"))[0]?.startsWith(message));
  await makeTemplate(plane);
  assert.equal((await plane.list(ResourceClaims)).length, 1);
});

test("a claim is made once, whatever stops the controller in between", async (t) => {
  const plane = await scene(t);
  await makeTemplate(plane);
  plane.refuse(({ verb, plural }) => (verb === "patch" && plural === "pods" ? new Error("down") : undefined));
  await plane.create(Pods, newPod());
  await plane.rest(5_000);
  plane.refuse(() => undefined);
  await plane.rest(60_000);
  const [claim, ...others] = await plane.list(ResourceClaims);
  assert.equal(others.length, 0);
  const { status } = await plane.client.get(Pods, key("web"));
  assert.equal(status.resourceClaimStatuses?.[0]?.resourceClaimName, claim?.metadata.name);
});

test("a claim that pods share keeps its devices until the last of them is done", async (t) => {
  const plane = await scene(t);
  const { create, client, rest } = plane;
  const claim = await create(ResourceClaims, { metadata: key("shared"), spec });
  const resourceClaims = [{ name: "gpu", resourceClaimName: "shared" }];
  const pods = [
    await create(Pods, { ...newPod({ resourceClaims, nodeName: "n" }), metadata: key("one") }),
    await create(Pods, { ...newPod({ resourceClaims, nodeName: "n" }), metadata: key("two") }),
  ];
  await allocate(plane, claim, pods);
  await client.patch(Pods, key("one"), { status: { phase: "Succeeded" } }, { subresource: "status" });
  await rest();
  const { status } = await client.get(ResourceClaims, key("shared"));
  assert.deepEqual(
    status.reservedFor?.map(({ name }) => name),
    ["two"],
  );
  assert.notEqual(status.allocation, undefined);
  await client.delete(Pods, key("two"), { body: { gracePeriodSeconds: 0 } });
  await rest();
  const free = await client.get(ResourceClaims, key("shared"));
  assert.deepEqual([free.status, free.metadata.finalizers], [{}, undefined]);
});

test("a claim from a template goes when its pod has ended", async (t) => {
  const plane = await scene(t);
  await makeTemplate(plane);
  const pod = await plane.create(Pods, newPod({ nodeName: "n" }));
  await plane.rest();
  const [claim] = await plane.list(ResourceClaims);
  assert.ok(claim);
  await allocate(plane, claim, [pod]);
  await plane.client.patch(Pods, key("web"), { status: { phase: "Failed" } }, { subresource: "status" });
  await plane.rest();
  assert.deepEqual(await plane.list(ResourceClaims), []);
});

test("a claim that is being deleted gives back its devices when nobody uses it", async (t) => {
  const plane = await scene(t);
  const claim = await plane.create(ResourceClaims, { metadata: key("idle"), spec });
  await allocate(plane, claim, []);
  assert.equal((await plane.list(ResourceClaims)).length, 1);
  await plane.client.delete(ResourceClaims, key("idle"));
  await plane.rest();
  assert.deepEqual(await plane.list(ResourceClaims), []);
});

test("a pod that nobody had to schedule is noted with its claim", async (t) => {
  const plane = await scene(t);
  const claim = await plane.create(ResourceClaims, { metadata: key("shared"), spec });
  await allocate(plane, claim, []);
  const resourceClaims = [{ name: "gpu", resourceClaimName: "shared" }];
  const { metadata } = await plane.create(Pods, newPod({ resourceClaims, nodeName: "n" }));
  await plane.rest();
  const { status } = await plane.client.get(ResourceClaims, key("shared"));
  assert.deepEqual(status.reservedFor, [{ resource: "pods", name: "web", uid: metadata.uid }]);
});
