// Simulated nodes of a real control plane, by the real commands.
import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { TestCluster } from "./cluster.ts";

let cluster: TestCluster;
before(async () => {
  cluster = await TestCluster.prepare("hollow");
});
after(() => cluster.remove());

function profile(text: string): string {
  const path = join(cluster.directory, "profile.yaml");
  writeFileSync(path, text);
  return path;
}

test("a profile that is wrong is refused before anything starts", async () => {
  const path = profile("leaseRenewal: 5m\n");
  const { code, stderr } = await cluster.roderOutcome(["up", "--nodes", "0", "--hollow-nodes", "2", "--profile", path]);
  assert.equal(code, 1);
  assert.match(stderr, /profile\.yaml cannot be used: leaseRenewal: at most 20s/);
});

test("a hundred simulated nodes are ready, and a Deployment's pods run on them", async () => {
  const path = profile("zones: [a, b]\nstart: 10ms..50ms\nsandbox: 10ms\nmachine: { cpus: 8 }\n");
  const said = await cluster.up("--nodes", "0", "--hollow-nodes", "100", "--profile", path);
  assert.match(said, /100 simulated nodes are ready/);
  await cluster.kubectl("create", "deployment", "web", "--image=web:1", "--replicas=200");
  await cluster.kubectl("rollout", "status", "deployment/web", "--timeout=60s");
  const nodes = await cluster.kubectl("get", "pods", "-o", "jsonpath={.items[*].spec.nodeName}");
  assert.ok(new Set(nodes.split(" ")).size > 50);
  const zone = await cluster.kubectl(
    "get",
    "node",
    "hollow-1",
    "-o",
    "jsonpath={.metadata.labels}{.status.capacity.cpu}",
  );
  assert.match(zone, /"topology.kubernetes.io\/zone":"b".*8$/);
});

test("Conformance tests minimum number of nodes: simulated nodes are ready and have no taints", async () => {
  const path = `jsonpath={range .items[*]}{.status.conditions[?(@.type=="Ready")].status}{.spec.taints}{.spec.unschedulable} {end}`;
  const nodes = (await cluster.kubectl("get", "nodes", "-o", path)).trim().split(" ");
  assert.deepEqual([nodes.length, new Set(nodes)], [100, new Set(["True"])]);
});

test("nobody connects to the addresses that simulated nodes and their pods pretend to have", async () => {
  await cluster.kubectl("expose", "deployment", "web", "--port=80");
  const pod = (await cluster.kubectl("get", "pods", "-o", "jsonpath={.items[0].metadata.name}")).trim();
  const outcome = async (...args: readonly string[]) => (await cluster.kubectlOutcome(args)).stderr;
  assert.match(await outcome("logs", pod), /node "hollow-\d+" is simulated: nothing runs on it/);
  for (const path of [`pods/${pod}`, "services/web"]) {
    const said = await outcome("get", "--raw", `/api/v1/namespaces/default/${path}/proxy/`);
    assert.match(said, /is simulated|no endpoints available for service "web"/);
  }
  assert.match(await outcome("get", "--raw", "/api/v1/nodes/hollow-1/proxy/pods"), /node "hollow-1" is simulated/);
});

test("simulated nodes are changed while the server runs", async () => {
  assert.match(await cluster.up("--hollow-nodes", "101"), /101 simulated nodes are ready/);
});

test("reset leaves nothing of them", async () => {
  await cluster.roder(["reset"]);
  assert.ok(!existsSync(cluster.dataDirectory));
});
