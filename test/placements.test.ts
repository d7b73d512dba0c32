// Why a pod is where it is, asked over HTTPS as `roder why` asks.
import assert from "node:assert/strict";
import { test } from "node:test";
import { askWhy } from "../src/cluster/index.ts";
import { type ApiClient, apiClient } from "./api-client.ts";
import { aroundTests } from "./around-tests.ts";
import { type ServedControlPlane, serveControlPlane } from "./served-control-plane.ts";

const pods = "/api/v1/namespaces/default/pods";
let plane: ServedControlPlane;
let api: ApiClient;
aroundTests(
  async () => {
    plane = await serveControlPlane();
    api = apiClient(plane);
    for (const [name, cpu] of [
      ["large", "4"],
      ["small", "1"],
    ])
      await api.post("/api/v1/nodes", {
        metadata: { name },
        status: {
          allocatable: { cpu, memory: "4Gi", pods: "110" },
          conditions: [{ type: "Ready", status: "True", reason: "KubeletReady" }],
        },
      });
  },
  () => plane.close(),
);

/** Creates a pod and waits until the scheduler has decided. */
async function decided(name: string, cpu: string): Promise<void> {
  const resources = { requests: { cpu } };
  await api.post(pods, { metadata: { name }, spec: { containers: [{ name: "c", image: "i", resources }] } });
  const path = `${pods}?fieldSelector=metadata.name%3D${name}`;
  await api.until(path, ({ spec, status }) => spec.nodeName || status.conditions?.length);
}

test("a pod that was placed keeps why, and every rule's verdict and score of every node can be seen", async () => {
  await decided("web", "2");
  const { node, decision, nodes } = await askWhy(plane.kubeconfig, "default", "web");
  assert.equal(node, "large");
  assert.equal(decision?.node, "large");
  assert.ok(decision?.scores?.some(({ rule }) => rule === "NodeResourcesFit"));
  const [large, small] = nodes;
  // As if the pod itself were not there: 2 of 4 cores, and 4Gi of memory with the 200Mi that are assumed.
  assert.deepEqual(large?.objections, []);
  assert.equal(large?.scores.find(({ rule }) => rule === "NodeResourcesFit")?.score, 72);
  assert.deepEqual(small?.objections, [{ rule: "NodeResourcesFit", reasons: ["Insufficient cpu"] }]);
});

test("a pod without a node keeps why it was rejected, by rule and node, and what it waits for", async () => {
  await decided("huge", "64");
  const { node, decision, waiting } = await askWhy(plane.kubeconfig, "default", "huge");
  assert.equal(node, undefined);
  assert.match(decision?.message ?? "", /^0\/2 nodes are available: 2 Insufficient cpu\./);
  assert.deepEqual(
    decision?.rejections?.map(({ rule, reason, nodes }) => [rule, reason, [...nodes].sort()]),
    [["NodeResourcesFit", "Insufficient cpu", ["large", "small"]]],
  );
  assert.equal(waiting, "waits for a change that matters to NodeResourcesFit");
});

test("why is for who may get its path, and a pod that is not there has none", async () => {
  await assert.rejects(askWhy(plane.kubeconfigFor("jane"), "default", "web"), {
    name: "UserError",
    message: /^forbidden: User "jane" cannot get path "\/debug\/scheduler\/placements\/default\/web"/,
  });
  await assert.rejects(askWhy(plane.kubeconfig, "default", "nobody"), { message: 'pods "nobody" not found' });
});
