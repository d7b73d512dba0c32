// Prints how long a pod takes from its creation to Ready, and a Deployment of 50 until all its pods are.
import { type Deployment, Deployments, type Pod, Pods } from "../src/api/index.ts";
import { fromKubeconfig, httpsClient } from "../src/client/http/index.ts";
import { systemClock, systemRandom } from "../src/lib/index.ts";

const [kubeconfig = "", image = ""] = process.argv.slice(2);
const namespace = "default";
const replicas = 50;
const podCount = 10;
const client = httpsClient({ ...(await fromKubeconfig(kubeconfig)), clock: systemClock, random: systemRandom });
const giveUp = AbortSignal.timeout(300_000);
const containers = [{ name: "main", image, command: ["sleep", "3600"] }];
const isReady = (pod: Pod) => pod.status.conditions?.some((each) => each.type === "Ready" && each.status === "True");

const podMs: number[] = [];
for (let index = 0; index < podCount; index++) {
  const name = `single-${index}`;
  const startedMs = performance.now();
  await client.create(Pods, { metadata: { name, namespace }, spec: { containers, terminationGracePeriodSeconds: 0 } });
  await until<Pod>(Pods, name, isReady);
  podMs.push(performance.now() - startedMs);
  await client.delete(Pods, { name, namespace });
}
const labels = { app: "fifty" };
const startedMs = performance.now();
await client.create(Deployments, {
  metadata: { name: "fifty", namespace },
  spec: {
    replicas,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers, terminationGracePeriodSeconds: 0 } },
  },
});
await until<Deployment>(Deployments, "fifty", ({ status }) => status.readyReplicas === replicas);
const deploymentMs = performance.now() - startedMs;
await client.delete(Deployments, { name: "fifty", namespace });
client.close();
console.log(JSON.stringify({ podMs: podMs.sort((a, b) => a - b)[podCount / 2], deploymentMs, replicas }));

async function until<T extends Pod | Deployment>(
  resource: typeof Pods | typeof Deployments,
  name: string,
  holds: (object: T) => boolean | undefined,
): Promise<void> {
  const watch = client.watch(resource as typeof Pods, {
    namespace,
    fieldSelector: `metadata.name=${name}`,
    signal: giveUp,
  });
  // The caller's resource and object type belong together.
  for await (const event of watch) if (event.type !== "BOOKMARK" && holds(event.object as unknown as T)) return;
  throw new Error(`the watch of ${name} ended`);
}
