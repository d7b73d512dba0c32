// The subresources that are objects of their own or a part of one: what they take, what they leave as it is.
import assert from "node:assert/strict";
import { test } from "node:test";
import { aroundTests } from "../../../test/around-tests.ts";
import {
  type ApiError,
  CustomResourceDefinitions,
  Deployments,
  type KubeObject,
  Namespaces,
  Nodes,
  type PatchType,
  type Pod,
  Pods,
  ReplicaSets,
  ReplicationControllers,
  type ResourceDefinition,
  type Scale,
  ServiceCIDRs,
  StatefulSets,
} from "../../api/index.ts";
import { startTestServer, type TestServer } from "../server-for-tests.ts";

let server: TestServer;
aroundTests(
  async () => {
    server = await startTestServer();
  },
  () => server.close(),
);

const at = (name: string) => ({ namespace: "default", name });
const merge: PatchType = "application/merge-patch+json";
const strategic: PatchType = "application/strategic-merge-patch+json";
const containers = [{ name: "c", image: "nginx" }];

const labels = { app: "scaled" };
const template = { metadata: { labels }, spec: { containers } };
const selected = { selector: { matchLabels: labels }, template };
// Each row is sent under its own kind only.
const scaled = [
  [Deployments, selected],
  [ReplicaSets, selected],
  [StatefulSets, { ...selected, serviceName: "s" }],
  [ReplicationControllers, { selector: labels, template }],
] as unknown as readonly (readonly [ResourceDefinition, object])[];

for (const [definition, spec] of scaled)
  test(`${definition.kind}, completes the scaling of a ${definition.kind} subresource: it is read, updated and patched`, async () => {
    const name = `scaled-${definition.plural}`;
    const place = { ...at(name), subresource: "scale" };
    const read = async () => (await server.send("get", definition, place)) as KubeObject & Scale; // what this subresource is
    await server.send("create", definition, {
      namespace: "default",
      body: { metadata: { name }, spec: { ...spec, replicas: 1 } },
    });
    const first = await read();
    assert.deepEqual([first.kind, first.apiVersion], ["Scale", "autoscaling/v1"]);
    assert.deepEqual(first.spec, { replicas: 1 });
    assert.deepEqual(first.status, { replicas: 0, selector: "app=scaled" });
    await server.send("update", definition, { ...place, body: { ...first, spec: { replicas: 2 } } });
    assert.equal((await read()).spec?.replicas, 2);
    await assert.rejects(
      server.send("update", definition, { ...place, body: { ...first, spec: { replicas: 3 } } }),
      { code: 409 },
      "of an older version",
    );
    for (const [patchType, replicas] of [
      [merge, 4],
      [strategic, 5],
    ] as const) {
      await server.send("patch", definition, { ...place, body: { spec: { replicas } }, patchType });
      const whole = (await server.send("get", definition, at(name))) as KubeObject & {
        readonly spec: { readonly replicas: number };
      }; // every one of these kinds counts there
      assert.equal(whole.spec.replicas, replicas);
    }
    await assert.rejects(
      server.send("patch", definition, { ...place, body: { spec: { replicas: -1 } }, patchType: merge }),
      {
        code: 422,
      },
    );
  });

test("the status of namespaces and nodes is written apart from the rest", async () => {
  await server.send("create", Namespaces, { body: { metadata: { name: "parted" } } });
  const conditions = [{ type: "Tried", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" }];
  const place = { name: "parted", subresource: "status" };
  const patched = await server.send("patch", Namespaces, {
    ...place,
    body: { metadata: { annotations: { a: "b" } }, status: { conditions } },
    patchType: merge,
  });
  assert.equal(patched.status.conditions?.[0]?.type, "Tried");
  assert.deepEqual(patched.metadata.annotations, { a: "b" });
  const updated = await server.send("update", Namespaces, {
    ...place,
    body: { ...patched, spec: { finalizers: ["example.com/mine"] }, status: { ...patched.status, conditions: [] } },
  });
  assert.deepEqual(updated.spec, patched.spec);
  assert.deepEqual(updated.status.conditions ?? [], []);
  assert.equal((await server.send("get", Namespaces, place)).status.phase, "Active");

  await server.send("create", Nodes, { body: { metadata: { name: "n1" } } });
  const node = await server.send("patch", Nodes, {
    name: "n1",
    subresource: "status",
    body: { spec: { unschedulable: true }, status: { capacity: { "example.com/dongle": "4" } } },
    patchType: strategic,
  });
  assert.equal(node.status.capacity?.["example.com/dongle"], "4");
  assert.equal(node.spec.unschedulable, undefined);
  const plain = await server.send("patch", Nodes, {
    name: "n1",
    body: { spec: { unschedulable: true }, status: { capacity: { "example.com/dongle": "5" } } },
    patchType: strategic,
  });
  assert.equal(plain.spec.unschedulable, true);
  assert.equal(plain.status.capacity?.["example.com/dongle"], "4");
});

test("the status of a range of services leaves its labels, that of a definition of a kind changes them but owns none", async () => {
  await server.send("create", ServiceCIDRs, { body: { metadata: { name: "kept" }, spec: { cidrs: ["10.9.0.0/24"] } } });
  const status = { subresource: "status", body: { metadata: { labels: { a: "b" } } }, patchType: merge };
  const range = await server.send("patch", ServiceCIDRs, { name: "kept", ...status });
  assert.equal(range.metadata.labels, undefined);

  const names = { plural: "kinds", kind: "Kind" };
  const versions = [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } }];
  const spec = { group: "example.com", scope: "Cluster", names, versions };
  const name = "kinds.example.com";
  await server.send("create", CustomResourceDefinitions, { body: { metadata: { name }, spec } });
  const options = { fieldManager: "reporter" };
  const { metadata } = await server.send("patch", CustomResourceDefinitions, { name, ...status, options });
  assert.deepEqual(metadata.labels, { a: "b" });
  assert.equal(
    metadata.managedFields?.find(({ manager }) => manager === "reporter"),
    undefined,
  );
});

