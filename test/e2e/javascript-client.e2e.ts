// The official JavaScript client drives a whole cluster; test/javascript-client.test.ts has what needs no containers.
import { join } from "node:path";
import { after, before, test } from "node:test";
import { imageArchive } from "../images/build.ts";
import { TestCluster } from "./cluster.ts";

const script = join(import.meta.dirname, "clients/javascript-scenarios.ts");
let cluster: TestCluster;

before(async () => {
  cluster = await TestCluster.prepare("javascript");
  await cluster.up();
  await cluster.roder(["image", "load", await imageArchive("docker.io/library/busybox:1.35")]);
});
after(() => cluster.remove());

for (const [scenario, behaviour] of [
  ["streams", "a pod's log is read, a command runs in it, its process is attached to, and a port of it is forwarded"],
  ["customResources", "a kind of one's own is defined, used, and goes with its definition"],
  ["certificates", "a client gets a certificate once that is approved, and is who it says"],
] as const)
  test(behaviour, async () => {
    await cluster.inside(process.execPath, [script, scenario], { env: cluster.kubectlEnvironment });
  });
