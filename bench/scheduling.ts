// Pods that are bound through the API, with durable storage, in one process as in `roder up`, and what the whole control
// plane takes in memory: `test/node bench/scheduling.ts`. Each row has a process of its own.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type NewObject, type Node, Nodes, type Pod, type PodSpec, Pods, ServiceAccounts } from "../src/api/index.ts";
import { type Client, InformerSet } from "../src/client/index.ts";
import { runControlLoops } from "../src/cluster/control-loops.ts";
import { startControlPlane } from "../src/cluster/control-plane.ts";
import { collectWhenIdle } from "../src/cluster/idle-collection.ts";
import { newPrivateKey } from "../src/cluster/pki/certificate.ts";
import { componentEnvironment, serverHeapFlags } from "../src/cluster/up.ts";
import { silentLogger, systemClock, systemRandom } from "../src/lib/index.ts";
import { runScheduler } from "../src/scheduler/index.ts";
import { openLmdbStorage } from "../src/storage/lmdb/index.ts";

interface Result {
  readonly perSecond: number;
  readonly cpuMicrosPerPod: number;
  /** Its share of what processes share, and all that it has alone (PSS). */
  readonly memoryMiB: number;
}

const writersMax = 64;
const namespace = "default";
const zoneKey = "topology.kubernetes.io/zone";

const rows: readonly (readonly [kind: Kind, nodes: number, pods: number, target: number | undefined])[] = [
  ["plain", 100, 5_000, undefined],
  ["plain", 1_000, 5_000, 5_000],
  ["plain", 5_000, 5_000, 4_000],
  ["spread and apart", 1_000, 5_000, 1_500],
  ["of a control plane at rest", 5_000, 10_000, 400],
];
type Kind = keyof typeof specs;

const specs = {
  plain: (): Partial<PodSpec> => ({}),
  "of a control plane at rest": (): Partial<PodSpec> => ({}),
  "spread and apart": (app: string): Partial<PodSpec> => {
    const labelSelector = { matchLabels: { app } };
    const term = { topologyKey: "kubernetes.io/hostname", labelSelector };
    return {
      affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } },
      topologySpreadConstraints: [
        { maxSkew: 1, topologyKey: zoneKey, whenUnsatisfiable: "DoNotSchedule", labelSelector },
      ],
    };
  },
};

function node(index: number): NewObject<Node> {
  const name = `node-${index}`;
  const resources = { cpu: "32", memory: "128Gi", "ephemeral-storage": "100Gi", pods: "110" };
  return {
    metadata: { name, labels: { "kubernetes.io/hostname": name, [zoneKey]: `zone-${index % 3}` } },
    status: {
      capacity: resources,
      allocatable: resources,
      conditions: [{ type: "Ready", status: "True", reason: "KubeletReady" }],
    },
  } as NewObject<Node>; // the rest of a status is the agent's
}

function pod(index: number, kind: Kind): NewObject<Pod> {
  const app = `app-${index % 10}`;
  const requests = { cpu: "100m", memory: "200Mi" };
  return {
    metadata: { namespace, name: `pod-${index}`, labels: { app } },
    spec: { containers: [{ name: "app", image: "app:1", resources: { requests } }], ...specs[kind](app) },
  };
}

/** Does `work` for 0 to `count` - 1, some of it at once. */
async function forAll(count: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: writersMax }, worker));
}

/** Resolves when so many pods have a node. */
async function bound(client: Client, count: number): Promise<void> {
  let seen = 0;
  const signal = AbortSignal.timeout(300_000);
  for await (const { type, object } of client.watch(Pods, { signal })) {
    if (type === "BOOKMARK" || !object.spec.nodeName || type === "DELETED") continue;
    if (++seen >= count) return;
  }
}