test("only finalize takes a namespace's finalizers away", async () => {
  await server.send("create", Namespaces, { body: { metadata: { name: "held" } } });
  const held = await server.send("get", Namespaces, { name: "held" });
  assert.deepEqual(held.spec.finalizers, ["kubernetes"]);
  await server.send("update", Namespaces, { name: "held", body: { ...held, spec: {} } });
  assert.deepEqual((await server.send("get", Namespaces, { name: "held" })).spec.finalizers, ["kubernetes"]);
  const now = await server.send("get", Namespaces, { name: "held" });
  const freed = await server.send("update", Namespaces, {
    name: "held",
    subresource: "finalize",
    body: { ...now, spec: {} },
  });
  assert.equal(freed.spec.finalizers, undefined);
});

async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    const { code, message } = error as ApiError; // the pipeline throws nothing else
    return `${code} ${message}`;
  }
  throw new Error("nothing was refused");
}

test("ephemeral containers are added to a pod, and neither changed nor taken away", async () => {
  const key = at("debugged");
  await server.send("create", Pods, {
    namespace: "default",
    body: { metadata: { name: "debugged" }, spec: { containers } },
  });
  const place = { ...key, subresource: "ephemeralcontainers" };
  const look = { name: "look", image: "busybox", targetContainerName: "c" };
  const added = await server.send("patch", Pods, {
    ...place,
    body: { spec: { ephemeralContainers: [look], containers: [{ name: "c", image: "other" }] } },
    patchType: strategic,
  });
  assert.equal(added.spec.ephemeralContainers?.[0]?.terminationMessagePath, "/dev/termination-log");
  assert.equal(added.spec.containers[0]?.image, "nginx");
  const change = (ephemeralContainers: object[]) =>
    refusal(
      server.send("update", Pods, { ...place, body: { ...added, spec: { ...added.spec, ephemeralContainers } } }),
    );
  assert.match(await change([]), /^422 .*existing ephemeral containers "look" may not be removed/);
  assert.match(
    await change([{ ...look, image: "x" }]),
    /^422 .*existing ephemeral containers "look" may not be changed/,
  );
  assert.match(
    await change([...(added.spec.ephemeralContainers ?? []), { ...look, name: "c" }]),
    /^422 .*spec\.ephemeralContainers\[1\]\.name: Duplicate value: "c"/,
  );
  assert.match(
    await change([...(added.spec.ephemeralContainers ?? []), { ...look, name: "two", targetContainerName: "nobody" }]),
    /^422 .*spec\.ephemeralContainers\[1\]\.targetContainerName: Not found: "nobody"/,
  );
  const pods = await server.send("get", Pods, key);
  assert.match(
    await refusal(
      server.send("update", Pods, { ...key, body: { ...pods, spec: { ...pods.spec, ephemeralContainers: [] } } }),
    ),
    /^422 .*pod updates may not change fields/,
  );
});

test("fields of features that are off are dropped from ephemeral containers", async () => {
  const name = "without-signal";
  await server.send("create", Pods, { namespace: "default", body: { metadata: { name }, spec: { containers } } });
  const look = { name: "look", image: "busybox", lifecycle: { stopSignal: "SIGUSR1" } };
  const added = await server.send("patch", Pods, {
    ...at(name),
    subresource: "ephemeralcontainers",
    body: { spec: { ephemeralContainers: [look] } },
    patchType: strategic,
  });
  assert.equal(added.spec.ephemeralContainers?.[0]?.name, "look");
  assert.equal(added.spec.ephemeralContainers[0].lifecycle, undefined);
});

test("a pod's CPU and memory change by resize alone, and its quality of service does not", async () => {
  const key = at("resized");
  const resources = { requests: { cpu: "100m", memory: "64Mi" }, limits: { cpu: "200m", memory: "64Mi" } };
  const body = { metadata: { name: "resized" }, spec: { containers: [{ ...containers[0], resources }] } };
  await server.send("create", Pods, { namespace: "default", body });
  const ask = (requests: object, limits: object, subresource?: string): Promise<Pod> =>
    server.send("patch", Pods, {
      ...key,
      ...(subresource ? { subresource } : {}),
      body: { spec: { containers: [{ name: "c", image: "other", resources: { requests, limits } }] } },
      patchType: strategic,
    });
  const resized = await ask({ cpu: "150m" }, { cpu: "300m" }, "resize");
  assert.deepEqual(resized.spec.containers[0]?.resources, {
    requests: { cpu: "150m", memory: "64Mi" },
    limits: { cpu: "300m", memory: "64Mi" },
  });
  assert.equal(resized.spec.containers[0]?.image, "nginx");
  assert.equal(resized.metadata.generation, 2);
  assert.match(await refusal(ask({ cpu: "1" }, { cpu: "1" })), /^422 .*pod updates may not change fields/);
  assert.match(
    await refusal(ask({ cpu: "300m" }, {}, "resize")),
    /^422 .*Pod QOS Class may not change as a result of resizing/,
  );
  assert.match(
    await refusal(ask({ "ephemeral-storage": "1Gi" }, {}, "resize")),
    /^422 .*only cpu and memory resources are mutable/,
  );
});
