// kubectl's rollouts of StatefulSets and DaemonSets: history, status and undo are kubectl's own reading of what the
// controllers keep. The controllers act in their own roles here; the test plays the node.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type ApiClient, type ApiWatch, apiClient, type Document } from "./api-client.ts";
import { aroundTests } from "./around-tests.ts";
import { type Kubectl, kubectlOf } from "./kubectl.ts";
import { type ServedControlPlane, serveControlPlane } from "./served-control-plane.ts";

const pods = "/api/v1/namespaces/default/pods";
let plane: ServedControlPlane;
let kubectl: Kubectl;
let api: ApiClient;
let watch: ApiWatch;
let node: Promise<void>;
let isOver = false;

aroundTests(
  async () => {
    plane = await serveControlPlane();
    kubectl = kubectlOf(plane);
    api = apiClient(plane);
    await api.post("/api/v1/nodes", {
      metadata: { name: "node-1" },
      status: {
        allocatable: { cpu: "4", memory: "4Gi", pods: "110" },
        conditions: [{ type: "Ready", status: "True", reason: "KubeletReady" }],
      },
    });
    watch = await api.watch(pods);
    node = playNode();
  },
  async () => {
    isOver = true;
    watch.close();
    await node;
    await plane.close();
  },
);

/** What gets a node runs, but for the image that cannot, and what is deleted is gone. */
async function playNode(): Promise<void> {
  while (!isOver) {
    let pod: Document;
    try {
      [, pod] = await watch.next();
    } catch (error) {
      if (isOver) return;
      throw error;
    }
    const { metadata, spec, status } = pod;
    if (!spec.nodeName || spec.containers[0].image === "broken") continue;
    const path = `${pods}/${metadata.name}`;
    // Whatever became of the pod meanwhile is the next event.
    if (metadata.deletionTimestamp) await api.answer("DELETE", path, { body: { gracePeriodSeconds: 0 } });
    else if (status.phase === "Pending") {
      const running = { phase: "Running", conditions: [{ type: "Ready", status: "True" }] };
      const headers = { "content-type": "application/merge-patch+json" };
      await api.answer("PATCH", `${path}/status`, { body: { status: running }, headers });
    }
  }
}

const labels = { app: "web" };
const workload = (kind: string, more: object) => ({
  apiVersion: "apps/v1",
  kind,
  metadata: { name: "web", annotations: { "kubernetes.io/change-cause": "first" } },
  spec: {
    selector: { matchLabels: labels },
    template: {
      metadata: { labels },
      spec: { terminationGracePeriodSeconds: 0, containers: [{ name: "web", image: "web:1" }] },
    },
    ...more,
  },
});

const rollouts = [
  {
    kind: "StatefulSet",
    resource: "statefulset/web",
    fields: { serviceName: "web", replicas: 2 },
    complete:
      /^(partitioned roll out complete: 2 new pods have been updated|statefulset rolling update complete 2 pods at revision web-\S+)/m,
    rolledBack: "statefulset.apps/web rolled back\n",
  },
  {
    kind: "DaemonSet",
    resource: "daemonset/web",
    fields: {},
    complete: /^daemon set "web" successfully rolled out$/m,
    rolledBack: "daemonset.apps/web rolled back\n",
  },
];

for (const { kind, resource, fields, complete, rolledBack } of rollouts) {
  test(`kubectl rollout status, history and undo of a ${kind}`, async () => {
    const image = () => kubectl("get", resource, "-o=jsonpath={.spec.template.spec.containers[0].image}");
    const status = () => kubectl("rollout", "status", resource, "--timeout=30s");
    const history = async () =>
      (await kubectl("rollout", "history", resource)).split("\n").filter((line) => /^\d/.test(line));
    await kubectl.given([workload(kind, fields)], "apply");
    assert.match(await status(), complete);
    assert.deepEqual(
      (await history()).map((line) => line.split(/\s+/)),
      [["1", "first"]],
    );

    await kubectl("annotate", resource, "--overwrite", "kubernetes.io/change-cause=second");
    await kubectl("set", "image", resource, "web=web:2");
    assert.match(await status(), complete);
    assert.deepEqual(
      (await history()).map((line) => line.split(/\s+/)),
      [
        ["1", "first"],
        ["2", "second"],
      ],
    );
    assert.match(await kubectl("rollout", "history", resource, "--revision=1"), /Image:\s+web:1$/m);

    assert.equal(await kubectl("rollout", "undo", resource), rolledBack);
    assert.match(await status(), complete);
    assert.equal(await image(), "web:1");
    assert.deepEqual(
      (await history()).map((line) => line.split(/\s+/)[0]),
      ["2", "3"],
    );
    assert.equal(await kubectl("rollout", "undo", resource, "--to-revision=2"), rolledBack);
    assert.match(await status(), complete);
    assert.equal(await image(), "web:2");

    const running = await kubectl(
      "get",
      "pods",
      "--selector=app=web",
      "-o=jsonpath={.items[*].spec.containers[0].image}",
    );
    assert.deepEqual(new Set(running.split(" ")), new Set(["web:2"]));
    await kubectl("rollout", "restart", resource);
    assert.match(await status(), complete);
    await kubectl("delete", resource, "--timeout=30s");
    await kubectl("wait", "--for=delete", "pods", "--selector=app=web", "--timeout=30s");
  });
}
