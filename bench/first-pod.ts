// Starts a cluster's server process and prints when it first answered and when it first accepted a pod. Ends it again.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { Namespaces, Pods } from "../src/api/index.ts";
import { fromKubeconfig, httpsClient } from "../src/client/http/index.ts";
import { systemClock, systemRandom } from "../src/lib/index.ts";

const [dataDirectory = "", root = ""] = process.argv.slice(2);
const client = httpsClient({
  ...(await fromKubeconfig(join(dataDirectory, "admin.kubeconfig"))),
  clock: systemClock,
  random: systemRandom,
});
const startedMs = performance.now();
const server = spawn(join(root, "roder"), ["server", "--data-dir", dataDirectory], { stdio: "ignore" });
const answeredMs = await firstSuccess(() => client.get(Namespaces, { name: "default" }));
const pod = {
  metadata: { name: "first", namespace: "default" },
  spec: { containers: [{ name: "first", image: "first" }] },
};
const acceptedMs = await firstSuccess(() => client.create(Pods, pod));
client.close();
server.kill();
await once(server, "close");
console.log(JSON.stringify({ answeredMs, acceptedMs }));

async function firstSuccess(attempt: () => Promise<unknown>): Promise<number> {
  for (;;) {
    try {
      await attempt();
      return performance.now() - startedMs;
    } catch {
      // Not yet: that is what is measured.
      await new Promise((wake) => setTimeout(wake, 5));
    }
  }
}
