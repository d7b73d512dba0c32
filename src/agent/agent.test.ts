import assert from "node:assert/strict";
import { test } from "node:test";
import { agentScene, nodeName } from "../../test/agent-scene.ts";
import { Leases, Nodes } from "../api/index.ts";

test("the agent registers its node and keeps a lease", async () => {
  const { client, pass } = await agentScene();
  const node = await client.get(Nodes, { name: nodeName });
  assert.equal(node.metadata.labels?.["kubernetes.io/hostname"], nodeName);
  assert.equal(node.status.nodeInfo?.kubeletVersion, "v1.35.0+roder");
  assert.deepEqual(
    node.status.conditions?.map(({ type, status }) => `${type}=${status}`),
    ["MemoryPressure=False", "DiskPressure=False", "PIDPressure=False", "Ready=True"],
  );
  const before = await client.get(Leases, { namespace: "kube-node-lease", name: nodeName });
  await pass(10_000);
  const after = await client.get(Leases, { namespace: "kube-node-lease", name: nodeName });
  assert.equal(Date.parse(after.spec.renewTime!) - Date.parse(before.spec.renewTime!), 10_000);
});

test("a pod with one container becomes ready", async () => {
  const { run, pass, pod, events } = await agentScene({ engine: { sandboxMs: 80, startMs: 40 } });
  await run({});
  assert.equal((await pod()).status.phase, "Pending");
  assert.equal((await pod()).status.containerStatuses?.[0]?.state?.waiting?.reason, "ContainerCreating");
  await pass(200);
  const { status } = await pod();
  assert.equal(status.phase, "Running");
  assert.equal(status.podIP, "10.88.0.1");
  assert.equal(status.hostIP, "192.0.2.10");
  assert.equal(status.qosClass, "BestEffort");
  assert.deepEqual(
    status.conditions?.map(({ type, status }) => `${type}=${status}`),
    ["PodReadyToStartContainers=True", "Initialized=True", "Ready=True", "ContainersReady=True", "PodScheduled=True"],
  );
  const [container] = status.containerStatuses!;
  assert.equal(container?.ready, true);
  assert.equal(container?.started, true);
  assert.match(container?.containerID ?? "", /^hollow:\/\//);
  assert.deepEqual(await events(), [
    'Pulled: Container image "app:1" already present on machine and can be accessed by the pod',
    "Created: Container created",
    "Started: Container started",
  ]);
});
