import assert from "node:assert/strict";
import { test } from "node:test";
import { agentScene } from "../../../test/agent-scene.ts";
import type { Pod, PodSpec } from "../../api/index.ts";
import { exceededStorage, hasStorageLimits } from "./storage-limits.ts";

const MiB = 2 ** 20;
const container = (name: string, limit?: string) => ({
  name,
  image: "app:1",
  ...(limit ? { resources: { limits: { "ephemeral-storage": limit } } } : {}),
});
const volume = (name: string, sizeLimit?: string, medium?: string) => ({
  name,
  emptyDir: { ...(sizeLimit ? { sizeLimit } : {}), ...(medium ? { medium } : {}) },
});

test("a volume, the pod and a container are each held to their limits of local storage", () => {
  const verdict = (
    spec: PodSpec,
    containers: Readonly<Record<string, number>>,
    emptyDirs: Readonly<Record<string, number>> = {},
  ) => {
    // The limits are all that is read of the pod.
    const pod = { metadata: { name: "web" }, spec } as unknown as Pod;
    const inBytes = (mebibytes: Readonly<Record<string, number>>) =>
      new Map(Object.entries(mebibytes).map(([name, size]) => [name, size * MiB]));
    return {
      isMeasured: hasStorageLimits(pod),
      says: exceededStorage(pod, { containers: inBytes(containers), emptyDirs: inBytes(emptyDirs) })?.message,
    };
  };
  const free = { containers: [container("a")], volumes: [volume("tmp"), volume("ram", "1Mi", "Memory")] };
  assert.deepEqual(verdict(free, { a: 900 }, { tmp: 900 }), { isMeasured: false, says: undefined });
  const one = { containers: [container("a", "5Mi")], volumes: [volume("tmp")] };
  assert.deepEqual(verdict(one, { a: 3 }, { tmp: 2 }), { isMeasured: true, says: undefined });
  assert.equal(
    verdict(one, { a: 3 }, { tmp: 3 }).says,
    "Pod ephemeral local storage usage exceeds the total limit of containers 5Mi. ",
  );
  const two = { containers: [container("a", "5Mi"), container("b", "50Mi")] };
  assert.equal(verdict(two, { a: 6, b: 1 }).says, 'Container a exceeded its local ephemeral storage limit "5Mi". ');
  const sized = { containers: [container("a")], volumes: [volume("tmp", "1Mi")] };
  assert.equal(verdict(sized, { a: 9 }, { tmp: 2 }).says, 'Usage of EmptyDir volume "tmp" exceeds the limit "1Mi". ');
});

test("evicted pods should be terminal: a pod that writes more than it may fails, and says so", async () => {
  const { pass, run, pod, events, engine } = await agentScene({
    engine: { script: () => ({ writtenBytes: 6 * MiB }) },
  });
  await run({ containers: [container("app", "5Mi")] });
  await pass(20_000);
  const { status } = await pod();
  const message = "Pod ephemeral local storage usage exceeds the total limit of containers 5Mi. ";
  assert.deepEqual([status.phase, status.reason, status.message], ["Failed", "Evicted", message]);
  // It is the pod's own doing and no disruption: a Job that spares disrupted pods must not try for ever.
  assert.ok(!status.conditions?.some(({ type }) => type === "DisruptionTarget"));
  assert.equal(status.conditions?.find(({ type }) => type === "Ready")?.reason, "PodFailed");
  assert.ok((await events()).includes(`Evicted: ${message}`));
  assert.deepEqual(
    (await engine.listContainers()).filter(({ state }) => state === "running"),
    [],
  );
  const { resourceVersion } = (await pod()).metadata;
  await pass(60_000);
  assert.equal((await pod()).metadata.resourceVersion, resourceVersion);
});

test("Services should be rejected for evicted pods: an evicted pod is evicted still after a restart of the agent", async () => {
  const { pass, run, pod, restart, host } = await agentScene();
  const { metadata } = await run({
    containers: [{ ...container("app"), volumeMounts: [{ name: "tmp", mountPath: "/tmp" }] }],
    volumes: [volume("tmp", "1Mi")],
  });
  const path = `/data/agent/pods/${metadata.uid}/volumes/kubernetes.io~empty-dir/tmp/file`;
  await host.files.write(path, new Uint8Array(2 * MiB), 0o644);
  await pass(20_000);
  assert.equal((await pod()).status.reason, "Evicted");
  await restart();
  await pass(20_000);
  const { status } = await pod();
  assert.deepEqual([status.phase, status.reason], ["Failed", "Evicted"]);
});
