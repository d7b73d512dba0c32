// Prints how long a Deployment of 1,000 takes until all its pods are Ready on simulated nodes.
import { Deployments } from "../src/api/index.ts";
import { fromKubeconfig, httpsClient } from "../src/client/http/index.ts";
import { systemClock, systemRandom } from "../src/lib/index.ts";

const [kubeconfig = ""] = process.argv.slice(2);
const namespace = "default";
const name = "thousand";
const replicas = 1_000;
const client = httpsClient({ ...(await fromKubeconfig(kubeconfig)), clock: systemClock, random: systemRandom });
const labels = { app: name };
const startedMs = performance.now();
await client.create(Deployments, {
  metadata: { name, namespace },
  spec: {
    replicas,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: "main", image: "web:1" }] } },
  },
});
const watch = { namespace, fieldSelector: `metadata.name=${name}`, signal: AbortSignal.timeout(300_000) };
for await (const event of client.watch(Deployments, watch)) {
  if (event.type !== "BOOKMARK" && event.object.status.readyReplicas === replicas) break;
}
console.log(JSON.stringify({ readyMs: performance.now() - startedMs, replicas }));
client.close();
