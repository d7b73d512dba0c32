// What runs outside of the test's program, or has a client of its own, reaches the cluster over HTTPS.
import assert from "node:assert/strict";
import { test } from "node:test";
import { CoreV1Api, CustomObjectsApi, KubeConfig } from "@kubernetes/client-node";
import { Previews } from "./preview.ts";
import { startScene } from "./scene.ts";

test("a preview that another client asks for becomes ready, and that client sees its pods", async () => {
  await using cluster = await startScene({ serve: true });
  const config = new KubeConfig();
  config.loadFromString(cluster.kubeconfig);
  const { group, version, plural } = Previews;
  await config.makeApiClient(CustomObjectsApi).createNamespacedCustomObject({
    ...{ group, version, plural, namespace: "default" },
    body: {
      apiVersion: `${group}/${version}`,
      kind: Previews.kind,
      metadata: { name: "web" },
      spec: { image: "web:7" },
    },
  });
  await cluster.until(Previews, { namespace: "default", name: "web" }, ({ status }) => status?.phase === "Ready");
  const { items } = await config.makeApiClient(CoreV1Api).listNamespacedPod({ namespace: "default" });
  assert.deepEqual(
    items.map(({ status }) => status?.phase),
    ["Running"],
  );
});
