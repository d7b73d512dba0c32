// Typed clients (Python's, Java's) refuse an object without the fields that a schema requires of its status. Kubernetes
// always has them: they are no pointers in Go and have no omitempty.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  HorizontalPodAutoscalers,
  HorizontalPodAutoscalersV1,
  Ingresses,
  Nodes,
  PodDisruptionBudgets,
  type ResourceDefinition,
  Services,
  StatefulSets,
} from "../../api/index.ts";
import { startTestServer, type TestServer } from "../server-for-tests.ts";

let server: TestServer;
before(async () => {
  server = await startTestServer();
});
after(() => server.close());

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
  [HorizontalPodAutoscalers, { maxReplicas: 2, scaleTargetRef }, { desiredReplicas: 0 }],
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
