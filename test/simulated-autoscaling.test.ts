// An autoscaler over simulated nodes: what pods use comes from the profile, time from the test.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Cluster } from "roder";
import { Deployments, HorizontalPodAutoscalers, PodMetricses } from "../src/api/index.ts";

const key = { namespace: "default", name: "web" };

test("pods that use more than they should become more, those that use less become fewer, whatever crashes", async (t) => {
  const cluster = await Cluster.start({
    nodes: 3,
    clock: "virtual",
    seed: 3,
    profile: { containers: [{ image: "busy:*", cpu: "900m", memory: "64Mi" }] },
  });
  t.after(() => cluster.stop());
  const { client } = cluster;
  const labels = { app: "web" };
  const container = { name: "main", image: "busy:1", resources: { requests: { cpu: "1" } } };
  await client.create(Deployments, {
    metadata: key,
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [container] } },
    },
  });
  await client.create(HorizontalPodAutoscalers, {
    metadata: key,
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" },
      maxReplicas: 6,
      metrics: [
        { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } } },
      ],
    },
  });
  const replicas = async () => (await client.get(Deployments, key)).spec.replicas ?? 0;
  const seen: number[] = [];
  // Every controller starts from nothing again and again, and with it what the autoscaler remembers.
  for (let at = 0; at < 8; at++) {
    await cluster.advance("17s");
    cluster.restartControllers();
    seen.push(await replicas());
  }
  assert.equal(seen.at(-1), 6);
  assert.deepEqual(
    seen.toSorted((a, b) => a - b),
    seen,
  );
  const [metrics] = await Promise.all([client.list(PodMetricses, key), cluster.advance("2s")]);
  assert.deepEqual(
    metrics.items.map(({ containers }) => containers[0]?.usage.cpu),
    Array.from({ length: 6 }, () => "900m"),
  );
  await client.patch(HorizontalPodAutoscalers, key, {
    spec: {
      metrics: [
        { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 180 } } },
      ],
    },
  });
  await cluster.advance("4m");
  assert.equal(await replicas(), 6);
  await cluster.advance("2m");
  assert.equal(await replicas(), 3);
});
