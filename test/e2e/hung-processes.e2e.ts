// A cluster whose processes do not react is stopped all the same.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { imageArchive } from "../images/build.ts";
import { TestCluster } from "./cluster.ts";

const image = "docker.io/library/busybox:1.35";

const stubborn = `
apiVersion: v1
kind: Pod
metadata: { name: stubborn }
spec:
  containers: [{ name: main, image: ${image}, command: ["sh", "-c", "trap '' TERM; while :; do sleep 1; done"] }]
---
apiVersion: v1
kind: Pod
metadata: { name: frozen }
spec:
  containers: [{ name: main, image: ${image}, command: ["sleep", "86400"] }]
`;

/** The shims of the cluster's sandboxes. */
function shims(cluster: TestCluster): number[] {
  return cluster.processes().filter((pid) => readFileSync(`/proc/${pid}/comm`, "utf8").startsWith("containerd-shim"));
}

const hangs = [
  {
    name: "hung-shim",
    what: "a container does not hear SIGTERM and its shim hangs",
    freeze: (cluster: TestCluster) => {
      for (const pid of shims(cluster)) process.kill(pid, "SIGSTOP");
    },
  },
  {
    name: "hung-engine",
    what: "containerd hangs",
    freeze: ({ dataDirectory }: TestCluster) =>
      process.kill(Number(readFileSync(join(dataDirectory, "containerd/containerd.pid"), "utf8")), "SIGSTOP"),
  },
];

// Each has a cluster of its own, so that they wait at the same time.
describe("down ends everything although", { concurrency: true }, () => {
  for (const { name, what, freeze } of hangs) {
    test(`${what}, and up brings it back`, async (t) => {
      const cluster = await TestCluster.prepare(name);
      t.after(() => cluster.remove());
      await cluster.up();
      await cluster.roder(["image", "load", await imageArchive(image)]);
      await cluster.apply(stubborn);
      await cluster.kubectl("wait", "--for=condition=Ready", "pod/stubborn", "pod/frozen", "--timeout=60s");
      freeze(cluster);
      const startedMs = performance.now();
      assert.match(await cluster.roder(["down"]), /is down/);
      assert.ok(performance.now() - startedMs < 60_000, "in reasonable time");
      assert.deepEqual(cluster.processes(), []);
      await cluster.up();
      for (const pod of ["pod/stubborn", "pod/frozen"])
        await cluster.becomes(pod, ".status.containerStatuses[0].restartCount", "1");
      await cluster.kubectl("wait", "--for=condition=Ready", "pod/stubborn", "pod/frozen", "--timeout=60s");
      const reserved = readdirSync(join(cluster.dataDirectory, "cni/networks/roder")).filter((name) =>
        /^[\d.]+$/.test(name),
      );
      assert.equal(reserved.length, 2);
    });
  }
});
