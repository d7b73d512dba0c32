import assert from "node:assert/strict";
import { test } from "node:test";
import { agentScene } from "../../../test/agent-scene.ts";
import type { CgroupUse } from "../host.ts";

const use: CgroupUse = {
  cpu: {
    nanoSeconds: 2_500_000_000,
    userNanoSeconds: 2_000_000_000,
    systemNanoSeconds: 500_000_000,
    periods: 10,
    throttledPeriods: 4,
    throttledNanoSeconds: 250_000_000,
  },
  memory: { usageBytes: 100, workingSetBytes: 90, rssBytes: 60, cacheBytes: 40, swapBytes: 0, failures: 1 },
  processes: 3,
  blocks: { reads: 1, writes: 2, readBytes: 512, writtenBytes: 1_024 },
};

test("what containers use is told under the names that dashboards look for", async () => {
  const { agent, host, run, engine } = await agentScene();
  const app = {
    name: "app",
    image: "app:1",
    resources: { requests: { cpu: "100m" }, limits: { cpu: "500m", memory: "64Mi" } },
  };
  const { metadata } = await run({ containers: [app] });
  const [container] = await engine.listContainers();
  const [sandbox] = await engine.listSandboxes();
  const group = `/roder/kubepods/burstable/pod${metadata.uid}`;
  assert.ok(container && sandbox);
  const packets = { bytes: 7, packets: 1, errors: 0, dropped: 2 };
  host.cgroups.use = async (path) => (path.startsWith(group) ? use : undefined);
  host.cgroups.network = async (path) =>
    path === `${group}/${sandbox.id}` ? [{ interfaceName: "eth0", received: packets, transmitted: packets }] : [];
  const { contentType, body } = (await agent.read("metrics/cadvisor")) ?? { contentType: "", body: "" };
  assert.match(contentType, /^text\/plain; version=0\.0\.4/);
  const of = `container="app",id="${group}/${container.id}",image="app:1",name="${container.id}"`;
  const web = `namespace="default",pod="web"`;
  for (const line of [
    `container_cpu_usage_seconds_total{${of},${web},cpu="total"} 2.5`,
    `container_cpu_usage_seconds_total{container="",id="${group}",image="",name="",${web},cpu="total"} 2.5`,
    `container_cpu_cfs_throttled_periods_total{${of},${web}} 4`,
    `container_memory_working_set_bytes{${of},${web}} 90`,
    `container_memory_rss{${of},${web}} 60`,
    `container_fs_writes_bytes_total{${of},${web}} 1024`,
    `container_spec_cpu_quota{${of},${web}} 50000`,
    `container_spec_memory_limit_bytes{${of},${web}} ${64 * 2 ** 20}`,
    `container_network_receive_packets_dropped_total{container="",id="${group}/${sandbox.id}",image="",name="${sandbox.id}",${web},interface="eth0"} 2`,
    "machine_cpu_cores 4",
  ])
    assert.ok(body.split("\n").includes(line), `${line} in\n${body}`);
});

test("the agent tells its configuration, its pods, those that run, and how probes went", async () => {
  const { agent, run, pass } = await agentScene({
    engine: { pull: () => new Error("there is no such image") },
    host: { tcp: () => ({ success: false, output: "no" }) },
  });
  const tcpSocket = { port: 80 };
  await run({ containers: [{ name: "app", image: "app:1", readinessProbe: { tcpSocket, periodSeconds: 5 } }] });
  await run({ name: "waiting", containers: [{ name: "app", image: "none:1" }] });
  await pass(11_000);
  const read = async (path: string) => JSON.parse((await agent.read(path))?.body ?? "null");
  const { kubeletconfig } = await read("configz");
  assert.equal(kubeletconfig.maxPods, 110);
  assert.equal(kubeletconfig.evictionHard["imagefs.available"], "15%");
  assert.equal(kubeletconfig.evictionPressureTransitionPeriod, "5m0s");
  const names = (list: { items: { metadata: { name: string } }[] }) => list.items.map(({ metadata }) => metadata.name);
  assert.deepEqual(names(await read("pods")), ["web", "waiting"]);
  const running = await read("runningpods");
  assert.deepEqual([running.kind, names(running)], ["PodList", ["web"]]);
  const { body } = (await agent.read("metrics/probes")) ?? { body: "" };
  assert.match(
    body,
    /^prober_probe_total\{probe_type="Readiness",result="failed",container="app",pod="web",namespace="default",pod_uid="[^"]+"\} 3$/m,
  );
  assert.equal((await agent.read("healthz/syncloop"))?.body, "ok");
  assert.equal(await agent.read("metrics/none"), undefined);
  const { node } = await read("stats/summary");
  assert.equal(node.fs.capacityBytes, 100 * 2 ** 30);
});
