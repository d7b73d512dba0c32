// Typed clients (Python's, Java's) refuse an object without the fields that a schema requires of its status. Kubernetes
// always has them: they are no pointers in Go and have no omitempty.
import assert from "node:assert/strict";
import { test } from "node:test";
import { aroundTests } from "../../../test/around-tests.ts";
import {
  ClusterRoles,
  CustomResourceDefinitions,
  EndpointSlices,
  Events,
  HorizontalPodAutoscalers,
  HorizontalPodAutoscalersV1,
  Ingresses,
  Nodes,
  PodDisruptionBudgets,
  Pods,
  ReplicaSets,
  type ResourceDefinition,
  ResourceQuotas,
  Services,
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

const labels = { app: "web" };
const template = { metadata: { labels }, spec: { containers: [{ name: "c", image: "web:1" }] } };
const scaleTargetRef = { apiVersion: "apps/v1", kind: "Deployment", name: "web" };
const rows = [
  [Services, { ports: [{ port: 80 }] }, { loadBalancer: {} }],
  [Ingresses, { defaultBackend: { service: { name: "web", port: { number: 80 } } } }, { loadBalancer: {} }],
  [
    StatefulSets,
    { selector: { matchLabels: labels }, serviceName: "web", template },
    { replicas: 0, availableReplicas: 0 },
  ],
  [HorizontalPodAutoscalers, { maxReplicas: 2, scaleTargetRef }, { desiredReplicas: 0, currentMetrics: null }],
  [HorizontalPodAutoscalersV1, { maxReplicas: 2, scaleTargetRef }, { currentReplicas: 0, desiredReplicas: 0 }],
  [
    PodDisruptionBudgets,
    { minAvailable: 1 },
    { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 },
  ],
] as unknown as readonly (readonly [ResourceDefinition, object, object])[]; // each row is sent under its own kind only

for (const [definition, spec, status] of rows)
  test(`the status of a new ${definition.kind} of ${definition.version} has what Go always writes`, async () => {
    const body = { metadata: { name: `new-${definition.version}` }, spec, status: { observedGeneration: 7 } };
    const made = await server.send("create", definition, { namespace: "default", body });
    assert.deepEqual((made as { readonly status?: object }).status, status); // not every kind has one
  });

test("a node that nobody runs says nothing of its system and its agent", async () => {
  const { status } = await server.send("create", Nodes, { body: { metadata: { name: "bare" } } });
  assert.equal(status.nodeInfo?.kubeletVersion, "");
  assert.equal(Object.keys(status.nodeInfo ?? {}).length, 10);
  assert.deepEqual(status.daemonEndpoints, { kubeletEndpoint: { Port: 0 } });
});

test("what Go writes although it is empty is written", async () => {
  const metadata = { name: "empty" };
  const at = { namespace: "default" };
  const quota = await server.send("create", ResourceQuotas, { ...at, body: { metadata } });
  assert.deepEqual(quota.status, {});
  assert.equal((await server.send("create", ClusterRoles, { body: { metadata } })).rules, null);
  const slice = { metadata, addressType: "IPv4", endpoints: [] };
  const { endpoints, ports } = await server.send("create", EndpointSlices, { ...at, body: slice });
  assert.deepEqual([endpoints, ports], [null, null]);
  const event = await server.send("create", Events, { ...at, body: { metadata, involvedObject: at } });
  assert.deepEqual([event.eventTime, event.firstTimestamp, event.lastTimestamp], [null, null, null]);
  assert.deepEqual([event.reportingComponent, event.reportingInstance], ["", ""]);
});

test("a definition that nobody accepted yet has no names and conditions, and one stored version", async () => {
  const { status } = await server.send("create", CustomResourceDefinitions, {
    body: {
      metadata: { name: "widgets.example.com" },
      spec: {
        group: "example.com",
        scope: "Namespaced",
        names: { plural: "widgets", kind: "Widget" },
        versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } }],
      },
    },
  });
  assert.deepEqual(status, { conditions: null, acceptedNames: { plural: "", kind: "" }, storedVersions: ["v1"] });
});

test("a time that was never set is null, and an owned field", async () => {
  const key = { namespace: "default", name: "timeless" };
  await server.send("create", Pods, {
    namespace: "default",
    body: { metadata: { name: key.name }, spec: template.spec },
  });
  const { metadata, status } = await server.send("patch", Pods, {
    ...key,
    subresource: "status",
    body: { status: { conditions: [{ type: "example.com/Seen", status: "True" }] } },
    patchType: "application/strategic-merge-patch+json",
  });
  assert.deepEqual(status.conditions, [
    { type: "example.com/Seen", status: "True", lastProbeTime: null, lastTransitionTime: null },
  ]);
  const owned = JSON.stringify(metadata.managedFields?.find(({ subresource }) => subresource === "status")?.fieldsV1);
  assert.match(owned, /"f:lastProbeTime":\{\},"f:lastTransitionTime":\{\}/);
  const set = { selector: { matchLabels: labels }, template };
  const made = await server.send("create", ReplicaSets, {
    namespace: "default",
    body: { metadata: { name: "r" }, spec: set },
  });
  assert.deepEqual(made.status, { replicas: 0 });
});