async function measure(kind: Kind, nodeCount: number, podCount: number): Promise<Result> {
  const directory = mkdtempSync(join(tmpdir(), "bench-scheduling-"));
  const stop = new AbortController();
  const environment = { clock: systemClock, random: systemRandom, log: silentLogger, signal: stop.signal };
  const plane = await startControlPlane({
    ...environment,
    storage: await openLmdbStorage(directory),
    serviceAccountKey: newPrivateKey(),
    apiAddress: undefined,
    apiPort: 6443,
    podRange: "10.128.0.0/9",
    serviceRange: "10.43.0.0/16",
    clusterDomain: "cluster.local",
    freeze: false,
  });
  const client = plane.client({ name: "admin", groups: ["system:masters", "system:authenticated"] });
  await client.create(ServiceAccounts, { metadata: { namespace, name: "default" } });
  await forAll(nodeCount, async (index) => {
    const made = await client.create(Nodes, node(index));
    // A new node is not ready, says admission.
    await client.patch(Nodes, { name: made.metadata.name }, { spec: { taints: null } });
  });
  await forAll(podCount, (index) => client.create(Pods, pod(index, kind)));
  const done = bound(client, podCount);
  const cpuBefore = process.cpuUsage();
  const startedMs = performance.now();
  const whole = kind === "of a control plane at rest";
  const running = whole
    ? runControlLoops({
        ...environment,
        plane,
        rootCertificate: "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
        signCertificate: () => {
          throw new Error("nobody asks for one");
        },
        podRange: "10.128.0.0/9",
        serviceRange: "10.43.0.0/16",
      })
    : runScheduler({
        ...environment,
        client: plane.client({ name: "system:kube-scheduler", groups: ["system:authenticated"] }, "kube-scheduler"),
        informers: new InformerSet({
          ...environment,
          client: plane.client({ name: "system:kube-scheduler", groups: ["system:authenticated"] }),
        }),
      });
  await done;
  const seconds = (performance.now() - startedMs) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  // What came with the burst goes, and what was started with it comes to an end.
  const stopCollecting = collectWhenIdle(environment.clock, () => plane.cache.forgetBytes());
  if (whole) await new Promise((resolve) => setTimeout(resolve, 20_000));
  const memoryMiB = Number(/^Pss: +(\d+) kB/m.exec(readFileSync("/proc/self/smaps_rollup", "utf8"))?.[1]) / 1024;
  stopCollecting();
  stop.abort();
  await running;
  await plane.close();
  rmSync(directory, { recursive: true });
  return { perSecond: podCount / seconds, cpuMicrosPerPod: (user + system) / podCount, memoryMiB };
}

const number = (value: number) => Math.round(value).toLocaleString("en");

const [kind, nodes, pods] = process.argv.slice(2);
if (kind === undefined) {
  for (const [what, nodeCount, podCount, target] of rows) {
    const self = fileURLToPath(import.meta.url);
    // As the server is started.
    const output = execFileSync(
      process.execPath,
      [...serverHeapFlags, self, what, String(nodeCount), String(podCount)],
      {
        encoding: "utf8",
        env: { ...componentEnvironment, ...process.env },
      },
    );
    // What this file printed.
    const { perSecond, cpuMicrosPerPod, memoryMiB } = JSON.parse(output) as Result;
    const isMemory = what === "of a control plane at rest";
    const title = isMemory
      ? `memory ${what}: ${number(nodeCount)} nodes, ${number(podCount)} pods`
      : `bound: ${number(podCount)} pods, ${what}, onto ${number(nodeCount)} nodes`;
    const figure = isMemory
      ? `${number(memoryMiB)} MiB`
      : `${number(perSecond)} /s, ${number(cpuMicrosPerPod)} µs of CPU each`;
    console.log(
      `${title.padEnd(64)} ${figure.padStart(28)}    ${target === undefined ? "" : `target ${number(target)}`}`,
    );
  }
} else {
  // One of the rows above.
  console.log(JSON.stringify(await measure(kind as Kind, Number(nodes), Number(pods))));
}
