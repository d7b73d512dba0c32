// A day of a thousand nodes: rolling Deployments, nodes that fail and come back, cron jobs. Lived twice, it is written to
// the last byte the same way.
import { Cluster, CronJobs, Deployments, Jobs, MemoryStorage, Nodes, Pods, recordedStorage } from "roder";
import { seededRandom } from "../../src/lib/index.ts";
import { Invariants, noteRequests } from "./invariants/index.ts";

export interface Day {
  readonly digest: string;
  readonly writes: number;
  readonly pods: number;
  readonly problems: readonly string[];
}

const nodesCount = 1_000;
const deploymentsCount = 30;
const replicas = 20;
const cronJobsCount = 10;
const hours = 24;
const namespace = "default";

export async function simulateDay(seed: number): Promise<Day> {
  const random = seededRandom(seed);
  let started: Cluster | undefined;
  const invariants = new Invariants({ nowMs: () => started?.clock.now() ?? 0, keptMs: 10_000, lateMs: 0 });
  const storage = recordedStorage(new MemoryStorage(), invariants.observe);
  const cluster = await Cluster.start({
    nodes: nodesCount,
    clock: "virtual",
    seed,
    storage,
    freeze: false,
    through: noteRequests,
    profile: {
      zones: ["a", "b", "c"],
      // Ten seconds, as the kubelet has it, were 8,640,000 renewals. So a node is missed after 75 minutes, not 50 seconds.
      leaseRenewal: "15m",
      statusCheck: "1h",
      statusReport: "6h",
      start: "500ms..20s",
      pull: "1s..10s",
      containers: [{ image: "report:*", exit: "30s..5m" }],
    },
  });
  started = cluster;
  const { client } = cluster;
  const between = (from: number, to: number) => from + Math.floor(random.next() * (to - from + 1));
  for (let index = 0; index < deploymentsCount; index++) {
    const name = `web-${index}`;
    const labels = { app: name };
    await client.create(Deployments, {
      metadata: { name, namespace },
      spec: {
        replicas,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: podSpec("web:0") },
      },
    });
  }
  for (let index = 0; index < cronJobsCount; index++) {
    await client.create(CronJobs, {
      metadata: { name: `report-${index}`, namespace },
      spec: {
        schedule: `${between(0, 29)}/30 * * * *`,
        concurrencyPolicy: "Forbid",
        jobTemplate: {
          spec: {
            completions: 2,
            parallelism: 2,
            template: { spec: { ...podSpec("report:1"), restartPolicy: "Never" } },
          },
        },
      },
    });
  }
  const names = [...cluster.nodes.keys()];
  for (let hour = 1; hour <= hours; hour++) {
    for (let roll = 0; roll < 2; roll++) {
      const containers = [{ name: "main", image: `web:${hour}` }];
      const name = `web-${between(0, deploymentsCount - 1)}`;
      await client.patch(Deployments, { namespace, name }, { spec: { template: { spec: { containers } } } });
    }
    for (let failure = 0; failure < 2; failure++) {
      const node = cluster.nodes.get(names[between(0, nodesCount - 1)] ?? "");
      if (node?.isUp) node.fail();
    }
    for (const node of cluster.nodes.values()) {
      // It registers in the time that passes.
      if (!node.isUp && hour < hours && between(0, 2) === 0) void node.start();
    }
    await cluster.advance("1h");
  }
  const down = [...cluster.nodes.values()].filter(({ isUp }) => !isUp);
  await Promise.all([cluster.advance("2h"), ...down.map((node) => node.start())]);
  const problems = [...invariants.broken];
  for (const { metadata, status } of (await client.list(Deployments, { namespace })).items) {
    const { updatedReplicas, availableReplicas } = status;
    if (updatedReplicas !== replicas || availableReplicas !== replicas)
      problems.push(`${metadata.name}: ${updatedReplicas} updated and ${availableReplicas} available of ${replicas}`);
  }
  for (const { metadata, status } of (await client.list(Nodes)).items) {
    const ready = status.conditions?.find(({ type }) => type === "Ready")?.status;
    if (ready !== "True") problems.push(`${metadata.name} is ready: ${ready}`);
  }
  const jobs = (await client.list(Jobs, { namespace })).items;
  if (jobs.length === 0) problems.push("no cron job ever ran");
  const pods = (await client.list(Pods)).items.length;
  await cluster.stop();
  return { digest: storage.digest, writes: storage.revision, pods, problems };
}

function podSpec(image: string) {
  const resources = { requests: { cpu: "100m", memory: "64Mi" } };
  return { automountServiceAccountToken: false, containers: [{ name: "main", image, resources }] };
}

if (import.meta.main) {
  const digests = new Set<string>();
  for (const which of ["first", "second"]) {
    const startMs = performance.now();
    const { digest, writes, pods, problems } = await simulateDay(1);
    const seconds = ((performance.now() - startMs) / 1_000).toFixed(1);
    console.log(
      `the ${which} day of ${nodesCount} nodes: ${seconds} s, ${writes} writes, ${pods} pods at its end, ${digest}`,
    );
    for (const problem of problems) console.log(`  ${problem}`);
    if (problems.length > 0) process.exitCode = 1;
    digests.add(digest);
  }
  if (digests.size > 1) {
    console.log("the same day has two histories");
    process.exitCode = 1;
  }
}
