import assert from "node:assert/strict";
import { test } from "node:test";
import { Cluster, type PluginDefinition, Pods, unresolvable } from "./index.ts";

const evenOnly: PluginDefinition = {
  name: "EvenOnly",
  create: () => ({
    name: "EvenOnly",
    filter: {
      name: "EvenOnly",
      prepare: () => (node) => (/[02468]$/.test(node.name) ? undefined : unresolvable("node(s) were odd")),
    },
  }),
};

test("a cluster in a program takes scheduling plugins of the program", async () => {
  const configuration = {
    apiVersion: "kubescheduler.config.k8s.io/v1",
    kind: "KubeSchedulerConfiguration",
    profiles: [{ plugins: { multiPoint: { enabled: [{ name: "EvenOnly" }] } } }],
  };
  const cluster = await Cluster.start({
    nodes: 4,
    clock: "virtual",
    scheduler: { configuration, plugins: [evenOnly] },
  });
  for (const name of ["a", "b", "c", "d"]) {
    await cluster.client.create(Pods, {
      metadata: { namespace: "default", name },
      spec: { containers: [{ name: "c", image: "i" }] },
    });
  }
  await cluster.advance("5s");
  const { items } = await cluster.client.list(Pods, { namespace: "default" });
  assert.equal(items.length, 4);
  for (const { spec } of items) assert.match(spec.nodeName ?? "", /^node-[02468]$/);
  await cluster.stop();
});
